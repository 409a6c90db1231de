"""What the jobs of a worker share: a second try where the connection breaks off, and the stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from h2o.exceptions import H2OConnectionError, H2OValueError

__all__ = ["EitherEvent", "retried"]

_PAUSES_S = (1.0, 3.0)

T = TypeVar("T")

log = logging.getLogger(__name__)


def retried(act: Callable[[], T], stop: threading.Event) -> T:
    """Call a function again where the connection broke off in the middle, up to three times in all.

    Args:
        act: the function.
        stop: where it is set, the first error is raised.

    Returns:
        What `act` returns.

    Raises:
        Exception: the last error of `act`.
    """
    for pause in _PAUSES_S:
        try:
            return act()
        except (H2OConnectionError, H2OValueError) as error:
            broken = error if isinstance(error, H2OConnectionError) else error.__cause__
            if not isinstance(broken, H2OConnectionError) or stop.is_set():
                raise
            log.warning("trying again: %s", error)
        stop.wait(pause)
    return act()


class EitherEvent(threading.Event):
    """An event that is set where it is set itself, or another one is.

    Args:
        other: the other event.
    """

    def __init__(self, other: threading.Event) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        """Whether either event is set."""
        return super().is_set() or self._other.is_set()
