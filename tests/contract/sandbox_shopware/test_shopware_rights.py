"""What the role of the integration is asked for where no row is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.shops.shopware6 import Options
from tests.contract.sandbox_shopware.test_shopware_media import upload


def deny(shop: Any, *privileges: str) -> None:
    for one in privileges:
        body = {"kind": "missing-privilege", "privilege": one}
        assert shop.admin("POST", "faults", body).status_code == 200


def missing(answer: Any) -> list[str]:
    assert answer.status_code == 403
    problem = answer.get_json()["errors"][0]
    assert problem["code"] == "FRAMEWORK__MISSING_PRIVILEGE_ERROR"
    return json.loads(problem["detail"])["missingPrivileges"]


@pytest.mark.parametrize(("entity", "criteria", "privilege"), [
    ("product", {"associations": {"visibilities": {}}}, "product_visibility:read"),
    ("product", {"associations": {"categories": {}}}, "category:read"),
    ("product", {"associations": {"media": {"associations": {"media": {}}}}}, "media:read"),
    ("product", {"associations": {"translations": {}}}, "product_translation:read"),
    ("order", {"associations": {"deliveries": {"associations": {"stateMachineState": {}}}}},
     "state_machine_state:read"),
    ("media-folder", {"filter": [{"type": "equals", "field": "defaultFolder.entity",
                                  "value": "product"}]}, "media_default_folder:read"),
    ("product", {"filter": [{"type": "multi", "operator": "or", "queries": [
        {"type": "equals", "field": "product.manufacturer.name", "value": "ACME"}]}]},
     "product_manufacturer:read"),
    ("product", {"sort": [{"field": "tax.taxRate"}]}, "tax:read"),
])
def test_a_search_needs_the_right_to_all_that_it_loads_or_leads_through(
        stocked, entity, criteria, privilege):
    assert stocked.search(entity, **criteria).status_code == 200
    deny(stocked, privilege)

    assert missing(stocked.search(entity, **criteria)) == [privilege]
    assert missing(stocked.call("POST", f"/api/search-ids/{entity}", criteria)) == [privilege]
    assert stocked.search(entity).status_code == 200


def test_all_that_a_search_lacks_is_named_at_once(shop):
    deny(shop, "order:read", "order_delivery:read")

    answer = shop.search("order", associations={"deliveries": {}})

    assert missing(answer) == ["order:read", "order_delivery:read"]


def test_what_is_loaded_with_every_row_needs_no_right(stocked):
    deny(stocked, "tax:read", "media:read")

    assert stocked.search(includes={"product": ["tax", "cover"]}).status_code == 200


def test_an_upload_needs_the_right_to_change_media(shop):
    shop.upsert({"id": "b" * 32}, entity="media")
    deny(shop, "media:update")

    assert missing(upload(shop, "b" * 32, "one")) == ["media:update"]
    (media,) = shop.admin("GET", "media").get_json()["media"]
    assert (media["file_name"], media["uploads"]) == (None, 0)


def test_a_free_name_needs_the_right_to_read_media(shop):
    deny(shop, "media:read")

    path = "/api/_action/media/provide-name?fileName=a&extension=jpg"
    assert missing(shop.call("GET", path)) == ["media:read"]


@pytest.mark.parametrize("privilege", ["order_delivery:update", "state_machine_history:create"])
@pytest.mark.parametrize("path", ["order_delivery/{}/state/ship",
                                  "state-machine/order_delivery/{}/state/ship"])
def test_a_step_needs_the_right_to_change_the_row_and_to_write_its_history(
        stocked, privilege, path):
    order = stocked.order({"article": "A", "quantity": 1})
    delivery = order["deliveries"][0]["id"]
    deny(stocked, privilege)

    answer = stocked.call("POST", f"/api/_action/{path.format(delivery)}", {})

    assert missing(answer) == [privilege]
    assert stocked.seen_order(order["number"])["deliveries"][0]["state"] == "open"


def test_the_steps_are_listed_to_who_may_read_the_row(stocked):
    order = stocked.order({"article": "A", "quantity": 1})
    deny(stocked, "order:read")

    assert missing(stocked.call(
        "GET", f"/api/_action/state-machine/order/{order['id']}/state")) == ["order:read"]


def roles(shop: Any) -> Any:
    return shop.search(
        "integration", associations={"aclRoles": {}},
        filter=[{"type": "equals", "field": "accessKey", "value": Options().client_id}],
        includes={"integration": ["admin", "aclRoles"], "acl_role": ["privileges"]})


def test_the_integration_reads_its_own_role(shop):
    (before,) = roles(shop).get_json()["data"]
    deny(shop, "product:create")

    (after,) = roles(shop).get_json()["data"]

    assert after["admin"] is False
    had, has = ({*row["aclRoles"][0]["privileges"]} for row in (before, after))
    assert had - has == {"product:create"}
    assert {"product:update", "product_translation:read"} < has


def test_the_own_role_needs_rights_too(shop):
    deny(shop, "integration:read", "acl_role:read")

    assert missing(roles(shop)) == ["integration:read", "acl_role:read"]
