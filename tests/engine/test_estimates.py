"""Estimates as weighted values: means, modes, quantiles, probabilities, and their names."""

import numpy as np
import pyarrow as pa
import pytest

from h2o_gan.engine.data.schema import Column
from h2o_gan.engine.estimates import (
    Estimate,
    check_quantiles,
    numbers_in,
    prediction_names,
    prediction_schema,
)

SIZE = Column("size", "real")
COLOUR = Column("colour", "enum", ("red", "green", "blue"))
SHARES = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])


def estimate(values, weights, column=SIZE):
    return Estimate.of(column, np.array(values, float), np.array(weights, float))


def test_weights_sum_to_one_and_missing_values_have_none():
    found = estimate([[1, np.nan, 4], [np.nan, 2, 3]], [[1, 5, 3], [7, 0, 0]])
    assert np.allclose(found.weights, [[0.25, 0, 0.75], [0, 0.5, 0.5]])
    assert np.allclose(found.mean(), [3.25, 2.5])


@pytest.mark.parametrize("alike", [True, False])
def test_levels_get_the_weights_of_their_values(alike):
    # The first level has two values, the last none.
    values = [[1, 0, 1]] if alike else [[1, 0, 1], [1, 0, 1]]
    found = estimate(values, SHARES, COLOUR)
    assert np.allclose(found.probabilities(), [[0.3, 0.7, 0], [0.1, 0.9, 0]])
    assert found.most_probable().tolist() == [1, 1]


def test_infinite_values_count_only_where_there_is_no_other():
    found = estimate([[1, np.inf], [np.inf, np.inf], [-np.inf, 3]], [[1, 9], [1, 1], [1, 1]])
    assert found.mean().tolist() == [1, np.inf, 3]
    assert found.mode().tolist() == [np.inf, np.inf, -np.inf]


def test_quantiles_are_the_smallest_values_with_their_share():
    found = estimate([[30, 10, 20], [1, 2, 3]], [[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
    assert found.quantiles((0.1, 0.5, 0.9)).tolist() == [[10, 10, 30], [1, 3, 3]]


def test_the_mode_is_where_values_are_dense():
    rng = np.random.default_rng(0)
    dense, wide = rng.normal(5, 0.1, 600), rng.uniform(6, 100, 400)
    row = np.concatenate([dense, wide])
    found = estimate([row, np.where(np.arange(1000) < 510, 7, row)], np.ones((2, 1000)))
    assert found.mode()[0] == pytest.approx(5, abs=0.05)
    assert found.mode()[1] == 7  # the value that has half of the probability


def test_predictions_of_levels_have_the_names_of_h2o():
    assert prediction_names(COLOUR, (0.5,)) == ["predict", "red", "green", "blue"]
    numbers = Column("grade", "enum", ("0", "-1", "+7", "2147483648", "1.0", "p0", "predict"))
    assert prediction_names(numbers, ()) == [
        "predict", "p0", "p-1", "p+7", "2147483648", "1.0", "pp0", "ppredict",
    ]  # fmt: skip
    columns = estimate([[0, 1, 2]], SHARES, COLOUR).prediction(())
    batch = pa.RecordBatch.from_arrays(columns, schema=prediction_schema(COLOUR, ()))
    assert batch["predict"].to_pylist() == ["red", "blue"]
    assert batch["blue"].to_pylist() == [0.2, 0.8]


def test_predictions_of_numbers_and_times_have_quantiles():
    assert prediction_names(SIZE, (0.025, 0.5)) == ["predict", "q0.025", "q0.5"]
    when = Column("when", "time")
    columns = estimate([[1_000, 2_001]], [[1, 1]], when).prediction((0.5,))
    batch = pa.RecordBatch.from_arrays(columns, schema=prediction_schema(when, (0.5,)))
    assert [column.cast(pa.int64()).to_pylist() for column in batch] == [[1500], [1000]]


@pytest.mark.parametrize(
    ("quantiles", "error", "message"),
    [
        ("0.5", TypeError, "must be a list of numbers, not '0.5'"),
        (0.5, TypeError, "must be a list of numbers, not 0.5"),
        ([0.5, "x"], TypeError, "must be numbers, not 'x'"),
        ([0.5, 1], ValueError, "between 0 and 1, but one is 1"),
        ([0.5, 0.1, 0.5], ValueError, "has a number twice"),
    ],
)
def test_quantiles_are_checked(quantiles, error, message):
    with pytest.raises(error, match=message):
        check_quantiles(quantiles)
    assert check_quantiles(np.array([0.1, 0.9])) == (0.1, 0.9)


def test_values_of_every_kind_become_numbers():
    levels = pa.array(["blue", None, "red"]).dictionary_encode()
    assert np.array_equal(numbers_in(levels, COLOUR), [2, np.nan, 0], equal_nan=True)
    times = pa.array([5, None], pa.timestamp("s"))
    assert np.array_equal(numbers_in(times, Column("t", "time")), [5000, np.nan], equal_nan=True)
    whole = pa.array([3, None])
    assert np.array_equal(numbers_in(whole, Column("n", "int")), [3, np.nan], equal_nan=True)
