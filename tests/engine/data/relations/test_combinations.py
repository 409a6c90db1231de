"""Combinations of values: which the rule holds, and the rows that break it."""

import numpy as np
import pyarrow as pa
import pytest
from relation_tables import LEVELS, cities
from untrained import enum

from h2o_gan.engine.data.relations.checking import columns_in
from h2o_gan.engine.data.relations.combinations import MAX_COMBINATIONS
from h2o_gan.engine.data.relations.grammar import parse
from h2o_gan.engine.data.schema import TIME

COUNTS = {
    ("Rome", 2.5): 5,
    ("Paris", -0.0): 6,
    ("Paris", None): 7,
    (None, 2.5): 8,
    ("Oslo", 1.0): 4,
}
PAIRS = [pair for pair, count in COUNTS.items() for _ in range(count)]
CITIES = pa.table(
    {
        "city": cities([city for city, _ in PAIRS]),
        "rate": pa.array([rate for _, rate in PAIRS], pa.float64()),
        "day": pa.array([3] * len(PAIRS), TIME),
    }
)


def test_fixed_combinations():
    fitted = parse("city, rate, day", columns_in(CITIES)).fitted(CITIES)
    assert len(fitted) == 4
    city, rate, day = fitted.numbers
    assert list(zip(city.tolist(), rate.tolist(), strict=True)) == [
        (0, 0.0), (0, 0.0), (0, 2.5), (1, 2.5),
    ]  # fmt: skip
    assert set(day.tolist()) == {3}
    assert fitted.describe() == {
        "relation": "city, rate, day",
        "kind": "combinations",
        "share": 1.0,
    }
    assert np.flatnonzero(fitted.broken(CITIES)).tolist() == [26, 27, 28, 29]  # too rare
    others = pa.table(
        {
            "city": enum(
                ["Paris", "Paris", "new", None, "Rome", "Rome", None, "Rome"], ("new", *LEVELS)
            ),
            "rate": [0.0, 2.5, 2.5, 2.5, None, 2.5, None, 7.5],
            "day": pa.array([3, 3, 3, 3, 3, 4, 3, 3], TIME),
        }
    )
    assert fitted.broken(others).tolist() == [False, True, True, False, True, True, True, True]
    assert fitted.broken(others.slice(0, 0)).tolist() == []
    shuffled = CITIES.take(np.random.default_rng(0).permutation(len(PAIRS)))
    again = parse("city, rate, day", columns_in(CITIES)).fitted(shuffled)
    for name, values in fitted.arrays().items():  # nothing depends on the order of the rows
        np.testing.assert_array_equal(again.arrays()[name], values)


def test_combinations_that_cannot_be_kept_are_an_error():
    pair = parse("city, rate", columns_in(CITIES))
    with pytest.raises(ValueError, match="each of its 5 combinations is in fewer than 9"):
        pair.fitted(CITIES, min_rows=9)
    with pytest.raises(ValueError, match="not fitted"):
        pair.broken(CITIES)
    many = pa.table({"a": np.arange(MAX_COMBINATIONS + 1), "b": np.arange(MAX_COMBINATIONS + 1)})
    with pytest.raises(ValueError, match="65,537 combinations .* more than the 65,536"):
        parse("a, b", columns_in(many)).fitted(many, min_rows=1)
