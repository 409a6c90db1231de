"""A client of the cluster that does, one after the other, the tasks that it reads from stdin.

A task is a line of JSON with its `number`, what to `do`, and what that takes; the answer is a line
with the number and either the `result` or the `error`.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import json
import os
import signal
import sys
import tempfile
import time
import traceback
import urllib.parse
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("DO_NOT_TRACK", "1")

import h2o
import pyarrow as pa
import requests
from h2o.exceptions import H2OConnectionError

import h2o_gan
from h2o_gan import H2OGANEstimator
from h2o_gan.cluster.frames import read_frame, write_frame
from soaking import tables

__all__ = ["main"]

SAMPLE_ROWS, SAMPLE_SEED = 200, 7
"""The sample that all must agree on who have the same model."""

Json = dict[str, Any]


def _told(table: pa.Table, conditions: Json | None = None) -> Json:
    """What is compared of a table that was read."""
    return {
        "digest": tables.digest(table),
        "rows": table.num_rows,
        "columns": tables.describe(table),
        "unmet": tables.unmet(table, conditions or {}),
    }


def _made(task: Json) -> pa.Table:
    make = tables.training_table if task["training"] else tables.any_table
    return make(task["seed"])


def _sample(gan: H2OGANEstimator) -> Json:
    return _told(gan.engine_model.sample(SAMPLE_ROWS, SAMPLE_SEED).read_all())


class Notebook:
    """Does its tasks by the Python package, as a notebook does."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url, self._timeout = url, timeout
        self._connected = False

    def do(self, task: Json) -> Json:
        """Do a task, over a new connection where the last one failed."""
        if not self._connected:
            self._connect()
        try:
            answer: Json = getattr(self, task["do"])(task)
        except H2OConnectionError:
            self._connected = False
            raise
        return answer

    def _connect(self) -> None:
        """Connect, with more patience than H2O's client: a busy machine may take over 15 s."""
        deadline = time.monotonic() + self._timeout / 2
        while not self._connected:
            try:
                h2o.connect(url=self._url, strict_version_check=False, verbose=False)
            except H2OConnectionError:
                if time.monotonic() > deadline:
                    raise
            else:
                h2o.no_progress()
                self._connected = True

    def write(self, task: Json) -> Json:
        table = _made(task)
        frame = write_frame(table, task["key"])
        return {**_told(table), "rows": frame.nrow}

    def read(self, task: Json) -> Json:
        frame = h2o.get_frame(task["key"])
        if frame is None:
            raise LookupError(f"there is no frame {task['key']}")
        return _told(read_frame(frame).read_all(), task.get("conditions"))

    def train(self, task: Json) -> Json:
        gan = H2OGANEstimator(model_id=task["model"], **task["parameters"])
        frame = h2o.get_frame(task["frame"])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            gan.train(training_frame=frame)
        return {
            **_sample(gan),
            "in_cluster": gan._in_cluster,
            "warnings": [str(w.message) for w in caught],
        }

    def generate(self, task: Json) -> Json:
        gan = h2o.get_model(task["model"])
        given = task.get("conditions") or {}
        conditions = {
            name: (value["low"], value["high"]) if isinstance(value, dict) else value
            for name, value in given.items()
        }
        frame = gan.generate(
            task["rows"], seed=task["seed"], destination_frame=task["key"],
            conditions=conditions or None,
        )  # fmt: skip
        return {"rows": frame.nrow}

    def check_model(self, task: Json) -> Json:
        gan = h2o.get_model(task["model"])
        sample = _sample(gan)
        with tempfile.TemporaryDirectory() as folder:
            saved = gan.save(Path(folder))
            if _sample(h2o_gan.load_model(saved)) != sample:
                raise AssertionError("a saved and loaded model generates other rows")
        return sample

    def remove(self, task: Json) -> Json:
        h2o.remove(task["key"])
        return {}


class Rest:
    """Does its tasks by REST alone; model files are read without a cluster."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url, self._timeout = url, timeout

    def do(self, task: Json) -> Json:
        """Do a task."""
        answer: Json = getattr(self, task["do"])(task)
        return answer

    def _call(self, method: str, path: str, **more: Any) -> requests.Response:
        response = requests.request(method, self._url + path, timeout=self._timeout, **more)
        if response.status_code != 200:
            text = response.text[:1000]
            if response.status_code == 404:
                raise LookupError(f"{method} {path}: {text}")
            raise requests.HTTPError(f"{method} {path}: {response.status_code}: {text}")
        return response

    @staticmethod
    def _part(key: str) -> str:
        return urllib.parse.quote(key, safe="")

    def write(self, task: Json) -> Json:
        table = _made(task)
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        path = f"/3/GAN/frames/{self._part(task['key'])}.arrow"
        answer = self._call("POST", path, data=sink.getvalue()).json()
        return {**_told(table), "rows": answer["rows"]}

    def read(self, task: Json) -> Json:
        """The whole frame, and a few rows from its middle."""
        path = f"/3/GAN/frames/{self._part(task['key'])}.arrow"
        whole = pa.ipc.open_stream(self._call("GET", path).content).read_all()
        start = whole.num_rows // 3
        some = {"row_offset": start, "row_count": 17}
        part = pa.ipc.open_stream(self._call("GET", path, params=some).content).read_all()
        if tables.digest(part) != tables.digest(whole.slice(start, 17)):
            raise AssertionError("the rows in the middle are others than in the whole")
        return _told(whole, task.get("conditions"))

    def post_training(self, task: Json) -> Json:
        given = {**task["parameters"], "training_frame": task["frame"], "model_id": task["model"]}
        job = self._call("POST", "/3/ModelBuilders/gan", data=given).json()["job"]
        return {"job": job["key"]["name"]}

    def post_generation(self, task: Json) -> Json:
        names = ("rows", "seed", "conditions", "wait_for_worker_secs")
        body = {name: task[name] for name in names if task.get(name) is not None}
        body |= {"destination_frame": task["key"], "backend": "worker"}
        path = f"/3/GAN/models/{self._part(task['model'])}/generate"
        return {"job": self._call("POST", path, json=body).json()["job"]["key"]["name"]}

    def check_model(self, task: Json) -> Json:
        path = f"/3/GAN/models/{self._part(task['model'])}/artifact"
        with tempfile.NamedTemporaryFile(suffix=".zip") as file:
            file.write(self._call("GET", path).content)
            file.flush()
            return _sample(h2o_gan.load_model(file.name))

    def others(self, task: Json) -> Json:
        """Have H2O train a small model of another algorithm meanwhile."""
        began = time.monotonic()
        given = {"training_frame": task["frame"], "response_column": "y", "ntrees": 2}
        given |= {"model_id": task["key"], "seed": 1, "max_depth": 3}
        job = self._call("POST", "/3/ModelBuilders/gbm", data=given).json()["job"]["key"]["name"]
        while True:
            state = self._call("GET", f"/3/Jobs/{job}").json()["jobs"][0]
            if state["status"] not in ("CREATED", "RUNNING"):
                break
            if time.monotonic() - began > self._timeout:
                raise TimeoutError(f"H2O's own job {job} waits: {state['progress_msg']}")
            time.sleep(0.1)
        self.remove(task)
        if state["status"] != "DONE":
            raise AssertionError(f"H2O's own model: {state['status']} {state['exception']}")
        return {"seconds": time.monotonic() - began}

    def remove(self, task: Json) -> Json:
        self._call("DELETE", f"/3/DKV/{self._part(task['key'])}", params={"cascade": "true"})
        return {}


def main() -> None:
    """Do tasks until stdin ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--role", choices=("notebook", "rest"), required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--timeout", type=float, required=True)
    options = parser.parse_args()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    # What the packages print must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    role = (Notebook if options.role == "notebook" else Rest)(options.url, options.timeout)
    for line in sys.stdin:
        task = json.loads(line)
        answer = _done(role.do, task)
        print(json.dumps({"number": task["number"], **answer}), file=answers, flush=True)


def _done(do: Callable[[Json], Json], task: Json) -> Json:
    began = time.monotonic()
    try:
        answer: Json = {"result": do(task)}
    except BaseException as error:
        traceback.print_exc()
        text = str(error).strip().split("\n")
        answer = {"error": type(error).__name__, "message": " ".join(text)[:600]}
    return {**answer, "seconds": time.monotonic() - began}


if __name__ == "__main__":
    main()
