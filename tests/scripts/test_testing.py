"""The suite's own runner: every module runs once, and whatever goes wrong fails the run."""

import subprocess
import sys
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


def run(folder, **modules):
    for name, text in modules.items():
        (folder / f"test_{name}.py").write_text(text)
    command = [sys.executable, str(RUNNER), "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(command, capture_output=True, text=True)


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
