"""A model as H2O shows models: tables, and the JSON of /3/Models."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from h2o.two_dim_table import H2OTwoDimTable

from h2o_gan.parameters import Parameters, declaration_of

if TYPE_CHECKING:
    from h2o_gan.engine.model import Model

__all__ = [
    "ALGO",
    "ALGO_FULL_NAME",
    "RELATION_COLUMNS",
    "column_summary",
    "history_table",
    "metrics",
    "model_json",
    "parameters_json",
    "relation_summary",
    "table_json",
    "tables_json",
]

ALGO = "gan"
ALGO_FULL_NAME = "Generative Adversarial Network"
RELATION_COLUMNS = {
    "relation": "string",
    "kind": "string",
    "share": "double",
    "origin": "string",
}
"""Columns of :func:`relation_summary`, with their types."""

_QUALITY_METRICS = (
    "detection_auc",
    "held_out_loss",
    "sliced_wasserstein",
    "validation_detection_auc",
    "validation_held_out_loss",
    "validation_sliced_wasserstein",
)
_HISTORY_TYPES = {"epoch": "int", "step": "long"}
_KEYED = {"model_id": "name", "training_frame": "name", "validation_frame": "name"}


def model_json(model: Model, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    """What /3/Models would answer for a model, as far as H2O's Python classes read it."""
    return {
        "algo": ALGO,
        "algo_full_name": ALGO_FULL_NAME,
        "have_pojo": False,
        "have_mojo": False,
        "parameters": parameters,
        "output": _Output(
            {
                "model_category": "AnomalyDetection",
                "model_summary": _summary(model),
                "scoring_history": history_table(model.history),
                "column_summary": column_summary(model),
                "relation_summary": relation_summary(model),
                "training_metrics": None,
                "validation_metrics": None,
                "cross_validation_metrics": None,
                "cross_validation_metrics_summary": None,
                "names": [column.name for column in model.columns],
                "column_types": [column.kind for column in model.columns],
                "run_time": round(model.seconds * 1000),
            }
        ),
    }


class _Output(dict[str, Any]):
    """A model's output; raises an error that explains what H2O's explanations look up in it."""

    def __missing__(self, name: str) -> Any:
        if name == "original_names":
            raise NotImplementedError(
                "H2O's explanations do not apply to a GAN: it predicts no column. See generate(), "
                "predict(), scoring_history() and plot()."
            )
        raise KeyError(name)


def parameters_json(
    given: Mapping[str, Any], actual: Parameters, frames: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    """Default, given and actual value of each parameter, as /3/Models lists them.

    Args:
        given: values that the user set, by name.
        actual: values that were used.
        frames: keys of the frames by parameter name.

    Returns:
        One dict for each parameter, and for each frame.
    """
    entries = []
    for field in dataclasses.fields(Parameters):
        entries.append(
            _entry(
                field.name,
                declaration_of(field).help,
                field.default,
                given.get(field.name),
                getattr(actual, field.name),
            )
        )
    for name, key in frames.items():
        entries.append(_entry(name, f"Id of the {name.replace('_', ' ')}.", None, key, key))
    return entries


def _entry(name: str, help: str, default: Any, given: Any, actual: Any) -> dict[str, Any]:
    if name in _KEYED:
        actual = None if actual is None else {_KEYED[name]: actual}
    return {
        "name": name,
        "label": name,
        "help": help,
        "default_value": default,
        "input_value": given,
        "actual_value": actual,
    }


def _summary(model: Model) -> H2OTwoDimTable:
    parameters = model.parameters
    header: dict[str, Any] = {
        "architecture": model.architecture,
        "loss_function": parameters.loss_function,
        "columns": len(model.columns),
        "training_rows": model.rows,
    }
    if model.encoder.summary is not None:
        header["images"] = model.encoder.summary
    for name, network in model.networks.items():
        shown = "discriminator" if name == "critic" else name
        header[f"{shown}_weights"] = sum(weight.numel() for weight in network.parameters())
    header |= {
        "batch_size": model.batch_size,
        "epochs": model.epoch,
        "steps": model.step,
        "seconds": round(model.seconds, 1),
        "stopped_by": model.stopped_by,
    }
    return H2OTwoDimTable(
        table_header="Model Summary",
        col_header=list(header),
        col_types=["string" if isinstance(v, str) else "double" for v in header.values()],
        cell_values=[list(header.values())],
    )


def tables_json(model: Model) -> dict[str, Any]:
    """All that the cluster shows of a model: tables as of :func:`table_json`, and metrics."""
    tables = {
        "model_summary": _summary(model),
        "scoring_history": history_table(model.history),
        "column_summary": column_summary(model),
    }
    if (relations := relation_summary(model)) is not None:
        tables["relation_summary"] = relations
    shown = {name: table_json(table) for name, table in tables.items()}
    return {**shown, "metrics": metrics(model)}


def table_json(table: H2OTwoDimTable) -> dict[str, Any]:
    """A table as the extension takes it: columns with name and type, and rows."""
    columns = zip(table.col_header, table.col_types, strict=True)
    return {
        "columns": [{"name": name, "type": kind} for name, kind in columns],
        "rows": [list(row) for row in table.cell_values],
    }


def metrics(model: Model) -> dict[str, float]:
    """Values that models are ranked by: the history's last values of sample quality."""
    last = model.history[-1] if model.history else {}
    return {name: v for name, v in last.items() if name in _QUALITY_METRICS and v is not None}


def history_table(history: Sequence[Mapping[str, float | None]]) -> H2OTwoDimTable:
    """The scoring history: one row per scoring. The training need not have ended."""
    names = list(dict.fromkeys(name for row in history for name in row))
    return H2OTwoDimTable(
        table_header="Scoring History",
        col_header=names,
        col_types=[_HISTORY_TYPES.get(name, "double") for name in names],
        cell_values=[[row.get(name) for name in names] for row in history],
    )


def column_summary(model: Model) -> H2OTwoDimTable:
    """One row per column: its H2O type, what it was treated as, and its extent."""
    header = ["column", "type", "treated_as", "values", "missing"]
    return H2OTwoDimTable(
        table_header="Columns",
        col_header=header,
        col_types=["string", "string", "string", "string", "double"],
        cell_values=[[row[name] for name in header] for row in model.describe()],
    )


def relation_summary(model: Model) -> H2OTwoDimTable | None:
    """One row per relation between columns, as of :meth:`h2o_gan.engine.model.Model.relations`.

    Returns:
        The table; None where there are no relations, since H2O's client cannot show a table without
        rows.
    """
    rows = [[row[name] for name in RELATION_COLUMNS] for row in model.relations()]
    if not rows:
        return None
    return H2OTwoDimTable(
        table_header="Relations",
        col_header=list(RELATION_COLUMNS),
        col_types=list(RELATION_COLUMNS.values()),
        cell_values=rows,
    )
