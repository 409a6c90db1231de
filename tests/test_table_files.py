"""Users' CSV and Parquet files; uploads are tested with the command."""

import datetime as dt
import gzip
import uuid

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from h2o_gan import table_files
from h2o_gan.engine.data.schema import Column, schema_of

TABLE = pa.table(
    {
        "level": pa.array(["a", None, "b, c"]).dictionary_encode(),
        "number": pa.array([1.5, None, 3.0]),
        "when": pa.array([10**12, None, 0], pa.timestamp("ms", tz="UTC")),
        "id": pa.ExtensionArray.from_storage(
            pa.uuid(), pa.array([uuid.UUID(int=5).bytes, None, uuid.UUID(int=6).bytes])
            .cast(pa.binary(16)),
        ),
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "format"),
    [("a.csv", "csv"), ("A.CSV.GZ", "csv"), ("a.tsv", "csv"), ("a.pq", "parquet"),
     ("a.parquet", "parquet"), ("a.xlsx", None), ("csv", None)],
)  # fmt: skip
def test_the_name_gives_the_format(tmp_path, name, format):
    assert table_files.format_of(tmp_path / name) == format


def test_csv_is_what_h2o_and_pandas_read(tmp_path):
    table_files.write_file(TABLE.to_reader(), tmp_path / "rows.csv")
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    assert lines[0] == '"level","number","when","id"'
    assert lines[1].startswith('"a",1.5,2001-09-09 01:46:40.000,')
    assert lines[2] == ",,,"
    read = pyarrow.csv.read_csv(tmp_path / "rows.csv")
    assert read["level"].to_pylist() == ["a", "", "b, c"]
    assert read["when"].to_pylist()[2] == dt.datetime(1970, 1, 1)
    assert read["id"].to_pylist()[0] == str(uuid.UUID(int=5))


def test_parquet_keeps_the_types(tmp_path):
    table_files.write_file(TABLE.to_reader(), tmp_path / "rows.parquet")
    assert pq.read_table(tmp_path / "rows.parquet").equals(TABLE)


def test_rows_that_break_off_leave_no_file(tmp_path):
    def batches():
        yield TABLE.to_batches()[0]
        raise RuntimeError("no more")

    for name in ("rows.csv", "rows.parquet"):
        reader = pa.RecordBatchReader.from_batches(TABLE.schema, batches())
        with pytest.raises(RuntimeError, match="no more"):
            table_files.write_file(reader, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"a,b\n1,2\n", None),
        ("a.csv.gz", gzip.compress(b"a,b\n1,2\n"), None),
        ("a.csv", b"\n \n", "is empty"),
        ("a.csv", b"a,b\n", "no rows below its header"),
        ("a.csv", b"\x00\x01", "is not text"),
        ("a.csv.gz", b"a,b\n1,2\n", "not compressed by gzip"),
        ("a.parquet", b"a,b\n1,2\n", "is not a Parquet file"),
        ("a.xlsx", b"", "neither CSV nor Parquet"),
    ],
)
def test_a_file_is_checked_by_its_beginning(tmp_path, name, content, message):
    file = tmp_path / name
    file.write_bytes(content)
    if message is None:
        table_files.check_readable(file)
        return
    with pytest.raises(ValueError, match=message):
        table_files.check_readable(file)


def test_text_with_repeated_values_is_categorical(tmp_path):
    table = pa.table({"level": ["b", "a", "b", None] * 5, "free": [f"t{i}" for i in range(20)]})
    pq.write_table(table, tmp_path / "t.parquet")
    rows = table_files._categorical(tmp_path / "t.parquet").read_all()
    assert rows.schema.field("free").type == pa.string()
    assert rows["level"].chunk(0).dictionary.to_pylist() == ["a", "b"]
    assert rows["level"].to_pylist() == table["level"].to_pylist()


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.parquet"])
def test_the_columns_of_a_model_are_read_with_their_types(tmp_path, name):
    kinds = {"when": "time", "level": "enum", "number": "real", "other": "int"}
    columns = [Column(name, kind) for name, kind in kinds.items()]
    table_files.write_file(TABLE.drop_columns("id").to_reader(), tmp_path / "rows.parquet")
    lines = [
        "level,number,when,note",
        "a,1.5,2001-09-09 01:46:40,x",
        ",,,",
        '"b, c", 3.0,1970-01-01,',
    ]
    text = "\n".join(lines)
    if name.endswith("tsv"):
        text = text.replace('"b, c"', "b; c").replace(",", "\t").replace("b; c", "b, c")
    if not name.endswith("parquet"):
        (tmp_path / name).write_text(text)
    read = table_files.read(tmp_path / name, columns)
    assert read.column_names == ["when", "level", "number"]
    assert read["when"].to_pylist() == TABLE["when"].to_pylist()
    assert read["level"].to_pylist() == ["a", None, "b, c"]
    assert read["number"].to_pylist() == [1.5, None, 3.0]


def test_whole_numbers_and_times_of_other_forms(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text(
        "n,ms,zone\n3.0,1000000000000,1970-01-01T02:00:00+02:00\n4,0,1970-01-01T00:00:00Z\n"
    )
    columns = [Column("n", "int"), Column("ms", "time"), Column("zone", "time")]
    read = table_files.read(file, columns)
    assert read["n"].to_pylist() == [3, 4]
    assert read["ms"].cast(pa.int64()).to_pylist() == [10**12, 0]
    assert read["zone"].cast(pa.int64()).to_pylist() == [0, 0]
    scored = table_files.open_rows(file, columns).read_all()
    assert scored["n"].to_pylist() == [3.0, 4.0] and scored["n"].type == pa.float64()
    assert [scored[name] for name in ("ms", "zone")] == [read[name] for name in ("ms", "zone")]
    for reader in (table_files.read, lambda *given: table_files.open_rows(*given).read_all()):
        with pytest.raises(ValueError, match=r"rows.csv: column 'zone' is not int"):
            reader(file, [Column("zone", "int")])


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_every_column_has_the_type_of_the_models_samples(tmp_path, name):
    columns = [
        Column("level", "enum"),
        Column("number", "real"),
        Column("when", "time"),
        Column("id", "uuid"),
    ]
    table_files.write_file(TABLE.to_reader(), tmp_path / name)
    read = table_files.read(tmp_path / name, columns)
    assert read.schema == schema_of(columns)
    assert read.to_pylist() == TABLE.to_pylist()
    assert table_files.open_rows(tmp_path / name, columns).read_all().to_pylist() == (
        TABLE.to_pylist()
    )
    assert not table_files.read(tmp_path / name, [Column("other", "int")]).num_columns
    with pytest.raises(ValueError, match="lacks columns of the model: 'other'"):
        table_files.read(tmp_path / name, [*columns, Column("other", "int")], lacking=False)


def test_columns_of_parquet_are_converted(tmp_path):
    given = {
        "day": pa.array([dt.date(1970, 1, 2), None]),
        "zoned": pa.array([3_600_000_001, None], pa.timestamp("us", "Europe/Berlin")),
        "ms": pa.array([10**12, None]),
        "whole": pa.array([2.0, float("nan")]),
        "text": pa.array([" 7", " "]).dictionary_encode(),
        "code": pa.array([12, None], pa.int32()),
        "id": pa.array([str(uuid.UUID(int=5)), None]),
        "big": pa.array([2**63, None], pa.uint64()),
    }
    pq.write_table(pa.table(given), tmp_path / "rows.parquet")
    kinds = {"day": "time", "zoned": "time", "ms": "time", "whole": "int", "text": "int",
             "code": "enum", "id": "uuid"}  # fmt: skip
    columns = [Column(name, kind) for name, kind in kinds.items()]
    read = table_files.read(tmp_path / "rows.parquet", columns)
    assert read.schema == schema_of(columns)
    assert [read[name].cast(pa.int64())[0].as_py() for name in ("day", "zoned", "ms")] == [
        86_400_000, 3_600_000, 10**12
    ]  # fmt: skip
    assert read["whole"].to_pylist() == [2, None] and read["text"].to_pylist() == [7, None]
    assert read["code"].to_pylist() == ["12", None]
    assert read["id"].to_pylist() == [uuid.UUID(int=5), None]
    assert all(column[1].as_py() is None for column in read.columns)
    for wrong in (Column("id", "int"), Column("whole", "uuid"), Column("big", "int")):
        with pytest.raises(ValueError, match=f"column '{wrong.name}' is not {wrong.kind}"):
            table_files.read(tmp_path / "rows.parquet", [wrong])
    scored = table_files.open_rows(tmp_path / "rows.parquet", [Column("big", "int")]).read_all()
    assert scored["big"].to_pylist() == [2.0**63, None]


def test_what_is_no_uuid_is_named(tmp_path):
    (tmp_path / "rows.csv").write_text(f"id\n {uuid.UUID(int=5)} \n12\n")
    with pytest.raises(ValueError, match="column 'id' is not uuid: badly formed"):
        table_files.read(tmp_path / "rows.csv", [Column("id", "uuid")])


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.parquet"])
def test_rows_are_read_by_the_names_and_kinds_of_columns(tmp_path, name):
    plain = tmp_path / name.removesuffix(".gz")
    table_files.write_file(TABLE.to_reader(), plain)
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress(plain.read_bytes()))
    columns = [Column("when", "time"), Column("level", "enum"), Column("number", "int")]
    rows = table_files.open_rows(tmp_path / name, columns).read_all()
    assert rows.column_names == ["when", "level", "number"]
    assert rows["level"].to_pylist() == ["a", None, "b, c"]
    assert rows["number"].to_pylist() == [1.5, None, 3.0]
    assert rows["when"].cast(pa.int64()).to_pylist() == [10**12, None, 0]


def test_rows_that_do_not_fit_are_named(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("number,level\n1,x\nmany,y\n")
    with pytest.raises(ValueError, match="rows.csv lacks columns of the model: 'when'"):
        table_files.open_rows(path, [Column("when", "time")])
    with pytest.raises(ValueError, match="rows.csv: column 'number' is not real: .*many"):
        table_files.open_rows(path, [Column("number", "real")]).read_all()
