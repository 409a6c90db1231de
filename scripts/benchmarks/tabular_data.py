"""The training and the test table of a benchmark, from files or from the package h2o."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

PROSTATE = ["CAPSULE", "RACE", "DPROS", "DCAPS"]  # what h2o's documentation makes factors


def load(options: argparse.Namespace) -> tuple[pd.DataFrame, pd.DataFrame, str | None]:
    """The training and the test table, categories as text, and the name of the target."""
    target, names = options.target, options.categorical
    if options.train:
        if not options.test:
            raise SystemExit("--train wants --test too.")
        train, test = read(options.train), read(options.test)
    else:
        whole = read(str(prostate())).drop(columns="ID")
        train = whole.sample(frac=0.8, random_state=0)
        test = whole.drop(train.index)
        target = target or "CAPSULE"
        names = names or ",".join(PROSTATE)
    categorical = list(train.select_dtypes(exclude="number").columns)
    for name in names.split(",") if names else []:
        if name not in train:
            raise SystemExit(f"--categorical: no column {name!r}.")
        categorical.append(name)
    test = test[train.columns]
    return texts(train, categorical), texts(test, categorical), target


def texts(table: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The table with some of its columns as text; a whole number stays free of a decimal point."""

    def text(column: pd.Series) -> pd.Series:
        if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
            column = column.astype("Int64")
        return column.astype("string")

    return table.assign(**{name: text(table[name]) for name in names}).reset_index(drop=True)


def read(path: str) -> pd.DataFrame:
    """A CSV or Parquet file."""
    if path.endswith(".parquet"):
        return pd.read_parquet(path)
    return pd.read_csv(path, skipinitialspace=True)


def prostate() -> Path:
    """The table that comes with the package h2o."""
    spec = importlib.util.find_spec("h2o")
    if spec is None or spec.origin is None:
        raise SystemExit("h2o is not installed here: give --train and --test.")
    return Path(spec.origin).parent / "h2o_data" / "prostate.csv"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a benchmark the options of :func:`load`."""
    parser.add_argument("--train", help="CSV or Parquet; prostate.csv when absent")
    parser.add_argument("--test", help="unseen rows of the same kind")
    parser.add_argument("--target", help="the column to predict")
    parser.add_argument("--categorical", help="columns of numbers that are categories, with commas")
