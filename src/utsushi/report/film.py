"""Record a training for the interactive page: codes and reconstructions after each epoch."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from utsushi._utils.lazy_rows import LazyRows, as_guarded
from utsushi._utils.safetensors_io import read_model_file, write_model_file
from utsushi.estimators import BaseAutoencoder
from utsushi.estimators.capabilities import has_sparse_codes
from utsushi.evaluation.rows import chosen_rows
from utsushi.exceptions import ModelFileError
from utsushi.report.embedded_samples import class_name
from utsushi.report.tensors import Blob

__all__ = ["Film", "FilmRecorder", "film_header", "kept_epochs"]

#: The number of samples whose codes are recorded, and of those with reconstructions.
N_SAMPLES, N_RECONSTRUCTIONS = 300, 8

#: The most epochs of a film.
MOST_FRAMES = 40

#: The most compressed bytes of a film in a page, in base64.
MOST_BYTES = 100_000

#: The largest side of a recorded image in pixels; larger ones are reduced by means.
MOST_SIDE = 32

#: The number of grey levels of an image in the page.
LEVELS = 16

_SEED = 0

Rows = NDArray[Any]


def kept_epochs(last: int) -> set[int]:
    """Return the epochs of a film that has come to the epoch ``last``: at most `MOST_FRAMES`.

    They are the first, the last, and the multiples of a power of two. Each epoch that is kept after
    ``last + 1`` is ``last + 1`` or was kept after ``last``.

    Examples
    --------
    >>> sorted(kept_epochs(4)), len(kept_epochs(1000))
    ([1, 2, 3, 4], 33)
    """
    stride = 1
    while last // stride > MOST_FRAMES - 2:
        stride *= 2
    return {1, last, *range(stride, last + 1, stride)}


@dataclass(frozen=True)
class _Frame:
    """Hold what a model made of the samples after an epoch."""

    codes: Rows
    reconstructions: Rows


@dataclass(frozen=True, eq=False)
class Film:
    """Hold codes and reconstructions of fixed samples after epochs of a training.

    Attributes
    ----------
    epochs : list of int
        In ascending order, at most 40.
    codes : ndarray of shape (n_epochs, n, n_components), float32
    reconstructions : ndarray of shape (n_epochs, 8, n_values), float32
        Of the first samples of up to eight classes; large images are reduced.
    originals : ndarray of shape (8, n_values), float32
    image_shape : list of int or None
        The shape (C, H, W) of the reconstructions, if they are images.
    labels : list of str or None
        The class of each of the n samples.
    """

    epochs: list[int]
    codes: Rows
    reconstructions: Rows
    originals: Rows
    image_shape: list[int] | None = None
    labels: list[str] | None = None

    def save(self, path: str | Path) -> Path:
        """Write the film as a safetensors file, atomically."""
        header = {
            "kind": "film",
            "epochs": self.epochs,
            "image_shape": self.image_shape,
            "labels": self.labels,
        }
        tensors = {
            "codes": self.codes,
            "reconstructions": self.reconstructions,
            "originals": self.originals,
        }
        return write_model_file(path, header, tensors)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a film that `save` wrote.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged or no film.
        """
        header, tensors = read_model_file(path)
        try:
            film = cls(
                epochs=header["epochs"],
                image_shape=header["image_shape"],
                labels=header["labels"],
                **tensors,
            )
            film._check(header)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ModelFileError(
                f"{str(path)!r} must be a film that Film.save wrote, got a file that is damaged "
                f"({error}). Train again, or remove the file."
            ) from None
        return film

    def _check(self, header: Mapping[str, Any]) -> None:
        """Raise a ValueError unless all parts fit together, as the file may come from anywhere."""
        epochs, codes, made = self.epochs, self.codes, self.reconstructions
        is_ascending = all(type(e) is int and e > 0 for e in epochs) and epochs == sorted(epochs)
        n, labels, shape = codes.shape[1], self.labels, self.image_shape
        fits = (
            header["kind"] == "film"
            and 1 <= len(epochs) <= MOST_FRAMES
            and is_ascending
            and (codes.ndim, made.ndim) == (3, 3)
            and len(codes) == len(made) == len(epochs)
            and self.originals.shape == made.shape[1:]
            and all(np.isfinite(array).all() for array in (codes, made, self.originals))
            and (labels is None or (len(labels) == n and all(type(name) is str for name in labels)))
            and (shape is None or (len(shape) == 3 and np.prod(shape) == made.shape[2]))
        )
        if not fits:
            raise ValueError("its parts do not fit together")


@dataclass(eq=False)
class FilmRecorder:
    """Record a film of a training; a callback of ``fit``.

    A recorder is for one training: of a resumed one, it skips the epochs that it has.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples, preferably held out, of which a random 300 are recorded.
    y : array-like of shape (n_samples,), optional
        Their classes; a conditional model needs them.
    folder : str or Path, optional
        Where each frame is written, so that an interrupted training keeps its film.

    Examples
    --------
    >>> from utsushi import Autoencoder, datasets, report
    >>> digits = datasets.load_digits8x8()
    >>> recorder = report.FilmRecorder(digits.X_test, digits.y_test)
    >>> model = Autoencoder(2, hidden=(16,), image_shape=(8, 8), max_epochs=3, random_state=0)
    >>> _ = model.fit(digits.X_train, on_epoch=recorder)
    >>> recorder.film.epochs, recorder.film.codes.shape
    ([1, 2, 3], (3, 300, 2))
    >>> page = report.to_html(model, digits.X_test, digits.y_test, film=recorder.film)
    """

    X: ArrayLike
    y: ArrayLike | None = None
    folder: str | Path | None = None
    _frames: dict[int, _Frame] = field(default_factory=dict, init=False, repr=False)
    _originals: Rows | None = field(default=None, init=False, repr=False)
    _shape: list[int] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        rows: Any = as_guarded(self.X) if isinstance(self.X, np.ndarray) else self.X
        chosen = chosen_rows(_num_samples(rows), N_SAMPLES, _SEED)
        rows = rows[chosen] if isinstance(rows, LazyRows) else _safe_indexing(rows, chosen)
        self.X = rows.toarray() if issparse(rows) else rows
        self.y = None if self.y is None else np.asarray(self.y)[chosen]
        self.folder = None if self.folder is None else Path(self.folder)
        self._shown = _first_of_each(self.y, len(chosen))
        if self.folder is not None:
            for path in sorted(self.folder.glob("*.safetensors")):
                self._restore(path)

    def __call__(self, model: BaseAutoencoder, row: Mapping[str, Any]) -> None:
        """Record an epoch of a model in training, a row of its ``history_``."""
        if has_sparse_codes(model):  # they do not run in a page
            return
        epoch = int(row["epoch"])
        rows = model._checked(self.X)
        if not np.isfinite(rows).all():  # a page has no samples with missing values
            return
        shape = _shape_of(model)
        originals, self._shape = _reduced(rows[self._shown], shape)
        self._originals = originals.astype(np.float32)
        if epoch <= max(self._frames, default=0):  # a resumed training repeats its rows
            return
        # The public methods would calibrate the likelihood first, on all training samples.
        codes = model._codes(rows)
        if not np.isfinite(codes).all():  # the training has diverged, and ends with its own error
            return
        shown = codes[self._shown]
        decoded = model._decode_codes(model._with_condition(shown, self._classes(model, rows)))
        made, _ = _reduced(model._restored(decoded, np.float32), shape)
        self._keep(epoch, _Frame(codes.astype(np.float32), made.astype(np.float32)))

    @property
    def film(self) -> Film | None:
        """The film so far; None before the first epoch, and for a model without a page."""
        if not self._frames or self._originals is None:
            return None
        epochs = sorted(self._frames)
        return Film(
            epochs=epochs,
            codes=np.stack([self._frames[epoch].codes for epoch in epochs]),
            reconstructions=np.stack([self._frames[epoch].reconstructions for epoch in epochs]),
            originals=self._originals,
            image_shape=self._shape,
            labels=None if self.y is None else [class_name(label) for label in np.asarray(self.y)],
        )

    def _classes(self, model: Any, rows: Rows) -> Any:
        """Return the classes of the reconstructed samples, which a classifier predicts."""
        if self.y is None or not hasattr(model, "predict"):
            return None if self.y is None else np.asarray(self.y)[self._shown]
        return model.predict(rows[self._shown])

    def _keep(self, epoch: int, frame: _Frame) -> None:
        """Keep a frame, and drop those that a longer film has no place for."""
        self._frames[epoch] = frame
        if isinstance(self.folder, Path):
            self.folder.mkdir(parents=True, exist_ok=True)
            tensors = {"codes": frame.codes, "reconstructions": frame.reconstructions}
            write_model_file(self._path(epoch), {"kind": "frame", "epoch": epoch}, tensors)
        for dropped in set(self._frames) - kept_epochs(epoch):
            del self._frames[dropped]
            if isinstance(self.folder, Path):
                self._path(dropped).unlink(missing_ok=True)

    def _path(self, epoch: int) -> Path:
        return Path(self.folder or "") / f"{epoch:09d}.safetensors"

    def _restore(self, path: Path) -> None:
        """Read a frame of the training before its interruption; a damaged one is left out."""
        try:
            header, tensors = read_model_file(path)
            epoch, frame = header["epoch"], _Frame(**tensors)
        except (ModelFileError, KeyError, TypeError):
            return
        if type(epoch) is int and len(frame.codes) == len(np.asarray(self.X)):
            self._frames[epoch] = frame


def film_header(film: Film, classes: Sequence[str] | None, blob: Blob) -> dict[str, Any]:
    """Describe a film for the page's script, in at most `MOST_BYTES`.

    Parameters
    ----------
    film : Film
    classes : sequence of str or None
        The classes of the page.
    blob : Blob
        The film's tensors are added to it: ``positions`` (n_epochs, n, 2) as bytes on the plane of
        the first two principal components of the last codes, and ``reconstructions`` and
        ``originals``, images in `LEVELS` grey levels or rows of a table.

    Returns
    -------
    dict
    """
    while True:
        positions, middle = _positions(film.codes)
        images, originals = _levels(film)
        size = len(zlib.compress(b"".join(map(bytes, (positions, images, originals))))) * 4 / 3
        if size <= MOST_BYTES or len(film.epochs) == 1:
            break
        film = _smaller(film)
    kind = "float32" if film.image_shape is None else "uint8"
    labels = None
    if film.labels is not None and classes is not None and set(film.labels) <= set(classes):
        numbers = {name: number for number, name in enumerate(classes)}
        labels = blob.add(np.array([numbers[name] for name in film.labels]), "uint8")
    return {
        "epochs": film.epochs,
        "image_shape": film.image_shape,
        "levels": LEVELS,
        "labels": labels,
        "origin": middle,
        "positions": blob.add(positions, "uint8"),
        "reconstructions": blob.add(images, kind),
        "originals": blob.add(originals, kind),
    }


def _positions(codes: Rows) -> tuple[Rows, list[float]]:
    """Return codes on the plane of the last ones as bytes, and the place of the code 0 there."""
    last = codes[-1].astype(np.float64)
    centre = last.mean(axis=0)
    axes = np.zeros((2, last.shape[1]))
    directions = np.linalg.svd(last - centre, full_matrices=False)[2][:2]
    for index, direction in enumerate(directions):
        axes[index] = direction * np.sign(direction[np.abs(direction).argmax()])
    places = (codes - centre) @ axes.T
    # The last epoch is whole; the places of earlier ones may lie at the border.
    half = max(1.1 * np.abs(places[-1]).max(), float(np.quantile(np.abs(places), 0.98)), 1e-9)
    parts = np.clip(0.5 + 0.5 * places / half, 0, 1)
    origin = 0.5 + 0.5 * (-centre @ axes.T) / half
    return np.rint(255 * parts).astype(np.uint8), [float(value) for value in origin]


def _levels(film: Film) -> tuple[Rows, Rows]:
    """Return reconstructions and originals as the page stores them."""
    arrays = film.reconstructions, film.originals
    if film.image_shape is None:
        return arrays[0].astype(np.float32), arrays[1].astype(np.float32)
    low, high = float(film.originals.min()), float(film.originals.max())
    span = (high - low) or 1.0
    made, originals = (
        np.rint((LEVELS - 1) * np.clip((array - low) / span, 0, 1)).astype(np.uint8)
        for array in arrays
    )
    return made, originals


def _smaller(film: Film) -> Film:
    """Return a film with smaller images, or if they are small with half of its epochs."""
    shape = film.image_shape
    if shape is not None and min(shape[1:]) >= 2 * 12:
        made, smaller = _reduced(film.reconstructions, shape, at_most=max(shape[1:]) - 1)
        originals, _ = _reduced(film.originals, shape, at_most=max(shape[1:]) - 1)
        return replace(film, reconstructions=made, originals=originals, image_shape=smaller)
    kept = np.arange(len(film.epochs) - 1, -1, -2)[::-1]  # with the last
    return replace(
        film,
        epochs=[film.epochs[index] for index in kept],
        codes=film.codes[kept],
        reconstructions=film.reconstructions[kept],
    )


def _reduced(
    rows: Rows, shape: list[int] | None, at_most: int = MOST_SIDE
) -> tuple[Rows, list[int] | None]:
    """Reduce images (..., C·H·W) by means of blocks; return them and their shape."""
    if shape is None:
        return rows, None
    channels, height, width = shape
    factor = -(-max(height, width) // at_most)
    if factor == 1:
        return rows, shape
    new = [channels, height // factor, width // factor]
    images = rows.reshape(*rows.shape[:-1], *shape)
    images = images[..., : new[1] * factor, : new[2] * factor]
    blocks = images.reshape(*rows.shape[:-1], channels, new[1], factor, new[2], factor)
    return blocks.mean(axis=(-3, -1)).reshape(*rows.shape[:-1], -1), new


def _shape_of(model: BaseAutoencoder) -> list[int] | None:
    """Return the shape (C, H, W) of images that a page can draw, or None."""
    if model.image_shape is None:
        return None
    shape = [int(size) for size in model.image_shape]
    shape = [1, *shape] if len(shape) == 2 else shape
    return shape if shape[0] in (1, 3) else None


def _first_of_each(y: Any, n: int) -> NDArray[np.intp]:
    """Return the rows whose reconstructions are recorded: the first of each class, then others."""
    if y is None:
        return np.unique(np.linspace(0, n - 1, min(n, N_RECONSTRUCTIONS)).astype(np.intp))
    _, first = np.unique(np.asarray([class_name(label) for label in y]), return_index=True)
    others = [row for row in range(n) if row not in set(first)]
    return np.sort([*first, *others][:N_RECONSTRUCTIONS]).astype(np.intp)
