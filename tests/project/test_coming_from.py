"""The pages for users of PCA and of PyTorch: both sides run, and agree."""

import contextlib
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def namespace_of(name):
    """Run the code of a page, and return its variables."""
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", (DOCS / name).read_text(), re.S | re.M))
    variables = {}
    with contextlib.redirect_stdout(None):
        exec(code, variables)
    return variables


def test_linear_models_are_pca():
    found = namespace_of("pca.md")
    assert found["linear_error"] == pytest.approx(found["pca_error"], rel=0.01)
    assert found["log_likelihood"] == pytest.approx(found["pca_score"], abs=0.2)
    assert found["error"] < 0.6 * found["pca_error"]


def test_the_loop_and_the_library_train_the_same_model():
    found = namespace_of("pytorch.md")
    assert found["difference"] < 1e-5
    assert found["error"] == pytest.approx(found["loop_error"], rel=0.15)
