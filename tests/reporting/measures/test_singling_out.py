"""Predicates that hold for a single row."""

import numpy as np
from customer_rows import customers
from privacy_tables import released

from h2o_gan.reporting.measures.rows import Field, Rows, Samples
from h2o_gan.reporting.measures.singling_out import multivariate, univariate


def test_copies_single_out_and_unseen_rows_do_not():
    for attack in (univariate, multivariate):
        copies, unseen = (attack(released(kind), attacks=300) for kind in ("copies", "unseen"))
        assert copies.main == 1.0 and copies.low > 0.5
        assert unseen.low == 0


def test_independent_columns_repeat_rare_values_only():
    samples = released("independent")
    assert univariate(samples, 300).low > 0.5  # exact incomes are of one person each
    assert multivariate(samples, attacks=300).value < 0.05


def test_a_single_missing_cell_and_extremes_are_predicates():
    field = (Field("a", "number"),)
    training = Rows(field, {"a": np.array([1.0, 1, 2, 2, np.nan])})
    unseen = Rows(field, {"a": np.array([1.0, 1, 2, 2, 2])})
    found = univariate(Samples(training, training, training, unseen, seed=1))
    # Missing in one row; at least 2 and at most 1 hold for two rows each.
    assert (found.attacks, found.main, found.control) == (3, 1 / 3, 0.0)


def test_nothing_to_single_out():
    rows = customers(60, 1).select(["bought"])
    found = multivariate(Samples(rows, rows, rows, rows, seed=1))
    assert found.attacks == 0 and found.value is None
