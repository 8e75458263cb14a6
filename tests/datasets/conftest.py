from collections.abc import Callable
from typing import Any

import pytest


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
