import numpy as np
import pytest
from PIL import Image

from utsushi import datasets
from utsushi.datasets.images import formats
from utsushi.exceptions import DataError, SettingError

ENDINGS = ["png", "jpg", "jpeg", "bmp", "gif", "tif", "tiff", "webp", "pgm", "tga", "ico", "PNG"]


@pytest.fixture
def save(tmp_path):
    """Save an image under a name in the folder; without pixels, a grey one of 4 x 3."""

    def write(name, pixels=None, **options):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.zeros((4, 3), np.uint8) if pixels is None else np.asarray(pixels)
        Image.fromarray(pixels).save(path, **options)
        return path

    return write


def blank(mode, size):
    return np.asarray(Image.new(mode, size))


COLOUR = np.arange(36, dtype=np.uint8).reshape(4, 3, 3)


def test_grey_images_are_rows_scaled_to_one(tmp_path, save):
    pixels = np.arange(12, dtype=np.uint8).reshape(4, 3)
    save("a.png", pixels)
    data = datasets.open(tmp_path)
    np.testing.assert_array_equal(data.X[0], pixels.ravel() / np.float32(255))
    assert (data.X.dtype, data.image_shape) == (np.float32, (4, 3))


def test_colour_images_have_their_channels_first(tmp_path, save):
    save("a.png", COLOUR)
    data = datasets.open(tmp_path)
    np.testing.assert_array_equal(np.rint(data.X[0] * 255), COLOUR.transpose(2, 0, 1).ravel())
    assert data.image_shape == (3, 4, 3)


def test_one_image_with_colour_makes_all_of_them_rgb(tmp_path, save):
    save("a.png")
    save("b.png", COLOUR)
    assert datasets.open(tmp_path).X.shape == (2, 36)


def test_the_images_are_in_the_order_of_their_names(tmp_path, save):
    for value in [3, 1, 2]:
        save(f"{value}.png", np.full((4, 3), value, np.uint8))
    assert np.rint(datasets.open(tmp_path).X[:, 0] * 255).tolist() == [1, 2, 3]


@pytest.mark.parametrize("ending", ENDINGS)
def test_each_ending_is_read_in_small_and_capital_letters(tmp_path, save, ending):
    save(f"a.{ending}")
    assert len(datasets.open(tmp_path).X) == 1


def test_other_and_hidden_files_are_left_alone(tmp_path, save):
    save("a.png")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "._a.png").write_text("what one system leaves on another's disks")
    assert len(datasets.open(tmp_path).X) == 1


def test_sub_folders_are_classes(tmp_path, save):
    save("dog/1.png")
    save("cat/1.png")
    save("cat/2.png")
    assert datasets.open(tmp_path).y.tolist() == ["cat", "cat", "dog"]


def test_without_sub_folders_there_are_no_labels(tmp_path, save):
    save("a.png")
    assert datasets.open(tmp_path).y is None


def test_images_within_and_beside_sub_folders_are_refused(tmp_path, save, refusal):
    save("a.png")
    save("cat/b.png")
    assert "sub-folders, got both" in refusal(DataError, datasets.open, tmp_path)


def test_sixteen_bits_are_not_clipped_to_eight(tmp_path, save):
    save("a.png", np.array([[0, 1, 32768, 65535]], dtype=np.uint16))
    np.testing.assert_allclose(datasets.open(tmp_path).X[0], [0, 1 / 65535, 32768 / 65535, 1])


def test_pixels_of_unknown_range_are_refused(tmp_path, save, refusal):
    save("a.tif", np.ones((4, 3), np.float32))
    assert "32-bit pixels" in refusal(DataError, datasets.open, tmp_path)


def test_a_palette_of_greys_is_grey(tmp_path):
    image = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(4, 3)).convert("P")
    image.save(tmp_path / "a.png")
    assert datasets.open(tmp_path).image_shape == (4, 3)


def test_transparency_is_left_out(tmp_path, save):
    save("a.png", np.full((4, 3, 4), 255, np.uint8))
    assert datasets.open(tmp_path).image_shape == (3, 4, 3)


def test_the_first_two_sizes_that_differ_are_named(tmp_path, save, refusal):
    first = save("a.png")
    other = save("b.png", np.zeros((5, 5), np.uint8))
    message = refusal(DataError, datasets.open, tmp_path)
    assert f"got {first} of 3x4 and {other} of 5x5" in message


def test_an_empty_folder_is_refused_with_what_it_should_hold(tmp_path, refusal):
    message = refusal(DataError, datasets.open, tmp_path)
    assert "no images" in message
    assert ".png" in message


def test_a_file_that_is_no_image_is_named(tmp_path, save, refusal):
    save("a.png")
    (tmp_path / "b.png").write_text("no image")
    assert "b.png cannot be read" in refusal(DataError, datasets.open, tmp_path)


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "gif", "tif", "webp", "pgm"])
def test_an_image_cut_short_is_named(tmp_path, save, ending, refusal):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    path = save(f"a.{ending}", noise)
    path.write_bytes(path.read_bytes()[:1500])
    assert f"a.{ending} cannot be read" in refusal(DataError, datasets.open, tmp_path)


def test_a_format_for_which_pillow_calls_a_program_is_left_alone(tmp_path, save):
    save("a.png", blank("L", (1, 1)))
    Image.new("L", (1, 1)).save(tmp_path / "b.eps")
    assert len(datasets.open(tmp_path).X) == 1


@pytest.mark.parametrize("name", ["EPS", "IPTC"])
def test_no_ending_leads_to_a_format_that_opens_others(name):
    assert name not in formats().values()


def test_a_program_behind_a_harmless_name_is_not_called(tmp_path, refusal):
    Image.new("L", (1, 1)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    assert "a.png cannot be read" in refusal(DataError, datasets.open, tmp_path)


def save_turned(path, orientation):
    image = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40)
    exif = Image.Exif()
    exif[274] = orientation
    image.save(path, exif=exif)
    return np.asarray(image, np.float32) / 255


@pytest.mark.parametrize(("orientation", "turn"), [(1, 0), (3, 2), (6, -1), (8, 1)], ids=str)
def test_an_image_is_turned_as_its_exif_says(tmp_path, orientation, turn):
    stored = save_turned(tmp_path / "a.png", orientation)
    data = datasets.open(tmp_path)
    np.testing.assert_allclose(data.X[0].reshape(data.image_shape), np.rot90(stored, turn))


def test_images_of_several_sizes_are_brought_to_one(tmp_path, save):
    save("a.png", blank("L", (4, 8)))
    save("b.png", blank("L", (9, 3)))
    assert datasets.open(tmp_path, image_size=(2, 3)).image_shape == (2, 3)


def test_one_number_is_the_size_of_a_square(tmp_path, save):
    save("a.png", blank("RGB", (5, 9)))
    assert datasets.open(tmp_path, image_size=4).image_shape == (3, 4, 4)
    assert datasets.open(tmp_path, image_size=np.int64(4)).image_shape == (3, 4, 4)


def test_what_is_too_long_is_cut_off_at_both_ends(tmp_path):
    pixels = np.zeros((4, 12), np.uint8)
    pixels[:, 4:8] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (datasets.open(tmp_path, image_size=4).X == 1).all()


def test_a_deep_image_is_fitted_too(tmp_path):
    Image.fromarray(np.full((8, 8), 65535, np.uint16)).save(tmp_path / "a.png")
    np.testing.assert_allclose(datasets.open(tmp_path, image_size=2).X, 1, rtol=1e-6)


@pytest.mark.parametrize(("color", "shape"), [("grey", (2, 2)), ("rgb", (3, 2, 2))])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_images_become_the_colour_that_is_asked_for(tmp_path, save, mode, color, shape):
    save("a.png", blank(mode, (2, 2)))
    assert datasets.open(tmp_path, color=color).image_shape == shape


@pytest.mark.parametrize("size", [0, 8.5, True, (1, 2, 3), ("a", 2), (5000, 1)])
def test_a_size_that_is_none_is_refused(tmp_path, save, size, refusal):
    save("a.png", blank("L", (2, 2)))
    message = refusal(SettingError, datasets.open, tmp_path, image_size=size)
    assert message.startswith("image_size must")
    assert f"got {size!r}" in message


def test_an_unknown_colour_is_refused(tmp_path, refusal):
    assert "'red'" in refusal(SettingError, datasets.open, tmp_path, color="red")


@pytest.fixture
def with_bad_ones(tmp_path, save):
    for kind in "ab":
        (tmp_path / kind).mkdir()
        save(f"{kind}/good.png", np.arange(1600, dtype=np.uint8).reshape(40, 40) * 37)
    (tmp_path / "a" / "bad.png").write_bytes(b"no image")
    whole = (tmp_path / "b" / "good.png").read_bytes()
    (tmp_path / "b" / "cut.png").write_bytes(whole[: len(whole) // 2])
    return tmp_path


def test_bad_images_are_left_out_if_that_is_asked_for(with_bad_ones):
    data = datasets.open(with_bad_ones, skip_bad=True)
    assert (len(data.X), data.y.tolist()) == (2, ["a", "b"])


def test_an_image_of_32_bits_can_be_left_out(tmp_path):
    Image.new("L", (3, 4)).save(tmp_path / "a.png")
    Image.new("F", (3, 4)).save(tmp_path / "b.tif")
    data = datasets.open(tmp_path, skip_bad=True)
    assert (len(data.X), len(data.skipped)) == (1, 1)
    assert "b.tif has 32-bit pixels" in data.skipped[0]


def test_bad_images_are_listed_with_their_reasons(with_bad_ones):
    first, second = datasets.open(with_bad_ones, skip_bad=True).skipped
    assert "bad.png cannot be read (" in first
    assert "cut.png cannot be read (" in second


def test_the_error_for_a_bad_image_says_how_to_leave_it_out(with_bad_ones, refusal):
    assert "skip_bad=True" in refusal(DataError, datasets.open, with_bad_ones)


def test_a_folder_of_nothing_but_bad_images_is_refused(tmp_path, refusal):
    (tmp_path / "a.png").write_bytes(b"no image")
    message = refusal(DataError, datasets.open, tmp_path, skip_bad=True)
    assert "must have at least one image that can be read, got 1 that cannot" in message


def test_options_of_images_are_refused_for_what_is_none(refusal):
    message = refusal(DataError, datasets.open, [[1.0]], skip_bad=True)
    assert message.startswith("skip_bad must not be set")
