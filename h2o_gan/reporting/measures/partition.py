"""Groups of rows by one column: levels of a category, or quarters of a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from h2o_gan.reporting.measures.rows import Field, Rows

__all__ = ["Partition"]

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_QUARTERS = 4


@dataclass(frozen=True, eq=False)
class Partition:
    """Groups by a column.

    Attributes:
        name: of the column.
        labels: of the groups.
        levels: codes of the levels with a group, ascending; None for numbers.
        groups_of_levels: group of each of these.
        cuts: between the groups of numbers.
    """

    name: str
    labels: Sequence[str]
    levels: Array | None
    groups_of_levels: Codes
    cuts: Array

    @classmethod
    def fit(cls, training: Rows, name: str, most: int = 12) -> Partition:
        """Choose groups from training rows.

        Args:
            training: the rows.
            name: of the column.
            most: most groups of a category; other levels are one more group, missing cells another.
        """
        field, values = training.field(name), training.values[name]
        known = values[np.isfinite(values)]
        if field.is_category:
            codes, counts = np.unique(known, return_counts=True)
            chosen = codes[np.argsort(-counts, kind="stable")[:most]]
            labels = [field.levels[int(code)] for code in chosen]
            order = np.argsort(chosen)
            return cls(
                name, [*labels, "other levels", "missing"], chosen[order], order, np.zeros(0)
            )
        inner = np.linspace(0, 1, _QUARTERS + 1)[1:-1]
        cuts = np.unique(np.quantile(known, inner)) if len(known) else np.zeros(0)
        if len(cuts) and len(known) and cuts[-1] >= known.max():
            cuts = cuts[:-1]
        labels = _labels(field, cuts)
        return cls(name, [*labels, "missing"], None, np.zeros(0, np.int64), cuts)

    def __call__(self, values: Array) -> Codes:
        """(rows,) indices of labels."""
        missing = np.isnan(values)
        last = len(self.labels) - 1
        if self.levels is None:
            found = np.searchsorted(self.cuts, values, side="left")
        elif len(self.levels):
            index = np.minimum(np.searchsorted(self.levels, values), len(self.levels) - 1)
            hit = self.levels[index] == values
            found = np.where(hit, self.groups_of_levels[index], last - 1)
        else:
            found = np.full(len(values), last - 1)
        groups: Codes = np.where(missing, last, found).astype(np.int64)
        return groups


def _labels(field: Field, cuts: Array) -> list[str]:
    """Groups of numbers in words: each ends with its cut."""
    texts = [_text(field, float(cut)) for cut in cuts]
    if not texts:
        return ["all values"]
    between = [f"{low} to {high}" for low, high in pairwise(texts)]
    return [f"up to {texts[0]}", *between, f"above {texts[-1]}"]


def _text(field: Field, value: float) -> str:
    if field.kind == "time":
        return str(np.datetime64(int(value), "ms").astype("datetime64[D]"))
    return f"{value:.6g}"
