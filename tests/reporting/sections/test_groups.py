"""Groups: one that came out badly is named."""

from __future__ import annotations

import numpy as np
import pytest
from customer_rows import customers
from gathered_inputs import gathered_rows

from h2o_gan.reporting.document import Figure, Table, figures_of
from h2o_gan.reporting.inputs import Options
from h2o_gan.reporting.measures.rows import Rows
from h2o_gan.reporting.sections import groups
from h2o_gan.reporting.verdicts import Threshold, judged

TRAINING, UNSEEN = customers(1500, 1), customers(1500, 2)
OPTIONS = Options(response="bought", groups="city")


def judge(synthetic: Rows, options: Options = OPTIONS) -> tuple[dict[str, Figure], Table]:
    with gathered_rows(TRAINING, synthetic, UNSEEN, options) as inputs:
        section = groups.section(inputs)
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert all(len(row) == len(table.columns) for row in table.rows)
    return {figure.name: figure for figure in figures_of(section)}, table


def damaged(rows: Rows, city: str) -> Rows:
    """The rows with all columns of one city shuffled, and its purchases turned round."""
    inside = np.flatnonzero(rows.values["city"] == rows.field("city").levels.index(city))
    rng = np.random.default_rng(1)
    values = {name: column.copy() for name, column in rows.values.items()}
    for name, column in values.items():
        if name not in ("city", "bought"):
            column[inside] = rng.permutation(column[inside])
    values["bought"][inside] = 1 - values["bought"][inside]
    return Rows(rows.fields, values)


def test_groups_of_unseen_rows_are_good(no_leaks: set[str]) -> None:
    found, table = judge(customers(1500, 3))
    assert found["groups.shares"].verdict == "good"
    assert found["groups.fidelity"].verdict == "good"
    assert found["groups.usefulness"].verdict in ("good", "fair")
    assert [row[0] for row in table.rows[:3]] == ["Bath", "Cork", "Graz"]
    assert table.rows[0][1] > table.rows[1][1] > table.rows[2][1]
    assert {row[0] for row in table.rows} == {"Bath", "Cork", "Graz", "Oslo", "missing"}


def test_a_damaged_group_is_named(no_leaks: set[str]) -> None:
    found, _ = judge(damaged(customers(1500, 3), "Cork"))
    for name in ("groups.fidelity", "groups.usefulness"):
        assert "Cork" in found[name].title
        assert found[name].verdict == "poor"
    value, reference = found["groups.usefulness"].value, found["groups.usefulness"].reference
    assert value is not None and reference is not None and value < reference - 0.1


def test_a_lacking_group_is_seen() -> None:
    rows = customers(1500, 3)
    cork = rows.field("city").levels.index("Cork")
    found, table = judge(rows.take(rows.values["city"] != cork), Options("bought", "city"))
    assert found["groups.shares"].verdict == "poor"
    row = next(row for row in table.rows if row[0] == "Cork")
    assert row[2] == 0 and row[7] is None


def test_numbers_are_cut_into_quarters() -> None:
    found, table = judge(customers(1500, 3), Options("bought", "age"))
    assert len(table.rows) == 4
    assert table.rows[0][0].startswith("up to") and table.rows[3][0].startswith("above")
    assert found["groups.fidelity"].verdict == "good"


@pytest.mark.parametrize(
    ("training", "synthetic", "verdict"),
    [(40, 0, "poor"), (40, 12, "poor"), (40, 38, "good"), (10, 0, "good"), (31, 14, "good")],
)
def test_a_small_group_that_is_lost_is_seen(training: int, synthetic: int, verdict: str) -> None:
    total = 4000
    counts = [("most", total - training, total - synthetic), ("few", training, synthetic)]
    made = [
        groups._Group(
            label,
            {"training": real, "synthetic": other, "unseen": real},
            {"training": real / total, "synthetic": other / total, "unseen": real / total},
            {},
            0,
            {},
            {},
        )
        for label, real, other in counts
    ]
    figure = Figure("groups.shares", "", synthetic / total, reference=0.0, best="low")
    found = groups._poor_where_lost(judged(figure, Threshold(0.02, 0.05, "excess")), made)
    assert found.verdict == verdict
    assert ("synthetic rows: few." in found.text) == (verdict == "poor")
