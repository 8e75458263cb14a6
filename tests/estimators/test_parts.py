"""Every part of every kind works with all that a model does: the contract of a new member."""

import json
import re

import numpy as np
import pytest
import torch

from utsushi import (
    Autoencoder,
    DenoisingAutoencoder,
    Recipe,
    SemiSupervisedVariationalAutoencoder,
    VariationalAutoencoder,
    datasets,
    load,
    report,
)
from utsushi.distributions import (
    LIKELIHOODS,
    POSTERIORS,
    PRIORS,
    HierarchicalPrior,
    Mixed,
    VampPrior,
)
from utsushi.exceptions import SettingError
from utsushi.integrations import onnx
from utsushi.networks import BOTTLENECKS, Conv, ResNet, VectorQuantization
from utsushi.objectives import OBJECTIVES, PENALTIES
from utsushi.samplers import SAMPLERS

DIGITS = datasets.load_digits8x8()
TRAIN, TEST = DIGITS.X_train[:300], DIGITS.X_test[:40]
SMALL = {"n_components": 4, "hidden": (32,), "max_epochs": 3, "random_state": 0, "device": "cpu"}
CONV = {"network": Conv((4,)), "image_shape": (8, 8)}
WIDE = np.tile(TRAIN, 3), np.tile(TEST, 3)  # wide enough for a subspace

#: A likelihood of columns of several kinds.
MIXED = Mixed(
    [
        *[("gaussian", 1)] * 20,
        *[("poisson", 1)] * 20,
        *[("negative-binomial", 1)] * 12,
        *[("zero-inflated", 1)] * 10,
        *[("input", 1)] * 2,
    ]
)

#: Each member of each kind, as what a user writes.
MEMBERS = {
    **{f"bottleneck {n}": (Autoencoder, {"bottleneck": n}) for n in BOTTLENECKS},
    **{f"noisy {n}": (DenoisingAutoencoder, {"bottleneck": n}) for n in BOTTLENECKS},
    **{f"penalty {n}": (Autoencoder, {"penalty": n}) for n in PENALTIES},
    **{
        f"objective {n}": (VariationalAutoencoder, {"objective": n, "image_shape": (8, 8)})
        for n in OBJECTIVES
    },
    **{f"prior {n}": (VariationalAutoencoder, {"prior": n}) for n in PRIORS},
    **{f"posterior {n}": (VariationalAutoencoder, {"posterior": n}) for n in POSTERIORS},
    **{
        f"likelihood {n}": (VariationalAutoencoder, {"likelihood": MIXED if n == "mixed" else n})
        for n in LIKELIHOODS
    },
    **{
        f"sampler {n}": (VariationalAutoencoder, {"sampler": n})
        for n in SAMPLERS
        if n != "autoregressive"  # of discrete codes: see test_discrete.py
    },
    "prior vamp, conditional": (VariationalAutoencoder, {"prior": "vamp", "conditional": True}),
    "prior vamp, K = 5": (
        VariationalAutoencoder,
        {"prior": "vamp", "objective": "importance-weighted"},
    ),
    "prior vamp, conv": (VariationalAutoencoder, {"prior": "vamp", **CONV}),
    "bottleneck conv": (Autoencoder, {"bottleneck": "vector-quantization", **CONV}),
    "network resnet": (Autoencoder, {"network": ResNet((4,)), "image_shape": (8, 8)}),
    "layers": (VariationalAutoencoder, {"prior": "hierarchical", "posterior": "hierarchical"}),
    "layers, vamp": (
        VariationalAutoencoder,
        {"prior": HierarchicalPrior(first="vamp"), "posterior": "hierarchical"},
    ),
    "flows": (
        VariationalAutoencoder,
        {"prior": "flow", "posterior": "inverse-autoregressive-flow", "conditional": True},
    ),
    "semi-supervised": (SemiSupervisedVariationalAutoencoder, {}),
}

pytestmark = pytest.mark.filterwarnings("ignore::utsushi.exceptions.UtsushiWarning")


def suitable(likelihood, X):
    """Return digits as a likelihood takes them: as they are, zeros and ones, or counts."""
    if likelihood == "bernoulli":
        return (X > 0.5).astype(np.float32)
    is_count = likelihood in ("poisson", "negative-binomial", "zero-inflated", MIXED)
    return np.rint(16 * X) if is_count else X


def fitted(name, X=TRAIN, **settings):
    cls, own = MEMBERS[name]
    likelihood = own.get("likelihood", "")
    if str(likelihood).endswith("bernoulli"):
        settings |= {"scaling": None}
    model = cls(**{**SMALL, **own, **settings})
    return model.fit(suitable(likelihood, X), DIGITS.y_train[: len(X)])


def rows_for(model):
    return suitable(getattr(model, "likelihood", None), TEST)


def said(model, X):
    y = (DIGITS.y_test[: len(X)],) if getattr(model, "conditional", False) else ()
    return [
        model.transform(X),
        model.reconstruct(X, *y),
        model.score_samples(X, *y),
        model.sample(5, random_state=1),
    ]


@pytest.fixture(scope="module", params=MEMBERS)
def model(request):
    return fitted(request.param)


def test_what_it_says_is_finite_and_of_the_right_shape(model):
    X = rows_for(model)
    for found, shape in zip(said(model, X), [(40, 4), (40, 64), (40,), (5, 64)], strict=True):
        assert found.shape == shape
        assert np.isfinite(found).all()


def test_its_file_says_the_same(model, tmp_path):
    X = rows_for(model)
    again = load(model.save(tmp_path / "model.safetensors"))
    for one, other in zip(said(model, X), said(again, X), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_sample_does_not_depend_on_its_neighbours(model):
    X = rows_for(model)
    y = (DIGITS.y_test[:40],) if getattr(model, "conditional", False) else ()
    some = tuple(labels[7:9] for labels in y)
    np.testing.assert_array_equal(
        model.score_samples(X, *y)[7:9], model.score_samples(X[7:9], *some)
    )


def test_its_torch_module_computes_the_same(model):
    if getattr(model, "conditional", False):
        pytest.skip("takes classes; see test_to_torch.py")
    X = rows_for(model)
    if not getattr(model, "posterior", None) or model.chosen("posterior").gives_mean:
        module = model.to_torch()
    else:
        with pytest.raises(SettingError, match="posterior must be one whose mean"):
            model.to_torch()
        return
    with torch.no_grad():
        codes = module.encoder(torch.from_numpy(X)).numpy()
        copies = module(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(codes, model.transform(X), atol=1e-5)
    np.testing.assert_allclose(copies, model.reconstruct(X), atol=1e-5, rtol=1e-5)


#: The part that a page cannot run, so that it shows what the model computed; it runs all others.
STILL_ON_A_PAGE = {
    "network resnet": ("network", "ResidualBlock"),
    "prior flow": ("prior", "FlowPrior"),
    "prior hierarchical": ("prior", "HierarchicalPrior"),
    "posterior full-covariance": ("posterior", "FullCovariancePosterior"),
    "posterior inverse-autoregressive-flow": ("posterior", "InverseAutoregressiveFlowPosterior"),
    "posterior hierarchical": ("posterior", "HierarchicalPosterior"),
    "layers": ("posterior", "HierarchicalPosterior"),
    "layers, vamp": ("posterior", "HierarchicalPosterior"),
    "flows": ("posterior", "InverseAutoregressiveFlowPosterior"),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_a_page_runs_it_or_says_what_it_shows_instead(name):
    model = fitted(name, max_epochs=1)
    text = str(report.to_html(model, rows_for(model), DIGITS.y_test[:40]))
    (header,) = re.findall(r'id="utsushi-header">(.*?)</script>', text, re.DOTALL)
    still = json.loads(header)["models"][0]["still"]
    expected = STILL_ON_A_PAGE.get(name)
    assert (still and (still["part"], still["name"])) == expected


@pytest.mark.parametrize("name", ["prior vamp", "bottleneck vector-quantization", "network resnet"])
def test_its_onnx_graph_computes_the_same(name):
    runtime = pytest.importorskip("onnxruntime")
    model = fitted(name)
    session = runtime.InferenceSession(onnx.to_onnx(model), providers=["CPUExecutionProvider"])
    codes, copies = session.run(list(onnx.OUTPUTS), {onnx.INPUTS[0]: TEST})
    np.testing.assert_allclose(codes, model.transform(TEST), atol=1e-4)
    np.testing.assert_allclose(copies, model.reconstruct(TEST), atol=1e-4)


@pytest.mark.parametrize("name", MEMBERS)
def test_it_trains_in_bfloat16(name):
    model = fitted(name, recipe=Recipe(precision="bfloat16"), max_epochs=1)
    assert np.isfinite(model.score_samples(rows_for(model), *_classes(model))).all()


def _classes(model):
    return (DIGITS.y_test[:40],) if getattr(model, "conditional", False) else ()


RESUMED = [
    "prior vamp",
    "bottleneck vector-quantization",
    "penalty adversarial",
    "objective factor",
    "objective partially-importance-weighted",
    "flows",
    "layers",
    "semi-supervised",
]


@pytest.mark.parametrize("name", RESUMED)
def test_a_training_that_was_stopped_goes_on_bit_for_bit(name, tmp_path):
    def stop(_, row):
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    cls, own = MEMBERS[name]
    whole, y = fitted(name), DIGITS.y_train[:300]
    with pytest.raises(KeyboardInterrupt):
        cls(**SMALL, **own).fit(TRAIN, y, checkpoint_dir=tmp_path, on_epoch=stop)
    resumed = cls(**SMALL, **own).fit(TRAIN, y, checkpoint_dir=tmp_path)
    for one, other in zip(said(whole, TEST), said(resumed, TEST), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["prior vamp", "bottleneck vector-quantization"])
def test_wide_rows_train_with_all_parts(name):
    cls, own = MEMBERS[name]
    model = cls(**{**SMALL, "max_epochs": 60}, **own).fit(WIDE[0])
    assert np.square(model.reconstruct(WIDE[1]) - WIDE[1]).mean() < WIDE[1].var(axis=0).mean()


@pytest.mark.parametrize("prior", PRIORS)
def test_the_divergence_of_the_training_samples_is_the_trainings_own(prior):
    settings = {**SMALL, "max_epochs": 40}
    model = VariationalAutoencoder(**settings, prior=prior).fit(TRAIN)
    found = model.divergence(TRAIN).sum(axis=1)
    error = found.std() / len(found) ** 0.5
    # The history's is the mean over the last epoch, while the parameters still moved a little.
    assert abs(found.mean() - model.history_[-1]["kl"]) < 3 * error + 0.05


def test_the_importance_bound_of_a_vamp_prior_is_above_its_evidence_bound():
    model = fitted("prior vamp", max_epochs=20)
    assert model.log_likelihood(TEST).mean() > model.score_samples(TEST).mean()


def test_samples_of_a_learned_prior_are_drawn_from_it():
    model = fitted("prior vamp", max_epochs=20, sampler="prior")
    codes = model.module_.prior.sample(5, model.module_.posterior_of, np.random.default_rng(0))
    assert codes.shape == (5, 4)
    of_prior, of_normal = (
        model.set_params(sampler=name).fit_sampler(TRAIN).sample(200, random_state=0)
        for name in ("prior", "gaussian")
    )
    assert not np.allclose(of_prior, of_normal)
    # They look like data to the model itself, as much as its copies do.
    assert model.score_samples(of_prior).mean() > model.score_samples(TEST).mean()


def test_quantized_codes_are_of_the_codebook():
    model = Autoencoder(**SMALL, bottleneck=VectorQuantization(8, group_size=2)).fit(TRAIN)
    codebook = model.module_.bottleneck.codebook.detach().numpy()
    groups = model.transform(TEST).reshape(-1, 2)
    nearest = np.abs(groups[:, None] - codebook).sum(axis=2).min(axis=1)
    assert nearest.max() < 1e-6


def test_a_codebook_that_does_not_fit_is_refused_before_the_training():
    with pytest.raises(SettingError, match="group_size must divide n_components=4, got 3"):
        Autoencoder(**SMALL, bottleneck=VectorQuantization(group_size=3)).fit(TRAIN)


def test_a_parameter_of_a_part_is_within_reach():
    model = VariationalAutoencoder(prior=VampPrior()).set_params(prior__n_pseudo_inputs=7)
    assert model.prior.n_pseudo_inputs == 7
