"""In how many rows of a table relations hold."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from h2o_gan.engine.data.relations.checking import columns_in, parse_rules
from h2o_gan.engine.data.relations.combinations import FixedCombinations
from h2o_gan.engine.data.relations.values import decimals_in

__all__ = ["relation_shares"]


def relation_shares(
    texts: Sequence[str], training: pa.Table, others: Sequence[pa.Table]
) -> list[list[float | None]]:
    """In how many rows of some tables relations hold.

    Args:
        texts: of the relations, in the grammar of rules.
        training: training rows, which say to how many decimals numbers are equal, and which
            combinations occur.
        others: tables with the same columns.

    Returns:
        For each relation its share of the rows of the training table and of each of the others;
        None where it cannot be computed from the tables, which may lack a column.
    """
    columns = columns_in(training)
    found: list[list[float | None]] = []
    for text in texts:
        try:
            (rule,) = parse_rules([text], columns)
            names = [column.name for column in columns if column.name in rule.columns]
            (rule,) = parse_rules([text], columns, decimals_in(training, names))
            if isinstance(rule, FixedCombinations):
                rule = rule.fitted(training, min_rows=1)
            found.append(
                [
                    1 - float(rule.broken(table).mean()) if table.num_rows else None
                    for table in (training, *others)
                ]
            )
        except (ValueError, TypeError, ArithmeticError, KeyError):
            found.append([None] * (1 + len(others)))
    return found
