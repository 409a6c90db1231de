"""Requests over the session's own connection.

What the user gave to connect (certificate, password, proxy, context path, cookies) is in the
H2OConnection. Every request uses its settings, and no URL is built without it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from http.client import HTTPException
from typing import IO, Any

import h2o
import requests
from h2o.backend.connection import H2OConnection
from h2o.exceptions import H2OConnectionError
from urllib3.exceptions import HTTPError

from h2o_gan.cluster import answers, patience

Json = dict[str, Any]
MESSAGE_BYTES = 1 << 16
"""The largest answer to read where only its message is needed."""


def connection() -> H2OConnection:
    """The session's open connection.

    Raises:
        H2OConnectionError: there is none; the message says how to connect.
    """
    current = h2o.connection()
    if current is None or not current.connected:
        raise H2OConnectionError(
            "not connected to an H2O cluster; start one with h2o_gan.init() or h2o.init(), "
            "or connect to a running one with h2o.connect(url=...)"
        )
    return current


def settings_of(current: H2OConnection | None = None) -> Json:
    """The settings of ``requests.request`` for a connection, the session's by default."""
    settings: Json = (current or connection())._request_args()
    headers = settings["headers"]
    if isinstance(headers.get("Cookie"), list):
        headers["Cookie"] = ";".join(headers["Cookie"])
    # The stream is parsed as fast as it comes: compressing it would only cost both sides time.
    headers["Accept-Encoding"] = "identity"
    settings["timeout"] = patience.timeout(settings["timeout"])
    return settings


@contextmanager
def bounded(current: H2OConnection | None = None) -> Iterator[None]:
    """Give H2O's own requests a time-out inside this context; else they have none."""
    current = current or connection()
    before = current._timeout
    current._timeout = patience.timeout(before)
    try:
        yield
    finally:
        current._timeout = before


@contextmanager
def connection_errors(what: str) -> Iterator[None]:
    """Raise errors of the transfer inside this context as H2OConnectionError."""
    try:
        yield
    except (requests.exceptions.RequestException, HTTPError, HTTPException, OSError) as error:
        raise patience.connection_lost(what, error) from error


def exchange(
    current: H2OConnection,
    method: str,
    path: str,
    what: str,
    wait: patience.Wait | None = None,
    *,
    file: IO[bytes] | None = None,
    **more: Any,
) -> requests.Response:
    """Send a request; may be called from any thread.

    Args:
        current: the connection; need not be the session's.
        method: of HTTP.
        path: begins with a slash.
        what: what is waited for, as "reading a frame".
        wait: the wait that the request belongs to; a new one where it is None.
        file: the body, sent from where the file stands to its end; the file stays open.
        **more: settings of ``requests.request``.

    Returns:
        The answer, whatever its status. It has been read unless ``stream=True``.

    Raises:
        H2OConnectionError: there is no answer.
        H2OServerError: the answer has no end.
    """
    settings = {**settings_of(current), **more, "stream": True}
    with nullcontext(wait) if wait else patience.watched(what) as watch:
        if file is not None:
            settings["data"] = _Upload(file, watch)
        with connection_errors(what):
            response = requests.request(method, current.base_url + path, **settings)
        if not more.get("stream"):
            with response:
                response._content = answers.content(response, what)
                response._content_consumed = True  # type: ignore[attr-defined]
    return response


class _Upload(io.RawIOBase):
    """A file that is sent, from where it stands to its end; each part is a sign of life.

    Closing it leaves the file open.
    """

    def __init__(self, file: IO[bytes], wait: patience.Wait) -> None:
        self._file, self._wait, self._start = file, wait, file.tell()

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def seekable(self) -> bool:
        """Whether it has a length, which requests asks for: always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, counted from where the file stood at first, and return it."""
        self._file.seek(offset + (self._start if whence == io.SEEK_SET else 0), whence)
        return self._file.tell() - self._start

    def readinto(self, buffer: Any) -> int:
        """Read bytes into a writable buffer; return how many, 0 at the end."""
        self._wait.touch()
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def download(
    path: str, params: Mapping[str, str], what: str, node: str | None = None
) -> requests.Response:
    """Open a streamed GET; the caller reads and closes it.

    A cluster that serves too many transfers is asked again for some minutes.

    Args:
        path: begins with a slash.
        params: of the query.
        what: what is waited for, as "reading a frame".
        node: address of the node to ask; the session's where it is None.

    Returns:
        The answer, with status 200.

    Raises:
        H2OConnectionError: there is no answer.
        H2OServerError: the cluster refuses.
    """
    settings = {**settings_of(), "stream": True}
    busy = answers.Busy(what)
    while True:
        with patience.watched(what), connection_errors(what):
            base = node or connection().base_url
            response = requests.get(base + path, params=params, **settings)
        if response.status_code == 200:
            return response
        with response:
            answer = answers.read(response, what, MESSAGE_BYTES)
        if not busy.again(answer):
            raise refusal(response, what, answer.message)


def message(response: requests.Response) -> str:
    """The reason of a refusal, in the cluster's words."""
    if getattr(response, "_content_consumed", False):
        return answer_of(response).message
    return answers.read(response, "being refused", MESSAGE_BYTES).message


def answer_of(response: requests.Response) -> answers.Answer:
    """The answer of a request that was not streamed."""
    text = response.content.decode("utf-8", "replace")
    return answers.Answer(response.status_code, text, answers.retry_after(response))


def json_of(response: requests.Response, what: str) -> Json:
    """The JSON object of a request that was not streamed.

    Raises:
        Refused: the answer is not a JSON object.
    """
    return answer_of(response).json(what)


def refusal(response: requests.Response, what: str, reason: str | None = None) -> answers.Refused:
    """The error to raise for an answer that is a refusal."""
    return answers.Refused(
        f"the cluster refused while {what} (HTTP {response.status_code}): "
        f"{message(response) if reason is None else reason}",
        response.status_code,
        answers.retry_after(response),
    )
