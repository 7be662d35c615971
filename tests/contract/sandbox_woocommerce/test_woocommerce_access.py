"""Who is let in: Basic over https, a signature over plain http, and what each key may do."""

from __future__ import annotations

import time

import pytest
from oauthlib import oauth1

from sandbox.shops.woocommerce import Options
from sandbox.shops.woocommerce.auth import CUSTOMER, READ_ONLY, Key
from tests.contract.sandbox_woocommerce.support import API, ShopClient

PLAIN = "http://shop.test"


def signed(key: Key, path: str, method: str = "GET", **changes: str) -> str:
    client = oauth1.Client(key.key, key.secret, signature_type=oauth1.SIGNATURE_TYPE_QUERY,
                           signature_method=oauth1.SIGNATURE_HMAC_SHA256, **changes)
    return client.sign(f"{PLAIN}{API}{path}", http_method=method)[0].removeprefix(PLAIN)


def test_a_signed_write_over_plain_http_is_taken(shop: ShopClient) -> None:
    path = signed(shop.key, "/products?sku=A%2CB", "POST")

    answer = shop.http.post(path, json={"name": "Säge & Co"}, base_url=PLAIN)

    assert answer.status_code == 201


def test_the_password_counts_for_nothing_over_plain_http(shop: ShopClient) -> None:
    answer = shop.call("GET", "/products", base_url=PLAIN)

    assert (answer.status_code, answer.get_json()["code"]) == (
        401, "woocommerce_rest_cannot_view")


def test_a_proxy_may_say_that_the_client_came_by_https(shop: ShopClient) -> None:
    answer = shop.call("GET", "/products", base_url=PLAIN, headers={"X-Forwarded-Proto": "https"})

    assert answer.status_code == 200


@pytest.mark.parametrize(("changes", "message"), [
    ({"nonce": "n1"}, "Invalid nonce - nonce has already been used."),
    ({"timestamp": str(int(time.time()) - 3600)}, "Invalid timestamp."),
])
def test_a_signature_is_good_once_and_for_a_quarter_of_an_hour(
        shop: ShopClient, changes: dict, message: str) -> None:
    shop.http.get(signed(shop.key, "/products", **changes), base_url=PLAIN)
    answer = shop.http.get(signed(shop.key, "/products", **changes), base_url=PLAIN)

    assert answer.status_code == 401
    assert answer.get_json()["message"] == message


def test_a_signature_holds_for_its_own_query_only(shop: ShopClient) -> None:
    answer = shop.http.get(signed(shop.key, "/products?page=1") + "&sku=A", base_url=PLAIN)

    assert answer.get_json()["message"] == "Invalid signature - provided signature does not match."


@pytest.mark.parametrize(("key", "status"), [(READ_ONLY, 401), (CUSTOMER, 403)])
def test_keys_that_may_not_write(shop: ShopClient, key: Key, status: int) -> None:
    assert shop.call("POST", "/products/batch", {"create": []}, key=key).status_code == status


def test_an_unknown_path_and_a_wrong_method_are_the_same(shop: ShopClient) -> None:
    for method, path in (("GET", "/produkte"), ("DELETE", "/products")):
        answer = shop.call(method, path)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "rest_no_route")


def test_without_pretty_permalinks_the_api_is_not_there() -> None:
    shop = ShopClient(Options(pretty_permalinks=False))

    answer = shop.call("GET", "/products")

    assert (answer.status_code, answer.content_type) == (404, "text/html")


def test_a_revoked_key_is_nobody(shop: ShopClient) -> None:
    shop.admin("POST", "faults", {"kind": "key-revoked", "count": 1})

    assert [shop.call("GET", "/products").status_code for _ in range(2)] == [401, 200]
