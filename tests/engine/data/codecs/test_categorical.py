"""Enums: levels to codes and back."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from untrained import chunked, enum

from h2o_gan.engine.data.codecs.categorical import (
    CategoricalCodec,
    dictionary_array,
    level_indices,
    levels_of,
)
from h2o_gan.engine.data.protocol import UNKNOWN, FitOptions
from h2o_gan.engine.data.schema import Column
from h2o_gan.engine.exceptions import Damaged

LEVELS = ["zebra", "never", "", "never either"]


def fit(values, weights=None):
    values = values if isinstance(values, pa.ChunkedArray) else chunked(values)
    return CategoricalCodec.fit({"c": values}, FitOptions(weights))


def codes_of(codec, values):
    values = values if isinstance(values, pa.ChunkedArray) else chunked(values)
    return codec.encode([values])


def decoded(codec, codes):
    (array,) = codec.decode(np.asarray(codes), np.zeros(len(codes)))
    return array


def example():
    return fit(enum(["", "zebra", None, ""], LEVELS))


def test_levels_keep_order_and_unused_levels():
    codec = example()
    assert codec.column == Column("c", "enum", tuple(LEVELS))
    assert codec.shares.tolist() == [0.25, 0.5, 0.25] and codec.width == 3
    out = decoded(codec, [0, 1, 2])
    assert out.to_pylist() == ["zebra", "", None]
    assert out.dictionary.to_pylist() == LEVELS
    assert codec.decode_output(np.array([1.0, 2.0]))[0].to_pylist() == ["", None]


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=1).filter(any))
@settings(deadline=None, max_examples=50)
def test_every_level_comes_back(values):
    codec = fit(enum(values))
    codes = codes_of(codec, enum(values))
    assert codes.dtype == np.int32 and codes.min() >= 0 and codes.max() < codec.width
    assert decoded(codec, codes).to_pylist() == values
    assert codec.shares == pytest.approx(np.bincount(codes, minlength=codec.width) / len(values))


def test_levels_that_training_never_saw():
    codec = fit(enum(["a", "b", "a"]))
    assert codes_of(codec, enum(["b", "c", None])).tolist() == [1, UNKNOWN, UNKNOWN]
    codec = example()
    assert codes_of(codec, enum(["never", None, "zebra"])).tolist() == [UNKNOWN, 2, 0]


def test_chunks_with_different_dictionaries_agree():
    chunks = pa.chunked_array([enum(["a", "b"]), enum(["b", "c", "a"])])
    codec = fit(chunks)
    assert codec.column.levels == ("a", "b", "c")
    assert decoded(codec, codes_of(codec, chunks)).to_pylist() == ["a", "b", "b", "c", "a"]


def test_values_of_other_types_are_found():
    codec = fit(enum(["a", "b"]))
    assert codes_of(codec, pa.array(["b", None, "a"])).tolist() == [1, UNKNOWN, 0]
    flags = fit(pa.array([True, False, True]))
    assert flags.column.levels == ("false", "true")
    assert codes_of(flags, pa.array([True, False])).tolist() == [1, 0]
    assert codes_of(codec, pa.chunked_array([], pa.string())).tolist() == []


def test_levels_of_zero_weight_are_not_learned():
    codec = fit(enum(["a", "b", "c", None]), np.array([1.0, 0.0, 3.0, 0.0]))
    assert codec.shares.tolist() == [0.25, 0.75] and not codec.has_missing
    assert decoded(codec, [0, 1]).to_pylist() == ["a", "c"]


def test_other_kinds_are_not_taken():
    assert fit(pa.array([1, 2])) is None and fit(pa.array(["a"])) is None


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("zebra", [True, False, False]),
        (["", "zebra"], [True, True, False]),
        (("",), [False, True, False]),
        (None, [False, False, True]),
        ([None, "zebra"], [True, False, True]),
        ({""}, [False, True, False]),
    ],
)
def test_conditions_allow_codes(value, allowed):
    assert example().constraint("c", value).codes.tolist() == allowed


def test_levels_are_compared_as_text():
    assert fit(enum(["1", "2"])).constraint("c", [2]).codes.tolist() == [False, True]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("never", "'c' has no level 'never' in the training data; it has 'zebra', ''"),
        (["zebra", 5], "has no level 5"),
        ([], "'c' has an empty list of levels"),
    ],
)
def test_impossible_conditions_are_named(value, message):
    with pytest.raises(ValueError, match=message):
        example().constraint("c", value)


def test_missing_is_no_level_where_nothing_is_missing():
    with pytest.raises(ValueError, match="has no level None"):
        fit(enum(["a", "b"])).constraint("c", None)


def test_all_codes_are_possible_where_nothing_is_given():
    (possible,) = example().possible([chunked(enum([None]))], [np.zeros(1, bool)])
    assert possible.tolist() == [True, True, True]


def test_description():
    assert example().describe() == [
        {
            "column": "c",
            "type": "enum",
            "treated_as": "categorical",
            "values": "2 levels",
            "missing": 0.25,
        }
    ]


def test_helpers_agree():
    values = chunked(enum(["b", None, "a"], ["a", "b", "c"]))
    levels = levels_of(values)
    indices, missing = level_indices(values, levels)
    assert levels == ("a", "b", "c") and indices.tolist() == [1, 3, 0]
    array = dictionary_array(np.where(missing, 0, indices), missing, Column("c", "enum", levels))
    assert array.to_pylist() == ["b", None, "a"]


@pytest.mark.parametrize(
    "change",
    [
        {"observed": np.array([0, 4], np.int32)},
        {"observed": np.array([-1, 2], np.int32)},
        {"observed": np.array([0, 2])},
        {"observed": np.zeros((1, 2), np.int32)},
        {"observed": np.zeros(0, np.int32), "shares": np.ones(1)},
        {"shares": np.array([0.5, 0.5])},
        {"shares": np.array([0.5, 0.5, 0.5])},
        {"shares": np.array([1.5, -0.5, 0.0])},
        {"more": np.zeros(1)},
    ],
)
def test_damaged_arrays_are_found(change):
    codec = example()
    with pytest.raises(Damaged, match="column 'c'"):
        CategoricalCodec.restore(codec.to_json(), {**codec.arrays(), **change})


def test_another_kind_of_column_is_damage():
    codec = example()
    data = {**codec.to_json(), "column": Column("c", "int").to_json()}
    with pytest.raises(Damaged, match="'c'"):
        CategoricalCodec.restore(data, codec.arrays())


def test_missing_values_that_are_unknown_have_no_code():
    values = enum(["b", None, "a", "b"])
    codec = CategoricalCodec.fit({"c": chunked(values)}, FitOptions(learn_missing=False))
    assert not codec.has_missing and codec.width == 2
    assert codec.shares.sum() == 1 and codes_of(codec, values).tolist() == [0, UNKNOWN, 1, 0]


def test_levels_have_no_nearest_numbers():
    assert fit(enum(["a", "b"])).nearest("c", np.zeros(2)).null_count == 2


def test_rare_levels_are_odder_and_unseen_ones_oddest():
    codec = fit(enum(["a"] * 90 + ["b"] * 9 + [None], ["a", "b", "never"]))
    logs = codec.log_marginal([chunked(enum(["a", "b", None, "never", "new"]))], 100)
    assert np.allclose(np.exp(logs), [0.9, 0.09, 0.01, 0.5 / 101, 0.5 / 101])
