"""Run a trained network such that a sample's result depends on that sample alone.

Plain float32 products differ in their last bits with the shape of the batch. Here every product
has one of two fixed shapes, with zero rows as padding; on a CPU that was measured to be bitwise
equal in any order, batch, thread count and number of calling threads
(``tests/estimators/test_contract.py``); for narrow layers see `utsushi.networks.linear`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from utsushi._utils.lazy_rows import AnyRows
from utsushi.exceptions import DataError

__all__ = ["map_rows", "mapped_blocks", "row_noise"]

#: Rows of a block. Large enough for the products to run at full speed.
LARGE_BLOCK_ROWS = 512

#: Rows of a small block, so that one sample does not cost a whole large block; at most so many of
#: them replace a large one.
SMALL_BLOCK_ROWS, MOST_SMALL_BLOCKS = 32, 4

Rows = NDArray[np.floating[Any]]


def map_rows(
    X: AnyRows,
    prepare: Callable[[Rows], NDArray[np.float32]],
    function: Callable[[Tensor, Rows], Tensor],
    device: str,
) -> NDArray[np.float32]:
    """Apply a network to samples in zero-padded blocks, without gradients.

    Parameters
    ----------
    X : ndarray or LazyRows of shape (n, D), n >= 1
        Samples as the caller gave them.
    prepare : callable, (b, D) to (b, D')
        Returns a block of rows as the network takes it.
    function : callable
        Takes the prepared, padded block as a tensor of shape (block, D') and the block's b rows
        of ``X``; returns a tensor of shape (block, ...).
    device : str
        Where the network is.

    Returns
    -------
    ndarray of shape (n, ...), float32
    """
    results: NDArray[np.float32] | None = None
    for start, result in mapped_blocks(X, prepare, function, device):
        if results is None:  # as one array: many small ones between large ones waste memory
            results = np.empty((len(X), *result.shape[1:]), np.float32)
        results[start : start + len(result)] = result
    assert results is not None  # there is a row
    return results


def mapped_blocks(
    X: AnyRows,
    prepare: Callable[[Rows], NDArray[np.float32]],
    function: Callable[[Tensor, Rows], Tensor],
    device: str,
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the results of `map_rows` a block at a time, each with the number of its first row."""
    for start, size in _blocks(len(X)):
        rows = X[start : start + size]
        prepared = prepare(rows)
        _check_scaled(prepared, start)
        with torch.inference_mode():
            result = function(_padded(prepared, size).to(device), rows)
        yield start, result[: len(rows)].cpu().numpy()


def _blocks(n_rows: int) -> Iterator[tuple[int, int]]:
    """Yield where each block starts and the size that it is padded to."""
    start = 0
    while start < n_rows:
        few = n_rows - start <= MOST_SMALL_BLOCKS * SMALL_BLOCK_ROWS
        size = SMALL_BLOCK_ROWS if few else LARGE_BLOCK_ROWS
        yield start, size
        start += size


def row_noise(
    rows: Rows, seed: int, n_draws: int, n_components: int, block_rows: int, stream: int = 0
) -> NDArray[np.float32]:
    """Draw standard normal noise that is a function of the seed and of each sample's own bytes.

    Noise shared between samples would correlate their errors, and make the standard error of a
    mean score too small; noise by position would make a score depend on the other samples.

    Parameters
    ----------
    rows : ndarray of shape (b, D)
        The rows in the units of the input; their float32 bytes are what counts.
    seed : int
        The model's seed.
    n_draws, n_components : int
        S and H.
    block_rows : int >= b
        Rows of the result; those past b are zero.
    stream : int >= 0, default=0
        Streams of different numbers share no draw. For more draws than fit into memory at once.

    Returns
    -------
    ndarray of shape (S, block_rows, H), float32
    """
    noise = np.zeros((block_rows, n_draws, n_components), dtype=np.float32)
    # Adding zero turns the other zero, -0.0, into 0.0: equal rows must have equal bytes.
    canonical = np.ascontiguousarray(rows.astype("<f4") + np.float32(0))
    canonical[np.isnan(canonical)] = np.nan  # NaN has many bit patterns
    for index, row in enumerate(canonical):
        digest = hashlib.blake2b(row, digest_size=16, key=seed.to_bytes(8, "little")).digest()
        key = np.frombuffer(digest, "<u8")
        generator = np.random.Generator(np.random.Philox(key=key, counter=[0, stream, 0, 0]))
        generator.standard_normal(out=noise[index], dtype=np.float32)
    return noise.transpose(1, 0, 2)


def _check_scaled(prepared: NDArray[np.float32], start: int) -> None:
    """Refuse samples that are too large for float32 once scaled: their results would be NaN."""
    if not np.isfinite(prepared).all():
        row, column = np.argwhere(~np.isfinite(prepared))[0]
        raise DataError(
            "X must hold values near to those of the training data, got one in row "
            f"{start + row}, column {column} that is too large for float32 once scaled. If it "
            "marks a missing value, replace it by NaN."
        )


def _padded(block: NDArray[np.float32], size: int) -> Tensor:
    """Return a block as a tensor with zero rows added up to ``size``."""
    if len(block) == size and block.flags.writeable and block.flags.c_contiguous:
        return torch.from_numpy(block)
    padded = torch.zeros(size, block.shape[1], dtype=torch.float32)
    padded[: len(block)] = torch.tensor(block)
    return padded
