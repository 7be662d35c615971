"""What a test or a demo asks of the sandbox itself, under /_sandbox. No token is needed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, jsonify, request

from sandbox.catalogue import TAX_RATES
from sandbox.erp import admin_media, admin_tenants, admin_trade, edits, options
from sandbox.erp.asked import flag, members, named_tenant, object_of, query_number
from sandbox.erp.burst import Burst, planned
from sandbox.erp.dto import number
from sandbox.erp.model import SHOP_CHANNEL, Article
from sandbox.erp.tenants import MAIN_TENANT
from sandbox.erp.world import World

DEFAULT_LIMIT, MAX_LIMIT = 500, 10_000
#: What an edit may have.
EDIT = ("article", "set", "silent", "channel", "tenant")


def blueprint(world: World, burst: Burst) -> Blueprint:
    routes = Blueprint("admin", __name__, url_prefix="/_sandbox")

    @routes.errorhandler(ValueError)
    def refuse(error: ValueError) -> Any:
        return {"error": "BAD_REQUEST", "message": str(error)}, 400

    admin_tenants.add_to(routes, world)
    admin_trade.add_to(routes, world)
    admin_media.add_to(routes, world)
    _articles(routes, world)
    _webhooks(routes, world)
    _burst(routes, world, burst)
    _control(routes, world, burst)
    return routes


def _articles(routes: Blueprint, world: World) -> None:
    @routes.get("/state")
    def state() -> Any:
        tenant = named_tenant(world, request.args)
        channel = query_number("channel", SHOP_CHANNEL)
        limit = min(query_number("limit", DEFAULT_LIMIT), MAX_LIMIT)
        shown = []
        for article in tenant.articles.between(query_number("after", 0)):
            if len(shown) == limit:
                break
            images = admin_media.shown(tenant, article)
            shown.append({**effective(article, channel), "images": images})
        return {"articles": shown}

    @routes.post("/edit")
    def edit() -> Any:
        return edited(object_of(*EDIT))

    @routes.post("/edits")
    def many_edits() -> Any:
        bodies = object_of("edits").get("edits")
        if not isinstance(bodies, list):
            raise ValueError("edits is a list of what /edit takes")
        return {"edits": [edited(members(one, *EDIT)) for one in bodies]}

    def edited(body: dict[str, Any]) -> dict[str, Any]:
        tenant = named_tenant(world, body)
        article = edits.find(tenant, body.get("article"))
        wanted = edits.checked(tenant, body.get("set"), body.get("channel"))
        caused = edits.apply(tenant, article, wanted, world.options)
        if body.get("silent"):
            caused = []
        sent = world.announced(tenant, caused)
        return {"article": effective(article, wanted.channel or SHOP_CHANNEL), "events": sent}

    @routes.post("/price-rule")
    def price_rule() -> Any:
        body = object_of("percent", "product_group", "keep", "tenant")
        tenant, percent = named_tenant(world, body), body.get("percent")
        if isinstance(percent, bool) or not isinstance(percent, (int, float)) or percent <= 0:
            raise ValueError("percent is a number above 0: of what each price was")
        group = body.get("product_group")
        touched, event = edits.reprice(tenant, Decimal(str(percent)), group,
                                       keep=flag(body, "keep", True))
        return {"articles": len(touched), "events": world.announced(tenant, [event])}


def effective(article: Article, channel: int) -> dict[str, Any]:
    """The article as a shop on this channel should show it; stock and EAN as the ERP has them."""
    listing = article.listings.get(channel)
    price = article.price_on(listing)
    return {
        "id": str(article.id), "number": article.number, "name": article.name_on(listing),
        "description": article.description_on(listing), "ean": article.ean,
        "weight_kg": number(article.weight_kg()), "tax_rate": number(TAX_RATES[article.tax]),
        "active": article.active, "listed": listing is not None and listing.listed,
        "net": number(price.net) if price else None,
        "gross": number(price.gross) if price else None,
        "stock": number(article.stock_on(listing)),
        "sellable_without_stock": article.sellable_without_stock,
        "manufacturer": article.manufacturer,
        "manufacturer_number": article.manufacturer_number or None,
        "size_mm": article.size_mm(), "texts": article.texts, "product_type": article.product_type,
        "variant_of": None if article.main is None else str(article.main),
        "variant_values": article.variant_values, "updated_at": article.updated_at.isoformat(),
    }


def _webhooks(routes: Blueprint, world: World) -> None:
    @routes.get("/webhooks")
    def webhooks() -> Any:
        recent = world.courier.recent(query_number("limit", 100))
        return {**world.courier.counts(), "deliveries": recent}

    @routes.get("/registrations")
    def registrations() -> Any:
        tenant = named_tenant(world, request.args)
        return jsonify([{"queue": one.queue, "url": one.url, "appIdentifier": one.app}
                        for known in list(tenant.registrations.values()) for one in known])


def _burst(routes: Blueprint, world: World, burst: Burst) -> None:
    @routes.post("/burst")
    def start() -> Any:
        body = object_of()
        tenant = named_tenant(world, {"tenant": body.pop("tenant", MAIN_TENANT)})
        plan = planned(tenant, body)
        burst.start(tenant, plan, world.options)
        return plan.describe()

    @routes.get("/burst")
    def status() -> Any:
        return burst.status()


def _control(routes: Blueprint, world: World, burst: Burst) -> None:
    @routes.get("/options")
    def shown() -> Any:
        return options.running_options(world.options)

    @routes.post("/options")
    def change() -> Any:
        world.options = options.changed(world.options, object_of())
        return options.running_options(world.options)

    @routes.post("/reset")
    def reset() -> Any:
        burst.stop()
        world.reset()
        return {"reset": True}
