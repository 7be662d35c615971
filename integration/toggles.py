"""Transfer toggles: may this topic of this channel travel? Off keeps the work, on drains it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from integration import sql
from integration.models import ChannelParameter, SalesChannel, TransferToggle
from integration.topology import TOGGLE_BY_TOPIC, Topic

#: Topics that this version carries to shops, each as far as the platform is given it.
SERVED_TOPICS = (Topic.STOCK, Topic.PRICE, Topic.ORDER_STATUS, Topic.ARTICLE, Topic.MEDIA)
#: What a full pass over the articles may ask for; orders are not articles.
ARTICLE_TOPICS = tuple(one for one in SERVED_TOPICS if one is not Topic.ORDER_STATUS)

#: The channel parameter that takes a toggle's place for the way back: ``on`` (default) or ``off``.
#: The five toggles are the vendor's.
WRITE_BACK_PARAMETER = "write_back"
OFF = "off"


def is_switched_on(topic: Topic | ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a SalesChannel's topic may travel; without a row it may (the vendor's default).

    A column holds topics that go to the shop.
    """
    if topic is Topic.WRITE_BACK:
        return ~exists().where(
            ChannelParameter.channel_id == SalesChannel.id,
            ChannelParameter.key == WRITE_BACK_PARAMETER,
            ChannelParameter.value == OFF,
        )
    return ~exists().where(
        TransferToggle.channel_id == SalesChannel.id,
        TransferToggle.topic == (topic.value if isinstance(topic, Topic) else topic),
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
    """Every topic that goes to the shop, with its toggle."""
    stored = {
        row.topic: row.is_on
        for row in session.execute(
            select(TransferToggle.topic, TransferToggle.is_on).where(
                TransferToggle.channel_id == channel_id
            )
        )
    }
    return {topic: stored.get(topic.value, True) for topic in TOGGLE_BY_TOPIC}


def is_written_back(session: Session, channel_id: int) -> bool:
    """Whether the product ids of a channel go into the ERP."""
    found = session.scalar(
        select(SalesChannel.id).where(
            SalesChannel.id == channel_id, is_switched_on(Topic.WRITE_BACK)
        )
    )
    return found is not None
