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


def test_a_custom_field_group_is_found_by_key_changed_and_deleted(shared):
    made = shared.call("POST", "/community/latest/cmn/eav-groups", GROUP).json()
    assert shared.get("/cmn/eav-groups/by-key/shop") == made
    assert all(one["id"] for one in made["attributes"])

    path = f"/cmn/eav-groups/{made['id']}"
    changed = shared.call("PUT", path, {**made, "label": "Neu"}).json()

    assert changed == {**made, "label": "Neu"}
    assert shared.call("DELETE", path).status_code == 200
    assert shared.call("GET", "/cmn/eav-groups/by-key/shop").status_code == 404


@pytest.mark.parametrize("wrong", [
    {"key": ""}, {"entities": ["listing"]}, {"attributes": [{"type": "TEXT"}]},
    {"attributes": [{"key": "x", "type": "VARCHAR"}]},
    {"attributes": [{"key": "x", "viewMode": "HIDDEN"}]}])
def test_a_custom_field_group_that_is_wrong_is_422(shared, wrong):
    assert shared.call("POST", "/cmn/eav-groups", {**GROUP, **wrong}).status_code == 422


def test_discovery_offers_a_custom_field_only_while_its_group_exists(shared):
    def offered():
        fields = shared.get("/cmn/computed-queries/article/shopListing/fields")
        return COLUMN in {one["attribute"] for one in fields}

    before = offered()
    made = shared.call("POST", "/cmn/eav-groups", GROUP).json()
    meanwhile = offered()
    shared.call("DELETE", f"/cmn/eav-groups/{made['id']}")

    assert (before, meanwhile, offered()) == (False, True, False)


@pytest.mark.parametrize(("entities", "attribute", "left"), [
    (["articleListing"], None, {}), (["articleListing"], "externalId", {"sku": "2"}),
    (["document"], None, {"externalId": "1", "sku": "2"})])
def test_the_data_of_a_group_can_be_removed(shared, entities, attribute, left):
    made = shared.call("POST", "/cmn/eav-groups", GROUP).json()
    path = first_listing(shared)
    shared.call("PATCH", path, {"custom": {"shop": {"externalId": "1", "sku": "2"}}})
    ids = {one["key"]: one["id"] for one in made["attributes"]}
    body = {"entities": entities} if attribute is None else {
        "entities": entities, "attributeId": ids[attribute]}

    answer = shared.call("POST", f"/cmn/eav-groups/{made['id']}/remove-data", body)

    assert (answer.status_code, answer.text) == (200, "")
    assert shared.get(path)["custom"] == {"shop": left}


def test_a_migration_can_be_recorded_found_and_forgotten(shared):
    app = shared.credentials["appIdentifier"]
    path = "/community/latest/cmn/system/app-migration"
    made = shared.call("POST", path, {"appIdentifier": app, "identifier": "m.one", "note": "{}",
                                      "executedAt": "2026-01-01T00:00:00Z"}).json()
    query = ("SELECT id, identifier, note FROM system.queryAppMigrations WHERE "
             f"appIdentifier = '{app}'")

    assert shared.rows(query) == [{"id": int(made["id"]), "identifier": "m.one", "note": "{}"}]
    assert shared.call("DELETE", f"{path}/{made['id']}").status_code == 200
    assert shared.rows(query) == []
    assert shared.call("DELETE", f"{path}/{made['id']}").status_code == 404
    assert shared.call("POST", path, {"identifier": "x"}).status_code == 422


def test_a_secret_is_kept_under_its_name_and_id(shared):
    made = shared.call("POST", "/cmn/secrets", {"name": "k", "data": [{"key": "a"}]}).json()
    path = f"/cmn/secrets/{made['id']}"

    shared.call("PUT", path, {"data": [{"key": "b"}]})

    assert shared.get("/cmn/secrets/by-name/k")["data"] == shared.get(path)["data"] == [
        {"key": "b"}]
    assert shared.call("POST", "/cmn/secrets", {"name": "k"}).status_code == 422
    assert shared.call("DELETE", "/cmn/secrets/by-name/k").status_code == 200
    assert shared.call("GET", path).status_code == 404


@pytest.mark.parametrize(("level", "status"), [("ERROR", 200), ("LOUD", 422)])
def test_log_entries_are_taken(shared, level, status):
    entry = {"loggerName": "x", "level": level, "message": "m"}

    assert shared.call("POST", "/cmn/system/log-entries", entry).status_code == status


# --- tokens and licenses --------------------------------------------------------------------------


def test_permitted_tokens_say_what_they_are_and_how_long_they_count(shared):
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    body = {"expiresAt": until.isoformat(), "permissions": ["read"]}

    token = shared.call("POST", app_path(shared, "permitted-token"), body).json()["bearerToken"]

    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["tokenType"], claims["permissions"]) == ("PERMITTED_TOKEN", ["read"])
    assert abs(claims["exp"] - until.timestamp()) <= 1
    assert shared.call("POST", app_path(shared, "permitted-token"), {}).status_code == 422


def test_an_app_token_is_issued_to_the_app_itself_and_refreshed_in_its_tenant_only(shared):
    token = shared.call("POST", app_path(shared, "token")).json()["bearerToken"]
    foreign = shared.admin("POST", "token", {"tenant": "beta"}).json()["token"]

    def refreshed(old):
        return shared.session.post(f"{shared.url}/api/vario{app_path(shared, 'refresh-token')}",
                                   data=old, headers={"Content-Type": "text/plain"}).status_code

    assert [refreshed(one) for one in (token, foreign, "x")] == [200, 422, 422]
    assert shared.call("POST", "/cmn/apps/another/token").status_code == 404
    assert [one["identifier"] for one in shared.get("/cmn/apps/installed")] == [
        shared.credentials["appIdentifier"]]


def test_without_a_license_none_is_shown(shared):
    assert [one["licenseKey"] for one in shared.get("/cmn/systems/licenses/")] == ["SALES_CHANNEL"]

    shared.set(channel_license=False)

    assert shared.get("/cmn/systems/licenses/") == []


# --- backends and channels ------------------------------------------------------------------------


def test_a_backend_is_created_found_and_activated(shared):
    app = shared.credentials["appIdentifier"]
    made = shared.call("POST", "/community/latest/erp/sales-channels/backend", {
        "appId": app, "label": "Shop", "type": "APP", "active": False,
        "validChannelTypes": ["ECOMMERCE", "MARKETPLACE"]}).json()

    shown = shared.call("PUT", f"/erp/sales-channels/backend/{made['id']}/activate", {}).json()

    assert (shown["active"], shown["validChannelTypes"]) == (True, ["ECOMMERCE", "MARKETPLACE"])
    found = shared.rows("SELECT id FROM sales-channel.salesChannelBackends WHERE type = 'APP' AND "
                        f"appId = '{app}'")
    assert {"id": int(made["id"])} in found
    in_use = shared.call("DELETE", "/erp/sales-channels/backend/7").status_code
    unused = shared.call("DELETE", f"/erp/sales-channels/backend/{made['id']}").status_code
    assert (in_use, unused) == (409, 200)


def test_a_backend_takes_only_channels_of_its_types(shared):
    body = {"label": "x", "channelBackend": {"id": "7"}, "channelType": "POS"}

    assert shared.call("POST", "/erp/sales-channels", body).status_code == 422
    assert shared.call("POST", "/erp/sales-channels", {**body, "channelType": "ECOMMERCE"}
                       ).status_code == 200


def test_a_channel_that_an_employee_makes_lists_articles_and_is_announced(shared, receiver):
    for change in ("create", "update", "delete"):
        shared.register(f"sales_channel.{change}", f"{receiver.url}/{change}")

    made = shared.admin("POST", "channel", {"label": "Outlet", "articles": 5}).json()
    listed = shared.rows("SELECT id FROM article.shopListing WHERE listings.salesChannel.id = "
                         f"'{made['id']}'")
    receiver.wait(1)
    shared.admin("POST", "channel", {"channel": made["id"], "active": False})
    receiver.wait(2)
    shared.admin("POST", "channel", {"channel": made["id"], "delete": True})

    assert len(listed) == 5
    assert [(path, body) for path, body, _token in receiver.wait(3)] == [
        (change, {"id": made["id"]}) for change in ("create", "update", "delete")]
    assert shared.call("GET", f"/erp/sales-channels/{made['id']}").status_code == 404
    offered = shared.get("/cmn/system/app-message-webhook/destinations")
    assert not [one for one in offered if f"={made['id']})" in one["queue"]]


@pytest.mark.parametrize("body", [
    {"channel": 9}, {"channel": 1, "delete": True}, {"articles": -1}, {"active": "no"}])
def test_a_wrong_change_of_channels_is_400(shared, body):
    assert shared.admin("POST", "channel", body).status_code == 400


# --- messages -------------------------------------------------------------------------------------


def test_a_message_keeps_what_came_with_it(shared):
    body = {"destinationQueue": ONLINE, "event": '{"id": 1}', "eventTopic": "t", "userRef": {}}

    sent = shared.call("POST", "/cmn/system/app-message", body).json()

    assert shared.get(f"/cmn/system/app-message/{sent['id']}") == sent
    assert {name: sent[name] for name in body} == body
    assert shared.call("GET", "/cmn/system/app-message/999").status_code == 404


def test_recipients_go_from_queued_over_failed_to_erroneous_by_the_schedule(shared, receiver):
    shared.set(webhook_retries_s=[0.01, 600])
    receiver.status = 503
    shared.register(ONLINE, receiver.url + "/x")

    sent = shared.call("POST", "/cmn/system/app-message",
                       {"destinationQueue": ONLINE, "event": '{"id": 1}'}).json()
    receiver.wait(2)

    assert sent["recipients"][0]["sentAttempts"] == 0
    until = time.monotonic() + 5
    path = f"/cmn/system/app-message/{sent['id']}"
    while (found := shared.get(path)["recipients"][0])["sentAttempts"] < 2:
        assert time.monotonic() < until
    assert (found["state"], found["response"], found["sentTimestamp"]) == ("FAILED", "503", None)
    assert found["webhook"]["url"] == receiver.url + "/x"


@pytest.mark.parametrize("path", ["{id}/app/{app}", "app/{app}"])
def test_a_paused_app_gets_nothing_more_of_what_waits(shared, receiver, path):
    shared.set(webhook_retries_s=[0.01])
    receiver.status = 503
    receiver.answering.clear()
    shared.register(ONLINE, receiver.url + "/x")
    sent = shared.call("POST", "/cmn/system/app-message",
                       {"destinationQueue": ONLINE, "event": '{"id": 1}'}).json()
    receiver.wait(1)

    app = shared.credentials["appIdentifier"]
    target = path.format(id=sent["id"], app=app)
    assert shared.call("PUT", f"/cmn/system/app-message/{target}/deactivate").status_code == 200
    receiver.answering.set()

    assert settled(shared)["inactive"] == 1
    shown = shared.get(f"/cmn/system/app-message/{sent['id']}")
    assert [one["state"] for one in shown["recipients"]] == ["INACTIVE"]


def test_a_message_that_waits_can_be_given_other_content(shared, receiver):
    shared.set(webhook_retries_s=[0.01])
    receiver.status = 503
    receiver.answering.clear()
    shared.register(ONLINE, receiver.url + "/x")
    sent = shared.call("POST", "/cmn/system/app-message",
                       {"destinationQueue": ONLINE, "event": '{"id": 1}'}).json()
    receiver.wait(1)

    shared.call("PUT", f"/cmn/system/app-message/{sent['id']}", {"event": '{"id": 2}'})
    receiver.answering.set()

    assert [body for _path, body, _token in receiver.wait(2)] == [{"id": 1}, {"id": 2}]
