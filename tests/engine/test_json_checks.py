"""Checks of JSON that may be hostile."""

import math

import pytest

from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import (
    anything,
    dict_of,
    flag,
    list_of,
    number,
    one_of,
    optional,
    record,
    scalar,
    text,
    whole,
)

ITEM = record({"n": whole(0, 9)}, {"note": text})


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (text, ["", "x", "\ud800"], [None, 1, ["x"], {}]),
        (flag, [True, False], [0, 1, None, "true"]),
        (scalar, [None, 1, 0.5, "x", math.inf], [True, [], {}]),
        (anything, [None, True, [], {"a": [1]}], []),
        (whole(0, 3), [0, 3], [-1, 4, 1.0, True, None, "1", 10**30]),
        (whole(0), [2**53], [2**53 + 1]),
        (number(0, 1), [0, 1, 0.5], [-0.1, 1.1, math.nan, math.inf, True, "0", None, 10**400]),
        (one_of("a", "b"), ["a", "b"], ["c", None, ["a"], 1, {}]),
        (optional(flag), [None, True], [0, "x"]),
        (list_of(flag), [[], [True]], [[1], None, "x", {}, (True,)]),
        (list_of(anything, 1, 2), [[1], [1, 2]], [[], [1, 2, 3]]),
        (dict_of(whole(0)), [{}, {"a": 1}], [{"a": -1}, [], None, "a"]),
        (ITEM, [{"n": 1}, {"n": 1, "note": "x", "more": []}], [{}, {"n": 10}, [], None]),
        (list_of(ITEM), [[{"n": 1}]], [[{"n": 1}, {"n": 1, "note": 1}]]),
    ],
)
def test_checks(check, good, bad):
    for value in good:
        assert check(value, "it") is None
    for value in bad:
        with pytest.raises(Damaged, match="^it"):
            check(value, "it")


def test_messages_say_where_and_are_short():
    with pytest.raises(Damaged, match="^column: n is 'xxx"):
        ITEM({"n": "x" * 1_000}, "column")
    with pytest.raises(Damaged, match="^column has no n$"):
        ITEM({}, "column")
    with pytest.raises(Damaged) as found:
        text({"x" * 1_000: 1}, "it")
    assert len(str(found.value)) < 100
