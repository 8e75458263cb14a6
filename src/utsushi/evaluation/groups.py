"""The groups of metrics that make up an evaluation, each a function of an `EvaluationContext`.

A group is a dict ready for JSON. A metric is a dict with ``"value"`` (see `with_baseline`), a
number without error, or a list of numbers; ``"diagnostics"`` holds sentences about them. A new
group is a new function and its entry in `GROUPS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

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
    per_known_feature,
    reconstruction_mse,
    squared_errors,
    ssim,
    ssim_diagnostic,
)
from utsushi.evaluation.rows import COSTLY_VALUES, affordable_rows, halves
from utsushi.evaluation.symbols import symbol_use
from utsushi.evaluation.texts import Diagnostic, diagnostic
from utsushi.exceptions import DataError, SettingError
from utsushi.transforms.table_schema import Column

__all__ = [
    "CHEAP",
    "GROUPS",
    "QUICK",
    "USUAL",
    "evaluate",
    "has_lecture_loss",
    "lecture_loss",
    "loss_from_scores",
]

#: Images whose structural similarity is taken.
SSIM_ROWS = 1_000

#: The fewest samples for which neighbours are measured.
FEWEST_NEIGHBOURS = 4

Group = dict[str, Any]
Lesson = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
Rows = NDArray[np.floating[Any]]


# --- reconstruction -----------------------------------------------------------------------------


def reconstruction(context: EvaluationContext) -> Group:
    """Measure reconstructions from the mean code, in the units of the input."""
    if context.spreads is not None:
        return _reconstruction_of_table(context, context.spreads)
    model, X, pca = context.model, context.X, context.pca
    data_range = data_range_of(X if context.X_train is None else context.X_train)
    found = _errors(X, context.copies, data_range)
    others = {} if pca is None else _errors(X, pca.reconstruct(context.filled(X)), data_range)
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
            originals, copies = X[rows], context.copies[rows]
            found["ssim"] = Estimate.over(ssim(originals, copies, shape, data_range), seed)
            if pca is not None:
                copies = pca.reconstruct(originals)
                others["ssim"] = Estimate.over(ssim(originals, copies, shape, data_range), seed)
    group: Group = {name: with_baseline(figure, others.get(name)) for name, figure in found.items()}
    diagnostics += poor_fit(context, found["mse"], others.get("mse"))
    plain = not has_posterior(model) and not context.has_gaps
    if has_lecture_loss(model) and plain:
        group["lecture_loss"] = with_baseline(loss_from_scores(model, context.scores))
    return {**group, "diagnostics": diagnostics}


def _errors(X: Rows, copies: Rows, data_range: float) -> dict[str, Estimate]:
    """Return the metrics of reconstructions that are means over features."""
    errors = squared_errors(X, copies)
    means = per_known_feature(X, errors)
    found = {"mse": Estimate.over(means), "squared_error": Estimate.over(errors)}
    if data_range:
        found["psnr"] = Estimate.over(decibels(means, data_range))
    return found


def _reconstruction_of_table(context: EvaluationContext, spreads: Rows) -> Group:
    """Measure the copies of a table in standard deviations of its columns, which have own units."""
    X, pca = context.X, context.pca
    of_pca = None
    if pca is not None:
        of_pca = reconstruction_mse(X / spreads, pca.reconstruct(context.filled(X)) / spreads)
    diagnostics = [diagnostic("standardized")]
    if context.has_gaps:
        firsts = [features.start for _, features in context.model.columns_.slices()]
        diagnostics.append(diagnostic("missing", n_missing=int(np.isnan(X[:, firsts]).sum())))
    error = reconstruction_mse(X / spreads, context.copies / spreads)
    diagnostics += poor_fit(context, error, of_pca, spreads)
    return {"standardized_mse": with_baseline(error, of_pca), "diagnostics": diagnostics}


# --- columns of a table -------------------------------------------------------------------------


def columns(context: EvaluationContext) -> Group:
    """Measure the reconstruction of each column of a table, by name under ``"errors"``.

    Of numbers and dates the squared error over the variance, of the others the share of rows that
    come back as another value.
    """
    if context.spreads is None:
        return {}
    X, pca = context.X, context.pca
    others = None if pca is None else pca.reconstruct(context.filled(X))
    errors: Group = {}
    for column, features in context.model.columns_.slices():
        error, of_pca = (
            None
            if copies is None
            else _column_error(
                column, X[:, features], copies[:, features], context.spreads[features]
            )
            for copies in (context.copies, others)
        )
        if error is not None:
            errors[column.name] = with_baseline(error, of_pca)
    return {"errors": errors, "diagnostics": [diagnostic("columns")]}


def _column_error(column: Column, X: Rows, copies: Rows, spreads: Rows) -> Estimate | None:
    """Return the error of one column, over the rows in which it has a value; None without any."""
    present = ~np.isnan(X).any(axis=1)
    if not present.any():
        return None
    X, copies = X[present], copies[present]
    if column.kind in ("category", "truth"):
        return Estimate.over(column.restored(X) != column.restored(copies))
    return Estimate.over(np.square((X - copies)[:, 0] / spreads[0], dtype=np.float64))


# --- sparsity -----------------------------------------------------------------------------------


def sparsity(context: EvaluationContext) -> Group:
    """Measure how many components are active, and what part of the variance they explain."""
    model = context.model
    if not has_sparse_codes(model):
        return {}
    X, pca, scale = context.filled(context.X), context.pca, model.scaling_.scale
    known = X if context.X_train is None else context.filled(context.X_train)
    variance = (np.square((X - known.mean(axis=0)) / scale).sum(axis=1)).mean(dtype=np.float64)

    def explained(copies: Rows) -> Estimate:
        return Estimate.over(1 - squared_errors(context.X / scale, copies / scale) / variance)

    group: Group = {"l0": with_baseline(Estimate.over(context.n_active))}
    if variance > 0:
        of_pca = None if pca is None else explained(pca.reconstruct(X))
        group["explained_variance"] = with_baseline(explained(context.copies), of_pca)
    used = _is_used(context.codes)
    if context.X_train is not None and not context.has_seen_its_rows:
        used |= _is_used(model.transform(context.X_train))
    group["dead"] = float(1 - used.mean())
    diagnostics = [] if pca is None else [diagnostic("active_pca", n_components=pca.n_components)]
    return {**group, "diagnostics": diagnostics}


def _is_used(codes: Any) -> NDArray[np.bool_]:
    """Return which components (H,) any code makes active."""
    return np.asarray((codes > 0).sum(axis=0)).ravel() > 0


# --- denoising ----------------------------------------------------------------------------------


def denoising(context: EvaluationContext) -> Group:
    """Measure reconstructions of corrupted samples against the clean samples."""
    if not can_corrupt(context.model):
        return {}
    X, seed = context.X, context.seed
    damaged = context.model.corrupt(X, random_state=seed)
    repaired, pca = context.model.reconstruct(damaged), context.pca
    unit = 1.0 if context.spreads is None else context.spreads

    def error(copies: Rows) -> Estimate:
        return reconstruction_mse(X / unit, copies / unit, seed)

    of_pca = None if pca is None else error(pca.reconstruct(context.filled(damaged)))
    return {
        "mse_damaged": with_baseline(error(damaged)),
        "mse_repaired": with_baseline(error(repaired), of_pca),
    }


# --- likelihood ---------------------------------------------------------------------------------


def likelihood(context: EvaluationContext) -> Group:
    """Measure the bound on the log density, in nats a row and in the input's units."""
    model = context.model
    if not has_posterior(model):
        return {}
    X = context.X[context.scored]
    exact = None
    # A density is compared with that of probabilistic PCA; a probability cannot be.
    has_density = isinstance(model.likelihood_, (Gaussian, UnitGaussian)) and not context.has_gaps
    if context.pca is not None and has_density:
        exact = context.pca.log_likelihood(X)
    score = Estimate.over(context.scores, model.seed_)
    group = {"bound": with_baseline(score, None if exact is None else Estimate.over(exact))}
    # Some of the scored rows, in their order: fewer are chosen as the first of more.
    rows = affordable_rows(context.X, COSTLY_VALUES, context.seed)
    few, labels = context.X[rows], context.labels_of(rows)
    bounds = importance_bounds(
        model, few, labels, n_importance_samples=context.n_importance_samples
    )
    found = {f"importance_bound_{n_draws}": bound for n_draws, bound in bounds.items()}
    if not context.has_gaps:
        found |= exact_likelihood(model, X)
    group |= {name: with_baseline(estimate) for name, estimate in found.items()}
    # Of the bounds that were asked for, the one with the most draws; compared on the same rows.
    widest = bounds[max(bounds)] if bounds else score
    of_few = context.scores[np.searchsorted(context.scored, rows)].mean(dtype=np.float64)
    tightest = found.get("exact", widest if widest.value > of_few else score)
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
    """Return whether the score is the lecture's loss: the squared error, or unit variance."""
    if not has_posterior(model):
        return model.scaling != "unit-length"  # whose errors are parts of the variance
    return isinstance(model.likelihood_, UnitGaussian)


def loss_from_scores(model: BaseAutoencoder, scores: Rows) -> Estimate:
    """Return the lecture's loss over the number of features; see `lecture_loss`."""
    n_features = model.n_features_in_
    if not has_posterior(model):
        return Estimate.over(scores).scaled(-1 / n_features)
    # The score is a density in the input's units; the loss is one of scaled rows.
    scaled = Estimate.over(scores.astype(np.float64) + model.scaling_.log_volume, model.seed_)
    return scaled.scaled(-2 / n_features, -LOG_2PI)


# --- collapse -----------------------------------------------------------------------------------


def collapse(context: EvaluationContext) -> Group:
    """Measure what the components of a variational code carry, in nats a row."""
    model = context.model
    if not has_posterior(model):
        return {}
    posterior = model.posterior_of(context.X)
    terms = divergence_per_component(model, context.X)
    kl = terms.sum(axis=1)
    found: Group = {
        "kl": with_baseline(Estimate.over(kl)),
        "active_units": active_units(posterior[0]),
    }
    diagnostics: list[Diagnostic] = []
    if not model.has_diagonal_posterior:  # whose mean and deviations are not all of it
        return found | {"diagnostics": diagnostics}
    carried = information(*posterior, divergence=kl, random_state=context.seed)
    found["mutual_information"] = with_baseline(carried.mutual_information)
    found["aggregate_divergence"] = with_baseline(carried.aggregate_divergence)
    if model.has_standard_normal_prior:
        means, far_by = terms.mean(axis=0), aggregate_divergence_at_least(*posterior)
        found["kl_per_component"] = means.tolist()
        found["dead_components"] = int((means < DEAD_BELOW).sum())
        found["aggregate_divergence_at_least"] = far_by
        diagnostics = advice(means, carried.mutual_information.value, far_by, model)
    if carried.is_at_limit:
        diagnostics.append(diagnostic("information_limit", limit=carried.limit))
    return found | {"diagnostics": diagnostics}


# --- symbols ------------------------------------------------------------------------------------


def symbols(context: EvaluationContext) -> Group:
    """Measure which symbols a model with discrete codes uses, and what a code takes."""
    model = context.model
    if not has_symbols(model):
        return {}
    used, numbers = symbol_use(model, context.X)
    return {
        "bits_per_code": model.n_bits_,
        "symbols_in_use": used,
        "perplexity": numbers,
    }


# --- features -----------------------------------------------------------------------------------


def features(context: EvaluationContext) -> Group:
    """Measure classification from the codes, and whether they preserve neighbours."""
    if len(context.X) < FEWEST_NEIGHBOURS:
        return {}
    lesson, diagnostics = _lesson(context)
    found = _of_codes(context, context.model._vectors, context.codes, lesson)
    pca = context.pca

    def encode(rows: Rows) -> Rows:
        assert pca is not None
        return pca.transform(context.filled(rows))

    others = {} if pca is None else _of_codes(context, encode, encode(context.X), lesson)
    group: Group = {name: with_baseline(figure, others.get(name)) for name, figure in found.items()}
    return {**group, "diagnostics": diagnostics}


def _lesson(context: EvaluationContext) -> tuple[Lesson | None, list[Diagnostic]]:
    """Return training and test samples with labels for a classifier, and diagnostics."""
    if context.y is None:
        return None, []
    X, y, diagnostics = context.X, np.asarray(context.y), []
    if context.X_train is None or context.y_train is None or context.has_seen_its_rows:
        known, asked = halves(len(y), context.seed)
        lesson = X[known], y[known], X[asked], y[asked]
        diagnostics = [diagnostic("split_rows")]
    else:
        lesson = context.X_train, np.asarray(context.y_train), X, y
    n_labels = len(np.unique(lesson[1]))
    if lesson[1].dtype.kind == "f" and (lesson[1] != np.round(lesson[1])).any():
        return None, [diagnostic("no_whole_labels")]
    if 2 <= n_labels <= MAX_CLASSES:
        return lesson, diagnostics
    return None, [diagnostic("no_classes", n_labels=n_labels, max_classes=MAX_CLASSES)]


def _of_codes(
    context: EvaluationContext, encode: Callable[[Rows], Rows], codes: Rows, lesson: Lesson | None
) -> dict[str, Estimate]:
    """Measure the codes that one encoder gives; ``codes`` are those of the context's rows."""
    seed = context.seed
    found = {
        "trustworthiness": trustworthiness_of(context.filled(context.X), codes, random_state=seed)
    }
    if lesson is None:
        return found
    known, y_known, asked, y_asked = lesson
    return found | evaluate_features(
        encode(known),
        y_known,
        codes if asked is context.X else encode(asked),
        y_asked,
        random_state=seed,
    )


# --- generation ---------------------------------------------------------------------------------


def generation(context: EvaluationContext) -> Group:
    """Measure as many generated samples as real ones, with the reachable floor of real samples."""
    model, X = context.model, context.X
    train = None if context.has_seen_its_rows else context.X_train
    shape = None if model.image_shape is None else tuple(model.image_shape)
    if min(len(rows) for rows in (X, train) if rows is not None) < FEWEST_TO_COMPARE:
        reason = f"it takes {FEWEST_TO_COMPARE} rows or more"
        return {"diagnostics": [diagnostic("no_generation", reason=reason)]}
    if context.has_gaps:
        return {"diagnostics": [diagnostic("no_generation", reason="the rows lack values")]}
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
    measured = {
        name: {**figure, "seed": context.seed}
        for name, figure in figures.items()
        if isinstance(figure, dict)
    }
    return {**measured, "diagnostics": [diagnostic("extractor", extractor=figures["extractor"])]}


# --- anomalies ----------------------------------------------------------------------------------


def anomalies(context: EvaluationContext) -> Group:
    """Measure how the score separates given anomalies from the samples, which count as normal."""
    model, seed = context.model, context.seed
    if context.anomalies is None:
        return {}
    if is_conditional(model):
        return {"diagnostics": [diagnostic("no_anomalies")]}
    scores = context.scores, model.score_samples(context.anomalies)
    found = evaluate_scores(*scores, random_state=seed)
    of_pca: Group = {}
    if context.pca is not None:
        errors = (
            -squared_errors(rows, context.pca.reconstruct(context.filled(rows)))
            for rows in (context.X[context.scored], context.anomalies)
        )
        of_pca = evaluate_scores(*errors, random_state=seed)
    return {
        name: {**figure, "pca": of_pca.get(name)} if isinstance(figure, dict) else figure
        for name, figure in found.items()
    }


#: By name; the order is that of the tables.
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
    "anomalies": anomalies,
}

#: What a model was trained for: a run without a report has it.
CHEAP = ("reconstruction", "columns", "sparsity", "denoising", "likelihood")

#: The same, and whether the code is used: a run and the lecture have it.
QUICK = (*CHEAP, "collapse", "symbols")

#: The default groups; generation takes longer, and needs an extractor.
USUAL = (*QUICK, "features", "anomalies")


def evaluate(
    model: BaseAutoencoder,
    X: Rows,
    X_train: Rows | None = None,
    *,
    y: ArrayLike | None = None,
    y_train: ArrayLike | None = None,
    groups: Iterable[str] | None = None,
    n_importance_samples: Iterable[int] = (),
    extractor: Extractor | None = None,
    anomalies: Rows | None = None,
    similarity: bool = True,
    random_state: int | np.random.RandomState | None = 0,
) -> dict[str, dict[str, Any]]:
    """Measure a fitted model on samples, and PCA of the same size as a baseline.

    Parameters
    ----------
    model : fitted autoencoder
    X : ndarray of shape (n, D)
        Rows to measure on, best ones that the model has not seen.
    X_train : ndarray of shape (m, D), optional
        The training samples; with them, the model is compared with PCA of the same size.
    y, y_train : array-like of shape (n,) and (m,), optional
        Classes of the samples; with them, the classification from codes is measured.
    groups : iterable of str, optional
        What to measure: some of ``"reconstruction"``, ``"columns"``, ``"sparsity"``,
        ``"denoising"``, ``"likelihood"``, ``"collapse"``, ``"symbols"``, ``"features"``,
        ``"generation"`` and ``"anomalies"``; all but ``"generation"`` when left out.
    n_importance_samples : iterable of int, default=()
        The numbers K of codes a row of importance-weighted bounds, such as ``(100, 5000)``: time
        grows with them, memory does not.
    extractor : callable, optional
        For ``"generation"``, see `evaluate_generation`.
    anomalies : ndarray of shape (k, D), optional
        Known anomalies; with them, how well the score separates them is measured.
    similarity : bool, default=True
        Take SSIM of images. It takes longer than the other figures of the reconstruction.
    random_state : int, RandomState or None, default=0
        Decides the rows that are taken where all would take too long, and the draws of the groups
        ``"collapse"`` and ``"features"``. Scores draw by the model's own seed.

    Returns
    -------
    dict of str to dict
        Ready for JSON: by group and by name. A figure is a dict of its ``value``,
        ``standard_error`` (None where there is no honest one), ``n_rows``, ``seed`` (None where
        nothing was drawn) and, in ``pca``, the same of PCA (or None). What is certain is a plain
        number. ``diagnostics`` explains a group in sentences, and says what to do. A group that
        does not apply to the model or the samples is left out. Of samples with many features,
        costly metrics are measured on some samples; ``n_rows`` says on how many:
        ``bound`` and what follows from it on rows of 2^24 values together, ``ssim``,
        ``importance_bound_K`` and generation on rows of 2^22, and no figure on fewer than 100.

        - reconstruction: of a table, a model with ``columns_``, ``standardized_mse``, in standard
          deviations of the columns; of all else ``mse`` (over rows and features),
          ``squared_error`` (of a row: summed over its features), ``psnr`` (decibels), ``ssim``
          (images, with torchmetrics; at most 1,000); for an autoencoder ``lecture_loss``;
          diagnostics where the error is no smaller than PCA's, no smaller than 95 % of the
          variance, or more than three times that of training rows;
        - columns, of a table: under ``errors`` a figure for each column, the squared error over the
          variance for numbers and dates, the share of wrong values for the others;
        - sparsity, of a sparse autoencoder: ``l0``, the active components of a sample;
          ``explained_variance``, of the scaled features, beside that of PCA with as many
          components; ``dead``, the share of components that no sample makes active, training
          samples included;
        - likelihood, variational: ``bound`` (nats a row) beside probabilistic PCA's log density;
          ``importance_bound_K`` for each K, ``exact`` where the evidence is known,
          ``bits_per_dimension`` of the tightest; ``lecture_loss`` where the likelihood is the
          lecture's;
        - collapse, variational: ``kl`` (nats a row), ``kl_per_component``, ``dead_components``
          (under 0.1 nats), ``active_units``, ``mutual_information``, ``aggregate_divergence``
          and ``aggregate_divergence_at_least``, and advice among the diagnostics;
        - symbols, discrete codes: ``bits_per_code``; ``symbols_in_use``, the share of a codebook's
          entries that a row has; ``perplexity`` of their frequencies, at most as many as there are
          entries;
        - features: ``trustworthiness``; with classes ``linear_probe``, ``neighbours``,
          ``adjusted_rand_index`` and ``normalized_mutual_information``;
        - generation: what `evaluate_generation` gives, of as many generated rows as real ones;
        - anomalies: what `evaluate_scores` gives, beside PCA's squared error.

    Raises
    ------
    DataError
        If the labels are not as many as their rows.
    SettingError
        If a group is unknown.

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
    context = EvaluationContext(
        model,
        X,
        X_train,
        _labels(y, X, "y"),
        None if X_train is None else _labels(y_train, X_train, "y_train"),
        seed_from(random_state),
        tuple(n_importance_samples),
        extractor,
        anomalies,
        similarity,
    )
    found = {name: GROUPS[name](context) for name in names}
    return {name: group for name, group in found.items() if group}


def lecture_loss(model: BaseAutoencoder, X: Rows) -> Estimate:
    r"""The number that the lecture prints: the loss of a row, divided by its D features.

    For an autoencoder :math:`\frac1D \Vert x - \hat x \Vert^2`; for a variational one with the
    unit-Gaussian likelihood :math:`\frac1D E(x) = -\frac2D \mathrm{ELBO}(x) - \log 2\pi`, here over
    16 codes a row and not one. Both in scaled units.

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
    """Return labels as an array, one a row."""
    if y is None:
        return None
    labels = np.asarray(y)
    if labels.shape != (len(X),):
        raise DataError(
            f"{name} must have the shape ({len(X)},), got {labels.shape}. Give one label per "
            "sample."
        )
    return labels
