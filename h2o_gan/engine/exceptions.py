"""What can go wrong in the engine, as callers catch it."""

from __future__ import annotations

__all__ = ["Damaged", "ModelFileError", "TrainingDiverged", "TrainingStopped", "Unreachable"]


class TrainingStopped(Exception):
    """Training was asked to stop before its first step, so there is no model."""

    def __init__(self, when: str = "before the first training step") -> None:
        super().__init__(f"stopped {when}: there is no model.")


class TrainingDiverged(RuntimeError):
    """The losses became NaN or exploded before anything useful was learned."""


class ModelFileError(ValueError):
    """The file is not a model that this version can read."""


class Damaged(ValueError):
    """A model file contradicts itself: the file's fault, whoever finds it."""


class Unreachable(ValueError):
    """No row of the model can meet the conditions."""
