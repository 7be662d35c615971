"""Faults that only a Shopware has: they stay until they are cleared."""

from __future__ import annotations

import json

import pytest

from tests.contract.sandbox_shopware.support import product


def arm(shop, kind: str, **given):
    answer = shop.admin("POST", "faults", {"kind": kind, **given})
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()


def clear(shop) -> None:
    shop.admin("DELETE", "faults")


def available(shop, digit: str = "a") -> tuple:
    row = shop.search(ids=[digit * 32]).get_json()["data"][0]
    return row["stock"], row["availableStock"], row["available"]


def by_stock(shop, stock: int, field: str = "availableStock") -> list[str]:
    return shop.numbers({"type": "equals", "field": field, "value": stock})


def test_available_stock_and_searches_follow_late_when_indexing_is_slow(stocked, clock):
    arm(stocked, "slow-indexing", seconds=5)
    stocked.upsert({"id": "a" * 32, "stock": 0, "isCloseout": True})

    assert available(stocked) == (0, 5, True)
    assert by_stock(stocked, 0, "stock") == by_stock(stocked, 0) == ["B"]

    clock.now += 5
    assert available(stocked) == (0, 0, False)
    assert by_stock(stocked, 0, "stock") == by_stock(stocked, 0) == ["A", "B"]


def test_a_slow_index_goes_through_the_writes_one_by_one(stocked, clock):
    arm(stocked, "slow-indexing", seconds=5)
    stocked.upsert({"id": "a" * 32, "stock": 6})
    clock.now += 2
    stocked.upsert({"id": "a" * 32, "stock": 7})
    seen = []
    for _ in range(3):
        seen.append(available(stocked)[1])
        clock.now += 3

    assert seen == [5, 6, 7]


def test_a_slow_index_does_not_know_a_new_product_but_its_id_is_found(stocked, clock):
    arm(stocked, "slow-indexing", seconds=5)
    stocked.upsert(product("d", "D"))
    wanted = {"type": "equalsAny", "field": "productNumber", "value": ["A", "D"]}

    assert stocked.numbers(wanted) == ["A"]
    assert available(stocked, "d") == (5, None, True)
    assert stocked.state()["D"]["stock"] == 5

    clock.now += 5
    assert stocked.numbers(wanted) == ["A", "D"]


def test_a_refused_write_leaves_a_slow_index_as_it_is(stocked):
    arm(stocked, "slow-indexing", seconds=5)
    stocked.upsert({"id": "a" * 32, "stock": 9}, {"id": "b" * 32, "stock": "many"})

    assert available(stocked) == (5, 5, True)


def test_clearing_lets_the_index_catch_up(stocked):
    arm(stocked, "slow-indexing", seconds=5)
    stocked.upsert({"id": "a" * 32, "stock": 9})
    clear(stocked)

    assert available(stocked) == (9, 9, True)


def test_maintenance_closes_the_shop_for_everybody_until_it_is_over(stocked):
    arm(stocked, "maintenance", seconds=90)

    closed = stocked.upsert({"id": "a" * 32, "stock": 9})

    assert (closed.status_code, closed.headers["Retry-After"]) == (503, "90")
    assert closed.content_type == "text/html"
    assert stocked.login().status_code == 503
    assert stocked.admin("GET", "faults").get_json()["maintenance_s"] == 90
    clear(stocked)
    assert stocked.state()["A"]["stock"] == 5
    assert stocked.login().status_code == 200


def test_the_clouds_limit_on_tokens_counts_all_requests_of_a_minute(shop, clock):
    clock.now += 60  # the client has asked for its own
    arm(shop, "token-limit")

    statuses = []
    for _ in range(10):
        statuses.append(shop.login().status_code)
        clock.now += 1
    refused = shop.login()

    assert statuses == [200] * 10
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "50")
    problem = refused.get_json()["errors"][0]
    assert (problem["code"], problem["meta"]["parameters"]) == (
        "FRAMEWORK__RATE_LIMIT_EXCEEDED", {"seconds": 50})
    assert shop.call("GET", "/api/_info/version").status_code == 200
    clock.now += 50
    assert shop.login().status_code == 200


@pytest.mark.parametrize(("privilege", "write"), [
    ("product:create", lambda shop: shop.upsert(product("d", "D"))),
    ("product:update", lambda shop: shop.upsert({"id": "a" * 32, "stock": 9})),
    ("product:delete", lambda shop: shop.delete({"id": "a" * 32})),
    ("product_manufacturer:create",
     lambda shop: shop.upsert({"id": "a" * 32, "manufacturer": {"name": "ACME"}})),
    ("product:read", lambda shop: shop.search()),
    ("product:read", lambda shop: shop.call("GET", f"/api/product/{'a' * 32}")),
])
def test_a_missing_privilege_is_named_in_the_refusal(stocked, privilege, write):
    before = stocked.state()
    arm(stocked, "missing-privilege", privilege=privilege)

    answer = write(stocked)

    assert answer.status_code == 403
    problem = answer.get_json()["errors"][0]
    assert problem["code"] == "FRAMEWORK__MISSING_PRIVILEGE_ERROR"
    assert json.loads(problem["detail"])["missingPrivileges"] == [privilege]
    assert stocked.state() == before
    clear(stocked)
    assert write(stocked).status_code == 200


def test_all_missing_privileges_are_named_at_once(stocked):
    for privilege in ("product:update", "product_manufacturer:create"):
        arm(stocked, "missing-privilege", privilege=privilege)

    answer = stocked.upsert({"id": "a" * 32, "manufacturer": {"name": "ACME"}})

    told = json.loads(answer.get_json()["errors"][0]["detail"])
    assert sorted(told["missingPrivileges"]) == ["product:update", "product_manufacturer:create"]


@pytest.mark.parametrize(("given", "sentence"), [
    ({"kind": "missing-privilege"},
     "The fault `missing-privilege` names a `privilege` like product:update."),
    ({"kind": "slow-indexing", "seconds": 0}, "seconds is above 0"),
    ({"kind": "maintenance", "seconds": "long"}, "seconds is above 0"),
    ({"kind": "token-limit", "count": True}, "count is a whole number from 1"),
])
def test_a_fault_that_makes_no_sense_is_refused(shop, given, sentence):
    answer = shop.admin("POST", "faults", given)

    assert (answer.status_code, answer.get_json()["message"]) == (400, sentence)


def test_a_reset_lifts_everything(stocked):
    arm(stocked, "missing-privilege", privilege="product:update")
    arm(stocked, "slow-indexing", seconds=5)
    arm(stocked, "token-limit", count=1)
    arm(stocked, "maintenance")
    arm(stocked, "reject", number="A")

    stocked.admin("POST", "reset")

    shown = stocked.admin("GET", "faults").get_json()
    assert {name: shown[name] for name in (
        "rejects", "denied", "indexing_lag_s", "maintenance_s", "tokens_per_minute")} == {
        "rejects": {}, "denied": [], "indexing_lag_s": 0, "maintenance_s": None,
        "tokens_per_minute": None}
