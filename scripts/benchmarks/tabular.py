"""Compares h2o_gan with CTGAN, TVAE and TabularARGN: one table, one set of measures, one run.

Every method has its defaults and, but for h2o_gan, a virtual environment of its own, which the
first run makes under --work. What was trained and scored is kept there too, so that an interrupted
run goes on where it stopped. tabular_scores.py explains the measures.

    .venv/bin/python scripts/benchmarks/tabular.py --train train.csv --test test.csv --target income
        [--categorical a,b] [--seeds 3] [--methods h2o_gan,tvae] [--rows N] [--threads 2]
        [--work DIR] [--venv scores=DIR] [--record NAME] [--curve]

Without --train it takes the 380 rows of prostate.csv that the package h2o brings along. pip gets
its packages wherever it is set to: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
saves the download of CUDA.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import record
from tabular_data import add_options
from tabular_runs import ENVIRONMENTS, METHODS, Benchmark, Failure

LEVELS = 0.5, 0.7  # of c2st_xgb, for --curve
SCORES = {  # heading and name
    "shape": "shape",
    "trend": "trend",
    "alpha": "alpha_precision",
    "beta": "beta_recall",
    "c2st_lr": "c2st_lr",
    "c2st_xgb": "c2st_xgb",
    "trees": "trees_auc",
    "pairs": "pairs_auc",
    "mle": "mle",
    "dcr": "dcr_share",
    "membership": "membership_auc",
    "copies": "exact_copies",
}
TIMES = {  # name, and decimals shown
    "train_seconds": 1,
    "sample_seconds": 2,
    "rows_per_second": 0,
    "train_cpu_seconds": 1,
    "sample_cpu_seconds": 2,
}

Figures = dict[str, dict[str, Any]]


def compare(benchmark: Benchmark, methods: list[str]) -> Figures:
    """Return the mean scores and times of every method, and the spread of scores over the seeds.

    `real` has what real training rows reach. A method that fails has its error.
    """
    found: dict[str, list[dict[str, Any]]] = {method: [] for method in methods}
    failed: dict[str, str] = {}
    for seed in range(benchmark.options.seeds):
        for method in methods:
            if method in failed:
                continue
            print(f"{method}, seed {seed}", file=sys.stderr)
            try:
                result = benchmark.result(method, seed)
            except Failure as error:
                failed[method] = str(error)
                continue
            result["rows_per_second"] = benchmark.rows / result["sample_seconds"]
            found[method].append(result)
    figures: Figures = {}
    real: dict[str, float] = {}
    for method, results in found.items():
        if method in failed:
            figures[method] = {"failed": failed[method]}
            continue
        names = {**SCORES, **{name: name for name in TIMES}}
        values = {key: [r[name] for r in results if name in r] for key, name in names.items()}
        figures[method] = {key: statistics.fmean(some) for key, some in values.items() if some}
        figures[method]["seeds"] = len(results)
        if len(results) > 1:
            figures[method]["spread"] = {
                key: statistics.stdev(values[key]) for key in SCORES if len(values[key]) > 1
            }
        real = {"copies": results[0]["exact_copies_unseen_real"]}
        if benchmark.target:
            real["mle"] = results[0]["mle_real"]
    return {**figures, "real": real}


def compared(figures: Figures) -> list[str]:
    """Return the figures of :func:`compare` as a table in Markdown."""
    names = [*SCORES, *TIMES]
    lines = [row(["", *names]), row(["---"] + ["--:"] * len(names))]
    for method, values in figures.items():
        if "failed" in values:
            lines.append(row([method, f"failed: {values['failed']}", *[""] * (len(names) - 1)]))
            continue
        spread = values.get("spread", {})
        cells = []
        for name in names:
            cell = f"{values[name]:,.{TIMES.get(name, 4)}f}" if name in values else ""
            cells.append(f"{cell} ± {spread[name]:.4f}" if name in spread else cell)
        lines.append(row([method, *cells]))
    return lines


def row(cells: list[str]) -> str:
    """Return a line of a table in Markdown."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def curve(benchmark: Benchmark, methods: list[str]) -> Figures:
    """Return what every method reaches in how much time, and when it passes each of LEVELS."""
    figures: Figures = {}
    for method in methods:
        points: list[tuple[float, float, str]] = []
        failed = {}
        for budget in (*METHODS[method][1], None):
            print(f"{method}, epochs: {budget or 'default'}", file=sys.stderr)
            try:
                points += benchmark.points(method, budget)
            except Failure as error:
                failed[str(budget or "default")] = str(error)
        passed = {
            f"c2st_xgb_{level:.0%}".rstrip("%"): min(
                (time for time, score, _ in points if score >= level), default=None
            )
            for level in LEVELS
        }
        figures[method] = {
            "seconds_to": passed,
            "points": [
                {"train_seconds": time, "c2st_xgb": score, "epochs": name}
                for time, score, name in points
            ],
        }
        if failed:
            figures[method]["failed"] = failed
    return figures


def curves(figures: Figures) -> list[str]:
    """Return the figures of :func:`curve` as tables in Markdown."""
    lines: list[str] = []
    for method, found in figures.items():
        lines += ["", row([method, "train s", "c2st_xgb"]), row(["---", "--:", "--:"])]
        for point in found["points"]:
            score = f"{point['c2st_xgb']:.4f}"
            lines.append(row([point["epochs"], f"{point['train_seconds']:.1f}", score]))
        lines.append("")
        for level, seconds in found["seconds_to"].items():
            reached = "not reached" if seconds is None else f"reached in {seconds:.1f} s"
            lines.append(f"- {method}: {level} {reached}")
        for budget, error in found.get("failed", {}).items():
            lines.append(f"- {method}, epochs {budget}: failed: {error}")
    return lines


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser)
    parser.add_argument("--seeds", type=int, default=3, help="how many; seeds are 0, 1, ...")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--rows", type=int, help="rows to draw; as many as train when absent")
    parser.add_argument("--threads", type=int, default=2)
    folder = Path(tempfile.gettempdir()) / "h2o_gan_benchmark"
    parser.add_argument("--work", default=str(folder), help="for environments and results")
    parser.add_argument(
        "--venv",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help=f"an environment that exists: {', '.join(ENVIRONMENTS)}",
    )
    parser.add_argument("--curve", action="store_true", help="scores against training time")
    record.add_option(parser)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Terminated."))  # and so is its child
    methods = options.methods.split(",")
    for method in methods:
        if method not in METHODS:
            parser.error(f"--methods: {method!r} is none of {', '.join(METHODS)}.")
    benchmark = Benchmark(options)
    figures = (curve if options.curve else compare)(benchmark, methods)
    print("\n".join((curves if options.curve else compared)(figures)))
    print(f"{benchmark.shape}, {benchmark.rows} drawn")
    if options.record:
        kind = "Scores against training time" if options.curve else "Scores and times"
        record.write(
            options.record,
            what=f"{kind} of synthetic tables.",
            parameters={
                "train": options.train or "prostate.csv",
                "target": benchmark.target,
                "train_rows": benchmark.train_rows,
                "drawn_rows": benchmark.rows,
                "seeds": options.seeds,
                "threads": options.threads,
            },
            figures=figures,
            packages=("torch",),
            versions={method: benchmark.version(METHODS[method][0]) for method in methods},
        )


if __name__ == "__main__":
    main()
