"""The plain loop that the lecture teaches: a Dataset that gives one row at a time, a DataLoader.

    python benchmarks/lecture_loop.py [--seeds 0 1 2] [--kinds ae vae] [--epochs 30] [--out FILE]

prints the numbers that the lecture's notebook prints, for its two networks, and the same figures of
merit that Utsushi reports. It is also the other side of ``speed/epoch.py``. Nothing of Utsushi is
used but its digits.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from utsushi import datasets

N_FEATURES, N_HIDDEN, N_COMPONENTS = 784, 1000, 10


class Rows(TorchDataset[Tensor]):
    """Rows of an array, each made a tensor when it is asked for."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: int) -> Tensor:
        return torch.tensor(self.array[index], dtype=torch.float32)


class PlainAutoencoder(nn.Module):
    """784-1000-10-1000-784, squared error."""

    def __init__(self, n_features: int = N_FEATURES, n_hidden: int = N_HIDDEN) -> None:
        super().__init__()
        self.encoder = two_layers(n_features, n_hidden, N_COMPONENTS)
        self.decoder = two_layers(N_COMPONENTS, n_hidden, n_features)

    def loss(self, x: Tensor) -> Tensor:
        return functional.mse_loss(self.decoder(self.encoder(x)), x, reduction="sum")

    def reconstruct(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


class PlainVariational(nn.Module):
    """The same with a Gaussian code and the loss -2 ELBO without constants."""

    def __init__(self, n_features: int = N_FEATURES, n_hidden: int = N_HIDDEN) -> None:
        super().__init__()
        self.hidden = nn.Linear(n_features, n_hidden)
        self.mean = nn.Linear(n_hidden, N_COMPONENTS)
        self.log_variance = nn.Linear(n_hidden, N_COMPONENTS)
        self.decoder = two_layers(N_COMPONENTS, n_hidden, n_features)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = functional.relu(self.hidden(x))
        return self.mean(hidden), torch.exp(0.5 * self.log_variance(hidden))

    def loss(self, x: Tensor) -> Tensor:
        mean, sigma = self.encode(x)
        x_hat = self.decoder(mean + sigma * torch.randn_like(sigma))
        return functional.mse_loss(x_hat, x, reduction="sum") + 2 * divergence(mean, sigma).sum()

    def reconstruct(self, x: Tensor) -> Tensor:
        return self.decoder(self.encode(x)[0])


def two_layers(n_inputs: int, n_hidden: int, n_outputs: int) -> nn.Sequential:
    """Return one hidden layer with a ReLU."""
    return nn.Sequential(nn.Linear(n_inputs, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_outputs))


def divergence(mean: Tensor, sigma: Tensor) -> Tensor:
    """Return the divergence from N(0, I) per row and component, in nats."""
    return -0.5 * (1 + torch.log(sigma**2) - mean**2 - sigma**2)


PLAIN = {"ae": PlainAutoencoder, "vae": PlainVariational}


def lecture_arrays() -> tuple[np.ndarray, np.ndarray]:
    """Return training and test rows, float64, the training mean removed."""
    digits = datasets.load_mnist20k()
    mean = digits.X_train.mean(axis=0, dtype=np.float64)
    return digits.X_train - mean, digits.X_test - mean


def epochs(kind: str, rows: np.ndarray, seed: int) -> Iterator[nn.Module]:
    """Train forever; yield the module after each epoch."""
    torch.manual_seed(seed)
    module = PLAIN[kind]()
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
    loader = DataLoader(Rows(rows), batch_size=100, shuffle=True)
    while True:
        total = 0.0
        for batch in loader:
            loss = module.loss(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        yield module


def bare_epochs(kind: str, rows: np.ndarray, n_hidden: int = N_HIDDEN) -> Iterator[None]:
    """Train forever with all that a loop needs and nothing else; yield after each epoch.

    The rows are one tensor, a batch is one gather, the optimizer is fused, no number is read.
    """
    x = torch.tensor(rows, dtype=torch.float32)
    module = PLAIN[kind](x.shape[1], n_hidden)
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, fused=True)
    while True:
        for indices in torch.randperm(len(x)).split(100):
            loss = module.loss(x.index_select(0, indices))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        yield


@torch.no_grad()
def measure(module: nn.Module, rows: np.ndarray) -> dict[str, float]:
    """Return loss / D, the error through the mean code, and the divergence."""
    x = torch.tensor(rows, dtype=torch.float32)
    numbers = {
        "loss/D": module.loss(x).item() / x.numel(),
        "MSE": (module.reconstruct(x) - x).square().mean().item(),
    }
    if isinstance(module, PlainVariational):
        kl = divergence(*module.encode(x)).mean(dim=0)
        numbers |= {"KL": kl.sum().item(), "dead": (kl < 0.1).sum().item()}
    return numbers


def main() -> None:
    """Train both networks with each seed and print their numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--kinds", nargs="+", choices=list(PLAIN), default=list(PLAIN))
    parser.add_argument("--out", type=Path, help="where to save the last module")
    arguments = parser.parse_args()
    train, test = lecture_arrays()
    for kind in arguments.kinds:
        for seed in arguments.seeds:
            trained = epochs(kind, train, seed)
            for _ in range(arguments.epochs):
                module = next(trained)
            for part, rows in (("train", train), ("test", test)):
                numbers = "  ".join(f"{k} {v:.4f}" for k, v in measure(module, rows).items())
                print(f"{kind:3} seed {seed} {part:5}  {numbers}", flush=True)
    if arguments.out:
        save_file(module.state_dict(), arguments.out)


if __name__ == "__main__":
    main()
