"""Every command of an autoencoder with discrete codes."""

import csv

import numpy as np
import pytest

from utsushi import VectorQuantizedAutoencoder, load
from utsushi.cli import options

SMALL = ["--data", "digits8x8", "--hidden", "16", "--max-epochs", "3", "--random-state", "0"]


def test_the_options_are_the_parameters_of_the_estimator():
    defaults = VectorQuantizedAutoencoder().get_params(deep=False) | {"verbose": 1}
    outer = {p.name: p.default for p in options.VECTOR_QUANTIZED if "__" not in p.name}
    assert outer == defaults


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Give the folder of a run."""
    from utsushi.cli.main import run

    folder = tmp_path_factory.mktemp("discrete") / "vq"
    words = ["--n-components", "4", "--codebook-size", "16", "--verbose", "0", "--no-report"]
    assert run(["train", "vq", *SMALL, *words, "--out", str(folder)]) == 0
    return folder


def test_its_evaluation_shows_the_use_of_the_symbols(utsushi, run):
    call = utsushi("evaluate", run)
    assert call.status == 0
    assert "Share of the symbols in use" in call.out
    assert "Perplexity of the symbols" in call.out


def test_its_codes_are_written_as_integers(utsushi, run, tmp_path):
    model = load(run / "model.safetensors")
    assert utsushi("encode", run, "--out", tmp_path / "codes.npy").status == 0
    codes = np.load(tmp_path / "codes.npy")
    assert codes.dtype == np.int64
    assert codes.shape[1] == model.n_positions_
    assert utsushi("encode", run, "--out", tmp_path / "codes.csv").status == 0
    with open(tmp_path / "codes.csv") as file:
        names, first, *_ = list(csv.reader(file))
    assert names[:2] == list(model.get_feature_names_out())
    assert [int(value) for value in first[:2]] == codes[0].tolist()


def test_what_it_generates_is_what_the_model_samples(utsushi, run, tmp_path):
    out = tmp_path / "new.npy"
    words = ["-n", "6", "--random-state", "5", "--out", out]
    assert utsushi("generate", run, *words).status == 0
    expected = load(run / "model.safetensors").sample(6, random_state=5)
    np.testing.assert_allclose(np.load(out), expected, rtol=1e-5, atol=1e-6)


def test_another_sampler_is_refused(utsushi, run, tmp_path):
    call = utsushi("generate", run, "--sampler", "mixture", "--out", tmp_path / "new.npy")
    assert call.status == 2
    assert "--sampler must be one for discrete codes" in call.error


def test_it_reconstructs_and_is_compared_and_exported(utsushi, run, tmp_path):
    assert utsushi("reconstruct", run, "--out", tmp_path / "copies.npy").status == 0
    call = utsushi("compare", run, "ae n_components=4 max_epochs=2", "--out", tmp_path / "both")
    assert call.status == 0, call.err
    assert (tmp_path / "both" / "report.html").exists()
    assert utsushi("export", run, "--to", "html", "--out", tmp_path / "page.html").status == 0
    pytest.importorskip("onnxruntime")
    assert utsushi("export", run, "--to", "onnx", "--out", tmp_path / "model.onnx").status == 0


def test_the_page_of_another_quantizer_runs(utsushi, tmp_path):
    words = ["--bottleneck", "finite-scalar-quantization", "--levels", "4,4", "--verbose", "0"]
    call = utsushi("train", "vq", *SMALL, "--n-components", "4", *words, "--out", tmp_path / "run")
    assert call.status == 0, call.err
    call = utsushi("export", tmp_path / "run", "--to", "html", "--out", tmp_path / "page.html")
    assert call.status == 0, call.err
    assert '"type":"round","levels":[4,4]' in (tmp_path / "page.html").read_text("utf-8")


def test_an_option_of_another_bottleneck_is_refused(utsushi, tmp_path):
    words = ["--levels", "8,5", "--out", tmp_path / "run"]
    call = utsushi("train", "vq", *SMALL, *words)
    assert call.status == 2
    assert "--levels is not a parameter of --bottleneck vector-quantization" in call.error
