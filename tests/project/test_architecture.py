"""The architecture of docs/design.md: which package imports which, and what is loaded when."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import utsushi

ROOT = Path(__file__).parents[2]


def loaded_by(code):
    """Return the top-level modules that a new Python process has loaded after ``code``."""
    script = f"import sys\n{code}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    return set(done.stdout.decode().rpartition("\n")[0].rpartition("\n")[2].split())


def test_the_import_contracts_are_kept():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_importing_the_package_loads_no_heavy_library():
    assert not loaded_by("import utsushi") & {"torch", "sklearn", "numpy", "typer", "pydantic"}


def test_a_page_of_text_is_rendered_without_a_heavy_library():
    assert not loaded_by("import utsushi.report") & {"torch", "sklearn", "numpy"}


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["train", "vae", "--help"],
        ["generate", "--help"],
        ["detect", "--help"],
        ["export", "--help"],
    ],
)
def test_a_help_page_loads_no_heavy_library(words):
    heavy = {"torch", "sklearn", "numpy", "matplotlib", "pyarrow"}
    assert not loaded_by(f"from utsushi.cli.main import run\nrun({words!r})") & heavy


def test_inference_does_not_load_the_compiler(tmp_path):
    model = tmp_path / "model.safetensors"
    X = [[0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [0.2, 0.9]]
    utsushi.Autoencoder(n_components=1, hidden=(4,), max_epochs=1, random_state=0).fit(X).save(
        model
    )
    code = (
        f"import utsushi\nutsushi.load({str(model)!r}).sample(2, random_state=0)\n"
        "sys.modules = {n.replace('torch._dynamo', 'compiler'): m for n, m in sys.modules.items()}"
    )
    assert "compiler" not in loaded_by(code)


@pytest.mark.parametrize("name", utsushi.__all__)
def test_every_public_name_exists_and_says_what_it_is(name):
    assert inspect.getdoc(getattr(utsushi, name))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="utsushi attribute Autoencodr"):
        utsushi.Autoencodr  # noqa: B018


def test_every_module_says_what_it_is():
    modules = pkgutil.walk_packages(utsushi.__path__, "utsushi.")
    assert [m.name for m in modules if not importlib.import_module(m.name).__doc__] == []
