"""The command that reports on synthetic rows: those of a model, or those of a file."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import h2o_gan
from h2o_gan import table_files
from h2o_gan.cli.checks import (
    LimitError,
    UsageError,
    check_files,
    check_output,
    check_seed,
    check_table,
    report,
)
from h2o_gan.cli.cluster import opened_cluster

if TYPE_CHECKING:
    from h2o.frame import H2OFrame

    from h2o_gan.engine.data.schema import Column

__all__ = ["report_on"]


def report_on(options: argparse.Namespace, result: IO[str]) -> None:
    """Write a report, and check it against limits.

    Args:
        options: of the command.
        result: takes the verdicts.

    Raises:
        UsageError: an argument does not fit.
        LimitError: a figure is beyond a limit.
    """
    if (options.model is None) == (options.synthetic is None):
        raise UsageError("give a model file, or --synthetic FILE with rows, and not both.")
    check_seed(options.seed)
    check_output(options.out, any_name=True)
    check_output(options.json, any_name=True)
    if options.json is not None and options.json.suffix.lower() != ".json":
        raise UsageError(f"--json {options.json}: name the file .json.")
    if options.out.suffix.lower() == ".json":
        raise UsageError(f"--out {options.out} is the page: name it .html; --json takes the data.")
    limits = {
        f"{kind}_{name}": value
        for kind, texts in (("max", options.max), ("min", options.min))
        for name, value in map(_limit, texts)
    }
    for file in (options.train, options.test, options.synthetic):
        if file is not None:
            check_table(file)
    columns = None
    if options.model is not None:
        check_files(options.model)
        gan = h2o_gan.load_model(options.model)
        columns = gan.engine_model.scored_columns
    settings = {
        "path": options.out,
        "y": options.response,
        "groups": options.groups,
        "automl_secs": options.automl_secs,
        "show_rows": not options.no_rows,
        "seed": 1 if options.seed is None else options.seed,
    }
    with opened_cluster(options), contextlib.ExitStack() as stack:
        frames = {
            name: None if file is None else stack.enter_context(_frame(file, columns))
            for name, file in (("train", options.train), ("test", options.test))
        }
        if options.model is not None:
            made = gan.report(frames["test"], frames["train"], **settings)
        else:
            synthetic = stack.enter_context(_frame(options.synthetic, None))
            made = h2o_gan.report(frames["train"], synthetic, frames["test"], **settings)
    if options.json is not None:
        made.save(options.json)
    report(options, f"report written to {options.out}")
    print(made, file=result)
    from h2o.exceptions import H2OValueError

    from h2o_gan.reporting.report import ReportNotOk

    try:
        if limits:
            made.assert_ok(**limits)
    except ReportNotOk as error:
        raise LimitError(str(error)) from error
    except H2OValueError as error:
        raise UsageError(str(error)) from error


def _limit(text: str) -> tuple[str, float]:
    name, equals, number = text.partition("=")
    with contextlib.suppress(ValueError):
        if equals:
            return name.strip().replace(".", "_"), float(number)
    raise UsageError(f"{text}: write NAME=NUMBER, as membership_auc=0.55.")


@contextlib.contextmanager
def _frame(file: Path, columns: Sequence[Column] | None) -> Iterator[H2OFrame]:
    """A file as a frame of the cluster, with a model's types; removed at the end of the context."""
    import h2o
    from h2o.exceptions import H2OError

    if columns is None:
        frame = table_files.upload(file)
    else:
        from h2o_gan.cluster.frames import write_frame

        try:
            frame = write_frame(table_files.open_rows(file, list(columns)))
        except ValueError as error:
            raise UsageError(str(error)) from error
    try:
        yield frame
    finally:
        with contextlib.suppress(H2OError):
            h2o.remove(frame)
