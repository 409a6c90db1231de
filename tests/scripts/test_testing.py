"""The suite's own runner: every module runs once, and whatever goes wrong fails the run."""

import importlib.util
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RUNNER = Path(__file__).parents[2] / "scripts" / "testing"

GOOD = """
import os
from pathlib import Path
import pytest
@pytest.mark.parametrize("number", range(3))
def test_it(number):
    with (Path(__file__).parent / "ran").open("a") as file:
        file.write(f"{os.getpid()} {Path(__file__).stem} {number}\\n")
"""


def command(folder, **modules):
    for name, text in modules.items():
        (folder / f"test_{name}.py").write_text(text)
    return [sys.executable, str(RUNNER), "-p", "no:cacheprovider", str(folder)]


def run(folder, **modules):
    return subprocess.run(command(folder, **modules), capture_output=True, text=True)


def test_two_processes_share_the_modules(tmp_path):
    done = run(tmp_path, zero=GOOD, one=GOOD, two=GOOD, three=GOOD)
    assert done.returncode == 0, done.stdout
    ran = [line.split() for line in (tmp_path / "ran").read_text().splitlines()]
    names = ("zero", "one", "two", "three")
    assert sorted(test for _, *test in ran) == sorted(
        [f"test_{name}", str(number)] for name in names for number in range(3)
    )
    # A module's tests run in one process.
    assert len({(process, module) for process, module, _ in ran}) == len(names)
    assert "beside it, process 2" in done.stdout


@pytest.mark.parametrize(
    "bad",
    [
        "def test_it(): assert 0",
        "def test_it(",
        "import os, signal\ndef test_it(): os.kill(os.getpid(), signal.SIGKILL)",
    ],
    ids=["a failure", "an error", "a killed process"],
)
def test_what_goes_wrong_fails_the_run(tmp_path, bad):
    assert run(tmp_path, one=GOOD, bad=bad).returncode != 0


def test_the_longest_modules_come_first(tmp_path):
    """Those without a known time come last: most of them are short."""
    spec = importlib.util.spec_from_file_location("testing_main", RUNNER / "__main__.py")
    runner = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(runner)
    known = json.loads((RUNNER / "seconds.json").read_text())
    longest_first = sorted(known, key=lambda name: -known[name])
    taken = runner.ModuleQueue(tmp_path)._taken({name: [] for name in ["new", *known]})
    assert list(taken) == [*longest_first, "new"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_cleans_up(tmp_path, number):
    """Its processes end by themselves, with the fixtures' ends: clusters are shut down there."""
    text = """
import time
from pathlib import Path
import pytest
@pytest.fixture
def cluster():
    Path(__file__).with_suffix(".begun").touch()
    yield
    Path(__file__).with_suffix(".ended").touch()
def test_it(cluster):
    time.sleep(100)
"""
    runner = subprocess.Popen(command(tmp_path, one=text, two=text))
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("*.begun"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    runner.send_signal(number)
    assert runner.wait(60) != 0
    assert len(list(tmp_path.glob("*.ended"))) == 2
