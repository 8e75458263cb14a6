"""The variational autoencoder."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from utsushi.divergences import kl_standard_normal
from utsushi.estimators.base import BaseAutoencoder
from utsushi.estimators.inference import row_noise
from utsushi.estimators.parameters import COMMON_CONSTRAINTS, resolve
from utsushi.estimators.rows import Rows
from utsushi.likelihoods import LIKELIHOODS, Likelihood, squared_error
from utsushi.networks import EncoderDecoder, Network
from utsushi.objectives import VariationalObjective, elbo, posterior_parameters, reparameterize
from utsushi.samplers import SAMPLERS, Sampler
from utsushi.seeds import Purpose, generator, seed_from
from utsushi.training import FAST_VARIATIONAL, LECTURE, Recipe

__all__ = ["SCORE_DRAWS", "VariationalAutoencoder"]

#: Codes drawn per row when a row is scored.
SCORE_DRAWS = 16

#: Rows per block when the likelihood is calibrated on the training device.
CALIBRATION_ROWS = 1000


class VariationalAutoencoder(BaseAutoencoder):
    r"""Variational autoencoder: a generative model with a code, trained by a bound.

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
    hidden : tuple of int, default=(1000,)
        Widths of the dense layers before the code, in the encoder's order; the decoder mirrors
        them.
    channels : tuple of int, default=(32, 64)
        Channels of the convolutions of ``network="conv"``, in the encoder's order. Each halves
        height and width.
    image_shape : (height, width) or (channels, height, width), optional
        What a row was flattened from: ``network="conv"`` needs it, and figures are drawn by it.
    scaling : {"center", "standard", "minmax"} or None, default="center"
        Removes the mean of each column, standardizes, maps the range to [0, 1], or nothing.
        Learned from the training rows, undone on the way out, safe on constant columns.
    likelihood : {"gaussian", "unit-gaussian"} or Likelihood, default="gaussian"
        :math:`p(x \mid z)` of scaled rows: a Gaussian with one calibrated standard deviation, or
        with standard deviation one, as in the lecture.
    beta : float >= 0, default=1.0
        Weight of the divergence in training. Scores are always the bound at 1.
    n_samples : int >= 1, default=1
        S, the codes drawn per row and step of training.
    sampler : {"prior", "gaussian", "mixture", "flow", "two-stage"} or Sampler, default="prior"
        Where `sample` takes its codes from; all but the prior are fitted to the training codes:
        see `utsushi.samplers`. ``"flow"`` needs the extra of that name.
    recipe : {"fast", "lecture"} or Recipe, default="fast"
        ``"fast"`` is one cycle to a high learning rate; ``"lecture"`` is Adam at 1e-3, batches of
        100 and 30 epochs.
    max_epochs, batch_size : int >= 1 or None, default=None
        None leaves them to the recipe.
    learning_rate : float > 0 or None, default=None
        None leaves it to the recipe.
    weight_decay : float >= 0 or None, default=None
        Decoupled weight decay. None leaves it to the recipe.
    validation_fraction : float in [0, 1), default=0.0
        The part of the training rows to hold out, rounded down; if that is no row, none is.
    early_stopping : int >= 1 or None, default=None
        Stop after so many epochs without a better held-out objective, and go back to the best.
    random_state : int, RandomState or None, default=None
        Decides every random number. None takes fresh entropy from the system.
    device : str, default="auto"
        Where to compute, resolved in ``fit``: ``"auto"`` is the accelerator if there is one.
    precision : {"float32", "bfloat16"}, default="float32"
        The products of training; parameters and inference are always float32.
    verbose : int, default=0
        1 shows a progress bar on stderr.

    Attributes
    ----------
    n_features_in_ : int
        D, the number of columns of the training rows.
    feature_names_in_ : ndarray of str
        Their names, where ``X`` had names.
    history_ : list of dict
        A row per epoch: ``objective`` (the mean of :math:`-J_1 + \beta J_2`), ``reconstruction``
        (:math:`-J_1`) and ``kl`` (:math:`J_2`), all in nats per scaled row; the same of the
        held-out rows with the prefix ``validation_``; ``learning_rate``, ``seconds``.
    n_epochs_ : int
        The number of epochs made.
    likelihood_ : Likelihood
        The calibrated likelihood.
    module_ : torch.nn.Module
        The trained network, with ``encoder`` and ``decoder``.
    sampler_ : Sampler
        The fitted sampler.
    scaling_ : Scaling
        The fitted scaling.
    seed_ : int
        What every random number was derived from.
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

    _recipes: ClassVar[dict[str, Recipe]] = {"fast": FAST_VARIATIONAL, "lecture": LECTURE}
    _outputs_per_component: ClassVar[int] = 2
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **COMMON_CONSTRAINTS,
        "likelihood": [StrOptions(set(LIKELIHOODS)), Likelihood],
        "beta": [Interval(Real, 0, None, closed="left")],
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "sampler": [StrOptions(set(SAMPLERS)), Sampler],
    }

    likelihood_: Likelihood

    def __init__(
        self,
        n_components: int = 10,
        *,
        network: str | Network = "dense",
        hidden: tuple[int, ...] = (1000,),
        channels: tuple[int, ...] = (32, 64),
        image_shape: tuple[int, ...] | None = None,
        scaling: str | None = "center",
        likelihood: str | Likelihood = "gaussian",
        beta: float = 1.0,
        n_samples: int = 1,
        sampler: str | Sampler = "prior",
        recipe: str | Recipe = "fast",
        max_epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        validation_fraction: float = 0.0,
        early_stopping: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        device: str = "auto",
        precision: str = "float32",
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.network = network
        self.hidden = hidden
        self.channels = channels
        self.image_shape = image_shape
        self.scaling = scaling
        self.likelihood = likelihood
        self.beta = beta
        self.n_samples = n_samples
        self.sampler = sampler
        self.recipe = recipe
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.random_state = random_state
        self.device = device
        self.precision = precision
        self.verbose = verbose

    # --- learning -------------------------------------------------------------------------------

    def _objective(self, x: Tensor) -> VariationalObjective:
        self.likelihood_ = resolve(self.likelihood, LIKELIHOODS).prepare(x)
        return VariationalObjective(self.likelihood_, float(self.beta), int(self.n_samples))

    @torch.no_grad()
    def _finish(self, module: EncoderDecoder, x: Tensor) -> None:
        """Calibrate the likelihood over all training rows, with one drawn code a row."""
        draws = generator(self.seed_, Purpose.CALIBRATION)
        total = 0.0
        for block in x.split(CALIBRATION_ROWS):
            mean, log_variance = posterior_parameters(module.encoder(block))
            noise = torch.randn(mean.shape, generator=draws, dtype=mean.dtype).to(mean.device)
            output = module.decoder(reparameterize(mean, log_variance, noise))
            total += squared_error(block, self.likelihood_.mean(output)).sum().item()
        self.likelihood_.calibrate(total / x.numel())

    # --- using what was learned -----------------------------------------------------------------

    def posterior(self, X: ArrayLike) -> tuple[Rows, Rows]:
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
        """Return the mean and the standard deviation of checked rows."""
        both = self._map(
            rows, lambda x, _: torch.cat(posterior_parameters(self.module_.encoder(x)), dim=-1)
        )
        mean, log_variance = np.split(both.astype(rows.dtype, copy=False), 2, axis=1)
        return mean, np.exp(0.5 * log_variance)

    def reconstruct(
        self,
        X: ArrayLike,
        *,
        sample: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> Rows:
        """Encode rows and decode their codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        sample : bool, default=False
            Draw the code from the posterior instead of taking its mean.
        random_state : int, RandomState or None, default=None
            Decides the draw.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32 for float32 input, else float64
            Rows in the units of the input: the mean of p(x|z), without its noise.
        """
        if not sample:
            return super().reconstruct(X)
        check_is_fitted(self)
        rows = self._checked(X)
        mean, standard_deviation = self._posterior(rows)
        draws = generator(seed_from(random_state), Purpose.CODES)
        noise = torch.randn(mean.shape, generator=draws, dtype=torch.float32).numpy()
        codes = mean + standard_deviation * noise
        return self.scaling_.inverse(self._decode_codes(codes), rows.dtype)

    def sample(
        self,
        n_samples: int = 1,
        *,
        random_state: int | np.random.RandomState | None = None,
        noise: bool = False,
    ) -> Rows:
        r"""Generate new rows: codes from the fitted sampler, decoded.

        Parameters
        ----------
        n_samples : int >= 1, default=1
            How many.
        random_state : int, RandomState or None, default=None
            An integer gives the same rows each time; None gives new ones.
        noise : bool, default=False
            Draw :math:`x \sim p(x \mid z)`, the last step of the generative model, instead of
            giving its mean :math:`\hat x`.

        Returns
        -------
        ndarray of shape (n_samples, n_features), of the dtype of the training rows
            Rows in the units of the input.
        """
        check_is_fitted(self)
        seed = seed_from(random_state)
        scaled = self._sample_scaled(n_samples, seed)
        if noise:
            pixels = generator(seed, Purpose.PIXELS)
            scaled = self.likelihood_.draw(torch.from_numpy(scaled), pixels).numpy()
        return self.scaling_.inverse(scaled, self.dtype_)

    def score_samples(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        r"""Return a bound on the log density of each row, in nats.

        The evidence lower bound at :math:`\beta = 1`, with the divergence in closed form and 16
        codes a row, in the units of the input: :math:`-\sum_d \log` scale of the scaling is
        included. The draws are a function of the model's seed and of the row's own float32 bytes:
        the same row has the same score each time, wherever it stands, and the errors of different
        rows are independent.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), float32 for float32 input, else float64
            Nats; higher is more normal.
        """
        check_is_fitted(self)
        rows = self._checked(X)
        scores = self._map(rows, self._bound).astype(rows.dtype, copy=False)
        return scores - rows.dtype.type(self.scaling_.log_volume)

    def _bound(self, x: Tensor, rows: Rows) -> Tensor:
        """Return the bound (B,) of a padded block of scaled rows."""
        mean, log_variance = posterior_parameters(self.module_.encoder(x))
        noise = row_noise(rows, self.seed_, SCORE_DRAWS, self.n_components, len(x))
        log_likelihood = torch.stack(
            [
                self.likelihood_.log_prob(x, self.module_.decoder(z))
                for z in reparameterize(mean, log_variance, torch.tensor(noise).to(x.device))
            ]
        )
        return elbo(log_likelihood, kl_standard_normal(mean, log_variance))

    def _encode(self, x: Tensor) -> Tensor:
        return posterior_parameters(self.module_.encoder(x))[0]

    def _decode(self, z: Tensor) -> Tensor:
        return self.likelihood_.mean(self.module_.decoder(z))
