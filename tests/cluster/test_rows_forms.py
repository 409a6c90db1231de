"""What Flow's forms ask for: rows with a new model, and rows of a model that exists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import h2o
import pyarrow as pa
import pytest
import requests
from queue_calls import call, cancel, checkpoint, claim, ended, finish, heartbeat, send_rows

from h2o_gan import extension

pytestmark = [
    pytest.mark.usefixtures("cluster"),
    pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK"),
]
ROWS = pa.table({"x": [1.5] * 5})
Train = Callable[..., dict[str, Any]]


def output(model: str) -> dict[str, Any]:
    return h2o.api(f"GET /3/Models/{model}")["models"][0]["output"]


def json_of(path: str) -> Any:
    """An answer as it comes, without H2O's classes."""
    return requests.get(f"{h2o.connection().base_url}{path}", timeout=60).json()


def messages(algorithm: str, **parameters: Any) -> dict[str, str]:
    """What a form shows at its fields."""
    url = f"{h2o.connection().base_url}/3/ModelBuilders/{algorithm}/parameters"
    answer = requests.post(url, data=parameters, timeout=60).json()
    return {
        m["field_name"]: m["message"] for m in answer["messages"] if m["message_type"] == "ERRR"
    }


def trained(job: dict[str, Any]) -> None:
    item = claim(job)
    assert item is not None and item["kind"] == "train"
    assert not {"generate_rows", "generated_frame"} & set(item["parameters"])
    finish(item, b"model")


def generated(job: dict[str, Any]) -> dict[str, Any]:
    item = claim(job)
    assert item is not None and item["kind"] == "generate"
    assert send_rows(item, ROWS).status_code == 200
    finish(item, b"")
    assert ended(job["key"]["name"])["status"] == "DONE"
    return item


def test_a_training_ends_with_rows(train: Train, no_leaks: set[str]) -> None:
    no_leaks.update(("with_rows", "with_rows_rows", "chosen"))
    for key in ("with_rows_rows", "chosen"):
        named = {"generated_frame": key} if key == "chosen" else {}
        job = train(model_id="with_rows", generate_rows=5, seed=7, worker="w1", **named)
        trained(job)
        item = generated(job)
        assert (item["model_id"], item["parameters"]) == ("with_rows", {"rows": 5, "seed": 7})
        link = output("with_rows")["generated_frame"]
        assert (link["name"], link["type"]) == (key, "Key<Frame>")
        assert h2o.get_frame(key).nrow == 5
    h2o.remove("chosen")  # The page of a model has no dead link.
    assert "generated_frame" not in output("with_rows")


def test_a_taken_name_is_not_reused(train: Train, no_leaks: set[str], queue_frame: str) -> None:
    no_leaks.update(("again", "again_rows", "again_rows_2"))
    h2o.assign(h2o.get_frame(queue_frame)[0:1, :], "again_rows")
    job = train(model_id="again", generate_rows=5)
    trained(job)
    assert generated(job)["frame_id"] == "again_rows_2"


def test_what_cannot_be_generated_is_refused_before_the_training(queue_frame: str) -> None:
    given = {"training_frame": queue_frame, "generate_rows": 5}
    for asked, field, words in (
        ({"generated_frame": queue_frame}, "generated_frame", "already has something"),
        ({"generated_frame": "a\nb"}, "generated_frame", "control characters"),
        ({"generate_rows": 2_000_000_000}, "generate_rows", "rows fit"),
        ({"generate_rows": 0, "generated_frame": "free"}, "generate_rows", "is 0"),
        ({"generate_rows": -1}, "generate_rows", "at least 0"),
    ):
        assert words in messages("gan", **given | asked)[field]
    assert "choose the frame" in messages("gan")["training_frame"]
    assert messages("gan", **given) == {}
    data = {**given, "model_id": "same", "generated_frame": "same"}
    with pytest.raises(h2o.exceptions.H2OResponseError, match="is the name of the model"):
        h2o.api("POST /3/ModelBuilders/gan", data=data)
    assert "same" not in call("GET", "jobs").text


def test_the_model_stays_where_its_rows_fail(train: Train, no_leaks: set[str]) -> None:
    job = train(model_id="without_rows", generate_rows=5)
    trained(job)
    item = claim(job)
    assert item is not None
    body = {"token": item["token"], "message": "out of memory"}
    assert call("POST", f"jobs/{item['id']}/fail", json=body).status_code == 200
    end = ended(job["key"]["name"])
    assert end["status"] == "FAILED"
    assert "'without_rows' is trained, but its rows could not" in end["exception"]
    assert "out of memory" in end["exception"]
    assert "generated_frame" not in output("without_rows")
    h2o.remove("without_rows")


def test_a_cancelled_training_generates_nothing(train: Train, no_leaks: set[str]) -> None:
    job = train(model_id="cut_rows", generate_rows=5)
    item = claim(job)
    assert item is not None
    checkpoint(item, b"model so far")
    cancel(job)
    while not heartbeat(item).json()["cancel"]:
        pass
    finish(item, b"model")
    assert ended(job["key"]["name"])["status"] == "CANCELLED"
    assert "generated_frame" not in output("cut_rows")
    h2o.remove("cut_rows")


@pytest.fixture(scope="module")
def model(queue_frame: str) -> Iterator[str]:
    """A model whose rows a test sends in its place."""
    data = {"training_frame": queue_frame, "model_id": "form_gan"}
    job = h2o.api("POST /3/ModelBuilders/gan", data=data)["job"]
    trained(job)
    ended(job["key"]["name"])
    yield "form_gan"
    h2o.remove("form_gan")


def test_a_form_generates_rows_of_a_model(model: str, no_leaks: set[str]) -> None:
    asked = {"rows": 5, "conditions": "x = 1.5..2e3; text = a = b;one=;", "seed": 3}
    for frame, more in (("form_gan_rows", {}), ("named", {"model": model, "frame": "named"})):
        job = h2o.api("POST /3/ModelBuilders/ganrows", data={**asked, **more})["job"]
        assert (job["dest"]["name"], job["dest"]["type"]) == (frame, "Key<Frame>")
        item = generated(job)
        assert (item["model_id"], item["parameters"]["rows"], item["parameters"]["seed"]) == (
            model, 5, 3,
        )  # fmt: skip
        conditions = {"x": {"low": 1.5, "high": 2000}, "text": "a = b", "one": None}
        assert item["parameters"]["conditions"] == conditions
        h2o.remove(frame)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("model", "none", "'none' is not a trained GAN of the cluster; there are "),
        ("model", "queue_frame", "is not a trained GAN"),
        ("rows", 0, "rows must be from 1"),
        ("rows", 10**12, "rows fit"),
        ("frame", "queue_frame", "already has something"),
        ("conditions", "x", "write column = value"),
        ("conditions", "x = tall", "needs a number or a range such as 30..40, not 'tall'"),
        ("conditions", "y = 1", "the model has no column 'y'; it has x, one, text"),
        ("conditions", "{bad", "or JSON"),
        ("conditions", '{"x": {"from": 1}}', "'from' is not known"),
        ("balance", "y", "the model has no column 'y'"),
        ("seed", -2, "seed must be at least -1"),
        ("temperature", 0, "temperature must"),
        ("wait_for_worker_secs", -1, "must be at least 0"),
    ],
)
def test_a_form_tells_errors_at_their_fields(
    model: str, field: str, value: Any, words: str
) -> None:
    assert words in messages("ganrows", **{field: value})[field]
    with pytest.raises(h2o.exceptions.H2OResponseError) as error:
        h2o.api("POST /3/ModelBuilders/ganrows", data={field: value, "rows": 5} | {field: value})
    assert words in str(error.value)


def test_rows_have_no_grid(model: str) -> None:
    with pytest.raises(h2o.exceptions.H2OResponseError, match="not gridable"):
        h2o.api("POST /99/Grid/ganrows", data={"hyper_parameters": '{"rows": [3, 4]}'})


def test_help_of_ours_stands_where_that_of_h2o_does_not_fit(model: str) -> None:
    builder = json_of("/3/ModelBuilders/gan")["model_builders"]["gan"]
    page = json_of(f"/3/Models/{model}")["models"][0]
    for parameters in (builder["parameters"], page["parameters"]):
        help = {parameter["name"]: parameter["help"] for parameter in parameters}
        assert help["weights_column"].startswith("Column of row weights, none negative.")
        assert "stopping_metric" not in help["stopping_rounds"]


def test_the_page_of_a_model_shows_nothing_raw(model: str) -> None:
    shown = {name for name, value in output(model).items() if value is not None}
    assert shown <= {
        "__meta", "names", "model_category", "model_summary", "scoring_history", "column_summary",
        "relation_summary", "quality", "training_metrics", "run_time",
        "reproducibility_information_table",  # Flow leaves it out.
    }  # fmt: skip
    assert output(model)["names"] == ["x", "one", "text"]


def test_quality_is_a_table_with_the_meaning_of_each_metric(
    train: Train, queue_frame: str, no_leaks: set[str]
) -> None:
    job = train(model_id="measured", validation_frame=queue_frame)
    item = claim(job)
    assert item is not None
    metrics = {"detection_auc": 0.5, "held_out_loss": None, "validation_detection_auc": 0.75}
    heartbeat(item, tables={"metrics": metrics})
    finish(item, b"model")
    ended(job["key"]["name"])
    shown = json_of("/3/Models/measured")["models"][0]["output"]["validation_metrics"]
    assert {name for name, value in shown.items() if value is not None} == {
        "__meta", "model", "frame", "model_category", "nobs", "detection_auc",
    }  # fmt: skip
    table = output("measured")["quality"]
    assert table.col_header == ["", "metric", "value", "validation_frame", "meaning"]
    assert [row[1:4] for row in table.cell_values] == [("detection_auc", 0.5, 0.75)]
    h2o.remove("measured")
