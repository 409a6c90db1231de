"""Charts: scales, ticks, cut labels and gaps."""

from __future__ import annotations

import re

import numpy as np
import pytest

from h2o_gan.reporting.document import Distribution, Figure, Matrices, Series, to_json
from h2o_gan.reporting.page.charts import axes, svg
from h2o_gan.reporting.page.charts.distributions import draw_distribution
from h2o_gan.reporting.page.charts.figures import draw_figure
from h2o_gan.reporting.page.charts.matrices import draw_matrix
from h2o_gan.reporting.page.charts.series import looks
from h2o_gan.reporting.verdicts import Threshold, judged


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 1, ["0", "0.25", "0.50", "0.75", "1.00"]),
        (-2.1, 2.2, ["\u22122", "0", "2"]),
        (0, 41_000, ["0", "20k", "40k"]),
        (3, 3, ["3"]),
    ],
)
def test_ticks_of_numbers_are_round(low: float, high: float, texts: list[str]) -> None:
    assert [text for _, text in axes.number_ticks(low, high, 4)] == texts


@pytest.mark.parametrize(
    ("start", "end", "texts"),
    [
        ("2013-03-01", "2023-06-01", ["2015", "2020"]),
        ("2020-11-20", "2021-03-10", ["Jan 2021", "Mar 2021"]),
        ("1969-12-29", "1970-01-05", ["30 Dec 1969", "1 Jan", "3 Jan", "5 Jan"]),
        ("2020-01-01T08:00", "2020-01-01T20:00", ["1 Jan, 12:00", "18:00"]),
        ("1500-01-01", "2900-01-01", ["1500", "2000", "2500"]),
    ],
)
def test_ticks_of_times_are_dates(start: str, end: str, texts: list[str]) -> None:
    ends = [float(np.datetime64(day, "ms").astype(int)) for day in (start, end)]
    ticks = axes.date_ticks(*ends, 3)
    assert [text for _, text in ticks] == texts
    assert all(ends[0] <= value <= ends[1] for value, _ in ticks)


def test_ranges_beyond_dates_have_ticks_too() -> None:
    assert axes.date_ticks(-1e17, 1e17, 3)
    assert axes.date_ticks(5.0, 5.0, 3)
    assert axes.number_ticks(1e300, 1.1e300, 3)


def test_a_gap_interrupts_the_outline() -> None:
    edges = list(range(6))
    whole = Distribution("a", "a", [], [Series("training", [0.2] * 5)], numeric=True, edges=edges)
    gap = [Series("training", [0.2, 0.2, None, 0.2, 0.2])]
    broken = Distribution("a", "a", [], gap, numeric=True, edges=edges)
    paths = [
        re.search(r'class="line real"', draw_distribution(to_json(d), "k")) for d in (whole, broken)
    ]
    assert all(paths)
    moves = [
        re.findall(r'd="([^"]*)" class="line', draw_distribution(to_json(d), "k"))[0].count("M")
        for d in (whole, broken)
    ]
    assert moves == [1, 2]


def test_the_height_of_bins_is_their_density() -> None:
    """The same share in a bin twice as wide is half as high."""
    shares = [Series("training", [0.5, 0.5])]
    drawn = Distribution("a", "a", [], shares, numeric=True, edges=[0, 1, 3])
    line = re.findall(
        r'd="M[^"]*?V([\d.]+)H[\d.]+V([\d.]+)', draw_distribution(to_json(drawn), "k")
    )
    narrow, wide = (142 - float(y) for y in line[0])
    assert narrow == pytest.approx(2 * wide)


def test_many_levels_are_cut_in_drawing_only() -> None:
    labels = [f"level {i}" for i in range(10_000)]
    series = [Series("training", [1e-4] * 10_000)]
    drawn = draw_distribution(to_json(Distribution("a", "a", labels, series)), "k")
    assert "and 9993 more" in drawn
    assert len(drawn) < 5_000


def test_a_large_matrix_stays_small() -> None:
    cells = np.random.default_rng(0).random((150, 150))
    block = Matrices("a", "a", [f"c{i}" for i in range(150)], {"real": cells}, {"real": (0, 1)})  # type: ignore[arg-type]
    drawn = draw_matrix(to_json(block), "real", "k")
    assert len(drawn) < 400_000
    assert "<text" not in drawn


@pytest.mark.parametrize(
    ("threshold", "best", "value"),
    [
        (Threshold(0.9, 0.8), "high", 0.85),
        (Threshold(0.1, 0.2), "low", 0.15),
        (Threshold(0.05, 0.1), "half", 0.57),
        (Threshold(0.01, 0.05, "excess"), "low", 0.53),
        (Threshold(0.01, 0.05, "excess"), "high", 0.47),
        (Threshold(0.9, 0.5, "way"), "low", 0.6),
    ],
)
def test_limits_are_where_verdicts_change(threshold: Threshold, best: str, value: float) -> None:
    def verdict(number: float) -> tuple[str | None, tuple[float, ...]]:
        figure = judged(
            Figure("a", "a", number, reference=0.5, independent=0.9, best=best),
            threshold,  # type: ignore[arg-type]
        )
        return figure.verdict, tuple(figure.limits)

    word, (good, fair) = verdict(value)
    assert word == "fair"
    step = (fair - good) / 1000
    assert [verdict(limit)[0] for limit in (good - step, good + step)] == ["good", "fair"]
    assert [verdict(limit)[0] for limit in (fair - step, fair + step)] == ["fair", "poor"]


def test_a_figure_shows_its_verdict_under_its_mark() -> None:
    """The band below the value is that of its verdict."""
    for value, word in ((0.95, "good"), (0.85, "fair"), (0.6, "poor")):
        figure = judged(Figure("a", "a", value, best="high"), Threshold(0.9, 0.8))
        drawn = draw_figure(to_json(figure), "k")
        x = float(re.findall(r'cx="([\d.]+)"', drawn)[0])
        bands = re.findall(r'd="M([\d.]+) 24H([\d.]+)" class="band (\w+)"', drawn)
        assert [name for start, end, name in bands if float(start) <= x <= float(end)] == [word]


def test_far_independent_columns_do_not_squeeze_the_line() -> None:
    figure = Figure("a", "a", 2.3, 2.2, 2.4, 2.35, 800.0, unit="number")
    drawn = draw_figure(to_json(figure), "k")
    places = [float(x) for x in re.findall(r'cx="([\d.]+)"', drawn)]
    assert max(places) - min(places) > 50
    assert 'class="arrow"' in drawn
    assert "independent columns 800" in drawn
    assert draw_figure(to_json(Figure("a", "a", None)), "k") == ""


def test_series_of_the_same_meaning_look_the_same() -> None:
    assert looks(["training", "synthetic", "unseen"]) == ["real", "synthetic", "unseen"]
    assert looks(["real", "synthetic", "real and synthetic"]) == ["real", "synthetic", "both"]
    many = looks([f"level {i}" for i in range(9)])
    assert len(set(many[:7])) == 7


def test_texts_are_cut_to_their_width() -> None:
    assert svg.fitted("short", 100) == "short"
    assert svg.fitted("a" * 500, 100).endswith("…")
    assert len(svg.fitted("漢" * 500, 100)) < len(svg.fitted("a" * 500, 100))
