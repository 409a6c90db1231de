"""The codec of identifiers; what it makes is tested with the identifiers."""

import pyarrow as pa
import pytest
from untrained import chunked, enum

from h2o_gan.engine.data.codecs.identifier import IdentifierCodec
from h2o_gan.engine.data.protocol import FitOptions
from h2o_gan.engine.data.schema import Column
from h2o_gan.engine.exceptions import Damaged

KEYS = [f"K-{n:05d}" for n in range(0, 3_000, 10)]


def fit(values, treat_as="auto"):
    return IdentifierCodec.fit({"key": chunked(values)}, FitOptions(treat_as=treat_as))


def test_text_that_names_rows_is_made_anew():
    codec = fit(pa.array(KEYS))
    assert codec.columns == (Column("key", "string"),)
    (made,) = codec.generate(0, 200, 1)
    assert made.type == pa.string() and len(set(made.to_pylist())) == 200
    assert not set(made.to_pylist()) & set(KEYS)
    assert all(text[:2] == "K-" and text[2:].isdigit() for text in made.to_pylist())
    assert codec.generate(150, 50, 1)[0].equals(made[150:])  # by row, not by block
    assert not codec.generate(0, 200, 2)[0].equals(made)


def test_levels_that_name_rows_are_made_anew():
    codec = fit(enum(KEYS))
    assert codec.column.kind == "enum" and codec.column.levels == ()
    assert pa.types.is_dictionary(codec.generate(0, 5, 1)[0].type)


@pytest.mark.parametrize(
    "values",
    [
        enum(KEYS[:50]),  # too few to be sure
        enum(KEYS[:100] * 2),  # half of the rows repeat one
        enum(["a", "b"] * 100),
        pa.array(range(300)),
        pa.array([f"a sentence of words about thing {n % 30}" for n in range(300)]),
    ],
)
def test_other_columns_are_not_taken(values):
    assert fit(values) is None


def test_the_user_can_ask_for_it():
    codec = fit(enum(KEYS[:30] * 2), treat_as="identifier")
    assert codec is not None
    with pytest.raises(ValueError, match="'key' has no value that new identifiers could be"):
        fit(pa.nulls(5, pa.string()), treat_as="identifier")


def test_the_user_can_ask_for_another_kind():
    assert fit(enum(KEYS), treat_as="categorical") is None


def test_no_condition_is_met():
    with pytest.raises(ValueError, match="'key' is an identifier, which is new in every row"):
        fit(pa.array(KEYS)).check_condition("key", KEYS[0])


def test_description_shows_a_new_value():
    (row,) = fit(pa.array([*KEYS, *[None] * 100])).describe()
    assert row["treated_as"] == "identifier" and row["missing"] == 0.25
    assert row["values"].startswith("like K-") and row["values"][5:] not in KEYS


@pytest.mark.parametrize("kind", ["int", "uuid"])
def test_another_kind_of_column_is_damage(kind):
    codec = fit(pa.array(KEYS))
    data = {**codec.to_json(), "column": Column("key", kind).to_json()}
    with pytest.raises(Damaged, match="'key' is not the identifiers' column"):
        IdentifierCodec.restore(data, codec.arrays())


def test_identifiers_say_nothing_of_a_row():
    codec = fit(pa.array(KEYS))
    assert (codec.log_marginal([chunked(pa.array(["K-1", "new", None]))], 100) == 0).all()
