"""How well a model knows rows that it may not have seen.

Two measures that need no response: how probable the rows are to the model, in all and column by
column; and how well trees tell its samples from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from h2o_gan.engine.model import Model
from h2o_gan.engine.training.detection import Detector, picked_rows

__all__ = ["Performance", "measure"]


@dataclass(frozen=True)
class Performance:
    """Measures of a model on some rows.

    Attributes:
        rows: number of rows.
        score_name: what ``score`` is.
        score: mean over the rows: for tables the log density in nats; else the discriminator's
            score. NaN where there are no rows.
        columns: means of the parts of the log density, by name; their sum is ``score``. A column
            counts given those before it; the last part is the discriminator's. Empty for models
            that have no such parts.
        detection_auc: how well trees tell samples from the rows, on rows that the trees have not
            seen: 0.5 not at all, 1 always. None for too few rows.
    """

    rows: int
    score_name: str
    score: float
    columns: Mapping[str, float] = field(default_factory=dict)
    detection_auc: float | None = None


def measure(model: Model, batches: pa.RecordBatchReader, rows: int) -> Performance:
    """Measure a model on rows.

    Args:
        model: the model.
        batches: rows with its scored columns, or with paths of image files; trees do not see those.
        rows: how many there are. At most 2,000 of them, picked at random, are shown to trees.
    """
    by_column = "log densities" in model.supports
    names = [column.name for column in model.scored_columns]
    picked = np.sort(picked_rows(rows))
    seen = 0
    sums: dict[str, float] = {}
    total = 0.0
    kept = []
    for batch in batches:
        if not batch.num_rows:
            continue
        table = pa.Table.from_batches([batch])
        if by_column:
            for name, values in model.log_densities(table).items():
                sums[name] = sums.get(name, 0.0) + float(values.sum())
        else:
            total += float(model.scores(table).sum())
        own = picked[(picked >= seen) & (picked < seen + batch.num_rows)] - seen
        kept.append(table.take(pa.array(own)))
        seen += batch.num_rows
    score = sum(sums.values()) if by_column else total
    auc = None
    if kept and set(names) <= set(kept[0].column_names):
        auc = Detector(pa.concat_tables(kept, promote_options="permissive"))(model)
    return Performance(
        rows=seen,
        score_name=model.score_name,
        score=score / seen if seen else float("nan"),
        columns={name: value / seen for name, value in sums.items()},
        detection_auc=None if auc is None else auc.get("detection_auc"),
    )
