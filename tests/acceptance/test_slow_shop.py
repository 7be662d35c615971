"""A WooCommerce shop that is ten times as slow as the one that was recorded.

That one took 5 s for 100 rows, and plugins multiply it. Stages are 20 times shorter here than as
shipped, and so is everything else: 20 s that no request may exceed are 1 s.
"""

from __future__ import annotations

import pytest

from sandbox.shops.woocommerce import Options
from tests.acceptance.conftest import StartService
from tests.acceptance.service import FAST, wait_until

SCALE = 60.0 / float(FAST["RELAY_STAGE_SOFT_S"])
ROW_S = 10 * 5.0 / 100 / SCALE
LIMIT_S = 20.0 / SCALE
ARTICLES = 200


@pytest.mark.sqlite
@pytest.mark.slow(30)
def test_no_request_to_a_slow_shop_is_long_and_stock_overtakes_the_articles_of_a_backfill(
    start_service: StartService, bare_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
):
    shop = Options(latency_ms_per_100_rows=ROW_S * 100 * 1_000)
    service = start_service(bare_sqlite_url, articles=ARTICLES, platform="woocommerce", shop=shop)
    rows: list[int] = []
    wait = service.shop_itself.wait
    monkeypatch.setattr(service.shop_itself, "wait", lambda one: (rows.append(one), wait(one)))
    service.start_all()
    wanted = len(service.articles_for_sale())

    run_id = service.begin_sync()
    wait_until(service.products, "the first articles are in the shop")
    first = next(one for one in service.articles_for_sale() if one["number"] in service.products())
    service.edit(first, stock=4711)
    wait_until(lambda: service.product(first)["stock"] == 4711, "the stock is in the shop")
    overtaken = wanted - len(service.products())
    service.wait_for_run(run_id)
    service.wait_until_idle()

    told = f"{overtaken} of {wanted} articles overtaken; rows per request: {rows}"
    print(told)
    assert overtaken > wanted / 4, told
    # A whole batch of 50 articles would have been too much.
    assert max(rows) * ROW_S <= LIMIT_S < 50 * ROW_S, told
    assert service.differences() == []
    service.assert_no_product_twice()
