"""Reads a stream of rows, chooses the encoder, and encodes the rows."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from torch import Tensor

from h2o_gan.engine.data.encoder import Encoder
from h2o_gan.engine.data.image_files import read_images
from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.data.relations.checking import check_rules
from h2o_gan.engine.data.relations.rules import Rule
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.exceptions import TrainingStopped
from h2o_gan.notices import warn
from h2o_gan.parameters import Parameters

__all__ = ["encode_rows", "filter_rows", "fit_encoder", "read_rows"]

_FEW_ROWS = 50
_CHECKED_VALUES = 100  # of a column
_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def read_rows(
    batches: pa.RecordBatchReader, parameters: Parameters, stop: threading.Event
) -> tuple[pa.Table, npt.NDArray[np.float64] | None]:
    """Read all rows, without ignored columns, and their weights.

    Args:
        batches: the rows.
        parameters: with the weights' column and ignored columns.
        stop: when set, from any thread, reading ends.

    Returns:
        The rows, and their weights, float64 (rows,), or None.

    Raises:
        ValueError: there are no rows, or a weight is negative or not finite, or all are zero.
        TrainingStopped: `stop` was set.
    """
    read = []
    for batch in batches:
        if stop.is_set():
            raise TrainingStopped
        read.append(batch)
    table, weights = _split_weights(
        pa.Table.from_batches(read, batches.schema), parameters.weights_column
    )
    ignored = [n for n, kind in (parameters.column_types or {}).items() if kind == "ignore"]
    table = table.drop_columns([name for name in ignored if name in table.column_names])
    if table.num_rows == 0:
        raise ValueError("the data have no rows.")
    return table, weights


def filter_rows(
    table: pa.Table, weights: npt.NDArray[np.float64] | None, parameters: Parameters
) -> tuple[pa.Table, npt.NDArray[np.float64] | None, list[Rule]]:
    """Check the user's rules and leave out rows that break them, if the user wants that.

    Args:
        table: the rows.
        weights: float64 (rows,) row weights, or None.
        parameters: with the rules.

    Returns:
        The rows that are left, their weights, and the rules.

    Raises:
        ValueError: a text is not a rule, or rows break a rule and are not to be left out.
        TypeError: a rule uses values as what they are not.
    """
    if not parameters.constraints:
        return table, weights, []
    rules, keep = check_rules(parameters.constraints, table, parameters.constraint_errors)
    if keep.all():
        return table, weights, rules
    warn(
        f"{int((~keep).sum()):,} of {len(keep):,} training rows break rules of constraints and are "
        "left out."
    )
    return table.filter(pa.array(keep)), None if weights is None else weights[keep], rules


def fit_encoder(
    table: pa.Table,
    weights: npt.NDArray[np.float64] | None,
    parameters: Parameters,
    rules: Sequence[Rule] = (),
) -> Encoder:
    """Choose and fit the encoder: of images, or of a table.

    Args:
        table: the rows.
        weights: float64 (rows,) row weights, or None.
        parameters: with everything that the user declares about the columns.
        rules: that all rows keep.

    Raises:
        ValueError: the rows do not fit the parameters.
    """
    label = parameters.response_column
    for_images = parameters.networks_for(images=True)
    if parameters.missing_values_handling == "unknown":
        for_images = "columns"  # only tables have cells that are unknown
    if for_images == "mlp" and label is not None:
        if parameters.has_images:
            raise ValueError(
                "architecture='mlp' learns images without labels: leave out y, or the parameters "
                "that select it."
            )
        label = None
    if parameters.image_column is not None:
        labels = None if label is None else table.column(label)
        return PixelEncoder.of_files(parameters.image_shape or (), label, labels)
    if parameters.has_images:
        return PixelEncoder.fit_images(table, parameters.image_shape, label)
    if for_images != "columns":
        pixels = PixelEncoder.fit(table, label)
        if pixels is not None:
            if rules:
                raise ValueError(
                    "constraints are for tables, and these columns look like the pixels of images: "
                    "set architecture='columns' to learn them as a table."
                )
            return pixels
        if for_images == "convolutional" and label is None:
            _refuse_other_column(table)
    _warn_of_paths(table)
    if table.num_rows < _FEW_ROWS:
        warn(
            f"{table.num_rows} rows are few to learn from: samples will hardly differ from them. "
            f"Train on at least {_FEW_ROWS}, better on thousands."
        )
    by_columns = parameters.networks_for(images=False) == "columns"
    return TableEncoder.fit(
        table,
        weights,
        parameters.ignore_const_cols,
        parameters.column_types,
        groups=by_columns,
        relations=by_columns and parameters.relations,
        ignored_relations=parameters.ignored_relations or (),
        rules=rules,
        learn_missing=parameters.missing_values_handling == "value",
    )


def encode_rows(
    encoder: Encoder, table: pa.Table, parameters: Parameters, stop: threading.Event
) -> tuple[Tensor, npt.NDArray[np.bool_] | None]:
    """Encode rows; image files are read.

    Args:
        encoder: of the rows.
        table: the rows, or paths of image files and labels.
        parameters: with the image column, its root and what to do with errors.
        stop: when set, from any thread, reading of files ends.

    Returns:
        Codes (rows, code columns), see the encoder's `encode`, and the bool mask (rows,) of the
        rows whose files could be read, or None for all.

    Raises:
        ValueError: an image file cannot be read.
        TrainingStopped: `stop` was set.
    """
    column = parameters.image_column
    if column not in table.column_names or not isinstance(encoder, PixelEncoder):
        return encoder.encode(table), None
    if parameters.image_root is None:
        raise ValueError("image_root is missing: the folder of the files in image_column.")
    paths = table.column(column).cast(pa.string()).to_pylist()
    skip = parameters.image_errors == "skip"
    images, was_read = read_images(paths, parameters.image_root, encoder.shape, skip, stop)
    return encoder.encode_images(images, table.filter(pa.array(was_read))), was_read


def _refuse_other_column(table: pa.Table) -> None:
    other = PixelEncoder.non_pixel_column(table)
    if other is not None:
        raise ValueError(
            f"all columns but {other!r} are pixels: pass it as y if it is the label, or leave it "
            "out with ignored_columns. For a table that only looks like images set "
            "architecture='columns'."
        )


def _warn_of_paths(table: pa.Table) -> None:
    """Warn if a column looks like paths of image files, which are opened only on request."""
    for field in table.schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            continue
        some = table.column(field.name).slice(0, _CHECKED_VALUES).cast(pa.string()).drop_null()
        paths = [text.lower().endswith(_SUFFIXES) for text in some.to_pylist()]
        if paths and sum(paths) > len(paths) / 2:
            warn(
                f"column {field.name!r} looks like paths of image files, but is learned as text "
                "of a table. To learn the images set image_column, image_root and image_shape."
            )


def _split_weights(
    table: pa.Table, name: str | None
) -> tuple[pa.Table, npt.NDArray[np.float64] | None]:
    if name is None:
        return table, None
    weights = table.column(name).cast(pa.float64()).fill_null(0.0).to_numpy()
    if not np.all(np.isfinite(weights)) or weights.min(initial=0) < 0:
        raise ValueError(f"weights_column {name!r} has negative or infinite weights.")
    if not weights.any():
        raise ValueError(f"weights_column {name!r} is zero in every row.")
    return table.drop_columns([name]), weights
