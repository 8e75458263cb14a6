"""Figures: from arrays to pixels, the same each time, and nobody's global state is touched."""

import io
import subprocess
import sys
import warnings

import matplotlib as mpl
import matplotlib.font_manager
import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image

from utsushi import figures
from utsushi.exceptions import DataError, UtsushiWarning
from utsushi.figures import canvas

RNG = np.random.default_rng(0)
IMAGES = RNG.random((12, 20))
TABLE = {
    "income": np.exp(RNG.normal(10, 1, 60)),
    "visits": RNG.integers(0, 5, 60),
    "day": np.datetime64("2024-01-01") + RNG.integers(0, 400, 60),
    "town": RNG.choice(["Bonn", "Kobe", "Oslo"], 60).astype(object),
}


def draw_each():
    return {
        "grid": figures.image_grid(IMAGES, (4, 5)),
        "rows": figures.image_rows([("a", IMAGES[:3]), ("b", IMAGES[3:6])], (4, 5)),
        "curves": figures.learning_curves({"train": [3.0, 2.0], "test": [3.5, 2.5]}, ylabel="loss"),
        "codes": figures.code_map(RNG.random((30, 3)), np.arange(30) % 3),
        "residuals": figures.residual_images(IMAGES, IMAGES / 2, IMAGES / 4, (4, 5)),
        "residual bars": figures.residual_bars(IMAGES[:3], list("abcdefghijklmnopqrst"), "xyz"),
        "bars": figures.component_bars([0.01, 2.0], ylabel="nats"),
        "columns": figures.column_histograms(TABLE, TABLE),
        "associations": figures.association_matrices(np.eye(3), np.ones((3, 3)), "abc"),
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


def test_every_pixel_of_a_grid_can_be_read_back():
    values = RNG.integers(0, 256, size=(1, 28 * 20), dtype=np.uint8)
    shown = pixels(figures.image_grid(values / 255, (28, 20), n_columns=1))
    scale = shown.shape[0] // 28
    assert scale > 1
    tile = values.reshape(28, 20)
    assert (shown[..., 0] == np.kron(tile, np.ones((scale, scale), dtype=np.uint8))).all()


@pytest.mark.parametrize("n_columns", [1, 3, 7, 10, 33])
def test_a_grid_is_a_whole_number_of_pixels_at_any_width(n_columns):
    shown = pixels(figures.image_grid(np.zeros((n_columns, 64)), (8, 8), n_columns=n_columns))
    assert shown.shape[1] % (9 * n_columns - 1) == 0


def test_values_beyond_the_range_are_black_and_white():
    shown = pixels(figures.image_grid([[-3.0, 7.0]], (1, 2)))
    assert set(np.unique(shown)) == {0, 255}


def test_a_figure_drawn_twice_gives_the_same_bytes():
    for figure in draw_each().values():
        assert figures.to_png(figure) == figures.to_png(figure)


def test_a_png_names_no_program_and_no_date():
    image = Image.open(io.BytesIO(figures.to_png(figures.image_grid(IMAGES, (4, 5)))))
    assert set(image.info) <= {"dpi"}


def test_one_epoch_has_no_fractions_of_an_epoch():
    axes = figures.learning_curves({"train": [0.04]}, ylabel="loss").axes[0]
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]


def test_the_names_of_curves_that_end_together_do_not_collide():
    figure = figures.learning_curves({"a": [2, 1.0], "b": [2, 1.0], "c": [2, 1.001]}, ylabel="y")
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_constant_codes_have_a_map():
    label = figures.code_map(np.ones((5, 3))).axes[0].get_xlabel()
    assert label == "First principal component (0% of the variance)"


def test_an_image_that_is_not_finite_is_named():
    with pytest.raises(DataError, match=r"images must be finite, got nan at \(0, 1\)"):
        figures.image_grid([[0.0, np.nan]], (1, 2))


def test_a_shape_that_does_not_fit_is_named():
    with pytest.raises(DataError, match=r"images must have 784 features .*, got 20"):
        figures.image_grid(IMAGES, (28, 28))


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


def test_the_maps_of_all_images_share_one_scale():
    maps = np.zeros((2, 20))
    maps[0, 0], maps[1, 0] = 4.0, 1.0
    figure = figures.residual_images(IMAGES[:2], IMAGES[:2], maps, (4, 5))
    assert figure.axes[1].get_xlim() == (0.0, 4.0)
    tiles = figure.axes[0].images[0].get_array()
    strongest, weaker, nothing = (tiles[-4, column] for column in (0, 6, 7))
    assert strongest.sum() < weaker.sum() < nothing.sum() == 3 * 255


def test_the_channels_of_a_map_are_added_up():
    images = np.ones((1, 12))
    figure = figures.residual_images(images, images, images, (3, 2, 2))
    assert figure.axes[1].get_xlim() == (0.0, 3.0)


@pytest.mark.parametrize("n", [1, 2, 30])
def test_any_number_of_residuals_is_drawn_without_a_collision_of_words(n):
    maps = np.resize(IMAGES, (n, 20))
    figure = figures.residual_images(maps, maps, maps, (4, 5))
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.texts]
    assert not any(box.overlaps(figure.axes[1].get_tightbbox()) for box in boxes)
    assert figure.axes[1].get_tightbbox().x1 <= figure.bbox.x1 + 20


@pytest.mark.parametrize("largest", [0.8, 1.0, 2.5])
def test_the_last_numeral_of_the_scale_is_not_cut(largest):
    images = np.ones((8, 784))
    figure = figures.residual_images(images, images, largest * images, (28, 28))
    figure.draw_without_rendering()
    assert figure.axes[1].get_tightbbox().x1 <= figure.bbox.x1


def test_maps_of_nothing_are_white():
    figure = figures.residual_images(IMAGES, IMAGES, 0 * IMAGES, (4, 5))
    assert (figure.axes[0].images[0].get_array()[-4:] == 255).all()


def test_images_and_maps_of_different_rows_are_refused():
    with pytest.raises(DataError, match="originals, reconstructions and maps must have one shape"):
        figures.residual_images(IMAGES, IMAGES, IMAGES[:3], (4, 5))


def test_the_columns_that_depart_the_most_stand_above():
    figure = figures.residual_bars([[1.0, 3.0, 2.0]], ["a", "b", "c"], ["row 0"], n_columns=2)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["b", "c"]
    assert [bar.get_width() for bar in figure.axes[0].patches] == [3.0, 2.0]


def test_bars_without_a_name_for_each_column_are_refused():
    with pytest.raises(DataError, match="one name per column"):
        figures.residual_bars([[1.0, 2.0]], ["a"], ["row 0"])


def test_letters_that_no_font_has_are_one_warning_at_the_place_that_draws(monkeypatch):
    monkeypatch.setattr(canvas, "FALLBACK_FONTS", ())
    figure = figures.part_bars({"身長": 0.7, "b": 0.3}, xlabel="割合")
    with pytest.warns(UtsushiWarning, match="'割合身長': these letters") as caught:
        figures.to_png(figure)
    assert [warning.filename for warning in caught] == [__file__]


def test_other_warnings_of_a_drawing_reach_the_caller():
    with pytest.warns(RuntimeWarning, match="another"), canvas.styled():
        warnings.warn("another", RuntimeWarning, stacklevel=1)


def test_names_in_another_script_are_drawn_where_a_font_for_them_is_installed():
    installed = set(mpl.font_manager.get_font_names())
    if not any("CJK JP" in name or "Hiragino" in name for name in installed):
        pytest.skip("no Japanese font is installed, or matplotlib's list is older than it")
    png = figures.to_png(figures.part_bars({"身長": 0.7, "体重": 0.3}, xlabel="割合"))  # no warning
    assert png[1:4] == b"PNG"


# --- tables ---------------------------------------------------------------------------------------


def shares(axes):
    """Return the heights of the bins of both tables, the real one first."""
    return [patch.get_data().values for patch in axes.patches]


def test_the_bins_of_both_tables_are_shares_of_their_own_rows():
    other = {"visits": [1.0, 1.0, 3.0, np.nan]}
    (axes,) = figures.column_histograms({"visits": [0, 1, 1, 1]}, other).axes
    real, synthetic = shares(axes)
    np.testing.assert_allclose(real, [0.25, 0.75, 0, 0])
    np.testing.assert_allclose(synthetic, [0, 2 / 3, 0, 1 / 3])
    assert axes.get_title(loc="right") == "0 / 25 % gaps"


def test_values_beyond_the_bins_are_in_the_last_one():
    column = np.append(np.linspace(0, 1, 1000), 1e9)
    (axes,) = figures.column_histograms({"a": column}, {"a": np.linspace(0, 1, 10)}).axes
    assert shares(axes)[0].sum() == pytest.approx(1)
    assert axes.get_xlim()[1] < 2


def test_rare_categories_share_a_bar():
    names = [f"n{i}" for i in range(12) for _ in range(12 - i)]
    (axes,) = figures.column_histograms({"a": names}, {"a": ["n0", "new"]}).axes
    words = [label.get_text() for label in axes.get_yticklabels()]
    assert words == [*(f"n{i}" for i in range(7)), "other (6)"]
    widths = [bar.get_width() for bar in axes.patches]
    assert widths[0] == pytest.approx(12 / 78)
    assert widths[7] == pytest.approx(sum(range(1, 6)) / 78)
    assert widths[8:] == [0.5, *6 * [0], 0.5]


@pytest.mark.parametrize(
    "column",
    [[None, None], [np.nan, 1.0], [True, None], [1, None, 2], ["a"], [np.datetime64("NaT")] * 2],
)
def test_columns_with_gaps_or_one_value_are_drawn(column):
    for other in (column, column[-1:]):
        assert pixels(figures.column_histograms({"a": column}, {"a": other})).size > 0


def test_frames_of_pandas_and_polars_give_the_same_picture():
    frame = pd.DataFrame(TABLE)
    frame.loc[3, "town"] = None
    one = figures.column_histograms(dict(frame), dict(frame))
    table = pl.from_pandas(frame).to_dict()
    assert figures.to_png(one) == figures.to_png(figures.column_histograms(table, table))


def test_tables_without_a_common_column_are_refused():
    with pytest.raises(DataError, match="lacks 'income'"):
        figures.column_histograms(TABLE, {})
    with pytest.raises(DataError, match="'a' must have at least one row"):
        figures.column_histograms({"a": []}, {"a": [1]})


@pytest.mark.parametrize("n", [2, 8, 45])
@pytest.mark.parametrize("name", ["a", "a long name of a column"])
def test_the_association_matrices_are_not_cut(n, name):
    matrix = RNG.uniform(-1, 1, (n, n))
    figure = figures.association_matrices(matrix, -matrix, [name] * n)
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert min(box.x0, box.y0) >= 0
    assert box.y1 <= figure.get_figheight()
    assert box.x1 <= figure.get_figwidth()


def test_the_difference_has_its_own_scale():
    real, synthetic = np.eye(2), np.array([[1, 0.2], [0.2, 1]])
    images = [
        axes.images[0] for axes in figures.association_matrices(real, synthetic, "ab").axes[:3]
    ]
    assert [image.get_clim() for image in images] == [(-1, 1), (-1, 1), (-0.2, 0.2)]
    np.testing.assert_allclose(images[2].get_array(), synthetic - real)


def test_matrices_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"\(2, 2\) and \(3, 3\) with 2 names"):
        figures.association_matrices(np.eye(2), np.eye(3), "ab")
