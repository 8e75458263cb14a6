"""The semi-supervised variational autoencoder: labels where there are some, classes for all."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from utsushi import SemiSupervisedVariationalAutoencoder, datasets, load
from utsushi.distributions import StandardNormal, UnitGaussian
from utsushi.distributions.posteriors import DiagonalGaussianPosterior
from utsushi.exceptions import DataError, SettingError
from utsushi.networks import Dense, initialize
from utsushi.networks.dense import dense_layers
from utsushi.objectives import Batch, VariationalObjective
from utsushi.objectives.semi_supervised import SemiSupervisedObjective

DIGITS = datasets.load_digits8x8()
X, Y = DIGITS.X_train, DIGITS.y_train
SETTINGS = {"n_components": 4, "hidden": (64,), "random_state": 0, "device": "cpu"}


def some_labels(n=60):
    y = np.full(len(Y), -1)
    y[:n] = Y[:n]
    return y


@pytest.fixture(scope="module")
def model():
    return SemiSupervisedVariationalAutoencoder(**SETTINGS).fit(X, some_labels())


def test_it_classifies_better_than_the_nearest_labelled_sample(model):
    nearest = KNeighborsClassifier(1).fit(X[:60], Y[:60]).score(DIGITS.X_test, DIGITS.y_test)
    assert (model.predict(DIGITS.X_test) == DIGITS.y_test).mean() > nearest - 0.02


def test_probabilities_add_up_and_name_the_class(model):
    found = model.predict_proba(DIGITS.X_test)
    assert found.shape == (360, 10)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    labels = model.classes_.labels[found.argmax(axis=1)]
    np.testing.assert_array_equal(labels, model.predict(DIGITS.X_test))


def test_without_labels_it_takes_those_that_it_predicts(model):
    some, labels = DIGITS.X_test[:20], model.predict(DIGITS.X_test[:20])
    np.testing.assert_array_equal(model.reconstruct(some), model.reconstruct(some, labels))
    np.testing.assert_array_equal(model.score_samples(some), model.score_samples(some, labels))


def test_a_code_without_a_class_is_decoded_into_the_mean_over_the_classes(model):
    codes = model.transform(DIGITS.X_test[:5])
    each = np.stack([model.inverse_transform(codes, label) for label in model.classes_.labels])
    expected = np.tensordot(model.classes_.shares, each, axes=1)
    found = model.inverse_transform(codes)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == codes.dtype


def test_it_draws_a_class(model):
    drawn = model.sample(100, y=3, random_state=0)
    assert (model.predict(drawn) == 3).mean() > 0.8


def test_strings_are_classes_too():
    names = np.array(["even", "odd"])[Y % 2].astype(object)
    names[100:] = -1
    model = SemiSupervisedVariationalAutoencoder(**SETTINGS, max_epochs=3).fit(X, names)
    assert set(model.predict(DIGITS.X_test)) <= {"even", "odd"}


def test_its_file_predicts_the_same(model, tmp_path):
    again = load(model.save(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(again.predict_proba(X[:50]), model.predict_proba(X[:50]))


def test_without_y_the_error_says_what_is_unknown():
    with pytest.raises(DataError, match="semi-supervised model needs y, with -1 for each sample"):
        SemiSupervisedVariationalAutoencoder(**SETTINGS).fit(X)


def test_no_label_at_all_is_an_error():
    with pytest.raises(DataError, match=r"y must have a class for some samples, got -1"):
        SemiSupervisedVariationalAutoencoder(**SETTINGS).fit(X, np.full(len(X), -1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"conditional": False}, "conditional must be True"),
        ({"objective": "beta-tc"}, "objective must be 'elbo'.*got 'beta-tc'"),
    ],
)
def test_what_does_not_go_with_it_is_refused(settings, message):
    with pytest.raises(SettingError, match=message):
        SemiSupervisedVariationalAutoencoder(**SETTINGS, **settings).fit(X, some_labels())


# --- the objective ------------------------------------------------------------------------------


def network(n_classes):
    module = Dense(hidden=(8,)).build(6, 2 + n_classes, 4)
    module = module.with_parts(
        posterior=DiagonalGaussianPosterior().build(2),
        prior=StandardNormal().build(6, 2),
        classifier=dense_layers([6, 8, n_classes]),
    )
    initialize(module, torch.Generator().manual_seed(0))
    return module


def terms(condition, **settings):
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(1))
    shares = torch.full((3,), 1 / 3).log()
    objective = SemiSupervisedObjective(UnitGaussian(), log_shares=shares, **settings)
    batch = Batch(x, condition)
    return objective(network(3), batch, torch.Generator().manual_seed(2)), batch


def test_with_all_labels_it_is_the_conditional_bound_and_a_cross_entropy():
    labels = torch.tensor([0, 2, 1, 1, 0])
    found, batch = terms(torch.nn.functional.one_hot(labels, 3).float(), classification=7.0)
    conditional = VariationalObjective(UnitGaussian())
    plain = conditional(network(3), batch, torch.Generator().manual_seed(2)).objective
    logits = network(3).classifier(batch.x)
    entropy = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    torch.testing.assert_close(found.objective, plain + 7 * entropy + np.log(3))


def test_without_labels_it_is_the_mean_over_the_classes_and_their_entropy():
    found, batch = terms(torch.zeros(5, 3))
    q = torch.softmax(network(3).classifier(batch.x), dim=-1)
    each = torch.stack(
        [-terms(torch.eye(3)[c].expand(5, -1), classification=0.0)[0].objective for c in range(3)],
        dim=1,
    )
    expected = (q * (each - q.log())).sum(dim=1)
    torch.testing.assert_close(found.objective, -expected)


def test_a_labelled_sample_counts_several_times():
    condition = torch.zeros(5, 3)
    condition[0, 1] = 1
    once, several = terms(condition)[0], terms(condition, labelled_weight=9.0)[0]
    torch.testing.assert_close(several.objective[0], 9 * once.objective[0])
    torch.testing.assert_close(several.objective[1:], once.objective[1:])
