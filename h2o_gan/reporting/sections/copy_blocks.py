"""Copies and near copies of training rows on the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from h2o_gan.reporting.document import Block, Figure, Figures, Table, Text
from h2o_gan.reporting.inputs import Inputs
from h2o_gan.reporting.measures.copies import ClosePair, Nearness, closest, nearness
from h2o_gan.reporting.measures.rows import Samples
from h2o_gan.reporting.measures.statistics import share_interval
from h2o_gan.reporting.verdicts import Threshold, judged_beyond_chance

__all__ = ["copy_blocks"]

_COPIES = Threshold(0.005, 0.02, "excess")
_NEAR = Threshold(0.01, 0.05, "excess")
_RATIO = Threshold(0.05, 0.15, "excess")
_NEARER = Threshold(0.02, 0.06)

_ALARM = 0.99  # of chance: one false alarm in two hundred reports
_MOST_COLUMNS = 16  # of close pairs


def copy_blocks(inputs: Inputs, reason: str = "") -> list[Block]:
    """Count copies, and compare distances to training rows.

    Args:
        inputs: of the report.
        reason: why unseen rows cannot be compared with; empty where they can.
    """
    samples = inputs.samples
    found = None if reason else nearness(samples)
    why = reason or "there are too few rows."
    blocks: list[Block] = [
        Figures([_copies(inputs, reason), *_nearness(found, why)]),
        Text(
            "Nearness alone proves little: a table can be far from every training row and still "
            "give people away, and rows of common values are near without any harm (“The DCR "
            "Delusion”, arXiv 2505.01524). Judge by the attacks above.",
            "warning",
        ),
    ]
    if found is not None:
        blocks.append(
            Text(
                f"Distances are those of {found.synthetic.rows:,} synthetic, {found.unseen:,} "
                f"unseen and {found.training:,} training rows: by column 1 for different levels, "
                "else the difference over the column's range, which outliers widen little. Exact "
                "copies are counted in all rows.",
                "note",
            )
        )
    if inputs.options.show_rows and not inputs.stop.is_set():
        pairs = closest(samples) if found is None else found.pairs
        if pairs:
            blocks += [
                _pairs(samples, pairs),
                Text(
                    "This table shows training rows. Whoever reads the report sees them: share it "
                    "only with people who may see the training data, or leave rows out.",
                    "warning",
                ),
            ]
    return blocks


def _copies(inputs: Inputs, reason: str) -> Figure:
    name, title = "privacy.copies", "Exact copies"
    share = inputs.copies.get("synthetic")
    if share is None:
        text = "Not measured: copies were not counted."
        return Figure(name, title, None, best="low", text=text)
    total = inputs.synthetic.total
    reference = inputs.copies.get("training" if reason else "unseen")
    compared = "training rows that have an equal among themselves" if reason else "unseen real rows"
    figure = Figure(
        name,
        title,
        share,
        *share_interval(share * total, total),
        reference=reference,
        best="low",
        rows=total,
        text=(
            "The share of all synthetic rows that equal a training row in every column. Some do by "
            f"chance, as people with common values do: compare with the share of {compared}."
        ),
    )
    if reference is None:
        return figure
    compared_rows = inputs.training.total if reason else inputs.unseen.total
    chance = share_interval(reference * compared_rows, compared_rows)[1]
    return judged_beyond_chance(figure, _COPIES, chance)


def _nearness(found: Nearness | None, why: str) -> list[Figure]:
    titles = {
        "privacy.near_copies": "Near copies",
        "privacy.nndr": "Nearest-row ratio",
        "privacy.dcr": "Nearer to training rows than to unseen ones",
    }
    if found is None:
        return [Figure(*item, None, text=f"Not measured: {why}") for item in titles.items()]
    near = Figure(
        "privacy.near_copies",
        titles["privacy.near_copies"],
        found.synthetic.near.value,
        found.synthetic.near.low,
        found.synthetic.near.high,
        reference=found.near_unseen,
        independent=found.independent.near.value,
        best="low",
        rows=found.synthetic.rows,
        text=(
            "The share of synthetic rows that are as near to a training row as only the nearest 1 "
            "% of unseen real rows are. Copies with small changes make it large."
        ),
    )
    ratio = Figure(
        "privacy.nndr",
        titles["privacy.nndr"],
        found.synthetic.ratio.value,
        found.synthetic.ratio.low,
        found.synthetic.ratio.high,
        reference=found.ratio_unseen.value,
        independent=found.independent.ratio.value,
        unit="number",
        rows=found.synthetic.rows,
        text=(
            "The distance to the nearest training row over that to the second nearest, in the "
            "middle of all rows. Near 0, synthetic rows belong to one certain training row."
        ),
    )
    nearer = Figure(
        "privacy.dcr",
        titles["privacy.dcr"],
        found.synthetic.nearer.value,
        found.synthetic.nearer.low,
        found.synthetic.nearer.high,
        reference=0.5,
        independent=found.independent.nearer.value,
        best="half",
        rows=found.synthetic.rows,
        text=(
            "The share of synthetic rows that are nearer to a training row than to the nearest of "
            "as many unseen real rows. One half means that training rows are no special model."
        ),
    )
    trials = found.synthetic.trials
    return [
        judged_beyond_chance(
            near, _NEAR, share_interval(found.near_unseen * found.unseen, found.unseen)[1]
        ),
        judged_beyond_chance(ratio, _RATIO, found.ratio_unseen.low),
        judged_beyond_chance(nearer, _NEARER, share_interval(trials / 2, trials, _ALARM)[1]),
    ]


def _pairs(samples: Samples, pairs: Sequence[ClosePair]) -> Table:
    """Synthetic rows above their nearest training rows; the cells that differ are marked."""
    names = samples.training.names
    differs = {name: sum(_differs(samples, pair, name) for pair in pairs) for name in names}
    if len(names) > _MOST_COLUMNS:
        # Those that differ in most pairs say most.
        wanted = set(sorted(names, key=lambda name: -differs[name])[:_MOST_COLUMNS])
        names = [name for name in names if name in wanted]
    rows: list[list[object]] = []
    marks = {}
    for pair in pairs:
        for kind, table, row in (
            ("synthetic", samples.synthetic, pair.synthetic),
            ("training", samples.training, pair.training),
        ):
            cells = [table.text(row, name) for name in names]
            for column, name in enumerate(names):
                if _differs(samples, pair, name):
                    marks[f"{len(rows)},{column + 2}"] = "changed"
            distance = pair.distance if kind == "synthetic" else None
            rows.append([kind, distance, *(None if c is None else str(c) for c in cells)])
    left_out = len(samples.training.names) - len(names)
    more = f" {left_out} columns are left out." if left_out else ""
    return Table(
        "privacy.closest",
        "The synthetic rows nearest to training rows",
        [("row", "string"), ("distance", "number"), *((name, "string") for name in names)],
        rows,
        marks,
        "Pairs of a synthetic row and its nearest training row, the nearest first; of equally near "
        f"ones those without other training rows around. Cells that differ are marked.{more}",
    )


def _differs(samples: Samples, pair: ClosePair, name: str) -> bool:
    one = samples.synthetic.values[name][pair.synthetic]
    other = samples.training.values[name][pair.training]
    return bool(one != other and not (np.isnan(one) and np.isnan(other)))
