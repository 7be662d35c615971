"""Names and payloads of the webhooks that the ERP sends, and when it sends which."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.erp.model import DEFAULT_CHANNEL, Article, listing_id, price_id
from sandbox.erp.options import Options

Event = tuple[str, dict[str, Any]]

TENANT_WIDE = (
    "article.create", "article.update", "article-price.create", "article-price.update",
    "article-price.delete", "sales_channel.create", "sales_channel.update", "sales_channel.delete",
    "sales_channel.stockChange", "shipment.parcel.completed", "shelf-document.update",
    "shelf-document.delete", "account.create", "account.update", "category.create",
    "category.update", "category.delete", "category-tree.create", "category-tree.update",
    "category-tree.delete", "listing.category-added", "listing.category-removed",
    "tenant.online", "tenant.offline",
)
PER_CHANNEL = ("article({}).create", "article({}).update", "article({})-shelf.update",
               "open_item({}).update", "account({}).create", "account({}).update")
_EVERY_DOCUMENT = (
    "cancel_accepted", "cancel_editing", "cancel_editing_accepted", "copy", "create", "delete",
    "edit_accepted", "edit_accepted_without_follow_up", "editing_accepted", "end_editing", "freeze",
    "publish", "save_accepted", "save_during_edit",
)
_EVERY_DELIVERY = (
    *_EVERY_DOCUMENT, "accept", "after_workflow_on_create", "begin_editing", "block_predecessor",
    "cancel_saved", "order_to_delivery", "ui_hint_create_and_print_shipment_label",
    "ui_hint_create_shipment", "unblock_predecessor",
)
#: The transitions that were seen of each category of documents (vario-erp.md 2.3).
TRANSITIONS = {
    "customer_delivery_document": _EVERY_DELIVERY,
    "customer_delivery_invoice": (*_EVERY_DELIVERY, "invoice_payment_plan_true",
                                  "order_to_deliveryinvoice"),
    "customer_order": (
        *_EVERY_DOCUMENT, "create_new_version", "customer_subscription_contract_to_order",
        "dissolve", "goods_return_to_customer_order", "goods_return_to_shipping_order",
        "offer_to_order", "order_after_picking_delivered", "order_close_remaining",
        "order_delivery_approved", "order_delivery_unapproved", "order_in_picking",
        "order_in_picking_with_dialog", "order_picking_finished", "order_reopen",
        "order_reset_from_picking", "return_announcement_to_customer_order",
        "return_announcement_to_shipping_order",
    ),
}


def destinations(channels: Iterable[int], missing: tuple[str, ...] = ()) -> list[str]:
    """Every queue that can be registered for: all but those with one of `missing` in the name."""
    known = [*TENANT_WIDE, *(
        f"document.{category}.{transition}"
        for category, transitions in TRANSITIONS.items() for transition in transitions)]
    known += [pattern.format(f"sales-channel-id={channel}")
              for channel in sorted(channels) for pattern in PER_CHANNEL]
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


def price_record(article: Article, identifier: int, change: str) -> Event:
    return f"article-price.{change}", {"articleId": article.id, "priceId": identifier}


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
