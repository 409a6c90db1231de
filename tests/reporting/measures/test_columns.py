"""Distributions of columns: counted in bins, and compared."""

from __future__ import annotations

import numpy as np
import pytest
from customer_rows import customers
from scipy.stats import ks_2samp

from h2o_gan.reporting.measures.columns import (
    Bins,
    column_accuracies,
    distance,
    kolmogorov_smirnov,
    total_variation,
)
from h2o_gan.reporting.measures.rows import Field

NUMBER = Field("x", "number")


def test_the_distance_of_numbers_is_that_of_scipy():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=4000), rng.normal(0.2, 1.3, size=3000)
    bins = Bins.fit(NUMBER, first)
    found = kolmogorov_smirnov(bins.count(first), bins.count(second))
    assert found == pytest.approx(ks_2samp(first, second).statistic, abs=0.004)


def test_spikes_and_missing_cells_have_bins_of_their_own():
    values = np.concatenate([np.zeros(500), np.random.default_rng(0).gamma(2, 9, 400)])
    values = np.append(values, np.full(100, np.nan))
    bins = Bins.fit(NUMBER, values)
    assert bins.spikes.tolist() == [0.0]
    counts = bins.count(values)
    assert counts.bins[bins.places(np.zeros(1))[0]] == 500
    assert (counts.missing, counts.missing_share, counts.rows) == (100, 0.1, 1000)
    no_spike = bins.count(np.where(values == 0, 0.01, values))
    assert distance(bins, counts, no_spike) == pytest.approx(500 / 900)


def test_numbers_between_the_only_values_are_another_distribution():
    values = np.repeat(np.arange(20.0), 50)
    bins = Bins.fit(NUMBER, values)
    assert bins.values.tolist() == list(range(20))
    between = bins.count(values + np.tile([0.0, 1e-9], 500))
    assert distance(bins, bins.count(values), between) == pytest.approx(0.5)
    assert Bins.fit(NUMBER, np.arange(60.0)).values.tolist() == []  # each may occur by chance


def test_batches_add_up_to_the_whole():
    rows = customers(3000, 1)
    for column, values in rows:
        bins = Bins.fit(column, values[:500])
        whole = bins.count(values)
        parts = bins.count(values[:700]) + bins.count(values[700:])
        assert np.array_equal(whole.bins, parts.bins) and whole.missing == parts.missing
        assert whole.mean == pytest.approx(parts.mean)
        assert (whole.low, whole.high) == (parts.low, parts.high)
        if not column.is_category:
            known = values[~np.isnan(values)]
            assert whole.mean == pytest.approx(known.mean())
            assert whole.deviation == pytest.approx(known.std())


def test_the_distance_of_categories_is_the_total_variation():
    city = customers(10, 1).field("city")
    bins = Bins.fit(city, np.zeros(0))
    first = bins.count(np.array([0.0, 0, 1, np.nan]))
    second = bins.count(np.array([0.0, 1, 1, 1]))
    assert total_variation(first, second) == 0.5
    assert distance(bins, first, first) == 0


@pytest.mark.parametrize("values", [np.full(30, np.nan), np.full(30, 7.0), np.zeros(0)])
def test_columns_without_spread_do_not_fail(values):
    bins = Bins.fit(NUMBER, values)
    counts = bins.count(values)
    assert distance(bins, counts, counts) == 0
    other = bins.count(np.array([np.nan, 1.0]))
    assert 0 <= distance(bins, counts, other) <= 1


def test_accuracies_order_copies_unseen_and_shifted_rows():
    training, unseen = customers(2000, 1), customers(2000, 2)
    shifted = customers(2000, 3)
    shifted.values["age"][:] += 15
    bins = {column.name: Bins.fit(column, values) for column, values in training}
    rng = np.random.default_rng(0)
    found = [column_accuracies(training, own, bins, rng) for own in (training, unseen, shifted)]
    assert found[0].mean == 1
    assert 0.95 < found[1].mean < 1
    assert found[2].mean < found[1].low
    assert found[2].values.argmin() == 0  # the age
