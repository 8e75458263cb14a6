"""The numbers of a living page: one compressed blob, and references into it."""

from __future__ import annotations

import base64
import zlib
from math import prod
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from utsushi.exceptions import SettingError

__all__ = ["Blob", "Reference", "holds_in_half"]

#: What a page may hold, before it is compressed: no browser opens a file of several gigabytes.
MOST_BYTES = 256 * 2**20

#: So many weights are not worth rounding: those next to the code are few, and their errors grow on
#: the way through the layers that follow.
FEW = 2**16

#: Every tensor starts at a multiple of so many bytes, as the page's typed arrays ask for.
ALIGNMENT = 4


class Reference(TypedDict):
    """Where a tensor lies in the blob: little-endian, in C order."""

    dtype: str
    shape: list[int]
    offset: int


class Blob:
    """Tensors one after the other, each read back by its reference.

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
        """Take a tensor in.

        Parameters
        ----------
        array : ndarray
        dtype : {"float32", "float16", "uint16", "uint8"}
            What it is stored as; the caller knows what that costs.

        Raises
        ------
        SettingError
            If the page would hold more than a browser can open.
        """
        kind = np.dtype(dtype).newbyteorder("<")
        offset, n_bytes = self._size, prod(array.shape) * kind.itemsize
        if offset + n_bytes > MOST_BYTES:
            raise SettingError(
                f"the page would hold {(offset + n_bytes) / 2**20:,.0f} MB of weights and rows, "
                f"expected at most {MOST_BYTES // 2**20} MB, which a browser can open; take a "
                "smaller network, or fewer models"
            )
        content = np.ascontiguousarray(array, kind).tobytes()
        self._parts += [content, bytes(-len(content) % ALIGNMENT)]
        self._size += len(content) + len(self._parts[-1])
        return {"dtype": dtype, "shape": list(array.shape), "offset": offset}

    def add_rounded(self, array: NDArray[Any]) -> Reference:
        """Take weights in as float16 where there are many, and three digits of them are held."""
        half = array.size > FEW and holds_in_half(array)
        return self.add(array, "float16" if half else "float32")

    def encoded(self) -> str:
        """Return all tensors, compressed by zlib, in base64."""
        # The highest level takes seven times as long, and saves less than a hundredth.
        return base64.b64encode(zlib.compress(b"".join(self._parts))).decode()


def holds_in_half(array: NDArray[Any]) -> bool:
    r"""Tell whether float16 is within :math:`2^{-11}` of each value, or of the largest one.

    Its numbers end at 65,504, and get coarse under :math:`2^{-14}`.

    Examples
    --------
    >>> holds_in_half(np.array([0.5, 1e-9])), holds_in_half(np.array([1e5]))
    (True, False)
    """
    largest = float(np.abs(array).max(initial=0.0))
    limits = np.finfo(np.float16)
    return largest == 0 or float(limits.tiny) <= largest <= float(limits.max)
