"""Tables that several engine tests use."""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for helpers beside the tests


@pytest.fixture(scope="session")
def mixed_table():
    """2,000 rows of every learnable kind, with missing values and strong dependencies."""
    rng = np.random.default_rng(7)
    rows = 2_000
    group = rng.integers(0, 3, rows)
    amount = np.round(rng.normal([10, 20, 40], 3, (rows, 3))[np.arange(rows), group], 1)
    moment = 1_500_000_000_000 + group * 10**10 + rng.integers(0, 10**9, rows)
    return pa.table(
        {
            "group": pa.DictionaryArray.from_arrays(
                pa.array(group, pa.int32()), pa.array(["red", "green", "blue", "unused"])
            ),
            "amount": pa.array(amount, mask=rng.random(rows) < 0.2),
            "count": pa.array(rng.poisson(1 + group * 3)),
            "moment": pa.array(moment, pa.timestamp("ms", tz="UTC")),
            "flag": pa.DictionaryArray.from_arrays(
                pa.array(rng.integers(0, 2, rows), pa.int32(), mask=rng.random(rows) < 0.1),
                pa.array(["no", "yes"]),
            ),
            "same": pa.array(np.full(rows, 5)),
            "empty": pa.nulls(rows, pa.float64()),
        }
    )


@pytest.fixture(scope="session")
def digits_table():
    """scikit-learn's 1,797 handwritten digits as 64 pixel columns."""
    from sklearn.datasets import load_digits

    pixels = load_digits().data.astype(np.int64)
    return pa.table({f"pixel{i}": pixels[:, i] for i in range(64)})
