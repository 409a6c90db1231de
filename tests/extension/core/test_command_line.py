"""The command of the jar: the same files as those of the Python package, and nothing half-made."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from untrained import related_model

from h2o_gan import engine, table_files
from h2o_gan.parameters import Parameters

DATA = Path(__file__).parents[2] / "data"
TABLE = DATA / "table_format_3.zip"


@pytest.fixture(scope="module")
def command(core_classes):
    """Runs a command: (arguments) -> the finished process."""

    def run(*arguments, status=0):
        java = [str(shutil.which("java")), "-Xmx1g", "-XX:TieredStopAtLevel=1", "-cp"]
        done = subprocess.run(
            [*java, str(core_classes), "hex.gan.core.Main", *map(str, arguments)],
            capture_output=True,
        )
        assert done.returncode == status, done.stderr.decode()
        said = done.stderr.decode()
        if status:
            assert said.startswith("h2o-gan: error: ") and said.count("\n") == 1
        else:
            assert not said
        return done.stdout, said

    return run


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The path of a model with anomaly scores, and its table."""
    rng = np.random.default_rng(0)
    number = rng.normal(size=300)
    gaps = rng.random((3, 300)) < 0.1
    table = pa.table(
        {
            "number": pa.array(number, mask=gaps[0]),
            "whole": pa.array(rng.poisson(3, 300), mask=gaps[1]),
            "level": pa.array(
                np.where(number > 0, "high", "low"), mask=gaps[2]
            ).dictionary_encode(),
            "time": pa.array(10**12 + 10**7 * np.arange(300), pa.timestamp("ms", "UTC")),
            "key": pa.array([f"K-{i:05d}" for i in range(300)]),
        }
    )
    path = tmp_path_factory.mktemp("model") / "model.zip"
    given = Parameters(seed=1, epochs=1, device="cpu")
    engine.save(engine.fit(table.to_reader(), given), path)
    return path, table


def arrow(path):
    with pa.ipc.open_stream(path) as stream:
        return stream.read_all()


def test_generate_writes_the_same_rows_in_both_formats(command, tmp_path):
    out = tmp_path / "rows.csv"
    command("generate", TABLE, "--rows", "8.5e3", "--seed", 3, "--threads", 2, "--out", out)
    command(
        "generate", TABLE, "--rows", 8500, "--seed=3", "--threads=1", "--out", tmp_path / "r.arrow"
    )
    rows = arrow(tmp_path / "r.arrow")
    wanted = engine.load(TABLE).sample(3, 1).read_all()
    assert rows.num_rows == 8500 and rows.schema.equals(wanted.schema)
    with open(tmp_path / "python.csv", "wb") as file:
        table_files.write_csv(rows.to_reader(), file)
    assert out.read_bytes() == (tmp_path / "python.csv").read_bytes()
    head, _ = command("generate", TABLE, "--rows", 5, "--seed", 3)
    assert out.read_bytes().startswith(head) and head.count(b"\n") == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["python.csv", "r.arrow", "rows.csv"]


def test_conditions_hold(command, tmp_path):
    out = tmp_path / "rows.arrow"
    where = ["--where", "group=blue", "--where", "count=2..4", "--where", "size=0.."]
    command("generate", TABLE, "--rows", 600, "--seed", 1, "--out", out, *where)
    rows = arrow(out)
    assert set(rows["group"].to_pylist()) == {"blue"}
    assert set(rows["count"].to_pylist()) <= {2, 3, 4} and pc.min(rows["size"]).as_py() >= 0
    command("generate", TABLE, "--rows", 1000, "--seed", 1, "--out", out, "--balance", "group")
    counts = np.unique(arrow(out)["group"].drop_null().to_pylist(), return_counts=True)[1]
    assert counts.min() > 0.7 * counts.max()


def test_unique_values_are_unique(command, tmp_path):
    path = tmp_path / "model.zip"
    made = related_model()
    engine.save(dataclasses.replace(made, history=[{"epoch": 1}]), path, for_training=False)
    rules = [rule for rule in made.encoder.rules if type(rule).__name__ == "Unique"]
    assert rules
    command("generate", path, "--rows", 700, "--seed", 1, "--out", tmp_path / "r.arrow")
    rows = arrow(tmp_path / "r.arrow")
    for rule in rules:
        parts = [rows[name].to_pylist() for name in rule.columns]
        values = [row for row in zip(*parts, strict=True) if None not in row]
        assert values and len(set(values)) == len(values)


def test_scores_are_pythons(command, tmp_path, model):
    path, table = model
    loaded = engine.load(path)
    with open(tmp_path / "rows.csv", "wb") as file:
        table_files.write_csv(table.to_reader(), file)
    opened = lambda: table_files.open_rows(  # noqa: E731
        tmp_path / "rows.csv", list(loaded.scored_columns)
    )
    wanted = loaded.anomalies(opened()).read_all()
    command("predict", path, "--in", tmp_path / "rows.csv", "--out", tmp_path / "s.arrow")
    found = arrow(tmp_path / "s.arrow")
    assert found.column_names == wanted.column_names == ["anomaly_score", "log_density"]
    for name in found.column_names:
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-4, atol=1e-4)
    shares = loaded.anomaly_shares(opened()).read_all()
    command(
        "predict",
        path,
        "--in",
        tmp_path / "rows.csv",
        "--per-feature",
        "--out",
        tmp_path / "f.arrow",
    )
    found = arrow(tmp_path / "f.arrow")
    assert found.column_names == shares.column_names
    for name in found.column_names:
        np.testing.assert_allclose(found[name], shares[name], rtol=1e-4, atol=1e-4)
    text, _ = command("predict", path, "--in", tmp_path / "rows.csv", "--contamination", 0.1)
    marked = text.decode().splitlines()
    assert marked[0] == '"predict","anomaly_score","log_density"'
    marks = [line.startswith('"1"') for line in marked[1:]]
    scores = np.array(wanted["anomaly_score"])
    clear = np.abs(scores - loaded.anomaly_threshold(0.1)) > 1e-3
    assert (np.array(marks) == (scores > loaded.anomaly_threshold(0.1)))[clear].all()


def test_impute_keeps_what_is_there(command, tmp_path, model):
    path, table = model
    with pa.ipc.new_stream(tmp_path / "rows.arrow", table.schema) as writer:
        writer.write_table(table)
    command(
        "impute", path, "--in", tmp_path / "rows.arrow", "--seed", 1, "--out", tmp_path / "i.arrow"
    )
    filled = arrow(tmp_path / "i.arrow")
    gaps = 0
    for column in engine.load(path).columns:
        before, after = table[column.name], filled[column.name]
        for old, new in zip(before.to_pylist(), after.to_pylist(), strict=True):
            gaps += old is None
            assert old is None or old == new, column
    assert gaps > 10


def test_describe_lists_columns(command):
    text, _ = command("describe", TABLE)
    lines = [line.split("\t") for line in text.decode().splitlines()]
    columns = engine.load(TABLE).columns
    assert [line[:2] for line in lines[1:]] == [[c.name, c.kind] for c in columns]
    assert "generate MODEL" in command("--help")[0].decode()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["generate", TABLE], 2, "--rows is missing"),
        (["generate", TABLE, "--rows", "0"], 2, "--rows must be at least 1, not 0."),
        (["generate", TABLE, "--rows", "1.5"], 2, "not a whole number"),
        (["generate", TABLE, "--rows", 1, "--seed", -1], 2, "--seed must be at least 0"),
        (["generate", TABLE, "--rows", 1, "--out", "x.xlsx"], 2, "name the output .csv or .arrow"),
        (["generate", TABLE, "--rows", 1, "--where", "group"], 2, "write COLUMN=VALUE"),
        (["generate", TABLE, "--rows", 1, "--what"], 2, "there is no option --what"),
        (["generate", TABLE.with_name("none.zip"), "--rows", 1], 2, "there is no file"),
        (["generate", TABLE, "--rows", 9, "--out", "x.csv", "--where", "group=mauve"], 1, "mauve"),
        (["generate", TABLE, "--rows", 9, "--out", "x.csv", "--where", "none=1"], 1, "none"),
        (["generate", DATA / "pixels_format_3.zip", "--rows", 1, "--out", "x.csv"], 1, ""),
        (["generate", DATA / "table_rows.arrow", "--rows", 1, "--out", "x.csv"], 1, "not a valid"),
        (["impute", TABLE, "--in", "short.csv", "--out", "x.csv"], 2, "lacks columns of the model"),
        (["impute", TABLE, "--in", "bad.csv", "--out", "x.csv"], 1, "column 'amount' is not real"),
        (["impute", TABLE, "--out", "x.csv"], 2, "--in is missing"),
    ],
)
def test_errors_leave_no_file(command, tmp_path, monkeypatch, arguments, status, said):
    monkeypatch.chdir(tmp_path)
    names = [column.name for column in engine.load(TABLE).columns]
    Path("short.csv").write_text('"group"\n"a"\n')
    values = ["x" if name == "amount" else "" for name in names]
    Path("bad.csv").write_text(",".join(names) + "\n" + 9000 * (",".join(values) + "\n"))
    _, text = command(*arguments, status=status)
    assert said in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv", "short.csv"]
