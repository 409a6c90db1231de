"""Generation as a job of the queue: rows under a key of each attempt."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import h2o
import pyarrow as pa
import pytest
from queue_calls import (
    call,
    cancel,
    claim,
    ended,
    finish,
    send_rows,
)

from h2o_gan import extension
from h2o_gan.cluster.frames import ARROW

pytestmark = [
    pytest.mark.usefixtures("cluster"),
    pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK"),
]


def test_generated_rows_come_as_a_job(
    train: Callable[..., dict[str, Any]], no_leaks: set[str]
) -> None:
    job = train(model_id="generator")
    item = claim(job)
    assert item is not None
    finish(item, b"model")
    ended(job["key"]["name"])
    body = {"rows": 5, "seed": 1, "destination_frame": "generated", "conditions": {"x": 1}}
    started = call("POST", "models/generator/generate", json=body).json()["job"]
    assert started["dest"] == {**started["dest"], "name": "generated", "type": "Key<Frame>"}
    item = claim(started)
    assert item is not None
    assert (item["kind"], item["model_id"], item["frame_id"]) == (
        "generate",
        "generator",
        "generated",
    )
    assert item["parameters"]["conditions"] == {"x": 1}
    rows = pa.table({"x": [1.5] * 5})
    sent = send_rows(item, rows)
    assert sent.status_code == 200
    finish(item, b"")
    assert ended(started["key"]["name"])["status"] == "DONE"
    assert ARROW.read(h2o.get_frame("generated"), None).read_all().equals(rows)
    for body, status, message in REFUSED:
        answer = call("POST", "models/generator/generate", json={"rows": 1, **body})
        assert (answer.status_code, message in answer.json()["msg"]) == (status, True), answer.text
    h2o.remove("generated")
    h2o.remove("generator")


REFUSED = [
    ({"rows": None}, 400, "rows is missing"),
    ({"rows": 0}, 400, "rows must"),
    ({"rows": 1.5}, 400, "rows must be a whole number"),
    ({"rows": 10**12}, 413, "rows fit"),
    ({"destination_frame": "generated"}, 409, "already has"),
    ({"destination_frame": "a\nb"}, 400, "control characters"),
    ({"condition": {"x": 1}}, 400, "'condition' is not known"),
    ({"conditions": {"y": 1}}, 400, "the model has no column 'y'"),
    ({"conditions": {"x": {"from": 1}}}, 400, "'from' is not known"),
    ({"conditions": ["x"]}, 400, "conditions must be an object"),
    ({"balance": "y"}, 400, "the model has no column 'y'"),
    ({"temperature": 0}, 400, "temperature must"),
    ({"seed": -1}, 400, "seed must"),
]


def test_a_form_asks_for_the_same_as_json(generator: str, no_leaks: set[str]) -> None:
    """H2O's clients send forms. A name that looks like a number stays a name."""
    asked = {"rows": 5, "seed": 2**53, "temperature": 0.1, "conditions": {"x": 0.1 + 0.2}}
    form = {name: json.dumps(value) for name, value in asked.items()}
    bodies = {
        "a&b=c+d": {"json": {**asked, "destination_frame": "a&b=c+d"}},
        "1e5": {"data": {**form, "destination_frame": "1e5"}},
    }
    taken = []
    for frame, body in bodies.items():
        job = call("POST", f"models/{generator}/generate", **body).json()["job"]
        assert job["dest"]["name"] == frame
        item = claim(job)
        assert item is not None
        taken.append({**item["parameters"], "destination_frame": None})
        call("POST", f"jobs/{item['id']}/fail", data={"token": item["token"], "message": "enough"})
        assert "enough" in ended(job["key"]["name"])["exception"]
    assert taken[0] == taken[1]


@pytest.fixture(scope="module")
def generator(queue_frame: str) -> Iterator[str]:
    """A model whose rows a test sends in its place."""
    data = {"training_frame": queue_frame, "model_id": "rows_of"}
    job = h2o.api("POST /3/ModelBuilders/gan", data=data)["job"]
    item = claim(job)
    assert item is not None
    finish(item, b"model")
    ended(job["key"]["name"])
    yield "rows_of"
    h2o.remove("rows_of")


def generation(model: str, frame: str) -> dict[str, Any]:
    body = {"rows": "5e0", "destination_frame": frame}
    text = json.dumps(body).replace('"5e0"', "5e0")
    job: dict[str, Any] = call("POST", f"models/{model}/generate", data=text).json()["job"]
    return job


ROWS = pa.table({"x": [1.0] * 5})


def test_rows_of_a_lost_worker_are_taken(generator: str, no_leaks: set[str]) -> None:
    """It was lost between writing them and saying so."""
    job = generation(generator, "adopted")
    item = claim(job, lease=2)
    assert item is not None
    assert send_rows(item, ROWS).status_code == 200
    assert ended(job["key"]["name"])["status"] == "DONE"
    assert h2o.get_frame("adopted").nrow == 5
    assert finish(item, b"").status_code == 404
    assert h2o.get_frame("adopted").nrow == 5
    h2o.remove("adopted")


def test_a_second_attempt_does_not_meet_the_first(generator: str, no_leaks: set[str]) -> None:
    job = generation(generator, "attempted")
    first = claim(job, "w1", lease=2)
    second = claim(job, "w2")
    assert first is not None
    assert second is not None
    assert first["attempt_frame_id"] != second["attempt_frame_id"]
    late = send_rows(first, ROWS)
    assert late.status_code == 409
    assert send_rows(second, ROWS).status_code == 200
    assert finish(second, b"").status_code == 200
    assert ended(job["key"]["name"])["status"] == "DONE"
    assert send_rows(first, ROWS).status_code == 409
    h2o.remove("attempted")


@pytest.mark.parametrize("end", ["cancel", "fail", "taken"])
def test_a_generation_that_ends_otherwise_leaves_nothing(
    generator: str, no_leaks: set[str], end: str
) -> None:
    job = generation(generator, "unwanted")
    item = claim(job, lease=2)
    assert item is not None
    assert send_rows(item, ROWS).status_code == 200
    if end == "cancel":
        cancel(job)
    elif end == "fail":
        told = {"token": item["token"], "message": "no"}
        assert call("POST", f"jobs/{item['id']}/fail", json=told).status_code == 200
    else:
        ARROW.write(pa.table({"mine": [1, 2]}).to_reader(), "unwanted")
        finish(item, b"")
    last = ended(job["key"]["name"])
    assert last["status"] == ("CANCELLED" if end == "cancel" else "FAILED")
    if end == "taken":
        assert "another object has taken the key 'unwanted'" in last["exception"]
        assert h2o.get_frame("unwanted").names == ["mine"]
        h2o.remove("unwanted")
