"""The precision policy of a training."""

import numpy as np
import pytest
import torch
from sklearn.utils._param_validation import InvalidParameterError

from utsushi import Autoencoder, Recipe
from utsushi.exceptions import SettingError
from utsushi.networks import Dense
from utsushi.training import precision
from utsushi.training.precision import with_precision

ROWS = np.random.default_rng(0).random((50, 6)).astype(np.float32)


@pytest.fixture
def module():
    return Dense((4,)).build(6, 2, 2)


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_a_view_shares_the_parameters_and_returns_float32(module, name):
    view = with_precision(module, name)
    seen = {id(parameter) for parameter in view.parameters()}
    assert seen == {id(parameter) for parameter in module.parameters()}
    assert view.encoder(torch.zeros(2, 6)).dtype == torch.float32


def test_bfloat16_rounds_the_products(module):
    x = torch.tensor(ROWS)
    exact, rounded = module.encoder(x), with_precision(module, "bfloat16").encoder(x)
    assert not torch.equal(exact, rounded)
    torch.testing.assert_close(exact, rounded, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("parameter", ["precision", "compile"])
def test_a_choice_by_the_clock_is_refused(parameter):
    with pytest.raises(InvalidParameterError, match=f"'{parameter}' .*Got 'auto'"):
        Autoencoder(2, recipe=Recipe(**{parameter: "auto"})).fit(ROWS)


def test_compiling_without_a_compiler_is_refused_before_training(monkeypatch):
    monkeypatch.setattr(precision.shutil, "which", lambda name: None)
    model = Autoencoder(2, hidden=(4,), recipe=Recipe("lecture", max_epochs=1, compile=True))
    with pytest.raises(SettingError, match=r"compile must be False .*got True.*g\+\+"):
        model.fit(ROWS)


@pytest.mark.filterwarnings("ignore")  # of torch's compiler about its own code
@pytest.mark.skipif(not precision._has_compiler(), reason="no C++ compiler here")
def test_a_compiled_training_ends_where_the_eager_one_does(monkeypatch):
    compiled_parts = []
    compile_part = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda part: compiled_parts.append(part) or compile_part(part)
    )

    def trained(compile: bool) -> Autoencoder:
        recipe = Recipe("lecture", max_epochs=2, batch_size=20, compile=compile)
        return Autoencoder(2, hidden=(4,), recipe=recipe, random_state=0).fit(ROWS)

    compiled, eager = trained(True), trained(False)
    assert len(compiled_parts) == 2
    np.testing.assert_allclose(compiled.transform(ROWS), eager.transform(ROWS), atol=1e-5)
    assert all(not hasattr(part, "_orig_mod") for part in compiled.module_.modules())


@pytest.mark.filterwarnings("ignore")  # of torch's compiler about its own code
@pytest.mark.skipif(not precision._has_compiler(), reason="no C++ compiler here")
def test_compiling_leaves_the_checks_of_torchs_distributions_on(module):
    with_precision(module, "float32", compile=True).decoder(torch.zeros(1, 2))
    with pytest.raises(ValueError, match="scale"):
        torch.distributions.Normal(0.0, -1.0)
