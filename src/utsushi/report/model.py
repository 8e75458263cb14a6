"""Describe a fitted model for the page's script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from torch import nn

from utsushi._utils.seeds import Purpose, numpy_generator
from utsushi.distributions import MixtureModule
from utsushi.distributions.likelihoods import (
    LIKELIHOODS,
    LOG_2PI,
    Mixed,
    UnitGaussian,
)
from utsushi.distributions.likelihoods.families import FAMILIES, GaussianFamily
from utsushi.distributions.posteriors import LOG_VARIANCE_BEND
from utsushi.estimators import (
    BaseAutoencoder,
    TableAutoencoder,
    VariationalAutoencoder,
    autoencoder_of,
)
from utsushi.estimators.capabilities import (
    has_posterior,
    has_sparse_codes,
    is_conditional,
    takes_tables,
)
from utsushi.evaluation.collapse import DEAD_BELOW, divergence_per_component
from utsushi.networks import EncoderDecoder
from utsushi.report.embedded_samples import Sample
from utsushi.report.layers import CannotRunError, layers_of
from utsushi.report.layout import layout_of
from utsushi.report.tables import codec_header, columns_of
from utsushi.report.tensors import Blob, Reference, holds_in_half
from utsushi.report.texts import in_each_language
from utsushi.samplers import SAMPLERS, Gaussian, Mixture, Prior, Sampler

__all__ = ["Curves", "anomaly_scores", "curves_of", "model_header", "short_name"]

Rows = NDArray[Any]

#: A component of an autoencoder's code is unused if its variance, relative to the largest one, is
#: below this.
STILL_BELOW = 1e-6

#: The number of codes that are drawn in advance if the page's script cannot draw them.
N_DRAWN = 500

#: The largest number of fitted values of a sampler in a page; for a larger sampler, codes that are
#: drawn in advance need less space.
MOST_SAMPLER_NUMBERS = 2**18


#: Of a model that a page cannot run: the most components of its codes, which are their principal
#: components if there are more, and the number of generated samples.
MOST_STILL_COMPONENTS, N_STILL_DRAWN = 32, 50

#: The short names of the library's classes.
_SHORT_NAMES = {
    "Autoencoder": "AE",
    "DenoisingAutoencoder": "DAE",
    "SemiSupervisedVariationalAutoencoder": "SSVAE",
    "SparseAutoencoder": "SAE",
    "TableAutoencoder": "Table VAE",
    "VariationalAutoencoder": "VAE",
    "VectorQuantizedAutoencoder": "VQ-AE",
}


def short_name(model: BaseAutoencoder | TableAutoencoder) -> str:
    """Return a short name of a model."""
    name = type(model).__name__
    return _SHORT_NAMES.get(name, name)


def model_header(
    name: str, model: BaseAutoencoder | TableAutoencoder, test: Sample, blob: Blob
) -> dict[str, Any]:
    """Describe a fitted model, and add its tensors to a blob.

    Parameters
    ----------
    name : str
        A short name, for the buttons that switch models.
    model : fitted autoencoder
    test : Sample
        The samples of the map.
    blob : Blob

    Returns
    -------
    dict
        See `utsushi.report.payload`. A model that a page cannot run is described by what it makes
        of the samples.
    """
    inner, rows = autoencoder_of(model), test.as_fitted(model)
    scaling, conditional = inner.scaling_, is_conditional(inner)
    common = {
        "name": name,
        "title": type(model).__name__,
        "variational": has_posterior(inner),
        "scaling": {
            "offset": blob.add(scaling.offset, "float32"),
            "scale": blob.add(scaling.scale, "float32"),
        },
        "log_volume": scaling.log_volume,
        "missing": inner.missing == "mask",
        "codec": codec_header(model, columns_of(model), blob),
        "draws": _draws(model, blob) if takes_tables(model) else None,
        "conditional": conditional,
        "conditions": [str(c) for c in inner.classes_.labels] if conditional else None,
        "condition_shares": inner.classes_.shares.tolist() if conditional else None,
        "log_variance_bend": LOG_VARIANCE_BEND if has_posterior(inner) else None,
        "history": _history(inner),
    }
    try:
        with blob.undone_if(CannotRunError):
            return common | _live(inner, rows, test.labels, blob)
    except CannotRunError as error:
        return common | _still(inner, rows, test.labels, blob, error)


def _live(
    model: BaseAutoencoder, rows: ArrayLike, labels: Rows | None, blob: Blob
) -> dict[str, Any]:
    """Describe what runs in the page: encoder, decoder, and how they are measured."""
    if has_sparse_codes(model):
        message = f"a page does not run sparse codes, got a {type(model).__name__}."
        raise CannotRunError(message, "codes", type(model).__name__)
    codes, log_variances = _codes(model, rows)
    return {
        "still": None,
        "n_components": int(model.n_components_),
        "encoder": layers_of(_to_codes(model.module_), blob),
        "decoder": layers_of(model.module_.decoder, blob),
        "target_scaled": _is_target_scaled(model),
        "likelihood": _likelihood(model, blob) if has_posterior(model) else None,
        "prior": _prior(model, blob) if has_posterior(model) else None,
        "codes": blob.add(codes, "float32"),
        "log_variances": None if log_variances is None else blob.add(log_variances, "float32"),
        "scores": blob.add(_scores(model, rows, labels), "float32"),
        **_use_of_components(model, rows, codes),
        **_plane(codes, blob),
        **_samplers(model, conditional=is_conditional(model), blob=blob),
    }


def _still(
    model: BaseAutoencoder,
    rows: ArrayLike,
    labels: Rows | None,
    blob: Blob,
    reason: CannotRunError,
) -> dict[str, Any]:
    """Describe a model that a page cannot run by its outputs for samples and for drawn codes."""
    codes = _codes(model, rows)[0].astype(np.float64)
    decode: Any = None if not has_posterior(model) else model.module_.decoder
    likelihood = None
    if has_posterior(model):
        try:
            with blob.undone_if(CannotRunError):
                likelihood = _likelihood(model, blob)
        except CannotRunError:
            decode = None  # the means, without densities

    def outputs_of(some: Rows, classes: Rows | None) -> Rows:
        conditioned = model._with_condition(some, classes) if has_posterior(model) else some
        return model._decode_codes(conditioned, decode)

    drawn = np.empty((0, codes.shape[1]))
    if not has_sparse_codes(model) and not is_conditional(model):
        drawn = np.asarray(model._sampled_codes(N_STILL_DRAWN, 0), np.float64)
    outputs = [outputs_of(codes, labels), *([outputs_of(drawn, None)] if len(drawn) else [])]
    shown = _shortened(codes, drawn)
    kl = model.divergence(rows).sum(axis=1) if has_posterior(model) else None
    labelled = {"y": labels} if is_conditional(model) else {}
    return {
        "still": {"part": reason.part, "name": reason.name},
        "n_components": shown.shape[1],
        "target_scaled": _is_target_scaled(model),
        "likelihood": likelihood,
        "prior": None,
        "outputs": _added(np.concatenate(outputs), blob, images=model.image_shape is not None),
        "codes": blob.add(shown[: len(codes)], "float32"),
        "log_variances": None,
        "scores": blob.add(-np.asarray(model.score_samples(rows, **labelled)), "float32"),
        "kl": None if kl is None else blob.add(kl, "float32"),
        **_use_of_components(None, rows, shown[: len(codes)]),
        **_plane(shown[: len(codes)], blob),
        "sampler": {"kind": "drawn", "name": "", "codes": blob.add(shown[len(codes) :], "float32")}
        if len(drawn)
        else None,
        "class_samplers": None,
    }


def _shortened(codes: Rows, drawn: Rows) -> Rows:
    """Return codes and drawn codes, one after the other, as principal components if there are many.

    A page with such codes shows only where they are on its map.
    """
    every = np.concatenate([codes, drawn])
    if every.shape[1] <= MOST_STILL_COMPONENTS:
        return every
    centre = codes.mean(axis=0)
    directions = np.linalg.svd(codes - centre, full_matrices=False)[2][:MOST_STILL_COMPONENTS]
    projected: Rows = (every - centre) @ directions.T
    return projected


def _added(outputs: Rows, blob: Blob, *, images: bool) -> Reference:
    half = images and holds_in_half(outputs)
    return blob.add(outputs, "float16" if half else "float32")


def _is_target_scaled(model: BaseAutoencoder) -> bool:
    return not has_posterior(model) or bool(model.likelihood_.of_scaled_rows)


def _draws(model: TableAutoencoder, blob: Blob) -> dict[str, Any]:
    """Describe how a table's values are drawn, and corrected to their distributions."""
    quantiles = model._quantiles  # (Q, features)
    probabilities = (np.arange(len(quantiles)) + 0.5) / len(quantiles)
    is_scaled = model._likelihood.is_scaled(model.codec_.n_features)
    return {
        "offsets": blob.add(model._offsets, "float32"),
        "scaled": np.flatnonzero(is_scaled).tolist(),
        "quantiles": blob.add(quantiles.T, "float64"),
        "normal": blob.add(ndtri(probabilities), "float64"),
    }


def anomaly_scores(model: BaseAutoencoder | TableAutoencoder, sample: Sample) -> Rows:
    r"""Return the deterministic anomaly score of each sample, shape (n,).

    It is the squared error in scaled units; for a variational model
    :math:`-\log p(x \mid z = \mu) + D_{KL}` in nats, in the units of the input, or for the numbers
    of a `TableAutoencoder` in those of their normal scores.
    """
    return _scores(autoencoder_of(model), sample.as_fitted(model), sample.labels)


def _scores(model: BaseAutoencoder, rows: ArrayLike, labels: Rows | None) -> Rows:
    if has_posterior(model):
        return -np.asarray(model.mean_code_score(rows, labels))
    return -np.asarray(model.score_samples(rows))


def _codes(model: BaseAutoencoder, rows: ArrayLike) -> tuple[Rows, Rows | None]:
    """Return the mean codes (n, H) of the samples, and the log-variances of a variational model."""
    if not has_posterior(model):
        return np.asarray(model._vectors(rows)), None
    mean, standard_deviation = model.posterior_of(rows)
    return mean, 2 * np.log(standard_deviation)


def _likelihood(model: VariationalAutoencoder, blob: Blob) -> dict[str, Any]:
    """Return the name of a likelihood, and its standard deviation if that was calibrated."""
    likelihood = model.likelihood_
    kind = type(likelihood)  # the exact type: a subclass may compute something else
    if kind not in LIKELIHOODS.values():
        message = f"likelihood must be one of {', '.join(LIKELIHOODS)} for a page, got {likelihood}"
        raise CannotRunError(message, "likelihood", kind.__name__)
    if isinstance(likelihood, Mixed):
        return _mixed(likelihood, model, blob)
    (name,) = [name for name, cls in LIKELIHOODS.items() if cls is kind]
    return {"name": name, "sigma": getattr(likelihood, "sigma_", None)}


def _mixed(likelihood: Mixed, model: VariationalAutoencoder, blob: Blob) -> dict[str, Any]:
    """Describe a likelihood with a distribution for each column, and its shared parameters.

    Each feature has its ``sigma``, or the logarithm of its dispersion and the two numbers of the
    logit of its additional zeros.
    """
    n_features = model.n_features_in_
    *_, head = model.module_.decoder.children()
    with torch.no_grad():
        output = head(torch.zeros(1, n_features, device=model.device_)).cpu()
    values = np.zeros((4, n_features))
    for family, where, _, shared in likelihood._layout(n_features).parts(output):
        place = where.numpy()
        if isinstance(family, GaussianFamily):
            values[0, place] = family.sigma(shared)[0].numpy()
        elif family.n_shared:
            values[1, place] = shared[0, 0].clamp(-10, 10).numpy()
        if isinstance(family, FAMILIES["zero-inflated"]):
            values[2:, place] = shared[0, 1:].numpy() - [[3.0], [0.0]]
    columns = likelihood._columns(n_features)
    groups = range(len(columns)) if likelihood.groups is None else likelihood.groups
    return {
        "name": "mixed",
        "families": [[*column, int(g)] for column, g in zip(columns, groups, strict=True)],
        "shared": blob.add(values, "float32"),
    }


def _to_codes(module: EncoderDecoder) -> nn.Module:
    """Return the encoder, followed by the bottleneck if there is one."""
    bottleneck = getattr(module, "bottleneck", None)
    return module.encoder if bottleneck is None else nn.Sequential(module.encoder, bottleneck)


def _prior(model: VariationalAutoencoder, blob: Blob) -> dict[str, Any] | None:
    """Describe a prior that is a mixture of Gaussians; return None for N(0, I).

    Raises
    ------
    CannotRunError
        If a page cannot compute the divergence of a posterior from the prior.
    """
    if not model.has_diagonal_posterior:
        message = f"posterior must be 'diagonal-gaussian' for a page, got {model.posterior!r}."
        raise CannotRunError(message, "posterior", type(model.chosen("posterior")).__name__)
    if model.has_standard_normal_prior:
        return None
    module, prior = model.module_, model.module_.prior
    if not isinstance(prior, MixtureModule):
        raise CannotRunError(
            "prior must be 'standard-normal', or a mixture such as 'vamp', for a page, got "
            f"{model.prior!r}.",
            "prior",
            type(model.chosen("prior")).__name__,
        )
    with torch.no_grad():
        mixture, log_weights = prior.components(module.posterior_of), prior.log_weights()
    return {
        "log_weights": log_weights.tolist(),
        "means": blob.add(mixture.mean.detach().cpu().numpy(), "float32"),
        "log_variances": blob.add(mixture.log_variance.cpu().numpy(), "float32"),
    }


def _use_of_components(
    model: BaseAutoencoder | None, rows: ArrayLike, codes: Rows
) -> dict[str, Any]:
    """Return the information of each component, its unit, and which components are unused."""
    if has_posterior(model) and model.has_standard_normal_prior:
        kl = divergence_per_component(model, rows).mean(axis=0)
        dead = (kl < DEAD_BELOW).tolist()
        return {"information": kl.tolist(), "information_unit": "kl", "dead": dead}
    variance = codes.var(axis=0, dtype=np.float64)
    unused = (variance <= STILL_BELOW * variance.max()).tolist()
    return {"information": variance.tolist(), "information_unit": "variance", "dead": unused}


def _plane(codes: Rows, blob: Blob) -> dict[str, Any]:
    """Return the plane of two principal components, with deterministic signs, and the layout."""
    layout = layout_of(codes)
    Z = codes.astype(np.float64)
    centre = Z.mean(axis=0)
    _, lengths, directions = np.linalg.svd(Z - centre, full_matrices=False)
    axes, shares = np.zeros((2, Z.shape[1])), np.zeros(2)
    total = np.square(lengths).sum()
    for index, direction in enumerate(directions[:2]):
        axes[index] = direction * np.sign(direction[np.abs(direction).argmax()])
        shares[index] = np.square(lengths[index]) / total if total else 0.0
    return {
        "centre": centre.tolist(),
        "axes": axes.tolist(),
        "explained": shares.tolist(),
        "layout": None if layout is None else blob.add(layout, "float16"),
    }


def _samplers(model: BaseAutoencoder, *, conditional: bool, blob: Blob) -> dict[str, Any]:
    """Describe the sampler, and the samplers of the classes of a conditional model."""
    by_class = getattr(model, "class_samplers_", []) if conditional else []
    return {
        "sampler": _sampler(model, model.sampler_, blob),
        "class_samplers": [_sampler(model, sampler, blob) for sampler in by_class] or None,
    }


def _sampler(model: BaseAutoencoder, sampler: Sampler, blob: Blob) -> dict[str, Any]:
    """Describe a sampler for the page's script, or draw codes in advance."""
    kind = type(sampler)  # the exact type: a subclass may draw differently
    is_small = _numbers(sampler) <= MOST_SAMPLER_NUMBERS
    if kind is Prior and getattr(model, "has_standard_normal_prior", True):
        return {"kind": "prior", "temperature": float(sampler.temperature)}
    if isinstance(sampler, Gaussian) and kind is Gaussian and is_small:
        # The root of the covariance that NumPy's draw uses.
        variances, directions = np.linalg.eigh(sampler.covariance_)
        factor = sampler.temperature * directions * np.sqrt(np.abs(variances))
        return {
            "kind": "gaussian",
            "mean": sampler.mean_.tolist(),
            "factor": blob.add(factor, "float32"),
        }
    if isinstance(sampler, Mixture) and kind is Mixture and is_small:
        return {
            "kind": "mixture",
            "weights": (sampler.weights_ / sampler.weights_.sum()).tolist(),
            "means": blob.add(sampler.means_, "float32"),
            "factors": blob.add(sampler.factors_, "float32"),
            "temperature": float(sampler.temperature),
        }
    names = {sampler_class: name for name, sampler_class in SAMPLERS.items()}
    if kind is Prior or sampler.is_discrete:  # a learned prior, or symbols of a codebook
        codes = model._sampled_codes(N_DRAWN, 0)
    else:
        codes = sampler.sample(N_DRAWN, numpy_generator(0, Purpose.SAMPLE))
    return {
        "kind": "drawn",
        "name": names.get(kind, kind.__name__),
        "codes": blob.add(codes, "float32"),
    }


def _numbers(sampler: Sampler) -> int:
    """Return the number of fitted values of a sampler."""
    return sum(np.size(value) for value in sampler.state().values())


def _history(model: BaseAutoencoder) -> dict[str, Any]:
    """Return the learning curves, with their texts in each language."""
    curves = curves_of(model)
    values_by_key: Mapping[str, list[float] | None] = {
        "curve_training": curves.training,
        "curve_held_out": curves.held_out,
    }
    return {
        "curves": [
            {"name": in_each_language(itemgetter(key)), "values": values}
            for key, values in values_by_key.items()
            if values
        ],
        "unit": in_each_language(itemgetter(f"unit_{curves.unit}")),
        "terms": {
            name: [row[name] for row in model.history_]
            for name in ("reconstruction", "kl")
            if all(name in row for row in model.history_)
        },
    }


@dataclass(frozen=True)
class Curves:
    """Hold the learning curves of a model, with a value for each epoch.

    Attributes
    ----------
    unit : {"error", "loss", "objective"}
        Squared error over the features, the lecture's loss over the features, or the objective in
        nats per sample.
    training : list of float
        The values of the training samples, during each epoch.
    held_out : list of float or None
        The values of the held-out samples, if any, after each epoch.
    """

    unit: str
    training: list[float]
    held_out: list[float] | None


def curves_of(model: BaseAutoencoder) -> Curves:
    """Return the curves of a fitted model.

    Examples
    --------
    >>> from utsushi import Autoencoder
    >>> model = Autoencoder(n_components=1, hidden=(2,), max_epochs=3, random_state=0)
    >>> curves = curves_of(model.fit([[0.0, 1.0], [1.0, 0.0]]))
    >>> curves.unit, len(curves.training), curves.held_out
    ('error', 3, None)
    """
    variational = has_posterior(model)
    # The penalty of an autoencoder has another unit and is left out.
    name = "objective" if variational else "reconstruction"
    unit, scale, shift = "error", 1 / model.n_features_in_, 0.0
    if model.scaling == "unit-length":
        unit, scale = "unexplained", 1.0
    if variational:
        unit, scale = "objective", 1.0
        if isinstance(model.likelihood_, UnitGaussian) and model.beta == 1:
            unit, scale, shift = "loss", 2 / model.n_features_in_, LOG_2PI

    def curve(key: str) -> list[float] | None:
        if any(key not in row for row in model.history_):  # partial_fit holds nothing out
            return None
        return [scale * row[key] - shift for row in model.history_]

    return Curves(unit, curve(name) or [], curve(f"validation_{name}"))
