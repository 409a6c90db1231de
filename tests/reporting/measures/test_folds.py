"""Folds in which copies do not leak, and groups of rows."""

from __future__ import annotations

import numpy as np
from customer_rows import customers

from h2o_gan.reporting.measures.folds import equal_share, matched_folds
from h2o_gan.reporting.measures.partition import Partition
from h2o_gan.reporting.measures.rows import Field, Rows


def test_copies_share_the_fold_of_their_original() -> None:
    rows = customers(300, 1)
    order = np.random.default_rng(2).permutation(300)
    fold = matched_folds(rows, rows.take(order), 3, np.random.default_rng(3))
    assert (fold[300:] == fold[:300][order]).all()
    assert np.bincount(fold).tolist() == [200, 200, 200]


def test_frequent_equal_rows_are_in_every_fold() -> None:
    fields = (Field("x", "category", ("a", "b")),)
    first, second = (
        Rows(fields, {"x": np.repeat([0.0, 1.0], counts)}) for counts in ([90, 30], [30, 90])
    )
    fold = matched_folds(first, second, 3, np.random.default_rng(1))
    values = np.concatenate([first.values["x"], second.values["x"]])
    for value in (0.0, 1.0):
        assert np.bincount(fold[values == value], minlength=3).min() > 20


def test_copies_are_counted() -> None:
    rows, others = customers(100, 1), customers(100, 2)
    assert equal_share(rows, rows) == 1 and equal_share(rows, others) == 0
    assert equal_share(rows.take(slice(0)), rows) == 0


def test_levels_and_quarters_make_groups() -> None:
    rows = customers(1000, 1)
    cities = Partition.fit(rows, "city", most=2)
    assert cities.labels == ["Bath", "Cork", "other levels", "missing"]
    codes = cities(rows.values["city"])
    assert (codes[rows.values["city"] == 0] == 0).all()
    assert (codes[rows.values["city"] == 3] == 2).all()
    assert (codes[np.isnan(rows.values["city"])] == 3).all()
    ages = Partition.fit(rows, "age")
    assert np.bincount(ages(rows.values["age"]), minlength=5).tolist()[4] == 0
    assert min(np.bincount(ages(rows.values["age"]))[:4]) > 150
    assert Partition.fit(rows, "since").labels[0].startswith("up to 20")


def test_groups_of_empty_and_constant_columns() -> None:
    fields = (Field("one", "number"), Field("none", "category", ("a",)))
    rows = Rows(fields, {"one": np.ones(9), "none": np.full(9, np.nan)})
    one, none = Partition.fit(rows, "one"), Partition.fit(rows, "none")
    assert len(set(one(rows.values["one"]).tolist())) == 1
    assert set(none(rows.values["none"]).tolist()) == {len(none.labels) - 1}
    assert none(np.zeros(2)).tolist() == [0, 0] and none.labels[0] == "other levels"
