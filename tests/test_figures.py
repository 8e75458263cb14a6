"""Figures: from arrays to pixels, the same each time, and nobody's global state is touched."""

import io
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from utsushi import figures
from utsushi.exceptions import DataError

RNG = np.random.default_rng(0)
IMAGES = RNG.random((12, 20))


def draw_each():
    return {
        "grid": figures.image_grid(IMAGES, (4, 5)),
        "rows": figures.image_rows([("a", IMAGES[:3]), ("b", IMAGES[3:6])], (4, 5)),
        "curves": figures.learning_curves({"train": [3.0, 2.0], "test": [3.5, 2.5]}, ylabel="loss"),
        "codes": figures.code_map(RNG.random((30, 3)), np.arange(30) % 3),
        "bars": figures.component_bars([0.01, 2.0], ylabel="nats"),
    }


def pixels(figure):
    return np.asarray(Image.open(io.BytesIO(figures.to_png(figure))).convert("RGB"))


@pytest.mark.parametrize("name", list(draw_each()))
def test_a_figure_shows_something(name):
    assert len(np.unique(pixels(draw_each()[name]).reshape(-1, 3), axis=0)) > 2


def test_the_same_arrays_give_the_same_bytes():
    first = figures.to_png(figures.code_map(IMAGES, np.arange(12) % 2))
    assert first == figures.to_png(figures.code_map(IMAGES, np.arange(12) % 2))


def test_the_settings_of_matplotlib_are_the_callers():
    before = dict(mpl.rcParams)
    for figure in draw_each().values():
        figures.to_png(figure)
    assert dict(mpl.rcParams) == before


def test_the_callers_style_does_not_reach_in():
    plain = figures.to_png(figures.component_bars([1.0, 2.0], ylabel="nats"))
    with mpl.rc_context({"axes.facecolor": "red", "font.size": 30}):
        assert figures.to_png(figures.component_bars([1.0, 2.0], ylabel="nats")) == plain


def test_pyplot_is_not_loaded():
    code = (
        "import sys, numpy as np\nfrom utsushi import figures\n"
        "figures.to_png(figures.image_grid(np.ones((2, 4)), (2, 2)))\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_pixel_keeps_its_value(value):
    shown = pixels(figures.image_grid(np.full((1, 4), value), (2, 2), n_columns=1))
    centre = shown[shown.shape[0] // 2, shown.shape[1] // 2]
    assert np.abs(centre.astype(int) - round(255 * value)).max() <= 1


def test_colour_images_are_shown_in_colour():
    red = np.concatenate([np.ones(4), np.zeros(8)])
    shown = pixels(figures.image_grid(red[None], (3, 2, 2), n_columns=1))
    assert (shown == [255, 0, 0]).all(axis=-1).any()


def test_fewer_images_than_columns_are_drawn():
    assert pixels(figures.image_grid(IMAGES[:3], (4, 5), n_columns=10)).size > 0


def test_nothing_to_draw_is_an_error():
    with pytest.raises(DataError):
        figures.image_grid(np.empty((0, 20)), (4, 5))


def test_codes_of_one_component_have_a_map():
    assert pixels(figures.code_map(RNG.random((20, 1)))).size > 0
