"""Columns whose values relations give, in every row."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from untrained import chunked

from h2o_gan.engine.data.codecs.computed import ComputedCodec
from h2o_gan.engine.data.protocol import FitOptions
from h2o_gan.engine.exceptions import Damaged


def codec_of(values, type_=None):
    return ComputedCodec.of("x", chunked(values, type_))


def test_no_column_is_computed_without_a_relation():
    assert ComputedCodec.fit({"x": chunked([1, 2, 3])}, FitOptions()) is None


def test_it_describes_the_column():
    (row,) = codec_of([1.5, None, 2.5, 3.0]).describe()
    assert row["treated_as"] == "computed" and row["values"] == "from a relation"
    assert row["missing"] == 0.25


@pytest.mark.parametrize(
    ("values", "wanted", "decimals", "cell"),
    [
        ([1, 9], 4, None, 4),
        ([1, 9], 4.0, None, 4),
        ([1, 9], 4.2, None, 5),  # as learned columns round
        ([1, 9], np.int64(4), None, 4),
        ([1.0, 9.0], 4, 2, 4.0),
        ([1.0, 9.0], 4.12, 2, 4.12),
        ([1.0, 9.0], 4.125, None, 4.125),
        ([2**60, 2**60 + 9], 2**60 + 3, None, 2**60 + 3),
    ],
)
def test_a_value_is_a_cell(values, wanted, decimals, cell):
    found = codec_of(values).given(wanted, (values[0], values[-1]), decimals)
    assert found.to_pylist() == [cell] and found.type == pa.array(values).type


@pytest.mark.parametrize("wanted", ["2020-01-02", dt.date(2020, 1, 2), 1577923200000, 1577923200e3])
def test_times_are_given_as_text_dates_or_milliseconds(wanted):
    codec = codec_of([1577836800000, 1609372800000], pa.timestamp("ms", tz="UTC"))
    found = codec.given(wanted, (1577836800000, 1609372800000), None)
    assert found.to_pylist()[0].date() == dt.date(2020, 1, 2)
    assert found.type == codec.column.arrow_type


@pytest.mark.parametrize("wanted", [(2, 4), (None, 4), [2, 3], [2], {2}, [None, 2]])
def test_ranges_and_lists_leave_a_choice(wanted):
    assert codec_of([1, 9, None]).given(wanted, (1, 9), None) is None


def test_missing_values_are_wanted_only_where_there_are_some():
    assert codec_of([1, 9, None]).given(None, (1, 9), None) is None
    for wanted in (None, [None]):
        with pytest.raises(ValueError, match="'x' has no missing values"):
            codec_of([1, 9]).given(wanted, (1, 9), None)


@pytest.mark.parametrize("wanted", [10, 0.5, (10, 20), (-5, 0), [0, -1], float("inf")])
def test_values_outside_the_training_range_are_refused(wanted):
    with pytest.raises(ValueError, match="it has values from 1 to 9"):
        codec_of([1, 9]).given(wanted, (1, 9), None)


@pytest.mark.parametrize("wanted", ["a", True, object()])
def test_other_types_are_refused(wanted):
    with pytest.raises(TypeError, match="'x' is numeric"):
        codec_of([1, 9]).given(wanted, (1, 9), None)


def test_only_columns_of_numbers_are_computed():
    data = {**codec_of([1, 2]).to_json(), "column": {"name": "x", "kind": "enum", "levels": ["a"]}}
    with pytest.raises(Damaged, match="'x' is not a column of numbers"):
        ComputedCodec.restore(data, {})
