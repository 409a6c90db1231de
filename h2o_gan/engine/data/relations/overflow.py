"""Formulas and rules over rows in some of which whole numbers do not fit into 64 bits.

Training rows are checked, so that a rule that cannot be computed is an error. Later rows, generated
ones or those of a user, may still overflow: one of them must not stop the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from h2o_gan.engine.data.relations.rules import Formula, Rule
from h2o_gan.engine.data.schema import Array

__all__ = ["broken_rows", "computed_values"]


def computed_values(formula: Formula, table: pa.Table) -> tuple[pa.Array, Array]:
    """Compute the values of a formula; see :meth:`Formula.compute`.

    Args:
        formula: of columns of the table.
        table: the rows.

    Returns:
        (rows,) the values, missing where they overflow; and (rows,) bool, where they do.
    """
    try:
        return formula.compute(table), np.zeros(table.num_rows, bool)
    except OverflowError:
        wrong = _overflowing(formula.compute, table)
    if wrong.all():
        return pa.nulls(table.num_rows, formula.column.arrow_type), wrong
    index = pa.array(np.cumsum(~wrong) - 1, mask=wrong)
    return formula.compute(table.filter(pa.array(~wrong))).take(index), wrong


def broken_rows(rule: Rule, table: pa.Table) -> Array:
    """Where rows break a rule, those that overflow among them, (rows,) bool; see `Rule.broken`."""
    try:
        return rule.broken(table)
    except OverflowError:
        found = _overflowing(rule.broken, table)
    if not found.all():
        found[~found] = rule.broken(table.filter(pa.array(~found)))
    return found


def _overflowing(evaluate: Callable[[pa.Table], Any], table: pa.Table) -> Array:
    """The rows that overflow, (rows,) bool: all if numbers of the rule itself do."""
    try:
        evaluate(table.slice(0, 0))
    except OverflowError:
        return np.ones(table.num_rows, bool)
    return _bisected(evaluate, table)


def _bisected(evaluate: Callable[[pa.Table], Any], table: pa.Table) -> Array:
    """The rows that overflow, (rows,) bool, by bisection: they are few."""
    rows = table.num_rows
    try:
        evaluate(table)
    except OverflowError:
        if rows == 1:
            return np.ones(1, bool)
        parts = table.slice(0, rows // 2), table.slice(rows // 2)
        return np.concatenate([_bisected(evaluate, part) for part in parts])
    return np.zeros(rows, bool)
