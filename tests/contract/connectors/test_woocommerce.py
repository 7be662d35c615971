"""The WooCommerce connector against a shop over HTTP, where it is about more than every connector.

What every connector promises, with the shop failing too, is asked in tests/conformance. The sandbox
is served over plain http, so every request here is signed.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
import requests

from integration.connectors import http
from integration.connectors.base import Choice, ListingView, Receipt
from integration.connectors.woocommerce import WooCommerceConnector
from integration.connectors.woocommerce.products import MARK
from integration.documents import Document, SizeDocument, WithdrawalDocument
from integration.errors import (
    Busy,
    ChannelError,
    CredentialsRefused,
    Invalid,
    MappingMissing,
    Rejected,
    Throttled,
    TransientError,
)
from integration.mapping_kinds import Kind
from integration.topology import Topic
from sandbox.shops.woocommerce.auth import CUSTOMER, READ_ONLY
from tests.contract.connectors.shops import FIRST_TOPICS
from tests.contract.connectors.woocommerce import BATCH, Shop, stocked, unique
from tests.unit.connectors.kit import article, new, price


@pytest.fixture
def opened(open_woocommerce: Any) -> Any:
    return open_woocommerce


@pytest.fixture
def shop(opened: Any) -> Shop:
    found: Shop = opened()
    return found


def test_a_new_product_arrives_complete(shop: Shop) -> None:
    receipts = shop.create(
        "1",
        ean="4006381333931",
        name="Säge & Söhne 🪚",
        description="<p>Stahl &amp; Holz, 5 < 6</p>",
    )

    assert receipts == [Receipt("1", external_id=shop.ids["1"], recorded=FIRST_TOPICS)]
    shown = shop.products["A-1"]
    assert shown["name"] == "Säge &amp; Söhne 🪚"
    assert {
        name: shown[name]
        for name in ("ean", "weight_kg", "tax_rate", "active", "gross", "stock", "writes")
    } == {
        "ean": "4006381333931",
        "weight_kg": Decimal("0.3"),
        "tax_rate": 19,
        "active": True,
        "gross": Decimal("19.99"),
        "stock": 5,
        "writes": 1,
    }


def test_a_hundred_products_arrive_in_one_write_once_the_shops_speed_is_known(shop: Shop) -> None:
    shop.create(*(f"x{n}" for n in range(10)))
    before = shop.routes[BATCH]

    receipts = shop.create(*(str(n) for n in range(100)))

    assert all(one.error is None for one in receipts)
    assert shop.routes[BATCH] == before + 1


def test_changes_of_each_kind_reach_the_product(shop: Shop) -> None:
    shop.create("1")

    for topic, document in (
        (Topic.ARTICLE, unique("1", name="Zange", tax_rate=Decimal("7"), weight_kg=None)),
        (Topic.PRICE, price("1", gross="0.1", net="0.09")),
        (Topic.STOCK, stocked("1", 0, sells_without_stock=True)),
    ):
        assert shop.change(topic, document) == [
            Receipt("1", external_id=shop.ids["1"], recorded=(topic,))
        ]

    shown = shop.products["A-1"]
    assert (shown["name"], shown["tax_rate"], shown["gross"], shown["stock"]) == (
        "Zange",
        7,
        Decimal("0.1"),
        0,
    )
    assert shown["weight_kg"] is None


def test_what_is_not_offered_any_more_is_hidden_and_comes_back(shop: Shop) -> None:
    shop.create("1")

    shop.change(Topic.ARTICLE, WithdrawalDocument("1"))
    hidden = shop.products["A-1"]
    shop.change(Topic.ARTICLE, unique("1"))

    assert (hidden["active"], hidden["status"]) == (False, "private")
    assert shop.products["A-1"]["active"] is True


def test_services_are_sold_without_a_count(shop: Shop) -> None:
    shop.create("1", stock=stocked("1", 0, is_tracked=False))

    (receipt,) = shop.change(Topic.STOCK, stocked("1", 3))

    assert receipt.error is None
    assert shop.products["A-1"]["stock"] == 3


def test_a_shop_with_net_prices_gets_those(opened: Any) -> None:
    shop = opened(prices_include_tax=False)

    shop.create("1")

    assert shop.products["A-1"]["net"] == Decimal("16.7983")


def test_a_shop_without_taxes_gets_gross_prices_and_one_class(opened: Any) -> None:
    shop = opened(prices_include_tax=False, calc_taxes=False)

    (receipt,) = shop.create("1", tax_rate=Decimal("16"))

    assert receipt.error is None
    assert shop.products["A-1"]["net"] == Decimal("19.99")  # the one side that it keeps


def test_weights_are_in_the_shops_unit(opened: Any) -> None:
    shop = opened(weight_unit="g")

    shop.create("1")

    assert shop.products["A-1"]["weight_kg"] == Decimal("0.3")


@pytest.mark.parametrize("unit", ["mm", "cm", "m", "in", "yd"])
def test_measures_are_in_the_shops_unit(opened: Any, unit: str) -> None:
    shop = opened(dimension_unit=unit)

    (receipt,) = shop.create("1", size=SizeDocument(Decimal("1250.5"), Decimal("0.4"), None))

    assert receipt.error is None
    length, width, height = shop.products["A-1"]["size_mm"]
    # a hundredth of a millimetre, in the largest unit
    assert abs(length - Decimal("1250.5")) < Decimal("0.01")
    assert abs(width - Decimal("0.4")) < Decimal("0.01")
    assert height is None


def test_a_negative_measure_is_refused_by_its_name(shop: Shop) -> None:
    wrong = unique("1", size=SizeDocument(None, Decimal(-1), None))

    with pytest.raises(Invalid, match="A-1: width is negative"):
        shop.connector().payload(wrong, new("1"))


def test_a_missing_tax_holds_its_article_only(shop: Shop) -> None:
    receipts = shop.push(
        Topic.ARTICLE, [unique("1", tax_rate=Decimal("16")), unique("2")], [new("1"), new("2")]
    )

    assert isinstance(receipts[0].error, MappingMissing)
    assert receipts[0].error.reason == "mapping:tax:1"
    assert receipts[1].error is None


def test_a_mapped_tax_class_counts_instead_of_the_rate(shop: Shop) -> None:
    receipts = shop.push(
        Topic.ARTICLE,
        [
            unique("1", tax_rate=Decimal("16"), tax="2", shop_tax="reduced-rate"),
            unique("2", tax_rate=Decimal("7"), tax="3", shop_tax="standard"),
            unique("3", tax="4", shop_tax="gone"),
        ],
        [new("1"), new("2"), new("3")],
    )

    assert [one.error for one in receipts[:2]] == [None, None]
    assert [shop.products[f"A-{n}"]["tax_rate"] for n in (1, 2)] == [7, 19]
    assert isinstance(receipts[2].error, MappingMissing)
    assert receipts[2].error.reason == "mapping:tax:4"


def test_what_can_be_mapped_is_listed(shop: Shop) -> None:
    one = shop.connector()
    parent = one._client._sent("POST", "/products/categories", {"name": "A & B"}).json()
    one._client._sent("POST", "/products/categories", {"name": "C", "parent": parent["id"]})

    assert one.offers(Kind.TAX) == [
        Choice("reduced-rate", "Reduced rate (7 %)", "7"),
        Choice("standard", "Standard rate (19 %)", "19"),
        Choice("zero-rate", "Zero rate (0 %)", "0"),
    ]
    assert [choice.label for choice in one.offers(Kind.CATEGORY)] == [
        "A & B",
        "A & B > C",
        "Uncategorized",
    ]
    assert one.offers(Kind.CARRIER) is None


def test_the_products_number_is_adopted_whoever_made_it(shop: Shop) -> None:
    shop.admin("products", number="a-1", gross=1, stock=3, name="Fremd")
    theirs = shop.products["a-1"]["id"]

    (receipt,) = shop.create("1")

    assert (receipt.external_id, receipt.was_adopted) == (theirs, True)
    assert receipt.recorded == (Topic.ARTICLE,)
    shown = shop.products["A-1"]
    assert (shown["name"], shown["gross"], shown["stock"]) == ("Hammer 1", 1, 3)


def test_a_number_of_a_product_with_variants_is_not_taken_over(shop: Shop) -> None:
    requests_of = shop.connector()._client
    requests_of.batch("/products", {"create": [{"sku": "A-1", "type": "variable"}]})

    (receipt,) = shop.create("1")

    assert isinstance(receipt.error, Rejected)
    assert "whose type is variable" in str(receipt.error)


def test_a_trashed_product_is_taken_out_of_the_trash(shop: Shop) -> None:
    shop.create("1")
    first = shop.ids["1"]
    shop.admin("edit", article="A-1", trash=True)

    (stock,) = shop.change(Topic.STOCK, stocked("1", 1))
    (again,) = shop.create("1")

    assert stock.has_vanished
    assert (again.external_id, again.error, again.was_adopted) == (first, None, False)
    assert shop.products["A-1"]["active"] is True


def test_a_deleted_product_has_vanished(shop: Shop) -> None:
    shop.create("1", "2")
    shop.admin("edit", article="A-1", delete=True)

    receipts = shop.change(Topic.PRICE, price("1"), price("2"))

    assert [(one.has_vanished, one.error) for one in receipts] == [(True, None), (False, None)]


def test_one_bad_row_stops_nobody(shop: Shop) -> None:
    shop.create("1", "2", "3")
    shop.fault("reject", number="A-2")

    receipts = shop.change(Topic.PRICE, *(price(one, gross="5") for one in ("1", "2", "3")))

    assert [type(one.error) for one in receipts] == [type(None), Rejected, type(None)]
    assert "asked to refuse" in str(receipts[1].error)
    assert [shop.products[f"A-{n}"]["gross"] for n in (1, 2, 3)] == [5, Decimal("19.99"), 5]


def test_the_ean_of_another_product_is_refused_with_its_owner(shop: Shop) -> None:
    receipts = shop.push(Topic.ARTICLE, [article("1"), article("2")], [new("1"), new("2")])

    assert receipts[0].error is None
    assert "product_invalid_global_unique_id" in str(receipts[1].error)


def test_what_the_shop_bends_is_rejected_with_both_values(shop: Shop) -> None:
    shop.create("1", "2")
    one = shop.connector()
    payloads = [
        one.payload(price(n, gross="5"), ListingView(n, shop.ids[n], f"A-{n}")) for n in ("1", "2")
    ]
    payloads[0]["body"]["gross"] = "1.234,56"

    receipts = one.push(Topic.PRICE, payloads, key="k")

    assert isinstance(receipts[0].error, Rejected)
    assert str(receipts[0].error) == ("regular_price: sent '1.234,56', the shop has '1.23456'")
    assert receipts[1].error is None


def test_a_shop_that_manages_no_stock_holds_the_channel(opened: Any) -> None:
    shop = opened(manage_stock=False)

    with pytest.raises(ChannelError, match="the shop manages no stock"):
        shop.create("1")


def test_another_currency_holds_the_channel(opened: Any) -> None:
    shop = opened(currency="CHF")
    shop.parameters["currency"] = "EUR"

    with pytest.raises(ChannelError, match="the shop's currency is CHF"):
        shop.create("1")


def test_after_an_unknown_outcome_nothing_is_created_twice(shop: Shop) -> None:
    wanted = [str(n) for n in range(8)]
    shop.fault("html-after")

    with pytest.raises(TransientError) as caught:
        shop.create(*wanted)
    receipts = shop.create(*wanted)

    assert caught.value.outcome_unknown
    assert [one.error for one in receipts] == [None] * 8
    assert not any(one.was_adopted for one in receipts)
    assert len(shop.products) == 8


def test_a_shop_that_goes_on_after_our_time_out_creates_nothing_twice(shop: Shop) -> None:
    """The first create is applied between the look-up and the write of the second."""
    shop.fault("late", seconds=0.6)
    failed: list[BaseException] = []

    def give_up() -> None:
        impatient = http.session()
        impatient.request = lambda *a, **k: requests.Session.request(  # type: ignore[method-assign]
            impatient, *a, **{**k, "timeout": 0.2}
        )
        try:
            shop.push(Topic.ARTICLE, [unique("1")], [new("1")], session=impatient)
        except TransientError as error:
            failed.append(error)

    give_up()
    shop.fault("late", seconds=1.0)
    (receipt,) = shop.create("1")

    assert failed
    assert (receipt.error, receipt.was_adopted) == (None, False)
    assert len(shop.products) == 1


def test_parallel_creates_of_one_number_end_in_one_product(opened: Any) -> None:
    shop = opened(latency_base_ms=80)
    shop.connector()._facts.learn()
    receipts: list[Receipt] = []
    threads = [threading.Thread(target=lambda: receipts.extend(shop.create("1"))) for _ in range(4)]

    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert [one.error for one in receipts] == [None] * 4
    assert {one.external_id for one in receipts} == {shop.products["A-1"]["id"]}


def test_php_messages_before_the_json_are_skipped(shop: Shop) -> None:
    shop.fault("php-notice")

    (receipt,) = shop.create("1")

    assert (receipt.error, receipt.external_id) == (None, shop.products["A-1"]["id"])


def test_a_page_instead_of_an_answer_is_a_trouble_that_passes(shop: Shop) -> None:
    shop.fault("html")

    with pytest.raises(TransientError, match="not the REST API's JSON"):
        shop.create("1")


def test_a_host_in_maintenance_is_let_alone(shop: Shop) -> None:
    shop.fault("503")

    with pytest.raises(Throttled):
        shop.create("1")


@pytest.mark.parametrize("key", [READ_ONLY, CUSTOMER])
def test_a_key_without_the_rights_holds_the_channel(shop: Shop, key: Any) -> None:
    shop.connector()._facts.learn()
    shop.parameters.update(consumer_key=key.key, consumer_secret=key.secret)
    shop.ids["1"] = "10"

    with pytest.raises(CredentialsRefused):
        shop.change(Topic.PRICE, price("1"))


def test_a_shop_that_takes_fewer_rows_gets_fewer(opened: Any) -> None:
    shop = opened(batch_limit=4)

    receipts = shop.create(*(str(n) for n in range(10)))

    assert [one.error for one in receipts] == [None] * 10


def test_no_request_to_a_slow_shop_takes_long(opened: Any) -> None:
    """Scaled: 0.5 s per 100 rows here, and a request is meant to take 0.2 s."""
    shop = opened(latency_ms_per_100_rows=500)
    articles = [str(n) for n in range(50)]
    shop.create(*articles)
    shop.push_s = 0.8
    before = shop.routes[BATCH]

    receipts = shop.change(Topic.STOCK, *(stocked(one, 1) for one in articles))

    assert all(one.error is None for one in receipts)
    # The first 10 rows tell the speed, about 35 would take 0.2 s.
    assert 3 <= shop.routes[BATCH] - before <= 4


def test_a_burst_of_a_thousand_articles_costs_few_writes(shop: Shop) -> None:
    shop.connector()._facts.learn()
    articles = [str(n) for n in range(1_000)]

    def writes(topic: Topic, documents: Sequence[Document]) -> int:
        size, before = WooCommerceConnector.capabilities.max_batch[topic], shop.routes.get(BATCH, 0)
        for n in range(0, len(documents), size):
            chunk = documents[n : n + size]
            receipts = (
                shop.create(*(one.article_id for one in chunk))
                if not shop.ids.get(chunk[0].article_id)
                else shop.change(topic, *chunk)
            )
            assert all(one.error is None for one in receipts)
        return shop.routes[BATCH] - before

    # Its first request tells the speed.
    assert writes(Topic.ARTICLE, [unique(one) for one in articles]) == 11
    assert writes(Topic.ARTICLE, [unique(one, name="Neu") for one in articles]) == 10
    assert writes(Topic.PRICE, [price(one, gross="7") for one in articles]) <= 12
    assert writes(Topic.STOCK, [stocked(one, 7) for one in articles]) <= 12
    assert {(one["name"], one["gross"], one["stock"]) for one in shop.products.values()} == {
        ("Neu", 7, 7)
    }


def test_the_shop_is_read_page_by_page(shop: Shop) -> None:
    shop.create(*(str(n) for n in range(105)))

    fields = ("name", "gross", "net", "stock", "is_active", "ean", "weight_kg", "tax", "tax_rate")

    found = list(shop.connector().scan(fields))

    assert len(found) == 105
    details = ("", Decimal("0.3"), "standard", 19)
    assert (found[0].ean, found[0].weight_kg, found[0].tax, found[0].tax_rate) == details
    (shown,) = shop.connector().show([found[0].external_id])
    assert (shown.ean, shown.weight_kg, shown.tax, shown.tax_rate) == details
    assert [int(one.external_id) for one in found] == sorted(int(one.external_id) for one in found)
    assert (found[0].number, found[0].name, found[0].gross, found[0].net, found[0].stock) == (
        "A-0",
        "Hammer 0",
        Decimal("19.99"),
        None,
        5,
    )


def test_products_that_we_made_are_told_from_those_of_others_and_from_copies(shop: Shop) -> None:
    shop.create("1", "2")
    for number, mark in (("COPY-1", "acme/42/1"), ("NEIGHBOUR", "acme/421/7"), ("THEIRS", "")):
        metas = [{"key": MARK, "value": mark}] if mark else []
        shop.admin("products", number=number, meta=metas)
    every = [one["id"] for one in shop.products.values()]

    own = shop.connector().own_articles(every, ())

    assert own == {shop.ids["1"]: "1", shop.ids["2"]: "2"}


def test_numbers_are_looked_up_together(shop: Shop) -> None:
    shop.create("1", "2")

    assert shop.connector().lookup(["a-1", "A-2", "A-3"]) == {
        "a-1": shop.ids["1"],
        "A-2": shop.ids["2"],
    }


@pytest.mark.parametrize("number", ["A 1", "A+1", "50%", "Ä&Ö=ß", "a/b?c#d", "A'1", "~*()!"])
def test_every_number_is_found_again(shop: Shop, number: str) -> None:
    """Signed requests and look-ups have encodings of their own."""
    first = shop.push(Topic.ARTICLE, [unique("1", number=number)], [new("1")])
    again = shop.push(Topic.ARTICLE, [unique("1", number=number)], [new("1")])

    assert [one.error for one in first + again] == [None, None]
    assert again[0].external_id == first[0].external_id
    assert not again[0].was_adopted


def test_the_claim_is_checked_before_every_write(shop: Shop) -> None:
    shop.create(*(str(n) for n in range(12)))

    assert shop.gate.count == shop.routes[BATCH] == 2


def test_rows_that_a_slow_shop_has_no_time_for_go_with_the_next_batch(opened: Any) -> None:
    shop = opened(latency_ms_per_100_rows=500)
    shop.push_s = 0.05

    receipts = shop.create(*(str(n) for n in range(30)))

    left = [one for one in receipts if isinstance(one.error, Busy)]
    assert 0 < len(left) < 30
    assert len(shop.products) == 30 - len(left)


def test_doctor_finds_nothing_wrong_with_a_good_shop(shop: Shop) -> None:
    problems = shop.connector().check()

    assert [one for one in problems if one.is_fault] == []
    assert [one.check for one in problems] == [
        "key",
        "version",
        "tax mode",
        "taxes",
        "units",
        "images",
    ]
    assert shop.products == {}


@pytest.mark.parametrize(
    ("options", "parameters", "check", "words"),
    [
        ({"pretty_permalinks": False}, {}, "access", "Settings > Permalinks is not Plain"),
        (
            {"currency": "CHF"},
            {"currency": "EUR"},
            "currency",
            "currency is CHF, the channel's EUR",
        ),
        ({"manage_stock": False}, {}, "stock", "manages no stock"),
        ({"version": "8.9.1"}, {}, "version", "runs WooCommerce 8.9.1"),
        (
            {},
            {"consumer_key": READ_ONLY.key, "consumer_secret": READ_ONLY.secret},
            "access",
            "does not have write permissions",
        ),
        ({}, {"consumer_secret": "cs_wrong"}, "access", "signature does not match"),
        ({}, {"consumer_key": "oops"}, "parameter consumer_key", "is not a consumer key"),
    ],
)
def test_doctor_names_what_is_wrong(
    opened: Any, options: dict, parameters: dict, check: str, words: str
) -> None:
    shop = opened(**options)
    shop.parameters.update(parameters)

    (fault,) = [one for one in shop.connector().check() if one.is_fault]

    assert (fault.check, words in fault.detail) == (check, True)
    assert fault.do


def test_doctor_sees_php_messages(shop: Shop) -> None:
    shop.fault("php-notice", route="GET /wp-json/wc/v3/taxes")

    faults = [one for one in shop.connector().check() if one.is_fault]

    assert [one.check for one in faults] == ["php messages"]


def keep_net_prices(shop: Shop) -> None:
    """An employee changes the tax mode; the shop turns no price that is there."""
    shop.connector()._client._sent(
        "POST", "/settings/tax/woocommerce_prices_include_tax", {"value": "no"}
    )


def test_doctor_says_each_time_that_prices_are_of_the_other_side(shop: Shop) -> None:
    shop.create("1")
    keep_net_prices(shop)

    faults = [[p.check for p in shop.connector().check() if p.is_fault] for _ in range(3)]

    assert faults == [["tax mode"]] * 3


def test_a_write_tells_in_which_form_prices_go(shop: Shop) -> None:
    shop.create("1")
    keep_net_prices(shop)
    shop.connector().check()

    shop.change(Topic.STOCK, stocked("1", 3))

    assert shop.price_forms.sent == ["gross", "net"]
