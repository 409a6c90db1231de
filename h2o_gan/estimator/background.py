"""Work in a background thread, while the caller shows H2O's progress bar.

The thread makes Ctrl-C safe: the interrupt reaches the caller's thread, which asks the work to stop
after its current step.

A program may end while work goes on. Python would then end the thread in the middle of a step, and
torch's threads by abort(). So the program waits at its end until the work has stopped.
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
_EXIT_SECONDS = 30.0
_running: set[BackgroundJob[Any]] = set()


class BackgroundJob(Generic[Result]):
    """Runs ``work(job)`` in a thread; has the interface of an H2OJob.

    Args:
        work: sets ``job.progress``, from 0 to 1, and ends soon after ``job.stop`` is set.
        title: of the progress bar.

    Attributes:
        progress: from 0 to 1.
        stop: set to ask the work to end.
        exiting: set where the program ends; another process should then go on with the work.
    """

    def __init__(self, work: Work[Result], title: str) -> None:
        self.progress = 0.0
        self.stop = threading.Event()
        self.exiting = threading.Event()
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
        """RUNNING, DONE, CANCELLED or FAILED."""
        if self._thread.is_alive():
            return "RUNNING"
        if self._error is not None:
            return "FAILED"
        return "CANCELLED" if self.stop.is_set() else "DONE"

    def poll(
        self, poll_updates: Callable[[BackgroundJob[Result], float], None] | None = None
    ) -> Result:
        """Wait for the work, behind the progress bar unless ``h2o.no_progress()`` hides it.

        Ctrl-C asks the work to stop and then waits for its result; a second Ctrl-C raises
        KeyboardInterrupt at once.

        Args:
            poll_updates: called with this job and its progress, again and again.

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
        except StopIteration:  # the bar's translation of Ctrl-C
            self.cancel()
        except BaseException:  # a warning that is an error here, for instance
            self.cancel()
            raise
        self._thread.join()
        self._warn()
        return self.result()

    def poll_once(self) -> BackgroundJob[Result]:
        """Print how far the work is, without waiting."""
        print(f"{self._title} {self.status.lower()}: {self.progress:.0%}")
        return self

    def cancel(self) -> None:
        """Ask the work to stop soon."""
        self.stop.set()

    def result(self) -> Result:
        """What the work returned, once it has ended.

        Raises:
            BaseException: what the work raised.
        """
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
        """Give the work's warnings in this thread, which knows the user's line."""
        while not self._warnings.empty():
            warn(*self._warnings.get())

    def _run(self) -> None:
        try:
            with collected(lambda *warning: self._warnings.put(warning)):
                self._result = self._work(self)
        except BaseException as error:  # raised again in poll()
            self._error = error
        finally:
            _running.discard(self)


@functools.cache
def _wait_at_exit() -> None:
    """Have the program's end call :func:`_stop_all`, once.

    Before that, Python forbids new threads to pools, and H2O closes its connection at exit. Only
    the hook of Python's own pools, where there is one, comes before both.
    """
    register = getattr(threading, "_register_atexit", atexit.register)
    register(_stop_all)


def _stop_all() -> None:
    """Stop running jobs, and wait for them for some seconds; Ctrl-C ends the wait."""
    jobs = list(_running)
    if not jobs:
        return
    for job in jobs:
        print(
            f"{job._title} is stopped because the program ends; call join() to wait for it.",
            file=sys.stderr,
        )
        job.exiting.set()
        job.stop.set()
    deadline = time.monotonic() + _EXIT_SECONDS
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
