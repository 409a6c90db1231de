"""Arrays of columns as a few long ones, and back."""

import numpy as np
import pytest

from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.storage.packing import pack, unpack

COLUMNS = [
    {"low": np.arange(3.0), "observed": np.arange(2, dtype=np.int32)},
    {},
    {"low": np.array([7, 9]), "observed": np.zeros(0, np.int32)},
    {"low": np.array([0.5])},
]


def test_round_trip():
    packed = pack(COLUMNS)
    assert sorted(packed) == [
        "low.float64", "low.float64.ends", "low.int64", "low.int64.ends", "observed.int32",
        "observed.int32.ends",
    ]  # fmt: skip
    for column, again in zip(COLUMNS, unpack(packed, len(COLUMNS)), strict=True):
        filled = {name: array for name, array in column.items() if len(array)}
        assert again.keys() == filled.keys()
        for name, array in filled.items():
            assert again[name].dtype == array.dtype and np.array_equal(again[name], array)
    assert pack([]) == {} and unpack({}, 3) == [{}, {}, {}]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("low.float64.ends", None),
        ("low.float64.ends", np.array([3, 3, 3])),
        ("low.float64.ends", np.array([3, 3, 3, 5])),
        ("low.float64.ends", np.array([3, 2, 3, 4])),
        ("low.float64.ends", np.array([3, 3, 4, 4])),  # column 2 has it as int64 too
        ("low.float64.ends", np.array([3.0, 3.0, 3.0, 4.0])),
        ("low.float64.ends", np.array([-1, 3, 3, 4])),
        ("low.float64", np.arange(4, dtype=np.float32)),
        ("low.float64", np.zeros((2, 2))),
        ("low", np.zeros(4)),
    ],
)
def test_what_does_not_fit_is_refused(name, value):
    packed = pack(COLUMNS)
    packed[name] = value
    if value is None:
        del packed[name]
    with pytest.raises(Damaged):
        unpack(packed, len(COLUMNS))
