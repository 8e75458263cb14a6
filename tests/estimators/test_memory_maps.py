"""Rows on the disk: the same model as from the same rows in memory, and no copy of them."""

import mmap
import os

import numpy as np
import pytest

from utsushi import AnomalyDetector, Autoencoder, Recipe, VariationalAutoencoder, datasets
from utsushi._utils.lazy_rows import (
    ConvertedRows,
    LazyRows,
    MappedRows,
    SelectedRows,
    as_guarded,
    row_blocks,
)
from utsushi.estimators import base, rows
from utsushi.exceptions import DataError
from utsushi.training import subspace

X = np.random.default_rng(2).random((90, 64), dtype=np.float32)
WIDE = X[:, :15] @ np.random.default_rng(3).random((15, 200), dtype=np.float32)
BATCHES = Recipe(max_epochs=2, batch_size=16)
STOPPING = BATCHES.with_settings(validation_fraction=0.3, early_stopping=1)
FEW = {"n_components": 3, "hidden": (8,), "recipe": BATCHES, "random_state": 1}

MODELS = {
    "plain": lambda: Autoencoder(**FEW),
    "minmax": lambda: Autoencoder(scaling="minmax", **FEW),
    "held out": lambda: Autoencoder(**FEW | {"recipe": STOPPING}),
    "bernoulli": lambda: VariationalAutoencoder(likelihood="continuous-bernoulli", **FEW),
    "conditional": lambda: VariationalAutoencoder(conditional=True, sampler="gaussian", **FEW),
}


def mapped(array, path):
    """Return an array as a memory map of a new file."""
    np.save(path, array)
    return np.load(path, mmap_mode="r")


@pytest.fixture
def nothing_is_copied(monkeypatch):
    """Take every array for a large one."""
    monkeypatch.setattr(base, "COPIED_BYTES", 0)
    monkeypatch.setattr(rows, "COPIED_BYTES", 0)
    monkeypatch.setattr(subspace, "KEPT_BYTES", 0)


@pytest.mark.parametrize("name", MODELS)
def test_a_memory_map_gives_the_model_of_the_array(name, tmp_path, nothing_is_copied):
    y = np.arange(90) % 3
    of_array = MODELS[name]().fit(X, y).save(tmp_path / "array.safetensors")
    of_map = MODELS[name]().fit(mapped(X, tmp_path / "x.npy"), y).save(tmp_path / "map.safetensors")
    assert of_map.read_bytes() == of_array.read_bytes()


def test_rows_that_are_held_out_by_their_numbers_are_those_that_were_copied(tmp_path, monkeypatch):
    copied = MODELS["held out"]().fit(X).save(tmp_path / "copied.safetensors")
    monkeypatch.setattr(rows, "COPIED_BYTES", 0)
    selected = MODELS["held out"]().fit(X).save(tmp_path / "selected.safetensors")
    assert selected.read_bytes() == copied.read_bytes()


def test_rows_that_are_turned_as_they_are_asked_for_teach_the_same(monkeypatch):
    kept = Autoencoder(**FEW).fit(WIDE)
    monkeypatch.setattr(subspace, "KEPT_BYTES", 0)
    turned = Autoencoder(**FEW).fit(WIDE)
    np.testing.assert_allclose(turned.reconstruct(WIDE), kept.reconstruct(WIDE), rtol=1e-3)


def test_a_sampler_of_many_rows_learns_from_some_of_them(monkeypatch):
    monkeypatch.setattr(rows, "SAMPLER_ROWS", 40)
    seen = []
    gaussian = MODELS["plain"]().set_params(sampler="gaussian")
    encode = gaussian._codes
    monkeypatch.setattr(gaussian, "_codes", lambda known: seen.append(len(known)) or encode(known))
    gaussian.fit(X)
    assert seen[0] == 40  # the rest is for the warning of a poor fit


def test_codes_of_a_memory_map_are_those_of_the_array(tmp_path):
    model = MODELS["plain"]().fit(X)
    expected = model.transform(X)
    guarded = as_guarded(mapped(X, tmp_path / "x.npy"))
    np.testing.assert_array_equal(model.transform(guarded), expected)


def test_a_memory_map_of_whole_numbers_teaches_as_the_array_does(tmp_path, nothing_is_copied):
    whole = (255 * X).astype(np.uint8)
    of_array = MODELS["plain"]().fit(whole).save(tmp_path / "array.safetensors")
    of_map = MODELS["plain"]().fit(mapped(whole, tmp_path / "x.npy"))
    assert of_map.save(tmp_path / "map.safetensors").read_bytes() == of_array.read_bytes()


def test_a_file_that_shrinks_while_training_is_a_clear_error(tmp_path, nothing_is_copied):
    path = tmp_path / "x.npy"
    given = mapped(X, path)
    model = MODELS["plain"]()

    def shrink(*arguments):
        os.truncate(path, 1000)

    model._check_data = shrink
    with pytest.raises(DataError, match="shrank from 23168 to 1000 bytes while"):
        model.fit(given)


USES = {
    "fit": lambda model, rows: model.fit(rows),
    "transform": lambda model, rows: model.transform(rows),
    "reconstruct": lambda model, rows: model.reconstruct(rows),
    "score_samples": lambda model, rows: model.score_samples(rows),
    "open": lambda model, rows: datasets.open(rows),
}


@pytest.mark.parametrize("copied_bytes", [0, 2**26])
@pytest.mark.parametrize("use", USES)
def test_a_file_that_has_shrunk_is_a_clear_error(use, copied_bytes, tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "COPIED_BYTES", copied_bytes)
    model = MODELS["plain"]().fit(X)
    given = mapped(X, tmp_path / "x.npy")
    os.truncate(tmp_path / "x.npy", 1000)
    with pytest.raises(DataError, match="shrank from 23168 to 1000 bytes"):
        USES[use](model, given)


ON_DISK = {
    "autoencoder": MODELS["plain"],
    "conditional": MODELS["conditional"],
    "bernoulli": MODELS["bernoulli"],
    "detector": lambda: AnomalyDetector(
        MODELS["plain"](), scoring="combined", max_false_positive_rate=0.2, holdout_fraction=0.5
    ),
}


@pytest.mark.parametrize("name", ON_DISK)
def test_scores_of_a_memory_map_are_those_of_the_array(name, tmp_path, nothing_is_copied):
    y = (np.arange(90) % 3,) if name == "conditional" else ()
    given = mapped(X, tmp_path / "x.npy")
    of_array, of_map = ON_DISK[name]().fit(X, *y), ON_DISK[name]().fit(given, *y)
    np.testing.assert_array_equal(of_map.score_samples(given, *y), of_array.score_samples(X, *y))


@pytest.mark.parametrize("which", [slice(3, 40, 4), np.array([8, 0, 8])])
def test_lazy_rows_are_indexed_as_arrays_are(which, tmp_path):
    on_disk = MappedRows(mapped(X, tmp_path / "x.npy"))
    numbers = np.arange(90)[::-1]
    np.testing.assert_array_equal(on_disk[which], X[which])
    np.testing.assert_array_equal(ConvertedRows(on_disk, np.negative)[which], -X[which])
    np.testing.assert_array_equal(SelectedRows(on_disk, numbers)[which], X[numbers][which])


def test_lazy_rows_become_an_array_where_one_is_asked_for(tmp_path):
    on_disk = MappedRows(mapped(X, tmp_path / "x.npy"))
    np.testing.assert_array_equal(np.asarray(on_disk), X)
    assert (on_disk.shape, on_disk.size, on_disk.nbytes) == (X.shape, X.size, X.nbytes)


def test_blocks_are_all_rows_in_their_order():
    np.testing.assert_array_equal(np.concatenate(list(row_blocks(X, 1000))), X)


def test_what_is_in_memory_is_left_alone():
    assert as_guarded(X) is X
    assert not isinstance(X, LazyRows)


@pytest.mark.skipif(not hasattr(mmap, "MADV_RANDOM"), reason="the system takes no advice")
def test_the_system_reads_ahead_only_where_rows_are_asked_for_in_their_order(tmp_path):
    said = []

    class Map:
        def madvise(self, advice):
            said.append(advice)

        def size(self):
            return 10**6

    rows = MappedRows(mapped(X, tmp_path / "x.npy"))
    rows._map = Map()
    rows[np.array([3])], rows[np.array([1])], rows[:4]
    assert said == [mmap.MADV_RANDOM, mmap.MADV_NORMAL]
    rows[np.array([3])]
    del rows
    assert said[2:] == [mmap.MADV_RANDOM, mmap.MADV_NORMAL]
