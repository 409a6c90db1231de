"""Requests over the session's own connection, and what may be answered to them.

Whatever the user gave to connect (certificate, password, proxy, context path, cookies) lives in
the H2OConnection; every request goes through it or with its settings, and no URL is built bare.
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
"""The longest answer that is read where only a message is wanted."""


def connection() -> H2OConnection:
    """The session's open connection.

    :raises H2OConnectionError: there is none; the message says how to connect.
    """
    current = h2o.connection()
    if current is None or not current.connected:
        raise H2OConnectionError(
            "not connected to an H2O cluster; start one with h2o_gan.init() or h2o.init(), "
            "or connect to a running one with h2o.connect(url=...)"
        )
    return current


def settings_of(current: H2OConnection | None = None) -> Json:
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
    """While inside, H2O's own requests end after a silence that is too long; else they never do."""
    current = current or connection()
    before = current._timeout
    current._timeout = patience.timeout(before)
    try:
        yield
    finally:
        current._timeout = before


@contextmanager
def losing(what: str) -> Iterator[None]:
    try:
        yield
    except (requests.exceptions.RequestException, HTTPError, HTTPException, OSError) as error:
        raise patience.lost(what, error) from error


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
    """A request over a connection that need not be the session's, whatever it is answered.

    It may be made in any thread; more settings are those of ``requests.request``. Unless the answer
    is asked for as a stream, it has been read, within bounds.

    :raises H2OConnectionError: there is no answer.
    :raises H2OServerError: the answer has no end.
    """
    settings = {**settings_of(current), **more, "stream": True}
    with nullcontext(wait) if wait else patience.watched(what) as watch:
        if file is not None:
            settings["data"] = _Upload(file, watch)
        with losing(what):
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
    """Open a streamed GET, of a certain node if need be; the caller reads and closes it.

    A cluster that has too much to do at the moment is asked again for some minutes.

    :raises H2OConnectionError: there is no answer.
    :raises H2OServerError: the cluster refuses.
    """
    settings = {**settings_of(), "stream": True}
    busy = answers.Busy(what)
    while True:
        with patience.watched(what), losing(what):
            base = node or connection().base_url
            response = requests.get(base + path, params=params, **settings)
        if response.status_code == 200:
            return response
        with response:
            answer = answers.read(response, what, MESSAGE_BYTES)
        if not busy.again(answer):
            raise refusal(response, what, answer.message)


def message(response: requests.Response) -> str:
    """What the cluster says that went wrong."""
    if getattr(response, "_content_consumed", False):
        return answer_of(response).message
    return answers.read(response, "being refused", MESSAGE_BYTES).message


def answer_of(response: requests.Response) -> answers.Answer:
    """An answer that was read, within bounds."""
    text = response.content.decode("utf-8", "replace")
    return answers.Answer(response.status_code, text, answers.retry_after(response))


def json_of(response: requests.Response, what: str) -> Json:
    return answer_of(response).json(what)


def refusal(response: requests.Response, what: str, said: str | None = None) -> answers.Refused:
    return answers.Refused(
        f"the cluster refused while {what} (HTTP {response.status_code}): "
        f"{message(response) if said is None else said}",
        response.status_code,
        answers.retry_after(response),
    )
