"""Looks every quarter of an hour whether a channel was followed all the time, and makes its mark.

Whatever stopped it, a service that was down, a pause, a hold, an ERP that did not answer: the mark
before it is old then, and what changed since is caught up with. So it is when webhooks get lost on
their way (integration.unheard).
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import select

from integration import bookmarks, catch_ups, channels, heartbeats, marks, unheard
from integration.clock import db_now
from integration.erp import catalogue, changes
from integration.errors import IntegrationError
from integration.stages import hold_where_it_says_so
from integration.token_bucket import Share

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from integration.erp.changes import ChangedArticle
    from integration.runtime import Runtime

#: Two marks in a row are missing, and some time for a worker that has much to do.
GAP = timedelta(seconds=2.5 * marks.EVERY_S)


def watch(runtime: Runtime, budget_s: float) -> None:
    """One round over all tenants and channels that move and whose turn it is.

    Failure policy: what an ERP does not answer waits for the next turn; the last error is raised
    when all had theirs. Safe to repeat, also at the same time.
    """
    ends_at, failed = time.monotonic() + budget_s, None
    with runtime.scope() as session:
        looks = [partial(_compare, runtime, one) for one in bookmarks.tenants_to_compare(session)]
        looks += [partial(_mark, runtime, one) for one in channels.running(session)]
    for look in looks:
        if time.monotonic() >= ends_at:
            break
        try:
            look()
        except IntegrationError as error:
            failed = error
    if failed is not None:
        raise failed


def _compare(runtime: Runtime, tenant_id: int) -> None:
    with runtime.scope() as session:
        is_ours = bookmarks.take_turn(session, tenant_id)
    if is_ours:
        bookmarks.compare(runtime, tenant_id)


def _mark(runtime: Runtime, channel_id: int) -> None:
    """Ask the ERP for its newest changes, look how old the last mark is, and make the next.

    None while no webhooks can come in: what changes now may be lost.
    """
    with runtime.scope() as session:
        if not heartbeats.is_beating(session) or not marks.take_turn(session, channel_id):
            return
    try:
        newest = _newest(runtime, channel_id)
    except IntegrationError as error:
        with runtime.scope() as session:
            hold_where_it_says_so(session, channel_id, error)
        raise
    with runtime.scope() as session:
        now = session.scalars(select(db_now())).one()
        last = marks.last(session, channel_id)
        if last is not None and now - last.at > GAP:
            catch_ups.request(session, channel_id, _stood_still(last.at, now), last.at)
            unheard.expect(session, channel_id, [])
        else:
            _listen(session, channel_id)
            unheard.expect(session, channel_id, unheard.changed_after(newest, last))
        marks.put(session, channel_id, newest[0].at if newest else None)


def _listen(session: Session, channel_id: int) -> None:
    """Catch up where the ERP changed articles and no event told."""
    since = marks.before_last(session, channel_id)
    missed = since and unheard.unheard_of(session, channel_id, since)
    if since and missed:
        reason = (
            f"{len(missed)} articles changed in the ERP after {since.at:%Y-%m-%d %H:%M} UTC and no "
            f"event told, e.g. article id {missed[0]}: webhooks may be lost on their way"
        )
        catch_ups.request(session, channel_id, reason, since.at)


def _newest(runtime: Runtime, channel_id: int) -> list[ChangedArticle]:
    channel = runtime.channel(channel_id)
    client = runtime.erp(channel.tenant_id, share=Share.BACKFILL)
    offered = catalogue.discover(client, runtime.erp_facts(channel.tenant_id))
    return changes.newest(client, offered, channel.erp_id)


def _stood_still(since: datetime, now: datetime) -> str:
    return (
        f"the channel was not followed from {since:%Y-%m-%d %H:%M} to {now:%Y-%m-%d %H:%M} UTC: "
        "it was paused or held, the service was down, or the ERP did not answer"
    )
