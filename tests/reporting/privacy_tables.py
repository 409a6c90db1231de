"""Tables whose privacy is known: copies, noisy copies, independent columns, unseen real rows."""

from __future__ import annotations

import numpy as np
from customer_rows import customers

from h2o_gan.reporting.measures.rows import Rows, Samples

__all__ = ["RELEASES", "noisy_copies", "released"]


def noisy_copies(rows: Rows, others: Rows, share: float, seed: int = 3) -> Rows:
    """Rows of which a share of the cells is taken from other rows."""
    rng = np.random.default_rng(seed)
    values = {
        name: np.where(rng.random(len(rows)) < share, rng.permutation(others.values[name]), cells)
        for name, cells in rows.values.items()
    }
    return Rows(rows.fields, values)


RELEASES = {
    "copies": lambda training: training,
    "noisy": lambda training: noisy_copies(training, training, 0.15),
    "unseen": lambda training: customers(len(training), 9),
    "independent": lambda training: training.shuffled(np.random.default_rng(50)),
}
"""What is released in place of the training rows."""


def released(kind: str, rows: int = 1200) -> Samples:
    """Samples with a release of a kind."""
    training = customers(rows, 1)
    shuffled = training.shuffled(np.random.default_rng(5))
    return Samples(training, RELEASES[kind](training), shuffled, customers(rows, 2), seed=1)
