"""Turns a document into HTML, with every text of the data escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from itertools import count, groupby
from typing import TYPE_CHECKING, Any

from h2o_gan.reporting.page import formats
from h2o_gan.reporting.page.charts import matrices
from h2o_gan.reporting.page.charts.curves import draw_curves
from h2o_gan.reporting.page.charts.distributions import draw_distribution
from h2o_gan.reporting.page.charts.figures import draw_figure
from h2o_gan.reporting.page.charts.series import looks

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render", "summary_html"]

_SYMBOLS = {"good": "✓", "fair": "≈", "poor": "✗", "changed": "≠"}
_PAPER_CHARACTERS = 132  # of a row of the quiz on A4
_MOST_CHARTS = 150
_MOST_ROWS = 400
_QUIZ_COLUMNS = 60
_BASE64 = re.compile("[A-Za-z0-9+/=]+")


def render(document: Mapping[str, Any]) -> str:
    """Make the page of a report.

    Args:
        document: the JSON form of a :class:`~h2o_gan.reporting.document.Document`.

    Returns:
        One HTML file, which loads nothing and runs no script.

    Raises:
        ImportError: jinja2 is not installed.
    """
    page = _environment().get_template("template.html.j2")
    return page.render(
        document=document,
        figures=_figures(document),
        sheet=_file("style.css") + _file("print.css"),
        quiz=_quiz(document),
        anchor=formats.Anchors(),
        chart=_Charts(),
    )


def summary_html(document: Mapping[str, Any]) -> str:
    """Make a fragment with the title and the verdicts, for notebooks.

    Args:
        document: the JSON form of a :class:`~h2o_gan.reporting.document.Document`.

    Returns:
        HTML with inline styles only, which suit light and dark surroundings.

    Raises:
        ImportError: jinja2 is not installed.
    """
    fragment = _environment().get_template("summary.html.j2")
    return fragment.render(document=document, figures=_figures(document))


def _file(name: str) -> str:
    """The text of a file beside this module."""
    return resources.files("h2o_gan.reporting.page").joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    """The templates and what they call.

    Raises:
        ImportError: jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
    except ImportError as error:
        raise ImportError(
            'The page of a report needs jinja2; install it with: pip install "h2o-gan[report]"'
        ) from error
    environment = Environment(
        loader=FunctionLoader(_file),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        cell=formats.cell,
        cut=formats.cut,
        moment=formats.moment,
        number=formats.number,
        pieces=formats.pieces,
        plain=formats.plain,
        sentence=formats.sentence,
    )
    environment.globals.update(
        symbols=_SYMBOLS,
        runs=_runs,
        legend=_legend,
        tally=_tally,
        picture=_picture,
        most_charts=_MOST_CHARTS,
        most_rows=_MOST_ROWS,
        most_labels=matrices.MOST_LABELS,
        most_columns=matrices.MOST_COLUMNS,
    )
    return environment


class _Charts:
    """Draws blocks, each under an identifier of its own."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def _key(self) -> str:
        return f"chart-{next(self._numbers)}"

    def figure(self, figure: Mapping[str, Any]) -> str:
        return draw_figure(figure, self._key())

    def block(self, block: Mapping[str, Any]) -> str:
        """A distribution or curves."""
        draw = draw_distribution if block["block"] == "distribution" else draw_curves
        return draw(block, self._key())

    def matrix(self, block: Mapping[str, Any], panel: str) -> str:
        return matrices.draw_matrix(block, panel, self._key())

    def matrix_legend(self, block: Mapping[str, Any], panel: str) -> str:
        return matrices.draw_matrix_legend(block, panel, self._key())


def _figures(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """All figures by name, in order."""
    return {
        figure["name"]: figure
        for section in document["sections"]
        for block in section["blocks"]
        if block["block"] == "figures"
        for figure in block["figures"]
    }


def _tally(section: Mapping[str, Any]) -> list[tuple[str, int]]:
    """How often each verdict was given in a section."""
    verdicts = [
        figure["verdict"]
        for block in section["blocks"]
        if block["block"] == "figures"
        for figure in block["figures"]
    ]
    return [(word, verdicts.count(word)) for word in ("good", "fair", "poor") if word in verdicts]


def _runs(
    blocks: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Blocks of one kind that follow each other: charts among them share a grid."""

    def kind(block: Mapping[str, Any]) -> str:
        return "bars" if block["block"] == "curves" and block["bars"] else str(block["block"])

    for name, group in groupby(blocks, kind):
        yield name, list(group)


def _legend(blocks: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Names and classes of the series of charts; none where they have different ones."""
    entries = []
    for block in blocks:
        names = [series["name"] for series in block["series"]]
        entries.append(list(zip(names, looks(names), strict=True)))
        if block.get("diagonal"):
            entries[-1].append(("chance", "chance"))
    return entries[0] if all(entry == entries[0] for entry in entries) else []


def _picture(data: str) -> str | None:
    """The address of an image; None where it is not base64."""
    return f"data:image/png;base64,{data}" if _BASE64.fullmatch(data) else None


def _quiz(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The rows of the quiz as texts, and how many columns fit on paper."""
    quiz = document["quiz"]
    if quiz is None or not quiz["rows"]:
        return None
    columns = quiz["columns"][:_QUIZ_COLUMNS]
    rows = [
        [
            formats.cut(formats.cell(value, kind), 24)
            for value, (_, kind) in zip(row, columns, strict=False)
        ]
        for row in quiz["rows"]
    ]
    room, on_paper = _PAPER_CHARACTERS, 0
    for index in range(len(columns)):
        header = max(map(len, formats.pieces(columns[index][0])), default=0)
        room -= 1 + max(header, *(len(row[index]) for row in rows))
        if room < 0 and on_paper:
            break
        on_paper += 1
    answers = document["answers"]
    real = [index + 1 for index, is_real in enumerate(answers) if is_real]
    return {
        "columns": columns,
        "rows": rows,
        "on_paper": on_paper,
        "hidden": len(quiz["columns"]) - len(columns),
        "answers": answers,
        "real": real,
    }
