"""What the ids of an event ask for.

Where an id may mean two things the event counts for both, because a hint too many costs one
comparison and a hint too few costs a wrong price. Source: vario-erp.md 2.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from integration.events.scope import Channel, Scope
from integration.models import Listing, WorkItem
from integration.topology import Topic

#: Topics whose entity is an article; an order status speaks of a document.
_ARTICLE_TOPICS = tuple(str(topic) for topic in Topic if topic is not Topic.ORDER_STATUS)

#: How entities begin that are no article: the media stage looks for the articles they mean.
LISTING, SHELF_DOCUMENT = "listing:", "shelf-document:"

Ids = Mapping[str, str]


class Action(StrEnum):
    """What an event asks for that is no change of an entity."""

    #: The ERP is asked for the tenant's sales channels.
    CHANNELS = "sales-channels"
    #: The ERP went away, or is back.
    OFFLINE = "erp-offline"
    ONLINE = "erp-online"


@dataclass(frozen=True)
class Entity:
    """The entity of a work item. `is_certain` False: unless the id is that of a channel."""

    id: str
    is_certain: bool = True


@dataclass(frozen=True)
class Hint:
    """One entity of one channel that is newer in the ERP than in the shop."""

    channel_id: int
    topic: Topic
    entity_id: str


@dataclass(frozen=True)
class Resolution:
    """What an event asks for. Passes are ids of channels; nothing at all is a valid answer."""

    hints: tuple[Hint, ...] = ()
    article_passes: tuple[int, ...] = ()
    price_passes: tuple[int, ...] = ()
    stock_passes: tuple[int, ...] = ()
    #: With the tenant it concerns, and the channel that is said to be deleted there.
    action: Action | None = None
    tenant_id: int = 0
    deleted_channel_id: int | None = None

    @property
    def passes(self) -> int:
        return len(self.article_passes) + len(self.price_passes) + len(self.stock_passes)


Resolve = Callable[[Session, Scope, Ids], Resolution]


def _hints(channels: Iterable[Channel], topic: Topic, entity_id: str) -> tuple[Hint, ...]:
    return tuple(Hint(channel.id, topic, entity_id) for channel in channels)


def _channel_ids(channels: Iterable[Channel]) -> tuple[int, ...]:
    return tuple(channel.id for channel in channels)


def always_resolved(_: Ids) -> None:
    """The ids alone never say enough."""


def named(topic: Topic, entity: Callable[[Ids], Entity]) -> Resolve:
    """The entity of `topic` that the ids name, on all channels that are spoken to."""

    def resolve(_: Session, scope: Scope, ids: Ids) -> Resolution:
        return Resolution(_hints(scope.targets, topic, entity(ids).id))

    return resolve


# Articles


def article(ids: Ids) -> Entity | None:
    found = ids.get("articleId") or ids.get("entityId") or ids.get("id")
    return Entity(found) if found else None


def of_article(_: Session, scope: Scope, ids: Ids) -> Resolution:
    """An article, or one that only its listing, price or category names: a pass over all."""
    found = article(ids)
    if found is None:
        return Resolution(article_passes=_channel_ids(scope.targets))
    return Resolution(_hints(scope.targets, Topic.ARTICLE, found.id))


def shelf(ids: Ids) -> Entity:
    """The article whose images changed; of an unnamed one we know its listing."""
    return article(ids) or Entity(f"{LISTING}{ids['listingId']}")


# Prices


def article_of_price(ids: Ids) -> Entity | None:
    return Entity(ids["articleId"]) if "articleId" in ids else None


def of_price(_: Session, scope: Scope, ids: Ids) -> Resolution:
    """An article's price, or a rule that may concern any article: a pass over all prices."""
    if "articleId" in ids:
        return Resolution(_hints(scope.targets, Topic.PRICE, ids["articleId"]))
    # `entityId` and `id` may be the article's or the price record's: counted for both.
    article_id = ids.get("entityId") or ids.get("id")
    hints = _hints(scope.targets, Topic.PRICE, article_id) if article_id else ()
    return Resolution(hints, price_passes=_channel_ids(scope.targets))


# Stock


def article_of_stock(ids: Ids) -> Entity | None:
    if "salesChannelId" in ids:
        return None
    if "articleId" in ids:
        return Entity(ids["articleId"])
    return Entity(ids.get("id") or ids["entityId"], is_certain=False)


def of_stock(session: Session, scope: Scope, ids: Ids) -> Resolution:
    """The stock of an article, of a channel, or of whatever a bare `id` stands for."""
    targets = scope.targets
    if "salesChannelId" in ids:
        # Another shop of the merchant may have a channel that we do not serve: no work then.
        channel = scope.target(ids["salesChannelId"])
        targets = (channel,) if channel else ()
    if "articleId" in ids:
        return Resolution(_hints(targets, Topic.STOCK, ids["articleId"]))
    if "salesChannelId" in ids:
        return Resolution(stock_passes=_channel_ids(targets))
    entity_id = ids.get("id") or ids["entityId"]
    channel = scope.target(entity_id)
    if channel is None:
        return Resolution(_hints(targets, Topic.STOCK, entity_id))
    is_article = _is_known_article(session, scope, entity_id)
    hints = _hints(targets, Topic.STOCK, entity_id) if is_article else ()
    return Resolution(hints, stock_passes=(channel.id,))


def _is_known_article(session: Session, scope: Scope, article_id: str) -> bool:
    """Does a listing or a work item of the tenant speak of this article?"""
    channel_ids = _channel_ids(scope.channels)
    item = exists().where(
        WorkItem.channel_id.in_(channel_ids),
        WorkItem.topic.in_(_ARTICLE_TOPICS),
        WorkItem.entity_id == article_id,
    )
    listing = exists().where(Listing.channel_id.in_(channel_ids), Listing.article_id == article_id)
    return bool(session.scalar(select(or_(item, listing))))


# Images, documents, shipments


def shelf_document(ids: Ids) -> Entity:
    """The article that our share of the document names, or else the document."""
    if "externalRef" in ids:
        return Entity(ids["externalRef"])
    document_id = ids.get("shelfDocumentId") or ids.get("id") or ids["entityId"]
    return Entity(f"{SHELF_DOCUMENT}{document_id}")


def document(ids: Ids) -> Entity:
    return Entity(ids.get("id") or ids.get("documentId") or ids["entityId"])


def shipment(ids: Ids) -> Entity:
    """A shipment, or a parcel of one we do not know. Its id must not be taken for a document's."""
    shipment_id = ids.get("shipmentId") or ids.get("id") or ids.get("entityId")
    return Entity(f"shipment:{shipment_id}" if shipment_id else f"parcel:{ids['parcelId']}")


# The life of sales channels and of the ERP


def of_channels(_: Session, scope: Scope, __: Ids) -> Resolution:
    return Resolution(action=Action.CHANNELS, tenant_id=scope.tenant_id)


def of_deleted_channel(_: Session, scope: Scope, ids: Ids) -> Resolution:
    erp_id = ids.get("id") or ids.get("salesChannelId") or ids["entityId"]
    channel = scope.target(erp_id)
    deleted = channel.id if channel else None
    return Resolution(action=Action.CHANNELS, tenant_id=scope.tenant_id, deleted_channel_id=deleted)


def of_availability(action: Action) -> Resolve:
    """The ERP of the tenant went away, or is back: it concerns all its channels."""

    def resolve(_: Session, scope: Scope, __: Ids) -> Resolution:
        return Resolution(action=action, tenant_id=scope.tenant_id)

    return resolve
