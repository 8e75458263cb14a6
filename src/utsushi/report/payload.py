"""The data of an interactive page: models and samples, as JSON and one blob of tensors.

The page's script reads the header, in which tensors are references into the blob; see
`utsushi.report.tensors`.

    format            1
    title             plain text
    image_shape       [C, H, W] if the samples are images of one or three channels, else null
    range             the values of the test samples that are shown as black and as white
    features          of tables, else null: of each column its name, kind and range, the levels of
                      a category, the decimals of its values, mean and standard deviation, and the
                      length of a day in the units of a date; see `utsushi.report.tables`
    digits            the ``size`` and the ``centre`` of mass of the samples, to which a drawing is
                      brought, if they are light shapes of one size and place as digits are; else
                      null
    classes           the names of the classes, or null if there are none, or too many
    test, train       samples: values, divisor, labels (indices into ``classes``), n_total; of a
                      table, the values of its columns in their own units
    seen              whether the test samples are the training samples
    typical_distance  the median distance of the test samples to the nearest other training sample
                      in the page, or null without training samples; a generated sample that is
                      much nearer may be memorized
    models            one to four

A model has ``encoder`` and ``decoder`` (see `utsushi.report.layers`), ``scaling`` and
``log_volume``, ``likelihood`` and ``target_scaled`` (whether the decoder's output is in scaled
units), the ``codes``, ``log_variances`` and ``scores`` of the test samples, the ``information`` of
its components, its ``information_unit``, "kl" or "variance", and ``dead``, the ``prior`` (null for
N(0, I), else ``log_weights``, ``means`` and ``log_variances`` of a mixture of Gaussians), the plane
of the map (``centre``, ``axes``, ``explained``), the ``layout`` (see `utsushi.report.layout`) or
null, ``sampler`` or, in the order of ``conditions``, ``class_samplers``, its ``history``, and its
``film`` (null without one; see `utsushi.report.film.film_header`).
``codec`` says how the values of a table become its features, and ``draws`` how a decoded code
becomes a drawn row; both are null if there is nothing to do. A model that a page cannot run is
``still``: in place of encoder and decoder it has the decoder's ``outputs`` for the ``codes``, and
what a score needs.

``log_variance_bend`` is the number b of `utsushi.distributions.posterior_parameters`: an encoder
returns the mean, then the raw log-variance r, which is compressed beyond b:

    inner = min(max(r, -b), b)
    log_variance = inner + b tanh((r - inner) / b)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.estimators import BaseAutoencoder, TableAutoencoder, autoencoder_of
from utsushi.evaluation.two_samples import nearest_distances
from utsushi.exceptions import SettingError
from utsushi.report.embedded_samples import Sample, class_name, samples_of, stored
from utsushi.report.film import Film, film_header
from utsushi.report.model import model_header
from utsushi.report.tables import (
    PageColumn,
    as_points,
    columns_of,
    features_header,
    values_of,
)
from utsushi.report.tensors import Blob

__all__ = ["MOST_MODELS", "Payload", "payload_of"]

#: The largest number of models in a page.
MOST_MODELS = 4

#: The largest number of classes with distinguishable colours.
MOST_CLASSES = 24

#: The value, of 1, from which a pixel belongs to a shape: that of the page's script.
_INK = 0.1

#: The largest mean of corners that count as dark, and the largest standard deviation of the centre
#: of mass, relative to the side, of shapes that are in one place.
_DARK_BELOW, _IN_PLACE = 0.05, 0.1

Rows = NDArray[Any]


@dataclass(frozen=True)
class Payload:
    """Hold the data of a page.

    Attributes
    ----------
    header : dict
        Plain data for JSON.
    tensors : str
        The blob, in base64.
    """

    header: Mapping[str, Any]
    tensors: str


def payload_of(
    models: Mapping[str, BaseAutoencoder | TableAutoencoder],
    test: Sample,
    train: Sample | None = None,
    *,
    title: str,
    feature_names: Sequence[str] | None = None,
    films: Mapping[str, Film] | None = None,
) -> Payload:
    """Collect the data of a page of fitted models.

    Parameters
    ----------
    models : mapping of str to fitted autoencoder
        One to four models of the same columns, by their names on the page.
    test : Sample
        All samples for the map, of which a subset is used.
    train : Sample, optional
        All training samples, for the nearest neighbors of generated samples.
    title : str
    feature_names : sequence of str, optional
        The names of the columns of a table.
    films : mapping of str to Film, optional
        Films of the trainings of models, by the names of these.

    Returns
    -------
    Payload
        The data, which depends only on the arguments.

    Raises
    ------
    SettingError
        If a page would grow too large, or its models have tables of other columns.
    DataError
        If samples do not fit a model.
    """
    shape = _image_shape(map(autoencoder_of, models.values()))
    is_training_data = train is not None and _are_equal(test.rows, train.rows)
    columns = _columns(models) if shape is None else None
    test, train = samples_of(test, train, images=shape is not None)
    if columns is not None:
        test, train = _with_values(test, columns), train and _with_values(train, columns)
    classes = _class_names(test, train)
    blob = Blob()
    # First, to raise early if there are too many weights.
    descriptions = [model_header(name, model, test, blob) for name, model in models.items()]
    shown = [sample.shown for sample in (test, train) if sample is not None]
    if shape is None and columns is None:
        columns = _numbers(feature_names, test.shown.shape[1])
    for description in descriptions:
        film = (films or {}).get(description["name"])
        description["film"] = None if film is None else film_header(film, classes, blob)
    header = {
        "format": 1,
        "title": title,
        "image_shape": shape,
        "range": [float(np.nanmin(test.shown)), float(np.nanmax(test.shown))],
        "features": None if columns is None else features_header(columns, np.concatenate(shown)),
        "digits": None if shape is None else _digits(test.rows, shape),
        "classes": classes,
        "test": _packed(test, classes, blob, images=shape is not None),
        "train": None if train is None else _packed(train, classes, blob, images=shape is not None),
        "seen": is_training_data,
        "typical_distance": _typical_distance(columns, *shown, is_training_data=is_training_data),
        "models": descriptions,
    }
    return Payload(header, blob.encoded())


def _image_shape(models: Iterable[BaseAutoencoder]) -> list[int] | None:
    """Return the shape (C, H, W) of the samples, if they are images that a page can draw."""
    shapes = [model.image_shape for model in models if model.image_shape is not None]
    if not shapes:
        return None
    shape = [int(size) for size in shapes[0]]
    shape = [1, *shape] if len(shape) == 2 else shape
    return shape if shape[0] in (1, 3) else None


def _digits(rows: Rows, shape: Sequence[int]) -> dict[str, Any] | None:
    """Return the typical size and place of light shapes on dark images, as digits are.

    Returns
    -------
    dict or None
        ``size``, the median of the longer side of the box around a shape in pixels, and ``centre``,
        the mean of the centres of mass (x, y), counted from 0. None for colours, for images with
        light corners, and for shapes in different places.
    """
    channels, height, width = shape
    low, high = float(rows.min()), float(rows.max())
    if channels != 1 or high <= low:
        return None
    images = (rows.astype(np.float64) - low).reshape(-1, height, width) / (high - low)
    images = images[images.max(axis=(1, 2)) >= _INK]
    corners = images[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    columns, lines = (
        (images.sum(axis=axis) @ np.arange(size)) / images.sum(axis=(1, 2))
        for axis, size in ((1, width), (2, height))
    )
    moves = max(columns.std() / width, lines.std() / height)
    if corners.mean() > _DARK_BELOW or moves > _IN_PLACE:
        return None
    sizes = np.maximum(
        *(_extents((images >= _INK).any(axis=axis)) for axis in (1, 2)),
    )
    return {
        "size": int(np.median(sizes)),
        "centre": [float(f"{values.mean():.4g}") for values in (columns, lines)],
    }


def _extents(is_ink: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the distance from the first to the last True in each row, counted with both."""
    size = is_ink.shape[1]
    first, last = is_ink.argmax(axis=1), size - 1 - is_ink[:, ::-1].argmax(axis=1)
    extents: NDArray[np.intp] = last - first + 1
    return extents


def _columns(
    models: Mapping[str, BaseAutoencoder | TableAutoencoder],
) -> tuple[PageColumn, ...] | None:
    """Return the columns of the models' tables, or None if all features are plain numbers."""
    every = [columns_of(model) for model in models.values()]
    first, *others = ([(c.name, c.kind, c.levels) for c in each or ()] for each in every)
    if any(other != first for other in others):
        raise SettingError(
            "the models of a page must have tables of the same columns, got other names, kinds or "
            f"categories for {list(models)}. Make a page for each."
        )
    return every[0]


def _numbers(names: Sequence[str] | None, n_features: int) -> tuple[PageColumn, ...]:
    """Return the columns of a table of plain numbers."""
    if names is None:
        names = [f"x{column}" for column in range(n_features)]
    return tuple(PageColumn(str(name)) for name in names)


def _with_values(sample: Sample, columns: Sequence[PageColumn]) -> Sample:
    """Return a sample with the values of its table, which a `TableAutoencoder`'s has already."""
    if sample.values is not None:
        return sample
    return replace(sample, values=values_of(columns, sample.rows))


def _class_names(test: Sample, train: Sample | None) -> list[str] | None:
    """Return the names of the classes on the page, in the order of the labels."""
    labels = [
        sample.labels
        for sample in (test, train)
        if sample is not None and sample.labels is not None
    ]
    if not labels:
        return None
    classes = np.unique(np.concatenate([_sortable(array) for array in labels]))
    names = list(dict.fromkeys(map(class_name, classes)))
    return names if len(names) <= MOST_CLASSES else None


def _sortable(labels: Rows) -> Rows:
    """Return labels that `numpy.unique` can sort, as a conditional model names them."""
    if labels.dtype.kind == "b":
        return labels.astype(np.int64)
    return labels.astype(np.str_) if labels.dtype.kind == "O" else labels


def _are_equal(rows: Rows, others: Rows) -> bool:
    """Return whether two arrays contain the same samples."""
    return rows is others or np.array_equal(rows, others, equal_nan=True)


def _typical_distance(
    columns: Sequence[PageColumn] | None,
    test: Rows,
    train: Rows | None = None,
    *,
    is_training_data: bool,
) -> float | None:
    """Return the median distance to the nearest training sample, to six digits.

    It is Euclidean between images, and that of `as_points` between rows of a table. If the test
    samples are the training samples, the distance is from one half to the other, because each
    sample is the nearest to itself.
    """
    if train is None:
        return None
    if columns is not None:
        like = np.concatenate([test, train])
        test, train = (as_points(columns, rows, like) for rows in (test, train))
    if is_training_data:
        test, train = train[1::2], train[::2]
        if not len(test):
            return 0.0
    distances = nearest_distances(test.astype(np.float64), train.astype(np.float64))
    # Further digits depend on the order of summation, which differs between processors.
    return float(f"{np.median(distances):.6g}")


def _packed(
    sample: Sample, classes: list[str] | None, blob: Blob, *, images: bool
) -> dict[str, Any]:
    """Add samples and their labels to the blob."""
    values, divisor = stored(sample.shown, images=images)
    labels = None
    if classes is not None and sample.labels is not None:
        numbers = {name: number for number, name in enumerate(classes)}
        indices = [numbers[class_name(label)] for label in _sortable(sample.labels)]
        labels = blob.add(np.array(indices), "uint8")
    return {
        "values": blob.add(values, values.dtype.name),
        "divisor": divisor,
        "labels": labels,
        "n_total": sample.n_total,
    }
