"""The sparse autoencoder: what it learns, and its codes, files and commands."""

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse
import torch
from pyarrow import parquet as pq
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from utsushi import Recipe, SparseAutoencoder, datasets, load
from utsushi._utils import lazy_rows
from utsushi.datasets import parquet
from utsushi.estimators import base, rows
from utsushi.evaluation import evaluate
from utsushi.exceptions import DataError, SettingError
from utsushi.integrations import onnx
from utsushi.networks import SPARSITIES, BatchTopK, Dictionary, JumpReLU, TopK
from utsushi.networks import sparse_codes as module_of_sparsities
from utsushi.objectives import sparse as module_of_objective

DIGITS = datasets.load_digits8x8()
TRAIN, TEST = DIGITS.X_train[:600], DIGITS.X_test[:40]
SMALL = {"n_components": 128, "max_epochs": 3, "random_state": 0, "device": "cpu"}

MEMBERS = {
    **{name: {"sparsity": name} for name in SPARSITIES},
    "tied": {"network": Dictionary(tied=True), "sparsity": "topk"},
    "matryoshka": {"matryoshka": True},
    "dense": {"network": "dense", "sparsity": "topk"},
    "dense output": {"sparse_output": False},
}


def fitted(name, X=TRAIN, **settings):
    return SparseAutoencoder(**{**SMALL, **MEMBERS[name], **settings}).fit(X)


@pytest.fixture(scope="module", params=MEMBERS)
def model(request):
    return fitted(request.param)


def dense(codes):
    return codes.toarray() if scipy.sparse.issparse(codes) else codes


def said(model, X=TEST):
    codes = dense(model.transform(X))
    return [codes, model.reconstruct(X), model.score_samples(X)]


# --- the contract -------------------------------------------------------------------------------


def test_what_it_says_is_finite_and_of_the_right_shape(model):
    for values, shape in zip(said(model), [(40, 128), (40, 64), (40,)], strict=True):
        assert values.shape == shape
        assert np.isfinite(values).all()
    assert (said(model)[0] >= 0).all()


def test_its_file_says_the_same(model, tmp_path):
    again = load(model.save(tmp_path / "model.safetensors"))
    for one, other in zip(said(model), said(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_sample_does_not_depend_on_the_others(model):
    whole = model.transform(TEST)
    np.testing.assert_array_equal(dense(whole)[7:9], dense(model.transform(TEST[7:9])))


def test_its_torch_module_computes_the_same(model):
    module = model.to_torch()
    assert not any("utsushi" in type(part).__module__ for part in module.modules())
    with torch.no_grad():
        codes, copies = module.encoder(torch.from_numpy(TEST)), module(torch.from_numpy(TEST))
    np.testing.assert_allclose(codes, said(model)[0], atol=1e-5)
    np.testing.assert_allclose(copies, model.reconstruct(TEST), atol=1e-5)


@pytest.mark.parametrize("name", SPARSITIES)
def test_its_onnx_graph_computes_the_same(name):
    runtime = pytest.importorskip("onnxruntime")
    model = fitted(name)
    session = runtime.InferenceSession(onnx.to_onnx(model), providers=["CPUExecutionProvider"])
    codes, copies = session.run(list(onnx.OUTPUTS), {onnx.INPUTS[0]: TEST})
    np.testing.assert_allclose(codes, dense(model.transform(TEST)), atol=1e-4)
    np.testing.assert_allclose(copies, model.reconstruct(TEST), atol=1e-4)


@pytest.mark.parametrize("name", MEMBERS)
def test_it_trains_in_bfloat16(name):
    model = fitted(name, recipe=Recipe(precision="bfloat16"))
    assert np.isfinite(model.score_samples(TEST)).all()


@pytest.mark.parametrize("name", MEMBERS)
def test_a_training_that_was_stopped_resumes_bit_for_bit(name, tmp_path, monkeypatch):
    monkeypatch.setattr(module_of_sparsities, "DEAD_AFTER", 200)  # so that some are revived

    def stop(_, row):
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    whole = fitted(name)
    unfitted = clone(whole)
    with pytest.raises(KeyboardInterrupt):
        unfitted.fit(TRAIN, checkpoint_dir=tmp_path, on_epoch=stop)
    resumed = unfitted.fit(TRAIN, checkpoint_dir=tmp_path)
    for one, other in zip(said(whole), said(resumed), strict=True):
        np.testing.assert_array_equal(one, other)
    assert torch.equal(whole.module_.bottleneck.idle, resumed.module_.bottleneck.idle)


@pytest.mark.parametrize("settings", [{}, {"augment": "affine", "image_shape": (8, 8)}], ids=str)
def test_it_trains_with_held_out_samples(settings):
    recipe = Recipe(validation_fraction=0.2, early_stopping=2)
    row = fitted("batch-topk", recipe=recipe, **settings).history_[-1]
    assert {"validation_reconstruction", "validation_l0"} <= set(row)


def test_missing_values_are_filled():
    X = TRAIN.copy()
    X[::3, 20] = np.nan
    model = fitted("topk", X, missing="mask")
    assert np.isfinite(model.reconstruct(X)).all()
    assert np.isfinite(model.score_samples(X)).all()


def test_it_is_a_step_of_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), SparseAutoencoder(**SMALL))
    assert pipeline.fit_transform(TRAIN).shape == (600, 128)
    assert list(pipeline.get_feature_names_out()[:2]) == [
        "sparseautoencoder0",
        "sparseautoencoder1",
    ]


def test_many_components_are_no_reason_to_warn(recwarn):
    SparseAutoencoder(256, random_state=0, max_epochs=10).fit(TRAIN)
    assert not [w for w in recwarn if "n_components" in str(w.message)]


# --- codes --------------------------------------------------------------------------------------


def test_the_csr_matrix_is_the_array():
    model = fitted("topk")
    codes = model.transform(np.tile(TRAIN, (3, 1)))  # several blocks
    assert scipy.sparse.isspmatrix_csr(codes)
    assert codes.dtype == np.float32
    array = model.set_params(sparse_output=False).transform(np.tile(TRAIN, (3, 1)))
    np.testing.assert_array_equal(codes.toarray(), array)
    assert codes.nnz == (array > 0).sum()  # no zero is stored


@pytest.mark.parametrize("form", ["csr_matrix", "csc_matrix", "coo_array", "csr_array"])
def test_sparse_codes_decode_as_dense_ones(form):
    model = fitted("topk")
    codes = model.transform(TRAIN)
    copies = model.inverse_transform(codes.toarray())
    np.testing.assert_array_equal(
        model.inverse_transform(getattr(scipy.sparse, form)(codes)), copies
    )
    np.testing.assert_allclose(model.reconstruct(TRAIN), copies, atol=1e-6)


def test_codes_that_cannot_be_decoded_are_refused():
    model = fitted("topk")
    codes = model.transform(TEST)
    with pytest.raises(DataError, match=r"the codes must have 128 columns, .* got 127"):
        model.inverse_transform(codes[:, :127])
    codes.data[0] = np.nan
    with pytest.raises(DataError, match="NaN"):
        model.inverse_transform(codes)


@pytest.mark.parametrize("component", [None, 5])
def test_examples_are_the_largest_codes_of_a_component(component):
    model = fitted("topk", max_epochs=30)
    X = np.concatenate([TRAIN, TRAIN[:50]])  # with equal values
    codes = model.transform(X).toarray()
    found = model.feature_examples(X, component, n_examples=7)
    order = np.argsort(-codes, axis=0, kind="stable")[:7].T
    values = np.take_along_axis(codes.T, order, axis=1)
    indices = np.where(values > 0, order, -1)
    chosen = slice(None) if component is None else component
    np.testing.assert_array_equal(found[0], indices[chosen])
    np.testing.assert_array_equal(found[1], values[chosen])


@pytest.mark.parametrize("component", [-1, 128, 1.5, "a"])
def test_a_component_that_there_is_not_is_refused(component):
    with pytest.raises(SettingError, match="component must be an integer from 0 to 127, got"):
        fitted("topk").feature_examples(TEST, component)


def test_it_refuses_to_sample():
    with pytest.raises(SettingError, match="SparseAutoencoder cannot sample"):
        fitted("topk").sample(3)


# --- what it learns -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["topk", "batch-topk", "tied"])
def test_the_atoms_have_unit_length(name):
    model = fitted(name)
    np.testing.assert_allclose(np.linalg.norm(model.components_, axis=1), 1, rtol=1e-5)
    one = np.eye(128, dtype=np.float32)
    atoms = model.inverse_transform(one) - model.inverse_transform(0 * one)
    np.testing.assert_allclose(atoms / model.scaling_.scale, model.components_, atol=1e-5)


def test_tied_weights_are_equal():
    module = fitted("tied").module_
    assert module.encoder.own_weight is None
    np.testing.assert_array_equal(module.encoder.weight.detach(), module.decoder.atoms.detach())


def sums_of_atoms(n_samples=4000, n_atoms=64, n_features=32, n_active=3):
    rng = np.random.default_rng(0)
    atoms = rng.normal(size=(n_atoms, n_features))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    codes = rng.uniform(0.5, 1.5, (n_samples, n_atoms))
    active = rng.random((n_samples, n_atoms)).argsort(axis=1) < n_active
    return (codes * active @ atoms).astype(np.float32), atoms


@pytest.mark.parametrize("sparsity", [TopK(3), BatchTopK(3), JumpReLU(3)], ids=str)
def test_a_known_dictionary_is_recovered(sparsity):
    X, atoms = sums_of_atoms()
    model = SparseAutoencoder(64, sparsity=sparsity, random_state=0).fit(X)
    similarity = (atoms @ model.components_.T).max(axis=1)
    assert similarity.mean() >= 0.9


def test_the_threshold_of_batch_topk_leaves_k_components_on_average():
    model = fitted("batch-topk", sparsity=BatchTopK(8), max_epochs=60)
    assert abs(model.transform(TRAIN).nnz / len(TRAIN) - 8) < 0.8
    assert abs(model.transform(DIGITS.X_test).nnz / len(DIGITS.X_test) - 8) < 0.8


def test_dead_components_revive(monkeypatch):
    monkeypatch.setattr(module_of_sparsities, "DEAD_AFTER", 2000)

    def dead():
        settings = {"sparsity": TopK(4), "recipe": Recipe(batch_size=50), "max_epochs": 80}
        model = SparseAutoencoder(256, **settings, random_state=0).fit(TRAIN)
        return model.history_[-1]["dead"]

    revived = dead()
    monkeypatch.setattr(module_of_objective, "AUXILIARY_WEIGHT", 0.0)
    assert revived < dead() / 2


def test_the_loss_that_revives_components_is_not_taken_for_instability(monkeypatch, recwarn):
    monkeypatch.setattr(module_of_sparsities, "DEAD_AFTER", 3000)
    settings = {"sparsity": TopK(4), "max_epochs": 8, "random_state": 0}
    history = SparseAutoencoder(256, **settings).fit(TRAIN).history_
    assert history[-1]["objective"] > 1.5 * min(row["objective"] for row in history)
    assert history[-1]["reconstruction"] == min(row["reconstruction"] for row in history)
    assert [str(w.message) for w in recwarn if "unstable" in str(w.message)] == []


def test_the_first_components_of_a_matryoshka_reconstruct_better_than_those_of_another():
    errors = []
    for matryoshka in (False, True):
        model = SparseAutoencoder(128, matryoshka=matryoshka, max_epochs=60, random_state=0)
        codes = model.fit(TRAIN).transform(TEST).toarray()
        codes[:, 16:] = 0
        errors.append(np.square(model.inverse_transform(codes) - TEST).mean())
    assert errors[1] < 0.8 * errors[0]


def test_a_penalty_leaves_fewer_components_active_the_stronger_it_is():
    l0 = [
        fitted("l1", sparsity=SPARSITIES["l1"](strength), max_epochs=40).history_[-1]["l0"]
        for strength in (0.01, 0.3)
    ]
    assert l0[1] < 0.8 * l0[0]


# --- large data ---------------------------------------------------------------------------------


def mapped(X, path):
    np.save(path, X)
    return np.load(path, mmap_mode="r")


def test_a_memory_map_gives_the_model_of_the_array(tmp_path, monkeypatch):
    monkeypatch.setattr(base, "COPIED_BYTES", 0)
    monkeypatch.setattr(rows, "COPIED_BYTES", 0)
    on_disk = mapped(TRAIN, tmp_path / "x.npy")
    of_array, of_map = fitted("batch-topk"), fitted("batch-topk", on_disk)
    for one, other in zip(said(of_array), said(of_map), strict=True):
        np.testing.assert_array_equal(one, other)
    whole = of_array.transform(TRAIN)
    assert (of_map.transform(on_disk) != whole).nnz == 0
    np.testing.assert_array_equal(
        of_map.feature_examples(on_disk)[0], of_array.feature_examples(TRAIN)[0]
    )


def test_a_parquet_file_that_stays_on_the_disk_is_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(parquet, "WINDOW_BYTES", 100 * TRAIN[:1].nbytes)
    monkeypatch.setattr(base, "COPIED_BYTES", 0)
    monkeypatch.setattr(lazy_rows, "BLOCK_BYTES", 100 * TRAIN[:1].nbytes)
    table = pa.table({f"x{i}": TRAIN[:, i] for i in range(64)})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=50)
    on_disk = datasets.open(tmp_path / "x.parquet").X_train
    assert isinstance(on_disk, parquet.ParquetRows)
    model, reads, read = fitted("batch-topk", on_disk), [], parquet.ParquetRows.__getitem__

    def counted(self, which):
        rows = read(self, which)
        reads.append(len(rows))
        return rows

    monkeypatch.setattr(parquet.ParquetRows, "__getitem__", counted)
    codes, (indices, _) = model.transform(on_disk), model.feature_examples(on_disk)
    assert max(reads) <= 512  # of 600
    assert (codes != model.transform(TRAIN)).nnz == 0
    np.testing.assert_array_equal(indices, model.feature_examples(TRAIN)[0])


# --- evaluation ---------------------------------------------------------------------------------


def test_evaluation_adds_l0_explained_variance_and_dead_components():
    model = fitted("topk", sparsity=TopK(4), max_epochs=40)
    group = evaluate(model, TEST, TRAIN)["sparsity"]
    assert group["l0"]["value"] == 4
    errors = np.square(TEST - model.reconstruct(TEST)).sum(axis=1).mean()
    variance = np.square(TEST - TRAIN.mean(axis=0)).sum(axis=1).mean()
    np.testing.assert_allclose(
        group["explained_variance"]["value"], 1 - errors / variance, rtol=1e-4
    )
    used = model.transform(np.concatenate([TRAIN, TEST])).toarray().any(axis=0)
    np.testing.assert_allclose(group["dead"], 1 - used.mean(), atol=1e-9)
    pca = group["explained_variance"]["pca"]["value"]
    assert 0.4 < pca < 0.6  # of four components, and not of all


def test_classifiers_learn_from_sparse_codes():
    model = fitted("topk", max_epochs=20)
    found = evaluate(
        model,
        DIGITS.X_test,
        TRAIN,
        y=DIGITS.y_test,
        y_train=DIGITS.y_train[:600],
        groups=["features"],
    )["features"]
    assert found["neighbours"]["value"] > 0.8
    assert found["linear_probe"]["value"] > 0.8
