"""The entries of a model file, a zip, with bounds that are checked before they are read.

The bounds hold for the file's type and size, the size of the zip's directory, the size and depth of
the JSON, and the number of tensors.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
import zipfile
import zlib
from typing import IO, Any

from h2o_gan.engine.exceptions import Damaged

__all__ = [
    "COLUMNS",
    "ENCODER",
    "MANIFEST",
    "MAX_DEFLATED_BYTES",
    "MAX_MANIFEST_BYTES",
    "TRAINING",
    "WEIGHTS",
    "parsed",
    "read_entries",
]

MANIFEST, WEIGHTS = "model.json", "weights.safetensors"
COLUMNS, TRAINING = "columns.safetensors", "training.safetensors"
ENCODER = "encoder.safetensors"  # up to format 2, in place of COLUMNS
MAX_MANIFEST_BYTES = 64 * 2**20

_TENSORS = (WEIGHTS, TRAINING, COLUMNS, ENCODER)
_UNREADABLE = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError)
MAX_DEFLATED_BYTES = 2**28
"""Largest size of a compressed entry, uncompressed; larger entries are stored."""

_PIECE = 2**20

_MAX_BYTES = 2**31 - 1  # larger zips have another structure
_DIRECTORY_END = 22  # bytes
_MAX_ENTRIES, _MAX_DIRECTORY = 64, 2**16
_MAX_CONTAINERS, _MAX_DEPTH = 500_000, 64
_DTYPES = {
    b"BOOL",
    b"U8",
    b"I8",
    b"I16",
    b"U16",
    b"I32",
    b"U32",
    b"I64",
    b"U64",
    b"F16",
    b"F32",
    b"F64",
}
_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_MAX_HEADER_BYTES, _MAX_TENSORS = 32 * 2**20, 300_000


def read_entries(path: str | os.PathLike[str] | IO[bytes]) -> dict[str, bytes]:
    """Read the entries of a model file.

    Args:
        path: of the file, or an open file, which may be in memory.

    Returns:
        The bytes by name of the entry: manifest, weights, and arrays of columns or encoder.

    Raises:
        Damaged: the file is not a model file, or exceeds a bound.
        OSError: the file cannot be read.
    """
    if not isinstance(path, str | os.PathLike):
        return _checked_entries(path, path.seek(0, os.SEEK_END))
    # Without O_NONBLOCK, opening a named pipe waits for a writer.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        os.close(handle)
        raise Damaged("it is not a regular file")
    with os.fdopen(handle, "rb") as file:
        return _checked_entries(file, facts.st_size)


def _checked_entries(file: IO[bytes], size: int) -> dict[str, bytes]:
    if size > _MAX_BYTES:
        raise Damaged(f"its {size:,} bytes are more than a model has")
    _check_directory(file, size)
    try:
        return _entries(file, size)
    # OSError too: offsets that point nowhere make the file system complain.
    except (*_UNREADABLE, OSError, ValueError) as error:
        raise Damaged(str(error)) from error


def _check_directory(file: IO[bytes], size: int) -> None:
    """Check the size of the zip's directory, all of which zipfile reads entry by entry."""
    file.seek(max(size - _DIRECTORY_END - 2**16, 0))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _DIRECTORY_END:
        raise Damaged("it is not a zip, or it is truncated")
    entries = int.from_bytes(tail[at + 10 : at + 12], "little")
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    if entries > _MAX_ENTRIES or directory > _MAX_DIRECTORY or b"PK\6\7" in tail[:at][-20:]:
        raise Damaged("it is a zip, but not an h2o_gan model")


def _entries(file: IO[bytes], size: int) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        infos = {info.filename: info for info in archive.infolist()}
        if (
            not {MANIFEST, WEIGHTS} <= set(infos)
            or not {COLUMNS, ENCODER} & set(infos)
            or len(infos) != len(archive.infolist())
        ):
            raise Damaged("it is a zip, but not an h2o_gan model")
        names = [name for name in (MANIFEST, *_TENSORS) if name in infos]
        for name in names:
            info = infos[name]
            packed = name == COLUMNS and info.compress_type == zipfile.ZIP_DEFLATED
            most = MAX_DEFLATED_BYTES if packed else size
            if (info.compress_type != zipfile.ZIP_STORED and not packed) or info.file_size > most:
                raise Damaged(f"its entry {name} is compressed or lies about its size")
            if info.flag_bits & 1:
                raise Damaged(f"its entry {name} is encrypted")
        if infos[MANIFEST].file_size > MAX_MANIFEST_BYTES:
            raise Damaged(f"its entry {MANIFEST} is too large")
        for name in names[1:]:
            with archive.open(infos[name]) as entry:
                _check_header(entry, infos[name].file_size, name)
        return {name: _read(archive, infos[name]) for name in names}


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Read an entry, without decompressing more than its stated size."""
    parts, left = [], info.file_size
    with archive.open(info) as entry:
        while left and (part := entry.read(min(left, _PIECE))):
            parts.append(part)
            left -= len(part)
    if left:
        raise Damaged(f"its entry {info.filename} is shorter than stated")
    return b"".join(parts)


def _check_header(entry: IO[bytes], size: int, name: str) -> None:
    length = int.from_bytes(entry.read(8), "little")
    if length > min(size - 8, _MAX_HEADER_BYTES):
        raise Damaged(f"the header of its entry {name} is too long")
    header = entry.read(length)
    # Every tensor is one object inside the header's object.
    if header.count(b"{") > _MAX_TENSORS or header.count(b"[") > 2 * _MAX_TENSORS:
        raise Damaged(f"its entry {name} has too many tensors")
    if b"\\" in header:
        raise Damaged(f"the header of its entry {name} has escaped characters")
    unknown = set(re.findall(rb'"dtype"\s*:\s*"([^"]*)"', header)) - _DTYPES
    if unknown:
        shown = min(unknown).decode(errors="replace")
        raise Damaged(f"its entry {name} has tensors of the unknown type {shown!r:.30}")


def parsed(text: bytes) -> Any:
    """Parse the JSON of a manifest.

    Args:
        text: UTF-8 encoded.

    Raises:
        Damaged: it is not valid JSON, is too large or too deep, or has a number that is not finite
            or exceeds 64 bits.
    """
    # Brackets inside of texts count too, unless there are many: removing texts takes time.
    if _brackets(text) > _MAX_CONTAINERS and _brackets(_TEXTS.sub(b"", text)) > _MAX_CONTAINERS:
        raise Damaged("its description has too many parts")
    try:
        data = json.loads(
            text, parse_int=_whole, parse_float=_finite, parse_constant=_refuse_constant
        )
        if _depth(data) > _MAX_DEPTH:
            raise Damaged("its description is nested too deeply")
        json.dumps(data, ensure_ascii=False).encode()  # refuses lone surrogates
    except (ValueError, RecursionError) as error:  # only json is called here
        raise Damaged(f"its description is not valid JSON: {error!s:.100}") from error
    return data


def _brackets(text: bytes) -> int:
    return text.count(b"{") + text.count(b"[")


def _depth(data: Any) -> int:
    level, depth = [data], 0
    while level and depth <= _MAX_DEPTH:
        depth += 1
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        level = [item for item in inner if isinstance(item, dict | list)]
    return depth


def _whole(text: str) -> int:
    number = int(text) if len(text) < 25 else 2**63
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{text:.30} is not a 64-bit number")
    return number


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.30} is too large a number")
    return number


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number")
