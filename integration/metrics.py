"""What /metrics shows, read from the database at the time of a scrape.

State comes from the queue itself, in the words and with the queries of `queue status`; counts are
the totals of all processes. A scrape costs a handful of queries however long the queue is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from sqlalchemy import select
from sqlalchemy.orm import Session

from integration import (
    brake_rules,
    brakes,
    channels,
    counter_store,
    health_view,
    queue_report,
    telling,
)
from integration.channel_stops import SWITCHED_OFF
from integration.counters import Counter
from integration.models import SalesChannel, Tenant, TransferToggle
from integration.queue_report import LaneStatus
from integration.toggles import SERVED_TOPICS
from integration.topology import SHORT_NAME_BY_TOPIC, Topic

_LANE = ("tenant", "channel", "topic")
_STATES = ("queued", "processing", "failed", "held")

#: Label values of a series -> its value.
Series = dict[tuple[str, ...], float]


@dataclass(frozen=True)
class _Channel:
    id: int
    tenant_id: int
    tenant: str
    erp_id: str
    #: Why nothing of it moves; None: it runs.
    stopped: str | None


def families(session: Session) -> Iterator[Metric]:
    """Every metric with its series."""
    known = _channels(session)
    yield from _queue(queue_report.statuses(session))
    yield _stopped(session, known)
    breakers = health_view.open_breakers(session)
    yield _gauge(
        "relay_breaker_open",
        "1: the shop is sent nothing for a while, because it fails or asked for a pause",
        ("tenant", "channel"),
        {(one.tenant, one.erp_id): float(one.id in breakers) for one in known},
    )
    yield _brakes(session, known)
    yield from _counters(list(counter_store.totals(session)), known)


def _channels(session: Session) -> list[_Channel]:
    rows = session.execute(
        select(
            SalesChannel.id,
            SalesChannel.tenant_id,
            Tenant.subdomain,
            SalesChannel.erp_id,
            SalesChannel.held_reason,
            Tenant.held_reason.label("tenant_held"),
            Tenant.offline_since,
            channels.is_running().label("is_running"),
        )
        .join(Tenant, Tenant.id == SalesChannel.tenant_id)
        .where(SalesChannel.deleted_at.is_(None))
        .order_by(Tenant.subdomain, SalesChannel.erp_id)
    ).all()
    result = []
    for row in rows:
        stopped = None if row.is_running else _why_stopped(row)
        result.append(_Channel(row.id, row.tenant_id, row.subdomain, row.erp_id, stopped))
    return result


def _why_stopped(row: Any) -> str:
    """What needs a person first, then what the ERP wants, then what people want."""
    if row.tenant_held is not None or row.held_reason not in (None, SWITCHED_OFF):
        return "held"
    if row.offline_since is not None:
        return "offline"
    return "paused" if row.held_reason is None else "inactive"


def _queue(lanes: list[LaneStatus]) -> Iterator[Metric]:
    """State of the queue per lane; the words are those of `queue status`."""
    label_by_lane = {one: (one.tenant, one.channel, _short(one)) for one in lanes}
    yield _gauge(
        "relay_freshness_seconds",
        "Age of the oldest change that is not in the shop yet; 0: nothing is on its way",
        _LANE,
        {
            label: one.oldest_unsent_s or 0.0
            for one, label in label_by_lane.items()
            if one.topic is not Topic.WRITE_BACK  # it does not go to a shop
        },
    )
    yield _gauge(
        "relay_work_items",
        "Work items that are not done",
        (*_LANE, "state"),
        {
            (*label, state): float(getattr(one, state))
            for one, label in label_by_lane.items()
            for state in _STATES
        },
    )
    yield _gauge(
        "relay_drain_eta_seconds",
        "Time until what is on its way is done, at the rate of the last five minutes; "
        "+Inf: nothing was done in them",
        _LANE,
        {
            label: math.inf if one.eta_s is None else one.eta_s
            for one, label in label_by_lane.items()
        },
    )


def _short(lane: LaneStatus) -> str:
    return SHORT_NAME_BY_TOPIC[lane.topic]


def _stopped(session: Session, known: list[_Channel]) -> Metric:
    off = {
        (row.channel_id, row.topic)
        for row in session.execute(
            select(TransferToggle.channel_id, TransferToggle.topic).where(
                TransferToggle.is_on.is_(False)
            )
        )
    }
    series: Series = {}
    for one in known:
        for topic in SERVED_TOPICS:
            cause = one.stopped or ("switched-off" if (one.id, topic.value) in off else None)
            if cause is not None:
                series[(one.tenant, one.erp_id, SHORT_NAME_BY_TOPIC[topic], cause)] = 1.0
    return _gauge(
        "relay_lane_stopped",
        "1: nothing of this topic moves, because a person paused the channel or switched the topic "
        "off, because the ERP is offline or has it switched off, or because the service "
        "holds the channel and says why in `channel list`",
        (*_LANE, "cause"),
        series,
    )


def _brakes(session: Session, known: list[_Channel]) -> Metric:
    tripped = brakes.tripped(session)
    return _gauge(
        "relay_brake_tripped",
        "1: so many changes out of the ordinary came that they wait for a person's decision",
        _LANE,
        {
            (one.tenant, one.erp_id, SHORT_NAME_BY_TOPIC[topic]): float((one.id, topic) in tripped)
            for one in known
            for topic in brake_rules.TOPICS
        },
    )


def _counters(totals: list[counter_store.Total], known: list[_Channel]) -> Iterator[Metric]:
    lanes = [(o.tenant, o.erp_id, SHORT_NAME_BY_TOPIC[t]) for o in known for t in SERVED_TOPICS]
    # From 0, so that a rate sees the first one, too.
    hints: Series = {lane: 0.0 for lane in lanes}
    pushes: Series = {(*lane, one): 0.0 for lane in lanes for one in telling.OUTCOMES}
    lost: Series = {(*lane, one): 0.0 for lane in lanes for one in telling.CAUSES}
    requests: Series = {}
    channel_by_id = {one.id: one for one in known}
    tenant_by_id = {one.tenant_id: one.tenant for one in known}
    for total in totals:
        channel = channel_by_id.get(total.channel_id)
        erp_id = channel.erp_id if channel else ""
        tenant = channel.tenant if channel else tenant_by_id.get(total.tenant_id)
        if tenant is None:
            continue  # removed since
        lane = (tenant, erp_id, total.topic)
        if total.counter == Counter.REQUESTS:
            target, _, status = total.label.partition(":")
            requests[(tenant, erp_id, target, status)] = float(total.value)
        elif total.counter == Counter.HINTS:
            hints[lane] = float(total.value)
        elif total.counter == Counter.PUSHES:
            pushes[(*lane, total.label)] = float(total.value)
        elif total.counter == Counter.CLAIMS_LOST:
            lost[(*lane, total.label)] = float(total.value)
    yield _counter("relay_hints_total", "Changes that were recorded", _LANE, hints)
    yield _counter(
        "relay_pushes_total",
        "What became of work items that were worked on",
        (*_LANE, "outcome"),
        pushes,
    )
    yield _counter(
        "relay_requests_total",
        "Requests to the ERP and to the shops by status of the answer; none: there was none",
        ("tenant", "channel", "target", "status"),
        requests,
    )
    yield _counter(
        "relay_claims_lost_total",
        "Claims that a worker lost: expired with its lease, fenced before a write, late after one",
        (*_LANE, "cause"),
        lost,
    )


def _gauge(name: str, text: str, labels: Iterable[str], series: Series) -> Metric:
    family = GaugeMetricFamily(name, text, labels=list(labels))
    for values, value in series.items():
        family.add_metric(values, value)
    return family


def _counter(name: str, text: str, labels: Iterable[str], series: Series) -> Metric:
    family = CounterMetricFamily(name, text, labels=list(labels))
    for values, value in series.items():
        family.add_metric(values, value)
    return family
