"""Orders and deliveries that an employee makes, under /_sandbox, with the events that follow."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, jsonify, request

from sandbox.erp import edits
from sandbox.erp.asked import flag, named_tenant, object_of, whole
from sandbox.erp.dto import number
from sandbox.erp.events import Event
from sandbox.erp.model import SHOP_CHANNEL, Article
from sandbox.erp.tenants import Tenant
from sandbox.erp.trade import ORDER, Document, Shipment, TradeError
from sandbox.erp.world import World

MOST_PARCELS = 100


def add_to(routes: Blueprint, world: World) -> None:
    @routes.get("/orders")
    def orders() -> Any:
        trade = named_tenant(world, request.args).trade
        return jsonify([_shown(one) for one in trade.documents.values() if one.category == ORDER])

    @routes.post("/order")
    def order() -> Any:
        body = object_of("tenant", "channel", "reference", "lines")
        tenant = named_tenant(world, body)
        with tenant.lock:
            made, caused = _ordered(tenant, body)
        return {**_shown(made), "events": world.announced(tenant, caused)}

    @routes.post("/ship")
    def ship() -> Any:
        body = object_of("tenant", "order", "lines", "combined", "parcels", "complete", "channel",
                         "reference")
        tenant = named_tenant(world, body)
        with tenant.lock:
            shipment, caused = _shipped(tenant, body, world.options.delivery_event_id)
        return {**_shipment(shipment), "events": world.announced(tenant, caused)}

    @routes.post("/parcel")
    def parcel() -> Any:
        body = object_of("tenant", "parcel")
        tenant = named_tenant(world, body)
        with tenant.lock:
            shipment, found = tenant.trade.parcel(whole(body, "parcel", 0))
            caused = tenant.trade.complete(shipment, found)
        return {**_shipment(shipment), "events": world.announced(tenant, caused)}

    @routes.post("/cancel")
    def cancel() -> Any:
        body = object_of("tenant", "document", "rest")
        tenant = named_tenant(world, body)
        with tenant.lock:
            found = tenant.trade.document(whole(body, "document", 0))
            # Only the rest: what was delivered stays, nothing more will come.
            caused = (tenant.trade.close if flag(body, "rest", False)
                      else tenant.trade.cancel)(found)
        return {**_shown(found), "events": world.announced(tenant, caused)}


def _ordered(tenant: Tenant, body: dict[str, Any]) -> tuple[Document, list[Event]]:
    channel = whole(body, "channel", SHOP_CHANNEL)
    if channel not in tenant.channels:
        raise TradeError(f"there is no sales channel {channel}")
    wanted = body.get("lines") or [{"article": one.id} for one in _offered(tenant, channel)]
    if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        raise TradeError("lines is a list of {article, quantity}")
    lines = [(edits.find(tenant, one.get("article")), _quantity(one)) for one in wanted]
    reference = body.get("reference")
    if reference is not None and not isinstance(reference, str):
        raise TradeError("reference is a text")
    return tenant.trade.order(channel, lines, reference)


def _shipped(tenant: Tenant, body: dict[str, Any], event_id: str) -> tuple[Shipment, list[Event]]:
    """Deliver an order, or all of a new one if none is named."""
    parcels, completes = whole(body, "parcels", 1), flag(body, "complete", True)
    combined = flag(body, "combined", False)
    if parcels > MOST_PARCELS:
        raise TradeError(f"parcels is at most {MOST_PARCELS}")
    if "order" in body:
        order, caused = tenant.trade.document(whole(body, "order", 0)), []
        wanted = _by_line(order, body["lines"]) if "lines" in body else None
    else:
        (order, caused), wanted = _ordered(tenant, body), None
    shipment, delivered = tenant.trade.deliver(order, wanted, combined=combined, parcels=parcels)
    if event_id == "order":
        delivered = [(queue, {"id": order.id}) for queue, _payload in delivered]
    caused = [*caused, *delivered]
    for parcel in shipment.parcels if completes else ():
        caused += tenant.trade.complete(shipment, parcel)
    return shipment, caused


def _by_line(order: Document, lines: Any) -> dict[int, Decimal]:
    """Quantities by the order's line, each named by its id or by the article."""
    if not isinstance(lines, list) or not all(isinstance(one, dict) for one in lines):
        raise TradeError("lines is a list of {line or article, quantity}")
    found = {}
    for one in lines:
        keys = {str(one.get("line")), str(one.get("article"))}
        matching = [line.id for line in order.lines if line.article is not None
                    and keys & {str(line.id), str(line.article.id), line.article.number}]
        if not matching:
            raise TradeError(f"order {order.id} has no line {one}")
        found[matching[0]] = _quantity(one)
    return found


def _offered(tenant: Tenant, channel: int) -> list[Article]:
    """Two articles that the channel's shop shows."""
    shown = (one for one in tenant.articles.between() if one.active
             and (own := one.listings.get(channel)) is not None and own.listed)
    return [article for article, _place in zip(shown, range(2), strict=False)]


def _quantity(line: dict[str, Any]) -> Decimal:
    try:
        amount = Decimal(str(line.get("quantity", 1)))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount <= 0:
        raise TradeError("quantity is a number above 0")
    return amount


def _shown(document: Document) -> dict[str, Any]:
    lines = [{"line": line.id, "article": line.article.id, "number": line.article.number,
              "quantity": number(line.quantity), "delivered": number(line.delivered)}
             for line in document.lines if line.article is not None]
    return {"document": document.id, "number": document.number, "category": document.category,
            "state": document.state, "channel": document.channel,
            "reference": document.reference, "lines": lines}


def _shipment(shipment: Shipment) -> dict[str, Any]:
    order = shipment.document.order
    parcels = [{"parcel": one.id, "state": one.state, "tracking": one.tracking}
               for one in shipment.parcels]
    return {**_shown(shipment.document), "order": order.id if order else None,
            "shipment": shipment.id, "parcels": parcels}
