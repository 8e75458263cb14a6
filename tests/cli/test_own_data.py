import csv
import json
import signal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from utsushi import datasets, load
from utsushi.cli.main import run
from utsushi.exceptions import ModelFileError, SettingError

TRAIN = ["--n-components", "2", "--hidden", "8", "--max-epochs", "2", "--random-state", "0"]
TRAIN += ["--verbose", "0"]


def write_people(path, n=40):
    draws = np.random.default_rng(0)
    rows = ["id,age,town,member"]
    for i in range(n):
        age = "" if i % 7 == 3 else str(draws.integers(20, 80))
        town = "" if i % 11 == 5 else ("Kobe", "Oslo, Norway", "Bonn")[i % 3]
        rows.append(f'p{i},{age},"{town}",{str(i % 2 == 0).lower()}')
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return write_people(tmp_path_factory.mktemp("people") / "people.csv")


@pytest.fixture(scope="module")
def people_run(people):
    out = people.parent / "run"
    words = ["--data", str(people), "--drop", "id", "--out", str(out)]
    assert run(["train", "vae", *words, "--scaling", "standard", *TRAIN]) == 0
    return out


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_with_gaps_is_masked_without_being_asked(people_run):
    assert load(people_run).missing == "mask"


def test_gaps_are_refused_where_that_is_said(utsushi, people, tmp_path):
    words = ["--data", people, "--drop", "id", "--missing", "raise", "--out", tmp_path / "run"]
    call = utsushi("train", "ae", *words, *TRAIN)
    assert (call.status, "got NaN at row 3" in call.error) == (2, True)


def test_a_search_refuses_gaps_where_that_is_said(utsushi, people, tmp_path):
    words = ["--data", people, "--drop", "id", "--missing", "raise", "--out", tmp_path / "run"]
    call = utsushi("tune", "ae", *words, "--trials", "1", *TRAIN)
    assert (call.status, "got NaN at row 3" in call.error) == (2, True)


@pytest.mark.parametrize("words", [["reconstruct"], ["generate", "-n", "9"]], ids=lambda w: w[0])
def test_what_comes_out_has_the_columns_and_categories_of_the_table(
    utsushi, people_run, tmp_path, words
):
    command, *more = words
    assert utsushi(command, people_run, "--out", tmp_path / "out.csv", *more).status == 0
    rows = read(tmp_path / "out.csv")
    assert list(rows[0]) == ["age", "town", "member"]
    assert {row["town"] for row in rows} <= {"Kobe", "Oslo, Norway", "Bonn"}
    assert {row["member"] for row in rows} <= {"true", "false"}
    assert all(0 < float(row["age"]) < 120 for row in rows)


def test_parquet_keeps_the_types_of_the_table(utsushi, people_run, tmp_path):
    utsushi("generate", people_run, "-n", 3, "--out", tmp_path / "out.parquet")
    kinds = [str(kind) for kind in pq.read_schema(tmp_path / "out.parquet").types]
    assert kinds == ["double", "string", "bool"]


def test_fill_keeps_what_is_known(utsushi, people, people_run, tmp_path):
    utsushi("reconstruct", people_run, "--fill", "--out", tmp_path / "out.csv")
    for row, filled in zip(read(people), read(tmp_path / "out.csv"), strict=True):
        assert row["town"] in ("", filled["town"])
        assert row["age"] == "" or float(row["age"]) == float(filled["age"])
        assert filled["age"] != ""


def test_rows_beside_the_training_are_read_by_the_names_of_columns(utsushi, people_run, tmp_path):
    (tmp_path / "new.csv").write_text("town,extra,member,age\nBonn,1,true,30\n,2,false,\n")
    call = utsushi(
        "encode", people_run, "--data", tmp_path / "new.csv", "--out", tmp_path / "c.csv"
    )
    assert (call.status, len(read(tmp_path / "c.csv"))) == (0, 2)


def test_an_unknown_category_is_one_line(utsushi, people_run, tmp_path):
    (tmp_path / "new.csv").write_text("town,member,age\nParis,true,30\n")
    call = utsushi(
        "encode", people_run, "--data", tmp_path / "new.csv", "--out", tmp_path / "c.csv"
    )
    assert (call.status, "got 'Paris' at row 0" in call.error) == (2, True)


def test_a_run_with_gaps_can_be_evaluated(utsushi, people_run):
    call = utsushi("evaluate", people_run, "--json")
    measured = json.loads(call.out)
    assert measured["reconstruction"]["standardized_mse"]["pca"]["value"] > 0
    assert "exact" not in measured["likelihood"]


def test_a_run_with_gaps_can_detect(utsushi, people_run, tmp_path):
    call = utsushi("detect", people_run, "--out", tmp_path / "scores.csv")
    assert (call.status, len(read(tmp_path / "scores.csv"))) == (0, 40)


def test_an_interrupted_training_of_a_table_goes_on_as_it_began(
    utsushi, people, tmp_path, monkeypatch
):
    words = ["--data", people, "--drop", "id", "--categorical", "member", *TRAIN]
    utsushi("train", "ae", *words, "--out", tmp_path / "whole")
    from utsushi.training import loop

    step, count = loop._step, []

    def stopping(*arguments):
        count.append(1)
        if len(count) == 2:
            signal.raise_signal(signal.SIGINT)
        return step(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "_step", stopping)
        assert utsushi("train", "ae", *words, "--out", tmp_path / "run").status == 130
    assert utsushi("train", "--resume", tmp_path / "run").status == 0
    whole, run_ = (tmp_path / name / "model.safetensors" for name in ("whole", "run"))
    assert whole.read_bytes() == run_.read_bytes()


# --- the columns in the model's file --------------------------------------------------------------


def test_the_columns_come_back_from_the_file(people, people_run):
    assert load(people_run).columns_ == datasets.open(people, drop=["id"]).columns


def test_columns_of_other_features_are_refused(people):
    from utsushi import Autoencoder

    columns = datasets.open(people, drop=["id"]).columns
    with pytest.raises(SettingError, match=r"columns must describe 2 features.*, got 5"):
        Autoencoder().fit(np.ones((4, 2)), columns=columns)


@pytest.mark.parametrize(
    "columns",
    [
        [{"name": "a", "kind": "number", "categories": []}],
        [{"name": "a", "kind": "poem", "categories": []}],
        [{"name": "a", "kind": "category", "categories": ["x", "x", "y", "z", "u"]}],
        [{"name": "a", "kind": "category", "categories": [["x"]] * 5}],
        [{"name": "a", "kind": "number", "categories": []}] * 5,
        [{"kind": "number"}],
        7,
    ],
)
def test_a_file_whose_columns_cannot_be_is_refused(people_run, tmp_path, columns):
    from utsushi._utils.safetensors_io import read_model_file, write_model_file

    header, tensors = read_model_file(people_run / "model.safetensors")
    path = write_model_file(tmp_path / "model", header | {"columns": columns}, tensors)
    with pytest.raises(ModelFileError, match="does not describe a model"):
        load(path)


# --- images, folders, and what is said of a source ------------------------------------------------


@pytest.fixture
def photos(tmp_path):
    draws = np.random.default_rng(0)
    for i in range(12):
        folder = tmp_path / "photos" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = draws.integers(0, 256, (9 + i, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.jpg")
    (tmp_path / "photos" / "a" / "bad.jpg").write_bytes(b"no image")
    return tmp_path / "photos"


@pytest.fixture
def photos_run(photos, utsushi, tmp_path):
    words = ["--image-size", "6,8", "--grey", "--skip-bad", "--out", tmp_path / "run", *TRAIN]
    call = utsushi("train", "ae", "--data", photos, *words)
    return tmp_path / "run", call


def test_images_are_brought_to_one_size_and_bad_ones_listed(photos_run):
    path, call = photos_run
    assert load(path).image_shape == (6, 8)
    lines = call.err.splitlines()
    assert any(line.startswith("1 image was left out") for line in lines)
    assert any("bad.jpg cannot be read" in line for line in lines)


def test_the_run_of_a_search_reads_other_images_as_its_own(utsushi, photos, tmp_path):
    words = ["--image-size", "6,8", "--grey", "--skip-bad", "--out", tmp_path / "run", *TRAIN]
    call = utsushi("tune", "ae", "--data", photos, "--trials", "1", *words)
    assert (call.status, "bad.jpg cannot be read" in call.err) == (0, True)
    call = utsushi("encode", tmp_path / "run", "--data", photos / "b", "--out", tmp_path / "z.npy")
    assert (call.status, np.load(tmp_path / "z.npy").shape) == (0, (6, 2))


def test_a_run_reads_other_images_as_its_own(utsushi, photos_run, photos, tmp_path):
    path, _ = photos_run
    call = utsushi("encode", path, "--data", photos / "b", "--out", tmp_path / "codes.npy")
    assert (call.status, np.load(tmp_path / "codes.npy").shape) == (0, (6, 2))


def test_grey_and_rgb_are_one_too_many(utsushi, photos, tmp_path):
    call = utsushi("train", "ae", "--data", photos, "--grey", "--rgb", "--out", tmp_path / "run")
    assert (call.status, "--grey and --rgb" in call.error) == (2, True)


def test_a_folder_of_parquet_trains(utsushi, tmp_path):
    draws = np.random.default_rng(0)
    (tmp_path / "parts").mkdir()
    for part in range(2):
        table = pa.table({"x": list(draws.normal(size=(10, 4)))})
        pq.write_table(table, tmp_path / "parts" / f"{part}.parquet")
    words = ["--data", tmp_path / "parts", "--out", tmp_path / "run", *TRAIN]
    assert utsushi("train", "ae", *words).status == 0


def test_info_tells_columns_gaps_and_settings(utsushi, people):
    facts = json.loads(utsushi("data", "info", people, "--drop", "id").out)
    age, town, member = facts["columns"]
    assert (age["missing"], town["kind"], member["kind"]) == (6, "category", "truth")
    assert facts["suggested"]["missing"]["value"] == "mask"


def test_the_command_that_info_suggests_runs(utsushi, people, tmp_path, monkeypatch):
    import shlex

    monkeypatch.chdir(tmp_path)
    facts = json.loads(utsushi("data", "info", people, "--drop", "id").out)
    program, *words = shlex.split(facts["command"])
    call = utsushi(*words, "--hidden", "8", "--max-epochs", "1", "--verbose", "0")
    assert (program, call.status) == ("utsushi", 0)


def test_info_goes_on_and_suggests_what_trains(utsushi, people, tmp_path, monkeypatch):
    """Without a word of the identifiers; settings with their reasons are notes."""
    import shlex

    monkeypatch.chdir(tmp_path)
    rows = people.read_text().splitlines()
    days = ["joined", *(f"2026-01-{1 + i % 28:02}" for i in range(len(rows) - 1))]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(f"{row},{day}" for row, day in zip(rows, days, strict=True)))
    call = utsushi("data", "info", table)
    facts = json.loads(call.out)
    assert [column["kind"] for column in facts["columns"]][::4] == ["identifier", "date"]
    assert "suggested: --drop id (id: an identifier" in call.err
    assert "suggested: --dates joined (joined: dates become days" in call.err
    assert call.err.splitlines()[-1] == f"train with: {facts['command']}"
    words = shlex.split(facts["command"])[1:]
    call = utsushi(*words, "--hidden", "8", "--max-epochs", "1", "--verbose", "0")
    assert call.status == 0
    assert [column.kind for column in load(tmp_path / "run").columns_.columns][-1] == "date"


def test_a_problem_is_said_in_the_words_of_the_program(utsushi, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n3,\n")
    call = utsushi("data", "info", table, "--label", "b")
    assert call.status == 0
    assert (
        "problem: column 'b' of table.csv must hold a label in every row, got none at row 1"
        in call.err
    )
    pixels = np.arange(784) % 200 + np.arange(30)[:, None]
    np.save(tmp_path / "rows.npy", pixels)
    call = utsushi("data", "info", tmp_path / "rows.npy", "--no-pixels")
    assert "--no-pixels" in json.loads(call.out)["command"]


def test_info_suggests_nothing_where_the_defaults_suit(utsushi):
    assert json.loads(utsushi("data", "info", "digits8x8").out)["suggested"] == {}
