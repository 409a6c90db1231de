"""What the commands share: messages, and checks of arguments before any long work begins."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from h2o_gan import table_files

__all__ = [
    "LimitError",
    "UsageError",
    "check_conditions",
    "check_files",
    "check_output",
    "check_rows",
    "check_seed",
    "check_table",
    "report",
    "whole",
]


class UsageError(Exception):
    """The command can't do what was asked for; the message says why and what to do."""


class LimitError(Exception):
    """The command did its work, and a result is beyond a limit; the message says which."""


def report(options: argparse.Namespace, text: str) -> None:
    """Tell on stderr what was done, unless ``--quiet`` is given.

    Args:
        options: of the command.
        text: a line.
    """
    if not options.quiet:
        print(f"h2o-gan: {text}", file=sys.stderr)


def whole(text: str) -> int:
    """A whole number in any notation, for example 1e6.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    with contextlib.suppress(ValueError):
        return int(text)
    with contextlib.suppress(ValueError):
        number = float(text)
        if number.is_integer():
            return int(number)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")


def check_files(*files: Path) -> None:
    """Check that files are there.

    Raises:
        UsageError: one is not.
    """
    for file in files:
        if not file.is_file():
            raise UsageError(f"there is no file {file}: check the path.")


def check_table(file: Path) -> None:
    """Check that a file is there and holds a table, by its name and its beginning.

    Raises:
        UsageError: it does not.
    """
    check_files(file)
    try:
        table_files.check_readable(file)
    except ValueError as error:
        raise UsageError(str(error)) from error


def check_conditions(where: Sequence[str]) -> None:
    """Check the form of ``--where``, before any long work begins.

    Raises:
        UsageError: one is not COLUMN=VALUE.
    """
    for text in where:
        if "=" not in text:
            raise UsageError(f"--where {text}: write COLUMN=VALUE.")


def check_rows(rows: int | None) -> None:
    """Check a number of rows.

    Raises:
        UsageError: it is below 1.
    """
    if rows is not None and rows < 1:
        raise UsageError(f"--rows must be at least 1, not {rows}.")


def check_seed(seed: int | None) -> None:
    """Check a seed.

    Raises:
        UsageError: it is negative.
    """
    if seed is not None and seed < 0:
        raise UsageError(f"--seed must be at least 0, not {seed}.")


def check_output(path: Path | None, any_name: bool = False) -> None:
    """Check that a file can be written, before any long work begins.

    Args:
        path: of the file; None for stdout.
        any_name: whether its name may be another than that of a table.

    Raises:
        UsageError: it can't be.
    """
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file.")
    if not any_name and (table_files.format_of(path) is None or path.name.lower().endswith(".gz")):
        raise UsageError(f"{path}: name the output .csv or .parquet.")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error}") from error
