"""What a model's file says about rows of the training data, counted."""

from __future__ import annotations

from collections import Counter

import numpy as np

from h2o_gan.engine.data.codecs.categorical import CategoricalCodec
from h2o_gan.engine.data.codecs.constant import ConstantCodec
from h2o_gan.engine.data.codecs.coordinates import CoordinatesCodec
from h2o_gan.engine.data.codecs.identifier import IdentifierCodec
from h2o_gan.engine.data.codecs.numeric import NumericCodec
from h2o_gan.engine.data.codecs.sequence import SequenceCodec
from h2o_gan.engine.data.pixel_encoder import PixelEncoder
from h2o_gan.engine.data.protocol import Codec
from h2o_gan.engine.data.relations.combinations import FixedCombinations
from h2o_gan.engine.data.schema import Array
from h2o_gan.engine.data.table_encoder import TableEncoder
from h2o_gan.engine.data.tokens.rules import RULES
from h2o_gan.engine.model import Model

__all__ = ["disclosures"]

_RARE = RULES.min_rows
_LEVELS = "levels"
_RARE_LEVELS = f"levels in fewer than {_RARE} training rows"
_VALUES = "values of numbers and times"
_RARE_VALUES = f"values of numbers and times in fewer than {_RARE} training rows"
_ENDS = "smallest and largest values of columns"
_CELLS = "rectangles of coordinates"
_CONSTANTS = "values of constant columns"
_HASHES = "hashes of identifiers"
_SEQUENCES = "largest numbers of identifiers"
_RELATIONS = "relations and rules between columns"
_COMBINATIONS = "combinations of values"


def disclosures(model: Model) -> dict[str, int]:
    """Count what the model's file holds about training rows.

    Numbers of rows follow from stored shares. They are estimates where rows had weights.

    Args:
        model: any model.

    Returns:
        Counts by what is counted, in words; also those that are 0.
    """
    counts = Counter(
        {
            "training rows": 0,
            _LEVELS: 0,
            _RARE_LEVELS: 0,
            _VALUES: 0,
            _RARE_VALUES: 0,
            _ENDS: 0,
            _CELLS: 0,
            _CONSTANTS: 0,
            _HASHES: 0,
            _SEQUENCES: 0,
            _RELATIONS: len(model.relations()),
            _COMBINATIONS: 0,
            "quantiles of the scores of real rows": len(model.real_scores),
            "generated images": sum(map(len, model.training_previews.values())),
        }
    )
    if isinstance(model.encoder, TableEncoder):
        encoder = model.encoder
        for codec in encoder.codecs:
            counts.update(_of_codec(codec, model.rows))
        counts[_ENDS] += 2 * len(encoder.relations.always)
        counts[_COMBINATIONS] += sum(
            len(rule) for rule in encoder.rules if isinstance(rule, FixedCombinations)
        )
    elif isinstance(model.encoder, PixelEncoder):
        counts[_ENDS] += 2  # of all pixels together
        if model.encoder.labels is not None:
            counts.update(_of_levels(np.array(model.encoder.labels.shares), model.rows))
    return dict(counts)


def _of_codec(codec: Codec, rows: int) -> dict[str, int]:
    """The counts of one column, or of columns that are encoded together."""
    if isinstance(codec, CategoricalCodec):
        return _of_levels(codec.shares[: len(codec.observed)], rows)
    if isinstance(codec, NumericCodec):
        quantiles = codec.quantiles
        single = quantiles.low == quantiles.high
        shares = codec.shares[: len(quantiles)]
        return {
            _VALUES: len(np.unique(np.append(quantiles.low, quantiles.high))),
            _RARE_VALUES: _rare(shares[single], rows),
            _ENDS: 2,
        }
    if isinstance(codec, CoordinatesCodec):
        return {_CELLS: len(codec.shares) - codec.has_missing, _ENDS: 4}
    if isinstance(codec, ConstantCodec):
        return {_CONSTANTS: int(codec.value is not None)}
    if isinstance(codec, IdentifierCodec):
        return {_HASHES: len(codec.identifiers.hashes)}
    return {_SEQUENCES: 1} if isinstance(codec, SequenceCodec) else {}


def _of_levels(shares: Array, rows: int) -> dict[str, int]:
    return {_LEVELS: len(shares), _RARE_LEVELS: _rare(shares, rows)}


def _rare(shares: Array, rows: int) -> int:
    """How many of these shares are those of very few rows."""
    return int(np.count_nonzero(shares * rows < _RARE - 0.5))
