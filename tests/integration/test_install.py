"""Installing the app: what the ERP gets, what we store, and what a second time changes."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from integration import channels
from integration.errors import TenantError
from integration.models import AccessToken, SyncRun, Tenant
from integration.toggles import ARTICLE_TOPICS
from integration.topology import SHORT_NAME_BY_TOPIC
from tests.integration.installing import PUBLIC_URL, installing
from tests.integration.support import together

STEPS = [
    "tenant",
    "external-id",
    "backend",
    "channels",
    "foreign-fields",
    "webhooks",
    "events",
    "columns",
]


@pytest.fixture
def world(sqlite_url):
    with installing(sqlite_url) as found:
        yield found


@pytest.fixture
def on_both(database_url):
    with installing(database_url) as found:
        yield found


def test_an_install_stores_the_token_sealed_and_reports_every_step(on_both):
    token = on_both.offline_token()

    answer = on_both.post("install", offlineToken=token)

    assert answer.status_code == 200
    assert answer.json["tenant"] == "acme"
    assert answer.json["ok"] is True
    assert [one["step"] for one in answer.json["steps"]] == STEPS
    assert all(set(one) == {"step", "ok", "detail", "do"} for one in answer.json["steps"])
    stored = on_both.tenant().offline_token
    assert token not in stored
    assert on_both.runtime.vault.open(stored) == token
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.contract("10.18")
def test_neither_answer_nor_log_shows_a_token(world, caplog):
    caplog.set_level("DEBUG")
    tokens = (world.offline_token(), world.app_token())
    headers = {"Authorization": f"Bearer {tokens[1]}"}

    answer = world.client.post("/api/install", json={"offlineToken": tokens[0]}, headers=headers)

    assert answer.status_code == 200
    assert not any(token in answer.text or token in caplog.text for token in tokens)


def test_an_install_makes_the_custom_field_and_puts_it_on_record(world):
    world.install()

    group = world.in_erp("GET", "/cmn/eav-groups/by-key/variorelay")
    assert [one["key"] for one in group["attributes"]] == ["externalId"]
    assert group["entities"] == ["articleListing"]
    recorded = world.rows("system.queryAppMigrations", "id, identifier, note")
    notes = {one["identifier"]: json.loads(one["note"]) for one in recorded}
    assert notes == {
        "vario-relay.external-id": {"entity": "articleListing"},
        "vario-relay.channels": {"channels": ["42", "43"]},
    }


@pytest.mark.contract("10.10")
@pytest.mark.parametrize("merge", ["deep", "shallow"])
def test_once_it_is_seen_whether_the_custom_fields_of_others_survive_ours(world, merge):
    world.erp("options", merge=merge)
    article = world.articles()[0]
    group = {"key": "theirs", "label": "Theirs", "entities": ["articleListing"]}
    group["attributes"] = [{"key": "note", "label": "Note", "type": "TEXT", "active": True}]
    world.in_erp("POST", "/cmn/eav-groups", json=group)
    (listing,) = [
        one
        for one in world.in_erp("GET", f"/erp/articles/{article}/listings")
        if str(one["salesChannelRef"]["id"]) == "42"
    ]
    path = f"/erp/articles/{article}/listings/{listing['id']}"
    world.in_erp("PATCH", path, json={"custom": {"theirs": {"note": "keep me"}}})

    first = world.install()["foreign-fields"]
    world.writes()
    again = world.refresh()["foreign-fields"]

    assert first["ok"]
    assert first["detail"] == again["detail"]
    assert ("two requests per article" in first["detail"]) == (merge == "shallow")
    assert world.in_erp("GET", path)["custom"]["theirs"] == {"note": "keep me"}
    assert world.writes() == {}


@pytest.mark.parametrize("entity", ["article_listing", "article-listing"])
def test_the_custom_field_is_created_under_the_name_that_the_erp_knows(world, entity):
    world.erp("options", eav_entity=entity)

    step = world.install()["external-id"]
    group = world.in_erp("GET", "/cmn/eav-groups/by-key/variorelay")
    world.in_erp("DELETE", f"/cmn/eav-groups/{group['id']}")
    world.writes()
    again = world.refresh()["external-id"]

    assert step["ok"]
    assert entity in step["detail"]
    assert group["entities"] == [entity]
    assert again["ok"]
    # The name that was found is remembered: it goes first.
    assert world.writes() == {"POST /api/vario/cmn/eav-groups": 1}


@pytest.mark.contract("10.9")
def test_a_second_install_writes_nothing_to_the_erp(world):
    world.install()
    world.add_channel()
    world.refresh()
    world.writes()

    again = world.refresh()

    assert all(one["ok"] for one in again.values())
    assert world.writes() == {}


def test_a_tenant_without_backend_and_channel_gets_both_once(world):
    world.forget_channels()
    world.in_erp("DELETE", "/erp/sales-channels/backend/7")

    first = world.install()
    created = world.rows("sales-channel.salesChannels", "id, label, channelBackend.appId")
    own = [one for one in created if one.get("channelBackend.appId")]
    world.in_erp("DELETE", f"/erp/sales-channels/{own[0]['id']}")
    second = world.refresh()

    assert "was created" in first["backend"]["detail"]
    assert f"sales channel {own[0]['id']} was created" in first["channels"]["detail"]
    assert f"`vario-relay channel add {own[0]['id']} --tenant acme" in first["channels"]["do"]
    assert len(own) == 1
    # Whoever deletes it does not want it back with the next version.
    assert second["channels"] == {
        "step": "channels",
        "ok": True,
        "detail": "the app has no sales channel",
        "do": "add a sales channel for this app in VARIO",
    }
    assert "is there and active" in second["backend"]["detail"]


def test_an_inactive_backend_is_activated(world):
    world.in_erp("PUT", "/erp/sales-channels/backend/7/deactivate", json={})

    step = world.install()["backend"]

    assert "is active again" in step["detail"]
    assert world.in_erp("GET", "/erp/sales-channels/backend/7")["active"] is True


@pytest.mark.contract("10.22")
def test_a_missing_license_is_told_and_stops_nothing_and_later_the_channel_comes(world):
    world.forget_channels()
    world.erp("options", channel_license=False)
    without = world.install()
    world.erp("options", channel_license=True)
    with_license = world.refresh()

    assert without["channels"]["ok"]
    assert "no license for another sales channel" in without["channels"]["detail"]
    assert "order the license" in without["channels"]["do"]
    assert without["columns"]["ok"]
    assert "was created" in with_license["channels"]["detail"]


def test_the_webhooks_of_the_connected_channels_are_registered(world):
    world.install()
    world.add_channel("42")

    step = world.refresh()["webhooks"]

    registered = world.registrations()
    assert step["ok"]
    assert f"{len(registered)} in all" in step["detail"]
    queue = "article(sales-channel-id=42).update"
    assert (queue, f"{PUBLIC_URL}/api/webhooks/article.update/42") in registered
    assert all(url.startswith(f"{PUBLIC_URL}/api/webhooks/") for _queue, url in registered)


def test_an_event_that_the_erp_does_not_offer_is_named_and_is_no_fault(world):
    world.erp("options", missing_queues=["sales_channel.stockChange"])
    world.install()
    world.add_channel()

    steps = world.refresh()

    assert steps["events"]["ok"]
    assert "does not offer: sales_channel.stockChange" in steps["events"]["detail"]
    assert "nightly pass" in steps["events"]["do"]
    assert steps["webhooks"]["ok"]


def test_the_report_says_how_each_topic_is_read(world):
    world.erp("options", profile="rest")

    detail = world.install()["columns"]["detail"]

    assert "price: article by article" in detail
    assert all(SHORT_NAME_BY_TOPIC[topic] in detail for topic in ARTICLE_TOPICS)


@pytest.mark.contract("10.22")
def test_an_error_in_one_step_is_reported_and_not_on_record_and_stops_no_other(world):
    world.erp("faults", kind="500", route="/cmn/eav-groups", count=1)
    failed = world.install()
    after = world.refresh()

    assert not failed["external-id"]["ok"]
    assert "answered 500" in failed["external-id"]["detail"]
    assert "once more" in failed["external-id"]["do"]
    assert all(one["ok"] for name, one in failed.items() if name != "external-id")
    assert after["external-id"]["ok"]
    assert "was created" in after["external-id"]["detail"]


def test_an_erp_that_is_away_leaves_the_tenant_connected_and_the_steps_to_the_next_time(world):
    world.erp("faults", kind="503", route="/api/vario", share=1.0, seconds=600)

    steps = world.install()

    assert steps["tenant"]["ok"]
    asked = set(STEPS) - {"tenant"}
    assert not any(steps[name]["ok"] for name in asked)
    assert all("answered 503" in steps[name]["detail"] for name in asked)
    assert world.tenant().offline_token is not None


# Tokens


def test_a_refresh_without_offline_token_keeps_the_stored_one(world):
    world.install()
    before = world.tenant().offline_token

    steps = world.refresh()

    assert world.tenant().offline_token == before
    assert "keeps its stored offline token" in steps["tenant"]["detail"]


@pytest.mark.parametrize("body", [{}, {"offlineToken": None}, {"offlineToken": ""}])
def test_no_token_given_and_none_stored_is_missing_offline_token(world, body):
    answer = world.post("install", **body)

    assert (answer.status_code, answer.json["error"]) == (400, "MISSING_OFFLINE_TOKEN")
    assert "none is stored" in answer.json["message"]
    assert world.tenant() is None


@pytest.mark.contract("10.23")
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"[]", 400, "NOT_AN_OBJECT"),
        (b"{", 400, "NOT_AN_OBJECT"),
        (b'{"offlineToken": 5}', 400, "BAD_OFFLINE_TOKEN"),
        (b'{"offlineToken": "no token"}', 422, "OFFLINE_TOKEN_REFUSED"),
        (b'{"offlineToken": "' + b"x" * 70_000 + b'"}', 413, "BODY_TOO_LARGE"),
    ],
)
def test_a_body_that_cannot_be_right_is_refused_in_words(world, body, status, code):
    headers = {"Authorization": f"Bearer {world.app_token()}"}

    answer = world.client.post("/api/install", data=body, headers=headers)

    assert (answer.status_code, answer.json["error"]) == (status, code)
    assert answer.json["message"]
    assert answer.headers["x-request-id"]
    assert world.tenant() is None


@pytest.mark.contract("10.7")
def test_a_token_that_the_sign_in_refuses_does_not_replace_a_good_one(world):
    world.install()
    good = world.tenant().offline_token
    world.erp("faults", kind="invalid-grant", count=1)

    answer = world.post("install", offlineToken=world.offline_token())

    assert (answer.status_code, answer.json["error"]) == (422, "OFFLINE_TOKEN_REFUSED")
    assert "OFFLINE_TOKEN_INVALID" in answer.json["message"]
    assert world.tenant().offline_token == good


@pytest.mark.contract("10.8")
def test_nothing_of_the_app_token_goes_to_the_erp(world, monkeypatch):
    sent = []
    from integration.connectors import http

    real = http.Session.send

    def noting(self, request, **kwargs):
        sent.append(request)
        return real(self, request, **kwargs)

    monkeypatch.setattr(http.Session, "send", noting)
    token = world.app_token()
    headers = {"Authorization": f"Bearer {token}"}
    body = {"offlineToken": world.offline_token()}
    assert world.client.post("/api/install", json=body, headers=headers).status_code == 200

    assert len(sent) > 5
    assert not any("X-Forwarded-App-Token" in one.headers for one in sent)
    assert not any(token in str(one.headers) + str(one.body) for one in sent)


@pytest.mark.parametrize("path", ["/api/install", "/api/uninstall"])
def test_without_a_page_the_app_token_may_be_a_parameter_of_a_get(world, path):
    world.install()

    good = world.client.get(f"{path}?appToken={world.app_token()}")
    none = world.client.get(path)
    expired = world.client.get(f"{path}?appToken={world.app_token(expires_s=-60)}")
    posted = world.client.post(f"{path}?appToken={world.app_token()}")

    assert good.status_code == 200
    assert [one.status_code for one in (none, expired, posted)] == [401, 401, 401]
    assert posted.data == b""


# Again


def test_a_reinstall_ends_the_hold_and_compares_what_may_have_been_missed(on_both):
    on_both.install()
    channel_id = on_both.add_channel()
    tenant_id = on_both.tenant().id
    name = f"erp:{tenant_id}"
    with on_both.runtime.scope() as session:
        channels.hold_tenant(session, tenant_id, TenantError("reconnect the app"))
        session.merge(AccessToken(name=name, token="of the former installation"))

    steps = on_both.install()

    with on_both.runtime.scope() as session:
        assert session.get_one(Tenant, tenant_id).held_reason is None
        assert session.get_one(AccessToken, name).token != "of the former installation"
        runs = session.scalars(select(SyncRun)).all()
        assert [(one.channel_id, one.kind) for one in runs] == [(channel_id, "catch-up")]
    assert "is connected again" in steps["tenant"]["detail"]
    assert on_both.wakes


def test_a_refresh_of_a_tenant_that_is_well_compares_nothing(world):
    world.install()
    world.add_channel()

    world.refresh()

    with world.runtime.scope() as session:
        assert session.scalars(select(SyncRun)).all() == []


@pytest.mark.contract("10.20")
def test_two_installs_at_once_create_one_backend_and_one_channel(on_both):
    on_both.forget_channels()
    on_both.in_erp("DELETE", "/erp/sales-channels/backend/7")
    token, headers = on_both.offline_token(), {"Authorization": f"Bearer {on_both.app_token()}"}

    def install():
        own = on_both.client.application.test_client()
        return own.post("/api/install", json={"offlineToken": token}, headers=headers).status_code

    statuses = together([install, install, install])

    assert statuses.count(200) >= 1
    assert set(statuses) <= {200, 409}
    assert len(on_both.rows("sales-channel.salesChannelBackends", "id")) == 1
    channels_there = on_both.rows("sales-channel.salesChannels", "id, channelBackend.appId")
    assert len([one for one in channels_there if one.get("channelBackend.appId")]) == 1
    # And none of them is in the way of the next one.
    assert all(one["ok"] for one in on_both.refresh().values())


@pytest.mark.contract("10.3")
def test_an_install_of_one_tenant_touches_no_other(on_both):
    on_both.install("globex")
    on_both.add_channel("42", "globex", held_reason="the shop refuses the password")
    with on_both.runtime.scope() as session:
        channels.hold_tenant(session, on_both.tenant("globex").id, TenantError("its own trouble"))
    before = vars(on_both.tenant("globex"))
    at_erp = (
        on_both.registrations("globex"),
        on_both.rows("system.queryAppMigrations", "id, identifier", "globex"),
    )

    # The tenant is the one of the app token, whatever else the call says.
    on_both.install("acme", tenantSubdomain="globex", appIdentifier="globex")
    on_both.uninstall("acme")

    after = vars(on_both.tenant("globex"))
    kept = ("offline_token", "held_reason", "uninstalled_at")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert after["held_reason"] == "its own trouble"
    assert at_erp == (
        on_both.registrations("globex"),
        on_both.rows("system.queryAppMigrations", "id, identifier", "globex"),
    )
    with on_both.runtime.scope() as session:
        assert session.scalars(select(SyncRun)).all() == []


def test_an_install_that_takes_too_long_says_what_to_do(sqlite_url, monkeypatch):
    from integration.installation import install as installing_module

    with installing(sqlite_url) as world:
        monkeypatch.setattr(installing_module, "BEGINS_WITHIN_S", 0.0)
        world.install()
        world.add_channel()
        slow = world.refresh()
        monkeypatch.undo()
        after = world.refresh()

    assert not slow["webhooks"]["ok"]
    assert "not finished" in slow["webhooks"]["detail"]
    assert "goes on where it stopped" in slow["webhooks"]["do"]
    assert all(one["ok"] for one in after.values())


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", "ist verbunden"),
        ("de-AT", "ist verbunden"),
        ("en", "is connected"),
        ("fr", "is conn"),
    ],
)
def test_the_report_speaks_the_language_of_the_reader(world, language, words):
    assert words in world.install(language=language)["tenant"]["detail"]


def test_a_fault_of_ours_in_one_step_is_logged_and_told_and_stops_no_other(
    world, monkeypatch, caplog
):
    def crash(_client):
        raise KeyError("active")

    monkeypatch.setattr("integration.erp.app_records.find_backend", crash)

    steps = world.install()

    assert not steps["backend"]["ok"]
    assert "KeyError" in steps["backend"]["detail"]
    assert "find_backend" in caplog.text
    assert all(steps[name]["ok"] for name in STEPS if name not in ("backend", "channels"))
