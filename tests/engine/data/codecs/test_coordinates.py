"""Latitude and longitude: found, encoded as cells of five rows, drawn as points in them."""

import io

import numpy as np
import pyarrow as pa
import pytest

from h2o_gan import engine
from h2o_gan.engine.data.codecs.coordinates import CoordinatesCodec
from h2o_gan.engine.data.protocol import FitOptions
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.tabular.layout import RowLayout
from h2o_gan.parameters import Parameters

CITIES = np.array([[52.52, 13.40], [48.14, 11.58], [53.55, 9.99]])


def points(rows=900, seed=0, missing=0.0):
    """Towns along a diagonal, with two decimals; some points are missing."""
    rng = np.random.default_rng(seed)
    town = rng.integers(0, len(CITIES), rows)
    spread = rng.normal(0, [[0.2, 0.3]], (rows, 2))
    spread[:, 1] -= spread[:, 0]
    values = np.round(CITIES[town] + spread, 2)
    absent = rng.random(rows) < missing
    return [pa.chunked_array([pa.array(v, mask=absent)]) for v in values.T], town


def table(names=("lat", "lon"), rows=900, missing=0.0):
    (latitude, longitude), town = points(rows, missing=missing)
    names_of = pa.array(["berlin", "munich", "hamburg"])
    towns = pa.DictionaryArray.from_arrays(pa.array(town, pa.int32()), names_of)
    price = pa.array(np.round(town * 10 + np.arange(rows) % 7 + 0.5, 1))
    return pa.table({names[1]: longitude, "town": towns, names[0]: latitude, "price": price})


def fitted(missing=0.0):
    (latitude, longitude), _ = points(missing=missing)
    codec = CoordinatesCodec.fit({"lat": latitude, "lon": longitude}, FitOptions())
    assert codec is not None
    return codec, [latitude, longitude]


def rows_in_cells(codec, drawn, training):
    """How many training rows the rectangle of each drawn point's cell has."""
    cells = codec.cells
    train = np.stack([c.drop_null().to_numpy() for c in training], 1)
    inside = [
        ((train >= cells.low[:, i]) & (train <= cells.high[:, i])).all(1).sum()
        for i in range(len(cells))
    ]
    counts = []
    for point in drawn:
        holds = (point >= cells.low.T).all(1) & (point <= cells.high.T).all(1)
        counts.append(max((inside[i] for i in np.flatnonzero(holds)), default=0))
    return np.array(counts)


@pytest.mark.parametrize(
    "names",
    [
        ("lat", "lon"),
        ("Latitude", "Longitude"),
        ("pickup_latitude", "pickup_longitude"),
        ("startLat", "startLng"),
        ("LAT", "LONG"),
        ("lat2", "lon2"),
    ],
)
def test_names_and_ranges_make_coordinates(names):
    encoder = TableEncoder.fit(table(names))
    treated = {row["column"]: row["treated_as"] for row in encoder.describe()}
    assert treated[names[0]] == treated[names[1]] == "coordinates"
    assert [column.name for column in encoder.columns] == [names[1], "town", names[0], "price"]


@pytest.mark.parametrize("names", [("flat", "lon"), ("lat", "plot"), ("lat_a", "lon_b")])
def test_other_names_do_not(names):
    encoder = TableEncoder.fit(table(names))
    assert "coordinates" not in {row["treated_as"] for row in encoder.describe()}


def test_values_beyond_the_globe_are_numbers():
    far = table().set_column(2, "lat", pa.array(np.linspace(0, 91, 900)))
    assert not isinstance(TableEncoder.fit(far).learned[0], CoordinatesCodec)


def test_column_types_overrule_names():
    encoder = TableEncoder.fit(table(), column_types={"lat": "numeric"})
    assert {row["treated_as"] for row in encoder.describe()} == {"numeric", "categorical"}
    asked = TableEncoder.fit(
        table(("north", "east")), column_types={"north": "coordinates", "east": "coordinates"}
    )
    treated = {row["column"]: row["treated_as"] for row in asked.describe()}
    assert treated["north"] == treated["east"] == "coordinates"


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"price": "coordinates"}, "'price' is treated as coordinates, which are two"),
        ({"price": "coordinates", "town": "coordinates"}, "'town' is enum"),
    ],
)
def test_what_cannot_be_coordinates_is_named(types, message):
    with pytest.raises(ValueError, match=message):
        TableEncoder.fit(table(("a", "b")), column_types=types)


def test_half_a_point_is_no_point():
    half = table()
    latitude = half["lat"].to_pylist()
    latitude[3] = None
    half = half.set_column(2, "lat", pa.array(latitude))
    assert "coordinates" not in {r["treated_as"] for r in TableEncoder.fit(half).describe()}
    with pytest.raises(ValueError, match="in row 3 only one of them is missing"):
        TableEncoder.fit(half, column_types={"lat": "coordinates", "lon": "coordinates"})


def test_every_cell_holds_five_rows_and_every_point_finds_its_cell():
    codec, training = fitted(missing=0.1)
    codes = codec.encode(training)
    counts = np.bincount(codes)
    assert counts[:-1].min() >= 5 and len(counts) == codec.width
    assert np.allclose(codec.shares, counts / 900)
    missing = training[0].is_null().to_numpy()
    assert np.array_equal(codes == codec.width - 1, missing)
    inside = np.stack([c.to_numpy()[~missing] for c in training])
    at = codes[~missing]
    assert (codec.cells.low[:, at] <= inside).all() and (inside <= codec.cells.high[:, at]).all()


def test_decoded_points_keep_their_cell_and_decimals():
    codec, training = fitted(missing=0.1)
    rng = np.random.default_rng(1)
    codes = rng.choice(codec.width, 5_000, p=codec.shares)
    drawn = codec.decode(codes, rng.random(5_000))
    assert drawn[0].null_count == drawn[1].null_count == (codes == codec.width - 1).sum()
    values = np.stack([array.drop_null().to_numpy() for array in drawn], 1)
    assert np.array_equal(np.round(values, 2), values)
    assert rows_in_cells(codec, values[:500], training).min() >= 5
    assert len(np.unique(values, axis=0)) > 500  # points between the training points too


def test_state_round_trip_and_damage():
    codec, training = fitted(missing=0.1)
    again = CoordinatesCodec.restore(codec.to_json(), codec.arrays())
    assert np.array_equal(again.encode(training), codec.encode(training))
    codes, uniforms = np.arange(codec.width), np.full(codec.width, 0.3)
    assert again.decode(codes, uniforms)[0].equals(codec.decode(codes, uniforms)[0])
    arrays = codec.arrays()
    for name, broken in {
        "axis": np.zeros_like(arrays["axis"]),  # a tree without leaves
        "cut": np.full_like(arrays["cut"], np.nan),
        "first_low": arrays["first_high"] + 1,
        "second_length": -arrays["second_length"],
        "shares": arrays["shares"][1:],
    }.items():
        with pytest.raises(Damaged, match="cells"):
            CoordinatesCodec.restore(codec.to_json(), {**arrays, name: broken})


@pytest.mark.parametrize("rows", [300, 4_000])
def test_codes_survive_tokens(rows):
    """One token for few cells, two for many; the placed numbers give the position in the cell."""
    encoder = TableEncoder.fit(table(rows=rows, missing=0.05))
    codes = encoder.encode(table(rows=rows, missing=0.05))
    layout = RowLayout.fit(encoder.learned, codes)
    index = layout.index_of("lat")
    codec = layout.codecs[index]
    assert [c.name for c in codec.columns] == ["lat", "lon"]
    assert len(layout.columns[index].tokens) == (3 if rows == 300 else 4)
    values, _ = layout.tables(codes.device).expand(codes, None)
    arrays = layout.decode(values.double().numpy(), np.full((rows, len(layout.codecs)), 0.5))
    first = sum(len(c.columns) for c in layout.codecs[:index])
    again = codec.encode([pa.chunked_array([a]) for a in arrays[first : first + 2]])
    assert np.array_equal(again, codes[:, index].numpy())


@pytest.fixture(scope="module")
def model():
    rows = table(rows=2_500, missing=0.05)
    return engine.fit(rows.to_reader(), Parameters(epochs=8, seed=1, device="cpu"))


def test_samples_stay_in_cells_and_near_their_towns(model):
    rows = model.sample(1_000, seed=2).read_all()
    assert rows.column_names == ["lon", "town", "lat", "price"]
    assert rows["lat"].is_null().equals(rows["lon"].is_null())
    assert 0.02 < rows["lat"].null_count / 1_000 < 0.1
    whole = rows.filter(rows["lat"].is_valid())
    drawn = np.stack([whole["lat"].to_numpy(), whole["lon"].to_numpy()], 1)
    codec = next(c for c in model.encoder.learned if c.name == "coordinates")
    training, _ = points(2_500, missing=0.05)
    assert rows_in_cells(codec, drawn[:300], training).min() >= 5
    towns = np.array([["berlin", "munich", "hamburg"].index(t) for t in whole["town"].to_pylist()])
    nearest = ((drawn[:, None] - CITIES) ** 2).sum(2).argmin(1)
    assert (nearest == towns).mean() > 0.9


def test_conditions_on_one_column_or_both(model):
    rows = model.sample(300, seed=3, conditions={"lat": (48.0, 48.3)}).read_all()
    latitude = rows["lat"].to_numpy()
    assert latitude.min() >= 48.0 and latitude.max() <= 48.3
    assert set(rows["town"].to_pylist()) == {"munich"}
    both = model.sample(50, seed=3, conditions={"lat": (52.3, 52.7), "lon": (13.2, None)})
    assert both.read_all()["lon"].to_numpy().min() >= 13.2
    exact = model.sample(20, seed=3, conditions={"lat": 52.5}).read_all()
    assert exact["lat"].to_pylist() == [52.5] * 20
    assert model.sample(20, seed=3, conditions={"lat": None}).read_all()["lon"].null_count == 20
    with pytest.raises(ValueError, match="'lat' has no value 10"):
        model.sample(1, conditions={"lat": 10})
    with pytest.raises(ValueError, match="no row meets the one on 'lon'"):
        model.sample(1, conditions={"lat": (48.0, 48.3), "lon": (13.2, None)})
    with pytest.raises(ValueError, match="too many values for a list"):
        model.sample(1, conditions={"lat": [48.1, 52.5]})


def test_rows_given_in_part(model):
    given = pa.table({"lat": pa.array([48.1, 52.5, 53.5] * 20), "town": pa.nulls(60, pa.string())})
    rows = model.impute(given).read_all()
    assert rows["lat"].to_pylist() == given["lat"].to_pylist()
    drawn = np.stack([rows["lat"].to_numpy(), rows["lon"].to_numpy()], 1)
    nearest = ((drawn[:, None] - CITIES) ** 2).sum(2).argmin(1)
    assert (nearest == np.array([1, 0, 2] * 20)).mean() > 0.9


def test_scores_and_files(model, tmp_path):
    rows = model.sample(200, seed=5).read_all()
    shuffled = rows.set_column(2, "lat", rows["lat"].take(pa.array(np.arange(200)[::-1])))
    assert np.median(model.scores(rows)) > np.median(model.scores(shuffled))
    engine.save(model, tmp_path / "towns.gan")
    again = engine.load(io.BytesIO((tmp_path / "towns.gan").read_bytes()))
    assert again.sample(200, seed=5).read_all().equals(rows)


def test_one_pass_networks_take_two_numbers():
    rows = table(rows=200)
    given = {"architecture": "mlp", "epochs": 1, "seed": 1, "device": "cpu"}
    model = engine.fit(rows.to_reader(), Parameters(**given))
    assert "coordinates" not in {row["treated_as"] for row in model.describe()}
    asked = Parameters(**given, column_types={"lat": "coordinates", "lon": "coordinates"})
    with pytest.raises(ValueError, match="only by architecture='columns'"):
        engine.fit(rows.to_reader(), asked)


def test_fewer_than_five_points_are_no_coordinates():
    """A cell of one row would give that row away; rows of weight 0 do not count."""
    rows = table(rows=200)
    weights = np.zeros(200)
    weights[7] = 1.0
    rows = rows.append_column("x", pa.array(np.arange(200) % 9))
    rows = rows.set_column(0, "lon", pa.array(np.where(np.arange(200) == 7, 3.0, 4.0)))
    encoder = TableEncoder.fit(rows, weights, ignore_const_cols=False)
    assert "coordinates" not in {row["treated_as"] for row in encoder.describe()}
    asked = {"lat": "coordinates", "lon": "coordinates"}
    with pytest.raises(ValueError, match="only 1 rows have both, and a cell needs 5"):
        TableEncoder.fit(rows, weights, column_types=asked)


def test_all_missing_coordinates_are_left_as_they_are():
    rows = table(rows=100)
    for name in ("lat", "lon"):
        at = rows.column_names.index(name)
        rows = rows.set_column(at, name, pa.nulls(100, pa.float64()))
    treated = {row["column"]: row["treated_as"] for row in TableEncoder.fit(rows).describe()}
    assert treated["lat"] == treated["lon"] == "nothing"


def test_one_of_a_pair_cannot_be_treated_otherwise():
    types = {"lat": "numeric", "lon": "coordinates"}
    with pytest.raises(ValueError, match="its other half 'lat' as numeric: treat both alike"):
        TableEncoder.fit(table(), column_types=types)


def test_numbers_that_doubles_do_not_have_are_refused():
    big = pa.chunked_array([pa.array(2**60 + np.arange(100))])
    with pytest.raises(ValueError, match=r"values beyond 2\*\*53"):
        CoordinatesCodec.fit({"a": big, "b": big}, FitOptions(treat_as="coordinates"))


def test_outputs_without_ranks_are_the_middles_of_cells():
    codec, _ = fitted()
    first, second = codec.decode_output(np.arange(float(codec.width)))
    middle = (codec.cells.low + codec.cells.high) / 2
    assert np.abs(first.to_numpy() - middle[0]).max() <= 0.0051
    assert np.abs(second.to_numpy() - middle[1]).max() <= 0.0051


def test_points_that_are_unknown_have_no_code():
    (latitude, longitude), _ = points(missing=0.2)
    columns = {"lat": latitude, "lon": longitude}
    codec = CoordinatesCodec.fit(columns, FitOptions(learn_missing=False))
    assert not codec.has_missing and codec.width == len(codec.cells)
    codes = codec.encode([latitude, longitude])
    assert ((codes == -1) == latitude.is_null().to_numpy()).all() and (codes < 0).any()


def test_means_of_a_point_are_rounded_and_in_range():
    codec, _ = fitted()
    found = codec.nearest("lat", np.array([50.126, 99.0])).to_pylist()
    assert found == [50.13, codec.cells.high[0].max()]


def test_points_away_from_all_cells_are_odd():
    codec, _ = fitted(missing=0.1)
    columns = [pa.chunked_array([v]) for v in ([52.5, 55.0, 60.0, None], [13.4, 20.0, 30.0, None])]
    city, away, further, missing = codec.log_marginal(columns, 900)
    assert city - 3 > away > further
    assert missing == pytest.approx(np.log(codec.shares[-1]))
