"""H2OGANEstimator: H2O's conventions outside, the engine inside."""

from __future__ import annotations

import dataclasses
import itertools
import os
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h2o
import numpy as np
from h2o.estimators.estimator_base import H2OEstimator
from h2o.exceptions import H2OJobCancelled, H2OTypeError, H2OValueError
from h2o.frame import H2OFrame

from h2o_gan.cluster import model_tables, rest
from h2o_gan.cluster.jobs.client import Queue
from h2o_gan.cluster.jobs.training import fetch_model, register
from h2o_gan.cluster.training_data import (
    check_kinds,
    column_of,
    frame_of,
    frame_of_images,
    whole_number,
)
from h2o_gan.cluster.training_request import TrainingRequest
from h2o_gan.estimator.background import Job
from h2o_gan.estimator.images import ImageMethods
from h2o_gan.estimator.unsupported import checked_call, refuse_the_rest, unknown_parameter
from h2o_gan.notices import warn
from h2o_gan.parameters import Parameters, documentation

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from h2o_gan.engine.events import Listener
    from h2o_gan.engine.model import Model

__all__ = ["GANEstimator", "H2OGANEstimator", "load_model"]

_FIELDS = {field.name: field for field in dataclasses.fields(Parameters)}
_counter = itertools.count(1)
_by_id: weakref.WeakValueDictionary[str, H2OGANEstimator] = weakref.WeakValueDictionary()

_MODEL_SUFFIX = ".zip"
_H2OS_MAGIC = b"\x1c\xed"
"""How the binary models of H2O's own functions begin."""


class H2OGANEstimator(ImageMethods, H2OEstimator):
    """Generative adversarial network over a frame of the cluster.

    Trains on mixed tables (numbers, enums, times, missing values) and on pixel frames, and
    generates new frames with the same columns, types and levels::

        gan = H2OGANEstimator(epochs=300, seed=1)
        gan.train(training_frame=frame)
        synthetic = gan.generate(1000)

    Training happens in this process. Where the cluster has h2o_gan's extension it is a job there
    too, to be watched and cancelled in Flow, and the model lives there as well as here: H2O's own
    functions save, load and remove it. Elsewhere it lives in this process until it is saved.

    """

    algo = model_tables.ALGO
    supervised_learning = False
    _options_ = {"verbose": True}  # noqa: RUF012  (H2O's own contract)

    def __init__(self, **parameters: Any) -> None:
        super().__init__()
        _known(parameters)
        defaults = {name: field.default for name, field in _FIELDS.items()}
        self._parms = {**defaults, **parameters}
        Parameters(**self._parms)
        self._id = self._parms["model_id"]
        self._engine_model: Model | None = None
        self._in_cluster = False
        self._job: Job[Model] | None = None
        self._latest_row: dict[str, float | None] | None = None
        self._messages: list[str] = []

    # ---- parameters, as scikit-learn and H2O have them

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters as given to the constructor."""
        return dict(self._parms)

    def set_params(self, **parms: Any) -> H2OGANEstimator:
        """Change some parameters; they are checked at once, all or none is taken.

        Raises:
            TypeError, ValueError: an unknown name or an unfit value.
        """
        _known(parms)
        changed = {**self._parms, **parms}
        Parameters(**changed)
        self._parms = changed
        if self._engine_model is None:
            self._id = changed["model_id"]
        return self

    @property
    def model_id(self) -> str | None:
        """Name of the model."""
        return self._id  # type: ignore[no-any-return]

    @model_id.setter
    def model_id(self, newid: str) -> None:
        self.set_params(model_id=newid)
        if self._engine_model is not None:
            model = self._engine_model
            if self._in_cluster:
                h2o.rapids(f"(rename {rest.quote(str(self._id))} {rest.quote(newid)})")
            renamed = model.parameters.replace(model_id=newid)
            self._engine_model = dataclasses.replace(model, parameters=renamed)
            self._id, _by_id[newid] = newid, self

    # ---- training

    def train(
        self,
        x: Sequence[str | int] | str | int | H2OFrame | npt.NDArray[Any] | None = None,
        y: str | int | npt.ArrayLike | None = None,
        training_frame: H2OFrame | str | npt.NDArray[Any] | None = None,
        offset_column: str | int | None = None,
        fold_column: str | int | None = None,
        weights_column: str | int | None = None,
        validation_frame: H2OFrame | str | None = None,
        max_runtime_secs: float | None = None,
        ignored_columns: Sequence[str | int] | None = None,
        model_id: str | None = None,
        verbose: bool = False,
    ) -> H2OGANEstimator:
        """Train the model.

        Ctrl-C, ``max_runtime_secs`` and early stopping end training and keep what was learned.

        Args:
            x: names or indices of the columns to learn; all when absent. A frame or an array here
                is the training frame.
            y: name or index of the response: a column to learn that counts more than others. For
                images it is the label: an enum, or whole numbers.
            training_frame: the frame, or its key. Or images as an array, (n, height, width) or
                (n, height, width, 3), with `y` None or their labels, (n,): they are put into the
                cluster as a frame of columns pixel0, pixel1, ... and label, which stays there.
            offset_column: not supported by this algorithm.
            fold_column: not supported by this algorithm.
            weights_column: name or index of the column with row weights.
            validation_frame: rows that are scored but not learned, with the same columns.
            max_runtime_secs: seconds after which training ends; 0 for no limit.
            ignored_columns: names or indices of columns to leave out; not together with `x`.
            model_id: name of the model.
            verbose: print the scoring history while training.

        Raises:
            H2OValueError, ValueError, TypeError: the input does not fit; raised before training.
            h2o_gan.engine.TrainingDiverged: nothing could be learned.
            H2OJobCancelled: Ctrl-C or a cancelled job before the first step; there is no model.
        """
        self._launch(
            x,
            y,
            training_frame,
            validation_frame,
            {"offset_column": offset_column, "fold_column": fold_column},
            weights_column=weights_column,
            max_runtime_secs=max_runtime_secs,
            ignored_columns=ignored_columns,
            model_id=model_id,
        )
        self._finish(verbose)
        return self

    def start(
        self,
        x: Sequence[str | int] | str | int | H2OFrame | npt.NDArray[Any] | None = None,
        y: str | int | npt.ArrayLike | None = None,
        training_frame: H2OFrame | str | npt.NDArray[Any] | None = None,
        offset_column: str | int | None = None,
        fold_column: str | int | None = None,
        weights_column: str | int | None = None,
        validation_frame: H2OFrame | str | None = None,
        **params: Any,
    ) -> None:
        """Train without waiting; :meth:`join` waits. Takes what :meth:`train` takes."""
        params.pop("verbose", None)
        self._launch(
            x,
            y,
            training_frame,
            validation_frame,
            {"offset_column": offset_column, "fold_column": fold_column},
            weights_column=weights_column,
            **params,
        )
        self._future = True

    def join(self) -> None:
        """Wait for the training that :meth:`start` began."""
        if self._job is None:
            raise H2OValueError("there is no training to wait for: call start() first.")
        self._finish(verbose=False)

    def _launch(
        self,
        x: Any,
        y: Any,
        training_frame: H2OFrame | str | None,
        validation_frame: H2OFrame | str | None,
        unsupported: Mapping[str, Any],
        **overrides: Any,
    ) -> None:
        if self._job is not None and self._job.status == "RUNNING":
            raise H2OValueError("this estimator is training already: call join() first.")
        for name, value in unsupported.items():
            if value is not None:
                raise H2OValueError(f"{name} has no meaning for a GAN: leave it out.")
        _known(overrides)
        if isinstance(x, H2OFrame | np.ndarray):
            if training_frame is not None:
                raise H2OValueError("x is a frame and training_frame is given too: give one.")
            x, training_frame = None, x
        if isinstance(training_frame, np.ndarray):
            self._launch_on_images(training_frame, y, validation_frame, unsupported, overrides)
            return
        values = {**self._parms, **{k: v for k, v in overrides.items() if v is not None}}
        values["model_id"] = values["model_id"] or _new_id()
        request = TrainingRequest.resolve(
            values, training_frame, validation_frame, x=x, y=y, find_checkpoint=_find_checkpoint
        )
        frames = {
            "training_frame": request.training_frame.frame_id,
            "validation_frame": request.validation_frame and request.validation_frame.frame_id,
        }
        given = {**{k: v for k, v in self._parms.items() if v is not None}, **overrides}

        from h2o_gan import engine

        rows = request.open()
        try:
            shared = register(request) if rest.extension() else None
        except BaseException:
            rows.close()
            raise

        def work(job: Job[Model]) -> Model:
            def listen(event: engine.Event) -> None:
                if isinstance(event, engine.Progress):
                    job.progress = event.share
                    return
                if isinstance(event, engine.Message):
                    self._messages.append(event.text)
                    return
                self._latest_row = event.row
                if request.export_dir is not None:
                    name = f"{values['model_id']}.epoch_{event.row['epoch']:05d}{_MODEL_SUFFIX}"
                    path = request.export_dir / name
                    try:
                        engine.save(event.snapshot(), path)
                    except OSError as error:  # a full disk must not end hours of training
                        warn(f"checkpoint {path} was not written: {error}")

            def train(listen: Listener, begun: Model | None) -> Model:
                return rows.fit(listen, job.stop, begun)

            with closing(rows):
                if shared is None:
                    return train(listen, request.checkpoint)
                shared.leave_when(job.leaving)
                return shared.run(train, listen, job.stop, request.checkpoint)

        self._latest_row, self._messages = None, []
        self._pending = (given, frames)
        self._shared = shared
        self._start_time = int(time.time() * 1000)
        self._job = Job(work, f"{self.algo} Model Build")

    def _launch_on_images(
        self,
        images: npt.NDArray[Any],
        labels: Any,
        validation_frame: H2OFrame | str | None,
        unsupported: Mapping[str, Any],
        overrides: Mapping[str, Any],
    ) -> None:
        """Put images into the cluster and train on that frame, which stays there."""
        given = {**self._parms, **{k: v for k, v in overrides.items() if v is not None}}
        Parameters(**given)
        shape = tuple(images.shape[1:])
        asked = given["image_shape"]
        if asked is not None and tuple(asked) + (1,) * (len(shape) - len(asked)) != shape:
            raise H2OValueError(
                f"image_shape={tuple(asked)!r}, but the images are {shape}: leave image_shape out."
            )
        frame, label = frame_of_images(images, labels)
        try:
            wanted = {**overrides, "image_shape": shape}
            self._launch(None, label, frame, validation_frame, unsupported, **wanted)
        except BaseException:
            h2o.remove(frame)
            raise

    def _finish(self, verbose: bool) -> None:
        from h2o_gan import engine

        job, (given, frames) = self._job, self._pending
        assert job is not None
        printed: list[dict[str, float | None] | None] = [None]

        def show(job: Job[Model], shown: float) -> None:
            while self._messages:
                print(f"\n{self._messages.pop(0)}")
            if verbose and self._latest_row is not printed[0]:
                printed[0] = self._latest_row
                print(
                    "\n"
                    + ", ".join(
                        f"{k}={v:.6g}" for k, v in (printed[0] or {}).items() if v is not None
                    )
                )

        try:
            model = job.poll(show)
        except engine.TrainingStopped as error:
            raise H2OJobCancelled(str(error)) from error
        except KeyboardInterrupt:
            made = self._shared.made if self._shared is not None else None
            if made is None:
                raise
            # A second Ctrl-C, while the cluster was to get the model: it is not lost to that.
            warn(
                f"interrupted before model {made.parameters.model_id!r} was in the cluster: it "
                "lives in this process: save(path) keeps it."
            )
            model = made
        finally:
            self._future, self._job = False, None
        self._end_time = int(time.time() * 1000)
        self._run_time = self._end_time - self._start_time
        self._adopt(model, given, frames)
        if self._shared is not None:
            self._in_cluster = self._shared.lost is None
            self._shared.warn_if_lost(model)
        if model.stopped_by == "interrupted":
            warn(
                f"training was interrupted in epoch {model.epoch + 1}, after {model.step} steps; "
                "the model keeps what it learned so far."
            )

    def _adopt(
        self, model: Model, given: Mapping[str, Any], frames: Mapping[str, str | None]
    ) -> None:
        """Take `model` as this estimator's own, in H2O's own terms too."""
        self._engine_model = model
        self._in_cluster = False
        self._id = model.parameters.model_id
        parameters = model_tables.parameters_json(given, model.parameters, frames)
        self._model_json = model_tables.model_json(model, parameters)
        self.parms = {entry["name"]: entry for entry in parameters}
        self._estimator_type = "unsupervised"
        self._have_pojo = self._have_mojo = False
        _by_id[str(self._id)] = self

    @property
    def _model_of(self) -> Model:
        if self._engine_model is None:
            raise H2OValueError("there is no model yet: call train() first.")
        return self._engine_model

    def _resolve_model(self, model_id: str, model_json: Mapping[str, Any]) -> None:
        """What H2O's own functions, such as h2o.get_model, make of a model of the cluster."""
        if not rest.extension():
            raise H2OValueError(
                "this H2OGANEstimator can't read the cluster's models: its version is not that of "
                "the cluster's extension."
            )
        model = fetch_model(Queue(rest.connection(), "reader"), model_id)
        self._parms = {name: getattr(model.parameters, name) for name in _FIELDS}
        actual = {entry["name"]: entry["actual_value"] for entry in model_json["parameters"]}
        frames = {}
        for name in ("training_frame", "validation_frame"):
            frames[name] = actual[name]["name"] if actual.get(name) else None
        self._adopt(model, self._parms, frames)
        self._in_cluster = True

    # ---- using the model

    def generate(
        self,
        n: int | None = None,
        seed: int | None = None,
        destination_frame: str | None = None,
        *,
        conditions: Mapping[str, Any] | H2OFrame | None = None,
        balance: str | None = None,
        temperature: float = 1.0,
    ) -> H2OFrame:
        """New rows, as a new frame of the cluster.

        The frame has the training columns in order, with their types and levels, so
        ``train.rbind(gan.generate(1000))`` works. Rows stream through in bounded memory.

        Args:
            n: number of rows, at least 1; may be left out where `conditions` is a frame.
            seed: 0 or more; the same seed gives the same rows. None for new ones each time.
            destination_frame: key of the new frame; made up when absent.
            conditions: what every row has to meet, for instance
                ``{"income": ">50K", "age": (30, 40)}``: by column a level, a number or a time, a
                list of them, a pair (low, high) with both included, or None for missing. Or a
                frame with some of the columns: one row is made for each of its rows, whose cells
                are kept as they are.
            balance: a categorical column whose levels shall come in equal numbers.
            temperature: less than 1 for more typical rows, more for more varied ones.

        Raises:
            H2OValueError, ValueError, TypeError: an argument is unfit, no row can meet the
                conditions, or the key is taken. No frame is left behind.
            H2OConnectionError: there is no cluster; the model itself is not lost.
            H2OJobCancelled: Ctrl-C; no frame is left behind.
        """
        given: Mapping[str, Any] | pa.Table | None = None
        if isinstance(conditions, H2OFrame):
            with _told_by_h2o():
                self._model_of.require("conditions by row")
            names = [column.name for column in self._model_of.columns]
            table = given = self._given(conditions, names, "conditions")
            if n not in (None, table.num_rows):
                raise H2OValueError(
                    f"n={n}, but conditions has {table.num_rows} rows: leave n out."
                )
            n = table.num_rows
        elif conditions is None or isinstance(conditions, Mapping):
            given = conditions
        else:
            raise H2OTypeError(
                message="conditions must be a dict from columns to what their values have to "
                'meet, for instance {"colour": ["red", "blue"], "age": (30, 40)}, or an '
                f"H2OFrame, not {type(conditions).__name__}."
            )
        if n is None:
            raise H2OValueError("n is missing: say how many rows to generate.")
        n = whole_number(n, "n")
        with _told_by_h2o():
            rows = self._model_of.sample(
                n,
                None if seed is None else whole_number(seed, "seed"),
                conditions=given,
                balance=balance,
                temperature=temperature,
            )
        return self._written(rows, n, destination_frame)

    def impute(
        self, frame: H2OFrame, seed: int | None = None, destination_frame: str | None = None
    ) -> H2OFrame:
        """The rows of a frame with missing values filled, as a new frame.

        Missing cells are drawn from the model, each given all that is known of its row; observed
        cells are kept untouched.

        Args:
            frame: a frame with the training columns, in any order.
            seed: 0 or more; the same seed gives the same values. None for new ones each time.
            destination_frame: key of the new frame; made up when absent.

        Raises:
            H2OValueError, ValueError, TypeError: a column is missing or of another type.
        """
        model = self._model_of
        with _told_by_h2o():
            model.require("imputation")
        names = [column.name for column in model.columns]
        frame = frame_of(frame, "frame", "impute")
        seed = None if seed is None else whole_number(seed, "seed")
        for name in names:
            column_of(frame, name, "frame")
        table = self._given(frame, names, "frame")
        rows = model.impute(table, seed)
        return self._written(rows, table.num_rows, destination_frame)

    def _given(self, frame: H2OFrame, names: Sequence[str], parameter: str) -> pa.Table:
        """The columns of `frame` that the model has, checked and read."""
        from h2o_gan.cluster.frames import read_frame

        model = self._model_of
        frame_of(frame, parameter, "generate")
        unknown = [name for name in frame.names if name not in names]
        if unknown:
            raise H2OValueError(
                f"{parameter}: the model has no column {unknown[0]!r}; it has "
                f"{', '.join(map(repr, names[:10]))}{', ...' if len(names) > 10 else ''}."
            )
        own = [column for column in model.columns if column.name in frame.names]
        check_kinds(frame, own)
        return read_frame(frame, [column.name for column in own]).read_all()

    def _written(self, rows: pa.RecordBatchReader, n: int, destination: str | None) -> H2OFrame:
        """Rows as a new frame, behind a progress bar; none is left behind by a Ctrl-C."""
        from h2o_gan.cluster.capacity import checked_to_fit
        from h2o_gan.cluster.frames import write_frame

        def work(job: Job[H2OFrame]) -> H2OFrame:
            return write_frame(_watched(checked_to_fit(rows, n), n, job), destination)

        job = Job(work, f"{self.algo} generation")
        frame = job.poll()
        if job.stop.is_set():  # Ctrl-C came when all rows had left for the cluster
            h2o.remove(frame)
            raise H2OJobCancelled("generation was cancelled; no frame was made.")
        return frame

    def predict(self, test_data: H2OFrame | npt.ArrayLike) -> H2OFrame | npt.NDArray[Any]:
        """Latent vectors to samples, or rows to the critic's opinion of them.

        Args:
            test_data: an array of latent vectors, (n, latent_size), or one as (latent_size,) or
                (latent_size, 1); or a frame with the training columns.

        Returns:
            For an array: the samples, (n, columns), in the data's own scale; float64 where all
            columns are numbers, else objects. For a frame: a frame with columns ``realism``, the
            share of real training rows that the model finds less real (0 to 1), and a score: for
            architecture columns ``log_density``, the log density of the row by generator and
            discriminator; else ``discriminator_score``, the discriminator's raw output, to which
            architecture convolutional adds how well the image is reconstructed. Both serve as
            anomaly scores, low for anomalies.

        Raises:
            H2OValueError, ValueError: a shape, a value or a column that does not fit.
        """
        model = self._model_of
        if not isinstance(test_data, H2OFrame):
            if test_data is None or isinstance(test_data, str) or hasattr(test_data, "columns"):
                raise H2OTypeError(
                    message="test_data must be an H2OFrame or an array of latent vectors, not "
                    f"{type(test_data).__name__}: h2o.H2OFrame(data) makes a frame."
                )
            if model.kind == "table":
                raise H2OValueError(
                    "this model has no latent vectors: generate(n) draws rows. Train with "
                    "architecture='mlp' for a generator that turns latent vectors into rows."
                )
            if getattr(model.encoder, "labels", None) is not None:
                raise H2OValueError(
                    "this model has labels, and latent vectors alone don't say which: "
                    "generate_images(latents=..., conditions={...}) takes both."
                )
            return model.map_latents(test_data)  # type: ignore[attr-defined]

        from h2o_gan.cluster.frames import open_frame, write_frame

        model = self._model_with_root()
        columns = list(model.scored_columns)
        names = [column.name for column in columns]
        path = model.parameters.image_column
        if path is not None and path in test_data.names:
            columns = [c for c in columns if c.name == model.parameters.response_column]
            names = [path, *(column.name for column in columns)]
        for name in names:
            if name not in test_data.names:
                raise H2OValueError(
                    f"the frame has no column {name!r}, which the model was trained on."
                )
        check_kinds(test_data, columns)
        with closing(open_frame(test_data, names)) as source:
            return write_frame(model.realism(source.reader))

    def _model_with_root(self) -> Model:
        """The model, with the folder of image files that holds on this machine."""
        model = self._model_of
        root = self._parms["image_root"]
        if root is None or model.parameters.image_column is None:
            return model
        return dataclasses.replace(model, parameters=model.parameters.replace(image_root=root))

    def save(
        self, path: str | os.PathLike[str], force: bool = False, *, for_training: bool = True
    ) -> str:
        """Write the model to a file, for :func:`h2o_gan.load_model`.

        Args:
            path: the file, or a folder, which then receives ``<model_id>.zip``.
            force: whether to overwrite a file.
            for_training: whether the file can be a ``checkpoint``; without, it is about a third as
                large, and gives the same rows.

        Returns:
            The file's absolute path.

        Raises:
            H2OValueError: the file exists, or can't be written there.
        """
        from h2o_gan import engine

        model, target = self._model_of, Path(path).expanduser()
        if target.is_dir():
            target /= f"{self.model_id}{_MODEL_SUFFIX}"
        if target.exists() and not force:
            raise H2OValueError(f"{target} exists: give another path, or force=True.")
        try:
            engine.save(model, target, for_training=for_training)
        except OSError as error:
            raise H2OValueError(f"the model can't be written to {target}: {error}") from error
        return str(target.absolute())

    def plot(
        self,
        timestep: str = "AUTO",
        metric: str = "AUTO",
        server: bool = False,
        save_plot_path: str | None = None,
    ) -> Any:
        """Plot the scoring history.

        Args:
            timestep: the x axis: "epoch" (AUTO), "step" or "seconds".
            metric: a column of :meth:`scoring_history`; AUTO for both losses, and below them the
                sliced Wasserstein distance of samples from the data.
            server: draw without a display.
            save_plot_path: file to write the plot to.

        Raises:
            H2OValueError: an unknown timestep or metric.
        """
        return model_tables.plot_history(self._model_of, timestep, metric, server, save_plot_path)

    def scoring_history(self, as_data_frame: bool = True) -> Any:
        """One row per scoring: epoch, step, seconds, losses, sliced Wasserstein distance.

        Args:
            as_data_frame: a pandas data frame, or else an H2OTwoDimTable.
        """
        if not self._model_of.history:
            raise H2OValueError(
                "the model has no scoring history: it stopped before the first one."
            )
        table = self._model_json["output"]["scoring_history"]
        return table.as_data_frame() if as_data_frame else table

    def column_summary(self, as_data_frame: bool = True) -> Any:
        """What each column was taken for; ``column_types`` overrules it.

        Args:
            as_data_frame: a pandas data frame, or else an H2OTwoDimTable.
        """
        self._model_of  # noqa: B018  (says what to do where there is none)
        table = self._model_json["output"]["column_summary"]
        return table.as_data_frame() if as_data_frame else table

    def show_summary(self) -> None:
        """Print the model's summary, and what each column was taken for."""
        self._model_of  # noqa: B018
        for table in ("model_summary", "column_summary"):
            print(self._model_json["output"][table])

    def detach(self) -> None:
        """Forget the model's name, as H2O's own estimators do."""
        self._id = None

    def _str_usage(self, verbosity: str | None = None, fmt: str | None = None) -> str:
        return ""  # H2O's own tips name methods that a GAN does not have


def load_model(path: str | os.PathLike[str]) -> H2OGANEstimator:
    """The estimator that :meth:`H2OGANEstimator.save` wrote to `path`.

    Nothing in the file is executed. No cluster is needed until frames are asked for.

    Raises:
        h2o_gan.engine.ModelFileError: the file is damaged, foreign, hostile or of a newer version.
        OSError: the file can't be read.
    """
    from h2o_gan import engine

    with suppress(OSError), open(path, "rb") as file:
        if Path(path).is_file() and file.read(2) == _H2OS_MAGIC:
            raise engine.ModelFileError(
                f"{os.fspath(path)} is a model that h2o.save_model or download_model wrote: "
                f"h2o.load_model({os.fspath(path)!r}) loads it, h2o.upload_model where the cluster "
                "is on another machine."
            )
    return _estimator_of(engine.load(path))


def _estimator_of(model: Model) -> H2OGANEstimator:
    """The estimator of a model of the engine."""
    given = {name: getattr(model.parameters, name) for name in _FIELDS}
    estimator = H2OGANEstimator(**given)
    estimator._adopt(model, given, {})
    return estimator


GANEstimator = H2OGANEstimator


def _known(parameters: Mapping[str, Any]) -> None:
    for name in parameters:
        if name not in _FIELDS:
            raise H2OTypeError(message=unknown_parameter(name, "H2OGANEstimator", tuple(_FIELDS)))


@contextmanager
def _told_by_h2o() -> Iterator[None]:
    """What the engine refuses, as H2O tells of unfit values: in a sentence, without a traceback."""
    try:
        yield
    except ValueError as error:
        raise H2OValueError(str(error)) from error


def _new_id() -> str:
    return f"GAN_model_python_{int(time.time() * 1000)}_{next(_counter)}"


def _find_checkpoint(checkpoint: Any) -> Model:
    """The engine's model behind a ``checkpoint`` parameter."""
    if isinstance(checkpoint, H2OGANEstimator):
        return checkpoint._model_of
    if isinstance(checkpoint, str) and checkpoint in _by_id:
        return _by_id[checkpoint]._model_of
    if isinstance(checkpoint, str | os.PathLike) and Path(checkpoint).is_file():
        from h2o_gan import engine

        return engine.load(checkpoint)
    if isinstance(checkpoint, str) and rest.extension():
        with suppress(H2OValueError):
            return fetch_model(Queue(rest.connection(), "reader"), checkpoint)
    raise H2OValueError(
        f"checkpoint={checkpoint!r} is neither a trained H2OGANEstimator, nor the model_id of one "
        "in this session or in the cluster, nor a file."
    )


def _watched(rows: pa.RecordBatchReader, total: int, job: Job[Any]) -> pa.RecordBatchReader:
    """The same rows, telling `job` how many have passed and ending when it is cancelled."""
    import pyarrow as pa

    def batches() -> Iterator[pa.RecordBatch]:
        passed = 0
        for batch in rows:
            if job.stop.is_set():
                raise H2OJobCancelled("generation was cancelled; no frame was made.")
            yield batch
            passed += batch.num_rows
            job.progress = 0.6 * passed / total  # the cluster's part follows

    return pa.RecordBatchReader.from_batches(rows.schema, batches())


def _complete(cls: type[H2OGANEstimator]) -> None:
    """Give the class its parameters' properties and its refusals."""
    for field in _FIELDS.values():
        if field.name not in vars(cls):
            setattr(cls, field.name, _property(field))
    refuse_the_rest(cls)
    cls.train = checked_call(cls.train, tuple(_FIELDS))  # type: ignore[method-assign]
    cls.__doc__ = f"{cls.__doc__}\n\n{documentation()}"


def _property(field: dataclasses.Field[Any]) -> property:
    def get(self: H2OGANEstimator) -> Any:
        return self._parms[field.name]

    def put(self: H2OGANEstimator, value: Any) -> None:
        self.set_params(**{field.name: value})

    return property(get, put, doc=f"{field.metadata['help']} Defaults to ``{field.default!r}``.")


_complete(H2OGANEstimator)
