"""A training as curves: the lecture's loss over D where it is one, else the objective."""

from __future__ import annotations

from dataclasses import dataclass

from utsushi.distributions.likelihoods import LOG_2PI, UnitGaussian
from utsushi.estimators import BaseAutoencoder, VariationalAutoencoder

__all__ = ["Curves", "curves_of"]


@dataclass(frozen=True)
class Curves:
    """What was measured of a model in each epoch.

    Attributes
    ----------
    unit : {"error", "loss", "objective"}
        Squared error over the features, the lecture's loss over the features, or the objective in
        nats per row.
    training : list of float
        During each epoch.
    held_out : list of float or None
        After each epoch, of the rows that were held out, if any were.
    """

    unit: str
    training: list[float]
    held_out: list[float] | None


def curves_of(model: BaseAutoencoder) -> Curves:
    """Return the curves of a fitted model.

    Examples
    --------
    >>> from utsushi import Autoencoder
    >>> model = Autoencoder(n_components=1, hidden=(2,), max_epochs=3, random_state=0)
    >>> curves = curves_of(model.fit([[0.0, 1.0], [1.0, 0.0]]))
    >>> curves.unit, len(curves.training), curves.held_out
    ('error', 3, None)
    """
    variational = isinstance(model, VariationalAutoencoder)
    # Of an autoencoder the error alone: a penalty is of another kind.
    name = "objective" if variational else "reconstruction"
    unit, scale, shift = "error", 1 / model.n_features_in_, 0.0
    if variational:
        unit, scale = "objective", 1.0
        if isinstance(model.likelihood_, UnitGaussian) and model.beta == 1:
            unit, scale, shift = "loss", 2 / model.n_features_in_, LOG_2PI

    def curve(key: str) -> list[float] | None:
        if key not in model.history_[0]:
            return None
        return [scale * row[key] - shift for row in model.history_]

    return Curves(unit, curve(name) or [], curve(f"validation_{name}"))
