"""Every command of models with a learned prior, a bottleneck or the MMD penalty."""

import re

import numpy as np
import pytest

from utsushi import load

WORDS = {
    "vamp": ["vae", "--prior", "vamp", "--sampler", "prior"],
    "quantized": ["ae", "--bottleneck", "vector-quantization"],
    "mmd": ["ae", "--penalty", "mmd", "--penalty-strength", "10", "--sampler", "prior"],
}
SMALL = ["--data", "digits8x8", "--hidden", "16", "--max-epochs", "3", "--random-state", "0"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Give the run folder of each."""
    from utsushi.cli.main import run

    folder = tmp_path_factory.mktemp("parts")
    for name, words in WORDS.items():
        command = ["train", *words, *SMALL, "--out", str(folder / name), "--verbose", "0"]
        assert run([*command, "--n-components", "4"]) == 0
    return folder


@pytest.mark.parametrize("name", WORDS)
def test_it_is_evaluated(utsushi, runs, name):
    call = utsushi("evaluate", runs / name)
    assert call.status == 0
    shown = "Divergence from the prior, nats" in call.out
    assert shown == (name == "vamp")
    # What is said of each component is said of N(0, I) alone.
    assert "Dead components" not in call.out
    assert "at least" not in call.out


def test_they_are_compared(utsushi, runs, tmp_path):
    call = utsushi("compare", *(runs / name for name in WORDS), "--out", tmp_path / "compared")
    assert call.status == 0
    assert all(name in call.out for name in WORDS)
    assert (tmp_path / "compared" / "report.html").exists()


@pytest.mark.parametrize("name", WORDS)
def test_what_it_generates_is_what_the_model_samples(utsushi, runs, name, tmp_path):
    out = tmp_path / "new.npy"
    words = ["-n", "6", "--random-state", "5", "--out", out]
    assert utsushi("generate", runs / name, *words).status == 0
    expected = load(runs / name / "model.safetensors").sample(6, random_state=5)
    np.testing.assert_allclose(np.load(out), expected, rtol=1e-5, atol=1e-6)


def test_the_prior_that_was_learned_can_be_asked_for(utsushi, runs, tmp_path):
    own, asked = tmp_path / "own.npy", tmp_path / "asked.npy"
    words = ["-n", "6", "--random-state", "5", "--out"]
    assert utsushi("generate", runs / "vamp", *words, own).status == 0
    words = ["--sampler", "prior", *words]
    assert utsushi("generate", runs / "vamp", *words, asked).status == 0
    np.testing.assert_array_equal(np.load(own), np.load(asked))


def test_codes_that_no_penalty_brings_to_the_prior_are_not_drawn_from_it(utsushi, runs, tmp_path):
    words = ["--sampler", "prior", "--out", tmp_path / "new.npy"]
    call = utsushi("generate", runs / "quantized", *words)
    assert call.status == 2
    assert "--sampler" in call.error
    assert "--penalty mmd" in call.error


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("kind", ["html", "onnx"])
def test_it_is_exported(utsushi, runs, name, kind, tmp_path):
    out = tmp_path / f"model.{kind}"
    assert utsushi("export", runs / name, "--to", kind, "--out", out).status == 0
    assert out.stat().st_size > 1000


@pytest.mark.parametrize("name", WORDS)
def test_its_report_says_where_its_samples_are_from(runs, name):
    text = re.sub(r"\s+", " ", (runs / name / "report.html").read_text("utf-8"))
    assert ("Fifty codes drawn from the prior, decoded" in text) == (name != "quantized")
    fitted = "Fifty codes drawn from a mixture of Gaussians fitted to the training codes"
    assert (fitted in text) == (name == "quantized")
    # A bar for each component is of N(0, I) alone.
    assert "Information that each component" not in text
