"""Groups of metrics, each a function of an `EvaluationContext`, and `evaluate`, which runs them.

A group is a dict ready for JSON. A metric is a dict with ``"value"`` (see `with_baseline`), a
number without error, or a list of numbers; ``"diagnostics"`` holds sentences about them. A new
group is a new function and its entry in `GROUPS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utsushi._utils.seeds import seed_from
from utsushi.distributions.likelihoods import LOG_2PI, Gaussian, UnitGaussian
from utsushi.estimators import BaseAutoencoder
from utsushi.estimators.capabilities import (
    can_corrupt,
    has_posterior,
    has_sparse_codes,
    has_symbols,
    is_conditional,
    takes_tables,
)
from utsushi.evaluation.anomalies import evaluate_scores
from utsushi.evaluation.collapse import (
    DEAD_BELOW,
    active_units,
    advice,
    aggregate_divergence_at_least,
    divergence_per_component,
    information,
)
from utsushi.evaluation.context import EvaluationContext, with_baseline
from utsushi.evaluation.estimate import Estimate
from utsushi.evaluation.extractor import Extractor
from utsushi.evaluation.features import MAX_CLASSES, evaluate_features, trustworthiness_of
from utsushi.evaluation.generation import FEWEST_TO_COMPARE, evaluate_generation
from utsushi.evaluation.likelihood import (
    bits_per_dimension,
    exact_likelihood,
    importance_bounds,
)
from utsushi.evaluation.poor_fit import poor_fit
from utsushi.evaluation.reconstruction import (
    data_range_of,
    decibels,
    per_observed_feature,
    reconstruction_mse,
    squared_errors,
    ssim,
    ssim_diagnostic,
)
from utsushi.evaluation.rows import COSTLY_VALUES, affordable_rows, halves
from utsushi.evaluation.symbols import symbol_use
from utsushi.evaluation.table_groups import imputation, synthetic
from utsushi.evaluation.texts import Diagnostic, diagnostic
from utsushi.exceptions import DataError, SettingError
from utsushi.transforms.table_schema import Column

if TYPE_CHECKING:
    from utsushi.estimators import TableAutoencoder

__all__ = [
    "CHEAP",
    "GROUPS",
    "OF_TABLES",
    "QUICK",
    "USUAL",
    "evaluate",
    "has_lecture_loss",
    "lecture_loss",
    "loss_from_scores",
]

#: The largest number of images whose structural similarity is computed.
SSIM_ROWS = 1_000

#: The fewest samples for which neighbours are measured.
FEWEST_NEIGHBOURS = 4

Group = dict[str, Any]
LabelledSplit = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
Rows = NDArray[np.floating[Any]]


# --- reconstruction -----------------------------------------------------------------------------


def reconstruction(context: EvaluationContext) -> Group:
    """Measure reconstructions from the mean code, in the units of the input."""
    if context.standard_deviations is not None:
        return _reconstruction_of_table(context, context.standard_deviations)
    model, X, pca = context.model, context.X, context.pca
    data_range = data_range_of(X if context.X_train is None else context.X_train)
    metrics = _errors(X, context.reconstructions, data_range)
    of_pca = {} if pca is None else _errors(X, pca.reconstruct(context.filled(X)), data_range)
    diagnostics = [
        diagnostic("data_range", data_range=data_range) if data_range else diagnostic("no_range")
    ]
    if context.has_gaps:
        diagnostics.append(diagnostic("missing", n_missing=int(np.isnan(X).sum())))
    if context.similarity and model.image_shape is not None and data_range and not context.has_gaps:
        shape = tuple(model.image_shape)
        diagnostics.append(ssim_diagnostic(shape))
        if diagnostics[-1]["key"] == "ssim_window":
            rows = affordable_rows(X, min(COSTLY_VALUES, SSIM_ROWS * X.shape[1]), context.seed)
            seed = context.seed if len(rows) < len(X) else None
            originals, reconstructions = X[rows], context.reconstructions[rows]
            metrics["ssim"] = Estimate.over(
                ssim(originals, reconstructions, shape, data_range), seed
            )
            if pca is not None:
                reconstructions = pca.reconstruct(originals)
                of_pca["ssim"] = Estimate.over(
                    ssim(originals, reconstructions, shape, data_range), seed
                )
    group: Group = {
        name: with_baseline(figure, of_pca.get(name)) for name, figure in metrics.items()
    }
    diagnostics += poor_fit(context, metrics["mse"], of_pca.get("mse"))
    has_squared_error = not has_posterior(model) and not context.has_gaps
    if has_lecture_loss(model) and has_squared_error:
        group["lecture_loss"] = with_baseline(loss_from_scores(model, context.scores))
    return {**group, "diagnostics": diagnostics}


def _errors(X: Rows, X_hat: Rows, data_range: float) -> dict[str, Estimate]:
    """Return the metrics of reconstructions that are means over features."""
    errors = squared_errors(X, X_hat)
    means = per_observed_feature(X, errors)
    metrics = {"mse": Estimate.over(means), "squared_error": Estimate.over(errors)}
    if data_range:
        metrics["psnr"] = Estimate.over(decibels(means, data_range))
    return metrics


def _reconstruction_of_table(context: EvaluationContext, deviations: Rows) -> Group:
    """Measure reconstructions of a table, in standard deviations of its columns."""
    X, pca = context.X, context.pca
    of_pca = None
    if pca is not None:
        of_pca = reconstruction_mse(X / deviations, pca.reconstruct(context.filled(X)) / deviations)
    diagnostics = [diagnostic("standardized")]
    if context.has_gaps:
        firsts = [features.start for _, features in context.model.columns_.slices()]
        diagnostics.append(diagnostic("missing", n_missing=int(np.isnan(X[:, firsts]).sum())))
    error = reconstruction_mse(X / deviations, context.reconstructions / deviations)
    diagnostics += poor_fit(context, error, of_pca, deviations)
    return {"standardized_mse": with_baseline(error, of_pca), "diagnostics": diagnostics}


# --- columns of a table -------------------------------------------------------------------------


def columns(context: EvaluationContext) -> Group:
    """Measure the reconstruction of each column of a table, by name under ``"errors"``.

    For numbers and dates, the squared error over the variance; for other columns, the share of
    samples that are reconstructed as another value.
    """
    if context.standard_deviations is None:
        return {}
    X, pca = context.X, context.pca
    pca_reconstructions = None if pca is None else pca.reconstruct(context.filled(X))
    errors: Group = {}
    for column, features in context.model.columns_.slices():
        error, of_pca = (
            None
            if X_hat is None
            else _column_error(
                column, X[:, features], X_hat[:, features], context.standard_deviations[features]
            )
            for X_hat in (context.reconstructions, pca_reconstructions)
        )
        if error is not None:
            errors[column.name] = with_baseline(error, of_pca)
    return {"errors": errors, "diagnostics": [diagnostic("columns")]}


def _column_error(column: Column, X: Rows, X_hat: Rows, deviations: Rows) -> Estimate | None:
    """Return the error of one column over its present values; None if there are none."""
    is_present = ~np.isnan(X).any(axis=1)
    if not is_present.any():
        return None
    X, X_hat = X[is_present], X_hat[is_present]
    if column.kind in ("category", "truth"):
        return Estimate.over(column.restored(X) != column.restored(X_hat))
    return Estimate.over(np.square((X - X_hat)[:, 0] / deviations[0], dtype=np.float64))


# --- sparsity -----------------------------------------------------------------------------------


def sparsity(context: EvaluationContext) -> Group:
    """Measure how many components are active, and the share of the variance they explain."""
    model = context.model
    if not has_sparse_codes(model):
        return {}
    X, pca, scale = context.filled(context.X), context.pca, model.scaling_.scale
    reference = X if context.X_train is None else context.filled(context.X_train)
    variance = (np.square((X - reference.mean(axis=0)) / scale).sum(axis=1)).mean(dtype=np.float64)

    def explained(X_hat: Rows) -> Estimate:
        return Estimate.over(1 - squared_errors(context.X / scale, X_hat / scale) / variance)

    group: Group = {"l0": with_baseline(Estimate.over(context.n_active))}
    if variance > 0:
        of_pca = None if pca is None else explained(pca.reconstruct(X))
        group["explained_variance"] = with_baseline(explained(context.reconstructions), of_pca)
    is_used = _is_used(context.codes)
    if context.X_train is not None and not context.is_training_data:
        is_used |= _is_used(model.transform(context.X_train))
    group["dead"] = float(1 - is_used.mean())
    diagnostics = [] if pca is None else [diagnostic("active_pca", n_components=pca.n_components)]
    return {**group, "diagnostics": diagnostics}


def _is_used(codes: Any) -> NDArray[np.bool_]:
    """Return which components (H,) are active in at least one code."""
    return np.asarray((codes > 0).sum(axis=0)).ravel() > 0


# --- denoising ----------------------------------------------------------------------------------


def denoising(context: EvaluationContext) -> Group:
    """Measure reconstructions of corrupted samples against the clean samples."""
    if not can_corrupt(context.model):
        return {}
    X, seed = context.X, context.seed
    corrupted = context.model.corrupt(X, random_state=seed)
    denoised, pca = context.model.reconstruct(corrupted), context.pca
    unit = 1.0 if context.standard_deviations is None else context.standard_deviations

    def error(X_hat: Rows) -> Estimate:
        return reconstruction_mse(X / unit, X_hat / unit, seed)

    of_pca = None if pca is None else error(pca.reconstruct(context.filled(corrupted)))
    return {
        "mse_damaged": with_baseline(error(corrupted)),
        "mse_repaired": with_baseline(error(denoised), of_pca),
    }


# --- likelihood ---------------------------------------------------------------------------------


def likelihood(context: EvaluationContext) -> Group:
    """Measure the bound on the log density, in nats per sample and in the input's units."""
    model = context.model
    if context.frame is not None:
        return {"row_bound": with_baseline(Estimate.over(context.scores, model.seed_))}
    if not has_posterior(model):
        return {}
    X = context.X[context.scored]
    exact = None
    # Only a density can be compared with that of probabilistic PCA.
    has_density = isinstance(model.likelihood_, (Gaussian, UnitGaussian)) and not context.has_gaps
    if context.pca is not None and has_density:
        exact = context.pca.log_likelihood(X)
    score = Estimate.over(context.scores, model.seed_)
    group = {"bound": with_baseline(score, None if exact is None else Estimate.over(exact))}
    # A subset of the scored rows: a smaller choice with the same seed is part of a larger one.
    rows = affordable_rows(context.X, COSTLY_VALUES, context.seed)
    subset, labels = context.X[rows], context.labels_of(rows)
    bounds = importance_bounds(
        model, subset, labels, n_importance_samples=context.n_importance_samples
    )
    extra = {f"importance_bound_{n_draws}": bound for n_draws, bound in bounds.items()}
    if not context.has_gaps:
        extra |= exact_likelihood(model, X)
    group |= {name: with_baseline(estimate) for name, estimate in extra.items()}
    # The requested bound with the most draws, compared with the score of the same rows.
    widest = bounds[max(bounds)] if bounds else score
    score_of_subset = context.scores[np.searchsorted(context.scored, rows)].mean(dtype=np.float64)
    tightest = extra.get("exact", widest if widest.value > score_of_subset else score)
    if model.likelihood_.is_density and not context.has_gaps:
        n_features = context.X.shape[1]
        group["bits_per_dimension"] = with_baseline(
            bits_per_dimension(tightest, n_features),
            None if exact is None else bits_per_dimension(Estimate.over(exact), n_features),
        )
    if has_lecture_loss(model) and not context.has_gaps:
        group["lecture_loss"] = with_baseline(loss_from_scores(model, context.scores))
    return group


def has_lecture_loss(model: BaseAutoencoder) -> bool:
    """Return whether the score is the lecture's loss: squared error or unit variance."""
    if not has_posterior(model):
        return model.scaling != "unit-length"  # its errors are shares of the variance
    return isinstance(model.likelihood_, UnitGaussian)


def loss_from_scores(model: BaseAutoencoder, scores: Rows) -> Estimate:
    """Return the lecture's loss over the number of features; see `lecture_loss`."""
    n_features = model.n_features_in_
    if not has_posterior(model):
        return Estimate.over(scores).scaled(-1 / n_features)
    # The score is a density in the input's units; the loss is in scaled units.
    scaled = Estimate.over(scores.astype(np.float64) + model.scaling_.log_volume, model.seed_)
    return scaled.scaled(-2 / n_features, -LOG_2PI)


# --- collapse -----------------------------------------------------------------------------------


def collapse(context: EvaluationContext) -> Group:
    """Measure the information in the components of a variational code, in nats per sample."""
    model = context.model
    if not has_posterior(model):
        return {}
    posterior = model.posterior_of(context.X)
    terms = divergence_per_component(model, context.X)
    kl = terms.sum(axis=1)
    metrics: Group = {
        "kl": with_baseline(Estimate.over(kl)),
        "active_units": active_units(posterior[0]),
    }
    diagnostics: list[Diagnostic] = []
    if not model.has_diagonal_posterior:  # its mean and deviations do not determine it
        return metrics | {"diagnostics": diagnostics}
    decomposition = information(*posterior, divergence=kl, random_state=context.seed)
    metrics["mutual_information"] = with_baseline(decomposition.mutual_information)
    metrics["aggregate_divergence"] = with_baseline(decomposition.aggregate_divergence)
    if model.has_standard_normal_prior:
        kl_per_component = terms.mean(axis=0)
        aggregate_divergence = aggregate_divergence_at_least(*posterior)
        metrics["kl_per_component"] = kl_per_component.tolist()
        metrics["dead_components"] = int((kl_per_component < DEAD_BELOW).sum())
        metrics["aggregate_divergence_at_least"] = aggregate_divergence
        diagnostics = advice(
            kl_per_component, decomposition.mutual_information.value, aggregate_divergence, model
        )
    if decomposition.is_at_limit:
        diagnostics.append(diagnostic("information_limit", limit=decomposition.limit))
    return metrics | {"diagnostics": diagnostics}


# --- symbols ------------------------------------------------------------------------------------


def symbols(context: EvaluationContext) -> Group:
    """Measure how a model with discrete codes uses its symbols, and the size of a code."""
    model = context.model
    if not has_symbols(model):
        return {}
    share, perplexity = symbol_use(model, context.X)
    return {
        "bits_per_code": model.n_bits_,
        "symbols_in_use": share,
        "perplexity": perplexity,
    }


# --- features -----------------------------------------------------------------------------------


def features(context: EvaluationContext) -> Group:
    """Measure classification from the codes, and whether they preserve neighbours."""
    if len(context.X) < FEWEST_NEIGHBOURS:
        return {}
    split, diagnostics = _labelled_split(context)
    metrics = _of_codes(context, context.model._vectors, context.codes, split)
    pca = context.pca

    def encode(rows: Rows) -> Rows:
        assert pca is not None
        return pca.transform(context.filled(rows))

    of_pca = {} if pca is None else _of_codes(context, encode, encode(context.X), split)
    group: Group = {
        name: with_baseline(figure, of_pca.get(name)) for name, figure in metrics.items()
    }
    return {**group, "diagnostics": diagnostics}


def _labelled_split(context: EvaluationContext) -> tuple[LabelledSplit | None, list[Diagnostic]]:
    """Return training and test samples with labels for a classifier, and diagnostics."""
    if context.y is None:
        return None, []
    X, y, diagnostics = context.X, np.asarray(context.y), []
    if context.X_train is None or context.y_train is None or context.is_training_data:
        train, test = halves(len(y), context.seed)
        split = X[train], y[train], X[test], y[test]
        diagnostics = [diagnostic("split_rows")]
    else:
        split = context.X_train, np.asarray(context.y_train), X, y
    n_labels = len(np.unique(split[1]))
    if split[1].dtype.kind == "f" and (split[1] != np.round(split[1])).any():
        return None, [diagnostic("no_whole_labels")]
    if 2 <= n_labels <= MAX_CLASSES:
        return split, diagnostics
    return None, [diagnostic("no_classes", n_labels=n_labels, max_classes=MAX_CLASSES)]


def _of_codes(
    context: EvaluationContext,
    encode: Callable[[Rows], Rows],
    codes: Rows,
    split: LabelledSplit | None,
) -> dict[str, Estimate]:
    """Measure the codes of one encoder; ``codes`` are those of the context's samples."""
    seed = context.seed
    metrics = {
        "trustworthiness": trustworthiness_of(context.filled(context.X), codes, random_state=seed)
    }
    if split is None:
        return metrics
    X_train, y_train, X_test, y_test = split
    return metrics | evaluate_features(
        encode(X_train),
        y_train,
        codes if X_test is context.X else encode(X_test),
        y_test,
        random_state=seed,
    )


# --- generation ---------------------------------------------------------------------------------


def generation(context: EvaluationContext) -> Group:
    """Compare as many generated samples as real ones, with the floor that real samples reach."""
    model, X = context.model, context.X
    train = None if context.is_training_data else context.X_train
    shape = None if model.image_shape is None else tuple(model.image_shape)
    if min(len(rows) for rows in (X, train) if rows is not None) < FEWEST_TO_COMPARE:
        reason = f"at least {FEWEST_TO_COMPARE} samples are needed"
        return {"diagnostics": [diagnostic("no_generation", reason=reason)]}
    if context.has_gaps:
        return {
            "diagnostics": [diagnostic("no_generation", reason="the samples have missing values")]
        }
    rows = affordable_rows(X, COSTLY_VALUES, context.seed)
    try:
        figures = evaluate_generation(
            model.sample(len(rows), y=context.labels_of(rows), random_state=context.seed),
            X[rows],
            train,
            extractor=context.extractor,
            image_shape=shape,
            random_state=context.seed,
        )
    except SettingError as error:
        return {"diagnostics": [diagnostic("no_generation", reason=str(error).rstrip("."))]}
    metrics = {
        name: {**figure, "seed": context.seed}
        for name, figure in figures.items()
        if isinstance(figure, dict)
    }
    return {**metrics, "diagnostics": [diagnostic("extractor", extractor=figures["extractor"])]}


# --- anomalies ----------------------------------------------------------------------------------


def anomalies(context: EvaluationContext) -> Group:
    """Measure how well the score separates the anomalies from the samples, taken as normal."""
    model, seed = context.model, context.seed
    if context.anomalies is None:
        return {}
    if is_conditional(model):
        return {"diagnostics": [diagnostic("no_anomalies")]}
    scores = context.scores, model.score_samples(context.anomalies)
    metrics = evaluate_scores(*scores, random_state=seed)
    of_pca: Group = {}
    if context.pca is not None:
        errors = (
            -squared_errors(rows, context.pca.reconstruct(context.filled(rows)))
            for rows in (context.X[context.scored], context.anomalies)
        )
        of_pca = evaluate_scores(*errors, random_state=seed)
    return {
        name: {**figure, "pca": of_pca.get(name)} if isinstance(figure, dict) else figure
        for name, figure in metrics.items()
    }


#: The groups by name, in the order of the tables.
GROUPS: dict[str, Callable[[EvaluationContext], Group]] = {
    "reconstruction": reconstruction,
    "columns": columns,
    "sparsity": sparsity,
    "denoising": denoising,
    "likelihood": likelihood,
    "collapse": collapse,
    "symbols": symbols,
    "features": features,
    "generation": generation,
    "synthetic": synthetic,
    "imputation": imputation,
    "anomalies": anomalies,
}

#: The groups of models of tables, for which the others are not defined.
OF_TABLES = ("likelihood", "synthetic", "imputation", "anomalies")

#: Metrics of what a model was trained for: the groups of a run without a report.
CHEAP = ("reconstruction", "columns", "sparsity", "denoising", "likelihood")

#: `CHEAP`, and whether the code is used: the groups of a run and of the lecture.
QUICK = (*CHEAP, "collapse", "symbols", "synthetic", "imputation")

#: The default of `evaluate`; generation takes longer, and needs an extractor.
USUAL = (*QUICK, "features", "anomalies")


def evaluate(
    model: BaseAutoencoder | TableAutoencoder,
    X: Any,
    X_train: Any = None,
    *,
    y: ArrayLike | None = None,
    y_train: ArrayLike | None = None,
    target: str | None = None,
    groups: Iterable[str] | None = None,
    n_importance_samples: Iterable[int] = (),
    extractor: Extractor | None = None,
    anomalies: Rows | None = None,
    similarity: bool = True,
    random_state: int | np.random.RandomState | None = 0,
) -> dict[str, dict[str, Any]]:
    """Measure a fitted model on samples, compared with PCA of the same size.

    Parameters
    ----------
    model : fitted autoencoder
    X : ndarray of shape (n, D), or a data frame for a `TableAutoencoder`
        Samples to measure on, preferably held out.
    X_train : ndarray of shape (m, D), or a data frame, optional
        The training samples; with them, the model is compared with PCA of the same size, and
        synthetic rows with real ones. ``X`` itself means that the model is measured on them.
    y, y_train : array-like of shape (n,) and (m,), optional
        Classes of the samples; with them, the classification from codes is measured.
    target : str, optional
        For a `TableAutoencoder`, the column that a classifier predicts, trained on synthetic rows.
    groups : iterable of str, optional
        The groups to measure: some of ``"reconstruction"``, ``"columns"``, ``"sparsity"``,
        ``"denoising"``, ``"likelihood"``, ``"collapse"``, ``"symbols"``, ``"features"``,
        ``"generation"``, ``"synthetic"``, ``"imputation"`` and ``"anomalies"``; all but
        ``"generation"`` when left out.
    n_importance_samples : iterable of int, default=()
        The numbers K of codes per sample of the importance-weighted bounds, such as
        ``(100, 5000)``: time grows with them, memory does not.
    extractor : callable, optional
        For ``"generation"``, see `evaluate_generation`.
    anomalies : ndarray of shape (k, D), or a data frame, optional
        Known anomalies; with them, their separation by the score is measured.
    similarity : bool, default=True
        Compute SSIM of images, which takes longer than the other metrics of reconstructions.
    random_state : int, RandomState or None, default=0
        Seed of the subset where all samples would take too long, and of the draws of the groups
        ``"collapse"`` and ``"features"``. Scores use the model's own seed.

    Returns
    -------
    dict of str to dict
        Ready for JSON: by group and by name. A metric is a dict of its ``value``,
        ``standard_error`` (or None), ``n_rows`` (the number of samples), ``seed`` (None where
        nothing was drawn) and, in ``pca``, the same of PCA (or None). A metric without an error is
        a plain number. ``diagnostics`` explains a group in sentences, with advice. A group that
        does not apply to the model or the samples is left out. For samples with many features,
        costly metrics are measured on a subset: ``bound`` and the metrics derived from it on
        samples of 2^24 values in total; ``ssim``, ``importance_bound_K`` and generation on 2^22;
        always on at least 100 samples. ``n_rows`` is their number.

        - reconstruction: for a table (a model with ``columns_``) ``standardized_mse``, in standard
          deviations of the columns; otherwise ``mse`` (over samples and features),
          ``squared_error`` (per sample, summed over its features), ``psnr`` (decibels), ``ssim``
          (images, with torchmetrics; at most 1,000); for an autoencoder ``lecture_loss``;
          diagnostics where the error is at least PCA's, at least 95 % of the variance, or more than
          three times that of training samples;
        - columns, for a table: under ``errors`` a metric for each column, the squared error over
          the variance for numbers and dates, the share of wrong values for the others;
        - sparsity, for a sparse autoencoder: ``l0``, the active components of a sample;
          ``explained_variance``, of the scaled features, compared with PCA of as many components;
          ``dead``, the share of components that are active in no sample, training samples included;
        - likelihood, for a variational model: ``bound`` (nats per sample), compared with the log
          density of probabilistic PCA; ``importance_bound_K`` for each K, ``exact`` where the
          evidence has a closed form, ``bits_per_dimension`` of the tightest; ``lecture_loss`` where
          the likelihood is the lecture's; for a table model ``row_bound``, the mean score;
        - collapse, for a variational model: ``kl`` (nats per sample), ``kl_per_component``,
          ``dead_components`` (under 0.1 nats), ``active_units``, ``mutual_information``,
          ``aggregate_divergence`` and ``aggregate_divergence_at_least``, and advice among the
          diagnostics;
        - symbols, for discrete codes: ``bits_per_code``; ``symbols_in_use``, the share of a
          codebook's entries that occur in a code; ``perplexity`` of their frequencies, at most the
          number of entries;
        - features: ``trustworthiness``; with classes ``linear_probe``, ``neighbours``,
          ``adjusted_rand_index`` and ``normalized_mutual_information``;
        - generation: the result of `evaluate_generation` for as many generated samples as real
          ones;
        - synthetic, for a table model: the result of `evaluate_synthetic` for as many synthetic
          rows as training rows;
        - imputation, for a table model: the result of `evaluate_imputation` for 30 % of the values,
          hidden at random, of at most 1,000 rows, with intervals from 20 draws;
        - anomalies: the result of `evaluate_scores`, compared with PCA's squared error.

    Raises
    ------
    DataError
        If the numbers of labels and of samples differ.
    SettingError
        If a group is unknown, or ``target`` is set for a model that is not of tables.

    Examples
    --------
    >>> from utsushi import Autoencoder
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> model = Autoencoder(n_components=2, hidden=(8,), random_state=0).fit(X)
    >>> results = evaluate(model, X, X)
    >>> sorted(results)
    ['features', 'reconstruction']
    >>> figure = results["reconstruction"]["mse"]
    >>> figure["n_rows"], sorted(figure)
    (50, ['n_rows', 'pca', 'seed', 'standard_error', 'value'])
    """
    names = list(USUAL if groups is None else groups)
    for name in names:
        if name not in GROUPS:
            raise SettingError(f"groups must be some of {', '.join(GROUPS)}, got {name!r}.")
    seed = seed_from(random_state)
    if takes_tables(model):
        names = [name for name in names if name in OF_TABLES]
        context = EvaluationContext(
            model,
            model._encode(X),
            seed=seed,
            anomalies=anomalies,
            frame=X,
            frame_train=X_train,
            target=target,
        )
    elif target is not None:
        raise SettingError(
            f"target must be None for a {type(model).__name__}, got {target!r}. Pass the classes "
            "as y, or evaluate a TableAutoencoder."
        )
    else:
        context = EvaluationContext(
            model,
            X,
            X_train,
            _labels(y, X, "y"),
            None if X_train is None else _labels(y_train, X_train, "y_train"),
            seed,
            tuple(n_importance_samples),
            extractor,
            anomalies,
            similarity,
        )
    results = {name: GROUPS[name](context) for name in names}
    return {name: group for name, group in results.items() if group}


def lecture_loss(model: BaseAutoencoder, X: Rows) -> Estimate:
    r"""Compute the loss that the lecture prints: that of a sample, divided by its D features.

    For an autoencoder :math:`\frac1D \Vert x - \hat x \Vert^2`; for a variational one with the
    unit-Gaussian likelihood :math:`\frac1D E(x) = -\frac2D \mathrm{ELBO}(x) - \log 2\pi`, here over
    16 codes per sample, not one. Both are in scaled units.

    Parameters
    ----------
    model : fitted autoencoder
    X : ndarray of shape (n, D)

    Returns
    -------
    Estimate

    Raises
    ------
    SettingError
        If the model's likelihood is not the lecture's.

    Examples
    --------
    >>> from utsushi import Autoencoder
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> model = Autoencoder(n_components=2, hidden=(8,), random_state=0).fit(X)
    >>> 0 < lecture_loss(model, X).value < 0.1
    True
    """
    if not has_lecture_loss(model):
        raise SettingError(
            "the lecture's loss needs an Autoencoder or likelihood='unit-gaussian', got "
            f"{model!r}. Use its score instead."
        )
    return loss_from_scores(model, model.score_samples(X))


def _labels(y: ArrayLike | None, X: Rows, name: str) -> NDArray[Any] | None:
    """Return labels as an array, one per sample."""
    if y is None:
        return None
    labels = np.asarray(y)
    if labels.shape != (len(X),):
        raise DataError(
            f"{name} must have the shape ({len(X)},), got {labels.shape}. Give one label per "
            "sample."
        )
    return labels
