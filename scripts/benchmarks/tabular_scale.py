"""Measures how long a large table trains, and how much memory that takes.

    .venv/bin/python scripts/benchmarks/tabular_scale.py [--rows 1000000] [--columns 50]
        [--threads 2] [--record NAME]

Half of the columns are numbers and half are categories; all depend on one hidden value. The memory
is the process's peak above what it holds before the training, the table included.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import record
import torch

from h2o_gan import engine
from h2o_gan.parameters import Parameters

LEVELS = 20


def make_table(rows: int, columns: int) -> pa.Table:
    """Return a table whose columns all depend on one hidden value."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=rows)
    names = [f"level {k}" for k in range(LEVELS)]
    found: dict[str, pa.Array] = {}
    for i in range(columns):
        values = hidden + rng.normal(size=rows)
        if i % 2:
            found[f"number{i}"] = pa.array(values.round(3))
        else:
            codes = np.clip(values * 3 + LEVELS / 2, 0, LEVELS - 1).astype(np.int32)
            found[f"category{i}"] = pa.DictionaryArray.from_arrays(codes, names)
    return pa.table(found)


def memory_gigabytes(member: str) -> float:
    """Return a member of the process's status: VmRSS, its memory now, or VmHWM, its peak."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{member}:")[1].split()[0]) / 2**20


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2)
    record.add_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    before = memory_gigabytes("VmRSS")
    table = make_table(options.rows, options.columns)
    began = time.perf_counter()
    engine.fit(table.to_reader(), Parameters(seed=1, device="cpu"))
    figures = {
        "train_minutes": (time.perf_counter() - began) / 60,
        "peak_gigabytes": memory_gigabytes("VmHWM") - before,
    }
    for name, value in figures.items():
        print(f"{name}: {value:.2f}")
    if options.record:
        record.write(
            options.record,
            what="Training on a large table.",
            parameters={
                "train_rows": options.rows,
                "columns": options.columns,
                "threads": options.threads,
            },
            figures=figures,
            packages=("h2o-gan", "torch"),
        )


if __name__ == "__main__":
    main()
