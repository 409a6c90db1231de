"""Rare values are grouped: a choice or a range never stands for fewer than five rows."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from h2o_gan.engine.data.tokens.members import UNSEEN
from h2o_gan.engine.data.tokens.rules import (
    FORMAT_2_RULES,
    RULES,
    merged_starts,
    pooled_choices,
)

COUNTS = st.lists(st.integers(1, 30), min_size=1, max_size=60)


def test_rules_of_old_files_never_change():
    assert dataclasses.asdict(FORMAT_2_RULES) == {
        "min_rows": 5,
        "max_choices": 256,
        "max_distinct": 128,
        "min_rows_per_choice": 10,
        "min_pooled_rows": 100,
        "spike_share": 0.005,
        "spike_rows": 20,
    }
    assert RULES.min_rows == 5


def pooled(*counts):
    counts = np.array(counts, np.float64)
    return pooled_choices(counts / counts.sum(), int(counts.sum()), RULES).tolist()


def test_frequent_levels_have_a_choice_each():
    assert pooled(5, 700, 95) == [0, 1, 2]


def test_rare_levels_share_one_choice_if_they_are_many():
    assert pooled(900, *[4] * 25, 500) == [0, *[2] * 25, 1]


def test_too_few_rare_levels_have_no_choice():
    assert pooled(900, *[4] * 24, 500) == [0, *[UNSEEN] * 24, 1]


def test_levels_that_are_all_rare_are_one_choice():
    assert pooled(1, 4, 2) == [0, 0, 0]


@given(COUNTS)
@settings(deadline=None)
def test_no_choice_stands_for_fewer_than_five_rows(counts):
    choices = np.array(pooled(*counts))
    rows = np.bincount(choices[choices >= 0], np.array(counts)[choices >= 0])
    assert choices.max() >= 0 and len(rows) == choices.max() + 1
    assert (rows >= min(5, sum(counts))).all()
    frequent = np.flatnonzero(np.array(counts) >= 5)
    assert len(set(choices[frequent])) == len(frequent)  # none is merged with another


@pytest.mark.parametrize(
    ("counts", "starts"),
    [
        ([5, 5, 5], [0, 1, 2]),
        ([1, 1, 1, 1, 1, 9], [0, 5]),
        ([9, 1, 1], [0]),
        ([9, 4, 1, 3], [0, 1]),
        ([1, 2], [0]),
    ],
)
def test_neighbours_are_merged(counts, starts):
    assert merged_starts(np.array(counts), RULES).tolist() == starts


@given(COUNTS)
@settings(deadline=None)
def test_no_range_holds_fewer_than_five_rows(counts):
    starts = merged_starts(np.array(counts), RULES)
    assert starts[0] == 0 and (np.diff(starts) > 0).all()
    assert np.add.reduceat(counts, starts).min() >= min(5, sum(counts))
