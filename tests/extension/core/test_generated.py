"""Identifiers and sequences in Java are exactly Python's, for the same seed and rows."""

import base64
import copy
import itertools
import random
import string
import uuid
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from probes import file_arrays, listed, listed_column

from h2o_gan.engine.data.codecs.identifier import IdentifierCodec
from h2o_gan.engine.data.codecs.sequence import SequenceCodec
from h2o_gan.engine.data.identifiers import Identifiers, Pattern
from h2o_gan.engine.data.protocol import FitOptions
from h2o_gan.engine.data.schema import Column
from h2o_gan.engine.exceptions import Damaged

HEX, DIGITS, UPPER = string.digits + "abcdef", string.digits, string.ascii_uppercase
ASKS = [
    (0, 300, 0),
    (1000, 100, 1),
    (65_500, 60, 7),
    (2**32 - 50, 100, 2**62),
    (2**53 + 1, 20, 3),
    (2**59, 20, 2**63 - 1),
    (2**60 - 20, 20, 5),
    (5, 0, 5),
]


def hashes_of(texts):
    return np.unique(
        np.frombuffer(
            b"".join(blake2b(text.encode(), digest_size=8).digest() for text in texts), "<u8"
        )
    )


def codec_of(kind, texts, patterns, missing=0.0, name="id"):
    """A codec with these patterns, (characters, weight), that gives none of the texts."""
    made = tuple(Pattern(tuple(chars), weight) for chars, weight in patterns)
    of = "uuid" if kind == "uuid" else "string"
    return IdentifierCodec(
        Column(name, kind), Identifiers(name, of, missing, made, hashes_of(texts))
    )


def fitted(name, values):
    options = FitOptions(treat_as="identifier", wanted_by="column_types")
    return IdentifierCodec.fit({name: pa.chunked_array([values])}, options)


def codecs():
    rng = random.Random(5)
    yield fitted("order", pa.array([f"ORD-{i:05d}" for i in range(200)] + [None] * 30))
    yield fitted("Kündigung 'x'", pa.array([f"{i}-{i % 7}x" for i in range(3000)]))
    yield fitted(
        "level", pa.array([f"C{rng.randrange(10**6)}" for _ in range(300)]).dictionary_encode()
    )
    values = [uuid.UUID(int=rng.getrandbits(128), version=4) for _ in range(100)]
    storage = pa.array([value.bytes for value in values], pa.binary(16))
    yield fitted("key", pa.ExtensionArray.from_storage(pa.uuid(), storage))
    yield fitted("digest", pa.array([f"{rng.getrandbits(160):040x}" for _ in range(50)]))
    yield fitted("mail", pa.array([f"user.{i}@mail{i % 3}.org" for i in range(500)]))
    # Half of a listed space is taken; more than half; all but one value.
    two = [a + b for a, b in itertools.product(DIGITS, DIGITS)]
    for count in (50, 80, 99):
        yield codec_of("string", rng.sample(two, count), [((DIGITS, DIGITS), 50)], 0.3)
    # Spaces that are too large to be listed.
    four = ["".join(rng.choices(UPPER, k=4)) for _ in range(60_000)]
    yield codec_of("string", [*four, "x"], [((UPPER,) * 4, 60_000)], 0.1)
    thirty = UPPER + "0123"
    dense = ["".join(value) for value in itertools.product(thirty, repeat=3)]
    many = [((c, UPPER, UPPER), 5 + i) for i, c in enumerate(UPPER)]
    yield codec_of("string", rng.sample(dense, 13_000), [((thirty,) * 3, 13_000), *many])
    most = [((thirty,) * 3, 13_000), *[((c, DIGITS, DIGITS), 1 + i) for i, c in enumerate(UPPER)]]
    most += [((c, DIGITS, "*"), 1) for c in "abcdefghijklmnopqrstuvw"]
    yield codec_of("string", rng.sample(dense, 20_000), most)
    yield codec_of("string", ["a"], [(("ab",), 1), (("c", "def" + HEX[:9], HEX), 3)], 0.999)
    yield codec_of("string", ["a"], [((HEX,) * 201, 2**52)])
    yield codec_of("enum", ["1"], [(("123456789",), 4)], 0.5)
    yield codec_of("string", two, [((DIGITS, DIGITS), 50)])  # no value is left
    yield SequenceCodec(Column("n", "int"), 17, 3)
    yield SequenceCodec(Column("n", "int"), -(2**53), 1)


def cases_of(found, asks=ASKS):
    return [
        {
            "item": codec.to_json(),
            "arrays": file_arrays(codec.arrays()),
            "asks": [list(ask) for ask in asks],
        }
        for codec in found
    ]


def python_values(codec, ask):
    try:
        return codec.generate(*ask)[0]
    except ValueError as error:
        return str(error)


def test_values_are_pythons(probe):
    found = list(codecs())
    assert all(found)
    answers, _ = probe("GeneratedProbe", {"codecs": cases_of(found), "texts": []})
    left = 0
    for codec, answer in zip(found, answers, strict=True):
        for ask, values in zip(ASKS, answer[:-1], strict=True):
            wanted = python_values(codec, ask)
            if isinstance(wanted, str):
                assert values == wanted
                left += 1
                continue
            assert listed(values) == listed_column(pa.chunked_array([wanted])), (codec.column, ask)
            if codec.column.kind == "enum":
                assert values["levels"] == wanted.dictionary.to_pylist()
        with pytest.raises(ValueError) as told:
            codec.check_condition("a", 1)
        assert answer[-1] == str(told.value)
    assert left == len(ASKS) - 1  # where no row is asked for, none is missing


def test_rows_that_no_sample_has_are_refused(probe):
    codec = codec_of("string", ["a"], [(("ab", "cd"), 1)])
    asks = [(-1, 5, 0), (2**60, 1, 0), (2**62, 5, 0)]
    ((answers,), _) = probe("GeneratedProbe", {"codecs": cases_of([codec], asks), "texts": []})
    assert answers[:-1] == [python_values(codec, ask) for ask in asks]
    sequence = SequenceCodec(Column("n", "int"), 17, 2**53)
    ((answers,), _) = probe(
        "GeneratedProbe", {"codecs": cases_of([sequence], [(2**40, 2, 0)]), "texts": []}
    )
    assert "exceed 64 bits" in answers[0]


@pytest.fixture(scope="module")
def together(probe):
    """Collects requests of many examples, so that Java starts once."""
    asked = []
    yield asked
    found = [codec for codec, _ in asked]
    cases = [case for codec, asks in asked for case in cases_of([codec], asks)]
    answers, _ = probe("GeneratedProbe", {"codecs": cases, "texts": []})
    for codec, (_, asks), answer in zip(found, asked, answers, strict=True):
        for ask, values in zip(asks, answer[:-1], strict=True):
            wanted = python_values(codec, ask)
            if not isinstance(wanted, str):
                wanted, values = listed_column(pa.chunked_array([wanted])), listed(values)
            assert values == wanted, (codec.identifiers, ask)


characters = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=9)
unique = characters.map(lambda text: "".join(dict.fromkeys(text)))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    patterns=st.lists(
        # Spaces that are listed, which takes Python a while for large ones, and others.
        st.lists(unique, min_size=1, max_size=4) | st.lists(unique, min_size=20, max_size=30),
        min_size=1,
        max_size=6,
    ),
    missing=st.sampled_from([0.0, 0.25]),
    ask=st.tuples(st.integers(0, 2**60 - 40), st.integers(0, 40), st.integers(0, 2**63 - 1)),
    name=st.text(st.characters(codec="utf-8"), max_size=5),
    data=st.data(),
)
def test_any_patterns(together, patterns, missing, ask, name, data):
    made = []
    for chars in patterns:
        space = Pattern(tuple(chars), 1).space
        made.append((tuple(chars), data.draw(st.integers(1, max(min(space // 2, 2**40), 1)))))
        if space < 2 * made[-1][1]:
            made[-1] = ((*chars, DIGITS), 1)
    taken = [
        "".join(data.draw(st.sampled_from(here)) for here in chars)
        for chars, _ in made
        for _ in "123"
    ]
    together.append((codec_of("string", taken, made, missing, name), [ask]))


def test_digests_are_blake2b(probe):
    rng = random.Random(2)
    texts = [
        rng.randbytes(size) for size in (0, 1, 7, 8, 9, 64, 127, 128, 129, 200, 255, 256, 257, 999)
    ]
    _, digests = probe(
        "GeneratedProbe", {"codecs": [], "texts": [base64.b64encode(t).decode() for t in texts]}
    )
    wanted = [
        int.from_bytes(blake2b(t, digest_size=8).digest(), "little", signed=True) for t in texts
    ]
    assert digests == wanted


def restored(item, hashes):
    """Python's codec of the JSON, or the error."""
    kind = SequenceCodec if item.get("codec") == "sequence" else IdentifierCodec
    try:
        kind.json_check(item, "item")
        return kind.restore(item, {"hashes": hashes})
    except Damaged as error:
        return error


def test_the_same_states_are_refused(probe):
    rng = random.Random(1)
    bases = [
        codec_of("string", ["ab", "cd"], [((HEX, "-", UPPER), 2), ((DIGITS, HEX), 5)], 0.25),
        fitted(
            "key",
            pa.ExtensionArray.from_storage(
                pa.uuid(), pa.array([rng.randbytes(16) for _ in range(20)], pa.binary(16))
            ),
        ),
        SequenceCodec(Column("n", "int"), 17, 3),
    ]
    values = (
        None, True, 0, 1, -1, 0.0, 1.0, 0.5, 2**53, 2**53 + 1, -(2**53) - 1, "", "x", "ab", "aa",
        "\x7f", "é", "int", "uuid", "string", "enum", "-", [], ["ab"] * 51, [DIGITS] * 201,
        [DIGITS] * 202, {}, [None],
    )  # fmt: skip
    cases = []
    for base in bases:
        item, hashes = base.to_json(), base.arrays().get("hashes", np.ones(1, np.uint64))
        for place in _places(item):
            for value in values:
                if place == ("codec",):
                    continue
                changed = copy.deepcopy(item)
                inner = changed
                for key in place[:-1]:
                    inner = inner[key]
                inner[place[-1]] = value
                cases.append((changed, hashes))
        cases += [(item, h) for h in (hashes[:0], hashes[::-1], np.repeat(hashes, 2), hashes)]
    request = [{"item": i, "arrays": file_arrays({"hashes": h}), "asks": []} for i, h in cases]
    answers, _ = probe("GeneratedProbe", {"codecs": request, "texts": []})
    refused = 0
    for (item, hashes), answer in zip(cases, answers, strict=True):
        wanted = restored(item, hashes)
        if isinstance(wanted, Damaged):
            refused += 1
            assert isinstance(answer, str), (item, answer)
        else:
            assert isinstance(answer, list), (item, answer)
    assert 100 < refused < len(cases) - 50


def _places(item):
    for key, value in item.items() if isinstance(item, dict) else enumerate(item):
        yield (key,)
        if isinstance(value, dict | list):
            yield from ((key, *rest) for rest in itertools.islice(_places(value), 12))
