"""The arguments of the commands."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import IO

from h2o_gan.cli.checks import whole
from h2o_gan.cli.cluster import extension_jar, serve, synthesize
from h2o_gan.cli.files import anomalies, generate, impute, predict
from h2o_gan.cli.report import report_on
from h2o_gan.parameters.limits import CONSTRAINT_ERRORS, IMPUTATION_METHODS
from h2o_gan.version import __version__

__all__ = ["argument_parser"]

_Run = Callable[[argparse.Namespace, IO[str]], None]


def argument_parser() -> argparse.ArgumentParser:
    """The parser of ``h2o-gan``; ``run`` of what it parses is the function of the command."""
    made = argparse.ArgumentParser(prog="h2o-gan", description="Synthetic rows by a GAN.")
    made.add_argument("--version", action="version", version=__version__)
    commands = made.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: _Run, text: str) -> argparse.ArgumentParser:
        own = commands.add_parser(name, help=text)
        own.set_defaults(run=run)
        own.add_argument("--quiet", action="store_true", help="only warnings and errors on stderr")
        return own

    _synthesize(
        command("synthesize", synthesize, "train on a CSV or Parquet file and write synthetic rows")
    )
    _extension(
        command(
            "extension",
            extension_jar,
            "print where the cluster extension is, and how to start a cluster with it",
        )
    )
    _worker(
        command(
            "worker",
            serve,
            "train and generate for a cluster: for Flow, R, REST, grids and notebooks",
        )
    )
    _generate(command("generate", generate, "write rows from a saved model"))
    _impute(command("impute", impute, "fill the missing cells of a file"))
    _predict(command("predict", predict, "predict a column of a file from the others"))
    _anomalies(command("anomalies", anomalies, "score how odd the rows of a file are"))
    _report(command("report", report_on, "report how good and how private synthetic rows are"))
    return made


# ---- arguments that commands share


def _add_login(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--cacert", type=Path, metavar="FILE", help="file of certificates to trust"
    )
    command.add_argument(
        "--username", help="user name; the password is in H2O_PASSWORD, or is asked for"
    )
    command.add_argument(
        "--insecure", action="store_true", help="accept a cluster's self-signed certificate"
    )


def _add_cluster(command: argparse.ArgumentParser) -> None:
    """Add what names a cluster, or the one that is started."""
    command.add_argument("--url", help="H2O cluster to use (one is started on this machine)")
    command.add_argument(
        "--memory", metavar="SIZE", help="memory of a cluster that is started here, as 4G"
    )
    command.add_argument(
        "--port", type=whole, help="port of a cluster that is joined or started here (54321)"
    )
    _add_login(command)


def _add_model(command: argparse.ArgumentParser, table: bool = True) -> None:
    """Add the model and, for a command that reads one, the table."""
    command.add_argument("model", type=Path, help="model file of synthesize --save or of save()")
    if table:
        command.add_argument("file", type=Path, help="CSV or Parquet file with the model's columns")


def _add_out(command: argparse.ArgumentParser, seed: bool = True) -> None:
    """Add the file to write and, for a command that draws, the seed."""
    command.add_argument("--out", type=Path, help="CSV or Parquet file to write (CSV to stdout)")
    if seed:
        command.add_argument(
            "--seed", type=whole, help="random seed; the same one gives the same rows"
        )


def _add_draws(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--draws", type=whole, metavar="N",
        help="weighted draws behind an estimate; 0 for none (chosen from the model)",
    )  # fmt: skip


def _add_wishes(command: argparse.ArgumentParser) -> None:
    """Add what rows are generated under."""
    command.add_argument(
        "--where", metavar="COLUMN=VALUE", action="append", default=[],
        help="condition of every row: a level or number, or a range as 30..40; repeatable",
    )  # fmt: skip
    command.add_argument(
        "--balance", metavar="COLUMN", help="column whose levels occur in equal numbers"
    )
    command.add_argument(
        "--temperature", type=float, default=1.0, help="below 1 for more typical rows"
    )


# ---- the commands


def _synthesize(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", type=Path, help="CSV or Parquet file to train on")
    command.add_argument("--rows", type=whole, help="rows to write (as many as the file has)")
    command.add_argument(
        "--epochs", type=whole, help="passes over the rows (chosen from their number)"
    )
    command.add_argument(
        "--response", metavar="COLUMN", help="column that a model will be trained to predict"
    )
    command.add_argument(
        "--ignore", metavar="COLUMN", action="append", help="column to leave out; repeatable"
    )
    command.add_argument(
        "--constraint", metavar="RULE", action="append",
        help='rule that every row keeps, as "total = price * quantity"; repeatable',
    )  # fmt: skip
    command.add_argument(
        "--constraint-errors", choices=CONSTRAINT_ERRORS, default="raise",
        help="what to do if rows of the file break a rule: fail, or leave them out",
    )  # fmt: skip
    command.add_argument(
        "--no-relations", action="store_true",
        help="do not look for formulas and orders between columns",
    )  # fmt: skip
    command.add_argument(
        "--max-runtime-secs", type=float, metavar="SECONDS",
        help="end training after so many seconds and keep the model",
    )  # fmt: skip
    command.add_argument("--save", type=Path, metavar="MODEL", help="file to save the model to")
    _add_cluster(command)
    _add_out(command)
    _add_wishes(command)


def _extension(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--path",
        action="store_true",
        help="print only the jar's path on stdout, and how to use it on stderr",
    )


def _worker(command: argparse.ArgumentParser) -> None:
    command.add_argument("--url", required=True, help="the cluster, as http://host:54321")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    command.add_argument("--once", action="store_true", help="end after one job")
    command.add_argument(
        "--keep", type=Path, default=Path(), metavar="FOLDER",
        help="folder for models that are trained while the cluster is lost (the current one)",
    )  # fmt: skip
    command.add_argument(
        "--images", type=Path, metavar="FOLDER",
        help="folder that image files of jobs must be in (none: refuse such jobs)",
    )  # fmt: skip
    command.add_argument(
        "--max-rows", type=whole, metavar="N",
        help="leave jobs that generate more rows to other workers (no limit)",
    )  # fmt: skip
    _add_login(command)


def _generate(command: argparse.ArgumentParser) -> None:
    _add_model(command, table=False)
    command.add_argument("--rows", type=whole, required=True, help="rows to write")
    _add_out(command)
    _add_wishes(command)


def _impute(command: argparse.ArgumentParser) -> None:
    _add_model(command)
    command.add_argument(
        "--method", choices=IMPUTATION_METHODS, default="draw",
        help="draw values (default), or estimate them by the mean or the most probable value; "
        "levels by the most probable one in both",
    )  # fmt: skip
    _add_draws(command)
    _add_out(command)


def _predict(command: argparse.ArgumentParser) -> None:
    _add_model(command)
    command.add_argument("--column", required=True, help="the column to predict")
    _add_draws(command)
    _add_out(command)


def _anomalies(command: argparse.ArgumentParser) -> None:
    _add_model(command)
    command.add_argument(
        "--per-feature", action="store_true",
        help="write each column's share of the score, so that one sees why a row is odd",
    )  # fmt: skip
    command.add_argument(
        "--contamination", type=float, metavar="SHARE",
        help="mark rows that score higher than all but this share of the training rows",
    )  # fmt: skip
    _add_out(command, seed=False)


def _report(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "model", type=Path, nargs="?", help="model file whose rows are judged (or --synthetic)"
    )
    command.add_argument(
        "--synthetic", type=Path, metavar="FILE", help="rows of any origin, in place of a model"
    )
    command.add_argument(
        "--train", type=Path, metavar="FILE", required=True,
        help="CSV or Parquet file that the model was trained on",
    )  # fmt: skip
    command.add_argument(
        "--test", type=Path, metavar="FILE", help="real rows that it was not trained on"
    )
    command.add_argument(
        "--out", type=Path, metavar="FILE", required=True, help="page to write, as report.html"
    )
    command.add_argument("--json", type=Path, metavar="FILE", help="write its data as JSON too")
    command.add_argument("--response", metavar="COLUMN", help="column that models shall predict")
    command.add_argument(
        "--groups", metavar="COLUMN", help="column by whose levels everything is shown"
    )
    command.add_argument(
        "--automl-secs", type=float, default=0.0, metavar="SECONDS",
        help="seconds of AutoML on each of real and synthetic rows (0 for none)",
    )  # fmt: skip
    command.add_argument("--no-rows", action="store_true", help="show no real rows in the report")
    for kind, word in (("max", "above"), ("min", "below")):
        command.add_argument(
            f"--{kind}", metavar="NAME=NUMBER", action="append", default=[],
            help=f"end with status 3 if a figure is {word} this limit, as membership_auc=0.55; "
            "repeatable",
        )  # fmt: skip
    command.add_argument("--seed", type=whole, help="random seed of the report (1)")
    _add_cluster(command)
