"""Formulas solved for one of their inputs."""

from __future__ import annotations

from h2o_gan.engine.data.relations.expressions import (
    Duration,
    Expression,
    Negative,
    Product,
    Reference,
    Sum,
    columns_of,
)

__all__ = ["solved"]


def solved(target: str, expression: Expression, column: str) -> Expression | None:
    """Solve ``target = expression`` for one of its columns.

    Args:
        target: the column that the expression gives.
        expression: sums, products and durations can be solved.
        column: the column to solve for.

    Returns:
        An expression of the target and the other columns; None where there is none, or the column
        occurs more than once.
    """
    value: Expression = Reference(target)
    while not isinstance(expression, Reference):
        holding = [part for part in expression.parts if column in columns_of(part)]
        if len(holding) != 1:
            return None
        (part,) = holding
        if isinstance(expression, Negative):
            value = Negative(value)
        elif isinstance(expression, Duration):
            value = Duration(expression.unit, value)
        elif isinstance(expression, Sum):
            value = _out_of_sum(expression, part, value)
        elif isinstance(expression, Product):
            value = _out_of_product(expression, part, value)
        else:
            return None
        expression = part
    return value if expression.name == column else None


def _out_of_sum(total: Sum, part: Expression, value: Expression) -> Expression:
    signs = ("+", *total.operators)
    at = total.operands.index(part)
    others = [(o, s) for i, (o, s) in enumerate(zip(total.operands, signs, strict=True)) if i != at]
    opposite = {"+": "-", "-": "+"}
    if signs[at] == "+":  # part = value - others
        operators = [opposite[sign] for _, sign in others]
        return Sum((value, *(o for o, _ in others)), tuple(operators))
    # part = others - value, beginning with one that is added
    others.sort(key=lambda item: item[1] != "+")
    operands = (*(o for o, _ in others), value)
    return Sum(operands, (*(sign for _, sign in others[1:]), "-"))


def _out_of_product(whole: Product, part: Expression, value: Expression) -> Expression:
    operators = ("*", *whole.operators)
    at = whole.operands.index(part)
    others = [
        (o, s) for i, (o, s) in enumerate(zip(whole.operands, operators, strict=True)) if i != at
    ]
    opposite = {"*": "/", "/": "*"}
    if operators[at] == "*":  # part = value / others
        inverse = [opposite[sign] for _, sign in others]
        return Product((value, *(o for o, _ in others)), tuple(inverse))
    # part = others / value, beginning with a factor
    others.sort(key=lambda item: item[1] != "*")
    operands = (*(o for o, _ in others), value)
    return Product(operands, (*(sign for _, sign in others[1:]), "/"))
