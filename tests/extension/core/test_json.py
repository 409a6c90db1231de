"""JSON in Java is read as the Python package reads it."""

import base64
import json
import random
import re

from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.storage.entries import parsed

TEXTS = [
    "",
    " ",
    "nul",
    "nulll",
    "true",
    "[true,false,null]",
    "TRUE",
    "0",
    "-0",
    "-",
    "01",
    "+1",
    "1.",
    ".5",
    "1e",
    "1e5",
    "1E+05",
    "1e-400",
    "1e400",
    "-1e309",
    "0.1",
    "1.7976931348623157e308",
    "4.9e-324",
    "2.2250738585072011e-308",
    "9007199254740993",
    "9007199254740993.0",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "0" * 30,
    "1" * 30,
    "NaN",
    "Infinity",
    "-Infinity",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1",
    "[",
    "]",
    "{",
    '{"a":1',
    '{"a"}',
    '{"a":}',
    "{a:1}",
    '{"a":1,}',
    '{"a" : 1 , "b":[{}]}',
    "{1:1}",
    '"',
    '"\\"',
    '"\\\\"',
    '"\\',
    '"\\x"',
    '"\\u00e4\\n\\/\\b\\f\\r\\t\\""',
    '"\\u00e"',
    '"\\u00"',
    '"\\uD83D\\uDE00"',
    '"\\ud83d"',
    '"\\ud83dx"',
    '"\\ude00"',
    '"\\ude00\\ud83d"',
    '"\\ud83d\U0001f600"',
    '{"\\ud83d":1}',
    '"\t"',
    '"\x00"',
    '"\x7fä€\U0001f600"',
    "\u00a01",
    "\t\r\n 1 \t\r\n",
    "\f1",
    "1 //x",
    "[" * 64 + "]" * 64,
    "[" * 65 + "]" * 65,
    "[" * 100_000,
    '{"a":' * 64 + "1" + "}" * 64,
    '{"a":' * 65 + "1" + "}" * 65,
    "[" + ",".join(["[]"] * 499_999) + "]",
    "[" + ",".join(["[]"] * 500_000) + "]",
    json.dumps({f"key {i}": i for i in range(100)}),
]
BYTES = [
    b'"\xff"',
    b'"\xc0\x80"',
    b'"\xed\xa0\xbd\xed\xb8\x80"',
    b'"\xe4"',
    b'"\xe2\x82"',
    b"\xef\xbf\xbf",
    b"\x00",
]
DOUBLED = ['{"a":1,"a":1}', '{"a":1,"\\u0061":2}', json.dumps(list(range(50)))[1:-1]]
DOUBLED[2] = "{" + ",".join(f'"k{i % 49}":{i}' for i in range(50)) + "}"


def shaped(value):
    """A value as the probe writes it."""
    if isinstance(value, dict):
        return {key: shaped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shaped(inner) for inner in value]
    return ("double", value) if isinstance(value, float) else value


def read(value):
    """The probe's value."""
    if isinstance(value, dict):
        return {key: read(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [read(inner) for inner in value]
    if isinstance(value, str) and re.fullmatch(r"double \S+", value):
        return ("double", float(value[7:]))
    return value


def test_the_same_texts_are_read_and_refused(probe):
    rng = random.Random(0)
    whole = json.dumps(
        {"a": [1, -2.5e-7, "x\u00e9\\u", None, True, {"b": []}], "c d": {"e": "\ud83d\ude00"}}
    ).encode()
    broken = []
    for _ in range(3000):
        text = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(text))
            text[at : at + rng.randint(0, 2)] = rng.choice(
                [b"", b'"', b"\\", b"{", b"]", b",", b"0", b"\xc3", bytes([rng.randrange(256)])]
            )
        broken.append(bytes(text))
    texts = [text.encode() for text in TEXTS] + BYTES + [whole, *broken]
    answers = probe("JsonProbe", {"texts": [base64.b64encode(t).decode() for t in texts]})
    accepted = 0
    for text, answer in zip(texts, answers, strict=True):
        try:
            wanted = parsed(text)
        except Damaged:
            assert isinstance(answer, str), text[:100]
            assert answer.startswith("not a valid h2o_gan model file: its description"), text[:100]
            continue
        accepted += 1
        if isinstance(answer, str):  # a mutation may double a key
            pairs = []
            json.loads(
                text, object_pairs_hook=lambda p, pairs=pairs: pairs.append([k for k, _ in p])
            )
            assert any(len(set(keys)) < len(keys) for keys in pairs), (text[:100], answer)
        else:
            assert repr(read(answer[0])) == repr(shaped(wanted)), text[:100]
    assert accepted > 100  # the comparison is not of refusals alone


def test_doubled_keys_and_other_encodings_are_refused(probe):
    texts = [text.encode() for text in DOUBLED] + [
        '{"a":1}'.encode(e) for e in ("utf-16", "utf-8-sig")
    ]
    answers = probe("JsonProbe", {"texts": [base64.b64encode(t).decode() for t in texts]})
    assert all(isinstance(answer, str) for answer in answers)
    assert all("doubled key" in answer for answer in answers[:3])
