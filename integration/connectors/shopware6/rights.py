"""Which rights the role of the integration needs, by what the channel uses, and which it lacks.

Rights to read are tried: a search of one row, with all that is loaded with it, names all that are
missing. Rights to write cannot be tried without writing; they stand in the role, which a shop shows
to who may read it. The list for people is in docs/shops/shopware6.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integration.connectors.base import Context, Problem
from integration.connectors.shopware6.client import Client
from integration.errors import ChannelError, RightMissing
from integration.topology import Topic

#: What to do about a right that is missing.
ADD = "add it to the integration's role under Detailed privileges, then run doctor again"
_TO_SEE = "nothing; with the rights acl_role:read and integration:read doctor looks at them, too"

Associations = Mapping[str, Any]


@dataclass(frozen=True)
class Use:
    """Something that a channel does in its shop.

    `reads`: tables to search, with what is loaded with their rows; `writes`: rights as Shopware
    names them; `without`: how the channel goes on without it, if it can.
    """

    name: str
    reads: tuple[tuple[str, Associations], ...]
    writes: tuple[str, ...] = ()
    without: str = ""

    @property
    def do(self) -> str:
        """What to do about a right that is missing."""
        return f"{ADD}, or {self.without}" if self.without else ADD


PRODUCTS = Use(
    "products",
    (("product", {"visibilities": {}, "manufacturer": {}, "translations": {}}),),
    (
        "product:create",
        "product:update",
        "product_visibility:create",
        "product_visibility:update",
        "product_manufacturer:create",
        "product_manufacturer:update",
    ),
)
IMAGES = Use(
    "images",
    (
        ("product-media", {"media": {}}),
        ("media-folder", {"defaultFolder": {}}),
        ("language", {"locale": {}}),
    ),
    (
        "media:create",
        "media:update",
        "product_media:create",
        "product_media:update",
        "product_media:delete",
    ),
    "do without: `vario-relay toggle off CHANNEL media`",
)
ORDERS = Use(
    "order status",
    (("order", {"stateMachineState": {}, "deliveries": {}}),),
    ("order:update", "order_delivery:update", "state_machine_history:create"),
    "do without: `vario-relay toggle off CHANNEL order-status`",
)
CATEGORIES = Use(
    "categories",
    (("category", {}),),
    ("product_category:create", "product_category:delete"),
    "do without: `vario-relay channel set CHANNEL categories=off`",
)
VARIANTS = Use(
    "variants",
    (),
    (
        "property_group:create",
        "property_group:update",
        "property_group_option:create",
        "property_group_option:update",
        "product_configurator_setting:create",
        "product_configurator_setting:update",
        "product_option:create",
        "product_option:update",
        "product_option:delete",
    ),
    "do without: `vario-relay channel set CHANNEL variants=off`",
)
PRICE_LISTS = Use(
    "prices by rule",
    (("product-price", {"rule": {}}), ("customer-group", {})),
    (
        "rule:create",
        "rule:update",
        "rule_condition:create",
        "rule_condition:update",
        "product_price:create",
        "product_price:update",
        "product_price:delete",
    ),
    "do without: `vario-relay channel set CHANNEL price_details=off`",
)
#: Its tables are a plugin's, and what is to be said of them is more than their rights (`checks`).
WAREHOUSES = Use(
    "warehouses",
    (),
    (
        "product_warehouse:create",
        "product_warehouse:update",
        "product_warehouse_group:create",
    ),
    "do without: `vario-relay channel set CHANNEL storages=off`",
)

_BY_TOPIC = {Topic.MEDIA: IMAGES, Topic.ORDER_STATUS: ORDERS}
_BY_PARAMETER = {
    "categories": CATEGORIES,
    "variants": VARIANTS,
    "price_details": PRICE_LISTS,
    "storages": WAREHOUSES,
}


def uses(context: Context) -> list[Use]:
    """What the channel does by its topics and parameters."""
    return [
        PRODUCTS,
        *(use for topic, use in _BY_TOPIC.items() if topic in context.topics),
        *(
            use
            for name, use in _BY_PARAMETER.items()
            if context.parameters.get(name, "off") != "off"
        ),
    ]


def to_read(client: Client, use: Use) -> Iterator[Problem]:
    """What the role may not read of it; a request per table. Raises: IntegrationError."""
    for table, associations in use.reads:
        # Nothing but ids: what customers ordered is nobody's business here.
        includes = {table.replace("-", "_"): ["id"]}
        try:
            client.search(table, limit=1, includes=includes, associations=associations)
        except RightMissing as error:
            yield Problem(use.name, str(error), use.do)


def to_write(client: Client, wanted: Sequence[Use]) -> Iterator[Problem]:
    """What the role may not write, if it may be read itself; one request.

    Raises: IntegrationError.
    """
    try:
        granted = _granted(client)
    except ChannelError as error:
        detail = f"cannot be seen, a missing one shows with the first change that needs it: {error}"
        yield Problem("rights to write", detail, _TO_SEE, is_fault=False)
        return
    for use in wanted:
        missing = [] if granted is None else [one for one in use.writes if one not in granted]
        if missing:
            detail = f"the role of the integration lacks {', '.join(missing)}"
            yield Problem(use.name, detail, use.do)


def _granted(client: Client) -> frozenset[str] | None:
    """The rights of the integration; None: all, it is an administrator's. Raises: ChannelError."""
    own = {"type": "equals", "field": "accessKey", "value": client.settings.client_id}
    rows = client.search(
        "integration",
        filter=[own],
        includes={"integration": ["admin", "aclRoles"], "acl_role": ["privileges"]},
        associations={"aclRoles": {}},
    )
    if not rows:
        raise ChannelError("the shop does not show the integration of client_id")
    if rows[0].get("admin") is True:
        return None
    roles = rows[0].get("aclRoles") or ()
    return frozenset(str(one) for role in roles for one in role.get("privileges") or ())
