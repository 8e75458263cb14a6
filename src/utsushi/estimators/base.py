"""What all autoencoders share: the scikit-learn contract around a network and an objective."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from utsushi.augmentation import AUGMENTATIONS, Augmentation
from utsushi.estimators.inference import map_rows
from utsushi.estimators.parameters import (
    check_image_shape,
    resolve,
    resolve_device,
    warn_of_overruled_sizes,
)
from utsushi.estimators.rows import (
    Labelled,
    Rows,
    checked_codes,
    checked_rows,
    warn_of_unlike_columns,
)
from utsushi.estimators.units import Units
from utsushi.exceptions import SettingError, UtsushiWarning
from utsushi.networks import NETWORKS, EncoderDecoder, Network, initialize
from utsushi.networks.base import as_sizes, is_size
from utsushi.objectives import Batch
from utsushi.samplers import SAMPLERS, Sampler
from utsushi.scaling import Scaling
from utsushi.seeds import Purpose, generator, numpy_generator, seed_from
from utsushi.training import Recipe, train
from utsushi.training.loop import Augment, Objective
from utsushi.training.progress import progress_bar

__all__ = ["BaseAutoencoder"]


class BaseAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, ABC):
    """The base of all estimators: ``fit`` orchestrates, the mathematics lives elsewhere.

    A subclass names its recipes and says what its objective is, how an encoder's output is read
    as a code, and how a row is scored.
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

    # What fit learns.
    n_features_in_: int
    dtype_: str
    seed_: int
    device_: str
    scaling_: Scaling
    module_: EncoderDecoder
    sampler_: Sampler
    history_: list[dict[str, Any]]
    n_epochs_: int

    # --- learning -------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: Any = None, *, validation_data: ArrayLike | None = None) -> Self:
        """Learn a code for the rows of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), n_samples >= 2
            Training rows: finite numbers, on which the network computes in float32.
        y : array-like of shape (n_samples,), optional
            The class of each row, integers or strings, for a conditional model; else ignored.
        validation_data : array-like of shape (n_held_out, n_features), optional
            Rows to evaluate after each epoch and never to train on, in place of a
            ``validation_fraction`` of ``X``; a pair of rows and classes for a conditional model.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If ``X`` has too few rows, or values that are not finite.
        SettingError, InvalidParameterError
            If a parameter is not what it may be. Both are ``ValueError``.
        TrainingDivergedError
            If the objective stops being a finite number. The estimator is then not fitted.
        """
        self._validate_params()
        # The sampler is learned last, and makes the model a fitted one: a refit that fails must
        # not leave the old network beside what is new.
        self.__dict__.pop("sampler_", None)
        rows = self._checked(X, reset=True)
        check_image_shape(self.image_shape, self.n_features_in_)
        warn_of_overruled_sizes(self)
        self.seed_ = seed_from(self.random_state)
        self.device_ = str(resolve_device(self.device))
        self.dtype_ = rows.dtype.name
        known = Labelled(rows, self._learn_condition(y, rows))
        training, held_out = self._split(known, validation_data)
        self.scaling_ = Scaling.learn(self.scaling, training.rows)
        if self.scaling in ("center", None):
            warn_of_unlike_columns(training.rows)
        data = self._batch(training)
        module = self._build()
        self.history_ = self._train(module, data, held_out)
        self.n_epochs_ = len(self.history_)
        self._finish(module, data)
        self.module_ = module
        return self._fit_sampler(training.rows)

    def fit_sampler(self, X: ArrayLike) -> Self:
        """Learn ``sampler`` anew from the codes of ``X``; the network stays as it is.

        ``model.set_params(sampler="flow").fit_sampler(X)`` gives a fitted model another sampler:
        with the rows that ``fit`` trained on, the one that ``fit`` would have learned.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), n_samples >= 2

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self._validate_params()
        return self._fit_sampler(self._checked(X, at_least=2))

    def _fit_sampler(self, rows: Rows) -> Self:
        """Learn the sampler from the codes of checked rows."""
        codes = self._codes(rows).astype(np.float64)
        self.sampler_ = resolve(self.sampler, SAMPLERS).fit(
            codes, numpy_generator(self.seed_, Purpose.SAMPLER)
        )
        return self

    def _validate_params(self) -> None:
        """Check the parameters, and those of the sampler: it is fitted last, after the training."""
        super()._validate_params()
        resolve(self.sampler, SAMPLERS)._validate_params()

    def _learn_condition(self, y: Any, rows: Rows) -> NDArray[np.float32] | None:
        """Return what the decoder is told of each row; nothing, but in a conditional model."""
        return None

    def _validation(self, validation_data: Any) -> Labelled:
        """Return the rows that the caller holds out."""
        return Labelled(self._checked(validation_data), None)

    def _split(self, known: Labelled, validation_data: Any) -> tuple[Labelled, Labelled | None]:
        """Return the rows to train on and the rows to hold out, if any."""
        if validation_data is not None:
            return known, self._validation(validation_data)
        if self.early_stopping is not None and not self.validation_fraction:
            raise SettingError(
                f"early_stopping={self.early_stopping} has no held-out rows to watch, expected "
                "some; set validation_fraction=0.1 or pass validation_data to fit"
            )
        return known.split(self.validation_fraction, self.seed_)

    def _batch(self, known: Labelled) -> Batch:
        """Return rows as the training loop takes them: scaled, and on the training device."""
        condition = None if known.condition is None else torch.from_numpy(known.condition)
        return Batch(
            torch.from_numpy(self.scaling_.forward(known.rows)).to(self.device_),
            None if condition is None else condition.to(self.device_),
        )

    def _build(self) -> EncoderDecoder:
        """Build and fill the network on the training device."""
        module = self._empty_module().to_empty(device="cpu")
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

    def _train(
        self, module: EncoderDecoder, data: Batch, held_out: Labelled | None
    ) -> list[dict[str, Any]]:
        """Run the training loop and return its history."""
        recipe = self.resolved_recipe()
        title = type(self).__name__
        with progress_bar(title, recipe.n_epochs(len(data)), int(self.verbose)) as on_epoch:
            return train(
                module,
                self._objective(data),
                data,
                recipe=recipe,
                seed=self.seed_,
                validation=None if held_out is None else self._batch(held_out),
                augment=self._augment(data.x),
                patience=self.early_stopping,
                precision=self.precision,
                on_epoch=on_epoch,
            )

    def _augment(self, x: Tensor) -> Augment | None:
        """Return the augmentation of scaled rows, which is one of rows in the input's units."""
        if self.augment is None:
            return None
        shape = None if self.image_shape is None else tuple(self.image_shape)
        augmentation = resolve(self.augment, AUGMENTATIONS)
        augmentation.check(shape)
        return Units.of(self.scaling_, x).wrap(
            lambda rows, generator: augmentation(rows, shape, generator)
        )

    def resolved_recipe(self) -> Recipe:
        """Return the recipe with the estimator's own settings put over it."""
        recipe = self._recipes[self.recipe] if isinstance(self.recipe, str) else self.recipe
        return recipe.replaced(
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
        )

    @abstractmethod
    def _objective(self, data: Batch) -> Objective:
        """Return what to minimize over the scaled training rows."""

    def _finish(self, module: EncoderDecoder, data: Batch) -> None:
        """Learn what can only be learned when the network is trained."""

    # --- using what was learned -----------------------------------------------------------------

    def transform(self, X: ArrayLike) -> Rows:
        """Encode rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_components), float32 for float32 input, else float64
            The codes; for a variational model the posterior means. The same row gives the same
            code, bit for bit, whatever rows stand beside it.
        """
        check_is_fitted(self)
        rows = self._checked(X)
        return self._codes(rows).astype(rows.dtype, copy=False)

    def _codes(self, X: Rows) -> NDArray[np.float32]:
        """Encode checked rows, in float32."""
        return self._map(X, lambda x, _: self._encode(x))

    def inverse_transform(self, Z: ArrayLike, y: ArrayLike | None = None) -> Rows:
        """Decode codes.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
        y : a class, or array-like of shape (n_samples,)
            What the decoder of a conditional model is told; else ignored.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32 for float32 input, else float64
            Rows in the units of the input.
        """
        check_is_fitted(self)
        codes = checked_codes(Z, self.n_components)
        return self._restored(self._decode_codes(self._told(codes, y)), codes.dtype)

    def reconstruct(self, X: ArrayLike, y: ArrayLike | None = None) -> Rows:
        """Encode rows and decode their codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : a class, or array-like of shape (n_samples,)
            What the decoder of a conditional model is told; else ignored.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32 for float32 input, else float64
            Rows in the units of the input.
        """
        check_is_fitted(self)
        rows = self._checked(X)
        codes = self._codes(rows)
        return self._restored(self._decode_codes(self._told(codes, y)), rows.dtype)

    def sample(
        self,
        n_samples: int = 1,
        *,
        y: ArrayLike | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Rows:
        """Generate new rows: codes from the fitted sampler, decoded.

        Parameters
        ----------
        n_samples : int >= 1, default=1
            How many.
        y : a class, or array-like of shape (n_samples,), optional
            Of a conditional model; else ignored.
        random_state : int, RandomState or None, default=None
            An integer gives the same rows each time; None gives new ones.

        Returns
        -------
        ndarray of shape (n_samples, n_features), of the dtype of the training rows
            Rows in the units of the input.
        """
        check_is_fitted(self)
        codes = self._sampled_codes(n_samples, seed_from(random_state))
        return self._restored(self._decode_codes(codes), self.dtype_)

    @abstractmethod
    def score_samples(self, X: ArrayLike, y: ArrayLike | None = None) -> NDArray[np.floating[Any]]:
        """Score each row; higher is more normal."""

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Return the mean of `score_samples`; only a conditional model looks at ``y``."""
        return float(np.mean(self.score_samples(X, y), dtype=np.float64))

    def save(self, path: str | Path) -> Path:
        """Write the model to one safetensors file; `utsushi.load` reads it back.

        Parameters
        ----------
        path : str or Path
            The file to write, whole or not at all. The same model gives the same bytes.

        Returns
        -------
        Path
        """
        from utsushi.estimators.storage import save

        check_is_fitted(self)
        return save(self, path)

    # --- between rows and tensors ---------------------------------------------------------------

    def _encode(self, x: Tensor) -> Tensor:
        """Return the codes (B, H) of scaled rows (B, D)."""
        codes: Tensor = self.module_.encoder(x)
        return codes

    def _decode(self, z: Tensor) -> Tensor:
        """Return the scaled rows (B, D) of codes (B, H)."""
        rows: Tensor = self.module_.decoder(z)
        return rows

    def _told(self, rows: Rows, y: ArrayLike | None) -> Rows:
        """Return rows or codes with what the decoder is told beside them, if it is anything."""
        return rows

    def _restored(self, output: NDArray[np.float32], dtype: Any) -> Rows:
        """Return what the decoder makes in the units of the input."""
        return self.scaling_.inverse(output, dtype)

    def _decode_codes(self, Z: Rows, decode: Any = None) -> NDArray[np.float32]:
        """Decode an array of codes into scaled rows, or by another function of a code."""
        decode = self._decode if decode is None else decode
        return map_rows(Z, lambda z: z.astype(np.float32), lambda z, _: decode(z), self.device_)

    def _sampled_codes(self, n_samples: int, seed: int) -> Rows:
        """Draw new codes."""
        if not is_size(n_samples):
            raise SettingError(f"n_samples={n_samples!r}, expected an integer from 1 on")
        return self.sampler_.sample(n_samples, numpy_generator(seed, Purpose.SAMPLE))

    def _map(self, X: Rows, function: Any) -> NDArray[np.float32]:
        """Apply a function of (scaled block, rows) to all rows; see `map_rows`."""
        return map_rows(X, self.scaling_.forward, function, self.device_)

    def _checked(self, X: ArrayLike, *, reset: bool = False, at_least: int = 1) -> Rows:
        """Return rows as a finite float32 or float64 array with the right columns."""
        rows = checked_rows(self, X, reset=reset, at_least=at_least)
        if reset and self.n_components > rows.shape[1]:
            warnings.warn(
                f"n_components={self.n_components} is more than the {rows.shape[1]} features: the "
                "code can copy a row without compressing it; choose fewer components",
                UtsushiWarning,
                stacklevel=3,
            )
        return rows

    # --- scikit-learn's protocol ----------------------------------------------------------------

    @property
    def _n_features_out(self) -> int:
        """The number of columns that `transform` gives, for the names of its output."""
        return self.n_components

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "sampler_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
