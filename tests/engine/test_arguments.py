"""Arguments of a model's methods."""

import numpy as np
import pyarrow as pa
import pytest

from h2o_gan.engine.arguments import check_rows_and_seed, check_table_and_seed, seeds_of


def test_seeds_of_several_frames_differ_and_begin_with_the_seed():
    seeds = seeds_of(5, 4)
    assert seeds[0] == 5 and len({*seeds}) == 4 and seeds == seeds_of(5, 4)
    assert all(0 <= seed < 2**62 for seed in seeds)
    assert seeds_of(None, 2) == [None, None]


@pytest.mark.parametrize(
    ("rows", "seed", "error", "message"),
    [
        (0, 1, ValueError, "n must be at least 1, not 0"),
        (True, 1, TypeError, "n must be a whole number, not True"),
        (2.0, 1, TypeError, "n must be a whole number, not 2.0"),
        (1, -1, ValueError, "seed must be at least 0, not -1"),
        (1, "1", TypeError, "seed must be a whole number, not '1'"),
    ],
)
def test_numbers_of_rows_and_seeds_are_named(rows, seed, error, message):
    with pytest.raises(error, match=message):
        check_rows_and_seed(rows, seed)


def test_numbers_that_fit_pass():
    check_rows_and_seed(np.int64(1), None)
    check_table_and_seed(pa.table({"a": [1]}), 0)


def test_a_table_without_rows_is_named_so():
    empty = pa.table({"a": pa.array([], pa.float64())})
    with pytest.raises(ValueError, match="the frame has no rows"):
        check_table_and_seed(empty, 1)
    with pytest.raises(ValueError, match="seed must be at least 0"):
        check_table_and_seed(pa.table({"a": [1]}), -1)
