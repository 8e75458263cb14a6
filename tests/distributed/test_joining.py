"""Who a process is: told by torchrun, or alone."""

import json

import pytest
import torch

from utsushi import Autoencoder
from utsushi._utils.seeds import PartialGenerator, drawn, generator
from utsushi.exceptions import ProcessLostError, RunError, SettingError
from utsushi.runs import RunSpec, go_on_or_begin
from utsushi.training.distributed import Processes, current, joined, was_restarted

TORCHRUN = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}


def join(environment):
    with joined(environment):
        pass


def test_without_torchrun_a_process_is_alone():
    with joined({}) as processes:
        assert processes == current() == Processes(0, 1)


@pytest.mark.parametrize("missing", ["RANK", "MASTER_ADDR", "MASTER_PORT"])
def test_half_an_environment_of_torchrun_is_refused(missing, refusal):
    environment = {name: value for name, value in TORCHRUN.items() if name != missing}
    assert missing in refusal(SettingError, join, environment)


@pytest.mark.parametrize("change", [{"RANK": "2"}, {"RANK": "-1"}, {"WORLD_SIZE": "many"}])
def test_a_rank_outside_of_the_processes_is_refused(change, refusal):
    assert "start by torchrun" in refusal(SettingError, join, TORCHRUN | change)


def test_the_parts_of_a_batch_are_all_of_it_in_order_and_as_large_as_they_can_be():
    for n_rows in range(9):
        parts = [Processes(rank, 4).part(n_rows) for rank in range(4)]
        assert [row for part in parts for row in range(n_rows)[part]] == list(range(n_rows))
        assert {part.stop - part.start for part in parts} <= {n_rows // 4, -(-n_rows // 4)}


@pytest.mark.parametrize("shape", [(7, 3), (2, 7, 3)])
def test_the_noise_of_the_parts_is_that_of_the_batch_draw_after_draw(shape):
    def draws(of, n_rows):
        of_rows = (*shape[:-2], n_rows, shape[-1])
        return [drawn(torch.randn, of_rows, of, dtype=torch.float64) for _ in range(2)]

    whole = draws(generator(4), 7)
    parts = [
        draws(PartialGenerator.of(generator(4)).at(s, n_rows=7), n) for s, n in [(0, 5), (5, 2)]
    ]
    for first, second, expected in zip(*parts, whole, strict=True):
        assert torch.equal(torch.cat([first, second], dim=-2), expected)


@pytest.mark.parametrize(
    "reason", ["[/a/b.cc:5] Read error [::1]:80: Connection reset by peer. GLHF!", "x\ny"]
)
def test_a_lost_process_is_told_of_in_one_line(reason):
    message = str(ProcessLostError(3, reason))
    assert "\n" not in message
    assert "one of the 3 processes of the training is gone (" in message
    assert "GLHF" not in message


# --- started again ------------------------------------------------------------------------------


def a_run(**others):
    return RunSpec.of(Autoencoder(3), data="digits", **others)


@pytest.mark.parametrize(("count", "expected"), [(None, False), ("0", False), ("2", True)])
def test_torchrun_says_whether_it_started_a_process_again(count, expected):
    name = "TORCHELASTIC_RESTART_COUNT"
    assert was_restarted({} if count is None else {name: count}) == expected


def test_a_process_that_is_started_again_goes_on_with_its_own_run(tmp_path):
    checkpoints = tmp_path / "run" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "run.json").write_text(a_run().model_dump_json())
    (checkpoints / "checkpoint-1.safetensors").write_bytes(b"kept")
    with go_on_or_begin(tmp_path / "run", a_run(), force=True) as folder:
        assert (folder / "checkpoint-1.safetensors").read_bytes() == b"kept"


def test_a_process_that_is_started_again_leaves_the_run_of_another_alone(tmp_path, refusal):
    checkpoints = tmp_path / "run" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "run.json").write_text(a_run(language="ja").model_dump_json())

    def begin():
        with go_on_or_begin(tmp_path / "run", a_run(), force=False):
            pass

    assert "holds a training that has not finished" in refusal(RunError, begin)


def test_a_process_that_is_started_again_before_its_run_began_begins_it(tmp_path):
    with go_on_or_begin(tmp_path / "run", a_run(), force=False) as folder:
        assert json.loads((folder / "run.json").read_text())["data"] == "digits"
