"""Are the shop's deliveries what the ERP says of them? Read over HTTP from both sandboxes.

As `comparison` of articles: it shares nothing with the product.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import requests

TIMEOUT_S = 30
SHOP_CHANNEL = 42


def differences(erp_url: str, shop_url: str) -> tuple[int, list[str]]:
    """How many orders of the shop the ERP has, and what differs. A shop is asked only if so."""
    orders = [one for one in _asked(f"{erp_url}/_sandbox/orders")
              if one["reference"] and one["channel"] == SHOP_CHANNEL]
    if not orders:
        return 0, []
    shown = {one["number"]: one for one in _asked(f"{shop_url}/_sandbox/orders")["orders"]}
    found = [_difference(order, shown.get(order["reference"])) for order in orders]
    return len(orders), [one for one in found if one is not None]


def _asked(url: str) -> Any:
    answer = requests.get(url, timeout=TIMEOUT_S)
    answer.raise_for_status()
    return json.loads(answer.text, parse_float=Decimal)


def _difference(order: dict[str, Any], shown: dict[str, Any] | None) -> str | None:
    name = f"order {order['reference']}"
    if shown is None:
        return f"{name}: is not in the shop"
    wanted, delivery = _state(order, shown), _with_goods(shown)
    if delivery["state"] != wanted:
        return f"{name}: its delivery is {delivery['state']} in the shop, {wanted} in the ERP"
    numbers, told = _numbers(order), sorted(delivery["tracking_codes"])
    if told != numbers:
        return f"{name}: the shop tells the parcels {told}, the ERP has {numbers}"
    return None


def _state(order: dict[str, Any], shown: dict[str, Any]) -> str:
    """The state that the shop's delivery has to be in; some shops have no word for a part."""
    part = "shipped_partially" if shown.get("tells_parts", True) else "open"
    delivered = [Decimal(str(line["delivered"])) for line in order["lines"]]
    missing = [Decimal(str(line["quantity"])) - done
               for line, done in zip(order["lines"], delivered, strict=True)]
    has_ended = order["state"] in ("CANCELLED", "CLOSED")
    if not any(delivered):
        return "cancelled" if has_ended else "open"
    return "shipped" if has_ended or not any(missing) else part


def _numbers(order: dict[str, Any]) -> list[str]:
    """Of the parcels that travel; those of a cancelled delivery do not."""
    return sorted(parcel["tracking"] for one in order["deliveries"] if one["state"] != "CANCELLED"
                  for parcel in one["parcels"] if parcel["tracking"])


def _with_goods(shown: dict[str, Any]) -> dict[str, Any]:
    """The delivery that is no discount on the shipping costs."""
    goods: dict[str, Any] = next(one for one in shown["deliveries"] if one["shipping_costs"] >= 0)
    return goods
