"""Columns of numbers and times as arrays."""

import numpy as np
import pyarrow as pa
import pytest
from untrained import chunked

from h2o_gan.engine.data.numbers import decimals_of, numbers_of


@pytest.mark.parametrize("type_", [pa.int8(), pa.int32(), pa.int64(), pa.uint8()])
def test_whole_numbers_are_exact(type_):
    numbers, missing = numbers_of(chunked([3, None, 5], type_), "int")
    assert numbers.tolist() == [3, 0, 5] and numbers.dtype == np.int64
    assert missing.tolist() == [False, True, False]


def test_whole_numbers_beyond_doubles_are_exact():
    numbers, _ = numbers_of(chunked([2**62 + 1, -(2**63)]), "int")
    assert numbers.tolist() == [2**62 + 1, -(2**63)]


@pytest.mark.parametrize("type_", [pa.float32(), pa.float64()])
def test_nan_is_missing(type_):
    numbers, missing = numbers_of(chunked([0.5, None, float("nan"), float("inf")], type_), "real")
    assert numbers.tolist() == [0.5, 0, 0, np.inf] and numbers.dtype == np.float64
    assert missing.tolist() == [False, True, True, False]


@pytest.mark.parametrize(("unit", "factor"), [("s", 1e-3), ("ms", 1), ("us", 1e3), ("ns", 1e6)])
def test_times_are_milliseconds(unit, factor):
    stamps = chunked([int(1577836800000 * factor), None], pa.timestamp(unit))
    numbers, missing = numbers_of(stamps, "time")
    assert numbers.tolist() == [1577836800000, 0] and missing.tolist() == [False, True]


def test_no_rows():
    for kind, type_ in (("int", pa.int64()), ("real", pa.float64()), ("time", pa.timestamp("ms"))):
        numbers, missing = numbers_of(pa.chunked_array([], type_), kind)
        assert len(numbers) == len(missing) == 0


@pytest.mark.parametrize(
    ("values", "decimals"),
    [
        ([1.0, 2.0], 0),
        ([1.5, 2.25], 2),
        ([0.1 + 0.2], None),
        ([0.1, 0.2, 0.30], 1),
        ([1e-8], 8),
        ([1e-9], None),
        ([1 / 3], None),
        ([np.inf, np.nan, 1.5], 1),
        ([1.7e308, 0.5], None),  # rounding scales it beyond the largest double
        ([], 0),
    ],
)
def test_decimals_are_the_fewest(values, decimals):
    assert decimals_of(np.array(values)) == decimals
