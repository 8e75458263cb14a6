"""``utsushi compare``: runs, model files and models to train, side by side."""

import json

import numpy as np
import pytest

from utsushi.cli.compare import _described
from utsushi.cli.main import run

SMALL = "n-components=3 hidden=16 max-epochs=1 verbose=0"


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A comparison of a saved run and two models that are trained for it."""
    folder = tmp_path_factory.mktemp("compare")
    options = ["--n-components", "4", "--hidden", "16", "--max-epochs", "1", "--verbose", "0"]
    first = folder / "first"
    assert run(["train", "ae", "--data", "digits8x8", "--out", str(first), *options]) == 0
    out = folder / "both"
    models = [str(first), f"ae {SMALL}", f"mine: vae {SMALL} likelihood=unit-gaussian"]
    assert run(["compare", *models, "--out", str(out), "--lang", "ja"]) == 0
    return out


def test_every_model_is_measured_and_kept(compared):
    metrics = json.loads((compared / "metrics.json").read_text())
    assert len(metrics) == 3
    assert {"first", "mine"} < set(metrics)
    for name, groups in metrics.items():
        assert groups["reconstruction"]["mse"]["n_rows"] == 360
        assert (compared / f"{name}.safetensors").is_file()
    assert "collapse" in metrics["mine"]
    assert "collapse" not in metrics["first"]


def test_the_models_are_told_apart_in_one_history(compared):
    rows = [json.loads(line) for line in (compared / "history.jsonl").read_text().splitlines()]
    assert len({row["model"] for row in rows}) == 3


def test_the_figures_put_the_models_side_by_side(compared):
    assert sorted(path.name for path in (compared / "figures").iterdir()) == [
        "comparison-learning-bound.png",
        "comparison-learning-error.png",
        "comparison-reconstructions.png",
        "comparison-samples.png",
    ]
    page = (compared / "report.html").read_text()
    assert page.count("<img") == 4
    assert "PCA-3" in page
    assert "PCA-4" in page
    assert 'lang="ja"' in page


def test_the_table_has_a_column_a_model_and_one_a_size_of_pca(compared, capsys, tmp_path):
    files = [str(compared / f"{name}.safetensors") for name in ("first", "mine")]
    assert run(["compare", *files, "--out", str(tmp_path / "again")]) == 0
    heads = capsys.readouterr().out.splitlines()[0].split()
    assert heads == ["Reconstruction", "first", "mine", "PCA-3", "PCA-4"]


def test_two_runs_of_one_name_stay_two(compared, tmp_path):
    file = str(compared / "first.safetensors")
    assert run(["compare", file, file, "--out", str(tmp_path / "twice")]) == 0
    metrics = json.loads((tmp_path / "twice" / "metrics.json").read_text())
    assert list(metrics) == ["first", "first-2"]
    assert metrics["first"] == metrics["first-2"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "vae beat=4",
            "must be name=value with parameters of VariationalAutoencoder, got 'beat=4'",
        ),
        ("ae beta=4", "parameters of Autoencoder, got 'beta=4'"),
        ("ae hidden", "must be name=value with parameters of Autoencoder, got 'hidden'"),
        ("vae beta=x", "beta of 'vae beta=x' must be a finite number such as 0.001, got 'x'"),
        ("ae batch_size=x", "batch_size of 'ae batch_size=x' must be an integer"),
        ("ae learning_rate=-1", "learning_rate must be a float in the range (0.0, inf), got -1.0"),
        ("ae recipe__learning_rate=-1", "learning_rate must be a float in the range"),
        ("ae channels=4", "network__channels is not a parameter of network='dense'"),
        ("no/such/run", "no/such/run"),
    ],
)
def test_a_model_that_cannot_be_is_named(model, message, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(["compare", model, "--data", "digits8x8", "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_settings_of_an_object_are_named_as_options_or_in_full():
    settings = "batch-size=50 recipe__weight_decay=1 penalty=sparse penalty-strength=0.3"
    model = _described(f"ae {settings}", 0)
    assert (model.recipe.batch_size, model.recipe.weight_decay) == (50, 1)
    assert repr(model.penalty) == "Sparse(strength=0.3)"


def test_models_of_other_rows_are_refused(compared, tmp_path, capsys):
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).random((20, 3)))
    options = ["--data", str(tmp_path / "rows.npy"), "--out", str(tmp_path / "out")]
    assert run(["compare", str(compared / "first.safetensors"), *options]) == 2
    assert "was trained on samples of 64 features" in capsys.readouterr().err


def test_a_run_of_another_source_is_refused(compared, tmp_path, capsys):
    """Its training rows may be among the test rows of this one."""
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).random((20, 64)))
    run_folder = str(compared / "first.safetensors")
    options = ["--data", str(tmp_path / "rows.npy"), "--out", str(tmp_path / "out")]
    assert run(["compare", run_folder, *options]) == 2
    assert "got 'digits8x8'" in capsys.readouterr().err


def test_a_colon_within_a_setting_names_no_model(tmp_path, capsys):
    arguments = ["compare", "vae device=nowhere:0", "--data", "digits8x8"]
    assert run([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert "got 'nowhere:0'" in capsys.readouterr().err


def test_a_bad_value_is_found_before_any_training(tmp_path, capsys):
    arguments = ["compare", f"ae {SMALL}", "vae beta=-1", "--data", "digits8x8"]
    assert run([*arguments, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "beta" in error
    assert "training" not in error


def test_a_setting_beside_its_model_is_shown_its_place(utsushi, tmp_path):
    call = utsushi("compare", "vae", "beta=4", "--out", tmp_path / "both")
    assert call.status == 2
    assert "Quote a model together with its settings: 'vae beta=4'" in call.error
