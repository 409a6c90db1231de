"""Conditions: by column, by row, with functions of columns, in equal numbers."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
import torch
from untrained import CPU, enum, model_of, random

from h2o_gan.engine.tabular.conditions import Conditions

ROWS = 2_000
CITIES = ["Bern", "Basel", "Wien", "Graz", "Rom"]
COUNTRY_OF = dict(zip(CITIES, ["CH", "CH", "AT", "AT", "IT"], strict=True))
REGION_OF = dict(zip(CITIES, ["west", "north", "east", None, "south"], strict=True))


@pytest.fixture(scope="module")
def table():
    """A city, of which country and region are functions; numbers, a time, a place, a constant."""
    rng = np.random.default_rng(0)
    city = np.array(CITIES)[rng.choice(5, ROWS, p=[0.4, 0.1, 0.2, 0.2, 0.1])]
    missing = rng.random(ROWS) < 0.2
    days = rng.integers(0, 3_000, ROWS) * 86_400_000
    return pa.table(
        {
            "country": enum([COUNTRY_OF[c] for c in city]),
            "city": enum(city, CITIES),
            "region": enum([REGION_OF[c] for c in city]),
            "age": pa.array(rng.integers(20, 30, ROWS), mask=missing),
            "income": pa.array(np.round(rng.gamma(2, 100, ROWS), 1), mask=missing),
            "joined": pa.array(days, pa.timestamp("ms", tz="UTC")),
            "lat": np.round(rng.normal(48, 2, ROWS), 2),
            "lon": np.round(rng.normal(10, 2, ROWS), 2),
            "currency": enum(["EUR"] * ROWS),
            "item": enum([f"item {n:03d}" for n in np.arange(ROWS) % 300]),
        }
    )


@pytest.fixture(scope="module")
def model(table):
    return model_of(table, critic=None)


def sample(model, rows=300, seed=1, **options):
    return model.sample(rows, seed=seed, **options).read_all()


def by_column(model, **wanted):
    return Conditions.by_column(model.layout, model.encoder, wanted)


def by_row(model, table, fill_missing=False):
    return Conditions.of_rows(model.layout, model.encoder, table, fill_missing)


def follows(rows):
    """Check that country and region are those of the city."""
    cities = rows["city"].to_pylist()
    assert rows["country"].to_pylist() == [COUNTRY_OF[c] for c in cities]
    assert rows["region"].to_pylist() == [REGION_OF[c] for c in cities]


def counts(rows, name):
    return {item["values"]: item["counts"] for item in rows[name].value_counts().to_pylist()}


def test_country_and_region_are_functions_of_the_city(model):
    layout = model.layout
    assert {(d.token, d.source) for d in layout.dependencies} == {(0, 1), (2, 1)}
    follows(sample(model))


def test_no_conditions_are_empty(model):
    nothing = by_column(model)
    assert nothing.is_empty and not by_column(model, age=25).is_empty
    given, bounds = nothing.block(0, 7, random(), CPU)
    assert not given.known.any() and given.alike and len(given) == 7 and bounds == {}
    assert by_column(model, currency="EUR").is_empty  # met by every row


def test_a_condition_on_a_function_bounds_its_source(model):
    conditions = by_column(model, country="AT")
    token = model.layout.spans[1].start
    assert list(conditions.bounds) == [token] and conditions.first == (1,)
    assert conditions.bounds[token].mask.tolist() == [float(COUNTRY_OF[c] == "AT") for c in CITIES]
    rows = sample(model, conditions={"country": "AT"})
    follows(rows)
    assert set(counts(rows, "city")) == {"Wien", "Graz"}


def test_conditions_on_two_functions_of_one_source_both_hold(model):
    rows = sample(model, 100, conditions={"country": ["CH", "AT"], "region": ["east", "south"]})
    assert counts(rows, "city") == {"Wien": 100}
    rows = sample(model, 100, conditions={"region": ["east", "south"], "country": ["CH", "AT"]})
    assert counts(rows, "city") == {"Wien": 100}
    rows = sample(model, 100, conditions={"country": "AT", "region": None})
    assert counts(rows, "city") == {"Graz": 100}


def test_conditions_on_a_source_and_its_function_both_hold(model):
    rows = sample(model, 100, conditions={"city": ["Bern", "Wien", "Rom"], "country": ["AT", "IT"]})
    assert set(counts(rows, "city")) == {"Wien", "Rom"}
    follows(rows)


@pytest.mark.parametrize(
    "wanted",
    [
        {"country": "AT", "city": "Rom"},
        {"city": "Rom", "country": "AT"},
        {"country": "CH", "region": "east"},
    ],
)
def test_conditions_that_exclude_each_other_are_named(model, wanted):
    name = "region" if "region" in wanted else "country"
    with pytest.raises(ValueError, match=f"no row meets the one on '{name}' together with"):
        by_column(model, **wanted)


@pytest.mark.parametrize(
    ("wanted", "met"),
    [
        ({"age": (22, 24)}, lambda r: set(r["age"].to_pylist()) == {22, 23, 24}),
        ({"age": [20, None]}, lambda r: set(r["age"].to_pylist()) == {20, None}),
        ({"age": None}, lambda r: r["age"].null_count == 300),
        ({"income": None}, lambda r: r["income"].null_count == 300),
        ({"income": 123.4}, lambda r: r["income"].to_pylist() == [123.4] * 300),
        ({"income": (100, 200)}, lambda r: min(r["income"].to_pylist()) >= 100
         and max(r["income"].to_pylist()) <= 200),
        ({"joined": ("1971-01-01", "1971-12-31")},
         lambda r: {v.year for v in r["joined"].to_pylist()} == {1971}),
        ({"item": ["item 007", "item 250"]}, lambda r: set(counts(r, "item")) ==
         {"item 007", "item 250"}),
        ({"lat": (47, 48), "lon": (None, 10)}, lambda r: min(r["lat"].to_pylist()) >= 47
         and max(r["lat"].to_pylist()) <= 48 and max(r["lon"].to_pylist()) <= 10),
        ({"currency": "EUR", "country": "IT"}, lambda r: counts(r, "city") == {"Rom": 300}),
        ({"city": "Rom", "age": 25, "income": (0, 300)}, lambda r: counts(r, "age") == {25: 300}),
    ],
)  # fmt: skip
def test_every_kind_of_condition(model, wanted, met):
    rows = sample(model, conditions=wanted)
    assert rows.num_rows == 300 and met(rows)
    follows(rows)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"town": "Wien"}, "no column 'town'; it has 'country', 'city'"),
        ({"city": "Paris"}, "'city' has no level 'Paris'"),
        ({"age": (40, 50)}, "'age' has no value"),
        ({"currency": "USD"}, "'currency' is 'EUR' in all training rows"),
        ({"city": None}, "'city' has no level None"),
    ],
)
def test_impossible_conditions_are_named(model, wanted, message):
    with pytest.raises(ValueError, match=message):
        by_column(model, **wanted)


def test_columns_with_the_fewest_codes_are_drawn_first(model):
    conditions = by_column(model, income=(50, 60), age=(20, 25), city=["Wien", "Rom"])
    names = [model.layout.codecs[index].columns[0].name for index in conditions.first]
    assert names == ["city", "age", "income"]


def test_exact_numbers_are_given_cells(model):
    conditions = by_column(model, income=123.4, age=25)
    given, _ = conditions.block(0, 4, random(), CPU)
    income = list(model.layout.spans[model.layout.index_of("income")])
    assert given.known.nonzero()[:, 1].unique().tolist() == income and given.alike
    assert given.active[:, income].all()
    missing, _ = by_column(model, income=None).block(0, 4, random(), CPU)
    assert missing.known[:, income].all()
    assert missing.active[0, income].tolist() == [True, False]  # known to be absent


def test_balance_gives_equal_numbers(model):
    rows = sample(model, 1_000, balance="city")
    assert counts(rows, "city") == dict.fromkeys(CITIES, 200)
    follows(rows)


def test_balance_of_a_function(model):
    rows = sample(model, 300, balance="country")
    assert counts(rows, "country") == {"CH": 100, "AT": 100, "IT": 100}
    follows(rows)


def test_balance_under_conditions(model):
    rows = sample(model, 100, balance="city", conditions={"age": (21, 22), "income": 50.5})
    assert counts(rows, "city") == dict.fromkeys(CITIES, 20)
    assert set(counts(rows, "age")) <= {21, 22} and set(counts(rows, "income")) == {50.5}
    half = pa.table({"age": pa.array([21, 22] * 50)})
    rows = sample(model, 100, balance="city", conditions=half)
    assert rows["age"].to_pylist() == half["age"].to_pylist()
    assert counts(rows, "city") == dict.fromkeys(CITIES, 20)


@pytest.mark.parametrize(
    ("column", "wanted", "message"),
    [
        ("age", {}, "'age' is not a categorical column of the model; these are: 'country', 'city'"),
        ("currency", {}, "is not a categorical column"),
        ("other", {}, "is not a categorical column"),
        ("city", {"city": ["Wien", "Rom"]}, "has a condition too"),
    ],
)
def test_what_cannot_be_balanced_is_named(model, column, wanted, message):
    with pytest.raises(ValueError, match=message):
        by_column(model, **wanted).balanced(model.encoder, column, 10)


def test_balance_takes_no_memory_for_rows_that_are_not_drawn_yet(model):
    conditions = by_column(model).balanced(model.encoder, "city", 10**12)
    assert conditions.codes.shape == (5, len(model.layout.codecs))


def test_given_rows_are_kept_exactly(model, table):
    given = table.select(["city", "age", "income", "joined", "item"]).slice(0, 200)
    rows = sample(model, 200, conditions=given)
    for name in given.column_names:
        assert rows[name].to_pylist() == given[name].to_pylist()
    follows(rows)


def test_a_given_function_bounds_its_source_by_row(model, table):
    given = table.select(["country", "region"]).slice(0, 200)
    rows = sample(model, 200, conditions=given)
    for name in given.column_names:
        assert rows[name].to_pylist() == given[name].to_pylist()
    follows(rows)


def test_after_the_last_row_comes_the_first(model):
    given = pa.table({"city": ["Wien", "Rom", "Bern"]})
    conditions = by_row(model, given)
    block, _ = conditions.block(2, 5, random(), CPU)
    token = model.layout.spans[1].start
    assert block.values[:, token].tolist() == [0, 2, 4, 0, 2]
    assert not block.alike
    zeros = np.zeros((2, len(model.layout.tokens))), np.zeros((2, len(model.layout.codecs)))
    rows = model.encoder.named(model.layout.decode(*zeros))
    restored = conditions.restored(rows, np.array([2, 3]))
    assert restored["city"].to_pylist() == ["Bern", "Wien"]


def test_levels_that_training_never_saw_are_kept(model):
    given = pa.table({"city": ["Paris", "Wien", None], "country": ["FR", None, "IT"]})
    rows = sample(model, 3, conditions=given)
    assert rows["city"].to_pylist() == ["Paris", "Wien", None]
    assert rows["country"].to_pylist() == ["FR", None, "IT"]
    levels = rows["city"].chunk(0).dictionary.to_pylist()
    assert levels == [*CITIES, "Paris"]
    assert rows["region"].to_pylist()[1] == "east"


def test_given_numbers_that_training_never_saw_are_kept(model):
    given = pa.table({"age": [99, None], "income": [1e9, None], "lat": [0.0, 48.0]})
    rows = sample(model, 2, conditions=given)
    for name in given.column_names:
        assert rows[name].to_pylist() == given[name].to_pylist()


def test_a_point_of_which_one_column_is_given(model, table):
    given = pa.table({"lat": pa.array([45.0, 48.25, 51.5] * 40)})
    rows = sample(model, 120, conditions=given)
    assert rows["lat"].to_pylist() == given["lat"].to_pylist()
    cells = model.encoder.learned[model.layout.index_of("lat")].cells
    for latitude, longitude in zip(rows["lat"].to_pylist(), rows["lon"].to_pylist(), strict=True):
        low, high = cells.low[0], cells.high[0]
        distance = np.maximum(low - latitude, latitude - high).clip(min=0)
        near = distance <= distance.min()
        assert ((cells.low[1] <= longitude) & (longitude <= cells.high[1]) & near).any()
    assert len(set(rows["lon"].to_pylist()[::3])) > 20


def test_points_that_are_given_whole_in_some_rows(model):
    given = pa.table({"lat": [48.01, 48.02, None], "lon": [10.01, None, 9.99]})
    rows = model.impute(with_gaps(model, given)).read_all()
    assert rows["lat"].to_pylist()[:2] == [48.01, 48.02]
    assert rows["lon"].to_pylist()[::2] == [10.01, 9.99]
    assert rows["lat"].null_count == rows["lon"].null_count == 0


def with_gaps(model, given):
    """Rows of the model's columns, missing where nothing is given."""
    rows = given.num_rows
    return pa.table(
        {
            column.name: given[column.name]
            if column.name in given.column_names
            else pa.nulls(rows, column.arrow_type)
            for column in model.columns
        }
    )


def test_gaps_are_filled_with_values(model, table):
    rng = np.random.default_rng(1)
    holes = {}
    for name in table.column_names:
        values = table[name].slice(0, 300).combine_chunks()
        lost = pa.array(rng.random(300) < 0.4)
        holes[name] = pa.compute.if_else(lost, pa.scalar(None, values.type), values)
    holes["income"] = pa.compute.fill_null(holes["income"], float("nan"))
    rows = model.impute(pa.table(holes), seed=1).read_all()
    for name, values in holes.items():
        filled = rows[name].to_pylist()
        for before, after in zip(values.to_pylist(), filled, strict=True):
            assert before is None or before != before or after == before
        if name != "region":
            assert None not in filled
    cities = rows["city"].to_pylist()
    for name, function in (("country", COUNTRY_OF), ("region", REGION_OF)):
        given = [value is not None for value in holes[name].to_pylist()]
        known = [value is not None for value in holes["city"].to_pylist()]
        for city, value, a, b in zip(cities, rows[name].to_pylist(), given, known, strict=True):
            assert (a and b) or value == function[city]


def test_a_gap_that_a_free_source_could_fill_is_filled(model):
    """Graz has no region: where neither is given, it is not drawn."""
    rows = model.impute(with_gaps(model, pa.table({"age": [25] * 200})), seed=1).read_all()
    assert rows["region"].null_count == 0 and "Graz" not in counts(rows, "city")
    follows(rows)
    given = with_gaps(model, pa.table({"city": ["Graz", "Rom"]}))
    assert model.impute(given).read_all()["region"].to_pylist() == [None, "south"]
    given = with_gaps(model, pa.table({"country": ["AT"] * 50}))
    assert counts(model.impute(given).read_all(), "city") == {"Wien": 50}


def test_a_gap_that_no_source_could_fill_stays():
    """The one country whose only city has no region."""
    rows = {"country": ["LI"] * 60, "city": ["Vaduz"] * 60, "region": [None] * 60}
    rows = {name: [*given, *([f"{name} 1", f"{name} 2"] * 150)] for name, given in rows.items()}
    small = model_of(pa.table({name: enum(values) for name, values in rows.items()}))
    assert len(small.layout.dependencies) == 2
    given = {"country": ["LI", None], "city": [None, None], "region": [None, None]}
    filled = small.impute(pa.table({n: pa.array(v, pa.string()) for n, v in given.items()}))
    vaduz, other = filled.read_all().to_pylist()
    assert vaduz == {"country": "LI", "city": "Vaduz", "region": None}
    assert other["region"] is not None


def test_times_are_given_in_any_unit(model):
    moments = [dt.datetime(1971, 1, 2), dt.datetime(1973, 5, 6)]
    given = pa.table({"joined": pa.array(moments, pa.timestamp("us"))})
    rows = sample(model, 2, conditions=given)
    assert [v.replace(tzinfo=None) for v in rows["joined"].to_pylist()] == moments


def test_blocks_are_those_of_the_seed(model):
    long = sample(model, 900, balance="city", conditions={"age": (20, 25)})
    assert sample(model, 50, balance="city", conditions={"age": (20, 25)}).equals(long.slice(0, 50))


def test_bounds_move_to_the_device_of_the_block(model):
    _, bounds = by_column(model, city="Rom").block(0, 3, random(), CPU)
    (bound,) = bounds.values()
    assert bound.mask.device == torch.device("cpu") and bound.mask.tolist() == [0, 0, 0, 0, 1]


def test_lists_with_pooled_levels_keep_the_real_shares():
    """Rare levels share one choice: a list of some of them has their share, not all of it."""
    frequent = ["often"] * 200 + ["else"] * 400
    rare = [f"rare {n}" for n in range(100) for _ in range(4)]
    model = model_of(pa.table({"level": enum([*frequent, *rare])}), strength=0.0)
    wanted = ["often", *[f"rare {n}" for n in range(50)]]
    rows = sample(model, 4_000, conditions={"level": wanted})
    often = np.mean(np.array(rows["level"].to_pylist()) == "often")
    assert abs(often - 0.5) < 0.04  # 200 of 400
    assert set(rows["level"].to_pylist()) <= set(wanted)


@pytest.fixture(scope="module")
def square():
    """Points that are uniform in a square."""
    rng = np.random.default_rng(0)
    return model_of(
        pa.table({"lat": rng.uniform(-10, 10, 400), "lon": rng.uniform(-10, 10, 400)}),
        strength=0.0,
    )


@pytest.mark.parametrize("low", [-1.0, 4.5])
def test_ranges_of_coordinates_have_the_shares_of_filtered_rows(square, low):
    every = sample(square, 40_000)["lat"].to_numpy()
    inside = every[(every >= low) & (every <= low + 2)]
    rows = sample(square, 3_000, conditions={"lat": (low, low + 2)})["lat"].to_numpy()
    assert rows.min() >= low and rows.max() <= low + 2
    edges = np.linspace(low, low + 2, 9)
    found, expected = (np.histogram(v, edges)[0] / len(v) for v in (rows, inside))
    assert np.abs(found - expected).sum() / 2 < 0.06


def test_exact_coordinates_are_given_cells(square):
    for value in np.linspace(-9, 9, 7):
        rows = sample(square, 20, conditions={"lat": float(value)})
        assert rows["lat"].to_pylist() == [value] * 20
        point = sample(square, 2, conditions={"lat": float(value), "lon": 0.0})
        assert point["lat"].to_pylist() == [value] * 2 and point["lon"].to_pylist() == [0.0] * 2
    with pytest.raises(ValueError, match="'lat' has no value 11"):
        sample(square, 1, conditions={"lat": 11.0})


def test_half_points_go_with_balance_and_with_missing_cells(model):
    half = pa.table({"lat": pa.array([48.0, 49.0])})
    rows = sample(model, 10, conditions=half, balance="city")
    assert rows["lat"].to_pylist() == [48.0, 49.0] * 5
    assert sorted(rows["city"].to_pylist()) == sorted(CITIES * 2)
    absent = pa.table({"lat": pa.nulls(300, pa.float64())})  # training had none
    rows = sample(model, 300, conditions=absent)
    assert rows["lat"].null_count == 300 and rows["lon"].to_numpy().std() > 1


def test_a_frame_of_conditions_has_rows(model):
    with pytest.raises(ValueError, match="the frame has no rows"):
        sample(model, 3, conditions=pa.table({"age": pa.array([], pa.int64())}))
