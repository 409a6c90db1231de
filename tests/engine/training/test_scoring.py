"""The distance of samples, and early stopping by it."""

import pytest
import torch

from h2o_gan.engine.training.scoring import EarlyStopping, sliced_wasserstein


def test_early_stopping_is_a_moving_average():
    rule = EarlyStopping(rounds=2, tolerance=0.1)
    falling = [rule.update(10 * 0.8**i) for i in range(10)]
    assert not any(falling)
    flat = [rule.update(1.0) for _ in range(6)]
    assert any(flat)
    negative = EarlyStopping(rounds=2, tolerance=0.1)  # a density's log can be above 0
    assert any(negative.update(-5.0) for _ in range(6))
    assert not any(EarlyStopping(0, 0).update(1.0) for _ in range(50))


def test_sliced_wasserstein_is_zero_for_equals_and_grows_with_a_shift():
    rng = torch.Generator().manual_seed(0)
    rows = torch.randn(500, 10, generator=rng)
    distances = [
        sliced_wasserstein(rows, rows + shift, torch.Generator().manual_seed(1))
        for shift in (0.0, 0.5, 1.0)
    ]
    assert distances[0] == 0
    assert distances[2] == pytest.approx(2 * distances[1], rel=0.01)


def test_a_shift_is_seen_as_far_as_directions_point_to_it():
    """The mean of |cos| between random directions and one direction, times the shift."""
    rows = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    shift = torch.tensor([3.0, 0.0])
    found = sliced_wasserstein(rows, rows + shift, torch.Generator().manual_seed(1))
    assert found == pytest.approx(3 * 2 / torch.pi, rel=0.15)


def test_the_order_of_rows_does_not_matter():
    rows = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    assert sliced_wasserstein(rows, rows.flip(0), torch.Generator()) == 0
