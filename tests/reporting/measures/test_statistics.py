"""Intervals and areas."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from h2o_gan.reporting.measures.statistics import auc, auc_interval, bootstrap, share_interval


def test_the_area_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    labels = rng.random(500) < 0.3
    scores = np.round(rng.normal(size=500) + labels, 1)  # with ties
    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    area, low, high = auc_interval(scores, labels)
    assert area == pytest.approx(roc_auc_score(labels, scores))
    assert low < area < high


def test_intervals_hold_the_truth_at_their_rate():
    rng = np.random.default_rng(0)
    hits, shares = [], []
    for _ in range(300):
        scores = np.concatenate([rng.normal(1, 1, 60), rng.normal(0, 1, 60)])
        _, low, high = auc_interval(scores, np.repeat([1, 0], 60))
        hits.append(low <= 0.7602 <= high)  # the normal distribution at 1 / sqrt(2)
        low, high = share_interval(rng.binomial(80, 0.1), 80)
        shares.append(low <= 0.1 <= high)
    assert 0.9 <= np.mean(hits) <= 0.99
    assert 0.9 <= np.mean(shares) <= 0.99


def test_one_class_alone_has_an_area_of_chance():
    assert auc([1, 2], [1, 1]) == 0.5
    assert auc_interval([1.0, 2.0], [1, 0]) == (0.0, 0.0, 1.0)
    assert share_interval(0, 0) == (0.0, 1.0)


def test_the_bootstrap_of_a_mean():
    values = np.random.default_rng(0).normal(size=400)
    low, high = bootstrap(lambda index: values[index].mean(), 400, np.random.default_rng(1))
    assert high - low == pytest.approx(2 * 1.96 / 20, rel=0.2)
