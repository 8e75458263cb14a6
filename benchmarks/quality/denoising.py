"""Denoising: how near to the clean digits a model comes from damaged ones.

    python benchmarks/quality/denoising.py [--seeds 0 1 2] [--networks dense conv]

Test digits are damaged by masking (each pixel zero with probability 0.5) and by Gaussian noise of
deviation 0.3, the same for all models, and compared with the clean ones after each model's copy.
PCA of 10 components and the plain autoencoder of the lecture's size see the same damaged rows. So
do the denoising autoencoders: a dense one, which is the plain one but for its damaged input, and
two convolutional ones, of 10 numbers and of 128: the code of a denoiser need not be narrow to keep
it from copying. No setting was searched.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch
from common import Rows, parser_of, print_summary, summary_of, trained, write_runs
from models import CONV, SHARED, recipe
from sklearn.decomposition import PCA

from utsushi import Autoencoder, DenoisingAutoencoder, datasets
from utsushi.evaluation import reconstruction_mse
from utsushi.transforms.corruption import CORRUPTIONS

DATA = datasets.load_mnist20k()
DAMAGES = {"masking": 0.5, "gaussian": 0.3}
SIZES = (10, 128)
NETWORKS = ("dense", "conv")
PLAIN = "plain, dense, 10 numbers"


def dense_denoiser(kind: str, seed: int) -> DenoisingAutoencoder:
    """Return the unfitted denoising autoencoder of the size and the recipe of `plain`."""
    return DenoisingAutoencoder(
        10,
        corruption=kind,
        corruption_level=DAMAGES[kind],
        sampler="gaussian",
        random_state=seed,
    )


def conv_denoiser(n_components: int, kind: str, seed: int) -> DenoisingAutoencoder:
    """Return the unfitted convolutional denoising autoencoder for one kind of damage.

    Its settings are those of `models.conv`, with fewer epochs.
    """
    return DenoisingAutoencoder(
        n_components,
        corruption=kind,
        corruption_level=DAMAGES[kind],
        network=CONV,
        recipe=recipe(15, 128, 3e-3, precision="bfloat16"),
        sampler="gaussian",
        random_state=seed,
        **SHARED,
    )


def plain(seed: int) -> Autoencoder:
    """Return the unfitted autoencoder of the lecture's size."""
    return Autoencoder(10, sampler="gaussian", random_state=seed)


def denoisers(networks: Sequence[str], kind: str) -> dict[str, tuple[str, Any]]:
    """Return, by name, where the cache keeps a denoising autoencoder, and its maker."""
    found: dict[str, tuple[str, Any]] = {}
    if "dense" in networks:
        make = functools.partial(dense_denoiser, kind)
        found["denoising, dense, 10 numbers"] = f"denoising-dense-{kind}", make
    if "conv" in networks:
        for size in SIZES:
            make = functools.partial(conv_denoiser, size, kind)
            found[f"denoising, conv, {size} numbers"] = f"denoising-{kind}-{size}", make
    return found


def runs_of(seed: int, networks: Sequence[str]) -> list[dict[str, Any]]:
    """Train with one seed and measure all models under both kinds of damage."""
    clean = DATA.X_test
    pca = PCA(10, svd_solver="full").fit(DATA.X_train)
    autoencoder, _ = trained("plain", plain, DATA.X_train, seed)
    runs: dict[str, dict[str, Any]] = {}

    def note(name: str, kind: str, copies: Rows) -> None:
        run = runs.setdefault(name, {"model": name, "seed": seed, "standard errors": {}})
        error = reconstruction_mse(clean, copies)
        run[kind] = error.value
        run["standard errors"][kind] = error.standard_error

    for kind, level in DAMAGES.items():
        draws = torch.Generator().manual_seed(20_000 + seed)
        damaged = CORRUPTIONS[kind](torch.from_numpy(clean), level, draws).numpy()
        note("as it is", kind, damaged)
        note("PCA-10", kind, pca.inverse_transform(pca.transform(damaged)))
        note(PLAIN, kind, autoencoder.reconstruct(damaged))
        for name, (file, make) in denoisers(networks, kind).items():
            model, _ = trained(file, make, DATA.X_train, seed)
            note(name, kind, model.reconstruct(damaged))
    return list(runs.values())


def main() -> None:
    """Measure, print and write."""
    parser = parser_of(__doc__)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    arguments = parser.parse_args()
    runs = [run for seed in arguments.seeds for run in runs_of(seed, arguments.networks)]
    summary = summary_of(runs)
    print_summary(summary, digits=5)
    for kind in DAMAGES:
        better = min(summary[name][kind]["mean"] for name in ("PCA-10", PLAIN))
        for name in denoisers(arguments.networks, kind):
            ratio = summary[name][kind]["mean"] / better
            print(f"{kind}, {name}: {ratio:.3f} of the better of PCA and the plain autoencoder")
    write_runs("denoising.json", runs)


if __name__ == "__main__":
    main()
