"""The exceptions of the engine."""

from __future__ import annotations

__all__ = ["Damaged", "ModelFileError", "TrainingDiverged", "TrainingStopped", "Unreachable"]


class TrainingStopped(Exception):
    """A training was stopped before its first step, so there is no model.

    Args:
        when: the phase in which it was stopped, for the message.
    """

    def __init__(self, when: str = "before the first training step") -> None:
        super().__init__(f"stopped {when}: there is no model.")


class TrainingDiverged(RuntimeError):
    """The losses became NaN or very large before there were good weights."""


class ModelFileError(ValueError):
    """A file is not a model that this version can read."""


class Damaged(ValueError):
    """The content of a model file is invalid or contradicts itself."""


class Unreachable(ValueError):
    """No row of the model can meet the conditions."""
