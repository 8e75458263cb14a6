"""A file that is damaged anywhere is refused, and so is one that is not whole."""

import numpy as np
import pytest

from utsushi import VariationalAutoencoder, load
from utsushi._utils.safetensors_io import read_model_file
from utsushi.exceptions import CheckpointError, ModelFileError
from utsushi.samplers import Mixture
from utsushi.training.checkpoint import Checkpoints

IMAGES = np.random.default_rng(5).random((22, 64), dtype=np.float32)


#: One in so many damaged files is also opened as a user would, which takes longer.
OPENED = 32


def trained(folder):
    model = VariationalAutoencoder(3, hidden=(8,), max_epochs=2, random_state=0, sampler=Mixture(2))
    return model.fit(IMAGES, checkpoint_dir=folder)


@pytest.fixture(scope="module", params=["model", "checkpoint"])
def file(request, tmp_path_factory):
    """Give a model file and a checkpoint that are whole."""
    folder = tmp_path_factory.mktemp("files")
    model = trained(folder / "c")
    if request.param == "model":
        return model.save(folder / "model.safetensors")
    (checkpoint,) = (folder / "c").glob("*.safetensors")
    return checkpoint


@pytest.fixture
def damaged(file, tmp_path):
    """Give a way to put other bytes in the place of the file, in a folder of its own."""

    def put(content):
        path = tmp_path / "c" / file.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    return put


def opened(path):
    """Open a file as a user would: a model by load, a checkpoint by the folder that it is in."""
    if path.name == "model.safetensors":
        return load(path)
    with Checkpoints(path.parent) as checkpoints:
        return checkpoints.checkpoint


@pytest.mark.filterwarnings("ignore:.*The checkpoint before it is used")
def test_a_file_that_ends_too_early_is_refused(file, damaged):
    content = file.read_bytes()
    for part in range(64):
        path = damaged(content[: len(content) * part // 64])
        for read in (read_model_file, opened):
            with pytest.raises((ModelFileError, CheckpointError)):
                read(path)


@pytest.mark.filterwarnings("ignore:.*The checkpoint before it is used")
def test_every_changed_byte_of_the_header_and_two_thousand_others_are_noticed(file, damaged):
    """The space that pads the header is the one place where a change means nothing."""
    content = file.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    draw = np.random.default_rng(6)
    elsewhere = draw.integers(end, len(content), 2000)
    whole = read_model_file(file)
    for number, place in enumerate([*range(end), *elsewhere]):
        changed = bytearray(content)
        changed[place] ^= 1 << draw.integers(8)
        path = damaged(changed)
        try:
            header, tensors = read_model_file(path)
        except ModelFileError:
            if number % OPENED == 0:
                with pytest.raises((ModelFileError, CheckpointError)):
                    opened(path)
            continue
        assert place < end
        assert header == whole[0]
        assert all(np.array_equal(tensors[name], array) for name, array in whole[1].items())


def test_a_whole_file_gives_the_model_that_it_was_written_of(file, damaged):
    path = damaged(file.read_bytes())
    again = load(path) if path.name == "model.safetensors" else trained(path.parent)
    expected = trained(None)
    np.testing.assert_array_equal(again.score_samples(IMAGES), expected.score_samples(IMAGES))
