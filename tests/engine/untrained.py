"""Small tables, their layouts, and generators of them that are not trained."""

import numpy as np
import pyarrow as pa
import torch

from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.tabular.generator import AutoregressiveGenerator, Sizes
from h2o_gan.engine.tabular.layout import RowLayout

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


def generator_of(tokens, seed=0, strength=0.0, sizes=SMALL):
    """A generator that is not trained.

    Args:
        tokens: of a row.
        seed: of the weights.
        strength: how much tokens depend on others; 0 for not at all.
        sizes: of the networks.
    """
    generator = AutoregressiveGenerator(tokens, sizes)
    generator.initialize(random(seed))
    with torch.no_grad():
        for head in generator.heads:
            head.mul_(100 * strength)
    return generator


def shares_of(values, size):
    """The share of each choice."""
    return np.bincount(np.asarray(values, np.int64), minlength=size) / len(values)


def assert_shares(values, shares, size=None):
    """Check that choices follow shares, up to 4.5 standard errors of each."""
    shares = np.asarray(shares, np.float64)
    found = shares_of(values, size or len(shares))
    error = 4.5 * np.sqrt(shares * (1 - shares) / len(values)) + 1e-9
    assert (np.abs(found - shares) <= error).all(), (found, shares)
