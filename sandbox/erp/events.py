"""Names and payloads of the webhooks that the ERP sends, and when it sends which."""

from __future__ import annotations

from typing import Any

from sandbox.erp.model import DEFAULT_CHANNEL, Article, listing_id, price_id
from sandbox.erp.options import Options
from sandbox.erp.tenants import Tenant

Event = tuple[str, dict[str, Any]]

TENANT_WIDE = (
    "article.create", "article.update", "article-price.create", "article-price.update",
    "article-price.delete", "sales_channel.create", "sales_channel.update", "sales_channel.delete",
    "sales_channel.stockChange", "document.customer_delivery_document.order_to_delivery",
    "document.customer_delivery_document.cancel_accepted",
    "document.customer_delivery_invoice.order_to_deliveryinvoice",
    "document.customer_delivery_invoice.cancel_accepted",
    "document.customer_order.cancel_accepted", "document.customer_order.order_close_remaining",
    "shipment.parcel.completed", "shelf-document.update", "shelf-document.delete",
    "category.create", "category.update", "category.delete", "listing.category-added",
    "listing.category-removed", "tenant.online", "tenant.offline",
)
PER_CHANNEL = ("article({}).create", "article({}).update", "article({})-shelf.update",
               "open_item({}).update")


def destinations(tenant: Tenant, missing: tuple[str, ...] = ()) -> list[str]:
    """Every queue that can be registered for: all but those with one of `missing` in the name."""
    known = list(TENANT_WIDE) + [
        pattern.format(f"sales-channel-id={channel}")
        for channel in sorted(tenant.channels) for pattern in PER_CHANNEL]
    return [queue for queue in known if not any(part in queue for part in missing)]


def listing_event(article: Article, channel: int, change: str = "update") -> Event:
    """`change` is create, update or shelf."""
    suffix = "-shelf.update" if change == "shelf" else f".{change}"
    return (f"article(sales-channel-id={channel}){suffix}",
            {"articleId": article.id, "listingId": listing_id(article.id, channel)})


def master_data(article: Article, channels: list[int], change: str = "update") -> list[Event]:
    """An article or its texts changed on these channels."""
    found = [listing_event(article, channel, change) for channel in channels
             if channel != DEFAULT_CHANNEL]
    if DEFAULT_CHANNEL in channels and change != "shelf":
        own = listing_id(article.id, DEFAULT_CHANNEL)
        found.append((f"article.{change}", {"articleId": article.id, "listingId": own}))
    return found


def price(article: Article, channel: int, change: str = "update") -> Event:
    """`channel` is 0 for the article's own price record."""
    return (f"article-price.{change}",
            {"articleId": article.id, "priceId": price_id(article.id, channel)})


def stock(article: Article, channels: list[int], id_is: str) -> list[Event]:
    """What the id of stockChange means is not documented, so it can be either."""
    if id_is == "article":
        return [("sales_channel.stockChange", {"id": article.id})]
    return [("sales_channel.stockChange", {"id": channel}) for channel in channels]


def shaped(payload: dict[str, Any], options: Options) -> dict[str, Any]:
    """The payload with the ids and in the type that were chosen; which the ERP sends is unknown."""
    if options.event_ids == "entityId":  # as the vendor's older pages have it
        payload = {"entityId": next(iter(payload.values()))}
    elif "articleId" in payload and options.event_ids != "all":
        wants_article = options.event_ids == "article"
        payload = {name: value for name, value in payload.items()
                   if (name == "articleId") == wants_article}
    if options.ids == "text":
        return {name: str(value) for name, value in payload.items()}
    return payload
