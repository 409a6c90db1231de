"""The REST calls that moving frames needs."""

from __future__ import annotations

import dataclasses
import math
import re
import time
import urllib.parse
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

from h2o.backend.connection import H2OConnection
from h2o.exceptions import H2OConnectionError, H2OResponseError, H2OServerError

from h2o_gan.cluster import answers, patience
from h2o_gan.cluster.exchange import (
    Json,
    connection,
    download,
    exchange,
    json_of,
    message,
    refusal,
)
from h2o_gan.cluster.nodes import alive, extension, nodes

__all__ = [
    "ALIVE",
    "Json",
    "Session",
    "alive",
    "api",
    "connection",
    "cores",
    "download",
    "ended",
    "exchange",
    "extension",
    "frame",
    "has_model",
    "in_path",
    "message",
    "new_key",
    "nodes",
    "quote",
    "remove",
    "strings",
    "upload",
    "wait",
]

_TIDY_S = 30.0
"""Seconds to wait for the cluster to remove something."""
_ENDING_S = 1.5
"""Seconds that an unwanted job has to end by itself."""
_RAPIDS_S = 3600.0
"""Seconds that the cluster may compute without a byte of an answer."""
_FRAME_BYTES = 1 << 30
"""The largest description of a frame; it has all levels of all columns."""


def api(endpoint: str, **data: Any) -> Json:
    """Call a small JSON endpoint, for example ``api("GET /3/Jobs/x")``.

    Args:
        endpoint: method and path.
        **data: of the query or the form.

    Returns:
        The JSON object.

    Raises:
        H2OResponseError: the cluster refuses, in its own words.
        H2OServerError: the cluster fails, or the answer is not JSON.
        H2OConnectionError: the cluster does not answer.
    """
    return _call(endpoint, data)


def _call(endpoint: str, data: Mapping[str, Any], timeout: float | None = None) -> Json:
    current = connection()
    method, path = endpoint.split(" ", 1)
    sent = current._prepare_data_payload(data)
    more: Json = {"params" if method in ("GET", "DELETE") else "data": sent}
    if timeout is not None:
        more["timeout"] = timeout
    what = f"waiting for {endpoint[:200]}"
    response = exchange(current, method, path, what, **more)
    if response.status_code in (200, 201, 202):
        return json_of(response, what)
    with suppress(RecursionError):
        current._process_response(response, None)  # Raises H2O's own errors.
    raise refusal(response, what)


def cores() -> int:
    """Number of processors of the cluster."""
    return sum(node["num_cpus"] for node in api("GET /3/Cloud", skip_ticks=True)["nodes"])


_ESCAPE = re.compile(r"\\(u00[2-9a-f]1|.)")


def frame(key: str) -> Json:
    """Description of a frame: its columns with types and levels, without rows.

    Raises:
        H2OServerError: there is no such frame.
    """

    def unswap(escape: re.Match[str]) -> str:
        # H2O writes the two hexadecimal digits of the control characters above U+0011 backwards.
        code = escape[1]
        return f"\\u001{code[3]}" if len(code) > 1 else escape[0]

    params = {"row_count": "0", "full_column_count": "0"}
    what = f"looking up frame {key!r}"
    with download(f"/3/Frames/{in_path(key)}/light", params, what) as response:
        answer = answers.read(response, what, _FRAME_BYTES)
    answer = dataclasses.replace(answer, text=_ESCAPE.sub(unswap, answer.text))
    frames = answer.json(what)["frames"]
    if isinstance(frames, list) and frames and isinstance(frames[0], dict):
        return frames[0]
    raise H2OServerError(f"the answer while {what} holds no frame: {answer.text[:200]!r}")


ALIVE = ("CREATED", "RUNNING", "CANCEL_PENDING")
"""States of a job that has not ended."""


def has_model(key: str) -> bool:
    """Whether the cluster has a model of this key."""
    try:
        api(f"GET /3/Models/{in_path(key)}", preview=True)
    except (H2OResponseError, H2OServerError):
        return False
    return True


def ended(current: H2OConnection, job: str, within_s: float = 60.0) -> bool:
    """Wait until a job that is about to end has ended.

    Where the cluster does not answer it is asked again.

    Args:
        current: the connection.
        job: the job's key.
        within_s: seconds to wait.

    Returns:
        Whether the job has ended, as far as the cluster says.
    """
    path, what = f"/3/Jobs/{in_path(job)}", "waiting for the end of a job"
    deadline = time.monotonic() + within_s
    while (left := deadline - time.monotonic()) > 0:
        with suppress(H2OConnectionError, H2OServerError, LookupError, TypeError):
            response = exchange(current, "GET", path, what, timeout=min(10.0, max(0.1, left)))
            if response.status_code == 404:
                return True
            if response.status_code == 200:
                state = json_of(response, what)["jobs"][0]["status"]
                if state not in ALIVE:
                    return True
        time.sleep(0.05)
    return False


def in_path(key: str) -> str:
    """A key, quoted for a path."""
    return urllib.parse.quote(key, safe="")


def upload(file: IO[bytes], key: str) -> None:
    """Stream an open file into the cluster as raw bytes under ``key``.

    Raises:
        H2OConnectionError: there is no answer.
        H2OServerError: the cluster refuses.
    """
    what, params = "uploading rows", {"destination_frame": key}
    response = exchange(connection(), "POST", "/3/PostFile", what, params=params, file=file)
    if response.status_code != 200:
        raise refusal(response, what)


def wait(job: str, what: str) -> None:
    """Wait for a job of the cluster without H2O's progress bar, which is the user's.

    Args:
        job: the job's key.
        what: what the job does, as "parsing the uploaded rows".

    Raises:
        H2OServerError: the job failed or was cancelled.
    """
    try:
        state = _stopped(job)
    except BaseException:
        # Interrupted. A job that ran on would leave its result after the clean-up. It gets a moment
        # to end by itself, since H2O may leave chunks of a parse that is cancelled.
        with suppress(H2OConnectionError, H2OServerError, H2OResponseError):
            if _stopped(job, _ENDING_S, 0.5)["status"] not in ALIVE:
                raise
            _tidy(f"POST /3/Jobs/{in_path(job)}/cancel")
            _stopped(job, _TIDY_S, 1.0)
        raise
    if state["status"] != "DONE":
        reason = state.get("exception") or state["status"].lower()
        raise H2OServerError(f"the cluster failed while {what}: {reason}")


def _stopped(job: str, within_s: float = math.inf, answer_s: float | None = None) -> Json:
    pause, deadline = 0.005, time.monotonic() + within_s
    while True:
        endpoint = f"GET /3/Jobs/{in_path(job)}"
        answer = api(endpoint) if answer_s is None else _call(endpoint, {}, answer_s)
        state: Json = answer["jobs"][0]
        if state["status"] not in ALIVE or time.monotonic() > deadline:
            return state
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)


def _tidy(endpoint: str, **data: Any) -> None:
    """Have the cluster remove something; wait only briefly where the caller is giving up."""
    _call(endpoint, data, 0.5 if patience.is_giving_up() else _TIDY_S)


class Session:
    """A Rapids session; closing it removes its temporary frames."""

    def __init__(self) -> None:
        self.id = new_key("session")

    def run(self, expression: str) -> Json:
        """Evaluate a Rapids expression and return H2O's answer."""
        data = {"ast": expression, "session_id": self.id}
        return _call("POST /99/Rapids", data, max(_RAPIDS_S, patience.LIMIT_S))

    def close(self) -> None:
        """Remove the session's temporary frames; vectors shared with other frames stay."""
        _tidy(f"DELETE /4/sessions/{self.id}")

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        # A lost cluster keeps nothing, and the first error says more.
        with suppress(H2OConnectionError, H2OServerError, H2OResponseError):
            self.close()


def remove(key: str) -> None:
    """Remove a key if it is there: a frame with its vectors, a model with its parts."""
    with suppress(H2OConnectionError, H2OServerError, H2OResponseError):
        _tidy(f"DELETE /3/DKV/{in_path(key)}", cascade=True)


def new_key(purpose: str) -> str:
    """A unique key."""
    return f"_gan_{purpose}_{uuid.uuid4().hex}"


def quote(text: str) -> str:
    """A Rapids string literal, in ASCII, so that no charset on the way can change it."""
    parts = []
    for char in text:
        code = ord(char)
        if char in '"\\':
            parts.append("\\" + char)
        elif 0x20 <= code < 0x7F:
            parts.append(char)
        elif code <= 0xFFFF:
            parts.append(f"\\u{code:04x}")
        else:
            parts.append(f"\\U{code:08x}")
    return '"' + "".join(parts) + '"'


def strings(texts: list[str]) -> str:
    """A Rapids list of strings."""
    return "[" + " ".join(map(quote, texts)) + "]"
