"""`vario-relay queue`: counts, causes, and sending again."""

import json
import re

import pytest
from sqlalchemy import select, update

from integration import counter_store, counters, hints, work_items, work_outcomes
from integration.clock import db_now
from integration.errors import Held, Rejected
from integration.models import Priority, SalesChannel, WorkItem
from integration.topology import Topic
from integration.write_back import asking
from tests.claims import claim_due
from tests.platforms import leave_out


@pytest.fixture
def channel_id(runtime, channel):
    with runtime.scope() as session:
        return session.scalars(select(SalesChannel.id)).one()


def hint(runtime, channel_id, *ids, topic=Topic.STOCK):
    with runtime.scope() as session:
        hints.hint(session, channel_id, topic, ids)


def end_with(runtime, channel_id, errors, topic=Topic.STOCK, priority=Priority.LIVE):
    """Claim everything that is due and end it with an error by entity; None: settled."""
    with runtime.scope() as session:
        claim_id = claim_due(session, channel_id, topic, priority=priority, limit=100, lease_s=60)
        held = work_items.take_over(session, claim_id, lease_s=60)
        by_entity = held.item_by_entity
        work_outcomes.record_errors(
            session, held, {by_entity[key].id: error for key, error in errors.items() if error}
        )
        done = [by_entity[key].id for key, error in errors.items() if error is None]
        work_items.settle(session, held, [work_items.Settled(one, "hash") for one in done])
    counters.PROCESS.flush(counter_store.sink_of(runtime.scope))


def fail(runtime, channel_id, numbers):
    hint(runtime, channel_id, *numbers)
    errors = {one: Rejected(f"product {one}: tax 17 is unknown") for one in numbers}
    end_with(runtime, channel_id, errors)


def status(run, topic="stock"):
    listed = json.loads(run("queue", "status", "--json").stdout)
    return next(one for one in listed if one["topic"] == topic)


def age(runtime, seconds):
    with runtime.scope() as session:
        values = {"first_unsent_at": db_now(-seconds), "due_at": db_now(-seconds)}
        session.execute(WorkItem.__table__.update().values(**values))


def test_what_the_platform_does_not_carry_is_held_and_not_late(run, runtime, channel_id):
    hint(runtime, channel_id, "5", "6", topic=Topic.MEDIA)
    with runtime.scope() as session:
        session.execute(update(WorkItem).values(hold_reason=work_outcomes.TOPIC_NOT_SERVED))
    age(runtime, 1_000)

    found = status(run, "media")

    assert (found["queued"], found["held"], found["failed"]) == (0, 2, 0)
    assert found["oldest_unsent_s"] is None


def test_a_topic_that_the_platform_is_not_given_is_marked(run, tenant, monkeypatch):
    leave_out(monkeypatch, "woocommerce", Topic.MEDIA)
    run("channel", "add", "8", "--tenant", tenant, "--platform", "woocommerce")

    assert not status(run, "media")["is_carried"]
    assert status(run, "stock")["is_carried"]
    assert "media (not carried yet)" in run("queue", "status").stdout


def test_an_empty_queue_shows_every_topic_that_travels(run, channel):
    listed = json.loads(run("queue", "status", "--json").stdout)

    assert [one["topic"] for one in listed] == [
        "stock",
        "price",
        "order-status",
        "article",
        "media",
    ]
    assert listed[0] == {
        "tenant": "acme",
        "channel": "7",
        "topic": "stock",
        "queued": 0,
        "processing": 0,
        "failed": 0,
        "held": 0,
        "oldest_unsent_s": None,
        "eta_s": 0.0,
        "is_on": True,
        "is_carried": True,
    }


def test_every_item_counts_once(run, runtime, channel_id):
    hint(runtime, channel_id, "1", "2", "3", "4")
    errors = {"1": Held("no-price", "no price"), "2": Rejected("no"), "3": None, "4": None}
    end_with(runtime, channel_id, errors)
    hint(runtime, channel_id, "5", "6")
    with runtime.scope() as session:
        claim_due(session, channel_id, Topic.STOCK, priority=Priority.LIVE, limit=1, lease_s=60)

    found = status(run)

    counts = {name: found[name] for name in ("queued", "processing", "failed", "held")}
    assert counts == {"queued": 1, "processing": 1, "failed": 1, "held": 1}
    # Two were settled within the last five minutes, two are left.
    assert found["eta_s"] == 300.0


def test_without_anything_sent_lately_nobody_can_tell_how_long_it_takes(run, runtime, channel_id):
    hint(runtime, channel_id, "1")

    assert status(run)["eta_s"] is None


def let_run(runtime):
    with runtime.scope() as session:
        session.execute(SalesChannel.__table__.update().values(is_paused=False))


def test_max_age_fails_when_something_due_is_not_settled_for_longer(run, runtime, channel_id):
    hint(runtime, channel_id, "1")
    hint(runtime, channel_id, "1", topic=Topic.PRICE)
    age(runtime, 100)
    let_run(runtime)

    late = run("queue", "status", "--max-age", "60")
    in_time = run("queue", "status", "--max-age", "600")

    assert late.exit_code == 1
    assert len(late.stderr.splitlines()) == 1
    assert re.search(r"of acme/7 \(and 1 more\) has been due for 1\d\d s", late.stderr)
    assert "longer than 60 s" in late.stderr
    assert "stock" in late.stdout
    assert in_time.exit_code == 0


def test_what_waits_for_a_person_is_not_late(run, runtime, channel_id):
    hint(runtime, channel_id, "1", "2")
    end_with(runtime, channel_id, {"1": Held("no-price", "no price"), "2": Rejected("no")})
    age(runtime, 1_000)
    let_run(runtime)

    assert run("queue", "status", "--max-age", "60").exit_code == 0


def test_a_topic_that_is_switched_off_is_named_and_what_waits_for_it_is_not_late(
    run, runtime, channel, channel_id
):
    hint(runtime, channel_id, "1", "2")
    age(runtime, 1_000)
    run("toggle", "off", channel, "stock")

    found = status(run)
    table = run("queue", "status", "--max-age", "60")

    assert (found["is_on"], status(run, "price")["is_on"]) == (False, True)
    assert (found["queued"], found["held"], found["oldest_unsent_s"]) == (0, 2, None)
    assert table.exit_code == 0
    assert "stock (off)" in table.stdout


def test_the_table_ends_with_the_totals(run, runtime, channel_id):
    hint(runtime, channel_id, "1", "2")
    hint(runtime, channel_id, "1", topic=Topic.PRICE)

    lines = run("queue", "status").stdout.splitlines()

    assert lines[-1].split()[:2] == ["total", "3"]


def test_failures_are_grouped_by_cause_with_three_examples(run, runtime, channel_id):
    fail(runtime, channel_id, ["101", "102", "103", "104"])

    groups = json.loads(run("queue", "failed", "--json").stdout)

    assert len(groups) == 1
    assert groups[0]["count"] == 4
    assert groups[0]["error_class"] == "Rejected"
    assert groups[0]["message"] == "product 101: tax 17 is unknown"
    assert groups[0]["examples"] == ["101", "102", "103"]
    assert groups == json.loads(run("queue", "failed", "7", "--json").stdout)
    assert groups[0]["fingerprint"] in run("queue", "failed").stdout


def test_an_article_that_failed_in_several_topics_is_one_example(run, runtime, channel_id):
    for topic in (Topic.ARTICLE, Topic.PRICE, Topic.STOCK):
        hint(runtime, channel_id, "101", "102", topic=topic)
        errors = {one: Rejected("tax 17 is unknown") for one in ("101", "102")}
        end_with(runtime, channel_id, errors, topic)

    (group,) = json.loads(run("queue", "failed", "--json").stdout)

    assert (group["count"], group["examples"]) == (6, ["101", "102"])


def test_no_failures_are_said_in_words(run, channel):
    assert run("queue", "failed").stdout == "nothing has failed\n"


def test_a_secret_in_a_message_is_masked(run, runtime, channel_id):
    hint(runtime, channel_id, "1")
    end_with(runtime, channel_id, {"1": Rejected("bad client_secret=hunter2 given")})

    assert "hunter2" not in run("queue", "failed", "--json").stdout


def test_a_retry_can_be_looked_at_first(run, runtime, channel_id):
    fail(runtime, channel_id, ["1", "2"])

    looked = run("queue", "retry", "7", "--dry-run", "--json")

    assert json.loads(looked.stdout) == {"channel": "7", "count": 2, "dry_run": True}
    assert status(run)["failed"] == 2


def test_a_retry_queues_what_was_chosen(run, runtime, channel_id):
    fail(runtime, channel_id, ["1", "2"])
    fingerprint = json.loads(run("queue", "failed", "--json").stdout)[0]["fingerprint"]

    other_topic = run("queue", "retry", "7", "--topic", "price")
    other_cause = run("queue", "retry", "7", "--fingerprint", "0000000000")
    chosen = run("queue", "retry", "7", "--topic", "stock", "--fingerprint", fingerprint)

    assert "0 failed changes" in other_topic.stderr
    assert "0 failed changes" in other_cause.stderr
    assert "2 failed changes of sales channel 7 are queued again" in chosen.stderr
    assert (status(run)["queued"], status(run)["failed"]) == (2, 0)


def test_product_ids_on_their_way_back_are_shown_with_the_time_they_will_take(
    run, runtime, channel_id
):
    ask_back(runtime, channel_id, *"12345")
    end_back(runtime, channel_id, {"1": None, "2": None})

    shown = status(run, "write-back")
    assert (shown["queued"], shown["processing"], shown["is_on"]) == (0, 3, True)
    assert shown["eta_s"] == 450.0  # three at two in five minutes


def test_why_product_ids_wait_is_said_in_one_sentence(run, runtime, channel_id):
    ask_back(runtime, channel_id, "1", "2")
    held = Held("erp-external-id-field", "the ERP of tenant acme has no field")
    end_back(runtime, channel_id, {"1": held, "2": held})

    assert status(run, "write-back")["held"] == 2
    lines = run("queue", "status").stdout.splitlines()
    why, do = "the ERP of tenant acme has no field", "install the app in the ERP again"
    assert lines.count(f"acme/7: 2 changes are held: {why}; {do}") == 1


def test_failed_product_ids_are_sent_again_by_their_topic(run, runtime, channel_id):
    ask_back(runtime, channel_id, "1")
    end_back(runtime, channel_id, {"1": Rejected("the listing is frozen")})

    result = run("queue", "retry", "7", "--topic", "write-back")

    assert result.exit_code == 0
    assert "1 failed changes" in result.stderr
    assert status(run, "write-back")["queued"] == 1


@pytest.mark.parametrize(
    "command", [("sync", "7", "--topic", "write-back"), ("toggle", "off", "7", "write-back")]
)
def test_the_way_back_is_no_topic_that_goes_to_a_shop(run, channel, command):
    result = run(*command)

    assert result.exit_code == 2
    assert "there is no topic 'write-back'" in result.stderr


def ask_back(runtime, channel_id, *ids):
    with runtime.scope() as session:
        asking.ask(session, channel_id, ids)


def end_back(runtime, channel_id, errors):
    """As `end_with`, of product ids."""
    end_with(runtime, channel_id, errors, Topic.WRITE_BACK, Priority.WRITE_BACK)
