"""Bluesky documents as metadata of a session or run can carry them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

MAX_BYTES = 200_000
_MAX_DEPTH = 7
_MAX_KEY = 100
LEFT_OUT = "left_out"


def plain_document(doc: Mapping[str, Any], *without: str) -> dict[str, Any]:
    """`doc` as JSON: arrays become lists; what JSON does not know, numbers that are not finite, and what is nested
    deeper become text. The largest values of a document of more than 200 kB are left out; `left_out` names their keys.
    """
    plain = _plain({key: value for key, value in doc.items() if key not in without}, 0)
    sizes = {key: len(json.dumps(value)) for key, value in plain.items()}
    total, left_out = sum(sizes.values()), list[str]()
    for key in sorted(sizes, key=lambda key: sizes[key], reverse=True):
        if total <= MAX_BYTES:
            break
        total -= sizes[key]
        left_out.append(key)
        del plain[key]
    return {**plain, LEFT_OUT: left_out} if left_out else plain


def _plain(value: Any, depth: int) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping() | list() | tuple() if depth >= _MAX_DEPTH:
            return str(value)
        case Mapping():
            return {_key(key): _plain(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item, depth + 1) for item in value]
        case _ if callable(getattr(value, "tolist", None)):  # NumPy's arrays and scalars
            return _plain(value.tolist(), depth)
        case _:
            return str(value)


def _key(key: Any) -> str:
    text = "".join(sign if sign.isprintable() else "?" for sign in str(key)).strip()
    return text[:_MAX_KEY] or "?"
