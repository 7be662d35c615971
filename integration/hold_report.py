"""What is held, by cause, in plain words with what to do; only reads.

A row that waits for its article goes by itself. Everything else waits for a person: one who mends
the data, one who decides, or the one who keeps an article back.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from integration import brake_rows, brake_rules, channels, queue_report
from integration.connectors.batches import SEVERAL_PRODUCTS, WAITS_FOR_MAIN
from integration.mapping_kinds import LEFT_OUT, MAY_BE_LEFT_OUT, Kind, of_reason
from integration.models import BY_HAND, ArticleHold, WorkItem
from integration.observe import masked
from integration.sync_runs import RUN_PAUSED
from integration.topics.order_status import AWAITS_TRACKING
from integration.topology import SHORT_NAME_BY_TOPIC, Topic
from integration.work_outcomes import NOT_IN_SHOP, TOPIC_NOT_SERVED
from integration.write_back.facts import NO_FIELD

#: How reasons of brakes begin.
BRAKE, BRAKE_WAIT = "brake", "brake-wait:"


class Words(NamedTuple):
    """A cause in plain words. `do` is what ends it; "nothing" where it ends by itself."""

    sentence: str
    do: str
    needs_decision: bool = False


@dataclass(frozen=True)
class HoldGroup:
    """What one channel holds for one cause.

    `cause` is the class of the reason (``mapping``), `reason` as rows have it
    (``mapping:unit:lb``). `articles` is how many are concerned; of holds by hand also those that
    nothing waits of, with `count` 0. `examples` are ids of articles.
    """

    channel: str
    cause: str
    reason: str
    count: int
    articles: int
    topics: dict[str, int]
    examples: tuple[str, ...]
    since: datetime | None
    words: Words

    @property
    def goes_by_itself(self) -> bool:
        waits = self.reason.startswith((WAITS_FOR_MAIN, BRAKE_WAIT))
        return waits or self.reason in (NOT_IN_SHOP, TOPIC_NOT_SERVED)


def groups(session: Session, channel_id: int | None = None) -> list[HoldGroup]:
    """What is held on one channel, or on all, the most frequent cause first."""
    found = [*_held_rows(session, channel_id), *_by_hand(session, channel_id)]
    return sorted(found, key=lambda one: (one.channel, -one.count, one.reason, one.words.sentence))


def _held_rows(session: Session, channel_id: int | None) -> list[HoldGroup]:
    """A few statements for all causes: there may be hundreds, each of thousands of rows."""
    is_held = [WorkItem.hold_reason.is_not(None), WorkItem.hold_reason != BY_HAND]
    if channel_id is not None:
        is_held.append(WorkItem.channel_id == channel_id)
    cause = (WorkItem.channel_id, WorkItem.hold_reason)
    by_cause: dict[tuple[int, str], list[Any]] = {}
    for row in session.execute(
        select(
            *cause,
            WorkItem.topic,
            func.count().label("number"),
            func.min(WorkItem.first_unsent_at).label("since"),
        )
        .where(*is_held)
        .group_by(*cause, WorkItem.topic)
    ):
        by_cause.setdefault((row.channel_id, row.hold_reason), []).append(row)
    articles = session.execute(
        select(
            *cause,
            func.count(WorkItem.entity_id.distinct()).label("number"),
            func.min(WorkItem.id).label("first"),
        )
        .where(*is_held)
        .group_by(*cause)
    ).all()
    errors = queue_report.errors(session, [one.first for one in articles])
    examples = queue_report.first_entities(session, cause, is_held)
    labels = {one: _label(session, one) for one in {channel for channel, _ in by_cause}}
    return [
        _group(
            labels[one.channel_id],
            one.hold_reason,
            by_cause[one.channel_id, one.hold_reason],
            articles=one.number,
            message=_message(session, one, errors),
            examples=examples.get((one.channel_id, one.hold_reason), ()),
        )
        for one in articles
        # What came or went between two of the statements is told next time.
        if (one.channel_id, one.hold_reason) in by_cause
    ]


def _message(session: Session, cause: Any, errors: Mapping[int, Any]) -> str | None:
    """What one of the rows was told; of a brake some of what it holds."""
    if cause.hold_reason.startswith(BRAKE):
        return "; ".join(brake_rows.examples(session, cause.channel_id, cause.hold_reason))
    return getattr(errors.get(cause.first), "last_error", None)


def _group(
    channel: str,
    reason: str,
    rows: Sequence[Any],
    *,
    articles: int,
    message: str | None,
    examples: Sequence[str],
) -> HoldGroup:
    return HoldGroup(
        channel=channel,
        cause=reason.partition(":")[0],
        reason=reason,
        count=sum(row.number for row in rows),
        articles=articles,
        topics={SHORT_NAME_BY_TOPIC[Topic(row.topic)]: row.number for row in rows},
        examples=tuple(examples),
        since=min((row.since for row in rows if row.since is not None), default=None),
        words=_words(channel, reason, masked((message or "").partition("\n")[0])),
    )


def _by_hand(session: Session, channel_id: int | None) -> list[HoldGroup]:
    """Holds by hand, those with one text and author together, waiting changes or not."""
    waiting = and_(
        WorkItem.channel_id == ArticleHold.channel_id,
        WorkItem.topic == ArticleHold.topic,
        WorkItem.entity_id == ArticleHold.article_id,
        WorkItem.hold_reason == BY_HAND,
    )
    held = select(
        ArticleHold.channel_id,
        ArticleHold.topic,
        ArticleHold.article_id,
        ArticleHold.reason,
        ArticleHold.held_by,
        ArticleHold.held_since,
        WorkItem.id,
    ).outerjoin(WorkItem, waiting)
    if channel_id is not None:
        held = held.where(ArticleHold.channel_id == channel_id)
    by_text: dict[tuple[int, str, str], list[Any]] = {}
    for row in session.execute(held.order_by(ArticleHold.held_since, ArticleHold.article_id)):
        by_text.setdefault((row.channel_id, row.reason, row.held_by), []).append(row)
    return [
        _hand_group(_label(session, one), text, by, rows)
        for (one, text, by), rows in by_text.items()
    ]


def _hand_group(channel: str, text: str, by: str, rows: Sequence[Any]) -> HoldGroup:
    articles = tuple(dict.fromkeys(row.article_id for row in rows))
    waiting = [row for row in rows if row.id is not None]
    topics = [SHORT_NAME_BY_TOPIC[Topic(row.topic)] for row in waiting]
    one = articles[0] if len(articles) == 1 else "ARTICLE"
    return HoldGroup(
        channel=channel,
        cause=BY_HAND,
        reason=BY_HAND,
        count=len(waiting),
        articles=len(articles),
        topics={name: topics.count(name) for name in sorted(set(topics))},
        examples=articles[: queue_report.EXAMPLES],
        since=min(row.held_since for row in rows),
        words=Words(
            f"held by hand by {by}: {text}",
            f"`vario-relay queue hold release {channel} {one}` sends what changed",
        ),
    )


def _label(session: Session, channel_id: int) -> str:
    return "/".join(channels.names(session, channel_id))


def _words(channel: str, reason: str, message: str) -> Words:
    mapped = of_reason(reason)
    if mapped is not None:
        return _mapping_words(channel, *mapped, message)
    known = _WORDS.get(reason.partition(":")[0])
    if known is not None:
        return known(channel, reason, message)
    release = f"`vario-relay queue hold release {channel} --reason {shlex.quote(reason)}`"
    return Words(message or reason, f"{release} tries again")


def _mapping_words(channel: str, kind: Kind, value: str, message: str) -> Words:
    what = f"{kind.value} {value}" if value else f"an empty {kind.value}"
    command = f"vario-relay mapping set {channel} {kind.value} {shlex.quote(value)}"
    if kind is Kind.UNIT:
        do = f"`{command} UNIT` with kg, g or its kilograms as UNIT"
    else:
        do = f"`{command} SHOP-VALUE`; `vario-relay mapping list {channel}` suggests one"
    if kind in MAY_BE_LEFT_OUT:
        do += f", `{LEFT_OUT}` leaves it out"
    return Words(
        f"{what} is not mapped ({message})" if message else f"{what} is not mapped", do, True
    )


def _decide(channel: str, reason: str, message: str) -> Words:
    choice = f"{channel} --reason {shlex.quote(reason)}"
    return Words(
        message or "a change out of the ordinary waits for a decision",
        f"`vario-relay queue hold release {choice}` sends it, "
        f"`vario-relay queue hold discard {choice}` drops it",
        True,
    )


def _braked(channel: str, reason: str, message: str) -> Words:
    what = _BRAKED.get(reason, "many changes out of the ordinary")
    return _decide(channel, reason, f"{what}, nothing of them was sent; id, old -> new: {message}")


def _mend(sentence: str, do: str) -> Callable[[str, str, str], Words]:
    return lambda channel, reason, message: Words(message or sentence, do)


def _grant(sentence: str, where: str) -> Callable[[str, str, str], Words]:
    def words(channel: str, reason: str, message: str) -> Words:
        release = f"`vario-relay queue hold release {channel} --reason {shlex.quote(reason)}`"
        return Words(message or sentence, f"give the right {where}, then {release}")

    return words


#: By the reason of a brake.
_BRAKED = {
    brake_rules.braked(Topic.PRICE): "so many prices move far that it may be a fault of the ERP",
    brake_rules.braked(Topic.STOCK): "so many stocks go to 0 that it may be a fault of the ERP",
    brake_rules.braked(Topic.ARTICLE): "so many products are to be taken out of the shop that it "
    "may be a fault of the ERP",
}

#: By the class of the reason.
_WORDS: dict[str, Callable[[str, str, str], Words]] = {
    NOT_IN_SHOP: lambda channel, reason, message: Words(
        "price or stock of a product that is not in the shop yet",
        "nothing, it goes with its article; if it stays, look for that under failed and held",
    ),
    "main-not-in-shop": lambda channel, reason, message: Words(
        message or "its main article is not in the shop yet",
        "nothing, it goes with its main article; if it stays, look for that under failed and held",
    ),
    "main-unknown": _mend(
        "the ERP has not told yet which article is its main article",
        "nothing, it goes when the main article is fetched; if it stays, list that on the channel",
    ),
    "variants-below": _mend(
        "its product in the shop has variants, and there are no variants of variants",
        "decide about its variants, which wait as confirm:...; it goes behind them",
    ),
    "same-options": _mend(
        "another variant of its main article has the same options",
        "give one of them other values in the ERP",
    ),
    "no-options": _mend("a variant without options", "give it its values in the ERP"),
    RUN_PAUSED: lambda channel, reason, message: Words(
        "its sync is paused", f"`vario-relay sync {channel} --resume` goes on with it"
    ),
    "brake": _braked,
    "brake-wait": lambda channel, reason, message: Words(
        f"out of the ordinary; id, old -> new: {message}",
        "nothing, it goes within minutes unless many more of the kind come",
    ),
    "confirm": _decide,
    SEVERAL_PRODUCTS: lambda channel, reason, message: Words(
        message or "its number is on several products of the shop",
        f"mend it in the shop, then `vario-relay queue hold release {channel} --reason {reason}`",
    ),
    "no-price": _mend("it has no price", "set a price in the ERP"),
    "no-tax-rate": _mend("it has no tax rate", "give it a tax schema in the ERP"),
    "currency": _mend(
        "it is priced in another currency than the channel sells in",
        "set a price in the channel's currency in the ERP",
    ),
    AWAITS_TRACKING: _mend(
        "its parcels have no tracking numbers yet",
        "nothing, it goes with its numbers, or without them after tracking_wait_min",
    ),
    "shop-right": _grant("the shop does not let the integration do it", "in the shop"),
    "erp-right": _grant("the ERP does not let the app do it", "in the ERP"),
    TOPIC_NOT_SERVED: _mend(
        "this version does not carry the topic", "nothing, it goes with a version that does"
    ),
    NO_FIELD: _mend(
        "the ERP has no field for the shop's product id", "install the app in the ERP again"
    ),
    "erp-column": _mend(
        "the ERP does not offer a column any more that nothing replaces",
        "nothing, it goes within minutes when the column is back; else ask the vendor of the ERP",
    ),
}
