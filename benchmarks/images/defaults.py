"""Default models on procedural colour images, beside PCA of the same size and a plain network.

    python benchmarks/images/defaults.py [--size 64] [--models dense conv conv-vae] [--seeds 0 1 2]
    python benchmarks/images/defaults.py --size 32 --models plain conv --max-epochs 20

2,400 of 3,000 images train, 600 test. Prints the test error of each model as a part of PCA's, the
size of its file, and the seconds of ``fit``. ``plain`` is what one would write in PyTorch without a
library: three convolutions and a linear layer either way, SiLU, Adam at 0.002, batches of 32.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from procedural import procedural_images
from torch import nn

from utsushi import Autoencoder, VariationalAutoencoder
from utsushi.evaluation.pca import PCABaseline

N_IMAGES, N_TRAIN, N_COMPONENTS = 3000, 2400, 32

Rows = NDArray[np.float32]


class Plain:
    """A convolutional autoencoder without a library."""

    def __init__(self, image_shape: tuple[int, int, int], random_state: int, max_epochs: int = 20):
        self.shape, self.max_epochs = image_shape, max_epochs
        torch.manual_seed(random_state)
        n_channels, height, _ = image_shape
        small = height // 8
        self.encoder = nn.Sequential(
            *(nn.Conv2d(n_channels, 32, 4, 2, 1), nn.SiLU()),
            *(nn.Conv2d(32, 64, 4, 2, 1), nn.SiLU()),
            *(nn.Conv2d(64, 128, 4, 2, 1), nn.SiLU()),
            *(nn.Flatten(), nn.Linear(128 * small**2, N_COMPONENTS)),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(N_COMPONENTS, 128 * small**2), nn.Unflatten(1, (128, small, small))),
            *(nn.SiLU(), nn.ConvTranspose2d(128, 64, 4, 2, 1)),
            *(nn.SiLU(), nn.ConvTranspose2d(64, 32, 4, 2, 1)),
            *(nn.SiLU(), nn.ConvTranspose2d(32, n_channels, 4, 2, 1)),
        )

    def fit(self, X: Rows) -> Plain:
        """Train."""
        images = torch.from_numpy(X).reshape(-1, *self.shape)
        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=2e-3)
        for _ in range(self.max_epochs):
            for rows in torch.randperm(len(images)).split(32):
                batch = images[rows]
                loss = (self.decoder(self.encoder(batch)) - batch).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return self

    @torch.no_grad()
    def reconstruct(self, X: Rows) -> Rows:
        """Return copies."""
        images = torch.from_numpy(X).reshape(-1, *self.shape)
        return self.decoder(self.encoder(images)).reshape(len(X), -1).numpy()

    def save(self, path: Path) -> Path:
        """Write the parameters."""
        torch.save([self.encoder.state_dict(), self.decoder.state_dict()], path)
        return path


MODELS = {
    "plain": Plain,
    "dense": lambda **given: Autoencoder(N_COMPONENTS, **given),
    "conv": lambda **given: Autoencoder(N_COMPONENTS, network="conv", **given),
    "conv-vae": lambda **given: VariationalAutoencoder(N_COMPONENTS, network="conv", **given),
}


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS)[1:])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--max-epochs", type=int)
    arguments = parser.parse_args()
    given = {} if arguments.max_epochs is None else {"max_epochs": arguments.max_epochs}
    size = arguments.size
    train, test = np.split(procedural_images(N_IMAGES, size), [N_TRAIN])
    of_mean = float(np.square(test - train.mean(axis=0)).mean())
    of_pca = PCABaseline(train, N_COMPONENTS).errors(test, [N_COMPONENTS])[N_COMPONENTS].value
    print(f"{size}x{size}: mean image {of_mean:.5f}, PCA of {N_COMPONENTS} {of_pca:.5f}")
    for seed in arguments.seeds:
        for name in arguments.models:
            model = MODELS[name](image_shape=(3, size, size), random_state=seed, **given)
            started = time.perf_counter()
            model.fit(train)
            seconds = time.perf_counter() - started
            error = float(np.square(model.reconstruct(test) - test).mean())
            with tempfile.TemporaryDirectory() as folder:
                megabytes = model.save(Path(folder, "model.safetensors")).stat().st_size / 1e6
            print(
                f"{name}, seed {seed}: error {error:.5f}, of PCA's {error / of_pca:.3f}, "
                f"{megabytes:.1f} MB, {seconds:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
