"""The command of the jar: the same files as those of the Python package, and nothing half-made."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from untrained import model_of, related_model

from h2o_gan import engine, table_files
from h2o_gan.engine.tabular.density import Surprise

DATA = Path(__file__).parents[2] / "data"
TABLE = DATA / "table_format_3.zip"


@pytest.fixture
def command(probe):
    """Runs commands in the JVM of the probes: (arguments) -> what they write."""

    def run(*arguments):
        ((status, out, said),) = probe("CommandProbe", [[*map(str, arguments)]])
        assert (status, said) == (0, "")
        return out

    return run


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The path of a model with anomaly scores, and a table of it with missing values."""
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
    made = model_of(table, strength=1)
    surprise = Surprise.fit(made._density.of_table(table))
    made = dataclasses.replace(made, surprise=surprise, history=[{"epoch": 1}])
    path = tmp_path_factory.mktemp("model") / "model.zip"
    engine.save(made, path, for_training=False)
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
    assert sorted(path.name for path in tmp_path.iterdir()) == ["python.csv", "r.arrow", "rows.csv"]


def test_processes_write_rows_or_one_message(core_classes, command, tmp_path):
    command("generate", TABLE, "--rows", 9, "--seed", 3, "--out", tmp_path / "rows.csv")
    generate = ["generate", TABLE, "--rows", 5, "--seed", 3]
    java = [str(shutil.which("java")), "-XX:TieredStopAtLevel=1", "-cp", str(core_classes)]
    for arguments, status, said in (
        (generate, 0, b""),
        ([*generate, "--where", "group=mauve"], 1, b"mauve"),
        (["generate", TABLE], 2, b"h2o-gan: error: --rows is missing"),
    ):
        command = [*java, "hex.gan.core.Main", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True)
        assert done.returncode == status and said in done.stderr
        assert done.stderr.count(b"\n") == (status > 0)
        assert done.stdout.count(b"\n") == (6 if status == 0 else 0)
        assert (tmp_path / "rows.csv").read_bytes().startswith(done.stdout)


def test_conditions_hold(command, tmp_path):
    out = tmp_path / "rows.arrow"
    where = ["--where", "group=blue", "--where", "count=2..4", "--where", "size=0.."]
    command("generate", TABLE, "--rows", 300, "--seed", 1, "--out", out, *where)
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
    out = tmp_path / "marked.csv"
    command("predict", path, "--in", tmp_path / "rows.csv", "--contamination", 0.1, "--out", out)
    marked = out.read_text().splitlines()
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
    lines = [line.split("\t") for line in command("describe", TABLE).splitlines()]
    columns = engine.load(TABLE).columns
    assert [line[:2] for line in lines[1:]] == [[c.name, c.kind] for c in columns]
    assert "generate MODEL" in command("--help")


PIXELS, ROWS = DATA / "pixels_format_3.zip", DATA / "table_rows.arrow"
WRONG = [
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
    (["generate", PIXELS, "--rows", 1, "--out", "x.csv"], 1, ""),
    (["generate", ROWS, "--rows", 1, "--out", "x.csv"], 1, "not a valid"),
    (["impute", TABLE, "--in", "short.csv", "--out", "x.csv"], 2, "lacks columns of the model"),
    (["impute", TABLE, "--in", "bad.csv", "--out", "x.csv"], 1, "column 'amount' is not real"),
    (["impute", TABLE, "--out", "x.csv"], 2, "--in is missing"),
]


def test_errors_leave_no_file(probe, tmp_path):
    names = [column.name for column in engine.load(TABLE).columns]
    (tmp_path / "short.csv").write_text('"group"\n"a"\n')
    values = ["x" if name == "amount" else "" for name in names]
    row = ",".join(values) + "\n"
    (tmp_path / "bad.csv").write_text(",".join(names) + "\n" + 9000 * row)
    commands = [
        [str(tmp_path / a) if str(a).endswith((".csv", ".xlsx")) else str(a) for a in arguments]
        for arguments, _, _ in WRONG
    ]
    for (arguments, *wanted), (status, out, text) in zip(
        WRONG, probe("CommandProbe", commands), strict=True
    ):
        assert status == wanted[0] and wanted[1] in text, arguments
        assert text.startswith("h2o-gan: error: ") and text.count("\n") == 1 and not out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv", "short.csv"]
