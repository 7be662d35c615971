"""upsert.article: master data of one listing, with the price and stock a product starts with."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from integration.channel_view import ChannelView
from integration.documents import ArticleDocument, WithdrawalDocument
from integration.errors import Invalid
from integration.mapping_kinds import Kind, Mappings, missing, tax_value
from integration.topics import details
from integration.topics.gtin import is_gtin
from integration.topics.price import no_tax_rate, price_of
from integration.topics.rows import MAIN_ARTICLE, ErpRow, load
from integration.topics.stock import stock_of
from integration.topics.units import KG_BY_UNIT, kilograms
from integration.topics.wants import wants_of


def article_document(
    row: Mapping[str, Any], channel: ChannelView
) -> ArticleDocument | WithdrawalDocument:
    """The listing as it shall be in the shop; a withdrawal for what is not offered.

    Raises: Invalid without a number or a name; MappingMissing ``mapping:unit:<abbr>``;
    ``mapping:category:<id>``; Held ``no-tax-rate``, ``currency:<X>``.
    """
    article = load(row)
    if not article.is_offered:
        return WithdrawalDocument(article.id)
    number, name = (article.number or "").strip(), effective(article.listing_name, article.name)
    if not number:
        raise Invalid(f"{article.label} has no article number in the ERP")
    if not name.strip():
        raise Invalid(f"{article.label} has no name in the ERP")
    if article.tax_rate is None:
        raise no_tax_rate(article)
    tax, wants = tax_value(article.tax_type, article.tax_rate), wants_of(channel)
    manufacturer, shop_manufacturer = details.manufacturer(article, channel.mappings)
    return ArticleDocument(
        article_id=article.id,
        number=number,
        name=name.strip(),
        description=effective(article.listing_description, article.description),
        ean=ean(article.ean),
        weight_kg=weight_kg(article, channel.mappings),
        manufacturer=manufacturer,
        tax_rate=article.tax_rate,
        tax=tax,
        shop_tax=channel.mappings.get(Kind.TAX, tax),
        shop_manufacturer=shop_manufacturer,
        is_active=article.active and article.listed,
        price=price_of(article, channel),
        stock=stock_of(article, channel),
        manufacturer_number=(article.manufacturer_number or "").strip() or None,
        size=details.size(article, channel.mappings),
        texts=details.texts(article, wants),
        categories=details.categories(article, channel.mappings, wants),
        custom_fields=details.custom_fields(article, wants),
        is_main=wants.variants and article.product_type == MAIN_ARTICLE,
        variant=details.variant(article, wants),
        ends_at_zero=article.is_tracked and not article.sellable_without_stock,
    )


def effective(own: str | None, default: str | None) -> str:
    """The channel's own text if it has one, else the default one."""
    return own if own and own.strip() else default or ""


def ean(text: str | None) -> str | None:
    """The EAN if its check digit is right: a shop may refuse the whole product for a wrong one."""
    candidate = (text or "").strip()
    return candidate if is_gtin(candidate) else None


def weight_kg(article: ErpRow, mappings: Mappings) -> Decimal | None:
    """Weight in kilograms, None without one.

    Raises: MappingMissing for a unit other than kg and g that the channel has no mapping for.
    """
    if article.weight is None:
        return None
    unit = (article.weight_unit or "").strip()
    mapped = mappings.get(Kind.UNIT, unit)
    factor = KG_BY_UNIT.get(unit.lower()) if mapped is None else kilograms(mapped)
    if factor is not None:
        return article.weight * factor
    if article.weight == 0:
        return Decimal(0)  # nothing weighs nothing in every unit
    raise missing(
        Kind.UNIT,
        unit,
        f"{article.label} is weighed in {unit or 'no unit'}, and only kg and g are known; map it "
        "to kg, g or its kilograms, or change it in the ERP",
    )
