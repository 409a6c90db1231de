"""What the engine tells whoever listens while it trains.

The progress bar, the scoring history, checkpoints and, later, a job in the cluster all listen to
these; the engine knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from h2o_gan.engine.model import Model

__all__ = ["Event", "Listener", "Message", "Progress", "Scored"]


@dataclass(frozen=True)
class Progress:
    """How far training is: a share from 0 to 1."""

    share: float


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
