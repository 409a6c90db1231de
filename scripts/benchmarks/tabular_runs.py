"""Trains and scores the methods of tabular.py, each in a virtual environment of its own.

What was trained and scored is kept, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tabular_data import load

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = {
    "ctgan": ["ctgan==0.12.1", "torch==2.13.0", "pyarrow==26.0.1"],
    "tabular_argn": ["mostlyai-engine==2.7.3", "torch==2.13.0"],
    "scores": [
        "sdmetrics==0.32.0",
        "xgboost==3.2.0",
        "scikit-learn==1.9.1",
        "pandas==2.3.3",
        "pyarrow==26.0.1",
    ],
}
UNWANTED = {"tabular_argn": ["torchvision", "torchaudio"]}  # other builds than torch's break it
METHODS: dict[str, tuple[str | None, list[int]]] = {
    # The environment of each and, for --curve, its budgets in epochs beside its default; h2o_gan
    # has none: snapshots of one training show what a shorter one would have given.
    "h2o_gan": (None, []),
    "h2o_gan_without_critic": (None, []),
    "tabular_argn": ("tabular_argn", [1, 3, 10]),
    "ctgan": ("ctgan", [10, 30, 100]),
    "tvae": ("ctgan", [10, 30, 100]),
}


class Failure(Exception):
    """A program ended with an error; the last line that it printed."""


class Benchmark:
    """The tables, the environments and what is already known.

    Attributes:
        work: folder of environments and results.
        tables: paths of the training and the test table, as Parquet.
        train_rows: how many rows there are to train on.
        rows: how many are drawn.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.work = Path(options.work).resolve()
        self.runs = self.work / "runs"
        self.runs.mkdir(parents=True, exist_ok=True)
        self.given = dict(pair.split("=", 1) for pair in options.venv)
        if unknown := self.given.keys() - ENVIRONMENTS.keys():
            raise SystemExit(f"--venv: {unknown.pop()!r} is none of {', '.join(ENVIRONMENTS)}.")
        train, test, self.target = load(options)
        self.train_rows = len(train)
        self.rows = options.rows or len(train)
        self.shape = f"{len(train)} + {len(test)} rows, {len(train.columns)} columns"
        if self.target and self.target not in train:
            raise SystemExit(f"--target: no column {self.target!r}.")
        self.tables: dict[str, Path] = {}
        for name, table in (("train", train), ("test", test)):
            content = table.to_csv(index=False).encode() + str(list(table.dtypes)).encode()
            path = self.runs / f"{name}-{digest(content)}.parquet"
            if not path.exists():
                table.to_parquet(path, index=False)
            self.tables[name] = path

    def variables(self, program: str, temporary: str) -> dict[str, str]:
        """The environment variables of a program."""
        found = dict(os.environ)
        if program != sys.executable:  # what is meant for this environment is not for another
            found.pop("PYTHONPATH", None)
        for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR"):
            found[f"{name}_NUM_THREADS"] = str(self.options.threads)
        return found | {"LOKY_MAX_CPU_COUNT": str(self.options.threads), "TMPDIR": temporary}

    def python(self, environment: str | None) -> str:
        """The interpreter of an environment, made first where there is none."""
        if environment is None:
            return sys.executable
        folder = Path(self.given.get(environment, self.work / "venvs" / environment))
        python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        if environment in self.given:
            if not python.exists():
                raise Failure(f"{folder} is no virtual environment")
            return str(python)
        wanted = ENVIRONMENTS[environment]
        done = folder / "requirements.txt"
        if not done.exists() or done.read_text().split() != wanted:
            print(f"making {folder}", file=sys.stderr)
            self.execute([sys.executable, "-m", "venv", "--clear", str(folder)])
            self.execute([str(python), "-m", "pip", "install", "-q", *wanted])
            if unwanted := UNWANTED.get(environment):
                self.execute([str(python), "-m", "pip", "uninstall", "-q", "-y", *unwanted])
            done.write_text("\n".join(wanted))
        return str(python)

    def execute(self, command: list[str]) -> str:
        """What a program prints; :class:`Failure` where it fails."""
        with tempfile.TemporaryDirectory(dir=self.work) as temporary:  # some leave things behind
            variables = self.variables(command[0], temporary)
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", env=variables
            )
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            raise Failure(said[-1].strip() if said else f"exit status {done.returncode}")
        return done.stdout

    def result(self, method: str, seed: int) -> dict[str, Any]:
        """Times and scores of one method with one seed."""
        run, sample = self.trained(method, seed)
        return run | self.scores(sample)

    def points(self, method: str, budget: int | None) -> list[tuple[float, float, str]]:
        """Seconds of training, c2st_xgb and a name; several where a method knows its past."""
        flags = [] if budget is None else ["--budget", str(budget)]
        if METHODS[method][0] is None:
            flags = ["--snapshots"]
        run, sample = self.trained(method, 0, flags)
        found = [
            (seconds, self.runs / name, "snapshot") for seconds, name in run.get("snapshots", [])
        ]
        found.append((run["train_seconds"], sample, str(budget or "default")))
        return [
            (seconds, self.scores(path, "c2st")["c2st_xgb"], name) for seconds, path, name in found
        ]

    def trained(
        self, method: str, seed: int, flags: Sequence[str] = ()
    ) -> tuple[dict[str, Any], Path]:
        """What a method's program says, from an earlier run if there was one; and its sample."""
        environment, _ = METHODS[method]
        version = self.version(environment)
        threads = self.options.threads
        files = [path.name for path in self.tables.values()]
        key = digest(files, method, seed, self.rows, threads, version, *flags)
        kept = self.runs / f"{method}-{key}.json"
        sample = kept.with_suffix(".parquet")
        if not (kept.exists() and sample.exists()):
            command = [self.python(environment), str(HERE / "tabular_peers.py"), method]
            command += [str(self.tables["train"]), str(sample), "--rows", str(self.rows)]
            command += ["--seed", str(seed), "--threads", str(threads), *flags]
            keep(kept, last_object(self.execute(command)))
        return json.loads(kept.read_text()), sample

    def scores(self, sample: Path, groups: str | None = None) -> dict[str, float]:
        """The measures of what was drawn, from an earlier run if there was one."""
        program = HERE / "tabular_scores.py"
        key = digest(program.read_bytes(), self.target, groups, ENVIRONMENTS["scores"])
        kept = self.runs / f"{sample.stem}-{key}.json"
        if not kept.exists():
            command = [self.python("scores"), str(program), "--synthetic", str(sample)]
            for name, path in self.tables.items():
                command += [f"--{name}", str(path)]
            if self.target:
                command += ["--target", self.target]
            if groups:
                command += ["--groups", groups]
            keep(kept, last_object(self.execute(command)))
        return json.loads(kept.read_text())

    @functools.cache  # noqa: B019 (there is one benchmark)
    def version(self, environment: str | None) -> str:
        """The version of a method's package; of h2o_gan, with a hash of its source."""
        if environment is not None:
            package = ENVIRONMENTS[environment][0].split("==")[0]
            ask = f"import importlib.metadata as m; print(m.version({package!r}))"
            return self.execute([self.python(environment), "-c", ask]).strip()
        spec = importlib.util.find_spec("h2o_gan")
        if spec is None or spec.origin is None:
            raise Failure("h2o_gan is not installed here")
        source = sorted(Path(spec.origin).parent.rglob("*.py"))
        content = digest(*(path.read_bytes() for path in source))
        return f"{importlib.metadata.version('h2o-gan')}+{content[:8]}"


def digest(*parts: object) -> str:
    """A name for these bytes and values."""
    found = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else repr(part).encode()
        found.update(hashlib.sha256(content).digest())
    return found.hexdigest()[:16]


def keep(path: Path, value: dict[str, Any]) -> None:
    """Write JSON as a whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value))
    partial.replace(path)


def last_object(output: str) -> dict[str, Any]:
    """The last line of a program's output that is a JSON object."""
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise Failure("it printed no result")
    return json.loads(lines[-1])
