"""What a fitted latent-variable model does: its posterior, its samples, and its bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from utsushi._utils.seeds import Purpose, generator, numpy_generator, seed_from
from utsushi._utils.validation import has_missing
from utsushi.distributions.likelihoods import Likelihood
from utsushi.estimators.base import BaseAutoencoder
from utsushi.estimators.bounds import (
    LogLikelihood,
    evidence_bound,
    importance_bound,
    mean_code_bound,
    noise_of_rows,
)
from utsushi.estimators.conditions import Classes, codes_by_class
from utsushi.estimators.inference import map_rows
from utsushi.estimators.missing import known_values, without_gaps
from utsushi.estimators.rows import Rows
from utsushi.exceptions import SettingError
from utsushi.networks.base import is_size
from utsushi.objectives import posterior_parameters, with_condition
from utsushi.samplers import Sampler

__all__ = ["SCORE_DRAWS", "LatentVariableModel"]

#: Codes drawn per row when a row is scored.
SCORE_DRAWS = 16

Bound = Callable[[LogLikelihood, Tensor, Tensor, Iterator[Tensor]], Tensor]


class LatentVariableModel(BaseAutoencoder):
    """The base of models with a prior, a posterior and a likelihood; how they learn is left open.

    With ``conditional``, the decoder takes the one-hot class of a row beside its code.
    """

    # What the constructor stores, and fit learns.
    conditional: bool
    n_importance_samples: int
    likelihood_: Likelihood
    classes_: Classes
    class_samplers_: list[Sampler]

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
        y: ArrayLike | None = None,
        *,
        sample: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> Rows:
        """Encode rows and decode their codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : a class, or array-like of shape (n_samples,)
            What the decoder of a conditional model is told; else ignored.
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
            return super().reconstruct(X, y)
        check_is_fitted(self)
        rows = self._checked(X)
        mean, standard_deviation = self._posterior(rows)
        draws = generator(seed_from(random_state), Purpose.CODES)
        noise = torch.randn(mean.shape, generator=draws, dtype=torch.float32).numpy()
        codes = mean + standard_deviation * noise
        return self._restored(self._decode_codes(self._told(codes, y)), rows.dtype)

    def sample(
        self,
        n_samples: int = 1,
        *,
        y: ArrayLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        noise: bool = False,
    ) -> Rows:
        r"""Generate new rows: codes from the fitted sampler, decoded.

        Parameters
        ----------
        n_samples : int >= 1, default=1
            How many.
        y : a class, or array-like of shape (n_samples,), optional
            Of a conditional model; None draws classes as often as the training rows had them.
            Else ignored.
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
        codes = self._sampled_codes(n_samples, seed)
        if self.conditional:
            if y is None:
                y = self.classes_.draw(n_samples, numpy_generator(seed, Purpose.CLASSES))
            if self.class_samplers_:
                one_hot = self.classes_.one_hot(y, n_samples)
                codes = codes_by_class(self.class_samplers_, one_hot, self.n_components_, seed)
        told = self._told(codes, y)
        if not noise:
            return self._restored(self._decode_codes(told), self.dtype_)
        output = torch.from_numpy(self._decode_codes(told, self.module_.decoder))
        drawn = self.likelihood_.draw(output, generator(seed, Purpose.PIXELS))
        return self._restored(drawn.numpy(), self.dtype_)

    def score_samples(self, X: ArrayLike, y: ArrayLike | None = None) -> NDArray[np.floating[Any]]:
        r"""Return the evidence lower bound on the log density of each sample, in nats.

        At :math:`\beta = 1`, with the KL divergence in closed form and 16 codes a sample, however
        the model was trained; `log_likelihood` is the importance-weighted bound. In the units of
        the input: :math:`-\sum_d \log` scale of the scaling is included. The draws are a function
        of the model's seed and of the sample's own float32 bytes: the same sample has the same
        score each time, in any batch, and the errors of different samples are independent.

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
        return self._bound(X, y, evidence_bound, SCORE_DRAWS)

    def mean_code_score(
        self, X: ArrayLike, y: ArrayLike | None = None
    ) -> NDArray[np.floating[Any]]:
        r"""Return :math:`\log p(x \mid z = \mu) - D_{KL}(q(z \mid x) \Vert p(z))` of each row.

        The evidence lower bound with the mean code in place of the drawn ones. It is no bound, but
        needs no random number, so that it can be computed again anywhere. Parameters and units are
        those of `score_samples`.

        Returns
        -------
        ndarray of shape (n_samples,), float32 for float32 input, else float64
        """
        return self._bound(X, y, mean_code_bound, 0)

    def log_likelihood(
        self, X: ArrayLike, y: ArrayLike | None = None, *, n_importance_samples: int = 100
    ) -> NDArray[np.floating[Any]]:
        r"""Return the importance-weighted bound on the log density of each row, in nats.

        It rises to :math:`\log p(x)` with the number of draws, in memory that does not. The draws
        are made as in `score_samples`, and its units are the same.

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
                f"n_importance_samples={n_importance_samples!r}, expected an integer from 1 on"
            )
        return self._bound(X, y, importance_bound, n_importance_samples)

    def _bound(
        self, X: ArrayLike, y: ArrayLike | None, bound: Bound, n_draws: int
    ) -> NDArray[np.floating[Any]]:
        """Return a bound of each row in the units of the input."""
        check_is_fitted(self)
        rows = self._checked(X)
        self.likelihood_.check(known_values(rows))
        n_features = self.n_features_in_

        def prepare(block: Rows) -> NDArray[np.float32]:
            """Return scaled rows, with the block itself beside them: rows, and what is told."""
            raw = block.astype(np.float32)
            raw = without_gaps(raw) if self.missing == "mask" else raw
            return np.concatenate([self._scaled(block[:, :n_features]), raw], axis=1)

        def bound_of(prepared: Tensor, block: Rows) -> Tensor:
            x, raw, condition = prepared.tensor_split((n_features, 2 * n_features), dim=1)
            target = x if self.likelihood_.of_scaled_rows else raw
            mean, log_variance = posterior_parameters(self.module_.encoder(x))
            noises = noise_of_rows(block[:, :n_features], self.seed_, n_draws, mean)
            mask = self._mask(block[:, :n_features], x)
            return bound(
                lambda z: self.likelihood_.log_prob(
                    target, self.module_.decoder(with_condition(z, condition)), mask
                ),
                mean,
                log_variance,
                noises,
            )

        found = map_rows(self._told(rows, y), prepare, bound_of, self.device_)
        scores: Rows = found.astype(rows.dtype, copy=False)
        if not self.likelihood_.of_scaled_rows:
            return scores
        scores = scores - rows.dtype.type(self.scaling_.log_volume)
        if has_missing(rows):  # whose columns the volume is not to be counted of
            known = np.where(np.isnan(rows), np.log(self.scaling_.scale), 0).sum(axis=1)
            scores = scores + known.astype(rows.dtype)
        return scores

    # --- between rows and tensors ---------------------------------------------------------------

    def _told(self, rows: Rows, y: ArrayLike | None) -> Rows:
        if not self.conditional:
            return rows
        condition = self.classes_.one_hot(y, len(rows)).astype(rows.dtype)
        return np.concatenate([rows, condition], axis=1)

    def _restored(self, output: NDArray[np.float32], dtype: Any) -> Rows:
        if not self.likelihood_.of_scaled_rows:
            return output.astype(dtype, copy=False)
        return super()._restored(output, dtype)

    def _encode(self, x: Tensor) -> Tensor:
        return posterior_parameters(self.module_.encoder(x))[0]

    def _decode(self, z: Tensor) -> Tensor:
        return self.likelihood_.mean(self.module_.decoder(z))
