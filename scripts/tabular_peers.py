"""Train one model on a table and draw rows from it: a program for that model's own environment.

    python tabular_peers.py METHOD train.parquet out.parquet --rows N --seed S [--threads T]
        [--budget X]

Prints one line of JSON: train_seconds, sample_seconds (from the call to a table in memory) and
version. Imports do not count. Every model has its defaults, except for --budget: the (most) epochs.
Text columns are categorical.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import time
from typing import Any


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
        for place, name in enumerate(table.column_names):
            column = table[name]
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                levels = column.cast(pa.string()).dictionary_encode()
                table = table.set_column(place, name, levels)
        changes: dict[str, Any] = {"seed": options.seed}
        if method == "h2o_gan_without_critic":
            changes["critic_epochs"] = 0
        if options.budget is not None:
            changes["epochs"] = int(options.budget)
        self.table, self.seed = table, options.seed
        self.engine, self.parameters = engine, Parameters(**changes)

    def fit(self) -> None:
        self.model = self.engine.fit(self.table.to_reader(), self.parameters)

    def sample(self, rows: int) -> Any:
        return self.model.sample(rows, seed=self.seed).read_all()

    def save(self, sample: Any, path: str) -> None:
        import pyarrow.parquet as pq

        pq.write_table(sample, path)


METHODS = {
    "h2o_gan": H2oGan,
    "h2o_gan_without_critic": H2oGan,
    "tabular_argn": TabularArgn,
    "ctgan": Ctgan,
    "tvae": Ctgan,
}


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
    options = parser.parse_args()
    for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR"):
        os.environ[f"{name}_NUM_THREADS"] = str(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    runner = METHODS[options.method](options.method, options)
    began = time.perf_counter()
    runner.fit()
    trained = time.perf_counter()
    sample = runner.sample(options.rows)
    drawn = time.perf_counter()
    runner.save(sample, options.out)
    result = {
        "train_seconds": trained - began,
        "sample_seconds": drawn - trained,
        "version": importlib.metadata.version(runner.package),
    }
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main()
