"""A table model in Java: what it says of rows, and the rows that it makes, are those of Python."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from probes import listed, listed_column, packed, unpacked, values_of
from untrained import enum, model_of, random, related_model, related_table

from h2o_gan import engine
from h2o_gan.engine.exceptions import Unreachable
from h2o_gan.engine.tabular.drawing import draw_rows
from h2o_gan.parameters import Parameters

OPTIMIZED = True
DATA = Path(__file__).parents[2] / "data"
FAMILIES = ("table", "pairs", "coordinates")


def saved(model, path):
    """Save a model that may not be trained."""
    if not model.history:
        model = dataclasses.replace(model, history=[{"epoch": 1.0}])
    engine.save(model, path, for_training=False)
    return str(path)


def crossed_table():
    rng = np.random.default_rng(0)
    year, month, day = (rng.integers(1, size, 3000) for size in (6, 7, 16))
    heat = rng.normal(size=(6, 7, 16))[year, month, day] + rng.normal(size=3000) / 4
    return pa.table({"heat": heat, "year": year, "month": month, "day": day})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of related columns that was trained, with its critic, and its file."""
    table = related_table(2000)
    parameters = Parameters(seed=1, epochs=2, device="cpu")
    model = engine.fit(table.to_reader(), parameters)
    assert model.critic is not None and model.surprise is not None
    return model, saved(model, tmp_path_factory.mktemp("trained") / "model.zip")


def spoiled(table):
    """Rows with missing values, unseen levels and values far outside."""
    columns = {}
    for place, name in enumerate(table.column_names):
        values = listed_column(table[name])
        values[place % 7] = None
        kind = table.schema.field(name).type
        if pa.types.is_dictionary(kind):
            values[7] = "never seen"
            columns[name] = enum(values)
        else:
            if pa.types.is_integer(kind) or pa.types.is_floating(kind):
                values[8] = 10**9
            columns[name] = pa.array(values, kind)
    return pa.table(columns)


def rated(model, table):
    names = [column.name for column in model.scored_columns]
    return {"do": "rate", "columns": [values_of(table[name]) for name in names]}


@pytest.mark.parametrize("family", [*FAMILIES, "related", "unknown", "crosses", "trained"])
def test_log_densities(family, probe, trained, tmp_path):
    if family in FAMILIES:
        path = str(DATA / f"{family}_format_3.zip")
        model = engine.load(path)
    elif family == "trained":
        model, path = trained
    else:
        model = {
            "related": lambda: related_model(strength=1),
            "unknown": lambda: related_model(strength=1, missing_values_handling="unknown"),
            "crosses": lambda: model_of(crossed_table(), strength=1),
        }[family]()
        path = saved(model, tmp_path / "model.zip")
    table = model.sample(150, seed=7).read_all()
    for rows in (table, spoiled(table)):
        ratings = model.rate(rows)
        (found,) = probe("ModelProbe", {"model": path, "tasks": [rated(model, rows)]})
        assert np.allclose(unpacked(found["logs"], "f8"), ratings.score, rtol=1e-4, atol=1e-3)
        if model.surprise is not None:
            shares = [unpacked(share, "f8") for share in found["shares"]]
            assert np.allclose(np.stack(shares, 1), ratings.shares, rtol=1e-4, atol=1e-4)
            assert np.allclose(
                unpacked(found["scores"], "f8"), ratings.anomaly_score, rtol=1e-4, atol=1e-3
            )
            assert found["threshold"] == pytest.approx(model.anomaly_threshold(0.1), rel=1e-9)


def noise_of(tokens, rows):
    """The random numbers of :func:`draw_rows`, by token: uniforms, and normals or ranks."""
    rng = random(3)
    first, second = np.zeros((2, len(tokens), rows), np.float32)
    for at, token in enumerate(tokens):
        if token.ranks is not None:
            second[at] = torch.rand(rows, generator=rng).numpy()
        else:
            first[at] = torch.rand(rows, generator=rng).numpy()
            if token.is_number:
                second[at] = torch.randn(rows, generator=rng).numpy()
    return first, second


@pytest.mark.parametrize("family", [*FAMILIES, "related", "crosses", "trained"])
def test_the_same_noise_gives_the_same_tokens(family, probe, trained, tmp_path):
    if family in FAMILIES:
        path = str(DATA / f"{family}_format_3.zip")
        model = engine.load(path)
    elif family == "trained":
        model, path = trained
    else:
        table = crossed_table() if family == "crosses" else None
        model = related_model(strength=1) if table is None else model_of(table, strength=1)
        path = saved(model, tmp_path / "model.zip")
    tokens, rows = model.layout.tokens, 1500
    assert model.response is None
    none = torch.zeros(rows, len(tokens))
    order = model.layout.order()
    values, active, logs = draw_rows(
        model.generator, none, none.bool(), none.bool(), order, random(3)
    )
    first, second = noise_of(tokens, rows)
    found = probe(
        "tabular.DrawProbe",
        {"model": path, "first": [*map(packed, first)], "second": [*map(packed, second)]},
    )
    own = np.stack([unpacked(token, "f4") for token in found["values"]], 1)
    choices = np.array([not token.is_number for token in tokens])
    differ = own[:, choices] != values.numpy()[:, choices]
    assert differ.any(1).mean() <= 2e-4 * choices.sum()
    same = ~differ.any(1)
    assert same.mean() > 0.99
    assert np.allclose(own[same], values.numpy()[same], atol=1e-3)
    assert np.allclose(
        unpacked(found["logs"], "f8")[same], logs.numpy()[same], rtol=1e-3, atol=1e-3
    )
    # The same tokens, the same likelihood: drawing and scoring agree with each other.
    likelihoods = unpacked(found["likelihoods"], "f8")
    assert np.allclose(likelihoods, unpacked(found["logs"], "f8"), rtol=1e-3, atol=1e-3)
    if model.critic is not None:
        ratios = model._sampler(torch.device("cpu")).log_ratio(values, active).numpy()
        assert np.allclose(
            unpacked(found["ratios"], "f8")[same], ratios[same], rtol=1e-3, atol=1e-3
        )


def table_of(model, columns):
    """An Arrow table of a probe's answer."""
    arrays = {}
    for column, parts in zip(model.columns, columns, strict=True):
        values = [value for part in parts for value in listed(part)]
        if column.kind == "enum":
            arrays[column.name] = enum(values, column.levels)
        elif column.kind == "time":
            arrays[column.name] = pa.array(values, pa.int64()).cast(column.arrow_type)
        else:
            arrays[column.name] = pa.array(values, column.arrow_type)
    return pa.table(arrays)


def sampling(rows, seed=1, conditions=None, **more):
    return {"do": "sample", "rows": rows, "seed": seed, "conditions": conditions or {}, **more}


def test_rows_depend_on_seed_and_index_alone(probe, trained):
    model, path = trained
    whole, steps, later, other, hot = probe(
        "ModelProbe",
        {
            "model": path,
            "tasks": [
                sampling(700),
                sampling(700, step=97),
                sampling(100, start=500),
                sampling(700, seed=2),
                sampling(700, temperature=2),
            ],
        },
    )
    table = table_of(model, whole)
    assert table_of(model, steps).equals(table)
    assert table_of(model, later).equals(table.slice(500, 100))
    assert not table_of(model, other)["price"].equals(table["price"])
    assert not table_of(model, hot)["price"].equals(table["price"])
    assert (
        model.encoder.broken_rules({n: table[n].combine_chunks() for n in table.column_names}) == []
    )
    total = pa.compute.add(table["some"], table["more"])
    assert table["total"].equals(total)
    assert table.schema.names == [column.name for column in model.columns]


def differences(one, other, model):
    """The most standard errors by which means of columns differ, and the number of means."""
    found = []
    for column in model.scored_columns:
        for values in zip(*(indicators(t[column.name], column) for t in (one, other)), strict=True):
            means = [v.mean() for v in values]
            error = np.sqrt(sum(v.var() / len(v) for v in values)) + 1e-9
            found.append(abs(means[0] - means[1]) / error)
    return max(found), len(found)


def indicators(column, kind):
    """Missing values, levels, or numbers and their squares, each (rows,)."""
    if kind.kind == "enum":
        values = np.array(column.to_pylist(), object)
        return [values == level for level in kind.levels]
    numbers = np.array([np.nan if v is None else v for v in listed_column(column)], float)
    missing = np.isnan(numbers)
    center = numbers[~missing].mean() if not missing.all() else 0
    numbers = np.where(missing, 0, numbers - center)
    return [missing.astype(float), np.abs(numbers)]


@pytest.mark.parametrize(
    ("conditions", "stored"),
    [
        ({}, {}),
        ({"city": ["c1", "c2"]}, {"city": ["c1", "c2"]}),
        ({"some": (100, 200), "zone": "z0"}, {"some": {"low": 100, "high": 200}, "zone": "z0"}),
        ({"paid": 300}, {"paid": 300}),
        ({"total": (100, 300)}, {"total": {"low": 100, "high": 300}}),
        ({"total": 250}, {"total": 250}),
        ({"paid": None}, {"paid": None}),
    ],
)
def test_samples_follow_the_distribution_of_python(conditions, stored, probe, trained):
    model, path = trained
    rows = 1500 if not conditions else 500
    (found,) = probe("ModelProbe", {"model": path, "tasks": [sampling(rows, conditions=stored)]})
    own = table_of(model, found)
    theirs = model.sample(rows, seed=5, conditions=conditions).read_all()
    most, count = differences(own, theirs, model)
    assert most < 4.5, (most, count)
    log_densities = [model.rate(table).score for table in (own, theirs)]
    error = np.sqrt(sum(v.var() / rows for v in log_densities))
    assert abs(log_densities[0].mean() - log_densities[1].mean()) < 4 * error


def test_balance_gives_every_level_equally_many_rows(probe, trained):
    model, path = trained
    (found,) = probe("ModelProbe", {"model": path, "tasks": [sampling(400, balance="city")]})
    table = table_of(model, found)
    assert {v["counts"] for v in table["city"].value_counts().to_pylist()} == {100}


@pytest.mark.parametrize(
    ("conditions", "stored"),
    [
        ({"nowhere": 1}, {"nowhere": 1}),
        ({"city": "c9"}, {"city": "c9"}),
        ({"price": (-5, -1)}, {"price": {"low": -5, "high": -1}}),
        ({"price": "cheap"}, {"price": "cheap"}),
        ({"total": 10**6}, {"total": 10**6}),
        ({"price": None}, {"price": None}),
    ],
)
def test_conditions_are_refused_as_python_refuses_them(conditions, stored, probe, trained):
    model, path = trained
    (found,) = probe("ModelProbe", {"model": path, "tasks": [sampling(10, conditions=stored)]})
    with pytest.raises((ValueError, TypeError, Unreachable)) as refused:
        model.sample(10, conditions=conditions).read_all()
    assert found == {"error": str(refused.value)}


def test_impute_keeps_what_is_given(probe, trained):
    model, path = trained
    table = related_table(600, seed=9)
    rng = np.random.default_rng(0)
    holes = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        mask = pa.array(rng.random(600) < (0.3 if name != "id" else 0))
        holes[name] = pa.compute.if_else(mask, pa.scalar(None, column.type), column)
    gaps = pa.table(holes).slice(0, 300)
    columns = [values_of(gaps[column.name]) for column in model.columns]
    (found,) = probe(
        "ModelProbe", {"model": path, "tasks": [{"do": "impute", "seed": 3, "columns": columns}]}
    )
    filled = table_of(model, found)
    theirs = model.impute(gaps, seed=3).read_all()
    for name in gaps.column_names:
        before, after = listed_column(gaps[name]), listed_column(filled[name])
        assert [a for b, a in zip(before, after, strict=True) if b is not None] == [
            b for b in before if b is not None
        ]
        assert filled[name].null_count == theirs[name].null_count, name
    most, _ = differences(filled, theirs, model)
    assert most < 4.5
