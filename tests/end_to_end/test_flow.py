"""H2O Flow in a real browser: a person imports a file, builds a GAN and generates rows, by clicks.

Screenshots are kept in H2O_GAN_SCREENSHOTS, or in pytest's folder of the test.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h2o
import numpy as np
import pandas as pd
import pytest
from h2o.backend import H2OConnection

from h2o_gan import H2OGANEstimator, extension

playwright = pytest.importorskip("playwright.sync_api")

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.skipif(extension.jar() is None, reason="the extension is not built: needs a JDK"),
    pytest.mark.skipif(
        BROWSER is None, reason="there is no chromium; on Debian: apt install chromium"
    ),
]


class Flow:
    """Flow as a person sees it: buttons, fields and links by their words."""

    def __init__(self, page: Any, url: str, folder: Path) -> None:
        self.page = page
        self._folder = folder
        self._shots = 0
        page.goto(f"{url}/flow/index.html")
        page.get_by_role("link", name="importFiles").wait_for()

    @property
    def cell(self) -> Any:
        """What the latest cell shows."""
        return self.page.locator(".flow-cell-outputs").last

    def words(self, words: str) -> Any:
        """The latest button or link of these very words."""
        exact = re.compile(rf"^\W*{words}\W*$")
        return self.page.locator("button:visible, a:visible").filter(has_text=exact).last

    def click(self, words: str) -> None:
        self.words(words).wait_for()
        self.page.wait_for_timeout(700)  # A click is lost while Flow scrolls to a new cell.
        self.words(words).click()

    def field(self, name: str, control: str) -> Any:
        """A control of the form in the latest cell."""
        label = self.page.locator("label:visible").filter(has_text=re.compile(rf"^{name}$"))
        row = self.cell.locator("tr").filter(has=label).last
        return row.locator(f"{control}:visible").first

    def menu(self, name: str, entry: str) -> None:
        """Choose an entry of a menu, and wait for its cell."""
        cells = self.page.locator(".flow-cell").count()
        title = re.compile(rf"^\s*{name}\s*$")
        self.page.locator("a:visible").filter(has_text=title).first.click()
        self.click(entry)
        self.page.locator(".flow-cell").nth(cells).wait_for()

    def tables(self) -> dict[str, str]:
        """Titles and texts of all tables on the page of a model, which the latest cell shows."""
        titles = self.cell.locator("h4:visible")
        titles.first.wait_for()
        found = {}
        for title in titles.all():
            self.page.wait_for_timeout(100)
            table = title.locator("xpath=following-sibling::*[1]")
            if not table.is_visible():
                title.click()
            found[title.inner_text().strip().lower()] = table.inner_text()
        return found

    def shoot(self, name: str) -> None:
        self.page.wait_for_timeout(700)
        self._shots += 1
        self.page.screenshot(path=self._folder / f"{self._shots}_{name}.png")


@pytest.fixture
def flow(cluster: H2OConnection, tmp_path: Path) -> Iterator[Flow]:
    folder = Path(os.environ.get("H2O_GAN_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(20_000)
        try:
            made = Flow(page, cluster.base_url, folder)
            try:
                yield made
            finally:
                made.shoot("end")
        finally:
            browser.close()


@pytest.fixture
def worker(cluster: H2OConnection, tmp_path: Path) -> Iterator[None]:
    command = [str(Path(sys.executable).with_name("h2o-gan")), "worker", "--device", "cpu"]
    with (tmp_path / "worker.log").open("w") as log:
        process = subprocess.Popen([*command, "--url", cluster.base_url], stderr=log)
    yield
    process.terminate()
    process.wait(30)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A file to import."""
    random = np.random.default_rng(0)
    size = random.normal(size=1500)
    height = (170 + 9 * size).round(1)
    table = pd.DataFrame(
        {
            "height": height,
            "weight": (70 + 10 * size + 5 * random.normal(size=1500)).round(1),
            "group": np.where(size + random.normal(size=1500) > 0, "tall", "short"),
            "inches": (height / 2.5).round(2),
        }
    )
    file = tmp_path / "people.csv"
    table.to_csv(file, index=False)
    return file


def import_file(flow: Flow, file: Path) -> None:
    """Import and parse a file; its frame is shown then."""
    flow.page.get_by_role("link", name="importFiles").click()
    path = flow.page.get_by_placeholder("Enter a file or directory path").last
    path.fill(str(file))
    path.press("Enter")
    flow.words("Add all").wait_for()
    path.press("Escape")
    flow.click("Add all")
    flow.click("Import")
    flow.click("Parse these files")
    flow.click("Parse")
    flow.cell.get_by_text("DONE", exact=True).last.wait_for()
    flow.click("View")


@pytest.mark.usefixtures("worker")
def test_a_person_builds_a_gan_and_generates_rows(
    flow: Flow, people: Path, no_leaks: set[str]
) -> None:
    no_leaks.update(
        ("people_gan", "people.hex", "people_gan_rows", "tall_people", f"nfs:/{people}")
    )
    page = flow.page
    import_file(flow, people)

    # Of the frame: the algorithm is among those that it offers.
    flow.click("Build Model")
    algorithms = page.locator("select", has=page.locator("option", has_text="Adversarial"))
    algorithms.last.select_option(label="Generative Adversarial Network")
    flow.field("model_id", "input").fill("people_gan")
    assert flow.field("training_frame", "select").input_value() == "people.hex"
    assert flow.field("device", "select").locator("option").all_inner_texts() == [
        "(Choose...)", "auto", "cpu", "cuda", "mps",
    ]  # fmt: skip

    # What is wrong is told at its field, before anything is trained.
    wrong = {
        "epochs": ("-3", "epochs must be at least 1"),
        "generated_frame": ("people.hex", "already has something under the key 'people.hex'"),
        "generator_architecture": ("{hidden", "generator_architecture must be a JSON object"),
    }
    for name, (value, words) in wrong.items():
        flow.field(name, "input").fill(value)
        flow.click("Build Model")
        page.get_by_text(words).wait_for()
        flow.field(name, "input").fill("400" if name == "epochs" else "")
    flow.shoot("form")
    flow.click("Build Model")

    # It is watched while it trains, and cancelled.
    flow.cell.get_by_text(re.compile(r"epoch \d+, generator_loss")).first.wait_for()
    flow.shoot("training")
    flow.click("Cancel Job")
    page.wait_for_function("() => !document.body.innerText.includes('Started at')")

    # Another one, with rows, from the menu. It needs a frame.
    flow.menu("Model", "Generative Adversarial Network...")
    flow.field("model_id", "input").fill("people_gan")
    flow.click("Build Model")
    page.get_by_text("choose the frame to train on").wait_for()
    flow.field("training_frame", "select").select_option("people.hex")
    filled = {"epochs": "20", "generate_rows": "300", "constraints": "height > weight; weight > 0"}
    for name, value in {**filled, "discriminator_epochs": "1"}.items():
        flow.field(name, "input").fill(value)
    flow.click("Build Model")
    flow.cell.get_by_text("DONE", exact=True).last.wait_for(timeout=60_000)
    flow.click("View")

    # The model's page: tables that read well.
    tables = flow.tables()
    flow.shoot("model")
    assert set(tables) == {
        "model parameters", "output", "names", "output - model summary", "output - scoring history",
        "output - training_metrics", "output - quality", "output - column summary",
        "output - relations",
    }  # fmt: skip
    assert "0.5 is ideal" in tables["output - quality"]
    assert "height = 2.5 * inches" in tables["output - relations"]

    # Its rows are one click away.
    flow.click("people_gan_rows")
    flow.cell.get_by_text("weight").first.wait_for()
    flow.shoot("rows")

    # More rows, of the model that exists.
    flow.menu("Model", "GAN: generate rows...")
    asked = {"rows": "200", "frame": "tall_people", "conditions": "group = huge; height = 160..190"}
    for name, value in asked.items():
        flow.field(name, "input").fill(value)
    flow.click("Build Model")
    page.get_by_text("column 'group' has no level \"huge\"; it has short, tall").wait_for()
    flow.field("conditions", "input").fill("group = tall; height = 160..190")
    flow.field("conditions", "input").press("Tab")
    page.get_by_text("has no level").wait_for(state="hidden")
    flow.shoot("generate")
    flow.click("Build Model")
    flow.cell.get_by_text("DONE", exact=True).last.wait_for()
    flow.click("View")
    flow.cell.get_by_text("weight").first.wait_for()

    page.wait_for_load_state("networkidle")  # Summaries that come late would stay.
    rows, tall = h2o.get_frame("people_gan_rows"), h2o.get_frame("tall_people")
    assert (rows.nrow, tall.nrow) == (300, 200)
    assert rows.types == tall.types == h2o.get_frame("people.hex").types
    assert tall["group"].table().as_data_frame(use_pandas=True)["group"].tolist() == ["tall"]
    assert 160 <= tall["height"].min() <= tall["height"].max() <= 190
    assert isinstance(h2o.get_model("people_gan"), H2OGANEstimator)


def test_a_person_finds_odd_rows(flow: Flow, people: Path, no_leaks: set[str]) -> None:
    no_leaks.update(
        ("odd_gan", "people.hex", "odd_people", "combined-odd_people", f"nfs:/{people}")
    )
    import_file(flow, people)
    flow.cell.get_by_text("weight").first.wait_for()
    H2OGANEstimator(model_id="odd_gan", max_runtime_secs=2).train(
        training_frame=h2o.get_frame("people.hex")
    )
    flow.menu("Model", "List All Models")
    flow.click("odd_gan")
    flow.tables()
    flow.click("Predict")
    flow.field("Name:", "input").fill("odd_people")
    flow.field("Frame:", "select").select_option("people.hex")
    flow.click("Predict")
    flow.click("Combine predictions with frame")
    flow.shoot("predictions")
    odd = h2o.get_frame("odd_people")
    assert odd.nrow == 1500
    assert "anomaly_score" in odd.names
