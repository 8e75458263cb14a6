"""The chapters run, line by line, and their exercises tell right from wrong.

In short form all chapters of a language share one kernel, whose names are cleared between them: a
kernel and its imports cost more than a short chapter. ``UTSUSHI_SOAK=1`` runs each chapter at its
full size in a kernel of its own.
"""

import os
import re
from pathlib import Path
from textwrap import dedent

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

#: In short form the models hardly learn.
IGNORED = (
    "__import__('warnings').simplefilter("
    "'ignore', __import__('utsushi.exceptions').exceptions.PoorFitWarning)"
)

each_chapter = pytest.mark.parametrize("path", CHAPTERS)

#: Plausible wrong answers, by the function that an exercise asks for.
WRONG = {
    "new_digits": {
        "random noise": """
            def new_digits(model, n, seed):
                return np.random.default_rng(seed).random((n, 784))
        """,
        "codes of another distribution": """
            def new_digits(model, n, seed):
                codes = np.random.default_rng(seed).uniform(-1, 1, (n, 10))
                return np.clip(model.inverse_transform(codes), 0, 1)
        """,
        "copies of test digits": """
            def new_digits(model, n, seed):
                return np.random.default_rng(seed).choice(X_test, n)
        """,
    },
    "walk": {
        "a straight line": """
            def walk(z0, z1, t):
                t = np.asarray(t)[:, None]
                return (1 - t) * z0 + t * z1
        """,
        "a straight line, renormalized": """
            def walk(z0, z1, t):
                t = np.asarray(t)[:, None]
                line = (1 - t) * z0 + t * z1
                return np.sqrt(10) * line / np.linalg.norm(line, axis=1, keepdims=True)
        """,
        "the long way round": """
            def walk(z0, z1, t):
                t = np.asarray(t)[:, None]
                angle = np.arccos(z0 @ z1 / 10) - 2 * np.pi
                return (np.sin((1 - t) * angle) * z0 + np.sin(t * angle) * z1) / np.sin(angle)
        """,
    },
    "best_factor": {
        "nearly right": "best_factor = lambda r: 1.04",
        "right at one half only": "best_factor = lambda r: 4 * r * (1 - r)",
        "the factor that keeps the mean": "best_factor = lambda r: 1 / (1 - r)",
    },
    "clearly_better": {
        "the error of one accuracy": """
            def clearly_better(a, b, n):
                return a - b > 2 * np.sqrt(a * (1 - a) / n)
        """,
        "the sum of both errors": """
            def clearly_better(a, b, n):
                return a - b > 2 * (np.sqrt(a * (1 - a) / n) + np.sqrt(b * (1 - b) / n))
        """,
    },
}


def with_answers(notebook):
    """Return the code cells, each check repeated after wrong answers and after the solution."""
    cells, name, check = [], None, None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cells.append(cell)
            tags = cell.metadata.get("tags", ())
            if "exercise" in tags:
                (name,) = re.findall(r"^def (\w+)", cell.source, re.MULTILINE)
            check = cell if "check" in tags else None
        elif check is not None:
            (solution,) = re.findall(r"```python \.noeval\n(.*?)```", cell.source, re.DOTALL)
            answers = [(dedent(wrong), "wrong") for wrong in WRONG.get(name, {}).values()]
            for answer, tag in [*answers, (solution, "solved")]:
                again = new_code_cell(check.source, metadata={"tags": ["check", tag]})
                cells += [new_code_cell(answer), again]
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
            notebook = with_answers(jupytext.read(path))
            notebook.cells.insert(0, new_code_cell("%reset -f\n" + ("" if SOAK else IGNORED)))
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
    """Return what the checks printed: as the chapter stands, of wrong answers, of solutions."""
    checks = [cell for cell in notebook.cells if "check" in cell.metadata.get("tags", ())]
    given = [{"wrong", "solved"} & set(cell.metadata.tags) for cell in checks]
    return [
        [printed(cell) for cell, answer in zip(checks, given, strict=True) if answer == wanted]
        for wanted in (set(), {"wrong"}, {"solved"})
    ]


@each_chapter
def test_every_cell_runs_without_a_warning(path, execute):
    cells = execute(path).cells
    assert [printed(cell, "stderr") for cell in cells] == [""] * len(cells)


@each_chapter
def test_a_check_accepts_the_solution(path, execute):
    _, _, solved = checks_of(execute(path))
    assert len(solved) == 3
    assert [text.splitlines()[-1][0] for text in solved] == ["✓"] * 3, solved


@each_chapter
def test_a_check_does_not_accept_an_exercise_as_it_stands(path, execute):
    stubs, _, _ = checks_of(execute(path))
    assert [text.splitlines()[-1][0] for text in stubs] == ["✗"] * 3, stubs


@each_chapter
def test_a_check_refuses_a_wrong_answer_with_a_hint(path, execute):
    _, refused, _ = checks_of(execute(path))
    text = path.read_text()
    wrong = [answer for name in WRONG if f"def {name}(" in text for answer in WRONG[name]]
    last = [text.splitlines()[-1] for text in refused]
    assert [line[0] for line in last] == ["✗"] * len(wrong), dict(zip(wrong, last, strict=True))
    assert [line for line in last if "Error" in line] == []


def test_every_wrong_answer_is_one_to_an_exercise():
    chapters = [path.read_text() for path in sorted((LECTURES / "en").glob("[0-9]*.md"))]
    assert [name for name in WRONG if not any(f"def {name}(" in text for text in chapters)] == []
