"""Compares h2o_gan's images with those of a plain DCGAN and of the article's networks, in one run.

    .venv/bin/python scripts/benchmarks/images.py [--train train.parquet --test test.parquet]
        [--label label] [--shape 28 28] [--minutes 20] [--threads 2] [--seed 0]
        [--methods h2o_gan,dcgan,mlp] [--grid FOLDER] [--record NAME]

Files are CSV or Parquet with a column of labels and one a pixel. Without them it takes
scikit-learn's digits: 1,500 to learn from and 297 to test on. Every method gets the same minutes,
the article's networks a quarter of them. images_scores.py explains the measures.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import record
import torch
from images_data import Array, Data, add_options
from images_peers import METHODS
from images_scores import Judge
from PIL import Image


def save_grid(path: Path, images: Array, labels: Array | None, classes: int) -> None:
    """Ten images of each class, or a hundred."""
    if labels is None:
        rows = [images[at : at + 10] for at in range(0, 100, 10)]
    else:
        rows = [images[labels == label][:10] for label in range(classes)]
    picture = np.concatenate([np.concatenate(list(row), 1) for row in rows if len(row) == 10])
    Image.fromarray(picture).save(path)


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--grid", type=Path, help="a folder for pictures of the samples")
    record.add_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = Data(options)
    judge = Judge(data)
    real = {"accuracy": judge.test_accuracy, **judge.real}
    print(f"{len(data.train)} training and {len(data.test)} test images {data.train.shape[1:]}")
    print(f"real test images: accuracy {judge.test_accuracy:.4f}")
    scores = ", ".join(f"{name} {value:.3f}" for name, value in judge.real.items())
    print(f"real training images: {scores}")
    columns = ["accuracy", "frechet", *judge.real, "near", "train s", "images/s"]
    print(f"| method | {' | '.join(columns)} |")
    print(f"| --- |{' --: |' * len(columns)}", flush=True)
    figures: dict[str, dict[str, Any]] = {"real": {**real, "frechet_distance": judge.floor}}
    for name in options.methods.split(","):
        images, labels, seconds, rate = METHODS[name](data, judge.count, options)
        scores = judge(images, labels)
        figures[name] = {**scores, "seconds": seconds, "images_per_second": rate}
        cells = ["" if v is None else f"{v:.3f}" for v in scores.values()]
        print(f"| {name} | {' | '.join(cells)} | {seconds:.0f} | {rate:,.0f} |", flush=True)
        if options.grid is not None:
            options.grid.mkdir(parents=True, exist_ok=True)
            save_grid(options.grid / f"{name}.png", images, labels, data.classes)
    if options.record:
        record.write(
            options.record,
            what="Measures of generated images, trained for some minutes.",
            parameters={
                "train": options.train or "scikit-learn's digits",
                "train_images": len(data.train),
                "test_images": len(data.test),
                "minutes": options.minutes,
                "threads": options.threads,
                "seed": options.seed,
            },
            figures=figures,
            packages=("h2o-gan", "torch"),
        )


if __name__ == "__main__":
    main()
