"""The heartbeat of what must never stop: the part that takes the ERP's webhooks in.

It is stored with each beat, so that the first beat after an outage knows when the last one was, and
whatever the ERP told meanwhile and gave up is caught up with.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from integration import catch_ups, observe, sql
from integration.clock import db_now
from integration.db import SessionScope
from integration.models import Heartbeat

log = logging.getLogger(__name__)

WEB = "web"
EVERY_S = 15.0
#: A restart takes seconds, and the ERP sends an event again after 10, 30 and 60 of them
#: (vario-erp.md 2.4). What lasts longer may have cost events.
GAP = timedelta(seconds=120)


def beat(session: Session, name: str = WEB) -> datetime | None:
    """Note that the part is at work; since when it was not, None if it was.

    After a gap everybody catches up. Failure policy: part of the caller's transaction; of several
    processes that start at once one finds the gap.
    """
    session.execute(
        sql.insert(session, Heartbeat)
        .values(name=name, beaten_at=db_now())
        .on_conflict_do_nothing()
    )
    last = session.scalars(
        select(Heartbeat.beaten_at).where(Heartbeat.name == name).with_for_update()
    ).one()
    now = session.scalars(
        update(Heartbeat)
        .where(Heartbeat.name == name)
        .values(beaten_at=db_now())
        .returning(Heartbeat.beaten_at)
    ).one()
    if now - last <= GAP:
        return None
    log.warning(observe.event("service.was_away", part=name, since=last, until=now))
    reason = (
        f"the service took no webhooks from {last:%Y-%m-%d %H:%M} to {now:%Y-%m-%d %H:%M} UTC; "
        "the ERP may have given up on some"
    )
    catch_ups.request_all(session, reason, last)
    return last


def is_beating(session: Session, name: str = WEB) -> bool:
    """Whether the part is at work, as far as its heartbeat says; True where it never beat."""
    row = session.execute(
        select(Heartbeat.beaten_at, db_now().label("now")).where(Heartbeat.name == name)
    ).one_or_none()
    return row is None or row.now - row.beaten_at <= GAP


def last(session: Session, name: str = WEB) -> datetime | None:
    """When the part was last known to be at work; None: it never beat."""
    return session.scalar(select(Heartbeat.beaten_at).where(Heartbeat.name == name))


@contextmanager
def beating(scope: SessionScope) -> Iterator[None]:
    """Beat during the block, in a thread of its own."""
    stop = start(scope)
    try:
        yield
    finally:
        stop.set()


def start(scope: SessionScope) -> threading.Event:
    """Beat until the event that is returned is set, or the process ends."""
    stop = threading.Event()
    threading.Thread(target=_run, args=(scope, stop), name="heartbeat", daemon=True).start()
    return stop


def _run(scope: SessionScope, stop: threading.Event) -> None:
    while True:
        try:
            with scope() as session:
                beat(session)
        except DBAPIError as error:
            # A database that is away takes no webhooks either: that is a gap, and the next beat
            # finds it.
            log.debug(observe.event("heartbeat.missed", error=type(error).__name__))
        if stop.wait(EVERY_S):
            return
