"""Columns and expressions for tests of relations between columns."""

import numpy as np
import pyarrow as pa
from untrained import enum

from h2o_gan.engine.data.relations.grammar import parse
from h2o_gan.engine.data.schema import TIME

DAY = 86_400_000
"""Milliseconds of a day."""

LEVELS = ("Paris", "Rome", "Oslo", "unused")


def cities(values):
    """An Arrow array of an enum with these levels."""
    return enum(values, LEVELS)


ORDERS = pa.table(
    {
        "total": [2.01, 5.0, None, 1.0, 3.0],
        "price": [2.01, 2.5, 1.0, None, 1.0],
        "quantity": [1, 2, 3, 4, 4],
        "half": [1, 1, 2, 2, 2],
        "start": pa.array([0, DAY, 2 * DAY, None, 0], TIME),
        "end": pa.array([DAY, DAY, 0, DAY, DAY + 1], TIME),
        "stay": [1, 0, 5, 1, 1],
        "city": cities(["Paris", "Rome", None, "Oslo", "Oslo"]),
        "town": enum(["Paris", "Oslo", None, "Oslo", "Oslo"], ("Oslo", "Paris")),
        "note": ["a", "b", None, "a", ""],
    }
)
"""Five orders with gaps; the same city in two columns, and times."""


def money(seed, count, rows):
    """Columns of amounts with two decimals, each (rows,) float64."""
    return [np.random.default_rng(seed + i).gamma(2, 30, rows).round(2) for i in range(count)]


def times(milliseconds):
    """An Arrow array of times."""
    return pa.array(np.asarray(milliseconds, np.int64), pa.timestamp("ms", tz="UTC"))


def condition_of(text, columns):
    """The tree of a condition, also of one over no column."""
    rule = parse(f'({text}) or "{columns[0].name}" is missing', columns)
    return rule.expression.operands[0]


def expression_of(text, columns):
    """The tree of a number, time, time difference or text."""
    return condition_of(f"({text}) is missing", columns).of
