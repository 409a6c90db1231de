"""CSV and Parquet files of users: into a cluster, and from a model."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from h2o_gan.notices import listed

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from h2o.frame import H2OFrame

    from h2o_gan.engine.data.schema import Column

__all__ = [
    "check_readable",
    "format_of",
    "open_rows",
    "read",
    "upload",
    "write_csv",
    "write_file",
]

_PARQUET = (".parquet", ".pq")
_CSV = (".csv", ".csv.gz", ".tsv", ".txt")
_HEAD_BYTES = 2**16
_CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))
_MAX_LEVELS, _MAX_LEVEL_BYTES = 100_000, 2**25
_MAX_DISTINCT_SHARE = (
    0.95  # H2O's parser treats text with a larger share of distinct values as free text
)


def format_of(path: Path) -> str | None:
    """``csv`` or ``parquet``, by the file's name; None for another."""
    name = path.name.lower()
    if name.endswith(_PARQUET):
        return "parquet"
    return "csv" if name.endswith(_CSV) else None


def check_readable(file: Path) -> None:
    """Check that a file holds a table, by its name and its beginning.

    Raises:
        ValueError: it does not.
        OSError: it can't be read.
    """
    if format_of(file) is None:
        raise ValueError(
            f"{file} is neither CSV nor Parquet by its name: rename it to .csv or .parquet."
        )
    if format_of(file) == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            rows = pq.ParquetFile(file).metadata.num_rows
        except pa.ArrowException as error:
            raise ValueError(f"{file} is not a Parquet file: {error}") from error
        if not rows:
            raise ValueError(f"{file} has no rows.")
        return
    opener = gzip.open if file.name.lower().endswith(".gz") else open
    try:
        with opener(file, "rb") as source:
            head = source.read(_HEAD_BYTES)
    except gzip.BadGzipFile as error:
        raise ValueError(f"{file} is not compressed by gzip, as its name says.") from error
    if len(head.translate(None, _CONTROL)) < len(head):
        raise ValueError(f"{file} is not text, as a CSV file is.")
    lines = [line for line in head.splitlines() if line.strip()]
    if not lines:
        raise ValueError(f"{file} is empty.")
    if len(lines) == 1 and len(head) < _HEAD_BYTES:
        raise ValueError(f"{file} has no rows below its header.")


def read(file: Path, columns: Sequence[Column]) -> pa.Table:
    """Read those columns of a file that a model has, without a cluster.

    Args:
        file: CSV or Parquet.
        columns: of the model; those that the file lacks are left out.

    Returns:
        The columns in the model's order, with the types of the model's columns.

    Raises:
        ValueError: a column has values of another type.
        OSError: the file can't be read.
    """
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    if format_of(file) == "parquet":
        table = pq.read_table(file)
    else:
        delimiter = "\t" if file.name.lower().endswith(".tsv") else ","
        with pa.csv.open_csv(
            file, parse_options=pa.csv.ParseOptions(delimiter=delimiter)
        ) as source:
            names = source.schema.names
        table = pa.csv.read_csv(
            file,
            parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True
            ),
        )
    found = {}
    for column in columns:
        if column.name in table.column_names:
            try:
                found[column.name] = _typed(table.column(column.name), column)
            except pa.ArrowException as error:
                raise ValueError(
                    f"{file}: column {column.name!r} is not {column.kind}: {error}"
                ) from error
    return pa.table(found)


def _typed(values: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    """Values, text among them, in the type of a model's column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.kind == "enum":
        return values.cast(pa.string()).dictionary_encode()
    if not pa.types.is_string(values.type) or column.kind == "string":
        return values
    values = pc.utf8_trim_whitespace(values)
    if column.kind == "int":
        try:
            return values.cast(pa.int64())
        except pa.ArrowInvalid:  # whole numbers with a decimal point, as pandas writes them
            return values.cast(pa.float64()).cast(pa.int64())
    if column.kind == "time":
        if pc.all(pc.match_substring_regex(values, r"^-?[0-9]+$")).as_py():
            return values.cast(pa.int64()).cast(column.arrow_type)  # milliseconds since 1970
        zoned = pc.match_substring_regex(values, r"(Z|[+-][0-9]{2}:?[0-9]{2})$")
        if pc.all(zoned).as_py():
            return values.cast(column.arrow_type)
        return pc.assume_timezone(values.cast(pa.timestamp("ms")), "UTC")
    return values.cast(column.arrow_type)


def upload(file: Path) -> H2OFrame:
    """Upload a file as a new frame of the cluster; text with repeated values becomes categorical.

    Raises:
        H2OConnectionError: there is no cluster.
        H2OValueError: H2O cannot hold a column.
    """
    import h2o

    if format_of(file) == "csv":
        return h2o.upload_file(str(file))
    from h2o_gan.cluster.frames import write_frame

    return write_frame(_categorical(file))


def _categorical(file: Path) -> pa.RecordBatchReader:
    """A Parquet file's rows, with text of repeated values as dictionaries."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    source = pq.ParquetFile(file)
    schema = source.schema_arrow
    texts = [
        field.name
        for field in schema
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    ]
    levels = _levels(source, texts)
    kind = pa.dictionary(pa.int32(), pa.string())
    with_levels = pa.schema(
        [field.with_type(kind) if field.name in levels else field for field in schema]
    )

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in source.iter_batches():
            columns = [
                pa.DictionaryArray.from_arrays(
                    pc.index_in(column.cast(pa.string()), levels[field.name]), levels[field.name]
                )
                if field.name in levels
                else column
                for field, column in zip(schema, batch.columns, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=with_levels)

    return pa.RecordBatchReader.from_batches(with_levels, batches())


def _levels(source: pq.ParquetFile, names: Sequence[str]) -> dict[str, pa.Array]:
    """The sorted levels of the columns that H2O's own parser would treat as categorical.

    Memory is bounded: a column with more than 100,000 distinct values stays text.
    """
    import pyarrow as pa

    distinct: dict[str, set[str]] = {name: set() for name in names}
    sizes, counts = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for batch in source.iter_batches(columns=list(names)) if names else ():
        for name in list(distinct):
            column = batch.column(name)
            counts[name] += len(column) - column.null_count
            new = set(column.unique().drop_null().to_pylist()) - distinct[name]
            distinct[name] |= new
            sizes[name] += sum(map(len, new))
            if len(distinct[name]) > _MAX_LEVELS or sizes[name] > _MAX_LEVEL_BYTES:
                del distinct[name]
    return {
        name: pa.array(sorted(levels), pa.string())
        for name, levels in distinct.items()
        if len(levels) == 1 or 0 < len(levels) < _MAX_DISTINCT_SHARE * counts[name]
    }


def open_rows(file: Path, columns: Sequence[Column]) -> pa.RecordBatchReader:
    """Some columns of a file, without a cluster.

    Args:
        file: CSV or Parquet; see :func:`check_readable`.
        columns: the columns to read, by name and kind.

    Returns:
        A reader of batches; numbers are doubles, levels text.

    Raises:
        ValueError: the file lacks a column, or a value is of another type.
        OSError: it can't be read.
    """
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    names = [column.name for column in columns]
    types = {"int": pa.float64(), "real": pa.float64(), "time": pa.timestamp("ms")}
    schema = pa.schema([(c.name, types.get(c.kind, pa.string())) for c in columns])
    source: pa.RecordBatchReader
    try:
        if format_of(file) == "parquet":
            parquet = pq.ParquetFile(file)
            found = parquet.schema_arrow.names
            _check_columns(file, names, found)
            batches = parquet.iter_batches(columns=names)
            source = pa.RecordBatchReader.from_batches(
                pa.schema([parquet.schema_arrow.field(name) for name in names]),
                (batch.select(names) for batch in batches),
            )
        else:
            separator = "\t" if file.name.lower().endswith(".tsv") else ","
            parse = pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True)
            with pyarrow.csv.open_csv(file, parse_options=parse) as head:
                _check_columns(file, names, head.schema.names)
            convert = pyarrow.csv.ConvertOptions(
                include_columns=names, column_types=schema, strings_can_be_null=True
            )
            source = pyarrow.csv.open_csv(file, parse_options=parse, convert_options=convert)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{file} can't be read: {error}") from error

    def cast() -> Iterator[pa.RecordBatch]:
        try:
            for batch in source:
                arrays = [batch.column(f.name).cast(f.type, safe=False) for f in schema]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{file} can't be read: {error}") from error

    return pa.RecordBatchReader.from_batches(schema, cast())


def _check_columns(file: Path, wanted: Sequence[str], found: Sequence[str]) -> None:
    lacking = [name for name in wanted if name not in found]
    if lacking:
        raise ValueError(f"{file} lacks columns of the model: {listed(lacking)}.")


def write_file(reader: pa.RecordBatchReader, path: Path) -> None:
    """Write rows to a CSV or Parquet file, complete or not at all.

    Args:
        reader: the rows.
        path: the file; its name gives the format.

    Raises:
        OSError: it can't be written.
    """
    with tempfile.TemporaryDirectory(prefix=".h2o-gan-", dir=path.parent) as folder:
        part = Path(folder) / path.name
        if format_of(path) == "parquet":
            import pyarrow.parquet as pq

            with pq.ParquetWriter(part, reader.schema) as writer:
                for batch in reader:
                    writer.write_batch(batch)
        else:
            with open(part, "wb") as sink:
                write_csv(reader, sink)
        os.replace(part, path)


def write_csv(reader: pa.RecordBatchReader, sink: IO[bytes]) -> None:
    """Write rows as CSV; times are in UTC, without a zone, as H2O and pandas read them.

    Args:
        reader: the rows.
        sink: an open file.
    """
    import pyarrow as pa
    import pyarrow.csv

    def as_csv(field: pa.Field) -> pa.Field:
        if pa.types.is_dictionary(field.type) or isinstance(field.type, pa.UuidType):
            return field.with_type(pa.string())
        return field.with_type(pa.timestamp("ms")) if pa.types.is_timestamp(field.type) else field

    schema = pa.schema([as_csv(field) for field in reader.schema])
    with pyarrow.csv.CSVWriter(sink, schema) as writer:
        for batch in reader:
            columns = [
                pa.array([value and str(value) for value in column.to_pylist()], pa.string())
                if isinstance(column.type, pa.UuidType)
                else column.cast(field.type)
                for column, field in zip(batch.columns, schema, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
    sink.flush()
