"""Rows as points."""

import numpy as np
import pytest

from h2o_gan.reporting.measures.features import Points
from h2o_gan.reporting.measures.membership import membership
from h2o_gan.reporting.measures.rows import Field, Rows, Samples

NUMBER = (Field("a", "number"),)


def points(training, values):
    return Points.fit(Rows(NUMBER, {"a": np.array(training)}))(Rows(NUMBER, {"a": values}))[:, 0]


def test_the_range_without_outliers_is_that_of_all_rows():
    values = np.linspace(-2.0, 8.0, 201)
    assert points(values, np.array([-3.0, -2.0, 3.0, 8.0, 9.0])) == pytest.approx([0, 0, 0.5, 1, 1])


@pytest.mark.parametrize("outlier", [1e9, -1e9, np.inf])
def test_an_outlier_leaves_differences_of_other_rows(outlier):
    values = np.append(np.linspace(0.0, 1.0, 999), outlier)
    first, second = points(values, np.array([0.2, 0.8]))
    assert second - first > 0.25


def test_spikes_leave_rare_values_apart():
    values = np.append(np.zeros(999), 5.0)
    assert points(values, np.array([0.0, 5.0])).tolist() == [0, 1]


def test_attacks_find_copies_in_spite_of_outliers():
    rng = np.random.default_rng(0)
    fields = tuple(Field(name, "number") for name in "abcdef")

    def rows():
        return Rows(fields, {field.name: rng.normal(size=600) for field in fields})

    training, unseen = rows(), rows()
    for values in training.values.values():
        values[0] = 1e9
    noisy = {name: values + 0.02 * rng.normal(size=600) for name, values in training.values.items()}
    samples = Samples(training, Rows(fields, noisy), training.shuffled(rng), unseen, seed=1)
    assert membership(samples).attacks[0].auc.value > 0.9
