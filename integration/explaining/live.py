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
from integration.field_ownership import Owner, field_of
from integration.reconciliation.compare import differ

#: Of a text in a sentence.
SHOWN_LENGTH = 80


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
        is_all = not any(facts.is_left_to_shop(name) for name in answer.values)
        return Link("shop-values", True, "values_equal" if is_all else "other_values_equal")
    shown = "; ".join(f"{one.field} {_text(one.sent)} -> {_text(one.shown)}" for one in found)
    text = "edited_stock" if [one.field for one in found] == ["stock"] else "edited_in_shop"
    values = {"differences": shown, "channel": facts.channel}
    return Link("shop-values", False, text, values, cause=Cause.EDITED_IN_SHOP, who=Who.SHOP)


def differences(facts: Facts, record: RemoteRecord) -> list[Difference]:
    """Fields that were sent and that the shop shows otherwise, without those that are its own."""
    answer = facts.erp_answer
    if answer is None:
        return []
    found = []
    for name, sent in answer.values.items():
        shown = getattr(record, name)
        is_ours = _is_sent(facts, name) and not facts.is_left_to_shop(name)
        if is_ours and sent is not None and differ(name, sent, shown):
            found.append(Difference(name, sent, shown))
    return found


def _is_sent(facts: Facts, field: str) -> bool:
    """Whether the ERP's present value is the one that we sent last, for sure."""
    topic, answer = TOPIC_BY_FIELD[field], facts.erp_answer
    work = facts.works.get(topic)
    if answer is None or work is None or work.pushed_hash is None:
        return False
    return work.pushed_hash in answer.contents_by_topic.get(topic, ())


def edit_links(facts: Facts) -> Iterator[Link]:
    """What somebody changed in the shop and is left alone; broken until a person said so."""
    edits = {name: one for name, one in facts.edits.items() if facts.product is not None}
    waiting = [name for name, one in edits.items() if one.kept_by is None]
    kept = [name for name in edits if name not in waiting]
    if waiting:
        asks = any(facts.owners[field_of(name)] is Owner.ASK for name in waiting)
        values = {
            "differences": _told(facts, waiting),
            "channel": facts.channel,
            "article": facts.article,
        }
        yield Link(
            "shop-edits",
            False,
            "edit_waits" if asks else "edit_stays",
            values,
            cause=Cause.EDITED_IN_SHOP,
            who=Who.MERCHANT if asks else Who.SHOP,
        )
    elif kept:
        by = str(edits[kept[0]].kept_by)
        yield Link("shop-edits", True, "edit_kept", {"differences": _told(facts, kept), "by": by})


def _told(facts: Facts, names: list[str]) -> str:
    """Each field with what the shop shows, and what the ERP says if it was asked."""
    answer = facts.erp_answer
    ours = {} if answer is None else answer.values
    return "; ".join(
        f"{name} {_text(ours[name])} -> {_text(facts.edits[name].shown)}"
        if name in ours
        else f"{name} -> {_text(facts.edits[name].shown)}"
        for name in names
    )


def _text(value: object) -> str:
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return text if len(text) <= SHOWN_LENGTH else f"{text[: SHOWN_LENGTH - 1]}…"
