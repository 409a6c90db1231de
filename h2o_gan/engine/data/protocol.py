"""The protocol of a kind of column: its codec, and the tokens that a generator draws for it.

A codec turns the values of one or more columns into one integer code a row, and codes back into
values. Its tokens are the steps in which a column-by-column generator draws a code. A new kind of
column is one file in :mod:`h2o_gan.engine.data.codecs`, its test module, and one line in the
registry there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from h2o_gan.engine.data.quantiles import Quantiles
from h2o_gan.engine.data.schema import Array, Column
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import Check

__all__ = [
    "UNKNOWN",
    "Codec",
    "ColumnTokens",
    "Constraint",
    "FitOptions",
    "GeneratedCodec",
    "LearnedCodec",
    "OrderedCodec",
    "Token",
    "TokenRules",
    "TokenTable",
]

UNKNOWN = -1
"""Code of a value that training never saw and that no bin or level can represent, and of missing
values where they are not learned."""


@dataclass(frozen=True)
class FitOptions:
    """How codecs are fitted.

    Attributes:
        weights: (rows,) float64 non-negative row weights, or None.
        keep_constant: whether columns with a single value are learned.
        treat_as: the kind that the user wants for the column, or "auto".
        wanted_by: the parameter, or the rule, by which the user wants that; errors begin with it.
        relations: number of relations that give the column's value in a part of the rows.
        related: (rows,) integers, the relation that gives a row's value; -1 for none.
        learn_missing: whether missing cells are a value that is learned. Otherwise they are
            unknown, and there is no code for them.
    """

    weights: Array | None = field(default=None, repr=False)
    keep_constant: bool = False
    treat_as: str = "auto"
    wanted_by: str = "column_types"
    relations: int = 0
    related: Array = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    learn_missing: bool = True


@dataclass(frozen=True)
class TokenRules:
    """Constants for choosing tokens.

    Attributes:
        min_rows: a value in fewer rows is never represented by itself (k-anonymity).
        max_choices: a column with more choices takes two tokens.
        max_distinct: numbers with more distinct values are drawn as ranks, not as choices.
        min_rows_per_choice: numbers with fewer rows for each distinct value are drawn as ranks.
        min_pooled_rows: rows that all rare levels need together to be one choice.
        spike_share, spike_rows: share and number of rows above which a single value is a spike.
    """

    min_rows: int
    max_choices: int
    max_distinct: int
    min_rows_per_choice: int
    min_pooled_rows: int
    spike_share: float
    spike_rows: int


@dataclass(frozen=True)
class Token:
    """One step of a row: a choice among ``size``, or a number where ``size`` is 0.

    A learned number is present only where the token before it, if it belongs to the same column,
    took its last choice. A placed number is not learned: its rank is uniform between limits that
    follow from the choices of the column before it.

    Attributes:
        column: index of the codec among the learned ones.
        size: number of choices; 0 for a number.
        shares: (size,) float64 probabilities of the choices; for the second token of a pair (size
            of the first, size), conditional on the first; (0,) for a number.
        ranks: for a placed number (choices, 2) or (size of the first, size of the second, 2)
            float64, the first rank and the length of ranks; NaN where there is no number.
        before: number of tokens of the column before this one.
    """

    column: int
    size: int
    shares: Array = field(repr=False, compare=False)
    ranks: Array | None = field(default=None, repr=False, compare=False)
    before: int = 0

    @property
    def is_number(self) -> bool:
        """Whether the token is a number rather than a choice."""
        return self.size == 0

    @property
    def is_second(self) -> bool:
        """Whether the shares depend on the token before."""
        return self.shares.ndim == 2


@dataclass(frozen=True)
class TokenTable:
    """One token of each code: ``start + length * uniform``.

    Attributes:
        start, length: (codes,) float64, the code for missing last.
        active: (codes,) bool, False where a row with this code has no such token.
    """

    start: Array
    length: Array
    active: Array


@dataclass(frozen=True)
class Constraint:
    """What a condition allows for the columns of one codec.

    Attributes:
        codes: (width,) bool, the allowed codes; None for all.
        shares: (width,) float64, the share of each allowed code that meets `ranges`; None for 1.
        ranges: smallest and largest allowed value by column name, both included.
        missing: whether missing values are allowed where `codes` is None.
        code: the code that every row has; None where it is drawn.
        cells: the value that every row has, by column name: arrays of length 1.
    """

    codes: Array | None = None
    shares: Array | None = None
    ranges: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    missing: bool = True
    code: int | None = None
    cells: Mapping[str, pa.Array] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether no code is allowed."""
        return self.codes is not None and not self.codes.any()

    def combined(self, other: Constraint) -> Constraint:
        """The constraint that allows what both allow; of `code` and `cells`, those of `other`."""
        codes, shares = other.codes, other.shares
        if self.codes is not None:
            codes = self.codes if codes is None else self.codes & codes
        if self.shares is not None:
            shares = self.shares if shares is None else self.shares * shares
        return Constraint(
            codes,
            shares,
            {**self.ranges, **other.ranges},
            self.missing and other.missing,
            self.code if other.code is None else other.code,
            {**self.cells, **other.cells},
        )


class Codec(ABC):
    """A kind of column.

    Class attributes:
        name: of the kind in model files.
        treatment: the word for this kind in ``column_types`` and in :meth:`describe`.
        kinds: kinds of columns (see :class:`~h2o_gan.engine.data.schema.Column`) that users may
            have treated as this one.
        json_check: check of :meth:`to_json`'s output, which a hostile file may hold.

    Attributes:
        columns: the columns that it encodes.
    """

    name: ClassVar[str]
    treatment: ClassVar[str]
    kinds: ClassVar[frozenset[str]] = frozenset()
    json_check: ClassVar[Check]
    columns: tuple[Column, ...]

    @classmethod
    def groups(
        cls, table: pa.Table, treat_as: Mapping[str, str], weights: Array | None = None
    ) -> Iterable[tuple[str, ...]]:
        """Find columns that belong together.

        Args:
            table: the training rows.
            treat_as: the kind that the user wants, by column name.
            weights: (rows,) float64 non-negative row weights, or None.

        Returns:
            Groups of at least two column names, disjoint; none for kinds of single columns.

        Raises:
            ValueError: the user asks for this kind where it is impossible.
        """
        return ()

    @classmethod
    @abstractmethod
    def fit(cls, columns: Mapping[str, pa.ChunkedArray], options: FitOptions) -> Codec | None:
        """Fit a codec to the values of one column or, for a group, several.

        Args:
            columns: values by name, of one length.
            options: weights, and what the user wants.

        Returns:
            The codec, or None where the columns are not of this kind.

        Raises:
            ValueError: the user asks for this kind, and the values do not allow it.
        """

    @abstractmethod
    def describe(self) -> list[dict[str, Any]]:
        """Describe each column; see :func:`h2o_gan.engine.data.schema.description`."""

    def log_marginal(
        self, columns: Sequence[pa.ChunkedArray], rows: float, related: Array | None = None
    ) -> Array:
        """Log probability of values by themselves: the density, for numbers.

        It falls with the distance from the training values, and with the number of training rows
        for levels that those do not have.

        Args:
            columns: the values of each of :attr:`columns`.
            rows: number of training rows.
            related: (len(columns[0]),) int64, the relation that gives a value, -1 for none; None
                where the column has no relations.

        Returns:
            (len(columns[0]),) float64, finite; 0 for kinds that say nothing of a row, such as
            identifiers.
        """
        return np.zeros(len(columns[0]))

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The JSON part of the state, with its name as ``codec``."""

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """The array part of the state."""

    @classmethod
    @abstractmethod
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> Codec:
        """Inverse of :meth:`to_json` and :meth:`arrays`.

        Raises:
            Damaged: the state is not one of this codec.
        """


class GeneratedCodec(Codec):
    """A kind of column that no network learns: values come from the codec alone."""

    @abstractmethod
    def generate(self, start: int, rows: int, seed: int) -> list[pa.Array]:
        """Generate values.

        Args:
            start: index of the first row in the sample.
            rows: number of rows.
            seed: of the sample.

        Returns:
            One array for each column, of length `rows`.
        """

    @abstractmethod
    def check_condition(self, column: str, value: Any) -> None:
        """Raise ValueError unless generated values of `column` meet the condition `value`."""


class LearnedCodec(Codec):
    """A kind of column that networks learn.

    Codes run from 0 to ``width - 1``; the last one is missing, where there are missing values. One
    code for each relation stands before it.

    Attributes:
        shares: (width,) float64 probabilities of the codes.
        has_missing: whether there were missing values in training.
        related: number of relations that give the value in a part of the rows.
        quantiles: the quantile function whose bins the codes are, for numbers; None for others.
    """

    token_kinds: ClassVar[tuple[type[ColumnTokens], ...]]
    """The kinds of tokens that :meth:`tokens` chooses from."""
    has_levels: ClassVar[bool] = False
    """Whether the codes but missing are levels of one column, which can be balanced."""

    shares: Array
    has_missing: bool
    related: int = 0
    quantiles: Quantiles | None = None

    @property
    def width(self) -> int:
        """Number of codes."""
        return len(self.shares)

    @property
    def related_codes(self) -> range:
        """The codes of relations, in order."""
        end = self.width - self.has_missing
        return range(end - self.related, end)

    @abstractmethod
    def encode(self, columns: Sequence[pa.ChunkedArray], related: Array | None = None) -> Array:
        """Encode values.

        Args:
            columns: the values of each of :attr:`columns`, (rows,).
            related: (rows,) int64, the relation that gives a row's value, -1 for none; None where
                the column has no relations.

        Returns:
            (rows,) int32 codes; :data:`UNKNOWN` for values that training never saw.
        """

    @abstractmethod
    def decode(
        self, codes: Array, uniforms: Array, constraint: Constraint | None = None
    ) -> list[pa.Array]:
        """Decode codes.

        Args:
            codes: (rows,) integers from 0 to ``width - 1``.
            uniforms: (rows,) float64 in [0, 1), which decide what codes leave open.
            constraint: what values may be.

        Returns:
            One array for each column, of length rows.
        """

    def nearest(self, column: str, numbers: Array) -> pa.Array:
        """The values of a column of numbers or times that are nearest to numbers.

        Args:
            column: name of the column.
            numbers: (rows,) float64; times in milliseconds since 1970.

        Returns:
            (rows,) values, rounded as those of the training rows are, within their range; all
            missing for a column of levels, which has no numbers.
        """
        (own,) = (own for own in self.columns if own.name == column)
        return pa.nulls(len(numbers), own.arrow_type)

    def decode_output(self, output: Array) -> list[pa.Array]:
        """Decode the output of a network that draws codes or, with quantiles, ranks.

        Args:
            output: (rows,) float64: codes; where there are :attr:`quantiles`, ranks in [0, 1] and
                NaN for missing.
        """
        return self.decode(output.astype(np.int64), np.full(len(output), 0.5))

    @abstractmethod
    def tokens(self, index: int, rows: int, rules: TokenRules) -> ColumnTokens:
        """Choose the tokens.

        Args:
            index: of this codec among the learned ones.
            rows: number of training rows.
            rules: constants for the choice, for what :meth:`fit` has not decided.
        """

    def restore_tokens(
        self, index: int, data: Mapping[str, Any], arrays: Mapping[str, Array]
    ) -> ColumnTokens:
        """Inverse of the tokens' :meth:`ColumnTokens.to_json` and :meth:`ColumnTokens.arrays`.

        Raises:
            Damaged: the state is not one of tokens of this codec.
        """
        for kind in self.token_kinds:
            if kind.kind == data["kind"]:
                kind.json_check(data, f"the tokens of column {self.columns[0].name!r:.50}")
                return kind.restore(index, self, data, arrays)
        raise Damaged(f"column {self.columns[0].name!r:.50} has no tokens {data['kind']!r:.50}")

    @abstractmethod
    def constraint(self, column: str, value: Any) -> Constraint:
        """The codes that a condition allows.

        Args:
            column: name of the column.
            value: a value, a list of values, a pair (low, high), or None for missing.

        Raises:
            ValueError: no value of the column meets the condition.
            TypeError: `value` is of another type than the column.
        """

    def joined(self, constraint: Constraint) -> Constraint:
        """The constraint of conditions on several columns of this codec, from their combination."""
        return constraint

    def possible(self, columns: Sequence[pa.ChunkedArray], given: Sequence[Array]) -> Array:
        """The codes that rows can have of which only some columns are given.

        Args:
            columns: the values of each of :attr:`columns`, (rows,).
            given: for each column (rows,) bool, where its value is given.

        Returns:
            (rows, width) float64, the share of each code that agrees with the given values.
        """
        return np.ones((len(columns[0]), self.width))


class OrderedCodec(LearnedCodec):
    """A kind of column whose codes are ordered bins of numbers, then missing."""

    quantiles: Quantiles

    @abstractmethod
    def interval(self, value: Any) -> tuple[Any, Any] | None:
        """The smallest and the largest value that a condition allows; None for missing.

        Both are values of the column's resolution, and at least one value of the column's range
        lies between them.

        Raises:
            ValueError: no value of the column meets the condition.
            TypeError: `value` is of another type than the column.
        """


class ColumnTokens(ABC):
    """The tokens of one codec.

    Attributes:
        index: of the codec among the learned ones.
        codec: the codec.
        tokens: one or two tokens.
    """

    kind: ClassVar[str]
    """Name in model files."""
    json_check: ClassVar[Check]
    """Check of :meth:`to_json`'s output, which a hostile file may hold."""

    index: int
    codec: LearnedCodec
    tokens: tuple[Token, ...]

    @property
    def choices(self) -> Array | None:
        """(width,) int64 choice of each code, negative for none, if one choice is all there is."""
        return None

    def choices_of(self, codes: Array) -> Array:
        """The choices of rows, of a column of which one choice is all there is.

        Args:
            codes: (rows,) integers; negative for unknown.

        Returns:
            (rows,) int64; negative for none.
        """
        assert self.choices is not None
        choices: Array = np.where(codes < 0, -1, self.choices[np.maximum(codes, 0)])
        return choices

    @property
    def knots(self) -> Quantiles | None:
        """The distribution whose ranks the last token's normal scores are; None for choices."""
        return None

    @abstractmethod
    def tables(self) -> list[TokenTable]:
        """How codes become tokens, for each token."""

    def related(self, values: Array) -> Array | None:
        """The relations that give the values of rows.

        Args:
            values: (rows, tokens) float64.

        Returns:
            (rows,) int64, the relation, -1 for none; None where the column has no relations.
        """
        return None

    def choice_of_relation(self, relation: int) -> int:
        """The choice of the first token that stands for a relation, given by its number."""
        raise ValueError(f"column {self.codec.columns[0].name!r} has no relations")

    @abstractmethod
    def decode(
        self, values: Array, uniforms: Array, constraint: Constraint | None = None
    ) -> list[pa.Array]:
        """Decode tokens.

        Args:
            values: (rows, tokens) float64.
            uniforms: (rows,) float64 in [0, 1), which decide what tokens leave open.
            constraint: what values may be.

        Returns:
            One array for each column of the codec, of length rows.
        """

    @abstractmethod
    def masks(self, constraint: Constraint) -> list[Array | None]:
        """What a constraint leaves of each token.

        Returns:
            For a choice (size,), the share of it that is allowed; for the second token of a pair
            (size of the first, size); for a number its bounds, (2,), the second below the first
            where no number is allowed. None where everything is allowed.
        """

    def constraint(self, column: str, value: Any) -> Constraint:
        """What a condition allows; see :meth:`LearnedCodec.constraint`."""
        return self.codec.constraint(column, value)

    def present(self) -> Constraint:
        """The constraint that allows everything but missing values."""
        codes = np.ones(self.codec.width, bool)
        codes[self.codec.width - self.codec.has_missing :] = False
        return Constraint(codes)

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The JSON part of the state, with its name as ``kind``."""

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """The array part of the state."""

    @classmethod
    @abstractmethod
    def restore(
        cls, index: int, codec: Any, data: Mapping[str, Any], arrays: Mapping[str, Array]
    ) -> ColumnTokens:
        """Inverse of :meth:`to_json` and :meth:`arrays`.

        Raises:
            Damaged: the state does not match the codec.
        """
