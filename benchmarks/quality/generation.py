"""Generated digits, in the features of the shipped classifier: 4,000 against the 4,000 test digits.

    python benchmarks/quality/generation.py [--seeds 0 1 2] [--models floor conv …]

The lecture's two models and the convolutional ones, with several sources of codes each; a model's
own copies of the test digits are what a source of codes can hope for. The floor is 4,000
training digits against the test digits. A cool mixture is one of temperature 0.8.
"""

from __future__ import annotations

from typing import Any

from common import Rows, parser_of, print_summary, summary_of, trained, write_runs
from models import (
    MODELS,
    default_autoencoder,
    default_conditional,
    default_variational,
    lecture_autoencoder,
    lecture_variational,
)

from utsushi import datasets
from utsushi.estimators import BaseAutoencoder
from utsushi.evaluation import evaluate_generation
from utsushi.samplers import Flow, Gaussian, Mixture, Prior, Sampler, TwoStage

DATA = datasets.load_mnist20k()
N_ROWS = 4000
FLOOR = "floor"

#: The temperature was chosen by ``choose.py``, for ``conv``. The size is the last of the sampler's
#: own ladder, and not that of the lowest distance there: see ``notes.md``.
COOL = Mixture(50, temperature=0.8)

#: By model, the sources of codes that are tried.
SOURCES: dict[str, dict[str, Sampler]] = {
    "lecture-vae": {"prior": Prior()},
    "lecture-ae": {"Gaussian": Gaussian(), "mixture": Mixture()},
    "default-vae": {"prior": Prior(), "default": Mixture()},
    "default-ae": {"Gaussian": Gaussian(), "default": Mixture()},
    "default-conditional": {"prior": Prior(), "default": Mixture()},
    "conv": {"mixture of 50": Mixture(50), "cool mixture of 50": COOL, "flow": Flow()},
    "conv-vae": {
        "prior": Prior(),
        "cool mixture of 50": COOL,
        "two-stage": TwoStage(),
        "flow": Flow(),
    },
}


MAKERS = {
    "lecture-ae": lecture_autoencoder,
    "lecture-vae": lecture_variational,
    "default-ae": default_autoencoder,
    "default-vae": default_variational,
    "default-conditional": default_conditional,
    **MODELS,
}

#: By the name in the tables, that of `evaluate_generation`.
FIGURES = {
    "Fréchet": "frechet_distance",
    "kernel": "kernel_distance",
    "precision": "precision",
    "recall": "recall",
    "memorized": "share_memorized",
}


def run_of(name: str, seed: int, rows: Rows, real: str = "") -> dict[str, Any]:
    """Measure rows, and return them as a run; ``real_`` as many training rows in their place."""
    found = evaluate_generation(rows, DATA.X_test, DATA.X_train, random_state=seed)
    known = {title: found[real + key] for title, key in FIGURES.items() if real + key in found}
    run: dict[str, Any] = {"model": name, "seed": seed}
    run |= {title: figure["value"] for title, figure in known.items()}
    run["standard errors"] = {title: figure["standard_error"] for title, figure in known.items()}
    print(run, flush=True)
    return run


def runs_of(name: str, seed: int) -> list[dict[str, Any]]:
    """Train one model, and measure what it generates from each of its sources."""
    if name == FLOOR:
        return [run_of("training digits (the floor)", seed, DATA.X_train[:N_ROWS], "real_")]
    model: BaseAutoencoder
    model, _ = trained(name, MAKERS[name], DATA.X_train, seed, DATA.y_train)
    runs = [run_of(f"{name}, its copies", seed, model.reconstruct(DATA.X_test, DATA.y_test))]
    for source, sampler in SOURCES[name].items():
        model.set_params(sampler=sampler).fit_sampler(DATA.X_train, DATA.y_train)
        rows = model.sample(N_ROWS, random_state=seed)
        runs.append(run_of(f"{name}, {source}", seed, rows))
        if name == "default-conditional":
            runs[-1]["Fréchet by class"] = distance_by_class(model, seed)
            print(runs[-1]["Fréchet by class"], flush=True)
    return runs


def distance_by_class(model: BaseAutoencoder, seed: int) -> float:
    """Return the mean over the classes of the Fréchet distance of samples to test digits."""
    distances = []
    for label in range(10):
        real = DATA.X_test[DATA.y_test == label]
        samples = model.sample(len(real), y=label, random_state=seed)
        found = evaluate_generation(samples, real, random_state=seed)
        distances.append(found["frechet_distance"]["value"])
    return sum(distances) / len(distances)


def main() -> None:
    """Measure, print and write."""
    everything = [FLOOR, *SOURCES]
    parser = parser_of(__doc__)
    parser.add_argument("--models", nargs="+", choices=everything, default=everything)
    arguments = parser.parse_args()
    runs: list[dict[str, Any]] = []
    for name in arguments.models:
        for seed in arguments.seeds:
            runs += runs_of(name, seed)
    summary = summary_of(runs)
    print_summary(summary, digits=3)
    lecture = summary.get("lecture-vae, prior")
    for name, figures in summary.items():
        if lecture is not None and name != "lecture-vae, prior":
            ratio = lecture["Fréchet"]["mean"] / figures["Fréchet"]["mean"]
            print(f"{name:32} 1/{ratio:.1f} of the lecture's variational autoencoder")
    write_runs("generation.json", runs)


if __name__ == "__main__":
    main()
