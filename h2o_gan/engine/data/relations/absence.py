"""Missing cells that have to stay missing, by rules and the cells that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from h2o_gan.engine.data.relations.conditions import Logic, Missing, Not, all_of, any_of
from h2o_gan.engine.data.relations.expressions import (
    Expression,
    Reference,
    columns_of,
    nodes_of,
)
from h2o_gan.engine.data.relations.rules import Condition, Rule
from h2o_gan.engine.data.relations.values import TableValues, Truth
from h2o_gan.engine.data.schema import Array

__all__ = ["lasting_gaps"]


def lasting_gaps(
    rules: Sequence[Rule], table: pa.Table, names: Sequence[str], filled: Sequence[str] = ()
) -> dict[str, Array]:
    """Find the missing cells that no value can fill without breaking a rule.

    With ``end is missing or status != 'open'``, the end of an open order is one. Where the status
    is missing as well, it is not.

    Args:
        rules: of the model; conditions count.
        table: the rows.
        names: columns whose missing cells may be filled.
        filled: columns whose missing cells get values whatever the rules say.

    Returns:
        By column, (rows,) bool; columns without such cells are left out.
    """
    gaps = {
        name: table.column(name).is_null(nan_is_null=True).to_numpy()
        for name in (*names, *filled)
        if name in table.column_names
    }
    # What is still to be filled, and so neither known nor missing.
    free = {name: mask for name, mask in gaps.items() if mask.any()}
    conditions = [
        rule
        for rule in rules
        if isinstance(rule, Condition)
        and {*rule.columns} <= {*table.column_names}
        and any(isinstance(node, Missing) for node in nodes_of(rule.expression))
    ]
    tables = [TableValues(table, dict(rule.decimals)) for rule in conditions]
    changed = True
    while changed:
        changed = False
        for rule, values in zip(conditions, tables, strict=True):
            for name in rule.columns:
                if name in filled or name not in free or not free[name].any():
                    continue
                others = {other: mask for other, mask in free.items() if other != name}
                lasting = free[name] & _false(rule.expression, values, free, name)
                # Given cells that break the rule anyhow are none of the gap's business.
                lasting &= ~_false(rule.expression, values, others)
                if lasting.any():
                    free[name] = free[name] & ~lasting
                    changed = True
    found = {name: gaps[name] & ~mask for name, mask in free.items()}
    return {name: mask for name, mask in found.items() if mask.any()}


def _false(
    expression: Expression,
    values: TableValues,
    free: Mapping[str, Array],
    filled: str | None = None,
) -> Array:
    """Where a condition is false whatever the free cells are, those of one column being filled."""
    try:
        return np.asarray(_truth(expression, values, free, filled).false)
    except OverflowError:  # which is told where completed rows are checked
        return np.zeros(1, bool)


def _truth(
    part: Expression, values: TableValues, free: Mapping[str, Array], filled: str | None
) -> Truth:
    if isinstance(part, Logic):
        truths = [_truth(operand, values, free, filled) for operand in part.operands]
        return all_of(truths) if part.word == "and" else any_of(truths)
    if isinstance(part, Not):
        of = _truth(part.of, values, free, filled)
        return Truth(of.false, of.true)
    found = part.values(values)
    assert isinstance(found, Truth)
    if not isinstance(part, Missing):
        return found
    unknown = surely = np.zeros(1, bool)
    for column in columns_of(part):
        open_cells = free.get(column, np.zeros(1, bool))
        unknown = unknown | open_cells
        surely = surely | values.column(column).missing & ~open_cells
    are_filled = free[filled] if filled and part.of == Reference(filled) else False
    return Truth(found.true & (surely | ~unknown), found.false | are_filled)
