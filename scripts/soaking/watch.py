"""Polls the cluster's jobs in another thread, so that the main thread does not wait."""

from __future__ import annotations

import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import requests

__all__ = ["Seen", "Watch", "ask"]

_PERIOD_S = 1.0
_ANSWER_S = 5.0

Json = dict[str, Any]


def ask(method: str, url: str, timeout: float) -> Json:
    """A request whose answer is JSON. Raises requests.RequestException or ValueError."""
    response = requests.request(method, url, timeout=timeout)
    if response.status_code == 404:
        raise LookupError(response.text[:300])
    response.raise_for_status()
    answer: Json = response.json()
    return answer


@dataclass
class Seen:
    """What was seen in one look.

    Attributes:
        at: when the look began.
        items: what /3/GAN/jobs says, by H2O's key of the job.
        jobs: the state of those that were asked for, by key; None where the cluster knows none.
        others: keys and destinations of all jobs, where they were asked for.
    """

    at: float = 0.0
    items: dict[str, Json] = field(default_factory=dict)
    jobs: dict[str, Json | None] = field(default_factory=dict)
    others: list[tuple[str, str]] = field(default_factory=list)


class Watch:
    """Looks about once a second, through a node that is not paused.

    Args:
        urls: says which nodes can be asked.
        patience: its time-outs are so many times as long.
    """

    def __init__(self, urls: Callable[[], list[str]], patience: float) -> None:
        self._urls = urls
        self._answer_s = _ANSWER_S * patience
        self._wanted: tuple[str, ...] = ()
        self._all = False
        self._seen = Seen()
        self._over = threading.Event()
        self._turn = 0
        self._thread = threading.Thread(target=self._look_on, name="watch", daemon=True)
        self._thread.start()

    def want(self, keys: Iterable[str], unknown: bool) -> None:
        """Say which jobs to look at, and whether there are some whose keys are not known."""
        self._wanted, self._all = tuple(keys), unknown

    def seen(self) -> Seen:
        """The last look."""
        return self._seen

    def close(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join(2 * self._answer_s)

    def _look_on(self) -> None:
        while not self._over.wait(_PERIOD_S):
            urls = self._urls()
            if not urls:
                continue
            self._turn += 1
            try:
                self._seen = self._look(urls[self._turn % len(urls)])
            except (requests.RequestException, ValueError, KeyError, LookupError):
                continue  # A node that is paused, or gone; what is overdue is found elsewhere.

    def _look(self, url: str) -> Seen:
        seen = Seen(time.monotonic())
        wanted, everything = self._wanted, self._all
        for item in ask("GET", f"{url}/3/GAN/jobs", self._answer_s)["jobs"]:
            seen.items[item["job"]] = item
        for key in wanted:
            try:
                path = f"{url}/3/Jobs/{urllib.parse.quote(key, safe='')}"
                seen.jobs[key] = ask("GET", path, self._answer_s)["jobs"][0]
            except LookupError:
                seen.jobs[key] = None
        if everything:
            for job in ask("GET", f"{url}/3/Jobs", 6 * self._answer_s)["jobs"]:
                seen.others.append((job["key"]["name"], (job["dest"] or {}).get("name", "")))
        return seen
