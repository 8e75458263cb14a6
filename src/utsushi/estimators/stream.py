"""The state of a stream: what `partial_fit` needs of the samples and steps before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer

from utsushi._utils.seeds import Purpose, numpy_generator
from utsushi.estimators.rows import COPIED_BYTES, TrainingData
from utsushi.transforms.scaling import RunningMoments

__all__ = ["CALIBRATION_ROWS", "ENOUGH_ROWS", "RESERVOIR_ROWS", "FittedWhenRead", "Stream"]

#: The most samples of a reservoir; fewer where they would take more than `COPIED_BYTES`.
RESERVOIR_ROWS = 4096

#: A fitted or loaded model keeps its calibration and its sampler until so many samples came.
ENOUGH_ROWS = 1000

#: Samples of the reservoir that the likelihood is calibrated to after each call.
CALIBRATION_ROWS = 1000


@dataclass(frozen=True)
class Stream:
    """The state of a stream between two calls of `partial_fit`.

    Attributes
    ----------
    optimizer : Optimizer
        Of the model's module, with its moments.
    moments : RunningMoments or None
        Of all samples; None where `fit` or a model file decided the scaling, which then stays.
    reservoir : TrainingData or None
        A uniform random choice of all samples; None before the first.
    n_samples : int
        The number of all samples.
    """

    optimizer: Optimizer
    moments: RunningMoments | None
    reservoir: TrainingData | None = None
    n_samples: int = 0

    @property
    def decides(self) -> bool:
        """Whether there are enough samples to calibrate the model and to fit its sampler."""
        return self.moments is not None or self.n_samples >= ENOUGH_ROWS

    def with_samples(self, data: TrainingData, seed: int) -> Stream:
        """Return the state after more samples, which the reservoir may take.

        The choice is a function of the seed and of the samples before. See Vitter 1985, *Random
        Sampling with a Reservoir*, https://doi.org/10.1145/3147.3165, algorithm R.
        """
        n_new, n_features = data.rows.shape
        most = max(2, min(RESERVOIR_ROWS, COPIED_BYTES // (data.rows.dtype.itemsize * n_features)))
        numbers = np.arange(self.n_samples, self.n_samples + n_new)
        draws = numpy_generator(seed, Purpose.RESERVOIR, self.n_samples)
        places = np.where(numbers < most, numbers, draws.integers(0, numbers + 1))
        # Of several samples with one place, the last one keeps it.
        taken, last = np.unique(places[::-1], return_index=True)
        chosen = n_new - 1 - last[taken < most]
        taken = taken[taken < most]
        new, old = data[chosen], self.reservoir
        n_samples = self.n_samples + n_new
        dtype = new.rows.dtype if old is None else np.result_type(old.rows, new.rows)
        rows = np.empty((min(n_samples, most), n_features), dtype)
        condition = None
        if new.condition is not None:
            condition = np.empty((len(rows), new.condition.shape[1]), np.float32)
        if old is not None:
            rows[: len(old.rows)] = old.rows
        rows[taken] = new.rows
        if condition is not None:
            if old is not None:
                condition[: len(old.rows)] = old.condition
            condition[taken] = new.condition
        kept = TrainingData(rows, condition, data.may_miss or (old is not None and old.may_miss))
        return replace(self, reservoir=kept, n_samples=n_samples)


class FittedWhenRead:
    """An attribute of the fitted sampler, which `partial_fit` leaves out until it is read.

    Fitting a sampler may take longer than a pass over the samples. An attribute of the model
    itself, which `fit` sets, comes before this one.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, model: Any, owner: type) -> Any:
        """Fit the sampler to the reservoir, and return the attribute."""
        stream: Stream | None = vars(model).get("_stream") if model is not None else None
        if stream is None or stream.reservoir is None:
            raise AttributeError(f"{owner.__name__!r} object has no attribute {self.name!r}")
        with torch.inference_mode(mode=False):
            model._fit_sampler(stream.reservoir)
        return vars(model)[self.name]
