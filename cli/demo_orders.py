"""The demo's orders: placed in the shop, imported into the ERP, and shipped there."""

from __future__ import annotations

from typing import Any

from cli.demo_processes import DemoFailed
from cli.demo_stage import Stage
from integration.connectors import registry
from integration.topology import Topic

#: What a customer orders of each article, and what the ERP has of it at first.
QUANTITY, STOCK = 2, 50
ORDERS = 4


def ship_some(stage: Stage, platform: str) -> int:
    """Place orders and let the ERP work on them in the ways there are; how many orders."""
    if Topic.ORDER_STATUS not in registry.platform(platform).capabilities.max_batch:
        return 0
    articles = _articles(stage)
    print(f"ordering: {ORDERS} orders, shipped in the ERP in as many ways", flush=True)
    whole, closed, corrected, cancelled = [_ordered(stage, articles) for _ in range(ORDERS)]
    erp = f"{stage.erp_url}/_sandbox"
    one_piece = [{"article": articles[0]["id"], "quantity": 1}]
    waiting = stage.post(f"{erp}/ship", {"order": whole, "parcels": 2, "complete": False})
    for parcel in waiting["parcels"]:
        stage.post(f"{erp}/parcel", {"parcel": parcel["parcel"]})
    wrong = stage.post(f"{erp}/ship", {"order": corrected})
    stage.post(f"{erp}/cancel", {"document": wrong["document"]})
    stage.post(f"{erp}/ship", {"order": corrected, "lines": one_piece})
    stage.post(f"{erp}/ship", {"order": closed, "lines": one_piece})
    stage.post(f"{erp}/cancel", {"document": closed, "rest": True})
    stage.post(f"{erp}/cancel", {"document": cancelled})
    for article in articles:
        # What is cancelled is for sale again in the ERP, too.
        _stock(stage, article, QUANTITY)
    return ORDERS


def _articles(stage: Stage) -> list[dict[str, Any]]:
    """Two articles that are for sale, with enough of them."""
    state = stage.get(f"{stage.erp_url}/_sandbox/state", limit=500)
    is_for_sale = ("listed", "active", "gross")
    found = [one for one in state["articles"] if all(one[name] for name in is_for_sale)][:2]
    if len(found) < 2:
        raise DemoFailed("the catalogue has no two articles that are for sale")
    return [{**one, "stock": STOCK} for one in found]


def _ordered(stage: Stage, articles: list[dict[str, Any]]) -> int:
    """An order in the shop and, imported, in the ERP, which keeps its pieces back from now on; the
    ERP's id of it."""
    lines = [{"article": one["number"], "quantity": QUANTITY} for one in articles]
    placed = stage.post(f"{stage.shop_url}/_sandbox/orders", {"orders": [{"lines": lines}]})
    imported = stage.post(
        f"{stage.erp_url}/_sandbox/order",
        {
            "reference": placed["orders"][0]["number"],
            "lines": [{"article": one["id"], "quantity": QUANTITY} for one in articles],
        },
    )
    for article in articles:
        _stock(stage, article, -QUANTITY)
    return int(imported["document"])


def _stock(stage: Stage, article: dict[str, Any], change: int) -> None:
    article["stock"] += change
    edit = {"article": article["id"], "set": {"stock": article["stock"]}}
    stage.post(f"{stage.erp_url}/_sandbox/edit", edit)
