"""Turn the results in ``results/`` into docs/quality-record.md.

    python benchmarks/quality/render.py

A row of the first table has a target, the measured value (mean ± standard deviation over the
seeds), and the command that measures it. A seed that does not reach the target is named, even if
the mean does. ``notes.md`` is inserted between the targets and the tables.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from textwrap import fill
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
TARGET = HERE.parents[1] / "docs" / "quality-record.md"

NEXT = "**Next:** [Quality](quality.md) has the summary."

LEAD = """# Quality record: models, every benchmark

Metrics of the models on the lecture's split of 20,000 digits (16,000 for training, 4,000 for
testing) unless stated otherwise, with the command that measures each. Fréchet distances are those
of features of the bundled digit classifier, between 4,000 generated and 4,000 real samples, and are
not comparable with distances of Inception features. Seconds are wall seconds of a training, while
one or more others ran on the same two cores, in one thread, those of `reconstruction.py` in two.
`python benchmarks/quality/render.py` writes this page.

## Targets

A target is compared with the mean over the seeds, shown with its standard deviation and, in
brackets, the standard error over the samples where it is known; a seed that does not reach the
target is named, even if the mean does. A ratio is computed for each seed. Seconds are listed by
seed.
"""

Run = Mapping[str, Any]
Runs = Mapping[str, Sequence[Run]]

N_SEEDS_ASKED = 3
N_TEST_ROWS, N_BINARY_TEST_ROWS = 4_000, 10_000

#: The entries of a run other than its metrics.
NO_FIGURES = ("model", "seed", "standard errors")


@dataclass(frozen=True)
class Bar:
    """A target for a metric of a model, or for its ratio to the smallest of some others."""

    question: str
    limit: float
    script: str
    model: str
    key: str
    others: tuple[str, ...] = ()
    at_least: bool = False
    most_seconds: float = math.inf

    def row(self, found: Runs) -> str:
        """Return the row of the table."""
        runs = runs_of(found, self.script, self.model)
        values = self.values(found)
        measured = "not measured yet"
        if values:
            measured = self.shown(found) + missed(values, self.holds)
        seconds = {run["seed"]: run["seconds"] for run in runs if "seconds" in run}
        took = ", ".join(f"{value:.0f}" for value in seconds.values())
        took += missed(seconds, lambda value: value <= self.most_seconds)
        seeds = f"{len(runs)}" + ("" if len(runs) >= N_SEEDS_ASKED else f" of {N_SEEDS_ASKED}")
        rows = [run["rows of importance samples"] for run in runs if "NLL" in run]
        if rows:
            measured += f"; samples for {counts(rows)} of {N_BINARY_TEST_ROWS:,} test samples"
        return (
            f"| {self.question} | {self.asked()} | {measured} | {took} | {seeds} "
            f"| {command(self.script, runs)} |"
        )

    def values(self, found: Runs) -> dict[int, float]:
        """Return the figure, or the ratio, by seed."""
        mine = by_seed(found, self.script, self.model, self.key)
        if not self.others:
            return mine
        theirs = [by_seed(found, self.script, name, self.key) for name in self.others]
        # What has no seed, as PCA, was measured once.
        known = [seed for seed in mine if all(seed in values for values in theirs)]
        return {seed: mine[seed] / min(values[seed] for values in theirs) for seed in known}

    def holds(self, value: float) -> bool:
        """Return whether a value reaches the target."""
        return value >= self.limit if self.at_least else value <= self.limit

    def asked(self) -> str:
        """Return the limit as one reads it."""
        if self.others and self.limit < 1 / 2:
            return f"≤ 1/{1 / self.limit:.0f} = {self.limit:.4f}"
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"

    def shown(self, found: Runs) -> str:
        """Return mean and spread; with a figure its error, with a small ratio its inverse."""
        if not self.others:
            return cell(runs_of(found, self.script, self.model), self.key)
        values = list(self.values(found).values())
        return shown(values) + (f" = 1/{1 / mean(values):.1f}" if self.limit < 1 / 2 else "")


#: Names in the results, and their titles in the tables.
TITLES = {
    "cool mixture of 50": "mixture of 50 at temperature 0.8",
    "its copies": "its reconstructions",
}
COOL = "cool mixture of 50"


def title_of(model: str) -> str:
    """Return the title of a model in the results."""
    for name, title in TITLES.items():
        model = model.replace(name, title)
    return model


BETTER = ("PCA-10", "plain, dense, 10 numbers")
BARS = [
    Bar("test MSE, dense 784-1000-10, ≤ 4 wall minutes on 2 cores", 0.015, "reconstruction",
        "dense", "MSE", most_seconds=240),
    Bar("test MSE, convolutional, ≤ 4 wall minutes on 2 cores", 0.01, "reconstruction",
        "conv", "MSE", most_seconds=240),
    Bar("calibrated VAE, dense: test MSE through the mean code", 0.0155, "reconstruction",
        "dense-vae", "MSE"),
    Bar("calibrated VAE, convolutional: test MSE through the mean code", 0.011, "reconstruction",
        "conv-vae", "MSE"),
    Bar("calibrated VAE, convolutional: bound at K = 100, nats", 600, "reconstruction",
        "conv-vae", "bound", at_least=True),
    Bar("linear probe on ten numbers", 0.96, "features", "conv-larger-moves", "linear probe",
        at_least=True),
    Bar("five neighbours on ten numbers", 0.978, "features", "conv-larger-moves", "5 neighbours",
        at_least=True),
    Bar("one-class digits 0, 1, 4, 8: mean ROC-AUC", 0.98, "one_class", "utsushi",
        "mean ROC-AUC", at_least=True),
    Bar("30 components, all of MNIST: squared error per image", 2.2, "thirty", "conv",
        "squared error"),
    *(
        Bar(f"binary MNIST, {what}, ≤ 60 wall minutes: NLL by 5,000 importance samples", limit,
            "binary_likelihood", model, "NLL", most_seconds=3600)
        for what, limit, model in (
            ("dense 784-200-200-50", 86.76, "dense"),
            ("any network", 84.5, "conv"),
        )
    ),
    Bar("default VAE: Fréchet distance of its default samples, relative to samples from its prior",
        1 / 4, "generation", "default-vae, default", "Fréchet", others=("default-vae, prior",)),
    Bar("default conditional VAE: the same, a class at a time", 1 / 4, "generation",
        "default-conditional, default", "Fréchet by class", others=("default-conditional, prior",)),
    Bar("default autoencoder: the same, relative to a Gaussian fitted to its codes", 1 / 4,
        "generation", "default-ae, default", "Fréchet", others=("default-ae, Gaussian",)),
    *(
        Bar(f"generated digits, Fréchet, of {whose}: {model}, {title_of(COOL)}{standing}", limit,
            "generation", f"{model}, {COOL}", "Fréchet", others=(other or f"{model}, its copies",))
        for model, standing in (("conv", ""), ("conv-vae", " (for comparison)"))
        for whose, limit, other in (
            ("the lecture's VAE's", 1 / 30, "lecture-vae, prior"),
            ("the same model's reconstructions'", 1.3, ""),
        )
    ),
    Bar("a VAE from a learned prior, Fréchet, of the lecture's VAE's: conv-vae, flow", 1 / 15,
        "generation", "conv-vae, flow", "Fréchet", others=("lecture-vae, prior",)),
    *(
        Bar(f"denoising by 10 numbers, {what}: test MSE, of the better of PCA-10 and the plain "
            f"autoencoder: {network}{standing}", 0.6, "denoising",
            f"denoising, {network}, 10 numbers", kind, others=BETTER)
        for network, standing in (("conv", ""), ("dense", " (the network of the plain one)"))
        for kind, what in (("masking", "masking 0.5"), ("gaussian", "Gaussian noise 0.3"))
    ),
]  # fmt: skip

#: The description of each script's table.
COUNTS = {
    "binary_likelihood": "Nats per sample over the 10,000 test samples, binarized once.",
    "denoising": """Mean squared error of the reconstructions of the 4,000 corrupted test samples,
        against the clean ones.""",
    "features": """Accuracies on the 4,000 test samples, after training on the codes and labels of
        the 16,000 training samples. The standard error of an accuracy p is the root of
        p (1 - p) / 3,999.
        """,
    "generation": """4,000 generated samples compared with the 4,000 test samples. The floor is that
        of 4,000 training digits instead of generated ones, the smallest distances that a model
        reaches without memorization, up to chance. Samples with a precision above the floor's are
        more typical than real digits, and have a lower recall.
        *Memorized* is the share of samples whose features are as near to a training sample's as
        those of the nearest 1 % of the test samples: about 0.01 where nothing is memorized, 1 for
        duplicates of training samples.""",
    "one_class": """All 4,000 test samples are ranked by the detector of each digit: 399 are normal
        for 0, 456 for 1, 389 for 4, 384 for 8, and the rest are anomalies.""",
    "reconstruction": """Mean squared error over the 4,000 test samples and over the first 4,000
        training samples; KL and the bound at K = 100 in nats over the 4,000 test samples.""",
    "thirty": """Squared error summed over the pixels of an image, over the 10,000 test images;
        trained on the 60,000.""",
}


def results() -> dict[str, list[Run]]:
    """Return the runs of all scripts, with figures and standard errors apart."""
    found: dict[str, list[Run]] = {}
    for path in sorted(RESULTS.glob("*.json")):
        content = json.loads(path.read_text())
        if "summary" in content:
            # A model of binary digits takes hours, and has a file of its own.
            script = "binary_likelihood" if path.stem.startswith("binary_") else path.stem
            found.setdefault(script, []).extend(PREPARED.get(script, list)(content["runs"]))
    return found


def with_accuracy_errors(runs: Sequence[Run]) -> list[Run]:
    """Add the standard errors of accuracies, which follow from them."""
    return [
        {
            **run,
            "standard errors": {
                key: math.sqrt(run[key] * (1 - run[key]) / (N_TEST_ROWS - 1))
                for key in ("linear probe", "5 neighbours")
            },
        }
        for run in runs
    ]


def with_error_of_likelihood(runs: Sequence[Run]) -> list[Run]:
    """Set the standard error of a likelihood apart."""
    return [
        {key: value for key, value in run.items() if key != "standard error"}
        | {"standard errors": {"NLL": run["standard error"]}}
        for run in runs
    ]


def over_digits(runs: Sequence[Run]) -> list[Run]:
    """Return one run of all digits for the one run a digit that the results hold."""
    together: dict[tuple[str, int], list[Run]] = {}
    for run in runs:
        together.setdefault((run["method"], run["seed"]), []).append(run)
    whole = []
    for (method, seed), parts in together.items():
        run: dict[str, Any] = {"model": method, "seed": seed, "standard errors": {}}
        for key, title in (
            ("roc_auc", "mean ROC-AUC"),
            ("average_precision", "mean average precision"),
            ("false_positive_rate_at_95_recall", "mean false positives at 95 % recall"),
        ):
            run[title] = mean(part[key]["value"] for part in parts)
        for part in parts:
            title = f"ROC-AUC of {part['digit']}"
            run[title] = part["roc_auc"]["value"]
            run["standard errors"][title] = part["roc_auc"]["standard_error"]
        whole.append(run)
    return whole


#: What is done to the runs of a script before they are shown.
PREPARED: dict[str, Callable[[Sequence[Run]], list[Run]]] = {
    "binary_likelihood": with_error_of_likelihood,
    "features": with_accuracy_errors,
    "one_class": over_digits,
}


def runs_of(found: Runs, script: str, model: str) -> list[Run]:
    """Return the runs of one model."""
    return [run for run in found.get(script, ()) if run["model"] == model]


def by_seed(found: Runs, script: str, model: str, key: str) -> dict[int, float]:
    """Return one figure of one model by seed."""
    return {run["seed"]: run[key] for run in runs_of(found, script, model) if key in run}


#: By the size of a figure, the digits after its point.
SHOWN_DIGITS = ((0.1, 5), (1, 4), (100, 2), (float("inf"), 1))


def shown(values: Sequence[float], errors: Sequence[float] = ()) -> str:
    """Return mean ± standard deviation [standard error], with digits that fit the size."""
    digits = next(n for limit, n in SHOWN_DIGITS if abs(mean(values)) < limit)
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    error = f" [{mean(errors):.{digits}f}]" if errors else ""
    return f"{mean(values):.{digits}f}{spread}{error}"


def missed(values: Mapping[int, float], holds: Callable[[float], bool]) -> str:
    """Return a note if the mean, or else some seeds, do not reach the target."""
    seeds = [str(seed) for seed, value in values.items() if not holds(value)]
    if not seeds:
        return ""
    if not holds(mean(values.values())):
        return " (not reached)"
    return f" (not reached by seed {' and '.join(seeds)})"


def command(script: str, runs: Sequence[Run] = ()) -> str:
    """Return how figures are measured; of binary digits, how these runs were."""
    options = " --mnist FOLDER" if script in ("thirty", "binary_likelihood") else ""
    if script == "binary_likelihood" and runs:
        seeds = " ".join(str(run["seed"]) for run in runs)
        options += f" --models {runs[0]['model']} --seeds {seeds}"
        every = N_BINARY_TEST_ROWS // min(run["rows of importance samples"] for run in runs)
        options += f" --every {every}" if every > 1 else ""
    return f"`python benchmarks/quality/{script}.py{options}`"


def bars(found: Runs) -> list[str]:
    """Return the table of the targets."""
    head = [
        "| metric | target | measured | seconds | seeds | command |",
        "|---|---|---|---|---|---|",
    ]
    return head + [bar.row(found) for bar in BARS]


def details(found: Runs) -> list[str]:
    """Return all figures of all scripts."""
    lines = []
    for script, runs in found.items():
        lines += ["", f"## {command(script)}", ""]
        lines += [fill(" ".join(COUNTS[script].split()), 100), ""]
        keys = list(dict.fromkeys(key for run in runs for key in run if key not in NO_FIGURES))
        lines += ["| model | " + " | ".join(keys) + " |", "|---" * (1 + len(keys)) + "|"]
        for model in dict.fromkeys(run["model"] for run in runs):
            same = runs_of(found, script, model)
            lines.append(
                f"| {title_of(model)} | " + " | ".join(cell(same, key) for key in keys) + " |"
            )
    return lines


def cell(runs: Sequence[Run], key: str) -> str:
    """Return one figure of one model's runs."""
    values = [run[key] for run in runs if key in run]
    if values and isinstance(values[0], int):
        return counts(values)
    errors = [run.get("standard errors", {}).get(key) for run in runs]
    return shown(values, [error for error in errors if error is not None]) if values else ""


def counts(values: Sequence[int]) -> str:
    """Return how many there are: of each seed, where they differ."""
    return " or ".join(f"{value:,}" for value in sorted(set(values)))


def tries() -> list[str]:
    """Return what was tried on the held-out training rows, family by family."""
    lines = ["", f"## {command('choose')}", ""]
    lines += [
        "On the 1,600 training rows that training did not see; one seed, but for "
        "`default-sampler`, which is the mean over five."
    ]
    for path in sorted(RESULTS.glob("choice_*.json")):
        runs = json.loads(path.read_text())["runs"]
        keys = [key for key in runs[0] if key not in ("candidate", "seed")]
        lines += ["", f"| {path.stem.removeprefix('choice_')} | " + " | ".join(keys) + " |"]
        lines.append("|---" * (1 + len(keys)) + "|")
        for run in runs:
            cells = [shown([run[key]]) for key in keys]
            lines.append(f"| {run['candidate']} | " + " | ".join(cells) + " |")
    return lines


def detector_tries() -> list[str]:
    """Return the ROC-AUC of every one-class detector on its pseudo-tasks."""
    content = json.loads((RESULTS / "one_class_choice.json").read_text())
    heads = [f"digit {digit}" for digit in content["digits"]]
    lines = ["", "## `python benchmarks/quality/one_class.py --choose`", ""]
    lines += [
        "ROC-AUC on pseudo-tasks of training rows: a fifth of the digit's rows, which the detector "
        "was not trained on, among 2,000 rows of other digits. One seed.",
        "",
        "| model | score | mean | " + " | ".join(heads) + " |",
        "|---" * (3 + len(heads)) + "|",
    ]
    for row in content["validation"]:
        cells = [shown([value]) for value in (row["mean"], *row["digits"])]
        lines.append(f"| {row['model']} | {row['scoring']} | " + " | ".join(cells) + " |")
    return lines


def document(found: Runs) -> str:
    """Return the document."""
    notes = (HERE / "notes.md").read_text().strip()
    tables = [*details(found), *tries(), *detector_tries()]
    parts = [LEAD, *bars(found), "", notes, *tables, "", NEXT, ""]
    return "\n".join(parts)


def main() -> None:
    """Write the document."""
    TARGET.write_text(document(results()))
    print(f"written: {TARGET.name}")


if __name__ == "__main__":
    main()
