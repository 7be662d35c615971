"""The test's own doors: state, history, an employee's changes, faults and reset."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time

import pytest
import requests

from cli.server_processes import until
from sandbox import serving
from sandbox.shops import module_of, platforms
from sandbox.shops.shopware6 import Options, create_app
from sandbox.shops.shopware6.seed import STOREFRONT
from tests.contract.sandbox_shopware.support import ShopClient, product

STATE = ("id", "number", "name", "description", "ean", "weight_kg", "tax_rate", "active", "net",
         "gross", "stock", "visible", "writes")


def test_the_state_shows_what_the_shop_holds(shop):
    shop.upsert(product("a", "A", ean="4006381333931", weight=1.25, description="Text",
                        visibilities=[{"salesChannelId": STOREFRONT, "visibility": 30}]))

    seen = shop.state()["A"]
    assert {name: seen[name] for name in STATE} == {
        "id": "a" * 32, "number": "A", "name": "Name A", "description": "Text",
        "ean": "4006381333931", "weight_kg": 1.25, "tax_rate": 19, "active": True, "net": 10,
        "gross": 11.9, "stock": 5, "visible": True, "writes": 1}


def test_a_product_that_only_its_link_leads_to_is_not_visible(shop):
    shop.upsert(product("a", "A"))
    seen = []
    for visible in (True, 20, 10, True, 30, False):
        shop.admin("POST", "edit", {"article": "A", "set": {"visible": visible}})
        seen.append(shop.state()["A"]["visible"])

    # true leaves a row as it is that is there already
    assert seen == [True, True, False, False, True, False]


def test_the_state_is_paged_by_id(stocked):
    first = stocked.admin("GET", "state?limit=2").get_json()["products"]
    rest = stocked.admin("GET", f"state?after={first[-1]['id']}&limit=2").get_json()["products"]

    assert [one["number"] for one in first] == ["A", "B"]
    assert [one["number"] for one in rest] == ["C"]


def test_the_history_tells_every_write_in_order_and_what_became_of_it(shop):
    shop.upsert(product("a", "A"), X_Request_Id="one")
    shop.upsert({"id": "a" * 32, "stock": "many"}, X_Request_Id="two")
    shop.admin("POST", "edit", {"article": "A", "set": {"stock": 7}})

    writes = shop.admin("GET", "history?number=A").get_json()["writes"]

    assert [(one["by"], one["request"], one["result"]) for one in writes] == [
        ("api", "one", "applied"),
        ("api", "two", "refused ba785a8c-82cb-4283-967c-3cf342181b40"),
        ("employee", "", "applied")]
    assert writes[1]["body"] == {"id": "a" * 32, "stock": "many"}
    assert shop.state()["A"]["writes"] == 1


def test_the_history_of_a_number_keeps_refused_rivals_and_removed_rows(shop):
    shop.upsert(product("a", "A", visibilities=[
        {"id": "1" * 32, "salesChannelId": STOREFRONT, "visibility": 30}]))
    shop.upsert(product("b", "A"))
    shop.delete({"id": "1" * 32}, entity="product_visibility")
    shop.delete({"id": "a" * 32})

    writes = shop.admin("GET", "history?number=A").get_json()["writes"]

    assert [(one["entity"], one["action"], one["result"]) for one in writes] == [
        ("product", "upsert", "applied"),
        ("product", "upsert", "refused CONTENT__DUPLICATE_PRODUCT_NUMBER"),
        ("product_visibility", "delete", "applied"),
        ("product", "delete", "applied")]


def test_an_employee_changes_a_product_by_number_or_id(stocked):
    stocked.admin("POST", "edit", {"article": "A", "set": {
        "name": "Neu", "gross": 23.8, "active": False, "tax_rate": 7, "visible": True}})
    answer = stocked.admin("POST", "edit", {"article": "b" * 32, "set": {"net": 10}})

    changed = stocked.state()["A"]
    assert (changed["name"], changed["active"], changed["visible"]) == ("Neu", False, True)
    assert (changed["gross"], changed["net"], changed["tax_rate"]) == (23.8, 22.243, 7)
    assert (answer.get_json()["gross"], answer.get_json()["net"]) == (11.9, 10)


def test_an_employee_hides_and_deletes_products(stocked):
    stocked.admin("POST", "edit", {"article": "A", "set": {"visible": True}})
    stocked.admin("POST", "edit", {"article": "A", "set": {"visible": False}})
    stocked.admin("POST", "edit", {"article": "B", "delete": True})

    assert stocked.state()["A"]["visible"] is False
    assert set(stocked.state()) == {"A", "C"}


def test_products_of_others_can_be_there_beforehand(shop):
    answer = shop.admin("POST", "products", [{"number": "F-1", "name": "Foreign", "gross": 119}])

    assert answer.get_json()["products"][0]["net"] == 100
    assert shop.state()["F-1"]["writes"] == 0


@pytest.mark.parametrize(("path", "body"), [
    ("edit", {"article": "X", "set": {"stock": 1}}),
    ("edit", {"article": "A", "set": {"colour": 1}}),
    ("edit", {"article": "A", "set": {"stock": "many"}}),
    ("edit", {"article": "A", "set": {"gross": "much"}}),
    ("edit", {"article": "A"}),
    ("edit", [1]),
    ("products", [{"name": "no number"}]),
    ("products", [{"number": "A"}]),
    ("products", 5),
    ("faults", {"kind": "nonsense"}),
    ("faults", {"kind": "reject"}),
    ("faults", {"kind": "half"}),
])
def test_bad_admin_input_is_a_400_that_says_what_is_wrong(stocked, path, body):
    answer = stocked.admin("POST", path, body)

    assert answer.status_code == 400
    assert set(answer.get_json()) == {"error", "message"}
    assert stocked.state()["A"]["stock"] == 5


def test_requests_are_counted_by_route_and_status(stocked):
    stocked.call("GET", "/api/product/" + "9" * 32)

    assert stocked.admin("GET", "requests").get_json() == {
        "total": 3,
        "by_route": {"POST /api/oauth/token": 1, "POST /api/_action/sync": 1,
                     "GET /api/product/{id}": 1},
        "by_status": {"200": 2, "404": 1}}


def test_reset_brings_the_fresh_shop_back_and_keeps_the_token_good(stocked):
    stocked.admin("POST", "faults", {"kind": "500", "share": 1})
    stocked.admin("POST", "reset")

    assert stocked.state() == {}
    assert stocked.admin("GET", "requests").get_json()["total"] == 0
    rates = stocked.search("tax", sort=[{"field": "position"}]).get_json()["data"]
    assert [row["taxRate"] for row in rates] == [19, 7, 0]


def test_a_deadlock_on_demand_is_a_400_that_applies_nothing(stocked):
    stocked.admin("POST", "faults", {"kind": "deadlock"})

    refused = stocked.upsert({"id": "a" * 32, "stock": 9})
    stock = stocked.state()["A"]["stock"]
    again = stocked.upsert({"id": "a" * 32, "stock": 9})

    problem = refused.get_json()["errors"][0]
    assert (refused.status_code, problem["status"], problem["code"]) == (400, "500", "1213")
    assert (stock, again.status_code) == (5, 200)


def test_a_rejected_number_is_refused_with_a_pointer_until_cleared(stocked):
    stocked.admin("POST", "faults", {"kind": "reject", "number": "B"})

    refused = [stocked.upsert({"id": "a" * 32, "stock": 1}, {"id": "b" * 32, "stock": 1})
               for _ in range(2)]
    stocked.admin("DELETE", "faults")

    assert [one.status_code for one in refused] == [400, 400]
    assert refused[0].get_json()["errors"][0]["source"] == {"pointer": "/w/1/productNumber"}
    assert stocked.upsert({"id": "b" * 32, "stock": 1}).status_code == 200


@pytest.mark.parametrize(("kind", "status"), [
    ("429", 429), ("429-bare", 429), ("500", 500), ("502", 502), ("503", 503), ("504", 504)])
def test_an_http_fault_hits_once_and_applies_nothing(stocked, kind, status):
    stocked.admin("POST", "faults", {"kind": kind, "route": "/api/_action/sync"})

    answer = stocked.upsert({"id": "a" * 32, "stock": 9})

    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) is (kind == "429")
    assert stocked.state()["A"]["stock"] == 5
    assert stocked.upsert({"id": "a" * 32, "stock": 9}).status_code == 200


@pytest.mark.parametrize(("kind", "stock"), [("timeout-before", 5), ("timeout-after", 9)])
def test_a_timeout_comes_before_or_after_applying(stocked, kind, stock):
    stocked.admin("POST", "faults", {"kind": kind, "seconds": 0.05, "route": "sync"})

    answer = stocked.upsert({"id": "a" * 32, "stock": 9})

    assert answer.status_code == 504
    assert stocked.state()["A"]["stock"] == stock


def test_a_cut_answer_breaks_the_connection_after_applying():
    app = create_app(Options())
    with serving.running(app) as url:
        armed = requests.post(f"{url}/_sandbox/faults", json={"kind": "cut-body"}, timeout=5)

        with pytest.raises((requests.exceptions.ChunkedEncodingError,
                            requests.exceptions.ConnectionError)):
            requests.post(f"{url}/api/oauth/token", json={}, timeout=5)

    assert armed.status_code == 200


def test_a_late_write_is_applied_although_its_client_has_gone():
    app = create_app(Options())
    with serving.running(app) as url:
        product = {"number": "A", "id": "a" * 32, "stock": 5}
        requests.post(f"{url}/_sandbox/products", json=product, timeout=5).raise_for_status()
        credentials = app.config["CREDENTIALS"]
        token = requests.post(f"{url}/api/oauth/token", timeout=5, json={
            "grant_type": "client_credentials", "client_id": credentials["client_id"],
            "client_secret": credentials["client_secret"]}).json()["access_token"]
        requests.post(f"{url}/_sandbox/faults", timeout=5,
                      json={"kind": "late", "seconds": 0.3, "route": "sync"})

        with pytest.raises(requests.exceptions.ReadTimeout):
            requests.post(f"{url}/api/_action/sync", timeout=0.05,
                          headers={"Authorization": f"Bearer {token}"},
                          json=[{"entity": "product", "action": "upsert",
                                 "payload": [{"id": "a" * 32, "stock": 9}]}])

        assert stock_of(url) == 5
        assert until(lambda: stock_of(url) == 9, 5)


def stock_of(url: str) -> int:
    (product,) = requests.get(f"{url}/_sandbox/state", timeout=5).json()["products"]
    return product["stock"]


def test_overlapping_writes_to_one_product_lose_to_each_other_and_others_do_not():
    shop = ShopClient(Options(deadlock_share=1.0, latency_base_ms=150))
    shop.admin("POST", "products", [{"number": "A", "id": "a" * 32},
                                    {"number": "B", "id": "b" * 32}])
    statuses: dict[str, int] = {}

    def write(name: str, digit: str) -> None:
        client = shop.app.test_client()
        body = [{"entity": "product", "action": "upsert",
                 "payload": [{"id": digit * 32, "stock": 1}]}]
        statuses[name] = client.post("/api/_action/sync", json=body, headers={
            "Authorization": f"Bearer {shop.token}"}).status_code

    threads = [threading.Thread(target=write, args=args)
               for args in (("first", "a"), ("second", "a"), ("other", "b"))]
    for thread in threads:
        thread.start()
        time.sleep(0.03)
    for thread in threads:
        thread.join()

    assert statuses == {"first": 200, "second": 400, "other": 200}


def test_latency_grows_with_the_rows():
    shop = ShopClient(Options(latency_ms_per_100_rows=1000))
    started = time.monotonic()

    shop.upsert(*(product(digit, digit) for digit in "abcde"))

    assert 0.05 <= time.monotonic() - started < 0.5


def test_a_file_is_uploaded_to_a_media_row_under_a_name_used_once(shop):
    shop.upsert({"id": "1" * 32}, {"id": "2" * 32}, entity="media")
    path = "/api/_action/media/{}/upload?extension=png&fileName=front"
    headers = {"Authorization": f"Bearer {shop.token}", "Content-Type": "image/png"}

    first = shop.http.post(path.format("1" * 32), data=b"PNG", headers=headers)
    second = shop.http.post(path.format("2" * 32), data=b"PNG", headers=headers)

    assert first.status_code == 204
    assert second.get_json()["errors"][0]["code"] == "CONTENT__MEDIA_DUPLICATED_FILE_NAME"
    found = shop.search("media", ids=["1" * 32]).get_json()["data"][0]
    assert (found["fileName"], found["fileSize"], found["hasFile"]) == ("front", 3, True)


def test_the_program_says_when_it_is_ready_and_stops_on_sigterm():
    program = subprocess.Popen([sys.executable, "-m", "sandbox.shops.shopware6"],
                               stdout=subprocess.PIPE, text=True)
    ready = json.loads(program.stdout.readline())
    state = requests.get(f"{ready['url']}/_sandbox/state", timeout=5).json()
    program.terminate()

    assert ready["ready"] is True
    assert ready["credentials"]["shop_url"] == ready["url"]
    assert state == {"products": []}
    assert program.wait(timeout=10) == 0
    program.stdout.close()


def test_the_platform_is_found_by_its_name():
    assert "shopware6" in platforms()
    assert module_of("shopware6").create_app is create_app
    with pytest.raises(ValueError, match="no sandbox for platform 'xt'"):
        module_of("xt")
