"""What the kit does with a shop that is no sandbox: https, others' products, pauses of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import flask
import pytest

from integration.connectors import woocommerce
from sandbox import serving
from sandbox.shops.woocommerce import Options, create_app
from tests.conformance import myshop_relay
from tests.conformance.examined import ROWS, direct_report, direct_stand
from tests.conformance.myshop import MyShop
from tests.tls_proxy import tls_in_front_of
from vario_relay import Capabilities, Context, Throttled, Topic
from vario_relay.testing import CASES, Target, Verdict, proxy
from vario_relay.testing.proxy import Answer, Fault
from vario_relay.testing.running import run, take_back
from vario_relay.testing.stand import Stand

CASE = {case.name: case for case in CASES}


def encrypted(url: str) -> flask.Flask:
    """A shop that believes in the TLS before it, and takes a key's password instead of a
    signature."""
    app = create_app(Options(), url)
    inner = app.wsgi_app

    def outer(environ: dict[str, Any], start: Any) -> Any:
        return inner({**environ, "HTTP_X_FORWARDED_PROTO": "https"}, start)

    app.wsgi_app = outer
    return app


def test_a_shop_behind_https_is_spoken_to_by_https(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options()
    parameters = {
        "shop_url": "https://woo.shop.example",
        "consumer_key": options.consumer_key,
        "consumer_secret": options.consumer_secret,
    }
    with (
        serving.running(encrypted) as url,
        tls_in_front_of(url, "shop.example", tmp_path, monkeypatch) as front,
        proxy.running(front.authority) as one,
    ):
        stand = Stand(Target(woocommerce.PLATFORM, parameters, rows=ROWS), one)

        rows = [run(CASE[name], stand) for name in ("create", "timeout-after", "cut-body")]

    assert [row.verdict for row in rows] == [Verdict.HELD] * 3, rows
    assert set(front.hosts) == {"woo.shop.example"}


class BusyShop(MyShop):
    """Asks for a pause at every second look at its products."""

    looks = 0

    def shown(self) -> Any:
        self.looks += 1
        return super().shown() if self.looks % 2 else ({}, 429, {"Retry-After": "3"})


def test_a_pause_that_the_shop_itself_asks_for_is_kept() -> None:
    rests: list[float] = []
    stand = direct_stand(myshop_relay.PLATFORM, BusyShop(), rests.append)

    rows = [run(CASE[name], stand) for name in ("create", "update", "429-retry-after")]

    assert [row.verdict for row in rows] == [Verdict.HELD] * 3, rows
    assert set(rests) == {3.0}


def test_the_connector_of_the_docs_writes_nothing_more_once_a_pause_is_asked_for() -> None:
    stand = direct_stand(myshop_relay.PLATFORM, MyShop(), lambda seconds: None)
    answers = iter([Answer(400), Answer(429)])
    fault = Fault(lambda request, forward: next(answers), times=2)

    with stand.failing(fault):
        sent = stand.send(Topic.ARTICLE, stand.batch(), most_pushes=1)

    # The batch is refused and halved, and the first half is asked to wait.
    assert [type(error) for error in sent.errors] == [Throttled]
    assert not any(one.request.is_write for one in fault.followers)


def test_what_others_made_is_not_touched() -> None:
    shop, theirs = MyShop(), {"number": "X-1", "name": "Theirs", "active": True, "stock": 1}
    shop.products["77"] = dict(theirs)

    report = direct_report(myshop_relay.PLATFORM, shop)

    assert shop.products.pop("77") == theirs
    assert not any(one["active"] for one in shop.products.values())
    assert report.left.startswith("What the kit made is left in the shop, inactive:")


def test_it_says_which_products_it_could_not_take_back() -> None:
    shop = MyShop()
    stand = direct_stand(myshop_relay.PLATFORM, shop)
    run(CASE["create"], stand)
    shop.refused.add(next(iter(shop.products)))

    assert "inactive but for 1 products" in take_back(stand)


def with_duplicates() -> tuple[MyShop, Stand]:
    """A shop that has the kit's products twice, as after a connector that creates too often."""
    shop = MyShop()
    stand = direct_stand(myshop_relay.PLATFORM, shop)
    run(CASE["create"], stand)
    shop.products.update({f"{own}-2": dict(one) for own, one in shop.products.items()})
    return shop, stand


def test_each_product_of_a_number_is_taken_back_and_counted() -> None:
    shop, stand = with_duplicates()

    left = take_back(stand)

    assert f"inactive: {2 * ROWS} products" in left
    assert [one["active"] for one in shop.products.values()] == [False] * 2 * ROWS


def test_each_product_of_a_number_is_removed() -> None:
    shop, stand = with_duplicates()

    def remove(context: Context, external_ids: Sequence[str]) -> None:
        for one in external_ids[1:]:
            del shop.products[one]

    stand.target = replace(stand.target, remove=remove)

    assert take_back(stand) == "1 products could not be removed."
    assert len(shop.products) == 1


def test_a_scan_that_breaks_at_the_end_costs_no_report() -> None:
    shop = MyShop()
    stand = direct_stand(myshop_relay.PLATFORM, shop)
    run(CASE["create"], stand)
    for one in shop.products.values():
        one["gross"] = "?"

    assert "may be left in the shop: InvalidOperation" in take_back(stand)


def test_files_that_a_shop_may_keep_are_told() -> None:
    stand = direct_stand(myshop_relay.PLATFORM, MyShop())
    stand.opened.append("front")

    assert take_back(stand).startswith("Image files of the kit may be left in the shop;")


def test_a_platform_that_takes_one_row_at_a_time_is_asked_the_same() -> None:
    one_by_one = Capabilities(max_batch={Topic.ARTICLE: 1, Topic.PRICE: 1, Topic.STOCK: 1})

    platform = replace(myshop_relay.PLATFORM, capabilities=one_by_one)

    report = direct_report(platform, MyShop(), rows=12)

    verdicts = {row.case: row.verdict for row in report.rows}
    assert report.red == [], "\n".join(report.lines())
    assert verdicts["half-applied"] == verdicts["closed"] == Verdict.HELD
    assert verdicts["same-number"] == Verdict.NOT_SUPPORTED
