"""The events of the ERP by name: which are served, which ids count, and what they ask for.

Source: vario-erp.md 2.3. What a reader is told of each is in docs/events.md, by test the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from integration.events import meaning, payloads
from integration.events.meaning import Action, Entity, Ids, Resolve
from integration.events.payloads import NotHere
from integration.topology import SHORT_NAME_BY_TOPIC, Topic

#: Beginnings of the events that the ERP has and that concern nothing we carry. They are never
#: registered, and answered 404 so that a registration by somebody else is noticed there.
NOT_RELEVANT = (
    "account.",
    "asset.",
    "category-tree.",
    "category.",
    "crmActivity.",
    "crmDeal.",
    "crmProject.",
    "crmTask.",
    "document.",
    "listing.category-",
    "open_item.",
    "output.consumer.",
    "pos.payment.",
)


@dataclass(frozen=True)
class Event:
    """A served event. `id_names` in the order in which they are believed."""

    asks_for: Topic | Action
    id_names: tuple[str, ...]
    resolve: Resolve
    #: What the event is about, where its ids alone say so; None: needs `resolve`.
    entity: Callable[[Ids], Entity | None] = meaning.always_resolved
    #: Whether a body without any id says enough.
    is_id_optional: bool = False

    @property
    def label(self) -> str:
        """The topic's short name, or the action."""
        if isinstance(self.asks_for, Topic):
            return SHORT_NAME_BY_TOPIC[self.asks_for]
        return self.asks_for.value


def served(name: str) -> Event:
    """The event of that name. Raises: NotHere."""
    event = EVENT_BY_NAME.get(name)
    if event is not None:
        return event
    if name.startswith(NOT_RELEVANT):
        raise NotHere("EVENT_NOT_HANDLED", "This event concerns nothing that is carried here.")
    raise NotHere("UNKNOWN_EVENT", "There is no event of this name.")


def ids_in(event: Event, payload: Mapping[str, Any]) -> dict[str, str]:
    """The usable ids of a payload by name, without leading zeros. Raises: NoKnownId."""
    return payloads.ids_in(event.id_names, payload, is_optional=event.is_id_optional)


def _named(topic: Topic, id_names: tuple[str, ...], entity: Callable[[Ids], Entity]) -> Event:
    return Event(topic, id_names, meaning.named(topic, entity), entity)


_OF_ARTICLE = ("articleId", "entityId", "id")
_OF_CHANNEL = ("id", "salesChannelId", "entityId")

_ARTICLE = Event(
    Topic.ARTICLE,
    (*_OF_ARTICLE, "listingId", "priceId", "categoryId"),
    meaning.of_article,
    meaning.article,
)
_PRICE = Event(
    Topic.PRICE,
    (*_OF_ARTICLE, "priceId", "listingId", "categoryId"),
    meaning.of_price,
    meaning.article_of_price,
)
_STOCK = Event(
    Topic.STOCK,
    ("articleId", "salesChannelId", "id", "entityId"),
    meaning.of_stock,
    meaning.article_of_stock,
)
_SHELF = _named(Topic.MEDIA, (*_OF_ARTICLE, "listingId"), meaning.shelf)
_SHELF_DOCUMENT = _named(
    Topic.MEDIA,
    (payloads.SHARE_REFERENCE, "shelfDocumentId", "id", "entityId"),
    meaning.shelf_document,
)
_DOCUMENT = _named(Topic.ORDER_STATUS, ("id", "documentId", "entityId"), meaning.document)
_SHIPMENT = _named(
    Topic.ORDER_STATUS, ("shipmentId", "id", "entityId", "parcelId"), meaning.shipment
)
_CHANNEL = Event(Action.CHANNELS, _OF_CHANNEL, meaning.of_channels)
_DELETED_CHANNEL = Event(Action.CHANNELS, _OF_CHANNEL, meaning.of_deleted_channel)


def _availability(action: Action) -> Event:
    """Whose it is says the token; what the id is, nobody."""
    return Event(action, ("id",), meaning.of_availability(action), is_id_optional=True)


#: The ERP's destinationQueue without its ``(sales-channel-id=...)`` -> what it means.
EVENT_BY_NAME: Mapping[str, Event] = {
    "article.create": _ARTICLE,
    "article.update": _ARTICLE,
    "article-price.create": _PRICE,
    "article-price.update": _PRICE,
    "article-price.delete": _PRICE,
    "sales_channel.stockChange": _STOCK,
    "article-shelf.update": _SHELF,
    "shelf-document.update": _SHELF_DOCUMENT,
    "shelf-document.delete": _SHELF_DOCUMENT,
    "document.customer_delivery_document.order_to_delivery": _DOCUMENT,
    "document.customer_delivery_document.cancel_accepted": _DOCUMENT,
    "document.customer_delivery_invoice.order_to_deliveryinvoice": _DOCUMENT,
    "document.customer_delivery_invoice.cancel_accepted": _DOCUMENT,
    "document.customer_order.cancel_accepted": _DOCUMENT,
    "document.customer_order.order_close_remaining": _DOCUMENT,
    "shipment.parcel.completed": _SHIPMENT,
    "sales_channel.create": _CHANNEL,
    "sales_channel.update": _CHANNEL,
    "sales_channel.delete": _DELETED_CHANNEL,
    "tenant.offline": _availability(Action.OFFLINE),
    "tenant.online": _availability(Action.ONLINE),
}
