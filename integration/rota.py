"""Whose turn it is: tenants in turn, of a tenant its channels in turn, of a channel its lanes.

The lane that matters most goes first, unless a lesser one has been passed over often enough: so
stock goes before price, and none starves while stock never ends. Pure; the dispatcher's memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from integration.models import Priority
from integration.topology import LANE_BY_TOPIC, TOGGLE_BY_TOPIC, Queue, Topic

#: So often a lane is passed over for each lane between it and the first before it goes first. With
#: two, endless stock leaves a price every third turn, an article every eighth, a backfill of
#: articles every eighteenth.
PASSES_PER_RANK = 2
_NEVER = datetime.min.replace(tzinfo=UTC)
_QUEUE_BY_PRIORITY = {
    Priority.LIVE: Queue.LIVE,
    Priority.BACKFILL: Queue.BACKFILL,
    Priority.WRITE_BACK: Queue.WRITE_BACK,
}


@dataclass(frozen=True)
class DueLane:
    """A (channel, topic) with something due. `served_at` None: never served yet.

    `passed`: how often other lanes of its channel went first while it was due. `tenant` and
    `channel` are the names that logs show.
    """

    channel_id: int
    topic: Topic
    priority: Priority
    platform: str
    served_at: datetime | None
    tenant_id: int = 0
    passed: int = 0
    tenant: str = ""
    channel: str = ""

    @property
    def queue(self) -> Queue:
        return _QUEUE_BY_PRIORITY[self.priority]

    @property
    def rank(self) -> int:
        """1 is the most urgent; backfill comes after all live lanes."""
        behind = 0 if self.priority is Priority.LIVE else len(TOGGLE_BY_TOPIC)
        return LANE_BY_TOPIC[self.topic] + behind


@dataclass(frozen=True)
class Served:
    """When a channel was served last; None: never."""

    tenant_id: int
    channel_id: int
    at: datetime | None


class Rota:
    """The due lanes of one dispatch, and what was served before it."""

    def __init__(self, lanes: Iterable[DueLane], served: Iterable[Served] = ()) -> None:
        self._passed = {lane: lane.passed for lane in lanes}
        #: (turns in this dispatch, time of the last one before it)
        self._tenants: dict[int, tuple[int, datetime]] = {}
        self._channels: dict[int, tuple[int, datetime]] = {}
        for one in served:
            moment = (0, one.at or _NEVER)
            self._channels[one.channel_id] = moment
            self._tenants[one.tenant_id] = max(moment, self._tenants.get(one.tenant_id, moment))
        self._turns = 0

    def __iter__(self) -> Iterator[DueLane]:
        """Each lane once, in the order of its first turn."""
        while (lane := self.next()) is not None:
            yield lane
            self.served(lane)
            self.drop(lane)

    def next(self) -> DueLane | None:
        """The lane whose turn it is."""
        return min(self._passed, key=self._urgency, default=None)

    def rivals(self, lane: DueLane) -> list[DueLane]:
        """The other due lanes of its channel."""
        return [one for one in self._passed if one.channel_id == lane.channel_id and one != lane]

    def served(self, lane: DueLane) -> None:
        """A batch of the lane is on its way; the others of its channel were passed over."""
        self._turns += 1
        self._tenants[lane.tenant_id] = self._channels[lane.channel_id] = (self._turns, _NEVER)
        self._passed[lane] = 0
        for one in self.rivals(lane):
            self._passed[one] += 1

    def drop(self, lane: DueLane) -> None:
        """The lane may not go on."""
        del self._passed[lane]

    def drop_queue(self, queue: Queue) -> None:
        """No more may be sent to this queue now."""
        for lane in [one for one in self._passed if one.queue is queue]:
            self.drop(lane)

    def _urgency(self, lane: DueLane) -> tuple[object, ...]:
        return (
            self._tenants.get(lane.tenant_id, (0, _NEVER)),
            lane.tenant_id,
            self._channels.get(lane.channel_id, (0, _NEVER)),
            lane.channel_id,
            lane.rank - self._passed[lane] / PASSES_PER_RANK,
            lane.rank,
        )
