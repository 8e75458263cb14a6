"""The worth of codes: known answers for codes that tell everything, and that tell nothing."""

import numpy as np
import pytest

from utsushi.evaluation import (
    clustering,
    evaluate_features,
    linear_probe,
    neighbour_accuracy,
    trustworthiness_of,
)
from utsushi.exceptions import DataError

CENTRES = np.array([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]])


def blobs(n_rows, seed=0, spread=1.0):
    """Three far groups of codes, and their labels."""
    generator = np.random.default_rng(seed)
    y = generator.integers(3, size=n_rows)
    return CENTRES[y] + spread * generator.standard_normal((n_rows, 2)), y


@pytest.fixture(scope="module")
def separable():
    return *blobs(90, seed=0), *blobs(60, seed=1)


@pytest.mark.parametrize("name", [
    "linear_probe", "neighbours", "adjusted_rand_index", "normalized_mutual_information",
])  # fmt: skip
def test_codes_that_lie_apart_tell_the_class(separable, name):
    assert evaluate_features(*separable)[name].value == pytest.approx(1)


def test_labels_may_be_words(separable):
    codes, y, others, z = separable
    words = np.array(["ant", "bee", "cat"])
    assert evaluate_features(codes, words[y], others, words[z])["linear_probe"].value == 1


def test_codes_that_tell_nothing_are_right_by_chance(separable):
    _, y, _, z = separable
    generator = np.random.default_rng(2)
    noise, more = generator.standard_normal((90, 2)), generator.standard_normal((60, 2))
    found = evaluate_features(noise, y, more, z)
    # Three classes by chance: a third, four standard errors of 60 rows (0.061) allowed.
    assert abs(found["linear_probe"].value - 1 / 3) < 0.25
    assert abs(found["neighbours"].value - 1 / 3) < 0.25
    assert abs(found["adjusted_rand_index"].value) < 0.15


def test_a_dead_code_is_measured_without_a_warning(separable):
    _, y, _, z = separable
    found = evaluate_features(np.zeros((90, 2)), y, np.zeros((60, 2)), z)
    assert found["adjusted_rand_index"].value == 0
    assert found["linear_probe"].value < 0.6


def test_a_probe_needs_no_scaling_of_the_codes(separable):
    codes, y, others, z = separable
    factors = [1e-4, 1e4]
    assert linear_probe(codes * factors, y, others * factors, z).value == 1


def test_neighbours_look_at_the_codes_as_they_are():
    # The first column tells the class and is small, the second is noise and large.
    generator = np.random.default_rng(0)
    y = np.arange(100) % 2
    codes = np.column_stack([y, 1000 * generator.standard_normal(100)])
    assert neighbour_accuracy(codes, y, codes + 0.01, y).value < 0.9
    assert neighbour_accuracy(codes[:, :1], y, codes[:, :1], y).value == 1


def test_few_rows_have_as_many_neighbours_as_there_are():
    codes = np.array([[0.0], [0.0], [9.0]])
    assert neighbour_accuracy(codes, np.array([1, 1, 2]), codes, np.array([1, 1, 1])).value == 1


def test_the_error_of_an_accuracy_is_the_binomial_one():
    codes, y = np.array([[0.0], [1.0]]), np.array([0, 1])
    asked = np.repeat([[0.0], [1.0]], [80, 20], axis=0)
    found = neighbour_accuracy(np.repeat(codes, 5, axis=0), np.repeat(y, 5), asked, np.zeros(100))
    assert found.value == 0.8
    assert found.standard_error == pytest.approx((0.8 * 0.2 / 99) ** 0.5)


def test_the_error_of_a_clustering_index_is_its_scatter_over_other_rows(monkeypatch):
    monkeypatch.setattr("utsushi.evaluation.features.N_RESAMPLES", 20)
    # Groups that touch; each draw of rows is clustered anew.
    found = [clustering(*blobs(120, seed, spread=14.0), 3)[0] for seed in range(50)]
    scatter = np.std([estimate.value for estimate in found], ddof=1)
    # 50 values tell their scatter to 10 %; clusters that move with the rows add to it.
    said = np.mean([estimate.standard_error for estimate in found])
    assert 0.6 < said / scatter < 1.4


def test_a_clustering_is_decided_by_its_seed():
    codes, y = blobs(60, spread=14.0)
    assert clustering(codes, y, 3, random_state=1) == clustering(codes, y, 3, random_state=1)
    first, second = (clustering(codes, y, 3, random_state=seed)[0] for seed in (1, 2))
    assert first.standard_error != second.standard_error


@pytest.mark.parametrize("n_labels", [1, 101])
def test_labels_that_are_no_classes_are_refused(n_labels):
    codes, y = np.zeros((120, 1)), np.arange(120) % n_labels
    with pytest.raises(DataError, match=f"2 to 100 classes, got {n_labels}"):
        evaluate_features(codes, y, codes, y)


def test_a_map_that_keeps_all_distances_is_to_be_trusted():
    X = np.random.default_rng(0).random((40, 3))
    assert trustworthiness_of(X, -2 * X).value == pytest.approx(1)


def test_a_map_by_chance_is_half_to_be_trusted():
    generator = np.random.default_rng(0)
    found = trustworthiness_of(generator.random((1500, 3)), generator.random((1500, 2)))
    assert found.value == pytest.approx(0.5, abs=0.05)
    assert (found.n_rows, found.seed) == (1000, 0)


def test_trust_has_no_standard_error():
    X = np.random.default_rng(0).random((10, 3))
    assert trustworthiness_of(X, X).to_json()["standard_error"] is None
