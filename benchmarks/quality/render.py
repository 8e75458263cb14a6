"""Turn the results in ``results/`` into docs/quality.md.

    python benchmarks/quality/render.py

A row of the first table is a bar: what was asked, what was measured (mean ± standard deviation over
the seeds), and the command that measures it. What was not measured yet says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
TARGET = HERE.parents[1] / "docs" / "quality.md"

LEAD = """# Quality

How good the models are, on the lecture's split of 20,000 digits unless it says otherwise, and the
command that measures each figure. Values are means over the seeds ± their standard deviation. No
setting was chosen by a test row: those of `models.py` were chosen on a tenth of the training rows
that training did not see (`choose.py`), those of the one-class digits by the pseudo-tasks of
`one_class.py --choose`, the temperature of the cool mixture (0.8, of 50 Gaussians) was chosen on
the same tenth, and the others were set beforehand and not searched. Fréchet distances are
between features of the classifier that ships with the package, 4,000 rows against 4,000, and are
not comparable with distances between Inception features. Seconds are wall seconds of a training in
one thread, while one or more others ran on the same two cores. This page is written by
`python benchmarks/quality/render.py`.

## The bars
"""

#: What a script must be told.
ARGUMENTS = dict.fromkeys(("thirty", "binary_likelihood"), " --mnist FOLDER")

#: The denoising autoencoder that the bars are about.
DENOISER = "denoising, 10 numbers"

Summary = Mapping[str, Mapping[str, Any]]

#: The question, the bar in words, the script and its figure, and the bar as a test of the mean.
Bar = tuple[str, str, str, str, str, Callable[[float], bool]]

#: Wall seconds that a question's models may be trained for, where it says so.
MOST_SECONDS = {"≤ 4 wall minutes": 240, "≤ 60 wall minutes": 3600}

BARS: list[Bar] = [
    (
        "test MSE, dense 784-1000-10, ≤ 4 wall minutes on 2 cores",
        "≤ 0.0150",
        "reconstruction",
        "dense",
        "MSE",
        lambda v: v <= 0.0150,
    ),
    (
        "test MSE, convolutional, ≤ 4 wall minutes on 2 cores",
        "≤ 0.0100",
        "reconstruction",
        "conv",
        "MSE",
        lambda v: v <= 0.0100,
    ),
    (
        "calibrated VAE, dense: test MSE through the mean code",
        "≤ 0.0155",
        "reconstruction",
        "dense-vae",
        "MSE",
        lambda v: v <= 0.0155,
    ),
    (
        "calibrated VAE, convolutional: test MSE through the mean code",
        "≤ 0.0110",
        "reconstruction",
        "conv-vae",
        "MSE",
        lambda v: v <= 0.0110,
    ),
    (
        "calibrated VAE, convolutional: bound at K = 100, nats",
        "≥ 600",
        "reconstruction",
        "conv-vae",
        "bound",
        lambda v: v >= 600,
    ),
    (
        "linear probe on ten numbers",
        "≥ 0.960",
        "features",
        "conv-larger-moves",
        "linear probe",
        lambda v: v >= 0.960,
    ),
    (
        "five neighbours on ten numbers",
        "≥ 0.978",
        "features",
        "conv-larger-moves",
        "5 neighbours",
        lambda v: v >= 0.978,
    ),
    (
        "one-class digits 0, 1, 4, 8: mean ROC-AUC",
        "≥ 0.980",
        "one_class",
        "utsushi",
        "",
        lambda v: v >= 0.980,
    ),
    (
        "30 components, all of MNIST: squared error per image",
        "≤ 2.2",
        "thirty",
        "conv",
        "squared error",
        lambda v: v <= 2.2,
    ),
    (
        "binary MNIST, dense 784-200-200-50, ≤ 60 wall minutes: NLL by 5,000 importance samples",
        "≤ 86.76",
        "binary_likelihood",
        "dense",
        "NLL",
        lambda v: v <= 86.76,
    ),
    (
        "binary MNIST, any network, ≤ 60 wall minutes: NLL by 5,000 importance samples",
        "≤ 84.5",
        "binary_likelihood",
        "conv",
        "NLL",
        lambda v: v <= 84.5,
    ),
]


def summaries() -> dict[str, Summary]:
    """Return the summaries of all results, by script."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(RESULTS.glob("*.json")):
        # A model of binary digits takes hours, and has a file of its own.
        script = "binary_likelihood" if path.stem.startswith("binary_") else path.stem
        summary = json.loads(path.read_text()).get("summary")
        if summary is not None:
            found.setdefault(script, {}).update(summary)
    return found


#: By the size of a figure, the digits after its point.
SHOWN_DIGITS = ((0.1, 5), (1, 4), (100, 2), (float("inf"), 1))


def shown(figure: Mapping[str, Any]) -> str:
    """Return mean ± standard deviation, with digits that fit the size."""
    mean, spread = figure["mean"], figure["sd"]
    digits = next(n for limit, n in SHOWN_DIGITS if abs(mean) < limit)
    return f"{mean:.{digits}f}" + ("" if spread is None else f" ± {spread:.{digits}f}")


def figure_of(found: Mapping[str, Summary], script: str, model: str, key: str) -> Any:
    """Return one figure, or None where it was not measured."""
    figures = found.get(script, {}).get(model)
    return figures if figures is None or not key else figures.get(key)


def bars(found: Mapping[str, Summary]) -> list[str]:
    """Return the table of the bars."""
    lines = ["| question | bar | measured | seeds | command |", "|---|---|---|---|---|"]
    for question, bar, script, model, key, holds in BARS:
        figure = figure_of(found, script, model, key)
        measured, seeds = "not measured yet", ""
        if figure is not None:
            measured = shown(figure) + ("" if holds(figure["mean"]) else " (missed)")
            limit = next(
                (s for words, s in MOST_SECONDS.items() if words in question), float("inf")
            )
            known = found[script][model]["seeds"]
            seeds = str(known if isinstance(known, int) else len(known))
            if "seconds" in found[script][model]:
                seconds = found[script][model]["seconds"]["mean"]
                measured += f"; {seconds:.0f} s" + ("" if seconds <= limit else " (missed)")
        command = f"`python benchmarks/quality/{script}.py{ARGUMENTS.get(script, '')}`"
        lines.append(f"| {question} | {bar} | {measured} | {seeds} | {command} |")
    return lines + generation_bars(found) + denoising_bars(found)


#: One source of rows for each bar, so that no figure is the best of several by the test rows.
BEST, LEARNED_PRIOR = "conv, cool mixture of 50", "conv-vae, flow"


def generation_bars(found: Mapping[str, Summary]) -> list[str]:
    """Return the bars that are ratios of Fréchet distances."""
    summary = found.get("generation", {})
    if not {"lecture-vae, prior", BEST, LEARNED_PRIOR} <= set(summary):
        return []
    distance = {name: figures["Fréchet"]["mean"] for name, figures in summary.items()}
    lecture = distance["lecture-vae, prior"]
    own = distance[f"{BEST.split(', ', maxsplit=1)[0]}, its copies"]
    command = "`python benchmarks/quality/generation.py`"
    seeds = len(summary[BEST]["seeds"])
    rows = [
        ("generated digits, Fréchet, of the lecture's VAE's", 1 / 30, lecture, BEST),
        ("the same, of the same model's copies'", 1.3, own, BEST),
        ("a VAE from a learned prior, of the lecture's", 1 / 15, lecture, LEARNED_PRIOR),
    ]
    return [
        f"| {question} | ≤ {as_ratio(limit)} | {as_ratio(distance[name] / other)}"
        f"{'' if distance[name] / other <= limit else ' (missed)'} ({name}) | {seeds} | {command} |"
        for question, limit, other, name in rows
    ]


def as_ratio(value: float) -> str:
    """Return a ratio as one reads it."""
    return f"1/{1 / value:.1f}".removesuffix(".0") if value < 1 / 2 else f"{value:.2f}"


def denoising_bars(found: Mapping[str, Summary]) -> list[str]:
    """Return the bars of denoising."""
    summary = found.get("denoising", {})
    lines = []
    for kind, what in (("masking", "masking 0.5"), ("gaussian", "Gaussian noise 0.3")):
        if DENOISER not in summary:
            continue
        better = min(summary[name][kind]["mean"] for name in ("PCA-10", "autoencoder"))
        ratio = summary[DENOISER][kind]["mean"] / better
        lines.append(
            f"| denoising by 10 numbers, {what}: test MSE, of the better of PCA-10 and the plain "
            f"autoencoder | ≤ 0.6 | {ratio:.3f}{'' if ratio <= 0.6 else ' (missed)'} "
            f"| {len(summary[DENOISER]['seeds'])} | `python benchmarks/quality/denoising.py` |"
        )
    return lines


def details(found: Mapping[str, Summary]) -> list[str]:
    """Return all figures of all scripts."""
    lines = []
    for script, summary in found.items():
        lines += ["", f"## `python benchmarks/quality/{script}.py`", ""]
        if script == "one_class":
            keys = ["mean ROC-AUC"]
            table = {name: {"mean ROC-AUC": figure} for name, figure in summary.items()}
        else:
            keys = list(dict.fromkeys(k for f in summary.values() for k in f if k != "seeds"))
            table = {name: dict(figures) for name, figures in summary.items()}
        lines += ["| model | " + " | ".join(keys) + " |", "|---" * (1 + len(keys)) + "|"]
        for name, figures in table.items():
            cells = [shown(figures[key]) if key in figures else "" for key in keys]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def tries() -> list[str]:
    """Return what was tried on the held-out training rows, family by family."""
    lines = ["", "## `python benchmarks/quality/choose.py`", ""]
    lines += ["On the tenth of the training rows that training did not see; one seed."]
    for path in sorted(RESULTS.glob("choice_*.json")):
        runs = json.loads(path.read_text())["runs"]
        keys = [key for key in runs[0] if key not in ("candidate", "seed")]
        lines += ["", f"| {path.stem.removeprefix('choice_')} | " + " | ".join(keys) + " |"]
        lines.append("|---" * (1 + len(keys)) + "|")
        for run in runs:
            cells = [shown({"mean": run[key], "sd": None}) for key in keys]
            lines.append(f"| {run['candidate']} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Write the document."""
    found = summaries()
    TARGET.write_text("\n".join([LEAD, *bars(found), *details(found), *tries(), ""]))
    print(f"written: {TARGET.name}")


if __name__ == "__main__":
    main()
