"""Critics: networks that compete with a model, trained by the same steps.

The objective of the model and that of its critic are minimized together: the model's term sees the
critic with fixed parameters, and the critic's term sees the model's codes as constants. Its value
is taken out of the objective, which stays that of the model; its gradient remains.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from utsushi.networks.dense import dense_layers

__all__ = ["code_critic", "critic_loss", "frozen", "judged"]


def code_critic(n_components: int, width: int = 256) -> nn.Module:
    """Return a critic of codes (B, H): two hidden layers, one logit a code.

    Examples
    --------
    >>> import torch
    >>> code_critic(3)(torch.zeros(5, 3)).shape
    torch.Size([5, 1])
    """
    return dense_layers([n_components, width, width, 1])


def frozen(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return a module as a function, with parameters that no gradient reaches."""
    fixed = {name: value.detach() for name, value in module.named_parameters()}
    return lambda x: functional_call(module, fixed, (x,))


def judged(critic: nn.Module, z: Tensor) -> Tensor:
    """Return the logits (B,) of a critic whose parameters no gradient reaches."""
    return frozen(critic)(z).squeeze(-1)


def critic_loss(critic: nn.Module, positive: Tensor, negative: Tensor) -> Tensor:
    r"""Return the cross-entropy of a critic for each pair, (B,), with the value zero.

    .. math::
        -\log \sigma(D(a)) - \log(1 - \sigma(D(b)))

    Parameters
    ----------
    critic : Module, (B, H) to (B, 1)
    positive, negative : Tensor of shape (B, H)
        What it shall call one class and the other; no gradient reaches them.
    """
    of_positive = functional.softplus(-critic(positive.detach()).squeeze(-1))
    of_negative = functional.softplus(critic(negative.detach()).squeeze(-1))
    loss = of_positive + of_negative
    return loss - loss.detach()
