"""`vario-relay queue hold`: what is held, and what people decide about it."""

import json

import pytest
from sqlalchemy import select

from integration import hints, work_items, work_outcomes
from integration.errors import Held, MappingMissing, NeedsConfirmation
from integration.models import ArticleHold, Listing, Priority, SalesChannel, WorkItem
from integration.topology import Topic
from tests.claims import claim_due


@pytest.fixture
def channel_id(runtime, channel):
    with runtime.scope() as session:
        return session.scalars(select(SalesChannel.id)).one()


@pytest.fixture
def hint(runtime, channel_id):
    def record(*ids, topic=Topic.STOCK):
        with runtime.scope() as session:
            hints.hint(session, channel_id, topic, ids)

    return record


@pytest.fixture
def held(runtime, channel_id, hint):
    """Articles whose stock is held by this error."""

    def record(error, *ids, topic=Topic.STOCK):
        hint(*ids, topic=topic)
        with runtime.scope() as session:
            claim_id = claim_due(
                session, channel_id, topic, priority=Priority.LIVE, limit=100, lease_s=60
            )
            claim = work_items.take_over(session, claim_id, lease_s=60)
            work_outcomes.record_errors(session, claim, {one.id: error for one in claim.items})

    return record


def tax_missing(value="2"):
    return MappingMissing(f"mapping:tax:{value}", "A-1: the shop has no tax of 7 %")


def rows(runtime):
    with runtime.scope() as session:
        found = session.execute(
            select(WorkItem.entity_id, WorkItem.state, WorkItem.hold_reason).order_by(WorkItem.id)
        )
        return {row.entity_id: (row.state, row.hold_reason) for row in found}


def listed(run, *arguments, code=0):
    result = run("queue", "hold", "list", *arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_nothing_is_held(run, channel):
    assert run("queue", "hold", "list").stdout == "nothing is held\n"
    assert listed(run, channel) == []


def test_one_cause_is_one_entry_with_count_examples_and_what_to_do(run, channel, held):
    held(tax_missing(), "101", "102", "103", "104", topic=Topic.ARTICLE)

    (one,) = listed(run, code=3)

    assert one.pop("since")
    assert one == {
        "channel": "acme/7",
        "cause": "mapping",
        "reason": "mapping:tax:2",
        "count": 4,
        "articles": 4,
        "topics": {"article": 4},
        "examples": ["101", "102", "103"],
        "sentence": "tax 2 is not mapped (A-1: the shop has no tax of 7 %)",
        "do": "`vario-relay mapping set acme/7 tax 2 SHOP-VALUE`; "
        "`vario-relay mapping list acme/7` suggests one",
        "needs_decision": True,
    }


@pytest.mark.parametrize(
    ("error", "do", "code"),
    [
        (
            MappingMissing("mapping:unit:fl oz", "weighed in fl oz"),
            "mapping set acme/7 unit 'fl oz'",
            3,
        ),
        (MappingMissing("mapping:category:5", "it is in 5"), "suggests one, `-` leaves it out", 3),
        (MappingMissing("mapping:unit:", "weighed in no unit"), "mapping set acme/7 unit ''", 3),
        (
            NeedsConfirmation("confirm:variant", "it becomes a variant"),
            "--reason confirm:variant",
            3,
        ),
        (Held("brake:price", "the price falls by 90 %"), "hold discard acme/7 --reason", 3),
        (Held("no-price", "article A-1 has no price"), "set a price in the ERP", 0),
        (Held("currency:USD", "it is priced in USD"), "in the channel's currency", 0),
        (Held("no-tax-rate", "it has no tax rate"), "tax schema", 0),
        (Held("article-not-in-shop", ""), "nothing, it goes with its article", 0),
        (Held("from-another-package", "the moon is full"), "--reason from-another-package", 0),
    ],
)
def test_every_cause_says_what_to_do_and_decisions_are_exit_code_3(run, held, error, do, code):
    held(error, "101")

    (one,) = listed(run, code=code)

    assert do in one["do"]
    assert one["needs_decision"] is (code == 3)


def test_the_status_shows_each_cause_once_below_the_table(run, channel, held):
    held(tax_missing(), "101", "102")
    held(Held("article-not-in-shop", ""), "103")

    told = run("queue", "status").stdout.splitlines()

    assert [line for line in told if line.startswith("acme/7:")] == [
        "acme/7: 2 changes are held: tax 2 is not mapped (A-1: the shop has no tax of 7 %); "
        "`vario-relay mapping set acme/7 tax 2 SHOP-VALUE`; "
        "`vario-relay mapping list acme/7` suggests one"
    ]


def test_the_status_leaves_a_flood_of_causes_to_the_list(run, channel, held):
    for n in range(12):
        held(tax_missing(str(n)), f"10{n}")

    assert (
        "and 2 more causes; `vario-relay queue hold list` shows all"
        in run("queue", "status").stdout
    )


# By hand


def test_an_article_is_held_until_it_is_released(run, channel, runtime, hint):
    hint("101", "102")
    added = run("queue", "hold", "add", channel, "101", "--reason", "price under review")
    hint("101")

    assert added.exit_code == 0
    assert added.stderr == (
        "article id 101 of sales channel 7 is held until it is released; 1 changes wait\n"
    )
    assert rows(runtime) == {"101": ("QUEUED", "by-hand"), "102": ("QUEUED", None)}

    released = run("queue", "hold", "release", channel, "101")

    assert released.stderr == (
        "article id 101 of sales channel 7 is not held any more; 1 changes go now\n"
    )
    assert rows(runtime)["101"] == ("QUEUED", None)


def test_holds_by_hand_are_listed_with_their_text_also_when_nothing_waits(run, channel, hint):
    hint("101", "102")
    run("queue", "hold", "add", channel, "101", "--reason", "recall")
    run("queue", "hold", "add", channel, "102", "--reason", "price under review")
    run("queue", "hold", "discard", channel, "102", "--yes")

    by_text = {one["sentence"].partition(": ")[2]: one for one in listed(run)}

    assert {text: (one["count"], one["articles"]) for text, one in by_text.items()} == {
        "recall": (1, 1),
        "price under review": (0, 1),
    }
    assert by_text["recall"]["cause"] == "by-hand"
    assert by_text["recall"]["do"] == (
        "`vario-relay queue hold release acme/7 101` sends what changed"
    )
    table = run("queue", "hold", "list", channel).stdout
    assert "held by hand by" in table


def test_one_topic_is_held_alone(run, channel, runtime, hint):
    hint("101")
    run("queue", "hold", "add", channel, "101", "--topic", "price", "--reason", "sale starts later")

    assert rows(runtime) == {"101": ("QUEUED", None)}
    with runtime.scope() as session:
        assert session.scalars(select(ArticleHold.topic)).all() == [Topic.PRICE.value]


def test_orders_are_not_held_by_article(run, channel, hint):
    hint("101")
    refused = run(
        "queue", "hold", "add", channel, "101", "--topic", "order-status", "--reason", "x"
    )

    assert refused.exit_code == 2
    assert "about orders" in refused.stderr


def test_a_known_article_is_named_by_its_number_without_asking_the_erp(
    run, channel, runtime, channel_id
):
    with runtime.scope() as session:
        session.add(
            Listing(channel_id=channel_id, article_id="4711", external_id="p", number="A-1")
        )

    added = run("queue", "hold", "add", channel, "A-1", "--reason", "recall")

    assert added.exit_code == 0, added.output
    assert added.stderr.startswith("article A-1 (id 4711) of sales channel 7 is held")
    by_id = run("queue", "hold", "release", channel, "04711")
    assert by_id.stderr.startswith("article A-1 (id 4711) of sales channel 7 is not held any more")


def test_a_reason_is_demanded(run, channel, hint):
    hint("101")

    assert run("queue", "hold", "add", channel, "101").exit_code == 2
    refused = run("queue", "hold", "add", channel, "101", "--reason", " ")
    assert refused.exit_code == 2
    assert "say why" in refused.stderr


def test_all_that_is_held_for_one_reason_is_released(run, channel, runtime, held):
    held(tax_missing(), "101", "102")
    held(Held("no-price", "no price"), "103")

    run("queue", "hold", "release", channel, "--reason", "mapping:tax:2")

    assert rows(runtime) == {
        "101": ("QUEUED", None),
        "102": ("QUEUED", None),
        "103": ("QUEUED", "no-price"),
    }


def test_nothing_is_released_or_dropped_without_saying_what(run, channel):
    for command in ("release", "discard"):
        refused = run("queue", "hold", command, channel)
        assert refused.exit_code == 2
        assert "name an ARTICLE" in refused.stderr


def test_held_changes_are_dropped_after_a_confirmation_only(run, channel, runtime, held):
    held(tax_missing(), "101")

    unconfirmed = run("queue", "hold", "discard", channel, "101")
    assert unconfirmed.exit_code == 3
    assert "nothing was dropped, say --yes" in unconfirmed.stderr
    assert rows(runtime) == {"101": ("QUEUED", "mapping:tax:2")}

    dropped = run("queue", "hold", "discard", channel, "101", "--yes")
    assert dropped.exit_code == 0
    assert rows(runtime) == {"101": ("COMPLETED", None)}
    with runtime.scope() as session:
        assert session.scalar(select(WorkItem.skip_reason)) == (
            "discarded, was held: mapping:tax:2"
        )
