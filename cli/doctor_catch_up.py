"""Checks of what is done about changes that may have been missed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cli.findings import Finding
from integration import catch_up_report, heartbeats, registrations
from integration.models import SyncRunState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from integration.runtime import Runtime


def of_channel(session: Session, label: str, channel_id: int) -> Iterator[Finding]:
    """The channel's last catch-up, if it ever had one."""
    run = catch_up_report.last(session, channel_id)
    if run is None:
        return
    is_red = run.state == SyncRunState.RED.value
    detail = catch_up_report.sentence(session, run)
    if is_red:
        detail = f"{detail}; {run.message}"
    do = "do what the sentence says" if is_red else ""
    yield Finding(f"{label} catch-up", not is_red, detail, do)


def of_service(runtime: Runtime) -> Iterator[Finding]:
    """Whether webhooks can come in, as far as the heartbeat of that part says."""
    with runtime.scope() as session:
        at = heartbeats.last(session)
        is_beating = heartbeats.is_beating(session)
    if at is None or is_beating:
        return
    yield Finding(
        "webhook intake",
        False,
        f"nobody has taken webhooks since {at:%Y-%m-%d %H:%M} UTC",
        "start `vario-relay up`, or the web process; it catches up by itself with what it missed",
    )


def of_webhooks(runtime: Runtime, label: str, tenant_id: int) -> Iterator[Finding]:
    """When the tenant's registrations were verified last."""
    with runtime.scope() as session:
        at = registrations.seen_at(session, tenant_id)
    if at is not None:
        detail = f"all were found registered at {at:%Y-%m-%d %H:%M} UTC"
        yield Finding(f"tenant {label} webhooks verified", True, detail)
