"""scikit-learn's own checks, whole, and the ones that its suite leaves out."""

import pytest
from sklearn.utils import estimator_checks as checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from utsushi import Autoencoder, DenoisingAutoencoder, VariationalAutoencoder

# Two components: several checks have data of two or three columns, and more components than
# columns is a warning, which is an error here. Small and short: the checks are about manners.
SMALL = {"n_components": 2, "hidden": (16,), "max_epochs": 3}
ESTIMATORS = [
    Autoencoder(**SMALL),
    DenoisingAutoencoder(**SMALL),
    VariationalAutoencoder(**SMALL),
]


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learns_conformance_checks_pass_whole(estimator, check):
    check(estimator)


# Some of these fit on a frame and transform its array, to see that it works; scikit-learn warns.
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.filterwarnings("ignore:X has feature names, but:UserWarning")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
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
        checks.check_param_validation,
        checks.check_dataframe_column_names_consistency,
    ],
    ids=lambda check: check.__name__,
)
def test_the_checks_that_the_suite_leaves_out_pass_too(estimator, check):
    check(type(estimator).__name__, estimator)
