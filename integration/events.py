"""What a webhook of the ERP means: which entities of which sales channels are newer now.

Everything but the lookups is pure. A payload is a hint: only its ids are read, never its content,
and where an id may mean two things the event counts for both, because a hint too many costs one
comparison and a hint too few costs a wrong price. Source: vario-erp.md 2.3 and 2.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from integration import hints, sync_runs, work_items
from integration import ids as erp_ids
from integration.models import Listing, SalesChannel, Tenant, WorkItem
from integration.topology import Topic

#: Topics whose entity is an article; an order status speaks of a document.
_ARTICLE_TOPICS = tuple(str(topic) for topic in Topic if topic is not Topic.ORDER_STATUS)

#: Beginnings of the events that the ERP sends and nobody here works on yet.
_UNSERVED_PREFIXES = (
    "account.",
    "article-shelf.",
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
    "sales_channel.",
    "shelf-document.",
    "shipment.parcel.",
    "tenant.",
)

# Tables, not classes: this runs for every webhook, and the ORM's part costs more than the query.
_channel, _tenant = SalesChannel.__table__.c, Tenant.__table__.c

#: All channels of a tenant; one row without a channel for a tenant that has none.
_CHANNELS = (
    select(_channel.id, _channel.erp_id)
    .select_from(Tenant.__table__)
    .outerjoin(SalesChannel.__table__, _channel.tenant_id == _tenant.id)
    .where(_tenant.subdomain == bindparam("tenant"))
    .order_by(_channel.id)
)


class EventError(Exception):
    """An event that cannot be taken; `code` for programs, `message` for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message

    def __str__(self) -> str:
        return self.message


class NotHere(EventError):
    """The event, the tenant or the sales channel is not served here."""


class NoKnownId(EventError):
    """The payload names nothing that the event could be about."""


@dataclass(frozen=True)
class Channel:
    """A sales channel by our id and the ERP's."""

    id: int
    erp_id: str


@dataclass(frozen=True)
class Scope:
    """The channels of a tenant, in the order of their ids, and those the event speaks to."""

    channels: tuple[Channel, ...]
    targets: tuple[Channel, ...]

    def target(self, erp_id: str) -> Channel | None:
        return next((channel for channel in self.targets if channel.erp_id == erp_id), None)


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
    price_passes: tuple[int, ...] = ()
    stock_passes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Event:
    """A served event. `id_names` in the order in which they are believed."""

    topic: Topic
    id_names: tuple[str, ...]
    resolve: Callable[[Session, Scope, Mapping[str, str]], Resolution]
    #: The article that an event is about, where its ids alone say so; None: needs `resolve`.
    article: Callable[[Mapping[str, str]], Article | None]


@dataclass(frozen=True)
class Article:
    """An article's id. `is_certain` False: unless it is a channel's id."""

    id: str
    is_certain: bool = True


def served(name: str) -> Event:
    """The event of that name. Raises: NotHere."""
    event = EVENT_BY_NAME.get(name)
    if event is not None:
        return event
    if name.startswith(_UNSERVED_PREFIXES):
        raise NotHere("EVENT_NOT_HANDLED", "This event is not handled here yet.")
    raise NotHere("UNKNOWN_EVENT", "There is no event of this name.")


def scope_of(session: Session, tenant: str, erp_channel_id: str | None) -> Scope:
    """The channels an event of `tenant` speaks to: the named one, or all of them.

    Paused and held channels count: their items wait.
    Raises: NotHere for an unknown tenant, and for a channel that is not this tenant's.
    """
    rows = session.execute(_CHANNELS, {"tenant": tenant}).all()
    if not rows:
        raise NotHere("UNKNOWN_TENANT", "This app is not set up for the tenant of the token.")
    channels = tuple(Channel(row.id, row.erp_id) for row in rows if row.id is not None)
    if erp_channel_id is None:
        return Scope(channels, channels)
    targets = tuple(channel for channel in channels if channel.erp_id == erp_channel_id)
    if not targets:
        raise NotHere("UNKNOWN_CHANNEL", "This tenant has no such sales channel here.")
    return Scope(channels, targets)


def ids_in(event: Event, payload: Mapping[str, Any]) -> dict[str, str]:
    """The usable ids of a payload by name, without leading zeros.

    An id is a string of digits or a JSON integer; anything else counts as absent.
    Raises: NoKnownId when no name of the event carries one.
    """
    found = {name: _id(payload.get(name)) for name in event.id_names}
    ids = {name: value for name, value in found.items() if value is not None}
    if not ids:
        raise NoKnownId(
            "NO_KNOWN_ID",
            f"The body carries no id: expected one of {', '.join(event.id_names)} "
            "as up to 18 digits.",
        )
    return ids


def record_at_once(
    engine: Engine, event: Event, tenant: str, erp_channel_id: str | None, ids: Mapping[str, str]
) -> int:
    """Record an event whose ids alone say what is newer, in one statement.

    The number of hints; 0: nothing was written, the event needs `scope_of` and `resolve`.
    Failure policy: committed when this returns.
    """
    article = event.article(ids)
    if article is None:
        return 0
    return hints.hint_channels(
        engine,
        tenant,
        erp_channel_id,
        event.topic,
        article.id,
        unless_channel=not article.is_certain,
    )


def record(session: Session, resolution: Resolution) -> None:
    """Write what an event asks for.

    Failure policy: part of the caller's transaction; once committed, the event cannot be lost.
    """
    # Ascending channels: two events that meet lock their rows in the same order.
    for hint in resolution.hints:
        work_items.hint(session, hint.channel_id, hint.topic, [hint.entity_id])
    for channel_id in resolution.price_passes:
        sync_runs.request_price_pass(session, channel_id)
    for channel_id in resolution.stock_passes:
        sync_runs.request_stock_pass(session, channel_id)


def _id(value: Any) -> str | None:
    # bool is an int in Python, and true is not article 1
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    return erp_ids.canonical(str(value))


def _hints(channels: Iterable[Channel], topic: Topic, article_id: str) -> tuple[Hint, ...]:
    return tuple(Hint(channel.id, topic, article_id) for channel in channels)


def _any_id(ids: Mapping[str, str]) -> Article:
    return Article(next(iter(ids.values())))


def _article_event(_: Session, scope: Scope, ids: Mapping[str, str]) -> Resolution:
    return Resolution(_hints(scope.targets, Topic.ARTICLE, _any_id(ids).id))


def _article_of_price(ids: Mapping[str, str]) -> Article | None:
    return Article(ids["articleId"]) if "articleId" in ids else None


def _article_of_stock(ids: Mapping[str, str]) -> Article | None:
    if "salesChannelId" in ids:
        return None
    if "articleId" in ids:
        return Article(ids["articleId"])
    return Article(ids.get("id") or ids["entityId"], is_certain=False)


def _price_event(_: Session, scope: Scope, ids: Mapping[str, str]) -> Resolution:
    """An article's price, or a rule that may concern any article: a pass over all prices."""
    if "articleId" in ids:
        return Resolution(_hints(scope.targets, Topic.PRICE, ids["articleId"]))
    # `entityId` and `id` may be the article's or the price record's: counted for both.
    article_id = ids.get("entityId") or ids.get("id")
    hints = _hints(scope.targets, Topic.PRICE, article_id) if article_id else ()
    return Resolution(hints, price_passes=tuple(channel.id for channel in scope.targets))


def _stock_event(session: Session, scope: Scope, ids: Mapping[str, str]) -> Resolution:
    """The stock of an article, of a channel, or of whatever a bare `id` stands for."""
    targets = scope.targets
    if "salesChannelId" in ids:
        # Another shop of the merchant may have a channel that we do not serve: no work then.
        channel = scope.target(ids["salesChannelId"])
        targets = (channel,) if channel else ()
    if "articleId" in ids:
        return Resolution(_hints(targets, Topic.STOCK, ids["articleId"]))
    if "salesChannelId" in ids:
        return Resolution(stock_passes=tuple(channel.id for channel in targets))
    entity_id = ids.get("id") or ids["entityId"]
    channel = scope.target(entity_id)
    if channel is None:
        return Resolution(_hints(targets, Topic.STOCK, entity_id))
    is_article = _is_known_article(session, scope, entity_id)
    hints = _hints(targets, Topic.STOCK, entity_id) if is_article else ()
    return Resolution(hints, stock_passes=(channel.id,))


def _is_known_article(session: Session, scope: Scope, article_id: str) -> bool:
    """Does a listing or a work item of the tenant speak of this article?"""
    channel_ids = [channel.id for channel in scope.channels]
    item = exists().where(
        WorkItem.channel_id.in_(channel_ids),
        WorkItem.topic.in_(_ARTICLE_TOPICS),
        WorkItem.entity_id == article_id,
    )
    listing = exists().where(Listing.channel_id.in_(channel_ids), Listing.article_id == article_id)
    return bool(session.scalar(select(or_(item, listing))))


_ARTICLE = Event(Topic.ARTICLE, ("articleId", "entityId", "id"), _article_event, _any_id)
_PRICE = Event(
    Topic.PRICE,
    ("articleId", "entityId", "id", "priceId", "listingId", "categoryId"),
    _price_event,
    _article_of_price,
)
_STOCK = Event(
    Topic.STOCK,
    ("articleId", "salesChannelId", "id", "entityId"),
    _stock_event,
    _article_of_stock,
)

#: The ERP's destinationQueue without its ``(sales-channel-id=...)`` -> what it means.
EVENT_BY_NAME: Mapping[str, Event] = {
    "article.create": _ARTICLE,
    "article.update": _ARTICLE,
    "article-price.create": _PRICE,
    "article-price.update": _PRICE,
    "article-price.delete": _PRICE,
    "sales_channel.stockChange": _STOCK,
}
