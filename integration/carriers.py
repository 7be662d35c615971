"""Carriers that the ERP named in deliveries: it offers no list of them, and a mapping needs their
ids.

Kept per tenant and for good: a carrier is the ERP's, whichever channel's order went with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from integration import facts
from integration.mapping_kinds import key
from integration.models import TenantFact

_NAME = "carriers-seen"
#: A merchant has a handful; where somebody types names freely they shall not grow without end.
KEPT = 200


def named(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Label by id of the carriers in fetched deliveries; the id where the ERP tells no label."""
    parcels = [one for row in rows for one in row.get("parcels") or ()]
    return {
        key(one["carrier"]): key(one.get("carrier_label") or one["carrier"])
        for one in parcels
        if one.get("carrier")
    }


def seen(session: Session, tenant_id: int) -> dict[str, str]:
    """Label by id of the carriers that deliveries of a tenant named so far."""
    return dict(facts.stored(session, TenantFact.tenant_id, tenant_id, _NAME) or {})


def note(session: Session, tenant_id: int, found: Mapping[str, str]) -> None:
    """Remember these carriers. One that another worker's note hides comes with its next parcel."""
    known = seen(session, tenant_id)
    both = {**known, **found}
    if both != known and len(both) <= KEPT:
        facts.remember(session, TenantFact.tenant_id, tenant_id, _NAME, both)
