"""The documentation cannot drift: its code runs, and it knows every name and every command."""

import importlib.util
import inspect
import re
import shlex
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import typer.main

import utsushi
from utsushi import datasets
from utsushi.cli.main import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "README.ja.md", *sorted(DOCS.glob("*.md"))]
WITH_CODE = ["tour", "anomalies", "resume", "likelihoods", "priors", "evaluation", "defaults"]
WITH_CODE += ["own-network", "models", "discrete", "sparse", "pyod", "imputation", "tables"]
WITH_CODE += ["conditional", "components", "collapse-and-blur", "denoising", "gpu", "reproduce"]
WITH_CODE += ["pythae", "sdv"]  # and those of test_coming_from.py

#: Pages whose code begins in the middle: the lines stand in doctests and in tests of their subject.
FRAGMENTS = {"index", "page", "export", "data", "scale", "scale-inference", "tuning"}


def tool(name):
    """Import a script of ``tools``."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(page, language):
    """Return the fenced code of a page."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE
    )


# --- code -----------------------------------------------------------------------------------------


def is_executed(name):
    """Tell whether the site shows the outputs of a page, which test_executed.py runs as it is."""
    return (DOCS / f"{name}.md").read_text().startswith("<!-- executed -->\n")


@pytest.mark.parametrize("name", [name for name in WITH_CODE if not is_executed(name)])
def test_the_code_of_a_page_runs(name, tmp_path, monkeypatch, capsys):
    whole = datasets.load_mnist20k()
    few = datasets.Dataset(
        "few", whole.X_train[:300], whole.X_test[:100], whole.y_train[:300], whole.y_test[:100]
    )
    monkeypatch.setattr(datasets, "load_mnist20k", lambda: few)
    monkeypatch.chdir(tmp_path)
    code = "\n".join(blocks(DOCS / f"{name}.md", "python"))
    exec(re.sub(r"max_epochs=\d+", "max_epochs=2", code), {})
    capsys.readouterr()


def test_every_page_with_code_is_run_or_is_known_to_show_fragments():
    with_code = {page.stem for page in DOCS.glob("*.md") if blocks(page, "python")}
    assert with_code - set(WITH_CODE) - {"pca", "pytorch"} <= FRAGMENTS


def test_the_page_on_installing_names_every_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    written = re.findall(r"^\| `(\w+)`", (DOCS / "install.md").read_text(), re.MULTILINE)
    assert set(written) == set(project["optional-dependencies"])


#: Pages that end with a list of pages, are written elsewhere, or are in the index alone.
WITHOUT_NEXT = {"index", "tour", "changelog", "contributing", "anomalies", "reliability"}


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.stem)
def test_every_page_ends_with_a_next_step(page):
    last = page.read_text().rstrip().rpartition("\n\n")[2]
    assert page.stem in WITHOUT_NEXT or re.match(r"\*\*Next:\*\* .*\]\(", last, re.DOTALL)


# --- commands -------------------------------------------------------------------------------------


def program():
    return typer.main.get_command(app)


def command_of(words):
    """Return the command that words of a line mean, and the rest of the words."""
    command, rest = program(), list(words)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    return command, rest


def whole_lines(page):
    """Return the text of a page, lines that go on after a backslash in one piece."""
    return re.sub(r" \\\n *", " ", page.read_text())


def lines_with_commands(page):
    """Return the lines of a page that a reader would type."""
    return re.findall(
        r"^(?:    |\| .*?`)?(utsushi [a-z][^`\n#]*?)(?: {2,}#.*|`.*)?$", whole_lines(page), re.M
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_of_a_command_line_exists(page):
    for line in lines_with_commands(page):
        if page.name == "cli.md":
            continue
        command, rest = command_of(shlex.split(line)[1:])
        known = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in rest if re.match(r"--?[a-z]", word)} <= known, line


def test_the_reference_of_the_command_line_is_what_the_program_says():
    written = (DOCS / "cli.md").read_text()
    assert written == tool("make_cli_reference").page(), "run python tools/make_cli_reference.py"


def all_commands(command=None, words="utsushi"):
    command = command or program()
    yield words, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from all_commands(inner, f"{words} {name}")


@pytest.mark.parametrize(
    ("words", "command"), list(all_commands()), ids=lambda x: x if isinstance(x, str) else ""
)
def test_every_command_is_documented_and_says_what_it_does(words, command):
    assert f"## `{words}`\n" in (DOCS / "cli.md").read_text()
    assert command.help
    assert [p.name for p in command.params if not getattr(p, "help", None)] == []


# --- names ----------------------------------------------------------------------------------------


REFERENCE = "\n".join(page.read_text() for page in sorted((DOCS / "reference").glob("*.md")))


@pytest.mark.parametrize("name", utsushi.__all__)
def test_every_public_name_is_in_the_reference(name):
    kind = "automodule" if inspect.ismodule(getattr(utsushi, name)) else "auto(?:class|function)"
    assert re.search(rf"^\.\. {kind}:: utsushi\.{name}$", REFERENCE, re.MULTILINE), (
        f"utsushi.{name} is in no page of docs/reference: add '.. auto…:: utsushi.{name}' to one"
    )


def documented_modules():
    return re.findall(r"^\.\. automodule:: (\S+)$", REFERENCE, re.MULTILINE)


@pytest.mark.parametrize("module", documented_modules())
def test_every_name_of_a_module_in_the_reference_says_what_it_is(module):
    """Sphinx leaves out names without a docstring; constants have a comment that begins ``#:``."""
    found = import_module(module)
    sources = "\n".join(path.read_text() for path in Path(found.__file__).parent.rglob("*.py"))
    for name in found.__all__:
        value = getattr(found, name)
        if inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value):
            assert inspect.getdoc(value), f"{module}.{name}"
        else:
            assert re.search(rf"^(?:#:.*\n)+{name}\b.*=", sources, re.MULTILINE), f"{module}.{name}"


PARTS = ["networks", "objectives", "distributions", "distributions.likelihoods", "samplers"]


def with_parameters():
    """Return the public classes that have scikit-learn's parameters."""
    modules = [utsushi, *(import_module(f"utsushi.{name}") for name in PARTS)]
    public = {name: getattr(module, name) for module in modules for name in module.__all__}
    return [value for value in public.values() if hasattr(value, "_parameter_constraints")]


@pytest.mark.parametrize("cls", with_parameters(), ids=lambda cls: cls.__name__)
def test_every_parameter_of_a_class_is_documented_by_itself(cls):
    if not inspect.signature(cls).parameters:
        return
    doc = inspect.getdoc(cls)
    section = re.search(
        r"^Parameters\n-+\n(.*?)\n\n(?=[A-Z]\w+\n-+)",
        doc + "\n\nEnd\n---",
        re.DOTALL | re.MULTILINE,
    )
    entries = re.findall(r"^(\w[\w, ]*?)(?: :|$)", section[1], re.MULTILINE)
    documented = {parameter for entry in entries for parameter in entry.split(", ")}
    assert documented == set(inspect.signature(cls).parameters)
