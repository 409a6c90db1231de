"""Choices: one token for few, a block and an index in it for many."""

import numpy as np
import pytest
from untrained import assert_shares, chunked, enum

from h2o_gan.engine.data.codecs.categorical import CategoricalCodec
from h2o_gan.engine.data.protocol import Constraint, FitOptions
from h2o_gan.engine.data.tokens.categorical import (
    CategoricalTokens,
    FactoredTokens,
    choice_table,
    tokens_of_choices,
)
from h2o_gan.engine.data.tokens.members import UNSEEN
from h2o_gan.engine.data.tokens.rules import RULES
from h2o_gan.engine.exceptions import Damaged


def codec_of(counts):
    levels = [f"v{n:03d}" for n in range(len(counts))]
    values = enum(np.repeat(levels, counts), levels)
    return CategoricalCodec.fit({"c": chunked(values)}, FitOptions())


def many():
    """300 choices: level n has 5 + n % 7 rows."""
    codec = codec_of([5 + n % 7 for n in range(300)])
    return codec, codec.tokens(0, 2_400, RULES)


def few():
    """Two frequent levels, 25 rare ones with 100 rows together."""
    codec = codec_of([300, *[4] * 25, 100])
    return codec, codec.tokens(0, 500, RULES)


def test_few_choices_are_one_token():
    _, tokens = few()
    assert isinstance(tokens, CategoricalTokens)
    (token,) = tokens.tokens
    assert token.size == 3 and not token.is_number and not token.is_second
    assert token.shares.tolist() == pytest.approx([0.6, 0.2, 0.2])
    assert tokens.choices.tolist() == [0, *[2] * 25, 1]


def test_shares_leave_out_codes_without_a_choice():
    codec = codec_of([300, 4, 100])
    (token,) = codec.tokens(0, 404, RULES).tokens
    assert token.shares.tolist() == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize(("choices", "kind"), [(256, CategoricalTokens), (257, FactoredTokens)])
def test_up_to_256_choices_are_one_token(choices, kind):
    codec = codec_of([5] * choices)
    assert type(tokens_of_choices(0, codec, np.arange(choices), RULES)) is kind


def test_pairs_have_conditional_shares():
    codec, tokens = many()
    first, second = tokens.tokens
    assert second.is_second and not first.is_second and tokens.choices is None
    assert first.size == 17 and second.size == 18  # 306 places for 300 choices
    assert first.shares.sum() == pytest.approx(1)
    assert second.shares.sum(1) == pytest.approx(np.ones(17))
    joint = first.shares[:, None] * second.shares
    assert np.sort(joint.ravel())[6:] == pytest.approx(np.sort(codec.shares))
    assert (np.diff(first.shares) <= 1e-12).all()  # the most frequent first


@pytest.mark.parametrize("case", [few, many])
def test_codes_survive_tokens(case):
    """All but the codes of pooled choices, which come at their shares."""
    codec, tokens = case()
    tables = tokens.tables()
    assert all(table.active.all() and not table.length.any() for table in tables)
    values = np.stack([table.start for table in tables], 1)
    drawn = tokens.codes(values, np.full(codec.width, 0.5), None)
    alone = np.ones(codec.width, bool)
    if case is few:
        alone[1:26] = False
        rare = tokens.codes(np.full((5_000, 1), 2.0), np.random.default_rng(0).random(5_000), None)
        assert_shares(rare, [0, *[1 / 25] * 25, 0])
    assert np.array_equal(drawn[alone], np.arange(codec.width)[alone])
    (array,) = tokens.decode(values, np.full(codec.width, 0.5))
    assert array.to_pylist() == [codec.column.levels[code] for code in drawn]


def test_codes_without_a_choice_are_inactive():
    table = choice_table(np.array([1, UNSEEN, 0]))
    assert table.active.tolist() == [True, False, True] and table.start.tolist() == [1, 0, 0]


def test_masks_of_one_token():
    codec, tokens = few()
    assert tokens.masks(Constraint()) == [None]
    allowed = np.isin(np.arange(codec.width), [0, 1, 2])
    (mask,) = tokens.masks(Constraint(allowed))
    assert mask.tolist() == pytest.approx([1, 0, 2 / 25])


def test_masks_of_a_pair():
    codec, tokens = many()
    assert tokens.masks(Constraint()) == [None, None]
    allowed = np.isin(np.arange(codec.width), [3, 250])
    first, second = tokens.masks(Constraint(allowed))
    tables = tokens.tables()
    for code in (3, 250):
        block, index = (int(table.start[code]) for table in tables)
        assert first[block] == 1 and second[block, index] == 1
    assert second.sum() == 2 and first.sum() == (second.max(1) > 0).sum()


@pytest.mark.parametrize("case", [few, many])
def test_state_round_trip(case):
    codec, tokens = case()
    again = codec.restore_tokens(0, tokens.to_json(), tokens.arrays())
    assert type(again) is type(tokens) and again.tokens == tokens.tokens
    assert all(
        np.array_equal(a.shares, b.shares) for a, b in zip(again.tokens, tokens.tokens, strict=True)
    )
    values = np.stack([table.start for table in tokens.tables()], 1)
    uniforms = np.random.default_rng(0).random(codec.width)
    assert again.decode(values, uniforms)[0].equals(tokens.decode(values, uniforms)[0])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("choice_of", lambda a: a[1:]),
        ("choice_of", lambda a: a.astype(np.int64)),
        ("choice_of", lambda a: np.where(a == 0, -2, a).astype(np.int32)),
        ("choice_of", lambda a: np.full_like(a, -1)),
        ("choice_of", lambda a: np.where(a == 0, 299, a).astype(np.int32)),  # none has choice 0
        ("choice_of", lambda a: a + 1000),
        ("shares", lambda a: a[1:]),
        ("shares", lambda a: a * 2),
        ("shares", lambda a: a.astype(np.float32)),
        ("choice_at", lambda a: a[:-1]),
        ("choice_at", lambda a: np.zeros_like(a)),
        ("choice_at", lambda a: a.astype(np.int64)),
    ],
)
def test_damaged_arrays_are_found(name, change):
    codec, tokens = many()
    arrays = tokens.arrays()
    with pytest.raises(Damaged, match="column 'c'"):
        codec.restore_tokens(0, tokens.to_json(), {**arrays, name: change(arrays[name])})


@pytest.mark.parametrize("size", [None, 0, -1, True, 2.5, 301, "17"])
def test_damaged_sizes_are_found(size):
    codec, tokens = many()
    with pytest.raises(Damaged, match="its blocks do not match|size is"):
        codec.restore_tokens(0, {"kind": "pair", "size": size}, tokens.arrays())
