"""Writes frames: Arrow to a temporary Parquet file, which the cluster parses and repairs."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq
from h2o import H2OFrame
from h2o.exceptions import H2OResponseError, H2OValueError
from h2o.utils.shared_utils import check_frame_id

from h2o_gan.cluster import patience, rest
from h2o_gan.cluster.exchange import bounded
from h2o_gan.cluster.transport.parquet_columns import Column, EnumColumn, StringColumn, column_for

GROUP_ROWS = 1 << 16
"""Rows in a row group at most; H2O parses row groups in parallel, each into one chunk."""
_KEEP = "keep"
GROUP_VALUES = 1 << 22
"""Values in a row group at most, so that wide tables stay within memory."""


def write(reader: pa.RecordBatchReader, destination_frame: str | None = None) -> H2OFrame:
    """Make a frame of record batches; see :func:`h2o_gan.cluster.frames.write_frame`."""
    rest.connection()
    destination = destination_of(destination_frame)
    columns = columns_of(reader.schema)
    with tempfile.TemporaryFile(suffix=".parquet") as file:
        scaffolded = _spool(reader, columns, file)
        file.seek(0)
        _parse(file, columns, scaffolded, destination)
    with patience.watched(f"looking up frame {destination!r}"), bounded():
        return H2OFrame.get_frame(destination)


def destination_of(key: str | None) -> str:
    """The key of a new frame.

    Args:
        key: what the user asked for; None for a new one.

    Raises:
        H2OValueError: the key is taken, or is not valid.
    """
    if key is None:
        return rest.new_key("frame").removeprefix("_")  # H2O lists it, unlike temporary keys
    check_frame_id(key)
    _must_be_free(key)
    return key


def _must_be_free(key: str) -> None:
    try:
        rest.api(f"GET /3/Frames/{key}/light", row_count=0, column_count=1, full_column_count=0)
    except H2OResponseError as error:
        if getattr(error.args[0], "http_status", None) == 404:
            return
    raise H2OValueError(
        f"the cluster already has something under the key {key!r}; choose another "
        f"destination_frame or remove it first with h2o.remove({key!r})"
    )


def columns_of(schema: pa.Schema) -> list[Column]:
    """The columns that carry a schema's fields.

    Raises:
        H2OValueError: there are none, two have the same name, or H2O has no such type.
    """
    if not schema.names:
        raise H2OValueError("the table has no columns; a frame needs at least one")
    repeated = [name for name, count in Counter(schema.names).items() if count > 1]
    if repeated:
        raise H2OValueError(f"the table has two columns named {repeated[0]!r}; rename one")
    return [column_for(field) for field in schema]


def _spool(reader: pa.RecordBatchReader, columns: list[Column], file: IO[bytes]) -> bool:
    """Write all rows to the file, in order, with a last column that marks the rows to keep.

    Returns:
        Whether there are scaffold rows among them.
    """
    # Short names: the real ones are given in the cluster, where they can be quoted.
    schema = pa.schema(
        [(f"C{i}", column.parquet_type) for i, column in enumerate(columns)] + [(_KEEP, pa.int8())]
    )
    repetitive = [
        f"C{i}" for i, c in enumerate(columns) if isinstance(c, (EnumColumn, StringColumn))
    ]
    scaffolded = False
    with pq.ParquetWriter(
        file,
        schema,
        compression="none",
        use_dictionary=[*repetitive, _KEEP],
        write_statistics=False,
        store_schema=False,
    ) as writer:

        def table(arrays: list[pa.Array], keep: int | None) -> pa.Table:
            marks = pa.repeat(pa.scalar(keep, pa.int8()), len(arrays[0]))
            return pa.table([*arrays, marks], schema=schema)

        for group in _groups(reader, len(columns)):
            arrays = [
                column.encode_chunks(chunks)
                for column, chunks in zip(columns, group.columns, strict=True)
            ]
            rows = table(arrays, 1)
            heads = [column.head(array) for column, array in zip(columns, arrays, strict=True)]
            if any(head is not None for head in heads):
                scaffolded = True
                first = [
                    column.blank(1) if head is None else head
                    for column, head in zip(columns, heads, strict=True)
                ]
                rows = pa.concat_tables([table(first, None), rows])
            writer.write_table(rows)
        if missing := max(column.missing_levels for column in columns):
            scaffolded = True
            writer.write_table(table([column.tail(missing) for column in columns], None))
    return scaffolded


def _groups(reader: pa.RecordBatchReader, width: int) -> Iterator[pa.Table]:
    """Batches of any size as row groups of one size."""
    size = max(1, min(GROUP_ROWS, GROUP_VALUES // width))
    waiting: list[pa.RecordBatch] = []
    count = 0
    for whole in reader:
        start = 0
        while start < whole.num_rows:
            part = whole.slice(start, size - count)
            waiting.append(part)
            count += part.num_rows
            start += part.num_rows
            if count == size:
                yield pa.Table.from_batches(waiting)
                waiting, count = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def _parse(file: IO[bytes], columns: list[Column], scaffolded: bool, destination: str) -> None:
    """Upload and parse the file, repair the columns, and publish the frame in one step."""
    raw, parsed, ready = map(rest.new_key, ("upload", "parsed", "ready"))
    with ExitStack() as stack:
        stack.callback(rest.remove, raw)
        rest.upload(file, raw)
        stack.callback(rest.remove, parsed)
        session = stack.enter_context(rest.Session())
        _parse_raw(raw, parsed, columns)
        session.run(f"(tmp= {ready} {_repaired(parsed, columns, scaffolded)})")
        session.run(f"(rm {parsed})")
        _must_be_free(destination)  # It was, but the rows may have taken hours to come.
        session.run(f"(assign {destination} {ready})")


def _parse_raw(raw: str, parsed: str, columns: list[Column]) -> None:
    def quoted(values: list[str]) -> str:
        return "[" + ",".join(f'"{value}"' for value in values) + "]"

    job = rest.api(
        "POST /3/Parse",
        destination_frame=parsed,
        source_frames=quoted([raw]),
        parse_type="PARQUET",
        separator=ord(","),
        check_header=1,
        number_columns=len(columns) + 1,
        column_names=quoted([*(f"C{i}" for i in range(len(columns))), _KEEP]),
        column_types=quoted([*(column.parse_type for column in columns), "Numeric"]),
        chunk_size=1 << 22,
        delete_on_done=True,
        blocking=False,
    )["job"]
    rest.wait(job["key"]["name"], "parsing the uploaded rows")


def _repaired(parsed: str, columns: list[Column], scaffolded: bool) -> str:
    """The Rapids expression of the finished frame."""
    parts = []
    untouched: list[str] = []
    for index, column in enumerate(columns):
        repair = column.repair(f"(cols {parsed} [{index}])")
        if repair is None:
            untouched.append(str(index))
            continue
        if untouched:
            parts.append(f"(cols {parsed} [{' '.join(untouched)}])")
            untouched = []
        parts.append(repair)
    if untouched:
        parts.append(f"(cols {parsed} [{' '.join(untouched)}])")
    frame = f"(cbind {' '.join(parts)})"
    names = rest.strings([column.name for column in columns])
    frame = f"(colnames= {frame} [0:{len(columns)}] {names})"
    if scaffolded:
        frame = f"(rows {frame} (cols {parsed} [{len(columns)}]))"
    return frame
