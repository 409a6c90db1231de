"""A table <-> codes: columns of any kind, each by its codec.

In memory a row is a few integer codes; what networks make of them is theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from h2o_gan.engine.data.codecs.categorical import Levels
from h2o_gan.engine.data.codecs.constant import Constant
from h2o_gan.engine.data.codecs.fitting import Codec, fit_codec
from h2o_gan.engine.data.codecs.identifier import Fresh
from h2o_gan.engine.data.codecs.numeric import Binned
from h2o_gan.engine.data.schema import schema_of
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.notices import warn

__all__ = ["TableEncoder"]

Array = npt.NDArray[Any]

_CODECS: dict[str, Any] = {
    "constant": Constant,
    "levels": Levels,
    "binned": Binned,
    "fresh": Fresh,
}


class TableEncoder:
    """Mixed columns: numbers and times as places in their distribution, levels as choices."""

    def __init__(self, codecs: Sequence[Codec]) -> None:
        self.codecs = tuple(codecs)
        self.columns = tuple(codec.column for codec in self.codecs)
        self.learned = tuple(c for c in self.codecs if isinstance(c, Levels | Binned))

    @classmethod
    def fit(
        cls,
        table: pa.Table,
        weights: Array | None = None,
        ignore_const_cols: bool = True,
        column_types: Mapping[str, str] | None = None,
    ) -> TableEncoder:
        """Describe the columns of `table`.

        Args:
            table: the training rows.
            weights: (rows,) non-negative row weights, or None.
            ignore_const_cols: whether columns with a single value stay out of the networks.
            column_types: what to take columns for; see :func:`fit_codec`.

        Free text is left out, with a warning that names it.

        Raises:
            ValueError: no column is left for the networks to learn.
        """
        types = column_types or {}
        codecs, text = [], []
        for name in table.column_names:
            codec = fit_codec(
                name, table.column(name), weights, not ignore_const_cols, types.get(name, "auto")
            )
            if codec is None:
                text.append(name)
            else:
                codecs.append(codec)
        encoder = cls(codecs)
        if not encoder.learned:
            if text:
                raise ValueError(
                    f"only text is left to learn ({', '.join(text[:10])}): convert columns with "
                    "asfactor(), or leave others in."
                )
            raise ValueError(
                "every column is constant, all missing or an identifier, so there is nothing to "
                "learn: give other columns, or set ignore_const_cols=False to train on constants."
            )
        if text:
            warn(
                f"Dropping text columns, which can't be learned: {', '.join(text)}. "
                "asfactor() makes them categories."
            )
        return encoder

    def encode(self, table: pa.Table) -> Tensor:
        """A table with these columns to codes (rows, learned columns), int16 where they fit."""
        most = max(
            max(codec.cumulative.size if isinstance(codec, Binned) else codec.width, 0)
            for codec in self.learned
        )
        dtype = np.int16 if most < np.iinfo(np.int16).max else np.int32
        codes = np.empty((table.num_rows, len(self.learned)), dtype)
        for place, codec in enumerate(self.learned):
            codes[:, place] = codec.encode(table.column(codec.column.name))
        return torch.from_numpy(codes)

    def decode(self, hard: Array, start: int = 0, seed: int = 0) -> pa.RecordBatch:
        """Hardened outputs, float64 (rows, learned columns), to rows of the table."""
        learned = [codec.decode(hard[:, place]) for place, codec in enumerate(self.learned)]
        return self.assemble(learned, start, seed)

    def assemble(self, learned: Sequence[pa.Array], start: int, seed: int) -> pa.RecordBatch:
        """The values of the learned columns to rows with all columns."""
        rows = len(learned[0])
        own = iter(learned)
        arrays = []
        for codec in self.codecs:
            if isinstance(codec, Constant):
                arrays.append(codec.decode(np.zeros(rows)))
            elif isinstance(codec, Fresh):
                arrays.append(codec.values(start, rows, seed))
            else:
                arrays.append(next(own))
        return pa.RecordBatch.from_arrays(arrays, schema=schema_of(list(self.columns)))

    def describe(self) -> list[dict[str, Any]]:
        """What each column was taken for."""
        return [codec.describe() for codec in self.codecs]

    def to_json(self) -> dict[str, Any]:
        """JSON part of the state."""
        return {"encoder": "table", "columns": [codec.to_json() for codec in self.codecs]}

    def arrays(self) -> dict[str, Array]:
        """Array part of the state: names are a column's place and the array's own."""
        return {
            f"{place}.{name}": array
            for place, codec in enumerate(self.codecs)
            for name, array in codec.arrays().items()
        }

    @classmethod
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> TableEncoder:
        """Inverse of :meth:`to_json` and :meth:`arrays`. Raises Damaged for other data."""
        codecs: list[Codec] = []
        by_place: dict[str, dict[str, Array]] = {}
        for name, array in arrays.items():
            number, _, own = name.partition(".")
            by_place.setdefault(number, {})[own] = array
        for place, item in enumerate(data["columns"]):
            own_arrays = by_place.get(str(place), {})
            codecs.append(_CODECS[item["codec"]].restore(item, own_arrays))
        names = [codec.column.name for codec in codecs]
        if len(set(names)) != len(names):
            raise Damaged("two of its columns have one name")
        encoder = cls(codecs)
        if not encoder.learned:
            raise Damaged("none of its columns is learned")
        return encoder
