"""Rules as JSON and arrays, and back, also from hostile content."""

import json

import numpy as np
import pytest
from hostile import HOSTILE, places, with_value
from relation_tables import ORDERS as TABLE

from h2o_gan.engine.data.relations.checking import columns_in
from h2o_gan.engine.data.relations.grammar import parse
from h2o_gan.engine.data.relations.rules import MAX_TEXT
from h2o_gan.engine.data.relations.stored_rules import restore
from h2o_gan.engine.exceptions import Damaged

COLUMNS = columns_in(TABLE)
DECIMALS = {"total": 2, "price": 2}


def rule(text):
    return parse(text, COLUMNS, DECIMALS)


RULES = [
    *map(rule, ["total = price * quantity", "city = town", "start <= end", "unique(city, note)"]),
    parse("city, quantity, total", COLUMNS).fitted(TABLE, min_rows=1),
]


@pytest.mark.parametrize("kept", RULES, ids=lambda kept: kept.text)
def test_rules_come_back_from_json(kept):
    data = json.loads(json.dumps(kept.to_json(), allow_nan=False))
    restored = restore(data, kept.arrays(), COLUMNS)
    assert restored == kept and restored.text == kept.text
    assert restored.describe() == kept.describe()
    np.testing.assert_array_equal(restored.broken(TABLE), kept.broken(TABLE))


@pytest.mark.parametrize("kept", RULES, ids=lambda kept: kept.text)
def test_hostile_json_is_refused_or_restored_to_a_rule_that_works(kept):
    data, arrays = kept.to_json(), kept.arrays()
    for place in places(data, most=9):
        for value in HOSTILE:
            try:
                restored = restore(with_value(data, place, value), arrays, COLUMNS)
            except Damaged:
                continue
            assert len(restored.broken(TABLE)) == len(TABLE)
    for changed in [
        *HOSTILE, {**data, "text": "x" * (MAX_TEXT + 1)}, {**data, "kind": "eval"},
        {**data, "columns": ["city"] * 100, "expression": ["missing", ["column", "z"]]},
        {**data, "columns": ["city", "city"], "column": "price", "expression": ["column", "price"]},
        {**data, "columns": ["city", "z"], "column": "city", "expression": ["column", "price"]},
        {key: value for key, value in data.items() if key not in ("expression", "columns")},
    ]:  # fmt: skip
        with pytest.raises(Damaged):
            restore(changed, arrays, COLUMNS)


@pytest.mark.parametrize(
    "changed",
    [
        {"missing": np.zeros((2, 3), bool)},
        {"missing": np.zeros((3, 5), np.int8)},
        {"missing": np.zeros((3, 0), bool)},
        {"missing": np.zeros(15, bool)},
        {"missing": None},
        {"numbers_0": np.array([0, 1, 2, 2, 4])},
        {"numbers_0": np.array([0, 1, 2, 2, -1])},
        {"numbers_1": np.zeros(5)},
        {"numbers_1": np.zeros((5, 1), np.int64)},
        {"numbers_2": np.full(5, np.nan)},
        {"numbers_3": np.zeros(5)},
    ],
)
def test_hostile_arrays_are_refused(changed):
    kept = RULES[-1]
    arrays = {k: v for k, v in {**kept.arrays(), **changed}.items() if v is not None}
    with pytest.raises(Damaged):
        restore(kept.to_json(), arrays, COLUMNS)
    as_text = {**kept.to_json(), "columns": ["city", "quantity", "note"]}
    with pytest.raises(Damaged):
        restore(as_text, kept.arrays(), COLUMNS)
