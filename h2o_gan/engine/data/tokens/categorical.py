"""Tokens of columns that are drawn as choices: one choice, or a block and an index in it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from typing_extensions import override

from h2o_gan.engine.data.protocol import (
    ColumnTokens,
    Constraint,
    LearnedCodec,
    Token,
    TokenRules,
    TokenTable,
)
from h2o_gan.engine.data.schema import Array, is_distribution
from h2o_gan.engine.data.tokens.members import UNSEEN, Members, masses
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import Check, record, text, whole

__all__ = ["CategoricalTokens", "FactoredTokens", "choice_table", "tokens_of_choices"]

_EMPTY = np.zeros(0, bool)


class _ChoiceTokens(ColumnTokens):
    """Choices, and the codes behind each.

    Args:
        index: of the codec among the learned ones.
        codec: the codec.
        shares: (codes,) float64 probabilities.
        choices: (codes,) int64, the choice of each code, or UNSEEN.
    """

    def __init__(self, index: int, codec: LearnedCodec, shares: Array, choices: Array) -> None:
        self.index, self.codec = index, codec
        self._shares, self._choices = shares, choices
        self._members = Members(choices, shares)

    @abstractmethod
    def _choices_of(self, values: Array) -> Array:
        """Tokens (rows, tokens) to choices, (rows,) int64."""

    @override
    def related(self, values: Array) -> Array | None:
        relations = self.codec.related_codes
        if not relations:
            return None
        # Frequent enough for a choice of its own, a relation is the only code behind it.
        relation_of = np.full(self._choices.max() + 1, -1)
        relation_of[self._choices[relations.start : relations.stop]] = np.arange(len(relations))
        found: Array = relation_of[self._choices_of(values)]
        return found

    def codes(self, values: Array, uniforms: Array, constraint: Constraint | None) -> Array:
        """Tokens to codes, (rows,) int64; see :meth:`decode`."""
        allowed = None if constraint is None else constraint.codes
        return self._members.draw(self._choices_of(values), uniforms, allowed)

    def decode(
        self, values: Array, uniforms: Array, constraint: Constraint | None = None
    ) -> list[pa.Array]:
        return self.codec.decode(self.codes(values, uniforms, constraint), uniforms, constraint)

    def arrays(self) -> dict[str, Array]:
        return {"shares": self._shares, "choice_of": self._choices.astype(np.int32)}

    def _allowed_shares(self, constraint: Constraint) -> Array | None:
        if constraint.codes is None:
            return None
        shares = 1.0 if constraint.shares is None else constraint.shares
        return self._members.allowed_shares(constraint.codes * shares)


class CategoricalTokens(_ChoiceTokens):
    """One token: frequent codes are a choice each, rare ones share one."""

    kind: ClassVar[str] = "choice"
    json_check: ClassVar[Check] = record({"kind": text})

    def __init__(self, index: int, codec: LearnedCodec, shares: Array, choices: Array) -> None:
        super().__init__(index, codec, shares, choices)
        sizes = masses(choices, shares)
        self.tokens = (Token(index, len(sizes), sizes / sizes.sum()),)

    @override
    def choice_of_relation(self, relation: int) -> int:
        return int(self._choices[self.codec.related_codes[relation]])

    @property
    @override
    def choices(self) -> Array:
        return self._choices

    @override
    def tables(self) -> list[TokenTable]:
        return [choice_table(self._choices)]

    @override
    def masks(self, constraint: Constraint) -> list[Array | None]:
        return [self._allowed_shares(constraint)]

    @override
    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind}

    @classmethod
    @override
    def restore(
        cls, index: int, codec: LearnedCodec, data: Mapping[str, Any], arrays: Mapping[str, Array]
    ) -> CategoricalTokens:
        return cls(index, codec, *_checked_choices(codec, arrays))

    def _choices_of(self, values: Array) -> Array:
        return values[:, 0].astype(np.int64)


class FactoredTokens(_ChoiceTokens):
    """Two tokens: a block of choices, and the index in the block.

    Args:
        index: of the codec among the learned ones.
        codec: the codec.
        shares: (codes,) float64 probabilities.
        choices: (codes,) int64, the choice of each code, or UNSEEN.
        order: (choices,) int64, the choices in the order that is cut into blocks.
        size: number of choices in a block.
    """

    kind: ClassVar[str] = "pair"
    json_check: ClassVar[Check] = record({"kind": text, "size": whole(1)})

    def __init__(
        self,
        index: int,
        codec: LearnedCodec,
        shares: Array,
        choices: Array,
        order: Array,
        size: int,
    ) -> None:
        super().__init__(index, codec, shares, choices)
        self._order, self._size = order, size
        mass = masses(choices, shares)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        blocks = -(-len(order) // size)
        flat = np.zeros(blocks * size)
        flat[: len(order)] = mass[order] / mass.sum()
        grid = flat.reshape(blocks, size)
        block_shares = grid.sum(1)
        self.tokens = (
            Token(index, blocks, block_shares),
            Token(index, size, grid / block_shares[:, None]),
        )
        self._ranks = np.where(choices == UNSEEN, UNSEEN, rank[choices])

    @override
    def tables(self) -> list[TokenTable]:
        seen = self._ranks >= 0
        parts = (self._ranks // self._size, self._ranks % self._size)
        return [choice_table(np.where(seen, part, UNSEEN)) for part in parts]

    @override
    def masks(self, constraint: Constraint) -> list[Array | None]:
        shares = self._allowed_shares(constraint)
        if shares is None:
            return [None, None]
        flat = np.zeros(self.tokens[0].size * self._size)
        flat[: len(self._order)] = shares[self._order]
        grid = flat.reshape(-1, self._size)
        return [(grid.max(1) > 0).astype(float), grid]

    @override
    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "size": self._size}

    @override
    def arrays(self) -> dict[str, Array]:
        return {**super().arrays(), "choice_at": self._order.astype(np.int32)}

    @classmethod
    @override
    def restore(
        cls, index: int, codec: LearnedCodec, data: Mapping[str, Any], arrays: Mapping[str, Array]
    ) -> FactoredTokens:
        shares, choices = _checked_choices(codec, arrays)
        order, size = arrays.get("choice_at", _EMPTY), data.get("size")
        known = np.arange(choices.max() + 1)
        if (
            order.dtype != np.int32
            or not np.array_equal(np.sort(order), known)
            or type(size) is not int
            or not 0 < size <= len(known)
        ):
            raise Damaged(f"column {codec.columns[0].name!r:.50}: its blocks do not match")
        return cls(index, codec, shares, choices, order.astype(np.int64), size)

    def _choices_of(self, values: Array) -> Array:
        rank = (values[:, 0] * self._size + values[:, 1]).astype(np.int64)
        choices: Array = self._order[np.minimum(rank, len(self._order) - 1)]
        return choices


def tokens_of_choices(
    index: int,
    codec: LearnedCodec,
    choices: Array,
    rules: TokenRules,
    order: Array | None = None,
) -> CategoricalTokens | FactoredTokens:
    """One token for few choices, two for many.

    Args:
        index: of the codec among the learned ones.
        codec: the codec.
        choices: (codes,) int64, the choice of each code, or UNSEEN.
        rules: `max_choices` is used.
        order: (choices,) int64, in which blocks are cut; None for the most frequent first.
    """
    shares = codec.shares
    if choices.max() < rules.max_choices:
        return CategoricalTokens(index, codec, shares, choices)
    if order is None:
        order = np.argsort(-masses(choices, shares), kind="stable")
    return FactoredTokens(index, codec, shares, choices, order, int(np.ceil(np.sqrt(len(order)))))


def choice_table(choices: Array) -> TokenTable:
    """The table of a token that is the choice of each code, (codes,) int64."""
    seen = choices >= 0
    start = np.where(seen, choices, 0).astype(np.float64)
    return TokenTable(start, np.zeros(len(choices)), seen)


def _checked_choices(codec: LearnedCodec, arrays: Mapping[str, Array]) -> tuple[Array, Array]:
    """Shares and choices of a codec's codes. Raises Damaged unless they match."""
    shares, choices = arrays.get("shares", _EMPTY), arrays.get("choice_of", _EMPTY)
    if (
        choices.dtype != np.int32
        or choices.shape != (codec.width,)
        or shares.shape != (codec.width,)
        or not is_distribution(shares)
        or choices.min() < UNSEEN
        or choices.max() < 0
        or choices.max() >= codec.width
        or not (np.bincount(choices[choices >= 0]) > 0).all()
    ):
        raise Damaged(f"column {codec.columns[0].name!r:.50}: its choices do not match its values")
    of_relations = choices[codec.related_codes.start : codec.related_codes.stop]
    if any(np.count_nonzero(choices == choice) > 1 or choice < 0 for choice in of_relations):
        raise Damaged(f"column {codec.columns[0].name!r:.50}: a relation shares its choice")
    return shares, choices.astype(np.int64)
