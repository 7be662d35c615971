"""Where catch-ups are shown: `doctor` and `queue status`, with the reason in a sentence."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select, update

from integration import catch_ups, heartbeats, sync_runs
from integration.clock import db_now
from integration.models import Heartbeat, SalesChannel, SyncRun, SyncRunState


@pytest.fixture
def channel_id(runtime, channel) -> int:
    with runtime.scope() as session:
        return session.scalars(select(SalesChannel.id)).one()


def behind(runtime, channel_id) -> int:
    """The id of a catch-up that waits."""
    with runtime.scope() as session:
        now = session.scalars(select(db_now())).one()
        catch_ups.compare(session, channel_id, "the service was down", changed_since=now)
        return session.scalars(select(SyncRun.id)).one()


def end(runtime, run_id, **counts) -> None:
    with runtime.scope() as session:
        done = {"state": SyncRunState.DRAINING.value, **counts}
        session.execute(update(SyncRun).where(SyncRun.id == run_id).values(**done))
        assert sync_runs.end_if_drained(session, run_id)


def finding(run, check) -> dict:
    found = json.loads(run("doctor", "--json").stdout)
    return next(one for one in found if one["check"] == check)


def test_queue_status_says_that_a_channel_catches_up_and_why(run, runtime, channel_id):
    behind(runtime, channel_id)

    assert (
        "acme/7: a catch-up of what changed in the ERP is under way (0 articles read so far, "
        "0 changes wait); begun because the service was down"
    ) in run("queue", "status").stdout.splitlines()


def test_a_catch_up_that_ended_is_in_doctor_and_no_more_in_queue_status(run, runtime, channel_id):
    end(runtime, behind(runtime, channel_id), seen=57)

    detail = finding(run, "channel acme/7 catch-up")["detail"]
    assert "57 articles read, 0 changes sent, 0 unchanged, 0 failed" in detail
    assert detail.endswith("; begun because the service was down")
    assert "catch-up" not in run("queue", "status").stdout


def test_a_catch_up_that_saw_too_little_is_a_fault(run, runtime, channel_id):
    end(runtime, behind(runtime, channel_id), seen=3, expected=9)

    found = finding(run, "channel acme/7 catch-up")
    assert not found["ok"]
    assert "showed only 3" in found["detail"]


def test_a_web_process_that_is_away_is_a_fault(run, runtime):
    with runtime.scope() as session:
        heartbeats.beat(session)
    assert "webhook intake" not in run("doctor").stdout
    with runtime.scope() as session:
        session.execute(update(Heartbeat).values(beaten_at=db_now(-600)))

    found = finding(run, "webhook intake")
    assert not found["ok"]
    assert "nobody has taken webhooks since" in found["detail"]
