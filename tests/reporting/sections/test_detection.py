"""Detection: on copies, unseen rows, independent columns, and tables without structure."""

from __future__ import annotations

import numpy as np
import pytest
from customer_rows import customers
from gathered_inputs import gathered_rows

from h2o_gan.reporting.document import Section, Table, Text, figures_of
from h2o_gan.reporting.inputs import Inputs, Options, Part
from h2o_gan.reporting.measures.rows import Field, Rows, Samples
from h2o_gan.reporting.sections import detection

TRAINING = customers(800, 1)
UNSEEN = customers(800, 2)


def judge(synthetic: Rows, training: Rows = TRAINING, unseen: Rows = UNSEEN) -> Section:
    with gathered_rows(training, synthetic, unseen) as inputs:
        return detection.section(inputs)


def warnings(section: Section) -> list[str]:
    return [b.text for b in section.blocks if isinstance(b, Text) and b.tone == "warning"]


def test_rows_of_the_same_source_are_not_told_apart(no_leaks: set[str]) -> None:
    section = judge(customers(800, 3))
    gbm, glm = figures_of(section)
    for figure in (gbm, glm):
        assert figure.verdict == "good"
        assert figure.value is not None and 0.4 < figure.value < 0.6
        assert figure.reference is not None and 0.4 < figure.reference < 0.6
    assert gbm.independent is not None and gbm.independent > 0.75
    assert not warnings(section)


def test_independent_columns_are_told_apart(no_leaks: set[str]) -> None:
    section = judge(TRAINING.shuffled(np.random.default_rng(1)))
    gbm = next(figures_of(section))
    assert gbm.verdict == "poor"
    assert gbm.low is not None and gbm.low > 0.75
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert len(table.rows) == 20
    probability = [row[1] for row in table.rows[::2]]
    assert probability == sorted(probability, reverse=True) and probability[-1] > 0.8
    assert {row[0] for row in table.rows[1::2]} == {"nearest training row"}
    assert table.marks and all(int(key.split(",")[0]) % 2 == 0 for key in table.marks)


def test_copies_are_flagged(no_leaks: set[str]) -> None:
    section = judge(TRAINING.take(np.random.default_rng(1).permutation(800)))
    assert next(figures_of(section)).verdict == "good"
    assert any("100% of these synthetic rows equal a training row" in w for w in warnings(section))


def test_tables_that_teach_nothing_have_figures_without_a_value(no_leaks: set[str]) -> None:
    fields = (Field("one", "number"), Field("gap", "number"))
    constant = Rows(fields, {"one": np.ones(60), "gap": np.full(60, np.nan)})
    for rows in (constant, customers(20, 1)):
        for figure in figures_of(judge(rows, rows, rows)):
            assert figure.value is None or 0 <= figure.value <= 1
            assert rows is not constant or figure.value in (None, 0.5)
            assert len(figure.text) > 20


def test_rows_are_left_out_where_the_user_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(samples: Samples, other: Rows, seed: int) -> tuple[dict[str, detection._Told], str]:
        scores = np.linspace(0, 1, len(samples.training) + len(other))
        return {"gbm": detection._Told((0.5, 0.4, 0.6), scores, {"age": 1.0})}, ""

    monkeypatch.setattr(detection, "_told", told)
    rows = {"training": TRAINING, "synthetic": customers(800, 3), "unseen": UNSEEN}
    rows["independent"] = TRAINING
    parts = {name: Part(name, part, None, None, len(part)) for name, part in rows.items()}
    for shown in (True, False):
        inputs = Inputs(**parts, fields=TRAINING.fields, options=Options(show_rows=shown))
        section = detection.section(inputs)
        assert any(isinstance(block, Table) for block in section.blocks) == shown
