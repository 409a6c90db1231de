"""How each Arrow column travels to H2O inside a Parquet file.

H2O's Parquet parser loses information: it sorts levels by name and drops unused ones, drops
infinities, rounds most fractions in the last bit, reads microseconds as integers, and guesses types
from text. So values travel in a form that it reads exactly, helped by scaffold rows that are
removed in the cluster, and each column says how to repair what the parser made of it.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from h2o.exceptions import H2OValueError

from h2o_gan.cluster import rest

TIME = pa.timestamp("ms", "UTC")
_LONG_MIN = -(2**63)
_LONG_LIMIT = 2.0**63
_NA_UUID = bytes.fromhex("80000000000000000000000000000000")
_CODE_DIGITS = 8
"""Enough for H2O's limit of 10 million levels."""


class Column(ABC):
    """A column on its way to the cluster: encodes arrays for Parquet, and says how to repair them.

    Args:
        name: the column's name in H2O.
    """

    parse_type = "Numeric"
    """H2O's word for the type that the parser shall make of the column."""
    parquet_type: pa.DataType = pa.int64()
    missing_levels = 0
    """How many levels no row holds."""

    def __init__(self, name: str) -> None:
        self.name = name

    def encode_chunks(self, chunks: pa.ChunkedArray) -> pa.Array:
        """Encode a row group's values.

        Args:
            chunks: the values, at least one.

        Returns:
            An array of :attr:`parquet_type`.

        Raises:
            H2OValueError: H2O cannot hold a value.
        """
        return self.encode(chunks.combine_chunks())

    @abstractmethod
    def encode(self, array: pa.Array) -> pa.Array:
        """Encode one array; see :meth:`encode_chunks`."""

    def head(self, encoded: pa.Array) -> pa.Array | None:
        """The scaffold row that must stand before these encoded values; None for none."""
        return None

    def blank(self, rows: int) -> pa.Array:
        """Scaffold rows that this column does not need: nulls."""
        return pa.nulls(rows, self.parquet_type)

    def tail(self, rows: int) -> pa.Array:
        """Scaffold rows after the last row, `rows` of them, which bring in missing levels."""
        return self.blank(rows)

    def repair(self, column: str) -> str | None:
        """A Rapids expression that repairs the parsed ``column``; None where it needs none."""
        return None

    def _refuse(self, what: str, hint: str) -> H2OValueError:
        return H2OValueError(f"column {self.name!r} {what}; {hint}")


class IntColumn(Column):
    """Integers of any width, and columns of nulls only."""

    def encode(self, array: pa.Array) -> pa.Array:
        """Encode as int64; refuse -2**63, which means NA inside H2O."""
        try:
            array = array.cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise self._refuse(
                "holds integers above 2**63 - 1, which H2O cannot hold",
                "cast it to float64 or string",
            ) from error
        if pc.any(pc.equal(array, _LONG_MIN)).as_py():
            raise self._refuse(
                "holds -2**63, which means NA inside H2O", "make it null or cast it to float64"
            )
        return array


class RealColumn(Column):
    """Floating-point numbers and decimals."""

    parquet_type = pa.float64()
    _SUBNORMAL = pa.array([5e-324])

    def __init__(self, name: str) -> None:
        super().__init__(name)
        # H2O's parser makes NA of infinities, so they travel as two random numbers instead.
        self._stand_ins = {
            sign: sign * (1 + secrets.randbits(52) / 2**52) * 2.0**-700 for sign in (1, -1)
        }
        self._found: set[int] = set()

    def encode(self, array: pa.Array) -> pa.Array:
        """Encode as float64; infinities become the column's two stand-in numbers."""
        array = array.cast(pa.float64())
        values = array.to_numpy(zero_copy_only=False)
        finite = np.isfinite(values)
        if finite.all():
            return array
        nan = np.isnan(values)
        if not (finite | nan).all():
            values = values.copy()
            for sign, stand_in in self._stand_ins.items():
                infinite = values == sign * np.inf
                if infinite.any():
                    values[infinite] = stand_in
                    self._found.add(sign)
        return pa.array(values, mask=nan)

    def head(self, encoded: pa.Array) -> pa.Array | None:
        # H2O's parser takes fractions apart into decimal digits and exponent, which costs most of
        # them their last bit, until it meets a subnormal: from there on it keeps doubles.
        """A subnormal before fractions: from there on H2O's parser keeps doubles exactly."""
        values = encoded.drop_null().to_numpy()
        if (values == np.rint(values)).all() and (np.abs(values) < _LONG_LIMIT).all():
            return None
        return self._SUBNORMAL

    def repair(self, column: str) -> str | None:
        """Replace the stand-in numbers by infinities."""
        if not self._found:
            return None
        expression = column
        for sign in sorted(self._found):
            where = f"(== {column} {self._stand_ins[sign]!r})"
            # Not an assignment into the column: H2O may put a neighbouring value there instead.
            expression = f"(ifelse {where} (/ {sign} 0) {expression})"
        return expression


class TimeColumn(Column):
    """Points in time, to the millisecond."""

    parse_type = "Time"
    parquet_type = TIME

    def encode(self, array: pa.Array) -> pa.Array:
        """Encode as milliseconds in UTC, rounded down."""
        try:
            if pa.types.is_timestamp(array.type) and array.type.unit in ("us", "ns"):
                # A plain cast would round towards 1970, not down.
                per_ms = {"us": 1_000, "ns": 1_000_000}[array.type.unit]
                ticks = array.cast(pa.int64())
                down = pc.less(pc.subtract(ticks, pc.multiply(pc.divide(ticks, per_ms), per_ms)), 0)
                ms = pc.subtract(pc.divide(ticks, per_ms), down.cast(pa.int64()))
            else:
                ms = array.cast(pa.timestamp("ms", getattr(array.type, "tz", None)))
        except pa.ArrowInvalid as error:
            raise self._refuse(
                "holds times too far from 1970 for milliseconds", "make them null"
            ) from error
        ms = ms.cast(pa.int64())
        if pc.any(pc.equal(ms, _LONG_MIN)).as_py():
            raise self._refuse("holds a time that means NA inside H2O", "make it null")
        return ms.cast(TIME)


class StringColumn(Column):
    """Text that stays text."""

    parse_type = "String"
    parquet_type = pa.string()

    def encode(self, array: pa.Array) -> pa.Array:
        """Encode as string."""
        return array.cast(pa.string())


_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_DIGIT_POSITIONS = [i for i in range(36) if i not in (8, 13, 18, 23)]


class UuidColumn(Column):
    """UUIDs, which travel as text."""

    parse_type = "UUID"
    parquet_type = pa.string()

    def encode(self, array: pa.Array) -> pa.Array:
        """Encode as text of 36 characters; refuse the uuids that H2O mixes up."""
        storage = array.storage
        if pc.any(pc.equal(storage, pa.scalar(_NA_UUID, pa.binary(16)))).as_py():
            raise self._refuse(
                "holds the uuid 80000000-0000-0000-0000-000000000000, which means NA inside H2O",
                "make it null or cast the column to string",
            )
        nil = pc.sum(pc.equal(storage, pa.scalar(b"\0" * 16, pa.binary(16)))).as_py() or 0
        if 8 * (len(array) - nil) <= len(array):
            raise self._refuse(
                "holds almost only the nil uuid, which H2O would mix up", "cast it to string"
            )
        full = pc.fill_null(storage, b"\0" * 16)
        values = np.frombuffer(full.buffers()[1], np.uint8)[16 * full.offset :]
        values = values[: 16 * len(full)].reshape(-1, 16)
        text = np.full((len(full), 36), ord("-"), np.uint8)
        text[:, _DIGIT_POSITIONS[0::2]] = _HEX[values >> 4]
        text[:, _DIGIT_POSITIONS[1::2]] = _HEX[values & 15]
        offsets = np.arange(0, text.size + 1, 36, dtype=np.int32)
        plain = pa.StringArray.from_buffers(
            len(full), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(text))
        )
        return pc.if_else(storage.is_valid(), plain, None) if storage.null_count else plain


class EnumColumn(Column):
    """Levels, which travel as numbers whose alphabetical order is the levels' order."""

    parse_type = "Enum"
    parquet_type = pa.dictionary(pa.int32(), pa.string())

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._levels: list[str] = []
        self._code_of: dict[str, int] = {}
        self._used = np.zeros(0, bool)
        self._codes = pa.array([], pa.string())
        self._last_dictionary: pa.Array | None = None
        self._map: pa.Array | None = None

    def encode_chunks(self, chunks: pa.ChunkedArray) -> pa.Array:
        """Encode a row group; note which levels occur."""
        codes = pa.concat_arrays([self.encode(chunk) for chunk in chunks.chunks])
        self._used[codes.drop_null().to_numpy()] = True
        return pa.DictionaryArray.from_arrays(codes, self._codes)

    def encode(self, array: pa.Array) -> pa.Array:
        """Encode as int32 codes of all levels so far."""
        if self._last_dictionary is None or not array.dictionary.equals(self._last_dictionary):
            self._add_levels(array.dictionary)
        assert self._map is not None
        return self._map.take(array.indices.cast(pa.int64()))

    def _add_levels(self, dictionary: pa.Array) -> None:
        # Each batch may have another dictionary, with repeats and nulls among its values.
        self._last_dictionary = dictionary
        values = dictionary.cast(pa.string()).to_pylist()
        for value in values:
            if value is not None and value not in self._code_of:
                self._code_of[value] = len(self._levels)
                self._levels.append(value)
        codes = [None if value is None else self._code_of[value] for value in values]
        self._map = pa.array(codes, pa.int32())
        added = len(self._levels) - len(self._codes)
        if added:
            self._used = np.concatenate([self._used, np.zeros(added, bool)])
            numbers = pa.array(range(len(self._levels)), pa.int32()).cast(pa.string())
            self._codes = pc.utf8_lpad(numbers, _CODE_DIGITS, "0")

    @property
    def missing_levels(self) -> int:  # type: ignore[override]
        # H2O makes no enum of a column without values; `repair` does.
        """How many levels occur in no row; 0 where no level occurs at all."""
        return int((~self._used).sum()) if self._used.any() else 0

    def blank(self, rows: int) -> pa.Array:
        """Scaffold rows that this column does not need: nulls."""
        return pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int32()), self._codes)

    def tail(self, rows: int) -> pa.Array:
        """Scaffold rows that bring in the missing levels."""
        codes: npt.NDArray[np.int32] = np.zeros(rows, np.int32)
        codes[: self.missing_levels] = np.flatnonzero(~self._used)[: self.missing_levels]
        indices = pa.array(codes, mask=np.arange(rows) >= self.missing_levels)
        return pa.DictionaryArray.from_arrays(indices, self._codes)

    def repair(self, column: str) -> str | None:
        """Give the parsed codes their levels."""
        levels = rest.strings(self._levels)
        if self._used.any():
            return f"(setDomain {column} 1 {levels})"
        empty = f"(as.factor {column})"
        return f"(appendLevels {empty} 1 {levels})" if self._levels else empty


class BoolColumn(EnumColumn):
    """Booleans: an enum of ``False`` and ``True``, as in H2O's own parsers."""

    _LEVELS = pa.array(["False", "True"])

    def encode(self, array: pa.Array) -> pa.Array:
        """Encode as codes of the two levels."""
        return super().encode(pa.DictionaryArray.from_arrays(array.cast(pa.int8()), self._LEVELS))


def column_for(field: pa.Field) -> Column:
    """The column that carries an Arrow field to H2O.

    Raises:
        H2OValueError: H2O has no such type.
    """
    kind = field.type
    if isinstance(kind, pa.UuidType):
        return UuidColumn(field.name)
    is_ = pa.types
    if is_.is_integer(kind) or is_.is_null(kind):
        return IntColumn(field.name)
    if is_.is_floating(kind) or is_.is_decimal(kind):
        return RealColumn(field.name)
    if is_.is_boolean(kind):
        return BoolColumn(field.name)
    if is_.is_timestamp(kind) or is_.is_date(kind):
        return TimeColumn(field.name)
    if _is_text(kind):
        return StringColumn(field.name)
    if is_.is_dictionary(kind) and _is_text(kind.value_type):
        return EnumColumn(field.name)
    raise H2OValueError(
        f"column {field.name!r} is of Arrow type {kind}, which H2O has no type for; drop it, or "
        "cast it to a number, string, timestamp or dictionary of strings (nested columns: flatten "
        "them first)"
    )


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))
