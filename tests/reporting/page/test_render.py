"""The page and the notebook's fragment: whole, escaped, self-contained; and the schema."""

from __future__ import annotations

import copy
import dataclasses
import json
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import jsonschema
import pytest
from documents import EMOJI, HOSTILE, IMAGE, LONG, SCRIPT, sample_document

from h2o_gan.reporting import document as objects
from h2o_gan.reporting.document import Document, to_json
from h2o_gan.reporting.page import render, summary_html
from h2o_gan.reporting.page.render import _environment

VOID = {"meta", "link", "input", "img", "wbr"}


class Elements(HTMLParser):
    """All elements with their attributes, all texts, and whether tags are balanced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def named(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The sample, after a way through a file."""
    return json.loads(json.dumps(to_json(sample_document())))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def page(document: dict[str, Any]) -> Elements:
    return Elements(render(document))


def schema() -> dict[str, Any]:
    text = resources.files("h2o_gan.reporting").joinpath("schema.json").read_text("utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


def test_the_schema_accepts_reports_and_nothing_else(document: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    validator.check_schema(validator.schema)
    assert not list(validator.iter_errors(document))

    section = document["sections"][0]
    figures = next(block for block in section["blocks"] if block["block"] == "figures")
    small = {**document, "quiz": None, "sections": [{**section, "blocks": [figures]}]}
    assert validator.is_valid(small)
    for name, value in {"title": 3, "extra": 1, "sections": None}.items():
        assert not validator.is_valid({**small, name: value}), name
    for name, value in {"verdict": "great", "value": "1", "extra": None}.items():
        wrong = copy.deepcopy(small)
        wrong["sections"][0]["blocks"][0]["figures"][0][name] = value
        assert not validator.is_valid(wrong), name


def test_the_schema_describes_every_member_of_every_class() -> None:
    def described(node: Any) -> Iterator[tuple[dict[str, Any], str]]:
        if isinstance(node, dict):
            for name, member in node.get("properties", {}).items():
                yield member, name
            for member in node.values():
                yield from described(member)
        elif isinstance(node, list):
            for member in node:
                yield from described(member)

    whole = schema()
    for member, name in described(whole):
        assert member["description"].endswith("."), name
    for name in ("Figure", "Text", "Table", "Series", "Distribution", "Curves", "Matrices",
                 "Pictures", "Section"):  # fmt: skip
        kind = getattr(objects, name)
        members = {field.name for field in dataclasses.fields(kind)}
        members |= {"block"} & set(dir(kind))
        assert set(whole["$defs"][name.lower()]["properties"]) == members
    assert set(whole["properties"]) == {field.name for field in dataclasses.fields(Document)}


def test_no_text_becomes_markup(page: Elements) -> None:
    assert not page.open
    assert not page.named("script", "iframe", "object", "embed", "base", "form")
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), attributes
    assert {name for image in page.named("img") for name in image} == {"src", "alt"}
    text = "".join(page.texts)
    assert SCRIPT in text
    assert IMAGE in text
    assert EMOJI in text
    assert "\ud800" not in text and "\x00" not in text
    styles = page.named("style")
    assert len(styles) == 1


def test_every_name_may_be_hostile() -> None:
    """Each text of the document in turn is replaced; the page has the same elements."""

    def spoiled(node: Any, text: str) -> Any:
        if isinstance(node, dict):
            kept = ("block", "verdict", "best", "unit", "tone", "marks", "name", "pictures")
            return {
                name: member if name in kept else spoiled(member, text)
                for name, member in node.items()
            }
        if isinstance(node, list):
            if len(node) == 2 and node[1] in ("string", "number", "share", "auc", "whole"):
                return [text, node[1]]
            return [spoiled(member, text) for member in node]
        return text if isinstance(node, str) else node

    base = to_json(sample_document())
    base["summary"] = base["summary"][:-1]
    plain = Elements(render(spoiled(base, "x")))
    for text in ("".join(text for text in HOSTILE if text != LONG), LONG):
        page = Elements(render({**spoiled(base, text), "summary": base["summary"]}))
        assert not page.open
        assert {tag for tag, _ in page.elements} <= {tag for tag, _ in plain.elements} | {"p"}


def test_it_is_small_and_complete(document: dict[str, Any], page: Elements) -> None:
    html = render(document)
    assert len(html.encode()) < 500_000
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    links = {link["href"] for link in page.named("a")}
    assert links <= {f"#{name}" for name in ids}
    text = " ".join("".join(page.texts).split())
    for section in document["sections"]:
        assert section["lead"] in text
        for block in section["blocks"]:
            for figure in block.get("figures", ()):
                assert figure["text"] in text
    assert "No column was chosen." in text
    assert "good from 98%, fair from 95%" in text


def test_it_is_marked_up_for_everyone(page: Elements) -> None:
    assert page.named("html")[0]["lang"] == "en"
    assert len(page.named("h1")) == len(page.named("main")) == len(page.named("nav")) == 1
    assert page.named("nav")[0]["aria-label"]
    ids = {attributes.get("id") for _, attributes in page.elements}
    for image in page.named("svg"):
        assert image["role"] == "img"
        assert set((image["aria-labelledby"] or "").split()) <= ids
    assert len(page.named("table")) == len(page.named("caption"))
    assert all(header.get("scope") for header in page.named("th"))
    assert all(image.get("alt") for image in page.named("img"))
    headings = [tag for tag, _ in page.elements if tag in ("h1", "h2", "h3", "h4")]
    assert headings[0] == "h1" and set(headings[1:]) == {"h2"}


def test_an_empty_report_has_a_page() -> None:
    nothing = Document("", "", {}, (), None, (), (), {})
    assert "No figure was measured." in render(to_json(nothing))
    assert "Independent columns" in summary_html(to_json(nothing))


def test_the_fragment_needs_no_style_sheet(document: dict[str, Any]) -> None:
    fragment = Elements(summary_html(document))
    assert not fragment.open
    assert not fragment.named("script", "style", "link", "img", "svg")
    assert not [attributes for _, attributes in fragment.elements if "class" in attributes]
    text = "".join(fragment.texts)
    assert document["title"] in text
    assert "Pairs of columns" in text and "96.2%" in text and "fair" in text
    assert LONG not in text


def test_jinja2_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    _environment.cache_clear()
    with pytest.raises(ImportError, match=r'pip install "h2o-gan\[report\]"'):
        summary_html({})
