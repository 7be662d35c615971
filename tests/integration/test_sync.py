"""Sync runs page by page: the cursor, what vanishes meanwhile, an ERP that shows too little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, select

from integration import sync, sync_runs, toggles, work_items
from integration.erp.client import VqlPage
from integration.errors import Gone, Rejected
from integration.models import Listing, Priority, SyncCursor, SyncRun, WorkItem
from integration.topology import Topic
from integration.work_items import Settled
from tests.claims import claim_due
from tests.integration.support import GivenErpRuntime, open_runtime, put_in_shop


class ListedErp:
    """An ERP that knows nothing but which articles are listed."""

    def __init__(self, ids: list[int]) -> None:
        self.ids, self.counted = ids, None
        self.asked: Counter[str] = Counter()
        self.pages_read: list[int] = []
        self.while_reading: Callable[[], None] = lambda: None

    def get(self, path: str) -> Any:
        raise Gone(path)  # no field discovery, therefore pages of ids

    def vql(self, statement: str, *, limit: int = 100, offset: int = 0) -> VqlPage:
        if "count(" in statement:
            count = len(self.ids) if self.counted is None else self.counted
            return VqlPage(rows=[], raw=[{"n": count}], more=False, next_offset=1, definition=[])
        self.pages_read.append(offset)
        self.while_reading()
        page = sorted(self.ids)[offset : offset + limit]
        return VqlPage(
            rows=[{"id": str(one)} for one in page],
            raw=[],
            more=offset + limit < len(self.ids),
            next_offset=offset + limit,
            definition=[],
        )


@pytest.fixture
def runtime(database_url):
    runtime = open_runtime(database_url)
    yield runtime
    runtime.engine.dispose()


def start(runtime: GivenErpRuntime, ids: list[int], kind: str = sync_runs.INITIAL) -> int:
    runtime.given_erp = ListedErp(ids)
    with runtime.scope() as session:
        run_id = sync_runs.start(session, runtime.channel_id, kind, ["article"])
    assert run_id is not None
    return run_id


def read(runtime: GivenErpRuntime, run_id: int) -> set[str]:
    """Drive the run until its pages are read; the ids it asked for."""
    sync.advance(runtime, run_id, "driver", budget_s=30)
    with runtime.scope() as session:
        return set(session.scalars(select(WorkItem.entity_id)).all())


def run_of(runtime: GivenErpRuntime, run_id: int) -> SyncRun:
    with runtime.scope() as session:
        return session.get_one(SyncRun, run_id)


def settle_all(runtime: GivenErpRuntime) -> None:
    with runtime.scope() as session:
        while claim_id := claim_due(
            session,
            runtime.channel_id,
            Topic.ARTICLE,
            priority=Priority.BACKFILL,
            limit=500,
            lease_s=60,
        ):
            held = work_items.take_over(session, claim_id, lease_s=60)
            work_items.settle(session, held, [Settled(item.id, "hash") for item in held.items])


def test_every_listed_article_is_asked_for_and_counted(runtime):
    run_id = start(runtime, list(range(1, 251)))

    assert read(runtime, run_id) == {str(one) for one in range(1, 251)}
    settle_all(runtime)
    assert sync.advance(runtime, run_id, "driver", budget_s=5) is False

    run = run_of(runtime, run_id)
    assert (run.state, run.seen, run.expected, run.pushed) == ("DONE", 250, 250, 250)


@pytest.mark.pitfall(19)
def test_a_killed_driver_is_succeeded_from_its_cursor(runtime):
    run_id = start(runtime, list(range(1, 251)))
    with runtime.scope() as session:
        sync_runs.take_wheel(session, run_id, "killed")
    sync._turn_page(runtime, run_id)
    with runtime.scope() as session:
        session.get_one(SyncRun, run_id).driver_until = session.get_one(SyncRun, run_id).started_at
        assert session.get_one(SyncCursor, run_id).position == '{"offset": 100, "last_id": 100}'
    runtime.given_erp.pages_read.clear()

    read(runtime, run_id)

    assert runtime.given_erp.pages_read == [99, 198]
    assert run_of(runtime, run_id).seen == 250


def test_another_driver_at_the_wheel_is_left_alone(runtime):
    run_id = start(runtime, [1, 2, 3])
    with runtime.scope() as session:
        sync_runs.take_wheel(session, run_id, "somebody else")

    assert sync.advance(runtime, run_id, "driver", budget_s=5) is True
    assert runtime.given_erp.pages_read == []


@pytest.mark.pitfall(19)
def test_articles_that_vanish_while_it_reads_make_it_skip_nobody(runtime):
    run_id = start(runtime, list(range(1, 251)))
    sync._turn_page(runtime, run_id)

    # 40 articles of the first page go: everything behind moves forward by 40.
    runtime.given_erp.ids = [one for one in runtime.given_erp.ids if not 20 < one <= 60]
    asked = read(runtime, run_id)

    assert {str(one) for one in range(101, 251)} <= asked


def test_an_erp_that_shows_less_than_it_counts_makes_the_run_red_and_withdraws_nobody(runtime):
    put_in_shop(runtime, [900])
    run_id = start(runtime, [1, 2, 3])
    runtime.given_erp.counted = 5

    assert read(runtime, run_id) == {"1", "2", "3"}
    settle_all(runtime)
    sync.advance(runtime, run_id, "driver", budget_s=5)

    run = run_of(runtime, run_id)
    assert run.state == "RED"
    assert "counts 5 listed articles but showed only 3" in run.message


@pytest.mark.contract("10.14")
def test_what_is_in_the_shop_and_was_not_shown_is_asked_for(runtime):
    put_in_shop(runtime, [900])
    put_in_shop(runtime, [901], is_active=False)

    asked = read(runtime, start(runtime, [1, 2]))

    # 901 is inactive in the shop already
    assert asked == {"1", "2", "900"}


def test_what_an_erp_does_not_show_is_asked_for_however_much_it_is(runtime):
    put_in_shop(runtime, range(100, 200))
    run_id = start(runtime, [1])

    # Each of them is fetched, and the brake stops what would empty the shop.
    assert read(runtime, run_id) == {"1", *map(str, range(100, 200))}


def test_a_run_whose_articles_another_one_took_over_says_so(runtime):
    first = start(runtime, [1, 2, 3])
    read(runtime, first)
    second = start(runtime, [1, 2, 3])
    read(runtime, second)
    settle_all(runtime)
    for run_id in (first, second):
        sync.advance(runtime, run_id, "driver", budget_s=5)
    third = start(runtime, [1, 2, 3])
    read(runtime, third)
    settle_all(runtime)
    sync.advance(runtime, third, "driver", budget_s=5)

    taken, taking, alone = (run_of(runtime, one) for one in (first, second, third))
    assert [one.state for one in (taken, taking, alone)] == ["DONE"] * 3
    assert [one.pushed for one in (taken, taking, alone)] == [0, 3, 3]
    assert taken.message == (
        f"run {second} of this channel ran at the same time; what both asked for is counted by "
        "the one that asked last"
    )
    assert taking.message.startswith(f"run {first} of this channel ran at the same time")
    assert alone.message is None


def test_a_run_of_other_topics_takes_nothing_over(runtime):
    first = start(runtime, [1, 2, 3])
    read(runtime, first)
    with runtime.scope() as session:
        other = sync_runs.start(session, runtime.channel_id, sync_runs.STOCK_PASS, ["stock"])
        session.get_one(SyncRun, other).seen = 3
    settle_all(runtime)
    sync.advance(runtime, first, "driver", budget_s=5)

    assert run_of(runtime, first).message is None


def test_articles_that_another_run_took_over_do_not_count_as_delisted(runtime):
    put_in_shop(runtime, range(1, 151))
    first = start(runtime, list(range(1, 151)))
    sync._turn_page(runtime, first)
    read(runtime, start(runtime, list(range(1, 151))))

    read(runtime, first)
    settle_all(runtime)
    sync.advance(runtime, first, "driver", budget_s=5)

    assert run_of(runtime, first).state == "DONE", run_of(runtime, first).message


@pytest.mark.contract("10.22")
@pytest.mark.parametrize("asked_first", [0, 1])
def test_an_erp_that_refuses_the_question_ends_the_run_and_withdraws_nobody(asked_first, runtime):
    put_in_shop(runtime, range(1, 251))
    run_id = start(runtime, list(range(1, 251)))
    pages, real = [], runtime.given_erp.vql

    def refuse(statement, **paging):
        pages.append(statement)
        if len(pages) > 2 * asked_first:
            raise Rejected("422: The column listings.salesChannel.id does not exist (trackingId t)")
        return real(statement, **paging)

    runtime.given_erp.vql = refuse
    read(runtime, run_id)
    settle_all(runtime)
    assert sync.advance(runtime, run_id, "driver", budget_s=5) is False

    run = run_of(runtime, run_id)
    assert run.state == "RED"
    assert "does not show what is listed" in run.message
    assert "(trackingId t)" in run.message
    assert run.seen == 100 * asked_first
    assert len(pages) == 2 * asked_first + 1  # not asked again
    with runtime.scope() as session:
        assert session.scalars(select(Listing.is_active).distinct()).all() == [True]


def test_an_erp_that_shows_its_first_page_for_ever_makes_the_run_red(runtime):
    put_in_shop(runtime, range(1, 251))
    run_id = start(runtime, list(range(1, 251)))
    real = runtime.given_erp.vql

    def again(statement, *, limit=100, offset=0):
        page = real(statement, limit=limit, offset=0)
        more = "count(" not in statement
        return replace(page, more=more, next_offset=offset + limit)

    runtime.given_erp.vql = again
    asked = read(runtime, run_id)
    settle_all(runtime)
    assert sync.advance(runtime, run_id, "driver", budget_s=5) is False

    run = run_of(runtime, run_id)
    assert (run.state, run.seen, len(asked)) == ("RED", 100, 100)
    assert "counts 250 listed articles but showed only 100" in run.message


def test_an_article_listed_behind_the_reader_is_no_reason_for_red(runtime):
    run_id = start(runtime, list(range(1, 151)))
    sync._turn_page(runtime, run_id)
    runtime.given_erp.ids = [0, *runtime.given_erp.ids]

    read(runtime, run_id)
    settle_all(runtime)
    sync.advance(runtime, run_id, "driver", budget_s=5)

    assert run_of(runtime, run_id).state == "DONE"


def test_a_switched_off_topic_keeps_no_run_open_and_fills_no_backlog(runtime):
    with runtime.scope() as session:
        toggles.switch(session, runtime.channel_id, Topic.ARTICLE, False)
    run_id = start(runtime, list(range(1, 2_501)))

    assert len(read(runtime, run_id)) == 2_500
    assert sync.advance(runtime, run_id, "driver", budget_s=5) is False

    with runtime.scope() as session:
        assert sync_runs.counts(session, run_id).held == 2_500


def test_paging_waits_while_too_much_backfill_is_queued(runtime):
    run_id = start(runtime, list(range(1, 2_501)))

    # the first page brings 100 articles, each further one 99: 100 + 20 * 99 is the first >= 2,000
    assert len(read(runtime, run_id)) == 2_080
    settle_all(runtime)
    assert len(read(runtime, run_id)) == 2_500


@pytest.mark.parametrize("when", ["before a turn", "while a page is read"])
def test_a_turn_ends_quietly_when_the_channel_and_its_runs_are_deleted(runtime, when):
    run_id = start(runtime, [1, 2, 3])

    def forget() -> None:
        with runtime.scope() as session:
            session.execute(delete(SyncCursor))
            session.execute(delete(SyncRun))

    if when == "before a turn":
        forget()
    else:
        runtime.given_erp.while_reading = forget

    assert sync.advance(runtime, run_id, "driver", budget_s=30) is False
    with runtime.scope() as session:
        assert session.scalars(select(WorkItem)).all() == []
