"""Which fetch serves which topic; the fetching half of integration.topics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from integration.channel_view import DETAILS_ON, ChannelView
from integration.connectors.base import FactStore
from integration.erp import articles, shelf
from integration.erp.catalogue import Findings
from integration.erp.client import ErpClient
from integration.erp.price_records import Scope
from integration.erp.rows import Row
from integration.topics.media import REF_TYPE
from integration.topics.wants import wants_of
from integration.topology import Topic

#: Rows by article id. An id without a row is not listed on the channel, or gone.
Fetch = Callable[[ErpClient, FactStore, ChannelView, Sequence[str]], dict[str, Row]]


def _on_channel(
    fetch: Callable[
        [ErpClient, FactStore, str, Sequence[str], Findings | None, Scope | None], dict[str, Row]
    ],
) -> Fetch:
    def fetch_on(
        client: ErpClient, facts: FactStore, channel: ChannelView, ids: Sequence[str]
    ) -> dict[str, Row]:
        details = _details(channel)
        return fetch(client, facts, channel.erp_id, ids, channel.column_findings, details)

    return fetch_on


def _fetch_images(
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


def _details(channel: ChannelView) -> Scope | None:
    if channel.price_details != DETAILS_ON or channel.now is None:
        return None
    return Scope(channel.erp_id, channel.currency, channel.now)


FETCH_BY_TOPIC: Mapping[Topic, Fetch] = {
    Topic.ARTICLE: _articles,
    Topic.PRICE: _on_channel(articles.fetch_prices),
    Topic.STOCK: _on_channel(articles.fetch_stocks),
    Topic.MEDIA: _fetch_images,
}
