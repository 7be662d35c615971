"""One run: a world, a plan of faults under a stream of edits, and the judgement at the end."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import requests

from integration.models import WorkItem, WorkItemState
from sandbox import comparison
from tests.acceptance.service import _line, wait_until
from tests.chaos import family, history, trade, watch
from tests.chaos.editor import Editor
from tests.chaos.history import LateWrite
from tests.chaos.plan import WORKERS, Fault, plan
from tests.chaos.report import REPAIRED_S, RESUMED_S, Report
from tests.chaos.retries import ShortRetries
from tests.chaos.violence import Missed, Violence
from tests.chaos.watch import Interval, Watch
from tests.chaos.world import World, world

ARTICLES = 36
#: Until everything is right after the last fault: leases, retries and the second look at doubtful
#: writes are over long before, but a busy machine takes its time for what has heaped up.
END_S = 150.0
#: How often postponed rows are brought forward meanwhile: a row that was cut three times is due in
#: two minutes, which is not the matter here.
FORWARD_EVERY_S = 5.0
#: What tells of trouble in the logs.
TROUBLE = ("expired", "fenced", "late", "ERROR")

Say = Callable[[str], None]


def run(seed: int, count: int, mode: str, platform: str, say: Say = print) -> Report:
    """Commit `count` faults and judge what is left; never raises for what the product did wrong."""
    faults = plan(seed, count, mode, platform)
    report = Report(seed, mode, platform, count)
    began = time.monotonic()
    say(f"chaos: platform={platform} mode={mode} seed={seed} faults={count}")
    with world(seed, mode, platform, ARTICLES) as where:
        say(f"chaos: up after {time.monotonic() - began:.1f} s")
        watcher = Watch(
            where.environ["RELAY_DATABASE_URL"], where.shop_url, where.kind_of_shop.writes
        )
        editor = Editor(where, seed, family.make(where))
        where.begin_sync()
        watcher.start()
        editor.start()
        try:
            with ShortRetries(where):
                times = commit(faults, where, say)
        finally:
            editor.stop()
            settle_down(where, say)
            watcher.stop()
        blocked = [*blocked_times(times, where), *watch.waits(watcher.samples)]
        judge(report, where, editor, blocked)
        report.faults = len(times)
        report.by_kind = dict(Counter(f"{one.target} {one.kind}" for one in times))
        report.slowest_resumption_s, slow = slowest_resumption(watcher, times, blocked)
        say(f"chaos: slowest resumption {report.slowest_resumption_s:.1f} s after {slow}")
        if report.slowest_resumption_s > RESUMED_S:
            report.wrong.append(
                f"work went on only {report.slowest_resumption_s:.0f} s after {slow}"
            )
        report.restarts = where.supervisor.restarts
        report.took_s = time.monotonic() - began
        for line in report.wrong:
            say(f"chaos: WRONG {line}")
        if report.wrong:
            say(evidence(where, editor, report.wrong[0]))
    say(report.line())
    return report


def commit(faults: Iterable[Fault], where: World, say: Say) -> dict[Fault, Interval]:
    """All faults in their time, each in a thread of its own; when each one began and ended."""
    violence, times = Violence(where), dict[Fault, Interval]()
    began = time.monotonic()

    def one(fault: Fault) -> None:
        try:
            told, since = violence.commit(fault)
        except Missed as missed:
            say(f"chaos: #{fault.number} does not count: {missed}")
            return
        times[fault] = (since, time.monotonic())
        from_s, to_s, clock = since - began, times[fault][1] - began, time.gmtime()
        at = f"{time.strftime('%H:%M:%S', clock)} {from_s:6.1f}-{to_s:.1f} s"
        say(f"chaos: {at} #{fault.number} {told}")

    pause = threading.Event()
    with ThreadPoolExecutor(max_workers=16) as pool:
        running = []
        for fault in faults:
            pause.wait(max(0.0, began + fault.at_s - time.monotonic()))
            running.append(pool.submit(one, fault))
        for each in running:
            each.result()
    return times


def settle_down(where: World, say: Say, name: str = "chaos") -> None:
    """No more faults; wait until the shop is right and nothing is left to do, or for END_S."""
    began = last = time.monotonic()
    where.clear_faults()

    def is_over() -> bool:
        nonlocal last
        if time.monotonic() - last > FORWARD_EVERY_S:
            last = time.monotonic()
            where.bring_forward()
        return where.is_delivered() and not unfinished(where) and not where.differences()

    try:
        wait_until(is_over, "the shop is right and nothing is left to do", END_S)
    except AssertionError as error:
        say(f"{name}: {error}")
    say(f"{name}: calm {time.monotonic() - began:.1f} s after the last fault")


def judge(report: Report, where: World, editor: Editor, blocked: list[Interval]) -> None:
    """Compare ERP and shop, count products, read the shop's history.

    Time in which nothing can be pushed, `blocked` by other faults, by the breaker of a shop that
    failed again and again, or because shop or ERP asked for it, does not count for a repair.
    """
    report.edits, report.webhooks = editor.edits, webhook_counts(where)["sent"]
    verdict = where.verdict()
    report.articles, report.lost = verdict.articles, verdict.articles - verdict.identical
    report.orders, report.images = verdict.orders, editor.pictures.edits
    report.wrong += verdict.differences
    double = products_twice(where) + trade.told_twice(where)
    report.twice = len(double)
    report.wrong += double + wrong_ids(where)
    late = [without(blocked, one) for one in all_late_writes(where, editor)]
    report.late_writes = len(late)
    final = [one for one in late if one.repaired_s is None]
    report.stale = len(final)
    report.wrong += [f"article {o.number}: {o.field} {o.value} is older and stayed" for o in final]
    report.slowest_repair_s = max((one.repaired_s or 0.0 for one in late), default=0.0)
    report.wrong += [
        f"article {o.number}: {o.field} {o.value} was undone only after {o.repaired_s:.0f} s"
        for o in late
        if o.repaired_s is not None and o.repaired_s > REPAIRED_S
    ]
    report.wrong += left_to_do(where)
    sent = webhook_counts(where)
    if sent["pending"] or sent["erroneous"]:
        report.wrong.append(f"webhooks pending {sent['pending']}, given up {sent['erroneous']}")


def products_twice(where: World) -> list[str]:
    """A sentence for each article that has two products."""
    numbers = Counter(one["number"] for one in comparison.all_rows(where.shop_url, "products"))
    return [f"article {one}: has two products" for one, count in numbers.items() if count > 1]


def left_to_do(where: World) -> list[str]:
    """A sentence for each work item or hold that should be over."""
    wrong = [f"work item not done: {_line(one)[:300]}" for one in unfinished(where)]
    reasons = [one for one in (where.channel().held_reason, where.tenant().held_reason) if one]
    return wrong + [f"held: {reason}" for reason in reasons]


def webhook_counts(where: World) -> dict[str, int]:
    return dict(requests.get(f"{where.erp_url}/_sandbox/webhooks?limit=1", timeout=30).json())


def wrong_ids(where: World) -> list[str]:
    """Products whose id is not the one that the ERP shows."""
    products = where.products()
    shown = {
        number: (where.id_in_erp(article), products[number]["id"])
        for article in where.articles()
        if (number := str(article["number"])) in products
    }
    return [
        f"article {number}: the ERP shows product {found}, the shop has {product}"
        for number, (found, product) in shown.items()
        if found != product
    ]


def without(blocked: list[Interval], late: LateWrite) -> LateWrite:
    """The late write with the time of its repair less what was blocked (monotonic)."""
    if late.repaired_s is None:
        return late
    began = late.at - time.time() + time.monotonic()
    covered_s = watch.covered_s(began, began + late.repaired_s, blocked)
    return replace(late, repaired_s=late.repaired_s - covered_s)


def all_late_writes(where: World, editor: Editor) -> list[LateWrite]:
    numbers = [str(one["number"]) for one in where.articles()]
    return [
        late
        for number in numbers
        for late in history.late_writes(
            number, history.applied(history.history(where, number)), editor.ledger
        )
    ]


def unfinished(where: World) -> list[WorkItem]:
    """Rows that failed, or are still open although everything had its time."""
    return [
        one
        for one in where.items()
        if one.state != WorkItemState.COMPLETED.value and one.hold_reason is None
    ]


def slowest_resumption(
    watcher: Watch, times: dict[Fault, Interval], blocked: list[Interval]
) -> tuple[float, Fault | None]:
    """The longest wait for the next pushed row after a fault, and which fault it was."""
    waits = {
        fault: watch.resumption_s(watcher.samples, ended, blocked) or 0.0
        for fault, (_, ended) in times.items()
    }
    slowest = max(waits, key=lambda fault: waits[fault], default=None)
    return (waits[slowest], slowest) if slowest is not None else (0.0, None)


def blocked_times(times: Mapping[Fault, Interval], where: World) -> list[Interval]:
    """When nobody can push: no broker, no database, no worker, or not the one process."""
    by_target: dict[str, list[Interval]] = defaultdict(list)
    for fault, interval in times.items():
        if fault.kind not in ("cut", "purge"):
            by_target[fault.target].append(interval)
    workers = watch.both(*(without_worker(name, times, where) for name in WORKERS))
    return [*workers, *by_target["broker"], *by_target["database"], *by_target["up"]]


def without_worker(name: str, times: Mapping[Fault, Interval], where: World) -> list[Interval]:
    """When this worker is hit; one that ends is away until its successor is ready."""
    to_monotonic = time.monotonic() - time.time()
    ready = [one + to_monotonic for one in watch.ready_times(where.log_of(name))]
    return [
        (began, next((one for one in ready if one > ended), ended) if fault.is_end else ended)
        for fault, (began, ended) in times.items()
        if fault.target == name
    ]


def evidence(where: World, editor: Editor, wrong: str) -> str:
    """The story of the first wrong article: its rows, the ERP's values, the shop's writes, logs."""
    kind, _, number = wrong.partition(":")[0].partition(" ")
    if kind == "order":
        return evidence_of_order(where, number)
    article = next((one for one in where.articles() if one["number"] == number), None)
    if article is None:
        return "\n".join(where.log_tail(("Traceback", "ERROR", "CRITICAL")))
    rows = [_line(one) for one in where.items() if one.entity_id == article["id"]]
    writes = [
        f"{one['at'][11:23]} shop {one['by']} {one['result']} {str(one['body'])[:300]}"
        for one in history.history(where, number)[-20:]
    ]
    told = sorted(editor.ledger.story(number)[-20:] + writes)
    logs = where.log_tail((f"entity={article['id']}", *TROUBLE))
    explained = where.relay("explain", "42", number).stdout
    return "\n".join([f"story of {article}", *rows, *told, *logs, explained])


def evidence_of_order(where: World, number: str) -> str:
    """The order on both sides, the rows of its documents, logs."""
    in_erp, in_shop = trade.both_sides(where, number)
    documents = {str(one["document"]) for order in in_erp for one in (order, *order["deliveries"])}
    rows = [_line(one) for one in where.items() if one.entity_id in documents]
    words = (*(f"entity={one}" for one in documents), *TROUBLE)
    told = [f"ERP {one}" for one in in_erp] + [f"shop {one}" for one in in_shop]
    return "\n".join([f"story of order {number}", *rows, *told, *where.log_tail(words)])
