"""What each command does when all is well."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from pyarrow import csv, parquet

from utsushi import __version__ as utsushi_version
from utsushi import datasets, evaluation, load
from utsushi.cli import options
from utsushi.estimators import Autoencoder, DenoisingAutoencoder, VariationalAutoencoder
from utsushi.estimators.registry import CHOICES
from utsushi.evaluation.poor_fit import POOR_FIT

RUN_FILES = {
    "config.json",
    "metrics.json",
    "history.jsonl",
    "model.safetensors",
    "report.html",
    "film.safetensors",
    "figures/learning.png",
    "figures/reconstructions.png",
    "figures/samples.png",
    "figures/codes.png",
}


def files_of(run):
    return {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("table", "estimator"),
    [
        (options.AUTOENCODER, Autoencoder),
        (options.DENOISING, DenoisingAutoencoder),
        (options.VARIATIONAL, VariationalAutoencoder),
    ],
)
def test_each_parameter_of_an_estimator_is_an_option_with_its_default(table, estimator):
    defaults = estimator().get_params(deep=False) | {"verbose": 1}
    assert {option.name: option.default for option in table if "__" not in option.name} == defaults


@pytest.mark.parametrize("table", [options.AUTOENCODER, options.DENOISING, options.VARIATIONAL])
def test_an_option_of_an_object_is_a_parameter_of_what_a_name_stands_for(table):
    inner = [option for option in table if "__" in option.name]
    assert {option.default for option in inner} == {None}
    for option in inner:
        kind, _, name = option.name.partition("__")
        objects = [make() for make in CHOICES[kind][1].values()]
        assert any(name in found.get_params(deep=False) for found in objects), option.name


@pytest.mark.parametrize("table", [options.AUTOENCODER, options.DENOISING, options.VARIATIONAL])
def test_no_two_parameters_have_one_option(table):
    flags = [option.flag for option in table]
    assert len(set(flags)) == len(flags)


def test_an_option_reaches_the_parameter_of_its_object():
    values = {"recipe": "lecture", "recipe__batch_size": 50, "recipe__learning_rate": None}
    model = options.model_of("Autoencoder", values)
    assert repr(model) == "Autoencoder(recipe=Recipe(batch_size=50, name='lecture'))"
    assert options.model_of("Autoencoder", {"recipe": "fast"}).recipe == "fast"


def test_an_option_reaches_its_parameter(ae_run):
    model = load(ae_run / "model.safetensors")
    assert (model.hidden, model.max_epochs, model.random_state) == ((16,), 2, 0)


def test_an_autoencoders_run_holds_what_the_design_says(ae_run):
    assert files_of(ae_run) == RUN_FILES


def test_a_variational_run_also_shows_its_components(vae_run):
    assert files_of(vae_run) == RUN_FILES | {"figures/components.png"}


def test_a_run_of_a_table_has_no_images(table_run):
    assert files_of(table_run) == RUN_FILES - {
        "figures/reconstructions.png",
        "figures/samples.png",
    }


def test_the_history_has_a_line_an_epoch(vae_run):
    rows = [json.loads(line) for line in (vae_run / "history.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {"objective", "reconstruction", "kl", "seconds"} <= set(rows[0])


def test_the_config_tells_how_to_train_the_same_model_again(vae_run):
    config = json.loads((vae_run / "config.json").read_text())
    again = VariationalAutoencoder(**config["models"]["model"])
    again.fit(datasets.open(config["data"]).X_train)
    X = datasets.load_digits8x8().X_test
    stored = load(vae_run / "model.safetensors")
    np.testing.assert_array_equal(again.transform(X), stored.transform(X))


def test_training_prints_the_numbers_of_its_metrics(utsushi, tmp_path):
    call = utsushi(
        "train", "ae", "--out", tmp_path / "r", "--data", "digits8x8", "--max-epochs", "1",
        "--hidden", "8", "--verbose", "0",
    )  # fmt: skip
    metrics = json.loads((tmp_path / "r" / "metrics.json").read_text())
    assert f"{metrics['reconstruction']['mse']['value']:.6g}" in call.out


def test_a_progress_bar_is_shown_on_stderr(utsushi, tmp_path):
    call = utsushi(
        "train", "ae", "--out", tmp_path / "r", "--data", "digits8x8", "--max-epochs", "1",
        "--hidden", "8",
    )  # fmt: skip
    assert "Autoencoder" in call.err
    assert "1/1 epochs" in call.err
    assert "1/1 epochs" not in call.out


def test_evaluating_on_the_test_rows_gives_the_metrics_of_the_run(utsushi, vae_run):
    printed = json.loads(utsushi("evaluate", vae_run, "--json").out)
    assert printed.pop("features")  # what a run is not asked: it takes as long as a training
    assert printed == json.loads((vae_run / "metrics.json").read_text())


def test_evaluating_puts_pca_beside_the_model(utsushi, ae_run):
    assert "PCA" in utsushi("evaluate", ae_run).out


def test_evaluating_prints_its_groups_aligned(utsushi, vae_run):
    lines = utsushi("evaluate", vae_run).out.splitlines()
    heads = [line for line in lines if line.endswith("Samples")]
    assert [head.split("  ")[0] for head in heads] == [
        "Reconstruction",
        "Likelihood",
        "Use of the code",
        "Codes as features",
    ]
    assert len({len(head) for head in heads}) == 1
    rows = [line for line in lines if line.endswith(" 360")]
    assert len(rows) > 10
    assert {len(row) for row in rows} == {len(heads[0])}


def test_evaluating_asks_the_code_for_the_labels_of_the_source(utsushi, table_run):
    features = json.loads(utsushi("evaluate", table_run, "--json").out)["features"]
    assert features["linear_probe"]["n_rows"] == 15  # one half of the table's rows
    assert features["linear_probe"]["pca"] is not None


def test_the_seed_of_an_evaluation_can_be_chosen(utsushi, vae_run):
    def seed(*words):
        results = json.loads(utsushi("evaluate", vae_run, "--json", *words).out)
        return results["collapse"]["mutual_information"]["seed"]

    assert (seed(), seed("--random-state", 5)) == (0, 5)


def test_the_report_shows_the_numbers_and_what_they_mean(vae_run):
    html = (vae_run / "report.html").read_text()
    metrics = json.loads((vae_run / "metrics.json").read_text())
    for group in metrics.values():
        for value in group.values():
            if isinstance(value, dict):
                assert f"<td>{value['value']:.6g}</td>" in html
    assert metrics["collapse"]["diagnostics"][0]["text"].split(". ")[0] in html


def test_a_run_that_learned_nothing_says_so_wherever_it_is_looked_at(utsushi, ae_run):
    metrics = json.loads((ae_run / "metrics.json").read_text())
    (diagnostic,) = (r for r in metrics["reconstruction"]["diagnostics"] if r["key"] in POOR_FIT)
    assert diagnostic["fixes"] == ["max_epochs=50"]
    printed = " ".join(utsushi("evaluate", ae_run).out.split())
    assert diagnostic["text"].replace("max_epochs=50", "--max-epochs 50") in printed
    html = (ae_run / "report.html").read_text()
    for language in ("en", "ja"):
        assert evaluation.translate(diagnostic, language) in html


def test_evaluating_takes_a_model_file_with_other_rows(utsushi, ae_run, tmp_path):
    np.save(tmp_path / "rows.npy", datasets.load_digits8x8().X_test)
    call = utsushi("evaluate", ae_run / "model.safetensors", "--data", tmp_path / "rows.npy")
    assert call.status == 0
    assert "no test part" in call.err


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "parquet"])
def test_codes_are_written_as_the_name_says(utsushi, ae_run, tmp_path, kind):
    out = tmp_path / f"codes.{kind}"
    assert utsushi("encode", ae_run, "--out", out).status == 0
    codes = load(ae_run / "model.safetensors").transform(datasets.load_digits8x8().X)
    read = {
        "npy": lambda: np.load(out),
        "npz": lambda: np.load(out)["X"],
        "csv": lambda: csv.read_csv(out).drop(["y"]).to_pandas().to_numpy(),
        "parquet": lambda: parquet.read_table(out).drop(["y"]).to_pandas().to_numpy(),
    }
    np.testing.assert_allclose(read[kind](), codes, rtol=1e-6)


def test_labels_travel_with_the_codes(utsushi, table_run, tmp_path):
    utsushi("encode", table_run, "--out", tmp_path / "codes.parquet")
    table = parquet.read_table(tmp_path / "codes.parquet")
    assert table.column_names == ["autoencoder0", "autoencoder1", "kind"]
    assert table["kind"].to_pylist()[:3] == ["a", "b", "a"]


def test_generated_rows_are_decided_by_the_seed(utsushi, vae_run, tmp_path):
    for name in ("a.npy", "b.npy"):
        utsushi("generate", vae_run, "-n", 5, "--random-state", 3, "--out", tmp_path / name)
    expected = load(vae_run / "model.safetensors").sample(5, random_state=3)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), expected)
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), expected)


def test_another_sampler_is_fitted_to_the_runs_training_rows(utsushi, vae_run, tmp_path):
    before = {path: path.read_bytes() for path in vae_run.rglob("*") if path.is_file()}
    words = ["generate", vae_run, "-n", 5, "--random-state", 3, "--sampler", "gaussian"]
    assert utsushi(*words, "--out", tmp_path / "new.npy").status == 0
    model = load(vae_run / "model.safetensors").set_params(sampler="gaussian")
    model.fit_sampler(datasets.load_digits8x8().X_train)
    np.testing.assert_array_equal(np.load(tmp_path / "new.npy"), model.sample(5, random_state=3))
    assert {path: path.read_bytes() for path in vae_run.rglob("*") if path.is_file()} == before


def test_an_unknown_sampler_is_refused_before_the_rows_are_opened(utsushi, vae_run, tmp_path):
    words = ["generate", vae_run, "--sampler", "bogus", "--data", tmp_path / "none.npy"]
    call = utsushi(*words, "--out", tmp_path / "new.npy")
    assert call.status == 2
    assert "--sampler must be" in call.error
    assert "bogus" in call.error


def test_another_sampler_of_a_lone_model_file_takes_the_rows_that_are_named(
    utsushi, ae_run, tmp_path
):
    (tmp_path / "lone.safetensors").write_bytes((ae_run / "model.safetensors").read_bytes())
    words = ["generate", tmp_path / "lone.safetensors", "-n", 5, "--sampler", "gaussian"]
    assert "--data" in utsushi(*words, "--out", tmp_path / "new.npy").error
    words += ["--data", "digits8x8", "--out", tmp_path / "new.npy"]
    assert utsushi(*words).status == 0
    assert np.load(tmp_path / "new.npy").shape == (5, 64)


def test_a_temperature_of_zero_draws_means_alone(utsushi, vae_run, tmp_path):
    words = ["generate", vae_run, "-n", 5, "--random-state", 3, "--sampler", "gaussian"]
    words += ["--out", tmp_path / "new.npy", "--temperature"]
    utsushi(*words, 0)
    assert (np.load(tmp_path / "new.npy").std(axis=0) < 1e-5).all()
    call = utsushi(*words, -1)
    assert call.status == 2
    assert "temperature" in call.error


def test_generated_images_become_a_picture(utsushi, vae_run, tmp_path):
    utsushi("generate", vae_run, "-n", 20, "--out", tmp_path / "new.png")
    assert (tmp_path / "new.png").read_bytes().startswith(b"\x89PNG")


def test_noise_is_the_pixel_noise_of_the_likelihood(utsushi, vae_run, tmp_path):
    words = ["generate", vae_run, "-n", 5, "--random-state", 3, "--noise"]
    utsushi(*words, "--out", tmp_path / "noisy.npy")
    expected = load(vae_run / "model.safetensors").sample(5, random_state=3, noise=True)
    np.testing.assert_array_equal(np.load(tmp_path / "noisy.npy"), expected)


def test_reconstructions_of_a_table_keep_its_columns(utsushi, table_run, tmp_path):
    utsushi("reconstruct", table_run, "--out", tmp_path / "copies.csv")
    assert csv.read_csv(tmp_path / "copies.csv").column_names == ["height", "width", "depth"]


def test_reconstructions_become_a_picture_under_the_originals(utsushi, vae_run, tmp_path):
    call = utsushi("reconstruct", vae_run, "--out", tmp_path / "copies.png")
    assert (tmp_path / "copies.png").read_bytes().startswith(b"\x89PNG")
    assert "10 samples" in call.err


def test_one_row_can_be_reconstructed(utsushi, ae_run, tmp_path):
    np.save(tmp_path / "row.npy", datasets.load_digits8x8().X_test[:1])
    utsushi("reconstruct", ae_run, "--data", tmp_path / "row.npy", "--out", tmp_path / "o.npy")
    assert np.load(tmp_path / "o.npy").shape == (1, 64)


def test_the_bundled_data_is_listed(utsushi):
    assert {"mnist20k", "digits8x8"} <= set(utsushi("data", "list").out.split())


def test_data_is_described_as_json(utsushi):
    facts = json.loads(utsushi("data", "info", "digits8x8").out)
    assert (facts["rows"], facts["features"], facts["image_shape"]) == (1797, 64, [8, 8])


def test_fetching_says_where_the_files_went(utsushi, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "fetch_mnist", lambda folder: folder)
    assert str(tmp_path) in utsushi("data", "fetch", "--out", tmp_path).err


def test_a_run_with_force_replaces_the_old_one(utsushi, tmp_path):
    words = ["train", "ae", "--out", tmp_path / "r", "--data", "digits8x8", "--verbose", "0"]
    words += ["--hidden", "8", "--force", "--max-epochs"]
    assert [utsushi(*words, n).status for n in (1, 2)] == [0, 0]
    assert load(tmp_path / "r" / "model.safetensors").n_epochs_ == 2
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_the_report_speaks_japanese_when_asked(utsushi, tmp_path):
    utsushi(
        "train", "ae", "--out", tmp_path / "r", "--data", "digits8x8", "--max-epochs", "1",
        "--hidden", "8", "--verbose", "0", "--lang", "ja",
    )  # fmt: skip
    assert '<html lang="ja"' in (tmp_path / "r" / "report.html").read_text()


def test_generated_rows_of_a_table_have_its_columns(utsushi, table_run, tmp_path):
    utsushi("generate", table_run, "-n", 3, "--out", tmp_path / "new.csv")
    assert csv.read_csv(tmp_path / "new.csv").column_names == ["height", "width", "depth"]


def test_a_table_with_a_column_called_y_keeps_it_beside_its_labels(utsushi, tmp_path):
    rows = "\n".join(f"{i},{i % 3},{'ab'[i % 2]}" for i in range(20))
    (tmp_path / "t.csv").write_text(f"x,y,kind\n{rows}\n")
    words = ["--data", tmp_path / "t.csv", "--label", "kind", "--n-components", 1, "--hidden", 4]
    utsushi("train", "ae", "--out", tmp_path / "r", *words, "--max-epochs", 1, "--verbose", 0)
    utsushi("encode", tmp_path / "r", "--out", tmp_path / "c.parquet")
    assert parquet.read_table(tmp_path / "c.parquet").column_names == ["autoencoder0", "kind"]


def test_images_of_two_channels_are_trained_on_without_pictures(utsushi, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((20, 2, 4, 4)))
    words = ["--data", tmp_path / "x.npy", "--hidden", 4, "--max-epochs", 1, "--verbose", 0]
    assert utsushi("train", "ae", "--out", tmp_path / "r", *words).status == 0
    assert not (tmp_path / "r" / "figures" / "samples.png").exists()


def test_a_single_test_row_is_enough_for_a_report(utsushi, tmp_path):
    X = np.random.default_rng(0).random((20, 12))
    np.savez(tmp_path / "x.npz", X_train=X[1:], X_test=X[:1])
    words = ["--data", tmp_path / "x.npz", "--hidden", 4, "--max-epochs", 1, "--verbose", 0]
    assert utsushi("train", "vae", "--out", tmp_path / "r", *words).status == 0


def test_a_bundled_name_means_the_bundle_whatever_folder_is_called_so(
    utsushi, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits8x8").mkdir()
    words = ["--data", "digits8x8", "--hidden", 4, "--max-epochs", 1, "--verbose", 0]
    utsushi("train", "ae", "--out", "r", *words)
    assert json.loads((tmp_path / "r" / "config.json").read_text())["data"] == "digits8x8"


def test_on_the_rows_of_the_training_pca_has_seen_them_too(utsushi, table_run):
    assert "PCA" in utsushi("evaluate", table_run).out


def test_pca_is_not_fitted_to_rows_that_the_model_has_not_seen(utsushi, ae_run, tmp_path):
    np.save(tmp_path / "rows.npy", datasets.load_digits8x8().X_test)
    call = utsushi("evaluate", ae_run, "--data", tmp_path / "rows.npy")
    assert "PCA" not in call.out


def test_pixels_beyond_one_are_shown_by_their_range(utsushi, tmp_path):
    X = datasets.load_digits8x8().X_test[:10]
    for name, rows in (("a", 16.0 * X), ("b", X)):
        np.save(tmp_path / f"{name}.npy", rows.reshape(-1, 8, 8))
        words = ["--data", tmp_path / f"{name}.npy", "--n-components", 2, "--hidden", 4]
        utsushi("train", "ae", "--out", tmp_path / name, *words, "--max-epochs", 1, "--verbose", 0)
        utsushi("reconstruct", tmp_path / name, "--out", tmp_path / f"{name}.png")
    first = [np.asarray(Image.open(tmp_path / f"{name}.png"))[:60] for name in "ab"]
    # The upper row shows the originals, of which one set is the other times sixteen.
    assert np.abs(first[0].astype(int) - first[1].astype(int)).max() <= 1


def test_python_dash_m_is_the_program():
    command = [sys.executable, "-m", "utsushi", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == utsushi_version


def test_a_search_is_not_begun_where_optuna_is_missing(utsushi, tmp_path, monkeypatch):
    monkeypatch.setattr("utsushi._utils.optional_dependencies.find_spec", lambda name: None)
    call = utsushi("tune", "vae", "--trials", "2", "--out", tmp_path / "best")
    assert (call.status, list(tmp_path.iterdir())) == (2, [])
    assert "pip install 'utsushi[tune]'" in call.error
