"""Models, rows and conditions on which codecs and tokens of Python and Java are compared."""

import dataclasses

import numpy as np
import pyarrow as pa
from hard_tables import NASTY_FLOATS, NASTY_INTS, NASTY_TEXTS, NASTY_TIMES, NASTY_UUIDS, uuid_array
from hypothesis import HealthCheck, Phase, given, settings
from probes import packed, values_of
from untrained import enum, model_of, related_model

from h2o_gan import engine
from h2o_gan.engine.data.codecs.computed import ComputedCodec
from h2o_gan.engine.data.protocol import LearnedCodec

ROWS = 300
DAY = 86_400_000
TIME = pa.timestamp("ms", "UTC")


def saved(model, path):
    """A model that was saved and loaded, with its path."""
    engine.save(dataclasses.replace(model, history=[{"epoch": 1}]), path, for_training=False)
    return engine.load(path), path


def hard_table(rows=2000, seed=0):
    """Columns of all kinds whose values are hard for numbers of some size, and few or many."""
    rng = np.random.default_rng(seed)
    gaps = rng.random(rows) < 0.15
    texts = [text for text in NASTY_TEXTS if text]
    wide = rng.integers(-(2**62), 2**62, rows) * 2
    levels = [f"level {n:03d}" for n in range(700)]
    place = rng.normal(size=(rows, 2)).cumsum(0)
    return pa.table(
        {
            "wide": pa.array(wide, mask=gaps),
            "far": 2**53 + rng.integers(0, 5000, rows) * 3,
            "ends": rng.choice(np.array(NASTY_INTS), rows),
            "nasty": pa.array(rng.choice(NASTY_FLOATS, rows), mask=rng.random(rows) < 0.1),
            "heavy": rng.standard_cauchy(rows) * 1e5,
            "tiny": np.round(rng.gamma(1, 1, rows), 4) * 1e-300,
            "cents": np.round(rng.gamma(2, 50, rows), 2),
            "spiked": np.where(gaps, 0.0, np.round(rng.normal(5, 2, rows), 1)),
            "infinite": np.where(gaps, np.inf, rng.normal(size=rows)),
            "binary": rng.integers(0, 2, rows),
            "kinds": pa.array(rng.integers(0, 40, rows) * 7, mask=gaps),
            "when": pa.array(1_700_000_000_000 + rng.integers(0, 10**10, rows), TIME),
            "dates": pa.array(rng.integers(-900, 40_000, rows) * DAY, TIME, mask=gaps),
            "text": enum(rng.choice(texts, rows).tolist(), NASTY_TEXTS),
            "many": enum(rng.choice(levels, rows).tolist(), levels[::-1]),
            "rare": enum(
                np.where(rng.random(rows) < 0.99, "often", rng.choice(levels[:40], rows)).tolist()
            ),
            "root": enum([None if gap else f"r{n % 5}" for n, gap in enumerate(gaps)]),
            "leaf": enum([None if gap else f"l{n % 5 // 2}" for n, gap in enumerate(gaps)]),
            "one": pa.array(np.full(rows, 2**53 + 1)),
            "half": np.full(rows, 0.5),
            "noon": pa.array(np.full(rows, 12 * DAY), TIME),
            "same": enum(["it's"] * rows, ["other", "it's"]),
            "word": pa.array(['say "x"'] * rows),
            "key": uuid_array([NASTY_UUIDS[3]] * rows),
            "none": pa.nulls(rows, pa.float64()),
            "lat": pa.array(np.round(place[:, 0], 2), mask=gaps),
            "lon": pa.array(np.round(place[:, 1], 2), mask=gaps),
            "x": rng.integers(0, 400, rows),
            "y": rng.normal(size=rows),
        }
    )


def small_tables(strategy, count):
    """Tables of a strategy, always the same ones."""
    found = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(strategy)
    def collect(table):
        found.append(table)

    collect()
    return found


def untrained_models(folder, strategy):
    """Models, loaded from files, that are not trained."""
    yield saved(related_model(), folder / "related.zip")
    types = {"kinds": "categorical", "x": "coordinates", "y": "coordinates", "binary": "numeric"}
    yield saved(model_of(hard_table(), options={"column_types": types}), folder / "hard.zip")
    for index, table in enumerate(small_tables(strategy, 20)):
        if not table.num_rows:
            continue
        repeated = pa.concat_tables([table] * 8)
        try:
            model = model_of(repeated, options={"relations": False})
        except ValueError:  # nothing to learn
            continue
        yield saved(model, folder / f"small{index}.zip")


def numbers_near(codec, column, rng, kind):
    """Values of a column in its range, at its ends, beside them and far away."""
    low, high = -10, 10
    if isinstance(codec, LearnedCodec) and codec.quantiles is not None:
        low, high = codec.quantiles.low[0].item(), codec.quantiles.high[-1].item()
        known = rng.choice(codec.quantiles.low, ROWS // 3).tolist()
    elif isinstance(codec, LearnedCodec):
        axis = codec.columns.index(column)
        low, high = codec.cells.low[axis].min().item(), codec.cells.high[axis].max().item()
        known = rng.choice(codec.cells.high[axis], ROWS // 3).tolist()
    else:
        known = [getattr(codec, "value", None) or 1] * 9
    if kind == "real":
        low, high = max(low, -1e300), min(high, 1e300)
        inside = (low + rng.random(ROWS // 3) * (high / 2 - low / 2) * 2).tolist()
        return [*known, *inside, *NASTY_FLOATS, low - 1, high + 1, high * 3, -1e17]
    inside = [low + int(part * (high - low)) for part in rng.random(ROWS // 3)]
    nasty = NASTY_TIMES if kind == "time" else NASTY_INTS
    beside = [min(high + 1, 2**63 - 1), max(low - 1, 1 - 2**63)]
    return [*map(int, known), *map(int, inside), *nasty, *map(int, beside)]


def column_of(codec, column, index, rng):
    """A column of ROWS rows: known values, others, and missing ones."""
    mask = rng.random(ROWS) < 0.1
    if column.kind == "enum":
        levels = [*column.levels, "a level of another frame"]
        levels = [levels[i] for i in rng.permutation(len(levels))]
        return enum(np.where(mask, None, rng.choice(levels, ROWS)).tolist(), levels)
    if column.kind in ("string", "uuid"):
        known = codec.value
        if column.kind == "string":
            return pa.array([known, None, "", "x"] * (ROWS // 4))
        others = [None if known is None else bytes.fromhex(known.replace("-", "")), *NASTY_UUIDS]
        return uuid_array((others * ROWS)[:ROWS])
    values = numbers_near(codec, column, rng, column.kind)
    picked = [values[i] for i in rng.integers(0, len(values), ROWS)]
    if column.kind == "real":
        return pa.array(np.array(picked, np.float64), mask=mask)
    if column.kind == "int" and index % 2:  # H2O makes reals of whole numbers beside fractions
        return pa.array(np.array(picked, np.float64) + rng.choice([0, 0.25, 0.5], ROWS), mask=mask)
    return pa.array(np.array(picked, np.int64), column.arrow_type, mask=mask)


def conditions_on(codec, column, rng):
    """Values of conditions on a column: most kinds that there are, met or not."""
    other = ["x", None, (3, 1), [], [None], (None, None), float("nan"), 5, 2.5, "2020-02-30"]
    if column.kind == "enum":
        levels = list(column.levels)
        return [*other, *levels[:2], levels[-2:], [levels[0], None], [levels[0], "y"], 1e20]
    if column.kind in ("string", "uuid"):
        return [*other, str(codec.value), [str(codec.value), "x"]]
    values = numbers_near(codec, column, rng, column.kind)
    values = [float(v) if isinstance(v, int) and abs(v) == 2**63 - 1 else v for v in values]
    low, high = sorted(values[i] for i in rng.integers(0, len(values) - 4, 2))
    one = values[int(rng.integers(0, ROWS // 3))] if len(values) > ROWS // 3 else values[0]
    times = ["2023-11-20", ("1970-01-02", "2024-01-01T12:30:15.5"), "2023-11-20 05:06:07.123Z"]
    return [
        *other, one, values[0], [one, values[0]], [one, None], [values[0], 0.5, 7], (low, high),
        (None, high), (low, None), (one, one), (one - 1, one + 1), (float(low), float(high)),
        float(one), (0.4999, 0.5001), 1e300, (-1e300, 1e18), 2**63 - 1, (2**53, 2**53 + 2),
        *(times if column.kind == "time" else times[:1]),
    ]  # fmt: skip


def json_of(value):
    """A condition as the probe reads it."""

    def one(item):
        return {"double": repr(item).replace("inf", "Infinity").replace("nan", "NaN")}

    kind = "range" if isinstance(value, tuple) else "list" if isinstance(value, list) else "value"
    items = list(value) if kind != "value" else [value]
    return {"kind": kind, "values": [one(v) if isinstance(v, float) else v for v in items]}


@dataclasses.dataclass
class Case:
    """A model, and what is asked of it."""

    model: object
    path: str
    table: pa.Table
    related: dict
    codes: dict
    tokens: np.ndarray
    noise: np.ndarray
    uniforms: np.ndarray
    row_uniforms: np.ndarray
    orders: list
    conditions: list

    @property
    def layout(self):
        return getattr(self.model, "layout", None)

    @property
    def rows(self):
        return self.layout.rows if self.layout else self.model.rows

    @classmethod
    def of(cls, model, path, seed=0):
        rng = np.random.default_rng(seed)
        encoder, layout = model.encoder, getattr(model, "layout", None)
        owners = [(codec, column) for codec in encoder.codecs for column in codec.columns]
        owners = [(codec, column) for codec, column in owners if is_compared(codec)]
        table = pa.table(
            {
                column.name: column_of(codec, column, i, rng)
                for i, (codec, column) in enumerate(owners)
            }
        )
        related = {
            codec.columns[0].name: rng.integers(-1, codec.related, ROWS).astype(np.int32)
            for codec in encoder.learned
            if codec.related
        }
        codes = {
            codec.columns[0].name: rng.integers(0, codec.width, ROWS).astype(np.int32)
            for codec in encoder.learned
        }
        tokens, noise = np.zeros((0, ROWS), np.float32), np.zeros((0, ROWS), np.float32)
        orders, conditions = [], []
        if layout is not None:
            tokens = np.stack([token_values(token, rng) for token in layout.tokens])
            noise = rng.random(tokens.shape).astype(np.float32)
            columns = len(layout.codecs)
            roots = list(layout.spans)
            for _ in range(5):
                picked = rng.permutation(roots)
                orders.append((picked[: columns // 2].tolist(), picked[:1].tolist()))
                orders.append(([], picked[:2].tolist()))
            conditions = [
                (column.name, value, None)
                for codec, column in owners
                for value in conditions_on(codec, column, rng)
            ]
            conditions += joined_conditions(owners, rng)
        uniforms = rng.random((len(encoder.learned), ROWS))
        return cls(
            model, str(path), table, related, codes, tokens, noise, uniforms, rng.random(ROWS),
            orders, conditions,
        )  # fmt: skip

    def to_json(self):
        return {
            "path": self.path,
            "rows": self.rows,
            "values": {
                name: values_of(self.table.column(name)) for name in self.table.column_names
            },
            "related": {name: packed(part) for name, part in self.related.items()},
            "codes": {name: packed(part) for name, part in self.codes.items()},
            "tokens": [packed(part) for part in self.tokens],
            "noise": [packed(part) for part in self.noise],
            "uniforms": [packed(part) for part in self.uniforms],
            "row_uniforms": packed(self.row_uniforms),
            "orders": [{"first": first, "last": last} for first, last in self.orders],
            "conditions": [self._condition(*condition) for condition in self.conditions],
        }

    def _condition(self, name, value, second):
        item = {"column": name, **json_of(value)}
        if second is not None:
            item["and"] = {"column": second[0], **json_of(second[1])}
        codec = next(c for c in self.model.encoder.codecs if name in [x.name for x in c.columns])
        if isinstance(codec, ComputedCodec):
            formula = self.model.encoder.relations.always[name].formula
            decimals = dict(formula.decimals).get(name)
            item["limits"] = packed(np.array(self.model.encoder.range_of(name), np.float64))
            item["decimals"] = -1 if decimals is None else decimals
        return item


def is_compared(codec):
    """Whether a codec is compared here; identifiers have tests of their own."""
    return codec.name not in ("fresh", "sequence")


def token_values(token, rng):
    """Values of a token, float32 (rows,)."""
    if token.size:
        return rng.integers(0, token.size, ROWS).astype(np.float32)
    far = np.array([-40, -6, -4.8, 0, 4.8, 6, 40])
    return np.where(rng.random(ROWS) < 0.2, rng.choice(far, ROWS), rng.normal(size=ROWS)).astype(
        "f4"
    )


def joined_conditions(owners, rng):
    """Conditions on both columns of a codec."""
    found = []
    for codec, column in owners:
        if len(codec.columns) == 2 and column is codec.columns[0]:
            for _ in range(8):
                low, high = (float(rng.choice(codec.cells.low[axis])) for axis in (0, 1))
                found.append((column.name, low, (codec.columns[1].name, high)))
                found.append((column.name, (low - 1, low + 1), (codec.columns[1].name, high)))
                found.append((column.name, (low - 9, None), (codec.columns[1].name, (None, high))))
    return found


def parts_of(model):
    """(JSON, arrays) of each codec that is compared, and those of its tokens or None twice."""
    layout = getattr(model, "layout", None)
    for codec in model.encoder.codecs:
        if is_compared(codec):
            tokens = None, None
            if layout is not None and isinstance(codec, LearnedCodec):
                column = layout.columns[layout.index_of(codec.columns[0].name)]
                tokens = column.to_json(), column.arrays()
            yield codec.to_json(), codec.arrays(), *tokens


def changed_arrays(arrays, rng):
    """Copies of arrays with one of them changed, absent, or of another type."""
    for name, array in arrays.items():
        if not len(array):
            continue
        at = int(rng.integers(0, len(array)))
        values = [0, -1, 1, 0.5, 2**31 - 1, -(2**31), array[0], array[-1]]
        if array.dtype.kind == "f":
            values += [np.nan, np.inf, -np.inf, 1e300, -0.0, 1 + 1e-9]
        for value in values:
            changed = array.copy()
            with np.errstate(all="ignore"):
                changed[at] = np.array(value).astype(array.dtype)
            yield {**arrays, name: changed}
        yield {other: part for other, part in arrays.items() if other != name}
        other = np.float64 if array.dtype != np.float64 else np.int64
        longer, shorter = np.append(array, array[-1:]), array[:-1]
        with np.errstate(all="ignore"):
            replaced = [array[::-1].copy(), np.zeros_like(array), longer, shorter]
            replaced.append(array.astype(other))
        for changed in replaced:
            if len(changed):
                yield {**arrays, name: changed}
    yield {**arrays, "other": np.zeros(3)}
