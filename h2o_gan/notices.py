"""Warnings that point at the user's line, from whichever layer and thread they come."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["collected", "warn"]

Sink = Callable[[str, type[Warning]], None]
_threads = threading.local()


def _folders() -> tuple[str, ...]:
    """The packages whose lines a user cannot change: this one and H2O's."""
    found = [str(Path(__file__).parent)]
    spec = importlib.util.find_spec("h2o")
    if spec is not None and spec.origin is not None:
        found.append(str(Path(spec.origin).parent))
    return tuple(folder + os.sep for folder in found)


_INSIDE = _folders()


def warn(message: str, category: type[Warning] = RuntimeWarning) -> None:
    """Warn the user, or whoever collects this thread's warnings."""
    sink: Sink | None = getattr(_threads, "sink", None)
    if sink is not None:
        sink(message, category)
        return
    warnings.warn(message, category, stacklevel=_depth_of_user())


@contextmanager
def collected(sink: Sink) -> Iterator[None]:
    """Hand the warnings of this thread to `sink`: a thread does not know its user's line."""
    before = getattr(_threads, "sink", None)
    _threads.sink = sink
    try:
        yield
    finally:
        _threads.sink = before


def _depth_of_user() -> int:
    """The ``stacklevel``, as seen from :func:`warn`, of the first line outside both packages."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        depth, frame = depth + 1, frame.f_back
    return depth
