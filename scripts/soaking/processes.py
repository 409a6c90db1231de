"""The processes of a soak: nodes, workers and clients, which end with the program."""

from __future__ import annotations

import ctypes
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests
import stored_keys
from h2o.backend import H2OLocalServer

from h2o_gan import extension

__all__ = ["TIMEOUT_S", "Client", "Nodes", "Process", "Worker"]

TIMEOUT_S = 90
"""When the package gives up a cluster that is silent."""

_DIE_WITH_PARENT = 1
_ROOT = Path(__file__).resolve().parents[2]
_libc = ctypes.CDLL(None)


def _end_with_parent() -> None:
    # Linux kills the child, stopped or not, when the thread that began it ends: the main thread.
    _libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL)


class Process:
    """A child process with a log, which can be paused.

    Args:
        name: names the log too.
        command: the program and its arguments.
        folder: where the log lies, and the child's temporary files.
    """

    def __init__(self, name: str, command: Sequence[str], folder: Path, **more: Any) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.began = time.monotonic()
        self.resume_at: float | None = None
        self.paused_s = 0.0
        """How long it was paused in all."""
        temporary = folder / "tmp"
        temporary.mkdir(exist_ok=True)
        path = os.pathsep.join([str(_ROOT), str(_ROOT / "scripts")])
        environment = {
            **os.environ,
            "DO_NOT_TRACK": "1",
            "H2O_GAN_TIMEOUT_S": str(TIMEOUT_S),
            "OMP_NUM_THREADS": "1",
            "PYTHONFAULTHANDLER": "1",
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(temporary),
        }
        with self.log.open("a") as log:
            self.process: subprocess.Popen[str] = subprocess.Popen(
                command,
                stderr=log,
                cwd=folder,
                env=environment,
                text=True,
                start_new_session=True,  # Ctrl-C is for the program, which then ends its children.
                preexec_fn=_end_with_parent,
                **{"stdin": subprocess.DEVNULL, "stdout": log, **more},
            )

    @property
    def pid(self) -> int:
        """The process's number."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs, or is paused."""
        return self.process.poll() is None

    @property
    def paused(self) -> bool:
        """Whether it was stopped and has not been resumed yet."""
        return self.resume_at is not None

    def pause(self, seconds: float) -> None:
        """Stop it; :meth:`resume` is due after so many seconds."""
        self.process.send_signal(signal.SIGSTOP)
        self.resume_at = time.monotonic() + seconds
        self.paused_s += seconds

    def resume(self) -> None:
        """Let it go on."""
        self.resume_at = None
        if self.alive:
            self.process.send_signal(signal.SIGCONT)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal; the one to kill is waited for."""
        if self.alive:
            self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait(30)

    def said(self, last: int = 3000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-last:]

    def threads(self) -> int:
        """How many threads it has."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("Threads:")[1].split()[0])

    def resident(self) -> int:
        """Megabytes of memory that it takes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) // 1024

    def files(self) -> int:
        """How many files and connections it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class Worker(Process):
    """A process of ``h2o-gan worker``."""

    def __init__(self, name: str, url: str, folder: Path) -> None:
        command = [sys.executable, "-c", "from h2o_gan.cli import main; raise SystemExit(main())"]
        command += ["worker", "--url", url, "--device", "cpu", "--keep", str(folder / "kept")]
        super().__init__(name, command, folder)

    def holds(self, worker: str | None) -> bool:
        """Whether this is the worker of that name, which contains its process number."""
        return worker is not None and worker.startswith(f"{socket.gethostname()}-{self.pid}-")


class Client(Process):
    """A process that does the tasks it is given on stdin, and answers on stdout.

    Args:
        name: its name.
        role: "notebook", which uses the Python package, or "rest", which does without.
        url: the node that it talks to.
        folder: for its files.
        answers: receives its name with each answer.
        timeout: seconds after which it gives up a request.
    """

    def __init__(
        self,
        name: str,
        role: str,
        url: str,
        folder: Path,
        answers: queue.SimpleQueue[tuple[str, dict[str, Any]]],
        timeout: float,
    ) -> None:
        self.role = role
        self.task: int | None = None
        """The number of the task that it is doing."""
        command = [sys.executable, "-m", "soaking.client", "--role", role, "--url", url]
        command += ["--timeout", str(timeout)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        super().__init__(name, command, folder, **pipes)
        self._answers = answers
        threading.Thread(target=self._listen, name=f"answers of {name}", daemon=True).start()

    def give(self, number: int, task: dict[str, Any]) -> None:
        """Give it a task."""
        assert self.process.stdin is not None
        self.task = number
        try:
            self.process.stdin.write(json.dumps({"number": number, **task}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # It was killed a moment ago; whoever looks after it finds that.

    def dump(self) -> None:
        """Have it write the stacks of its threads into its log."""
        if self.alive:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGUSR1)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._answers.put((self.name, json.loads(line)))


def _free_port() -> int:
    """A port whose successor is free too: H2O's nodes talk to each other on that one."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


class Nodes:
    """The nodes of a cluster on this machine.

    Args:
        folder: for their logs and files.
        count: how many.
        heap: the largest heap of each, as Java takes it.
        patience: all limits are so many times as long.
    """

    def __init__(self, folder: Path, count: int, heap: str, patience: float) -> None:
        self._folder, self._heap, self._start_s = folder, heap, 120 * patience
        self._ports = [_free_port() for _ in range(count)]
        self._lives = 0
        self.all: list[Process] = []

    @property
    def urls(self) -> list[str]:
        """Their addresses, which they keep when they are started again."""
        return [f"http://127.0.0.1:{port}" for port in self._ports]

    def start(self) -> None:
        """Start them, and wait until they are one cluster. Raises RuntimeError where that fails."""
        jar = extension.jar()
        if jar is None:
            raise RuntimeError("the extension is not built: that needs a JDK")
        self._lives += 1
        flat = self._folder / "flatfile"
        flat.write_text("".join(f"127.0.0.1:{port}\n" for port in self._ports))
        # With a servlet that lists every key: H2O lists frames and models only.
        folder = self._folder / "stored_keys"
        folder.mkdir(exist_ok=True)
        jars = [H2OLocalServer()._find_jar(), jar, stored_keys.jar(folder)]
        classpath = os.pathsep.join(map(str, jars))
        nodes = []
        for i, port in enumerate(self._ports):
            command = [H2OLocalServer._find_java(), "-ea", f"-Xmx{self._heap}"]
            command += [*extension.ADD_OPENS, "-cp", classpath, "water.H2OApp"]
            command += ["-ip", "127.0.0.1", "-port", str(port), "-name", f"soak_{self._ports[0]}"]
            command += ["-flatfile", str(flat), "-ice_root", str(self._folder / f"ice_{i}")]
            nodes.append(Process(f"node{i}_{self._lives}", command, self._folder))
        self.all = nodes
        deadline = time.monotonic() + self._start_s
        while not all(self._joined(url) for url in self.urls):
            if time.monotonic() > deadline or not all(node.alive for node in self.all):
                raise RuntimeError("the nodes do not become a cluster:\n" + self.all[0].said())
            time.sleep(0.3)

    def _joined(self, url: str) -> bool:
        try:
            cloud = requests.get(f"{url}/3/Cloud", timeout=5).json()
        except (requests.RequestException, ValueError):
            return False
        return bool(cloud["cloud_size"] == len(self._ports) and cloud["consensus"])

    def awake(self) -> list[str]:
        """The addresses of those that are not paused."""
        pairs = zip(self.urls, self.all, strict=False)  # Before the start there are none.
        return [url for url, node in pairs if node.alive and not node.paused]

    def dump(self) -> None:
        """Have the nodes write the stacks of their threads into their logs."""
        for node in self.all:
            node.kill(signal.SIGQUIT)

    def stop(self) -> None:
        """End them."""
        for node in self.all:
            node.kill()
