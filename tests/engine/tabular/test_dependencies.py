"""Choices that are functions of another one."""

import numpy as np
import pytest

from h2o_gan.engine.tabular.dependencies import find_dependencies

ROWS = 2_000
RNG = np.random.default_rng(0)
CITY = RNG.integers(0, 6, ROWS)
COUNTRY = np.array([0, 0, 1, 1, 1, 2])
CONTINENT = np.array([0, 0, 1])


def found(*choices):
    sizes = [int(choice.max()) + 1 for choice in choices]
    return {
        d.token: (d.source, d.table.tolist())
        for d in find_dependencies(dict(enumerate(choices)), sizes)
    }


def test_a_function_is_found_with_its_table():
    assert found(CITY, COUNTRY[CITY]) == {1: (0, COUNTRY.tolist())}
    assert found(COUNTRY[CITY], CITY) == {0: (1, COUNTRY.tolist())}


def test_of_a_chain_all_follow_from_its_root():
    continent = CONTINENT[COUNTRY]
    assert found(continent[CITY], COUNTRY[CITY], CITY) == {
        0: (2, continent.tolist()),
        1: (2, COUNTRY.tolist()),
    }


def test_of_two_names_of_one_thing_the_later_follows():
    renamed = np.array([3, 5, 1, 0, 2, 4])
    assert found(CITY, renamed[CITY]) == {1: (0, renamed.tolist())}


def test_independent_choices_follow_from_nothing():
    assert found(CITY, RNG.integers(0, 3, ROWS)) == {}
    assert found() == {}


@pytest.mark.parametrize("row", [0, 499, 500, ROWS - 1])
def test_one_row_refutes_a_function(row):
    country = COUNTRY[CITY]
    country[row] = (country[row] + 1) % 3
    assert found(CITY, country) == {}


def test_chance_is_no_function():
    """Every row has a choice that no other row has: all are functions of it by chance."""
    name = np.arange(30)
    assert found(name, RNG.integers(0, 2, 30)) == {}
    few = CITY[:20]
    assert found(few, COUNTRY[few]) == {}
    rare = np.zeros(ROWS, np.int64)
    rare[:3] = 1
    assert found(np.where(rare == 1, 1, 0) + 2 * (RNG.random(ROWS) < 0.5), rare) == {}


def test_rows_that_say_nothing_do_not_count():
    city, country = CITY.copy(), COUNTRY[CITY]
    city[:50] = -1
    country[40:90] = -1
    assert found(city, country) == {1: (0, COUNTRY.tolist())}
    country[:40] = (country[:40] + 1) % 3  # where the city is unknown, anything goes
    assert found(city, country) == {1: (0, COUNTRY.tolist())}


def test_a_function_is_looked_for_among_many_columns():
    noise = [RNG.integers(0, 4, ROWS) for _ in range(10)]
    assert found(*noise, CITY, COUNTRY[CITY]) == {11: (10, COUNTRY.tolist())}
