"""Thirty numbers a digit, all of MNIST: the squared error of Hinton and Salakhutdinov 2006.

    python benchmarks/quality/thirty.py --mnist FOLDER [--seeds 0 1 2]

Trains on the 60,000 and reports the squared error per image (summed over its 784 pixels in
[0, 1], the mean of the 10,000): 3.00 in the paper, https://doi.org/10.1126/science.1127647, for a
deep dense autoencoder. FOLDER holds the four IDX files of MNIST. The settings were not searched.
"""

from __future__ import annotations

from typing import Any

from common import Rows, parser_of, print_summary, summary_of, trained, write_runs
from sklearn.decomposition import PCA

from utsushi import Autoencoder, Recipe, datasets
from utsushi.evaluation import Estimate
from utsushi.evaluation.reconstruction import squared_errors
from utsushi.networks import Conv
from utsushi.transforms.augmentation import Affine


def model_of(seed: int) -> Autoencoder:
    """Return the unfitted model."""
    return Autoencoder(
        30,
        network=Conv(
            channels=(32, 64),
            hidden=(512,),
            activation="silu",
            output="sigmoid",
            initialization="uniform",
        ),
        image_shape=(28, 28),
        scaling=None,
        augment=Affine(),
        recipe=Recipe(
            "lecture",
            max_epochs=20,
            batch_size=200,
            learning_rate=3e-3,
            schedule="one-cycle",
            betas=(0.9, 0.98),
            precision="bfloat16",
        ),
        sampler="gaussian",
        random_state=seed,
    )


def run_of(name: str, seed: int, rows: Rows, copies: Rows) -> dict[str, Any]:
    """Measure copies: the mean over the images, and its standard error."""
    error = Estimate.over(squared_errors(rows, copies))
    return {
        "model": name,
        "seed": seed,
        "squared error": error.value,
        "standard errors": {"squared error": error.standard_error},
    }


def main() -> None:
    """Measure, print and write."""
    parser = parser_of(__doc__)
    parser.add_argument("--mnist", required=True)
    arguments = parser.parse_args()
    digits = datasets.open(arguments.mnist)
    pca = PCA(30, svd_solver="covariance_eigh").fit(digits.X_train)
    copies = pca.inverse_transform(pca.transform(digits.X_test))
    runs = [run_of("PCA-30", 0, digits.X_test, copies)]
    for seed in arguments.seeds:
        model, seconds = trained("thirty", model_of, digits.X_train, seed)
        run = run_of("conv", seed, digits.X_test, model.reconstruct(digits.X_test))
        runs.append({**run, "seconds": seconds})
        print(runs[-1], flush=True)
    summary = summary_of(runs)
    print_summary(summary, digits=3)
    write_runs("thirty.json", runs)


if __name__ == "__main__":
    main()
