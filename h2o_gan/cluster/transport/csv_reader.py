"""Reads frames: the cluster's CSV export, parsed into Arrow while it arrives.

The cluster writes a CSV in one thread, column after column. So a large frame is requested as a few
narrower views at the same time, which share its data, and their streams are joined here.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import requests
from h2o import H2OFrame
from h2o.exceptions import H2OResponseError, H2OServerError

from h2o_gan.cluster import patience, rest
from h2o_gan.cluster.transport.base import OpenFrame, changed, chosen, gone, key_of
from h2o_gan.cluster.transport.body import ResponseBody

BLOCK_BYTES = 4 << 20
"""Bytes of CSV in a batch."""
STREAMS = 4
"""Downloads of one frame at the same time, at most."""
STREAM_VALUES = 1 << 20
"""Values that make another download worth its request."""
_WAKE_S = 0.25

TIME = pa.timestamp("ms", "UTC")
_ARROW = {
    "int": pa.int64(),
    "real": pa.float64(),
    # H2O's int with infinities, which no integer type has room for.
    "whole": pa.float64(),
    "time": TIME,
    "string": pa.string(),
    "uuid": pa.uuid(),
}


@dataclass(frozen=True)
class Column:
    """A frame's column as the cluster describes it.

    Attributes:
        index: in the frame, from 0.
        name: its name.
        kind: its H2O type, or "whole" for integers with infinities.
        levels: of an enum; else None.
    """

    index: int
    name: str
    kind: str
    levels: pa.StringArray | None

    @property
    def type(self) -> pa.DataType:
        """The Arrow type that the column is read as."""
        if self.levels is not None:
            return pa.dictionary(pa.int32(), pa.string())
        return _ARROW[self.kind]


@dataclass(frozen=True)
class Description:
    """A frame's key, size and columns."""

    key: str
    rows: int
    columns: list[Column]


def describe(key: str) -> Description:
    """Ask the cluster for a frame's columns, their types and levels.

    Raises:
        H2OValueError: there is no such frame.
    """
    try:
        frame = rest.frame(key)
    except (H2OResponseError, H2OServerError) as error:
        raise gone(key) from error
    columns = []
    for index, column in enumerate(frame["columns"]):
        if column is None:
            raise gone(key)
        kind = column["type"]
        levels = pa.array(column["domain"] or [], pa.string()) if kind == "enum" else None
        if kind == "int" and column["positive_infinity_count"] + column["negative_infinity_count"]:
            kind = "whole"
        columns.append(Column(index, column["label"], kind, levels))
    return Description(key, frame["rows"], columns)


def open_frame(frame: H2OFrame, columns: Sequence[str] | None = None) -> OpenFrame:
    """Begin to stream a frame; see :func:`h2o_gan.cluster.frames.open_frame`."""
    rest.connection()
    description = describe(key_of(frame))
    wanted = description.columns
    if columns is not None:
        names = [column.name for column in wanted]
        wanted = [wanted[i] for i in chosen(description.key, names, columns)]
    schema = pa.schema([pa.field(column.name, column.type) for column in wanted])
    return OpenFrame(schema, _batches(frame, description, wanted, schema))


def _batches(
    frame: H2OFrame, description: Description, wanted: list[Column], schema: pa.Schema
) -> Generator[pa.RecordBatch, None, None]:
    # `frame` keeps a temporary frame in the cluster while this generator runs.
    if description.rows == 0 or not wanted:
        return
    parts = _parts(wanted, description.rows)
    with ExitStack() as stack:
        keys = [description.key]
        if parts != [description.columns]:
            session = stack.enter_context(rest.Session())
            keys = [_view(session, description.key, part) for part in parts]
        responses: list[requests.Response] = []
        streams = [
            stack.enter_context(closing(_stream(key, part, description, responses)))
            for key, part in zip(keys, parts, strict=True)
        ]
        yield from _zip(streams, schema)


def _parts(columns: list[Column], rows: int) -> list[list[Column]]:
    """Groups of neighbouring columns, one per stream."""
    worthwhile = max(1, rows * len(columns) // STREAM_VALUES)
    streams = min(STREAMS, rest.cores(), len(columns), worthwhile)
    ends = [len(columns) * i // streams for i in range(streams + 1)]
    return [columns[start:end] for start, end in pairwise(ends)]


def _zip(
    streams: Sequence[Iterator[pa.RecordBatch]], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Join streams of equal length side by side, whose batches differ in length."""
    if len(streams) == 1:
        yield from streams[0]
        return
    waiting: list[pa.RecordBatch] = [pa.RecordBatch.from_pylist([])] * len(streams)
    while True:
        for i, stream in enumerate(streams):
            if waiting[i].num_rows == 0:
                # A stream that ends has checked that all of its rows arrived.
                waiting[i] = next(stream, None)
        if None in waiting:
            break
        rows = min(batch.num_rows for batch in waiting)
        arrays = [array for batch in waiting for array in batch.slice(0, rows).columns]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        waiting = [batch.slice(rows) for batch in waiting]


def _view(session: rest.Session, key: str, columns: list[Column]) -> str:
    view = rest.new_key("view")
    indices = " ".join(str(column.index) for column in columns)
    try:
        session.run(f"(tmp= {view} (cols {key} [{indices}]))")
    except (H2OResponseError, H2OServerError) as error:
        raise gone(key) from error
    return view


def _skip_header(body: ResponseBody, columns: list[Column], key: str) -> None:
    """Read the header of a CSV. Raises H2OValueError where it is not that of the columns."""
    # The cluster quotes names without escaping them, which no CSV parser could undo.
    header = (",".join(f'"{column.name}"' for column in columns) + "\n").encode()
    found = b""
    while len(found) < len(header) and (part := body.read(len(header) - len(found))):
        found += part
    if found != header:
        raise changed(key)


def _stream(
    key: str, columns: list[Column], frame: Description, responses: list[requests.Response]
) -> Generator[pa.RecordBatch, None, None]:
    """Download and parse a view of a frame, and check that all of its rows arrive.

    Args:
        key: of the view.
        columns: of the view.
        frame: that the view is of.
        responses: open answers of all views; this one's is added.

    Yields:
        The rows.
    """
    labels = [str(i) for i in range(len(columns))]
    rows = 0
    params = {"frame_id": key, "escape_quotes": "true"}
    with rest.download("/3/DownloadDataset", params, "reading a frame") as response:
        responses.append(response)
        body = ResponseBody(response, "reading a frame")
        _skip_header(body, columns, frame.key)
        try:
            with pa.csv.open_csv(
                pa.PythonFile(body, mode="r"),
                read_options=pa.csv.ReadOptions(column_names=labels, block_size=BLOCK_BYTES),
                parse_options=pa.csv.ParseOptions(
                    # The parser is slower when values may hold line ends, so say when they may.
                    newlines_in_values=any(map(_may_hold_line_ends, columns)),
                    ignore_empty_lines=False,
                ),
                convert_options=pa.csv.ConvertOptions(
                    column_types={
                        label: _csv_type(c) for label, c in zip(labels, columns, strict=True)
                    },
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            ) as parser:
                for batch in _interruptibly(parser, responses):
                    rows += batch.num_rows
                    arrays = map(_convert, batch.columns, columns)
                    yield pa.record_batch(list(arrays), names=[c.name for c in columns])
        except pa.ArrowInvalid as error:
            raise changed(frame.key) from error
    if rows != frame.rows:
        raise changed(frame.key)


def _interruptibly(
    parser: pa.csv.CSVStreamingReader, responses: list[requests.Response]
) -> Iterator[pa.RecordBatch]:
    """The parser's batches, read in another thread, so that Ctrl-C is noticed.

    Parsers share their threads: one may wait for another one's response. Where this generator is
    left early, all responses end.
    """
    with ThreadPoolExecutor(1) as pool:
        try:
            while True:
                waiting = pool.submit(next, parser, None)
                # Wake up regularly: another thread may have got the signal.
                while not wait([waiting], _WAKE_S).done:
                    pass
                if (batch := waiting.result()) is None:
                    break
                yield batch
        except BaseException:
            for response in responses:
                patience.hang_up(response)
            raise


def _may_hold_line_ends(column: Column) -> bool:
    if column.levels is not None:
        return bool(pc.any(pc.match_substring_regex(column.levels, "[\r\n]")).as_py())
    return column.kind == "string"


def _csv_type(column: Column) -> pa.DataType:
    return {"time": pa.int64(), "whole": pa.int64(), "uuid": pa.string()}.get(
        column.kind, column.type
    )


def _convert(array: pa.Array, column: Column) -> pa.Array:
    if column.levels is not None:
        # Each block has another dictionary, in order of appearance.
        codes = pc.index_in(array.dictionary, column.levels)
        if codes.null_count:
            raise pa.ArrowInvalid("a level that the column does not have")
        return pa.DictionaryArray.from_arrays(codes.take(array.indices), column.levels)
    if column.kind == "time":
        return array.cast(TIME)
    if column.kind == "whole":
        # The cluster prints infinities as the integers farthest out.
        real = pc.cast(array, pa.float64(), safe=False)
        real = pc.if_else(pc.equal(array, 2**63 - 1), np.inf, real)
        return pc.if_else(pc.equal(array, -(2**63)), -np.inf, real)
    if column.kind == "uuid":
        return _uuids(array)
    return array


_NIBBLE = np.zeros(256, np.uint8)
_NIBBLE[[ord(digit) for digit in "0123456789ABCDEF"]] = range(16)
_NIBBLE[[ord(digit) for digit in "abcdef"]] = range(10, 16)


def _uuids(array: pa.StringArray) -> pa.Array:
    full = array.fill_null("0" * 36)
    text = np.frombuffer(full.buffers()[2], np.uint8)
    start = np.frombuffer(full.buffers()[1], np.int32)[full.offset]
    text = text[start : start + 36 * len(full)].reshape(-1, 36)
    digits = _NIBBLE[np.delete(text, [8, 13, 18, 23], axis=1)]
    values = digits[:, 0::2] << 4 | digits[:, 1::2]
    valid = array.is_valid() if array.null_count else None
    storage = pa.Array.from_buffers(
        pa.binary(16),
        len(array),
        [
            None if valid is None else _bitmap(valid),
            pa.py_buffer(np.ascontiguousarray(values)),
        ],
    )
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def _bitmap(valid: pa.BooleanArray) -> pa.Buffer:
    return pa.py_buffer(np.packbits(valid.to_numpy(zero_copy_only=False), bitorder="little"))
