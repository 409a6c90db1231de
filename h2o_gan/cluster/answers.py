"""Answers of a cluster, which may be a proxy's, cut short, endless, or none at all."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import requests
import urllib3
from h2o.exceptions import H2OConnectionError, H2OServerError

from h2o_gan.cluster import patience

__all__ = [
    "Answer",
    "Object",
    "Refused",
    "content",
    "insist",
    "number",
    "part",
    "read",
    "too_large",
]

_MOST_JSON = 64 << 20
_PART = 1 << 18

T = TypeVar("T")


class Object(dict[str, Any]):
    """A JSON object of a cluster's answer, which says so if it lacks what is looked up."""

    def __missing__(self, key: str) -> Any:
        shown = json.dumps(self)[:200]
        raise H2OServerError(f"the cluster's answer lacks {key!r}; is it a cluster's? {shown}")


class Refused(H2OServerError):
    """The cluster, or whatever stands before it, answers something else than what was asked for.

    Attributes:
        status: the HTTP status.
        retry_after: seconds after which it asks to try again, or None.
    """

    def __init__(self, message: str, status: int, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after

    @property
    def final(self) -> bool:
        """Whether the same request would be refused again."""
        return 400 <= self.status < 500 and self.status not in (408, 425, 429)


def insist(act: Callable[[], T], patience: float, stop: threading.Event | None = None) -> T:
    """Do something until the cluster answers as it should.

    Args:
        act: raises H2OConnectionError or Refused where there was no such answer.
        patience: seconds after which its error is raised.
        stop: set to try but once more.
    """
    deadline, pause, last = time.monotonic() + patience, 0.25, False
    stop = stop or threading.Event()
    while True:
        try:
            return act()
        except (H2OConnectionError, Refused) as error:
            if isinstance(error, Refused) and error.final:
                raise
            wait = max(pause, getattr(error, "retry_after", None) or 0.0)
            if last or time.monotonic() + wait > deadline:
                raise
        last = stop.wait(wait)
        pause = min(2 * pause, 5.0)


_BUSY_S = 300.0
_BUSY_TELL_S = 10.0
_BUSY_PAUSE_S = 10.0


class Busy:
    """Patience with a cluster that serves as many transfers as it can, and says so."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._since: float | None = None
        self._told = False

    def again(self, answer: Answer) -> bool:
        """Whether to try again now; it may have waited for that, for some seconds."""
        if answer.status != 503 or answer.retry_after is None:
            return False
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since > _BUSY_S:
            return False
        if not self._told and now - self._since > _BUSY_TELL_S:
            self._told = True
            print(
                f"h2o_gan: the cluster has no room for another transfer while {self._what}; trying "
                f"for up to {_BUSY_S:.0f} s. Interrupt (Ctrl-C) to leave.",
                file=sys.stderr,
                flush=True,
            )
        time.sleep(max(0.1, min(answer.retry_after, _BUSY_PAUSE_S)))
        return True


@dataclass(frozen=True)
class Answer:
    """What the cluster says, if it is the cluster."""

    status: int
    text: str
    retry_after: float | None

    @property
    def message(self) -> str:
        """What went wrong, in the cluster's words."""
        with suppress(ValueError, RecursionError, KeyError, TypeError):
            return str(json.loads(self.text)["msg"])[:500]
        return self.text[:500]

    def checked(self, what: str) -> Answer:
        """The answer itself, if it is a yes. Raises Refused."""
        if self.status == 200:
            return self
        raise Refused(
            f"the cluster refused while {what} (HTTP {self.status}): {self.message}",
            self.status,
            self.retry_after,
        )

    def json(self, what: str) -> dict[str, Any]:
        """The answer as an object. Raises Refused."""
        try:
            value = json.loads(self.text, object_hook=Object)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
        raise Refused(
            f"the answer while {what} is not a cluster's JSON; is this address a cluster's, and "
            f"what does a proxy before it do? It begins: {self.text[:200]!r}",
            self.status,
        )


def read(response: requests.Response, what: str, most: int = _MOST_JSON) -> Answer:
    """All of a streamed answer that is no file. Raises H2OConnectionError, Refused."""
    text = content(response, what, most).decode("utf-8", "replace")
    return Answer(response.status_code, text, retry_after(response))


def retry_after(response: requests.Response) -> float | None:
    """Seconds after which the cluster asks to try again, or None."""
    after = number(response.headers.get("Retry-After"))
    return None if after is None else min(float(after), 60.0)


def content(response: requests.Response, what: str, most: int = _MOST_JSON) -> bytes:
    """All bytes of a streamed answer that is no file. Raises H2OConnectionError, Refused."""
    data = bytearray()
    while more := part(response, what):
        data += more
        if len(data) > most:
            raise too_large(what, most)
    return bytes(data)


def part(response: requests.Response, what: str) -> bytes:
    """The next part of a streamed answer; empty at its end. Raises H2OConnectionError."""
    try:
        # What is compressed all the same, by a proxy, is unpacked bit by bit.
        data: bytes = response.raw.read(_PART, decode_content=True)
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        raise patience.lost(what, error) from error
    return data


def too_large(what: str, most: int) -> Refused:
    """What to raise where an answer has no end."""
    return Refused(f"the cluster sent more than {most} bytes while {what}", 413)


def number(text: str | None) -> int | None:
    """A header's whole number, or None."""
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
