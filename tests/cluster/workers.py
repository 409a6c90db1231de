"""What tests of workers share: workers as processes, jobs, and clusters to kill."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h2o
import numpy as np
import pyarrow as pa
import pytest
import requests
from h2o.backend import H2OLocalServer
from hard_tables import enum

from h2o_gan import extension

COMMAND = Path(sys.executable).with_name("h2o-gan")
SHORT = {"epochs": 1, "discriminator_epochs": 1, "seed": 1}
LONG = {"epochs": 10_000, "seed": 1, "score_each_iteration": True}
IMPATIENT = """
import logging, signal, sys, threading
from pathlib import Path
import h2o
from h2o_gan.cluster.jobs.worker import Worker
url, folder, lease = sys.argv[1:]
logging.basicConfig(format="%(message)s", level=logging.INFO)
h2o.no_progress()
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
connect = lambda: h2o.connect(url=url, strict_version_check=False, verbose=False)
Worker(connect, "cpu", Path(folder), stop=stop, lease_s=float(lease)).serve()
"""
"""A worker whose jobs are another's sooner, so that tests need not wait."""

ALIVE = ("CREATED", "RUNNING", "CANCEL_PENDING")


class Process:
    """A worker, and what it says."""

    def __init__(self, folder: Path, url: str, *arguments: str, lease: float | None = None) -> None:
        command = [str(COMMAND), "worker", "--url", url, "--device", "cpu", "--keep", str(folder)]
        if lease is not None:
            command = [sys.executable, "-c", IMPATIENT, url, str(folder), str(lease)]
        self.process = subprocess.Popen(
            [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._lines: list[str] = []
        # A pipe, for a full disk must not keep it from speaking.
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)

    def said(self) -> str:
        return "".join(self._lines)

    def wait_for(self, words: str, seconds: float = 60) -> re.Match[str]:
        """Wait until it has said something."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := re.search(words, self.said()):
                return found
            assert self.process.poll() is None or re.search(words, self.said()), self.said()
            time.sleep(0.1)
        pytest.fail(f"the worker does not say {words!r}, but: {self.said()[-2000:]}")

    def kill(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


Start = Callable[..., Process]


def rows(n: int) -> pa.Table:
    random = np.random.default_rng(0)
    x = random.normal(size=n)
    colour = enum([int(v > 0) for v in x], ["red", "blue"])
    return pa.table({"x": x, "y": x + random.normal(size=n) / 10, "colour": colour})


def build(frame: str, **parameters: Any) -> str:
    """Starts a training as Flow does, with few steps of the discriminator; the job's key."""
    values = {"training_frame": frame, "discriminator_epochs": 1, **parameters}
    return h2o.api("POST /3/ModelBuilders/gan", data=values)["job"]["key"]["name"]


def state(job: str) -> dict[str, Any]:
    return h2o.api(f"GET /3/Jobs/{job}")["jobs"][0]


def ended(job: str, seconds: float = 60) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while (now := state(job))["status"] in ALIVE:
        assert time.monotonic() < deadline, now
        time.sleep(0.1)
    return now


def until(condition: Callable[[], Any], seconds: float = 240) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def items(job: str) -> dict[str, Any]:
    """A job as the queue shows it; {} once it is over."""
    jobs = requests.get(f"{h2o.connection().base_url}/3/GAN/jobs", timeout=30).json()["jobs"]
    return next((item for item in jobs if item["job"] == job), {})


def cancel(job: str) -> None:
    """It answers only when the job has ended, so it is asked from elsewhere."""
    call = f"{h2o.connection().base_url}/3/Jobs/{job}/cancel"
    threading.Thread(target=requests.post, args=(call,), daemon=True).start()


def server(port: int, folder: Path) -> subprocess.Popen[bytes]:
    """A cluster of one node, up. A port that another program holds for a moment is tried again."""
    classpath = f"{H2OLocalServer()._find_jar()}{os.pathsep}{extension.jar()}"
    command = [H2OLocalServer._find_java(), "-Xmx900m", *extension.ADD_OPENS, "-cp", classpath]
    command += ["water.H2OApp", "-ip", "127.0.0.1", "-port", str(port), "-name", f"killed_{port}"]
    command += ["-ice_root", str(folder)]
    deadline = time.monotonic() + 60
    with (folder / "server.log").open("w") as log:
        node = None
        while time.monotonic() < deadline:
            if node is None or node.poll() is not None:
                node = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                if requests.get(f"http://127.0.0.1:{port}/3/GAN", timeout=5).status_code == 200:
                    return node
            except requests.RequestException:
                time.sleep(0.3)
    assert node is not None
    node.kill()
    pytest.fail((folder / "server.log").read_text()[-2000:])
