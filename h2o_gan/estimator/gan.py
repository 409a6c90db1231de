"""H2OGANEstimator: H2O's conventions around the engine."""

from __future__ import annotations

import dataclasses
import itertools
import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import h2o
import numpy as np
from h2o.estimators.estimator_base import H2OEstimator
from h2o.exceptions import H2OValueError
from h2o.frame import H2OFrame

from h2o_gan.cluster import model_tables, rest
from h2o_gan.cluster.training_data import upload_images
from h2o_gan.cluster.training_request import TrainingRequest
from h2o_gan.estimator.background import BackgroundJob
from h2o_gan.estimator.checkpoints import fetch, find_checkpoint, remember
from h2o_gan.estimator.declaration import DEFAULTS, check_names, declare_parameters
from h2o_gan.estimator.images import ImageMethods
from h2o_gan.estimator.plots import plot_history
from h2o_gan.estimator.report import ReportMethods
from h2o_gan.estimator.saving import read_model, write_model
from h2o_gan.estimator.training import TrainingRun
from h2o_gan.estimator.unsupported import checked_call, refuse_unsupported
from h2o_gan.parameters import Parameters

if TYPE_CHECKING:
    import numpy.typing as npt

    from h2o_gan.engine.model import Model

__all__ = ["GANEstimator", "H2OGANEstimator", "load_model"]

_counter = itertools.count(1)


class H2OGANEstimator(ReportMethods, ImageMethods, H2OEstimator):
    """Generative adversarial network that is trained on a frame of the cluster.

    It trains on mixed tables (numbers, enums, times, missing values) and on pixel frames, and
    generates new frames with the same columns, types and levels::

        gan = H2OGANEstimator(epochs=300, seed=1)
        gan.train(training_frame=frame)
        synthetic = gan.generate(1000)

    Training runs in this process. Where the cluster has h2o_gan's extension, training is also a job
    of the cluster, which Flow shows and cancels, and the model is stored there too: H2O's own
    functions save, load and remove it. Otherwise the model is only in this process, until it is
    saved.
    """

    algo = model_tables.ALGO
    supervised_learning = False
    _options_ = {"verbose": True}  # noqa: RUF012  (H2O's own contract)

    def __init__(self, **parameters: Any) -> None:
        super().__init__()
        check_names(parameters)
        self._parms = {**DEFAULTS, **parameters}
        Parameters(**self._parms)
        self._id = self._parms["model_id"]
        self._engine_model: Model | None = None
        self._in_cluster = False
        self._run: TrainingRun | None = None
        self._job: BackgroundJob[Model] | None = None
        self._verbose = False

    # ---- parameters, as scikit-learn and H2O have them

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters as given to the constructor.

        Args:
            deep: has no effect; scikit-learn passes it.
        """
        return dict(self._parms)

    def set_params(self, **parms: Any) -> H2OGANEstimator:
        """Change parameters. They are checked together: either all change or none.

        Args:
            **parms: new values by name.

        Returns:
            This estimator.

        Raises:
            TypeError, ValueError: a name is unknown, or a value does not fit.
        """
        check_names(parms)
        changed = {**self._parms, **parms}
        Parameters(**changed)
        self._parms = changed
        if self._engine_model is None:
            self._id = changed["model_id"]
        return self

    @property
    def model_id(self) -> str | None:
        """Name of the model; setting it renames a trained model, also in the cluster."""
        return self._id

    @model_id.setter
    def model_id(self, newid: str) -> None:
        self.set_params(model_id=newid)
        if self._engine_model is not None:
            model = self._engine_model
            if self._in_cluster:
                h2o.rapids(f"(rename {rest.quote(str(self._id))} {rest.quote(newid)})")
            renamed = model.parameters.replace(model_id=newid)
            self._engine_model = dataclasses.replace(model, parameters=renamed)
            self._id = newid
            remember(newid, self)

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

        Ctrl-C, ``max_runtime_secs`` and early stopping end training and keep the model trained so
        far.

        Args:
            x: names or indices of the columns to train on; by default all. A frame or an array
                here is the training frame.
            y: name or index of the response: the column that samples should predict best. For
                images it is the label: an enum, or whole numbers.
            training_frame: the frame, or its key. Or images as an array, (n, height, width) or (n,
                height, width, 3), with `y` None or their labels, (n,). They become a frame of the
                cluster with the columns pixel0, pixel1, ... and label, which stays there.
            offset_column: not supported by this algorithm.
            fold_column: not supported by this algorithm.
            weights_column: name or index of the column with row weights.
            validation_frame: rows with the same columns that are scored, but not trained on.
            max_runtime_secs: seconds after which training ends; 0 for no limit.
            ignored_columns: names or indices of columns to leave out; not together with `x`.
            model_id: name of the model.
            verbose: print the scoring history while training.

        Returns:
            This estimator.

        Raises:
            H2OValueError, ValueError, TypeError: the input does not fit; raised before training.
            h2o_gan.engine.TrainingDiverged: the losses were NaN from the start.
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
        max_runtime_secs: float | None = None,
        ignored_columns: Sequence[str | int] | None = None,
        model_id: str | None = None,
        verbose: bool = False,
    ) -> None:
        """Train without waiting; :meth:`join` waits. Takes what :meth:`train` takes.

        Args:
            x: as in :meth:`train`.
            y: as in :meth:`train`.
            training_frame: as in :meth:`train`.
            offset_column: as in :meth:`train`.
            fold_column: as in :meth:`train`.
            weights_column: as in :meth:`train`.
            validation_frame: as in :meth:`train`.
            max_runtime_secs: as in :meth:`train`.
            ignored_columns: as in :meth:`train`.
            model_id: as in :meth:`train`.
            verbose: print the scoring history in :meth:`join`.

        Raises:
            H2OValueError, ValueError, TypeError: the input does not fit.
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
        self._future, self._verbose = True, verbose

    def join(self) -> None:
        """Wait for the training that :meth:`start` began.

        Raises:
            H2OValueError: no training has begun.
            Exception: as of :meth:`train`.
        """
        if self._run is None:
            raise H2OValueError("there is no training to wait for: call start() first.")
        self._finish(self._verbose)

    def _launch(
        self,
        x: Any,
        y: Any,
        training_frame: H2OFrame | str | None,
        validation_frame: H2OFrame | str | None,
        unsupported: Mapping[str, Any],
        **overrides: Any,
    ) -> None:
        if self._run is not None and self._run.job.status == "RUNNING":
            raise H2OValueError("this estimator is training already: call join() first.")
        for name, value in unsupported.items():
            if value is not None:
                raise H2OValueError(f"{name} does not apply to a GAN: leave it out.")
        if isinstance(x, H2OFrame | np.ndarray):
            if training_frame is not None:
                raise H2OValueError("x is a frame, and training_frame is given too: give only one.")
            x, training_frame = None, x
        if isinstance(training_frame, np.ndarray):
            self._launch_on_images(training_frame, y, validation_frame, unsupported, overrides)
            return
        given = self._given(overrides)
        request = TrainingRequest.resolve(
            {**given, "model_id": given["model_id"] or _new_id()},
            training_frame,
            validation_frame,
            x=x,
            y=y,
            find_checkpoint=find_checkpoint,
        )
        self._start_time = int(time.time() * 1000)
        self._run = TrainingRun(request, given, f"{self.algo} Model Build")
        self._job = self._run.job

    def _given(self, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """The constructor's parameters, replaced by those that were given to train()."""
        return {**self._parms, **{k: v for k, v in overrides.items() if v is not None}}

    def _launch_on_images(
        self,
        images: npt.NDArray[Any],
        labels: Any,
        validation_frame: H2OFrame | str | None,
        unsupported: Mapping[str, Any],
        overrides: Mapping[str, Any],
    ) -> None:
        """Train on images that become a frame of the cluster, which stays there."""
        given = self._given(overrides)
        Parameters(**given)
        shape = tuple(images.shape[1:])
        asked = given["image_shape"]
        if asked is not None and tuple(asked) + (1,) * (len(shape) - len(asked)) != shape:
            raise H2OValueError(
                f"image_shape={tuple(asked)!r}, but the images are {shape}: leave image_shape out."
            )
        frame, label = upload_images(images, labels)
        try:
            wanted = {**overrides, "image_shape": shape}
            self._launch(None, label, frame, validation_frame, unsupported, **wanted)
        except BaseException:
            h2o.remove(frame)
            raise

    def _finish(self, verbose: bool) -> None:
        run = self._run
        assert run is not None
        try:
            model = run.finish(verbose)
        finally:
            self._future, self._job, self._run = False, None, None
        self._end_time = int(time.time() * 1000)
        self._run_time = self._end_time - self._start_time
        self._adopt(model, run.given, run.frame_keys)
        self._in_cluster = run.is_in_cluster
        run.warn_of_end(model)

    def _adopt(
        self, model: Model, given: Mapping[str, Any], frames: Mapping[str, str | None]
    ) -> None:
        """Take `model` as this estimator's model, and describe it in H2O's terms."""
        self._engine_model = model
        self._in_cluster = False
        self._id = model.parameters.model_id
        parameters = model_tables.parameters_json(given, model.parameters, frames)
        self._model_json = model_tables.model_json(model, parameters)
        self.parms = {entry["name"]: entry for entry in parameters}
        self._estimator_type = "unsupervised"
        self._have_pojo = self._have_mojo = False
        remember(str(self._id), self)

    def _resolve_model(self, model_id: str, model_json: Mapping[str, Any]) -> None:
        """Called by H2O's own functions, such as h2o.get_model, with a model of the cluster."""
        if not rest.extension():
            raise H2OValueError(
                "this H2OGANEstimator can't read the cluster's models: the extension is missing on "
                "a node, or has another protocol."
            )
        model = fetch(model_id)
        self._parms = {name: getattr(model.parameters, name) for name in DEFAULTS}
        actual = {entry["name"]: entry["actual_value"] for entry in model_json["parameters"]}
        frames = {}
        for name in ("training_frame", "validation_frame"):
            frames[name] = actual[name]["name"] if actual.get(name) else None
        self._adopt(model, self._parms, frames)
        self._in_cluster = True

    # ---- the model, as a file and as tables

    def save(
        self, path: str | os.PathLike[str], force: bool = False, *, for_training: bool = True
    ) -> str:
        """Write the model to a file, for :func:`h2o_gan.load_model`.

        Args:
            path: the file, or a folder, in which the file is ``<model_id>.zip``.
            force: whether to overwrite a file.
            for_training: whether the file can be a ``checkpoint``. Without, it is about a third as
                large and gives the same rows.

        Returns:
            The file's absolute path.

        Raises:
            H2OValueError: the file exists, or can't be written there.
        """
        return str(write_model(self.engine_model, path, force, for_training))

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
            metric: a column of :meth:`scoring_history`; AUTO for losses and, below them, sample
                quality.
            server: draw without a display.
            save_plot_path: file to write the plot to.

        Returns:
            What H2O's own plots return: an object whose ``figure()`` is matplotlib's.

        Raises:
            H2OValueError: an unknown timestep or metric.
        """
        return plot_history(self.engine_model, timestep, metric, server, save_plot_path)

    def scoring_history(self, as_data_frame: bool = True) -> Any:
        """The scoring history: one row per scoring, with its epoch, losses and sample quality.

        Args:
            as_data_frame: return a pandas data frame, or else an H2OTwoDimTable.

        Raises:
            H2OValueError: training stopped before the first scoring.
        """
        if not self.engine_model.history:
            raise H2OValueError(
                "the model has no scoring history: it stopped before the first one."
            )
        table = self._model_json["output"]["scoring_history"]
        return table.as_data_frame() if as_data_frame else table

    def column_summary(self, as_data_frame: bool = True) -> Any:
        """What each column was treated as; the parameter ``column_types`` overrules it.

        Args:
            as_data_frame: return a pandas data frame, or else an H2OTwoDimTable.
        """
        self.engine_model  # noqa: B018  (says what to do where there is none)
        table = self._model_json["output"]["column_summary"]
        return table.as_data_frame() if as_data_frame else table

    def relation_summary(self, as_data_frame: bool = True) -> Any:
        """The formulas and rules between columns: found in the training rows, or declared.

        Columns: ``relation``, the formula or rule; ``kind``: formula, condition, unique or
        combinations; ``share`` of the training rows in which it holds, 1 where it holds in every
        generated row; ``origin``: declared or found. The parameter ``ignored_relations`` switches
        found ones off, by their text.

        Args:
            as_data_frame: return a pandas data frame, or else an H2OTwoDimTable, None where there
                are no relations.
        """
        self.engine_model  # noqa: B018
        table = self._model_json["output"]["relation_summary"]
        if not as_data_frame:
            return table
        if table is None:
            import pandas as pd

            return pd.DataFrame(columns=list(model_tables.RELATION_COLUMNS))
        return table.as_data_frame()

    def show_summary(self) -> None:
        """Print the model's summary, how each column is treated, and what holds between columns."""
        self.engine_model  # noqa: B018
        for name in ("model_summary", "column_summary", "relation_summary"):
            table = self._model_json["output"][name]
            if table is not None:
                print(table)

    def detach(self) -> None:
        """Clear the model's name, as H2O's own estimators do."""
        self._id = None

    def _str_usage(self, verbosity: str | None = None, fmt: str | None = None) -> str:
        return ""  # H2O's tips name methods that a GAN does not have


def load_model(path: str | os.PathLike[str]) -> H2OGANEstimator:
    """Load the estimator that :meth:`H2OGANEstimator.save` wrote.

    Nothing in the file is executed. No cluster is needed until frames are asked for.

    Args:
        path: the file.

    Returns:
        A trained estimator.

    Raises:
        h2o_gan.engine.ModelFileError: the file is damaged, foreign, hostile or of a newer version.
        OSError: the file can't be read.
    """
    model = read_model(path)
    given = {name: getattr(model.parameters, name) for name in DEFAULTS}
    if given["model_id"] is None:  # The engine, not this class, trained it.
        named = model.parameters.replace(model_id=_new_id())
        model = dataclasses.replace(model, parameters=named)
    estimator = H2OGANEstimator(**given)
    estimator._adopt(model, given, {})
    return estimator


GANEstimator = H2OGANEstimator


def _new_id() -> str:
    return f"GAN_model_python_{int(time.time() * 1000)}_{next(_counter)}"


declare_parameters(H2OGANEstimator)
refuse_unsupported(H2OGANEstimator)
for _method in (H2OGANEstimator.train, H2OGANEstimator.start):
    setattr(H2OGANEstimator, _method.__name__, checked_call(_method, tuple(DEFAULTS)))
