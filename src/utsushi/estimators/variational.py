"""The variational autoencoder: training, posterior, samples, and bounds on log p(x)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import field, replace
from functools import partial
from itertools import islice
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from utsushi import samplers
from utsushi._utils.lazy_rows import AnyRows
from utsushi._utils.seeds import Purpose, generator, numpy_generator, seed_from
from utsushi._utils.validation import has_missing
from utsushi.distributions import (
    DiagonalGaussianPosterior,
    Posterior,
    PosteriorDistribution,
    Prior,
    PriorModule,
)
from utsushi.distributions.likelihoods import Gaussian, Likelihood, UnitGaussian
from utsushi.estimators.base import BaseAutoencoder
from utsushi.estimators.conditions import Classes, as_labels, codes_by_class, samplers_by_class
from utsushi.estimators.inference import map_rows, row_noise
from utsushi.estimators.missing import without_gaps
from utsushi.estimators.model_file import object_from_json, object_to_json
from utsushi.estimators.parameters import COMMON_CONSTRAINTS, estimator, one_of
from utsushi.estimators.registry import OwnClasses
from utsushi.estimators.rows import Rows, TrainingData, scanned
from utsushi.estimators.stream import FittedWhenRead
from utsushi.exceptions import SettingError, UtsushiWarning
from utsushi.networks import EncoderDecoder
from utsushi.networks.base import is_size
from utsushi.objectives import (
    Bound,
    Source,
    VariationalObjective,
    log_weights,
    with_condition,
)
from utsushi.samplers import Codes, Sampler
from utsushi.transforms.augmentation import Binarize
from utsushi.transforms.corruption import HideColumns
from utsushi.transforms.scaling import Scaling

__all__ = ["SCORE_DRAWS", "VariationalAutoencoder"]

#: Codes drawn for each sample when it is scored.
SCORE_DRAWS = 16

#: Draws of noise that are held in memory at once.
DRAWS_AT_ONCE = 16

#: Takes codes (B, H); returns log p(x|z) of the samples (B,).
LogLikelihood = Callable[[Tensor], Tensor]

#: Takes a log-likelihood, the network, the posteriors of B samples and noise; returns (B,).
Score = Callable[[LogLikelihood, EncoderDecoder, PosteriorDistribution, Iterator[Tensor]], Tensor]


@estimator
class VariationalAutoencoder(BaseAutoencoder):
    r"""Variational autoencoder: a latent variable model, trained by a bound on log p(x).

    A code :math:`z \sim N(0, I)` is decoded into the parameters of :math:`p(x \mid z)`; an encoder
    gives the mean and the standard deviations of :math:`q(z \mid x) = N(\mu, \mathrm{diag}(
    \sigma^2))`. Both are trained to maximize the evidence lower bound

    .. math::
        \mathrm{ELBO}(x) = E_{q(z \mid x)}[\log p(x \mid z)] - D_{KL}(q(z \mid x) \Vert p(z))
        \le \log p(x).

    Parameters
    ----------
    n_components : int >= 1, default=10
        H, the size of the code.
    network : {"dense", "conv"} or Network, default="dense"
        What the encoder and the decoder are made of.
    hidden : int, tuple of int or None, default=None
        Widths of the dense layers before the code, in the encoder's order; the decoder mirrors
        them. None is chosen by the data's shape: a dense network has one layer of
        `utsushi.networks.default_width`; see `utsushi.networks.Conv` for a convolutional one.
    image_shape : (height, width) or (channels, height, width), optional
        The shape of an image, if the samples are flattened images: ``network="conv"`` needs it,
        and figures show images of that shape.
    scaling : {"center", "standard", "minmax"} or None, default="center"
        Removes the mean of each column, standardizes, maps the range to [0, 1], or nothing.
        Learned from the training data, undone on the way out, safe on constant columns.
    missing : {"raise", "mask"}, default="raise"
        What NaN means: an error, or a missing value. A missing value is zero at the encoder's
        input, in scaled units, and counts in no loss and no score; `reconstruct` fills it in.
    likelihood : str or Likelihood, default="gaussian"
        :math:`p(x \mid z)`. Of scaled samples: ``"gaussian"`` with one calibrated standard
        deviation, or ``"unit-gaussian"`` with standard deviation one, as in the lecture. Of samples
        in [0, 1] in their own units, so that ``scaling`` is for the encoder alone: ``"bernoulli"``
        for zeros and ones, or ``"continuous-bernoulli"`` for grey values.
    prior : {"standard-normal", "vamp"} or Prior, default="standard-normal"
        :math:`p(z)`, which the codes are trained towards: the lecture's :math:`N(0, I)`, or the
        mean of the posteriors of learned pseudo-inputs (`utsushi.distributions.VampPrior`).
        ``sampler="prior"`` draws from it.
    posterior : {"diagonal-gaussian"} or Posterior, default="diagonal-gaussian"
        :math:`q(z \mid x)`, whose parameters the encoder's output is.
    conditional : bool, default=False
        Condition the decoder on the class ``y`` of each sample. The encoder takes x alone; ``fit``,
        `inverse_transform`, `reconstruct`, `score_samples` and `sample` take ``y``.
    beta : float >= 0 or callable, default=1.0
        Weight of the divergence in training, or a function of the epochs done that returns it.
        Scores are always the bound at 1.
    objective : {"elbo", "importance-weighted"} or Bound, default="elbo"
        What training maximizes: the evidence lower bound, or the importance-weighted one of five
        codes. Free bits, a warm-up of the divergence and the number of codes are set inside of an
        object: `utsushi.objectives.ELBO`, `utsushi.objectives.ImportanceWeighted`. The score is the
        evidence lower bound in any case; `log_likelihood` is the importance-weighted one.
    sampler : {"mixture", "prior", "gaussian", "flow", "two-stage"} or Sampler, default="mixture"
        The distribution that `sample` draws codes from. All but ``"prior"``, which is p(z), are
        fitted to the training codes: see `utsushi.samplers`. A mixture follows the codes where they
        leave the prior, so its samples resemble the data more. ``"flow"`` needs the optional
        dependency zuko.
    augment : {"affine", "binarize"}, Augmentation or None, default=None
        Random changes of the training samples at each step: small rotations, scales and shifts of
        images (needs ``image_shape``), or zeros and ones drawn with grey values as probabilities.
    recipe : {"fast", "lecture"} or Recipe, default="fast"
        ``"fast"`` is one cycle to a high learning rate, of dense networks in the principal
        components that matter, with steps, rate and weight decay that follow from the data's
        shape; ``"lecture"`` is Adam at 1e-3, batches of 100 and 30 epochs. Batch size, learning
        rate, weight decay, held-out samples, early stopping and precision are set inside of a
        `Recipe`: ``Recipe(batch_size=50, validation_fraction=0.1, early_stopping=5)``.
    max_epochs : int >= 1 or None, default=None
        Passes over the training samples; None leaves them to the recipe.
    random_state : int, RandomState or None, default=None
        Decides every random number. None takes fresh entropy from the system.
    device : str, default="auto"
        Where to compute, resolved in ``fit``: ``"auto"`` is the accelerator if there is one.
    verbose : int, default=0
        1 shows a progress bar on stderr.

    Attributes
    ----------
    n_features_in_ : int
        D, the number of columns of the training data.
    n_components_ : int
        H, the size of the code that was learned.
    feature_names_in_ : ndarray of str
        Their names, where ``X`` had names.
    history_ : list of dict
        A row per epoch: ``objective`` (the mean of :math:`-J_1 + \beta J_2`, or of :math:`-L_K`
        with several importance samples), ``reconstruction``
        (:math:`-J_1`) and ``kl`` (:math:`J_2`), all in nats per scaled sample; the same of the
        held-out samples with the prefix ``validation_``; ``learning_rate``, ``seconds``.
    n_epochs_ : int
        The number of epochs made.
    n_samples_seen_ : int
        The number of samples that `partial_fit` got; only after it.
    likelihood_ : Likelihood
        The calibrated likelihood.
    classes_ : Classes
        Of a conditional model: the ``labels`` of the classes and their ``shares``.
    module_ : torch.nn.Module
        The trained network, with ``encoder`` and ``decoder``.
    network_ : Network
        The network's settings, with every size that was chosen by the data's shape.
    recipe_ : Recipe
        The recipe of the training, with every setting that was chosen by the data's shape.
    sampler_ : Sampler
        The fitted sampler.
    scaling_ : Scaling
        The fitted scaling.
    seed_ : int
        The seed of every random number.
    device_ : str
        The device that was used.

    References
    ----------
    Kingma and Welling 2014, *Auto-Encoding Variational Bayes*, https://arxiv.org/abs/1312.6114

    Examples
    --------
    >>> from utsushi import VariationalAutoencoder, datasets
    >>> digits = datasets.load_digits8x8()
    >>> model = VariationalAutoencoder(n_components=4, hidden=(32,), random_state=0)
    >>> model.fit(digits.X_train).transform(digits.X_test).shape
    (360, 4)
    >>> model.score_samples(digits.X_test).shape
    (360,)
    >>> model.sample(50, random_state=0, noise=True).shape
    (50, 64)
    """

    likelihood_: Likelihood = field(init=False)
    classes_: Classes = field(init=False)
    class_samplers_ = FittedWhenRead()

    _is_variational: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **COMMON_CONSTRAINTS,
        "likelihood": one_of("likelihood"),
        "prior": one_of("prior"),
        "posterior": one_of("posterior"),
        "conditional": ["boolean"],
        "beta": [Interval(Real, 0, None, closed="left"), callable],
        "objective": one_of("objective"),
    }

    likelihood: str | Likelihood = "gaussian"
    prior: str | Prior = "standard-normal"
    posterior: str | Posterior = "diagonal-gaussian"
    conditional: bool = False
    beta: float | Callable[[float], float] = 1.0
    objective: str | Bound = "elbo"

    # --- fit ------------------------------------------------------------------------------------

    def _check_data(self, rows: AnyRows) -> None:
        self.likelihood_ = self._new_likelihood()
        self._check_settings()
        self.likelihood_.check(rows)
        binarized = self.augment == "binarize" or isinstance(self.augment, Binarize)
        better = None if binarized else self.likelihood_.advice(rows)
        if better is not None:
            warnings.warn(
                f"likelihood={self.likelihood!r} does not suit the training data, which hold "
                f"{'only zeros and ones' if better == 'bernoulli' else 'values between 0 and 1'}. "
                f"Set likelihood={better!r}.",
                UtsushiWarning,
                stacklevel=4,  # the caller of fit
            )

    def _new_likelihood(self) -> Likelihood:
        """Return the likelihood of the parameters, for the columns of the data."""
        likelihood: Likelihood = self.chosen("likelihood")
        return likelihood.for_columns(getattr(self, "columns_", None), self.n_features_in_)

    def _check_settings(self) -> None:
        """Refuse settings that contradict each other."""
        bound = self.chosen("objective")
        bound._validate_params()
        bound.check(self._shape)
        if bound.needs_diagonal_gaussian and not self.has_diagonal_posterior:
            raise SettingError(
                f"posterior must be 'diagonal-gaussian' for objective={self.objective!r}, got "
                f"{self.posterior!r}."
            )
        takes_logits = not self.likelihood_.of_scaled_rows
        if takes_logits and self.chosen("network").output != "linear":
            raise SettingError(
                f"output must be 'linear' for likelihood={self.likelihood!r}, which takes logits, "
                f"got network={self.network!r}. Leave output out."
            )

    def _learn_condition(self, y: Any, rows: AnyRows) -> NDArray[np.float32] | None:
        if not self.conditional:
            return None
        labels = self._known_labels(y, len(rows))
        self.classes_ = Classes.learn(labels, len(labels))
        return self._condition_of(y, len(rows))

    def _check_unchanged(self, what: str) -> None:
        if self.conditional and "classes_" not in vars(self):
            raise SettingError(
                f"conditional must be False for {what}, as it was before, got True. Call fit to "
                "begin again."
            )
        super()._check_unchanged(what)

    def _known_labels(self, y: Any, n_rows: int) -> NDArray[Any]:
        """Return the labels of those samples that have one."""
        return as_labels(y, n_rows)

    def _check_batch(self, rows: AnyRows) -> None:
        self.likelihood_.check(rows)

    def _condition_in_stream(
        self, y: Any, n_rows: int, classes: ArrayLike | None, *, begins: bool
    ) -> NDArray[np.float32] | None:
        if not self.conditional:
            return None
        if begins:
            labels = self._known_labels(y, n_rows) if classes is None else np.empty(0)
            self.classes_ = Classes.of_stream(labels, classes)
        elif classes is not None:
            self.classes_.check_equal(classes)
        condition = self._condition_of(y, n_rows)
        assert condition is not None
        self.classes_ = self.classes_.with_samples(condition)
        return condition

    def _condition_of(self, y: Any, n_rows: int) -> NDArray[np.float32] | None:
        return self.classes_.one_hot(y, n_rows) if self.conditional else None

    @property
    def _n_encoder_outputs(self) -> int:
        posterior: Posterior = self.chosen("posterior")
        return posterior.n_outputs(self.n_components)

    def _assembled(self) -> EncoderDecoder:
        module = super()._assembled()
        first = self.likelihood_.build_input(self.n_features_in_)
        head = self.likelihood_.build_head(self.n_features_in_)
        if first is not None:
            module = module.with_parts(encoder=nn.Sequential(first, module.encoder))
        if head is not None:
            module = module.with_parts(decoder=nn.Sequential(module.decoder, head))
        return module

    def _other_parts(self) -> dict[str, nn.Module]:
        parts = {
            "posterior": self.chosen("posterior").build(self.n_components),
            "prior": self.chosen("prior").build(self.n_features_in_, self.n_components),
            "critic": self.chosen("objective").build_critic(self.n_features_in_, self.n_components),
        }
        return {name: part for name, part in parts.items() if part is not None}

    @property
    def _n_conditions(self) -> int:
        return len(self.classes_.labels) if self.conditional else 0

    def _validation(self, validation_data: Any) -> TrainingData:
        if not self.conditional:
            data = super()._validation(validation_data)
        elif isinstance(validation_data, tuple) and len(validation_data) == 2:
            data = super()._validation(validation_data[0])
            data = replace(data, condition=self._condition_of(validation_data[1], len(data.rows)))
        else:
            raise SettingError(
                "validation_data must be a pair of samples and classes for a conditional model, "
                f"got a {type(validation_data).__name__}. Pass validation_data=(X, y)."
            )
        self.likelihood_.check(data.rows)
        return data

    def _objective(self, data: Source) -> VariationalObjective:
        streams = "_stream" in vars(self)
        n_epochs = len(self.history_) + 1 if streams else self.recipe_.n_epochs(len(data))
        bound: Bound = self.chosen("objective")
        if bound.kl_warmup_epochs and bound.kl_warmup_epochs >= n_epochs and not streams:
            raise SettingError(
                f"kl_warmup_epochs must be less than the {n_epochs} epochs of the training, got "
                f"{bound.kl_warmup_epochs}. Set max_epochs higher."
            )
        unscale = self.scaling_.unscaler(data.device)
        target = None
        if not self.likelihood_.of_scaled_rows:
            target = lambda x: unscale(x).clamp(0.0, 1.0)  # noqa: E731
        images = None
        if self._shape is not None:
            of_scaled = self.likelihood_.of_scaled_rows
            shape = self._shape if len(self._shape) == 3 else (1, *self._shape)
            images = lambda x: (unscale(x) if of_scaled else x).unflatten(-1, shape)  # noqa: E731
        blocks = scanned(data)
        likelihood = self._new_likelihood()
        likelihood.prepare(b.x if b.mask is None else b.x[b.mask] for b in blocks)
        hide = None
        if bound.masking:
            groups = torch.from_numpy(likelihood.groups_of(self.n_features_in_))
            hide = HideColumns(float(bound.masking), groups)
        return VariationalObjective(
            likelihood,
            bound,
            beta=self._beta_within(n_epochs),
            target=target,
            hide=hide,
            images=images,
        )

    def _start(self, module: EncoderDecoder, data: Source) -> None:
        if self.likelihood_.build_head(self.n_features_in_) is not None:
            *_, head = module.decoder.children()
            self.likelihood_.start(head, _mean_of(data))

    def _of_scaled(self, scaling: Scaling) -> Scaling:
        is_scaled = self.likelihood_.is_scaled(self.n_features_in_)
        return scaling if is_scaled is None else scaling.only(is_scaled)

    def _beta_within(self, n_epochs: int) -> float | Callable[[float], float]:
        """Return beta; as a function of the epochs it keeps its last value after the training."""
        beta = self.beta
        if not callable(beta):
            return float(beta)
        return lambda epochs: float(beta(min(epochs, n_epochs)))

    def _calibrate(
        self, objective: VariationalObjective, module: EncoderDecoder, data: Source
    ) -> None:
        """Calibrate the likelihood over all training samples."""
        draws = generator(self.seed_, Purpose.CALIBRATION)
        self.likelihood_ = objective.calibrated(module, data, draws).likelihood

    def _learn_codes(self, codes: Codes, condition: NDArray[np.float32] | None) -> None:
        self.class_samplers_ = []
        if condition is not None and len(codes):
            make = lambda: self.chosen("sampler")  # noqa: E731
            self.class_samplers_ = samplers_by_class(make, codes, condition, self.seed_)

    @property
    def _first_to_try(self) -> str | None:
        if not callable(self.beta) and self.beta > 1:
            return f"beta<{self.beta:g}"
        return "likelihood='gaussian'" if isinstance(self.likelihood_, UnitGaussian) else None

    @property
    def _is_least_squares(self) -> bool:
        likelihood, bound = self.chosen("likelihood"), self.chosen("objective")
        is_one_draw = bound.n_importance_samples == 1 and not bound.masking
        return is_one_draw and likelihood.is_rotation_invariant and bound.is_rotation_invariant

    @property
    def _compares_with_pca(self) -> bool:
        calibrated, bound = type(self.likelihood_) is Gaussian, self.chosen("objective")
        weighted = callable(self.beta) or self.beta > 1 or bound.kl_warmup_epochs
        weighted = weighted or getattr(bound, "free_bits", 0) or not bound.contains_likelihood
        return super()._compares_with_pca and calibrated and not weighted

    @property
    def _objective_rises(self) -> bool:
        return bool(self.chosen("objective").kl_warmup_epochs)

    # --- inference ------------------------------------------------------------------------------

    def posterior_of(self, X: ArrayLike) -> tuple[Rows, Rows]:
        r"""Return the mean and the standard deviation of :math:`q(z \mid x)`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        mean, standard_deviation : ndarray of shape (n_samples, n_components)
            :math:`\mu` and :math:`\sigma`; float32 for float32 input, else float64.
        """
        check_is_fitted(self)
        return self._posterior(self._checked(X))

    def _posterior(self, rows: Rows) -> tuple[Rows, Rows]:
        """Return the posterior mean and standard deviation of checked samples."""

        def parameters(x: Tensor, _: Rows) -> Tensor:
            posterior = self.module_.posterior_of(x)
            return torch.cat([posterior.mean, posterior.log_variance], dim=-1)

        parameters_of_rows = self._map(rows, parameters)
        mean, log_variance = np.split(parameters_of_rows.astype(rows.dtype, copy=False), 2, axis=1)
        return mean, np.exp(0.5 * log_variance)

    def reconstruct(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        sample: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> Rows:
        """Reconstruct samples: encode them and decode their codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : a class, or array-like of shape (n_samples,)
            The condition of a conditional model; else ignored.
        sample : bool, default=False
            Draw the code from the posterior instead of taking its mean.
        random_state : int, RandomState or None, default=None
            Decides the draw.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32 for float32 input, else float64
            Samples in the units of the input: the mean of p(x|z), without its noise.
        """
        if not sample:
            return super().reconstruct(X, y)
        check_is_fitted(self)
        rows = self._checked(X)
        mean, standard_deviation = self._posterior(rows)
        draws = generator(seed_from(random_state), Purpose.CODES)
        noise = torch.randn(mean.shape, generator=draws, dtype=torch.float32).numpy()
        codes = mean + standard_deviation * noise
        return self._restored(self._decode_codes(self._with_condition(codes, y)), rows.dtype)

    def sample(
        self,
        n_samples: int = 1,
        *,
        y: ArrayLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        noise: bool = False,
    ) -> Rows:
        r"""Generate new samples: codes from the fitted sampler, decoded.

        Parameters
        ----------
        n_samples : int >= 1, default=1
            The number of samples.
        y : a class, or array-like of shape (n_samples,), optional
            The condition of a conditional model; None draws classes as often as they are in the
            training data. Else ignored.
        random_state : int, RandomState or None, default=None
            An integer gives the same samples each time; None gives new ones.
        noise : bool, default=False
            Draw :math:`x \sim p(x \mid z)`, the last step of the generative model, instead of
            giving its mean :math:`\hat x`.

        Returns
        -------
        ndarray of shape (n_samples, n_features), of the dtype of the training data
            Samples in the units of the input.
        """
        check_is_fitted(self)
        seed = seed_from(random_state)
        codes = self._sampled_codes(n_samples, seed)
        if self.conditional:
            if y is None:
                y = self.classes_.draw(n_samples, numpy_generator(seed, Purpose.CLASSES))
            if self.class_samplers_:
                one_hot = self.classes_.one_hot(y, n_samples)
                codes = codes_by_class(self.class_samplers_, one_hot, self.n_components_, seed)
        conditioned = self._with_condition(codes, y)
        if not noise:
            return self._restored(self._decode_codes(conditioned), self.dtype_)
        output = torch.from_numpy(self._decode_codes(conditioned, self.module_.decoder))
        noisy = self.likelihood_.draw(output, generator(seed, Purpose.PIXELS))
        return self._restored(noisy.numpy(), self.dtype_)

    def score_samples(self, X: ArrayLike, y: ArrayLike | None = None) -> NDArray[np.floating[Any]]:
        r"""Return the evidence lower bound on the log density of each sample, in nats.

        At :math:`\beta = 1`, with 16 codes a sample, and the KL divergence in closed form where the
        prior has one, however the model was trained; `log_likelihood` is the importance-weighted
        bound. In the units of the input: :math:`-\sum_d \log` scale of the scaling is included.
        The draws are a function of the model's seed and of the sample's own float32 bytes: the same
        sample has the same score each time, in any batch, and the errors of different samples are
        independent.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : a class, or array-like of shape (n_samples,)
            Of a conditional model, whose score is a bound on log p(x|y); else ignored.

        Returns
        -------
        ndarray of shape (n_samples,), float32 for float32 input, else float64
            Nats; higher is more normal.
        """
        return self._bound(X, y, _evidence_bound, SCORE_DRAWS)

    @property
    def has_standard_normal_prior(self) -> bool:
        """Whether :math:`p(z) = N(0, I)`, from which each component diverges by itself."""
        check_is_fitted(self)
        prior: PriorModule = self.module_.prior
        return prior.is_standard_normal

    @property
    def has_diagonal_posterior(self) -> bool:
        r"""Whether `posterior_of` says all of :math:`q(z \mid x)`: a diagonal Gaussian."""
        return isinstance(self.chosen("posterior"), DiagonalGaussianPosterior)

    def divergence(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        r"""Return :math:`D_{KL}(q(z \mid x) \Vert p(z))` of each sample in nats.

        In closed form for each component where the prior has one (the standard normal), else
        estimated from the codes that `score_samples` draws.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_components) or (n_samples, 1)
            Terms that add up to the divergence; float32 for float32 input, else float64.
        """
        check_is_fitted(self)
        rows = self._checked(X)
        prior: PriorModule = self.module_.prior

        def terms(x: Tensor, block: Rows) -> Tensor:
            posterior = self.module_.posterior_of(x)
            if prior.has_closed_form(posterior):  # the same for every code
                return self.module_.divergence(posterior, posterior.mean)
            noises = _noise_of_rows(block, self.seed_, SCORE_DRAWS, posterior.like)
            codes = posterior.rsample(torch.stack(list(noises)))
            divergence = self.module_.divergence(posterior, codes)
            return divergence.mean(dim=0) if divergence.dim() > 2 else divergence

        return self._map(rows, terms).astype(rows.dtype, copy=False)

    def mean_code_score(
        self, X: ArrayLike, y: ArrayLike | None = None
    ) -> NDArray[np.floating[Any]]:
        r"""Return :math:`\log p(x \mid z = \mu) - D_{KL}(q(z \mid x) \Vert p(z))` of each sample.

        The evidence lower bound with the mean code in place of the drawn ones. It is not a bound,
        but uses no random numbers, so any program can reproduce it. The divergence from a
        VampPrior has no closed form; an upper bound that has one takes its place. Parameters and
        units are those of `score_samples`.

        Returns
        -------
        ndarray of shape (n_samples,), float32 for float32 input, else float64
        """
        return self._bound(X, y, _mean_code_bound, 0)

    def log_likelihood(
        self, X: ArrayLike, y: ArrayLike | None = None, *, n_importance_samples: int = 100
    ) -> NDArray[np.floating[Any]]:
        r"""Return the importance-weighted bound on the log density of each sample, in nats.

        It rises to :math:`\log p(x)` with the number of draws; the memory does not grow with it.
        The draws are made as in `score_samples`, and its units are the same.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : a class, or array-like of shape (n_samples,)
            Of a conditional model; else ignored.
        n_importance_samples : int >= 1, default=100
            K.

        Returns
        -------
        ndarray of shape (n_samples,), float32 for float32 input, else float64

        References
        ----------
        Burda, Grosse and Salakhutdinov 2016, *Importance Weighted Autoencoders*,
        https://arxiv.org/abs/1509.00519
        """
        if not is_size(n_importance_samples):
            raise SettingError(
                f"n_importance_samples must be a positive integer, got {n_importance_samples!r}."
            )
        return self._bound(X, y, _importance_bound, n_importance_samples)

    def _bound(
        self, X: ArrayLike, y: ArrayLike | None, bound: Score, n_draws: int
    ) -> NDArray[np.floating[Any]]:
        """Return a bound of each sample in the units of the input."""
        check_is_fitted(self)
        rows = self._checked(X)
        self.likelihood_.check(rows)
        bounds = self._map_posteriors(self._with_condition(rows, y), bound, n_draws, self.seed_)
        scores: Rows = bounds.astype(rows.dtype, copy=False)
        if not self.likelihood_.of_scaled_rows:
            return scores
        scores = scores - rows.dtype.type(self.scaling_.log_volume)
        if self.missing == "mask" and has_missing(rows):  # the volume of known columns alone
            missing = np.where(np.isnan(rows), np.log(self.scaling_.scale), 0).sum(axis=1)
            scores = scores + missing.astype(rows.dtype)
        return scores

    def _map_posteriors(
        self, rows: Rows, function: Score, n_draws: int, seed: int
    ) -> NDArray[np.float32]:
        """Return what a function of the posteriors gives for checked samples with conditions."""
        n_features = self.n_features_in_

        def prepare(block: Rows) -> NDArray[np.float32]:
            """Return the columns of scaled samples, samples and condition."""
            raw = block.astype(np.float32)
            raw = without_gaps(raw) if self.missing == "mask" else raw
            return np.concatenate([self._scaled(block[:, :n_features]), raw], axis=1)

        def result_of(prepared: Tensor, block: Rows) -> Tensor:
            x, raw, condition = prepared.tensor_split((n_features, 2 * n_features), dim=1)
            target = x if self.likelihood_.of_scaled_rows else raw
            posterior = self.module_.posterior_of(x)
            noises = _noise_of_rows(block[:, :n_features], seed, n_draws, posterior.like)
            mask = self._mask(block[:, :n_features], x)
            return function(
                lambda z: self.likelihood_.log_prob(
                    target, self.module_.decoder(with_condition(z, condition)), mask
                ),
                self.module_,
                posterior,
                noises,
            )

        return map_rows(rows, prepare, result_of, self.device_)

    def _posterior_codes(
        self,
        rows: Rows,
        n_codes: int,
        n_importance_samples: int,
        seed: int,
        *,
        from_one_pool: bool = False,
    ) -> NDArray[np.float32]:
        r"""Draw codes from :math:`p(z \mid x)` of checked samples, (n, n_codes, H).

        Each code is chosen from ``n_importance_samples`` draws of :math:`q(z \mid x)`, its own or
        the same for all codes, by their importance weights, which is exact for many of them:
        sampling importance resampling, Rubin 1987. Where the sampler is a mixture, it is the prior:
        it knows better where codes are. Missing values have no weight.
        The draws are functions of the seed and of each sample.
        """
        n_extra = -(-n_codes // self.n_components_)  # to choose by
        draw = partial(
            _resampled_codes,
            n_codes=n_codes,
            n_pools=(n_pools := 1 if from_one_pool else n_codes),
            n_draws=n_importance_samples,
            log_prior=getattr(self.sampler_, "log_prob", self.module_.log_prior),
        )
        n_draws = n_pools * n_importance_samples + n_extra
        codes = self._map_posteriors(rows, draw, n_draws, seed)
        return codes.reshape(len(rows), n_codes, -1)

    # --- between samples and tensors ------------------------------------------------------------

    def _with_condition(self, rows: Rows, y: ArrayLike | None) -> Rows:
        if not self.conditional:
            return rows
        condition = self.classes_.one_hot(y, len(rows)).astype(rows.dtype)
        return np.concatenate([rows, condition], axis=1)

    def _restored(self, output: NDArray[np.float32], dtype: Any) -> Rows:
        if not self.likelihood_.of_scaled_rows:
            return output.astype(dtype, copy=False)
        return super()._restored(output, dtype)

    def _own_header(self) -> dict[str, Any]:
        header: dict[str, Any] = {
            "likelihood": object_to_json("likelihood", self.likelihood_),
            "likelihood_state": self.likelihood_.state(),
        }
        return header | ({"classes": self.classes_.to_json()} if self.conditional else {})

    def _restore_own(self, header: dict[str, Any], classes: OwnClasses) -> None:
        likelihood = object_from_json("likelihood", header["likelihood"], classes)
        likelihood = likelihood.for_columns(None, self.n_features_in_)
        self.likelihood_ = likelihood.restore(header["likelihood_state"])
        self.class_samplers_ = []
        if self.conditional:
            self.classes_ = Classes.from_json(header["classes"])
            n_samplers = len(self.classes_.labels) if self.sampler_.asks_for_codes else 0
            self.class_samplers_ = [clone(self.sampler_) for _ in range(n_samplers)]

    def _samplers(self) -> dict[str, Sampler]:
        by_class = enumerate(self.class_samplers_)
        return super()._samplers() | {f"class_sampler.{i}": sampler for i, sampler in by_class}

    def _encode(self, x: Tensor) -> Tensor:
        codes: Tensor = self.module_.posterior_of(x).mean
        return codes

    def _draw_codes(self, n_samples: int, draws: np.random.Generator) -> Codes:
        if type(self.sampler_) is not samplers.Prior:
            return super()._draw_codes(n_samples, draws)
        prior: PriorModule = self.module_.prior
        temperature = self.sampler_.temperature
        return prior.sample(n_samples, self.module_.posterior_of, draws, temperature)

    def _decode(self, z: Tensor) -> Tensor:
        return self.likelihood_.mean(self.module_.decoder(z))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = bool(self.conditional)
        return tags


def _mean_of(data: Source) -> Tensor:
    """Return the mean (D,) of each feature, of values that are not missing."""
    total = torch.zeros(data.n_features, dtype=torch.float64)
    count = torch.zeros(data.n_features, dtype=torch.float64)
    for block in scanned(data):
        total += block.x.cpu().double().sum(dim=0)
        count += len(block) if block.mask is None else block.mask.cpu().sum(dim=0)
    return (total / count.clamp(min=1)).float()


# --- bounds on log p(x) of a block of samples -----------------------------------------------------


def _noise_of_rows(rows: Rows, seed: int, n_draws: int, like: Tensor) -> Iterator[Tensor]:
    """Yield noise like ``like`` (B, H), a function of the samples' bytes; see `row_noise`."""
    for stream, start in enumerate(range(0, n_draws, DRAWS_AT_ONCE)):
        n_block = min(DRAWS_AT_ONCE, n_draws - start)
        block = row_noise(rows, seed, n_block, like.shape[1], len(like), stream)
        yield from torch.tensor(block).to(like)


def _evidence_bound(
    log_likelihood: LogLikelihood,
    module: EncoderDecoder,
    posterior: PosteriorDistribution,
    noises: Iterator[Tensor],
) -> Tensor:
    """Return the evidence lower bound of each sample (B,)."""
    codes = posterior.rsample(torch.stack(list(noises)))
    expected = torch.stack([log_likelihood(z) for z in codes]).mean(dim=0)
    divergence = module.divergence(posterior, codes).sum(dim=-1)
    return expected - (divergence.mean(dim=0) if divergence.dim() > 1 else divergence)


def _mean_code_bound(
    log_likelihood: LogLikelihood,
    module: EncoderDecoder,
    posterior: PosteriorDistribution,
    noises: Iterator[Tensor],
) -> Tensor:
    """Return the same with the mean code in place of drawn ones, (B,)."""
    return log_likelihood(posterior.mean) - module.divergence_without_draws(posterior)


def _resampled_codes(
    log_likelihood: LogLikelihood,
    module: EncoderDecoder,
    posterior: PosteriorDistribution,
    noises: Iterator[Tensor],
    *,
    n_codes: int,
    n_pools: int,
    n_draws: int,
    log_prior: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return codes chosen by weight from pools of draws, (B, n_codes * H)."""
    z = [posterior.rsample(noise) for noise in islice(noises, n_pools * n_draws)]
    if n_draws == 1:  # nothing to choose, nor to weigh
        return torch.stack(z).expand(n_codes, -1, -1).transpose(0, 1).flatten(1)
    log_w = [log_weights(log_likelihood(c), log_prior(c), posterior.log_prob(c)) for c in z]
    uniform = torch.special.ndtr(torch.cat(list(noises), dim=-1).double())[:, :n_codes]  # (B, S)
    codes = torch.stack(z).unflatten(0, (n_pools, n_draws))  # (G, K, B, H)
    weights = torch.stack(log_w).double().unflatten(0, (n_pools, n_draws)).softmax(dim=1)
    upto = weights.cumsum(dim=1).expand(n_codes, -1, -1)  # (S, K, B)
    places = (upto < uniform.T[:, None]).sum(dim=1).clamp(max=n_draws - 1)
    places = places[:, None, :, None].expand(-1, -1, -1, codes.shape[-1])
    chosen: Tensor = codes.expand(n_codes, -1, -1, -1).gather(1, places).squeeze(1)  # (S, B, H)
    return chosen.transpose(0, 1).flatten(1)


def _importance_bound(
    log_likelihood: LogLikelihood,
    module: EncoderDecoder,
    posterior: PosteriorDistribution,
    noises: Iterator[Tensor],
) -> Tensor:
    r"""Return :math:`L_K` of each sample (B,); see `importance_weighted_bound`."""
    # A running sum of thousands of weights needs more digits than one weight.
    like = posterior.like
    total = torch.full((len(like),), -math.inf, dtype=torch.float64, device=like.device)
    n_draws = 0
    for noise in noises:
        z = posterior.rsample(noise)
        log_w = log_weights(log_likelihood(z), module.log_prior(z), posterior.log_prob(z))
        total = torch.logaddexp(total, log_w.double())
        n_draws += 1
    return (total - math.log(n_draws)).float()
