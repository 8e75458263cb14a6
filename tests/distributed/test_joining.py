"""Who a process is: told by torchrun, or alone."""

import json

import pytest

from utsushi import Autoencoder
from utsushi.exceptions import ProcessLostError, RunError, SettingError
from utsushi.runs import RunSpec, resume_or_begin
from utsushi.training.data_parallel import (
    ProcessGroup,
    current_group,
    process_group,
    was_restarted,
)

TORCHRUN = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}


def join(environment):
    with process_group(environment):
        pass


def test_without_torchrun_a_process_is_alone():
    with process_group({}) as group:
        assert group == current_group() == ProcessGroup(0, 1)


@pytest.mark.parametrize("missing", ["RANK", "MASTER_ADDR", "MASTER_PORT"])
def test_half_an_environment_of_torchrun_is_refused(missing, refusal):
    environment = {name: value for name, value in TORCHRUN.items() if name != missing}
    assert missing in refusal(SettingError, join, environment)


@pytest.mark.parametrize("change", [{"RANK": "2"}, {"RANK": "-1"}, {"WORLD_SIZE": "many"}])
def test_a_rank_outside_of_the_processes_is_refused(change, refusal):
    assert "Start by torchrun" in refusal(SettingError, join, TORCHRUN | change)


def test_the_parts_of_a_batch_are_all_of_it_in_order_and_as_large_as_they_can_be():
    for n_rows in range(9):
        parts = [ProcessGroup(rank, 4).part(n_rows) for rank in range(4)]
        assert [row for part in parts for row in range(n_rows)[part]] == list(range(n_rows))
        assert {part.stop - part.start for part in parts} <= {n_rows // 4, -(-n_rows // 4)}


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
    with resume_or_begin(tmp_path / "run", a_run(), force=True) as folder:
        assert (folder / "checkpoint-1.safetensors").read_bytes() == b"kept"


def test_a_process_that_is_started_again_leaves_the_run_of_another_alone(tmp_path, refusal):
    checkpoints = tmp_path / "run" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "run.json").write_text(a_run(language="ja").model_dump_json())

    def begin():
        with resume_or_begin(tmp_path / "run", a_run(), force=False):
            pass

    assert "holds an unfinished training" in refusal(RunError, begin)


def test_a_process_that_is_started_again_before_its_run_began_begins_it(tmp_path):
    with resume_or_begin(tmp_path / "run", a_run(), force=False) as folder:
        assert json.loads((folder / "run.json").read_text())["data"] == "digits"
