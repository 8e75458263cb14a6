r"""Penalties: terms that are added to the error of a sample, to shape the code.

``penalty`` of an estimator takes a name, an object of a class of this module, or a function.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, Self

import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval
from torch import Generator, Tensor, nn

from utsushi._utils.str_options import SortedStrOptions
from utsushi.networks import EncoderDecoder
from utsushi.networks.dense import ACTIVATIONS
from utsushi.objectives.critics import code_critic, critic_loss, judged

__all__ = [
    "KERNELS",
    "MMD",
    "PENALTIES",
    "Adversarial",
    "CodeAndWeights",
    "Contractive",
    "DecoderGradient",
    "Penalty",
    "PenaltyFunction",
    "Sparse",
    "estimated_jacobian_norm",
    "jacobian_norm",
    "squared_mmd",
]

#: Takes a network, scaled samples (B, D), their codes (B, H) and a generator; returns values (B,).
PenaltyFunction = Callable[[EncoderDecoder, Tensor, Tensor, Generator], Tensor]


@dataclass(eq=False, repr=False)
class Penalty(BaseEstimator, ABC):
    """The base of all penalties: a value for each sample, which is weighted and added to its error.

    Parameters
    ----------
    strength : float > 0
        The weight.

    Attributes
    ----------
    leads_to_standard_normal : bool
        Whether it brings the distribution of the codes to N(0, I), so that ``sampler="prior"`` can
        draw codes from N(0, I).
    share_of_variance : float
        What a ``strength`` of None is, as a share of the variance of the scaled samples.
    """

    strength: float | None = 0.1

    leads_to_standard_normal: ClassVar[bool] = False
    share_of_variance: ClassVar[float] = 1.0
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "strength": [Interval(Real, 0, None, closed="neither")]
    }

    def build_critic(self, n_features: int, n_components: int) -> nn.Module | None:
        """Return the critic, a network that is trained against the model, or None."""
        return None

    def sized(self, variance: float) -> Self:
        """Return the penalty with a strength, if that is None by the variance of scaled samples.

        The variance is the sum over features, the error of the best constant reconstruction. The
        ratio of a penalty to the error is then about the same for images and for small tables.
        """
        if self.strength is not None:
            return self
        sized: Self = clone(self).set_params(strength=self.share_of_variance * (variance or 1.0))
        return sized

    @abstractmethod
    def __call__(
        self, module: EncoderDecoder, x: Tensor, z: Tensor, generator: Generator
    ) -> Tensor:
        """Return the values of a batch, before they are weighted.

        Parameters
        ----------
        module : EncoderDecoder
            The network in training.
        x : Tensor of shape (B, D)
            Scaled samples, as the encoder took them.
        z : Tensor of shape (B, H)
            Their codes.
        generator : Generator
            The only source of random numbers.

        Returns
        -------
        Tensor of shape (B,)
            Differentiable by the parameters of the module.
        """


#: Of penalties whose strength may be left to the variance.
_OF_VARIANCE = {"strength": [*Penalty._parameter_constraints["strength"], None]}


class Sparse(Penalty):
    r"""Penalize the magnitudes of the components, :math:`\sum_h |z_h|`, for a sparse code.

    A model can also lower the sum by shrinking the whole code, which the decoder undoes; a
    ``weight_decay`` of the recipe prevents that.

    Parameters
    ----------
    strength : float > 0, default=0.1

    References
    ----------
    Olshausen and Field 1996, *Emergence of Simple-Cell Receptive Field Properties by Learning a
    Sparse Code for Natural Images*, https://doi.org/10.1038/381607a0

    Examples
    --------
    >>> z = torch.tensor([[0.5, -2.0, 0.0]])
    >>> Sparse()(EncoderDecoder(nn.Identity(), nn.Identity()), z, z, Generator())
    tensor([2.5000])
    """

    def __call__(
        self, module: EncoderDecoder, x: Tensor, z: Tensor, generator: Generator
    ) -> Tensor:
        """Return the values of a batch; see `Penalty.__call__`."""
        return z.abs().sum(dim=-1)


class Contractive(Penalty):
    r"""Penalize the sensitivity of the code to the sample, :math:`\Vert J \Vert_F^2`.

    :math:`J = \partial z / \partial x` is the encoder's Jacobian, H × D numbers per sample, in
    units of the code per unit of a scaled sample. For an encoder without a hidden layer, or with
    one, the value is exact (`jacobian_norm`); for every other it is an estimate from one random
    direction in the code (`estimated_jacobian_norm`).

    Parameters
    ----------
    strength : float > 0, default=0.1

    References
    ----------
    Rifai, Vincent, Muller, Glorot and Bengio 2011, *Contractive Auto-Encoders*,
    https://mlanthology.org/icml/2011/rifai2011icml-contractive/

    Examples
    --------
    >>> linear = nn.Sequential(nn.Linear(3, 2))
    >>> _ = linear[0].weight.data.fill_(2.0)
    >>> x = torch.zeros(1, 3)
    >>> norm = Contractive()(EncoderDecoder(linear, nn.Identity()), x, linear(x), Generator())
    >>> norm.tolist()
    [24.0]
    """

    def __call__(
        self, module: EncoderDecoder, x: Tensor, z: Tensor, generator: Generator
    ) -> Tensor:
        """Return the values of a batch; see `Penalty.__call__`."""
        # A wrapper, such as one for bfloat16, keeps the module under this name.
        encoder = getattr(module.encoder, "module", module.encoder)
        match list(encoder) if type(encoder) is nn.Sequential else []:
            case [nn.Linear() as only]:
                return only.weight.square().sum().expand(len(x))
            case [nn.Linear() as first, nonlinearity, nn.Linear() as last] if (
                type(nonlinearity) in ACTIVATIONS.values()
            ):
                return jacobian_norm(first, nonlinearity, last, x)
            case _:
                return estimated_jacobian_norm(module.encoder, x, generator)


class CodeAndWeights(Penalty):
    r"""Penalize code and weights: :math:`\frac12 \Vert z \Vert^2 + \Vert \theta \Vert^2`.

    :math:`\theta` are the decoder's weights, without its biases. One term alone could be made small
    at the cost of the other, because a decoder can undo the scale of the code; together they make
    the decoder smooth, so codes near the training codes give samples like theirs. The second term
    is added to every sample, so that its weight relative to the others depends neither on the size
    of the batch nor on the number of samples.

    Parameters
    ----------
    strength : float > 0, default=0.1

    References
    ----------
    Ghosh, Sajjadi, Vergari, Black and Schölkopf 2020, *From Variational to Deterministic
    Autoencoders*, https://arxiv.org/abs/1903.12436: RAE-L2, with one strength for both terms.

    Examples
    --------
    >>> decoder = nn.Linear(2, 3)
    >>> _ = decoder.weight.data.fill_(1.0)
    >>> z = torch.tensor([[2.0, 0.0]])
    >>> CodeAndWeights()(EncoderDecoder(nn.Identity(), decoder), z, z, Generator()).tolist()
    [8.0]
    """

    def __call__(
        self, module: EncoderDecoder, x: Tensor, z: Tensor, generator: Generator
    ) -> Tensor:
        """Return the values of a batch; see `Penalty.__call__`."""
        weights = [p.square().sum() for p in module.decoder.parameters() if p.ndim > 1]
        return 0.5 * z.square().sum(dim=-1) + torch.stack(weights).sum()


#: Kernels of squared distances (...), for codes of H components.
KERNELS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "inverse-multiquadratic": lambda distance, h: 2 * h / (2 * h + distance),
    "gaussian": lambda distance, h: torch.exp(-distance / (2 * h)),
}


def squared_mmd(z: Tensor, generator: Generator, kernel: str = "inverse-multiquadratic") -> Tensor:
    r"""Estimate the squared maximum mean discrepancy between codes and N(0, I).

    .. math::
        \mathrm{MMD}^2 = E\, k(z, z') + E\, k(p, p') - 2 E\, k(z, p)

    with p from N(0, I), as many as there are codes; the first two means are over different pairs,
    so the estimate has no bias. Kernels are :math:`k(a, b) = 2H / (2H + \Vert a - b \Vert^2)`,
    "inverse-multiquadratic", and :math:`\exp(-\Vert a - b \Vert^2 / 2H)`, "gaussian".

    Parameters
    ----------
    z : Tensor of shape (B, H)
    generator : Generator
        The source of the draws p.
    kernel : {"inverse-multiquadratic", "gaussian"}

    Returns
    -------
    Tensor of shape (B,)
        Each code's part; their mean is the estimate, which may be slightly below zero.

    References
    ----------
    Gretton, Borgwardt, Rasch, Schölkopf and Smola 2012, *A Kernel Two-Sample Test*,
    https://jmlr.org/papers/v13/gretton12a.html, equation 3

    Examples
    --------
    >>> z = torch.full((100, 2), 5.0)
    >>> bool(squared_mmd(z, Generator().manual_seed(0)).mean() > 1)
    True
    """
    p = torch.randn(z.shape, generator=generator, device=generator.device).to(z)

    def similar(a: Tensor, b: Tensor) -> Tensor:
        distance = (a[:, None] - b).square().sum(dim=-1)
        return KERNELS[kernel](distance, z.shape[-1])

    def of_others(values: Tensor) -> Tensor:
        return (values.sum(dim=1) - values.diagonal()) / max(len(values) - 1, 1)

    return of_others(similar(z, z)) + of_others(similar(p, p)) - 2 * similar(z, p).mean(dim=1)


@dataclass(eq=False, repr=False)
class MMD(Penalty):
    r"""The squared maximum mean discrepancy between the codes and N(0, I): `squared_mmd`.

    With this penalty an autoencoder is a Wasserstein autoencoder, and ``sampler="prior"`` may draw
    its codes.

    Parameters
    ----------
    strength : float > 0 or None, default=None
        None is twice the variance of the scaled samples; see `Penalty.sized`.
    kernel : {"inverse-multiquadratic", "gaussian"}, default="inverse-multiquadratic"

    References
    ----------
    Tolstikhin, Bousquet, Gelly and Schölkopf 2018, *Wasserstein Auto-Encoders*,
    https://arxiv.org/abs/1711.01558, algorithm 2

    Examples
    --------
    >>> z = torch.full((100, 2), 5.0)
    >>> pair = EncoderDecoder(nn.Identity(), nn.Identity())
    >>> bool(MMD()(pair, z, z, Generator().manual_seed(0)).mean() > 1)
    True
    """

    strength: float | None = None
    kernel: str = "inverse-multiquadratic"

    leads_to_standard_normal: ClassVar[bool] = True
    share_of_variance: ClassVar[float] = 2.0
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **_OF_VARIANCE,
        "kernel": [SortedStrOptions(set(KERNELS))],
    }

    def __call__(
        self, module: EncoderDecoder, x: Tensor, z: Tensor, generator: Generator
    ) -> Tensor:
        """Return the values of a batch; see `Penalty.__call__`."""
        return squared_mmd(z, generator, self.kernel)


@dataclass(eq=False, repr=False)
class Adversarial(Penalty):
    r"""Train the codes against a critic that discriminates them from draws of N(0, I).

    The penalty is :math:`-\log \sigma(D(z))`, with a critic D that is trained by the same steps:
    an adversarial autoencoder, whose codes ``sampler="prior"`` can draw. If the critic cannot
    discriminate, the value is :math:`\log 2 \approx 0.69`.

    Parameters
    ----------
    strength : float > 0 or None, default=None
        None is 0.02 of the variance of the scaled samples; see `Penalty.sized`.

    References
    ----------
    Makhzani, Shlens, Jaitly, Goodfellow and Frey 2016, *Adversarial Autoencoders*,
    https://arxiv.org/abs/1511.05644

    Examples
    --------
    >>> z = torch.zeros(3, 2)
    >>> same, penalty = nn.Identity(), Adversarial(strength=0.5)
    >>> network = EncoderDecoder(same, same, critic=penalty.build_critic(9, 2))
    >>> penalty(network, z, z, Generator()).shape
    torch.Size([3])
    """

    strength: float | None = None

    leads_to_standard_normal: ClassVar[bool] = True
    share_of_variance: ClassVar[float] = 0.02
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = _OF_VARIANCE

    def build_critic(self, n_features: int, n_components: int) -> nn.Module:
        """Return the critic of the codes."""
        return code_critic(n_components)

    def __call__(
        self, module: EncoderDecoder, x: Tensor, z: Tensor, generator: Generator
    ) -> Tensor:
        """Return the values of a batch, which also train the critic; see `Penalty.__call__`."""
        prior = torch.randn(z.shape, generator=generator, device=generator.device).to(z)
        assert self.strength is not None
        misled = nn.functional.softplus(-judged(module.critic, z))
        # The strength does not scale the critic's gradient.
        return misled + critic_loss(module.critic, prior, z) / float(self.strength)


class DecoderGradient(Penalty):
    r"""Penalize the length of the code and the decoder's sensitivity to it.

    .. math::
        \frac12 \Vert z \Vert^2 + \Vert J \Vert_F^2

    :math:`J = \partial \hat x / \partial z` is the decoder's Jacobian, estimated from one random
    direction (`estimated_jacobian_norm`). Without the first term, a model could lower the second by
    scaling the code up.

    Parameters
    ----------
    strength : float > 0, default=0.1

    References
    ----------
    Ghosh, Sajjadi, Vergari, Black and Schölkopf 2020, *From Variational to Deterministic
    Autoencoders*, https://arxiv.org/abs/1903.12436: RAE-GP, with one strength for both terms

    Examples
    --------
    >>> decoder = nn.Linear(1, 2)
    >>> _ = decoder.weight.data.fill_(1.0)
    >>> z = torch.zeros(1, 1)
    >>> network = EncoderDecoder(nn.Identity(), decoder)
    >>> DecoderGradient()(network, z, z, Generator().manual_seed(0)).item() in (0.0, 4.0)
    True
    """

    def __call__(
        self, module: EncoderDecoder, x: Tensor, z: Tensor, generator: Generator
    ) -> Tensor:
        """Return the values of a batch; see `Penalty.__call__`."""
        gradient = estimated_jacobian_norm(module.decoder, z, generator)
        return 0.5 * z.square().sum(dim=-1) + gradient


#: The names that the ``penalty`` parameter takes.
PENALTIES: dict[str, type[Penalty]] = {
    "sparse": Sparse,
    "contractive": Contractive,
    "code-and-weights": CodeAndWeights,
    "decoder-gradient": DecoderGradient,
    "mmd": MMD,
    "adversarial": Adversarial,
}


def jacobian_norm(first: nn.Linear, nonlinearity: nn.Module, last: nn.Linear, x: Tensor) -> Tensor:
    r"""Return :math:`\Vert J \Vert_F^2` of an encoder with one hidden layer, exactly.

    With :math:`z = W_2 f(a) + b_2`, :math:`a = W_1 x + b_1` and the slopes :math:`s = f'(a)`,

    .. math::
        J = W_2\, \mathrm{diag}(s)\, W_1, \qquad
        \Vert J \Vert_F^2 = s^\top \left( W_2^\top W_2 \circ W_1 W_1^\top \right) s.

    The matrix in the middle is the same for all samples, so no Jacobian is stored. For m hidden
    units it takes :math:`m^2 (D + H)` multiplications, and :math:`m D + m^2` more per sample; the
    Jacobians themselves would take :math:`H m D` per sample, which is more for batches of at least
    about :math:`m / H` samples.

    Parameters
    ----------
    first, last : Linear, D to m and m to H
    nonlinearity : Module
        f, applied to each value alone.
    x : Tensor of shape (B, D)

    Returns
    -------
    Tensor of shape (B,)

    Examples
    --------
    >>> first, last = nn.Linear(2, 1), nn.Linear(1, 1)
    >>> for layer in (first, last):
    ...     _ = layer.weight.data.fill_(3.0), layer.bias.data.fill_(0.0)
    >>> jacobian_norm(first, nn.ReLU(), last, torch.tensor([[1.0, 1.0], [-1.0, -1.0]])).tolist()
    [162.0, 0.0]
    """
    a = first(x)
    # f acts on each value alone: its diagonal Jacobian times ones is f' at each value.
    _, pull_back = torch.func.vjp(nonlinearity, a)[:2]
    (slopes,) = pull_back(torch.ones_like(a))
    between = (last.weight.T @ last.weight) * (first.weight @ first.weight.T)
    norm: Tensor = (slopes @ between * slopes).sum(dim=-1)
    return norm


def estimated_jacobian_norm(encoder: nn.Module, x: Tensor, generator: Generator) -> Tensor:
    r"""Estimate :math:`\Vert J \Vert_F^2` of any encoder from one random direction.

    .. math::
        \Vert J \Vert_F^2 = E_v \left[ \Vert J^\top v \Vert^2 \right]

    for any v with :math:`E[v v^\top] = I`. Here each :math:`v_h` is 1 or -1 at even odds, for which
    the variance is least, :math:`2 \sum_{i \ne j} (J J^\top)_{ij}^2`. The value takes one pass
    forward and one backward, for any layers.

    Parameters
    ----------
    encoder : Module, (B, D) to (B, H)
        The code of a sample must depend on that sample alone.
    x : Tensor of shape (B, D)
    generator : Generator
        The source of the directions, one for each sample.

    Returns
    -------
    Tensor of shape (B,)
        Without bias; differentiable by the parameters, unless gradients are switched off.

    References
    ----------
    Hutchinson 1990, *A Stochastic Estimator of the Trace of the Influence Matrix for Laplacian
    Smoothing Splines*, https://doi.org/10.1080/03610919008812866

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> estimated_jacobian_norm(nn.Flatten(), torch.zeros(2, 3), generator)
    tensor([3., 3.])
    """
    # Unlike torch.autograd.grad, vjp also works where gradients are switched off.
    codes, pull_back = torch.func.vjp(encoder, x)[:2]
    coins = torch.randint(0, 2, codes.shape, generator=generator, device=generator.device)
    (pulled,) = pull_back(2 * coins.to(codes) - 1)
    norm: Tensor = pulled.square().sum(dim=-1)
    return norm
