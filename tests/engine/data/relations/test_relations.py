"""Relations of a table: where they hold, their order, and the values that they give."""

import json

import numpy as np
import pyarrow as pa
import pytest
from relation_tables import expression_of

from h2o_gan.engine.data.numbers import numbers_of
from h2o_gan.engine.data.relations.relations import (
    RELATIONS_CHECK,
    Relation,
    Relations,
    agreeing,
    formula_of,
    ordered,
    outside,
)
from h2o_gan.engine.data.schema import Column
from h2o_gan.engine.exceptions import Damaged

KINDS = {"a": "real", "b": "real", "c": "real", "d": "real", "n": "int", "t": "time"}
COLUMNS = {name: Column(name, kind) for name, kind in KINDS.items()}
DECIMALS = dict.fromkeys("abcd", 2)


def relation(target, text, always=True, low=-1e9, high=1e9, frequent=()):
    expression = expression_of(text, list(COLUMNS.values()))
    formula = formula_of(COLUMNS[target], expression, KINDS, DECIMALS)
    return Relation(formula, always, 0.5, low, high, frequent)


def arrays(**values):
    return {name: pa.array(column, pa.float64()) for name, column in values.items()}


def restored(data):
    RELATIONS_CHECK(data, "they")
    return Relations.restore(data, COLUMNS)


def test_formulas_have_the_decimals_of_their_columns():
    formula = relation("c", "a + n").formula
    assert formula.text == "c = a + n" and dict(formula.decimals) == {"c": 2, "a": 2}
    with pytest.raises(TypeError):
        relation("c", "a - t")


def test_each_stands_behind_those_that_give_its_inputs():
    chain = [relation("d", "c + a"), relation("c", "b + a"), relation("b", "a")]
    assert [r.target for r in ordered(chain)] == ["b", "c", "d"]
    assert [r.target for r in ordered(ordered(chain))] == ["b", "c", "d"]


@pytest.mark.parametrize("texts", [{"a": "b", "b": "a"}, {"a": "b", "b": "c + d", "d": "2 * a"}])
def test_circles_are_damage(texts):
    for always in (True, False):
        with pytest.raises(Damaged, match="circle"):
            Relations([relation(name, text, always) for name, text in texts.items()])


def test_one_relation_that_always_holds_excludes_others():
    for other in (True, False):
        with pytest.raises(Damaged, match="more than one"):
            Relations([relation("c", "a"), relation("c", "b", other)])
    some = Relations([relation("c", "a", False), relation("c", "b", False), relation("d", "c")])
    assert some.count("c") == 2 and some.count("d") == some.count("a") == 0 and len(some) == 3
    assert [r.formula.text for r in some.partial("c")] == ["c = a", "c = b"]


def test_rows_belong_to_the_first_relation_that_holds():
    some = Relations(
        [relation("c", "a", False, frequent=(0.0,)), relation("c", "b", False), relation("d", "c")]
    )
    table = pa.table(
        {"a": [1.0, 1, 1, 0, None, 2], "b": [1.0, 2, 5, 7, 3, None], "c": [1.0, 2, 3, 0, 3, None]}
    )
    assert {name: index.tolist() for name, index in some.indices(table).items()} == {
        "c": [0, 1, -1, -1, 1, -1]
    }


def test_values_that_relations_give():
    some = Relations([relation("d", "c + a"), relation("c", "b", False, low=0, high=5)])
    rows = arrays(a=[1.0, 1, 1, None], b=[2.0, 7, None, 3], c=[9.0, 9, 9, 9])
    related = np.array([0, 0, 0, -1])
    wrong = some.complete(rows, {"c": related})
    assert rows["c"].to_pylist() == [2, 7, None, 9] and rows["d"].to_pylist() == [3, 8, None, None]
    assert [(r.target, mask.tolist()) for r, mask in wrong] == [("c", [False, True, True, False])]


def test_values_that_are_given_stay_and_count_further():
    some = Relations([relation("d", "2 * c"), relation("c", "a + b")])
    rows = arrays(a=[1.0, 1], b=[2.0, 2])
    observed = {"c": (pa.array([50, 60]), np.array([False, True]))}
    some.complete(rows, {}, observed)
    assert rows["c"].to_pylist() == [3, 60] and rows["d"].to_pylist() == [6, 120]


def test_values_outside_the_training_range_are_impossible():
    some = Relations([relation("c", "a", low=0, high=1)])
    rows = arrays(a=[0.0, 1, 1.01, -0.01, None])
    ((_, mask),) = some.complete(rows, {})
    assert mask.tolist() == [False, False, True, True, False]
    assert outside(pa.array([1, None, 3]), 2, 3).tolist() == [True, False, False]


def test_agreement_is_exact_beyond_doubles():
    kinds = {"x": "int", "y": "int"}
    columns = [Column(name, kind) for name, kind in kinds.items()]
    formula = formula_of(columns[1], expression_of("x", columns), kinds, {})
    table = pa.table({"x": [2**60, 2**60, None], "y": [2**60, 2**60 + 1, None]})
    values = numbers_of(table["y"])
    assert agreeing(formula, table, values).tolist() == [True, False, False]


def test_they_survive_json():
    some = Relations([relation("d", "c * 2"), relation("c", "a", False, frequent=(0.0, 1.5))])
    data = json.loads(json.dumps(some.to_json()))
    again = restored(data)
    assert again.to_json() == some.to_json()
    described = {"relation": "d = c * 2", "kind": "formula", "share": 0.5}
    assert again.relations[1].describe() == some.relations[1].describe() == described


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("share", 2), ("low", None), ("high", float("nan")), ("always", 1), ("frequent", [None]),
        ("formula", None), ("formula", []), ("formula", {"kind": "unique"}),
        ("formula", {"kind": "condition", "text": "a > 1", "decimals": {},
                     "expression": ["compare", ["column", "a"], ">", ["number", 1]]}),
    ],
)  # fmt: skip
def test_hostile_json_is_refused(key, value):
    data = [{**relation("c", "a").to_json(), key: value}]
    with pytest.raises(Damaged):
        restored(data)


@pytest.mark.parametrize(
    "change",
    [
        {"column": "gone"},
        {"column": "a"},
        {"column": None},
        {"expression": ["column", "gone"]},
        {"expression": ["column", "t"]},
        {"expression": ["sum", *[["column", "a"], "+"] * 5000, ["column", "a"]]},
        {"expression": None},
        {"decimals": {"a": 99}},
        {"text": 5},
    ],
    ids=lambda change: str(change)[:40],
)
def test_hostile_formulas_are_refused(change):
    data = relation("c", "a").to_json()
    data["formula"] = {**data["formula"], **change}
    with pytest.raises(Damaged):
        Relations.restore([data], COLUMNS)
    deep = ["column", "a"]
    for _ in range(500):
        deep = ["negative", deep]
    data["formula"]["expression"] = deep
    with pytest.raises(Damaged):
        Relations.restore([data], COLUMNS)
