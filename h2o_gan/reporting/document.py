"""The content of a report: sections of figures, tables and charts, as data.

Measures make these objects; the page and the JSON file show them. Whatever is on the page is in the
JSON, whose schema is ``schema.json``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

__all__ = [
    "Block",
    "Curves",
    "Distribution",
    "Document",
    "Figure",
    "Figures",
    "Kind",
    "Matrices",
    "Pictures",
    "Section",
    "Series",
    "Table",
    "Text",
    "Verdict",
    "to_json",
]

Kind = Literal["string", "number", "share", "auc", "whole"]
"""What the cells of a table's column are."""
Verdict = Literal["good", "fair", "poor"]


@dataclass(frozen=True)
class Figure:
    """A number beside what it compares with.

    Attributes:
        name: unique in the report, as ``fidelity.pairs``.
        title: a noun phrase of a few words.
        value: the number; None where it could not be measured, `text` then says why.
        low: lower end of its 95 % interval.
        high: upper end.
        reference: the same number for unseen real rows: what a perfect sampler would reach.
        independent: the same number for rows whose columns are drawn independently.
        best: which values are best: "high", "low", or "half" for those near 0.5.
        verdict: good, fair or poor; None for figures that are only for information.
        threshold: where the verdict comes from, as "good up to 0.55, poor above 0.6".
        text: one or two sentences that say what the number means, to readers of any profession.
        unit: "share" of 1, "auc", "number" or "seconds".
        rows: number of rows behind it.
        limits: the values where good ends and where fair ends, from `threshold`; for figures that
            are best at 0.5 those above it. Empty without a verdict.
    """

    name: str
    title: str
    value: float | None
    low: float | None = None
    high: float | None = None
    reference: float | None = None
    independent: float | None = None
    best: Literal["high", "low", "half"] = "high"
    verdict: Verdict | None = None
    threshold: str | None = None
    text: str = ""
    unit: Literal["share", "auc", "number", "seconds"] = "share"
    rows: int | None = None
    limits: Sequence[float] = ()


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes:
        text: plain text.
        tone: "note" for an aside, as how something was measured; "warning" for a limit.
    """

    block: ClassVar[str] = "text"
    text: str
    tone: Literal["plain", "note", "warning"] = "plain"


@dataclass(frozen=True)
class Figures:
    """Figures that are read together."""

    block: ClassVar[str] = "figures"
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: unique in the report, as ``fidelity.columns``.
        title: of the table.
        columns: names of the columns, with their types: "string", "number" (any), "share" of 1,
            "auc" or "whole".
        rows: cells; None for an empty one.
        marks: by row and column index, as "3,2": "good", "fair", "poor" or "changed", which colours
            the cell.
        caption: what is seen in it.
    """

    block: ClassVar[str] = "table"
    name: str
    title: str
    columns: Sequence[tuple[str, Kind]]
    rows: Sequence[Sequence[Any]]
    marks: Mapping[str, str] = field(default_factory=dict)
    caption: str = ""


@dataclass(frozen=True)
class Series:
    """A named row of numbers of a chart.

    Attributes:
        name: in the legend: "training", "synthetic", "unseen", or another.
        y: values; None for gaps.
        x: their positions, for :class:`Curves`.
    """

    name: str
    y: Sequence[float | None]
    x: Sequence[float] = ()


@dataclass(frozen=True)
class Distribution:
    """A histogram of a column, or of a pair of columns' categories, overlaid for several tables.

    Attributes:
        name: unique in the report, as ``fidelity.columns.age``.
        title: usually the column's name.
        labels: of the bars, in order: levels; or for numbers the edges of bins, one more than bars.
        series: the share of rows in each bar, by table. For numbers the density is the share by the
            width of the bin.
        spikes: shares of single values and of missing cells, drawn apart: label and series values.
        numeric: whether `labels` are edges, as numbers in `edges`.
        edges: of the bins, for numbers; milliseconds since 1970 for times.
        time: whether edges are times.
        caption: what is seen, for readers who do not see it.
    """

    block: ClassVar[str] = "distribution"
    name: str
    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    spikes: Sequence[tuple[str, Sequence[float]]] = ()
    numeric: bool = False
    edges: Sequence[float] = ()
    time: bool = False
    caption: str = ""


@dataclass(frozen=True)
class Curves:
    """Lines over a common x axis, such as ROC curves; or horizontal bars where `bars` is set.

    Attributes:
        name: unique in the report.
        title: of the chart.
        x_label: of the x axis.
        y_label: of the y axis.
        series: the lines. For bars: one value for each of `labels`, x is not used.
        labels: of the bars.
        diagonal: whether the line of chance, from (0, 0) to (1, 1), is drawn.
        bars: whether bars are drawn, one group for each of `labels`.
        caption: what is seen, for readers who do not see it.
    """

    block: ClassVar[str] = "curves"
    name: str
    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    labels: Sequence[str] = ()
    diagonal: bool = False
    bars: bool = False
    caption: str = ""


@dataclass(frozen=True)
class Matrices:
    """Square matrices of the same labels, side by side, as coloured cells.

    Attributes:
        name: unique in the report.
        title: of the chart.
        labels: of rows and columns.
        panels: matrices by name, nested sequences.
        ranges: by panel, the values of the lightest and of the darkest colour.
        caption: what is seen, for readers who do not see it.
    """

    block: ClassVar[str] = "matrices"
    name: str
    title: str
    labels: Sequence[str]
    panels: Mapping[str, Sequence[Sequence[float | None]]]
    ranges: Mapping[str, tuple[float, float]]
    caption: str = ""


@dataclass(frozen=True)
class Pictures:
    """Images in a grid.

    Attributes:
        name: unique in the report.
        title: of the grid.
        pictures: each a row of cells: the image as base64 of a PNG file, and its alternative text.
        column_titles: over the columns; may be empty.
        row_titles: beside the rows; may be empty.
        caption: what is seen.
    """

    block: ClassVar[str] = "pictures"
    name: str
    title: str
    pictures: Sequence[Sequence[tuple[str, str]]]
    column_titles: Sequence[str] = ()
    row_titles: Sequence[str] = ()
    caption: str = ""


Block = Text | Figures | Table | Distribution | Curves | Matrices | Pictures


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        name: "fidelity", "detection", "usefulness", "privacy", "groups" or "images".
        title: of the section.
        lead: one or two sentences that say which question it answers.
        blocks: its content, in order.
        seconds: that it took.
    """

    name: str
    title: str
    lead: str
    blocks: Sequence[Block]
    seconds: float = 0.0


@dataclass(frozen=True)
class Document:
    """A whole report.

    Attributes:
        title: of the report.
        made: time of day, ISO 8601 with its zone.
        identity: what was judged and how: rows of tables of "name: value".
        summary: names of the figures that the first page shows, in order.
        quiz: rows, real and synthetic mixed, with the columns' names first; None without rows.
        answers: for each row of the quiz, whether it is real.
        sections: the parts.
        unfinished: names of sections that were not measured, with the reason.
    """

    title: str
    made: str
    identity: Mapping[str, Mapping[str, Any]]
    summary: Sequence[str]
    quiz: Table | None
    answers: Sequence[bool]
    sections: Sequence[Section]
    unfinished: Mapping[str, str] = field(default_factory=dict)

    @property
    def figures(self) -> dict[str, Figure]:
        """All figures by name."""
        return {figure.name: figure for section in self.sections for figure in figures_of(section)}

    @property
    def tables(self) -> dict[str, Table]:
        """All tables by name."""
        return {
            block.name: block
            for section in self.sections
            for block in section.blocks
            if isinstance(block, Table)
        }


def figures_of(section: Section) -> Iterator[Figure]:
    """Yield the figures of a section, in order."""
    for block in section.blocks:
        if isinstance(block, Figures):
            yield from block.figures


def to_json(value: Any) -> Any:
    """Turn a document, or a part of it, into what ``json.dumps`` takes.

    Blocks get a member ``block`` with their kind. Numbers that are not finite become None.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        members = {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
        kind = getattr(value, "block", None)
        return members if kind is None else {"block": kind, **members}
    if isinstance(value, Mapping):
        return {str(name): to_json(member) for name, member in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    if isinstance(value, np.generic):
        return to_json(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Sequence):
        return [to_json(member) for member in value]
    return value
