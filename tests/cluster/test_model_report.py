"""The tables of a report that a model of the cluster shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import h2o
import pytest
import requests
from h2o.exceptions import H2OValueError
from h2o.two_dim_table import H2OTwoDimTable
from queue_calls import claim, ended, finish

from h2o_gan import extension
from h2o_gan.cluster.model_report import store_report

pytestmark = [
    pytest.mark.usefixtures("cluster"),
    pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK"),
]
Train = Callable[..., dict[str, Any]]


def table(**columns: list[Any]) -> H2OTwoDimTable:
    kinds = ["string" if isinstance(v[0], str) else "double" for v in columns.values()]
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    return H2OTwoDimTable(
        table_header="", col_header=list(columns), col_types=kinds, cell_values=rows
    )


def shown(model: str) -> dict[str, Any]:
    url = f"{h2o.connection().base_url}/3/Models/{model}"
    output: dict[str, Any] = requests.get(url, timeout=60).json()["models"][0]["output"]
    return output


@pytest.fixture
def model(train: Train, no_leaks: set[str]) -> str:
    job = train(model_id="reported", report=True)
    item = claim(job)
    assert item is not None and item["parameters"]["report"] is True
    finish(item, b"model")
    assert ended(job["key"]["name"])["status"] == "DONE"
    no_leaks.add("reported")
    return "reported"


def test_a_model_shows_the_tables_of_its_last_report(model: str) -> None:
    assert not {"report", "report_columns", "report_attacks"} & set(shown(model))
    figures = table(figure=["fidelity.pairs", "privacy.membership"], value=[0.98, None])
    columns = table(column=["x"], distance=[0.01])
    store_report(model, {"figures": figures, "fidelity.columns": columns, "other": columns})
    output = shown(model)
    assert output["report"]["data"][1] == ["fidelity.pairs", "privacy.membership"]
    assert output["report"]["data"][2] == [0.98, "NaN"]
    assert output["report_columns"]["name"] == "Report: Columns"
    assert "report_attacks" not in output
    store_report(model, {"figures": table(figure=["a"], value=[1.0])})
    output = shown(model)
    assert output["report"]["data"][1:] == [["a"], [1.0]] and "report_columns" not in output


@pytest.mark.parametrize(
    "body, message",
    [
        ({"other": {"columns": [], "rows": []}}, "a report has no table 'other'"),
        ({"report": {"columns": [{"name": "a", "type": "uuid"}], "rows": []}}, "must have columns"),
        ({"report": 7}, "must have columns"),
        ([], "must be a JSON object"),
    ],
)
def test_tables_that_do_not_fit_are_refused(model: str, body: Any, message: str) -> None:
    url = f"{h2o.connection().base_url}/3/GAN/models/{model}/report"
    answer = requests.post(url, json=body, timeout=60)
    assert answer.status_code == 400 and message in answer.text
    assert "report" not in shown(model)


def test_a_model_that_is_not_there(cluster: Any) -> None:
    with pytest.raises(H2OValueError, match="there is no GAN 'nowhere'"):
        store_report("nowhere", {"figures": table(a=[1.0])})
