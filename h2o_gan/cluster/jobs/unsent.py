"""Models that their cluster did not get: written to a folder, which may be full for a while."""

from __future__ import annotations

import io
import logging
import os
import re
import tempfile
import time
from pathlib import Path

__all__ = ["UnsentModels"]

_RETRY_S = 10.0
_REMINDER_S = 600.0
_MAX_WAITING = 8
"""Models in memory at most."""

log = logging.getLogger(__name__)


class UnsentModels:
    """Writes models to a folder, and keeps in memory what can't be written yet.

    Args:
        folder: where to write them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[tuple[str, io.BytesIO, str]] = []
        self._next = self._next_reminder = 0.0

    def put(self, model_id: str, file: io.BytesIO, message: str) -> None:
        """Write a model at once, or as soon as it can be written.

        Args:
            model_id: names the file.
            file: the model's file.
            message: to log once it is written, with {path} for the file.
        """
        self._waiting.append((model_id, file, message))
        if len(self._waiting) > _MAX_WAITING:
            dropped = self._waiting.pop(0)[0]
            log.error("model %s is lost: %d models wait to be written", dropped, _MAX_WAITING)
        self._next = self._next_reminder = 0.0
        self.retry()

    def retry(self, last: bool = False) -> None:
        """Write the models that wait, unless that was tried within the last seconds.

        Args:
            last: this process ends: try now, and log what is lost.
        """
        if not self._waiting or (time.monotonic() < self._next and not last):
            return
        self._next = time.monotonic() + _RETRY_S
        for waiting in list(self._waiting):
            model_id, file, message = waiting
            try:
                path = self._write(_name(model_id), file)
            except OSError as error:
                self._log_failure(model_id, error, last)
            else:
                self._waiting.remove(waiting)
                log.warning("%s", message.replace("{path}", str(path.absolute())))

    def _log_failure(self, model_id: str, error: OSError, last: bool) -> None:
        if last:
            log.error("model %s is lost: it can't be written: %s", model_id, error)
        elif time.monotonic() >= self._next_reminder:
            self._next_reminder = time.monotonic() + _REMINDER_S
            log.error(
                "model %s can't be written to %s: %s; it stays in memory, and writing it is tried "
                "again: make room there, and do not stop this worker before",
                model_id, self._folder, error,
            )  # fmt: skip

    def _write(self, name: str, file: io.BytesIO) -> Path:
        """Write a whole file, or nothing, under a name that is not taken."""
        handle, part = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(file.getbuffer())
            path, number = self._folder / f"{name}.zip", 1
            while path.exists():
                number += 1
                path = self._folder / f"{name}-{number}.zip"
            os.replace(part, path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
        return path


def _name(model_id: str) -> str:
    """A safe file name for a model_id of any cluster."""
    return re.sub(r"[^\w.+-]", "_", model_id)[:60].lstrip(".") or "model"
