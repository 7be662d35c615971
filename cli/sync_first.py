"""What a sync says before the first time: shops have products, and these are written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, select

from integration import channels, sync_runs
from integration.dry_run_adoptions import products_of
from integration.errors import IntegrationError
from integration.models import Listing, SyncRun
from integration.paging import Source
from integration.topology import Topic

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from integration.runtime import Runtime


def is_untouched(session: Session, channel_id: int) -> bool:
    """Whether nothing was ever carried to the channel's shop, nor begun to be. Passes over what is
    in the shop by us carry nothing new."""
    whole = (sync_runs.INITIAL, sync_runs.NIGHTLY, sync_runs.CATCH_UP)
    listings = exists().where(Listing.channel_id == channel_id)
    runs = exists().where(SyncRun.channel_id == channel_id, SyncRun.kind.in_(whole))
    return bool(session.scalar(select(~listings & ~runs)))


def sentence(runtime: Runtime, name: str) -> str | None:
    """What the shop has of the first page of articles; None for a channel that was synced before.

    Failure policy: an ERP or a shop that does not answer only costs the numbers; the sync says why.
    """
    with runtime.scope() as session:
        channel = channels.find(session, name)
        channel_id = channel.id
        if not is_untouched(session, channel_id):
            return None
    try:
        found = _found(runtime, channel_id)
    except IntegrationError:
        found = "products that the shop has already are taken over"
    return (
        f"first sync of sales channel {name}: {found}; `vario-relay sync {name} --dry-run` names "
        f"what changes of each, `vario-relay channel pause {name}` stops it"
    )


def _found(runtime: Runtime, channel_id: int) -> str:
    channel = runtime.channel(channel_id)
    client, facts = runtime.erp(channel.tenant_id), runtime.erp_facts(channel.tenant_id)
    rows = Source(client, facts, channel, Topic.ARTICLE).page(0).rows.values()
    numbers = [row["number"] for row in rows if row.get("active") and row.get("number")]
    there = products_of(runtime.connector(channel), numbers) if numbers else {}
    several = sum(1 for ids in there.values() if len(ids) > 1)
    told = (
        f"of the first {len(numbers)} articles the shop has {len(there) - several} already, which "
        "are taken over"
    )
    if several:
        told += f", and {several} more than once, which are held"
    return told
