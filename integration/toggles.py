"""Transfer toggles: may this topic of this channel travel? Off keeps the work, on drains it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from integration import sql
from integration.models import SalesChannel, TransferToggle
from integration.topology import Topic

#: Topics that this version carries; the others are switched when they can travel.
SERVED_TOPICS = (Topic.STOCK, Topic.PRICE, Topic.ARTICLE)


def is_switched_on(topic: Topic) -> ColumnElement[bool]:
    """Whether a SalesChannel's topic may travel; without a row it may (the vendor's default)."""
    return ~exists().where(
        TransferToggle.channel_id == SalesChannel.id,
        TransferToggle.topic == topic.value,
        TransferToggle.is_on.is_(False),
    )


def switch(session: Session, channel_id: int, topic: Topic, is_on: bool) -> None:
    """Switch a topic on or off. Nothing queued is lost either way."""
    statement = sql.insert(session, TransferToggle).values(
        channel_id=channel_id, topic=topic.value, is_on=is_on
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["channel_id", "topic"], set_={"is_on": is_on}
        )
    )


def off_topics(session: Session, channel_id: int) -> list[str]:
    """Topics of a channel that are switched off; their items wait and count as held."""
    return list(
        session.scalars(
            select(TransferToggle.topic).where(
                TransferToggle.channel_id == channel_id, TransferToggle.is_on.is_(False)
            )
        ).all()
    )


def states(session: Session, channel_id: int) -> dict[Topic, bool]:
    """Every topic of a channel with its toggle."""
    stored = {
        row.topic: row.is_on
        for row in session.execute(
            select(TransferToggle.topic, TransferToggle.is_on).where(
                TransferToggle.channel_id == channel_id
            )
        )
    }
    return {topic: stored.get(topic.value, True) for topic in Topic}
