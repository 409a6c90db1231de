"""What a cluster's store holds, to the last chunk: how tests see that nothing is left behind.

``h2o.ls()`` shows frames and models, but neither the vectors and chunks of a frame whose name was
removed without them nor pieces of files, and the ``num_keys`` of ``/3/Cloud`` lags by seconds. A
servlet of the tests' own, beside the extension on the cluster's classpath, lists every key.
"""

from __future__ import annotations

import gc
import subprocess
import time
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h2o
import requests
from h2o.backend import H2OConnection

from h2o_gan.extension import build

_SOURCES = Path(__file__).parent / "java"
_SETTLED_WITHIN_S = 7.0

_LEFT_BY_H2O = (
    "water.Job ",
    "water.Job$JobList ",
    # Of every frame that there ever was: the number of its vectors, and where its chunks begin.
    "water.fvec.Vec$VectorGroup ",
    "water.fvec.Vec$ESPC ",
    # Of columns outside of any group of vectors, as Rapids makes them, that went while these were
    # computed. Those of frames that are parsed, or sent by us, count from 1 and are looked at.
    "water.fvec.RollupStats $05ff00000000feffffff$_",
    # Of the extension, one of each node and one in all: who is there, and the list of open jobs.
    "hex.gan.work.Members ",
    "hex.gan.work.TaskQueue ",
)
"""Kinds of values that stay for good, whoever makes and removes a frame or a job."""


def jar(folder: Path) -> Path | None:
    """The servlet's jar, made in a folder; None where there is no JDK to make it."""
    javac, h2o_jar = build.find_javac(), build.find_h2o_jar()
    if javac is None or h2o_jar is None:
        return None
    sources = map(str, (_SOURCES / "water").rglob("*.java"))
    subprocess.run([javac, "-nowarn", "-cp", h2o_jar, "-d", folder, *sources], check=True)
    packed = folder / "stored_keys.jar"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in [*folder.rglob("*.class"), *_SOURCES.rglob("META-INF/services/*")]:
            root = folder if path.suffix == ".class" else _SOURCES
            archive.write(path, path.relative_to(root).as_posix())
    return packed


def stored() -> set[str]:
    """Every value in the connected cluster as its class and its key.

    Values that H2O itself never removes are left out. Where the cluster lacks the servlet, these
    are frames, models and what else ``h2o.ls()`` shows.
    """
    connection = h2o.connection()
    if not _has_servlet(connection):
        return {f"listed {key}" for key in cluster_keys()}
    return stored_at(connection.base_url, **_settings(connection))


def stored_at(url: str, **settings: Any) -> set[str]:
    """The same of the cluster at an address, which must have the servlet."""
    answer = requests.get(f"{url}/3/TestKeys", **settings)
    answer.raise_for_status()
    return {line for line in answer.text.split("\n") if not line.startswith(_LEFT_BY_H2O)}


def left_since(before: set[str], now: Callable[[], set[str]] = stored) -> set[str]:
    """What is stored now, but was not before; H2O has some seconds to end what it does aside."""
    deadline = time.monotonic() + _SETTLED_WITHIN_S
    left = now() - before
    if left:
        gc.collect()  # Lazy frames that nobody holds any more; it takes half a second.
        left = now() - before
    while left and time.monotonic() < deadline:
        time.sleep(0.1)
        left = now() - before
    return left


def cluster_keys() -> set[str]:
    """The keys of all that ``h2o.ls()`` shows of the connected cluster."""
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return set(h2o.ls()["key"])


def _settings(connection: H2OConnection) -> dict[str, object]:
    return {**connection._request_args(), "timeout": 60}


@cache
def _has_servlet(connection: H2OConnection) -> bool:
    url = f"{connection.base_url}/3/TestKeys"
    return requests.get(url, **_settings(connection)).status_code == 200
