"""Whether a line of a plan still holds. Pure: everything it is judged by is an argument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from integration.connectors.base import ListingView
from integration.models import Drift
from integration.reconciliation.compare import DriftKind, Shown, differ
from integration.reconciliation.expecting import Expected
from integration.reconciliation.wording import says
from integration.reconciliation.work import HELD, SENT_SINCE, WAITS, Item
from integration.topology import Topic

WITHDRAWN = (DriftKind.STILL_ACTIVE.value, DriftKind.ORPHAN.value)

SWITCHED_OFF = "its topic was switched off since the plan"
UNDER_WAY = {
    WAITS: "its change waits or is being sent",
    HELD: "its change is held",
    SENT_SINCE: "it was sent since the plan",
}
NEWER = "an event came since the plan"
OTHER_PRODUCT = "its product in the shop is another one since the plan"
IN_SHOP_NOW = "the shop has it by now"
NUMBER_TAKEN = "the shop has a product with its number by now, which would be adopted"
SHOP_CHANGED = "the shop shows another value than the plan saw"
GONE_FROM_SHOP = "its product is not in the shop any more"
ERP_CHANGED = "the ERP says something else than the plan saw"
CANNOT_BE_SENT = "it cannot be sent as it is: {}"
INACTIVE_NOW = "it is not for sale in the shop any more"


@dataclass(frozen=True)
class Scene:
    """The state of one article and topic at this moment.

    `shown` counts only where the platform `can_show` single products. `same_number`: the product
    that has the article's number.
    """

    expected: Expected
    listing: ListingView | None
    item: Item
    shown: Shown | None
    can_show: bool
    same_number: str | None = None
    is_off: bool = False


def why_not(lines: Sequence[Drift], scene: Scene) -> str | None:
    """Why these lines of one work item are not sent, as a sentence; None: they hold."""
    first = lines[0]
    if scene.is_off:
        return SWITCHED_OFF
    if scene.item.on_its_way is not None:
        return UNDER_WAY[scene.item.on_its_way]
    if not scene.can_show and scene.item.generation != first.generation:
        return NEWER  # or it would be sent on the word of a plan that is older
    if (scene.listing and scene.listing.external_id) != first.external_id:
        return OTHER_PRODUCT
    topic = Topic(first.topic)
    if topic in scene.expected.left_out:
        return CANNOT_BE_SENT.format(scene.expected.left_out[topic])
    if first.kind in WITHDRAWN:
        return _why_not_withdrawn(first, scene)
    if not scene.expected.wanted.is_offered:
        return ERP_CHANGED
    if first.kind == DriftKind.MISSING.value:
        return _why_not_missing(first, scene)
    return _why_not_values(lines, topic, scene)


def _why_not_withdrawn(line: Drift, scene: Scene) -> str | None:
    wanted = scene.expected.wanted
    if wanted.is_offered or wanted.is_known == (line.kind == DriftKind.ORPHAN.value):
        return ERP_CHANGED
    if not scene.can_show:
        return None
    if scene.shown is None:
        return GONE_FROM_SHOP
    return None if scene.shown.is_active else INACTIVE_NOW


def _why_not_missing(line: Drift, scene: Scene) -> str | None:
    if scene.shown is not None:
        return IN_SHOP_NOW
    return None if scene.same_number == line.old else NUMBER_TAKEN


def _why_not_values(lines: Sequence[Drift], topic: Topic, scene: Scene) -> str | None:
    values = scene.expected.wanted.values_by_topic.get(topic, {})
    if not all(says(one.new, values.get(str(one.field))) for one in lines):
        return ERP_CHANGED
    if not scene.can_show:
        return None
    if scene.shown is None:
        return GONE_FROM_SHOP
    shown = scene.shown.values
    if not any(differ(name, values[name], shown.get(name)) for name in values):
        return IN_SHOP_NOW
    is_as_seen = all(says(one.old, shown.get(str(one.field))) for one in lines)
    return None if is_as_seen else SHOP_CHANGED
