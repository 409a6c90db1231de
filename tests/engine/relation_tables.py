"""Columns and expressions for tests of relations between columns."""

import numpy as np
import pyarrow as pa

from h2o_gan.engine.data.relations.grammar import parse

DAY = 86_400_000
"""Milliseconds of a day."""


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
