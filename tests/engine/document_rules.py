"""Expressions, relations and rules by the words of docs/model_format.md, one row at a time."""

import math
from decimal import Decimal
from itertools import pairwise

EPSILON = 2.0**-52
UNITS = {"days": 86_400_000, "hours": 3_600_000, "minutes": 60_000, "seconds": 1000}


class Number:
    """A number: int or float, None where it is missing; with its decimals and its type."""

    def __init__(self, value, decimals=0, kind="number"):
        is_nan = isinstance(value, float) and math.isnan(value)
        self.value, self.decimals, self.kind = None if is_nan else value, decimals, kind


def evaluate(tree, row, kinds, decimals):
    """The value of an expression in a row: a Number; text or None in a list; True, False or None.

    Args:
        tree: the expression.
        row: values by column, times in milliseconds.
        kinds: kind of each column.
        decimals: of real columns.
    """
    tag, *parts = tree

    def of(part):
        return evaluate(part, row, kinds, decimals)

    if tag == "number":
        (value,) = parts
        return Number(value, 0 if isinstance(value, int) else written(value))
    if tag == "time":
        return Number(parts[0], 0, "time")
    if tag == "text":
        return parts
    if tag == "column":
        (name,) = parts
        if kinds[name] == "real":
            return Number(row[name], decimals.get(name))
        if kinds[name] in ("int", "time"):
            return Number(row[name], 0, "time" if kinds[name] == "time" else "number")
        return [row[name]]
    if tag == "negative":
        number = of(parts[0])
        return Number(None if number.value is None else -number.value, number.decimals, number.kind)
    if tag in ("sum", "product"):
        total = of(parts[0])
        for operator, part in zip(parts[1::2], parts[2::2], strict=True):
            total = calculated(total, operator, of(part))
        return total
    if tag in UNITS:
        number, unit = of(parts[0]), Number(UNITS[tag])
        if number.kind == "difference":
            return Number(calculated(number, "/", unit).value, None)
        found = calculated(number, "*", unit)
        return Number(found.value, found.decimals, "difference")
    if tag == "compare":
        pairs = zip(pairwise(parts[::2]), parts[1::2], strict=True)
        return conjunction([compared(pair, operator, of) for pair, operator in pairs])
    if tag == "missing":
        value = of(parts[0])
        return (value[0] if isinstance(value, list) else value.value) is None
    if tag == "in":
        first, *options = parts
        return negated(
            conjunction([negated(compared((first, option), "=", of)) for option in options])
        )
    if tag == "not":
        return negated(of(parts[0]))
    truths = [of(part) for part in parts]
    if tag == "and":
        return conjunction(truths)
    assert tag == "or"
    return negated(conjunction([negated(truth) for truth in truths]))


def written(value):
    """Decimals of the shortest text."""
    return max(-Decimal(repr(value)).as_tuple().exponent, 0)


def calculated(left, operator, right):
    kinds = left.kind, right.kind
    if operator in "+-":
        kind = left.kind if left.kind == right.kind else "time"
        kind = "difference" if kinds == ("time", "time") else kind
    else:
        is_ratio = operator == "/" and kinds == ("difference", "difference")
        kind = "difference" if "difference" in kinds and not is_ratio else "number"
    known = left.decimals is not None and right.decimals is not None and operator != "/"
    decimals = None
    if known:
        both = left.decimals, right.decimals
        decimals = sum(both) if operator == "*" else max(both)
    one, other = left.value, right.value
    if one is None or other is None or (operator == "/" and other == 0):
        return Number(None, decimals, kind)
    if not (isinstance(one, int) and isinstance(other, int)):
        one, other = float(one), float(other)
    found = {
        "+": lambda: one + other,
        "-": lambda: one - other,
        "*": lambda: one * other,
        "/": lambda: one / other,
    }[operator]()
    return Number(found, decimals, kind)


def negated(truth):
    return None if truth is None else not truth


def conjunction(truths):
    return False if False in truths else None if None in truths else True


def compared(pair, operator, of):
    left, right = (of(part) for part in pair)
    if isinstance(left, list):
        if None in (left[0], right[0]):
            return None
        return (left == right) == (operator == "=")
    if left.value is None or right.value is None:
        return None
    least = None
    if operator in ("=", "!="):
        tags = [part[0] for part in pair]
        for tag, other, number in ((*tags, left), (*tags[::-1], right)):
            if tag == "column" and other not in ("column", "number", "time") and least is None:
                least = number.decimals
    same = equal(left, right, least)
    if operator in ("=", "!="):
        return same == (operator == "=")
    one, other = (left, right) if operator[0] == "<" else (right, left)
    less = one.value < other.value and not same
    return less or same if operator.endswith("=") else less


def equal(left, right, least):
    if isinstance(left.value, int) and isinstance(right.value, int):
        return left.value == right.value
    one, other = float(left.value), float(right.value)
    size = max(abs(one), abs(other))
    if one == other or math.isinf(size):
        return one == other
    if left.decimals is None or right.decimals is None:
        tolerance = 1e-9 * size
    else:
        tolerance = max(10.0 ** -max(left.decimals, right.decimals) / 3, 4 * EPSILON * size)
    if least is not None:
        tolerance = max(tolerance, 10.0**-least * (0.5 + 1e-9) + 4 * EPSILON * size)
    return abs(one - other) <= tolerance


def result(formula, row, kinds):
    """What a formula gives for its column: a number or text, None for missing."""
    decimals = formula["decimals"]
    found = evaluate(formula["expression"], row, kinds, decimals)
    if isinstance(found, list):
        return found[0]
    name = formula["column"]
    to = decimals.get(name) if kinds[name] == "real" else 0
    if found.value is None or to is None or isinstance(found.value, int):
        return found.value
    size = abs(found.value)
    scaled = size * 10.0**to
    if scaled >= 2.0**52:
        return found.value
    count = math.floor(scaled + 0.5 + min(4 * EPSILON * scaled, 1e-6))
    if found.decimals is not None and 0 <= found.decimals - to <= 15:
        finer = size * 10.0**found.decimals
        if finer < 2.0**51:
            part = 10 ** (found.decimals - to)
            count = (round(finer) + part // 2) // part
    return math.copysign(count / 10.0**to, found.value)


def is_false(rule, arrays, row, kinds):
    """Whether a row breaks a rule.

    Args:
        rule: of any kind but "unique".
        arrays: of the rule.
        row: values by column, times in milliseconds, levels as indices where the rule has arrays.
        kinds: kind of each column.
    """
    if rule["kind"] == "combinations":
        own = [row[name] for name in rule["columns"]]
        for at, absent in enumerate(arrays["missing"].T):
            known = [
                None if missing else arrays[f"numbers_{column}"][at]
                for column, missing in enumerate(absent)
            ]
            if own == known:
                return False
        return True
    tree = rule["expression"]
    if rule["kind"] == "formula":
        tree = ["compare", ["column", rule["column"]], "=", tree]
    return evaluate(tree, row, kinds, rule["decimals"]) is False
