"""Sales channels come, change and go: what an app does by REST and an employee in the ERP alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sandbox.erp.model import Article, Listing
from sandbox.erp.tenants import Channel, Tenant


def create(tenant: Tenant, label: str, kind: str, backend: int, active: bool = True,
           fields: dict[str, Any] | None = None) -> Channel:
    with tenant.lock:
        entry = Channel(tenant.next_channel_id(), label, kind, backend, active, fields or {})
        # A new dict each time: readers hold no lock.
        tenant.channels = {**tenant.channels, entry.id: entry}
        return entry


def take_prices(tenant: Tenant, channel: int, source: int | None) -> None:
    """Let a channel have the prices of another one where it has none of its own."""
    with tenant.lock:
        known = tenant.articles.price_sources
        known.pop(channel, None)
        if source is not None:
            known[channel] = source


def delete(tenant: Tenant, channel: int) -> None:
    """Take the channel away and with it every listing on it."""
    with tenant.lock:
        for article in tenant.articles.between():
            article.drop(channel)
        tenant.channels = {key: one for key, one in tenant.channels.items() if key != channel}
    take_prices(tenant, channel, None)


def list_like(tenant: Tenant, channel: int, model: int, most: int) -> list[Article]:
    """List up to `most` articles on a channel as they are listed on another; returns them."""
    listed = []
    with tenant.lock:
        for article in tenant.articles.between():
            if len(listed) == most:
                break
            own = article.listings.get(model)
            if own is not None and channel not in article.listings:
                article.add(_copied(own, channel))
                listed.append(article)
    return listed


def _copied(listing: Listing, channel: int) -> Listing:
    return replace(listing, channel=channel, state="NEED_SYNCHRONIZE", custom={}, version=1)
