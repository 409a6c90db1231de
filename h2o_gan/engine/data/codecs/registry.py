"""The kinds of columns, in the order in which a column is offered to them."""

from __future__ import annotations

from h2o_gan.engine.data.codecs.categorical import CategoricalCodec
from h2o_gan.engine.data.codecs.computed import ComputedCodec
from h2o_gan.engine.data.codecs.constant import ConstantCodec
from h2o_gan.engine.data.codecs.coordinates import CoordinatesCodec
from h2o_gan.engine.data.codecs.identifier import IdentifierCodec
from h2o_gan.engine.data.codecs.numeric import NumericCodec
from h2o_gan.engine.data.codecs.sequence import SequenceCodec
from h2o_gan.engine.data.protocol import Codec

__all__ = ["CODECS"]

CODECS: dict[str, type[Codec]] = {
    kind.name: kind
    for kind in (
        CoordinatesCodec,
        ConstantCodec,
        IdentifierCodec,
        SequenceCodec,
        CategoricalCodec,
        NumericCodec,
        ComputedCodec,
    )
}
"""Codecs by their names in model files."""
