"""The page of images: how good and how varied they are, and whether they show their classes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from h2o_gan.reporting.document import Block, Figure, Figures, Section, Table, Text
from h2o_gan.reporting.images.inputs import ImageInputs
from h2o_gan.reporting.images.pictures import grid
from h2o_gan.reporting.images.sets import Sets, Space
from h2o_gan.reporting.measures.image_scores import (
    Neighbourhoods,
    frechet,
    frechet_multiple,
)
from h2o_gan.reporting.measures.statistics import bootstrap, share_interval
from h2o_gan.reporting.verdicts import Threshold, judged

__all__ = ["section"]

# On MNIST (5,000 images): other real images reach 0.9 times the Frechet distance, a good GAN 2 to
# 6, light noise (30 of 255) 34, two classes of ten 500, independent pixels 900.
FRECHET = Threshold(good=3.0, fair=10.0)
PRECISION = Threshold(good=0.05, fair=0.2, of="excess")
RECALL = Threshold(good=0.15, fair=0.5, of="excess")
COVERAGE = Threshold(good=0.08, fair=0.25, of="excess")
ACCURACY = Threshold(good=0.03, fair=0.1, of="excess")

_MOST = 5_000  # images of each kind
_FEWEST = 20  # of each kind, and of each class in the table
_SIDE = 32  # pixels of the longer side; larger images are averaged down
_TABLE_CLASSES = 100


def section(inputs: ImageInputs) -> Section:
    """Compare synthetic with unseen real images."""
    began = time.monotonic()
    blocks: list[Block] = [grid(inputs)]
    small = inputs.split().shrunk(_SIDE)
    rows = min(len(small.training), len(small.synthetic), len(small.unseen), _MOST)
    if rows < _FEWEST:
        reason = f"Not measured: {_FEWEST} images of each kind are needed, there are {rows}."
        blocks.append(Figures([_missing(name, reason) for name in _TITLES]))
    else:
        blocks += _measured(small, rows)
    return Section(
        "images",
        "Images",
        "Do synthetic images look like real ones, are they as varied, and do they show the class "
        "that they were asked for?",
        blocks,
        time.monotonic() - began,
    )


_TITLES = {
    "frechet": "Fréchet distance",
    "precision": "Precision",
    "recall": "Recall",
    "density": "Density",
    "coverage": "Coverage",
    "accuracy": "Class accuracy",
}


def _measured(inputs: ImageInputs, rows: int) -> list[Block]:
    """Figures and the table of classes."""
    rng = np.random.default_rng(inputs.seed)
    if inputs.stop.is_set():
        return []
    space = Space.of(inputs)
    if inputs.stop.is_set():
        return []
    sets = Sets.of(inputs, space, rows, rng)
    figures = [
        _frechet_figure(sets, rng),
        *_neighbourhood_figures(sets, rng),
        _accuracy_figure(sets),
    ]
    size = " x ".join(str(side) for side in inputs.training.shape[1:3])
    blocks: list[Block] = [
        Figures(figures),
        Text(
            f"Measured on {rows:,} images of each kind at {size} pixels, against unseen real "
            f"images. Features: {space.text}. The reference is what as many training images reach; "
            "independent images have each pixel drawn from those at the same position. The figures "
            "depend on the number of images, so compare them with the references beside them.",
            tone="note",
        ),
    ]
    if inputs.unseen_is_training:
        blocks.append(
            Text(
                "There are no unseen images: one half of the training images stands in for them, "
                "which flatters a model that repeats its training images.",
                tone="warning",
            )
        )
    table = _class_table(sets, inputs.levels)
    return blocks if table is None else [*blocks, table]


def _missing(name: str, reason: str) -> Figure:
    figure = Figure(f"images.{name}", _TITLES[name], None, text=reason)
    return replace(figure, best="low", unit="number") if name == "frechet" else figure


def _frechet_figure(sets: Sets, rng: np.random.Generator) -> Figure:
    training, synthetic, unseen = (
        part.features for part in (sets.training, sets.synthetic, sets.unseen)
    )
    value, low, high = frechet_multiple(synthetic, training, unseen, rng)
    floor = max(frechet(training, unseen), 1e-12)
    figure = Figure(
        "images.frechet",
        _TITLES["frechet"],
        value,
        low,
        high,
        reference=1.0,
        independent=frechet(sets.independent.features, unseen) / floor,
        best="low",
        unit="number",
        text="How far the whole set of synthetic images is from unseen real ones, as a multiple of "
        "the distance between two sets of real images. 1 is as near as real images are.",
        rows=len(synthetic),
    )
    return judged(figure, FRECHET)


def _neighbourhood_figures(sets: Sets, rng: np.random.Generator) -> list[Figure]:
    unseen = sets.unseen.features
    found, real, poor = (
        Neighbourhoods.of(unseen, part.features)
        for part in (sets.synthetic, sets.training, sets.independent)
    )
    rows = len(unseen)
    texts = {
        "precision": "Share of synthetic images that lie within the region of real images: low "
        "where images look wrong.",
        "recall": "Share of real images that lie within the region of synthetic images: low where "
        "the model leaves out kinds of images.",
        "coverage": "Share of real images that have a synthetic image nearby: low where the model "
        "leaves out kinds of images, or where images look wrong.",
    }
    limits = {"precision": PRECISION, "recall": RECALL, "coverage": COVERAGE}
    members = {"precision": "precise", "recall": "recalled", "coverage": "covered"}
    figures = []
    for name, text in texts.items():
        inside, reference, independent_share = (
            float(getattr(part, members[name]).mean()) for part in (found, real, poor)
        )
        low, high = share_interval(inside * rows, rows)
        figure = Figure(
            f"images.{name}",
            _TITLES[name],
            inside,
            low,
            high,
            reference,
            independent_share,
            text=text,
            rows=rows,
        )
        figures.append(judged(figure, limits[name]))
    density = found.density
    low, high = bootstrap(lambda index: float(density[index].mean()), rows, rng)
    figures.append(
        Figure(
            "images.density",
            _TITLES["density"],
            float(density.mean()),
            low,
            high,
            float(real.density.mean()),
            float(poor.density.mean()),
            unit="number",
            text="How close synthetic images are to where real images are frequent; above the "
            "reference where the model prefers typical images.",
            rows=rows,
        )
    )
    return figures


def _accuracy_figure(sets: Sets) -> Figure:
    hits, real, poor = (part.hits for part in (sets.synthetic, sets.unseen, sets.independent))
    if not len(hits):
        return _missing("accuracy", "Not measured: the images have no labels of classes.")
    low, high = share_interval(float(hits.sum()), len(hits))
    figure = Figure(
        "images.accuracy",
        _TITLES["accuracy"],
        float(hits.mean()),
        low,
        high,
        float(real.mean()) if len(real) else None,
        float(poor.mean()) if len(poor) else None,
        text="Share of synthetic images in which a classifier, trained on real images, recognises "
        "the class that they were generated for.",
        rows=len(hits),
    )
    return judged(figure, ACCURACY)


def _class_table(sets: Sets, levels: Sequence[str]) -> Table | None:
    """Shares, accuracy and Frechet distance by class."""
    parts = (sets.training, sets.synthetic, sets.unseen)
    labels, made_labels, recognised = (
        sets.training.labels,
        sets.synthetic.labels,
        sets.synthetic.recognised,
    )
    if labels is None or made_labels is None or recognised is None:
        return None
    hit = recognised == made_labels
    counts = np.bincount(labels[labels >= 0], minlength=len(levels))
    cells, marks = [], {}
    for at, code in enumerate(np.argsort(-counts, kind="stable")[:_TABLE_CLASSES]):
        inside = [part.of_class(int(code)) for part in parts]
        few = min(int(part.sum()) for part in inside)
        multiple = None
        if few >= _FEWEST:
            real, made, other = (
                part.features[chosen][:few] for part, chosen in zip(parts, inside, strict=True)
            )
            multiple = frechet(made, other) / max(frechet(real, other), 1e-12)
        shares = [float(part.mean()) for part in inside[:2]]
        accuracy = float(hit[inside[1]].mean()) if inside[1].any() else None
        cells.append((levels[code], *shares, accuracy, multiple))
        if shares[1] < shares[0] / 2:
            marks[f"{at},2"] = "poor"
    return Table(
        "images.classes",
        "Classes",
        [
            ("class", "string"),
            ("share of training images", "share"),
            ("share of synthetic images", "share"),
            ("accuracy", "share"),
            ("Fréchet distance", "number"),
        ],
        cells,
        marks,
        "The Fréchet distance is a multiple of that of as many training images of the class; it "
        f"needs {_FEWEST} images of each kind. Marked: less than half as frequent as in training.",
    )
