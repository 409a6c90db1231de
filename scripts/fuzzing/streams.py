"""Changes Arrow streams; each must be refused, or come out as pyarrow reads it.

They go to the extension in a node without other work. It counts failures, streams that take longer
than two seconds or 64 MB, keys and memory that stay, and tables that differ from what was sent.
"""

from __future__ import annotations

import argparse
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from decimal import Context, Decimal
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from h2o.backend import H2OLocalServer

from h2o_gan import extension
from h2o_gan.extension import build

_SOURCES = Path(__file__).parent / "java"
_EXACT = Context(prec=100, Emax=10**10, Emin=-(10**10))
_INTEGERS = (
    pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()
)  # fmt: skip


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the command line its options."""
    parser.add_argument("--count", type=int, default=1_000_000, help="how many (1,000,000)")
    parser.add_argument("--seconds", type=int, default=7200, help="at most (7200)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compare", type=int, default=100, help="one of so many that pass (100)")
    parser.add_argument("--port", type=int, default=54741, help="of the node (54741)")
    parser.add_argument("--folder", type=Path, help="for what fails (a temporary one)")


def run(options: argparse.Namespace) -> int:
    """Send the streams. Returns 1 where any was read wrongly, failed, hung, or left something."""
    jar = extension.jar()
    javac, h2o_jar = build.find_javac(), build.find_h2o_jar()
    if jar is None or javac is None or h2o_jar is None:
        print("the streams need a JDK and the extension", file=sys.stderr)
        return 2
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="h2o_gan_fuzz_"))).absolute()
    classes = folder / "classes"
    classes.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(map(str, (classes, h2o_jar, jar)))
    sources = map(str, _SOURCES.rglob("*.java"))
    subprocess.run([javac, "-nowarn", "-cp", path, "-d", classes, *sources], check=True)
    for number, stream in enumerate(_seeds()):
        (folder / f"seed_{number:03d}.arrow").write_bytes(stream)
    command = [H2OLocalServer._find_java(), "-Xmx2g", *extension.ADD_OPENS, "-cp", path]
    command += ["hex.gan.arrow.FuzzStreams", str(folder)]
    command += map(str, (options.port, options.compare, options.count, options.seconds))
    process = subprocess.Popen([*command, str(options.seed)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        wrong = _compare(process.stdout, folder)
        status = process.wait()
    finally:
        process.kill()
    print(f"what failed is in {folder}")
    return int(bool(status or wrong))


def _compare(pairs: IO[bytes], folder: Path) -> int:
    """Compare what was taken in with what came out. Returns how many differ."""
    compared = wrong = unread = 0
    while pair := _pair(pairs):
        sent, got = pair
        try:
            expected = _table(sent)
        except (pa.ArrowException, OSError, ValueError):
            # What pyarrow refuses is no table that the cluster could have got wrong.
            unread += 1
            continue
        compared += 1
        if difference := _difference(_table(got), expected):
            wrong += 1
            (folder / f"wrong_{wrong}.arrow").write_bytes(sent)
            print(f"wrong_{wrong}: {difference}", file=sys.stderr)
    print(f"compared with pyarrow: {compared}, wrong: {wrong}; refused by pyarrow: {unread}")
    return wrong


def _pair(source: IO[bytes]) -> tuple[bytes, bytes] | None:
    first = _bytes(source)
    second = _bytes(source)
    return None if first is None or second is None else (first, second)


def _bytes(source: IO[bytes]) -> bytes | None:
    length = source.read(4)
    return source.read(struct.unpack(">i", length)[0]) if length else None


def _table(stream: bytes) -> pa.Table:
    table = pa.ipc.open_stream(stream).read_all()
    table.validate(full=True)
    return table


def _difference(got: pa.Table, sent: pa.Table) -> str | None:
    """What is not as H2O holds it; None where all is."""
    if got.schema.names != sent.schema.names:
        return f"names {got.schema.names} instead of {sent.schema.names}"
    if got.num_rows != sent.num_rows:
        return f"{got.num_rows} rows instead of {sent.num_rows}"
    for name, is_, was in zip(got.schema.names, got.columns, sent.columns, strict=True):
        values, expected = _values(is_, was)
        if values != expected:
            pairs = zip(values, expected, strict=True)
            row = next(i for i, (one, other) in enumerate(pairs) if one != other)
            return (
                f"column {name!r} of {was.type} became {is_.type}: row {row} is "
                f"{values[row]!r} instead of {expected[row]!r}"
            )
    return None


def _values(got: pa.ChunkedArray, sent: pa.ChunkedArray) -> tuple[list[object], list[object]]:
    """Both columns in one notation: levels and texts as text, times in ms, numbers as Python's."""
    kind = sent.type
    if pa.types.is_dictionary(kind):
        return _texts(got), _texts(sent)
    if pa.types.is_boolean(kind):
        return _texts(got), [None if one is None else str(one) for one in sent.to_pylist()]
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _milliseconds(got), _milliseconds(sent)
    if isinstance(kind, pa.BaseExtensionType):
        return _storage(got), _storage(sent)
    if pa.types.is_decimal(kind):
        return _numbers(got), _decimals(sent)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind):
        return _numbers(got), _numbers(sent)
    return _texts(got), _texts(sent)


def _texts(column: pa.ChunkedArray) -> list[object]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    return list(column.to_pylist())


def _storage(column: pa.ChunkedArray) -> list[object]:
    return [one for chunk in column.chunks for one in chunk.storage.to_pylist()]


def _milliseconds(column: pa.ChunkedArray) -> list[object]:
    kind = column.type
    if kind == pa.date32():
        numbers, unit = column.cast(pa.int32()).to_pylist(), "d"
    else:
        numbers, unit = column.cast(pa.int64()).to_pylist(), getattr(kind, "unit", "ms")
    times = {"d": (86_400_000, 1), "s": (1000, 1), "ms": (1, 1), "us": (1, 1000), "ns": (1, 10**6)}
    factor, part = times[unit]
    return [None if one is None else one * factor // part for one in numbers]


def _decimals(column: pa.ChunkedArray) -> list[object]:
    """From their bytes: Python's conversion refuses those that have more digits than they may."""
    width, found = column.type.byte_width, list[object]()
    for chunk in column.chunks:
        data = memoryview(chunk.buffers()[1])[chunk.offset * width :]
        for row, valid in enumerate(chunk.is_valid().to_pylist()):
            number = int.from_bytes(data[row * width : (row + 1) * width], "little", signed=True)
            found.append(
                float(Decimal(number).scaleb(-column.type.scale, _EXACT)) if valid else None
            )
    return found


def _numbers(column: Iterable[object]) -> list[object]:
    """NaN is a missing number in H2O; all others compare as Python's do, 1 and 1.0 alike."""
    values = column.to_pylist() if isinstance(column, pa.ChunkedArray) else column
    return [None if one is None or one != one else one for one in values]


def _seeds() -> Iterator[bytes]:
    """Real streams of every kind of column, with and without rows, batches, nulls, deltas."""
    random = np.random.default_rng(0)
    texts = ["", "a", "längere", "日本", "a text that is longer than the twelve bytes of a view"]
    text = pa.array([*texts, None] * 4)
    numbers = random.integers(-100, 100, 24)
    nulls = random.random(24) < 0.2
    columns = {
        "null": pa.nulls(24),
        "bool": pa.array(numbers > 0, mask=nulls),
        **{str(kind): pa.array(np.abs(numbers), kind, mask=nulls) for kind in _INTEGERS},
        "half": pa.array(numbers.astype(np.float16), mask=nulls),
        "float": pa.array(numbers / 4, pa.float32(), mask=nulls),
        "double": pa.array(numbers / 3, mask=nulls),
        "zeros": pa.array(np.where(numbers > 90, numbers, 0)),
        "decimal": pc.cast(pa.array(numbers), pa.decimal128(21, 2)),
        "decimal256": pc.cast(pa.array(numbers), pa.decimal256(40, 3)),
        "date": pa.array(numbers, pa.int32()).cast(pa.date32()),
        "date64": pa.array(numbers * 86_400_000).cast(pa.date64()),
        **{unit: pa.array(numbers).cast(pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")},
        "text": text,
        "large text": text.cast(pa.large_string()),
        "text view": text.cast(pa.string_view()),
        "enum": text.dictionary_encode(),
        "enum of bytes": text.dictionary_encode().cast(pa.dictionary(pa.uint8(), pa.string())),
        "large enum": text.cast(pa.large_string()).dictionary_encode(),
        "uuid": pa.ExtensionArray.from_storage(
            pa.uuid(), pa.array([random.bytes(16) for _ in range(24)], pa.binary(16))
        ),
    }
    everything = pa.table(columns)
    yield _stream(everything)
    yield _stream(everything, 7)
    yield _stream(everything.slice(0, 0))
    for name in columns:
        yield _stream(everything.select([name]))
        yield _stream(everything.select([name, "double"]).slice(3, 5), 2)
    yield _stream(pa.table({"x": random.normal(size=3000)}), 1000)
    yield _stream(pa.table({f"x{i}": [i] for i in range(40)}))
    # What the cluster has nothing for.
    yield _stream(pa.table({"list": [[1, 2], None]}))
    yield _stream(pa.table({"struct": [{"a": 1}, None]}))
    yield _stream(pa.table({"bytes": [b"1", None]}))
    growing = [text.slice(0, 3).dictionary_encode(), text.dictionary_encode()]
    schema = pa.schema({"grows": growing[0].type})
    for deltas in (False, True):
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)
        with pa.ipc.new_stream(sink, schema, options=options) as writer:
            for array in growing:
                writer.write_batch(pa.record_batch([array], schema=schema))
        yield sink.getvalue().to_pybytes()
    yield _stream(everything.select(["double", "text"]), compression="lz4")


def _stream(table: pa.Table, rows: int | None = None, compression: str | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rows)
    stream: bytes = sink.getvalue().to_pybytes()
    return stream
