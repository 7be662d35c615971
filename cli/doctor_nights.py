"""Checks of what each night does for a channel: its full pass, and the comparison with the shop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from cli.findings import Finding
from integration import sync_runs
from integration.clock import db_now
from integration.models import NightlyComparison, SalesChannel, SyncRun, SyncRunState
from integration.reconciliation import nights

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from integration.channel_view import ChannelView

#: A night and a bit, so that what is under way is no fault.
NIGHT = timedelta(hours=27)
_DO = "see that beat is running"
_NONE = "there was none yet"


def of_channel(
    session: Session, label: str, channel: ChannelView, *, is_running: bool
) -> Iterator[Finding]:
    """Both, as far as they should have been by now."""
    now = session.scalars(select(db_now())).one()
    created_at = session.get_one(SalesChannel, channel.id).created_at
    is_old = is_running and now - created_at > NIGHT
    yield _pass(session, label, channel.id, now - NIGHT if is_running else None, is_old=is_old)
    yield _comparison(session, label, channel, now - NIGHT if is_running else None, is_old=is_old)


def _pass(
    session: Session, label: str, channel_id: int, since: datetime | None, *, is_old: bool
) -> Finding:
    """`since`: the last one should have begun since then; None: it need not."""
    check = f"{label} nightly pass"
    last = session.scalar(
        select(SyncRun)
        .where(SyncRun.channel_id == channel_id, SyncRun.kind == sync_runs.NIGHTLY)
        .order_by(SyncRun.id.desc())
        .limit(1)
    )
    if last is None:
        return Finding(check, not is_old, _NONE, _DO if is_old else "")
    detail = f"{last.state} at {last.started_at:%Y-%m-%d %H:%M} UTC"
    if last.state == SyncRunState.RED.value:
        return Finding(check, False, f"{detail}: {last.message}", "do what the sentence says")
    if since is not None and last.started_at < since:
        return Finding(check, False, f"the last one was {detail}", _DO)
    return Finding(check, True, detail)


def _comparison(
    session: Session, label: str, channel: ChannelView, since: datetime | None, *, is_old: bool
) -> Finding:
    check = f"{label} nightly comparison"
    last = nights.newest(session, channel.id)
    if last is None:
        return Finding(check, not is_old, _NONE, _DO if is_old else "")
    of_night = f"that of the night of {last.night}"
    if last.trouble is not None:
        do = f"do what the sentence says, then `vario-relay reconcile {channel.label} --plan`"
        return Finding(check, False, f"{of_night} broke off: {last.trouble}", do)
    if since is not None and last.began_at < since:
        do = f"{_DO}, and that other channels leave it time: `vario-relay reconcile --report`"
        return Finding(check, False, f"the last one was {of_night}", do)
    return Finding(check, True, f"{of_night} {_state(last)}")


def _state(found: NightlyComparison) -> str:
    return "has not ended yet" if found.ended_at is None else "ended"
