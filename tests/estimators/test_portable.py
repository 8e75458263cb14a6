"""`to_torch`: a fitted model as a plain torch module that needs the library no longer."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from utsushi import Autoencoder, VariationalAutoencoder, networks

X = np.random.default_rng(0).random((40, 30), dtype=np.float32)
LABELS = np.array(["a", "b", "c"])[np.arange(40) % 3]
FEW = {"hidden": (8,), "max_epochs": 1, "random_state": 0}
CONV = {"network": networks.Conv((2, 3)), "image_shape": (5, 6)}

MODELS = {
    "dense": Autoencoder(3, **FEW),
    "far from zero": Autoencoder(3, scaling="standard", **FEW),
    "sigmoid": Autoencoder(3, network=networks.Dense(output="sigmoid"), scaling="minmax", **FEW),
    "conv": VariationalAutoencoder(3, **CONV, **FEW),
    "bernoulli": VariationalAutoencoder(3, likelihood="bernoulli", scaling="standard", **FEW),
    "continuous": VariationalAutoencoder(3, likelihood="continuous-bernoulli", **FEW),
    "conditional": VariationalAutoencoder(3, conditional=True, **FEW),
    "linear": Autoencoder(3, **(FEW | {"hidden": ()})),
    "missing": Autoencoder(3, missing="mask", **FEW),
}


def rows_of(name):
    if name == "missing":
        return np.where(X < 0.1, np.float32(np.nan), X)
    return 1e4 + 50 * X if name == "far from zero" else np.round(X) if name == "bernoulli" else X


@pytest.fixture(scope="module", params=MODELS)
def case(request):
    """Give a fitted model, its rows, its module, and what it is told of the classes, twice."""
    model, rows = MODELS[request.param], rows_of(request.param)
    model.fit(rows, LABELS)
    if request.param == "conditional":
        return model, rows, model.to_torch(), (LABELS,), (torch.arange(40) % 3,)
    return model, rows, model.to_torch(), (), ()


def assert_same(found, expected):
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-5 * scale, rtol=0)


def test_the_encoder_gives_the_codes(case):
    model, rows, module, _, _ = case
    assert_same(module.encoder(torch.tensor(rows)), model.transform(rows))


def test_the_decoder_gives_the_rows_of_codes(case):
    model, rows, module, labels, classes = case
    codes = model.transform(rows)
    assert_same(
        module.decoder(torch.tensor(codes), *classes), model.inverse_transform(codes, *labels)
    )


def test_the_whole_reconstructs(case):
    model, rows, module, labels, classes = case
    assert_same(module(torch.tensor(rows), *classes), model.reconstruct(rows, *labels))


def test_no_class_of_the_library_is_in_it(case):
    homes = {type(part).__module__.partition(".")[0] for part in case[2].modules()}
    homes |= {cls.__module__.partition(".")[0] for p in case[2].modules() for cls in type(p).mro()}
    assert homes <= {"torch", "builtins"}


def test_it_is_a_copy_that_can_be_trained_further(case):
    model, rows, module, _, classes = case
    before = model.transform(rows)
    module(torch.tensor(rows), *classes).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    np.testing.assert_array_equal(model.transform(rows), before)


def test_it_is_in_eval_mode_with_as_many_weights_as_the_network(case):
    model, _, module, _, _ = case
    assert not any(part.training for part in module.modules())
    counts = [sum(p.numel() for p in m.parameters()) for m in (module, model.module_)]
    assert counts[0] == counts[1]


def test_a_saved_one_runs_where_the_library_is_not_installed(tmp_path):
    model = Autoencoder(3, **FEW).fit(X)
    batch = {0: torch.export.Dim("batch")}
    program = torch.export.export(model.to_torch(), (torch.tensor(X[:2]),), dynamic_shapes=(batch,))
    torch.export.save(program, tmp_path / "model.pt2")
    np.save(tmp_path / "rows.npy", X[:7])
    script = (
        "import sys; sys.modules['utsushi'] = None\n"
        "import numpy, torch\n"
        f"module = torch.export.load({str(tmp_path / 'model.pt2')!r}).module()\n"
        f"rows = torch.tensor(numpy.load({str(tmp_path / 'rows.npy')!r}))\n"
        f"numpy.save({str(tmp_path / 'copies.npy')!r}, module(rows).detach().numpy())\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)
    copies = np.load(tmp_path / "copies.npy")
    np.testing.assert_allclose(copies, model.reconstruct(X[:7]), atol=1e-5)
