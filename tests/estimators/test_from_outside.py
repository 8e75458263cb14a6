"""Classes and functions of a user's own work with all that a model does."""

import functools
import math

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from torch import nn

from utsushi import AnomalyDetector, Autoencoder, Recipe, VariationalAutoencoder, datasets, load
from utsushi.distributions import Prior, PriorModule, UnitGaussian
from utsushi.distributions.likelihoods import Likelihood
from utsushi.distributions.likelihoods.base import sum_of_known
from utsushi.exceptions import CheckpointError, ModelFileError, SettingError
from utsushi.networks import Bottleneck, Dense, EncoderDecoder, Network
from utsushi.objectives import Bound, Penalty, ReconstructionObjective, Terms
from utsushi.samplers import Sampler
from utsushi.transforms.augmentation import Augmentation

DIGITS = datasets.load_digits8x8()
TRAIN, TEST = DIGITS.X_train[:200], DIGITS.X_test[:40]
SMALL = {"n_components": 3, "random_state": 0, "device": "cpu"}
SHORT = Recipe("lecture", max_epochs=3, batch_size=50, learning_rate=3e-3)

pytestmark = pytest.mark.filterwarnings("ignore::utsushi.exceptions.UtsushiWarning")


# --- a user's own parts ---------------------------------------------------------------------------


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv.weight)  # the block begins as the identity

    def forward(self, x):
        return x + self.conv(torch.relu(self.norm(x)))


class Attention(nn.Module):
    """Self-attention over pixels, with a constant as a buffer and a parameter without a layer."""

    def __init__(self, channels, n_pixels):
        super().__init__()
        self.register_buffer("place", torch.linspace(-1, 1, n_pixels)[:, None], persistent=False)
        self.scale = nn.Parameter(torch.full((channels,), 0.1))
        self.norm = nn.LayerNorm(channels)
        self.attention = nn.MultiheadAttention(channels, 2, dropout=0.1, batch_first=True)

    def forward(self, x):
        pixels = self.norm(x.flatten(2).transpose(1, 2) + self.place)
        seen = self.attention(pixels, pixels, pixels, need_weights=False)[0]
        return x + (seen * self.scale).transpose(1, 2).reshape(x.shape)


class SmallResNet(Network):
    def __init__(self, channels=4, dropout=0.1):
        self.channels = channels
        self.dropout = dropout

    def build(self, n_features, n_codes, n_outputs, *, image_shape=None):
        c, (height, width) = self.channels, image_shape
        encoder = nn.Sequential(
            *(nn.Unflatten(1, (1, height, width)), nn.Conv2d(1, c, 3, stride=2, padding=1)),
            *(Residual(c), Attention(c, height * width // 4), nn.Dropout(self.dropout)),
            *(nn.Flatten(), nn.Linear(c * height * width // 4, n_outputs)),
        )
        decoder = nn.Sequential(nn.Linear(n_codes, 32), nn.BatchNorm1d(32), nn.GELU())
        return EncoderDecoder(encoder, decoder.append(nn.Linear(32, n_features)))


class Laplace(Likelihood):
    def __init__(self, scale=0.2):
        self.scale = scale

    def log_prob(self, x, output, mask=None):
        return sum_of_known(torch.distributions.Laplace(output, self.scale).log_prob(x), mask)

    def draw(self, output, generator):
        u = torch.rand(output.shape, generator=generator) - 0.5
        return output - self.scale * u.sign() * torch.log1p(-2 * u.abs())


class Wide(Prior):
    """N(m, 4 I) with a learned m."""

    def build(self, n_features, n_components):
        return _Wide(n_components)


class _Wide(PriorModule):
    def __init__(self, n_components):
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(n_components))

    def log_prob(self, z, encode):
        return torch.distributions.Normal(self.mean, 2.0).log_prob(z).sum(dim=-1)

    def sample(self, n_samples, encode, generator, temperature=1.0):
        noise = temperature * generator.standard_normal((n_samples, len(self.mean)))
        return self.mean.detach().double().numpy() + 2 * noise


class Rounded(Bottleneck):
    def __init__(self, step=0.1):
        self.step = step

    def build(self, n_components):
        return _Rounded(self.step)


class _Rounded(nn.Module):
    def __init__(self, step):
        super().__init__()
        self.step = step

    def forward(self, z, generator=None):
        return z + (z.div(self.step).round() * self.step - z).detach(), {}


class Around(Sampler):
    def fit(self, codes, generator):
        self.mean_ = codes.mean(axis=0)
        return self

    def sample(self, n_samples, generator):
        return self.mean_ + generator.standard_normal((n_samples, len(self.mean_)))

    def expected_state(self, n_codes):
        return {"mean_": (n_codes,)}


class Shake(Augmentation):
    def __init__(self, size=0.01):
        self.size = size

    def __call__(self, rows, image_shape, generator):
        return rows + self.size * torch.randn(rows.shape, generator=generator)


class AbsoluteError(ReconstructionObjective):
    is_rotation_invariant = False

    def __call__(self, module, batch, generator):
        error = (batch.x - module.decoder(module.encoder(batch.x))).abs().sum(dim=-1)
        return Terms(objective=error, parts={"reconstruction": error})


class AbsoluteAutoencoder(Autoencoder):
    def _objective(self, data):
        return AbsoluteError()


class Short(Penalty):
    def __call__(self, module, x, z, generator):
        return z.square().sum(dim=-1)


class Tempered(Bound):
    """The evidence lower bound with a share of the log-likelihood."""

    n_draws = 2

    def __init__(self, share=0.5):
        self.share = share

    def __call__(self, draws, beta):
        return self.share * draws.expected_log_likelihood - beta * draws.divergence.sum(dim=-1)


def mean_of_codes(module, x, z, generator):
    return z.mean(dim=0).square().sum().expand(len(z))


def cooled(progress):
    return 1 - progress


def cyclic(epochs):
    return math.sin(epochs) ** 2  # which is an error of infinity


def momentum(parameters, **settings):
    return torch.optim.SGD(parameters, momentum=0.9, **settings)


class Signs(torch.optim.Optimizer):
    """Moves by the sign of a mean gradient; its state is a tensor and a number."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                state["n"] = state.get("n", 0) + 1
                mean = state.setdefault("mean", torch.zeros_like(parameter))
                mean.lerp_(parameter.grad, 1 / min(state["n"], 10))
                parameter.sub_(group["lr"] * mean.sign())


class Schedule(BaseEstimator):
    """A schedule with a parameter."""

    def __init__(self, power=1.0):
        self.power = power

    def __call__(self, progress):
        return (1 - progress) ** self.power

    def _validate_params(self):
        pass


def recipe(**settings):
    return SHORT.with_settings(**settings)


RESNET = {"network": SmallResNet(), "image_shape": (8, 8)}

#: What a user writes, and the classes that the file needs.
MEMBERS = {
    "network": (Autoencoder, RESNET, [SmallResNet]),
    "variational network": (VariationalAutoencoder, RESNET, [SmallResNet]),
    "likelihood": (VariationalAutoencoder, {"likelihood": Laplace(0.3)}, [Laplace]),
    "prior": (VariationalAutoencoder, {"prior": Wide(), "sampler": "prior"}, [Wide]),
    "bottleneck": (Autoencoder, {"bottleneck": Rounded(0.2)}, [Rounded]),
    "sampler": (VariationalAutoencoder, {"sampler": Around()}, [Around]),
    "augmentation": (Autoencoder, {"augment": Shake()}, [Shake]),
    "objective": (AbsoluteAutoencoder, {}, [AbsoluteAutoencoder]),
    "penalty": (
        Autoencoder,
        {"penalty": mean_of_codes, "sampler": "prior"},
        [mean_of_codes],
    ),
    "penalty object": (Autoencoder, {"penalty": Short(strength=0.5)}, [Short]),
    "bound": (VariationalAutoencoder, {"objective": Tempered(share=0.7)}, [Tempered]),
    "beta": (VariationalAutoencoder, {"beta": cyclic}, [cyclic]),
    "schedule": (Autoencoder, {"recipe": recipe(schedule=cooled)}, [cooled]),
    "schedule object": (Autoencoder, {"recipe": recipe(schedule=Schedule(2.0))}, [Schedule]),
    "torch optimizer": (Autoencoder, {"recipe": recipe(optimizer=torch.optim.SGD)}, []),
    "optimizer function": (Autoencoder, {"recipe": recipe(optimizer=momentum)}, [momentum]),
    "optimizer class": (Autoencoder, {"recipe": recipe(optimizer=Signs)}, [Signs]),
}


def unfitted(name, **settings):
    cls, own, _ = MEMBERS[name]
    narrow = {} if "network" in own else {"hidden": (16,)}
    return cls(**{**SMALL, "recipe": SHORT, **narrow, **own, **settings})


@functools.cache
def fitted(name):
    return unfitted(name).fit(TRAIN)


def results_of(model):
    return [
        model.transform(TEST),
        model.reconstruct(TEST),
        model.score_samples(TEST),
        model.sample(5, random_state=1),
    ]


def assert_equal_results(one, other):
    for a, b in zip(results_of(one), results_of(other), strict=True):
        np.testing.assert_array_equal(a, b)


each_member = pytest.mark.parametrize("name", MEMBERS)
each_network = pytest.mark.parametrize("name", ["network", "variational network"])


# --- fit, files, checkpoints ----------------------------------------------------------------------


@each_member
def test_it_trains_scores_and_samples(name):
    model = fitted(name)
    for result, shape in zip(results_of(model), [(40, 3), (40, 64), (40,), (5, 64)], strict=True):
        assert result.shape == shape
        assert np.isfinite(result).all()
    assert model.history_[-1]["reconstruction"] < model.history_[0]["reconstruction"]


@each_member
def test_the_seed_decides_the_model(name):
    torch.rand(1)  # another global state than at the first fit
    assert_equal_results(fitted(name), unfitted(name).fit(TRAIN))


@each_member
def test_a_file_gives_the_same_model_with_its_classes(name, tmp_path):
    model, classes = fitted(name), MEMBERS[name][2]
    path = model.save(tmp_path / "model")
    again = load(path, classes=classes)
    assert_equal_results(model, again)
    assert again.save(tmp_path / "second").read_bytes() == path.read_bytes()
    assert_equal_results(model, again.fit(TRAIN))


@pytest.mark.parametrize("name", [name for name in MEMBERS if MEMBERS[name][2]])
def test_a_file_without_its_classes_is_refused_in_one_sentence(name, tmp_path, refusal):
    (own,) = MEMBERS[name][2]
    message = refusal(ModelFileError, load, fitted(name).save(tmp_path / "model"))
    assert f"load(path, classes=[{own.__name__}])" in message
    assert message.count(". ") == 0


@each_member
def test_a_training_that_was_stopped_resumes_bit_for_bit(name, tmp_path):
    def stop(_, row):
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    settings = {"checkpoint_dir": tmp_path, "checkpoint_every": "7steps"}
    with pytest.raises(KeyboardInterrupt):
        unfitted(name).fit(TRAIN, on_epoch=stop, **settings)
    assert list(tmp_path.glob("checkpoint-*"))
    assert_equal_results(fitted(name), unfitted(name).fit(TRAIN, **settings))


def test_a_resume_knows_a_function_by_its_name_and_code(tmp_path):
    """In another process it has another address."""

    def model():
        schedule = recipe(schedule=lambda progress: 1 - progress)
        return unfitted("beta", recipe=schedule, beta=lambda epochs: 0.5)

    stop = {"on_epoch": lambda _, row: row["epoch"] == 1}
    model().fit(TRAIN, checkpoint_dir=tmp_path, **stop)
    assert_equal_results(model().fit(TRAIN), model().fit(TRAIN, checkpoint_dir=tmp_path))


def test_another_function_is_another_training(tmp_path):
    def model(factor):
        schedules = {1: lambda progress: 1.0, 2: lambda progress: 2.0}
        return unfitted("schedule", recipe=recipe(schedule=schedules[factor]))

    model(1).fit(TRAIN, checkpoint_dir=tmp_path)
    with pytest.raises(CheckpointError, match="recipe__schedule"):
        model(2).fit(TRAIN, checkpoint_dir=tmp_path)


# --- networks -------------------------------------------------------------------------------------


@each_network
def test_the_callers_random_state_is_kept(name):
    before = torch.get_rng_state()
    unfitted(name).fit(TRAIN)
    assert torch.equal(torch.get_rng_state(), before)


def test_constructors_fill_the_weights():
    network = RESNET | {"recipe": recipe(learning_rate=1e-12, max_epochs=1)}
    module = Autoencoder(**SMALL, **network).fit(TRAIN).module_
    residual, attention = module.encoder[2], module.encoder[3]
    assert residual.conv.weight.abs().max() < 1e-6
    assert residual.conv.bias.abs().max() > 1e-3
    torch.testing.assert_close(attention.scale, torch.full((4,), 0.1))
    torch.testing.assert_close(attention.place, torch.linspace(-1, 1, 16)[:, None])


@each_network
def test_the_fitted_model_has_no_dropout(name):
    model = fitted(name)
    assert not any(layer.training for layer in model.module_.modules())
    np.testing.assert_array_equal(model.transform(TEST), model.transform(TEST))


def test_normalization_keeps_its_statistics_of_the_best_epoch(tmp_path):
    stopping = recipe(learning_rate=0.3, max_epochs=30, batch_size=20, early_stopping=3)
    settings = RESNET | {"recipe": stopping}
    held_out = {"validation_data": TEST, "checkpoint_dir": tmp_path}
    model = Autoencoder(**SMALL, **settings).fit(TRAIN, **held_out)
    objectives = [row["validation_objective"] for row in model.history_]
    best = int(np.argmin(objectives))
    assert best < len(objectives) - 1
    assert -model.score(TEST) == pytest.approx(objectives[best], rel=1e-4)
    n_batches = int(model.module_.decoder[1].num_batches_tracked)
    assert n_batches == 10 * (best + 1)
    # A finished training that is fitted again does not count its samples once more.
    again = Autoencoder(**SMALL, **settings).fit(TRAIN, **held_out)
    assert_equal_results(model, again)


@each_network
def test_a_sample_does_not_depend_on_its_neighbours(name):
    model = fitted(name)
    np.testing.assert_array_equal(model.score_samples(TEST)[7:9], model.score_samples(TEST[7:9]))


def test_it_trains_in_bfloat16():
    model = unfitted("network", recipe=recipe(precision="bfloat16")).fit(TRAIN)
    assert np.isfinite(model.score_samples(TEST)).all()


@each_network
def test_its_torch_module_computes_the_same(name):
    model = fitted(name)
    module = model.to_torch()
    with torch.no_grad():
        reconstructions = module(torch.from_numpy(TEST)).numpy()
    np.testing.assert_allclose(reconstructions, model.reconstruct(TEST), atol=1e-4)


def test_a_network_without_an_image_shape_trains_by_the_default_recipe():
    class Normalized(Network):
        def build(self, n_features, n_codes, n_outputs, *, image_shape=None):
            norm = nn.BatchNorm1d(n_features)
            return EncoderDecoder(
                nn.Sequential(norm, nn.Linear(n_features, n_outputs)),
                nn.Linear(n_codes, n_features),
            )

    model = Autoencoder(**SMALL, network=Normalized()).fit(TRAIN)
    assert -model.score(TEST) < np.var(TEST, axis=0).sum()


def test_a_network_with_frozen_weights_resumes(tmp_path):
    class Frozen(Network):
        def build(self, n_features, n_codes, n_outputs, *, image_shape=None):
            first = nn.Linear(n_features, 32).requires_grad_(False)
            encoder = nn.Sequential(first, nn.ReLU(), nn.Linear(32, n_outputs))
            return EncoderDecoder(encoder, nn.Linear(n_codes, n_features))

    settings = {**SMALL, "network": Frozen(), "recipe": SHORT}
    whole = Autoencoder(**settings).fit(TRAIN)
    stop = {"on_epoch": lambda _, row: row["epoch"] == 1}
    Autoencoder(**settings).fit(TRAIN, checkpoint_dir=tmp_path, **stop)
    assert_equal_results(whole, Autoencoder(**settings).fit(TRAIN, checkpoint_dir=tmp_path))


# --- files ----------------------------------------------------------------------------------------


def test_a_detector_holds_its_own_network(tmp_path):
    detector = AnomalyDetector(unfitted("network")).fit(TRAIN)
    path = detector.save(tmp_path / "model")
    with pytest.raises(ModelFileError, match=r"classes=\[SmallResNet\]"):
        load(path)
    again = load(path, classes=[SmallResNet])
    np.testing.assert_array_equal(again.score_samples(TEST), detector.score_samples(TEST))


def test_all_missing_classes_are_named_with_those_that_were_given(tmp_path):
    settings = {"likelihood": Laplace(), "prior": Wide(), "sampler": Around()}
    model = VariationalAutoencoder(**SMALL, hidden=(8,), recipe=SHORT, **settings).fit(TRAIN)
    path = model.save(tmp_path / "model")
    with pytest.raises(ModelFileError, match=r"classes=\[Wide, Around, Laplace\]"):
        load(path, classes=[Wide])
    assert_equal_results(model, load(path, classes=[Wide, Around, Laplace]))


@pytest.mark.parametrize(
    "settings",
    [{"beta": lambda epochs: 1.0}, {"recipe": recipe(schedule=functools.partial(pow, exp=2))}],
    ids=["beta", "schedule"],
)
def test_what_has_no_name_is_not_saved(settings, tmp_path):
    model = VariationalAutoencoder(**{**SMALL, "hidden": (8,), "recipe": SHORT, **settings})
    if "beta" not in settings:
        model.set_params(recipe=recipe(schedule=functools.partial(lambda a, p: a, 0.5)))
    with pytest.raises(SettingError, match=r"^(beta|schedule)=.*cannot be saved.*def or class"):
        model.fit(TRAIN).save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_parameter_that_json_cannot_hold_is_not_saved(tmp_path):
    network = SmallResNet(dropout=0.1)
    model = Autoencoder(**SMALL, network=network, image_shape=(8, 8), recipe=SHORT).fit(TRAIN)
    model.network_.dropout = {0.1}
    with pytest.raises(SettingError, match=r"dropout cannot be saved.*\{0.1\}"):
        model.save(tmp_path / "model")


def other(name, base):
    return type(name, (base,), {"__module__": __name__})


@pytest.mark.parametrize(
    "settings",
    [{"network": other("Dense", Dense)()}, {"likelihood": other("UnitGaussian", UnitGaussian)()}],
    ids=["network", "likelihood"],
)
def test_a_name_of_the_library_is_not_saved_for_another_class(settings, tmp_path):
    model = VariationalAutoencoder(**SMALL, hidden=(8,), recipe=SHORT, **settings).fit(TRAIN)
    with pytest.raises(SettingError, match="has a class of that name"):
        model.save(tmp_path / "model")


def test_an_estimator_with_a_name_of_the_library_is_not_saved(tmp_path):
    model = other("Autoencoder", Autoencoder)(**SMALL, hidden=(8,), recipe=SHORT).fit(TRAIN)
    with pytest.raises(SettingError, match="has a class of that name"):
        model.save(tmp_path / "model")


def test_a_detector_of_an_own_class_is_not_saved(tmp_path):
    detector = other("Mine", AnomalyDetector)().fit(TRAIN)
    with pytest.raises(SettingError, match="Mine cannot be saved"):
        detector.save(tmp_path / "model")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([other("Dense", Dense)], "must not replace"),
        ([other("Autoencoder", Autoencoder)], "must not replace"),
        ([Laplace, other("Laplace", Laplace)], "Laplace twice"),
        ([lambda: 1], "have a name"),
        (["Laplace"], "have a name"),
        (Laplace, "must be a list"),
    ],
)
def test_classes_that_cannot_be_given(classes, message, tmp_path):
    path = Autoencoder(**SMALL, hidden=(8,), recipe=SHORT).fit(TRAIN).save(tmp_path / "model")
    with pytest.raises(SettingError, match=message):
        load(path, classes=classes)


def test_classes_that_are_not_needed_change_nothing(tmp_path):
    model = Autoencoder(**SMALL, hidden=(8,), recipe=SHORT).fit(TRAIN)
    path = model.save(tmp_path / "model")
    assert_equal_results(model, load(path, classes=[Laplace, Dense]))


def test_a_class_of_another_kind_is_refused(tmp_path):
    path = fitted("network").save(tmp_path / "model")

    class NotANetwork(Laplace):
        pass

    NotANetwork.__name__ = "SmallResNet"
    with pytest.raises(ModelFileError, match="not a Network"):
        load(path, classes=[NotANetwork])


# --- optimizers and schedules ---------------------------------------------------------------------


def test_a_schedule_is_a_factor_of_the_rate():
    rates = [row["learning_rate"] for row in fitted("schedule").history_]
    np.testing.assert_allclose(rates, [3e-3 * (1 - step / 12) for step in (3, 7, 11)])


def test_a_torch_optimizer_gets_rate_and_decay():
    model = unfitted("network", recipe=recipe(optimizer=torch.optim.SGD, weight_decay=0.25))
    (group,) = model.recipe.new_optimizer([nn.Parameter(torch.zeros(1))]).param_groups
    assert (group["lr"], group["weight_decay"]) == (3e-3, 0.25)


def test_plain_gradient_descent_is_that_of_a_loop_of_torch():
    X = torch.from_numpy(TRAIN)
    one_step = recipe(
        max_epochs=1, batch_size=len(X), learning_rate=1e-4, optimizer=torch.optim.SGD
    )
    settings = {**SMALL, "hidden": (), "scaling": None}
    starts = [Autoencoder(**settings, recipe=one_step.with_settings(learning_rate=1e-30))]
    start = starts[0].fit(TRAIN).module_
    start.zero_grad()
    loss = (start.decoder(start.encoder(X)) - X).square().sum()
    loss.backward()
    trained = Autoencoder(**settings, recipe=one_step).fit(TRAIN).module_
    for before, after in zip(start.parameters(), trained.parameters(), strict=True):
        torch.testing.assert_close(after, before - 1e-4 * before.grad, rtol=1e-4, atol=1e-6)


def test_a_schedule_and_an_optimizer_must_be_callable():
    for settings in ({"schedule": 3}, {"optimizer": "sgd"}):
        with pytest.raises(ValueError, match=next(iter(settings))):
            recipe(**settings)


# --- the weight of the divergence -----------------------------------------------------------------


def test_a_constant_function_is_a_constant_weight():
    settings = {**SMALL, "hidden": (8,), "recipe": SHORT}
    constant = VariationalAutoencoder(**settings, beta=0.5).fit(TRAIN)
    function = VariationalAutoencoder(**settings, beta=lambda epochs: 0.5).fit(TRAIN)
    assert_equal_results(constant, function)


def test_the_weight_is_a_function_of_the_epochs_that_are_done():
    seen = []
    model = unfitted("beta", beta=lambda epochs: seen.append(epochs) or 1.0)
    model.fit(TRAIN, validation_data=TEST)
    training = [epochs for epochs in seen if epochs != 3]
    assert training == [step / 4 for step in range(12)]
    assert 3 in seen  # of the held-out samples: the end of the training


# --- penalties ------------------------------------------------------------------------------------


def test_a_penalty_of_ones_own_does_what_it_says():
    settings = {**SMALL, "hidden": (16,), "recipe": recipe(max_epochs=30)}
    free = Autoencoder(**settings).fit(TRAIN)
    held = Autoencoder(**settings, penalty=lambda *batch: 100 * mean_of_codes(*batch)).fit(TRAIN)
    size = [np.abs(model.transform(TRAIN).mean(axis=0)).max() for model in (free, held)]
    assert size[1] < 0.2 * size[0]


def test_own_parts_can_be_cloned_and_set():
    model = clone(unfitted("likelihood")).set_params(likelihood__scale=0.5)
    assert model.likelihood.scale == 0.5


# --- callbacks ------------------------------------------------------------------------------------


WIDE = np.tile(TRAIN, 3), np.tile(TEST, 3)  # which train in a subspace


@pytest.mark.parametrize("cls", [Autoencoder, VariationalAutoencoder])
@pytest.mark.parametrize(("X", "new"), [(TRAIN, TEST), WIDE], ids=["narrow", "wide"])
def test_a_callback_sees_what_was_learned_so_far(cls, X, new):
    seen = []

    def callback(model, row):
        seen.append((model.transform(new), model.reconstruct(new), model.score_samples(new)))
        assert model.history_[-1] == row
        assert model.n_epochs_ == row["epoch"]

    # The last layer is solved after the last epoch.
    settings = {**SMALL, "hidden": (16,), "max_epochs": 4, "recipe": Recipe(last_layer_ridge=0)}
    model = cls(**settings).fit(X, on_epoch=callback)
    last = model.transform(new), model.reconstruct(new), model.score_samples(new)
    for of_callback, of_model in zip(seen[-1], last, strict=True):
        np.testing.assert_allclose(of_callback, of_model, rtol=1e-4, atol=1e-4)
    assert not np.allclose(seen[0][1], seen[-1][1], atol=1e-2)
    assert len(seen) == 4
    # It changes nothing.
    untouched = cls(**settings).fit(X)
    np.testing.assert_array_equal(untouched.score_samples(new), last[2])


def test_a_callback_sees_layers_at_inference_and_does_not_change_the_training():
    model = unfitted("network").fit(TRAIN, on_epoch=lambda model, row: model.score(TEST) and None)
    assert_equal_results(model, fitted("network"))


def test_a_callback_can_sample_and_save_after_fitting_a_sampler(tmp_path):
    def callback(model, row):
        model.fit_sampler(TRAIN)
        assert model.sample(2).shape == (2, 64)
        model.save(tmp_path / f"{row['epoch']}")

    model = unfitted("likelihood").fit(TRAIN, on_epoch=callback)
    assert_equal_results(load(tmp_path / "3", classes=[Laplace]), model)


@pytest.mark.parametrize("X", [TRAIN, WIDE[0]], ids=["narrow", "wide"])
def test_a_callback_that_returns_true_stops_and_keeps_what_was_learned(X):
    last = {}

    def callback(model, row):
        last["codes"] = model.transform(X)
        return row["epoch"] == 2

    model = Autoencoder(**SMALL, hidden=(16,), max_epochs=5).fit(X, on_epoch=callback)
    assert len(model.history_) == model.n_epochs_ == 2
    np.testing.assert_allclose(model.transform(X), last["codes"], rtol=1e-4, atol=1e-5)
    assert np.isfinite(model.sample(3)).all()


def test_a_stopped_training_is_found_again_and_can_go_on(tmp_path):
    def stop(_, row):
        return row["epoch"] == 2

    settings = {"checkpoint_dir": tmp_path}
    stopped = unfitted("network").fit(TRAIN, on_epoch=stop, **settings)
    again = unfitted("network").fit(TRAIN, on_epoch=stop, **settings)
    assert_equal_results(stopped, again)
    assert_equal_results(fitted("network"), unfitted("network").fit(TRAIN, **settings))


def test_a_row_before_a_checkpoint_stops_no_resumed_training(tmp_path):
    """What the callback says of an old row, with the newest model, was not said then."""

    def interrupt(_, row):
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    settings = {"checkpoint_dir": tmp_path, "checkpoint_every": "6steps"}  # within epoch 2
    with pytest.raises(KeyboardInterrupt):
        unfitted("network").fit(TRAIN, on_epoch=interrupt, **settings)
    resumed = unfitted("network").fit(TRAIN, on_epoch=lambda _, row: row["epoch"] == 1, **settings)
    assert len(resumed.history_) == 3


def test_a_callback_that_fails_leaves_no_fitted_model():
    def fail(model, row):
        model.fit_sampler(TRAIN)
        raise KeyError("enough")

    model = unfitted("network")
    with pytest.raises(KeyError):
        model.fit(TRAIN, on_epoch=fail)
    assert not model.__sklearn_is_fitted__()
