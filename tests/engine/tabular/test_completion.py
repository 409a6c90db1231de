"""Rows of samples keep relations and rules, whatever is asked for."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
import torch
from untrained import assert_shares, enum, model_of

from h2o_gan import engine
from h2o_gan.engine.data.relations.checking import check_rules
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.exceptions import Unreachable
from h2o_gan.engine.tabular import completion
from h2o_gan.engine.tabular.conditions import Conditions

ROWS = 2000
RULES = ("unique(id)", "code = 2 * id", "low <= 50 or city = 'x'", "city, land")


@pytest.fixture(scope="module")
def table():
    """Relations of all rows and of a part, orders, groups of zeros and ones, and identifiers."""
    rng = np.random.default_rng(0)
    a, b = (rng.gamma(2, 30, ROWS).round(2) for _ in range(2))
    kind, city = rng.integers(0, 3, ROWS), rng.integers(0, 3, ROWS)
    low = rng.integers(0, 100, ROWS)
    low = np.where((low > 50) & (city != 0), low - 50, low)
    x = rng.integers(0, 5000, ROWS)
    gaps = rng.random(ROWS) < 0.1
    other = np.where(rng.random(ROWS) < 0.2, x, rng.integers(0, 5000, ROWS))
    return pa.table(
        {
            "id": np.arange(1000, 1000 + ROWS),
            "code": 2 * np.arange(1000, 1000 + ROWS),
            "a": pa.array(a, mask=gaps),
            "b": b,
            "sum": pa.array((a + b).round(2), mask=gaps),
            **{f"k{i}": (kind == i).astype(int) for i in range(3)},
            "low": low,
            "high": low + rng.integers(0, 60, ROWS),
            "x": x,
            "y": pa.array(other, mask=rng.random(ROWS) < 0.1),
            "city": enum(np.array(list("xyz"))[city].tolist()),
            "land": enum(np.array(["p", "q", "q"])[city].tolist()),
        }
    )


@pytest.fixture(scope="module")
def model(table):
    rules, keep = check_rules(RULES, table)
    assert keep.all()
    with pytest.MonkeyPatch.context() as patch:
        fit = TableEncoder.fit
        patch.setattr(TableEncoder, "fit", lambda table: fit(table, rules=rules))
        return model_of(table)


def assert_kept(sample):
    columns = {n: sample[n].to_numpy() for n in sample.column_names if n not in ("city", "land")}
    total = (columns["a"] + columns["b"]).round(2)
    assert np.array_equal(total, columns["sum"], equal_nan=True)
    assert (columns["k0"] + columns["k1"] + columns["k2"] == 1).all()
    assert (columns["low"] <= columns["high"]).all()
    assert np.array_equal(columns["code"], 2 * columns["id"])
    assert len(np.unique(columns["id"])) == sample.num_rows
    city = np.array(sample["city"].to_pylist())
    assert ((columns["low"] <= 50) | (city == "x")).all()
    land = np.array(sample["land"].to_pylist())
    assert ((land == "p") == (city == "x")).all()


def equal_share(sample):
    both = sample.drop_null()
    return np.mean(both["x"].to_numpy() == both["y"].to_numpy())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 2.0},
        {"balance": "city"},
        {"balance": "city", "temperature": 0.5, "conditions": {"sum": (50, 100), "k1": 1}},
        {"conditions": {"sum": 99.5}},
        {"conditions": {"sum": None}},
        {"conditions": {"high": (None, 20), "city": ["y", "z"]}},
        {"conditions": {"y": (100, 400)}},
    ],
    ids=str,
)
def test_relations_and_rules_hold_under_every_option(model, options):
    sample = model.sample(300, seed=1, **options).read_all()
    assert_kept(sample)
    wanted = options.get("conditions", {})
    if "sum" in wanted and wanted["sum"] is None:
        assert sample["sum"].null_count == 300
    elif isinstance(wanted.get("sum"), tuple):
        assert sample["sum"].to_numpy().min() >= 50 and sample["sum"].to_numpy().max() <= 100
        assert set(sample["k1"].to_pylist()) == {1}
    if "y" in wanted:
        values = sample["y"].to_numpy()
        assert values.min() >= 100 and values.max() <= 400
    if "balance" in options:
        codes = sample["city"].combine_chunks().cast(pa.string()).to_pylist()
        assert [codes.count(level) for level in "xyz"] == [100, 100, 100]


def test_relations_of_a_part_come_at_their_rate(table):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 5000, ROWS)
    y = np.where(rng.random(ROWS) < 0.2, x, rng.integers(0, 5000, ROWS))
    model = model_of(pa.table({"x": x, "y": y}), strength=0.0)
    (relation,) = model.encoder.relations.relations
    sample = model.sample(4000, seed=1).read_all()
    equal = sample["x"].to_numpy() == sample["y"].to_numpy()
    assert_shares(equal, [1 - relation.share, relation.share])


def test_gaps_are_filled_with_what_relations_give(model, table):
    rows = table.slice(0, 100).drop_columns(["id", "code"])
    for name in ("sum", "k0", "y", "high"):
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, name, pa.nulls(100, rows.schema.field(name).type))
    filled = model.impute(rows, seed=1).read_all()
    assert_kept(filled)
    for name in ("k0",):
        assert filled[name].equals(table[name].slice(0, 100))
    present = table["sum"].slice(0, 100).is_valid()
    assert filled["sum"].filter(present).equals(table["sum"].slice(0, 100).filter(present))
    assert filled["y"].null_count == 0


def test_given_rows_know_which_relation_holds(model, table):
    """Where x and y are given and equal, the code is that of the relation, as in training."""
    rows = table.select(["x", "y"])
    codes = Conditions.of_rows(model.layout, model.encoder, rows, fill_missing=False).codes
    index = model.layout.index_of("y")
    usual = model.encoder.encode(table)[:, index].numpy()
    assert np.array_equal(codes[:, index], usual)
    alone = Conditions.of_rows(model.layout, model.encoder, table.select(["y"]), False).codes
    bins = len(model.layout.codecs[index].quantiles)
    assert (alone[:, index] < bins).sum() == ROWS - table["y"].null_count


def test_a_sample_begins_with_the_rows_of_a_shorter_one(model):
    for options in ({}, {"conditions": {"sum": (50, 100)}}):
        whole = model.sample(700, seed=3, **options).read_all()
        assert model.sample(90, seed=3, **options).read_all().equals(whole.slice(0, 90))
        assert not model.sample(90, seed=4, **options).read_all().equals(whole.slice(0, 90))


def test_threads_change_nothing(model):
    threads = torch.get_num_threads()
    one = model.sample(700, seed=3, conditions={"sum": (50, 100)}).read_all()
    try:
        torch.set_num_threads(3)
        many = model.sample(700, seed=3, conditions={"sum": (50, 100)}).read_all()
    finally:
        torch.set_num_threads(threads)
    assert many.equals(one)


def test_files_keep_relations_and_rules(model, tmp_path):
    trained = dataclasses.replace(model, history=[{"epoch": 0, "step": 0, "seconds": 0.0}])
    engine.save(trained, tmp_path / "model.zip")
    again = engine.load(tmp_path / "model.zip")
    assert again.relations() == model.relations()
    assert [rule.text for rule in again.encoder.rules] == [r.text for r in model.encoder.rules]
    for options in ({}, {"conditions": {"sum": 99.5}}):
        wanted = model.sample(100, seed=1, **options).read_all()
        assert again.sample(100, seed=1, **options).read_all().equals(wanted)


def test_what_cannot_be_met_names_the_rule(model, monkeypatch):
    monkeypatch.setattr(completion, "_MAX_CANDIDATES", 512)  # fewer are quicker
    conditions = {"low": 70, "city": "y"}
    with pytest.raises(Unreachable) as error:
        model.sample(3, seed=1, conditions=conditions).read_all()
    assert str(error.value) == (
        "no row of the model meets low <= 50 or city = 'x' with the conditions on 'low', 'city': "
        "loosen them."
    )
    with pytest.raises(ValueError, match="'sum' has no value 1000000"):
        model.sample(3, seed=1, conditions={"sum": 10**6})


def test_times_out_of_range_are_named_as_dates():
    rng, day = np.random.default_rng(0), 86_400_000
    start = rng.integers(0, 100, 600)
    wait = np.where(start > 90, 1, rng.integers(1, 6, 600))
    stamp = pa.timestamp("ms", "UTC")
    times = [pa.array(days * day, stamp) for days in (start, start + wait)]
    model = model_of(pa.table({"start": times[0], "wait": wait * day, "end": times[1]}))
    assert model.relations()[0]["relation"] == "start = end - seconds(wait / 1000)"
    conditions = {"end": "1970-01-03", "wait": (3 * day, 5 * day)}  # before the first start
    with pytest.raises(Unreachable, match="values from 1970-01-01 00:00:00 to 1970-04-10 00:00:00"):
        model.sample(3, seed=1, conditions=conditions).read_all()


def test_rows_are_scored_without_their_identifiers(model, table):
    rows = table.slice(0, 50)
    scored = rows.select([column.name for column in model.scored_columns])
    assert "id" not in scored.column_names
    scores = model.scores(scored)
    assert np.isfinite(scores).all()
    broken = scored.set_column(
        scored.column_names.index("sum"), "sum", pa.array(rows["sum"].to_numpy() + 40)
    )
    known = rows["sum"].is_valid().to_numpy()
    assert (model.scores(broken)[known] < scores[known] - 3).all()


@pytest.mark.parametrize("method", ["draw", "mean"])
def test_imputed_rows_have_identifiers_of_their_own(model, table, method):
    holes = table.slice(0, 200)
    for name in ("id", "code", "low"):  # the mean of "low" is often above "high"
        gaps = pa.nulls(200, table.schema.field(name).type)
        holes = holes.set_column(holes.column_names.index(name), name, gaps)
    assert_kept(model.impute(holes, seed=1, method=method).read_all())
