"""Model files that someone made: refused in little time and memory, or as good as any other."""

import dataclasses
import json
import os
import random
import signal
import stat
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import safetensors.numpy
from hostile import HOSTILE, changed_manifests, entries_of, places, with_value, zipped
from untrained import related_model

from h2o_gan import engine
from h2o_gan.engine.exceptions import Unreachable
from h2o_gan.engine.storage.atomic import atomic_write
from h2o_gan.parameters import Parameters

FAMILIES = {
    "columns": {"discriminator_epochs": 1},
    "mlp": {"architecture": "mlp", "generator_architecture": {"hidden_dim": [9]}},
    "convolutional": {"architecture": "convolutional"},
}
_MADE = ("computed", "sequence")
REFUSED = "is not a valid h2o_gan model file"


@pytest.fixture(scope="module", params=FAMILIES)
def entries(request, mixed_table, digits_table, tmp_path_factory):
    table = digits_table if request.param == "convolutional" else mixed_table
    given = Parameters(seed=1, epochs=1, device="cpu", **FAMILIES[request.param])
    path = tmp_path_factory.mktemp("model") / "model.zip"
    model = engine.fit(table.slice(0, 200).to_reader(), given)
    # Images have the largest state of training, on which nothing here depends.
    engine.save(model, path, for_training=request.param != "convolutional")
    return entries_of(path)


def test_any_value_may_be_changed(entries, tmp_path):
    """A part of what scripts/fuzz models goes through: no error but one, and no hanging."""
    path = tmp_path / "changed.zip"
    for what, data in changed_manifests(entries, random.Random(3), 60):
        path.write_bytes(data)
        try:
            model = engine.load(path)
        except engine.ModelFileError:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert model.sample(3, seed=1).read_all().num_rows == 3, what


@pytest.fixture(scope="module")
def related(tmp_path_factory):
    """The entries of a model with relations, rules, identifiers and an anchor."""
    path = tmp_path_factory.mktemp("model") / "model.zip"
    model = dataclasses.replace(related_model(), history=[{"epoch": 1}])
    engine.save(model, path, for_training=False)
    assert engine.load(path).layout.anchors
    return entries_of(path)


def test_relations_rules_and_anchors_may_be_changed(related, tmp_path):
    """Rules that no row keeps are found out when rows are drawn."""
    manifest = json.loads(related["model.json"])
    columns = manifest["encoder"]["columns"]
    found = [
        place
        for place in places(manifest, 15)
        if {"relations", "rules", "anchors", "related"} & {*place}
        or (place[1:2] == ("columns",) and place[2:] and columns[place[2]]["codec"] in _MADE)
    ]
    assert {columns[p[2]]["codec"] for p in found if p[1] == "columns"} == {*_MADE, "binned"}
    rng, loaded = random.Random(4), 0
    for place, value in rng.sample([(p, value) for p in found for value in HOSTILE], 120):
        text = json.dumps(with_value(manifest, place, value)).encode()
        (tmp_path / "x.zip").write_bytes(zipped({**related, "model.json": text}))
        try:
            model = engine.load(tmp_path / "x.zip")
            loaded += 1
            assert model.sample(3, seed=1).read_all().num_rows == 3, (place, value)
        except (engine.ModelFileError, Unreachable):
            continue
    assert loaded


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("model", "layout", "anchors", 0, "source"), 99),
        (("model", "layout", "anchors", 0, "scores"), [0.0] * 256),
        (("encoder", "columns", 4, "related"), [0.2, 0.2]),
        (("encoder", "columns", 4, "related"), []),
        (("encoder", "columns", 3, "codec"), "sequence"),
        (("encoder", "columns", 3, "column", "kind"), "string"),
        (("encoder", "columns", 0, "step"), 0),
        (("encoder", "relations", 0, "always"), False),
        (("encoder", "relations", 0, "formula", "kind"), "condition"),
        (("encoder", "relations", 0, "formula", "column"), "city"),
        (("encoder", "relations"), []),
        (("encoder", "rules", 1, "columns"), ["zone", "zone"]),
        (("encoder", "rules", 2, "expression"), ["column", "some"]),
        (("encoder", "rules"), [{"kind": "unique", "text": "", "columns": ["some"]}] * 2000),
    ],
)
def test_these_changes_of_relations_are_refused(related, tmp_path, place, value):
    text = json.dumps(with_value(json.loads(related["model.json"]), place, value)).encode()
    (tmp_path / "x.zip").write_bytes(zipped({**related, "model.json": text}))
    with pytest.raises(engine.ModelFileError, match=REFUSED):
        engine.load(tmp_path / "x.zip")


def test_a_relation_has_a_choice_of_its_own(related, tmp_path):
    arrays = safetensors.numpy.load(related["columns.safetensors"])
    columns = json.loads(related["model.json"])["encoder"]["columns"]
    again = [c["column"]["name"] for c in columns if c["codec"] in ("levels", "binned")].index(
        "again"
    )
    end = arrays["tokens.choice_of.int32.ends"][again]
    for changes in ({end - 1: -1}, {end - 2: arrays["tokens.choice_of.int32"][end - 1]}):
        choices = arrays["tokens.choice_of.int32"].copy()
        choices[[*changes]] = [*changes.values()]
        data = safetensors.numpy.save({**arrays, "tokens.choice_of.int32": choices})
        (tmp_path / "x.zip").write_bytes(zipped({**related, "columns.safetensors": data}))
        with pytest.raises(engine.ModelFileError, match="column 'again'"):
            engine.load(tmp_path / "x.zip")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shift", 1e9), ("clip", 1e9), ("clip", -1e9), ("decimals", 10**18), ("decimals", -1),
        ("step", 2**63), ("step", 0), ("name", "\ud800"), ("levels", ["\udfff"]), ("rows", 0),
        ("missing_share", 1.0), ("epoch", 10**30), ("seconds", float("nan")),
    ],
)  # fmt: skip
def test_these_values_are_refused(entries, tmp_path, name, value):
    """Some of them loaded, and then hung, divided by zero, overflowed or could not be written."""
    manifest = json.loads(entries["model.json"])
    found = [place for place in places(manifest, 99) if place[-1] == name]
    if (name, value) == ("step", 0):  # Of a column: a history may well begin with step 0.
        found = [place for place in found if place[0] == "encoder"]
    for place in found:
        text = json.dumps(with_value(manifest, place, value)).encode()
        (tmp_path / "x.zip").write_bytes(zipped({**entries, "model.json": text}))
        with pytest.raises(engine.ModelFileError, match=REFUSED):
            engine.load(tmp_path / "x.zip")


def test_a_type_of_tensor_that_we_do_not_write(entries, tmp_path):
    """numpy lacks it, which safetensors tells by a KeyError."""
    data = entries["columns.safetensors"]
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["more"] = {"dtype": "BF16", "shape": [0], "data_offsets": [0, 0]}
    text = json.dumps(header).encode()
    changed = len(text).to_bytes(8, "little") + text + data[8 + length :]
    (tmp_path / "x.zip").write_bytes(zipped({**entries, "columns.safetensors": changed}))
    with pytest.raises(engine.ModelFileError, match="tensors of the unknown type 'BF16'"):
        engine.load(tmp_path / "x.zip")


def test_brackets_in_texts_are_no_parts(entries, tmp_path):
    """Levels that are JSON themselves, for instance."""
    manifest = json.loads(entries["model.json"])
    manifest["versions"]["torch"] = '[{"' * 400_000
    text = json.dumps(manifest).encode()
    (tmp_path / "x.zip").write_bytes(zipped({**entries, "model.json": text}))
    assert engine.load(tmp_path / "x.zip").epoch == 1


def test_an_error_of_our_own_is_not_told_as_the_files(entries, tmp_path, monkeypatch):
    (tmp_path / "x.zip").write_bytes(zipped(entries))

    def broken(*_):
        raise TypeError("a bug")

    monkeypatch.setattr(engine.storage.model_file, "_real_scores", broken)
    with pytest.raises(TypeError, match="a bug"):
        engine.load(tmp_path / "x.zip")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no module resource")
@pytest.mark.parametrize("entries", ["columns"], indirect=True)
def test_no_file_takes_much_memory_or_time(entries, tmp_path):
    one = '"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    header = ("{" + ",".join(one % place for place in range(1_000_000)) + "}").encode()
    kinds = {
        "objects": {"model.json": b"[" + b"{}," * 20_000_000 + b"{}]"},
        "tensors": {"weights.safetensors": len(header).to_bytes(8, "little") + header},
        "names": {"model.json": b"[" + b'"ab",' * 6_000_000 + b'"ab"]'},
        "bytes": {"model.json": b"[" + b"{}," * 80_000_000 + b"{}]"},
    }
    for kind, own in kinds.items():
        (tmp_path / kind).write_bytes(zipped({**entries, **own}))
    peaks = _peaks_of_loading([tmp_path / kind for kind in kinds])
    assert len(peaks) == len(kinds) and max(peaks) < 2**30, peaks


@pytest.mark.skipif(sys.platform == "win32", reason="Windows opens neither pipes nor folders")
@pytest.mark.parametrize("kind", ["device", "pipe", "folder"])
def test_only_regular_files_are_read(tmp_path, kind):
    path = Path("/dev/zero") if kind == "device" else tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(engine.ModelFileError, match="no.* regular file"):
        engine.load(path)


def _peaks_of_loading(paths):
    """Bytes of memory that a process has taken at most when it has refused each of the files."""
    program = """
import resource, sys
from h2o_gan import engine
resource.setrlimit(resource.RLIMIT_CPU, (40, 40))
for path in sys.argv[1:]:
    try:
        engine.load(path)
    except engine.ModelFileError:
        if sys.platform == "linux":  # ru_maxrss would count what the parent took
            with open("/proc/self/status") as file:
                [line] = [line for line in file if line.startswith("VmHWM")]
            print(int(line.split()[1]) * 1024)
        else:
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, paths)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-500:]
    return [int(line) for line in done.stdout.split()]


# ---- as files are written


@pytest.fixture(scope="module")
def model(mixed_table):
    return engine.fit(
        mixed_table.slice(0, 60).to_reader(), Parameters(seed=1, epochs=1, discriminator_epochs=0)
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_what_a_killed_process_left_is_removed(model, tmp_path):
    process = os.fork()
    if process == 0:
        with atomic_write(tmp_path / "m.zip") as file:
            file.write(b"half")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    engine.save(model, tmp_path / "m.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["m.zip"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_mode_of_a_file_is_kept_and_new_ones_honour_the_mask(model, tmp_path, monkeypatch):
    engine.save(model, tmp_path / "a")
    (tmp_path / "plain").touch()
    mode = lambda name: stat.S_IMODE((tmp_path / name).stat().st_mode)  # noqa: E731
    assert mode("a") == mode("plain")

    def process_wide(mask):
        raise AssertionError("the mask is the whole process's")

    monkeypatch.setattr(os, "umask", process_wide)
    for wanted in (0o600, 0o640):
        os.chmod(tmp_path / "a", wanted)
        engine.save(model, tmp_path / "a")
        assert mode("a") == wanted


@pytest.mark.skipif(sys.platform == "win32", reason="Windows bounds the whole path")
def test_names_may_be_as_long_as_the_file_system_takes(model, tmp_path):
    for name in ("n" * 255, "ü" * 127):
        engine.save(model, tmp_path / name)
        assert engine.load(tmp_path / name).sample(2).read_all().num_rows == 2
