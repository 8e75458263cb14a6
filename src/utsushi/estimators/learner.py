"""How an autoencoder learns: `fit` orchestrates, the mathematics lives elsewhere."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from utsushi._utils.lazy_rows import AnyRows
from utsushi._utils.seeds import Purpose, numpy_generator, seed_from
from utsushi._utils.validation import has_missing
from utsushi.estimators.description import Described
from utsushi.estimators.diagnosis import SOME_ROWS, Fit, pca_error, troubles
from utsushi.estimators.identity import identity_of
from utsushi.estimators.missing import check_columns, check_width
from utsushi.estimators.parameters import (
    check_image_shape,
    check_output,
    resolve,
    resolve_device,
)
from utsushi.estimators.rows import (
    COPIED_BYTES,
    DEVICE_BYTES,
    SCANNED_ROWS,
    Labelled,
    ScaledRows,
    warn_of_unlike_columns,
)
from utsushi.estimators.units import Units
from utsushi.exceptions import PoorFitWarning, SettingError
from utsushi.networks import Conv, EncoderDecoder
from utsushi.networks.base import as_sizes
from utsushi.objectives import Source
from utsushi.samplers import SAMPLERS, Codes, Sampler
from utsushi.training import train_in_subspace
from utsushi.training.checkpoint import Checkpoints
from utsushi.training.data_parallel import checkpoints_in
from utsushi.training.distributed import current
from utsushi.training.loop import Augment, Objective
from utsushi.training.progress import progress_bar
from utsushi.transforms.augmentation import AUGMENTATIONS
from utsushi.transforms.scaling import Scaling, column_moments
from utsushi.transforms.table_schema import Columns

__all__ = ["Learner"]


class Learner(Described, ABC):
    """The learning half of every estimator: what ``fit`` does, and what it learns.

    A subclass says what its objective is, and how rows are checked and encoded.
    """

    # What fit learns.
    dtype_: str
    scaling_: Scaling
    module_: EncoderDecoder
    sampler_: Sampler
    history_: list[dict[str, Any]]
    n_epochs_: int
    n_components_: int
    columns_: Columns

    # --- learning -------------------------------------------------------------------------------

    def fit(
        self,
        X: ArrayLike,
        y: Any = None,
        *,
        validation_data: ArrayLike | None = None,
        checkpoint_dir: str | Path | None = None,
        checkpoint_every: str = "60s",
        on_epoch: Callable[[dict[str, Any]], None] | None = None,
        columns: Columns | None = None,
    ) -> Self:
        """Learn a code for the rows of ``X``.

        Parameters
        ----------
        X : array-like or LazyRows of shape (n_samples, n_features), n_samples >= 2
            Training rows: finite numbers, on which the network computes in float32; also NaN for
            what is missing, with ``missing="mask"``. A memory map stays on the disk, as do the
            rows of a large file that `utsushi.datasets.open` gives; the model is the one of the
            same rows in memory, bit for bit.
        y : array-like of shape (n_samples,), optional
            The class of each row, integers or strings, for a conditional model; else ignored.
        validation_data : array-like of shape (n_held_out, n_features), optional
            Rows to evaluate after each epoch and never to train on, in place of a
            ``validation_fraction`` of ``X``; a pair of rows and classes for a conditional model.
        checkpoint_dir : str or Path, optional
            A folder for checkpoints and ``history.jsonl``. A training that finds one of its own
            there goes on from it, and ends bit for bit where it would have ended undisturbed;
            Ctrl-C and SIGTERM write one first. See `utsushi.training.checkpoint`.
        checkpoint_every : str, default="60s"
            A whole number of ``steps``, ``epochs`` or seconds ``s``; one is always written at the
            end.
        on_epoch : callable, optional
            Called with each row of ``history_`` when it is made, and with those of before a
            checkpoint first. An exception that it raises ends the training, and leaves ``fit``.
        columns : Columns, optional
            What the columns of a table were that ``X`` was made of, ``dataset.columns``: kept as
            ``columns_``, in the model's file too, so that what comes out can be read again.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If ``X`` has too few rows, or values that are not finite, or is a file that shrinks
            while it is read.
        SettingError, InvalidParameterError
            If a parameter is not what it may be. Both are ``ValueError``.
        TrainingDivergedError
            If the objective stops being a finite number. The estimator is then not fitted.
        CheckpointError
            If what ``checkpoint_dir`` holds is of another training, or it is in use or cannot be
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
        # The caller may be in inference mode, where nothing can be learned.
        with kept as checkpoints, torch.inference_mode(mode=False):
            self._fit(X, y, validation_data, checkpoints, on_epoch)
        self.__dict__.pop("columns_", None)
        if columns is not None:
            self.columns_ = columns
        return self

    def _fit(
        self,
        X: ArrayLike,
        y: Any,
        validation_data: Any,
        checkpoints: Checkpoints | None,
        on_epoch: Callable[[dict[str, Any]], None] | None,
    ) -> Self:
        """Do what `fit` does, in the context of its checkpoints."""
        self._validate_params()
        # The sampler is learned last, and makes the model a fitted one: a refit that fails must
        # not leave the old network beside what is new.
        self.__dict__.pop("sampler_", None)
        rows = self._checked(X, reset=True)
        self._check_gaps(rows)
        check_image_shape(self.image_shape, self.n_features_in_)
        self.n_components_ = self.n_components
        self.seed_ = self._seed(checkpoints)
        self.device_ = str(resolve_device(self.device))
        self.dtype_ = rows.dtype.name
        self._prepare(rows)
        known = Labelled(rows, self._learn_condition(y, rows))
        training, held_out = self._split(known, validation_data)
        self._choose(len(training.rows))
        moments = column_moments(training.rows)
        self.scaling_ = Scaling.learn(self.scaling, training.rows, moments)
        if self.scaling in ("center", None):
            warn_of_unlike_columns(moments.var_)
        if checkpoints is not None:
            checkpoints.identify(identity_of(self, training, held_out))
        data = self._source(training)
        check_output(self.network_, (block.x for block in data.blocks(SCANNED_ROWS)))
        module = self._build()
        self.history_ = self._train(module, data, held_out, checkpoints, on_epoch)
        self.n_epochs_ = len(self.history_)
        module.arrange_for_inference()
        self._finish(module, data)
        self.module_ = module
        # The first process alone goes on to measure and to write; one alone is the first.
        if current().is_first:
            self._fit_sampler(training)
            self._warn_of_a_poor_fit(training)
        return self

    def _warn_of_a_poor_fit(self, training: Labelled) -> None:
        """Warn where the model is worse than the mean or PCA, unstable, or knows rows by heart."""
        step = -(-len(training.rows) // SOME_ROWS)
        some = training[::step]
        rows = self._scaled(some.rows)
        codes = self._codes(some.rows)
        if some.condition is not None:
            codes = np.concatenate([codes, some.condition], axis=1)
        copies = self._scaled(self._restored(self._decode_codes(codes), np.float32))
        known = ~np.isnan(some.rows)
        errors = np.where(known, np.square(copies - rows, dtype=np.float64), 0).sum(axis=1)
        other = training[1::step] if step > 1 else some[1::2]
        measured, others = (rows, self._scaled(other.rows)) if step > 1 else (rows[::2], rows[1::2])
        pca = pca_error(measured, others, self.n_components_) if self._compares_with_pca else None
        fit = Fit(
            error=float(errors.mean()),
            variance=float(np.var(rows, axis=0, dtype=np.float64).sum()),
            pca=pca,
            n_components=self.n_components_,
            n_rows=len(training.rows),
            history=self.history_,
            recipe=self.recipe_,
            rises=bool(getattr(self, "kl_warmup_epochs", 0)),
            fix=self._first_to_try,
        )
        for trouble in troubles(fit):
            warnings.warn(trouble, PoorFitWarning, stacklevel=4)  # the caller of fit

    @property
    def _first_to_try(self) -> str | None:
        """The setting that is to blame where a model has learned nothing."""
        return None

    @property
    def _compares_with_pca(self) -> bool:
        """Whether the model is trained to reconstruct, and nothing forbids to do so like PCA."""
        return isinstance(self.network_, Conv) or bool(
            as_sizes(getattr(self.network_, "hidden", (1,)))
        )

    def _seed(self, checkpoints: Checkpoints | None) -> int:
        """Return the seed; without one of the caller's, a training that goes on keeps its own."""
        found = None if checkpoints is None else checkpoints.seed
        if found is None or isinstance(self.random_state, Integral):
            return int(current().of_first(lambda: seed_from(self.random_state)))
        return found

    def fit_sampler(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn ``sampler`` anew from the codes of ``X``; the network stays as it is.

        ``model.set_params(sampler="flow").fit_sampler(X)`` gives a fitted model another sampler:
        with the rows that ``fit`` trained on, the one that ``fit`` would have learned.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), n_samples >= 2
        y : array-like of shape (n_samples,), optional
            The classes of the rows, for a conditional model; else ignored.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self._validate_params()
        rows = self._checked(X, at_least=2)
        with torch.inference_mode(mode=False):
            return self._fit_sampler(Labelled(rows, self._condition_of(y, len(rows))))

    def _fit_sampler(self, known: Labelled) -> Self:
        """Learn the sampler from the codes of checked rows."""
        sampler = resolve(self.sampler, SAMPLERS)
        codes = np.empty((0, self.n_components_))
        if sampler.asks_for_codes:
            known = known.for_sampler(self.seed_)
            codes = self._codes(known.rows).astype(np.float64)
        self._learn_codes(codes, known.condition)
        self.sampler_ = sampler.fit(codes, numpy_generator(self.seed_, Purpose.SAMPLER))
        return self

    def _learn_codes(self, codes: Codes, condition: NDArray[np.float32] | None) -> None:
        """Learn what else is to be known of the training codes."""

    def _condition_of(self, y: Any, n_rows: int) -> NDArray[np.float32] | None:
        """Return what the decoder of the fitted model is told of rows of those classes."""
        return None

    def _prepare(self, rows: AnyRows) -> None:
        """Check what this kind of model asks of its settings and of all rows given to ``fit``."""

    def _learn_condition(self, y: Any, rows: AnyRows) -> NDArray[np.float32] | None:
        """Return what the decoder is told of each row; nothing, but in a conditional model."""
        return None

    def _check_gaps(self, rows: AnyRows) -> None:
        """Refuse missing values from which nothing can be learned."""
        if not has_missing(rows):
            return
        check_columns(rows, getattr(self, "feature_names_in_", None))
        if self.augment is not None:
            raise SettingError(
                f"augment={self.augment!r} with missing values, which it cannot move, expected one "
                "of the two; leave augment out, or fill the rows"
            )

    def _validation(self, validation_data: Any) -> Labelled:
        """Return the rows that the caller holds out."""
        return Labelled(self._checked(validation_data), None)

    def _split(self, known: Labelled, validation_data: Any) -> tuple[Labelled, Labelled | None]:
        """Return the rows to train on and the rows to hold out, if any."""
        if validation_data is not None:
            return known, self._validation(validation_data)
        training, held_out = known.split(self.validation_fraction, self.seed_)
        if self.early_stopping is not None and held_out is None:
            raise SettingError(
                f"early_stopping={self.early_stopping} has no held-out rows to watch, expected "
                f"some; validation_fraction={self.validation_fraction} of {len(known.rows)} rows "
                "holds out none; set validation_fraction=0.1 or pass validation_data to fit"
            )
        return training, held_out

    def _source(self, known: Labelled) -> Source:
        """Return rows as the training loop takes them: scaled, and on the training device."""
        rows = ScaledRows(known, self.scaling_, torch.device(self.device_), has_missing(known.rows))
        most = COPIED_BYTES if self.device_ == "cpu" else DEVICE_BYTES
        return rows[:] if 4 * known.rows.size <= most else rows

    def _train(
        self,
        module: EncoderDecoder,
        data: Source,
        held_out: Labelled | None,
        checkpoints: Checkpoints | None,
        on_epoch: Callable[[dict[str, Any]], None] | None,
    ) -> list[dict[str, Any]]:
        """Run the training loop and return its history; keep the recipe that it followed."""
        recipe = self.recipe_
        title = type(self).__name__
        validation = None if held_out is None else self._source(held_out)
        verbose = int(self.verbose) if current().is_first else 0
        with progress_bar(title, recipe.n_epochs(len(data)), verbose) as advance:

            def tell(row: dict[str, Any]) -> None:
                advance(row)
                if on_epoch is not None:
                    on_epoch(row)

            history, self.recipe_ = train_in_subspace(
                module,
                self._objective(data),
                data,
                recipe=recipe,
                seed=self.seed_,
                validation=validation,
                augment=self._augment(data),
                patience=self.early_stopping,
                precision=self.precision,
                checkpoints=checkpoints,
                on_epoch=tell,
                on_end=lambda arithmetic: setattr(self, "arithmetic_", str(arithmetic)),
            )
        return history

    def _augment(self, data: Source) -> Augment | None:
        """Return the augmentation of scaled rows, which is one of rows in the input's units."""
        if self.augment is None:
            return None
        shape = self._shape
        augmentation = resolve(self.augment, AUGMENTATIONS)
        units = Units.of(self.scaling_, data.device)
        for block in data.blocks(SCANNED_ROWS):
            augmentation.check(units.restore(block.x), shape)
        return units.wrap(lambda rows, generator: augmentation(rows, shape, generator))

    @abstractmethod
    def _objective(self, data: Source) -> Objective:
        """Return what to minimize over the scaled training rows."""

    def _finish(self, module: EncoderDecoder, data: Source) -> None:
        """Learn what can only be learned when the network is trained."""

    @abstractmethod
    def _checked(self, X: Any, *, reset: bool = False, at_least: int = 1) -> Any:
        """Return rows as a finite float32 or float64 array with the right columns."""

    @abstractmethod
    def _codes(self, X: AnyRows) -> NDArray[np.float32]:
        """Encode checked rows, in float32."""
