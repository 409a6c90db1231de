"""The chart of a column's distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from h2o_gan.reporting.document import Distribution, Series
from h2o_gan.reporting.measures.columns import Bins, Counts

__all__ = ["column_chart", "value_text"]

_BARS = 40
_FEW_VALUES = 30  # distinct numbers that are drawn as bars of their own
_SPIKE = 0.03
_TAIL = 0.002  # share of training rows beyond each end of the axis


def column_chart(
    name: str, bins: Bins, counts: Mapping[str, Counts], fewest: int = 0
) -> Distribution:
    """Overlay the distributions of a column in several tables.

    Args:
        name: of the chart.
        bins: of the column.
        counts: of all rows, by table; the training rows first.
        fewest: training rows of a level that is named; others are drawn as one bar.

    Returns:
        The chart: bars of the most frequent levels or of single values, or a histogram of numbers
        with frequent single values and missing cells apart.
    """
    field = bins.field
    shares = {table: count.bins / max(count.rows, 1) for table, count in counts.items()}
    missing = {table: count.missing_share for table, count in counts.items()}
    spikes = [("missing", list(missing.values()))] if any(missing.values()) else []
    if field.is_category:
        total = np.sum(list(shares.values()), axis=0)
        order = [int(index) for index in np.argsort(-total, kind="stable") if total[index] > 0]
        rows = next(iter(counts.values())).bins
        named = [index for index in order if rows[index] >= fewest]
        shown = named[:_BARS]
        chosen = set(shown)
        rest = [index for index in order if index not in chosen]
        labels = [field.levels[index] for index in shown]
        heights = {table: [float(own[index]) for index in shown] for table, own in shares.items()}
        if rest:
            labels.append("another level" if len(rest) == 1 else f"{len(rest)} other levels")
            for table, own in shares.items():
                heights[table].append(float(own[rest].sum()))
        return _bars(name, field.name, labels, heights, spikes)
    if 0 < len(bins.values) <= _FEW_VALUES and field.kind == "number":
        places = np.searchsorted(bins.edges, bins.values)
        labels = [f"{value:.6g}" for value in bins.values]
        heights = {table: [float(own[p]) for p in places] for table, own in shares.items()}
        others = {t: max(1 - missing[t] - sum(heights[t]), 0.0) for t in shares}
        if max(others.values()) > 1e-6:
            labels.append("other values")
            for table, share in others.items():
                heights[table].append(share)
        return _bars(name, field.name, labels, heights, spikes)
    return _histogram(name, bins, counts, shares, spikes)


def _bars(
    name: str,
    title: str,
    labels: Sequence[str],
    heights: Mapping[str, Sequence[float]],
    spikes: Sequence[tuple[str, Sequence[float]]],
) -> Distribution:
    return Distribution(
        name,
        title,
        labels,
        [Series(table, own) for table, own in heights.items()],
        spikes,
        caption=f"Shares of rows by the values of {title}, most frequent "
        f"{_summary(labels, heights)}.",
    )


def _summary(labels: Sequence[str], heights: Mapping[str, Sequence[float]]) -> str:
    """What is most frequent in each table."""
    parts = []
    for table, own in heights.items():
        if own:
            index = int(np.argmax(own))
            parts.append(f"{labels[index]} with {own[index]:.1%} in {table} rows")
    return ", ".join(parts)


def _histogram(
    name: str,
    bins: Bins,
    counts: Mapping[str, Counts],
    shares: Mapping[str, npt.NDArray[np.float64]],
    spikes: Sequence[tuple[str, Sequence[float]]],
) -> Distribution:
    """Bars of about equal width; single values that are frequent are drawn apart."""
    field, edges = bins.field, bins.edges
    shares = {table: own.copy() for table, own in shares.items()}
    shown = list(spikes)
    for value in bins.spikes:
        place = int(np.searchsorted(edges, value))
        own = [float(share[place]) for share in shares.values()]
        if max(own) >= _SPIKE:
            shown.insert(0, (value_text(field.kind, float(value)), own))
            for share in shares.values():
                share[place] = 0.0
    training = next(iter(counts.values()))
    low, high = (training.quantile(q, edges) for q in (_TAIL, 1 - _TAIL))
    if low is None or high is None or not low < high:
        low = min((count.low for count in counts.values() if count.known), default=0.0)
        high = max((count.high for count in counts.values() if count.known), default=1.0)
    wanted = np.linspace(low, high, _BARS + 1)
    inner = np.unique(np.searchsorted(edges, wanted[1:-1]))
    inner = inner[inner < len(edges)]
    starts = np.concatenate([[0], inner + 1])
    heights = {table: np.add.reduceat(np.append(own, 0.0), starts) for table, own in shares.items()}
    ends = np.concatenate([[low], edges[inner], [high]])
    ends = np.maximum.accumulate(ends)
    means = ", ".join(
        f"{value_text(field.kind, count.mean)} in {table} rows"
        for table, count in counts.items()
        if count.mean is not None
    )
    return Distribution(
        name,
        field.name,
        [value_text(field.kind, float(end)) for end in ends],
        [Series(table, own.tolist()) for table, own in heights.items()],
        shown,
        numeric=True,
        edges=ends.tolist(),
        time=field.kind == "time",
        caption=f"Distribution of {field.name}: the mean is {means}. The first and the last bar "
        "hold all values beyond the axis too.",
    )


def value_text(kind: str, value: float | None) -> str:
    """A number to five digits or the next whole one, or the day of a time; empty for None."""
    if value is None:
        return ""
    if kind == "time":
        return str(np.datetime64(round(value), "ms").astype("datetime64[D]"))
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.5g}"
