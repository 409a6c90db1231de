"""The commands that need no cluster: a saved model and files of rows."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any

from h2o_gan import table_files
from h2o_gan.cli.checks import (
    UsageError,
    check_conditions,
    check_files,
    check_output,
    check_rows,
    check_seed,
    check_table,
    report,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from h2o_gan.engine.model import Model

__all__ = ["anomalies", "generate", "impute", "predict", "write"]


def generate(options: argparse.Namespace, result: IO[str]) -> None:
    """Write rows from a model.

    Args:
        options: of the command.
        result: takes the rows if there is no file to write.

    Raises:
        UsageError: an argument does not fit.
    """
    from h2o_gan import engine

    check_rows(options.rows)
    check_seed(options.seed)
    check_output(options.out)
    check_conditions(options.where)
    check_files(options.model)
    write(engine.load(options.model), options.rows, options, result)


def impute(options: argparse.Namespace, result: IO[str]) -> None:
    """Fill the missing cells of a file.

    Args:
        options: of the command.
        result: takes the rows if there is no file to write.

    Raises:
        UsageError: an argument does not fit.
    """
    check_seed(options.seed)
    model = _opened(options)
    table = _read(options, model, lacking=False)
    rows = model.impute(table, options.seed, method=options.method, draws=options.draws)
    _deliver(rows, options, result, f"{table.num_rows} rows")


def predict(options: argparse.Namespace, result: IO[str]) -> None:
    """Predict a column of a file from the others.

    Args:
        options: of the command.
        result: takes the predictions if there is no file to write.

    Raises:
        UsageError: an argument does not fit.
    """
    check_seed(options.seed)
    model = _opened(options)
    table = _read(options, model, lacking=True)
    if not table.num_columns:
        raise UsageError(f"{options.file} has none of the model's columns.")
    rows = model.predict_column(table, options.column, options.seed, draws=options.draws)
    _deliver(rows, options, result, f"{table.num_rows} rows")


def anomalies(options: argparse.Namespace, result: IO[str]) -> None:
    """Score how odd the rows of a file are.

    Args:
        options: of the command.
        result: takes the scores if there is no file to write.

    Raises:
        UsageError: an argument does not fit.
    """
    if options.per_feature and options.contamination is not None:
        raise UsageError("--per-feature writes no predictions: leave --contamination out.")
    model = _opened(options)
    try:
        if options.per_feature:
            model.require("per_feature")
        if options.contamination is not None:
            parameters = model.parameters.replace(contamination=options.contamination)
            model = dataclasses.replace(model, parameters=parameters)
        rows = table_files.open_rows(options.file, list(model.scored_columns))
    except ValueError as error:
        raise UsageError(str(error)) from error
    reader = model.anomaly_shares(rows) if options.per_feature else model.anomalies(rows)
    _deliver(reader, options, result, "scores")


def _opened(options: argparse.Namespace) -> Model:
    """The model of a command that reads a table too; both files are checked."""
    from h2o_gan import engine

    check_output(options.out)
    check_files(options.model)
    check_table(options.file)
    return engine.load(options.model)


def _read(options: argparse.Namespace, model: Model, lacking: bool) -> pa.Table:
    """The columns of the model in the file, which may lack some or not."""
    try:
        return table_files.read(options.file, model.columns, lacking=lacking)
    except ValueError as error:
        raise UsageError(str(error)) from error


def write(model: Model, rows: int, options: argparse.Namespace, result: IO[str]) -> None:
    """Draw rows of a model under the options, and write them to ``--out`` or stdout.

    Args:
        model: draws them.
        rows: how many.
        options: of the command.
        result: takes the rows if there is no file to write.

    Raises:
        UsageError: the model does not support an option.
    """
    from h2o_gan.engine.options import SampleOptions

    conditions = _conditions(options.where, model) if options.where else None
    wanted = SampleOptions(conditions, options.balance, options.temperature)
    try:
        model.require(*wanted.given())
    except ValueError as error:
        raise UsageError(str(error)) from error
    reader = model.sample(
        rows,
        options.seed,
        conditions=wanted.conditions,
        balance=wanted.balance,
        temperature=wanted.temperature,
    )
    _deliver(reader, options, result, f"{rows} rows")


def _deliver(
    reader: pa.RecordBatchReader, options: argparse.Namespace, result: IO[str], what: str
) -> None:
    """Write rows to the file of ``--out``, or to stdout."""
    if options.out is None:
        table_files.write_csv(reader, result.buffer)  # type: ignore[attr-defined]
        return
    table_files.write_file(reader, options.out)
    report(options, f"{what} written to {options.out}")


def _conditions(where: Sequence[str], model: Model) -> dict[str, Any]:
    """The engine's conditions of ``--where``.

    Args:
        where: each COLUMN=VALUE.
        model: has the columns. A value of a column of levels or text stays text: 01234 is not 1234.
    """
    from h2o_gan.engine.data.schema import TEXT_KINDS

    textual = {column.name for column in model.columns if column.kind in ("enum", *TEXT_KINDS)}
    conditions: dict[str, Any] = {}
    for text in where:
        name, _, value = text.partition("=")
        low, dots, high = value.partition("..")
        if name in textual:
            conditions[name] = value or None
        else:
            conditions[name] = (_value(low), _value(high)) if dots else _value(value)
    return conditions


def _value(text: str) -> int | float | str | None:
    """A number where the text is one, None where it is empty, else the text."""
    if not text:
        return None
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text
