"""What an operator is told about the health of the shops; only reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from integration import pacing, shop_health
from integration.clock import db_now
from integration.shop_health import Health


def open_breakers(session: Session) -> set[int]:
    """Ids of the channels whose circuit breaker is open: their shops fail, and are let alone."""
    return {
        one for one, health in shop_health.by_channel(session).items() if health.breaker.is_open
    }


def sentences(session: Session) -> Mapping[int, str]:
    """By channel id, one sentence about each shop that is let alone, slow or failing."""
    now = session.scalars(select(db_now())).one()
    pauses = pacing.paused_until(session)
    found: dict[int, str] = {}
    known = shop_health.by_channel(session)
    for channel_id in {*known, *pacing.shops_of(pauses)}:
        health = known.get(channel_id, Health())
        until = pauses.get(pacing.shop_bucket_name(channel_id))
        sentence = _sentence(health, until, now)
        if sentence is not None:
            found[channel_id] = sentence
    return found


def _sentence(health: Health, paused_until: datetime | None, now: datetime) -> str | None:
    breaker = health.breaker
    because = f": {health.reason}" if health.reason else ""
    if breaker.retry_at is not None:
        when = f"at {_clock(breaker.retry_at)}" if breaker.rests_at(now) else "now"
        return f"the shop failed {breaker.failures} times in a row, it is tried {when}{because}"
    if paused_until is not None:
        return f"the shop asked for a pause until {_clock(paused_until)}{because}"
    if breaker.failures:
        return f"the last call of the shop failed{because}"
    if health.hangs:
        return "the shop has not answered a batch for some seconds"
    if health.is_slow:
        return f"the shop is slow, a batch takes {health.latency_s:.0f} s; it gets one at a time"
    return None


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC"
