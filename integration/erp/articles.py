"""The fetch plans: rows of many articles of one channel, with as few requests as the ERP allows.

One query per 100 ids brings everything that the ERP offers as columns; what is missing is read
article by article. An id without a row has no listing on the channel, or no article any more.

A row may say, instead of fields, why there are none: `refusal` (the ERP refuses this article) or
`postponed` (`{message, retry_after_s}`: the budget ended or the ERP stumbled). So articles that
were read are not lost, which matters when reads per article are slower than the budget.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from integration.connectors.base import FactStore
from integration.erp import catalogue, price_records, reads, shelf, storages, vql
from integration.erp.catalogue import Findings
from integration.erp.client import ErpClient
from integration.erp.details import Details, fields_of
from integration.erp.price_records import Scope
from integration.erp.rows import Row, group, id_text, postponed, uniform, unusable
from integration.errors import Gone, Held, Rejected, Throttled, TransientError
from integration.topics.noted import NOTED
from integration.topics.wants import NOTHING_MORE, Wants
from integration.topology import Topic

#: The vendor recommends 50 to 100 ids; statement and page stay small.
IDS_PER_QUERY = 100
#: Articles that may stumble in one fetch: one is an odd article, two are an ERP in trouble.
MAX_STUMBLES = 2
#: When articles that were not even tried come again.
UNTRIED_RETRY_S = 5.0

#: What decides whether an article is withdrawn.
WHETHER_OFFERED = ("listed", "listing_state", "active")
_TAX_NAMES = ("tax_rate", "tax_type")


class PageOfRows(NamedTuple):
    """A page of what is listed: ids in the ERP's numeric order, and the rows of most of them.

    An id without a row has to be fetched.
    """

    ids: list[str]
    more: bool
    next_offset: int
    rows: dict[str, Row]


def fetch_articles(
    client: ErpClient,
    facts: FactStore,
    channel_erp_id: str,
    ids: Sequence[str],
    findings: Findings | None = None,
    wants: Wants = NOTHING_MORE,
    prices: Scope | None = None,
) -> dict[str, Row]:
    """Rows of master data with price and stock, because a product is created with all three.

    `wants`: with these details; `prices`: with all price records that count there, too.
    """
    fetch = _Fetch(client, facts, Topic.ARTICLE, channel_erp_id, findings, prices, wants)
    return fetch.rows(ids)


def fetch_prices(
    client: ErpClient,
    facts: FactStore,
    channel_erp_id: str,
    ids: Sequence[str],
    findings: Findings | None = None,
    details: Scope | None = None,
) -> dict[str, Row]:
    """Rows of prices: net, gross, currency, tax; special offers are included.

    `details`: with all price records that count there, too.
    """
    return _Fetch(client, facts, Topic.PRICE, channel_erp_id, findings, details).rows(ids)


def fetch_stocks(
    client: ErpClient,
    facts: FactStore,
    channel_erp_id: str,
    ids: Sequence[str],
    findings: Findings | None = None,
    wants: Wants = NOTHING_MORE,
) -> dict[str, Row]:
    """Rows of what the channel may sell; of `wants` only the storages count."""
    return _Fetch(client, facts, Topic.STOCK, channel_erp_id, findings, wants=wants).rows(ids)


def fetch_images(
    client: ErpClient,
    facts: FactStore,
    channel_erp_id: str,
    ids: Sequence[str],
    findings: Findings | None = None,
    *,
    ref_type: str = shelf.DEFAULT_REF_TYPE,
) -> dict[str, Row]:
    """Rows of the images of what the channel offers: one or two reads per article.

    `ref_type`: what the ERP calls an article on the shelf.
    """
    return _ImageFetch(client, facts, channel_erp_id, findings, ref_type).rows(ids)


def page_of_rows(
    client: ErpClient,
    facts: FactStore,
    topic: Topic,
    channel_erp_id: str,
    offset: int,
    limit: int,
    findings: Findings | None = None,
    wants: Wants = NOTHING_MORE,
    prices: Scope | None = None,
) -> PageOfRows | None:
    """One page of everything listed on the channel, in one request, with the rows of `topic`.

    None when columns alone do not make a row (then a page would be hundreds of requests), and
    when the ERP refuses the query; ids can be asked for all the same (`listings.listed_page`).
    """
    fetch = _Fetch(client, facts, topic, channel_erp_id, findings, prices, wants)
    return fetch.page(offset, limit)


class _Fetch:
    """One fetch of one topic on one channel."""

    def __init__(
        self,
        client: ErpClient,
        facts: FactStore,
        topic: Topic,
        channel_erp_id: str,
        findings: Findings | None,
        prices: Scope | None = None,
        wants: Wants = NOTHING_MORE,
    ) -> None:
        self._client = client
        self._facts = facts
        self._topic = topic
        self._channel = channel_erp_id
        self._findings = findings
        self._prices = prices
        self._more = fields_of(wants)
        self._details = Details(client, facts, channel_erp_id, wants)
        self._offered = catalogue.discover(client, facts)
        self._plan = self._planned()
        self._tax_by_schema: dict[str, dict[str, Any]] = {}
        #: Asked for once per fetch, so that a change of the channel counts with the next one.
        self._storages: list[storages.Storage] | None = None

    def rows(self, ids: Sequence[str]) -> dict[str, Row]:
        wanted = [article_id for article_id in dict.fromkeys(ids) if vql.is_id(article_id)]
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(wanted), IDS_PER_QUERY):
            found.update(self._queried(wanted[start : start + IDS_PER_QUERY]))
        return self._completed([(key, found[key]) for key in wanted if key in found])

    def page(self, offset: int, limit: int) -> PageOfRows | None:
        """See `page_of_rows`."""
        if self._plan.reads or self._details.reads_articles:
            return None
        listed = statement(self._plan, self._channel)
        try:
            page = self._client.vql(listed, limit=limit, offset=offset)
        except Rejected as error:
            # A column may have gone: this page is read as ids, the next one without the column.
            with suppress(Held):
                self._without_refused(error)
            return None
        keys = [id_text(row.get("id")) for row in page.rows]
        ids = [one for one in dict.fromkeys(keys) if one is not None and vql.is_id(one)]
        found = group(page.rows)
        more, next_offset = page.more and page.next_offset > offset, page.next_offset
        if more and ids:
            # Of the last article there may be records on the next page.
            del found[ids[-1]]
            if len(ids) > 2:
                next_offset = offset + keys.index(ids.pop())
        rows = self._completed([(one, found[one]) for one in ids if one in found])
        whole = {one: row for one, row in rows.items() if not NOTED.intersection(row)}
        return PageOfRows(ids, more, next_offset, whole)

    def _queried(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Fields by article id from the columns; only articles with a listing on the channel."""
        try:
            return group(self._records(ids))
        except Rejected as error:
            return self._queried_anew(ids, error)

    def _queried_anew(self, ids: Sequence[str], error: Rejected) -> dict[str, dict[str, Any]]:
        """The query was refused, not its articles: perhaps the columns changed since they were
        discovered; else it is tried again later, and no article fails for it.

        Raises: Held when a column is gone that nothing replaces.
        """
        try:
            renewed = self._without_refused(error)
            if renewed == self._plan:
                raise TransientError(str(error)) from error
            self._plan = renewed
            return group(self._records(ids))
        except Rejected as again:
            # The next attempt goes on without what this refusal names.
            self._without_refused(again)
            raise TransientError(str(again)) from again

    def _without_refused(self, error: Rejected) -> catalogue.Plan:
        try:
            offered = catalogue.without_refused(self._client, self._facts, self._plan, str(error))
        except Rejected as undiscovered:
            raise TransientError(str(undiscovered)) from error
        self._offered = offered
        return self._planned()

    def _planned(self) -> catalogue.Plan:
        return catalogue.plan(
            self._topic,
            self._offered,
            self._findings,
            self._more,
            has_price_details=self._prices is not None,
        )

    def _records(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        return self._client.vql_all(statement(self._plan, self._channel, ids))

    def _completed(self, found: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Row]:
        """Rows with what the columns lack.

        Raises: TransientError if not a single article could be read.
        """
        rows: dict[str, Row | None] = {}
        stumbles: list[TransientError] = []
        for article_id, fields in found:
            if _is_over(stumbles):
                rows[article_id] = postponed(article_id, _untried(stumbles[-1]))
                continue
            try:
                rows[article_id] = self._row(article_id, fields)
            except Rejected as error:
                rows[article_id] = {"id": article_id, "refusal": str(error)}
            except TransientError as error:
                stumbles.append(error)
                rows[article_id] = postponed(article_id, error)
        if stumbles and all(row is not None and "postponed" in row for row in rows.values()):
            raise stumbles[0]
        there = {article_id: row for article_id, row in rows.items() if row is not None}
        self._details.complete(there, catalogue.believed(self._offered, self._findings))
        return there

    def _row(self, article_id: str, fields: dict[str, Any]) -> Row | None:
        """One complete row; None when the article went away in between."""
        merged = dict(fields)
        try:
            for more in self._read(article_id):
                if more is None:
                    return None
                for name, value in more.items():
                    if name == "identifiers":
                        merged[name] = merged.get(name) or value
                    elif merged.get(name) is None:
                        merged[name] = value
            return self._checked(article_id, merged)
        except Gone:
            return None

    def _checked(self, article_id: str, merged: dict[str, Any]) -> Row:
        """The uniform row. Raises: Rejected for what cannot be read."""
        names: tuple[str, ...] = self._plan.names
        if "tax_schema" in names:
            self._add_tax(merged)
            names += _TAX_NAMES
        row = uniform(article_id, merged, names)
        # What is not offered is withdrawn, whatever else is wrong with it.
        wrong = unusable(merged, WHETHER_OFFERED) or (row["listed"] and unusable(merged, names))
        if wrong:
            raise Rejected(f"article id {article_id}: the ERP's {wrong}")
        self._details.add(row, merged)
        return row

    def _read(self, article_id: str) -> Iterator[dict[str, Any] | None]:
        """The remaining reads of one article, in the order that finds out soonest that it went."""
        needed = self._plan.reads
        if catalogue.ARTICLE in needed:
            yield reads.article(self._client, article_id)
        if catalogue.LISTING in needed:
            yield reads.listing(self._client, article_id, self._channel)
        if catalogue.PRICE in needed:
            yield reads.price(self._client, article_id, self._channel)
        if catalogue.STOCK in needed:
            yield reads.stock(self._client, article_id, self._channel)
        if catalogue.PRODUCT in needed:
            yield reads.product(self._client, article_id)
        if catalogue.PRICES in needed and self._prices is not None:
            yield price_records.prices(self._client, article_id, self._prices)
        if catalogue.STORAGES in needed:
            if self._storages is None:
                self._storages = storages.of_channel(self._client, self._channel)
            yield storages.stocks(self._client, article_id, self._storages)

    def _add_tax(self, fields: dict[str, Any]) -> None:
        schema = vql_id(fields.get("tax_schema"))
        if fields.get("tax_rate") is not None or schema is None:
            return
        if schema not in self._tax_by_schema:
            self._tax_by_schema[schema] = reads.tax(self._client, self._facts, schema)
        fields.update(self._tax_by_schema[schema])


class _ImageFetch(_Fetch):
    """A fetch of images."""

    def __init__(
        self,
        client: ErpClient,
        facts: FactStore,
        channel_erp_id: str,
        findings: Findings | None,
        ref_type: str,
    ) -> None:
        super().__init__(client, facts, Topic.MEDIA, channel_erp_id, findings)
        self._ref_type = ref_type

    def _row(self, article_id: str, fields: dict[str, Any]) -> Row | None:
        row = super()._row(article_id, fields)
        if row is None or not row["listed"]:
            return row
        try:
            # An ERP whose column says that nothing was ever there is not asked for it.
            is_bare = row.get(catalogue.MEDIA_REVISION) == catalogue.NO_REVISION
            found = [] if is_bare else shelf.images(self._client, self._ref_type, article_id)
        except Gone:
            return None
        return {**row, "images": found}


def statement(plan: catalogue.Plan, channel_erp_id: str, ids: Sequence[str] | None = None) -> str:
    """The one query that brings what the ERP offers as columns; of all articles without `ids`."""
    of_channel = vql.equals_id(catalogue.CHANNEL_PATH, channel_erp_id)
    return vql.select(
        plan.columns,
        catalogue.SHOP_LISTING,
        where=(of_channel,) if ids is None else (of_channel, vql.in_ids("id", ids)),
        order_by=("id",),
    )


def vql_id(value: Any) -> str | None:
    """The id as text if it may stand in a path or a statement."""
    text = "" if value is None or isinstance(value, bool) else str(value)
    return text if vql.is_id(text) else None


def _is_over(stumbles: Sequence[TransientError]) -> bool:
    """Whether trying the next article makes no sense after these failures."""
    return len(stumbles) >= MAX_STUMBLES or any(isinstance(one, Throttled) for one in stumbles)


def _untried(error: TransientError) -> Throttled:
    seconds = error.retry_after_s if isinstance(error, Throttled) else UNTRIED_RETRY_S
    return Throttled(error.message, seconds)
