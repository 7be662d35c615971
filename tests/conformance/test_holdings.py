"""What the kit takes for a difference between an article and what the shop shows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from vario_relay import RemoteRecord
from vario_relay.testing.goods import Goods
from vario_relay.testing.holdings import differences

NET, GROSS = Decimal(10), Decimal("11.90")


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"net": NET, "gross": GROSS}, []),
        # the same number of another spelling
        ({"net": Decimal("10.000"), "gross": Decimal("11.9")}, []),
        ({"net": NET, "gross": NET}, ["gross is 10 instead of 11.90"]),
        ({"net": GROSS, "gross": GROSS}, ["net is 11.90 instead of 10.00"]),
        # shops that keep one side
        ({"net": NET}, []),
        ({"gross": GROSS}, []),
        ({"gross": NET}, ["gross is 10 instead of 11.90"]),
        ({}, []),
    ],
)
def test_each_side_of_a_price_that_the_shop_tells_counts(
    told: dict[str, Any], found: list[str]
) -> None:
    article = Goods("EUR", Decimal(19)).article()

    shown = RemoteRecord(external_id="1", number=article.number, **told)

    assert differences(article, shown) == found


@pytest.mark.parametrize("percent", ["0", "5.5", "7", "8.1", "19", "25.5"])
def test_the_sides_of_its_prices_follow_from_each_other_to_the_cent(percent: str) -> None:
    rate, cent = Decimal(percent), Decimal("0.01")
    goods = Goods("EUR", rate)

    for article in (goods.article(), goods.priced(goods.article(), "20")):
        assert article.price is not None
        assert (article.price.net * (100 + rate) / 100).quantize(cent) == article.price.gross
        assert (article.price.gross * 100 / (100 + rate)).quantize(cent) == article.price.net
