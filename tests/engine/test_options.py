"""Options of a sample."""

import math

import numpy as np
import pyarrow as pa
import pytest

from h2o_gan.engine.options import SampleOptions


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({}, []),
        ({"conditions": {}}, []),
        ({"conditions": {"a": 1}}, ["conditions"]),
        ({"conditions": pa.table({"a": [1]})}, ["conditions by row"]),
        ({"balance": "a", "temperature": 0.5}, ["balance", "temperature"]),
        ({"temperature": 1}, []),
    ],
)
def test_options_that_differ_from_their_defaults_are_named(options, given):
    assert SampleOptions(**options).given() == given


@pytest.mark.parametrize("temperature", [0, -1, math.nan, math.inf])
def test_temperatures_are_above_zero_and_finite(temperature):
    with pytest.raises(ValueError, match="above 0 and finite"):
        SampleOptions(temperature=temperature)


@pytest.mark.parametrize("temperature", [True, "1", None])
def test_temperatures_are_numbers(temperature):
    with pytest.raises(TypeError, match="must be a number"):
        SampleOptions(temperature=temperature)


def test_numbers_of_numpy_will_do():
    assert SampleOptions(temperature=np.float32(0.5)).given() == ["temperature"]
