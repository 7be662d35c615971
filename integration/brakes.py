"""The brakes: changes that a fault of the ERP makes wait for a person, and nothing else does.

Asked by push, with what goes into the shop next to what it confirmed last, and by the sweep for
what waits until more is known. A batch without a suspicious change costs no statement. Why it is
so: docs/decisions/0023.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from integration import brake_rows, telling
from integration.brake_rules import (
    ACTIVE,
    DEFAULT_BY_PARAMETER,
    EMPTY,
    INACTIVE,
    NEVER_UNDER,
    TOPICS,
    UNTRACKED,
    Decision,
    Rules,
    braked,
    decide,
    free,
    undecided,
)
from integration.claims import Claim
from integration.clock import db_now
from integration.models import Brake, ChannelParameter, Listing, WorkItem
from integration.topology import Topic

if TYPE_CHECKING:
    from integration.connectors.base import Payload
    from integration.runtime import Runtime
    from integration.stages import Work

#: How long suspicious changes are added up. A fault of an export shows within minutes, a warehouse
#: that fails at once; what comes slower is not told from business by its number.
WINDOW_S = 3_600.0

#: What the shop has and what it would get, by work item.
Changes = Mapping[int, tuple[str | None, str]]


def let_through(runtime: Runtime, work: Work, payloads: Sequence[Payload]) -> list[Payload]:
    """The payloads that may be written now; the rows of the others wait.

    Failure policy: decided and recorded in one transaction, before anything of it is written.
    """
    if work.claim.topic not in TOPICS:
        return list(payloads)
    rules = Rules.of(work.channel.parameters)
    found = _suspicious(work, rules, payloads)
    if not found:
        return list(payloads)
    with runtime.scope() as session:
        decision = _judge(session, work.claim, rules, found)
    if decision is Decision.GO:
        return list(payloads)
    items = work.claim.item_by_entity
    return [one for one in payloads if items[one["article_id"]].id not in found]


def _suspicious(
    work: Work, rules: Rules, payloads: Sequence[Payload]
) -> dict[int, tuple[str | None, str]]:
    """Changes far from what the shop has, but for those that were let go before."""
    topic = work.claim.topic
    found = {}
    for payload in payloads:
        item = work.claim.item_by_entity[payload["article_id"]]
        old, new = item.pushed_value, payload.get("values", {}).get(topic.value)
        if topic is Topic.ARTICLE:
            old = ACTIVE if work.listing(payload["article_id"]).is_active else INACTIVE
            new = ACTIVE if payload.get("is_active", True) else INACTIVE
        was_let_go = item.braked_in is None and item.braked_value == new
        if new is not None and rules.is_suspicious(topic, old, new) and not was_let_go:
            found[item.id] = (old, new)
    return found


def _judge(session: Session, claim: Claim, rules: Rules, found: Changes) -> Decision:
    brake = brake_rows.locked(session, claim.channel_id, claim.topic)
    if brake.tripped_at is None and brake.waiting_since is None and _is_over(session, brake):
        brake_rows.begin_window(session, brake)
    new = [one for one in found if claim.item_by_id[one].braked_in != brake.window_number]
    if new:
        brake.seen += len(new)
        brake.last_seen_at = brake_rows.now(session)
    if brake.tripped_at is not None:
        brake_rows.hold_back(session, claim, brake, braked(claim.topic), found)
        return Decision.TRIP
    decision = _decision(session, claim, rules, brake)
    if decision is Decision.GO:
        brake_rows.let_pass(session, {item: change[1] for item, change in found.items()})
        return decision
    if decision is Decision.TRIP:
        brake_rows.lock_rows(session, brake, found)
    brake_rows.hold_back(session, claim, brake, undecided(claim.topic), found)
    if decision is Decision.TRIP:
        _trip(session, brake, rules)
    elif brake.waiting_since is None:
        brake.waiting_since = brake_rows.now(session)
        brake.waits_for = int(claim.priority)
    else:
        brake.waits_for = max(brake.waits_for, int(claim.priority))
    return decision


def _decision(session: Session, claim: Claim, rules: Rules, brake: Brake) -> Decision:
    """By what is seen and by what may still come; no more is counted than it takes."""
    few = decide(claim.topic, brake.seen, _unseen(session, claim, brake, NEVER_UNDER), NEVER_UNDER)
    if few is not Decision.TRIP and (few is Decision.GO or claim.topic is not Topic.STOCK):
        return few
    limit = _limit(session, brake, rules)
    backlog = _unseen(session, claim, brake, free(claim.topic, limit))
    return decide(claim.topic, brake.seen, backlog, limit)


def _unseen(session: Session, claim: Claim, brake: Brake, at_most: int) -> int:
    """What came with these changes or before, and was not looked at. Of stock alone it matters now:
    the others wait, and the sweep asks."""
    if claim.topic is not Topic.STOCK:
        return 0
    return brake_rows.backlog(
        session, brake, priority=int(claim.priority), at_most=at_most, without=claim.id
    )


def _is_over(session: Session, brake: Brake) -> bool:
    return bool(session.scalar(select(brake.window_began_at < db_now(-WINDOW_S))))


def _limit(session: Session, brake: Brake, rules: Rules) -> int:
    """Counts what it is a share of once per window, and only when it may be reached."""
    topic = Topic(brake.topic)
    if brake.reference is None:
        brake.reference = _reference(session, brake.channel_id, topic)
    return rules.limit(topic, brake.reference)


def _reference(session: Session, channel_id: int, topic: Topic) -> int:
    """Products of the shop that are active; or have a price, or something in stock."""
    if topic is Topic.ARTICLE:
        counted = select(func.count()).where(
            Listing.channel_id == channel_id, Listing.is_active.is_(True)
        )
    else:
        counted = select(func.count()).where(
            WorkItem.channel_id == channel_id,
            WorkItem.topic == topic.value,
            # Of a price there is no such value.
            WorkItem.pushed_value.not_in([EMPTY, UNTRACKED]),
        )
    return session.scalar(counted) or 0


def _trip(session: Session, brake: Brake, rules: Rules) -> None:
    """Stop everything that was counted, and say so once."""
    rows = brake_rows.stop(session, brake)
    topic = Topic(brake.topic)
    telling.tripped(
        session,
        brake.channel_id,
        topic,
        rows=rows,
        limit=_limit(session, brake, rules),
        examples=brake_rows.examples(session, brake.channel_id, braked(topic)),
    )


def tripped(session: Session) -> set[tuple[int, Topic]]:
    """What waits for a person's decision: channel ids and topics."""
    rows = session.execute(
        select(Brake.channel_id, Brake.topic).where(Brake.tripped_at.is_not(None))
    )
    return {(row.channel_id, Topic(row.topic)) for row in rows}


def look(session: Session, wait_s: float) -> None:
    """Decide about what waits, and end brakes that hold nothing any more.

    `wait_s`: after so long without another suspicious change no more are expected.
    Failure policy: part of the caller's transaction, safe to do twice.
    """
    brakes = brake_rows.on_duty(session)
    for brake in brakes:
        if brake.tripped_at is None:
            _decide_waiting(session, brake, wait_s)
    brake_rows.end_where_over(session, [one for one in brakes if one.tripped_at is not None])


def _decide_waiting(session: Session, brake: Brake, wait_s: float) -> None:
    """What was queued when the first one began to wait has to be looked at before."""
    left = brake_rows.backlog(
        session, brake, priority=brake.waits_for, at_most=1, due_by=brake.waiting_since
    )
    if left:
        return
    rules = _rules(session, brake.channel_id)
    quiet = (brake_rows.now(session) - brake.last_seen_at).total_seconds() / wait_s
    few = decide(Topic(brake.topic), brake.seen, 0, NEVER_UNDER, quiet)
    limit = NEVER_UNDER if few is not Decision.TRIP else _limit(session, brake, rules)
    decision = decide(Topic(brake.topic), brake.seen, 0, limit, quiet)
    if decision is Decision.TRIP:
        _trip(session, brake, rules)
    elif decision is Decision.GO:
        brake_rows.go_on(session, brake)


def _rules(session: Session, channel_id: int) -> Rules:
    stored = session.execute(
        select(ChannelParameter.key, ChannelParameter.value).where(
            ChannelParameter.channel_id == channel_id,
            ChannelParameter.key.in_(DEFAULT_BY_PARAMETER),
        )
    )
    return Rules.of({row.key: row.value for row in stored})
