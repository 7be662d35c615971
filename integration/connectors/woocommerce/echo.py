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
_NOT_COMPARED = {"id"}
#: Shops before 9.1 have no such field, and say nothing.
_OPTIONAL = {"global_unique_id"}
_TAG = re.compile(r"<[a-zA-Z/!][^>]*>")
_SHOWN = 80
#: Characters of a moment up to its seconds.
_MOMENT = 19


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


def _same_moment(ours: Any, theirs: Any) -> bool:
    return str(ours or "")[:_MOMENT] == str(theirs or "")[:_MOMENT]


def _has_ids(ours: Any, theirs: Any) -> bool:
    """Of categories and brands: unknown ones are dropped without a word (recorded)."""
    shown = {one.get("id") for one in theirs or () if isinstance(one, dict)}
    return all(one["id"] in shown for one in ours)


def _has_brands(ours: Any, theirs: Any) -> bool:
    """An id of 0 takes all of them away."""
    return not theirs if not any(one["id"] for one in ours) else _has_ids(ours, theirs)


def _has_attributes(ours: Any, theirs: Any) -> bool:
    """Of a variation its options, of a product what there is to choose from. What the product does
    not offer is dropped without a word (recorded)."""
    shown = {
        (str(one.get("name")).casefold(), html.unescape(str(option)))
        for one in theirs or ()
        if isinstance(one, dict)
        for option in one.get("options") or [one.get("option")]
    }
    return all(
        (str(one["name"]).casefold(), html.unescape(str(option))) in shown
        for one in ours
        for option in one.get("options") or [one.get("option")]
        if option is not None
    )


def _same_images(ours: Any, theirs: Any) -> bool:
    """Their order is what customers see; an alt text counts where one was sent."""
    shown = [one for one in theirs or () if isinstance(one, dict)]
    return [one["id"] for one in ours] == [one.get("id") for one in shown] and all(
        "alt" not in one or _same_text(one["alt"], there.get("alt"))
        for one, there in zip(ours, shown, strict=True)
    )


def _same_image(ours: Any, theirs: Any) -> bool:
    return _same_images([ours] if ours else [], [theirs] if theirs else [])


def _has_meta(ours: Any, theirs: Any) -> bool:
    """Numbers come back as texts, and what is a list or yes and no as PHP has it."""
    shown = {one.get("key"): one.get("value") for one in theirs or () if isinstance(one, dict)}
    return all(_same_meta(one["value"], shown.get(one["key"])) for one in ours)


def _same_meta(ours: Any, theirs: Any) -> bool:
    if ours is None or ours == "":
        return theirs is None or theirs == ""
    if isinstance(ours, str):
        return _same_text(ours, theirs) or _same_amount(ours, theirs)
    return theirs is not None


def _same_sides(ours: Any, theirs: Any) -> bool:
    """Of those that were sent; a product has all of them."""
    shown = theirs if isinstance(theirs, dict) else {}
    return all(_same_amount(side, shown.get(name)) for name, side in ours.items())


_SAME: dict[str, Callable[[Any, Any], bool]] = {
    "name": _same_text,
    "description": _same_text,
    "regular_price": _same_amount,
    "weight": _same_amount,
    "dimensions": _same_sides,
    "stock_quantity": _same_number,
    "sale_price": _same_amount,
    "date_on_sale_from_gmt": _same_moment,
    "date_on_sale_to_gmt": _same_moment,
    "categories": _has_ids,
    "brands": _has_brands,
    "meta_data": _has_meta,
    "images": _same_images,
    "image": _same_image,
    "attributes": _has_attributes,
}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
