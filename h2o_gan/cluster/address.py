"""A cluster's address."""

from __future__ import annotations

import re

from h2o.exceptions import H2OValueError

__all__ = ["is_address", "normalised_url"]

_ADDRESS = re.compile(r"https?://(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):\d+(?:/[\w./-]*)?")


def is_address(url: str) -> bool:
    """Whether a URL is a scheme, a host, a port and maybe a path, and nothing else."""
    return _ADDRESS.fullmatch(url) is not None


def normalised_url(text: str) -> str:
    """The address as H2O takes it: ``localhost:54321`` becomes ``http://localhost:54321``.

    Raises:
        H2OValueError: it is not an address.
    """
    url = (text if "://" in text else f"http://{text}").rstrip("/")
    if not is_address(url):
        raise H2OValueError(
            f"{text!r} is not a cluster's address: write host:port or https://host:port, for "
            "example localhost:54321."
        )
    return url
