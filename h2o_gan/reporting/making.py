"""Makes a report's document, section by section."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from h2o.exceptions import H2OConnectionError

from h2o_gan.notices import warn
from h2o_gan.reporting.document import Document, Figure, Section, Table, figures_of
from h2o_gan.reporting.gathering import Source, gathered
from h2o_gan.reporting.images import copies, quality
from h2o_gan.reporting.images.inputs import ImageInputs
from h2o_gan.reporting.inputs import Inputs, Options
from h2o_gan.reporting.sections import detection, fidelity, groups, privacy, usefulness

__all__ = ["SUMMARY", "make", "make_sections"]

SUMMARY = (
    "fidelity.columns",
    "fidelity.pairs",
    "fidelity.triples",
    "fidelity.relations",
    "detection.gbm",
    "detection.glm",
    "usefulness.",
    "privacy.membership",
    "privacy.singling_out",
    "privacy.linkability",
    "privacy.inference",
    "privacy.copies",
    "privacy.near_copies",
    "groups.",
    "images.",
)
"""Figures of the first page; those that end in a dot stand for all of their section."""

_NEVER_LEFT_OUT = "privacy.membership"  # of the first page, even without a verdict
_QUIZ_ROWS = 20
_QUIZ_COLUMNS = 12
_GATHERING = 0.15  # share of the progress bar

Progress = Callable[[float, str], None]
Step = tuple[str, float, Callable[[], Section]]


def make(
    source: Source,
    options: Options,
    identity: Mapping[str, Mapping[str, Any]],
    stop: threading.Event,
    progress: Progress,
) -> Document:
    """Compare frames of tables.

    Args:
        source: the frames.
        options: what the user asks for.
        identity: what the caller knows of the model and its training, for the first page.
        stop: once set, the sections that are left are not measured.
        progress: called with the share that is done, and the name of the step.

    Returns:
        The document.

    Raises:
        H2OValueError: the frames do not compare.
        H2OJobCancelled: `stop` was set before all rows were read.
        H2OConnectionError: the cluster is lost.
    """
    began = time.monotonic()
    with gathered(
        source, options, stop, lambda share: progress(_GATHERING * share, "reading rows")
    ) as inputs:
        steps: list[Step] = [
            ("fidelity", 0.1, lambda: fidelity.section(inputs)),
            ("privacy", 0.25, lambda: privacy.section(inputs)),
            ("detection", 0.25, lambda: detection.section(inputs)),
            ("usefulness", 0.3, lambda: usefulness.section(inputs)),
        ]
        if options.groups is not None:
            steps.append(("groups", 0.1, lambda: groups.section(inputs)))
        sections, unfinished = make_sections(steps, stop, progress)
        order = ["fidelity", "detection", "usefulness", "privacy", "groups"]
        sections.sort(key=lambda section: order.index(section.name))
        quiz, answers = _quiz(inputs) if options.show_rows else (None, [])
        tables = _tables_identity(inputs)
    return Document(
        "Report on synthetic rows",
        _now(),
        {**identity, **tables, "Report": report_identity(options.seed, time.monotonic() - began)},
        summary_of(sections),
        quiz,
        answers,
        sections,
        unfinished,
    )


def make_of_images(
    inputs: ImageInputs,
    identity: Mapping[str, Mapping[str, Any]],
    stop: threading.Event,
    progress: Progress,
) -> Document:
    """Compare images.

    Args:
        inputs: the images.
        identity: as of :func:`make`.
        stop: as of :func:`make`.
        progress: as of :func:`make`.

    Returns:
        The document.
    """
    began = time.monotonic()
    steps: list[Step] = [
        ("images", 0.8, lambda: quality.section(inputs)),
        ("privacy", 0.2, lambda: copies.section(inputs)),
    ]
    sections, unfinished = make_sections(steps, stop, progress)
    rows = {
        "training images": f"{len(inputs.training):,} in the sample",
        "synthetic images": f"{len(inputs.synthetic):,} in the sample",
        "unseen images": f"{len(inputs.unseen):,} in the sample",
        "size": inputs.size,
    }
    how = report_identity(inputs.seed, time.monotonic() - began)
    return Document(
        "Report on synthetic images",
        _now(),
        {**identity, "Images": rows, "Report": how},
        summary_of(sections),
        None,
        [],
        sections,
        unfinished,
    )


def make_sections(
    steps: Sequence[Step], stop: threading.Event, progress: Progress
) -> tuple[list[Section], dict[str, str]]:
    """Run steps one after the other.

    Args:
        steps: name, share of the work and function of each.
        stop: once set, no further step begins.
        progress: as of :func:`make`.

    Returns:
        The sections, and for each that is missing the reason.

    Raises:
        H2OConnectionError: the cluster is lost.
    """
    sections: list[Section] = []
    unfinished: dict[str, str] = {}
    done, total = 0.0, sum(share for _, share, _ in steps)
    for name, share, step in steps:
        if stop.is_set():
            unfinished[name] = "The report was ended before this part."
            continue
        progress(_GATHERING + (1 - _GATHERING) * done / total, name)
        began = time.monotonic()
        try:
            section = step()
        except H2OConnectionError:
            raise
        except Exception as error:  # what is measured already must not be lost
            unfinished[name] = f"It could not be measured: {error}"
            warn(f"the report's section {name!r} could not be measured: {error}")
        else:
            seconds = time.monotonic() - began
            sections.append(dataclasses.replace(section, seconds=round(seconds, 1)))
            if stop.is_set():
                unfinished[name] = "The report was ended within this part."
        done += share
    return sections, unfinished


def summary_of(sections: Iterable[Section]) -> list[str]:
    """Names of the figures for the first page, in its order."""
    figures: list[Figure] = [figure for own in sections for figure in figures_of(own)]
    names: list[str] = []
    for wanted in SUMMARY:
        for figure in figures:
            hit = figure.name.startswith(wanted) if wanted.endswith(".") else figure.name == wanted
            said = figure.verdict is not None or figure.name == _NEVER_LEFT_OUT
            if hit and said and figure.name not in names:
                names.append(figure.name)
    return names


def report_identity(seed: int, seconds: float) -> dict[str, Any]:
    """How the report was made: versions, seed and seconds."""
    import h2o
    import torch

    from h2o_gan.version import __version__

    return {
        "h2o_gan": __version__,
        "h2o": h2o.__version__,
        "torch": torch.__version__,
        "seed": seed,
        "seconds": round(seconds, 1),
    }


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _tables_identity(inputs: Inputs) -> dict[str, dict[str, Any]]:
    """The compared tables, and columns that are left out."""
    parts = (inputs.training, inputs.synthetic, inputs.unseen)
    rows: dict[str, Any] = {
        f"{part.name} rows": f"{part.total:,} ({len(part.rows):,} in samples)" for part in parts
    }
    frames = {f"{part.name} frame": part.whole.frame_id for part in parts if part.whole is not None}
    if inputs.unseen.whole is None:
        frames["unseen frame"] = (
            "rows of the training frame that may have been trained on; attacks need others"
            if inputs.unseen_is_training
            else "rows of the training frame that were held out from training; they chose its end"
        )
    if inputs.overlap is not None:
        rows["unseen rows"] += f"; {inputs.overlap:.0%} of them equal a training row"
    left_out = {f"column {name}": f"not compared: {why}" for name, why in inputs.left_out.items()}
    return {"Tables": {**frames, **rows, "columns": len(inputs.fields), **left_out}}


def _quiz(inputs: Inputs) -> tuple[Table, list[bool]]:
    """Real and synthetic rows in random order, and which of them are real."""
    rng = np.random.default_rng(inputs.options.seed)
    real = inputs.training if inputs.unseen_is_training else inputs.unseen
    names = [field.name for field in inputs.fields[:_QUIZ_COLUMNS]]
    rows, answers = [], []
    for part, is_real in ((real, True), (inputs.synthetic, False)):
        count = min(_QUIZ_ROWS, len(part.rows))
        for index in rng.permutation(len(part.rows))[:count]:
            rows.append([part.rows.text(int(index), name) for name in names])
            answers.append(is_real)
    order = rng.permutation(len(rows))
    kinds = {"number": "number", "time": "string", "category": "string"}
    columns = [(field.name, kinds[field.kind]) for field in inputs.fields[:_QUIZ_COLUMNS]]
    table = Table(
        "quiz",
        "Which of these rows are real?",
        columns,  # type: ignore[arg-type]
        [rows[index] for index in order],
        caption="Real rows that the model was not trained on, and synthetic rows, in random order."
        if not inputs.unseen_is_training
        else "Real and synthetic rows in random order.",
    )
    return table, [answers[index] for index in order]
