"""masking: the encoder learns the posterior given a part of a sample; sparse counts."""

import numpy as np
import pytest
import scipy.sparse
import torch

from utsushi import Autoencoder, VariationalAutoencoder
from utsushi.objectives import ELBO
from utsushi.transforms.corruption import HideColumns


def test_columns_of_a_group_are_hidden_together_at_any_rate():
    hide = HideColumns(1.0, torch.tensor([0, 1, 1, 2]))
    seen = hide(torch.ones(20_000, 4), torch.Generator().manual_seed(0))
    assert (seen[:, 1] == seen[:, 2]).all()
    assert seen.mean(dim=0) == pytest.approx(np.full(4, 0.5), abs=0.02)
    # The rate is uniform, so each number of hidden groups is equally likely.
    counts = torch.bincount((seen[:, [0, 1, 3]] == 0).sum(dim=1)) / len(seen)
    assert counts == pytest.approx(np.full(4, 0.25), abs=0.02)
    assert len(HideColumns(0.25, hide.groups)(torch.ones(8, 4), torch.Generator())) == 2


def test_gaps_are_filled_by_the_conditional_mean():
    """Of a Gaussian the posterior given a part has a closed form."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(4000, 2))
    X = factors @ np.random.default_rng(1).normal(size=(2, 6)) + 0.3 * rng.normal(size=(4000, 6))
    train, test = X[:3500], X[3500:].copy()
    hidden = np.arange(6) < 3
    test_with_gaps = np.where(hidden, np.nan, test)
    S = np.cov(train.T)
    exact = test[:, 3:] @ np.linalg.solve(S[3:, 3:], S[3:, :3])
    errors = {}
    for masking in (0.0, 1.0):
        model = VariationalAutoencoder(
            2, missing="mask", objective=ELBO(masking=masking), max_epochs=60, random_state=0
        ).fit(train)
        filled = model.reconstruct(test_with_gaps)[:, :3]
        errors[masking] = np.sqrt(np.mean((filled - test[:, :3]) ** 2))
    best = np.sqrt(np.mean((exact - test[:, :3]) ** 2))
    assert errors[1.0] < 1.2 * best
    assert errors[0.0] > errors[1.0]


def test_sparse_matrices_are_what_dense_ones_are():
    rng = np.random.default_rng(0)
    dense = rng.poisson(0.3, (300, 20)).astype(float)
    for make in (scipy.sparse.csr_matrix, scipy.sparse.csc_array, scipy.sparse.coo_array):
        for model in (
            VariationalAutoencoder(2, likelihood="poisson", max_epochs=2, random_state=0),
            Autoencoder(2, max_epochs=2, random_state=0),
        ):
            one = model.fit(dense)
            codes, scores = one.transform(dense), one.score_samples(dense)
            other = model.fit(make(dense))
            np.testing.assert_array_equal(other.transform(make(dense)), codes)
            np.testing.assert_array_equal(other.score_samples(make(dense)), scores)


def test_counts_of_words_are_never_dense_as_a_whole(monkeypatch):
    matrix = scipy.sparse.random(5000, 8000, 0.0005, "csr", random_state=0)
    matrix.data = np.ceil(9 * matrix.data)
    largest = []
    dense = type(matrix).toarray

    def watched(self, *args, **kwargs):
        largest.append(self.shape[0])
        return dense(self, *args, **kwargs)

    monkeypatch.setattr(type(matrix), "toarray", watched)
    model = VariationalAutoencoder(
        2, likelihood="negative-binomial", hidden=(8,), max_epochs=1, random_state=0
    )
    assert np.isfinite(model.fit(matrix).transform(matrix[:100])).all()
    assert max(largest) <= 2100
