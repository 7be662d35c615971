"""What the figures say of themselves: targets, verdicts, the page and the last line."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import bench
from bench import page, report
from bench.__main__ import GROUP_BY_NAME
from bench.results import BELOW_AIM, FOR_INFORMATION, MET, MISSED, NOT_MEASURED, Result, percentile
from bench.targets import GROUPS, TARGET_BY_KEY, Target


def rows_of_the_page() -> dict[str, str]:
    """Target by measure, as docs/performance.md has them."""
    lines = page.PATH.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    return {one[0]: one[1] for one in cells if one[0] not in ("measure", "---")}


def test_the_page_has_the_targets_of_the_code_and_no_others():
    wanted = {target.measure: target.words for target in TARGET_BY_KEY.values()}

    assert rows_of_the_page() == wanted


def test_every_row_belongs_to_a_group_that_measures():
    assert set(GROUPS) == set(GROUP_BY_NAME)


@pytest.mark.parametrize(
    ("key", "values", "verdict"),
    [
        ("ingest.share", [0.70], MET),  # the bound itself reaches it
        ("ingest.share", [0.69], MISSED),
        ("ingest.p99", [50.0], MET),
        ("ingest.p99", [50.1], MISSED),
        ("burst.stock.erp", [12], MET),
        ("burst.stock.erp", [13], MISSED),
        ("burst.file.shop", [1.05], MET),  # 50 writes besides those of 1,000 files
        ("burst.file.shop", [1.051], MISSED),
        ("burst.delivery.shop", [1.05], MET),  # 10 besides those of 200 deliveries
        ("burst.delivery.shop", [1.055], MISSED),
        ("burst.delivery.wrong", [1], MISSED),
        ("media.shop", [1.06], MISSED),
        ("storm.price.wrong", [1], MISSED),
        ("woocommerce.burst.article.shop", [22], MET),  # 1,000 / 50 + 2
        ("woocommerce.burst.article.shop", [23], MISSED),
        ("woocommerce.burst.stock.shop", [13], MISSED),
        ("resync.skipped", [0.989], MISSED),
        ("cost.postgres.large", [1.51], MISSED),
        ("memory.growth", [1.05], MET),
        ("neighbours.p95", [1.0], MET),
        ("neighbours.p95", [1.01], MISSED),
        ("pacing.refused", [0.011], MISSED),
        ("pacing.used", [0.9], MET),
        ("engine.2.times", [19.9, 20.0, 5.0], MISSED),  # the median is 19.9
        ("engine.2.times", [19.9, 20.0, 25.0], MET),
        ("engine.2.rate", [2_999], BELOW_AIM),  # an aim is not a target
        ("burst.stock.rest", [4_000], FOR_INFORMATION),
        ("sync.share", [], NOT_MEASURED),
    ],
)
def test_a_row_is_judged_by_its_median(key, values, verdict):
    assert Result(key, values).verdict == verdict


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("ingest.share", ">= 70 %"),
        ("ingest.p99", "<= 50 ms"),
        ("engine.1.times", ">= 20 times"),
        ("engine.1.rate", "aim 3,000 per s"),
        ("storm.stock.wrong", "0 articles"),
        ("burst.file.shop", "<= 1.05 each"),
        ("burst.delivery.wrong", "0 orders"),
        ("latency.backfill.p99", "<= 15 s"),
        ("cost.postgres.large", "<= 1.5 times"),
        ("memory.growth", "<= 1.05 times"),
        ("cost.sqlite.large", "-"),
        ("neighbours.p95", "<= 100 %"),
        ("pacing.refused", "<= 1 %"),
    ],
)
def test_a_target_is_written_as_it_is_judged(key, words):
    assert TARGET_BY_KEY[key].words == words


def test_repetitions_show_their_range():
    assert Result("ingest.share", [0.8, 0.75, 0.9]).written == "80.0 % (75.0 % to 90.0 %)"
    assert Result("ingest.share", [0.8]).written == "80.0 %"


def test_a_missed_target_is_in_the_last_line_and_no_failure_of_the_run():
    results = {
        "ingest.share": Result("ingest.share", [0.5]),
        "ingest.p99": Result("ingest.p99", [5.0]),
    }

    assert report.summary(results) == ("bench: 1 targets missed: ingest.share", 0)


def test_a_row_that_was_not_measured_fails_the_run():
    results = {
        "ingest.share": Result("ingest.share", trouble="no Postgres"),
        "engine.1.rate": Result("engine.1.rate", [1.0]),
    }

    assert report.summary(results) == ("bench: 1 rows not measured: ingest.share", 1)
    assert report.notes(results) == [
        "* webhooks accepted, durable: share of a bare route's rate (not measured): no Postgres"
    ]


@pytest.mark.parametrize(("seconds", "told"), [(10.1, "; 2 rounds"), (9.9, "")])
def test_where_the_time_went_is_told_of_a_missed_row_only(seconds, told):
    result = Result("storm.stock.seconds", [seconds], note="here", spent="2 rounds")

    assert report.note(result).partition("here")[2] == told


def test_a_run_that_reached_everything_says_so():
    results = {"ingest.share": Result("ingest.share", [0.8])}

    assert report.summary(results) == ("bench: OK 1 rows, no target missed", 0)


FIRST, SECOND = "2026-11-26 10:00", "2026-11-27 10:00"


def test_the_page_has_a_row_for_each_target_measured_or_not():
    results = {"ingest.share": Result("ingest.share", [0.5], "x", "y")}

    text = page.rewritten("", results, FIRST, "ingest on this machine")

    row = rf"^\| webhooks accepted.* \| >= 70 % \| 50.0 % \| x \| 1 \| missed \| {FIRST} \|$"
    assert re.search(row, text, re.M)
    assert text.count(f"| {NOT_MEASURED} | - |") == len(TARGET_BY_KEY) - 1
    assert "(missed): y" in text
    assert f"* {FIRST}: ingest on this machine" in text


def test_a_run_of_some_rows_leaves_the_others_as_they_were_measured():
    both = {
        "ingest.share": Result("ingest.share", [0.5], note="then"),
        "memory.growth": Result("memory.growth", [1.01], note="105 MB"),
    }
    old = page.rewritten("", both, FIRST, "ingest, memory here")

    again = {"ingest.share": Result("ingest.share", [0.8], note="now")}
    new = page.rewritten(old, again, SECOND, "ingest here")

    lines = new.splitlines()
    assert [one for one in lines if "| 1.01 times |" in one and one.endswith(f"| {FIRST} |")]
    assert [one for one in lines if "| 80.0 % |" in one and one.endswith(f"| {SECOND} |")]
    assert f"* {FIRST}: ingest, memory here" in lines
    assert "(met): 105 MB" in new
    assert "(met): now" in new
    assert "then" not in new


def test_a_run_of_which_no_row_is_left_is_not_named_any_more():
    results = {"ingest.share": Result("ingest.share", [0.5])}
    old = page.rewritten("", results, FIRST, "ingest here")

    new = page.rewritten(old, results, SECOND, "ingest here")

    assert FIRST not in new


def test_every_module_of_the_bench_can_be_loaded():
    for path in Path(bench.__file__).parent.glob("[!_]*.py"):
        importlib.import_module(f"bench.{path.stem}")


def test_a_target_without_a_bound_is_never_missed():
    assert Target("k", "g", "m", "s").holds(1e9) is None


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([3, 1, 2], 0.5, 2),
        ([*range(1, 101)], 0.99, 99),  # one of a hundred may be above
        ([*range(1, 51)], 0.99, 50),  # of fifty none may
        ([7], 0.5, 7),
    ],
)
def test_a_percentile_is_one_of_the_values(values, share, expected):
    assert percentile(values, share) == expected
