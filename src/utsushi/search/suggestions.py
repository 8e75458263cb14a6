"""Where the settings of a trial come from."""

from __future__ import annotations

from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from utsushi._utils.seeds import Purpose, numpy_generator

__all__ = ["ByNumber"]


class ByNumber(BaseSampler):
    """Tree-structured Parzen estimators whose draws are a function of (seed, number of the trial).

    A search that goes on makes the suggestions that it would have made undisturbed, and no two
    processes of one search make the same. The first ten trials are random; Bergstra et al. 2011,
    *Algorithms for Hyper-Parameter Optimization*.

    Parameters
    ----------
    seed : int >= 0
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._of_trial: TPESampler | None = None

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Begin the draws of a trial."""
        draws = numpy_generator(self.seed, Purpose.SEARCH, trial.number)
        # All that could change with Optuna's defaults is said.
        self._of_trial = TPESampler(
            n_startup_trials=10,
            n_ei_candidates=24,
            multivariate=True,
            constant_liar=True,  # other processes' trials under way are kept away from
            warn_independent_sampling=False,
            seed=int(draws.integers(2**32)),
        )
        self._of_trial.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the settings that are drawn together."""
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw them."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw one that is not."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    @property
    def _sampler(self) -> TPESampler:
        assert self._of_trial is not None  # Optuna begins each trial by `before_trial`
        return self._of_trial
