"""A row as the tokens that the generator writes, and back to values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from h2o_gan.engine.data.codecs.categorical import Levels
from h2o_gan.engine.data.codecs.numeric import Binned
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.tabular.dependencies import Dependency, find_dependencies
from h2o_gan.engine.tabular.token_fitting import FORMAT_2_RULES, RULES, fit_tokens
from h2o_gan.engine.tabular.tokens import KINDS, Choice, ColumnTokens, Number, Token, TokenTables

__all__ = ["RowLayout"]

Array = npt.NDArray[Any]


class RowLayout:
    """Which tokens stand for which columns, and which columns follow from others.

    Args:
        codecs: those of the learned columns.
        columns: their tokens.
        rows: how many rows they were fitted on.
        dependencies: between columns, by their places among the learned ones.
    """

    def __init__(
        self,
        codecs: Sequence[Levels | Binned],
        columns: Sequence[ColumnTokens],
        rows: int,
        dependencies: Sequence[Dependency],
    ) -> None:
        self.codecs = tuple(codecs)
        self.columns = tuple(columns)
        self.rows = rows
        self.dependencies = tuple(dependencies)
        self._derived = {dependency.token: dependency for dependency in self.dependencies}
        self._check()
        roots = [place for place in range(len(self.columns)) if place not in self._derived]
        self._roots = [self.columns[place] for place in roots]
        self.tokens: tuple[Token, ...] = tuple(t for c in self._roots for t in c.tokens)
        starts = np.cumsum([0, *(len(column.tokens) for column in self._roots)]).tolist()
        self.places: dict[int, range] = {
            place: range(start, end)
            for place, start, end in zip(roots, starts[:-1], starts[1:], strict=True)
        }

    @classmethod
    def fit(cls, codecs: Sequence[Levels | Binned], codes: Tensor) -> RowLayout:
        """The layout of rows with these codes, (rows, columns)."""
        columns = [fit_tokens(at, codec, len(codes), RULES) for at, codec in enumerate(codecs)]
        choices = {}
        for place, column in enumerate(columns):
            own = codes[:, place].numpy()
            if isinstance(column, Choice) and own.min() >= 0:
                choices[place] = column.choice_of[own]
        sizes = [column.tokens[0].size for column in columns]
        return cls(codecs, columns, len(codes), find_dependencies(choices, sizes))

    def tables(self, device: torch.device) -> TokenTables:
        """Codes to tokens, on the device."""
        return TokenTables(self._roots, device)

    def source_of(self, column: int) -> Dependency | None:
        """What the column at this place follows from, if it follows from another."""
        return self._derived.get(column)

    def order(self, first: Sequence[int] = (), last: Sequence[int] = ()) -> list[int]:
        """The tokens, those of some columns first or last, the others as the table has them."""
        middle = [place for place in self.places if place not in {*first, *last}]
        columns = [*dict.fromkeys(first), *middle, *(c for c in last if c not in first)]
        return [token for column in columns for token in self.places[column]]

    def random_order(self, random: torch.Generator) -> list[int]:
        """The tokens with their columns in random order."""
        columns = list(self.places)
        shuffled = torch.randperm(len(columns), generator=random).tolist()
        return [token for place in shuffled for token in self.places[columns[place]]]

    def decode(
        self, values: Array, uniforms: Array, allowed: Mapping[int, Any] | None = None
    ) -> list[pa.Array]:
        """Tokens to values of the learned columns.

        Args:
            values: (rows, tokens) float64.
            uniforms: (rows, learned columns) in [0, 1): which of its rare values a row gets.
            allowed: by column, which codes may be, (codes,) bool; or a number's two bounds.
        """
        allowed = allowed or {}
        arrays = []
        for place, (column, codec) in enumerate(zip(self.columns, self.codecs, strict=True)):
            dependency = self._derived.get(place)
            if dependency is None:
                span = self.places[place]
                own = values[:, span.start : span.stop]
            else:
                source = values[:, self.places[dependency.source].start].astype(np.int64)
                own = dependency.table[source][:, None]
            bound = allowed.get(place)
            if isinstance(column, Number):
                numbers, missing = column.values(own)
                if bound is not None:
                    numbers = np.clip(numbers, *np.array(bound).astype(numbers.dtype))
                arrays.append(column.codec.array(numbers, missing))
                continue
            codes = column.decode(own, uniforms[:, place], bound)
            if isinstance(codec, Levels):
                arrays.append(codec.decode(codes))
            else:
                missing = codes >= len(codec.low)
                arrays.append(codec.array(codec.low[np.where(missing, 0, codes)], missing))
        return arrays

    def to_json(self) -> dict[str, Any]:
        """JSON part of the state; the codecs have their own."""
        return {
            "rows": self.rows,
            "columns": [column.to_json() for column in self.columns],
            "dependencies": [
                {"column": d.token, "source": d.source, "table": d.table.tolist()}
                for d in self.dependencies
            ],
        }

    @classmethod
    def restore(
        cls,
        data: Mapping[str, Any],
        codecs: Sequence[Levels | Binned],
        arrays: Sequence[Mapping[str, Array]] | None,
    ) -> RowLayout:
        """Inverse of :meth:`to_json`, with the arrays of the columns' tokens.

        Args:
            data: as :meth:`to_json` gives it.
            codecs: of the learned columns.
            arrays: of each of them; None for files up to format 2, which have no tokens.

        Raises:
            Damaged: they do not fit each other.
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
                    fit_tokens(place, codec, rows, FORMAT_2_RULES)
                    for place, codec in enumerate(codecs)
                ]
            except ValueError as error:
                raise Damaged(str(error)) from error
            layout = cls(codecs, columns, rows, dependencies)
            if [token.size for token in layout.tokens] != data.get("sizes"):
                raise Damaged("the tokens do not fit the columns")
            return layout
        own = data.get("columns", [])
        if len(own) != len(codecs) or len(arrays) != len(codecs):
            raise Damaged("the tokens do not fit the columns")
        columns = [
            KINDS[item["kind"]].restore(place, codec, item, part)
            for place, (codec, item, part) in enumerate(zip(codecs, own, arrays, strict=True))
        ]
        return cls(codecs, columns, rows, dependencies)

    def _check(self) -> None:
        for place, dependency in self._derived.items():
            source = dependency.source
            if not (0 <= place < len(self.columns) and 0 <= source < len(self.columns)):
                raise Damaged(f"no column {place} or {source}")
            own, other = self.columns[place], self.columns[source]
            table = dependency.table
            if (
                source in self._derived
                or not isinstance(own, Choice)
                or not isinstance(other, Choice)
                or table.shape != (other.tokens[0].size,)
                or table.min() < 0
                or table.max() >= own.tokens[0].size
            ):
                raise Damaged(f"column {place} does not follow from column {source}")
