"""Compare the lecture's numbers with Utsushi's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from utsushi.evaluation import Estimate

__all__ = ["PCA_SIZES", "Comparison", "compare"]

#: The numbers of components in the lecture's table of PCA.
PCA_SIZES = (10, 20, 30, 40, 50)

#: The lecture's table of PCA errors, on training samples.
_LECTURE_PCA = {10: 0.034308, 20: 0.023815, 30: 0.017970, 40: 0.014241, 50: 0.011672}

#: Results that are not in the lecture's text: those of its training loop, run by
#: ``python benchmarks/lecture_loop.py`` (seed 0, torch 2.13.0 on a CPU).
_RERUN = {
    "ae_train": 0.0157,
    "ae_test": 0.0183,
    "vae_train": 0.0496,
    "vae_test": 0.0502,
    "vae_mse": 0.0261,
    "vae_kl": 6.2,
    "vae_dead": 1,
}


@dataclass(frozen=True)
class Comparison:
    """Hold one row of the table.

    Attributes
    ----------
    key : str
        The metric: a key of the texts.
    size : int or None
        The number of components, for PCA.
    lecture : str
        The number in the lecture's text; empty if there is none.
    rerun : str
        The result of the lecture's code, run again.
    utsushi : str
        Utsushi's result, with as many digits.
    """

    key: str
    size: int | None
    lecture: str
    rerun: str
    utsushi: str


def compare(
    pca: Mapping[str, Mapping[int, Estimate]],
    metrics: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> list[Comparison]:
    """Compare results with the lecture's.

    Parameters
    ----------
    pca : mapping
        Reconstruction errors of "train" and "test" by number of components.
    metrics : mapping
        By model, "autoencoder" and (optionally) "variational", and by part, "train" and "test".

    Returns
    -------
    list of Comparison
    """
    table = []
    for part in ("train", "test"):
        for size in PCA_SIZES:
            lecture = f"{_LECTURE_PCA[size]:.6f}" if part == "train" else ""
            utsushi = f"{pca[part][size].value:.6f}"
            table.append(Comparison(f"pca_{part}", size, lecture, "", utsushi))
    ae, vae = metrics["autoencoder"], metrics.get("variational")
    table += [_loss("ae", part, ae[part]["reconstruction"]) for part in ("train", "test")]
    if vae is None:
        return table
    table += [_loss("vae", part, vae[part]["likelihood"]) for part in ("train", "test")]
    mse = vae["test"]["reconstruction"]["mse"]["value"]
    table.append(Comparison("vae_mse", None, "", f"{_RERUN['vae_mse']:.4f}", f"{mse:.4f}"))
    collapse = vae["test"]["collapse"]
    kl, dead = collapse["kl"]["value"], collapse["dead_components"]
    table.append(Comparison("vae_kl", None, "", f"{_RERUN['vae_kl']:.1f}", f"{kl:.1f}"))
    table.append(Comparison("vae_dead", None, "", str(_RERUN["vae_dead"]), str(dead)))
    return table


def _loss(model: str, part: str, metrics: Mapping[str, Any]) -> Comparison:
    """Return the row of a model's loss on the training or the test part."""
    key, value = f"{model}_{part}", metrics["lecture_loss"]["value"]
    return Comparison(key, None, "", f"{_RERUN[key]:.4f}", f"{value:.4f}")
