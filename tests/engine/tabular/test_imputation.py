"""Missing cells filled by estimates, and models whose missing cells are unknown."""

import numpy as np
import pyarrow as pa
import pytest
from relation_tables import DAY
from untrained import enum, model_of

from h2o_gan import engine
from h2o_gan.engine.data.relations.checking import check_rules
from h2o_gan.parameters import Parameters

ROWS = 400
CITIES = ["Bern", "Basel", "Wien", "Rom"]
COUNTRY_OF = dict(zip(CITIES, ["CH", "CH", "AT", "IT"], strict=True))


def shop(rows=ROWS):
    """Every kind of column: a level and a function of it, numbers with gaps, a time, ids."""
    rng = np.random.default_rng(0)
    city = np.array(CITIES)[rng.integers(0, 4, rows)]
    gap = rng.random(rows) < 0.2
    return pa.table(
        {
            "id": [f"C-{n:05d}" for n in range(rows)],
            "city": enum(city, CITIES),
            "country": enum([COUNTRY_OF[c] for c in city], ["AT", "CH", "IT"]),
            "visits": pa.array(rng.integers(2, 9, rows), mask=gap),
            "amount": pa.array(np.round(rng.gamma(2, 50, rows), 1)),
            "joined": pa.array(rng.integers(0, 4_000, rows) * DAY, pa.timestamp("ms", "UTC")),
            "currency": enum(["EUR"] * rows),
            "fax": pa.nulls(rows, pa.float64()),
        }
    )


def with_gaps(table, share=0.4, seed=1, whole=()):
    rng = np.random.default_rng(seed)
    columns = {}
    for name in table.column_names:
        values = table[name].combine_chunks()
        mask = rng.random(len(table)) < (0 if name in whole else share)
        columns[name] = (
            pa.compute.if_else(pa.array(mask), None, values.cast(pa.string()))
            if pa.types.is_dictionary(values.type)
            else pa.compute.if_else(pa.array(mask), None, values)
        )
        if pa.types.is_dictionary(values.type):
            columns[name] = enum(columns[name], values.dictionary.to_pylist())
    return pa.table(columns)


@pytest.fixture(scope="module")
def model():
    return model_of(shop(), seed=4, strength=0.5)


@pytest.fixture(scope="module")
def holes():
    return with_gaps(shop())


@pytest.mark.parametrize("method", ["mean", "mode"])
@pytest.mark.parametrize("draws", [None, 0, 6])
def test_gaps_are_filled_with_values_of_the_column(model, holes, method, draws):
    filled = model.impute(holes, 3, method=method, draws=draws).read_all()
    assert filled.schema == model.sample(1, 1).read_all().schema
    for name in filled.column_names:
        given = holes[name].is_valid().to_numpy()
        before, after = holes[name].to_pylist(), filled[name].to_pylist()
        assert [a for a, g in zip(after, given, strict=True) if g] == [
            b for b, g in zip(before, given, strict=True) if g
        ], name
        assert filled[name].null_count == (ROWS if name == "fax" else 0), name
    follows = [COUNTRY_OF[city] for city in filled["city"].to_pylist()]
    assert filled["country"].to_pylist() == follows
    visits, amounts = filled["visits"].to_numpy(), filled["amount"].to_numpy()
    assert visits.min() >= 2 and visits.max() <= 8
    assert np.array_equal(amounts, np.round(amounts, 1)) and amounts.min() >= 0
    assert (filled["joined"].cast(pa.int64()).to_numpy() % DAY == 0).all()
    assert set(filled["currency"].to_pylist()) == {"EUR"}


def test_the_mean_of_draws_converges_to_the_mean(model):
    one = with_gaps(shop(3), seed=2, whole=("id", "city", "country", "currency"))
    many = pa.concat_tables([one] * 500)
    drawn = model.impute(many, 1).read_all()
    mean = model.impute(one, 1, method="mean", draws=2_000).read_all()
    for name, unit in (("visits", 1), ("amount", 0.1)):
        values = drawn[name].to_numpy().reshape(500, 3)
        # Means are rounded, and a draw is one of a dozen candidates, not of infinitely many.
        error = 4 * values.std(0) / np.sqrt(500) + unit / 2 + 0.1 * values.std(0)
        assert (np.abs(values.mean(0) - mean[name].to_numpy()) <= error).all(), name


def test_estimates_are_the_same_each_time_and_draws_are_not(model, holes):
    means = [model.impute(holes, method="mean", draws=4).read_all() for _ in range(2)]
    draws = [model.impute(holes).read_all() for _ in range(2)]
    # Identifiers are drawn in any case.
    assert means[0].drop_columns("id") == means[1].drop_columns("id")
    assert draws[0].drop_columns("id") != draws[1].drop_columns("id")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "median"}, ValueError, "method='median' is not known; use one of draw, mean"),
        ({"draws": 3}, ValueError, "draws is for the estimates of method='mean' or 'mode'"),
        ({"method": "mean", "draws": True}, TypeError, "draws must be a whole number, not True"),
        ({"method": "mean", "draws": 20_000}, ValueError, "between 0 and 10,000, not 20000"),
    ],
)  # fmt: skip
def test_what_cannot_be_imputed_is_named(model, holes, options, error, message):
    with pytest.raises(error, match=message):
        model.impute(holes, **options)


def linked(rows):
    """Three columns, each of which nearly tells the others."""
    rng = np.random.default_rng(5)
    kind = rng.integers(0, 3, rows)
    return pa.table(
        {
            "kind": enum(np.array(["a", "b", "c"])[kind]),
            "size": np.round(10.0 * kind + rng.normal(0, 1, rows), 1),
            "grade": pa.array(np.where(rng.random(rows) < 0.95, kind, 2 - kind)),
        }
    )


@pytest.fixture(scope="module")
def unknown():
    parameters = Parameters(seed=1, device="cpu", epochs=12, missing_values_handling="unknown")
    return engine.fit(with_gaps(linked(1_500)).to_reader(), parameters)


def test_unknown_cells_are_not_learned(unknown, tmp_path):
    assert all(row["missing"] == 0 for row in unknown.describe())
    assert unknown.critic is None  # no row is whole
    sample = unknown.sample(500, 1).read_all()
    assert all(sample[name].null_count == 0 for name in sample.column_names)
    assert unknown.history[-1]["detection_auc"] < 0.65
    with pytest.raises(ValueError, match="column 'size' has no missing values"):
        unknown.sample(1, 1, conditions={"size": None})
    engine.save(unknown, tmp_path / "m.zip")
    again = engine.load(tmp_path / "m.zip")
    holes = with_gaps(linked(50), seed=9)
    assert (
        again.impute(holes, method="mean").read_all()
        == unknown.impute(holes, method="mean").read_all()
    )


def test_gaps_are_filled_well_where_cells_are_unknown(unknown):
    table, holes = linked(1_500), with_gaps(linked(1_500))
    filled = unknown.impute(holes, method="mean").read_all()
    known = holes["size"].is_valid().to_numpy() | holes["kind"].is_valid().to_numpy()
    for name, most in (("kind", 0.05), ("size", 2.0)):
        gap = known & holes[name].is_null().to_numpy()
        found, truth = (t[name].to_numpy(zero_copy_only=False)[gap] for t in (filled, table))
        wrong = found != truth if name == "kind" else np.abs(found - truth)
        assert wrong.mean() < most, name


def test_whole_rows_have_a_critic_where_cells_may_be_unknown():
    parameters = Parameters(
        seed=1, device="cpu", epochs=2, discriminator_epochs=1, missing_values_handling="unknown"
    )
    model = engine.fit(linked(300).to_reader(), parameters)
    assert "discriminator_loss" in model.history[-1]


@pytest.mark.parametrize("more", [{"architecture": "mlp"}, {"image_shape": (8, 8)}])
def test_other_networks_do_not_know_unknown_cells(more):
    with pytest.raises(ValueError, match="missing_values_handling='unknown' needs architecture="):
        Parameters(missing_values_handling="unknown", **more)


def orders(rows=600):
    """A total of two columns, a payment that often equals it, and dates in order."""
    rng = np.random.default_rng(7)
    goods, freight = rng.integers(10, 500, rows), rng.integers(1, 60, rows)
    other = rng.integers(10, 600, rows)
    start = rng.integers(0, 3_000, rows)
    stamp = pa.timestamp("ms", "UTC")
    return pa.table(
        {
            "goods": goods,
            "freight": freight,
            "total": goods + freight,
            "paid": np.where(rng.random(rows) < 0.4, goods + freight, other),
            "start": pa.array(start * DAY, stamp),
            "end": pa.array((start + rng.integers(1, 40, rows)) * DAY, stamp),
        }
    )


@pytest.fixture(scope="module")
def shipping():
    return model_of(orders(), strength=0.2)


@pytest.mark.parametrize("method", ["mean", "mode"])
def test_estimates_keep_the_relations_of_the_table(shipping, method):
    found = {row["relation"] for row in shipping.relations()}
    assert "total = goods + freight" in found and "paid = total" in found
    days = orders(150)["end"].cast(pa.int64()).to_numpy() // DAY
    table = orders(150).filter(pa.array((days > 800) & (days < 2_200)))
    holes = with_gaps(table, share=0.3, whole=("end",))
    filled = shipping.impute(holes, method=method, draws=5).read_all()
    numbers = {n: filled[n].cast(pa.int64()).to_numpy() for n in filled.column_names}
    assert (numbers["goods"] + numbers["freight"] == numbers["total"]).all()
    assert (numbers["start"] < numbers["end"]).all()
    # What follows from the other cells is exact, not estimated.
    missing = [holes[n].is_null().to_numpy().astype(int) for n in ("goods", "freight", "total")]
    one = sum(missing) == 1
    for name in ("goods", "freight", "total"):
        assert np.array_equal(numbers[name][one], table[name].to_numpy()[one])


def test_columns_of_a_relation_are_predicted_by_it(shipping):
    table = orders(20)
    for name in ("goods", "total"):
        found = shipping.predict_column(table, name).read_all()
        assert np.allclose(found["predict"].to_numpy(), table[name].to_numpy()), name
    known = shipping.predict_column(table, "paid", draws=400).read_all()
    # It is the total in about 40 % of the rows.
    spread = known["q0.9"].to_numpy() - known["q0.1"].to_numpy()
    assert (spread > 0).all() and (np.abs(known["predict"].to_numpy() - 300) < 200).all()


@pytest.mark.parametrize("method", ["draw", "mean"])
def test_missing_uuids_are_new(method):
    rng = np.random.default_rng(0)
    raw = [rng.bytes(16) for _ in range(60)]

    def ids(values):
        return pa.ExtensionArray.from_storage(pa.uuid(), pa.array(values, pa.binary(16)))

    columns = {"x": rng.integers(0, 9, 60), "y": rng.normal(0, 1, 60)}
    model = model_of(pa.table({"id": ids(raw), **columns}))
    gaps = rng.random(60) < 0.5
    some = [None if gap else value for gap, value in zip(gaps, raw, strict=True)]
    table = pa.table({"id": ids(some), "x": columns["x"], "y": pa.array(columns["y"], mask=gaps)})
    filled = model.impute(table, seed=1, method=method).read_all()
    found = filled["id"].combine_chunks().storage.to_pylist()
    assert filled["id"].type == pa.uuid() and filled["y"].null_count == 0
    assert [value for value, gap in zip(found, gaps, strict=True) if not gap] == [
        value for value in some if value
    ]
    new = {value for value, gap in zip(found, gaps, strict=True) if gap}
    assert len(new) == gaps.sum() and not new & {*raw, None}


def test_cells_without_a_possible_value_stay_missing():
    """The end of an open order is no gap, and a prediction has a value nonetheless."""
    rng = np.random.default_rng(0)
    status = np.array(["closed", "open"])[rng.integers(0, 2, ROWS)]
    days = pa.array(rng.integers(1, 30, ROWS), mask=status == "open")
    table = pa.table(
        {"status": enum(status, ["closed", "open"]), "days": days, "x": rng.random(ROWS)}
    )
    model = engine.fit(table.to_reader(), Parameters(epochs=1, discriminator_epochs=1, seed=1))
    assert "days is missing or status != 'open'" in [row["relation"] for row in model.relations()]
    holes = with_gaps(table, whole=["status"]).set_column(2, "x", pa.nulls(ROWS, pa.float64()))
    for method in ("draw", "mean"):
        filled = model.impute(holes, seed=1, method=method).read_all()
        assert filled["x"].null_count == filled["status"].null_count == 0
        assert filled["days"].is_null().to_pylist() == (status == "open").tolist()
    assert model.predict_column(holes, "days", seed=1).read_all()["predict"].null_count == 0


def test_gaps_beside_gaps_that_are_filled_are_filled():
    """A computed column, and one that training never missed, tell nothing of others' gaps."""
    rng = np.random.default_rng(0)
    gap = rng.random(ROWS) < 0.3
    price, visits = rng.integers(1, 90, ROWS), rng.integers(1, 9, ROWS)
    columns = {"price": price, "total": price * visits, "fee": rng.integers(3, 50, ROWS)}
    table = pa.table({name: pa.array(values, mask=gap) for name, values in columns.items()})
    table = table.append_column("visits", pa.array(visits))
    rules, _ = check_rules(["fee is missing or visits is not missing"], table)
    model = model_of(table, seed=4, options={"rules": rules})
    found = [row["relation"] for row in model.relations()]
    assert "total = price * visits" in found
    assert any(text.startswith("price is missing and total is missing or") for text in found)
    for holes in (table, table.drop_columns(["price"]), with_gaps(table, whole=["price", "total"])):
        filled = model.impute(holes, seed=1).read_all()
        assert all(filled[name].null_count == 0 for name in filled.column_names)
        rest = holes.drop_columns(["total"])
        assert model.impute(rest, seed=1, method="mean").read_all()["fee"].null_count == 0
