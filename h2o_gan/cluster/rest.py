"""The few REST conversations that frames need, over the session's own connection.

Whatever the user gave to connect (certificate, password, proxy, context path, cookies) lives in
the H2OConnection; every request goes through it or with its settings, and no URL is built bare.
"""

from __future__ import annotations

import json
import re
import time
import urllib.parse
import uuid
import warnings
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any

import h2o
import requests
from h2o.backend.connection import H2OConnection
from h2o.exceptions import H2OConnectionError, H2OResponseError, H2OServerError, H2OValueError

from h2o_gan.version import __version__

Json = dict[str, Any]
_REACH_S = 2.0
"""A node that takes longer to answer counts as out of reach."""


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


def api(endpoint: str, **data: Any) -> Json:
    """Call a small JSON endpoint, for example ``api("GET /3/Jobs/x")``."""
    answer: Json = connection().request(endpoint, data=data or None)
    return answer


def cores() -> int:
    """How many processors the cluster has."""
    return sum(node["num_cpus"] for node in api("GET /3/Cloud", skip_ticks=True)["nodes"])


_ESCAPE = re.compile(r"\\(u00[2-9a-f]1|.)")


def frame(key: str) -> Json:
    """A frame's columns with their types and levels, but no rows.

    :raises H2OServerError: there is no such frame.
    """

    def unswap(escape: re.Match[str]) -> str:
        # H2O writes the two hexadecimal digits of the control characters above U+0011 backwards.
        code = escape[1]
        return f"\\u001{code[3]}" if len(code) > 1 else escape[0]

    params = {"row_count": "0", "full_column_count": "0"}
    with download(f"/3/Frames/{key}/light", params, f"looking up frame {key!r}") as response:
        text = response.content.decode()
    answer: Json = json.loads(_ESCAPE.sub(unswap, text))["frames"][0]
    return answer


def _settings(current: H2OConnection | None = None) -> Json:
    settings: Json = (current or connection())._request_args()
    headers = settings["headers"]
    if isinstance(headers.get("Cookie"), list):
        headers["Cookie"] = ";".join(headers["Cookie"])
    # The stream is parsed as fast as it comes: compressing it would only cost both sides time.
    headers["Accept-Encoding"] = "identity"
    return settings


@contextmanager
def _lost(what: str) -> Iterator[None]:
    try:
        yield
    except (requests.exceptions.RequestException, OSError) as error:
        raise H2OConnectionError(
            f"lost the cluster while {what}: {error}; check that it is up (h2o.cluster_status()) "
            "and reconnect with h2o.connect(url=...)"
        ) from error


def download(
    path: str, params: Mapping[str, str], what: str, node: str | None = None
) -> requests.Response:
    """Open a streamed GET, of a certain node if need be; the caller reads and closes it."""
    base = node or connection().base_url
    with _lost(what):
        response = requests.get(base + path, params=params, stream=True, **_settings())
    if response.status_code != 200:
        with response:
            _refused(response, what)
    return response


def send(path: str, body: Iterable[bytes], what: str) -> Json:
    """POST a stream of bytes, of a length that nobody knows yet.

    :raises H2OValueError: the cluster says what is wrong with them.
    """
    with _lost(what):
        response = requests.post(connection().base_url + path, data=body, **_settings())
    if response.status_code in (400, 409):
        raise H2OValueError(message(response))
    if response.status_code != 200:
        _refused(response, what)
    answer: Json = response.json()
    return answer


def exchange(
    current: H2OConnection, method: str, path: str, what: str, **more: Any
) -> requests.Response:
    """A request over a connection that need not be the session's, whatever it is answered.

    It may be made in any thread; more settings are those of ``requests.request``.

    :raises H2OConnectionError: there is no answer.
    """
    with _lost(what):
        return requests.request(method, current.base_url + path, **{**_settings(current), **more})


ALIVE = ("CREATED", "RUNNING", "CANCEL_PENDING")
"""What H2O calls a job that has not ended."""


def ended(current: H2OConnection, job: str) -> None:
    """Wait until a job that is about to end has ended, however it does."""
    path = f"/3/Jobs/{in_path(job)}"
    while True:
        response = exchange(current, "GET", path, "waiting for the end of a job", timeout=10)
        if response.status_code != 200 or response.json()["jobs"][0]["status"] not in ALIVE:
            return
        time.sleep(0.05)


def message(response: requests.Response) -> str:
    """What the cluster says that went wrong."""
    text = response.text
    with suppress(ValueError, KeyError, TypeError):
        text = json.loads(text)["msg"]
    return text[:500]


def in_path(key: str) -> str:
    """A key as a part of an address."""
    return urllib.parse.quote(key, safe="")


_extensions: weakref.WeakKeyDictionary[H2OConnection, str | None] = weakref.WeakKeyDictionary()


def extension() -> bool:
    """Whether the cluster has the extension of this package, in this package's version.

    Warns, once for each connection, where the versions differ.
    """
    current = connection()
    if current not in _extensions:
        _extensions[current] = _extension_version(current)
        version = _extensions[current]
        if version not in (None, __version__):
            warnings.warn(
                f"the cluster has the h2o_gan extension {version}, but this is h2o_gan "
                f"{__version__}: doing without it. Install h2o-gan=={version} here, or start the "
                "cluster with the jar that `h2o-gan extension --path` names",
                stacklevel=3,
            )
    return _extensions[current] == __version__


_nodes: weakref.WeakKeyDictionary[H2OConnection, list[str]] = weakref.WeakKeyDictionary()


def nodes() -> list[str]:
    """The addresses of the cluster's nodes in order; none unless all can be reached from here.

    That they are this cluster's, each says by the extension.
    """
    current = connection()
    if current not in _nodes:
        _nodes[current] = _reachable(current)
    return _nodes[current]


def _reachable(current: H2OConnection) -> list[str]:
    cloud = api("GET /3/Cloud", skip_ticks=True)
    settings = _settings()
    if cloud["cloud_size"] == 1 or any((settings.get("proxies") or {}).values()):
        return []
    base = urllib.parse.urlsplit(current.base_url)
    addresses = []
    for index, node in enumerate(cloud["nodes"]):
        address = f"{base.scheme}://{node['ip_port']}{base.path}"
        try:
            answer = requests.get(address + "/3/GAN", **{**settings, "timeout": _REACH_S}).json()
        except (requests.exceptions.RequestException, OSError, ValueError):
            return []
        if (answer.get("cloud_name"), answer.get("node")) != (cloud["cloud_name"], index):
            return []
        addresses.append(address)
    return addresses


def _extension_version(current: H2OConnection) -> str | None:
    """The version of the cluster's extension; None where it has none."""
    with _lost("asking for its extensions"):
        response = requests.get(current.base_url + "/3/GAN", **_settings())
    if response.status_code != 200:
        return None
    with suppress(ValueError, KeyError, TypeError):
        return str(response.json()["version"])
    return None


def upload(file: IO[bytes], key: str) -> None:
    """Stream an open file into the cluster as raw bytes under ``key``."""
    with _lost("uploading rows"):
        response = requests.post(
            connection().base_url + "/3/PostFile",
            params={"destination_frame": key},
            data=file,
            **_settings(),
        )
    if response.status_code != 200:
        _refused(response, "uploading rows")


def _refused(response: requests.Response, what: str) -> None:
    raise H2OServerError(
        f"the cluster refused while {what} (HTTP {response.status_code}): {message(response)}"
    )


def wait(job: str, what: str) -> None:
    """Wait for a job of the cluster without showing H2O's progress bar, which is the user's.

    :raises H2OServerError: the job failed or was cancelled.
    """
    try:
        state = _stopped(job)
    except BaseException:
        # Interrupted: a job that ran on would leave its result behind after our clean-up.
        with suppress(H2OConnectionError, H2OServerError, H2OResponseError):
            api(f"POST /3/Jobs/{job}/cancel")
            _stopped(job)
        raise
    if state["status"] != "DONE":
        reason = state.get("exception") or state["status"].lower()
        raise H2OServerError(f"the cluster failed while {what}: {reason}")


def _stopped(job: str) -> Json:
    pause = 0.005
    while True:
        state: Json = api(f"GET /3/Jobs/{job}")["jobs"][0]
        if state["status"] in ("DONE", "FAILED", "CANCELLED"):
            return state
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)


class Session:
    """A Rapids session of our own: whatever it leaves in the cluster goes when it is closed."""

    def __init__(self) -> None:
        self.id = new_key("session")

    def run(self, expression: str) -> Json:
        """Evaluate one Rapids expression."""
        return api("POST /99/Rapids", ast=expression, session_id=self.id)

    def close(self) -> None:
        """Remove the session's temporary frames; vectors shared with other frames stay."""
        api(f"DELETE /4/sessions/{self.id}")

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        # A lost cluster keeps nothing; the error that got us here says more.
        with suppress(H2OConnectionError, H2OServerError, H2OResponseError):
            self.close()


def remove(key: str) -> None:
    """Remove a key if it is there, a frame with its vectors, a model with its parts."""
    with suppress(H2OConnectionError, H2OServerError, H2OResponseError):
        api(f"DELETE /3/DKV/{in_path(key)}", cascade=True)


def new_key(purpose: str) -> str:
    """A key that nobody else uses."""
    return f"_gan_{purpose}_{uuid.uuid4().hex}"


def quote(text: str) -> str:
    """A Rapids string literal; in plain ASCII, so that no charset on the way can change it."""
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
