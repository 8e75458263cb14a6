"""What is shown to who waits, on a terminal and elsewhere."""

import re

from utsushi.training import progress_bar as module
from utsushi.training.progress_bar import progress_bar

ROWS = [{"epoch": epoch, "objective": 1 / epoch} for epoch in (1, 2, 3)]


def shown(capsys, verbose=1):
    with progress_bar("Model", 3, verbose) as advance:
        for row in ROWS:
            advance(row)
    return capsys.readouterr().err.splitlines()


def test_without_a_terminal_the_beginning_and_the_end_are_lines(capsys):
    first, last = shown(capsys)
    assert first == "Model: 3 epochs"
    assert last.startswith("Model 3/3 epochs, 0 s, 0.3333")


def test_without_a_terminal_a_long_training_says_how_far_it_is(capsys, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_PER_LINE", 0.0)
    assert [line.split()[1] for line in shown(capsys)[1:4]] == ["1/3", "2/3", "3/3"]


def test_quiet_is_quiet(capsys):
    assert shown(capsys, verbose=0) == []


def test_on_a_terminal_a_bar_moves(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", "\n".join(shown(capsys)))
    assert re.search(r"Model +\S+ 3/3 epochs took 0:00:00 0\.3333", text)
