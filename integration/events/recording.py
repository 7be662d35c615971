"""Writes down what an event asks for; once committed, the event cannot be lost."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from integration import availability, channel_life, hints, sync_runs, work_items
from integration.events.catalogue import Event
from integration.events.meaning import Action, Resolution
from integration.topology import Topic


def record_at_once(
    engine: Engine,
    event: Event,
    tenant: str,
    erp_channel_id: str | None,
    ids: Mapping[str, str],
    *,
    by: str = hints.ITSELF,
) -> int:
    """Record an event whose ids alone say what is newer, in one statement.

    `by`: which way it came, for the history.
    The number of hints; 0: nothing was written, the event needs `scope_of` and `resolve`.
    Failure policy: committed when this returns.
    """
    entity = event.entity(ids)
    if entity is None or not isinstance(event.asks_for, Topic):
        return 0
    return hints.hint_channels(
        engine,
        tenant,
        erp_channel_id,
        event.asks_for,
        entity.id,
        unless_channel=not entity.is_certain,
        by=by,
    )


def record(session: Session, resolution: Resolution, *, by: str = hints.ITSELF) -> None:
    """Write what an event asks for; `by`: which way it came, for the history.

    Failure policy: part of the caller's transaction; once committed, the event cannot be lost.
    """
    # Ascending channels: two events that meet lock their rows in the same order.
    for hint in resolution.hints:
        work_items.hint(session, hint.channel_id, hint.topic, [hint.entity_id], by=by)
    for channel_id in resolution.article_passes:
        sync_runs.request_article_pass(session, channel_id)
    for channel_id in resolution.price_passes:
        sync_runs.request_price_pass(session, channel_id)
    for channel_id in resolution.stock_passes:
        sync_runs.request_stock_pass(session, channel_id)
    if resolution.deleted_channel_id is not None:
        channel_life.said_deleted(session, resolution.deleted_channel_id)
    if resolution.action is Action.CHANNELS:
        channel_life.request(session, resolution.tenant_id)
    elif resolution.action is Action.OFFLINE:
        availability.went_offline(session, resolution.tenant_id)
    elif resolution.action is Action.ONLINE:
        availability.came_online(session, resolution.tenant_id)
