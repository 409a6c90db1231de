"""Verdicts where chance explains a value."""

import pytest

from h2o_gan.reporting.document import Figure
from h2o_gan.reporting.verdicts import Threshold, judged_beyond_chance

AREA = Threshold(0.55, 0.6)


@pytest.mark.parametrize(
    ("value", "chance", "verdict"),
    [
        (0.54, 0.51, "good"),
        (0.58, 0.51, "fair"),
        (0.58, 0.59, "good"),  # within chance
        (0.58, 0.70, None),  # chance itself would be poor: too few rows
        (0.75, 0.70, "poor"),
        (None, 0.51, None),
    ],
)
def test_low_values_are_best(value, chance, verdict):
    found = judged_beyond_chance(Figure("x", "x", value, best="low"), AREA, chance)
    assert found.verdict == verdict
    if found.verdict == "good":
        assert value <= found.limits[0]
    if found.verdict in ("fair", "poor"):
        assert value > found.limits[("fair", "poor").index(found.verdict)]
    assert ("too few rows" in (found.threshold or "")) == (verdict is None and value is not None)


def test_high_values_and_halves_are_best():
    ratio = Figure("x", "x", 0.6, reference=0.8)
    excess = Threshold(0.05, 0.25, "excess")
    assert judged_beyond_chance(ratio, excess, 0.7).verdict == "fair"
    assert judged_beyond_chance(ratio, excess, 0.58).verdict == "good"
    half = Figure("x", "x", 0.44, best="half")
    assert judged_beyond_chance(half, Threshold(0.03, 0.1), 0.52).verdict == "fair"
    assert judged_beyond_chance(half, Threshold(0.03, 0.1), 0.57).verdict == "good"
