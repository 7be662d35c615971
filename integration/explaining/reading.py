"""What the database knows of one article on one channel; only reads, each by an index."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select, tuple_
from sqlalchemy.orm import Session

from integration import counter_store, health_view, shop_edits, toggles
from integration.clock import db_now
from integration.connectors import registry
from integration.counter_store import RATE_WINDOW_S
from integration.errors import UsageError
from integration.explaining.facts import (
    MAX_AHEAD,
    TOPICS,
    ChannelFacts,
    Edit,
    Facts,
    HandHold,
    Product,
    ShopFacts,
    TenantFacts,
    Work,
)
from integration.models import (
    ArticleHold,
    Listing,
    SalesChannel,
    Tenant,
    WorkItem,
    WorkItemState,
)
from integration.observe import masked
from integration.topology import SHORT_NAME_BY_TOPIC, Topic


def about_channel(session: Session, channel: SalesChannel, article: str) -> Facts:
    """What holds for every article of the channel."""
    tenant = session.get_one(Tenant, channel.tenant_id)
    is_on = toggles.states(session, channel.id)
    carried, trouble = _carried(channel.platform)
    return Facts(
        channel=f"{tenant.subdomain}/{channel.erp_id}",
        article=article,
        now=session.scalars(select(db_now())).one(),
        tenant=_tenant(tenant),
        state=ChannelFacts(
            is_paused=channel.is_paused,
            paused_until=channel.paused_until,
            held_reason=channel.held_reason or trouble,
            delete_said_at=channel.delete_said_at,
            deleted_at=channel.deleted_at,
        ),
        health=ShopFacts(
            channel.id in health_view.open_breakers(session),
            health_view.sentences(session).get(channel.id),
        ),
        carried=frozenset(carried),
        off=frozenset(topic for topic, on in is_on.items() if not on),
        owners=shop_edits.owners(session, channel.id),
    )


def _tenant(tenant: Tenant) -> TenantFacts:
    reason = tenant.held_reason
    if reason is None and tenant.offline_token is None:
        reason = f"tenant {tenant.subdomain} has no offline token; install the app"
    return TenantFacts(reason, tenant.uninstalled_at, tenant.offline_since)


def _carried(platform: str) -> tuple[Iterable[Topic], str | None]:
    """What the platform carries, and why it cannot be used here, for which the channel is held as
    soon as something moves."""
    try:
        return registry.platform(platform).capabilities.max_batch, None
    except UsageError as error:
        return TOPICS, str(error)


def works(session: Session, channel_id: int, article_id: str, now: datetime) -> dict[Topic, Work]:
    """The article's work items by topic."""
    rows = session.scalars(
        select(WorkItem).where(
            WorkItem.channel_id == channel_id,
            WorkItem.topic.in_([topic.value for topic in TOPICS]),
            WorkItem.entity_id == article_id,
        )
    ).all()
    settled = counter_store.settled_lately(session, now) if rows else {}
    found = {}
    for row in rows:
        topic = Topic(row.topic)
        ahead = _ahead(session, row)
        lately = settled.get((channel_id, SHORT_NAME_BY_TOPIC[topic]), 0)
        eta_s = (ahead + 1) * RATE_WINDOW_S / lately if lately else None
        found[topic] = _work(row, ahead, eta_s)
    return found


def _work(row: WorkItem, ahead: int, eta_s: float | None) -> Work:
    lines = (row.last_error or "").splitlines() or [""]
    return Work(
        state=row.state,
        hold_reason=row.hold_reason,
        error_class=row.error_class,
        words=masked(lines[0]),
        attempts=row.attempts,
        generation=row.generation,
        due_at=row.due_at,
        ahead=ahead,
        eta_s=eta_s,
        skip_reason=row.skip_reason,
        first_unsent_at=row.first_unsent_at,
        last_event_at=row.last_event_at,
        pushed_at=row.pushed_at,
        pushed_hash=row.pushed_hash,
    )


def _ahead(session: Session, row: WorkItem) -> int:
    """Rows of the lane that are claimed before this one, in the order of a claim."""
    if row.state != WorkItemState.QUEUED or row.hold_reason is not None:
        return 0
    before = (
        select(WorkItem.id)
        .where(
            WorkItem.channel_id == row.channel_id,
            WorkItem.topic == row.topic,
            WorkItem.state == WorkItemState.QUEUED.value,
            WorkItem.hold_reason.is_(None),
            tuple_(WorkItem.priority, WorkItem.due_at, WorkItem.id)
            < tuple_(*_bound(row.priority, row.due_at, row.id)),
        )
        .limit(MAX_AHEAD)
    )
    return session.scalar(select(func.count()).select_from(before.subquery())) or 0


def _bound(*values: Any) -> list[Any]:
    """Values as their columns store them: a bare time would not become SQLite's text."""
    columns = (WorkItem.priority, WorkItem.due_at, WorkItem.id)
    return [literal(value, one.type) for value, one in zip(values, columns, strict=True)]


def holds(session: Session, channel_id: int, article_id: str) -> dict[Topic, HandHold]:
    """What a person keeps back of the article, by topic."""
    rows = session.scalars(
        select(ArticleHold).where(
            ArticleHold.channel_id == channel_id,
            ArticleHold.topic.in_([topic.value for topic in TOPICS]),
            ArticleHold.article_id == article_id,
        )
    )
    return {Topic(one.topic): HandHold(one.reason, one.held_by, one.held_since) for one in rows}


def product(session: Session, channel_id: int, article_id: str) -> Product | None:
    """The shop's product; None: it has none, as far as we know."""
    found = session.get(Listing, (channel_id, article_id))
    if found is None:
        return None
    return Product(found.external_id, found.number, found.is_active, found.was_adopted)


def edits(session: Session, channel_id: int, article_id: str) -> dict[str, Edit]:
    """What was noticed to be changed in the shop, by field, where that counts."""
    return {
        one.field: Edit(one.shown, one.noticed_at, one.kept_by)
        for one in shop_edits.of_channel(session, channel_id, article_id)
    }
