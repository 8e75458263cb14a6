"""Denoising: how near to the clean digits a model comes from damaged ones.

    python benchmarks/quality/denoising.py [--seeds 0 1 2]

Test digits are damaged by masking (each pixel zero with probability 0.5) and by Gaussian noise of
deviation 0.3, the same for all models, and compared with the clean ones after each model's copy.
PCA of 10 components and the plain autoencoder of the lecture's size see the same damaged rows. So
do two denoising autoencoders, of 10 numbers and of 128: the code of a denoiser need not be narrow
to keep it from copying.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from common import Rows, parser_of, print_summary, summary_of, trained, write
from models import CONV, SHARED, recipe
from sklearn.decomposition import PCA

from utsushi import Autoencoder, DenoisingAutoencoder, datasets
from utsushi.corruption import CORRUPTIONS
from utsushi.evaluation import error_of_copies

DATA = datasets.load_mnist20k()
DAMAGES = {"masking": 0.5, "gaussian": 0.3}
SIZES = (10, 128)


def denoiser(n_components: int, kind: str, seed: int) -> DenoisingAutoencoder:
    """Return the unfitted denoising autoencoder for one kind of damage.

    Its settings are those of `models.conv`, with fewer epochs, and were not searched.
    """
    return DenoisingAutoencoder(
        n_components,
        corruption=kind,
        corruption_level=DAMAGES[kind],
        network=CONV,
        recipe=recipe(15, 128, 3e-3),
        sampler="gaussian",
        precision="bfloat16",
        random_state=seed,
        **SHARED,
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
        note("as it is", kind, damaged)
        note("PCA-10", kind, pca.inverse_transform(pca.transform(damaged)))
        note("autoencoder", kind, autoencoder.reconstruct(damaged))
        for size in SIZES:
            make = functools.partial(denoiser, size, kind)
            model, _ = trained(f"denoising-{kind}-{size}", make, DATA.X_train, seed)
            note(f"denoising, {size} numbers", kind, model.reconstruct(damaged))
    return list(runs.values())


def main() -> None:
    """Measure, print and write."""
    seeds = parser_of(__doc__).parse_args().seeds
    runs = [run for seed in seeds for run in runs_of(seed)]
    summary = summary_of(runs)
    print_summary(summary)
    for kind in DAMAGES:
        better = min(summary[name][kind]["mean"] for name in ("PCA-10", "autoencoder"))
        for size in SIZES:
            ratio = summary[f"denoising, {size} numbers"][kind]["mean"] / better
            print(f"{kind}, {size} numbers: {ratio:.3f} of the better of PCA and the autoencoder")
    write("denoising.json", {"summary": summary, "runs": runs})


if __name__ == "__main__":
    main()
