"""The verdicts of the privacy section on releases whose privacy is known."""

import json
from dataclasses import replace

import numpy as np
import pytest
from customer_rows import customers
from privacy_tables import released

from h2o_gan.reporting.document import Table, Text, figures_of, to_json
from h2o_gan.reporting.inputs import Inputs, Options, Part
from h2o_gan.reporting.measures.rows import Field, Rows, Samples
from h2o_gan.reporting.sections.privacy import section

ALL = {
    "privacy.membership", "privacy.membership_tpr", "privacy.singling_out_values",
    "privacy.singling_out", "privacy.linkability", "privacy.inference", "privacy.copies",
    "privacy.near_copies", "privacy.nndr", "privacy.dcr",
}  # fmt: skip


def inputs_of(samples, copied=0.0, **options):
    parts = {
        name: Part(name, rows, None, None, len(rows))
        for name in ("training", "synthetic", "independent", "unseen")
        for rows in [getattr(samples, name)]
    }
    copies = {"synthetic": copied, "unseen": 0.001, "training": 0.001}
    fields = samples.training.fields
    return Inputs(**parts, fields=fields, options=Options(), copies=copies, **options)


def figures(section):
    return {figure.name: figure for figure in figures_of(section)}


def verdicts(kind, copied=0.0):
    found = figures(section(inputs_of(released(kind, 800), copied)))
    assert set(found) == ALL
    return {name: figure.verdict for name, figure in found.items()}


def test_copies_raise_every_alarm():
    assert set(verdicts("copies", 1.0).values()) == {"poor"}


def test_unseen_rows_are_good():
    assert set(verdicts("unseen").values()) == {"good"}


def test_independent_columns_repeat_values_and_nothing_else():
    found = verdicts("independent")
    assert found.pop("privacy.singling_out_values") == "poor"
    assert set(found.values()) == {"good"}, found


def test_noisy_copies_do_not_pass():
    found = verdicts("noisy")
    assert found["privacy.membership"] == found["privacy.membership_tpr"] == "poor"
    assert found["privacy.near_copies"] == found["privacy.inference"] == "poor"


def test_without_unseen_rows_nothing_is_claimed():
    inputs = inputs_of(released("copies", 200), 1.0, unseen_is_training=True)
    found = section(inputs)
    measured = {name for name, figure in figures(found).items() if figure.value is not None}
    assert measured == {"privacy.copies"}
    assert figures(found)["privacy.copies"].verdict == "poor"
    assert all("test frame" in f.text for f in figures(found).values() if f.value is None)


def test_unseen_rows_that_were_trained_on_give_no_good_verdicts():
    samples = released("copies", 200)
    samples = replace(samples, unseen=samples.training)
    copies = {"synthetic": 1.0, "unseen": 1.0, "training": 0.01}
    found = section(replace(inputs_of(samples), copies=copies))
    assert "100% of the unseen rows equal a training row" in found.blocks[0].text
    assert "good" not in {figure.verdict for figure in figures(found).values()}
    assert "good" not in {m for b in found.blocks if isinstance(b, Table) for m in b.marks.values()}


def test_unseen_rows_of_a_table_of_few_values_are_no_training_rows():
    inputs = inputs_of(released("unseen", 60))
    assert replace(inputs, copies={"unseen": 0.9, "training": 0.88}).overlap is None
    assert replace(inputs, copies={"unseen": 0.5, "training": 0.0}).overlap == 0.5
    assert replace(inputs, copies={"unseen": 0.05, "training": 0.0}).overlap is None


def test_few_unseen_rows_give_no_verdict_where_chance_is_poor():
    training = customers(60, 1)
    samples = Samples(training, customers(60, 9), training, customers(12, 2), seed=1)
    found = figures(section(inputs_of(samples)))
    assert found["privacy.membership"].verdict is None
    assert "too few rows" in found["privacy.membership"].threshold


def test_shown_rows_and_limits():
    inputs = inputs_of(released("noisy", 100), model_file={"levels": 1234})
    found = section(inputs)
    tables = {block.name: block for block in found.blocks if isinstance(block, Table)}
    pairs = tables["privacy.closest"]
    assert [row[0] for row in pairs.rows] == ["synthetic", "training"] * 5
    for index in range(0, 10, 2):
        for column in range(2, len(pairs.columns)):
            same = pairs.rows[index][column] == pairs.rows[index + 1][column]
            assert (f"{index},{column}" not in pairs.marks) == same
    assert tables["privacy.model_file"].rows == [["levels", "1,234"]]
    last = found.blocks[-1]
    assert isinstance(last, Text) and last.tone == "warning" and "differential" in last.text
    json.dumps(to_json(found), allow_nan=False)
    hidden = section(replace(inputs, options=Options(show_rows=False)))
    assert not [b for b in hidden.blocks if isinstance(b, Table) and b.name == "privacy.closest"]


def test_a_stopped_report_has_what_is_done():
    inputs = inputs_of(released("unseen", 60))
    inputs.stop.set()
    assert set(figures(section(inputs))) == {"privacy.membership", "privacy.membership_tpr"}


def numbers(rows, seed):
    rng = np.random.default_rng(seed)
    fields = tuple(Field(f"x{index}", "number") for index in range(40))
    return Rows(fields, {field.name: rng.normal(size=rows) for field in fields})


def levels(rows, seed):
    rng = np.random.default_rng(seed)
    field = Field("level", "category", tuple(map(str, range(5000))))
    other = Field("gone", "number")
    values = {"level": rng.integers(5000, size=rows).astype(float), "gone": np.full(rows, np.nan)}
    return Rows((field, other), values)


def constant(rows, seed):
    return Rows((Field("one", "category", ("only",)),), {"one": np.zeros(rows)})


@pytest.mark.parametrize("make", [numbers, levels, constant])
def test_odd_tables(make):
    samples = Samples(make(120, 1), make(120, 2), make(120, 3), make(20, 4), seed=1)
    found = figures(section(inputs_of(samples)))
    assert set(found) == ALL
    assert all(f.value is not None or f.text for f in found.values())
    assert "poor" not in {figure.verdict for figure in found.values()}
