"""How a partial JSON object changes what is there."""

from __future__ import annotations

from typing import Any


def merged(old: Any, new: Any) -> Any:
    """`old` with `new` merged in; a null takes a member away."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    result = dict(old)
    for key, value in new.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result
