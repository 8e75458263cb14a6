"""What the ten numbers of a code tell of the digit: a linear probe and five nearest neighbours.

    python benchmarks/quality/features.py [--seeds 0 1 2] [--models dense conv …]

Both learn from the codes of the 16,000 training rows and their labels, and are measured on the
4,000 test rows. PCA of ten components stands beside.
"""

from __future__ import annotations

from typing import Any

from common import Rows, parser_of, print_summary, summary_of, trained, write_runs
from models import MODELS, conv_for_features, lecture_autoencoder
from sklearn.decomposition import PCA

from utsushi import datasets
from utsushi.evaluation import linear_probe, neighbour_accuracy

DATA = datasets.load_mnist20k()


def run_of(name: str, seed: int, codes_train: Rows, codes_test: Rows) -> dict[str, Any]:
    """Measure codes."""
    lesson = codes_train, DATA.y_train, codes_test, DATA.y_test
    run = {
        "model": name,
        "seed": seed,
        "linear probe": linear_probe(*lesson).value,
        "5 neighbours": neighbour_accuracy(*lesson).value,
    }
    print(run, flush=True)
    return run


def main() -> None:
    """Measure, print and write."""
    makers = {"lecture-ae": lecture_autoencoder, **MODELS, "conv-larger-moves": conv_for_features}
    parser = parser_of(__doc__)
    parser.add_argument("--models", nargs="+", choices=list(makers), default=list(makers))
    arguments = parser.parse_args()
    pca = PCA(10, svd_solver="full").fit(DATA.X_train)
    runs = [run_of("PCA-10", 0, pca.transform(DATA.X_train), pca.transform(DATA.X_test))]
    for name in arguments.models:
        for seed in arguments.seeds:
            model, _ = trained(name, makers[name], DATA.X_train, seed)
            codes = model.transform(DATA.X_train), model.transform(DATA.X_test)
            runs.append(run_of(name, seed, *codes))
    summary = summary_of(runs)
    print_summary(summary)
    write_runs("features.json", runs)


if __name__ == "__main__":
    main()
