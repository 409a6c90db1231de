"""How near rows come to the rows that a model was trained on.

A generator that has learned by heart gives training rows away. Whether it does shows in how near
its rows are to the nearest training row, held against how near unseen real rows are (distance to
the closest record; van Breugel et al. 2023, arXiv 2302.12580, discuss what it tells).

Images lie as far apart as the root of their mean squared difference, on a scale of 0 to 1. Rows of
a table lie as far apart as the mean over their columns (Gower 1971): the difference in units of
the column's range for numbers and times, 0 or 1 for levels and for missing values.
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
from h2o_gan.engine.model import Model

__all__ = ["COPIES_SCHEMA", "copies"]

Array = npt.NDArray[np.float64]

COPIES_SCHEMA = pa.schema(
    [
        ("nearest_row", pa.int64()),
        ("distance", pa.float64()),
        ("real_distance", pa.float64()),
        ("real_nearer", pa.float64()),
    ]
)

_HELD_OUT = 1000
_CELLS = 2**24  # distances in memory at a time


def copies(model: Model, rows: pa.Table, training: pa.Table) -> pa.Table:
    """The nearest training row of each row, and what distances unseen real rows have.

    Unseen real rows are stood in for by training rows with themselves left out: to the others they
    are what an unseen row is to all.

    Args:
        model: says which columns count, and whether they are an image.
        rows: with the model's columns; names of rows may be absent.
        training: the rows it was trained on, with the same columns.

    Returns:
        One row a row, with :data:`COPIES_SCHEMA`: the number of the nearest training row, from 0;
        the distance to it; the median distance of unseen real rows; and the share of those that
        are as near or nearer. A share close to 0 in more than that share of rows is a sign of
        copies.

    Raises:
        ValueError: there are fewer than two training rows, or no column to compare.
    """
    if training.num_rows < 2:
        raise ValueError("the training data have fewer than two rows: nothing can be compared.")
    encoder = model.encoder
    columns = [column.name for column in model.judged_columns]
    numbers = None  # of the training rows, where some are left out
    search: Callable[[Tensor, Tensor, Tensor | None], tuple[npt.NDArray[np.int64], Array]]
    if isinstance(encoder, PixelEncoder):
        own = model.codes_of(rows)[:, : encoder.width]
        codes, kept = encode_rows(encoder, training, model.parameters, threading.Event())
        others = codes[:, : encoder.width]
        numbers = None if kept is None else kept.nonzero()[0]
        search = partial(_nearest_images, levels=float(encoder.levels))
    else:
        own, others = _scaled(rows.select(columns), training.select(columns))
        search = _nearest_rows
    if not others.shape[1]:
        raise ValueError("the model has no column in which rows could be compared.")
    held_out = torch.linspace(0, len(others) - 1, min(_HELD_OUT, len(others))).long()
    _, unseen = search(others[held_out], others, held_out)
    places, distances = search(own, others, None)
    if numbers is not None:
        places = numbers[places]
    unseen = np.sort(unseen)
    share = np.searchsorted(unseen, distances, side="right") / len(unseen)
    median = np.full(len(distances), np.median(unseen))
    return pa.table([places, distances, median, share], schema=COPIES_SCHEMA)


def _nearest_images(
    rows: Tensor, others: Tensor, own_places: Tensor | None, levels: float
) -> tuple[npt.NDArray[np.int64], Array]:
    pixels = rows.shape[1]
    best = torch.full((len(rows),), math.inf)
    places = torch.zeros(len(rows), dtype=torch.int64)
    step = max(_CELLS // max(pixels, len(rows)), 1)
    wanted = rows.float() / levels
    squares = wanted.square().sum(1)
    for start in range(0, len(others), step):
        part = others[start : start + step].float() / levels
        distance = squares[:, None] + part.square().sum(1) - 2 * (wanted @ part.T)
        _leave_out(distance, own_places, start)
        nearest, place = distance.min(1)
        better = nearest < best
        best = torch.where(better, nearest, best)
        places = torch.where(better, place + start, places)
    # The products round: what is nearest is measured again, exactly.
    exact = torch.cat(
        [
            (rows[part].double() - others[places[part]].double()).square().mean(1)
            for part in torch.arange(len(rows)).split(max(_CELLS // pixels, 1))  # type: ignore[no-untyped-call]
        ]
    )
    return places.numpy(), exact.sqrt().numpy() / levels


def _nearest_rows(
    rows: Tensor, others: Tensor, own_places: Tensor | None
) -> tuple[npt.NDArray[np.int64], Array]:
    columns = rows.shape[1]
    places, distances = [], []
    for part in torch.arange(len(rows)).split(max(_CELLS // len(others), 1)):  # type: ignore[no-untyped-call]
        total = torch.zeros(len(part), len(others))
        for column in range(columns):
            own, theirs = rows[part, column, None], others[:, column]
            # Codes of levels lie 1 or more apart, and missing values are infinite.
            apart = (own - theirs).abs_().nan_to_num_(nan=0.0).clamp_(max=1.0)
            total += apart
        _leave_out(total, None if own_places is None else own_places[part], 0)
        nearest, place = total.min(1)
        places.append(place)
        distances.append(nearest / columns)
    return torch.cat(places).numpy(), torch.cat(distances).double().numpy()


def _leave_out(distance: Tensor, own_places: Tensor | None, start: int) -> None:
    """Make rows infinitely far from themselves."""
    if own_places is None:
        return
    column = own_places - start
    here = (column >= 0) & (column < distance.shape[1])
    distance[here.nonzero()[:, 0], column[here]] = math.inf


def _scaled(rows: pa.Table, training: pa.Table) -> tuple[Tensor, Tensor]:
    """Both tables as (rows, columns) float32, numbers in units of the training rows' range."""
    own, others = [], []
    for name in training.column_names:
        pair = [table.column(name) for table in (rows, training)]
        kind = pair[1].type
        if pa.types.is_null(kind) or pair[1].null_count == len(pair[1]):
            continue
        if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
            texts = [values.cast(pa.string()) for values in pair]
            known = pc.unique(pa.chunked_array([*texts[0].chunks, *texts[1].chunks])).drop_null()
            codes = [pc.index_in(values, value_set=known) for values in texts]
            numbers = [_floats(values) for values in codes]
        else:
            numbers = [
                _floats(v.cast(pa.int64()) if pa.types.is_timestamp(v.type) else v) for v in pair
            ]
            finite = numbers[1][np.isfinite(numbers[1])]
            low = finite.min(initial=math.inf)
            extent = finite.max(initial=-math.inf) - low
            numbers = [(values - low) / (extent if extent > 0 else 1.0) for values in numbers]
        own.append(numbers[0])
        others.append(numbers[1])
    return _stacked(own, rows.num_rows), _stacked(others, training.num_rows)


def _floats(values: pa.ChunkedArray) -> Array:
    """float64 with +infinity for missing: two of them are alike, one is far from all else."""
    floats = values.cast(pa.float64(), safe=False).fill_null(math.inf)
    array: Array = floats.to_numpy()
    return array


def _stacked(columns: Sequence[Array], rows: int) -> Tensor:
    if not columns:
        return torch.zeros(rows, 0)
    return torch.from_numpy(np.stack(columns, 1).astype(np.float32))
