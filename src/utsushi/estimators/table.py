"""The autoencoder of tables: data frames of numbers, categories and gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import norm
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from utsushi._utils.frames import BACKENDS, RawColumn, is_frame, read_frame, with_index, write_frame
from utsushi._utils.seeds import Purpose, generator, numpy_generator, seed_from
from utsushi.distributions import Mixed
from utsushi.estimators.model_file import (
    Tensors,
    autoencoder_from_file,
    check_tensors,
    describe,
    in_range,
    names_to_json,
    restore_names,
    save,
    under,
    value_from_json,
    value_to_json,
)
from utsushi.estimators.parameters import WithObjects, one_of
from utsushi.estimators.registry import OwnClasses, register_estimator
from utsushi.estimators.variational import VariationalAutoencoder
from utsushi.exceptions import DataError, SettingError
from utsushi.networks.base import SIZES, is_size
from utsushi.objectives import ELBO
from utsushi.samplers import Sampler
from utsushi.training import Recipe
from utsushi.transforms.table_codec import ColumnCodec, TableCodec

__all__ = ["TableAutoencoder"]

#: Steps of training for each row by default, and their limits, if ``"fast"`` makes no more: columns
#: depend on each other in finer ways than a sharp reconstruction needs, and a few hundred rows are
#: learned by heart in 2,000 steps.
STEPS_PER_ROW, FEWEST_STEPS, MOST_STEPS = 0.5, 300, 2000

#: The most components by default; fewer columns have a component each.
MOST_COMPONENTS = 32

#: Draws of the model by which the distribution of each column is corrected, quantiles that are
#: kept of them, and rounds of the correction of categories.
CALIBRATION_DRAWS, CALIBRATION_QUANTILES, CALIBRATION_ROUNDS = 20_000, 200, 3

#: Codes for each gap, and draws of the posterior that they are chosen from.
IMPUTATION_CODES, IMPORTANCE_SAMPLES = 20, 5

#: Draws that each sample with given values is chosen from.
GIVEN_IMPORTANCE_SAMPLES = 20

#: Codes by which each value of a row is explained, and rows at once.
EXPLANATION_CODES, _EXPLAINED_ROWS = 40, 1024

#: Rows whose codes are decoded at once.
_BLOCK_ROWS = 2048

#: Nodes and weights of the mean over a normal distribution: Gauss and Hermite's.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)

Rows = NDArray[np.floating[Any]]


@register_estimator
class TableAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, WithObjects):
    r"""Variational autoencoder of tables, from data frame to data frame.

    Columns may be numbers of any scale, integers, truth values, categories, dates and times, with
    gaps. Each has its own likelihood, and the model is their joint density: it fills gaps, draws
    new rows, also with some values given, and says which value of a row is odd given the others.
    In training the encoder sees the rows a second time, with a random part of the columns hidden,
    so that it learns the posterior given any part of a row (Ivanov et al. 2019; Mattei and
    Frellsen 2019).

    Parameters
    ----------
    n_components : int >= 1 or None, default=None
        H, the size of the code. None is the number of columns, from 2 to 32.
    kinds : mapping of str to str, or None, default=None
        By the name of a column, its kind, where the inferred one is not right: "number", "truth",
        "category", "date", "datetime", "count" (a negative binomial), "identifier" (left out).
        ``print(model.codec_)`` shows them.
    hidden : int, tuple of int or None, default=None
        Widths of the encoder's layers, which the decoder mirrors; None is chosen by the table's
        shape.
    masking : float in [0, 1], default=1.0
        The share of the rows of a step that the encoder also sees in part; see
        `utsushi.objectives.ELBO`. With 0, `sample` with values given, `impute` and `explain` are
        rough.
    sampler : str or Sampler, default="mixture"
        The distribution that `sample` draws codes from; see `VariationalAutoencoder`.
    recipe : {"fast", "lecture"} or Recipe, default="fast"
        See `VariationalAutoencoder`; ``"fast"`` makes half a step for each row here, at least 300,
        and up to 2,000 if it would make fewer.
    max_epochs : int >= 1 or None, default=None
        Passes over the rows; None leaves them to the recipe.
    random_state : int, RandomState or None, default=None
        Decides every random number of `fit`.
    device : str, default="auto"
        Where to compute.
    verbose : int, default=0
        1 shows a progress bar on stderr.

    Attributes
    ----------
    codec_ : TableCodec
        How each column is encoded.
    autoencoder_ : VariationalAutoencoder
        The fitted model of the encoded columns.
    n_features_in_ : int
        The number of columns.
    feature_names_in_ : ndarray of str
        Their names, where ``X`` had names.
    n_components_ : int
        The size of the code.
    backend_ : str or None
        The library of the training data frame; None for an array.
    history_ : list of dict
        The measures of each epoch; ``n_epochs_`` is their number.
    recipe_ : Recipe
        The recipe, with all that ``fit`` chose.
    seed_ : int
        The seed of the fit.

    References
    ----------
    Ivanov, Figurnov and Vetrov 2019, *Variational Autoencoder with Arbitrary Conditioning*,
    https://arxiv.org/abs/1806.02382; Mattei and Frellsen 2019, *MIWAE*,
    https://arxiv.org/abs/1812.02633; Nazábal et al. 2020, *Handling Incomplete Heterogeneous Data
    using VAEs*, https://arxiv.org/abs/1807.03653

    Examples
    --------
    >>> import pandas
    >>> from utsushi import TableAutoencoder
    >>> frame = pandas.DataFrame({"age": [31, 54, 27, 45] * 20, "town": ["Oslo", "Kobe"] * 40})
    >>> frame.loc[3, "town"] = None
    >>> model = TableAutoencoder(2, max_epochs=5, random_state=0).fit(frame)
    >>> print(model.codec_)
    age: category of 4 values
    town: category of 2 values, with gaps
    >>> model.transform(frame).shape
    (80, 2)
    >>> model.sample(3, random_state=0).shape
    (3, 2)
    >>> bool(model.impute(frame)["town"].isna().any())
    False
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "kinds": [dict, None],
        "hidden": [*SIZES, None],
        "masking": [Interval(Real, 0, 1, closed="both")],
        "sampler": one_of("sampler"),
        "recipe": one_of("recipe"),
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
        "device": [str],
        "verbose": ["verbose"],
    }

    codec_: TableCodec
    autoencoder_: VariationalAutoencoder
    n_features_in_: int
    n_components_: int
    backend_: str | None

    def __init__(
        self,
        n_components: int | None = None,
        *,
        kinds: Mapping[str, str] | None = None,
        hidden: int | Sequence[int] | None = None,
        masking: float = 1.0,
        sampler: str | Sampler = "mixture",
        recipe: str | Recipe = "fast",
        max_epochs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        device: str = "auto",
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.kinds = kinds
        self.hidden = hidden
        self.masking = masking
        self.sampler = sampler
        self.recipe = recipe
        self.max_epochs = max_epochs
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    # --- fit ------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: Any = None, **fit_params: Any) -> Self:
        """Fit the model to a table.

        Parameters
        ----------
        X : pandas.DataFrame, polars.DataFrame, or array-like of shape (n_samples, n_columns)
            At least two rows. None, NaN and the like are gaps.
        y : object, optional
            Ignored.
        **fit_params
            ``checkpoint_dir``, ``checkpoint_every`` and ``on_epoch`` of `VariationalAutoencoder`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If two columns have one name, or no column has two different values.
        SettingError, InvalidParameterError
            If a parameter is invalid.
        """
        self._validate_params()
        self.__dict__.pop("_quantiles", None)  # not fitted until the end
        columns, self.backend_ = self._read(X, reset=True)
        if len(columns[0].values) < 2:
            raise DataError("X must have at least 2 samples, got 1 sample. Give more rows.")
        codec = TableCodec.learn(columns, self.kinds)
        n_components = self.n_components or int(np.clip(len(codec.encoded), 2, MOST_COMPONENTS))
        model = VariationalAutoencoder(
            n_components,
            hidden=self.hidden if self.hidden is None else tuple(np.atleast_1d(self.hidden)),
            scaling=None,
            missing="mask",
            likelihood=Mixed(codec.families, codec.groups),
            objective=ELBO(masking=float(self.masking)),
            sampler=self.sampler,
            recipe=self._recipe(len(columns[0].values)),
            max_epochs=self.max_epochs,
            random_state=seed_from(self.random_state) % 2**32,
            device=self.device,
            verbose=self.verbose,
        )
        features = codec.encode(columns).astype(np.float32)
        self.autoencoder_ = model.fit(features, **fit_params)
        self.codec_, self.n_components_ = codec, n_components
        self._calibrate(features)
        return self

    def _recipe(self, n_rows: int) -> Recipe:
        """Return the recipe for so many rows."""
        recipe: Recipe = self.chosen("recipe")
        if recipe.name != "fast" or recipe.min_steps is not None or recipe.max_epochs is not None:
            return recipe
        steps = int(np.clip(STEPS_PER_ROW * n_rows, FEWEST_STEPS, MOST_STEPS))
        return recipe.set_params(min_steps=steps)

    def _read(self, X: ArrayLike, *, reset: bool = False) -> tuple[list[RawColumn], str | None]:
        """Return the columns of a table, whose names and number are checked or learned."""
        if is_frame(X) or getattr(X, "ndim", 2) == 2:
            columns, backend = read_frame(X)
            if len(columns) and len(columns[0].values):
                validate_data(self, X, skip_check_array=True, reset=reset)
                infinite = [c.name for c in columns if c.is_number and np.isinf(c.values).any()]
                if infinite:
                    raise DataError(
                        f"X must have finite numbers, got infinity in column {infinite[0]!r}. "
                        "Leave such cells empty."
                    )
                if not reset:  # scikit-learn has compared names, where both tables have them
                    names = [column.name for column in self.codec_.columns]
                    columns = [replace(c, name=n) for c, n in zip(columns, names, strict=True)]
                return columns, backend
            shape = (len(columns[0].values) if columns else 0, len(columns))
            minimum = "0 feature(s)" if not columns else "0 sample(s)"
            raise DataError(
                f"Found array with {minimum} (shape={shape}) while a minimum of 1 is required."
            )
        return read_frame(X)  # which refuses it

    def _calibrate(self, features: NDArray[np.float32]) -> None:
        """Correct the distribution of each column of drawn rows to that of the training data.

        A number's drawn scores are mapped, by their quantiles, to a normal distribution, which
        `NormalScores` maps to the training values; the logits of categories, truth values and gaps
        are moved until drawn shares are the training data's.
        """
        model, likelihood = self.autoencoder_, self._likelihood
        n_features = features.shape[1]
        draws = generator(model.seed_, Purpose.CALIBRATION, 1)
        codes = model._draw_codes(CALIBRATION_DRAWS, numpy_generator(model.seed_, Purpose.SAMPLE))
        output = model._decode_codes(codes, model.module_.decoder)
        is_logit = likelihood.is_logit(n_features)
        shares = np.nanmean(features, axis=0, dtype=np.float64)
        self._offsets = np.zeros(n_features, np.float32)
        fewest = 0.5 / len(features)
        for _ in range(CALIBRATION_ROUNDS):
            drawn = self._drawn(output, draws)
            ratio = (shares + fewest) / (drawn.mean(axis=0, dtype=np.float64) + fewest)
            odds = (1 - shares + fewest) / (1 - drawn.mean(axis=0, dtype=np.float64) + fewest)
            move = np.log(np.where(is_logit, np.maximum(ratio, 1e-9), 1.0))
            is_single = likelihood.is_logit(n_features, "bernoulli")
            move -= np.log(np.where(is_single, np.maximum(odds, 1e-9), 1.0))
            self._offsets += move.astype(np.float32)
        scaled = likelihood.is_scaled(n_features)
        probabilities = (np.arange(CALIBRATION_QUANTILES) + 0.5) / CALIBRATION_QUANTILES
        drawn = self._drawn(output, draws)[:, scaled].astype(np.float64)
        self._quantiles = (
            np.quantile(drawn, probabilities, axis=0)
            if scaled.any()
            else (np.empty((CALIBRATION_QUANTILES, 0)))
        )

    @property
    def _likelihood(self) -> Mixed:
        likelihood = self.autoencoder_.likelihood_
        assert isinstance(likelihood, Mixed)
        return likelihood

    def _drawn(self, output: NDArray[np.float32], draws: torch.Generator) -> NDArray[np.float32]:
        """Draw features by the decoder's outputs, with the corrected logits."""
        output = output.copy()
        output[:, : len(self._offsets)] += self._offsets
        drawn: NDArray[np.float32] = self._likelihood.draw(torch.from_numpy(output), draws).numpy()
        return drawn

    def _corrected(self, drawn: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return drawn features with the scores of numbers mapped to a normal distribution."""
        features = drawn.astype(np.float64)
        normal = ndtri((np.arange(CALIBRATION_QUANTILES) + 0.5) / CALIBRATION_QUANTILES)
        places = np.flatnonzero(self._likelihood.is_scaled(drawn.shape[1]))
        for place, quantiles in zip(places, self._quantiles.T, strict=True):
            scores = features[:, place]
            inside = np.interp(scores, quantiles, normal)
            outside = scores - np.clip(scores, quantiles[0], quantiles[-1])
            features[:, place] = inside + outside
        return features

    # --- rows and codes -------------------------------------------------------------------------

    def transform(self, X: ArrayLike) -> Rows:
        """Encode rows.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_columns)

        Returns
        -------
        ndarray of shape (n_samples, n_components), float32
            The posterior means, deterministic.
        """
        check_is_fitted(self)
        return self.autoencoder_._vectors(self._encode(X))

    def inverse_transform(self, Z: ArrayLike) -> Any:
        """Decode codes of shape (n_samples, n_components) as a table of the training data's kind.

        Numbers are the medians, categories the most probable.
        """
        check_is_fitted(self)
        return self._write(self.autoencoder_.inverse_transform(Z))

    def reconstruct(self, X: ArrayLike) -> Any:
        """Encode rows and decode their codes.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_columns)

        Returns
        -------
        data frame or ndarray of n_samples rows
            All gaps are filled; identifiers are left out.
        """
        check_is_fitted(self)
        return with_index(self._write(self.autoencoder_.reconstruct(self._encode(X))), X)

    def sample(
        self,
        n_samples: int = 1,
        *,
        given: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Any:
        """Draw new rows.

        Parameters
        ----------
        n_samples : int >= 1, default=1
        given : mapping of str to value, optional
            Values of some columns, which all rows then have: ``{"country": "JP"}``. The other
            columns are drawn from their distribution given these.
        random_state : int, RandomState or None, default=None
            An integer gives the same rows each time.

        Returns
        -------
        data frame or ndarray of n_samples rows
            With the dtypes, categories, decimals and ranges of the training data, and gaps as often
            as there; identifiers are left out.
        """
        check_is_fitted(self)
        if not is_size(n_samples):
            raise SettingError(f"n_samples must be a positive integer, got {n_samples!r}.")
        seed = seed_from(random_state)
        model = self.autoencoder_
        known = None
        if given:
            known = self._given(given)
            codes = self._codes_given(known, n_samples, seed)
        else:
            codes = model._draw_codes(n_samples, numpy_generator(seed, Purpose.SAMPLE))
        draws, others = generator(seed, Purpose.PIXELS), numpy_generator(seed, Purpose.NOISE)
        blocks = []
        for start in range(0, n_samples, _BLOCK_ROWS):
            output = model._decode_codes(codes[start : start + _BLOCK_ROWS], model.module_.decoder)
            blocks.append(self._corrected(self._drawn(output, draws)))
        columns = self.codec_.decode(np.concatenate(blocks), others)
        if known is not None:
            columns = [
                RawColumn(c.name, c.dtype, np.repeat(known[c.name].values, n_samples))
                if c.name in known
                else c
                for c in columns
            ]
        return write_frame(columns, self.backend_)

    def _given(self, given: Mapping[str, Any]) -> dict[str, RawColumn]:
        """Return given values as columns of one row."""
        encoded = {column.name: column for column in self.codec_.encoded}
        for name in given:
            if name not in encoded:
                raise SettingError(f"given must name columns among {list(encoded)}, got {name!r}.")
        known = {}
        for name, value in given.items():
            dtype, entry = encoded[name].dtype, value
            if dtype in ("Date", "Datetime") and not isinstance(value, Real):
                entry = np.datetime64(value, "us").astype(np.int64) / 1e6
            is_number = isinstance(entry, Real | np.bool_)
            values = np.array([entry], dtype=np.float64 if is_number else object)
            known[name] = RawColumn(name, dtype, values)
            features = encoded[name].encode(known[name])
            if not np.nan_to_num(features, nan=0.0).any() and encoded[name].kind == "category":
                raise SettingError(
                    f"given[{name!r}] must be one of {list(encoded[name].categories)}, got "
                    f"{value!r}."
                )
        return known

    def _codes_given(self, known: Mapping[str, RawColumn], n: int, seed: int) -> Rows:
        """Draw codes of n rows that have the known values."""
        row = [known.get(c.name, _gap(c.name)) for c in self.codec_.encoded]
        hidden = [c.name for c in self.codec_.encoded if c.name not in known]
        features = self.codec_.hidden(self.codec_.encode(row), hidden).astype(np.float32)
        model = self.autoencoder_
        codes: Rows = model._posterior_codes(features, n, GIVEN_IMPORTANCE_SAMPLES, seed)[0]
        return codes

    def impute(
        self,
        X: ArrayLike,
        *,
        n_codes: int = IMPUTATION_CODES,
        n_importance_samples: int = IMPORTANCE_SAMPLES,
    ) -> Any:
        r"""Fill the gaps of a table by their means, or their most probable categories.

        .. math::
            E[x_m \mid x_o] \approx \frac1S \sum_s E[x_m \mid z_s], \quad z_s \sim p(z \mid x_o)

        with codes that are chosen by importance weights.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_columns)
        n_codes : int >= 1, default=20
            S.
        n_importance_samples : int >= 1, default=5
            The draws that each code is chosen from. More follow the prior more closely, which
            helps where few columns are known, and is less robust against odd values.

        Returns
        -------
        data frame or ndarray
            A copy of ``X`` with its gaps filled; identifiers keep theirs.
        """
        check_is_fitted(self)
        _check_sizes(n_codes=n_codes, n_importance_samples=n_importance_samples)
        columns, backend = self._read(X)
        features = self.codec_.encode(columns)
        filled = np.empty((len(features), features.shape[1]))
        for start, codes in self._posterior(features, n_codes, n_importance_samples):
            filled[start : start + len(codes)] = self._expected(codes)
        return with_index(self._filled(columns, filled, backend, None), X)

    def impute_many(
        self,
        X: ArrayLike,
        n_imputations: int = 20,
        *,
        n_importance_samples: int = IMPORTANCE_SAMPLES,
        random_state: int | np.random.RandomState | None = None,
    ) -> list[Any]:
        """Fill the gaps of a table several times by draws, for multiple imputation.

        What differs between the tables is what the model does not know: fit to each, and add the
        variance between the results to that within them (Rubin's rules).

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_columns)
        n_imputations : int >= 1, default=20
        n_importance_samples : int >= 1, default=5
            The draws that each imputation is chosen from.
        random_state : int, RandomState or None, default=None

        Returns
        -------
        list of n_imputations data frames or ndarrays
        """
        check_is_fitted(self)
        _check_sizes(n_imputations=n_imputations, n_importance_samples=n_importance_samples)
        seed = seed_from(random_state)
        columns, backend = self._read(X)
        features = self.codec_.encode(columns)
        draws, others = generator(seed, Purpose.PIXELS), numpy_generator(seed, Purpose.NOISE)
        filled = np.empty((n_imputations, len(features), features.shape[1]))
        for start, codes in self._posterior(features, n_imputations, n_importance_samples, seed):
            for number in range(n_imputations):
                output = self._output(codes[:, number])
                drawn = self._likelihood.draw(torch.from_numpy(output), draws).numpy()
                filled[number, start : start + len(codes)] = drawn
        return [with_index(self._filled(columns, one, backend, others), X) for one in filled]

    def _posterior(
        self, features: NDArray[np.float64], n_codes: int, n_draws: int, seed: int | None = None
    ) -> Any:
        """Yield codes (b, n_codes, H) of blocks of rows, each with the number of its first row."""
        model = self.autoencoder_
        seed = model.seed_ if seed is None else seed
        for start in range(0, len(features), _BLOCK_ROWS):
            block = features[start : start + _BLOCK_ROWS].astype(np.float32)
            yield start, model._posterior_codes(block, n_codes, n_draws, seed)

    def _output(self, codes: Rows) -> NDArray[np.float32]:
        """Return the decoder's outputs (n, P) of codes (n, H)."""
        return self.autoencoder_._decode_codes(codes, self.autoencoder_.module_.decoder)

    def _expected(self, codes: Rows) -> NDArray[np.float64]:
        """Return the mean features of codes (n, S, H); of numbers, the mean value in their units.

        A number's place holds the value itself, not its score.
        """
        total = np.zeros(())
        for number in range(codes.shape[1]):
            total = total + self._means(torch.from_numpy(self._output(codes[:, number])))
        expected: NDArray[np.float64] = total / codes.shape[1]
        return expected

    def _means(self, output: torch.Tensor) -> NDArray[np.float64]:
        """Return the mean features of the decoder's outputs; of numbers, the mean value."""
        mean = self._likelihood.mean(output).numpy().astype(np.float64)
        sigma = self._likelihood.sigma(output).numpy().astype(np.float64)
        for column, where in self.codec_.slices():
            mean[:, where] = _mean_values(column, mean[:, where], sigma[:, where])
        return mean

    def _filled(
        self,
        columns: list[RawColumn],
        filled: NDArray[np.float64],
        backend: str | None,
        draws: np.random.Generator | None,
    ) -> Any:
        """Return a table with its gaps filled from features: drawn ones, or expected ones."""
        values = {}
        for column, where in self.codec_.slices():
            if draws is None and column.scores is not None:
                values[column.name] = column.rounded(filled[:, where.start])
            elif draws is None and column.kind == "count":
                values[column.name] = np.rint(filled[:, where.start])
            else:
                values[column.name] = column.decode(filled[:, where], draws)
        for column in self.codec_.columns:
            if column.kind == "constant" and column.categories:
                values[column.name] = column.constant(len(filled))
        complete = [
            RawColumn(c.name, c.dtype, np.where(c.is_missing, values[c.name], c.values))
            if c.name in values
            else c
            for c in columns
        ]
        return write_frame(complete, backend)

    # --- scores ---------------------------------------------------------------------------------

    def score_samples(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Return a bound on the log density of each row, in nats; higher is more normal.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_columns)

        Returns
        -------
        ndarray of shape (n_samples,)
            Densities of numbers are in the units of their columns; categories, truth values,
            counts, and which values are missing, have probabilities.
        """
        check_is_fitted(self)
        columns, _ = self._read(X)
        bound = self.autoencoder_.score_samples(self.codec_.encode(columns))
        return np.asarray(bound, dtype=np.float64) + self.codec_.log_slope(columns)

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Return the mean of `score_samples`."""
        return float(np.mean(self.score_samples(X)))

    def explain(self, X: ArrayLike, *, n_columns: int | None = None) -> Any:
        r"""Say which values of each row are odd given the other values of the row.

        The oddness of a value is :math:`-\log p(x_c \mid x_{-c})` in nats, of a number in units of
        its normal score and with a normal distribution of the mean and the variance of what is
        decoded from 40 codes of the posterior given the other values.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_columns)
        n_columns : int >= 1 or None, default=None
            The most odd values of each row; None gives all that are not missing.

        Returns
        -------
        data frame or ndarray with a row for each value
            ``sample`` (its number), ``column``, ``value``, ``expected`` (the mean of a number, the
            most probable category), ``oddness``; the oddest value of each sample first.
        """
        check_is_fitted(self)
        columns, backend = self._read(X)
        features = self.codec_.encode(columns)
        by_name = {column.name: column for column in columns}
        oddness = np.empty((len(features), len(self.codec_.encoded)))
        expected = np.empty(oddness.shape, dtype=object)
        for start in range(0, len(features), _EXPLAINED_ROWS):
            some = slice(start, start + _EXPLAINED_ROWS)
            oddness[some], expected[some] = self._explained(features[some])
        for number, column in enumerate(self.codec_.encoded):
            oddness[by_name[column.name].is_missing, number] = -np.inf
        values = np.stack([_texts(by_name[c.name].values) for c in self.codec_.encoded], axis=1)
        order = np.argsort(-oddness, axis=1, kind="stable")[:, :n_columns]
        sample = np.repeat(np.arange(len(order)), order.shape[1])
        place = order.ravel()
        kept = np.isfinite(oddness[sample, place])
        sample, place = sample[kept], place[kept]
        names = np.array([column.name for column in self.codec_.encoded], dtype=object)
        found = [
            RawColumn("sample", "Int64", sample.astype(np.float64)),
            RawColumn("column", "String", names[place]),
            RawColumn("value", "String", values[sample, place]),
            RawColumn("expected", "String", expected[sample, place]),
            RawColumn("oddness", "Float64", oddness[sample, place]),
        ]
        return write_frame(found, backend)

    def _explained(self, features: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the oddness of each value of some rows, and the texts of the expected ones."""
        oddness = np.empty((len(features), len(self.codec_.encoded)))
        expected = np.empty(oddness.shape, dtype=object)
        for number, (column, where) in enumerate(self.codec_.slices()):
            hidden = self.codec_.hidden(features, [column.name]).astype(np.float32)
            means, variances, values = [], [], []
            model = self.autoencoder_
            codes = model._posterior_codes(hidden, EXPLANATION_CODES, 1, model.seed_)
            for z in codes.transpose(1, 0, 2):
                output = torch.from_numpy(self._output(z))
                mean = self._likelihood.mean(output)[:, where].double().numpy()
                sigma = self._likelihood.sigma(output)[:, where].double().numpy()
                means.append(mean)
                variances.append(sigma**2)
                values.append(_mean_values(column, mean, sigma))
            x, mean = features[:, where], np.mean(means, axis=0)
            variance = np.mean(variances, axis=0) + np.var(means, axis=0)
            expected[:, number] = _texts(self._values(column, np.mean(values, axis=0)))
            if column.kind == "category":
                oddness[:, number] = -np.log((x * mean).sum(axis=1).clip(1e-9))
            elif column.kind == "truth":
                oddness[:, number] = -np.log(np.where(x > 0.5, mean, 1 - mean)[:, 0].clip(1e-9))
            else:  # counts are near to normal where they are large
                variance += mean if column.kind == "count" else 0
                oddness[:, number] = -norm.logpdf(x, mean, np.sqrt(variance))[:, 0]
        return oddness, expected

    @staticmethod
    def _values(column: ColumnCodec, means: NDArray[np.float64]) -> NDArray[Any]:
        """Return the values of a column (n,) by its mean features (n, width); see `_means`."""
        return column.rounded(means[:, 0]) if column.scores is not None else column.decode(means)

    # --- between tables and features ------------------------------------------------------------

    def _encode(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return the features of a table."""
        columns, _ = self._read(X)
        return self.codec_.encode(columns).astype(np.float32)

    def _write(self, features: Rows) -> Any:
        """Return the table of features, without gaps."""
        features = np.asarray(features, dtype=np.float64).copy()
        first = self.codec_.n_value_features
        features[:, first : first + len(self.codec_.with_gaps)] = 0
        for column, where in self.codec_.slices():
            if column.kind == "count":  # a mean, which integers would truncate
                features[:, where] = np.rint(features[:, where])
        return write_frame(self.codec_.decode(features), self.backend_)

    # --- the file -------------------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Write the model to one safetensors file; `utsushi.load` reads it back."""
        check_is_fitted(self)
        return save(self, path)

    def _to_file(self) -> tuple[dict[str, Any], Tensors]:
        """Return the header and the tensors of the autoencoder, and its own."""
        header, tensors = describe(self.autoencoder_)
        described, arrays = self.codec_.to_file()
        parameters = self.get_params(deep=False)
        if isinstance(self.random_state, np.random.RandomState):
            parameters["random_state"] = None
        kinds = parameters.pop("kinds")
        own = {
            "parameters": {name: value_to_json(name, v) for name, v in parameters.items()},
            "kinds": None if kinds is None else dict(kinds),
            "columns": described,
            "backend": self.backend_,
            "n_features_in": int(self.n_features_in_),
            "feature_names_in": names_to_json(self),
        }
        tensors |= {"table.offsets": self._offsets, "table.quantiles": self._quantiles}
        return header | {"table": own}, tensors | {f"table.{k}": v for k, v in arrays.items()}

    @classmethod
    def _from_file(cls, header: dict[str, Any], tensors: Tensors, classes: OwnClasses) -> Self:
        """Build a model around its fitted autoencoder."""
        own, arrays = header["table"], under("table.", tensors)
        others = {name: t for name, t in tensors.items() if not name.startswith("table.")}
        parameters = {n: value_from_json(n, v, classes) for n, v in own["parameters"].items()}
        model = cls(**parameters, kinds=own["kinds"])
        model._validate_params()
        model.autoencoder_ = autoencoder_from_file(header, others, classes)
        model.n_components_ = model.autoencoder_.n_components_
        model.n_features_in_ = in_range("n_features_in", own["n_features_in"], 1, 2**31)
        restore_names(model, own["feature_names_in"])
        if own["backend"] not in (None, *BACKENDS):
            raise ValueError(f"the backend is {own['backend']!r}")
        model.backend_ = own["backend"]
        scores = {name: array for name, array in arrays.items() if name.startswith("scores.")}
        model.codec_ = TableCodec.from_file(own["columns"], scores)
        if model.codec_.n_features != model.autoencoder_.n_features_in_:
            raise ValueError("the columns do not have the features of the autoencoder")
        n_features = model.codec_.n_features
        n_scaled = int(model._likelihood.is_scaled(n_features).sum())
        check_tensors(
            {name: arrays[name] for name in arrays if name not in scores},
            {
                "offsets": ("float32", (n_features,)),
                "quantiles": ("float64", (CALIBRATION_QUANTILES, n_scaled)),
            },
        )
        model._offsets, model._quantiles = arrays["offsets"], arrays["quantiles"]
        return model

    # --- the training ---------------------------------------------------------------------------

    @property
    def history_(self) -> list[dict[str, Any]]:
        """The measures of each epoch, those of ``autoencoder_``."""
        return self.autoencoder_.history_

    @property
    def n_epochs_(self) -> int:
        """The passes over the training rows."""
        return self.autoencoder_.n_epochs_

    @property
    def recipe_(self) -> Recipe:
        """The recipe with all that ``fit`` chose."""
        return self.autoencoder_.recipe_

    @property
    def seed_(self) -> int:
        """The seed of the fit: ``random_state``, or the one that was drawn."""
        return self.autoencoder_.seed_

    # --- scikit-learn's protocol ----------------------------------------------------------------

    @property
    def _n_features_out(self) -> int:
        """The number of columns that `transform` gives, for the names of its output."""
        return self.n_components_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_quantiles")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _mean_values(
    column: ColumnCodec, mean: NDArray[np.float64], sigma: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean features (n, width) of a column; of a number the mean value, (n, 1)."""
    if column.scores is None:
        return mean
    scores = mean + sigma * _NODES
    values = column.scores.inverse(scores.ravel()).reshape(scores.shape)
    return np.asarray(values @ _WEIGHTS / _WEIGHTS.sum())[:, None]


def _gap(name: str) -> RawColumn:
    """Return a column of one missing value."""
    return RawColumn(name, "", np.full(1, np.nan))


def _texts(values: NDArray[Any]) -> NDArray[Any]:
    """Return values as texts, numbers with at most six digits."""
    texts = np.empty(len(values), dtype=object)
    texts[:] = [f"{v:.6g}" if isinstance(v, float | np.floating) else str(v) for v in values]
    return texts


def _check_sizes(**sizes: Any) -> None:
    """Refuse a number of draws that is not a positive integer."""
    for name, value in sizes.items():
        if not is_size(value):
            raise SettingError(f"{name} must be a positive integer, got {value!r}.")
