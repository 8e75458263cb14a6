"""Default models on procedural colour images, beside PCA of the same size.

    python benchmarks/images/defaults.py [--size 64] [--models dense conv conv-vae] [--seeds 0 1 2]

2,400 of 3,000 images train, 600 test. Prints the test error of each model as a part of PCA's, the
size of its file, and the seconds of ``fit``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from procedural import procedural_images

from utsushi import Autoencoder, VariationalAutoencoder
from utsushi.evaluation.pca import PCABaseline

N_IMAGES, N_TRAIN, N_COMPONENTS = 3000, 2400, 32

MODELS = {
    "dense": lambda **given: Autoencoder(N_COMPONENTS, **given),
    "conv": lambda **given: Autoencoder(N_COMPONENTS, network="conv", **given),
    "conv-vae": lambda **given: VariationalAutoencoder(N_COMPONENTS, network="conv", **given),
}


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    size = arguments.size
    train, test = np.split(procedural_images(N_IMAGES, size), [N_TRAIN])
    of_mean = float(np.square(test - train.mean(axis=0)).mean())
    of_pca = PCABaseline(train, N_COMPONENTS).errors(test, [N_COMPONENTS])[N_COMPONENTS].value
    print(f"{size}x{size}: mean image {of_mean:.5f}, PCA of {N_COMPONENTS} {of_pca:.5f}")
    for name in arguments.models:
        for seed in arguments.seeds:
            model = MODELS[name](image_shape=(3, size, size), random_state=seed)
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
