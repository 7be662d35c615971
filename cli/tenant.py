"""`vario-relay tenant`: the merchants' ERPs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.shared import (
    Here,
    indirect_value,
    json_option,
    pass_here,
    print_json,
    print_table,
    say,
)
from integration.errors import IntegrationError, UsageError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from integration.models import Tenant
    from integration.runtime import Runtime


@click.group()
def tenant() -> None:
    """The merchants' ERPs."""


@tenant.command("list")
@json_option
@pass_here
def list_tenants(here: Here, as_json: bool) -> None:
    """Show all tenants."""
    from sqlalchemy import select

    from integration.models import Tenant

    with here.runtime.scope() as session:
        found = session.scalars(select(Tenant).order_by(Tenant.subdomain)).all()
        rows = [_described(session, one) for one in found]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("TENANT", "APP", "CHANNELS", "HELD"),
        [
            (
                row["tenant"],
                "installed" if row["is_installed"] else "not installed",
                len(row["channels"]),
                row["held_reason"] or row["offline"],
            )
            for row in rows
        ],
        empty="there is no tenant yet; `vario-relay tenant add` adds one",
    )


@tenant.command()
@click.argument("subdomain")
@json_option
@pass_here
def show(here: Here, subdomain: str, as_json: bool) -> None:
    """Show one tenant."""
    with here.runtime.scope() as session:
        row = _described(session, find_tenant(session, subdomain))
    if as_json:
        print_json(row)
        return
    click.echo(f"tenant     {row['tenant']}")
    click.echo(f"app        {'installed' if row['is_installed'] else 'not installed'}")
    click.echo(f"channels   {', '.join(row['channels']) or 'none'}")
    for one in row["waiting"]:
        command = f"vario-relay channel add {one['id']} --tenant {subdomain} --platform ..."
        click.echo(f"not added  {one['id']} ({one['label']}); `{command}` adds it")
    if row["held_reason"]:
        click.echo(f"held       {row['held_reason']}")
    if row["offline"]:
        click.echo(f"offline    {row['offline']}")


@tenant.command()
@click.argument("subdomain")
@click.option(
    "--offline-token",
    "source",
    required=True,
    metavar="-|@FILE",
    help="Where the offline token is read from: standard input or a file.",
)
@pass_here
def add(here: Here, subdomain: str, source: str) -> None:
    """Add a tenant, or give a known one a new offline token.

    The token is checked against RELAY_CLIENT_ID and RELAY_ERP_DOMAINS, and stored encrypted.
    """
    from integration.erp import auth

    token = indirect_value(source, "the offline token")
    runtime = here.runtime
    auth.tenant_access(subdomain, token, runtime.settings)
    with runtime.scope() as session:
        is_new = _store(session, subdomain, runtime.vault.seal(token))
    if is_new:
        say(f"tenant {subdomain} is added; next: `vario-relay channel add`")
    else:
        say(f"tenant {subdomain} has a new offline token and is not held any more")


@tenant.command()
@click.argument("subdomain")
@click.option("--with-channels", is_flag=True, help="Remove its sales channels too.")
@pass_here
def remove(here: Here, subdomain: str, with_channels: bool) -> None:
    """Forget a tenant and take its webhooks out of the ERP. The shops stay as they are."""
    runtime = here.runtime
    with runtime.scope() as session:
        found = find_tenant(session, subdomain)
        labels = _described(session, found)["channels"]
        tenant_id = found.id
    if labels and not with_channels:
        raise UsageError(
            f"tenant {subdomain} has the sales channels {', '.join(labels)}; "
            "`--with-channels` removes them too, with everything known about their articles"
        )
    _deregister(runtime, tenant_id)
    with runtime.scope() as session:
        _delete(session, tenant_id)
    say(f"tenant {subdomain} is removed; its articles stay in the shops as they are")


def find_tenant(session: Session, subdomain: str) -> Tenant:
    """Raises: UsageError if there is none of this name."""
    from sqlalchemy import select

    from integration.models import Tenant

    found = session.scalar(select(Tenant).where(Tenant.subdomain == subdomain))
    if found is None:
        raise UsageError(
            f"there is no tenant {subdomain}; `vario-relay tenant list` shows all, "
            "`vario-relay tenant add` adds one"
        )
    return found


def _described(session: Session, found: Tenant) -> dict[str, Any]:
    """`waiting`: channels of the app in the ERP that are not added here. `offline`: a sentence."""
    from sqlalchemy import select

    from integration import availability, channel_life
    from integration.models import SalesChannel

    channels = session.scalars(
        select(SalesChannel.erp_id)
        .where(SalesChannel.tenant_id == found.id)
        .order_by(SalesChannel.erp_id)
    ).all()
    waiting = channel_life.waiting(session, found.id)
    return {
        "tenant": found.subdomain,
        "is_installed": found.offline_token is not None,
        "held_reason": found.held_reason,
        "offline": availability.sentence(found.offline_since),
        "channels": list(channels),
        "waiting": [one._asdict() for one in waiting],
    }


def _store(session: Session, subdomain: str, sealed: str) -> bool:
    """Add or update; whether it is new."""
    from sqlalchemy import delete, select

    from integration import pacing
    from integration.clock import db_now
    from integration.models import AccessToken, Tenant

    found = session.scalar(select(Tenant).where(Tenant.subdomain == subdomain).with_for_update())
    if found is None:
        session.add(Tenant(subdomain=subdomain, offline_token=sealed, channels_due_at=db_now()))
        return True
    found.offline_token, found.held_reason = sealed, None
    found.channels_due_at = db_now()
    # An access token of the former installation may be revoked already.
    name = pacing.erp_bucket_name(found.id)
    session.execute(delete(AccessToken).where(AccessToken.name == name))
    return False


def _deregister(runtime: Runtime, tenant_id: int) -> None:
    """Failure policy: best effort; an ERP that is away must not keep a tenant here."""
    from integration.erp import webhooks

    settings = runtime.settings
    if not settings.public_url:
        return
    try:
        client = runtime.erp(tenant_id)
        webhooks.reconcile(client, settings.app_identifier, settings.public_url, [])
    except IntegrationError as error:
        say(f"its webhooks stay registered in the ERP: {error}")


def _delete(session: Session, tenant_id: int) -> None:
    """The tenant with all that hangs on it, and what is found by name only."""
    from sqlalchemy import delete, select

    from integration import channels, pacing
    from integration.models import SalesChannel, Tenant

    channel_ids = session.scalars(
        select(SalesChannel.id).where(SalesChannel.tenant_id == tenant_id)
    ).all()
    names = [pacing.erp_bucket_name(tenant_id), *map(pacing.shop_bucket_name, channel_ids)]
    channels.forget_named(session, names)
    session.execute(delete(Tenant).where(Tenant.id == tenant_id))
