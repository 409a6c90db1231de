"""Distances of rows to the nearest row that a model was trained on.

A generator that memorizes reveals training rows. The measure is the distance to the nearest
training row, compared with that of unseen real rows (distance to the closest record; van Breugel
et al. 2023, arXiv 2302.12580, discuss its limits).

The distance of two images is the root of their mean squared difference, on a scale of 0 to 1. The
distance of two rows of a table is the mean over their columns (Gower 1971): the difference in
units of the column's range for numbers and times, 0 or 1 for levels and for missing values.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.data.preparation import encode_rows
from h2o_gan.engine.data.schema import TIME, kind_of
from h2o_gan.engine.model import Model

__all__ = ["NEAREST_SCHEMA", "nearest_training_rows"]

Array = npt.NDArray[np.float64]

NEAREST_SCHEMA = pa.schema(
    [
        ("nearest_row", pa.int64()),
        ("distance", pa.float64()),
        ("real_distance", pa.float64()),
        ("real_nearer", pa.float64()),
    ]
)

_HELD_OUT = 1000
_CELLS = 2**24  # distances in memory at a time


def nearest_training_rows(model: Model, rows: pa.Table, training: pa.Table) -> pa.Table:
    """Find the nearest training row of each row, and compare with unseen real rows.

    A training row, compared with all others but itself, takes the role of an unseen real row.

    Args:
        model: decides which columns count, and whether they are an image.
        rows: with the model's columns; identifiers may be absent.
        training: the rows that it was trained on, with the same columns.

    Returns:
        One row for each row, with :data:`NEAREST_SCHEMA`: the index of the nearest training row;
        the distance to it; the median distance of unseen real rows; and the share of those that
        are as near or nearer. If more than 1 % of the rows have a share below 0.01, some are
        copies; and so for other shares.

    Raises:
        ValueError: there are fewer than two training rows, or there is no column to compare.
    """
    if training.num_rows < 2:
        raise ValueError("the training data have fewer than two rows: nothing can be compared.")
    encoder = model.encoder
    columns = [column.name for column in model.scored_columns]
    kept_rows = None  # indices of the training rows, where some are left out
    search: Callable[[Tensor, Tensor, Tensor | None], tuple[npt.NDArray[np.int64], Array]]
    if isinstance(encoder, PixelEncoder):
        wanted = model.codes_of(rows)[:, : encoder.width]
        codes, kept = encode_rows(encoder, training, model.parameters, threading.Event())
        others = codes[:, : encoder.width]
        kept_rows = None if kept is None else kept.nonzero()[0]
        search = partial(_nearest_images, levels=float(encoder.levels))
    else:
        wanted, others = _scaled(rows.select(columns), training.select(columns))
        search = _nearest_rows
    if not others.shape[1]:
        raise ValueError("the model has no column in which rows could be compared.")
    held_out = torch.linspace(0, len(others) - 1, min(_HELD_OUT, len(others))).long()
    _, unseen = search(others[held_out], others, held_out)
    indices, distances = search(wanted, others, None)
    if kept_rows is not None:
        indices = kept_rows[indices]
    unseen = np.sort(unseen)
    share = np.searchsorted(unseen, distances, side="right") / len(unseen)
    median = np.full(len(distances), np.median(unseen))
    return pa.table([indices, distances, median, share], schema=NEAREST_SCHEMA)


def _nearest_images(
    rows: Tensor, others: Tensor, excluded: Tensor | None, levels: float
) -> tuple[npt.NDArray[np.int64], Array]:
    pixels = rows.shape[1]
    best = torch.full((len(rows),), math.inf)
    indices = torch.zeros(len(rows), dtype=torch.int64)
    step = max(_CELLS // max(pixels, len(rows)), 1)
    wanted = rows.float() / levels
    squares = wanted.square().sum(1)
    for start in range(0, len(others), step):
        part = others[start : start + step].float() / levels
        distance = squares[:, None] + part.square().sum(1) - 2 * (wanted @ part.T)
        _leave_out(distance, excluded, start)
        nearest, index = distance.min(1)
        better = nearest < best
        best = torch.where(better, nearest, best)
        indices = torch.where(better, index + start, indices)
    # Matrix products round: compute the distance to the nearest row again, exactly.
    exact = torch.cat(
        [
            (rows[part].double() - others[indices[part]].double()).square().mean(1)
            for part in torch.arange(len(rows)).split(max(_CELLS // pixels, 1))  # type: ignore[no-untyped-call]
        ]
    )
    return indices.numpy(), exact.sqrt().numpy() / levels


def _nearest_rows(
    rows: Tensor, others: Tensor, excluded: Tensor | None
) -> tuple[npt.NDArray[np.int64], Array]:
    columns = rows.shape[1]
    indices, distances = [], []
    for part in torch.arange(len(rows)).split(max(_CELLS // len(others), 1)):  # type: ignore[no-untyped-call]
        total = torch.zeros(len(part), len(others))
        for column in range(columns):
            wanted, theirs = rows[part, column, None], others[:, column]
            # Codes of levels differ by 1 or more, and missing values are infinite.
            apart = (wanted - theirs).abs_().nan_to_num_(nan=0.0).clamp_(max=1.0)
            total += apart
        _leave_out(total, None if excluded is None else excluded[part], 0)
        nearest, index = total.min(1)
        indices.append(index)
        distances.append(nearest / columns)
    return torch.cat(indices).numpy(), torch.cat(distances).double().numpy()


def _leave_out(distance: Tensor, excluded: Tensor | None, start: int) -> None:
    """Set the distance of row i to the excluded training row i to infinity."""
    if excluded is None:
        return
    column = excluded - start
    here = (column >= 0) & (column < distance.shape[1])
    distance[here.nonzero()[:, 0], column[here]] = math.inf


def _scaled(rows: pa.Table, training: pa.Table) -> tuple[Tensor, Tensor]:
    """Both tables as (rows, columns) float32, numbers in units of the training rows' range."""
    wanted, others = [], []
    for name in training.column_names:
        pair = [table.column(name) for table in (rows, training)]
        if pair[1].null_count == len(pair[1]):
            continue
        kind = kind_of(pair[1].type)
        if kind in ("enum", "string"):
            texts = [values.cast(pa.string()) for values in pair]
            known = pc.unique(pa.chunked_array([*texts[0].chunks, *texts[1].chunks])).drop_null()
            codes = [pc.index_in(values, value_set=known) for values in texts]
            numbers = [_floats(values) for values in codes]
        else:
            if kind == "time":
                pair = [values.cast(TIME, safe=False).cast(pa.int64()) for values in pair]
            numbers = [_floats(values) for values in pair]
            finite = numbers[1][np.isfinite(numbers[1])]
            low = finite.min(initial=math.inf)
            extent = finite.max(initial=-math.inf) - low
            numbers = [(values - low) / (extent if extent > 0 else 1.0) for values in numbers]
        wanted.append(numbers[0])
        others.append(numbers[1])
    return _stacked(wanted, rows.num_rows), _stacked(others, training.num_rows)


def _floats(values: pa.ChunkedArray) -> Array:
    """float64 with +infinity for missing: two of them are equal, and far from all others."""
    floats = values.cast(pa.float64(), safe=False).fill_null(math.inf)
    array: Array = floats.to_numpy()
    return array


def _stacked(columns: Sequence[Array], rows: int) -> Tensor:
    if not columns:
        return torch.zeros(rows, 0)
    return torch.from_numpy(np.stack(columns, 1).astype(np.float32))
