"""The functions for R, in R, against a cluster and a worker.

They need R with H2O's package h2o, and are skipped elsewhere.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import h2o
import numpy as np
import pyarrow as pa
import pytest
import requests
from h2o.backend import H2OConnection

from h2o_gan import extension
from h2o_gan.cluster.frames import ARROW

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "r_and_rest.md"
LIMIT_S = 120


@functools.cache
def missing() -> str | None:
    """What the tests need and this machine has not, or None."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        return "needs R"
    ask = 'quit(status = !requireNamespace("h2o", quietly = TRUE))'
    if subprocess.run([rscript, "-e", ask], capture_output=True, timeout=LIMIT_S).returncode:
        return "needs R's package h2o"
    return None


def run(code: str, folder: Path) -> str:
    """Run code in R, where h2o_gan.R lies beside it; returns its output.

    An error in R fails the test, with that output.
    """
    shutil.copy(extension.R_FUNCTIONS, folder)
    (folder / "code.R").write_text(code, encoding="utf-8")
    done = subprocess.run(
        ["Rscript", "--no-save", "code.R"],
        cwd=folder,
        env={**os.environ, "H2O_DISABLE_STRICT_VERSION_CHECK": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def connect(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The line of R that connects to a cluster with a worker."""
    if reason := missing():
        pytest.skip(reason)
    if extension.jar() is None:
        pytest.skip("the extension is not built: needs a JDK")
    cluster: H2OConnection = request.getfixturevalue("cluster")
    command = [str(Path(sys.executable).with_name("h2o-gan")), "worker", "--device", "cpu"]
    with (tmp_path_factory.mktemp("worker") / "worker.log").open("w") as log:
        worker = subprocess.Popen([*command, "--url", cluster.base_url], stderr=log)
    address = urlsplit(cluster.base_url)
    yield f'h2o.connect(ip = "{address.hostname}", port = {address.port})'
    worker.terminate()
    worker.wait(timeout=30)


@pytest.fixture
def r(connect: str, no_leaks: set[str], tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Runs code in R that is connected to the cluster; removes what it leaves there."""
    before = set(h2o.ls()["key"])
    start = f'suppressMessages(library(h2o))\nsource("h2o_gan.R")\n{connect}\nh2o.no_progress()\n'
    yield lambda code: run(start + code, tmp_path)
    no_leaks |= set(h2o.ls()["key"]) - before


@pytest.fixture
def people(r: Callable[[str], str]) -> str:
    """The key of a frame with numbers, levels with letters of other languages, times and gaps."""
    rng = np.random.default_rng(1)

    def drawn(values: list[Any], kind: pa.DataType) -> pa.Array:
        return pa.array([values[k] for k in rng.integers(0, len(values), 300)], kind)

    columns = {
        "age": drawn([20, 30, 40, 50, 60, None], pa.int64()),
        "tiny": drawn([k * 1e-7 for k in range(9)], pa.float64()),
        "city": drawn(["Brno", "České Budějovice", None], pa.string()).dictionary_encode(),
        "born": drawn([k * 86_400_000 for k in range(300)], pa.timestamp("ms", "UTC")),
    }
    return ARROW.write(pa.table(columns).to_reader(), "people_of_r").frame_id


def test_the_code_of_the_guide(connect: str, no_leaks: set[str], tmp_path: Path) -> None:
    blocks = re.findall(r"^```r\n(.*?)^```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 4
    code = "\n".join(blocks).replace("epochs = 100", "epochs = 1")
    own = 'h2o.connect(ip = "localhost", port = 54321)'
    assert code.count(own) == 1
    before = set(h2o.ls()["key"])
    checks = """
    stopifnot(nrow(both) == 1380, identical(colnames(synthetic), colnames(prostate)[2:9]))
    stopifnot(all(old$AGE >= 70), all(old$AGE <= 80), all(as.data.frame(old)$GLEASON %in% 6:7))
    stopifnot(sum(even$CAPSULE == "1") == 100, again@model_id == "prostate_gan")
    """
    try:
        run(code.replace(own, connect) + checks, tmp_path)
    finally:
        no_leaks |= set(h2o.ls()["key"]) - before


def test_conditions_arrive_as_r_has_them(r: Callable[[str], str], people: str) -> None:
    r(f"""
    people <- h2o.getFrame("{people}")
    gan <- h2o.gan(training_frame = people, epochs = 1, seed = 1)
    rows <- function(...) as.data.frame(h2o.gan_generate(gan, 30, conditions = list(...), seed = 7))
    days <- as.Date(c("1970-02-01", "1970-02-28"))
    some <- rows(age = c(30, 40), city = "České Budějovice", born = days)
    stopifnot(some$age %in% 30:40, some$city == "České Budějovice", inherits(some$born, "POSIXct"))
    stopifnot(as.numeric(some$born) / 86400 >= 31, as.numeric(some$born) / 86400 <= 58)
    some <- rows(age = list(20, 60), city = c("Brno", NA), tiny = 3e-7)
    stopifnot(some$age %in% c(20, 60), some$city %in% c("Brno", NA), some$tiny == 3e-7)
    some <- rows(age = NA, tiny = c(4e-7, Inf))
    stopifnot(is.na(some$age), some$tiny >= 4e-7)
    """)


def test_models_are_those_of_other_clients(r: Callable[[str], str], people: str) -> None:
    r(f"""
    train <- function(...) {{
      h2o.gan(x = c("age", "city"), y = "city", training_frame = "{people}", seed = 1, ...,
              column_types = c(age = "numeric"), constraints = c("age > 0", "age < 100"))
    }}
    gan <- train(epochs = 1, model_id = "gan_of_r", validation_frame = h2o.getFrame("{people}"))
    stopifnot(gan@algorithm == "gan", gan@parameters$epochs == 1, gan@parameters$y == "city")
    stopifnot(gan@parameters$x == "age", nrow(gan@model$column_summary) == 2)
    more <- train(epochs = 2, checkpoint = gan)
    stopifnot(nrow(h2o.scoreHistory(more)) == 2)
    rows <- function(gan, ...) as.data.frame(h2o.gan_generate(gan, 10, seed = 2^53 - 1, ...))
    stopifnot(identical(rows(gan), rows("gan_of_r", destination_frame = "rows_of_r")))
    stopifnot(nrow(h2o.getFrame("rows_of_r")) == 10)
    print(gan)
    summary(more)
    """)
    listed = h2o.api("GET /3/Models/gan_of_r")["models"][0]["parameters"]
    values = {parameter["name"]: parameter["actual_value"] for parameter in listed}
    assert values["constraints"] == "age > 0; age < 100"
    assert values["column_types"] == '{"age":"numeric"}'
    assert values["ignored_columns"] == ["tiny", "born"]


def test_errors_are_errors_of_r(r: Callable[[str], str], people: str) -> None:
    said = r(f"""
    tell <- function(code) {{
      cat("said:", tryCatch({{ code; "nothing" }}, error = conditionMessage), "\\n")
    }}
    people <- h2o.getFrame("{people}")
    tell(h2o.gan(training_frame = people, epoch = 1))
    tell(h2o.gan(training_frame = people, 5))
    tell(h2o.gan(training_frame = people, x = "age", y = "none"))
    tell(h2o.gan(training_frame = people, epochs = -1))
    tell(h2o.gan(training_frame = people, epochs = "many"))
    tell(h2o.gan(training_frame = people, constraints = "age > 1000", epochs = 1))
    gan <- h2o.gan(training_frame = people, epochs = 1)
    tell(h2o.gan_generate(gan, 0))
    tell(h2o.gan_generate(gan, 10, conditions = list(height = 3)))
    tell(h2o.gan_generate(gan, 10, conditions = list(city = "Olomouc")))
    tell(h2o.gan_generate(gan, 10, conditions = list(age = c(500, 600))))
    tell(h2o.gan_generate(gan, 10, conditions = list(age = c(20, 30, 40))))
    tell(h2o.gan_generate(gan, 10, conditions = c(age = 20)))
    tell(h2o.gan_generate("no_gan", 10))
    """)
    told = re.findall(r"^said: (.*?) $", said, re.MULTILINE | re.DOTALL)
    expected = [
        "h2o.gan has no parameter 'epoch'; it has architecture, batch_size, ",
        "out of range explanatory variable 5",
        "Invalid column names: none",
        "epochs must be at least 1, not -1",
        '"epochs" must be of type numeric, but got character',
        "constraints: the rule does not hold in the 300 training rows",
        "rows must be a number from 1 to 9007199254740992",
        "conditions: the model has no column 'height'; it has age, tiny, city, born",
        "conditions: column 'city' has no level \"Olomouc\"; it has Brno, České Budějovice",
        "conditions: column 'age' has no value (500, 600); it has values from 20 to 60.",
        "conditions: several numbers are a list, for example list(age = list(30, 40, 50))",
        "conditions must be a list with the names of columns, ",
        "there is no GAN 'no_gan' in the cluster",
    ]
    assert len(told) == len(expected)
    for message, words in zip(told, expected, strict=True):
        assert words in message


def test_rows_are_filled_and_rated(r: Callable[[str], str], people: str) -> None:
    """Predictions and anomalies by H2O's own functions."""
    address = f"{h2o.connection().base_url}/3/GAN/models/none/impute"
    if "there is no GAN 'none'" not in requests.post(address, json={}, timeout=60).text:
        pytest.skip("the extension does not fill and rate rows in the cluster")
    said = r(f"""
    people <- h2o.getFrame("{people}")
    gan <- h2o.gan(training_frame = people, epochs = 1, seed = 1, model_id = "rating_of_r")
    before <- as.data.frame(people)
    after <- as.data.frame(h2o.gan_impute(gan, "{people}", seed = 1))
    stopifnot(names(after) == names(before), !is.na(after$age), !is.na(after$city))
    stopifnot(after$age[!is.na(before$age)] == before$age[!is.na(before$age)])
    again <- h2o.gan_impute(gan, people, seed = 1, destination_frame = "filled_of_r")
    stopifnot(identical(after, as.data.frame(again)), h2o.getId(again) == "filled_of_r")
    scores <- as.data.frame(h2o.predict(gan, people))
    stopifnot(nrow(scores) == 300, is.finite(scores$anomaly_score), is.finite(scores$log_density))
    alone <- as.data.frame(h2o.anomaly(gan, people))
    stopifnot(identical(alone[[1]], scores$anomaly_score))
    stopifnot(dim(h2o.anomaly(gan, people, per_feature = TRUE)) == c(300, 4))
    performance <- h2o.performance(gan, people)
    stopifnot(is(performance, "H2OAnomalyDetectionMetrics"))
    stopifnot(abs(performance@metrics$mean_score - mean(scores$anomaly_score)) < 1e-6)
    print(performance)
    h2o.rapids('(assign rapids_of_r (gan.generate "rating_of_r" 5 1))')
    stopifnot(dim(h2o.getFrame("rapids_of_r")) == c(5, 4))
    """)
    assert "Normalized Anomaly Score: 0." in said
