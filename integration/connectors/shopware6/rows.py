"""From payloads to the rows of one request: ids, taxes, manufacturers and visibility filled in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from integration.connectors.base import Payload
from integration.connectors.batches import (
    SIDES,
    Rows,
    adopting,
    has_variants_below,
    is_first,
    owned_ids,
    rows_of,
)
from integration.connectors.shopware6 import details, ids, links, products, visibility
from integration.connectors.shopware6.batch import Row
from integration.connectors.shopware6.client import Client
from integration.connectors.shopware6.facts import Facts
from integration.connectors.shopware6.price_lists import PriceLists, price_values
from integration.connectors.shopware6.products import Found
from integration.connectors.shopware6.visibility import Listed
from integration.connectors.shopware6.warehouses import Warehouses
from integration.errors import (
    Held,
    Invalid,
    TransientError,
)
from integration.mapping_kinds import Kind, missing
from integration.topology import Topic

#: The fields of a body that takes an article out of the shop.
WITHDRAWN = {"active"}
#: What a row says of price and stock.
CREATED_WITH = ("price", "prices", "stock", "isCloseout", "locations")


@dataclass(frozen=True)
class _Known:
    """What the shop has of a batch's articles."""

    product_by_number: Mapping[str, Found]
    tax_id_by_rate: Mapping[str, str]
    #: Of the taxes that mappings name, those that are there.
    mapped_tax_ids: frozenset[str]
    manufacturer_id_by_name: Mapping[str, str]
    #: Of the manufacturers that mappings name, those that are there.
    mapped_manufacturer_ids: frozenset[str]
    #: By product, of those whose article has none any more.
    manufacturer_id_by_product: Mapping[str, str]
    #: Products of articles of this batch.
    owned_ids: frozenset[str]
    #: Of the warehouses that mappings name, those that are there.
    warehouse_ids: frozenset[str]
    #: Categories by product, of those that are to get one that we have not assigned.
    categories_by_id: Mapping[str, frozenset[str]]
    #: Numbers of their variants, of products that are to be no main articles any more.
    variants_by_id: Mapping[str, Sequence[str]]
    #: Of the products that are told anew, those that customers do not find.
    hidden_by_id: Mapping[str, Listed | None]


class RowBuilder:
    """Builds rows for one channel. Methods raise IntegrationError if the shop cannot be asked."""

    def __init__(self, client: Client, facts: Facts, namespace: str) -> None:
        self._client, self._facts, self._namespace = client, facts, namespace
        self.price_lists = PriceLists(client, facts, namespace)
        self.warehouses = Warehouses(client, facts, namespace)

    def build(self, topic: Topic, payloads: Sequence[Payload]) -> Rows[Row]:
        """The rows of a batch, in order."""
        known = self._ask(topic, payloads)
        return rows_of(
            topic,
            payloads,
            lambda position, payload: self._row(topic, position, payload, known),
        )

    def adopted(self, row: Row, payload: Payload, found: Found) -> Row:
        """The first write of a row, to the product that has the number already: to the shop it is a
        change."""
        is_ours = found.id == ids.product_id(self._namespace, payload["article_id"])
        said = adopting(row.values, payload, CREATED_WITH, is_ours=is_ours)
        values, shown = {**said, "id": found.id}, None
        if found.listed is not None:
            values.pop("visibilities", None)
            if not found.listed.is_found and "active" in values:
                shown = self._visibility(payload, found.listed, productId=found.id)
        adopted = Row(row.position, values, (Topic.ARTICLE,), was_adopted=not is_ours, shown=shown)
        # What hangs on a product of our own was assigned by a write whose answer got lost.
        return self._linked(adopted, payload, () if is_ours else found.categories)

    def _ask(self, topic: Topic, payloads: Sequence[Payload]) -> _Known:
        """Ask the shop for what these payloads need, and for nothing else."""
        bodies = [payload["body"] for payload in payloads]
        first = [payload for payload in payloads if is_first(topic, payload)]
        started = [payload["first"] for payload in payloads if "first" in payload]
        priced = bodies if topic is Topic.PRICE else []
        priced += [one[Topic.PRICE] for one in started if Topic.PRICE in one]
        for currency in {body["currency"] for body in priced}:
            self._facts.check_currency(currency)
        rates = {body["taxRate"] for body in bodies if "taxRate" in body}
        mapped = {body["taxId"] for body in bodies if "taxId" in body}
        stocked = bodies if topic is Topic.STOCK else []
        stocked += [one.get(Topic.STOCK, {}) for one in started]
        placed = {where for body in stocked for where in body.get("locations", ())}
        makers = {body["manufacturerId"] for body in bodies if "manufacturerId" in body}
        names = {
            body["manufacturer"]
            for body in bodies
            if body.get("manufacturer") and "manufacturerId" not in body
        }
        return _Known(
            product_by_number=products.find_products(
                self._client,
                [one["number"] for one in first],
                with_visibility=True,
                with_categories=any("categories" in one["body"] for one in first),
            ),
            tax_id_by_rate=self._facts.tax_ids(rates) if rates else {},
            mapped_tax_ids=self._facts.taxes_there(mapped) if mapped else frozenset(),
            manufacturer_id_by_name=self._facts.manufacturer_ids(names),
            mapped_manufacturer_ids=self._facts.manufacturers_there(makers),
            manufacturer_id_by_product=products.manufacturers_of(
                self._client,
                [str(one["external_id"]) for one in payloads if details.ours_to_clear(one)],
            ),
            owned_ids=owned_ids(payloads),
            warehouse_ids=self._facts.warehouses_there(placed) if placed else frozenset(),
            categories_by_id=products.categories_of(
                self._client,
                [
                    one["external_id"]
                    for one in payloads
                    if one["external_id"]
                    and links.categories_to_add(one["body"], one.get("notes", {}))
                ],
            ),
            variants_by_id=products.variants_of(
                self._client,
                [one["external_id"] for one in payloads if "first" in one and one["external_id"]],
            ),
            hidden_by_id=visibility.hidden(self._client, _to_be_shown(payloads)),
        )

    def _row(self, topic: Topic, position: int, payload: Payload, known: _Known) -> Row:
        if topic is Topic.ARTICLE and payload["external_id"] is None:
            return self._first_row(position, payload, known)
        if payload["external_id"] is None:
            raise Invalid(
                f"article {payload['article_id']} has no product in the shop to be changed"
            )
        values = {"id": payload["external_id"], **self._values(topic, payload, known)}
        row = Row(position, values, (topic,), shown=self._shown(payload, known))
        if payload["external_id"] in known.variants_by_id:
            row = self._no_main_any_more(row, payload, known)
        if topic is not Topic.ARTICLE or set(payload["body"]) == WITHDRAWN:
            return row
        return self._linked(row, payload, known.categories_by_id.get(row.id, ()))

    def _linked(self, row: Row, payload: Payload, assigned: Collection[str]) -> Row:
        """The row with what hangs on its product, and with what to note of it."""
        body, notes = payload["body"], payload.get("notes", {})
        linked = links.links_of(self._namespace, row.id, body, notes, assigned)
        noted = {
            **details.notes_of(body),
            **details.manufacturer_note(body, row.values),
            **linked.notes,
        }
        return replace(
            row,
            values={**row.values, **linked.values},
            also=linked.also,
            notes=noted if noted or notes else None,
        )

    def _first_row(self, position: int, payload: Payload, known: _Known) -> Row:
        started, recorded = self._first_values(payload, known)
        own_id = ids.product_id(self._namespace, payload["article_id"])
        values = {
            "id": own_id,
            **self._values(Topic.ARTICLE, payload, known),
            **started,
            "visibilities": [self._visibility(payload)],
        }
        row = Row(position, values, recorded, is_first=True)
        found = known.product_by_number.get(payload["number"])
        if found is not None and found.id in known.owned_ids:
            # The ERP gave the number to this article and another one to the product's own.
            raise TransientError(
                f"the number {payload['number']} still belongs to another article's product, "
                "which is given its new one first"
            )
        if found is None:
            return self._linked(row, payload, ())
        return self.adopted(row, payload, found)

    def _no_main_any_more(self, row: Row, payload: Payload, known: _Known) -> Row:
        """The row of a main article's product that is made something else: sold from then on, so
        with its own price and stock. Raises: Held while it has variants and is to be one."""
        below = known.variants_by_id[row.id]
        if below and "parentId" in payload["body"]:
            raise has_variants_below(payload, below)
        started, recorded = self._first_values(payload, known)
        return replace(row, values={**row.values, **started}, recorded=recorded)

    def _first_values(
        self, payload: Payload, known: _Known
    ) -> tuple[dict[str, Any], tuple[Topic, ...]]:
        """Price and stock that a product starts with, and what is known to be in the shop then."""
        first = payload.get("first", {})
        if Topic.PRICE not in first:
            raise Held("no-price", f"{payload['number']} has no price, set one in the ERP")
        values = {
            **self._price_values(payload["article_id"], first[Topic.PRICE]),
            # Demanded at creation; what we do not know is not reported as taken.
            **_stock_values(first.get(Topic.STOCK, {"stock": 0}), payload, known),
        }
        return values, (Topic.ARTICLE, *(one for one in (Topic.PRICE, Topic.STOCK) if one in first))

    def _shown(self, payload: Payload, known: _Known) -> dict[str, Any] | None:
        """The row that has customers find a product again, where they do not."""
        product_id = payload["external_id"]
        if product_id is None or product_id not in known.hidden_by_id:
            return None
        return self._visibility(payload, known.hidden_by_id[product_id], productId=product_id)

    def _visibility(
        self, payload: Payload, there: Listed | None = None, **of_product: Any
    ) -> dict[str, Any]:
        """A product's row for our sales channel: one that is `there` already, or a new one."""
        own_id = ids.visibility_id(self._namespace, payload["article_id"])
        return {
            "id": own_id if there is None else there.id,
            **of_product,
            "salesChannelId": self._client.settings.sales_channel_id,
            "visibility": visibility.EVERYWHERE,
        }

    def _values(self, topic: Topic, payload: Payload, known: _Known) -> dict[str, Any]:
        """The body in the shop's words."""
        if topic is Topic.PRICE:
            return self._price_values(payload["article_id"], payload["body"])
        if topic is Topic.STOCK:
            return _stock_values(payload["body"], payload, known)
        values = dict(payload["body"])
        if "taxRate" in values:
            values["taxId"] = _tax_id(values.pop("taxRate"), payload, known)
        elif "taxId" in values:
            _require_tax(values["taxId"], payload, known)
        if values.get("weight") is not None:
            values["weight"] = Decimal(values["weight"])
        for name in SIDES:
            if values.get(name) is not None:
                values[name] = Decimal(values[name])
        for name in ("categories", "options", "parentId", "isMain"):
            values.pop(name, None)  # `_linked` says them in the shop's words
        if "manufacturerId" in values:
            _require_manufacturer(
                values["manufacturerId"], values.pop("manufacturer"), payload, known
            )
        elif "manufacturer" in values:
            values.update(self._manufacturer(values.pop("manufacturer"), payload, known))
        return values

    def _price_values(self, article_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        # In the default currency: `Facts.check_currency` has made sure that the price is in it.
        values: dict[str, Any] = {"price": [price_values(body)]}
        if "prices" in body:
            values["prices"] = self.price_lists.rows(article_id, body["prices"])
        return values

    def _manufacturer(self, name: str | None, payload: Payload, known: _Known) -> dict[str, Any]:
        """A reference to the manufacturer, or the manufacturer itself if the shop has none; nothing
        for one that an employee put in the place of ours."""
        if name is None:
            ours = details.ours_to_clear(payload)
            there = known.manufacturer_id_by_product.get(str(payload["external_id"]))
            return {"manufacturerId": None} if there and there == ours else {}
        found = known.manufacturer_id_by_name.get(name.casefold())
        if found is not None:
            return {"manufacturerId": found}
        return {"manufacturer": {"id": ids.manufacturer_id(self._namespace, name), "name": name}}


def _to_be_shown(payloads: Sequence[Payload]) -> list[str]:
    """Products that are told anew and are for sale."""
    return [
        one["external_id"]
        for one in payloads
        if one["external_id"] and one.get("is_restated") and one["body"].get("active")
    ]


def _tax_id(rate: str, payload: Payload, known: _Known) -> str:
    if rate not in known.tax_id_by_rate:
        raise missing(
            Kind.TAX,
            # A payload of the version before does not say it.
            payload.get("tax", f"{rate}%"),
            f"{payload['number']}: the shop has no tax of {rate} %; create it in Shopware under "
            "Settings > Shop > Tax, or map the ERP's tax to another one",
        )
    return known.tax_id_by_rate[rate]


def _stock_values(body: dict[str, Any], payload: Payload, known: _Known) -> dict[str, Any]:
    """The body; `warehouses` says it in the shop's words. Raises: MappingMissing."""
    for gone in sorted(set(body.get("locations", ())) - known.warehouse_ids):
        storage = payload["storages"][gone]
        raise missing(
            Kind.STORAGE_LOCATION,
            storage,
            f"{payload['number']}: the storage {storage} of the ERP is mapped to the warehouse "
            f"{gone}, which the shop does not have; map it to one that is there",
        )
    return body


def _require_tax(tax_id: str, payload: Payload, known: _Known) -> None:
    if tax_id not in known.mapped_tax_ids:
        raise missing(
            Kind.TAX,
            payload["tax"],
            f"{payload['number']}: its tax is mapped to {tax_id}, which the shop does not have; "
            "map it to one that is there",
        )


def _require_manufacturer(maker: str, name: str, payload: Payload, known: _Known) -> None:
    if maker not in known.mapped_manufacturer_ids:
        raise missing(
            Kind.MANUFACTURER,
            name,
            f"{payload['number']}: its manufacturer {name} is mapped to {maker}, which the shop "
            "does not have; map it to one that is there",
        )
