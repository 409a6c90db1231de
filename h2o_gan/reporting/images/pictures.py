"""Small PNG files of images, for pages that hold all they show."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from h2o_gan.reporting.document import Pictures
from h2o_gan.reporting.images.inputs import ImageInputs

__all__ = ["SHOWN_CLASSES", "grid", "picture"]

SHOWN_CLASSES = 12
"""Most classes in a grid."""
_IMAGES = 5  # of each kind, in a row
_ROWS = 5  # of images without labels
_SIDE = 64  # pixels of the longer side
_COLOURS = 64


def picture(image: npt.NDArray[np.uint8], text: str) -> tuple[str, str]:
    """A cell of :class:`~h2o_gan.reporting.document.Pictures`.

    Args:
        image: (height, width[, 3]). Larger images are scaled to a longer side of 64 pixels, and
            coloured ones have at most 64 colours, so that a page of many stays small.
        text: what is seen, for readers who do not see it.

    Returns:
        The PNG file as base64, and the text.
    """
    drawn = Image.fromarray(image)
    drawn.thumbnail((_SIDE, _SIDE))
    if drawn.mode == "RGB":
        drawn = drawn.quantize(_COLOURS)
    file = io.BytesIO()
    drawn.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii"), text


def grid(inputs: ImageInputs) -> Pictures:
    """Real and synthetic images side by side, in a row for each class."""
    kinds = [("synthetic", inputs.synthetic, inputs.synthetic_labels)]
    if inputs.show_images:
        kinds.insert(0, ("real", inputs.training, inputs.training_labels))
    by_class = inputs.training_labels is not None and inputs.synthetic_labels is not None
    codes = _shown(inputs) if by_class else list(range(_ROWS))
    rows: list[list[tuple[str, str]]] = []
    for at, code in enumerate(codes):
        cells = []
        for kind, images, labels in kinds:
            if by_class:
                shown = images[labels == code][:_IMAGES]
                text = f"{kind} image of class {inputs.levels[code]}"
            else:
                shown = images[at * _IMAGES :][:_IMAGES]
                text = f"{kind} image"
            cells += [picture(image, text) for image in shown]
            cells += [("", "")] * (_IMAGES - len(shown))
        rows.append(cells)
    titles = [t for kind, _, _ in kinds for t in (kind, *[""] * (_IMAGES - 1))]
    caption = "Chosen at random, not by their quality."
    if by_class and len(codes) < len(inputs.levels):
        caption += f" The {len(codes)} most frequent of {len(inputs.levels)} classes."
    return Pictures(
        "images.grid",
        "Real and synthetic images" if inputs.show_images else "Synthetic images",
        rows,
        column_titles=titles,
        row_titles=[inputs.levels[code] for code in codes] if by_class else (),
        caption=caption,
    )


def _shown(inputs: ImageInputs) -> Sequence[int]:
    """Codes of the most frequent classes, in the order of levels."""
    labels = inputs.training_labels
    assert labels is not None
    counts = np.bincount(labels[labels >= 0], minlength=len(inputs.levels))
    return sorted(int(code) for code in np.argsort(-counts, kind="stable")[:SHOWN_CLASSES])
