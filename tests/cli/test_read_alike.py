"""What is read for a trained model is read as its training was, whatever holds the rows."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from utsushi import Autoencoder, datasets, load
from utsushi.cli.main import run

TRAIN = ["--n-components", "2", "--hidden", "8", "--max-epochs", "2", "--random-state", "0"]
TRAIN += ["--verbose", "0"]
SMALL = "n-components=2 hidden=8 max-epochs=1 verbose=0"


def images_in(folder, size, n=12, color=(0, 1, 2), shift=0):
    draws = np.random.default_rng(shift)
    for i in range(n):
        inner = folder / "ab"[i % 2]
        inner.mkdir(parents=True, exist_ok=True)
        pixels = draws.integers(0, 256, (*size, 3), dtype=np.uint8)[:, :, list(color)]
        Image.fromarray(pixels).save(inner / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Images of 9 x 12 pixels in colour, one of which cannot be read."""
    folder = images_in(tmp_path_factory.mktemp("photos") / "photos", (9, 12))
    (folder / "a" / "bad.jpg").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def photos_runs(photos):
    """Two runs of the same images, both read smaller, in grey and without the bad one."""
    read = ["--data", str(photos), "--image-size", "6,8", "--grey", "--skip-bad"]
    for name in ("first", "second"):
        assert run(["train", "ae", *read, "--out", str(photos.parent / name), *TRAIN]) == 0
    return photos.parent / "first", photos.parent / "second"


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# --- images ---------------------------------------------------------------------------------------


def test_two_runs_of_images_are_compared_as_they_read_them(utsushi, photos_runs, tmp_path):
    call = utsushi("compare", *photos_runs, f"ae {SMALL}", "--out", tmp_path / "both")
    assert call.status == 0
    assert "bad.jpg cannot be read" in call.err
    config = json.loads((tmp_path / "both" / "config.json").read_text())
    assert config["reading"]["image_size"] == [6, 8]
    assert (config["reading"]["color"], config["reading"]["skip_bad"]) == ("grey", True)
    # So that a model of the comparison can be evaluated like any other.
    assert utsushi("evaluate", tmp_path / "both" / "first.safetensors").status == 0


def test_models_are_compared_on_images_of_a_size_of_the_callers(utsushi, photos, tmp_path):
    words = ["--data", photos, "--skip-bad", "--image-size", "4,4", "--rgb"]
    call = utsushi("compare", f"ae {SMALL}", f"vae {SMALL}", *words, "--out", tmp_path / "both")
    assert call.status == 0
    names = json.loads((tmp_path / "both" / "config.json").read_text())["models"]
    for name in names:
        assert load(tmp_path / "both" / f"{name}.safetensors").image_shape == (3, 4, 4)


def test_images_of_many_sizes_are_answered_with_the_option(utsushi, tmp_path):
    images_in(tmp_path / "photos", (6, 6), n=2)
    images_in(tmp_path / "photos" / "a", (7, 6), n=2)
    for words in (["compare", "ae"], ["train", "ae"]):
        call = utsushi(*words, "--data", tmp_path / "photos", "--out", tmp_path / "run")
        assert call.status == 2
        assert "Set --image-size height,width" in call.error


@pytest.mark.filterwarnings("ignore:the trained network leaves")
def test_runs_of_images_of_two_sizes_are_refused_with_both(utsushi, photos, photos_runs, tmp_path):
    words = ["--data", photos, "--image-size", "5,5", "--grey", "--skip-bad", *TRAIN]
    assert utsushi("train", "ae", *words, "--out", tmp_path / "other").status == 0
    call = utsushi("compare", photos_runs[0], tmp_path / "other", "--out", tmp_path / "both")
    assert call.status == 2
    error = call.err.splitlines()[-1]
    assert "samples of 25 features (5x5 images)" in error
    assert "has 48 (6x8 images)" in error


@pytest.mark.parametrize("command", ["evaluate", "reconstruct", "encode", "detect"])
def test_other_images_are_fitted_to_the_model(utsushi, photos_runs, tmp_path, command):
    other = images_in(tmp_path / "other", (20, 30), n=6, shift=1)
    images_in(other / "b", (9, 9), n=2, shift=2)
    out = [] if command == "evaluate" else ["--out", tmp_path / "out.npz"]
    assert utsushi(command, photos_runs[0], "--data", other, *out).status == 0


def test_a_model_file_alone_says_what_images_it_takes(utsushi, photos, photos_runs, tmp_path):
    load(photos_runs[0]).save(tmp_path / "model.safetensors")
    words = ["--data", photos, "--skip-bad", "--out", tmp_path / "codes.npy"]
    assert utsushi("encode", tmp_path / "model.safetensors", *words).status == 0
    expected = datasets.open(photos, image_size=(6, 8), color="grey", skip_bad=True).X
    found = np.load(tmp_path / "codes.npy")
    np.testing.assert_array_equal(found, load(photos_runs[0]).transform(expected))


# --- pixels of other types ------------------------------------------------------------------------


def test_pixels_are_divided_by_255_whatever_type_holds_them(utsushi, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 16), dtype=np.uint8)
    np.save(tmp_path / "bytes.npy", pixels)
    np.save(tmp_path / "int64.npy", pixels.astype(np.int64))
    np.save(tmp_path / "float.npy", (pixels / np.float32(255)).astype(np.float32))
    pd.DataFrame(pixels).to_csv(tmp_path / "table.csv", index=False, header=False)
    words = ["--data", tmp_path / "bytes.npy", "--out", tmp_path / "run", *TRAIN]
    assert utsushi("train", "ae", *words).status == 0
    codes = []
    for name in ("bytes.npy", "int64.npy", "float.npy", "table.csv"):
        words = ["--data", tmp_path / name, "--out", tmp_path / "codes.npy"]
        assert utsushi("encode", tmp_path / "run", *words).status == 0
        codes.append(np.load(tmp_path / "codes.npy"))
    for other in codes[1:]:
        np.testing.assert_allclose(other, codes[0], atol=1e-6)


def test_bytes_are_numbers_for_a_model_of_numbers(utsushi, tmp_path):
    counts = np.random.default_rng(0).integers(0, 256, (20, 6))
    np.save(tmp_path / "counts.npy", counts)
    np.save(tmp_path / "bytes.npy", counts.astype(np.uint8))
    words = ["--data", tmp_path / "counts.npy", "--out", tmp_path / "run", *TRAIN]
    assert utsushi("train", "ae", *words).status == 0
    for name in ("counts", "bytes"):
        words = ["--data", tmp_path / f"{name}.npy", "--out", tmp_path / f"{name}-codes.npy"]
        assert utsushi("encode", tmp_path / "run", *words).status == 0
    counted, found = (np.load(tmp_path / f"{name}-codes.npy") for name in ("counts", "bytes"))
    np.testing.assert_array_equal(found, counted)


def test_a_table_of_pixels_trains_as_its_images(utsushi, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 16))
    frame = pd.DataFrame(pixels, columns=[f"pixel{i}" for i in range(16)]).assign(digit=1)
    frame.to_csv(tmp_path / "digits.csv", index=False)
    words = ["--data", tmp_path / "digits.csv", "--pixels", "--label", "digit"]
    words += ["--image-shape", "4,4", "--out", tmp_path / "run", *TRAIN]
    assert utsushi("train", "ae", *words).status == 0
    model = load(tmp_path / "run")
    assert not hasattr(model, "columns_")
    rows = (pixels / np.float32(255)).astype(np.float32)
    np.testing.assert_allclose(model.scaling_.offset, rows.mean(axis=0), atol=1e-6)
    for name, columns in (("labelled", frame), ("unlabelled", frame.drop(columns="digit"))):
        columns.to_csv(tmp_path / f"{name}.csv", index=False)
        words = ["--data", tmp_path / f"{name}.csv", "--out", tmp_path / f"{name}-codes.csv"]
        assert utsushi("encode", tmp_path / "run", *words).status == 0
        assert ("digit" in read(tmp_path / f"{name}-codes.csv")[0]) == (name == "labelled")


# --- tables ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A table of 60 rows with an identifier, dates, categories, whole numbers and a label."""
    draws = np.random.default_rng(0)
    days = np.datetime64("2024-01-01") + draws.integers(0, 400, 60)
    frame = pd.DataFrame(
        {
            "id": [f"p{i}" for i in range(60)],
            "joined": days.astype(str),
            "age": draws.integers(20, 80, 60),
            "stars": draws.integers(1, 4, 60),
            "town": draws.choice(["Bonn", "Kobe", "Oslo"], 60),
            "left": draws.choice(["no", "yes"], 60),
        }
    )
    path = tmp_path_factory.mktemp("people") / "people.csv"
    frame.to_csv(path, index=False)
    return path, frame


@pytest.fixture(scope="module")
def people_run(people):
    path, _ = people
    words = ["--data", str(path), "--drop", "id", "--dates", "joined", "--categorical", "stars"]
    words += ["--label", "left", "--scaling", "standard", *TRAIN]
    for name, kind in (("ae", "ae"), ("vae", "vae")):
        assert run(["train", kind, *words, "--out", str(path.parent / name)]) == 0
    return path.parent / "ae", path.parent / "vae"


def test_two_runs_of_a_table_are_compared_as_they_read_it(utsushi, people_run, tmp_path):
    call = utsushi(
        "compare", *people_run, f"mine: ae {SMALL} scaling=standard", "--out", tmp_path / "both"
    )
    assert call.status == 0
    config = json.loads((tmp_path / "both" / "config.json").read_text())
    assert config["label"] == "left"
    expected = {"drop": ["id"], "dates": ["joined"], "categorical": ["stars"]}
    assert config["reading"] == expected
    assert utsushi("evaluate", tmp_path / "both" / "vae.safetensors").status == 0


def test_dates_are_written_as_dates(utsushi, people_run, tmp_path):
    for command, more in (("reconstruct", []), ("generate", ["-n", "9"])):
        out = tmp_path / f"{command}.csv"
        assert utsushi(command, people_run[0], "--out", out, *more).status == 0
        days = [np.datetime64(row["joined"]) for row in read(out)]
        assert all(np.datetime64("2022-01-01") < day < np.datetime64("2027-01-01") for day in days)
        assert {row["stars"] for row in read(out)} <= {"1", "2", "3"}


def test_fill_keeps_dates_and_blanks_an_unknown_category(utsushi, people, tmp_path):
    _, frame = people
    frame = frame.drop(columns=["id", "left"])
    gaps = frame.assign(joined=frame["joined"].where(frame.index % 3 > 0))
    gaps.to_csv(tmp_path / "gaps.csv", index=False)
    words = ["--data", tmp_path / "gaps.csv", "--dates", "joined", "--scaling", "standard"]
    assert utsushi("train", "ae", *words, "--out", tmp_path / "run", *TRAIN).status == 0
    new = gaps.assign(town=frame["town"].where(frame.index > 0, "Paris"))
    new.to_csv(tmp_path / "new.csv", index=False)
    words = ["--data", tmp_path / "new.csv", "--handle-unknown", "ignore", "--fill"]
    call = utsushi("reconstruct", tmp_path / "run", *words, "--out", tmp_path / "filled.csv")
    assert call.status == 0
    for given, filled in zip(
        read(tmp_path / "new.csv"), read(tmp_path / "filled.csv"), strict=True
    ):
        assert given["joined"] in ("", filled["joined"])
        assert filled["joined"] != ""
        assert filled["town"] == given["town"].replace("Paris", "")


@pytest.mark.parametrize("columns", [["left"], ["id"], ["id", "left"]], ids=str)
def test_a_label_or_a_dropped_column_may_be_absent_later(
    utsushi, people, people_run, tmp_path, columns
):
    _, frame = people
    frame.drop(columns=columns).to_csv(tmp_path / "new.csv", index=False)
    words = ["--data", tmp_path / "new.csv", "--out", tmp_path / "codes.csv"]
    assert utsushi("encode", people_run[0], *words).status == 0
    assert ("left" in read(tmp_path / "codes.csv")[0]) == ("left" not in columns)


def test_labels_with_gaps_are_left_out_later(utsushi, people, people_run, tmp_path):
    _, frame = people
    frame.assign(left=frame["left"].where(frame.index > 3)).to_csv(tmp_path / "new.csv")
    words = ["--data", tmp_path / "new.csv", "--out", tmp_path / "codes.csv"]
    assert utsushi("encode", people_run[0], *words).status == 0
    assert "left" not in read(tmp_path / "codes.csv")[0]


def test_one_unknown_category_does_not_refuse_the_others(utsushi, people, people_run, tmp_path):
    _, frame = people
    frame.assign(town=frame["town"].where(frame.index > 0, "Paris")).to_csv(tmp_path / "new.csv")
    words = ["--data", tmp_path / "new.csv", "--out", tmp_path / "codes.csv"]
    call = utsushi("encode", people_run[0], *words)
    assert "column 'town' of new.csv must hold one of" in call.error
    assert "got 'Paris' at row 0" in call.error
    assert "--handle-unknown ignore" in call.error
    call = utsushi("encode", people_run[0], *words, "--handle-unknown", "ignore")
    assert (call.status, len(read(tmp_path / "codes.csv"))) == (0, 60)
    assert "new.csv has 1 value in column 'town' unknown to the model, read as zeros" in call.err


def test_a_training_can_decide_to_ignore_unknown_categories(utsushi, people, tmp_path):
    path, frame = people
    words = ["--data", path, "--drop", "id,joined", "--handle-unknown", "ignore", *TRAIN]
    assert utsushi("train", "ae", *words, "--out", tmp_path / "run").status == 0
    assert load(tmp_path / "run").columns_.handle_unknown == "ignore"
    frame.assign(town="Paris").to_csv(tmp_path / "new.csv")
    for name in ("new.csv", "new.parquet"):
        frame.assign(town="Paris").to_parquet(tmp_path / "new.parquet")
        words = ["--data", tmp_path / name, "--out", tmp_path / "scores.csv"]
        assert utsushi("detect", tmp_path / "run", *words).status == 0


def test_a_model_file_alone_reads_other_tables_by_its_columns(people, tmp_path, utsushi):
    _, frame = people
    data = datasets.open(frame, drop=["id"], dates=["joined"])
    model = Autoencoder(2, hidden=(8,), max_epochs=1, random_state=0, scaling="standard")
    model.fit(data.X_train, columns=data.columns).save(tmp_path / "model.safetensors")
    frame.to_csv(tmp_path / "new.csv", index=False)
    words = ["--data", tmp_path / "new.csv", "--out", tmp_path / "codes.npy"]
    assert utsushi("encode", tmp_path / "model.safetensors", *words).status == 0
    np.testing.assert_array_equal(np.load(tmp_path / "codes.npy"), model.transform(data.X_train))
