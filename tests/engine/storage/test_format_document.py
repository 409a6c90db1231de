"""A reader made from docs/model_format.md alone, with NumPy: its log densities are the model's."""

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import safetensors.numpy
import torch
from document_reader import Reader, log_densities, rows_of
from document_rules import evaluate
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_trees import COLUMNS, KINDS, conditions
from untrained import chunked, enum, model_of, random, related_model, related_table

from h2o_gan import engine
from h2o_gan.engine.data.relations.expressions import evaluate as engine_evaluate
from h2o_gan.engine.tabular.drawing import draw_rows

DATA = Path(__file__).parents[2] / "data"


@pytest.mark.parametrize("family", ["table", "pairs", "coordinates"])
def test_log_densities_by_the_document_are_those_of_the_model(family):
    data = (DATA / f"{family}_format_3.zip").read_bytes()
    model = engine.load(io.BytesIO(data))
    table = model.sample(12, seed=7).read_all()
    if family == "table":  # and values that training never saw
        table = table.set_column(
            0,
            "group",
            pa.array([None, "unused", *table["group"].to_pylist()[2:]]).dictionary_encode(),
        )
    reader = Reader(data)
    scores = log_densities(reader, table)
    assert np.allclose(scores, model.scores(table), atol=2e-3), (scores, model.scores(table))


def test_crosses_by_the_document_are_those_of_the_model(tmp_path):
    rng = np.random.default_rng(0)
    year, month, day = (rng.integers(1, size, 3000) for size in (6, 7, 16))
    heat = rng.normal(size=(6, 7, 16))[year, month, day] + rng.normal(size=3000) / 4
    table = pa.table({"heat": heat, "year": year, "month": month, "day": day})
    model = model_of(table, strength=1)
    assert len(model.layout.crosses) == 1
    engine.save(model, tmp_path / "model.zip", for_training=False)
    reader = Reader((tmp_path / "model.zip").read_bytes())
    some = table.slice(0, 12)
    assert np.allclose(log_densities(reader, some), model.scores(some), atol=2e-3)


def changed(table, at, **values):
    """A table with other values in one row."""
    for name, value in values.items():
        column = table[name].to_pylist()
        column[at] = value
        made = enum(column, table[name].chunk(0).dictionary) if name in ("city", "zone") else None
        made = chunked(column, table[name].type) if made is None else made
        table = table.set_column(table.column_names.index(name), name, made)
    return table


@pytest.mark.parametrize("handling", ["value", "unknown"])
def test_relations_and_anchors_by_the_document_are_those_of_the_model(tmp_path, handling):
    model = related_model(strength=1, missing_values_handling=handling)
    assert model.layout.anchors and len(model.encoder.relations.partial("again")) == 1
    engine.save(model, tmp_path / "model.zip", for_training=False)
    reader = Reader((tmp_path / "model.zip").read_bytes())
    table = related_table().slice(0, 12).drop_columns("id")
    table = changed(table, 0, total=900, tax=None)
    table = changed(table, 1, tax=table["tax"][1].as_py() + 0.01)
    table = changed(table, 2, some=None, paid=None, later=None)
    table = changed(table, 3, some=490, stay=0)
    table = changed(table, 4, city="c0", zone="z2")
    table = changed(table, 5, city=None, price=1e4, again=None)
    scores = log_densities(reader, table)
    assert sum(reader.broken(values) < 0 for values in rows_of(table)) == 5
    assert np.allclose(scores, model.scores(table), atol=2e-3), (scores, model.scores(table))


@pytest.mark.parametrize("family", ["table", "pairs", "coordinates", "relations"])
def test_values_by_the_document_are_those_of_the_model(tmp_path, family):
    path = DATA / f"{family}_format_3.zip"
    if family == "relations":
        path, model = tmp_path / "model.zip", related_model()
        engine.save(model, path, for_training=False)
    else:
        model = engine.load(path)
    layout, encoder = model.layout, model.encoder
    none = torch.zeros(60, len(layout.tokens))
    tokens, _, _ = draw_rows(
        model.generator, none, none.bool(), none.bool(), layout.order(), random(1)
    )
    tokens = tokens.double().numpy()
    uniforms = np.random.default_rng(1).random((60, len(layout.codecs)))
    wanted = encoder.named(layout.decode(tokens, uniforms))
    related = layout.related(tokens)
    encoder.relations.complete(wanted, related)
    assert all((given >= 0).any() for given in related.values())
    reader = Reader(path.read_bytes())
    found = [reader.values(*row) for row in zip(tokens, uniforms, strict=True)]
    for row, values in enumerate(rows_of(pa.table(wanted))):
        assert values.keys() == found[row].keys()
        for name, value in values.items():
            if isinstance(value, float):
                value = pytest.approx(value, rel=1e-9)
            assert found[row][name] == value, (row, name)


_ROWS = st.fixed_dictionaries(
    {
        "a": st.none() | st.integers(-9, 9),
        'odd "name"': st.none() | st.integers(-9, 9),
        "or": st.none() | st.integers(-900, 900).map(lambda number: number / 100),
        "start": st.none() | st.integers(-(10**12), 10**12),
        "time": st.none() | st.integers(-(10**12), 10**12),
        "city": st.none() | st.sampled_from(COLUMNS[5].levels),
        "note": st.none() | st.text(max_size=3),
    }
)


@settings(max_examples=40)
@given(conditions(st.integers(-9, 9) | st.sampled_from([0.5, 0.25, 1.125])), _ROWS)
def test_conditions_by_the_document_are_those_of_the_engine(condition, row):
    columns = {
        column.name: pa.array([row[column.name]], column.arrow_type) for column in COLUMNS[:5]
    }
    columns |= {
        "city": enum([row["city"]], COLUMNS[5].levels),
        "note": pa.array([row["note"]], pa.string()),
    }
    truth = engine_evaluate(condition, pa.table(columns), {"or": 2})
    found = evaluate(condition.to_json(), row, KINDS, {"or": 2})
    assert (found is True, found is False) == (truth.true[0], truth.false[0])


def keys_of(data):
    """All keys of JSON, but those that are names of columns or parameters."""
    if isinstance(data, list):
        return set().union(*map(keys_of, data))
    if not isinstance(data, dict):
        return set()
    inner = [keys_of(value) for key, value in data.items() if key not in ("decimals", "parameters")]
    return {*data}.union(*inner)


@pytest.mark.parametrize("family", ["table", "pairs", "coordinates", "relations"])
def test_the_document_names_all_that_a_file_has(tmp_path, family):
    path = DATA / f"{family}_format_3.zip"
    if family == "relations":
        path = tmp_path / "model.zip"
        engine.save(related_model(), path)
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("model.json"))
        arrays = safetensors.numpy.load(archive.read("columns.safetensors"))
        tensors = safetensors.numpy.load(archive.read("weights.safetensors"))
    manifest["history"], manifest["versions"] = [], {}
    names = keys_of(manifest)
    # Such as low of codec.low.float64, or missing of rules.1.missing.
    names |= {re.split(r"\.(?=[a-z])|\.\d+\.", name)[1] for name in arrays}
    names |= {name.removeprefix("generator.") for name in tensors if "critic" not in name}
    text = (Path(__file__).parents[3] / "docs" / "model_format.md").read_text()
    words = {word for code in re.findall("`([^`]+)`", text) for word in re.findall(r"[\w.]+", code)}
    words |= {f"{side}_{word}" for side in ("first", "second", "knots") for word in words}
    words |= {f"numbers_{index}" for index in range(9)}
    assert names <= words, names - words
