"""Checks of the frames, columns and numbers that a user gives, and the upload of images.

They come before any long work.
"""

from __future__ import annotations

import numbers
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h2o
import numpy as np
from h2o.exceptions import H2OTypeError, H2OValueError
from h2o.frame import H2OFrame

from h2o_gan.cluster.exchange import bounded
from h2o_gan.cluster.patience import watched
from h2o_gan.notices import listed
from h2o_gan.parameters import Parameters

if TYPE_CHECKING:
    import numpy.typing as npt

    from h2o_gan.engine.data.schema import Column

__all__ = [
    "NUMBERS",
    "check_column_types",
    "check_constraints",
    "resolve_column",
    "resolve_frame",
    "training_columns",
    "upload_images",
    "whole_number",
    "writable_dir",
]

NUMBERS = ("int", "real")
LABEL = "label"
_BATCH_VALUES = 2**22


def resolve_frame(frame: H2OFrame | str | None, name: str, method: str = "train") -> H2OFrame:
    """The frame that a parameter of a method means.

    Args:
        frame: the frame, or its key.
        name: of the parameter.
        method: for the message.

    Returns:
        The frame; it has rows.

    Raises:
        H2OValueError: there is no such frame, or it has no rows.
        H2OTypeError: it is not a frame.
    """
    if frame is None:
        raise H2OValueError(f"{name} is missing: {method}({name}=frame).")
    if isinstance(frame, str):
        with watched(f"looking up frame {frame!r}"), bounded():
            key, frame = frame, h2o.get_frame(frame)
        if frame is None:
            raise H2OValueError(f"{name}={key!r} is not a frame of the cluster.")
    if not isinstance(frame, H2OFrame):
        raise H2OTypeError(
            message=f"{name} must be an H2OFrame, not {type(frame).__name__}: "
            "h2o.H2OFrame(data) makes one."
        )
    if getattr(frame, "_ex", None) is None:
        raise H2OValueError(f"{name} was removed from the cluster: import or compute it again.")
    if frame.nrow == 0:
        raise H2OValueError(f"{name} {frame.frame_id!r} has no rows.")
    return frame


def whole_number(value: Any, name: str) -> int:
    """A whole number in any notation: 1000, 1e3 or one of numpy's.

    Raises:
        H2OTypeError: it is not a whole number.
    """
    is_number = isinstance(value, numbers.Real | np.number) and not isinstance(value, bool)
    if not is_number or value != value or value in (np.inf, -np.inf) or int(value) != value:
        raise H2OTypeError(message=f"{name} must be a whole number, not {value!r:.100}.")
    return int(value)


def resolve_column(frame: H2OFrame, column: Any, parameter: str) -> str:
    """The name of a column that is given by name or index.

    Args:
        frame: the frame that must have it.
        column: the name, or the index; negative ones count from the end.
        parameter: for the message.

    Raises:
        H2OValueError: the frame has no such column.
    """
    names = frame.names
    if isinstance(column, int) and not isinstance(column, bool):
        if -len(names) <= column < len(names):
            return str(names[column])
    elif column in names:
        return str(column)
    raise H2OValueError(
        f"{parameter}: frame {frame.frame_id!r} has no column {column!r}; it has {listed(names)}."
    )


def training_columns(frame: H2OFrame, x: Any, parameters: Parameters) -> list[str]:
    """The columns to train on, in the frame's order; without the weights.

    Args:
        frame: the training frame.
        x: names or indices; None for all.
        parameters: name the response, the weights, the ignored columns, and those of images.

    Raises:
        H2OValueError: a column is missing, ignored or of a wrong type, or no column is left.
    """
    y = parameters.response_column
    for name in parameters.column_types or {}:
        resolve_column(frame, name, "column_types")
    if parameters.image_column is not None:
        return _image_columns(frame, x, y, parameters)
    left_out = {*(parameters.ignored_columns or ()), parameters.weights_column}
    left_out |= {n for n, kind in (parameters.column_types or {}).items() if kind == "ignore"}
    if x is None:
        chosen = set(frame.names) - left_out
    else:
        wanted = [x] if isinstance(x, str | int) else list(x)
        chosen = {resolve_column(frame, name, "x") for name in wanted} - left_out
    if y is not None:
        from h2o_gan.engine.data.schema import TEXT_KINDS

        response = resolve_column(frame, y, "y")
        if response in left_out:
            raise H2OValueError(
                f"y={response!r} is ignored, or is the weights column: choose another response."
            )
        if frame.types[response] in TEXT_KINDS:
            raise H2OValueError(
                f"y={response!r} is a column of text ({frame.types[response]}), which a "
                "model can't be trained on: asfactor() makes it categorical."
            )
        chosen.add(response)
    if not chosen:
        raise H2OValueError(
            f"every column of frame {frame.frame_id!r} is ignored: leave at least one to train on."
        )
    columns = [n for n in frame.names if n in chosen]
    if parameters.weights_column and frame.types[parameters.weights_column] not in NUMBERS:
        raise H2OValueError(
            f"weights_column {parameters.weights_column!r} is not numeric: convert it with "
            "asnumeric()."
        )
    return columns


def check_constraints(frame: H2OFrame, columns: Sequence[str], constraints: Sequence[str]) -> None:
    """Check that rules are about columns to train on. Their rows are not looked at.

    Args:
        frame: the training frame.
        columns: names of the columns to train on.
        constraints: the rules.

    Raises:
        H2OValueError: a text is not a rule, or is about another column.
        H2OTypeError: a rule uses values as what they are not, such as text as a number.
    """
    from h2o_gan.engine.data.relations.checking import parse_rules
    from h2o_gan.engine.data.schema import LEARNED_KINDS, TEXT_KINDS, Column

    known = (*LEARNED_KINDS, *TEXT_KINDS)
    kinds = {n: kind if kind in known else "real" for n, kind in frame.types.items()}
    try:
        rules = parse_rules(constraints, [Column(name, kinds[name]) for name in frame.names])
    except ValueError as error:
        raise H2OValueError(str(error)) from error
    except TypeError as error:
        raise H2OTypeError(message=str(error)) from error
    for rule in rules:
        lost = [name for name in rule.columns if name not in columns]
        if lost:
            raise H2OValueError(
                f"constraints: {rule.text!r} is about column {lost[0]!r}, which is not trained on: "
                "train on it too, or leave the rule out."
            )


def _image_columns(frame: H2OFrame, x: Any, y: Any, parameters: Parameters) -> list[str]:
    """The columns of paths and of labels."""
    path = resolve_column(frame, parameters.image_column, "image_column")
    if x is not None:
        raise H2OValueError("x and image_column can't be given together: leave x out.")
    if frame.types[path] not in ("string", "enum"):
        raise H2OValueError(
            f"image_column {path!r} is {frame.types[path]}; paths of files are string or enum."
        )
    if parameters.image_root is None:
        raise H2OValueError(
            "image_root is missing: the folder of the files in image_column. Nothing "
            "outside it is opened."
        )
    label = None if y is None else resolve_column(frame, y, "y")
    return [name for name in frame.names if name in (path, label)]


def upload_images(images: npt.NDArray[Any], labels: Any) -> tuple[H2OFrame, str | None]:
    """Make a frame of an array of images, a pixel a column.

    Args:
        images: (n, height, width) or (n, height, width, 1 or 3), any numeric dtype.
        labels: (n,) integers or text, or None.

    Returns:
        The frame, and the name of its column of labels or None.

    Raises:
        H2OValueError: a shape does not fit.
        H2OTypeError: a dtype does not fit.
    """
    import pyarrow as pa

    from h2o_gan.cluster.frames import write_frame

    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in (1, 3)):
        raise H2OValueError(
            f"an array of shape {images.shape} is not an array of images: give (n, height, width) "
            "or (n, height, width, colours), colours 1 or 3. For other data make a frame: "
            "h2o.H2OFrame(data)."
        )
    if not (np.issubdtype(images.dtype, np.integer) or np.issubdtype(images.dtype, np.floating)):
        raise H2OTypeError(message=f"images must be numbers, not {images.dtype}.")
    if not len(images):
        raise H2OValueError("the array has no images.")
    values = None
    if labels is not None:
        values = np.asarray(labels)
        if values.shape != (len(images),):
            raise H2OValueError(
                f"y of shape {values.shape} does not label {len(images)} images: give one label "
                "for each."
            )
        if values.dtype.kind not in "iuUO":
            raise H2OTypeError(message=f"labels must be whole numbers or text, not {values.dtype}.")
    flat = images.reshape(len(images), -1)
    names = [f"pixel{index}" for index in range(flat.shape[1])]
    labelled = [] if values is None else [LABEL]

    def batches() -> Iterator[pa.RecordBatch]:
        rows = max(_BATCH_VALUES // flat.shape[1], 1)
        for start in range(0, len(flat), rows):
            part = np.ascontiguousarray(flat[start : start + rows].T)
            arrays = [pa.array(column) for column in part]
            if values is not None:
                labels_here = values[start : start + rows]
                texts = labels_here.dtype.kind in "UO"
                arrays.append(
                    pa.array([str(label) for label in labels_here]).dictionary_encode()
                    if texts
                    else pa.array(labels_here)
                )
            yield pa.RecordBatch.from_arrays(arrays, names=[*names, *labelled])

    first = next(batches())
    frame = write_frame(pa.RecordBatchReader.from_batches(first.schema, batches()))
    return frame, labelled[0] if labelled else None


def check_column_types(frame: H2OFrame, columns: Sequence[Column]) -> None:
    """Check that a frame's columns have the types of training; int and real are alike.

    Raises:
        H2OValueError: one has not.
    """
    types = frame.types
    for column in columns:
        found = types[column.name]
        if found != column.kind and not (found in NUMBERS and column.kind in NUMBERS):
            raise H2OValueError(
                f"column {column.name!r} is {found} in the frame, but the model was trained on "
                f"{column.kind}: convert it, for instance with asfactor() or asnumeric()."
            )


def writable_dir(path: str | os.PathLike[str] | None) -> Path | None:
    """A folder for files, created where it is missing.

    Args:
        path: the folder; None for none.

    Raises:
        H2OValueError: it can't be written to.
    """
    if path is None:
        return None
    folder = Path(path).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise H2OValueError(f"export_checkpoints_dir {folder} can't be written: {error}") from error
    return folder
