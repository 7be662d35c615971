"""Whether the row that the shop shows after a write carries what was sent.

Rows of a batch are not checked by the shop but bent: a stock "viele" becomes 0, a status "foo"
becomes draft, all with 200 (recorded). Only the echo tells.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

#: What is not shown back in the form it was sent, or not at all.
_NOT_COMPARED = {"id", "meta_data"}
#: Shops before 9.1 have no such field, and say nothing.
_OPTIONAL = {"global_unique_id"}
_TAG = re.compile(r"<[a-zA-Z/!][^>]*>")
_SHOWN = 80


def differences(sent: Mapping[str, Any], echoed: Mapping[str, Any]) -> list[str]:
    """What the shop bent, as sentences with both values; empty: the echo carries ours."""
    return [
        f"{name}: sent {_short(value)}, the shop has {_short(echoed.get(name))}"
        for name, value in sent.items()
        if name not in _NOT_COMPARED
        and not (name in _OPTIONAL and name not in echoed)
        and not _SAME.get(name, _equal)(value, echoed.get(name))
    ]


def _equal(ours: Any, theirs: Any) -> bool:
    return type(ours) is type(theirs) and bool(ours == theirs)


def _same_amount(ours: Any, theirs: Any) -> bool:
    if not ours or not theirs:
        return bool(ours or None) == bool(theirs or None)
    try:
        return Decimal(str(ours)) == Decimal(str(theirs))
    except InvalidOperation:
        return False


def _same_number(ours: Any, theirs: Any) -> bool:
    # Plugins for decimal quantities show 5 as 5.0.
    is_number = isinstance(theirs, (int, Decimal)) and not isinstance(theirs, bool)
    return is_number and bool(ours == theirs)


def _same_text(ours: Any, theirs: Any) -> bool:
    """What a reader sees: the shop spells entities out and takes tags away that could harm."""
    return isinstance(theirs, str) and _read(ours) == _read(theirs)


def _read(text: str) -> str:
    return "".join(html.unescape(_TAG.sub("", text)).split())


_SAME: dict[str, Callable[[Any, Any], bool]] = {
    "name": _same_text,
    "description": _same_text,
    "regular_price": _same_amount,
    "weight": _same_amount,
    "stock_quantity": _same_number,
}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
