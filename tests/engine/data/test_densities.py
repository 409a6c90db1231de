"""Marginal densities: what they are near the data, and how they fall away from them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from h2o_gan.engine.data.densities import MarginalDensity, log_share
from h2o_gan.engine.data.quantiles import Quantiles
from h2o_gan.engine.data.schema import Column

REAL, INT = Column("x", "real"), Column("x", "int")


def density_of(values, column=REAL):
    """The density of values that are a bin each, as a codec has them."""
    dtype = np.float64 if column is REAL else np.int64
    distinct, counts = np.unique(np.asarray(values, dtype), return_counts=True)
    ends = np.append(0.0, np.cumsum(counts) / counts.sum())
    return MarginalDensity(Quantiles(column, distinct, distinct, ends), len(values))


def test_the_density_of_a_normal_sample_is_near_that_of_the_normal():
    values = np.random.default_rng(0).normal(50, 10, 5_000)
    density = density_of(values)
    at = np.linspace(30, 70, 9)
    expected = -0.5 * ((at - 50) / 10) ** 2 - 0.5 * math.log(2 * math.pi)
    assert np.allclose(density.log_density(at), expected, atol=0.2)


def test_it_integrates_to_one_and_has_no_unit():
    values = np.random.default_rng(1).gamma(2, 3, 500)
    grid = np.linspace(-400, 400, 400_001)
    total = np.exp(density_of(values).log_density(grid)).sum() * (grid[1] - grid[0]) / values.std()
    assert total == pytest.approx(1, abs=0.01)
    scaled = density_of(values * 1e6).log_density(np.array([5e6, 1e8]))
    assert np.allclose(scaled, density_of(values).log_density(np.array([5.0, 100.0])))


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(-1e6, 1e6).map(lambda v: round(v, 6)), min_size=1, max_size=30),
    st.floats(1e-3, 1e200),
    st.sampled_from([1, -1]),
)
def test_a_value_twice_as_far_is_odder(values, distance, side):
    """Beyond the training values, however they lie and however far it is."""
    edge = max(values) if side > 0 else min(values)
    reach = max(values) - min(values) + 1
    logs = density_of(values).log_density(
        edge + side * reach * distance * np.array([1.0, 2.0, 4.0])
    )
    assert np.isfinite(logs).all() and logs[0] > logs[1] > logs[2]


def test_a_gap_between_values_is_odd():
    density = density_of(np.concatenate([np.arange(50), np.arange(950, 1_000)]), INT)
    logs = density.log_density(np.array([25, 60, 500, 975]))
    assert (
        logs[2] < logs[1] < logs[0] - 0.5
        and logs[2] < logs[0] - 2
        and logs[3] == pytest.approx(logs[0], abs=0.1)
    )


@pytest.mark.parametrize("values", [[3.0], [0.0, 1e-300], [-1e308, 1e308], [np.inf, 1.0, -np.inf]])
def test_odd_columns_have_finite_densities(values):
    at = np.array([-np.inf, -1e308, 0.0, 3.0, np.inf])
    assert np.isfinite(density_of(values).log_density(at)).all()


def test_a_wide_bin_is_all_of_its_values():
    quantiles = Quantiles(REAL, np.array([0.0]), np.array([10.0]), np.array([0.0, 1.0]))
    logs = MarginalDensity(quantiles, 100).log_density(np.array([0.0, 10.0, 40.0]))
    assert logs[0] == pytest.approx(logs[1]) and logs[2] < logs[1] - 2


def test_thousands_of_bins_are_joined():
    values = np.random.default_rng(2).normal(size=3_000)
    few = density_of(np.quantile(values, np.linspace(0, 1, 400)))
    at = np.array([-8.0, -1.0, 0.0, 2.0, values.max() + 5])
    assert np.allclose(density_of(values).log_density(at)[1:4], few.log_density(at)[1:4], atol=0.2)
    assert np.diff(density_of(values).log_density(np.array([5.0, 6.0, 8.0]))).max() < 0


def test_an_unseen_share_is_less_than_a_row():
    assert log_share(0.0, 99) == pytest.approx(math.log(0.5 / 100))
    assert log_share(0.25, 99) == math.log(0.25)
    assert log_share(0.0, 10_000) < log_share(0.0, 100)
