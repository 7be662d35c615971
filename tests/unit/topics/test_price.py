"""update.article-price: from a row to a document."""

from __future__ import annotations

from decimal import Decimal

import pytest

from integration.documents import PriceDocument, WithdrawalDocument
from integration.errors import Held
from integration.topics.price import price_document


def test_net_and_gross_travel_as_the_erp_states_them(row, channel):
    # 16.7983 * 1.19 = 19.989977: the ERP's own rounding decides, not ours
    stated = {"net": Decimal("16.7983"), "gross": Decimal("19.99")}

    assert price_document(row | stated, channel) == PriceDocument(
        "4711", Decimal("16.7983"), Decimal("19.99"), "EUR", Decimal("19")
    )


@pytest.mark.parametrize(
    "change",
    [
        {"net": None, "gross": None},
        {"net": None},
        {"gross": None},
        {"net": 0, "gross": 0},
        {"gross": Decimal("0.00")},
        {"net": Decimal("-1"), "gross": Decimal("-1.19")},
    ],
)
def test_no_price_and_zero_are_never_sent(change, row, channel):
    with pytest.raises(Held, match=r"A-1 \(id 4711\) has no price on channel acme/42") as caught:
        price_document(row | change, channel)

    assert caught.value.reason == "no-price"


def test_another_currency_waits_for_a_person(row, channel):
    with pytest.raises(Held, match=r"priced in CHF.*sells in EUR") as caught:
        price_document(row | {"price_currency": "CHF"}, channel)

    assert caught.value.reason == "currency:CHF"


def test_a_channel_may_sell_in_another_currency(row, make_channel):
    document = price_document(row | {"price_currency": "CHF"}, make_channel(currency="CHF"))

    assert document.currency == "CHF"


def test_a_price_without_currency_is_in_the_channels(row, make_channel):
    document = price_document(row | {"price_currency": None}, make_channel(currency="CHF"))

    assert document.currency == "CHF"


def test_a_price_without_a_tax_rate_waits_for_a_person(row, channel):
    with pytest.raises(Held) as caught:
        price_document(row | {"tax_rate": None}, channel)

    assert caught.value.reason == "no-tax-rate"


@pytest.mark.parametrize("change", [{"listed": False}, {"product_type": "SHIPPING_COSTS"}])
def test_what_is_not_offered_is_withdrawn_with_or_without_a_price(change, row, channel):
    assert price_document(row | change | {"net": None}, channel) == WithdrawalDocument("4711")


def test_an_inactive_article_keeps_its_price_up_to_date(row, channel):
    assert price_document(row | {"active": False}, channel).gross == Decimal("19.99")
