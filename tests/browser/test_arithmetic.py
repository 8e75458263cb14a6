"""What the page computes, against torch: each layer, whole models, and what is said of a row."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence

from utsushi import Autoencoder, VariationalAutoencoder, datasets
from utsushi.distributions import VampPrior
from utsushi.networks import Conv, Dense, VectorQuantization
from utsushi.networks.base import Sigmoid
from utsushi.networks.linear import Linear
from utsushi.report import to_html
from utsushi.report.layers import layers_of
from utsushi.report.tensors import Blob

DIGITS = datasets.load_digits8x8()
X, Y = DIGITS.X_test[:100], DIGITS.y_test[:100]

ACTIVATIONS = {
    "relu": nn.ReLU(),
    "gelu": nn.GELU(),
    "silu": nn.SiLU(),
    "elu": nn.ELU(),
    "tanh": nn.Tanh(),
    "sigmoid": nn.Sigmoid(),
    "the library's sigmoid": Sigmoid(),
}


def images(shape, *layers):
    return nn.Sequential(nn.Unflatten(1, shape), *layers, nn.Flatten())


LAYERS = {
    "linear": (Linear(37, 5), 37),
    "linear without bias": (nn.Linear(9, 20, bias=False), 9),
    **{name: (nn.Sequential(layer), 400) for name, layer in ACTIVATIONS.items()},
    "conv": (images((3, 7, 5), nn.Conv2d(3, 4, 3, stride=2, padding=1)), 105),
    "conv of one pixel": (images((2, 1, 1), nn.Conv2d(2, 3, 3, stride=2, padding=1)), 2),
    "conv, wide": (images((1, 9, 12), nn.Conv2d(1, 2, 5, stride=3, bias=False)), 108),
    "transposed": (images((4, 4, 3), nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1)), 48),
    "transposed, padded": (
        images((4, 4, 3), nn.ConvTranspose2d(4, 3, 3, 2, padding=1, output_padding=(1, 0))),
        48,
    ),
    "transposed, wide": (
        images((2, 3, 5), nn.ConvTranspose2d(2, 1, 4, 3, output_padding=(0, 2), bias=False)),
        30,
    ),
}

MODELS = {
    "dense": (Autoencoder, {}),
    "sigmoid": (
        Autoencoder,
        {"network": Dense(output="sigmoid", activation="gelu"), "scaling": None},
    ),
    "standard": (Autoencoder, {"scaling": "standard", "network": Dense(activation="silu")}),
    "gaussian": (VariationalAutoencoder, {"likelihood": "gaussian", "scaling": "standard"}),
    "bernoulli": (VariationalAutoencoder, {"likelihood": "bernoulli"}),
    "unit-gaussian": (VariationalAutoencoder, {"likelihood": "unit-gaussian"}),
    "continuous": (VariationalAutoencoder, {"likelihood": "continuous-bernoulli"}),
    "conv": (
        VariationalAutoencoder,
        {"network": Conv(channels=(4, 6)), "likelihood": "gaussian"},
    ),
    "conditional": (VariationalAutoencoder, {"conditional": True, "likelihood": "unit-gaussian"}),
    "two hidden layers": (Autoencoder, {"hidden": (260, 270), "network": Dense(activation="tanh")}),
    "vamp": (VariationalAutoencoder, {"prior": VampPrior(n_pseudo_inputs=7), "sampler": "prior"}),
    "quantized": (
        Autoencoder,
        {"bottleneck": VectorQuantization(codebook_size=16), "max_epochs": 20},
    ),
}


def rows_for(name, rows):
    """Return rows that a model takes: zeros and ones for Bernoulli's likelihood."""
    return (rows > 0.5).astype(np.float32) if name == "bernoulli" else rows


def fitted(name):
    kind, settings = MODELS[name]
    # Wide enough to be carried in half precision.
    settings = {"hidden": (1100,), "max_epochs": 3, **settings, "image_shape": (8, 8)}
    model = kind(4, **settings, random_state=0)
    return model.fit(rows_for(name, DIGITS.X_train[:500]), DIGITS.y_train[:500])


@pytest.fixture(scope="module")
def calculator(open_page):
    """A page, of which the tests use the arithmetic."""
    with open_page("digits") as living:
        yield living


@pytest.fixture(scope="module")
def whole(calculator):
    """Put the models of other pages beside this one's, as that page would have read them."""
    models = {name: fitted(name) for name in MODELS}
    names = list(models)
    calculator.js("() => { Utsushi.whole = {} }")
    for some in (names[:4], ["bernoulli"], names[5:8], names[8:10], names[10:]):
        html = str(to_html({name: models[name] for name in some}, rows_for(some[0], X), Y))
        calculator.js(
            """async ([html, names]) => {
              const read = new DOMParser().parseFromString(html, "text/html");
              const text = (name) => read.getElementById(`utsushi-${name}`).textContent;
              const buffer = await Utsushi.tensors.unpack(text("tensors"));
              const header = Utsushi.tensors.resolve(JSON.parse(text("header")), buffer);
              names.forEach((name, i) => {
                Utsushi.whole[name] = new Utsushi.Model(header.models[i]);
              });
            }""",
            [html, some],
        )
    return models


def decoded(calculator, name, codes, classes=None):
    """Return what the page decodes."""
    rows = calculator.numbers(
        "(name, codes, n, classes) => Utsushi.whole[name].decode(fromPython(codes), n, classes)",
        name,
        codes,
        len(codes),
        classes,
    )
    return rows.reshape(len(codes), -1)


def codes_of(model):
    """Return a hundred random codes, spread as those of rows are, and some farther."""
    found = model.transform(X)
    noise = np.random.default_rng(1).normal(size=found.shape)
    return (found.mean(0) + 1.5 * found.std(0) * noise).astype(np.float32)


def divergence_of(model, rows):
    """Return the divergence of each row; from a mixture its upper bound, from each Gaussian's."""
    mean, sigma = map(torch.tensor, model.posterior_of(rows))
    q = Independent(Normal(mean[:, None], sigma[:, None]), 1)
    if model.has_standard_normal_prior:
        one = torch.ones(model.n_components_)
        return kl_divergence(q, Independent(Normal(0 * one, one), 1))[:, 0].numpy()
    module = model.module_
    with torch.no_grad():
        head = module.encoder(module.prior.pseudo_inputs)
    means, log_variances = head.chunk(2, dim=1)  # too small to be bent
    p = Independent(Normal(means, torch.exp(0.5 * log_variances)), 1)
    bound = -torch.logsumexp(-kl_divergence(q, p), dim=1) + np.log(len(means))
    drawn = model.divergence(rows)
    assert abs(bound.mean() - drawn.mean()) < 0.1 * drawn.mean()
    return bound.numpy()


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_gives_what_torch_gives(calculator, name):
    layer, n_inputs = LAYERS[name]
    blob = Blob()
    with torch.no_grad():
        for weight in (p for p in layer.parameters() if p.dim() > 1):
            weight.copy_(weight.half())
    described = layers_of(layer, blob)
    rows = 2 * np.random.default_rng(0).normal(size=(100, n_inputs)).astype(np.float32)
    rows[:, 0] = np.linspace(-9, 9, 100)
    found = calculator.numbers(
        """async (layers, encoded, rows) => {
          const known = Utsushi.tensors.resolve(layers, await Utsushi.tensors.unpack(encoded));
          for (const layer of known) if (layer.weight) layer.shape = layer.weight.shape;
          return Utsushi.network.forward(known, fromPython(rows), 100);
        }""",
        described,
        blob.encoded(),
        rows,
    )
    with torch.no_grad():
        expected = layer(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=0, atol=1e-5)


def test_every_finite_half_is_read_as_numpy_reads_it(calculator):
    bits = np.arange(2**16, dtype=np.uint16)
    found = calculator.numbers(
        "() => Array.from({ length: 65536 }, (_, i) => Utsushi.tensors.halfToNumber(i))"
    )
    np.testing.assert_array_equal(found, bits.view(np.float16).astype(np.float32))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_decodes_as_torch_does_with_the_same_weights(calculator, whole, rounded, name):
    codes = codes_of(whole[name])
    classes = [i % 10 for i in range(len(codes))] if name == "conditional" else None
    expected = rounded(whole[name]).inverse_transform(codes, classes)
    found = decoded(calculator, name, codes, classes)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_row_is_said_to_be_as_python_says(calculator, whole, rounded, name):
    model, rows = whole[name], rows_for(name, X[:50])
    classes = Y[:50].tolist() if name == "conditional" else None
    found = calculator.numbers(
        """async (name, rows, classes) => {
          const [model, all, said] = [Utsushi.whole[name], fromPython(rows), []];
          for (let i = 0; i < 50; i++) {
            const m = await model.measure(all.slice(64 * i, 64 * i + 64), classes ? classes[i] : 0);
            said.push(m.squaredError, m.kl ?? -1, m.score, ...m.code, ...m.reconstruction);
          }
          return said;
        }""",
        name,
        rows,
        classes,
    )
    error, kl, score, code, copy = np.split(found.reshape(50, -1), [1, 2, 3, 7], axis=1)
    copies = model.reconstruct(rows, classes)
    forward = model.scaling_.forward
    errors = np.square(forward(rows) - forward(copies)).sum(axis=1)
    np.testing.assert_allclose(error[:, 0], errors, rtol=1e-3)
    np.testing.assert_allclose(copy, copies, rtol=0, atol=2e-3)
    np.testing.assert_allclose(code, rounded(model).transform(rows), rtol=0, atol=1e-5)
    np.testing.assert_allclose(code, model.transform(rows), rtol=0, atol=2e-3)
    if isinstance(model, Autoencoder):
        assert (kl == -1).all()  # an autoencoder has none
        scores = -model.score_samples(rows)
    else:
        np.testing.assert_allclose(kl[:, 0], divergence_of(model, rows), rtol=1e-3)
        scores = -model.mean_code_score(rows, classes)
    # A density's logarithm passes through zero: what counts is how far scores are apart.
    np.testing.assert_allclose(score[:, 0], scores, rtol=1e-3, atol=1e-3 * np.std(scores))


@pytest.mark.parametrize(("index", "name"), [(0, "AE"), (1, "VAE")])
def test_rounding_the_weights_changes_what_is_decoded_by_less_than_a_grey_level(
    calculator, made, index, name
):
    model = made("digits").models[name]
    assert '"weight":{"dtype":"float16"' in made("digits").text
    codes = model.transform(made("digits").X[:100])
    found = calculator.numbers(
        "(index, codes) => Utsushi.page.models[index].decode(fromPython(codes), 100)", index, codes
    )
    expected = model.inverse_transform(codes)
    np.testing.assert_allclose(found.reshape(100, -1), expected, rtol=0, atol=2e-3)


def test_a_worker_gives_the_same_numbers_and_each_asker_its_own(calculator):
    same = calculator.js(
        """async () => {
          const { encoder, decoder } = Utsushi.page.models[1].layers;
          const [inside, inline] = [
            new Utsushi.engine.InWorker({ encoder, decoder }),
            new Utsushi.engine.Inline({ encoder, decoder }),
          ];
          const codes = Array.from({ length: 8 }, (_, i) => new Float32Array(10).fill(i / 4 - 1));
          const rows = [Utsushi.page.test.floats.slice(0, 784)];
          const [a, b] = await Promise.all([inside, inline].map((engine) => Promise.all([
            ...codes.map((z) => engine.run("decoder", z, 1)),
            ...rows.map((x) => engine.run("encoder", x, 1)),
          ])));
          inside.worker.terminate();
          return a.map((y, i) => y.length === b[i].length && y.every((v, j) => v === b[i][j]));
        }"""
    )
    assert same == [True] * 9


def test_a_worker_has_one_row_at_a_time_and_takes_requests_in_turn(calculator):
    order, most, same = calculator.js(
        """async () => {
          const parts = Utsushi.page.models[0].layers;
          const inside = new Utsushi.engine.InWorker(parts);
          const { worker } = inside;
          const [post, receive] = [worker.postMessage.bind(worker), worker.onmessage];
          let [there, most] = [0, 0];
          worker.postMessage = (message) => {
            most = Math.max(most, ++there);
            post(message);
          };
          worker.onmessage = (event) => {
            there--;
            receive(event);
          };
          const order = [];
          const codes = (n) => Float32Array.from({ length: 10 * n }, (_, i) => Math.sin(i));
          const asked = Object.entries({ many: 40, few: 3, one: 1 }).map(async ([name, n]) => {
            const y = await inside.run("decoder", codes(n), n);
            order.push(name);
            const expected = Utsushi.network.forward(parts.decoder, codes(n), n);
            return y.length === expected.length && y.every((value, i) => value === expected[i]);
          });
          const same = await Promise.all(asked);
          worker.terminate();
          return [order, most, same];
        }"""
    )
    assert order == ["one", "few", "many"]
    assert most == 1
    assert same == [True] * 3


def test_of_the_requests_before_an_answer_only_the_newest_is_sent(calculator):
    asked, used, in_flight = calculator.js(
        """async () => {
          const [asked, used, answers] = [[], [], []];
          let [there, most] = [0, 0];
          const ask = Utsushi.newest(
            (request) => {
              asked.push(request);
              most = Math.max(most, ++there);
              return new Promise((resolve) => answers.push(() => resolve(request)));
            },
            (answer) => {
              there--;
              used.push(answer);
            },
          );
          const answer = async () => {
            answers.pop()();
            await new Promise(requestAnimationFrame);
          };
          for (let i = 0; i < 100; i++) ask(i);
          await answer();
          ask(100);
          ask(101);
          await answer();
          await answer();
          ask(102);
          await answer();
          return [asked, used, most];
        }"""
    )
    assert asked == used == [0, 99, 101, 102]
    assert in_flight == 1


@pytest.mark.parametrize("how", ["at once", "later"])
def test_a_request_that_fails_does_not_stop_those_after_it(calculator, how):
    used = calculator.js(
        """async (how) => {
          const used = [];
          const ask = Utsushi.newest(
            how === "later"
              ? async (request) => (request ? request : Promise.reject(new Error("failed")))
              : (request) => {
                  if (!request) throw new Error("failed");
                  return request;
                },
            (answer) => used.push(answer),
          );
          await ask(0).catch(({ message }) => used.push(message));
          await ask(1);
          return used;
        }""",
        how,
    )
    assert used == ["failed", 1]


def test_only_a_heavy_network_is_run_in_a_worker(calculator):
    kinds = calculator.js(
        """() => [2000, 1000].map((width) => {
          const weight = new Float32Array(width * 2000);
          const layer = { type: "linear", weight, shape: [width, 2000] };
          const engine = Utsushi.engine.start({ encoder: [layer], decoder: [layer] });
          if (engine.worker) engine.worker.terminate();
          return engine.constructor.name;
        })"""
    )
    assert kinds == ["InWorker", "Inline"]
