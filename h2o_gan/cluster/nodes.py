"""The cluster's nodes: whether they have the extension, and which of them can be reached."""

from __future__ import annotations

import ipaddress
import time
import urllib.parse
import weakref
from contextlib import suppress

import requests
from h2o.backend.connection import H2OConnection
from h2o.exceptions import H2OConnectionError, H2OServerError

from h2o_gan.cluster import answers
from h2o_gan.cluster.address import is_address
from h2o_gan.cluster.exchange import (
    MESSAGE_BYTES,
    Json,
    connection,
    connection_errors,
    exchange,
    json_of,
    refusal,
    settings_of,
)
from h2o_gan.notices import warn
from h2o_gan.version import PROTOCOL, __version__

_REACH_S = 2.0
"""Seconds after which a node counts as out of reach."""
_JOIN_S = 5.0
"""Seconds to wait for all nodes to report the extension."""
_SIGN_S = 10.0
"""Seconds to wait for a sign of life."""

_extensions: weakref.WeakKeyDictionary[H2OConnection, bool] = weakref.WeakKeyDictionary()


def extension() -> bool:
    """Whether the cluster has the extension, of this package's protocol, on all of its nodes.

    The package's version need not be the same. Warns, once for each connection, where the protocols
    differ and where a node lacks the extension.
    """
    current = connection()
    if current not in _extensions:
        about = _settled(current)
        mismatch = about and _mismatch(about)
        _extensions[current] = bool(about) and not mismatch
        if mismatch:
            warn(
                f"{mismatch}: the extension is not used. Start every node of the cluster with the "
                "jar that `h2o-gan extension --path` names",
                UserWarning,
            )
    return _extensions[current]


def _settled(current: H2OConnection) -> Json | None:
    """What the extension reports once all nodes have joined it, a moment after a start."""
    deadline = time.monotonic() + _JOIN_S
    while True:
        about = _about(current)
        nodes = about.get("nodes") if about is not None else None
        silent = isinstance(nodes, list) and any(
            isinstance(node, dict) and node.get("protocol") is None for node in nodes
        )
        if not silent or time.monotonic() > deadline:
            return about
        time.sleep(0.2)


def _mismatch(about: Json) -> str | None:
    """Why the cluster's extension cannot be used; None where it can be."""
    protocol, version = about.get("protocol"), about.get("version")
    if protocol != PROTOCOL:
        return (
            f"the cluster has the h2o_gan extension {version} with protocol {protocol}, but "
            f"this is h2o_gan {__version__} with protocol {PROTOCOL}"
        )
    nodes = about.get("nodes")
    for node in nodes if isinstance(nodes, list) else []:
        if isinstance(node, dict) and node.get("protocol") != PROTOCOL:
            has = f"protocol {node['protocol']}" if node.get("protocol") else "none"
            return f"node {node.get('name')} of the cluster has another h2o_gan extension ({has})"
    return None


def _about(current: H2OConnection) -> Json | None:
    """What the cluster's extension reports; None where there is none.

    Raises:
        H2OServerError: another server answers, or the cluster fails.
    """
    what = "asking for its extensions"
    response = exchange(current, "GET", "/3/GAN", what)
    if response.status_code == 404:
        return None
    if response.status_code != 200:
        raise refusal(response, what)
    about = json_of(response, what)
    return about if "version" in about else None


_nodes: weakref.WeakKeyDictionary[H2OConnection, list[str]] = weakref.WeakKeyDictionary()


def nodes() -> list[str]:
    """Addresses of the cluster's nodes in order; empty unless all can be reached from here.

    Each node proves by the extension that it belongs to this cluster. A password or a cookie of the
    session is sent only to addresses that the cluster named over https with a checked certificate,
    to the host that the user named, and to this machine.
    """
    current = connection()
    if current not in _nodes:
        _nodes[current] = _reachable(current)
    return _nodes[current]


def _reachable(current: H2OConnection) -> list[str]:
    what, params = "looking for nodes", {"skip_ticks": "true"}
    cloud = json_of(exchange(current, "GET", "/3/Cloud", what, params=params), what)
    settings = settings_of(current)
    if cloud["cloud_size"] == 1 or any((settings.get("proxies") or {}).values()):
        return []
    base = urllib.parse.urlsplit(current.base_url)
    addresses = []
    for index, node in enumerate(cloud["nodes"]):
        address = f"{base.scheme}://{node['ip_port']}{base.path}"
        # Other parsers may read an unusual address as another host.
        if not is_address(address) or not _trusted(base, settings, address):
            return []
        try:
            with (
                connection_errors(what),
                requests.get(
                    address + "/3/GAN",
                    **{**settings, "timeout": _REACH_S, "stream": True, "allow_redirects": False},
                ) as response,
            ):
                answer = answers.read(response, what, MESSAGE_BYTES).json(what)
        except (H2OConnectionError, H2OServerError):
            return []
        if (answer.get("cloud_name"), answer.get("node")) != (cloud["cloud_name"], index):
            return []
        addresses.append(address)
    return addresses


def _trusted(base: urllib.parse.SplitResult, settings: Json, address: str) -> bool:
    """Whether the session's credentials, if it has any, may be sent to an address."""
    if not settings.get("auth") and not settings["headers"].get("Cookie"):
        return True
    if base.scheme == "https" and settings["verify"]:
        return True
    host = urllib.parse.urlsplit(address).hostname
    if host == base.hostname:
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host or "").is_loopback
    return host == "localhost"


def alive(node: str | None = None) -> None:
    """Ask a node for a sign of life.

    Args:
        node: its address; the session's node where it is None.

    Raises:
        H2OConnectionError: there is none.
    """
    what = "looking whether it is there"
    with connection_errors(what):
        requests.get(
            (node or connection().base_url) + "/3/Ping",
            **{**settings_of(), "timeout": _SIGN_S, "stream": True},
        ).close()
