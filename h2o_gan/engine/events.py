"""What the engine tells whoever listens while it trains.

The progress bar, the scoring history, checkpoints and a job in the cluster all listen to these;
the engine knows none of them.
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
    """How far training is: a share from 0 to 1.

    ``snapshot`` makes a model of the weights as they are now, in the middle of an epoch or of the
    critic's part, from which another training goes on; None where there is nothing to keep yet.
    It may be called by the listener, in the thread that trains, before the listener returns. It
    returns None where the weights have just exploded, and changes nothing of what training
    learns. The model's history may be empty: it has the scorings so far.
    """

    share: float
    snapshot: Callable[[], Model | None] | None = None


@dataclass(frozen=True)
class Scored:
    """A scoring: its row of the history, and the model as it is now, made only if asked for."""

    row: dict[str, float | None]
    snapshot: Callable[[], Model]


@dataclass(frozen=True)
class Message:
    """What training took the data for, where a user may want to know; a sentence."""

    text: str


Event = Message | Progress | Scored
Listener = Callable[[Event], None]


class Cadence:
    """When to keep what was learned so far: often enough to lose little, at little cost.

    Args:
        first: seconds before the first time, and the fewest between two.
        share: the most that keeping may take of all time, a second and later time.
    """

    def __init__(self, first: float = 30.0, share: float = 0.1) -> None:
        self._first, self._share = first, share
        self._began = self._last = time.monotonic()
        self._taken = 0.0

    def take(self, make: Callable[[], T]) -> T | None:
        """What `make` returns, called only if it is time; else None."""
        now = time.monotonic()
        if now - self._last < self._first or self._taken > self._share * (now - self._began):
            return None
        try:
            return make()
        finally:
            self._last = time.monotonic()
            self._taken += self._last - now
