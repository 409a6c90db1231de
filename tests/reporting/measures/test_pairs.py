"""How columns hang together."""

from __future__ import annotations

import numpy as np
import pytest
from customer_rows import customers

from h2o_gan.reporting.measures.pairs import (
    Groups,
    associations,
    cell_counts,
    pair_accuracies,
    tuple_accuracies,
)


def test_independent_columns_lose_pairs_and_unseen_rows_do_not():
    training, unseen = customers(3000, 1), customers(3000, 2)
    shuffled = training.shuffled(np.random.default_rng(0))
    found = {
        name: pair_accuracies(training, rows, np.random.default_rng(1))
        for name, rows in (("copy", training), ("unseen", unseen), ("independent", shuffled))
    }
    assert found["copy"].mean == 1
    assert found["unseen"].low > found["independent"].high
    worst = found["independent"].columns[int(found["independent"].values.argmin())]
    names = {training.names[index] for index in worst}
    assert names == {"age", "since"}  # which follows from the age


def test_the_interval_holds_what_other_samples_give():
    training = customers(1500, 1)
    rng = np.random.default_rng(0)
    own = pair_accuracies(training, customers(1500, 2), rng)
    others = [pair_accuracies(training, customers(1500, seed), rng).mean for seed in range(3, 23)]
    assert np.mean([own.low <= other <= own.high for other in others]) >= 0.8


def test_groups_know_rare_levels_missing_cells_and_unknown_values():
    training = customers(500, 1)
    groups = Groups.fit(training, groups=3)
    city = training.names.index("city")
    codes = groups(training)
    assert codes[np.isnan(training.values["city"]), city].tolist() == [3] * int(
        np.isnan(training.values["city"]).sum()
    )
    assert set(codes[training.values["city"] == 3, city]) == {2}  # Oslo is not frequent
    assert (codes.max(axis=0) < groups.sizes).all()
    counts = cell_counts(codes, (0, city), groups.sizes)
    assert counts.sum() == 500 and counts.shape == (groups.sizes[0], groups.sizes[city])


def test_triples_of_few_columns_or_rows():
    rows = customers(100, 1).select(["age", "city"])
    groups = Groups.fit(rows)
    codes = groups(rows)
    rng = np.random.default_rng(0)
    assert tuple_accuracies(codes, codes, groups.sizes, 3, rng) is None
    assert tuple_accuracies(codes, codes[:0], groups.sizes, 2, rng) is None


def test_many_columns_are_sampled():
    rng = np.random.default_rng(0)
    codes = rng.integers(3, size=(200, 300))
    found = tuple_accuracies(codes, codes, [3] * 300, 2, rng, most=50)
    assert len(found.columns) == len(set(found.columns)) == 50


def test_associations_see_dependence_of_any_form():
    rng = np.random.default_rng(0)
    x = rng.integers(8, size=4000)
    codes = np.column_stack([x, (x - 4) ** 2, rng.integers(5, size=4000), np.zeros(4000, int)])
    found = associations(codes, [8, 17, 5, 1])
    assert found[0, 1] == pytest.approx(1, abs=0.01)
    assert found[0, 2] < 0.05 and found[2, 3] == 0
    assert np.array_equal(found, found.T)
