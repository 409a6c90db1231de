"""In how many rows relations hold."""

from __future__ import annotations

import pyarrow as pa
import pytest

from h2o_gan.engine.data.relations.shares import relation_shares

TRAINING = pa.table(
    {
        "a": [1.0, 2.5, 3.0, 4.0],
        "b": [2.0, 1.0, 1.0, 1.0],
        "total": [3.0, 3.5, 4.0, 5.0],
        "kind": pa.array(["x", "y", "x", "y"]).dictionary_encode(),
        "code": pa.array(["1", "2", "1", "2"]).dictionary_encode(),
    }
)
OTHER = pa.table(
    {
        "a": [1.0, 2.0],
        "b": [2.0, 9.0],
        "total": [3.0, 3.5],
        "kind": pa.array(["x", "y"]).dictionary_encode(),
        "code": pa.array(["2", "2"]).dictionary_encode(),
    }
)


@pytest.mark.parametrize(
    "text, shares",
    [
        ("total = a + b", [1.0, 0.5]),
        ("a >= b", [0.75, 0.0]),
        ("unique(b)", [0.5, 1.0]),
        ("kind, code", [1.0, 0.5]),
        ("other = a + b", [None, None]),
        ("a >=", [None, None]),
    ],
)
def test_shares_of_each_kind_of_relation(text, shares):
    assert relation_shares([text], TRAINING, [OTHER]) == [shares]


def test_a_table_without_rows_has_no_shares():
    assert relation_shares(["a >= b"], TRAINING, [OTHER[:0]]) == [[0.75, None]]
