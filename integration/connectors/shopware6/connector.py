"""The connector: what the rest of the product sees of a Shopware 6 shop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from integration.connectors.base import (
    Capabilities,
    Choice,
    Context,
    ListingView,
    Payload,
    Problem,
    Receipt,
    RemoteRecord,
)
from integration.connectors.batches import main_is_gone
from integration.connectors.shopware6 import (
    batch,
    checks,
    choices,
    details,
    ids,
    orders,
    payloads,
    products,
    refusals,
    visibility,
)
from integration.connectors.shopware6.batch import Row, Verdict
from integration.connectors.shopware6.client import Client
from integration.connectors.shopware6.facts import Facts
from integration.connectors.shopware6.images import ImagePush
from integration.connectors.shopware6.refusals import Refused
from integration.connectors.shopware6.rows import RowBuilder
from integration.connectors.shopware6.settings import currency_of, sends_mails, settings_of
from integration.documents import DeliveryDocument, Document
from integration.errors import (
    ChannelError,
    Held,
    IntegrationError,
    RightMissing,
    TransientError,
)
from integration.mapping_kinds import Kind
from integration.topology import Topic

# Each article has a file or two, and each file costs an upload: more do not fit into a stage.
MAX_MEDIA_BATCH = 50
# Measured at 0.36 s for 100 rows; the shop writes in slices of 125 and indexes in slices of 50, and
# a batch that is refused has to be sent again, so more rows gain little and lose more.
MAX_BATCH = 100


#: Their rights may come later: articles, prices and stocks go on without.
_GO_WITHOUT = (Topic.ORDER_STATUS, Topic.MEDIA)

#: Tables whose ids we remember.
_REMEMBERED = {"tax", "product_manufacturer", "rule", "warehouse"}


class _IdIsStale(Exception):
    """A remembered id of a tax, a manufacturer, a rule or a warehouse leads nowhere."""


class Shopware6Connector:
    """One Shopware shop as one sales channel. Wrong parameters show at the first request."""

    capabilities = Capabilities(
        max_batch={
            Topic.ARTICLE: MAX_BATCH,
            Topic.PRICE: MAX_BATCH,
            Topic.STOCK: MAX_BATCH,
            Topic.ORDER_STATUS: orders.MAX_BATCH,
            Topic.MEDIA: MAX_MEDIA_BATCH,
        },
        has_price_details=True,
        has_stock_locations=True,
        owned_fields=frozenset(details.OWNED),
    )

    def __init__(self, context: Context) -> None:
        self._context = context

    def payload(self, document: Document, listing: ListingView) -> Payload:
        """The body of one document. Raises: Invalid, Held (``no-price``)."""
        return payloads.payload_of(document, listing, currency_of(self._context.parameters))

    def delivery_payload(self, document: DeliveryDocument, external_id: str | None) -> Payload:
        """The body of one document about orders."""
        return orders.payload_of(document, external_id)

    def push(self, topic: Topic, payloads: Sequence[Payload], *, key: str) -> list[Receipt]:
        """Write a batch; one receipt per payload, same order.

        A receipt may carry a TransientError, when the shop failed after it had settled other rows.
        `key` is not needed: the ids are ours, so a repeated write is the same write.
        Failure policy: at least once.
        Raises: IntegrationError if nothing was settled; ChannelError and ClaimLost always.
        """
        try:
            if topic is Topic.ORDER_STATUS:
                mails = sends_mails(self._context.parameters)
                return orders.push(self._client, payloads, sends_mails=mails)
            if topic is Topic.MEDIA:
                return ImagePush(self._client, self._context).push(payloads)
            return self._push_products(topic, payloads)
        except RightMissing as error:
            if topic not in _GO_WITHOUT:
                raise
            held = Held(visibility.NO_RIGHT, str(error))
            return [Receipt(one["article_id"], error=held) for one in payloads]

    def lookup(self, numbers: Sequence[str]) -> dict[str, str]:
        """Product id by number, of what the shop has."""
        found = products.find_products(self._client, numbers)
        return {number: one.id for number, one in found.items()}

    def scan(self, fields: Sequence[str]) -> Iterator[RemoteRecord]:
        """All products of the shop, ordered by id; `fields` as in RemoteRecord."""
        return products.scan(self._client, fields)

    def show(self, external_ids: Sequence[str]) -> list[RemoteRecord]:
        """These products of the shop, with their visibility in the channel's sales channel."""
        return products.show(self._client, external_ids)

    def own_articles(
        self, external_ids: Sequence[str], candidates: Iterable[str]
    ) -> dict[str, str]:
        """Article by product, of those whose id is ours; nothing is asked of the shop."""
        return ids.articles_of(self._context.namespace, external_ids, candidates)

    def check(self) -> list[Problem]:
        """What an operator must fix, and which version the shop has."""
        return checks.problems_of(self._context)

    def offers(self, kind: Kind) -> list[Choice] | None:
        """What the shop has of a kind; None for what it cannot list."""
        return choices.offered(self._client, kind)

    @cached_property
    def _client(self) -> Client:
        return Client(settings_of(self._context.parameters), self._context)

    @cached_property
    def _facts(self) -> Facts:
        return Facts(self._client, self._context.facts)

    @cached_property
    def _builder(self) -> RowBuilder:
        return RowBuilder(self._client, self._facts, self._context.namespace)

    def _push_products(self, topic: Topic, payloads: Sequence[Payload]) -> list[Receipt]:
        try:
            return self._push(topic, payloads)
        except _IdIsStale:
            self._facts.forget_ids()
            return self._push(topic, payloads, is_repeated=True)

    def _push(
        self, topic: Topic, batch_payloads: Sequence[Payload], *, is_repeated: bool = False
    ) -> list[Receipt]:
        rows = self._builder.build(topic, batch_payloads)

        def post(sent: Sequence[Row]) -> frozenset[str]:
            values = self._builder.warehouses.placed(sent)
            lists = self._builder.price_lists
            before = lists.operations(values)
            also = [one for row in sent for one in row.also]
            try:
                written = self._client.upsert_products(values, before, also)
                lists.written(before, values)
                self._builder.warehouses.written(values)
                return written
            except Refused as refused:
                self._look_for_stale_ids(refused, is_repeated)
                raise

        settled = self._written(rows.ready, post)
        contested = [
            row for row, verdict in settled.values() if verdict.is_duplicate and row.is_first
        ]
        if contested:
            settled.update(self._adopt(contested, batch_payloads, post))
        return [
            _receipt(payload, rows.error_by_position.get(n), settled.get(n))
            for n, payload in enumerate(batch_payloads)
        ]

    def _written(self, rows: Sequence[Row], post: batch.Post) -> dict[int, tuple[Row, Verdict]]:
        """What the shop said of rows, by position; those that it hides are shown first."""
        hidden = [row.shown for row in rows if row.shown is not None]
        error_by_id = visibility.show(self._client, hidden)
        ready, settled = [], {}
        for row in rows:
            error = None if row.shown is None else error_by_id.get(row.shown["id"])
            if error is None:
                ready.append(row)
            else:
                settled[row.position] = (row, Verdict(error))
        return {**settled, **dict(_by_position(ready, batch.write(ready, post)))}

    def _look_for_stale_ids(self, refused: Refused, is_repeated: bool) -> None:
        """Raises what a foreign key that leads nowhere means, where it is not the row's own."""
        tables = {refusals.missing_table(entry) for entry in refused.entries}
        if tables & _REMEMBERED and not is_repeated:
            raise _IdIsStale from refused
        if "sales_channel" in tables:
            raise ChannelError(
                f"{self._client.settings.host} has no sales channel "
                f"{self._client.settings.sales_channel_id}; set sales_channel_id"
            ) from refused

    def _adopt(
        self, contested: Sequence[Row], batch_payloads: Sequence[Payload], post: batch.Post
    ) -> dict[int, tuple[Row, Verdict]]:
        """Rows whose number was taken between look-up and write, adopted once, by position.

        Those whose number has no product all the same are left out.
        """
        try:
            numbers = [row.number for row in contested if row.number is not None]
            bodies = [batch_payloads[row.position]["body"] for row in contested]
            found = products.find_products(
                self._client,
                numbers,
                with_visibility=True,
                with_categories=any("categories" in body for body in bodies),
            )
            adopted = [
                self._builder.adopted(row, batch_payloads[row.position], found[row.number])
                for row in contested
                if row.number in found
            ]
            return self._written(adopted, post)
        except TransientError as error:
            return {row.position: (row, Verdict(error)) for row in contested}


def _by_position(
    rows: Sequence[Row], verdicts: Sequence[Verdict]
) -> Iterator[tuple[int, tuple[Row, Verdict]]]:
    for row, verdict in zip(rows, verdicts, strict=True):
        yield row.position, (row, verdict)


def _receipt(
    payload: Payload, error: IntegrationError | None, settled: tuple[Row, Verdict] | None
) -> Receipt:
    """`error`: why the row was not sent; else `settled` is what the shop said about it."""
    article_id = payload["article_id"]
    if settled is None:
        return Receipt(article_id, error=error)
    row, verdict = settled
    if verdict.has_vanished:
        return Receipt(article_id, has_vanished=True)
    if verdict.lacks_main:
        return Receipt(article_id, error=main_is_gone(payload, payload["main_article"]))
    if verdict.error is not None:
        return Receipt(article_id, error=verdict.error)
    return Receipt(
        article_id,
        external_id=row.id,
        was_adopted=row.was_adopted,
        recorded=row.recorded,
        notes=row.notes,
    )
