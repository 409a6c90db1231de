"""Train one model on a table and draw rows from it: a program for that model's own environment.

    python tabular_peers.py METHOD train.parquet out.parquet --rows N --seed S [--threads T]
        [--budget X | --snapshots]

Prints one line of JSON: train_seconds, sample_seconds (from the call to a table in memory), the
processor time of both, which depends less on other work of the machine, and version.
Imports do not count. Every model has its defaults, except for --budget: the (most) epochs.
Text columns are categorical. With --snapshots, which only h2o_gan can take, models of earlier
moments of the training are drawn from too: `snapshots` has their seconds and files.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import time
from pathlib import Path
from typing import Any

SPACING = 1.5  # of the times of snapshots: each as many times the one before, or more


class Ctgan:
    """CTGAN or TVAE (Xu et al., 2019) of the package ctgan."""

    package = "ctgan"

    def __init__(self, method: str, options: argparse.Namespace) -> None:
        import ctgan
        import pandas as pd

        self.table = pd.read_parquet(options.train)
        self.discrete = list(self.table.select_dtypes(exclude="number").columns)
        budget = {} if options.budget is None else {"epochs": int(options.budget)}
        self.model = {"ctgan": ctgan.CTGAN, "tvae": ctgan.TVAE}[method](**budget)
        self.model.set_random_state(options.seed)

    def fit(self) -> None:
        self.model.fit(self.table, self.discrete)

    def sample(self, rows: int) -> Any:
        return self.model.sample(rows)

    def save(self, sample: Any, path: str) -> None:
        sample.to_parquet(path, index=False)


class TabularArgn(Ctgan):
    """TabularARGN (Tiwald et al., 2025) of the package mostlyai-engine."""

    package = "mostlyai-engine"

    def __init__(self, method: str, options: argparse.Namespace) -> None:
        import pandas as pd
        from mostlyai.engine import TabularARGN

        self.table = pd.read_parquet(options.train)
        budget = {} if options.budget is None else {"max_epochs": options.budget}
        self.model = TabularARGN(random_state=options.seed, **budget)  # in a temporary folder

    def fit(self) -> None:
        self.model.fit(self.table)

    def sample(self, rows: int) -> Any:
        return self.model.sample(n_samples=rows)


class H2oGan:
    """The engine of h2o_gan, without a cluster."""

    package = "h2o-gan"

    def __init__(self, method: str, options: argparse.Namespace) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from h2o_gan import engine
        from h2o_gan.parameters import Parameters

        table = pq.read_table(options.train).combine_chunks()
        for i, name in enumerate(table.column_names):
            column = table[name]
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                levels = column.cast(pa.string()).dictionary_encode()
                table = table.set_column(i, name, levels)
        changes: dict[str, Any] = {"seed": options.seed}
        if method == "h2o_gan_without_critic":
            changes["discriminator_epochs"] = 0
        if options.budget is not None:
            changes["epochs"] = int(options.budget)
        self.table, self.seed = table, options.seed
        self.engine, self.parameters = engine, Parameters(**changes)
        self.listener = self.listen if options.snapshots else None
        self.snapshots: list[tuple[float, Any]] = []
        self.listening = 0.0

    def fit(self) -> None:
        self.began = time.perf_counter()
        self.model = self.engine.fit(
            self.table.to_reader(), self.parameters, on_event=self.listener
        )
        if self.snapshots and self.snapshots[-1][1].step == self.model.step:
            self.snapshots.pop()  # the model itself

    def listen(self, event: Any) -> None:
        """Keep the model as it is now; how long that takes is no part of the training."""
        if not isinstance(event, self.engine.Scored):
            return
        heard = time.perf_counter()
        seconds = heard - self.began - self.listening
        if not self.snapshots or seconds >= SPACING * self.snapshots[-1][0]:
            self.snapshots.append((seconds, event.snapshot()))
        self.listening += time.perf_counter() - heard

    def save_snapshots(self, rows: int, path: Path) -> list[tuple[float, str]]:
        """Draw from every snapshot into a file beside `path`: its seconds and its name."""
        found = []
        for i, (seconds, model) in enumerate(self.snapshots):
            beside = path.with_name(f"{path.stem}-{i}.parquet")
            self.save(model.sample(rows, seed=self.seed).read_all(), str(beside))
            found.append((seconds, beside.name))
        return found

    def sample(self, rows: int) -> Any:
        return self.model.sample(rows, seed=self.seed).read_all()

    def save(self, sample: Any, path: str) -> None:
        import pyarrow.parquet as pq

        pq.write_table(sample, path)


METHODS: dict[str, Any] = {
    "h2o_gan": H2oGan,
    "h2o_gan_without_critic": H2oGan,
    "tabular_argn": TabularArgn,
    "ctgan": Ctgan,
    "tvae": Ctgan,
}


def cpu_seconds() -> float:
    """Processor time of this process and of its ended children."""
    return sum(os.times()[:4])


def main() -> None:
    """Train, draw, save and say how long it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("train")
    parser.add_argument("out")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--budget", type=float)
    parser.add_argument("--snapshots", action="store_true")
    options = parser.parse_args()
    if options.snapshots and not options.method.startswith("h2o_gan"):
        parser.error(f"{options.method} has no --snapshots.")
    for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR"):
        os.environ[f"{name}_NUM_THREADS"] = str(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    runner = METHODS[options.method](options.method, options)
    began, began_cpu = time.perf_counter(), cpu_seconds()
    runner.fit()
    trained, trained_cpu = time.perf_counter(), cpu_seconds()
    sample = runner.sample(options.rows)
    drawn, drawn_cpu = time.perf_counter(), cpu_seconds()
    runner.save(sample, options.out)
    result = {
        "train_seconds": trained - began,
        "sample_seconds": drawn - trained,
        "train_cpu_seconds": trained_cpu - began_cpu,
        "sample_cpu_seconds": drawn_cpu - trained_cpu,
        "version": importlib.metadata.version(runner.package),
    }
    if options.snapshots:
        result["train_seconds"] -= runner.listening
        result["snapshots"] = runner.save_snapshots(options.rows, Path(options.out))
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main()
