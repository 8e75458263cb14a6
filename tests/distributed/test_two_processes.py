"""Two processes on this machine train one model."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from utsushi.exceptions import UtsushiWarning

# The fixture starts processes: one worker of the runner is enough.
pytestmark = pytest.mark.xdist_group("two processes")


@pytest.fixture(scope="module")
def two(started):
    """Give the folder and the results of two processes."""
    return started(2)


def test_without_noise_the_loss_curve_is_that_of_one_process(two, alone, same_curves):
    for found in two[1]:
        same_curves(alone, found)


def test_the_parameters_are_equal_in_both_processes(two):
    first, second = two[1]
    assert first["cases"] == second["cases"]


def test_the_same_number_of_processes_gives_the_same_parameters_again(two):
    for found in two[1]:
        assert found["again"] == {name: found["cases"][name] for name in found["again"]}


def test_each_process_draws_its_own_noise(two):
    first, second = two[1]
    assert len(first["seeds"]) == len(set(first["seeds"])) == len(second["seeds"])
    assert not set(first["seeds"]) & set(second["seeds"])


def test_without_noise_the_parameters_are_those_of_one_process(two, alone):
    for name, (_, parameters) in alone.items():
        for key, expected in parameters.items():
            found = two[1][1]["cases"][name][1][key]
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=name)


def test_the_seed_and_the_principal_components_are_those_of_the_first(two):
    first, second = two[1]
    assert first["subspace"] == second["subspace"]


def test_a_signal_to_one_stops_both(two):
    assert [found["interrupted"] for found in two[1]] == ["SIGTERM", "SIGTERM"]


def test_only_the_first_writes(two):
    assert not (two[0] / "nowhere").exists()
    # 18 rows in batches of 8: three steps an epoch. A look is taken after each, and at its end.
    (kept,) = (two[0] / "checkpoints").glob("*.safetensors")
    assert kept.name == "checkpoint-000002-00000003.safetensors"


def test_one_process_goes_on_where_two_were_and_says_that_the_bits_differ(two, worker):
    model, images = worker["model_of_images"]()
    before = (two[0] / "checkpoints" / "history.jsonl").read_text().splitlines()
    with pytest.warns(UtsushiWarning, match=r"trained by 2 processes .* not bit for bit"):
        model.fit(images, checkpoint_dir=two[0] / "checkpoints")
    assert [row["epoch"] for row in model.history_] == list(range(1, 7))
    assert len(before) == 1
    assert json.loads(before[0]) == model.history_[0]


def test_a_training_that_diverges_ends_both_with_one_message(two):
    errors = [found["error"] for found in two[1]]
    (said,) = [text for kind, text in errors if kind == "TrainingDivergedError"]
    (heard,) = [text for kind, text in errors if kind == "EndedByAnother"]
    assert said.startswith("training diverged: the ")
    assert heard.endswith(said)


def test_two_processes_leave_one_run_without_a_report(tmp_path):
    words = "-m utsushi train ae --data digits8x8 --hidden 8 --max-epochs 2 --out run --no-report"
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *words.split()],
        check=False,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("make its report with utsushi report") == 1
    files = {path.name for path in (tmp_path / "run").iterdir()}
    models = {"model.safetensors", "film.safetensors"}
    assert files == {"config.json", "metrics.json", "history.jsonl", *models}
