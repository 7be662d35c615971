"""The REST reads of one article, for fields that the ERP does not offer as columns.

Each returns fields under our names (integration.erp.catalogue), as the ERP states them.
Source: docs/sources.md#erp-articles, #erp-price, #erp-stock, #erp-tax.
"""

from __future__ import annotations

from typing import Any

from integration.connectors.base import FactStore
from integration.erp.client import ErpClient
from integration.erp.rows import decimal, id_text
from integration.errors import Gone

Fields = dict[str, Any]
DEFAULT_LANGUAGE = "default-language"


def article(client: ErpClient, article_id: str) -> Fields:
    """Master data. Raises: Gone when there is no such article."""
    answer = _object(client.get(f"/erp/articles/{article_id}"))
    metric = _object(answer.get("grossMetric"))
    return {
        "number": answer.get("number"),
        "name": answer.get("name"),
        "description": answer.get("description"),
        "active": answer.get("active"),
        "product_type": answer.get("productType"),
        "product": _object(answer.get("productRef")).get("id"),
        "sellable_without_stock": answer.get("sellableWithoutStock"),
        "manufacturer": _object(answer.get("manufacturerRef")).get("label"),
        "weight": metric.get("weight"),
        "weight_unit": _object(metric.get("weightUnit")).get("abbreviation"),
        "manufacturer_number": answer.get("manufacturerArticleNumber"),
        "size_x": metric.get("sizeX"),
        "size_y": metric.get("sizeY"),
        "size_z": metric.get("sizeZ"),
        "size_unit": _object(metric.get("sizeUnit")).get("abbreviation"),
        "article_custom": _object(answer.get("custom")),
        "tax_schema": _object(answer.get("taxSchemaRef")).get("id"),
        "identifiers": [
            (entry.get("name"), entry.get("value"), entry.get("defaultArticleIdentifier"))
            for entry in _objects(answer.get("identifiers"))
        ],
    }


def listing(client: ErpClient, article_id: str, channel_erp_id: str) -> Fields | None:
    """The article's listing on one channel, None without one."""
    entry = _listing(client, article_id, channel_erp_id)
    if entry is None:
        return None
    return {
        "listing_id": entry.get("id"),
        "listed": entry.get("listed"),
        "listing_state": entry.get("listingState"),
        "listing_name": _object(entry.get("name")).get("value"),
        "listing_description": _object(entry.get("description")).get("value"),
        "categories": [one.get("id") for one in _objects(entry.get("categoryRefs"))],
        "listing_custom": _object(entry.get("custom")),
        "custom_lowest_net": entry.get("customLowestPriceNet"),
        "custom_lowest_gross": entry.get("customLowestPriceGross"),
        "proposed_lowest_net": entry.get("proposedLowestPriceNet"),
        "proposed_lowest_gross": entry.get("proposedLowestPriceGross"),
    }


def texts(client: ErpClient, article_id: str, channel_erp_id: str, language: str) -> Fields:
    """Effective name and description on one channel in one language (vario-erp.md 8.1).

    None where there is no text in this language.
    """
    entry = _listing(client, article_id, channel_erp_id, {"languageCode": language}) or {}
    return {name: _effective(_object(entry.get(name))) for name in ("name", "description")}


def _effective(text: Fields) -> str | None:
    stated = (text.get("value"), text.get("defaultValue"))
    return next((one for one in stated if isinstance(one, str) and one.strip()), None)


def _listing(
    client: ErpClient,
    article_id: str,
    channel_erp_id: str,
    parameters: dict[str, str] | None = None,
) -> Fields | None:
    for entry in _objects(client.get(f"/erp/articles/{article_id}/listings", parameters)):
        channel = id_text(_object(entry.get("salesChannelRef")).get("id"))
        # without an id it only stands for a channel that has no listing
        if channel == channel_erp_id and entry.get("id") is not None:
            return entry
    return None


def default_language(client: ErpClient, facts: FactStore, article_id: str) -> str | None:
    """The code of the language of an article's own texts, asked once a day; None if unknown."""
    known = facts.get(DEFAULT_LANGUAGE)
    if isinstance(known, str):
        return known
    answer = _object(client.get(f"/erp/articles/{article_id}")).get("languageCode")
    if not isinstance(answer, str) or not answer:
        return None
    facts.put(DEFAULT_LANGUAGE, answer)
    return answer


def product(client: ErpClient, article_id: str) -> Fields:
    """The main product above an article's product, and what makes the article a variant of it."""
    answer = _object(client.get(f"/erp/articles/{article_id}/products"))
    values = []
    for entry in _objects(answer.get("variantValues")):
        attribute = _object(entry.get("variantAttributeRef"))
        value_id, attribute_id = id_text(entry.get("id")), id_text(attribute.get("id"))
        if value_id is not None and attribute_id is not None:
            values.append(
                {
                    "attribute": attribute_id,
                    "attribute_label": str(attribute.get("label") or attribute_id),
                    "value": value_id,
                    "label": str(entry.get("label") or value_id),
                }
            )
    main = id_text(_object(answer.get("mainVariantProductRef")).get("id"))
    return {"main_product": main, "variant_values": values}


def price(client: ErpClient, article_id: str, channel_erp_id: str) -> Fields:
    """The price of one piece on one channel, special offers included; empty without a price."""
    selection = {
        "articleId": article_id,
        "quantity": "1",
        "salesChannelId": channel_erp_id,
        "noteSpecialOfferPrice": "true",
    }
    try:
        answer = _object(client.get("/erp/products/sales-price-by-selection", selection))
    except Gone:  # the article was there a moment ago: it has no price
        answer = {}
    return {
        "net": answer.get("netPrice"),
        "gross": answer.get("grossPrice"),
        "price_currency": currency_of(answer.get("currencyRef")),
        **_tax_fields(_object(answer.get("usedTaxRate"))),
    }


def stock(client: ErpClient, article_id: str, channel_erp_id: str) -> Fields:
    """What the channel may sell, as the ERP computed it from its storages."""
    path = f"/erp/articles/{article_id}/stocks"
    try:
        answer = _object(client.get(path, {"salesChannelId": channel_erp_id}))
    except Gone:
        answer = {}
    return {"stock": answer.get("stockAvailable")}


def tax(client: ErpClient, facts: FactStore, tax_schema: str) -> Fields:
    """Rate in percent and tax type of a tax schema, asked once a day; empty if unknown."""
    fact = f"tax-schema:{tax_schema}"
    known = facts.get(fact)
    if isinstance(known, dict):
        return dict(known)
    try:
        fields = _tax_fields(_object(client.get(f"/erp/taxes/tax-select/{tax_schema}")))
    except Gone:
        return {}
    if fields:
        facts.put(fact, fields)
    return fields


def _tax_fields(rate: Fields) -> Fields:
    """Of a TaxRate. The rate travels as text, so that every store of facts keeps it exact."""
    percent = decimal(rate.get("rate"))
    if percent is None:
        return {}
    return {"tax_rate": str(percent), "tax_type": id_text(_object(rate.get("typeRef")).get("id"))}


def currency_of(reference: Any) -> str | None:
    """The ISO code of a currency reference in capitals, or its words where they are none; None: it
    names none. It is attested to have id and label only, and what a label reads like is not."""
    if not isinstance(reference, dict) or not reference:
        return None
    for name in ("isoCode", "code", "label", "id"):
        text = reference.get(name)
        if isinstance(text, str) and is_currency_code(text):
            return text.upper()
    words = str(reference.get("label") or reference.get("id"))
    return "EUR" if words.strip().lower() in _EURO else words


def is_currency_code(text: str) -> bool:
    """Whether it looks like a code of ISO 4217."""
    return len(text) == 3 and text.isascii() and text.isalpha()


#: How a German ERP may name the currency of nearly all merchants.
_EURO = ("euro", "€")


def _object(value: Any) -> Fields:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Fields]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
