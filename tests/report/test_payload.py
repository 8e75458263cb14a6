"""What a living page carries of a model is that model."""

import json

import numpy as np
import pytest

from utsushi import Autoencoder, DenoisingAutoencoder, Recipe, VariationalAutoencoder, datasets
from utsushi.distributions.likelihoods import Gaussian as GaussianLikelihood
from utsushi.evaluation import divergence_per_component
from utsushi.report.embedded_samples import Sample
from utsushi.report.model import anomaly_scores, curves_of, short_name
from utsushi.report.payload import payload_of
from utsushi.samplers import Gaussian, Mixture, Prior

RNG = np.random.default_rng(0)


def whole(rows, labels=None):
    return Sample.of(rows, rows, labels)


def page_of(model, rows, labels=None, train=None, **settings):
    models = model if isinstance(model, dict) else {"model": model}
    return payload_of(models, whole(rows, labels), train, title="Title", **settings)


@pytest.fixture(scope="module")
def ae_page(ae, digits):
    return page_of(ae, digits.X_test, digits.y_test, whole(digits.X_train, digits.y_train))


@pytest.fixture(scope="module")
def vae_page(vae, digits):
    return page_of(vae, digits.X_test, digits.y_test)


def fitted(kind=Autoencoder, rows=None, y=None, **settings):
    rows = RNG.random((40, 6)).astype(np.float32) if rows is None else rows
    settings = {"n_components": 2, "hidden": (5,), "max_epochs": 1, "random_state": 0} | settings
    return kind(**settings).fit(rows, y), rows


# --- rows ---------------------------------------------------------------------------------------


def test_rows_come_back_as_they_were(ae_page, digits, read):
    for part, rows in (("test", digits.X_test), ("train", digits.X_train)):
        found = ae_page.header[part]
        values = read(ae_page.tensors, found["values"])
        np.testing.assert_array_equal(values / np.float32(found["divisor"]), rows)
        assert found["n_total"] == len(rows)


def test_labels_are_places_among_the_classes(ae_page, digits, read):
    places = read(ae_page.tensors, ae_page.header["test"]["labels"])
    assert ae_page.header["classes"] == [str(digit) for digit in range(10)]
    np.testing.assert_array_equal(places, digits.y_test)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array([2.0, 1.0, 2.0, 10.0]), ["1", "2", "10"]),
        (np.array(["b", "a", None, 3], dtype=object), ["3", "None", "a", "b"]),
        (np.array([True, False, True, True]), ["0", "1"]),
        (np.array([0.5, 1.0, 0.5, 1.0]), ["0.5", "1"]),
        (None, None),
    ],
)
def test_classes_are_names_in_the_labels_order(labels, classes):
    model, rows = fitted()
    assert page_of(model, rows[:4], labels).header["classes"] == classes


def test_too_many_classes_are_none():
    model, rows = fitted()
    header = page_of(model, rows, np.arange(len(rows))).header
    assert header["classes"] is None
    assert header["test"]["labels"] is None


def test_training_rows_of_other_labels_have_their_own_classes():
    model, rows = fitted()
    train = whole(rows, np.array([3.0, 4.5] * 20))
    assert page_of(model, rows, np.arange(40) % 2, train).header["classes"] == [
        "0",
        "1",
        "3",
        "4.5",
    ]


def test_a_table_has_names_and_ranges():
    model, rows = fitted()
    header = page_of(model, rows, feature_names=list("abcdef")).header
    assert (header["image_shape"], header["digits"]) == (None, None)
    assert header["features"]["names"] == list("abcdef")
    np.testing.assert_array_equal(header["features"]["low"], rows.min(axis=0))
    np.testing.assert_array_equal(header["features"]["high"], rows.max(axis=0))


@pytest.mark.parametrize(
    ("image_shape", "shown"),
    [((2, 3), [1, 2, 3]), ((1, 2, 3), [1, 2, 3]), ((3, 1, 2), [3, 1, 2]), ((2, 1, 3), None)],
)
def test_images_that_can_be_drawn_have_three_sizes(image_shape, shown):
    model, rows = fitted(image_shape=image_shape)
    header = page_of(model, rows).header
    assert header["image_shape"] == shown
    assert (header["features"] is None) == (shown is not None)


def squares(shape, tops, lefts, side=5):
    """Return images with a white square each."""
    images = np.zeros((len(tops), *shape), dtype=np.float32)
    for image, top, left in zip(images, tops, lefts, strict=True):
        image[top : top + side, left : left + side] = 1
    return images.reshape(len(tops), -1)


def test_a_drawing_is_brought_to_the_size_and_place_of_light_shapes_on_dark_images():
    still, moving = np.full(30, 4), RNG.integers(0, 9, 30)
    for rows, shape, digits in [
        (squares((14, 14), still, still + 1), (14, 14), {"size": 5, "centre": [7.0, 6.0]}),
        (squares((14, 20), still, still, 9), (14, 20), {"size": 9, "centre": [8.0, 8.0]}),
        (3 + squares((14, 14), still, still), (14, 14), {"size": 5, "centre": [6.0, 6.0]}),
        (1 - squares((14, 14), still, still), (14, 14), None),  # dark on light
        (squares((14, 14), still, moving), (14, 14), None),
        (np.zeros((30, 196), dtype=np.float32), (14, 14), None),
        (np.tile(squares((14, 14), still, still), 3), (3, 14, 14), None),
    ]:
        model, _ = fitted(rows=rows, image_shape=shape)
        assert page_of(model, rows).header["digits"] == digits


def test_digits_of_both_data_sets_have_their_size_and_place():
    for rows, shape, size, centre in [
        (datasets.load_digits8x8().X_test, (8, 8), 8, [3.6, 3.5]),
        (datasets.load_mnist20k().X_test[:500], (28, 28), 20, [14, 14]),
    ]:
        model, _ = fitted(rows=rows[:40], image_shape=shape)
        digits = page_of(model, rows).header["digits"]
        assert digits["size"] == size
        assert digits["centre"] == pytest.approx(centre, abs=0.1)


def test_the_typical_distance_is_that_of_a_test_row_to_its_nearest_training_row(ae_page, digits):
    nearest = [np.linalg.norm(digits.X_train - row, axis=1).min() for row in digits.X_test]
    assert ae_page.header["typical_distance"] == pytest.approx(np.median(nearest), rel=1e-5)


def test_rows_that_the_model_has_seen_are_not_near_to_themselves():
    model, rows = fitted(rows=np.random.default_rng(3).random((40, 6)))
    page = page_of(model, rows, None, whole(rows.copy()))
    assert page.header["seen"]
    scaled = rows / rows.std(axis=0)  # columns of a table have units of their own
    apart = np.linalg.norm(scaled[1::2, None] - scaled[None, ::2], axis=2).min(axis=1)
    assert page.header["typical_distance"] == pytest.approx(np.median(apart), rel=1e-5)
    assert not page_of(model, rows[:20], None, whole(rows[20:])).header["seen"]
    assert not page_of(model, rows).header["seen"]


def test_without_training_rows_there_is_no_typical_distance(vae_page):
    assert vae_page.header["typical_distance"] is None


# --- networks -----------------------------------------------------------------------------------


def decoded(page, codes, read, run_layers):
    """Return what the page makes of codes, in the units of the input."""
    model = page.header["models"][0]
    output = run_layers(model["decoder"], page.tensors, codes.astype(float))
    scale, offset = (read(page.tensors, model["scaling"][key]) for key in ("scale", "offset"))
    return output * scale + offset


def test_rounding_the_weights_hardly_moves_a_decoded_row(
    vae, digits, read, run_layers, monkeypatch
):
    monkeypatch.setattr("utsushi.report.tensors.MOST_EXACT_WEIGHTS", 0)
    codes = np.random.default_rng(1).standard_normal((100, 3))
    found = decoded(page_of(vae, digits.X_test), codes, read, run_layers)
    assert np.abs(found - vae.inverse_transform(codes)).max() > 0
    assert np.abs(found - vae.inverse_transform(codes)).max() <= 2e-3


def test_the_page_encodes_the_row_that_it_carries(vae, vae_page, digits, read, run_layers):
    model, encoded = vae_page.header["models"][0], vae_page.tensors
    scale, offset = (read(encoded, model["scaling"][key]) for key in ("scale", "offset"))
    head = run_layers(model["encoder"], encoded, (digits.X_test - offset) / scale)
    codes, log_variances = (read(encoded, model[key]) for key in ("codes", "log_variances"))
    np.testing.assert_allclose(head, np.hstack([codes, log_variances]), atol=5e-3)


def test_the_codes_are_the_models_own(vae, vae_page, digits, read):
    model = vae_page.header["models"][0]
    mean, standard_deviation = vae.posterior_of(digits.X_test)
    np.testing.assert_array_equal(read(vae_page.tensors, model["codes"]), mean)
    found = np.exp(0.5 * read(vae_page.tensors, model["log_variances"]))
    np.testing.assert_allclose(found, standard_deviation, rtol=1e-6)


# --- scores -------------------------------------------------------------------------------------


def test_an_autoencoders_anomaly_score_is_its_squared_error(ae, digits):
    errors = np.square(ae.reconstruct(digits.X_test) - digits.X_test).sum(axis=1)
    np.testing.assert_allclose(anomaly_scores(ae, whole(digits.X_test)), errors, rtol=1e-4)


def test_a_variational_anomaly_score_is_the_formula(vae, vae_page, digits, read):
    scale = vae.scaling_.scale
    error = np.square((vae.reconstruct(digits.X_test) - digits.X_test) / scale).sum(axis=1)
    sigma = vae_page.header["models"][0]["likelihood"]["sigma"]
    density = -error / (2 * sigma**2) - 32 * np.log(2 * np.pi * sigma**2)
    kl = divergence_per_component(vae, digits.X_test).sum(axis=1)
    expected = -density + kl + vae_page.header["models"][0]["log_volume"]
    found = read(vae_page.tensors, vae_page.header["models"][0]["scores"])
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_bernoullis_anomaly_score_is_in_the_units_of_the_input():
    rows = (RNG.random((60, 6)) < 0.5).astype(np.float32)
    model, _ = fitted(VariationalAutoencoder, rows, likelihood="bernoulli", scaling="standard")
    p = model.reconstruct(rows).astype(float)
    density = (rows * np.log(p) + (1 - rows) * np.log1p(-p)).sum(axis=1)
    expected = divergence_per_component(model, rows).sum(axis=1) - density
    np.testing.assert_allclose(anomaly_scores(model, whole(rows)), expected, rtol=1e-5)
    described = page_of(model, rows).header["models"][0]
    assert described["target_scaled"] is False
    assert described["likelihood"] == {"name": "bernoulli", "sigma": None}


def test_a_conditional_models_score_asks_for_the_rows_own_class():
    y = np.arange(40) % 3
    model, rows = fitted(VariationalAutoencoder, y=y, conditional=True, sampler="gaussian")
    described = page_of(model, rows, y).header["models"][0]
    assert described["conditions"] == ["0", "1", "2"]
    assert described["condition_shares"] == pytest.approx([14 / 40, 13 / 40, 13 / 40])
    assert len(described["class_samplers"]) == 3
    assert described["decoder"][0]["weight"]["shape"] == [5, 2 + 3]
    same, other = (anomaly_scores(model, whole(rows, labels)) for labels in (y, (y + 1) % 3))
    assert (same != other).any()


# --- what the components carry ------------------------------------------------------------------


def test_information_is_the_divergence_and_the_dead_are_those_under_a_tenth(vae, vae_page, digits):
    model, kl = vae_page.header["models"][0], divergence_per_component(vae, digits.X_test)
    np.testing.assert_allclose(model["information"], kl.mean(axis=0), rtol=1e-4)
    assert model["dead"] == (kl.mean(axis=0) < 0.1).tolist()


def test_a_component_that_stands_still_is_dead():
    model, rows = fitted(n_components=3)
    encoder = model.module_.encoder[-1]
    encoder.weight.data[1], encoder.bias.data[1] = 0, 0.5
    described = page_of(model, rows).header["models"][0]
    assert described["dead"] == [False, True, False]
    assert described["information"][1] == 0


def test_the_plane_is_that_of_principal_components(ae, ae_page, digits):
    model, codes = ae_page.header["models"][0], ae.transform(digits.X_test).astype(float)
    axes = np.array(model["axes"])
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-6)
    assert all(axis[np.abs(axis).argmax()] > 0 for axis in axes)
    np.testing.assert_allclose(model["centre"], codes.mean(axis=0), rtol=1e-5)
    variances = np.linalg.eigvalsh(np.cov(codes.T))[::-1]
    np.testing.assert_allclose(model["explained"], variances[:2] / variances.sum(), rtol=1e-4)
    along = ((codes - model["centre"]) @ axes.T).var(axis=0, ddof=1)
    np.testing.assert_allclose(along, variances[:2], rtol=1e-4)


@pytest.mark.parametrize(("n_components", "n_rows"), [(1, 40), (2, 1)])
def test_what_has_no_second_axis_has_zeros(n_components, n_rows):
    model, rows = fitted(n_components=n_components)
    described = page_of(model, rows[:n_rows]).header["models"][0]
    assert described["axes"][1] == [0.0] * n_components
    assert described["explained"][1] == 0


# --- samplers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_prior_needs_no_arrays(temperature):
    page = page_of(*fitted(VariationalAutoencoder, sampler=Prior(temperature)))
    sampler = page.header["models"][0]["sampler"]
    assert sampler == {"kind": "prior", "temperature": temperature}


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_a_gaussians_factor_is_a_root_of_its_covariance(read, temperature):
    model, rows = fitted(sampler=Gaussian(temperature))
    page = page_of(model, rows)
    sampler = page.header["models"][0]["sampler"]
    factor = read(page.tensors, sampler["factor"])
    expected = temperature**2 * model.sampler_.covariance_
    np.testing.assert_allclose(factor @ factor.T, expected, atol=1e-6)
    assert sampler["mean"] == model.sampler_.mean_.tolist()


def test_a_mixture_is_its_parts(read):
    model, rows = fitted(sampler=Mixture(2, temperature=0.5))
    page = page_of(model, rows)
    sampler = page.header["models"][0]["sampler"]
    assert sampler["weights"] == pytest.approx(model.sampler_.weights_)
    assert sampler["temperature"] == 0.5
    for key in ("means", "factors"):
        known = getattr(model.sampler_, f"{key}_")
        np.testing.assert_allclose(read(page.tensors, sampler[key]), known, rtol=1e-6)


@pytest.mark.parametrize("few", [0, 10**6])
def test_a_sampler_that_the_page_cannot_be_is_drawn_from_beforehand(read, monkeypatch, few):
    monkeypatch.setattr("utsushi.report.model.MOST_SAMPLER_NUMBERS", few)
    name = "two-stage" if few else "mixture"
    model, rows = fitted(sampler=name)
    pages = [page_of(model, rows) for _ in range(2)]
    sampler = pages[0].header["models"][0]["sampler"]
    assert (sampler["kind"], sampler["name"]) == ("drawn", name)
    assert read(pages[0].tensors, sampler["codes"]).shape == (500, 2)
    assert pages[0] == pages[1]


# --- the whole ----------------------------------------------------------------------------------


def test_the_history_has_words_in_both_languages(ae, ae_page):
    history = ae_page.header["models"][0]["history"]
    assert [curve["name"] for curve in history["curves"]] == [
        {"en": "training samples", "ja": "学習データ"}
    ]
    assert history["curves"][0]["values"] == curves_of(ae).training
    assert history["unit"].keys() == {"en", "ja"}


def test_held_out_rows_have_a_curve_of_their_own():
    model, _ = fitted(VariationalAutoencoder, recipe=Recipe(validation_fraction=0.2), max_epochs=3)
    curves = curves_of(model)
    assert curves.unit == "objective"
    assert curves.held_out == [row["validation_objective"] for row in model.history_]


def test_the_lectures_loss_is_over_the_features_and_without_its_constant():
    model, _ = fitted(VariationalAutoencoder, likelihood="unit-gaussian")
    loss = 2 * model.history_[0]["objective"] / 6 - np.log(2 * np.pi)
    assert (curves_of(model).unit, curves_of(model).training) == ("loss", [pytest.approx(loss)])


@pytest.mark.parametrize(
    ("kind", "name"),
    [(Autoencoder, "AE"), (DenoisingAutoencoder, "DAE"), (VariationalAutoencoder, "VAE")],
)
def test_the_short_names(kind, name):
    assert short_name(kind()) == name


def test_several_models_stand_in_their_order(ae, vae, digits):
    header = page_of({"one": vae, "two": ae}, digits.X_test).header
    assert [(m["name"], m["variational"]) for m in header["models"]] == [
        ("one", True),
        ("two", False),
    ]


def test_the_header_is_json(ae_page, vae_page):
    for page in (ae_page, vae_page):
        assert json.loads(json.dumps(page.header, allow_nan=False)) == page.header


class OwnLikelihood(GaussianLikelihood):
    """A density that the page's script does not know."""


def test_a_likelihood_that_a_page_does_not_know_is_named():
    model, rows = fitted(VariationalAutoencoder, likelihood=OwnLikelihood())
    (described,) = page_of(model, rows).header["models"]
    assert described["still"] == {"part": "likelihood", "name": "OwnLikelihood"}
    assert described["likelihood"] is None


def test_the_lectures_network_fits_into_six_megabytes():
    digits = datasets.load_mnist20k()
    model, _ = fitted(
        VariationalAutoencoder,
        digits.X_train[:500],
        n_components=10,
        hidden=(1000,),
        image_shape=(28, 28),
    )
    train = whole(digits.X_train, digits.y_train)
    page = page_of(model, digits.X_test, digits.y_test, train)
    assert page.header["test"]["values"]["shape"] == [1000, 784]
    assert page.header["train"]["values"]["shape"] == [4000, 784]
    assert page.header["digits"]["size"] == 20
    assert len(page.tensors) + len(json.dumps(page.header)) < 5_800_000  # and the script
