"""The trained model behind an estimator: what the groups of methods around it share."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from h2o.exceptions import H2OValueError
from h2o.frame import H2OFrame

from h2o_gan.cluster.training_data import check_column_types, resolve_column

if TYPE_CHECKING:
    from h2o_gan.engine.model import Model

__all__ = ["TrainedModel", "as_h2o_errors"]


class TrainedModel:
    """Holds the engine's model of an estimator.

    Attributes:
        parms: the parameters by name, as H2O lists them: each with its default, the given and the
            actual value. Frames are among them.
    """

    parms: Mapping[str, Any]
    _parms: dict[str, Any]
    _engine_model: Model | None
    _in_cluster: bool
    _id: str | None

    @property
    def engine_model(self) -> Model:
        """The trained model as :mod:`h2o_gan.engine` has it; it needs no cluster.

        Raises:
            H2OValueError: nothing is trained yet.
        """
        if self._engine_model is None:
            raise H2OValueError("there is no model yet: call train() first.")
        return self._engine_model

    def _model_with_root(self) -> Model:
        """The model, with the folder of image files that this machine has."""
        model = self.engine_model
        root = self._parms["image_root"]
        if root is None or model.parameters.image_column is None:
            return model
        return dataclasses.replace(model, parameters=model.parameters.replace(image_root=root))

    def _compared_columns(self, frame: H2OFrame, parameter: str) -> list[str]:
        """The columns of a frame that the model compares with its training rows.

        They are those of the training rows, without identifiers; where the frame has paths of image
        files, the paths and the labels.

        Args:
            frame: the frame.
            parameter: that the frame was given as, for the message.

        Raises:
            H2OValueError: the frame lacks one, or has it in another type.
        """
        model = self.engine_model
        path = model.parameters.image_column
        if path is not None and path in frame.names:
            label = model.encoder.labels
            columns = [] if label is None else [label.column]
            names = [path, *(column.name for column in columns)]
        else:
            columns = list(model.scored_columns)
            names = [column.name for column in columns]
        for name in names:
            resolve_column(frame, name, parameter)
        check_column_types(frame, columns)
        return names


@contextmanager
def as_h2o_errors() -> Iterator[None]:
    """Raise the engine's ValueError as H2OValueError, which H2O shows without a traceback."""
    try:
        yield
    except ValueError as error:
        raise H2OValueError(str(error)) from error
