from __future__ import annotations

import json
from decimal import Decimal

import pytest
import responses

from integration import wire
from integration.connectors.base import Payload, Receipt
from integration.connectors.shopware6 import ids
from integration.connectors.shopware6.rows import CREATED_WITH
from integration.documents import Document, StockDocument, WithdrawalDocument
from integration.errors import (
    ChannelError,
    ClaimLost,
    Held,
    Invalid,
    MappingMissing,
    Rejected,
    TransientError,
)
from integration.topology import Topic
from tests.unit.connectors.kit import (
    CHANNEL_ID,
    EURO,
    SYNC,
    TAX_7,
    TAX_19,
    Facts,
    Gate,
    Shop,
    accepted,
    article,
    blank,
    connector,
    duplicate,
    envelope,
    hex_id,
    listed,
    missing_row,
    new,
    price,
    sql_error,
)

OWN_ID = ids.product_id("acme/42", "1")
FIRST_WRITE = {
    "id": OWN_ID,
    "productNumber": "A-1",
    "name": "Hammer 1",
    "description": "Stahl, 300 g",
    "ean": "4006381333931",
    "weight": 0.3,
    "active": True,
    "taxId": TAX_19,
    "price": [{"currencyId": EURO, "gross": 19.99, "net": 16.7983, "linked": False}],
    "stock": 5,
    "isCloseout": True,
    "visibilities": [
        {
            "id": ids.visibility_id("acme/42", "1"),
            "salesChannelId": CHANNEL_ID,
            "visibility": 30,
        }
    ],
}
OF_OUR_CHANNEL = {"filter": [{"type": "equals", "field": "salesChannelId", "value": CHANNEL_ID}]}
FIRST_TOPICS = (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)


def first(*article_ids: str, **changes: object) -> list[Payload]:
    return [connector().payload(article(one, **changes), new(one)) for one in article_ids]


def row_of_channel(level: int) -> dict[str, object]:
    """A row of our sales channel that somebody else made."""
    return {"id": hex_id("v"), "visibility": level}


def update(document: Document, article_id: str = "1") -> Payload:
    return connector().payload(document, listed(article_id))


def test_a_new_product_is_created_with_price_stock_and_visibility(shop: Shop, gate: Gate) -> None:
    shop.finds("product")
    shop.accepts_everything()

    receipts = connector(gate=gate).push(Topic.ARTICLE, first("1"), key="k")

    assert receipts == [Receipt("1", external_id=OWN_ID, recorded=FIRST_TOPICS)]
    assert shop.written == [[FIRST_WRITE]]
    assert gate.count == 1


def test_the_request_is_a_sync_with_exact_decimals_and_queued_indexing(shop: Shop) -> None:
    shop.accepts_everything()

    connector().push(Topic.PRICE, [update(price(gross="0.10", net="1234567.8901"))], key="k")

    request = shop.mock.calls[0].request
    assert request.headers["indexing-behavior"] == "use-queue-indexing"
    assert request.headers["Accept"] == request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == "Bearer good"
    assert (
        request.body
        == (
            '[{"key":"product","entity":"product","action":"upsert","payload":[{"id":"'
            + hex_id("1")
            + '","price":[{"currencyId":"'
            + EURO
            + '","gross":0.1,"net":1234567.8901,"linked":false}]}]}]'
        ).encode()
    )


def test_the_look_up_asks_for_numbers_and_what_is_visible_only(shop: Shop) -> None:
    shop.finds("product")
    shop.accepts_everything()

    connector().push(Topic.ARTICLE, first("1", "2"), key="k")

    assert shop.bodies("/api/search/product") == [
        {
            "limit": 500,
            "total-count-mode": 0,
            "filter": [{"type": "equalsAny", "field": "productNumber", "value": ["A-1", "A-2"]}],
            "includes": {
                "product": ["id", "productNumber", "visibilities"],
                "product_visibility": ["id", "visibility"],
            },
            "associations": {"visibilities": OF_OUR_CHANNEL},
        }
    ]


def test_numbers_are_looked_up_a_hundred_at_a_time(shop: Shop) -> None:
    for _ in range(2):
        shop.finds("product")
    numbers = [f"N{n}" for n in range(150)]

    assert connector().lookup(numbers) == {}

    asked = [body["filter"][0]["value"] for body in shop.bodies("/api/search/product")]
    assert [len(one) for one in asked] == [100, 50]


def test_lookup_matches_numbers_as_the_shop_does(shop: Shop) -> None:
    shop.finds("product", {"id": hex_id("7"), "productNumber": "AB-1"})

    assert connector().lookup(["ab-1", "other"]) == {"ab-1": hex_id("7")}


def test_a_product_with_our_number_is_adopted(shop: Shop) -> None:
    shop.finds("product", {"id": hex_id("7"), "productNumber": "A-1", "visibilities": []})
    shop.accepts_everything()

    receipts = connector().push(Topic.ARTICLE, first("1"), key="k")

    assert receipts == [
        Receipt("1", external_id=hex_id("7"), was_adopted=True, recorded=(Topic.ARTICLE,))
    ]
    article = {name: one for name, one in FIRST_WRITE.items() if name not in CREATED_WITH}
    assert shop.written == [[{**article, "id": hex_id("7")}]]


def test_a_visibility_that_somebody_has_set_stays(shop: Shop) -> None:
    row = {"id": hex_id("7"), "productNumber": "A-1"}
    shop.finds("product", {**row, "visibilities": [row_of_channel(20)]})
    shop.accepts_everything()

    connector().push(Topic.ARTICLE, first("1"), key="k")

    ((written,),) = shop.written
    assert "visibilities" not in written


def test_a_visibility_that_hides_an_adopted_product_is_raised(shop: Shop) -> None:
    row = {"id": hex_id("7"), "productNumber": "A-1"}
    shop.finds("product", {**row, "visibilities": [row_of_channel(10)]})
    shop.syncs({"data": {"product_visibility": [hex_id("v")]}})
    shop.accepts_everything()

    (receipt,) = connector().push(Topic.ARTICLE, first("1"), key="k")

    assert receipt.was_adopted
    shown = {"id": hex_id("v"), "productId": hex_id("7"), "salesChannelId": CHANNEL_ID}
    assert shop.written[0] == [{**shown, "visibility": 30}]
    assert "visibilities" not in shop.written[1][0]


def restated(article_id: str, **changes: object) -> Payload:
    return {**update(article(article_id, **changes), article_id), "is_restated": True}


def test_of_products_that_are_told_anew_those_that_nobody_finds_are_shown(shop: Shop) -> None:
    ids_asked = [hex_id(one) for one in ("1", "2", "3")]
    visibilities = [[], [row_of_channel(10)], [row_of_channel(20)]]
    rows = zip(ids_asked, visibilities, strict=True)
    shop.finds("product", *({"id": one, "visibilities": found} for one, found in rows))
    own_id = ids.visibility_id("acme/42", "1")
    shop.syncs({"data": {"product_visibility": [own_id, hex_id("v")]}})
    shop.accepts_everything()
    off = restated("4", is_active=False)

    receipts = connector().push(
        Topic.ARTICLE, [*map(restated, ("1", "2", "3")), off, update(article("5"), "5")], key="k"
    )

    assert [one.error for one in receipts] == [None] * 5
    (asked,) = shop.bodies("/api/search/product")
    assert asked["ids"] == ids_asked
    assert asked["associations"] == {"visibilities": OF_OUR_CHANNEL}
    assert [(one["id"], one["productId"], one["visibility"]) for one in shop.written[0]] == [
        (own_id, hex_id("1"), 30),
        (hex_id("v"), hex_id("2"), 30),
    ]
    assert [row["id"] for row in shop.written[1]] == [hex_id(one) for one in "12345"]


def test_what_the_shop_does_not_show_goes_again_and_keeps_nothing_else_back(shop: Shop) -> None:
    hidden = [{"id": hex_id(one), "visibilities": []} for one in ("1", "2")]
    shop.finds("product", *hidden)
    own_ids = [ids.visibility_id("acme/42", one) for one in ("1", "2")]
    refusal = envelope(sql_error("1062", "SQLSTATE[23000]: 1062 Duplicate entry"))
    shop.syncs(refusal, 500)
    shop.syncs(refusal, 500)
    shop.syncs({"data": {"product_visibility": own_ids[1:]}})
    shop.accepts_everything()

    refused, shown, other = connector().push(
        Topic.ARTICLE, [*map(restated, ("1", "2")), update(article("3"), "3")], key="k"
    )

    assert isinstance(refused.error, TransientError)
    assert (shown.error, other.error) == (None, None)
    assert [row["id"] for row in shop.written[3]] == [hex_id("2"), hex_id("3")]


def test_a_visibility_that_the_shop_does_not_name_is_no_success(shop: Shop) -> None:
    shop.finds("product", {"id": hex_id("1"), "visibilities": []})
    shop.syncs({"data": []})

    (receipt,) = connector().push(Topic.ARTICLE, [restated("1")], key="k")

    assert isinstance(receipt.error, Rejected)


def test_our_own_product_of_an_earlier_try_is_not_an_adoption(shop: Shop) -> None:
    shop.finds("product", {"id": OWN_ID, "productNumber": "A-1", "visibilities": []})
    shop.accepts_everything()

    assert connector().push(Topic.ARTICLE, first("1"), key="k") == [
        Receipt("1", external_id=OWN_ID, recorded=(Topic.ARTICLE,))
    ]


def test_a_product_that_somebody_creates_meanwhile_is_adopted_once(shop: Shop, gate: Gate) -> None:
    shop.finds("product")
    shop.syncs(envelope(duplicate("A-1")), 400)
    shop.syncs(accepted([ids.product_id("acme/42", "2")]))
    shop.finds("product", {"id": hex_id("7"), "productNumber": "A-1", "visibilities": []})
    shop.syncs(accepted([hex_id("7")]))

    receipts = connector(gate=gate).push(Topic.ARTICLE, first("1", "2"), key="k")

    assert [one.external_id for one in receipts] == [hex_id("7"), ids.product_id("acme/42", "2")]
    assert [one.was_adopted for one in receipts] == [True, False]
    assert gate.count == 3


def test_a_number_that_is_taken_by_nobody_we_can_find_is_refused(shop: Shop) -> None:
    shop.finds("product")
    shop.syncs(envelope(duplicate("A-1")), 400)
    shop.finds("product")

    (receipt,) = connector().push(Topic.ARTICLE, first("1"), key="k")

    assert isinstance(receipt.error, Rejected)
    assert str(receipt.error) == 'Product with number "A-1" already exists.'


def test_a_new_number_that_another_product_has_is_refused(shop: Shop) -> None:
    shop.syncs(envelope(duplicate("A-1")), 400)

    (receipt,) = connector().push(Topic.ARTICLE, [update(article())], key="k")

    assert isinstance(receipt.error, Rejected)


def test_two_articles_with_one_number_never_share_a_product(shop: Shop) -> None:
    shop.finds("product")
    shop.accepts_everything()

    good, bad = connector().push(
        Topic.ARTICLE, [*first("1", number="N"), *first("2", number="n")], key="k"
    )

    assert good.external_id == OWN_ID
    assert str(bad.error) == "another article of the ERP has the number n as well"
    assert len(shop.written[0]) == 1


def test_a_number_that_moves_to_a_new_article_does_not_take_the_product_along(shop: Shop) -> None:
    renumbered = update(article("2", number="B"), "2")
    shop.finds("product", {"id": hex_id("2"), "productNumber": "A-2", "visibilities": []})
    shop.accepts_everything()

    waiting, moved = connector().push(
        Topic.ARTICLE, [*first("1", number="A-2"), renumbered], key="k"
    )

    assert isinstance(waiting.error, TransientError)
    assert moved.external_id == hex_id("2")
    assert [row["productNumber"] for row in shop.written[0]] == ["B"]


def test_an_update_of_master_data_touches_neither_price_nor_stock_nor_visibility(
    shop: Shop,
) -> None:
    shop.accepts_everything()

    receipts = connector().push(Topic.ARTICLE, [update(article())], key="k")

    assert receipts == [Receipt("1", external_id=hex_id("1"), recorded=(Topic.ARTICLE,))]
    (row,) = shop.written[0]
    assert row["id"] == hex_id("1")
    assert set(row) == {
        "id", "productNumber", "name", "description", "ean", "weight", "active", "taxId"
    }  # fmt: skip


def test_a_withdrawal_is_one_small_write(shop: Shop) -> None:
    shop.accepts_everything()

    connector().push(Topic.ARTICLE, [update(WithdrawalDocument("1"))], key="k")

    assert shop.written == [[{"id": hex_id("1"), "active": False}]]


def test_stock_is_one_small_write(shop: Shop) -> None:
    shop.accepts_everything()

    receipts = connector().push(Topic.STOCK, [update(StockDocument("1", 3))], key="k")

    assert shop.written == [[{"id": hex_id("1"), "stock": 3, "isCloseout": True}]]
    assert receipts[0].recorded == (Topic.STOCK,)


def test_a_product_without_known_stock_is_created_empty_and_does_not_claim_it(shop: Shop) -> None:
    shop.finds("product")
    shop.accepts_everything()

    (receipt,) = connector().push(Topic.ARTICLE, first("1", stock=None), key="k")

    assert shop.written[0][0]["stock"] == 0
    assert receipt.recorded == (Topic.ARTICLE, Topic.PRICE)


def test_a_first_write_whose_price_got_lost_is_held(shop: Shop) -> None:
    (payload,) = first("1")
    del payload["first"]

    (receipt,) = connector().push(Topic.ARTICLE, [payload], key="k")

    assert isinstance(receipt.error, Held)
    assert receipt.error.reason == "no-price"


def test_a_price_without_a_product_is_invalid_and_not_sent(shop: Shop) -> None:
    payload = update(price())
    payload["external_id"] = None

    (receipt,) = connector().push(Topic.PRICE, [payload], key="k")

    assert isinstance(receipt.error, Invalid)


def test_manufacturers_of_the_shop_are_used_and_new_ones_created(shop: Shop) -> None:
    shop.finds("product-manufacturer", {"id": hex_id("9"), "name": "GEDORE"})
    shop.accepts_everything()
    rows = [
        update(article("1", manufacturer="Gedore"), "1"),
        update(article("2", manufacturer="Knipex"), "2"),
    ]

    connector().push(Topic.ARTICLE, rows, key="k")

    known, created = shop.written[0]
    assert known["manufacturerId"] == hex_id("9")
    assert created["manufacturer"] == {
        "id": ids.manufacturer_id("acme/42", "Knipex"),
        "name": "Knipex",
    }


def test_a_missing_tax_is_asked_for_once_and_then_holds_only_its_row(shop: Shop) -> None:
    facts = Facts({"tax-ids": {"19": TAX_19}})
    shop.finds(
        "tax",
        {"id": TAX_19, "taxRate": 19, "position": 1},
        {"id": hex_id("z"), "taxRate": 19, "position": 4},
        {"id": TAX_7, "taxRate": 7.0, "position": 2},
    )
    shop.accepts_everything()
    rows = [update(article(one, tax_rate=rate), one) for one, rate in _rates()]

    good, reduced, odd = connector(facts=facts).push(Topic.ARTICLE, rows, key="k")

    assert (good.error, reduced.error) == (None, None)
    assert [row["taxId"] for row in shop.written[0]] == [TAX_19, TAX_7]
    assert isinstance(odd.error, MappingMissing)
    assert odd.error.reason == "mapping:tax:1"
    assert "the shop has no tax of 8.1 %" in str(odd.error)
    assert facts.values["tax-ids"] == {"19": TAX_19, "7": TAX_7}


def _rates() -> list[tuple[str, object]]:
    return [(str(n), wire.loads(rate)) for n, rate in enumerate(["19.0", "7.0", "8.10"], 1)]


def test_a_mapped_tax_is_sent_without_a_look_at_rates(shop: Shop) -> None:
    facts = Facts({"all-tax-ids": [TAX_19, TAX_7]})
    shop.accepts_everything()
    mapped = update(article("1", tax_rate=Decimal("8.1"), shop_tax=TAX_7), "1")

    (receipt,) = connector(facts=facts).push(Topic.ARTICLE, [mapped], key="k")

    assert receipt.error is None
    assert shop.written[0][0]["taxId"] == TAX_7


def test_a_mapping_to_a_tax_that_the_shop_lost_holds_its_row_only(shop: Shop) -> None:
    facts = Facts({"tax-ids": {"19": TAX_19}, "all-tax-ids": [TAX_19]})
    shop.finds("tax", {"id": TAX_19, "taxRate": 19}, {"id": TAX_7, "taxRate": 19})
    shop.accepts_everything()
    rows = [
        update(article("1", shop_tax=hex_id("gone"), tax="4"), "1"),
        update(article("2", shop_tax=TAX_7, tax="5"), "2"),
        update(article("3"), "3"),
    ]

    lost, copy, by_rate = connector(facts=facts).push(Topic.ARTICLE, rows, key="k")

    assert isinstance(lost.error, MappingMissing)
    assert lost.error.reason == "mapping:tax:4"
    assert (copy.error, by_rate.error) == (None, None)
    assert [row["taxId"] for row in shop.written[0]] == [TAX_7, TAX_19]
    assert facts.values["all-tax-ids"] == [TAX_19, TAX_7]


def test_a_payload_of_the_version_before_is_held_by_its_rate(shop: Shop) -> None:
    facts = Facts({"tax-ids": {"19": TAX_19}})
    shop.finds("tax", {"id": TAX_19, "taxRate": 19})
    old = update(article("1", tax_rate=Decimal("8.1")), "1")
    del old["tax"]

    (receipt,) = connector(facts=facts).push(Topic.ARTICLE, [old], key="k")

    assert isinstance(receipt.error, MappingMissing)
    assert receipt.error.reason == "mapping:tax:8.1%"


def test_a_tax_that_was_deleted_in_the_shop_is_looked_up_again_once(shop: Shop, gate: Gate) -> None:
    facts = Facts({"tax-ids": {"19": hex_id("gone")}})
    shop.syncs(envelope(missing_row("tax", "tax_id")), 500)
    shop.finds("tax", {"id": TAX_19, "taxRate": 19})
    shop.syncs(accepted([hex_id("1")]))

    (receipt,) = connector(facts=facts, gate=gate).push(Topic.ARTICLE, [update(article())], key="k")

    assert receipt.error is None
    assert [rows[0]["taxId"] for rows in shop.written] == [hex_id("gone"), TAX_19]
    assert gate.count == 2


def test_a_tax_that_stays_missing_is_refused_after_one_repetition(shop: Shop) -> None:
    for _ in range(2):
        shop.syncs(envelope(missing_row("tax", "tax_id")), 500)
    shop.finds("tax", {"id": TAX_19, "taxRate": 19})

    (receipt,) = connector().push(Topic.ARTICLE, [update(article())], key="k")

    assert isinstance(receipt.error, Rejected)
    assert "fk.product.tax_id" in str(receipt.error)


def test_an_unknown_sales_channel_holds_the_channel(shop: Shop) -> None:
    shop.finds("product")
    shop.syncs(envelope(missing_row("sales_channel", "sales_channel_id")), 500)

    with pytest.raises(ChannelError, match=f"no sales channel {CHANNEL_ID}; set sales_channel_id"):
        connector().push(Topic.ARTICLE, first("1"), key="k")


def test_a_foreign_default_currency_holds_the_channel_and_writes_nothing(shop: Shop) -> None:
    shop.finds("currency", {"id": EURO, "isoCode": "CHF"})

    with pytest.raises(ChannelError, match="default currency is CHF, but the channel sells in EUR"):
        connector(facts=Facts()).push(Topic.PRICE, [update(price())], key="k")

    assert shop.written == []


def test_the_default_currency_is_asked_once(shop: Shop) -> None:
    facts = Facts()
    shop.finds("currency", {"id": EURO, "isoCode": "EUR"})
    for _ in range(2):
        shop.accepts_everything()

    for _ in range(2):
        connector(facts=facts).push(Topic.PRICE, [update(price())], key="k")

    assert shop.bodies("/api/search/currency") == [
        {
            "limit": 500,
            "total-count-mode": 0,
            "ids": [EURO],
            "includes": {"currency": ["id", "isoCode"]},
        }
    ]


def test_stock_asks_the_shop_for_nothing(shop: Shop) -> None:
    shop.accepts_everything()

    connector(facts=Facts()).push(Topic.STOCK, [update(StockDocument("1", 3))], key="k")

    assert len(shop.mock.calls) == 1


def test_one_bad_row_is_taken_out_and_the_others_arrive(shop: Shop, gate: Gate) -> None:
    rows = [update(StockDocument(one, 3), one) for one in ("1", "2", "3")]
    shop.syncs(envelope(blank("/product/1/taxId"), blank("/product/1/price")), 400)
    shop.syncs(accepted([hex_id("1"), hex_id("3")]))

    receipts = connector(gate=gate).push(Topic.STOCK, rows, key="k")

    assert receipts == [
        Receipt("1", external_id=hex_id("1"), recorded=(Topic.STOCK,)),
        Receipt("2", has_vanished=True),
        Receipt("3", external_id=hex_id("3"), recorded=(Topic.STOCK,)),
    ]
    assert [[row["id"] for row in rows] for rows in shop.written] == [
        [hex_id("1"), hex_id("2"), hex_id("3")],
        [hex_id("1"), hex_id("3")],
    ]
    assert gate.count == 2


def test_a_claim_that_is_lost_stops_the_next_request(shop: Shop, gate: Gate) -> None:
    gate.refusal = {2: ClaimLost("somebody else holds it")}
    rows = [update(StockDocument(one, 3), one) for one in ("1", "2")]
    shop.syncs(envelope(blank("/product/1/taxId")), 400)

    with pytest.raises(ClaimLost):
        connector(gate=gate).push(Topic.STOCK, rows, key="k")

    assert len(shop.written) == 1


def test_nothing_to_push_asks_nothing(shop: Shop) -> None:
    assert connector().push(Topic.STOCK, [], key="k") == []


def test_scan_pages_by_number_and_knows_rows_that_moved(shop: Shop) -> None:
    rows = [
        {"id": f"{n:032x}", "productNumber": f"N{n}", "name": f"P{n}", "active": True, "stock": n}
        for n in range(501)
    ]
    priced = {**rows[0], "price": [{"currencyId": EURO, "net": 16.7983, "gross": 20}]}
    shop.finds("product", priced, *rows[1:500])
    shop.finds("product", rows[499], rows[500])

    records = list(connector().scan(["name", "is_active", "net", "gross", "stock"]))

    assert [one.external_id for one in records] == [row["id"] for row in rows]
    assert (str(records[0].net), str(records[0].gross), records[0].stock) == ("16.7983", "20", 0)
    assert (records[1].net, records[1].name, records[1].is_active) == (None, "P1", True)
    asked = shop.bodies("/api/search/product")
    assert [body["page"] for body in asked] == [1, 2]
    assert asked[0] == {
        "limit": 500,
        "total-count-mode": 0,
        "page": 1,
        "sort": [{"field": "id", "order": "ASC"}],
        "includes": {"product": ["id", "productNumber", "name", "active", "price", "stock"]},
    }


@pytest.mark.parametrize(
    ("row", "is_visible"),
    [
        ({"visibilities": [row_of_channel(30)]}, True),
        ({"visibilities": [row_of_channel(20)]}, True),
        # by direct link only
        ({"visibilities": [row_of_channel(10)]}, False),
        ({"visibilities": []}, False),
        # a variant has its main product's, unless it has one of its own
        ({"visibilities": [], "parentId": hex_id("9")}, None),
        ({"visibilities": [row_of_channel(10)], "parentId": hex_id("9")}, False),
        ({}, None),
    ],
)
def test_a_product_is_visible_that_customers_find(
    shop: Shop, row: dict[str, object], is_visible: bool | None
) -> None:
    shop.finds("product", {"id": hex_id("1"), "productNumber": "A-1", **row})

    (record,) = connector().scan(["is_visible"])

    assert record.is_visible is is_visible
    (asked,) = shop.bodies("/api/search/product")
    assert asked["includes"] == {
        "product": ["id", "productNumber", "visibilities", "parentId"],
        "product_visibility": ["id", "visibility"],
    }
    assert asked["associations"] == {"visibilities": OF_OUR_CHANNEL}


def test_nothing_is_written_before_the_claim_is_checked(shop: Shop) -> None:
    order: list[str] = []

    def sync(request: object) -> tuple[int, dict[str, str], str]:
        order.append("write")
        return 200, {}, json.dumps(accepted([hex_id("1")]))

    class Noting(Gate):
        def __call__(self) -> None:
            order.append("check")

    shop.mock.add_callback(responses.POST, SYNC, sync)

    connector(gate=Noting()).push(Topic.STOCK, [update(StockDocument("1", 3))], key="k")

    assert order == ["check", "write"]
