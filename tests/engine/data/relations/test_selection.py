"""Which formulas and rules are found in tables, and that chance brings none."""

import re
import warnings

import numpy as np
import pyarrow as pa
import pytest
import relation_tables
from relation_tables import DAY

from h2o_gan.engine.data.relations.checking import check_rules
from h2o_gan.engine.data.relations.rules import MAX_RULES
from h2o_gan.engine.data.relations.selection import Found

ROWS = 2000


def found_in(columns, weights=None, treat_as=None, declared=(), search=True):
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    rules = check_rules(declared, table)[0] if declared else []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return Found.in_table(table, weights, treat_as or {}, rules, search)


def formulas(found):
    return [relation.formula.text for relation in found.relations if relation.always]


def parts(found):
    return {r.formula.text: r.share for r in found.relations if not r.always}


def money(seed, count=3, rows=ROWS):
    return relation_tables.money(seed, count, rows)


# ---- what holds in all rows


def test_sums_products_and_their_order():
    a, b, c = money(0)
    n = np.random.default_rng(9).integers(1, 9, ROWS)
    columns = {"a": a, "b": b, "c": c, "n": n, "ab": (a + b).round(2), "an": (a * n).round(2)}
    columns["all"] = (columns["ab"] + c).round(2)
    assert sorted(formulas(found_in(columns))) == ["ab = a + b", "all = c + ab", "an = a * n"]


def test_times_and_one_hot_groups():
    rng = np.random.default_rng(0)
    start, stay = 1.6e12 + rng.integers(0, 900, ROWS) * DAY, rng.geometric(0.3, ROWS)
    kind = rng.integers(0, 3, ROWS)
    stamps = {n: pa.array(v.astype(np.int64), pa.timestamp("ms")) for n, v in
              {"start": start, "end": start + stay * DAY}.items()}  # fmt: skip
    group = {f"k{i}": (kind == i).astype(int) for i in range(3)}
    found = found_in({**stamps, "stay": stay, **group})
    group_sum, time = sorted(formulas(found), key=lambda text: "days" in text)
    assert re.fullmatch("(k[012]) = 1 - k[012] - k[012]", group_sum)
    assert time in ("end = start + days(stay)", "start = end - days(stay)")
    assert [rule.text for rule in found.rules] == ["start < end"]


def test_equal_columns_follow_from_the_first():
    (a,) = money(0, 1)
    assert formulas(found_in({"a": a, "b": a, "c": a})) == ["b = a", "c = a"]


def test_no_formulas_in_a_circle():
    a, b, _ = money(0)
    c = (a - b).round(2)
    d = (b - c).round(2)
    relations = found_in({"a": a, "b": b, "c": c, "d": d, "e": d}).relations
    targets = [relation.target for relation in relations]
    assert len(relations) == len(set(targets)) == 3
    known = {"a", "b", "c", "d", "e"} - set(targets)
    while ready := [
        r for r in relations if r.target not in known and {*r.formula.sources} <= known
    ]:
        known |= {relation.target for relation in ready}
    assert len(known) == 5


def test_whole_factors_are_preferred_as_halves_round():
    a, b, _ = money(0)
    assert formulas(found_in({"a": a, "b": b, "c": (2 * a + 4 * b).round(2)})) == [
        "c = 2 * a + 4 * b"
    ]


def test_missing_values():
    a, b, c = money(0)
    total, gaps = (a + b + c).round(2), np.random.default_rng(5).random(ROWS) < 0.1
    found = found_in({"a": pa.array(a, mask=gaps), "b": b, "c": c, "s": pa.array(total, mask=gaps)})
    assert formulas(found) == ["s = a + b + c"]
    assert found.rules[-1].text.startswith("a is missing and s is missing or")
    # A sum that is there although a part is missing follows from no formula in these rows.
    found = found_in({"a": pa.array(a, mask=gaps), "b": b, "s": (a + b).round(2)})
    assert not formulas(found)
    assert parts(found) == {"s = a + b": pytest.approx(1 - gaps.mean(), abs=0.02)}
    nearly = pa.array(a, mask=np.arange(ROWS) > 3)
    assert not found_in({"a": nearly, "b": b, "s": total}).relations


def test_whole_numbers_beyond_doubles_are_exact():
    rng = np.random.default_rng(0)
    big, small = rng.integers(2**60, 2**61, ROWS), rng.integers(0, 1000, ROWS)
    assert formulas(found_in({"x": big, "y": small, "s": big + small})) == ["s = x + y"]
    for other in (big + 1, big.astype(float).astype(np.int64), big + rng.integers(-1, 2, ROWS)):
        assert not formulas(found_in({"x": big, "y": other}))
    near = rng.integers(2**53, 2**53 + 10_000, ROWS)
    off = rng.integers(0, 2, ROWS)
    found = found_in({"x": near, "y": small, "s": near + small + off})
    assert not formulas(found)
    assert parts(found) == {"s = x + y": pytest.approx((off == 0).mean(), abs=0.02)}
    wide = {n: rng.integers(-(2**63), 2**63 - 1, ROWS) for n in "abc"}
    assert not found_in(wide).relations  # sums overflow


def test_conditions_hold_exactly_even_of_large_numbers():
    rng = np.random.default_rng(0)
    big = rng.integers(2**60, 2**61, ROWS)
    table = pa.table({"x": big, "y": big + rng.integers(-3, 2**58, ROWS)})
    found = found_in(table)
    assert not any(rule.broken(table).any() for rule in found.rules)


def test_infinite_constant_and_lone_columns():
    a, b, _ = money(0)
    endless = a.copy()
    endless[:5] = np.inf
    found = found_in({"a": endless, "b": b, "s": endless + b, "k": np.ones(ROWS)})
    assert not found.relations
    assert not found_in({"a": a}).relations and not found_in({"c": ["x", "y"]}).relations


@pytest.mark.parametrize("rows", [1, 2, 5, 19])
def test_few_rows_show_nothing(rows):
    a, b, _ = money(0)
    found = found_in({"a": a[:rows], "b": b[:rows], "s": (a + b).round(2)[:rows], "d": b[:rows]})
    assert not found.relations and not found.rules


def test_names_like_words_and_with_quotes():
    a, b, _ = money(0)
    found = found_in({"and": a, 'a"b': b, "it's; x": (a + b).round(2)})
    assert formulas(found) == ['"it\'s; x" = "and" + "a""b"']


def test_columns_that_users_treat_as_something_else_take_no_part():
    a, b, _ = money(0)
    columns = {"a": a, "b": b, "s": (a + b).round(2)}
    assert formulas(found_in(columns, treat_as={"s": "numeric"})) == ["s = a + b"]
    for name in columns:
        assert not found_in(columns, treat_as={name: "categorical"}).relations


def test_rows_without_weight_do_not_count():
    a, b, _ = money(0)
    weights = (np.arange(ROWS) % 2).astype(float)
    total = np.where(weights > 0, (a + b).round(2), 0.0)
    assert formulas(found_in({"a": a, "b": b, "s": total}, weights)) == ["s = a + b"]


def test_declared_formulas_come_first_and_need_no_search():
    a, b, _ = money(0)
    columns = {"a": a, "b": b, "s": (a + b).round(2)}
    declared = ["a = s - b", "b >= 0"]
    for search in (True, False):
        found = found_in(columns, declared=declared, search=search)
        assert formulas(found) == ["a = s - b"]
        assert found.rules[0].text == "b >= 0"
    assert not found_in(columns, search=False).relations


def test_rules_that_are_found_leave_room_for_declared_ones():
    (low,) = money(0, 1)
    columns = {"low": low, "mid": low + 1, "high": low + 2}
    declared = [f"low >= -{number}" for number in range(1, MAX_RULES)]
    found = found_in(columns, declared=declared)
    assert [rule.text for rule in found.rules] == [*declared, "low < mid"]


def test_relations_are_dropped_by_name():
    a, b, c = money(0)
    rng = np.random.default_rng(0)
    later = {name: c + rng.gamma(2, 3, len(c)) for name in ("d", "e")}
    found = found_in({"a": a, "b": b, "s": (a + b).round(2), "c": c, **later})
    orders = [rule.text for rule in found.rules]
    assert {"c < d", "c < e"} <= {*orders}
    left = found.without(["s = a + b", "c < d"])
    assert "s = a + b" not in formulas(left)
    assert [rule.text for rule in left.rules] == [text for text in orders if text != "c < d"]
    with pytest.raises(ValueError, match="ignored_relations: there is no relation 's = b'; there"):
        found.without(["s = b"])
    assert [rule.text for rule in found.rules_over(["c", "e"])] == ["c < e"]


@pytest.mark.parametrize("search", [True, False])
def test_declared_rules_cannot_be_ignored(search):
    a, b, _ = money(0)
    columns = {"a": a, "b": b, "s": (a + b).round(2)}
    declared = ["s = a+b", "b >= 0"]
    found = found_in(columns, declared=declared, search=search)
    for text in declared:
        with pytest.raises(ValueError, match=f"'{re.escape(text)}' is declared in constraints"):
            found.without([text])
    left = found.without([rule.text for rule in found.rules if rule.text not in declared])
    assert formulas(left) == declared[:1] and [rule.text for rule in left.rules] == declared[1:]


# ---- what holds in a part of the rows


@pytest.mark.parametrize("share", [0.02, 0.2, 0.99])
def test_relations_are_found_at_their_rate(share):
    rng = np.random.default_rng(1)
    a, b, c = money(0, rows=4000)
    holds = rng.random(4000) < share
    found = found_in({"a": a, "b": np.where(holds, a, b)})
    assert parts(found) == {"b = a": pytest.approx(holds.mean(), abs=0.01)}
    total = np.where(holds, (a + b).round(2), c)
    found = found_in({"a": a, "b": b, "s": total})
    assert not formulas(found)
    assert parts(found) == {"s = a + b": pytest.approx(holds.mean(), abs=0.01)}


def test_frequent_values_are_no_relation():
    rng = np.random.default_rng(1)
    a, b = (np.where(rng.random(ROWS) < 0.7, 0, column) for column in money(0, 2))
    lagged = np.where(rng.random(ROWS) < 0.2, a, b)
    (relation,) = found_in({"a": a, "b": lagged}).relations
    assert relation.frequent == (0.0,) and relation.share == pytest.approx(0.06, abs=0.02)


def _unrelated(rows, seed):
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1, rows)

    def correlated(center, scale):
        return np.rint(center + scale * (z + 0.3 * rng.normal(0, 1, rows))).astype(int)

    heaped = [
        np.where(
            rng.random(rows) < 0.5, rng.integers(1, 30, rows) * 100, rng.integers(1, 3000, rows)
        )
        for _ in range(3)
    ]
    return {
        **{f"small{i}": rng.integers(0, 10, rows) for i in range(3)},
        **{
            f"zero{i}": np.where(rng.random(rows) < 0.7, 0, rng.gamma(2, 50, rows).round(2))
            for i in range(3)
        },
        **{f"heap{i}": column for i, column in enumerate(heaped)},
        **{f"near{i}": correlated(50, 10) for i in range(3)},
        **{f"far{i}": correlated(5000, 1000) for i in range(3)},
        **{
            f"binary{i}": (rng.random(rows) < p).astype(int) for i, p in enumerate((0.5, 0.5, 0.02))
        },
        **{f"count{i}": rng.poisson(rate, rows) for i, rate in enumerate((0.5, 3))},
        "gaps": pa.array(rng.integers(0, 100, rows), mask=rng.random(rows) < 0.3),
    }


@pytest.mark.parametrize("rows", [200, 4000])
def test_independent_and_correlated_columns_have_no_relation(rows):
    for seed in range(3):
        found = found_in(_unrelated(rows, seed))
        texts = [r.formula.text for r in found.relations] + [rule.text for rule in found.rules]
        wrong = [t for t in texts if not ("far" in t and ("<" in t))]
        assert not wrong
        # Values around 5,000 are larger than most others, which is no accident.


def test_a_formula_with_gaps_of_its_own_holds_wherever_nothing_is_missing():
    rng = np.random.default_rng(0)
    rows = 2000
    price, pieces = rng.normal(50, 9, rows).round(2), rng.integers(1, 40, rows)
    total = pa.array((price * pieces).round(2), mask=rng.random(rows) < 0.1)
    table = pa.table({"price": price, "pieces": pieces, "total": total})
    found = Found.in_table(table, None, {}, (), True)
    (relation,) = found.relations
    assert relation.formula.text == "total = price * pieces" and not relation.always
    assert relation.share == pytest.approx(0.9, abs=0.03)
    assert relation.formula.text in [rule.text for rule in found.rules]
    rules, _ = check_rules(["total = price * pieces"], table)
    declared = Found.in_table(table, None, {}, rules, False)
    assert [(r.formula.text, r.always) for r in declared.relations] == [
        ("total = price * pieces", False)
    ]
    assert [rule.text for rule in declared.rules] == ["total = price * pieces"]


def test_new_identifiers_have_no_conditions():
    gap = np.arange(ROWS) % 3 == 0
    columns = {"id": np.arange(ROWS), "x": money(0, 1)[0]}
    columns = {name: pa.array(values, mask=gap) for name, values in columns.items()}
    together = "id is missing and x is missing or id is not missing and x is not missing"
    assert together in [rule.text for rule in found_in(columns).rules]
    assert not found_in(columns, treat_as={"id": "identifier"}).rules


def test_whole_numbers_that_doubles_do_not_tell_apart_have_no_sum():
    found = found_in({"id": 2**60 + np.arange(300), "x": np.random.default_rng(0).random(300)})
    assert not found.relations


def test_gaps_of_levels_need_no_column_of_numbers():
    status = np.where(np.arange(ROWS) % 3, "open", "closed")
    how = [None if s == "open" else "card" for s in status]
    found = found_in({n: pa.array(v).dictionary_encode() for n, v in (("s", status), ("how", how))})
    texts = ["how is missing or s != 'open'", "how is not missing or s != 'closed'"]
    assert [rule.text for rule in found.rules] == texts
