"""Layouts, generators and models of small tables, without any training."""

import numpy as np
import pyarrow as pa
import torch

from h2o_gan.engine.data.relations.checking import check_rules
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.tabular.generator import AutoregressiveGenerator, Sizes
from h2o_gan.engine.tabular.layout import RowLayout
from h2o_gan.engine.tabular.model import TableModel
from h2o_gan.parameters import Parameters

CPU = torch.device("cpu")
SMALL = Sizes(features=3, summary=8, hidden=8, knots=4, components=3)


def enum(values, levels=None):
    """An Arrow array of an enum; levels in the order of their first occurrence, or as given."""
    array = pa.array(values, pa.string())
    if levels is None:
        return array.dictionary_encode()
    known = pa.array(levels, pa.string())
    return pa.DictionaryArray.from_arrays(pa.compute.index_in(array, value_set=known), known)


def chunked(values, type_=None):
    """A column of a table."""
    array = values if isinstance(values, pa.Array) else pa.array(values, type_)
    return pa.chunked_array([array])


def random(seed=0):
    """A source of randomness."""
    return torch.Generator().manual_seed(seed)


def layout_of(table, **options):
    """The encoder of a table, its codes and its layout."""
    encoder = TableEncoder.fit(table, **options)
    codes = encoder.encode(table)
    return encoder, codes, RowLayout.fit(encoder.learned, codes)


def generator_of(tokens, seed=0, strength=0.0, sizes=SMALL, crosses=(), anchors=()):
    """A generator that is not trained.

    Args:
        tokens: of a row.
        seed: of the weights.
        strength: how much tokens depend on others; 0 for not at all.
        sizes: of the networks.
        crosses: of the tokens; their weights are drawn.
        anchors: of numbers.
    """
    generator = AutoregressiveGenerator(tokens, sizes, crosses=crosses, anchors=anchors)
    generator.initialize(random(seed))
    with torch.no_grad():
        if generator.crosses is not None:
            generator.crosses.vectors[1:].normal_(0, strength, generator=random(seed))
        for head in generator.heads:
            head.mul_(100 * strength)
    return generator.requires_grad_(False)


def shares_of(values, size):
    """The share of each choice."""
    return np.bincount(np.asarray(values, np.int64), minlength=size) / len(values)


def assert_shares(values, shares, size=None):
    """Check that choices follow shares, up to 4.5 standard errors of each."""
    shares = np.asarray(shares, np.float64)
    found = shares_of(values, size or len(shares))
    error = 4.5 * np.sqrt(shares * (1 - shares) / len(values)) + 1e-9
    assert (np.abs(found - shares) <= error).all(), (found, shares)


def related_table(rows=3000, seed=0):
    """A table with relations of all kinds, an anchor and missing values.

    `total`, `tax` and `end` are computed; `paid` and `again` follow from others in a part of the
    rows, `paid` as a number and `again` as a choice; `later` stays close to `price`.
    """
    rng = np.random.default_rng(seed)
    some, more = rng.integers(0, 500, rows), rng.integers(0, 300, rows)
    total = some + more
    paid = np.where(rng.random(rows) < 0.6, total, rng.integers(0, 900, rows))
    price = np.round(1 + rng.gamma(3, 20, rows), 2)
    day = 86_400_000
    start, stay = 18_000 + rng.integers(0, 900, rows), rng.integers(1, 15, rows)
    grade = rng.integers(0, 100, rows)
    again = np.where(rng.random(rows) < 0.5, grade, rng.integers(0, 100, rows))
    city, zone = rng.integers(0, 4, rows), rng.integers(0, 3, rows)
    return pa.table(
        {
            "id": 100 + 5 * rng.permutation(rows),
            "some": some,
            "more": more,
            "total": total,
            "paid": pa.array(paid, mask=rng.random(rows) < 0.1),
            "price": price,
            "later": np.round(price * np.exp(rng.normal(0, 0.02, rows)), 2),
            "tax": np.floor(price * 25 + 0.5) / 100,
            "start": pa.array(start * day, pa.timestamp("ms", tz="UTC")),
            "stay": stay,
            "end": pa.array((start + stay) * day, pa.timestamp("ms", tz="UTC")),
            "grade": grade,
            "again": again,
            "city": enum([f"c{number}" for number in city]),
            "zone": enum([f"z{number}" for number in np.minimum(zone, city)]),
        }
    )


RULES = (
    "unique(id)",
    "tax = price / 4",
    "end = start + days(stay)",
    "zone, city",
    "some < 480 or stay > 0",
    "unique(price, start, some)",
)
"""Rules that :func:`related_table` keeps."""


def related_model(**parameters):
    """A model of :func:`related_table` that is not trained."""
    table = related_table()
    learn_missing = parameters.get("missing_values_handling") != "unknown"
    rules, _ = check_rules(RULES, table)
    return model_of(table, options={"rules": rules, "learn_missing": learn_missing}, **parameters)


def model_of(table, seed=0, strength=0.5, critic=None, options=None, **parameters):
    """A model of a table that is not trained; `options` are those of the encoder."""
    encoder, _, layout = layout_of(table, **(options or {}))
    return TableModel(
        parameters=Parameters(seed=1, device="cpu", **parameters),
        encoder=encoder,
        real_scores=np.zeros(1001),
        epoch=0,
        step=0,
        seconds=0.0,
        history=[],
        stopped_by="epochs",
        rows=table.num_rows,
        batch_size=32,
        last_generator={},
        generator_optimizer={},
        layout=layout,
        generator=generator_of(
            layout.tokens, seed, strength, crosses=layout.crosses, anchors=layout.anchors
        ),
        sizes=SMALL,
        critic=critic,
        shift=0.0,
        clip=0.0,
    )
