"""update.article-price: the sales price of one listing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from integration.channel_view import DETAILS_ON, DETAILS_REMOVED, ChannelView
from integration.documents import (
    Amount,
    PriceDocument,
    PriceList,
    PriceStep,
    WithdrawalDocument,
)
from integration.errors import Held
from integration.mapping_kinds import GROUPS, LEFT_OUT, Mappings
from integration.topics.price_steps import (
    Whose,
    lowest_of,
    offer_days,
    steps_by_group,
    with_lowest,
)
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
    stated = Amount(net, gross)
    if channel.price_details != DETAILS_ON:
        lists = () if channel.price_details == DETAILS_REMOVED else None
        return PriceDocument(article.id, net, gross, currency, article.tax_rate, lists=lists)
    return _detailed(article, stated, currency, article.tax_rate, channel)


def _detailed(
    article: ErpRow, stated: Amount, currency: str, rate: Decimal, channel: ChannelView
) -> PriceDocument:
    """With the running offer, prices by quantity and customer group."""
    found = _steps(stated, article, rate)
    now = found[None][0]
    labels = {one.whose: one.group_label for one in article.prices}
    lists = [
        _list(steps, whose, labels.get(whose, ""), channel.mappings)
        for whose, steps in sorted(found.items(), key=lambda one: _order(one[0]))
        # one price for everybody is the product's own
        if whose is not None or len(steps) > 1
    ]
    since, until = (None, None) if now.list_price is None else offer_days(article.prices)
    return PriceDocument(
        article.id,
        now.amount.net,
        now.amount.gross,
        currency,
        rate,
        list_price=now.list_price,
        lowest=now.lowest,
        lists=tuple(one for one in lists if one.shop_group != LEFT_OUT),
        offer_since=None if since is None else _midnight(since, channel),
        offer_until=None if until is None else _midnight(until + timedelta(days=1), channel),
    )


def _steps(stated: Amount, article: ErpRow, rate: Decimal) -> dict[Whose, tuple[PriceStep, ...]]:
    found, lowest = steps_by_group(stated, article.prices, rate), _lowest(article, rate)
    regular = found[None][0].list_price or found[None][0].amount
    return {whose: with_lowest(steps, lowest, regular) for whose, steps in found.items()}


def _list(steps: tuple[PriceStep, ...], whose: Whose, label: str, mappings: Mappings) -> PriceList:
    if whose is None:
        return PriceList(steps)
    kind, group = whose
    return PriceList(steps, group, label, mappings.get(kind, group), kind)


def _order(whose: Whose) -> tuple[int, int, str]:
    """Everybody, then the kinds as they count, each by the id as a number."""
    if whose is None:
        return (-1, 0, "")
    kind, group = whose
    return (GROUPS.index(kind), len(group), group)


def _midnight(day: date, channel: ChannelView) -> datetime:
    """When the merchant's day begins, in UTC."""
    zone = channel.now.tzinfo if channel.now is not None else UTC
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _lowest(article: ErpRow, rate: Decimal) -> Amount | None:
    """The merchant's own figure, else the one the ERP proposes."""
    own = (article.custom_lowest_net, article.custom_lowest_gross)
    return lowest_of((own, (article.proposed_lowest_net, article.proposed_lowest_gross)), rate)


def no_tax_rate(article: ErpRow) -> Held:
    return Held("no-tax-rate", f"{article.label} has no tax rate; give it a tax schema in the ERP")
