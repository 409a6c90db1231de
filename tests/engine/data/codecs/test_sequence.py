"""Whole numbers that identify rows."""

import numpy as np
import pyarrow as pa
import pytest
from untrained import chunked, enum

from h2o_gan.engine.data.codecs.sequence import SequenceCodec
from h2o_gan.engine.data.protocol import FitOptions
from h2o_gan.engine.exceptions import Damaged

ASKED = FitOptions(treat_as="identifier")


def codec_of(values, type_=None):
    return SequenceCodec.fit({"id": chunked(values, type_ or pa.int64())}, ASKED)


def test_only_users_make_numbers_identifiers():
    assert SequenceCodec.fit({"id": chunked([1, 2, 3])}, FitOptions()) is None
    assert codec_of(["a", "b"], pa.string()) is None
    assert SequenceCodec.fit({"id": chunked(enum(["a", "b"]))}, ASKED) is None


@pytest.mark.parametrize(
    ("values", "first", "step"),
    [
        ([1, 2, 3], 4, 1),
        ([3, 1, 2, 2], 4, 1),
        ([10, 40, 20], 50, 10),
        ([-30, None, -10], 10, 20),
        ([7], 8, 1),
        ([5, 5], 6, 1),
        ([0, 2**51], 2**52, 2**51),
    ],
)
def test_samples_continue_after_the_largest(values, first, step):
    codec = codec_of(values)
    assert codec.generate(0, 3, 1)[0].to_pylist() == [first, first + step, first + 2 * step]
    assert codec.generate(2, 1, 9)[0].to_pylist() == [first + 2 * step]
    assert not set(codec.generate(0, 1000, 1)[0].to_pylist()) & set(values)


@pytest.mark.parametrize("values", [[None, None], [1, 2**53], [-(2**53), -(2**53) + 1]])
def test_what_cannot_be_continued_is_refused(values):
    with pytest.raises(ValueError, match="column_types: column 'id' has no whole numbers"):
        codec_of(values)


def test_conditions_on_identifiers_are_refused():
    with pytest.raises(ValueError, match="'id' identifies rows"):
        codec_of([1, 2]).check_condition("id", 1)


def test_it_describes_the_column():
    (row,) = codec_of([10, 40, 20]).describe()
    assert row["treated_as"] == "identifier" and row["values"] == "from 50, in steps of 10"


@pytest.mark.parametrize(
    "change", [{"first": 2**54}, {"first": 1.5}, {"step": 0}, {"step": 2**54}, {"first": -(2**54)}]
)
def test_hostile_json_is_refused(change):
    data = {**codec_of([1, 2]).to_json(), **change}
    with pytest.raises(Damaged):
        SequenceCodec.json_check(data, "it")


def test_sequences_of_other_kinds_are_refused():
    data = {**codec_of([1, 2]).to_json(), "column": {"name": "id", "kind": "real", "levels": []}}
    with pytest.raises(Damaged, match="'id' is not a column of whole numbers"):
        SequenceCodec.restore(data, {})


def test_large_samples_do_not_overflow():
    codec = SequenceCodec(codec_of([1, 2]).column, 2**52, 2**20)
    (values,) = codec.generate(0, 10**4, 1)
    assert (np.diff(values.to_numpy()) == 2**20).all()
