"""The GPU check runs where there is no GPU, on a few rows: it must work when there is one."""

import json
import subprocess
import sys
from pathlib import Path

from h2o_gan.engine.families import FAMILIES

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmarks" / "gpu.py"


def test_every_section_runs_on_the_cpu(tmp_path):
    out = tmp_path / "gpu.json"
    command = [sys.executable, str(SCRIPT), "--device", "cpu", "--quick", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(out.read_text())
    assert report["failed"] == {} and report["left_out"] == []
    for family in FAMILIES:
        assert report[f"equality.{family}"]["scores_apart"] < 1e-4
        assert report[f"training.{family}"]["cpu_steps_a_second"] > 0
        assert report[f"precision.{family}"]["bf16_apart"] < 0.1
