"""What makes codes sparse: bottlenecks that leave few components of each code active.

A sparsity is described before the size of the code is known (`Sparsity`), and then is a module
whose codes are zero or positive.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Generator, Tensor, nn

from utsushi.exceptions import SettingError
from utsushi.networks.bottlenecks import Bottleneck, Parts

__all__ = ["L1", "SPARSITIES", "BatchTopK", "JumpReLU", "SparseCodes", "Sparsity", "TopK"]

#: A component is dead after so many training samples of which none made it active.
DEAD_AFTER = 10_000

#: The part of the newest batch in the threshold of `BatchTopK`, once there were many.
NEWEST = 0.01

_COUNT = [Interval(Integral, 1, None, closed="left")]
_POSITIVE = [Interval(Real, 0, None, closed="neither")]


class Sparsity(Bottleneck):
    """The base of all sparsities: parameters now, a module once the size of the code is known."""

    @abstractmethod
    def build(self, n_components: int) -> SparseCodes:
        """Return the module for codes of H components."""

    def _check_k(self, k: int, n_components: int) -> None:
        """Raise an error for more active components than the code has."""
        self._validate_params()
        if k > n_components:
            raise SettingError(
                f"k must be at most n_components={n_components}, got {k}. Make it smaller."
            )


class SparseCodes(nn.Module):
    """The base of the modules of sparsities.

    Attributes
    ----------
    idle : Tensor of shape (H,), int64
        The training samples since each component was last active.
    zeros_have_a_gradient : bool
        Whether a component that is zero passes a gradient on to a parameter.
    """

    idle: Tensor
    zeros_have_a_gradient: ClassVar[bool] = False

    def __init__(self, n_components: int) -> None:
        super().__init__()
        self.register_buffer("idle", torch.zeros(n_components, dtype=torch.int64))

    def initialize(self, generator: Generator) -> None:
        """Start with all components alive."""
        self.idle.zero_()

    @property
    def dead(self) -> Tensor:
        """Which components are dead, (H,)."""
        return self.idle >= DEAD_AFTER

    @abstractmethod
    def sparsify(self, x: Tensor) -> tuple[Tensor, Parts]:
        """Return the codes (B, H) of the encoder's output (B, H), and values of each sample."""

    def forward(self, x: Tensor, generator: Generator | None = None) -> tuple[Tensor, Parts]:
        """Return the codes, and the number of active components and the share of dead ones."""
        codes, parts = self.sparsify(x)
        active = codes > 0
        if self.training:
            self.idle.add_(len(codes)).masked_fill_(active.detach().any(dim=0), 0)
        l0 = active.sum(dim=-1).to(codes.dtype)
        share = torch.ones_like(l0) * self.dead.to(codes.dtype).mean()
        return codes, {"l0": l0, "dead": share, **parts}


class TopK(Sparsity):
    r"""The k largest components of each code, where they are positive; all others are zero.

    .. math::
        z = \mathrm{TopK}_k\!\left(\max(a, 0)\right)

    of the encoder's output a.

    Parameters
    ----------
    k : int >= 1, default=32
        The active components of each sample; at most ``n_components``.

    References
    ----------
    Gao et al. 2024, *Scaling and evaluating sparse autoencoders*, https://arxiv.org/abs/2406.04093

    Examples
    --------
    >>> codes, parts = TopK(k=2).build(4)(torch.tensor([[0.5, 3.0, -4.0, 1.0]]))
    >>> codes.tolist(), parts["l0"].tolist()
    ([[0.0, 3.0, 0.0, 1.0]], [2.0])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"k": _COUNT}

    def __init__(self, k: int = 32) -> None:
        self.k = k

    def build(self, n_components: int) -> SparseCodes:
        """See `Sparsity.build`."""
        self._check_k(self.k, n_components)
        return _TopKCodes(n_components, int(self.k))


class _TopKCodes(SparseCodes):
    """The module of `TopK`."""

    def __init__(self, n_components: int, k: int) -> None:
        super().__init__(n_components)
        self.k = k

    def sparsify(self, x: Tensor) -> tuple[Tensor, Parts]:
        largest = torch.topk(x, self.k, dim=-1)
        return torch.zeros_like(x).scatter(-1, largest.indices, largest.values.relu()), {}


class BatchTopK(Sparsity):
    r"""The largest components of all codes of a batch: k for each sample on average.

    A sample that is hard to reconstruct gets more components than an easy one. A single sample has
    no batch, so at inference a component is active where the encoder's output a is above a
    threshold:

    .. math::
        z_h = a_h\, [a_h > \theta]

    :math:`\theta` is the moving average of the smallest component that was kept in a batch of the
    training.

    Parameters
    ----------
    k : int >= 1, default=32
        The active components of a sample, on average; at most ``n_components``.

    References
    ----------
    Bussmann, Leask and Nanda 2024, *BatchTopK Sparse Autoencoders*,
    https://arxiv.org/abs/2412.06410

    Examples
    --------
    >>> codes, _ = BatchTopK(k=1).build(2)(torch.tensor([[3.0, 2.0], [1.0, -1.0]]))
    >>> codes.tolist()
    [[3.0, 2.0], [0.0, 0.0]]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"k": _COUNT}

    def __init__(self, k: int = 32) -> None:
        self.k = k

    def build(self, n_components: int) -> SparseCodes:
        """See `Sparsity.build`."""
        self._check_k(self.k, n_components)
        return _BatchTopKCodes(n_components, int(self.k))


class _BatchTopKCodes(SparseCodes):
    """The module of `BatchTopK`.

    Attributes
    ----------
    threshold : Tensor, 0-dimensional
    n_batches : Tensor, 0-dimensional, int64
        The batches that it is an average of.
    """

    threshold: Tensor
    n_batches: Tensor

    def __init__(self, n_components: int, k: int) -> None:
        super().__init__(n_components)
        self.k = k
        self.register_buffer("threshold", torch.zeros(()))
        self.register_buffer("n_batches", torch.zeros((), dtype=torch.int64))

    def initialize(self, generator: Generator) -> None:
        """Start without a batch."""
        super().initialize(generator)
        self.threshold.zero_()
        self.n_batches.zero_()

    def sparsify(self, x: Tensor) -> tuple[Tensor, Parts]:
        if not self.training:
            return torch.where(x > self.threshold, x, 0.0), {}
        flat, n_active = x.flatten(), self.k * len(x)
        # Few are far above the threshold of the batches before: that takes a tenth of the time.
        indices = (flat.detach() > self.threshold / 2).nonzero().squeeze(1)
        if len(indices) < n_active:
            indices = torch.arange(len(flat), device=flat.device)
        indices = indices[torch.topk(flat.detach()[indices], n_active, sorted=False).indices]
        values = flat[indices].relu()
        self._learn(values.detach())
        return torch.zeros_like(flat).scatter(0, indices, values).view_as(x), {}

    def _learn(self, active: Tensor) -> None:
        """Move the threshold to the smallest positive component."""
        smallest = torch.where(active > 0, active, math.inf).min()
        smallest = torch.where(smallest.isinf(), self.threshold, smallest)
        self.n_batches.add_(1)
        weight = (1 / self.n_batches).clamp(min=NEWEST).to(smallest)
        self.threshold.lerp_(smallest, weight)


class JumpReLU(Sparsity):
    r"""Components above a threshold of their own, which is learned.

    .. math::
        z_h = a_h\, [a_h > \theta_h], \qquad
        \lambda \left( \frac{\overline{\Vert z \Vert_0}}{k} - 1 \right)^2

    The second term is added to the objective; the bar is the mean over the batch. (The paper adds
    :math:`\lambda \Vert z \Vert_0`, which leaves open how many components are active.) A step has
    no useful gradient, so :math:`\theta_h` gets that of a step which is smoothed over the bandwidth
    :math:`\epsilon`: with :math:`K = [\,|a_h - \theta_h| < \epsilon / 2\,]`,

    .. math::
        \frac{\partial z_h}{\partial \theta_h} = -\frac{\theta_h}{\epsilon} K, \qquad
        \frac{\partial [a_h > \theta_h]}{\partial \theta_h} = -\frac{1}{\epsilon} K

    Parameters
    ----------
    k : int >= 1, default=32
        The active components of a sample that training aims at, on average.
    strength : float > 0, default=1.0
        :math:`\lambda`, in units of the variance of the training samples with
        ``scaling="unit-length"``.
    bandwidth : float > 0, default=0.1
        :math:`\epsilon`, in units of the code.

    References
    ----------
    Rajamanoharan et al. 2024, *Jumping Ahead: Improving Reconstruction Fidelity with JumpReLU
    Sparse Autoencoders*, https://arxiv.org/abs/2407.14435

    Examples
    --------
    >>> part = JumpReLU(k=1).build(2)
    >>> _ = part.log_threshold.data.copy_(torch.tensor([1.0, 2.0]).log())
    >>> part(torch.tensor([[1.5, 1.5]]))[0].tolist()
    [[1.5, 0.0]]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "k": _COUNT,
        "strength": _POSITIVE,
        "bandwidth": _POSITIVE,
    }

    def __init__(self, k: int = 32, strength: float = 1.0, bandwidth: float = 0.1) -> None:
        self.k = k
        self.strength = strength
        self.bandwidth = bandwidth

    def build(self, n_components: int) -> SparseCodes:
        """See `Sparsity.build`."""
        self._check_k(self.k, n_components)
        return _JumpReLUCodes(n_components, self.k, self.strength, self.bandwidth)


class _JumpReLUCodes(SparseCodes):
    """The module of `JumpReLU`.

    Attributes
    ----------
    log_threshold : Parameter of shape (H,)
    """

    zeros_have_a_gradient: ClassVar[bool] = True

    def __init__(self, n_components: int, k: int, strength: float, bandwidth: float) -> None:
        super().__init__(n_components)
        self.k, self.strength, self.bandwidth = k, strength, bandwidth
        self.log_threshold = nn.Parameter(torch.full((n_components,), math.log(bandwidth)))

    def initialize(self, generator: Generator) -> None:
        """Start with all thresholds at the bandwidth."""
        super().initialize(generator)
        nn.init.constant_(self.log_threshold, math.log(self.bandwidth))

    def sparsify(self, x: Tensor) -> tuple[Tensor, Parts]:
        threshold = self.log_threshold.exp()
        step = (x > threshold).to(x.dtype)
        # Zero, with the gradient of a step that is smoothed.
        smooth = ((x.detach() - threshold) / self.bandwidth + 0.5).clamp(0, 1)
        smooth = smooth - smooth.detach()
        codes = x * step + threshold.detach() * smooth
        l0 = (step + smooth).sum(dim=-1).mean()
        cost = self.strength * (l0 / self.k - 1).square()
        return codes, {"bottleneck": cost * torch.ones_like(x[..., 0])}


class L1(Sparsity):
    r"""Positive components, whose sum is added to the objective.

    .. math::
        z = \max(a, 0), \qquad \lambda \sum_h z_h

    of the encoder's output a. It shrinks the active components, too, so that reconstructions are
    paler than with the other sparsities.

    Parameters
    ----------
    strength : float > 0, default=0.03
        :math:`\lambda`, with ``scaling="unit-length"`` in units of the variance of the training
        samples.

    References
    ----------
    Bricken et al. 2023, *Towards Monosemanticity: Decomposing Language Models With Dictionary
    Learning*, https://transformer-circuits.pub/2023/monosemantic-features

    Examples
    --------
    >>> codes, parts = L1(strength=0.5).build(3)(torch.tensor([[2.0, -1.0, 4.0]]))
    >>> codes.tolist(), parts["bottleneck"].tolist()
    ([[2.0, 0.0, 4.0]], [3.0])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"strength": _POSITIVE}

    def __init__(self, strength: float = 0.03) -> None:
        self.strength = strength

    def build(self, n_components: int) -> SparseCodes:
        """See `Sparsity.build`."""
        self._validate_params()
        return _L1Codes(n_components, self.strength)


class _L1Codes(SparseCodes):
    """The module of `L1`."""

    def __init__(self, n_components: int, strength: float) -> None:
        super().__init__(n_components)
        self.strength = strength

    def sparsify(self, x: Tensor) -> tuple[Tensor, Parts]:
        codes = x.relu()
        return codes, {"bottleneck": self.strength * codes.sum(dim=-1)}


#: The names that the ``sparsity`` parameter takes.
SPARSITIES: dict[str, type[Sparsity]] = {
    "topk": TopK,
    "batch-topk": BatchTopK,
    "jumprelu": JumpReLU,
    "l1": L1,
}
