"""VQL over HTTP: results, paging, annotations, refusals, discovery, profiles."""

import pytest

CHANNEL = "listings.salesChannel.id = '42'"

IDS = "SELECT id FROM article.shopListing WHERE " + CHANNEL


def api_message(answer):
    return answer.json()["errors"]["services"][0]["message"]["formattedMessage"]


def test_rows_are_keyed_by_attribute_and_definitions_carry_the_display_name(erp):
    answer = erp.query(
        "SELECT id,\n--v:result{displayname='sku'}\nnumber,\n--v:result{visible=false}\nactive\n"
        f"FROM article.shopListing WHERE {CHANNEL} AND id IN ('1001') ORDER BY id ASC").json()

    columns = [(one["attribute"], one["displayName"], one["visible"])
               for one in answer["definition"]]
    assert columns == [("id", "id", True), ("number", "sku", True), ("active", "active", False)]
    assert answer["data"] == [{"id": 1001, "number": erp.state()[0]["number"], "active": True}]


def test_an_annotation_collapsed_onto_one_line_is_refused(erp):
    answer = erp.query("SELECT id, --v:result{displayname='sku'} number FROM article.query")

    assert answer.status_code == 422


def test_pages_follow_the_headers_until_there_is_no_more(erp):
    seen, offset, headers = [], 0, []
    while offset is not None:
        answer = erp.query(IDS + " ORDER BY id", limit=16, offset=offset)
        seen += [row["id"] for row in answer.json()["data"]]
        headers.append(answer.headers["x-query-more-elements"])
        offset = answer.headers.get("x-query-next-offset")
        offset = int(offset) if offset else None

    assert headers == ["true", "true", "false"]
    assert seen == sorted(set(seen))
    assert len(seen) == erp.rows(
        f"SELECT count(id) FROM article.shopListing WHERE {CHANNEL}")[0]["count(id)"]


def test_the_page_is_a_hundred_by_default_and_a_thousand_at_most(start):
    erp = start(articles=1200)

    assert len(erp.rows("SELECT id FROM article.query")) == 100
    assert len(erp.rows("SELECT id FROM article.query", limit=5000)) == 1000


def test_the_statements_own_window_bounds_the_pages(erp):
    answer = erp.query("SELECT id FROM article.query LIMIT 5 OFFSET 2", limit=3, offset=3)

    assert [row["id"] for row in answer.json()["data"]] == [1006, 1007]
    assert answer.headers["x-query-more-elements"] == "false"


def test_ids_compare_as_numbers(start):
    erp = start(articles=9100)

    rows = erp.rows("SELECT id FROM article.query WHERE id > '9998' ORDER BY id", limit=3)

    assert [row["id"] for row in rows] == [9999, 10000, 10001]


def test_nulls_are_sent_or_left_out(erp):
    rows = erp.rows(f"SELECT listings.custom.none.x FROM article.shopListing WHERE {CHANNEL}")

    assert {len(row) for row in rows} == {0, 1}
    assert {value for row in rows for value in row.values()} == {None}


def test_a_listing_is_selected_by_its_channel_and_without_one_each_is_a_row(erp):
    query = "SELECT listings.salesChannel.id FROM article.shopListing WHERE id = 1001"

    assert [row["listings.salesChannel.id"] for row in erp.rows(query)] == [1, 42, 43]
    assert [row["listings.salesChannel.id"] for row in erp.rows(f"{query} AND {CHANNEL}")] == [42]


def test_aggregates_answer_one_row(erp):
    prices = [one["gross"] for one in erp.state() if one["gross"] is not None]

    row = erp.rows("SELECT count(*), min(grossSalesPrice), max(grossSalesPrice) FROM "
                   "article.shopListing WHERE listings.salesChannel.id = 1")[0]

    assert row == {"count(*)": 40, "min(grossSalesPrice)": min(prices),
                   "max(grossSalesPrice)": max(prices)}


@pytest.mark.parametrize(("statement", "said"), [
    ("SELECT", "line 1"),
    ("SELECT id FROM article", "no source"),
    ("SELECT id FROM article.nothing", "article.nothing"),
    ("SELECT nothing FROM article.query", "nothing"),
    ("SELECT id FROM article.query WHERE id = 'x'", "does not fit"),
    ("SELECT id FROM article.query WHERE id = 'a' 'b'", "line 1"),
    ("SELECT id, count(id) FROM article.query", "no grouping"),
    ("SELECT median(id) FROM article.query", "median"),
    ("SELECT id FROM article.query JOIN (SELECT id FROM article.query) AS x ON (y.id = id)",
     "y.id"),
    ("SELECT x.name FROM article.query JOIN (SELECT id FROM article.query) AS x ON (x.id = id)",
     "x.name"),
    ("SELECT id FROM article.query JOIN (SELECT id FROM article.query) AS x.y ON (id = 1)",
     "no alias"),
])
def test_a_statement_that_cannot_be_answered_is_422_and_says_why(erp, statement, said):
    answer = erp.query(statement)

    assert answer.status_code == 422
    assert said in api_message(answer)
    assert answer.json()["trackingId"]


def test_a_join_puts_the_rows_of_another_statement_beside_those_they_belong_to(erp):
    statement = ("SELECT id, b.label FROM sales-channel.salesChannels JOIN (SELECT id, label FROM "
                 "sales-channel.salesChannelBackends WHERE type = 'APP') AS b ON "
                 "(b.id = channelBackend.id) WHERE id > 42 ORDER BY b.label, id")

    answer = erp.query(statement).json()

    assert answer["data"] == [{"id": 43, "b.label": "Vario Relay"}]
    assert [one["attribute"] for one in answer["definition"]] == ["id", "b.label"]
    assert answer["definition"][0]["dataTypeIdentifier"] == "LONG"


def test_joins_nest_and_multiply_and_find_custom_fields(erp):
    listing = "listings.salesChannel.id"
    statement = (f"SELECT id, o.{listing} FROM article.shopListing JOIN (SELECT id, {listing}, "
                 "b.label FROM article.shopListing JOIN (SELECT id, label FROM "
                 f"sales-channel.salesChannels WHERE id IN (42, 43)) AS b ON (b.id = {listing})) "
                 f"AS o ON (o.id = id AND o.{listing} > {listing}) WHERE id = 1001 AND "
                 "listings.custom.a.b ISNULL")

    rows = erp.rows(statement)

    # Of three listings: 1 beside 42 and 43, 42 beside 43.
    assert [row[f"o.{listing}"] for row in rows] == [42, 43, 43]


def test_the_structured_query_takes_values_out_of_band(erp):
    number = erp.state()[2]["number"]
    predicate = {"type": "JUNCTION", "operator": "AND", "children": [
        {"type": "FILTER", "property": "number", "operator": "EQUALS", "values": [number]},
        {"type": "FILTER", "property": "listings.salesChannel.id", "operator": "IN",
         "values": ["42"]}]}
    body = {"adhocPreset": {"queryPredicate": predicate, "results": [{"property": "id"}]},
            "pageable": {"limit": 10, "start": 0}}

    answer = erp.call("POST", "/cmn/computed-queries/article/shopListing", body)

    assert answer.json()["data"] == [{"id": 1003}]


def test_discovery_names_the_columns_of_the_profile(start):
    def columns(erp):
        fields = erp.get("/cmn/computed-queries/article/shopListing/fields")
        return {field["attribute"] for field in fields}

    full, attested = columns(start()), columns(start(profile="rest"))

    assert {"grossSalesPrice", "stockAvailable", "updatedAt", "media.revision"} <= full
    assert attested == {"id", "number", "listings.id", "listings.listed",
                        "listings.salesChannel.id", "listings.salesChannel.label"}


def test_profile_rest_refuses_what_is_not_attested_but_reads_own_fields(start):
    erp = start(profile="rest")

    refused = erp.query("SELECT grossSalesPrice FROM article.shopListing")
    listed = erp.rows(f"SELECT id, listings.custom.a.b FROM article.shopListing WHERE {CHANNEL}")

    assert refused.status_code == 422
    assert listed[0]["id"] == 1001


def test_own_channels_are_found_by_backend(erp):
    app = erp.credentials["appIdentifier"]

    rows = erp.rows("SELECT id, label FROM sales-channel.salesChannels WHERE channelBackend.type "
                    f"= 'APP' AND channelBackend.appId = '{app}'")

    assert [row["id"] for row in rows] == [42, 43]
    assert erp.rows("SELECT id FROM sales-channel.salesChannelBackends WHERE type = 'APP'")


def test_changed_rows_are_found_by_their_time(erp):
    before = erp.rows("SELECT max(updatedAt) FROM article.shopListing")[0]["max(updatedAt)"]

    erp.edit("1005", set={"stock": 3}, silent=True)

    rows = erp.rows(f"{IDS} AND updatedAt > '{before}'")
    assert [row["id"] for row in rows] == [1005]


def test_the_columns_of_an_entity_are_those_of_its_source(erp):
    [entity] = erp.get("/cmn/computed-queries/fields?entityIdentifier=articleListing")

    assert entity["attributes"] == erp.get("/cmn/computed-queries/article/shopListing/fields")
    assert erp.call("GET", "/cmn/computed-queries/fields?entityIdentifier=x").status_code == 404


@pytest.mark.parametrize("source", [
    "article.shopListing", "article.query", "article.queryArticles",
    "sales-channel.salesChannels", "sales-channel.salesChannelBackends",
    "document.querySalesDocuments", "system.queryAppMessageWebhook", "system.queryAppMigrations"])
def test_every_source_is_discovered_and_answers_its_standard_columns(erp, source):
    group, template = source.split(".")

    assert template in erp.get(f"/cmn/computed-queries/{group}")
    assert group in erp.get("/cmn/computed-queries")
    fields = erp.get(f"/cmn/computed-queries/{group}/{template}/fields")
    answer = erp.query(f"SELECT * FROM {source}")
    assert answer.status_code == 200
    columns = [one["attribute"] for one in answer.json()["definition"]]
    assert columns
    assert set(columns) <= {one["attribute"] for one in fields}


def test_the_dialect_names_types_and_aggregates(erp):
    dialect = erp.get("/cmn/computed-queries/dialect-info")

    assert {"LONG", "TEXT"} <= {one["identifier"] for one in dialect["dataTypes"]}
    assert {one["identifier"] for one in dialect["functions"] if one["aggregate"]} == {
        "count", "sum", "avg", "min", "max"}
