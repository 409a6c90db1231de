"""Identifiers: fresh values of the same look, never a real one."""

import hashlib
import json
import random
import re
import uuid

import numpy as np
import pyarrow as pa
import pytest

from h2o_gan.engine.data.identifiers import Identifiers, fit_identifiers

RANDOM = random.Random(5)
CODES = [f"{number:03d}" for number in RANDOM.sample(range(1000), 500)]
PEOPLE = ["anna", "ben", "carla", "dmitri", "eva", "florentine", "guy", "henrietta", "ida", "jo"]
ACCOUNTS = RANDOM.sample(range(10**6), 2000)
LOOKS = {
    "short codes": (CODES, r"\d{3}"),
    "customers": ([f"C{number:06d}" for number in ACCOUNTS], r"C\d{6}"),
    "counted customers": ([f"C{number:06d}" for number in range(1, 901)], r"C\d{6}"),
    "every code": ([f"K{number:03d}" for number in range(1000)], r"K\d{4}"),
    "orders": (
        [f"AB-{n}-{RANDOM.choice('XYZ')}" for n in RANDOM.sample(range(1000, 9999), 400)],
        r"AB-\d{4}-[A-Z]",
    ),
    "digests": ([hashlib.sha1(str(n).encode()).hexdigest() for n in range(300)], "[0-9a-f]{40}"),
    "capital digests": (
        [hashlib.md5(str(n).encode()).hexdigest().upper() for n in range(300)],
        "[0-9A-F]{32}",
    ),
    "uuids": (
        [str(uuid.UUID(int=RANDOM.getrandbits(128), version=4)) for _ in range(300)],
        "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    ),
    "few uuids": (
        [str(uuid.UUID(int=RANDOM.getrandbits(128), version=4)) for _ in range(9)],
        "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    ),
    "prefixed uuids": (
        [f"urn:uuid:{uuid.UUID(int=RANDOM.getrandbits(128), version=4)}" for _ in range(300)],
        "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",
    ),
    "handles": (
        [
            f"{first}.{second}{n}@mail.example"
            for n in range(12)
            for first in PEOPLE
            for second in PEOPLE
        ],
        r"[a-z]+\.[a-z]+[0-9]+@mail\.example",
    ),
    "running": ([str(number) for number in range(1, 4001)], "[1-9][0-9]*"),
    "letters": (["".join(RANDOM.choices("BCDFGHJKLM", k=6)) for _ in range(200)], "[A-Z]{6}"),
}
WORDS = [
    "the",
    "a",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "lazy",
    "dog",
    "while",
    "other",
    "animals",
    "sleep",
    "near",
    "water",
]
TEXTS = {
    "sentences": [" ".join(RANDOM.choices(WORDS, k=RANDOM.randint(4, 9))) for _ in range(300)],
    "names": [f"{a.title()} {b.title()}son" for a in PEOPLE for b in PEOPLE],
    "surnames": sorted({(a + b).title() for a in PEOPLE for b in PEOPLE}),
    "comments": [f"Order {n} came late, {RANDOM.choice(WORDS)} again!" for n in range(200)],
    "no words": ["".join(RANDOM.choices("ab1.,;: /", k=RANDOM.randint(5, 40))) for _ in range(300)],
}


def fit(values, type_=None, force=False):
    return fit_identifiers("id", pa.chunked_array([pa.array(values, type_)]), force)


@pytest.mark.parametrize("look", LOOKS)
def test_fresh_values_of_the_same_look(look):
    values, pattern = LOOKS[look]
    column = fit(values)
    assert column.kind == "string" and column.missing_share == 0
    made = column.values(0, 400, 1)
    assert made.type == pa.string()
    assert all(re.fullmatch(pattern, value) for value in made.to_pylist())
    assert not set(made.to_pylist()) & set(values)
    assert len(set(made.to_pylist())) == 400
    assert made != column.values(0, 400, 2)


@pytest.mark.parametrize("type_", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_text_of_other_arrow_types(type_):
    array = pa.array(CODES).cast(pa.large_string()) if type_ == pa.large_string() else None
    array = pa.array(CODES).dictionary_encode() if array is None else array
    assert array.type == type_
    column = fit_identifiers("id", pa.chunked_array([array[:200], array[200:]]))
    assert column.missing_share == 0
    assert column.values(0, 50, 0) == fit(CODES).values(0, 50, 0)


def test_uuids_keep_version_and_variant():
    known = [uuid.UUID(int=RANDOM.getrandbits(128), version=1 + n % 2 * 3) for n in range(400)]
    values = [None if n % 4 == 0 else value.bytes for n, value in enumerate(known)]
    storage = pa.array(values, pa.binary(16))
    column = fit_identifiers(
        "id", pa.chunked_array([pa.ExtensionArray.from_storage(pa.uuid(), storage)])
    )
    made = column.values(0, 3000, 9)
    assert made.type == pa.uuid() and column.kind == "uuid"
    fresh = [value for value in made.to_pylist() if value is not None]
    assert {value.version for value in fresh} == {1, 4}
    assert {value.variant for value in fresh} == {uuid.RFC_4122}
    assert len(set(fresh)) == len(fresh) and not set(fresh) & set(known)
    assert sum(value.version == 4 for value in fresh) / len(fresh) == pytest.approx(2 / 3, abs=0.03)


def test_counted_uuids_stay_apart():
    storage = pa.array([uuid.UUID(int=n).bytes for n in range(100)], pa.binary(16))
    values = pa.chunked_array([pa.ExtensionArray.from_storage(pa.uuid(), storage)])
    fresh = fit_identifiers("id", values).values(0, 1000, 0).to_pylist()
    assert len(set(fresh)) == 1000 and not set(fresh) & set(values.to_pylist())


def test_a_full_sample_of_half_the_space_is_the_other_half():
    made = fit(CODES).values(0, 500, 3).to_pylist()
    assert sorted(made + CODES) == [f"{number:03d}" for number in range(1000)]


@pytest.mark.parametrize("width", [6, 8])
def test_numbers_are_distinct(width):
    values = [f"{number:0{width}d}" for number in RANDOM.sample(range(10**width), 5000)]
    for seed in range(3):
        made = fit(values).values(0, 10_000, seed).to_pylist()
        assert len(set(made)) == 10_000 and not set(made) & set(values)


def test_a_taken_value_of_a_large_space_is_drawn_again():
    column = fit([f"{number:08d}" for number in RANDOM.sample(range(10**8), 1000)])
    first = column.values(0, 2000, 4).to_pylist()
    known = [hashlib.blake2b(text.encode(), digest_size=8).digest() for text in first[:1000]]
    hashes = np.sort(np.frombuffer(b"".join(known), "<u8"))
    again = Identifiers.restore(column.to_json(), {"hashes": hashes}).values(0, 2000, 4).to_pylist()
    assert not set(again) & set(first[:1000]) and again[1000:] == first[1000:]
    assert len(set(again)) == 2000


def test_values_are_distinct_where_nearly_half_of_a_large_space_is_taken():
    taken = np.random.default_rng(0).choice(2 * 10**6, 900_000, replace=False)
    known = [f"{number:07d}" for number in taken.tolist()]
    hashed = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in known)
    pattern = {"chars": ["01", *["0123456789"] * 6], "weight": 900_000}
    column = Identifiers.restore(
        {**fit(CODES).to_json(), "patterns": [pattern]},
        {"hashes": np.sort(np.frombuffer(hashed, "<u8"))},
    )
    made = column.values(0, 1_000_000, 1).to_pylist()
    assert len(set(made)) == 1_000_000 and not set(made) & set(known)
    assert column.values(400_000, 1000, 1).to_pylist() == made[400_000:401_000]


@pytest.mark.parametrize("look", ["customers", "running", "handles", "digests"])
def test_a_row_does_not_depend_on_its_block(look):
    column = fit([*LOOKS[look][0], *[None] * 50])
    whole = column.values(0, 70_000, 7).to_pylist()
    assert column.values(0, 70_000, 7).to_pylist() == whole
    for start, count in ((0, 1), (1000, 100), (65_530, 10), (69_999, 1), (5, 0)):
        made = column.values(start, count, 7)
        assert made.type == pa.string() and made.to_pylist() == whole[start : start + count]


def test_missing_share():
    column = fit([*CODES, *[None] * 500])
    assert column.missing_share == 0.5
    assert column.values(0, 20_000, 0).null_count == pytest.approx(10_000, abs=300)


@pytest.mark.parametrize("text", TEXTS)
def test_free_text_is_refused_unless_forced(text):
    assert fit(TEXTS[text]) is None
    made = fit(TEXTS[text], force=True).values(0, 200, 0).to_pylist()
    assert not set(made) & set(TEXTS[text])


@pytest.mark.parametrize("values", [["A1", "A2", "A3", "A4"], CODES[:80] * 2])
def test_few_or_repeated_values_are_refused_unless_forced(values):
    assert fit(values) is None
    made = fit(values, force=True).values(0, 50, 0).to_pylist()
    assert not set(made) & set(values)


@pytest.mark.parametrize("values", [[], [None, None], ["", None], ["x" * 500]])
@pytest.mark.parametrize("force", [False, True])
def test_nothing_to_learn_from(values, force):
    assert fit(values, pa.string(), force) is None


def test_what_few_values_share_is_not_kept():
    made = fit(["smith-81", "jones-22", "møller!-7"], force=True).values(0, 100, 0).to_pylist()
    assert not any(re.search("smith|jones|møl", value) for value in made)


@pytest.mark.parametrize("values", [["---", "--", "-"], ["ä", "ö"], ["a\0b", "a\nc"], ["?"]])
def test_odd_values_can_be_forced(values):
    made = fit(values, force=True).values(0, 20, 0).to_pylist()
    assert not set(made) & set(values)


@pytest.mark.parametrize("look", LOOKS)
def test_round_trip(look):
    column = fit([*LOOKS[look][0], None])
    again = Identifiers.restore(json.loads(json.dumps(column.to_json())), column.arrays())
    assert again == column and again.values(0, 500, 1) == column.values(0, 500, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"name": 3},
        {"kind": "int"},
        {"kind": "uuid"},
        {"missing_share": -0.1},
        {"missing_share": 1.0},
        {"missing_share": float("nan")},
        {"missing_share": "0"},
        {"patterns": None},
        {"patterns": []},
        {"patterns": [3]},
        {"patterns": [{"chars": ["01"], "weight": 1}] * 51},
        {"patterns": [{"chars": ["01"], "weight": 0}]},
        {"patterns": [{"chars": ["01"], "weight": -5}]},
        {"patterns": [{"chars": ["01"], "weight": 10**400}]},
        {"patterns": [{"chars": ["01"], "weight": True}]},
        {"patterns": [{"chars": "01", "weight": 1}]},
        {"patterns": [{"chars": [], "weight": 1}]},
        {"patterns": [{"chars": ["0"] * 10**6, "weight": 1}]},
        {"patterns": [{"chars": ["00"], "weight": 1}]},
        {"patterns": [{"chars": ["", "1"], "weight": 1}]},
        {"patterns": [{"chars": ["é"], "weight": 1}]},
        {"patterns": [{"chars": ["\0"], "weight": 1}]},
        {"patterns": [{"chars": [1], "weight": 1}]},
    ],
)
def test_nonsensical_data_are_refused(change):
    column = fit(CODES)
    with pytest.raises(ValueError, match="identifier"):
        Identifiers.restore({**column.to_json(), **change}, column.arrays())


@pytest.mark.parametrize(
    "hashes",
    [
        None,
        [1, 2],
        np.array([1, 2], np.int64),
        np.array([], np.uint64),
        np.array([2, 1], np.uint64),
        np.array([1, 1], np.uint64),
        np.array([[1, 2]], np.uint64),
    ],
)
def test_nonsensical_hashes_are_refused(hashes):
    with pytest.raises(ValueError, match="identifier"):
        Identifiers.restore(fit(CODES).to_json(), {"hashes": hashes})
    with pytest.raises(ValueError, match="identifier"):
        Identifiers.restore({}, {})


def test_rows_out_of_range_and_a_used_up_space():
    column = fit(CODES)
    for start, count in ((-1, 5), (0, -1), (2**60, 1)):
        with pytest.raises(ValueError, match="rows"):
            column.values(start, count, 0)
    state = {**column.to_json(), "patterns": [{"chars": [CODES[0][0], *CODES[0][1:]], "weight": 1}]}
    with pytest.raises(ValueError, match="has no room"):
        Identifiers.restore(state, column.arrays())
