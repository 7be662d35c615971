"""The Shopware connector against a shop over HTTP, where it is about more than every connector.

What every connector promises, with the shop failing too, is asked in tests/conformance.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import requests

from integration.connectors import http
from integration.connectors.base import Choice, ListingView, Receipt
from integration.connectors.shopware6 import Shopware6Connector, ids
from integration.documents import Document, StockDocument, WithdrawalDocument
from integration.errors import (
    Busy,
    CredentialsRefused,
    MappingMissing,
    Rejected,
    Throttled,
    TransientError,
)
from integration.mapping_kinds import Kind
from integration.topology import Topic
from sandbox.shops.shopware6 import Options, create_app
from tests.contract.connectors.shops import FIRST_TOPICS, ServedShop, served
from tests.unit.connectors.kit import Gate, Tokens, article, context, new, price

SYNC = "POST /api/_action/sync"


class Shop(ServedShop):
    """`tokens` are shared by all connectors, too. Remembers notes, as the service does."""

    ROUTE = SYNC

    def __init__(self, url: str, credentials: dict[str, str]) -> None:
        super().__init__(url, credentials)
        self.tokens = Tokens()
        self.notes: dict[str, Any] = {}

    def connector(
        self,
        *,
        session: requests.Session | None = None,
        topics: Collection[Topic] = Topic,
        **changes: str,
    ) -> Any:
        parts = {"tokens": self.tokens, "facts": self.facts, "gate": self.gate}
        parts["topics"] = frozenset(topics)
        return Shopware6Connector(
            context({**self.parameters, **changes}, session=session, **parts)  # type: ignore[arg-type]
        )

    def push(self, topic: Topic, *documents_and_listings: Any, **parts: Any) -> list[Receipt]:
        receipts = super().push(topic, *documents_and_listings, **parts)
        self.notes.update({r.article_id: r.notes for r in receipts if r.notes is not None})
        return receipts

    def change(self, topic: Topic, *documents: Document) -> list[Receipt]:
        return self.push(topic, documents, [self.known(one.article_id) for one in documents])

    def known(self, article_id: str) -> ListingView:
        return replace(own(article_id), notes=self.notes.get(article_id, {}))


class Employee(Gate):
    """Creates a product right before our first write."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = shop

    def __call__(self) -> None:
        super().__call__()
        if self.count == 1:
            self.shop.admin("products", number="A-1", name="by hand")


@pytest.fixture
def shop() -> Iterator[Shop]:
    with served(lambda url: create_app(Options(), url), Shop) as shop:
        yield shop


def own(article_id: str) -> ListingView:
    return ListingView(
        article_id, ids.product_id("acme/42", article_id), f"A-{article_id}", is_active=True
    )


def test_a_hundred_products_arrive_in_one_write(shop: Shop) -> None:
    wanted = [str(n) for n in range(100)]

    receipts = shop.create(*wanted)

    assert receipts == [
        Receipt(one, external_id=ids.product_id("acme/42", one), recorded=FIRST_TOPICS)
        for one in wanted
    ]
    assert shop.routes[SYNC] == 1
    assert len(shop.products) == 100
    expected = {
        "id": ids.product_id("acme/42", "7"),
        "number": "A-7",
        "name": "Hammer 7",
        "description": "Stahl, 300 g",
        "ean": "4006381333931",
        "weight_kg": Decimal("0.3"),
        "tax_rate": 19,
        "active": True,
        "net": Decimal("16.7983"),
        "gross": Decimal("19.99"),
        "stock": 5,
        "visible": True,
        "writes": 1,
    }
    shown = shop.products["A-7"]
    assert {name: shown[name] for name in expected} == expected


def test_changes_of_each_kind_reach_the_product(shop: Shop) -> None:
    shop.create("1")

    for topic, document in (
        (Topic.ARTICLE, article("1", name="Säge 🪚", ean=None, manufacturer="Gedore")),
        (Topic.PRICE, price("1", gross="0.1", net="0.084")),
        (Topic.STOCK, StockDocument("1", 0)),
    ):
        (receipt,) = shop.change(topic, document)
        assert (receipt.error, receipt.recorded) == (None, (topic,))

    shown = shop.products["A-1"]
    assert (shown["name"], shown["ean"], shown["stock"]) == ("Säge 🪚", None, 0)
    assert (shown["gross"], shown["net"]) == (Decimal("0.1"), Decimal("0.084"))


def test_the_longest_number_is_taken(shop: Shop) -> None:
    (receipt,) = shop.create("1", number="9" * 64)

    assert receipt.error is None
    assert list(shop.products) == ["9" * 64]


def test_a_product_made_by_hand_is_adopted_with_its_price_and_stock(shop: Shop) -> None:
    (made,) = shop.admin("products", number="A-1", name="by hand", stock=99, gross=7)["products"]

    (receipt,) = shop.create("1")

    adopted = Receipt("1", external_id=made["id"], was_adopted=True, recorded=(Topic.ARTICLE,))
    assert receipt == adopted
    shown = shop.products["A-1"]
    assert (shown["id"], shown["name"], shown["stock"], shown["gross"]) == (
        made["id"],
        "Hammer 1",
        99,
        7,
    )


def test_a_product_that_is_deleted_while_it_is_adopted_has_vanished(shop: Shop) -> None:
    class Employee(Gate):
        """Deletes the product right before our write."""

        def __call__(self) -> None:
            super().__call__()
            shop.admin("edit", article="A-1", delete=True)

    shop.admin("products", number="A-1", name="by hand")
    shop.gate = Employee()

    (receipt,) = shop.create("1")

    assert receipt.has_vanished
    assert shop.products == {}


def test_an_adopted_product_becomes_visible(shop: Shop) -> None:
    shop.admin("products", number="A-1", visible=False)

    shop.create("1")

    assert shop.products["A-1"]["visible"] is True


def test_a_product_made_by_hand_between_look_up_and_write_is_adopted(shop: Shop) -> None:
    shop.gate = Employee(shop)

    taken, free = shop.create("1", "2")

    assert taken.was_adopted
    assert not free.was_adopted
    assert {number: one["id"] for number, one in shop.products.items()} == {
        "A-1": taken.external_id,
        "A-2": free.external_id,
    }
    assert shop.products["A-1"]["name"] == "Hammer 1"


@pytest.mark.parametrize(
    ("topic", "document"),
    [
        (Topic.STOCK, StockDocument("1", 1)),
        (Topic.PRICE, price("1")),
        (Topic.ARTICLE, article("1")),
        (Topic.ARTICLE, WithdrawalDocument("1")),
    ],
)
def test_a_product_that_was_deleted_has_vanished_and_stops_nobody(
    shop: Shop, topic: Topic, document: Document
) -> None:
    shop.create("1", "2")
    shop.admin("edit", article="A-1", delete=True)
    other = {Topic.STOCK: StockDocument("2", 1), Topic.PRICE: price("2", gross="1")}

    gone, there = shop.change(topic, document, other.get(topic, article("2")))

    assert gone == Receipt("1", has_vanished=True)
    assert there.error is None
    assert list(shop.products) == ["A-2"]


def test_rows_that_the_shop_rejects_stop_nobody(shop: Shop) -> None:
    for number in ("A-3", "A-7"):
        shop.admin("faults", kind="reject", number=number)

    receipts = shop.create(*(str(n) for n in range(10)))

    bad = {one.article_id: one.error for one in receipts if one.error is not None}
    assert list(bad) == ["3", "7"]
    assert all(isinstance(error, Rejected) for error in bad.values())
    assert str(bad["3"]) == "productNumber: This number is refused by the shop."
    assert len(shop.products) == 8
    assert shop.routes[SYNC] == 2


def test_one_bad_row_in_a_hundred_costs_few_requests(shop: Shop) -> None:
    names = [str(n) for n in range(100)]
    shop.create(*names)
    shop.admin("faults", kind="reject", number="A-42")
    before = shop.routes[SYNC]

    receipts = shop.change(Topic.ARTICLE, *(article(one, name=f"Neu {one}") for one in names))

    assert [one.article_id for one in receipts if one.error is not None] == ["42"]
    assert shop.routes[SYNC] - before <= 1 + 3
    # Two that want a third one's number: the answer names neither, so halves are sent.
    wanted = {"17": "A-50", "77": "A-50"}
    documents = [
        article(one, name=f"Wieder {one}", number=wanted.get(one, f"A-{one}"))
        for one in names
        if one != "42"
    ]
    before = shop.routes[SYNC]

    receipts = shop.change(Topic.ARTICLE, *documents)

    assert {one.article_id for one in receipts if one.error is not None} == set(wanted)
    assert shop.routes[SYNC] - before <= 1 + len(wanted) * 2 * math.log2(100)
    assert shop.products["A-99"]["name"] == "Wieder 99"


def test_a_rate_without_a_tax_holds_its_row_only(shop: Shop) -> None:
    documents = [article("1", tax_rate=Decimal("8.1")), article("2", tax_rate=Decimal("7"))]

    odd, good = shop.push(Topic.ARTICLE, documents, [new("1"), new("2")])

    assert isinstance(odd.error, MappingMissing)
    assert good.error is None
    assert shop.products["A-2"]["tax_rate"] == 7


def test_a_mapped_tax_counts_whatever_the_rate(shop: Shop) -> None:
    reduced = _offered(shop, Kind.TAX)["Reduced rate (7 %)"]

    (receipt,) = shop.create("1", tax_rate=Decimal("8.1"), shop_tax=reduced.id)

    assert receipt.error is None
    assert shop.products["A-1"]["tax_rate"] == 7


def test_a_mapped_tax_that_is_deleted_later_holds_its_row(shop: Shop) -> None:
    shop.facts.put("all-tax-ids", ["f" * 32])

    (receipt,) = shop.create("1", shop_tax="f" * 32)

    assert isinstance(receipt.error, MappingMissing)
    assert receipt.error.reason == "mapping:tax:1"


def test_a_mapped_manufacturer_counts_whatever_its_name(shop: Shop) -> None:
    shop.create("1", manufacturer="Mueller")
    maker = _offered(shop, Kind.MANUFACTURER)["Mueller"]

    (receipt,) = shop.create("2", manufacturer="Müller GmbH", shop_manufacturer=maker.id)

    assert receipt.error is None
    assert list(_offered(shop, Kind.MANUFACTURER)) == ["Mueller"]
    assert shop.products["A-2"]["manufacturer"] == "Mueller"


@pytest.mark.parametrize("maker", ["f" * 32, "Mueller"])
def test_a_mapped_manufacturer_that_the_shop_does_not_have_holds_its_row(
    shop: Shop, maker: str
) -> None:
    (receipt,) = shop.create("1", manufacturer="Müller GmbH", shop_manufacturer=maker)

    assert isinstance(receipt.error, MappingMissing)
    assert receipt.error.reason == "mapping:manufacturer:Müller GmbH"


def test_a_mapped_manufacturer_that_is_deleted_later_holds_its_row(shop: Shop) -> None:
    shop.facts.put("mapped-manufacturers", ["f" * 32])

    (receipt,) = shop.create("1", manufacturer="Müller GmbH", shop_manufacturer="f" * 32)

    assert isinstance(receipt.error, MappingMissing)


def test_the_shop_tells_what_can_be_mapped_to(shop: Shop) -> None:
    taxes, languages = _offered(shop, Kind.TAX), _offered(shop, Kind.LANGUAGE)
    connector = shop.connector()

    assert {label: one.code for label, one in taxes.items()} == {
        "Reduced rate (7 %)": "7",
        "Reduced rate 2 (0 %)": "0",
        "Standard rate (19 %)": "19",
    }
    assert {label: one.code for label, one in languages.items()} == {
        "Deutsch": "de-DE",
        "English": "en-GB",
    }
    assert list(_offered(shop, Kind.CATEGORY)) == ["Catalogue #1"]
    assert connector.offers(Kind.UNIT) is None
    assert connector.offers(Kind.STORAGE_LOCATION) is None


def _offered(shop: Shop, kind: Kind) -> dict[str, Choice]:
    choices = shop.connector().offers(kind)
    assert choices is not None
    return {one.label: one for one in choices}


def test_stale_tax_ids_are_forgotten(shop: Shop) -> None:
    shop.facts.put("tax-ids", {"19": "f" * 32})

    (receipt,) = shop.create("1")

    assert receipt.error is None
    assert shop.products["A-1"]["tax_rate"] == 19


def made_by(shop: Shop, manufacturer: str | None, mapped: str | None = None) -> str | None:
    """Carry the article with this manufacturer; the one that the shop shows then."""
    name = f"Hammer {shop.routes[SYNC]}"  # so that there is something to send
    maker = {"manufacturer": manufacturer, "shop_manufacturer": mapped}
    (receipt,) = shop.change(Topic.ARTICLE, article("1", name=name, **maker))
    assert receipt.error is None
    shown: str | None = shop.products["A-1"]["manufacturer"]
    return shown


def by_hand(shop: Shop, manufacturer: str) -> None:
    """An employee gives the product another manufacturer."""
    row = {"id": own("1").external_id, "manufacturer": {"name": manufacturer}}
    operation = {"key": "w", "entity": "product", "action": "upsert", "payload": [row]}
    shop.connector()._client.sync([operation], "product")


def test_a_manufacturer_that_the_erp_has_no_more_is_taken_away_again(shop: Shop) -> None:
    shop.create("1")
    assert made_by(shop, "ACME") == "ACME"
    before = shop.connector().payload(article("1"), shop.known("1"))["body"]

    assert made_by(shop, None) is None

    # Nothing is sent once more because of it.
    assert shop.connector().payload(article("1"), shop.known("1"))["body"] == before
    # What an employee enters now is not ours.
    by_hand(shop, "Gedore")
    assert made_by(shop, None) == "Gedore"
    assert made_by(shop, "ACME") == "ACME"


def test_the_manufacturer_of_a_first_write_is_taken_away_too(shop: Shop) -> None:
    shop.create("1", manufacturer="ACME")

    assert made_by(shop, None) is None


def test_a_mapped_manufacturer_is_replaced_and_taken_away_like_one_of_the_same_name(
    shop: Shop,
) -> None:
    shop.create("1", manufacturer="Mueller")
    shop.create("2", manufacturer="Gedore")
    mueller, gedore = (_offered(shop, Kind.MANUFACTURER)[one].id for one in ("Mueller", "Gedore"))

    assert made_by(shop, "Müller GmbH", gedore) == "Gedore"
    assert made_by(shop, "Müller GmbH", mueller) == "Mueller"
    assert shop.notes["1"]["manufacturer"] == mueller
    assert made_by(shop, None) is None
    assert shop.notes["1"]["manufacturer"] == ""


def test_a_mapped_manufacturer_of_a_first_write_is_taken_away_too(shop: Shop) -> None:
    shop.create("2", manufacturer="Mueller")
    mueller = _offered(shop, Kind.MANUFACTURER)["Mueller"].id
    shop.create("1", manufacturer="Müller GmbH", shop_manufacturer=mueller)

    assert made_by(shop, None) is None


def test_a_manufacturer_that_an_employee_put_in_the_place_of_a_mapped_one_stays(
    shop: Shop,
) -> None:
    shop.create("1", manufacturer="Mueller")
    mueller = _offered(shop, Kind.MANUFACTURER)["Mueller"].id
    made_by(shop, "Müller GmbH", mueller)
    by_hand(shop, "Gedore")

    assert made_by(shop, None) == "Gedore"


def test_a_manufacturer_that_an_employee_put_in_the_place_of_ours_stays(shop: Shop) -> None:
    shop.create("1", manufacturer="ACME")
    by_hand(shop, "Gedore")

    assert made_by(shop, None) == "Gedore"


def test_a_manufacturer_of_a_product_that_never_had_one_of_ours_stays(shop: Shop) -> None:
    shop.create("1")
    by_hand(shop, "Gedore")
    looked_up = shop.routes["POST /api/search/product"]

    assert made_by(shop, None) == "Gedore"
    assert shop.routes["POST /api/search/product"] == looked_up


def test_manufacturers_are_created_once(shop: Shop) -> None:
    for one in ("1", "2"):
        (receipt,) = shop.create(one, manufacturer="Gedore")
        assert receipt.error is None

    (row,) = shop.connector()._client.search("product-manufacturer")
    assert row["name"] == "Gedore"


def test_a_deadlock_is_overcome(shop: Shop) -> None:
    shop.fault("deadlock", count=3)

    (receipt,) = shop.create("1")

    assert receipt.error is None
    assert shop.gate.count == 4


def test_a_shop_that_stays_locked_is_busy(shop: Shop) -> None:
    shop.fault("deadlock", count=4)

    with pytest.raises(Busy):
        shop.create("1")

    assert shop.products == {}


@pytest.mark.parametrize(("kind", "pause_s"), [("429", 1.0), ("429-bare", 10.0)])
def test_429_writes_nothing_and_says_how_long(shop: Shop, kind: str, pause_s: float) -> None:
    shop.fault(kind)

    with pytest.raises(Throttled) as caught:
        shop.create("1")

    assert caught.value.retry_after_s == pause_s
    assert shop.products == {}


def test_a_revoked_token_is_replaced_once(shop: Shop) -> None:
    shop.create("1")
    shop.fault("token-revoked")

    (receipt,) = shop.change(Topic.STOCK, StockDocument("1", 1))

    assert receipt.error is None
    assert shop.routes["POST /api/oauth/token"] == 2


def test_all_connectors_of_a_channel_share_one_token(shop: Shop) -> None:
    for one in ("1", "2", "3"):
        shop.create(one)

    assert shop.routes["POST /api/oauth/token"] == 1


def test_wrong_credentials_are_told_apart_from_everything_else(shop: Shop) -> None:
    with pytest.raises(CredentialsRefused, match="client_id SWIAWRONG"):
        shop.connector(client_id="SWIAWRONG").lookup(["A-1"])


def test_a_shop_that_answers_too_late_leaves_the_outcome_unknown(shop: Shop) -> None:
    shop.create("1")
    shop.fault("slow", count=1, seconds=1.0)
    session = http.session()
    session.request = lambda *args, **kwargs: requests.Session.request(  # type: ignore[method-assign]
        session, *args, **{**kwargs, "timeout": 0.2}
    )
    connector = shop.connector(session=session)
    payload = connector.payload(StockDocument("1", 1), own("1"))

    with pytest.raises(TransientError) as caught:
        connector.push(Topic.STOCK, [payload], key="k")

    assert caught.value.outcome_unknown


@pytest.mark.parametrize(("kind", "is_unknown"), [("html", True), ("503", False)])
def test_failures_of_the_shop_are_transient(shop: Shop, kind: str, is_unknown: bool) -> None:
    shop.fault(kind)

    with pytest.raises(TransientError) as caught:
        shop.create("1")

    assert caught.value.outcome_unknown is is_unknown
    assert shop.products == {}


def test_two_articles_that_want_a_number_that_is_taken_are_found_by_halving(shop: Shop) -> None:
    # no pointer, and the number in the answer fits both rows
    shop.create("1", "2", "3", "4")
    documents = [
        article("1", number="A-4"),
        article("2", name="Neu"),
        article("3", number="A-4"),
    ]

    first, second, third = shop.change(Topic.ARTICLE, *documents)

    assert (str(first.error), second.error) == (
        'Product with number "A-4" already exists.',
        None,
    )
    assert isinstance(third.error, Rejected)
    assert shop.products["A-2"]["name"] == "Neu"


def test_what_is_there_can_be_looked_up_and_read_back(shop: Shop) -> None:
    shop.create(*(str(n) for n in range(100)))
    shop.admin("edit", article="A-5", set={"name": "changed by hand", "stock": 1, "tax_rate": 7})
    shop.admin("edit", article="A-6", set={"ean": None, "weight_kg": None})
    fields = ("name", "is_active", "net", "gross", "stock", "ean", "weight_kg", "tax", "tax_rate")

    records = {one.number: one for one in shop.connector().scan(fields)}

    assert len(records) == 100
    assert (records["A-5"].name, records["A-5"].stock) == ("changed by hand", 1)
    assert (records["A-6"].gross, records["A-6"].net) == (Decimal("19.99"), Decimal("16.7983"))
    assert records["A-6"].is_active is True
    assert (records["A-5"].ean, records["A-5"].weight_kg) == ("4006381333931", Decimal("0.3"))
    assert (records["A-6"].ean, records["A-6"].weight_kg) == ("", 0)
    assert (records["A-5"].tax_rate, records["A-6"].tax_rate) == (7, 19)
    assert records["A-5"].tax != records["A-6"].tax
    (shown,) = shop.connector().show([records["A-5"].external_id])
    assert (shown.ean, shown.weight_kg, shown.tax, shown.tax_rate) == (
        *("4006381333931", Decimal("0.3")),
        *(records["A-5"].tax, 7),
    )
    assert shop.connector().lookup(["A-6", "A-none"]) == {"A-6": records["A-6"].external_id}


def test_scan_is_ordered_and_complete_over_several_pages(shop: Shop) -> None:
    for start in range(0, 600, 100):
        shop.create(*(str(n) for n in range(start, start + 100)))

    found = [one.external_id for one in shop.connector().scan([])]

    assert found == sorted(ids.product_id("acme/42", str(n)) for n in range(600))


def test_a_healthy_shop_has_no_faults(shop: Shop) -> None:
    assert [one for one in shop.connector().check() if one.is_fault] == []


def test_check_writes_nothing(shop: Shop) -> None:
    shop.connector().check()

    assert (shop.gate.count, SYNC in shop.routes) == (0, False)


def test_check_names_what_is_wrong(shop: Shop) -> None:
    wrong = shop.connector(sales_channel_id="f" * 32, currency="CHF").check()

    assert [one.check for one in wrong if one.is_fault] == ["sales channel", "currency"]
