"""`vario-relay channel remove`: everything of the channel goes, nothing of its neighbour."""

import pytest
from sqlalchemy import select

from integration import channels, hints, toggles
from integration.clock import db_now
from integration.models import (
    AccessToken,
    Base,
    ChannelParameter,
    Listing,
    Priority,
    RateBucket,
    SalesChannel,
    WorkItem,
)
from integration.topology import Topic
from tests.claims import claim_due


def erp_ids(runtime):
    with runtime.scope() as session:
        return set(session.scalars(select(SalesChannel.erp_id)))


def fill(runtime, erp_id):
    """Something in the tables that hang on a channel; its id."""
    with runtime.scope() as session:
        channel_id = channels.find(session, erp_id).id
        hints.hint(session, channel_id, Topic.ARTICLE, ["1"])
        channels.set_parameter(session, channel_id, "safety_stock", "1", None)
        toggles.switch(session, channel_id, Topic.PRICE, False)
        session.add(Listing(channel_id=channel_id, article_id="1", external_id="x", number="A"))
        name = f"shop:{channel_id}"
        session.add(AccessToken(name=name, token="sealed"))
        session.add(RateBucket(name=name, tokens=1, filled_at=db_now()))
        return channel_id


def left_of(runtime, channel_id):
    """Names of the tables that still know of a channel."""
    found = set()
    with runtime.scope() as session:
        for table in Base.metadata.tables.values():
            for column, value in (("channel_id", channel_id), ("name", f"shop:{channel_id}")):
                if (
                    column in table.c
                    and session.execute(select(table).where(table.c[column] == value)).first()
                ):
                    found.add(table.name)
    return found


def test_a_removed_channel_leaves_nothing_and_its_neighbour_keeps_all(
    run, runtime, channel, shopware_channel
):
    removed, neighbour = fill(runtime, channel), fill(runtime, shopware_channel)
    before = left_of(runtime, neighbour)

    result = run("channel", "remove", channel)

    assert result.exit_code == 0
    assert "acme/7 is removed; its articles stay in the shop as they are" in result.stderr
    assert "webhooks" not in result.stderr
    assert erp_ids(runtime) == {shopware_channel}
    assert left_of(runtime, removed) == set()
    assert left_of(runtime, neighbour) == before
    assert {"work_item", "listing", "access_token", "rate_bucket"} <= before


def test_the_next_channel_with_its_id_inherits_nothing(run, runtime, channel):
    removed = fill(runtime, channel)
    run("channel", "remove", channel)
    run("channel", "add", "8", "--tenant", "acme", "--platform", "memory")

    with runtime.scope() as session:
        assert channels.find(session, "8").id == removed
        assert session.scalars(select(ChannelParameter)).all() == []
        assert session.get(AccessToken, f"shop:{removed}") is None
        assert session.scalars(select(WorkItem)).all() == []


@pytest.mark.parametrize("before", [["resume"], ["pause", "--until", "23:59"]])
def test_a_channel_that_moves_or_will_move_is_removed_only_by_force(run, runtime, channel, before):
    run("channel", before[0], channel, *before[1:])

    refused = run("channel", "remove", channel)
    kept = erp_ids(runtime)
    forced = run("channel", "remove", channel, "--force")

    assert refused.exit_code == 2
    assert "`vario-relay channel pause acme/7` pauses it" in refused.stderr
    assert kept == {channel}
    assert forced.exit_code == 0
    assert erp_ids(runtime) == set()


def test_a_channel_that_still_sends_is_removed_only_by_force(run, runtime, channel):
    channel_id = fill(runtime, channel)
    with runtime.scope() as session:
        claim_due(session, channel_id, Topic.ARTICLE, priority=Priority.LIVE, limit=1, lease_s=60)

    refused = run("channel", "remove", channel)

    assert refused.exit_code == 2
    assert "1 of its changes are still being sent" in refused.stderr
    assert erp_ids(runtime) == {channel}
    assert run("channel", "remove", channel, "--force").exit_code == 0


def test_an_erp_that_is_away_keeps_no_channel(run, runtime, environ, channel):
    environ["RELAY_PUBLIC_URL"] = "https://relay.example"

    result = run("channel", "remove", channel)

    assert result.exit_code == 0
    assert "warning: its webhooks stay registered in the ERP" in result.stderr
    assert erp_ids(runtime) == set()


def test_an_unknown_channel_is_wrong_usage(run, runtime):
    assert run("channel", "remove", "99").exit_code == 2
