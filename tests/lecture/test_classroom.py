"""What the notebooks of the lectures stand on."""

import io
import re

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from utsushi.lecture.classroom import VARIABLE, exercise, size, slider, use_style


def test_an_exercise_is_solved_where_all_checks_hold(capsys):
    with exercise("One") as check:
        check(True, "never shown")
        check(1, "never shown")
    assert check.solved is True
    assert capsys.readouterr().out == "✓ One\n"


def test_only_the_first_hint_is_shown(capsys):
    with exercise("One") as check:
        check(True, "no")
        check(False, "think of this")
        check(False, "and of that")
    assert check.solved is False
    assert capsys.readouterr().out == "✗ One: think of this\n"


def test_a_hint_comes_before_what_is_raised_later(capsys):
    with exercise("One") as check:
        check(False, "think of this")
        raise ValueError("out of it")
    assert capsys.readouterr().out == "✗ One: think of this\n"


@pytest.mark.parametrize(
    ("error", "shown"),
    [(NotImplementedError(), "NotImplementedError"), (ValueError("no"), "ValueError: no")],
)
def test_a_raising_answer_does_not_stop_the_notebook(error, shown, capsys):
    with exercise("One") as check:
        raise error
    assert check.solved is False
    assert capsys.readouterr().out == f"✗ One: {shown}\n"


def test_an_interruption_goes_through():
    with pytest.raises(KeyboardInterrupt), exercise("One"):
        raise KeyboardInterrupt


@pytest.mark.parametrize(("value", "expected"), [("short", 1), ("full", 100), ("", 100)])
def test_the_environment_chooses_the_size(monkeypatch, value, expected):
    monkeypatch.setenv(VARIABLE, value)
    assert size(full=100, short=1) == expected


def test_the_style_allows_formulas_in_labels():
    with matplotlib.rc_context({"text.parse_math": False}):
        use_style()
        assert matplotlib.rcParams["text.parse_math"]


def test_a_slider_holds_a_picture_for_each_value_and_shows_the_first():
    def draw(height):
        figure, axes = plt.subplots(figsize=(1, 1))
        axes.axhline(height)
        return figure

    shown = slider(draw, [0.0, 1.0, 2.0], "a < {:.0f}")
    page = shown._repr_html_()
    assert plt.get_fignums() == []
    assert len({png for _, png in shown.pictures}) == 3
    assert page.count("data:image/png;base64,") == 3
    assert re.findall(r'data-position="(\d)"( hidden)?', page) == [
        ("0", ""),
        ("1", " hidden"),
        ("2", " hidden"),
    ]
    assert 'max="2"' in page
    assert "a &lt; 1" in page
    assert "://" not in page


def side_by_side(n):
    """Return the picture of a slider with ``n`` positions, whose figures turn from black to red."""

    def draw(red):
        figure, axes = plt.subplots(figsize=(1, 1))
        figure.set_facecolor((red, 0.0, 0.0))
        axes.set_axis_off()
        return figure

    shown = slider(draw, np.linspace(0, 1, n), "{:.1f}")
    return Image.open(io.BytesIO(shown._repr_png_()))


@pytest.mark.parametrize(("n", "tiles"), [(1, (1, 1)), (3, (3, 1)), (4, (3, 2)), (11, (3, 2))])
def test_without_a_slider_at_most_six_pictures_are_side_by_side(n, tiles):
    assert side_by_side(n).size == (75 * tiles[0], 75 * tiles[1])


def test_the_pictures_side_by_side_go_from_the_first_to_the_last():
    tiles = np.array(side_by_side(11)).reshape(2, 75, 3, 75, 3)[:, 0, :, 0, 0]
    assert tiles.ravel().tolist() == [0, 51, 102, 153, 204, 255]
