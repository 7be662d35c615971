"""The judge of the chaos suite: what it calls late, stale, resumed, and the same plan again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.shops import shopware6, woocommerce
from tests.chaos import __main__ as command
from tests.chaos import report
from tests.chaos.editor import Ledger
from tests.chaos.history import LateWrite, Write, applied, late_writes
from tests.chaos.plan import DISTRIBUTED, EMBEDDED, MODES, Fault, kinds_of, plan
from tests.chaos.run import without_worker
from tests.chaos.shops import PLATFORMS, SHOPWARE6, WOOCOMMERCE, values_of
from tests.chaos.trade import tellings
from tests.chaos.watch import Sample, both, resumption_s, waits

NUMBER = "A-1"


everywhere = pytest.mark.parametrize(
    ("mode", "platform"), [(mode, platform) for mode in MODES for platform in PLATFORMS]
)


@everywhere
def test_a_seed_has_one_plan(mode, platform):
    assert plan(7, 40, mode, platform) == plan(7, 40, mode, platform)
    assert plan(7, 40, mode, platform) != plan(8, 40, mode, platform)
    assert [one.number for one in plan(7, 40, mode, platform)] == list(range(1, 41))


@everywhere
def test_in_the_long_run_every_kind_hits_every_target(mode, platform):
    hit = {(one.target, one.kind) for one in plan(1, 2_000, mode, platform)}

    kinds = kinds_of(mode, platform)
    assert hit == {(target, kind.name) for kind in kinds for target in kind.targets}


@pytest.mark.parametrize(
    ("platform", "app", "own"),
    [
        (SHOPWARE6, shopware6.create_app(), {"deadlock", "token-revoked"}),
        (WOOCOMMERCE, woocommerce.create_app(), {"half", "php-notice", "html-after"}),
    ],
)
def test_a_shop_is_spoilt_only_in_ways_that_it_knows(platform, app, own):
    kinds = {one.name for one in kinds_of(EMBEDDED, platform) if one.targets == ("shop",)}
    known = app.test_client().get("/_sandbox/faults").get_json()["kinds"]

    assert own < kinds <= {*known, "late-orphaned"}


def test_of_several_runs_some_are_embedded_and_some_with_woocommerce():
    places = [command.place(number, None, None) for number in range(15)]

    assert places[:3] == [
        (DISTRIBUTED, SHOPWARE6), (DISTRIBUTED, WOOCOMMERCE), (EMBEDDED, SHOPWARE6)
    ]  # fmt: skip
    assert {(mode, platform) for mode in MODES for platform in PLATFORMS} == set(places)
    assert command.place(1, EMBEDDED, SHOPWARE6) == (EMBEDDED, SHOPWARE6)


def ledger(*values: int) -> Ledger:
    """The stock was the first value from the beginning, and the next one a second later each."""
    result = Ledger()
    for second, value in enumerate(values):
        result.note(NUMBER, "stock", value, at=float(second))
    return result


def writes(*stocks: tuple[float, int]) -> Sequence[Write]:
    return [Write(at, "r", {"stock": stock}) for at, stock in stocks]


@pytest.mark.parametrize(
    ("values", "written", "late"),
    [
        ((1, 2, 3), [(10, 1), (11, 2), (12, 3)], []),  # in the ERP's order
        ((1, 2, 3), [(10, 3), (11, 3)], []),  # twice the same is no matter
        ((1, 2), [(10, 2), (11, 1), (15, 2)], [("1", 4)]),  # undone four seconds later
        ((1, 2), [(10, 2), (11, 1)], [("1", None)]),  # never undone
        ((1, 2, 3), [(10, 3), (11, 1), (12, 2), (13, 3)], [("1", 2), ("2", 1)]),  # 2 is old too
        ((1, 2, 1), [(10, 2), (11, 1)], []),  # the ERP went back itself
        ((1, 2, 1), [(0.5, 1), (1.5, 2), (1.7, 1), (2.5, 1)], [("1", 0.3)]),  # but not yet then
        ((1, 2, 1), [(0.5, 1), (1.5, 2), (1.7, 1)], [("1", 0.3)]),  # nothing need be sent any more
        ((1, 2), [(10, 2), (11, 99)], []),  # not a value of the ERP
    ],
)
def test_late_is_what_is_older_than_what_the_shop_had(values, written, late):
    found = list(late_writes(NUMBER, writes(*written), ledger(*values)))

    assert [(one.value, one.repaired_s) for one in found] == [
        (value, pytest.approx(after) if after else after) for value, after in late
    ]
    assert all(isinstance(one, LateWrite) and one.field == "stock" for one in found)


def test_a_deleted_product_keeps_no_older_value():
    deleted = Write(13, "", {}, is_deletion=True)

    (late,) = late_writes(NUMBER, [*writes((10, 2), (11, 1)), deleted], ledger(1, 2))

    assert late.repaired_s == 2


def withdrawn(at: float) -> Write:
    return Write(at, "r", {}, is_sold=False)


def listed(at: float) -> Write:
    return Write(at, "r", {}, is_sold=True)


@pytest.mark.parametrize(
    ("before", "following", "repaired_s"),
    [
        ([], [withdrawn(13)], 2),  # to the end
        ([], [withdrawn(13), withdrawn(15), listed(40), *writes((43, 2))], 5),
        ([], [withdrawn(13), listed(40)], None),  # it is for sale, and the older value stayed
        ([], [listed(12), *writes((15, 2))], 4),
        ([withdrawn(9)], [], 0),  # nobody could buy it when the older value came
    ],
)
def test_an_older_value_counts_as_long_as_the_product_is_for_sale(before, following, repaired_s):
    (late,) = late_writes(NUMBER, [*before, *writes((10, 2), (11, 1)), *following], ledger(1, 2))

    assert late.repaired_s == repaired_s


def test_only_our_applied_writes_of_products_count():
    entry: dict[str, Any] = {
        "at": "2026-01-01T00:00:01.500+00:00",
        "request": "r-1",
        "by": "api",
        "entity": "product",
        "action": "upsert",
        "result": "applied",
        "body": {"id": "x", "name": "N", "price": [{"gross": 11.9}]},
    }
    others = [{"by": "employee"}, {"entity": "product_visibility"}, {"result": "refused 1213"}]

    (write,) = applied([entry, *({**entry, **one} for one in others)])

    assert write.values == {"name": "N", "gross": 11.9}
    assert write.is_sold is None
    assert write.at % 60 == 1.5


def test_the_values_of_a_write_are_read_in_the_words_of_either_shop():
    at_shopware = {"id": "x", "name": "N", "stock": 3, "price": [{"gross": 11.9, "net": 10}]}
    at_woocommerce = {"id": 7, "name": "N", "stock_quantity": 3, "regular_price": "11.90"}

    assert values_of(at_shopware) == {"name": "N", "stock": 3, "gross": 11.9}
    assert values_of(at_woocommerce) == {"name": "N", "stock": 3, "gross": "11.90"}
    assert values_of({"id": 7, "status": "private"}) == {}


def test_a_price_is_the_same_however_it_is_spelt():
    result = Ledger()
    result.note(NUMBER, "gross", "1016.80", at=1.0)

    assert result.version(NUMBER, "gross", 1016.8, at=2.0) == 0


def samples(*given: tuple[float, bool, float]) -> list[Sample]:
    return [Sample(at, is_due, (pushed_at, 0)) for at, is_due, pushed_at in given]


@pytest.mark.parametrize(
    ("given", "blocked", "seconds"),
    [
        ([(10, True, 1), (11, True, 1), (13, True, 12)], [], 3),  # due all the time
        ([(10, False, 1), (20, True, 1), (22, True, 21)], [], 2),  # due only later
        ([(10, True, 1), (14, True, 1)], [], 4),  # never pushed again: as long as it was watched
        ([(10, False, 1), (14, False, 1)], [], None),  # nothing to do
        ([(10, True, 1), (20, True, 19)], [(11, 14), (13, 15), (0, 10.5)], 5.5),
    ],
)
def test_resumption_counts_from_when_work_was_due_and_leaves_out_what_others_block(
    given, blocked, seconds
):
    assert resumption_s(samples(*given), 10.0, blocked) == seconds


def test_a_wait_that_is_asked_for_lasts_from_one_look_to_the_next():
    looks = [Sample(at, True, (0, 0), at in (12, 13)) for at in (10, 12, 13, 15, 16)]

    assert waits(looks) == [(12, 13), (13, 15)]


def test_a_worker_that_was_killed_is_away_until_the_next_one_is_ready():
    killed, frozen = (Fault(1, 0, kind, "worker-1", 1, 0) for kind in ("kill", "freeze"))
    now, wall = time.monotonic(), datetime.now().astimezone()
    later = [wall + timedelta(seconds=one) for one in (-5, 7)]
    log = "\n".join(
        f"{one:%Y-%m-%d %H:%M:%S},{one.microsecond // 1000:03d} INFO celery.apps.worker w@vm ready."
        for one in later
    )
    where = SimpleNamespace(log_of=lambda name: log)

    away = without_worker("worker-1", {killed: (now, now + 1), frozen: (now, now + 1)}, where)

    assert away == [(now, pytest.approx(now + 7, abs=0.1)), (now, now + 1)]


def test_an_answer_to_a_write_is_a_step_on_although_nothing_was_pushed():
    refused = [Sample(10, True, (1.0, 5)), Sample(12, True, (1.0, 6))]

    assert resumption_s(refused, 10.0) == 2


def test_no_worker_is_left_while_both_are_hit():
    assert both([(0, 10), (20, 30)], [(5, 25)]) == [(5, 10), (20, 25)]


@pytest.mark.parametrize(
    ("order", "times"),
    [
        ({}, 0),
        ({"writes": [{"action": "upsert", "result": "applied"}]}, 0),
        ({"writes": [{"action": "ship", "result": "applied"}]}, 1),
        ({"writes": [{"action": "ship", "result": "unchanged"}]}, 0),
        (
            {
                "writes": [
                    {"action": "ship_partially", "result": "applied"},
                    {"action": "ship", "result": "refused SYSTEM__STATE_MACHINE"},
                    {"action": "ship", "result": "applied"},
                ]
            },
            2,
        ),
        ({"statuses": [{"status": "completed"}, {"status": "processing"}]}, 1),
        ({"statuses": [{"status": "completed"}], "fulfillments": [{"id": 1}, {"id": 2}]}, 2),
    ],
)
def test_what_a_shop_was_told_of_deliveries_is_counted_in_either_of_its_ways(order, times):
    assert tellings(order) == times


def test_the_page_adds_runs_up_and_names_what_failed():
    good = report.Report(1, EMBEDDED, SHOPWARE6, 42, 40, {"up kill": 40}, edits=100)
    bad = report.Report(2, EMBEDDED, WOOCOMMERCE, 60, 60, {"up kill": 60}, lost=1)
    bad.wrong.append("article 7")

    page = report.page([good, bad], "make chaos N=100")

    assert "| faults | 100 |" in page
    assert "| up kill | 100 |" in page
    assert "| changes lost | 1 |" in page
    assert "| shopware6 | embedded | 1 |" in page
    assert "FAILED: article 7" in page
    assert good.again == "--platform shopware6 --mode embedded --seed 1 --faults 42"
    assert "{" not in page
