"""h2o_gan against CTGAN, TVAE and TabularARGN: one table, one set of measures, one run.

Every method has its defaults and, but for h2o_gan, a virtual environment of its own, which the
first run makes under --work. What was trained and scored is kept there too, so that an interrupted
run goes on where it stopped. tabular_scores.py explains the measures.

    .venv/bin/python scripts/benchmarks/tabular.py --train train.csv --test test.csv --target income
        [--categorical a,b] [--seeds 3] [--methods h2o_gan,tvae] [--rows N] [--threads 2]
        [--work DIR] [--venv scores=DIR] [--json out.json] [--markdown out.md] [--curve]

Without --train it takes the 380 rows of prostate.csv that the package h2o brings along. pip gets
its packages wherever it is set to: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
saves the download of CUDA.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

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
    # has none: it tells during one training what it would have been earlier.
    "h2o_gan": (None, []),
    "h2o_gan_without_critic": (None, []),
    "tabular_argn": ("tabular_argn", [1, 3, 10]),
    "ctgan": ("ctgan", [10, 30, 100]),
    "tvae": ("ctgan", [10, 30, 100]),
}
LEVELS = 0.5, 0.7  # of c2st_xgb, for --curve
SCORES = {  # heading and name
    "shape": "shape",
    "trend": "trend",
    "alpha": "alpha_precision",
    "beta": "beta_recall",
    "c2st_lr": "c2st_lr",
    "c2st_xgb": "c2st_xgb",
    "mle": "mle",
    "dcr_share": "dcr_share",
    "copies": "exact_copies",
}
PROSTATE = ["CAPSULE", "RACE", "DPROS", "DCAPS"]  # what h2o's documentation makes factors


class Failure(Exception):
    """What a method's program said last."""


class Benchmark:
    """The tables, the environments and what is already known.

    Attributes:
        work: folder of environments and results.
        tables: paths of the training and the test table, as Parquet.
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


def load(options: argparse.Namespace) -> tuple[pd.DataFrame, pd.DataFrame, str | None]:
    """The training and the test table, categories as text, and the name of the target."""
    target, names = options.target, options.categorical
    if options.train:
        if not options.test:
            raise SystemExit("--train wants --test too.")
        train, test = read(options.train), read(options.test)
    else:
        whole = read(str(prostate())).drop(columns="ID")
        train = whole.sample(frac=0.8, random_state=0)
        test = whole.drop(train.index)
        target = target or "CAPSULE"
        names = names or ",".join(PROSTATE)
    categorical = list(train.select_dtypes(exclude="number").columns)
    for name in names.split(",") if names else []:
        if name not in train:
            raise SystemExit(f"--categorical: no column {name!r}.")
        categorical.append(name)
    test = test[train.columns]
    return texts(train, categorical), texts(test, categorical), target


def texts(table: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The table with some of its columns as text; a whole number stays free of a decimal point."""

    def text(column: pd.Series) -> pd.Series:
        if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
            column = column.astype("Int64")
        return column.astype("string")

    return table.assign(**{name: text(table[name]) for name in names}).reset_index(drop=True)


def read(path: str) -> pd.DataFrame:
    """A CSV or Parquet file."""
    if path.endswith(".parquet"):
        return pd.read_parquet(path)
    return pd.read_csv(path, skipinitialspace=True)


def prostate() -> Path:
    """The table that comes with the package h2o."""
    spec = importlib.util.find_spec("h2o")
    if spec is None or spec.origin is None:
        raise SystemExit("h2o is not installed here: give --train and --test.")
    return Path(spec.origin).parent / "h2o_data" / "prostate.csv"


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


def compare(benchmark: Benchmark, methods: list[str]) -> tuple[str, dict[str, Any]]:
    """Every method with every seed: a table in Markdown, and all the figures."""
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
    headings = ["method", *SCORES, "train s", "sample s", "rows/s"]
    lines = [row(headings), row(["---"] + ["--:"] * (len(headings) - 1))]
    for method in methods:
        if method in failed:
            lines.append(row([method, f"failed: {failed[method]}", *[""] * (len(headings) - 2)]))
            continue
        cells = [figure([r[name] for r in found[method] if name in r]) for name in SCORES.values()]
        unseen = statistics.fmean(r["exact_copies_unseen_real"] for r in found[method])
        cells[-1] += f" / {unseen:.4f}"
        for name, digits in (("train_seconds", 1), ("sample_seconds", 2), ("rows_per_second", 0)):
            cells.append(figure([r[name] for r in found[method]], digits))
        lines.append(row([method, *cells]))
    whole = {method: results for method, results in found.items() if method not in failed}
    if whole and benchmark.target:
        ceiling = next(iter(whole.values()))[0]["mle_real"]
        cells = [f"{ceiling:.4f}" if name == "mle" else "" for name in headings[1:]]
        lines.append(row(["real training rows", *cells]))
    lines += ["", *ratios(whole), *notes(benchmark, whole)]
    return "\n".join(lines), {"results": found, "failed": failed}


def row(cells: list[str]) -> str:
    """A line of a table in Markdown."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def figure(values: list[float], digits: int = 4) -> str:
    """The mean, and the standard deviation where there are several."""
    if not values:
        return ""
    mean = f"{statistics.fmean(values):,.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):,.{digits}f}"


def ratios(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """How h2o_gan's speed compares with that of each peer."""

    def mean(method: str, name: str) -> float:
        return statistics.fmean(result[name] for result in found[method])

    lines = []
    for ours in (method for method in found if method.startswith("h2o_gan")):
        for peer in (method for method in found if not method.startswith("h2o_gan")):
            time = mean(ours, "train_seconds") / mean(peer, "train_seconds")
            speed = mean(ours, "rows_per_second") / mean(peer, "rows_per_second")
            lines.append(
                f"- {ours} / {peer}: {time:.3g} of the training time, "
                f"{speed:.3g} of the sampling speed"
            )
    return lines


def notes(benchmark: Benchmark, found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """What one must know to read the table."""
    if not found:
        return []
    versions = (f"{method} {benchmark.version(METHODS[method][0])}" for method in found)
    options = benchmark.options
    return [
        f"- copies: among synthetic rows / among unseen real ones; {benchmark.shape}, "
        f"{benchmark.rows} drawn, seeds: {options.seeds}, threads: {options.threads}, "
        f"{platform.machine()}",
        f"- {', '.join(versions)}",
    ]


def curve(benchmark: Benchmark, methods: list[str]) -> tuple[str, dict[str, Any]]:
    """What every method reaches in how much time: lines of text, and all the figures."""
    lines: list[str] = []
    found: dict[str, list[tuple[float, float, str]]] = {}
    for method in methods:
        points: list[tuple[float, float, str]] = []
        for budget in (*METHODS[method][1], None):
            print(f"{method}, epochs: {budget or 'default'}", file=sys.stderr)
            try:
                points += benchmark.points(method, budget)
            except Failure as error:
                lines.append(f"- {method}, epochs {budget or 'default'}: failed: {error}")
        found[method] = points
        lines += ["", row([method, "train s", "c2st_xgb"]), row(["---", "--:", "--:"])]
        lines += [row([name, f"{time:.1f}", f"{score:.4f}"]) for time, score, name in points]
        lines.append("")
        for level in LEVELS:
            seconds = min((time for time, score, _ in points if score >= level), default=None)
            reached = "not reached" if seconds is None else f"reached in {seconds:.1f} s"
            lines.append(f"- {method}: {level} {reached}")
    return "\n".join(lines), {"curve": found}


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", help="CSV or Parquet; prostate.csv when absent")
    parser.add_argument("--test", help="unseen rows of the same kind")
    parser.add_argument("--target", help="the column that mle predicts")
    parser.add_argument("--categorical", help="columns of numbers that are categories, with commas")
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
    parser.add_argument("--json")
    parser.add_argument("--markdown")
    parser.add_argument("--curve", action="store_true", help="scores against training time")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Terminated."))  # and so is its child
    methods = options.methods.split(",")
    for method in methods:
        if method not in METHODS:
            parser.error(f"--methods: {method!r} is none of {', '.join(METHODS)}.")
    text, figures = (curve if options.curve else compare)(Benchmark(options), methods)
    print(text)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")
    if options.markdown:
        Path(options.markdown).write_text(text + "\n")


if __name__ == "__main__":
    main()
