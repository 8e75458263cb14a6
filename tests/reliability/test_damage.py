"""A file that is damaged anywhere is refused, and so is one that is not whole."""

import numpy as np
import pytest

from utsushi import VariationalAutoencoder, load
from utsushi.exceptions import ModelFileError
from utsushi.persistence import read_model_file
from utsushi.samplers import Mixture

IMAGES = np.random.default_rng(5).random((22, 64), dtype=np.float32)


@pytest.fixture(scope="module", params=["model", "checkpoint"])
def file(request, tmp_path_factory):
    """Give a model file and a checkpoint that are whole."""
    folder = tmp_path_factory.mktemp("files")
    model = VariationalAutoencoder(
        3, hidden=(8,), max_epochs=2, random_state=0, sampler=Mixture(2)
    ).fit(IMAGES, checkpoint_dir=folder / "c")
    if request.param == "model":
        return model.save(folder / "model.safetensors")
    (checkpoint,) = (folder / "c").glob("*.safetensors")
    return checkpoint


def test_a_file_that_ends_too_early_is_refused(file, tmp_path):
    content = file.read_bytes()
    for part in range(64):
        (tmp_path / "cut").write_bytes(content[: len(content) * part // 64])
        with pytest.raises(ModelFileError):
            read_model_file(tmp_path / "cut")


def test_every_changed_byte_of_the_header_and_two_thousand_others_are_noticed(file, tmp_path):
    """The space that pads the header is the one place where a change means nothing."""
    content = file.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    draw = np.random.default_rng(6)
    elsewhere = draw.integers(end, len(content), 2000)
    whole = read_model_file(file)
    for place in [*range(end), *elsewhere]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << draw.integers(8)
        (tmp_path / "flipped").write_bytes(damaged)
        try:
            header, tensors = read_model_file(tmp_path / "flipped")
        except ModelFileError:
            continue
        assert place < end
        assert header == whole[0]
        assert all(np.array_equal(tensors[name], array) for name, array in whole[1].items())


def test_a_model_that_is_read_is_the_one_that_was_written(file):
    if file.name == "model.safetensors":
        assert load(file).n_components == 3
