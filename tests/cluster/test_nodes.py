"""Which of a cluster's nodes get the session's credentials."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from h2o_gan.cluster.nodes import _trusted

BASE = "http://10.0.0.1:54321"
SECURE = "https://10.0.0.1:54321"


@pytest.mark.parametrize(
    ("base", "verify", "address", "is_trusted"),
    [
        (BASE, True, "http://10.0.0.1:54323", True),
        (BASE, True, "http://10.0.0.2:54321", False),
        (BASE, True, "http://127.0.0.1:54321", True),
        (BASE, True, "http://localhost:54321", True),
        (BASE, True, "http://localhost.example.org:54321", False),
        (SECURE, True, "https://10.0.0.2:54321", True),
        (SECURE, False, "https://10.0.0.2:54321", False),
        (SECURE, "authority.pem", "https://10.0.0.2:54321", True),
    ],
)
@pytest.mark.parametrize(
    ("auth", "headers"), [(("jana", "secret"), {}), (None, {"Cookie": "session=secret"})]
)
def test_credentials_stay_with_trusted_nodes(
    base: str,
    verify: bool | str,
    address: str,
    is_trusted: bool,
    auth: tuple[str, str] | None,
    headers: dict[str, str],
) -> None:
    settings = {"auth": auth, "headers": headers, "verify": verify}
    assert _trusted(urlsplit(base), settings, address) is is_trusted


def test_without_credentials_every_node_may_be_asked() -> None:
    settings = {"auth": None, "headers": {}, "verify": True}
    assert _trusted(urlsplit(BASE), settings, "http://10.0.0.2:54321")
