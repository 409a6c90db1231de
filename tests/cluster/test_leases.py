"""Leases, claims and closings of jobs by a clock that the test holds, on the extension's class."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from h2o.backend import H2OLocalServer

from h2o_gan import extension
from h2o_gan.extension.build import find_h2o_jar, find_javac

pytestmark = pytest.mark.skipif(
    extension.jar() is None or find_javac() is None, reason="needs the extension and a JDK"
)

Run = Callable[[str], str]


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs transitions, one a line, and gives the last one's outcome and the state after it."""
    classes = tmp_path_factory.mktemp("classes")
    classpath = f"{find_h2o_jar()}{os.pathsep}{extension.jar()}"
    source = Path(__file__).parents[1] / "java/hex/gan/work/TaskScript.java"
    javac = find_javac()
    assert javac is not None
    subprocess.run([javac, "-cp", classpath, "-d", str(classes), str(source)], check=True)
    java = H2OLocalServer._find_java()
    command = [java, "-cp", f"{classes}{os.pathsep}{classpath}", "hex.gan.work.TaskScript"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def run(lines: str) -> str:
            answer = ""
            for line in lines.strip().splitlines():
                print(line.strip(), file=process.stdin)
                answer = process.stdout.readline().strip()
            return answer

        yield run
        process.stdin.close()


NEW = "new train 0 300 0\n"
"""A training that waits 300 s for a worker, with no limit of time."""
HELD = NEW + "claim 0 w1 t1\n"


@pytest.mark.parametrize(
    ("lines", "done", "state"),
    [
        (HELD, "true", "WORKING 1 0 false false w1"),
        (HELD + "claim 1 w2 t2", "false", "WORKING 1 0 false false w1"),
        # The same claim again is no second attempt, also after the lease.
        (HELD + "claim 1 w1 t1", "true", "WORKING 1 0 false false w1"),
        (HELD + "tick 16\nclaim 17 w1 t1", "true", "WORKING 1 0 false false w1"),
        # Each sign of life prolongs the lease of 15 s; a checkpoint is one.
        (HELD + "tick 14", "false", "WORKING 1 0 false false w1"),
        (HELD + "beat 14 t1\ntick 28", "false", "WORKING 1 0 false false w1"),
        (HELD + "checkpoint 14 t1\ntick 28", "false", "WORKING 1 0 false false w1"),
        (HELD + "tick 16", "true", "WAITING 1 1 false false w1"),
        # A node that stood still loses nobody.
        (HELD + "tick 18 18\ntick 32", "false", "WORKING 1 0 false false w1"),
        (HELD + "tick 18 18\ntick 34", "true", "WAITING 1 1 false false w1"),
        # Who lost the lease takes the job back while nobody else has it.
        (HELD + "tick 16\nbeat 17 t1", "true", "WORKING 1 0 false false w1"),
        (HELD + "tick 16\nfinish 17 t1", "true", "DONE 1 0 false false w1"),
        (HELD + "tick 16\nclaim 17 w2 t2\nbeat 18 t1", "false", "WORKING 2 1 false false w2"),
        (HELD + "tick 16\nclaim 17 w2 t2\nfinish 18 t1", "false", "WORKING 2 1 false false w2"),
        (HELD + "release 1 t1\nbeat 2 t1", "false", "WAITING 1 0 false false w1"),
        # Two lost workers are enough, but for a checkpoint between them.
        (HELD + "tick 16\nclaim 17 w2 t2\ntick 33", "true", "FAILED 2 2 false true w2"),
        (
            HELD + "tick 16\nclaim 17 w2 t2\ncheckpoint 18 t2\ntick 34",
            "true",
            "WAITING 2 1 false false w2",
        ),
        (HELD + "release 1 t1\nclaim 2 w2 t2\ntick 18", "true", "WAITING 2 1 false false w2"),
        # Nobody comes.
        (NEW + "tick 299", "false", "WAITING 0 0 false false null"),
        (NEW + "tick 301", "true", "FAILED 0 0 false true null"),
        (NEW + "tick 400 200", "true", "WAITING 0 0 false false null"),
        (HELD + "tick 16\ntick 310", "false", "WAITING 1 1 false false w1"),
        (HELD + "tick 16\ntick 317", "true", "FAILED 1 1 false true w1"),
        # A cancelled job is not given away, and a closed one is nobody's.
        (NEW + "cancel 0\nclaim 1 w1 t1", "false", "WAITING 0 0 true false null"),
        (HELD + "cancel 1\nbeat 2 t1", "true", "WORKING 1 0 true false w1"),
        (HELD + "cancel 1\ncancel 2", "false", "WORKING 1 0 true false w1"),
        (HELD + "close 1\nfinish 2 t1", "false", "WORKING 1 0 false false w1"),
        (HELD + "close 1\ncheckpoint 2 t1", "false", "WORKING 1 0 false false w1"),
        (HELD + "close 1\nclaim 2 w1 t1", "false", "WORKING 1 0 false false w1"),
        (HELD + "close 1\nclose 2", "false", "WORKING 1 0 false false w1"),
        (HELD + "fail 1 t1\nbeat 2 t1", "false", "FAILED 1 0 false false w1"),
        # Rows of a token that lost the job appear no more.
        (HELD + "awaits 1 t1", "true", "WORKING 1 0 false false w1"),
        (HELD + "finish 1 t1\nawaits 2 t1", "true", "DONE 1 0 false false w1"),
        # But one that was only late may take it back, while nobody else has it.
        (HELD + "tick 16\nawaits 17 t1", "true", "WAITING 1 1 false false w1"),
        (HELD + "tick 16\nclaim 17 w2 t2\nawaits 18 t1", "false", "WORKING 2 1 false false w2"),
        (HELD + "fail 1 t1\nawaits 2 t1", "false", "FAILED 1 0 false false w1"),
        (HELD + "close 1\nawaits 2 t1", "false", "WORKING 1 0 false false w1"),
        # A worker that goes on for longer than it may is cancelled, pauses aside.
        ("new train 0 300 60\nclaim 0 w1 t1\nbeat 59 t1\ntick 59", "false", "WORKING 1 0 false"),
        ("new train 0 300 60\nclaim 0 w1 t1\nbeat 61 t1\ntick 61", "true", "WORKING 1 0 true"),
        ("new train 0 300 60\nclaim 0 w1 t1\ntick 70 50\nbeat 71 t1", "true", "WORKING 1 0 false"),
        # A worker gets no more rows to generate than it takes.
        ("new generate 101 300 0\nclaim_few 0 w1 t1", "false", "WAITING 0 0 false false null"),
        ("new generate 100 300 0\nclaim_few 0 w1 t1", "true", "WORKING 1 0 false false w1"),
    ],
)
def test_transitions(script: Run, lines: str, done: str, state: str) -> None:
    assert script(lines).startswith(f"{done} {state}")
