"""The report as an object: its file, its figures and its limits."""

from __future__ import annotations

import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any

from h2o.exceptions import H2OValueError
from h2o.two_dim_table import H2OTwoDimTable

from h2o_gan.notices import listed
from h2o_gan.reporting.document import Document, Figure, Table, to_json

__all__ = ["Report", "ReportNotOk"]

_SHORT = {
    "fidelity": "fidelity.pairs",
    "detection_auc": "detection.gbm",
    "membership_auc": "privacy.membership",
    "copies": "privacy.copies",
    "near_copies": "privacy.near_copies",
}
"""Short names of figures, for limits."""
_NEEDED = ("privacy.membership", "images.membership_auc")
"""Figures without which a report is not ok."""
_TYPES = {"string": "string", "whole": "long"}


class ReportNotOk(AssertionError):
    """A figure of a report is beyond a limit, or could not be measured."""


class Report:
    """A report on how good, how useful and how private synthetic rows are.

    In a notebook it shows itself; ``print`` shows the verdicts.

    Args:
        document: its content.

    Attributes:
        document: its content.
    """

    def __init__(self, document: Document) -> None:
        self.document = document

    @cached_property
    def json(self) -> dict[str, Any]:
        """All that is on the page, as ``json.dumps`` takes it; ``schema.json`` describes it."""
        made: dict[str, Any] = to_json(self.document)
        return made

    @cached_property
    def html(self) -> str:
        """The page: one file that needs no network."""
        from h2o_gan.reporting.page import render

        return render(self.json)

    @property
    def figures(self) -> dict[str, Figure]:
        """All figures by name, as ``report.figures["privacy.membership"].value``."""
        return self.document.figures

    @property
    def tables(self) -> dict[str, H2OTwoDimTable]:
        """All tables by name; "figures" has all figures."""
        tables = {"figures": figures_table(self.document)}
        for name, table in self.document.tables.items():
            if table.rows:
                tables[name] = as_h2o_table(table)
        return tables

    def save(self, path: str | os.PathLike[str]) -> str:
        """Write the report to a file.

        Args:
            path: of the file: ``.json`` for its data, any other name for the page.

        Returns:
            The absolute path.

        Raises:
            H2OValueError: the file can't be written there.
        """
        target = Path(path).absolute()
        is_json = target.suffix.lower() == ".json"
        text = json.dumps(self.json, indent=1, ensure_ascii=False) if is_json else self.html
        try:
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            raise H2OValueError(f"the report can't be written to {target}: {error}") from error
        return str(target)

    def assert_ok(self, **limits: float) -> None:
        """Raise an error if a figure is beyond a limit, for pipelines.

        ``report.assert_ok(max_membership_auc=0.55, min_fidelity=0.9)`` names figures by short names
        (fidelity, detection_auc, membership_auc, copies, near_copies) or by their own, with ``_``
        for the dot: ``min_usefulness_income=0.9``.

        Args:
            **limits: by ``max_`` or ``min_`` and the figure's name. Without any, no figure may have
                the verdict poor, and the membership attack must have been measured.

        Raises:
            ReportNotOk: a figure is beyond its limit or was not measured; the message names all.
            H2OValueError: there is no figure of that name.
        """
        figures = self.figures
        by_limit = {name.replace(".", "_"): name for name in figures}
        wrong: list[str] = []
        for key, limit in limits.items():
            kind, _, short = key.partition("_")
            name = _SHORT.get(short, by_limit.get(short, ""))
            if kind not in ("max", "min") or (name not in figures and short not in _SHORT):
                known = sorted({*_SHORT, *by_limit})
                raise H2OValueError(
                    f"{key} names no limit: write max_ or min_ and one of {listed(known, 50)}."
                )
            value = figures[name].value if name in figures else None
            if value is None:
                wrong.append(f"{name} was not measured")
            elif not (value <= limit if kind == "max" else value >= limit):  # also where NaN
                word = "above" if kind == "max" else "below"
                wrong.append(f"{name} is {value:.4g}, {word} {limit:.4g}")
        if not limits:
            wrong = [
                f"{name} is {figure.value:.4g} ({figure.threshold})"
                for name, figure in figures.items()
                if figure.verdict == "poor"
            ]
            wrong += [
                f"{name} was not measured"
                for name, figure in figures.items()
                if figure.value is None and name in _NEEDED
            ]
            wrong += [f"{name} is missing: {why}" for name, why in self.document.unfinished.items()]
        if wrong:
            raise ReportNotOk("the report is not ok: " + "; ".join(wrong) + ".")

    def _repr_html_(self) -> str:
        from h2o_gan.reporting.page import summary_html

        return summary_html(self.json)

    def __str__(self) -> str:
        lines = [f"{self.document.title}, {self.document.made}"]
        for name in self.document.summary:
            figure = self.figures[name]
            shown = [f"{figure.verdict or '':5} {figure.title}: {_shown(figure.value)}"]
            if figure.reference is not None:
                shown.append(f"unseen real rows {_shown(figure.reference)}")
            if figure.independent is not None:
                shown.append(f"independent columns {_shown(figure.independent)}")
            lines.append(", ".join(shown))
        lines += [f"missing: {name}: {why}" for name, why in self.document.unfinished.items()]
        return "\n".join(lines)

    __repr__ = __str__


def _shown(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"


def figures_table(document: Document) -> H2OTwoDimTable:
    """All figures of a document, one row each."""
    numbers = ("value", "low", "high", "reference", "independent")
    return H2OTwoDimTable(
        table_header="Report",
        col_header=["figure", "title", *numbers, "verdict", "threshold"],
        col_types=["string", "string", *["double"] * 5, "string", "string"],
        cell_values=[
            [
                figure.name,
                figure.title,
                *(getattr(figure, name) for name in numbers),
                figure.verdict or "",
                figure.threshold or "",
            ]
            for figure in document.figures.values()
        ],
    )


def as_h2o_table(table: Table) -> H2OTwoDimTable:
    """A table as H2O shows it."""
    return H2OTwoDimTable(
        table_header=table.title,
        col_header=[name for name, _ in table.columns],
        col_types=[_TYPES.get(kind, "double") for _, kind in table.columns],
        cell_values=[list(row) for row in table.rows],
    )
