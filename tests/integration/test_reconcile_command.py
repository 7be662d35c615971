"""`vario-relay reconcile` as an operator uses it."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from cli.shared import Here
from integration.models import SalesChannel
from tests.integration.drifting import Drifting
from tests.integration.relay import beside_an_erp


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[Drifting]:
    with beside_an_erp(sqlite_url, Drifting) as relay:
        yield relay


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Drifting]:
    """For refusals, which leave nothing behind."""
    file = shutil.copy(sqlite_template, tmp_path_factory.mktemp("idle") / "relay.db")
    with beside_an_erp(f"sqlite:///{file}", Drifting) as relay:
        yield relay


def run(relay: Drifting, *arguments: str) -> Result:
    here = Here({})
    vars(here).update(
        settings=relay.runtime.settings, engine=relay.runtime.engine, runtime=relay.runtime
    )
    result = CliRunner().invoke(main, ["reconcile", "42", *arguments], obj=here)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_plan_is_printed_and_written_into_files(relay, tmp_path: Path):
    one = relay.fill()[0]
    relay.edit(one, stock=99)
    relay.shown(one)["name"] = "=cmd"

    done = run(relay, "--plan", "--out", str(tmp_path))

    assert done.exit_code == 0
    assert "plan 1 of sales channel acme/42" in done.stdout
    assert "drift: 2 different" in done.stdout
    assert "=cmd" in done.stdout
    as_json = tmp_path / "reconcile-acme-42-plan-1.json"
    as_csv = tmp_path / "reconcile-acme-42-plan-1.csv"
    assert str(as_json) in done.stderr
    assert str(as_csv) in done.stderr
    assert json.loads(as_json.read_text())["counts"]["different"] == 2
    rows = list(csv.DictReader(as_csv.read_text(encoding="utf-8-sig").splitlines()))
    assert {row["old"] for row in rows} == {"'=cmd", str(one["stock"])}


def test_as_json_the_plan_has_the_shape_that_others_rely_on(relay, tmp_path: Path):
    one = relay.fill()[0]
    relay.edit(one, stock=99)

    found = json.loads(run(relay, "--plan", "--json", "--out", str(tmp_path)).stdout)

    assert found["channel"] == "acme/42"
    assert found["plan"] == 1
    assert found["counts"] == {
        "missing": 0,
        "still_active": 0,
        "orphan": 0,
        "different": 1,
        "undecided": 0,
        "duplicate": 0,
    }
    wanted = ("kind", "topic", "article", "number", "field", "old", "new")
    assert [tuple(item[name] for name in wanted) for item in found["items"]] == [
        ("different", "stock", one["id"], one["number"], "stock", str(one["stock"]), "99")
    ]


def test_a_plan_says_what_is_sent_and_not_compared(relay, tmp_path: Path):
    relay.fill()
    out = ("--out", str(tmp_path))

    everything = json.loads(run(relay, "--plan", "--json", *out).stdout)
    stock = run(relay, "--plan", "--topic", "stock", *out).stdout

    assert everything["not_compared"] == [
        "images",
        "order status",
        "categories",
        "custom fields",
        "manufacturer",
        "measures",
        "options of variants",
        "list prices",
        "prices by quantity and customer group",
        "sale beyond the stock",
        "stock by location",
    ]
    assert "not compared: images, order status, sale beyond the stock, stock by location\n" in stock


def test_drift_is_exit_code_3_where_it_shall_fail(relay, tmp_path: Path):
    one = relay.fill()[0]
    out = ("--out", str(tmp_path))
    assert run(relay, "--plan", "--fail-on-drift", *out).exit_code == 0
    relay.edit(one, stock=99)

    assert run(relay, "--plan", "--fail-on-drift", *out).exit_code == 3
    assert run(relay, "--plan", *out).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "say either --plan"),
        (("--plan", "--apply"), "say either --plan"),
        (("--apply",), "there is no plan of this channel"),
        (("--apply", "7"), "there is no plan 7"),
        (("--apply", "last"), "'last' is no number of a plan"),
        (("--apply", "--topic", "stock"), "--topic goes with --plan"),
        (("--plan", "--topic", "media"), "only article, price, stock can be compared"),
    ],
)
def test_wrong_usage_says_what_is_right(idle, arguments, words):
    done = run(idle, *arguments)

    assert done.exit_code == 2
    assert words in done.stderr


def run_beside_workers(relay: Drifting, *arguments: str) -> Result:
    """The command, while somebody works on the queue."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, relay, *arguments)
        while not running.done():
            relay.drain()
            wait([running], timeout=0.1)
    return running.result()


def test_an_applied_plan_is_in_the_shop_and_said(relay, tmp_path: Path):
    one, gone = relay.fill()[:2]
    relay.edit(one, stock=99)
    relay.edit(gone, name="New")
    run(relay, "--plan", "--out", str(tmp_path))
    relay.edit(gone, name="Newer")

    done = run_beside_workers(relay, "--apply")

    assert (done.exit_code, relay.shown(one)["stock"]) == (0, 99)
    assert "plan 1 is applied: 1 sent, 1 skipped" in done.stdout
    assert "1 skipped: the ERP says something else than the plan saw" in done.stdout
    again = json.loads(run(relay, "--apply", "1", "--json").stdout)
    assert (again["state"], again["outcomes"]) == ("done", {"sent": 1, "skipped": 1})


def test_a_plan_of_which_something_failed_is_exit_code_1(relay, tmp_path: Path):
    one = relay.fill()[0]
    relay.edit(one, stock=99)
    run(relay, "--plan", "--out", str(tmp_path))
    relay.shop.refused_numbers[one["number"]] = "no more than 50"

    done = run_beside_workers(relay, "--apply")

    assert done.exit_code == 1
    assert "1 failed: no more than 50" in done.stdout
    assert "vario-relay queue failed 42" in done.stderr


def test_an_empty_plan_has_nothing_to_send(relay, tmp_path: Path):
    relay.fill()
    run(relay, "--plan", "--out", str(tmp_path))

    assert "plan 1 is empty, there is nothing to send" in run(relay, "--apply").stdout


def test_a_paused_channel_is_not_waited_for(relay, tmp_path: Path):
    relay.fill()
    run(relay, "--plan", "--out", str(tmp_path))
    with relay.runtime.scope() as session:
        session.get_one(SalesChannel, relay.channel_id).is_paused = True

    done = run(relay, "--apply")

    assert done.exit_code == 1
    assert "is paused" in done.stderr
