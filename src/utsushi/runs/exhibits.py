"""The figures of one model, each with a caption that says what to look for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from utsushi.estimators import BaseAutoencoder, DenoisingAutoencoder, VariationalAutoencoder
from utsushi.evaluation import divergence_per_component
from utsushi.figures import (
    code_map,
    component_bars,
    image_grid,
    image_rows,
    learning_curves,
    within_range_of,
)
from utsushi.likelihoods import LOG_2PI, UnitGaussian
from utsushi.runs.texts import TEXTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["N_ORIGINALS", "Exhibit", "can_be_drawn", "exhibits_of"]

#: How many originals and how many generated images are shown.
N_ORIGINALS, N_SAMPLES = 10, 50

#: Points of the map of the codes; more would cover each other.
MAX_MAP_POINTS = 4000

Rows = NDArray[Any]


@dataclass(frozen=True)
class Exhibit:
    """A figure and its words.

    Attributes
    ----------
    name : str
        The name of its file, without the ending.
    figure : matplotlib Figure
    alt : str
        What is to be seen, for who cannot see it.
    caption : str
        What to look for.
    """

    name: str
    figure: Figure
    alt: str
    caption: str


def exhibits_of(
    model: BaseAutoencoder,
    X: Rows,
    y: Rows | None,
    *,
    language: str,
    seed: int = 0,
    held_out: str = "held-out rows",
) -> Iterator[Exhibit]:
    """Draw the figures of a fitted model.

    Parameters
    ----------
    model : fitted autoencoder
        Images are drawn where it has an ``image_shape``.
    X : ndarray of shape (n, D)
        Rows to show.
    y : ndarray of shape (n,) or None
        Their labels.
    language : {"en", "ja"}
    seed : int
        Of the drawn codes.
    held_out : str
        What the figures call the rows that were evaluated after each epoch.

    Yields
    ------
    Exhibit
    """
    words = TEXTS[language]
    yield Exhibit("learning", _learning(model, held_out), words["learning_alt"], words["learning"])
    if model.image_shape is not None and can_be_drawn(tuple(model.image_shape)):
        yield from _images(model, X, y, tuple(model.image_shape), words, seed)
    if len(X) > 1:
        coloured = words["uncoloured" if y is None else "coloured"]
        labels = None if y is None else y[:MAX_MAP_POINTS]
        yield Exhibit(
            "codes",
            code_map(model.transform(X[:MAX_MAP_POINTS]), labels),
            words["codes_alt"],
            words["codes"].format(coloured=coloured),
        )
    if isinstance(model, VariationalAutoencoder):
        kl = divergence_per_component(model, X).mean(axis=0)
        yield Exhibit(
            "components",
            component_bars(kl, ylabel="KL per component, nats"),
            words["components_alt"],
            words["components"],
        )


def _images(
    model: BaseAutoencoder,
    X: Rows,
    y: Rows | None,
    shape: tuple[int, ...],
    words: Mapping[str, str],
    seed: int,
) -> Iterator[Exhibit]:
    """Draw the reconstructions and the generated images, both in the range of ``X``."""
    kind = "vae" if isinstance(model, VariationalAutoencoder) else "ae"
    shown = "dae" if isinstance(model, DenoisingAutoencoder) else kind
    rows = [
        (label, within_range_of(X, images)) for label, images in _reconstructions(model, X, y, seed)
    ]
    yield Exhibit(
        "reconstructions",
        image_rows(rows, shape),
        words["reconstructions_alt"],
        words[f"reconstructions_{shown}"],
    )
    samples = within_range_of(X, model.sample(N_SAMPLES, random_state=seed))
    sampler = words[f"sampler_{type(model.sampler_).__name__}"]
    yield Exhibit(
        "samples",
        image_grid(samples, shape),
        words["samples_alt"],
        words[f"samples_{kind}"].format(sampler=sampler),
    )


def can_be_drawn(image_shape: tuple[int, ...]) -> bool:
    """Tell whether a picture can show such an image: in grey, or in three colours."""
    return len(image_shape) == 2 or image_shape[0] in (1, 3)


def _learning(model: BaseAutoencoder, held_out: str) -> Figure:
    """Draw the history: the lecture's loss over D where it is one, else the objective."""
    n_features = model.n_features_in_
    # The error alone: a penalty is of another kind.
    name = "objective" if isinstance(model, VariationalAutoencoder) else "reconstruction"
    drawn = {"training rows": [row[name] for row in model.history_]}
    if f"validation_{name}" in model.history_[0]:
        drawn[held_out] = [row[f"validation_{name}"] for row in model.history_]
    if not isinstance(model, VariationalAutoencoder):
        curves = {label: (np.array(row) / n_features).tolist() for label, row in drawn.items()}
        return learning_curves(curves, ylabel="squared error / features")
    if isinstance(model.likelihood_, UnitGaussian) and model.beta == 1:
        curves = {
            label: (2 * np.array(row) / n_features - LOG_2PI).tolist()
            for label, row in drawn.items()
        }
        return learning_curves(curves, ylabel="loss / features")
    return learning_curves(drawn, ylabel="objective, nats per row")


def _reconstructions(
    model: BaseAutoencoder, X: Rows, y: Rows | None, seed: int
) -> list[tuple[str, Rows]]:
    """Return the rows of images of the lecture's figures."""
    X, y = X[:N_ORIGINALS], None if y is None else y[:N_ORIGINALS]
    if isinstance(model, DenoisingAutoencoder):
        damaged = model.corrupt(X, random_state=seed)
        return [("original", X), ("damaged", damaged), ("repaired", model.reconstruct(damaged))]
    if not isinstance(model, VariationalAutoencoder):
        return [("original", X), ("reconstruction", model.reconstruct(X, y))]
    draws = [model.reconstruct(X, y, sample=True, random_state=seed + i) for i in (0, 1)]
    return [
        ("original", X),
        ("drawn code", draws[0]),
        ("drawn again", draws[1]),
        ("mean code", model.reconstruct(X, y)),
    ]
