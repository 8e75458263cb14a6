"""The denoising autoencoder: an autoencoder plus corruption."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from utsushi._utils.seeds import Purpose, generator, seed_from
from utsushi._utils.str_options import SortedStrOptions
from utsushi.estimators.autoencoder import Autoencoder
from utsushi.estimators.parameters import estimator
from utsushi.estimators.rows import Rows
from utsushi.exceptions import SettingError
from utsushi.objectives import ReconstructionObjective, Source
from utsushi.transforms.corruption import CORRUPTIONS

__all__ = ["DenoisingAutoencoder"]


@estimator
class DenoisingAutoencoder(Autoencoder):
    r"""Denoising autoencoder: it reconstructs clean samples from corrupted ones.

    Each step corrupts its samples anew, :math:`\tilde x \sim C(\tilde x \mid x)`, and minimizes
    :math:`\sum_n \Vert x_n - \mathrm{Dec}(\mathrm{Enc}(\tilde x_n)) \Vert^2`. The corruption acts
    in the units of the input, before the scaling. ``reconstruct`` repairs samples as they are
    given; nothing is corrupted at inference.

    Parameters
    ----------
    corruption : {"masking", "gaussian", "salt-pepper"}, default="masking"
        Values set to zero; noise added; values set to 0 or 1. See `utsushi.transforms.corruption`.
    corruption_level : float >= 0, default=0.3
        The probability that a value is corrupted, in [0, 1], or the standard deviation of the noise
        in the units of the input.

    References
    ----------
    Vincent, Larochelle, Bengio and Manzagol 2008, *Extracting and Composing Robust Features with
    Denoising Autoencoders*, https://doi.org/10.1145/1390156.1390294

    Examples
    --------
    >>> from utsushi import DenoisingAutoencoder, datasets
    >>> digits = datasets.load_digits8x8()
    >>> model = DenoisingAutoencoder(10, corruption_level=0.5, hidden=(64,), random_state=0)
    >>> damaged = model.fit(digits.X_train).corrupt(digits.X_test, random_state=0)
    >>> repaired = model.reconstruct(damaged)
    >>> bool(((repaired - digits.X_test) ** 2).mean() < ((damaged - digits.X_test) ** 2).mean())
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Autoencoder._parameter_constraints,
        "corruption": [SortedStrOptions(set(CORRUPTIONS))],
        "corruption_level": [Interval(Real, 0, None, closed="left")],
    }

    corruption: str = "masking"
    corruption_level: float = 0.3

    @property
    def _is_least_squares(self) -> bool:
        return False  # it is trained on all columns

    @property
    def _compares_with_pca(self) -> bool:
        return False  # it is trained on corrupted samples

    def _as_in_training(self, rows: Rows) -> Rows:
        return self._corrupted(rows, self.seed_)

    def corrupt(
        self, X: ArrayLike, *, random_state: int | np.random.RandomState | None = None
    ) -> Rows:
        """Corrupt samples as training does, to compare them with what `reconstruct` returns.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        random_state : int, RandomState or None, default=None
            Decides the corruption; None draws a new one each time.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32 for float32 input, else float64
        """
        check_is_fitted(self)
        return self._corrupted(np.asarray(self._checked(X)), seed_from(random_state))

    def _corrupted(self, rows: Rows, seed: int) -> Rows:
        """Corrupt checked samples."""
        damage, draws = CORRUPTIONS[self.corruption], generator(seed, Purpose.NOISE)
        # A tensor must be writable, and a memory map is not.
        array = rows if rows.flags.writeable else rows.copy()
        corrupted: Rows = damage(torch.from_numpy(array), self.corruption_level, draws).numpy()
        corrupted[np.isnan(rows)] = np.nan  # what is missing stays so
        return corrupted

    def _objective(self, data: Source) -> ReconstructionObjective:
        if self.corruption != "gaussian" and self.corruption_level > 1:
            raise SettingError(
                f"corruption_level must be a probability, from 0 to 1, for "
                f"corruption={self.corruption!r}, got {self.corruption_level}. Make it smaller."
            )
        damage = CORRUPTIONS[self.corruption]
        corrupt = self.scaling_.wrap(
            lambda rows, generator: damage(rows, self.corruption_level, generator), data.device
        )
        return ReconstructionObjective(corrupt, self._penalty(data))
