"""``utsushi train sparse``, and what other commands do with its model."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import scipy.sparse

from utsushi import SparseAutoencoder, load
from utsushi.cli import options
from utsushi.cli.main import run as call_program

SMALL = ["--n-components", "64", "--sparsity", "topk", "--sparsity-k", "4", "--max-epochs", "3"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("sparse") / "run"
    words = ["train", "sparse", "--data", "digits8x8", "--out", str(path), *SMALL]
    assert call_program([*words, "--random-state", "0", "--verbose", "0"]) == 0
    return path


def test_each_parameter_is_an_option_with_its_default():
    defaults = SparseAutoencoder().get_params(deep=False) | {"verbose": 1}
    own = {o.name: o.default for o in options.SPARSE if "__" not in o.name}
    assert own == defaults
    inner = [option.name for option in options.SPARSE if "__" in option.name]
    for name in inner:  # of one of the objects
        assert any(
            name.split("__")[1] in choice().get_params()
            for choice in options_of(name.split("__")[0])
        ), name


def options_of(kind):
    from utsushi.estimators.registry import CHOICES

    return CHOICES[kind][1].values()


def test_an_option_reaches_its_parameter(run):
    model = load(run / "model.safetensors")
    assert (model.n_components, model.sparsity.k, model.max_epochs) == (64, 4, 3)


def test_the_run_has_the_figures_of_sparse_codes_and_no_others(run):
    assert {path.name for path in (run / "figures").iterdir()} == {
        "learning.png",
        "reconstructions.png",
        "atoms.png",
    }
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["sparsity"]["l0"]["value"] == 4
    assert "lecture_loss" not in metrics["reconstruction"]


def test_codes_are_encoded_into_scipys_format(utsushi, run, tmp_path):
    assert utsushi("encode", run, "--out", tmp_path / "codes.npz").status == 0
    codes = scipy.sparse.load_npz(tmp_path / "codes.npz")
    assert codes.shape == (1797, 64)
    assert codes.nnz == 4 * 1797
    assert np.load(tmp_path / "codes.npz")["y"].shape == (1797,)


def test_codes_are_encoded_into_columns_of_lists(utsushi, run, tmp_path):
    assert utsushi("encode", run, "--out", tmp_path / "codes.npz").status == 0
    assert utsushi("encode", run, "--out", tmp_path / "codes.parquet").status == 0
    table = pq.read_table(tmp_path / "codes.parquet")
    assert table.column_names == ["components", "values", "y"]
    codes = scipy.sparse.load_npz(tmp_path / "codes.npz")
    np.testing.assert_array_equal(table["components"].combine_chunks().flatten(), codes.indices)
    np.testing.assert_array_equal(table["values"].combine_chunks().flatten(), codes.data)


@pytest.mark.parametrize("kind", [".npy", ".csv"])
def test_dense_files_are_refused(utsushi, run, tmp_path, kind):
    call = utsushi("encode", run, "--out", tmp_path / f"codes{kind}")
    assert call.status != 0
    assert "--out must end in .npz, .parquet" in call.err


def test_it_is_evaluated(utsushi, run):
    call = utsushi("evaluate", run)
    assert call.status == 0, call.err
    assert "Share of dead components" in call.out
    assert "PCA has 4 components" in call.out


def test_what_it_cannot_do_is_refused_in_a_sentence(utsushi, run, tmp_path):
    call = utsushi("generate", run, "--out", tmp_path / "new.npy")
    assert call.status == 2
    assert "SparseAutoencoder cannot sample" in call.err
    assert call.err.count("\n") == 1


def test_its_page_shows_what_it_computed(utsushi, run, tmp_path):
    page = tmp_path / "page.html"
    assert utsushi("export", run, "--to", "html", "--out", page).status == 0
    assert '"still":{"part":"codes","name":"SparseAutoencoder"}' in page.read_text("utf-8")
    assert '"still":{"part":"codes"' in (run / "report.html").read_text("utf-8")


def test_it_is_compared_with_another_model(utsushi, run, tmp_path):
    words = ["compare", run, "ae n-components=4 max-epochs=1 verbose=0", "--out", tmp_path / "both"]
    call = utsushi(*words, "--data", "digits8x8")
    assert call.status == 0, call.err


def test_more_active_components_than_there_are_is_refused_with_the_option(utsushi, tmp_path):
    words = ["train", "sparse", "--data", "digits8x8", "--out", tmp_path / "run"]
    call = utsushi(*words, "--n-components", "16")
    assert call.status == 2
    assert "--sparsity-k must be at most --n-components 16, got 32" in call.err
