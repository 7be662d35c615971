"""Why a sales channel does not move that moves again by itself: what the ERP said of it. Pure."""

from __future__ import annotations

from integration import availability
from integration.models import SalesChannel, Tenant

SWITCHED_OFF = (
    "the sales channel is switched off in the ERP; changes are kept, and it goes on by itself when "
    "it is active there"
)
UNKNOWN = (
    "the ERP does not know this sales channel and did not say that it deleted it; "
    "`vario-relay channel remove` forgets it, and if the ERP shows it again it goes on by itself"
)
SAID_DELETED = (
    "the ERP says that it deleted this sales channel; nothing moves while it is asked whether it "
    "did"
)
#: Holds that end by themselves.
OF_THE_ERP = (SWITCHED_OFF, UNKNOWN)


def stopped_by_erp(channel: SalesChannel, tenant: Tenant) -> str | None:
    """Why a channel does not move that moves again by itself, in one sentence; None: no reason."""
    if channel.delete_said_at is not None and channel.deleted_at is None:
        return SAID_DELETED
    if channel.held_reason in OF_THE_ERP:
        return channel.held_reason
    return availability.sentence(tenant.offline_since)
