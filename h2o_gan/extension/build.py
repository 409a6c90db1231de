"""Compiles the extension with nothing but a JDK and h2o.jar.

Installing the package calls :func:`build`; ``python -m h2o_gan.extension.build`` does the same by
hand. This file runs before the package is installed, so it imports nothing from it: it loads
``java.py``, which generates the Java of the parameters, by its path.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SOURCES = FOLDER / "src"
_VERSION = re.compile(r"javac (?:1\.)?(\d+)")
_MANIFEST = "META-INF/MANIFEST.MF"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can tell: the same sources make the same jar."""


def _load_java() -> Any:
    spec = importlib.util.spec_from_file_location("_h2o_gan_java", FOLDER / "java.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_java = _load_java()


class BuildError(Exception):
    """The extension cannot be built; the message says why."""


def find_javac() -> str | None:
    """The compiler of ``JAVA_HOME``, else the one on the ``PATH``; None where there is none."""
    home = os.environ.get("JAVA_HOME")
    if home:
        found = shutil.which("javac", path=os.path.join(home, "bin"))
        if found:
            return found
    return shutil.which("javac")


def find_h2o_jar() -> Path | None:
    """The h2o.jar that the Python package h2o carries; None where that is not installed."""
    spec = importlib.util.find_spec("h2o")
    for place in (spec.submodule_search_locations or []) if spec else []:
        found = Path(place) / "backend" / "bin" / "h2o.jar"
        if found.is_file():
            return found
    return None


def is_current(jar: Path) -> bool:
    """Whether the jar is there, and made from the sources as they are now."""
    try:
        with zipfile.ZipFile(jar) as archive:
            return f"Sources: {_digest()[:60]}\r\n" in archive.read(_MANIFEST).decode()
    except (OSError, KeyError, zipfile.BadZipFile):
        return False


def _digest() -> str:
    digest = hashlib.sha256((FOLDER.parent / "version.py").read_bytes())
    for path in sorted(path for path in SOURCES.rglob("*") if path.is_file()):
        digest.update(path.relative_to(SOURCES).as_posix().encode() + b"\0" + path.read_bytes())
    for name, text in _java.sources().items():
        digest.update(name.encode() + b"\0" + text.encode())
    return digest.hexdigest()


def build(jar: Path) -> Path:
    """Compile the sources to Java 8 bytecode and pack them.

    Args:
        jar: the file to make; it appears whole or not at all.

    Returns:
        The same path.

    Raises:
        BuildError: there is no JDK or no h2o.jar, or the compiler refuses.
    """
    javac, h2o_jar = find_javac(), find_h2o_jar()
    if javac is None:
        raise BuildError(
            "no javac on the PATH or in JAVA_HOME: the cluster extension is not built. "
            "Everything works except what lives in the cluster. To have it, install a JDK of "
            "version 8 to 21 and run python -m h2o_gan.extension.build"
        )
    if h2o_jar is None:
        raise BuildError("the Python package h2o with its h2o.jar is needed: pip install h2o")
    with tempfile.TemporaryDirectory() as folder:
        classes, generated = Path(folder) / "classes", Path(folder) / "generated"
        classes.mkdir()
        _java.write(generated)
        _compile(javac, h2o_jar, (SOURCES, generated), classes)
        packed = Path(folder) / "packed.jar"
        _pack(classes, packed)
        # In the same folder first: a rename is whole or not at all, a copy is not.
        beside = jar.with_name(f".{jar.name}.{os.getpid()}")
        shutil.copyfile(packed, beside)
        os.replace(beside, jar)
    return jar


def _compile(javac: str, h2o_jar: Path, roots: Sequence[Path], classes: Path) -> None:
    said = subprocess.run([javac, "-version"], capture_output=True, text=True)
    version = _VERSION.search(said.stdout + said.stderr)
    if version is None:
        raise BuildError(f"{javac} does not run: {said.stderr.strip()}")
    target = ["--release", "8"] if int(version[1]) > 8 else ["-source", "8", "-target", "8"]
    sources = sorted(str(path) for root in roots for path in root.rglob("*.java"))
    options = [*target, "-encoding", "UTF-8", "-cp", str(h2o_jar), "-d", str(classes)]
    lint = ["-Xlint:all,-options,-processing,-classfile,-serial", "-Werror"]
    run = subprocess.run([javac, *options, *lint, *sources], capture_output=True, text=True)
    if run.returncode != 0:
        raise BuildError(f"{javac} (version {version[1]}) refuses:\n{run.stdout}{run.stderr}")


def _pack(classes: Path, packed: Path) -> None:
    text = (FOLDER.parent / "version.py").read_text()
    version = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    protocol = re.search(r"^PROTOCOL = (\d+)$", text, re.MULTILINE)
    assert version is not None and protocol is not None
    manifest = f"""Manifest-Version: 1.0\r
Implementation-Title: h2o_gan\r
Implementation-Version: {version[1]}\r
Main-Class: hex.gan.core.Main\r
Sources: {_digest()[:60]}\r
\r
"""
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, data: bytes) -> None:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)

        add(_MANIFEST, manifest.encode())
        add("hex/gan/version.txt", version[1].encode())
        add("hex/gan/protocol.txt", protocol[1].encode())
        for root, pattern in ((classes, "*.class"), (SOURCES, "META-INF/services/*")):
            for path in sorted(root.rglob(pattern)):
                add(path.relative_to(root).as_posix(), path.read_bytes())


def main() -> None:
    """Build the jar where the package looks for it, unless it is there and up to date."""
    jar = FOLDER / "h2o_gan.jar"
    try:
        if not is_current(jar):
            print(build(jar))
    except BuildError as error:
        raise SystemExit(f"h2o_gan.extension.build: {error}") from None


if __name__ == "__main__":
    main()
