"""The transports that the same tests run over."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from h2o_gan.cluster.frames import PLAIN, Transport

# Tests are imported by path, so their helper module has to be made findable.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session", params=[PLAIN], ids=lambda transport: transport.name)
def transport(request: pytest.FixtureRequest) -> Transport:
    """Each transport in turn."""
    chosen: Transport = request.param
    return chosen
