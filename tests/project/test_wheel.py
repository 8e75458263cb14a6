"""What users install: the wheel, and of other packages only those that it declares.

The environment is empty but for links to the declared dependencies and theirs, found by walking the
metadata; no package of the development extras is among them, unless it is one of theirs too. With
``UTSUSHI_SOAK=1`` (``make wheel-test``) pip installs all of it from its sources instead.
"""

import os
import re
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution
from importlib.metadata import version as version_of
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import utsushi

ROOT = Path(__file__).parents[2]
SOAK = os.environ.get("UTSUSHI_SOAK") == "1"

#: One process for all tests of this file: the environment is made once.
pytestmark = pytest.mark.xdist_group("wheel")


def run(*words, cwd=None):
    """Run a program without what this process was told of Python's paths."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = list(map(str, words))
    return subprocess.run(command, cwd=cwd, env=kept, check=True, capture_output=True, text=True)


def requirements_of(name, extra=""):
    """Return the names of what a distribution asks for here, without an extra or with one."""
    asked = [Requirement(line) for line in distribution(name).requires or []]
    return {r for r in asked if r.marker is None or r.marker.evaluate({"extra": extra})}


def closure_of(names):
    """Return distributions with all that they ask for, and that asks for."""
    found, waiting = set(), [(canonicalize_name(name), frozenset()) for name in names]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in found:
            continue
        found.add((name, extras))
        asked = requirements_of(name).union(*(requirements_of(name, e) for e in extras))
        waiting += [(canonicalize_name(r.name), frozenset(r.extras)) for r in asked]
    return {name for name, _ in found}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = ["-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    run(sys.executable, *build, cwd=ROOT)
    (path,) = folder.glob("*.whl")
    return path


def asked_for_by(wheel):
    """Return what the wheel's own metadata ask for, without extras."""
    with zipfile.ZipFile(wheel) as content:
        (name,) = [n for n in content.namelist() if n.endswith(".dist-info/METADATA")]
        lines = re.findall(r"^Requires-Dist: (.*)$", content.read(name).decode(), re.MULTILINE)
    asked = map(Requirement, lines)
    return {r.name for r in asked if r.marker is None or r.marker.evaluate({"extra": ""})}


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """The interpreter of an environment with the wheel and what it asks for."""
    if sys.platform == "win32":
        pytest.skip("the environment is made of symbolic links")
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=SOAK, symlinks=True)
    interpreter = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", interpreter, "install", "--quiet"]
    if SOAK:
        torch = f"torch=={version_of('torch')}"
        run(*pip, "--constraint", ROOT / "constraints.txt", torch, wheel)
    else:
        run(*pip, "--no-deps", "--no-index", "--disable-pip-version-check", wheel)
        link_distributions(closure_of(asked_for_by(wheel)), next(home.glob("lib/*/site-packages")))
    return interpreter


def link_distributions(names, site):
    """Make the files of installed distributions importable from ``site``, and no others."""
    for name in names:
        found = distribution(name)
        tops = {file.parts[0] for file in found.files} - {"..", "__pycache__"}
        for top in tops:
            link = site / top
            if not link.exists():
                link.symlink_to(found.locate_file(top))


def test_the_readmes_example_runs_with_the_wheel_alone(python, tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    shorter = example.replace("n_components=10,", "n_components=10, max_epochs=1,")
    proof = """
import utsushi
assert "site-packages" in utsushi.__file__, utsushi.__file__
assert codes.shape == (4000, 10) and images.shape == (4000, 784) and new.shape == (50, 784)
assert load("digits.safetensors").n_components == 10
"""
    run(python, "-W", "error", "-c", shorter + proof, cwd=tmp_path)


def test_the_program_of_the_wheel_says_its_version(python, tmp_path):
    program = python.with_name("utsushi")
    assert run(program, "--version", cwd=tmp_path).stdout.strip() == utsushi.__version__


def test_the_environment_has_no_development_tool(python):
    """If this fails, the tests above prove less than they say."""
    tools = ["pytest", "hypothesis", "ruff", "mypy", "importlinter", "playwright", "pandas"]
    tools += ["polars", "torchmetrics", "zuko", "sphinx", "hatchling"]
    look = f"from importlib.util import find_spec; print([t for t in {tools} if find_spec(t)])"
    assert run(python, "-c", look).stdout.strip() == "[]"


def test_the_wheel_holds_the_library_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
    assert {name.split("/")[0] for name in names} == {
        "utsushi",
        f"utsushi-{utsushi.__version__}.dist-info",
    }
    source = ROOT / "src"
    wanted = [p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()]
    wanted = {name for name in wanted if "__pycache__" not in name and ".egg-info" not in name}
    assert wanted <= set(names)


@pytest.mark.parametrize("licence", ["LICENSE", "ATTRIBUTION.md"])
def test_the_wheel_carries_its_licences(wheel, licence):
    with zipfile.ZipFile(wheel) as content:
        assert any("/licenses/" in n and n.endswith(licence) for n in content.namelist())


def test_all_places_give_the_same_version():
    citation = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    project = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    changes = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert {citation[1], project[1], changes[1]} == {utsushi.__version__}
