"""Rows of a sample that repeat earlier ones are drawn again."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from untrained import model_of

from h2o_gan.engine.data.relations.checking import parse_rules
from h2o_gan.engine.data.schema import Column
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.exceptions import Unreachable
from h2o_gan.engine.tabular.uniqueness import without_repeats

COLUMNS = [Column("a", "int"), Column("b", "enum", ("x", "y"))]


def batch(a, b):
    levels = pa.array(["x", "y"])
    codes = pa.array([None if v is None else "xy".index(v) for v in b], pa.int32())
    column = pa.DictionaryArray.from_arrays(codes, levels)
    return pa.RecordBatch.from_pydict({"a": pa.array(a, pa.int64()), "b": column})


def none_given(start, rows, rule):
    return np.zeros(rows, bool)


def drawn(batches, rules, replacements=(), given=none_given):
    left = list(replacements)
    attempts = []

    def again(number, attempt):
        attempts.append((number, attempt))
        return left.pop(0)

    made = without_repeats(batches, parse_rules(rules, COLUMNS), again, given)
    return pa.Table.from_batches(made).to_pydict(), attempts


def test_repeats_within_and_across_batches_are_replaced():
    batches = [batch([1, 1, 2], "xyx"), batch([3, 2, 4], "xxx")]
    others = [batch([9, 7, 9], "xxx"), batch([9, 8, 9], "xxx")]
    rows, attempts = drawn(batches, ["unique(a)"], others)
    assert rows["a"] == [1, 7, 2, 3, 8, 4] and rows["b"] == list("xxxxxx")
    assert attempts == [(0, 1), (1, 1)]


def test_keys_of_several_columns_repeat_as_a_whole():
    rows, attempts = drawn([batch([1, 1, 1], "xyx")], ["unique(a, b)"], [batch([5, 5, 2], "xxx")])
    assert rows["a"] == [1, 1, 2] and attempts == [(0, 1)]


def test_whole_numbers_are_the_same_beside_missing_ones():
    batches = [batch([5, None], "xx"), batch([6, 5], "xx")]
    rows, _ = drawn(batches, ["unique(a)"], [batch([0, 7], "xx")])
    assert rows["a"] == [5, None, 6, 7]


def test_missing_keys_may_repeat():
    rows, attempts = drawn([batch([None, None], "xx"), batch([1, None], "xx")], ["unique(a)"])
    assert rows["a"] == [None, None, 1, None] and not attempts


def test_keys_that_the_user_gave_stay():
    def given(start, rows, rule):
        return np.arange(start, start + rows) % 2 == 1

    batches = [batch([1, 1], "xx"), batch([2, 1], "xx")]
    rows, attempts = drawn(batches, ["unique(a)"], given=given)
    assert rows["a"] == [1, 1, 2, 1] and not attempts


def test_the_rule_that_cannot_be_kept_is_named():
    same = batch([1, 1], "xy")
    with pytest.raises(Unreachable, match=r"^unique\(a\): the model has too few different values"):
        drawn([same], ["unique(a, b)", "unique(a)"], [same] * 32)


@pytest.fixture(scope="module")
def model():
    cell = np.random.default_rng(0).permutation(40 * 30)[:600]
    found = model_of(pa.table({"room": cell // 30, "day": cell % 30}))
    rules = parse_rules(["unique(room, day)"], found.encoder.columns)
    encoder = TableEncoder(found.encoder.codecs, rules=rules)
    return dataclasses.replace(found, encoder=encoder)


def test_a_sample_is_unique_and_a_short_one_is_its_start(model):
    rows = model.sample(700, seed=1).read_all()
    keys = list(zip(*rows.to_pydict().values(), strict=True))
    assert len(set(keys)) == 700
    assert model.sample(90, seed=1).read_all().equals(rows.slice(0, 90))


def test_rows_may_ask_for_the_same_keys_twice(model):
    given = pa.table({"room": [3, 3, 5], "day": [4, 4, 6]})
    assert model.sample(3, seed=1, conditions=given).read_all().to_pydict() == given.to_pydict()
