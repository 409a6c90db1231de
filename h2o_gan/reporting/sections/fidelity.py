"""Fidelity: how close the distributions of columns, pairs, triples and relations are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress, pairwise

import numpy as np
import numpy.typing as npt

from h2o_gan.notices import listed
from h2o_gan.reporting.document import (
    Block,
    Distribution,
    Figure,
    Figures,
    Kind,
    Matrices,
    Section,
    Series,
    Table,
    Text,
)
from h2o_gan.reporting.inputs import Inputs
from h2o_gan.reporting.measures.accuracy import Accuracy
from h2o_gan.reporting.measures.columns import column_accuracies, distance
from h2o_gan.reporting.measures.geometry import alpha_precision_beta_recall
from h2o_gan.reporting.measures.neighbours import Space
from h2o_gan.reporting.measures.pairs import Groups, associations, cell_counts, tuple_accuracies
from h2o_gan.reporting.measures.rows import Rows, Samples
from h2o_gan.reporting.sections.column_charts import column_chart, value_text
from h2o_gan.reporting.verdicts import Threshold, judged

__all__ = ["section"]

_COLUMNS = Threshold(0.02, 0.05, "excess")
_TUPLES = Threshold(0.9, 0.75, "way", least=0.1)
_GEOMETRY = Threshold(0.05, 0.15, "excess")
_RELATIONS = Threshold(0.999, 0.95)
_APART = 0.02, 0.05  # distance of a column beyond that of unseen rows: good, fair
_LOST = 0.3  # the same, of a column with which nothing can be done

_MOST_CHARTS = 60
_MOST_ASSOCIATED = 40  # columns in a matrix
_MOST_TRIPLES = 300
_MOST_POINTS = 10_000
_WORST_PAIRS = 12
RARE = 10
"""Training rows, below which a level is not named where the user shows no rows."""
_CELLS = 16  # of a pair, in its chart
_SCREENING_ROWS = 2000


def section(inputs: Inputs) -> Section:
    """Compare distributions of the synthetic rows with those of training rows.

    Args:
        inputs: of the report.

    Returns:
        The section; where the user has ended the report, what is done of it.
    """
    samples = inputs.samples.equal()
    blocks: list[Block] = [*_columns(inputs, samples)]
    if not inputs.stop.is_set():
        blocks += _pairs(samples, 0 if inputs.options.show_rows else RARE)
    if not inputs.stop.is_set():
        blocks += _geometry(samples)
    if inputs.relations:
        blocks += _relations(inputs)
    lead = (
        "Do the synthetic rows have the distributions of the training rows: of each column, and of "
        "columns together?"
    )
    return Section("fidelity", "Fidelity", lead, blocks)


# ---- columns


def _columns(inputs: Inputs, samples: Samples) -> list[Block]:
    accuracies = {
        name: column_accuracies(samples.training, rows, inputs.bins, samples.rng())
        for name, rows in _compared(samples).items()
    }
    figure = _figure(
        "fidelity.columns",
        "Accuracy of single columns",
        "One less the distance between the distributions of a column in synthetic and in training "
        "rows, averaged over columns: 1 means equal distributions.",
        accuracies,
        len(samples.training),
    )
    rows, marks = [], {}
    distances, excesses = [], []
    for index, field in enumerate(inputs.fields):
        counts = [
            part.counts[field.name] for part in (inputs.training, inputs.synthetic, inputs.unseen)
        ]
        bins = inputs.bins[field.name]
        apart, usual = (distance(bins, counts[0], other) for other in counts[1:])
        distances.append(apart)
        if field.is_category:
            summary = [int((count.bins > 0).sum()) for count in counts[:2]]
            spread: list[float | None] = [None, None]
            shown: list[str | None] = [f"{count} levels" for count in summary]
        else:
            shown = [value_text(field.kind, count.mean) for count in counts[:2]]
            spread = [count.deviation for count in counts[:2]]
            if field.kind == "time":
                spread = [None, None]
        rows.append(
            [
                field.name,
                field.kind,
                apart,
                usual,
                counts[0].missing_share,
                counts[1].missing_share,
                *shown,
                *spread,
            ]
        )
        excess = apart - usual
        if field.is_category:
            # Few rows of many levels differ from any others: only as many rows compare.
            equal = (accuracies[name].values[index] for name in ("unseen", "synthetic"))
            excess = float(next(equal) - next(equal))
        excesses.append(excess)
        verdict = "good" if excess <= _APART[0] else "fair"
        marks[f"{index},2"] = verdict if excess <= _APART[1] else "poor"
    order = np.argsort(-np.array(distances), kind="stable")
    columns: list[tuple[str, Kind]] = [
        ("column", "string"),
        ("kind", "string"),
        ("distance", "share"),
        ("distance of unseen rows", "share"),
        ("missing, training", "share"),
        ("missing, synthetic", "share"),
        ("mean or levels, training", "string"),
        ("mean or levels, synthetic", "string"),
        ("deviation, training", "number"),
        ("deviation, synthetic", "number"),
    ]
    # Columns that say nothing would push others off the page.
    said = [any(row[place] for row in rows) or place < 4 for place in range(len(columns))]
    table = Table(
        "fidelity.columns",
        "Columns, the most different first",
        list(compress(columns, said)),
        [list(compress(rows[index], said)) for index in order],
        {f"{place},2": marks[f"{index},2"] for place, index in enumerate(order)},
        f"Counted over all {inputs.training.total:,} training, {inputs.synthetic.total:,} "
        f"synthetic and {inputs.unseen.total:,} unseen rows. The distance is the total variation "
        "of categories, and the Kolmogorov-Smirnov statistic of numbers; or the difference in "
        "missing cells or frequent single values, where that is larger. The colour says how much "
        "larger it is than that of unseen rows, for categories in samples of the same size.",
    )
    judged_figure = _by_single_columns(judged(figure, _COLUMNS), inputs, excesses)
    blocks: list[Block] = [Figures([judged_figure]), table]
    shown_order = order[:_MOST_CHARTS]
    if len(order) > _MOST_CHARTS:
        text = f"Charts of the {_MOST_CHARTS} most different of {len(order)} columns follow."
        blocks.append(Text(text, "note"))
    parts = (inputs.training, inputs.synthetic, inputs.unseen)
    for index in shown_order:
        field = inputs.fields[index]
        blocks.append(
            column_chart(
                f"fidelity.columns.{field.name}",
                inputs.bins[field.name],
                {part.name: part.counts[field.name] for part in parts},
                0 if inputs.options.show_rows else RARE,
            )
        )
    return blocks


def _by_single_columns(figure: Figure, inputs: Inputs, excesses: Sequence[float]) -> Figure:
    """The figure, not good where a column came out badly that the mean of many hides.

    Args:
        figure: of all columns, with its verdict.
        inputs: of the report.
        excesses: by column, its distance beyond that of unseen rows.
    """
    rows = (inputs.training.total, inputs.synthetic.total, inputs.unseen.total)
    # Beyond a thousandth of two samples of the same source (Kolmogorov-Smirnov).
    chance = 1.95 * math.sqrt(1 / min(rows) + 1 / sorted(rows)[1])
    bad = [
        index
        for index in sorted(range(len(excesses)), key=lambda index: -excesses[index])
        if excesses[index] > _APART[1] + chance
    ]
    if not bad or figure.verdict is None:
        return figure
    names = [inputs.fields[index].name for index in bad]
    is_lost = excesses[bad[0]] > _LOST + chance
    return replace(
        figure,
        verdict="poor" if is_lost or figure.verdict == "poor" else "fair",
        text=f"{figure.text} Far from training rows: {listed(names, 5)}.",
        threshold=f"{figure.threshold}; a column whose distance is {_APART[1]:.0%} above that of "
        f"unseen rows makes it fair, {_LOST:.0%} poor, beyond chance",
    )


# ---- columns together


def _pairs(samples: Samples, fewest: int = 0) -> list[Block]:
    groups = Groups.fit(samples.training)
    sizes = groups.sizes
    codes = {name: groups(rows) for name, rows in _compared(samples).items()}
    training = groups(samples.training)
    figures = []
    pairs: Accuracy | None = None
    for width, name, title, most in (
        (2, "pairs", "Accuracy of pairs of columns", 2000),
        (3, "triples", "Accuracy of triples of columns", _MOST_TRIPLES),
    ):
        found = {
            part: tuple_accuracies(training, own, sizes, width, samples.rng(), most)
            for part, own in codes.items()
        }
        known = {part: accuracy for part, accuracy in found.items() if accuracy is not None}
        if "synthetic" not in known:
            continue
        if width == 2:
            pairs = known["synthetic"]
        figure = _figure(
            f"fidelity.{name}",
            title,
            f"Rows are counted by the groups of {width} columns, up to 10 groups of each; 1 means "
            "that as many rows are in each combination of groups in synthetic as in training rows.",
            known,
            len(samples.training),
        )
        figures.append(judged(figure, _TUPLES))
    if pairs is None:
        return [Text("There is one column, so there are no pairs of columns.", "note")]
    shown = _associated(training, sizes)
    kept = [sizes[index] for index in shown]
    real = associations(training[:, shown], kept)
    synthetic = associations(codes["synthetic"][:, shown], kept)
    names = [groups.names[index] for index in shown]
    matrices = Matrices(
        "fidelity.associations",
        "Associations between columns",
        names,
        {"training": real, "synthetic": synthetic, "difference": synthetic - real},  # type: ignore[dict-item]
        {"training": (0.0, 1.0), "synthetic": (0.0, 1.0), "difference": (-0.5, 0.5)},
        "Cramér's V of each two columns in up to ten groups: 0 for independent columns, 1 where "
        "one follows from the other. The largest difference is "
        f"{np.abs(synthetic - real).max():.2f}.",
    )
    worst = np.argsort(pairs.values, kind="stable")[:_WORST_PAIRS]
    table = Table(
        "fidelity.pairs",
        "The pairs with the lowest accuracy",
        [("first column", "string"), ("second column", "string"), ("accuracy", "share")],
        [
            [*(groups.names[column] for column in pairs.columns[index]), pairs.values[index]]
            for index in worst
        ],
    )
    labels = [_labels(groups, samples.training, index, fewest) for index in range(len(sizes))]
    charts = [
        _pair_chart(pairs.columns[index], training, codes, sizes, groups.names, labels)
        for index in worst
    ]
    return [Figures(figures), matrices, table, *charts]


def _associated(codes: npt.NDArray[np.int64], sizes: Sequence[int]) -> list[int]:
    """The columns to show in a matrix: all, or those that depend most on others."""
    if len(sizes) <= _MOST_ASSOCIATED:
        return list(range(len(sizes)))
    strength = associations(codes[:_SCREENING_ROWS], sizes)
    np.fill_diagonal(strength, 0.0)
    return sorted(np.argsort(-strength.max(axis=0))[:_MOST_ASSOCIATED].tolist())


def _labels(groups: Groups, rows: Rows, index: int, fewest: int) -> list[str]:
    """Names of a column's groups."""
    field, cuts, levels = rows.fields[index], groups.cuts[index], groups.levels[index]
    if levels is not None:
        values = rows.values[field.name]
        texts = [
            field.levels[int(code)]
            if np.count_nonzero(values == code) >= fewest
            else f"rare level {place}"
            for place, code in enumerate(levels, 1)
        ]
        return [*texts, "other", "missing"]
    assert cuts is not None
    ends = [value_text(field.kind, float(cut)) for cut in cuts]
    if not ends:
        return ["any", "missing"]
    between = [f"{a} to {b}" for a, b in pairwise(ends)]
    return [f"up to {ends[0]}", *between, f"above {ends[-1]}", "missing"]


def _pair_chart(
    columns: tuple[int, ...],
    training: npt.NDArray[np.int64],
    codes: dict[str, npt.NDArray[np.int64]],
    sizes: Sequence[int],
    names: Sequence[str],
    labels: Sequence[Sequence[str]],
) -> Distribution:
    """The combinations of two columns' groups whose shares differ most."""
    tables = {"training": training, "synthetic": codes["synthetic"], "unseen": codes["unseen"]}
    shares = {
        name: cell_counts(own, columns, sizes) / max(len(own), 1) for name, own in tables.items()
    }
    apart = np.abs(shares["training"] - shares["synthetic"])
    cells = np.argsort(-apart, axis=None, kind="stable")[:_CELLS]
    places = [np.unravel_index(cell, apart.shape) for cell in cells if apart.flat[cell] > 0]
    first, second = (names[column] for column in columns)
    return Distribution(
        f"fidelity.pairs.{first}.{second}",
        f"{first} and {second}",
        [f"{labels[columns[0]][a]}, {labels[columns[1]][b]}" for a, b in places],
        [Series(name, [float(table[p]) for p in places]) for name, table in shares.items()],
        caption=f"Shares of rows by groups of {first} and {second}: the combinations that differ "
        "most between training and synthetic rows.",
    )


# ---- rows as points


def _geometry(samples: Samples) -> list[Block]:
    some = samples.equal(_MOST_POINTS)
    points = Space.fit(some.training, tuple(_compared(some).values()))
    some = some.equal(points.affordable(_MOST_POINTS))
    real = points(some.training)
    found = {
        name: alpha_precision_beta_recall(real, points(rows))
        for name, rows in _compared(some).items()
    }
    figures = []
    for index, (name, title, text) in enumerate(
        (
            (
                "alpha_precision",
                "Precision",
                "Whether synthetic rows lie where training rows do, at their centre and at their "
                "edges (alpha precision, Alaa et al. 2022).",
            ),
            (
                "beta_recall",
                "Coverage",
                "Whether every training row has a synthetic row nearby (beta recall, Alaa et al. "
                "2022). Copies of training rows exceed what unseen rows reach.",
            ),
        )
    ):
        figure = Figure(
            f"fidelity.{name}",
            title,
            found["synthetic"][index],
            reference=found["unseen"][index],
            independent=found["independent"][index],
            text=text,
            rows=len(some.training),
        )
        figures.append(judged(figure, _GEOMETRY))
    return [Figures(figures)]


# ---- relations


def _relations(inputs: Inputs) -> list[Block]:
    """Formulas and rules of the model: in how many rows they hold."""
    rows, marks = [], {}
    kept = 0
    for index, relation in enumerate(inputs.relations):
        real, made = relation.get("training"), relation.get("synthetic")
        rows.append([relation["relation"], relation["kind"], real, made, relation.get("unseen")])
        if real is None or made is None:
            continue
        least, usual = 1.0, relation.get("unseen")
        if relation["kind"] == "combinations" and usual is not None and usual < 1.0:
            # Combinations are known from the sample alone, so that others may be right.
            least = usual - _APART[0]
        is_kept = made >= least if real >= 1.0 else abs(made - real) <= _APART[0]
        kept += is_kept
        marks[f"{index},3"] = "good" if is_kept else "poor"
    judged_rows = len(marks)
    figure = Figure(
        "fidelity.relations",
        "Relations that are kept",
        kept / judged_rows if judged_rows else None,
        reference=1.0,
        text="Formulas, orders and rules between columns of the training rows: the share of them "
        "that hold in all synthetic rows too, or in the same share of rows within .02.",
        rows=len(inputs.synthetic.rows),
    )
    table = Table(
        "fidelity.relations",
        "Relations between columns, with the share of rows in which they hold",
        [
            ("relation", "string"),
            ("kind", "string"),
            ("training", "share"),
            ("synthetic", "share"),
            ("unseen", "share"),
        ],
        rows,
        marks,
    )
    return [Figures([judged(figure, _RELATIONS)]), table]


# ---- what all share


def _compared(samples: Samples) -> dict[str, Rows]:
    """What is compared with the training rows, by name."""
    return {
        "synthetic": samples.synthetic,
        "unseen": samples.unseen,
        "independent": samples.independent,
    }


def _figure(name: str, title: str, text: str, found: dict[str, Accuracy], rows: int) -> Figure:
    own = found["synthetic"]
    return Figure(
        name,
        title,
        own.mean,
        own.low,
        own.high,
        reference=found["unseen"].mean if "unseen" in found else None,
        independent=found["independent"].mean if "independent" in found else None,
        text=text,
        rows=rows,
    )
