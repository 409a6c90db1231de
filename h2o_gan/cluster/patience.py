"""Waits for the cluster: a message after some seconds, an error after some minutes.

A node that is frozen, or lost without a sign, keeps its connections open. Whoever waits for it
would wait for as long as that lasts, without knowing for what.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import requests
from h2o.exceptions import H2OConnectionError
from urllib3.exceptions import HTTPError

REPORT_AFTER_S = 10.0
"""Seconds without a byte after which a line on stderr says what is waited for."""
LIMIT_S = float(os.environ.get("H2O_GAN_TIMEOUT_S") or 300.0)
"""Seconds without a byte after which the cluster counts as lost."""


class Silence(H2OConnectionError):
    """The cluster sends nothing, although the connection is open."""


@dataclass(eq=False)
class Wait:
    """A wait for the cluster.

    Attributes:
        what: what is waited for, as "reading a frame".
        since: when bytes were last sent or received, by :func:`time.monotonic`.
        limit_s: seconds without a byte after which the cluster counts as lost.
        reported: whether a message about it was printed.
    """

    what: str
    since: float
    limit_s: float
    reported: bool = False

    def touch(self) -> None:
        """Note that bytes were sent or received."""
        self.since = time.monotonic()


_waits: set[Wait] = set()
_lock = threading.Lock()
_reporter: threading.Thread | None = None


@contextmanager
def watched(what: str, limit_s: float | None = None) -> Iterator[Wait]:
    """Print a message where the cluster does not answer for a while inside this context.

    Args:
        what: what is waited for, as "reading a frame".
        limit_s: seconds to name as the longest wait; LIMIT_S where it is None.

    Yields:
        The wait; touch it where bytes are sent or received.
    """
    global _reporter
    wait = Wait(what, time.monotonic(), LIMIT_S if limit_s is None else limit_s)
    with _lock:
        _waits.add(wait)
        if _reporter is None or not _reporter.is_alive():
            _reporter = threading.Thread(
                target=_report_long_waits, name="h2o_gan waits", daemon=True
            )
            _reporter.start()
    try:
        yield wait
    finally:
        with _lock:
            _waits.discard(wait)


def _report_long_waits() -> None:
    """Print a message for each wait that is too long; end when nothing is waited for."""
    global _reporter
    idle = 0
    while True:
        time.sleep(min(0.5, REPORT_AFTER_S / 4))
        now = time.monotonic()
        with _lock:
            idle = 0 if _waits else idle + 1
            if idle > 20:
                _reporter = None
                return
            due = [
                wait for wait in _waits if not wait.reported and now - wait.since >= REPORT_AFTER_S
            ]
            for wait in due:
                wait.reported = True
        for what, limit_s in dict.fromkeys((wait.what, wait.limit_s) for wait in due):
            print(
                f"h2o_gan: the cluster has not answered for {REPORT_AFTER_S:.0f} s while {what}; "
                f"waiting for up to {limit_s:.0f} s. Interrupt (Ctrl-C) to stop waiting.",
                file=sys.stderr,
                flush=True,
            )


def timeout(current: float | None) -> float:
    """Seconds of silence after which a request ends: the connection's own, or LIMIT_S."""
    return LIMIT_S if current is None else current


def connection_lost(what: str, error: BaseException) -> H2OConnectionError:
    """The error to raise for a request without an answer.

    Args:
        what: what is waited for, as "reading a frame".
        error: the cause.

    Returns:
        A :class:`Silence` where the cause is a time-out.
    """
    if _timed_out(error):
        return Silence(
            f"the cluster did not answer for too long while {what} ({error}); check that "
            "all of its nodes are up and healthy (h2o.cluster_status()). The environment variable "
            "H2O_GAN_TIMEOUT_S sets how many seconds to wait"
        )
    return H2OConnectionError(
        f"lost the cluster while {what}: {error or type(error).__name__}; check that it is up "
        "(h2o.cluster_status()) and reconnect with h2o.connect(url=...)"
    )


def _timed_out(error: BaseException | None) -> bool:
    # urllib3 and requests wrap the socket's own error, one in the other.
    visited: list[BaseException | None] = []
    while error is not None and error not in visited:
        if isinstance(error, TimeoutError | requests.exceptions.Timeout):
            return True
        visited.append(error)
        error = error.__cause__ or error.__context__
    return False


def hang_up(response: requests.Response) -> None:
    """End a transfer for which another thread may be waiting; that thread reads its end."""
    with (
        # The last is what http.client raises of a body that has come whole.
        suppress(OSError, ValueError, HTTPError, AttributeError),
        socket.socket(fileno=os.dup(response.raw.fileno())) as line,
    ):
        line.shutdown(socket.SHUT_RDWR)


def is_giving_up() -> bool:
    """Whether an interrupt, a stopped training or a silent cluster is being handled.

    Clean-up must be short then.
    """
    error = sys.exc_info()[1]
    # Where training was stopped the engine is loaded; to import it here would load it anywhere.
    engine = sys.modules.get("h2o_gan.engine.exceptions")
    stopped = () if engine is None else (engine.TrainingStopped,)
    visited: list[BaseException | None] = []
    while error is not None and error not in visited:
        if isinstance(error, (KeyboardInterrupt, Silence, *stopped)):
            return True
        visited.append(error)
        error = error.__context__
    return False
