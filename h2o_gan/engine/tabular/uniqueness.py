"""Rows of a sample that repeat earlier ones in columns that have to be unique."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from h2o_gan.engine.data.numbers import numbers_of
from h2o_gan.engine.data.relations.rules import Unique
from h2o_gan.engine.data.schema import NUMBER_KINDS, Array, kind_of
from h2o_gan.engine.exceptions import Unreachable

__all__ = ["without_repeats"]

_ATTEMPTS = 32


def without_repeats(
    batches: Iterable[pa.RecordBatch],
    rules: Sequence[Unique],
    again: Callable[[int, int], pa.RecordBatch],
    given: Callable[[int, int, Unique], Array],
) -> Iterator[pa.RecordBatch]:
    """Replace rows that repeat earlier ones.

    Memory grows by about 100 bytes for each row and rule.

    Args:
        batches: the sample, in order.
        rules: the columns that have to be unique.
        again: draws a batch again, given its number and that of the attempt, from 1.
        given: the mask of rows, (rows,) bool, whose values of a rule the user gave, which no other
            draw changes; by the index of the first row in the sample, their number and the rule.

    Raises:
        Unreachable: there are no values left that are new.
    """
    seen: list[set[int]] = [set() for _ in rules]
    start = 0
    for number, batch in enumerate(batches):
        fixed = [given(start, batch.num_rows, rule) for rule in rules]
        start += batch.num_rows
        attempt = 0
        while True:
            by_rule = [
                _repeats(batch, rule, values) & ~mask
                for rule, values, mask in zip(rules, seen, fixed, strict=True)
            ]
            repeats = np.logical_or.reduce(by_rule)
            if not repeats.any():
                break
            if attempt == _ATTEMPTS:
                text = next(r.text for r, mask in zip(rules, by_rule, strict=True) if mask.any())
                raise Unreachable(
                    f"{text}: the model has too few different values for so many rows: "
                    "generate fewer, or leave the rule out."
                )
            attempt += 1
            other = pa.concat_batches([batch, again(number, attempt)])
            index = np.arange(batch.num_rows)
            batch = other.take(pa.array(np.where(repeats, batch.num_rows + index, index)))
        for values, rule in zip(seen, rules, strict=True):
            hashes, present = _hashes(batch, rule)
            values.update(hashes[present].tolist())
        yield batch


def _repeats(batch: pa.RecordBatch, rule: Unique, seen: set[int]) -> Array:
    """The mask of rows that repeat an earlier row of the sample, (rows,) bool."""
    hashes, present = _hashes(batch, rule)
    before = np.fromiter((value in seen for value in hashes.tolist()), bool, len(hashes))
    repeats: Array = present & (before | rule.broken(batch))
    return repeats


def _hashes(batch: pa.RecordBatch, rule: Unique) -> tuple[Array, Array]:
    """Hashes of the rule's values, (rows,) uint64, and where none of them is missing."""
    present = np.ones(batch.num_rows, bool)
    hashes = np.zeros(batch.num_rows, np.uint64)
    for name in rule.columns:
        column = batch.column(name)
        present &= column.is_valid().to_numpy(zero_copy_only=False)
        kind = kind_of(column.type)
        # As numbers: with missing values, NumPy would make doubles of whole ones.
        values = (
            numbers_of(column)[0]
            if kind in NUMBER_KINDS
            else column.cast(pa.string()).to_numpy(zero_copy_only=False)
        )
        part = pd.util.hash_array(values, categorize=False)
        hashes = hashes * np.uint64(1_000_003) ^ part
    return hashes, present
