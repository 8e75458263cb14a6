"""What is too large for the machine is refused before its memory is asked for."""

import numpy as np
import pytest

from utsushi import Autoencoder, VariationalAutoencoder
from utsushi.estimators import base
from utsushi.exceptions import SettingError
from utsushi.networks import Conv

X = np.random.default_rng(0).random((20, 64), dtype=np.float32)
FEW = {"max_epochs": 1, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore:.*more than the 64 features")


def test_parameters_gradients_moments_and_sampler_have_to_fit(monkeypatch, refusal):
    n_parameters = 64 * 8 + 8 + 8 * 2 + 2 + 2 * 8 + 8 + 8 * 64 + 64
    n_learned = 1 + 2 + 4  # of a mixture: a weight, a mean, a factor
    needed = 16 * n_parameters + 8 * n_learned
    model = Autoencoder(2, hidden=(8,), **FEW)
    monkeypatch.setattr(base, "memory_of_machine", lambda: needed)
    model.fit(X)
    monkeypatch.setattr(base, "memory_of_machine", lambda: needed - 1)
    message = refusal(SettingError, model.fit, X)
    assert message.startswith("n_components=2, hidden=(8,) must make a model that fits into memory")
    assert "got 1,138 parameters, whose training takes 0 GB (this machine has 0 GB)." in message


@pytest.mark.parametrize("huge", [99_999_999_999, 2**62, 10**30])
@pytest.mark.parametrize("name", ["n_components", "hidden", "channels"])
def test_a_huge_size_is_refused_in_one_line(name, huge, refusal):
    size = huge if name == "n_components" else (huge,)
    settings = {"n_components": 2, name: size}
    if name == "channels":
        settings = {"n_components": 2, "network": Conv(size), "image_shape": (8, 8)}
    for cls in (Autoencoder, VariationalAutoencoder):
        message = refusal(SettingError, cls(**settings, **FEW).fit, X)
        assert f"{name}={size!r}" in message
        assert message.endswith(". Choose fewer components or narrower layers.")
