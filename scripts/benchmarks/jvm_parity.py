#!/usr/bin/env python
"""Measures whether rows that a model generates in Java differ from those it generates in Python.

    python scripts/benchmarks/jvm_parity.py --model model.zip [--rows 200000]

--record NAME keeps the figures. Boosted trees learn to tell the rows of the two from one half of
them and are judged on the other: c2st is 1 - (2 max(AUC, .5) - 1), 1 where they cannot. Beside it
stands what two samples of Python reach. The mean log densities of both samples, by the model in
Python and by that in Java, are compared in standard errors of their difference.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import record
import torch
from jvm import java
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from h2o_gan import engine


def numbers(table: pa.Table) -> Any:
    """Return (rows, columns) float64, levels as codes by their text, and missing values as NaN."""
    columns = []
    for column in table.columns:
        if pa.types.is_dictionary(column.type) or pa.types.is_string(column.type):
            codes = column.cast(pa.string()).to_pandas().astype("category").cat.codes
            columns.append(codes.to_numpy(float))
        else:
            whole = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
            columns.append(whole.cast(pa.float64(), safe=False).fill_null(float("nan")).to_numpy())
    return np.stack(columns, 1)


def auc_of(one: pa.Table, other: pa.Table) -> float:
    """Return the AUC of trees that tell the rows of two tables, on rows that they did not see."""
    rows = numbers(pa.concat_tables([one, other], promote_options="permissive"))
    labels = np.repeat([0, 1], [one.num_rows, other.num_rows])
    order = np.random.default_rng(0).permutation(len(rows))
    half = len(order) // 2
    trees = HistGradientBoostingClassifier(random_state=0)
    trees.fit(rows[order[:half]], labels[order[:half]])
    judged = order[half:]
    return float(roc_auc_score(labels[judged], trees.predict_proba(rows[judged])[:, 1]))


def c2st(auc: float) -> float:
    """Return 1 where trees cannot tell two tables, 0 where they always can."""
    return 1 - (2 * max(auc, 0.5) - 1)


def texts(table: pa.Table) -> pa.Table:
    """Return the table with levels as text."""
    for at, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type):
            table = table.set_column(at, table.column_names[at], column.cast(pa.string()))
    return table


def errors(one: Any, other: Any) -> float:
    """Return the difference of two means in standard errors."""
    error = np.sqrt(one.var() / len(one) + other.var() / len(other))
    return float((one.mean() - other.mean()) / error)


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=200_000)
    record.add_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = engine.load(options.model)
    folder = Path(tempfile.mkdtemp())

    def in_java(*arguments: str) -> pa.Table:
        out = folder / "out.arrow"
        command = java(arguments[0], str(options.model), *arguments[1:], "--out", str(out))
        subprocess.run(command, check=True)
        with pa.ipc.open_stream(out) as stream:
            return stream.read_all()

    names = [column.name for column in model.scored_columns]
    own = in_java("generate", "--rows", str(options.rows), "--seed", "1").select(names)
    first, second = (model.sample(options.rows, seed=s).read_all().select(names) for s in (1, 2))
    auc, reference = auc_of(texts(own), texts(first)), auc_of(texts(first), texts(second))
    densities = {}
    for name, table in (("java", own), ("python", first)):
        source = folder / f"{name}.arrow"
        with pa.ipc.new_stream(source, table.schema) as out:
            out.write_table(table)
        by_java = in_java("predict", "--in", str(source))["log_density"].to_numpy()
        densities[name] = {"python": model.rate(table).score, "java": by_java}
    figures = {
        "rows": options.rows,
        "auc": auc,
        "c2st": c2st(auc),
        "c2st_of_two_python_samples": c2st(reference),
        "log_density_by_python_errors": errors(
            densities["java"]["python"], densities["python"]["python"]
        ),
        "log_density_by_java_errors": errors(
            densities["java"]["java"], densities["python"]["java"]
        ),
        "largest_difference_of_log_densities": max(
            float(np.abs(of["java"] - of["python"]).max()) for of in densities.values()
        ),
    }
    shutil.rmtree(folder)
    print(json.dumps(figures, indent=2))
    if options.record:
        record.write(
            options.record, what="How rows of one model differ, generated in Java and in Python.",
            parameters=vars(options), figures=figures, packages=("torch", "scikit-learn"),
        )  # fmt: skip


if __name__ == "__main__":
    main()
