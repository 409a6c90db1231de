"""Messages to users, from all layers: warnings at the user's line, and lists in messages."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["collected", "listed", "warn"]

Sink = Callable[[str, type[Warning]], None]
_threads = threading.local()


def _folders() -> tuple[str, ...]:
    """Folders of the packages whose lines a user cannot change: this one and H2O's."""
    found = [str(Path(__file__).parent)]
    spec = importlib.util.find_spec("h2o")
    if spec is not None and spec.origin is not None:
        found.append(str(Path(spec.origin).parent))
    return tuple(folder + os.sep for folder in found)


_PACKAGE_FOLDERS = _folders()


def warn(message: str, category: type[Warning] = RuntimeWarning) -> None:
    """Warn the user at the user's own line, or the collector of this thread's warnings.

    Args:
        message: of the warning.
        category: of the warning.
    """
    sink: Sink | None = getattr(_threads, "sink", None)
    if sink is not None:
        sink(message, category)
        return
    warnings.warn(message, category, stacklevel=_user_stacklevel())


@contextmanager
def collected(sink: Sink) -> Iterator[None]:
    """Give this thread's warnings to `sink` inside this context.

    Args:
        sink: called with message and category; another thread may know the user's line.
    """
    before = getattr(_threads, "sink", None)
    _threads.sink = sink
    try:
        yield
    finally:
        _threads.sink = before


def listed(items: Sequence[object], most: int = 10, show: Callable[[object], str] = repr) -> str:
    """The first items of a list, as a message shows them.

    Args:
        items: names, levels or numbers.
        most: how many to show.
        show: writes one of them; text is quoted by default.

    Returns:
        For example ``'a', 'b', ... (784 in all)``; without the end where all are shown.
    """
    shown = ", ".join(map(show, items[:most]))
    return shown if len(items) <= most else f"{shown}, ... ({len(items)} in all)"


def _user_stacklevel() -> int:
    """The ``stacklevel``, seen from :func:`warn`, of the first line outside both packages."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE_FOLDERS):
        depth, frame = depth + 1, frame.f_back
    return depth
