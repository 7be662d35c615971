"""Ctrl-C during `vario-relay sync`, wherever it strikes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import event

from cli import sync_drive
from cli.gentle_stop import GentleStop, stopping_gently
from cli.sync_shows import choose
from integration import sync, sync_runs
from integration.models import SyncRun
from tests.integration.support import Database

SOON_S = 5


@pytest.fixture(autouse=True)
def as_in_a_terminal() -> Iterator[None]:
    """Ctrl-C is heard, also where these tests are a background job."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def drive(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[sync_drive.Drive]:
    """Waits for a run that nobody works on."""
    monkeypatch.setattr(sync, "advance", lambda *_args, **_options: None)
    with database.scope() as session:
        run_id = sync_runs.start(session, database.channel, sync_runs.INITIAL, ["article"])
    with stopping_gently() as stop:
        yield sync_drive.Drive(
            Runtime(database), run_id, "42", choose(as_json=True), True, stop=stop
        )


class Runtime:
    """Just the database."""

    def __init__(self, database: Database) -> None:
        self.scope = database.scope
        self.settings = Settings()


class Settings:
    broker_url = "memory://"


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_in_the_middle_of_a_transaction_it_leaves_no_lock_behind(database, drive):
    began = time.monotonic()
    statements = 0

    def press_within(*_: object) -> None:
        nonlocal statements
        statements += 1
        if statements == 3:
            press_ctrl_c()

    event.listen(database.engine, "after_cursor_execute", press_within)
    with pytest.raises(KeyboardInterrupt):
        drive.until_end()

    event.remove(database.engine, "after_cursor_execute", press_within)
    with database.scope() as session:  # a writer is let in
        assert session.get_one(SyncRun, drive.run_id).state == "RUNNING"
    assert time.monotonic() - began < SOON_S


def test_in_a_pause_it_is_heard_at_once():
    began = time.monotonic()
    with stopping_gently() as stop:
        signal.signal(signal.SIGALRM, lambda *_: press_ctrl_c())
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            stop.pause(30)

    assert time.monotonic() - began < SOON_S


def test_a_second_one_does_not_wait_for_anything():
    with stopping_gently():
        press_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            press_ctrl_c()


def test_in_a_background_job_it_stays_switched_off():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with stopping_gently() as stop:
        press_ctrl_c()
        press_ctrl_c()
        stop.check()


def test_nobody_who_was_not_asked_stops():
    stop = GentleStop()
    stop.check()
    stop.pause(0)
