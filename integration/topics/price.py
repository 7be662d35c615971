"""update.article-price: the sales price of one listing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.channel_view import ChannelView
from integration.documents import PriceDocument, WithdrawalDocument
from integration.errors import Held
from integration.topics.rows import ErpRow, load


def price_document(
    row: Mapping[str, Any], channel: ChannelView
) -> PriceDocument | WithdrawalDocument:
    """The price as the ERP states it; a withdrawal for what is not offered.

    Raises: Invalid, Held ``no-price`` (0 never travels), ``currency:<X>``, ``no-tax-rate``.
    """
    article = load(row)
    if not article.is_offered:
        return WithdrawalDocument(article.id)
    price = price_of(article, channel)
    if price is None:
        raise Held(
            "no-price",
            f"{article.label} has no price on channel {channel.label}; set one in the ERP",
        )
    return price


def price_of(article: ErpRow, channel: ChannelView) -> PriceDocument | None:
    """The price, None without one.

    Net and gross are both the ERP's own values: computing one from the other would differ from
    its invoices by a cent. A row without currency is in the channel's.
    Raises: Held ``currency:<X>``, ``no-tax-rate``.
    """
    net, gross = article.net, article.gross
    if net is None or gross is None or net <= 0 or gross <= 0:
        return None
    currency = (article.price_currency or channel.currency).strip().upper()
    if currency != channel.currency.upper():
        raise Held(
            f"currency:{currency}",
            f"{article.label} is priced in {currency}, channel {channel.label} sells in "
            f"{channel.currency}",
        )
    if article.tax_rate is None:
        raise no_tax_rate(article)
    return PriceDocument(article.id, net, gross, currency, article.tax_rate)


def no_tax_rate(article: ErpRow) -> Held:
    return Held("no-tax-rate", f"{article.label} has no tax rate; give it a tax schema in the ERP")
