"""Make the bundled digits: the first 20,000 training images of MNIST in one small file.

python tools/make_mnist20k.py FOLDER_WITH_IDX_FILES
"""

from __future__ import annotations

import argparse
import io
import sys
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.files import write_whole
from utsushi.datasets.mnist import CHECKSUMS, decode_idx

N_IMAGES = 20_000
LARGEST = 3_300_000  # bytes; the package has to stay small.
TARGET = Path(__file__).parents[1] / "src/utsushi/datasets/bundled/mnist20k.npz"


def main() -> None:
    """Read the folder's name from the command line, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where MNIST's original IDX files are")
    parser.add_argument("--out", type=Path, default=TARGET, help="default: into the package")
    arguments = parser.parse_args()

    images = read_original(arguments.folder / "train-images-idx3-ubyte", 3)
    labels = read_original(arguments.folder / "train-labels-idx1-ubyte", 1)
    archive = pack({"pixels": images[:N_IMAGES].reshape(N_IMAGES, -1), "labels": labels[:N_IMAGES]})
    if len(archive) > LARGEST:
        sys.exit(f"the file would have {len(archive):,} bytes: expected at most {LARGEST:,}")
    write_whole(arguments.out, archive)
    print(f"{arguments.out}: {len(archive):,} bytes, SHA-256 {sha256(archive).hexdigest()}")


def read_original(path: Path, n_dimensions: int) -> NDArray[np.uint8]:
    """Read one of the original files, and stop if it is not the original."""
    content = path.read_bytes()
    if sha256(content).hexdigest() != CHECKSUMS[path.name]:
        sys.exit(f"{path} is not the original: expected SHA-256 {CHECKSUMS[path.name]}")
    return decode_idx(content, path, n_dimensions)


def pack(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Write an archive that `numpy.load` reads, as a function of its contents alone.

    numpy's own `savez_compressed` stamps the clock into the file and knows only deflate, which
    makes it a third larger than LZMA does.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_LZMA
            member.create_system = 3  # Otherwise it would depend on the system it is made on.
            file = io.BytesIO()
            np.save(file, array, allow_pickle=False)
            archive.writestr(member, file.getvalue())
    return buffer.getvalue()


if __name__ == "__main__":
    main()
