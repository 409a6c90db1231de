"""Values -> codes -> values, for every kind of column."""

import datetime as dt
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from h2o_gan.engine.data.codecs.categorical import CategoricalCodec
from h2o_gan.engine.data.codecs.constant import ConstantCodec
from h2o_gan.engine.data.codecs.numeric import MAX_BINS, NumericCodec
from h2o_gan.engine.data.protocol import UNKNOWN, FitOptions
from h2o_gan.engine.data.schema import TIME
from h2o_gan.engine.data.table_encoder import fit_codec


def fit(values, weights=None, keep_constant=False):
    if isinstance(values, pa.Array):
        values = pa.chunked_array([values])
    return fit_codec("column", values, FitOptions(weights, keep_constant))


def encoded(codec, values):
    if isinstance(values, pa.Array):
        values = pa.chunked_array([values])
    return codec.encode([values])


def decoded(codec, output):
    """Values from codes or, for numbers, ranks."""
    (array,) = codec.decode_output(np.asarray(output))
    return array


def middles(codec, codes):
    """Ranks in the middle of each code's bin; NaN for missing."""
    cumulative = codec.quantiles.cumulative
    middle = (cumulative[:-1] + cumulative[1:]) / 2
    return np.append(middle, np.nan)[codes]


@given(
    st.lists(
        st.one_of(st.none(), st.integers(-(2**63) + 1, 2**63 - 1)), min_size=2, max_size=60
    ).filter(lambda values: len(set(values)) > 1 and any(v is not None for v in values))
)
@settings(deadline=None, max_examples=200)
def test_every_int_comes_back_exactly(values):
    codec = fit(pa.array(values, pa.int64()))
    codes = encoded(codec, pa.array(values, pa.int64()))
    assert decoded(codec, middles(codec, codes)).to_pylist() == values


@given(
    st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), min_size=2, max_size=60).filter(
        lambda values: len(set(values)) > 1 and any(v is not None for v in values)
    )
)
@settings(deadline=None, max_examples=200)
def test_every_real_comes_back_exactly_infinities_included(values):
    codec = fit(pa.array(values, pa.float64()))
    codes = encoded(codec, pa.array(values, pa.float64()))
    assert decoded(codec, middles(codec, codes)).to_pylist() == values


def test_nan_is_missing():
    codec = fit(pa.array([1.0, math.nan, 2.0, math.nan]))
    assert codec.missing_share == 0.5
    assert decoded(codec, np.array([math.nan])).to_pylist() == [None]


def test_many_values_keep_range_and_decimals():
    values = np.round(np.random.default_rng(0).lognormal(3, 1, 20_000), 2)
    codec = fit(pa.array(values))
    assert MAX_BINS * 0.9 < len(codec.quantiles) < MAX_BINS * 2
    out = decoded(codec, np.random.default_rng(1).random(20_000)).to_numpy()
    assert out.min() >= values.min() and out.max() <= values.max()
    assert np.array_equal(np.round(out, 2), out)
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert np.quantile(out, share) == pytest.approx(np.quantile(values, share), rel=0.05)


def test_spike_keeps_its_share_among_many_values():
    rng = np.random.default_rng(0)
    values = np.where(rng.random(20_000) < 0.6, 0.0, rng.lognormal(0, 1, 20_000))
    out = decoded(fit(pa.array(values)), rng.random(20_000)).to_numpy()
    assert np.mean(out == 0) == pytest.approx(0.6, abs=0.02)


def test_dates_stay_at_midnight():
    day = 86_400_000
    days = np.random.default_rng(0).integers(-20_000, 20_000, 5_000)
    codec = fit(pa.array(days * day).cast(TIME))
    assert codec.quantiles.step == day
    out = decoded(codec, np.linspace(0, 1, 999)).cast(pa.int64()).to_numpy()
    assert np.all(out % day == 0)
    assert decoded(codec, np.array([0.0]))[0].as_py() == dt.datetime.fromtimestamp(
        int(days.min()) * 86_400, dt.timezone.utc
    )


def test_widest_ints_stay_within_int64():
    values = np.linspace(-(2**63) + 1024, 2**63 - 1025, 5_000).astype(np.int64)
    codec = fit(pa.array(values))
    out = decoded(codec, np.linspace(0, 1, 999)).to_numpy()
    assert np.all(np.diff(out.astype(float)) >= 0)


def test_levels_keep_order_and_unused_levels():
    indices = pa.array([2, 0, None, 2], pa.int32())
    levels = pa.array(["zebra", "never", "", "never either"])
    codec = fit(pa.DictionaryArray.from_arrays(indices, levels))
    assert isinstance(codec, CategoricalCodec)
    assert codec.column.levels == ("zebra", "never", "", "never either")
    assert codec.shares.tolist() == [0.25, 0.5, 0.25]
    out = decoded(codec, np.array([0, 1, 2]))
    assert out.to_pylist() == ["zebra", "", None]
    assert out.dictionary.equals(levels)


def test_unforeseen_values_have_a_code_of_their_own():
    codec = fit(pa.array(["a", "b", "a"]).dictionary_encode())
    seen = pa.chunked_array([pa.array(["b", "c", None]).dictionary_encode()])
    assert encoded(codec, seen).tolist() == [1, UNKNOWN, UNKNOWN]
    codec = fit(pa.array([1.0, 2.0, 3.0]))
    assert encoded(codec, pa.array([2.0, None, 99.0])).tolist() == [1, UNKNOWN, 2]


def test_chunks_with_different_dictionaries_agree():
    chunks = pa.chunked_array(
        [pa.array(["a", "b"]).dictionary_encode(), pa.array(["b", "c", "a"]).dictionary_encode()]
    )
    codec = fit(chunks)
    assert decoded(codec, encoded(codec, chunks)).to_pylist() == ["a", "b", "b", "c", "a"]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([7, 7, 7]),
        pa.array([2.5, 2.5]),
        pa.array([math.inf, math.inf]),
        pa.array([None, None], pa.float64()),
        pa.array(["x", "x"]).dictionary_encode(),
        pa.array([None, None], pa.dictionary(pa.int32(), pa.string())),
        pa.array([1, 1], TIME),
    ],
)
def test_constants_need_no_network_and_come_back(values):
    codec = fit(values)
    assert isinstance(codec, ConstantCodec)
    assert codec.generate(0, 3, 0)[0].to_pylist() == values.to_pylist()[:1] * 3


def test_constants_are_learned_when_asked():
    assert isinstance(fit(pa.array([7, 7]), keep_constant=True), NumericCodec)
    level = pa.array(["x"]).dictionary_encode()
    assert isinstance(fit(level, keep_constant=True), CategoricalCodec)


def test_a_level_or_value_of_zero_weight_is_not_learned():
    weights = np.array([1.0, 0.0, 1.0, 0.0])
    codec = fit(pa.array(["a", "b", "c", None]).dictionary_encode(), weights)
    assert codec.width == 2
    codec = fit(pa.array([1.0, 50.0, 2.0, None]), weights)
    assert codec.quantiles.high.max() == 2.0 and codec.missing_share == 0


@pytest.mark.parametrize("values", [[1, 2, None], [1.5, 2.5, math.inf], ["a", "b", None], [4, 4]])
def test_state_round_trip(values):
    array = pa.array(values)
    if pa.types.is_string(array.type):
        array = array.dictionary_encode()
    codec = fit(array)
    again = type(codec).restore(codec.to_json(), codec.arrays())
    if isinstance(codec, ConstantCodec):
        assert again.generate(0, 2, 0) == codec.generate(0, 2, 0)
    else:
        assert decoded(again, [0.0, 1.0]).equals(decoded(codec, [0.0, 1.0]))


def test_free_text_has_no_codec():
    assert fit(pa.array(["free", "text"])) is None


def test_what_cannot_be_learned_is_named():
    with pytest.raises(TypeError, match="type list"):
        fit(pa.array([[1], [2]]))
