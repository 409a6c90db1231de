"""The file reader in Java has the arrays that Python has, and refuses what Python refuses."""

import base64
import dataclasses
import io
import json
import os
import random
import struct
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from untrained import related_model

from h2o_gan import engine
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.families import family_of_kind
from h2o_gan.engine.storage.entries import parsed, read_entries
from h2o_gan.engine.storage.packing import unpack

DATA = Path(__file__).parents[2] / "data"
TABLE = DATA / "table_format_3.zip"
DAMAGED = "hex.gan.core.DamagedException: not a valid h2o_gan model file: "
NAMES = ("model.json", "columns.safetensors", "weights.safetensors")


def python_reads(data):
    """The arrays that Python finds, or None if the container or the arrays are not valid."""
    try:
        entries = read_entries(io.BytesIO(data))
        manifest = parsed(entries["model.json"])
        arrays = safetensors.numpy.load(entries["columns.safetensors"])
        weights = safetensors.numpy.load(entries["weights.safetensors"])
        count = len(manifest["encoder"]["columns"])
        learned = family_of_kind(manifest["model"]["kind"]).model.token_columns(manifest["model"])
        below = lambda p: {n[len(p) :]: a for n, a in arrays.items() if n.startswith(p)}  # noqa: E731
        found = dict(weights)
        for prefix, columns in (("codec", count), ("tokens", learned)):
            for index, own in enumerate(unpack(below(f"{prefix}."), columns)):
                found.update({f"{prefix}.{index}.{name}": array for name, array in own.items()})
        found.update({name: a for name, a in arrays.items() if name.startswith("rules.")})
    except (Damaged, safetensors.SafetensorError, KeyError, TypeError, AttributeError):
        return None
    return found


def edit(at, removed, put=b""):
    return [at, removed, base64.b64encode(put).decode()]


def edited(data, edits):
    for at, removed, put in edits:
        data = data[:at] + base64.b64decode(put) + data[at + removed :]
    return data


def zipped(entries, **methods):
    """A model file; entries are in the order given, stored but for those with another method."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(out, "w") as archive:
            for name, data in entries.items() if isinstance(entries, dict) else entries:
                method = methods.get(name.partition(".")[0], zipfile.ZIP_STORED)
                archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def entries_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Valid files of the present format: those in tests/data, and one with rules of all kinds."""
    folder = tmp_path_factory.mktemp("models")
    engine.save(
        dataclasses.replace(related_model(), history=[{"epoch": 1}]),
        folder / "related.zip",
        for_training=False,
    )
    stored = zipped(entries_of(folder / "related.zip"))
    (folder / "stored.zip").write_bytes(stored)
    commented = io.BytesIO(stored)
    with zipfile.ZipFile(commented, "a") as archive:
        archive.comment = b"PK comment"
    (folder / "commented.zip").write_bytes(commented.getvalue())
    return [*sorted(DATA.glob("*_format_3.zip")), *sorted(folder.iterdir())]


def test_all_arrays_are_pythons(paths, probe):
    answers = probe("ModelFileProbe", {"files": [{"path": str(path)} for path in paths]})
    kinds = set()
    for path, answer in zip(paths, answers, strict=True):
        assert isinstance(answer, dict), (path, answer)
        wanted = python_reads(path.read_bytes())
        assert answer.keys() == wanted.keys(), path
        for name, array in wanted.items():
            kinds.add(str(array.dtype))
            assert base64.b64decode(answer[name]) == array.tobytes(), (path, name)
    assert kinds >= {"float32", "float64", "int32", "int64", "uint64", "bool"}


def test_older_formats_say_how_they_become_readable(probe):
    files = ["model_format_1.zip", "table_format_2.zip", "pixels_format_2.zip"]
    answers = probe("ModelFileProbe", {"files": [{"path": str(DATA / name)} for name in files]})
    for name, answer in zip(files, answers, strict=True):
        version = name[-5]
        assert answer == (
            f"java.lang.IllegalArgumentException: the model file is of format {version}, which "
            "only the Python package reads: load the model there, and save it again."
        )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows opens neither pipes nor folders")
def test_only_regular_files_are_read(tmp_path, probe):
    os.mkfifo(tmp_path / "pipe")
    places = [tmp_path / "pipe", tmp_path, Path("/dev/zero")]
    answers = probe(
        "ModelFileProbe", {"files": [{"path": str(p)} for p in [*places, tmp_path / "none"]]}
    )
    assert answers[:3] == [DAMAGED + "it is not a regular file"] * 3
    assert "NoSuchFileException" in answers[3]


def test_files_that_cannot_be_read_any_more_end_in_one_error(paths, probe):
    (path,) = (path for path in paths if path.name == "related.zip")
    answers = probe("ModelFileProbe", {"failing": str(path)})
    assert len(answers) > 9 and {*answers} == {"java.io.IOException: the disk is gone"}


def manifest_with(entries, **changes):
    manifest = json.loads(entries["model.json"])
    return {**entries, "model.json": json.dumps({**manifest, **changes}).encode()}


def arrays_with(entries, change, name="columns.safetensors"):
    arrays = dict(safetensors.numpy.load(entries[name]))
    change(arrays)
    return {**entries, name: safetensors.numpy.save(arrays)}


def header_with(entries, change, name="weights.safetensors"):
    """An entry with another header over the same bytes."""
    data = entries[name]
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    text = change(header)
    text = json.dumps(header).encode() if text is None else text
    return {**entries, name: len(text).to_bytes(8, "little") + text + data[8 + length :]}


def hostile_files():
    """(what, bytes) of files that Python refuses as containers, JSON or arrays."""
    whole = TABLE.read_bytes()
    entries = entries_of(TABLE)
    deflated = {"columns": zipfile.ZIP_DEFLATED}

    for size in (0, 1, 100, 10_000):
        yield f"{size} random bytes", random.Random(0).randbytes(size)
    yield "another zip", zipped({"word/document.xml": b"<w/>"})
    for share in (0.1, 0.5, 0.9, 0.999):
        yield f"cut at {share}", whole[: int(len(whole) * share)]
    for start in (1, 7, 100, 5000):
        yield f"without {start} bytes", whole[start:]
    for name in NAMES:
        yield f"without {name}", zipped({n: d for n, d in entries.items() if n != name})
        yield f"{name} twice", zipped([*entries.items(), (name, b"{}")])
        yield f"{name} empty", zipped({**entries, name: b""})
        yield f"{name} of braces", zipped({**entries, name: b"{}"})
        unfolding = {**entries, name: entries[name] + b" " * 9_000_000}
        for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
            if name == "columns.safetensors" and method == zipfile.ZIP_DEFLATED:
                continue
            yield (
                f"{name} compressed by {method}",
                zipped(unfolding, **{name.partition(".")[0]: method}),
            )
    yield "training compressed", zipped(entries, training=zipfile.ZIP_DEFLATED)

    columns = len(entries["columns.safetensors"])
    longer = zipped(
        {**entries, "columns.safetensors": entries["columns.safetensors"] + bytes(9_000_000)},
        **deflated,
    )
    sizes = [struct.pack("<I", columns + 9_000_000), struct.pack("<I", columns)]
    assert longer.count(sizes[0]) == 2
    yield "unfolds into more than it says", longer.replace(*sizes)
    packed = zipped(entries, **deflated)
    for more in (1, 200_000_000, 2**31):
        yield f"says {more} more", packed.replace(sizes[1], struct.pack("<I", columns + more))
    place = packed.index(b"PK\3\4", 4)
    yield "another local name", edited(packed, [edit(place + 26, 1, b"\x07")])
    place = packed.index(b"PK\1\2")
    for at, what in ((8, b"\x01"), (8, b"\x20"), (10, b"\x0c"), (16, b"\0\0\0\0"), (42, b"\x01")):
        yield f"directory {at}", edited(packed, [edit(place + at, len(what), what)])
    yield "zip64", packed[:-22] + b"PK\6\7" + bytes(16) + packed[-22:]
    yield "too many entries", zipped({**entries, **{f"more {i}": b"" for i in range(70)}})
    yield "name with an end", packed.replace(b"model.json", b"model\0json")

    for changes in (
        {"format": "something else"},
        {"format_version": "1"},
        {"format_version": 0},
        {"format_version": True},
        {"format_version": 4},
        {"format_version": 10**18},
        {"parameters": None},
        {"encoder": {}},
        {"encoder": {"encoder": "os.system", "columns": []}},
        {"encoder": {"encoder": "table", "columns": []}},
        {"history": [{"epoch": "x"}]},
        {"history": 5},
        {"history": []},
        {"epoch": "many"},
        {"epoch": 2**63},
        {"epoch": 10**30},
        {"step": -1},
        {"seconds": float("nan")},
        {"seconds": 1e13},
        {"rows": None},
        {"rows": 0},
        {"batch_size": 1.0},
        {"stopped_by": 3},
        {"began_at": [1, 2]},
        {"model": None},
        {"model": {"kind": "latent", "layout": 5}},
        {"model": {"kind": "other"}},
        {"versions": "\ud800"},
        {"versions": [[]] * 600_000},
        {"deep": json.loads("[" * 70 + "]" * 70)},
    ):
        yield f"{changes!s:.60}", zipped(manifest_with(entries, **changes))
    yield (
        "no model",
        zipped({**entries, "model.json": entries["model.json"].replace(b'"model":', b'"modes":')}),
    )
    yield "deep", zipped({**entries, "model.json": b"[" * 200_000 + b"]" * 200_000})
    yield "objects", zipped({**entries, "model.json": b"[" + b"{}," * 2_000_000 + b"{}]"})
    yield "names", zipped({**entries, "model.json": b"[" + b'"ab",' * 2_000_000 + b'"ab"]'})

    low = "codec.low.float64"
    ends = safetensors.numpy.load(entries["columns.safetensors"])[low + ".ends"]
    other = np.array(ends)
    other[0], other[-1] = -1, other[-1]
    for what, name, value in (
        ("no ends", low + ".ends", None),
        ("too few ends", low + ".ends", ends[:-1]),
        ("ends of floats", low + ".ends", ends.astype(np.float64)),
        ("ends beyond", low + ".ends", ends + 1),
        ("ends below", low + ".ends", other),
        ("ends that fall", low + ".ends", ends[::-1].copy()),
        ("ends of two dimensions", low + ".ends", ends[None]),
        ("another type", low, np.zeros(ends[-1], np.float32)),
        ("two dimensions", low, np.zeros((ends[-1], 1))),
        ("no type", "codec.low", np.zeros(4)),
        ("an odd name", "codec.Low.float64", np.zeros(4)),
        ("twice", "codec.low.int64", np.zeros(ends[-1], np.int64)),
        ("arrays of no rule", "rules.0.missing", np.zeros((2, 2), bool)),
        ("a rule without number", "rules.x", np.zeros((2, 2), bool)),
    ):

        def change(arrays, name=name, value=value):
            arrays.pop(name, None)
            if value is not None:
                arrays[name] = value
            if name == "codec.low.int64":
                arrays[name + ".ends"] = arrays["codec.low.float64.ends"]

        yield what, zipped(arrays_with(entries, change))

    def moved(header):
        names = [n for n in header if n != "__metadata__"]
        header[names[0]]["data_offsets"] = header[names[1]]["data_offsets"]

    def later(header):
        for tensor in header.values():
            tensor["data_offsets"] = [at + 4 for at in tensor["data_offsets"]]

    def negative(header):
        next(iter(header.values()))["shape"] = [-1, -4]

    def huge(header):
        next(iter(header.values()))["shape"] = [2**32, 2**32]

    def unknown(header):
        header["more"] = {"dtype": "BF16", "shape": [0], "data_offsets": [0, 0]}

    def fewer(header):
        header.popitem()

    def without(header):
        next(iter(header.values())).pop("shape")

    def many(header):
        one = '"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
        return ("{" + ",".join(one % place for place in range(310_000)) + "}").encode()

    for changed in (moved, later, negative, huge, unknown, fewer, without, many):
        yield f"header {changed.__name__}", zipped(header_with(entries, changed))
    yield (
        "escaped name",
        zipped(header_with(entries, lambda h: json.dumps(h).replace('"g', '"\\u0067', 1).encode())),
    )
    yield "long header", zipped({**entries, "weights.safetensors": b"\xff" * 7 + b"\x7f" + b"{}"})
    for name, value in (
        ("real_scores", None),
        ("real_scores", np.zeros(1)),
        ("real_scores", np.zeros((2, 2))),
        ("real_scores", np.zeros(9, np.float32)),
        ("real_scores", np.array([0.0, np.inf])),
    ):

        def scores(arrays, name=name, value=value):
            arrays.pop(name)
            if value is not None:
                arrays[name] = value

        yield f"scores {value}", zipped(arrays_with(entries, scores, "weights.safetensors"))


def test_hostile_files_are_refused(tmp_path, probe):
    files = []
    for index, (_, data) in enumerate(cases := list(hostile_files())):
        (tmp_path / str(index)).write_bytes(data)
        files.append({"path": str(tmp_path / str(index))})
    answers = probe("ModelFileProbe", {"files": files})
    for (what, data), answer in zip(cases, answers, strict=True):
        assert isinstance(answer, str) and answer.startswith(DAMAGED), (what, str(answer)[:300])
        with pytest.raises(engine.ModelFileError):
            engine.load(io.BytesIO(data))


def mutations(data, rng, count):
    """Lists of edits: bytes flipped, cut or moved, and numbers of sizes changed."""
    heads = [at for mark in (b"PK\1\2", b"PK\3\4", b"PK\5\6") for at in _all(data, mark)]
    heads += [data.index(b'{"', at) - 8 for at in _all(data, b"weights.safetensors")[:1]]
    for index in range(count):
        edits = []
        for _ in range(rng.randint(1, 2)):
            kind = index % 5
            at = rng.randrange(len(data)) if kind < 2 else rng.choice(heads) + rng.randrange(56)
            at = min(at, len(data) - 70)
            if kind in (0, 2):
                edits.append(edit(at, 1, bytes([data[at] ^ (1 << rng.randrange(8))])))
            elif kind == 1:
                edits.append(edit(at, rng.randint(0, 60), rng.randbytes(rng.randint(0, 60))))
            elif kind == 3:
                number = rng.choice([0, 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1, len(data)])
                edits.append(edit(at, 4, struct.pack("<I", number)))
            else:
                edits.append(edit(at, 2, struct.pack("<H", rng.choice([0, 1, 8, 255, 2**16 - 1]))))
        yield edits


def _all(data, mark):
    found, at = [], data.find(mark)
    while at >= 0:
        found.append(at)
        at = data.find(mark, at + 1)
    return found


def changed_json(entries, rng, count):
    """Files whose JSON or headers are changed, with right checksums."""
    for _ in range(count):
        name = rng.choice(NAMES)
        entry = bytearray(entries[name])
        end = len(entry) if name == "model.json" else 8 + int.from_bytes(entry[:8], "little")
        for _ in range(rng.randint(1, 2)):
            at = rng.randrange(min(end, len(entry)))
            entry[at : at + rng.randint(0, 2)] = rng.choice(
                [b"9", b"-", b"[", b'"', b"\\", b"a", b" "]
            )
        yield zipped({**entries, name: bytes(entry)})


def test_changed_bytes_end_in_nothing_but_a_clear_error(tmp_path, paths, probe):
    rng = random.Random(7)
    # Without the state of training, which is not read in Java: nothing there can be noticed.
    whole = entries_of(next(path for path in paths if path.name == "pairs_format_3.zip"))
    entries = {name: whole[name] for name in NAMES}
    data = zipped(entries, columns=zipfile.ZIP_DEFLATED)
    (tmp_path / "base").write_bytes(data)
    (tmp_path / "empty").write_bytes(b"")
    cases = list(mutations(data, rng, 1500))
    files = [{"base": str(tmp_path / "base"), "edits": edits} for edits in cases]
    wholes = [edited(data, edits) for edits in cases]
    for changed in changed_json(entries, rng, 300):
        files.append({"base": str(tmp_path / "empty"), "edits": [edit(0, 0, changed)]})
        wholes.append(changed)
    answers = probe("ModelFileProbe", {"files": files, "brief": True})
    read = refused = 0
    for whole, answer in zip(wholes, answers, strict=True):
        if answer == "read":
            read += 1
            assert python_reads(whole) is not None
        else:
            refused += 1
            assert answer.startswith(
                (DAMAGED, "java.lang.IllegalArgumentException: the model file is")
            )
    assert read > 50 and refused > 500
