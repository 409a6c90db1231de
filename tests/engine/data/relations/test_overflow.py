"""Rows in which whole numbers do not fit into 64 bits."""

import numpy as np
import pyarrow as pa
import pytest
from untrained import model_of

from h2o_gan.engine.data.relations.checking import check_rules, columns_in, parse_rules
from h2o_gan.engine.data.relations.overflow import broken_rows, computed_values
from h2o_gan.engine.data.relations.rules import Formula

TABLE = pa.table({"a": [3, 2**40, None, 5, 2**62], "b": [4, 2**40, 2**40, None, 4], "p": [12] * 5})
OVERFLOWS = [False, True, False, False, True]


def rule_of(text):
    (rule,), _ = check_rules([text], TABLE.slice(0, 1))
    return rule


def parsed_rule(text):
    """A rule that no training row has kept."""
    (rule,) = parse_rules([text], columns_in(TABLE))
    return rule


def test_values_that_overflow_are_missing():
    formula = rule_of("p = a * b")
    with pytest.raises(OverflowError):
        formula.compute(TABLE)
    values, wrong = computed_values(formula, TABLE)
    assert values.to_pylist() == [12, None, None, None, None] and wrong.tolist() == OVERFLOWS
    values, wrong = computed_values(formula, TABLE.slice(2, 2))
    assert values.null_count == 2 and not wrong.any()
    values, wrong = computed_values(formula, TABLE.slice(1, 1))
    assert values.to_pylist() == [None] and values.type == pa.int64() and wrong.all()


def test_rows_that_overflow_break_a_rule():
    assert broken_rows(rule_of("a * b < 99"), TABLE).tolist() == OVERFLOWS
    other = TABLE.set_column(2, "p", pa.array([13] * 5))
    wanted = [True, *OVERFLOWS[1:]]
    assert broken_rows(rule_of("p = a * b"), other).tolist() == wanted


@pytest.mark.parametrize("text", ["p = a + 2 * {0} * {0}", "a < {0} * {0}"])
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_numbers_of_a_rule_that_overflow_break_it_in_every_row(text, rows):
    rule, table = parsed_rule(text.format(2**53)), TABLE.slice(0, rows)
    assert broken_rows(rule, table).tolist() == [True] * rows
    if isinstance(rule, Formula):
        values, wrong = computed_values(rule, table)
        assert values.type == pa.int64() and values.null_count == rows and wrong.sum() == rows
    with pytest.raises(ValueError, match="cannot be computed"):
        check_rules([rule.text], table)


@pytest.mark.parametrize("rule", ["p = a * b", "a * b < 40_000_000_000_000"])
def test_generated_rows_do_not_overflow_and_those_of_users_are_odd(rule):
    rule = rule.replace("_", "")
    rng = np.random.default_rng(0)
    large, small = rng.integers(2**28, 2**32, (2, 600)), rng.integers(1, 900, (2, 600))
    first = rng.random(600) < 0.5  # one is always small
    a, b = np.where(first, large[0], small[0]), np.where(first, small[1], large[1])
    table = pa.table({"a": a, "b": b, "p": a * b, "q": rng.integers(0, 9, 600)})
    rules, _ = check_rules([rule], table)
    model = model_of(table, options={"rules": rules, "relations": False})
    rows = model.sample(200, seed=1).read_all()
    assert not rules[0].broken(rows).any()
    row = {"a": [2**40], "b": [2**40], "p": [9], "q": [1]}
    usual, odd = ({**row, "a": [3], "b": [3]}, row)
    scores = model.scores(pa.concat_tables([pa.table(usual), pa.table(odd)]))
    assert scores[1] < scores[0] - 5
