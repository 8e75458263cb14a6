"""Where new codes come from: distributions over the code, fitted to the training codes."""

from utsushi.samplers.base import Sampler
from utsushi.samplers.gaussian import Gaussian, Prior
from utsushi.samplers.mixture import Mixture

__all__ = ["SAMPLERS", "Gaussian", "Mixture", "Prior", "Sampler"]

#: The names that the ``sampler`` parameter takes.
SAMPLERS: dict[str, type[Sampler]] = {"prior": Prior, "gaussian": Gaussian, "mixture": Mixture}
