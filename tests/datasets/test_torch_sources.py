import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import IterableDataset, TensorDataset

from utsushi import datasets
from utsushi.exceptions import DataError


class Listed(torch.utils.data.Dataset):
    """Any items as a data set."""

    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


class Endless(IterableDataset):
    """A data set that can only be gone through."""

    def __iter__(self):
        yield torch.ones(2)


class Counted(Endless):
    """One that knows how many there are, and still has no item by its number."""

    def __len__(self):
        return 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_tensor_is_an_array(dtype):
    tensor = torch.tensor([[0.5, 1.0]], dtype=dtype, requires_grad=True)
    assert datasets.open(tensor).X.tolist() == [[0.5, 1.0]]


def test_a_tensor_of_bytes_is_pixels():
    data = datasets.open(torch.full((2, 3, 3), 255, dtype=torch.uint8))
    assert (data.X.max(), data.image_shape) == (1.0, (3, 3))


def test_a_data_set_gives_rows_and_labels():
    data = datasets.open(TensorDataset(torch.eye(3), torch.tensor([2, 0, 1])))
    assert (data.X.tolist(), data.y.tolist()) == (np.eye(3).tolist(), [2, 0, 1])


def test_a_data_set_without_labels_gives_rows():
    data = datasets.open(Listed(torch.zeros(4), torch.ones(4)))
    assert (data.X.shape, data.y) == ((2, 4), None)


def test_a_data_set_of_pillow_images_has_its_channels_first():
    image = Image.new("RGB", (5, 2), (255, 0, 51))
    data = datasets.open(Listed((image, "a"), (image, "b")))
    assert (data.image_shape, data.y.tolist()) == ((3, 2, 5), ["a", "b"])
    assert data.X[0].reshape(3, 2, 5)[:, 0, 0].tolist() == [1, 0, np.float32(0.2)]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Endless(), "got one that has no length"),
        (Counted(), "got one that cannot be indexed"),
        (Listed(), "Listed must have at least one item"),
        (Listed(torch.ones(2), torch.ones(3)), "got (3,)"),
        (Listed((torch.ones(2), 1), torch.ones(2)), "got (2,) and None"),
        (Listed((torch.ones(2), 1, 2)), "got 3 parts"),
        (Listed((torch.ones(2), torch.ones(2))), "got a label of shape (2,)"),
        (Listed({"x": 1}), "got a dict"),
    ],
)
def test_items_that_are_not_alike_are_refused(source, message, refusal):
    assert message in refusal(DataError, datasets.open, source)
