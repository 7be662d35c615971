"""What a shop takes one by one: a file needs an upload of its own, a delivery a step of its own.

So what counts is the writes per file and per delivery: what a batch needs besides has to stay below
a twentieth of that.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from bench.bursts import QUICK_FOR_SALE, filled
from bench.results import Result
from bench.service import PATIENCE_S, Bench, MeasuredService
from tests.acceptance.bursts import all_writes, erp_requests, storm

ARTICLES, DELIVERIES = 1_000, 200
#: Articles of the shop in which these orders are.
ORDERED_OF = 100


def measure_files(bench: Bench) -> list[Result]:
    """A new image for each of so many articles, all told in one burst."""
    articles = bench.pick(ARTICLES, QUICK_FOR_SALE)
    with filled(bench, "files", articles) as service:
        found = [_files(service, articles)]
    return _rows("file", found, "" if articles == ARTICLES else f"{articles} articles here")


def measure_deliveries(bench: Bench) -> list[Result]:
    """Deliveries of as many orders, in one burst; each parcel has its number already."""
    count = bench.pick(DELIVERIES, 60)
    with filled(bench, "deliveries", ORDERED_OF) as service:
        found = [_deliveries(service, count) for _ in range(bench.pick(3, 1))]
    return _rows("delivery", found, "" if count == DELIVERIES else f"{count} deliveries here")


def _rows(name: str, found: Sequence[Mapping[str, float]], note: str) -> list[Result]:
    """A result for each value, which is there once for each repetition."""
    return [
        Result(f"burst.{name}.{key}", [one[key] for one in found], note=note) for key in found[0]
    ]


def _files(service: MeasuredService, count: int) -> dict[str, float]:
    changed = service.articles_for_sale()[:count]
    for one in changed:
        service.erp("media", article=one["id"], add=1, silent=True)
    webhooks = [["article-shelf.update/42", {"articleId": one["id"]}] for one in changed]
    seconds, asked, written = _burst(service, webhooks)
    return {
        "shop": written / count,
        "erp": asked,
        "seconds": seconds,
        "wrong": len(service.differences(*changed)),
    }


def _deliveries(service: MeasuredService, count: int) -> dict[str, float]:
    # Of the last article: the bursts change the first ones and look at their stock.
    article = service.articles_for_sale()[-1]
    orders = [_ordered(service, article) for _ in range(count)]
    # The ERP's own webhooks would come one by one, as fast as it is asked here to deliver.
    service.fault("erp", "webhook-drop", share=1.0)
    shipped = [service.erp("ship", order=one.document) for one in orders]
    service.clear_faults()
    webhooks = [[one["queue"], one["payload"]] for sent in shipped for one in sent["events"]]
    seconds, asked, written = _burst(service, webhooks)
    wrong = [
        one.number
        for one, sent in zip(orders, shipped, strict=True)
        if not _is_told_once(service, one.number, sent["parcels"])
    ]
    return {"shop": written / count, "erp": asked, "seconds": seconds, "wrong": len(wrong)}


def _burst(service: MeasuredService, webhooks: Sequence[list[Any]]) -> tuple[float, int, int]:
    """(seconds until all is in the shop, ERP requests, shop writes)."""
    service.forget_requests()
    began = time.monotonic()
    storm(service, webhooks)
    service.wait_until_idle(PATIENCE_S)
    return time.monotonic() - began, erp_requests(service), all_writes(service)


@dataclass(frozen=True)
class _Order:
    """An order by its number in the shop and its document in the ERP."""

    number: str
    document: int


def _ordered(service: MeasuredService, article: Mapping[str, Any]) -> _Order:
    """An order in the shop, and imported into the ERP."""
    lines = [{"article": article["number"], "quantity": 1}]
    placed = service.shop("orders", orders=[{"lines": lines}])["orders"][0]
    lines = [{"article": article["id"], "quantity": 1}]
    imported = service.erp("order", reference=placed["number"], lines=lines)
    return _Order(placed["number"], imported["document"])


def _is_told_once(
    service: MeasuredService, number: str, parcels: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether the shop's order was shipped in one step, with the numbers of these parcels."""
    url = f"{service.shop_url}/_sandbox/orders"
    (order,) = requests.get(url, {"number": number}, timeout=30).json()["orders"]
    (delivery,) = order["deliveries"]
    steps = [one for one in order["writes"] if one["action"] != "upsert"]
    return (
        delivery["state"] == "shipped"
        and delivery["tracking_codes"] == [one["tracking"] for one in parcels]
        and [(one["action"], one["result"]) for one in steps] == [("ship", "applied")]
    )
