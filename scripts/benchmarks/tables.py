"""Makes the tables and figures of the documentation from the results of the benchmarks.

    .venv/bin/python scripts/benchmarks/tables.py [--check]

It rewrites two kinds of places in README.md and docs/, and no other:

- all between `<!-- figures:NAME -->` and `<!-- /figures -->`: NAME is a function of this module,
  which returns the lines;
- a number before `<!-- = FILE.NAME.NAME -->`, as in `.994<!-- = tabular_adult.h2o_gan.mle -->`:
  the figure of results/FILE.json under these names. It keeps the number of decimals that it has.

With --check it changes nothing, and fails where a file is not what it would write.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import record

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"(<!-- figures:(\w+) -->\n)(.*?)(<!-- /figures -->)", re.DOTALL)
NUMBER = re.compile(r"(-?(?:\d[\d,]*)?\.?\d+)(<!-- = ([\w.]+) -->)")
MARKER = re.compile(r"<!-- (?:figures:|= |/figures)")

Table = Callable[[], list[str]]
TABLES: dict[str, Table] = {}


class Missing(Exception):
    """A place that names no result."""


def table(function: Table) -> Table:
    """Register a function under its name."""
    TABLES[function.__name__] = function
    return function


def documents() -> Iterator[Path]:
    """Yield the files that may have such places."""
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").rglob("*.md"))


def filled(text: str) -> str:
    """Return a document with all its figures as the results have them.

    Raises:
        Missing: a place names no table and no figure, or a marker is not well formed.
    """
    found = 0

    def block(match: re.Match[str]) -> str:
        nonlocal found
        found += 2
        if match[2] not in TABLES:
            raise Missing(f"figures:{match[2]} is none of {', '.join(TABLES)}")
        try:
            lines = ["", *TABLES[match[2]](), "", ""]  # blank lines, for all readers of Markdown
        except (OSError, KeyError, TypeError) as error:
            raise Missing(f"figures:{match[2]} lacks a result: {error!r}") from None
        return match[1] + "\n".join(lines) + match[4]

    def number(match: re.Match[str]) -> str:
        nonlocal found
        found += 1
        decimals = len(match[1].partition(".")[2])
        return f"{shown(figure(match[3]), decimals)}{match[2]}"

    text = NUMBER.sub(number, BLOCK.sub(block, text))
    if found != len(MARKER.findall(text)):
        raise Missing("a marker of figures has no number before it, or no end")
    return text


def figure(path: str) -> float:
    """Return one figure by its file and names, with points between them, or in them."""
    file, *names = path.split(".")
    try:
        value: Any = record.read(file)["figures"]
        while names:
            ends = range(1, len(names) + 1)
            end = next((end for end in ends if ".".join(names[:end]) in value), 1)
            value = value[".".join(names[:end])]
            names = names[end:]
        return float(value)
    except (OSError, KeyError, TypeError) as error:
        raise Missing(f"{path} names no figure: {error!r}") from None


def shown(value: float | None, decimals: int, strong: bool = False) -> str:
    """Return a number as the documentation writes it: .994, 2.5, 72,000."""
    if value is None:
        return ""
    text = f"{value:,.{decimals}f}"
    if abs(value) < 1 and decimals:
        text = text.replace("0.", ".", 1)
    return f"**{text}**" if strong else text


def row(*cells: str) -> str:
    """Return a line of a table in Markdown."""
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def head(*cells: str) -> list[str]:
    """Return the heading of a table: names on the left, figures on the right."""
    return [row(*cells), "|---|" + "--:|" * (len(cells) - 1)]


def measured(*files: str) -> str:
    """Return when and on what the figures of some files were measured."""
    found: dict[str, None] = {}
    for file in files:
        result = record.read(file)
        found[f"{result['measured']} on {result['machine']}"] = None
    return f"Measured {', '.join(found)}."


# ---- tables

METHODS = {
    "h2o_gan": "h2o_gan",
    "h2o_gan_without_critic": "h2o_gan without its discriminator",
    "tabular_argn": "TabularARGN",
}
SCORES = ("shape", "trend", "alpha", "beta", "c2st_lr", "c2st_xgb", "mle")
NEAR_HALF = ("pairs", "dcr", "membership")


@table
def tabular() -> list[str]:
    """Scores of synthetic tables, and what they took."""
    names = (*SCORES, *NEAR_HALF)
    lines = head("", *names, "train s", "rows/s")
    files = {"tabular_adult": "Adult", "tabular_magic": "MAGIC"}
    for file, title in files.items():
        result = record.read(file)
        figures, rows = result["figures"], result["parameters"]["train_rows"]
        real = f"(real {shown(figures['real']['mle'], 3)})"
        cells = [real if name == "mle" else "" for name in names]
        lines.append(row(f"**{title}**, {rows:,} rows", *cells, "", ""))
        for method in ("h2o_gan", "h2o_gan_without_critic", "tabular_argn"):
            ours = figures[method]
            best = ("h2o_gan", "c2st_xgb")
            cells = [shown(ours[name], 3, (method, name) == best) for name in names]
            times = [shown(ours[name], 0) for name in ("train_seconds", "rows_per_second")]
            lines.append(row(METHODS[method], *cells, *times))
    return [*lines, "", measured(*files)]


@table
def rebalancing() -> list[str]:
    """What rows of a rare level do for a classifier."""
    names = {
        "real": "real rows",
        "weighted": "real rows, weighted by class",
        "balanced": 'real rows and `generate(balance="income")`',
    }
    lines = head("gradient-boosted trees on", "average precision", "recall at precision .8")
    figures = record.read("rebalancing_adult")["figures"]
    for key, name in names.items():
        cells = [shown(figures[key][k], 3) for k in ("average_precision", "recall")]
        lines.append(row(name, *cells))
    return [*lines, "", measured("rebalancing_adult")]


@table
def anomalies() -> list[str]:
    """How well predict() tells changed rows from real ones."""
    names = {"shuffled": "all cells shuffled between rows", "exchanged": "three cells exchanged"}
    figures = record.read("anomalies_adult")["figures"]
    lines = head("Adult's test rows against the same rows with", "AUC")
    lines += [row(name, shown(figures[key]["auc"], 2)) for key, name in names.items()]
    return [*lines, "", measured("anomalies_adult")]


@table
def imputation() -> list[str]:
    """How well hidden cells of unseen rows are filled, and the mean rank of methods.

    Ranked are the methods that have all results; of those that lack some, ranks would not compare.
    """
    methods = {
        "h2o_gan": "h2o_gan",
        "missforest": "MissForest",
        "iterative": "IterativeImputer",
        "average": "mean or mode",
    }
    titles = ("Adult", "MAGIC", "Shoppers", "Beijing")
    files = {f"imputation_{title.lower()}": title for title in titles}
    results = {
        f"{title}, {mechanism}": figures
        for file, title in files.items()
        for mechanism, figures in record.read(file)["figures"].items()
    }
    lines = head("RMSE and accuracy", *methods.values())
    for name, figures in results.items():
        both = [
            " / ".join(shown(figures[method][key], 3) for key in ("out_rmse", "out_accuracy"))
            if method in figures
            else ""
            for method in methods
        ]
        lines.append(row(name, *both))
    complete = [m for m in methods if all(m in figures for figures in results.values())]
    ranks: dict[str, list[int]] = {method: [] for method in complete}
    for figures in results.values():
        for key, sign in (("out_rmse", 1), ("out_accuracy", -1)):
            order = sorted(complete, key=lambda method: sign * figures[method][key])
            for rank, method in enumerate(order, 1):
                ranks[method].append(rank)
    means = {method: sum(found) / len(found) for method, found in ranks.items()}
    lines.append(row("**mean rank**", *(shown(means.get(method), 2) for method in methods)))
    return [*lines, "", measured(*files)]


@table
def adbench() -> list[str]:
    """How well anomalies are found on ADBench, next to classical detectors."""
    names = {
        "h2o_gan": "h2o_gan",
        "neighbours": "distance to the fifth nearest row",
        "forest": "isolation forest",
    }
    half, everything = (record.read(f"anomalies_{key}") for key in ("half", "all"))
    sets = [str(result["parameters"]["sets"]) for result in (half, everything)]
    lines = head(
        "mean AUC over classical sets, trained on",
        f"half of the normal rows ({sets[0]} sets)",
        f"all rows ({sets[1]} sets)",
    )
    for key, name in names.items():
        cells = [shown(result["figures"]["mean"][key], 3) for result in (half, everything)]
        lines.append(row(name, *cells))
    return [*lines, "", measured("anomalies_half", "anomalies_all")]


# ---- images


@table
def images() -> list[str]:
    """Measures of generated digits, of each method and data set."""
    heads = ("accuracy", "Fréchet", "precision", "recall", "near", "train s", "images/s")
    lines = head("", *heads)
    names = {
        "h2o_gan": "h2o_gan",
        "dcgan": "DCGAN of as many weights",
        "mlp": "the article's networks",
    }
    files = {"images_mnist": "MNIST", "images_mnist_short": "MNIST", "images_digits": "digits"}
    for file, title in files.items():
        result = record.read(file)
        figures = result["figures"]
        minutes = result["parameters"]["minutes"]
        lines.append(row(f"**{title}**, {minutes:g} minutes", *[""] * len(heads)))
        for method, name in names.items():
            if (ours := figures.get(method)) is None:
                continue
            distance = ours["frechet"]
            cells = [shown(ours["accuracy"], 3)]
            cells.append(shown(distance, 2 if distance < 1 else 1 if distance < 100 else 0))
            cells += [shown(ours.get(key), 3) for key in ("precision", "recall", "near")]
            cells += [shown(ours.get(key), 0) for key in ("seconds", "images_per_second")]
            lines.append(row(name, *cells))
    return [*lines, "", measured(*files)]


# ---- frames


@table
def frames() -> list[str]:
    """How many times as long others take to move a frame."""
    files = {"frames_mixed": "1,000,000 x 15 mixed", "frames_pixels": "60,000 x 784 pixels"}
    results = [record.read(file)["figures"] for file in files]
    lines = head("", *files.values())
    groups = {
        "reading": {
            "as_data_frame_multi_thread": "`as_data_frame(use_multi_thread=True)`",
            "as_data_frame": "`as_data_frame()`",
            "plain": "without the extension",
        },
        "writing": {
            "h2o_frame": "`h2o.H2OFrame(pandas)`",
            "upload_parquet": "`h2o.upload_file` of Parquet",
            "plain": "without the extension",
        },
    }
    for group, others in groups.items():
        ours = [result[group]["ours"] for result in results]
        lines.append(row(f"**{group}**, seconds", *(shown(value, 2) for value in ours)))
        for key, name in others.items():
            times = [result[group][key] for result in results]
            ratios = [time / our for time, our in zip(times, ours, strict=True)]
            lines.append(row(name, *(shown(ratio, 1) for ratio in ratios)))
    return [*lines, "", measured(*files)]


def main() -> int:
    """Rewrite the documents, or check them; the exit status is 1 where one differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing")
    options = parser.parse_args()
    differ = False
    for path in documents():
        text = path.read_text()
        try:
            new = filled(text)
        except Missing as error:
            print(f"{path.relative_to(ROOT)}: {error}", file=sys.stderr)
            return 1
        if new == text:
            continue
        differ = True
        if options.check:
            print(
                f"{path.relative_to(ROOT)}: figures differ from scripts/benchmarks/results;", end=""
            )
            print(" run scripts/benchmarks/tables.py")
        else:
            path.write_text(new)
            print(f"{path.relative_to(ROOT)}: updated")
    return int(differ and options.check)


if __name__ == "__main__":
    raise SystemExit(main())
