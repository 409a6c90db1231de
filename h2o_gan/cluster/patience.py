"""Waiting for a cluster: a word after some seconds, an end after some minutes.

A node that is frozen, or lost without a sign, keeps its connections open: whoever waits for it
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

TELL_S = 10.0
"""After so many seconds without a byte a line on stderr says what is waited for."""
LIMIT_S = float(os.environ.get("H2O_GAN_TIMEOUT_S") or 300.0)
"""After so many seconds without a byte the cluster counts as lost."""


class Silence(H2OConnectionError):
    """The cluster sends nothing, though the connection stands."""


@dataclass(eq=False)
class Wait:
    """One thing that is waited for."""

    what: str
    since: float
    limit_s: float
    told: bool = False

    def touch(self) -> None:
        """Something came, or went."""
        self.since = time.monotonic()


_waits: set[Wait] = set()
_lock = threading.Lock()
_teller: threading.Thread | None = None


@contextmanager
def watched(what: str, limit_s: float | None = None) -> Iterator[Wait]:
    """While inside, whoever waits for the cluster hears for what.

    Args:
        what: "reading a frame", for example.
        limit_s: for how many seconds at most; LIMIT_S where it is None.
    """
    global _teller
    wait = Wait(what, time.monotonic(), LIMIT_S if limit_s is None else limit_s)
    with _lock:
        _waits.add(wait)
        if _teller is None or not _teller.is_alive():
            _teller = threading.Thread(target=_tell, name="h2o_gan waits", daemon=True)
            _teller.start()
    try:
        yield wait
    finally:
        with _lock:
            _waits.discard(wait)


def _tell() -> None:
    """Tell of each wait that is too long; ends when nothing was waited for lately."""
    global _teller
    idle = 0
    while True:
        time.sleep(min(0.5, TELL_S / 4))
        now = time.monotonic()
        with _lock:
            idle = 0 if _waits else idle + 1
            if idle > 20:
                _teller = None
                return
            due = [wait for wait in _waits if not wait.told and now - wait.since >= TELL_S]
            for wait in due:
                wait.told = True
        for what, limit_s in dict.fromkeys((wait.what, wait.limit_s) for wait in due):
            print(
                f"h2o_gan: the cluster has given no sign for {TELL_S:.0f} s while {what}; waiting "
                f"for up to {limit_s:.0f} s. Interrupt (Ctrl-C) to leave.",
                file=sys.stderr,
                flush=True,
            )


def timeout(current: float | None) -> float:
    """Seconds of silence after which a request ends: the connection's own, or ours."""
    return LIMIT_S if current is None else current


def lost(what: str, error: BaseException) -> H2OConnectionError:
    """The error of a request that has got no answer."""
    if _timed_out(error):
        return Silence(
            f"the cluster gave no sign for too long while {what} ({error}); check that all of its "
            "nodes are up and healthy (h2o.cluster_status()). The environment variable "
            "H2O_GAN_TIMEOUT_S sets for how many seconds silence is borne"
        )
    return H2OConnectionError(
        f"lost the cluster while {what}: {error or type(error).__name__}; check that it is up "
        "(h2o.cluster_status()) and reconnect with h2o.connect(url=...)"
    )


def _timed_out(error: BaseException | None) -> bool:
    # urllib3 and requests wrap the socket's own error, one in the other.
    seen: list[BaseException | None] = []
    while error is not None and error not in seen:
        if isinstance(error, TimeoutError | requests.exceptions.Timeout):
            return True
        seen.append(error)
        error = error.__cause__ or error.__context__
    return False


def hang_up(response: requests.Response) -> None:
    """End a transfer for which another thread may be waiting; that one sees its end."""
    with (
        # The last is what http.client raises of a body that has come whole.
        suppress(OSError, ValueError, HTTPError, AttributeError),
        socket.socket(fileno=os.dup(response.raw.fileno())) as line,
    ):
        line.shutdown(socket.SHUT_RDWR)


def given_up() -> bool:
    """Whether an interrupt or a silence borne too long is on its way: nothing may be long then."""
    error = sys.exc_info()[1]
    # Where training was stopped the engine is loaded; to import it here would load it anywhere.
    engine = sys.modules.get("h2o_gan.engine.exceptions")
    stopped = () if engine is None else (engine.TrainingStopped,)
    seen: list[BaseException | None] = []
    while error is not None and error not in seen:
        if isinstance(error, (KeyboardInterrupt, Silence, *stopped)):
            return True
        seen.append(error)
        error = error.__context__
    return False
