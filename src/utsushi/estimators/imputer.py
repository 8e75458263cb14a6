"""The imputer of numeric tables: variational autoencoders and a normal distribution."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import (
    FLOAT_DTYPES,
    _check_feature_names_in,
    check_is_fitted,
    validate_data,
)

from utsushi._utils.seeds import Purpose, numpy_generator, seed_from
from utsushi.distributions import Mixed
from utsushi.estimators.joint_normal import JointNormal
from utsushi.estimators.model_file import (
    Expected,
    Tensors,
    autoencoder_from_file,
    check_tensors,
    describe,
    in_range,
    library_versions,
    names_to_json,
    restore_names,
    save,
    under,
    value_from_json,
    value_to_json,
)
from utsushi.estimators.parameters import one_of
from utsushi.estimators.registry import OwnClasses, register_estimator
from utsushi.estimators.variational import VariationalAutoencoder
from utsushi.exceptions import PoorFitWarning, SettingError
from utsushi.networks.base import SIZES, is_size
from utsushi.networks.dense import Dense, check_widths, default_width
from utsushi.training import Recipe

__all__ = ["AutoencoderImputer"]

#: The most components by default; below it is one for each column.
MOST_COMPONENTS = 32

#: Codes for each sample, and draws of the posterior that they are chosen from.
N_CODES, IMPORTANCE_SAMPLES = 20, 60

#: The share of the known values that is hidden from each autoencoder, to compare it by.
SHARE_HIDDEN = 0.1

#: Of columns with fewer known values, none is hidden.
FEWEST_KNOWN = 10

#: Where fewer values are missing, so many copies of the samples have more gaps.
SHARE_MISSING, N_COPIES = 0.5, 3

#: Steps of training: at least so many, and so many for each sample, as long as steps times
#: columns are no more than the last number.
N_STEPS, STEPS_PER_ROW, STEPS_TIMES_COLUMNS = 600, 0.55, 160_000

#: The peak learning rate, and its product with the columns where there are many: at 0.012 the
#: training on 64 columns of pixels was unstable.
HIGHEST_RATE, RATE_TIMES_COLUMNS = 0.012, 0.25

#: The widest hidden layer by default.
WIDEST = 400

#: More columns than these have no joint normal distribution, and more samples are not needed.
MOST_COLUMNS, MOST_ROWS = 256, 5000

#: Samples with gaps by which the autoencoders are compared with each other.
MOST_COMPARED = 1000

#: Standardized values are at most so far from the mean.
FARTHEST = 4.0

#: Hidden values that the mean over all columns counts as, where one column decides.
PRIOR_ENTRIES = 50

#: Quantiles by which the distribution of the errors of a column is kept.
N_QUANTILES = 41
_PLACES = np.linspace(0, 1, N_QUANTILES)

#: The smallest standard deviation of a gap, of standardized columns.
SMALLEST_DEVIATION = 0.02

#: Rows whose gaps are filled at once.
_BLOCK_ROWS = 2048

Values = NDArray[np.float64]


@register_estimator
class AutoencoderImputer(TransformerMixin, BaseEstimator):
    r"""Fill the gaps of numeric tables with variational autoencoders.

    A gap is filled by the mean of two predictions of its value given the known values of its
    sample:

    - the conditional mean of a normal distribution of all columns, fitted to the samples with
      their gaps, which is what a linear variational autoencoder represents;
    - the mean over ``n_models`` variational autoencoders of
      :math:`E[x_m \mid x_o] \approx \frac1S \sum_s E[x_m \mid z_s]`, with codes :math:`z_s` of
      :math:`p(z \mid x_o)` that are chosen by importance weights (Mattei and Frellsen 2019).

    A tenth of the known values is hidden from each autoencoder. Their errors decide how much of
    each prediction a column takes, and the distribution that draws are made from. So on a small
    table, or one whose columns depend linearly on each other, the first prediction has the larger
    weight. Filled values are within the range of the training values.

    Parameters
    ----------
    n_components : int >= 1 or None, default=None
        H, the size of the code. None is the number of columns, from 2 to 32.
    n_models : int >= 1, default=3
        The number of autoencoders.
    sample_posterior : bool, default=False
        Whether `transform` fills gaps by a draw in place of the mean. See `impute_many`.
    n_importance_samples : int >= 1, default=60
        The draws of a code that those of a sample are chosen from.
    keep_empty_features : bool, default=False
        Whether a column without a value in training is filled with zeros, or left out.
    hidden : int, tuple of int or None, default=None
        Widths of the encoder's layers, which the decoder mirrors; None is chosen by the table's
        shape.
    recipe : {"fast", "lecture"} or Recipe, default="fast"
        See `VariationalAutoencoder`. "fast" makes at least 600 steps.
    max_epochs : int >= 1 or None, default=None
        Passes over the samples; None leaves them to the recipe.
    random_state : int, RandomState or None, default=None
        Decides every random number of `fit`, and the draw of ``sample_posterior``.
    device : str, default="auto"
        Where to compute.
    verbose : int, default=0
        1 shows a progress bar on stderr.

    Attributes
    ----------
    autoencoders_ : list of VariationalAutoencoder
        Models of standardized columns, each with features that say which values are known.
    weights_ : ndarray of shape (n_features_in_,)
        The share of the autoencoders' prediction in each column; NaN for an empty or constant one.
    n_features_in_ : int
        The number of columns.
    feature_names_in_ : ndarray of str
        Their names, where ``X`` had names.

    References
    ----------
    Mattei and Frellsen 2019, *MIWAE*, https://arxiv.org/abs/1812.02633; Rubin 1987, *Multiple
    Imputation for Nonresponse in Surveys*, https://doi.org/10.1002/9780470316696

    Examples
    --------
    >>> import numpy as np
    >>> from utsushi import AutoencoderImputer
    >>> a = np.random.default_rng(0).normal(size=(200, 1))
    >>> X = np.hstack([a, 2 * a, -a])
    >>> X[0, 1] = np.nan
    >>> imputer = AutoencoderImputer(max_epochs=5, random_state=0).fit(X)
    >>> bool(abs(imputer.transform(X)[0, 1] - 2 * a[0, 0]) < 0.1)
    True
    >>> len(imputer.impute_many(X, 20, random_state=0))
    20
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "n_models": [Interval(Integral, 1, None, closed="left")],
        "sample_posterior": ["boolean"],
        "n_importance_samples": [Interval(Integral, 1, None, closed="left")],
        "keep_empty_features": ["boolean"],
        "hidden": [*SIZES, None],
        "recipe": one_of("recipe"),
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
        "device": [str],
        "verbose": ["verbose"],
    }

    autoencoders_: list[VariationalAutoencoder]
    _normal: JointNormal | None
    n_features_in_: int

    def __init__(
        self,
        n_components: int | None = None,
        *,
        n_models: int = 3,
        sample_posterior: bool = False,
        n_importance_samples: int = IMPORTANCE_SAMPLES,
        keep_empty_features: bool = False,
        hidden: int | Sequence[int] | None = None,
        recipe: str | Recipe = "fast",
        max_epochs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        device: str = "auto",
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.n_models = n_models
        self.sample_posterior = sample_posterior
        self.n_importance_samples = n_importance_samples
        self.keep_empty_features = keep_empty_features
        self.hidden = hidden
        self.recipe = recipe
        self.max_epochs = max_epochs
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    # --- fit ------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Fit the imputer to a table.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Numbers, at least two samples; NaN is a gap.
        y : object, optional
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        InvalidParameterError
            If a parameter is invalid.
        """
        self._validate_params()
        self.__dict__.pop("_columns", None)  # not fitted until the end
        rows = self._checked(X, reset=True).astype(np.float64)
        self.seed_ = seed_from(self.random_state)
        self.autoencoders_ = []
        self._normal = None
        columns = _Columns.learn(rows)
        self._weights = np.empty(columns.n_varying)
        self._quantiles = np.empty((columns.n_varying, N_QUANTILES))
        if columns.n_varying:
            self._fit_models(columns.standardized(rows))
        self._columns = columns
        return self

    def _fit_models(self, x: Values) -> None:
        """Fit the models to standardized columns, and compare them by values that were hidden."""
        draws = numpy_generator(self.seed_, Purpose.SPLIT)
        known = ~np.isnan(x)
        may_hide = known & (known.sum(axis=0) >= FEWEST_KNOWN)
        folds = np.where(may_hide, (draws.random(x.shape) / SHARE_HIDDEN).astype(int), -1)
        some = draws.permutation(len(x))[:MOST_ROWS]
        if x.shape[1] <= MOST_COLUMNS:
            self._normal = JointNormal.learn(x[some])
        seeds = draws.integers(2**32, size=self.n_models)
        low, high = np.nanmin(x, axis=0), np.nanmax(x, axis=0)
        entries = []
        for number, seed in enumerate(seeds):
            shown = np.where(folds == number, np.nan, x)
            model = self._new_model(shown, int(seed))
            with warnings.catch_warnings():  # its weight says how good a fit is
                warnings.simplefilter("ignore", PoorFitWarning)
                self.autoencoders_.append(model.fit(_features(_with_gaps(shown, draws))))
            normal = self._normal
            if normal is not None:
                normal = JointNormal.learn(shown[some])
            hidden = np.flatnonzero((folds == number).any(axis=1))
            linear, deviation = _linear(normal, shown[hidden])
            nonlinear = self._posterior_means([model], shown[hidden])[0]
            row, column = np.nonzero(folds[hidden] == number)
            truth = x[hidden][row, column]
            pair = [np.clip(m, low, high)[row, column] for m in (linear, nonlinear)]
            entries.append(np.stack([column, truth, *pair, deviation[row, column]]))
        gaps = x[np.flatnonzero(~known.all(axis=1))[:MOST_COMPARED]]
        means = self._posterior_means(self.autoencoders_, gaps)
        self._compare(np.concatenate(entries, axis=1), _spread(means, np.isnan(gaps)))

    def _new_model(self, x: Values, seed: int) -> VariationalAutoencoder:
        """Return an autoencoder for standardized columns."""
        n_rows, n_columns = x.shape
        recipe = self.recipe
        if recipe == "fast" and self.max_epochs is None:
            most = max(N_STEPS, STEPS_TIMES_COLUMNS // n_columns)
            recipe = Recipe(
                min_steps=min(max(N_STEPS, int(STEPS_PER_ROW * n_rows)), most),
                learning_rate=min(HIGHEST_RATE, RATE_TIMES_COLUMNS / n_columns),
            )
        hidden = min(default_width(n_rows), WIDEST) if self.hidden is None else self.hidden
        families = (("gaussian", 1),) * n_columns + (("input", 1),) * n_columns
        return VariationalAutoencoder(
            self.n_components or int(np.clip(n_columns, 2, MOST_COMPONENTS)),
            network=Dense(activation="silu"),
            hidden=check_widths(hidden),
            scaling=None,
            missing="mask",
            likelihood=Mixed(families),
            sampler="prior",
            recipe=recipe,
            max_epochs=self.max_epochs,
            random_state=seed,
            device=self.device,
            verbose=self.verbose,
        )

    def _compare(self, entries: Values, spread: Values) -> None:
        """Choose the weight of the autoencoders in each column, and keep their errors.

        Parameters
        ----------
        entries : ndarray of shape (5, E)
            Of each hidden value its column, itself, its two predictions (the second of one
            autoencoder), and the standard deviation of the first.
        spread : ndarray of shape (D,)
            The variance of a prediction between autoencoders, of which their mean has less.
        """
        column, truth, linear, nonlinear, deviation = entries
        column = column.astype(int)
        n_columns = len(spread)

        def sums(values: Values) -> Values:
            total: Values = np.bincount(column, values, minlength=n_columns).astype(np.float64)
            return total

        n = sums(np.ones(len(column)))
        saved = spread * (1 - 1 / len(self.autoencoders_))
        apart, wrong = nonlinear - linear, truth - linear
        squares = np.maximum(sums(apart**2) - n * saved, 1e-3 * sums(apart**2)) + 1e-12
        products = sums(apart * wrong)
        common = np.clip(products.sum() / squares.sum(), 0, 1)
        prior = PRIOR_ENTRIES * squares.sum() / max(n.sum(), 1)
        self._weights = np.clip((products + prior * common) / (squares + prior), 0, 1)
        errors = wrong - self._weights[column] * apart
        ratios = errors / np.maximum(deviation, SMALLEST_DEVIATION)
        mean_square = (ratios**2).mean() if len(ratios) else 1.0
        scale = np.sqrt((sums(ratios**2) + PRIOR_ENTRIES * mean_square) / (n + PRIOR_ENTRIES))
        ratios = ratios / np.maximum(scale[column], 1e-12)
        shape = np.quantile(ratios, _PLACES) if len(ratios) else ndtri(_PLACES.clip(1e-3, 1 - 1e-3))
        for d in range(n_columns):
            own = np.quantile(ratios[column == d], _PLACES) if n[d] else shape
            share = n[d] / (n[d] + PRIOR_ENTRIES)
            self._quantiles[d] = scale[d] * (share * own + (1 - share) * shape)

    @property
    def weights_(self) -> Values:
        """The share of the autoencoders' prediction in each column."""
        weights = np.full(self.n_features_in_, np.nan)
        weights[self._columns.varies] = self._weights
        return weights

    # --- filling --------------------------------------------------------------------------------

    def transform(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Fill the gaps of a table.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_columns), float32 for float32 input, else float64
            Known values are unchanged; columns that were empty in training are left out, unless
            ``keep_empty_features``.
        """
        check_is_fitted(self)
        rows = self._checked(X)
        if self.sample_posterior:
            return self._draws(rows, 1, self.seed_)[0]
        return self._filled(rows, self._mean(rows)[0])

    def impute_many(
        self,
        X: ArrayLike,
        n_imputations: int = 20,
        *,
        random_state: int | np.random.RandomState | None = None,
    ) -> list[NDArray[np.floating[Any]]]:
        """Fill the gaps of a table several times by draws, for multiple imputation.

        What differs between the tables is what the model does not know: fit to each, and add the
        variance between the results to that within them (Rubin's rules).

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
        n_imputations : int >= 1, default=20
        random_state : int, RandomState or None, default=None
            An integer gives the same tables each time.

        Returns
        -------
        list of n_imputations ndarrays
            Each as `transform` returns it.
        """
        check_is_fitted(self)
        if not is_size(n_imputations):
            raise SettingError(f"n_imputations must be a positive integer, got {n_imputations!r}.")
        return self._draws(self._checked(X), n_imputations, seed_from(random_state))

    def _draws(
        self, rows: NDArray[np.floating[Any]], n_draws: int, seed: int
    ) -> list[NDArray[np.floating[Any]]]:
        """Return tables whose gaps are filled by draws."""
        mean, deviation = self._mean(rows)
        if not deviation.size:
            return [self._filled(rows, mean) for _ in range(n_draws)]
        draws = numpy_generator(seed, Purpose.PIXELS)
        x = self._columns.standardized(rows.astype(np.float64))
        if self._normal is None:
            residuals = draws.standard_normal((n_draws, *x.shape))
        else:
            residuals = self._normal.residuals(x, n_draws, draws)
        upto = ndtr(residuals / np.maximum(deviation, 1e-9))
        for d, quantiles in enumerate(self._quantiles):
            residuals[..., d] = np.interp(upto[..., d], _PLACES, quantiles)
        residuals *= np.maximum(deviation, SMALLEST_DEVIATION)
        return [self._filled(rows, mean + one) for one in residuals]

    def _mean(self, rows: NDArray[np.floating[Any]]) -> tuple[Values, Values]:
        """Return the expected values of standardized columns, and their standard deviations."""
        columns = self._columns
        x = columns.standardized(rows.astype(np.float64))
        mean, deviation = x.copy(), np.zeros(x.shape)
        with_gaps = np.flatnonzero(np.isnan(x).any(axis=1))
        for start in range(0, len(with_gaps), _BLOCK_ROWS):
            some = with_gaps[start : start + _BLOCK_ROWS]
            linear, deviation[some] = _linear(self._normal, x[some])
            nonlinear = self._posterior_means(self.autoencoders_, x[some]).mean(axis=0)
            linear, nonlinear = columns.within_range(linear), columns.within_range(nonlinear)
            mean[some] = linear + self._weights * (nonlinear - linear)
        return mean, deviation

    def _posterior_means(self, models: list[VariationalAutoencoder], x: Values) -> Values:
        """Return the expected values (models, n, D) of standardized columns, by importance."""
        means = np.zeros((len(models), *x.shape))
        features = _features(x)
        for place, model in enumerate(models if len(x) else ()):
            n_draws = int(self.n_importance_samples)
            codes = model._posterior_codes(
                features, N_CODES, n_draws, model.seed_, from_one_pool=True
            )
            for number in range(N_CODES):
                means[place] += model._decode_codes(codes[:, number])[:, : x.shape[1]]
        return means / N_CODES

    def _filled(
        self, rows: NDArray[np.floating[Any]], expected: Values
    ) -> NDArray[np.floating[Any]]:
        """Return a table with expected values, of standardized columns, in its gaps."""
        columns = self._columns
        values = np.tile(columns.mean, (len(rows), 1))
        values[:, columns.varies] = columns.restored(expected)
        filled = np.where(np.isnan(rows), values, rows).astype(rows.dtype)
        kept: NDArray[np.floating[Any]] = filled[:, self._is_kept]
        return kept

    def _checked(self, X: ArrayLike, *, reset: bool = False) -> NDArray[np.floating[Any]]:
        """Return a table as an array of floats."""
        rows: NDArray[np.floating[Any]] = validate_data(
            self,
            X,
            reset=reset,
            dtype=FLOAT_DTYPES,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2 if reset else 1,
        )
        return rows

    @property
    def _is_kept(self) -> NDArray[np.bool_]:
        """The columns of the output."""
        kept: NDArray[np.bool_] = ~self._columns.is_empty | bool(self.keep_empty_features)
        return kept

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Return the names of the columns of the output: those of the input.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names to take where ``X`` had none; else they must be its names.

        Returns
        -------
        ndarray of str objects
        """
        check_is_fitted(self)
        names: NDArray[Any] = _check_feature_names_in(self, input_features)
        return names[self._is_kept]

    # --- the file -------------------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Write the imputer to one safetensors file; `utsushi.load` reads it back."""
        check_is_fitted(self)
        return save(self, path)

    def _to_file(self) -> tuple[dict[str, Any], Tensors]:
        """Return the header and the tensors of the autoencoders, and its own."""
        parameters = self.get_params(deep=False)
        if isinstance(self.random_state, np.random.RandomState):
            parameters["random_state"] = None
        own: dict[str, Any] = {
            "parameters": {name: value_to_json(name, v) for name, v in parameters.items()},
            "n_features_in": int(self.n_features_in_),
            "feature_names_in": names_to_json(self),
            "seed": self.seed_,
            "autoencoders": [],
        }
        tensors: Tensors = {
            "imputer.columns": self._columns.to_array(),
            "imputer.weights": self._weights,
            "imputer.quantiles": self._quantiles,
        }
        if self._normal is not None:
            tensors["imputer.mean"] = self._normal.mean
            tensors["imputer.covariance"] = self._normal.covariance
        for number, model in enumerate(self.autoencoders_):
            header, parts = describe(model)
            own["autoencoders"].append(header)
            tensors |= {f"autoencoder.{number}.{name}": t for name, t in parts.items()}
        return {"versions": library_versions(), "imputer": own}, tensors

    @classmethod
    def _from_file(cls, header: dict[str, Any], tensors: Tensors, classes: OwnClasses) -> Self:
        """Build an imputer around its fitted autoencoders."""
        own, arrays = header["imputer"], under("imputer.", tensors)
        parameters = {n: value_from_json(n, v, classes) for n, v in own["parameters"].items()}
        model = cls(**parameters)
        model._validate_params()
        model.n_features_in_ = in_range("n_features_in", own["n_features_in"], 1, 2**31)
        restore_names(model, own["feature_names_in"])
        model.seed_ = in_range("seed", own["seed"], 0, 2**64 - 1)
        check_tensors(
            {"columns": arrays["columns"]}, {"columns": ("float64", (5, model.n_features_in_))}
        )
        columns = _Columns.from_array(arrays.pop("columns"))
        n = columns.n_varying
        if len(own["autoencoders"]) != (model.n_models if n else 0):
            raise ValueError(f"there are {len(own['autoencoders'])} autoencoders")
        expected: dict[str, Expected] = {
            "weights": ("float64", (n,)),
            "quantiles": ("float64", (n, N_QUANTILES)),
        }
        has_normal = 0 < n <= MOST_COLUMNS
        if has_normal:
            expected |= {"mean": ("float64", (n,)), "covariance": ("float64", (n, n))}
        check_tensors(arrays, expected)
        model._weights, model._quantiles = arrays["weights"], arrays["quantiles"]
        model._normal = None
        if has_normal:
            np.linalg.cholesky(arrays["covariance"])  # refuses what is no covariance
            model._normal = JointNormal(arrays["mean"], arrays["covariance"])
        model.autoencoders_ = [
            autoencoder_from_file(described, under(f"autoencoder.{number}.", tensors), classes)
            for number, described in enumerate(own["autoencoders"])
        ]
        if any(one.n_features_in_ != 2 * n for one in model.autoencoders_):
            raise ValueError("the autoencoders do not have the features of the columns")
        model._columns = columns
        return model

    # --- scikit-learn's protocol ----------------------------------------------------------------

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_columns")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


@dataclass(frozen=True, eq=False)
class _Columns:
    """What is known of each column of the training data.

    Attributes
    ----------
    mean, low, high, deviation : ndarray of shape (D,)
        The mean, the range and the standard deviation of its values; zeros if it is empty.
    is_empty : ndarray of shape (D,)
    """

    mean: Values
    low: Values
    high: Values
    deviation: Values
    is_empty: NDArray[np.bool_]

    @classmethod
    def learn(cls, rows: Values) -> Self:
        """Learn from a table (n, D)."""
        is_empty = np.asarray(np.isnan(rows).all(axis=0), dtype=np.bool_)
        filled = np.where(is_empty, 0.0, rows)
        low, high = np.nanmin(filled, axis=0), np.nanmax(filled, axis=0)
        # A constant's mean may differ from it in the last digit.
        mean = np.where(low < high, np.nanmean(filled, axis=0), low)
        return cls(mean, low, high, np.nanstd(filled, axis=0), is_empty)

    @cached_property
    def varies(self) -> NDArray[np.bool_]:
        """The columns that the models have."""
        return (self.low < self.high) & (self.deviation > 0)

    @property
    def n_varying(self) -> int:
        """Their number."""
        return int(self.varies.sum())

    def standardized(self, rows: Values) -> Values:
        """Return the columns that vary, standardized, without far outliers."""
        varies = self.varies
        scaled = (rows[:, varies] - self.mean[varies]) / self.deviation[varies]
        return scaled.clip(-FARTHEST, FARTHEST)

    def within_range(self, x: Values) -> Values:
        """Return standardized values within the range of the training values."""
        varies = self.varies
        low, high = (
            (end[varies] - self.mean[varies]) / self.deviation[varies]
            for end in (self.low, self.high)
        )
        return np.clip(x, low, high)

    def restored(self, x: Values) -> Values:
        """Return values in the units of the input, within the range of the training values."""
        varies = self.varies
        values: Values = self.mean[varies] + self.deviation[varies] * x
        return values.clip(self.low[varies], self.high[varies])

    def to_array(self) -> Values:
        """Return an array (5, D); see `from_array`."""
        return np.stack([self.mean, self.low, self.high, self.deviation, self.is_empty * 1.0])

    @classmethod
    def from_array(cls, array: Values) -> Self:
        """Return what `to_array` was of."""
        mean, low, high, deviation, is_empty = array
        return cls(mean, low, high, deviation, is_empty > 0)


def _features(x: Values) -> NDArray[np.float32]:
    """Return what an autoencoder sees of standardized columns: them, and which are known."""
    return np.concatenate([x, ~np.isnan(x)], axis=1).astype(np.float32)


def _with_gaps(x: Values, draws: np.random.Generator) -> Values:
    """Return samples, and copies with random gaps if they have few.

    A model that saw no gaps copies means back. The bound counts the values that are left alone: a
    bound of hidden values, too, would keep the noise of the likelihood as large as what cannot be
    predicted of them.
    """
    most = 2 * (SHARE_MISSING - float(np.isnan(x).mean()))
    if most <= 0:
        return x
    copies = np.tile(x, (N_COPIES, 1))
    hidden = draws.random(copies.shape) < draws.uniform(0, most, (len(copies), 1))
    return np.concatenate([x, np.where(hidden, np.nan, copies)])


def _linear(normal: JointNormal | None, x: Values) -> tuple[Values, Values]:
    """Return the expected values and their standard deviations by a normal distribution."""
    if normal is None:
        return np.nan_to_num(x), np.isnan(x) * 1.0
    return normal.conditional(x)


def _spread(means: Values, gaps: NDArray[np.bool_]) -> Values:
    """Return the variance (D,) of predictions (models, n, D) of gaps (n, D) between models."""
    if len(means) < 2:
        return np.zeros(gaps.shape[1])
    variance = np.where(gaps, means.var(axis=0, ddof=1), 0.0).sum(axis=0)
    spread: Values = variance / np.maximum(gaps.sum(axis=0), 1)
    return spread
