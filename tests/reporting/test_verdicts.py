"""Verdicts where chance explains a value."""

import pytest

from h2o_gan.reporting.document import Figure
from h2o_gan.reporting.verdicts import Threshold, judged, judged_beyond_chance

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


@pytest.mark.parametrize(
    ("value", "reference", "independent", "verdict"),
    [
        (0.89, 0.90, 0.50, "good"),
        (0.15, 0.90, 0.91, "poor"),  # independent columns are better by chance
        (0.15, 0.90, 0.90, "poor"),
        (0.895, 0.90, 0.91, "good"),
        (0.88, 0.90, 0.90, "fair"),
    ],
)
def test_rows_far_below_both_references_are_never_good(value, reference, independent, verdict):
    figure = Figure("x", "x", value, reference=reference, independent=independent)
    found = judged(figure, Threshold(0.9, 0.75, "way", least=0.1))
    assert found.verdict == verdict
    assert found.limits[0] > found.limits[1]
    assert (value >= found.limits[1]) == (verdict != "poor")


def test_without_a_way_there_is_no_verdict():
    way = Threshold(0.9, 0.75, "way")
    assert judged(Figure("x", "x", 0.1, reference=0.5, independent=0.6), way).verdict is None
    low = Figure("x", "x", 0.2, reference=0.1, independent=0.6, best="low")
    assert judged(low, way).verdict == "fair"
