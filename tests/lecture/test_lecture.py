"""The lecture's experiments, whole: its numbers come out, and the run holds what it should."""

import json
import re

import pytest

from utsushi import load
from utsushi.cli.main import run
from utsushi.lecture import run_lecture

# One training of both models serves all tests here: it must stay in one process.
pytestmark = pytest.mark.xdist_group("lecture")


@pytest.fixture(scope="module")
def lecture(tmp_path_factory):
    """Run the lecture at full length; give the folder and the table."""
    path = tmp_path_factory.mktemp("lecture") / "run"
    return path, run_lecture(path, verbose=0)


@pytest.fixture(scope="module")
def metrics(lecture):
    return json.loads((lecture[0] / "metrics.json").read_text())


def test_pca_gives_the_lectures_table_to_all_six_digits(lecture):
    rows = [row for row in lecture[1] if row.key == "pca_train"]
    assert len(rows) == 5
    assert all(row.utsushi == row.lecture for row in rows)


def test_the_autoencoder_loses_as_much_as_the_lectures(metrics):
    loss = metrics["autoencoder"]["test"]["reconstruction"]["lecture_loss"]["value"]
    assert 0.0178 <= loss <= 0.0190


def test_the_variational_loss_is_the_lectures(metrics):
    assert 0.0495 <= metrics["variational"]["test"]["likelihood"]["lecture_loss"]["value"] <= 0.0511


def test_the_variational_error_through_the_mean_code_is_the_lectures(metrics):
    assert 0.0250 <= metrics["variational"]["test"]["reconstruction"]["mse"]["value"] <= 0.0272


def test_the_variational_code_carries_as_much_as_the_lectures(metrics):
    assert 5.9 <= metrics["variational"]["test"]["collapse"]["kl"]["value"] <= 6.6


def test_the_run_holds_the_models_the_numbers_the_figures_and_the_report(lecture):
    path, _ = lecture
    names = ["learning", "reconstructions", "samples", "codes"]
    figures = ["digits", "variational-components"]
    figures += [f"{model}-{name}" for model in ("autoencoder", "variational") for name in names]
    files = {"config.json", "metrics.json", "history.jsonl", "report.html"}
    files |= {"autoencoder.safetensors", "variational.safetensors"}
    files |= {f"figures/{name}.png" for name in figures}
    assert {str(p.relative_to(path)) for p in path.rglob("*") if p.is_file()} == files


def test_the_report_carries_every_figure_with_a_caption(lecture, captioned):
    assert captioned((lecture[0] / "report.html").read_text()) == 10


def test_the_report_shows_the_numbers(lecture):
    html = (lecture[0] / "report.html").read_text()
    assert all(f"<td>{row.utsushi}</td>" in html for row in lecture[1])


def test_the_history_has_both_models_epoch_by_epoch(lecture):
    lines = (lecture[0] / "history.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["epoch"] for row in rows] == [*range(1, 31), *range(1, 31)]
    assert {row["model"] for row in rows} == {"autoencoder", "variational"}
    assert all("validation_objective" in row for row in rows)


def test_the_models_were_trained_as_the_lecture_trains(lecture):
    for name in ("autoencoder", "variational"):
        model = load(lecture[0] / f"{name}.safetensors")
        recipe = model.recipe_
        found = (recipe.learning_rate, recipe.batch_size, recipe.schedule, model.n_epochs_)
        assert found == (1e-3, 100, "constant", 30)


def test_generated_digits_need_a_model_to_be_named(lecture, capsys):
    assert run(["generate", str(lecture[0]), "--out", "x.png"]) == 2
    assert "variational.safetensors" in capsys.readouterr().err


def test_a_lecture_is_not_run_over_another_run(lecture, capsys):
    assert run(["lecture", "--out", str(lecture[0])]) == 2
    assert "--force" in capsys.readouterr().err


def test_the_command_prints_the_table_and_writes_in_japanese(tmp_path, capsys):
    words = ["lecture", "--out", str(tmp_path / "run"), "--lang", "ja", "--max-epochs", "1"]
    assert run(words) == 0
    printed = capsys.readouterr()
    assert re.search(r"0\.034308 +0\.034308\n", printed.out)
    assert "report.html" in printed.err
    assert '<html lang="ja">' in (tmp_path / "run" / "report.html").read_text()
