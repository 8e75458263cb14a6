"""`datasets.info` describes every source, also one that cannot be opened as it is."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from utsushi import datasets
from utsushi.datasets import parquet
from utsushi.exceptions import DataError

N = 200


def messy():
    draws = np.random.default_rng(7)
    days = np.datetime64("2024-01-01") + draws.integers(0, 400, N)
    return pd.DataFrame(
        {
            "id": np.arange(1000, 1000 + N),
            "mail": [f"user{i}@example.org" for i in range(N)],
            "account_id": draws.permutation(10 * N)[:N],
            "joined": days.astype(str),
            "seen": days + np.timedelta64(90, "m"),
            "age": draws.normal(40, 10, N).round(1),
            "stars": draws.integers(1, 6, N).astype(float),
            "town": draws.choice(["Bonn", "Kobe"], N),
            "level": ["?" if i == 3 else str(i % 5) for i in range(N)],
            "weight": [f"{w:.2f} kg" for w in draws.random(N)],
            "born": [f"{d}.3.{y}" for d, y in draws.integers((1, 1950), (29, 2000), (N, 2))],
            "note": [" ".join(draws.choice(["late", "call", "vip"], 8)) for _ in range(N)],
            "currency": "EUR",
            "test": np.arange(N) == 5,
            "nothing": None,
            "wait": pd.to_timedelta(draws.integers(0, 99, N), unit="s"),
            "mixed": [1 if i % 2 else "x" for i in range(N)],
        }
    ).assign(stars=lambda frame: frame["stars"].where(draws.random(N) > 0.1))


KINDS = {
    "id": "identifier",
    "mail": "identifier",
    "account_id": "identifier",
    "joined": "date",
    "seen": "datetime",
    "age": "number",
    "stars": "number",
    "town": "category",
    "level": "category",
    "weight": "text",
    "born": "text",
    "note": "text",
    "currency": "category",
    "test": "truth",
    "nothing": "empty",
    "wait": "duration[us]",
    "mixed": "text",
}


@pytest.fixture(scope="module")
def facts():
    return datasets.info(messy())


@pytest.fixture
def notes(facts):
    return {column["name"]: column.get("note", "") for column in facts["columns"]}


def suggested(facts):
    return {name: about["value"] for name, about in facts["suggested"].items()}


def test_every_column_is_described_in_its_place(facts):
    assert {column["name"]: column["kind"] for column in facts["columns"]} == KINDS
    assert [column["name"] for column in facts["columns"]] == list(KINDS)
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


def test_what_cannot_be_used_is_to_be_dropped_with_a_reason(facts, notes):
    dropped = ["id", "mail", "account_id", "weight", "born", "note", "nothing", "wait", "mixed"]
    assert facts["suggested"]["drop"]["value"] == [*dropped, "currency"]
    for column in facts["suggested"]["drop"]["value"]:
        assert notes[column]
        assert f"{column}: " in facts["suggested"]["drop"]["why"]
    assert "in the order of the rows" in notes["id"]
    assert "its name is that of an identifier" in notes["account_id"]
    assert "200 different texts" in notes["mail"]
    assert "numbers with 'kg'" in notes["weight"]
    assert "rewrite them as 2026-03-31" in notes["born"]
    assert "several types" in notes["mixed"]
    assert notes["currency"] == "one value only"
    assert notes["nothing"] == "it has no value"


def test_the_other_settings_are_suggested_too(facts, notes):
    found = suggested(facts)
    assert (found["dates"], found["categorical"]) == (["joined", "seen"], ["level"])
    assert (found["missing"], found["scaling"]) == ("mask", "standard")
    assert "such as '?'" in notes["level"]
    assert "if they are codes" in notes["stars"]
    assert "nearly constant: 1 of 200 rows" in notes["test"]


def test_the_columns_have_ranges_counts_and_gaps(facts):
    columns = {column["name"]: column for column in facts["columns"]}
    frame = messy()
    assert columns["stars"]["missing"] == frame["stars"].isna().sum()
    assert columns["joined"]["min"] == frame["joined"].min()
    assert columns["seen"]["max"] == str(frame["seen"].max())
    assert columns["town"]["categories"] == frame["town"].value_counts().sort_index().to_dict()
    assert columns["note"]["different"] == frame["note"].nunique()
    assert columns["mail"]["examples"] == frame["mail"][:3].tolist()


def test_a_source_opens_as_it_is_suggested(facts):
    found = suggested(facts)
    options = {name: found[name] for name in ("drop", "dates", "categorical")}
    data = datasets.open(messy(), **options)
    assert data.X.shape == (facts["rows"], facts["features"] - facts["constant_features"])


@pytest.mark.parametrize("kind", ["csv", "parquet", "folder", "polars"])
def test_files_and_other_frames_are_described_alike(facts, tmp_path, kind):
    frame = messy().drop(columns=["wait", "mixed"])
    source = tmp_path / f"table.{kind}"
    if kind == "csv":
        frame.to_csv(source, index=False)
    elif kind == "polars":
        source = pl.DataFrame({name: pa.array(frame[name], from_pandas=True) for name in frame})
    else:
        (source if kind == "folder" else tmp_path).mkdir(exist_ok=True)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pq.write_table(table, source / "1.parquet" if kind == "folder" else source)
    found = datasets.info(source)
    kinds = {column["name"]: column["kind"] for column in found["columns"]}
    assert kinds == {name: kind for name, kind in KINDS.items() if name in frame}
    assert found["problems"] == []
    others = suggested(facts)
    for option in ("dates", "categorical", "missing", "scaling"):
        assert suggested(found)[option] == others[option]


def test_a_large_file_is_described_by_its_first_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "IN_MEMORY_BYTES", 10)
    frame = messy()[["id", "mail", "seen", "age"]]
    frame.to_parquet(tmp_path / "a.parquet")
    found = datasets.info(tmp_path / "a.parquet")
    assert suggested(found)["drop"] == ["id", "mail"]
    assert found["rows"] == N
    assert found["columns"][3]["max"] == frame["age"].max()
    assert found["problems"] == []


def test_what_is_said_is_not_suggested_again():
    found = datasets.info(messy(), drop=["id", "wait"], categorical=["stars"], dates=["joined"])
    names = [column["name"] for column in found["columns"]]
    assert "id" not in names
    assert "id" not in suggested(found)["drop"]
    kinds = {column["name"]: column["kind"] for column in found["columns"]}
    assert (kinds["stars"], suggested(found)["dates"]) == ("category", ["seen"])


def test_an_option_that_names_no_column_is_an_error(refusal):
    message = refusal(DataError, datasets.info, messy(), categorical=["star"])
    assert "Did you mean 'stars'?" in message
    assert "no column 'twon'" in refusal(DataError, datasets.info, messy(), drop=["twon"])
    message = refusal(DataError, datasets.info, messy(), dates=["age"])
    assert "column 'age' of frame must hold dates" in message
    assert "got double" in message


def test_labels_with_gaps_are_a_problem_and_no_end():
    found = datasets.info(messy(), label="stars")
    assert "column 'stars' of frame must hold a label" in found["problems"][0]
    assert found["features"] > 3
    assert found["classes"] is None


def test_infinity_and_rows_without_values_are_problems():
    frame = pd.DataFrame({"a": [1.0, np.inf, None, 2], "b": [1.0, 2, None, 4]})
    found = datasets.info(frame)
    assert "inf at row 1, column 0 'a'" in found["problems"][0]
    assert "1 rows without any value (the first is row 2" in found["problems"][1]
    assert json.loads(json.dumps(found, allow_nan=False))["max"] is None


def test_gaps_in_an_array_are_a_problem(tmp_path):
    X = np.random.default_rng(0).normal(size=(9, 3))
    X[2, 1] = np.nan
    np.save(tmp_path / "a.npy", X)
    found = datasets.info(tmp_path / "a.npy")
    assert "NaN at row 2, column 1" in found["problems"][0]
    assert found["missing"] == 1


def test_lists_are_features_alone():
    X = np.random.default_rng(0).normal(size=(30, 12))
    found = datasets.info(pa.table({"x": list(X), "id": range(30)}))
    assert [column["kind"] for column in found["columns"]] == ["list", "identifier"]
    assert (suggested(found), found["features"]) == ({"drop": ["id"]}, 12)


@pytest.mark.parametrize(
    ("values", "is_identifier"),
    [
        (np.random.default_rng(0).permutation(50), True),  # the rows in another order
        (np.arange(50)[::-1] * 7, True),
        (np.random.default_rng(0).permutation(10_000)[:50], False),  # such as inhabitants
        (np.arange(50) + 0.5, False),
        (np.r_[np.arange(49), 3], False),
        (np.arange(10), False),  # too few rows to know
    ],
)
def test_whole_numbers_that_all_differ_may_be_an_identifier(values, is_identifier):
    frame = pd.DataFrame({"a": values, "b": np.random.default_rng(1).random(len(values))})
    found = datasets.info(frame)["columns"][0]
    assert (found["kind"] == "identifier") == is_identifier


def test_of_many_categories_the_most_frequent_are_listed():
    draws = np.random.default_rng(0)
    towns = draws.choice([f"town {i}" for i in range(80)], 1000, p=np.arange(1, 81) / 3240)
    (column,) = datasets.info(pd.DataFrame({"town": towns}))["columns"]
    assert len(column["categories"]) == 20
    counts = pd.Series(towns).value_counts()
    assert column["n_categories"] == len(counts) > 50
    assert f"{len(counts)} features" in column["note"]
    assert min(column["categories"].values()) == counts.iloc[19]


# --- scaling --------------------------------------------------------------------------------------


def test_a_rare_category_is_no_reason_to_scale():
    frame = pd.DataFrame({"a": ["x"] * 990 + ["y"] * 10, "b": ["u", "v"] * 500})
    assert "scaling" not in suggested(datasets.info(frame))
    frame["c"] = np.random.default_rng(0).normal(0, 0.4, 1000)
    assert "scaling" not in suggested(datasets.info(frame))
    frame["c"] *= 100
    assert suggested(datasets.info(frame))["scaling"] == "standard"


# --- pixels and images ----------------------------------------------------------------------------


def test_784_columns_of_pixels_are_28_by_28(tmp_path):
    data = datasets.load_mnist20k()
    pixels = np.rint(255 * data.X_test[:300]).astype(int)
    frame = pd.DataFrame(pixels).assign(label=data.y_test[:300])
    frame.to_csv(tmp_path / "digits.csv", index=False)
    found = datasets.info(tmp_path / "digits.csv", label="label")
    assert suggested(found) == {"image_shape": [28, 28], "pixels": True}
    read = datasets.open(tmp_path / "digits.csv", label="label", pixels=True)
    np.testing.assert_array_equal(read.X, data.X_test[:300])
    for X, expected in (
        (data.X_test[:300], {"image_shape": [28, 28]}),
        (pixels.astype(np.uint8), {"image_shape": [28, 28]}),
        (data.X_test[:300][:, np.random.default_rng(0).permutation(784)], {}),
        (np.random.default_rng(0).random((300, 784)), {}),
    ):
        np.save(tmp_path / "rows.npy", X)
        found = suggested(datasets.info(tmp_path / "rows.npy"))
        assert "scaling" not in found or X.dtype == np.float32
        assert found.get("image_shape") == expected.get("image_shape")
        assert "pixels" not in found


def test_3072_columns_of_pixels_are_3_by_32_by_32():
    draws = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32] / 32
    places = draws.random((50, 2, 1, 1, 1))
    colours = draws.random((50, 3, 1, 1))
    images = colours * np.exp(-((x - places[:, 0]) ** 2 + (y - places[:, 1]) ** 2) / 0.05)
    found = suggested(datasets.info(images.reshape(50, -1)))
    assert found == {"image_shape": [3, 32, 32], "network": "conv"}
    channels_last = images.transpose(0, 2, 3, 1).reshape(50, -1)
    assert "image_shape" not in suggested(datasets.info(channels_last))


def test_series_are_no_images():
    draws, t = np.random.default_rng(0), np.linspace(0, 1, 144)
    waves = [0.5 + 0.5 * np.sin(draws.uniform(3, 25) * t + draws.random()) for _ in range(200)]
    assert "image_shape" not in suggested(datasets.info(np.array(waves)))


def images_in(folder, *sizes):
    folder.mkdir(exist_ok=True)
    draws = np.random.default_rng(0)
    for i, (height, width) in enumerate(sizes):
        pixels = draws.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(64, 64)] * 3, {"network": "conv"}),
        ([(24, 24)] * 3, {}),
        ([(64, 96), (70, 80), (90, 64)], {"image_size": [64, 64], "network": "conv"}),
        ([(20, 30), (22, 30)], {"image_size": [20, 20]}),
        ([(200, 300)] * 2, {"image_size": [64, 96], "network": "conv"}),
    ],
    ids=str,
)
def test_a_folder_of_images_gets_a_size_and_a_network(tmp_path, sizes, expected):
    found = datasets.info(images_in(tmp_path / "photos", *sizes))
    assert suggested(found) == expected
    assert sum(found["image_sizes"].values()) == len(sizes)
    assert found["image_shape"][-2:] == expected.get("image_size", list(sizes[0]))


def test_images_that_cannot_be_read_are_listed(tmp_path):
    folder = images_in(tmp_path / "photos", (8, 8), (8, 8))
    (folder / "bad.jpg").write_bytes(b"no image")
    found = datasets.info(folder)
    assert suggested(found) == {"skip_bad": True}
    assert (len(found["skipped"]), found["rows"]) == (1, 2)
    assert "bad.jpg cannot be read" in found["skipped"][0]


def test_images_in_two_places_are_a_problem_and_no_end(tmp_path):
    images_in(images_in(tmp_path / "photos", (8, 8)) / "a", (8, 8))
    found = datasets.info(tmp_path / "photos")
    assert "sub-folders, got both (0.png and" in found["problems"][0]
    assert found["image_sizes"] == {"8x8": 2}


@pytest.mark.parametrize("name", ["mnist20k", "digits8x8"])
def test_nothing_is_suggested_where_the_defaults_suit(name):
    assert datasets.info(name)["suggested"] == {}


@pytest.mark.parametrize("source", ["no such file.csv", "mnist20"])
def test_a_source_that_is_not_there_is_an_error(source):
    with pytest.raises(DataError, match="no file"):
        datasets.info(source)
