"""Rows as tokens, and back."""

import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from untrained import CPU, enum, layout_of, random

from h2o_gan.engine.data.protocol import Constraint
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.tabular.layout import RowLayout

ROWS = 3_000
COUNTRY_OF = np.array(["CH", "CH", "AT", "AT", "IT"])
CITIES = np.array(["Bern", "Basel", "Wien", "Graz", "Rom"])


@pytest.fixture(scope="module")
def table():
    """A city, its country, an item of 300, an amount that may be missing, a constant."""
    rng = np.random.default_rng(0)
    city = rng.integers(0, 5, ROWS)
    return pa.table(
        {
            "country": enum(COUNTRY_OF[city]),
            "item": enum([f"item {n:03d}" for n in np.arange(ROWS) % 300]),
            "same": pa.array(np.full(ROWS, 7)),
            "amount": pa.array(np.round(rng.gamma(2, 9, ROWS), 1), mask=rng.random(ROWS) < 0.1),
            "city": enum(CITIES[city]),
        }
    )


@pytest.fixture(scope="module")
def fitted(table):
    return layout_of(table)


def test_tokens_of_columns(fitted):
    _, _, layout = fitted
    assert [codec.columns[0].name for codec in layout.codecs] == [
        "country", "item", "amount", "city",
    ]  # fmt: skip
    assert [(d.token, d.source) for d in layout.dependencies] == [(0, 3)]
    assert layout.source_of(0).table.tolist() == layout.dependencies[0].table.tolist()
    assert layout.source_of(3) is None
    assert {index: list(span) for index, span in layout.spans.items()} == {
        1: [0, 1],
        2: [2, 3],
        3: [4],
    }
    assert [token.column for token in layout.tokens] == [1, 1, 2, 2, 3]
    assert layout.rows == ROWS
    assert layout.index_of("city") == 3
    assert layout.index_of("same") is None and layout.index_of("other") is None


def test_orders(fitted):
    layout = fitted[2]
    assert layout.order() == [0, 1, 2, 3, 4]
    assert layout.order(first=[3]) == [4, 0, 1, 2, 3]
    assert layout.order(last=[1]) == [2, 3, 4, 0, 1]
    assert layout.order([3, 2], [1]) == [4, 2, 3, 0, 1]
    assert layout.order([3], [3]) == [4, 0, 1, 2, 3]  # first wins
    assert layout.order([2, 2]) == [2, 3, 0, 1, 4]


def test_random_orders_keep_columns_together(fitted):
    layout = fitted[2]
    rng = random()
    orders = {tuple(layout.random_order(rng)) for _ in range(60)}
    assert len(orders) == 6  # of three columns
    for order in orders:
        assert sorted(order) == [0, 1, 2, 3, 4]
        assert order.index(1) == order.index(0) + 1 and order.index(3) == order.index(2) + 1


def decoded(layout, codes, **options):
    values, _ = layout.tables(CPU).expand(codes, None)
    uniforms = np.random.default_rng(0).random((len(codes), len(layout.codecs)))
    return layout.decode(values.double().numpy(), uniforms, **options)


def test_rows_survive_tokens(table, fitted):
    encoder, codes, layout = fitted
    arrays = decoded(layout, codes)
    for name, array in zip(["country", "item", "amount", "city"], arrays, strict=True):
        if name != "amount":
            assert array.to_pylist() == table[name].to_pylist()
    amounts = arrays[2]
    assert amounts.is_null().to_pylist() == table["amount"].is_null().to_pylist()
    real = table["amount"].drop_null().to_numpy()
    errors = np.abs(amounts.drop_null().to_numpy() - real)  # rare values share ranges
    assert np.median(errors) == 0 and np.quantile(errors, 0.99) < 1
    rows = encoder.batch({**encoder.named(arrays), **encoder.generated(0, len(arrays[0]), 0)})
    assert rows.schema.names == table.column_names


def test_a_constraint_decides_among_the_codes_of_a_choice(fitted):
    _, codes, layout = fitted
    low, high = 5.0, 6.0
    arrays = decoded(
        layout, codes[:200], constraints={2: Constraint(ranges={"amount": (low, high)})}
    )
    values = arrays[2].drop_null().to_numpy()
    assert values.min() == low and values.max() == high


def test_codes_that_training_never_saw_are_no_dependency(table):
    odd = table.select(["country", "city"])
    encoder, codes, _ = layout_of(odd)
    codes[0, 0] = -1
    assert RowLayout.fit(encoder.learned, codes).dependencies == ()


def test_crosses_are_found_and_restored():
    rng = np.random.default_rng(0)
    year, month, day = (rng.integers(1, size, ROWS) for size in (6, 7, 16))
    heat = np.round(rng.normal(size=(6, 7, 16))[year, month, day] + rng.normal(size=ROWS) / 4, 2)
    encoder, _, layout = layout_of(
        pa.table({"heat": heat, "year": year, "month": month, "day": day})
    )
    (cross,) = layout.crosses
    assert [layout.tokens[index].column for index in cross.tokens] == [1, 2, 3]
    assert cross.cells.shape == (5, 6, 15) and cross.count > 300
    data = json.loads(json.dumps(layout.to_json()))
    (again,) = RowLayout.restore(data, encoder.learned, arrays_of(layout)).crosses
    assert again.tokens == cross.tokens and np.array_equal(again.cells, cross.cells)


def arrays_of(layout):
    return [column.arrays() for column in layout.columns]


def test_state_round_trip(fitted):
    _, codes, layout = fitted
    data = json.loads(json.dumps(layout.to_json()))
    again = RowLayout.restore(data, layout.codecs, arrays_of(layout))
    assert again.tokens == layout.tokens and again.spans == layout.spans
    assert again.rows == layout.rows
    for a, b in zip(decoded(again, codes), decoded(layout, codes), strict=True):
        assert a.equals(b)


def test_files_without_tokens_derive_them(fitted):
    """Up to format 2, files said only how many choices each token has."""
    layout = fitted[2]
    data = {
        "rows": ROWS,
        "dependencies": layout.to_json()["dependencies"],
        "sizes": [token.size for token in layout.tokens],
    }
    again = RowLayout.restore(data, layout.codecs, None)
    assert again.tokens == layout.tokens
    for sizes in (None, [], [*data["sizes"][:-1], 6]):
        with pytest.raises(Damaged, match="tokens do not match"):
            RowLayout.restore({**data, "sizes": sizes}, layout.codecs, None)


@pytest.mark.parametrize("rows", [0, -1, True, 2.5, None])
def test_damaged_rows_are_found(fitted, rows):
    layout = fitted[2]
    with pytest.raises(Damaged, match="is not a number of rows"):
        RowLayout.restore({**layout.to_json(), "rows": rows}, layout.codecs, arrays_of(layout))


@pytest.mark.parametrize(
    "change",
    [
        {"column": 4},
        {"column": -1},
        {"source": 9},
        {"column": 2},  # a number
        {"source": 1},  # a pair
        {"source": 0},  # the column itself
        {"table": [0, 1]},
        {"table": [0, 0, 1, 1, 3]},
        {"table": [0, 0, 1, 1, -1]},
    ],
)
def test_damaged_dependencies_are_found(fitted, change):
    layout = fitted[2]
    data = layout.to_json()
    (dependency,) = data["dependencies"]
    with pytest.raises(Damaged, match="column"):
        RowLayout.restore(
            {**data, "dependencies": [{**dependency, **change}]}, layout.codecs, arrays_of(layout)
        )


def test_tokens_of_other_columns_are_damage(fitted):
    layout = fitted[2]
    data = layout.to_json()
    with pytest.raises(Damaged, match="tokens do not match"):
        RowLayout.restore(
            {**data, "columns": data["columns"][1:]}, layout.codecs, arrays_of(layout)
        )
    with pytest.raises(Damaged, match="tokens do not match"):
        RowLayout.restore(data, layout.codecs, arrays_of(layout)[1:])
    with pytest.raises(Damaged):
        RowLayout.restore(data, layout.codecs, arrays_of(layout)[::-1])


def test_values_of_tokens_are_those_of_the_tables(fitted):
    _, codes, layout = fitted
    values, active = layout.tables(CPU).expand(codes, None)
    assert values.shape == active.shape == (ROWS, 5)
    whole = layout.codecs[3].encode([pa.chunked_array([decoded(layout, codes)[3]])])
    assert torch.equal(values[:, 4].long(), torch.from_numpy(whole).long())
