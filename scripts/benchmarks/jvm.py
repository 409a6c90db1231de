#!/usr/bin/env python
"""Measures how fast a table model samples and rates rows in Java, against PyTorch in the same run.

    python scripts/benchmarks/jvm.py --model model.zip [--rows 100000] [--repeats 3]
    python scripts/benchmarks/jvm.py --model model.zip --nodes [--rows 1000000]

--record NAME keeps the figures. Both sides use one thread and are measured in CPU seconds, in
turns: the machine may be shared. The time of a row in Java is the slope between samples of two
sizes, which leaves out starting the JVM and compiling. --nodes measures seconds of a cluster of
one node and of one of two nodes, each with one core of its own, in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import record
import requests
import torch

from h2o_gan import engine, extension
from h2o_gan.extension import build

FEW = 5  # times fewer rows in the smaller sample


def cpu_of(command: list[str]) -> float:
    """Return the CPU seconds of a process that has to succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def seconds_of(action: Callable[[], object]) -> float:
    """Return the CPU seconds that the action takes in this process."""
    start = time.process_time()
    action()
    return time.process_time() - start


def java(*arguments: str) -> list[str]:
    """Return a command of the jar, with the collector that starts no threads."""
    jar = extension.jar()
    found = shutil.which("java")
    if jar is None or found is None:
        raise SystemExit("The extension is not built, or there is no Java.")
    return [found, "-XX:+UseSerialGC", "-jar", str(jar), *arguments]


def sampled(model: engine.Model, rows: int, seed: int) -> pa.Table:
    """Return a sample."""
    return model.sample(rows, seed=seed).read_all()


def one_core(path: Path, rows: int, repeats: int) -> dict[str, Any]:
    """Compare rows a CPU second of both sides."""
    model = engine.load(path)
    folder = Path(tempfile.mkdtemp())
    table = model.sample(rows, seed=0).read_all()
    names = [column.name for column in model.scored_columns]
    inputs = {}
    for count in (rows, rows // FEW):
        inputs[count] = folder / f"{count}.arrow"
        with pa.ipc.new_stream(
            inputs[count], table.schema.empty_table().select(names).schema
        ) as out:
            out.write_table(table.slice(0, count).select(names))

    def generate(count: int, seed: int) -> list[str]:
        return java(
            "generate", str(path), "--rows", str(count), "--seed", str(seed), "--threads", "1",
            "--out", str(folder / "rows.arrow"),
        )  # fmt: skip

    def predict(count: int) -> list[str]:
        return java(
            "predict", str(path), "--in", str(inputs[count]), "--threads", "1",
            "--out", str(folder / "scores.arrow"),
        )  # fmt: skip

    rates: dict[str, list[float]] = {
        name: [] for name in ("java", "torch", "java_rate", "torch_rate")
    }
    few = rows // FEW
    for repeat in range(repeats):
        slope = cpu_of(generate(rows, repeat)) - cpu_of(generate(few, repeat))
        rates["java"].append((rows - few) / slope)
        rates["torch"].append(rows / seconds_of(partial(sampled, model, rows, repeat)))
        slope = cpu_of(predict(rows)) - cpu_of(predict(few))
        rates["java_rate"].append((rows - few) / slope)
        rates["torch_rate"].append(rows / seconds_of(lambda: model.rate(table)))
        print({name: round(values[-1]) for name, values in rates.items()}, flush=True)
    shutil.rmtree(folder)
    middle = {name: statistics.median(values) for name, values in rates.items()}
    return {
        "columns": len(model.columns),
        "rows_per_second": middle,
        "sampling_ratio": statistics.median(
            a / b for a, b in zip(rates["java"], rates["torch"], strict=True)
        ),
        "rating_ratio": statistics.median(
            a / b for a, b in zip(rates["java_rate"], rates["torch_rate"], strict=True)
        ),
    }


class Cloud:
    """A cluster of nodes with one core each.

    Args:
        size: number of nodes.
    """

    def __init__(self, size: int) -> None:
        self._folder = Path(tempfile.mkdtemp())
        ports = [free_port() for _ in range(size)]
        flat = self._folder / "nodes"
        flat.write_text("".join(f"127.0.0.1:{port}\n" for port in ports))
        found, jar = shutil.which("java"), extension.jar()
        assert found is not None and jar is not None
        opens = [
            f"--add-opens=java.base/java.{name}=ALL-UNNAMED"
            for name in ("lang", "util", "lang.reflect")
        ]
        path = os.pathsep.join([str(build.find_h2o_jar()), str(jar)])
        self._nodes = []
        for core, port in enumerate(ports):
            command = [
                "taskset", "-c", str(core), found, "-Xmx2g", "-XX:+UseSerialGC", *opens,
                "-cp", path,
                "water.H2OApp", "-name", f"jvm_{ports[0]}", "-ip", "127.0.0.1", "-port", str(port),
                "-flatfile", str(flat), "-nthreads", "1", "-ice_root", str(self._folder),
            ]  # fmt: skip
            with (self._folder / f"{port}.log").open("w") as log:
                self._nodes.append(subprocess.Popen(command, stdout=log, stderr=log))
        self._url = f"http://127.0.0.1:{ports[0]}"
        self._wait(size)

    def _wait(self, size: int) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                cloud = requests.get(f"{self._url}/3/Cloud", timeout=5).json()
                if cloud["cloud_size"] == size and cloud["consensus"]:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.5)
        self.stop()
        raise SystemExit(f"The cluster did not form: see {self._folder}.")

    def stop(self) -> None:
        """End all nodes."""
        for node in self._nodes:
            node.kill()
            node.wait()

    def put(self, path: Path) -> str:
        """Bring a model into the cluster, as a training whose worker has finished at once."""
        model = engine.load(path)
        rows = model.sample(1000, seed=0).read_all()
        folder = self._folder
        with pa.ipc.new_stream(folder / "rows.arrow", rows.schema) as out:
            out.write_table(rows)
        base = f"{self._url}/3/GAN"
        requests.post(
            f"{base}/frames/rows.arrow", data=(folder / "rows.arrow").read_bytes()
        ).raise_for_status()
        requests.post(
            f"{self._url}/3/ModelBuilders/gan",
            data={"training_frame": "rows", "model_id": "model", "worker": "benchmark"},
        ).raise_for_status()
        claim = {"worker": "benchmark", "lease_s": 60}
        job = None
        while job is None:
            answer = requests.post(f"{base}/jobs/claim", json=claim)
            answer.raise_for_status()
            job = answer.json() if answer.status_code == 200 else None
        finish = f"{base}/jobs/{job['id']}/finish?token={job['token']}"
        requests.post(finish, data=path.read_bytes()).raise_for_status()
        while requests.get(f"{base}/models/model/artifact").status_code != 200:
            time.sleep(0.2)
        return "model"

    def seconds(self, model: str, rows: int, seed: int) -> float:
        """Return the seconds in which the cluster generates a frame, which is removed."""
        start = time.perf_counter()
        frame = f"synthetic_{rows}_{seed}"
        answer = requests.post(
            f"{self._url}/3/GAN/models/{model}/generate",
            json={"rows": rows, "seed": seed, "destination_frame": frame},
        )
        answer.raise_for_status()
        key = answer.json()["job"]["key"]["name"]
        while True:
            job = requests.get(f"{self._url}/3/Jobs/{key}").json()["jobs"][0]
            if job["status"] not in ("CREATED", "RUNNING"):
                break
            time.sleep(0.02)
        if job["status"] != "DONE":
            raise SystemExit(f"The job has failed: {job['exception']}")
        taken = time.perf_counter() - start
        requests.delete(f"{self._url}/3/DKV/{frame}?cascade=true").raise_for_status()
        return taken


def free_port() -> int:
    """Return a port that is free together with the next one, which H2O takes as well."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                other.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def nodes(path: Path, rows: int, repeats: int) -> dict[str, Any]:
    """Compare a cluster of one node with one of two, and measure how time grows with the rows."""
    sizes = [rows // 10, rows // 3, rows]
    found: dict[int, dict[int, list[float]]] = {n: {size: [] for size in sizes} for n in (1, 2)}
    for repeat in range(repeats):
        for count in (1, 2):
            cloud = Cloud(count)
            try:
                model = cloud.put(path)
                cloud.seconds(model, rows // 10, 99)  # HotSpot compiles meanwhile
                for size in sizes:
                    found[count][size].append(cloud.seconds(model, size, repeat))
            finally:
                cloud.stop()
            print(count, {size: round(found[count][size][-1], 1) for size in sizes}, flush=True)
    seconds = {
        str(n): {str(size): statistics.median(values) for size, values in of.items()}
        for n, of in found.items()
    }
    slope, start = np.polyfit(sizes, [seconds["2"][str(size)] for size in sizes], 1)
    ratios = [a / b for a, b in zip(found[1][rows], found[2][rows], strict=True)]
    return {
        "seconds": seconds,
        "two_nodes": statistics.median(ratios),
        "hours_of_100_million_rows": float(start + slope * 1e8) / 3600,
    }


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--nodes", action="store_true")
    record.add_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    measure = nodes if options.nodes else one_core
    figures = measure(options.model, options.rows, options.repeats)
    print(json.dumps(figures, indent=2))
    if options.record:
        what = (
            "Seconds of clusters of one and two nodes, with a core each, to generate rows in Java."
        )
        if not options.nodes:
            what = "Rows a CPU second, sampled and rated by one thread in Java and in PyTorch."
        record.write(
            options.record, what=what, parameters=vars(options), figures=figures,
            packages=("torch", "h2o"),
        )  # fmt: skip


if __name__ == "__main__":
    main()
