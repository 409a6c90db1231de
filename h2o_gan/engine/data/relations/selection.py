"""Selects formulas that were found, and the column that each of them gives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from h2o_gan.engine.data.numbers import decimals_of, numbers_of
from h2o_gan.engine.data.relations.conditions import Comparison
from h2o_gan.engine.data.relations.expressions import (
    UNITS,
    Duration,
    Expression,
    Number,
    Product,
    Reference,
    Sum,
)
from h2o_gan.engine.data.relations.finding import (
    Candidate,
    NumberColumn,
    explains_all,
    explains_part,
    find_candidates,
)
from h2o_gan.engine.data.relations.orders import find_conditions
from h2o_gan.engine.data.relations.relations import Relation, agreeing, formula_of
from h2o_gan.engine.data.relations.rules import MAX_RULES, Condition, Formula, Rule
from h2o_gan.engine.data.schema import LEARNED_KINDS, NUMBER_KINDS, Array, Column, kind_of
from h2o_gan.engine.data.tokens.rules import RULES
from h2o_gan.notices import listed

__all__ = ["Found"]

_TREATED = ("auto", "numeric")
_SCREENED_ROWS = 20_000
_MAX_RELATIONS = 4  # of a column, each in a part of the rows


@dataclass(frozen=True)
class Found:
    """What holds between the columns of a table.

    Attributes:
        relations: formulas, those that the user declares among them, without circles.
        rules: all other rules.
        declared: the rules that the user declares.
    """

    relations: Sequence[Relation]
    rules: Sequence[Rule]
    declared: Sequence[Rule] = ()

    @classmethod
    def in_table(
        cls,
        table: pa.Table,
        weights: Array | None,
        treat_as: Mapping[str, str],
        declared: Sequence[Rule],
        search: bool,
        learn_missing: bool = True,
    ) -> Found:
        """Find relations and rules.

        A model holds at most `MAX_RULES` rules: the declared ones, then those found first.

        Args:
            table: the training rows.
            weights: (rows,) float64 row weights, or None; rows of weight 0 do not count.
            treat_as: how the user wants columns treated, by name.
            declared: rules that all rows keep.
            search: whether to look for others.
            learn_missing: whether missing cells say something. Where samples have none, a condition
                about them would leave out what goes with them in the training rows.
        """
        if weights is not None:
            table = table.filter(pa.array(weights > 0))
        names = [name for name in table.column_names if treat_as.get(name, "auto") in _TREATED]
        numeric = [_numbers(name, table.column(name)) for name in names]
        columns = [column for column in numeric if column is not None]
        by_name = {column.name: column for column in columns}
        given = [
            relation
            for rule in declared
            if isinstance(rule, Formula) and rule.column.name in by_name
            for relation in _declared(rule, by_name[rule.column.name], table)
        ]
        computed = {id(relation.formula) for relation in given if relation.always}
        rules = [rule for rule in declared if id(rule) not in computed]
        if not search:
            return cls(given, rules, declared)
        decimals = _decimals(columns)
        # New identifiers do not follow other columns, and are not drawn again.
        usable = table.select(
            [
                name
                for name in table.column_names
                if _is_learned(table, name) and treat_as.get(name) != "identifier"
            ]
        )
        relations, formulas = _relations(table, columns, given)
        rules += [rule for rule in formulas if rule not in rules]
        known = {str(rule.expression) for rule in rules if isinstance(rule, Condition)}
        for relation in relations:
            known |= _implied(relation, by_name)
        formulas_of = [relation.target for relation in relations if relation.always]
        rules += [
            rule
            for rule in find_conditions(usable, columns, decimals, formulas_of, learn_missing)
            if str(rule.expression) not in known
        ]
        return cls(relations, rules[:MAX_RULES], declared)

    def without(self, texts: Sequence[str]) -> Found:
        """The same without some relations and rules that were found.

        Raises:
            ValueError: there is none of such a text, or the user declares it.
        """
        declared = {rule.text for rule in self.declared}
        known = [r.formula.text for r in self.relations] + [rule.text for rule in self.rules]
        known = [text for text in known if text not in declared]
        for text in texts:
            if text in declared:
                raise ValueError(
                    f"ignored_relations: {text!r} is declared in constraints too: remove it from "
                    "one of the two."
                )
            if text not in known:
                raise ValueError(
                    f"ignored_relations: there is no relation {text!r}; there are: "
                    f"{listed(known) or 'none'}."
                )
        return replace(
            self,
            relations=[r for r in self.relations if r.formula.text not in texts],
            rules=[rule for rule in self.rules if rule.text not in texts],
        )

    def rules_over(self, names: Sequence[str]) -> list[Rule]:
        """The rules that are about these columns only."""
        return [rule for rule in self.rules if {*rule.columns} <= {*names}]


def _relations(
    table: pa.Table, columns: Sequence[NumberColumn], declared: Sequence[Relation]
) -> tuple[list[Relation], list[Formula]]:
    """Relations that chance does not explain, and those declared.

    Returns:
        The relations; and the formulas among those of a part of the rows that are never wrong
        where nothing is missing, which all rows keep.
    """
    candidates = find_candidates(columns)
    kinds = {field.name: kind_of(field.type) for field in table.schema}
    decimals = _decimals(columns)
    tried = len(columns) ** 3
    selected = _Selection(list(declared))
    parts: list[tuple[float, Candidate, Formula, Array]] = []
    wholes: list[tuple[Candidate, Formula]] = []
    never_wrong: list[Formula] = []
    rows = table.num_rows
    some = min(rows, _SCREENED_ROWS)
    first = table.slice(0, some)
    for candidate in candidates:
        formula = _formula(candidate, columns, kinds, decimals)
        if formula is None:
            continue
        column = columns[candidate.target]
        holds = _held(formula, first)
        if holds is None or holds.agrees.sum() < RULES.spike_share * some / 2:
            continue
        if some < rows:
            holds = _held(formula, table)
        if holds is None:
            continue
        if holds.everywhere and explains_all(column.values, tried):
            wholes.append((candidate, formula))
            continue
        values = column.without_frequent()
        if explains_part(values, holds.formula, holds.agrees, column.unit, tried):
            agrees = holds.agrees & ~np.isnan(values)
            parts.append((float(agrees.mean()), candidate, formula, agrees))
            if holds.never_wrong:
                never_wrong.append(formula)
    for candidate, formula in _one_target_each(wholes, columns):
        if selected.allows(formula):
            selected.relations.append(_relation(formula, columns[candidate.target]))
    least = max(RULES.spike_share, RULES.spike_rows / rows)
    covered: dict[str, Array] = {}
    for relation in declared:
        if not relation.always:
            target = numbers_of(table.column(relation.target))
            covered[relation.target] = relation.holds(table, target)
    # Of two equal columns, the later one follows from the earlier.
    for _, candidate, formula, agrees in sorted(
        parts, key=lambda part: (-round(part[0], 2), -part[1].target)
    ):
        name = formula.column.name
        new = agrees & ~covered.get(name, np.zeros(rows, bool))
        share = float(new.mean())
        if share < least or selected.count(name) >= _MAX_RELATIONS or not selected.allows(formula):
            continue
        selected.relations.append(_relation(formula, columns[candidate.target], share))
        covered[name] = agrees | covered.get(name, False)
    formulas = {id(relation.formula) for relation in selected.relations}
    return selected.relations, [formula for formula in never_wrong if id(formula) in formulas]


def _implied(relation: Relation, columns: Mapping[str, NumberColumn]) -> set[str]:
    """The orders, as text, that hold because a total has no negative parts."""
    total = relation.formula.expression
    if not relation.always or not isinstance(total, Sum) or {*total.operators} != {"+"}:
        return set()
    names = [part.name for part in total.operands if isinstance(part, Reference)]
    if len(names) != len(total.operands):
        return set()
    least = {name: float(np.nanmin(columns[name].values)) for name in names}
    found = set()
    for name in names:
        others = [least[other] for other in names if other != name]
        for operator in ("<=", *(["<"] if sum(others) > 0 else [])):
            if min(others) >= 0:
                pair = Reference(name), Reference(relation.target)
                found.add(str(Comparison(pair, (operator,))))
    return found


def _declared(rule: Formula, column: NumberColumn, table: pa.Table) -> list[Relation]:
    """The relation of a declared formula.

    A column that is missing in other rows than its inputs is learned: the formula gives its value
    where none of them is missing, and the rule sees to that.
    """
    holds = _held(rule, table)
    if holds is None or holds.everywhere:
        return [_relation(rule, column)]
    share = float((holds.agrees & ~np.isin(column.values, column.frequent())).mean())
    if share * table.num_rows < RULES.spike_rows:
        return []
    return [_relation(rule, column, share)]


def _relation(formula: Formula, column: NumberColumn, share: float | None = None) -> Relation:
    """The relation of a formula, which holds in a share of the rows; None for always."""
    low, high = float(np.nanmin(column.values)), float(np.nanmax(column.values))
    if share is None:
        return Relation(formula, True, 1.0, low, high)
    return Relation(formula, False, share, low, high, tuple(column.frequent().tolist()))


def _decimals(columns: Sequence[NumberColumn]) -> dict[str, int | None]:
    return {c.name: round(-math.log10(c.unit)) if c.unit else None for c in columns}


def _is_learned(table: pa.Table, name: str) -> bool:
    return kind_of(table.schema.field(name).type) in LEARNED_KINDS


class _Selection:
    """The relations that are selected so far."""

    def __init__(self, relations: list[Relation]) -> None:
        self.relations = relations

    def count(self, target: str) -> int:
        return sum(relation.target == target for relation in self.relations)

    def allows(self, formula: Formula) -> bool:
        """Whether a formula leads to no circle, and its column is not computed already."""
        if any(r.always and r.target == formula.column.name for r in self.relations):
            return False
        reached, left = set(), list(formula.sources)
        while left:
            name = left.pop()
            if name == formula.column.name:
                return False
            if name not in reached:
                reached.add(name)
                left += [i for r in self.relations if r.target == name for i in r.formula.sources]
        return True


class _Holds:
    """Where a formula gives its column's value.

    Attributes:
        agrees: (rows,) bool, where it does.
        never_wrong: whether it does wherever neither the column nor an input is missing.
        everywhere: whether, besides, the column is missing where an input is, and only there.
        formula: (rows,) float64, what it gives; NaN where that is missing.
    """

    def __init__(self, formula: Formula, table: pa.Table) -> None:
        values, missing = numbers_of(table.column(formula.column.name))
        computed = formula.compute(table)
        self.agrees = agreeing(formula, table, (values, missing))
        found, absent = numbers_of(computed)
        self.never_wrong = not formula.broken(table).any()
        self.everywhere = self.never_wrong and bool((missing == absent).all())
        self.formula = np.where(absent, np.nan, found.astype(np.float64))


def _held(formula: Formula, table: pa.Table) -> _Holds | None:
    """Where a formula holds; None if its whole numbers do not fit into 64 bits."""
    try:
        return _Holds(formula, table)
    except OverflowError:
        return None


def _numbers(name: str, values: pa.ChunkedArray) -> NumberColumn | None:
    """A column for the search; None for one that has fewer than two values or infinities."""
    kind = kind_of(values.type)
    if kind not in NUMBER_KINDS:
        return None
    found, missing = numbers_of(values)
    distinct = np.unique(found[~missing])
    if len(distinct) < 2 or not np.isfinite(distinct.astype(np.float64)).all():
        return None
    unit = 1.0
    if kind == "real":
        decimals = decimals_of(distinct)
        unit = 0.0 if decimals is None else 10.0**-decimals
    return NumberColumn(
        name, np.where(missing, np.nan, found.astype(np.float64)), unit, kind == "time"
    )


def _one_target_each(
    found: Sequence[tuple[Candidate, Formula]], columns: Sequence[NumberColumn]
) -> list[tuple[Candidate, Formula]]:
    """Of formulas over the same columns, the one whose target varies most: a sum, not a summand."""
    best: dict[frozenset[int], tuple[Candidate, Formula]] = {}

    def rank(candidate: Candidate) -> tuple[bool, bool, bool, float, int]:
        column = columns[candidate.target]
        spread = float(np.nanstd(column.values))
        whole = all(float(factor).is_integer() for factor, _ in candidate.terms)
        # A difference of times is small beside them: compute the later time from it. Half of a
        # column would be rounded, and then no longer give the column.
        return column.is_time, whole, candidate.is_product, round(spread, 6), candidate.target

    for candidate, formula in found:
        before = best.get(candidate.columns)
        if before is None or rank(candidate) > rank(before[0]):
            best[candidate.columns] = candidate, formula
    return list(best.values())


def _formula(
    candidate: Candidate,
    columns: Sequence[NumberColumn],
    kinds: Mapping[str, str],
    decimals: Mapping[str, int | None],
) -> Formula | None:
    """The formula of a candidate; None where its types do not go together."""
    target = columns[candidate.target]
    make = _product if candidate.is_product else _sum
    expression = make(candidate, columns)
    if expression is None:
        return None
    try:
        return formula_of(Column(target.name, kinds[target.name]), expression, kinds, decimals)
    except TypeError:
        return None


def _product(candidate: Candidate, columns: Sequence[NumberColumn]) -> Expression | None:
    over = [columns[i] for factor, i in candidate.terms if factor > 0]
    under = [columns[i] for factor, i in candidate.terms if factor < 0]
    operands: list[Expression] = [Reference(c.name) for c in over]
    if candidate.constant != 1 or not operands:
        operands.insert(0, Number(candidate.constant))
    operators = ["*"] * (len(operands) - 1) + ["/"] * len(under)
    operands += [Reference(c.name) for c in under]
    return Product(tuple(operands), tuple(operators)) if operators else None


def _sum(candidate: Candidate, columns: Sequence[NumberColumn]) -> Expression | None:
    target = columns[candidate.target]
    times = [(factor, i) for factor, i in candidate.terms if columns[i].is_time]
    if times and not target.is_time:
        return _length(candidate, columns, times)
    parts: list[tuple[bool, Expression]] = []
    for factor, index in sorted(candidate.terms, key=lambda term: not columns[term[1]].is_time):
        column = columns[index]
        if column.is_time:
            if factor != 1 or parts:
                return None
            parts.append((True, Reference(column.name)))
        elif target.is_time:
            part = _duration(abs(factor), Reference(column.name))
            parts.append((factor > 0, part))
        else:
            parts.append((factor > 0, _times(abs(factor), Reference(column.name))))
    if candidate.constant:
        size = Number(abs(candidate.constant))
        constant: Expression = Duration("seconds", _over(size, 1000)) if target.is_time else size
        parts.append((candidate.constant > 0, constant))
    parts.sort(key=lambda part: not part[0])  # begin with something that is added
    if not parts[0][0]:
        parts.insert(0, (True, Number(0)))
    if len(parts) == 1:
        return parts[0][1]
    operators = tuple("+" if plus else "-" for plus, _ in parts[1:])
    return Sum(tuple(part for _, part in parts), operators)


def _length(
    candidate: Candidate, columns: Sequence[NumberColumn], times: Sequence[tuple[float, int]]
) -> Expression | None:
    """The difference of two times in days, hours, minutes or seconds."""
    if len(times) != 2 or len(candidate.terms) != 2 or candidate.constant:
        return None
    (first, start), (second, end) = sorted(times)
    for unit, length in UNITS.items():
        if abs(second * length - 1) < 1e-9 and abs(first * length + 1) < 1e-9:
            difference = Sum((Reference(columns[end].name), Reference(columns[start].name)), ("-",))
            return Duration(unit, difference)
    return None


def _duration(factor: float, of: Expression) -> Expression:
    for unit, length in UNITS.items():
        if factor % length == 0:
            return Duration(unit, _times(factor / length, of))
    return Duration("seconds", _over(_times(factor, of), 1000))


def _times(factor: float, of: Expression) -> Expression:
    return of if factor == 1 else Product((Number(factor), of), ("*",))


def _over(of: Expression, divisor: int) -> Expression:
    return Product((of, Number(divisor)), ("/",))
