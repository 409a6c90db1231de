"""The kinds of tokens, by their names in model files."""

from __future__ import annotations

from h2o_gan.engine.data.protocol import ColumnTokens
from h2o_gan.engine.data.tokens.categorical import CategoricalTokens, FactoredTokens
from h2o_gan.engine.data.tokens.number import NumberTokens

__all__ = ["TOKENS"]

TOKENS: dict[str, type[ColumnTokens]] = {
    kind.kind: kind for kind in (CategoricalTokens, FactoredTokens, NumberTokens)
}
