"""Checks of a sales channel: in the ERP, in the shop, and how its work goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from cli import doctor_catch_up, doctor_nights, erp_channels, erp_columns, sync_first
from cli.channel import require_running
from cli.channel_parameters import missing_parameters
from cli.findings import Finding
from cli.shared import duration
from integration import brake_rules, brakes, channel_stops, health_view, toggles
from integration.clock import db_now
from integration.errors import IntegrationError, UsageError
from integration.models import (
    Priority,
    SalesChannel,
    WorkItem,
    WorkItemState,
)
from integration.topology import SHORT_NAME_BY_TOPIC

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from cli.doctor_tenant import KnownChannels
    from integration.channel_view import ChannelView
    from integration.runtime import Runtime

#: A live change normally takes seconds; after so long something is wrong.
OLDEST_LIVE_S = 300.0


def findings(runtime: Runtime, channel_id: int, known: KnownChannels) -> Iterator[Finding]:
    """Everything about one channel."""
    channel = runtime.channel(channel_id)
    label = f"channel {channel.label}"
    with runtime.scope() as session:
        is_deleted = session.get_one(SalesChannel, channel_id).deleted_at is not None
    if is_deleted:
        # No fault: that is what the merchant wanted.
        do = f"nothing, or `vario-relay channel remove {channel.label}`; in 30 days it goes anyway"
        yield Finding(f"{label} state", True, "deleted in the ERP; its shop is left as it is", do)
        return
    if known is not None:
        yield _in_erp(label, channel, known)
        yield from erp_columns.findings(runtime, label, channel_id)
    is_running = True
    with runtime.scope() as session:
        found = session.get_one(SalesChannel, channel_id)
        try:
            require_running(session, found, channel.label)
            yield Finding(f"{label} state", True, "running")
        except IntegrationError as error:
            is_running = False
            # What a merchant switches off in the ERP shall not move.
            is_held = not found.is_paused and found.held_reason != channel_stops.SWITCHED_OFF
            yield Finding(f"{label} state", not is_held, str(error))
    yield from _set_up(runtime, label, channel)
    with runtime.scope() as session:
        yield from _before_first(session, label, channel)
        yield from _toggles(session, label, channel)
        yield from _health(session, label, channel_id)
        yield _brakes(session, label, channel)
        yield _queue(session, label, channel_id, is_running=is_running)
        yield from doctor_nights.of_channel(session, label, channel, is_running=is_running)
        yield from doctor_catch_up.of_channel(session, label, channel_id)


def _before_first(session: Session, label: str, channel: ChannelView) -> Iterator[Finding]:
    """No fault: a channel is looked at before it begins."""
    if not sync_first.is_untouched(session, channel.id):
        return
    detail = "nothing was carried yet; products that the shop has already will be taken over"
    do = f"`vario-relay sync {channel.label} --dry-run` names them, and what changes of each"
    yield Finding(f"{label} first sync", True, detail, do)


def _in_erp(label: str, channel: ChannelView, known: dict[str, str]) -> Finding:
    check = f"{label} in the ERP"
    if channel.erp_id in known:
        return Finding(check, True, known[channel.erp_id] or "without a name")
    return Finding(
        check,
        False,
        erp_channels.unknown(channel.erp_id, known),
        "assign the sales channel to the app in the ERP, or add the right one here",
    )


def _set_up(runtime: Runtime, label: str, channel: ChannelView) -> Iterator[Finding]:
    """The channel's parameters, and with them its shop, if its platform can be loaded here."""
    try:
        with runtime.scope() as session:
            missing = missing_parameters(session, session.get_one(SalesChannel, channel.id))
    except UsageError as error:
        do = f"what the sentence says, then `vario-relay channel resume {channel.label}`"
        yield Finding(f"{label} platform", False, str(error), do)
        return
    if missing:
        do = f"`vario-relay channel set {channel.label} {missing[0]}=...`"
        yield Finding(f"{label} parameters", False, f"{', '.join(missing)} not set", do)
    else:
        yield from _in_shop(runtime, label, channel)


def _in_shop(runtime: Runtime, label: str, channel: ChannelView) -> Iterator[Finding]:
    with runtime.scope() as session:
        states = toggles.states(session, channel.id)
    switched_on = [topic for topic, is_on in states.items() if is_on]
    try:
        problems = runtime.connector(channel, topics=switched_on).check()
    except IntegrationError as error:
        yield Finding(f"{label} shop", False, str(error), "do what the sentence says")
        return
    for one in problems:
        do = "" if one.do == "nothing" else one.do
        yield Finding(f"{label} {one.check}", not one.is_fault, one.detail, do)
    if not any(one.is_fault for one in problems):
        yield Finding(f"{label} shop", True, f"the {channel.platform} shop is ready")


def _toggles(session: Session, label: str, channel: ChannelView) -> Iterator[Finding]:
    """No fault: a person switched them off. But it answers why a topic stands still."""
    off = set(toggles.off_topics(session, channel.id))
    names = [SHORT_NAME_BY_TOPIC[one] for one in toggles.SERVED_TOPICS if one.value in off]
    if names:
        detail = f"switched off: {', '.join(names)}; what changes is kept and waits"
        do = f"`vario-relay toggle on {channel.label} {names[0]}` lets it travel when it shall"
        yield Finding(f"{label} toggles", True, detail, do)


def _health(session: Session, label: str, channel_id: int) -> Iterator[Finding]:
    """What the batches met; the check above asks the shop itself, and may find it well again."""
    sentence = health_view.sentences(session).get(channel_id)
    if sentence is None:
        return
    is_open = channel_id in health_view.open_breakers(session)
    name = label.removeprefix("channel ")
    do = f"mend the shop; `vario-relay channel resume {name}` tries it at once" if is_open else ""
    yield Finding(f"{label} health", not is_open, sentence, do)


def _brakes(session: Session, label: str, channel: ChannelView) -> Finding:
    """A fault while a decision is waited for; what is switched off is a person's will."""
    check = f"{label} brakes"
    found = sorted(
        topic for channel_id, topic in brakes.tripped(session) if channel_id == channel.id
    )
    if found:
        names = ", ".join(SHORT_NAME_BY_TOPIC[one] for one in found)
        do = f"`vario-relay queue hold list {channel.label}`, then release or discard them"
        return Finding(
            check, False, f"changes are stopped that may be the ERP's fault: {names}", do
        )
    off = [one for one in brake_rules.SWITCHES if channel.parameters.get(one) == brake_rules.OFF]
    told = f"switched off: {', '.join(off)}" if off else "none stops anything"
    return Finding(check, True, told)


def _queue(session: Session, label: str, channel_id: int, *, is_running: bool) -> Finding:
    """Backfill may wait for hours and be well, and so may a topic that is switched off."""
    row = session.execute(
        select(
            func.count().label("number"),
            func.min(WorkItem.first_unsent_at).label("oldest"),
            db_now().label("now"),
        ).where(
            WorkItem.channel_id == channel_id,
            WorkItem.state.in_([WorkItemState.QUEUED.value, WorkItemState.PROCESSING.value]),
            WorkItem.hold_reason.is_(None),
            WorkItem.priority == int(Priority.LIVE),
            WorkItem.topic.not_in(toggles.off_topics(session, channel_id)),
        )
    ).one()
    check = f"{label} queue"
    if row.oldest is None:
        return Finding(check, True, "no live change is waiting")
    age = (row.now - row.oldest).total_seconds()
    detail = f"{row.number} live changes are waiting, the oldest for {duration(age)}"
    if age <= OLDEST_LIVE_S or not is_running:
        return Finding(check, True, detail)
    do = "see that `vario-relay up`, or a worker and beat, is running; look into its log"
    return Finding(check, False, detail, do)
