"""The three stages of one claimed batch: fetch from the ERP, transform, push to the shop.

Between stages travels a batch: the claim's id and what can be fetched again, never the only copy
of anything. No transaction is open while another system is asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from integration import (
    article_holds,
    channels,
    db,
    doubtful_products,
    fulfilments,
    order_stages,
    owned_payloads,
    read_ahead,
    shelf_images,
    shop_edits,
    shop_products,
    sync_pace,
    telling,
    variant_options,
    variants,
    work_items,
    work_outcomes,
)
from integration.batch import Batch, fetched, note_fetch, noted_fetch, passed_on
from integration.batch_size import small_enough
from integration.channel_view import ChannelView
from integration.connectors.base import Connector, ListingView, Payload, RemoteRecord
from integration.documents import ArticleDocument, Document, ImagesDocument, WithdrawalDocument
from integration.erp.catalogue import MEDIA_REVISION, NO_REVISION, OFFERED_FACT
from integration.erp.client import ErpClient
from integration.erp.plans import FETCH_BY_TOPIC
from integration.errors import (
    ChannelError,
    ClaimLost,
    TenantError,
    TransientError,
    UsageError,
)
from integration.models import Priority, SalesChannel
from integration.owned_payloads import Ownership
from integration.runtime import Runtime
from integration.token_bucket import Share
from integration.topics import DOCUMENT_BY_TOPIC, KINDS_BY_TOPIC
from integration.topology import Topic
from integration.work_items import Claim, Settled

#: Share of the soft limit after which a fetch of many requests keeps what it has. An ERP that
#: offers no columns needs four requests per article, 80 s for a batch of 100.
FETCH_SHARE = 0.5

#: Errors that no single row is to blame for.
WHOLE_BATCH = (ChannelError, ClaimLost, TenantError, UsageError, *db.TROUBLE)

#: Exceptions that end a stage from outside (Celery's soft time limit); the Celery side names them.
INTERRUPTIONS: list[type[BaseException]] = []

#: Set when this process is on its way out: long batches give back what they have not begun.
STOPPING = threading.Event()

#: How often the absence of a row is not believed before its product is withdrawn.
ABSENCES_DOUBTED = 2

_SHARE_BY_PRIORITY = {
    Priority.LIVE: Share.LIVE,
    Priority.BACKFILL: Share.BACKFILL,
    Priority.WRITE_BACK: Share.WRITE_BACK,
}

NOT_LISTED = "not listed on this channel"
INACTIVE = "inactive in the ERP and never in the shop"


@dataclass(frozen=True)
class Work:
    """A held claim with its channel and what we know of its articles in the shop."""

    claim: Claim
    channel: ChannelView
    #: None: the stage does not ask.
    listings: Mapping[str, ListingView] | None
    #: Ids of the rows in a write that is not recorded yet. If the claim is lost, the write may
    #: come after the one of whoever has it now, and the rows go again.
    written: set[int] = field(default_factory=set)
    #: Of a stage that asks the ERP, when it took the claim over: whether nobody had stopped the
    #: channel or the topic since the batch was claimed, and whether a person kept articles of the
    #: topic back.
    may_travel: bool = True
    has_holds: bool = False
    #: What was remembered of the tenant's ERP then, as far as every fetch needs it.
    erp_facts: Mapping[str, Any] = field(default_factory=dict)
    #: What the shop shows of products that were there before their article's first write.
    found: dict[str, RemoteRecord] = field(default_factory=dict)

    @property
    def share(self) -> Share:
        """Whose part of the request budgets this work uses."""
        return _SHARE_BY_PRIORITY[self.claim.priority]

    @property
    def listing_by_article(self) -> Mapping[str, ListingView]:
        """What is known of the articles that are in the shop."""
        if self.listings is None:
            raise LookupError("this stage did not ask what is known of its articles in the shop")
        return self.listings

    def listing(self, article_id: str) -> ListingView:
        return self.listing_by_article.get(article_id, ListingView(article_id))


@contextmanager
def claimed(
    runtime: Runtime,
    claim_id: str,
    *,
    asks_erp: bool = False,
    knows: Collection[Topic] = tuple(Topic),
) -> Iterator[Work]:
    """Take the claim over, and turn each error of the block into its transition.

    `asks_erp`: whether the block has to know if the topic may travel, and what else a fetch asks.
    `knows`: the topics for which the block asks what is known of an article in the shop.
    A database that is away changes nothing: the rows keep their claim, Celery runs the stage
    again shortly, and if that does not help either, the lease gives them back.
    Raises: the error again, so that it is seen; ClaimLost when somebody else holds the claim.
    """
    held, channel, listings = _take_over(runtime, claim_id, asks_erp, knows)
    written: set[int] = set()
    try:
        opened = channel.opened(runtime.vault, runtime.settings.zone)
        known = {} if channel.tenant_fact is None else {OFFERED_FACT: channel.tenant_fact}
        yield Work(held, opened, listings, written, channel.may_travel, channel.has_holds, known)
    except ClaimLost:
        with runtime.scope() as session:
            telling.lost(session, held, "fenced", len(held.items))
            work_outcomes.record_errors(session, held, {}, written=written)
        raise
    except db.TROUBLE:
        raise
    except tuple(INTERRUPTIONS) as error:
        interrupted = TransientError("the stage took longer than its limit", outcome_unknown=True)
        fail_all(runtime, held, interrupted, written)
        raise interrupted from error
    except UsageError as error:
        # A secret that no key opens, a platform that is not installed: the channel's, not a row's.
        trouble = ChannelError(str(error))
        fail_all(runtime, held, trouble, written)
        raise trouble from error
    except Exception as error:
        fail_all(runtime, held, error, written)
        raise


def _take_over(
    runtime: Runtime, claim_id: str, asks_erp: bool, knows: Collection[Topic]
) -> tuple[Claim, channels.Stored, Mapping[str, ListingView] | None]:
    with runtime.scope() as session:
        held = work_items.take_over(session, claim_id, lease_s=runtime.settings.lease_s)
        kinds = KINDS_BY_TOPIC.get(held.topic, ())
        more: dict[str, Any] = {}
        if asks_erp:
            more = {"topic": held.topic, "tenant_fact": OFFERED_FACT}
        channel = channels.load(session, held.channel_id, kinds, **more)
        held = replace(held, tenant=channel.tenant, channel=channel.erp_id)
        if held.topic not in knows:
            return held, channel, None
        entity_ids = [item.entity_id for item in held.items]
        if held.topic is Topic.ORDER_STATUS:
            return held, channel, fulfilments.views(session, held.channel_id, entity_ids)
        return held, channel, shop_products.views(session, held.channel_id, entity_ids)


def fail_all(
    runtime: Runtime, held: Claim, error: Exception, written: Collection[int] = ()
) -> None:
    """Move every row of the claim on by one error, and hold channel or tenant where it says so."""
    with runtime.scope() as session:
        hold_where_it_says_so(session, held.channel_id, error)
        work_outcomes.record_errors(
            session, held, {item.id: error for item in held.items}, written=written
        )


def hold_where_it_says_so(session: Session, channel_id: int, error: Exception) -> None:
    """A ChannelError holds the channel, a TenantError all channels of its tenant."""
    if isinstance(error, ChannelError):
        channels.hold(session, channel_id, str(error))
    if isinstance(error, TenantError):
        tenant_id = session.get_one(SalesChannel, channel_id).tenant_id
        channels.hold_tenant(session, tenant_id, error)


def fetch(runtime: Runtime, claim_id: str) -> Batch:
    """The ERP's current rows of a claimed batch, as few requests as the topic allows.

    A switched-off topic, a channel that stopped and a hold by hand give their rows back; articles
    that are not in the shop yet go before their prices and stocks.
    """
    nothing: Batch = {"claim": claim_id, "rows": {}}
    with claimed(runtime, claim_id, asks_erp=True) as work:
        if not work.may_travel:
            with runtime.scope() as session:
                work_items.release(session, work.claim, [item.id for item in work.claim.items])
            return nothing
        gives_up_after_s = runtime.settings.stage_soft_s * FETCH_SHARE
        tenant_id = work.channel.tenant_id
        erp = partial(runtime.erp, tenant_id, share=work.share, gives_up_after_s=gives_up_after_s)
        wanted = _in_shop_or_article(runtime, work, erp)
        if not wanted:
            return nothing
        facts = runtime.erp_facts(tenant_id, work.erp_facts)
        fetch = FETCH_BY_TOPIC[work.claim.topic]

        def ask(missing: Sequence[str]) -> Mapping[str, Any]:
            client = erp()
            counting = sync_pace.asking_erp(runtime, work.claim.run_id, client)
            with noted_fetch(work.claim.notes, client), counting:
                return fetch(client, facts, work.channel, missing)

        rows = read_ahead.or_fetched(runtime, work.claim, work.channel, wanted, ask)
        if work.claim.topic is Topic.MEDIA:
            with runtime.scope() as session:
                shelf_images.note(session, work.channel.id, rows)
        doubtful_products.remember(runtime, work, rows)
        if work.claim.topic is Topic.ORDER_STATUS:
            wanted = order_stages.fetched(runtime, work, rows)
        batch: dict[str, Any] = {entity_id: rows.get(entity_id) for entity_id in wanted}
        rows_sent = small_enough(runtime, work, batch)
        return {"claim": claim_id, "fetched": fetched(work.claim.notes), "rows": rows_sent}


def _in_shop_or_article(runtime: Runtime, work: Work, erp: Callable[[], ErpClient]) -> list[str]:
    """Entity ids to fetch: not those that a person keeps back; prices and stocks of products that
    are not there wait for them."""
    kept: Collection[str] = ()
    if work.has_holds:
        with runtime.scope() as session:
            kept = article_holds.keep_back(session, work.claim)
    items = [item for item in work.claim.items if item.entity_id not in kept]
    if work.claim.topic in (Topic.ARTICLE, Topic.ORDER_STATUS):
        return [item.entity_id for item in items]
    if work.claim.topic is Topic.MEDIA:
        items = shelf_images.of_articles(runtime, work.claim, items, erp)
    waiting = [item.id for item in items if item.entity_id not in work.listing_by_article]
    if waiting:
        with runtime.scope() as session:
            work_outcomes.wait_for_articles(session, work.claim, waiting)
    return [item.entity_id for item in items if item.entity_id in work.listing_by_article]


def transform(runtime: Runtime, batch: Batch) -> Batch:
    """Payloads of the platform for the rows of a batch; rows that cannot travel are recorded."""
    if not batch["rows"]:
        return {**passed_on(batch), "payloads": []}
    with claimed(runtime, batch["claim"]) as work:
        note_fetch(work.claim.notes, batch)
        connector = runtime.connector(work.channel)
        mains = variants.main_listings(runtime.scope, work.channel, batch["rows"])
        owned = shop_edits.ownership(
            runtime.scope, work.channel, work.listing_by_article, [work.claim.topic]
        )
        payloads: list[Payload] = []
        skipped: dict[str, str] = {}
        errors: dict[str, Exception] = {}
        for entity_id in work.claim.item_by_entity:
            if entity_id not in batch["rows"]:
                continue
            try:
                row = batch["rows"][entity_id]
                result = _payload_or_reason(work, connector, mains, owned, entity_id, row)
                if isinstance(result, str):
                    skipped[entity_id] = result
                else:
                    payloads.append(result)
            except WHOLE_BATCH:
                raise
            except tuple(INTERRUPTIONS):
                raise
            except Exception as error:  # noqa: BLE001 - recorded as a bug of this row alone
                errors[entity_id] = error
        payloads = variant_options.apart(runtime.scope, work.channel, payloads, errors)
        _record_transform(runtime, work, skipped, errors)
        facts = runtime.erp_facts(work.channel.tenant_id)
        variants.release_known(runtime.scope, facts, work.channel, batch["rows"], errors)
        return {**passed_on(batch), "payloads": payloads}


def _payload_or_reason(
    work: Work,
    connector: Connector,
    mains: Mapping[str, ListingView],
    owned: Ownership,
    entity_id: str,
    row: Any,
) -> Payload | str:
    """What goes to the shop, or why nothing has to."""
    listing = work.listing(entity_id)
    if work.claim.topic is Topic.ORDER_STATUS:
        return order_stages.payload_or_reason(work.channel, connector, listing, row)
    if row is not None and row.get("active") is False and listing.external_id is None:
        return INACTIVE
    if row is None and listing.is_active and work.claim.topic is Topic.ARTICLE:
        _ask_again_before_withdrawing(work, entity_id)
    document: Document = WithdrawalDocument(entity_id)
    if row is not None:
        if variants.is_left_to_variants(work.claim.topic, row, listing, work.channel):
            return variants.NO_PRICE_OR_STOCK
        document = DOCUMENT_BY_TOPIC[work.claim.topic](row, work.channel)
    if isinstance(document, ArticleDocument):
        document = variants.placed(document, listing, mains)
    if isinstance(document, WithdrawalDocument) and not _is_to_be_withdrawn(work, listing):
        return NOT_LISTED
    if work.claim.topic is not Topic.ARTICLE and listing.external_id is None:
        return work_outcomes.NOT_IN_SHOP  # it vanished since the fetch
    is_bare = isinstance(document, ImagesDocument) and not document.images
    if is_bare and row is not None and not row["had_images"]:
        return shelf_images.NO_IMAGES
    payload = owned.payload_or_reason(connector, document, listing)
    if not isinstance(payload, str) and "on_adoption" in payload:
        # Else a product of our own is what a creation without an answer left.
        payload["was_confirmed"] = work.claim.item_by_entity[entity_id].pushed_at is not None
    if isinstance(document, ArticleDocument) and row is not None and not isinstance(payload, str):
        variants.describe(payload, document)
        payload["never_had_images"] = row.get(MEDIA_REVISION) == NO_REVISION
    return payload


def _is_to_be_withdrawn(work: Work, listing: ListingView) -> bool:
    """A product that is for sale, or may be because of an earlier write without an outcome."""
    if work.claim.topic is not Topic.ARTICLE or listing.external_id is None:
        return False
    is_doubted = work.claim.item_by_entity[listing.article_id].doubt_until is not None
    return listing.is_active or is_doubted


def _ask_again_before_withdrawing(work: Work, entity_id: str) -> None:
    """An unlisted article says so in its row. No row at all may be an ERP that stumbles: it is
    believed when it says the same for the third time, half a minute later."""
    if work.claim.item_by_entity[entity_id].attempts < ABSENCES_DOUBTED:
        raise TransientError(f"the ERP shows nothing of article {entity_id}, it is asked again")


def _record_transform(
    runtime: Runtime, work: Work, skipped: Mapping[str, str], errors: Mapping[str, Exception]
) -> None:
    if not skipped and not errors:
        return
    by_entity = work.claim.item_by_entity
    waiting = [one for one, reason in skipped.items() if _waits(work, one, reason)]
    variants.ask_around(runtime.scope, work.claim, errors)
    with runtime.scope() as session:
        work_outcomes.wait_for_articles(session, work.claim, [by_entity[one].id for one in waiting])
        settled = [
            Settled(by_entity[one].id, skip_reason=reason)
            for one, reason in skipped.items()
            if one not in waiting
        ]
        work_items.settle(session, work.claim, settled)
        work_outcomes.record_errors(
            session, work.claim, {by_entity[one].id: error for one, error in errors.items()}
        )
        if work.claim.topic is Topic.ARTICLE:
            # An article that is not offered ends the waiting of its price and stock; they come
            # last, as everybody locks them.
            work_outcomes.complete_waiting(session, work.channel.id, skipped)
            variants.release(session, work.channel, skipped)


def _waits(work: Work, article_id: str, reason: str) -> bool:
    """For its product; or as a price or stock of what is not offered, although the product is
    active in the shop: the article withdraws it, or it is offered again by now and its price goes.
    """
    if reason == work_outcomes.NOT_IN_SHOP:
        return True
    if reason in (variants.NO_PRICE_OR_STOCK, shelf_images.NO_IMAGES, *owned_payloads.REASONS):
        return False
    return work.claim.topic is not Topic.ARTICLE and work.listing(article_id).is_active
