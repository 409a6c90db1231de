"""Compares ways of filling missing cells: one table, three mechanisms, rows seen and unseen.

    .venv/bin/python scripts/benchmarks/imputation.py --train train.csv --test test.csv
        [--categorical a,b] [--rows 5000] [--share 0.3] [--masks 1] [--threads 1]
        [--mechanisms mcar,mar,mnar]
        [--methods h2o_gan,iterative] [--work DIR] [--stored] [--record NAME]

The protocol is that of DiffPuter (Zhang et al., ICLR 2025): cells are hidden in the training and in
the test rows; a method learns from the training rows with their gaps, and fills both. The measures
are of hidden cells only: the root mean squared error of all numbers, each column in units of its
standard deviation among the training cells that are left, and the share of levels that are right.

The mechanisms hide a share of the cells:

mcar  completely at random.
mar   at random: 30 % of the columns stay whole; in the others a cell is hidden by a logistic model
      of those columns, with random weights.
mnar  not at random: as mar, and the columns of the model have gaps as well, so that why a cell is
      missing is not in the data.

Methods:

h2o_gan      means and most probable levels of a model that treats missing cells as unknown.
learned      the same of a model that learns missing cells as a value, the default of the package.
draws        one draw instead.
iterative    scikit-learn's IterativeImputer with its defaults, levels as 0 and 1, the first
             level left out.
average      a column's mean, or its most frequent level.
hyperimpute  HyperImpute (Jarrett et al., 2022); missforest: MissForest (Stekhoven and Buhlmann,
             2012). Both are of the package hyperimpute, which wants an environment of its own:
             run this script there with these methods and the same --work. The figures of all
             methods in --methods are then found in --work.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import record
from tabular_data import add_options, load

MECHANISMS = ("mcar", "mar", "mnar")
WHOLE = 0.3  # share of the columns that the others' gaps depend on

Numbers = np.ndarray


# ---- gaps


def hidden(numbers: Numbers, mechanism: str, share: float, rng: np.random.Generator) -> Numbers:
    """Choose the cells to hide.

    Args:
        numbers: (rows, columns) float64, levels as their index.
        mechanism: one of MECHANISMS.
        share: of the cells.
        rng: the only source of randomness.

    Returns:
        (rows, columns) bool.
    """
    rows, columns = numbers.shape
    if mechanism == "mcar":
        return rng.random((rows, columns)) < share
    whole = rng.permutation(columns)[: max(int(WHOLE * columns), 1)]
    others = np.setdiff1d(np.arange(columns), whole)
    found = np.zeros((rows, columns), bool)
    # The cells that are left to hide are fewer where some columns stay whole.
    wanted = share / (1 - WHOLE) if mechanism == "mar" else share
    for column in others:
        scores = numbers[:, whole] @ rng.standard_normal(len(whole))
        chance = logistic(scores / max(scores.std(), 1e-12), wanted)
        found[:, column] = rng.random(rows) < chance
    if mechanism == "mnar":
        found[:, whole] = rng.random((rows, len(whole))) < share
    return found


def logistic(scores: Numbers, share: float) -> Numbers:
    """The probabilities of a logistic model, with the intercept that makes `share` their mean."""
    low, high = -50.0 - np.abs(scores).max(), 50.0 + np.abs(scores).max()
    for _ in range(100):
        middle = (low + high) / 2
        chances = 1 / (1 + np.exp(-np.clip(scores + middle, -500, 500)))
        low, high = (middle, high) if chances.mean() < share else (low, middle)
    return chances


def numbers_of(table: pd.DataFrame, like: pd.DataFrame) -> Numbers:
    """A table as float64 (rows, columns), levels as their index among those of `like`."""
    columns = []
    for name in like.columns:
        if pd.api.types.is_numeric_dtype(like[name]):
            columns.append(table[name].to_numpy(float))
        else:
            levels = like[name].dropna().unique().tolist()
            codes = pd.Categorical(table[name], categories=levels).codes.astype(float)
            columns.append(np.where(codes < 0, np.nan, codes))
    return np.column_stack(columns)


# ---- methods: from training and test numbers with gaps (NaN) to the same without


class OfNumbers:
    """A method whose tables are numbers.

    Args:
        categorical: (columns,) bool.
        levels: number of levels of each column, 0 for numbers.
        seed: of the method.
    """

    package: str | None = None

    def __init__(self, categorical: Numbers, levels: list[int], seed: int) -> None:
        self.categorical, self.levels, self.seed = categorical, levels, seed

    def __call__(self, train: Numbers, test: Numbers) -> tuple[Numbers, Numbers]:
        raise NotImplementedError


class Average(OfNumbers):
    """A column's mean or its most frequent level."""

    def __call__(self, train: Numbers, test: Numbers) -> tuple[Numbers, Numbers]:
        fill = np.nanmean(train, axis=0)
        for column in np.flatnonzero(self.categorical):
            present = train[~np.isnan(train[:, column]), column].astype(int)
            fill[column] = np.bincount(present).argmax()
        return tuple(np.where(np.isnan(part), fill, part) for part in (train, test))


class Iterative(OfNumbers):
    """IterativeImputer of numbers in units of their standard deviation, and of 0 and 1."""

    package = "scikit-learn"

    def __call__(self, train: Numbers, test: Numbers) -> tuple[Numbers, Numbers]:
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401
        from sklearn.impute import IterativeImputer

        mean, scale = np.nanmean(train, axis=0), np.nanstd(train, axis=0)
        scale = np.where(scale > 0, scale, 1.0)

        def wide(part: Numbers) -> Numbers:
            columns = []
            for column, levels in enumerate(self.levels):
                values = part[:, [column]]
                if levels:  # all but the first: that one follows, and would only repeat the others
                    others = values == np.arange(1, levels)[None]
                    columns.append(np.where(np.isnan(values), np.nan, others))
                else:
                    columns.append((values - mean[column]) / scale[column])
            return np.concatenate(columns, axis=1)

        def narrow(part: Numbers, given: Numbers) -> Numbers:
            columns, at = [], 0
            for column, levels in enumerate(self.levels):
                width = levels - 1 if levels else 1
                values = part[:, at : at + width]
                at += width
                if levels:
                    first = 1 - values.sum(1, keepdims=True)
                    found = np.concatenate([first, values], axis=1).argmax(1)
                else:
                    found = values[:, 0] * scale[column] + mean[column]
                columns.append(np.where(np.isnan(given[:, column]), found, given[:, column]))
            return np.column_stack(columns)

        imputer = IterativeImputer(random_state=self.seed, keep_empty_features=True)
        parts = imputer.fit_transform(wide(train)), imputer.transform(wide(test))
        return narrow(parts[0], train), narrow(parts[1], test)


class Plugin(OfNumbers):
    """A method of the package hyperimpute."""

    package = "hyperimpute"
    name = "hyperimpute"

    def __call__(self, train: Numbers, test: Numbers) -> tuple[Numbers, Numbers]:
        from hyperimpute.plugins.imputers import Imputers

        plugin = Imputers().get(self.name, random_state=self.seed)
        frames = [pd.DataFrame(part, columns=self.names(part)) for part in (train, test)]
        found = [plugin.fit_transform(frames[0].copy()), plugin.transform(frames[1].copy())]
        parts = [np.asarray(part, float) for part in found]
        for part in parts:
            for column in np.flatnonzero(self.categorical):
                part[:, column] = np.clip(part[:, column].round(), 0, self.levels[column] - 1)
        return parts[0], parts[1]

    def names(self, part: Numbers) -> list[str]:
        return [f"column{index}" for index in range(part.shape[1])]


class MissForest(Plugin):
    """MissForest of the package hyperimpute."""

    name = "missforest"


class H2oGan(OfNumbers):
    """The engine of h2o_gan, without a cluster."""

    package = "h2o-gan"
    handling = "unknown"
    method = "mean"

    def __call__(self, train: Numbers, test: Numbers) -> tuple[Numbers, Numbers]:
        from h2o_gan import engine
        from h2o_gan.parameters import Parameters

        both = np.concatenate([train, test])
        self.whole = (np.isnan(both) | (both % 1 == 0)).all(0)
        table = self.arrow(train)
        parameters = Parameters(seed=self.seed, missing_values_handling=self.handling)
        model = engine.fit(table.to_reader(), parameters)
        found = []
        for part in (table, self.arrow(test)):
            filled = model.impute(part, self.seed, method=self.method).read_all()
            found.append(self.numbers(filled.select(part.column_names)))
        return found[0], found[1]

    def arrow(self, part: Numbers) -> Any:
        import pyarrow as pa

        columns = {}
        for index, is_categorical in enumerate(self.categorical):
            values, gaps = part[:, index], np.isnan(part[:, index])
            if is_categorical:
                codes = pa.array(np.where(gaps, 0, values).astype(np.int32), mask=gaps)
                texts = pa.array([f"level {code}" for code in range(self.levels[index])])
                columns[f"column{index}"] = pa.DictionaryArray.from_arrays(codes, texts)
            elif self.whole[index]:
                columns[f"column{index}"] = pa.array(
                    np.where(gaps, 0, values).astype(np.int64), mask=gaps
                )
            else:
                columns[f"column{index}"] = pa.array(values, mask=gaps)
        return pa.table(columns)

    def numbers(self, table: Any) -> Numbers:
        columns = []
        for index, is_categorical in enumerate(self.categorical):
            values = table.column(index)
            if is_categorical:
                values = [int(text.split()[-1]) for text in values.to_pylist()]
            columns.append(np.asarray(values, float))
        return np.column_stack(columns)


class Learned(H2oGan):
    """The same with missing cells as a value of their own."""

    handling = "value"


class Draws(H2oGan):
    """Draws of the model."""

    method = "draw"


METHODS: dict[str, type[OfNumbers]] = {
    "h2o_gan": H2oGan,
    "learned": Learned,
    "draws": Draws,
    "iterative": Iterative,
    "average": Average,
    "hyperimpute": Plugin,
    "missforest": MissForest,
}


# ---- measures


def measured(
    make: Callable[..., OfNumbers],
    train: pd.DataFrame,
    test: pd.DataFrame,
    mechanism: str,
    share: float,
    seed: int,
) -> dict[str, float]:
    """Hide cells, let a method fill them, and compare."""
    rng = np.random.default_rng([seed, MECHANISMS.index(mechanism)])
    both = pd.concat([train, test], ignore_index=True)
    whole = [numbers_of(part, both) for part in (train, test)]
    categorical = np.array([not pd.api.types.is_numeric_dtype(both[n]) for n in both.columns])
    levels = [both[n].nunique() if c else 0 for n, c in zip(both, categorical, strict=True)]
    gaps = [hidden(np.nan_to_num(part), mechanism, share, rng) & ~np.isnan(part) for part in whole]
    given = [np.where(gap, np.nan, part) for gap, part in zip(gaps, whole, strict=True)]
    method = make(categorical, levels, seed)
    began = time.perf_counter()
    filled = method(*given)
    figures = {"seconds": time.perf_counter() - began}
    scale = np.nanstd(given[0], axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    for name, part, gap, truth in zip(("in", "out"), filled, gaps, whole, strict=True):
        wrong = ((part - truth) / scale)[:, ~categorical][gap[:, ~categorical]]
        figures[f"{name}_rmse"] = float(np.sqrt(np.mean(wrong**2)))
        if gap[:, categorical].any():
            right = (part.round() == truth)[:, categorical][gap[:, categorical]]
            figures[f"{name}_accuracy"] = float(right.mean())
    return figures


def compare(
    options: argparse.Namespace, train: pd.DataFrame, test: pd.DataFrame
) -> tuple[dict[str, Any], dict[str, str]]:
    """Run the methods, or take what --work has of earlier runs.

    Returns:
        The figures of each mechanism and method, means over the masks; and versions of packages.
    """
    work = Path(options.work or tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Any] = {}
    versions: dict[str, str] = {}
    for mechanism in options.mechanisms.split(","):
        figures[mechanism] = {}
        for name in options.methods.split(","):
            runs = []
            for mask in range(options.masks):
                path = work / f"{mechanism}_{name}_{mask}.json"
                if options.stored and not path.is_file():
                    continue
                if not path.is_file():
                    found = measured(METHODS[name], train, test, mechanism, options.share, mask)
                    package = METHODS[name].package
                    version = package and importlib.metadata.version(package)
                    path.write_text(json.dumps({"version": version, "figures": found}))
                stored = json.loads(path.read_text())
                if stored["version"]:
                    versions[str(METHODS[name].package)] = stored["version"]
                runs.append(stored["figures"])
            if not runs:
                continue
            mean = {key: statistics.fmean(run[key] for run in runs) for key in runs[0]}
            figures[mechanism][name] = mean
            shown = ", ".join(f"{key} {value:.4f}" for key, value in mean.items())
            print(f"{mechanism} {name}: {shown}", flush=True)
    return figures, versions


def main() -> None:
    """Compare the methods on one table and print their figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser)
    parser.add_argument("--rows", type=int, default=5000, help="training rows, at most")
    parser.add_argument("--mechanisms", default=",".join(MECHANISMS))
    parser.add_argument("--share", type=float, default=0.3, help="of the cells to hide")
    parser.add_argument("--masks", type=int, default=1, help="how many a mechanism")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--methods", default="h2o_gan,iterative,average")
    parser.add_argument("--work", help="folder that keeps the figures of each run")
    parser.add_argument("--stored", action="store_true", help="only what is in --work already")
    record.add_option(parser)
    options = parser.parse_args()
    unknown = set(options.methods.split(",")) - set(METHODS)
    if unknown:
        parser.error(f"--methods: {', '.join(sorted(unknown))} is none of {', '.join(METHODS)}.")
    warnings.simplefilter("ignore")
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(options.threads)
    train, test, _ = load(options)
    train = train.sample(min(options.rows, len(train)), random_state=0).reset_index(drop=True)
    test = test.sample(min(options.rows, len(test)), random_state=0).reset_index(drop=True)
    figures, versions = compare(options, train, test)
    if options.record:
        record.write(
            options.record,
            what="How well hidden cells are filled.",
            parameters={
                "train": options.train or "prostate.csv",
                "train_rows": len(train),
                "test_rows": len(test),
                "share": options.share,
                "masks": options.masks,
                "threads": options.threads,
            },
            figures=figures,
            versions=versions,
        )


if __name__ == "__main__":
    main()
