"""Formulas solved for one of their inputs."""

import numpy as np
import pyarrow as pa
import pytest
from relation_tables import DAY, expression_of

from h2o_gan.engine.data.relations.expressions import Number, Sum
from h2o_gan.engine.data.relations.relations import formula_of
from h2o_gan.engine.data.relations.solving import solved
from h2o_gan.engine.data.schema import TIME, Column

KINDS = {"a": "real", "b": "real", "c": "real", "s": "real", "n": "int", "t": "time", "u": "time"}
COLUMNS = {name: Column(name, kind) for name, kind in KINDS.items()}
ROWS = 500


def parsed(text):
    return expression_of(text, list(COLUMNS.values()))


def table():
    """Amounts with two decimals, even whole numbers of days, and times of the day."""
    rng = np.random.default_rng(0)
    columns = {name: rng.integers(1, 100_000, ROWS) / 100 for name in "abcs"}
    columns["n"] = 2 * rng.integers(1, 500, ROWS)
    for name in "tu":
        columns[name] = pa.array(rng.integers(0, 9_000 * DAY, ROWS), pa.int64()).cast(TIME)
    return pa.table(columns)


@pytest.mark.parametrize(
    ("target", "text", "column", "result"),
    [
        ("s", "a", "a", "s"),
        ("s", "a + b - c", "a", "s - b + c"),
        ("s", "a + b - c", "b", "s - a + c"),
        ("s", "a + b - c", "c", "a + b - s"),
        ("s", "1 - a - b", "b", "1 - a - s"),
        ("s", "a * b / c", "a", "s / b * c"),
        ("s", "a * b / c", "c", "a * b / s"),
        ("s", "2 / a", "a", "2 / s"),
        ("s", "-a", "a", "-s"),
        ("s", "0.5 * a + 3", "a", "(s - 3) / 0.5"),
        ("s", "-(a + b) * c", "b", "-(s / c) - a"),
        ("u", "t + days(n)", "n", "days(u - t)"),
        ("u", "t + days(n)", "t", "u - days(n)"),
        ("n", "days(u - t)", "t", "u - days(n)"),
        ("n", "hours(u - t) * 2", "u", "hours(n / 2) + t"),
    ],
)
def test_solutions(target, text, column, result):
    expression = parsed(text)
    found = solved(target, expression, column)
    assert str(found) == result and found.type_in(KINDS) == parsed(result).type_in(KINDS)
    # The solved input, put back, gives the value that the target has to have.
    rows = table()
    if text == "t + days(n)" and column == "n":  # whole days apart
        apart = pa.compute.multiply(rows["n"], DAY).cast(pa.duration("ms"))
        rows = rows.set_column(rows.column_names.index("u"), "u", pa.compute.add(rows["t"], apart))
    inverse = formula_of(COLUMNS[column], found, KINDS, dict.fromkeys(KINDS))
    at = rows.column_names.index(column)
    rows = rows.set_column(at, column, inverse.compute(rows))
    again = formula_of(COLUMNS[target], expression, KINDS, dict.fromkeys(KINDS) | {target: 2})
    assert again.compute(rows).equals(rows[target].combine_chunks())


@pytest.mark.parametrize(("text", "column"), [("a + a", "a"), ("a * (a + b)", "a"), ("a + b", "c")])
def test_no_solution(text, column):
    assert solved("s", parsed(text), column) is None
    assert solved("s", Sum((Number(5), Number(5)), ("-",)), column) is None
