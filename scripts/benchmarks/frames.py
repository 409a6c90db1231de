#!/usr/bin/env python
"""Measures how fast frames move, against H2O's own client, in one run on one cluster.

    python scripts/benchmarks/frames.py [--rows 1000000] [--repeats 5] [--url http://...]
    python scripts/benchmarks/frames.py --rows 60000 --pixels 784 --repeats 1
    python scripts/benchmarks/frames.py --flat

--record NAME keeps the figures. The cluster that it starts has the extension; read_frame and
write_frame use it, and the plain transport is measured too. The table has 8 real, 4 int and 3 enum
columns, or pixels: whole numbers of which most are 0. Times are medians of interleaved repeats.
Peaks are measured in fresh processes, above what the process holds before and above the table.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import h2o
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import record

from h2o_gan.cluster.frames import PLAIN, read_frame, transport, write_frame

MEGABYTE = 1 << 20
WARM_UP_ROUNDS = 2
FLAT_ROWS = (100_000, 1_000_000, 10_000_000)

Way = tuple[str, Callable[[], float]]
"""A name, and a function that returns the seconds that it took."""


def make_table(rows: int, pixels: int) -> pa.Table:
    """Return a table of random values, which compress as badly as real ones."""
    rng = np.random.default_rng(0)
    if pixels:
        drawn = rng.integers(-800, 256, (pixels, rows), dtype=np.int16).clip(min=0)
        return pa.table({f"pixel{i}": drawn[i].astype(np.int64) for i in range(pixels)})
    columns: dict[str, pa.Array] = {}
    for i in range(8):
        columns[f"real{i}"] = pa.array(rng.normal(size=rows))
    for i in range(4):
        columns[f"int{i}"] = pa.array(rng.integers(0, 10 ** (i + 2), rows))
    for i, count in enumerate((3, 20, 200)):
        levels = pa.array([f"level {k}" for k in range(count)])
        codes = pa.array(rng.integers(0, count, rows, dtype=np.int32))
        columns[f"enum{i}"] = pa.DictionaryArray.from_arrays(codes, levels)
    return pa.table(columns)


def timed(action: Callable[[], object]) -> float:
    """Return the seconds that the action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def peak_megabytes() -> float:
    """Return the peak of this process's resident memory; getrusage would include its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure_peak(way: str, url: str, key: str, rows: int, pixels: int) -> float:
    """Return the peak of one transfer in a fresh process, in megabytes."""
    command = [sys.executable, __file__, "--peak", way, "--url", url, "--key", key]
    command += ["--rows", str(rows), "--pixels", str(pixels)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = next(line for line in run.stdout.splitlines() if line.startswith("{"))
    return float(json.loads(answer)["peak"])


def peak(way: str, key: str, rows: int, pixels: int) -> None:
    """Print the peak of one transfer; :func:`measure_peak` runs this."""
    if way == "read":
        frame = h2o.get_frame(key)
        before = peak_megabytes()
        size = read_frame(frame).read_all().nbytes / MEGABYTE
    else:
        table = make_table(rows, pixels)
        before, size = peak_megabytes(), 0.0
        h2o.remove(write_frame(table))
    print(json.dumps({"peak": peak_megabytes() - before - size}))


def write_and_remove(make: Callable[[], h2o.H2OFrame]) -> float:
    """Return the seconds that making a frame takes, without removing it."""
    frames: list[h2o.H2OFrame] = []
    seconds = timed(lambda: frames.append(make()))
    h2o.remove(frames[0])
    return seconds


def serve_bytes(size: int, listener: socket.socket) -> None:
    """Send so many bytes to whoever connects; runs in another process, as a cluster does."""
    block = bytes(1 << 20)
    while True:
        peer, _ = listener.accept()
        with peer:
            for start in range(0, size, len(block)):
                peer.sendall(block[: size - start])


def fetch_bytes(port: int) -> None:
    """Receive all that :func:`serve_bytes` sends."""
    with socket.create_connection(("127.0.0.1", port)) as peer:
        room = bytearray(1 << 20)
        while peer.recv_into(room):
            pass


def upload_parquet(table: pa.Table) -> h2o.H2OFrame:
    """Upload a table as a user would who knows that H2O reads Parquet."""
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        pq.write_table(table, file.name)
        return h2o.upload_file(file.name)


def cost(rows: int) -> tuple[float, float]:
    """Return nanoseconds per value, to read and to write a frame of so many rows."""
    table = make_table(rows, 0)
    frame = write_frame(table)
    reads, writes = [], []
    for _ in range(WARM_UP_ROUNDS + 3):
        reads.append(timed(lambda: sum(batch.num_rows for batch in read_frame(frame))))
        writes.append(write_and_remove(lambda: write_frame(table)))
    h2o.remove(frame)
    values = rows * table.num_columns / 1e9
    read = statistics.median(reads[WARM_UP_ROUNDS:]) / values
    return read, statistics.median(writes[WARM_UP_ROUNDS:]) / values


def flat() -> dict[str, dict[str, float]]:
    """Measure the cost of a value in frames of growing length."""
    print(f"{'rows':>12}{'read ns/value':>16}{'write ns/value':>16}")
    figures = {}
    for rows in FLAT_ROWS:
        read, write = cost(rows)
        print(f"{rows:12,}{read:16.1f}{write:16.1f}", flush=True)
        figures[str(rows)] = {"read_ns": read, "write_ns": write}
    return figures


def compare(title: str, ways: dict[str, Way], repeats: int) -> dict[str, float]:
    """Run all ways by turns, and print their medians and how many times as long as ours they take.

    The first rounds do not count: a JVM that has just started compiles while it works.

    Returns:
        Median seconds of each way.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(WARM_UP_ROUNDS + repeats):
        for name, (_, way) in ways.items():
            taken = way()
            if round_ >= WARM_UP_ROUNDS:
                seconds[name].append(taken)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print(f"\n{title}\n{'':44}{'median s':>9}{'best s':>8}{'ours is':>10}")
    for name, median in medians.items():
        ratio = "" if name == "ours" else f"{median / medians['ours']:.2f} x"
        print(f"  {ways[name][0]:42}{median:9.2f}{min(seconds[name]):8.2f}{ratio:>10}", flush=True)
    return medians


def keep(arguments: argparse.Namespace, figures: dict[str, dict[str, float]]) -> None:
    """Record the figures where --record asks for it."""
    if arguments.record:
        record.write(
            arguments.record,
            what="Cost of a value in frames of growing length."
            if arguments.flat
            else "Seconds to move a frame, medians of interleaved repeats.",
            parameters={
                "rows": list(FLAT_ROWS) if arguments.flat else arguments.rows,
                "pixels": arguments.pixels,
                "repeats": arguments.repeats,
            },
            figures=figures,
            packages=("h2o-gan", "h2o", "pyarrow", "pandas"),
        )


def main() -> None:
    """Parse the arguments, get a cluster, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pixels", type=int, default=0, help="columns of pixels instead")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--flat", action="store_true", help="cost per row, 1e5 to 1e7 rows")
    parser.add_argument("--url", help="an existing cluster; by default one is started")
    record.add_option(parser)
    parser.add_argument("--peak", choices=["read", "write"], help=argparse.SUPPRESS)
    parser.add_argument("--key", help=argparse.SUPPRESS)
    arguments = parser.parse_args()

    warnings.simplefilter("ignore")
    h2o.no_progress()
    if arguments.url:
        h2o.connect(url=arguments.url, verbose=False, strict_version_check=False)
    else:
        import h2o_gan

        h2o_gan.init(name=f"benchmark_frames_{os.getpid()}", max_mem_size="5G")
    if arguments.peak:
        peak(arguments.peak, arguments.key, arguments.rows, arguments.pixels)
        return
    print(f"transport: {transport().name}")
    if arguments.flat:
        keep(arguments, flat())
        return

    table = make_table(arguments.rows, arguments.pixels)
    pandas: pd.DataFrame = table.to_pandas()
    frame = write_frame(table)  # Also warms the cluster up.
    assert read_frame(frame).read_all().equals(table), "what came back is not what went in"
    megabytes = table.nbytes / MEGABYTE
    print(f"{table.num_rows:,} rows x {table.num_columns} columns, {megabytes:.0f} MB")
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = multiprocessing.get_context("fork").Process(
        target=serve_bytes, args=(table.nbytes, listener), daemon=True
    )
    server.start()
    figures: dict[str, dict[str, float]] = {"table": {"megabytes": megabytes}}
    reading: dict[str, Way] = {
        "ours": ("read_frame", lambda: timed(lambda: read_frame(frame).read_all())),
        "loopback": ("as many bytes over the loopback", lambda: timed(lambda: fetch_bytes(port))),
        "plain": (
            "the plain transport",
            lambda: timed(lambda: PLAIN.read(frame, None).read_all()),
        ),
        "as_data_frame_multi_thread": (
            "as_data_frame(use_multi_thread=True)",
            lambda: timed(lambda: frame.as_data_frame(use_multi_thread=True)),
        ),
        "as_data_frame": ("as_data_frame()", lambda: timed(frame.as_data_frame)),
    }
    figures["reading"] = compare("Reading", reading, arguments.repeats)
    writing: dict[str, Way] = {
        "ours": ("write_frame", lambda: write_and_remove(lambda: write_frame(table))),
        "plain": (
            "the plain transport",
            lambda: write_and_remove(lambda: PLAIN.write(table.to_reader(), None)),
        ),
        "upload_parquet": (
            "upload_file(parquet)",
            lambda: write_and_remove(lambda: upload_parquet(table)),
        ),
        "h2o_frame": ("H2OFrame(pandas)", lambda: write_and_remove(lambda: h2o.H2OFrame(pandas))),
    }
    figures["writing"] = compare("Writing", writing, arguments.repeats)
    url = h2o.connection().base_url
    print("\nPeak memory above the table")
    figures["peak_megabytes"] = {}
    for way in ("read", "write"):
        megabytes = measure_peak(way, url, frame.frame_id, arguments.rows, arguments.pixels)
        figures["peak_megabytes"][way] = megabytes
        print(f"  {way + '_frame':42}{megabytes:9.0f} MB", flush=True)
    keep(arguments, figures)
    h2o.remove(frame)
    if not arguments.url:
        h2o.cluster().shutdown()


if __name__ == "__main__":
    main()
