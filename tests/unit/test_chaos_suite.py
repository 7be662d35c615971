"""The judge of the chaos suite: what it calls late, stale, resumed, and the same plan again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.chaos import report
from tests.chaos.editor import Ledger
from tests.chaos.history import LateWrite, Write, applied, late_writes
from tests.chaos.plan import KINDS, MODES, plan
from tests.chaos.watch import Sample, both, rests, resumption_s

NUMBER = "A-1"


@pytest.mark.parametrize("mode", MODES)
def test_a_seed_has_one_plan(mode):
    assert plan(7, 40, mode) == plan(7, 40, mode)
    assert plan(7, 40, mode) != plan(8, 40, mode)
    assert [one.number for one in plan(7, 40, mode)] == list(range(1, 41))


@pytest.mark.parametrize("mode", MODES)
def test_in_the_long_run_every_kind_hits_every_target(mode):
    hit = {(one.target, one.kind) for one in plan(1, 2_000, mode)}

    assert hit == {(target, kind.name) for kind in KINDS[mode] for target in kind.targets}


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
        ((1, 2, 1), [(0.5, 1), (1.5, 2), (1.7, 1), (2.5, 1)], [("1", 0.8)]),  # but not yet then
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
    assert write.at % 60 == 1.5


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


def test_a_shop_is_let_alone_from_one_look_to_the_next():
    looks = [Sample(at, True, (0, 0), at in (12, 13)) for at in (10, 12, 13, 15, 16)]

    assert rests(looks) == [(12, 13), (13, 15)]


def test_an_answer_to_a_write_is_a_step_on_although_nothing_was_pushed():
    refused = [Sample(10, True, (1.0, 5)), Sample(12, True, (1.0, 6))]

    assert resumption_s(refused, 10.0) == 2


def test_no_worker_is_left_while_both_are_hit():
    assert both([(0, 10), (20, 30)], [(5, 25)]) == [(5, 10), (20, 25)]


def test_the_page_adds_runs_up_and_names_what_failed():
    good = report.Report(1, "embedded", 40, {"up kill": 40}, edits=100, late_writes=2)
    bad = report.Report(2, "embedded", 60, {"up kill": 60}, edits=50, lost=1, wrong=["article 7"])

    page = report.page([good, bad], "make chaos N=100")

    assert "| faults | 100 |" in page
    assert "| up kill | 100 |" in page
    assert "| changes lost | 1 |" in page
    assert "FAILED: article 7" in page
    assert "{" not in page
