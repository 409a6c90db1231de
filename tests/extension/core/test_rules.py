"""Rules and relations in Java give what they give in Python, bit by bit."""

import json
import random

import numpy as np
import pyarrow as pa
from hostile import HOSTILE, places, with_value
from probes import packed, rule_arrays, unpacked, values_of
from relation_tables import LEVELS, ORDERS, cities
from rule_cases import (
    ALL,
    BY_NAME,
    LITERALS,
    TARGETS,
    assert_evaluated,
    assert_same,
    edge_table,
    formula,
    formulas,
    literals,
    request,
    stored,
    trees,
)
from rule_trees import COLUMNS, KINDS, conditions, numbers
from untrained import enum, related_model, related_table

from h2o_gan.engine.data.numbers import numbers_of
from h2o_gan.engine.data.relations.absence import lasting_gaps
from h2o_gan.engine.data.relations.checking import check_rules
from h2o_gan.engine.data.relations.conditions import Comparison, Logic, Missing, Not
from h2o_gan.engine.data.relations.expressions import Duration, Number, Product, Reference, Sum
from h2o_gan.engine.data.relations.overflow import computed_values
from h2o_gan.engine.data.relations.relations import RELATIONS_CHECK, Relations
from h2o_gan.engine.data.relations.rules import Condition, Unique
from h2o_gan.engine.data.relations.solving import solved
from h2o_gan.engine.data.relations.stored_rules import restore
from h2o_gan.engine.data.schema import Column, kind_of
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.storage.entries import parsed


def test_expressions(probe):
    table = edge_table(60)
    rules = [*formulas()]
    count = len(rules)
    for index, tree in enumerate(trees(conditions(literals()), 140)):
        decimals = (("or", 2),) if index % 2 else ()
        anchored = Logic("or", (tree, Missing(Reference("a"))))
        rules.append(Condition(f"rule {index}", anchored, decimals))
    decimals = np.random.default_rng(0)
    for literal in (*LITERALS, *(decimals.random(100) * 10.0 ** decimals.integers(-20, 20, 100))):
        tree = Comparison((Reference("or"), Number(float(literal))), ("=",))
        rules.append(Condition(f"or = {literal}", tree, (("or", 0),)))
    # H2O makes reals of whole numbers beside fractions.
    halves = pa.array([None if v is None else v / 2 for v in table.column("a").to_pylist()])
    other = table.set_column(0, "a", halves)
    asked = [request(ALL, some, rules=[*map(stored, rules)]) for some in (table, other)]
    answer, again = probe("RulesProbe", {"tables": asked})
    assert_evaluated(rules, table, ALL, answer["rules"])
    assert_evaluated(rules, other, ALL, again["rules"])
    broken = [unpacked(found["broken"], "?").mean() for found in answer["rules"][count:]]
    assert 0.1 < np.mean(broken) < 0.9
    overflow = [unpacked(found["overflow"], "?").mean() for found in answer["rules"][:count]]
    assert 0.005 < np.mean(overflow) < 0.5


def test_formulas_that_nearly_hold(probe):
    """Values that differ from those of a formula by about its tolerance."""
    rows, rng = 48, np.random.default_rng(4)
    table = edge_table(rows, seed=9, edges=0.02)
    asked, rules, tables = [], [], []
    for rule in formulas()[:200]:
        values, _ = computed_values(rule, table)
        if rule.column.kind == "real":
            exact = values.fill_null(0).to_numpy()
            steps = [0, 1e-9, 0.005, 0.00333, 0.00334, 1e-2, 0.5e-8, 2e-16, 0.004999, 0.005001]
            scale = np.where(rng.random(rows) < 0.5, exact, 1) * rng.choice([-1, 1], rows)
            with np.errstate(all="ignore"):
                near = exact + rng.choice(steps, rows) * scale
            values = pa.array(near, mask=values.is_null().to_numpy(zero_copy_only=False))
        elif rule.column.kind in ("int", "time"):
            whole = values.cast(pa.int64()).fill_null(0).to_numpy()
            values = pa.array(whole ^ (rng.random(rows) < 0.5)).cast(values.type)
        index = table.column_names.index(rule.column.name)
        rules.append(rule)
        tables.append(table.set_column(index, rule.column.name, values))
        asked.append(request(ALL, tables[-1], rules=[stored(rule)]))
    answers = probe("RulesProbe", {"tables": asked})
    for rule, some, answer in zip(rules, tables, answers, strict=True):
        assert_evaluated([rule], some, ALL, answer["rules"])
    broken = [unpacked(answer["rules"][0]["broken"], "?").mean() for answer in answers]
    assert 0.2 < np.mean(broken) < 0.7


def test_decimals_of_literals(probe):
    """A literal equals numbers within a third of its last decimal place."""
    rng = np.random.default_rng(1)
    some = [float(f"{rng.random():.{places}e}") for places in range(17) for _ in range(20)]
    tables, rules = [], []
    for literal in (2.0**-44, 5e-5, 2e-3, 0.1 + 0.2, 1e-5 / 3, 1.1e-5, *some):
        steps = np.repeat(10.0 ** -np.arange(1, 23), 4) * np.tile([0.32, 0.34, -0.32, -0.34], 22)
        tables.append(pa.table({"or": literal + steps}))
        tree = Comparison((Reference("or"), Number(literal)), ("=",))
        rules.append(Condition(f"or = {literal}", tree, (("or", 0),)))
    asked = [
        request([BY_NAME["or"]], table, rules=[stored(rule)])
        for table, rule in zip(tables, rules, strict=True)
    ]
    answers = probe("RulesProbe", {"tables": asked})
    for answer, rule, table in zip(answers, rules, tables, strict=True):
        assert_evaluated([rule], table, [BY_NAME["or"]], answer["rules"])


def changed_rows(table, seed=1):
    """Rows of a table with a third of the cells of each column taken from other rows."""
    rng, arrays = np.random.default_rng(seed), {}
    for name in table.column_names:
        at = np.arange(table.num_rows)
        moved = rng.random(len(at)) < 0.3
        at[moved] = rng.permutation(at)[moved]
        mask = rng.random(len(at)) < 0.05
        arrays[name] = table.column(name).take(pa.array(at, mask=mask))
    return pa.table(arrays)


def completed(relations, table, observed=None):
    """What Python answers where the probe completes rows."""
    related = relations.indices(table)
    arrays = {
        name: table.column(name).combine_chunks()
        for name in table.column_names
        if name not in relations.always
    }
    cells = None
    if observed is not None:
        name, mask = observed
        cells = {name: (table.column(name).combine_chunks(), mask)}
    impossible = relations.complete(arrays, related, cells)
    return related, arrays, impossible


def test_halves_of_the_last_decimal(probe):
    """A number halfway between two values of a column may have been rounded to either."""
    eighths, near = [], []
    for eighth in range(-20, 20):
        for step in (0.005, 0.005 + 5e-12, 0.005 + 2e-11, 0.00499, 0.0051):
            eighths += [eighth, eighth]
            near += [eighth / 8 + step, eighth / 8 - step]
    table = edge_table(len(near)).select([column.name for column in ALL])
    table = table.set_column(0, "a", pa.array(eighths))
    table = table.set_column(table.column_names.index("cents"), "cents", pa.array(near))
    quotient = Product((Reference("a"), Number(8)), ("/",))
    rules = [formula(TARGETS[2], quotient, {"cents": 2})]
    rules.append(
        Condition("c", Comparison((quotient, Reference("cents")), ("!=",)), (("cents", 2),))
    )
    (answer,) = probe("RulesProbe", {"tables": [request(ALL, table, rules=[*map(stored, rules)])]})
    assert_evaluated(rules, table, ALL, answer["rules"])
    assert (
        unpacked(answer["rules"][0]["broken"], "?")[:10].tolist()
        == [False] * 4 + [True] * 2 + [False] * 2 + [True] * 2
    )


def test_relations_and_rules_of_a_model(probe):
    encoder = related_model().encoder
    columns, data = list(encoder.columns), encoder.relations.to_json()
    for item in data:
        item["frequent"] = [] if item["always"] else [*range(20, 50), 0.5]
    relations = Relations.restore(data, {column.name: column for column in columns})
    assert {"total", "tax", "end"} <= set(relations.always)
    assert relations.count("paid")
    assert relations.count("again")
    table = changed_rows(related_table(400, seed=3))
    far = pa.array(np.asarray(table.column("some").fill_null(0)) * 10**16)
    table = table.set_column(table.column_names.index("some"), "some", far)
    mask = np.random.default_rng(2).random(400) < 0.5
    text = json.dumps(relations.to_json())
    asked = [
        {"json": text, "observed": None},
        {
            "json": text,
            "observed": [column.name for column in columns].index("total"),
            "rows": packed(mask),
        },
    ]
    rules = [stored(rule) for rule in encoder.rules]
    (answer,) = probe(
        "RulesProbe", {"tables": [request(columns, table, rules=rules, relations=asked)]}
    )
    assert_evaluated(encoder.rules, table, columns, answer["rules"])
    for found, observed in zip(answer["relations"], (None, ("total", mask)), strict=True):
        assert [columns[at].name for at in found["targets"]] == [
            relation.target for relation in relations.relations
        ]
        related, arrays, impossible = completed(relations, table, observed)
        assert set(found["indices"]) == set(related)
        for name, indices in related.items():
            np.testing.assert_array_equal(unpacked(found["indices"][name], "i4"), indices)
            assert len(np.unique(indices)) > 1
        for column, values in zip(columns, found["values"], strict=True):
            assert_same(values, arrays[column.name])
        assert len(found["impossible"]) == len(impossible) > 1
        for (text, rows), (relation, wrong) in zip(found["impossible"], impossible, strict=True):
            assert text == relation.formula.text
            np.testing.assert_array_equal(unpacked(rows, "?"), wrong)


def test_relations_without_a_column(probe):
    encoder = related_model().encoder
    columns, table = list(encoder.columns), related_table(50)
    lacking = table.drop_columns(["grade", "id"])
    asked = {"json": json.dumps([r.to_json() for r in encoder.relations.partial("again")])}
    (answer,) = probe(
        "RulesProbe",
        {"tables": [request(columns, table, relations=[{**asked, "observed": None}])]},
    )
    assert set(answer["relations"][0]["indices"]) == {"again"}
    assert encoder.relations.indices(lacking).keys() == {"paid"}


COMBINED = pa.table(
    {
        "city": cities((["Paris"] * 6 + ["Rome"] * 5 + ["Oslo", None]) * 3),
        "price": [1.5, 2.5, -0.0, None, 1.5, 2.5, 0.0, 7.0, float("inf"), 7.0, 0.0, 1.5, None] * 3,
        "count": pa.array([1, 2, 3, None, 1, 2, 3, 2**53 + 1, 2**53, 2**53 + 1, 3, 1, None] * 3),
    }
)


def test_combinations(probe):
    columns = [
        Column("city", "enum", LEVELS),
        Column("price", "real"),
        Column("count", "int"),
    ]
    (texts, _) = check_rules(["city, price, count"], COMBINED)
    rule = texts[0].fitted(COMBINED, 3)
    assert 3 < len(rule) < 13
    rows = changed_rows(pa.concat_tables([COMBINED] * 20))
    other = enum([*rows.column("city").to_pylist()[:-1], "Lima"], ("Lima", "Oslo", "Rome", "Paris"))
    halves = pa.array([None if v is None else v * 0.5 for v in rows.column("count").to_pylist()])
    asked = [rows, rows.set_column(0, "city", other), rows.set_column(2, "count", halves)]
    answers = probe(
        "RulesProbe", {"tables": [request(columns, some, rules=[stored(rule)]) for some in asked]}
    )
    for some, answer in zip(asked, answers, strict=True):
        assert_evaluated([rule], some, columns, answer["rules"])
        assert 0.1 < unpacked(answer["rules"][0]["broken"], "?").mean() < 0.95


def test_hostile_combinations_are_refused(probe):
    columns = [Column("city", "enum", LEVELS), Column("price", "real"), Column("note", "string")]
    rule = check_rules(["city, price"], COMBINED)[0][0].fitted(COMBINED, 3)
    count, data = len(rule), rule.to_json()
    cases = [({}, {}), ({"columns": ["city", "city"]}, {}), ({"columns": ["city"]}, {})]
    cases += [({"columns": ["city", "note"]}, {}), ({"columns": ["city", "town"]}, {})]
    arrays = {
        "numbers_0": [np.zeros(count), np.full(count, 4), np.full(count, -1), np.zeros(0, int)],
        "numbers_1": [np.full(count, np.nan), np.zeros(count, int), np.zeros(count + 1)],
        "numbers_2": [np.zeros(count)],
        "missing": [np.zeros((1, count), bool), np.zeros((2, 0), bool), np.zeros((2, count), int)],
    }
    cases += [({}, {name: array}) for name, some in arrays.items() for array in some]
    items, refused = [], []
    for change, replaced in cases:
        both = {**rule.arrays(), **replaced}
        items.append({"json": json.dumps({**data, **change}), "arrays": rule_arrays(both)})
        try:
            restore({**data, **change}, both, columns)
            refused.append(False)
        except Damaged:
            refused.append(True)
    table = pa.table({"city": cities(["Rome"]), "price": [1.0], "note": ["a"]})
    (answer,) = probe("RulesProbe", {"tables": [request(columns, table, rules=items)]})
    assert refused == [False] + [True] * (len(cases) - 1)
    assert [isinstance(found, str) for found in answer["rules"]] == refused


def test_unique(probe):
    columns = [*COLUMNS]
    table = pa.concat_tables([edge_table(300).select([c.name for c in columns])] * 2)
    table = changed_rows(table.append_column("x", table.column("a"))).select(table.column_names)
    sets = [("a",), ("or",), ("city",), ("note",), ("start", "city"), ("a", "or", "note", "time")]
    rules = [Unique(f"unique({', '.join(keys)})", keys) for keys in sets]
    renamed = enum(table.column("city").to_pylist(), ("new", "y", "it's", "x"))
    other = table.set_column(table.column_names.index("city"), "city", renamed)
    asked = [request(columns, some, rules=[*map(stored, rules)]) for some in (table, other)]
    answers = probe("RulesProbe", {"tables": asked})
    for rule, found, again in zip(rules, *(answer["rules"] for answer in answers), strict=True):
        np.testing.assert_array_equal(unpacked(found["broken"], "?"), rule.broken(table))
        assert found == {**again, "hashes": found["hashes"]}
        present = unpacked(found["present"], "?")
        hashes = unpacked(found["hashes"], "u8")[present]
        np.testing.assert_array_equal(hashes, unpacked(again["hashes"], "u8")[present])
        keys = [
            numbers_of(table.column(name))[0] + 0
            if KINDS[name] in ("int", "real", "time")
            else np.array(table.column(name).to_pylist(), object)
            for name in rule.columns
        ]
        rows = [tuple(key[at] for key in keys) for at in np.flatnonzero(present)]
        assert len(set(hashes.tolist())) == len(set(rows)) > 2
        absent = [values_of(table.column(name))["missing"] for name in rule.columns]
        gaps = np.logical_or.reduce([unpacked(mask, "?") for mask in absent])
        np.testing.assert_array_equal(present, ~gaps)


def inverse_of(rule, column):
    """Python's formula for an input; None where there is none."""
    tree = solved(rule.column.name, rule.expression, column.name)
    try:
        return None if tree is None else formula(column, tree, dict(rule.decimals))
    except TypeError:
        return None


def test_solved_formulas(probe):
    table = edge_table(100, seed=5)
    columns = {column.name: column for column in ALL}
    items, wanted = [], []
    expressions = [
        *trees(numbers(literals()), 200),
        Sum((Reference("start"), Duration("days", Reference("a"))), ("+",)),
        Product((Number(3), Reference("a"), Number(2), Reference("or")), ("/", "*", "/")),
        Sum((Number(3), Reference("a"), Number(2), Reference("or")), ("-", "-", "+")),
        # Solved for "time" it begins with the sum of two times.
        Sum(tuple(map(Reference, ("start", "time", "start"))), ("-", "+")),
    ]
    for expression in expressions:
        moment = isinstance(expression, Sum) and expression.operands[0] == Reference("start")
        rule = formula(TARGETS[3] if moment else TARGETS[2], expression, {"or": 2, "cents": 2})
        for name in rule.sources:
            items.append({**stored(rule), "for": ALL.index(columns[name])})
            wanted.append(inverse_of(rule, columns[name]))
    assert wanted[-1] is wanted[-2] is None
    (answer,) = probe("RulesProbe", {"tables": [request(ALL, table, solved=items)]})
    assert 30 < sum(inverse is not None for inverse in wanted) < len(wanted)
    for inverse, found in zip(wanted, answer["solved"], strict=True):
        assert (inverse is None) == (found is None)
        if inverse is not None:
            values, overflow = computed_values(inverse, table)
            assert_same(found["computed"], values)
            np.testing.assert_array_equal(unpacked(found["overflow"], "?"), overflow)


def test_lasting_gaps(probe):
    table = edge_table(300, seed=7, missing=0.4).select(["a", "or", "start", "city", "note"])
    small = pa.array([None if v is None else v % 5 for v in table.column("a").to_pylist()])
    table = table.set_column(0, "a", small)
    names = table.column_names
    columns = [BY_NAME[name] for name in names]
    rng = random.Random(3)

    def condition(depth):
        if depth and rng.random() < 0.7:
            parts = tuple(condition(depth - 1) for _ in range(rng.choice((2, 2, 3))))
            return Logic(rng.choice(("and", "or", "or")), parts)
        if rng.random() < 0.6:
            both = Sum((Reference("a"), Reference("or")), ("+",))
            of = Missing(both if rng.random() < 0.3 else Reference(rng.choice(names)))
            return Not(of) if rng.random() < 0.5 else of
        return Comparison(
            (Reference("a"), Number(rng.randrange(5))), (rng.choice(("<", "=", ">=")),)
        )

    items, wanted = [], []
    for _ in range(150):
        rules = [Condition("c", condition(2)) for _ in range(rng.choice((1, 2, 4)))]
        some, filled = rng.sample(names, 3), rng.sample(names, 1)
        wanted.append(lasting_gaps(rules, table, some, filled))
        items.append(
            {
                "rules": [stored(rule) for rule in rules],
                "names": [names.index(name) for name in some],
                "filled": [names.index(name) for name in filled],
            }
        )
    (answer,) = probe("RulesProbe", {"tables": [request(columns, table, gaps=items)]})
    assert sum(map(bool, wanted)) > 20
    for gaps, found in zip(wanted, answer["gaps"], strict=True):
        assert set(found) == set(gaps)
        for name, mask in gaps.items():
            np.testing.assert_array_equal(unpacked(found[name], "?"), mask)


def is_refused(make):
    try:
        make()
    except Damaged:
        return True
    return False


def read(case):
    """The JSON of a case as a model file gives it."""
    return parsed(json.dumps(case).encode())


def deep(depth):
    tree = ["column", "a"]
    for _ in range(depth):
        tree = ["negative", tree]
    return ["missing", tree]


def test_hostile_rules_are_refused(probe):
    text = "a = 1.5 or start < time - days(2) or city in ('x', 'y') and not note is missing"
    table = edge_table(20).select([column.name for column in COLUMNS])
    declared = check_rules([text, "unique(a)"], table.slice(0, 0))[0]
    chain = formula(
        TARGETS[0], Product((Reference("a"), Number(2), Reference("or")), ("*", "/")), {}
    )
    cases = [
        with_value(rule.to_json(), place, value)
        for rule in (*declared, chain)
        for place in places(rule.to_json())
        for value in HOSTILE
    ]
    trees_ = [
        deep(29), deep(31), deep(32), ["sum", ["column", "a"]], ["in", ["column", "a"]],
        ["and", deep(1)], ["missing", ["sum", *[["column", "a"], "+"] * 4000, ["column", "a"]]],
        ["missing", ["sum", *[["column", "a"], "+"] * 4100, ["column", "a"]]],
        ["in", ["column", "a"], ["column", "a"]], ["in", ["column", "city"], ["number", 1]],
        ["compare", ["column", "city"], "<", ["text", "a"]], ["time", 0], ["number", 1],
        ["compare", ["column", "start"], "=", ["time", 253_402_300_800_000]],
        ["compare", ["column", "note"], "=", ["text", "a" * 10_000]],
        ["compare", ["column", "note"], "=", ["text", "a" * 10_001]],
        ["compare", ["column", "note"], "=", ["text", "\N{GRINNING FACE}" * 10_000]],
        ["compare", ["number", 1], "=", ["number", 1]], ["not", ["column", "a"]],
        ["missing", ["sum", ["column", "start"], "+", ["column", "time"]]],
        ["missing", ["sum", ["column", "a"], "-", ["column", "time"]]],
        ["missing", ["product", ["number", 2], "/", ["days", ["number", 2]]]],
        ["missing", ["missing", ["column", "a"]]], ["years", ["column", "a"]],
    ]  # fmt: skip
    cases += [{**declared[0].to_json(), "expression": tree} for tree in trees_]
    cases += [
        {**declared[0].to_json(), "text": "\N{GRINNING FACE}" * n} for n in (2**16, 2**16 + 1)
    ]
    cases.append({**chain.to_json(), "column": "a"})
    refused = [is_refused(lambda case=case: restore(read(case), {}, ALL)) for case in cases]
    items = [{"json": json.dumps(case)} for case in cases]
    full = edge_table(20)
    (answer,) = probe("RulesProbe", {"tables": [request(ALL, full, rules=items)]})
    for case, is_, found in zip(cases, refused, answer["rules"], strict=True):
        assert isinstance(found, str) == is_, (str(case)[:300], is_, found)
    assert 0.5 < np.mean(refused) < 1


def test_hostile_relations_are_refused(probe):
    encoder = related_model().encoder
    columns, table = list(encoder.columns), related_table(20)
    data = encoder.relations.to_json()
    cases = [with_value(data, place, value) for place in places(data[:2]) for value in HOSTILE]
    by_target = {item["formula"]["column"]: item for item in data}
    total, paid = by_target["total"], by_target["paid"]
    circle = json.loads(json.dumps(total))
    circle["formula"].update(column="some", expression=["column", "total"])
    level = json.loads(json.dumps(total))
    level["formula"].update(column="city", expression=["column", "zone"])
    cases += [[total, total], [paid, paid], [total, circle], [total, {**total, "always": False}]]

    def restored(case):
        case = read(case)
        RELATIONS_CHECK(case, "its relations")
        Relations.restore(case, {column.name: column for column in columns})

    refused = [is_refused(lambda case=case: restored(case)) for case in cases]
    # Python refuses them with their codec.
    cases, refused = [*cases, [level]], [*refused, True]
    items = [{"json": json.dumps(case), "observed": None} for case in cases]
    (answer,) = probe("RulesProbe", {"tables": [request(columns, table, relations=items)]})
    for case, is_, found in zip(cases, refused, answer["relations"], strict=True):
        assert isinstance(found, str) == is_, (str(case)[:300], is_, found)
    assert 0.5 < np.mean(refused) < 1


def test_orders(probe):
    """Rules over the orders of the engine's tests."""
    columns = [
        Column(name, kind_of(ORDERS.schema.field(name).type), levels)
        for name, levels in (
            *(
                (name, ())
                for name in ("total", "price", "quantity", "half", "start", "end", "stay")
            ),
            ("city", LEVELS),
            ("town", ("Oslo", "Paris")),
            ("note", ()),
        )
    ]
    texts = [
        "total = price * quantity", "end = start + days(stay)", "city = town",
        "half = quantity / 2", "start <= end", "start < end < '2000-01-01'",
        "note != 'a' or stay > 0",
        "city in ('Paris', 'Rome') or town is missing", "stay < 3 or days(end - start) >= 3",
    ]  # fmt: skip
    rules = check_rules(texts, ORDERS.slice(0, 0))[0]
    (answer,) = probe(
        "RulesProbe", {"tables": [request(columns, ORDERS, rules=[*map(stored, rules)])]}
    )
    assert_evaluated(rules, ORDERS, columns, answer["rules"])
