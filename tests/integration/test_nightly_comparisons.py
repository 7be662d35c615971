"""The comparison of each night: when it begins, what it does, and what people read of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from click.testing import CliRunner, Result
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from cli import doctor_nights
from cli.main import main
from cli.shared import Here
from integration import channels, shop_edits, stages, sync_runs
from integration.channel_view import ChannelView
from integration.clock import db_now
from integration.errors import IntegrationError
from integration.models import AccessToken, NightlyComparison, SalesChannel, SyncRun, WorkItem
from integration.reconciliation import nights
from integration.runtime import Runtime
from integration.topology import Topic
from tasks import reconcile, sync
from tests.integration.drifting import Drifting, carry
from tests.integration.relay import beside_an_erp
from tests.integration.support import Database, together

ZONE = ZoneInfo("UTC")


def hour() -> int:
    """A nightly hour with which it is night now."""
    return datetime.now(UTC).hour


def pass_of_tonight(database: Database, *, has_ended: bool = True) -> None:
    """The full pass of each running channel."""
    with database.scope() as session:
        sync_runs.start_nightly(session, ZONE, hour())
        if has_ended:
            session.execute(update(SyncRun).values(state="DONE", ended_at=db_now()))


def begin(database: Database) -> list[int]:
    """The channels whose comparison begins now."""
    with database.scope() as session:
        return [channel for channel, _night in nights.start_due(session, ZONE, hour())]


def end(database: Database) -> None:
    with database.scope() as session:
        session.execute(update(NightlyComparison).values(ended_at=db_now()))


def test_it_follows_the_nightly_pass_once_per_channel_and_one_at_a_time(
    database: Database,
) -> None:
    other = database.add_channel("43")
    database.add_channel("44", is_paused=True)
    pass_of_tonight(database, has_ended=False)
    assert begin(database) == []
    pass_of_tonight(database)

    found = together([lambda: begin(database)] * 4)

    assert sorted(found) == [[], [], [], [database.channel]]
    assert begin(database) == [], "one is under way"
    end(database)
    assert begin(database) == [other]
    end(database)
    assert begin(database) == [], "each had its comparison"


def test_by_day_none_begins(database: Database) -> None:
    pass_of_tonight(database)

    with database.scope() as session:
        assert nights.start_due(session, ZONE, (hour() + 2) % 24) == []


def test_one_whose_worker_died_begins_anew(database: Database) -> None:
    pass_of_tonight(database)
    assert begin(database) == [database.channel]

    died(database)

    assert begin(database) == [database.channel]


def died(database: Database) -> None:
    """The worker of the one that is under way said nothing for long."""
    with database.scope() as session:
        session.execute(
            update(NightlyComparison)
            .where(NightlyComparison.ended_at.is_(None))
            .values(alive_at=db_now(-nights.ALIVE_S - 1))
        )


def test_one_that_kills_its_workers_costs_no_other_channel_its_night(database: Database) -> None:
    other = database.add_channel("43")
    pass_of_tonight(database)
    assert begin(database) == [database.channel]
    died(database)

    assert begin(database) == [other], "who has not begun comes first"
    end_of(database, other)
    for _again in range(nights.TRIES - 1):
        assert begin(database) == [database.channel]
        died(database)
    assert begin(database) == []

    with database.scope() as session:
        given_up = session.get_one(NightlyComparison, (database.channel, tonight_of(session)))
        assert given_up.trouble is not None
        assert given_up.trouble.startswith("its worker died 3 times")


def end_of(database: Database, channel_id: int) -> None:
    with database.scope() as session:
        session.execute(
            update(NightlyComparison)
            .where(NightlyComparison.channel_id == channel_id)
            .values(ended_at=db_now())
        )


def tonight_of(session: Session) -> str:
    return session.scalars(select(NightlyComparison.night).distinct()).one()


def test_who_took_long_the_last_time_comes_last(database: Database) -> None:
    quick = database.add_channel("43")
    broke_off = database.add_channel("44")
    with database.scope() as session:
        for channel_id, hours, trouble in (
            (database.channel, 5, None),
            (quick, 1, None),
            (broke_off, 1, "the shop was away"),
        ):
            session.add(
                NightlyComparison(
                    channel_id=channel_id,
                    night="2026-01-01",
                    began_at=db_now(-hours * 3_600),
                    ended_at=db_now(),
                    trouble=trouble,
                )
            )
    pass_of_tonight(database)

    order = []
    while begun := begin(database):
        order += begun
        end_of(database, begun[0])

    assert order == [quick, database.channel, broke_off]


def pass_leaves(database: Database, **values: Any) -> None:
    """Tonight's pass has read everything, and one row of it is not in the shop yet."""
    pass_of_tonight(database, has_ended=False)
    with database.scope() as session:
        run = session.scalars(select(SyncRun)).one()
        run.state = "DRAINING"
        row = {"channel_id": database.channel, "topic": Topic.ARTICLE.value, "entity_id": "1"}
        session.add(WorkItem(**row, sync_run_id=run.id, **values))


def test_a_row_that_waits_for_its_next_attempt_does_not_put_the_comparison_off(
    database: Database,
) -> None:
    pass_leaves(database, attempts=3, due_at=db_now(7_200))

    assert begin(database) == [database.channel]


def test_what_the_pass_still_has_to_send_does(database: Database) -> None:
    pass_leaves(database, due_at=db_now())

    assert begin(database) == []


@pytest.mark.parametrize(
    ("values", "is_ok", "says"),
    [
        (None, False, "there was none yet"),
        ({"ended_at": db_now()}, True, "ended"),
        ({}, True, "has not ended yet"),
        ({"ended_at": db_now(), "trouble": "the shop was away"}, False, "the shop was away"),
        ({"ended_at": db_now(), "began_at": db_now(-28 * 3_600)}, False, "the last one was"),
    ],
)
def test_doctor_says_how_the_last_one_ended(
    database: Database, values: dict[str, Any] | None, is_ok: bool, says: str
) -> None:
    with database.scope() as session:
        session.execute(update(SalesChannel).values(created_at=db_now(-28 * 3_600)))
        if values is not None:
            night = NightlyComparison(channel_id=database.channel, night="2026-01-01", **values)
            session.add(night)
    channel = ChannelView(database.channel, 1, "acme", "42", "memory")

    with database.scope() as session:
        _pass, found = doctor_nights.of_channel(session, "acme/42", channel, is_running=True)

    assert (found.ok, says in found.detail) == (is_ok, True), found
    assert found.ok or found.do


# --- with an ERP and a shop ----------------------------------------------------------------------


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[Drifting]:
    with beside_an_erp(sqlite_url, Drifting, articles=12) as relay:
        yield relay


def tonight(relay: Drifting) -> str:
    """The comparison of this night, begun as beat does it."""
    with relay.runtime.scope() as session:
        sync_runs.start_nightly(session, ZONE, hour())
        session.execute(update(SyncRun).values(state="DONE", ended_at=db_now()))
        ((_channel, night),) = nights.start_due(session, ZONE, hour())
    return night


def noted(relay: Drifting) -> NightlyComparison:
    with relay.runtime.scope() as session:
        return session.scalars(select(NightlyComparison)).one()


def report(relay: Drifting, folder: Path, *arguments: str) -> Result:
    here = Here({})
    vars(here).update(
        settings=relay.runtime.settings, engine=relay.runtime.engine, runtime=relay.runtime
    )
    given = ["reconcile", "42", "--report", "--out", str(folder), *arguments]
    return CliRunner().invoke(main, given, obj=here)


def test_what_drifted_is_sent_and_the_morning_reads_of_it(relay: Drifting, tmp_path: Path) -> None:
    cheap, sold, renamed, hidden = relay.fill()[:4]
    relay.shown(cheap)["gross"] = "0.01"
    relay.shown(hidden)["visible"] = False
    relay.shown(sold)["stock"] = 4_711
    with relay.runtime.scope() as session:
        channels.set_parameter(session, relay.channel_id, "own.name", "ask", None)
    night = tonight(relay)

    nights.compare(relay.runtime, relay.channel_id, night)

    carry(relay)
    assert relay.shown(cheap)["gross"] == str(cheap["gross"])
    assert relay.shown(sold)["stock"] != 4_711
    assert "visible" not in relay.shown(hidden)
    assert noted(relay).ended_at is not None
    with relay.runtime.scope() as session:
        nights.settle_open(session)

    done = report(relay, tmp_path)
    assert done.exit_code == 0, done.output
    assert f"Comparison of sales channel acme/42, night of {night}" in done.stdout
    assert "different values (shop -> ERP): 3" in done.stdout
    assert "stock 4711 -> " in done.stdout
    assert "visible false -> true" in done.stdout
    assert "of the lines of the plan: 3 sent" in done.stdout
    german = report(relay, tmp_path, "--lang", "de")
    assert "von den Zeilen des Plans: 3 gesendet" in german.stdout
    assert "not compared: images, order status, categories, " in done.stdout
    assert "nicht verglichen: Bilder, Bestellstatus, Kategorien, " in german.stdout
    file = tmp_path / f"reconcile-acme-42-night-{night}.de.txt"
    assert file.read_text(encoding="utf-8") == german.stdout

    edit_by_hand(relay, renamed)
    as_json = json.loads(report(relay, tmp_path, "--json").stdout)
    assert as_json["counts"]["different"] == 3
    assert as_json["outcomes"] == {"sent": 3}
    assert (as_json["edits"], as_json["undecided"]) == (1, 1)
    assert "1 davon warten auf eine Entscheidung" in report(relay, tmp_path, "--lang", "de").stdout


def edit_by_hand(relay: Drifting, article: dict[str, Any]) -> None:
    """An employee renames a product, which is noticed."""
    relay.hint(Topic.ARTICLE, article)
    relay.drain()
    relay.shown(article)["name"] = "By hand"
    connector = relay.runtime.connector(relay.runtime.channel(relay.channel_id))
    (record,) = connector.show([f"memory-{article['id']}"])  # type: ignore[attr-defined]
    with relay.runtime.scope() as session:
        shop_edits.notice(
            session,
            relay.channel_id,
            shop_edits.owners(session, relay.channel_id),
            {article["id"]: record},
            read_at=session.scalars(select(db_now(1))).one(),
        )


def test_what_is_held_or_cannot_be_sent_does_not_pass_for_equal(
    relay: Drifting, tmp_path: Path
) -> None:
    held, priceless = relay.fill()[:2]
    relay.shown(held)["gross"] = "0.01"
    relay.edit(priceless, gross=None, net=None)
    with relay.runtime.scope() as session:
        session.execute(
            update(WorkItem)
            .where(WorkItem.entity_id == held["id"], WorkItem.topic == Topic.PRICE.value)
            .values(state="QUEUED", hold_reason="brake:price")
        )

    nights.compare(relay.runtime, relay.channel_id, tonight(relay))

    english = report(relay, tmp_path).stdout
    assert "nothing differs" not in english
    assert "held and not counted: 1; `vario-relay queue hold list acme/42` says why" in english
    assert "cannot be sent as it is, by reason: 1 no-price" in english
    assert "nothing else differs" in english
    german = report(relay, tmp_path, "--lang", "de").stdout
    assert "angehalten und nicht mitgezählt: 1;" in german
    assert "sonst weicht nichts ab" in german
    as_json = json.loads(report(relay, tmp_path, "--json").stdout)
    assert (as_json["on_its_way"], as_json["left_out"]) == ({"held": 1}, {"no-price": 1})


def test_a_second_night_finds_nothing(relay: Drifting, tmp_path: Path) -> None:
    relay.fill()

    nights.compare(relay.runtime, relay.channel_id, tonight(relay))

    assert "nothing differs" in report(relay, tmp_path).stdout


def test_what_breaks_it_off_is_said_in_the_morning(relay: Drifting, tmp_path: Path) -> None:
    relay.fill()
    night = tonight(relay)
    relay.erp("faults", kind="invalid-grant", count=9)
    with relay.runtime.scope() as session:
        session.execute(delete(AccessToken))

    with pytest.raises(IntegrationError):
        nights.compare(relay.runtime, relay.channel_id, night)

    assert noted(relay).ended_at is not None
    done = report(relay, tmp_path)
    assert done.exit_code == 1
    assert "it broke off: " in done.stdout
    assert "er brach ab: " in report(relay, tmp_path, "--lang", "de").stdout


def test_what_nobody_foresaw_is_said_in_the_morning_and_raised(
    relay: Drifting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    relay.fill()
    night = tonight(relay)

    def full_disk(*_: object) -> Iterator[None]:
        raise OSError(28, "No space left on device")
        yield

    monkeypatch.setattr(nights.Planning, "steps", full_disk)

    with pytest.raises(OSError, match="No space"):
        nights.compare(relay.runtime, relay.channel_id, night)

    assert noted(relay).ended_at is not None
    done = report(relay, tmp_path)
    assert done.exit_code == 1
    assert "a bug or the machine: OSError: [Errno 28] No space left on device" in done.stdout


def test_one_that_took_too_long_says_so(
    relay: Drifting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    relay.fill()
    night = tonight(relay)

    def too_long(*_: object) -> Iterator[None]:
        raise SoftTimeLimitExceeded(6)
        yield

    monkeypatch.setattr(nights.Planning, "steps", too_long)

    with pytest.raises(SoftTimeLimitExceeded):
        nights.compare(relay.runtime, relay.channel_id, night)

    assert "its worker was told to end it" in report(relay, tmp_path).stdout


def test_one_whose_worker_died_is_no_good_news(relay: Drifting, tmp_path: Path) -> None:
    relay.fill()
    tonight(relay)
    with relay.runtime.scope() as session:
        session.execute(update(NightlyComparison).values(alive_at=db_now(-nights.ALIVE_S - 1)))

    done = report(relay, tmp_path)

    assert done.exit_code == 1
    assert "its worker died" in done.stdout
    assert "sein Prozess starb" in report(relay, tmp_path, "--lang", "de").stdout


def test_one_that_is_stopped_with_its_process_begins_anew(
    relay: Drifting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    relay.fill()
    night = tonight(relay)
    monkeypatch.setattr(stages.STOPPING, "is_set", lambda: True)

    nights.compare(relay.runtime, relay.channel_id, night)

    assert noted(relay).ended_at is None
    assert noted(relay).tries == 0, "a deploy is no fault of the comparison"
    assert "not ended yet" in report(relay, tmp_path).stdout
    with relay.runtime.scope() as session:
        assert nights.start_due(session, ZONE, hour()) == [(relay.channel_id, night)]


def test_a_channel_without_a_night_says_so(relay: Drifting, tmp_path: Path) -> None:
    done = report(relay, tmp_path)

    assert done.exit_code == 2
    assert "no night has compared sales channel 42 yet" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert report(relay, tmp_path, "--plan").exit_code == 2
    with relay.runtime.scope() as session:
        assert session.scalars(select(SalesChannel)).one().held_reason is None


def test_beat_sends_the_comparison_and_a_worker_makes_it(
    relay: Drifting, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay.fill()
    settings = replace(relay.runtime.settings, timezone="UTC", nightly_hour=hour())
    runtime = Runtime(settings, relay.runtime.engine)
    for module in (sync, reconcile):
        monkeypatch.setattr(module.runtime, "current", lambda: runtime)
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(reconcile.nightly_comparison_task, "delay", lambda *a: sent.append(a))
    monkeypatch.setattr(sync.advance_task, "delay", lambda run_id: None)
    monkeypatch.setattr(reconcile, "wake", lambda: None)

    sync.nightly_task.run()
    with runtime.scope() as session:
        session.execute(update(SyncRun).values(state="DONE", ended_at=db_now()))
    sync.nightly_task.run()

    ((channel_id, night),) = sent
    assert channel_id == relay.channel_id
    reconcile.nightly_comparison_task.run(channel_id, night)
    assert noted(relay).ended_at is not None
