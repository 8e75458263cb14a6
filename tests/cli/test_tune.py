"""``utsushi tune`` beside ``utsushi train``."""

import pytest
import typer.main

from utsushi.cli import train, tune
from utsushi.cli.options import TUNED


def options_of(app, name):
    command = typer.main.get_command(app).commands[name]
    return {option for parameter in command.params for option in parameter.opts}


@pytest.mark.parametrize("name", TUNED)
def test_every_option_of_train_is_one_of_tune_but_those_of_a_run_under_way(name):
    missing = options_of(train.app, name) - options_of(tune.app, name)
    assert missing == {"--checkpoint-every", "--tensorboard"}


def test_of_two_trials_no_column_is_empty_and_of_a_model_worse_than_pca_a_word_is_said(
    utsushi, tmp_path
):
    pytest.importorskip("optuna")
    words = ["tune", "ae", "--data", "digits8x8", "--out", tmp_path / "best", "--trials", "2"]
    call = utsushi(*words, "--n-components", "2", "--max-epochs", "1", "--verbose", "0")
    assert call.status == 0
    assert "share of variance" not in call.out
    assert "at least 4 completed trials" in call.err
    assert "PCA of the same size reconstructs as well or better" in call.err


def test_the_best_run_may_come_without_a_report_which_is_made_later(utsushi, tmp_path):
    pytest.importorskip("optuna")
    words = ["tune", "ae", "--data", "digits8x8", "--out", tmp_path / "best", "--trials", "1"]
    words += ["--n-components", "2", "--max-epochs", "1", "--verbose", "0", "--no-report"]
    call = utsushi(*words)
    assert call.status == 0, call.err
    assert f"make its report with utsushi report {tmp_path / 'best'}" in call.err
    assert not (tmp_path / "best" / "report.html").exists()
    assert utsushi("report", tmp_path / "best").status == 0
    assert (tmp_path / "best" / "report.html").is_file()
    assert (tmp_path / "best" / "search.json").is_file()
