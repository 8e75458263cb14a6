"""A table as users have them: identifiers, dates, categories, counts, skewed money, gaps.

    python benchmarks/tables/messy.py FILE.csv [--n 20000] [--seed 0]

``messy_table`` returns it as a DataFrame.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["messy_table"]

PLANS = ["free", "basic", "team", "enterprise"]
COUNTRIES = ["JP", "US", "DE", "FR", "IN", "BR", "GB", "KR"]


def messy_table(n_samples: int = 20_000, seed: int = 0) -> pd.DataFrame:
    """Return customers of a made-up service; most columns depend on each other."""
    rng = np.random.default_rng(seed)
    age = rng.normal(38, 11, n_samples).clip(18, 90).round()
    country = rng.choice(COUNTRIES, n_samples, p=[0.3, 0.25, 0.12, 0.1, 0.09, 0.06, 0.05, 0.03])
    wealth = np.where(np.isin(country, ["US", "JP", "DE"]), 0.4, -0.2)
    income = np.exp(10.2 + wealth + 0.012 * (age - 38) + rng.normal(0, 0.45, n_samples))
    tenure = rng.gamma(1.5, 14, n_samples).round()
    appetite = 0.8 * (np.log(income) - 10.2) + 0.02 * tenure + rng.normal(0, 0.6, n_samples)
    plan = np.digitize(appetite, [-0.2, 0.6, 1.5])
    seats = np.where(plan < 2, 1, 1 + rng.poisson(np.where(plan == 3, 25, 5)))
    spend = np.array([0.0, 9.0, 29.0, 99.0])[plan] * seats * rng.lognormal(0, 0.15, n_samples)
    tickets = rng.poisson(0.3 + 0.4 * plan + 0.01 * seats)
    satisfaction = (4.2 - 0.35 * tickets + rng.normal(0, 0.8, n_samples)).round().clip(1, 5)
    churned = rng.random(n_samples) < 1 / (
        1 + np.exp(1.5 + 0.8 * (satisfaction - 3) + 0.03 * tenure)
    )
    signup = pd.Timestamp("2026-01-31") - pd.to_timedelta(30.4 * tenure, unit="D")
    table = pd.DataFrame(
        {
            "id": np.arange(100_000, 100_000 + n_samples),
            "email": [f"user{number}@example.org" for number in rng.permutation(n_samples)],
            "signup": signup.strftime("%Y-%m-%d"),
            "age": age,
            "country": country,
            "income": income.round(2),
            "plan": np.array(PLANS)[plan],
            "seats": seats,
            "monthly_spend": spend.round(2),
            "tenure_months": tenure,
            "tickets": tickets,
            "satisfaction": satisfaction,
            "marketing_emails": rng.random(n_samples) < 0.6,
            "churned": np.where(churned, "yes", "no"),
        }
    )
    for column, share in (
        ("income", 0.12),
        ("satisfaction", 0.2),
        ("age", 0.03),
        ("country", 0.02),
    ):
        table.loc[rng.random(n_samples) < share, column] = np.nan
    return table


def main() -> None:
    """Write the table as CSV."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    messy_table(arguments.n, arguments.seed).to_csv(arguments.file, index=False)


if __name__ == "__main__":
    main()
