"""Store the tensors of an interactive page: one compressed blob, and references into it."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from utsushi.exceptions import SettingError

__all__ = ["Blob", "Reference", "holds_in_half"]

#: The largest size of a page before compression in bytes: browsers do not open files of gigabytes.
MOST_BYTES = 256 * 2**20

#: The largest number of weights that are not rounded: tensors next to the code are small, and their
#: errors grow through the following layers.
MOST_EXACT_WEIGHTS = 2**16

#: The alignment of tensors in bytes, which JavaScript's typed arrays need.
ALIGNMENT = 4


class Reference(TypedDict):
    """Locate a tensor in the blob: little-endian, in C order."""

    dtype: str
    shape: list[int]
    offset: int


class Blob:
    """Store tensors in one array of bytes, each with a reference.

    Examples
    --------
    >>> blob = Blob()
    >>> blob.add(np.arange(3), "uint8")
    {'dtype': 'uint8', 'shape': [3], 'offset': 0}
    >>> blob.add(np.ones((2, 2)), "float32")
    {'dtype': 'float32', 'shape': [2, 2], 'offset': 4}
    >>> len(zlib.decompress(base64.b64decode(blob.encoded())))
    20
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, array: NDArray[Any], dtype: str) -> Reference:
        """Add a tensor, and return its reference.

        Parameters
        ----------
        array : ndarray
        dtype : {"float64", "float32", "float16", "uint16", "uint8"}
            The dtype to store, which may round the values.

        Raises
        ------
        SettingError
            If the page would be larger than a browser can open.
        """
        kind = np.dtype(dtype).newbyteorder("<")
        offset, n_bytes = self._size, prod(array.shape) * kind.itemsize
        if offset + n_bytes > MOST_BYTES:
            raise SettingError(
                f"a page must hold at most {MOST_BYTES // 2**20} MB of weights and samples, for a "
                f"browser to open it, got {(offset + n_bytes) / 2**20:,.0f} MB. Use a smaller "
                "network, or fewer models."
            )
        content = np.ascontiguousarray(array, kind).tobytes()
        self._parts += [content, bytes(-len(content) % ALIGNMENT)]
        self._size += len(content) + len(self._parts[-1])
        return {"dtype": dtype, "shape": list(array.shape), "offset": offset}

    def add_rounded(self, array: NDArray[Any]) -> Reference:
        """Add weights, as float16 if there are many and three digits are preserved."""
        half = array.size > MOST_EXACT_WEIGHTS and holds_in_half(array)
        return self.add(array, "float16" if half else "float32")

    @contextmanager
    def undone_if(self, error: type[Exception]) -> Iterator[None]:
        """Remove what was added in a block that ends with an error of this class."""
        n_parts, size = len(self._parts), self._size
        try:
            yield
        except error:
            del self._parts[n_parts:]
            self._size = size
            raise

    def encoded(self) -> str:
        """Return all tensors, compressed by zlib, in base64."""
        # The highest level of compression takes seven times as long and saves less than 1 %.
        return base64.b64encode(zlib.compress(b"".join(self._parts))).decode()


def holds_in_half(array: NDArray[Any]) -> bool:
    r"""Return whether float16 has an error of at most :math:`2^{-11}` of each or the largest value.

    The range of float16 ends at 65,504, and its precision falls below :math:`2^{-14}`.

    Examples
    --------
    >>> holds_in_half(np.array([0.5, 1e-9])), holds_in_half(np.array([1e5]))
    (True, False)
    """
    largest = float(np.abs(array).max(initial=0.0))
    limits = np.finfo(np.float16)
    return largest == 0 or float(limits.tiny) <= largest <= float(limits.max)
