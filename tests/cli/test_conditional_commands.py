"""Conditional models on the command line: labels are told, classes are asked for."""

import numpy as np
import pytest

from utsushi.cli.main import run

OPTIONS = ["--n-components", "2", "--hidden", "16", "--max-epochs", "2", "--random-state", "0"]


@pytest.fixture(scope="module")
def conditional(tmp_path_factory):
    out = tmp_path_factory.mktemp("conditional") / "run"
    arguments = ["train", "vae", "--data", "digits8x8", "--out", str(out), "--conditional", "true"]
    assert run([*arguments, *OPTIONS, "--verbose", "0"]) == 0
    return out


def test_a_conditional_run_is_measured_and_copied_with_its_labels(conditional, tmp_path, capsys):
    assert run(["evaluate", str(conditional)]) == 0
    assert "Bound on log p(x)" in capsys.readouterr().out
    assert run(["reconstruct", str(conditional), "--out", str(tmp_path / "copies.npy")]) == 0
    assert np.load(tmp_path / "copies.npy").shape == (360, 64)
    assert run(["encode", str(conditional), "--out", str(tmp_path / "codes.npz")]) == 0


def test_a_class_is_asked_for(conditional, tmp_path):
    for name, options in (("three", ["--class", "3"]), ("seven", ["--class", "7"]), ("any", [])):
        arguments = ["generate", str(conditional), "-n", "5", "--random-state", "0", *options]
        assert run([*arguments, "--out", str(tmp_path / f"{name}.npy")]) == 0
    rows = [np.load(tmp_path / f"{name}.npy") for name in ("three", "seven", "any")]
    assert not np.array_equal(rows[0], rows[1])


def test_an_unknown_class_is_named(conditional, tmp_path, capsys):
    out = str(tmp_path / "new.npy")
    assert run(["generate", str(conditional), "--class", "ten", "--out", out]) == 2
    assert "'ten'" in capsys.readouterr().err


def test_other_models_have_no_classes(tmp_path, capsys):
    out = str(tmp_path / "run")
    arguments = ["train", "ae", "--data", "digits8x8", "--out", out, *OPTIONS, "--verbose", "0"]
    assert run(arguments) == 0
    assert run(["generate", out, "--class", "3", "--out", str(tmp_path / "new.npy")]) == 2
    assert "must not be set for a model without classes" in capsys.readouterr().err
