"""Tables, expressions and rules on which Java and Python are compared."""

import functools
import json
import random

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from probes import listed, rule_arrays, unpacked, values_of
from rule_trees import COLUMNS, numbers
from untrained import enum

from h2o_gan.engine.data.relations.expressions import Duration, Reference, Sum
from h2o_gan.engine.data.relations.overflow import broken_rows, computed_values
from h2o_gan.engine.data.relations.relations import formula_of
from h2o_gan.engine.data.relations.rules import Formula
from h2o_gan.engine.data.schema import TIME, Column, kind_of

DAY = 86_400_000
INTEGERS = [
    0, 1, -1, 2, 3, 7, 10, 100, 12345, 2**31, -(2**31), 2**32 + 1, 3037000499, 3037000500, 2**52,
    2**53 - 1, 2**53, 2**53 + 1, 2**62, 2**62 + 1, 2**63 - 1, -(2**63), -(2**63) + 1, None,
]  # fmt: skip
REALS = [
    0.0, -0.0, 0.1, 0.2, 0.3, 0.30000000000000004, 0.5, 1.5, 2.5, -2.5, 1.005, 2.675, -2.675, 0.125,
    1.01, 1e-9, 1e-300, 5e-324, 1e15, 2.0**51, 2.0**52 + 0.5, 4503599627370495.5, 2.0**53, 9.3e18,
    -9.3e18, 9223372036854775807.0, -(2.0**63), 1e300, 1.7976931348623157e308, float("inf"),
    -float("inf"), float("nan"), None, 1234.5678, 99.995, 1 / 3, 1e22, 123456789.12,
]  # fmt: skip
MOMENTS = [0, DAY, -DAY, 1, 1577836800000, 2**53, 2**63 - 1, -(2**63), None]
LITERALS = [
    0, 1, -1, 2, 3, 10, 0.1, 0.5, 1.005, 0.25, 2**53, -(2**53), 1e-7, 1e22, 1e300, 1e-300, 5e-324,
    5.684341886080802e-14, 2.0**-44, 2e-3, 123.456, 9007199254740994.0, 2.2250738585072014e-308,
]  # fmt: skip
TARGETS = [Column("whole", "int"), Column("exact", "real"), Column("cents", "real")]
TARGETS += [
    Column("moment", "time"),
    Column("town", "enum", ("y", "z", "x")),
    Column("word", "string"),
]
ALL = [*COLUMNS, *TARGETS]
BY_NAME = {column.name: column for column in ALL}


def trees(strategy, count):
    """Some random trees, the same ones in every run."""
    found = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(tree):
        found.append(tree)

    collect()
    return found


def literals():
    return st.one_of(
        st.sampled_from(LITERALS[:10]),
        st.integers(-20, 20),
        st.decimals(-10, 10, places=1).map(float),
        st.decimals(-1000, 1000, places=2).map(float),
        st.one_of(st.sampled_from(LITERALS), st.floats(allow_nan=False, allow_infinity=False)),
    )


def edge_table(rows, seed=0, edges=0.1, missing=0.05):
    """Rows of :data:`ALL` columns with values at which something may go wrong."""
    rng = random.Random(seed)

    def of(values, plain):
        found = [rng.choice(values) if rng.random() < edges else plain() for _ in range(rows)]
        return [None if rng.random() < missing else value for value in found]

    def cents():
        return round(rng.gauss(0, 100), 2)

    def small():
        return rng.randrange(-50, 50)

    def moment():
        return rng.randrange(-(10**12), 10**12)

    text = ["x", "y", "it's", "", "\N{GRINNING FACE}", None]
    return pa.table(
        {
            "a": pa.array(of(INTEGERS, small), pa.int64()),
            'odd "name"': pa.array(of(INTEGERS, small), pa.int64()),
            "or": pa.array(of(REALS, cents), pa.float64()),
            "start": pa.array(of(MOMENTS, moment), pa.int64()).cast(TIME),
            "time": pa.array(of(MOMENTS, moment), pa.int64()).cast(TIME),
            "city": enum([rng.choice(["x", "y", "it's", None]) for _ in range(rows)]),
            "note": pa.array([rng.choice(text) for _ in range(rows)]),
            "whole": pa.array(of(INTEGERS, small), pa.int64()),
            "exact": pa.array(of(REALS, cents), pa.float64()),
            "cents": pa.array(of(REALS, cents), pa.float64()),
            "moment": pa.array(of(MOMENTS, moment), pa.int64()).cast(TIME),
            "town": enum([rng.choice(["x", "y", "w", None]) for _ in range(rows)]),
            "word": pa.array([rng.choice(text) for _ in range(rows)]),
        }
    )


def request(columns, table, **parts):
    """A table of a request; columns that it lacks have no values."""
    there = set(table.column_names)
    return {
        "columns": [column.to_json() for column in columns],
        "values": [values_of(table.column(c.name)) if c.name in there else None for c in columns],
        "rows": table.num_rows,
        **{part: [] for part in ("rules", "relations", "gaps", "solved")},
        **parts,
    }


def stored(rule):
    """A rule as the probe takes it."""
    item = {"json": json.dumps(rule.to_json())}
    if rule.arrays():
        item["arrays"] = rule_arrays(rule.arrays())
    return item


def assert_same(values, array):
    """Check that values of the probe are those of an Arrow array: numbers bit by bit."""
    kind = kind_of(array.type)
    missing = unpacked(values["missing"], "?")
    wanted = values_of(pa.chunked_array([array]))
    assert values["kind"] == kind
    np.testing.assert_array_equal(missing, unpacked(wanted["missing"], "?"))
    if kind in ("enum", "string"):
        assert listed(values) == array.to_pylist()
        return
    np.testing.assert_array_equal(
        unpacked(values["values"], "i8")[~missing], unpacked(wanted["values"], "i8")[~missing]
    )


def assert_evaluated(rules, table, columns, answers):
    """Check the probe's answers for rules over a table."""
    names = [column.name for column in columns]
    for rule, answer in zip(rules, answers, strict=True):
        assert not isinstance(answer, str), (rule.text, answer)
        found = [names[at] for at in unpacked(answer["columns"], "i4")]
        assert found == list(rule.columns), rule.text
        broken = unpacked(answer["broken"], "?")
        np.testing.assert_array_equal(broken, broken_rows(rule, table), rule.text)
        if isinstance(rule, Formula):
            values, overflow = computed_values(rule, table)
            np.testing.assert_array_equal(unpacked(answer["overflow"], "?"), overflow, rule.text)
            assert_same(answer["computed"], values)


@functools.cache
def formulas():
    """Random formulas of all kinds of columns."""
    found = []
    for index, expression in enumerate(trees(numbers(literals()), 120)):
        target = TARGETS[index % 3]
        known = {"or": (2, None, 0, 8)[index % 4], "cents": 2, "exact": None}
        found.append(formula(target, expression, known))
        if index % 3 == 0:
            later = Sum((Reference("start"), Duration("hours", expression)), ("+",))
            found.append(formula(TARGETS[3], later, known))
            gap = Duration("days", Sum((Reference("time"), Reference("start")), ("-",)))
            found.append(formula(target, Sum((gap, expression), ("-",)), known))
    for name in ("city", "note"):
        found += [formula(target, Reference(name), {}) for target in TARGETS[4:]]
    return found


def formula(column, expression, decimals):
    kinds = {one.name: one.kind for one in ALL}
    known = {one.name: decimals.get(one.name) for one in ALL}
    return formula_of(column, expression, kinds, known)
