"""Combinations of choices that the generator sees as one."""

import numpy as np
import pytest

from h2o_gan.engine.data.protocol import Token
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.tabular.crosses import Cross, find_crosses

ROWS = 6_000


def choice(column, size):
    return Token(column, size, np.full(size, 1 / size))


def grid(seed=0):
    """Year, month, day and hour, a colour; and the tokens, two numbers at the end."""
    rng = np.random.default_rng(seed)
    sizes = (3, 4, 15, 24, 5)
    rows = np.stack([rng.integers(0, size, ROWS) for size in sizes], 1)
    tokens = [choice(n, size) for n, size in enumerate(sizes)]
    return rng, rows, [*tokens, Token(5, 0, np.zeros(0)), Token(6, 0, np.zeros(0))]


def found_in(rows, numbers, tokens):
    values = np.concatenate([rows, np.stack(numbers, 1)], 1)
    return find_crosses(values, np.ones(values.shape, bool), tokens)


def test_a_number_that_depends_on_three_choices_together_is_found():
    rng, rows, tokens = grid()
    tokens[0], tokens[1] = choice(0, 4), choice(1, 4)
    effect = rng.normal(size=(4, 4, 15))
    weather = effect[rows[:, 0], rows[:, 1], rows[:, 2]] + 0.3 * rng.normal(size=ROWS)
    assert found_in(rows, [weather, rng.normal(size=ROWS)], tokens) == [(0, 1, 2)]


@pytest.mark.parametrize("seed", range(3))
def test_chance_and_main_effects_are_no_cross(seed):
    rng, rows, tokens = grid(seed)
    sum_of_effects = rng.normal(size=15)[rows[:, 2]] + rng.normal(size=24)[rows[:, 3]]
    assert found_in(rows, [sum_of_effects, rng.normal(size=ROWS)], tokens) == []
    assert found_in(rows[:150], [sum_of_effects[:150], rng.normal(size=150)], tokens) == []


def test_choices_of_columns_with_a_number_are_no_part_of_a_cross():
    rng, rows, tokens = grid()
    effect = rng.normal(size=(15, 24))[rows[:, 2], rows[:, 3]]
    assert found_in(rows, [effect, effect], tokens) == [(2, 3)]
    tokens[5] = Token(3, 0, np.zeros(0))  # hour and the first number are of one column
    assert found_in(rows, [effect, effect], tokens) == []


def test_combinations_of_few_rows_have_no_cell():
    first = np.repeat([0, 1, 1, 0, 2], [5, 4, 9, 1, 6])
    second = np.repeat([1, 0, 1, 0, 1], [5, 4, 9, 1, 6])
    second[-1] = -1  # a row without the second choice
    cross = Cross.fit((3, 5), [first, second], (3, 2))
    assert cross.cells.tolist() == [[0, 1], [0, 2], [0, 3]]
    assert cross.count == 3


def test_state_round_trip_and_damage():
    tokens = [choice(0, 3), choice(1, 2), Token(2, 0, np.zeros(0))]
    cross = Cross((0, 1), np.array([[0, 1], [2, 0], [0, 3]]))
    data = cross.to_json()
    again = Cross.restore(data, tokens)
    assert again.tokens == (0, 1) and np.array_equal(again.cells, cross.cells)
    for change in (
        {"tokens": [0, 2]},
        {"tokens": [0, 7]},
        {"tokens": [0, 0]},
        {"tokens": [], "cells": [0]},
        {"cells": [0, 1]},
        {"cells": [0, 1, 2, 0, 0, 7]},
    ):
        with pytest.raises(Damaged):
            Cross.restore({**data, **change}, tokens)
