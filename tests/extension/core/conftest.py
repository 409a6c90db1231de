"""The model in Java, compiled for the tests of this folder, without any class of H2O."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

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
    """The folder of the compiled classes, which processes of tests share."""
    javac = build.find_javac()
    if javac is None:
        pytest.skip("needs a JDK")
    sources = [
        path
        for root in (build.SOURCES, TESTS)
        for path in sorted((root / "hex" / "gan" / "core").rglob("*.java"))
    ]
    digest = hashlib.sha256(javac.encode())
    for path in sources:
        digest.update(str(path).encode() + b"\0" + path.read_bytes())
    shared = tmp_path_factory.getbasetemp().parent
    done = shared / f"core_classes_{digest.hexdigest()[:16]}"
    if not done.exists():
        for old in shared.glob("core_classes_*"):
            if old.stat().st_mtime < time.time() - 86_400:
                shutil.rmtree(old, ignore_errors=True)
        folder = tmp_path_factory.mktemp("core_classes")
        # The compiler's own compiler costs more than it saves.
        options = ["-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC", "-proc:none", "-nowarn"]
        options += ["--release", "8", "-encoding", "UTF-8", "-d", str(folder)]
        subprocess.run([javac, *options, *map(str, sources)], check=True)
        try:
            os.rename(folder, done)
        except OSError:  # another process has been faster
            assert done.exists()
    return done


class Probes:
    """A JVM that runs one probe after the other; see Probes.java.

    Args:
        classes: the folder of the compiled classes.
        errors: a file for what Java says at its end.
        optimized: whether to compile what runs often with all optimizations, which takes longer.
    """

    def __init__(self, classes: Path, errors: IO[bytes], optimized: bool) -> None:
        self._errors = errors
        command = [str(shutil.which("java")), "-Xmx1g", "-XX:+UseSerialGC", "-ea"]
        command += [] if optimized else ["-XX:TieredStopAtLevel=1"]
        self._java = subprocess.Popen(
            [*command, "-cp", str(classes), "hex.gan.core.Probes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )

    def run(self, name: str, request: Any) -> Any:
        """Run the class of this name with a request, and return its answer."""
        assert self._java.stdin is not None and self._java.stdout is not None
        data = json.dumps(request).encode()
        try:
            self._java.stdin.write(len(name).to_bytes(2, "big") + name.encode())
            self._java.stdin.write(len(data).to_bytes(4, "big") + data)
            self._java.stdin.flush()
            head = self._java.stdout.read(4)
            size = int.from_bytes(head, "big", signed=True)
            answer = self._java.stdout.read(abs(size))
        except BaseException:  # a later request must not get this one's answer
            self.end()
            raise
        if not head or size < 0:
            self._errors.seek(0)
            said = answer if head else self._errors.read()
            pytest.fail(f"{name} failed:\n{said.decode(errors='replace')[-3000:]}")
        return json.loads(answer)

    def end(self) -> None:
        """End the JVM."""
        self._java.kill()
        self._java.wait()


@pytest.fixture(scope="module")
def probe(
    core_classes: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[str, Any], Any]]:
    """Runs a class of tests/java/hex/gan/core: (its name, a request) -> its answer.

    A module whose probes run long has the constant OPTIMIZED = True.
    """
    with tempfile.TemporaryFile() as errors:
        probes = Probes(core_classes, errors, getattr(request.module, "OPTIMIZED", False))
        yield probes.run
        probes.end()
