"""Scores of predictions against scikit-learn, and their intervals against resamples."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss, r2_score, roc_auc_score

from h2o_gan.reporting.measures.downstream import difference, error, roc, scored
from h2o_gan.reporting.measures.ranking import place_of_best, rank_agreement
from h2o_gan.reporting.measures.statistics import auc_interval

RNG = np.random.default_rng(1)
BINARY = (RNG.random(500) < 0.3).astype(float)
SCORES = np.round(1 / (1 + np.exp(-(BINARY + RNG.normal(size=500)))), 2)
TWO = np.column_stack([1 - SCORES, SCORES])
LEVELS = RNG.integers(3, size=500).astype(float)
THREE = RNG.dirichlet([1, 1, 1], 500) + np.eye(3)[LEVELS.astype(int)] / 2
THREE /= THREE.sum(axis=1, keepdims=True)
NUMBERS = RNG.normal(size=500)
GUESSES = NUMBERS + RNG.normal(size=500) / 2


def test_scores_are_those_of_scikit_learn() -> None:
    binary, three, number = (
        scored(*pair) for pair in ((BINARY, TWO), (LEVELS, THREE), (NUMBERS, GUESSES))
    )
    assert binary and three and number
    assert binary.value == pytest.approx(roc_auc_score(BINARY, SCORES))
    assert three.value == pytest.approx(roc_auc_score(LEVELS, THREE, multi_class="ovr"))
    assert number.value == pytest.approx(r2_score(NUMBERS, GUESSES))
    assert error(LEVELS, THREE)[1] == pytest.approx(log_loss(LEVELS, THREE))
    assert (binary.chance, number.chance) == (0.5, 0.0)


def test_rows_without_truth_do_not_count() -> None:
    gaps = np.append(BINARY, [np.nan, np.nan])
    with_gaps = scored(gaps, np.vstack([TWO, [[0.5, 0.5]] * 2]))
    without = scored(BINARY, TWO)
    assert with_gaps and without and with_gaps.value == without.value
    assert with_gaps.interval == pytest.approx(without.interval, abs=1e-3)
    assert scored(np.zeros(9), TWO[:9]) is None
    assert scored(np.full(9, np.nan), GUESSES[:9]) is None
    assert error(np.full(9, np.nan), GUESSES[:9]) == (None, None)


@pytest.mark.parametrize(
    ("truth", "predictions"), [(BINARY, TWO), (LEVELS, THREE), (NUMBERS, GUESSES)]
)
def test_intervals_are_those_of_resamples(truth: np.ndarray, predictions: np.ndarray) -> None:
    worse = np.roll(predictions, 1, axis=0) * 0.5 + predictions * 0.5
    score, other = scored(truth, predictions), scored(truth, worse)
    assert score and other
    rng = np.random.default_rng(2)
    values, gaps = [], []
    for _ in range(150):
        index = rng.integers(500, size=500)
        resampled = [scored(truth[index], p[index]) for p in (predictions, worse)]
        assert resampled[0] and resampled[1]
        values.append(resampled[0].value)
        gaps.append(resampled[0].value - resampled[1].value)
    low, high = score.interval
    assert high - low == pytest.approx(2 * 1.96 * np.std(values), rel=0.25)
    gap, least, most = difference(score, other)
    assert least < gap < most and gap == score.value - other.value
    assert most - least == pytest.approx(2 * 1.96 * np.std(gaps), rel=0.25)


def test_the_interval_of_an_area_is_that_of_delong() -> None:
    score = scored(BINARY, TWO)
    assert score
    assert (score.value, *score.interval) == pytest.approx(auc_interval(SCORES, BINARY), abs=2e-3)


def test_the_curve_has_the_area() -> None:
    for scores in (SCORES, SCORES > 0.5, np.zeros(500)):
        false, true = roc(BINARY, scores)
        assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
        area = roc_auc_score(BINARY, scores)
        under = np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2)
        assert under == pytest.approx(area, abs=0.01)


def test_models_are_ranked() -> None:
    real = [0.9, 0.8, 0.7, 0.6]
    assert rank_agreement(real, [4.0, 3.0, 2.0, 1.0]) == pytest.approx(1)
    assert rank_agreement(real, real[::-1]) == pytest.approx(-1)
    assert rank_agreement(real, [1.0] * 4) is None and rank_agreement(real[:2], real[:2]) is None
    assert place_of_best(real, [0.1, 0.2, 0.9, 0.3]) == 3
