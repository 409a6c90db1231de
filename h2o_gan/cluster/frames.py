"""Frames to Arrow and Arrow to frames: the one way between a cluster's data and the engine.

A transport moves the bytes. It is a pair of functions, one for each direction: the plain one works
over any cluster's REST API, the Arrow one where the cluster has the extension.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
from h2o import H2OFrame

from h2o_gan.cluster import rest
from h2o_gan.cluster.transport import arrow, plain
from h2o_gan.cluster.transport.base import OpenFrame


@dataclass(frozen=True)
class Transport:
    """A way to move a table.

    Attributes:
        name: of the transport.
        open: begins to read a frame's columns out of the cluster.
        write: makes a frame of rows, under a key.
    """

    name: str
    open: Callable[[H2OFrame, Sequence[str] | None], OpenFrame]
    write: Callable[[pa.RecordBatchReader, str | None], H2OFrame]

    def read(self, frame: H2OFrame, columns: Sequence[str] | None) -> pa.RecordBatchReader:
        """Read a frame's columns to the end; see :func:`read_frame`."""
        return self.open(frame, columns).reader


PLAIN = Transport("plain", plain.open_frame, plain.write)
ARROW = Transport("arrow", arrow.open_frame, arrow.write)


def transport() -> Transport:
    """The best transport that the connected cluster offers."""
    return ARROW if rest.extension() else PLAIN


def with_progress(
    rows: pa.RecordBatchReader, total: int, report: Callable[[float], None]
) -> pa.RecordBatchReader:
    """The same rows, whose reader reports how far it is.

    Args:
        rows: the rows.
        total: number of rows.
        report: called before each batch with the share that has been read, from 0 to 1; what it
            raises ends the reading.
    """

    def batches() -> Iterator[pa.RecordBatch]:
        done = 0
        for batch in rows:
            report(done / total)
            yield batch
            done += batch.num_rows
        report(1.0)

    return pa.RecordBatchReader.from_batches(rows.schema, batches())


def read_frame(frame: H2OFrame, columns: Sequence[str] | None = None) -> pa.RecordBatchReader:
    """Stream a frame out of the cluster as Arrow record batches.

    A lazy frame (filtered, ``rbind``-ed, ...) is evaluated first. Batches arrive one by one, so
    memory is bounded by a few batches, whatever the frame's size. Nothing stays in the cluster,
    also when the reader is dropped half-way.

    H2O types become Arrow types: int ``int64``, real ``float64``, enum ``dictionary<int32,
    string>`` with all the column's levels in the column's order, time ``timestamp[ms, UTC]``,
    string ``string``, uuid ``arrow.uuid``. NA is null.

    Args:
        frame: the frame; any H2OFrame of the connected cluster.
        columns: names of the columns to read, in the order wanted; all of them by default.

    Returns:
        The rows, in the frame's order.

    Raises:
        H2OConnectionError: no cluster is connected, or it is lost during the transfer.
        H2OValueError: the frame is gone or changes during the transfer, or has no such column.
    """
    return transport().read(frame, columns)


def open_frame(frame: H2OFrame, columns: Sequence[str] | None = None) -> OpenFrame:
    """Like :func:`read_frame`, for callers that may stop half-way.

    ``contextlib.closing(open_frame(frame))`` leaves nothing in the cluster however it ends.

    Returns:
        The rows, to be closed.
    """
    return transport().open(frame, columns)


def write_frame(
    reader: pa.RecordBatchReader | pa.Table, destination_frame: str | None = None
) -> H2OFrame:
    """Stream Arrow data into the cluster as a new frame, the inverse of :func:`read_frame`.

    It also takes other types: integers of any width, smaller floats, booleans (an enum of
    ``False`` and ``True``, as in H2O), large and view strings, dictionaries of strings with any
    index type, timestamps of any unit and zone and dates (rounded down to the millisecond, in
    UTC), decimals (to real) and nulls (a numeric column of NA).

    H2O itself cannot hold everything. It decides from the values whether a column is int or real,
    so a float column of whole numbers comes back as int, as does any numeric column of NA only (or
    2.0**63 among whole numbers as 2**63 - 1). -0.0 becomes 0.0; NaN is NA. The integer -2**63 and
    the uuid 80000000-0000-0000-0000-000000000000 mean NA inside H2O and are refused, as is a uuid
    column that is almost only nil. The control character U+0010 in a name or level is read back as
    an error, because H2O's JSON does not distinguish it from U+0001.

    Memory is bounded by a row group; the rows wait in a temporary file. The frame appears in the
    cluster complete or not at all.

    Args:
        reader: the rows; a reader is consumed.
        destination_frame: key of the new frame; a new one by default.

    Returns:
        The frame.

    Raises:
        H2OConnectionError: no cluster is connected, or it is lost during the transfer.
        H2OValueError: the key is taken or is not valid, or H2O cannot hold a column's type or
            value; the message names the column and what to do.
    """
    if isinstance(reader, pa.Table):
        reader = reader.to_reader()
    return transport().write(reader, destination_frame)
