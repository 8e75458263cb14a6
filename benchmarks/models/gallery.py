"""The same digits through every model: a picture and a table for docs/models.md.

    python benchmarks/models/gallery.py [--n-train 4000] [--seed 0] [--write]

Each model has ten components (or what its kind takes in their place) and its defaults, and learns
the first 4,000 training digits of the lecture's split; all figures are of the 4,000 test digits.
``error`` is the squared error of an image, ``bound`` the importance-weighted bound on log p(x) with
100 draws in nats, ``Fréchet`` the distance of 4,000 samples from the test digits, of pixels; sparse
codes are not sampled, and have 1,024 components. With ``--write`` the picture and the table replace
those of the documentation.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from utsushi import (
    Autoencoder,
    DenoisingAutoencoder,
    SemiSupervisedVariationalAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
    VectorQuantizedAutoencoder,
    datasets,
)
from utsushi.evaluation import frechet_distance
from utsushi.figures import image_rows
from utsushi.networks import Conv

DOCS = Path(__file__).parents[2] / "docs"
BEGIN, END = "<!-- begin: benchmarks/models/gallery.py -->", "<!-- end -->"
SHOWN, DRAWN = 8, 8

VAE, AE = VariationalAutoencoder, Autoencoder
HIERARCHY = {"prior": "hierarchical", "posterior": "hierarchical"}

#: By name, what a user writes; a class that learns from labels is fitted with them.
MODELS: dict[str, tuple[type, dict[str, Any]]] = {
    "Autoencoder": (AE, {}),
    "Convolutional": (AE, {"network": Conv(), "max_epochs": 6}),
    "Denoising": (DenoisingAutoencoder, {}),
    "Sparse codes (L1)": (AE, {"penalty": "sparse"}),
    "Contractive": (AE, {"penalty": "contractive"}),
    "RAE-L2": (AE, {"penalty": "code-and-weights"}),
    "RAE-GP": (AE, {"penalty": "decoder-gradient"}),
    "WAE-MMD": (AE, {"penalty": "mmd", "sampler": "prior"}),
    "Adversarial": (AE, {"penalty": "adversarial", "sampler": "prior"}),
    "Sparse codes (TopK)": (SparseAutoencoder, {"n_components": 1024}),
    "Vector quantization": (VectorQuantizedAutoencoder, {}),
    "Finite scalar quantization": (
        VectorQuantizedAutoencoder,
        {"bottleneck": "finite-scalar-quantization"},
    ),
    "VAE": (VAE, {}),
    "VAE, lecture's": (VAE, {"likelihood": "unit-gaussian", "sampler": "prior"}),
    "β-VAE (β = 4)": (VAE, {"beta": 4.0}),
    "Conditional": (VAE, {"conditional": True}),
    "Semi-supervised (M2)": (SemiSupervisedVariationalAutoencoder, {}),
    "β-TC": (VAE, {"objective": "beta-tc"}),
    "FactorVAE": (VAE, {"objective": "factor"}),
    "DIP-VAE": (VAE, {"objective": "dip"}),
    "InfoVAE": (VAE, {"objective": "info"}),
    "Annealed capacity": (VAE, {"objective": "capacity-annealed"}),
    "VAE-GAN": (VAE, {"objective": "adversarial"}),
    "MS-SSIM": (VAE, {"objective": "ms-ssim"}),
    "IWAE": (VAE, {"objective": "importance-weighted"}),
    "PIWAE": (VAE, {"objective": "partially-importance-weighted"}),
    "CIWAE": (VAE, {"objective": "combined-importance-weighted"}),
    "Mixture prior": (VAE, {"prior": "mixture", "sampler": "prior"}),
    "VampPrior": (VAE, {"prior": "vamp", "sampler": "prior"}),
    "Flow prior": (VAE, {"prior": "flow", "sampler": "prior"}),
    "Full covariance": (VAE, {"posterior": "full-covariance"}),
    "IAF posterior": (VAE, {"posterior": "inverse-autoregressive-flow"}),
    "Hierarchical": (VAE, {**HIERARCHY, "sampler": "prior"}),
}

Figures = dict[str, float | None]


def shown_digits(labels: np.ndarray) -> np.ndarray:
    """Return the positions of the first digit of each class, eight of them."""
    return np.array([np.flatnonzero(labels == c)[0] for c in range(SHOWN)])


def figures_of(name: str, n_train: int, seed: int) -> tuple[Figures, np.ndarray]:
    """Train a model; return its figures, and reconstructions and samples in one row."""
    digits = datasets.load_mnist20k()
    X, y = digits.X_train[:n_train], digits.y_train[:n_train]
    cls, settings = MODELS[name]
    model = cls(**{"image_shape": (28, 28), "random_state": seed, **settings}).fit(X, y)
    labels = (digits.y_test,) if getattr(model, "conditional", False) else ()
    copies = model.reconstruct(digits.X_test, *labels)
    found: Figures = {
        "error": float(np.square(copies - digits.X_test).sum(axis=1).mean()),
        "bound": None,
        "Fréchet": None,
    }
    if cls is SparseAutoencoder:  # which has no distribution of codes
        samples = np.zeros_like(digits.X_test)
    else:
        samples = model.sample(len(digits.X_test), random_state=seed)
        found["Fréchet"] = float(frechet_distance(samples, digits.X_test))
    if hasattr(model, "log_likelihood"):
        found["bound"] = float(model.log_likelihood(digits.X_test, *labels).mean())
    row = np.concatenate([copies[shown_digits(digits.y_test)], samples[:DRAWN]])
    return found, row


def as_table(found: dict[str, Figures]) -> str:
    """Return the figures as a table of Markdown."""
    lines = ["| model | error | bound | Fréchet |", "|---|---|---|---|"]
    for name, figures in found.items():
        values = ["–" if value is None else f"{value:.1f}" for value in figures.values()]
        lines.append(f"| {name} | {' | '.join(values)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n-train", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    digits = datasets.load_mnist20k()
    first = digits.X_test[shown_digits(digits.y_test)]
    rows, found = [("Digits | samples", first)], {}
    for name in arguments.models:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found[name], images = figures_of(name, arguments.n_train, arguments.seed)
        rows.append((name, images))
        print(name, found[name], flush=True)
    table = as_table(found)
    print(table)
    if arguments.write:
        image_rows(rows, (28, 28)).savefig(DOCS / "images" / "models.png")
        page = DOCS / "models.md"
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        page.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
