"""Products that may be in the shop although no answer said so, of articles not for sale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from integration import shop_products
from integration.models import Listing
from integration.runtime import Runtime
from integration.topology import Topic
from integration.write_back import asking

if TYPE_CHECKING:
    from integration.stages import Work


def remember(runtime: Runtime, work: Work, rows: Mapping[str, Any]) -> None:
    """Ask the shop for products of articles that are not for sale any more, and whose first write
    got no answer: they may be there, active, and nobody knows of them."""
    doubted = {
        str(rows[item.entity_id]["number"]): item.entity_id
        for item in work.claim.items
        if work.claim.topic is Topic.ARTICLE
        and item.doubt_until is not None
        and work.listing(item.entity_id).external_id is None
        and rows.get(item.entity_id, {}).get("number")
        and not (rows[item.entity_id].get("active") and rows[item.entity_id].get("listed"))
    }
    if not doubted:
        return
    found = runtime.connector(work.channel).lookup(list(doubted))
    with runtime.scope() as session:
        known = session.scalars(
            select(Listing.external_id).where(Listing.channel_id == work.channel.id)
        ).all()
        listings = [
            {
                "article_id": doubted[number],
                "external_id": external_id,
                "number": number,
                "is_active": True,
                "was_adopted": False,
            }
            for number, external_id in found.items()
            if external_id not in known
        ]
        known_now = shop_products.remember(session, work.channel.id, listings)
        asking.ask(session, work.channel.id, known_now.with_new_id)
