"""`vario-relay channel remove`: forget a channel; its shop stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.shared import Here, channel_argument, pass_here, say
from integration.errors import IntegrationError, UsageError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from integration.models import SalesChannel
    from integration.runtime import Runtime


@click.command("remove")
@channel_argument
@click.option("--force", is_flag=True, help="Also when it is not paused, or still sends.")
@pass_here
def remove_channel(here: Here, channel: str, force: bool) -> None:
    """Forget a channel and take its webhooks out of the ERP. The shop stays as it is.

    With it go its parameters, its toggles, its mappings, its queue, and what is known about its
    articles. Added again, it starts anew and adopts by number what the shop has.
    """
    from integration import channels
    from integration.models import Tenant

    runtime = here.runtime
    with runtime.scope() as session:
        found = channels.find(session, channel)
        tenant = session.get_one(Tenant, found.tenant_id)
        label, tenant_id = f"{tenant.subdomain}/{found.erp_id}", tenant.id
        if not force:
            _require_quiet(session, found, label)
        channels.remove(session, found.id)
    say(f"sales channel {label} is removed; its articles stay in the shop as they are")
    # Afterwards: a command that is cut short here leaves calls that are answered 404, and not a
    # channel that hears of nothing.
    _deregister(runtime, tenant_id)


def _require_quiet(session: Session, found: SalesChannel, label: str) -> None:
    """Raises: UsageError for a channel that moves, or whose last batches are under way."""
    from sqlalchemy import func, select

    from integration.models import WorkItem, WorkItemState

    if not found.is_paused or found.paused_until is not None:
        raise UsageError(
            f"sales channel {label} is not paused for good; `vario-relay channel pause {label}` "
            "pauses it, `--force` removes it all the same"
        )
    sending = session.scalar(
        select(func.count())
        .select_from(WorkItem)
        .where(WorkItem.channel_id == found.id, WorkItem.state == WorkItemState.PROCESSING.value)
    )
    if sending:
        raise UsageError(
            f"sales channel {label} is paused, but {sending} of its changes are still being sent; "
            "try again in a moment, or with `--force`"
        )


def _deregister(runtime: Runtime, tenant_id: int) -> None:
    """Failure policy: best effort; the next `channel resume` of the tenant takes the rest away."""
    from integration import registrations

    try:
        registrations.withdraw(runtime, tenant_id)
    except IntegrationError as error:
        say(f"warning: its webhooks stay registered in the ERP and are answered 404: {error}")
