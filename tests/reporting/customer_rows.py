"""Tables of rows with known structure, for tests of measures."""

from __future__ import annotations

import numpy as np

from h2o_gan.reporting.measures.rows import Field, Rows, Samples

FIELDS = (
    Field("age", "number"),
    Field("income", "number"),
    Field("city", "category", ("Bath", "Cork", "Graz", "Oslo")),
    Field("bought", "category", ("no", "yes")),
    Field("since", "time"),
)


def customers(rows: int, seed: int) -> Rows:
    """Customers whose columns depend on each other, some cells missing."""
    rng = np.random.default_rng(seed)
    age = np.floor(18 + 60 * rng.beta(2, 3, rows))
    city = rng.choice(4, rows, p=[0.5, 0.3, 0.15, 0.05]).astype(float)
    income = np.exp(9 + 0.02 * age + 0.3 * city + 0.3 * rng.normal(size=rows))
    income[rng.random(rows) < 0.1] = 0.0
    bought = (rng.random(rows) < 1 / (1 + np.exp(-(age - 45) / 6))).astype(float)
    since = 1.6e12 - age * 3e9 + 1e10 * rng.random(rows)
    income[rng.random(rows) < 0.05] = np.nan
    city[rng.random(rows) < 0.02] = np.nan
    values = dict(zip([f.name for f in FIELDS], (age, income, city, bought, since), strict=True))
    return Rows(FIELDS, values)


def samples(synthetic: Rows, rows: int = 2000) -> Samples:
    """Training rows, unseen rows of the same kind, and rows to judge."""
    training = customers(rows, 1)
    shuffled = training.shuffled(np.random.default_rng(5))
    return Samples(training, synthetic, shuffled, customers(rows, 2), seed=1)
