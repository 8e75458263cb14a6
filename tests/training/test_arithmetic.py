"""What a training is computed in: asked for, or chosen by the clock of its own first steps."""

import numpy as np
import pytest
import torch

from utsushi import Autoencoder, Recipe
from utsushi.exceptions import SettingError
from utsushi.networks import Dense
from utsushi.training import arithmetic
from utsushi.training.precision import TIMED_STEPS, WARMING_STEPS, Arithmetic, Products

STEPS = TIMED_STEPS + WARMING_STEPS


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(arithmetic, "time", clock)
    return clock


@pytest.fixture
def module():
    return Dense((4,)).build(6, 2, 2)


def run(products: Products, clock: Clock, n_steps: int, seconds: dict[str, float]) -> list[str]:
    """Take steps that last as long as ``seconds`` says; return what each went through."""
    taken = []
    for _ in range(n_steps):
        with products.step() as view:
            used = next(str(one) for one, found in products.views.items() if found is view)
            clock.now += seconds[used]
        taken.append(used)
    return taken


@pytest.mark.parametrize("faster", ["float32, eager", "bfloat16, eager"])
def test_auto_takes_turns_and_then_keeps_the_faster(clock, module, faster):
    products = Products(module, "auto", False, 1000)
    seconds = {"float32, eager": 2.0, "bfloat16, eager": 2.0, faster: 1.0}
    taken = run(products, clock, 3 * STEPS, seconds)
    assert set(taken[:2]) == {"float32, eager", "bfloat16, eager"}
    assert set(taken[2 * STEPS :]) == {faster}
    assert str(products.chosen) == faster


def test_a_slow_first_step_is_not_counted(clock, module):
    products = Products(module, "auto", False, 1000)
    seconds = {"float32, eager": 100.0, "bfloat16, eager": 1.0}
    run(products, clock, 2 * WARMING_STEPS, seconds)
    run(products, clock, 2 * TIMED_STEPS, {"float32, eager": 1.0, "bfloat16, eager": 2.0})
    assert str(products.chosen) == "float32, eager"


@pytest.mark.parametrize(("seconds_left", "tried"), [(1000.0, True), (10.0, False)])
def test_a_compiled_view_is_tried_where_enough_is_left(
    clock, module, monkeypatch, seconds_left, tried
):
    monkeypatch.setattr(arithmetic, "_has_compiler", lambda: True)
    monkeypatch.setattr(torch, "compile", lambda part: part)
    products = Products(module, "float32", "auto", STEPS + 1000)
    eager = seconds_left / 1000
    taken = run(
        products, clock, 4 * STEPS, {"float32, eager": eager, "float32, compiled": eager / 2}
    )
    assert ("float32, compiled" in taken) is tried
    assert str(products.chosen) == ("float32, compiled" if tried else "float32, eager")


def test_settled_arithmetic_never_looks_at_the_clock(module, monkeypatch):
    monkeypatch.delattr(arithmetic, "time")
    with Products(module, "bfloat16", False, 10).step() as view:
        assert view.encoder(torch.zeros(2, 6)).dtype == torch.float32


def test_all_views_have_the_same_parameters(module):
    for view in (Arithmetic(), Arithmetic("bfloat16")):
        seen = {id(parameter) for parameter in view.view(module).parameters()}
        assert seen == {id(parameter) for parameter in module.parameters()}


def test_compiling_without_a_compiler_is_refused_before_training(monkeypatch):
    monkeypatch.setattr(arithmetic.shutil, "which", lambda name: None)
    model = Autoencoder(2, hidden=(4,), recipe=Recipe(max_epochs=1, compile=True))
    with pytest.raises(SettingError, match=r"compile=True.*no C\+\+ compiler.*expected g\+\+"):
        model.fit(np.eye(6, dtype=np.float32))
    # "auto" asks for nothing that is not there.
    model.set_params(recipe=Recipe(max_epochs=1, compile="auto"), random_state=0)
    assert model.fit(np.eye(6, dtype=np.float32)).arithmetic_ == "float32, eager"


@pytest.mark.filterwarnings("ignore")  # of torch's compiler about its own code
@pytest.mark.skipif(not arithmetic._has_compiler(), reason="no C++ compiler here")
def test_a_compiled_training_ends_where_the_eager_one_does():
    rows = np.random.default_rng(0).random((50, 6)).astype(np.float32)

    def trained(compile: bool) -> Autoencoder:
        recipe = Recipe(max_epochs=2, batch_size=20, compile=compile)
        return Autoencoder(2, hidden=(4,), recipe=recipe, random_state=0).fit(rows)

    compiled, eager = trained(True), trained(False)
    assert compiled.arithmetic_ == "float32, compiled"
    np.testing.assert_allclose(compiled.transform(rows), eager.transform(rows), atol=1e-5)
    assert all(not hasattr(part, "_orig_mod") for part in compiled.module_.modules())


@pytest.mark.filterwarnings("ignore")  # of torch's compiler about its own code
def test_compiling_leaves_the_checks_of_torchs_distributions_on(module):
    Arithmetic(compile=True).view(module).decoder(torch.zeros(1, 2))
    with pytest.raises(ValueError, match="scale"):
        torch.distributions.Normal(0.0, -1.0)
