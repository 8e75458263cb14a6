"""Read and write safetensors files with a JSON header and named tensors.

The header is the value of a single metadata key, as JSON with sorted keys, because safetensors
writes several keys in any order. It contains a SHA-256 of itself (with that field blank) and of the
tensors, so that damage is detected. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.files import read_regular, write_whole
from utsushi.exceptions import ModelFileError

__all__ = ["FORMAT_VERSION", "read_model_file", "write_model_file"]

#: Increased by one when older files could be misread.
FORMAT_VERSION = 1

#: The single metadata key.
_KEY = "utsushi"

#: Enough for the history of a hundred thousand epochs, and small enough to parse in any memory.
_MAX_HEADER_BYTES = 2**24

#: Integers and truth values are buffers of layers, such as the number of batches of a BatchNorm.
_DTYPES = {"float32", "float64", "int64", "bool"}

Tensors = dict[str, NDArray[Any]]


def write_model_file(path: str | Path, header: dict[str, Any], tensors: Tensors) -> Path:
    """Write a header and tensors, atomically.

    Parameters
    ----------
    path : str or Path
        The file to create or replace.
    header : dict
        Values that JSON can represent. ``format`` and ``sha256`` are added.
    tensors : dict of str to ndarray
        float32 or float64.

    Returns
    -------
    Path
        Its bytes are a function of ``header`` and ``tensors`` alone.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_model_file(f"{folder}/a.safetensors", {"class": "A"}, {"w": np.ones(2)})
    ...     header, tensors = read_model_file(path)
    >>> header["class"], tensors["w"]
    ('A', array([1., 1.]))
    """
    from safetensors.numpy import save

    tensors = {name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}
    header = {**header, "format": FORMAT_VERSION}
    header["sha256"] = _checksum(header, tensors)
    return write_whole(path, save(tensors, metadata={_KEY: _dumps(header)}))


def read_model_file(path: str | Path) -> tuple[dict[str, Any], Tensors]:
    """Read a file of `write_model_file`, and check that it is not damaged.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    header : dict
    tensors : dict of str to ndarray

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of a newer format, or not Utsushi's.
    """
    path = Path(path)
    content = _read_bytes(path)
    header = _read_header(path, content)
    tensors = _read_tensors(path, content)
    try:
        checksum = _checksum(header, tensors)
    # Values that JSON and UTF-8 do not have, or lists nested too deeply.
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"its header cannot be written again ({error})") from None
    if header.get("sha256") != checksum:
        raise _damaged(path, "its content does not match its checksum")
    return header, tensors


def _read_bytes(path: Path) -> bytes:
    try:
        return read_regular(path)
    except FileNotFoundError:
        raise ModelFileError(
            f"there is no file {str(path)!r}. Save a model with model.save(path), or train one "
            "with utsushi train."
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = getattr(error, "strerror", None) or error
        raise ModelFileError(
            f"{str(path)!r} cannot be read ({reason}). Check the path and its permissions."
        ) from None


def _read_header(path: Path, content: bytes) -> dict[str, Any]:
    """Return the header, whose length is checked before it is parsed."""
    size = int.from_bytes(content[:8], "little")
    if content and content[8:9] != b"{":
        raise ModelFileError(
            f"{str(path)!r} is not a Utsushi model file. Write one with model.save."
        )
    if len(content) < 8 or size > min(len(content) - 8, _MAX_HEADER_BYTES):
        raise _damaged(path, "it ends before its header does")
    try:
        text = json.loads(content[8 : 8 + size])["__metadata__"][_KEY]
        header = json.loads(text)
        version = header["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ModelFileError(
            f"{str(path)!r} has no Utsushi header. Give a file that Utsushi wrote."
        ) from None
    if version != FORMAT_VERSION:
        raise ModelFileError(
            f"{str(path)!r} must have format {FORMAT_VERSION}, got {version!r}. Read it with the "
            "version of Utsushi that wrote it, or a newer one."
        )
    return dict(header)


def _read_tensors(path: Path, content: bytes) -> Tensors:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors: Tensors = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"its tensors cannot be read ({error})") from None
    for name, tensor in tensors.items():
        if tensor.dtype.name not in _DTYPES:
            raise _damaged(path, f"its tensor {name!r} is {tensor.dtype.name}")
    return tensors


def _checksum(header: dict[str, Any], tensors: Tensors) -> str:
    """Return the SHA-256, in hexadecimal, of the header with a blank sum and of all tensors."""
    digest = hashlib.sha256(_dumps({**header, "sha256": ""}).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype.name} {tensor.shape}\n".encode())
        digest.update(np.asarray(tensor, order="C").data)
    return digest.hexdigest()


def _dumps(header: dict[str, Any]) -> str:
    return json.dumps(header, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _damaged(path: Path, what: str) -> ModelFileError:
    message = f"{str(path)!r} is damaged: {what}. Restore a copy of it, or save the model again."
    return ModelFileError(" ".join(message.split()))
