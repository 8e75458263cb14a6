"""The lecture's numbers with three seeds: the table of docs/lecture.md.

    python benchmarks/lecture_numbers.py [--seeds 0 1 2]

Trains the two models as ``utsushi lecture`` does, prints a row a seed, and writes the result
beside this script.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from utsushi.lecture import run_experiment


def row_of(seed: int) -> dict[str, Any]:
    """Run the experiment and return its test figures."""
    metrics = run_experiment(random_state=seed, verbose=1).metrics
    ae, vae = metrics["autoencoder"], metrics["variational"]
    return {
        "seed": seed,
        "AE loss/D train": ae["train"]["reconstruction"]["lecture_loss"]["value"],
        "AE loss/D test": ae["test"]["reconstruction"]["lecture_loss"]["value"],
        "VAE loss/D train": vae["train"]["likelihood"]["lecture_loss"]["value"],
        "VAE loss/D test": vae["test"]["likelihood"]["lecture_loss"]["value"],
        "VAE MSE test": vae["test"]["reconstruction"]["mse"]["value"],
        "VAE KL test": vae["test"]["collapse"]["kl"]["value"],
        "VAE dead": vae["test"]["collapse"]["dead_components"],
    }


def main() -> None:
    """Run all seeds, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    rows = [row_of(seed) for seed in parser.parse_args().seeds]
    print("  ".join(rows[0]))
    for row in rows:
        cells = (
            f"{v:{len(k)}.4f}" if isinstance(v, float) else f"{v:{len(k)}}" for k, v in row.items()
        )
        print("  ".join(cells))
    path = Path(__file__).with_name("results") / "lecture_numbers.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
