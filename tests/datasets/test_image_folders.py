import numpy as np
import pytest
from PIL import Image

from utsushi import datasets
from utsushi.datasets.images import SUFFIXES
from utsushi.exceptions import DataError


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


@pytest.mark.parametrize("ending", [suffix[1:] for suffix in sorted(SUFFIXES)] + ["PNG"])
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
    assert "one or the other" in refusal(DataError, datasets.open, tmp_path)


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
    assert f"{first} is 3x4 and {other} is 5x5" in message


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
