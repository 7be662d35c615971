"""`vario-relay explain` on our own records: nobody else is asked."""

from __future__ import annotations

import json

import pytest
import responses
from sqlalchemy import select, update

from integration import article_holds, hints, toggles
from integration.clock import db_now
from integration.connectors import memory
from integration.errors import MappingMissing, Rejected
from integration.explaining import asking
from integration.models import Listing, Priority, SalesChannel, Tenant, WorkItem
from integration.shop_health import record_failure
from integration.topology import Topic
from integration.work_items import Settled, settle, take_over
from integration.work_outcomes import record_errors
from tests.claims import claim_due


@pytest.fixture
def seed(runtime, channel):
    """Ways to bring the channel into a state, with the queue's own verbs."""
    yield Seed(runtime)
    memory.forget_shops()


class Seed:
    def __init__(self, runtime):
        self.runtime = runtime
        self.change_channel(is_paused=False)

    @property
    def channel_id(self):
        with self.runtime.scope() as session:
            return session.scalars(select(SalesChannel.id)).one()

    def change_channel(self, **values):
        with self.runtime.scope() as session:
            session.execute(update(SalesChannel).values(**values))

    def hint(self, topic, *ids):
        with self.runtime.scope() as session:
            hints.hint(session, self.channel_id, topic, ids)

    def claimed(self, session, topic):
        claim_id = claim_due(
            session, self.channel_id, topic, priority=Priority.LIVE, limit=100, lease_s=60
        )
        return take_over(session, claim_id, lease_s=60)

    def fail(self, topic, error, *ids):
        self.hint(topic, *ids)
        with self.runtime.scope() as session:
            held = self.claimed(session, topic)
            record_errors(session, held, {one.id: error for one in held.items})

    def send(self, *ids):
        """Put articles into the shop."""
        for topic in (Topic.ARTICLE, Topic.PRICE, Topic.STOCK):
            self.hint(topic, *ids)
            with self.runtime.scope() as session:
                held = self.claimed(session, topic)
                settle(session, held, [Settled(one.id, "hash") for one in held.items])
        with self.runtime.scope() as session:
            for one in ids:
                session.add(
                    Listing(
                        channel_id=self.channel_id,
                        article_id=one,
                        external_id=f"p{one}",
                        number=f"A-{one}",
                    )
                )


@pytest.fixture
def explain(run):
    def explained(article, *options, channel="7"):
        result = run("explain", channel, article, *options, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return explained


def test_an_article_that_is_in_the_shop_is_right(explain, seed):
    seed.send("1001")

    found = explain("A-1001")

    assert list(found) == [
        "channel",
        "article",
        "number",
        "cause",
        "who",
        "sentence",
        "links",
        "timeline",
    ]
    assert (found["channel"], found["article"], found["number"]) == ("acme/7", "1001", "A-1001")
    assert (found["cause"], found["who"]) == ("OK", "nobody")
    assert [one["event"] for one in found["timeline"]].count("pushed") == 3
    assert all(set(one) == {"name", "ok", "detail"} for one in found["links"])
    assert explain("1001") == {**found, "article": "1001"}


def test_a_mapping_that_is_missing_is_named_with_its_command_in_both_languages(explain, seed):
    seed.fail(Topic.ARTICLE, MappingMissing("mapping:unit:lb", "weighed in lb"), "1001")

    english, german = explain("1001"), explain("1001", "--lang", "de")

    assert (english["cause"], english["who"]) == ("MAPPING_MISSING", "agency")
    assert "`vario-relay mapping set acme/7 unit lb SHOP-VALUE`" in english["sentence"]
    assert "weighed in lb" in german["sentence"]
    assert "ist nicht zugeordnet" in german["sentence"]


def test_the_platform_says_in_its_own_words_what_it_refused(explain, seed):
    seed.fail(Topic.ARTICLE, Rejected("the name is too long"), "1001")

    found = explain("1001")

    assert (found["cause"], found["who"]) == ("REJECTED", "merchant")
    assert "the name is too long" in found["sentence"]
    assert found["timeline"][-1]["event"] == "failed"


def test_what_waits_knows_how_many_go_before_it(explain, seed):
    seed.hint(Topic.ARTICLE, "1001", "1002", "1003")
    with seed.runtime.scope() as session:
        session.execute(
            update(WorkItem).where(WorkItem.entity_id != "1003").values(due_at=db_now(-60))
        )

    found = explain("1003")

    assert found["cause"] == "WAITING"
    assert "behind 2 others" in found["sentence"]


def test_a_paused_channel_comes_before_what_waits_on_it(explain, seed):
    seed.change_channel(is_paused=True)
    seed.hint(Topic.ARTICLE, "1001")

    found = explain("1001")

    assert (found["cause"], found["who"]) == ("CHANNEL_HELD", "agency")
    assert "`vario-relay channel resume acme/7`" in found["sentence"]


def test_a_platform_that_cannot_be_used_here_stops_the_channel(explain, seed):
    seed.send("1001")
    seed.change_channel(platform="elsewhere")

    found = explain("1001")

    assert (found["cause"], found["who"]) == ("CHANNEL_HELD", "agency")
    assert "elsewhere" in found["sentence"]


def test_an_uninstalled_tenant_stops_everything(explain, seed):
    seed.send("1001")
    with seed.runtime.scope() as session:
        session.execute(update(Tenant).values(uninstalled_at=db_now(), offline_token=None))

    assert explain("1001")["cause"] == "CHANNEL_HELD"


def test_a_switched_off_topic_counts_when_something_waits_for_it(explain, seed):
    seed.send("1001")
    with seed.runtime.scope() as session:
        toggles.switch(session, seed.channel_id, Topic.PRICE, is_on=False)
    assert explain("1001")["cause"] == "OK"

    seed.hint(Topic.PRICE, "1001")

    found = explain("1001")
    assert (found["cause"], found["who"]) == ("TOGGLE_OFF", "merchant")
    assert "`vario-relay toggle on acme/7 price`" in found["sentence"]


def test_a_hold_by_hand_says_who_and_why(explain, seed):
    seed.send("1001")
    with seed.runtime.scope() as session:
        article_holds.add(session, seed.channel_id, "1001", reason="recall", by="ada")

    found = explain("1001")

    assert found["cause"] == "HELD"
    assert "kept back by ada" in found["sentence"]
    assert "recall" in found["sentence"]


def test_a_shop_that_rests_is_the_cause_for_what_waits(explain, seed):
    seed.send("1001")
    seed.hint(Topic.STOCK, "1001")
    channel_id = seed.channel_id
    with seed.runtime.scope() as session:
        for _ in range(3):
            record_failure(session, channel_id, "HTTP 500", 1.0)

    found = explain("1001")

    assert (found["cause"], found["who"]) == ("WAITING", "shop")
    assert "HTTP 500" in found["sentence"]


def test_what_was_withdrawn_is_inactive(explain, seed):
    seed.send("1001")
    with seed.runtime.scope() as session:
        session.execute(update(Listing).values(is_active=False))

    assert explain("1001")["cause"] == "INACTIVE"


def test_an_unknown_article_and_an_erp_that_is_away_are_an_answer(explain, seed):
    found = explain("A-77")

    assert (found["cause"], found["article"]) == ("ARTICLE_UNKNOWN", "A-77")
    assert found["links"][0]["ok"] is None
    assert "could not be asked" in found["sentence"]


def test_an_unknown_channel_is_wrong_usage(run, seed):
    result = run("explain", "99", "1001")

    assert result.exit_code == 2
    assert "there is no sales channel 99" in result.stderr


def test_people_read_the_answer_first_then_the_links_then_the_timeline(run, seed):
    seed.send("1001")
    seed.change_channel(is_paused=True)

    lines = run("explain", "7", "1001").stdout.splitlines()

    assert lines[0].startswith("CHANNEL_HELD (agency): article A-1001 (id 1001): the sales channel")
    assert lines[2].split() == ["LINK", "WHAT"]
    assert any(line.startswith("channel ") and " BROKEN " in line for line in lines)
    assert any("price: sent at" in line for line in lines)
    assert [line.split() for line in lines if line.startswith("WHEN")] == [
        ["WHEN", "TOPIC", "WHAT"]
    ]
    assert "sent and accepted" in lines[-1]


def test_without_live_nobody_is_asked_about_what_we_know(run, seed, internet):
    seed.send("1001")
    before = len(internet.calls)

    run("explain", "7", "1001")

    assert len(internet.calls) == before


def test_an_erp_that_does_not_sign_us_in_is_a_link_that_could_not_be_looked_at(
    explain, seed, internet
):
    seed.send("1001")
    memory.shop("acme/7").products["p1001"] = {"number": "A-1001", "active": True}
    internet.add(responses.POST, "https://sso.vario.cloud/realms/acme", status=500)

    found = explain("1001", "--live")

    unseen = [one["name"] for one in found["links"] if one["ok"] is None]
    assert unseen[0] == "erp"
    assert found["sentence"].startswith("article A-1001 (id 1001): nothing is wrong with it, as")


def test_of_a_connector_that_shows_no_single_product_only_the_number_is_looked_up(
    explain, seed, monkeypatch
):
    monkeypatch.setattr(asking, "ShowsProducts", type("NobodyHasThis", (), {}))
    seed.send("1001")
    memory.shop("acme/7").products["p1001"] = {"number": "A-1001", "active": False}

    links = {one["name"]: one["ok"] for one in explain("1001", "--live")["links"]}

    assert (links["shop-product"], links["shop-values"]) == (True, None)
    assert "shop-visible" not in links
