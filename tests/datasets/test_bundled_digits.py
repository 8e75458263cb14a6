import importlib.util
import io
import time
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from utsushi import datasets
from utsushi.exceptions import DataError, SettingError

BUNDLE = files("utsushi.datasets") / "bundled" / "mnist20k.npz"
TOOL = Path(__file__).parents[2] / "tools" / "make_mnist20k.py"

# The lecture's own table: mean squared error of PCA's reconstruction over all pixels.
LECTURE_TRAINING = {10: 0.034308, 20: 0.023815, 30: 0.017970, 40: 0.014241, 50: 0.011672}
LECTURE_TEST = {10: 0.034443, 20: 0.023915, 30: 0.018055, 40: 0.014357, 50: 0.011779}


@pytest.fixture(scope="module")
def digits():
    return datasets.load_mnist20k()


@pytest.fixture(scope="module")
def archive():
    with np.load(str(BUNDLE), allow_pickle=False) as opened:
        return dict(opened)


@pytest.fixture(scope="module")
def pca(digits):
    return PCA(50, svd_solver="covariance_eigh").fit(digits.X_train.astype(np.float64))


def pca_error(pca, X, n_components):
    directions = pca.components_[:n_components]
    centred = X - pca.mean_
    return np.mean((centred - centred @ directions.T @ directions) ** 2)


@pytest.mark.parametrize(("n_components", "error"), LECTURE_TRAINING.items())
def test_the_training_rows_give_the_lectures_pca_errors(digits, pca, n_components, error):
    assert round(pca_error(pca, digits.X_train, n_components), 6) == error


@pytest.mark.parametrize(("n_components", "error"), LECTURE_TEST.items())
def test_the_test_rows_give_the_lectures_pca_errors(digits, pca, n_components, error):
    assert round(pca_error(pca, digits.X_test, n_components), 6) == error


def test_the_split_is_the_lectures(digits, archive):
    _, X_test, _, y_test = train_test_split(
        archive["pixels"],
        archive["labels"],
        test_size=4000,
        random_state=4649,
        stratify=archive["labels"],
    )
    np.testing.assert_array_equal(np.rint(digits.X_test * 255), X_test)
    np.testing.assert_array_equal(digits.y_test, y_test)


def test_the_digits_have_the_documented_shapes_and_types(digits):
    assert (digits.X_train.shape, digits.X_test.shape) == ((16000, 784), (4000, 784))
    assert (digits.X_train.dtype, digits.y_train.dtype) == (np.float32, np.int64)


def test_the_pixels_fill_the_range_from_0_to_1(digits):
    assert (digits.X.min(), digits.X.max()) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("name", "checksum"),
    [
        ("pixels", "0256de32dd5050b8dd6e2b05e1ae765ddfc4e4b1ee926076b40746b1fa882e29"),
        ("labels", "144ad3b0173ca5c3576c18ce96a30122a116dac67293af6b88c4f037dea66eb3"),
    ],
)
def test_the_bundled_arrays_are_the_originals_bit_for_bit(archive, name, checksum):
    assert sha256(archive[name].tobytes()).hexdigest() == checksum


def test_the_bundled_file_is_small():
    assert len(BUNDLE.read_bytes()) <= 3_300_000


def test_the_digits_load_fast():
    datasets.load_mnist20k()  # The first call pays for importing scikit-learn.
    start = time.process_time()
    datasets.load_mnist20k()
    assert time.process_time() - start < 1.0


def test_a_damaged_bundle_is_named(monkeypatch, tmp_path, refusal):
    (tmp_path / "bundled").mkdir()
    (tmp_path / "bundled" / "mnist20k.npz").write_bytes(BUNDLE.read_bytes()[:1000])
    monkeypatch.setattr("utsushi.datasets.digits.files", lambda package: tmp_path)
    message = refusal(DataError, datasets.load_mnist20k)
    assert "mnist20k.npz" in message
    assert "Reinstall" in message


def test_the_attribution_names_the_authors_and_the_licence():
    text = (files("utsushi.datasets") / "bundled" / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for fact in ["LeCun", "Cortes", "Burges", "CC BY-SA 3.0", "creativecommons.org", "20,000"]:
        assert fact in text


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("make_mnist20k", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_the_tool_packs_is_what_numpy_loads(tool):
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    with np.load(io.BytesIO(tool.pack({"pixels": pixels})), allow_pickle=False) as packed:
        np.testing.assert_array_equal(packed["pixels"], pixels)


def test_the_tools_file_does_not_depend_on_the_time(tool, monkeypatch):
    arrays = {"a": np.arange(5)}
    before = tool.pack(arrays)
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    assert tool.pack(arrays) == before


def test_the_tool_stops_at_a_file_that_is_not_the_original(tool, tmp_path):
    path = tmp_path / "train-labels-idx1-ubyte"
    path.write_bytes(b"other")
    with pytest.raises(SystemExit, match="not the original"):
        tool.read_original(path, 1)


def test_the_small_digits_have_the_documented_shapes_and_types():
    small = datasets.load_digits8x8()
    assert (small.X.shape, small.X.dtype, small.image_shape) == ((1797, 64), np.float32, (8, 8))
    assert small.y.dtype == np.int64


def test_the_small_digits_are_scaled_by_16():
    X = datasets.load_digits8x8().X
    assert set(np.unique(X * 16)) == set(range(17))


def test_the_small_digits_are_split_the_same_way_each_time():
    first, second = datasets.load_digits8x8(100), datasets.load_digits8x8(100)
    np.testing.assert_array_equal(first.X_test, second.X_test)


def test_the_small_digits_keep_the_proportions_of_the_classes():
    counts = np.bincount(datasets.load_digits8x8(0.5).y_test)
    assert counts.max() - counts.min() <= 6


@pytest.mark.parametrize("test_size", [0, 5, 2.0, 1797])
def test_an_impossible_test_size_is_named(test_size, refusal):
    message = refusal(SettingError, datasets.load_digits8x8, test_size)
    assert message.startswith("test_size must")
    assert f"got {test_size}" in message


@pytest.mark.parametrize("entry", datasets.catalogue(), ids=lambda entry: entry.name)
def test_the_catalogue_tells_the_size_of_each_data_set(entry):
    assert entry.load().X.shape == (entry.rows, entry.features)


@pytest.mark.parametrize("name", datasets.names())
def test_each_bundled_name_opens_its_data_set(name):
    assert datasets.open(name).name == name
