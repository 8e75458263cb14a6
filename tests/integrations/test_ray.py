"""Ray Data: what a worker makes of a batch, and in `make soak` two workers of a local cluster."""

import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pytest

from utsushi import AnomalyDetector, Autoencoder, VariationalAutoencoder, datasets, load
from utsushi.cli import cluster
from utsushi.exceptions import DataError, MissingPackageError, NonFiniteDataError, SettingError
from utsushi.integrations import ray as engine
from utsushi.runs import Run

# One cluster for all of them: its tests stay in one process.
pytestmark = pytest.mark.xdist_group("ray")

X = np.random.default_rng(0).random((40, 3), dtype=np.float32)
LABELS = np.array(["a", "b"])[np.arange(40) % 2]
FRAME = pd.DataFrame(X, columns=["height", "width", "depth"])
FEW = {"hidden": (4,), "max_epochs": 1, "random_state": 0}

AE = Autoencoder(2, **FEW).fit(FRAME)
VAE = VariationalAutoencoder(2, **FEW).fit(X)
CONDITIONAL = VariationalAutoencoder(2, conditional=True, **FEW).fit(X, LABELS)
DETECTOR = AnomalyDetector(Autoencoder(2, sampler="gaussian", **FEW)).fit(X)

TOWNS = pa.table(
    {
        "age": [31, 54, None, 40] * 5,
        "town": pa.array(["Kobe", "Oslo", "Bonn", None] * 5),
        "ward": pa.array([7, 8, None, 7] * 5),
        "member": [True, False, True, None] * 5,
        "id": [f"p{number}" for number in range(20)],
    }
)
PEOPLE = datasets.open(TOWNS, drop=["id"], categorical=["ward"])
TABLE = Autoencoder(2, missing="mask", **FEW).fit(PEOPLE.X_train, columns=PEOPLE.columns)

soak = pytest.mark.skipif(
    os.environ.get("UTSUSHI_SOAK") != "1", reason="make soak: a cluster takes long to start"
)


def worker(results, model, columns=None, y=None):
    return engine._Worker(engine._content_of(model), results, columns, y)


def images(values):
    """Return arrays as one column of Arrow's tensors, a type that Ray extends."""
    return pa.FixedShapeTensorArray.from_numpy_ndarray(values)


# --- a worker -----------------------------------------------------------------------------------


def test_codes_stand_beside_the_columns_that_are_no_features():
    batch = pa.table(FRAME.assign(id=range(40)))
    found = worker(engine._codes, AE)(batch)
    assert found.column_names == ["id", "autoencoder0", "autoencoder1"]
    codes = np.stack(found.select(["autoencoder0", "autoencoder1"]), axis=1)
    np.testing.assert_array_equal(codes, AE.transform(FRAME))


def test_a_model_with_names_finds_its_columns_in_any_order():
    batch = pa.table(FRAME[["depth", "height", "width"]])
    found = worker(engine._codes, AE)(batch)
    np.testing.assert_array_equal(found["autoencoder0"], AE.transform(FRAME)[:, 0])


@pytest.mark.parametrize("shape", [(40, 3), (40, 1, 3)])
def test_a_row_can_be_an_array_in_one_column(shape):
    batch = pa.table({"pixels": images(X.reshape(shape)), "id": range(40)})
    found = worker(engine._scores, VAE, ["pixels"])(batch)
    assert found.column_names == ["id", "score"]
    np.testing.assert_array_equal(found["score"], VAE.score_samples(X))


def test_eight_bit_integers_are_pixels():
    pixels = np.arange(120, dtype=np.uint8).reshape(40, 3)
    expected = VAE.score_samples(pixels.astype(np.float32) / np.float32(255))
    for batch in (pa.table({"x": images(pixels)}), pa.table(list(pixels.T), list("abc"))):
        found = worker(engine._scores, VAE)(batch)
        np.testing.assert_array_equal(found["score"], expected)


def test_a_conditional_model_is_told_the_classes():
    batch = pa.table({"data": images(X), "kind": LABELS})
    found = worker(engine._scores, CONDITIONAL, y="kind")(batch)
    np.testing.assert_array_equal(found["score"], CONDITIONAL.score_samples(X, LABELS))
    assert found.column_names == ["kind", "score"]


def test_a_detector_scores_and_its_autoencoder_encodes():
    batch = pa.table({"data": images(X)})
    scores = worker(engine._scores, DETECTOR)(batch)["score"]
    np.testing.assert_array_equal(scores, DETECTOR.score_samples(X))
    codes = worker(engine._codes, DETECTOR)(batch)["autoencoder0"]
    np.testing.assert_array_equal(codes, DETECTOR.autoencoder_.transform(X)[:, 0])


def test_a_detector_without_an_autoencoder_scores_a_table():
    detector = AnomalyDetector(missing="mask").fit(PEOPLE.X_train, columns=PEOPLE.columns)
    batch = worker(engine._scores, detector)(TOWNS)
    scores = batch.column("score").to_numpy()
    np.testing.assert_array_equal(scores, detector.score_samples(PEOPLE.X_train))


def test_a_column_that_is_not_there_is_named(refusal):
    message = refusal(DataError, worker(engine._codes, AE), pa.table({"height": X[:, 0]}))
    assert "the dataset has no column 'width'" in message


def codes_of(batches):
    made = [worker(engine._codes, TABLE)(batch) for batch in batches]
    return np.concatenate(
        [np.stack(one.select(["autoencoder0", "autoencoder1"]), 1) for one in made]
    )


def test_a_worker_reads_the_categories_of_a_table_as_the_library_does():
    # A batch lacks some of the categories, and its columns stand in another order.
    turned = TOWNS.select(["town", "id", "member", "age", "ward"])
    batches = [turned.slice(start, 2) for start in range(0, 20, 2)]
    np.testing.assert_array_equal(codes_of(batches), TABLE.transform(PEOPLE.X_train))


def test_the_columns_beside_those_of_a_table_keep_their_types():
    found = worker(engine._scores, TABLE)(TOWNS)
    assert found.column_names == ["id", "score"]
    assert found.column("id") == TOWNS.column("id")


def test_a_conditional_model_of_a_table_is_told_the_classes():
    kinds = np.array(["a", "b"] * 10)
    model = VariationalAutoencoder(2, conditional=True, missing="mask", **FEW)
    model.fit(PEOPLE.X_train, kinds, columns=PEOPLE.columns)
    batch = TOWNS.append_column("kind", pa.array(kinds))
    found = worker(engine._scores, model, y="kind")(batch).column("score")
    np.testing.assert_array_equal(found, model.score_samples(PEOPLE.X_train, kinds))


def test_an_unknown_category_in_a_batch_is_named(refusal):
    batch = TOWNS.set_column(1, "town", pa.array(["Paris"] * 20))
    message = refusal(DataError, worker(engine._codes, TABLE), batch)
    assert "column 'town'" in message
    assert "got 'Paris'" in message


def test_a_missing_value_is_the_models_to_judge(refusal):
    gaps = X.copy()
    gaps[3, 1] = np.nan
    batch = pa.table(list(gaps.T), list(FRAME))
    masking = Autoencoder(2, missing="mask", **FEW).fit(FRAME)
    found = worker(engine._codes, masking)(batch)["autoencoder0"]
    np.testing.assert_array_equal(found, masking.transform(FRAME.where(~np.isnan(gaps)))[:, 0])
    assert "NaN at row 3" in refusal(NonFiniteDataError, worker(engine._codes, AE), batch)


def test_a_path_is_read_where_it_stands(tmp_path):
    file = VAE.save(tmp_path / "model.safetensors")
    assert engine._content_of(file) == file.read_bytes()


def test_without_ray_the_message_names_the_extra(refusal, monkeypatch):
    monkeypatch.setattr("utsushi._utils.optional_dependencies.find_spec", lambda name: None)
    assert "pip install 'utsushi[ray]'" in refusal(MissingPackageError, engine.encode, None, VAE)


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"batch_size": 1.5}])
def test_a_number_that_is_none_is_refused(wrong, refusal):
    message = refusal(SettingError, engine.encode, None, VAE, **wrong)
    assert "must be a positive integer" in message


# --- the command --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--engine", "spark"], "--engine must be own or ray, got 'spark'"),
        (["--engine", "ray", "--out", "codes.csv"], "--out must end in .parquet, got 'codes.csv'"),
        (["--workers", "2"], "--workers must not be set with --engine own"),
    ],
)
def test_what_an_engine_cannot_do_is_refused(words, message, capsys, tmp_path):
    from utsushi.cli.main import run

    model = str(VAE.save(tmp_path / "model.safetensors"))
    out = [] if "--out" in words else ["--out", str(tmp_path / "codes.parquet")]
    assert run(["encode", model, *out, *words]) == 2
    assert message in capsys.readouterr().err


def test_each_file_of_a_folder_needs_the_columns(tmp_path, refusal):
    FRAME.to_parquet(tmp_path / "a.parquet")
    FRAME.drop(columns="width").to_parquet(tmp_path / "b.parquet")
    message = refusal(DataError, cluster._rows_of, Run(AE, None), str(tmp_path), None, {})
    assert message.startswith("column 1 of ")
    assert "b.parquet (counting from 0) must be 'width'" in message
    assert "got 'depth'" in message


def test_a_file_without_a_column_of_the_training_is_refused(tmp_path, refusal):
    FRAME.drop(columns="width").to_parquet(tmp_path / "a.parquet")
    path = str(tmp_path / "a.parquet")
    message = refusal(DataError, cluster._rows_of, Run(AE, None), path, None, {})
    assert "a.parquet has no column 'width', as in training" in message


def test_of_a_failed_worker_its_own_error_is_told():
    # As Ray puts the errors of a worker into one text.
    text = (
        "ray::MapWorker(MapBatches(_Codes)).submit() (pid=1, ip=192.0.2.2)\n"
        '  File "utsushi/_utils/validation.py", line 73, in check_finite\n'
        "utsushi.exceptions.NonFiniteDataError: X has NaN at row 3, column 1\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        "ray.exceptions.UserCodeException: UDF failed to process a data block.\n"
        "To change retry attempts, configure `ray.data.DataContext.get_current()`."
    )

    assert cluster._reason(text) == "X has NaN at row 3, column 1"
    assert cluster._reason("lost\nout of memory\n") == "out of memory"


# --- two workers --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def started():
    """Give Ray with two processors."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


@soak
@pytest.mark.filterwarnings("ignore")
def test_two_workers_give_what_one_machine_gives(started):
    rows = np.random.default_rng(1).random((3000, 3), dtype=np.float32)
    frame = pd.DataFrame({"id": np.arange(3000), **dict(zip(FRAME, rows.T, strict=True))})
    dataset = started.data.from_pandas(frame).repartition(4)
    codes = engine.encode(dataset, AE, workers=2, batch_size=700).to_pandas()
    codes = codes.sort_values("id")
    assert list(codes["id"]) == list(range(3000))
    found = codes[["autoencoder0", "autoencoder1"]].to_numpy()
    np.testing.assert_array_equal(found, AE.transform(frame[list(FRAME)]))
    scores = engine.score(dataset, AE, workers=1).to_pandas().sort_values("id")["score"]
    np.testing.assert_array_equal(scores, AE.score_samples(frame[list(FRAME)]))


@soak
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("source", ["rows.parquet", "rows.csv", "rows.npy", "towns.csv", "parts"])
def test_the_command_writes_the_codes_that_its_own_engine_writes(started, tmp_path, source):
    from utsushi.cli.main import run

    frame = FRAME.assign(kind=LABELS)
    if source == "rows.npy":
        np.save(tmp_path / source, X)
    elif source == "rows.csv":
        frame.to_csv(tmp_path / source, index=False)
    elif source == "parts":
        (tmp_path / source).mkdir()
        frame[:25].to_parquet(tmp_path / source / "1.parquet", index=False)
        frame[25:].to_parquet(tmp_path / source / "2.parquet", index=False)
    elif source == "towns.csv":
        pyarrow.csv.write_csv(TOWNS, tmp_path / source)
    else:
        frame.to_parquet(tmp_path / source, index=False)
    label = {"rows.npy": [], "towns.csv": ["--label", "id"]}.get(source, ["--label", "kind"])
    words = ["--data", str(tmp_path / source), *label]
    run_folder = str(tmp_path / "run")
    assert run(["train", "ae", *words, "--out", run_folder, "--n-components", "2"]) == 0
    for engine_name in ("own", "ray"):
        out = str(tmp_path / f"{engine_name}.parquet")
        more = ["--workers", "2"] if engine_name == "ray" else []
        assert run(["encode", run_folder, "--out", out, "--engine", engine_name, *more]) == 0
    own, other = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("own", "ray"))
    pd.testing.assert_frame_equal(other[list(own)], own)
    assert set(other) == set(own)
    assert not list(tmp_path.glob(".*"))


@soak
@pytest.mark.filterwarnings("ignore")
def test_an_error_of_a_worker_is_the_commands(started, capsys, tmp_path):
    from utsushi.cli.main import run

    FRAME.drop(columns="width").to_parquet(tmp_path / "rows.parquet")
    model = str(AE.save(tmp_path / "model.safetensors"))
    words = ["--data", str(tmp_path / "rows.parquet"), "--out", str(tmp_path / "codes.parquet")]
    assert run(["encode", model, *words, "--engine", "ray"]) == 2
    assert "width" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors", "rows.parquet"]


@soak
@pytest.mark.filterwarnings("ignore")
def test_a_value_that_a_worker_refuses_is_told_by_the_command(started, capsys, tmp_path):
    from utsushi.cli.main import run

    FRAME.assign(width=np.inf).to_parquet(tmp_path / "rows.parquet")
    model = str(AE.save(tmp_path / "model.safetensors"))
    words = ["--data", str(tmp_path / "rows.parquet"), "--out", str(tmp_path / "codes.parquet")]
    assert run(["encode", model, *words, "--engine", "ray"]) == 2
    assert "has inf at row 0, column 1" in capsys.readouterr().err


def test_the_models_file_is_all_that_travels(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(engine._content_of(VAE))
    np.testing.assert_array_equal(load(file).transform(X), VAE.transform(X))
