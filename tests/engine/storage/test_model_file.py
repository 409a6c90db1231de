"""Model files: exact round trips, and nothing but a clear error from anything else."""

import gzip
import io
import json
import os
import pickle
import shutil
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import safetensors.numpy
import torch

from h2o_gan import engine
from h2o_gan.engine.data.codecs import identifier, numeric
from h2o_gan.engine.data.tokens import number, rules
from h2o_gan.engine.storage.model_file import FORMAT_VERSION
from h2o_gan.engine.tabular import layout
from h2o_gan.engine.tabular import model as tabular_model
from h2o_gan.parameters import Parameters

DATA = Path(__file__).parents[2] / "data"
FROZEN = sorted(path.name for path in DATA.glob("*_format_[23].zip*"))


@pytest.fixture(scope="module", params=["table", "pixels"])
def model(request, mixed_table, digits_table):
    table = mixed_table if request.param == "table" else digits_table
    return engine.fit(
        table.to_reader(),
        Parameters(epochs=1, seed=1, device="cpu", generator_architecture={"hidden_dim": [9]}),
    )


@pytest.fixture
def file(model, tmp_path):
    path = tmp_path / "model.zip"
    engine.save(model, path)
    return path


def rewrite(path, **changes):
    """The same zip with some entries changed or, where None, left out."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries.update(changes.pop("entries", {}))
    manifest = json.loads(entries["model.json"])
    manifest.update(changes)
    entries["model.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            if data is not None:
                archive.writestr(name, data)


def test_a_loaded_model_gives_the_same_rows(model, file, mixed_table, digits_table):
    again = engine.load(file)
    assert again.sample(500, seed=4).read_all().equals(model.sample(500, seed=4).read_all())
    table = mixed_table if len(model.columns) < 64 else digits_table
    old, new = (m.anomalies(table.to_reader()).read_all() for m in (model, again))
    assert old.equals(new)
    assert again.history == model.history and again.parameters == model.parameters
    latents = np.random.default_rng(0).normal(size=(3, model.latent_size))
    assert np.array_equal(again.map_latents(latents), model.map_latents(latents))


def test_saving_twice_gives_the_same_bytes(model, tmp_path):
    engine.save(model, tmp_path / "a")
    engine.save(model, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_a_model_needs_no_disk(model, file):
    inside = io.BytesIO()
    engine.dump(model, inside)
    assert inside.getvalue() == file.read_bytes()
    assert (
        engine.load(inside).sample(9, seed=4).read_all().equals(model.sample(9, seed=4).read_all())
    )
    with pytest.raises(engine.ModelFileError, match="the file is not"):
        engine.load(io.BytesIO(inside.getvalue()[:-50]))


def test_there_is_no_pickle_in_it(file):
    with zipfile.ZipFile(file) as archive:
        names = sorted(archive.namelist())
        assert names == [
            "columns.safetensors",
            "model.json",
            "training.safetensors",
            "weights.safetensors",
        ]
        for name in names:
            with pytest.raises((pickle.UnpicklingError, Exception)):
                pickle.loads(archive.read(name))


def test_an_unwritable_path_leaves_nothing(model, tmp_path):
    with pytest.raises(OSError, match="missing"):
        engine.save(model, tmp_path / "missing" / "model.zip")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_cut_file_is_refused(file, share):
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(engine.ModelFileError, match=r"model\.zip"):
        engine.load(file)


@pytest.mark.parametrize("start", [1, 7, 100, 5_000])
def test_a_file_without_its_start_is_refused(file, start):
    file.write_bytes(file.read_bytes()[start:])
    with pytest.raises(engine.ModelFileError, match=r"model\.zip"):
        engine.load(file)


def test_flipped_bytes_are_noticed(file):
    data = file.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(data), 60):
        broken = bytearray(data)
        broken[place] ^= 0xFF
        file.write_bytes(bytes(broken))
        try:
            again = engine.load(file)
        except engine.ModelFileError:
            continue
        # The few bytes a zip does not guard (dates, flags) must not change the model.
        assert again.sample(20, seed=0).read_all() is not None


def test_random_bytes_and_other_files_are_refused(tmp_path):
    path = tmp_path / "file"
    rng = np.random.default_rng(0)
    for size in (0, 1, 100, 10_000):
        path.write_bytes(rng.bytes(size))
        with pytest.raises(engine.ModelFileError):
            engine.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    with pytest.raises(engine.ModelFileError, match="not an h2o_gan model"):
        engine.load(path)
    torch.save({"a": torch.zeros(3)}, path)
    with pytest.raises(engine.ModelFileError, match="not an h2o_gan model"):
        engine.load(path)
    with pytest.raises(FileNotFoundError):
        engine.load(tmp_path / "missing")


def test_a_newer_format_says_to_upgrade(file):
    rewrite(file, format_version=FORMAT_VERSION + 1)
    with pytest.raises(engine.ModelFileError, match="newer.*upgrade h2o_gan"):
        engine.load(file)


def test_a_pickle_in_place_of_an_entry_is_not_executed(file, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    rewrite(file, entries={"weights.safetensors": pickle.dumps(Bomb())})
    with pytest.raises(engine.ModelFileError):
        engine.load(file)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": {"epochs": 0}},
        {"parameters": {"unknown": 1}},
        {"parameters": {"generator_architecture": {"hidden_dim": 999_999}}},
        {"parameters": {"latent_size": 999_999}},
        {"parameters": None},
        {"encoder": {}},
        {"encoder": {"encoder": "os.system", "columns": []}},
        {"encoder": {"encoder": "pixels", "columns": [], "largest": 255}},
        {"encoder": {"encoder": "table", "columns": [{"codec": "binned"}]}},
        {"history": [{"epoch": "x"}]},
        {"history": 5},
        {"history": []},
        {"epoch": "many"},
        {"rows": None},
        {"format": "something else"},
        {"format_version": "1"},
        {"entries": {"weights.safetensors": None}},
        {"entries": {"columns.safetensors": b"{}"}},
        {"entries": {"columns.safetensors": None}},
        {"entries": {"columns.safetensors": None, "encoder.safetensors": b"{}"}},
        {"entries": {"model.json": b"[]"}, "format": "h2o_gan model"},
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(file, changes):
    try:
        rewrite(file, **changes)
    except AttributeError:  # model.json itself was replaced by something that is no dict
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("model.json", b"[]")
    with pytest.raises(engine.ModelFileError, match=r"model\.zip"):
        engine.load(file)


def test_an_entry_can_not_unfold_into_more_than_the_file(file):
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data + b" " * 50_000_000)
    with pytest.raises(engine.ModelFileError, match="compressed"):
        engine.load(file)


def test_deeply_nested_json_is_refused(file):
    rewrite(file, entries={})
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["model.json"] = b"[" * 200_000 + b"]" * 200_000
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    with pytest.raises(engine.ModelFileError):
        engine.load(file)


def test_two_entries_of_one_name_are_refused(file):
    copy = io.BytesIO(file.read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(copy, "a") as archive:
            archive.writestr("model.json", b"{}")
    file.write_bytes(copy.getvalue())
    with pytest.raises(engine.ModelFileError):
        engine.load(file)


def test_a_file_without_the_state_of_training(model, file, tmp_path, mixed_table, digits_table):
    lean = tmp_path / "lean.zip"
    engine.save(model, lean, for_training=False)
    assert lean.stat().st_size < 0.7 * file.stat().st_size
    again = engine.load(lean)
    assert again.sample(99, seed=4).read_all().equals(model.sample(99, seed=4).read_all())
    table = mixed_table if len(model.columns) < 64 else digits_table
    with pytest.raises(ValueError, match="save the model again with for_training=True"):
        engine.fit(table.to_reader(), model.parameters, checkpoint=again)


@pytest.mark.parametrize(
    ("values", "weights"),
    [
        ([1.0, 2, 3, 4, 5] * 40 + [6.0], [1.0] * 200 + [1e-20]),  # a share that rounds to nothing
        ([0.0] * 38 + [1.7e308, -1.7e308, 1.7e308, -1.7e308, 1.5e308, -1.6e308], None),
        ([float("inf"), 1.0, None] * 30, None),
    ],
)
def test_odd_numbers_are_saved_and_loaded(values, weights):
    table = pa.table({"x": pa.array(values), "y": pa.array([0.0, 1.0] * 150)[: len(values)]})
    given = {
        "column_types": {"x": "numeric"},
        "epochs": 1,
        "seed": 1,
        "device": "cpu",
        "discriminator_epochs": 1,
    }
    if weights is not None:
        table = table.append_column("w", pa.array(weights))
        given["weights_column"] = "w"
    model = engine.fit(table.to_reader(), Parameters(**given))
    inside = io.BytesIO()
    engine.dump(model, inside)
    again = engine.load(inside)
    assert again.sample(99, seed=4).read_all().equals(model.sample(99, seed=4).read_all())


def changed_columns(change):
    """A table's file with its columns' arrays changed."""
    data, _ = frozen("table_format_3.zip")
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w") as changed:
        for info in archive.infolist():
            entry = archive.read(info)
            if info.filename == "columns.safetensors":
                entry = change(entry)
            changed.writestr(info.filename, entry, info.compress_type)
    return out


def test_no_more_is_unfolded_than_an_entry_says():
    whole = changed_columns(lambda entry: entry + bytes(400_000_000)).getvalue()
    data, _ = frozen("table_format_3.zip")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = archive.getinfo("columns.safetensors").file_size
    longer = (size + 400_000_000).to_bytes(4, "little")
    assert whole.count(longer) == 2  # of the entry and in the directory
    tracemalloc.start()
    with pytest.raises(engine.ModelFileError):
        engine.load(io.BytesIO(whole.replace(longer, size.to_bytes(4, "little"))))
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()


def test_numbers_that_wrap_are_refused():
    def change(entry):
        arrays = dict(safetensors.numpy.load(entry))
        spikes = arrays["tokens.spikes.int32"]
        arrays["tokens.spikes.int32"] = np.full_like(spikes, 2**31 - 1)
        return safetensors.numpy.save(arrays)

    with pytest.raises(engine.ModelFileError, match="ranks do not match"):
        engine.load(changed_columns(change))


@pytest.mark.parametrize("model", [None, {"kind": "latent", "layout": 5}, {"kind": "images"}])
def test_a_file_of_another_kind_than_it_says_is_refused(model, tmp_path):
    path = tmp_path / "model.zip"
    path.write_bytes(frozen("table_format_3.zip")[0])
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(entries["model.json"])
    manifest["model"] = model
    if model is None:
        del manifest["model"]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**entries, "model.json": json.dumps(manifest).encode()}.items():
            archive.writestr(name, data)
    with pytest.raises(engine.ModelFileError):
        engine.load(path)


def test_the_state_of_training_can_not_replace_weights(tmp_path):
    data, _ = frozen("table_format_3.zip")
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w") as changed:
        for info in archive.infolist():
            entry = archive.read(info)
            if info.filename == "training.safetensors":
                more = {"generator.project": np.zeros((1, 2, 3), np.float32)}
                entry = safetensors.numpy.save({**safetensors.numpy.load(entry), **more})
            changed.writestr(info.filename, entry, info.compress_type)
    with pytest.raises(engine.ModelFileError, match="other tensors than those of training"):
        engine.load(out)


def frozen(name):
    """A model file of tests/data, and the rows that it gave when it was written."""
    data = (DATA / name).read_bytes()
    family = name.partition("_")[0]
    with pa.ipc.open_file(DATA / f"{family}_rows.arrow") as rows:
        return gzip.decompress(data) if name.endswith(".gz") else data, rows.read_all()


def nearly_equal(rows, wanted):
    """Whether but a few cells differ: another machine rounds sums in another way."""
    cells = [
        (str(one), str(other)) if not isinstance(one, float) else (f"{one:.4g}", f"{other:.4g}")
        for column in wanted.column_names
        for one, other in zip(rows[column].to_pylist(), wanted[column].to_pylist(), strict=True)
    ]
    return np.mean([one == other for one, other in cells]) > 0.97


@pytest.mark.parametrize("name", FROZEN)
def test_an_older_file_keeps_its_rows(name):
    data, wanted = frozen(name)
    rows = engine.load(io.BytesIO(data)).sample(40, seed=5).read_all()
    assert rows.schema == wanted.schema and nearly_equal(rows, wanted)


@pytest.mark.parametrize("name", FROZEN)
def test_former_names_in_a_file_are_todays_in_the_model(name):
    data, _ = frozen(name)
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(data)).read("model.json"))
    assert "critic_epochs" in manifest["parameters"]
    assert any("critic_loss" in row for row in manifest["history"])
    model = engine.load(io.BytesIO(data))
    assert model.parameters.discriminator_epochs == manifest["parameters"]["critic_epochs"]
    assert [row.get("discriminator_loss") for row in model.history] == [
        row.get("critic_loss") for row in manifest["history"]
    ]
    again = io.BytesIO()
    engine.dump(model, again)
    text = zipfile.ZipFile(again).read("model.json").decode()
    assert "critic_epochs" not in text and '"critic_loss"' not in text


@pytest.mark.parametrize("name", [name for name in FROZEN if "_format_3" in name])
def test_rules_of_fitting_are_not_asked_when_a_file_is_loaded(name, monkeypatch):
    """Every constant of fitting may change: a file holds what it was made with."""
    data, _ = frozen(name)
    before = engine.load(io.BytesIO(data)).sample(40, seed=5).read_all()

    for which in ("RULES", "FORMAT_2_RULES"):  # no rule of None can be applied
        monkeypatch.setattr(layout, which, None)
    monkeypatch.setattr(tabular_model, "_FORMAT_2_SIZES", {"knots": 3, "components": 3})
    monkeypatch.setattr(tabular_model, "_FORMAT_2_CRITIC_SIZES", (3, 3))
    for module in (identifier, number, numeric, rules):
        for name, value in vars(module).items():
            constant = name.strip("_").isupper() and name != "UNSEEN"
            if constant and type(value) in (int, float):
                monkeypatch.setattr(module, name, value * 2)
    assert engine.load(io.BytesIO(data)).sample(40, seed=5).read_all().equals(before)


def test_the_first_format_keeps_loading(tmp_path):
    """The file in tests/data was written by the first version of the format."""
    source = DATA / "model_format_1.zip"
    shutil.copy(source, tmp_path / "old.zip")
    model = engine.load(tmp_path / "old.zip")
    assert [column.name for column in model.columns] == ["group", "amount", "moment"]
    rows = model.sample(50, seed=1).read_all()
    assert rows.schema.field("group").type == pa.dictionary(pa.int32(), pa.string())


def test_rules_and_relations_are_saved_and_loaded(tmp_path):
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 500, (2, 200))
    town = rng.choice(["Brno", "Graz", "Linz"], 200)
    country = np.where(town == "Brno", "CZ", np.where(town == "Graz", "AT", None))
    table = pa.table(
        {
            "a": first,
            "b": second,
            "sum": first + second,
            "town": pa.array(town).dictionary_encode(),
            "country": pa.array(country).dictionary_encode(),
        }
    )
    given = ["a >= 0", "town, country", "unique(a, b)"]
    parameters = Parameters(epochs=1, seed=1, discriminator_epochs=0, constraints=given)
    model = engine.fit(table.to_reader(), parameters)
    engine.save(model, tmp_path / "model.zip")
    loaded = engine.load(tmp_path / "model.zip")
    assert loaded.parameters == model.parameters
    assert loaded.relations() == model.relations() and loaded.describe() == model.describe()
    kept, again = (m.encoder.rules[1].arrays() for m in (model, loaded))
    assert kept["missing"].any() and not kept["missing"].flags.c_contiguous
    assert all(np.array_equal(kept[name], again[name]) for name in kept)
    rows = loaded.sample(100, 7).read_all()
    assert rows.equals(model.sample(100, 7).read_all())
    pairs = zip(rows["town"].to_pylist(), rows["country"].to_pylist(), strict=True)
    assert set(pairs) <= set(zip(town, country, strict=True))
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        arrays = safetensors.numpy.load(archive.read("columns.safetensors"))
    assert "rules.1.missing" in arrays
    arrays["rules.7.missing"] = arrays["rules.1.missing"]
    entries = {"columns.safetensors": safetensors.numpy.save(arrays)}
    rewrite(tmp_path / "model.zip", entries=entries)
    with pytest.raises(engine.ModelFileError, match="of a rule that it does not have"):
        engine.load(tmp_path / "model.zip")
