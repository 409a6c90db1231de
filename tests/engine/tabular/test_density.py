"""Densities and surprise of rows, of generators that are not trained."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from untrained import CPU, enum, generator_of, layout_of

from h2o_gan.engine.data.relations.checking import check_rules
from h2o_gan.engine.tabular.density import RowDensities, Surprise, TableDensity


@pytest.fixture(scope="module")
def table():
    """Two levels, the country that follows from the city, numbers with a spike, and a constant."""
    rng = np.random.default_rng(0)
    city = rng.choice(["Bern", "Basel", "Wien"], 600, p=[0.5, 0.3, 0.2])
    size = np.where(rng.random(600) < 0.3, 0.0, rng.gamma(2, 3, 600))
    return pa.table(
        {
            "city": enum(city),
            "country": enum(np.where(city == "Wien", "AT", "CH")),
            "size": pa.array(size, mask=rng.random(600) < 0.1),
            "currency": enum(["EUR"] * 600),
        }
    )


def density_of(table, strength=0.0):
    encoder, codes, layout = layout_of(table)
    assert len(layout.dependencies) == 1
    generator = generator_of(layout.tokens, seed=1, strength=strength)
    return TableDensity(encoder, layout, generator, None, layout.order(), CPU), codes


def changed(table, **columns):
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, values)
    return table


def test_independent_columns_have_their_marginal_densities(table):
    """A generator that has learned nothing: the density of a row is the product of its columns'."""
    density, _ = density_of(table)
    rows = density.of_table(table)
    size = table["size"].is_null().to_numpy()
    assert rows.marginals.shape == (600, 4)
    # The country follows from the city, so it adds nothing to the density.
    assert np.allclose(rows.log_density[size], (rows.marginals[:, [0, 2]].sum(1))[size], atol=0.05)
    assert np.allclose(rows.evidence[:, 0], 0, atol=0.02)


def test_a_broken_function_is_evidence_against_its_column(table):
    density, _ = density_of(table)
    few = table.slice(0, 50)
    other = [{"CH": "AT", "AT": "CH"}[level] for level in few["country"].to_pylist()]
    rows = density.of_table(changed(few, country=enum(other, ["CH", "AT"])))
    usual = density.of_table(few)
    assert (usual.evidence[:, 1] >= 0).all() and (rows.evidence[:, 1] < -3).all()
    assert (usual.log_density - rows.log_density > 3).all()


def test_rows_that_break_a_formula_or_an_order_are_odd():
    rng = np.random.default_rng(3)
    price, count = rng.integers(1, 90, 600), rng.integers(1, 60, 600)
    first = rng.integers(0, 500, 600)
    table = pa.table(
        {
            "price": price,
            "count": count,
            "total": price + count,
            "first": first,
            "last": first + rng.integers(1, 300, 600),
        }
    )
    encoder, _, layout = layout_of(table)
    assert encoder.relations.always and encoder.rules
    density = TableDensity(encoder, layout, generator_of(layout.tokens), None, layout.order(), CPU)
    usual = density.of_table(table)
    (name,) = encoder.relations.always
    index = [codec.columns[0].name for codec in encoder.codecs].index(name)
    assert (usual.marginals[:, index] == 0).all()
    off = [
        density.of_table(changed(table, **{name: pa.array(table[name].to_numpy() + by)}))
        for by in (1, 1000)
    ]
    assert (off[0].marginals[:, index] < -5).all()
    assert (off[1].marginals[:, index] < off[0].marginals[:, index]).all()
    swapped = density.of_table(changed(table, last=table["first"], first=table["last"]))
    assert np.median(usual.log_density - swapped.log_density) > 5


def test_a_broken_rule_counts_once_also_where_its_columns_share_a_codec():
    rng = np.random.default_rng(5)
    table = pa.table({"latitude": rng.uniform(0, 40, 600), "longitude": rng.uniform(50, 90, 600)})
    rules, _ = check_rules(["latitude < longitude"], table)
    swapped = table.rename_columns(["longitude", "latitude"]).select(table.column_names)
    found = []
    for kept in ((), rules):
        encoder, _, layout = layout_of(table, rules=kept, relations=False)
        assert len(encoder.codecs) == 1 and len(encoder.rules) == len(kept)
        order = layout.order()
        density = TableDensity(encoder, layout, generator_of(layout.tokens), None, order, CPU)
        found.append(density.of_table(swapped).marginals)
    assert np.allclose(found[1] - found[0], np.log(0.5 / 601))


def test_values_that_a_relation_gives_in_a_part_of_the_rows_are_usual():
    rng = np.random.default_rng(4)
    bill = rng.integers(1_000, 900_000, 2_000)
    paid = np.where(rng.random(2_000) < 0.3, bill, rng.integers(1_000, 900_000, 2_000))
    table = pa.table({"bill": bill, "paid": paid})
    encoder, codes, layout = layout_of(table)
    assert any(codec.related for codec in encoder.learned)
    density = TableDensity(encoder, layout, generator_of(layout.tokens), None, layout.order(), CPU)
    by_value, by_code = density.of_table(table), density.of_codes(codes)
    assert np.allclose(by_value.marginals, by_code.marginals, atol=0.5)
    equal = bill == paid
    assert by_value.log_density[equal].mean() > by_value.log_density[~equal].mean()


def test_rows_by_code_and_by_value_agree(table):
    density, codes = density_of(table, strength=0.5)
    by_value, by_code = density.of_table(table), density.of_codes(codes)
    assert np.allclose(by_value.log_density, by_code.log_density)
    assert np.allclose(by_value.evidence, by_code.evidence)


def test_the_evidence_of_a_row_does_not_depend_on_the_block(table):
    density, _ = density_of(table, strength=0.5)
    whole, part = density.of_table(table), density.of_table(table.slice(500, 7))
    assert np.allclose(whole.evidence[500:507], part.evidence, atol=1e-4)


def rows_of(evidence, marginals=0.0):
    evidence = np.asarray(evidence, float)
    marginals = np.broadcast_to(marginals, evidence.shape)
    return RowDensities(evidence, marginals, evidence, 0 * evidence)


@pytest.mark.parametrize(("unseen", "weight"), [(1.0, 1.0), (0.25, 0.25), (-3.0, 0), (5.0, 1.0)])
def test_evidence_counts_as_far_as_it_holds_on_unseen_rows(unseen, weight):
    train = rows_of([[0.5, 0.5]] * 4)
    surprise = Surprise.fit(train, rows_of([[unseen, 0.0]] * 3))
    assert surprise.weight == pytest.approx(weight)
    assert surprise.caps == pytest.approx([max(unseen, 0) + 0.5, 0.5])


def test_without_unseen_rows_columns_count_as_independent():
    train = rows_of([[0.5, 0.5]] * 4)
    assert Surprise.fit(train, rows_of(np.zeros((0, 2)))).weight == 0
    assert 0 < Surprise.fit(train).weight < 1  # of a file that does not say


def test_evidence_for_a_value_is_capped_and_against_it_is_not():
    train = rows_of([[1.0, 1.0]] * 2)
    shares = Surprise.fit(train, train).shares(rows_of([[50.0, 1.0], [-50.0, 1.0]]))
    assert shares == pytest.approx(np.array([[-0.5, 0.0], [51.0, 0.0]]))


def test_a_column_of_heavy_tails_does_not_drown_the_others():
    marginals = np.array([[0.0, 0.0], [-16.0, -1.0]] * 50)
    shares = Surprise.fit(rows_of(np.zeros((100, 2)), marginals)).shares(
        rows_of(np.zeros((1, 2)), [[-16.0, -1.0]])
    )
    assert shares == pytest.approx(np.array([[8 / 8**0.5, 0.5 / 0.5**0.5]]))


def test_training_rows_score_zero_on_average(table):
    density, codes = density_of(table, strength=0.5)
    rows = density.of_codes(codes)
    surprise = Surprise.fit(rows, rows)
    scores = surprise.shares(rows).sum(1)
    assert scores.mean() == pytest.approx(0, abs=1e-9)
    assert surprise.quantiles[[0, -1]] == pytest.approx([scores.min(), scores.max()])
    assert torch.is_grad_enabled()  # scoring has not left it off
