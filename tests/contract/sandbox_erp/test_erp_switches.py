"""Both sides of what is not known of the real ERP (vario-erp.md appendix B), chosen by option."""

import time
from email.utils import parsedate_to_datetime

import jwt
import pytest

CHANNEL = "listings.salesChannel.id = '42'"
PRICES = "SELECT id, netSalesPrice, grossSalesPrice, stockAvailable FROM article.shopListing WHERE "
APP_MESSAGE = "/cmn/system/app-message"
WEBHOOK = "/cmn/system/app-message-webhook"
TOKEN_PATH = "/protocol/openid-connect/token"


def listing_path(erp, article_id="1001", channel="42"):
    listing = next(one for one in erp.get(f"/erp/articles/{article_id}/listings")
                   if one["salesChannelRef"]["id"] == channel)
    return f"/erp/articles/{article_id}/listings/{listing['id']}"


@pytest.mark.parametrize("wanted", [
    {"merge": "x"}, {"conflict_status": 500}, {"ids": 1}, {"missing_columns": "x"},
    {"column_lies": ["tax"]}, {"webhook_retries_s": [-1]}, {"vql_limit": 0}, {"nothing": 1},
    {"price_currency": "euro"}, {"price_currency": ""}, {"currency_column": "chf"}])
def test_an_option_that_makes_no_sense_is_400_and_changes_nothing(erp, wanted):
    before = erp.admin("GET", "options").json()

    answer = erp.admin("POST", "options", wanted)

    assert answer.status_code == 400
    assert next(iter(wanted)) in answer.json()["message"]
    assert erp.admin("GET", "options").json() == before


# --- events ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "article", "price"), [
    ("all", {"articleId", "listingId"}, {"articleId", "priceId"}),
    ("article", {"articleId"}, {"articleId"}),
    ("detail", {"listingId"}, {"priceId"}),
    ("entityId", {"entityId"}, {"entityId"}),
])
def test_events_carry_the_ids_that_were_chosen(erp, choice, article, price):
    erp.set(event_ids=choice)

    sent = erp.edit("1001", set={"name": "x", "gross": 5})["events"]

    by_queue = {one["queue"]: set(one["payload"]) for one in sent}
    assert by_queue["article(sales-channel-id=42).update"] == article
    assert by_queue["article-price.update"] == price


def test_ids_of_events_and_rows_can_be_texts_and_those_of_rest_numbers(erp):
    def kinds():
        row = erp.rows(f"SELECT id, listings.id FROM article.shopListing WHERE {CHANNEL} "
                          "AND id IN ('1001')")[0]
        [event] = erp.edit("1001", set={"stock": 1})["events"]
        return (type(erp.get("/erp/articles/1001")["id"]), type(row["id"]),
                type(row["listings.id"]), type(event["payload"]["id"]))

    assert kinds() == (str, int, int, int)
    erp.set(ids="text")
    assert kinds() == (str, str, str, str)
    erp.set(ids="number")
    assert kinds() == (int, int, int, int)


def test_what_apps_keep_is_never_retyped(erp):
    path = listing_path(erp)
    erp.call("PATCH", path, {"custom": {"shop": {"externalId": "42"}}})

    erp.set(ids="number")

    assert erp.get(path)["custom"] == {"shop": {"externalId": "42"}}


@pytest.mark.parametrize(("choice", "deliveries"), [("once", 1), ("twice", 2), ("409", 1)])
def test_registering_twice_is_ignored_doubles_or_is_refused(erp, choice, deliveries):
    erp.set(register_twice=choice)
    body = {"destinationQueue": "tenant.online", "url": "http://127.0.0.1:9/never"}

    answers = [erp.call("POST", f"{WEBHOOK}/register", body).status_code for _ in range(2)]

    assert answers == [200, 409 if choice == "409" else 200]
    sent = erp.call("POST", APP_MESSAGE,
                       {"destinationQueue": "tenant.online", "event": '{"id": 1}'}).json()
    assert len(sent["recipients"]) == deliveries
    assert erp.call("POST", f"{WEBHOOK}/deregister", body).status_code == 200
    assert erp.admin("GET", "registrations").json() == []


def test_queues_can_be_missing_and_then_nobody_registers_for_them(erp):
    erp.set(missing_queues=["shipment.", "-shelf.update"])

    offered = {one["queue"] for one in erp.get(f"{WEBHOOK}/destinations")}
    answer = erp.call("POST", f"{WEBHOOK}/register",
                         {"destinationQueue": "shipment.parcel.completed", "url": "http://x/"})

    assert not [queue for queue in offered if "shipment." in queue or "shelf.update" in queue]
    assert "article(sales-channel-id=42).update" in offered
    assert answer.status_code == 404


@pytest.mark.parametrize(("choice", "attempts"), [("retry", 3), ("give-up", 1)])
def test_an_address_that_is_gone_is_tried_again_or_given_up(erp, receiver, choice, attempts):
    erp.set(webhook_gone=choice, webhook_retries_s=[0.01, 0.01])
    receiver.status = 410
    erp.register("tenant.online", receiver.url + "/x")

    erp.admin("POST", "online", {})

    until = time.monotonic() + 5
    while (counts := erp.admin("GET", "webhooks").json())["pending"]:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert (counts["erroneous"], counts["attempts"]) == (1, attempts)


@pytest.mark.parametrize(("choice", "where"), [
    ("bearer", "header"), ("query", "address"), ("none", None)])
def test_the_token_of_a_webhook_travels_as_was_chosen(erp, receiver, choice, where):
    erp.set(webhook_auth=choice)
    erp.register("tenant.online", receiver.url + "/x")

    erp.admin("POST", "online", {})

    receiver.wait(1)
    assert receiver.token_was_in == [where]


@pytest.mark.parametrize(("scope", "method", "heard"), [
    ("own", "PATCH", ["other"]), ("own", "PUT", ["other"]), ("all", "PATCH", []),
    ("patch", "PATCH", ["other"]), ("patch", "PUT", ["other", "own"]),
    ("none", "PATCH", ["other", "own"])])
def test_the_suppress_header_reaches_as_far_as_was_chosen(erp, receiver, scope, method, heard):
    erp.set(suppress=scope)
    path = listing_path(erp)
    version = erp.get(path)["version"]
    erp.register("article(sales-channel-id=42).update", receiver.url + "/own")
    erp.register("article(sales-channel-id=42).update", receiver.url + "/other",
                    appIdentifier="another-app")

    erp.call(method, path, {"custom": {"shop": {"id": "1"}}, "version": version},
                headers={"x-vario-suppress-own-webhooks": "true"})

    assert sorted(one[0] for one in receiver.wait(len(heard))) == heard
    assert erp.admin("GET", "webhooks").json()["queued"] == len(heard)


# --- tokens and rate limit ------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "value"), [("number", 30), ("text", "30"), ("omitted", None)])
def test_the_token_answer_says_its_lifetime_as_was_chosen(erp, choice, value):
    erp.set(access_token_s=30, token_expires_in=choice)

    assert erp.token_call().json().get("expires_in") == value


def test_the_token_answer_can_bring_another_offline_token_that_works_too(erp):
    old = erp.credentials["offlineToken"]
    erp.set(refresh_token="new")

    new = erp.token_call().json()["refresh_token"]

    assert new != old
    assert erp.token_call(refresh_token=new).status_code == 200
    assert erp.token_call(refresh_token=old).status_code == 200
    erp.set(refresh_token="omitted")
    assert "refresh_token" not in erp.token_call().json()


def test_app_tokens_take_lifetime_audience_and_subject_from_the_options(erp):
    erp.set(app_token_s=60, app_token_aud="list", app_token_sub="omitted")

    claims = jwt.decode(erp.admin("POST", "token", {}).json()["token"],
                        options={"verify_signature": False})

    assert claims["aud"] == [erp.credentials["appIdentifier"]]
    assert claims["exp"] - claims["iat"] == 60
    assert "sub" not in claims


def test_429_can_name_the_moment_instead_of_the_delay(start):
    erp = start(rate_limit=1, rate_window_s=60, rate_header="http-date", rate_body="empty")
    erp.get("/cmn/users/me")

    answer = erp.call("GET", "/cmn/users/me")

    left = parsedate_to_datetime(answer.headers["Retry-After"]).timestamp() - time.time()
    assert (answer.status_code, answer.text) == (429, "")
    assert 50 < left <= 62


def test_tenants_share_one_bucket_if_the_limit_is_the_clients(start):
    erp = start(rate_limit=1, rate_window_s=60, rate_scope="client", rate_body="api-error")
    other = type(erp)(erp.url, "beta")

    answers = [client.call("GET", "/cmn/users/me") for client in (erp, other)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json()["trackingId"]


# --- computed queries -----------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "lengths"), [("sent", {1}), ("omitted", {0})])
def test_nulls_are_all_sent_or_all_omitted(erp, choice, lengths):
    erp.set(nulls=choice)

    rows = erp.rows(f"SELECT listings.custom.a.b FROM article.shopListing WHERE {CHANNEL}")

    assert {len(row) for row in rows} == lengths


def test_an_article_can_be_one_row_with_its_listings_as_a_collection(erp):
    erp.set(listing_rows="meta")

    answer = erp.query("SELECT id,\n--v:result{displayname='on'}\nlistings.salesChannel.id, "
                          "listings.listed FROM article.shopListing ORDER BY id", limit=2)

    columns, rows = answer.json()["definition"], answer.json()["data"]
    assert [one["_type"] for one in columns] == ["attribute", "meta"]
    assert columns[1]["definition"]["path"] == "listings"
    assert [one["displayName"] for one in columns[1]["value"]] == ["on", "listings.listed"]
    assert [row["id"] for row in rows] == [1001, 1002]
    assert [one["listings.salesChannel.id"] for one in rows[0]["listings"]] == [1, 42, 43]
    one_channel = erp.rows(f"SELECT id, listings.id FROM article.shopListing WHERE {CHANNEL}")
    assert {len(row["listings"]) for row in one_channel} == {1}


@pytest.mark.parametrize(("lie", "columns"), [
    ("price", {"netSalesPrice", "grossSalesPrice"}), ("stock", {"stockAvailable"})])
def test_a_column_that_lies_differs_from_rest_and_the_others_do_not(erp, lie, columns):
    told = erp.rows(PRICES + CHANNEL)
    erp.set(column_lies=[lie])

    lied = erp.rows(PRICES + CHANNEL)

    differing = {name for one, other in zip(told, lied, strict=True)
                 for name in one if other.get(name) != one[name] and one[name] is not None}
    assert differing == columns
    first = erp.get("/erp/articles/1001/stocks?salesChannelId=42")["stockAvailable"]
    assert first == next(row["stockAvailable"] for row in told if row["id"] == 1001)


def test_prices_can_be_in_another_currency_that_no_column_tells(erp):
    erp.edit("1001", set={"gross": 11.9, "prices": [
        {"gross": 9.52, "from": 10}, {"gross": 9, "from": 10, "currency": "USD"}]})
    erp.set(price_currency="CHF")

    selected = erp.get("/erp/products/sales-price-by-selection?articleId=1001&salesChannelId=42")
    records = erp.get("/erp/products/sales-prices/1001")

    assert selected["currencyRef"] == {"id": "2", "label": "CHF", "isoCode": "CHF"}
    assert [one["currencyRef"]["isoCode"] for one in records] == ["CHF", "CHF", "USD"]
    fields = erp.get("/cmn/computed-queries/article/shopListing/fields")
    assert not [one for one in fields if "currency" in one["attribute"].lower()]


def test_a_column_may_tell_a_currency_and_need_not_be_right(erp):
    erp.set(currency_column="EUR", price_currency="CHF")
    erp.edit("1001", set={"gross": 11.9})
    erp.edit("1002", set={"gross": None, "net": None})

    rows = erp.rows("SELECT id, salesPriceCurrency.isoCode FROM article.shopListing WHERE "
                    f"{CHANNEL} AND id IN ('1001', '1002')")

    assert [one.get("salesPriceCurrency.isoCode") for one in rows] == ["EUR", None]


def test_a_column_can_vanish_while_it_runs(erp):
    erp.set(missing_columns=["stockAvailable", "listings.custom.a.b"])

    fields = erp.get("/cmn/computed-queries/article/shopListing/fields")
    answers = [erp.query(f"SELECT {name} FROM article.shopListing")
               for name in ("stockAvailable", "listings.custom.a.b", "id")]

    assert "stockAvailable" not in {one["attribute"] for one in fields}
    assert [answer.status_code for answer in answers] == [422, 422, 200]
    assert "stockAvailable" in answers[0].text


@pytest.mark.parametrize(("choice", "ids"), [
    ("exact", [1001, 1002, 1003, 1004, 1005, 1006]),
    ("repeat", [1001, 1002, 1002, 1003, 1003, 1004]),
    ("skip", [1001, 1002, 1004, 1005, 1007, 1008])])
def test_pages_repeat_or_skip_the_row_at_their_border(erp, choice, ids):
    erp.set(vql_pages=choice)
    seen, offset = [], 0

    for _page in range(3):
        answer = erp.query("SELECT id FROM article.query ORDER BY id", limit=2, offset=offset)
        seen += [row["id"] for row in answer.json()["data"]]
        offset = int(answer.headers["x-query-next-offset"])

    assert seen == ids


def test_page_lengths_and_what_happens_above_them_can_be_chosen(erp):
    erp.set(vql_limit=3, vql_most=5)

    def length(**paging):
        return len(erp.rows("SELECT id FROM article.query", **paging))

    assert (length(), length(limit=4), length(limit=9)) == (3, 4, 5)
    erp.set(vql_over_limit="422")
    assert erp.query("SELECT id FROM article.query", limit=9).status_code == 422


@pytest.mark.parametrize(("choice", "count"), [("statement", 2), ("body", 4)])
def test_the_statements_window_or_the_body_wins(erp, choice, count):
    erp.set(vql_window=choice)

    assert len(erp.rows("SELECT id FROM article.query LIMIT 2", limit=4)) == count


@pytest.mark.parametrize(("where", "status"), [
    ("id IN ('1001') AND active = 'true' AND number LIKE '%A%' AND number NOTNULL", 200),
    ("id != '1'", 422), ("id > '1'", 422), ("id = 1 OR id = 2", 422), ("number ISNULL", 422),
    ("NOT id = 1", 422), ("id BETWEEN 1 AND 2", 422)])
def test_only_attested_predicates_are_taken_if_so_chosen(erp, where, status):
    query = f"SELECT id FROM article.query WHERE {where}"
    assert erp.query(query).status_code == 200

    erp.set(vql_grammar="attested")

    assert erp.query(query).status_code == status


# --- custom fields, prices, versions, permissions -------------------------------------------------


@pytest.mark.parametrize("entity", ["articleListing", "article_listing", "article-listing"])
def test_only_one_name_of_the_listing_can_be_right_for_custom_fields(erp, entity):
    names = ("articleListing", "article_listing", "article-listing")
    erp.set(eav_entity=entity)

    answers = {name: erp.call("POST", "/cmn/eav-groups", {"key": name, "entities": [name]})
               for name in names}

    assert {name for name, one in answers.items() if one.status_code == 200} == {entity}
    assert {one.status_code for name, one in answers.items() if name != entity} == {422}


def test_custom_fields_can_be_refused_until_their_group_exists(erp):
    erp.set(custom_fields="declared")
    path, body = listing_path(erp), {"custom": {"shop": {"externalId": "7"}}}
    query = f"SELECT listings.custom.shop.externalId FROM article.shopListing WHERE {CHANNEL}"
    assert [erp.call("PATCH", path, body).status_code, erp.query(query).status_code] == [
        422, 422]

    erp.call("POST", "/cmn/eav-groups", {
        "key": "shop", "entities": ["articleListing"], "attributes": [{"key": "externalId"}]})

    assert erp.call("PATCH", path, body).status_code == 200
    assert erp.rows(query)[0] == {"listings.custom.shop.externalId": "7"}


def test_a_write_over_an_old_version_is_422_or_409(erp):
    path, old = listing_path(erp), {"version": "0", "custom": {}}

    assert erp.call("PUT", path, old).status_code == 422
    erp.set(conflict_status=409)
    assert erp.call("PUT", path, old).status_code == 409


@pytest.mark.parametrize(("unit", "rate"), [("percent", 19), ("fraction", 0.19)])
def test_tax_rates_are_percent_or_fractions_everywhere(erp, unit, rate):
    erp.set(tax_rate_unit=unit)
    erp.edit("1001", set={"tax_rate": 19, "gross": 5})

    assert erp.get("/erp/taxes/tax-select?articleId=1001")["rate"] == rate
    assert erp.get("/erp/products/sales-prices/1001")[0]["usedTaxRate"]["rate"] == rate
    assert rate in {one["rate"] for one in erp.get("/erp/taxes/tax-rates")}


def test_edits_mark_the_listings_if_the_erp_is_the_one_that_does(erp):
    path = listing_path(erp)
    erp.edit("1001", set={"name": "a"})
    assert erp.get(path)["listingState"] == "SYNCHRONIZED"

    erp.set(marks_listings=True)
    erp.edit("1001", set={"name": "b"})

    assert erp.get(path)["listingState"] == "NEED_SYNCHRONIZE"


def test_what_the_app_may_not_do_is_403(erp):
    erp.set(forbidden=["/stocks", "POST /api/vario/erp/sales-channels"])

    assert erp.call("GET", "/erp/articles/1001/stocks").status_code == 403
    assert erp.call("POST", "/erp/sales-channels", {}).status_code == 403
    assert erp.call("GET", "/erp/sales-channels/42").status_code == 200


# --- faults of the ERP alone ----------------------------------------------------------------------


def test_a_half_applied_write_keeps_the_first_group_and_is_500(erp):
    path = listing_path(erp)
    erp.fault("half-applied")

    answer = erp.call("PATCH", path, {"custom": {"a": {"x": 1}, "b": {"y": 2}}})

    assert answer.status_code == 500
    assert erp.get(path)["custom"] == {"a": {"x": 1}}


def test_a_gateway_can_answer_502_with_a_page(erp):
    erp.fault("html-502")

    answer = erp.call("GET", "/cmn/users/me")

    assert (answer.status_code, answer.headers["Content-Type"]) == (
        502, "text/html; charset=utf-8")


def test_a_429_fault_can_name_the_moment(erp):
    erp.fault("429-date")

    answer = erp.call("GET", "/cmn/users/me")

    assert parsedate_to_datetime(answer.headers["Retry-After"]).timestamp() > time.time()


def test_faults_hit_the_token_endpoint_too(erp):
    for kind, status in (("html", 200), ("504", 504), ("429", 429)):
        erp.fault(kind, route=TOKEN_PATH)
        assert erp.token_call().status_code == status
