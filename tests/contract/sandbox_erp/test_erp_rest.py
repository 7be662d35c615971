"""REST reads, the writing of listings, and that both agree with the columns."""

import pytest

COLUMNS = ("id, number, name, netSalesPrice, grossSalesPrice, stockAvailable, identifiers.value, "
           "grossMetric.weight, listings.id, listings.name")


def listing_path(erp, article_id="1001", channel="42"):
    listing = next(one for one in erp.get(f"/erp/articles/{article_id}/listings")
                   if one["salesChannelRef"]["id"] == channel)
    return f"/erp/articles/{article_id}/listings/{listing['id']}"


def test_columns_and_rest_tell_the_same_about_every_article(start):
    erp = start(articles=60)
    rows = erp.rows(f"SELECT {COLUMNS} FROM article.shopListing WHERE "
                    "listings.salesChannel.id = '42'")

    for row in rows:
        article = erp.get(f"/erp/articles/{row['id']}")
        stock = erp.get(f"/erp/articles/{row['id']}/stocks?salesChannelId=42")
        path = f"/erp/products/sales-price-by-selection?articleId={row['id']}&salesChannelId=42"
        answer = erp.call("GET", path)
        price = answer.json() if answer.status_code == 200 else {}

        assert row["number"] == article["number"]
        assert row["stockAvailable"] == stock["stockAvailable"]
        assert row.get("netSalesPrice") == price.get("netPrice")
        assert row.get("grossSalesPrice") == price.get("grossPrice")
        assert row.get("identifiers.value") == next(
            (one["value"] for one in article["identifiers"] if one["name"] == "EAN"), None)
        assert row.get("grossMetric.weight") == article["grossMetric"].get("weight")


@pytest.mark.parametrize(("option", "status"), [("404", 404), ("empty", 200)])
def test_an_article_without_a_price_has_none_by_selection(start, option, status):
    erp = start(no_price=option)
    erp.edit("1001", set={"gross": None})

    answer = erp.call("GET", "/erp/products/sales-price-by-selection?articleId=1001")

    assert answer.status_code == status
    assert option == "404" or answer.text == ""
    assert erp.get("/erp/products/sales-prices/1001") == []


def test_a_price_names_tax_currency_and_article(erp):
    erp.edit("1001", set={"tax_rate": 7, "gross": 10.7})

    record = erp.get("/erp/products/sales-prices/1001")[0]

    assert (record["netPrice"], record["grossPrice"], record["priceBase"]) == (
        10, 10.7, "GROSS_PRICE")
    assert record["usedTaxRate"]["rate"] == 7
    assert record["usedTaxRate"]["typeRef"] == erp.get("/erp/taxes/tax-select?articleId=1001")[
        "typeRef"]
    assert record["currencyRef"]["isoCode"] == "EUR"
    assert record["articleRef"]["id"] == "1001"
    assert erp.get(f"/erp/products/prices/{record['id']}") == record


def test_a_channels_own_price_and_stock_are_its_own(erp):
    before = erp.state("?channel=43")[0]

    erp.edit("1001", channel=42, set={"gross": 1.19, "stock": 4, "name": "Nur hier"})

    here, there = erp.state()[0], erp.state("?channel=43")[0]
    assert (here["gross"], here["net"], here["stock"], here["name"]) == (
        1.19, 1 if here["tax_rate"] == 19 else 1.11, 4, "Nur hier")
    assert {**there, "updated_at": ""} == {**before, "updated_at": ""}
    assert len(erp.get("/erp/products/sales-prices/1001")) == 2


@pytest.mark.parametrize(("merge", "foreign"), [("deep", {"a": 1}), ("shallow", None)])
def test_patch_merges_deeply_or_replaces_as_chosen(start, merge, foreign):
    erp = start(merge=merge)
    path = listing_path(erp)
    erp.call("PATCH", path, {"custom": {"foreign": {"a": 1}, "own": {"x": 1, "y": 2}}})
    before = erp.get(path)

    after = erp.call("PATCH", path, {"custom": {"own": {"x": 3}}}).json()

    assert after["custom"].get("foreign") == foreign
    assert after["custom"]["own"] == ({"x": 3, "y": 2} if merge == "deep" else {"x": 3})
    assert int(after["version"]) == int(before["version"]) + 1
    assert after["info"]["updatedAt"] > before["info"]["updatedAt"]
    column = "listings.custom.own.x"
    assert erp.rows(f"SELECT {column} FROM article.shopListing WHERE id = 1001 AND "
                    f"listings.salesChannel.id = '42' AND {column} = '3'") == [{column: 3}]


def test_put_with_an_old_version_is_422(erp):
    path = listing_path(erp)

    assert erp.call("PUT", path, {"version": "0", "custom": {}}).status_code == 422


def test_the_listing_state_is_written_with_an_empty_answer(erp):
    path = listing_path(erp)

    answer = erp.call("PUT", path + "/state?state=ERRONEOUS")

    assert (answer.status_code, answer.text) == (200, "")
    assert erp.get(path)["listingState"] == "ERRONEOUS"
    assert erp.call("PUT", path + "/state?state=NONSENSE").status_code == 422


def test_all_sales_channels_include_those_without_a_listing(erp):
    backend = {"channelBackend": {"id": "7"}, "label": "Dritter"}
    channel = erp.call("POST", "/erp/sales-channels", backend).json()["id"]

    listed = erp.get("/erp/articles/1001/listings")
    all_of_them = erp.get("/erp/articles/1001/listings?allSalesChannels=true")

    assert [one["salesChannelRef"]["id"] for one in listed] == ["1", "42", "43"]
    assert all_of_them[-1]["salesChannelRef"]["id"] == channel
    assert "id" not in all_of_them[-1]


def test_custom_field_groups_take_every_likely_name_of_the_listing(erp):
    for place, entity in enumerate(("articleListing", "article_listing", "article-listing")):
        body = {"key": f"g{place}", "label": "x", "entities": [entity],
                "attributes": [{"key": "externalId", "type": "TEXT"}]}
        assert erp.call("POST", "/community/latest/cmn/eav-groups", body).status_code == 200

    assert erp.get("/cmn/eav-groups/by-key/g1")["entities"] == ["article_listing"]
    assert erp.call("POST", "/cmn/eav-groups",
                    {"key": "z", "entities": ["listing"]}).status_code == 422
    fields = erp.get("/cmn/computed-queries/article/shopListing/fields")
    assert "listings.custom.g0.externalId" in {field["attribute"] for field in fields}


def test_app_records_are_kept(erp):
    app = erp.credentials["appIdentifier"]
    erp.call("POST", "/cmn/system/app-migration",
             {"appIdentifier": app, "identifier": "m.one", "note": "{}"})
    erp.call("POST", "/cmn/secrets", {"name": "key", "data": [{"key": "a", "value": "b"}]})
    erp.call("POST", f"/cmn/apps/{app}/settings", {"custom": {"x": 1}})

    migrations = erp.rows("SELECT identifier FROM system.queryAppMigrations WHERE "
                          f"appIdentifier = '{app}' AND identifier = 'm.one'")
    assert migrations == [{"identifier": "m.one"}]
    assert erp.get("/cmn/secrets/by-name/key")["data"] == [{"key": "a", "value": "b"}]
    assert erp.get(f"/cmn/apps/{app}/settings")["custom"] == {"x": 1}


def test_an_app_token_can_be_refreshed(erp):
    old = erp.admin("POST", "token", {"tenant": "acme", "expires_s": -5}).json()["token"]
    path = f"{erp.url}/api/vario/cmn/apps/{erp.credentials['appIdentifier']}/refresh-token"

    answer = erp.session.post(path, data=old, headers={"Content-Type": "text/plain"})

    assert answer.json()["bearerToken"] != old


@pytest.mark.parametrize("path", [
    "/erp/articles/9", "/erp/articles/1001/listings/1", "/erp/products/prices/1",
    "/erp/taxes/tax-select/99", "/erp/sales-channels/9", "/cmn/eav-groups/by-key/none"])
def test_what_does_not_exist_is_404(erp, path):
    assert erp.call("GET", path).status_code == 404


def test_a_price_rule_changes_many_prices_and_names_no_article(erp):
    before = {one["id"]: one["gross"] for one in erp.state()}

    [event] = erp.admin("POST", "price-rule", {"percent": 50}).json()["events"]

    after = {one["id"]: one["gross"] for one in erp.state()}
    assert event["queue"] == "article-price.update"
    assert list(event["payload"]) == ["priceId"]
    rule = erp.get(f"/erp/products/prices/{event['payload']['priceId']}")
    assert (rule["articleRef"], rule["productGroupRef"]) == (None, None)
    priced = [one for one in before if before[one] is not None]
    assert all(after[one] == pytest.approx(before[one] / 2, abs=0.02) for one in priced)
    assert after["1001"] == erp.get("/erp/products/sales-price-by-selection?articleId=1001")[
        "grossPrice"]


def test_a_price_rule_of_one_product_group_can_be_gone_already(erp):
    groups = {row["id"]: row.get("productGroup.label") for row in erp.rows(
        "SELECT id, productGroup.label FROM article.shopListing WHERE "
        "listings.salesChannel.id = '1'")}
    group = groups[1001]
    before = {int(one["id"]): one["gross"] for one in erp.state()}

    answer = erp.admin("POST", "price-rule",
                       {"percent": 200, "product_group": group, "keep": False}).json()

    changed = {int(one["id"]) for one in erp.state() if one["gross"] != before[int(one["id"])]}
    assert changed == {key for key, label in groups.items() if label == group
                       and before[key] is not None}
    assert answer["articles"] == len(changed)
    assert answer["events"][0]["queue"] == "article-price.delete"
    path = f"/erp/products/prices/{answer['events'][0]['payload']['priceId']}"
    assert erp.call("GET", path).status_code == 404
    assert erp.admin("POST", "price-rule", {"percent": 0}).status_code == 400


def test_an_article_stands_for_itself_as_product_and_lies_in_one_storage(erp):
    [storage] = erp.get("/erp/articles/1001/storages")
    path = f"/erp/articles/1001/storages/{storage['storageRef']['id']}"

    assert erp.get(path) == storage
    assert erp.call("GET", "/erp/articles/1001/storages/99").status_code == 404
    assert storage["stockAvailable"] == erp.get("/erp/articles/1001/stocks")["stockAvailable"]
    assert erp.get("/erp/articles/1001/products")["articleRefs"] == [{"id": "1001"}]
    assert erp.get("/erp/articles/1001/components") == []
    assert erp.get("/erp/articles/1001/storage-movements") == []


def test_pieces_lie_in_several_storages_and_those_that_a_channel_sells_from_are_its_stock(erp):
    told = erp.edit("1001", set={"storages": {"5": 3, "6": 4.5, "7": 9}})["events"]

    assert "sales_channel.stockChange" in [one["queue"] for one in told]
    assert {one["storageRef"]["label"]: one["stockAvailable"]
            for one in erp.get("/erp/articles/1001/storages")} == {
        "Hauptlager": 3, "Filiale": 4.5, "Retouren": 9}
    assert [one["storageRef"]["id"] for one in erp.get("/erp/sales-channels/42/storage")] == [
        "5", "6"]
    assert erp.get("/erp/articles/1001/stocks?salesChannelId=42")["stockAvailable"] == 7.5

    erp.edit("1001", set={"stock": 2})
    assert [one["stockAvailable"] for one in erp.get("/erp/articles/1001/storages")] == [2]
    assert erp.admin("POST", "edit", {"article": "1001", "set": {"storages": {"8": 1}}}
                     ).status_code == 400
