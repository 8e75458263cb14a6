"""The figures of one model, with captions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.frames import RawColumn, read_frame
from utsushi.estimators import BaseAutoencoder, TableAutoencoder
from utsushi.estimators.capabilities import can_corrupt, has_posterior, has_sparse_codes
from utsushi.evaluation import associations, divergence_per_component
from utsushi.evaluation.frames import native_frame
from utsushi.evaluation.rows import chosen_rows
from utsushi.figures import (
    association_matrices,
    code_map,
    column_histograms,
    component_bars,
    image_grid,
    image_rows,
    learning_curves,
    to_png,
    within_range_of,
)
from utsushi.report import in_each_language
from utsushi.report.model import curves_of
from utsushi.runs.texts import TEXTS
from utsushi.samplers import Prior

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "N_ORIGINALS",
    "CaptionedFigure",
    "can_be_drawn",
    "captioned_figures",
    "captioned_table_figures",
]

#: The numbers of original and of generated images that are shown.
N_ORIGINALS, N_SAMPLES = 10, 50

#: The largest number of points on the map of codes; more would cover each other.
MAX_MAP_POINTS = 4000

#: The most columns of a table with a histogram, and in the matrices of associations.
MAX_HISTOGRAMS, MAX_ASSOCIATIONS = 30, 40

#: The most values of a column that colour the map of codes.
MAX_COLOURS = 20

Rows = NDArray[Any]
Texts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class CaptionedFigure:
    """Hold a figure with its caption in each language.

    Attributes
    ----------
    name : str
        The name of its file, without the suffix.
    figure : matplotlib Figure
    alt : mapping of str to str
        By language, a description of the figure for screen readers.
    caption : mapping of str to str
        By language, the caption, with what to look for.
    """

    name: str
    figure: Figure
    alt: Mapping[str, str]
    caption: Mapping[str, str]

    @classmethod
    def of(
        cls, name: str, figure: Figure, texts: Texts, caption: str, alt: str = "", **inserted: str
    ) -> CaptionedFigure:
        """Create a captioned figure with texts by language and key.

        Parameters
        ----------
        caption : str
            The key of the caption.
        alt : str, optional
            The key of the description; default: that of the caption and "_alt".
        **inserted
            Keys of texts to insert into the caption, by the names of its placeholders.
        """
        return cls(
            name,
            figure,
            in_each_language(lambda words: words[alt or f"{caption}_alt"], texts),
            in_each_language(
                lambda words: words[caption].format(
                    **{name: words[key] for name, key in inserted.items()}
                ),
                texts,
            ),
        )

    @cached_property
    def png(self) -> bytes:
        """The figure as a PNG file, drawn once for folder and report."""
        return to_png(self.figure)


def captioned_figures(
    model: BaseAutoencoder,
    X: Rows,
    y: Rows | None,
    *,
    seed: int = 0,
    held_out: str = "held-out samples",
) -> Iterator[CaptionedFigure]:
    """Draw the figures of a fitted model.

    Parameters
    ----------
    model : fitted autoencoder
        Images are drawn if it has an ``image_shape``.
    X : ndarray of shape (n, D)
        Samples to show.
    y : ndarray of shape (n,) or None
        Their labels.
    seed : int
        Seed of the drawn codes.
    held_out : str
        The label of the samples that were evaluated after each epoch.

    Yields
    ------
    CaptionedFigure
    """
    yield CaptionedFigure.of("learning", _learning(model, held_out), TEXTS, "learning")
    if model.image_shape is not None and can_be_drawn(tuple(model.image_shape)):
        yield from _images(model, X, y, tuple(model.image_shape), seed)
    if len(X) > 1 and not has_sparse_codes(model):
        labels = None if y is None else y[:MAX_MAP_POINTS]
        yield CaptionedFigure.of(
            "codes",
            code_map(model._vectors(X[:MAX_MAP_POINTS]), labels),
            TEXTS,
            "codes",
            coloured="uncoloured" if y is None else "coloured",
        )
    if has_posterior(model) and model.has_standard_normal_prior:
        kl = divergence_per_component(model, X).mean(axis=0)
        bars = component_bars(kl, ylabel="KL per component, nats")
        yield CaptionedFigure.of("components", bars, TEXTS, "components")


def captioned_table_figures(
    model: TableAutoencoder, frame: Any, target: str | None = None, *, seed: int = 0
) -> Iterator[CaptionedFigure]:
    """Draw the figures of a fitted model of tables.

    Parameters
    ----------
    model : fitted TableAutoencoder
    frame : data frame of n rows
        Real rows, of which at most 4,000 are drawn; they are compared with as many synthetic ones.
    target : str or None
        The column that colours the map of codes, if it has few values.
    seed : int
        Seed of the synthetic rows.

    Yields
    ------
    CaptionedFigure
    """
    learning = _learning(model.autoencoder_, "held-out samples")
    yield CaptionedFigure.of("learning", learning, TEXTS, "learning")
    whole = native_frame(frame, "frame")
    frame = whole[chosen_rows(len(whole), MAX_MAP_POINTS, seed)].to_native()
    synthetic = model.sample(len(frame), random_state=seed)
    tables = [{c.name: c for c in read_frame(table)[0]} for table in (frame, synthetic)]
    names = [name for name in tables[0] if name in tables[1]]  # without identifiers
    real, drawn = (
        {name: _for_figure(table[name]) for name in names[:MAX_HISTOGRAMS]} for table in tables
    )
    yield CaptionedFigure.of("columns", column_histograms(real, drawn), TEXTS, "histograms")
    if len(names) > 1:
        some = names[:MAX_ASSOCIATIONS]
        matrices = [
            associations(native_frame(table, "frame").select(some).to_native())
            for table in (frame, synthetic)
        ]
        drawn_matrices = association_matrices(matrices[0], matrices[1], some)
        yield CaptionedFigure.of("associations", drawn_matrices, TEXTS, "associations")
    if len(frame) > 1:
        labels = None if target is None else _for_figure(tables[0][target])
        if labels is not None and len(set(labels.tolist())) > MAX_COLOURS:
            labels = None
        yield CaptionedFigure.of(
            "codes",
            code_map(model.transform(frame), None if labels is None else labels.astype(str)),
            TEXTS,
            "codes",
            coloured="uncoloured" if labels is None else "coloured",
        )


def _for_figure(column: RawColumn) -> Rows:
    """Return a column as a histogram needs it: times as such, truth values as objects."""
    if column.dtype in ("Date", "Datetime"):
        moments: Rows = np.full(len(column.values), np.datetime64("NaT", "us"))
        present = ~column.is_missing
        moments[present] = np.rint(column.values[present] * 1e6).astype("datetime64[us]")
        return moments
    if column.dtype == "Boolean":
        truth = [None if np.isnan(value) else bool(value) for value in column.values]
        return np.array(truth, dtype=object)
    return column.values


def _images(
    model: BaseAutoencoder, X: Rows, y: Rows | None, shape: tuple[int, ...], seed: int
) -> Iterator[CaptionedFigure]:
    """Draw the reconstructions and the generated images, both in the range of ``X``."""
    kind = "vae" if has_posterior(model) else "ae"
    caption_kind = "dae" if can_corrupt(model) else kind
    rows = [
        (label, within_range_of(X, images)) for label, images in _reconstructions(model, X, y, seed)
    ]
    yield CaptionedFigure.of(
        "reconstructions",
        image_rows(rows, shape),
        TEXTS,
        f"reconstructions_{caption_kind}",
        "reconstructions_alt",
    )
    if has_sparse_codes(model):
        if hasattr(model.module_.decoder, "atoms"):
            yield CaptionedFigure.of("atoms", image_grid(_atoms(model, X), shape), TEXTS, "atoms")
        return
    samples = within_range_of(X, model.sample(N_SAMPLES, random_state=seed))
    from_prior = type(model.sampler_) is Prior
    yield CaptionedFigure.of(
        "samples",
        image_grid(samples, shape),
        TEXTS,
        "samples_vae" if from_prior else f"samples_{kind}",
        "samples_alt",
        sampler=f"sampler_{type(model.sampler_).__name__}",
    )


def _atoms(model: BaseAutoencoder, X: Rows) -> Rows:
    """Return the atoms that samples use most, in descending order, as images."""
    assert has_sparse_codes(model)
    active: Any = model.transform(X) > 0
    n_uses = np.asarray(active.sum(axis=0)).ravel()
    atoms = model.components_[np.argsort(-n_uses, kind="stable")[:N_SAMPLES]]
    images: Rows = 0.5 + 0.5 * atoms / np.abs(atoms).max(axis=1, keepdims=True)
    return images


def can_be_drawn(image_shape: tuple[int, ...]) -> bool:
    """Return whether images of a shape can be drawn: with one or three channels."""
    return len(image_shape) == 2 or image_shape[0] in (1, 3)


def _learning(model: BaseAutoencoder, held_out: str) -> Figure:
    """Draw the learning curves."""
    curves = curves_of(model)
    lines = {"training samples": curves.training}
    if curves.held_out is not None:
        lines[held_out] = curves.held_out
    return learning_curves(lines, ylabel=in_each_language(itemgetter(f"unit_{curves.unit}"))["en"])


def _reconstructions(
    model: BaseAutoencoder, X: Rows, y: Rows | None, seed: int
) -> list[tuple[str, Rows]]:
    """Return labelled rows of images: originals and reconstructions."""
    X, y = X[:N_ORIGINALS], None if y is None else y[:N_ORIGINALS]
    if can_corrupt(model):
        corrupted = model.corrupt(X, random_state=seed)
        denoised = model.reconstruct(corrupted)
        return [("original", X), ("corrupted", corrupted), ("denoised", denoised)]
    if not has_posterior(model):
        return [("original", X), ("reconstruction", model.reconstruct(X, y))]
    draws = [model.reconstruct(X, y, sample=True, random_state=seed + i) for i in (0, 1)]
    return [
        ("original", X),
        ("drawn code", draws[0]),
        ("second draw", draws[1]),
        ("mean code", model.reconstruct(X, y)),
    ]
