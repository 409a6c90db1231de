"""Reports: of a model's samples, and of any synthetic frame."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h2o
from h2o.exceptions import H2OValueError
from h2o.frame import H2OFrame
from h2o.job import H2OJob
from h2o.two_dim_table import H2OTwoDimTable

from h2o_gan.cluster import rest
from h2o_gan.cluster.model_report import store_report
from h2o_gan.cluster.model_tables import ALGO
from h2o_gan.cluster.training_data import resolve_column, resolve_frame, whole_number
from h2o_gan.estimator.background import BackgroundJob
from h2o_gan.estimator.prediction import PredictionMethods
from h2o_gan.notices import warn

if TYPE_CHECKING:
    import pyarrow as pa

    from h2o_gan.engine.model import Model
    from h2o_gan.reporting.document import Document
    from h2o_gan.reporting.gathering import Source
    from h2o_gan.reporting.inputs import Options
    from h2o_gan.reporting.report import Report

__all__ = ["ReportMethods", "report", "report_tables"]

_SAMPLE_SEED = 1
_MOST_ROWS = 1_000_000


def report(
    real: H2OFrame | str,
    synthetic: H2OFrame | str,
    test: H2OFrame | str | None = None,
    *,
    y: str | int | None = None,
    groups: str | int | None = None,
    path: str | os.PathLike[str] | None = None,
    columns: Sequence[str] | None = None,
    automl_secs: float = 0,
    show_rows: bool = True,
    seed: int = 1,
) -> Report:
    """Report how good, how useful and how private synthetic rows are, whoever made them.

    Ctrl-C ends the report and keeps the parts that are done.

    Args:
        real: the frame that the synthetic rows were made from, or its key.
        synthetic: the frame that is judged, or its key, with the same columns.
        test: real rows of the same kind that the synthetic rows were not made from. Without them
            nothing can be said about membership attacks.
        y: name or index of the column that models shall predict; None for those that can be
            predicted best.
        groups: name or index of a column by which everything is shown.
        path: file to write the page to.
        columns: names of the columns to compare; None for all.
        automl_secs: seconds of AutoML on each of real and synthetic rows; 0 for none.
        show_rows: whether the report may show real rows, beside synthetic ones.
        seed: of everything random.

    Returns:
        The report.

    Raises:
        H2OValueError: the frames do not compare, or an argument does not fit.
        ImportError: the packages of ``pip install "h2o-gan[report]"`` are missing.
        H2OJobCancelled: Ctrl-C before all rows were read.
    """
    _check_packages()
    from h2o_gan.reporting.gathering import Source

    asked = _Asked(y, groups, automl_secs, show_rows, seed, path)
    training = resolve_frame(real, "real", "report")
    source = Source(
        training,
        resolve_frame(synthetic, "synthetic", "report"),
        None if test is None else resolve_frame(test, "test", "report"),
        columns=None
        if columns is None
        else [resolve_column(training, name, "columns") for name in columns],
        names=("real", "synthetic", "test"),
    )
    return _of_tables(source, {}, asked)


class ReportMethods(PredictionMethods):
    """The method of :class:`~h2o_gan.H2OGANEstimator` that reports on its samples."""

    def report(
        self,
        test_frame: H2OFrame | str | None = None,
        training_frame: H2OFrame | str | None = None,
        path: str | os.PathLike[str] | None = None,
        *,
        synthetic: H2OFrame | str | None = None,
        y: str | int | None = None,
        groups: str | int | None = None,
        automl_secs: float = 0,
        show_rows: bool = True,
        seed: int = 1,
    ) -> Report:
        """Report how good, how useful and how private the model's rows are.

        Every figure stands beside that of unseen real rows and that of independent columns. Ctrl-C
        ends the report and keeps the parts that are done.

        Args:
            test_frame: real rows that the model was not trained on, or their key. Without them, the
                rows that were held out from training serve, which chose the model's weights.
            training_frame: the frame that the model was trained on; by default it is looked up in
                the cluster.
            path: file to write the page to.
            synthetic: rows of the model; by default as many as the training frame has, at most
                1,000,000, are generated and removed at the end.
            y: name or index of the column that models shall predict; None for the model's response,
                or else those that can be predicted best.
            groups: name or index of a column by which everything is shown.
            automl_secs: seconds of AutoML on each of real and synthetic rows; 0 for none.
            show_rows: whether the report may show real rows, beside synthetic ones.
            seed: of everything random.

        Returns:
            The report: ``report.html``, ``report.json``, ``report.figures``, ``report.tables``,
            ``report.save(path)`` and ``report.assert_ok(...)``.

        Raises:
            H2OValueError: a frame is missing or does not fit, or an argument does not.
            ImportError: the packages of ``pip install "h2o-gan[report]"`` are missing.
            H2OJobCancelled: Ctrl-C before all rows were read.
        """
        _check_packages()
        model = self._model_with_root()
        training = self._training_frame(training_frame)
        test = None if test_frame is None else resolve_frame(test_frame, "test_frame", "report")
        for frame, name in ((training, "training_frame"), (test, "test_frame")):
            if frame is not None:
                self._compared_columns(frame, name)
        asked = _Asked(
            y if y is not None else model.parameters.response_column,
            groups,
            automl_secs,
            show_rows,
            seed,
            path,
        )
        if synthetic is not None:
            rows = resolve_frame(synthetic, "synthetic", "report")
            done = _of_model(model, training, rows, test, asked)
        else:
            made = self.generate(_rows_to_make(model, training), seed=_SAMPLE_SEED)
            try:
                done = _of_model(model, training, made, test, asked)
            finally:
                h2o.remove(made)
        if self._in_cluster and rest.extension() and rest.has_model(str(self._id)):
            try:
                store_report(str(self._id), done.tables)
            except H2OValueError as error:  # the report must not be lost
                warn(str(error))
        return done

    def _training_frame(self, given: H2OFrame | str | None) -> H2OFrame:
        """The training frame: the given one, or that of the training if it is still there."""
        if given is not None:
            return resolve_frame(given, "training_frame", "report")
        entry = self.parms.get("training_frame", {}).get("actual_value")
        key = entry["name"] if entry else None
        frame = None if key is None else h2o.get_frame(key)
        if frame is None:
            where = "is not known" if key is None else f"{key!r} is no longer in the cluster"
            raise H2OValueError(
                f"the model's training frame {where}: give it, as report(training_frame=frame)."
            )
        return resolve_frame(frame, "training_frame", "report")


def _check_packages() -> None:
    """Say what to install where the report's packages are missing."""
    import importlib.util

    missing = [name for name in ("jinja2", "sklearn") if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f'a report needs {" and ".join(missing)}: pip install "h2o-gan[report]"')


@dataclass(frozen=True)
class _Asked:
    """The arguments that all reports take."""

    y: str | int | None = None
    groups: str | int | None = None
    automl_secs: float = 0
    show_rows: bool = True
    seed: int = 1
    path: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if self.automl_secs < 0:
            raise H2OValueError(f"automl_secs must be at least 0, not {self.automl_secs}.")
        if self.path is not None:
            folder = os.path.dirname(os.path.abspath(self.path))
            if not os.path.isdir(folder):
                raise H2OValueError(f"path: there is no folder {folder!r}: make it first.")
            if os.path.isdir(self.path):
                raise H2OValueError(f"path: {str(self.path)!r} is a folder: give a file's name.")

    def options(self, training: H2OFrame) -> Options:
        """The arguments, resolved for a training frame."""
        from h2o_gan.reporting.inputs import Options

        return Options(
            None if self.y is None else resolve_column(training, self.y, "y"),
            None if self.groups is None else resolve_column(training, self.groups, "groups"),
            float(self.automl_secs),
            self.show_rows,
            whole_number(self.seed, "seed"),
        )


def report_tables(
    model: Model, training_frame: str, validation_frame: str | None
) -> dict[str, H2OTwoDimTable]:
    """The tables of a report on a model, for the cluster; made in silence.

    Args:
        model: the model.
        training_frame: key of the frame that it was trained on.
        validation_frame: key of rows that it was not trained on, or None.

    Returns:
        The tables by name.

    Raises:
        H2OValueError: a frame is gone, or does not fit.
        ImportError: the packages of ``pip install "h2o-gan[report]"`` are missing.
    """
    from h2o_gan.cluster.frames import write_frame

    _check_packages()
    training = resolve_frame(training_frame, "training_frame", "report")
    test = None
    if validation_frame is not None:
        test = resolve_frame(validation_frame, "validation_frame", "report")
    asked = _Asked(model.parameters.response_column)
    made = write_frame(model.sample(_rows_to_make(model, training), _SAMPLE_SEED))
    try:
        return _of_model(model, training, made, test, asked).tables
    finally:
        h2o.remove(made)


def _of_model(
    model: Model, training: H2OFrame, synthetic: H2OFrame, test: H2OFrame | None, asked: _Asked
) -> Report:
    """Report on rows of a model."""
    from h2o_gan.engine.training.split import held_out_rows
    from h2o_gan.reporting.gathering import Source

    held_out = held_out_rows(model.architecture, model.rows)
    # An earlier training of other rows may have learned what this one held out.
    is_first = model.parameters.checkpoint is None
    is_known = test is None and is_first and training.nrow == model.rows and len(held_out) > 0
    identity = {"Model": _identity(model)}
    if model.encoder.image_shape is not None:
        from h2o_gan.estimator.image_report import image_inputs
        from h2o_gan.reporting.making import make_of_images

        if asked.groups is not None:
            raise H2OValueError("groups: images are shown by their labels; leave groups out.")
        options = asked.options(training)

        def of_images(stop: threading.Event, progress: Callable[[float, str], None]) -> Document:
            def reading(share: float) -> None:
                progress(0.1 * share, "reading images")

            known = held_out if is_known else None
            inputs = image_inputs(model, training, synthetic, test, known, options, stop, reading)
            return make_of_images(inputs, identity, stop, progress)

        return _polled(of_images, asked)
    source = Source(
        training,
        synthetic,
        test,
        held_out=held_out if is_known else None,
        columns=[column.name for column in model.scored_columns],
        relations=lambda *tables: _relations(model, *tables),
        model_file=_disclosures(model),
    )
    return _of_tables(source, identity, asked)


def _rows_to_make(model: Model, training: H2OFrame) -> int:
    """How many rows are generated for a report."""
    from h2o_gan.estimator.image_report import SYNTHETIC_IMAGES

    most = _MOST_ROWS if model.encoder.image_shape is None else SYNTHETIC_IMAGES
    return min(int(training.nrow), most)


def _of_tables(source: Source, identity: Mapping[str, Mapping[str, Any]], asked: _Asked) -> Report:
    """Compare frames of tables."""
    from h2o_gan.reporting.making import make

    options = asked.options(source.training)
    return _polled(lambda stop, progress: make(source, options, identity, stop, progress), asked)


def _polled(
    work: Callable[[threading.Event, Callable[[float, str], None]], Document], asked: _Asked
) -> Report:
    """Make a report behind H2O's progress bar, and write its page."""
    from h2o_gan.reporting.report import Report

    steps: list[str] = []

    def run(job: BackgroundJob[Report]) -> Report:
        def progress(share: float, step: str) -> None:
            job.progress = share
            if not steps or steps[-1] != step:
                steps.append(step)

        return Report(work(job.stop, progress))

    shown = 0

    def show(job: BackgroundJob[Report], _: float) -> None:
        nonlocal shown
        while shown < len(steps):
            if H2OJob.__PROGRESS_BAR__:
                print(f"\n{steps[shown]}")
            shown += 1

    done = BackgroundJob(run, f"{ALGO} report").poll(show)
    if asked.path is not None:
        done.save(asked.path)
    return done


def _relations(model: Model, *tables: pa.Table) -> list[dict[str, Any]]:
    """The model's relations, with the shares of sample rows in which they hold."""
    from h2o_gan.engine.data.relations.shares import relation_shares

    relations = model.relations()
    training, *others = tables
    found = relation_shares([row["relation"] for row in relations], training, others)
    return [
        {
            "relation": row["relation"],
            "kind": row["kind"],
            "origin": row["origin"],
            **dict(zip(("training", "synthetic", "unseen"), shares, strict=True)),
        }
        for row, shares in zip(relations, found, strict=True)
    ]


def _identity(model: Model) -> dict[str, Any]:
    """What the model is, for the first page."""
    return {
        "model": model.parameters.model_id,
        "architecture": model.architecture,
        "training rows": f"{model.rows:,}",
        "columns": len(model.columns),
        "epochs": model.epoch,
        "steps": model.step,
        **_row_weights(model),
        "training seconds": round(model.seconds, 1),
        "ended by": model.stopped_by,
        "training seed": model.parameters.seed,
    }


def _row_weights(model: Model) -> dict[str, str]:
    """That row weights do not count, for models that were trained with them."""
    name = model.parameters.weights_column
    if name is None:
        return {}
    return {
        "row weights": f"trained with those of {name}; in this report every training row counts "
        "once, so that distributions differ by the weights, and rows of weight 0 count as trained "
        "on"
    }


def _disclosures(model: Model) -> dict[str, Any]:
    """What the model's file holds about rows."""
    from h2o_gan.engine.storage.disclosures import disclosures

    return disclosures(model)
