"""CSV and Parquet files of users: into a cluster, and from a model."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING
from uuid import UUID

from h2o_gan.notices import listed

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.csv
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


def read(file: Path, columns: Sequence[Column], *, lacking: bool = True) -> pa.Table:
    """Read columns of a model, with the types that its samples have, without a cluster.

    Args:
        file: CSV or Parquet; see :func:`check_readable`.
        columns: of the model.
        lacking: whether the file may lack some of them, which are then left out.

    Raises:
        ValueError: the file lacks a column and may not, or a value is of another type.
        OSError: it can't be read.
    """
    import pyarrow as pa

    if lacking:
        found = _names(file)
        columns = [column for column in columns if column.name in found]
    if not columns:
        return pa.table({})
    return open_rows(file, columns, pa.int64()).read_all().unify_dictionaries()


def open_rows(
    file: Path, columns: Sequence[Column], whole: pa.DataType | None = None
) -> pa.RecordBatchReader:
    """Open columns of a model as a stream, without a cluster.

    Args:
        file: CSV or Parquet; see :func:`check_readable`.
        columns: at least one, by name and kind.
        whole: type of whole numbers; double when None, which keeps fractions: a model scores them
            as odd.

    Returns:
        A reader of batches with the columns in this order and with the types of samples, but for
        `whole`. Text is free of spaces around numbers and times; times without a zone are in UTC,
        and whole numbers in the place of times are milliseconds since 1970.

    Raises:
        ValueError: the file lacks a column, or a value is of another type.
        OSError: it can't be read.
    """
    import pyarrow as pa

    whole = pa.float64() if whole is None else whole
    schema = pa.schema([(c.name, whole if c.kind == "int" else c.arrow_type) for c in columns])
    missing = {column.name for column in columns} - set(_names(file))
    if missing:
        names = [column.name for column in columns if column.name in missing]
        raise ValueError(f"{file} lacks columns of the model: {listed(names)}.")

    def typed() -> Iterator[pa.RecordBatch]:
        for batch in _batches(file, schema.names):
            arrays = []
            for column, field in zip(columns, schema, strict=True):
                try:
                    arrays.append(_typed(batch.column(column.name), column.kind, field.type))
                except (pa.ArrowException, ValueError) as error:
                    raise ValueError(
                        f"{file}: column {column.name!r} is not {column.kind}: {error}"
                    ) from error
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, typed())


def _names(file: Path) -> list[str]:
    """The names of a file's columns."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    try:
        if format_of(file) == "parquet":
            return list(pq.ParquetFile(file).schema_arrow.names)
        with pyarrow.csv.open_csv(file, parse_options=_parsing(file)) as head:
            return list(head.schema.names)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{file} can't be read: {error}") from error


def _batches(file: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Some columns of a file; those of a CSV file as text."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    try:
        if format_of(file) == "parquet":
            yield from pq.ParquetFile(file).iter_batches(columns=list(names))
            return
        convert = pyarrow.csv.ConvertOptions(
            include_columns=names,
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
        )
        with pyarrow.csv.open_csv(
            file, parse_options=_parsing(file), convert_options=convert
        ) as source:
            yield from source
    except pa.ArrowInvalid as error:
        raise ValueError(f"{file} can't be read: {error}") from error


def _parsing(file: Path) -> pyarrow.csv.ParseOptions:
    """How a CSV file is parsed."""
    import pyarrow.csv

    tabs = file.name.lower().endswith(".tsv")
    return pyarrow.csv.ParseOptions(delimiter="\t" if tabs else ",", newlines_in_values=True)


def _typed(values: pa.Array, kind: str, type_: pa.DataType) -> pa.Array:
    """Values of a file, text among them, in a type of a column of that kind.

    Raises:
        ValueError, pa.ArrowException: a value has no such form.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_large_string(values.type):
        values = values.cast(pa.string())
    if kind == "enum":
        return values.cast(pa.string()).dictionary_encode()
    if kind == "string":
        return values.cast(pa.string())
    if kind == "uuid":
        return _uuids(values)
    if pa.types.is_string(values.type):
        values = pc.utf8_trim_whitespace(values)
        values = pc.if_else(pc.equal(values, ""), None, values)
        if kind == "time":
            return _times(values).cast(type_)
    if kind == "time":
        return values.cast(pa.timestamp("ms"), safe=False).cast(type_)
    if not pa.types.is_integer(type_):
        return values.cast(type_, safe=False)
    try:
        return values.cast(type_)
    except pa.ArrowInvalid:  # whole numbers with a decimal point or NaN, as pandas writes them
        values = values.cast(pa.float64())
        return pc.if_else(pc.is_nan(values), None, values).cast(type_)


def _times(values: pa.Array) -> pa.Array:
    """Times of text: milliseconds since 1970, or with a zone, or in UTC."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pc.all(pc.match_substring_regex(values, r"^-?[0-9]+$")).as_py():
        return values.cast(pa.int64()).cast(pa.timestamp("ms"))
    if pc.all(pc.match_substring_regex(values, r"(Z|[+-][0-9]{2}:?[0-9]{2})$")).as_py():
        return values.cast(pa.timestamp("ms", "UTC"))
    return values.cast(pa.timestamp("ms"))


def _uuids(values: pa.Array) -> pa.Array:
    """Uuids of text, of 16 bytes, or of their own type."""
    import pyarrow as pa

    if isinstance(values.type, pa.UuidType):
        return values
    if pa.types.is_string(values.type):
        texts = values.to_pylist()
        found = [None if text is None else UUID(text.strip()).bytes for text in texts]
        values = pa.array(found, pa.binary(16))
    return pa.ExtensionArray.from_storage(pa.uuid(), values.cast(pa.binary(16)))


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
