"""Codes to tokens, for all columns at once."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from untrained import CPU, enum, layout_of, random

ROWS = 1_000


@pytest.fixture(scope="module")
def layout():
    """A choice, a number with missing values, and a pair."""
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "c": enum(np.array(["a", "b", "c"])[np.arange(ROWS) % 3]),
            "x": pa.array(rng.normal(size=ROWS), mask=rng.random(ROWS) < 0.25),
        }
    )
    return layout_of(table)


def test_choices_are_their_codes_and_numbers_the_middle_of_their_ranks(layout):
    encoder, codes, rows = layout
    assert [token.size for token in rows.tokens] == [3, 2, 0]
    values, active = rows.tables(CPU).expand(codes, None)
    assert values.dtype == torch.float32 and active.dtype == torch.bool
    assert torch.equal(values[:, 0].long(), codes[:, 0].long())
    missing = codes[:, 1] == encoder.learned[1].width - 1
    assert torch.equal(values[:, 1] == 0, missing) and 0.2 < missing.float().mean() < 0.3
    assert torch.equal(active[:, 2], ~missing) and active[:, :2].all()
    table = rows.columns[1].tables()[1]
    middle = table.start + table.length / 2
    expected = torch.special.ndtri(torch.from_numpy(middle[codes[:, 1].numpy()]))
    assert torch.allclose(values[:, 2].double(), expected, atol=1e-4)


def test_numbers_are_standard_normal(layout):
    _, codes, rows = layout
    values, active = rows.tables(CPU).expand(codes.repeat(20, 1), random(1))
    scores = values[active[:, 2], 2]
    assert abs(scores.mean()) < 0.03 and abs(scores.std() - 1) < 0.03
    ranks = torch.special.ndtr(scores.sort().values)
    assert (ranks - torch.linspace(0, 1, len(ranks))).abs().max() < 0.02


def test_ranks_are_drawn_within_their_bin(layout):
    _, codes, rows = layout
    tables = rows.tables(CPU)
    values, active = tables.expand(codes, random(1))
    table = rows.columns[1].tables()[1]
    at = codes[:, 1].numpy()
    ranks = torch.special.ndtr(values[:, 2].double()).numpy()
    present = active[:, 2].numpy()
    inside = (ranks >= table.start[at] - 1e-5) & (ranks <= (table.start + table.length)[at] + 1e-5)
    assert inside[present].all()
    assert torch.equal(tables.expand(codes, random(1))[0], values)
    assert not torch.equal(tables.expand(codes, random(2))[0], values)


def test_unknown_codes_are_no_tokens(layout):
    _, codes, rows = layout
    unknown = codes.clone()
    unknown[0] = -1
    values, active = rows.tables(CPU).expand(unknown, None)
    assert not active[0].any() and values[0].tolist() == [0, 0, 0]
    whole, _ = rows.tables(CPU).expand(codes, None)
    assert torch.equal(values[1:], whole[1:])
