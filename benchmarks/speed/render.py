"""Turn the results in ``results/`` into docs/performance-record.md and its picture.

    python benchmarks/speed/render.py

A row of the first table has a target, the median of the rounds' ratios with their lowest and
highest, and the command that measures it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DOCS = HERE.parents[1] / "docs"
NOTES = HERE / "notes.md"

NEXT = "**Next:** [Performance](performance.md) has the summary."

LEAD = """# Performance record: speed and memory, every benchmark

Times compared with those of the same work by the lecture's loop, other libraries, or the bare
matrix products. Sides run in turn (A B A B …), each in its own process with the same number of
threads, and are compared in each round; a value is the median of the rounds' ratios, with the
lowest and the highest. Seconds depend on the machine and its load, ratios depend less on them.
`make bench` runs all benchmarks, and `python benchmarks/speed/render.py` writes this page.
"""

Found = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Bar:
    """A target for a ratio."""

    question: str
    script: str
    case: str
    other: str
    limit: float
    text: str

    def row(self, found: Found) -> str:
        """Return the row of the table."""
        ratio = self._ratio(found)
        measured = "not measured yet"
        if ratio is not None:
            missed = "" if ratio["median"] <= self.limit else " (not reached)"
            measured = f"{spread(ratio)}{missed}"
        return f"| {self.question} | {self.text} | {measured} | {command(self.script)} |"

    def _ratio(self, found: Found) -> dict[str, float] | None:
        case = found.get(self.script, {}).get("cases", {}).get(self.case)
        return None if case is None else case["ratios"].get(self.other)


LOSS = "the recipe's loss at its default length, of that after 30 epochs of plain Adam"
BARS = [
    *(
        Bar(f"{kind.upper()}: fit, of the loop's 30 epochs", "time_to_quality", kind, "loop", limit,
            f"≤ {limit}")
        for kind, limit in (("ae", 0.05), ("vae", 0.055))
    ),
    Bar("calibrated VAE: fit, of 30 epochs of plain Adam", "time_to_quality", "calibrated",
        "plain Adam", 0.08, "≤ 0.08"),
    *(
        Bar(f"{kind.upper()}: `utsushi train`, of the loop's script", "whole_process", kind, "loop",
            0.13, "≤ 0.13")
        for kind in ("ae", "vae")
    ),
    *(
        Bar(f"{kind.upper()}, {source} components: {LOSS}", "recipe_quality", f"{kind}, {source}",
            "plain Adam", 0.97, "≤ 0.97")
        for kind in ("ae", "vae")
        for source in ("digits, 10", "digits, 20", "8x8 digits, 10")
    ),
    *(
        Bar(f"{kind.upper()}: one epoch of the same arithmetic, of {what}", "epoch", kind, side,
            limit, text)
        for kind in ("ae", "vae")
        for side, what, limit, text in (
            ("loop", "the loop's", 0.58, "≤ 0.58"),
            ("pythae", "Pythae's", 0.62, "≤ 0.62"),
            ("pyod", "PyOD's", 0.32, "≤ 0.32"),
            ("floor", "the floor's", 1 / 0.85, "≤ 1.18"),
        )
    ),
    Bar("`transform` of 100,000 images, of the bare products", "transform", "784-1000-10", "floor",
        1.15, "≤ 1.15"),
    *(
        Bar(f"{what}, with one of two cores kept busy, of its own time alone", "busy", case,
            "alone", 2.2, "≤ 2.2")
        for what, case in (("`utsushi train ae`", "command"), ("a script that calls `fit`", "fit"))
    ),
    *(
        Bar(f"{kind.upper()}: a step on 8×8 digits, of the plainest eager loop's", "small_steps",
            kind, "bare", 1.1, "≤ 1.1")
        for kind in ("ae", "vae")
    ),
    Bar("784-1000-10, 30 epochs, a checkpoint every 60 s, of none", "checkpoints",
        "784-1000-10, 30 epochs", "without", 1.02, "≤ 1.02"),
    Bar("`utsushi generate RUN -n 50`, of `import torch, sklearn.base`", "start_up",
        "utsushi generate RUN -n 50", "imports", 1.25, "≤ 1.25"),
]  # fmt: skip


def command(script: str) -> str:
    """Return how a figure is measured."""
    return f"`python benchmarks/speed/{script}.py`"


def spread(ratio: Mapping[str, float]) -> str:
    """Return a ratio with its range."""
    return f"{ratio['median']:.3f} ({ratio['low']:.3f}–{ratio['high']:.3f})"


def results() -> dict[str, Any]:
    """Return all results, by script."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}


def start_up_rows(found: Found) -> list[str]:
    """Return the bars that are differences from Python's own start."""
    cases = found.get("start_up", {}).get("cases", {})
    rows = []
    for case, limit in (("import utsushi", 0.2), ("utsushi --help", 0.3)):
        measured = "not measured yet"
        if case in cases:
            over = [
                one["utsushi"]["seconds"] - one["python"]["seconds"]
                for one in cases[case]["rounds"]
            ]
            missed = "" if median(over) <= limit else " (not reached)"
            measured = f"{median(over):.3f} s ({min(over):.3f}–{max(over):.3f}){missed}"
        rows.append(
            f"| `{case}`, over Python's own start | ≤ {limit} s | {measured} "
            f"| {command('start_up')} |"
        )
    return rows


def growth_rows(found: Found) -> list[str]:
    """Return the bars of memory and of growth."""
    cases = found.get("growth", {}).get("cases", {})
    if not cases:
        return []
    (case,) = cases.values()
    parts = [one["above"] / one["bound"] for round_ in case["rounds"] for one in round_.values()]
    ratios = [median(ratio) for ratio in sizes_of(case).values()]
    memory = f"{max(parts):.2f} of it at most" + ("" if max(parts) <= 1 else " (not reached)")
    within = max(abs(ratio - 1) for ratio in ratios)
    grown = f"within {100 * within:.0f} %" + ("" if within <= 0.1 else " (not reached)")
    return [
        "| peak memory of `fit`, of 1.5 × data + 10 × parameters + 64 MB over the imports "
        f"| ≤ 1 | {memory} | {command('growth')} |",
        "| seconds an image and epoch, 4,000 to 400,000 images, of those at 16,000 "
        f"| within 10 % | {grown} | {command('growth')} |",
    ]


def sizes_of(case: Mapping[str, Any]) -> dict[int, list[float]]:
    """Return the ratios of seconds an image to those of the reference, by the number of images."""
    found: dict[int, list[float]] = {}
    for round_ in case["rounds"]:
        reference = round_["utsushi"]["microseconds an image"]
        for side, figures in round_.items():
            n_rows = 16_000 if side == "utsushi" else int(side.split()[0].replace(",", ""))
            found.setdefault(n_rows, []).append(figures["microseconds an image"] / reference)
    return dict(sorted(found.items()))


def draw_growth(found: Found) -> None:
    """Draw seconds an image over the number of images."""
    cases = found.get("growth", {}).get("cases", {})
    if not cases:
        return
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    (case,) = cases.values()
    sizes = sizes_of(case)
    figure, axes = pyplot.subplots(figsize=(6, 3), layout="constrained")
    axes.axhspan(0.9, 1.1, color="0.92")
    axes.semilogx(list(sizes), [median(ratios) for ratios in sizes.values()], "o-", color="#1f6f8b")
    for n_rows, ratios in sizes.items():
        axes.plot([n_rows] * len(ratios), ratios, ".", color="0.5", zorder=0)
    axes.set_xticks(list(sizes), [f"{n_rows:,}" for n_rows in sizes])
    axes.minorticks_off()
    axes.set_ylim(0, 1.5)
    axes.set_xlabel("images")
    axes.set_ylabel("seconds an image and\nepoch, of those at 16,000")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(DOCS / "performance-growth.png", dpi=110)


def details(found: Found) -> list[str]:
    """Return all figures of all scripts."""
    lines = []
    for script, content in found.items():
        lines += ["", f"## {command(script)}", ""]
        if machine({script: content}) != machine(found):
            lines += [machine({script: content}), ""]
        figure = content["ratio of"]
        lines += [f"| case | side | figures, medians | its {figure}: ratio |", "|---|---|---|---|"]
        for case, measured in content["cases"].items():
            lines += _case_rows(case, measured)
        if script == "growth" and content["cases"]:
            lines += ["", "![Seconds an image over the number of images](performance-growth.png)"]
    return lines


def _case_rows(case: str, measured: Mapping[str, Any]) -> list[str]:
    rounds: Sequence[Mapping[str, Any]] = measured["rounds"]
    rows = []
    for side in rounds[0]:
        figures = "; ".join(
            f"{key} {median(one[side][key] for one in rounds):.4g}" for key in rounds[0][side]
        )
        ratio = measured["ratios"].get(side)
        shown = "" if ratio is None else f"{measured['of']} / {side}: {spread(ratio)}"
        rows.append(f"| {case} | {side} | {figures} | {shown} |")
    return rows


def machine(found: Found) -> str:
    """Say what the figures were measured on."""
    if not found:
        return ""
    one = next(iter(found.values()))["machine"]
    named = ", ".join(
        f"{name} {one[name]}"
        for name in ("python", "torch", "numpy", "scikit-learn")
        if name in one
    )
    return (
        f"Measured on: {one['processor']}, {one['cores']} cores, {one['threads']} threads; {named}."
    )


def losses(found: Found) -> list[str]:
    """Return the losses at which the times to quality were taken."""
    cases = found.get("time_to_quality", {}).get("cases", {})
    lines = []
    for case, measured in cases.items():
        if "loop" not in measured["ratios"]:  # bounds, whose ratio says nothing
            continue
        ours, theirs = (
            mean(one[side]["loss"] for one in measured["rounds"]) for side in ("utsushi", "loop")
        )
        worse = "" if ours <= theirs else " (not reached)"
        lines.append(
            f"| {case.upper()}: mean test loss of that fit, of the loop's | ≤ 1 "
            f"| {ours / theirs:.3f}{worse} | {command('time_to_quality')} |"
        )
    return lines


def document(found: Found) -> str:
    """Return the document."""
    table = ["| ratio | target | measured | command |", "|---|---|---|---|"]
    table += [bar.row(found) for bar in BARS] + losses(found)
    table += start_up_rows(found) + growth_rows(found)
    lines = [LEAD, machine(found), "", "## Targets", "", *table, "", NOTES.read_text().strip()]
    return "\n".join([*lines, *details(found), "", NEXT, ""])


def main() -> None:
    """Write the document and its picture."""
    found = results()
    draw_growth(found)
    target = DOCS / "performance-record.md"
    target.write_text(document(found))
    print(f"written: {target.name}")


if __name__ == "__main__":
    main()
