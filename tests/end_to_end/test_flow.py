"""H2O Flow in a real browser: a person imports a file, builds a GAN, watches it and generates rows.

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


GENERATE = """
call = new XMLHttpRequest()
call.open "POST", "../3/GAN/models/people_gan/generate", no
call.send JSON.stringify rows: 500, destination_frame: "synthetic"
getJob JSON.parse(call.responseText).job.key.name
""".strip()


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
        """A control of the form to build a model."""
        label = self.page.locator("label:visible").filter(has_text=re.compile(rf"^{name}$"))
        row = self.page.locator("tr").filter(has=label).last
        return row.locator(f"{control}:visible").first

    def run(self, code: str) -> None:
        """Types a cell at the end of the notebook and runs it."""
        cells = self.page.get_by_placeholder("Expression...")
        self.page.wait_for_timeout(700)
        cells.last.click()
        cells.last.press("Escape")
        self.page.keyboard.press("b")
        self.page.keyboard.press("Enter")
        cells.last.fill(code)
        cells.last.press("Space")  # Flow takes a text in at a key, not when it is filled in.
        self.page.wait_for_timeout(300)
        cells.last.press("Control+Enter")
        ran = re.compile(r"\d+m?s\b|Started at")
        self.page.locator(".flow-cell").last.get_by_text(ran).first.wait_for()

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


@pytest.mark.usefixtures("worker")
def test_a_person_builds_a_gan(flow: Flow, tmp_path: Path, no_leaks: set[str]) -> None:
    random = np.random.default_rng(0)
    size = random.normal(size=1500)
    people = pd.DataFrame(
        {
            "height": (170 + 9 * size).round(1),
            "weight": (70 + 10 * size + 5 * random.normal(size=1500)).round(1),
            "group": np.where(size + random.normal(size=1500) > 0, "tall", "short"),
        }
    )
    file = tmp_path / "people.csv"
    people.to_csv(file, index=False)

    # Import and parse.
    page = flow.page
    page.get_by_role("link", name="importFiles").click()
    path = page.get_by_placeholder("Enter a file or directory path").last
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

    # The algorithm is in the menu, and among those that a frame offers.
    page.locator("a:visible").filter(has_text=re.compile(r"^\s*Model\s*$")).first.click()
    assert flow.words("Generative Adversarial Network").is_visible()
    page.keyboard.press("Escape")
    flow.click("Build Model")
    algorithms = page.locator("select", has=page.locator("option", has_text="Adversarial"))
    algorithms.last.select_option(label="Generative Adversarial Network")
    flow.field("model_id", "input").fill("people_gan")
    assert flow.field("training_frame", "select").input_value() == "people.hex"

    # What is wrong is told at its field.
    flow.field("epochs", "input").fill("-3")
    flow.click("Build Model")
    page.get_by_text("epochs must be at least 1").wait_for()
    flow.field("epochs", "input").fill("400")
    flow.field("constraints", "input").fill("height > weight; weight > 0")
    flow.shoot("form")
    flow.click("Build Model")

    # It is watched while it trains, and stopped once it has learned enough.
    flow.cell.get_by_text(re.compile(r"epoch \d+, generator_loss")).first.wait_for()
    flow.shoot("training")
    flow.click("Cancel Job")
    page.wait_for_function("() => !document.body.innerText.includes('Started at')")
    flow.run("getJobs")  # The job's own cell goes back to how it began.
    flow.cell.get_by_text("CANCELLED").last.wait_for()

    # The model, and the plot of its history.
    flow.run('getModel "people_gan"')
    flow.cell.get_by_text("Scoring History", exact=False).first.wait_for()
    # What was declared, and found, between columns.
    flow.cell.get_by_text("output - Relations").first.wait_for()
    flow.shoot("model")
    flow.run(
        'plot (g) -> g(g.path(g.position "epoch", "held_out_loss"), '
        'g.from inspect "output - Scoring History", getModel "people_gan")'
    )
    flow.cell.locator("canvas, svg").first.wait_for()
    flow.shoot("plot")

    # Rows of it, looked at.
    flow.run(GENERATE)
    flow.cell.get_by_text("DONE", exact=True).last.wait_for()
    flow.shoot("generation")
    flow.click("View")
    flow.cell.get_by_text("weight").first.wait_for()
    flow.shoot("frame")
    synthetic = h2o.get_frame("synthetic")
    assert synthetic.nrow == 500
    assert synthetic.types == h2o.get_frame("people.hex").types
    assert isinstance(h2o.get_model("people_gan"), H2OGANEstimator)
    page.wait_for_load_state("networkidle")  # Summaries that come late would stay.
    for key in ("people_gan", "people.hex", "synthetic", f"nfs:/{file}"):
        h2o.remove(key)
