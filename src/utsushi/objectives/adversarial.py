r"""The objective of a variational autoencoder with a critic of its reconstructions."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval
from torch import Tensor, nn
from torch.nn import functional

from utsushi.objectives.critics import code_critic, critic_loss, frozen, judged
from utsushi.objectives.disentangling import PenalizedELBO
from utsushi.objectives.elbo import Draws

__all__ = ["AdversarialELBO"]


@dataclass(kw_only=True, eq=False, repr=False)
class AdversarialELBO(PenalizedELBO):
    r"""The evidence lower bound, with a critic D that discriminates samples and reconstructions.

    .. math::
        -\mathrm{strength} \left( -\log \sigma(D(\hat x)) + \mathrm{similarity}\,
            \frac1M \Vert f(x) - f(\hat x) \Vert^2 \right)

    is added for reconstructions; f are the M values of the critic's last hidden layer.

    Parameters
    ----------
    strength : float >= 0, default=1.0
    similarity : float >= 0, default=1.0
    width : int >= 1, default=256
        Units in each of the two hidden layers of the critic.
    n_samples, free_bits, kl_warmup_epochs
        See `ELBO`.

    References
    ----------
    Larsen, Sønderby, Larochelle and Winther 2016, *Autoencoding beyond Pixels Using a Learned
    Similarity Metric*, https://arxiv.org/abs/1512.09300. There the similarity takes the place of
    the likelihood; here it is added to it.

    Examples
    --------
    >>> AdversarialELBO(similarity=0.0)
    AdversarialELBO(similarity=0.0)
    """

    strength: float = 1.0
    similarity: float = 1.0
    width: int = 256

    is_rotation_invariant: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **PenalizedELBO._parameter_constraints,
        "similarity": [Interval(Real, 0, None, closed="left")],
        "width": [Interval(Integral, 1, None, closed="left")],
    }

    def build_critic(self, n_features: int, n_components: int) -> nn.Module:
        """Return the critic of samples."""
        return code_critic(n_features, int(self.width))

    def penalty(self, draws: Draws) -> Tensor:
        """Return the penalty of each reconstruction, whose gradient also trains the critic."""
        critic, reconstructions = draws.module.critic, draws.reconstruct()
        loss = critic_loss(critic, draws.target, reconstructions)
        value = functional.softplus(-judged(critic, reconstructions))
        if self.similarity:
            # A wrapper, such as one for bfloat16, keeps the module under this name.
            features = frozen(getattr(critic, "module", critic)[:-1])
            distance = (features(reconstructions) - features(draws.target)).square()
            value = value + float(self.similarity) * distance.mean(dim=-1)
        return value + loss / max(float(self.strength), 1e-6)
