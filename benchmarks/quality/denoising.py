"""Denoising: how near to the clean digits a model comes from damaged ones.

    python benchmarks/quality/denoising.py [--seeds 0 1 2]

Test digits are damaged by masking (each pixel zero with probability 0.5) and by Gaussian noise of
deviation 0.3, the same for all models, and compared with the clean ones after each model's copy.
PCA of 10 components and the plain autoencoder of the lecture's size see the same damaged rows. The
denoising autoencoder may have any size: its code need not be narrow to keep it from copying.
"""

from __future__ import annotations

from typing import Any

import torch
from common import Rows, parser_of, print_summary, summary_of, trained, write
from sklearn.decomposition import PCA

from utsushi import Autoencoder, DenoisingAutoencoder, Recipe, datasets
from utsushi.augmentation import Affine
from utsushi.corruption import CORRUPTIONS
from utsushi.estimators import BaseAutoencoder
from utsushi.evaluation import error_of_copies
from utsushi.networks import Conv

DATA = datasets.load_mnist20k()
DAMAGES = {"masking": 0.5, "gaussian": 0.3}

#: Set beforehand, not searched.
RECIPE = Recipe(
    max_epochs=25, batch_size=128, learning_rate=3e-3, schedule="one-cycle", betas=(0.9, 0.98)
)


def denoiser(kind: str, level: float, seed: int) -> DenoisingAutoencoder:
    """Return the unfitted denoising autoencoder for one kind of damage."""
    return DenoisingAutoencoder(
        128,
        corruption=kind,
        corruption_level=level,
        network=Conv(channels=(32, 64), hidden=512, activation="gelu"),
        image_shape=(28, 28),
        augment=Affine(),
        recipe=RECIPE,
        sampler="gaussian",
        precision="bfloat16",
        random_state=seed,
    )


def plain(seed: int) -> Autoencoder:
    """Return the unfitted autoencoder of the lecture's size."""
    return Autoencoder(10, sampler="gaussian", random_state=seed)


def runs_of(seed: int) -> list[dict[str, Any]]:
    """Train with one seed and measure all models under both kinds of damage."""
    clean = DATA.X_test
    pca = PCA(10, svd_solver="full").fit(DATA.X_train)
    autoencoder, _ = trained("plain", plain, DATA.X_train, seed)
    runs: dict[str, dict[str, Any]] = {}

    def note(name: str, kind: str, copies: Rows) -> None:
        runs.setdefault(name, {"model": name, "seed": seed})[kind] = error_of_copies(
            clean, copies
        ).value

    for kind, level in DAMAGES.items():
        draws = torch.Generator().manual_seed(20_000 + seed)
        damaged = CORRUPTIONS[kind](torch.from_numpy(clean), level, draws).numpy()

        def make(seed: int, kind: str = kind, level: float = level) -> BaseAutoencoder:
            return denoiser(kind, level, seed)

        model, _ = trained(f"denoising-{kind}", make, DATA.X_train, seed)
        note("as it is", kind, damaged)
        note("PCA-10", kind, pca.inverse_transform(pca.transform(damaged)))
        note("autoencoder", kind, autoencoder.reconstruct(damaged))
        note("denoising", kind, model.reconstruct(damaged))
    return list(runs.values())


def main() -> None:
    """Measure, print and write."""
    seeds = parser_of(__doc__).parse_args().seeds
    runs = [run for seed in seeds for run in runs_of(seed)]
    summary = summary_of(runs)
    print_summary(summary)
    for kind in DAMAGES:
        better = min(summary[name][kind]["mean"] for name in ("PCA-10", "autoencoder"))
        ratio = summary["denoising"][kind]["mean"] / better
        print(f"{kind}: {ratio:.3f} of the better of PCA and the plain autoencoder (bar: 0.6)")
    write("denoising.json", {"summary": summary, "runs": runs})


if __name__ == "__main__":
    main()
