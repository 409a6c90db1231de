"""Tables -> tensors -> tables, and what the critic sees in between."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from untrained import chunked, enum

from h2o_gan.engine.data.codecs.categorical import CategoricalCodec
from h2o_gan.engine.data.codecs.constant import ConstantCodec
from h2o_gan.engine.data.codecs.numeric import NumericCodec
from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.data.protocol import FitOptions
from h2o_gan.engine.data.relations.checking import check_rules
from h2o_gan.engine.data.table_encoder import TableEncoder, fit_codec
from h2o_gan.engine.mlp.features import feature_transform

CPU = torch.device("cpu")


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def raw_of(expanded, spans):
    """Raw outputs under which a generator would show exactly these rows."""
    raw = torch.empty_like(expanded)
    for span in spans:
        part = slice(span.start, span.start + span.width)
        if span.activation == "tanh":
            raw[:, part] = torch.atanh(expanded[:, part].clamp(-0.999999, 0.999999))
        else:
            raw[:, part] = expanded[:, part] * 1000
    return raw


def test_spans_cover_the_width_without_gaps(mixed_table):
    encoder = TableEncoder.fit(mixed_table)
    ends = 0
    for span in feature_transform(encoder, CPU).spans:
        assert span.start == ends
        ends += span.width
        assert len(span.shares) == (span.width if span.activation == "softmax" else 0)
    assert ends == feature_transform(encoder, CPU).width
    assert [s.column for s in feature_transform(encoder, CPU).spans] == [
        "group", "amount", "amount", "count", "moment", "flag",
    ]  # fmt: skip


def test_codes_are_compact(mixed_table, digits_table):
    codes = TableEncoder.fit(mixed_table).encode(mixed_table)
    assert codes.shape == (2_000, 5) and codes.dtype == torch.int16
    pixels = PixelEncoder.fit(digits_table).encode(digits_table)
    assert pixels.shape == (1_797, 64) and pixels.dtype == torch.uint8


def test_rows_survive_expansion_and_hardening(mixed_table):
    encoder = TableEncoder.fit(mixed_table)
    features = feature_transform(encoder, CPU)
    expanded = features.expand(encoder.encode(mixed_table), random())
    assert expanded.shape == (2_000, feature_transform(encoder, CPU).width)
    hard = features.discretize(raw_of(expanded, features.spans), None)
    back = encoder.decode(hard.numpy())
    for name in ("group", "flag", "same", "empty", "count"):
        assert back.column(name).to_pylist() == mixed_table.column(name).to_pylist(), name
    for name in ("amount", "moment"):  # many values: within their bin
        a, b = back.column(name), mixed_table.column(name)
        assert a.is_null().to_pylist() == b.is_null().to_pylist()
    values = mixed_table.column("amount").drop_null().to_numpy()
    assert np.abs(back.column("amount").drop_null().to_numpy() - values).max() <= 0.2
    assert back.schema.equals(mixed_table.schema)


def test_numbers_are_uniform_for_the_critic(mixed_table):
    encoder = TableEncoder.fit(mixed_table)
    expanded = feature_transform(encoder, CPU).expand(encoder.encode(mixed_table), random())
    for span in feature_transform(encoder, CPU).spans:
        if span.activation == "tanh":
            column = expanded[:, span.start].sort().values
            even = torch.linspace(-1, 1, len(column))
            assert (column - even).abs().max() < 0.06, span.column


def test_choices_are_one_hot_and_relaxed_ones_sum_to_one(mixed_table):
    encoder = TableEncoder.fit(mixed_table)
    features = feature_transform(encoder, CPU)
    expanded = features.expand(encoder.encode(mixed_table), random())
    activated = features.relax(torch.randn(500, feature_transform(encoder, CPU).width), random())
    for span in feature_transform(encoder, CPU).spans:
        if span.activation == "softmax":
            part = slice(span.start, span.start + span.width)
            assert torch.all(expanded[:, part].sort(1).values == torch.eye(span.width)[-1])
            assert torch.allclose(activated[:, part].sum(1), torch.ones(500))
    assert activated.min() >= -1 and activated.max() <= 1


def test_choices_are_drawn_at_the_probabilities_of_the_logits():
    table = pa.table({"c": pa.array(list("abc")).dictionary_encode(), "d": pa.array([1, 2, 2])})
    encoder = TableEncoder.fit(table)
    raw = torch.zeros(40_000, feature_transform(encoder, CPU).width)
    raw[:, :3] = torch.tensor([0.6, 0.3, 0.1]).log()
    codes = feature_transform(encoder, CPU).discretize(raw, random())[:, 0].long()
    shares = torch.bincount(codes, minlength=3) / len(codes)
    assert torch.allclose(shares, torch.tensor([0.6, 0.3, 0.1]), atol=0.01)


def test_unknown_values_expand_to_something_neutral():
    table = pa.table({"c": pa.array(list("abc")).dictionary_encode(), "d": pa.array([1.0, 2, 3])})
    encoder = TableEncoder.fit(table)
    other = pa.table(
        {"c": pa.array(["z"]).dictionary_encode(), "d": pa.array([None], pa.float64())}
    )
    expanded = feature_transform(encoder, CPU).expand(encoder.encode(other), random())
    assert expanded.tolist() == [[0, 0, 0, 0]]


def test_many_widths_of_choices_keep_to_their_columns():
    rng = np.random.default_rng(0)
    columns = {}
    for width in (2, 3, 17, 5, 200, 2, 64):
        values = np.concatenate([np.arange(width), rng.integers(0, width, 1_000 - width)])
        columns[f"w{width}_{len(columns)}"] = pa.array(values.astype(str)).dictionary_encode()
    table = pa.table(columns)
    encoder = TableEncoder.fit(table)
    features = feature_transform(encoder, CPU)
    hard = features.discretize(
        raw_of(features.expand(encoder.encode(table), random()), features.spans), random()
    )
    back = pa.Table.from_batches([encoder.decode(hard.numpy())])
    assert back.to_pylist() == table.to_pylist()


def test_all_constant_is_an_error_that_says_what_to_do():
    table = pa.table({"a": pa.array([1, 1]), "b": pa.nulls(2)})
    with pytest.raises(ValueError, match="every column is constant.*ignore_const_cols=False"):
        TableEncoder.fit(table)
    assert len(TableEncoder.fit(table, ignore_const_cols=False).learned) == 1


def test_pixels_are_told_from_tables(mixed_table, digits_table):
    encoder = PixelEncoder.fit(digits_table)
    assert encoder is not None and (encoder.low, encoder.high) == (0, 16)
    assert PixelEncoder.fit(mixed_table) is None
    assert PixelEncoder.fit(digits_table.drop_columns(["pixel0"])) is None
    with_nulls = digits_table.set_column(
        5, "pixel5", pa.array([None] + [1] * (digits_table.num_rows - 1))
    )
    assert PixelEncoder.fit(with_nulls) is None
    negative = digits_table.set_column(5, "pixel5", pa.array([-1] * digits_table.num_rows))
    assert PixelEncoder.fit(negative) is None


def test_pixels_survive(digits_table):
    encoder = PixelEncoder.fit(digits_table)
    features = feature_transform(encoder, CPU)
    expanded = features.expand(encoder.encode(digits_table), None)
    assert expanded.min() == -1 and expanded.max() == 1
    back = encoder.decode(features.discretize(raw_of(expanded, features.spans), None).numpy())
    assert pa.Table.from_batches([back]).equals(digits_table)


@pytest.mark.parametrize("which", ["mixed_table", "digits_table"])
def test_state_round_trip(which, request):
    table = request.getfixturevalue(which)
    kind = PixelEncoder if which == "digits_table" else TableEncoder
    encoder = kind.fit(table)
    again = kind.restore(encoder.to_json(), encoder.arrays())
    assert feature_transform(again, CPU).spans == feature_transform(encoder, CPU).spans
    assert again.columns == encoder.columns
    assert torch.equal(again.encode(table), encoder.encode(table))


def test_free_text_has_no_codec():
    assert fit_codec("c", chunked(["free", "text"]), FitOptions()) is None


def test_constants_are_learned_when_asked():
    kept = FitOptions(keep_constant=True)
    assert isinstance(fit_codec("c", chunked([7, 7]), kept), NumericCodec)
    assert isinstance(fit_codec("c", chunked(enum(["x"])), kept), CategoricalCodec)
    assert isinstance(fit_codec("c", chunked([7, 7]), FitOptions()), ConstantCodec)


def test_what_cannot_be_learned_is_named():
    with pytest.raises(TypeError, match="type list"):
        fit_codec("c", chunked([[1], [2]]), FitOptions())


def test_what_cannot_be_treated_as_asked_is_named():
    with pytest.raises(ValueError, match="'c' is enum, which cannot be treated as numeric"):
        fit_codec("c", chunked(enum(["a", "b"])), FitOptions(treat_as="numeric"))


def test_free_text_is_dropped_by_name():
    notes = [f"the customer called about order and said thing {n % 37}" for n in range(100)]
    table = pa.table({"note": notes, "value": np.arange(100) % 7})
    with pytest.warns(RuntimeWarning, match="Dropping text columns.*: note"):
        encoder = TableEncoder.fit(table)
    assert [column.name for column in encoder.columns] == ["value"]
    with pytest.raises(ValueError, match=r"only text is left to learn \('note'\)"):
        TableEncoder.fit(table.select(["note"]))


@pytest.mark.parametrize("values", [pa.nulls(60, pa.int64()), pa.nulls(60, pa.string())])
def test_identifiers_without_a_value_are_an_error_that_names_who_wants_them(values):
    table = pa.table({"id": values, "x": np.arange(60) % 7})
    (rule,), _ = check_rules(["unique(id)"], table)
    with pytest.raises(ValueError, match=r"^constraints: 'unique\(id\)': column 'id' has no"):
        TableEncoder.fit(table, rules=[rule])
    with pytest.raises(ValueError, match="^column_types: column 'id' has no"):
        TableEncoder.fit(table, rules=[rule], column_types={"id": "identifier"})


def test_a_formula_of_rows_without_gaps_is_described_once():
    rng = np.random.default_rng(0)
    first, second = (rng.gamma(2, 30, 500).round(2) for _ in range(2))
    gaps = rng.random(500) < 0.1
    total = (first + second).round(2)
    table = pa.table({"a": pa.array(first, mask=gaps), "b": second, "s": total})
    for declared in ([], ["s = a + b"]):
        encoder = TableEncoder.fit(table, rules=check_rules(declared, table)[0])
        assert encoder.relations.count("s") == 1
        for known in encoder, TableEncoder.restore(encoder.to_json(), encoder.arrays()):
            (formula,) = (r for r in known.describe_relations() if r["kind"] == "formula")
            assert formula == {"relation": "s = a + b", "kind": "formula", "share": 1.0}


def test_only_identifiers_are_unique_by_themselves():
    rng = np.random.default_rng(0)
    table = pa.table({"key": range(90), "one": [1] * 90, "n": rng.permutation(90)})
    rules, _ = check_rules(["unique(key)", "unique(one, n)", "unique(key, one)"], table)
    encoder = TableEncoder.fit(table, rules=rules)
    assert [rule.text for rule in encoder.unique_rules] == ["unique(one, n)"]


@pytest.mark.parametrize("learn_missing", [True, False])
def test_gaps_have_conditions_only_where_samples_have_gaps(learn_missing):
    """A sample without gaps would else have no open order."""
    days = [None if i % 2 else i for i in range(200)]
    table = pa.table({"status": enum(["closed", "open"] * 100), "days": pa.array(days)})
    encoder = TableEncoder.fit(table, learn_missing=learn_missing)
    texts = ["days is missing or status != 'open'", "days is not missing or status != 'closed'"]
    assert [rule.text for rule in encoder.rules] == (texts if learn_missing else [])


def test_levels_that_are_made_anew_have_no_conditions():
    gap = np.arange(300) % 3 == 0
    ids = enum([None if gap[n] else f"ID-{n:05d}" for n in range(300)])
    encoder = TableEncoder.fit(pa.table({"id": ids, "x": pa.array(np.arange(300) % 7, mask=gap)}))
    assert encoder.describe()[0]["treated_as"] == "identifier"
    assert not encoder.rules
