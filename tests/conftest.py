"""What all tests share."""

import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
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


@pytest.fixture(scope="session")
def execution() -> ModuleType:
    """The module of the site's extensions that runs the code of its pages."""
    path = Path(__file__).parents[1] / "docs" / "_ext" / "execution.py"
    spec = importlib.util.spec_from_file_location("execution", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["execution"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def kernel(execution: ModuleType) -> Iterator[Any]:
    """The kernel of all pages; it starts at the first page without outputs."""
    with execution.Kernel() as started:
        yield started
