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
                _app(row),
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
    click.echo(f"app        {_app(row)}")
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
    from integration import channel_life
    from integration.erp import auth
    from integration.installation import tenants

    token = indirect_value(source, "the offline token")
    runtime = here.runtime
    auth.tenant_access(subdomain, token, runtime.settings)
    with runtime.scope() as session:
        connected = tenants.connect(session, subdomain, runtime.vault.seal(token))
        channel_life.request(session, connected.tenant_id)
    if connected.is_new:
        say(f"tenant {subdomain} is added; next: `vario-relay channel add`")
    else:
        say(f"tenant {subdomain} has a new offline token and is not held any more")


@tenant.command()
@click.argument("subdomain")
@click.option("--with-channels", is_flag=True, help="Remove its sales channels too.")
@pass_here
def remove(here: Here, subdomain: str, with_channels: bool) -> None:
    """Forget a tenant and take its webhooks out of the ERP. The shops stay as they are."""
    from integration.installation import tenants

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
        tenants.remove(session, tenant_id)
    say(f"tenant {subdomain} is removed; its articles stay in the shops as they are")


def find_tenant(session: Session, subdomain: str) -> Tenant:
    """Raises: UsageError if there is none of this name."""
    from integration.installation import tenants

    found = tenants.find(session, subdomain)
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
        "uninstalled_at": found.uninstalled_at.isoformat() if found.uninstalled_at else None,
        "held_reason": found.held_reason,
        "offline": availability.sentence(found.offline_since),
        "channels": list(channels),
        "waiting": [one._asdict() for one in waiting],
    }


def _app(row: dict[str, Any]) -> str:
    from datetime import datetime

    from integration.installation import tenants

    if row["uninstalled_at"]:
        forgotten = datetime.fromisoformat(row["uninstalled_at"]) + tenants.KEPT
        return f"uninstalled, forgotten on {forgotten:%Y-%m-%d}"
    return "installed" if row["is_installed"] else "not installed"


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
