"""Is the default training of a variational autoencoder long enough for a messy table?

    python benchmarks/tables/length.py [--seeds 0 1 2]

The table of messy.py has 20,000 samples, of which 16,000 train; its identifiers are left out.
Prints the bound on new and on training samples (nats a sample, higher is better) at the default
length and after 200 epochs.
"""

from __future__ import annotations

import argparse

from messy import messy_table

from utsushi import VariationalAutoencoder, datasets

N_TRAIN, LENGTHS = 16_000, (None, 200)


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    table = datasets.open(messy_table(), drop=["id", "email"], dates=["signup"])
    known, new = table.X_train[:N_TRAIN], table.X_train[N_TRAIN:]
    for seed in arguments.seeds:
        for max_epochs in LENGTHS:
            model = VariationalAutoencoder(
                8, missing="mask", scaling="standard", max_epochs=max_epochs, random_state=seed
            ).fit(known)
            print(
                f"seed {seed}, {model.n_epochs_} epochs: new samples {model.score(new):.2f}, "
                f"training samples {model.score(known):.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
