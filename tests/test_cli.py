"""The h2o-gan command as a user types it.

What speaks to a cluster, or is about the process, runs in a process of its own; the rest in this
one, which has imported torch and h2o already.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import h2o
import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from h2o_gan import engine, extension
from h2o_gan.cli import main
from h2o_gan.parameters import Parameters

COMMAND = Path(sys.executable).with_name("h2o-gan")
PROSTATE = Path(h2o.__file__).parent / "h2o_data" / "prostate.csv"


def run(*arguments, cwd=None, **environment):
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=240,
    )


@pytest.fixture
def call(capfd, monkeypatch):
    """Runs the command in this process, and returns what :func:`run` does."""

    def called(*arguments, cwd):
        monkeypatch.chdir(cwd)
        capfd.readouterr()
        try:
            status = main([*map(str, arguments)])
        except SystemExit as left:  # by argparse
            status = left.code
        h2o.show_progress()  # the command's process would have ended
        return subprocess.CompletedProcess(arguments, status, *capfd.readouterr())

    return called


@pytest.fixture(scope="module")
def model(cluster, tmp_path_factory):
    """A model that the command itself saved, and what it wrote."""
    folder = tmp_path_factory.mktemp("cli")
    keys = set(h2o.ls()["key"])
    done = run(
        "synthesize", PROSTATE, "--rows", 300, "--out", "synthetic.csv", "--save", "model.zip",
        "--url", cluster.base_url, "--epochs", 20, "--seed", 1, "--ignore", "ID", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "gan Model Build progress" in done.stderr
    assert "300 rows written to synthetic.csv" in done.stderr
    assert set(h2o.ls()["key"]) == keys
    return folder


def test_synthesize_writes_rows_like_the_files_own(model):
    real, fake = pc.read_csv(PROSTATE), pc.read_csv(model / "synthetic.csv")
    assert fake.num_rows == 300
    assert fake.column_names == real.column_names[1:]
    for name in fake.column_names:
        assert fake[name].type == real[name].type, name
        values = fake[name].to_numpy()
        assert values.min() >= real[name].to_numpy().min()
        assert values.max() <= real[name].to_numpy().max()
    assert sorted(p.name for p in model.iterdir()) == ["model.zip", "synthetic.csv"]


def test_generate_writes_more_rows_without_a_cluster(call, model):
    for name in ("more.csv", "more.parquet"):
        done = call("generate", "model.zip", "--rows", 40, "--out", name, "--seed", 7, cwd=model)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    csv, parquet = pc.read_csv(model / "more.csv"), pq.read_table(model / "more.parquet")
    assert csv.num_rows == parquet.num_rows == 40
    assert csv["AGE"].to_pylist() == parquet["AGE"].to_pylist()
    for name in ("more.csv", "more.parquet"):
        (model / name).unlink()


def test_gaps_of_a_file_are_filled_and_columns_predicted_without_a_cluster(call, model):
    rows = pc.read_csv(PROSTATE).slice(0, 30)
    gaps = pa.array([number % 3 == 0 for number in range(30)])
    for name in ("PSA", "RACE"):
        position = rows.column_names.index(name)
        rows = rows.set_column(position, name, pa.compute.if_else(gaps, None, rows[name]))
    pc.write_csv(rows, model / "gaps.csv")
    done = call("impute", "model.zip", "gaps.csv", "--method", "mean", "--out", "x.csv", cwd=model)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    filled = pc.read_csv(model / "x.csv")
    assert filled.column_names == rows.column_names[1:]
    for name in filled.column_names:
        assert filled[name].null_count == 0
        assert pa.compute.if_else(gaps, 0, filled[name]) == pa.compute.if_else(
            gaps, 0, pc.read_csv(PROSTATE)[name].slice(0, 30)
        )
    done = call("predict", "model.zip", "gaps.csv", "--column", "AGE", cwd=model)
    predicted = pc.read_csv(pa.py_buffer(done.stdout.encode()))
    assert predicted.column_names == ["predict", "q0.1", "q0.5", "q0.9"]
    assert predicted.num_rows == 30
    done = call("predict", "model.zip", "gaps.csv", "--column", "TOWN", cwd=model)
    assert done.returncode == 1 and "the model has no column 'TOWN'" in done.stderr
    (model / "gaps.csv").write_text("AGE\n60\n")
    done = call("impute", "model.zip", "gaps.csv", cwd=model)
    assert done.returncode == 2 and "gaps.csv lacks columns of the model: 'CAPSULE'" in done.stderr
    for name in ("gaps.csv", "x.csv"):
        (model / name).unlink()


def test_anomalies_are_scored_without_a_cluster(call, model):
    rows = pc.read_csv(PROSTATE).slice(0, 40)
    odd = rows.set_column(rows.column_names.index("PSA"), "PSA", pa.array([500.5] * 40))
    pc.write_csv(rows, model / "rows.csv")
    pq.write_table(odd, model / "odd.parquet")
    done = call("anomalies", "model.zip", "rows.csv", "--contamination", 0.1, cwd=model)
    assert done.returncode == 0, done.stderr
    usual = pc.read_csv(pa.py_buffer(done.stdout.encode()))
    assert usual.column_names == ["predict", "anomaly_score", "log_density"]
    assert usual.num_rows == 40
    marked, usual_scores = (usual[name].to_numpy() for name in ("predict", "anomaly_score"))
    assert 0 < marked.sum() < 20  # of training rows one in ten
    assert usual_scores[marked == 1].min() > usual_scores[marked == 0].max()
    done = call("anomalies", "model.zip", "odd.parquet", "--out", "odd.csv", "--contamination", 0.1,
               cwd=model)  # fmt: skip
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    found = pc.read_csv(model / "odd.csv")
    scores = found["anomaly_score"].to_numpy()
    assert found["predict"].to_pylist() == [1] * 40
    assert (scores > usual_scores + 1).all()
    done = call("anomalies", "model.zip", "odd.parquet", "--per-feature", cwd=model)
    shares = pc.read_csv(pa.py_buffer(done.stdout.encode()))
    assert shares.column_names == rows.column_names[1:]
    assert np.allclose(sum(column.to_numpy() for column in shares.columns), scores)
    for name in ("rows.csv", "odd.parquet", "odd.csv"):
        (model / name).unlink()


def test_anomalies_name_what_is_wrong(call, model):
    pc.write_csv(pa.table({"AGE": [1], "PSA": ["much"]}), model / "few.csv")
    wrong = {
        ("few.csv",): "few.csv lacks columns of the model: 'CAPSULE'",
        ("none.csv",): "there is no file none.csv",
        ("few.csv", "--contamination", "0.7"): "contamination must be at most 0.5, not 0.7",
        ("few.csv", "--per-feature", "--contamination", "0.1"): "leave --contamination out",
    }
    for arguments, message in wrong.items():
        done = call("anomalies", "model.zip", *arguments, cwd=model)
        assert (done.returncode, done.stdout) == (2, "") and message in done.stderr, done.stderr
    (model / "few.csv").unlink()


def test_without_out_stdout_is_the_rows_and_nothing_else(model):
    done = run("generate", "model.zip", "--rows", 3, "--seed", 7, cwd=model)
    table = pc.read_csv(pa.py_buffer(done.stdout.encode()))
    assert table.num_rows == 3 and table.column_names[0] == "CAPSULE"


def test_a_reader_that_leaves_is_no_error_to_shout_about(model):
    done = subprocess.run(
        f"'{COMMAND}' generate model.zip --rows 200000 | head -n 2",
        shell=True, capture_output=True, text=True, cwd=model,
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 2
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


def test_parquet_with_times_levels_and_gaps(cluster, tmp_path):
    rng = np.random.default_rng(0)
    rows = 300
    table = pa.table(
        {
            "day": pa.array(rng.integers(0, 9_000, rows) * 86_400_000_000, pa.timestamp("us")),
            "name": pa.array(rng.choice(["a, b", 'say "hi"', "ü"], rows)).dictionary_encode(),
            "size": pa.array(rng.normal(size=rows).round(2), mask=rng.random(rows) < 0.3),
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    done = run("synthesize", "in.parquet", "--out", "out.csv", "--epochs", 5, "--seed", 1,
               "--url", cluster.base_url, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    out = pc.read_csv(tmp_path / "out.csv")
    assert out.num_rows == rows
    assert pa.types.is_timestamp(out["day"].type) or pa.types.is_date(out["day"].type)
    assert set(out["name"].to_pylist()) <= {"a, b", 'say "hi"', "ü"}
    assert 0.1 < out["size"].null_count / rows < 0.5


def test_it_starts_a_cluster_of_its_own(tmp_path, free_port):
    done = run(
        "synthesize", PROSTATE, "--rows", "5.0", "--epochs", "1e0", "--ignore", "ID", "--quiet",
        "--max-runtime-secs", 1, "--memory", "600m", "--port", free_port(), cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert pc.read_csv(pa.py_buffer(done.stdout.encode())).num_rows == 5
    assert done.stderr == ""


def test_text_of_few_values_is_learned_and_the_rest_is_named(cluster, tmp_path):
    rows, rng = 300, np.random.default_rng(0)
    words = ["the", "a", "customer", "called", "again", "about", "his", "late", "order", "and"]
    table = pa.table(
        {
            "size": np.arange(rows) % 11,
            "town": [["Ulm", "Köln", None][i % 3] for i in range(rows)],
            "note": [" ".join(rng.choice(words, rng.integers(4, 12))) for _ in range(rows)],
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    url = cluster.base_url.removeprefix("http://")  # without a scheme
    done = run(
        "synthesize", "in.parquet", "--out", "out.csv", "--max-runtime-secs", 1, "--epochs", 3,
        "--rows", 50, "--response", "town", "--url", url, "--quiet", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    out = pc.read_csv(tmp_path / "out.csv")
    assert out.column_names == ["size", "town"] and set(out["town"].to_pylist()) <= {
        "Ulm", "Köln", ""
    }  # fmt: skip
    assert "h2o-gan: warning: left out columns of free text: note" in (done.stderr.splitlines())
    done = run("synthesize", "in.parquet", "--response", "note", "--url", url, cwd=tmp_path)
    assert done.returncode == 2 and "--response note: this column is free text" in done.stderr
    assert "gan Model Build" not in done.stderr and done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["synthesize", "missing.csv", "--out", "x.csv"], 2, "there is no file missing.csv"),
        (["synthesize", PROSTATE, "--out", "no/x.csv"], 2, "no/x.csv can't be written"),
        (["synthesize", PROSTATE, "--out", "x.xlsx"], 2, "name the output .csv or .parquet"),
        (["synthesize", PROSTATE, "--out", "."], 2, "is a folder"),
        (["synthesize", PROSTATE, "--save", "no/m.zip"], 2, "no/m.zip can't be written"),
        (["synthesize", PROSTATE, "--seed", "-1"], 2, "--seed must be at least 0"),
        (["synthesize", PROSTATE, "--rows", "0"], 2, "--rows must be at least 1"),
        (["synthesize", PROSTATE, "--epochs", "0"], 1, "epochs must be at least 1"),
        (["synthesize", __file__], 2, "neither CSV nor Parquet"),
        (["generate", "missing.zip", "--rows", "1"], 2, "there is no file missing.zip"),
        (
            ["generate", PROSTATE, "--rows", "1"],
            1,
            "is not a valid h2o_gan model file: it is not a zip",
        ),
        (["synthesize", PROSTATE, "--url", "nowhere"], 2, "write host:port"),
        (["worker", "--url", "nowhere"], 2, "write host:port"),
        (["worker", "--url", "localhost:9", "--cacert", "no.pem"], 2, "there is no file no.pem"),
        (["synthesize", PROSTATE, "--url", "localhost:9", "--port", "7"], 2, "leave --url out"),
        (["synthesize", PROSTATE, "--rows", "2.5"], 2, "'2.5' is not a whole number"),
        (["synthesize", PROSTATE, "--max-runtime-secs", "-1"], 1, "must be at least 0"),
        (["dance"], 2, "invalid choice"),
        ([], 2, "required"),
    ],
)
def test_bad_input_is_one_message_and_a_status(call, tmp_path, arguments, status, message):
    done = call(*arguments, cwd=tmp_path)
    assert done.returncode == status
    assert message in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == "" and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"", "x.csv is empty"),
        ("x.csv", b"\n \n", "x.csv is empty"),
        ("x.csv", b"a,b\n", "x.csv has no rows below its header"),
        ("x.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "x.csv is not text"),
        ("x.csv.gz", b"a,b\n1,2\n", "is not compressed by gzip"),
        ("x.parquet", b"a,b\n1,2\n", "x.parquet is not a Parquet file"),
    ],
)
def test_files_that_are_no_tables_are_named(call, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    done = call("synthesize", name, "--url", "localhost:9", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_cluster_that_is_not_there_is_named(tmp_path):
    done = run("synthesize", PROSTATE, "--url", "http://127.0.0.1:9", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "127.0.0.1:9" in done.stderr and "Traceback" not in done.stderr


def test_a_column_that_is_not_there_is_named(cluster, tmp_path):
    done = run("synthesize", PROSTATE, "--ignore", "nope", "--url", cluster.base_url, cwd=tmp_path)
    assert done.returncode == 1 and "no column 'nope'" in done.stderr


def test_conditions_are_met(call, model):
    done = call(
        "generate", "model.zip", "--rows", 60, "--where", "AGE=60..65", "--balance", "CAPSULE",
        "--seed", 7, cwd=model,
    )  # fmt: skip
    assert done.returncode == 1 and "balance='CAPSULE' is not a categorical column" in done.stderr
    done = call("generate", "model.zip", "--rows", 60, "--where", "AGE=60..65", "--where",
               "CAPSULE=1", "--out", "few.csv", cwd=model)  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = pc.read_csv(model / "few.csv").to_pandas()
    assert rows["AGE"].between(60, 65).all() and set(rows["CAPSULE"]) == {1}
    (model / "few.csv").unlink()
    done = call("generate", "model.zip", "--rows", 5, "--where", "AGE", cwd=model)
    assert done.returncode == 2 and "write COLUMN=VALUE" in done.stderr


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A folder with a model whose column of levels looks like numbers, and rows like its own."""
    folder = tmp_path_factory.mktemp("digits")
    levels = pa.array(["01234", "1234", "1e5", "9..5"] * 20).dictionary_encode()
    table = pa.table({"zip": levels, "size": [float(size) for size in range(80)]})
    given = Parameters(epochs=1, seed=1, discriminator_epochs=0, ignore_const_cols=False)
    engine.save(engine.fit(table.to_reader(), given), folder / "model.zip")
    pq.write_table(table, folder / "rows.parquet")
    return folder


def test_a_level_of_digits_stays_text(call, digits, tmp_path):
    """The model knows the type of a column: 01234 is a level, 5 is a number."""
    for level in ("01234", "1234", "1e5", "9..5"):
        done = call("generate", digits / "model.zip", "--rows", 5, "--where", f"zip={level}",
                   "--where", "size=20..60", "--out", "rows.parquet", cwd=tmp_path)  # fmt: skip
        assert done.returncode == 0, done.stderr
        rows = pq.read_table(tmp_path / "rows.parquet").to_pandas()
        assert set(rows["zip"]) == {level} and rows["size"].between(20, 60).all()


def test_a_saved_model_needs_no_h2o(digits, tmp_path):
    """With the h2o package out of reach, as on a machine that has only the model."""
    program = """if True:
        import sys
        sys.modules["h2o"] = None
        from h2o_gan.cli import main
        model, rows = sys.argv[1:]
        assert main(["generate", model, "--rows", "5e0", "--where", "zip=01234", "--out", "a.csv"]) == 0
        assert main(["impute", model, rows, "--out", "b.csv"]) == 0
        assert main(["predict", model, rows, "--column", "zip", "--out", "c.csv"]) == 0
        assert main(["anomalies", model, rows, "--out", "d.csv"]) == 0
        assert not [name for name in sys.modules if name.startswith("h2o_gan.cluster")]
    """  # noqa: E501
    files = (digits / "model.zip", digits / "rows.parquet")
    subprocess.run([sys.executable, "-c", program, *files], cwd=tmp_path, check=True, timeout=240)
    counts = [pc.read_csv(tmp_path / f"{name}.csv").num_rows for name in "abcd"]
    assert counts == [5, 80, 80, 80]


def test_relations_are_reported_and_rules_kept(cluster, tmp_path):
    rng, rows = np.random.default_rng(0), 300
    price, count = rng.integers(100, 5_000, rows) / 100, rng.integers(1, 9, rows)
    table = pa.table({"price": price, "count": count, "total": (price * count).round(2)})
    pc.write_csv(table, tmp_path / "in.csv")
    asked = ("synthesize", "in.csv", "--out", "out.csv", "--epochs", 2, "--seed", 1,
             "--max-runtime-secs", 1, "--url", cluster.base_url)  # fmt: skip
    done = run(*asked, "--constraint", "count < 8", "--constraint-errors", "drop",
               "--constraint", "price > 0", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "h2o-gan: found in all rows: total = price * count" in done.stderr.splitlines()
    assert "count < 8" not in done.stderr  # declared
    assert "training rows break rules of constraints and are left out" in done.stderr
    out = pc.read_csv(tmp_path / "out.csv").to_pandas()
    assert out["count"].max() <= 7
    assert np.allclose(out["total"], (out["price"] * out["count"]).round(2), rtol=0, atol=1e-9)
    done = run(*asked, "--quiet", "--no-relations", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    out = pc.read_csv(tmp_path / "out.csv").to_pandas()
    assert not np.allclose(out["total"], out["price"] * out["count"], rtol=0, atol=0.01)


def test_numbers_of_options_have_any_notation(call, tmp_path):
    """Both reach the cluster, which is not there."""
    done = call("worker", "--url", "nowhere", "--max-rows", "1e6", cwd=tmp_path)
    assert done.returncode == 2 and "write host:port" in done.stderr


def test_extension_says_where_it_is_and_how_to_use_it(call, tmp_path):
    jar = extension.jar()
    done = run("extension", "--path")
    if jar is None:
        assert done.returncode == 2
        assert "needs a JDK" in done.stderr
        return
    assert done.returncode == 0
    assert done.stdout == f"{jar}\n"
    line = next(line for line in done.stderr.splitlines() if "water.H2OApp" in line)
    assert f"-cp h2o.jar:{jar} water.H2OApp" in line
    for way in ("Hadoop", "Kubernetes", "extra_classpath"):
        assert way in done.stderr
    assert call("extension", cwd=tmp_path).stdout == done.stderr
    quiet = call("extension", "--path", "--quiet", cwd=tmp_path)
    assert (quiet.stdout, quiet.stderr) == (f"{jar}\n", "")


def test_a_report_beyond_a_limit_ends_with_status_3(model, cluster):
    folder = model
    keys = set(h2o.ls()["key"])
    done = run(
        "report", "model.zip", "--train", PROSTATE, "--out", "report.html", "--json", "report.json",
        "--max", "membership_auc=0", "--min", "fidelity=0.1", "--no-rows",
        "--url", cluster.base_url, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "the report is not ok: privacy.membership is 0." in done.stderr
    assert "fidelity.pairs is" not in done.stderr
    assert "Accuracy of pairs of columns" in done.stdout
    assert "<html" in (folder / "report.html").read_text()
    data = json.loads((folder / "report.json").read_text())
    assert data["quiz"] is None and data["identity"]["Tables"]["unseen rows"].startswith("38 ")
    assert set(h2o.ls()["key"]) == keys


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "give a model file, or --synthetic FILE with rows, and not both"),
        (["model.zip", "--synthetic", PROSTATE], "and not both"),
        (["no.zip"], "there is no file no.zip"),
        (["--synthetic", "no.csv"], "there is no file no.csv"),
        (["--synthetic", PROSTATE, "--max", "auc"], "auc: write NAME=NUMBER"),
        (["--synthetic", PROSTATE, "--json", "report.txt"], "name the file .json"),
    ],
)
def test_reports_that_cannot_be_made(model, call, arguments, message):
    done = call(
        "report", *arguments, "--train", PROSTATE, "--out", "none.html", cwd=model
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr
    assert not (model / "none.html").exists()
