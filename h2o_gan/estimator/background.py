"""Work that runs in a thread of its own while the caller watches H2O's progress bar.

The thread is why Ctrl-C is safe: the interrupt reaches the caller's thread, which asks the work
to stop at its next step, instead of tearing a step in two.

A program may end while work goes on. Python would then end it in the middle of a step, and torch's
threads with it, by abort(). So the end of the program waits until the work has stopped in order.
"""

from __future__ import annotations

import atexit
import concurrent.futures.thread  # noqa: F401  (its hook at exit must come after ours)
import functools
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from h2o.job import H2OJob
from h2o.utils.progressbar import PBWBar, PBWPercentage, PBWString, ProgressBar

from h2o_gan.notices import collected, warn

__all__ = ["BackgroundJob"]

Result = TypeVar("Result")
Work = Callable[["BackgroundJob[Result]"], Result]

_POLL_SECONDS = 0.2
_LEAVE_SECONDS = 30.0
_running: set[BackgroundJob[Any]] = set()


class BackgroundJob(Generic[Result]):
    """Runs ``work(job)``, which reports to ``progress`` and heeds ``stop``.

    It has the face of an H2OJob: ``status``, ``progress``, ``poll``, ``poll_once``, ``cancel``.
    """

    def __init__(self, work: Work[Result], title: str) -> None:
        self.progress = 0.0
        self.stop = threading.Event()
        self.exiting = threading.Event()
        """Set where the program ends: what is done so far should be left to others."""
        self._work = work
        self._title = title
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._warnings: queue.SimpleQueue[tuple[str, type[Warning]]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=title, daemon=True)
        _running.add(self)
        _wait_at_exit()
        self._thread.start()

    @property
    def status(self) -> str:
        """One of RUNNING, DONE, CANCELLED and FAILED."""
        if self._thread.is_alive():
            return "RUNNING"
        if self._error is not None:
            return "FAILED"
        return "CANCELLED" if self.stop.is_set() else "DONE"

    def poll(
        self, poll_updates: Callable[[BackgroundJob[Result], float], None] | None = None
    ) -> Result:
        """Wait for the work, drawing the progress bar unless ``h2o.no_progress()`` hides it.

        Ctrl-C asks the work to stop and then waits for what it makes of that; a second Ctrl-C
        raises KeyboardInterrupt at once.

        Returns:
            What the work returned.

        Raises:
            BaseException: what the work raised.
        """
        hidden = not H2OJob.__PROGRESS_BAR__
        widgets = [PBWString(f"{self._title} progress:"), PBWBar(), PBWPercentage()]
        bar = ProgressBar(widgets=widgets, hidden=hidden)

        def monitor(shown: float) -> None:
            self._warn()
            if poll_updates is not None:
                poll_updates(self, shown)

        try:
            bar.execute(self._refresh, progress_monitor_fn=monitor)
        except StopIteration:  # what the bar makes of Ctrl-C
            self.cancel()
        except BaseException:  # a warning that is an error here, for instance
            self.cancel()
            raise
        self._thread.join()
        self._warn()
        return self.result()

    def poll_once(self) -> BackgroundJob[Result]:
        """Say on stdout how far the work is, without waiting."""
        print(f"{self._title} {self.status.lower()}: {self.progress:.0%}")
        return self

    def cancel(self) -> None:
        """Ask the work to stop soon."""
        self.stop.set()

    def result(self) -> Result:
        """What finished work returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]

    def _refresh(self) -> tuple[float, float]:
        if not self._thread.is_alive():
            if self._error is not None:
                raise StopIteration("failed")
            return 1.0, _POLL_SECONDS
        return min(self.progress, 0.99), _POLL_SECONDS

    def _warn(self) -> None:
        """Give the work's warnings here, in the thread whose line they are about."""
        while not self._warnings.empty():
            warn(*self._warnings.get())

    def _run(self) -> None:
        try:
            with collected(lambda *warning: self._warnings.put(warning)):
                self._result = self._work(self)
        except BaseException as error:  # handed to whoever polls, whatever it is
            self._error = error
        finally:
            _running.discard(self)


@functools.cache
def _wait_at_exit() -> None:
    """Have the end of the program call :func:`_leave`, once.

    Before that, Python forbids new threads to pools, and H2O closes its connection at exit. Only
    the hook of Python's own pools, where there is one, comes before both.
    """
    register = getattr(threading, "_register_atexit", atexit.register)
    register(_leave)


def _leave() -> None:
    """Stop what runs, and wait for it for a while. Ctrl-C ends the waiting."""
    jobs = list(_running)
    if not jobs:
        return
    for job in jobs:
        print(
            f"{job._title} is stopped, for the program ends; join() would wait for it.",
            file=sys.stderr,
        )
        job.exiting.set()
        job.stop.set()
    deadline = time.monotonic() + _LEAVE_SECONDS
    status = 1
    try:
        for job in jobs:
            job._thread.join(max(deadline - time.monotonic(), 0))
    except KeyboardInterrupt:
        status = 130
    if any(job._thread.is_alive() for job in jobs):
        # The usual end would abort in the middle of a step.
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)
