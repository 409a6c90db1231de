"""The metrics of a GAN as H2O's metrics object, which model_performance() returns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from h2o.model.metrics_base import MetricsBase
from h2o.two_dim_table import H2OTwoDimTable

from h2o_gan.cluster.model_tables import ALGO, metrics

if TYPE_CHECKING:
    from h2o_gan.engine.model import Model
    from h2o_gan.engine.performance import Performance

__all__ = ["GANModelMetrics"]

_SCORE_NAMES = {
    "log_density": "Mean log density of a row",
    "discriminator_score": "Mean score of the discriminator",
}


class GANModelMetrics(MetricsBase):
    """How well a GAN knows a frame; ``print`` shows it."""

    @classmethod
    def of_frame(cls, model: Model, found: Performance) -> GANModelMetrics:
        """The metrics of a frame.

        Args:
            model: the model.
            found: what was measured.
        """
        score = None if math.isnan(found.score) else found.score
        return cls(_json(model, found.rows, score, found.detection_auc, found.columns))

    @classmethod
    def of_training(cls, model: Model, validation: bool) -> GANModelMetrics:
        """The metrics of the last scoring.

        Args:
            model: the model.
            validation: whether those of the validation frame are meant.
        """
        prefix = "validation_"
        last = metrics(model)
        own = {n.removeprefix(prefix): v for n, v in last.items() if n.startswith(prefix)}
        if not validation:
            own = {n: v for n, v in last.items() if not n.startswith(prefix)}
        loss = own.get("held_out_loss")  # of tables: the negative log density
        score = None if loss is None else -loss
        on = "validation_metrics" if validation else "training_metrics"
        return cls(_json(model, None, score, own.get("detection_auc"), {}), on)

    def __init__(self, metric_json: Any, on: str | None = None, algo: str = ALGO) -> None:
        super().__init__(metric_json, on, algo)

    def mean_log_density(self) -> float | None:
        """The mean log density of the rows, in nats; None for architectures that have none."""
        return self["mean_log_density"]  # type: ignore[no-any-return]

    def column_log_densities(self, as_data_frame: bool = True) -> Any:
        """The parts of the mean log density: of each column given those before it.

        Args:
            as_data_frame: return a pandas data frame, or else an H2OTwoDimTable.

        Returns:
            The table; None where there are no parts.
        """
        table = self["column_log_densities"]
        return table.as_data_frame() if as_data_frame and table is not None else table

    def detection_auc(self) -> float | None:
        """How well trees tell samples from the rows: 0.5 not at all, 1 always."""
        return self["detection_auc"]  # type: ignore[no-any-return]

    def _str_items(self, verbosity: str | None = None) -> list[Any]:
        items: list[Any] = [
            f"{self['__meta']['schema_type']}: {self._algo}",
            f"** Reported on {self._on} data. **",
            "",
        ]
        if self["nobs"] is not None:
            items.append(f"Rows: {self['nobs']}")
        items.append(f"{_SCORE_NAMES[self['score_name']]}: {_shown(self['mean_score'])}")
        items.append(f"Detection AUC (0.5 is best): {_shown(self['detection_auc'])}")
        if self["column_log_densities"] is not None:
            items += ["", self["column_log_densities"]]
        return items


def _json(
    model: Model,
    rows: int | None,
    score: float | None,
    detection_auc: float | None,
    columns: Mapping[str, float],
) -> dict[str, Any]:
    """The metrics as H2O's client reads them; None for what was not measured."""
    table = None
    if columns:
        table = H2OTwoDimTable(
            table_header="Mean Log Densities",
            table_description="of columns given those before, in nats; they sum to a row's",
            col_header=["column", "log_density"],
            col_types=["string", "double"],
            cell_values=[[name, value] for name, value in columns.items()],
        )
    meta = {"schema_version": 3, "schema_name": "ModelMetricsGAN", "schema_type": "ModelMetricsGAN"}
    return {
        "__meta": meta,
        "model": {"name": model.parameters.model_id},
        "model_category": "AnomalyDetection",
        "nobs": rows,
        "score_name": model.score_name,
        "mean_score": score,
        "mean_log_density": score if model.score_name == "log_density" else None,
        "detection_auc": detection_auc,
        "column_log_densities": table,
    }


def _shown(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4g}"
