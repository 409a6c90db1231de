"""Changed model files, each of which must be refused, or load and draw rows.

Changed are bytes of the zip, values of the JSON, bytes of a safetensors header, and of tensors; the
zip is made anew around them, so that its checksums hide nothing. Counted are crashes (anything but
a ModelFileError), files that take longer than --limit seconds, and the process's memory. Without
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
from h2o_gan.parameters import Parameters

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "engine"))

from hostile import HOSTILE, changed_manifests, entries_of, places, with_value, zipped  # noqa: E402


def files_of_every_family(folder: Path) -> list[dict[str, bytes]]:
    """Entries of small models of all kinds and formats."""
    random_ = np.random.default_rng(0)
    table = pa.table(
        {
            "group": pa.array(random_.choice(["a", "b", "c"], 200)).dictionary_encode(),
            "x": pa.array(random_.normal(size=200), mask=random_.random(200) < 0.1),
            "n": random_.integers(0, 9, 200),
            "t": pa.array(10**12 + random_.integers(0, 10**9, 200), pa.timestamp("ms", tz="UTC")),
            "id": [f"c-{number:05d}" for number in range(200)],
            "one": [5] * 200,
        }
    )
    images = pa.table({f"p{place}": random_.integers(0, 17, 120) for place in range(64)})
    small = {"hidden_dim": 8}
    found = [entries_of(ROOT / "tests" / "data" / "model_format_1.zip")]
    for rows, own in (
        (table, {}),
        (table, {"architecture": "mlp", "generator_architecture": small}),
        (images, {"architecture": "convolutional"}),
        (images, {"architecture": "mlp", "discriminator_architecture": small}),
    ):
        path = folder / "model.zip"
        given = Parameters(seed=1, epochs=1, device="cpu", **own)
        engine.save(engine.fit(rows.to_reader(), given), path)
        found.append(entries_of(path))
    return found


def changed(entries: dict[str, bytes], random_: random.Random) -> bytes:
    """A file with one thing changed, at one of the levels."""
    level = random_.choice(("zip", "json", "json", "json", "header", "tensors"))
    if level == "json":
        manifest = json.loads(entries["model.json"])
        for _ in range(random_.choice((1, 1, 2))):
            place = random_.choice(places(manifest))
            manifest = with_value(manifest, place, random_.choice(HOSTILE))
        return zipped({**entries, "model.json": json.dumps(manifest).encode()})
    if level == "zip":
        return _spoiled(zipped(entries), random_)
    name = random_.choice([name for name in entries if name.endswith(".safetensors")])
    data = entries[name]
    start = 8 + int.from_bytes(data[:8], "little")
    head, body = (_spoiled(data[:start], random_), data[start:])
    if level == "tensors":
        head, body = data[:start], _spoiled(body, random_)
    return zipped({**entries, name: head + body})


def _spoiled(data: bytes, random_: random.Random) -> bytes:
    spoiled = bytearray(data)
    for _ in range(random_.choice((1, 1, 4, 32))):
        if spoiled:
            spoiled[random_.randrange(len(spoiled))] = random_.choice(
                (0, 255, random_.randrange(256))
            )
    if random_.random() < 0.1:
        del spoiled[random_.randrange(len(spoiled) + 1) :]
    return bytes(spoiled)


def candidates(
    families: list[dict[str, bytes]], files: int | None, seed: int
) -> Iterator[tuple[str, bytes]]:
    """What was changed, and the files."""
    if files is None:
        for number, entries in enumerate(families):
            for what, data in changed_manifests(entries):
                yield f"family {number}: {what}", data
        return
    for number in range(files):
        random_ = random.Random(f"{seed} {number}")
        yield f"file {number} of seed {seed}", changed(random_.choice(families), random_)


def _too_long(*_: object) -> None:
    raise TimeoutError


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--files", type=int, help="how many; without, every value once")
    parser.add_argument("--seconds", type=float, default=3600, help="at most (3600)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=30, help="seconds for a file (30)")


def run(chosen: argparse.Namespace) -> int:
    """Go through the files. Returns 1 where any crashed or hung."""
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
