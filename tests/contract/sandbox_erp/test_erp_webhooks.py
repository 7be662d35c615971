"""An edit in the ERP, and the webhooks that reach the app because of it."""

import time

import jwt
import pytest

ARTICLE_UPDATE = "article(sales-channel-id=42).update"
STOCK = "sales_channel.stockChange"


def listing_of(erp, article_id="1001"):
    listings = erp.get(f"/erp/articles/{article_id}/listings")
    return next(one for one in listings if one["salesChannelRef"]["id"] == "42")


def idle(erp, timeout_s=5.0):
    """The courier's counts, once nothing is pending."""
    until = time.monotonic() + timeout_s
    while (counts := erp.admin("GET", "webhooks").json())["pending"]:
        assert time.monotonic() < until, counts
        time.sleep(0.01)
    return counts


def test_a_webhook_carries_an_es256_app_token_of_its_tenant(erp, receiver):
    erp.register(ARTICLE_UPDATE, receiver.url + "/hooks/42")

    erp.edit("1001", set={"name": "Neu"})

    [(path, body, token)] = receiver.wait(1)
    key = jwt.PyJWK(erp.credentials["jwk"]["keys"][0])
    claims = jwt.decode(token, key.key, ["ES256"], audience=erp.credentials["appIdentifier"])
    assert path == "hooks/42"
    assert body == {"articleId": 1001, "listingId": int(listing_of(erp)["id"])}
    assert claims["tenantSubdomain"] == "acme"
    assert claims["exp"] - claims["iat"] == 600
    assert jwt.get_unverified_header(token)["kid"] == erp.credentials["jwk"]["keys"][0]["kid"]
    assert claims["jti"]


def test_an_edit_sends_exactly_the_events_of_what_was_set(erp):
    price = erp.get("/erp/products/sales-price-by-selection?articleId=1001&salesChannelId=42")

    def queues(**values):
        return [(one["queue"], sorted(one["payload"])) for one in
                erp.edit("1001", set=values)["events"]]

    ids = ["articleId", "listingId"]
    assert queues(active=False) == [(ARTICLE_UPDATE, ids), (
        "article(sales-channel-id=43).update", ids), ("article.update", ids)]
    assert queues(stock=7) == [(STOCK, ["id"])]
    assert queues(gross=12.5) == [("article-price.update", ["articleId", "priceId"])]
    assert queues(gross=None) == [("article-price.delete", ["articleId", "priceId"])]
    assert queues(net=1) == [("article-price.create", ["articleId", "priceId"])]
    assert queues(media=True)[0][0] == "article(sales-channel-id=42)-shelf.update"
    assert int(price["id"]) == erp.edit("1001", set={"net": 2})["events"][0]["payload"]["priceId"]


def test_a_silent_edit_changes_the_article_and_sends_nothing(erp):
    erp.register(STOCK, "http://127.0.0.1:9/never")

    answer = erp.edit("1001", set={"stock": 5}, silent=True)

    assert (answer["events"], answer["article"]["stock"]) == ([], 5)
    assert idle(erp)["queued"] == 0


@pytest.mark.parametrize(("mode", "ids"), [("article", [1001]), ("channel", [42, 43])])
def test_the_id_of_a_stock_change_is_the_article_or_the_channel(start, mode, ids):
    erp = start(stock_change_id=mode)

    sent = erp.edit("1001", set={"stock": 9})["events"]

    assert [one["payload"]["id"] for one in sent] == ids


def test_one_registration_counts_once_and_a_second_address_gets_its_own(erp, receiver):
    for path in ("/a", "/a", "/b"):
        erp.register(STOCK, receiver.url + path)

    erp.edit("1001", set={"stock": 9})

    assert sorted(path for path, _body, _token in receiver.wait(2)) == ["a", "b"]
    assert idle(erp)["sent"] == 2
    rows = erp.rows("SELECT destinationQueue, url FROM system.queryAppMessageWebhook WHERE "
                    f"appIdentifier = '{erp.credentials['appIdentifier']}'")
    assert [row["url"].rsplit("/", 1)[1] for row in rows] == ["a", "b"]


def test_after_deregistering_nothing_is_sent(erp):
    body = {"destinationQueue": STOCK, "url": "http://127.0.0.1:9/never"}
    erp.register(STOCK, body["url"])
    path = "/cmn/system/app-message-webhook/deregister"

    assert erp.call("POST", path, body).status_code == 200
    assert erp.edit("1001", set={"stock": 9})["events"][0]["recipients"] == 0
    assert erp.call("POST", path, body).status_code == 404


def test_the_suppress_header_spares_the_writing_app_and_no_other(erp, receiver):
    listing = listing_of(erp)
    path = f"/erp/articles/1001/listings/{listing['id']}"
    erp.register(ARTICLE_UPDATE, receiver.url + "/own")
    erp.register(ARTICLE_UPDATE, receiver.url + "/other", appIdentifier="another-app")

    erp.call("PATCH", path, {"custom": {"shop": {"id": "1"}}},
             headers={"x-vario-suppress-own-webhooks": "true"})
    assert [one[0] for one in receiver.wait(1)] == ["other"]

    erp.call("PATCH", path, {"custom": {"shop": {"id": "2"}}})
    assert sorted(one[0] for one in receiver.wait(3)) == ["other", "other", "own"]


def test_a_refused_webhook_is_tried_again_and_then_given_up(start, receiver):
    erp = start(webhook_retries_s=(0.01, 0.01))
    erp.register(STOCK, receiver.url + "/x")
    receiver.status = 500

    erp.edit("1001", set={"stock": 9})
    receiver.wait(3)

    delivery = idle(erp)["deliveries"][0]
    assert (delivery["state"], delivery["attempts"], delivery["response"]) == (
        "ERRONEOUS", 3, "500")


def test_a_webhook_that_fails_once_arrives_later(start, receiver):
    erp = start(webhook_retries_s=(0.2,))
    erp.register(STOCK, receiver.url + "/x")
    receiver.status = 503
    erp.edit("1001", set={"stock": 9})
    receiver.wait(1)

    receiver.status = 200

    receiver.wait(2)
    assert idle(erp)["deliveries"][0]["state"] == "SENT"


@pytest.mark.parametrize(("kind", "arrived"), [
    ("webhook-drop", [2, 3]), ("webhook-duplicate", [1, 1, 2, 3]), ("webhook-delay", [2, 3, 1]),
    ("webhook-reorder", [2, 3, 1])])
def test_webhook_faults_hit_the_next_one(erp, receiver, kind, arrived):
    erp.register("tenant.online", receiver.url + "/x")
    erp.fault(kind, seconds=0.3) if kind == "webhook-delay" else erp.fault(kind)

    for number in (1, 2, 3):
        erp.call("POST", "/cmn/system/app-message",
                 {"destinationQueue": "tenant.online", "event": f'{{"id": {number}}}'})

    found = [body["id"] for _path, body, _token in receiver.wait(len(arrived))]
    assert sorted(found) == sorted(arrived)
    assert idle(erp)["pending"] == 0
    if kind in ("webhook-delay", "webhook-reorder"):
        assert found[-1] == 1


def test_a_message_shows_its_recipients(erp, receiver):
    erp.register("tenant.online", receiver.url + "/x")

    sent = erp.call("POST", "/cmn/system/app-message",
                    {"destinationQueue": "tenant.online", "event": '{"id": 1}'}).json()
    receiver.wait(1)
    idle(erp)

    shown = erp.get(f"/cmn/system/app-message/{sent['id']}")
    assert shown["event"] == '{"id": 1}'
    assert [one["state"] for one in shown["recipients"]] == ["SENT"]


def test_a_burst_makes_the_edits_and_the_extra_deliveries_it_was_asked_for(erp, receiver):
    erp.register(STOCK, receiver.url + "/x")

    plan = erp.admin("POST", "burst", {"articles": 5, "edits": 40, "seconds": 0,
                                       "topics": ["stock"], "duplicates": 0.25, "seed": 3}).json()

    received = receiver.wait(50)  # 40 edits and a quarter again
    counts = idle(erp)
    status = erp.admin("GET", "burst").json()
    assert plan["edits"] == 40
    assert len({body["id"] for _path, body, _token in received}) == 5
    assert (counts["sent"], status["edits_done"], status["running"]) == (50, 40, False)


def test_a_tenants_webhooks_go_to_its_own_registrations_with_its_own_token(erp, receiver):
    other = type(erp)(erp.url, "beta")
    erp.register(STOCK, receiver.url + "/acme")
    other.register(STOCK, receiver.url + "/beta")
    article = other.state("?tenant=beta")[0]

    other.edit(article["id"], set={"stock": 1}, tenant="beta")

    [(path, body, token)] = receiver.wait(1)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (path, body["id"], claims["tenantSubdomain"]) == ("beta", int(article["id"]), "beta")


def test_a_channel_that_comes_and_goes_is_announced(erp, receiver):
    for change in ("create", "update", "delete"):
        erp.register(f"sales_channel.{change}", f"{receiver.url}/{change}")
    backend = erp.rows("SELECT id FROM sales-channel.salesChannelBackends")[0]["id"]

    created = erp.call("POST", "/erp/sales-channels",
                       {"label": "Dritter", "channelBackend": {"id": str(backend)}}).json()
    erp.call("PUT", f"/erp/sales-channels/{created['id']}/deactivate", {})
    erp.call("DELETE", f"/erp/sales-channels/{created['id']}")

    sent = sorted((path, body["id"]) for path, body, _token in receiver.wait(3))
    assert sent == [(name, int(created["id"])) for name in ("create", "delete", "update")]


def test_without_a_license_no_channel_is_created(start):
    erp = start(channel_license=False)

    answer = erp.call("POST", "/erp/sales-channels", {"label": "x", "channelBackend": {"id": "7"}})

    assert answer.status_code == 402
