"""The transports that the same tests run over."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from h2o_gan import extension
from h2o_gan.cluster.frames import ARROW, PLAIN, Transport

# Tests are imported by path, so their helper module has to be made findable.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session", params=[PLAIN, ARROW], ids=lambda transport: transport.name)
def transport(request: pytest.FixtureRequest) -> Transport:
    """Each transport in turn."""
    chosen: Transport = request.param
    if chosen is ARROW and extension.jar() is None:
        pytest.skip("the cluster extension is not built: that needs a JDK")
    return chosen
