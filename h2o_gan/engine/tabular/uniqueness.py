"""Rows of a sample that repeat earlier ones in columns that have to be unique."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from h2o_gan.engine.data.relations.rules import Unique
from h2o_gan.engine.data.schema import Array
from h2o_gan.engine.exceptions import Unreachable

__all__ = ["without_repeats"]

_ATTEMPTS = 32


def without_repeats(
    batches: Iterable[pa.RecordBatch],
    rules: Sequence[Unique],
    again: Callable[[int, int], pa.RecordBatch],
) -> Iterator[pa.RecordBatch]:
    """Replace rows that repeat earlier ones.

    Memory grows by about 100 bytes for each row and rule.

    Args:
        batches: the sample, in order.
        rules: the columns that have to be unique.
        again: draws a batch again, given its number and that of the attempt, from 1.

    Raises:
        Unreachable: there are no values left that are new.
    """
    seen: list[set[int]] = [set() for _ in rules]
    for number, batch in enumerate(batches):
        attempt = 0
        while (repeats := _repeats(batch, rules, seen)).any():
            if attempt == _ATTEMPTS:
                raise Unreachable(
                    f"{rules[0].text}: the model has too few different values for so many rows: "
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


def _repeats(batch: pa.RecordBatch, rules: Sequence[Unique], seen: Sequence[set[int]]) -> Array:
    """The mask of rows that repeat an earlier row of the sample, (rows,) bool."""
    repeats = np.zeros(batch.num_rows, bool)
    for rule, values in zip(rules, seen, strict=True):
        hashes, present = _hashes(batch, rule)
        before = np.fromiter((value in values for value in hashes.tolist()), bool, len(hashes))
        repeats |= present & (before | rule.broken(batch))
    return repeats


def _hashes(batch: pa.RecordBatch, rule: Unique) -> tuple[Array, Array]:
    """Hashes of the rule's values, (rows,) uint64, and where none of them is missing."""
    present = np.ones(batch.num_rows, bool)
    hashes = np.zeros(batch.num_rows, np.uint64)
    for name in rule.columns:
        column = batch.column(name)
        present &= column.is_valid().to_numpy(zero_copy_only=False)
        if pa.types.is_dictionary(column.type):
            column = column.cast(pa.string())
        part = pd.util.hash_array(column.to_numpy(zero_copy_only=False), categorize=False)
        hashes = hashes * np.uint64(1_000_003) ^ part
    return hashes, present
