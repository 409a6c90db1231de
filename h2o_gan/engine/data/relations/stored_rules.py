"""Rules from the content of model files, which may be hostile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from h2o_gan.engine.data.relations.combinations import FixedCombinations
from h2o_gan.engine.data.relations.rules import (
    MAX_TEXT,
    Arrays,
    Condition,
    Formula,
    Rule,
    Unique,
)
from h2o_gan.engine.data.schema import Column
from h2o_gan.engine.exceptions import Damaged
from h2o_gan.engine.json_checks import one_of, record, text

__all__ = ["restore"]

_KINDS: dict[str, type[Rule]] = {
    made.kind: made for made in (Formula, Condition, Unique, FixedCombinations)
}
_RULE_CHECK = record({"kind": one_of(*_KINDS), "text": text})


def restore(data: Any, arrays: Arrays, columns: Sequence[Column]) -> Rule:
    """Rebuild a rule from the content of a file that may be hostile.

    Args:
        data: what :meth:`Rule.to_json` returned.
        arrays: what :meth:`Rule.arrays` returned.
        columns: of the table.

    Raises:
        Damaged: it is not a rule over these columns.
    """
    _RULE_CHECK(data, "rule")
    if len(data["text"]) > MAX_TEXT:
        raise Damaged(f"the text of a rule has {len(data['text']):,} characters")
    return _KINDS[data["kind"]].restore(data, arrays, {column.name: column for column in columns})
