"""scikit-learn's own checks, whole, and the ones that its suite leaves out."""

import pytest
from sklearn.utils import estimator_checks as checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from utsushi import (
    AnomalyDetector,
    Autoencoder,
    AutoencoderImputer,
    DenoisingAutoencoder,
    Recipe,
    SemiSupervisedVariationalAutoencoder,
    SparseAutoencoder,
    TableAutoencoder,
    VariationalAutoencoder,
    VectorQuantizedAutoencoder,
)
from utsushi.estimators.anomaly_scores import SCORES
from utsushi.networks import TopK, VectorQuantization
from utsushi.samplers import Autoregressive

# Two components: several checks have data of two or three columns, and more components than
# columns is a warning, which is an error here. Small and short: the checks are about manners.
SMALL = {"n_components": 2, "hidden": (16,), "max_epochs": 3}
TRANSFORMERS = [
    Autoencoder(**SMALL),
    DenoisingAutoencoder(**SMALL),
    VariationalAutoencoder(**SMALL),
    SemiSupervisedVariationalAutoencoder(**SMALL),
    VectorQuantizedAutoencoder(
        **SMALL,
        sampler=Autoregressive(n_blocks=1, width=8, recipe=Recipe(max_epochs=1, min_steps=1)),
        bottleneck=VectorQuantization(8, group_size=1),
    ),
    SparseAutoencoder(3, sparsity=TopK(1), max_epochs=3, sparse_output=False),
    TableAutoencoder(2, hidden=(16,), max_epochs=3),
    AutoencoderImputer(n_models=1, max_epochs=3),
]
#: A frame has no sparse columns.
SPARSE = [SparseAutoencoder(3, sparsity=TopK(1), max_epochs=3)]
DETECTORS = [
    AnomalyDetector(),
    AnomalyDetector(contamination=0.1),
    AnomalyDetector(Autoencoder(**SMALL, random_state=0)),
    AnomalyDetector(VariationalAutoencoder(**SMALL, random_state=0)),
    *(
        AnomalyDetector(VariationalAutoencoder(**SMALL, random_state=0), scoring=score)
        for score in SCORES
        if score != "auto"
    ),
]


@parametrize_with_checks(TRANSFORMERS + SPARSE + DETECTORS)
def test_scikit_learns_conformance_checks_pass_whole(estimator, check):
    check(estimator)


def check_name(check):
    return check.__name__


def class_name(estimator):
    return type(estimator).__name__


# Some of these fit on a frame and transform its array, to see that it works; scikit-learn warns.
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.filterwarnings("ignore:X has feature names, but:UserWarning")
@pytest.mark.parametrize("estimator", TRANSFORMERS, ids=class_name)
@pytest.mark.parametrize(
    "check",
    [
        checks.check_transformer_get_feature_names_out,
        checks.check_transformer_get_feature_names_out_pandas,
        checks.check_set_output_transform,
        checks.check_set_output_transform_pandas,
        checks.check_set_output_transform_polars,
        checks.check_global_output_transform_pandas,
        checks.check_global_set_output_transform_polars,
    ],
    ids=check_name,
)
def test_the_transformers_checks_that_the_suite_leaves_out_pass_too(estimator, check):
    check(type(estimator).__name__, estimator)


@pytest.mark.parametrize("estimator", TRANSFORMERS + DETECTORS, ids=class_name)
@pytest.mark.parametrize(
    "check",
    [checks.check_param_validation, checks.check_dataframe_column_names_consistency],
    ids=check_name,
)
def test_the_other_checks_that_the_suite_leaves_out_pass_too(estimator, check):
    check(type(estimator).__name__, estimator)
