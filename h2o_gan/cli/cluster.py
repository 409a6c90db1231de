"""The commands around a cluster: synthesize, worker and extension."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import h2o_gan
from h2o_gan import table_files
from h2o_gan.cli.checks import (
    UsageError,
    check_conditions,
    check_output,
    check_rows,
    check_seed,
    check_table,
    report,
)
from h2o_gan.cli.files import write

if TYPE_CHECKING:
    from h2o.frame import H2OFrame

    from h2o_gan.engine.model import Model

__all__ = ["extension_jar", "opened_cluster", "serve", "synthesize"]

_MOST_RELATIONS = 50  # reported


def synthesize(options: argparse.Namespace, result: IO[str]) -> None:
    """Train on a file and write rows.

    Args:
        options: of the command.
        result: takes the rows if there is no file to write.

    Raises:
        UsageError: an argument does not fit.
        KeyboardInterrupt: training was interrupted.
    """
    check_rows(options.rows)
    check_seed(options.seed)
    check_output(options.out)
    check_output(options.save, any_name=True)
    check_conditions(options.where)
    check_table(options.file)
    from h2o.exceptions import H2OJobCancelled

    from h2o_gan.cluster import rest
    from h2o_gan.engine import TrainingStopped
    from h2o_gan.engine.data.schema import TEXT_KINDS

    gan = h2o_gan.H2OGANEstimator(
        epochs=options.epochs,
        ignored_columns=options.ignore,
        max_runtime_secs=options.max_runtime_secs or 0.0,
        relations=not options.no_relations,
        constraints=options.constraint,
        constraint_errors=options.constraint_errors,
        seed=-1 if options.seed is None else options.seed,
    )
    with opened_cluster(options), _uploaded(options.file) as frame:
        if frame.types.get(options.response) in TEXT_KINDS:
            raise UsageError(
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
            report(options, f"model saved to {options.save}")
        rest.remove(str(gan.model_id))  # The command keeps it as a file only.
        columns = {column.name for column in gan.engine_model.columns}
        dropped = [n for n in frame.names if n not in columns and n not in (options.ignore or ())]
    _report_relations(options, gan.engine_model)
    if dropped:
        print(
            f"h2o-gan: warning: left out columns of free text: {', '.join(dropped)}",
            file=sys.stderr,
        )
    write(gan.engine_model, rows, options, result)


def serve(options: argparse.Namespace, result: IO[str]) -> None:
    """Work for a cluster until a signal comes, or for one job.

    Args:
        options: of the command.
        result: nothing is written to it.

    Raises:
        UsageError: an argument does not fit.
        RuntimeError: the one job failed.
    """
    import h2o

    from h2o_gan.cluster.jobs.worker import Worker
    from h2o_gan.estimator.report import report_tables

    if options.max_rows is not None and options.max_rows < 1:
        raise UsageError(f"--max-rows must be at least 1, not {options.max_rows}.")
    try:
        options.keep.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=options.keep).close()
    except OSError as error:
        raise UsageError(f"--keep {options.keep} can't be written: {error}") from error
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
            report=report_tables,
        )
    except ValueError as error:
        raise UsageError(f"--device: {error}") from error

    def request_stop(number: int, frame: object) -> None:
        if stop.is_set():  # a second signal
            raise KeyboardInterrupt
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, request_stop)
    if not worker.serve():
        raise RuntimeError("the job failed; the log above says why")


def extension_jar(options: argparse.Namespace, result: IO[str]) -> None:
    """Print where the cluster extension is, and how to use it.

    Args:
        options: of the command.
        result: takes the text.

    Raises:
        UsageError: it was not built.
    """
    from h2o_gan import extension

    jar = extension.jar()
    if jar is None:
        raise UsageError(
            "this h2o_gan was installed without the cluster extension, which needs a JDK: install "
            "one of version 8 to 21, then run python -m h2o_gan.extension.build"
        )
    if options.path:
        print(jar, file=result)
        if not options.quiet:
            print(extension.instructions(jar), file=sys.stderr)
    else:
        print(extension.instructions(jar), file=result)


def _report_relations(options: argparse.Namespace, model: Model) -> None:
    """Report what was found between columns of the file, a line each."""
    found = [row for row in model.relations() if row["origin"] == "found"]
    for row in found[:_MOST_RELATIONS]:
        rows = "all rows" if row["share"] == 1 else f"{row['share']:.1%} of the rows"
        report(options, f"found in {rows}: {row['relation']}")
    if len(found) > _MOST_RELATIONS:
        report(options, f"found {len(found) - _MOST_RELATIONS} more relations, all of them kept")


def _login(options: argparse.Namespace) -> dict[str, Any]:
    from h2o_gan.cluster.address import normalised_url

    try:
        url = normalised_url(options.url)
    except ValueError as error:
        raise UsageError(f"--url {error}") from error
    if options.cacert is not None and not options.cacert.is_file():
        raise UsageError(f"--cacert: there is no file {options.cacert}.")
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
def opened_cluster(options: argparse.Namespace) -> Iterator[None]:
    """The cluster of ``--url``, or one that is started or joined on this machine.

    Args:
        options: of the command, with those of a login, ``memory`` and ``port``.

    Yields:
        Nothing; h2o is connected.

    Raises:
        UsageError: an argument does not fit.
        H2OConnectionError: there is no cluster.
    """
    import h2o

    if options.quiet:
        h2o.no_progress()
    if options.url is None:
        report(options, "starting, or joining, an H2O cluster on this machine")
        port = {} if options.port is None else {"port": options.port}
        h2o_gan.init(max_mem_size=options.memory, verbose=not options.quiet, **port)
    elif options.memory is not None or options.port is not None:
        raise UsageError(
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
