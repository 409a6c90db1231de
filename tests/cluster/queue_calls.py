"""Requests to the cluster's job queue, as Flow and workers send them."""

from __future__ import annotations

import threading
import time
from typing import Any

import h2o
import pyarrow as pa
import pytest
import requests

ALIVE = ("CREATED", "RUNNING", "CANCEL_PENDING")
HISTORY = {
    "scoring_history": {
        "columns": [{"name": "epoch", "type": "int"}, {"name": "loss", "type": "double"}],
        "rows": [[1, 0.5], [2, None]],
    }
}


def call(method: str, path: str, **more: Any) -> requests.Response:
    base = h2o.connection().base_url
    return requests.request(method, f"{base}/3/GAN/{path}", timeout=60, **more)


def state(job: str) -> dict[str, Any]:
    return h2o.api(f"GET /3/Jobs/{job}")["jobs"][0]


def ended(job: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        now = state(job)
        if now["status"] not in ALIVE:
            return now
        time.sleep(0.1)
    pytest.fail(f"the job does not end: {now}")


def ask(job: dict[str, Any], worker: str, lease: float = 15) -> requests.Response:
    """Ask for a job once: 204 where it is not on offer."""
    body = {"worker": worker, "lease_s": lease, "job": job["key"]["name"]}
    return call("POST", "jobs/claim", json=body)


def listed(job: dict[str, Any]) -> dict[str, Any]:
    """A job as the queue shows it, as soon as it does."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for item in call("GET", "jobs").json()["jobs"]:
            if item["job"] == job["key"]["name"]:
                return item
        time.sleep(0.05)
    pytest.fail("the queue does not show the job")


def claim(job: dict[str, Any], worker: str = "w1", lease: float = 15) -> dict[str, Any] | None:
    """Takes a job as soon as it is on offer, within a few seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        answer = ask(job, worker, lease)
        if answer.status_code == 200:
            return answer.json()
        assert answer.status_code == 204, answer.text
        time.sleep(0.1)
    return None


def heartbeat(item: dict[str, Any], **more: Any) -> requests.Response:
    return call("POST", f"jobs/{item['id']}/heartbeat", json={"token": item["token"], **more})


def checkpoint(item: dict[str, Any], artifact: bytes) -> requests.Response:
    params = {"token": item["token"]}
    return call("POST", f"jobs/{item['id']}/checkpoint", params=params, data=artifact)


def finish(item: dict[str, Any], artifact: bytes) -> requests.Response:
    headers = {"X-GAN-Token": item["token"]}
    return call("POST", f"jobs/{item['id']}/finish", headers=headers, data=artifact)


def send_rows(item: dict[str, Any], rows: pa.Table) -> requests.Response:
    """Sends what a worker has generated."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    params = {"job": item["id"], "token": item["token"]}
    path = f"frames/{item['attempt_frame_id']}.arrow"
    return call("POST", path, params=params, data=sink.getvalue().to_pybytes())


def cancel(job: dict[str, Any]) -> None:
    """Asks for it and goes on: the cluster answers when the job has ended."""
    path = f"POST /3/Jobs/{job['key']['name']}/cancel"
    threading.Thread(target=h2o.api, args=(path,), daemon=True).start()
