"""Sends rows in requests of a bearable size, and judges each by its answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integration.connectors.woocommerce import answers, echo, variations
from integration.connectors.woocommerce.answers import NotThere, Refused, RefusesAll, TooMany
from integration.connectors.woocommerce.client import Client
from integration.connectors.woocommerce.pace import NEXT_PUSH_S, Pace
from integration.connectors.woocommerce.rows import Row
from integration.connectors.woocommerce.terms import NO_BRANDS
from integration.errors import (
    Busy,
    ChannelError,
    IntegrationError,
    Rejected,
    TransientError,
)

_VANISHED = (answers.NO_PRODUCT, "woocommerce_rest_product_variation_invalid_id")
_NO_IMAGE = "woocommerce_product_invalid_image_id"
_DUPLICATE = "product_invalid_sku"
_NOT_CREATED = "woocommerce_rest_product_not_created"


@dataclass(frozen=True)
class Verdict:
    """What the shop said about one row; neither an error nor vanished: accepted as `id`."""

    id: str | None = None
    error: IntegrationError | None = None
    #: The number has an owner: a product, one in the trash, or one of a parallel create.
    is_duplicate: bool = False
    #: The owner's id, where the shop names it.
    owner: str | None = None
    has_vanished: bool = False
    #: The brand that we remember is not there any more.
    lacks_brand: bool = False


def write(
    client: Client,
    rows: Sequence[Row],
    pace: Pace,
    clock: Callable[[], float] = time.monotonic,
    *,
    path: str | None = None,
) -> list[Verdict]:
    """One verdict per row, same order. `path`: where they are written; None: they are products.

    Raises: what the client raises; a TransientError only if nothing is settled yet, otherwise it
    becomes the verdict of the rows that are not; RefusesAll.
    """
    settled: dict[int, Verdict] = {}
    error: TransientError | None = None
    alone: list[Refused] = []
    for where, places in _by_path(rows) if path is None else [(path, list(range(len(rows))))]:
        # A request that is refused as a whole is halved until the row at fault is alone: it is
        # among the first rows that wait, `suspects` of them.
        waiting, suspects = list(places), 0
        while waiting and error is None:
            most = max(1, suspects // 2) if suspects else len(waiting)
            size = min(most, pace.size(len(waiting)))
            if size == 0:
                error = Busy(f"{client.settings.host} is slow, the rest goes next", NEXT_PUSH_S)
                break
            chunk, began = waiting[:size], clock()
            try:
                verdicts = _sent(client, where, [rows[one] for one in chunk])
            except TooMany:
                if size == 1:
                    raise _takes_none(client.settings.host) from None
                pace.limit(size // 2)
                continue
            except Refused as refused:
                suspects = size if size > 1 else 0
                if suspects:
                    continue
                alone.append(refused)
                settled[waiting.pop(0)] = Verdict(error=Rejected(str(refused)))
            except TransientError as trouble:
                if not settled:
                    pace.learn(size, clock() - began)
                    raise
                error = trouble
            else:
                settled.update(zip(chunk, verdicts, strict=True))
                waiting, suspects = waiting[size:], max(0, suspects - size)
            pace.learn(size, clock() - began)
    if len(alone) == len(rows) > 1:
        raise RefusesAll(str(alone[-1]))
    return [settled.get(place, Verdict(error=error)) for place in range(len(rows))]


def _by_path(rows: Sequence[Row]) -> list[tuple[str, list[int]]]:
    """Places of rows by where they are written: products first, then the variations of each."""
    places: dict[str | None, list[int]] = {None: []}
    for place, row in enumerate(rows):
        places.setdefault(row.parent, []).append(place)
    return [(variations.path_of(parent), found) for parent, found in places.items()]


def _takes_none(host: str) -> ChannelError:
    return ChannelError(
        f"{host} takes no rows in a batch; a plugin limits them (filter "
        "woocommerce_rest_batch_items_limit)"
    )


def _sent(client: Client, path: str, rows: Sequence[Row]) -> list[Verdict]:
    """Creates and updates of one request; the shop answers each list by position."""
    lists: dict[str, list[dict[str, Any]]] = {"create": [], "update": []}
    for row in rows:
        if row.id is None:
            lists["create"].append(dict(row.values))
        else:
            lists["update"].append({"id": int(row.id), **row.values})
    try:
        answered = client.batch(path, {name: one for name, one in lists.items() if one})
    except NotThere:
        # The product went with its variations.
        gone = TransientError("the product that it is a variation of was deleted meanwhile")
        return [Verdict(has_vanished=True) if row.id else Verdict(error=gone) for row in rows]
    waiting = {name: iter(one) for name, one in answered.items()}
    return [
        _verdict(client.settings.host, row, next(waiting["create" if row.id is None else "update"]))
        for row in rows
    ]


def _verdict(host: str, row: Row, answer: Mapping[str, Any]) -> Verdict:
    error = answer.get("error")
    if isinstance(error, Mapping):
        return _refusal(host, row, error)
    if not answer.get("id") or (row.id is not None and str(answer["id"]) != row.id):
        return Verdict(error=Rejected("the shop answered 200 but did not name the row"))
    if answer.get("status") == "trash" and "status" not in row.values:
        # It takes the values and stays where nobody can buy it.
        return Verdict(has_vanished=True)
    if bent := echo.differences(row.values, answer):
        is_set = row.values.get("brands") != NO_BRANDS
        if is_set and all(one.startswith("brands:") for one in bent):
            gone = TransientError("its brand went away in the shop, and is looked for anew")
            return Verdict(error=gone, lacks_brand=True)
        return Verdict(error=Rejected("; ".join(bent)))
    return Verdict(id=str(answer["id"]))


def _refusal(host: str, row: Row, error: Mapping[str, Any]) -> Verdict:
    """What an item's error means. Raises: CredentialsRefused."""
    code, message = str(error.get("code") or ""), str(error.get("message") or "no reason given")
    details = answers.details_of(error)
    status, words = details.get("status"), f"{message} ({code})"
    if code in _VANISHED and row.id is not None:
        if not row.is_first:
            return Verdict(has_vanished=True)
        return Verdict(error=TransientError("the product was deleted while it was taken over"))
    if code == _DUPLICATE or (code == _NOT_CREATED and "lookup table" in message):
        owner = str(details.get("resource_id") or "")
        named = f"; product {owner} of the shop has the number" if owner else ""
        return Verdict(error=Rejected(words + named), is_duplicate=True, owner=owner or None)
    if code == _NO_IMAGE:
        return Verdict(error=TransientError(f"an image went away in the shop meanwhile: {words}"))
    if status in (401, 403):
        # Not this row's trouble: raised, it holds the channel, and the rows go again.
        raise answers.credentials_refused(host, code, f": {words}")
    if isinstance(status, int) and status >= 500:
        return Verdict(error=TransientError(words, outcome_unknown=True))
    return Verdict(error=Rejected(words))
