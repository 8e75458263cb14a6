"""Run the Python blocks of a page once, and keep their outputs by the content of what was run.

The site and the tests share the outputs: ``make docs`` runs each page in a test, and the build
finds the outputs of the test in ``docs/_build/outputs``. Only what changed runs again, where the
code of the page, the library and the versions of its dependencies count as content.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeGuard

ROOT = Path(__file__).parents[2]
OUTPUTS = ROOT / "docs" / "_build" / "outputs"

#: The first line of a page outside of ``lectures/`` whose code is run.
MARK = "<!-- executed -->\n"

#: A block of Python at the start of a line. ``.noeval`` behind the language keeps it from running.
BLOCK = re.compile(r'^```python(?: tags=\["(\w+)"\])?\n(.*?)^```$', re.DOTALL | re.MULTILINE)

#: Packages whose version decides what a page prints or draws.
DEPENDENCIES = ("torch", "numpy", "scikit-learn", "matplotlib", "pandas", "ipykernel")

#: What every page starts from, in a kernel that other pages ran in before.
PREPARE = """\
%reset -f
import os, random, tempfile, warnings
import matplotlib, matplotlib.pyplot, numpy, torch
%matplotlib inline
%config InlineBackend.figure_formats = ["retina"]
matplotlib.pyplot.close("all")
matplotlib.rcdefaults()
random.seed(0), numpy.random.seed(0), torch.manual_seed(0)
torch.set_default_dtype(torch.float32)
at_start = vars(warnings).setdefault("at_start", warnings.filters[:])
warnings.resetwarnings()
warnings.filters.extend(at_start)
os.chdir(tempfile.mkdtemp(dir=os.environ["UTSUSHI_PAGES"]))
%reset -f
"""

#: The models of a short lecture hardly learn.
IGNORE_POOR_FITS = """\
import warnings
from utsushi.exceptions import PoorFitWarning
warnings.simplefilter("ignore", PoorFitWarning)
%reset -f
"""


#: Names of the classroom that are not shown where they are used.
CLASSROOM = {"exercise", "size", "use_style"}

#: Methods that are called for their effect.
FOR_EFFECT = {"fit", "partial_fit", "save", "set_params", "write_bytes", "write_text"}


class PageError(Exception):
    """A block of a page failed, or warned; the message says where and why."""


@dataclass(frozen=True)
class Cell:
    """A block of code of a page."""

    code: str
    tag: str = ""


def cells_of(page: str) -> list[Cell]:
    """Return the blocks of a page that run, in their order."""
    return [Cell(match[2], match[1] or "") for match in BLOCK.finditer(page)]


def is_executed(page: str) -> bool:
    """Tell whether a page outside of the lectures asks for its outputs."""
    return page.startswith(MARK)


@cache
def _circumstances() -> bytes:
    """Return what decides the outputs of all pages: their start, the library, its dependencies."""
    digest = hashlib.sha256((PREPARE + IGNORE_POOR_FITS).encode())
    for path in sorted((ROOT / "src").rglob("*.py")):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    versions = [f"{name} {version(name)}" for name in DEPENDENCIES]
    digest.update(repr((sys.version_info[:2], sys.platform, versions)).encode())
    return digest.digest()


def key_of(cells: Sequence[Cell], mode: str) -> str:
    """Return the name under which the outputs of these cells are kept."""
    digest = hashlib.sha256(_circumstances() + mode.encode())
    for cell in cells:
        digest.update(f"\0{cell.tag}\0{cell.code.strip()}".encode())
    return digest.hexdigest()[:24]


def kept(key: str) -> list[Any] | None:
    """Return the outputs of an earlier run, a list for each cell, or None."""
    path = OUTPUTS / f"{key}.json"
    if not path.exists():
        return None
    path.touch()  # `drop_old` takes what was not used for long
    return json.loads(path.read_text(encoding="utf-8"))


def keep(key: str, outputs: Sequence[Any]) -> None:
    """Write the outputs where `kept` finds them, whole or not at all."""
    OUTPUTS.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=OUTPUTS, delete=False, encoding="utf-8") as file:
        json.dump(outputs, file, ensure_ascii=False)
    os.replace(file.name, OUTPUTS / f"{key}.json")


def drop_old(days: int = 30) -> None:
    """Delete the outputs that no build or test used in the last days."""
    for path in OUTPUTS.glob("*"):
        if time.time() - path.stat().st_mtime > days * 24 * 3600:
            path.unlink()


class Kernel:
    """A Jupyter kernel in which one page runs after the other, each from the same start.

    ``mode`` is the size of the lectures, the value of ``UTSUSHI_LECTURE``. The kernel starts at the
    first page that has no outputs yet.
    """

    def __init__(self, mode: str = "short") -> None:
        self.mode = mode
        self._manager: Any = None
        self._folder: Any = None

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        if self._manager is not None:
            self._manager.shutdown_kernel(now=True)
            self._folder.cleanup()
            self._manager = None

    def outputs(
        self, cells: Sequence[Cell], name: str, *, ignore_poor_fits: bool = False
    ) -> list[Any]:
        """Return the outputs of each cell: those of an earlier run, or of a new one."""
        key = key_of(cells, self.mode)
        outputs = kept(key)
        if outputs is None:
            outputs = self._run(cells, name, ignore_poor_fits)
            keep(key, outputs)
        return outputs

    def _run(self, cells: Sequence[Cell], name: str, ignore_poor_fits: bool) -> list[Any]:
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
        from nbformat.v4 import new_code_cell, new_notebook

        start = PREPARE + (IGNORE_POOR_FITS if ignore_poor_fits else "")
        notebook = new_notebook(cells=[new_code_cell(code) for code in (start, *_codes(cells))])
        client = NotebookClient(notebook, km=self._started(), timeout=1800)
        try:
            client.execute()
        except CellExecutionError as error:
            raise PageError(f"{name}: {error}") from error
        except BaseException:  # the kernel died, or the build was stopped
            self.__exit__()
            raise
        finally:
            client.kc.stop_channels()
        found = [list(_outputs_of(cell.outputs)) for cell in notebook.cells]
        warned = [o["text"] for cell in found for o in cell if o["kind"] == "stderr"]
        if warned:
            raise PageError(f"{name} wrote to standard error:\n{''.join(warned)}")
        return [
            [o for o in outputs if not (o["kind"] == "result" and _is_for_effect(cell))]
            for cell, outputs in zip(cells, found[1:], strict=True)
        ]

    def _started(self) -> Any:
        """Return the kernel, whose working folders lie in one that is deleted with it."""
        from jupyter_client.manager import KernelManager

        if self._manager is None:
            self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
            folder = self._folder.name
            # Sockets in the folder, named after the connection file: ports would be open to all.
            place = str(Path(folder, "kernel.json"))
            self._manager = KernelManager(
                kernel_name="python3", transport="ipc", connection_file=place
            )
            # Sums depend on the number of threads; one is the same everywhere.
            settings = {
                "UTSUSHI_LECTURE": self.mode,
                "UTSUSHI_PAGES": folder,
                "OMP_NUM_THREADS": "1",
            }
            self._manager.start_kernel(cwd=folder, env={**os.environ, **settings})
        return self._manager


def _codes(cells: Sequence[Cell]) -> list[str]:
    """Return the code of the cells; the one that installs the library has nothing to do here."""
    return ["" if cell.tag == "setup" else cell.code.strip("\n") for cell in cells]


def _outputs_of(outputs: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Yield what a cell printed and drew, neighbouring pieces of a stream in one."""
    last: dict[str, Any] | None = None
    for output in outputs:
        if output.output_type == "stream":
            kind = "text" if output.name == "stdout" else "stderr"
            if last is not None and last["kind"] == kind:
                last["text"] += output.text
                continue
            new = {"kind": kind, "text": output.text}
        elif {"text/html", "image/png"} <= set(output.get("data", {})):  # it moves, as a slider
            new = {"kind": "html", "html": output.data["text/html"]}
        elif "image/png" in output.get("data", {}):
            size = output.metadata.get("image/png", {})
            new = {"kind": "image", "png": output.data["image/png"], "width": size.get("width")}
        else:
            text = output.get("data", {}).get("text/plain", "")
            new = {"kind": "result", "text": re.sub(r" at 0x[0-9a-f]+", "", text) + "\n"}
        if last is not None:
            yield last
        last = new
    if last is not None:
        yield last


def _is_for_effect(cell: Cell) -> bool:
    """Tell whether the last line of a cell calls a method for its effect, not for its value."""
    python = re.sub(r"^(\s*)%.*", r"\1pass", cell.code, flags=re.MULTILINE)
    last = ast.parse(python).body[-1:]
    call = getattr(last[0], "value", None) if last else None
    return getattr(getattr(call, "func", None), "attr", "") in FOR_EFFECT


def picture(output: dict[str, Any]) -> Path:
    """Write a picture among the outputs, named by its content, and return its path."""
    data = base64.b64decode(output["png"])
    path = OUTPUTS / f"{hashlib.sha256(data).hexdigest()[:24]}.png"
    if path.exists():
        path.touch()
    else:
        path.write_bytes(data)
    return path


# --- what readers see -----------------------------------------------------------------------------


def shown(code: str) -> str:
    """Return the code without what only tests need: sizes of short runs, asserts, the classroom."""
    code = re.sub(r"^%matplotlib inline\n", "", code, flags=re.MULTILINE)
    text = code.encode()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    python = re.sub(r"^(\s*)%.*", r"\1pass", code, flags=re.MULTILINE)
    changes = sorted(_changes(ast.parse(python).body, text, starts), reverse=True)
    for start, end, new in changes:
        text = text[:start] + new + text[end:]
    result = re.sub(r"\[: (\w+)\]", r"[:\1]", text.decode())
    return re.sub(r"\n{4,}", "\n\n\n", result).strip("\n") + "\n" if result.strip() else ""


def _changes(
    body: Sequence[ast.stmt], text: bytes, starts: Sequence[int]
) -> Iterator[tuple[int, int, bytes]]:
    """Yield the places to replace, in bytes, and what is written there."""

    def place(node: Any) -> tuple[int, int]:
        return (
            starts[node.lineno - 1] + node.col_offset,
            starts[node.end_lineno - 1] + node.end_col_offset,
        )

    for statement in body:
        if _is_of_the_classroom(statement):
            names = [a.name for a in statement.names if a.name not in CLASSROOM]
            line = f"from {statement.module} import {', '.join(names)}\n" if names else ""
            yield starts[statement.lineno - 1], starts[statement.end_lineno or 0], line.encode()
            continue
        if _is_scaffolding(statement):
            # A scaffolding statement has its lines for itself, with the comment behind it.
            yield starts[statement.lineno - 1], starts[statement.end_lineno or 0], b""
            continue
        blocks = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
        inside = [s for block in blocks if isinstance(block, list) for s in block]
        yield from _changes(inside, text, starts)
        hidden = [place(s) for s in inside]
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "size":
                start, end = place(node)
                full = [k.value for k in node.keywords if k.arg == "full"]
                if full and not any(s <= start < e for s, e in hidden):
                    first, last = place(full[0])
                    yield start, end, text[first:last]


def _is_of_the_classroom(statement: ast.stmt) -> TypeGuard[ast.ImportFrom]:
    """Tell whether a statement imports from the classroom."""
    module = "utsushi.lecture.classroom"
    return isinstance(statement, ast.ImportFrom) and statement.module == module


def _is_scaffolding(statement: ast.stmt) -> bool:
    """Tell whether a statement only checks, or only prepares the classroom."""
    if isinstance(statement, ast.Assert):
        return True
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        name = getattr(function, "attr", getattr(function, "id", ""))
        return name.startswith("assert_") or name == "use_style"
    if isinstance(statement, ast.For | ast.If | ast.With):
        parts = [*statement.body, *getattr(statement, "orelse", [])]
        return all(map(_is_scaffolding, parts))
    return False
