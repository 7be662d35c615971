"""The connector: what the rest of the product sees of a WooCommerce shop."""

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
from integration.connectors.batches import owned_ids, text_of
from integration.connectors.woocommerce import batch, checks, choices, orders, payloads, products
from integration.connectors.woocommerce.batch import Verdict
from integration.connectors.woocommerce.client import Client
from integration.connectors.woocommerce.facts import Facts
from integration.connectors.woocommerce.families import Families, Settled
from integration.connectors.woocommerce.images import ImagePush
from integration.connectors.woocommerce.pace import Pace
from integration.connectors.woocommerce.rows import Row, RowBuilder
from integration.connectors.woocommerce.settings import (
    AUTO,
    ORDER_MAILS,
    TRACKING,
    currency_of,
    settings_of,
)
from integration.connectors.woocommerce.tracking import Tracker
from integration.documents import DeliveryDocument, Document
from integration.errors import (
    Held,
    IntegrationError,
    PermanentError,
    Rejected,
    TransientError,
)
from integration.mapping_kinds import Kind
from integration.topology import Topic

# A shop takes 100 rows (recorded); of whole products, too, so that 100 variations of a product are
# one request. Where that is too much at once, `pace` makes it several.
MAX_BATCH = 100
# Each article has a file or two, and each file costs an upload: more do not fit into a stage.
MAX_MEDIA_BATCH = 50


class WooCommerceConnector:
    """One WooCommerce shop as one sales channel. Wrong parameters show at the first request."""

    capabilities = Capabilities(
        max_batch={
            Topic.ARTICLE: MAX_BATCH,
            Topic.PRICE: MAX_BATCH,
            Topic.STOCK: MAX_BATCH,
            Topic.ORDER_STATUS: orders.MAX_BATCH,
            Topic.MEDIA: MAX_MEDIA_BATCH,
        },
        has_price_details=True,
        has_price_lists=False,
        owned_fields=frozenset(payloads.OWNED),
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

        A receipt may carry a TransientError, when the shop failed after it had settled other rows,
        and Busy, when the shop is too slow for all of them. `key` is not needed: the shop takes a
        number once, and a repeated change is the same change.
        Failure policy: at least once.
        Raises: IntegrationError if nothing was settled; ChannelError and ClaimLost always.
        """
        if topic is Topic.ORDER_STATUS:
            return orders.push(self._client, self._context, payloads, self._tracker)
        if topic is Topic.MEDIA:
            language = self._facts.setup.language
            return ImagePush(self._client, self._context, language).push(payloads)
        rows = self._builder.build(topic, payloads)
        # Whatever is written: prices need not change for days after the shop has changed its mode.
        self._context.price_forms.send_as(self._facts.setup.side)
        pace = self._client.pace(topic.value)
        families = Families(self._client, payloads, pace)
        ready, settled = families.prepare(rows.ready)
        settled.update(_by_position(ready, batch.write(self._client, ready, pace)))
        settled.update(families.look_again())
        contested = [
            (row, verdict.owner)
            for row, verdict in settled.values()
            if verdict.is_duplicate and row.id is None
        ]
        if contested:
            settled.update(self._adopt(contested, payloads, pace))
        if any(verdict.lacks_brand for _, verdict in settled.values()):
            self._facts.forget_brands()
        return [
            _receipt(payload["article_id"], rows.error_by_position.get(n), settled.get(n))
            for n, payload in enumerate(payloads)
        ]

    def lookup(self, numbers: Sequence[str]) -> dict[str, str]:
        """Product id by number, of what the shop has; of several the oldest."""
        found = products.find_products(self._client, numbers)
        return {number: ones[0].id for number, ones in found.items()}

    def lookup_all(self, numbers: Sequence[str]) -> dict[str, list[str]]:
        """All product ids by number, the oldest first: imports leave a number on several."""
        found = products.find_products(self._client, numbers)
        return {number: [one.id for one in ones] for number, ones in found.items()}

    def scan(self, fields: Sequence[str]) -> Iterator[RemoteRecord]:
        """All products of the shop, ordered by id; `fields` as in RemoteRecord."""
        return products.scan(self._client, fields, self._reading(fields, is_fresh=True))

    def show(self, external_ids: Sequence[str]) -> list[RemoteRecord]:
        """These products of the shop."""
        return products.show(self._client, external_ids, self._reading(("tax_rate",)))

    def own_articles(
        self, external_ids: Sequence[str], candidates: Iterable[str]
    ) -> dict[str, str]:
        """Article by product, of those that carry our mark; without variations."""
        return products.own_articles(self._client, external_ids, self._context.namespace)

    def foreign_marks(self, external_ids: Sequence[str]) -> dict[str, str]:
        """The mark by product, of those that another channel made; without variations."""
        return products.foreign_marks(self._client, external_ids, self._context.namespace)

    def check(self) -> list[Problem]:
        """What an operator must fix, and what is worth knowing of the shop."""
        return checks.problems_of(self._context)

    def offers(self, kind: Kind) -> list[Choice] | None:
        """What the shop has of a kind; None where it cannot list it."""
        return choices.offered(self._client, self._facts, kind)

    @cached_property
    def _client(self) -> Client:
        return Client(settings_of(self._context.parameters), self._context)

    def _reading(self, fields: Sequence[str], *, is_fresh: bool = False) -> products.Reading:
        setup = self._facts.setup
        carries_offers = text_of(self._context.parameters, "price_details") not in ("", "off")
        return products.Reading(
            setup.keeps_gross,
            carries_offers,
            setup.weight_unit,
            self._facts.rate_by_class(is_fresh=is_fresh) if "tax_rate" in fields else {},
        )

    @cached_property
    def _facts(self) -> Facts:
        return Facts(self._client, self._context.facts)

    @cached_property
    def _builder(self) -> RowBuilder:
        return RowBuilder(self._client, self._facts, self._context.namespace)

    @cached_property
    def _tracker(self) -> Tracker:
        parameters = self._context.parameters
        return Tracker(
            self._client,
            self._context.facts,
            text_of(parameters, TRACKING) or AUTO,
            sends_mails=text_of(parameters, ORDER_MAILS) == "on",
        )

    def _adopt(
        self,
        contested: Sequence[tuple[Row, str | None]],
        batch_payloads: Sequence[Payload],
        pace: Pace,
    ) -> dict[int, Settled]:
        """Creates whose number has an owner all the same, adopted once, by position; with each the
        owner's id, if the shop named it.

        The owner was not looked for, or not found: it is one of a parallel create, or in the trash;
        from there it comes back, because the first write says whether it is shown.
        """
        adopted: list[Row] = []
        settled: dict[int, Settled] = {}
        try:
            named = {str(row.values["sku"]): owner for row, owner in contested}
            found = products.find_owners(self._client, named)
            for row, owner in contested:
                payload = batch_payloads[row.position]
                try:
                    owners = found.get(payload["number"])
                    if not owners:
                        raise _no_owner(payload["number"], owner)
                    owned = owned_ids(batch_payloads)
                    adopted.append(self._builder.adopted(row, payload, owners, owned))
                except (Held, PermanentError, TransientError) as error:
                    settled[row.position] = (row, Verdict(error=error))
            settled.update(_by_position(adopted, batch.write(self._client, adopted, pace)))
        except TransientError as error:
            late = {row.position: (row, Verdict(error=error)) for row, _ in contested}
            return {**late, **settled}
        return settled


def _no_owner(number: str, named: str | None) -> Rejected | TransientError:
    if named is not None:
        return TransientError(
            f"product {named} of the shop had the number {number} and has given it up meanwhile"
        )
    return Rejected(
        f"the shop says that the number {number} is taken, but has no product with it; run "
        "WooCommerce > Status > Tools > Regenerate the product lookup tables"
    )


def _by_position(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> dict[int, Settled]:
    return {row.position: (row, one) for row, one in zip(rows, verdicts, strict=True)}


def _receipt(article_id: str, error: IntegrationError | None, settled: Settled | None) -> Receipt:
    """`error`: why the row was not sent; else `settled` is what the shop said about it."""
    if settled is None:
        return Receipt(article_id, error=error)
    row, verdict = settled
    if verdict.has_vanished:
        return Receipt(article_id, has_vanished=True)
    if verdict.error is not None:
        return Receipt(article_id, error=verdict.error)
    return Receipt(
        article_id,
        external_id=verdict.id,
        was_adopted=row.was_adopted,
        recorded=row.recorded,
        notes=row.notes,
    )
