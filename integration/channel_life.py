"""Follows the life of the ERP's sales channels: added, renamed, switched off and on, deleted.

An event only notes that the ERP is to be asked (`tenant.channels_due_at`); `follow` asks, and
makes what we know the same. Nothing is set up without a person, and nothing is deleted but what an
event said and the ERP confirms: an empty list and an error delete nothing.
Source: vario-erp.md 2.2 and 10.21.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from integration import (
    availability,
    catch_ups,
    channels,
    facts,
    observe,
    pacing,
    registrations,
    sync_runs,
)
from integration.channel_stops import OF_THE_ERP, SWITCHED_OFF, UNKNOWN
from integration.clock import db_now
from integration.erp import listings
from integration.erp.client import ErpClient
from integration.erp.listings import ErpChannel
from integration.errors import IntegrationError, TenantError
from integration.installation import tenants
from integration.models import (
    ArticleHold,
    ChannelFact,
    ChannelMapping,
    ChannelParameter,
    Fulfilment,
    HistoryBatch,
    HistoryContent,
    HistoryEntry,
    SalesChannel,
    SyncRun,
    Tenant,
    TenantFact,
    TransferToggle,
    WorkItem,
)
from integration.runtime import Runtime

log = logging.getLogger(__name__)

#: Seconds after which an ERP that did not answer is asked again.
AGAIN_S = 30.0
#: An ERP that still shows a channel so long after it said that it was deleted has it again.
SAID_LASTS_S = 600.0
#: The listings of a deleted channel are kept so long, e.g. for a person who wants to know what
#: became of them (vario-erp.md 9: mappings 30 days).
LISTINGS_KEPT_S = 30 * 86_400.0

#: What goes with a deleted channel.
_NOT_KEPT = (
    WorkItem,
    SyncRun,
    ArticleHold,
    ChannelParameter,
    ChannelMapping,
    ChannelFact,
    Fulfilment,
    HistoryEntry,
    HistoryBatch,
    HistoryContent,
    TransferToggle,
)
WAS_STOPPED = (
    "the sales channel was switched off in the ERP, or unknown to it, and is there again; the ERP "
    "may have told nothing of it meanwhile"
)
WAS_REFUSED = "the ERP refused us and answers again; what changed meanwhile may not have been told"
#: The fact that remembers the ERP's sales channels of our app.
_KNOWN = "sales-channels"


class Waiting(NamedTuple):
    """A sales channel of our app in the ERP that is not added here."""

    id: str
    label: str


def request(session: Session, tenant_id: int) -> None:
    """Let the ERP be asked for its sales channels as soon as a worker comes to it."""
    session.execute(update(Tenant).where(Tenant.id == tenant_id).values(channels_due_at=db_now()))


def request_all(session: Session) -> None:
    """The same for every tenant: events get lost."""
    session.execute(update(Tenant).values(channels_due_at=db_now()))


def said_deleted(session: Session, channel_id: int) -> None:
    """The ERP says that it deleted the channel: nothing of it moves until that is made sure."""
    session.execute(
        update(SalesChannel).where(SalesChannel.id == channel_id).values(delete_said_at=db_now())
    )


def claim_due(session: Session, lease_s: float) -> list[int]:
    """Tenants whose ERP is to be asked now; if nobody does within `lease_s`, they come again.

    An ERP that went offline, or refuses us, is left alone for a while.
    """
    due = select(Tenant.id).where(
        Tenant.channels_due_at <= db_now(),
        Tenant.offline_token.is_not(None),
        or_(
            Tenant.offline_since.is_(None),
            Tenant.offline_since <= db_now(-availability.FIRST_PROBE_S),
        ),
    )
    ids = session.scalars(due.with_for_update(skip_locked=True)).all()
    if ids:
        session.execute(
            update(Tenant).where(Tenant.id.in_(ids)).values(channels_due_at=db_now(lease_s))
        )
    return list(ids)


def follow(runtime: Runtime, tenant_id: int) -> None:
    """Ask the ERP for its sales channels, and make ours the same.

    Raises: IntegrationError when the ERP did not answer everything; it is asked again.
    Failure policy: at least once; safe to repeat.
    """
    with runtime.scope() as session:
        if session.get(Tenant, tenant_id) is None:
            return  # removed since
    try:
        is_pending = _follow(runtime, tenant_id)
    except IntegrationError as error:
        with runtime.scope() as session:
            _note_failure(session, tenant_id, error)
        raise
    with runtime.scope() as session:
        _note_answer(session, tenant_id, is_pending=is_pending)


def _follow(runtime: Runtime, tenant_id: int) -> bool:
    """Whether the ERP must be asked again soon, because its word and its state differ."""
    client = runtime.erp(tenant_id)
    listed = listings.sales_channels(client)
    _remember(runtime, tenant_id, listed)
    found = _asked(client, _erp_ids(runtime, tenant_id, {one.id for one in listed}))
    sources = {
        erp_id: listings.price_sources(client, one)
        for erp_id, one in found.items()
        if one is not None
    }
    is_pending = False
    with runtime.scope() as session:
        ours = _channels(session, tenant_id, list(found))
        for channel in ours:
            is_pending |= _apply(session, channel, found[channel.erp_id])
        _note_price_sources(session, tenant_id, ours, sources)
    registrations.withdraw_deleted(runtime, tenant_id)
    _restore_webhooks(runtime, tenant_id)
    return is_pending


def _remember(runtime: Runtime, tenant_id: int, listed: list[ErpChannel]) -> None:
    """Keep the list for those who look, and tell of what is new in it."""
    with runtime.scope() as session:
        before = {one.id for one in waiting(session, tenant_id)}
    runtime.erp_facts(tenant_id).put(_KNOWN, [[one.id, one.label] for one in listed])
    with runtime.scope() as session:
        tenant = session.get_one(Tenant, tenant_id).subdomain
        new = [one for one in waiting(session, tenant_id) if one.id not in before]
    for one in new:
        log.warning(observe.event("channel.not_added", tenant=tenant, channel=one.id))


def _erp_ids(runtime: Runtime, tenant_id: int, listed: set[str]) -> list[str]:
    """Our channels, but for deleted ones that are not back."""
    with runtime.scope() as session:
        return [
            one.erp_id
            for one in _channels(session, tenant_id)
            if one.deleted_at is None or one.erp_id in listed
        ]


def _asked(client: ErpClient, erp_ids: list[str]) -> Mapping[str, ErpChannel | None]:
    return {one: listings.sales_channel(client, one) for one in erp_ids}


def _channels(
    session: Session, tenant_id: int, erp_ids: list[str] | None = None
) -> list[SalesChannel]:
    wanted = select(SalesChannel).where(SalesChannel.tenant_id == tenant_id)
    if erp_ids is not None:
        wanted = wanted.where(SalesChannel.erp_id.in_(erp_ids)).with_for_update()
    return list(session.scalars(wanted.order_by(SalesChannel.id)).all())


def _apply(session: Session, channel: SalesChannel, erp: ErpChannel | None) -> bool:
    """Make one channel what the ERP says of it; whether it must be asked again soon."""
    if erp is None:
        if channel.delete_said_at is not None:
            _delete(session, channel)
        elif channel.held_reason in (None, SWITCHED_OFF):
            channels.hold(session, channel.id, UNKNOWN)
        return False
    channel.deleted_at = None
    if channel.held_reason in OF_THE_ERP and erp.is_active:
        channel.held_reason = None
        # Whether the ERP tells of changes on a channel that is switched off, nobody knows.
        catch_ups.request(session, channel.id, WAS_STOPPED)
        _log(session, logging.INFO, "channel.unheld", channel)
    elif channel.held_reason in (None, UNKNOWN) and not erp.is_active:
        channels.hold(session, channel.id, SWITCHED_OFF)
    return _still_there(session, channel)


def _note_price_sources(
    session: Session, tenant_id: int, ours: list[SalesChannel], sources: Mapping[str, list[str]]
) -> None:
    """Keep where each channel's prices come from; where that changed, all of them are compared, and
    the ERP's columns anew with its answers: no event tells of the prices themselves."""
    before = session.scalar(channels.price_sources(tenant_id)) or {}
    for channel in ours:
        if channel.erp_id not in sources:
            continue
        if sources[channel.erp_id] != before.get(channel.erp_id, []):
            sync_runs.request_price_pass(session, channel.id)
            channels.doubt_columns(session, channel.id)
            _log(session, logging.INFO, "channel.prices_from", channel)
    facts.remember(session, TenantFact.tenant_id, tenant_id, channels.PRICE_SOURCES, sources)


def _still_there(session: Session, channel: SalesChannel) -> bool:
    """A channel that is there although an event said otherwise: the event may be ahead of the ERP,
    so it is asked again for a while, and then believed."""
    said = channel.delete_said_at
    if said is None:
        return False
    now = session.scalars(select(db_now())).one()
    if (now - said).total_seconds() < SAID_LASTS_S:
        return True
    channel.delete_said_at = None
    _log(session, logging.WARNING, "channel.not_deleted", channel)
    return False


def _delete(session: Session, channel: SalesChannel) -> None:
    """Stop a channel for good: all goes but its listings. In the shop nothing changes.

    A stage that is at work finds its rows gone and ends without a record.
    """
    channels.forget_named(session, [pacing.shop_bucket_name(channel.id)])
    for model in _NOT_KEPT:
        owned: Any = model
        session.execute(delete(owned).where(owned.channel_id == channel.id))
    channel.is_paused, channel.paused_until, channel.held_reason = True, None, None
    channel.deleted_at = session.scalars(select(db_now())).one()
    _log(session, logging.WARNING, "channel.deleted", channel)


def _restore_webhooks(runtime: Runtime, tenant_id: int) -> None:
    """Register what is missing, e.g. new events after an update, and catch up with what they may
    have told.

    Failure policy: best effort; nothing stops because of it, `doctor` shows what is missing.
    """
    try:
        registrations.restore(runtime, tenant_id)
    except IntegrationError as error:
        log.warning(observe.event("webhooks.not_registered", error=error))


def _note_failure(session: Session, tenant_id: int, error: IntegrationError) -> None:
    row = _due(session, tenant_id)
    if row.offline_since is not None:
        # What an ERP says that is offline is no reason to hold anything.
        _ask_again(session, tenant_id, availability.PROBE_S)
        return
    _ask_again(session, tenant_id, AGAIN_S)
    if isinstance(error, TenantError):
        channels.hold_tenant(session, tenant_id, error)


def _note_answer(session: Session, tenant_id: int, *, is_pending: bool) -> None:
    """The ERP is there. Who asked meanwhile is answered by the next round."""
    row = _due(session, tenant_id)
    if row.channels_due_at is None or row.channels_due_at <= row.now:
        return
    if row.offline_since is not None:
        availability.came_online(session, tenant_id)
    if row.held_reason is not None:
        tenants.reconnect(session, row.subdomain, WAS_REFUSED)
        log.info(observe.event("tenant.unheld", tenant=row.subdomain))
    _ask_again(session, tenant_id, AGAIN_S if is_pending else None)


def _due(session: Session, tenant_id: int) -> Any:
    return session.execute(
        select(
            Tenant.subdomain,
            Tenant.channels_due_at,
            Tenant.offline_since,
            Tenant.held_reason,
            db_now().label("now"),
        )
        .where(Tenant.id == tenant_id)
        .with_for_update()
    ).one()


def _ask_again(session: Session, tenant_id: int, seconds: float | None) -> None:
    due_at = None if seconds is None else db_now(seconds)
    session.execute(update(Tenant).where(Tenant.id == tenant_id).values(channels_due_at=due_at))


def waiting(session: Session, tenant_id: int) -> list[Waiting]:
    """Sales channels of our app in the ERP, as it was asked last, that are not added here."""
    known = facts.stored(session, TenantFact.tenant_id, tenant_id, _KNOWN)
    ours = {one.erp_id for one in _channels(session, tenant_id)}
    return [Waiting(*one) for one in known or () if one[0] not in ours]


def forget_deleted(session: Session) -> None:
    """Remove channels that the ERP deleted long ago, with their listings; of the others what came
    at the moment of their deletion."""
    deleted = select(SalesChannel.id).where(SalesChannel.deleted_at.is_not(None))
    session.execute(
        delete(WorkItem)
        .where(WorkItem.channel_id.in_(deleted))
        .execution_options(synchronize_session=False)
    )
    old = SalesChannel.deleted_at < db_now(-LISTINGS_KEPT_S)
    for channel_id in session.scalars(select(SalesChannel.id).where(old)).all():
        channels.remove(session, channel_id)


def _log(session: Session, level: int, name: str, channel: SalesChannel) -> None:
    tenant, erp_id = channels.names(session, channel.id)
    log.log(level, observe.event(name, tenant=tenant, channel=erp_id))
