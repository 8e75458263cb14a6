"""The nonlinear autoencoder."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from utsushi.distributions.likelihoods import squared_error
from utsushi.estimators.base import BaseAutoencoder
from utsushi.estimators.parameters import COMMON_CONSTRAINTS, estimator, one_of
from utsushi.estimators.rows import Rows, scanned
from utsushi.exceptions import SettingError
from utsushi.networks import Bottleneck
from utsushi.objectives import Penalty, ReconstructionObjective, Source
from utsushi.objectives.penalties import PenaltyFunction
from utsushi.samplers import Prior

__all__ = ["Autoencoder"]


@estimator
class Autoencoder(BaseAutoencoder):
    r"""Nonlinear autoencoder: a code from which a sample can be reconstructed.

    An encoder :math:`z = \mathrm{Enc}(x; \phi)` and a decoder
    :math:`\hat x = \mathrm{Dec}(z; \theta)` are trained to minimize the squared error
    :math:`\sum_n \Vert x_n - \hat x_n \Vert^2`. With ``hidden=()`` both are linear, and the code
    spans the subspace of PCA.

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
    scaling : {"center", "standard", "minmax", "unit-length"} or None, default="center"
        Removes the mean of each column, standardizes, maps the range to [0, 1], removes the mean
        and divides all columns by the root mean squared length of a sample, or nothing.
        Learned from the training data, undone on the way out, safe on constant columns.
    missing : {"raise", "mask"}, default="raise"
        What NaN means: an error, or a missing value. A missing value is zero at the encoder's
        input, in scaled units, and counts in no loss and no score; `reconstruct` fills it in.
    bottleneck : str or Bottleneck, default="identity"
        What the codes pass through on their way to the decoder: ``"vector-quantization"``,
        ``"residual-vector-quantization"`` and ``"finite-scalar-quantization"`` quantize them; see
        `utsushi.networks`. The quantized codes are real numbers here, and integers in
        `VectorQuantizedAutoencoder`.
    penalty : {"sparse", "contractive", "code-and-weights", "mmd"}, Penalty, callable or None
        What is added to the error of each sample, times its strength: :math:`\sum_h |z_h|`; the
        squared norm of the encoder's Jacobian, :math:`\Vert \partial z / \partial x \Vert_F^2`;
        :math:`\frac12 \Vert z \Vert^2 + \Vert \theta \Vert^2` with the decoder's weights; the
        maximum mean discrepancy between the codes and :math:`N(0, I)`; or what a function of
        (module, x, z, generator) returns. The strength is set inside of an object:
        ``objectives.Sparse(strength=0.1)``; see `utsushi.objectives.penalties`.
    sampler : {"mixture", "gaussian", "flow", "two-stage", "prior"} or Sampler, default="mixture"
        The distribution that `sample` draws codes from, fitted to the training codes: see
        `utsushi.samplers`.
        ``"prior"``, :math:`N(0, I)`, is for models whose codes ``penalty="mmd"`` brings there.
        ``"flow"`` needs the optional dependency zuko.
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
        A row per epoch: ``reconstruction`` (the mean squared error of a sample, summed over its
        features, in scaled units), with a penalty its ``penalty`` (the mean over the samples,
        before its strength), ``objective`` (their weighted sum), the same of the held-out samples
        with the prefix ``validation_``, ``learning_rate``, ``seconds``.
    n_epochs_ : int
        The number of epochs made.
    n_samples_seen_ : int
        The number of samples that `partial_fit` got; only after it.
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
    Hinton and Salakhutdinov 2006, *Reducing the Dimensionality of Data with Neural Networks*,
    https://doi.org/10.1126/science.1127647

    Examples
    --------
    >>> from utsushi import Autoencoder, datasets
    >>> digits = datasets.load_digits8x8()
    >>> model = Autoencoder(n_components=4, hidden=(32,), random_state=0).fit(digits.X_train)
    >>> model.transform(digits.X_test).shape
    (360, 4)
    >>> model.reconstruct(digits.X_test[:1]).shape
    (1, 64)
    >>> model.sample(50, random_state=0).shape
    (50, 64)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **COMMON_CONSTRAINTS,
        "bottleneck": one_of("bottleneck"),
        "penalty": [*one_of("penalty"), callable, None],
    }

    bottleneck: str | Bottleneck = "identity"
    penalty: str | Penalty | PenaltyFunction | None = None

    def _validate_params(self) -> None:
        super()._validate_params()
        penalty = self.chosen("penalty")
        if isinstance(penalty, Penalty):
            penalty._validate_params()
        has_prior = penalty is not None and getattr(penalty, "leads_to_standard_normal", True)
        if isinstance(self.chosen("sampler"), Prior) and not has_prior:
            raise SettingError(
                f"sampler must be fitted to the codes where no penalty brings them to a prior, got "
                f"{self.sampler!r}. Leave sampler='mixture', or set penalty='mmd'."
            )

    def _other_parts(self) -> dict[str, nn.Module]:
        bottleneck = self.chosen("bottleneck").build(self.n_components)
        penalty, critic = self.chosen("penalty"), None
        if isinstance(penalty, Penalty):
            critic = penalty.build_critic(self.n_features_in_, self.n_components)
        parts = {"bottleneck": bottleneck, "critic": critic}
        return {name: part for name, part in parts.items() if part is not None}

    def _objective(self, data: Source) -> ReconstructionObjective:
        return ReconstructionObjective(penalty=self._penalty(data))

    def _penalty(self, data: Source) -> Penalty | PenaltyFunction | None:
        """Return the penalty, with a strength that suits the scaled training samples."""
        penalty: Penalty | PenaltyFunction | None = self.chosen("penalty")
        if not isinstance(penalty, Penalty) or penalty.strength is not None:
            return penalty
        total, squares = torch.zeros(data.n_features, dtype=torch.float64), 0.0
        for block in scanned(data):
            x = block.x.double().cpu()
            total += x.sum(dim=0)
            squares += x.square().sum().item()
        mean = total / len(data)
        return penalty.sized(squares / len(data) - mean.square().sum().item())

    @property
    def _is_least_squares(self) -> bool:
        return self.penalty is None

    @property
    def _compares_with_pca(self) -> bool:
        return super()._compares_with_pca and self.penalty is None

    def score_samples(self, X: ArrayLike, y: ArrayLike | None = None) -> NDArray[np.floating[Any]]:
        r"""Return the negative squared error of each sample, in scaled units.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        ndarray of shape (n_samples,), float32 for float32 input, else float64
            :math:`-\Vert x - \hat x \Vert^2`, at most 0; higher is more normal.
        """
        check_is_fitted(self)
        rows = self._checked(X)

        def score(x: Tensor, block: Rows) -> Tensor:
            return -squared_error(x, self._decode(self._encode(x)), self._mask(block, x))

        scores = self._map(rows, score)
        return scores.astype(rows.dtype, copy=False)
