"""The blob of numbers: what goes in comes out, at the places that the references say."""

import numpy as np
import pytest

from utsushi.exceptions import SettingError
from utsushi.report import tensors
from utsushi.report.tensors import Blob, holds_in_half

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "uint16"])
def test_a_tensor_comes_back_by_its_reference(read, dtype):
    blob = Blob()
    given = [RNG.integers(0, 200, shape).astype(dtype) for shape in ((3,), (2, 5), (1, 2, 3))]
    references = [blob.add(array, dtype) for array in given]
    encoded = blob.encoded()
    for array, reference in zip(given, references, strict=True):
        found = read(encoded, reference)
        np.testing.assert_array_equal(found, array)
        assert found.dtype == dtype


def test_every_tensor_starts_at_a_multiple_of_four_bytes():
    blob = Blob()
    references = [blob.add(np.ones(size), "uint8") for size in (1, 2, 3, 4, 5)]
    assert [reference["offset"] % 4 for reference in references] == [0] * 5


def test_a_transposed_array_is_stored_in_c_order(read):
    blob = Blob()
    array = np.arange(6.0).reshape(2, 3).T
    reference = blob.add(array, "float32")
    np.testing.assert_array_equal(read(blob.encoded(), reference), array)


def test_the_same_tensors_make_the_same_blob():
    first, second = Blob(), Blob()
    for blob in (first, second):
        blob.add(np.arange(100), "float32")
    assert first.encoded() == second.encoded()


@pytest.mark.parametrize(
    ("values", "holds"),
    [([0.1, -3.0], True), ([0.0], True), ([70000.0], False), ([1e-6], False), ([], True)],
)
def test_half_is_for_numbers_of_its_range(values, holds):
    assert holds_in_half(np.array(values)) is holds


@pytest.mark.parametrize(("size", "scale"), [(2**16, 1.0), (2**16 + 1, 1e-6)])
def test_few_weights_and_those_beyond_half_keep_their_digits(read, size, scale):
    blob, weights = Blob(), (scale * RNG.random(size)).astype(np.float32)
    reference = blob.add_rounded(weights)
    np.testing.assert_array_equal(read(blob.encoded(), reference), weights)


def test_many_weights_are_halves(read):
    blob, weights = Blob(), RNG.random((300, 300)).astype(np.float32)
    reference = blob.add_rounded(weights)
    found = read(blob.encoded(), reference)
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, weights, rtol=2**-11, atol=2**-25)


def test_a_page_that_no_browser_opens_is_refused(refusal, monkeypatch):
    monkeypatch.setattr(tensors, "MOST_BYTES", 2**20)
    message = refusal(SettingError, Blob().add, np.zeros(2**18 + 1), "float32")
    assert "must hold at most 1 MB" in message
    assert "got 1 MB." in message
