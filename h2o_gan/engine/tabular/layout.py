"""A row as the tokens that the generator draws, and back to values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from h2o_gan.engine.data.protocol import ColumnTokens, Constraint, LearnedCodec, Token
from h2o_gan.engine.data.schema import Array
from h2o_gan.engine.data.tokens.rules import FORMAT_2_RULES, RULES
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.tabular.anchors import Anchor, find_anchors
from h2o_gan.engine.tabular.crosses import Cross, find_crosses
from h2o_gan.engine.tabular.dependencies import Dependency, find_dependencies
from h2o_gan.engine.tabular.token_tables import TokenTables

__all__ = ["RowLayout"]

_SCREENED_ROWS = 20_000  # for crosses


class RowLayout:
    """Which tokens represent which columns, and which columns are functions of others.

    A "column" here is what one learned codec encodes, by its index among the learned codecs.

    Args:
        codecs: the learned codecs.
        columns: their tokens.
        rows: number of rows they were fitted on.
        dependencies: columns that are functions of others.
        crosses: tokens that the generator also sees as one.
        anchors: numbers that are close to another one.

    Attributes:
        tokens: of a row: those of all columns that are not functions of others, in order.
        spans: the indices of a column's tokens, by column.
        crosses, anchors: as given.
    """

    def __init__(
        self,
        codecs: Sequence[LearnedCodec],
        columns: Sequence[ColumnTokens],
        rows: int,
        dependencies: Sequence[Dependency],
        crosses: Sequence[Cross] = (),
        anchors: Sequence[Anchor] = (),
    ) -> None:
        self.codecs = tuple(codecs)
        self.columns = tuple(columns)
        self.rows = rows
        self.dependencies = tuple(dependencies)
        self._derived = {dependency.token: dependency for dependency in self.dependencies}
        self._check()
        roots = [index for index in range(len(self.columns)) if index not in self._derived]
        self._roots = [self.columns[index] for index in roots]
        self.tokens: tuple[Token, ...] = tuple(t for c in self._roots for t in c.tokens)
        starts = np.cumsum([0, *(len(column.tokens) for column in self._roots)]).tolist()
        self.spans: dict[int, range] = {
            index: range(start, end)
            for index, start, end in zip(roots, starts[:-1], starts[1:], strict=True)
        }
        self.crosses = tuple(crosses)
        self.anchors = tuple(anchors)

    @classmethod
    def fit(cls, codecs: Sequence[LearnedCodec], codes: Tensor) -> RowLayout:
        """The layout of rows with these codes, (rows, codecs)."""
        columns = [codec.tokens(index, len(codes), RULES) for index, codec in enumerate(codecs)]
        choices = {}
        for index, column in enumerate(columns):
            column_codes = codes[:, index].numpy()
            if column.choices is not None and column_codes.min() >= 0:
                choices[index] = column.choices_of(column_codes)
        sizes = [column.tokens[0].size for column in columns]
        dependencies = find_dependencies(choices, sizes)
        layout = cls(codecs, columns, len(codes), dependencies)
        rng = torch.Generator().manual_seed(0)
        sample = codes[torch.randperm(len(codes), generator=rng)[:_SCREENED_ROWS]]
        values, active = layout.tables(torch.device("cpu")).expand(sample, None)
        crosses = []
        for members in find_crosses(values.numpy(), active.numpy(), layout.tokens):
            tokens = [layout.tokens[index] for index in members]
            parts = [
                columns[token.column].choices_of(codes[:, token.column].numpy()) for token in tokens
            ]
            crosses.append(Cross.fit(members, parts, [token.size for token in tokens]))
        anchors = find_anchors(columns, layout.spans, values.numpy(), active.numpy())
        return cls(codecs, columns, len(codes), dependencies, crosses, anchors)

    def tables(self, device: torch.device) -> TokenTables:
        """Codes to tokens, on the device."""
        return TokenTables(self._roots, device)

    def index_of(self, name: str) -> int | None:
        """The index of the codec that encodes the column of this name, if it is learned."""
        for index, codec in enumerate(self.codecs):
            if any(column.name == name for column in codec.columns):
                return index
        return None

    def source_of(self, column: int) -> Dependency | None:
        """The dependency that a column is a function by, or None."""
        return self._derived.get(column)

    def order(self, first: Sequence[int] = (), last: Sequence[int] = ()) -> list[int]:
        """The tokens in order, those of some columns first or last."""
        middle = [index for index in self.spans if index not in {*first, *last}]
        columns = [*dict.fromkeys(first), *middle, *(c for c in last if c not in first)]
        return [token for column in columns for token in self.spans[column]]

    def random_order(self, rng: torch.Generator) -> list[int]:
        """The tokens with their columns in random order."""
        columns = list(self.spans)
        shuffled = torch.randperm(len(columns), generator=rng).tolist()
        return [token for index in shuffled for token in self.spans[columns[index]]]

    def decode(
        self,
        values: Array,
        uniforms: Array,
        constraints: Mapping[int, Constraint] | None = None,
    ) -> list[pa.Array]:
        """Decode tokens.

        Args:
            values: (rows, tokens) float64.
            uniforms: (rows, codecs) float64 in [0, 1), which decide what tokens leave open.
            constraints: what values may be, by column.

        Returns:
            The arrays of each column of each learned codec, in order.
        """
        constraints = constraints or {}
        arrays = []
        for index, column in enumerate(self.columns):
            part = self._values_of(index, values)
            arrays += column.decode(part, uniforms[:, index], constraints.get(index))
        return arrays

    def related(self, values: Array) -> dict[str, Array]:
        """The relations that give values of rows.

        Args:
            values: (rows, tokens) float64.

        Returns:
            By name of the column, (rows,) int64, the relation; -1 for none.
        """
        found = {}
        for index, codec in enumerate(self.codecs):
            if codec.related:
                relation = self.columns[index].related(self._values_of(index, values))
                assert relation is not None
                found[codec.columns[0].name] = relation
        return found

    def _values_of(self, index: int, values: Array) -> Array:
        """The tokens of one column, (rows, its tokens), those of functions of others too."""
        dependency = self._derived.get(index)
        if dependency is None:
            span = self.spans[index]
            return values[:, span.start : span.stop]
        source = values[:, self.spans[dependency.source].start].astype(np.int64)
        return dependency.table[source][:, None]

    def to_json(self) -> dict[str, Any]:
        """The JSON part of the state; the codecs have their own."""
        return {
            "rows": self.rows,
            "columns": [column.to_json() for column in self.columns],
            "dependencies": [
                {"column": d.token, "source": d.source, "table": d.table.tolist()}
                for d in self.dependencies
            ],
            "crosses": [cross.to_json() for cross in self.crosses],
            "anchors": [anchor.to_json() for anchor in self.anchors],
        }

    @classmethod
    def restore(
        cls,
        data: Mapping[str, Any],
        codecs: Sequence[LearnedCodec],
        arrays: Sequence[Mapping[str, Array]] | None,
    ) -> RowLayout:
        """Inverse of :meth:`to_json`, with the arrays of the columns' tokens.

        Args:
            data: as :meth:`to_json` returns it.
            codecs: the learned codecs.
            arrays: of each column's tokens; None for files up to format 2, which have none.

        Raises:
            Damaged: they do not match.
        """
        dependencies = [
            Dependency(int(item["column"]), int(item["source"]), np.array(item["table"], np.int64))
            for item in data["dependencies"]
        ]
        rows = data["rows"]
        if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
            raise Damaged(f"{rows!r:.50} is not a number of rows")
        if arrays is None:
            try:
                columns = [
                    codec.tokens(index, rows, FORMAT_2_RULES) for index, codec in enumerate(codecs)
                ]
            except ValueError as error:
                raise Damaged(str(error)) from error
            layout = cls(codecs, columns, rows, dependencies)
            if [token.size for token in layout.tokens] != data.get("sizes"):
                raise Damaged("the tokens do not match the columns")
            return layout
        items = data.get("columns", [])
        if len(items) != len(codecs) or len(arrays) != len(codecs):
            raise Damaged("the tokens do not match the columns")
        columns = [
            codec.restore_tokens(index, item, part)
            for index, (codec, item, part) in enumerate(zip(codecs, items, arrays, strict=True))
        ]
        layout = cls(codecs, columns, rows, dependencies)
        crosses = [
            Cross.restore(item, layout.tokens)
            for item in data.get("crosses", ())  # older files have none
        ]
        anchors = [Anchor.restore(item, layout.tokens) for item in data.get("anchors", ())]
        return cls(codecs, columns, rows, dependencies, crosses, anchors)

    def _check(self) -> None:
        """Raise Damaged unless every dependency is between two columns of one choice each."""
        for index, dependency in self._derived.items():
            source = dependency.source
            if not (0 <= index < len(self.columns) and 0 <= source < len(self.columns)):
                raise Damaged(f"there is no column {index} or {source}")
            column, other = self.columns[index], self.columns[source]
            table = dependency.table
            if (
                source in self._derived
                or column.choices is None
                or other.choices is None
                or table.shape != (other.tokens[0].size,)
                or table.min() < 0
                or table.max() >= column.tokens[0].size
            ):
                raise Damaged(f"column {index} is not a function of column {source}")
