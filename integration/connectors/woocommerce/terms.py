"""Categories and brands of products: rows of the shop that a product names by their ids.

A product names all its categories at once, so those that others assigned are read before and sent
along; notes of the listing remember which are ours. A category that is not there would be dropped
without a word (recorded); the echo tells.
"""

from __future__ import annotations

import html
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from integration.connectors.base import FactStore, Payload
from integration.connectors.woocommerce import answers
from integration.connectors.woocommerce.answers import NoRoute, Refused, TooMany
from integration.connectors.woocommerce.client import Client
from integration.connectors.woocommerce.details import BRAND
from integration.connectors.woocommerce.pace import NEXT_PUSH_S
from integration.errors import Busy, Invalid, Rejected, TransientError

#: Notes: the categories that we assigned.
CATEGORIES = "categories"
#: Takes all brands away: the shop skips an id that is none, and takes an empty list for no word
#: about brands (docs/sources.md#woocommerce-price).
NO_BRANDS = [{"id": 0}]
_BRANDS = "brands"
#: Those of the brands that mappings name that were there.
_MAPPED_BRANDS = "mapped-brands"
#: What a product without a category is in; the shop's language names it.
_NO_CATEGORY = ("uncategor", "unkategor")
_TERM_EXISTS = "term_exists"

#: Of a push's time: the products that have the brands are yet to be written.
BRANDS_SHARE = 0.25

Brands = Mapping[str, int] | None


def categories_of(row: Mapping[str, Any]) -> frozenset[str]:
    """The categories of a product that the shop shows, without the one that means none."""
    return frozenset(
        str(one["id"])
        for one in row.get("categories") or ()
        if not str(one.get("slug") or "").startswith(_NO_CATEGORY)
    )


def assigned_categories(client: Client, payloads: Sequence[Payload]) -> dict[str, frozenset[str]]:
    """The categories of those products that are to get some, by product."""
    ids = [
        one["external_id"] for one in payloads if one["external_id"] and "categories" in one["body"]
    ]
    if not ids:
        return {}
    query = {"include": ",".join(ids), "status": "any", "_fields": "id,categories"}
    return {str(row["id"]): categories_of(row) for row in client.pages("/products", **query)}


def category_values(
    body: Mapping[str, Any], notes: Mapping[str, Any], assigned: Collection[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a product's row says of its categories, and what to note of them.

    Raises: Invalid for an id that is none.
    """
    ours = set(notes.get(CATEGORIES, ()))
    if "categories" not in body:
        # Not wanted any more: what is assigned stays, and stays ours.
        return {}, {CATEGORIES: sorted(ours)} if ours else {}
    wanted, others = set(body["categories"]), set(assigned) - ours
    for one in wanted:
        if not one.isdigit():
            raise Invalid(f"the category {one} of a mapping is no id of WooCommerce")
    kept = (ours & wanted) | (wanted - set(assigned))
    values = {"categories": [{"id": int(one)} for one in sorted(wanted | others, key=int)]}
    return values, {CATEGORIES: sorted(kept)} if kept else {}


def assigned_brands(client: Client, payloads: Sequence[Payload]) -> dict[str, list[int]]:
    """By product the brands of those that are to lose the one that we chose."""
    ids = [str(one["external_id"]) for one in payloads if _ours_to_clear(one)]
    if not ids:
        return {}
    query = {"include": ",".join(ids), "status": "any", "_fields": "id,brands"}
    return {
        str(row["id"]): [int(one["id"]) for one in row.get("brands") or ()]
        for row in client.pages("/products", **query)
    }


def brand_values(
    payload: Payload, brands: Brands, assigned: Mapping[str, Sequence[int]]
) -> dict[str, Any]:
    """A manufacturer is a brand, where the shop has brands; without one, the brand that we chose is
    taken away and those of employees stay."""
    body = payload["body"]
    if brands is None or "manufacturer" not in body:
        return {}
    if body["manufacturer"] is not None:
        return {"brands": [{"id": brands[_folded(body["manufacturer"])]}]}
    ours, there = _ours_to_clear(payload), assigned.get(str(payload["external_id"]), ())
    if ours not in there:
        return {}
    return {"brands": [{"id": one} for one in there if one != ours] or NO_BRANDS}


def brand_notes(body: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """What to note of a product's brand; `values`: the body in the shop's words."""
    if body.get("manufacturer") and "brands" in values:
        return {BRAND: values["brands"][0]["id"]}
    return {BRAND: 0} if "manufacturer" in body else {}


def _ours_to_clear(payload: Payload) -> int | None:
    """The brand that we chose for a product whose article has no manufacturer any more."""
    if payload["body"].get("manufacturer", "") is not None or not payload["external_id"]:
        return None
    return int(payload.get("notes", {}).get(BRAND) or 0) or None


def has_brands(client: Client) -> bool:
    """Whether the shop has brands, which older ones have not."""
    try:
        client.get("/products/brands", per_page="1", _fields="id")
    except NoRoute:
        return False
    return True


def brand_ids(client: Client, store: FactStore, names: Iterable[str]) -> Brands:
    """Brand ids by folded name, missing ones made; None for a shop without brands."""
    wanted = {_folded(one): one for one in names}
    if not wanted:
        return {}
    known = store.get(_BRANDS)
    if known is False:
        return None
    if not isinstance(known, dict) or not wanted.keys() <= known.keys():
        try:
            rows = list(client.pages("/products/brands", orderby="id", _fields="id,name"))
        except NoRoute:
            store.put(_BRANDS, False)
            return None
        known = {_folded(html.unescape(str(row.get("name")))): int(row["id"]) for row in rows}
        missing = [name for folded, name in wanted.items() if folded not in known]
        if missing:
            known |= _made(client, missing)
        store.put(_BRANDS, known)
    return {folded: int(known[folded]) for folded in wanted}


def brands_there(client: Client, store: FactStore, ids: Iterable[str]) -> frozenset[str] | None:
    """Those of these brands that the shop has; None for a shop without brands."""
    wanted = {one for one in ids if one.isascii() and one.isdigit()}
    if store.get(_BRANDS) is False:
        return None
    known = set(store.get(_MAPPED_BRANDS) or ())
    if missing := wanted - known:
        query = {"include": ",".join(sorted(missing)), "_fields": "id"}
        try:
            known |= {str(row["id"]) for row in client.pages("/products/brands", **query)}
        except NoRoute:
            store.put(_BRANDS, False)
            return None
        store.put(_MAPPED_BRANDS, sorted(known))
    return frozenset(wanted & known)


def forget_brands(store: FactStore) -> None:
    store.put(_BRANDS, None)
    store.put(_MAPPED_BRANDS, None)


def _made(client: Client, names: Sequence[str]) -> dict[str, int]:
    """New brands, in requests of a bearable size. Raises: Rejected; Busy for those that this push
    has no time for: those that are made are found by the next one."""
    pace, made, waiting = client.pace(_BRANDS, BRANDS_SHARE), dict[str, int](), list(names)
    while waiting:
        size = pace.size(len(waiting))
        if size == 0:
            raise Busy(f"{client.settings.host} is slow, the rest goes next", NEXT_PUSH_S)
        began = time.monotonic()
        try:
            made |= _made_together(client, waiting[:size])
        except TooMany as error:
            if size == 1:
                raise TransientError("the shop makes no brands in a batch") from error
            pace.limit(size // 2)
            continue
        pace.learn(size, time.monotonic() - began)
        waiting = waiting[size:]
    return made


def _made_together(client: Client, names: Sequence[str]) -> dict[str, int]:
    """New brands; one that somebody else made meanwhile is that. Raises: Rejected, TooMany."""
    made = {}
    try:
        rows = client.batch("/products/brands", {"create": [{"name": one} for one in names]})
    except Refused as error:
        raise TransientError(f"the shop does not make {len(names)} brands at once") from error
    for name, row in zip(names, rows["create"], strict=True):
        refusal = row.get("error") or {}
        owner = answers.details_of(refusal).get("resource_id")
        term_id = row.get("id") or (owner if refusal.get("code") == _TERM_EXISTS else None)
        if not term_id:
            words = refusal.get("message") or "no reason given"
            raise Rejected(f"the shop does not make the brand {name}: {words}")
        made[_folded(name)] = int(term_id)
    return made


def _folded(name: str) -> str:
    return name.strip().casefold()
