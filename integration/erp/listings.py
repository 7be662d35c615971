"""What is listed on a channel, page by page, and how people's names for articles become ids."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from integration.erp import catalogue
from integration.erp.client import FACADE, PAGE_SIZE, ErpClient
from integration.erp.rows import id_text
from integration.erp.vql import (
    Column,
    equals_id,
    equals_uuid,
    equals_word,
    in_ids,
    is_id,
    map_row,
    select,
)
from integration.errors import Forbidden, Gone, Rejected, TransientError

SEARCH_PATH = "/cmn/computed-queries/article/shopListing"
CHANNELS_SOURCE = "sales-channel.salesChannels"
CHANNEL_PATH = "/erp/sales-channels/{}"
_LISTING_PATH = "listings.id"
_EAN_PATH = "identifiers.value"
#: More hits than anybody would choose from by eye.
MAX_FOUND = 50


class ListedPage(NamedTuple):
    """Article ids in the ERP's numeric order."""

    ids: list[str]
    more: bool
    next_offset: int


class FoundArticle(NamedTuple):
    id: str
    number: str | None


class ErpChannel(NamedTuple):
    """A sales channel of our app as the ERP knows it."""

    id: str
    label: str
    is_active: bool = True
    #: The sales channel that it takes its prices from, if it does.
    prices_from: str | None = None


def listed_page(
    client: ErpClient, channel_erp_id: str, offset: int = 0, limit: int = PAGE_SIZE
) -> ListedPage:
    """One page of the articles that have a listing on the channel, also a switched-off one.

    Paged by offset: comparing ids with `>` is not attested. An article that is listed or
    unlisted during the walk shifts the pages, so a walk alone proves nothing about a single id.
    """
    statement = select(
        [Column("id")],
        catalogue.SHOP_LISTING,
        where=[equals_id(catalogue.CHANNEL_PATH, channel_erp_id)],
        order_by=["id"],
    )
    page = client.vql(statement, limit=limit, offset=offset)
    ids = (id_text(row.get("id")) for row in page.rows)
    more = page.more and page.next_offset > offset
    listed = [one for one in ids if one is not None and is_id(one)]
    return ListedPage(list(dict.fromkeys(listed)), more, page.next_offset)


def articles_of(
    client: ErpClient, channel_erp_id: str, listing_ids: Sequence[str]
) -> dict[str, str]:
    """Article id by listing id, of those listings that the channel has."""
    statement = select(
        [Column("id"), Column(_LISTING_PATH, "listing")],
        catalogue.SHOP_LISTING,
        where=[
            equals_id(catalogue.CHANNEL_PATH, channel_erp_id),
            in_ids(_LISTING_PATH, [one for one in listing_ids if is_id(one)]),
        ],
        order_by=["id"],
    )
    pairs = (
        (id_text(row.get("listing")), id_text(row.get("id"))) for row in client.vql_all(statement)
    )
    return {
        listing: article for listing, article in pairs if listing and article and is_id(article)
    }


def known_articles(client: ErpClient, article_ids: Sequence[str]) -> set[str]:
    """Those of these articles that the ERP still has, on whatever channel or on none.

    One query, and a request for each that it does not show: it shows only what is listed somewhere.
    """
    wanted = [one for one in article_ids if is_id(one)]
    statement = select(
        [Column("id")], catalogue.SHOP_LISTING, where=[in_ids("id", wanted)], order_by=["id"]
    )
    ids = (id_text(row.get("id")) for row in client.vql_all(statement)) if wanted else ()
    found = {one for one in ids if one is not None}
    for article_id in wanted:
        if article_id not in found:
            with suppress(Gone):
                client.get(f"/erp/articles/{article_id}")
                found.add(article_id)
    return found


def count_listed(client: ErpClient, channel_erp_id: str) -> int:
    """How many listings `listed_page` will walk over; for progress, not for decisions."""
    statement = select(
        [Column("id", function="count")],
        catalogue.SHOP_LISTING,
        where=[equals_id(catalogue.CHANNEL_PATH, channel_erp_id)],
    )
    page = client.vql(statement, limit=1)
    # The key of an aggregate is unknown; there is one value in one row.
    values = [value for row in page.raw[:1] for value in row.values()]
    if len(values) == 1 and is_id(str(values[0])):
        return int(values[0])
    raise TransientError(f"tenant {client.access.tenant}: a count answered without a number")


def find_by_number(client: ErpClient, text: str) -> list[FoundArticle]:
    """Articles whose number, EAN or id is `text`, in this order of preference.

    `text` is free text and travels beside the query, never inside a statement.
    """
    properties = ["number", _EAN_PATH] + (["id"] if is_id(text) else [])
    try:
        records = _search(client, text, properties)
    except Rejected:  # this ERP does not offer identifiers as a column
        records = _search(client, text, [name for name in properties if name != _EAN_PATH])
    ranked = sorted(records, key=lambda record: _rank(record, text))
    found = ((id_text(record.get("id")), record.get("number")) for record in ranked)
    articles = [FoundArticle(key, None if no is None else str(no)) for key, no in found if key]
    return list(dict.fromkeys(articles))


def _rank(record: dict[str, Any], text: str) -> int:
    if str(record.get("number")) == text:
        return 0
    return 2 if str(record.get("id")) == text else 1


def _search(client: ErpClient, text: str, properties: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of the structured endpoint where one of `properties` equals `text`."""
    filters = [
        {"type": "FILTER", "operator": "EQUALS", "property": name, "values": [text], "children": []}
        for name in properties
    ]
    predicate = {"type": "JUNCTION", "operator": "OR", "values": [], "children": filters}
    body = {
        "adhocPreset": {
            "queryPredicate": predicate,
            "results": [{"property": "id"}, {"property": "number"}],
        },
        "pageable": {"limit": MAX_FOUND, "start": 0, "sortOrders": []},
    }
    answer = client.post(SEARCH_PATH, body, writes=False)
    rows = answer.get("data") if isinstance(answer, dict) else None
    definition = answer.get("definition") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise TransientError(f"tenant {client.access.tenant}: a search answered without data")
    return [
        {**row, **map_row(definition if isinstance(definition, list) else (), row)}
        for row in rows
        if isinstance(row, dict)
    ]


def sales_channels(client: ErpClient) -> list[ErpChannel]:
    """The sales channels that belong to our app."""
    statement = select(
        [Column("id"), Column("label")],
        CHANNELS_SOURCE,
        where=[
            equals_word("channelBackend.type", "APP", ("APP", "SELF")),
            equals_uuid("channelBackend.appId", client.access.app_identifier),
        ],
        order_by=["id"],
    )
    found = ((id_text(row.get("id")), row.get("label")) for row in client.vql_all(statement))
    return [ErpChannel(key, str(label or "")) for key, label in found if key]


def sales_channel(client: ErpClient, erp_id: str) -> ErpChannel | None:
    """One sales channel, switched off or not; None: the ERP says that there is none of this id.

    It must say so at both addresses: much is stopped because of it.
    """
    path = CHANNEL_PATH.format(erp_id)
    for address in (path, FACADE + path):
        try:
            answer = client.get(address)
        except Gone:
            continue
        if not isinstance(answer, dict) or id_text(answer.get("id")) != erp_id:
            raise TransientError(f"tenant {client.access.tenant}: {path} answered something else")
        source = answer.get("priceFromSalesChannel")
        return ErpChannel(
            erp_id,
            str(answer.get("label") or ""),
            answer.get("active") is not False,
            id_text(source.get("id")) if isinstance(source, dict) else None,
        )
    return None


def price_sources(client: ErpClient, channel: ErpChannel) -> list[str]:
    """The sales channels whose prices count on this one too, the nearest first.

    One request for each: it may take its prices from another one, too. What lies behind one that
    the app may not see is left out.
    """
    found: list[str] = []
    source = channel.prices_from
    while source is not None and source not in (channel.id, *found):
        found.append(source)
        try:
            known = sales_channel(client, source)
        except Forbidden:
            break
        source = None if known is None else known.prices_from
    return found
