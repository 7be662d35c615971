"""`vario-relay channel`: sales channels, and whether they move."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from cli.shared import (
    Here,
    channel_argument,
    json_option,
    note,
    pass_here,
    print_json,
    print_table,
    say,
)
from integration.errors import IntegrationError, UsageError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from integration.models import SalesChannel, Tenant
    from integration.runtime import Runtime


@click.group()
def channel() -> None:
    """Sales channels: one shop of one merchant on one platform."""


@channel.command("list")
@json_option
@pass_here
def list_channels(here: Here, as_json: bool) -> None:
    """Show all sales channels and whether they move."""
    from sqlalchemy import select

    from integration.models import SalesChannel, Tenant

    with here.runtime.scope() as session:
        found = session.execute(
            select(SalesChannel, Tenant)
            .join(Tenant, Tenant.id == SalesChannel.tenant_id)
            .order_by(Tenant.subdomain, SalesChannel.erp_id)
        ).all()
        rows = [_described(session, one, tenant) for one, tenant in found]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("TENANT", "CHANNEL", "PLATFORM", "STATE", "WHY"),
        [
            (
                row["tenant"],
                row["channel"],
                row["platform"],
                row["state"],
                _why(row) or row["shop"] or "",
            )
            for row in rows
        ],
        empty="there is no sales channel yet; `vario-relay channel add` adds one",
    )


@channel.command()
@channel_argument
@json_option
@pass_here
def show(here: Here, channel: str, as_json: bool) -> None:
    """Show one sales channel with its parameters; secrets are not shown."""
    from cli.channel_parameters import shown_parameters
    from integration import channels
    from integration.models import Tenant

    with here.runtime.scope() as session:
        found = channels.find(session, channel)
        tenant = session.get_one(Tenant, found.tenant_id)
        row = _described(session, found, tenant)
        row["parameters"] = shown_parameters(session, found)
    if as_json:
        print_json(row)
        return
    click.echo(f"channel    {row['tenant']}/{row['channel']} on {row['platform']}")
    click.echo(f"state      {row['state']}" + (f": {_why(row)}" if _why(row) else ""))
    click.echo(f"shop       {row['shop'] or 'no trouble known'}")
    print_table(
        ("PARAMETER", "VALUE"),
        [(name, value) for name, value in row["parameters"].items()],
        empty="this platform has no parameters",
    )


@channel.command()
@click.argument("erp_id", metavar="ID")
@click.option("--tenant", "subdomain", required=True, help="The tenant the channel belongs to.")
@click.option("--platform", required=True, help="The platform of the shop, e.g. shopware6.")
@pass_here
def add(here: Here, erp_id: str, subdomain: str, platform: str) -> None:
    """Add the ERP's sales channel ID. It starts paused."""
    from integration import ids
    from integration.connectors import registry
    from integration.models import SalesChannel

    canonical = ids.canonical(erp_id)
    if canonical is None:
        raise UsageError(
            f"{erp_id!r} is not a sales channel id of the ERP; it has only digits, 18 at most"
        )
    erp_id = canonical
    chosen = registry.platform(platform)
    runtime = here.runtime
    with runtime.scope() as session:
        tenant_id = _tenant_without(session, subdomain, erp_id)
    _ask_erp(runtime, tenant_id, erp_id)
    with runtime.scope() as session:
        session.add(SalesChannel(tenant_id=tenant_id, erp_id=erp_id, platform=chosen.name))
    needed = " ".join(
        f"{one.name}={'-' if one.is_secret else '...'}"
        for one in chosen.parameters
        if one.is_required
    )
    then = f"`vario-relay channel set {erp_id} {needed}`, then " if needed else ""
    say(
        f"sales channel {subdomain}/{erp_id} is added and paused; next: {then}"
        f"`vario-relay sync {erp_id} --dry-run` says what becomes of products that the shop has, "
        f"and `vario-relay channel resume {erp_id}` lets it move"
    )


def _tenant_without(session: Session, subdomain: str, erp_id: str) -> int:
    """The tenant's id. Raises: UsageError if there is none, or if it has the channel already."""
    from sqlalchemy import select

    from cli.tenant import find_tenant
    from integration.models import SalesChannel

    tenant = find_tenant(session, subdomain)
    is_there = select(SalesChannel.id).where(
        SalesChannel.tenant_id == tenant.id, SalesChannel.erp_id == erp_id
    )
    if session.scalar(is_there) is not None:
        raise UsageError(f"sales channel {subdomain}/{erp_id} exists already")
    return tenant.id


def _ask_erp(runtime: Runtime, tenant_id: int, erp_id: str) -> None:
    """Raises: UsageError for a channel that the ERP does not know.

    Failure policy: an ERP that cannot be asked only costs the check; `doctor` makes up for it.
    """
    from cli import erp_channels

    try:
        known = erp_channels.labels_by_id(runtime.erp(tenant_id))
    except IntegrationError as error:
        say(
            f"warning: the ERP could not be asked whether it has sales channel {erp_id} ({error}); "
            "`vario-relay doctor` asks it again"
        )
        return
    if erp_id not in known:
        raise UsageError(
            f"{erp_channels.unknown(erp_id, known)}; "
            "name one of the app's, or assign this one to the app in the ERP first"
        )


@channel.command()
@channel_argument
@click.option("--until", metavar="TIME", help="End of the pause: HH:MM, or an ISO time.")
@pass_here
def pause(here: Here, channel: str, until: str | None) -> None:
    """Stop a channel. Changes keep coming in and wait; nothing is lost."""
    from integration import channels
    from integration.clock import utc_now
    from integration.models import Tenant

    zone = here.settings.zone
    ends = None if until is None else end_of_pause(until, utc_now().astimezone(zone))
    with here.runtime.scope() as session:
        found = channels.find(session, channel)
        found.is_paused, found.paused_until = True, ends
        note(session, found.id, "channel pause" + (f" --until {until}" if until else ""))
        label = f"{session.get_one(Tenant, found.tenant_id).subdomain}/{found.erp_id}"
    lasts = f"until {ends:%Y-%m-%d %H:%M %Z}" if ends else f"until `channel resume {channel}`"
    say(f"sales channel {label} is paused {lasts}; its changes are kept")


@channel.command()
@channel_argument
@pass_here
def resume(here: Here, channel: str) -> None:
    """Let a channel move: ends a pause and a hold, and registers its webhooks in the ERP.

    A shop that rests because it failed is tried at once. A hold of its tenant ends too. What
    caused it holds it again if it is still there.
    """
    from cli.channel_parameters import missing_parameters
    from cli.erp_columns import check_before_work
    from integration import channel_life, channels, pacing, shop_health
    from integration.models import SalesChannel, Tenant

    runtime = here.runtime
    with runtime.scope() as session:
        found = channels.find(session, channel)
        if found.deleted_at is not None:
            require_running(session, found, channel)
        tenant = session.get_one(Tenant, found.tenant_id)
        channel_id, tenant_id = found.id, tenant.id
        label = f"{tenant.subdomain}/{found.erp_id}"
        uninstalled = tenant.held_reason if tenant.uninstalled_at is not None else None
        missing = missing_parameters(session, found)
    if uninstalled:
        raise IntegrationError(f"sales channel {label} cannot be resumed: {uninstalled}")
    if missing:
        raise IntegrationError(
            f"sales channel {label} cannot be resumed, it lacks {', '.join(missing)}; "
            f"`vario-relay channel set {channel} {missing[0]}=...` sets it"
        )
    check_before_work(runtime, channel_id)
    # Before it runs: a service that found no webhooks of a running channel would take their events
    # for lost, and compare everything.
    registered, trouble = _registered(runtime, tenant_id)
    with runtime.scope() as session:
        found = session.get_one(SalesChannel, channel_id)
        tenant = session.get_one(Tenant, tenant_id)
        tenant_held = tenant.held_reason
        found.is_paused, found.paused_until, found.held_reason = False, None, None
        if tenant.uninstalled_at is None:  # it may have been just now
            tenant.held_reason = None
        pacing.end_pause(session, pacing.shop_bucket_name(channel_id))
        shop_health.forget(session, channel_id)
        # One that is switched off in the ERP is held again.
        channel_life.request(session, tenant_id)
        note(session, channel_id, "channel resume")
    say(f"sales channel {label} is resumed")
    if tenant_held:
        say(f"its tenant was held and is tried again: {tenant_held}")
    if trouble is not None:
        raise IntegrationError(
            f"sales channel {label} is resumed, but its webhooks could not be registered: "
            f"{trouble}; run `channel resume` again"
        ) from trouble
    say(registered)


def _registered(runtime: Runtime, tenant_id: int) -> tuple[str, IntegrationError | None]:
    """What was done about the tenant's webhooks, or why it could not be done."""
    from integration import registrations

    try:
        return registrations.reconcile(runtime, tenant_id), None
    except IntegrationError as error:
        return "", error


def end_of_pause(text: str, now: datetime) -> datetime:
    """The moment that `text` names, read in the zone of `now`.

    Raises: UsageError for anything but HH:MM and an ISO time, and for a time that is over.
    """
    from datetime import time, timedelta

    try:
        clock = time.fromisoformat(text) if len(text) <= len("HH:MM:SS") else None
        named = (
            datetime.combine(now.date(), clock, now.tzinfo)
            if clock
            else datetime.fromisoformat(text)
        )
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a time; give HH:MM, or an ISO time such as 2026-12-24T18:00"
        ) from error
    if named.tzinfo is None:
        named = named.replace(tzinfo=now.tzinfo)
    if clock and named <= now:
        # Through the calendar, not by 24 hours: the clock may change tonight.
        named = datetime.combine(now.date() + timedelta(days=1), clock, now.tzinfo)
    if named <= now:
        raise UsageError(f"{text} is over already")
    return named


def require_running(session: Session, found: SalesChannel, name: str) -> None:
    """Raises: IntegrationError that says why a channel does not move and what to do."""
    from integration import channel_stops
    from integration.models import Tenant

    tenant = session.get_one(Tenant, found.tenant_id)
    row = _described(session, found, tenant)
    if row["state"] == "deleted":
        raise IntegrationError(
            f"sales channel {name} was deleted in the ERP; "
            f"`vario-relay channel remove {name}` forgets what is left of it"
        )
    if row["state"] == "paused":
        raise IntegrationError(
            f"sales channel {name} is paused; `vario-relay channel resume {name}` lets it move"
        )
    if row["state"] == "held":
        if row["held_reason"] == channel_stops.stopped_by_erp(found, tenant):
            raise IntegrationError(f"sales channel {name} is held: {_why(row)}")
        again = (
            f"`vario-relay tenant add {tenant.subdomain} --offline-token @FILE` connects it again, "
            f"or, when the cause is gone, `vario-relay channel resume {name}`"
            if tenant.held_reason
            else f"fix it, then `vario-relay channel resume {name}`"
        )
        raise IntegrationError(f"sales channel {name} is held: {_why(row)}; {again}")


def _described(session: Session, found: SalesChannel, tenant: Tenant) -> dict[str, Any]:
    """State is running, paused (by a person), held (by the service), or deleted (in the ERP).

    `shop` says in one sentence why a shop is let alone for a while; None: no trouble known.
    """
    from sqlalchemy import select

    from integration import channel_stops, health_view
    from integration.clock import db_now

    now = session.scalar(select(db_now()))
    is_over = found.paused_until is not None and now is not None and found.paused_until <= now
    is_paused = found.is_paused and not is_over
    by_erp = channel_stops.stopped_by_erp(found, tenant)
    held = tenant.held_reason or by_erp or found.held_reason
    until = found.paused_until.isoformat() if is_paused and found.paused_until else None
    return {
        "tenant": tenant.subdomain,
        "channel": found.erp_id,
        "platform": found.platform,
        "state": _state(found, is_paused=is_paused, is_held=bool(held)),
        "paused_until": until,
        "held_reason": held,
        "shop": health_view.sentences(session).get(found.id),
    }


def _state(found: SalesChannel, *, is_paused: bool, is_held: bool) -> str:
    if found.deleted_at is not None:
        return "deleted"
    return "paused" if is_paused else "held" if is_held else "running"


def _why(row: dict[str, Any]) -> str:
    parts = [f"until {row['paused_until']}" if row["paused_until"] else "", row["held_reason"]]
    return "; ".join(part for part in parts if part)
