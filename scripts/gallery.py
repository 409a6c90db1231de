#!/usr/bin/env python
"""Makes the reports of the documentation's gallery: docs/gallery/*.html.

    .venv/bin/python scripts/gallery.py telecom
    .venv/bin/python scripts/gallery.py adult --train adult_train.csv --test adult_test.csv
    .venv/bin/python scripts/gallery.py mnist --train mnist_train.parquet --test mnist_test.parquet

"telecom" needs no file: its customers are made up here. --picture FILE takes a picture of the first
page, with Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

import h2o
import numpy as np
import pandas as pd

import h2o_gan

GALLERY = Path(__file__).resolve().parents[1] / "docs" / "gallery"
MONTH = 30.4


def telecom(rows: int, seed: int) -> pd.DataFrame:
    """Return customers of a telecommunications company that never was.

    Charges follow from contract and services, the total from months and monthly charge, and who has
    left from all of them.
    """
    rng = np.random.default_rng(seed)
    contract = rng.choice(["month-to-month", "one year", "two years"], rows, p=[0.55, 0.21, 0.24])
    longer = np.select([contract == "one year", contract == "two years"], [14, 30], 0)
    tenure = np.clip(np.round(rng.gamma(1.2, 18, rows) + longer * rng.random(rows)), 1, 72)
    internet = rng.choice(["none", "DSL", "fibre"], rows, p=[0.22, 0.34, 0.44])
    has_net = internet != "none"
    streaming = np.where(has_net & (rng.random(rows) < 0.45), "yes", "no")
    security = np.where(has_net & (rng.random(rows) < 0.2 + 0.004 * tenure), "yes", "no")
    lines = rng.choice([0, 1, 2], rows, p=[0.1, 0.48, 0.42])
    monthly = 18.5 + 5 * lines + np.select([internet == "DSL", internet == "fibre"], [22, 47], 0)
    monthly += 10 * (streaming == "yes") + 5 * (security == "yes") + rng.normal(0, 1.2, rows)
    monthly = np.round(monthly, 2)
    usage = np.where(has_net, np.round(rng.lognormal(3.2 + 0.6 * (streaming == "yes"), 0.7), 1), 0)
    odds = -1.3 - 0.035 * tenure + 0.9 * (internet == "fibre")
    odds += 1.3 * (contract == "month-to-month") - 0.5 * (security == "yes")
    left = rng.random(rows) < 1 / (1 + np.exp(-odds))
    payment = rng.choice(["card", "debit", "invoice", "cheque"], rows, p=[0.3, 0.3, 0.25, 0.15])
    since = pd.Timestamp("2025-12-31") - pd.to_timedelta(np.round(tenure * MONTH), unit="D")
    calls = rng.poisson(0.6 + 1.5 * left, rows)
    satisfaction = np.clip(np.round(rng.normal(4.1 - 1.4 * left, 0.8)), 1, 5)
    satisfaction[rng.random(rows) < 0.35] = np.nan  # was not asked
    return pd.DataFrame(
        {
            "contract": contract,
            "tenure_months": tenure.astype(int),
            "customer_since": since,
            "lines": lines,
            "internet": internet,
            "streaming": streaming,
            "security": security,
            "gigabytes": usage,
            "monthly_charge": monthly,
            "total_charge": np.round(monthly * tenure, 2),
            "payment": payment,
            "support_calls": calls,
            "satisfaction": satisfaction,
            "left": np.where(left, "yes", "no"),
        }
    )


def frames(options: argparse.Namespace) -> tuple[h2o.H2OFrame, h2o.H2OFrame]:
    """Return the training and the test frame."""
    if options.table == "telecom":
        made = telecom(7043, 1), telecom(3000, 2)
        with tempfile.TemporaryDirectory() as folder:
            loaded = []
            for name, table in zip(("train", "test"), made, strict=True):
                file = Path(folder) / f"telecom_{name}.csv"
                table.to_csv(file, index=False)
                loaded.append(h2o.upload_file(str(file)))
        return loaded[0], loaded[1]
    train, test = h2o.upload_file(options.train), h2o.upload_file(options.test)
    if options.table == "mnist":
        for frame in (train, test):
            frame["label"] = frame["label"].asfactor()
    return train, test


def picture(page: Path, file: Path) -> None:
    """Take a picture of the first page."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        raise SystemExit("--picture needs Chromium.")
    command = [
        browser, "--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu",
        f"--screenshot={file}", "--window-size=1200,1500", page.as_uri(),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    if not file.exists():
        raise SystemExit(f"Chromium made no {file}: is its folder there?")


def main() -> None:
    """Train, report, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=("telecom", "adult", "mnist"))
    parser.add_argument("--train")
    parser.add_argument("--test")
    parser.add_argument("--seconds", type=float, default=0.0, help="of training; 0 for its default")
    parser.add_argument("--port", type=int, default=54321, help="of the cluster")
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    if options.table != "telecom" and not (options.train and options.test):
        parser.error(f"{options.table} needs --train and --test.")
    response, groups = {
        "telecom": ("left", "contract"),
        "adult": ("income", "sex"),
        "mnist": ("label", None),
    }[options.table]
    h2o_gan.init(port=options.port, verbose=False)
    train, test = frames(options)
    gan = h2o_gan.H2OGANEstimator(
        model_id=f"{options.table}_gan", max_runtime_secs=options.seconds, seed=1
    )
    gan.train(y=response, training_frame=train)
    GALLERY.mkdir(exist_ok=True)
    page = GALLERY / f"{options.table}.html"
    report = gan.report(test, path=page, groups=groups)
    print(report)
    print(f"{page}: {page.stat().st_size / 1e6:.2f} MB")
    if options.picture:
        picture(page, options.picture)


if __name__ == "__main__":
    main()
