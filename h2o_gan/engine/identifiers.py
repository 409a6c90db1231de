"""Fresh values for text that names rows: customer numbers, order codes, hashes, UUIDs.

Such a column holds nothing to learn, yet a table without it is not the same table. What is kept of
it is its look: for each position of a value the characters seen there, and numbers that count on
past the largest one. Prose has no such look and is refused.

A row's value follows from its number and the seed alone. The number goes through a keyed
permutation of the pattern's space, a Feistel network that cycle-walks into a range of any size
(Black & Rogaway 2002, "Ciphers with Arbitrary Finite Domains"), so values differ where rows do.

No value of the training rows ever comes out: a model keeps a salted 64-bit hash of each, and a
number whose value is among them is led to another one that no row has. The hashes keep the values
out of the file, and from those too many to enumerate (UUIDs, hex digests) nothing can be read
back. They don't hide whether a known value was there, nor, as the salt lies beside them, which
ones of a short pattern were: six digits are a million guesses. A model file is to be shared as
carefully as the list of identifiers.
"""

from __future__ import annotations

import re
import string
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from math import gcd, prod
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from h2o_gan.engine.schema import kind_of

__all__ = ["Identifiers", "Pattern", "fit_identifiers"]

Array = npt.NDArray[Any]

MAX_PATTERNS = 50
"""A column that needs more patterns than this is free text."""

MAX_LENGTH = 200
"""Characters of the longest identifier."""

_COVERED = 0.95  # share of the distinct values that patterns must explain
_DISTINCT = 0.9  # share of the present values that must be distinct
_SUPPORT = 5  # values that share a pattern, so that none is one row's own
_SAMPLE = 20_000  # values that patterns are learned from
_SLOTS = 4096  # rows of a round in which each pattern has its share
_BLOCK = 2**16  # rows at a time
_MOST_STEPS = 10_000
_GOLDEN = 0x9E3779B97F4A7C15

_HEX, _DIGITS, _LETTERS = "0123456789abcdef", string.digits, string.ascii_letters
_LOWER, _UPPER = string.ascii_lowercase, string.ascii_uppercase
_CLASSES = (_DIGITS, _LOWER, _UPPER, _HEX, _HEX.upper(), _DIGITS + _LOWER, _DIGITS + _UPPER)
_CLASSES += (_LETTERS, _DIGITS + _LETTERS, _DIGITS + _LETTERS + "_-", _DIGITS + _LETTERS + "+/=")
_UUID_FIXED = (12, 16)  # hex digits of a UUID that say its version and variant
_SPECIAL_UUIDS = ("0" * 32, "8" + "0" * 31)  # nil, and what H2O means by NA

_RUN = re.compile("[0-9]+")
_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+")
_UNSPEAKABLE = re.compile("[^aeiouyAEIOUY]{4}|^[^aeiouyAEIOUY]+$")


def _abstraction(*groups: str) -> dict[int, int]:
    return {ord(c): mark for mark, group in enumerate(groups, 1) for c in group}


# From the most to the least literal: a head that stays as it is, and what becomes of the rest.
_LEVELS = [
    (re.compile(head), _abstraction(*groups))
    for head, groups in (
        ("", (_DIGITS,)),
        ("[A-Za-z]*", (_DIGITS, _UPPER, _LOWER)),
        ("", (_DIGITS, _UPPER, _LOWER)),
        ("([A-Za-z]+(?=[^A-Za-z0-9]))?", ("", _DIGITS + _LETTERS)),
        ("", ("", _DIGITS + _LETTERS)),
        ("", ("", _DIGITS + _LETTERS + "_-+/=")),
    )
]


@dataclass(frozen=True)
class Pattern:
    """Values of one look: per position the characters it may have, and a running number or none.

    ``chars`` has one entry a position; the entry "" stands for the number. ``serial`` is None, or
    the number's least digits, its first value, and how many values are shuffled among each other.
    """

    chars: tuple[str, ...]
    slots: int  # of each _SLOTS rows
    known: int  # about how many training values look like this
    serial: tuple[int, int, int] | None = None

    @cached_property
    def _counted(self) -> int:
        """First of the positions that tell numbers apart; those before it are drawn at random."""
        first = len(self.chars)
        while first and prod(map(len, self.chars[first - 1 :])) <= 2**60:
            first -= 1
        return first

    @cached_property
    def size(self) -> int:
        """How many numbers have a value of their own, at most 2**60."""
        if self.serial:
            return int(10 ** max(len(str(self.serial[1])) + 2, 9))
        return prod(map(len, self.chars[self._counted :]))

    @property
    def capacity(self) -> int:
        """How many distinct fresh values there are for certain."""
        return min(self.size * 3 // 4, self.size - self.known - self.known // 2)

    @property
    def stride(self) -> int:
        """A step that visits all numbers before it comes back, far ones first."""
        step = max(int(self.size * 0.618), 1)
        while gcd(step, self.size) != 1:
            step += 1
        return step

    def render(self, numbers: Array, key: int) -> Array:
        """Numbers (rows,) uint64 below `size` to UTF-8 (rows, bytes) uint8, 0 for no byte."""
        rest = numbers
        if self.serial is None:
            rest = _permute(numbers, self.size, key)
        noise = numbers * np.uint64(_GOLDEN) + np.uint64(key)
        columns: list[Array] = []  # from the right
        for place in range(len(self.chars) - 1, -1, -1):
            chars = self.chars[place]
            if not chars:
                columns += self._number(numbers, key)
            elif len(chars) == 1:
                columns += [np.full(len(numbers), byte, np.uint8) for byte in chars.encode()[::-1]]
            else:
                if self.serial is None and place >= self._counted:
                    rest, code = np.divmod(rest, np.uint64(len(chars)))
                else:
                    code = _mix(noise + np.uint64(place)) % np.uint64(len(chars))
                columns.append(np.frombuffer(chars.encode(), np.uint8)[code.astype(np.intp)])
        return np.stack(columns[::-1], axis=1)

    def _number(self, numbers: Array, key: int) -> Iterator[Array]:
        """The running number's digits from the right, 0 for those it doesn't need."""
        width, first, block = self.serial or (0, 0, 1)
        start, place = np.divmod(numbers, np.uint64(block))
        rest = np.uint64(first) + start * np.uint64(block) + _permute(place, block, key)
        for digit in range(max(width, len(str(first + self.size + block)))):
            absent = (rest == 0) & (digit >= width)
            rest, code = np.divmod(rest, np.uint64(10))
            yield np.where(absent, 0, code + ord("0")).astype(np.uint8)


@dataclass(frozen=True)
class Identifiers:
    """A text or UUID column whose values name rows."""

    name: str
    kind: str  # "string" or "uuid"
    missing_share: float
    patterns: tuple[Pattern, ...]
    salt: bytes = field(repr=False)  # 16 bytes
    hashes: Array = field(repr=False)  # (training values,) uint64, ascending

    @property
    def arrow_type(self) -> pa.DataType:
        """The Arrow type of :meth:`values`."""
        return pa.uuid() if self.kind == "uuid" else pa.string()

    def values(self, start: int, count: int, seed: int) -> pa.Array:
        """Rows `start` to `start + count` of the sample of this seed.

        A row's value doesn't depend on which rows it is asked for with. None is a training value.
        They are distinct as long as a pattern has room; at least half of its fresh values are used
        before any comes twice.

        Raises:
            ValueError: a row number is negative or beyond 2**60; or nothing fresh was found, which
                only a forged model brings about.
        """
        if start < 0 or count < 0 or start + count > 2**60:
            raise ValueError(f"rows {start} to {start + count} are not rows of a sample")
        ends = range(start, start + count + (count == 0), _BLOCK)
        parts = [self._block(at, min(_BLOCK, start + count - at), seed) for at in ends]
        array = pa.concat_arrays(parts)
        if self.kind == "uuid":
            return pa.ExtensionArray.from_storage(pa.uuid(), array)
        return array

    def _block(self, start: int, count: int, seed: int) -> pa.Array:
        rows = np.arange(start, start + count, dtype=np.uint64)
        owner, rank = self._places(rows, self._key(seed, "order"))
        width = 0
        texts = []
        for place, pattern in enumerate(self.patterns):
            mine = np.flatnonzero(owner == place)
            text = self._fresh(pattern, rank[mine], self._key(seed, f"pattern {place}"))
            texts.append((mine, text))
            width = max(width, text.shape[1])
        matrix = np.zeros((count, width), np.uint8)
        for mine, text in texts:
            matrix[mine, : text.shape[1]] = text
        chance = _mix(rows * np.uint64(_GOLDEN) + np.uint64(self._key(seed, "missing")))
        missing = (chance >> np.uint64(11)) * 2.0**-53 < self.missing_share
        valid = pa.py_buffer(np.packbits(~missing, bitorder="little"))
        if self.kind == "uuid":
            digits = np.where(matrix > ord("9"), matrix - ord("a") + 10, matrix - ord("0"))
            packed = np.ascontiguousarray(digits[:, 0::2] << 4 | digits[:, 1::2])
            return pa.Array.from_buffers(pa.binary(16), count, [valid, pa.py_buffer(packed)])
        matrix[missing] = 0
        flat, ends = _ragged(matrix)
        offsets = pa.py_buffer(np.append(0, ends).astype(np.int32))
        return pa.Array.from_buffers(pa.string(), count, [valid, offsets, pa.py_buffer(flat)])

    def _places(self, rows: Array, key: int) -> tuple[Array, Array]:
        """Row numbers to each one's pattern, and its place among the rows of that pattern.

        Each round of _SLOTS rows has every pattern in its share, in an order of its own. A pattern
        that has run out leaves the rest to the one with the most room, which keeps half for that.
        """
        slots = np.array([pattern.slots for pattern in self.patterns], np.uint64)
        owner_of = np.repeat(np.arange(len(slots)), slots.astype(np.intp))
        before = np.arange(_SLOTS, dtype=np.uint64) - (np.cumsum(slots) - slots)[owner_of]
        turn, place = np.divmod(rows, np.uint64(_SLOTS))
        slot = _permute(place, _SLOTS, turn * np.uint64(_GOLDEN) + np.uint64(key)).astype(np.intp)
        owner = owner_of[slot]
        rank = turn * slots[owner] + before[slot]
        room = np.array([pattern.capacity for pattern in self.patterns], np.uint64)
        if len(room) > 1:
            widest = int(room.argmax())
            room[widest] //= np.uint64(2)
            spent = rank >= room[owner]
            rank = np.where(spent, room[widest] + rows, rank)
            owner = np.where(spent, widest, owner)
        return owner, rank

    def _fresh(self, pattern: Pattern, ranks: Array, key: int) -> Array:
        """Places among the pattern's rows (rows,) to values, as bytes, that no training row has.

        Numbers below the capacity are starts, the others are spare. A start whose value is taken
        walks on to a spare one. Taken starts on the way are opening brackets and fresh spares are
        closing ones; as it takes the one that closes its own, no two starts share a spare.
        """
        capacity, stride = np.uint64(pattern.capacity), np.uint64(pattern.stride)
        at = ranks % capacity
        text = pattern.render(at, key)
        left = np.flatnonzero(self._taken(text))
        at, depth = at[left], np.ones(len(left), np.int64)
        for _ in range(_MOST_STEPS):
            if not len(left):
                return text
            at = (at + stride) % np.uint64(pattern.size)
            tried = pattern.render(at, key)
            taken, spare = self._taken(tried), at >= capacity
            depth += (taken & ~spare).astype(np.int64) - (~taken & spare)
            done = depth == 0
            text[left[done]] = tried[done]
            left, at, depth = left[~done], at[~done], depth[~done]
        raise ValueError(f"column {self.name!r}: no fresh value is left")

    def _taken(self, text: Array) -> Array:
        """Whether each row of `text`, (rows, bytes), is a training value."""
        flat, ends = _ragged(text)
        starts = [0, *ends[:-1].tolist()]
        parts = [flat[a:b] for a, b in zip(starts, ends.tolist(), strict=False)]
        hashes = _hashes(parts, self.salt)
        place = np.searchsorted(self.hashes, hashes)
        found: Array = self.hashes[np.minimum(place, len(self.hashes) - 1)] == hashes
        return found

    def _key(self, seed: int, purpose: str) -> int:
        """64 bits for one purpose, of this column's own."""
        digest = blake2b(f"{seed} {purpose}".encode(), digest_size=8, salt=self.salt).digest()
        return int.from_bytes(digest, "little")

    def to_json(self) -> dict[str, Any]:
        """JSON part of the codec."""
        return {
            "codec": "identifiers",
            "name": self.name,
            "kind": self.kind,
            "missing_share": self.missing_share,
            "salt": self.salt.hex(),
            "patterns": [
                {
                    "chars": list(pattern.chars),
                    "slots": pattern.slots,
                    "known": pattern.known,
                    "serial": pattern.serial and list(pattern.serial),
                }
                for pattern in self.patterns
            ],
        }

    def arrays(self) -> dict[str, Array]:
        """Array part of the codec."""
        return {"hashes": self.hashes}

    @classmethod
    def restore(cls, data: Mapping[str, Any], arrays: Mapping[str, Array]) -> Identifiers:
        """Inverse of :meth:`to_json` and :meth:`arrays`. Raises ValueError for other data."""
