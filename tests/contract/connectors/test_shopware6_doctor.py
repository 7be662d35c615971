"""What `doctor` says of the rights of the integration's role, right by right, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.connectors.base import Problem
from integration.connectors.shopware6 import rights
from integration.topology import Topic
from sandbox.shops.shopware6 import Options, create_app
from tests.contract.connectors.shops import served
from tests.contract.connectors.shopware_rights import listed_rights
from tests.contract.connectors.test_shopware6 import SYNC, Shop

#: All that a channel can switch on.
EVERYTHING = {"categories": "on", "variants": "on", "price_details": "on", "storages": "on"}
#: What doctor alone needs: without these it cannot say which rights to write are missing.
TO_SEE_THE_ROLE = {"integration:read", "acl_role:read"}


@pytest.fixture(scope="module")
def running_shop() -> Iterator[Shop]:
    with served(lambda url: create_app(Options(multi_inventory=True), url), Shop) as shop:
        yield shop


@pytest.fixture
def shop(running_shop: Shop) -> Shop:
    running_shop.clear_faults()
    return running_shop


def deny(shop: Shop, *privileges: str) -> None:
    for one in privileges:
        shop.admin("faults", kind="missing-privilege", privilege=one)


def faults(shop: Shop, **parts: object) -> list[Problem]:
    connector = shop.connector(**{**EVERYTHING, **parts})
    return [one for one in connector.check() if one.is_fault]


@pytest.mark.parametrize("privilege", sorted(listed_rights() - TO_SEE_THE_ROLE))
def test_each_listed_right_that_is_missing_is_named_with_what_to_do(
    shop: Shop, privilege: str
) -> None:
    deny(shop, privilege)

    told = faults(shop)

    assert told
    for fault in told:
        assert f"the role of the integration lacks {privilege}" in fault.detail
        assert "add it to the integration's role under Detailed privileges" in fault.do


@pytest.mark.parametrize("privilege", sorted(TO_SEE_THE_ROLE))
def test_a_role_that_may_not_see_itself_is_told_what_stays_unknown(
    shop: Shop, privilege: str
) -> None:
    deny(shop, privilege, "product:create")

    assert faults(shop) == []
    (told,) = [one for one in shop.connector().check() if one.check == "rights to write"]
    assert "a missing one shows with the first change that needs it" in told.detail
    assert privilege in told.detail


def test_a_role_with_the_listed_rights_and_no_others_has_no_faults(shop: Shop) -> None:
    deny(shop, *set(shop_rights(shop)) - listed_rights())

    assert faults(shop) == []


def shop_rights(shop: Shop) -> list[str]:
    """All that the role may at first."""
    client = shop.connector()._client
    (row,) = client.search("acl-role", includes={"acl_role": ["privileges"]})
    found: list[str] = row["privileges"]
    return found


def test_all_that_a_part_lacks_to_write_is_named_at_once(shop: Shop) -> None:
    deny(shop, "media:create", "product_media:delete")

    (told,) = faults(shop)

    assert told.check == "images"
    assert "media:create, product_media:delete" in told.detail
    assert "toggle off CHANNEL media" in told.do


@pytest.mark.parametrize(
    ("topic", "privileges"),
    [
        (Topic.MEDIA, ("media:read", "media_folder:read", "language:read", "media:create")),
        (Topic.ORDER_STATUS, ("order:read", "shipping_method:read", "order_delivery:update")),
    ],
)
def test_a_topic_that_is_switched_off_needs_no_right(
    shop: Shop, topic: Topic, privileges: tuple[str, ...]
) -> None:
    deny(shop, *privileges)

    assert faults(shop)
    assert faults(shop, topics=set(Topic) - {topic}) == []


@pytest.mark.parametrize(
    ("parameter", "privileges"),
    [
        ("categories", ("category:read", "product_category:delete")),
        ("variants", ("product_option:create",)),
        ("price_details", ("rule:read", "product_price:update", "customer_group:read")),
        ("storages", ("warehouse_group:read", "product_warehouse:create")),
    ],
)
def test_a_part_that_is_switched_off_needs_no_right(
    shop: Shop, parameter: str, privileges: tuple[str, ...]
) -> None:
    deny(shop, *privileges)

    assert faults(shop)
    assert faults(shop, **{parameter: "off"}) == []


def test_an_administrators_integration_lacks_nothing(shop: Shop) -> None:
    row = {"id": integration_id(shop), "admin": True}
    shop.connector()._client.upsert("integration", [row])
    try:
        deny(shop, "product:create")

        assert faults(shop) == []
    finally:
        shop.connector()._client.upsert("integration", [{**row, "admin": False}])


def integration_id(shop: Shop) -> str:
    (row,) = shop.connector()._client.search("integration", includes={"integration": ["id"]})
    return str(row["id"])


def test_looking_at_rights_costs_few_requests_and_writes_nothing(shop: Shop) -> None:
    shop.connector().check()  # it may have to sign in
    before, writes = shop.routes, shop.gate.count

    shop.connector(**EVERYTHING).check()

    asked = {route: n - before.get(route, 0) for route, n in shop.routes.items()}
    assert sum(asked.values()) <= 16
    assert (shop.gate.count, asked.get(SYNC, 0)) == (writes, 0)


def test_every_right_that_the_connector_asks_for_is_listed_for_people() -> None:
    asked = {
        right
        for name in dir(rights)
        if isinstance(use := getattr(rights, name), rights.Use)
        for right in use.writes
    }

    assert asked == {one for one in listed_rights() if not one.endswith(":read")}
