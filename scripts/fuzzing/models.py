"""Changes model files; each must be refused, or load and draw rows, or have a rule that none keeps.

It changes bytes of the zip, values of the JSON, and bytes of a safetensors header or of tensors;
the zip is written again around them, so that its checksums are right. It counts crashes (any error
but ModelFileError), files that take longer than --limit seconds, and the process's memory. Without
--files every value of the JSON of each family is changed to every hostile value, once.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from h2o_gan import engine
from h2o_gan.engine.exceptions import Unreachable
from h2o_gan.parameters import Parameters

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "engine"))

from hostile import HOSTILE, changed_manifests, entries_of, places, with_value, zipped  # noqa: E402


def files_of_every_family(folder: Path) -> list[dict[str, bytes]]:
    """Return the entries of small models of all families and formats."""
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "group": pa.array(rng.choice(["a", "b", "c"], 200)).dictionary_encode(),
            "x": pa.array(rng.normal(size=200), mask=rng.random(200) < 0.1),
            "n": rng.integers(0, 9, 200),
            "t": pa.array(10**12 + rng.integers(0, 10**9, 200), pa.timestamp("ms", tz="UTC")),
            "id": [f"c-{number:05d}" for number in range(200)],
            "one": [5] * 200,
        }
    )
    some, more = rng.integers(0, 500, (2, 200))
    related = pa.table({"a": some, "b": more, "total": some + more, "key": range(200)})
    rules = ["total = a + b", "unique(key)", "a < 500 or b is missing"]
    images = pa.table({f"p{i}": rng.integers(0, 17, 120) for i in range(64)})
    small = {"hidden_dim": 8}
    found = [entries_of(ROOT / "tests" / "data" / "model_format_1.zip")]
    for rows, settings in (
        (table, {}),
        (related, {"constraints": rules}),
        (table, {"architecture": "mlp", "generator_architecture": small}),
        (images, {"architecture": "convolutional"}),
        (images, {"architecture": "mlp", "discriminator_architecture": small}),
    ):
        path = folder / "model.zip"
        given = Parameters(seed=1, epochs=1, device="cpu", **settings)
        engine.save(engine.fit(rows.to_reader(), given), path)
        found.append(entries_of(path))
    return found


def changed(entries: dict[str, bytes], rng: random.Random) -> bytes:
    """Return a file with a change at one of the levels."""
    level = rng.choice(("zip", "json", "json", "json", "header", "tensors"))
    if level == "json":
        manifest = json.loads(entries["model.json"])
        for _ in range(rng.choice((1, 1, 2))):
            place = rng.choice(places(manifest))
            manifest = with_value(manifest, place, rng.choice(HOSTILE))
        return zipped({**entries, "model.json": json.dumps(manifest).encode()})
    if level == "zip":
        return _spoiled(zipped(entries), rng)
    name = rng.choice([name for name in entries if name.endswith(".safetensors")])
    data = entries[name]
    start = 8 + int.from_bytes(data[:8], "little")
    head, body = (_spoiled(data[:start], rng), data[start:])
    if level == "tensors":
        head, body = data[:start], _spoiled(body, rng)
    return zipped({**entries, name: head + body})


def _spoiled(data: bytes, rng: random.Random) -> bytes:
    spoiled = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 32))):
        if spoiled:
            spoiled[rng.randrange(len(spoiled))] = rng.choice((0, 255, rng.randrange(256)))
    if rng.random() < 0.1:
        del spoiled[rng.randrange(len(spoiled) + 1) :]
    return bytes(spoiled)


def candidates(
    families: list[dict[str, bytes]], files: int | None, seed: int
) -> Iterator[tuple[str, bytes]]:
    """Yield a description of each change, and the file."""
    if files is None:
        for number, entries in enumerate(families):
            for what, data in changed_manifests(entries):
                yield f"family {number}: {what}", data
        return
    for number in range(files):
        rng = random.Random(f"{seed} {number}")
        yield f"file {number} of seed {seed}", changed(rng.choice(families), rng)


def _too_long(*_: object) -> None:
    raise TimeoutError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the command line its options."""
    parser.add_argument("--files", type=int, help="how many; without, every value once")
    parser.add_argument("--seconds", type=float, default=3600, help="at most (3600)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=30, help="seconds for a file (30)")


def run(chosen: argparse.Namespace) -> int:
    """Load the files. Returns 1 where any crashed or hung."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _too_long)
    counts: Counter[str] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "changed.zip"
        families = files_of_every_family(Path(folder))
        for what, data in candidates(families, chosen.files, chosen.seed):
            if time.monotonic() - began > chosen.seconds:
                break
            path.write_bytes(data)
            counts["files"] += 1
            signal.alarm(chosen.limit)
            try:
                model = engine.load(path)
                counts["accepted"] += 1
                model.sample(50, seed=1).read_all()
            except engine.ModelFileError:
                counts["refused"] += 1
            except Unreachable:  # a rule that no row keeps
                counts["unreachable"] += 1
            except TimeoutError:
                counts["hung"] += 1
                print("hung:", what)
            except Exception:
                counts["crashed"] += 1
                print("crashed:", what, traceback.format_exc(limit=-3), sep="\n")
            finally:
                signal.alarm(0)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{dict(counts)}, {time.monotonic() - began:.0f} s, {memory:.2f} GB at most")
    return int(bool(counts["crashed"] or counts["hung"]))
