"""The price pass of each day, in the merchant's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from integration import price_days
from integration.clock import db_now
from integration.models import SalesChannel, SyncRun
from integration.price_days import day_of
from tests.integration.support import Database, together

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("utc", "day"),
    [
        # midnight in summer is 22:00 UTC; until five past, yesterday's prices count
        (datetime(2026, 7, 1, 22, 4, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 7, 1, 22, 5, tzinfo=UTC), date(2026, 7, 2)),
        (datetime(2026, 12, 1, 22, 59, tzinfo=UTC), date(2026, 12, 1)),
        (datetime(2026, 12, 1, 23, 5, tzinfo=UTC), date(2026, 12, 2)),
        # the hour that comes twice belongs to one day
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), date(2026, 10, 25)),
    ],
)
def test_the_merchants_midnight_begins_the_day(utc, day):
    assert day_of(utc.astimezone(BERLIN)) == day


def start(database: Database) -> list[int]:
    with database.scope() as session:
        return price_days.start_daily_prices(session, BERLIN)


def came(database: Database, channel: int, days_ago: int) -> None:
    with database.scope() as session:
        session.execute(
            update(SalesChannel)
            .where(SalesChannel.id == channel)
            .values(created_at=db_now(-days_ago * 86_400))
        )


def runs(database: Database) -> list[SyncRun]:
    with database.scope() as session:
        return list(session.scalars(select(SyncRun).order_by(SyncRun.id)))


@pytest.mark.contract("10.14")
def test_each_day_begins_one_price_pass_per_running_channel(database):
    came(database, database.channel, days_ago=2)
    paused = database.add_channel("44", is_paused=True)
    came(database, paused, days_ago=2)

    found = [start(database) for _ in range(3)]

    assert [(one.channel_id, one.kind, one.topics) for one in runs(database)] == [
        (database.channel, "daily-prices", "price")
    ]
    assert [len(one) for one in found] == [1, 0, 0]


@pytest.mark.contract("10.14")
def test_a_channel_that_stood_still_at_midnight_is_made_up_for(database):
    came(database, database.channel, days_ago=2)
    with database.scope() as session:
        session.get_one(SalesChannel, database.channel).is_paused = True
    assert start(database) == []

    with database.scope() as session:
        session.get_one(SalesChannel, database.channel).is_paused = False

    assert len(start(database)) == 1


def test_a_channel_that_came_today_has_todays_prices(database):
    assert start(database) == []


@pytest.mark.contract("10.20")
def test_two_beats_begin_one_pass(database):
    came(database, database.channel, days_ago=2)

    found = together([lambda: start(database)] * 4)

    assert sorted(len(one) for one in found) == [0, 0, 0, 1]


def test_the_next_day_begins_another_one(database, monkeypatch):
    came(database, database.channel, days_ago=5)
    assert len(start(database)) == 1

    monkeypatch.setattr(price_days, "AFTER_MIDNIGHT", timedelta(days=1))

    assert len(start(database)) == 1
    assert len({one.unique_key for one in runs(database)}) == 2
