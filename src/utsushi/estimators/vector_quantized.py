"""The autoencoder with discrete codes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from utsushi._utils.lazy_rows import AnyRows
from utsushi._utils.str_options import SortedStrOptions
from utsushi.estimators.autoencoder import Autoencoder
from utsushi.estimators.parameters import estimator
from utsushi.estimators.rows import Rows
from utsushi.exceptions import DataError, SettingError
from utsushi.networks import BOTTLENECKS, Bottleneck
from utsushi.networks.bottlenecks import Quantizer
from utsushi.samplers import Codes, Sampler

__all__ = ["VectorQuantizedAutoencoder"]


@estimator
class VectorQuantizedAutoencoder(Autoencoder):
    r"""Autoencoder with discrete codes: a sample becomes a few symbols.

    Between encoder and decoder, groups of the ``n_components`` numbers are quantized. Each group
    is one position of the code, or several, with one of K symbols each; the size of a code is
    :math:`P \log_2 K` bits. `transform` gives the symbols as integers. New samples come from a
    transformer that learns the distribution of the training codes.

    Parameters
    ----------
    bottleneck : str or Bottleneck, default="vector-quantization"
        How codes are quantized: ``"vector-quantization"`` by the vectors of a codebook,
        ``"residual-vector-quantization"`` by several codebooks, of which each takes what the last
        one left, ``"finite-scalar-quantization"`` each component by evenly spaced numbers. See
        `utsushi.networks`.
    network : {"dense", "conv"} or Network, default="dense"
        With ``networks.Conv(grid=True)`` each pixel of the last convolution has positions of its
        own, and the positions follow the image row by row.
    sampler : {"autoregressive"} or Sampler, default="autoregressive"
        Where `sample` takes its codes from: see `utsushi.samplers.Autoregressive`.

    Attributes
    ----------
    n_positions_ : int
        P, the columns of `transform`.
    n_symbols_ : int
        K, the number of symbols of a position.
    n_bits_ : float
        The size of a code, :math:`P \log_2 K`.

    References
    ----------
    van den Oord, Vinyals and Kavukcuoglu 2017, *Neural Discrete Representation Learning*,
    https://arxiv.org/abs/1711.00937

    Examples
    --------
    >>> from utsushi import VectorQuantizedAutoencoder, datasets
    >>> digits = datasets.load_digits8x8()
    >>> model = VectorQuantizedAutoencoder(n_components=8, max_epochs=5, random_state=0)
    >>> codes = model.fit(digits.X_train).transform(digits.X_test)
    >>> codes.shape, codes.dtype, model.n_bits_
    ((360, 4), dtype('int64'), 24.0)
    >>> model.inverse_transform(codes[:5]).shape
    (5, 64)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Autoencoder._parameter_constraints,
        "bottleneck": [
            SortedStrOptions({name for name, kind in BOTTLENECKS.items() if kind.is_discrete}),
            Bottleneck,
        ],
    }

    _codes_are_discrete: ClassVar[bool] = True

    bottleneck: str | Bottleneck = "vector-quantization"
    sampler: str | Sampler = "autoregressive"

    def _validate_params(self) -> None:
        # Before the codes are counted, which the sampler is checked for.
        bottleneck = self.bottleneck
        if isinstance(bottleneck, Bottleneck) and not bottleneck.is_discrete:
            raise SettingError(
                f"bottleneck must be one with discrete codes, got {bottleneck!r}. Use Autoencoder "
                "for real-valued codes."
            )
        super()._validate_params()

    @property
    def _code_length(self) -> int:
        quantizer: Quantizer = self.chosen("bottleneck").build(self.n_components)
        return quantizer.n_positions

    @property
    def _quantizer(self) -> Quantizer:
        quantizer: Quantizer = self.module_.bottleneck
        return quantizer

    @property
    def n_positions_(self) -> int:
        """P, the columns of `transform`."""
        return self._quantizer.n_positions

    @property
    def n_symbols_(self) -> int:
        """K, the number of symbols of a position."""
        return self._quantizer.n_symbols

    @property
    def n_bits_(self) -> float:
        """The size of a code, P log2 K."""
        return self._quantizer.n_bits

    @property
    def _compares_with_pca(self) -> bool:
        return False  # whose codes have more bits

    def transform(self, X: ArrayLike) -> NDArray[np.int64]:  # type: ignore[override]
        """Encode rows as symbols.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_positions), int64
            From 0 to K - 1. The same row gives the same code, whatever the other rows are.
        """
        check_is_fitted(self)
        return self._symbols(self._checked(X))

    def _symbols(self, X: AnyRows) -> NDArray[np.int64]:
        """Encode checked rows as symbols."""
        quantizer = self._quantizer
        # As float32, which holds whole numbers up to 2^24.
        return self._map(X, lambda x, _: quantizer.indices(self.module_.encoder(x))).astype(
            np.int64
        )

    def inverse_transform(self, Z: ArrayLike, y: ArrayLike | None = None) -> Rows:
        """Decode symbols.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_positions)
            Integers from 0 to K - 1.
        y : ignored

        Returns
        -------
        ndarray of shape (n_samples, n_features), of the dtype of the training rows
            Rows in the units of the input.

        Raises
        ------
        DataError
            If the shape is another one, or a value is no symbol.
        """
        check_is_fitted(self)
        return self._restored(self._decode_codes(self._looked_up(Z)), self.dtype_)

    def _looked_up(self, Z: ArrayLike) -> NDArray[np.float32]:
        """Return the codes (n, H) that the decoder takes for symbols (n, P), checked."""
        quantizer = self._quantizer
        try:
            symbols = check_array(Z, dtype="numeric")
        except ValueError as error:
            raise DataError(f"{error} Give codes as transform returns them.") from error
        if symbols.shape[1] != quantizer.n_positions:
            raise DataError(
                f"the codes must have {quantizer.n_positions} columns, one for each position, got "
                f"{symbols.shape[1]}. Give codes as transform returns them."
            )
        wrong = (symbols < 0) | (symbols >= quantizer.n_symbols) | (symbols != np.floor(symbols))
        if wrong.any():
            raise DataError(
                f"the codes must be integers from 0 to {quantizer.n_symbols - 1}, got "
                f"{symbols[wrong][0]}. Give codes as transform returns them."
            )
        with torch.inference_mode():
            indices = torch.from_numpy(symbols.astype(np.int64)).to(self.device_)
            return quantizer.lookup(indices).cpu().numpy()

    def _codes_for_sampler(self, X: AnyRows) -> NDArray[Any]:
        return self._symbols(X)

    def _draw_codes(self, n_samples: int, draws: np.random.Generator) -> Codes:
        # The symbols of a file are of the file: they are checked like those of a user.
        return self._looked_up(super()._draw_codes(n_samples, draws)).astype(np.float64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
