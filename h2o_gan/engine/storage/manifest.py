"""The schema of a model file's JSON, checked before it is used.

A check takes a value and its name for messages, and raises
:class:`~h2o_gan.engine.exceptions.Damaged`. Only types and ranges are checked here; whether the
JSON fits arrays and networks is checked where those are built.
"""

from __future__ import annotations

from typing import Any

from h2o_gan.engine.data.codecs.registry import CODECS
from h2o_gan.engine.data.schema import COLUMN_CHECK
from h2o_gan.engine.json_checks import (
    Check,
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

__all__ = ["check_manifest"]

_MAX = 2**53  # the largest integer up to which doubles are exact


def check_manifest(manifest: Any) -> None:
    """Check the parsed JSON of a model file.

    Args:
        manifest: any JSON value.

    Raises:
        Damaged: it does not follow the schema.
    """
    _MANIFEST(manifest, "its description")
    if manifest["encoder"]["encoder"] == "pixels":
        _PIXELS(manifest["encoder"], "its encoder")
    else:
        _TABLE(manifest["encoder"], "its encoder")
        for index, column in enumerate(manifest["encoder"]["columns"]):
            CODECS[column["codec"]].json_check(column, f"its column {index}")
    model = manifest.get("model", {"kind": "latent"})  # the only kind of format 1
    _MODELS[model["kind"]](model, "its model")


_TABLE = record(
    {"columns": list_of(record({"codec": one_of(*CODECS)}), 1)}, {"names": list_of(text, 1)}
)
_PIXELS = record(
    {"columns": list_of(COLUMN_CHECK, 1)},
    {
        "shape": optional(list_of(whole(1, 2**16), 3, 3)),
        "low": number(-1e300, 1e300),
        "high": number(-1e300, 1e300),
        "largest": number(-1e300, 1e300),
        "labels": optional(
            record(
                {
                    "column": COLUMN_CHECK,
                    "place": whole(0),
                    "classes": list_of(scalar, 1),
                    "shares": list_of(number(0, 1), 1),
                }
            )
        ),
    },
)
_WIDTH = whole(1, 2**16)
_TOKENS = record({"kind": text})  # each kind checks the rest
_ANCHOR = record(
    {"token": whole(0), "source": whole(0), "scores": list_of(number(-4, 4), 257, 257)}
)
_CROSS = record({"tokens": list_of(whole(0), 2, 8), "cells": list_of(whole(0), 1, 2**14)})
_MODELS: dict[str, Check] = {
    "table": record(
        {
            "layout": record(
                {
                    "rows": whole(1),
                    "dependencies": list_of(
                        record(
                            {
                                "column": whole(0),
                                "source": whole(0),
                                "table": list_of(whole(0), 1),
                            }
                        )
                    ),
                },
                {
                    "sizes": list_of(whole(0)),  # of formats 1 and 2
                    "columns": list_of(_TOKENS, 1),
                    "crosses": list_of(_CROSS, 0, 16),
                    "anchors": list_of(_ANCHOR, 0, 64),
                },
            ),
            "sizes": record(
                {"features": _WIDTH, "summary": _WIDTH, "hidden": _WIDTH},
                {"knots": whole(2, 1024), "components": whole(1, 1024)},
            ),
            "has_critic": flag,
            "shift": number(-1e6, 1e6),
            # Ratios have a mean of 1, which bounds their quantiles.
            "clip": number(-50, 10),
        },
        {
            "critic_sizes": list_of(_WIDTH, 2, 2),
            "best_loss": optional(number(-1e300, 1e300)),
            "evidence_weight": number(0, 1),
        },
    ),
    "latent": record({}),
    "images": record(
        {
            "sizes": record(
                {
                    "channels": list_of(whole(1, 4096), 1, 8),
                    "blocks": whole(1, 16),
                    "latent": whole(1, 2**20),
                    "patch": whole(1, 128),
                }
            ),
            "augmentation": number(0, 1),
            "preview_epochs": list_of(whole(0)),
        },
        {"starting": flag},
    ),
}
_MANIFEST = record(
    {
        "parameters": dict_of(anything),
        "encoder": record({"encoder": one_of("table", "pixels")}),
        "history": list_of(dict_of(optional(number(-1e308, 1e308)))),
        "epoch": whole(0),
        "step": whole(0),
        "seconds": number(0, 1e12),
        "stopped_by": text,
        "rows": whole(1),
        "batch_size": whole(1),
    },
    {"model": record({"kind": one_of(*_MODELS)}), "began_at": list_of(number(0, _MAX), 3, 3)},
)
