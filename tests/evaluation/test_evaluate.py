"""What `evaluate` gives of each kind of model and rows."""

import json
import os

import numpy as np
import pytest

from utsushi import Autoencoder, DenoisingAutoencoder, VariationalAutoencoder, datasets
from utsushi._utils.lazy_rows import ConvertedRows, as_guarded
from utsushi.evaluation import Estimate, evaluate, lecture_loss, reconstruction_error
from utsushi.evaluation import context as context_module
from utsushi.evaluation import groups as groups_module
from utsushi.evaluation.rows import COSTLY_VALUES, SCORED_VALUES, affordable_rows, measurable
from utsushi.exceptions import DataError, SettingError
from utsushi.runs import tables_of
from utsushi.runs.texts import TEXTS

SMALL = {"hidden": (16,), "max_epochs": 2, "random_state": 0}
RECONSTRUCTION = {"mse", "squared_error", "psnr", "ssim", "lecture_loss", "diagnostics"}
COLLAPSE = {
    "kl",
    "kl_per_component",
    "dead_components",
    "active_units",
    "mutual_information",
    "aggregate_divergence",
    "aggregate_divergence_at_least",
    "diagnostics",
}
CLASSES = {
    "linear_probe",
    "neighbours",
    "adjusted_rand_index",
    "normalized_mutual_information",
}
FEATURES = {"trustworthiness", "diagnostics"} | CLASSES


@pytest.fixture(scope="module")
def digits():
    return datasets.load_digits8x8()


@pytest.fixture(scope="module")
def table():
    """Rows that are no images, beyond [0, 1]."""
    return np.random.default_rng(0).standard_normal((60, 5))


@pytest.fixture(scope="module")
def autoencoder(digits):
    return Autoencoder(4, image_shape=(8, 8), **SMALL).fit(digits.X_train)


@pytest.fixture(scope="module")
def variational(digits):
    model = VariationalAutoencoder(4, image_shape=(8, 8), likelihood="unit-gaussian", **SMALL)
    return model.fit(digits.X_train)


def measure(model, digits):
    return evaluate(model, digits.X_test, digits.X_train, y=digits.y_test, y_train=digits.y_train)


@pytest.fixture(scope="module")
def of_autoencoder(autoencoder, digits):
    return measure(autoencoder, digits)


@pytest.fixture(scope="module")
def of_variational(variational, digits):
    return measure(variational, digits)


def figures_of(results):
    return {
        (group, name): value
        for group, values in results.items()
        for name, value in values.items()
        if isinstance(value, dict)
    }


def diagnostics_of(group):
    return [diagnostic["key"] for diagnostic in group["diagnostics"]]


# --- what is there ------------------------------------------------------------------------------


def test_an_autoencoder_of_images_is_measured_by_its_copies_and_its_code(of_autoencoder):
    assert {name: set(group) for name, group in of_autoencoder.items()} == {
        "reconstruction": RECONSTRUCTION,
        "features": FEATURES,
    }


def test_a_denoising_autoencoder_is_measured_as_an_autoencoder_and_by_its_repairs(
    digits, of_autoencoder
):
    model = DenoisingAutoencoder(4, image_shape=(8, 8), **SMALL).fit(digits.X_train)
    found = measure(model, digits)
    repairs = {("denoising", "mse_damaged"), ("denoising", "mse_repaired")}
    assert figures_of(found).keys() == figures_of(of_autoencoder).keys() | repairs


def test_a_variational_model_also_has_a_bound_and_a_code_to_diagnose(of_variational):
    assert {name: set(group) for name, group in of_variational.items()} == {
        "reconstruction": RECONSTRUCTION - {"lecture_loss"},
        "likelihood": {"bound", "bits_per_dimension", "lecture_loss"},
        "collapse": COLLAPSE,
        "features": FEATURES,
    }


def test_the_lectures_loss_is_only_that_of_the_lectures_likelihood(digits):
    model = VariationalAutoencoder(4, likelihood="gaussian", **SMALL).fit(digits.X_train)
    assert set(evaluate(model, digits.X_test)["likelihood"]) == {"bound", "bits_per_dimension"}


def test_a_table_without_labels_has_no_images_and_no_classes(table):
    model = Autoencoder(2, **SMALL).fit(table)
    found = evaluate(model, table[:30], table[30:])
    assert set(found["reconstruction"]) == RECONSTRUCTION - {"ssim"}
    assert set(found["features"]) == FEATURES - CLASSES


def test_without_training_rows_there_is_no_pca(autoencoder, digits):
    found = evaluate(autoencoder, digits.X_test, y=digits.y_test)
    assert all(figure["pca"] is None for figure in figures_of(found).values())
    assert all(table.columns[-2] == "s.e." for table in tables_of(found))


def test_every_figure_that_pca_has_too_stands_beside_it(of_variational):
    alone = {name for name, figure in figures_of(of_variational).items() if figure["pca"] is None}
    assert alone == {
        ("likelihood", "lecture_loss"),
        ("collapse", "kl"),
        ("collapse", "mutual_information"),
        ("collapse", "aggregate_divergence"),
    }


def test_every_figure_tells_its_rows_its_error_and_its_seed(of_variational):
    for figure in figures_of(of_variational).values():
        assert set(figure) == {"value", "standard_error", "n_rows", "seed", "pca"}
        assert figure["n_rows"] == 360


def test_what_was_drawn_has_a_seed_and_nothing_else(digits):
    model = VariationalAutoencoder(4, **(SMALL | {"random_state": 7})).fit(digits.X_train)
    found = evaluate(model, digits.X_test, y=digits.y_test, random_state=3)
    seeds = {name: figure["seed"] for (_, name), figure in figures_of(found).items()}
    assert seeds["bound"] == 7
    drawn = {"mutual_information", "aggregate_divergence"}
    drawn |= {"adjusted_rand_index", "normalized_mutual_information"}
    assert {name for name, seed in seeds.items() if seed == 3} == drawn
    assert seeds["mse"] is None


def test_results_are_the_same_in_json(of_variational):
    assert json.loads(json.dumps(of_variational, allow_nan=False)) == of_variational


def test_the_same_seed_gives_the_same_results(variational, digits, of_variational):
    assert measure(variational, digits) == of_variational


def test_groups_can_be_chosen(variational, digits, of_variational):
    found = evaluate(variational, digits.X_test, groups=["collapse"])
    assert found == {"collapse": of_variational["collapse"]}


def test_one_row_is_enough(variational, digits):
    found = evaluate(variational, digits.X_test[:1], digits.X_train, y=digits.y_test[:1])
    assert set(found) == {"reconstruction", "likelihood", "collapse"}
    json.dumps(found, allow_nan=False)


def test_constant_rows_have_no_range_to_measure_by():
    X = np.full((20, 4), 3.0)
    found = evaluate(Autoencoder(1, **SMALL).fit(X), X, X)["reconstruction"]
    assert "psnr" not in found
    assert diagnostics_of(found) == ["no_range"]


# --- what it says -------------------------------------------------------------------------------


def test_the_errors_are_the_models_own(autoencoder, digits, of_autoencoder):
    found = of_autoencoder["reconstruction"]
    assert found["mse"]["value"] == reconstruction_error(autoencoder, digits.X_test).value
    assert found["squared_error"]["value"] == pytest.approx(64 * found["mse"]["value"])
    assert found["lecture_loss"]["value"] == lecture_loss(autoencoder, digits.X_test).value


def test_the_bound_is_the_models_score(variational, digits, of_variational):
    bound = of_variational["likelihood"]["bound"]["value"]
    assert bound == pytest.approx(variational.score(digits.X_test))


def test_the_range_of_the_data_is_that_of_the_training_rows(table):
    model = Autoencoder(2, **SMALL).fit(table)
    diagnostics = evaluate(model, table[:30], table)["reconstruction"]["diagnostics"]
    assert diagnostics[0]["data_range"] == table.max() - table.min()


def test_ssim_names_the_window_that_fits(of_autoencoder):
    diagnostics = of_autoencoder["reconstruction"]["diagnostics"]
    assert [diagnostic["window"] for diagnostic in diagnostics if "window" in diagnostic] == [7]


def test_the_health_of_the_code_is_told(of_variational):
    collapse = of_variational["collapse"]
    dead = sum(kl < 0.1 for kl in collapse["kl_per_component"])
    assert collapse["dead_components"] == dead == 4  # two epochs of the unit Gaussian
    assert "all_dead" in diagnostics_of(collapse)


def test_rows_that_were_trained_on_lend_half_of_their_labels(autoencoder, digits):
    X, y = digits.X_train, digits.y_train
    for known in ((X, y), (X.copy(), y), (None, None)):
        features = evaluate(autoencoder, X, known[0], y=y, y_train=known[1], groups=["features"])
        features = features["features"]
        assert features["neighbours"]["n_rows"] == 719  # the larger half of 1437
        assert features["neighbours"]["value"] < 1  # no row is its own neighbour
        assert diagnostics_of(features) == ["split_rows"]


def test_labels_without_classes_are_left_out_with_a_remark(table):
    model = Autoencoder(2, **SMALL).fit(table)
    features = evaluate(model, table, y=np.zeros(60))["features"]
    assert set(features) == FEATURES - CLASSES
    assert diagnostics_of(features) == ["no_classes"]


def test_an_unknown_group_is_named(autoencoder, digits):
    with pytest.raises(
        SettingError, match=r"groups must be some of reconstruction, .*got 'colapse'"
    ):
        evaluate(autoencoder, digits.X_test, groups=["colapse"])


def test_labels_must_be_as_many_as_their_rows(autoencoder, digits):
    with pytest.raises(DataError, match=r"y must have the shape \(360,\), got \(359,\)"):
        evaluate(autoencoder, digits.X_test, y=digits.y_test[1:])
    with pytest.raises(DataError, match=r"y_train must have the shape \(1437,\), got \(360,\)"):
        evaluate(autoencoder, digits.X_test, digits.X_train, y_train=digits.y_test)


# --- how it is shown ----------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_group_and_figure_has_a_name_in_each_language(
    of_variational, of_autoencoder, language
):
    for name, group in [*of_variational.items(), *of_autoencoder.items()]:
        keys = {f"group_{name}", *(f"measure_{key}" for key in group if key != "diagnostics")}
        assert keys <= TEXTS[language].keys()


def test_a_row_shows_the_model_and_pca_with_their_errors(of_autoencoder):
    figure = of_autoencoder["reconstruction"]["mse"]
    assert tables_of(of_autoencoder)[0].rows[0] == (
        "Mean squared error",
        f"{figure['value']:.6g}",
        f"{figure['standard_error']:.2g}",
        f"{figure['pca']['value']:.6g}",
        f"{figure['pca']['standard_error']:.2g}",
        "360",
    )


def test_what_is_certain_has_no_error_and_no_pca(of_variational):
    rows = {row[0]: row[1:] for table in tables_of(of_variational) for row in table.rows}
    assert rows["Dead components, under 0.1 nats"] == ("4", "", "", "", "")


def test_remarks_and_lists_stand_in_the_note(of_variational):
    note = tables_of(of_variational)[2].note
    assert note.startswith("Divergence of each component, nats: 0.0")
    assert "the posterior has collapsed" in note
    assert "事後崩壊" in tables_of(of_variational, "ja")[2].note


def test_a_group_of_another_kind_is_shown_as_it_is():
    group = {"odd_distance": {"value": 0.5, "standard_error": None, "n_rows": 9}}
    (table,) = tables_of({"novelty": group | {"seed": 3, "note": "Under these features."}})
    assert table.columns[0] == "Novelty"
    assert table.rows == (("Odd distance", "0.5", "", "9"), ("Seed", "3", "", ""))
    assert table.note == "Note: Under these features."


# --- importance-weighted bounds and generated rows ------------------------------------------------


def test_the_bounds_that_are_asked_for_stand_beside_the_score(variational, digits):
    found = evaluate(variational, digits.X_test[:50], n_importance_samples=(1, 20))["likelihood"]
    names = [name for name in found if name != "diagnostics"]
    assert names[:3] == ["bound", "importance_bound_1", "importance_bound_20"]
    assert found["importance_bound_20"]["value"] > found["importance_bound_1"]["value"]
    bits = -found["importance_bound_20"]["value"] / (64 * np.log(2))
    assert found["bits_per_dimension"]["value"] == pytest.approx(bits)


def test_a_probability_has_no_bits_per_dimension(digits):
    rows = (digits.X_train > 0.5).astype(np.float32)
    model = VariationalAutoencoder(
        2, hidden=(8,), likelihood="bernoulli", max_epochs=1, random_state=0
    ).fit(rows)
    assert "bits_per_dimension" not in evaluate(model, rows)["likelihood"]


def test_generated_rows_are_measured_when_they_are_asked_for(variational, digits):
    found = evaluate(
        variational,
        digits.X_test,
        digits.X_train,
        groups=["generation"],
        extractor=lambda rows: rows[:, :10],
    )["generation"]
    assert found["frechet_distance"]["value"] > found["real_frechet_distance"]["value"]
    assert "share_memorized" in found
    assert "not comparable" in found["diagnostics"][0]["text"]


def test_without_an_extractor_a_remark_says_why(variational, digits):
    found = evaluate(variational, digits.X_test, groups=["generation"])["generation"]
    assert list(found) == ["diagnostics"]
    assert "extractor must be set for samples of 8x8" in found["diagnostics"][0]["text"]


def test_known_anomalies_are_told_apart_and_by_pca_too(autoencoder, digits):
    odd = np.random.default_rng(0).random((40, 64)).astype(np.float32)
    found = evaluate(autoencoder, digits.X_test, digits.X_train, anomalies=odd)["anomalies"]
    assert found["roc_auc"]["value"] > 0.95
    assert found["roc_auc"]["pca"]["value"] > 0.95
    assert (found["n_normal"], found["n_anomalies"]) == (len(digits.X_test), 40)
    assert "anomalies" not in evaluate(autoencoder, digits.X_test)


def test_labels_that_are_measurements_are_no_classes(autoencoder, digits):
    prices = np.random.default_rng(0).random(len(digits.X_test))
    found = evaluate(autoencoder, digits.X_test, y=prices)["features"]
    assert "linear_probe" not in found
    assert "no_whole_labels" in [diagnostic["key"] for diagnostic in found["diagnostics"]]


def test_too_few_rows_to_compare_are_a_remark(autoencoder, digits):
    found = evaluate(autoencoder, digits.X_test[:11], groups=["generation"])["generation"]
    assert "at least 20 samples" in found["diagnostics"][0]["text"]


def test_bits_are_those_of_the_tightest_bound_in_any_order(variational, digits):
    X = digits.X_test[:50]
    bits = [
        evaluate(variational, X, n_importance_samples=order)["likelihood"]["bits_per_dimension"]
        for order in ((1, 50), (50, 1))
    ]
    assert bits[0] == bits[1]
    assert bits[0]["seed"] == variational.seed_


def test_a_conditional_model_is_asked_about_no_anomalies(digits):
    model = VariationalAutoencoder(2, conditional=True, **SMALL).fit(digits.X_train, digits.y_train)
    found = evaluate(model, digits.X_test, y=digits.y_test, anomalies=digits.X_train[:5])
    assert [diagnostic["key"] for diagnostic in found["anomalies"]["diagnostics"]] == [
        "no_anomalies"
    ]


def test_rows_on_the_disk_are_measured_as_the_array_is():
    rows = np.random.default_rng(0).random((60, 4))
    model = Autoencoder(n_components=2, hidden=(8,), max_epochs=1, random_state=0).fit(rows)
    lazy = ConvertedRows(rows, np.positive)
    assert evaluate(model, lazy, lazy) == evaluate(model, rows, rows)


@pytest.mark.parametrize("which", ["X_train", "X", "anomalies"])
def test_rows_whose_file_has_shrunk_are_a_clear_error_and_no_signal(which, tmp_path):
    rows = np.random.default_rng(0).random((90, 64))
    model = Autoencoder(n_components=2, hidden=(8,), max_epochs=1, random_state=0).fit(rows)
    np.save(tmp_path / "rows.npy", rows)
    given = {"X": rows, "X_train": rows, which: np.load(tmp_path / "rows.npy", mmap_mode="r")}
    os.truncate(tmp_path / "rows.npy", 1000)
    with pytest.raises(DataError, match="shrank from 46208 to 1000 bytes"):
        evaluate(model, **given)


def test_a_measurable_memory_map_is_in_memory(tmp_path):
    np.save(tmp_path / "rows.npy", np.ones((6, 4)))
    mapped = datasets.Dataset("mapped", np.load(tmp_path / "rows.npy", mmap_mode="r"))
    rows = measurable(mapped).X_train
    assert as_guarded(rows) is rows  # no view into the file


def test_a_data_set_on_the_disk_becomes_one_in_memory_to_be_measured():
    rows = np.random.default_rng(0).random((6, 4))
    dataset = datasets.Dataset("lazy", ConvertedRows(rows, np.positive), rows)
    assert type(measurable(dataset).X_train) is np.ndarray


# --- how many rows a figure is taken of -----------------------------------------------------------


@pytest.mark.parametrize(
    ("n_rows", "n_features", "values", "n_measured"),
    [
        (4_000, 784, COSTLY_VALUES, 4_000),  # the bundled digits: all test rows
        (16_000, 784, SCORED_VALUES, 16_000),  # and all training rows, for the lecture
        (3_000, 64 * 64 * 3, COSTLY_VALUES, 341),
        (3_000, 64 * 64 * 3, SCORED_VALUES, 1_365),
        (3_000, 512 * 512 * 3, COSTLY_VALUES, 100),  # fewer would say little
        (60, 512 * 512 * 3, COSTLY_VALUES, 60),
    ],
)
def test_the_rows_of_a_figure_follow_from_their_features(n_rows, n_features, values, n_measured):
    X = np.broadcast_to(np.float32(0), (n_rows, n_features))
    rows = affordable_rows(X, values, 0)
    assert len(rows) == n_measured
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, affordable_rows(X, values, 0))
    assert np.isin(affordable_rows(X, values // 2, 0), rows).all()


@pytest.fixture
def narrow(monkeypatch):
    """Let costly figures be taken of 120 rows of 64 columns, and scores of 200."""
    monkeypatch.setattr(groups_module, "COSTLY_VALUES", 120 * 64 + 1)
    monkeypatch.setattr(context_module, "SCORED_VALUES", 200 * 64 + 1)


def test_costly_figures_of_a_variational_model_are_of_the_rows_that_the_budget_allows(
    narrow, variational, digits
):
    X = digits.X_test
    found = evaluate(
        variational,
        X,
        digits.X_train,
        groups=["reconstruction", "likelihood", "generation"],
        n_importance_samples=(5,),
        extractor=lambda rows: rows[:, :10],
    )
    copies, likelihood = found["reconstruction"], found["likelihood"]
    assert copies["mse"]["n_rows"] == copies["mse"]["pca"]["n_rows"] == len(X)
    assert copies["ssim"]["n_rows"] == copies["ssim"]["pca"]["n_rows"] == 120
    for name in ("bound", "lecture_loss"):
        assert likelihood[name]["n_rows"] == 200
    assert likelihood["bound"]["pca"]["n_rows"] == 200
    assert likelihood["importance_bound_5"]["n_rows"] == 120
    assert found["generation"]["precision"]["n_rows"] == 120
    rows = affordable_rows(X, 200 * 64 + 1, 0)
    assert likelihood["bound"]["value"] == pytest.approx(variational.score(X[rows]))
    rows = affordable_rows(X, 120 * 64 + 1, 0)
    bound = variational.log_likelihood(X[rows], n_importance_samples=5).mean()
    assert likelihood["importance_bound_5"]["value"] == pytest.approx(bound)


def test_the_score_of_an_autoencoder_is_of_all_rows(narrow, autoencoder, digits):
    found = evaluate(autoencoder, digits.X_test, groups=["reconstruction"])["reconstruction"]
    assert found["lecture_loss"]["n_rows"] == len(digits.X_test)
    assert found["ssim"]["n_rows"] == 120


def test_labels_follow_the_rows_that_are_measured(narrow, digits):
    model = VariationalAutoencoder(2, conditional=True, **SMALL).fit(digits.X_train, digits.y_train)
    X, y = digits.X_test, digits.y_test
    found = evaluate(model, X, y=y, groups=["likelihood"], n_importance_samples=(2,))["likelihood"]
    rows = affordable_rows(X, 200 * 64 + 1, 0)
    assert found["bound"]["value"] == pytest.approx(model.score(X[rows], y[rows]))
    assert found["importance_bound_2"]["n_rows"] == 120


@pytest.mark.parametrize("better", [True, False])
def test_bounds_are_compared_with_the_score_of_the_same_rows(narrow, monkeypatch, digits, better):
    """Rows of the importance-weighted bound that score well or badly decide nothing."""
    model = VariationalAutoencoder(4, likelihood="unit-gaussian", **SMALL).fit(digits.X_train)
    X, scores = digits.X_test, model.score_samples(digits.X_test)
    shift = 0.5 if better else -0.5
    # Were it compared with the score of all rows, the bound would lose or win by their choice.
    rows = np.argsort(scores)[:120] if better else np.argsort(scores)[-120:]
    rows = np.sort(rows)
    monkeypatch.setattr(groups_module, "affordable_rows", lambda *_: rows)
    monkeypatch.setattr(context_module, "affordable_rows", lambda X, *_: np.arange(len(X)))
    bound = {5: Estimate.over(scores[rows] + shift, model.seed_)}
    monkeypatch.setattr(groups_module, "importance_bounds", lambda *_, **__: bound)
    found = evaluate(model, X, groups=["likelihood"], n_importance_samples=(5,))["likelihood"]
    assert found["bits_per_dimension"]["n_rows"] == (120 if better else len(X))
