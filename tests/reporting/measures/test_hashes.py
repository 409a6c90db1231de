"""Equal rows of large tables, counted by hashes."""

from __future__ import annotations

import numpy as np

from h2o_gan.reporting.measures.hashes import level_hashes, row_hashes, shares_of_copies


def test_hashes_depend_on_values_and_texts_alone():
    numbers = np.array([1.0, -0.0, np.nan])
    one = level_hashes(("a", "b"))
    other = level_hashes(("b", "a"))
    first = row_hashes([numbers, one[[0, 1, 0]]])
    second = row_hashes([np.array([1.0, 0.0, -np.nan]), other[[1, 0, 1]]])
    assert first.tolist() == second.tolist()
    assert len(set(first.tolist())) == 3
    assert row_hashes([one[[0, 1, 0]], numbers]).tolist() != first.tolist()


def test_hashes_of_many_rows_do_not_collide():
    rng = np.random.default_rng(0)
    rows = rng.integers(100, size=(200_000, 4)).astype(float)
    hashes = row_hashes(list(rows.T))
    assert len(np.unique(hashes)) == len(np.unique(rows, axis=0))


def test_shares_of_copies_of_repeated_rows():
    training = row_hashes([np.array([1.0, 2, 2, 3])])
    others = {"synthetic": row_hashes([np.array([2.0, 3, 9, 9])]), "unseen": training[:0]}
    assert shares_of_copies(training, others) == {"synthetic": 0.5, "unseen": 0, "training": 0.5}
