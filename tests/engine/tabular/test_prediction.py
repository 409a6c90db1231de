"""Columns from others: against the sums over all rows that an untrained model makes possible."""

import dataclasses
import itertools

import numpy as np
import pyarrow as pa
import pytest
import torch
from untrained import CPU, enum, generator_of, layout_of, model_of, random

from h2o_gan.engine.data.schema import Column
from h2o_gan.engine.tabular.critic import RowCritic
from h2o_gan.engine.tabular.prediction import Predictor
from h2o_gan.engine.tabular.sampling import Given

ROWS = 600
COLOURS, SIZES, SHOPS = ["red", "green"], ["s", "m", "l"], ["a", "b", "c", "d"]
LEVELS = dict(zip(("colour", "size", "shop"), (COLOURS, SIZES, SHOPS), strict=True))
EVERY = list(itertools.product(COLOURS, SIZES, SHOPS))


def table_of(rows, names=tuple(LEVELS)):
    columns = zip(*rows, strict=True)
    return pa.table({n: enum(list(c), LEVELS[n]) for n, c in zip(names, columns, strict=True)})


@pytest.fixture(scope="module")
def model():
    """Three columns of levels, no two of which are independent; a critic that is not flat."""
    rng = np.random.default_rng(0)
    table = table_of([EVERY[at] for at in rng.integers(0, len(EVERY), ROWS)])
    _, _, layout = layout_of(table)
    critic = RowCritic(layout.tokens, 4, 8, 0.0, 4)
    critic.initialize(random(2))
    with torch.no_grad():
        critic.last.weight.mul_(100)
    return dataclasses.replace(model_of(table, seed=3, strength=1.5, critic=critic), clip=9.0)


@pytest.fixture(scope="module")
def joint(model):
    """The model's probability of each of all rows, as (colours, sizes, shops)."""
    logs = sum(model.log_densities(table_of(EVERY)).values())
    shares = np.exp(logs - logs.max()).reshape(2, 3, 4)
    return shares / shares.sum()


def probabilities(model, table, column, **options):
    found = model.predict_column(table, column, **options).read_all()
    assert found.column_names == ["predict", *LEVELS[column]]
    shares = np.stack([found[level].to_numpy() for level in LEVELS[column]], 1)
    assert np.allclose(shares.sum(1), 1) and (shares >= 0).all()
    assert found["predict"].to_pylist() == [LEVELS[column][at] for at in shares.argmax(1)]
    return shares


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_where_all_others_are_known_probabilities_are_those_of_the_model(model, joint, axis):
    name = list(LEVELS)[axis]
    wanted = np.moveaxis(joint, axis, -1)
    wanted = wanted / wanted.sum(-1, keepdims=True)
    found = probabilities(model, table_of(EVERY), name)
    # Rows that differ in the column itself have the same prediction: it is not used.
    found = np.moveaxis(found.reshape(*joint.shape, -1), axis, 0)
    assert np.allclose(found, wanted[None], atol=1e-4)
    assert np.ptp(wanted.reshape(-1, wanted.shape[-1]), axis=0).max() > 0.05  # others matter


@pytest.mark.parametrize(("axis", "known"), [(2, 0), (0, 2), (1, 2)])
def test_unknown_columns_are_integrated_out(model, joint, axis, known):
    name, other = list(LEVELS)[axis], list(LEVELS)[known]
    pair = joint.sum(3 - axis - known)
    wanted = pair if known < axis else pair.T
    wanted = wanted / wanted.sum(1, keepdims=True)
    given = table_of([(level,) for level in LEVELS[other]], (other,))
    found = probabilities(model, given, name, draws=10_000, seed=1)
    assert np.allclose(found, wanted, atol=0.03)
    # A missing cell is as good as a missing column.
    gaps = given.append_column(name, enum([None] * len(given), LEVELS[name]))
    assert np.array_equal(found, probabilities(model, gaps, name, draws=10_000, seed=1))


def test_without_draws_the_network_of_the_column_answers(model):
    layout, generator = model.layout, model.generator
    found = probabilities(
        model, table_of([(level,) for level in SHOPS], ("shop",)), "size", draws=0
    )
    shops, sizes = (layout.spans[layout.index_of(name)].start for name in ("shop", "size"))
    order = [shops, sizes, 3 - shops - sizes]
    for at, shop in enumerate(SHOPS):
        rows = table_of([("red", size, shop) for size in SIZES])
        values, active = layout.tables(CPU).expand(model.encoder.encode(rows), None)
        logs = generator.log_likelihood(values, active, torch.tensor(order))
        assert np.allclose(found[at], logs[sizes].exp().numpy(), atol=1e-4)


def test_the_same_seed_gives_the_same_and_blocks_do_not_matter(model, monkeypatch):
    from h2o_gan.engine.tabular.model import TableModel

    given = table_of([(shop,) for shop in SHOPS * 50], ("shop",))
    found = model.predict_column(given, "size").read_all()
    assert found == model.predict_column(given, "size").read_all()
    assert found != model.predict_column(given, "size", 5).read_all()
    monkeypatch.setattr(TableModel, "block_rows", 256)
    blocks = [batch.num_rows for batch in model.predict_column(given, "size")]
    assert blocks == [64, 64, 64, 8]


def numbers(rows=ROWS):
    """A number with a spike and gaps, one with few values, a level, a function of it, a place."""
    rng = np.random.default_rng(1)
    kind = rng.integers(0, 3, rows)
    amount = np.where(rng.random(rows) < 0.3, 0.0, np.round(rng.gamma(2, 50, rows), 1))
    return pa.table(
        {
            "kind": enum(np.array(["x", "y", "z"])[kind]),
            "group": enum(np.array(["1", "2", "2"])[kind], ["1", "2"]),
            "amount": pa.array(amount, mask=rng.random(rows) < 0.2),
            "count": pa.array(rng.integers(0, 6, rows)),
            "when": pa.array(rng.integers(0, 4_000, rows) * 86_400_000, pa.timestamp("ms", "UTC")),
            "item": enum([f"item {n:03d}" for n in np.arange(rows) % 300]),
            "lat": np.round(rng.normal(48, 2, rows), 2),
            "lon": np.round(rng.normal(10, 2, rows), 2),
        }
    )


@pytest.fixture(scope="module")
def mixed():
    return model_of(numbers(), seed=5, strength=0.3)


def floats(values):
    """Numbers, or times in milliseconds, as float64."""
    plain = values.cast(pa.int64()) if pa.types.is_timestamp(values.type) else values
    return plain.cast(pa.float64()).to_numpy()


@pytest.mark.parametrize(
    ("name", "draws"),
    [("amount", None), ("count", None), ("when", None), ("lat", None), ("lat", 0)],
)
def test_estimates_of_every_kind_agree_with_draws(mixed, name, draws):
    """Others are known, and `lat` is the last column: with no draws it sees all of them too."""
    known = numbers().slice(0, 12).drop_columns([name])
    many = mixed.predict_column(known, name, 2, draws=3_000).read_all()
    found = mixed.predict_column(known, name, draws=draws).read_all()
    deviation = floats(numbers()[name].drop_null()).std()
    for column in many.column_names:
        gaps = np.abs(floats(found[column]) - floats(many[column]))
        assert gaps.mean() < 0.03 * deviation, column
    assert floats(found["predict"]).std() > 0.1 * deviation  # what is known matters


def test_a_function_of_a_level_is_predicted_by_its_sum(mixed):
    table = numbers().slice(0, 20).drop_columns(["kind", "group"])
    kinds = mixed.predict_column(table, "kind", 3).read_all()
    groups = mixed.predict_column(table, "group", 3).read_all()
    assert groups.column_names == ["predict", "p1", "p2"]
    assert np.allclose(groups["p1"].to_numpy(), kinds["x"].to_numpy(), atol=1e-6)
    known = numbers().slice(0, 20).drop_columns(["group"])
    sure = mixed.predict_column(known, "group").read_all()
    assert sure["predict"].to_pylist() == numbers()["group"].slice(0, 20).to_pylist()
    assert np.allclose(np.maximum(sure["p1"].to_numpy(), sure["p2"].to_numpy()), 1)


def test_pairs_of_choices_have_probabilities_that_sum_to_one(mixed):
    table = numbers().slice(0, 5).drop_columns(["item"])
    for draws in (0, None):
        found = mixed.predict_column(table, "item", draws=draws).read_all()
        shares = np.stack([found[n].to_numpy() for n in found.column_names[1:]], 1)
        assert shares.shape == (5, 300) and np.allclose(shares.sum(1), 1)


def test_numbers_have_the_distribution_of_the_network():
    table = pa.table({"x": np.random.default_rng(0).normal(size=500)})
    encoder, _, layout = layout_of(table)
    predictor = Predictor(layout, generator_of(layout.tokens), None, [0])
    given = Given.none(3, 1, CPU)
    summaries = predictor.summaries(given)
    assert predictor.is_whole(given).all()
    column = Column("x", "real")
    free = predictor.from_network(column, given, summaries, {}, False)
    assert free.values.min() < float(np.median(table["x"].to_numpy())) - 1
    assert free.mean() == pytest.approx([table["x"].to_numpy().mean()] * 3, abs=0.35)
    assert encoder.learned


@pytest.mark.parametrize(
    ("column", "options", "error", "message"),
    [
        ("town", {}, ValueError, "has no column 'town'; it has 'colour', 'size', 'shop'"),
        ("size", {"draws": -1}, ValueError, "draws must be between 0 and 10,000, not -1"),
        ("size", {"draws": 1.5}, TypeError, "draws must be a whole number, not 1.5"),
        ("size", {"quantiles": [2]}, ValueError, "between 0 and 1, but one is 2"),
        ("size", {"seed": -1}, ValueError, "seed must be at least 0, not -1"),
    ],
)
def test_what_cannot_be_predicted_is_named(model, column, options, error, message):
    with pytest.raises(error, match=message):
        model.predict_column(table_of(EVERY), column, **options)


def test_a_constant_is_nothing_to_predict():
    table = numbers(100).append_column("currency", enum(["EUR"] * 100))
    with pytest.raises(ValueError, match="column 'currency' is treated as constant"):
        model_of(table).predict_column(table, "currency")
