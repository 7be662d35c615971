"""The links of one topic: its toggle, a hold by hand, and what became of its last change. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from integration.brake_rules import braked
from integration.explaining.facts import Cause, Facts, HandHold, Link, Who, Work
from integration.mapping_kinds import MAY_BE_LEFT_OUT, of_reason
from integration.models import BY_HAND
from integration.stages import INACTIVE, NOT_LISTED
from integration.sync_runs import RUN_PAUSED
from integration.topology import SHORT_NAME_BY_TOPIC, TOGGLE_BY_TOPIC, Topic
from integration.work_items import UNCHANGED
from integration.work_outcomes import BUG, NOT_IN_SHOP, TOPIC_NOT_SERVED

#: A change that is due for longer while nothing of its topic is settled has nobody who works on it.
STUCK_S = 600.0
#: What a discarded change begins its skip reason with (article_holds.discard).
DISCARDED = "discarded"

#: Who ends a hold, by the class of its reason. What is not here is for the agency.
_WHO_BY_HOLD: Mapping[str, Who] = {
    "no-price": Who.MERCHANT,
    "no-tax-rate": Who.MERCHANT,
    "currency": Who.MERCHANT,
    "main-unknown": Who.MERCHANT,
    "same-options": Who.MERCHANT,
    "no-options": Who.MERCHANT,
    "erp-column": Who.VENDOR,
}
_HOLDS_WITH_TEXT = (
    *_WHO_BY_HOLD,
    "confirm",
    "variants-below",
    "brake",
    "shop-right",
    "erp-right",
    RUN_PAUSED,
)
#: Holds that end by themselves; what they wait for is looked at elsewhere.
_WAITS = (NOT_IN_SHOP, "main-not-in-shop", "brake-wait")


def toggle_link(facts: Facts, topic: Topic) -> Link:
    """A switched-off topic breaks the chain where it keeps something back."""
    name, values = f"toggle-{SHORT_NAME_BY_TOPIC[topic]}", {"toggle": TOGGLE_BY_TOPIC[topic]}
    if topic not in facts.off:
        return Link(name, True, "toggle_on", values, topic)
    work = facts.works.get(topic)
    waits = work is not None and (work.is_open or work.state == "FAILED")
    is_wanted = topic is Topic.ARTICLE and facts.product is None and not is_not_offered(facts)
    if waits or is_wanted:
        values |= {"channel": facts.channel, "short": SHORT_NAME_BY_TOPIC[topic]}
        return Link(name, False, "toggle_off", values, topic, Cause.TOGGLE_OFF, Who.MERCHANT)
    return Link(name, True, "toggle_off_nothing_waits", values, topic)


def is_not_offered(facts: Facts) -> bool:
    """Whether nothing of the article belongs into the shop, as far as we know."""
    answer = facts.erp_answer
    if answer is not None:
        return not (answer.is_there and answer.is_active and answer.is_listed)
    work = facts.works.get(Topic.ARTICLE)
    return work is not None and work.skip_reason in (NOT_LISTED, INACTIVE) and not work.is_open


def change_links(facts: Facts, topic: Topic) -> list[Link]:
    """A hold by hand, if there is one, and the work item."""
    hold = facts.holds.get(topic)
    found = [] if hold is None else [_by_hand(facts, topic, hold)]
    name = f"change-{SHORT_NAME_BY_TOPIC[topic]}"
    work = facts.works.get(topic)
    if work is None:
        return [*found, _never(facts, topic, name)]
    if work.hold_reason is not None:
        return [*found, _held(facts, topic, name, work, work.hold_reason)]
    if work.state == "FAILED":
        return [*found, _failed(facts, topic, name, work)]
    if work.is_open:
        return [*found, _waiting(facts, topic, name, work)]
    return [*found, _settled(facts, topic, name, work)]


def _by_hand(facts: Facts, topic: Topic, hold: HandHold) -> Link:
    values = {"by": hold.held_by, "reason": hold.reason, "at": hold.since, **_named(facts)}
    name = f"hold-{SHORT_NAME_BY_TOPIC[topic]}"
    return Link(name, False, "hold_by-hand", values, topic, Cause.HELD, Who.AGENCY)


def _named(facts: Facts) -> dict[str, object]:
    """What the commands in sentences name."""
    return {"channel": facts.channel, "article": facts.article}


def _never(facts: Facts, topic: Topic, name: str) -> Link:
    if topic is not Topic.ARTICLE or facts.product is not None or is_not_offered(facts):
        return Link(name, True, "nothing_to_send", topic=topic)
    return Link(name, False, "never_heard", _named(facts), topic, Cause.WAITING, Who.AGENCY)


def _held(facts: Facts, topic: Topic, name: str, work: Work, reason: str) -> Link:
    kind = reason.partition(":")[0]
    values = {"words": work.words or reason, "reason": reason, **_named(facts)}
    mapped = of_reason(reason)
    if mapped is not None:
        kind_name, value = mapped[0].value, shlex.quote(mapped[1])
        values |= {"kind": kind_name, "kind_name": mapped[0], "value": value}
        text = "mapping_undecided" if mapped[0] in MAY_BE_LEFT_OUT else "mapping_missing"
        return Link(name, False, text, values, topic, Cause.MAPPING_MISSING, Who.AGENCY)
    if reason == TOPIC_NOT_SERVED:
        return Link(name, True, "not_carried", topic=topic)
    if reason == BY_HAND and topic in facts.holds:
        return Link(name, False, "change_by_hand", values, topic, Cause.HELD, Who.AGENCY)
    if kind in _WAITS:
        values["other"] = reason.partition(":")[2]
        return Link(name, False, f"hold_{kind}", values, topic, Cause.WAITING, Who.NOBODY)
    text = f"hold_{kind}" if kind in _HOLDS_WITH_TEXT else "hold_other"
    if reason == braked(Topic.ARTICLE):
        text = "hold_brake_article"
    who = _WHO_BY_HOLD.get(kind, Who.AGENCY)
    return Link(name, False, text, values, topic, Cause.HELD, who)


def _failed(facts: Facts, topic: Topic, name: str, work: Work) -> Link:
    values = {"words": work.words, "attempts": work.attempts, **_named(facts)}
    values["topic_name"] = SHORT_NAME_BY_TOPIC[topic]
    text, who = "rejected", Who.MERCHANT
    if work.error_class == BUG:
        text, who = "failed_bug", Who.VENDOR
    elif work.error_class not in ("Rejected", "Invalid", "Gone"):
        text, who = "failed_attempts", Who.AGENCY
    return Link(name, False, text, values, topic, Cause.REJECTED, who)


def _waiting(facts: Facts, topic: Topic, name: str, work: Work) -> Link:
    values = {
        "due": work.due_at,
        "ahead": work.ahead,
        "eta": work.eta_s,
        "words": work.words,
        "attempts": work.attempts,
    }
    who = Who.NOBODY
    if work.state == "PROCESSING":
        text = "being_sent"
    elif work.due_at is not None and work.due_at > facts.now:
        text = "next_attempt" if work.attempts and work.words else "waits_until"
    elif _is_stuck(facts, topic, work):
        text, who = "stuck", Who.AGENCY
    else:
        text = "waits_its_turn"
    return Link(name, False, text, values, topic, Cause.WAITING, who)


def _is_stuck(facts: Facts, topic: Topic, work: Work) -> bool:
    if work.due_at is None or work.eta_s is not None or topic in facts.off:
        return False
    return (facts.now - work.due_at).total_seconds() > STUCK_S


def _settled(facts: Facts, topic: Topic, name: str, work: Work) -> Link:
    skipped = work.skip_reason
    if skipped is not None and skipped.startswith(DISCARDED):
        values = {"words": skipped, **_named(facts)}
        return Link(name, False, "discarded", values, topic, Cause.HELD, Who.AGENCY)
    if skipped in (NOT_LISTED, INACTIVE) and not is_not_offered(facts):
        return Link(name, False, "offered_again", _named(facts), topic, Cause.WAITING, Who.AGENCY)
    stale = _newer_in_erp(facts, topic, name, work)
    if stale is not None:
        return stale
    if skipped is None or skipped == UNCHANGED:
        if work.pushed_at is not None:
            return Link(name, True, "sent", {"at": work.pushed_at}, topic)
        return Link(name, True, "nothing_to_send", topic=topic)
    return Link(name, True, "skipped", {"words": skipped}, topic)


def _newer_in_erp(facts: Facts, topic: Topic, name: str, work: Work) -> Link | None:
    """The ERP was asked and has something else than what was sent last, and nothing is on its way:
    its event was lost, or is still to come."""
    answer = facts.erp_answer
    if answer is None or facts.product is None or work.pushed_hash is None:
        return None
    now = answer.contents_by_topic.get(topic)
    if now is None or work.pushed_hash in now:
        return None
    return Link(name, False, "newer_in_erp", _named(facts), topic, Cause.WAITING, Who.AGENCY)
