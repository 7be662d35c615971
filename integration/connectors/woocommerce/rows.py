"""From payloads to rows of a batch: the shop's ids, tax classes, units and side of the price."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from integration.connectors.base import Payload
from integration.connectors.batches import Rows, adopting, owned_ids, rows_of, several_products
from integration.connectors.woocommerce import (
    details,
    lengths,
    products,
    terms,
    variations,
    weights,
)
from integration.connectors.woocommerce.client import Client
from integration.connectors.woocommerce.facts import Facts, Setup, written_class
from integration.connectors.woocommerce.payloads import SHOWN
from integration.connectors.woocommerce.products import MARK, Found
from integration.connectors.woocommerce.terms import Brands
from integration.errors import (
    Held,
    Invalid,
    Rejected,
    TransientError,
)
from integration.mapping_kinds import Kind, missing
from integration.topology import Topic

#: What a row says of price and stock.
CREATED_WITH = (
    *("regular_price", "sale_price", "date_on_sale_from_gmt", "date_on_sale_to_gmt"),
    *("manage_stock", "stock_quantity", "backorders", "stock_status"),
)


@dataclass(frozen=True)
class Row:
    """One product as it goes into a request; `id` None: it is created.

    `position` is that of its payload, `recorded` what the shop has taken once it accepts the row.
    """

    position: int
    id: str | None
    values: Mapping[str, Any]
    recorded: tuple[Topic, ...]
    #: The product that it lies below, if it is a variation.
    parent: str | None = None
    #: The first write of a product, made with all that a creation needs.
    is_first: bool = False
    #: The row that it takes the place of.
    instead_of: Row | None = None
    was_adopted: bool = False
    #: What to note of the product once it is written; None leaves it.
    notes: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Known:
    """What the shop has for a batch's articles."""

    setup: Setup
    tax_class_by_rate: Mapping[str, str]
    #: Of the classes that mappings name, those that are there.
    mapped_tax_classes: frozenset[str]
    found_by_number: Mapping[str, list[Found]]
    #: Products of articles of this batch.
    owned_ids: frozenset[str]
    #: Categories by product, of those that are to get some.
    categories_by_id: Mapping[str, frozenset[str]]
    #: By folded name; None: the shop has no brands.
    brands: Brands
    #: By product, of those that are to lose one.
    brands_by_id: Mapping[str, list[int]]
    #: Of the brands that mappings name, those that are there; None: the shop has no brands.
    mapped_brands: frozenset[str] | None
    #: Of the products that are told anew, those that customers do not find.
    hidden_ids: frozenset[str]


class RowBuilder:
    """Builds rows for one channel. Methods raise IntegrationError if the shop cannot be asked."""

    def __init__(self, client: Client, facts: Facts, namespace: str) -> None:
        self._client, self._facts, self._namespace = client, facts, namespace

    def build(self, topic: Topic, payloads: Sequence[Payload]) -> Rows[Row]:
        """The rows of a batch, in order. Whoever creates has looked up all numbers before."""
        known = self._ask(topic, payloads)
        return rows_of(
            topic,
            payloads,
            lambda position, payload: self._row(topic, position, payload, known),
        )

    def adopted(
        self, row: Row, payload: Payload, found: Sequence[Found], owned_ids: frozenset[str]
    ) -> Row:
        """The first write of a row, to the product that has the number already.

        Raises: Held, Rejected, TransientError if it is not to be taken over.
        """
        mark, number = self._mark(payload), payload["number"]
        ours = [one for one in found if one.mark == mark]
        if len(found) > 1 and not ours:
            raise several_products(number, [one.id for one in found])
        one = (ours or found)[0]
        if one.id in owned_ids:
            # The ERP gave the number to this article and another one to the product's own.
            raise TransientError(
                f"the number {number} still belongs to another article's product, which is given "
                "its new one first"
            )
        _require_kind(row, one, number)
        # Of a product with variations the price and stock are theirs.
        created_with = CREATED_WITH if payload.get("first") else ()
        values = adopting(row.values, payload, created_with, is_ours=bool(ours))
        values["meta_data"] = [one for one in values["meta_data"] if one["key"] != MARK]
        if one.is_in_trash and "status" in row.values:
            # Nobody keeps it on sale there.
            values["status"] = row.values["status"]
        if one.is_hidden and "status" in values:
            values |= products.FOUND
        adopted = replace(
            row, id=one.id, values=values, recorded=(Topic.ARTICLE,), was_adopted=not ours
        )
        # Categories of a product of our own were assigned by a write whose answer got lost.
        return _linked(adopted, payload, () if ours else one.categories)

    def _ask(self, topic: Topic, payloads: Sequence[Payload]) -> _Known:
        """Ask the shop for what these payloads need, and for nothing else."""
        first = [payload for payload in payloads if "first" in payload]
        for currency in {body["currency"] for body in _bodies(Topic.PRICE, topic, payloads)}:
            self._facts.check_currency(currency)
        if any(body["manage_stock"] for body in _bodies(Topic.STOCK, topic, payloads)):
            self._facts.check_stock()
        bodies = [payload["body"] for payload in payloads]
        rates = {body["taxRate"] for body in bodies if "taxRate" in body}
        mapped = {body["taxClass"] for body in bodies if "taxClass" in body}
        brand_ids = {body["brandId"] for body in bodies if "brandId" in body}
        return _Known(
            setup=self._facts.setup,
            tax_class_by_rate=self._facts.class_by_rate(rates) if rates else {},
            mapped_tax_classes=self._facts.classes_there(mapped) if mapped else frozenset(),
            found_by_number=products.find_products(self._client, _asked_together(first)),
            owned_ids=owned_ids(payloads),
            categories_by_id=terms.assigned_categories(self._client, payloads),
            brands=self._facts.brand_ids(
                body["manufacturer"]
                for body in bodies
                if body.get("manufacturer") and "brandId" not in body
            ),
            brands_by_id=terms.assigned_brands(self._client, payloads),
            mapped_brands=self._facts.brands_there(brand_ids) if brand_ids else frozenset(),
            hidden_ids=products.hidden(self._client, _to_be_shown(payloads)),
        )

    def _row(self, topic: Topic, position: int, payload: Payload, known: _Known) -> Row:
        if topic is Topic.ARTICLE and payload["external_id"] is None:
            return self._first_row(position, payload, known)
        if payload["external_id"] is None:
            raise Invalid(
                f"article {payload['article_id']} has no product in the shop to be changed"
            )
        if "first" in payload:
            return self._another_row(position, payload, known)
        row = Row(
            position,
            payload["external_id"],
            _values(topic, payload, known),
            (topic,),
            parent=variations.parent_of(payload),
        )
        if topic is not Topic.ARTICLE or payload["body"].keys() == {"status"}:
            return row
        return _linked(row, payload, known.categories_by_id.get(payload["external_id"], ()))

    def _first_row(self, position: int, payload: Payload, known: _Known) -> Row:
        row = self._complete(position, None, payload, known)
        found = known.found_by_number.get(payload["number"], [])
        # Not the row that gives the number up for this one.
        found = [one for one in found if one.id != payload["external_id"]]
        if found:
            return self.adopted(row, payload, found, known.owned_ids)
        return _linked(row, payload, ())

    def _another_row(self, position: int, payload: Payload, known: _Known) -> Row:
        """An article whose place among variants has changed: between simple and variable its
        product stays, a variation and a product take each other's place."""
        before, old_id = variations.parent_of(payload), str(payload["external_id"])
        if before is None and "parentId" not in payload["body"]:
            row = self._complete(position, old_id, payload, known)
            return _linked(row, payload, known.categories_by_id.get(old_id, ()))
        row = self._first_row(position, payload, known)
        old = Row(position, old_id, variations.GIVEN_UP, (), parent=before)
        return replace(row, instead_of=old)

    def _complete(
        self, position: int, product_id: str | None, payload: Payload, known: _Known
    ) -> Row:
        """A row with all that a creation needs."""
        body, first = payload["body"], payload.get("first", {})
        values = {
            **({} if "parentId" in body else {"type": "simple"}),
            **_values(Topic.ARTICLE, payload, known),
            "meta_data": [
                {"key": MARK, "value": self._mark(payload)},
                *details.meta_of(body),
            ],
        }
        if "isMain" in body:
            # Each variation has its own.
            values |= {"manage_stock": False}
        elif Topic.PRICE not in first:
            raise Held("no-price", f"{payload['number']} has no price, set one in the ERP")
        else:
            values |= _price_values(first[Topic.PRICE], known.setup)
            # What we do not know is not for sale, and not reported as taken.
            values |= first.get(Topic.STOCK, {"manage_stock": True, "stock_quantity": 0})
        recorded = (Topic.ARTICLE, *(one for one in (Topic.PRICE, Topic.STOCK) if one in first))
        parent = body.get("parentId")
        return Row(position, product_id, values, recorded, parent=parent, is_first=True)

    def _mark(self, payload: Payload) -> str:
        return products.mark_of(self._namespace, payload["article_id"])


def _asked_together(payloads: Sequence[Payload]) -> list[str]:
    """Numbers to look up before a creation. One with a comma would cost a request of its own; the
    shop refuses its creation if it has an owner, and then it is adopted."""
    return [one["number"] for one in payloads if "," not in one["number"]]


def _linked(row: Row, payload: Payload, assigned: Collection[str]) -> Row:
    """The row with its categories, and with what to note of it."""
    notes = payload.get("notes", {})
    values, noted = terms.category_values(payload["body"], notes, assigned)
    noted |= variations.notes_of(payload["body"]) | details.notes_of(payload["body"])
    noted |= terms.brand_notes(payload["body"], row.values)
    return replace(row, values={**row.values, **values}, notes=noted if noted or notes else None)


def _require_kind(row: Row, found: Found, number: str) -> None:
    """Raises: Rejected for a product of another kind: its address, orders and ratings would go."""
    if row.parent is not None:
        if found.parent != row.parent:
            raise Rejected(
                f"the number {number} belongs to product {found.id} of the shop, which is no "
                f"variation of product {row.parent}; give it another number there"
            )
    elif found.kind not in ("simple", row.values["type"]):
        raise Rejected(
            f"the number {number} belongs to product {found.id} of the shop, whose type is "
            f"{found.kind}; only simple products are taken over"
        )


def _to_be_shown(payloads: Sequence[Payload]) -> list[str]:
    """Products that are told anew and are for sale; a variation is found with its product."""
    return [
        one["external_id"]
        for one in payloads
        if one["external_id"]
        and one.get("is_restated")
        and one["body"].get("status") == SHOWN
        and variations.parent_of(one) is None
    ]


def _bodies(kind: Topic, topic: Topic, payloads: Sequence[Payload]) -> list[dict[str, Any]]:
    """Bodies of price or stock, of their own topic or of first writes."""
    if topic is kind:
        return [payload["body"] for payload in payloads]
    first = [payload["first"] for payload in payloads if "first" in payload]
    return [bodies[kind] for bodies in first if kind in bodies]


def _values(topic: Topic, payload: Payload, known: _Known) -> dict[str, Any]:
    """The body in the shop's words."""
    if topic is Topic.PRICE:
        return _price_values(payload["body"], known.setup)
    values = dict(payload["body"])
    if payload["external_id"] in known.hidden_ids:
        values |= products.FOUND
    values |= variations.values_of(payload["body"], payload.get("notes", {}))
    for name in ("isMain", "parentId", "mainArticle", "options", "categories"):
        values.pop(name, None)  # said above and by `_linked` in the shop's words
    if values.pop("customFields", None):
        values["meta_data"] = details.meta_of(payload["body"])
    values.pop("manufacturer", None)
    brand = values.pop("brandId", None)
    values |= (
        terms.brand_values(payload, known.brands, known.brands_by_id)
        if brand is None
        else _mapped_brand(brand, payload, known)
    )
    if "taxRate" in values:
        values["tax_class"] = written_class(_tax_class(values.pop("taxRate"), payload, known))
    elif "taxClass" in values:
        values["tax_class"] = _mapped_class(values.pop("taxClass"), payload, known)
    if "sizeMm" in values:
        values["dimensions"] = lengths.dimensions(values.pop("sizeMm"), known.setup.dimension_unit)
    if "weightKg" in values:
        values["weight"] = weights.written(values.pop("weightKg"), known.setup.weight_unit)
    return values


def _tax_class(rate: str, payload: Payload, known: _Known) -> str:
    if rate not in known.tax_class_by_rate:
        raise missing(
            Kind.TAX,
            payload.get("tax", f"{rate}%"),
            f"{payload['number']}: the shop has no tax class of {rate} %; add the rate under "
            "WooCommerce > Settings > Tax, or map the ERP's tax to another class",
        )
    return known.tax_class_by_rate[rate]


def _mapped_class(tax_class: str, payload: Payload, known: _Known) -> str:
    """An unknown class would become the standard one without a word (recorded)."""
    if tax_class not in known.mapped_tax_classes:
        raise missing(
            Kind.TAX,
            payload.get("tax", tax_class),
            f"{payload['number']}: its tax is mapped to the class {tax_class}, which the shop does "
            "not have; map it to one that is there",
        )
    return written_class(tax_class)


def _mapped_brand(brand: str, payload: Payload, known: _Known) -> dict[str, Any]:
    """An unknown brand would be dropped without a word."""
    if known.mapped_brands is None:
        return {}
    if brand not in known.mapped_brands:
        name = payload["body"]["manufacturer"]
        raise missing(
            Kind.MANUFACTURER,
            name,
            f"{payload['number']}: its manufacturer {name} is mapped to the brand {brand}, which "
            "the shop does not have; map it to one that is there",
        )
    return {"brands": [{"id": int(brand)}]}


def _price_values(body: Mapping[str, Any], setup: Setup) -> dict[str, Any]:
    return details.price_values(body, setup.side)
