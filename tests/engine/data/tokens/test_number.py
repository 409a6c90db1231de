"""Numbers with many values: spikes and missing values are choices, the rest are ranks."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from untrained import chunked

from h2o_gan.engine.data.codecs.numeric import NumericCodec
from h2o_gan.engine.data.protocol import Constraint, FitOptions
from h2o_gan.engine.data.tokens.number import NumberTokens
from h2o_gan.engine.data.tokens.rules import RULES
from h2o_gan.engine.exceptions import Damaged

ROWS = 3_000


def tokens_of(values, mask=None, treat_as="auto"):
    array = pa.array(values, mask=mask)
    codec = NumericCodec.fit({"x": chunked(array)}, FitOptions(treat_as=treat_as))
    tokens = codec.tokens(0, len(values), RULES)
    assert isinstance(tokens, NumberTokens)
    return codec, tokens


def spiked():
    """A third is 0, a fifth is missing, the rest has two decimals between 1 and 9."""
    rng = np.random.default_rng(0)
    values = np.round(rng.uniform(1, 9, ROWS), 2)
    values[rng.random(ROWS) < 1 / 3] = 0.0
    return tokens_of(values, rng.random(ROWS) < 0.2)


def smooth():
    return tokens_of(np.round(np.random.default_rng(1).normal(50, 10, ROWS), 3))


def score(rank):
    return float(torch.special.ndtri(torch.tensor(rank, dtype=torch.float64)))


def numbers(tokens, ranks, constraint=None):
    """Values of the rest at these ranks."""
    scores = [score(rank) for rank in ranks]
    last = tokens.tokens[0].size - 1
    rows = [[last, s] for s in scores] if len(tokens.tokens) == 2 else [[s] for s in scores]
    (array,) = tokens.decode(np.array(rows), np.zeros(len(rows)), constraint)
    return array.to_pylist()


def test_spikes_missing_and_the_rest_are_choices():
    codec, tokens = spiked()
    kinds, number = tokens.tokens
    assert kinds.size == 3 and number.is_number
    assert kinds.shares.sum() == pytest.approx(1)
    assert kinds.shares[0] == pytest.approx(codec.shares[0])  # 0.0
    assert kinds.shares[1] == pytest.approx(codec.missing_share)
    (array,) = tokens.decode(np.array([[0, 0.3], [1, 0.3], [2, 0.0]]), np.zeros(3))
    zero, missing, middle = array.to_pylist()
    assert zero == 0.0 and missing is None and 4.5 < middle < 5.5


def test_a_column_without_spikes_or_gaps_is_one_number():
    _, tokens = smooth()
    (number,) = tokens.tokens
    assert number.is_number and number.shares.shape == (0,)


def test_a_single_value_is_a_spike_from_twenty_rows_on():
    rng = np.random.default_rng(0)
    for copies, choices in ((20, 1), (21, 2)):  # of 1000 rows
        values = np.append(np.full(copies, 0.5), rng.uniform(1, 9, 1_000 - copies))
        assert len(tokens_of(values)[1].tokens) == choices


def test_infinities_are_spikes_and_stay_infinite():
    values = np.random.default_rng(0).normal(size=ROWS)
    values[:40], values[40:60] = np.inf, -np.inf
    _, tokens = tokens_of(values)
    assert tokens.tokens[0].size == 3
    (array,) = tokens.decode(np.array([[0.0, 0.0], [1.0, 0.0]]), np.zeros(2))
    assert array.to_pylist() == [-np.inf, np.inf]


def test_only_infinities_are_no_numbers():
    codec = NumericCodec.fit({"x": chunked([np.inf, -np.inf] * 50)}, FitOptions())
    with pytest.raises(ValueError, match="'x' has no finite number: leave it out"):
        NumberTokens.fit(0, codec, 100, RULES)


def test_numbers_that_are_all_spikes_are_ranks_where_asked():
    codec, tokens = tokens_of(np.repeat([1, 2, 7], 100), treat_as="numeric")
    assert len(tokens.tokens) == 1
    assert numbers(tokens, [0.1, 0.5, 0.9]) == [1, 2, 7]
    assert codec.width == 3


def test_ranges_hold_at_least_five_rows():
    _, tokens = smooth()
    ranges = tokens.arrays()
    assert np.diff(ranges["knots_cumulative"]).min() * ROWS >= 5 - 1e-6
    assert ranges["knots_cumulative"][[0, -1]].tolist() == [0, 1]
    assert np.array_equal(ranges["knots_low"][1:], ranges["knots_high"][:-1])


def test_ranks_follow_the_values():
    _, tokens = smooth()
    values = np.sort(np.random.default_rng(1).normal(50, 10, ROWS).round(3))
    ranks = np.linspace(0.01, 0.99, 50)
    found = np.array(numbers(tokens, ranks))
    assert (np.diff(found) >= 0).all() and np.array_equal(found, found.round(3))
    assert np.abs(found - np.quantile(values, ranks)).max() < 0.6
    assert found.min() >= values[0] and found.max() <= values[-1]
    extremes = numbers(tokens, [0.0, 1.0])
    assert extremes == [pytest.approx(values[0]), pytest.approx(values[-1])]


def test_tables_lead_from_codes_to_ranks():
    codec, tokens = spiked()
    kinds, ranks = tokens.tables()
    assert kinds.start[0] == 0 and kinds.start[-1] == 1 and (kinds.start[1:-1] == 2).all()
    assert ranks.active.tolist() == [False, *[True] * (codec.width - 2), False]
    ends = ranks.start[1:-1] + ranks.length[1:-1]
    assert ranks.start[1] == 0 and ends[-1] == pytest.approx(1)
    assert ends[:-1] == pytest.approx(ranks.start[2:-1])  # without gaps


def test_bounds_keep_numbers_in_the_range():
    _, tokens = spiked()
    constraint = tokens.constraint("x", (2, 3.5))
    assert constraint.ranges == {"x": (2.0, 3.5)} and not constraint.missing
    kinds, bounds = tokens.masks(constraint)
    assert kinds.tolist() == [0, 0, 1] and bounds[0] < bounds[1]
    low, high = (float(torch.special.ndtr(torch.tensor(b))) for b in bounds)
    inside = numbers(tokens, np.linspace(low - 1e-3, high + 1e-3, 30), constraint)
    assert min(inside) == 2.0 and max(inside) == 3.5
    wide, _ = tokens.masks(tokens.constraint("x", (0, 1.5)))
    assert wide.tolist() == [1, 0, 1]


def test_a_range_without_numbers_allows_spikes_alone():
    _, tokens = spiked()
    kinds, bounds = tokens.masks(tokens.constraint("x", (-1, 0.5)))
    assert kinds.tolist() == [1, 0, 0] and bounds[0] > bounds[1]


def test_present_allows_all_but_missing():
    _, tokens = spiked()
    assert [None if m is None else m.tolist() for m in tokens.masks(tokens.present())] == [
        [1, 0, 1],
        None,
    ]
    _, tokens = smooth()
    assert tokens.masks(tokens.present()) == [None]
    assert tokens.masks(Constraint()) == [None]


def test_one_value_is_a_given_cell():
    codec, tokens = spiked()
    constraint = tokens.constraint("x", 3.14)
    assert constraint.cells["x"].to_pylist() == [3.14] and constraint.codes is None
    assert codec.quantiles.low[constraint.code] <= 3.14
    missing = tokens.constraint("x", None)
    assert missing.code == codec.width - 1 and missing.cells["x"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1.0, 2.0], "'x' has too many values for a list"),
        ((10, 20), "'x' has no value"),
        ((3.001, 3.004), "'x' has no value"),  # between two values of two decimals
        (-0.01, "it has values from 0 to 9"),
    ],
)
def test_impossible_conditions_are_named(value, message):
    with pytest.raises(ValueError, match=message):
        spiked()[1].constraint("x", value)


def test_times_are_ranks_too():
    days = np.random.default_rng(0).integers(0, 2_000, 1_000) * 86_400_000
    _, tokens = tokens_of(pa.array(days, pa.timestamp("ms", tz="UTC")))
    constraint = tokens.constraint("x", ("1971-01-01", "1971-02-01"))
    low, high = tokens.masks(constraint)[0]
    ranks = torch.special.ndtr(torch.linspace(low, high, 20, dtype=torch.float64))
    found = numbers(tokens, ranks.tolist(), constraint)
    assert {str(v.time()) for v in found} == {"00:00:00"}
    assert all("1971-01-01" <= str(v.date()) <= "1971-02-01" for v in found)


@pytest.mark.parametrize("case", [spiked, smooth])
def test_state_round_trip(case):
    codec, tokens = case()
    again = codec.restore_tokens(0, tokens.to_json(), tokens.arrays())
    assert again.tokens == tokens.tokens
    ranks = np.linspace(0.001, 0.999, 99)
    assert numbers(again, ranks) == numbers(tokens, ranks)
    masks = [t.masks(t.constraint("x", (2, 60))) for t in (again, tokens)]
    for a, b in zip(*masks, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("spikes", lambda a: a.astype(np.int64)),
        ("spikes", lambda a: a + 10_000),
        ("spikes", lambda a: np.append(a, a)),
        ("start", lambda a: a[1:]),
        ("start", lambda a: a + 1),
        ("length", lambda a: a * np.float32("nan")),
        ("kind_shares", lambda a: a[1:]),
        ("kind_shares", lambda a: a * 2),
        ("knots_low", lambda a: a[::-1].copy()),
        ("knots_cumulative", lambda a: a[1:]),
    ],
)
def test_damaged_arrays_are_found(name, change):
    codec, tokens = spiked()
    arrays = tokens.arrays()
    with pytest.raises(Damaged, match="column 'x'"):
        codec.restore_tokens(0, tokens.to_json(), {**arrays, name: change(arrays[name])})


@pytest.mark.parametrize("floor", [None, 0.0, 1, 0.6, float("nan"), "0.1"])
def test_damaged_floors_are_found(floor):
    codec, tokens = spiked()
    with pytest.raises(Damaged, match="its ranks do not match|rank_floor is"):
        codec.restore_tokens(0, {"kind": "number", "rank_floor": floor}, tokens.arrays())
