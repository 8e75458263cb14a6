"""The training loop against a plain one, and what it promises around it."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted
from torch import nn

from utsushi import Autoencoder, Recipe, VariationalAutoencoder
from utsushi._utils.seeds import Purpose, generator
from utsushi.exceptions import SettingError, TrainingDivergedError
from utsushi.networks import Dense, initialize
from utsushi.objectives import Batch, ReconstructionObjective, Terms, lecture_loss
from utsushi.samplers import Gaussian
from utsushi.training import train
from utsushi.training.loop import check_step, probe_of, shuffled_batches

X = load_digits().data[:330] / 16.0
BOTH = pytest.mark.parametrize("estimator", [Autoencoder, VariationalAutoencoder])
SMALL = {"n_components": 3, "hidden": (16,), "random_state": 0}


def parameters_of(module):
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


# --- the lecture's loop -----------------------------------------------------------------------


def lecture_loop(n_outputs, loss, n_epochs=2):
    """Train as the lecture does, in plain torch: Adam at 1e-3, sum of the rows' losses."""
    x = torch.tensor(X - X.mean(axis=0), dtype=torch.float32)
    encoder = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, n_outputs))
    decoder = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 64))
    start = Dense((16,)).build(64, 3, n_outputs)
    initialize(start, generator(0, Purpose.INITIALIZATION))
    encoder.load_state_dict(start.encoder.state_dict())
    decoder.load_state_dict(start.decoder.state_dict())
    module = nn.ModuleDict({"encoder": encoder, "decoder": decoder})
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, fused=False, foreach=False)
    for epoch in range(1, n_epochs + 1):
        for step, batch in enumerate(shuffled_batches(Batch(x), 100, 0, epoch)):
            optimizer.zero_grad()
            loss(encoder, decoder, batch.x, generator(0, Purpose.NOISE, epoch, step)).backward()
            optimizer.step()
    return parameters_of(module)


def reconstruction_loss(encoder, decoder, x, noise):
    return ((x - decoder(encoder(x))) ** 2).sum()


def variational_loss(encoder, decoder, x, noise):
    mean, log_variance = encoder(x).chunk(2, dim=1)
    z = mean + torch.exp(0.5 * log_variance) * torch.randn(1, *mean.shape, generator=noise)[0]
    kl_terms = 1 + log_variance - mean**2 - torch.exp(log_variance)
    return ((x - decoder(z)) ** 2).sum() - kl_terms.sum()


# 8 steps of at most about 1e-3 each. Adam divides the gradient by its own size, so a gradient that
# is wrong by roundings moves a step by roundings of 1e-3, except where the gradient itself is all
# but zero: a thousandth of the longest way is allowed, and most weights moved by hundreds of that.
TOLERANCE = 1e-3 * 8 * 1e-3


def test_the_lectures_recipe_trains_the_autoencoder_as_the_lecture_does():
    model = Autoencoder(**SMALL, recipe="lecture", max_epochs=2).fit(X)
    for name, expected in lecture_loop(3, reconstruction_loss).items():
        found = model.module_.state_dict()[name]
        torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)


def test_the_lectures_recipe_trains_the_variational_one_as_the_lecture_does():
    # The library minimizes -ELBO, half of the lecture's loss. Adam does not see a factor but by
    # its eps of 1e-8: steps differ by 1e-8 / |gradient| of themselves.
    settings = {"recipe": "lecture", "max_epochs": 2, "likelihood": "unit-gaussian"}
    model = VariationalAutoencoder(**SMALL, **settings).fit(X)
    for name, expected in lecture_loop(6, variational_loss).items():
        found = model.module_.state_dict()[name]
        torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)


def test_the_history_of_the_lectures_model_is_half_its_loss():
    recipe = Recipe("lecture", max_epochs=1, batch_size=1000)
    model = VariationalAutoencoder(**SMALL, recipe=recipe, likelihood="unit-gaussian").fit(X)
    x = torch.tensor(X - X.mean(axis=0), dtype=torch.float32)
    start = Dense((16,)).build(64, 3, 6)
    initialize(start, generator(0, Purpose.INITIALIZATION))
    (batch,) = shuffled_batches(Batch(x), 1000, 0, 1)
    mean, log_variance = start.encoder(batch.x).chunk(2, dim=1)
    noise = torch.randn(mean.shape, generator=generator(0, Purpose.NOISE, 1, 0))
    loss = lecture_loss(
        batch.x, start.decoder(mean + torch.exp(0.5 * log_variance) * noise), mean, log_variance
    )
    expected = 0.5 * loss.mean().item() + 32 * np.log(2 * np.pi)
    assert model.history_[0]["objective"] == pytest.approx(expected, rel=1e-5)


# --- what an epoch is -------------------------------------------------------------------------


class Recorder:
    """An objective that keeps every batch it is given."""

    def __init__(self):
        self.batches = []

    def calibrated(self, module, known, generator):
        return self

    def __call__(self, module, batch, generator):
        if torch.is_grad_enabled():
            self.batches.append(batch.x.clone())
        return ReconstructionObjective()(module, batch, generator)


def small_network(width=4):
    module = Dense(()).build(width, 2, 2)
    initialize(module, torch.Generator().manual_seed(0))
    return module


def test_each_row_is_seen_once_per_epoch_and_the_short_batch_is_used():
    objective = Recorder()
    x = torch.arange(25.0)[:, None].expand(25, 4) / 25
    recipe = Recipe("lecture", max_epochs=2, batch_size=10)
    train(small_network(), objective, Batch(x), recipe=recipe, seed=0)
    assert [len(batch) for batch in objective.batches] == [10, 10, 5, 10, 10, 5]
    for epoch in (objective.batches[:3], objective.batches[3:]):
        assert sorted(torch.cat(epoch)[:, 0].tolist()) == x[:, 0].tolist()


def test_held_out_rows_are_never_trained_on():
    objective = Recorder()
    x, held_out = torch.zeros(12, 4), torch.ones(5, 4)
    recipe = Recipe("lecture", max_epochs=2, batch_size=5)
    data, validation = Batch(x), Batch(held_out)
    train(small_network(), objective, data, recipe=recipe, seed=0, validation=validation)
    assert all((batch == 0).all() for batch in objective.batches)


class FirstColumn:
    """An objective whose value is known: the first column of each row."""

    def calibrated(self, module, known, generator):
        return self

    def __call__(self, module, batch, generator):
        x = batch.x
        value = x[:, 0] + 0 * module.decoder(module.encoder(x)).sum()
        return Terms(value, {"part": 2 * value})


@pytest.mark.parametrize("name", ["objective", "validation_objective"])
def test_the_history_holds_means_over_rows_and_not_over_batches(name):
    x = Batch(torch.arange(2101.0)[:, None].expand(2101, 4) / 1000)
    recipe = Recipe("lecture", max_epochs=1, batch_size=1000)  # 1000, 1000, 101 rows
    (row,) = train(small_network(), FirstColumn(), x, recipe=recipe, seed=0, validation=x)
    assert row[name] == pytest.approx(1.05, rel=1e-5)


def test_an_autoencoders_history_has_its_terms():
    model = Autoencoder(**SMALL, max_epochs=2, recipe=Recipe(validation_fraction=0.2)).fit(X)
    names = "epoch objective reconstruction validation_objective validation_reconstruction"
    assert [set(row) for row in model.history_] == [
        {*names.split(), "learning_rate", "seconds"}
    ] * 2


def test_a_variational_models_history_has_the_divergence_apart():
    settings = {"recipe": Recipe(validation_fraction=0.2), "max_epochs": 1}
    model = VariationalAutoencoder(**SMALL, **settings, beta=2.0).fit(X)
    for prefix in ("", "validation_"):
        row = model.history_[0]
        parts = row[prefix + "reconstruction"] + 2.0 * row[prefix + "kl"]
        assert row[prefix + "objective"] == pytest.approx(parts, rel=1e-5)


def test_the_history_shows_the_last_rate_of_each_epoch():
    model = Autoencoder(**SMALL, max_epochs=4).fit(X)
    rates = [row["learning_rate"] for row in model.history_]
    steps = model.recipe_.steps_per_epoch(len(X))
    expected = [model.recipe_.rate((e * steps - 1) / (4 * steps)) for e in range(1, 5)]
    assert rates == pytest.approx(expected)


def test_few_rows_are_trained_for_the_recipes_least_number_of_steps():
    recipe = Recipe("lecture", max_epochs=2, min_steps=9)
    assert Autoencoder(**SMALL, recipe=recipe).fit(X).n_epochs_ == 3  # of 4 steps each
    # The estimator's own epochs are exact.
    assert Autoencoder(**SMALL, recipe=recipe, max_epochs=1).fit(X).n_epochs_ == 1


@BOTH
def test_explicit_epochs_are_made_exactly(estimator):
    assert estimator(**SMALL, max_epochs=2).fit(X).n_epochs_ == 2


def test_training_lowers_the_objective():
    history = Autoencoder(**SMALL, max_epochs=10).fit(X).history_
    assert history[-1]["objective"] < 0.7 * history[0]["objective"]


# --- early stopping ---------------------------------------------------------------------------


class Scripted:
    """An objective whose held-out value follows a script; the weights of each epoch are kept."""

    def __init__(self, values):
        # After the last epoch the loop looks once more at what it is about to give back.
        self.values, self.seen = iter([*values, 0.0]), []

    def calibrated(self, module, known, generator):
        return self

    def __call__(self, module, batch, generator):
        error = ReconstructionObjective()(module, batch, generator).objective
        if torch.is_grad_enabled():
            return Terms(error, {})
        self.seen.append(parameters_of(module))
        return Terms(torch.full_like(error, next(self.values)), {})


def run_scripted(values, patience):
    objective, module = Scripted(values), small_network()
    x = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    recipe = Recipe("lecture", max_epochs=len(values), batch_size=10, early_stopping=patience)
    settings = {"recipe": recipe, "seed": 0, "validation": Batch(x[:5])}
    return train(module, objective, Batch(x), **settings), objective, module


def test_training_stops_after_so_many_epochs_without_improvement():
    history, _, _ = run_scripted([5, 3, 4, 3.5, 9, 1], patience=3)
    assert len(history) == 5


def test_after_stopping_the_parameters_are_those_of_the_best_epoch():
    _, objective, module = run_scripted([5, 3, 4, 3.5, 9, 1], patience=3)
    best = objective.seen[1]
    assert all(torch.equal(best[name], value) for name, value in module.state_dict().items())


def test_a_training_that_is_not_stopped_gives_its_best_epoch_too():
    _, objective, module = run_scripted([5, 3, 4], patience=3)
    best = objective.seen[1]
    assert all(torch.equal(best[name], value) for name, value in module.state_dict().items())


def test_without_patience_the_last_parameters_stay():
    _, objective, module = run_scripted([1, 2, 3], patience=None)
    last = objective.seen[-1]
    assert all(torch.equal(last[name], value) for name, value in module.state_dict().items())


def test_the_early_stopped_model_has_the_best_held_out_error_of_its_history():
    held_out = X[:100]
    recipe = Recipe(max_epochs=30, learning_rate=0.3, early_stopping=3)
    model = Autoencoder(**SMALL, recipe=recipe)
    model.fit(X[100:], validation_data=held_out)
    best = min(row["validation_objective"] for row in model.history_)
    assert -model.score(held_out) == pytest.approx(best, rel=1e-4)


@pytest.mark.parametrize(("objective", "n_draws"), [("elbo", 1), ("importance-weighted", 5)])
def test_held_out_rows_are_measured_by_the_density_that_the_model_ends_with(objective, n_draws):
    """A likelihood that is calibrated on each block of them would hide the overfitting."""
    settings = {"max_epochs": 60, "objective": objective}
    model = VariationalAutoencoder(**SMALL, **settings).fit(X[100:], validation_data=X[:100])
    bound = model.log_likelihood(X[:100], n_importance_samples=n_draws).mean()
    held_out = model.history_[-1]["validation_objective"]  # of one draw
    assert held_out == pytest.approx(-bound, abs=0.05 * abs(bound) + 1)


def test_early_stopping_without_held_out_rows_is_refused():
    with pytest.raises(SettingError, match=r"recipe__validation_fraction=0\.1"):
        Autoencoder(**SMALL, recipe=Recipe(early_stopping=2)).fit(X)


# --- divergence -------------------------------------------------------------------------------

HOPELESS = {
    "rate": ({"recipe": Recipe(learning_rate=1e10), "max_epochs": 5}, X),
    "data": ({"max_epochs": 5}, X * 1e30),
}


@BOTH
@pytest.mark.parametrize("case", HOPELESS)
def test_a_training_that_diverges_says_so_in_one_line(estimator, case):
    settings, data = HOPELESS[case]
    with pytest.raises(TrainingDivergedError, match="learning_rate=") as error:
        estimator(**SMALL, **settings).fit(data)
    assert "\n" not in str(error.value)


@BOTH
def test_an_estimator_that_diverged_is_not_fitted_even_if_it_was_before(estimator):
    model = estimator(**SMALL, max_epochs=1).fit(X)
    model.set_params(recipe__learning_rate=1e10, max_epochs=5)
    with pytest.raises(TrainingDivergedError):
        model.fit(X)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)


@BOTH
def test_a_last_step_that_ruins_the_parameters_is_a_divergence_too(estimator):
    recipe = Recipe("lecture", batch_size=1000, learning_rate=1e30)
    model = estimator(**SMALL, recipe=recipe, max_epochs=1)
    with pytest.raises(TrainingDivergedError):
        model.fit(X)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)


class Spoiling:
    """An objective of which a term, or a gradient behind a finite loss, goes bad at a step."""

    is_rotation_invariant = False

    def __init__(self, what, at_step):
        self.what, self.at_step, self.n_steps = what, at_step, 0

    def __call__(self, module, batch, generator):
        error = (module.decoder(module.encoder(batch.x)) - batch.x).square().sum(dim=1)
        is_it = self.n_steps == self.at_step
        self.n_steps += 1
        if is_it and self.what == "gradient":  # the derivative of a root at zero
            error = error + (0 * error).sqrt()
        term = torch.full_like(error, float("inf") if is_it and self.what == "term" else 0.0)
        return Terms(error + term, {"error": error.detach(), "regularization": term})


@pytest.mark.parametrize(
    ("what", "said"),
    [("term", "regularization became inf"), ("gradient", "gradient of decoder.0.bias became nan")],
)
@pytest.mark.parametrize("at_step", [0, 3])
def test_what_is_no_number_is_named_before_the_step_that_it_would_spoil(what, said, at_step):
    module = small_network()
    data = Batch(torch.rand(40, 4, generator=torch.Generator().manual_seed(0)))
    recipe = Recipe("lecture", max_epochs=2, batch_size=10)
    with pytest.raises(TrainingDivergedError) as caught:
        train(module, Spoiling(what, at_step), data, recipe=recipe, seed=0)
    assert str(caught.value) == (
        f"training diverged: the {said} in epoch 1 with recipe__learning_rate=0.001. Try "
        "recipe__learning_rate=0.0001 or scaling='standard'."
    )
    assert all(torch.isfinite(parameter).all() for parameter in module.parameters())


def test_a_gradient_whose_sum_overflows_is_no_divergence():
    module = small_network()
    probe = probe_of(module)
    probe.grad = torch.full_like(probe, 3e38)
    check_step(
        module, probe, torch.tensor(0.0), Terms(torch.zeros(1), {}), epoch=1, learning_rate=0.1
    )


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_fit_that_fails_at_its_very_end_leaves_no_fitted_estimator():
    class Broken(Gaussian):
        def fit(self, codes, generator):
            raise ValueError("no such luck")

    model = Autoencoder(**SMALL, max_epochs=1, sampler=Broken())
    with pytest.raises(ValueError, match="no such luck"):
        model.fit(X)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)


# --- precision --------------------------------------------------------------------------------


@BOTH
def test_bfloat16_trains_near_to_float32(estimator):
    final = {}
    for precision in ("float32", "bfloat16"):
        model = estimator(**SMALL, max_epochs=15, recipe=Recipe(precision=precision)).fit(X)
        final[precision] = model.score(X)
        assert {p.dtype for p in model.module_.parameters()} == {torch.float32}
    # A product in bfloat16 is wrong by up to 2^-8: the fit may differ by some per cent.
    assert final["bfloat16"] == pytest.approx(final["float32"], rel=0.05)
    assert final["bfloat16"] != final["float32"]


# --- the caller's state -----------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("random_state", [0, None])
def test_fit_and_use_leave_the_callers_global_state_alone(estimator, random_state):
    def state():
        keys = np.random.get_state()  # noqa: NPY002 - the caller's state is what is looked at
        return (
            torch.get_rng_state().tolist(),
            [part.tolist() if isinstance(part, np.ndarray) else part for part in keys],
            random.getstate(),
            torch.get_default_dtype(),
            torch.get_num_threads(),
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
        )

    before = state()
    model = estimator(n_components=3, hidden=(16,), max_epochs=1, random_state=random_state)
    model.fit(X[:60]).score_samples(X)
    model.sample(3)
    assert state() == before


@BOTH
def test_the_callers_default_dtype_changes_nothing(estimator):
    expected = estimator(**SMALL, max_epochs=1).fit(X).score_samples(X)
    torch.set_default_dtype(torch.float64)
    try:
        found = estimator(**SMALL, max_epochs=1).fit(X).score_samples(X)
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(found, expected)


@BOTH
@pytest.mark.parametrize("switched_off", [torch.no_grad, torch.inference_mode])
def test_fit_works_where_the_caller_switched_gradients_off(estimator, switched_off):
    with switched_off():
        assert estimator(**SMALL, max_epochs=1).fit(X).n_epochs_ == 1


# --- seeds ------------------------------------------------------------------------------------

FIT_AND_SAVE = """
import sys
from sklearn.datasets import load_digits
from utsushi import Autoencoder, VariationalAutoencoder
import torch
torch.set_num_threads(int(sys.argv[2]))
X = load_digits().data[:330] / 16.0
for cls in (Autoencoder, VariationalAutoencoder):
    model = cls(n_components=3, hidden=(16,), max_epochs=2, random_state=5).fit(X)
    model.save(f"{sys.argv[1]}/{cls.__name__}")
"""


def test_the_same_seed_gives_the_same_file_in_another_process(tmp_path):
    command = [sys.executable, "-c", FIT_AND_SAVE, str(tmp_path), str(torch.get_num_threads())]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "12"})
    for cls in (Autoencoder, VariationalAutoencoder):
        model = cls(n_components=3, hidden=(16,), max_epochs=2, random_state=5).fit(X)
        here = model.save(tmp_path / "here")
        assert here.read_bytes() == (tmp_path / cls.__name__).read_bytes()


@BOTH
def test_another_seed_gives_another_model(estimator):
    models = [estimator(**{**SMALL, "random_state": s}, max_epochs=1).fit(X) for s in (0, 1)]
    assert not np.array_equal(models[0].transform(X), models[1].transform(X))
