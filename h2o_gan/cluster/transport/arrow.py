"""The transport over the cluster extension: Arrow IPC streams directly from and into chunks."""

from __future__ import annotations

import struct
import urllib.parse
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import groupby

import numpy as np
import pyarrow as pa
from h2o import H2OFrame
from h2o.exceptions import H2OConnectionError, H2OResponseError, H2OServerError, H2OValueError

from h2o_gan.cluster import patience, rest
from h2o_gan.cluster.answers import Refused
from h2o_gan.cluster.exchange import bounded
from h2o_gan.cluster.transport.arrow_sender import send
from h2o_gan.cluster.transport.base import OpenFrame, changed, chosen, gone, key_of
from h2o_gan.cluster.transport.body import ResponseBody
from h2o_gan.cluster.transport.parquet_writer import columns_of, destination_of

_WHAT = "reading a frame"
_END = b"\xff\xff\xff\xff\0\0\0\0"
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3  # kinds of messages
_CONTINUATION = b"\xff\xff\xff\xff"
_MAX_METADATA_BYTES = 64 << 20
"""The extension sends no message with more bytes of metadata."""
_MAX_BODY_BYTES = 1 << 31
"""The extension sends no message with more bytes in its body."""
_PIECE_BYTES = 1 << 20
"""Bytes are taken in such pieces: memory grows with what comes, not with what is promised."""


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
    """Levels of each column of enums, requested once for all nodes; None for other columns."""
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
    # `frame` keeps a temporary frame in the cluster while this generator runs.
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
    """Rows in the frame's order, each chunk from the node that has it, all nodes at once."""
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
            streams[index] = _Ahead(pool, stream.batches(schema, levels), stream.hang_up)
        # Closed first: no thread may still read from a stream that is being closed.
        stack.callback(pool.shutdown, cancel_futures=True)
        for ahead in streams.values():
            stack.callback(ahead.stop)
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
    """An iterator whose next item is read in another thread while the last one is used."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        items: Iterator[pa.RecordBatch],
        stop: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._items = items
        self.stop = stop
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
    """The batch with its levels, and with integers of the schema's width."""
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


def _is_compressed(metadata: bytes) -> bool:
    """Whether an Arrow message declares a compressed body."""

    def slot(table: int, field: int) -> int:
        fields = table - struct.unpack_from("<i", metadata, table)[0]
        inside = 4 + 2 * field < struct.unpack_from("<H", metadata, fields)[0]
        offset = struct.unpack_from("<H", metadata, fields + 4 + 2 * field)[0] if inside else 0
        return table + offset if offset else 0

    def target(position: int) -> int:
        return position + int(struct.unpack_from("<I", metadata, position)[0])

    try:
        message = target(0)
        kind, header = metadata[slot(message, 1)], target(slot(message, 2))
        batch = target(slot(header, 1)) if kind == _DICTIONARY_BATCH else header
        return kind in (_DICTIONARY_BATCH, _RECORD_BATCH) and slot(batch, 3) > 0
    except (struct.error, IndexError):
        return False  # The reader's error says more.


class _Stream(ResponseBody):
    """A frame's Arrow stream, whose declared sizes are checked before memory is taken."""

    def __init__(self, key: str, params: dict[str, str], node: str | None = None) -> None:
        self._key = key
        self._node = node
        self._tail = b""
        self._head = b""
        try:
            response = rest.download(
                f"/3/GAN/frames/{rest.in_path(key)}.arrow", params, _WHAT, node
            )
        except Refused as error:
            if error.status in (404, 409):
                raise gone(key) from error
            raise
        super().__init__(response, _WHAT)

    def open(self) -> pa.RecordBatchReader:
        """Begin to read the stream.

        Raises:
            H2OServerError: this is not an Arrow stream.
        """
        try:
            return pa.ipc.open_stream(pa.PythonFile(self, mode="r"))
        except (pa.ArrowException, EOFError) as error:
            raise self._invalid(error) from error

    def batches(
        self, schema: pa.Schema, levels: Sequence[pa.Array | None] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows of the stream.

        Args:
            schema: that the rows must have.
            levels: of the columns, where the stream has none.

        Yields:
            The batches, in order.

        Raises:
            H2OValueError: the frame has changed, or was removed while it was read.
            H2OConnectionError: the cluster is lost.
        """
        reader = self.open()
        if not _alike(reader.schema, schema):
            raise changed(self._key)
        try:
            for batch in reader:
                yield _widened(batch, schema, levels or [None] * len(schema))
        except patience.Silence:
            raise
        except (pa.ArrowException, H2OConnectionError) as error:
            raise self._lost() from error
        if self._tail != _END:  # A stream that is cut short between two batches looks whole.
            raise self._lost()

    def _lost(self) -> H2OValueError:
        rest.alive(self._node)  # Where the node is lost, that error is raised.
        return changed(self._key)

    def _invalid(self, error: BaseException | str) -> H2OServerError:
        return H2OServerError(
            f"the answer while {_WHAT} is not an Arrow stream ({error}): check that the "
            f"address is a cluster's, and that no proxy changes its answers. It begins: "
            f"{self._head[:200]!r}"
        )

    def read(self, size: int = -1) -> bytes:
        """Read bytes; fewer than `size` only at the stream's end.

        Raises:
            H2OServerError: the stream declares a size or a form that the extension never sends.
            H2OConnectionError: the transfer has broken off.
        """
        if size > _MAX_METADATA_BYTES and self._tail == _CONTINUATION + size.to_bytes(4, "little"):
            raise self._invalid(f"a message announces {size} bytes of metadata")
        if not 0 <= size < _MAX_BODY_BYTES:
            raise self._invalid(f"a message announces {size} bytes")
        pieces, left = [], size
        with patience.watched(_WHAT) as wait:
            while left and (piece := super().read(min(left, _PIECE_BYTES))):
                wait.touch()
                pieces.append(piece)
                left -= len(piece)
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if self._tail == _CONTINUATION + size.to_bytes(4, "little") and _is_compressed(data):
            # pyarrow would decompress it, a few bytes to gigabytes; the extension sends none.
            raise self._invalid("a message is compressed")
        self._tail = data[-8:] if len(data) >= 8 else (self._tail + data)[-8:]
        if len(self._head) < 200:
            self._head += data[:200]
        return data


def write(
    reader: pa.RecordBatchReader,
    destination_frame: str | None = None,
    holder: Mapping[str, str] | None = None,
) -> H2OFrame:
    """Make a frame of record batches; see :func:`h2o_gan.cluster.frames.write_frame`.

    Args:
        reader: the rows.
        destination_frame: key of the frame.
        holder: for rows of a job, its ``job`` in the queue and the worker's ``token``. The frame
            appears only if the worker still holds the job when all rows have arrived.

    Returns:
        The frame.
    """
    rest.connection()
    destination = destination_of(destination_frame)
    columns_of(reader.schema)
    path = f"/3/GAN/frames/{rest.in_path(destination)}.arrow"
    if holder is not None:
        path += "?" + urllib.parse.urlencode(holder)
    send(path, reader, "sending rows")
    with patience.watched(f"looking up frame {destination!r}"), bounded():
        return H2OFrame.get_frame(destination)
