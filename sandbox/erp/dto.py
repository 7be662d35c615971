"""The ERP's REST shapes of articles, listings, prices, stock and taxes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox.catalogue import TAX_RATES
from sandbox.erp.model import (
    DEFAULT_CHANNEL,
    LANGUAGE,
    Article,
    Listing,
    Price,
    PriceRule,
    listing_id,
    of_price_id,
    price_id,
    product_id,
)
from sandbox.erp.options import Options
from sandbox.erp.price_records import GROUPS, PRICE_GROUPS, PriceRecord
from sandbox.erp.storages import MAIN_STORAGE, SOLD_FROM, STORAGES
from sandbox.erp.tenants import Backend, Channel, Tenant

TAX_TYPES = {"standard": {"id": "1", "label": "Regelsteuersatz"},
             "reduced": {"id": "2", "label": "Ermäßigter Steuersatz"}}
SCHEMA_IDS = {"standard": "11", "reduced": "12"}
# Rates abroad are only shown; prices are always reckoned with the German ones.
RATES = {"DE": TAX_RATES, "AT": {"standard": Decimal("20"), "reduced": Decimal("10")}}
UNITS = {"kg": {"id": "1", "name": "Kilogramm", "abbreviation": "kg"},
         "g": {"id": "2", "name": "Gramm", "abbreviation": "g"}}
CURRENCY_IDS = {"EUR": "1", "CHF": "2", "USD": "3"}
LOWEST = {"customLowestPriceNet": "custom_net", "customLowestPriceGross": "custom_gross",
          "proposedLowestPriceNet": "proposed_net", "proposedLowestPriceGross": "proposed_gross"}


def number(amount: Decimal | None) -> int | float | None:
    """A decimal as a JSON number."""
    if amount is None:
        return None
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _info(updated_at: datetime) -> dict[str, Any]:
    return {"createdAt": "2026-01-01T00:00:00+00:00", "createdFrom": {"id": "1", "label": "admin"},
            "updatedAt": updated_at.isoformat(), "updatedFrom": {"id": "1", "label": "admin"}}


def article(entry: Article, language: str = LANGUAGE) -> dict[str, Any]:
    price, ean = entry.price, entry.ean
    own = entry.listings[DEFAULT_CHANNEL]
    metric = {} if entry.weight is None else {
        "weight": number(entry.weight), "weightUnit": UNITS[entry.weight_unit]}
    if (size := entry.size) is not None:
        metric |= {"sizeX": number(size.x), "sizeY": number(size.y), "sizeZ": number(size.z),
                   "sizeUnit": {"id": size.unit, "abbreviation": size.unit}}
    return {
        "id": str(entry.id), "number": entry.number,
        "name": entry.text_in(language, "name"),
        "description": entry.text_in(language, "description"),
        "active": entry.active, "deliverable": entry.active,
        "sellable": entry.active, "sellableWithoutStock": entry.sellable_without_stock,
        "purchasable": True, "productType": entry.product_type,
        "productRef": {"id": str(product_id(entry.id))},
        "listed": own.listed, "listingId": str(listing_id(entry.id, DEFAULT_CHANNEL)),
        "listingState": own.state,
        "identifiers": [] if ean is None else [
            {"name": "EAN", "value": ean, "defaultArticleIdentifier": True}],
        "grossMetric": metric, "netMetric": {},
        "netSalesPrice": number(price.net) if price else None,
        "grossSalesPrice": number(price.gross) if price else None,
        "priceBase": price.base if price else None,
        "taxSchemaRef": {"id": SCHEMA_IDS[entry.tax], "label": TAX_TYPES[entry.tax]["label"]},
        "manufacturerRef": {"label": entry.manufacturer} if entry.manufacturer else None,
        "manufacturerArticleNumber": entry.manufacturer_number or None,
        "productGroupRef": {"label": entry.product_group} if entry.product_group else None,
        "tags": [], "custom": entry.custom, "languageCode": language,
        "version": str(entry.version), "info": _info(entry.updated_at),
    }


def product(entry: Article, main: Article | None) -> dict[str, Any]:
    """The product that the article belongs to; of a variant with its values (vario-erp.md 5)."""
    return {
        "id": str(product_id(entry.id)), "bundle": False,
        "type": "SIMPLE" if main is None else "VARIANT",
        "articleRefs": [{"id": str(entry.id)}],
        "mainVariantProductRef": None if main is None else {
            "id": str(product_id(main.id)), "label": main.number},
        "variantSchemaRef": None if main is None else {"id": "1", "label": "Varianten"},
        "variantValues": [
            {"id": hashed_id(f"{attribute}/{value}"), "label": value,
             "variantAttributeRef": {"id": hashed_id(attribute), "label": attribute}}
            for attribute, value in entry.variant_values.items()] if main is not None else [],
    }


def hashed_id(text: str) -> str:
    """A number that stands for a text, the same over every start."""
    return str(zlib.crc32(text.encode()))


def listing(entry: Article, own: Listing, tenant: Tenant,
            language: str = LANGUAGE) -> dict[str, Any]:
    is_own = language == LANGUAGE  # the sandbox keeps a channel's own texts in German only
    return {
        "id": str(listing_id(entry.id, own.channel)), "version": str(own.version),
        "salesChannelRef": {"id": str(own.channel), "label": tenant.channel_label(own.channel)},
        "listed": own.listed, "listingState": own.state,
        "listingStateChangeTime": own.state_changed_at.isoformat(),
        "name": {"defaultValue": entry.text_in(language, "name"),
                 "value": own.name if is_own else None},
        "description": {"defaultValue": entry.text_in(language, "description"),
                        "value": own.description if is_own else None},
        "identifiers": {"defaultValue": article(entry)["identifiers"], "value": []},
        "sellableWithoutStock": entry.sellable_without_stock,
        "categoryRefs": [{"id": one, "label": tenant.categories.get(one, one)}
                         for one in own.categories],
        **{name: number(own.lowest.get(key)) for name, key in LOWEST.items()},
        "custom": own.custom, "descriptionCustom": {"defaultValue": {}, "value": {}},
        "info": _info(own.updated_at),
    }


def unlisted(channel: Channel, entry: Article) -> dict[str, Any]:
    """What stands for a channel on which the article has no listing."""
    return {"salesChannelRef": {"id": str(channel.id), "label": channel.label}, "listed": False,
            "name": {"defaultValue": entry.name},
            "description": {"defaultValue": entry.description}, "custom": {}}


def currency(code: str) -> dict[str, str]:
    return {"id": CURRENCY_IDS.get(code, "9"), "label": code, "isoCode": code}


def price(identifier: int, record: Price, entry: Article, options: Options) -> dict[str, Any]:
    channel = of_price_id(identifier)[1]
    return {
        "id": str(identifier), "articleRef": {"id": str(entry.id), "label": entry.number},
        "netPrice": number(record.net), "grossPrice": number(record.gross),
        "priceBase": record.base, "usedTaxRate": rate("DE", entry.tax, options.tax_rate_unit),
        "currencyRef": currency(options.price_currency),
        "fromQuantity": 1, "validFrom": None, "validUntil": None, "specialOfferPrice": False,
        "salesChannelRef": {"id": str(channel)} if channel else None, "qualifier": "SALES",
        "priceGroupRef": None, "customerGroupRef": None, "accountRef": None,
    }


def prices(entry: Article, options: Options) -> list[dict[str, Any]]:
    """All price records: the article's own and those of single channels."""
    own = [] if entry.price is None else [
        price(price_id(entry.id), entry.price, entry, options)]
    return own + [price(price_id(entry.id, listed.channel), listed.price, entry, options)
                  for listed in entry.listings.values() if listed.price is not None] + [
        price_record(one, entry, options) for one in entry.price_records]


def price_record(one: PriceRecord, entry: Article, options: Options) -> dict[str, Any]:
    """An offer, a quantity step, or the price of a customer group or a price group."""
    group = _reference(one.group, GROUPS)
    price_group = _reference(one.price_group, PRICE_GROUPS)
    return {
        "id": str(one.id), "articleRef": {"id": str(entry.id), "label": entry.number},
        "netPrice": number(one.net), "grossPrice": number(one.gross), "priceBase": one.base,
        "usedTaxRate": rate("DE", entry.tax, options.tax_rate_unit),
        "currencyRef": currency(one.currency or options.price_currency),
        "fromQuantity": number(one.start), "validFrom": one.since and one.since.isoformat(),
        "validUntil": one.until and one.until.isoformat(), "specialOfferPrice": one.is_offer,
        "salesChannelRef": {"id": str(one.channel)} if one.channel else None,
        "qualifier": "SALES", "priceGroupRef": price_group, "customerGroupRef": group,
        "accountRef": None,
    }


def _reference(identifier: str | None, labels: Mapping[str, str]) -> dict[str, str] | None:
    return None if identifier is None else {"id": identifier, "label": labels[identifier]}


def price_rule(rule: PriceRule, options: Options) -> dict[str, Any]:
    group = None if rule.product_group is None else {"id": "1", "label": rule.product_group}
    return {"id": str(rule.id), "articleRef": None, "productGroupRef": group, "netPrice": None,
            "grossPrice": None, "currencyRef": currency(options.price_currency),
            "fromQuantity": 1, "validFrom": None,
            "validUntil": None, "specialOfferPrice": False, "salesChannelRef": None,
            "qualifier": "SALES", "priceGroupRef": None, "customerGroupRef": None,
            "accountRef": None}


def stock(entry: Article, own: Listing | None) -> dict[str, Any]:
    available = entry.stock_on(own)
    reserved = entry.reserved()
    return {
        "articleId": str(entry.id), "stockAmount": number(available + reserved),
        "stockAvailable": number(available), "reservedQuantity": number(reserved),
        "orderedQuantity": 0, "quantityInPicking": 0, "quantityInFabrication": 0,
        "virtualStockAmount": 0, "virtualStockAvailable": 0,
    }


def storages(entry: Article) -> list[dict[str, Any]]:
    """What each storage has; all of it lies in the main one unless it was put elsewhere."""
    pieces = entry.storages or {MAIN_STORAGE: entry.stock}
    return [_storage(key, available, entry.reserved() if key == MAIN_STORAGE else Decimal(0))
            for key, available in pieces.items()]


def _storage(key: str, available: Decimal, reserved: Decimal) -> dict[str, Any]:
    return {"storageRef": _storage_ref(key), "quantityInStock": number(available + reserved),
            "stockAvailable": number(available), "reservedQuantity": number(reserved),
            "orderedQuantity": 0, "quantityInPicking": 0, "minimumStock": 0,
            "withStorageBins": False}


def _storage_ref(key: str) -> dict[str, str]:
    return {"id": key, "label": STORAGES[key]}


def rate(country: str, tax: str, unit: str) -> dict[str, Any]:
    """`unit` is percent or fraction."""
    percent = RATES[country][tax]
    shown = percent if unit == "percent" else percent / 100
    return {"rate": number(shown), "countryCode": country,
            "validFrom": "2020-01-01", "typeRef": TAX_TYPES[tax], "active": True}


def tax_schema(tax: str) -> dict[str, Any]:
    return {"id": SCHEMA_IDS[tax], "label": TAX_TYPES[tax]["label"], "defaultCountryCode": "DE",
            "defaultTypeRef": TAX_TYPES[tax],
            "countryMappings": [{"countryCode": country, "typeRef": TAX_TYPES[tax]}
                                for country in RATES]}


def channel(entry: Channel, tenant: Tenant) -> dict[str, Any]:
    behind = tenant.backends.get(entry.backend) if entry.backend is not None else None
    source = tenant.articles.price_sources.get(entry.id)
    return {
        "businessRelationType": "B2C", "calculationMode": "HORIZONTAL", "roundingMode": "HALF_UP",
        "externalReferences": [], "custom": {}, **entry.fields,
        "id": str(entry.id), "label": entry.label, "channelType": entry.type,
        "active": entry.active, "defaultSalesChannel": entry.id == DEFAULT_CHANNEL,
        "priceFromSalesChannel": None if source is None else {
            "id": str(source), "label": tenant.channel_label(source)},
        "channelBackend": None if behind is None else {"id": str(behind.id), "label": behind.label},
        "salesChannelStorages": [
            {"storageRef": _storage_ref(key), "availabilityPercent": 100,
             "defaultSalesStorage": key == MAIN_STORAGE} for key in SOLD_FROM],
    }


def backend(entry: Backend) -> dict[str, Any]:
    return {"id": str(entry.id), "label": entry.label, "type": entry.type, "appId": entry.app_id,
            "validChannelTypes": list(entry.channel_types), "active": entry.active}
