"""The check of rules against the training table."""

import numpy as np
import pyarrow as pa
import pytest

from h2o_gan.engine.data.relations.checking import check_rules, columns_in, parse_rules
from h2o_gan.engine.data.relations.combinations import FixedCombinations
from h2o_gan.engine.data.relations.rules import MAX_RULES, Formula

ROWS = 60
QUANTITY = np.arange(ROWS) % 5
PRICE = np.round(0.1 * np.arange(ROWS), 1)
TOTAL = np.round(PRICE * QUANTITY, 1)
CITY = np.arange(ROWS) % 4
TABLE = pa.table(
    {
        "price": PRICE,
        "quantity": QUANTITY,
        "total": np.where(np.arange(ROWS) == 7, 99.0, TOTAL),
        "tax": np.zeros(ROWS, np.int64),
        "id": np.where(np.arange(ROWS) == 9, 7, np.arange(ROWS)),
        "city": pa.DictionaryArray.from_arrays(CITY, ["Paris", "Lyon", "Rome", "Oslo"]),
        "country": pa.DictionaryArray.from_arrays(CITY // 2, ["France", "other"]),
        "flag": CITY > 1,
    }
)


def test_rules_that_hold():
    texts = ["tax = 0", "total <= 99", "city, country", "flag = 'true' or country = 'France'"]
    rules, keep = check_rules(texts, TABLE)
    assert [rule.text for rule in rules] == texts
    assert keep.all() and len(keep) == ROWS
    assert len(rules[2]) == 4
    assert rules[1].decimals == (("total", 1),)
    assert check_rules([], TABLE)[0] == []
    assert check_rules("tax = 0", TABLE)[0] == rules[:1]


def test_rules_that_rows_break_are_an_error_that_names_them():
    texts = ["total = price * quantity", "tax = 0", "unique(id)", "quantity > 0"]
    with pytest.raises(ValueError) as found:
        check_rules(texts, TABLE)
    assert str(found.value) == (
        "constraints: 3 of 4 rules do not hold in the 60 training rows (rows are counted from 0)\n"
        "  'total = price * quantity' is broken by 1 row: 7\n"
        "  'quantity > 0' is broken by 12 rows: the first are 0, 5, 10\n"
        "  'unique(id)' is broken by 1 row: 9\n"
        "Correct the rules, or set constraint_errors='drop' to train on the other 46 rows."
    )
    with pytest.raises(ValueError, match="the rule does not hold .*\n.*\nNo row keeps all"):
        check_rules(["tax = 1"], TABLE)


def test_rows_that_break_rules_are_left_out():
    texts = ["unique(id)", "total = price * quantity", "city, country"]
    table = TABLE.set_column(6, "country", pa.array(["x"] * 6 + ["y"] * 54).dictionary_encode())
    rules, keep = check_rules(texts, table, "drop")
    # Row 9 has the identifier of row 7, which is left out for its total.
    assert np.flatnonzero(~keep).tolist() == [7]
    assert [rule.text for rule in rules] == texts
    assert isinstance(rules[2], FixedCombinations)
    assert not rules[1].broken(table.filter(keep)).any()
    assert len(rules[2]) == 4 and np.flatnonzero(rules[2].broken(table)).tolist() == [
        0,
        1,
        2,
        3,
        4,
        5,
    ]
    (_, pairs), _ = check_rules(["quantity > 0", "quantity, tax"], TABLE, "drop")
    assert len(pairs) == 4 and np.array_equal(pairs.broken(TABLE), QUANTITY == 0)
    with pytest.raises(ValueError, match="No row keeps all"):
        check_rules(["tax = 1"], TABLE, "drop")


def test_rules_said_twice_count_once():
    texts = [
        "tax = quantity", "tax=quantity", "quantity = tax", "unique(id, tax)", "unique(tax, id)",
        "city, country", "country, city", "tax < 1", " tax<1.0 ",
    ]  # fmt: skip
    rules = parse_rules(texts, columns_in(TABLE))
    assert [rule.text for rule in rules] == [texts[i] for i in (0, 3, 5, 7)]


def test_formulas_come_after_those_of_their_sources():
    texts = ["total = tax + 1", "price > 0", "tax = quantity * 2", "price = total - tax"]
    rules = parse_rules(texts, columns_in(TABLE))
    assert [rule.text for rule in rules] == [texts[i] for i in (2, 1, 0, 3)]
    assert isinstance(rules[0], Formula)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["total = price", "total = tax + 1"], "'total = price' and 'total = tax [+] 1' both"),
        (["total = price + 1", "price = total - 1"], "'(total|price) = .*' and '.*' compute"),
        (["total = price + 1", "price = tax * 2", "tax = total / 3"], "' and '.*' and '.*circle"),
        (["total = price", "total >"], "expected a column"),
        (["id * 4611686018427387904 > 1"], "too large to be exact"),
        (["id * 9007199254740992 * 9007199254740992 > 1"], "cannot be computed: .* 64 bits"),
        (["id, price"], "each of its 60 combinations is in fewer than 5"),
        (["tax = 0"] * (MAX_RULES + 1), "1,001 rules are more than 1,000"),
    ],
)
def test_rules_that_cannot_be_kept_are_an_error(texts, message):
    with pytest.raises(ValueError, match=f"^constraints: .*{message}"):
        check_rules(texts, TABLE)


def test_other_words_for_errors_are_refused():
    with pytest.raises(ValueError, match="constraint_errors='ignore' is not one of"):
        check_rules([], TABLE, "ignore")
