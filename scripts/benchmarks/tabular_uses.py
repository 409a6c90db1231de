"""Measures what rows of a rare level do for a classifier, and how well anomalies are found.

    .venv/bin/python scripts/benchmarks/tabular_uses.py rebalancing --train train.csv
        --test test.csv --target income [--rare 250] [--rows 30000] [--seeds 3] [--record NAME]
    .venv/bin/python scripts/benchmarks/tabular_uses.py anomalies --train train.csv
        --test test.csv [--cells 3] [--seeds 3] [--record NAME]

rebalancing  All training rows of the most frequent level of the target, and --rare rows of the
             others. Gradient-boosted trees are trained on these rows; on these rows weighted by
             class; and on these rows and --rows synthetic ones, as many of each level. They are
             tested on unseen real rows: average precision, and recall at a precision of .8.
anomalies    Unseen real rows against the same rows changed: all cells shuffled between the rows, or
             --cells cells of each row replaced by those of other rows. The measure is the area
             under the ROC curve of the model's scores.

Without --train it takes the 380 rows of prostate.csv that the package h2o brings along.
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import record
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score
from tabular_data import add_options, load

from h2o_gan import engine
from h2o_gan.parameters import Parameters

PRECISION = 0.8  # at which the recall is taken

Figures = dict[str, dict[str, float]]


def arrow(table: pd.DataFrame) -> pa.Table:
    """Return a table with its text columns as dictionaries, as the engine takes categories."""
    found = pa.Table.from_pandas(table, preserve_index=False).combine_chunks()
    for i, name in enumerate(found.column_names):
        if pa.types.is_string(found[name].type) or pa.types.is_large_string(found[name].type):
            levels = found[name].cast(pa.string()).dictionary_encode()
            found = found.set_column(i, name, levels)
    return found


def fit(table: pd.DataFrame, seed: int, response: str | None) -> Any:
    """Return a model of the table, trained with the defaults."""
    parameters = Parameters(seed=seed, response_column=response)
    return engine.fit(arrow(table).to_reader(), parameters)


def rebalancing(
    train: pd.DataFrame, test: pd.DataFrame, options: argparse.Namespace, seed: int
) -> Figures:
    """Return the scores of trees on real rows, on weighted ones, and with synthetic ones."""
    target = options.target
    frequent = train[target].mode()[0]
    others = train[train[target] != frequent]
    rare = others.sample(min(options.rare, len(others)), random_state=seed)
    rows = pd.concat([train[train[target] == frequent], rare], ignore_index=True)
    model = fit(rows, seed, target)
    drawn = model.sample(options.rows, seed=seed, balance=target).read_all().to_pandas()
    both = pd.concat([rows, drawn[rows.columns]], ignore_index=True)
    trainings = {"real": (rows, None), "weighted": (rows, "balanced"), "balanced": (both, None)}
    figures = {}
    is_rare = (test[target] != frequent).to_numpy()
    for name, (table, weights) in trainings.items():
        trees = HistGradientBoostingClassifier(class_weight=weights, random_state=seed)
        trees.fit(features(table, rows, target), table[target] != frequent)
        probability = trees.predict_proba(features(test, rows, target))[:, 1]
        precision, recall, _ = precision_recall_curve(is_rare, probability)
        figures[name] = {
            "average_precision": float(average_precision_score(is_rare, probability)),
            "recall": float(recall[precision >= PRECISION].max()),
        }
    return figures


def features(table: pd.DataFrame, known: pd.DataFrame, target: str) -> np.ndarray:
    """Return numbers (n, d): those of the table, and the rank of each category among the known."""
    columns = []
    for name in known.columns.drop(target):
        if pd.api.types.is_numeric_dtype(known[name]):
            columns.append(table[name].to_numpy(dtype=float, na_value=np.nan))
        else:
            levels = sorted(known[name].dropna().astype(str).unique())
            ranks = pd.Categorical(table[name].astype("object"), levels).codes.astype(float)
            columns.append(np.where(ranks < 0, np.nan, ranks))
    return np.column_stack(columns)


def anomalies(
    train: pd.DataFrame, test: pd.DataFrame, options: argparse.Namespace, seed: int
) -> Figures:
    """Return how well the scores separate real rows from changed ones."""
    model = fit(train, seed, None)
    rng = np.random.default_rng(seed)
    shuffled = test.copy()
    for name in test.columns:
        shuffled[name] = test[name].to_numpy()[rng.permutation(len(test))]
    exchanged = test.copy()
    chosen = rng.random(test.shape).argsort(axis=1) < options.cells  # so many in each row
    for i, name in enumerate(test.columns):
        exchanged[name] = test[name].where(~chosen[:, i], shuffled[name])
    real = model.scores(arrow(test))
    is_real = np.repeat([1, 0], len(test))
    figures = {}
    for name, table in (("shuffled", shuffled), ("exchanged", exchanged)):
        scores = np.concatenate([real, model.scores(arrow(table))])
        figures[name] = {"auc": float(roc_auc_score(is_real, scores))}
    return figures


USES = {"rebalancing": rebalancing, "anomalies": anomalies}


def main() -> None:
    """Run one of the two and print its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("use", choices=USES)
    add_options(parser)
    parser.add_argument("--rare", type=int, default=250)
    parser.add_argument("--rows", type=int, default=30_000)
    parser.add_argument("--cells", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3, help="how many; seeds are 0, 1, ...")
    parser.add_argument("--threads", type=int, default=2)
    record.add_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    train, test, options.target = load(options)
    if options.use == "rebalancing" and options.target is None:
        parser.error("rebalancing wants --target.")
    runs = [USES[options.use](train, test, options, seed) for seed in range(options.seeds)]
    figures = {
        name: {key: statistics.fmean(run[name][key] for run in runs) for key in runs[0][name]}
        for name in runs[0]
    }
    for name, values in figures.items():
        print(name, ", ".join(f"{key} {value:.4f}" for key, value in values.items()))
    if options.record:
        names = ("rare", "rows") if options.use == "rebalancing" else ("cells",)
        record.write(
            options.record,
            what={
                "rebalancing": "Trees on unseen real rows, without and with balanced rows.",
                "anomalies": "How well scores separate real rows from changed ones.",
            }[options.use],
            parameters={
                "train": options.train or "prostate.csv",
                "train_rows": len(train),
                "target": options.target,
                **{name: getattr(options, name) for name in names},
                "seeds": options.seeds,
                "threads": options.threads,
            },
            figures=figures,
            packages=("h2o-gan", "torch", "scikit-learn"),
        )


if __name__ == "__main__":
    main()
