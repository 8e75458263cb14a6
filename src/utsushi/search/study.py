"""A search: the trials of one study, in one or several processes."""

from __future__ import annotations

import json
import math
import secrets
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from utsushi._utils.lazy_rows import LazyRows, as_guarded
from utsushi._utils.optional_dependencies import require_extra
from utsushi._utils.seeds import Purpose, numpy_generator, seed_from
from utsushi.estimators import BaseAutoencoder
from utsushi.estimators.capabilities import is_conditional
from utsushi.estimators.identity import digest
from utsushi.estimators.model_file import parameters_to_json
from utsushi.estimators.rows import n_to_hold_out
from utsushi.exceptions import SettingError, TrainingDivergedError
from utsushi.networks.base import is_size
from utsushi.search.spaces import settings_of, space_of

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import TPESampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

__all__ = ["Search", "id_of", "tune"]

#: The fraction of held-out samples, if the model holds out none.
HELD_OUT = 0.1

#: The number of first trials, and the first fraction of epochs, in which no trial is pruned.
FIRST_TRIALS, FIRST_EPOCHS = 5, 1 / 3

#: The fewest finished trials for the importance of parameters.
FEWEST_TRIALS = 4

#: The key of the definition of a search, so that no other search continues its study.
_IDENTITY = "utsushi"

#: The key of the random identifier of a study, which its run contains.
_ID = "utsushi id"


@dataclass(frozen=True)
class Search:
    """Hold the result of a search.

    Attributes
    ----------
    study : optuna.study.Study
        All trials; see Optuna's documentation.
    model : autoencoder
        An unfitted model with the settings of the best trial; ``fit`` on the data of the search
        reproduces the model of that trial bit for bit.
    """

    study: Study
    model: BaseAutoencoder

    @property
    def id(self) -> str:
        """A unique identifier of this search."""
        return str(self.study.user_attrs[_ID])

    @property
    def best_value(self) -> float:
        """The best objective of held-out samples, in the units of ``history_``."""
        return float(self.study.best_value)

    @property
    def best_settings(self) -> dict[str, Any]:
        """The searched parameters of the best trial."""
        return settings_of(self.study.best_params)

    @property
    def importances(self) -> dict[str, float]:
        """The share of the objective's variance that each setting explains, in descending order.

        Computed by functional analysis of variance of a random forest (Hutter et al. 2014, *An
        Efficient Approach for Assessing Hyperparameter Importance*); the shares sum to 1. Empty if
        fewer than four trials were completed, or all have the same objective.
        """
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances

        finished = [trial for trial in self.study.trials if trial.state.name == "COMPLETE"]
        if len(finished) < FEWEST_TRIALS or len({trial.value for trial in finished}) == 1:
            return {}
        evaluator = FanovaImportanceEvaluator(n_trees=64, max_depth=64, seed=0)
        return {
            name: float(share)
            for name, share in get_param_importances(self.study, evaluator=evaluator).items()
        }


def tune(
    model: BaseAutoencoder,
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    n_trials: int = 50,
    space: Mapping[str, BaseDistribution] | None = None,
    storage: Any = None,
    study_name: str | None = None,
    on_trial: Callable[[Study, FrozenTrial], None] = lambda study, trial: None,
) -> Search:
    """Search for the settings of a model with the lowest held-out objective.

    Each trial trains on the same samples with the same seed. After its first third, a trial is
    pruned if its objective is above the median of the others at the same epoch; so is one that
    diverges or whose objective is not finite.

    Parameters
    ----------
    model : autoencoder
        The model, which is not changed and sets the parameters that are not searched. The
        ``validation_fraction`` of its recipe is held out, or a tenth if that is 0. Processes that
        start at the same time need the same ``random_state``; later ones read it from the study.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,), optional
        Labels, for a conditional model.
    n_trials : int >= 1, default=50
        The total number of trials of the study, over all processes: an interrupted search runs the
        missing ones. A surplus trial is marked as failed.
    space : mapping of str to optuna distribution, optional
        Distributions by the names that `settings_of` takes; None is `space_of` the model.
    storage : str or optuna storage, optional
        The storage of the study, such as ``"sqlite:///search.db"``, which several processes may
        use at the same time. None keeps it in memory.
    study_name : str, optional
        The name of the study; None is that of the model's class.
    on_trial : callable
        Called with the study and each trial of this process after it ended.

    Returns
    -------
    Search

    Raises
    ------
    MissingPackageError
        If the optional dependencies ``tune`` are not installed.
    SettingError
        If the study is of another search, or no trial was completed.

    Examples
    --------
    >>> from utsushi import Autoencoder, datasets
    >>> from optuna.distributions import FloatDistribution
    >>> X = datasets.load_digits8x8().X_train[:100]
    >>> model = Autoencoder(3, hidden=(8,), max_epochs=2, random_state=0)
    >>> space = {"recipe__learning_rate": FloatDistribution(1e-3, 1e-1, log=True)}
    >>> search = tune(model, X, n_trials=3, space=space)
    >>> sorted(search.best_settings), len(search.study.trials)
    (['recipe__learning_rate'], 3)
    """
    require_extra("tune", "optuna", what="a search for settings")
    if not is_size(n_trials):
        raise SettingError(f"n_trials must be a positive integer, got {n_trials!r}.")
    base = clone(model)
    if not base.chosen("recipe").validation_fraction:
        base.set_params(recipe__validation_fraction=HELD_OUT)
    space = dict(space_of(base, np.shape(X)[1], np.shape(X)[0]) if space is None else space)
    with _quiet():
        study = _study(study_name or type(model).__name__, storage)
        base.set_params(random_state=_seed(study, base))
        _identify(study, base, space, X, y)
        study.sampler = _sampler(base.random_state)
        for trial in _missing(study, space, n_trials):
            on_trial(study, _tried(study, trial, base, X, y, n_trials))
        _check_any_complete(study)
        return Search(study, clone(base).set_params(**settings_of(study.best_params)))


def _missing(study: Study, space: dict[str, BaseDistribution], n_trials: int) -> Iterator[Trial]:
    """Yield new trials until the study has enough, including running ones of other processes.

    Trials that were running before are not counted: their process may have been killed.
    """
    from optuna.trial import TrialState

    earlier = {trial.number for trial in _trials(study) if trial.state.name == "RUNNING"}
    while _n_over(study) < n_trials:
        trial = study.ask(space)
        ahead = [
            other
            for other in _trials(study)
            if other.number < trial.number
            and (_is_over(other) or (other.state.name == "RUNNING" and other.number not in earlier))
        ]
        if len(ahead) >= n_trials:
            study.tell(trial, state=TrialState.FAIL)
            return
        yield trial


def _tried(
    study: Study, trial: Trial, base: BaseAutoencoder, X: Any, y: Any, n_trials: int
) -> FrozenTrial:
    """Run a trial and report its state: failed if the study had its ``n_trials`` by then."""
    from optuna.exceptions import TrialPruned
    from optuna.pruners import MedianPruner
    from optuna.trial import TrialState

    model = clone(base).set_params(**settings_of(trial.params))
    recipe = base.chosen("recipe")
    n_rows = len(X) - n_to_hold_out(len(X), recipe.validation_fraction)
    n_epochs = model.resolved_recipe(np.shape(X)[1], n_rows).n_epochs(n_rows)
    study.pruner = MedianPruner(
        n_startup_trials=FIRST_TRIALS,
        n_warmup_steps=math.ceil(FIRST_EPOCHS * n_epochs),
        interval_steps=1,
        n_min_trials=1,
    )

    def watch(_: BaseAutoencoder, row: dict[str, Any]) -> None:
        trial.report(row["validation_objective"], row["epoch"])
        if trial.should_prune():
            raise TrialPruned

    try:
        model.fit(X, y, on_epoch=watch)
        objectives = [row["validation_objective"] for row in model.history_]
        # Early stopping restores the best epoch.
        value = objectives[-1] if recipe.early_stopping is None else min(objectives)
    except (TrialPruned, TrainingDivergedError):
        value = math.nan
    except BaseException:
        study.tell(trial, state=TrialState.FAIL)
        raise
    if _n_over(study) >= n_trials:
        return study.tell(trial, state=TrialState.FAIL)
    if not math.isfinite(value):  # Optuna would report it as failed
        return study.tell(trial, state=TrialState.PRUNED)
    return study.tell(trial, value)


def _check_any_complete(study: Study) -> None:
    """Raise an error if no trial has finished."""
    trials = _trials(study)
    if any(trial.state.name == "COMPLETE" for trial in trials):
        return
    n_running = sum(trial.state.name == "RUNNING" for trial in trials)
    if n_running:
        raise SettingError(
            f"no trial of the study {study.study_name!r} has finished yet ({n_running} running "
            "elsewhere). Search again when they have."
        )
    raise SettingError(
        f"none of the {len(trials)} trials finished. Lower the learning rates of the space, or "
        "check the data."
    )


def id_of(study_name: str, storage: Any) -> str | None:
    """Return the `Search.id` of a study in a storage, or None if there is no such study."""
    require_extra("tune", "optuna", what="a search for settings")
    import optuna

    if storage is None:
        return None
    with _quiet(), _opening(storage):
        try:
            study = optuna.load_study(study_name=study_name, storage=storage)
        except KeyError:
            return None
        search_id: str | None = study.user_attrs.get(_ID)
    return search_id


def _study(name: str, storage: Any) -> Study:
    """Open a study, or create it."""
    import optuna

    with _opening(storage):
        study = optuna.create_study(
            study_name=name, storage=storage, direction="minimize", load_if_exists=True
        )
    if _ID not in study.user_attrs:
        study.set_user_attr(_ID, secrets.token_hex(16))
    return study


@contextmanager
def _opening(storage: Any) -> Iterator[None]:
    """Convert errors of a storage that cannot be opened to one that names it."""
    try:
        yield
    except Exception as error:  # each database has its own exceptions
        reason = str(error).strip().partition("\n")[0]
        raise SettingError(
            "storage must be the address of a database, such as sqlite:///search.db, got "
            f"{storage!r} ({type(error).__name__}: {reason})."
        ) from error


def _sampler(seed: int) -> TPESampler:
    """Return a sampler whose draws depend on the seed and the number of the trial.

    A resumed search makes the same suggestions as one without interruption, and the processes of
    one search make different ones. The first ten trials are random; Bergstra et al. 2011,
    *Algorithms for Hyper-Parameter Optimization*.
    """
    from optuna.samplers import TPESampler

    class ByNumber(TPESampler):
        def __init__(self, number: int = 0) -> None:
            draws = numpy_generator(seed, Purpose.SEARCH, number)
            # Set explicitly, as Optuna's defaults may change.
            super().__init__(
                n_startup_trials=10,
                n_ei_candidates=24,
                multivariate=True,
                constant_liar=True,  # keeps away from the running trials of other processes
                warn_independent_sampling=False,
                seed=int(draws.integers(2**32)),
            )

        def before_trial(self, study: Study, trial: FrozenTrial) -> None:
            self.__init__(trial.number)  # type: ignore[misc]
            super().before_trial(study, trial)

    return ByNumber()


def _seed(study: Study, base: BaseAutoencoder) -> int:
    """Return the seed of all trials: the model's, or that of the study."""
    definition = study.user_attrs.get(_IDENTITY)
    if definition is None or isinstance(base.random_state, Integral):
        return seed_from(base.random_state) % 2**32  # the range of scikit-learn's seeds
    return int(definition["random_state"])


def _identify(
    study: Study, base: BaseAutoencoder, space: Mapping[str, BaseDistribution], X: Any, y: Any
) -> None:
    """Record the definition of a new study; check that of a resumed one."""
    from optuna.distributions import distribution_to_json

    rows: Any = as_guarded(X) if isinstance(X, np.ndarray | LazyRows) else np.asarray(X)
    rows = rows.astype(np.str_) if rows.dtype.kind == "O" else rows
    current = {
        "estimator": type(base).__name__,
        **{k: v for k, v in _flat(parameters_to_json(base)) if k not in ("verbose", "device")},
        **{f"the range of {name}": distribution_to_json(space[name]) for name in space},
        "rows": f"{rows.shape} {digest(rows)}",
    }
    if is_conditional(base) and y is not None:
        # As text, labels are equal in every dtype.
        labels = np.array([str(label) for label in np.asarray(y).ravel().tolist()])
        current["labels"] = digest(labels)
    current = json.loads(json.dumps(current))  # as a database returns it
    if _IDENTITY not in study.user_attrs:
        study.set_user_attr(_IDENTITY, current)
    recorded = study.user_attrs[_IDENTITY]
    differing = [
        f"{name} was {recorded.get(name, 'not there')}, is {current.get(name, 'not there')}"
        for name in sorted(recorded.keys() | current.keys())
        if recorded.get(name) != current.get(name)
    ]
    if differing:
        raise SettingError(
            f"the study {study.study_name!r} is of another search: {'; '.join(differing)}. Repeat "
            "that search, or choose another study_name or storage."
        )


def _flat(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield parameters as JSON by name, and those of an object as ``recipe__precision``."""
    for name, value in parameters.items():
        if isinstance(value, dict) and "class" in value:
            yield name, value["class"]
            yield from ((f"{name}__{inner}", v) for inner, v in _flat(value["parameters"]))
        else:
            yield name, value


def _trials(study: Study) -> list[FrozenTrial]:
    """Return the trials of all processes, read-only."""
    return study.get_trials(deepcopy=False)


def _is_over(trial: FrozenTrial) -> bool:
    """Return whether a trial has finished or was stopped early."""
    return trial.state.name in ("COMPLETE", "PRUNED")


def _n_over(study: Study) -> int:
    """Count the trials that have finished or were stopped early."""
    return sum(map(_is_over, _trials(study)))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna's log and its warnings about experimental features off stderr."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="optuna")
            yield
    finally:
        optuna.logging.set_verbosity(before)
