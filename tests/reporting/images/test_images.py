"""The page of images, on sets that it has to tell apart."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from h2o_gan.reporting.document import Figure, Pictures, Section, Table, figures_of, to_json
from h2o_gan.reporting.images import copies, quality, sets
from h2o_gan.reporting.images.inputs import ImageInputs
from h2o_gan.reporting.measures.image_scores import independent_pixels

QUALITY = ("frechet", "precision", "recall", "coverage")
LEVELS = tuple(f"digit {code}" for code in range(10))


@pytest.fixture(autouse=True)
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digits of 64 pixels are learnt in fewer steps."""
    monkeypatch.setattr(sets, "_SEEN", 4_000)


def inputs(kind: str, labelled: bool = False) -> ImageInputs:
    """Digits with a set of some kind as the synthetic one."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.images))
    pixels = np.rint(data.images * (255 / 16)).astype(np.uint8)[order]
    labels = data.target.astype(np.int64)[order]
    training, unseen, other = slice(600), slice(600, 1200), slice(1200, None)
    rng = np.random.default_rng(1)
    made, codes = pixels[other], labels[other]
    if kind == "copies":
        made, codes = pixels[training], labels[training]
    elif kind == "independent":
        made, codes = independent_pixels(pixels[training], rng), labels[training]
    elif kind == "noisy":
        made = np.clip(made + rng.normal(0, 60, made.shape), 0, 255).astype(np.uint8)
    elif kind == "collapsed":
        few = labels < 2
        made, codes = pixels[few], labels[few]
    classes = (labels[training], codes, labels[unseen]) if labelled else (None, None, None)
    return ImageInputs(pixels[training], made, pixels[unseen], *classes, levels=LEVELS)


@cache
def sections(kind: str, labelled: bool = False) -> tuple[Section, Section]:
    case = inputs(kind, labelled)
    return quality.section(case), copies.section(case)


def figures(kind: str, labelled: bool = False) -> dict[str, Figure]:
    found = (figure for section in sections(kind, labelled) for figure in figures_of(section))
    return {figure.name.removeprefix("images."): figure for figure in found}


@pytest.mark.parametrize("labelled", [False, True])
def test_unseen_images_are_good(labelled: bool):
    found = figures("unseen", labelled)
    verdicts = {name: figure.verdict for name, figure in found.items()}
    assert verdicts.pop("density") is None
    assert verdicts.pop("accuracy") == ("good" if labelled else None)
    assert set(verdicts.values()) == {"good"}, verdicts


@pytest.mark.parametrize("labelled", [False, True])
def test_copies_are_good_and_not_private(labelled: bool):
    found = figures("copies", labelled)
    assert all(found[name].verdict == "good" for name in QUALITY)
    for name in ("copies", "near_copies", "membership_auc", "membership_tpr"):
        assert found[name].verdict == "poor", name
    assert found["membership_auc"].low > 0.9


@pytest.mark.parametrize("labelled", [False, True])
def test_independent_pixels_are_poor_and_private(labelled: bool):
    found = figures("independent", labelled)
    # Pixels alone make a wide cloud, in which real digits lie: recall then says nothing.
    for name in QUALITY if labelled else set(QUALITY) - {"recall"}:
        assert found[name].verdict == "poor", name
        assert found[name].value == pytest.approx(found[name].independent, rel=0.5, abs=0.05)
    assert not labelled or found["accuracy"].verdict == "poor"
    assert all(found[name].verdict == "good" for name in ("near_copies", "membership_auc"))


@pytest.mark.parametrize("labelled", [False, True])
def test_a_collapsed_set_lacks_variety_alone(labelled: bool):
    found = figures("collapsed", labelled)
    assert all(found[name].verdict == "poor" for name in ("frechet", "recall", "coverage"))
    assert found["precision"].verdict != "poor"


def test_noise_is_poor_and_between_the_others():
    noisy, good, poor = (figures(kind) for kind in ("noisy", "unseen", "independent"))
    assert noisy["frechet"].verdict != "good"
    assert noisy["precision"].verdict == "poor"
    for name in ("precision", "coverage"):
        assert poor[name].value < noisy[name].value < good[name].value


def block(section: Section, kind: type) -> list:
    return [part for part in section.blocks if isinstance(part, kind)]


def test_the_page_shows_classes_side_by_side():
    section, _ = sections("collapsed", labelled=True)
    (grid,), (table,) = block(section, Pictures), block(section, Table)
    assert grid.row_titles == list(LEVELS)
    assert {len(row) for row in grid.pictures} == {10}
    data, text = grid.pictures[1][0]
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (8, 8)
    assert text == "real image of class digit 1"
    assert grid.pictures[5][5] == ("", "")  # there are no synthetic ones
    share = {row[0]: row[2] for row in table.rows}
    assert share["digit 0"] > 0.4 and share["digit 5"] == 0
    assert len(table.marks) == 8


def test_pairs_show_copies_beside_what_chance_gives():
    case = inputs("copies")
    (pairs,) = block(sections("copies")[1], Pictures)
    for made, training, unseen, _ in pairs.pictures:
        assert made[0] == training[0] != unseen[0]
    assert all(title.startswith("0.0 | ") for title in pairs.row_titles)
    hidden = replace(case, show_images=False)
    assert not block(copies.section(hidden), Pictures)
    assert {len(row) for row in block(quality.section(hidden), Pictures)[0].pictures} == {5}


def test_large_coloured_images_stay_small_on_the_page():
    rng = np.random.default_rng(0)
    coloured = rng.integers(256, size=(60, 96, 80, 3)).astype(np.uint8)
    case = ImageInputs(coloured[:20], coloured[20:40], coloured[40:])
    sections = [quality.section(case), copies.section(case)]
    assert len(json.dumps(to_json(sections))) < 900_000
    rare = {figure.name: figure for figure in figures_of(sections[1])}
    assert rare["images.near_copies"].value is None
    assert "200 unseen images" in rare["images.near_copies"].text
    assert rare["images.membership_auc"].value is not None


def test_few_images_and_no_unseen_ones_are_explained():
    case = inputs("unseen")
    few = replace(case, unseen=case.unseen[:5])
    for section in (quality.section(few), copies.section(few)):
        for figure in figures_of(section):
            assert figure.value is None and "there are 5" in figure.text
    none = replace(case, unseen=case.training, unseen_is_training=True)
    measured = {figure.name: figure for figure in figures_of(quality.section(none))}
    assert measured["images.coverage"].verdict == "good"
    assert all(figure.value is None for figure in figures_of(copies.section(none)))


def test_labels_that_are_no_classes_do_not_matter():
    case = inputs("unseen", labelled=True)
    unique = replace(case, training_labels=np.arange(600), levels=tuple(map(str, range(600))))
    measured = {figure.name: figure for figure in figures_of(quality.section(unique))}
    assert measured["images.frechet"].verdict == "good"
    assert measured["images.accuracy"].value is None
    missing = replace(case, training_labels=np.where(np.arange(600) % 2, case.training_labels, -1))
    measured = {figure.name: figure for figure in figures_of(quality.section(missing))}
    assert measured["images.frechet"].verdict == "good"
    assert measured["images.accuracy"].value > 0.8
