"""A report with every kind of block, of a bank's customers whose columns have hostile names."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from h2o_gan.reporting.document import (
    Curves,
    Distribution,
    Document,
    Figure,
    Figures,
    Matrices,
    Pictures,
    Section,
    Series,
    Table,
    Text,
)
from h2o_gan.reporting.verdicts import Threshold, judged

SCRIPT = "<script>window.hacked = true</script>"
IMAGE = '"><img src="https://example.invalid/x.png" onerror="window.hacked = true">'
LONG = "very_long_name_" * 334
EMOJI = "income 💶 {{ 7 * 7 }}"
RIGHT_TO_LEFT = "الدخل \u202eاسم"
HOSTILE = (SCRIPT, IMAGE, LONG, EMOJI, RIGHT_TO_LEFT, "</style></title><!--", "bad\x00\ud800")
NAMES = (
    "age", "workclass", "education", "marital_status", "occupation", "relationship", "sex",
    "capital_gain", "capital_loss", "hours_per_week", "native_country", "opened",
)  # fmt: skip
PARTS = ("training", "synthetic", "unseen")
_JOBS = (
    "Private", "Self-emp-not-inc", "Local-gov", "State-gov", "Self-emp-inc", "Federal-gov",
    "Without-pay", "Never-worked", "Other-1", "Other-2", "Other-3",
)  # fmt: skip


def sample_document(seed: int = 1) -> Document:
    """The report."""
    rng = np.random.default_rng(seed)
    quiz, answers = _quiz(rng)
    return Document(
        title="Synthetic customers of Adult & Sons <Bank>",
        made="2026-11-27T09:31:21+00:00",
        identity={
            "Model": {
                "algorithm": "gan", "model id": "adult_gan", "epochs": 120, "seed": 1234567890123,
                "parameters": {"batch_size": 512, "constraints": ["a > b", SCRIPT]},
            },
            "Rows": {"training": 32561, "synthetic": 32561, "unseen": 16281, "columns": 15},
            "This report": {
                "h2o_gan": "1.4.0", "h2o": "3.46.0.12", "seed": 1, "seconds": 83.251,
                "machine": None,
            },
            IMAGE: {LONG: LONG, RIGHT_TO_LEFT: EMOJI},
        },
        summary=(
            "fidelity.columns", "fidelity.pairs", "detection.gbm", "usefulness.gain",
            "privacy.membership", "privacy.copies", "privacy.outlier", "not.there",
        ),
        quiz=quiz,
        answers=answers,
        sections=(
            _fidelity(rng), _detection(rng), _usefulness(rng), _privacy(), _images(rng),
        ),
        unfinished={"groups": "No column was chosen.", SCRIPT: f"{IMAGE} was in the way"},
    )  # fmt: skip


def _quiz(rng: np.random.Generator) -> tuple[Table, list[bool]]:
    answers = [bool(flag) for flag in rng.permutation([True] * 20 + [False] * 20)]
    rows = [
        [
            int(rng.integers(17, 80)), _JOBS[rng.integers(7)],
            ("HS-grad", "Some-college", "Bachelors", "Masters", "11th")[rng.integers(5)],
            ("Married-civ-spouse", "Never-married", "Divorced")[rng.integers(3)],
            ("Exec-managerial", "Prof-specialty", "Craft-repair", "Sales", None)[rng.integers(5)],
            ("Husband", "Not-in-family", "Own-child", "Wife")[rng.integers(4)],
            ("Male", "Female")[rng.integers(2)], int(rng.choice([0, 0, 0, 7298])), 0,
            int(rng.integers(20, 60)), ("United-States", "Mexico", SCRIPT)[rng.integers(3)],
            f"20{rng.integers(10, 25)}-0{rng.integers(1, 9)}-1{rng.integers(0, 9)}",
            EMOJI if rng.random() < 0.1 else None, LONG if rng.random() < 0.1 else "x",
        ]
        for _ in range(40)
    ]  # fmt: skip
    numbers = {"age", "capital_gain", "capital_loss", "hours_per_week"}
    columns = [
        (name, "whole" if name in numbers else "string") for name in (*NAMES, RIGHT_TO_LEFT, LONG)
    ]
    return Table("quiz", "Which rows are real?", columns, rows), answers  # type: ignore[arg-type]


def _fidelity(rng: np.random.Generator) -> Section:
    columns = judged(
        Figure(
            "fidelity.columns", "Distributions of single columns", 0.9874, 0.9851, 0.9893, 0.9921,
            0.9918, "high",
            text="How much of the distributions of synthetic and training rows overlaps, on "
            "average over columns. At 100% every value is as frequent as among the training rows.",
            rows=16281,
        ),
        Threshold(0.98, 0.95),
    )  # fmt: skip
    pairs = judged(
        Figure(
            "fidelity.pairs", "Pairs of columns", 0.962, 0.958, 0.966, 0.981, 0.812, "high",
            text="The same for what two columns have to do with each other.", rows=16281,
        ),
        Threshold(0.9, 0.7, "way"),
    )  # fmt: skip
    rules = Figure(
        "fidelity.rules", f"Rules that hold: {IMAGE}", None, text="No rule was found in the rows."
    )
    worst = Table(
        "fidelity.columns", "The columns that differ most",
        [("column", "string"), ("distance", "number"), ("mean, real", "number"),
         ("mean, synthetic", "number"), ("missing, real", "share"), ("missing", "share"),
         ("levels", "whole"), ("AUC", "auc")],
        [[name, rng.random() / 10, rng.normal(40, 9), rng.normal(40, 9), 0.0123, 0.0, 1234, 0.512]
         for name in (*NAMES[:6], *HOSTILE)] + [[None] * 8],
        {"0,1": "poor", "1,1": "fair", "2,1": "good", "3,7": "changed"},
        "Distances are shares of rows that would have to move.",
    )  # fmt: skip
    strong = rng.random((15, 15))
    real = ((strong + strong.T) / 2) ** 2
    synthetic = np.clip(real + rng.normal(0, 0.05, real.shape), 0, 1)
    np.fill_diagonal(real, 1)
    np.fill_diagonal(synthetic, 1)
    matrices = Matrices(
        "fidelity.matrices", "Association of columns", [*NAMES, *HOSTILE[:3]],
        {"real": _gap(real), "synthetic": _gap(synthetic),
         "difference": _gap(synthetic - real)},
        {"real": (0, 1), "synthetic": (0, 1), "difference": (-0.2, 0.2)},
        "Most pairs of columns are as associated in synthetic rows as in real ones.",
    )  # fmt: skip
    large = rng.random((60, 60))
    many = Matrices(
        "fidelity.many", "Association of many columns", [f"column {i}" for i in range(60)],
        {"real": _gap(large)}, {"real": (0, 1)},
    )  # fmt: skip
    return Section(
        "fidelity", "Fidelity", "Are synthetic rows distributed like real ones?",
        [
            Figures([columns, pairs, rules]),
            Text("Unequal numbers of rows would bias these figures; each is measured on 16,281 "
                 "rows of every table.", "note"),
            *_distributions(rng), worst, matrices, many,
        ],
        12.31,
    )  # fmt: skip


def _gap(matrix: np.ndarray) -> list[list[float | None]]:
    cells: list[list[float | None]] = matrix.round(4).tolist()
    cells[1][2] = cells[2][1] = None
    return cells


def _distributions(rng: np.random.Generator) -> list[Distribution]:
    def numbers(name: str, draws: Sequence[np.ndarray], spikes: object = (), time: bool = False):  # type: ignore[no-untyped-def]
        edges = np.linspace(min(map(np.min, draws)), max(map(np.max, draws)), 31)
        series = [
            Series(part, list(np.histogram(draw, edges)[0] / len(draw)))
            for part, draw in zip(PARTS, draws, strict=True)
        ]
        return Distribution(
            f"fidelity.columns.{name}", name, [f"{edge:.4g}" for edge in edges], series,
            spikes, True, list(edges), time, f"Distribution of {name} in three tables.",  # type: ignore[arg-type]
        )  # fmt: skip

    def levels(name: str, labels: Sequence[str], weights: np.ndarray) -> Distribution:
        series = [
            Series(part, list(rng.multinomial(2000, weights / weights.sum()) / 2000))
            for part in PARTS
        ]
        return Distribution(f"fidelity.columns.{name}", name, labels, series, caption=name)

    ages = [rng.gamma(6, 6, size=3000) + 17 for _ in PARTS]
    days = [1.36e12 + rng.beta(2, 1.5, 3000) * 3.4e11 for _ in PARTS]
    hours = [7.2e6 + 1.6e12 + rng.random(3000) * 5e7 for _ in PARTS]
    gains = [rng.lognormal(8.5, 0.5, 3000) for _ in PARTS]
    gap = numbers("with gaps", [rng.normal(size=3000) for _ in PARTS])
    gap = Distribution(
        gap.name, gap.title, gap.labels,
        [Series(s.name, [*s.y[:10], None, None, *s.y[12:]]) for s in gap.series],
        numeric=True, edges=gap.edges,
    )  # fmt: skip
    return [
        numbers("age", ages),
        levels("sex", ("Male", "Female"), np.array([0.67, 0.33])),
        numbers("capital_gain", gains, [
            ("0", (0.917, 0.915, 0.918)), ("99999", (0.005, 0.004, 0.006)),
            ("missing", (0.01, 0.0, 0.01)),
        ]),
        levels("workclass", _JOBS, np.array([70, 8, 6.5, 4, 3.4, 3, 2, 1.5, 1, 0.6, 0.3])),
        numbers("opened", days, time=True),
        numbers("hour", hours, [("missing", (0.1, 0.11, 0.1))], time=True),
        gap,
        levels("grade", [*map(str, range(1, 17)), "other values"], rng.random(17)),
        levels("hostile", HOSTILE, np.arange(7, 0, -1)),
        numbers(LONG, ages),
        numbers(SCRIPT, [draw * 1e6 - 4e7 for draw in ages], [(SCRIPT, (0.3, None, 0.3))] * 6),
        Distribution("fidelity.columns.constant", "constant", ["1", "1"],
                     [Series(part, [None]) for part in PARTS], [("1", (1.0, 1.0, 1.0))], True,
                     [1, 1]),
        Distribution("fidelity.columns.empty", "empty", [], [Series(part, []) for part in PARTS]),
    ]  # fmt: skip


def _roc(area: float, count: int = 60) -> tuple[list[float | None], list[float]]:
    x = np.linspace(0, 1, count)
    return list(x ** (1 / area - 1)), list(x)


def _detection(rng: np.random.Generator) -> Section:
    gbm = judged(
        Figure(
            "detection.gbm", "Detection by boosted trees", 0.561, 0.549, 0.573, 0.502, 0.941,
            "low", unit="auc", rows=32562,
            text="How often trees give the higher score to the synthetic one of two rows, of which "
            "one is real. 0.5 is a coin toss.",
        ),
        Threshold(0.05, 0.1, "excess"),
    )  # fmt: skip
    series = [Series("synthetic", *_roc(0.561)), Series("unseen", *_roc(0.502)),
              Series("independent", *_roc(0.941))]  # fmt: skip
    roc = Curves(
        "detection.roc", "ROC of boosted trees", "share of real rows above the score",
        "share of synthetic rows", series, diagonal=True, caption="The curves are near chance.",
    )  # fmt: skip
    learning = Curves(
        "detection.learning", "Detection by number of rows", "rows", "AUC",
        [Series("synthetic", [0.51, None, 0.54, 0.56], [1000, 5000, 10000, 32000]),
         Series("unseen", [0.5, 0.5, 0.501, 0.502], [1000, 5000, 10000, 32000])],
    )  # fmt: skip
    bars = Curves(
        "detection.importances", "Columns that give it away", "relative importance", "",
        [Series("synthetic", list(np.sort(rng.random(14))[::-1])),
         Series("unseen", [*(rng.random(13) / 3), None])],
        [*NAMES, *HOSTILE[:2]], bars=True,
    )  # fmt: skip
    return Section(
        "detection", "Can it be told apart?",
        "A model learns to tell real rows from synthetic ones. The less it succeeds, the better.",
        [Figures([gbm]), roc, learning, bars, Text("Trees of H2O, 5 folds.")], 20.6,
    )  # fmt: skip


def _usefulness(rng: np.random.Generator) -> Section:
    gain = judged(
        Figure(
            "usefulness.gain", "Predictions of income", 0.912, 0.905, 0.919, 0.924, 0.5, "high",
            unit="auc", text="AUC on unseen real rows of a model trained on synthetic ones.",
            rows=16281,
        ),
        Threshold(0.01, 0.03, "excess"),
    )  # fmt: skip
    names = ("real", "synthetic", "real and synthetic")
    bars = Curves(
        "usefulness.models", "AUC on unseen real rows", "AUC", "",
        [Series(name, list(0.9 + rng.random(3) / 30)) for name in names],
        ("boosted trees", "logistic regression", "random forest"), bars=True,
    )  # fmt: skip
    roc = [Series(name, *_roc(0.9 + i / 80)) for i, name in enumerate(names)]
    return Section(
        "usefulness", "Usefulness", "Do models trained on synthetic rows predict real ones?",
        [Figures([gain]), bars,
         Curves("usefulness.roc", "ROC", "false positives", "true positives", roc, diagonal=True)],
        31.9,
    )  # fmt: skip


def _privacy() -> Section:
    figures = [
        judged(
            Figure("privacy.membership", "The worst membership attack", 0.508, 0.494, 0.522, 0.5,
                   0.5, "half", unit="auc", rows=10000,
                   text="An attacker who knows a row guesses whether the model was trained on it."),
            Threshold(0.05, 0.1),
        ),
        judged(
            Figure("privacy.copies", "Copies of training rows", 0.0312, 0.029, 0.034, 0.0004,
                   0.0009, "low", rows=32561, text=f"Rows equal to a training row: {SCRIPT}"),
            Threshold(0.005, 0.02, "excess"),
        ),
        Figure("privacy.outlier", "Distance to the nearest training row", 2.31, 2.2, 2.4, 2.35,
               812.4, "high", unit="number", text="In units of the columns' ranges."),
    ]  # fmt: skip
    copies = Table(
        "privacy.copied", "Copied rows",
        [("row", "whole"), ("column", "string"), ("share", "share")],
        [[index, NAMES[index % 12], index / 1000] for index in range(30)],
    )  # fmt: skip
    return Section(
        "privacy", "Privacy", "What do synthetic rows say about single training rows?",
        [Text("This report proves nothing about attackers who know more than a row.", "warning"),
         Figures(figures), copies], 14.0,
    )  # fmt: skip


def _images(rng: np.random.Generator) -> Section:
    def picture() -> str:
        stream = io.BytesIO()
        pixels = (rng.random((16, 16)) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(stream, "PNG")
        return base64.b64encode(stream.getvalue()).decode()

    rows = [[(picture(), f"digit {digit}, image {index}") for index in range(8)] for digit in "012"]
    rows[0][0] = (IMAGE, SCRIPT)
    grid = Pictures(
        "images.grid", "Images by class", rows, [f"image {i}" for i in range(8)],
        ["0", "1", IMAGE], "Random images.",
    )  # fmt: skip
    return Section("images", "Images", "Do images look like real ones?", [grid], 3.2)
