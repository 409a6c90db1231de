"""Runs the test suite in processes side by side, each with a cluster of its own.

    .venv/bin/python scripts/testing [--processes 2] [--record] [arguments of pytest]

Each process collects all tests, and takes one module after the other that no other process has
taken, the longest first by seconds.json; those that it does not list come last. So they end at
about the same time on every machine. --record writes seconds.json anew.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = Path(__file__).with_name("seconds.json")
CLEAN_UP_S = 60


class ModuleQueue:
    """A pytest plugin that runs those modules that no other process has taken.

    Args:
        folder: is shared by the processes. A file in it says that a module is taken, and after its
            end how many seconds it took.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seconds: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests of one module after the other; in place of pytest's own loop."""
        if session.testsfailed:
            raise session.Interrupted("errors during collection")
        modules: dict[str, list[pytest.Item]] = defaultdict(list)
        for item in session.items:
            modules[module_of(item.nodeid)].append(item)
        (self._folder / "modules.json").write_text(json.dumps(sorted(modules)))
        for name in self._taken(modules):
            items = modules[name]
            # The session, as what follows the last test, ends the module's fixtures and no others.
            for item, following in zip(items, [*items[1:], session], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.shouldfail:
                    raise session.Failed(session.shouldfail)
                if session.shouldstop:
                    raise session.Interrupted(session.shouldstop)
        return True

    def _taken(self, modules: dict[str, list[pytest.Item]]) -> Iterator[str]:
        known = json.loads(SECONDS.read_text())
        for name in sorted(modules, key=lambda name: (-known.get(name, 0.0), name)):
            try:
                self._file(name).touch(exist_ok=False)
            except FileExistsError:
                continue
            yield name

    def _file(self, module: str) -> Path:
        return self._folder / module.replace("/", ".")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up what a module's tests take."""
        self._seconds[module_of(report.nodeid)] += report.duration

    def pytest_sessionfinish(self) -> None:
        """Write down how long the modules took."""
        for name, seconds in self._seconds.items():
            self._file(name).write_text(f"{seconds:.1f}")


def module_of(node: str) -> str:
    """Return the path of a test's module."""
    return node.partition("::")[0]


def run(processes: int, arguments: list[str], record: bool) -> int:
    """Run the suite.

    Returns:
        0, or an exit status of pytest where tests failed or a module was not run.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        command = [sys.executable, __file__, "--share", temporary, *arguments]
        started: list[subprocess.Popen[bytes]] = []
        try:
            for number in range(processes):
                # An interrupt at the terminal reaches this process alone, which passes it on.
                if number == 0:
                    started.append(subprocess.Popen(command, cwd=ROOT, start_new_session=True))
                    continue
                with (folder / f"{number}.log").open("w") as log:
                    started.append(
                        subprocess.Popen(
                            command, cwd=ROOT, start_new_session=True, stdout=log, stderr=log
                        )
                    )
            statuses = [process.wait() for process in started]
        finally:
            end(started)
        for number in range(1, processes):
            print(f"\n== beside it, process {number + 1}", flush=True)
            print((folder / f"{number}.log").read_text(errors="replace"), flush=True)
        seconds = {}
        modules = folder / "modules.json"
        for name in json.loads(modules.read_text()) if modules.exists() else []:
            taken = folder / name.replace("/", ".")
            if not taken.exists() or not taken.read_text():
                print(f"{name} did not run to its end")
                statuses.append(1)
                continue
            seconds[name] = float(taken.read_text())
    if record:
        SECONDS.write_text(json.dumps(seconds, indent=1) + "\n")
    return max(statuses, key=abs)


def end(processes: list[subprocess.Popen[bytes]]) -> None:
    """Interrupt the processes that still run, and wait while they shut their clusters down."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for process in processes:
        try:
            process.wait(CLEAN_UP_S)
        except subprocess.TimeoutExpired:
            process.kill()


def main() -> int:
    """Be one of the processes, or start them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--record", action="store_true", help="write seconds.json")
    parser.add_argument("--share", type=Path, help=argparse.SUPPRESS)
    options, arguments = parser.parse_known_args()
    if options.share:
        return int(pytest.main(arguments, plugins=[ModuleQueue(options.share)]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Terminated."))  # after its children's end
    return run(options.processes, arguments, options.record)


if __name__ == "__main__":
    raise SystemExit(main())
