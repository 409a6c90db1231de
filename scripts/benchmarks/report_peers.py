"""Compares the privacy risks of the report with those of the library anonymeter, on the same rows.

    .venv/bin/python scripts/benchmarks/report_peers.py --train train.csv --test test.csv
        [--categorical a,b] [--attacks 1000] [--work DIR] [--venv DIR] [--record NAME]

Both attack three releases whose risk is known: training rows of which a share of the cells was
exchanged, unseen rows, and independent columns. Both get the same rows, columns and numbers of
attacks. The distances differ (squares of differences here, absolute ones there), and so do the
random choices. The library needs an older numpy than this package: it runs in a virtual environment
of its own under --work, which the first run makes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import record
from tabular_data import add_options, load

ENVIRONMENT = ["anonymeter==1.1.0", "scikit-learn==1.9.1", "pandas==2.3.3", "pyarrow==21.0.0"]
RELEASES = {"noisy copies": 0.2, "unseen": None, "independent": 1.0}
LINKS = 5
COLUMNS = 5
SECRETS = 3  # columns that are inferred


def releases(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> dict[str, pd.DataFrame]:
    """Tables to attack; the second half of `test` is the unseen one."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, share in RELEASES.items():
        if share is None:
            found[name] = test.iloc[len(test) // 2 :].reset_index(drop=True)
            continue
        cells = {
            column: values.where(rng.random(len(train)) >= share, rng.permutation(values))
            for column, values in train.items()
        }
        found[name] = pd.DataFrame(cells)
    return found


def ours(
    folder: Path, names: list[str], categorical: list[str], options: dict[str, Any]
) -> dict[str, dict[str, list[float]]]:
    """Risks with intervals, by release and attack."""
    from h2o_gan.reporting.measures.attacks import inference, linkability
    from h2o_gan.reporting.measures.rows import Field, Rows, Samples
    from h2o_gan.reporting.measures.singling_out import multivariate, univariate

    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in ["train", "control"]}
    tables |= {name: pd.read_parquet(folder / f"{name}.parquet") for name in names}
    levels = {
        column: sorted({str(v) for t in tables.values() for v in t[column].dropna()})
        for column in categorical
    }
    fields = tuple(
        Field(column, "category", tuple(levels[column]))
        if column in levels
        else Field(column, "number")
        for column in tables["train"]
    )

    def rows(table: pd.DataFrame) -> Rows:
        values = {}
        for column in table:
            if column in levels:
                codes = pd.Categorical(table[column].astype("string"), levels[column]).codes
                values[column] = pd.Series(codes, dtype=float).replace(-1.0, float("nan"))
            else:
                values[column] = table[column].astype(float)
        return Rows(fields, {name: column.to_numpy() for name, column in values.items()})

    found = {}
    for name in names:
        training, control, drawn = (rows(tables[key]) for key in ("train", "control", name))
        samples = Samples(training, drawn, drawn, control, seed=1)
        attacks = options["attacks"]
        risks = {
            "univariate": univariate(samples, attacks),
            "multivariate": multivariate(samples, COLUMNS, attacks),
            "linkability": linkability(samples, options["halves"], LINKS, attacks),
        }
        for secret in options["secrets"]:  # one by one: intervals without Bonferroni
            (risks[f"inference of {secret}"],) = inference(samples, [secret], attacks).columns
        found[name] = {key: [r.value, r.low, r.high] for key, r in risks.items() if r is not None}
    return found


THEIRS = """
import json, sys, warnings
import pandas as pd
from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator

warnings.filterwarnings("ignore")
folder, names, options = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
read = lambda name: pd.read_parquet(f"{folder}/{name}.parquet")
train, control, attacks = read("train"), read("control"), options["attacks"]

def risk(evaluator):
    found = evaluator.risk(confidence_level=0.95)
    return [found.value, *found.ci]

result = {}
for name in names:
    drawn, risks = read(name), {}
    for mode in ("univariate", "multivariate"):
        evaluator = SinglingOutEvaluator(
            ori=train, syn=drawn, control=control, n_attacks=attacks, n_cols=options["columns"],
            seed=1, max_attempts=20_000,
        )
        try:
            risks[mode] = risk(evaluator.evaluate(mode=mode))
        except RuntimeError as error:
            risks[mode] = None
    evaluator = LinkabilityEvaluator(
        ori=train, syn=drawn, control=control, n_attacks=attacks, aux_cols=options["halves"],
        n_neighbors=options["links"],
    )
    risks["linkability"] = risk(evaluator.evaluate(n_jobs=1))
    for secret in options["secrets"]:
        evaluator = InferenceEvaluator(
            ori=train, syn=drawn, control=control, n_attacks=attacks, secret=secret,
            aux_cols=[c for c in train if c != secret],
            regression=pd.api.types.is_numeric_dtype(train[secret]),
        )
        risks[f"inference of {secret}"] = risk(evaluator.evaluate(n_jobs=1))
    result[name] = risks
print(json.dumps(result))
"""


def python(work: Path, given: str | None) -> str:
    """The interpreter of the library's environment, made first where there is none."""
    folder = Path(given) if given else work / "venvs" / "anonymeter"
    program = folder / "bin" / "python"
    if not given and not program.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(program), "-m", "pip", "install", "-q", *ENVIRONMENT], check=True)
    return str(program)


def main() -> None:
    """Print the risks, ours beside the library's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser)
    parser.add_argument("--attacks", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=8000, help="of each table")
    parser.add_argument("--work", default=str(Path(tempfile.gettempdir()) / "h2o_gan_benchmark"))
    parser.add_argument("--venv", help="an environment with the library")
    record.add_option(parser)
    options = parser.parse_args()
    train, test, _ = load(options)
    train = train.sample(min(options.rows, len(train)), random_state=0).reset_index(drop=True)
    test = test.sample(min(2 * options.rows, len(test)), random_state=0).reset_index(drop=True)
    drawn = releases(train, test, 1)
    categorical = [c for c in train if not pd.api.types.is_numeric_dtype(train[c])]
    columns = list(train.columns)
    settings = {
        "attacks": options.attacks,
        "columns": COLUMNS,
        "links": LINKS,
        "halves": [columns[::2], columns[1::2]],
        "secrets": columns[:: max(len(columns) // SECRETS, 1)][:SECRETS],
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tables = {"train": train, "control": test.iloc[: len(test) // 2], **drawn}
        for name, table in tables.items():
            for column in categorical:
                table = table.assign(**{column: table[column].astype(object)})
            table.reset_index(drop=True).to_parquet(folder / f"{name}.parquet")
        start = time.perf_counter()
        here = ours(folder, list(drawn), categorical, settings)
        middle = time.perf_counter()
        command = [python(Path(options.work), options.venv), "-c", THEIRS, str(folder)]
        command += [json.dumps(list(drawn)), json.dumps(settings)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        there = json.loads(done.stdout.splitlines()[-1])
        end = time.perf_counter()
    for release, risks in here.items():
        for attack, own in risks.items():
            print(release, attack, *(_text(risk) for risk in (own, there[release][attack])))
    seconds = {"h2o_gan": middle - start, "anonymeter": end - middle}
    print({name: round(value, 1) for name, value in seconds.items()})
    if options.record:
        record.write(
            options.record,
            what="privacy risks, with their intervals, of this package and of anonymeter",
            parameters={"train": options.train, "rows": len(train), **settings},
            figures={"h2o_gan": here, "anonymeter": there, "seconds": seconds},
            packages=["h2o-gan", "numpy", "scikit-learn"],
            versions={"anonymeter": ENVIRONMENT[0].split("==")[1]},
        )


def _text(risk: list[float] | None) -> str:
    if risk is None or risk[0] is None:
        return "   -  "
    return "{:.3f} [{:.3f}, {:.3f}]".format(*risk)


if __name__ == "__main__":
    main()
