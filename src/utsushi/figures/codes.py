"""Maps of codes in the plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utsushi.exceptions import DataError
from utsushi.figures.canvas import ACCENT, CLASSES, GREY, finite_array, new_axes, settled, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["code_map"]

_MOST_CLASSES = 20  # with a name; more names would overlap


@styled()
def code_map(codes: ArrayLike, labels: ArrayLike | None = None) -> Figure:
    """Draw codes in the plane of their first two principal components.

    Parameters
    ----------
    codes : array-like of shape (n_samples, n_components)
        At least two codes. Codes of one component lie on a line.
    labels : array-like of shape (n_samples,), optional
        Classes. The twenty most frequent have a colour, and their names at their medians.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        If there are fewer than two codes, a code is not finite, or the number of labels differs.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> figure = code_map(rng.normal(size=(60, 3)) * [9, 4, 1], np.arange(60) % 2)
    >>> figure.axes[0].get_xlabel()
    'First principal component (89% of the variance)'
    """
    Z = finite_array(codes, "codes", n_axes=2)
    if len(Z) < 2:
        raise DataError("codes must have at least 2 samples, got 1.")
    points, shares = _principal_plane(Z)
    figure, axes = new_axes(height=5.6)
    size = float(np.clip(25_000 / len(points), 4, 30))
    if labels is None:
        axes.scatter(points[:, 0], points[:, 1], s=size, color=ACCENT, alpha=0.5, linewidths=0)
    else:
        _draw_classes(axes, points, np.asarray(labels), size)
    axes.set_xlabel(f"First principal component ({shares[0]:.0%} of the variance)")
    axes.set_ylabel(f"Second principal component ({shares[1]:.0%} of the variance)")
    axes.set_aspect("equal", adjustable="datalim")  # a distance means the same in every direction
    return settled(figure)


def _principal_plane(
    Z: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points of shape (n_samples, 2) and the two axes' shares of the variance in [0, 1]."""
    from sklearn.decomposition import PCA

    n_axes = min(2, *Z.shape)
    # The full decomposition does not depend on a seed.
    pca = PCA(n_components=n_axes, svd_solver="full", random_state=0)
    with np.errstate(invalid="ignore"):  # constant codes: 0 / 0
        projected = pca.fit_transform(Z)
    points, shares = np.zeros((len(Z), 2)), np.zeros(2)
    points[:, :n_axes] = projected
    shares[:n_axes] = np.nan_to_num(pca.explained_variance_ratio_)
    return points, shares


def _draw_classes(
    axes: Axes, points: NDArray[np.float64], labels: NDArray[np.generic], size: float
) -> None:
    """Draw points in the colours of their classes, and the names of classes at their medians."""
    if labels.shape != (len(points),):
        raise DataError(
            f"labels must have the shape ({len(points)},), one per code, got {labels.shape}. Pass "
            "the labels of the same samples."
        )
    names, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    frequent = np.sort(np.argsort(-counts, kind="stable")[:_MOST_CLASSES])
    palette = np.full(len(names), GREY, dtype=object)
    palette[frequent] = [CLASSES[i % len(CLASSES)] for i in range(len(frequent))]
    # In the order of the classes, the last one would cover the others.
    order = np.random.default_rng(0).permutation(len(points))
    x, y = points[order].T
    axes.scatter(x, y, s=size, c=list(palette[classes[order]]), alpha=0.65, linewidths=0)
    medians = np.array([np.median(points[classes == index], axis=0) for index in frequent])
    smallest = 0.06 * float(np.ptp(points, axis=0).max())
    for index, position in zip(frequent, _separated(medians, smallest), strict=True):
        _write_name(axes, _label(names[index]), position, palette[index])


def _write_name(axes: Axes, name: str, position: NDArray[np.float64], colour: str) -> None:
    """Write a name on a white disc rimmed in the colour of its class."""
    rim = {"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": colour}
    if len(name) > 2:
        rim["boxstyle"] = "round,pad=0.3"
    box = {**rim, "linewidth": 2, "alpha": 0.95}
    axes.text(position[0], position[1], name, ha="center", va="center", weight="bold", bbox=box)


def _label(name: np.generic) -> str:
    """Return a class's name as text: 3 for 3.0, as CSV files often have integers as floats."""
    return f"{name:g}" if isinstance(name, np.floating) else str(name)


def _separated(positions: NDArray[np.float64], smallest: float) -> NDArray[np.float64]:
    """Move positions apart until no two are nearer than about ``smallest``."""
    positions = positions.copy()
    # Classes with the same median need a direction to move in.
    angles = np.arange(len(positions)) * 2.4
    positions += 1e-6 * smallest * np.column_stack([np.cos(angles), np.sin(angles)])
    for _ in range(100):
        between = positions[:, None] - positions[None]
        distance = np.linalg.norm(between, axis=-1) + np.eye(len(positions))
        push = np.clip(smallest - distance, 0, None) * (1 - np.eye(len(positions)))
        if not push.any():
            break
        positions += 0.25 * (between * (push / np.maximum(distance, 1e-300))[..., None]).sum(axis=1)
    return positions
