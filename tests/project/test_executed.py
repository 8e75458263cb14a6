"""The site shows what its code prints and draws, and hides what only tests need."""

import os
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
EXECUTED = [
    path
    for path in sorted(DOCS.rglob("*.md"))
    if "_build" not in path.parts and path.read_text().startswith("<!-- executed -->\n")
]


@pytest.mark.parametrize(
    "path",
    # Two groups: each has a process with a kernel of its own, together with the chapters.
    [
        pytest.param(
            path,
            id=path.relative_to(DOCS).with_suffix("").as_posix(),
            marks=pytest.mark.xdist_group(f"in-{('en', 'ja')[i % 2]}"),
        )
        for i, path in enumerate(EXECUTED)
    ],
)
def test_the_code_of_an_executed_page_runs_without_a_warning(path, execution, kernel):
    cells = execution.cells_of(path.read_text())
    name = path.relative_to(DOCS).with_suffix("").as_posix()
    assert len(kernel.outputs(cells, name)) == len(cells)


# --- what readers see -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("x = size(full=16_000, short=800)\n", "x = 16_000\n"),
        ("X[: size(full=10, short=3)]\n", "X[:10]\n"),
        ("f(a=size(full=(2, 3), short=()), b=size(short=1, full=4))\n", "f(a=(2, 3), b=4)\n"),
        ("日本 = size(full='語', short='')  # 注\n", "日本 = '語'  # 注\n"),
        ("for _ in range(size(full=9, short=1)):\n    f(size(full=8, short=2))\n",
         "for _ in range(9):\n    f(8)\n"),
        ("x = 1\nassert x == 1  # as above\nprint(x)\n", "x = 1\nprint(x)\n"),
        ("assert (\n    x\n)\nprint(x)\n", "print(x)\n"),
        ("for x in y:\n    print(x)\n    assert x\n", "for x in y:\n    print(x)\n"),
        ("for x in y:\n    assert x\n", ""),
        ("np.testing.assert_allclose(x, y)\n", ""),
        ("from utsushi.lecture.classroom import size, use_style\nimport torch\n\nuse_style()\n",
         "import torch\n"),
        ("from utsushi.lecture.classroom import size, slider\nslider()\n",
         "from utsushi.lecture.classroom import slider\nslider()\n"),
        ("%matplotlib inline\nimport numpy\n", "import numpy\n"),
        ("print('assert size(full=1, short=2)')\n", "print('assert size(full=1, short=2)')\n"),
    ],
)  # fmt: skip
def test_readers_see_the_code_without_scaffolding(execution, code, seen):
    assert execution.shown(code) == seen


# --- outputs --------------------------------------------------------------------------------------


@pytest.fixture
def folder(execution, tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "OUTPUTS", tmp_path)
    return tmp_path


@pytest.fixture
def counted(execution, monkeypatch, folder):
    """A kernel that answers without a process, and counts its runs."""

    class Counted(execution.Kernel):
        runs = 0

        def _run(self, cells, name, ignore_poor_fits):
            self.runs += 1
            return [[{"kind": "text", "text": f"run {self.runs}\n"}] for _ in cells]

    return Counted()


def test_the_same_code_runs_once(execution, counted):
    cells = execution.cells_of("```python\nx = 1\n```\n")
    first = counted.outputs(cells, "page")
    assert counted.outputs(cells, "page") == first
    assert counted.runs == 1


def test_changed_code_runs_again(execution, counted):
    for code in ("x = 1", "x = 2"):
        counted.outputs([execution.Cell(code)], "page")
    assert counted.runs == 2


def test_a_changed_library_makes_everything_run_again(execution, counted, monkeypatch):
    counted.outputs([execution.Cell("x")], "page")
    monkeypatch.setattr(execution, "_circumstances", lambda: b"another version")
    counted.outputs([execution.Cell("x")], "page")
    assert counted.runs == 2


def test_outputs_that_nobody_used_for_long_are_deleted(execution, folder):
    for name in ("old", "new"):
        execution.keep(name, [])
    os.utime(folder / "old.json", (0, 0))
    execution.drop_old()
    assert [path.name for path in folder.iterdir()] == ["new.json"]


def test_outputs_that_are_used_are_not_old(execution, folder):
    execution.keep("page", [])
    os.utime(folder / "page.json", (0, 0))
    assert execution.kept("page") == []
    execution.drop_old()
    assert execution.kept("page") == []


def test_lectures_at_another_size_have_other_outputs(execution):
    cells = [execution.Cell("x")]
    assert execution.key_of(cells, "short") != execution.key_of(cells, "full")


@pytest.mark.xdist_group("in-en")
def test_the_outputs_are_what_the_code_prints_and_draws(execution, kernel, folder):
    code = [
        "print(1)\nprint(2)",
        "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots(figsize=(3, 2))\nplt.show()",
        "class A:\n    pass\nA()",
        "class B(A):\n    _repr_html_ = lambda _: '<i>b</i>'\n    _repr_png_ = lambda _: b''\nB()",
        "x = {1}",
        "from sklearn.preprocessing import StandardScaler\nStandardScaler().fit([[1.0]])",
    ]
    printed, drawn, result, moving, *nothing = kernel.outputs(
        [execution.Cell(c) for c in code], "page"
    )
    assert printed == [{"kind": "text", "text": "1\n2\n"}]
    assert [output["kind"] for output in drawn] == ["image"]
    assert execution.picture(drawn[0]).read_bytes().startswith(b"\x89PNG")
    assert result == [{"kind": "result", "text": "<__main__.A>\n"}]  # without its address
    assert moving == [{"kind": "html", "html": "<i>b</i>"}]
    assert nothing == [[], []]


@pytest.mark.xdist_group("in-en")
def test_no_page_sees_what_another_one_left(execution, kernel, folder):
    import_all = "import os, random, matplotlib, numpy, torch, warnings\n"
    state = (
        "print(random.random(), numpy.random.rand(), torch.rand(1).item(),"
        " matplotlib.rcParams['lines.linewidth'], len(warnings.filters), os.listdir())"
    )
    change = (
        "matplotlib.rcParams['lines.linewidth'] = 9\nwarnings.simplefilter('error')\n"
        "open('file', 'w').close()\nleft = 1"
    )
    look = [execution.Cell(import_all + state + "\nprint('left' in globals())")]
    before = kernel.outputs(look, "page")
    kernel.outputs([execution.Cell(import_all + change)], "another page")
    again = kernel.outputs([*look, execution.Cell("pass")], "page")
    assert again[0] == before[0]
    assert before[0][0]["text"].endswith("[]\nFalse\n")


@pytest.mark.parametrize(
    ("code", "complaint"),
    [("1 / 0", "ZeroDivisionError"), ("import warnings\nwarnings.warn('careful')", "careful")],
)
@pytest.mark.xdist_group("in-en")
def test_a_page_that_fails_or_warns_has_no_outputs(execution, kernel, folder, code, complaint):
    with pytest.raises(execution.PageError) as caught:
        kernel.outputs([execution.Cell(code)], "docs/page")
    assert "docs/page" in str(caught.value)
    assert complaint in str(caught.value)
    assert list(folder.glob("*.json")) == []
