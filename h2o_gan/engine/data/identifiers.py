"""New values for text that identifies rows: customer numbers, order codes, hex digests, UUIDs.

Such a column has nothing to learn but the form of its values: patterns, which list the characters
that each position may have. A row's value follows from the seed and the row's index alone, and no
value of the training rows is ever generated.

To exclude those, a model file holds 64-bit hashes of the training values. Values of large spaces
(UUIDs, hex digests) cannot be recovered from the hashes. Values of short patterns can be found by
trying all, and anyone can test whether a value that they know was in the training rows.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from h2o_gan.engine.exceptions import Damaged

__all__ = ["Identifiers", "Pattern", "fit_identifiers"]

Array = npt.NDArray[Any]

MAX_PATTERNS = 50
MAX_LENGTH = 200

_MIN_VALUES = 5  # that agree on a literal character; distinct ones that a column has
_COVERED, _DISTINCT = 0.95, 0.9  # shares of the values
_ROOM = 64  # literal digits are given up until a pattern has so many times its values
_BLOCK, _ROUND = 2**16, 1024  # rows at a time; rows in which each pattern has its share
_LISTED = 2**20  # values of a space up to which all are listed
_ATTEMPTS = 64  # at most half of a fitted pattern's values are taken
_GOLDEN = 0x9E3779B97F4A7C15

_HEX = digits + "abcdef"
_CLASSES = [digits, "abcdef", "ABCDEF", _HEX, _HEX.upper(), ascii_lowercase, ascii_uppercase]
_CLASSES += [digits + ascii_lowercase, digits + ascii_uppercase, ascii_letters]
_CLASSES += [digits + ascii_letters]  # from the smallest to the largest
_DIGIT, _UPPER, _LOWER, _ALNUM = "\1\2\3\4"  # what a shape has in place of a character
_FINE = str.maketrans(digits + ascii_letters, _DIGIT * 10 + _LOWER * 26 + _UPPER * 26)
_COARSE = str.maketrans(digits + ascii_letters, _ALNUM * 62)
_MARKS = _DIGIT + _UPPER + _LOWER + _ALNUM
_UUID = "-".join(_ALNUM * n for n in (8, 4, 4, 4, 12))
_UUID_LOOK = [mark if mark == "-" else True for mark in _UUID]
_PROSE = re.compile(r"[^\W\d_]{2,}\s+[^\W\d_]{2,}")  # words with a space between them
_MARK = re.compile(r"[\d_@]")  # what identifiers have and words have not


@dataclass(frozen=True)
class Pattern:
    """The characters that each position of a value may have.

    Attributes:
        chars: the characters of each position.
        weight: number of distinct training values with this pattern.
    """

    chars: tuple[str, ...]
    weight: int

    @property
    def space(self) -> int:
        """The number of values with this pattern."""
        return math.prod(map(len, self.chars))

    @cached_property
    def counted(self) -> tuple[int, int]:
        """The first of the last positions that a number decides, and how many numbers there are."""
        first, size = len(self.chars), 1
        while first and size * len(self.chars[first - 1]) <= 2**32:
            first -= 1
            size *= len(self.chars[first])
        return first, size

    def render(self, numbers: Array, noise: Array) -> list[bytes]:
        """Values of the pattern, distinct for distinct numbers.

        Args:
            numbers: (rows,) uint64, below the second of :attr:`counted`.
            noise: (rows,) uint64, decides the positions that the numbers do not.
        """
        text = np.empty((len(numbers), len(self.chars)), np.uint8)
        for position in range(len(self.chars) - 1, -1, -1):
            chars = self.chars[position]
            if position >= self.counted[0]:
                numbers, code = np.divmod(numbers, np.uint64(len(chars)))
            else:
                code = _mix(noise + np.uint64(position)) % np.uint64(len(chars))
            text[:, position] = np.frombuffer(chars.encode(), np.uint8)[code.astype(np.intp)]
        return text.view(f"S{len(self.chars)}").ravel().tolist()  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Identifiers:
    """A text or UUID column whose values identify rows.

    Attributes:
        name: of the column.
        kind: "string" or "uuid".
        missing_share: share of missing values.
        patterns: of new values.
        hashes: (training values,) uint64, ascending.
    """

    name: str
    kind: str
    missing_share: float
    patterns: tuple[Pattern, ...]
    hashes: Array = field(repr=False, compare=False)

    def values(self, start: int, count: int, seed: int) -> pa.Array:
        """The values of rows `start` to `start + count` of a sample.

        Values are distinct as long as their pattern has new ones. Two rows may rarely share a value
        if a pattern has over 2**20 values, but less than twice those that training rows have.

        Args:
            start: index of the first row.
            count: number of rows.
            seed: of the sample.

        Returns:
            (count,) text or UUIDs; the same whatever other rows are asked for.

        Raises:
            ValueError: rows are negative or beyond 2**60, or no new value is left, which does not
                happen to a fitted column.
        """
        if start < 0 or count < 0 or start + count > 2**60:
            raise ValueError(f"rows {start} to {start + count} are not rows of a sample")
        type_ = pa.binary(16) if self.kind == "uuid" else pa.string()
        parts = [
            pa.array(self._block(at, min(_BLOCK, start + count - at), seed), type_)
            for at in range(start, start + count, _BLOCK)
        ]
        array = pa.concat_arrays([pa.array([], type_), *parts])
        if self.kind == "uuid":
            return pa.ExtensionArray.from_storage(pa.uuid(), array)
        return array

    def _block(self, start: int, count: int, seed: int) -> list[bytes | str | None]:
        rows = np.arange(start, start + count, dtype=np.uint64)
        # Each round of rows has every pattern in its share, in an order that the seed decides.
        weights = np.array([pattern.weight for pattern in self.patterns], np.float64)
        ends = np.rint(np.cumsum(weights) / weights.sum() * _ROUND).astype(np.int64)
        order = np.argsort(_mix(np.arange(_ROUND, dtype=np.uint64) + self._key(seed, "order")))
        owners = np.searchsorted(ends, order, side="right")
        turn, slot = np.divmod(rows, np.uint64(_ROUND))
        texts = np.empty(count, object)
        for index in range(len(self.patterns)):
            before = np.cumsum(owners == index).astype(np.uint64)  # and this one
            mine = np.flatnonzero(owners[slot.astype(np.intp)] == index)
            rank = turn[mine] * before[-1] + before[slot[mine].astype(np.intp)] - np.uint64(1)
            texts[mine] = self._fresh(index, rows[mine], rank, seed)
        chance = _mix(rows * np.uint64(_GOLDEN) + self._key(seed, "missing"))
        texts[(chance >> np.uint64(11)) * 2.0**-53 < self.missing_share] = None
        if self.kind == "uuid":
            return [t and bytes.fromhex(t.decode().replace("-", "")) for t in texts]
        return [t and t.decode() for t in texts]

    def _fresh(self, index: int, rows: Array, rank: Array, seed: int) -> list[bytes]:
        """New values of one pattern; `rank` counts the rows of this pattern."""
        pattern, free = self.patterns[index], self._free[index]
        size = pattern.counted[1] if free is None else len(free)
        if not size:
            raise ValueError(f"column {self.name!r}: no new value is left")
        shift, factor = (int(self._key(seed, f"{what} {index}")) for what in ("shift", "factor"))
        factor %= size
        while math.gcd(factor, size) != 1:
            factor += 1
        # A taken value is replaced by the value of a number at the end, by its index among the
        # hashes. No two values lead to one number, so other rows never get the same one.
        distinct = 2 * len(self.hashes) <= size
        texts, left, at = [b""] * len(rows), np.arange(len(rows)), rank % np.uint64(size)
        for attempt in range(_ATTEMPTS):
            number = (at * np.uint64(factor) + np.uint64(shift % size)) % np.uint64(size)
            noise = _mix(rows[left] * np.uint64(_GOLDEN) + self._key(seed, f"{index} {attempt}"))
            tried = pattern.render(number if free is None else free[number.astype(np.intp)], noise)
            for row, text in zip(left.tolist(), tried, strict=True):
                texts[row] = text
            if free is not None:
                return texts
            nearest, taken = self._nearest(tried)
            left = left[taken]
            if not len(left):
                return texts
            if distinct:
                at = nearest[taken].astype(np.uint64) + np.uint64(size - len(self.hashes))
            else:
                at = (at[taken] + np.uint64(int(0.618 * size))) % np.uint64(size)
        raise ValueError(f"column {self.name!r}: no new value is left")

    @cached_property
    def _free(self) -> list[Array | None]:
        """For each pattern the numbers of its new values, shuffled; None if there are too many."""
        found: list[Array | None] = []
        for pattern in self.patterns:
            if pattern.space * len(self.patterns) > _LISTED:
                found.append(None)
                continue
            numbers = np.arange(pattern.space, dtype=np.uint64)
            numbers = numbers[~self._nearest(pattern.render(numbers, numbers))[1]]
            found.append(numbers[np.argsort(_mix(numbers))])
        return found

    def _nearest(self, texts: Sequence[bytes]) -> tuple[Array, Array]:
        """The index of each text among the training values, and whether it is one of them."""
        hashes = _hashes(texts)
        nearest = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        return nearest, self.hashes[nearest] == hashes

    def _key(self, seed: int, purpose: str) -> np.uint64:
        """64 bits that depend on the seed, the purpose and the column."""
        key: np.uint64 = _hashes([f"{seed} {purpose} {self.name}".encode()])[0]
        return key

    def to_json(self) -> dict[str, Any]:
        """The JSON part of the state."""
        patterns = [{"chars": list(p.chars), "weight": p.weight} for p in self.patterns]
        head = {"codec": "identifiers", "name": self.name, "kind": self.kind}
        return {**head, "missing_share": self.missing_share, "patterns": patterns}

    def arrays(self) -> dict[str, Array]:
        """The array part of the state."""
        return {"hashes": self.hashes}

    @classmethod
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> Identifiers:
        """Inverse of :meth:`to_json` and :meth:`arrays`.

        Raises:
            Damaged: the state is not one of identifiers.
        """
        name, kind, missing = (data.get(key) for key in ("name", "kind", "missing_share"))
        items, hashes = data.get("patterns"), arrays.get("hashes")
        if (
            not isinstance(name, str)
            or not isinstance(kind, str)
            or kind not in ("string", "uuid")
            or not isinstance(missing, float)
            or not 0 <= missing < 1
            or not isinstance(items, list)
            or not 0 < len(items) <= MAX_PATTERNS
            or not isinstance(hashes, np.ndarray)
            or hashes.dtype != np.uint64
            or hashes.ndim != 1
            or not len(hashes)
            or (hashes[1:] <= hashes[:-1]).any()
        ):
            raise Damaged(f"not an identifier column: {name!r:.200}")
        return cls(name, kind, missing, tuple(_restored(item, kind) for item in items), hashes)


def fit_identifiers(name: str, values: pa.ChunkedArray, force: bool = False) -> Identifiers | None:
    """Find the patterns of a text or UUID column.

    Args:
        name: of the column.
        values: its values.
        force: whether the user says that the values are identifiers.

    Returns:
        The identifiers; None for free text, words of letters alone, and columns with fewer than 5
        distinct values or many that repeat. With `force`, None only if there is no value.
    """
    kind = "uuid" if isinstance(values.type, pa.UuidType) else "string"
    if kind == "uuid":
        chunks = [chunk.storage.cast(pa.binary()) for chunk in values.chunks]
        values = pa.chunked_array(chunks, pa.binary())
        known = [str(UUID(bytes=value)) for value in values.drop_null().unique().to_pylist()]
    else:
        values = values.cast(pa.large_string())
        known = values.drop_null().unique().to_pylist()
    present = len(values) - values.null_count
    texts = [text for text in known if 0 < len(text) <= MAX_LENGTH]
    enough = len(known) >= max(_MIN_VALUES, _DISTINCT * present)
    if not texts or not (force or enough):
        return None
    plain = [re.sub("[^ -~]", "a", text) for text in texts]
    fine, coarse = ([text.translate(table) for text in plain] for table in (_FINE, _COARSE))
    runs = [re.sub(r"(.)\1+", r"\1", shape) for shape in fine]  # as in e-mail addresses
    fits = [_share(shapes) * len(texts) / len(known) >= _COVERED for shapes in (fine, coarse, runs)]
    coarsely = fits[1] and not fits[0] and len(set(coarse)) <= len(set(runs))
    shapes = coarse if kind == "uuid" or coarsely else fine
    prose = sum(_PROSE.search(text) is not None for text in texts)
    words = sum(_MARK.search(text) is None for text in texts)
    worded = prose > len(texts) / 20 or (words > len(texts) / 2 and len(set(shapes)) > 1)
    if not force and kind == "string" and (worded or not any(fits)):
        return None
    patterns = _patterns(plain, shapes, kind)
    hashes = np.unique(_hashes([text.encode() for text in known]))
    return Identifiers(name, kind, values.null_count / len(values), patterns, hashes)


def _patterns(texts: list[str], shapes: list[str], kind: str) -> tuple[Pattern, ...]:
    """Patterns of the most frequent shapes, if they have room for new values."""
    groups: dict[str, list[str]] = {}
    for text, shape in zip(texts, shapes, strict=True):
        if shape == _UUID:  # version and variant are part of the pattern
            shape = shape[:14] + text[14] + shape[15:19] + text[19] + shape[20:]
        groups.setdefault(shape, []).append(text)
    common = sorted(groups, key=lambda shape: -len(groups[shape]))[:MAX_PATTERNS]
    common = [shape for shape in common if len(groups[shape]) >= _MIN_VALUES] or common
    patterns = [_pattern(shape, groups[shape], kind) for shape in common]
    roomy = [pattern for pattern in patterns if pattern.space >= 2 * pattern.weight]
    if not roomy:  # new values get one more digit
        chars, last = list(patterns[0].chars), max(map(common[0].rfind, _MARKS)) + 1
        chars.insert(last, digits)
        roomy = [Pattern(tuple(chars), patterns[0].weight)]
    return tuple(roomy)


def _pattern(shape: str, texts: list[str], kind: str) -> Pattern:
    """The pattern of texts of one shape."""
    codes = np.array(texts, f"S{len(shape)}").view(np.uint8).reshape(len(texts), -1)
    seen = ["".join(map(chr, np.unique(column).tolist())) for column in codes.T]
    literal = [len(here) == 1 and len(texts) >= _MIN_VALUES for here in seen]
    used: dict[str, set[str]] = {mark: set() for mark in _MARKS}
    for mark, here, alone in zip(shape, seen, literal, strict=True):
        if mark in used and not alone:  # "urn:uuid:" doesn't make hex digits letters of any kind
            used[mark].update(here)
    wide = list(seen)
    for position, mark in enumerate(shape):
        if mark in _MARKS:
            fits = next(
                chars for chars in _CLASSES if used[mark] | set(seen[position]) <= set(chars)
            )
            wide[position] = _HEX if kind == "uuid" else fits
            if (
                wide[position] == digits
                and "0" not in seen[position]
                and shape[:position][-1:] != mark
            ):
                wide[position] = digits[1:]  # no number begins with 0
    chars = [s if alone else w for s, w, alone in zip(seen, wide, literal, strict=True)]
    for position in range(len(chars) - 1, -1, -1):  # running numbers go on after the largest
        if math.prod(map(len, chars)) < _ROOM * len(texts) and (
            kind == "uuid" or chars[position] in digits
        ):
            chars[position] = wide[position]
    return Pattern(tuple(chars), len(texts))


def _restored(item: Any, kind: str) -> Pattern:
    """A pattern from JSON. Raises Damaged unless it is one with room for new values."""
    chars, weight = (item.get("chars"), item.get("weight")) if isinstance(item, dict) else (0, 0)
    if (
        not isinstance(chars, list)
        or not 0 < len(chars) <= MAX_LENGTH + 1
        or not all(isinstance(c, str) and re.fullmatch("[ -~]+", c) for c in chars)
        or not all(len(set(c)) == len(c) for c in chars)
        or type(weight) is not int
        or not 0 < weight < 2**53
        or (
            kind == "uuid" and [c if c == "-" else set(c) <= set(_HEX) for c in chars] != _UUID_LOOK
        )
    ):
        raise Damaged(f"not a pattern of identifiers: {item!r:.200}")
    pattern = Pattern(tuple(chars), weight)
    if pattern.space < 2 * weight:
        raise Damaged(f"a pattern of identifiers has no room: {item!r:.200}")
    return pattern


def _share(shapes: list[str]) -> float:
    """Share of the values that have one of the few most frequent shapes, repeated ones only."""
    common = Counter(shapes).most_common(MAX_PATTERNS)
    return sum(count for _, count in common if count > 1) / len(shapes)


def _hashes(texts: Sequence[bytes]) -> Array:
    joined = b"".join([blake2b(text, digest_size=8).digest() for text in texts])
    return np.frombuffer(joined, "<u8").astype(np.uint64, copy=False)


def _mix(numbers: Array) -> Array:
    """Splitmix64."""
    z = numbers + np.uint64(_GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Array = z ^ (z >> np.uint64(31))
    return mixed
