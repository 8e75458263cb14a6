"""What is no array of rows is refused in one sentence, which says how to make one of it."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from utsushi import Autoencoder, datasets
from utsushi.exceptions import DataError

X = np.random.default_rng(0).random((6, 3, 8, 8)).astype(np.float32)
PEOPLE = {"age": [31.0, 54.0, 20.0], "town": ["Oslo", "Kobe", "Oslo"], "mail": ["x", "y", "z"]}


class Stream(IterableDataset):
    """Rows that can only be gone through."""

    def __iter__(self):
        yield from torch.tensor(X.reshape(6, -1)[:, :4])


def small(**settings):
    return Autoencoder(2, hidden=(4,), max_epochs=1, random_state=0, **settings)


@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_text_in_a_frame_names_its_column_and_what_makes_numbers_of_it(make, refusal):
    frame = make(PEOPLE)
    message = refusal(DataError, small().fit, frame)
    assert "text in column 'town' and 1 more" in message
    assert "data = datasets.open(df, label=…, drop=…)" in message
    data = datasets.open(frame, label="mail")
    model = small().fit(data.X_train, columns=data.columns)
    with pytest.raises(DataError, match=r"datasets\.open\(df, columns=model\.columns_\)"):
        model.transform(frame)
    assert model.transform(datasets.open(frame, columns=model.columns_).X_train).shape == (3, 2)


def test_text_in_an_array_is_said_too(refusal):
    rows = pd.DataFrame(PEOPLE).to_numpy()
    assert "X must hold numbers, got text." in refusal(DataError, small().fit, rows)
    assert "as a data frame" in refusal(DataError, datasets.open, rows)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_dates_in_a_frame_name_their_column(make, refusal):
    frame = make({"a": [1.0, 2.0], "day": [datetime.datetime(2026, 1, 1)] * 2})
    message = refusal(DataError, small().fit, frame)
    assert "column 'day'" in message
    assert "datasets.open(df, dates=('day',))" in message


@pytest.mark.parametrize("call", [lambda rows: small().fit(rows), datasets.open])
def test_a_data_loader_is_refused_with_what_to_give(call, refusal):
    pairs = TensorDataset(torch.rand(6, 4), torch.arange(6))
    message = refusal(DataError, call, DataLoader(pairs, batch_size=2))
    assert "got a torch DataLoader" in message
    assert "datasets.open(loader.dataset).X_train" in message
    assert small().fit(datasets.open(pairs).X_train).n_features_in_ == 4
    message = refusal(DataError, call, DataLoader(Stream(), batch_size=2))
    assert "torch.cat(list(loader))" in message
    assert small().fit(torch.cat(list(DataLoader(Stream(), batch_size=2)))).n_features_in_ == 4


def test_a_torch_data_set_is_refused_with_what_to_give(refusal):
    message = refusal(DataError, small().fit, TensorDataset(torch.rand(6, 4)))
    assert "datasets.open(dataset).X_train" in message
    assert "torch.stack(list(dataset))" in refusal(DataError, small().fit, Stream())
    assert small().fit(torch.stack(list(Stream()))).n_features_in_ == 4


def test_a_path_and_a_data_set_of_ours_are_refused_with_what_to_give(refusal):
    message = refusal(DataError, small().fit, "digits8x8")
    assert "datasets.open('digits8x8').X_train" in message
    assert "Give its X_train" in refusal(DataError, small().fit, datasets.load_digits8x8())


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize(
    ("axes", "scale"), [((0, 1, 2, 3), 1), ((0, 2, 3, 1), 1), ((0, 2, 3, 1), 255)]
)
def test_what_is_said_of_images_makes_rows_of_them(kind, axes, scale, refusal):
    images = X.transpose(axes) * scale
    images = kind(np.ascontiguousarray(images.astype(np.uint8 if scale == 255 else np.float32)))
    message = refusal(DataError, small().fit, images)
    fix, _, shape = message.partition("Flatten the samples by ")[2].partition(
        ", and set image_shape="
    )
    assert shape.startswith("(3, 8, 8)")
    rows = eval(fix, {"X": images, "len": len})
    step = 1 / 255 if scale == 255 else 0
    np.testing.assert_allclose(np.asarray(rows), X.reshape(6, -1), atol=step + 1e-7)
    assert small(image_shape=(3, 8, 8)).fit(rows).n_features_in_ == 192
