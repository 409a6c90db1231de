"""A training that is resolved once, whether the estimator or a worker asks for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import h2o
import pyarrow as pa
import pytest
from h2o.exceptions import H2OValueError

from h2o_gan import engine
from h2o_gan.cluster.frames import write_frame
from h2o_gan.cluster.training_request import TrainingRequest


@pytest.fixture(scope="module")
def frame(cluster: Any) -> Iterator[h2o.H2OFrame]:
    table = pa.table({"id": range(60), "x": [i % 7 for i in range(60)], "w": [1.0, 2.0] * 30,
                      "y": [i % 3 for i in range(60)]})  # fmt: skip
    yield write_frame(table, "request_frame")
    h2o.remove("request_frame")


def no_checkpoint(checkpoint: Any) -> engine.Model:
    pytest.fail(f"nobody asked for a checkpoint, but {checkpoint!r} is looked for")


def test_indices_and_keys_give_the_same_request_as_names_and_frames(frame: h2o.H2OFrame) -> None:
    by_index = TrainingRequest.resolve(
        {"weights_column": 2, "ignored_columns": [0], "seed": 1},
        "request_frame",
        "request_frame",
        y=-1,
        find_checkpoint=no_checkpoint,
    )
    by_name = TrainingRequest.resolve(  # as a worker has it, from JSON
        {"weights_column": "w", "ignored_columns": ["id"], "seed": 1, "response_column": "y"},
        frame,
        frame,
        find_checkpoint=no_checkpoint,
    )
    assert by_index.parameters == by_name.parameters
    assert by_index.columns == by_name.columns == ("x", "y")
    assert by_index.frame_keys() == by_name.frame_keys()
    assert by_name.frame_keys() == dict.fromkeys(
        ("training_frame", "validation_frame"), "request_frame"
    )
    assert by_name.checkpoint is None and by_name.export_dir is None


def test_a_request_trains_on_its_rows(frame: h2o.H2OFrame, tmp_path: Path) -> None:
    request = TrainingRequest.resolve(
        {"epochs": 1, "seed": 1, "weights_column": "w", "export_checkpoints_dir": tmp_path / "new"},
        frame,
        x=["x", "y"],
        find_checkpoint=no_checkpoint,
    )
    assert request.export_dir == tmp_path / "new" and request.export_dir.is_dir()
    with closing(request.open()) as rows:
        model = rows.fit(lambda event: None, None, threading.Event())
    assert [column.name for column in model.columns] == ["x", "y"]
    assert model.rows == 60

    again = TrainingRequest.resolve(
        {"epochs": 2, "checkpoint": "whatever"}, frame, find_checkpoint=lambda name: model
    )
    assert again.checkpoint is model
    engine.save(model, tmp_path / "lean.zip", for_training=False)
    lean = engine.load(tmp_path / "lean.zip")
    with pytest.raises(H2OValueError, match="saved without the state of its training"):
        TrainingRequest.resolve(
            {"checkpoint": "whatever"}, frame, find_checkpoint=lambda name: lean
        )


def test_a_request_that_is_not_read_to_its_end_leaves_nothing(
    frame: h2o.H2OFrame, no_leaks: set[str]
) -> None:
    request = TrainingRequest.resolve({}, frame, frame, find_checkpoint=no_checkpoint)
    request.open().close()
