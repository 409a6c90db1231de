"""A training, resolved once: what the estimator and the cluster's worker hand to the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from h2o.exceptions import H2OValueError
from h2o.frame import H2OFrame

from h2o_gan.cluster.training_data import (
    check_constraints,
    resolve_column,
    resolve_frame,
    training_columns,
    writable_dir,
)
from h2o_gan.parameters import Parameters

if TYPE_CHECKING:
    from h2o_gan.engine.events import Listener
    from h2o_gan.engine.model import Model

__all__ = ["OpenRequest", "TrainingRequest"]


@dataclass(frozen=True)
class TrainingRequest:
    """A training whose parameters, frames and columns are checked and fit each other.

    Attributes:
        parameters: all parameters; those that name columns hold names.
        training_frame: the rows to train on.
        validation_frame: the rows to score beside them, or None.
        columns: names of the columns to train on, in the frame's order, without the weights.
        checkpoint: the model to continue, or None.
        export_dir: folder that receives a model file at every scoring, or None.
    """

    parameters: Parameters
    training_frame: H2OFrame
    validation_frame: H2OFrame | None
    columns: tuple[str, ...]
    checkpoint: Model | None
    export_dir: Path | None

    @classmethod
    def resolve(
        cls,
        values: Mapping[str, Any],
        training_frame: H2OFrame | str | None,
        validation_frame: H2OFrame | str | None = None,
        *,
        x: Sequence[str | int] | str | int | None = None,
        y: str | int | None = None,
        find_checkpoint: Callable[[Any], Model],
    ) -> TrainingRequest:
        """Check what was asked for, before any long work begins.

        Args:
            values: parameters by name; those that are absent take their defaults. Columns may be
                given by index.
            training_frame: the frame, or its key.
            validation_frame: the frame, or its key; None for none.
            x: names or indices of the columns to train on; None for all.
            y: name or index of the response; None for the one in `values`.
            find_checkpoint: returns the model that the parameter ``checkpoint`` means.

        Returns:
            The request. No rows are read yet.

        Raises:
            H2OValueError, H2OTypeError: a frame, a column, a folder or a checkpoint does not fit.
            ValueError, TypeError: a parameter is out of bounds or of a wrong type.
            H2OConnectionError: there is no cluster.
        """
        from h2o_gan import engine  # torch loads here, not when h2o_gan is imported

        frame = resolve_frame(training_frame, "training_frame")
        validation = None
        if validation_frame is not None:
            validation = resolve_frame(validation_frame, "validation_frame")
        parameters = Parameters(**_by_name(values, frame, x, y))
        columns = training_columns(frame, x, parameters)
        if parameters.constraints:
            check_constraints(frame, columns, parameters.constraints)
        if validation is not None:
            for name in columns:
                resolve_column(validation, name, "validation_frame")
        engine.resolve_device(parameters.device)
        export_dir = writable_dir(parameters.export_checkpoints_dir)
        checkpoint = None
        if parameters.checkpoint is not None:
            checkpoint = find_checkpoint(parameters.checkpoint)
            try:
                checkpoint.check_can_continue()
            except ValueError as error:
                raise H2OValueError(str(error)) from error
        return cls(parameters, frame, validation, tuple(columns), checkpoint, export_dir)

    def frame_keys(self) -> dict[str, str | None]:
        """The frames' keys in the cluster, by the names of the parameters they were given as."""
        validation = self.validation_frame
        return {
            "training_frame": self.training_frame.frame_id,
            "validation_frame": None if validation is None else validation.frame_id,
        }

    def open(self) -> OpenRequest:
        """Begin to read the rows.

        Returns:
            The rows, to be closed.

        Raises:
            H2OConnectionError: the cluster is lost.
            H2OValueError: a frame is gone.
        """
        return OpenRequest(self)


class OpenRequest:
    """A request whose rows are on their way out of the cluster; close it in any case.

    Args:
        request: what to train.
    """

    def __init__(self, request: TrainingRequest) -> None:
        from h2o_gan.cluster.frames import open_frame

        self._request = request
        weights = request.parameters.weights_column
        with ExitStack() as stack:
            rows = open_frame(
                request.training_frame, [*request.columns, *([weights] if weights else [])]
            )
            stack.callback(rows.close)
            self._rows, self._validation = rows.reader, None
            if request.validation_frame is not None:
                scored = open_frame(request.validation_frame, request.columns)
                stack.callback(scored.close)
                self._validation = scored.reader
            self._stack = stack.pop_all()

    def fit(self, on_event: Listener, checkpoint: Model | None, stop: threading.Event) -> Model:
        """Train on the rows; can be called once.

        Args:
            on_event: called with each event of the engine, in this thread.
            checkpoint: the model to continue, or None.
            stop: set it, from any thread, to end training after the current step.

        Returns:
            The model.

        Raises:
            ValueError, TypeError: the rows and the parameters do not fit each other.
            TrainingDiverged: the losses were not finite before there were good weights.
            TrainingStopped: `stop` was set before the first step.
            H2OConnectionError, H2OValueError: the rows did not arrive.
        """
        from h2o_gan import engine

        return engine.fit(
            self._rows,
            self._request.parameters,
            validation=self._validation,
            checkpoint=checkpoint,
            on_event=on_event,
            stop=stop,
        )

    def close(self) -> None:
        """End the transfer of the rows, wherever it is."""
        self._stack.close()


def _by_name(
    values: Mapping[str, Any], frame: H2OFrame, x: Any, y: str | int | None
) -> dict[str, Any]:
    """The parameters, with names in place of the indices of columns."""
    named = dict(values)
    if (weights := named.get("weights_column")) is not None:
        named["weights_column"] = resolve_column(frame, weights, "weights_column")
    if (ignored := named.get("ignored_columns")) is not None:
        if x is not None:
            raise H2OValueError("x and ignored_columns can't be given together: give one.")
        named["ignored_columns"] = [
            resolve_column(frame, column, "ignored_columns") for column in ignored
        ]
    if y is not None:
        named["response_column"] = resolve_column(frame, y, "y")
    elif (response := named.get("response_column")) is not None:
        named["response_column"] = resolve_column(frame, response, "response_column")
    return named
