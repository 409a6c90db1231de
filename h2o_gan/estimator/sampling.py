"""Methods of the estimator that turn its model and the cluster's frames into new frames."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import h2o
from h2o.exceptions import H2OJobCancelled, H2OTypeError, H2OValueError
from h2o.frame import H2OFrame

from h2o_gan.cluster import rest
from h2o_gan.cluster.cluster_model import BACKENDS, SLOWER, ClusterModel
from h2o_gan.cluster.model_tables import ALGO
from h2o_gan.cluster.training_data import (
    check_column_types,
    resolve_column,
    resolve_frame,
    whole_number,
)
from h2o_gan.estimator.background import BackgroundJob
from h2o_gan.estimator.trained import TrainedModel, as_h2o_errors
from h2o_gan.notices import listed

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["SamplingMethods"]


class SamplingMethods(TrainedModel):
    """Methods of :class:`~h2o_gan.H2OGANEstimator` that turn a model into frames."""

    def generate(
        self,
        n: int | None = None,
        seed: int | None = None,
        destination_frame: str | None = None,
        *,
        conditions: Mapping[str, Any] | H2OFrame | None = None,
        balance: str | None = None,
        temperature: float = 1.0,
        backend: str = "auto",
    ) -> H2OFrame:
        """Generate rows as a new frame of the cluster.

        The frame has the training columns in order, with their types and levels, so
        ``train.rbind(gan.generate(1000))`` works. Rows stream through in bounded memory.

        The nodes of the cluster can generate the rows of tables themselves, if it has the extension
        and the model. With the same seed they make other rows than this process, of the same
        distribution.

        Args:
            n: number of rows, at least 1; may be left out where `conditions` is a frame.
            seed: 0 or more; the same seed gives the same rows. None draws a new one.
            destination_frame: key of the new frame; a new one by default.
            conditions: what every row must meet, for instance ``{"income": ">50K", "age": (30,
                40)}``: by column a level, a number or a time, a list of them, a pair (low, high)
                with both included, or None for missing. Or a frame with some of the columns: each
                of its rows is completed, and its cells are kept.
            balance: a categorical column whose levels occur in equal numbers.
            temperature: less than 1 for more typical rows, more for more varied ones.
            backend: "cluster" for the nodes of the cluster, "local" for this process, "auto" for
                what is faster. Conditions that are a frame need "local".

        Returns:
            The frame.

        Raises:
            H2OValueError, ValueError, TypeError: an argument does not fit, no row can meet the
                conditions, or the key is taken. No frame is left behind.
            H2OConnectionError: there is no cluster; the model is not lost.
            H2OJobCancelled: Ctrl-C; no frame is left behind.
        """
        from h2o_gan.engine.arguments import check_rows_and_seed
        from h2o_gan.engine.options import SampleOptions

        given: Mapping[str, Any] | pa.Table | None = None
        if isinstance(conditions, H2OFrame):
            with as_h2o_errors():
                self.engine_model.require("conditions by row")
            names = [column.name for column in self.engine_model.columns]
            table = given = self._read_rows(conditions, names, "conditions")
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
        seed = None if seed is None else whole_number(seed, "seed")
        if self._is_of_cluster(backend, "conditions that are a frame", given is not conditions):
            with as_h2o_errors():
                check_rows_and_seed(n, seed)
                SampleOptions(conditions, balance, temperature)
            return self._in_cluster_job(
                lambda model: model.generate(
                    n,
                    seed,
                    destination_frame,
                    conditions=conditions,
                    balance=balance,
                    temperature=temperature,
                ),
                "generation",
            )
        with as_h2o_errors():
            rows = self.engine_model.sample(
                n,
                seed,
                conditions=given,
                balance=balance,
                temperature=temperature,
            )
        return self._write_rows(rows, n, destination_frame)

    def impute(
        self,
        frame: H2OFrame,
        seed: int | None = None,
        destination_frame: str | None = None,
        *,
        method: str = "draw",
        n: int = 1,
        draws: int | None = None,
        backend: str = "auto",
    ) -> H2OFrame | list[H2OFrame]:
        """Fill the missing values of a frame, as a new frame.

        Missing cells are filled from the model, given all observed cells of their row; those are
        kept. Draws keep the distribution of the data; estimates are nearest to the true values.
        A cell stays missing if a rule or relation allows it no value, as the end of an open order.

        For multiple imputation, `n` frames differ where cells were missing as the values may.

        Args:
            frame: a frame with the training columns, in any order.
            seed: 0 or more; the same seed gives the same values. None draws a new one; for
                estimates, which hardly depend on it, None gives the same values each time.
            destination_frame: key of the new frame, a new one by default; of `n` frames, the part
                before _1, _2, ...
            method: "draw" draws the missing cells. "mean" estimates numbers and times by their
                means, rounded as the column is. "mode" estimates them by the most probable value.
                Levels are estimated by the most probable one in both.
            n: number of completed frames, for method "draw".
            draws: of each row behind an estimate, weighted by the density of whole rows; 0 for none
                (the networks of the columns estimate at once). By default none where a single
                cell of the row is missing or the model treats missing values as unknown, else 32.
            backend: "cluster" for the nodes of the cluster, which draw only, "local" for this
                process, "auto" for what is faster; see :meth:`generate`.

        Returns:
            The frame; for `n` above 1 a list of frames, the first of which is that of n=1.

        Raises:
            H2OValueError, ValueError, TypeError: a column is missing or of another type, an
                argument does not fit, or this family of models does not impute.
        """
        from h2o_gan.engine.arguments import check_method, seeds_of

        model = self.engine_model
        with as_h2o_errors():
            model.require("imputation")
            check_method(method, draws)
        names = [column.name for column in model.columns]
        frame = resolve_frame(frame, "frame", "impute")
        seed = None if seed is None else whole_number(seed, "seed")
        n = whole_number(n, "n")
        if n < 1:
            raise H2OValueError(f"n must be at least 1, not {n}.")
        if n > 1 and method != "draw":
            raise H2OValueError(
                f"n={n}, but method={method!r} gives one frame: leave n out, or draw."
            )
        for name in names:
            resolve_column(frame, name, "frame")
        if self._is_of_cluster(backend, f"method={method!r}", method != "draw"):
            fill = self._filler_in_cluster(frame)
        else:
            table = self._read_rows(frame, names, "frame")

            def fill(own_seed: int | None, key: str | None) -> H2OFrame:
                rows = model.impute(table, own_seed, method=method, draws=draws)
                return self._write_rows(rows, table.num_rows, key)

        frames: list[H2OFrame] = []
        try:
            for number, own_seed in enumerate(seeds_of(seed, n), 1):
                key = destination_frame
                if n > 1 and key is not None:
                    key = f"{key}_{number}"
                frames.append(fill(own_seed, key))
        except BaseException:
            for done in frames:
                h2o.remove(done)
            raise
        return frames if n > 1 else frames[0]

    def _filler_in_cluster(self, frame: H2OFrame) -> Callable[[int | None, str | None], H2OFrame]:
        """A function that fills the frame in the cluster, given the seed and the key."""

        def fill(seed: int | None, key: str | None) -> H2OFrame:
            return self._in_cluster_job(lambda model: model.impute(frame, seed, key), "imputation")

        return fill

    def predict(
        self, test_data: H2OFrame | npt.ArrayLike, *, backend: str = "auto"
    ) -> H2OFrame | npt.NDArray[Any]:
        """Turn latent vectors into samples, or score rows by how odd they are.

        Args:
            test_data: an array of latent vectors, (n, latent_size), or one as (latent_size,) or
                (latent_size, 1); or a frame with the training columns.
            backend: of frames; "cluster" for the nodes of the cluster, "local" for this process,
                "auto" for what is faster.

        Returns:
            For an array: the samples, (n, columns), in the scale of the data; float64 if all
            columns are numbers, else objects.

            For a frame: one row for each row, with these columns.

            - ``predict``, only where the parameter ``contamination`` is set: 1 for anomalies, the
              rows that score higher than all but this share of the training rows; else 0.
            - ``anomaly_score``, higher for odder rows, see :meth:`anomaly`.
            - ``log_density`` of tables (architecture columns): the row's log density by generator
              and discriminator, in nats. Other models have ``discriminator_score``, the
              discriminator's raw output, to which architecture convolutional adds how well the
              image is reconstructed. Both are low for anomalies.

        Raises:
            H2OValueError, ValueError: a shape, a value or a column does not fit.
            H2OTypeError: the data are neither.
        """
        model = self.engine_model
        if not isinstance(test_data, H2OFrame):
            if test_data is None or isinstance(test_data, str) or hasattr(test_data, "columns"):
                raise H2OTypeError(
                    message="test_data must be an H2OFrame or an array of latent vectors, not "
                    f"{type(test_data).__name__}: h2o.H2OFrame(data) makes a frame."
                )
            if model.encoder.labels is not None:
                raise H2OValueError(
                    "this model has labels, and latent vectors alone don't say which: "
                    "generate_images(latents=..., conditions={...}) takes both."
                )
            with as_h2o_errors():
                return model.map_latents(test_data)

        if self._is_of_cluster(backend):
            self._compared_columns(test_data, "test_data")
            return self._in_cluster_job(lambda model: model.predict(test_data), "prediction")
        return self._score_rows(test_data, "test_data", self._model_with_root().anomalies)

    def anomaly(
        self, test_data: H2OFrame, per_feature: bool = False, *, backend: str = "auto"
    ) -> H2OFrame:
        """Score rows by how odd they are, or show which columns make them odd.

        The score of a table's row (architecture columns) is the sum of its columns' shares. A
        column's share is how surprising its value is, by itself and given other columns of the row,
        less the mean of that over training rows: a sum of negative log densities, so 0 is the
        average training row, and the score grows with the logarithm of how improbable a row is.
        There is no largest score: the further a value lies beyond the training values, the higher
        it is. Scores of different models do not compare. Columns that are treated together, such as
        coordinates, have equal shares.

        Of other models the score is the median ``discriminator_score`` of training rows, less that
        of the row.

        Args:
            test_data: a frame with the training columns.
            per_feature: whether to return the share of each column in place of the score.
            backend: as of :meth:`predict`.

        Returns:
            A frame with one row for each row: the column ``anomaly_score``; or, with `per_feature`,
            a column for each training column but identifiers, which add up to ``anomaly_score``.

        Raises:
            H2OValueError: a column does not fit, or the model has no shares of columns.
            H2OTypeError: `test_data` is not a frame.
        """
        model = self._model_with_root()
        test_data = resolve_frame(test_data, "test_data", "anomaly")
        if per_feature:
            with as_h2o_errors():
                model.require("per_feature")
        if self._is_of_cluster(backend):
            self._compared_columns(test_data, "test_data")
            return self._in_cluster_job(
                lambda its: its.anomaly(test_data, per_feature), "anomaly scores"
            )
        if per_feature:
            return self._score_rows(test_data, "test_data", model.anomaly_shares)
        return self._score_rows(test_data, "test_data", model.anomaly_scores)

    def _is_of_cluster(self, backend: str, what: str = "", only_local: bool = False) -> bool:
        """Whether the cluster's nodes do some work.

        Args:
            backend: what the user wants.
            what: an option, for the message.
            only_local: whether it is for this process alone.

        Raises:
            H2OValueError: `backend` is unknown, or is "cluster" and the cluster cannot do it.
        """
        if backend not in BACKENDS:
            raise H2OValueError(
                f"backend={backend!r} is not known; use one of {', '.join(BACKENDS)}."
            )
        if backend == "local":
            return False
        reason = None
        if self.engine_model.kind != "table":
            reason = "the nodes of a cluster run models of tables (architecture columns) only"
        elif only_local:
            reason = f"{what} is for this process alone"
        elif not self._in_cluster or not rest.extension():
            reason = (
                "the model is not in the connected cluster. It is after train(), if all nodes have "
                "the extension"
            )
        if backend == "cluster":
            if reason is not None:
                raise H2OValueError(f"backend='cluster': {reason}; leave backend out.")
            return True
        if reason is not None or rest.cores() < SLOWER * (os.cpu_count() or 1):
            return False
        return rest.has_model(str(self._id))  # It may have been removed there since.

    def _in_cluster_job(self, work: Callable[[ClusterModel], H2OFrame], what: str) -> H2OFrame:
        """The frame that the cluster makes, behind a progress bar; Ctrl-C cancels its job."""

        def run(job: BackgroundJob[H2OFrame]) -> H2OFrame:
            def report(share: float) -> None:
                job.progress = share

            return work(ClusterModel(str(self._id), job.stop, report))

        job = BackgroundJob(run, f"{ALGO} {what}")
        frame = job.poll()
        if job.stop.is_set():  # Ctrl-C came when the frame was complete
            h2o.remove(frame)
            raise H2OJobCancelled(f"{what} was cancelled; no frame was made.")
        return frame

    def _score_rows(
        self,
        frame: H2OFrame,
        parameter: str,
        score: Callable[[pa.RecordBatchReader], pa.RecordBatchReader],
    ) -> H2OFrame:
        """What a method of the model makes of a frame's rows, as a frame."""
        from h2o_gan.cluster.frames import open_frame, write_frame

        names = self._compared_columns(frame, parameter)
        with closing(open_frame(frame, names)) as source:
            return write_frame(score(source.reader))

    def _read_rows(self, frame: H2OFrame, names: Sequence[str], parameter: str) -> pa.Table:
        """The columns of `frame` that the model has, checked and read."""
        from h2o_gan.cluster.frames import read_frame

        model = self.engine_model
        resolve_frame(frame, parameter, "generate")
        unknown = [name for name in frame.names if name not in names]
        if unknown:
            raise H2OValueError(
                f"{parameter}: the model has no column {unknown[0]!r}; it has {listed(names)}."
            )
        columns = [column for column in model.columns if column.name in frame.names]
        check_column_types(frame, columns)
        return read_frame(frame, [column.name for column in columns]).read_all()

    def _write_rows(self, rows: pa.RecordBatchReader, n: int, destination: str | None) -> H2OFrame:
        """Rows as a new frame, behind a progress bar; Ctrl-C leaves no frame behind."""
        from h2o_gan.cluster.capacity import check_memory
        from h2o_gan.cluster.frames import with_progress, write_frame

        def work(job: BackgroundJob[H2OFrame]) -> H2OFrame:
            def report(share: float) -> None:
                if job.stop.is_set():
                    raise H2OJobCancelled("generation was cancelled; no frame was made.")
                job.progress = 0.6 * share  # the cluster's part follows

            return write_frame(with_progress(check_memory(rows, n), n, report), destination)

        job = BackgroundJob(work, f"{ALGO} generation")
        frame = job.poll()
        if job.stop.is_set():  # Ctrl-C came when all rows had left for the cluster
            h2o.remove(frame)
            raise H2OJobCancelled("generation was cancelled; no frame was made.")
        return frame
