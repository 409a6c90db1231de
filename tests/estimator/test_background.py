"""A program that ends while it trains."""

import subprocess
import sys
import textwrap
import time

import h2o
import pytest

from h2o_gan import extension

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.mark.parametrize("pause", [0, 3])
def test_a_program_that_ends_in_mid_training_ends_in_order(cluster, prostate, pause):
    program = textwrap.dedent("""
        import sys, time
        import h2o, h2o_gan
        h2o.connect(url=sys.argv[1], verbose=False, strict_version_check=False)
        gan = h2o_gan.H2OGANEstimator(epochs=1_000_000, score_each_iteration=True, seed=1)
        gan.start(x=["AGE", "PSA"], training_frame="prostate_mixed")
        time.sleep(float(sys.argv[2]))
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, cluster.base_url, str(pause)],
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "is stopped because the program ends" in done.stderr
    assert "Traceback" not in done.stderr and "terminate called" not in done.stderr
    if extension.jar() is None:
        return
    [job] = [j for j in _unfinished_jobs() if j["kind"] == "train"]
    assert job["state"] == "waiting"  # for a worker that goes on from what there is
    h2o.api(f"POST /3/Jobs/{job['job']}/cancel")
    deadline = time.monotonic() + 60
    while _unfinished_jobs() and time.monotonic() < deadline:
        time.sleep(0.2)


def _unfinished_jobs():
    import requests

    jobs = requests.get(h2o.connection().base_url + "/3/GAN/jobs", timeout=30).json()["jobs"]
    return [job for job in jobs if job["state"] in ("waiting", "working")]
