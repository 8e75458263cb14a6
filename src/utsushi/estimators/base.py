"""The base class of all autoencoder estimators: fit, inference and the scikit-learn contract."""

from __future__ import annotations

import math
import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from utsushi._utils.lazy_rows import AnyRows
from utsushi._utils.seeds import Purpose, generator, numpy_generator, seed_from, torch_seeded
from utsushi._utils.validation import has_missing
from utsushi.distributions import Mixed
from utsushi.estimators.diagnosis import SOME_ROWS, Fit, pca_error, troubles
from utsushi.estimators.identity import digest, digest_of_weights, identity_of
from utsushi.estimators.inference import map_rows
from utsushi.estimators.missing import check_columns, mask_of, without_gaps
from utsushi.estimators.model_file import MANY_ROWS, Tensors, autoencoder_to_file, save
from utsushi.estimators.parameters import (
    Parameters,
    check_image_shape,
    check_output,
    describes,
    network_of,
    resolve_device,
)
from utsushi.estimators.registry import ESTIMATORS, OwnClasses, is_own
from utsushi.estimators.rows import (
    COPIED_BYTES,
    DEVICE_BYTES,
    Rows,
    ScaledRows,
    TrainingData,
    check_width,
    checked_codes,
    checked_rows,
    scanned,
    warn_of_unlike_columns,
)
from utsushi.estimators.stream import CALIBRATION_ROWS, FittedWhenRead, Stream
from utsushi.exceptions import PoorFitWarning, SettingError, UtsushiWarning
from utsushi.networks import Conv, Dense, EncoderDecoder, Network, initialize
from utsushi.networks.base import as_sizes, is_size
from utsushi.objectives import Objective, Source
from utsushi.samplers import Codes, Sampler
from utsushi.training import Recipe, fast_settings, train_in_subspace
from utsushi.training.checkpoint import Checkpoints
from utsushi.training.data_parallel import checkpoints_in, current_group
from utsushi.training.loop import Augment, train
from utsushi.training.progress_bar import progress_bar
from utsushi.transforms.scaling import RunningMoments, Scaling, column_moments
from utsushi.transforms.table_schema import TableSchema

__all__ = ["BaseAutoencoder", "autoencoder_of"]

#: float32 numbers that training holds per parameter: itself, its gradient and Adam's two moments.
_NUMBERS_PER_PARAMETER = 4

GB = 10**9


class BaseAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Parameters, ABC):
    """Shared implementation of all autoencoder estimators.

    A subclass defines the objective of training (``_objective``) and the score of a sample
    (`score_samples`).
    """

    _is_variational: ClassVar[bool] = False
    _codes_are_discrete: ClassVar[bool] = False
    _may_have_more_components_than_features: ClassVar[bool] = False
    _before_use: Callable[[], None] | None = None

    # Set by fit.
    n_features_in_: int
    n_components_: int
    network_: Network
    recipe_: Recipe
    seed_: int
    device_: str
    dtype_: str
    scaling_: Scaling
    module_: EncoderDecoder
    sampler_ = FittedWhenRead()
    history_: list[dict[str, Any]]
    n_epochs_: int
    columns_: TableSchema

    # Set by partial_fit.
    n_samples_seen_: int
    _stream: Stream

    # --- parameters, and what follows from them -------------------------------------------------

    def _validate_params(self) -> None:
        """Check the parameters, and those of the sampler, which is fitted only after training."""
        super()._validate_params()
        sampler, discrete = self.chosen("sampler"), self._codes_are_discrete
        if sampler.is_discrete != discrete:
            raise SettingError(
                f"sampler must be one for {'discrete' if discrete else 'real-valued'} codes, got "
                f"{self.sampler!r}. Set sampler={'autoregressive' if discrete else 'mixture'!r}."
            )
        sampler.check(self._code_length)

    @property
    def _code_length(self) -> int:
        """The number of columns that `transform` gives, by the parameters."""
        return self.n_components

    def resolved_recipe(self, n_features: int, n_rows: int) -> Recipe:
        """Return the recipe for data of that shape, with a value for every parameter."""
        recipe: Recipe = self.chosen("recipe")
        if self.max_epochs is not None:
            recipe = recipe.with_settings(max_epochs=self.max_epochs, min_steps=0)  # exactly
        return recipe.completed(self._fast_settings(n_features, n_rows))

    def _fast_settings(self, n_features: int, n_rows: int) -> dict[str, Any]:
        """Return what ``recipe="fast"`` stands for."""
        network = self.chosen("network")
        is_dense = isinstance(network, Dense)
        linear = is_dense and network.output == "linear" and self.augment is None
        return fast_settings(
            n_features,
            n_rows,
            convolutional=not is_dense,
            variational=self._is_variational,
            least_squares=linear and self._is_least_squares,
        )

    @property
    def _is_least_squares(self) -> bool:
        """Whether the best decoder for given codes is that of the least squared error."""
        return False

    @property
    def _shape(self) -> tuple[int, ...] | None:
        """The shape of an image as a tuple, if the samples are images."""
        return None if self.image_shape is None else tuple(self.image_shape)

    @property
    def _n_conditions(self) -> int:
        """The number of columns that the decoder takes in addition to the code."""
        return 0

    # --- fit ------------------------------------------------------------------------------------

    def fit(
        self,
        X: ArrayLike,
        y: Any = None,
        *,
        validation_data: ArrayLike | None = None,
        checkpoint_dir: str | Path | None = None,
        checkpoint_every: str = "60s",
        on_epoch: Callable[[Self, dict[str, Any]], bool | None] | None = None,
        columns: TableSchema | None = None,
        warm_start: bool = False,
    ) -> Self:
        """Fit the autoencoder to ``X``.

        Parameters
        ----------
        X : array-like, sparse matrix or LazyRows of shape (n_samples, n_features), n_samples >= 2
            Training samples: finite numbers, which the network computes on in float32; with
            ``missing="mask"`` NaN is a missing value. Of a sparse matrix, a batch at a time becomes
            dense. A memory map stays on the disk, as does a
            large file that `utsushi.datasets.open` opens; the model equals, bit for bit, that of
            the same array in memory.
        y : array-like of shape (n_samples,), optional
            The class of each sample, integers or strings, for a conditional model; else ignored.
        validation_data : array-like of shape (n_held_out, n_features), optional
            Samples to evaluate after each epoch, in place of a ``validation_fraction`` of ``X``; a
            pair of samples and classes for a conditional model.
        checkpoint_dir : str or Path, optional
            A folder for checkpoints and ``history.jsonl``. A training resumes from its own
            checkpoint in that folder, and ends with the model of an uninterrupted training, bit
            for bit; Ctrl-C and SIGTERM write a checkpoint first. See
            `utsushi.training.checkpoint`.
        checkpoint_every : str, default="60s"
            A whole number of ``steps``, ``epochs`` or seconds ``s``. The end of training always
            writes one.
        on_epoch : callable, optional
            Called as ``on_epoch(model, row)`` after each epoch, with a row of ``history_``. The
            model can `transform`, `reconstruct` and `score_samples` by what it has learned so
            far; for `sample` and `save` it needs ``model.fit_sampler(X)`` first. If it returns
            True, the training ends and the model keeps what it has learned; an exception ends it
            without a fitted model. A resumed training first calls it with the rows before the
            checkpoint, where the model is that of the checkpoint.
        columns : TableSchema, optional
            The table schema of ``X``, ``dataset.columns``: kept as ``columns_``, also in the model
            file, so that reconstructions can be written as a table.
        warm_start : bool, default=False
            Start from the weights of the fitted model, also of one that `utsushi.load` returned, in
            place of new ones. Its network, scaling, classes and table schema stay, so ``X`` must
            have its columns; the schedule of the recipe is that of any training. Without a fitted
            model it has no effect. A call that fails leaves the model as it was.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If ``X`` has too few samples or values that are not finite, or is a file that shrinks
            while it is read.
        SettingError, InvalidParameterError
            If a parameter is invalid. Both are ``ValueError``.
        TrainingDivergedError
            If the objective stops being a finite number. The estimator is then not fitted.
        CheckpointError
            If ``checkpoint_dir`` holds checkpoints of another training, is in use or cannot be
            written to.
        TrainingInterrupted
            If a signal stopped the training after a checkpoint.
        """
        check_width(columns, X)
        kept = (
            nullcontext()
            if checkpoint_dir is None
            else checkpoints_in(checkpoint_dir, checkpoint_every)
        )
        module = self.module_ if warm_start and self.__sklearn_is_fitted__() else None
        unchanged = nullcontext() if module is None else self._unchanged_by_an_error()
        # The caller may be in inference mode, where nothing can be learned.
        with kept as checkpoints, unchanged, torch.inference_mode(mode=False):
            self._fit(X, y, validation_data, checkpoints, on_epoch, columns, module)
        return self

    def _fit(
        self,
        X: ArrayLike,
        y: Any,
        validation_data: Any,
        checkpoints: Checkpoints | None,
        on_epoch: Callable[[Self, dict[str, Any]], bool | None] | None,
        columns: TableSchema | None,
        start: EncoderDecoder | None,
    ) -> None:
        """Fit in the context of the checkpoints, from the weights of ``start`` if there is one."""
        self._validate_params()
        if start is not None:
            self._check_unchanged("warm_start=True")
        # The sampler is fitted last, and makes the model a fitted one: a refit that fails must
        # not leave a fitted model with the old network and new attributes.
        for name in ("sampler_", "_stream", "n_samples_seen_"):
            self.__dict__.pop(name, None)
        if start is None:
            self.__dict__.pop("columns_", None)
        if columns is not None:
            self.columns_ = columns
        rows = self._checked(X, reset=start is None, at_least=2)
        may_miss = self.missing == "mask" and has_missing(rows)
        if may_miss:
            self._check_gaps(rows)
        check_image_shape(self.image_shape, self.n_features_in_)
        self.n_components_ = self.n_components
        self.seed_ = self._seed(checkpoints)
        self.device_ = str(resolve_device(self.device))
        self.dtype_ = rows.dtype.name
        self._check_data(rows)
        condition = (
            self._learn_condition(y, rows) if start is None else self._condition_of(y, len(rows))
        )
        data = TrainingData(rows, condition, may_miss=may_miss)
        training, held_out = self._split(data, validation_data)
        if start is None:
            self._choose(len(training.rows))
            moments = column_moments(training.rows, may_miss=may_miss)
            self.scaling_ = self._of_scaled(Scaling.learn(self.scaling, training.rows, moments))
            if self.scaling in ("center", "unit-length", None):
                warn_of_unlike_columns(moments.var_)
        else:
            recipe = self.resolved_recipe(self.n_features_in_, len(training.rows))
            self.recipe_ = recipe.started(from_pca=True).with_settings(start="random")
        if checkpoints is not None:
            checkpoints.identify(self._identity(training, held_out, start))
        source = self._source(training)
        check_output(self.network_, (block.x for block in scanned(source)))
        module = self._build() if start is None else self._copy_to_train(start)
        if start is None:
            self._start(module, source)
        objective = self._objective(source)
        self._train(module, objective, source, held_out, checkpoints, on_epoch)
        module.arrange_for_inference()
        self._calibrate(objective, module, source)
        self.module_ = module
        # The first process alone measures and writes; a single process is the first.
        if current_group().is_first:
            self._fit_sampler(training)
            self._warn_of_a_poor_fit(training)

    def _check_gaps(self, rows: AnyRows, *, all_columns: bool = True) -> None:
        """Refuse missing values from which nothing can be learned."""
        if all_columns:
            check_columns(rows, getattr(self, "feature_names_in_", None))
        if self.augment is not None:
            raise SettingError(
                f"augment must be None for data with missing values, got {self.augment!r}. Leave "
                "augment out, or fill in the missing values."
            )

    def _check_data(self, rows: AnyRows) -> None:
        """Check what a kind of model requires of its settings and of all samples given to fit."""

    def _learn_condition(self, y: Any, rows: AnyRows) -> NDArray[np.float32] | None:
        """Return the condition of each sample, (n, C), where the model is conditional."""
        return None

    def _condition_of(self, y: Any, n_rows: int) -> NDArray[np.float32] | None:
        """Return the conditions of classes under a fitted model, (n, C), if it is conditional."""
        return None

    def _seed(self, checkpoints: Checkpoints | None) -> int:
        """Return the seed; a training that resumes keeps its own, unless the caller gives one."""
        kept = None if checkpoints is None else checkpoints.seed
        if kept is None or isinstance(self.random_state, Integral):
            return int(current_group().broadcast(lambda: seed_from(self.random_state)))
        return kept

    def _split(
        self, data: TrainingData, validation_data: Any
    ) -> tuple[TrainingData, TrainingData | None]:
        """Return the samples to train on and the samples to hold out, if any."""
        if validation_data is not None:
            return data, self._validation(validation_data)
        recipe: Recipe = self.chosen("recipe")
        training, held_out = data.split(recipe.validation_fraction, self.seed_)
        if recipe.early_stopping is not None and held_out is None:
            raise SettingError(
                f"early_stopping={recipe.early_stopping} must be set with held-out samples, got "
                f"none: validation_fraction={recipe.validation_fraction} of {len(data.rows)} "
                "samples. Set recipe__validation_fraction=0.1, or pass validation_data to fit."
            )
        return training, held_out

    def _validation(self, validation_data: Any) -> TrainingData:
        """Return the samples that the caller holds out."""
        return TrainingData(self._checked(validation_data), may_miss=self.missing == "mask")

    def _choose(self, n_rows: int) -> None:
        """Choose the open settings of the network and the recipe by the data's shape."""
        self.network_ = network_of(self, warn=True).sized(self.n_features_in_, n_rows, self._shape)
        self.recipe_ = self.resolved_recipe(self.n_features_in_, n_rows)

    def _of_scaled(self, scaling: Scaling) -> Scaling:
        """Return a scaling of those features alone that are scaled."""
        return scaling

    def _start(self, module: EncoderDecoder, data: Source) -> None:
        """Set what follows from the training samples in a network before its first step."""

    def _identity(
        self,
        training: TrainingData,
        held_out: TrainingData | None,
        start: EncoderDecoder | None = None,
    ) -> dict[str, Any]:
        """Return what the training is a function of, to compare it with that of a checkpoint."""
        identity = identity_of(
            self,
            seed=self.seed_,
            device=self.device_,
            data=digest(training.rows, training.condition),
            held_out=None if held_out is None else digest(held_out.rows, held_out.condition),
        )
        if start is not None:
            identity["the weights of the warm start"] = digest_of_weights(start, self.scaling_)
        return identity

    def _source(self, data: TrainingData) -> Source:
        """Return samples as the training loop takes them: scaled, and on the training device."""
        has_gaps = data.may_miss and has_missing(data.rows)
        rows = ScaledRows(data, self.scaling_, torch.device(self.device_), has_gaps)
        most = COPIED_BYTES if self.device_ == "cpu" else DEVICE_BYTES
        return rows[:] if 4 * data.rows.size <= most else rows

    def _build(self) -> EncoderDecoder:
        """Build and initialize the network on the training device, if the machine has the memory.

        Raises
        ------
        SettingError
            If parameters, gradients, moments and sampler take more than the machine's memory.
        """
        try:
            module = self._new_module()
            n_parameters = sum(parameter.numel() for parameter in module.parameters())
            shapes = self.chosen("sampler").expected_state(self._code_length).values()
            # None is a length that depends on the data.
            n_in_sampler = sum(math.prod(n or 1 for n in shape) for shape in shapes)
        except (RuntimeError, TypeError) as error:
            if "overflow" not in str(error).lower():
                raise
            raise self._too_large("more parameters than can be counted") from None
        n_bytes = 4 * _NUMBERS_PER_PARAMETER * n_parameters + 8 * n_in_sampler
        memory = memory_of_machine()
        if n_bytes > memory:
            raise self._too_large(
                f"{n_parameters:,} parameters, whose training takes {n_bytes / GB:,.0f} GB",
                f" (this machine has {memory / GB:.0f} GB)",
            )
        if not self._is_built_with_memory:
            module = module.to_empty(device="cpu")
        draws = generator(self.seed_, Purpose.INITIALIZATION)
        initialize(module, draws, self.network_.initialization)
        return module.to(self.device_)

    def _too_large(self, size: str, limit: str = "") -> SettingError:
        """Make the error for a network that does not fit into memory."""
        sizes = {name: getattr(self.network_, name, None) for name in ("hidden", "channels")}
        settings = {"n_components": self.n_components, **sizes}
        description = ", ".join(
            f"{name}={value!r}" for name, value in settings.items() if value is not None
        )
        return SettingError(
            f"{description} must make a model that fits into memory, got {size}{limit}. Choose "
            "fewer components or narrower layers."
        )

    def _new_module(self) -> EncoderDecoder:
        """Build the network, to initialize or to compare with.

        Most parts have no memory for their parameters yet. Those from outside, and flows, may have
        layers, buffers and weights that only their constructors can fill.
        """
        if self._is_built_with_memory:
            with torch_seeded("cpu", self.seed_, Purpose.INITIALIZATION, 1), torch.device("cpu"):
                return self._assembled()
        with torch.device("meta"):
            return self._assembled()

    def _assembled(self) -> EncoderDecoder:
        """Build all parts of the network, on torch's current device."""
        module = self.network_.build(
            self.n_features_in_,
            self.n_components + self._n_conditions,
            self._n_encoder_outputs,
            image_shape=self._shape,
        )
        module = module.with_parts(**self._other_parts())
        return module.to(torch.float32)  # whatever the caller's default is

    @property
    def _is_built_with_memory(self) -> bool:
        """Whether a part of the network may have values that only its constructor can fill."""
        names = ("network", "bottleneck", "prior", "posterior")
        parts = [self.chosen(name) for name in names if hasattr(self, name)]
        with_memory = any(is_own(p) or getattr(p, "is_built_with_memory", False) for p in parts)
        return with_memory or type(self) not in ESTIMATORS.values()

    @property
    def _n_encoder_outputs(self) -> int:
        """The numbers that the encoder gives for each sample."""
        return self.n_components

    def _other_parts(self) -> dict[str, nn.Module]:
        """Build the parts of the network besides encoder and decoder, by name."""
        return {}

    @abstractmethod
    def _objective(self, data: Source) -> Objective:
        """Return what to minimize over the scaled training samples."""

    def _train(
        self,
        module: EncoderDecoder,
        objective: Objective,
        data: Source,
        held_out: TrainingData | None,
        checkpoints: Checkpoints | None,
        on_epoch: Callable[[Self, dict[str, Any]], bool | None] | None,
    ) -> None:
        """Run the training loop; keep its history and the recipe that it followed."""
        title = type(self).__name__
        validation = None if held_out is None else self._source(held_out)
        verbose = int(self.verbose) if current_group().is_first else 0
        call = None
        if on_epoch is not None:
            call = self._callback(on_epoch, lambda: self._calibrate(objective, module, data))
            self.module_, self.history_ = module, []
        with progress_bar(title, self.recipe_.n_epochs(len(data)), verbose) as advance:
            self.history_, self.recipe_ = train_in_subspace(
                module,
                objective,
                data,
                recipe=self.recipe_,
                seed=self.seed_,
                validation=validation,
                augment=self._augment(data),
                checkpoints=checkpoints,
                progress=advance,
                on_epoch=call,
            )
        self.n_epochs_ = len(self.history_)

    def _callback(
        self, on_epoch: Callable[[Self, dict[str, Any]], bool | None], calibrate: Callable[[], None]
    ) -> Callable[[dict[str, Any]], bool]:
        """Wrap ``on_epoch`` such that the model counts as fitted while it runs.

        The calibration on all training samples is made only if a method needs it.
        """

        def call(row: dict[str, Any]) -> bool:
            self.history_ = [*self.history_, dict(row)]
            self.n_epochs_ = len(self.history_)
            self._before_use = calibrate
            try:
                return bool(on_epoch(self, row))
            finally:
                for name in ("_before_use", "sampler_"):
                    self.__dict__.pop(name, None)

        return call

    def _augment(self, data: Source) -> Augment | None:
        """Return the augmentation, which acts in the units of the input, for scaled samples."""
        if self.augment is None:
            return None
        shape = self._shape
        augmentation = self.chosen("augment")
        unscale = self.scaling_.unscaler(data.device)
        for block in scanned(data):
            augmentation.check(unscale(block.x), shape)
        return self.scaling_.wrap(
            lambda rows, generator: augmentation(rows, shape, generator), data.device
        )

    def _calibrate(self, objective: Any, module: EncoderDecoder, data: Source) -> None:
        """Learn what can only be learned from the trained network."""

    # --- partial_fit ----------------------------------------------------------------------------

    def partial_fit(
        self,
        X: ArrayLike,
        y: Any = None,
        classes: ArrayLike | None = None,
        *,
        columns: TableSchema | None = None,
    ) -> Self:
        """Make one pass over ``X`` and keep what the calls before have learned.

        The first call builds the network; later calls, and those of a model that `fit` or
        `utsushi.load` returned, continue to train it, in batches of the recipe at a constant
        learning rate (`utsushi.Recipe.for_stream`). The optimizer's moments are kept from call to
        call, but not in a model file. The same seed and the same calls give the same model.

        The scaling follows all samples so far; that of a fitted or loaded model stays. The
        likelihood and, when it is needed, the sampler are fitted to a random choice of at most
        4,096 of all samples so far; a fitted or loaded model keeps its own until 1,000 have come.
        A poor fit gives no warning. A call that fails leaves the model as it was.

        Parameters
        ----------
        X : array-like or LazyRows of shape (n_samples, n_features)
            Samples as `fit` takes them; at least two in the first call, which represent the others:
            an untypical first batch costs steps.
        y : array-like of shape (n_samples,), optional
            The class of each sample, for a conditional model; else ignored.
        classes : array-like of shape (n_classes,), optional
            All classes, for a conditional model whose first batch does not have each of them.
        columns : TableSchema, optional
            See `fit`; one that an earlier call got is kept.

        Returns
        -------
        self
            With ``n_samples_seen_``, the number of samples that `partial_fit` got, and a row of
            ``history_`` for each call.

        Raises
        ------
        DataError
            If ``X`` has other columns than before, or values that are not finite.
        SettingError, InvalidParameterError
            If a parameter is invalid, is another one than before, or holds samples out.
        TrainingDivergedError
            If the objective stops being a finite number.

        Examples
        --------
        >>> from utsushi import Autoencoder, datasets
        >>> X = datasets.load_digits8x8().X_train
        >>> model = Autoencoder(4, hidden=(32,), random_state=0)
        >>> for batch in np.array_split(X, 20):
        ...     model = model.partial_fit(batch)
        >>> model.n_samples_seen_, len(model.history_)
        (1437, 20)
        """
        check_width(columns, X)
        with self._unchanged_by_an_error(), torch.inference_mode(mode=False):
            if columns is not None:
                self.columns_ = columns
            self._partial_fit(X, y, classes)
        return self

    def _partial_fit(self, X: ArrayLike, y: Any, classes: ArrayLike | None) -> None:
        """Make one pass; replace, and never change, what the model holds."""
        self._validate_params()
        self._check_holds_nothing_out()
        begins = not self.__sklearn_is_fitted__()
        if not begins:
            self._check_unchanged("partial_fit")
        rows = self._checked(X, reset=begins)
        may_miss = self.missing == "mask" and has_missing(rows)
        if may_miss:
            self._check_gaps(rows, all_columns=begins)
        if begins:
            self._begin(rows)
        self._check_batch(rows)
        condition = self._condition_in_stream(y, len(rows), classes, begins=begins)
        data = TrainingData(rows, condition, may_miss=may_miss)
        stream: Stream | None = vars(self).get("_stream")
        moments = None
        if begins or (stream is not None and stream.moments is not None):
            moments = RunningMoments.of(rows)
            if begins and self.scaling in ("center", "unit-length", None):
                warn_of_unlike_columns(moments.variance)
            if stream is not None and stream.moments is not None:
                moments = stream.moments.joined(moments)
            self.scaling_ = self._of_scaled(moments.scaling(self.scaling))
        self.recipe_ = self.resolved_recipe(self.n_features_in_, MANY_ROWS).for_stream()
        if stream is None:
            module = self._build() if begins else self._copy_to_train(self.module_)
            optimizer = self.recipe_.new_optimizer(module.parameters())
        else:  # together, so that the copy of the optimizer has the parameters of the other copy
            module, optimizer = deepcopy((self.module_, stream.optimizer))
            module.arrange_for_training()
        self._stream = Stream(
            optimizer,
            moments,
            None if stream is None else stream.reservoir,
            0 if stream is None else stream.n_samples,
        )
        source = self._source(data)
        check_output(self.network_, (block.x for block in scanned(source)))
        if begins:
            self._start(module, source)
        objective = self._objective(source)
        history = train(
            module,
            objective,
            source,
            recipe=self.recipe_,
            seed=self.seed_,
            augment=self._augment(source),
            optimizer=optimizer,
            epochs_before=len(self.history_),
        )
        self.history_ = [*self.history_, *history]
        self.n_epochs_ = len(self.history_)
        self.module_ = module.arrange_for_inference()
        self._stream = self._stream.with_samples(data, self.seed_)
        self.n_samples_seen_ = getattr(self, "n_samples_seen_", 0) + len(rows)
        if self._stream.decides:
            known = self._stream.reservoir
            assert known is not None
            step = -(-len(known.rows) // CALIBRATION_ROWS)
            self._calibrate(objective, module, self._source(known[::step]))
            for name in ("sampler_", "class_samplers_"):  # see `FittedWhenRead`
                self.__dict__.pop(name, None)

    def _begin(self, rows: AnyRows) -> None:
        """Choose what the first samples of a stream decide."""
        check_image_shape(self.image_shape, self.n_features_in_)
        self.n_components_ = self.n_components
        self.seed_ = self._seed(None)
        self.device_ = str(resolve_device(self.device))
        self.dtype_ = rows.dtype.name
        self.history_ = []
        self._check_data(rows)
        self._choose(MANY_ROWS)

    def _check_batch(self, rows: AnyRows) -> None:
        """Check what a kind of model requires of each batch of a stream."""

    def _condition_in_stream(
        self, y: Any, n_rows: int, classes: ArrayLike | None, *, begins: bool
    ) -> NDArray[np.float32] | None:
        """Return the condition of each sample of a batch, (n, C), if the model is conditional."""
        return None

    def _check_holds_nothing_out(self) -> None:
        """Refuse settings that need all samples at once."""
        recipe: Recipe = self.chosen("recipe")
        for name, nothing in (("validation_fraction", 0.0), ("early_stopping", None)):
            if (value := getattr(recipe, name)) != nothing:
                raise SettingError(
                    f"{name} must be {nothing} for partial_fit, got {value}. Leave it out, and "
                    "score held-out samples after the calls."
                )
        if current_group().size > 1:
            raise SettingError(
                f"partial_fit must run in a single process, got {current_group().size} of "
                "torchrun. Call fit, or start one process."
            )

    def _check_unchanged(self, what: str) -> None:
        """Refuse parameters of another network than the fitted one."""
        described = network_of(self)
        if self.n_components != self.n_components_ or not describes(described, self.network_):
            raise SettingError(
                f"n_components, hidden and network must be those of the fitted model for {what}, "
                f"n_components={self.n_components_} and {self.network_!r}, got "
                f"n_components={self.n_components} and {described!r}. Set them back, or call fit "
                "to begin again."
            )
        if self._is_built_with_memory:  # which may take long
            return
        now, then = (
            {name: tensor.shape for name, tensor in module.state_dict().items()}
            for module in (self._new_module(), self.module_)
        )
        differing = [name for name in now.keys() | then.keys() if now.get(name) != then.get(name)]
        if differing:
            raise SettingError(
                f"the parameters must be those of the fitted model for {what}, got others, for "
                f"which the tensor {min(differing)!r} differs. Set them back, or call fit to begin "
                "again."
            )

    @contextmanager
    def _unchanged_by_an_error(self) -> Iterator[None]:
        """Restore the attributes after an error; no call changes what an attribute holds."""
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _copy_to_train(self, module: EncoderDecoder) -> EncoderDecoder:
        """Return a copy of a fitted network, on the training device."""
        return deepcopy(module).to(self.device_).arrange_for_training()

    # --- sampler --------------------------------------------------------------------------------

    def fit_sampler(self, X: ArrayLike, y: Any = None) -> Self:
        """Fit ``sampler`` again, to the codes of ``X``; the network stays as it is.

        ``model.set_params(sampler="flow").fit_sampler(X)`` gives a fitted model another sampler:
        with the training data, the one that ``fit`` would have fitted.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), n_samples >= 2
        y : array-like of shape (n_samples,), optional
            The class of each sample, for a conditional model; else ignored.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self._validate_params()
        rows = self._checked(X, at_least=2)
        with torch.inference_mode(mode=False):
            self._fit_sampler(TrainingData(rows, self._condition_of(y, len(rows))))
        return self

    def _fit_sampler(self, data: TrainingData) -> None:
        """Fit the sampler to the codes of checked samples."""
        sampler = self.chosen("sampler")
        codes = np.empty((0, self._code_length))
        if sampler.asks_for_codes:
            data = data.for_sampler(self.seed_)
            codes = self._codes_for_sampler(data.rows).astype(np.float64)
        self._learn_codes(codes, data.condition)
        self.sampler_ = sampler.fit(codes, numpy_generator(self.seed_, Purpose.SAMPLER))

    def _codes_for_sampler(self, X: AnyRows) -> NDArray[Any]:
        """Encode checked rows as the sampler takes them."""
        return self._codes(X)

    def _learn_codes(self, codes: Codes, condition: NDArray[np.float32] | None) -> None:
        """Learn what a kind of model needs from the training codes, besides the sampler."""

    def _warn_of_a_poor_fit(self, training: TrainingData) -> None:
        """Warn where the model is worse than the mean or PCA, unstable, or overfitted."""
        step = -(-len(training.rows) // SOME_ROWS)
        subset = training[::step]
        rows = self._scaled(np.asarray(subset.rows))
        codes = self._codes(self._as_in_training(np.asarray(subset.rows)))
        if subset.condition is not None:
            codes = np.concatenate([codes, subset.condition], axis=1)
        reconstructions = self._scaled(self._restored(self._decode_codes(codes), np.float32))
        is_present = ~np.isnan(subset.rows)
        squares = np.square(reconstructions - rows, dtype=np.float64)
        errors = np.where(is_present, squares, 0).sum(axis=1)
        other = training[1::step] if step > 1 else subset[1::2]
        measured_rows, reference_rows = (
            (rows, self._scaled(np.asarray(other.rows))) if step > 1 else (rows[::2], rows[1::2])
        )
        pca = None
        if self._compares_with_pca:
            pca = pca_error(measured_rows, reference_rows, self.n_components_)
        fit = Fit(
            error=float(errors.mean()),
            variance=float(np.var(rows, axis=0, dtype=np.float64).sum()),
            pca=pca,
            n_components=self.n_components_,
            n_rows=len(training.rows),
            history=self.history_,
            recipe=self.recipe_,
            rises=self._objective_rises,
            is_standardized=self.scaling == "standard"
            or isinstance(getattr(self, "likelihood_", None), Mixed),
            fix=self._first_to_try,
        )
        for trouble in troubles(fit):
            warnings.warn(trouble, PoorFitWarning, stacklevel=4)  # the caller of fit

    def _as_in_training(self, rows: Rows) -> Rows:
        """Return samples as the encoder sees them in training."""
        return rows

    @property
    def _objective_rises(self) -> bool:
        """Whether the objective may rise while the model learns, as with weights that grow."""
        return False

    @property
    def _first_to_try(self) -> str | None:
        """The setting to change first where a model has learned nothing."""
        return None

    @property
    def _compares_with_pca(self) -> bool:
        """Whether PCA is a fair comparison: a deep model that is trained to reconstruct alone."""
        return isinstance(self.network_, Conv) or bool(
            as_sizes(getattr(self.network_, "hidden", (1,)))
        )

    # --- inference ------------------------------------------------------------------------------

    def transform(self, X: ArrayLike) -> Rows:
        """Encode samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_components), float32 for float32 input, else float64
            The codes; for a variational model the posterior means. The same sample gives the same
            code, bit for bit, whatever the other samples are.
        """
        return self._vectors(X)

    def _vectors(self, X: ArrayLike) -> Rows:
        """Encode rows as the numbers (n_samples, n_components) that the decoder takes."""
        check_is_fitted(self)
        rows = self._checked(X)
        return self._codes(rows).astype(rows.dtype, copy=False)

    def _codes(self, X: AnyRows) -> NDArray[np.float32]:
        """Encode checked samples, in float32."""
        return self._map(X, lambda x, _: self._encode(x))

    def inverse_transform(self, Z: ArrayLike, y: ArrayLike | None = None) -> Rows:
        """Decode codes.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
        y : a class, or array-like of shape (n_samples,)
            The condition of a conditional model; else ignored.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32 for float32 input, else float64
            Samples in the units of the input.
        """
        check_is_fitted(self)
        codes = checked_codes(Z, self.n_components_)
        return self._restored(self._decode_codes(self._with_condition(codes, y)), codes.dtype)

    def reconstruct(self, X: ArrayLike, y: ArrayLike | None = None) -> Rows:
        """Reconstruct samples: encode them and decode their codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : a class, or array-like of shape (n_samples,)
            The condition of a conditional model; else ignored.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32 for float32 input, else float64
            Samples in the units of the input.
        """
        check_is_fitted(self)
        rows = self._checked(X)
        codes = self._codes(rows)
        return self._restored(self._decode_codes(self._with_condition(codes, y)), rows.dtype)

    def sample(
        self,
        n_samples: int = 1,
        *,
        y: ArrayLike | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Rows:
        """Generate new samples: codes from the fitted sampler, decoded.

        Parameters
        ----------
        n_samples : int >= 1, default=1
            The number of samples.
        y : a class, or array-like of shape (n_samples,), optional
            The condition of a conditional model; else ignored.
        random_state : int, RandomState or None, default=None
            An integer gives the same samples each time; None gives new ones.

        Returns
        -------
        ndarray of shape (n_samples, n_features), of the dtype of the training data
            Samples in the units of the input.
        """
        check_is_fitted(self)
        codes = self._sampled_codes(n_samples, seed_from(random_state))
        return self._restored(self._decode_codes(codes), self.dtype_)

    @abstractmethod
    def score_samples(self, X: ArrayLike, y: ArrayLike | None = None) -> NDArray[np.floating[Any]]:
        """Score each sample; higher is more normal."""

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Return the mean of `score_samples`; only a conditional model uses ``y``."""
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

        Raises
        ------
        SettingError
            If ``path`` is not a path, or is that of a folder.
        OSError
            If the disk is full, or the folder cannot be written to.
        """
        check_is_fitted(self)
        return save(self, path)

    def _to_file(self) -> tuple[dict[str, Any], Tensors]:
        """Return the header and the tensors of the model's file."""
        return autoencoder_to_file(self)

    def _own_header(self) -> dict[str, Any]:
        """Return what the header of the file holds of this kind of model alone."""
        return {}

    def _restore_own(self, header: dict[str, Any], classes: OwnClasses) -> None:
        """Restore what `_own_header` returned."""

    def _samplers(self) -> dict[str, Sampler]:
        """Return the fitted samplers, by the prefix of their tensors in a file."""
        return {"sampler": self.sampler_}

    def to_torch(self) -> nn.Module:
        """Return the fitted model as a plain torch module, which does not need this library.

        Its layers and operations are torch's own, and so are the classes of its parts: it can be
        trained further, put into another network, and saved by `torch.export` or by its
        ``state_dict``, where this library is not installed.

        Returns
        -------
        torch.fx.GraphModule
            A copy on the CPU, in float32 and in ``eval`` mode; ``print(module.encoder.code)``
            shows what it computes. With ``x`` of shape (B, D) in the units of the input,
            ``module(x)`` is `reconstruct`, ``module.encoder(x)`` is `transform` and
            ``module.decoder(z)`` is `inverse_transform`, up to rounding. Of a conditional model,
            ``module(x, y)`` and ``module.decoder(z, y)`` take the classes as int64 of shape (B,),
            by their place in ``classes_.labels``.

        Examples
        --------
        >>> import torch
        >>> from utsushi import Autoencoder, datasets
        >>> X = datasets.load_digits8x8().X_train
        >>> model = Autoencoder(3, hidden=(16,), max_epochs=1, random_state=0).fit(X)
        >>> module = model.to_torch()
        >>> module.encoder(torch.tensor(X[:5])).shape
        torch.Size([5, 3])
        >>> module.encoder.layers
        Sequential(
          (0): Linear(in_features=64, out_features=16, bias=True)
          (1): ReLU()
          (2): Linear(in_features=16, out_features=3, bias=True)
        )
        """
        from utsushi.estimators.torch_export import to_plain_torch

        check_is_fitted(self)
        return to_plain_torch(self)

    # --- between samples and tensors ------------------------------------------------------------

    def _encode(self, x: Tensor) -> Tensor:
        """Return the codes (B, H) of scaled samples (B, D)."""
        return self.module_.codes(x)[0]

    def _decode(self, z: Tensor) -> Tensor:
        """Return the scaled samples (B, D) of codes (B, H)."""
        rows: Tensor = self.module_.decoder(z)
        return rows

    def _with_condition(self, rows: Rows, y: ArrayLike | None) -> Rows:
        """Return samples or codes with the columns of their condition, in a conditional model."""
        return rows

    def _restored(self, output: NDArray[np.float32], dtype: Any) -> Rows:
        """Return the output of the decoder in the units of the input."""
        return self.scaling_.inverse(output, dtype)

    def _decode_codes(self, Z: Rows, decode: Any = None) -> NDArray[np.float32]:
        """Decode codes into scaled samples, or by another function of codes."""
        decode = self._decode if decode is None else decode
        return map_rows(Z, lambda z: z.astype(np.float32), lambda z, _: decode(z), self.device_)

    def _sampled_codes(self, n_samples: int, seed: int) -> Rows:
        """Draw new codes."""
        if not is_size(n_samples):
            raise SettingError(f"n_samples must be a positive integer, got {n_samples!r}.")
        return self._draw_codes(n_samples, numpy_generator(seed, Purpose.SAMPLE))

    def _draw_codes(self, n_samples: int, draws: np.random.Generator) -> Codes:
        """Draw new codes, as the decoder takes them, from where the sampler says."""
        codes: Codes = self.sampler_.sample(n_samples, draws)
        return codes

    def _map(self, X: AnyRows, function: Any) -> NDArray[np.float32]:
        """Apply a function of (scaled block, rows) to all samples; see `map_rows`."""
        return map_rows(X, self._scaled, function, self.device_)

    def _scaled(self, rows: Rows) -> NDArray[np.float32]:
        """Return samples as the encoder takes them: scaled, with zeros for missing values."""
        scaled = self.scaling_.forward(rows)
        return without_gaps(scaled) if self.missing == "mask" else scaled

    def _mask(self, rows: Rows, like: Tensor) -> Tensor | None:
        """Return which values of a block of samples are not missing, padded like a tensor.

        None without ``missing="mask"``. With it there always is a mask: the result of a sample must
        not depend on the gaps of other samples.
        """
        return mask_of(rows, like) if self.missing == "mask" else None

    def _checked(self, X: ArrayLike, *, reset: bool = False, at_least: int = 1) -> Rows:
        """Return samples as a finite float32 or float64 array with the right columns."""
        rows = checked_rows(
            self,
            X,
            reset=reset,
            at_least=at_least,
            allow_missing=self.missing == "mask",
            accept_sparse=True,
        )
        is_large = self.n_components > rows.shape[1]
        if reset and is_large and not self._may_have_more_components_than_features:
            warnings.warn(
                f"n_components={self.n_components} is more than the {rows.shape[1]} features, so "
                "the code does not compress a sample. Choose fewer components.",
                UtsushiWarning,
                stacklevel=4,  # the caller of fit
            )
        return rows

    # --- scikit-learn's protocol ----------------------------------------------------------------

    @property
    def _n_features_out(self) -> int:
        """The number of columns that `transform` gives, for the names of its output."""
        return self._code_length if self._codes_are_discrete else self.n_components_

    def __sklearn_is_fitted__(self) -> bool:
        if self._before_use is not None:  # in a callback of fit
            calibrate, self._before_use = self._before_use, _do_nothing
            calibrate()
            return True
        return "sampler_" in vars(self) or "_stream" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.allow_nan = self.missing == "mask"
        tags.input_tags.sparse = True
        return tags


def autoencoder_of(model: BaseEstimator) -> BaseAutoencoder:
    """Return the autoencoder inside of a detector or a ``FrozenEstimator``, or the model itself.

    Raises
    ------
    SettingError
        If the model is a detector without an autoencoder.
    """
    inner = getattr(model, "autoencoder_", model)
    if inner is None:
        raise SettingError(
            "the detector must have an autoencoder, got one that scores by neighbors. Fit "
            "AnomalyDetector(Autoencoder())."
        )
    # A FrozenEstimator holds the model as its own ``estimator``.
    autoencoder: BaseAutoencoder = getattr(inner, "estimator", inner)
    return autoencoder


def _do_nothing() -> None:
    """Do nothing, in place of a calibration that is done."""


def memory_of_machine() -> float:
    """Return the memory of the machine in bytes, infinity if the system does not report it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return math.inf
