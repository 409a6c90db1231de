"""What a user hands to training, checked and in order, before any long work begins."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h2o
from h2o.exceptions import H2OTypeError, H2OValueError
from h2o.frame import H2OFrame

from h2o_gan.parameters import Parameters

if TYPE_CHECKING:
    from h2o_gan.engine.schema import Column

__all__ = ["NUMBERS", "check_kinds", "column_of", "columns_to_learn", "frame_of", "writable_dir"]

NUMBERS = ("int", "real")


def frame_of(frame: H2OFrame | str | None, name: str) -> H2OFrame:
    """The frame that the parameter `name` means. Raises H2OValueError where there is none."""
    if frame is None:
        raise H2OValueError(f"{name} is missing: train({name}=frame).")
    if isinstance(frame, str):
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


def column_of(frame: H2OFrame, column: Any, parameter: str) -> str:
    """The name of a column given by name or index."""
    names = frame.names
    if isinstance(column, int) and not isinstance(column, bool):
        if -len(names) <= column < len(names):
            return str(names[column])
    elif column in names:
        return str(column)
    some = ", ".join(map(repr, names[:10])) + (", ..." if len(names) > 10 else "")
    raise H2OValueError(
        f"{parameter}: frame {frame.frame_id!r} has no column {column!r}; it has {some}."
    )


def columns_to_learn(frame: H2OFrame, x: Any, y: Any, parameters: Parameters) -> list[str]:
    """The columns to read, in the frame's order."""
    left_out = {*(parameters.ignored_columns or ()), parameters.weights_column}
    left_out |= {n for n, kind in (parameters.column_types or {}).items() if kind == "ignore"}
    if x is None:
        chosen = set(frame.names) - left_out
    else:
        wanted = [x] if isinstance(x, str | int) else list(x)
        chosen = {column_of(frame, name, "x") for name in wanted} - left_out
    if y is not None:
        response = column_of(frame, y, "y")
        if response in left_out:
            raise H2OValueError(f"y={response!r} is an ignored or a weights column too.")
        chosen.add(response)
    if not chosen:
        raise H2OValueError(
            f"every column of frame {frame.frame_id!r} is ignored: leave some to learn."
        )
    columns = [n for n in frame.names if n in chosen]
    if parameters.weights_column and frame.types[parameters.weights_column] not in NUMBERS:
        raise H2OValueError(f"weights_column {parameters.weights_column!r} is not numeric.")
    return columns


def check_kinds(frame: H2OFrame, columns: Sequence[Column]) -> None:
    """Raise H2OValueError where a column of `frame` is of another type than in training."""
    types = frame.types
    for column in columns:
        found = types[column.name]
        if found != column.kind and not (found in NUMBERS and column.kind in NUMBERS):
            raise H2OValueError(
                f"column {column.name!r} is {found} in the frame, but the model was trained on "
                f"{column.kind}: convert it, for instance with asfactor() or asnumeric()."
            )


def writable_dir(path: str | os.PathLike[str] | None) -> Path | None:
    """The folder, made if need be. Raises H2OValueError where nothing can be written there."""
    if path is None:
        return None
    folder = Path(path).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise H2OValueError(f"export_checkpoints_dir {folder} can't be written: {error}") from error
    return folder
