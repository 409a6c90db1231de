"""Fidelity: verdicts on rows of known quality, and what each block shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from customer_rows import customers

from h2o_gan.reporting.document import Distribution, Matrices, Section, Table, figures_of
from h2o_gan.reporting.inputs import Inputs, Options, Part
from h2o_gan.reporting.measures.columns import Bins
from h2o_gan.reporting.measures.rows import Field, Rows
from h2o_gan.reporting.sections import fidelity

TRAINING = customers(3000, 1)


def inputs(training: Rows, synthetic: Rows, unseen: Rows, **more: object) -> Inputs:
    bins = {column.name: Bins.fit(column, values) for column, values in training}

    def part(name: str, rows: Rows) -> Part:
        counts = {column.name: bins[column.name].count(values) for column, values in rows}
        return Part(name, rows, None, None, len(rows), counts)  # type: ignore[arg-type]

    made = Inputs(
        part("training", training),
        part("synthetic", synthetic),
        part("independent", training.shuffled(np.random.default_rng(7))),
        part("unseen", unseen),
        training.fields,
        Options(),
        bins=bins,
    )
    return replace(made, **more)


def judge(synthetic: Rows, **more: object) -> Section:
    return fidelity.section(inputs(TRAINING, synthetic, customers(3000, 2), **more))


def verdicts(section: Section) -> dict[str, str | None]:
    return {figure.name.partition(".")[2]: figure.verdict for figure in figures_of(section)}


def noisy(rows: Rows) -> Rows:
    """As weak generators draw: numbers blurred, no spikes, some levels redrawn."""
    rng = np.random.default_rng(3)
    values = {}
    for column, cells in rows:
        redrawn = rng.permutation(cells)
        if column.is_category:
            values[column.name] = np.where(rng.random(len(cells)) < 0.3, redrawn, cells)
        else:
            spread = np.nanstd(cells)
            values[column.name] = cells + 0.4 * spread * rng.normal(size=len(cells))
    return Rows(rows.fields, values)


@pytest.mark.parametrize("rows", [TRAINING, customers(3000, 3)], ids=["copies", "unseen"])
def test_real_rows_are_good(rows: Rows) -> None:
    assert set(verdicts(judge(rows)).values()) == {"good"}


def test_independent_columns_are_poor_but_for_single_columns() -> None:
    found = verdicts(judge(TRAINING.shuffled(np.random.default_rng(4))))
    assert found["columns"] == "good"
    assert found["pairs"] == found["triples"] == found["beta_recall"] == "poor"


def test_dependences_among_independent_columns_are_poor() -> None:
    rng = np.random.default_rng(0)
    fields = tuple(Field(name, "number") for name in "abcd")

    def independent() -> Rows:
        return Rows(fields, {field.name: rng.normal(size=1000) for field in fields})

    column = rng.normal(size=1000)
    equal = Rows(fields, {field.name: column for field in fields})
    training, unseen = independent(), independent()
    for rows, verdict in ((equal, "poor"), (independent(), "good")):
        found = verdicts(fidelity.section(inputs(training, rows, unseen)))
        assert found["pairs"] == verdict
        assert (found["triples"] == "poor") == (verdict == "poor")


def test_noise_is_poor_in_columns_and_pairs() -> None:
    section = judge(noisy(customers(3000, 3)))
    found = verdicts(section)
    assert found["columns"] == found["pairs"] == "poor"
    table = next(b for b in section.blocks if isinstance(b, Table) and b.name == "fidelity.columns")
    worst = {row[0]: row[2] for row in table.rows}
    assert worst["age"] > 0.9  # whole numbers no more
    assert worst["income"] == pytest.approx(0.1, abs=0.02)  # its spike at 0 is lost
    assert table.marks["0,2"] == table.marks["1,2"] == "poor"


def test_every_block_is_there_and_shares_add_up() -> None:
    section = judge(customers(3000, 3))
    charts = {b.name: b for b in section.blocks if isinstance(b, Distribution)}
    assert {f"fidelity.columns.{name}" for name in TRAINING.names} <= set(charts)
    income = charts["fidelity.columns.income"]
    assert income.numeric and len(income.edges) == len(income.series[0].y) + 1
    assert [label for label, _ in income.spikes] == ["0", "missing"]
    for series, index in zip(income.series, range(3), strict=True):
        apart = sum(shares[index] for _, shares in income.spikes)
        assert sum(map(float, series.y)) + apart == pytest.approx(1)
    assert charts["fidelity.columns.since"].time
    assert sum(name.startswith("fidelity.pairs.") for name in charts) == 10
    matrices = next(b for b in section.blocks if isinstance(b, Matrices))
    assert np.array(matrices.panels["training"]).shape == (5, 5)


@pytest.mark.parametrize("level, verdict", [(0.0, "good"), (0.3, "fair"), (1.0, "poor")])
def test_a_bad_column_among_many_is_seen(level: float, verdict: str) -> None:
    rng = np.random.default_rng(0)
    fields = tuple(Field(f"c{index}", "number") for index in range(30))

    def rows() -> Rows:
        return Rows(fields, {field.name: rng.normal(size=1000) for field in fields})

    synthetic = rows()
    synthetic.values["c7"][rng.random(1000) < level] = 99.0
    made = inputs(rows(), synthetic, rows())
    figure = next(figures_of(Section("x", "x", "", fidelity._columns(made, made.samples))))
    assert figure.verdict == verdict
    assert ("training rows: 'c7'." in figure.text) == (verdict != "good")


def test_few_unseen_rows_do_not_hide_a_category_that_came_out_badly() -> None:
    field = Field("place", "category", tuple(map(str, range(300))))
    rng = np.random.default_rng(0)

    def rows(count: int, level_0: float) -> Rows:
        values = rng.integers(300, size=count).astype(float)
        return Rows((field,), {"place": np.where(rng.random(count) < level_0, 0.0, values)})

    for level_0, mark in ((0.0, "good"), (0.3, "poor")):
        section = fidelity.section(inputs(rows(4000, 0.0), rows(4000, level_0), rows(300, 0.0)))
        table = next(b for b in section.blocks if isinstance(b, Table))
        assert table.rows[0][2] < table.rows[0][3]  # the distance is below that of unseen rows
        assert table.marks["0,2"] == mark


def test_relations_that_are_lost_are_marked() -> None:
    relations = (
        {"relation": "a = b", "kind": "formula", "training": 1.0, "synthetic": 1.0, "unseen": 1.0},
        {"relation": "a < c", "kind": "condition", "training": 1.0, "synthetic": 0.9},
        {"relation": "c = d", "kind": "formula", "training": 0.2, "synthetic": 0.19},
        {
            "relation": "(a, b) in (a, b)",
            "kind": "combinations",
            "training": 1.0,
            "synthetic": 0.97,
            "unseen": 0.98,
        },
        {"relation": "unknown", "kind": "unique", "training": None, "synthetic": None},
    )
    section = judge(customers(3000, 3), relations=relations)
    figure = next(f for f in figures_of(section) if f.name == "fidelity.relations")
    assert (figure.value, figure.verdict) == (3 / 4, "poor")
    table = next(
        b for b in section.blocks if isinstance(b, Table) and b.name == "fidelity.relations"
    )
    assert table.marks == {"0,3": "good", "1,3": "poor", "2,3": "good", "3,3": "good"}


@pytest.mark.parametrize(
    "column, values",
    [
        (Field("x", "number"), np.arange(60.0)),
        (Field("x", "number"), np.full(60, np.nan)),
        (Field("x", "number"), np.full(60, 7.0)),
        (Field("x", "category", ("a",)), np.zeros(60)),
        (Field("x", "category", tuple(map(str, range(9999)))), np.arange(60.0)),
        (Field("x", "time"), np.full(60, 1.6e12)),
    ],
    ids=["number", "missing", "constant", "level", "levels", "time"],
)
def test_a_single_column_of_any_kind(column: Field, values: np.ndarray) -> None:
    rows = Rows((column,), {"x": values})
    section = fidelity.section(inputs(rows, rows, rows.take(slice(20))))
    assert next(figures_of(section)).value is not None
    assert any("no pairs" in getattr(block, "text", "") for block in section.blocks)


@pytest.mark.parametrize("show_rows", [True, False])
def test_rare_levels_are_named_only_where_rows_are_shown(show_rows: bool) -> None:
    fields = tuple(Field(x, "category", ("usual", "rare 1", "rare 2")) for x in "xy")
    values = {x: np.repeat([0.0, 1.0, 2.0], [280, 12, 8]) for x in "xy"}
    rows, options = Rows(fields, values), Options(show_rows=show_rows)
    shuffled = rows.shuffled(np.random.default_rng(0))
    section = fidelity.section(inputs(rows, shuffled, rows, options=options))
    charts = {b.name: b for b in section.blocks if isinstance(b, Distribution)}
    labels = charts["fidelity.columns.x"].labels
    assert labels == (["usual", "rare 1", "rare 2" if show_rows else "another level"])
    assert sum(map(float, filter(None, charts["fidelity.columns.x"].series[0].y))) == 1
    text = " ".join(charts["fidelity.pairs.x.y"].labels)
    assert "rare 1" in text and ("rare 2" in text) == show_rows


def test_many_columns() -> None:
    rng = np.random.default_rng(0)
    fields = tuple(Field(f"c{i}", "number") for i in range(70))
    rows = Rows(fields, {f.name: rng.normal(size=100) for f in fields})
    section = fidelity.section(inputs(rows, rows, rows))
    matrices = next(b for b in section.blocks if isinstance(b, Matrices))
    assert len(matrices.labels) == 40
    charts = [b for b in section.blocks if isinstance(b, Distribution)]
    assert len(charts) == 72  # of 60 columns and 12 pairs
