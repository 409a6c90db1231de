"""Trained models of tables: what samples keep, and what they must not give away.

Training takes seconds: what an untrained generator can show is tested with the modules.
"""

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from h2o_gan import engine
from h2o_gan.engine.data.schema import TIME
from h2o_gan.parameters import Parameters

COUNTRY_OF = {"Bern": "CH", "Basel": "CH", "Genf": "CH", "Wien": "AT", "Graz": "AT", "Rom": "IT"}


def fit(table, **parameters):
    return engine.fit(table.to_reader(), Parameters(**{"seed": 1, "device": "cpu", **parameters}))


def enum(values):
    return pa.array(values).dictionary_encode()


@pytest.fixture(scope="module")
def shop():
    """4,000 customers with every trait that real tables have and toy tables lack."""
    rng = np.random.default_rng(3)
    rows = 4_000
    city = rng.choice(list(COUNTRY_OF), rows, p=[0.3, 0.2, 0.1, 0.2, 0.1, 0.1])
    age = np.clip(rng.normal(45, 14, rows), 18, 90).astype(int)
    rich = np.where(city == "Genf", 1.0, 0.0)
    income = np.round(np.exp(rng.normal(7 + 0.02 * age + rich, 0.3)), 2)
    spend = np.where(rng.random(rows) < 0.4, 0.0, np.round(income * rng.uniform(0.1, 0.2, rows), 1))
    absent = rng.random(rows) < 0.3
    joined = (
        1_500_000_000_000 // 86_400_000 * 86_400_000 + rng.integers(0, 2_000, rows) * 86_400_000
    )
    member = np.where(rng.random(rows) < 1 / (1 + np.exp(-(age - 60) / 6)), "yes", "no")
    return pa.table(
        {
            "customer": [f"C-{n:06d}" for n in rng.permutation(900_000)[:rows]],
            "city": enum(city),
            "country": enum([COUNTRY_OF[name] for name in city]),
            "age": age,
            "income": income,
            "spend": spend,
            "visits": pa.array(rng.poisson(3, rows), mask=absent),
            "basket": pa.array(np.round(rng.gamma(2, 20, rows), 2), mask=absent),
            "joined": pa.array(joined, pa.timestamp("ms", tz="UTC")),
            "member": enum(member),
            "currency": enum(["EUR"] * rows),
            "fax": pa.nulls(rows, pa.float64()),
        }
    )


@pytest.fixture(scope="module")
def model(shop):
    return fit(shop)


@pytest.fixture(scope="module")
def sample(model):
    return model.sample(8_000, seed=2).read_all()


def test_samples_have_the_schema_of_the_data(shop, sample):
    assert sample.column_names == shop.column_names
    for name in shop.column_names:
        kind, own = shop.schema.field(name).type, sample.schema.field(name).type
        assert own == kind or (pa.types.is_dictionary(own) and pa.types.is_dictionary(kind))


def test_numbers_keep_resolution_and_range(shop, sample):
    for name, decimals in (("income", 2), ("spend", 1), ("basket", 2)):
        values = sample[name].drop_null().to_numpy()
        real = shop[name].drop_null().to_numpy()
        assert np.array_equal(values, np.round(values, decimals))
        assert real.min() <= values.min() and values.max() <= real.max()
    days = sample["joined"].cast(pa.int64()).to_numpy()
    assert np.all(days % 86_400_000 == 0)


def test_marginals_and_dependencies_are_learned(shop, sample):
    real, fake = shop.to_pandas(), sample.to_pandas()
    for name in ("city", "member", "visits"):
        shares = real[name].value_counts(normalize=True, dropna=False)
        own = fake[name].value_counts(normalize=True, dropna=False).reindex(shares.index).fillna(0)
        assert (shares - own).abs().sum() / 2 < 0.04
    assert abs((fake["spend"] == 0).mean() - (real["spend"] == 0).mean()) < 0.03
    spearman = [frame[["age", "income"]].corr("spearman").iloc[0, 1] for frame in (real, fake)]
    assert abs(spearman[0] - spearman[1]) < 0.08
    means = [
        np.log(f["income"]).groupby(f["city"] == "Genf").mean().diff()[True] for f in (real, fake)
    ]
    assert abs(means[0] - means[1]) < 0.12
    bought = [f[f["spend"] > 0] for f in (real, fake)]
    ratios = [(f["spend"] / f["income"]).between(0.09, 0.21).mean() for f in bought]
    assert ratios[0] == 1 and ratios[1] > 0.85


def test_values_are_missing_together(sample):
    together = sample["visits"].is_null().to_numpy() == sample["basket"].is_null().to_numpy()
    assert together.mean() > 0.99
    assert abs(sample["visits"].null_count / 8_000 - 0.3) < 0.04


def test_constant_and_empty_columns_stay(sample):
    assert set(sample["currency"].to_pylist()) == {"EUR"}
    assert sample["fax"].null_count == 8_000


def test_identifiers_are_fresh(shop, sample):
    codes = sample["customer"].to_pylist()
    assert all(len(code) == 8 and code[:2] == "C-" and code[2:].isdigit() for code in codes)
    assert not set(codes) & set(shop["customer"].to_pylist())
    assert len(set(codes)) == len(codes)


def test_conditions_are_met_and_the_rest_follows_them(shop, model):
    conditions = {"city": ["Wien", "Graz"], "age": (30, 40)}
    fake = model.sample(3_000, seed=5, conditions=conditions).read_all().to_pandas()
    assert set(fake["city"]) == {"Wien", "Graz"} and fake["age"].between(30, 40).all()
    assert set(fake["age"]) == set(range(30, 41))
    real = shop.to_pandas()
    real = real[real["city"].isin(["Wien", "Graz"]) & real["age"].between(30, 40)]
    assert abs(np.log(fake["income"]).mean() - np.log(real["income"]).mean()) < 0.08
    assert abs(np.log(fake["income"]).std() - np.log(real["income"]).std()) < 0.08
    assert abs((fake["city"] == "Wien").mean() - (real["city"] == "Wien").mean()) < 0.1
    assert abs(fake["age"].mean() - real["age"].mean()) < 0.7


def test_a_condition_on_an_effect_finds_its_cause(shop, model):
    """Members are old: the condition's column comes after age in the table."""
    fake = model.sample(3_000, seed=5, conditions={"member": "yes"}).read_all().to_pandas()
    real = shop.to_pandas()
    assert abs(fake["age"].mean() - real[real["member"] == "yes"]["age"].mean()) < 2
    assert real["age"].mean() < fake["age"].mean() - 8


def test_rows_with_gaps_are_filled(shop, model):
    given = shop.select(["country", "age", "member"]).slice(0, 800)
    fake = model.sample(len(given), seed=1, conditions=given).read_all()
    for name in given.column_names:
        assert fake[name].to_pylist() == given[name].to_pylist()
    frame = fake.to_pandas()
    assert (frame["city"].map(COUNTRY_OF) == frame["country"].astype(str)).all()
    real = shop.slice(0, 800).to_pandas()[["age", "income"]].corr("spearman").iloc[0, 1]
    assert abs(frame[["age", "income"]].corr("spearman").iloc[0, 1] - real) < 0.1


def test_balanced_rows_are_those_of_their_level(model):
    fake = model.sample(600, seed=1, balance="city").read_all().to_pandas()
    income = np.log(fake["income"]).groupby(fake["city"].astype(str)).mean()
    assert income["Genf"] - income["Bern"] > 0.8


def test_imputing_fills_gaps_and_touches_nothing_else(shop, model):
    real = shop.slice(0, 1_000).to_pandas()
    rng = np.random.default_rng(0)
    holes = real.copy()
    for name in ("city", "country", "income", "age", "member"):
        holes[name] = holes[name].where(rng.random(1_000) > 0.3)
    holes["age"] = holes["age"].astype("Int64")
    table = pa.Table.from_pandas(holes, preserve_index=False)
    table = table.set_column(0, "customer", shop["customer"].slice(0, 1_000))
    filled = model.impute(table, seed=1).read_all().to_pandas()
    for name in holes.columns.drop(["fax"]):
        observed = holes[name].notna()
        kept = filled[name][observed].tolist()
        assert kept == holes[name][observed].tolist()
        assert filled[name].notna().all()
    assert filled["fax"].isna().all()  # never seen: nothing to fill it with
    known = holes["country"].isna() & holes["city"].notna()
    assert (filled["country"][known].astype(str) == real["country"][known].astype(str)).all()
    lost = holes["city"].isna() & holes["country"].notna()
    assert (filled["city"][lost].map(COUNTRY_OF) == holes["country"][lost].astype(str)).all()
    gone = holes["income"].isna() & holes["age"].notna()
    correlation = np.corrcoef(np.log(filled["income"][gone]), real["age"][gone])[0, 1]
    assert correlation > 0.4


def test_temperature_narrows_and_widens(model):
    spread = [
        np.log(model.sample(3_000, seed=1, temperature=t).read_all()["income"].to_numpy()).std()
        for t in (0.3, 1.0, 2.0)
    ]
    assert spread[0] < 0.8 * spread[1] and spread[1] < 0.97 * spread[2]
    for unfit in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="temperature must be above 0"):
            model.sample(1, temperature=unfit)


def test_a_saved_model_does_the_same(model, tmp_path):
    engine.save(model, tmp_path / "m.zip")
    again = engine.load(tmp_path / "m.zip")
    options = {"seed": 4, "conditions": {"age": (20, 30), "country": "CH"}}
    assert again.sample(300, **options).read_all().equals(model.sample(300, **options).read_all())
    assert again.describe() == model.describe()


def scores_of(model, table):
    return model.anomalies(table.to_reader()).read_all()["anomaly_score"].to_numpy()


def changed(table, name, values):
    return table.set_column(table.column_names.index(name), name, values)


def test_planted_anomalies_stand_out(shop, model):
    unseen = model.sample(500, seed=77).read_all()
    odd = unseen.to_pandas()
    rng = np.random.default_rng(0)
    for name in odd.columns:  # rows whose cells come from different rows
        odd[name] = rng.permutation(odd[name].to_numpy())
    table = pa.Table.from_pandas(odd, preserve_index=False)
    scores = [scores_of(model, t) for t in (shop.slice(0, 500), table)]
    auc = (scores[0][:, None] < scores[1][None, :]).mean()
    assert auc > 0.85


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("age", pa.array([100, 200, 400])),
        ("income", pa.array([1e6, 2e6, 4e6])),
        ("spend", pa.array([-1e3, -2e3, -4e3])),
        ("joined", pa.array([2 * 10**12, 25 * 10**11, 35 * 10**11], TIME)),
        ("currency", enum(["USD"])),
        ("city", enum(["Paris"])),
        ("fax", pa.array([5.0])),
    ],
)
def test_values_that_training_never_saw_are_odd_and_named(shop, model, name, values):
    few = shop.slice(0, 30)
    tables = [changed(few, name, values.take(pa.array([i] * 30))) for i in range(len(values))]
    scores = [scores_of(model, table) for table in (few, *tables)]
    for nearer, further in itertools.pairwise(scores):
        assert (further > nearer + 0.5).all()
    assert np.median(scores[0]) < np.quantile(model.anomaly_quantiles, 0.8)
    assert np.median(scores[-1]) > np.quantile(model.anomaly_quantiles, 0.95)
    before, after = (model.anomaly_shares(t.to_reader()).read_all() for t in (few, tables[-1]))
    assert after.column_names == [column for column in shop.column_names if column != "customer"]
    usual, parts = (np.stack([c.to_numpy() for c in t.columns], 1) for t in (before, after))
    assert np.allclose(parts.sum(1), scores[-1])
    blamed = [after.column_names[i] for i in (parts - usual).argmax(1)]
    assert blamed.count(name) > 20


def test_files_without_what_is_usual_are_scored_against_samples(shop, model):
    old = dataclasses.replace(model, surprise=None)
    assert "evidence_weight" not in old.to_json()
    scores = [scores_of(m, shop.slice(0, 300)) for m in (model, old)]
    assert np.corrcoef(*scores)[0, 1] > 0.9
    assert abs(scores[1].mean()) < 2


def test_the_response_comes_last_in_the_order(shop):
    model = fit(shop.slice(0, 500), epochs=1, response_column="age", discriminator_epochs=0)
    index = model.layout.index_of("age")
    assert model.response == index and "critic" not in model.networks
    assert model.layout.order(last=[index])[-1] in model.layout.spans[index]
    assert model.sample(10, seed=1).read_all().num_rows == 10


def test_a_critic_is_kept_where_it_tells_rows_apart(shop):
    hasty = fit(shop.slice(0, 1_500), epochs=1, discriminator_epochs=6)
    assert "critic" in hasty.networks
    assert hasty.history[-1]["discriminator_held_out_loss"] < np.log(2)
    bare = dataclasses.replace(hasty, critic=None)
    assert not bare.sample(100, seed=1).read_all().equals(hasty.sample(100, seed=1).read_all())


def test_rare_values_do_not_give_rows_away():
    """Three rows with a level of their own, and an amount that goes with it."""
    rng = np.random.default_rng(0)
    rows = 2_000
    job = rng.choice(["clerk", "cook", "smith"], rows).astype(object)
    amount = np.round(rng.normal(100, 10, rows), 2)
    job[:3], amount[:3] = "astronaut", 130.25
    job[3:8] = [f"job {n}" for n in range(5)]
    model = fit(pa.table({"job": enum(job), "amount": amount}))
    fake = model.sample(20_000, seed=1).read_all().to_pandas()
    rare = fake["job"].isin(["astronaut", *(f"job {n}" for n in range(5))])
    assert 0 < rare.mean() < 0.02
    assert (fake[rare]["amount"] > 125).mean() < 0.05  # no trace of the pair
    assert set(model.sample(20, conditions={"job": "job 3"}).read_all()["job"].to_pylist()) == {
        "job 3"
    }
    copied = fake["amount"].isin(amount).mean()
    unseen = pd.Series(np.round(rng.normal(100, 10, 20_000), 2)).isin(amount).mean()
    assert copied < 1.2 * unseen


def test_small_tables_are_not_memorised():
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(6, 6))
    real, unseen = (rng.normal(size=(150, 6)) @ mix for _ in range(2))
    model = fit(pa.table({f"x{n}": real[:, n] for n in range(6)}))
    fake = model.sample(1_000, seed=1).read_all().to_pandas().to_numpy()
    nearest = [((fake[:, None] - rows[None]) ** 2).sum(2).min(1) for rows in (real, unseen)]
    assert (nearest[0] < nearest[1]).mean() < 0.62
    correlations = [np.corrcoef(rows.T) for rows in (np.vstack([real, unseen]), fake)]
    assert np.abs(correlations[0] - correlations[1]).mean() < 0.2


def test_what_is_missing_together_is_so_under_a_condition(model):
    fake = model.sample(300, seed=5, conditions={"basket": None, "city": "Rom"}).read_all()
    assert fake.to_pandas()["visits"].isna().mean() > 0.95


def test_ten_thousand_levels():
    rng = np.random.default_rng(0)
    rows = 60_000
    level = np.minimum(rng.geometric(0.0007, rows), 9_999)
    value = np.round(level / 1_000 + rng.normal(0, 0.1, rows), 3)
    table = pa.table({"item": enum([f"item {n}" for n in level]), "value": value})
    model = fit(table, epochs=6, discriminator_epochs=1)
    fake = model.sample(20_000, seed=1).read_all().to_pandas()
    number = fake["item"].str.removeprefix("item ").astype(int)
    assert set(fake["item"]) <= {f"item {n}" for n in level}
    assert np.corrcoef(number, fake["value"])[0, 1] > 0.8
    assert abs(np.median(number) - np.median(level)) < 0.1 * np.median(level)
    one = model.sample(200, seed=1, conditions={"item": "item 700"}).read_all().to_pandas()
    assert set(one["item"]) == {"item 700"} and abs(one["value"].mean() - 0.7) < 0.35


def test_wide_tables_train():
    rng = np.random.default_rng(0)
    rows = 600
    factor = rng.normal(size=rows)
    columns = {f"x{n}": np.round(factor + rng.normal(size=rows), 2) for n in range(200)}
    columns |= {f"c{n}": enum((factor + rng.normal(size=rows) > 0).astype(str)) for n in range(100)}
    model = fit(pa.table(columns), epochs=1, batch_size=128, discriminator_epochs=0)
    fake = model.sample(500, seed=1).read_all()
    assert fake.num_columns == 300 and fake.num_rows == 500


def test_extremes_survive():
    rng = np.random.default_rng(0)
    rows = 1_000
    table = pa.table(
        {
            "tail": rng.pareto(1.1, rows) * 10.0 ** rng.integers(0, 6, rows),
            "huge": rng.integers(-(2**62), 2**62, rows),
            "infinite": np.where(rng.random(rows) < 0.1, np.inf, rng.normal(size=rows)),
            "two": rng.integers(0, 2, rows),
        }
    )
    fake = fit(table, epochs=3, discriminator_epochs=1).sample(2_000, seed=1).read_all()
    for name in ("tail", "huge"):
        real = table[name].to_numpy()
        assert (
            real.min() <= fake[name].to_numpy().min() <= fake[name].to_numpy().max() <= real.max()
        )
    assert 0.02 < np.isinf(fake["infinite"].to_numpy()).mean() < 0.3
    assert set(fake["two"].to_pylist()) == {0, 1}


def test_column_types_overrule():
    rng = np.random.default_rng(0)
    rows = 1_500
    table = pa.table(
        {
            "zip": rng.choice([1010, 3003, 8001, 9999], rows),
            "grade": rng.integers(1, 300, rows),
            "key": enum([f"K{n:05d}" for n in range(rows)]),
            "other": rng.normal(size=rows),
        }
    )
    kinds = {"zip": "numeric", "grade": "categorical", "key": "identifier", "other": "ignore"}
    model = fit(table, epochs=1, discriminator_epochs=0, column_types=kinds)
    assert model.sample(10).read_all().column_names == ["zip", "grade", "key"]
    taken = {row["column"]: row["treated_as"] for row in model.describe()}
    assert taken == {"zip": "numeric", "grade": "categorical", "key": "identifier"}
    assert set(model.sample(500, seed=1).read_all()["grade"].to_pylist()) <= set(range(1, 300))


def test_weights_shape_every_part():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 2_000)
    table = pa.table(
        {
            "group": enum(np.where(group, "b", "a")),
            "value": group * 10 + rng.normal(size=2_000),
            "w": np.where(group, 9.0, 1.0),
        }
    )
    model = fit(table, weights_column="w", epochs=10, discriminator_epochs=4)
    fake = model.sample(4_000, seed=1).read_all().to_pandas()
    assert abs((fake["group"] == "b").mean() - 0.9) < 0.03
    assert abs((fake["value"] > 5).mean() - 0.9) < 0.03
