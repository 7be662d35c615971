from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from integration.connectors import memory
from integration.connectors.base import Choice, ListingView, Receipt, RemoteRecord
from integration.connectors.besides import TakesDeliveries
from integration.connectors.memory import MemoryConnector, MemoryShop
from integration.documents import (
    DeliveryDocument,
    Image,
    ImagesDocument,
    OrderPart,
    OrderState,
    ParcelDocument,
    ShippedLine,
    StockDocument,
    StockLocation,
    WithdrawalDocument,
)
from integration.errors import (
    Held,
    Invalid,
    MappingMissing,
    Rejected,
    SourceTrouble,
    Throttled,
    TransientError,
)
from integration.mapping_kinds import Kind
from integration.topology import Topic
from tests.unit.connectors.kit import Gate, article, context, new, price

FIRST_TOPICS = (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)


@pytest.fixture(autouse=True)
def _fresh_shops() -> Iterator[None]:
    memory.forget_shops()
    yield
    memory.forget_shops()


@pytest.fixture
def connector() -> MemoryConnector:
    return MemoryConnector(context({}))


@pytest.fixture
def store() -> MemoryShop:
    return memory.shop("acme/42")


def listed(article_id: str = "1") -> ListingView:
    return ListingView(article_id, f"memory-{article_id}", f"A-{article_id}", True)


def create(connector: MemoryConnector, article_id: str = "1") -> Receipt:
    payload = connector.payload(article(article_id), new(article_id))
    return connector.push(Topic.ARTICLE, [payload], key="k")[0]


def test_a_new_article_is_created_with_price_and_stock(
    connector: MemoryConnector, store: MemoryShop
) -> None:
    receipt = create(connector)

    assert receipt == Receipt("1", external_id="memory-1", recorded=FIRST_TOPICS)
    product = store.products["memory-1"]
    assert (product["gross"], product["stock"], product["active"]) == ("19.99", 5, True)
    assert store.writes == [("upsert.article", ["1"])]


def test_first_bodies_are_those_of_later_writes(connector: MemoryConnector) -> None:
    first = connector.payload(article(), new())["first"]

    assert first == {
        Topic.PRICE.value: connector.payload(price(), listed())["body"],
        Topic.STOCK.value: connector.payload(StockDocument("1", 5), listed())["body"],
    }


def test_changes_and_withdrawals_reach_the_product(
    connector: MemoryConnector, store: MemoryShop
) -> None:
    create(connector)

    for topic, document in (
        (Topic.STOCK, StockDocument("1", 2)),
        (Topic.PRICE, price(gross="5")),
        (Topic.ARTICLE, WithdrawalDocument("1")),
    ):
        (receipt,) = connector.push(topic, [connector.payload(document, listed())], key="k")
        assert receipt == Receipt("1", external_id="memory-1", recorded=(topic,))

    product = store.products["memory-1"]
    assert (product["stock"], product["gross"], product["active"]) == (2, "5", False)


def test_stock_by_location_is_kept_by_the_shops_locations(
    connector: MemoryConnector, store: MemoryShop
) -> None:
    connector.push(Topic.ARTICLE, [connector.payload(article("1"), new("1"))], key="k")
    # two storages that are one in the shop
    places = [StockLocation(one, 2, shop_location="hall") for one in "56"]
    both = StockDocument("1", 4, locations=tuple(places))
    unmapped = StockDocument("1", 4, locations=(*places, StockLocation("7", 1, "Yard")))

    connector.push(Topic.STOCK, [connector.payload(both, listed())], key="k")

    assert store.products["memory-1"]["locations"] == {"hall": 4}
    with pytest.raises(MappingMissing, match="stock at the storage Yard") as raised:
        connector.payload(unmapped, listed())
    assert raised.value.reason == "mapping:storage-location:7"


def test_a_product_with_our_number_is_adopted(
    connector: MemoryConnector, store: MemoryShop
) -> None:
    store.products["by-hand"] = {"number": "A-1", "name": "old", "gross": "7", "stock": 2}

    receipt = create(connector)

    assert (receipt.external_id, receipt.was_adopted) == ("by-hand", True)
    assert receipt.recorded == (Topic.ARTICLE,)
    product = store.products["by-hand"]
    assert (product["name"], product["gross"], product["stock"]) == ("Hammer 1", "7", 2)
    assert connector.lookup(["A-1", "A-2"]) == {"A-1": "by-hand"}


def test_a_number_on_several_products_is_nobodys(
    connector: MemoryConnector, store: MemoryShop
) -> None:
    store.products.update(one={"number": "A-1"}, other={"number": "A-1"})

    receipt = create(connector)

    assert isinstance(receipt.error, Held)
    assert "several products with the number A-1: one, other" in str(receipt.error)
    assert connector.lookup_all(["A-1", "A-2"]) == {"A-1": ["one", "other"]}


def test_a_repeated_first_write_is_the_same_write(
    connector: MemoryConnector, store: MemoryShop
) -> None:
    first = create(connector)
    made = copy.deepcopy(store.products)

    assert replace(create(connector), recorded=first.recorded) == first
    assert store.products == made


def test_a_product_that_is_gone_has_vanished(connector: MemoryConnector, store: MemoryShop) -> None:
    create(connector)
    store.products.clear()

    payload = connector.payload(StockDocument("1", 2), listed())

    assert connector.push(Topic.STOCK, [payload], key="k") == [Receipt("1", has_vanished=True)]


def test_what_changes_a_product_needs_one(connector: MemoryConnector) -> None:
    with pytest.raises(Invalid):
        connector.payload(price(), new())
    payload = connector.payload(price(), listed())
    payload["external_id"] = None
    (receipt,) = connector.push(Topic.PRICE, [payload], key="k")
    assert isinstance(receipt.error, Invalid)


def test_a_new_article_without_a_price_is_held(connector: MemoryConnector) -> None:
    with pytest.raises(Held) as caught:
        connector.payload(article(price=None), new())

    assert caught.value.reason == "no-price"


def test_two_articles_of_a_batch_with_one_number_do_not_end_in_one_product(
    connector: MemoryConnector, store: MemoryShop
) -> None:
    articles = [article("1"), article("2", number="a-1")]

    first, second = connector.push(
        Topic.ARTICLE,
        [connector.payload(one, new(one.article_id)) for one in articles],
        key="k",
    )

    assert (first.external_id, first.error) == ("memory-1", None)
    assert isinstance(second.error, Rejected)
    assert list(store.products) == ["memory-1"]


def test_refused_numbers_refuse_only_their_row(
    connector: MemoryConnector, store: MemoryShop
) -> None:
    store.refused_numbers["A-1"] = "not in this shop"
    rows = [connector.payload(article(n, stock=None), new(n)) for n in ("1", "2")]

    bad, good = connector.push(Topic.ARTICLE, rows, key="k")

    assert isinstance(bad.error, Rejected)
    assert str(bad.error) == "not in this shop"
    assert good.recorded == (Topic.ARTICLE, Topic.PRICE)


def test_failures_come_once_each_and_before_anything_is_written(
    connector: MemoryConnector, store: MemoryShop
) -> None:
    store.failures.append(Throttled("slow down", 3.0))

    with pytest.raises(Throttled):
        create(connector)

    assert (store.products, store.writes) == ({}, [])
    assert create(connector).error is None


def test_a_lost_answer_leaves_the_write_in_place(
    connector: MemoryConnector, store: MemoryShop
) -> None:
    store.failures_after.append(TransientError("cut", outcome_unknown=True))

    with pytest.raises(TransientError) as caught:
        create(connector)

    assert caught.value.outcome_unknown
    assert list(store.products) == ["memory-1"]


def test_the_claim_is_checked_before_a_write(store: MemoryShop) -> None:
    gate = Gate()
    gate.refusal = {1: Invalid("lost")}

    with pytest.raises(Invalid):
        create(MemoryConnector(context({}, gate=gate)))

    assert store.products == {}


def test_scan_shows_everything_in_order(connector: MemoryConnector) -> None:
    for one in ("2", "1"):
        create(connector, one)

    records = list(connector.scan([]))

    assert [one.external_id for one in records] == ["memory-1", "memory-2"]
    assert records[0] == RemoteRecord(
        "memory-1",
        "A-1",
        "Hammer 1",
        True,
        Decimal("16.7983"),
        Decimal("19.99"),
        5,
        description="Stahl, 300 g",
        ean="4006381333931",
        weight_kg=Decimal("0.3"),
        tax_rate=Decimal(19),
        is_visible=True,
    )


def test_shops_are_shared_by_namespace_only() -> None:
    assert memory.shop("a") is memory.shop("a")
    assert memory.shop("a") is not memory.shop("b")
    assert MemoryConnector(context({}, namespace="a")).check() == []


def test_a_channel_that_keeps_nothing_accepts_what_no_process_has_seen(store: MemoryShop) -> None:
    gate = Gate()
    connector = MemoryConnector(context({"keeps_nothing": "yes"}, gate=gate))
    stock = connector.payload(StockDocument("1", 7), listed())
    first = connector.payload(article("2"), new("2"))

    changed = connector.push(Topic.STOCK, [stock], key="k")
    created = connector.push(Topic.ARTICLE, [first], key="k")

    assert changed == [Receipt("1", external_id="memory-1", recorded=(Topic.STOCK,))]
    assert created == [Receipt("2", external_id="memory-2", recorded=FIRST_TOPICS)]
    assert gate.count == 2
    assert (store.products, store.writes) == ({}, [])


def test_a_shop_with_taxes_demands_one_of_them_by_mapping_or_rate(
    connector: MemoryConnector, store: MemoryShop
) -> None:
    store.choices[Kind.TAX] = [Choice("t19", "Standard", "19")]
    documents = [
        article("1"),
        article("2", tax_rate=Decimal("7"), tax="2"),
        article("3", tax_rate=Decimal("7"), shop_tax="t19"),
        article("4", shop_tax="gone", tax="4"),
    ]

    receipts = connector.push(
        Topic.ARTICLE,
        [connector.payload(one, new(one.article_id)) for one in documents],
        key="k",
    )

    errors = [getattr(one.error, "reason", None) for one in receipts]
    assert errors == [None, "mapping:tax:2", None, "mapping:tax:4"]
    assert connector.offers(Kind.TAX) == store.choices[Kind.TAX]
    assert connector.offers(Kind.CATEGORY) is None


def test_a_delivery_is_one_fulfilment_however_often_it_comes(
    connector: MemoryConnector, store: MemoryShop
) -> None:
    lines = (ShippedLine("7", "A-1", Decimal("2.0")),)
    document = DeliveryDocument(
        "600",
        (OrderPart("500", "S1", OrderState.PARTLY_SHIPPED, lines),),
        (ParcelDocument("T1", "https://t.example/T1", "3", "DHL"),),
    )
    assert isinstance(connector, TakesDeliveries)
    payload = connector.delivery_payload(document, None)

    for _ in range(2):
        (receipt,) = connector.push(Topic.ORDER_STATUS, [payload], key="k")

    assert receipt == Receipt("600", external_id="memory-600", recorded=(Topic.ORDER_STATUS,))
    assert store.fulfilments == {
        "600": {
            "orders": [{"order": "S1", "state": "partly-shipped", "lines": [["7", "2"]]}],
            "parcels": [{"number": "T1", "url": "https://t.example/T1", "carrier": "DHL"}],
            "is_cancelled": False,
        }
    }


def test_images_are_fetched_once_shown_in_order_and_go(store: MemoryShop) -> None:
    def open_file(ref: str) -> Iterator[bytes]:
        if ref == "9":
            raise SourceTrouble("the ERP answered 500")
        yield from (b"picture ", ref.encode())

    connector = MemoryConnector(context({}, open_file=open_file))
    create(connector)

    def show(*refs: str) -> Receipt:
        images = tuple(Image(ref, "1", f"bild-{ref}", "png", "image/png") for ref in refs)
        payload = connector.payload(ImagesDocument("1", images), listed())
        return connector.push(Topic.MEDIA, [payload], key="k")[0]

    assert show("7", "8") == Receipt("1", external_id="memory-1", recorded=(Topic.MEDIA,))
    assert show("8").error is None
    assert store.uploads == ["7", "8"]
    failed = show("9", "8")
    assert isinstance(failed.error, SourceTrouble)
    assert [one["ref"] for one in store.products["memory-1"]["images"]] == ["8"]
