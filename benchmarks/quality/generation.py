"""Generated digits, in the features of the shipped classifier: 4,000 against the 4,000 test digits.

    python benchmarks/quality/generation.py [--seeds 0 1 2]

The lecture's two models and the convolutional ones, with several sources of codes each; a model's
own copies of the test digits are what no source of codes is likely to surpass. The floor is 4,000
training digits against the test digits. A cool mixture is one of temperature 0.8.
"""

from __future__ import annotations

from typing import Any

from common import Rows, parser_of, print_summary, summary_of, trained, write
from models import MODELS, lecture_autoencoder, lecture_variational

from utsushi import datasets
from utsushi.estimators import BaseAutoencoder
from utsushi.evaluation import evaluate_generation
from utsushi.samplers import Flow, Gaussian, Mixture, Prior, Sampler, TwoStage

DATA = datasets.load_mnist20k()
N_ROWS = 4000

#: The temperature was chosen by ``choose.py``. The size is the last of the sampler's own ladder:
#: from 50 to 200, sizes differ by no more than two fits of one size do.
COOL = Mixture(50, temperature=0.8)

#: By model, the sources of codes that are tried.
SOURCES: dict[str, dict[str, Sampler]] = {
    "lecture-vae": {"prior": Prior()},
    "lecture-ae": {"Gaussian": Gaussian(), "mixture": Mixture()},
    "conv": {"mixture of 50": Mixture(50), "cool mixture of 50": COOL, "flow": Flow()},
    "conv-vae": {
        "prior": Prior(),
        "cool mixture of 50": COOL,
        "two-stage": TwoStage(),
        "flow": Flow(),
    },
}


def figures_of(name: str, seed: int, rows: Rows) -> list[dict[str, Any]]:
    """Measure rows, and return them as a run."""
    found = evaluate_generation(rows, DATA.X_test, DATA.X_train, random_state=seed)
    run = {
        "model": name,
        "seed": seed,
        "Fréchet": found["frechet_distance"]["value"],
        "kernel": found["kernel_distance"]["value"],
        "precision": found["precision"]["value"],
        "recall": found["recall"]["value"],
        "memorized": found["share_memorized"]["value"],
    }
    floor = {
        "model": "training digits (the floor)",
        "seed": seed,
        "Fréchet": found["real_frechet_distance"]["value"],
    }
    print(run, flush=True)
    return [floor, run]


def runs_of(name: str, seed: int) -> list[dict[str, Any]]:
    """Train one model, and measure what it generates from each of its sources."""
    makers = {"lecture-ae": lecture_autoencoder, "lecture-vae": lecture_variational, **MODELS}
    model: BaseAutoencoder
    model, _ = trained(name, makers[name], DATA.X_train, seed)
    runs = figures_of(f"{name}, its copies", seed, model.reconstruct(DATA.X_test))
    for source, sampler in SOURCES[name].items():
        model.set_params(sampler=sampler).fit_sampler(DATA.X_train)
        runs += figures_of(f"{name}, {source}", seed, model.sample(N_ROWS, random_state=seed))[1:]
    return runs


def main() -> None:
    """Measure, print and write."""
    parser = parser_of(__doc__)
    parser.add_argument("--models", nargs="+", choices=list(SOURCES), default=list(SOURCES))
    arguments = parser.parse_args()
    runs: list[dict[str, Any]] = []
    for name in arguments.models:
        for seed in arguments.seeds:
            floor, *found = runs_of(name, seed)
            # The floor depends on the seed alone.
            runs += found if floor in runs else [floor, *found]
    summary = summary_of(runs)
    print_summary(summary, digits=3)
    lecture = summary.get("lecture-vae, prior")
    for name, figures in summary.items():
        if lecture is not None and name != "lecture-vae, prior":
            ratio = lecture["Fréchet"]["mean"] / figures["Fréchet"]["mean"]
            print(f"{name:32} 1/{ratio:.1f} of the lecture's variational autoencoder")
    write("generation.json", {"summary": summary, "runs": runs})


if __name__ == "__main__":
    main()
