"""Draw the README's picture from what ``make lecture`` leaves.

``python tools/make_readme_picture.py [RUN] [--out docs/images/lecture.png]``
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from utsushi import datasets, load
from utsushi.figures import image_rows, to_png
from utsushi.files import write_whole


def main() -> None:
    """Draw one digit of each class, both models' copies, and generated digits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", default="runs/lecture")
    parser.add_argument("--out", default="docs/images/lecture.png")
    arguments = parser.parse_args()
    autoencoder, variational = (
        load(Path(arguments.run) / f"{name}.safetensors") for name in ("autoencoder", "variational")
    )
    digits = datasets.load_mnist20k()
    one_of_each = [int(np.argmax(digits.y_test == digit)) for digit in range(10)]
    originals = digits.X_test[one_of_each]
    generated = variational.sample(20, random_state=0)
    rows = [
        ("digit", originals),
        ("autoencoder", autoencoder.reconstruct(originals)),
        ("variational", variational.reconstruct(originals)),
        ("generated", generated[:10]),
        ("", generated[10:]),
    ]
    print(write_whole(arguments.out, to_png(image_rows(rows, (28, 28)))))


if __name__ == "__main__":
    main()
