"""What the ERP and the shop say of one article at this moment; only reads, and never for long.

Somebody waits at a terminal: both are asked at the same time, and who has not answered when
`PATIENCE_S` are over counts as away, however many requests it would still have taken.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from integration import owned_payloads, shop_edits, variants
from integration.channel_view import ChannelView
from integration.connectors.base import Connector, ListingView
from integration.connectors.besides import ShowsProducts
from integration.documents import ArticleDocument, Document, PriceDocument, StockDocument
from integration.erp import listings
from integration.erp.plans import FETCH_BY_TOPIC
from integration.errors import IntegrationError, TransientError
from integration.explaining.facts import ErpSays, ShopSays
from integration.field_ownership import TEXTS
from integration.runtime import Runtime
from integration.topics import DOCUMENT_BY_TOPIC, rows
from integration.topology import Topic

#: Seconds for all that is asked.
PATIENCE_S = 4.0
#: Seconds for one answer.
READ_TIMEOUT_S = 3.0
THREAD = "explain"

#: Those whose values ERP and shop both show.
_COMPARED = (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)

Answer = TypeVar("Answer")


class Asked(NamedTuple):
    """What is asked for: an article of a channel, and its product if we know of one."""

    channel: ChannelView
    listing: ListingView


def begin(ask: Callable[[], Answer]) -> Future[Answer]:
    """Ask in a thread of its own, which nobody has to wait for."""
    future: Future[Answer] = Future()

    def run() -> None:
        try:
            future.set_result(ask())
        except BaseException as error:  # noqa: BLE001 - the one who waits for the future gets it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name=THREAD).start()
    return future


class Patience:
    """Waits for several answers, for PATIENCE_S all together."""

    def __init__(self) -> None:
        self._ends_at = time.monotonic() + PATIENCE_S

    def result(self, future: Future[Answer]) -> Answer:
        """The answer. Raises: what asking raised; TransientError when the time is over."""
        try:
            return future.result(max(0.0, self._ends_at - time.monotonic()))
        except TimeoutError:
            sentence = f"it did not answer within {PATIENCE_S:g} s"
            raise TransientError(sentence) from None

    def result_or(self, future: Future[Answer], away: Callable[[str], Answer]) -> Answer:
        """The answer, or what `away` makes of a side that gave none."""
        try:
            return self.result(future)
        except IntegrationError as error:
            return away(str(error))


def patient(runtime: Runtime) -> Runtime:
    """A runtime like this one that waits for no answer longer than somebody at a terminal."""
    return Runtime(runtime.settings, runtime.engine, read_timeout_s=READ_TIMEOUT_S)


def ask_erp(runtime: Runtime, asked: Asked) -> ErpSays:
    """The ERP's word on an article, and what it would be in the shop.

    Raises: IntegrationError.
    """
    channel, article_id = asked.channel, asked.listing.article_id
    client = runtime.erp(channel.tenant_id, gives_up_after_s=READ_TIMEOUT_S)
    facts = runtime.erp_facts(channel.tenant_id)
    found = FETCH_BY_TOPIC[Topic.ARTICLE](client, facts, channel, [article_id])
    row = found.get(article_id)
    if row is None:
        same = listings.find_by_number(client, article_id)
        return ErpSays(is_there=any(one.id == article_id for one in same))
    loaded = rows.load(row)
    return ErpSays(
        is_active=loaded.active,
        is_listed=loaded.listed,
        product_type=loaded.product_type,
        gross=loaded.gross,
        currency=loaded.price_currency or channel.currency,
        **_would_be(runtime, asked, row),
    )


def _would_be(runtime: Runtime, asked: Asked, row: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the shop should show and the hashes of their payloads, of those topics whose
    documents can be made; why not is told by the work item."""
    connector = runtime.connector(asked.channel)
    mains = variants.main_listings(runtime.scope, asked.channel, {asked.listing.article_id: row})
    owned = shop_edits.ownership(runtime.scope, asked.channel, [asked.listing.article_id])
    values: dict[str, Any] = {}
    contents: dict[Topic, tuple[str, ...]] = {}
    for topic in _COMPARED:
        if asked.listing.external_id is None:
            break
        if variants.is_left_to_variants(topic, row, asked.listing, asked.channel):
            continue
        try:
            document: Document = DOCUMENT_BY_TOPIC[topic](row, asked.channel)
            if isinstance(document, ArticleDocument):
                document = variants.placed(document, asked.listing, mains)
            complete = connector.payload(document, asked.listing)
            payload = owned.payload_or_reason(connector, document, asked.listing)
        except IntegrationError:
            continue
        if not isinstance(payload, str):
            contents[topic] = owned_payloads.contents(payload)
        values |= _values(document, complete.get("texts", {}))
    return {"values": values, "contents_by_topic": contents}


def _values(document: Document, texts: Mapping[str, str]) -> dict[str, Any]:
    if isinstance(document, ArticleDocument):
        return {"name": document.name, **{name: texts[name] for name in TEXTS if name in texts}}
    if isinstance(document, PriceDocument):
        return {"net": document.net, "gross": document.gross}
    if isinstance(document, StockDocument) and document.is_tracked:
        return {"stock": document.quantity}
    return {}


def ask_shop(runtime: Runtime, asked: Asked) -> ShopSays:
    """What the shop has of an article. Raises: IntegrationError."""
    connector = runtime.connector(asked.channel)
    external_id, number = asked.listing.external_id, asked.listing.number
    if external_id is not None and isinstance(connector, ShowsProducts):
        shown = connector.show([external_id])
        return ShopSays(external_id=external_id, record=shown[0]) if shown else ShopSays()
    return ShopSays(external_id=_by_number(connector, number) if number else None)


def _by_number(connector: Connector, number: str) -> str | None:
    return connector.lookup([number]).get(number)
