"""The ``h2o-gan`` command: synthetic rows from a file, without a program.

Progress and messages go to stderr. stdout carries only the rows, and only where no output file is
given.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import getpass
import io
import logging
import os
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import h2o_gan
from h2o_gan import table_files
from h2o_gan.parameters.limits import CONSTRAINT_ERRORS

if TYPE_CHECKING:
    import pyarrow as pa
    from h2o.frame import H2OFrame

    from h2o_gan.engine.model import Model

__all__ = ["main"]

_MOST_RELATIONS = 50  # reported


class _UsageError(Exception):
    """The command can't do what was asked for; the message says why and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the arguments after the command's name; those of the process when None.

    Returns:
        The exit status: 0 done, 1 failed with a message, 2 wrong usage, 130 interrupted.
    """
    options = _parser().parse_args(arguments)
    result = sys.stdout
    # h2o prints to stdout, its banner and its progress bars too.
    log = io.StringIO() if options.quiet else sys.stderr
    warnings.showwarning = _show_warning
    warnings.filterwarnings("ignore", "Dropping text columns")  # synthesize reports them itself
    with contextlib.redirect_stdout(log):
        try:
            options.run(options, result)
        except KeyboardInterrupt:
            print("h2o-gan: interrupted", file=sys.stderr)
            return 130
        except BrokenPipeError:
            # The reader has left, as `head` does. Python's flush at exit must not fail.
            os.dup2(os.open(os.devnull, os.O_WRONLY), result.fileno())
            return 1
        except _UsageError as error:
            print(f"h2o-gan: error: {error}", file=sys.stderr)
            return 2
        except Exception as error:  # the user of a command needs a message, not a traceback
            if os.environ.get("H2O_GAN_TRACEBACK"):
                raise
            print(f"h2o-gan: error: {error}", file=sys.stderr)
            return 1
    return 0


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    # The line may hold a progress bar already.
    print(f"\nh2o-gan: warning: {message}", file=sys.stderr)


def _report(options: argparse.Namespace, text: str) -> None:
    if not options.quiet:
        print(f"h2o-gan: {text}", file=sys.stderr)


def _whole(text: str) -> int:
    """A whole number in any notation, for example 1e6."""
    from h2o_gan.cluster.training_data import whole_number

    with contextlib.suppress(ValueError):
        return int(text)
    with contextlib.suppress(ValueError, TypeError):
        return whole_number(float(text), "")
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")


def _extension(options: argparse.Namespace, result: IO[str]) -> None:
    from h2o_gan import extension

    jar = extension.jar()
    if jar is None:
        raise _UsageError(
            "this h2o_gan was installed without the cluster extension, which needs a JDK: install "
            "one of version 8 to 21, then run python -m h2o_gan.extension.build"
        )
    if options.path:
        print(jar, file=result)
        if not options.quiet:
            print(extension.instructions(jar), file=sys.stderr)
    else:
        print(extension.instructions(jar), file=result)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="h2o-gan", description="Synthetic rows by a GAN.")
    parser.add_argument("--version", action="version", version=h2o_gan.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    synthesize = commands.add_parser(
        "synthesize", help="train on a CSV or Parquet file and write synthetic rows"
    )
    synthesize.set_defaults(run=_synthesize)
    synthesize.add_argument("file", type=Path, help="CSV or Parquet file to train on")
    synthesize.add_argument("--rows", type=_whole, help="rows to write (as many as the file has)")
    synthesize.add_argument("--url", help="H2O cluster to use (one is started on this machine)")
    synthesize.add_argument(
        "--epochs", type=_whole, help="passes over the rows (chosen from their number)"
    )
    synthesize.add_argument(
        "--response", metavar="COLUMN", help="column that a model will be trained to predict"
    )
    synthesize.add_argument(
        "--ignore", metavar="COLUMN", action="append", help="column to leave out; repeatable"
    )
    synthesize.add_argument(
        "--constraint", metavar="RULE", action="append",
        help='rule that every row keeps, as "total = price * quantity"; repeatable',
    )  # fmt: skip
    synthesize.add_argument(
        "--constraint-errors", choices=CONSTRAINT_ERRORS, default="raise",
        help="what to do if rows of the file break a rule: fail, or leave them out",
    )  # fmt: skip
    synthesize.add_argument(
        "--no-relations", action="store_true",
        help="do not look for formulas and orders between columns",
    )  # fmt: skip
    synthesize.add_argument(
        "--max-runtime-secs", type=float, metavar="SECONDS",
        help="end training after so many seconds and keep the model",
    )  # fmt: skip
    synthesize.add_argument(
        "--memory", metavar="SIZE", help="memory of a cluster that is started here, as 4G"
    )
    synthesize.add_argument(
        "--port", type=_whole, help="port of a cluster that is joined or started here (54321)"
    )
    synthesize.add_argument("--save", type=Path, metavar="MODEL", help="file to save the model to")

    extension = commands.add_parser(
        "extension", help="print where the cluster extension is, and how to start a cluster with it"
    )
    extension.set_defaults(run=_extension)
    extension.add_argument(
        "--path",
        action="store_true",
        help="print only the jar's path on stdout, and how to use it on stderr",
    )

    worker = commands.add_parser(
        "worker", help="train and generate for a cluster: for Flow, R, REST, grids and notebooks"
    )
    worker.set_defaults(run=_serve)
    worker.add_argument("--url", required=True, help="the cluster, as http://host:54321")
    worker.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    worker.add_argument("--once", action="store_true", help="end after one job")
    worker.add_argument(
        "--keep", type=Path, default=Path(), metavar="FOLDER",
        help="folder for models that are trained while the cluster is lost (the current one)",
    )  # fmt: skip

    worker.add_argument(
        "--images", type=Path, metavar="FOLDER",
        help="folder that image files of jobs must be in (none: refuse such jobs)",
    )  # fmt: skip
    worker.add_argument(
        "--max-rows", type=_whole, metavar="N",
        help="leave jobs that generate more rows to other workers (no limit)",
    )  # fmt: skip

    generate = commands.add_parser("generate", help="write rows from a saved model")
    generate.set_defaults(run=_generate)
    generate.add_argument("model", type=Path, help="model file of synthesize --save or of save()")
    generate.add_argument("--rows", type=_whole, required=True, help="rows to write")

    impute = commands.add_parser("impute", help="fill the missing cells of a file")
    impute.set_defaults(run=_impute)
    impute.add_argument(
        "--method", choices=("draw", "mean", "mode"), default="draw",
        help="draw values (default), or estimate them by the mean or the most probable value; "
        "levels by the most probable one in both",
    )  # fmt: skip
    predict = commands.add_parser("predict", help="predict a column of a file from the others")
    predict.set_defaults(run=_predict)
    predict.add_argument("--column", required=True, help="the column to predict")
    for command in (impute, predict):
        command.add_argument(
            "model", type=Path, help="model file of synthesize --save or of save()"
        )
        command.add_argument("file", type=Path, help="CSV or Parquet file with the model's columns")
        command.add_argument(
            "--draws", type=_whole, metavar="N",
            help="weighted draws behind an estimate; 0 for none (chosen from the model)",
        )  # fmt: skip

    anomalies = commands.add_parser("anomalies", help="score how odd the rows of a file are")
    anomalies.set_defaults(run=_anomalies)
    anomalies.add_argument("model", type=Path, help="model file of synthesize --save or of save()")
    anomalies.add_argument("file", type=Path, help="CSV or Parquet file with the training columns")
    anomalies.add_argument(
        "--per-feature", action="store_true",
        help="write each column's share of the score, so that one sees why a row is odd",
    )  # fmt: skip
    anomalies.add_argument(
        "--contamination", type=float, metavar="SHARE",
        help="mark rows that score higher than all but this share of the training rows",
    )  # fmt: skip
    anomalies.add_argument("--out", type=Path, help="CSV or Parquet file to write (CSV to stdout)")

    for command in (synthesize, extension, worker, generate, impute, predict, anomalies):
        command.add_argument(
            "--quiet", action="store_true", help="only warnings and errors on stderr"
        )
    for command in (synthesize, worker):
        command.add_argument(
            "--cacert", type=Path, metavar="FILE", help="file of certificates to trust"
        )
        command.add_argument(
            "--username", help="user name; the password is in H2O_PASSWORD, or is asked for"
        )
        command.add_argument(
            "--insecure", action="store_true", help="accept a cluster's self-signed certificate"
        )
    for command in (synthesize, generate, impute, predict):
        command.add_argument(
            "--out", type=Path, help="CSV or Parquet file to write (CSV to stdout)"
        )
        command.add_argument(
            "--seed", type=_whole, help="random seed; the same one gives the same rows"
        )
    for command in (synthesize, generate):
        command.add_argument(
            "--where",
            metavar="COLUMN=VALUE",
            action="append",
            default=[],
            help="condition of every row: a level or number, or a range as 30..40; repeatable",
        )
        command.add_argument(
            "--balance", metavar="COLUMN", help="column whose levels occur in equal numbers"
        )
        command.add_argument(
            "--temperature", type=float, default=1.0, help="below 1 for more typical rows"
        )
    return parser


def _synthesize(options: argparse.Namespace, result: IO[str]) -> None:
    _check_rows(options.rows)
    _check_seed(options.seed)
    _check_output(options.out)
    _check_output(options.save, any_name=True)
    _check_conditions(options.where)
    if not options.file.is_file():
        raise _UsageError(f"there is no file {options.file}: check the path.")
    try:
        table_files.check_readable(options.file)
    except ValueError as error:
        raise _UsageError(str(error)) from error
    from h2o.exceptions import H2OJobCancelled

    from h2o_gan.cluster import rest
    from h2o_gan.cluster.training_data import TEXT
    from h2o_gan.engine import TrainingStopped

    gan = h2o_gan.H2OGANEstimator(
        epochs=options.epochs,
        ignored_columns=options.ignore,
        max_runtime_secs=options.max_runtime_secs or 0.0,
        relations=not options.no_relations,
        constraints=options.constraint,
        constraint_errors=options.constraint_errors,
        seed=-1 if options.seed is None else options.seed,
    )
    with _cluster(options), _uploaded(options.file) as frame:
        if frame.types.get(options.response) in TEXT:
            raise _UsageError(
                f"--response {options.response}: this column is free text: nearly all of its "
                "values differ, so no model predicts it. Leave --response out."
            )
        try:
            gan.train(y=options.response, training_frame=frame)
        except H2OJobCancelled as error:
            if isinstance(error.__cause__, TrainingStopped):  # not cancelled in the cluster
                raise KeyboardInterrupt from error
            raise
        rows = options.rows or frame.nrow
        if options.save is not None:
            gan.save(options.save, force=True)
            _report(options, f"model saved to {options.save}")
        rest.remove(str(gan.model_id))  # The command keeps it as a file only.
        columns = {column.name for column in gan.engine_model.columns}
        dropped = [n for n in frame.names if n not in columns and n not in (options.ignore or ())]
    _report_relations(options, gan.engine_model)
    if dropped:
        print(
            f"h2o-gan: warning: left out columns of free text: {', '.join(dropped)}",
            file=sys.stderr,
        )
    _write(gan.engine_model, rows, options, result)


def _report_relations(options: argparse.Namespace, model: Model) -> None:
    """Report what was found between columns of the file, a line each."""
    found = [row for row in model.relations() if row["origin"] == "found"]
    for row in found[:_MOST_RELATIONS]:
        rows = "all rows" if row["share"] == 1 else f"{row['share']:.1%} of the rows"
        _report(options, f"found in {rows}: {row['relation']}")
    if len(found) > _MOST_RELATIONS:
        _report(options, f"found {len(found) - _MOST_RELATIONS} more relations, all of them kept")


def _generate(options: argparse.Namespace, result: IO[str]) -> None:
    from h2o_gan import engine

    _check_rows(options.rows)
    _check_seed(options.seed)
    _check_output(options.out)
    _check_conditions(options.where)
    if not options.model.is_file():
        raise _UsageError(f"there is no file {options.model}: check the path.")
    _write(engine.load(options.model), options.rows, options, result)


def _impute(options: argparse.Namespace, result: IO[str]) -> None:
    model, table = _opened(options, lacking=False)
    rows = model.impute(table, options.seed, method=options.method, draws=options.draws)
    _deliver(rows, options, result, f"{table.num_rows} rows")


def _predict(options: argparse.Namespace, result: IO[str]) -> None:
    model, table = _opened(options, lacking=True)
    rows = model.predict_column(table, options.column, options.seed, draws=options.draws)
    _deliver(rows, options, result, f"{table.num_rows} rows")


def _opened(options: argparse.Namespace, lacking: bool) -> tuple[Model, pa.Table]:
    """The model, and its columns of the file, which may lack some or not."""
    from h2o_gan import engine

    _check_seed(options.seed)
    _check_output(options.out)
    for path in (options.model, options.file):
        if not path.is_file():
            raise _UsageError(f"there is no file {path}: check the path.")
    try:
        table_files.check_readable(options.file)
    except ValueError as error:
        raise _UsageError(str(error)) from error
    model = engine.load(options.model)
    try:
        table = table_files.read(options.file, model.columns, lacking=lacking)
    except ValueError as error:
        raise _UsageError(str(error)) from error
    if not table.num_columns:
        raise _UsageError(f"{options.file} has none of the model's columns.")
    return model, table


def _anomalies(options: argparse.Namespace, result: IO[str]) -> None:
    from h2o_gan import engine

    _check_output(options.out)
    if options.per_feature and options.contamination is not None:
        raise _UsageError("--per-feature writes no predictions: leave --contamination out.")
    for path in (options.model, options.file):
        if not path.is_file():
            raise _UsageError(f"there is no file {path}: check the path.")
    model = engine.load(options.model)
    try:
        table_files.check_readable(options.file)
        if options.per_feature:
            model.require("per_feature")
        if options.contamination is not None:
            parameters = model.parameters.replace(contamination=options.contamination)
            model = dataclasses.replace(model, parameters=parameters)
        rows = table_files.open_rows(options.file, list(model.scored_columns))
    except ValueError as error:
        raise _UsageError(str(error)) from error
    reader = model.anomaly_shares(rows) if options.per_feature else model.anomalies(rows)
    _deliver(reader, options, result, "scores")


def _serve(options: argparse.Namespace, result: IO[str]) -> None:
    import h2o

    from h2o_gan.cluster.jobs.worker import Worker

    if options.max_rows is not None and options.max_rows < 1:
        raise _UsageError(f"--max-rows must be at least 1, not {options.max_rows}.")
    try:
        options.keep.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=options.keep).close()
    except OSError as error:
        raise _UsageError(f"--keep {options.keep} can't be written: {error}") from error
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(message)s",
        stream=sys.stderr,
        level=logging.WARNING if options.quiet else logging.INFO,
    )
    logging.getLogger("h2o").setLevel(logging.WARNING)
    h2o.no_progress()
    settings = _login(options)
    stop = threading.Event()
    try:
        worker = Worker(
            # A worker's requests are the same in all versions of H2O.
            lambda: h2o.connect(**settings, strict_version_check=False),
            options.device,
            options.keep,
            options.images,
            options.once,
            stop,
            options.max_rows,
        )
    except ValueError as error:
        raise _UsageError(f"--device: {error}") from error

    def request_stop(number: int, frame: object) -> None:
        if stop.is_set():  # a second signal
            raise KeyboardInterrupt
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, request_stop)
    if not worker.serve():
        raise RuntimeError("the job failed; the log above says why")


def _login(options: argparse.Namespace) -> dict[str, Any]:
    from h2o_gan.cluster.address import normalised_url

    try:
        url = normalised_url(options.url)
    except ValueError as error:
        raise _UsageError(f"--url {error}") from error
    if options.cacert is not None and not options.cacert.is_file():
        raise _UsageError(f"--cacert: there is no file {options.cacert}.")
    auth = None
    if options.username is not None:
        auth = (options.username, os.environ.get("H2O_PASSWORD") or getpass.getpass())
    return {
        "url": url,
        "auth": auth,
        "cacert": None if options.cacert is None else str(options.cacert),
        "verify_ssl_certificates": not options.insecure,
        "verbose": False,
    }


@contextlib.contextmanager
def _cluster(options: argparse.Namespace) -> Iterator[None]:
    import h2o

    if options.quiet:
        h2o.no_progress()
    if options.url is None:
        _report(options, "starting, or joining, an H2O cluster on this machine")
        port = {} if options.port is None else {"port": options.port}
        h2o_gan.init(max_mem_size=options.memory, verbose=not options.quiet, **port)
    elif options.memory is not None or options.port is not None:
        raise _UsageError(
            "--memory and --port are for a cluster that is started here: leave --url out."
        )
    else:
        settings = _login(options)
        try:
            h2o.connect(**settings)
        except h2o.exceptions.H2OConnectionError as error:
            if "CERTIFICATE_VERIFY_FAILED" not in str(error):
                raise
            raise RuntimeError(
                f"the certificate of {settings['url']} is not trusted: give its authority's "
                "certificate with --cacert FILE, or accept any with --insecure."
            ) from error
    try:
        yield
    finally:
        h2o.connection().close()  # h2o would print on stdout at exit


@contextlib.contextmanager
def _uploaded(file: Path) -> Iterator[H2OFrame]:
    """The file as a frame of the cluster, removed at the end of the context."""
    import h2o
    from h2o.exceptions import H2OError

    frame = table_files.upload(file)
    try:
        yield frame
    finally:
        with contextlib.suppress(H2OError):  # the model is here also where the cluster is lost
            h2o.remove(frame)


def _write(model: Model, rows: int, options: argparse.Namespace, result: IO[str]) -> None:
    from h2o_gan.engine.options import SampleOptions

    conditions = _conditions(options.where, model) if options.where else None
    wanted = SampleOptions(conditions, options.balance, options.temperature)
    try:
        model.require(*wanted.given())
    except ValueError as error:
        raise _UsageError(str(error)) from error
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
    _report(options, f"{what} written to {options.out}")


def _check_conditions(where: Sequence[str]) -> None:
    """Check the form of ``--where``, before any long work begins.

    Raises:
        _UsageError: one is not COLUMN=VALUE.
    """
    for text in where:
        if "=" not in text:
            raise _UsageError(f"--where {text}: write COLUMN=VALUE.")


def _conditions(where: Sequence[str], model: Model) -> dict[str, Any]:
    """The engine's conditions of ``--where``.

    Args:
        where: each COLUMN=VALUE.
        model: has the columns. A value of a column of levels or text stays text: 01234 is not 1234.
    """
    from h2o_gan.cluster.training_data import TEXT

    textual = {column.name for column in model.columns if column.kind in ("enum", *TEXT)}
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


def _check_rows(rows: int | None) -> None:
    if rows is not None and rows < 1:
        raise _UsageError(f"--rows must be at least 1, not {rows}.")


def _check_seed(seed: int | None) -> None:
    if seed is not None and seed < 0:
        raise _UsageError(f"--seed must be at least 0, not {seed}.")


def _check_output(path: Path | None, any_name: bool = False) -> None:
    """Check that a file can be written, before any long work begins.

    Raises:
        _UsageError: it can't be.
    """
    if path is None:
        return
    if path.is_dir():
        raise _UsageError(f"{path} is a folder: name a file.")
    if not any_name and (table_files.format_of(path) is None or path.name.lower().endswith(".gz")):
        raise _UsageError(f"{path}: name the output .csv or .parquet.")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise _UsageError(f"{path} can't be written: {error}") from error
