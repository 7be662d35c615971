"""Topics as pure functions: a row of the ERP becomes a platform-neutral document.

The fetching half is integration.erp.plans. Nothing here knows HTTP, a database or the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from integration.channel_view import ChannelView
from integration.documents import Document
from integration.mapping_kinds import GROUPS, Kind
from integration.topics.article import article_document
from integration.topics.media import images_document
from integration.topics.price import price_document
from integration.topics.stock import stock_document
from integration.topology import Topic

#: Raises PermanentError, Held, TransientError (a row that could not be read yet) or ChannelError.
MakeDocument = Callable[[Mapping[str, Any], ChannelView], Document]

DOCUMENT_BY_TOPIC: Mapping[Topic, MakeDocument] = {
    Topic.ARTICLE: article_document,
    Topic.PRICE: price_document,
    Topic.STOCK: stock_document,
    Topic.MEDIA: images_document,
}

#: Mappings that the documents of a topic need; the others are not read for its batches, because a
#: channel may have thousands of categories.
KINDS_BY_TOPIC: Mapping[Topic, tuple[Kind, ...]] = {
    Topic.ARTICLE: (
        Kind.TAX,
        Kind.UNIT,
        *GROUPS,
        Kind.LANGUAGE,
        Kind.CATEGORY,
        Kind.STORAGE_LOCATION,
        Kind.MANUFACTURER,
    ),
    Topic.PRICE: GROUPS,
    Topic.STOCK: (Kind.STORAGE_LOCATION,),
    Topic.ORDER_STATUS: (Kind.CARRIER,),
}
