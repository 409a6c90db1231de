"""The options of a sample, one typed object for all families of models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["SampleOptions"]


@dataclass(frozen=True)
class SampleOptions:
    """Options of a sample; a family of models says which it supports.

    Attributes:
        conditions: by column, the values that every row must have: a level, a number or a time, a
            list of them, a pair (low, high), or None for missing. Or a table of some columns,
            whose cells are copied row by row.
        balance: a categorical column whose levels get equal numbers of rows.
        temperature: above 0; below 1 for more typical rows, above 1 for more varied ones.

    Raises:
        ValueError: the temperature is out of bounds.
        TypeError: the temperature is not a number.
    """

    conditions: Mapping[str, Any] | pa.Table | None = None
    balance: str | None = None
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.temperature, bool | str | None):
            raise TypeError(f"temperature must be a number, not {self.temperature!r}.")
        if not self.temperature > 0 or not np.isfinite(self.temperature):
            raise ValueError(f"temperature must be above 0 and finite, not {self.temperature!r}.")

    def given(self) -> list[str]:
        """The names of the options that differ from their defaults."""
        by_row = isinstance(self.conditions, pa.Table)
        options = {
            "conditions by row": by_row,
            "conditions": not by_row and bool(self.conditions),
            "balance": self.balance is not None,
            "temperature": self.temperature != 1,
        }
        return [name for name, is_given in options.items() if is_given]
