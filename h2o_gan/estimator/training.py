"""A training in the background of this process, and its job in the cluster where it has one."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from h2o.exceptions import H2OJobCancelled
from typing_extensions import assert_never

from h2o_gan.cluster import rest
from h2o_gan.cluster.jobs.training import register
from h2o_gan.cluster.training_request import OpenRequest, TrainingRequest
from h2o_gan.estimator.background import BackgroundJob
from h2o_gan.estimator.checkpoints import export_checkpoint
from h2o_gan.notices import warn

if TYPE_CHECKING:
    from h2o_gan.engine.events import Event
    from h2o_gan.engine.model import Model

__all__ = ["TrainingRun"]


class TrainingRun:
    """A training that has begun.

    Args:
        request: what to train.
        given: the parameters that the user set, by name.
        title: of the progress bar.

    Attributes:
        job: the background work; H2O's functions poll it.
        frame_keys: of the frames, by the names of the parameters they were given as.
        cluster_job: the cluster's job, or None where the cluster has no extension.

    Raises:
        H2OValueError: the cluster refuses the parameters, or a frame is gone.
        H2OConnectionError: the cluster is lost.
    """

    def __init__(self, request: TrainingRequest, given: Mapping[str, Any], title: str) -> None:
        self.request, self.given = request, given
        self.frame_keys = request.frame_keys()  # The frames may be gone by the end.
        self._scored: dict[str, float | None] | None = None
        self._messages: list[str] = []
        self._was_interrupted = False
        rows = request.open()
        try:
            self.cluster_job = register(request) if rest.extension() else None
        except BaseException:
            rows.close()
            raise
        self.job: BackgroundJob[Model] = BackgroundJob(lambda job: self._train(job, rows), title)

    def finish(self, verbose: bool) -> Model:
        """Wait for the model behind H2O's progress bar.

        Args:
            verbose: print each row of the scoring history.

        Raises:
            H2OJobCancelled: training was stopped before its first step.
            KeyboardInterrupt: a second Ctrl-C, before there was a model.
            Exception: what training raised.
        """
        from h2o_gan import engine

        printed: dict[str, float | None] | None = None

        def show(job: BackgroundJob[Model], shown: float) -> None:
            nonlocal printed
            while self._messages:
                print(f"\n{self._messages.pop(0)}")
            if verbose and self._scored is not printed:
                printed = self._scored or {}
                values = [f"{name}={v:.6g}" for name, v in printed.items() if v is not None]
                print(f"\n{', '.join(values)}")

        try:
            model = self.job.poll(show)
        except engine.TrainingStopped as error:
            raise H2OJobCancelled(str(error)) from error
        except KeyboardInterrupt:
            made = None if self.cluster_job is None else self.cluster_job.trained
            if made is None:
                raise
            # A second Ctrl-C, while the cluster was to get the model: it is not lost to that.
            self._was_interrupted = True
            warn(
                f"interrupted before model {made.parameters.model_id!r} was in the cluster: it "
                "is only in this process: save(path) keeps it."
            )
            model = made
        return model

    def warn_of_end(self, model: Model) -> None:
        """Warn where training was interrupted, or the model is not in the cluster."""
        if self.cluster_job is not None:
            self.cluster_job.warn_if_lost(model)
        if model.stopped_by == "interrupted":
            warn(
                f"training was interrupted in epoch {model.epoch + 1}, after {model.step} steps; "
                "the model has the weights of that step."
            )

    @property
    def is_in_cluster(self) -> bool:
        """Whether the cluster is known to have the finished model."""
        if self.cluster_job is None or self._was_interrupted:
            return False
        return self.cluster_job.lost_reason is None

    def _train(self, job: BackgroundJob[Model], rows: OpenRequest) -> Model:
        """Train, in the background thread."""

        def listen(event: Event) -> None:
            self._listen(event, job)

        train = functools.partial(rows.fit, stop=job.stop)
        with closing(rows):
            if self.cluster_job is None:
                return train(listen, self.request.checkpoint)
            self.cluster_job.release_when(job.exiting)
            return self.cluster_job.run(train, listen, job.stop, self.request.checkpoint)

    def _listen(self, event: Event, job: BackgroundJob[Model]) -> None:
        from h2o_gan import engine

        match event:
            case engine.Progress():
                job.progress = event.share
            case engine.Message():
                self._messages.append(event.text)
            case engine.Scored():
                self._scored = event.row
                folder, model_id = self.request.export_dir, self.request.parameters.model_id
                if folder is not None:
                    export_checkpoint(event, folder, str(model_id))
            case _:
                assert_never(event)
