"""What an app installs and keeps in the ERP: its records, channels, webhooks and their messages."""

import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest

GROUP = {"key": "shop", "label": "Shop", "entities": ["articleListing"], "uiSettings": {},
         "attributes": [{"key": "externalId", "type": "TEXT", "viewMode": "READ_ONLY"},
                        {"key": "sku", "type": "TEXT"}]}
COLUMN = "listings.custom.shop.externalId"
ONLINE = "tenant.online"


def app_path(erp, rest):
    return f"/cmn/apps/{erp.credentials['appIdentifier']}/{rest}"


def first_listing(erp):
    listings = erp.get("/erp/articles/1001/listings")
    return "/erp/articles/1001/listings/" + next(
        one["id"] for one in listings if one["salesChannelRef"]["id"] == "42")


def settled(erp):
    until = time.monotonic() + 5
    while (counts := erp.admin("GET", "webhooks").json())["pending"]:
        assert time.monotonic() < until, counts
        time.sleep(0.01)
    return counts


# --- custom field groups, migrations, secrets, log ------------------------------------------------


def test_a_custom_field_group_is_found_by_key_changed_and_deleted(erp):
    made = erp.call("POST", "/community/latest/cmn/eav-groups", GROUP).json()
    assert erp.get("/cmn/eav-groups/by-key/shop") == made
    assert all(one["id"] for one in made["attributes"])

    path = f"/cmn/eav-groups/{made['id']}"
    changed = erp.call("PUT", path, {**made, "label": "Neu"}).json()

    assert changed == {**made, "label": "Neu"}
    assert erp.call("DELETE", path).status_code == 200
    assert erp.call("GET", "/cmn/eav-groups/by-key/shop").status_code == 404


@pytest.mark.parametrize("wrong", [
    {"key": ""}, {"entities": ["listing"]}, {"attributes": [{"type": "TEXT"}]},
    {"attributes": [{"key": "x", "type": "VARCHAR"}]},
    {"attributes": [{"key": "x", "viewMode": "HIDDEN"}]}])
def test_a_custom_field_group_that_is_wrong_is_422(erp, wrong):
    assert erp.call("POST", "/cmn/eav-groups", {**GROUP, **wrong}).status_code == 422


def test_discovery_offers_a_custom_field_only_while_its_group_exists(erp):
    def offered():
        fields = erp.get("/cmn/computed-queries/article/shopListing/fields")
        return COLUMN in {one["attribute"] for one in fields}

    before = offered()
    made = erp.call("POST", "/cmn/eav-groups", GROUP).json()
    meanwhile = offered()
    erp.call("DELETE", f"/cmn/eav-groups/{made['id']}")

    assert (before, meanwhile, offered()) == (False, True, False)


@pytest.mark.parametrize(("entities", "attribute", "left"), [
    (["articleListing"], None, {}), (["articleListing"], "externalId", {"sku": "2"}),
    (["document"], None, {"externalId": "1", "sku": "2"})])
def test_the_data_of_a_group_can_be_removed(erp, entities, attribute, left):
    made = erp.call("POST", "/cmn/eav-groups", GROUP).json()
    path = first_listing(erp)
    erp.call("PATCH", path, {"custom": {"shop": {"externalId": "1", "sku": "2"}}})
    ids = {one["key"]: one["id"] for one in made["attributes"]}
    body = {"entities": entities} if attribute is None else {
        "entities": entities, "attributeId": ids[attribute]}

    answer = erp.call("POST", f"/cmn/eav-groups/{made['id']}/remove-data", body)

    assert (answer.status_code, answer.text) == (200, "")
    assert erp.get(path)["custom"] == {"shop": left}


def test_a_migration_can_be_recorded_found_and_forgotten(erp):
    app = erp.credentials["appIdentifier"]
    path = "/community/latest/cmn/system/app-migration"
    made = erp.call("POST", path, {"appIdentifier": app, "identifier": "m.one", "note": "{}",
                                      "executedAt": "2026-01-01T00:00:00Z"}).json()
    query = ("SELECT id, identifier, note FROM system.queryAppMigrations WHERE "
             f"appIdentifier = '{app}'")

    assert erp.rows(query) == [{"id": int(made["id"]), "identifier": "m.one", "note": "{}"}]
    assert erp.call("DELETE", f"{path}/{made['id']}").status_code == 200
    assert erp.rows(query) == []
    assert erp.call("DELETE", f"{path}/{made['id']}").status_code == 404
    assert erp.call("POST", path, {"identifier": "x"}).status_code == 422


def test_a_secret_is_kept_under_its_name_and_id(erp):
    made = erp.call("POST", "/cmn/secrets", {"name": "k", "data": [{"key": "a"}]}).json()
    path = f"/cmn/secrets/{made['id']}"

    erp.call("PUT", path, {"data": [{"key": "b"}]})

    assert erp.get("/cmn/secrets/by-name/k")["data"] == erp.get(path)["data"] == [
        {"key": "b"}]
    assert erp.call("POST", "/cmn/secrets", {"name": "k"}).status_code == 422
    assert erp.call("DELETE", "/cmn/secrets/by-name/k").status_code == 200
    assert erp.call("GET", path).status_code == 404


@pytest.mark.parametrize(("level", "status"), [("ERROR", 200), ("LOUD", 422)])
def test_log_entries_are_taken(erp, level, status):
    entry = {"loggerName": "x", "level": level, "message": "m"}

    assert erp.call("POST", "/cmn/system/log-entries", entry).status_code == status


# --- tokens and licenses --------------------------------------------------------------------------


def test_permitted_tokens_say_what_they_are_and_how_long_they_count(erp):
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    body = {"expiresAt": until.isoformat(), "permissions": ["read"]}

    token = erp.call("POST", app_path(erp, "permitted-token"), body).json()["bearerToken"]

    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["tokenType"], claims["permissions"]) == ("PERMITTED_TOKEN", ["read"])
    assert abs(claims["exp"] - until.timestamp()) <= 1
    assert erp.call("POST", app_path(erp, "permitted-token"), {}).status_code == 422


def test_an_app_token_is_issued_to_the_app_itself_and_refreshed_in_its_tenant_only(erp):
    token = erp.call("POST", app_path(erp, "token")).json()["bearerToken"]
    foreign = erp.admin("POST", "token", {"tenant": "beta"}).json()["token"]

    def refreshed(old):
        return erp.session.post(f"{erp.url}/api/vario{app_path(erp, 'refresh-token')}",
                                   data=old, headers={"Content-Type": "text/plain"}).status_code

    assert [refreshed(one) for one in (token, foreign, "x")] == [200, 422, 422]
    assert erp.call("POST", "/cmn/apps/another/token").status_code == 404
    assert [one["identifier"] for one in erp.get("/cmn/apps/installed")] == [
        erp.credentials["appIdentifier"]]


def test_without_a_license_none_is_shown(erp):
    assert [one["licenseKey"] for one in erp.get("/cmn/systems/licenses/")] == ["SALES_CHANNEL"]

    erp.set(channel_license=False)

    assert erp.get("/cmn/systems/licenses/") == []


# --- backends and channels ------------------------------------------------------------------------


def test_a_backend_is_created_found_and_activated(erp):
    app = erp.credentials["appIdentifier"]
    made = erp.call("POST", "/community/latest/erp/sales-channels/backend", {
        "appId": app, "label": "Shop", "type": "APP", "active": False,
        "validChannelTypes": ["ECOMMERCE", "MARKETPLACE"]}).json()

    shown = erp.call("PUT", f"/erp/sales-channels/backend/{made['id']}/activate", {}).json()

    assert (shown["active"], shown["validChannelTypes"]) == (True, ["ECOMMERCE", "MARKETPLACE"])
    found = erp.rows("SELECT id FROM sales-channel.salesChannelBackends WHERE type = 'APP' AND "
                        f"appId = '{app}'")
    assert {"id": int(made["id"])} in found
    in_use = erp.call("DELETE", "/erp/sales-channels/backend/7").status_code
    unused = erp.call("DELETE", f"/erp/sales-channels/backend/{made['id']}").status_code
    assert (in_use, unused) == (409, 200)


def test_a_backend_takes_only_channels_of_its_types(erp):
    body = {"label": "x", "channelBackend": {"id": "7"}, "channelType": "POS"}

    assert erp.call("POST", "/erp/sales-channels", body).status_code == 422
    assert erp.call("POST", "/erp/sales-channels", {**body, "channelType": "ECOMMERCE"}
                       ).status_code == 200


def test_a_channel_that_an_employee_makes_lists_articles_and_is_announced(erp, receiver):
    for change in ("create", "update", "delete"):
        erp.register(f"sales_channel.{change}", f"{receiver.url}/{change}")

    made = erp.admin("POST", "channel", {"label": "Outlet", "articles": 5}).json()
    listed = erp.rows("SELECT id FROM article.shopListing WHERE listings.salesChannel.id = "
                         f"'{made['id']}'")
    receiver.wait(1)
    erp.admin("POST", "channel", {"channel": made["id"], "active": False})
    receiver.wait(2)
    erp.admin("POST", "channel", {"channel": made["id"], "delete": True})

    assert len(listed) == 5
    assert [(path, body) for path, body, _token in receiver.wait(3)] == [
        (change, {"id": made["id"]}) for change in ("create", "update", "delete")]
    assert erp.call("GET", f"/erp/sales-channels/{made['id']}").status_code == 404
    offered = erp.get("/cmn/system/app-message-webhook/destinations")
    assert not [one for one in offered if f"={made['id']})" in one["queue"]]


@pytest.mark.parametrize("body", [
    {"channel": 9}, {"channel": 1, "delete": True}, {"articles": -1}, {"active": "no"}])
def test_a_wrong_change_of_channels_is_400(erp, body):
    assert erp.admin("POST", "channel", body).status_code == 400


# --- messages -------------------------------------------------------------------------------------


def test_a_message_keeps_what_came_with_it(erp):
    body = {"destinationQueue": ONLINE, "event": '{"id": 1}', "eventTopic": "t", "userRef": {}}

    sent = erp.call("POST", "/cmn/system/app-message", body).json()

    assert erp.get(f"/cmn/system/app-message/{sent['id']}") == sent
    assert {name: sent[name] for name in body} == body
    assert erp.call("GET", "/cmn/system/app-message/999").status_code == 404


def test_recipients_go_from_queued_over_failed_to_erroneous_by_the_schedule(erp, receiver):
    erp.set(webhook_retries_s=[0.01, 600])
    receiver.status = 503
    erp.register(ONLINE, receiver.url + "/x")

    sent = erp.call("POST", "/cmn/system/app-message",
                       {"destinationQueue": ONLINE, "event": '{"id": 1}'}).json()
    receiver.wait(2)

    assert sent["recipients"][0]["sentAttempts"] == 0
    until = time.monotonic() + 5
    path = f"/cmn/system/app-message/{sent['id']}"
    while (found := erp.get(path)["recipients"][0])["sentAttempts"] < 2:
        assert time.monotonic() < until
    assert (found["state"], found["response"], found["sentTimestamp"]) == ("FAILED", "503", None)
    assert found["webhook"]["url"] == receiver.url + "/x"


@pytest.mark.parametrize("path", ["{id}/app/{app}", "app/{app}"])
def test_a_paused_app_gets_nothing_more_of_what_waits(erp, receiver, path):
    erp.set(webhook_retries_s=[0.01])
    receiver.status = 503
    receiver.answering.clear()
    erp.register(ONLINE, receiver.url + "/x")
    sent = erp.call("POST", "/cmn/system/app-message",
                       {"destinationQueue": ONLINE, "event": '{"id": 1}'}).json()
    receiver.wait(1)

    app = erp.credentials["appIdentifier"]
    target = path.format(id=sent["id"], app=app)
    assert erp.call("PUT", f"/cmn/system/app-message/{target}/deactivate").status_code == 200
    receiver.answering.set()

    assert settled(erp)["inactive"] == 1
    shown = erp.get(f"/cmn/system/app-message/{sent['id']}")
    assert [one["state"] for one in shown["recipients"]] == ["INACTIVE"]


def test_a_message_that_waits_can_be_given_other_content(erp, receiver):
    erp.set(webhook_retries_s=[0.01])
    receiver.status = 503
    receiver.answering.clear()
    erp.register(ONLINE, receiver.url + "/x")
    sent = erp.call("POST", "/cmn/system/app-message",
                       {"destinationQueue": ONLINE, "event": '{"id": 1}'}).json()
    receiver.wait(1)

    erp.call("PUT", f"/cmn/system/app-message/{sent['id']}", {"event": '{"id": 2}'})
    receiver.answering.set()

    assert [body for _path, body, _token in receiver.wait(2)] == [{"id": 1}, {"id": 2}]
