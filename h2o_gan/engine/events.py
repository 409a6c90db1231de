"""The events that the engine reports during training.

The progress bar, the scoring history, checkpoints and a job of the cluster are listeners; the
engine depends on none of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from h2o_gan.engine.model import Model

__all__ = ["Cadence", "Event", "Listener", "Message", "Progress", "Scored"]

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """The progress of a training.

    Attributes:
        share: of the training that is over, from 0 to 1.
        snapshot: makes a model of the present weights, from which a training can be resumed; None
            before the first step. The listener may call it, in its own call. It returns None if
            the weights have just diverged, and does not change the training. The history of the
            model has the scorings so far, of which there may be none.
    """

    share: float
    snapshot: Callable[[], Model | None] | None = None


@dataclass(frozen=True)
class Scored:
    """A scoring of the model in training.

    Attributes:
        row: of the history.
        snapshot: makes a model of the present weights.
    """

    row: dict[str, float | None]
    snapshot: Callable[[], Model]


@dataclass(frozen=True)
class Message:
    """An assumption about the data that the user should know.

    Attributes:
        text: a sentence.
    """

    text: str


Event = Message | Progress | Scored
Listener = Callable[[Event], None]


class Cadence:
    """Limits how often checkpoints are made, and the time that they take.

    Args:
        first: seconds before the first checkpoint, and the least between two.
        share: largest share of all time that checkpoints may take, after the first one.
    """

    def __init__(self, first: float = 30.0, share: float = 0.1) -> None:
        self._first, self._share = first, share
        self._began = self._last = time.monotonic()
        self._taken = 0.0

    def take(self, make: Callable[[], T]) -> T | None:
        """Call `make` if a checkpoint is due.

        Args:
            make: makes the checkpoint.

        Returns:
            Its result, or None if none is due.
        """
        now = time.monotonic()
        if now - self._last < self._first or self._taken > self._share * (now - self._began):
            return None
        try:
            return make()
        finally:
            self._last = time.monotonic()
            self._taken += self._last - now
