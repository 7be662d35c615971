"""`vario-relay sync CHANNEL --pause | --resume | --cancel`."""

from __future__ import annotations

from sqlalchemy.orm import Session

from cli.channel import require_running
from integration import channels, sync_control
from integration.errors import IntegrationError
from integration.models import SyncRun
from integration.runtime import Runtime
from integration.topology import Topic


def change(runtime: Runtime, name: str, topic: Topic | None, action: str) -> dict[int, str]:
    """Pause, resume or cancel the initial syncs of a channel; of `topic`, if it is given.

    What was done to each run, as a sentence by its id, the newest last.
    Raises: IntegrationError when there is none, and for resuming on a channel that does not move.
    """
    with runtime.scope() as session:
        channel = channels.find(session, name)
        if action == "resume":
            require_running(session, channel, name)
        runs = sync_control.under_way(session, channel.id, topic)
        if action == "resume":
            runs = [one for one in runs if session.get_one(SyncRun, one).paused_at is not None]
        if not runs:
            what = "is paused" if action == "resume" else "is under way"
            raise IntegrationError(f"no sync of sales channel {name} {what}")
        return {one: _changed(session, name, one, action) for one in runs}


def _changed(session: Session, name: str, run_id: int, action: str) -> str:
    run = session.get_one(SyncRun, run_id)
    at = f"at {run.seen} of {'?' if run.expected is None else run.expected} articles"
    if action == "resume":
        sync_control.resume(session, run_id)
        return f"run {run_id} goes on {at}"
    if action == "cancel":
        sync_control.cancel(session, run_id)
        return f"run {run_id} is {run.message}; those still go"
    if run.paused_at is not None:
        return f"run {run_id} is paused already, {at}"
    sync_control.pause(session, run_id)
    return f"run {run_id} is paused {at}; `vario-relay sync {name} --resume` goes on with it"
