"""Measures what idle nodes hold: keys, threads, memory."""

from __future__ import annotations

import re
import subprocess
import time
import urllib.parse
from collections import Counter
from typing import Any

from h2o.backend import H2OLocalServer
from stored_keys import stored_at

from soaking.processes import Nodes, Worker
from soaking.watch import ask

__all__ = ["grown", "measure"]

_SETTLED_S, _SETTLE_S = 12.0, 120.0
"""The cluster updates the number of its keys every five seconds."""
_HEAP = (1.3, 40)
_THREADS = (1.3, 25)
"""How far apart two measurements of the same may be: by a factor, and by a number."""

Json = dict[str, Any]


def measure(nodes: Nodes, workers: list[Worker]) -> Json:
    """Wait until the number of keys is constant, and count.

    Keys of ended jobs are removed first, since H2O never removes them. What H2O itself retains of
    every frame is counted apart.
    """
    jobs = _remove_ended_jobs(nodes.urls[0])
    all_keys = _settled(nodes.urls[0])
    held = stored_at(nodes.urls[0], timeout=60)
    live = [_live(node.pid) for node in nodes.all]
    ours, theirs = _threads(nodes.urls[0])
    return {
        "jobs_removed": jobs,
        "keys": sorted(held),
        "keys_with_those_that_h2o_keeps": all_keys,
        "frames_and_models": _listed(nodes.urls[0]),
        "threads": [node.threads() for node in nodes.all],
        "threads_of_ours": dict(ours),
        "threads_of_h2o": dict(theirs),
        "files": [node.files() for node in nodes.all],
        "resident_mb": [node.resident() for node in nodes.all],
        "heap_after_gc_mb": [memory for memory, _ in live],
        "objects_of_ours": dict(sum((Counter(counts) for _, counts in live), Counter())),
        "worker_threads": [worker.threads() for worker in workers],
    }


def _remove_ended_jobs(url: str) -> int:
    removed = 0
    for job in ask("GET", f"{url}/3/Jobs", 60)["jobs"]:
        if job["status"] in ("DONE", "CANCELLED", "FAILED"):
            key = urllib.parse.quote(job["key"]["name"], safe="")
            ask("DELETE", f"{url}/3/DKV/{key}", 60)
            removed += 1
    return removed


def _settled(url: str) -> list[int]:
    """The number of keys on each node, once it rests."""
    deadline = time.monotonic() + _SETTLE_S
    last, since = None, time.monotonic()
    while time.monotonic() < deadline:
        cloud = ask("GET", f"{url}/3/Cloud?skip_ticks=true", 60)
        keys = [node["num_keys"] for node in cloud["nodes"]]
        if keys != last:
            last, since = keys, time.monotonic()
        elif time.monotonic() - since > _SETTLED_S:
            break
        time.sleep(0.5)
    return last or []


def _listed(url: str) -> int:
    frames = ask("GET", f"{url}/3/Frames", 60)["frames"]
    return len(frames) + len(ask("GET", f"{url}/3/Models", 60)["models"])


def _live(pid: int) -> tuple[int, dict[str, int]]:
    """Megabytes that live after a full collection, and the objects of our classes."""
    jcmd = H2OLocalServer._find_java().replace("bin/java", "bin/jcmd")
    try:
        run = subprocess.run(
            [jcmd, str(pid), "GC.class_histogram"], capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0, {}
    total = re.search(r"^Total\s+\d+\s+(\d+)", run.stdout, re.MULTILINE)
    classes = r"^\s*\d+:\s+(\d+)\s+\d+\s+(hex\.gan\.\S+|water\.(?:Job|fvec\.Frame|fvec\.Vec))\s"
    counts = {name: int(n) for n, name in re.findall(classes, run.stdout, re.MULTILINE)}
    return (int(total[1]) >> 20 if total else 0), counts


def _threads(url: str) -> tuple[Counter[str], Counter[str]]:
    """The nodes' threads by their names without numbers: ours, and H2O's."""
    ours: Counter[str] = Counter()
    theirs: Counter[str] = Counter()
    for node in ask("GET", f"{url}/3/JStack", 60)["traces"]:
        for trace in node["thread_traces"]:
            first = trace.strip().split("\n")[0]
            if "traces" in first or "Summary" in first:
                continue  # A headline.
            quoted = re.match(r'"(.*?)"', first)
            name = re.sub(r"[\d:./-]+", "#", quoted[1] if quoted else first)[:40]
            counts = ours if name.startswith("gan") or "hex.gan." in trace else theirs
            counts[name] += 1
    return ours, theirs


def grown(before: Json, after: Json) -> list[str]:
    """Return what has grown between two measurements, beyond their usual variation."""
    found = []
    if left := set(after["keys"]) - set(before["keys"]):
        kinds = Counter(key.split(" ", 1)[0] for key in left)
        found.append(f"{len(left)} keys: {dict(kinds)}, {sorted(left)[:20]}")
    if after["frames_and_models"] > before["frames_and_models"]:
        found.append(f"{after['frames_and_models']} frames and models are listed")
    ours = [sum(m["threads_of_ours"].values()) for m in (before, after)]
    if ours[1] > ours[0]:
        found.append(f"threads of ours: {before['threads_of_ours']}, {after['threads_of_ours']}")
    for name, (factor, number) in {"threads": _THREADS, "heap_after_gc_mb": _HEAP}.items():
        for old, new in zip(before[name], after[name], strict=True):
            if new > factor * old + number:
                found.append(f"{name}: {before[name]} before, {after[name]} after")
    return found
