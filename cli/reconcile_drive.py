"""Drives the application of a plan from the foreground, and waits for its work items."""

from __future__ import annotations

import time
from dataclasses import dataclass

from cli.channel import require_running
from cli.gentle_stop import GentleStop
from cli.shared import note, nudge, say
from integration import channels
from integration.reconciliation import outcomes, plans
from integration.reconciliation.applying import Applying
from integration.runtime import Runtime

IDLE_S = 0.5
LINE_EVERY_S = 5.0
#: So long nothing moves although something waits: probably nobody works on it.
STALLED_S = 30.0


def choose(runtime: Runtime, name: str, plan_id: int | None) -> int:
    """The plan to apply. Raises: UsageError; IntegrationError for a channel that does not move."""
    with runtime.scope() as session:
        channel = channels.find(session, name)
        require_running(session, channel, name)
        chosen = plans.find(session, channel.id, plan_id)
        note(session, channel.id, f"reconcile --apply {chosen}")
        return chosen


@dataclass
class Drive:
    """One foreground driver of one plan."""

    runtime: Runtime
    plan_id: int
    name: str
    stop: GentleStop

    def until_end(self) -> None:
        """Returns when everything of the plan is decided.

        Raises: IntegrationError when the channel stops moving or ERP and shop keep failing;
        KeyboardInterrupt when somebody asked to stop.
        """
        for _done in Applying(self.runtime, self.plan_id, wait=self.stop.pause).steps():
            nudge(self.runtime.settings)
            self.stop.check()
        watch = _Watch()
        while left := self._left():
            watch.saw(left)
            with self.runtime.scope() as session:
                require_running(session, channels.find(session, self.name), self.name)
            self.stop.pause(IDLE_S)

    def _left(self) -> int:
        with self.runtime.scope() as session:
            return outcomes.settle(session, self.plan_id)


class _Watch:
    """Says every few seconds how much is left, and once that nobody seems to be working."""

    def __init__(self) -> None:
        self._left: int | None = None
        self._moved_at = self._said_at = time.monotonic()
        self._has_warned = False

    def saw(self, left: int) -> None:
        now = time.monotonic()
        if left != self._left:
            self._left, self._moved_at = left, now
        if now - self._said_at >= LINE_EVERY_S:
            self._said_at = now
            say(f"{left} lines of the plan are on their way")
        if now - self._moved_at > STALLED_S and not self._has_warned:
            self._has_warned = True
            say("nothing moves; is `vario-relay up`, or a worker and beat, running?")
