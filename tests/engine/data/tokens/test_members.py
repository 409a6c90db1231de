"""Codes behind a choice are drawn by their shares, and only allowed ones."""

import numpy as np
import pytest
from untrained import assert_shares

from h2o_gan.engine.data.tokens.members import UNSEEN, Members, masses

# Choice 0 is code 1; choice 1 is codes 0, 3 and 4; codes 2 and 5 have no choice.
CHOICES = np.array([1, 0, UNSEEN, 1, 1, UNSEEN])
SHARES = np.array([0.1, 0.3, 0.02, 0.2, 0.3, 0.08])
ROWS = 20_000
UNIFORMS = np.random.default_rng(0).random(ROWS)


def members():
    return Members(CHOICES, SHARES)


def draw(choice, *allowed):
    mask = np.isin(np.arange(6), allowed) if allowed else None
    return members().draw(np.full(ROWS, choice), UNIFORMS, mask)


def test_masses_of_choices():
    assert masses(CHOICES, SHARES).tolist() == pytest.approx([0.3, 0.6])


def test_codes_of_a_choice_are_drawn_by_their_shares():
    # Codes without a choice are drawn at their shares, whatever the choice.
    inside = np.array([0.1, 0, 0, 0.2, 0.3, 0]) / 0.6 * 0.9
    assert_shares(draw(1), inside + np.array([0, 0, 0.02, 0, 0, 0.08]))
    assert_shares(draw(0), np.array([0, 0.9, 0.02, 0, 0, 0.08]))


def test_only_allowed_codes_are_drawn():
    assert_shares(draw(1, 0, 3, 5), np.array([1 / 3, 0, 0, 2 / 3, 0, 0]))
    assert set(draw(1, 4, 2)) == {4}


def test_codes_without_a_choice_are_drawn_where_nothing_else_is_allowed():
    assert_shares(draw(0, 2, 5), np.array([0, 0, 0.5, 0, 0, 0.5]))
    assert members().allowed_shares(np.isin(np.arange(6), [2])).tolist() == [1, 1]


def test_allowed_shares():
    def shares(*codes):
        return members().allowed_shares(np.isin(np.arange(6), codes)).tolist()

    assert shares(*range(6)) == pytest.approx([1, 1])
    assert shares(0, 1) == pytest.approx([1, 1 / 6])
    assert shares(3, 4) == pytest.approx([0, 5 / 6])
    assert shares(1, 2) == pytest.approx([1, 0])
    assert shares() == [0, 0]


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-53])
def test_rounding_never_leads_to_another_choice(uniform):
    shares = np.full(7, 1 / 7)
    choices = np.array([0, 0, 0, 1, 1, 2, 2])
    drawn = Members(choices, shares).draw(np.arange(3), np.full(3, uniform), None)
    assert choices[drawn].tolist() == [0, 1, 2]
