"""The links of the shop's own answer: is the product there, is it shown, are its values ours. Pure.

Which value is whose is told by the topic: what the ERP says now was sent, if the content hash is
that of the last push.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from integration.connectors.base import RemoteRecord
from integration.explaining.facts import (
    TOPIC_BY_FIELD,
    Cause,
    Facts,
    Link,
    Product,
    ShopSays,
    Who,
)

#: Shops keep prices to the cent, the ERP's net prices have more places.
CENT = Decimal("0.005")


@dataclass(frozen=True)
class Difference:
    """A field of which the shop shows something else than was sent."""

    field: str
    sent: object
    shown: object


def shop_links(facts: Facts) -> Iterator[Link]:
    """Nothing if the shop was not asked."""
    says, product = facts.shop, facts.product
    if says is None:
        return
    if says.trouble:
        yield Link("shop-product", None, "shop_away", {"trouble": says.trouble})
    elif product is None:
        yield _not_ours(says)
    elif says.external_id is None:
        values = {"product": product.external_id, "channel": facts.channel}
        yield Link(
            "shop-product",
            False,
            "deleted_in_shop",
            values,
            cause=Cause.EDITED_IN_SHOP,
            who=Who.AGENCY,
        )
    else:
        yield Link("shop-product", True, "there_in_shop", {"product": says.external_id})
        yield from _shown_links(facts, product, says.record)


def _not_ours(says: ShopSays) -> Link:
    if says.external_id is None:
        return Link("shop-product", True, "not_in_shop")
    return Link("shop-product", True, "would_be_adopted", {"product": says.external_id})


def _shown_links(facts: Facts, product: Product, record: RemoteRecord | None) -> Iterator[Link]:
    if record is None:
        yield Link("shop-values", None, "shop_tells_nothing")
        return
    yield _visible(product, record)
    if product.is_active:
        yield _values(facts, record)
        if record.is_available is not None:
            yield _available(facts, record)


def _visible(product: Product, record: RemoteRecord) -> Link:
    hidden = Link(
        "shop-visible", False, "inactive_in_shop", cause=Cause.HIDDEN_IN_SHOP, who=Who.SHOP
    )
    if not product.is_active:
        return Link("shop-visible", True, "rightly_inactive")
    if record.is_active is False:
        return hidden
    if record.is_visible is False:
        return Link(
            "shop-visible", False, "invisible_in_shop", cause=Cause.HIDDEN_IN_SHOP, who=Who.SHOP
        )
    if record.is_active is None and record.is_visible is None:
        return Link("shop-visible", None, "shop_tells_no_visibility")
    return Link("shop-visible", True, "shown_in_shop")


def _available(facts: Facts, record: RemoteRecord) -> Link:
    """A shop may count as sold out what has stock: by a minimum order, or an index that lags."""
    answer = facts.erp_answer
    sent = None if answer is None else answer.values.get("stock")
    is_odd = isinstance(sent, int) and sent > 0 and bool(record.stock) and not record.is_available
    if is_odd:
        values = {"stock": record.stock}
        cause, who = Cause.HIDDEN_IN_SHOP, Who.SHOP
        return Link("shop-available", False, "sold_out_in_shop", values, cause=cause, who=who)
    text = "available_in_shop" if record.is_available else "rightly_sold_out"
    return Link("shop-available", True, text)


def _values(facts: Facts, record: RemoteRecord) -> Link:
    answer = facts.erp_answer
    if answer is None or not answer.values:
        return Link("shop-values", None, "nothing_to_compare")
    found = differences(facts, record)
    if not found:
        return Link("shop-values", True, "values_equal")
    shown = "; ".join(f"{one.field} {_text(one.sent)} -> {_text(one.shown)}" for one in found)
    text = "edited_stock" if [one.field for one in found] == ["stock"] else "edited_in_shop"
    values = {"differences": shown, "channel": facts.channel}
    return Link("shop-values", False, text, values, cause=Cause.EDITED_IN_SHOP, who=Who.SHOP)


def differences(facts: Facts, record: RemoteRecord) -> list[Difference]:
    """Fields that were sent and that the shop shows otherwise."""
    answer = facts.erp_answer
    if answer is None:
        return []
    found = []
    for name, sent in answer.values.items():
        shown = getattr(record, name)
        is_ours = _is_sent(facts, name)
        if is_ours and sent is not None and shown is not None and _differ(sent, shown):
            found.append(Difference(name, sent, shown))
    return found


def _is_sent(facts: Facts, field: str) -> bool:
    """Whether the ERP's present value is the one that we sent last, for sure."""
    topic, answer = TOPIC_BY_FIELD[field], facts.erp_answer
    work = facts.works.get(topic)
    if answer is None or work is None or work.pushed_hash is None:
        return False
    return answer.hash_by_topic.get(topic) == work.pushed_hash


def _differ(sent: object, shown: object) -> bool:
    if isinstance(sent, Decimal) and isinstance(shown, Decimal):
        return abs(sent - shown) > CENT
    return sent != shown


def _text(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
