"""What all tests share."""

import os
from collections.abc import Callable
from typing import Any

import pytest

# scikit-learn's check of array API input runs only where SciPy was told so before its import.
os.environ.setdefault("SCIPY_ARRAY_API", "1")


@pytest.fixture
def refusal() -> Callable[..., str]:
    """Call a function that has to raise, and give its message, which has to be one line."""

    def call(error: type[Exception], function: Callable[..., Any], *args: Any, **kw: Any) -> str:
        with pytest.raises(error) as caught:
            function(*args, **kw)
        message = str(caught.value)
        assert "\n" not in message
        return message

    return call
