"""The push stage: send what changed, and record one outcome per row, with evidence."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from integration import (
    adoptions,
    brakes,
    doubts,
    first_writes,
    fulfilments,
    order_stages,
    owned_payloads,
    shop_calls,
    shop_products,
    telling,
    variants,
    wire,
    work_items,
    work_outcomes,
)
from integration.batch import Batch, note_fetch
from integration.connectors import http, registry
from integration.connectors.base import Connector, ListingView, Payload, Receipt
from integration.errors import TransientError
from integration.history import recording
from integration.runtime import Runtime
from integration.stages import Work, claimed, hold_where_it_says_so
from integration.topology import Topic
from integration.work_items import UNCHANGED, Settled
from integration.write_back import asking

#: Topics whose push asks what was known of the shop; those of the others have it in the payloads.
_KNOWS = frozenset({Topic.ARTICLE, Topic.ORDER_STATUS})


def push(runtime: Runtime, batch: Batch) -> None:
    """Send the payloads of a batch to the shop and settle each of its work items.

    Failure policy: at least once. A worker lost between the call and settle leaves the hashes
    forgotten; the rows go again with the same absolute values.
    """
    if not batch["payloads"]:
        return
    with claimed(runtime, batch["claim"], knows=_KNOWS) as work:
        note_fetch(work.claim.notes, batch)
        same: list[Payload] = []
        changed: list[Payload] = []
        for payload in _of_claim(work, batch["payloads"]):
            (same if _is_unchanged(work, payload) else changed).append(payload)
        _settle_unchanged(runtime, work, same)
        ordinary = brakes.let_through(runtime, work, changed)
        free = _without_taken_numbers(runtime, work, ordinary)
        if free:
            _send(runtime, work, free)


def _of_claim(work: Work, payloads: Sequence[Payload]) -> list[Payload]:
    """Payloads whose rows are still in the claim; the others were taken back meanwhile."""
    by_entity = work.claim.item_by_entity
    return [payload for payload in payloads if payload["article_id"] in by_entity]


def _is_unchanged(work: Work, payload: Payload) -> bool:
    item = work.claim.item_by_entity[payload["article_id"]]
    return (
        payload["external_id"] is not None
        and item.pushed_hash is not None
        and item.pushed_hash in owned_payloads.contents(payload)
    )


def _settle_unchanged(runtime: Runtime, work: Work, same: Sequence[Payload]) -> None:
    if not same:
        return
    items = work.claim.item_by_entity
    # It is there since an earlier write, of a version or a channel that did not note it.
    _note_sent(runtime, work, same)
    with runtime.scope() as session:
        result = work_items.settle(
            session,
            work.claim,
            [
                Settled(items[one["article_id"]].id, skip_reason=UNCHANGED, value=_value(work, one))
                for one in same
            ],
        )
        settled = [p for p in same if items[p["article_id"]].id not in result.refused]
        shop_products.change(session, work.channel.id, variants.unnoted(settled, work.listing))
        _release_waiting(session, work, [one["article_id"] for one in same])


def _note_sent(runtime: Runtime, work: Work, payloads: Sequence[Payload]) -> None:
    """Note what the shop has of these, before their rows are settled.

    In a transaction of its own, because an article's settle locks products before prices.
    """
    sent = {one["article_id"]: one["sent"] for one in payloads if one.get("sent")}
    if sent:
        with runtime.scope() as session:
            shop_products.note_sent(session, work.channel.id, sent)


def _value(work: Work, payload: Payload) -> str | None:
    """What the shop has of a payload's topic, as the brakes compare it."""
    return payload.get("values", {}).get(work.claim.topic.value)


def _without_taken_numbers(
    runtime: Runtime, work: Work, payloads: Sequence[Payload]
) -> list[Payload]:
    """Payloads that may go now: a new product must not adopt the product of another article.

    The ERP gave its number to another article: the one that has it in the shop goes first and
    gives it up. One that is withdrawn already gives it up here.
    """
    if work.claim.topic is not Topic.ARTICLE:
        return list(payloads)
    number_by_article = {p["article_id"]: p["number"] for p in payloads if not p["external_id"]}
    if not number_by_article:
        return list(payloads)
    with runtime.scope() as session:
        owners = shop_products.number_owners(session, work.channel.id, number_by_article)
        gone = [one.article_id for one in owners.values() if not one.is_active]
        taken = {article: one for article, one in owners.items() if one.is_active}
        rivals = [one.article_id for one in taken.values()]
        work_items.hint(session, work.channel.id, Topic.ARTICLE, rivals)
        items = work.claim.item_by_entity
        errors: dict[int, Exception] = {
            items[article].id: TransientError(
                f"number {one.number} still belongs to article {one.article_id} in the shop"
            )
            for article, one in taken.items()
        }
        work_outcomes.record_errors(session, work.claim, errors)
        # It forgets prices and stocks too, which everybody locks after articles.
        work_outcomes.forget_vanished(session, work.channel.id, gone)
    return [payload for payload in payloads if payload["article_id"] not in taken]


def _send(runtime: Runtime, work: Work, payloads: Sequence[Payload]) -> None:
    item_ids = [work.claim.item_by_entity[one["article_id"]].id for one in payloads]
    call = shop_calls.Call(runtime, work)

    def before_write() -> float:
        lease_s = runtime.settings.lease_s
        # Before the claim is asked for: the lease that it gets ends later.
        not_after = http.clock() + lease_s
        with runtime.scope() as session:
            work_items.begin_write(session, work.claim, item_ids, lease_s=lease_s)
            call.note(session)
        work.written.update(item_ids)
        work.claim.notes.has_written = True
        return not_after

    if work.claim.topic is Topic.ORDER_STATUS:
        order_stages.begin(runtime, work, payloads)
    if work.claim.topic is Topic.ARTICLE:
        _mark_restated(work, payloads)
    _note_contents(work, payloads)
    connector = runtime.connector(
        work.channel, before_write, share=work.share, before_request=call.before_request
    )
    answer = shop_calls.send(runtime, work, connector, payloads)
    receipts = _with_found(work, connector, payloads, answer.receipts)
    if work.claim.topic is Topic.ORDER_STATUS:
        order_stages.written(runtime, work, payloads, receipts)
    pairs = zip(payloads, receipts, strict=True)
    _note_sent(runtime, work, [one for one, said in pairs if _is_accepted(said)])
    with runtime.scope() as session:
        _record(session, work, payloads, receipts)
        shop_calls.record_success(session, work, answer)
    work.written.clear()
    # In a transaction of its own: it locks articles before prices, as everybody does.
    with runtime.scope() as session:
        _start_over(session, work, [one.article_id for one in receipts if one.has_vanished])
    mains = variants.awaited(one.error for one in receipts if one.error is not None)
    if mains:
        # After their variants are held, so that they let them go.
        with runtime.scope() as session:
            _make_anew(session, work, sorted(mains))


def _mark_restated(work: Work, payloads: Sequence[Payload]) -> None:
    """Of which product nobody knows what it shows: the shop was found to show something else, or
    the outcome of an earlier write is not known."""
    for payload in payloads:
        item = work.claim.item_by_entity[payload["article_id"]]
        payload["is_restated"] = payload["external_id"] is not None and item.pushed_hash is None


def _note_contents(work: Work, payloads: Sequence[Payload]) -> None:
    """Have the history know what a write says, with the price and stock of a first one."""
    notes = work.claim.notes
    for payload in payloads:
        entity = payload["article_id"]
        if work.claim.topic is Topic.ARTICLE and payload["external_id"] is None:
            notes.firsts.add(entity)
        notes.hashes[entity] = wire.content_hash(payload["body"])
        bodies = {work.claim.topic.value: payload["body"], **payload.get("first", {})}
        for topic, body in bodies.items():
            notes.bodies.setdefault(topic, {})[entity] = body


def _with_found(
    work: Work, connector: Connector, payloads: Sequence[Payload], receipts: Sequence[Receipt]
) -> list[Receipt]:
    """The receipts, after a look at the products that first writes met in the shop."""
    if work.claim.topic is not Topic.ARTICLE:
        return list(receipts)
    receipts, found = adoptions.look(connector, payloads, receipts)
    work.found.update(found)
    bodies = work.claim.notes.bodies
    for payload, receipt in zip(payloads, receipts, strict=True):
        if adoptions.is_of_found(payload, receipt):
            for by_entity in bodies.values():
                by_entity.pop(payload["article_id"], None)
            for topic, body in adoptions.said(payload, receipt).items():
                bodies.setdefault(topic, {})[payload["article_id"]] = body
    return receipts


def _record(
    session: Session, work: Work, payloads: Sequence[Payload], receipts: Sequence[Receipt]
) -> None:
    """Settle what the platform named as accepted, and move the refused rows on."""
    pairs = list(zip(payloads, receipts, strict=True))
    accepted = [(p, r) for p, r in pairs if _is_accepted(r)]
    if len(accepted) < len(work.claim.items):
        # All rows at once and in order, before any of them changes (deadlocks on Postgres). When
        # all were accepted, settle does it.
        work_items.held_rows(session, work.claim, [item.id for item in work.claim.items])
    errors = {p["article_id"]: r.error for p, r in pairs if r.error is not None}
    with_new_id = _settle_accepted(session, work, accepted)
    items = work.claim.item_by_entity
    refused = {items[one].id: error for one, error in errors.items()}
    work_outcomes.record_errors(session, work.claim, refused, written=refused)
    if work.claim.topic is Topic.ARTICLE:
        variants.give_way(session, work.channel, errors)
    # Last of all work items, as everybody locks them.
    asking.ask(session, work.channel.id, with_new_id)
    for error in errors.values():
        hold_where_it_says_so(session, work.channel.id, error)


def _is_accepted(receipt: Receipt) -> bool:
    return receipt.error is None and not receipt.has_vanished


def _settle_accepted(
    session: Session, work: Work, accepted: Sequence[tuple[Payload, Receipt]]
) -> Collection[str]:
    """The articles whose product id was not known before."""
    items, ids = work.claim.item_by_entity, [p["article_id"] for p, _ in accepted]
    result = work_items.settle(
        session,
        work.claim,
        [
            Settled(items[one].id, work.claim.notes.hashes[one], value=_value(work, p))
            for one, (p, _) in zip(ids, accepted, strict=True)
        ],
    )
    refused = set(result.refused)
    late = [one for one in ids if items[one].id in refused]
    # Articles before prices and stocks, as everybody locks them.
    work_items.rehint(session, result.refused)
    if refused:
        telling.lost(session, work.claim, "late", len(refused))
    with_new_id: Collection[str] = ()
    if work.claim.topic is Topic.ARTICLE:
        with_new_id = _remember_products(session, work, accepted, late)
    if work.claim.topic is Topic.ORDER_STATUS:
        external_ids = {receipt.article_id: receipt.external_id for _, receipt in accepted}
        fulfilments.remember(session, work.channel.id, external_ids)
    _release_waiting(session, work, ids)
    return with_new_id


def _remember_products(
    session: Session,
    work: Work,
    accepted: Sequence[tuple[Payload, Receipt]],
    late: Sequence[str],
) -> Collection[str]:
    """Note what is in the shop now, and what a first write put there for price and stock.

    Only the first write of a product that nobody else recorded before is the last word on them:
    a late one, or one that another one overtook, may have undone newer prices and stocks, and they
    go again. So do those of a product that is something else among variants now: of a main article
    none were sent. The articles whose product id was not known before.
    """
    remembered = shop_products.remember(
        session,
        work.channel.id,
        [
            {
                "article_id": payload["article_id"],
                "external_id": receipt.external_id,
                "number": payload["number"],
                "is_active": adoptions.is_for_sale(work, payload),
                "was_adopted": receipt.was_adopted,
                "sent": payload.get("sent", {}),
                **variants.remembered(payload, _listing(work, payload), receipt.notes),
            }
            for payload, receipt in accepted
            if receipt.external_id is not None
        ],
    )
    # While an article was not offered, its other rows were settled without being sent.
    offered_again = [p["article_id"] for p, _ in accepted if _is_offered_again(work, p)]
    changed = {p["article_id"] for p, _ in accepted if variants.changes_kind(p, _listing(work, p))}
    if changed or offered_again or work.found:
        first_writes.lock(session, work.channel.id, [p["article_id"] for p, _ in accepted])
    for topic in (Topic.PRICE, Topic.STOCK):
        firsts = {
            payload["article_id"]: wire.content_hash(payload["first"][topic.value])
            for payload, receipt in accepted
            if topic in receipt.recorded and topic.value in payload.get("first", {})
        }
        sure = {one: firsts[one] for one in firsts if one in remembered.new and one not in late}
        values = {p["article_id"]: p.get("values", {}).get(topic.value) for p, _ in accepted}
        first_writes.remember_pushed(session, work.channel.id, topic, sure, values)
        recording.pushed_with_article(session, work.claim, topic, sure)
        adoptions.follow(session, work, topic, accepted)
        doubtful = changed | (firsts.keys() - sure.keys())
        channel_id, priority = work.channel.id, work.claim.priority
        again = sorted(doubtful)
        work_items.hint(session, channel_id, topic, again, priority=priority, forgets_hash=True)
        work_items.hint(session, channel_id, topic, offered_again, priority=priority)
    adoptions.ask(session, work, accepted)
    bare = {p["article_id"] for p, _ in accepted if p.get("never_had_images")}
    _ask_for_images(session, work, {*remembered.with_new_id, *offered_again} - bare)
    return remembered.with_new_id


def _listing(work: Work, payload: Payload) -> ListingView:
    return work.listing(payload["article_id"])


def _ask_for_images(session: Session, work: Work, article_ids: Collection[str]) -> None:
    """A new product has no images yet; they come behind it, in a topic of their own."""
    if Topic.MEDIA in registry.platform(work.channel.platform).capabilities.max_batch:
        work_items.hint(
            session,
            work.channel.id,
            Topic.MEDIA,
            article_ids,
            priority=work.claim.priority,
            forgets_hash=True,
        )


def _is_offered_again(work: Work, payload: Payload) -> bool:
    listing = _listing(work, payload)
    is_known = listing.external_id is not None
    return is_known and not listing.is_active and payload.get("is_active", True)


def _release_waiting(session: Session, work: Work, article_ids: Sequence[str]) -> None:
    if work.claim.topic is Topic.ARTICLE:
        work_outcomes.release_holds(
            session, work.channel.id, work_outcomes.NOT_IN_SHOP, article_ids
        )
        mains = {work.listing(one).main_article for one in article_ids}
        left = [one for one in mains if one is not None]
        variants.release(session, work.channel, article_ids, left)


def _start_over(session: Session, work: Work, vanished: Sequence[str]) -> None:
    """Products that somebody deleted in the shop are created anew by their articles."""
    if not vanished:
        return
    work_outcomes.forget_vanished(session, work.channel.id, vanished)
    items = work.claim.item_by_entity
    ids = [items[one].id for one in vanished]
    # The shop said what became of the write: nothing.
    held = [row.id for row in work_items.held_rows(session, work.claim, ids)]
    doubts.restore(session, work.claim, held)
    if work.claim.topic is Topic.ARTICLE:
        work_items.release(session, work.claim, ids)
    else:
        work_outcomes.wait_for_articles(session, work.claim, ids)


def _make_anew(session: Session, work: Work, main_ids: Sequence[str]) -> None:
    """Products that somebody deleted in the shop, as variants that belong below them tell."""
    work_outcomes.forget_vanished(session, work.channel.id, main_ids)
    work_items.hint(session, work.channel.id, Topic.ARTICLE, main_ids, priority=work.claim.priority)
