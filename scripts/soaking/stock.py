"""What the cluster holds because of the soak, and the tasks that wait for a client."""

from __future__ import annotations

from collections import deque
from typing import Any

from soaking.ledger import Frame, Model, Task

__all__ = ["Json", "Stock"]

Json = dict[str, Any]


class Stock:
    """The frames, the models and the waiting tasks, shared by those who make and judge them."""

    def __init__(self) -> None:
        self.frames: dict[str, Frame] = {}
        self.models: dict[str, Model] = {}
        self.backlog: deque[Task] = deque()
        self._number = 0

    def key(self, kind: str) -> str:
        """Return a new key."""
        self._number += 1
        return f"soak_{kind}_{self._number}"

    def task(self, args: Json, **more: Any) -> Task:
        """Return a new task, which is not in the backlog."""
        self._number += 1
        return Task(self._number, args, **more)

    def queue(self, args: Json, **more: Any) -> Task:
        """Put a new task into the backlog, for the next client that is free."""
        task = self.task(args, **more)
        self.backlog.append(task)
        return task

    def remove_all(self) -> None:
        """Queue the removal of everything that is still there."""
        for key in [*self.models, *self.frames]:
            self.queue({"do": "remove", "key": key}, may_be_missing=True)
        self.models.clear()
        self.frames.clear()

    def clear(self) -> None:
        """Forget everything: the cluster is lost."""
        self.backlog.clear()
        self.frames.clear()
        self.models.clear()
