"""Files of rows: what Java reads and writes is what Python writes and reads."""

import base64
import datetime
import io
import random
import struct
import uuid

import numpy as np
import pyarrow as pa

from h2o_gan import table_files
from h2o_gan.engine.data.schema import Column

KINDS = [
    ("i", "int"),
    ("r", "real"),
    ("t", "time"),
    ("e", "enum"),
    ('s,"', "string"),
    ("u", "uuid"),
]


def rows(count=40, seed=0):
    """A table of all kinds, with odd values."""
    rng = random.Random(seed)
    gaps = lambda values: [None if rng.random() < 0.15 else value for value in values]  # noqa: E731
    doubles = [struct.unpack("<d", rng.randbytes(8))[0] for _ in range(count)]
    doubles[::2] = [round(rng.uniform(-1e6, 1e6), rng.randrange(8)) for _ in doubles[::2]]
    doubles[:14] = [0.0, -0.0, 1e10, 9999999999.0, 1e-6, 1e-7, 5e-324, 1.7976931348623157e308,
                    float("inf"), -float("inf"), 0.1 + 0.2, 2.0**53, 8.41e21, 2e23]  # fmt: skip
    doubles = [value if value == value else 1.5 for value in doubles][:count]
    times = [rng.randrange(-(10**13), 10**14) for _ in range(count)]
    texts = ['x"y', "a,b", "line\nbreak", "ü€😀", " space ", "plain", "0123"]
    keys = pa.array(gaps([rng.randbytes(16) for _ in range(count)]), pa.binary(16))
    return pa.table(
        {
            "i": pa.array(gaps([rng.randrange(-(2**63), 2**63) for _ in range(count)]), pa.int64()),
            "r": pa.array(gaps(doubles)),
            "t": pa.array(gaps(times), pa.timestamp("ms", "UTC")),
            "e": pa.array(gaps(rng.choices(texts, k=count))).dictionary_encode(),
            's,"': pa.array(gaps(rng.choices(texts, k=count))),
            "u": pa.ExtensionArray.from_storage(pa.uuid(), keys),
        }
    )


def csv_of(table):
    out = io.BytesIO()
    table_files.write_csv(table.to_reader(), out)
    return out.getvalue()


def arrow_of(table, batch=11, **options):
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema, **options) as writer:
        writer.write_table(table, max_chunksize=batch)
    return out.getvalue()


def asked(probe, files, kinds=KINDS):
    files = [base64.b64encode(data).decode() for data in files]
    return probe("RowsProbe", {"columns": kinds, "files": files})


def test_csv_and_arrow_are_pythons(probe):
    tables = [rows(400, seed) for seed in range(3)] + [rows(60).slice(0, 0), rows(60).slice(5, 30)]
    file = io.BytesIO()
    with pa.ipc.new_file(file, tables[0].schema) as writer:
        writer.write_table(tables[0])
    files = [*map(arrow_of, tables), *map(csv_of, tables), file.getvalue()]
    answers = asked(probe, files)
    for table, answer in zip([*tables, *tables, tables[0]], answers, strict=True):
        assert isinstance(answer, list), answer
        assert answer[0].encode().split(b"\n") == csv_of(table).split(b"\n")


def test_other_types_of_arrow(probe):
    made = rows(50)
    wanted = csv_of(
        made.set_column(0, "i", pa.array([7, None] * 25)).set_column(
            2, "t", pa.array([None, 86_400_000] * 25, pa.timestamp("ms", "UTC"))
        )
    )
    wholes = [pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint32(), pa.uint64(), pa.float64()]
    times = [pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("ns", "UTC"), pa.int64()]
    files = []
    for index, whole in enumerate(wholes):
        table = made.set_column(0, "i", pa.array([7, None] * 25).cast(whole))
        time = pa.array([None, 86_400_000] * 25, pa.timestamp("ms")).cast(times[index % len(times)])
        table = table.set_column(2, "t", time)
        table = table.set_column(4, 's,"', table['s,"'].cast(pa.large_string()))
        level = pa.dictionary([pa.int8(), pa.int64()][index % 2], pa.string())
        table = table.set_column(3, "e", table["e"].cast(pa.string()).cast(level))
        more = pa.array(["not asked for"] * 50)
        files.append(arrow_of(table.add_column(1, "more", more)))
    answers = asked(probe, files)
    assert [answer[0].encode() for answer in answers] == [wanted] * len(files)


def test_texts_of_csv(probe, tmp_path):
    """Spaces, missing values, zones and notations that Python's reader takes."""
    lines = ['"i","r","t","e","s,""","u"']
    key = str(uuid.UUID(int=7))
    cells = [
        [" 5", "5.0", "NA", "", "-3", "2.50e1", "null"],
        ["1e5", " .5", "NaN", "n/a", "-inf", "inf", "5."],
        ["2020-01-31", "2020-01-31T23:59:59", "1969-12-31 01:02:03.004", "", "2020-02-29 10:00",
         "NA", "2020-01-31T23:59"],
        ["a", '"q""q"', "NA", '"x\r\ny"', "a", "", "ä"],
        ["a", '"q""q"', "NA", '"x,y"', "a", " a ", '"NA"'],
        [key, key.upper(), key.replace("-", ""), "{" + key + "}", f" urn:uuid:{key} ", "NA", ""],
    ]  # fmt: skip
    lines += [",".join(column[row] for column in cells) for row in range(7)]
    files = [end.join(lines).encode() for end in ("\n", "\r\n", "\n\n")]
    answers = asked(probe, files)
    (tmp_path / "rows.csv").write_bytes(files[0])
    columns = [Column(name, kind) for name, kind in KINDS]
    wanted = csv_of(table_files.read(tmp_path / "rows.csv", columns, lacking=False))
    assert [answer[0].encode() for answer in answers] == [wanted] * 3


def test_what_does_not_fit_says_why(probe):
    good = rows(9)
    files = {
        b'"i","r"\n1,2\n': "lacks columns of the model: 't', 'e'",
        csv_of(good) + b"1,2\n": "row 10 of the file has 2 values, not 6",
        csv_of(good) + b'1,2,,,"': "a quote without end",
        csv_of(good) + b"1,2,,,\xff,\n": "the file is not UTF-8",
        csv_of(good) + b"1.5,2,,,,\n": "column 'i' is not int: '1.5'",
        csv_of(good) + b"1,0x1p3,,,,\n": "column 'r' is not real: '0x1p3'",
        csv_of(good) + b"1,2d,,,,\n": "column 'r' is not real: '2d'",
        csv_of(good) + b"1,2,20200101,,,x\n": "column 'u' is not uuid",
        csv_of(good) + b"1,2,yesterday,,,\n": "column 't' is not time",
        b"": "",
        b"PK": "",
        arrow_of(good)[:300]: "ends in the middle",
        arrow_of(good, options=pa.ipc.IpcWriteOptions(compression="zstd")): "compressed",
        arrow_of(good.set_column(0, "i", pa.array(["1"] * 9).cast(pa.binary()))): "is not int",
        arrow_of(good.set_column(0, "i", pa.array([1.5] * 9))): "it has fractions",
        arrow_of(good.set_column(0, "i", pa.array([2**63] * 9, pa.uint64()))): "over 64 bits",
        arrow_of(good.append_column("l", pa.array([[1]] * 9))): "of type list",
    }
    answers = asked(probe, list(files))
    for said, answer in zip(files.values(), answers, strict=True):
        assert isinstance(answer, str) and said in answer, (said, answer)


def test_broken_streams_end_in_a_clear_error(probe):
    rng = random.Random(3)
    data = arrow_of(rows(60), batch=60)
    files = []
    for index in range(900):
        broken = bytearray(data)
        at = rng.randrange(len(data) if index % 2 else 1200)
        if index % 3 == 0:
            broken[at] ^= 1 << rng.randrange(8)
        elif index % 3 == 1:
            broken[at : at + 4] = struct.pack(
                "<i", rng.choice([0, -1, 1, 2**31 - 1, -(2**31), 4096])
            )
        else:
            del broken[at : at + rng.randrange(1, 40)]
        files.append(bytes(broken))
    answers = asked(probe, files)
    assert not [answer for answer in answers if isinstance(answer, dict)]
    assert sum(isinstance(answer, str) for answer in answers) > 200


def test_doubles_are_written_as_python_writes_them(probe):
    rng = random.Random(8)
    values = [struct.unpack("<d", rng.randbytes(8))[0] for _ in range(3000)]
    values += [rng.gauss(0, 1) * 10.0 ** rng.randrange(-12, 18) for _ in range(3000)]
    values += [round(v, d) for v in values[3000:] for d in (0, 2, 6)]
    values += [m * 10.0**e for e in range(-12, 23) for m in (1, -3, 9.99, 123456789)]
    table = pa.table({"r": pa.array([v for v in values if np.isfinite(v)])})
    (answer,) = asked(probe, [arrow_of(table, 4096)], [("r", "real")])
    assert answer[0].encode() == csv_of(table)


def test_times_are_written_as_python_writes_them(probe):
    rng = random.Random(8)
    first = datetime.datetime(1, 1, 1, tzinfo=datetime.timezone.utc)
    least = int(first.timestamp()) * 1000
    table = pa.table(
        {
            "t": pa.array(
                [rng.randrange(least, -least) for _ in range(3000)], pa.timestamp("ms", "UTC")
            )
        }
    )
    (answer,) = asked(probe, [arrow_of(table, 4096)], [("t", "time")])
    assert answer[0].encode() == csv_of(table)
