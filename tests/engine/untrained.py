"""Layouts, generators and models of small tables, without any training."""

import numpy as np
import pyarrow as pa
import torch

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


def model_of(table, seed=0, strength=0.5, critic=None, **parameters):
    """A model of a table that is not trained."""
    encoder, _, layout = layout_of(table)
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
