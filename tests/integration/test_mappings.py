"""A missing mapping holds the rows that need it, and setting it lets them go at once."""

import pytest
from sqlalchemy import select

from integration import channels, hold_report, mapping_changes, mappings, stages
from integration.connectors.base import Choice
from integration.mapping_kinds import Kind, Mappings
from integration.mappings import Entry
from integration.models import ChannelMapping, Listing, SyncRun
from integration.topology import Topic

pytestmark = pytest.mark.either_database

ARTICLE, PRICE, STOCK = Topic.ARTICLE, Topic.PRICE, Topic.STOCK


def put(relay, *entries):
    with relay.runtime.scope() as session:
        return mapping_changes.put(session, relay.channel_id, entries)


def held(relay):
    with relay.runtime.scope() as session:
        return {one.reason: one for one in hold_report.groups(session, relay.channel_id)}


def by_tax(relay):
    """Articles for sale by their tax rate."""
    found = {}
    for one in relay.for_sale():
        found.setdefault(one["tax_rate"], []).append(one)
    return found


def test_a_tax_that_the_shop_lacks_holds_its_articles_and_no_others(relay):
    relay.shop.choices[Kind.TAX] = [Choice("t19", "Standard", "19")]
    standard, reduced = by_tax(relay)[19][:3], by_tax(relay)[7][:2]
    relay.hint(ARTICLE, *standard, *reduced)
    relay.hint(STOCK, *standard, *reduced)

    relay.drain()

    assert all(relay.product(one) for one in standard)
    assert not any(relay.product(one) for one in reduced)
    cause = held(relay)["mapping:tax:2"]
    assert (cause.count, cause.articles, cause.topics) == (2, 2, {"article": 2})
    assert set(cause.examples) == {one["id"] for one in reduced}
    assert cause.words.needs_decision
    assert cause.words.do.startswith("`vario-relay mapping set acme/42 tax 2 SHOP-VALUE`")
    assert held(relay)["article-not-in-shop"].count == 2


def test_setting_the_mapping_lets_them_go_at_once_with_what_waited_for_them(relay):
    relay.shop.choices[Kind.TAX] = [Choice("t19", "Standard", "19"), Choice("odd", "Books", "5")]
    reduced = by_tax(relay)[7][:2]
    relay.hint(ARTICLE, *reduced)
    relay.hint(STOCK, *reduced)
    relay.drain()

    changed = put(relay, Entry(Kind.TAX, "2", "odd"))
    relay.drain()

    assert (changed.entries, changed.released, changed.asks_for_all) == (1, 2, False)
    assert [relay.product(one)["tax"] for one in reduced] == ["odd", "odd"]
    assert held(relay) == {}


def test_a_removed_mapping_holds_later_changes(relay):
    relay.shop.choices[Kind.TAX] = [Choice("t19", "Standard", "19"), Choice("odd", "Books", "5")]
    (article,) = by_tax(relay)[7][:1]
    put(relay, Entry(Kind.TAX, "2", "odd"))
    relay.hint(ARTICLE, article)
    relay.drain()
    with relay.runtime.scope() as session:
        assert mapping_changes.remove(session, relay.channel_id, Kind.TAX, "2")
        assert not mapping_changes.remove(session, relay.channel_id, Kind.TAX, "2")
    relay.edit(article, name="Another name")
    relay.hint(ARTICLE, article)

    relay.drain()

    assert list(held(relay)) == ["mapping:tax:2"]
    assert relay.product(article)["name"] != "Another name"


def test_a_mapping_goes_before_the_equal_rate_and_what_was_sent_is_compared(relay):
    relay.shop.choices[Kind.TAX] = [Choice("t19", "Standard", "19"), Choice("copy", "Copy", "19")]
    (article,) = by_tax(relay)[19][:1]
    relay.hint(ARTICLE, article)
    relay.drain()
    assert relay.product(article)["tax"] is None

    changed = put(relay, Entry(Kind.TAX, "1", "copy"))
    relay.hint(ARTICLE, article)
    relay.drain()

    assert changed.asks_for_all
    with relay.runtime.scope() as session:
        assert session.scalars(select(SyncRun.kind)).all() == ["catch-up"]
    assert relay.product(article)["tax"] == "copy"
    assert put(relay, Entry(Kind.TAX, "1", "copy")) == mapping_changes.Changed(0, 0, False)


def test_a_hold_that_came_while_the_mapping_was_set_is_let_go_by_setting_it_again(relay):
    relay.shop.choices[Kind.TAX] = [Choice("odd", "Books", "5")]
    (article,) = by_tax(relay)[7][:1]
    relay.hint(ARTICLE, article)
    relay.drain()
    with relay.runtime.scope() as session:
        session.add(
            ChannelMapping(channel_id=relay.channel_id, kind="tax", erp_value="2", shop_value="odd")
        )

    assert put(relay, Entry(Kind.TAX, "2", "odd")).released == 1


def test_an_unknown_unit_is_held_and_goes_when_it_is_mapped(relay):
    relay.hint(ARTICLE, relay.for_sale()[0])
    assert transformed(relay, weight=2, weight_unit="lb") == []
    (cause,) = held(relay).values()

    changed = put(relay, Entry(Kind.UNIT, "lb", "0.45359237"))

    assert cause.reason == "mapping:unit:lb"
    assert "`vario-relay mapping set acme/42 unit lb UNIT`" in cause.words.do
    assert changed.released == 1
    (payload,) = transformed(relay, weight=2, weight_unit="lb")
    assert payload["body"]["weight_kg"] == "0.90718474"


def transformed(relay, **fields):
    """Payloads of what is due, with other values than the sandboxed ERP states."""
    batch = stages.fetch(relay.runtime, relay.claim())
    for row in batch["rows"].values():
        row.update(fields)
    return stages.transform(relay.runtime, batch)["payloads"]


# Stored


def test_entries_are_stored_by_kind_and_value(database):
    wanted = [
        Entry(Kind.UNIT, "", "kg"),
        Entry(Kind.TAX, "1", "a"),
        Entry(Kind.TAX, "2", "b"),
    ]
    with database.scope() as session:
        assert mapping_changes.put(session, database.channel, wanted).entries == 3
    with database.scope() as session:
        changed = [Entry(Kind.TAX, "2", "c"), Entry(Kind.TAX, "1", "a")]
        assert mapping_changes.put(session, database.channel, changed).entries == 1

    with database.scope() as session:
        stored = mappings.entries(session, database.channel)
        loaded = channels.load(session, database.channel, [Kind.TAX]).mappings
    assert [(one.kind, one.erp_value, one.shop_value) for one in stored] == [
        ("tax", "1", "a"),
        ("tax", "2", "c"),
        ("unit", "", "kg"),
    ]
    assert loaded == Mappings({Kind.TAX: {"1": "a", "2": "c"}})


@pytest.mark.parametrize(
    ("entry", "has_products", "asks"),
    [
        (Entry(Kind.TAX, "1", "b"), True, True),  # was another one, or the rate
        (Entry(Kind.TAX, "1", "b"), False, False),  # nothing was sent yet
        (Entry(Kind.UNIT, "lb", "0.5"), True, False),  # articles in pounds were held
        (Entry(Kind.UNIT, "G", "kg"), True, True),  # was a gram
        (Entry(Kind.CATEGORY, "9", "c"), True, False),
        (Entry(Kind.MANUFACTURER, "Acme", "7"), True, True),  # was the one of this name
    ],
)
def test_what_may_have_been_sent_otherwise_is_compared(database, entry, has_products, asks):
    with database.scope() as session:
        if has_products:
            session.add(
                Listing(channel_id=database.channel, article_id="1", external_id="p", number="A")
            )
        session.flush()

        assert mapping_changes.put(session, database.channel, [entry]).asks_for_all is asks


def test_mappings_of_other_channels_are_their_own(database):
    other = database.add_channel("43")
    with database.scope() as session:
        mapping_changes.put(session, other, [Entry(Kind.TAX, "1", "a")])

        assert channels.load(session, database.channel).mappings == Mappings()
