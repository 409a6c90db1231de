"""Formulas solved for one of their inputs."""

import pytest

from h2o_gan.engine.data.relations.grammar import parse_expression
from h2o_gan.engine.data.relations.solving import solved
from h2o_gan.engine.data.schema import Column

KINDS = {"a": "real", "b": "real", "c": "real", "s": "real", "n": "int", "t": "time", "u": "time"}
COLUMNS = [Column(name, kind) for name, kind in KINDS.items()]


@pytest.mark.parametrize(
    ("target", "text", "column", "result"),
    [
        ("s", "a", "a", "s"),
        ("s", "a + b - c", "a", "s - b + c"),
        ("s", "a + b - c", "b", "s - a + c"),
        ("s", "a + b - c", "c", "a + b - s"),
        ("s", "1 - a - b", "b", "1 - a - s"),
        ("s", "a * b / c", "a", "s / b * c"),
        ("s", "a * b / c", "c", "a * b / s"),
        ("s", "2 / a", "a", "2 / s"),
        ("s", "-a", "a", "-s"),
        ("s", "0.5 * a + 3", "a", "(s - 3) / 0.5"),
        ("s", "-(a + b) * c", "b", "-(s / c) - a"),
        ("u", "t + days(n)", "n", "days(u - t)"),
        ("u", "t + days(n)", "t", "u - days(n)"),
        ("n", "days(u - t)", "t", "u - days(n)"),
        ("n", "hours(u - t) * 2", "u", "hours(n / 2) + t"),
    ],
)
def test_solutions(target, text, column, result):
    found = solved(target, parse_expression(text, COLUMNS), column)
    wanted = parse_expression(result, COLUMNS)
    assert found == wanted or str(found) == str(wanted), str(found)
    assert found.type_in(KINDS) == wanted.type_in(KINDS)


@pytest.mark.parametrize(
    ("text", "column"), [("a + a", "a"), ("a * (a + b)", "a"), ("a + b", "c"), ("5 - 5", "a")]
)
def test_no_solution(text, column):
    assert solved("s", parse_expression(text, COLUMNS), column) is None
