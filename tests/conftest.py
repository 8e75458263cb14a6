"""What all tests share."""

import os
import re
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


@pytest.fixture
def captioned() -> Callable[[str], int]:
    """Count the embedded pictures of a report, each of which has to have a caption."""

    def count(html: str) -> int:
        picture = r'<figure>\n<div class="card"><img src="data:image/png;base64,'
        captions = re.findall(picture + r"[^>]*></div>\n<figcaption>(.*?)</figcaption>", html)
        assert all(captions)
        assert len(captions) == html.count("data:image/png;base64,")
        return len(captions)

    return count
