"""Results of benchmarks as JSON files, from which tables.py makes the tables of the documentation.

A file says what was measured, when, on which machine, with which versions and parameters, and has
the figures. `results/README.md` describes the members.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("results")
DIGITS = 5  # significant ones of a figure; more say nothing


def add_option(parser: argparse.ArgumentParser) -> None:
    """Give a benchmark the option --record."""
    parser.add_argument(
        "--record", metavar="NAME", help="write the figures to scripts/benchmarks/results/NAME.json"
    )


def write(
    name: str,
    *,
    what: str,
    parameters: dict[str, Any],
    figures: dict[str, Any],
    device: str = "CPU",
    packages: Iterable[str] = (),
    versions: dict[str, str] | None = None,
) -> Path:
    """Write the results of a benchmark that has just ended.

    Args:
        name: of the file, without its ending.
        what: what was measured, in one sentence.
        parameters: what changes the figures. Paths are reduced to their last part.
        figures: numbers, in as many levels of names as it takes.
        device: what the networks ran on.
        packages: distributions installed here whose versions matter.
        versions: of programs that are not installed here.

    Returns:
        The path of the file.
    """
    found = {package: importlib.metadata.version(package) for package in packages}
    result = {
        "what": what,
        "measured": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "commit": commit(),
        "machine": f"{os.cpu_count()} cores, {device}",
        "versions": {"python": platform.python_version(), **found, **(versions or {})},
        "parameters": {key: _plain(value) for key, value in parameters.items()},
        "figures": _rounded(figures),
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return path


def read(name: str) -> dict[str, Any]:
    """Return what a file of results holds."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def commit() -> str | None:
    """Return the short name of the commit, marked where files differ; None outside a repository."""
    command = ["git", "-C", str(FOLDER.parent), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, Path) or (isinstance(value, str) and os.sep in value):
        return Path(value).name
    return value


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(part) for part in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
