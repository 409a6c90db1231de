"""The chunks that the extension makes are of the classes that H2O's own parser chooses."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from h2o.backend import H2OLocalServer

from h2o_gan import extension
from h2o_gan.extension.build import find_h2o_jar, find_javac

pytestmark = pytest.mark.skipif(
    extension.jar() is None or find_javac() is None, reason="needs the extension and a JDK"
)

CLASSES = {
    "C0LChunk", "C0DChunk", "CBSChunk", "C1NChunk", "C1Chunk", "C1SChunk", "C2Chunk", "C2SChunk",
    "C4Chunk", "C4SChunk", "C8Chunk", "C4FChunk", "C8DChunk", "CUDChunk",
    "CXIChunk", "CXFChunk",
}  # fmt: skip
"""All that H2O has for numbers."""
ROWS = 4000


def test_classes_are_those_of_h2o(tmp_path: Path, free_port: Callable[[], int]) -> None:
    classpath = f"{find_h2o_jar()}{os.pathsep}{extension.jar()}"
    source = Path(__file__).parents[1] / "java/hex/gan/arrow/ChunkClasses.java"
    javac = find_javac()
    assert javac is not None
    subprocess.run([javac, "-cp", classpath, "-d", str(tmp_path), str(source)], check=True)
    command = [H2OLocalServer._find_java(), *extension.ADD_OPENS, "-cp"]
    command += [f"{tmp_path}{os.pathsep}{classpath}", "hex.gan.arrow.ChunkClasses"]
    command += [str(free_port()), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    seen = set()
    for line in done.stdout.splitlines():
        kind, ours, our_bytes, theirs, their_bytes, same = line.split()
        assert same == "true", f"{kind}: other values"
        # H2O keeps doubles for floats, unless it is started for single precision.
        expected = ("C4FChunk", ROWS * 4) if kind == "floats" else (theirs, int(their_bytes))
        assert (ours, int(our_bytes)) == expected, kind
        seen.add(ours)
    assert seen == CLASSES
