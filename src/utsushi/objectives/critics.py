"""Critics: networks that are trained against a model, by the same steps.

The objectives of the model and of its critic are minimized together: the parameters of the critic
are constants in the model's term, and the codes are constants in the critic's term. The value of
the critic's term is subtracted, so that the objective is that of the model; its gradient remains.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from utsushi.networks.dense import dense_layers

__all__ = ["code_critic", "critic_loss", "frozen", "judged"]


def code_critic(n_components: int, width: int = 256) -> nn.Module:
    """Return a critic of codes (B, H): two hidden layers, one logit for each code.

    Examples
    --------
    >>> import torch
    >>> code_critic(3)(torch.zeros(5, 3)).shape
    torch.Size([5, 1])
    """
    return dense_layers([n_components, width, width, 1])


def frozen(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return a module as a function, with parameters detached from the graph."""
    fixed = {name: value.detach() for name, value in module.named_parameters()}
    return lambda x: functional_call(module, fixed, (x,))


def judged(critic: nn.Module, z: Tensor) -> Tensor:
    """Return the logits (B,) of a critic, with its parameters detached from the graph."""
    return frozen(critic)(z).squeeze(-1)


def critic_loss(critic: nn.Module, positive: Tensor, negative: Tensor) -> Tensor:
    r"""Return the cross-entropy of a critic for each pair, (B,), with the value zero.

    .. math::
        -\log \sigma(D(a)) - \log(1 - \sigma(D(b)))

    Parameters
    ----------
    critic : Module, (B, H) to (B, 1)
    positive, negative : Tensor of shape (B, H)
        The inputs of class one and of class zero; they are detached from the graph.
    """
    of_positive = functional.softplus(-critic(positive.detach()).squeeze(-1))
    of_negative = functional.softplus(critic(negative.detach()).squeeze(-1))
    loss = of_positive + of_negative
    return loss - loss.detach()
