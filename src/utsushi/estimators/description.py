"""What an autoencoder is told before it learns: its parameters, and what follows from them."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator

from utsushi._utils.seeds import Purpose, generator
from utsushi.estimators.memory import empty_module_that_fits
from utsushi.estimators.parameters import network_of, resolve
from utsushi.exceptions import SettingError
from utsushi.networks import NETWORKS, Conv, EncoderDecoder, Network, initialize
from utsushi.samplers import SAMPLERS, Sampler
from utsushi.training import Recipe, suited_to
from utsushi.transforms.augmentation import Augmentation

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
    hidden: int | tuple[int, ...] | None
    channels: int | tuple[int, ...] | None
    activation: str | None
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
    network_: Network
    recipe_: Recipe
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

    def _choose(self, n_rows: int) -> None:
        """Choose network and recipe for so many training rows, where the caller left it open."""
        self.network_ = network_of(self, warn=True).sized(self.n_features_in_, n_rows, self._shape)
        self.recipe_ = self.resolved_recipe(self.n_features_in_, n_rows)

    def resolved_recipe(self, n_features: int, n_rows: int) -> Recipe:
        """Return the recipe for rows of that shape, with the estimator's own settings over it."""
        recipe = self._recipes[self.recipe] if isinstance(self.recipe, str) else self.recipe
        if self.recipe == "fast":
            recipe = suited_to(
                recipe,
                n_features,
                n_rows,
                convolutional=isinstance(resolve(self.network, NETWORKS), Conv),
                variational=self._outputs_per_component == 2,
            )
        return recipe.replaced(
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
        )

    def _build(self) -> EncoderDecoder:
        """Build and fill the network on the training device."""
        sampler = resolve(self.sampler, SAMPLERS)
        sizes = {name: getattr(self.network_, name, None) for name in ("hidden", "channels")}
        module = empty_module_that_fits(
            self._empty_module,
            lambda: sampler.expected_state(self.n_components).values(),
            said=", ".join(
                f"{name}={size!r}"
                for name, size in {"n_components": self.n_components, **sizes}.items()
                if size is not None
            ),
        ).to_empty(device="cpu")
        draws = generator(self.seed_, Purpose.INITIALIZATION)
        initialize(module, draws, self.network_.initialization)
        return module.to(self.device_)

    def _empty_module(self) -> EncoderDecoder:
        """Build the network without memory for its parameters, to be filled or compared with."""
        with torch.device("meta"):
            module = self.network_.build(
                self.n_features_in_,
                self.n_components + self._n_conditions,
                self._outputs_per_component * self.n_components,
                image_shape=self._shape,
            )
        return module.to(torch.float32)  # whatever the caller's default is

    @property
    def _shape(self) -> tuple[int, ...] | None:
        """The shape of an image as a tuple, if a row is one."""
        return None if self.image_shape is None else tuple(self.image_shape)

    @property
    def _n_conditions(self) -> int:
        """The width of what the decoder is told beside the code."""
        return 0
