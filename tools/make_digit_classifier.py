"""Train the digit classifier whose features judge generated digits.

    python tools/make_digit_classifier.py [--out FILE]

Learns from the training rows of the bundled digits alone, about two minutes on one thread, and
prints the accuracy on the test rows, which decide nothing. The same machine and versions write the
same bytes. Elsewhere the last bits may differ, and with them the SHA-256: a new file needs its
checksum in ``utsushi.evaluation.classifier``, and makes new distances.
"""

from __future__ import annotations

import argparse
import math
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save
from torch import Generator, Tensor, nn
from torch.nn import functional

from utsushi import datasets
from utsushi._utils.files import write_whole
from utsushi._utils.seeds import Purpose, generator
from utsushi.evaluation.classifier import digit_network
from utsushi.networks import initialize

SEED = 0
EPOCHS = 20
BATCH = 100
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-2
LARGEST = 1_000_000  # bytes; the package has to stay small.
TARGET = Path(__file__).parents[1] / "src/utsushi/evaluation/bundled/digit_classifier.safetensors"


def main() -> None:
    """Train, write and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET, help="default: into the package")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    digits = datasets.load_mnist20k()
    network = train(torch.from_numpy(digits.X_train), torch.from_numpy(digits.y_train), EPOCHS)
    content = pack(network)
    if len(content) > LARGEST:
        sys.exit(f"the file would have {len(content):,} bytes: expected at most {LARGEST:,}")
    write_whole(arguments.out, content)
    print(f"{arguments.out}: {len(content):,} bytes, SHA-256 {sha256(content).hexdigest()}")
    for rows, X, y in (
        ("training", digits.X_train, digits.y_train),
        ("test", digits.X_test, digits.y_test),
    ):
        print(f"accuracy on {len(y):,} {rows} rows: {accuracy(network, X, y):.2%}")


def train(x: Tensor, y: Tensor, epochs: int) -> nn.Sequential:
    """Minimize the cross-entropy with AdamW, over one cycle of the learning rate."""
    network = digit_network()
    initialize(network, generator(SEED, Purpose.INITIALIZATION))
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    n_steps = math.ceil(len(x) / BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=epochs * n_steps
    )
    for epoch in range(epochs):
        order = torch.randperm(len(x), generator=generator(SEED, Purpose.ORDER, epoch))
        total = 0.0
        for step, chosen in enumerate(order.split(BATCH)):
            noise = generator(SEED, Purpose.NOISE, epoch, step)
            loss = functional.cross_entropy(network(moved(x[chosen], noise)), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / n_steps:.4f}", file=sys.stderr)
    return network


def moved(x: Tensor, generator: Generator) -> Tensor:
    """Turn, stretch and shift each image (B, 784) a little: 10 degrees, a tenth, two pixels."""

    def within(bound: float) -> Tensor:
        return bound * (2 * torch.rand(len(x), generator=generator) - 1)

    angle, stretch = within(math.radians(10)), 1 + within(0.1)
    sine, cosine = stretch * angle.sin(), stretch * angle.cos()
    across, down = within(2 / 14), within(2 / 14)  # half the width of 28 pixels is one unit
    maps = torch.stack([cosine, -sine, across, sine, cosine, down], dim=1).view(-1, 2, 3)
    images = x.view(-1, 1, 28, 28)
    grid = functional.affine_grid(maps, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False).flatten(1)


def pack(network: nn.Sequential) -> bytes:
    """Return the weights as a safetensors file, a function of them alone."""
    tensors = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    content: bytes = save(tensors)
    return content


def accuracy(network: nn.Sequential, X: np.ndarray, y: np.ndarray) -> float:
    """Return the share of rows whose digit is recognized."""
    with torch.inference_mode():
        logits = torch.cat([network(block) for block in torch.from_numpy(X).split(1000)])
    return float((logits.argmax(dim=1).numpy() == y).mean())


if __name__ == "__main__":
    main()
