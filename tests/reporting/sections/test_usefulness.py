"""Usefulness: on unseen rows, independent columns, trivial columns and constant ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from customer_rows import customers
from gathered_inputs import gathered_rows

from h2o_gan.reporting.document import Figure, Section, Table, figures_of
from h2o_gan.reporting.inputs import Inputs, Options, Part
from h2o_gan.reporting.measures.rows import Field, Rows
from h2o_gan.reporting.sections import usefulness
from h2o_gan.reporting.sections.downstream_models import Predicted

TRAINING, UNSEEN = customers(900, 1), customers(600, 2)


def judge(synthetic: Rows, options: Options, training: Rows = TRAINING) -> Section:
    with gathered_rows(training, synthetic, UNSEEN, options) as inputs:
        return usefulness.section(inputs)


def figures(section: Section) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures_of(section)}


def table(section: Section, name: str) -> Table:
    return next(b for b in section.blocks if isinstance(b, Table) and b.name == name)


def test_rows_of_the_same_source_are_as_useful(no_leaks: set[str]) -> None:
    section = judge(customers(900, 3), Options(response="bought"))
    found = figures(section)
    figure, order = found["usefulness.bought"], found["usefulness.ranking"]
    assert figure.verdict == "good"
    assert figure.value is not None and figure.low is not None and figure.high is not None
    assert figure.low < figure.value < figure.high
    assert figure.reference is not None and abs(figure.value - figure.reference) < 0.05
    assert figure.independent == 0.5
    assert order.value is not None and order.value > 0.3
    assert order.reference is not None and order.reference > 0.3
    scores = table(section, "usefulness.scores")
    assert [row[1] for row in scores.rows] == ["training", "synthetic", "both"]
    assert all(len(row) == len(scores.columns) for row in scores.rows)
    assert len(table(section, "usefulness.ranking").rows) == 10


def test_independent_columns_teach_nothing(no_leaks: set[str]) -> None:
    shuffled = TRAINING.shuffled(np.random.default_rng(1))
    figure = figures(judge(shuffled, Options(response="since")))["usefulness.since"]
    assert figure.verdict == "poor"
    assert figure.reference is not None and figure.reference > 0.7
    assert figure.value is not None and figure.value < figure.reference - 0.2


def test_columns_that_can_be_predicted_are_found() -> None:
    def with_code(rows: Rows) -> Rows:
        """A code for the city, a column of noise and a constant one."""
        rng = np.random.default_rng(len(rows))
        fields = [Field(name, "number") for name in ("code", "noise", "one")]
        more = {
            "code": rows.values["city"] * 7,
            "noise": rng.normal(size=len(rows)),
            "one": np.ones(len(rows)),
        }
        return Rows((*rows.fields, *fields), {**rows.values, **more})

    training, synthetic, unseen = map(with_code, (TRAINING, customers(900, 3), UNSEEN))
    with gathered_rows(training, synthetic, unseen) as inputs:
        section = usefulness.section(inputs)
    reasons: dict[str, Any] = {
        row[0]: row[2] for row in table(section, "usefulness.screening").rows
    }
    assert "follows from the other columns, such as city" in reasons["code"]
    assert "such as code" in reasons["city"]
    assert "hardly" in reasons["noise"] and "constant" in reasons["one"]
    assert not reasons["bought"] and not reasons["age"]
    assert {"usefulness.bought", "usefulness.age"} <= set(figures(section))
    assert not {"usefulness.city", "usefulness.noise"} & set(figures(section))


def test_a_response_that_nothing_predicts_gets_no_verdict() -> None:
    rng = np.random.default_rng(7)

    def noise(rows: int) -> Rows:
        fields = (Field("x", "number"), Field("y", "category", ("a", "b")))
        return Rows(fields, {"x": rng.normal(size=rows), "y": 1.0 * (rng.random(rows) < 0.5)})

    with gathered_rows(noise(300), noise(300), noise(300), Options(response="y")) as inputs:
        figure = figures(usefulness.section(inputs))["usefulness.y"]
    assert figure.verdict is None and "nothing can be learned" in figure.text
    with gathered_rows(noise(90), noise(90), noise(20)) as inputs:
        found = figures(usefulness.section(inputs))
    assert all(figure.verdict is None and figure.text for figure in found.values())


def test_synthetic_rows_of_one_class_are_poor() -> None:
    truth = UNSEEN.values["bought"]
    known = np.where(np.isnan(truth), 0.5, 0.2 + 0.6 * truth)
    predicted = Predicted(
        UNSEEN.field("bought"),
        truth,
        {"training": np.column_stack([1 - known, known])},
        failed={"synthetic": "Response cannot be constant"},
    )
    part = Part("unseen", UNSEEN, None, None, len(UNSEEN))  # type: ignore[arg-type]
    inputs = Inputs(part, part, part, part, UNSEEN.fields, Options(response="bought"))
    figure = usefulness._figure(predicted, inputs)
    assert (figure.value, figure.verdict) == (0.5, "poor")
    assert figure.text.endswith("counts as guessing: Response cannot be constant.")
