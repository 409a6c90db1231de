"""Columns for tests of relations between columns."""

import numpy as np
import pyarrow as pa

DAY = 86_400_000
"""Milliseconds of a day."""


def money(seed, count, rows):
    """Columns of amounts with two decimals, each (rows,) float64."""
    return [np.random.default_rng(seed + i).gamma(2, 30, rows).round(2) for i in range(count)]


def times(milliseconds):
    """An Arrow array of times."""
    return pa.array(np.asarray(milliseconds, np.int64), pa.timestamp("ms", tz="UTC"))
