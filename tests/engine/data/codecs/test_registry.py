"""Every kind of column meets the protocol."""

import inspect
import json

import numpy as np
import pyarrow as pa
import pytest
from untrained import chunked, enum

from h2o_gan.engine.data.codecs.computed import ComputedCodec
from h2o_gan.engine.data.codecs.registry import CODECS
from h2o_gan.engine.data.protocol import (
    UNKNOWN,
    Codec,
    ColumnTokens,
    Constraint,
    FitOptions,
    GeneratedCodec,
    LearnedCodec,
    OrderedCodec,
)
from h2o_gan.engine.data.schema import LEARNED_KINDS, TEXT_KINDS
from h2o_gan.engine.data.tokens.rules import RULES
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.parameters import COLUMN_TYPES

ROWS = 600
RNG = np.random.default_rng(0)
MISSING = RNG.random(ROWS) < 0.1
EXAMPLES = {
    "coordinates": {
        "lat": pa.array(RNG.normal(50, 1, ROWS).round(3), mask=MISSING),
        "lon": pa.array(RNG.normal(10, 1, ROWS).round(3), mask=MISSING),
    },
    "constant": {"k": pa.array([5] * ROWS)},
    "fresh": {"key": pa.array([f"K{n:06d}" for n in range(0, ROWS * 7, 7)])},
    "levels": {"c": enum([None if m else f"level {n % 7}" for n, m in enumerate(MISSING)])},
    "binned": {"x": pa.array(RNG.normal(0, 1, ROWS).round(2), mask=MISSING)},
    "sequence": {"id": pa.array(range(100, 100 + 2 * ROWS, 2))},
    "computed": {"total": pa.array(RNG.normal(0, 1, ROWS).round(2), mask=MISSING)},
}
LEARNED = [name for name, codec in CODECS.items() if issubclass(codec, LearnedCodec)]
GENERATED = [name for name, codec in CODECS.items() if issubclass(codec, GeneratedCodec)]
ASKED = {"sequence": "identifier"}
"""Kinds that only users choose, by the word for them."""


def fit(name):
    columns = {column: chunked(values) for column, values in EXAMPLES[name].items()}
    if name == "computed":  # made where a relation is known
        ((column, values),) = columns.items()
        return ComputedCodec.of(column, values), [values]
    codec = CODECS[name].fit(columns, FitOptions(treat_as=ASKED.get(name, "auto")))
    assert type(codec) is CODECS[name]
    return codec, list(columns.values())


def chunks(arrays):
    return [chunked(array) for array in arrays]


def test_there_is_an_example_of_every_kind():
    assert set(EXAMPLES) == set(CODECS)


def test_names_and_treatments_are_unique():
    assert all(codec.name == name for name, codec in CODECS.items())
    taken = [(codec.treatment, kind) for codec in CODECS.values() for kind in codec.kinds]
    assert len(set(taken)) == len(taken)
    kinds = {kind.kind for name in LEARNED for kind in CODECS[name].token_kinds}
    assert len(kinds) == len({kind for name in LEARNED for kind in CODECS[name].token_kinds})


@pytest.mark.parametrize("name", CODECS)
def test_kinds_are_learned_generated_or_computed(name):
    codec = CODECS[name]
    bases = (LearnedCodec, GeneratedCodec, ComputedCodec)
    assert sum(issubclass(codec, base) for base in bases) == 1
    assert codec.kinds <= {*LEARNED_KINDS, *TEXT_KINDS}
    assert codec.__doc__ and not inspect.isabstract(codec)


@pytest.mark.parametrize("name", CODECS)
def test_codecs_name_their_columns(name):
    codec, columns = fit(name)
    assert [column.name for column in codec.columns] == list(EXAMPLES[name])
    rows = codec.describe()
    assert [row["column"] for row in rows] == list(EXAMPLES[name])
    assert {row["treated_as"] for row in rows} == {CODECS[name].treatment}
    for row, values in zip(rows, columns, strict=True):
        assert row["missing"] == pytest.approx(values.null_count / ROWS)


@pytest.mark.parametrize("name", CODECS)
def test_states_survive_json(name):
    codec, columns = fit(name)
    data = json.loads(json.dumps(codec.to_json()))
    assert data["codec"] == name
    type(codec).json_check(data, "it")
    again = type(codec).restore(data, codec.arrays())
    assert again.columns == codec.columns and again.describe() == codec.describe()
    if isinstance(codec, GeneratedCodec):
        assert again.generate(3, 20, 1)[0].equals(codec.generate(3, 20, 1)[0])
    elif isinstance(codec, LearnedCodec):
        assert np.array_equal(again.encode(columns), codec.encode(columns))
        assert np.array_equal(again.shares, codec.shares)
        assert again.has_missing == codec.has_missing and again.width == codec.width


@pytest.mark.parametrize("name", CODECS)
def test_json_without_one_of_its_keys_is_damaged(name):
    codec, _ = fit(name)
    data = codec.to_json()
    for key in set(data) - {"codec", "treat"}:
        with pytest.raises(Damaged, match=f"it has no {key}"):
            type(codec).json_check({k: v for k, v in data.items() if k != key}, "it")


@pytest.mark.parametrize("name", [name for name in CODECS if fit(name)[0].arrays()])
def test_states_without_one_of_their_arrays_are_damaged(name):
    codec, _ = fit(name)
    arrays = codec.arrays()
    for key in set(arrays) - {"high"}:  # where it is absent, all bins are single values
        with pytest.raises(Damaged):
            type(codec).restore(codec.to_json(), {k: v for k, v in arrays.items() if k != key})


@pytest.mark.parametrize("name", GENERATED)
def test_generated_values_are_those_of_the_row(name):
    codec, _ = fit(name)
    (whole,) = codec.generate(0, 100, 1)
    assert len(whole) == 100 and whole.type == codec.columns[0].arrow_type
    assert codec.generate(40, 20, 1)[0].equals(whole[40:60])


@pytest.mark.parametrize("name", LEARNED)
def test_codes_come_back(name):
    codec, columns = fit(name)
    codes = codec.encode(columns)
    assert codes.shape == (ROWS,) and codes.dtype == np.int32
    assert codes.min() >= 0 and codes.max() == codec.width - 1
    assert codec.shares == pytest.approx(np.bincount(codes, minlength=codec.width) / ROWS)
    assert codec.has_missing and np.array_equal(codes == codec.width - 1, MISSING)
    decoded = codec.decode(codes, RNG.random(ROWS))
    assert [array.type for array in decoded] == [c.arrow_type for c in codec.columns]
    assert np.array_equal(codec.encode(chunks(decoded)), codes)


@pytest.mark.parametrize("name", LEARNED)
def test_nothing_missing_is_no_code_of_missing(name):
    columns = {column: chunked(values.drop_null()) for column, values in EXAMPLES[name].items()}
    codec = CODECS[name].fit(columns, FitOptions())
    assert not codec.has_missing
    missing = [chunked(pa.nulls(2, column.arrow_type)) for column in codec.columns]
    assert codec.encode(missing).tolist() == [UNKNOWN, UNKNOWN]


@pytest.mark.parametrize("name", LEARNED)
def test_outputs_of_networks_are_decoded(name):
    codec, columns = fit(name)
    if codec.quantiles is None:
        output = codec.encode(columns).astype(np.float64)
    else:
        assert isinstance(codec, OrderedCodec)
        output = np.where(MISSING, np.nan, RNG.random(ROWS))
    decoded = codec.decode_output(output)
    assert all(np.array_equal(array.is_null().to_numpy(False), MISSING) for array in decoded)


def tokens_of(codec, columns):
    """The tokens of a codec, the third of the learned ones."""
    tokens = codec.tokens(2, ROWS, RULES)
    assert type(tokens) in codec.token_kinds and tokens.index == 2 and tokens.codec is codec
    return tokens


def expanded(tokens, codes):
    """(rows, tokens) values of codes; numbers in the middle of their ranks."""
    import torch

    columns = []
    for token, table in zip(tokens.tokens, tokens.tables(), strict=True):
        assert len(table.start) == len(table.length) == len(table.active) == tokens.codec.width
        values = table.start[codes] + 0.5 * table.length[codes]
        if token.is_number:
            values = torch.special.ndtri(torch.from_numpy(values)).numpy()
        columns.append(values)
    return np.stack(columns, 1)


@pytest.mark.parametrize("name", LEARNED)
def test_tokens_are_decoded_to_their_codes(name):
    codec, columns = fit(name)
    tokens = tokens_of(codec, columns)
    codes = codec.encode(columns)
    decoded = tokens.decode(expanded(tokens, codes), np.full(ROWS, 0.5))
    assert all(np.array_equal(array.is_null().to_numpy(False), MISSING) for array in decoded)
    again = codec.encode(chunks(decoded))
    assert (np.abs(again - codes) <= 5).all()  # up to the ranges of rare values


@pytest.mark.parametrize("name", LEARNED)
def test_shares_of_tokens_are_distributions(name):
    codec, columns = fit(name)
    tokens = tokens_of(codec, columns)
    for token in tokens.tokens:
        assert token.column == 2
        if not token.is_number:
            assert token.shares.sum(-1) == pytest.approx(1)
            assert token.shares.shape[-1] == token.size


@pytest.mark.parametrize("name", LEARNED)
def test_tokens_survive_json(name):
    codec, columns = fit(name)
    tokens = tokens_of(codec, columns)
    data = json.loads(json.dumps(tokens.to_json()))
    again = codec.restore_tokens(2, data, tokens.arrays())
    assert type(again) is type(tokens) and again.tokens == tokens.tokens
    values = expanded(tokens, np.arange(codec.width))
    uniforms = RNG.random(codec.width)
    for a, b in zip(again.decode(values, uniforms), tokens.decode(values, uniforms), strict=True):
        assert a.equals(b)
    with pytest.raises(Damaged, match="has no tokens 'other'"):
        codec.restore_tokens(2, {**data, "kind": "other"}, tokens.arrays())


@pytest.mark.parametrize("name", LEARNED)
def test_masks_fit_the_tokens(name):
    codec, columns = fit(name)
    tokens = tokens_of(codec, columns)
    assert all(mask is None for mask in tokens.masks(Constraint()))
    for constraint in (tokens.present(), tokens.constraint(codec.columns[0].name, None)):
        assert not constraint.is_empty
        for token, mask in zip(tokens.tokens, tokens.masks(constraint), strict=True):
            if mask is None:
                continue
            wanted = (2,) if token.is_number else token.shares.shape
            assert mask.shape == wanted
            assert token.is_number or ((mask >= 0) & (mask <= 1)).all()


@pytest.mark.parametrize("name", LEARNED)
def test_present_forbids_only_missing(name):
    codec, columns = fit(name)
    tokens = tokens_of(codec, columns)
    mask = tokens.masks(tokens.present())[0]
    codes = codec.encode(columns)
    choices = tokens.tables()[0].start[codes].astype(int)
    assert (mask[choices[~MISSING]] > 0).all()
    assert mask[choices[MISSING]].max() < 1


@pytest.mark.parametrize("name", LEARNED)
def test_all_codes_are_possible_where_nothing_is_given(name):
    codec, columns = fit(name)
    possible = codec.possible(columns, [np.zeros(ROWS, bool)] * len(columns))
    assert possible.shape == (ROWS, codec.width) and possible.all()


@pytest.mark.parametrize("base", [Codec, LearnedCodec, OrderedCodec, GeneratedCodec, ColumnTokens])
def test_a_kind_that_is_not_complete_cannot_be_made(base):
    class Half(base):
        name = treatment = kind = "half"

        def to_json(self):
            return {}

    with pytest.raises(TypeError, match="abstract"):
        Half()


def test_constraints_combine():
    one = Constraint(np.array([True, True, False]), ranges={"a": (0, 1)}, code=4)
    two = Constraint(np.array([False, True, True]), ranges={"b": (2, 3)}, missing=False)
    both = one.combined(two)
    assert both.codes.tolist() == [False, True, False] and both.code == 4
    assert both.ranges == {"a": (0, 1), "b": (2, 3)} and not both.missing
    assert Constraint().combined(one).codes is one.codes
    assert one.combined(Constraint()).codes is one.codes and not both.is_empty
    assert both.combined(Constraint(np.array([True, False, True]))).is_empty


def test_users_can_ask_for_every_kind_that_takes_their_columns():
    words = {codec.treatment for codec in CODECS.values() if codec.kinds}
    assert words | {"ignore"} == set(COLUMN_TYPES)
