"""The model in Java, compiled for the tests of this folder, without any class of H2O."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from h2o_gan.extension import build

TESTS = Path(__file__).parents[2] / "java"

# For helpers beside the tests, and those of the engine's and the cluster's tests.
sys.path[:0] = [
    str(Path(__file__).parent),
    *(str(Path(__file__).parents[2] / folder) for folder in ("engine", "cluster")),
]


@pytest.fixture(scope="session")
def core_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the compiled classes."""
    javac = build.find_javac()
    if javac is None:
        pytest.skip("needs a JDK")
    folder = tmp_path_factory.mktemp("core")
    sources = [
        str(path)
        for root in (build.SOURCES, TESTS)
        for path in sorted((root / "hex" / "gan" / "core").rglob("*.java"))
    ]
    subprocess.run(
        [javac, "--release", "8", "-encoding", "UTF-8", "-nowarn", "-d", str(folder), *sources],
        check=True,
    )
    return folder


@pytest.fixture(scope="session")
def probe(core_classes: Path) -> Callable[[str, Any], Any]:
    """Runs a class of tests/java/hex/gan/core: (its name, a request) -> its answer."""
    java = shutil.which("java")

    def run(name: str, request: Any) -> Any:
        command = [
            str(java),
            "-Xmx1g",
            "-XX:TieredStopAtLevel=1",
            "-ea",
            "-cp",
            str(core_classes),
            f"hex.gan.core.{name}",
        ]
        done = subprocess.run(command, input=json.dumps(request).encode(), capture_output=True)
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        return json.loads(done.stdout)

    return run
