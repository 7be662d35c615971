"""The connector to a shop in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

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
from integration.connectors.batches import leave_out, rows_of, said_when_found, several_products
from integration.connectors.memory.bodies import body_of, first_bodies_of, fulfilment_of
from integration.connectors.memory.shop import shop
from integration.documents import ArticleDocument, DeliveryDocument, Document
from integration.errors import (
    IntegrationError,
    Invalid,
    PermanentError,
    Rejected,
    TransientError,
)
from integration.mapping_kinds import Kind, missing
from integration.topology import Topic

#: What most platforms take at once; there is no limit here.
MAX_BATCH = 100

#: Parameter of a channel that takes everything, whichever process knows the product.
KEEPS_NOTHING = "keeps_nothing"
#: What a body calls the fields that may be the shop's: as we do.
_OWNED = {name: name for name in ("number", "name", "description", "active")}

#: What a test sets to false in a product that customers shall not find.
VISIBLE = "visible"

#: Before the article's id in the id of a product that we made.
_OWN_ID = "memory-"


class MemoryConnector:
    """One shop in memory. Ids are the article's own, so a repeated write is the same write."""

    capabilities = Capabilities(
        max_batch=dict.fromkeys(
            (Topic.ARTICLE, Topic.PRICE, Topic.STOCK, Topic.ORDER_STATUS, Topic.MEDIA), MAX_BATCH
        ),
        has_stock_locations=True,
        owned_fields=frozenset(_OWNED),
    )

    def __init__(self, context: Context) -> None:
        self._context = context
        self._shop = shop(context.namespace)

    def payload(self, document: Document, listing: ListingView) -> Payload:
        """The document's own fields. Raises: Invalid, Held (``no-price``)."""
        result: Payload = {
            "article_id": document.article_id,
            "number": listing.number or "",
            "external_id": listing.external_id,
            "body": body_of(document),
        }
        if isinstance(document, ArticleDocument):
            result["number"] = document.number
            result["texts"] = _left_texts(result["body"], listing)
            result["tax"] = document.tax
            if listing.external_id is None or document.was_main:
                result["first"] = first_bodies_of(document)
        elif listing.external_id is None:
            raise Invalid(f"article {document.article_id} has no product in the shop to be changed")
        return result

    def delivery_payload(self, document: DeliveryDocument, external_id: str | None) -> Payload:
        """What the document says of the orders; one fulfilment per document."""
        return {
            "article_id": document.document_id,
            "number": ", ".join(one.shop_order for one in document.orders),
            "external_id": external_id,
            "body": fulfilment_of(document),
        }

    def push(self, topic: Topic, payloads: Sequence[Payload], *, key: str) -> list[Receipt]:
        """Write a batch row by row. Raises what the shop's switches say."""
        if self._context.parameters.get(KEEPS_NOTHING) == "yes":
            self._context.before_write()
            return [_accepted(topic, one) for one in payloads]
        with self._shop.lock:
            self._context.before_write()
            if self._shop.failures:
                raise self._shop.failures.popleft()
            self._shop.writes.append((topic.value, [one["article_id"] for one in payloads]))
            errors = rows_of(topic, payloads, _position).error_by_position
            receipts = [
                Receipt(one["article_id"], error=errors[position])
                if position in errors
                else self._write(topic, one)
                for position, one in enumerate(payloads)
            ]
            if self._shop.failures_after:
                raise self._shop.failures_after.popleft()
            return receipts

    def lookup(self, numbers: Sequence[str]) -> dict[str, str]:
        """Product id by number, of what the shop has."""
        return {number: ids[0] for number, ids in self.lookup_all(numbers).items()}

    def lookup_all(self, numbers: Sequence[str]) -> dict[str, list[str]]:
        """All product ids by number; the one that we made comes first."""
        found = ((number, self._shop.ids_of(number)) for number in dict.fromkeys(numbers))
        return {
            number: sorted(ids, key=lambda one: not one.startswith(_OWN_ID))
            for number, ids in found
            if ids
        }

    def scan(self, fields: Sequence[str]) -> Iterator[RemoteRecord]:
        """All products, ordered by id; `fields` is not needed, everything is at hand."""
        with self._shop.lock:
            products = sorted(self._shop.products.items())
        for external_id, one in products:
            yield _record(external_id, one)

    def show(self, external_ids: Sequence[str]) -> list[RemoteRecord]:
        """These products, as far as they are there."""
        with self._shop.lock:
            there = sorted(set(external_ids) & self._shop.products.keys())
            return [_record(one, self._shop.products[one]) for one in there]

    def own_articles(
        self, external_ids: Sequence[str], candidates: Iterable[str]
    ) -> dict[str, str]:
        """Article by product; the ids of our own products have it in them."""
        ours = [one for one in external_ids if one.startswith(_OWN_ID)]
        return {one: one.removeprefix(_OWN_ID) for one in ours}

    def check(self) -> list[Problem]:
        """Nothing can be wrong with it."""
        return []

    def offers(self, kind: Kind) -> list[Choice] | None:
        """What the shop has of a kind; None for what it was not given."""
        return self._shop.choices.get(kind)

    def _write(self, topic: Topic, payload: Payload) -> Receipt:
        article_id, external_id = payload["article_id"], payload["external_id"]
        if (error := self._tax_missing(payload)) is not None:
            return Receipt(article_id, error=error)
        if payload["number"] in self._shop.refused_numbers:
            return Receipt(
                article_id, error=Rejected(self._shop.refused_numbers[payload["number"]])
            )
        if topic is Topic.ORDER_STATUS:
            self._shop.fulfilments[article_id] = payload["body"]
            return _accepted(topic, payload)
        if external_id is not None:
            if external_id not in self._shop.products:
                return Receipt(article_id, has_vanished=True)
            if topic is Topic.MEDIA:
                return self._show(payload, self._shop.products[external_id])
            product, first = self._shop.products[external_id], payload.get("first", {})
            _change(product, payload["body"], *first.values())
            if payload.get("is_restated") and payload["body"].get("active"):
                product.pop(VISIBLE, None)
            recorded = (topic, *map(Topic, first))
            return Receipt(article_id, external_id=external_id, recorded=recorded)
        if topic is not Topic.ARTICLE:
            return Receipt(article_id, error=Invalid(f"article {article_id} has no product"))
        return self._write_first(payload)

    def _show(self, payload: Payload, product: dict[str, Any]) -> Receipt:
        """Give a product its images in their order, and fetch those that are new.

        Of a file only the hash is kept. One that cannot come keeps no other back.
        """
        known = {(one["ref"], one["revision"]): one for one in product.get("images", ())}
        shown, error = list[dict[str, Any]](), None
        for image in payload["body"]["images"]:
            content = image["ref"], image["revision"]
            try:
                shown.append({**image, "sha256": self._hash_of(known.get(content), image["ref"])})
            except (PermanentError, TransientError) as trouble:
                error = trouble
        product["images"] = shown
        if error is not None:
            return Receipt(payload["article_id"], error=error)
        external_id = payload["external_id"]
        return Receipt(payload["article_id"], external_id=external_id, recorded=(Topic.MEDIA,))

    def _hash_of(self, known: dict[str, Any] | None, ref: str) -> str:
        if known is not None:
            return str(known["sha256"])
        digest = hashlib.sha256()
        for chunk in self._context.open_file(ref):
            digest.update(chunk)
        self._shop.uploads.append(ref)
        return digest.hexdigest()

    def _tax_missing(self, payload: Payload) -> IntegrationError | None:
        taxes, body = self._shop.choices.get(Kind.TAX), payload["body"]
        if taxes is None or "tax_rate" not in body:
            return None
        mapped = body.get("tax")
        if mapped in {one.id for one in taxes}:
            return None
        if mapped is None and body["tax_rate"] in {one.code for one in taxes}:
            return None
        wanted = mapped or f"of {body['tax_rate']} %"
        sentence = f"{payload['number']}: the shop has no tax {wanted}"
        return missing(Kind.TAX, payload["tax"], sentence)

    def _write_first(self, payload: Payload) -> Receipt:
        article_id, own_id = payload["article_id"], _own_id(payload)
        there = self._shop.ids_of(payload["number"])
        if len(there) > 1 and own_id not in there:
            return Receipt(article_id, error=several_products(payload["number"], there))
        if there:
            external_id = own_id if own_id in there else there[0]
            body = said_when_found(payload, is_ours=external_id == own_id)
            product = self._shop.products[external_id]
            _change(product, body)
            if "active" in body:
                product.pop(VISIBLE, None)
            return Receipt(
                article_id,
                external_id=external_id,
                was_adopted=external_id != own_id,
                recorded=(Topic.ARTICLE,),
            )
        product = self._shop.products.setdefault(own_id, {})
        _change(product, payload["body"], *payload.get("first", {}).values())
        product.pop(VISIBLE, None)
        return Receipt(article_id, external_id=own_id, recorded=_recorded_first(payload))


def _position(position: int, payload: Payload) -> int:
    return position


def _change(product: dict[str, Any], body: dict[str, Any], *others: dict[str, Any]) -> None:
    """Put bodies into a product; of its texts those that are said."""
    texts = {**product.get("texts", {}), **body.get("texts", {})}
    for one in (body, *others):
        product.update(one)
    if texts:
        product["texts"] = texts


def _left_texts(body: dict[str, Any], listing: ListingView) -> dict[str, str]:
    """Take what the listing leaves out from a body; the texts that are left, by field."""
    left = {
        key: text
        for key, text in body.pop("texts", {}).items()
        if not listing.leaves_out(*key.split("@"))
    }
    if left:
        body["texts"] = left
    return {**leave_out(body, listing, _OWNED), **left}


def _accepted(topic: Topic, payload: Payload) -> Receipt:
    """What a shop says that has every product there is, and takes every new one."""
    known = payload["external_id"]
    is_first = known is None and topic is Topic.ARTICLE
    return Receipt(
        payload["article_id"],
        external_id=known or _own_id(payload),
        recorded=_recorded_first(payload) if is_first else (topic,),
    )


def _own_id(payload: Payload) -> str:
    return f"{_OWN_ID}{payload['article_id']}"


def _recorded_first(payload: Payload) -> tuple[Topic, ...]:
    return (Topic.ARTICLE, *(Topic(name) for name in payload.get("first", {})))


def _record(external_id: str, product: dict[str, Any]) -> RemoteRecord:
    return RemoteRecord(
        external_id=external_id,
        number=product.get("number", ""),
        name=product.get("name"),
        is_active=product.get("active"),
        net=_amount(product.get("net")),
        gross=_amount(product.get("gross")),
        stock=product.get("stock"),
        description=product.get("description"),
        ean=product["ean"] or "" if "ean" in product else None,
        weight_kg=Decimal(product["weight_kg"] or 0) if "weight_kg" in product else None,
        tax=product.get("tax"),
        tax_rate=_amount(product.get("tax_rate")),
        texts=product.get("texts", {}),
        is_visible=product.get(VISIBLE, True),
    )


def _amount(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)
