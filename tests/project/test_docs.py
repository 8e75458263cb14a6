"""What the documents say is so."""

import re
import runpy
import shutil
import subprocess
from importlib.metadata import metadata
from pathlib import Path

import pytest

from utsushi.cli.main import run

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "README.ja.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
READMES = DOCUMENTS[:2]


def example_of(readme):
    """Return the Python example without its comments, which are in the README's language."""
    (code,) = re.findall(r"```python\n(.*?)```", readme.read_text(), flags=re.DOTALL)
    return re.sub(r"\s*#.*", "", code)


# That the example runs is shown in test_wheel.py, with the wheel alone.
def test_both_readmes_show_the_same_example():
    assert example_of(READMES[0]) == example_of(READMES[1])


def test_both_readmes_give_the_same_commands_numbers_and_links():
    def facts(readme):
        text = readme.read_text().replace(".ja.svg", ".en.svg").replace("README.ja.md", "README.md")
        return [
            sorted(re.findall(r"`((?:utsushi|python) [^`]+)`", text)),
            sorted(re.findall(r"\d\.\d{2,}", text)),
            sorted(re.findall(r"\]\(([^)#][^)]*)\)", text)),  # headings are in their language
        ]

    assert facts(READMES[0]) == facts(READMES[1])


@pytest.mark.parametrize("readme", READMES, ids=lambda p: p.name)
def test_a_readme_names_the_two_commands(readme):
    commands = re.findall(r"^    (make \w+)", readme.read_text(), flags=re.MULTILINE)
    assert commands[:2] == ["make lecture", "make test"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_every_command_of_a_document_has_a_help_page(document, capsys):
    for words in re.findall(r"`utsushi ([a-z ]+)", document.read_text()):
        command = [w for w in words.split() if w.isalpha()]
        assert run([*command, "--help"]) == 0, words
    capsys.readouterr()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_every_file_that_a_document_names_is_there(document):
    text = document.read_text()
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    scripts = re.findall(r"python ((?:benchmarks|tools)/[\w/]+\.py)", text)
    missing = [name for name in linked if not (document.parent / name).exists()]
    missing += [name for name in scripts if not (ROOT / name).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_every_test_that_a_document_names_is_there(document):
    named = re.findall(r"([\w/]*test_\w+\.py)(?:::(\w+))?", document.read_text())
    assert [name for name in named if not is_a_test(*name)] == []


def is_a_test(file, name):
    """Tell whether a test file of this path's end exists, and defines the name if there is one."""
    files = (ROOT / "tests").rglob(Path(file).name)
    texts = [f.read_text() for f in files if f"/{f.relative_to(ROOT)}".endswith(f"/{file}")]
    return any(not name or re.search(rf"^def {name}\(", text, re.MULTILINE) for text in texts)


@pytest.mark.parametrize(
    ("folder", "document"), [("quality", "quality-record.md"), ("speed", "performance-record.md")]
)
def test_a_page_of_figures_is_what_its_results_render_to(folder, document):
    render = runpy.run_path(str(ROOT / "benchmarks" / folder / "render.py"))
    assert (ROOT / "docs" / document).read_text() == render["document"](render["results"]())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_no_number_is_still_to_be_filled_in(document):
    assert not re.search(r"@[A-Z_]+@", document.read_text())


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_the_makefile_has_the_readmes_targets():
    for target in ("lecture", "test", "check", "docs", "wheel-test", "bench"):
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def test_the_distribution_names_both_licences():
    assert metadata("utsushi")["License-Expression"] == "MIT AND CC-BY-SA-3.0"


def test_the_examples_of_tables_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "data.md").read_text()
    exec("".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)), {})
    assert capsys.readouterr().out.startswith("{'town': 1}\n['20")
