"""Formulas that the search proposes, and the evidence that they need."""

import numpy as np
import pytest
import relation_tables
from relation_tables import DAY

from h2o_gan.engine.data.relations.finding import (
    Candidate,
    NumberColumn,
    explains_all,
    explains_part,
    find_candidates,
)

ROWS = 600


def column(name, values, unit=0.01, is_time=False):
    return NumberColumn(name, np.asarray(values, np.float64), unit, is_time)


def rng(seed=0):
    return np.random.default_rng(seed)


def money(seed, count):
    return relation_tables.money(seed, count, ROWS)


def test_sums_of_many_columns_with_factors_and_a_constant():
    parts = money(0, 6)
    total = sum(parts[:4]) + 1.5 * parts[4] - parts[5] + 7
    columns = [column(str(i), part) for i, part in enumerate(parts)]
    found = find_candidates([*columns, column("total", total.round(3), 0.001)])
    (sums,) = [c for c in found if c.target == 6 and len(c.terms) == 6]
    assert {i: f for f, i in sums.terms} == {0: 1, 1: 1, 2: 1, 3: 1, 4: 1.5, 5: -1}
    assert sums.constant == 7 and not sums.is_product


def test_rows_with_missing_values_do_not_hide_a_sum():
    parts = money(0, 3)
    parts[1][rng().random(ROWS) < 0.1] = np.nan
    columns = [column(str(i), part) for i, part in enumerate([*parts, sum(parts).round(2)])]
    assert Candidate(3, ((1.0, 0), (1.0, 1), (1.0, 2))) in find_candidates(columns)


def test_products_with_a_factor():
    a, b, c = (rng(i).uniform(1, 90, ROWS).round(2) for i in range(3))
    columns = [column("a", a), column("b", b), column("c", c)]
    found = find_candidates([*columns, column("p", 0.25 * a * b / c, 0.0)])
    assert Candidate(3, ((1.0, 0), (1.0, 1), (-1.0, 2)), 0.25, is_product=True) in found


def test_equal_columns_and_pairs_in_a_part_of_the_rows():
    a, b, c = money(0, 3)
    part = rng(9).random(ROWS) < 0.1
    equal, total, product = (np.where(part, v, c) for v in (a, (a + b).round(2), (a * b).round(2)))
    names = ("a", "b", "equal", "total", "product")
    values = (a, b, equal, total, product)
    found = find_candidates([column(n, v) for n, v in zip(names, values, strict=True)])
    assert Candidate(2, ((1.0, 0),)) in found and Candidate(0, ((1.0, 2),)) in found
    assert Candidate(3, ((1.0, 0), (1.0, 1))) in found
    assert Candidate(4, ((1.0, 0), (1.0, 1)), 1.0, is_product=True) in found


def test_differences_of_times_count_in_their_unit():
    start = 1.6e12 + rng().integers(0, 900, ROWS) * DAY
    stay = rng(1).geometric(0.3, ROWS)
    times = [column(n, v, 1, True) for n, v in (("s", start), ("e", start + stay * DAY))]
    found = find_candidates([*times, column("stay", stay, 1)])
    assert Candidate(1, ((1.0, 0), (float(DAY), 2))) in found


def test_few_rows_and_lone_columns_propose_nothing():
    a, b = money(0, 2)
    assert find_candidates([]) == find_candidates([column("a", a)]) == []
    few = [column(n, v[:19]) for n, v in (("a", a), ("b", b), ("c", (a + b).round(2)))]
    assert find_candidates(few) == []


def test_columns_without_a_value_in_the_rows_of_the_search():
    gone = column("gone", np.full(ROWS, np.nan))
    a, b = money(0, 2)
    found = find_candidates([gone, column("a", a), column("b", b), column("c", a)])
    assert {c.target for c in found} <= {1, 3} and found
    assert gone.tolerance >= 0 and len(gone.frequent()) == 0


def test_pairs_that_meet_by_chance_stay_few():
    """Of many columns on one grid, some are equal to others in a few rows."""
    values = rng().integers(0, 1000, (2000, 150))
    columns = [column(str(i), values[:, i], 1, is_time=True) for i in range(150)]
    assert len(find_candidates(columns)) < 50


def test_values_of_candidates():
    a, b = np.array([1.0, 2.0, np.nan]), np.array([4.0, 0.0, 1.0])
    columns = [column("a", a), column("b", b), column("c", a)]
    total = Candidate(2, ((2.0, 0), (-1.0, 1)), 5.0)
    assert np.array_equal(total.values(columns), [3, 9, np.nan], equal_nan=True)
    ratio = Candidate(2, ((1.0, 0), (-1.0, 1)), 2.0, is_product=True)
    assert np.array_equal(ratio.values(columns), [0.5, np.nan, np.nan], equal_nan=True)
    assert ratio.columns == {0, 1, 2}


@pytest.mark.parametrize(
    ("values", "explained"),
    [
        (np.arange(30), True),
        (np.full(1000, 3), False),  # a constant is no evidence
        (np.repeat([0, 1], [996, 4]), False),  # nor is what four rows tell
        (np.repeat([0, 1], [900, 100]), True),
        (np.repeat([0, 1], [4, 4]), False),
    ],
)
def test_evidence_of_all_rows(values, explained):
    values = values.astype(np.float64)
    assert explains_all(values, 1000) is explained


def test_more_candidates_need_more_evidence():
    values = np.arange(10.0)  # ln 10 for each of 9 rows: 20.7 nats, and 25 are needed
    assert not explains_all(values, 1)
    values = np.arange(14.0)  # 34.3 nats
    assert explains_all(values, 1) and not explains_all(values, 10**6)


@pytest.mark.parametrize("share", [0.01, 0.02, 0.3, 0.99])
def test_equal_values_in_a_part_of_the_rows_are_evidence(share):
    a, b = rng(1).integers(0, 10_000, (2, 4000)).astype(float)
    b = np.where(rng(2).random(4000) < share, a, b)
    assert explains_part(b, a, a == b, 1.0, 1000)


def test_values_that_are_close_or_rounded_are_no_evidence():
    a = rng(1).normal(500, 100, 4000).round()
    close = (a + rng(2).normal(0, 2, 4000)).round()
    assert (close == a).mean() > 0.1 and not explains_part(close, a, a == close, 1.0, 1000)
    one, other = rng(3).integers(1, 30, (2, 4000)) * 100.0
    assert (one == other).sum() > 50 and not explains_part(one, other, one == other, 1.0, 1000)
    few = np.arange(4.0)
    assert not explains_part(few, few, few == few, 1.0, 1)
