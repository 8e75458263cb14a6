import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from utsushi._utils.validation import check_finite
from utsushi.exceptions import NonFiniteDataError


@given(
    hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=5),
    )
)
def test_it_raises_exactly_where_numpy_finds_a_value_that_is_not_finite(X):
    if np.isfinite(X).all():
        check_finite(X)
    else:
        with pytest.raises(NonFiniteDataError):
            check_finite(X)


def test_the_message_names_the_first_row_and_column_and_the_count(refusal):
    X = np.zeros((5, 20))
    X[3, 17], X[4, 2:6] = np.nan, np.inf
    message = refusal(NonFiniteDataError, check_finite, X)
    assert message.startswith("the data must be finite, got NaN at row 3, column 17 ")
    assert "5 such values" in message
    assert "Fill or drop" in message


def test_infinity_is_named_with_its_sign(refusal):
    assert "got -inf at row 0" in refusal(NonFiniteDataError, check_finite, np.array([[-np.inf]]))


def test_the_message_names_the_feature_where_it_has_a_name(refusal):
    X = np.array([[0.0, np.nan]])
    message = refusal(NonFiniteDataError, check_finite, X, "a.csv", ["age", "height"])
    assert message.startswith("a.csv must be finite, got NaN at row 0, column 1 'height'")


def test_finite_values_whose_sum_overflows_are_accepted():
    check_finite(np.full((10, 10), np.finfo(np.float32).max, dtype=np.float32))


def test_opposite_infinities_do_not_cancel():
    with pytest.raises(NonFiniteDataError):
        check_finite(np.array([[np.inf, -np.inf]]))


def test_the_position_is_right_beyond_the_first_block(monkeypatch, refusal):
    monkeypatch.setattr("utsushi._utils.lazy_rows.BLOCK_BYTES", 48)
    X = np.zeros((10, 3))
    X[7, 1] = X[9, 2] = np.nan
    message = refusal(NonFiniteDataError, check_finite, X)
    assert "row 7, column 1 (counting from 0; 2 such" in message


def test_integers_are_finite():
    check_finite(np.ones((2, 2), dtype=np.int64))
