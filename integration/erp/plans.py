"""Which fetch serves which topic; the fetching half of integration.topics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from integration.channel_view import ChannelView
from integration.connectors.base import FactStore
from integration.erp import articles, shelf
from integration.erp.catalogue import Findings
from integration.erp.client import ErpClient
from integration.erp.rows import Row
from integration.topics.media import REF_TYPE
from integration.topology import Topic

#: Rows by article id. An id without a row is not listed on the channel, or gone.
Fetch = Callable[[ErpClient, FactStore, ChannelView, Sequence[str]], dict[str, Row]]


def _on_channel(
    fetch: Callable[[ErpClient, FactStore, str, Sequence[str], Findings | None], dict[str, Row]],
) -> Fetch:
    def fetch_on(
        client: ErpClient, facts: FactStore, channel: ChannelView, ids: Sequence[str]
    ) -> dict[str, Row]:
        return fetch(client, facts, channel.erp_id, ids, channel.column_findings)

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


FETCH_BY_TOPIC: Mapping[Topic, Fetch] = {
    Topic.ARTICLE: _on_channel(articles.fetch_articles),
    Topic.PRICE: _on_channel(articles.fetch_prices),
    Topic.STOCK: _on_channel(articles.fetch_stocks),
    Topic.MEDIA: _fetch_images,
}
