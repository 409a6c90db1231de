"""The transport over the cluster extension: Arrow IPC streams straight from and into the chunks."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from itertools import groupby

import numpy as np
import pyarrow as pa
from h2o import H2OFrame
from h2o.exceptions import H2OConnectionError, H2OResponseError, H2OServerError, H2OValueError
from urllib3.exceptions import HTTPError

from h2o_gan.cluster import rest
from h2o_gan.cluster.reading import OpenFrame, changed, chosen, gone, key_of
from h2o_gan.cluster.upload import columns_of, destination_of

_END = b"\xff\xff\xff\xff\0\0\0\0"
_SEND_BYTES = 1 << 20
"""Smaller parts of a stream wait until there is as much to send."""
_SEND_VALUES = 1 << 20
"""Larger batches are sent in parts of so many values."""


def open_frame(frame: H2OFrame, columns: Sequence[str] | None = None) -> OpenFrame:
    """Begin to stream a frame; see :func:`h2o_gan.cluster.frames.open_frame`."""
    rest.connection()
    key = key_of(frame)
    schema = _schema(key)
    wanted = None
    if columns is not None:
        wanted = chosen(key, schema.names, columns)
        schema = pa.schema([schema.field(i) for i in wanted])
    return OpenFrame(schema, _batches(frame, key, wanted, schema))


def _schema(key: str) -> pa.Schema:
    with closing(_Stream(key, {"row_count": "0", "levels": "none"})) as stream:
        schema: pa.Schema = stream.open().schema
    return schema


def _levels(key: str, params: dict[str, str], schema: pa.Schema) -> list[pa.Array | None]:
    """The levels of each column of enums; asked for once, however many nodes send rows."""
    if not any(pa.types.is_dictionary(kind) for kind in schema.types):
        return [None] * len(schema)
    with closing(_Stream(key, {**params, "row_count": "0"})) as stream:
        (batch,) = stream.batches(schema)
    return [
        array.dictionary if pa.types.is_dictionary(array.type) else None for array in batch.columns
    ]


def _batches(
    frame: H2OFrame, key: str, wanted: list[int] | None, schema: pa.Schema
) -> Generator[pa.RecordBatch, None, None]:
    # A temporary frame lives in the cluster as long as its H2OFrame does: this generator holds it.
    if wanted == []:
        return
    params = {"ints": "narrow"}
    if wanted is not None:
        params["columns"] = _ranges(wanted)
    nodes = rest.nodes()
    if nodes:
        yield from _from_nodes(key, params, schema, nodes)
        return
    with closing(_Stream(key, params)) as stream:
        yield from stream.batches(schema)


def _from_nodes(
    key: str,
    params: dict[str, str],
    schema: pa.Schema,
    nodes: list[str],
) -> Generator[pa.RecordBatch, None, None]:
    """What each node holds comes from there, all at once; chunk by chunk in the frame's order."""
    try:
        chunks = rest.api(f"GET /3/FrameChunks/{rest.in_path(key)}")["chunks"]
    except (H2OResponseError, H2OServerError) as error:
        raise gone(key) from error
    levels = _levels(key, params, schema)
    params = {**params, "levels": "none"}
    with ExitStack() as stack:
        pool = ThreadPoolExecutor(len(nodes))
        streams: dict[int, _Ahead] = {}
        for index in sorted({chunk["node_idx"] for chunk in chunks}):
            stream = _Stream(key, {**params, "node": str(index)}, nodes[index])
            stack.callback(stream.close)
            streams[index] = _Ahead(pool, stream.batches(schema, levels))
        # Closed first: no thread may still read from a stream that is being closed.
        stack.callback(pool.shutdown, cancel_futures=True)
        for chunk in chunks:
            rows = chunk["row_count"]
            while rows > 0:
                batch = next(streams[chunk["node_idx"]], None)
                if batch is None:
                    raise changed(key)
                rows -= batch.num_rows
                yield batch
        for ahead in streams.values():
            if next(ahead, None) is not None:
                raise changed(key)


class _Ahead:
    """An iterator whose next item is made in another thread while the last one is used."""

    def __init__(self, pool: ThreadPoolExecutor, items: Iterator[pa.RecordBatch]) -> None:
        self._pool = pool
        self._items = items
        self._next = pool.submit(next, items, None)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        item = self._next.result()
        if item is None:
            raise StopIteration
        self._next = self._pool.submit(next, self._items, None)
        return item


def _alike(sent: pa.Schema, wanted: pa.Schema) -> bool:
    return sent.names == wanted.names and all(
        mine == yours or (pa.types.is_integer(mine) and pa.types.is_integer(yours))
        for mine, yours in zip(sent.types, wanted.types, strict=True)
    )


def _widened(
    batch: pa.RecordBatch, schema: pa.Schema, levels: Sequence[pa.Array | None]
) -> pa.RecordBatch:
    """The batch with its levels, and with integers of the width that they are to have.

    Most integers come in fewer bytes.
    """
    arrays = [
        pa.DictionaryArray.from_arrays(array.indices, dictionary)
        if dictionary is not None
        else array
        if array.type == wanted
        # The same as a cast, in half the time where there are thousands of columns.
        else pa.array(array.to_numpy().astype(np.int64))
        if array.null_count == 0
        else array.cast(wanted)
        for array, wanted, dictionary in zip(batch.columns, schema.types, levels, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _ranges(numbers: list[int]) -> str:
    """Column numbers in a short form: ``0-3,7``."""
    parts = []
    for _, group in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        parts.append(f"{run[0]}-{run[-1]}")
    return ",".join(parts)


class _Stream:
    """A frame's bytes on their way."""

    def __init__(self, key: str, params: dict[str, str], node: str | None = None) -> None:
        self._key = key
        self.closed = False
        try:
            self._response = rest.download(
                f"/3/GAN/frames/{rest.in_path(key)}.arrow", params, "reading a frame", node
            )
        except H2OServerError as error:
            raise gone(key) from error
        self._tail = b""

    def open(self) -> pa.RecordBatchReader:
        """The stream as a reader of record batches."""
        return pa.ipc.open_stream(pa.PythonFile(self, mode="r"))

    def batches(
        self, schema: pa.Schema, levels: Sequence[pa.Array | None] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """All the rows; with these levels, where the stream has none.

        :raises H2OValueError: the frame has changed, or went while it was read.
        :raises H2OConnectionError: the whole cluster went.
        """
        reader = self.open()
        if not _alike(reader.schema, schema):
            raise changed(self._key)
        try:
            for batch in reader:
                yield _widened(batch, schema, levels or [None] * len(schema))
        except (pa.ArrowInvalid, H2OConnectionError) as error:
            raise self._lost() from error
        if self._tail != _END:  # A stream that is cut short between two batches looks whole.
            raise self._lost()

    def _lost(self) -> H2OValueError:
        with suppress(H2OServerError, H2OResponseError):
            rest.api("GET /3/Cloud", skip_ticks=True)  # The connection's own error says more.
        return changed(self._key)

    def read(self, size: int = -1) -> bytes:
        """As many bytes as there are, up to so many."""
        try:
            data: bytes = self._response.raw.read(size)
        except (HTTPError, OSError) as error:
            raise H2OConnectionError(
                f"lost the cluster while reading a frame: {error}; check that it is up and "
                "reconnect with h2o.connect(url=...)"
            ) from error
        self._tail = data[-8:] if len(data) >= 8 else (self._tail + data)[-8:]
        return data

    def readable(self) -> bool:
        """A stream to read."""
        return True

    def writable(self) -> bool:
        """Not one to write."""
        return False

    def seekable(self) -> bool:
        """Nor one to search in."""
        return False

    def close(self) -> None:
        """End the transfer."""
        self.closed = True
        self._response.close()


def write(reader: pa.RecordBatchReader, destination_frame: str | None = None) -> H2OFrame:
    """Make a frame of record batches; see :func:`h2o_gan.cluster.frames.write_frame`."""
    rest.connection()
    destination = destination_of(destination_frame)
    columns_of(reader.schema)
    body = _Body(reader)
    try:
        rest.send(f"/3/GAN/frames/{rest.in_path(destination)}.arrow", body, "sending rows")
    except H2OConnectionError:
        if body.error is not None:
            raise body.error from None
        raise
    return H2OFrame.get_frame(destination)


class _Body:
    """Record batches as the bytes of a request, made while they are sent."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self._reader = reader
        self._parts: list[bytes] = []
        self._size = 0
        self.closed = False
        self.error: BaseException | None = None
        """What the reader raised; on its way through the network's code it may be taken for the
        network's own."""

    def __iter__(self) -> Iterator[bytes]:
        rows = max(1, _SEND_VALUES // len(self._reader.schema))
        try:
            with pa.ipc.new_stream(pa.PythonFile(self, mode="w"), self._reader.schema) as writer:
                for batch in self._reader:
                    # In parts: a table may come as one batch, which would be in memory twice.
                    for start in range(0, batch.num_rows, rows):
                        writer.write_batch(batch.slice(start, rows))
                        if self._size >= _SEND_BYTES:
                            yield self._taken()
        except BaseException as error:
            self.error = error
            raise
        yield self._taken()

    def _taken(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts, self._size = [], 0
        return taken

    def write(self, data: bytes) -> int:
        """What Arrow writes its stream to."""
        self._parts.append(bytes(data))
        self._size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing to do: parts are sent when they are big enough."""

    def readable(self) -> bool:
        """Not a stream to read."""
        return False

    def writable(self) -> bool:
        """One to write."""
        return True

    def seekable(self) -> bool:
        """Not one to search in."""
        return False

    def close(self) -> None:
        """The last part is sent all the same."""
        self.closed = True
