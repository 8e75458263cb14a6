"""What a living page carries: fitted models and rows, as JSON and one blob of numbers.

The header is what the page's script reads. Wherever it has a tensor, it has a reference into the
blob; see `utsushi.report.tensors`.

    format            1
    title             plain text
    image_shape       [C, H, W] where rows are images of one or three channels, else null
    range             the values of the carried test rows that are shown as black and as white
    features          of tables: the names of the columns, and the range of each; else null
    digits            whether rows are images like MNIST's, which it centred in a certain way
    classes           the names of the classes, or null where there are none, or too many
    test, train       rows: values, divisor, labels (places in ``classes``), n_total
    seen              whether the test rows are the training rows, for want of others
    typical_distance  the median distance of the test rows to the nearest of the training rows
                      here, which is another one where they are seen, or null without these; a
                      generated row that is much nearer may be a copy
    models            one to four

A model has ``encoder`` and ``decoder`` (see `utsushi.report.layers`), ``scaling`` and
``log_volume``, ``likelihood`` and ``target_scaled`` (whether the decoder gives scaled units), what
it makes of the carried test rows (``codes``, ``log_variances``, ``scores``), what its components
carry (``information``, its ``information_unit``, "kl" or "variance", and ``dead``), the ``prior``
(null for N(0, I), else ``log_weights``, ``means`` and ``log_variances`` of the Gaussians that it
mixes), the plane of the map (``centre``, ``axes``, ``explained``), ``sampler`` or, by the order of
``conditions``, ``class_samplers``, and its ``history``.

``log_variance_bend`` is the number b of `utsushi.distributions.posterior_parameters`: an encoder
gives the mean, then the raw log-variance r, which is bent where it is larger than b:

    inner = min(max(r, -b), b)
    log_variance = inner + b tanh((r - inner) / b)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.estimators import BaseAutoencoder
from utsushi.evaluation.two_samples import nearest_distances
from utsushi.report.carried import Sample, samples_of, stored
from utsushi.report.model import model_header
from utsushi.report.tensors import Blob

__all__ = ["MOST_MODELS", "Payload", "payload_of"]

#: Models of one page.
MOST_MODELS = 4

#: Classes that can still be told apart.
MOST_CLASSES = 24

#: The shape of MNIST's images, and the mean pixel under which a page takes them for dark.
_MNIST_SHAPE, _DARK_BELOW = [1, 28, 28], 0.25

Rows = NDArray[Any]


@dataclass(frozen=True)
class Payload:
    """The data of a page.

    Attributes
    ----------
    header : dict
        Ready for JSON.
    tensors : str
        The blob, in base64.
    """

    header: Mapping[str, Any]
    tensors: str


def payload_of(
    models: Mapping[str, BaseAutoencoder],
    test: Sample,
    train: Sample | None = None,
    *,
    title: str,
    feature_names: Sequence[str] | None = None,
) -> Payload:
    """Gather what a page carries of fitted models.

    Parameters
    ----------
    models : mapping of str to fitted autoencoder
        One to four of the same columns, by the names of the switch.
    test : Sample
        All rows for the map; some of them are drawn.
    train : Sample, optional
        All training rows, for the nearest neighbours of new ones.
    title : str
    feature_names : sequence of str, optional
        The names of the columns of a table.

    Returns
    -------
    Payload
        A function of its arguments: the same models and rows give the same page.

    Raises
    ------
    SettingError
        If a page cannot run a model, or would grow too large.
    DataError
        If rows do not suit a model.
    """
    shape = _image_shape(models.values())
    seen = train is not None and _are_equal(test.rows, train.rows)
    test, train = samples_of(test, train, images=shape is not None)
    classes = _class_names(test, train)
    blob = Blob()
    # The models first: one that a page cannot run is refused before anything is packed.
    described = [model_header(name, model, test, blob) for name, model in models.items()]
    header = {
        "format": 1,
        "title": title,
        "image_shape": shape,
        "range": [float(test.rows.min()), float(test.rows.max())],
        "features": _features(test, train, feature_names) if shape is None else None,
        "digits": shape == _MNIST_SHAPE and _is_dark(test.rows),
        "classes": classes,
        "test": _packed(test, classes, blob, images=shape is not None),
        "train": None if train is None else _packed(train, classes, blob, images=shape is not None),
        "seen": seen,
        "typical_distance": None
        if train is None
        else _typical_distance(test.rows, train.rows, seen=seen),
        "models": described,
    }
    return Payload(header, blob.encoded())


def _image_shape(models: Iterable[BaseAutoencoder]) -> list[int] | None:
    """Return the shape (C, H, W) of the rows, if they are images that can be drawn."""
    shapes = [model.image_shape for model in models if model.image_shape is not None]
    if not shapes:
        return None
    shape = [int(size) for size in shapes[0]]
    shape = [1, *shape] if len(shape) == 2 else shape
    return shape if shape[0] in (1, 3) else None


def _is_dark(rows: Rows) -> bool:
    """Tell whether rows are within 0 and 1, and most of them near 0."""
    return bool(rows.min() >= 0 and rows.max() <= 1 and rows.mean() < _DARK_BELOW)


def _features(test: Sample, train: Sample | None, names: Sequence[str] | None) -> dict[str, Any]:
    """Return the names of the columns and their ranges over all carried rows."""
    parts = [test.rows] if train is None else [test.rows, train.rows]
    if names is None:
        names = [f"x{column}" for column in range(test.rows.shape[1])]
    return {
        "names": [str(name) for name in names],
        "low": np.min([part.min(axis=0) for part in parts], axis=0).tolist(),
        "high": np.max([part.max(axis=0) for part in parts], axis=0).tolist(),
    }


def _class_names(test: Sample, train: Sample | None) -> list[str] | None:
    """Return the names of the classes of the carried rows in the order of the labels."""
    known = [part.labels for part in (test, train) if part is not None and part.labels is not None]
    if not known:
        return None
    different = np.unique(np.concatenate([_sortable(labels) for labels in known]))
    names = list(dict.fromkeys(map(_name, different)))
    return names if len(names) <= MOST_CLASSES else None


def _sortable(labels: Rows) -> Rows:
    """Return labels that `numpy.unique` can sort, as a conditional model would name them."""
    if labels.dtype.kind == "b":
        return labels.astype(np.int64)
    return labels.astype(np.str_) if labels.dtype.kind == "O" else labels


def _name(label: Any) -> str:
    """Return a label as text: 3 for the number 3.0, which is how a CSV file often spells it."""
    return f"{label:g}" if isinstance(label, np.floating) else str(label)


def _are_equal(rows: Rows, others: Rows) -> bool:
    """Tell whether two samples are of the same rows."""
    return rows is others or (rows.shape == others.shape and bool((rows == others).all()))


def _typical_distance(test: Rows, train: Rows, *, seen: bool) -> float:
    """Return the median Euclidean distance of rows to the nearest training row, to six digits.

    Of seen rows, one half to the nearest of the other half: each is nearest to itself.
    """
    if seen:
        test, train = train[1::2], train[::2]
        if not len(test):
            return 0.0
    distances = nearest_distances(test.astype(np.float64), train.astype(np.float64))
    # The digits beyond depend on the order in which a processor takes a sum.
    return float(f"{np.median(distances):.6g}")


def _packed(
    sample: Sample, classes: list[str] | None, blob: Blob, *, images: bool
) -> dict[str, Any]:
    """Put rows and their labels into the blob."""
    values, divisor = stored(sample.rows, images=images)
    labels = None
    if classes is not None and sample.labels is not None:
        places = {name: place for place, name in enumerate(classes)}
        found = [places[_name(label)] for label in _sortable(sample.labels)]
        labels = blob.add(np.array(found), "uint8")
    return {
        "values": blob.add(values, values.dtype.name),
        "divisor": divisor,
        "labels": labels,
        "n_total": sample.n_total,
    }
