"""Model files with something changed: every value of their JSON, or bytes of their tensors."""

import copy
import io
import json
import zipfile

HOSTILE = (
    None, True, False, 0, 1, -1, 7, 1e9, -1e9, 10**18, 2**63, -(2**63), 1e308, -1e308, 1e-300, 0.5,
    "", "x", "\ud800", "0" * 40, [], {}, [None], [[1]], {"a": 1}, "nan", "inf",
)  # fmt: skip


def entries_of(path):
    """The entries of a model file."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(entries):
    """Bytes of a model file with these entries."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def places(data, most=3):
    """Paths to every value in JSON; of long lists, to the first few."""
    found = []
    items = data.items() if isinstance(data, dict) else enumerate(data[:most])
    for key, value in items:
        found.append((key,))
        if isinstance(value, dict | list):
            found += [(key, *rest) for rest in places(value, most)]
    return found


def with_value(data, place, value):
    """A copy of JSON with another value in one place."""
    data = copy.deepcopy(data)
    inner = data
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return data


def changed_manifests(entries, rng=None, count=None):
    """Files (what was changed, bytes), each with one value of the JSON changed; all, or some."""
    manifest = json.loads(entries["model.json"])
    every = [(place, value) for place in places(manifest) for value in HOSTILE]
    for place, value in every if rng is None else rng.sample(every, count):
        text = json.dumps(with_value(manifest, place, value)).encode()
        yield (place, value), zipped({**entries, "model.json": text})
