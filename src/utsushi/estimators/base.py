"""What all autoencoders share: the scikit-learn contract around a network and an objective."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from utsushi._utils.lazy_rows import AnyRows
from utsushi._utils.seeds import Purpose, numpy_generator, seed_from
from utsushi.estimators.inference import map_rows
from utsushi.estimators.learner import Learner
from utsushi.estimators.missing import mask_of, without_gaps
from utsushi.estimators.rows import (
    Rows,
    checked_codes,
    checked_rows,
)
from utsushi.exceptions import SettingError, UtsushiWarning
from utsushi.networks.base import is_size

__all__ = ["BaseAutoencoder", "autoencoder_of"]


class BaseAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Learner):
    """The base of all estimators: it learns as a `Learner`, and here is what is learned used.

    A subclass says how an encoder's output is read as a code, and how a row is scored.
    """

    def transform(self, X: ArrayLike) -> Rows:
        """Encode rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_components), float32 for float32 input, else float64
            The codes; for a variational model the posterior means. The same row gives the same
            code, bit for bit, whatever rows stand beside it.
        """
        check_is_fitted(self)
        rows = self._checked(X)
        return self._codes(rows).astype(rows.dtype, copy=False)

    def _codes(self, X: AnyRows) -> NDArray[np.float32]:
        """Encode checked rows, in float32."""
        return self._map(X, lambda x, _: self._encode(x))

    def inverse_transform(self, Z: ArrayLike, y: ArrayLike | None = None) -> Rows:
        """Decode codes.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
        y : a class, or array-like of shape (n_samples,)
            What the decoder of a conditional model is told; else ignored.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32 for float32 input, else float64
            Rows in the units of the input.
        """
        check_is_fitted(self)
        codes = checked_codes(Z, self.n_components_)
        return self._restored(self._decode_codes(self._told(codes, y)), codes.dtype)

    def reconstruct(self, X: ArrayLike, y: ArrayLike | None = None) -> Rows:
        """Encode rows and decode their codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : a class, or array-like of shape (n_samples,)
            What the decoder of a conditional model is told; else ignored.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32 for float32 input, else float64
            Rows in the units of the input.
        """
        check_is_fitted(self)
        rows = self._checked(X)
        codes = self._codes(rows)
        return self._restored(self._decode_codes(self._told(codes, y)), rows.dtype)

    def sample(
        self,
        n_samples: int = 1,
        *,
        y: ArrayLike | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Rows:
        """Generate new rows: codes from the fitted sampler, decoded.

        Parameters
        ----------
        n_samples : int >= 1, default=1
            How many.
        y : a class, or array-like of shape (n_samples,), optional
            Of a conditional model; else ignored.
        random_state : int, RandomState or None, default=None
            An integer gives the same rows each time; None gives new ones.

        Returns
        -------
        ndarray of shape (n_samples, n_features), of the dtype of the training rows
            Rows in the units of the input.
        """
        check_is_fitted(self)
        codes = self._sampled_codes(n_samples, seed_from(random_state))
        return self._restored(self._decode_codes(codes), self.dtype_)

    @abstractmethod
    def score_samples(self, X: ArrayLike, y: ArrayLike | None = None) -> NDArray[np.floating[Any]]:
        """Score each row; higher is more normal."""

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Return the mean of `score_samples`; only a conditional model looks at ``y``."""
        return float(np.mean(self.score_samples(X, y), dtype=np.float64))

    def save(self, path: str | Path) -> Path:
        """Write the model to one safetensors file; `utsushi.load` reads it back.

        Parameters
        ----------
        path : str or Path
            The file to write, whole or not at all. The same model gives the same bytes.

        Returns
        -------
        Path

        Raises
        ------
        SettingError
            If the path is that of a folder, or none.
        OSError
            If the disk is full, or the folder cannot be written to.
        """
        from utsushi.estimators.storage import save

        check_is_fitted(self)
        return save(self, path)

    def to_torch(self) -> nn.Module:
        """Return the fitted model as a plain torch module, with nothing of this library in it.

        Its layers and operations are torch's own, and so are the classes of its parts: it can be
        trained further, put into another network, and saved by `torch.export` or by its
        ``state_dict``, where this library is not installed.

        Returns
        -------
        torch.fx.GraphModule
            A copy on the CPU, in float32 and in ``eval`` mode; ``print(module.encoder.code)``
            shows what it computes. With ``x`` of shape (B, D) in the units of the input,
            ``module(x)`` is `reconstruct`, ``module.encoder(x)`` is `transform` and
            ``module.decoder(z)`` is `inverse_transform`, up to rounding. Of a conditional model,
            ``module(x, y)`` and ``module.decoder(z, y)`` take the classes as int64 of shape (B,),
            by their place in ``classes_.labels``.

        Examples
        --------
        >>> import torch
        >>> from utsushi import Autoencoder, datasets
        >>> X = datasets.load_digits8x8().X_train
        >>> model = Autoencoder(3, hidden=(16,), max_epochs=1, random_state=0).fit(X)
        >>> module = model.to_torch()
        >>> module.encoder(torch.tensor(X[:5])).shape
        torch.Size([5, 3])
        >>> module.encoder.layers
        Sequential(
          (0): Linear(in_features=64, out_features=16, bias=True)
          (1): ReLU()
          (2): Linear(in_features=16, out_features=3, bias=True)
        )
        """
        from utsushi.estimators.torch_export import portable

        check_is_fitted(self)
        return portable(self)

    # --- between rows and tensors ---------------------------------------------------------------

    def _encode(self, x: Tensor) -> Tensor:
        """Return the codes (B, H) of scaled rows (B, D)."""
        codes: Tensor = self.module_.encoder(x)
        return codes

    def _decode(self, z: Tensor) -> Tensor:
        """Return the scaled rows (B, D) of codes (B, H)."""
        rows: Tensor = self.module_.decoder(z)
        return rows

    def _told(self, rows: Rows, y: ArrayLike | None) -> Rows:
        """Return rows or codes with what the decoder is told beside them, if it is anything."""
        return rows

    def _restored(self, output: NDArray[np.float32], dtype: Any) -> Rows:
        """Return what the decoder makes in the units of the input."""
        return self.scaling_.inverse(output, dtype)

    def _decode_codes(self, Z: Rows, decode: Any = None) -> NDArray[np.float32]:
        """Decode an array of codes into scaled rows, or by another function of a code."""
        decode = self._decode if decode is None else decode
        return map_rows(Z, lambda z: z.astype(np.float32), lambda z, _: decode(z), self.device_)

    def _sampled_codes(self, n_samples: int, seed: int) -> Rows:
        """Draw new codes."""
        if not is_size(n_samples):
            raise SettingError(f"n_samples={n_samples!r}, expected an integer from 1 on")
        return self.sampler_.sample(n_samples, numpy_generator(seed, Purpose.SAMPLE))

    def _map(self, X: AnyRows, function: Any) -> NDArray[np.float32]:
        """Apply a function of (scaled block, rows) to all rows; see `map_rows`."""
        return map_rows(X, self._scaled, function, self.device_)

    def _scaled(self, rows: Rows) -> NDArray[np.float32]:
        """Return rows as the encoder sees them."""
        scaled = self.scaling_.forward(rows)
        return without_gaps(scaled) if self.missing == "mask" else scaled

    def _mask(self, rows: Rows, like: Tensor) -> Tensor | None:
        """Return which values of a block of rows are known, padded like a tensor; None if all.

        A model that masks has one always: a row's result must not depend on its neighbours' gaps.
        """
        return mask_of(rows, like) if self.missing == "mask" else None

    def _checked(self, X: ArrayLike, *, reset: bool = False, at_least: int = 1) -> Rows:
        """Return rows as a finite float32 or float64 array with the right columns."""
        rows = checked_rows(
            self, X, reset=reset, at_least=at_least, allow_missing=self.missing == "mask"
        )
        if reset and self.n_components > rows.shape[1]:
            warnings.warn(
                f"n_components={self.n_components} is more than the {rows.shape[1]} features: the "
                "code can copy a row without compressing it; choose fewer components",
                UtsushiWarning,
                stacklevel=3,
            )
        return rows

    # --- scikit-learn's protocol ----------------------------------------------------------------

    @property
    def _n_features_out(self) -> int:
        """The number of columns that `transform` gives, for the names of its output."""
        return self.n_components_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "sampler_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.allow_nan = self.missing == "mask"
        return tags


def autoencoder_of(model: BaseEstimator) -> BaseAutoencoder:
    """Return the autoencoder of a detector or behind a freeze, and an autoencoder as it is.

    Raises
    ------
    SettingError
        If it is a detector without one.
    """
    inner = getattr(model, "autoencoder_", model)
    if inner is None:
        raise SettingError(
            "the detector scores by neighbors and has no autoencoder; fit "
            "AnomalyDetector(Autoencoder()) for one"
        )
    # Where scikit-learn keeps it frozen, it is one step further in.
    autoencoder: BaseAutoencoder = getattr(inner, "estimator", inner)
    return autoencoder
