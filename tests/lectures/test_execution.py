"""The chapters run, line by line, and their exercises tell right from wrong.

In short form all chapters of a language share one kernel, whose names are cleared between them: a
kernel and its imports cost more than a short chapter. ``UTSUSHI_SOAK=1`` runs each chapter at its
full size in a kernel of its own.
"""

import os
import re
from pathlib import Path

import jupytext
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

LECTURES = Path(__file__).parents[2] / "lectures"
SOAK = os.environ.get("UTSUSHI_SOAK") == "1"
CHAPTERS = [
    pytest.param(
        path, id=f"{language}/{path.stem}", marks=pytest.mark.xdist_group(f"in-{language}")
    )
    for language in ("en", "ja")
    for path in sorted((LECTURES / language).glob("[0-9]*.md"))
]

each_chapter = pytest.mark.parametrize("path", CHAPTERS)


def with_solutions(notebook):
    """Return the code cells, each check followed by its solution and by itself once more."""
    cells, check = [], None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cells.append(cell)
            check = cell if "check" in cell.metadata.get("tags", ()) else None
        elif check is not None:
            (solution,) = re.findall(r"```python \.noeval\n(.*?)```", cell.source, re.DOTALL)
            again = new_code_cell(check.source, metadata={"tags": ["check", "solved"]})
            cells += [new_code_cell(solution), again]
            check = None
    return new_notebook(cells=cells, metadata=notebook.metadata)


def started(folder):
    """Start a kernel that works in ``folder``."""
    environment = {**os.environ, "UTSUSHI_LECTURE": "full" if SOAK else "short"}
    # Sockets in the folder, named after the connection file: ports would be open to all users.
    place = str(folder / "kernel.json")
    kernel = KernelManager(kernel_name="python3", transport="ipc", connection_file=place)
    kernel.start_kernel(cwd=str(folder), env=environment)
    return kernel


@pytest.fixture(scope="module")
def execute(tmp_path_factory):
    """Run a chapter once, and give its executed notebook to every test that asks for it."""
    kernels, done = {}, {}

    def run(path):
        if path not in done:
            owner = path if SOAK else path.parent
            if owner not in kernels:
                kernels[owner] = started(tmp_path_factory.mktemp("lecture"))
            notebook = with_solutions(jupytext.read(path))
            notebook.cells.insert(0, new_code_cell("%reset -f"))
            client = NotebookClient(notebook, km=kernels[owner], timeout=1800)
            try:
                client.execute()
            finally:
                client.kc.stop_channels()
            done[path] = notebook
            if SOAK:
                kernels.pop(owner).shutdown_kernel(now=True)
        return done[path]

    yield run
    for kernel in kernels.values():
        kernel.shutdown_kernel(now=True)


def printed(cell, stream="stdout"):
    return "".join(out.text for out in cell.outputs if out.get("name") == stream)


def checks_of(notebook):
    """Return what the checks printed as the chapter stands, and with the solutions."""
    checks = [cell for cell in notebook.cells if "check" in cell.metadata.get("tags", ())]
    solved = [cell for cell in checks if "solved" in cell.metadata.tags]
    return [printed(c) for c in checks if c not in solved], [printed(c) for c in solved]


@each_chapter
def test_every_cell_runs_without_a_warning(path, execute):
    cells = execute(path).cells
    assert [printed(cell, "stderr") for cell in cells] == [""] * len(cells)


@each_chapter
def test_a_check_accepts_the_solution(path, execute):
    _, solved = checks_of(execute(path))
    assert len(solved) == 3
    assert [text.splitlines()[-1][0] for text in solved] == ["✓"] * 3, solved


@each_chapter
def test_a_check_does_not_accept_an_exercise_as_it_stands(path, execute):
    stubs, _ = checks_of(execute(path))
    assert [text.splitlines()[-1][0] for text in stubs] == ["✗"] * 3, stubs
