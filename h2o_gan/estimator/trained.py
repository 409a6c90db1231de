"""The trained model behind an estimator: what the groups of methods around it share."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from h2o.exceptions import H2OValueError

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


@contextmanager
def as_h2o_errors() -> Iterator[None]:
    """Raise the engine's ValueError as H2OValueError, which H2O shows without a traceback."""
    try:
        yield
    except ValueError as error:
        raise H2OValueError(str(error)) from error
