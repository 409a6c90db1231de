"""Expressions from the JSON of model files, which may be hostile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from h2o_gan.engine.data.relations.conditions import Comparison, Logic, Membership, Missing, Not
from h2o_gan.engine.data.relations.expressions import (
    MAX_DEPTH,
    MAX_NODES,
    UNITS,
    Chain,
    Duration,
    Expression,
    Kinds,
    Literal,
    Moment,
    Negative,
    Number,
    Product,
    Reference,
    Sum,
    Text,
)
from h2o_gan.engine.exceptions import Damaged

__all__ = ["restore"]


def restore(data: Any, kinds: Kinds) -> Expression:
    """Rebuild an expression from JSON that may be hostile.

    Args:
        data: what ``to_json`` returned.
        kinds: kind of each column, by its name.

    Raises:
        Damaged: it is not the JSON of an expression over these columns.
    """
    try:
        expression = _restored(data, _Budget(), 1)
        expression.type_in(kinds)
    except (TypeError, ValueError) as error:
        raise Damaged(f"an expression is invalid: {error}") from error
    except KeyError as error:
        raise Damaged(f"an expression refers to the column {error!s:.50}") from error
    return expression


class _Budget:
    """Counts nodes while a tree is restored."""

    def __init__(self) -> None:
        self.nodes = 0

    def spend(self, depth: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            raise ValueError("it is too large")


def _restored(data: Any, budget: _Budget, depth: int) -> Expression:
    budget.spend(depth)
    if not isinstance(data, list) or len(data) < 2 or not isinstance(data[0], str):
        raise ValueError(f"{data!r:.50}")
    tag, *items = data

    def child(item: Any) -> Expression:
        return _restored(item, budget, depth + 1)

    if tag in ("and", "or"):
        return Logic(tag, tuple(map(child, items)))
    if tag in _CHAINS:
        if not all(isinstance(item, str) for item in items[1::2]):
            raise ValueError(f"{data!r:.50}")
        return _CHAINS[tag](tuple(map(child, items[::2])), tuple(items[1::2]))
    if tag == Membership.tag:
        options = [child(item) for item in items[1:]]
        literals = tuple(option for option in options if isinstance(option, Literal))
        if len(literals) < len(options):
            raise ValueError(f"{data!r:.50}")
        return Membership(child(items[0]), literals)
    if len(items) != 1:
        raise ValueError(f"{data!r:.50}")
    if tag in UNITS:
        return Duration(tag, child(items[0]))
    if tag in _UNARIES:
        return _UNARIES[tag](child(items[0]))
    if tag in _LEAVES:
        make, types = _LEAVES[tag]
        value = items[0]
        if type(value) not in types:
            raise ValueError(f"{data!r:.50}")
        return make(value)
    raise ValueError(f"{data!r:.50}")


_CHAINS: dict[str, type[Chain]] = {made.tag: made for made in (Sum, Product, Comparison)}
_UNARIES: dict[str, Callable[[Expression], Expression]] = {
    Negative.tag: Negative,
    Missing.tag: Missing,
    Not.tag: Not,
}
_LEAVES: dict[str, tuple[Callable[[Any], Expression], tuple[type, ...]]] = {
    Number.tag: (Number, (int, float)),
    Text.tag: (Text, (str,)),
    Moment.tag: (Moment, (int,)),
    Reference.tag: (Reference, (str,)),
}
