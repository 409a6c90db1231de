"""What the JSON of a model file may say, checked before anything is made of it.

A check takes a value and what to call it, and raises
:class:`~h2o_gan.engine.exceptions.Damaged`. Here are types and ranges; what has to do with
arrays and networks is seen where those are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from h2o_gan.engine.exceptions import Damaged

__all__ = ["check_manifest"]

Check = Callable[[Any, str], None]

_MOST = 2**53  # a whole number that doubles have too


def check_manifest(manifest: Any) -> None:
    """Raise Damaged unless this is such a manifest as a saved model has."""
    _MANIFEST(manifest, "its description")
    if manifest["encoder"]["encoder"] == "pixels":
        _PIXELS(manifest["encoder"], "its encoder")
    else:
        _TABLE(manifest["encoder"], "its encoder")
        for place, column in enumerate(manifest["encoder"]["columns"]):
            _CODECS[column["codec"]](column, f"its column {place}")
    model = manifest.get("model", {"kind": "latent"})  # format 1 knew no other kind
    _MODELS[model["kind"]](model, "its model")


def _damaged(value: Any, what: str) -> Damaged:
    return Damaged(f"{what} is {value!r:.50}")


def _text(value: Any, what: str) -> None:
    if not isinstance(value, str):
        raise _damaged(value, what)


def _flag(value: Any, what: str) -> None:
    if not isinstance(value, bool):
        raise _damaged(value, what)


def _any(value: Any, what: str) -> None:
    """Anything: it is checked elsewhere."""


def _whole(low: int, high: int = _MOST) -> Check:
    def check(value: Any, what: str) -> None:
        if type(value) is not int or not low <= value <= high:
            raise _damaged(value, what)

    return check


def _number(low: float, high: float) -> Check:
    def check(value: Any, what: str) -> None:
        if type(value) not in (int, float) or not low <= value <= high:
            raise _damaged(value, what)

    return check


def _one_of(*words: Any) -> Check:
    def check(value: Any, what: str) -> None:
        if not isinstance(value, str) or value not in words:
            raise _damaged(value, what)

    return check


def _maybe(own: Check) -> Check:
    def check(value: Any, what: str) -> None:
        if value is not None:
            own(value, what)

    return check


def _list_of(own: Check, least: int = 0, most: int = 2**26) -> Check:
    def check(value: Any, what: str) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise _damaged(value, what)
        for item in value:
            own(item, what)

    return check


def _dict_of(own: Check) -> Check:
    def check(value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise _damaged(value, what)
        for item in value.values():
            own(item, what)

    return check


def _record(needed: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    def check(value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise _damaged(value, what)
        for name, own in needed.items():
            if name not in value:
                raise Damaged(f"{what} has no {name}")
            own(value[name], f"{what}: {name}")
        for name, own in (optional or {}).items():
            if name in value:
                own(value[name], f"{what}: {name}")

    return check


def _constant(value: Any, what: str) -> None:
    if value is not None and type(value) not in (int, float, str):
        raise _damaged(value, what)


_COLUMN = _record(
    {
        "name": _text,
        "kind": _one_of("int", "real", "time", "enum", "string", "uuid"),
        "levels": _list_of(_text),
    }
)
_CODECS: dict[str, Check] = {
    "constant": _record({"column": _COLUMN, "value": _constant}),
    "levels": _record({"column": _COLUMN, "has_missing": _flag}),
    "binned": _record(
        {
            "column": _COLUMN,
            "missing_share": _number(0, 1),
            "step": _whole(1, 2**62),
            "decimals": _maybe(_whole(0, 8)),
        },
        {"treat": _one_of("auto", "numeric", "categorical")},
    ),
    "fresh": _record({"column": _COLUMN, "identifiers": _dict_of(_any)}),
}
_TABLE = _record({"columns": _list_of(_record({"codec": _one_of(*_CODECS)}), 1)})
_PIXELS = _record(
    {"columns": _list_of(_COLUMN, 1)},
    {
        "shape": _maybe(_list_of(_whole(1, 2**16), 3, 3)),
        "low": _number(-1e300, 1e300),
        "high": _number(-1e300, 1e300),
        "largest": _number(-1e300, 1e300),
        "labels": _maybe(
            _record(
                {
                    "column": _COLUMN,
                    "place": _whole(0),
                    "classes": _list_of(_constant, 1),
                    "shares": _list_of(_number(0, 1), 1),
                }
            )
        ),
    },
)
_WIDTH = _whole(1, 2**16)
_TOKENS = _record(
    {"kind": _one_of("choice", "pair", "number")},
    {"size": _whole(1), "rank_floor": _number(0, 0.5)},
)
_MODELS: dict[str, Check] = {
    "table": _record(
        {
            "layout": _record(
                {
                    "rows": _whole(1),
                    "dependencies": _list_of(
                        _record(
                            {
                                "column": _whole(0),
                                "source": _whole(0),
                                "table": _list_of(_whole(0), 1),
                            }
                        )
                    ),
                },
                {
                    "sizes": _list_of(_whole(0)),  # up to format 2
                    "columns": _list_of(_TOKENS, 1),
                },
            ),
            "sizes": _record(
                {"features": _WIDTH, "summary": _WIDTH, "hidden": _WIDTH},
                {"knots": _whole(2, 1024), "components": _whole(1, 1024)},
            ),
            "has_critic": _flag,
            "shift": _number(-1e6, 1e6),
            # Ratios have a mean of one, so that no more than their share can lie this high.
            "clip": _number(-50, 10),
        },
        {
            "critic_sizes": _list_of(_WIDTH, 2, 2),
            "best_loss": _maybe(_number(-1e300, 1e300)),
        },
    ),
    "latent": _record({}),
    "images": _record(
        {
            "sizes": _record(
                {
                    "channels": _list_of(_whole(1, 4096), 1, 8),
                    "blocks": _whole(1, 16),
                    "latent": _whole(1, 2**20),
                    "patch": _whole(1, 128),
                }
            ),
            "augmentation": _number(0, 1),
            "preview_epochs": _list_of(_whole(0)),
        },
        {"starting": _flag},
    ),
}
_MANIFEST = _record(
    {
        "parameters": _dict_of(_any),
        "encoder": _record({"encoder": _one_of("table", "pixels")}),
        "history": _list_of(_dict_of(_maybe(_number(-1e308, 1e308)))),
        "epoch": _whole(0),
        "step": _whole(0),
        "seconds": _number(0, 1e12),
        "stopped_by": _text,
        "rows": _whole(1),
        "batch_size": _whole(1),
    },
    {"model": _record({"kind": _one_of(*_MODELS)}), "began_at": _list_of(_number(0, _MOST), 3, 3)},
)
