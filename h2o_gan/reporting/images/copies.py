"""Privacy of images: near copies of training images, and an attack that looks for them."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from h2o_gan.reporting.document import Block, Figure, Figures, Pictures, Section, Text
from h2o_gan.reporting.images.inputs import ImageInputs
from h2o_gan.reporting.images.pictures import picture
from h2o_gan.reporting.measures.image_scores import Nearest, near, nearest, true_positives
from h2o_gan.reporting.measures.statistics import auc_interval, bootstrap, share_interval
from h2o_gan.reporting.verdicts import Threshold, judged

__all__ = ["section"]

Array = npt.NDArray[np.float64]

COPIES = Threshold(good=0.002, fair=0.01, of="excess")
NEAR_COPIES = Threshold(good=0.03, fair=0.06)
AUC = Threshold(good=0.55, fair=0.6)
TRUE_POSITIVES = Threshold(good=0.05, fair=0.15)

_MOST = 5_000  # synthetic and unseen images, and members of the attack
_FEWEST = 20  # images of each kind
_FEWEST_RARE = 200  # unseen images, where one in a hundred of them counts
_SIDE = 32  # pixels of the longer side; larger images are averaged down
_PAIRS = 10

_TITLES = {
    "copies": "Copies of training images",
    "near_copies": "Near copies of training images",
    "membership_auc": "Membership attack: AUC",
    "membership_tpr": "Membership attack: true positives at 1 %",
}


def section(inputs: ImageInputs) -> Section:
    """Look for training images in synthetic ones."""
    began = time.monotonic()
    small = inputs.shrunk(_SIDE)
    reason = _reason(inputs)
    blocks: list[Block]
    if reason is not None:
        blocks = [Figures([_missing(name, reason) for name in _TITLES])]
    else:
        blocks = _measured(inputs, small)
    return Section(
        "privacy",
        "Privacy of images",
        "Do synthetic images repeat training images, and can an attacker tell from them which "
        "images the model was trained on?",
        blocks,
        time.monotonic() - began,
    )


def _reason(inputs: ImageInputs) -> str | None:
    """Why nothing can be measured; None where it can."""
    if inputs.unseen_is_training:
        return "Not measured: real images that the model was not trained on are needed."
    rows = min(len(inputs.training), len(inputs.synthetic), len(inputs.unseen))
    if rows < _FEWEST:
        return f"Not measured: {_FEWEST} images of each kind are needed, there are {rows}."
    return None


def _missing(name: str, reason: str) -> Figure:
    figure = Figure(f"images.{name}", _TITLES[name], None, best="low", text=reason)
    return replace(figure, unit="auc") if name == "membership_auc" else figure


@dataclass(frozen=True, eq=False)
class _Distances:
    """Nearest training images.

    Attributes:
        synthetic: of the synthetic images.
        unseen: of the unseen images.
    """

    synthetic: Nearest
    unseen: Nearest


def _measured(inputs: ImageInputs, small: ImageInputs) -> list[Block]:
    found = _Distances(
        nearest(small.synthetic[:_MOST], small.training),
        nearest(small.unseen[:_MOST], small.training),
    )
    if inputs.stop.is_set():
        return []
    rng = np.random.default_rng(inputs.seed)
    figures = [_copies(found), _near_copies(found, rng), *_attack(small)]
    size = " x ".join(str(side) for side in small.training.shape[1:3])
    blocks: list[Block] = [
        Figures(figures),
        Text(
            f"Distances are root mean square differences of pixels (0 to 255) at {size} pixels. "
            f"They compare {len(found.synthetic.index):,} synthetic and "
            f"{len(found.unseen.index):,} unseen images with {len(small.training):,} training "
            "images. A model trained on more images may repeat others of them. The attack takes "
            "an image for a training image where its nearest synthetic image is nearer than its "
            "nearest real image. No finding here proves that there is no other way to attack.",
            tone="note",
        ),
    ]
    if inputs.show_images:
        blocks.append(_pairs(inputs, found))
    return blocks


def _copies(found: _Distances) -> Figure:
    same, usual = (part.distance == 0 for part in (found.synthetic, found.unseen))
    low, high = share_interval(float(same.sum()), len(same))
    figure = Figure(
        "images.copies",
        _TITLES["copies"],
        float(same.mean()),
        low,
        high,
        reference=float(usual.mean()),
        best="low",
        text="Share of synthetic images that equal a training image in every pixel.",
        rows=len(same),
    )
    return judged(figure, COPIES)


def _near_copies(found: _Distances, rng: np.random.Generator) -> Figure:
    distance, usual = found.synthetic.distance, found.unseen.distance
    if len(usual) < _FEWEST_RARE:
        return _missing(
            "near_copies",
            f"Not measured: {_FEWEST_RARE} unseen images are needed, there are {len(usual)}.",
        )

    def resampled(index: npt.NDArray[np.int64]) -> float:
        other = rng.integers(len(usual), size=len(usual))
        return float(near(distance[index], usual[other]).mean())

    low, high = bootstrap(resampled, len(distance), rng)
    figure = Figure(
        "images.near_copies",
        _TITLES["near_copies"],
        float(near(distance, usual).mean()),
        low,
        high,
        reference=float(near(usual, usual).mean()),
        best="low",
        text="Share of synthetic images that are nearer to a training image than 99 % of the "
        "unseen real images are. By chance it is 1 %.",
        rows=len(distance),
    )
    return judged(figure, NEAR_COPIES)


def _attack(small: ImageInputs) -> list[Figure]:
    """Take images for training images whose nearest synthetic image is nearer than real ones."""
    pool = np.concatenate([small.training[:_MOST], small.unseen[:_MOST]])
    # Images that have near neighbours anyway say little: each distance is in units of the one to
    # the nearest other real image, which favours neither side.
    usual = nearest(pool, pool, itself=True).distance
    scores = -nearest(pool, small.synthetic).distance / np.maximum(usual, 1e-6)
    members = min(len(small.training), _MOST)
    others = len(pool) - members
    labels = np.arange(len(pool)) < members
    area, low, high = auc_interval(scores, labels)
    figures = [
        judged(
            Figure(
                "images.membership_auc",
                _TITLES["membership_auc"],
                area,
                low,
                high,
                reference=0.5,
                best="low",
                unit="auc",
                text="How often an attacker, who has the synthetic images, takes a training image "
                "rather than an unseen one for a training image. Guessing reaches 0.5.",
                rows=len(pool),
            ),
            AUC,
        )
    ]
    if others < _FEWEST_RARE:
        reason = f"Not measured: {_FEWEST_RARE} unseen images are needed, there are {others}."
        return [*figures, _missing("membership_tpr", reason)]
    share = true_positives(scores[labels], scores[~labels])
    low, high = share_interval(share * members, members)
    figures.append(
        judged(
            Figure(
                "images.membership_tpr",
                _TITLES["membership_tpr"],
                share,
                low,
                high,
                reference=0.01,
                best="low",
                text="Share of training images that the attacker finds where one in a hundred "
                "unseen images is wrongly taken for a training image. Guessing finds 1 %.",
                rows=len(pool),
            ),
            TRUE_POSITIVES,
        )
    )
    return figures


def _pairs(inputs: ImageInputs, found: _Distances) -> Pictures:
    """The closest pairs, beside those of unseen images."""
    rows, titles = [], []
    closest = [np.argsort(part.distance)[:_PAIRS] for part in (found.synthetic, found.unseen)]
    usual = float(np.median(found.unseen.distance))
    for made, other in zip(*closest, strict=False):
        cells = []
        for kind, images, part, row in (
            ("synthetic", inputs.synthetic, found.synthetic, made),
            ("unseen", inputs.unseen, found.unseen, other),
        ):
            training = inputs.training[part.index[row]]
            text = f"training image nearest to the {kind} one, distance {part.distance[row]:.1f}"
            cells += [picture(images[row], f"{kind} image"), picture(training, text)]
        rows.append(cells)
        distances = found.synthetic.distance[made], found.unseen.distance[other]
        titles.append("{:.1f} | {:.1f}".format(*distances))
    return Pictures(
        "images.pairs",
        "Closest pairs",
        rows,
        column_titles=("synthetic", "its nearest training image", "unseen", "its nearest"),
        row_titles=titles,
        caption="The synthetic images that are nearest to training images, beside the unseen real "
        "images that are nearest to training images, with the distances of both. The median "
        f"distance of unseen images is {usual:.1f}.",
    )
