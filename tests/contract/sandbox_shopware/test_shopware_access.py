"""Who gets in: tokens, bearers, throttling, and the answers before any data is touched."""

from __future__ import annotations

import pytest


def problem(answer) -> dict:
    return answer.get_json()["errors"][0]


def test_a_token_is_good_for_ten_minutes(shop, clock):
    clock.now += 599
    before = shop.call("GET", "/api/_info/version")
    clock.now += 2
    after = shop.call("GET", "/api/_info/version")

    assert before.get_json() == {"version": "6.6.7.1"}
    assert (after.status_code, problem(after)["code"]) == (401, "9")
    assert problem(after)["detail"] == "Access token could not be verified"


@pytest.mark.parametrize(("header", "detail"), [
    (None, 'Missing "Authorization" header'),
    ("Bearer abc", "The JWT string must have two dots"),
    ("Bearer a.b.c", "Access token could not be verified"),
])
def test_a_bad_bearer_is_refused_with_code_9(shop, header, detail):
    headers = {} if header is None else {"Authorization": header}

    answer = shop.http.get("/api/product", headers=headers)

    assert (answer.status_code, problem(answer)["code"]) == (401, "9")
    assert problem(answer)["detail"] == detail


@pytest.mark.parametrize(("changed", "status", "code"), [
    ({"client_secret": "x"}, 401, "4"),
    ({"client_id": "SWIAX"}, 401, "4"),
    ({"grant_type": "magic"}, 400, "2"),
    ({"grant_type": "password", "username": "admin", "password": "x"}, 400, "6"),
])
def test_a_refused_login_says_why_by_its_code(shop, changed, status, code):
    answer = shop.login(**changed)

    assert (answer.status_code, problem(answer)["code"]) == (status, code)


def test_the_password_grant_brings_a_refresh_token(shop):
    answer = shop.login(grant_type="password", username="admin", password="shopware")

    assert set(answer.get_json()) == {"token_type", "expires_in", "access_token", "refresh_token"}


def test_the_eleventh_failed_login_is_throttled_for_ten_seconds_without_a_header(shop, clock):
    codes = [shop.login(client_secret="x").status_code for _ in range(11)]
    throttled = shop.login()
    clock.now += 10
    later = shop.login()

    assert codes == [401] * 10 + [429]
    assert problem(throttled)["code"] == "FRAMEWORK__AUTH_THROTTLED"
    assert problem(throttled)["meta"]["parameters"] == {"seconds": 10}
    assert "Retry-After" not in throttled.headers
    assert later.status_code == 200


def test_a_good_login_forgets_the_failed_ones(shop):
    for _ in range(9):
        shop.login(client_secret="x")
    shop.login()

    codes = [shop.login(client_secret="x").status_code for _ in range(10)]

    assert codes == [401] * 10


def test_a_revoked_token_is_refused_until_a_new_one_is_fetched(shop):
    shop.admin("POST", "faults", {"kind": "token-revoked"})

    refused = [shop.call("GET", "/api/_info/version").status_code for _ in range(2)]
    shop.token = shop.login().get_json()["access_token"]

    assert refused == [401, 401]
    assert shop.call("GET", "/api/_info/version").status_code == 200


def test_an_unknown_language_is_412(shop):
    answer = shop.call("GET", "/api/product", sw_language_id="0" * 32)

    assert answer.status_code == 412
    assert answer.headers["sw-language-id"] == "0" * 32


def test_a_wrong_method_names_the_allowed_ones(shop):
    answer = shop.call("PUT", "/api/product/" + "a" * 32, {})

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, PATCH, DELETE"


def test_without_accepting_json_the_answer_is_json_api(stocked):
    answer = stocked.call("POST", "/api/search/product", {"ids": ["a" * 32]}, Accept="*/*")

    assert answer.content_type == "application/vnd.api+json"
    resource = answer.get_json()["data"][0]
    assert resource["type"] == "product"
    assert resource["attributes"]["productNumber"] == "A"


def test_the_credentials_are_what_a_channel_needs(shop):
    assert set(shop.credentials) == {"shop_url", "client_id", "client_secret", "sales_channel_id",
                                     "currency"}
    assert shop.credentials["client_id"].startswith("SWIA")
    found = shop.search("sales-channel", ids=[shop.credentials["sales_channel_id"]]).get_json()
    assert found["data"][0]["name"] == "Storefront"
