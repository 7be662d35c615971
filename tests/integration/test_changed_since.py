"""What changed since a moment, read newest first: clocks, changes meanwhile, and odd answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from integration import catch_ups, sync, sync_runs
from integration.erp import catalogue, recent_documents
from integration.erp.client import VqlPage
from integration.errors import Rejected
from integration.models import SyncCursor, SyncRun, WorkItem
from integration.topology import Topic
from tests.integration.support import GivenErpRuntime, open_runtime, put_in_shop

#: By the ERP's clock, which nobody has set.
SINCE = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)


def after(minutes: float) -> str:
    return (SINCE + timedelta(minutes=minutes)).isoformat()


class ChangingErp:
    """An ERP that knows when each of its articles changed, in whatever it takes for the time."""

    def __init__(self, changed_at_by_id: dict[int, Any]) -> None:
        self.changed_at = changed_at_by_id
        self.columns = ["id", "updatedAt"]
        self.revisions: dict[int, int] = {}
        self.requests = 0
        self.asked: Counter[str] = Counter()
        self.after_request: Callable[[int], None] = lambda number: None
        self.is_sorting = True
        self.refuses = ""

    def get(self, path: str) -> Any:
        if path != catalogue.FIELDS_PATH:
            return []  # documents
        return [{"attribute": one} for one in self.columns]

    def vql(self, statement: str, *, limit: int = 100, offset: int = 0) -> VqlPage:
        if recent_documents.SOURCE in statement:
            return VqlPage([], [], False, 0, [])
        self.requests += 1
        if self.refuses and self.refuses in statement:
            raise Rejected(f"the column '{self.refuses}' does not exist")
        ids = sorted(self.changed_at)
        if "count(" in statement:
            return VqlPage([], [{"n": len(ids)}], False, 1, [])
        if "updatedAt DESC" in statement and self.is_sorting:
            ids.sort(key=lambda one: str(self.changed_at[one] or "9999"), reverse=True)
        rows = [self._row(one) for one in ids[offset : offset + limit]]
        more = offset + limit < len(ids)
        page = VqlPage(rows, rows, more, offset + limit, [])
        self.after_request(self.requests)
        return page

    def _row(self, one: int) -> dict[str, Any]:
        row = {"id": one, "changed_at": self.changed_at[one]}
        return {**row, "media_revision": self.revisions[one]} if one in self.revisions else row


@pytest.fixture
def runtime(database_url):
    runtime = open_runtime(database_url)
    yield runtime
    runtime.engine.dispose()


def start(runtime: GivenErpRuntime, changed_at_by_id: dict[int, Any]) -> int:
    runtime.given_erp = ChangingErp(changed_at_by_id)
    with runtime.scope() as session:
        catch_ups.compare(session, runtime.channel_id, "a test", changed_since=SINCE)
        return session.scalars(select(SyncRun.id)).one()


def read(runtime: GivenErpRuntime, run_id: int) -> set[int]:
    """Drive the run until its pages are read; the articles it asked for."""
    sync.advance(runtime, run_id, "driver", budget_s=30)
    with runtime.scope() as session:
        asked_for = select(WorkItem.entity_id).where(WorkItem.topic == Topic.ARTICLE.value)
        return {int(one) for one in session.scalars(asked_for)}


def test_only_what_changed_since_is_asked_for_by_the_erps_own_clock(runtime):
    run_id = start(runtime, {1: after(-1), 2: after(0), 3: after(90), 4: after(-60_000)})

    assert read(runtime, run_id) == {2, 3}
    assert runtime.given_erp.requests == 1


def test_of_a_hundred_thousand_articles_only_the_changed_pages_are_read(runtime):
    changed = {one: after(one) for one in range(1, 51)}
    run_id = start(runtime, {**{one: after(-one) for one in range(51, 100_001)}, **changed})

    assert read(runtime, run_id) == set(changed)
    assert runtime.given_erp.requests == 1


def test_what_changes_while_it_is_read_is_asked_for_too(runtime):
    run_id = start(runtime, {one: after(one) for one in range(1, 251)})

    def edit(number: int) -> None:
        if number == 2:
            runtime.given_erp.changed_at[1] = after(1_000)
            runtime.given_erp.changed_at[999] = after(1_001)

    runtime.given_erp.after_request = edit

    assert read(runtime, run_id) == {*range(1, 251), 999}


def test_nothing_is_jumped_over_when_read_articles_are_unlisted_meanwhile(runtime):
    run_id = start(runtime, {one: after(one) for one in range(1, 251)})

    def unlist(number: int) -> None:
        if number == 1:
            for one in range(200, 251):
                del runtime.given_erp.changed_at[one]

    runtime.given_erp.after_request = unlist

    assert read(runtime, run_id) >= set(range(1, 200))


@pytest.mark.pitfall(19)
def test_a_killed_driver_is_succeeded_from_its_cursor(runtime):
    run_id = start(runtime, {one: after(one) for one in range(1, 251)})
    with runtime.scope() as session:
        sync_runs.take_wheel(session, run_id, "killed", lease_s=-1.0)
    sync._turn_page(runtime, run_id)
    with runtime.scope() as session:
        assert session.get_one(SyncCursor, run_id).position.startswith("first 100 ")

    assert read(runtime, run_id) == set(range(1, 251))
    # Three pages, and what came to the front meanwhile.
    assert runtime.given_erp.requests == 4


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda erp: erp.columns.remove("updatedAt"), id="no such column"),
        pytest.param(lambda erp: setattr(erp, "is_sorting", False), id="not sorted"),
        pytest.param(lambda erp: setattr(erp, "refuses", "updatedAt"), id="offered and refused"),
    ],
)
def test_an_erp_that_cannot_tell_is_read_in_full(runtime, spoil):
    run_id = start(runtime, {1: after(-5), 2: after(1), 3: after(-2)})
    spoil(runtime.given_erp)

    assert read(runtime, run_id) == {1, 2, 3}
    with runtime.scope() as session:
        run = session.get_one(SyncRun, run_id)
        assert (run.changed_since, run.seen, run.expected) == (None, 3, 3)


def test_an_article_without_a_time_counts_as_changed(runtime):
    run_id = start(runtime, {1: None, 2: after(1), 3: after(-2)})

    assert read(runtime, run_id) == {1, 2}


def test_images_are_asked_for_where_the_erp_says_that_there_are_any(runtime):
    run_id = start(runtime, {1: after(1), 2: after(1), 3: after(1)})
    runtime.given_erp.columns.append("media.revision")
    runtime.given_erp.revisions = {1: 0, 2: 4, 3: 1}
    put_in_shop(runtime, [1, 2])

    read(runtime, run_id)

    with runtime.scope() as session:
        images = select(WorkItem.entity_id).where(WorkItem.topic == Topic.MEDIA.value)
        assert session.scalars(images).all() == ["2"]
