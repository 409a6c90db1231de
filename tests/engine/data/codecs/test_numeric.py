"""Numbers and times: values to bins and back."""

import datetime as dt
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from untrained import chunked

from h2o_gan.engine.data.codecs.numeric import MAX_BINS, NumericCodec
from h2o_gan.engine.data.numbers import decimals_of, numbers_of
from h2o_gan.engine.data.protocol import UNKNOWN, FitOptions
from h2o_gan.engine.data.schema import TIME, Column
from h2o_gan.engine.data.tokens.categorical import CategoricalTokens
from h2o_gan.engine.data.tokens.number import NumberTokens
from h2o_gan.engine.data.tokens.rules import RULES
from h2o_gan.engine.exceptions import Damaged

DAY = 86_400_000


def fit(values, type_=None, weights=None, treat_as="auto"):
    options = FitOptions(weights, treat_as=treat_as)
    return NumericCodec.fit({"x": chunked(values, type_)}, options)


def codes_of(codec, values, type_=None):
    return codec.encode([chunked(values, type_)])


def decoded(codec, ranks):
    (array,) = codec.decode_output(np.asarray(ranks))
    return array


def middles(codec, codes):
    """Ranks in the middle of each code's bin; NaN for missing."""
    cumulative = codec.quantiles.cumulative
    middle = (cumulative[:-1] + cumulative[1:]) / 2
    return np.append(middle, np.nan)[codes]


def lists_of(values):
    lists = st.lists(st.one_of(st.none(), values), min_size=2, max_size=60)
    return lists.filter(lambda found: len(set(found)) > 1 and any(v is not None for v in found))


INTS = lists_of(st.integers(-(2**63) + 1, 2**63 - 1))
REALS = lists_of(st.floats(allow_nan=False).map(lambda v: v + 0.0))


@given(st.one_of(st.tuples(INTS, st.just(pa.int64())), st.tuples(REALS, st.just(pa.float64()))))
@settings(deadline=None, max_examples=200)
def test_every_number_comes_back_exactly(case):
    """Infinities and the widest integers too, by codes and by ranks."""
    values, type_ = case
    codec = fit(values, type_)
    codes = codes_of(codec, values, type_)
    assert codes.dtype == np.int32 and codes.max() < codec.width
    assert decoded(codec, middles(codec, codes)).to_pylist() == values
    (array,) = codec.decode(codes, np.zeros(len(codes)))
    assert array.to_pylist() == values
    assert codec.shares == pytest.approx(np.bincount(codes, minlength=codec.width) / len(values))


def test_nan_is_missing():
    codec = fit([1.0, math.nan, 2.0, None])
    assert codec.missing_share == 0.5 and codec.has_missing
    assert decoded(codec, [math.nan]).to_pylist() == [None]
    assert codes_of(codec, [math.nan, None, 2.0]).tolist() == [2, 2, 1]


def test_values_that_training_never_saw():
    codec = fit([1.0, 2.0, 3.0])
    assert codes_of(codec, [2.0, None, 99.0, -5.0, 2.5]).tolist() == [1, UNKNOWN, 2, 0, 1]


def test_many_values_keep_range_and_decimals():
    values = np.round(np.random.default_rng(0).lognormal(3, 1, 20_000), 2)
    codec = fit(values)
    assert MAX_BINS * 0.9 < len(codec.quantiles) < MAX_BINS * 2
    out = decoded(codec, np.random.default_rng(1).random(20_000)).to_numpy()
    assert out.min() >= values.min() and out.max() <= values.max()
    assert np.array_equal(np.round(out, 2), out)
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert np.quantile(out, share) == pytest.approx(np.quantile(values, share), rel=0.05)


def test_a_spike_keeps_its_share_among_many_values():
    rng = np.random.default_rng(0)
    values = np.where(rng.random(20_000) < 0.6, 0.0, rng.lognormal(0, 1, 20_000))
    out = decoded(fit(values), rng.random(20_000)).to_numpy()
    assert np.mean(out == 0) == pytest.approx(0.6, abs=0.02)


def test_dates_stay_at_midnight():
    days = np.random.default_rng(0).integers(-20_000, 20_000, 5_000)
    codec = fit(pa.array(days * DAY).cast(TIME))
    assert codec.quantiles.step == DAY
    out = decoded(codec, np.linspace(0, 1, 999)).cast(pa.int64()).to_numpy()
    assert np.all(out % DAY == 0)
    assert decoded(codec, [0.0])[0].as_py() == dt.datetime.fromtimestamp(
        int(days.min()) * 86_400, dt.timezone.utc
    )


def test_widest_ints_stay_within_int64():
    values = np.linspace(-(2**63) + 1024, 2**63 - 1025, 5_000).astype(np.int64)
    out = decoded(fit(values), np.linspace(0, 1, 999)).to_numpy()
    assert np.all(np.diff(out.astype(float)) >= 0)


def test_values_of_zero_weight_are_not_learned():
    codec = fit([1.0, 50.0, 2.0, None], weights=np.array([1.0, 0.0, 3.0, 0.0]))
    assert codec.quantiles.high.max() == 2.0 and codec.missing_share == 0
    assert codec.shares.tolist() == [0.25, 0.75]
    assert fit([1, 2, None], weights=np.array([1.0, 1.0, 2.0])).missing_share == 0.5


def test_other_kinds_are_not_taken():
    assert fit(["a", "b"]) is None and fit([True, False]) is None


@pytest.mark.parametrize(
    ("values", "decimals"),
    [([1.0, 2.0], 0), ([0.1, 0.25], 2), ([1 / 3], None), ([math.inf, 1e300], 0), ([1e-8], 8)],
)
def test_decimals(values, decimals):
    assert decimals_of(np.array(values)) == decimals


def test_numbers_of_columns():
    numbers, missing = numbers_of(chunked([1.5, None, math.nan]), "real")
    assert numbers.tolist() == [1.5, 0, 0] and missing.tolist() == [False, True, True]
    numbers, missing = numbers_of(chunked([dt.date(1970, 1, 2), None]), "time")
    assert numbers.tolist() == [DAY, 0] and missing.tolist() == [False, True]


@pytest.mark.parametrize(
    ("values", "treat_as", "kind"),
    [
        (np.repeat([1, 2, 3], 20), "auto", CategoricalTokens),
        (np.repeat([1, 2, 3], 20), "numeric", NumberTokens),
        (np.arange(60), "auto", NumberTokens),  # too few rows for each value
        (np.arange(2_000), "auto", NumberTokens),  # quantile bins
        (np.repeat(np.arange(300), 20), "auto", NumberTokens),  # too many values
        (np.repeat(np.arange(60), 2), "categorical", CategoricalTokens),
    ],
)
def test_kinds_of_tokens(values, treat_as, kind):
    codec = fit(values, treat_as=treat_as)
    assert type(codec.tokens(0, len(values), RULES)) is kind


def test_few_values_are_choices_and_rare_neighbours_share_one():
    values = np.repeat([1, 2, 3, 4, 5], [100, 1, 1, 1, 100])
    codec = fit(pa.array(values))
    tokens = codec.tokens(0, 203, RULES)
    assert tokens.choices.tolist() == [0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        (2, [0, 1, 0, 0]),
        ((2, None), [0, 1, 1, 0]),
        ((None, 2.5), [1, 1, 0, 0]),
        ([1, 5], [1, 0, 1, 0]),
        ([1, None], [1, 0, 0, 1]),
        (None, [0, 0, 0, 1]),
        ((0, 10**30), [1, 1, 1, 0]),
    ],
)
def test_conditions_allow_codes(value, allowed):
    assert fit([1, 2, 5, None]).constraint("x", value).codes.tolist() == allowed


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "'x' has no value 3; it has values from 1 to 5"),
        ([3, 4], r"'x' has no value \[3, 4\]"),
        ((6, None), r"'x' has no value \(6, None\)"),
        (None, "'x' has no missing values"),
        ([1, None], "'x' has no missing values"),
        (10**30, "'x' has no value 1000"),
        (10**400, "'x' has no value 1000"),
    ],
)
def test_impossible_conditions_are_named(value, message):
    with pytest.raises(ValueError, match=message):
        fit([1, 2, 5]).constraint("x", value)


@pytest.mark.parametrize(
    ("value", "interval"),
    [
        (0.25, (0.25, 0.25)),
        ((0.1, 0.3), (0.1, 0.3)),
        ((0.101, 0.299), (0.11, 0.29)),
        ((None, 0.3), (-math.inf, 0.3)),
        (0.254, (0.26, 0.26)),
    ],
)
def test_intervals_have_the_column_resolution(value, interval):
    assert fit([0.1, 0.25, 0.3]).interval(value) == interval


def test_intervals_of_wide_integers_are_exact():
    codec = fit([0, 2**62 + 1, 2**62 + 9])
    assert codec.interval(2**62 + 1) == (2**62 + 1, 2**62 + 1)
    assert codec.interval((2**62 + 1, 10**30))[0] == 2**62 + 1
    with pytest.raises(ValueError, match="has no value"):
        codec.interval(10**400)


def test_missing_has_no_interval():
    assert fit([1.5, 2.5, None]).interval(None) is None
    with pytest.raises(ValueError, match="no missing values"):
        fit([1.5, 2.5]).interval(None)


@pytest.mark.parametrize(
    ("codec", "treated_as", "values"),
    [
        (fit([1, 2, None, 5]), "numeric", "1 to 5"),
        (fit([0.25, None, 1, 2]), "numeric", "0.25 to 2.0, 2 decimals"),
        (fit([1, 2, None, 5], treat_as="categorical"), "categorical", "3 values"),
        (fit([0, DAY, None, DAY], TIME), "time", "1970-01-01 to 1970-01-02"),
        (fit([0, 1_000, None, 0], TIME), "time", "1970-01-01T00:00:00 to 1970-01-01T00:00:01"),
    ],
)
def test_description(codec, treated_as, values):
    (row,) = codec.describe()
    assert (row["treated_as"], row["values"], row["missing"]) == (treated_as, values, 0.25)


@pytest.mark.parametrize(
    ("data", "arrays"),
    [
        ({"column": Column("x", "enum", ("a",)).to_json()}, {}),
        ({"missing_share": 1}, {}),
        ({}, {"low": np.array([2.0, 1.0])}),
        ({}, {"cumulative": np.array([0.0, 1.0])}),
        ({}, {"low": np.array([1, 2])}),
    ],
)
def test_damaged_states_are_found(data, arrays):
    codec = fit([1.5, 2.5, None])
    with pytest.raises(Damaged, match="column 'x'"):
        NumericCodec.restore({**codec.to_json(), **data}, {**codec.arrays(), **arrays})


@pytest.mark.parametrize(
    "change",
    [
        {"missing_share": 2},
        {"step": 0},
        {"step": 1.5},
        {"decimals": 9},
        {"decimals": -1},
        {"treat": "other"},
    ],
)
def test_hostile_json_is_found(change):
    with pytest.raises(Damaged, match="^it: "):
        NumericCodec.json_check({**fit([1.5, 2.5]).to_json(), **change}, "it")


def test_files_that_do_not_say_how_to_treat_the_column():
    codec = fit([1.5, 2.5])
    data = codec.to_json()
    del data["treat"]
    NumericCodec.json_check(data, "it")
    assert NumericCodec.restore(data, codec.arrays()).treat_as == "auto"


def test_missing_values_that_are_unknown_have_no_code():
    values = pa.array([1.5, None, 2.5, math.nan])
    codec = NumericCodec.fit({"x": chunked(values)}, FitOptions(learn_missing=False))
    assert not codec.has_missing and codec.missing_share == 0 and codec.width == 2
    assert codec.shares.tolist() == [0.5, 0.5]
    assert codes_of(codec, values).tolist() == [0, UNKNOWN, 1, UNKNOWN]


def test_means_are_rounded_as_the_column_is():
    assert fit([1.5, 2.5, 9.0]).nearest("x", np.array([1.98, 99.0])).to_pylist() == [2.0, 9.0]
    days = fit([0, 2 * DAY, 4 * DAY], TIME)
    found = days.nearest("x", np.array([0.9 * DAY, 1.1 * DAY]))
    assert found.type == TIME and found.cast(pa.int64()).to_pylist() == [0, 2 * DAY]


@pytest.mark.parametrize(
    ("values", "far", "type_"),
    [
        (np.arange(500) % 100, [150, 250], pa.int64()),
        (np.arange(300) / 7, [60.0, 120.0], pa.float64()),
        (10**12 + np.arange(400) * DAY, [10**12 + 600 * DAY, 10**12 + 1200 * DAY], TIME),
    ],
)
def test_values_beyond_the_training_range_are_the_odder_the_further(values, far, type_):
    values = values.tolist()
    codec = fit([*values, None], type_)
    asked = [values[len(values) // 2], *far, None]
    usual, near, further, missing = codec.log_marginal([chunked(asked, type_)], len(values))
    assert usual - 2 > near > further
    assert missing == pytest.approx(math.log(1 / (len(values) + 1)))
    never = fit(values, type_).log_marginal([chunked([None], type_)], len(values))
    assert never[0] == pytest.approx(math.log(0.5 / (len(values) + 1)))


def test_a_fraction_among_whole_numbers_is_no_error():
    codec = fit([0, 1, 2, 3] * 50)
    column = [chunked([1.0, 1.5, math.nan], pa.float64())]
    assert codec.encode(column).tolist() == [1, 2, UNKNOWN]
    logs = codec.log_marginal(column, 200)
    assert np.isfinite(logs).all() and logs[1] < logs[0]


def test_numbers_treated_as_categories_have_shares():
    codec = fit([1] * 80 + [2] * 20, treat_as="categorical")
    logs = codec.log_marginal([chunked([1, 2, 3])], 100)
    assert np.allclose(np.exp(logs), [0.8, 0.2, 0.5 / 101])
