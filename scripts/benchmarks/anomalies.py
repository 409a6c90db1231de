"""Measures how well anomalies are found, on data sets of ADBench, next to two classical detectors.

    .venv/bin/python scripts/benchmarks/anomalies.py FOLDER [--sets 29_Pima,45_wine] [--rows 5000]
        [--protocol half] [--seed 1] [--models FOLDER] [--record NAME]

FOLDER has the files `*.npz` of adbench/datasets/Classical of github.com/Minqi824/ADBench (Han et
al. 2022, arXiv 2206.09426), each with `X`, (rows, columns), and `y`, 1 for anomalies. Files of 4 MB
or more are left out. Two protocols:

half    Train on half of the normal rows. Test on the others and all anomalies.
all     Train on all rows, without labels. Test on the same rows.

The measure is the area under the ROC curve. At most --rows rows are trained on, and as many tested,
drawn by a seed: of all rows at the rate of anomalies in the set, but at least 30 of these; of test
rows at most half are anomalies. The peers are the distance
to the fifth nearest training row, columns standardised, and scikit-learn's isolation forest, with
its defaults. Columns of whole numbers are ints, as H2O reads them.

Models are trained with the defaults. With --models they are kept in a folder, and taken from there.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import record
import torch
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from h2o_gan import engine
from h2o_gan.parameters import Parameters

LARGEST = 4_000_000  # bytes of a file
NEIGHBOURS = 5
SPLIT_SEED = 0
LEAST_ODD = 30  # anomalies of all rows, where there are so many, or the measure would be chance
PROTOCOLS = ("half", "all")

Array = npt.NDArray[np.float64]


def split(
    rows: Array, labels: npt.NDArray[np.int64], protocol: str, most: int
) -> tuple[Array, Array, npt.NDArray[np.int64]]:
    """Return the training rows, the test rows and the labels of these."""
    rng = np.random.default_rng(SPLIT_SEED)
    normal = rng.permutation(np.flatnonzero(labels == 0))
    odd = rng.permutation(np.flatnonzero(labels == 1))
    if protocol == "all":
        most = min(most, len(labels))
        count = max(round(most * len(odd) / len(labels)), min(LEAST_ODD, len(odd)))
        train = test = np.concatenate([normal[: most - count], odd[:count]])
    else:
        odd, half = odd[: most // 2], len(normal) // 2
        train = normal[:half][:most]
        test = np.concatenate([normal[half:][: most - len(odd)], odd])
    return rows[train], rows[test], labels[test]


def arrow(rows: Array, whole: npt.NDArray[np.bool_]) -> pa.Table:
    """Return rows as a table; `whole` says which columns are ints."""
    columns = [rows[:, i].astype(np.int64 if whole[i] else np.float64) for i in range(len(whole))]
    return pa.table({f"c{i}": pa.array(column) for i, column in enumerate(columns)})


def ours(
    train: Array, test: Array, whole: npt.NDArray[np.bool_], seed: int, kept: Path | None
) -> Array:
    """Return the anomaly scores of `test`."""
    if kept is not None and kept.exists():
        model = engine.load(kept)
    else:
        model = engine.fit(
            arrow(train, whole).to_reader(), Parameters(seed=seed, architecture="columns")
        )
        if kept is not None:
            engine.save(model, kept, for_training=False)
    return model.rate(arrow(test, whole)).anomaly_score


def neighbours(train: Array, test: Array) -> Array:
    """Return the distance of each row to its fifth nearest training row but itself."""
    scaler = StandardScaler().fit(train)
    near = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(scaler.transform(train))
    found = near.kneighbors(None if test is train else scaler.transform(test))
    return found[0][:, -1]


def forest(train: Array, test: Array, seed: int) -> Array:
    """Return the anomaly scores of an isolation forest."""
    return -IsolationForest(random_state=seed).fit(train).score_samples(test)


def main() -> None:
    """Measure; print each set's figures and the means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", help="names of files, without .npz; all by default")
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--protocol", choices=PROTOCOLS, default="half")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="keeps trained models")
    record.add_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    files = [f for f in sorted(options.folder.glob("*.npz")) if f.stat().st_size < LARGEST]
    if options.sets:
        files = [f for f in files if f.stem in options.sets.split(",")]
    if not files:
        parser.error(f"{options.folder} has no such files.")
    figures: dict[str, dict[str, float]] = {}
    for file in files:
        data = np.load(file)
        rows, labels = data["X"].astype(np.float64), data["y"].ravel().astype(np.int64)
        whole = (rows == np.rint(rows)).all(0)
        train, test, odd = split(rows, labels, options.protocol, options.rows)
        if options.protocol == "all":
            test = train
        kept = options.models and options.models / f"{file.stem}.{options.protocol}.zip"
        began = time.perf_counter()
        scores = {
            "h2o_gan": ours(train, test, whole, options.seed, kept),
            "neighbours": neighbours(train, test),
            "forest": forest(train, test, options.seed),
        }
        found = {name: float(roc_auc_score(odd, s)) for name, s in scores.items()}
        figures[file.stem] = found
        shown = ", ".join(f"{name} {auc:.3f}" for name, auc in found.items())
        seconds = time.perf_counter() - began
        print(f"{file.stem} {train.shape}: {shown} ({seconds:.0f} s)", flush=True)
    figures["mean"] = {
        name: statistics.fmean(found[name] for found in figures.values())
        for name in ("h2o_gan", "neighbours", "forest")
    }
    print("mean", ", ".join(f"{name} {auc:.4f}" for name, auc in figures["mean"].items()))
    if options.record:
        record.write(
            options.record,
            what="Area under the ROC curve of anomaly scores, on classical sets of ADBench.",
            parameters={
                "sets": len(files),
                "protocol": options.protocol,
                "rows": options.rows,
                "seed": options.seed,
                "threads": options.threads,
            },
            figures=figures,
            packages=("h2o-gan", "torch", "scikit-learn"),
        )


if __name__ == "__main__":
    main()
