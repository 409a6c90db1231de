"""Sends rows: one thread makes the stream's bytes, another one sends them.

The reader of the rows runs in the caller's thread, which receives its errors and interrupts. While
it makes nothing, the sender keeps the connection alive with batches without rows.
"""

from __future__ import annotations

import io
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from h2o.backend.connection import H2OConnection
from h2o.exceptions import H2OValueError

from h2o_gan.cluster import answers, patience
from h2o_gan.cluster.exchange import (
    answer_of,
    connection,
    exchange,
    json_of,
    refusal,
    settings_of,
)

SIGN_S = 10.0
"""Seconds of silence after which a batch without rows is sent; the cluster allows 30."""
_PART_BYTES = 1 << 20
"""Bytes to collect before they are sent."""
_WAITING_BYTES = 8 << 20
"""Bytes to send at which the reader has to wait."""
_PART_VALUES = 1 << 20
"""Values in a part of a larger batch."""
_REPLAY_BYTES = 32 << 20
"""Bytes of the stream's beginning that are kept, to send them again to a busy cluster."""


def send(path: str, reader: pa.RecordBatchReader, what: str) -> None:
    """POST rows as an Arrow stream while they are made.

    A cluster that serves too many transfers is asked again for some minutes.

    Args:
        path: begins with a slash.
        reader: the rows; its errors are raised as they are.
        what: what is waited for, as "sending rows".

    Raises:
        H2OValueError: the cluster refuses the rows; the message says why.
        H2OConnectionError: there is no answer.
        H2OServerError: the cluster refuses the transfer.
    """
    outgoing = _Outgoing(reader.schema, what)
    sender = _Sender(connection(), path, outgoing, what)
    rows = max(1, _PART_VALUES // len(reader.schema))
    try:
        for batch in reader:
            # In parts, since a table in one batch would be in memory twice.
            for start in range(0, batch.num_rows, rows):
                outgoing.put(batch.slice(start, rows))
            if outgoing.over:
                break
        outgoing.end()
        while not sender.done.wait(1.0):
            pass
    finally:
        outgoing.abandon()
    sender.check()


class _Outgoing(io.RawIOBase):
    """A stream's bytes between the thread that makes them and the one that sends them.

    Args:
        schema: of the rows.
        what: what is sent, as "sending rows".
    """

    def __init__(self, schema: pa.Schema, what: str) -> None:
        self._what = what
        self._changed = threading.Condition()
        self._new: list[bytes] = []
        self._parts: deque[bytes] = deque()
        self._sent: list[bytes] | None = []
        self._ended = False
        self._abandoned = False
        self.over = False
        self._writer: pa.RecordBatchStreamWriter | None = pa.ipc.new_stream(
            pa.PythonFile(self, mode="w"), schema
        )
        self._empty = pa.RecordBatch.from_arrays(
            [pa.array([], kind) for kind in schema.types], schema=schema
        )

    def writable(self) -> bool:
        """Whether Arrow can write to it: always."""
        return True

    def write(self, data: Any) -> int:
        """Take bytes of the stream."""
        self._new.append(bytes(data))
        return len(data)

    # ---- the thread that makes

    def put(self, batch: pa.RecordBatch) -> None:
        """Add rows; wait until there is room for them, or sending has ended."""
        with self._changed:
            while self._size() >= _WAITING_BYTES and not self.over:
                self._changed.wait(1.0)  # With an end, for an interrupt to get through anywhere.
            if self._writer is None:
                return
            self._writer.write_batch(batch)
            # The same dictionaries again: they need not be sent anew.
            self._empty = batch.slice(0, 0)
            if sum(map(len, self._new)) >= _PART_BYTES:
                self._flush()

    def end(self) -> None:
        """Note that there are no more rows."""
        with self._changed:
            if self._writer is not None:
                self._writer.close()
                self._flush()
            self._ended = True

    def abandon(self) -> None:
        """Note that the caller has left; has no effect once all rows are there."""
        with self._changed:
            self._abandoned = not self._ended
            self._changed.notify_all()

    # ---- the thread that sends

    def chunks(self, wait: patience.Wait) -> Iterator[bytes]:
        """The stream's bytes from its beginning."""
        yield from self._sent or ()
        while True:
            with self._changed:
                part = self._next(wait)
            if part is None:
                return
            yield part
            wait.touch()

    def _next(self, wait: patience.Wait) -> bytes | None:
        deadline = time.monotonic() + SIGN_S
        while not self._parts:
            if self._abandoned:
                raise _Abandoned
            if self._ended:
                return None
            wait.touch()  # It is the reader that is waited for, not the cluster.
            self._changed.wait(max(0.0, min(1.0, deadline - time.monotonic())))
            if time.monotonic() >= deadline and not self._parts and not self._ended:
                if not self._new and self._writer is not None:
                    self._writer.write_batch(self._empty)
                self._flush()
        if self._abandoned:
            raise _Abandoned
        part = self._parts.popleft()
        if self._sent is not None:
            self._sent.append(part)
            if sum(map(len, self._sent)) > _REPLAY_BYTES:
                self._sent = None
        self._changed.notify_all()
        return part

    def can_begin_again(self) -> bool:
        """Whether all bytes that were sent are still in memory."""
        return self._sent is not None

    def finish(self) -> None:
        """Note that sending has ended, and free the memory."""
        with self._changed:
            self.over = True
            self._parts.clear()
            self._sent = None
            # The writer refers to this object unseen by Python's garbage collector.
            self._writer = None
            self._changed.notify_all()

    # ---- both, with the condition held

    def _size(self) -> int:
        return sum(map(len, self._parts))

    def _flush(self) -> None:
        if self._new:
            self._parts.append(b"".join(self._new))
            self._new = []
            self._changed.notify_all()


class _Abandoned(Exception):
    """The caller has left."""


class _Sender:
    """The thread that sends, and its result."""

    def __init__(self, current: H2OConnection, path: str, outgoing: _Outgoing, what: str) -> None:
        self._current, self._path, self._outgoing, self._what = current, path, outgoing, what
        self._error: BaseException | None = None
        self.done = threading.Event()
        threading.Thread(target=self._run, name=f"h2o_gan {what}", daemon=True).start()

    def check(self) -> None:
        """Raise the error of sending, if there is one."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._send()
        except BaseException as error:  # Raised again where it is waited for.
            self._error = error
        finally:
            self._outgoing.finish()
            self.done.set()

    def _send(self) -> None:
        busy = answers.Busy(self._what)
        while True:
            with patience.watched(self._what) as wait:
                response = exchange(
                    self._current,
                    "POST",
                    self._path,
                    self._what,
                    wait,
                    data=self._outgoing.chunks(wait),
                    # A cluster that has no room says so before the rows are on their way.
                    headers={**self._headers(), "Expect": "100-continue"},
                )
            if response.status_code == 200:
                json_of(response, self._what)
                return
            if response.status_code in (400, 409):
                raise H2OValueError(answer_of(response).message)
            if not self._outgoing.can_begin_again() or not busy.again(answer_of(response)):
                raise refusal(response, self._what)

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = settings_of(self._current)["headers"]
        return headers
