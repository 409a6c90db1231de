"""What can go wrong in the engine, as callers catch it."""

from __future__ import annotations

__all__ = ["NO_MODEL", "Damaged", "ModelFileError", "TrainingDiverged", "Unreachable"]

NO_MODEL = "stopped before the first training step: there is no model."


class TrainingDiverged(RuntimeError):
    """The losses became NaN or exploded before anything useful was learned."""


class ModelFileError(ValueError):
    """The file is not a model that this version can read."""


class Damaged(ValueError):
    """A model file contradicts itself: the file's fault, whoever finds it."""


class Unreachable(ValueError):
    """No row of the model can meet the conditions."""
