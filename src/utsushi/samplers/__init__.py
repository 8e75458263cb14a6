"""Samplers: distributions of new codes, fitted to the training codes."""

from utsushi.samplers.autoregressive import Autoregressive
from utsushi.samplers.base import Codes, Sampler
from utsushi.samplers.flow import Flow
from utsushi.samplers.gaussian import Gaussian, Prior
from utsushi.samplers.mixture import Mixture
from utsushi.samplers.two_stage import TwoStage

__all__ = [
    "SAMPLERS",
    "Autoregressive",
    "Codes",
    "Flow",
    "Gaussian",
    "Mixture",
    "Prior",
    "Sampler",
    "TwoStage",
]

#: The samplers by the names of the ``sampler`` parameter.
SAMPLERS: dict[str, type[Sampler]] = {
    "prior": Prior,
    "gaussian": Gaussian,
    "mixture": Mixture,
    "flow": Flow,
    "two-stage": TwoStage,
    "autoregressive": Autoregressive,
}
