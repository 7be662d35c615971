"""WooCommerce: whose a number is that the shop calls taken, and numbers with a comma."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from integration.connectors import http
from integration.connectors.base import ListingView, Receipt
from integration.errors import Rejected, TransientError
from integration.topology import Topic
from tests.contract.connectors.woocommerce import BATCH, Shop, unique
from tests.unit.connectors.kit import new

NUMBER = "4,5x50"


def push(shop: Shop, article_id: str, number: str = NUMBER, **parts: Any) -> Receipt:
    (receipt,) = shop.push(
        Topic.ARTICLE, [unique(article_id, number=number)], [new(article_id)], **parts
    )
    return receipt


def after_each_answer(act: Callable[[requests.Response], None]) -> requests.Session:
    """A session whose answers go through `act` first."""
    session = http.session()
    session.hooks["response"].append(lambda response, **_: act(response))
    return session


def without_look_ups() -> requests.Session:
    """As a cache answers that does not know the product yet."""

    def forget(response: requests.Response) -> None:
        if "sku=" in str(response.request.url):
            response._content = json.dumps([]).encode()

    return after_each_answer(forget)


def test_a_product_is_ours_whose_creation_got_no_answer(woocommerce: Shop) -> None:
    woocommerce.fault("html-after")
    with pytest.raises(TransientError):
        push(woocommerce, "1")

    again = push(woocommerce, "1")

    (product,) = woocommerce.products.values()
    assert again == Receipt("1", external_id=product["id"], recorded=(Topic.ARTICLE,))


def test_somebody_elses_product_is_adopted(woocommerce: Shop) -> None:
    woocommerce.admin("products", number=NUMBER, gross=1)

    receipt = push(woocommerce, "1")

    (product,) = woocommerce.products.values()
    assert (receipt.external_id, receipt.was_adopted) == (product["id"], True)


def test_a_trashed_product_comes_back(woocommerce: Shop) -> None:
    first = push(woocommerce, "1")
    woocommerce.admin("edit", article=NUMBER, trash=True)

    again = push(woocommerce, "1")

    assert (again.external_id, again.error, again.was_adopted) == (first.external_id, None, False)
    assert woocommerce.products[NUMBER]["active"] is True


def test_products_of_the_parts_of_a_number_are_let_alone(woocommerce: Shop) -> None:
    for number in ("4", "5x50"):
        woocommerce.admin("products", number=number, gross=1)

    receipt = push(woocommerce, "1")

    assert receipt.was_adopted is False
    assert {number: one["writes"] for number, one in woocommerce.products.items()} == {
        "4": 0,
        "5x50": 0,
        NUMBER: 1,
    }


def test_numbers_with_and_without_commas_are_looked_up(woocommerce: Shop) -> None:
    for number in ("4", NUMBER, "6,0", "A-1"):
        woocommerce.admin("products", number=number, gross=1)
    ids = {number: one["id"] for number, one in woocommerce.products.items()}

    found = woocommerce.connector().lookup_all(["a-1", NUMBER, "6,0", "7,5"])

    assert found == {"a-1": [ids["A-1"]], NUMBER: [ids[NUMBER]], "6,0": [ids["6,0"]]}


def test_new_numbers_with_commas_cost_no_requests_of_their_own(woocommerce: Shop) -> None:
    woocommerce.create("1")
    before = sum(woocommerce.routes.values())

    woocommerce.push(
        Topic.ARTICLE,
        [unique(str(n), number=f"{n},5x50") for n in range(2, 12)],
        [new(str(n)) for n in range(2, 12)],
    )

    assert sum(woocommerce.routes.values()) == before + 1


def test_the_owner_that_the_refusal_names_is_adopted_although_no_look_up_finds_it(
    woocommerce: Shop,
) -> None:
    woocommerce.admin("products", number="A-1", gross=1)
    theirs = woocommerce.products["A-1"]["id"]

    receipt = push(woocommerce, "1", "A-1", session=without_look_ups())

    assert (receipt.external_id, receipt.error, receipt.was_adopted) == (theirs, None, True)


def test_an_owner_that_has_another_number_meanwhile_is_not_taken(woocommerce: Shop) -> None:
    woocommerce.admin("products", number=NUMBER, gross=1)

    def rename(response: requests.Response) -> None:
        if BATCH.partition(" ")[2] in str(response.request.url):
            woocommerce.admin("edit", article=NUMBER, set={"number": "OTHER"})

    receipt = push(woocommerce, "1", session=after_each_answer(rename))

    assert isinstance(receipt.error, TransientError)
    assert "has given it up meanwhile" in str(receipt.error)
    assert woocommerce.products["OTHER"]["writes"] == 0


def test_a_variation_that_owns_the_number_is_named_and_not_taken(woocommerce: Shop) -> None:
    client = woocommerce.connector()._client
    made = client.batch("/products", {"create": [{"sku": "MAIN", "type": "variable"}]})
    parent = made["create"][0]["id"]
    client.batch(f"/products/{parent}/variations", {"create": [{"sku": "A-1"}]})

    receipt = push(woocommerce, "1", "A-1", session=without_look_ups())

    assert isinstance(receipt.error, Rejected)
    assert "whose type is variation" in str(receipt.error)


def test_a_number_that_another_article_of_the_batch_gives_up_comes_next_time(
    woocommerce: Shop,
) -> None:
    push(woocommerce, "1")
    known = ListingView("1", woocommerce.ids["1"], NUMBER, is_active=True)

    receipts = woocommerce.push(
        Topic.ARTICLE, [unique("2", number=NUMBER), unique("1", number="A-1")], [new("2"), known]
    )
    again = push(woocommerce, "2")

    assert isinstance(receipts[0].error, TransientError)
    assert woocommerce.products["A-1"]["id"] == woocommerce.ids["1"]
    assert (again.external_id, again.was_adopted) == (woocommerce.products[NUMBER]["id"], False)
