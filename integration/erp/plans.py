"""Which fetch serves which topic; the fetching half of integration.topics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from integration.channel_view import DETAILS_ON, ChannelView
from integration.connectors.base import FactStore
from integration.erp import articles, orders, shelf
from integration.erp.client import PAGE_SIZE, ErpClient
from integration.erp.price_records import Scope
from integration.erp.rows import Row
from integration.topics.media import REF_TYPE
from integration.topics.wants import NOTHING_MORE, Wants, stock_wants_of, wants_of
from integration.topology import Topic

#: Rows by entity id. An article without a row is not listed on the channel, or gone.
Fetch = Callable[[ErpClient, FactStore, ChannelView, Sequence[str]], dict[str, Row]]

_WANTS_BY_TOPIC: Mapping[Topic, Callable[[ChannelView], Wants]] = {
    Topic.ARTICLE: wants_of,
    Topic.STOCK: stock_wants_of,
}


def _images(
    client: ErpClient, facts: FactStore, channel: ChannelView, ids: Sequence[str]
) -> dict[str, Row]:
    return articles.fetch_images(
        client,
        facts,
        channel.erp_id,
        ids,
        channel.column_findings,
        ref_type=channel.parameters.get(REF_TYPE) or shelf.DEFAULT_REF_TYPE,
    )


def _articles(
    client: ErpClient, facts: FactStore, channel: ChannelView, ids: Sequence[str]
) -> dict[str, Row]:
    return articles.fetch_articles(
        client,
        facts,
        channel.erp_id,
        ids,
        channel.column_findings,
        wants_of(channel),
        _details(channel),
    )


def _prices(
    client: ErpClient, facts: FactStore, channel: ChannelView, ids: Sequence[str]
) -> dict[str, Row]:
    findings, details = channel.column_findings, _details(channel)
    return articles.fetch_prices(client, facts, channel.erp_id, ids, findings, details)


def _stocks(
    client: ErpClient, facts: FactStore, channel: ChannelView, ids: Sequence[str]
) -> dict[str, Row]:
    findings, wants = channel.column_findings, stock_wants_of(channel)
    return articles.fetch_stocks(client, facts, channel.erp_id, ids, findings, wants)


def read_page(
    client: ErpClient,
    facts: FactStore,
    channel: ChannelView,
    topic: Topic,
    offset: int,
    limit: int = PAGE_SIZE,
) -> articles.PageOfRows | None:
    """One page of what is listed on the channel, with the rows of `topic`, in one request.

    A row of articles serves prices and stocks too. None: only ids can be had by pages.
    """
    return articles.page_of_rows(
        client,
        facts,
        topic,
        channel.erp_id,
        offset,
        limit,
        channel.column_findings,
        _WANTS_BY_TOPIC[topic](channel) if topic in _WANTS_BY_TOPIC else NOTHING_MORE,
        None if topic is Topic.STOCK else _details(channel),
    )


def _details(channel: ChannelView) -> Scope | None:
    if channel.price_details != DETAILS_ON or channel.now is None:
        return None
    return Scope(channel.erp_id, channel.currency, channel.now, channel.price_sources)


FETCH_BY_TOPIC: Mapping[Topic, Fetch] = {
    Topic.ARTICLE: _articles,
    Topic.PRICE: _prices,
    Topic.STOCK: _stocks,
    Topic.ORDER_STATUS: orders.fetch_deliveries,
    Topic.MEDIA: _images,
}
