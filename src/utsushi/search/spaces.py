"""The default search spaces: a range for each important parameter."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from utsushi.estimators import BaseAutoencoder
from utsushi.estimators.capabilities import has_posterior
from utsushi.networks import Conv, default_channels
from utsushi.search import SEARCHED

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["settings_of", "space_of"]

#: The largest number of components in the default space.
MOST_COMPONENTS = 64


def space_of(
    model: BaseAutoencoder, n_features: int, n_rows: int, given: Collection[str] = ()
) -> dict[str, BaseDistribution]:
    """Return the default search space of a model.

    Widths, numbers of components and learning rates are sampled on a logarithmic scale. Learning
    rates and batch sizes are centred at those of the recipe. The number of components is searched
    only for variational models, whose bound includes the cost of each component; the error of
    other models decreases with each component, so the largest number would always be chosen.

    Parameters
    ----------
    model : autoencoder
        An unfitted model, with its network and recipe.
    n_features : int
        The number of features.
    n_rows : int
        The number of training samples, on which the recipe's learning rate depends.
    given : collection of str, optional
        Parameters of the estimator that are set, and not searched.

    Returns
    -------
    dict of str to optuna distribution
        Distributions by the names that `settings_of` takes.

    Examples
    --------
    >>> from utsushi import Autoencoder
    >>> space = space_of(Autoencoder(), 784, 16_000, given=["recipe__weight_decay"])
    >>> for name, range in space.items():
    ...     print(name, range)
    hidden_width IntDistribution(high=1024, log=True, low=64, step=1)
    hidden_depth IntDistribution(high=3, log=False, low=1, step=1)
    network__activation CategoricalDistribution(choices=('relu', 'gelu', 'silu'))
    recipe__learning_rate FloatDistribution(high=0.03, log=True, low=0.001, step=None)
    recipe__batch_size CategoricalDistribution(choices=(32, 64, 128, 256))
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    recipe = model.resolved_recipe(n_features, n_rows)
    rate, size = recipe.learning_rate, recipe.batch_size
    convolutional = model.network == "conv" or isinstance(model.network, Conv)
    space: dict[str, dict[str, BaseDistribution]] = {
        "hidden": {
            "hidden_width": IntDistribution(64, 1024, log=True),
            "hidden_depth": IntDistribution(0, 1) if convolutional else IntDistribution(1, 3),
        },
        "network__channels": _channels_of(model) if convolutional else {},
        "network__activation": {
            "network__activation": CategoricalDistribution(["relu", "gelu", "silu"])
        },
        "recipe__learning_rate": {
            "recipe__learning_rate": FloatDistribution(rate / 10, rate * 3, log=True)
        },
        "recipe__batch_size": {
            "recipe__batch_size": CategoricalDistribution(
                [max(size // 4, 1), max(size // 2, 1), size, 2 * size]
            )
        },
        "recipe__weight_decay": {"recipe__weight_decay": FloatDistribution(1e-4, 0.3, log=True)},
        "n_components": {},
    }
    if has_posterior(model) and n_features > 2:
        most = min(n_features, MOST_COMPONENTS)
        space["n_components"] = {"n_components": IntDistribution(2, most, log=True)}
    if "hidden" not in model.get_params(deep=False):  # a dictionary does not have layers
        space |= {"hidden": {}, "network__channels": {}, "network__activation": {}}
    return {
        name: distribution
        for parameter in SEARCHED
        if parameter not in given
        for name, distribution in space[parameter].items()
    }


def _channels_of(model: BaseAutoencoder) -> dict[str, BaseDistribution]:
    """Return the range of the first channels, and the number of convolutions for the images."""
    from optuna.distributions import IntDistribution

    n = 2 if model.image_shape is None else len(default_channels(tuple(model.image_shape)))
    return {"channels": IntDistribution(8, 64, log=True), "n_convolutions": IntDistribution(n, n)}


def settings_of(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the values of a trial to the parameters of an estimator.

    Parameters
    ----------
    chosen : mapping of str to value
        ``hidden_width`` and ``hidden_depth`` describe layers of one width; ``channels`` are those
        of the first of ``n_convolutions``, and double with each layer up to eight times the first.
        All other names are parameters, such as ``recipe__warmup_fraction``.

    Examples
    --------
    >>> settings_of({"hidden_width": 100, "hidden_depth": 2, "channels": 16, "n_convolutions": 2})
    {'hidden': (100, 100), 'network__channels': (16, 32)}
    """
    settings: dict[str, Any] = {}
    if "hidden_width" in chosen:
        settings["hidden"] = (chosen["hidden_width"],) * chosen.get("hidden_depth", 1)
    if "channels" in chosen:
        settings["network__channels"] = tuple(
            chosen["channels"] * min(2**layer, 8) for layer in range(chosen["n_convolutions"])
        )
    converted = ("hidden_width", "hidden_depth", "channels", "n_convolutions")
    return settings | {name: value for name, value in chosen.items() if name not in converted}
