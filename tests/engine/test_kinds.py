"""Every kind of column that H2O has is trained on, generated, and kept in a model file."""

from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest
import torch

from h2o_gan import engine
from h2o_gan.engine.tabular import trainer
from h2o_gan.parameters import Parameters

ROWS = 80


def uuids(values):
    stored = [None if value is None else UUID(int=value).bytes for value in values]
    return pa.ExtensionArray.from_storage(pa.uuid(), pa.array(stored, pa.binary(16)))


def every_kind():
    rng = np.random.default_rng(0)
    enum = pa.array(rng.choice(["a", "b", "ü"], ROWS)).dictionary_encode()
    stamps = pa.array(10**12 + rng.integers(0, 10**9, ROWS), pa.timestamp("ms", tz="UTC"))
    random_uuids = [int.from_bytes(rng.bytes(16), "big") for _ in range(ROWS)]
    one = np.zeros(ROWS, int)
    return {
        "int": pa.array(rng.integers(-5, 10**12, ROWS)),
        "real": pa.array(rng.normal(size=ROWS)),
        "enum": enum,
        "time": stamps,
        "string": pa.array([f"c-{number:05d}" for number in range(ROWS)]),
        "uuid": uuids(random_uuids),
        "some uuid": uuids([None if place % 3 else v for place, v in enumerate(random_uuids)]),
        **{f"no {type_}": pa.nulls(ROWS, type_)
           for type_ in (pa.int64(), pa.float64(), pa.timestamp("ms", tz="UTC"), pa.string(),
                         pa.uuid(), pa.dictionary(pa.int32(), pa.string()))},
        "one int": pa.array(one + 7),
        "one real": pa.array(one + 0.5),
        "one enum": pa.array(["x"] * ROWS).dictionary_encode(),
        "one time": pa.array(one + 10**12, pa.timestamp("ms", tz="UTC")),
        "one string": pa.array(["zwölf"] * ROWS),
        "one uuid": uuids([5] * ROWS),
    }  # fmt: skip


def test_every_kind_comes_back(tmp_path):
    columns = every_kind()
    table = pa.table(columns)
    model = engine.fit(
        table.to_reader(), Parameters(seed=1, epochs=1, discriminator_epochs=1, device="cpu")
    )
    engine.save(model, tmp_path / "m.zip")
    rows = engine.load(tmp_path / "m.zip").sample(30, seed=2).read_all()
    assert rows == model.sample(30, seed=2).read_all()
    assert rows.column_names == list(columns)
    for name, values in columns.items():
        found = rows.column(name)
        if not name.startswith("no "):  # a column of nothing may be of any type
            assert found.type == table.column(name).type, name
        if name.startswith("no "):
            assert found.null_count == 30, name
        elif name.startswith("one "):
            assert found.to_pylist() == values.to_pylist()[:30], name
    fresh = rows.column("uuid").to_pylist()
    assert len(set(fresh)) == 30 and not set(fresh) & set(columns["uuid"].to_pylist())
    looks = {row["column"]: row["values"] for row in model.describe()}
    assert str(UUID(looks["uuid"].removeprefix("like "))) in looks["uuid"]


@pytest.mark.filterwarnings("ignore:Dropping text")
@pytest.mark.parametrize("text", ["", 'a,b\n"c"', "🙂" * 50, "x" * 70_000, "\0", "Łódź ist schön"])
def test_text_of_any_content_is_no_obstacle(tmp_path, text):
    rng = np.random.default_rng(0)
    values = [text, None, "other", *[text + str(number) for number in range(ROWS - 3)]]
    table = pa.table({"x": rng.normal(size=ROWS), "text": values, "same": [text] * ROWS})
    model = engine.fit(
        table.to_reader(), Parameters(seed=1, epochs=1, discriminator_epochs=1, device="cpu")
    )
    engine.save(model, tmp_path / "m.zip")
    rows = engine.load(tmp_path / "m.zip").sample(5, seed=1).read_all()
    assert rows.column("same").to_pylist() == [text] * 5


def test_a_seed_repeats_a_weighted_training_on_any_device(mixed_table, monkeypatch):
    """The critic's generator pretends to be a GPU's: rows by weight are drawn on the CPU."""

    class Elsewhere(torch.Generator):
        @property
        def device(self):
            return torch.device("cuda")

    made = torch.Generator

    def generator(device=None):
        return made() if device is None else Elsewhere()

    monkeypatch.setattr(trainer.torch, "Generator", generator)
    rows = mixed_table.slice(0, 100)
    table = rows.append_column("w", pa.array(np.arange(rows.num_rows) + 1.0))
    given = Parameters(seed=1, epochs=1, device="cpu", weights_column="w", discriminator_epochs=3)
    weights = []
    for start in (1, 2):
        torch.manual_seed(start)
        model = engine.fit(table.to_reader(), given)
        weights.append((model.shift, model.clip, model.history[-1]["discriminator_loss"]))
    assert weights[0] == weights[1]
