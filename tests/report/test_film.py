"""Films: what is recorded of a training, that it changes nothing, and what a page holds of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from utsushi import (
    Autoencoder,
    DenoisingAutoencoder,
    SemiSupervisedVariationalAutoencoder,
    VariationalAutoencoder,
    VectorQuantizedAutoencoder,
    load,
    report,
)
from utsushi.exceptions import DataError, ModelFileError, SettingError
from utsushi.report import Film, FilmRecorder
from utsushi.report import film as module
from utsushi.report.film import MOST_BYTES, MOST_FRAMES, film_header, kept_epochs
from utsushi.report.tensors import Blob

SMALL = {"hidden": (8,), "image_shape": (8, 8), "random_state": 0}


def random_film(n_frames=40, shape=(1, 28, 28), n=300):
    """Return a film that cannot be compressed."""
    rng = np.random.default_rng(0)
    size = int(np.prod(shape))
    return Film(
        epochs=list(range(1, n_frames + 1)),
        codes=rng.normal(size=(n_frames, n, 5)).astype(np.float32),
        reconstructions=rng.random((n_frames, 8, size), dtype=np.float32),
        originals=rng.random((8, size), dtype=np.float32),
        image_shape=list(shape),
        labels=[str(i % 3) for i in range(n)],
    )


# --- which epochs ---------------------------------------------------------------------------------


def test_a_film_keeps_at_most_forty_epochs_and_always_the_first_and_the_last():
    kept = set()
    for epoch in range(1, 700):
        kept = {each for each in kept | {epoch} if each in kept_epochs(epoch)}
        # Nothing is missing that was dropped earlier.
        assert kept == kept_epochs(epoch)
        assert len(kept) <= MOST_FRAMES
        assert {1, epoch} <= kept
        gaps = np.diff(sorted(kept))
        assert not gaps.size or gaps.max() <= max(1, epoch // 16)


# --- a training -----------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [Autoencoder, VariationalAutoencoder])
def test_a_recorder_changes_nothing_of_the_model(digits, estimator, tmp_path):
    recorder = FilmRecorder(digits.X_test, digits.y_test)
    for name, settings in (("with", {"on_epoch": recorder}), ("without", {})):
        model = estimator(3, **SMALL, max_epochs=4).fit(digits.X_train, **settings)
        model.save(tmp_path / name)
        # The seconds of an epoch differ from training to training.
        for row in model.history_:
            row.pop("seconds")
    saved = [estimator_parameters(tmp_path / name) for name in ("with", "without")]
    for one, other in zip(*saved, strict=True):
        np.testing.assert_array_equal(one, other)


def estimator_parameters(path):
    return [p.detach().numpy() for p in load(path).module_.parameters()]


@pytest.mark.parametrize("estimator", [Autoencoder, VariationalAutoencoder])
def test_the_last_frame_is_what_the_model_says(digits, estimator):
    recorder = FilmRecorder(digits.X_test, digits.y_test)
    model = estimator(3, **SMALL, max_epochs=3).fit(digits.X_train, on_epoch=recorder)
    film = recorder.film
    assert film.epochs == [1, 2, 3]
    np.testing.assert_allclose(film.codes[-1], model.transform(recorder.X), atol=1e-6)
    assert np.abs(film.codes[0] - film.codes[-1]).max() > 0.01
    made = model.reconstruct(film.originals)
    np.testing.assert_allclose(film.reconstructions[-1], made, atol=1e-6)
    shown = [
        film.labels[np.flatnonzero((row == recorder.X).all(axis=1))[0]] for row in film.originals
    ]
    assert len(set(shown)) == 8


def test_of_a_conditional_model_the_classes_are_given(digits):
    recorder = FilmRecorder(digits.X_test, digits.y_test)
    settings = {**SMALL, "conditional": True, "max_epochs": 2}
    model = VariationalAutoencoder(2, **settings)
    model.fit(digits.X_train, digits.y_train, on_epoch=recorder)
    film = recorder.film
    index = [np.flatnonzero((row == recorder.X).all(axis=1))[0] for row in film.originals]
    made = model.reconstruct(film.originals, recorder.y[index])
    np.testing.assert_allclose(film.reconstructions[-1], made, atol=1e-6)


def test_a_resumed_training_has_the_film_of_an_uninterrupted_one(digits, tmp_path):
    settings = {**SMALL, "max_epochs": 50}
    whole = FilmRecorder(digits.X_test)
    Autoencoder(2, **settings).fit(digits.X_train[:200], on_epoch=whole)

    def recorder():
        return FilmRecorder(digits.X_test, folder=tmp_path / "film")

    def interrupt_at(epoch):
        recording = recorder()

        def call(model, row):
            recording(model, row)
            if row["epoch"] == epoch and len(model.history_) == epoch:
                raise KeyboardInterrupt

        return call

    checkpoints = {"checkpoint_dir": tmp_path / "checkpoints", "checkpoint_every": "7epochs"}
    for epoch in (10, 45):  # later than the last checkpoint
        with pytest.raises(KeyboardInterrupt):
            Autoencoder(2, **settings).fit(
                digits.X_train[:200], on_epoch=interrupt_at(epoch), **checkpoints
            )
    last = recorder()
    Autoencoder(2, **settings).fit(digits.X_train[:200], on_epoch=last, **checkpoints)
    assert last.film.epochs == whole.film.epochs == sorted(kept_epochs(50))
    np.testing.assert_array_equal(last.film.codes, whole.film.codes)
    np.testing.assert_array_equal(last.film.reconstructions, whole.film.reconstructions)
    assert len(list((tmp_path / "film").iterdir())) == len(last.film.epochs)


def test_a_damaged_frame_is_left_out(digits, tmp_path):
    recorder = FilmRecorder(digits.X_test, folder=tmp_path)
    Autoencoder(2, **SMALL, max_epochs=3).fit(digits.X_train[:200], on_epoch=recorder)
    next(tmp_path.glob("*2.safetensors")).write_bytes(b"damaged")
    assert sorted(FilmRecorder(digits.X_test, folder=tmp_path)._frames) == [1, 3]


def test_without_samples_for_a_page_there_is_no_film(digits):
    assert FilmRecorder(digits.X_test).film is None
    gaps = digits.X_test.copy()
    gaps[::2, 3] = np.nan
    recorder = FilmRecorder(gaps)
    Autoencoder(2, **SMALL, missing="mask", max_epochs=1).fit(gaps, on_epoch=recorder)
    assert recorder.film is None


@pytest.mark.parametrize(
    ("estimator", "settings"),
    [
        (DenoisingAutoencoder, {}),
        (VectorQuantizedAutoencoder, {}),
        (Autoencoder, {"bottleneck": "vector-quantization"}),
        (VariationalAutoencoder, {"posterior": "full-covariance"}),
        (VariationalAutoencoder, {"posterior": "hierarchical"}),
        (VariationalAutoencoder, {"prior": "vamp"}),
        (SemiSupervisedVariationalAutoencoder, {}),
    ],
    ids=str,
)
def test_a_recorder_stops_no_training(digits, estimator, settings):
    y = np.where(np.arange(len(digits.y_train)) % 3, -1, digits.y_train)  # -1: unlabelled
    X = csr_array(digits.X_train) if estimator is DenoisingAutoencoder else digits.X_train
    recorder = FilmRecorder(X, y)
    estimator(4, **SMALL, **settings, max_epochs=1).fit(X, y, on_epoch=recorder)
    assert recorder.film.codes.shape == (1, 300, 4)
    assert recorder.film.reconstructions.shape == (1, 8, 64)


def test_the_columns_of_a_table_are_recorded_as_they_are():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(50, 3)), columns=["a", "b", "c"])
    recorder = FilmRecorder(X)
    Autoencoder(2, hidden=(4,), max_epochs=2, random_state=0).fit(X, on_epoch=recorder)
    assert recorder.film.image_shape is None
    assert recorder.film.reconstructions.shape == (2, 8, 3)
    np.testing.assert_allclose(recorder.film.originals[0], X.to_numpy()[0], rtol=1e-6)


# --- a file ---------------------------------------------------------------------------------------


def test_a_film_is_saved_and_loaded(tmp_path):
    film = random_film(3)
    loaded = Film.load(film.save(tmp_path / "film.safetensors"))
    assert (loaded.epochs, loaded.image_shape, loaded.labels) == (
        film.epochs,
        film.image_shape,
        film.labels,
    )
    for name in ("codes", "reconstructions", "originals"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(film, name))


@pytest.mark.parametrize(
    "damage",
    [
        {"epochs": [1, 2]},
        {"epochs": [3, 2, 1]},
        {"epochs": [1, 2, True]},
        {"epochs": "123"},
        {"image_shape": [1, 28, 27]},
        {"image_shape": [28, 28]},
        {"labels": ["0"]},
        {"labels": [0] * 300},
        {"originals": np.zeros((8, 3), dtype=np.float32)},
        {"codes": np.full((3, 300, 5), np.nan, dtype=np.float32)},
        {"codes": np.zeros((3, 300), dtype=np.float32)},
    ],
    ids=str,
)
def test_a_file_whose_parts_do_not_fit_is_no_film(tmp_path, damage):
    path = replace(random_film(3), **damage).save(tmp_path / "film.safetensors")
    with pytest.raises(ModelFileError, match=r"film\.safetensors"):
        Film.load(path)


def test_a_model_file_is_no_film(ae, tmp_path):
    ae.save(tmp_path / "ae.safetensors")
    with pytest.raises(ModelFileError, match="film"):
        Film.load(tmp_path / "ae.safetensors")


# --- the page -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 8, 8)])
def test_in_a_page_even_noise_takes_at_most_100_kilobytes(shape):
    blob, film = Blob(), random_film(shape=shape)
    header = film_header(film, ["0", "1", "2"], blob)
    assert len(blob.encoded()) <= 1.01 * MOST_BYTES
    assert header["epochs"][-1] == 40
    assert header["image_shape"][0] == shape[0]


def test_positions_are_those_on_the_principal_components_of_the_last_codes(read):
    blob, film = Blob(), random_film(4)
    header = film_header(film, None, blob)
    positions = read(blob.encoded(), header["positions"]).astype(float)
    last = film.codes[-1].astype(float)
    _, _, directions = np.linalg.svd(last - last.mean(axis=0), full_matrices=False)
    expected = (film.codes - last.mean(axis=0)) @ directions[:2].T
    for axis in (0, 1):
        inside = (positions[..., axis] > 0) & (positions[..., axis] < 255)
        r = np.corrcoef(positions[..., axis][inside], expected[..., axis][inside])[0, 1]
        assert abs(r) > 0.9999
    assert header["labels"] is None


def test_images_have_sixteen_levels_and_keep_their_size_if_they_are_compressible(read):
    film = random_film(10)
    blob = Blob()
    smooth = Film(
        film.epochs, film.codes, 0 * film.reconstructions + 0.4, film.originals, [1, 28, 28], None
    )
    header = film_header(smooth, None, blob)
    assert header["image_shape"] == [1, 28, 28]
    shown = read(blob.encoded(), header["reconstructions"])
    low, high = film.originals.min(), film.originals.max()
    assert np.unique(shown).tolist() == [round(15 * (0.4 - low) / (high - low))]


def test_large_images_are_reduced_by_means():
    rows = np.arange(64.0).reshape(1, 64)
    reduced, shape = module._reduced(rows, [1, 8, 8], at_most=4)
    assert shape == [1, 4, 4]
    np.testing.assert_allclose(reduced[0, 0], np.mean([0, 1, 8, 9]))
    assert module._reduced(rows, [1, 8, 8])[0] is rows


def test_a_page_takes_films_by_the_names_of_its_models(ae, vae, digits):
    recorder = FilmRecorder(digits.X_test, digits.y_test)
    model = Autoencoder(3, **SMALL, max_epochs=2).fit(digits.X_train, on_epoch=recorder)
    page = report.to_html({"one": model, "two": vae}, digits.X_test, film={"one": recorder.film})
    assert '"film":{"epochs":[1,2]' in str(page)
    assert '"film":null' in str(page)
    with pytest.raises(SettingError, match="film"):
        report.to_html({"one": model}, digits.X_test, film={"other": recorder.film})
    with pytest.raises(SettingError, match="film"):
        report.to_html({"one": model, "two": vae}, digits.X_test, film=recorder.film)
    wide = Autoencoder(4, **SMALL, max_epochs=1).fit(digits.X_train)
    with pytest.raises(DataError, match="4 components, got codes of 3"):
        report.to_html(wide, digits.X_test, film=recorder.film)
