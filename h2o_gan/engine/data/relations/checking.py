"""The check of a user's rules against the training table, before anything is learned."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

import numpy as np
import pyarrow as pa

from h2o_gan.engine.data.codecs.categorical import levels_of
from h2o_gan.engine.data.relations.combinations import FixedCombinations
from h2o_gan.engine.data.relations.expressions import Reference
from h2o_gan.engine.data.relations.grammar import parse
from h2o_gan.engine.data.relations.rules import (
    MAX_RULES,
    Condition,
    Formula,
    Rule,
    Unique,
)
from h2o_gan.engine.data.relations.values import decimals_in
from h2o_gan.engine.data.schema import Array, Column, kind_of

__all__ = ["check_rules", "columns_in", "parse_rules"]

_SHOWN_ROWS = 3


def columns_in(table: pa.Table) -> list[Column]:
    """The columns of a table, with the levels of categorical ones."""
    return [
        Column(name, kind_of(values.type), levels_of(values) if _is_enum(values) else ())
        for name, values in zip(table.column_names, table.columns, strict=True)
    ]


def parse_rules(
    texts: Sequence[str],
    columns: Sequence[Column],
    decimals: Mapping[str, int | None] | None = None,
) -> list[Rule]:
    """Parse rules, and check that their formulas can be computed.

    Args:
        texts: of the rules. Rules that say the same as an earlier one are left out.
        columns: of the table.
        decimals: of real columns; None or absent for one whose values are not rounded.

    Returns:
        The rules in their order, except that a formula stands behind those that compute its
        sources.

    Raises:
        ValueError: a text is not a rule; there are too many; two formulas compute one column; or
            formulas go round in a circle.
        TypeError: a rule uses values as what they are not, or is not text.
    """
    if isinstance(texts, str):
        texts = [texts]
    if len(texts) > MAX_RULES:
        raise ValueError(f"constraints: {len(texts):,} rules are more than {MAX_RULES:,}.")
    rules: dict[Hashable, Rule] = {}
    for text in texts:
        rule = parse(text, columns, decimals)
        rules.setdefault(_meaning(rule), rule)
    formulas: dict[str, Formula] = {}
    for rule in rules.values():
        if isinstance(rule, Formula):
            other = formulas.setdefault(rule.column.name, rule)
            if other is not rule:
                raise ValueError(
                    f"constraints: {other.text!r} and {rule.text!r} both compute column "
                    f"{rule.column.name!r}. Remove one of them, or write it as an equation of "
                    "another column."
                )
    return _in_computing_order(list(rules.values()), formulas)


def check_rules(
    texts: Sequence[str], table: pa.Table, errors: str = "raise"
) -> tuple[list[Rule], Array]:
    """Parse the rules of a training table and count the rows that break them.

    Args:
        texts: of the rules; see :func:`parse_rules`.
        table: the training rows.
        errors: "raise" for an error if rows break a rule, "drop" for leaving them out.

    Returns:
        The rules, fixed combinations fitted to the rows left; and (rows,) bool, the rows that
        break no rule.

    Raises:
        ValueError: a rule is invalid or contradicts another (see :func:`parse_rules`), is broken by
            rows of the table, overflows, or leaves no row; or `errors` is neither of both.
        TypeError: a rule uses values as what they are not.
    """
    if errors not in ("raise", "drop"):
        raise ValueError(f"constraint_errors={errors!r:.50} is not one of 'raise', 'drop'.")
    columns = columns_in(table)
    # To find decimals takes a look at every value: only those of columns in formulas are needed.
    calculated = [
        rule for rule in parse_rules(texts, columns) if isinstance(rule, Formula | Condition)
    ]
    names = sorted({name for rule in calculated for name in rule.columns})
    rules = parse_rules(texts, columns, decimals_in(table, names))
    keep = np.ones(table.num_rows, bool)
    broken: list[tuple[Rule, Array]] = []
    # Which row repeats another depends on the rows that are left.
    for rule in sorted(rules, key=lambda rule: isinstance(rule, Unique)):
        if isinstance(rule, FixedCombinations):
            continue
        rows = np.flatnonzero(keep) if errors == "drop" else np.arange(table.num_rows)
        rows = rows[_broken(rule, table if len(rows) == table.num_rows else table.take(rows))]
        if len(rows):
            broken.append((rule, rows))
            keep[rows] = False
    if broken and (errors == "raise" or not keep.any()):
        raise ValueError(_message(broken, len(rules), keep))
    left = table if keep.all() else table.filter(pa.array(keep))
    fitted = [rule.fitted(left) if isinstance(rule, FixedCombinations) else rule for rule in rules]
    return fitted, keep


def _is_enum(values: pa.ChunkedArray) -> bool:
    return kind_of(values.type) == "enum"


def _meaning(rule: Rule) -> Hashable:
    """What is equal for rules that say the same."""
    if isinstance(rule, Unique | FixedCombinations):
        return rule.kind, frozenset(rule.columns)
    if isinstance(rule, Formula) and isinstance(rule.expression, Reference):
        return rule.kind, frozenset(rule.columns)  # a = b, and b = a
    return rule


def _in_computing_order(rules: list[Rule], formulas: Mapping[str, Formula]) -> list[Rule]:
    sources = {
        name: [source for source in rule.sources if source in formulas]
        for name, rule in formulas.items()
    }
    try:
        order = iter([formulas[name] for name in TopologicalSorter(sources).static_order()])
    except CycleError as error:
        circle = [formulas[name].text for name in dict.fromkeys(error.args[1])]
        raise ValueError(
            f"constraints: {' and '.join(map(repr, circle))} compute each other's columns in a "
            "circle. Remove one of them."
        ) from error
    return [next(order) if isinstance(rule, Formula) else rule for rule in rules]


def _broken(rule: Rule, table: pa.Table) -> Array:
    try:
        return rule.broken(table)
    except OverflowError as error:
        raise ValueError(f"constraints: {rule.text!r} cannot be computed: {error}.") from error


def _message(broken: list[tuple[Rule, Array]], rules: int, keep: Array) -> str:
    lines = []
    for rule, rows in broken:
        shown = ", ".join(map(str, rows[:_SHOWN_ROWS].tolist()))
        count, each = len(rows), "row" if len(rows) == 1 else "rows"
        first = "" if count <= _SHOWN_ROWS else "the first are "
        lines.append(f"\n  {rule.text!r} is broken by {count:,} {each}: {first}{shown}")
    breaks = f"{len(broken)} of {rules} rules" if rules > 1 else "the rule"
    verb = "do not hold" if len(broken) > 1 else "does not hold"
    left = int(keep.sum())
    remedy = (
        f"Correct the rules, or set constraint_errors='drop' to train on the other {left:,} rows."
        if left
        else "No row keeps all rules: correct or remove some."
    )
    return (
        f"constraints: {breaks} {verb} in the {len(keep):,} training rows (rows are counted from 0)"
        f"{''.join(lines)}\n{remedy}"
    )
