"""What an autoencoder is told before it learns: its parameters, and what follows from them."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator

from utsushi.augmentation import Augmentation
from utsushi.estimators.memory import empty_module_that_fits
from utsushi.estimators.parameters import resolve
from utsushi.exceptions import SettingError
from utsushi.networks import NETWORKS, EncoderDecoder, Network, initialize
from utsushi.networks.base import as_sizes
from utsushi.samplers import SAMPLERS, Sampler
from utsushi.seeds import Purpose, generator
from utsushi.training import Recipe

__all__ = ["Described"]

#: Objects in the place of names, as one would write them.
_EXAMPLES = {
    "network": "networks.Dense()",
    "recipe": "Recipe()",
    "likelihood": "likelihoods.Gaussian()",
    "sampler": "samplers.Mixture()",
    "augment": "augmentation.Affine()",
}


class Described(BaseEstimator):
    """What every estimator's constructor stores, the recipe and the network that it stands for.

    A subclass names its recipes.
    """

    _recipes: ClassVar[dict[str, Recipe]]
    _outputs_per_component: ClassVar[int] = 1

    # What every subclass's constructor stores.
    n_components: int
    network: str | Network
    hidden: int | tuple[int, ...]
    channels: int | tuple[int, ...]
    image_shape: tuple[int, ...] | None
    scaling: str | None
    missing: str
    sampler: str | Sampler
    augment: str | Augmentation | None
    recipe: str | Recipe
    max_epochs: int | None
    batch_size: int | None
    learning_rate: float | None
    weight_decay: float | None
    validation_fraction: float
    early_stopping: int | None
    random_state: int | np.random.RandomState | None
    device: str
    precision: str
    verbose: int

    # What fit learns of them.
    n_features_in_: int
    seed_: int
    device_: str

    def set_params(self, **params: Any) -> Self:
        """Set parameters, ``recipe__learning_rate`` inside of an object; see scikit-learn."""
        for name in params:
            outer, _, inner = name.partition("__")
            value = params.get(outer, getattr(self, outer, None))
            if inner and isinstance(value, str):
                raise SettingError(
                    f"{name}, but {outer}={value!r} is a name, which has no parameters; expected "
                    f"an object, such as {outer}={_EXAMPLES.get(outer, 'one')}"
                )
        super().set_params(**params)
        return self

    def _validate_params(self) -> None:
        """Check the parameters, and those of the sampler: it is fitted last, after the training."""
        super()._validate_params()
        resolve(self.sampler, SAMPLERS).check(self.n_components)

    def resolved_recipe(self) -> Recipe:
        """Return the recipe with the estimator's own settings put over it."""
        recipe = self._recipes[self.recipe] if isinstance(self.recipe, str) else self.recipe
        return recipe.replaced(
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
        )

    def _build(self) -> EncoderDecoder:
        """Build and fill the network on the training device."""
        sampler = resolve(self.sampler, SAMPLERS)
        sizes = ("n_components", "hidden", *(() if self.network == "dense" else ("channels",)))
        module = empty_module_that_fits(
            self._empty_module,
            lambda: sampler.expected_state(self.n_components).values(),
            said=", ".join(f"{name}={getattr(self, name)!r}" for name in sizes),
        ).to_empty(device="cpu")
        initialize(module, generator(self.seed_, Purpose.INITIALIZATION))
        return module.to(self.device_)

    def _empty_module(self) -> EncoderDecoder:
        """Build the network without memory for its parameters, to be filled or compared with."""
        n_outputs = self._outputs_per_component * self.n_components
        with torch.device("meta"):
            module = resolve(self.network, NETWORKS).build(
                self.n_features_in_,
                self.n_components + self._n_conditions,
                n_outputs,
                as_sizes(self.hidden),
                channels=as_sizes(self.channels),
                image_shape=None if self.image_shape is None else tuple(self.image_shape),
            )
        return module.to(torch.float32)  # whatever the caller's default is

    @property
    def _n_conditions(self) -> int:
        """The width of what the decoder is told beside the code."""
        return 0
