"""Answers of a cluster, which may come from a proxy, be cut short or endless, or be missing."""

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

_MAX_JSON_BYTES = 64 << 20
_PART_BYTES = 1 << 18

T = TypeVar("T")


class Object(dict[str, Any]):
    """A JSON object of a cluster's answer; a key that it lacks raises H2OServerError."""

    def __missing__(self, key: str) -> Any:
        shown = json.dumps(self)[:200]
        raise H2OServerError(
            f"the cluster's answer has no {key!r}: check that the address is a cluster's. {shown}"
        )


class Refused(H2OServerError):
    """The cluster, or a proxy before it, does not do what was asked for.

    Args:
        message: the reason.
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
    """Repeat a request until the cluster gives a usable answer.

    Args:
        act: raises H2OConnectionError or Refused where there was no such answer.
        patience: seconds after which the last error is raised.
        stop: set it to try only once more.

    Returns:
        What `act` returns.

    Raises:
        H2OConnectionError, Refused: the last error of `act`.
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
_BUSY_REPORT_S = 10.0
_BUSY_PAUSE_S = 10.0


class Busy:
    """Counts how long a cluster refuses a transfer because it serves as many as it can.

    Args:
        what: the transfer, as "sending rows".
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._since: float | None = None
        self._reported = False

    def again(self, answer: Answer) -> bool:
        """Whether to send the request again; first sleeps for the seconds that were asked for.

        Args:
            answer: the cluster's refusal.

        Returns:
            False where it refuses for another reason, or has been busy for too long.
        """
        if answer.status != 503 or answer.retry_after is None:
            return False
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since > _BUSY_S:
            return False
        if not self._reported and now - self._since > _BUSY_REPORT_S:
            self._reported = True
            print(
                f"h2o_gan: the cluster has no room for another transfer while {self._what}; trying "
                f"for up to {_BUSY_S:.0f} s. Interrupt (Ctrl-C) to stop waiting.",
                file=sys.stderr,
                flush=True,
            )
        time.sleep(max(0.1, min(answer.retry_after, _BUSY_PAUSE_S)))
        return True


@dataclass(frozen=True)
class Answer:
    """An answer that was read to its end.

    Attributes:
        status: the HTTP status.
        text: the body.
        retry_after: seconds after which the cluster asks to try again, or None.
    """

    status: int
    text: str
    retry_after: float | None

    @property
    def message(self) -> str:
        """The reason of a refusal, in the cluster's words; at most 500 characters."""
        with suppress(ValueError, RecursionError, KeyError, TypeError):
            return str(json.loads(self.text)["msg"])[:500]
        return self.text[:500]

    def checked(self, what: str) -> Answer:
        """Check that the status is 200.

        Args:
            what: the request, as "reading a frame".

        Returns:
            The answer itself.

        Raises:
            Refused: the status is another.
        """
        if self.status == 200:
            return self
        raise Refused(
            f"the cluster refused while {what} (HTTP {self.status}): {self.message}",
            self.status,
            self.retry_after,
        )

    def json(self, what: str) -> dict[str, Any]:
        """Parse the body.

        Args:
            what: the request, as "reading a frame".

        Returns:
            The JSON object.

        Raises:
            Refused: the body is not a JSON object.
        """
        try:
            value = json.loads(self.text, object_hook=Object)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
        raise Refused(
            f"the answer while {what} is not JSON: check that the address is a cluster's, and "
            f"that no proxy changes its answers. It begins: {self.text[:200]!r}",
            self.status,
        )


def read(response: requests.Response, what: str, max_bytes: int = _MAX_JSON_BYTES) -> Answer:
    """Read a streamed answer to its end.

    Args:
        response: the answer.
        what: the request, as "reading a frame".
        max_bytes: the largest body to accept.

    Returns:
        The answer, whatever its status.

    Raises:
        H2OConnectionError: the transfer has broken off.
        Refused: the body is too large.
    """
    text = content(response, what, max_bytes).decode("utf-8", "replace")
    return Answer(response.status_code, text, retry_after(response))


def retry_after(response: requests.Response) -> float | None:
    """Seconds after which the cluster asks to try again, or None."""
    after = number(response.headers.get("Retry-After"))
    return None if after is None else min(float(after), 60.0)


def content(response: requests.Response, what: str, max_bytes: int = _MAX_JSON_BYTES) -> bytes:
    """Read the bytes of a streamed answer to its end; see :func:`read`."""
    data = bytearray()
    while more := part(response, what):
        data += more
        if len(data) > max_bytes:
            raise too_large(what, max_bytes)
    return bytes(data)


def part(response: requests.Response, what: str) -> bytes:
    """Read the next part of a streamed answer.

    Returns:
        The bytes; empty at the end.

    Raises:
        H2OConnectionError: the transfer has broken off.
    """
    try:
        # A proxy may compress it all the same; it is then decompressed part by part.
        data: bytes = response.raw.read(_PART_BYTES, decode_content=True)
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        raise patience.connection_lost(what, error) from error
    return data


def too_large(what: str, max_bytes: int) -> Refused:
    """The error to raise for an answer without an end."""
    return Refused(f"the cluster sent more than {max_bytes} bytes while {what}", 413)


def number(text: str | None) -> int | None:
    """The whole number in a header's text; None where there is none."""
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
