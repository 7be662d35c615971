"""Names of topics, toggles, lanes, queues and tasks. No behaviour."""

from __future__ import annotations

from enum import StrEnum


class Topic(StrEnum):
    """The kind of fact that travels; the vendor's names, and one of our own."""

    STOCK = "update.article-stock"
    PRICE = "update.article-price"
    ORDER_STATUS = "update.orderStatus"
    ARTICLE = "upsert.article"
    MEDIA = "upsert.article-media"
    #: The way back: the shop's product id goes into the ERP. It has no transfer toggle. By its name
    #: the last of an article's rows, as everybody locks them in this order.
    WRITE_BACK = "write-back"


#: Short names of the command line, of what goes to the shop.
TOPIC_BY_SHORT_NAME = {
    "article": Topic.ARTICLE,
    "price": Topic.PRICE,
    "stock": Topic.STOCK,
    "media": Topic.MEDIA,
    "order-status": Topic.ORDER_STATUS,
}

SHORT_NAME_BY_TOPIC = {
    **{topic: name for name, topic in TOPIC_BY_SHORT_NAME.items()},
    Topic.WRITE_BACK: "write-back",
}

#: The vendor's name of the transfer toggle of a topic.
TOGGLE_BY_TOPIC = {
    Topic.STOCK: "UPLOAD_ARTICLE_STOCK",
    Topic.PRICE: "UPLOAD_ARTICLE_PRICE",
    Topic.ORDER_STATUS: "UPLOAD_ORDER_STATUS",
    Topic.ARTICLE: "UPLOAD_ARTICLE_MASTERDATA",
    Topic.MEDIA: "UPLOAD_ARTICLE_IMAGE",
}

#: Order of service: what overselling costs first, what only looks bad last.
LANE_BY_TOPIC = {
    Topic.STOCK: 1,
    Topic.PRICE: 2,
    Topic.ORDER_STATUS: 3,
    Topic.ARTICLE: 4,
    Topic.MEDIA: 5,
    Topic.WRITE_BACK: 6,
}


class Queue(StrEnum):
    """RabbitMQ queues. Backfill has its own, so that it can never stand before a live change."""

    LIVE = "live"
    BACKFILL = "backfill"
    CONTROL = "control"
    #: What we write into the ERP: waits for its request budget most of the time.
    WRITE_BACK = "write-back"


QUEUES = tuple(Queue)

TASK_DISPATCH = "dispatch"
TASK_SWEEP = "sweep"
TASK_FETCH = "outbound.fetch"
TASK_TRANSFORM = "outbound.transform"
TASK_PUSH = "outbound.push"
TASK_WRITE_BACK = "write-back"
TASK_SYNC_ADVANCE = "sync.advance"
TASK_FOLLOW_CHANNELS = "channels.follow"
TASK_NIGHTLY = "sync.nightly"
TASK_NIGHTLY_COMPARISON = "reconcile.nightly"
TASK_HOUSEKEEPING = "housekeeping"
TASK_CHECK_COLUMNS = "columns.check"
TASK_WATCH_GAPS = "gaps.watch"
