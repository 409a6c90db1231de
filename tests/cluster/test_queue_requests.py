"""Requests to the queue that are malformed, refused or about something else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import h2o
import pytest
import requests
from queue_calls import (
    call,
    cancel,
    checkpoint,
    claim,
    ended,
    finish,
    heartbeat,
)

from h2o_gan import H2OGANEstimator, extension

pytestmark = [
    pytest.mark.usefixtures("cluster"),
    pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK"),
]


@pytest.mark.parametrize(
    ("verb", "body", "words"),
    [
        ("heartbeat", {"tables": 5}, "tables must be an object"),
        ("heartbeat", {"tables": {"metrics": {"held_out_loss": "low"}}}, "metrics must be"),
        ("heartbeat", {"tables": {"metrics": 3}}, "metrics must be"),
        ("heartbeat", {"tables": {"scoring_history": {"columns": [], "rows": [[1]]}}}, "must have"),
        ("heartbeat", {"tables": {"model_summary": [1]}}, "must have"),
        ("heartbeat", {"progress": "half"}, "progress must be a number"),
        ("heartbeat", {"message": ["a"]}, "message must be a text"),
        ("fail", {}, "message is missing"),
    ],
)
def test_malformed_words_of_a_worker_change_nothing(
    malformed: dict[str, Any], verb: str, body: dict[str, Any], words: str
) -> None:
    told = {"token": malformed["token"], **body}
    answer = call("POST", f"jobs/{malformed['id']}/{verb}", json=told)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["msg"]
    assert heartbeat(malformed).status_code == 200


@pytest.fixture(scope="module")
def malformed(queue_frame: str) -> Iterator[dict[str, Any]]:
    """A job that is held."""
    data = {"training_frame": queue_frame, "model_id": "malformed"}
    job = h2o.api("POST /3/ModelBuilders/gan", data=data)["job"]
    item = claim(job, lease=60)
    assert item is not None
    yield item
    assert finish(item, b"whole").status_code == 200
    assert ended(job["key"]["name"])["status"] == "DONE"
    h2o.remove("malformed")


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ("jobs/claim", b"[" * 1200 + b"]" * 1200, 400),
        ("jobs/claim", b'{"worker": "w", "a": ' + b"[" * 1200 + b"]" * 1200 + b"}", 400),
        ("jobs/claim", b'{"worker": "' + b"w" * (1 << 21) + b'"}', 413),
        ("jobs/claim", b"{", 400),
        ("jobs/claim", b'{"worker": "w", "token": "short"}', 400),
        ("jobs/none-0/heartbeat", b"{}", 404),
        ("jobs/none/heartbeat", b"{}", 404),
        ("nothing", b"", 404),
    ],
)
def test_every_error_is_json(path: str, data: bytes, status: int) -> None:
    """Also for curl, which says that it sends a form."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = call("POST", path, data=data, headers=form)
    assert answer.status_code == status
    if path != "nothing":  # H2O's own address.
        assert answer.json()["http_status"] == status


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"worker": /*"*/ [[[[1]]]] }', "must be a JSON object"),
        ("{'worker': \"'[[[[\"}", "must be a JSON object"),
        ('{"worker": ' + 40 * "[" + 40 * "]" + "}", "nests JSON more than 32 levels"),
        ('{"worker": [' + 600_000 * "," + "]}", "more than 500000 values"),
        ("worker=w&" + 200 * "a=&", "more than 100 fields"),
        ("worker=w&lease_s=soon", "lease_s must be a number"),
        ("worker=w&lease_s={", "lease_s must be a JSON object"),
        ("worker={" + 40 * "[" + 40 * "]" + "}", "nests JSON more than 32 levels"),
        ("worker=%zz", "not well encoded"),
    ],
)
def test_json_that_is_none_or_too_much(body: str, words: str) -> None:
    answer = call("POST", "jobs/claim", data=body)
    assert answer.status_code == 400
    assert words in answer.json()["msg"]


def test_a_checkpoint_has_bytes_and_is_of_a_training(
    train: Callable[..., dict[str, Any]], no_leaks: set[str]
) -> None:
    job = train(model_id="with_checkpoints")
    item = claim(job, lease=2)
    assert item is not None
    assert checkpoint(item, b"so far").status_code == 200
    assert checkpoint(item, b"").status_code == 400
    kept = call("GET", f"jobs/{item['id']}/checkpoint")
    assert kept.content == b"so far"
    assert finish(item, b"the model").status_code == 200
    assert ended(job["key"]["name"])["status"] == "DONE"
    url = f"{h2o.connection().base_url}/3/GAN/models/with_checkpoints/generate"
    asked = requests.post(url, json={"rows": 5}, timeout=60).json()["job"]
    item = claim(asked, lease=2)
    assert item is not None
    assert "no checkpoints" in checkpoint(item, b"rows").json()["msg"]
    cancel(asked)
    assert ended(asked["key"]["name"])["status"] == "CANCELLED"
    h2o.remove("with_checkpoints")


def test_other_methods_are_refused_in_json() -> None:
    for method in ("PUT", "DELETE"):
        answer = call(method, "jobs")
        assert answer.status_code == 405
        assert "GET and POST" in answer.json()["msg"]


def test_the_cluster_lists_workers_and_nodes() -> None:
    assert call("POST", "jobs/claim", json={"worker": "seen"}).status_code == 204
    about = requests.get(f"{h2o.connection().base_url}/3/GAN", timeout=60).json()
    seen = next(worker for worker in about["workers"] if worker["name"] == "seen")
    assert 0 <= seen["last_seen_s"] < 10
    assert [node["protocol"] for node in about["nodes"]] == [about["protocol"]]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epochs": -2}, "epochs must be at least 1, not -2"),
        ({"ema_decay": 2}, "ema_decay must be at most 0.999999, not 2"),
        ({"column_types": "[1]"}, "column_types must be a JSON object"),
        ({"nfolds": 5}, "cross-validation has no meaning"),
        ({"loss_function": "guess"}, "loss_function"),
        ({"column_types": '{"x": "wide"}'}, "use one of numeric"),
        ({"generator_architecture": '{"depth": 3}'}, "unknown key depth"),
        ({"generator_architecture": '{"hidden_dim": [8, 0]}'}, "from 1 to 1,000,000 or a list"),
        ({"generator_architecture": '{"activation": "step"}'}, "activation .*step.* is not known"),
        ({"discriminator_architecture": '{"output_dim": 2}'}, "output_dim must be 1"),
        ({"architecture": "columns", "latent_size": 3}, "latent_size is for architecture mlp"),
        ({"architecture": "convolutional", "loss_function": "mse"}, "loss_function is for"),
        ({"architecture": "columns", "image_shape": "[8,8]"}, "image_shape is for"),
        ({"image_shape": "[8]"}, "image_shape must be height and width"),
        ({"image_shape": "[8,800]"}, "sides from 8 to 128"),
        ({"image_root": "/images"}, "image_root is given without image_column"),
        ({"image_column": "text"}, "image_shape is missing"),
        ({"generator_architecture": '{"hidden_dim": [100000, 100000]}'}, "makes a network of"),
        (
            {"latent_size": 5, "generator_architecture": '{"input_dim": 6}'},
            "they are the same thing",
        ),
        ({"architecture": "columns", "loss_function": "lsgan"}, "loss_function is for"),
        ({"latent_size": 1_000_000}, "latent_size makes a network of"),
    ],
)
def test_bad_parameters_are_told_at_once(
    train: Callable[..., dict[str, Any]], parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(h2o.exceptions.H2OResponseError, match=message):
        train(**parameters)
    # So does the Python class.
    values = {
        name: json.loads(value) if isinstance(value, str) and value[0] in "[{" else value
        for name, value in parameters.items()
    }
    with pytest.raises((ValueError, TypeError)):
        H2OGANEstimator(**values)
