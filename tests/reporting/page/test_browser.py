"""The page in a real browser: silent, readable, narrow, printable.

Screenshots are kept in the folder that H2O_GAN_SCREENSHOTS names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from documents import sample_document

from h2o_gan.reporting.document import to_json
from h2o_gan.reporting.page import render, summary_html

playwright = pytest.importorskip("playwright.sync_api")

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="there is no chromium; on Debian: apt install chromium"
)

# The contrast of each text with its background (WCAG 2): colours are composed from the elements
# behind the text, since most of them have none.
CONTRAST = """
() => {
  const parse = (text) => {
    const numbers = text.match(/[\\d.]+/g).map(Number);
    return text.startsWith('color(') ? [...numbers.slice(0, 3).map((n) => n * 255), numbers[3] ?? 1]
                                     : [...numbers.slice(0, 3), numbers[3] ?? 1];
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((n) => n / 255)
      .map((n) => n <= 0.03928 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    if (element.closest('title, desc, style')) continue;
    const style = getComputedStyle(element);
    let behind = null;
    for (let at = element; at && !behind; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) behind = colour;
    }
    behind ??= [255, 255, 255, 1];
    const text = parse(element.closest('svg') ? style.fill : style.color);
    const pair = [light(text.slice(0, 3)), light(behind.slice(0, 3))].sort((a, b) => b - a);
    found.push([(pair[0] + 0.05) / (pair[1] + 0.05), element.className.baseVal ?? element.className,
                walker.currentNode.data.trim().slice(0, 40)]);
  }
  return found;
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(json.loads(json.dumps(to_json(sample_document())))), encoding="utf-8")
    return path


def shoot(page: Any, name: str) -> None:
    """Keep a picture of the whole page, where they are asked for."""
    if folder := os.environ.get("H2O_GAN_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"report_{name}.png", full_page=True)


def opened(browser: Any, file: Path, width: int = 1280, scheme: str = "light") -> Any:
    """The page, whose requests, messages and errors are collected in `noise`."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.noise = []
    page.on("request", lambda request: page.noise.append(request.url))
    page.on("console", lambda message: page.noise.append(message.text))
    page.on("pageerror", lambda error: page.noise.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_load_state("networkidle")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_silent_and_legible(browser: Any, file: Path, scheme: str) -> None:
    page = opened(browser, file, scheme=scheme)
    loaded = [noise for noise in page.noise if not noise.startswith("data:")]
    assert loaded == [file.as_uri()]
    assert page.evaluate("window.hacked") is None
    page.locator("summary").click()
    contrasts = page.evaluate(CONTRAST)
    assert len(contrasts) > 500
    faint = [entry for entry in contrasts if entry[0] < 4.5]
    assert not faint, faint[:10]
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(255, 255, 255)") == (scheme == "light")
    shoot(page, scheme)
    page.close()


@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_leaves_the_window(browser: Any, file: Path, width: int) -> None:
    page = opened(browser, file, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = page.locator(".scroll")
    for index in range(boxes.count()):
        box = boxes.nth(index).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
    if width == 360:
        assert page.evaluate(
            "document.querySelector('.quiz .scroll').scrollWidth > 360"
        )  # it scrolls by itself
        shoot(page, "phone")
    page.close()


def test_the_quiz_counts_and_answers(browser: Any, file: Path) -> None:
    page = opened(browser, file)
    boxes = page.locator(".quiz input")
    assert boxes.count() == 40
    answers = sample_document().answers
    for index in (0, 1, 2):
        boxes.nth(index).check()
    answer = page.locator(".quiz .answer").first
    assert not answer.is_visible()
    page.locator("summary").click()
    assert answer.is_visible()
    named = re.findall(r"\d+", page.locator("details p").inner_text().split(".")[0])
    assert [int(row) for row in named] == [i + 1 for i, real in enumerate(answers) if real]
    score = page.evaluate("getComputedStyle(document.querySelector('.score'), '::before').content")
    assert "counter(ticked)" in score and "counter(hits)" in score
    page.close()


def test_a_keyboard_skips_to_the_content(browser: Any, file: Path) -> None:
    page = opened(browser, file)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    box = page.locator(".skip").bounding_box()
    assert box["width"] > 50 and box["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.close()


def test_it_prints(browser: Any, file: Path) -> None:
    page = opened(browser, file, scheme="dark")
    printed = page.pdf(prefer_css_page_size=True, outline=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert 4 < pages < 20
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("#answer-title").is_visible()
    assert not page.locator(".quiz details").is_visible()
    assert not page.locator("nav").is_visible()
    page.close()


def test_verdicts_and_identity_are_on_the_first_sheet(browser: Any, file: Path) -> None:
    """Verdicts, quiz and the beginning of the identity fit an A4 page without its margins."""
    page = opened(browser, file)
    page.emulate_media(media="print")
    width, height = (210 - 28) / 25.4 * 96, (297 - 23) / 25.4 * 96
    page.set_viewport_size({"width": round(width), "height": round(height)})
    box = page.locator("#identity table").first.bounding_box()
    assert box["y"] + box["height"] <= height
    right = page.evaluate("document.querySelector('.rows').getBoundingClientRect().right")
    assert right <= width + 1
    page.close()


@pytest.mark.parametrize("background", ["#ffffff", "#111111"])
def test_the_fragment_is_legible_in_notebooks(browser: Any, background: str) -> None:
    page = browser.new_page()
    ink = "#000000" if background == "#ffffff" else "#dddddd"
    fragment = summary_html(to_json(sample_document()))
    page.set_content(f"<body style='background:{background};color:{ink}'>{fragment}")
    assert all(entry[0] >= 4.5 for entry in page.evaluate(CONTRAST))
    page.close()
