"""Images from the sandboxed ERP to shops: the stages, events on documents, and both sandboxes."""

from __future__ import annotations

import pytest
import requests
from sqlalchemy import select, update

from integration import events, pushing, stages
from integration.clock import db_now
from integration.models import ChannelParameter, SalesChannel, ShelfImage, Tenant, WorkItem
from integration.topology import Topic
from sandbox import comparison, serving
from sandbox.shops import shopware6
from tests.integration.relay import beside_an_erp

ARTICLE, MEDIA = Topic.ARTICLE, Topic.MEDIA


@pytest.fixture
def relay(sqlite_url):
    yield from running(sqlite_url)


@pytest.fixture
def on_both(database_url):
    """The same, on both databases."""
    yield from running(database_url)


def running(database_url):
    with beside_an_erp(database_url, articles=12, illustrated=12, rate_limit=100_000) as relay:
        yield relay


@pytest.fixture
def article(relay):
    """An article with three images."""
    return next(one for one in relay.for_sale() if len(one["images"]) == 3)


@pytest.fixture
def in_shop(relay, article):
    relay.hint(ARTICLE, article)
    relay.drain()
    relay.shop.uploads.clear()
    relay.shop.writes.clear()
    return article


def change(relay, article, **changes):
    """An employee's change of images; nobody is told. The images as they should be shown."""
    return relay.erp("media", article=article["id"], silent=True, **changes)["images"]


def event(relay, name, **payload):
    """An event of the ERP as the web process records it."""
    served = events.served(name)
    ids = events.ids_in(served, payload)
    with relay.runtime.scope() as session:
        scope = events.scope_of(session, "acme", None)
        resolution = served.resolve(session, scope, ids)
        events.record(session, resolution)


def hashes(relay, article):
    return [one["sha256"] for one in relay.product(article)["images"]]


def test_a_new_product_gets_its_images_behind_it(relay, article):
    relay.hint(ARTICLE, article)
    relay.drain()

    assert hashes(relay, article) == [one["sha256"] for one in article["images"]]
    assert [name for name, _ in relay.shop.writes] == [ARTICLE.value, MEDIA.value]
    assert relay.row(MEDIA, article).state == "COMPLETED"


def test_images_of_an_article_that_is_not_in_the_shop_wait_for_it(relay, article):
    relay.hint(MEDIA, article)
    relay.run(relay.claim())

    assert relay.row(MEDIA, article).hold_reason == "article-not-in-shop"
    relay.drain()
    assert hashes(relay, article) == [one["sha256"] for one in article["images"]]


def test_unchanged_images_cost_the_shop_nothing(relay, in_shop):
    relay.hint(MEDIA, in_shop)
    relay.drain()

    assert relay.row(MEDIA, in_shop).skip_reason == "unchanged"
    assert (relay.shop.writes, relay.shop.uploads) == ([], [])


def test_only_what_is_new_is_fetched(relay, in_shop):
    ids = [one["id"] for one in in_shop["images"]]
    wanted = change(relay, in_shop, replace=[ids[1]], remove=[ids[2]], add=1, favourite=ids[1])
    relay.hint(MEDIA, in_shop)
    relay.drain()

    assert hashes(relay, in_shop) == [one["sha256"] for one in wanted]
    assert sorted(relay.shop.uploads) == sorted([ids[1], wanted[-1]["id"]])


def test_a_new_article_whose_shelf_was_always_empty_is_not_asked_for_images(relay):
    bare = next(one for one in relay.for_sale() if not one["images"])
    relay.hint(ARTICLE, bare)
    relay.drain()

    with relay.runtime.scope() as session:
        asked = session.scalars(select(WorkItem).where(WorkItem.topic == MEDIA.value)).all()
    assert asked == []


def test_an_article_without_images_needs_nothing_from_the_shop(relay):
    bare = next(one for one in relay.for_sale() if not one["images"])
    relay.hint(ARTICLE, bare)
    relay.drain()
    relay.hint(MEDIA, bare)
    relay.drain()

    assert relay.row(MEDIA, bare).skip_reason == "the article has no images"
    assert [name for name, _ in relay.shop.writes] == [ARTICLE.value]


def test_the_last_image_goes_too(relay, in_shop):
    change(relay, in_shop, remove=[one["id"] for one in in_shop["images"]])
    relay.hint(MEDIA, in_shop)
    relay.drain()

    assert hashes(relay, in_shop) == []


def test_a_withdrawn_article_ends_its_images(relay, in_shop):
    relay.edit(in_shop, listed=False)
    relay.hint(MEDIA, in_shop)
    relay.drain()

    row = relay.row(MEDIA, in_shop)
    assert (row.state, row.skip_reason) == ("COMPLETED", "not listed on this channel")
    assert relay.shop.uploads == []


def test_an_event_on_a_document_reaches_the_articles_that_show_it(on_both):
    relay = on_both
    in_shop = next(one for one in relay.for_sale() if len(one["images"]) == 3)
    relay.hint(ARTICLE, in_shop)
    relay.drain()
    relay.shop.uploads.clear()
    first = in_shop["images"][0]["id"]
    wanted = change(relay, in_shop, replace=[first])

    event(relay, "shelf-document.update", shelfDocumentId=int(first))
    relay.drain()

    assert hashes(relay, in_shop) == [one["sha256"] for one in wanted]
    assert relay.shop.uploads == [first]
    row = relay.row(MEDIA, {"id": f"shelf-document:{first}"})
    assert (row.state, row.skip_reason) == ("COMPLETED", "passed on to the articles it belongs to")


def test_an_unknown_document_is_doubted_and_then_nothing(relay):
    event(relay, "shelf-document.update", shelfDocumentId=999)
    for _ in range(2):
        relay.drain()
        relay.retries_are_due()

    row = relay.row(MEDIA, {"id": "shelf-document:999"})
    assert (row.state, row.skip_reason) == ("COMPLETED", "no article of this channel shows it")


def test_an_unknown_document_is_doubted_while_a_fetch_may_know_it(relay, in_shop):
    """That is a batch under way which may have begun before the event; waiting costs no attempt."""
    relay.hint(MEDIA, in_shop)
    assert relay.claim() is not None
    event(relay, "shelf-document.update", shelfDocumentId=999)
    document = {"id": "shelf-document:999"}

    seen = []
    for age_s in (0, 0, 0, relay.runtime.settings.stage_hard_s + 1):
        with relay.runtime.scope() as session:
            older = update(WorkItem).where(WorkItem.entity_id == document["id"])
            session.execute(older.values(last_event_at=db_now(-age_s)))
        relay.drain()
        seen.append((relay.row(MEDIA, document).state, relay.row(MEDIA, document).attempts))
        relay.retries_are_due()

    assert seen == [("QUEUED", 1), ("QUEUED", 1), ("QUEUED", 1), ("COMPLETED", 0)]


def test_a_listing_is_resolved_to_its_article(relay, in_shop):
    wanted = change(relay, in_shop, add=1)
    client = relay.runtime.erp(relay.tenant_id)
    answer = client.get(f"/erp/articles/{in_shop['id']}/listings")
    rows = answer["data"] if isinstance(answer, dict) else answer
    listing = next(one for one in rows if str(one["salesChannelRef"]["id"]) == "42")

    event(relay, "article-shelf.update", listingId=int(listing["id"]))
    relay.drain()

    assert hashes(relay, in_shop) == [one["sha256"] for one in wanted]


def test_what_is_off_the_shelf_is_forgotten(relay, in_shop):
    ids = [one["id"] for one in in_shop["images"]]
    change(relay, in_shop, remove=ids[:1])
    relay.hint(MEDIA, in_shop)
    relay.drain()

    with relay.runtime.scope() as session:
        known = session.query(ShelfImage.document_id).filter_by(article_id=in_shop["id"]).all()
    assert sorted(one for (one,) in known) == sorted(ids[1:])


def test_a_write_without_an_outcome_goes_again(relay, in_shop):
    wanted = change(relay, in_shop, add=1)
    relay.hint(MEDIA, in_shop)
    relay.die(relay.claim())

    assert relay.row(MEDIA, in_shop).pushed_hash is None
    relay.drain()
    relay.doubts_are_over()
    relay.drain()
    assert hashes(relay, in_shop) == [one["sha256"] for one in wanted]


def test_a_claim_that_is_lost_before_the_push_writes_nothing(relay, in_shop):
    change(relay, in_shop, add=1)
    relay.hint(MEDIA, in_shop)
    claim_id = relay.claim()
    batch = stages.transform(relay.runtime, stages.fetch(relay.runtime, claim_id))
    relay.expire_leases()

    with pytest.raises(Exception, match="not held"):
        pushing.push(relay.runtime, batch)

    assert (relay.shop.writes, relay.shop.uploads) == ([], [])


@pytest.mark.parametrize("answer", ["url", "redirect"])
def test_a_file_comes_wherever_the_erp_says_that_it_lies(relay, article, answer):
    relay.erp("options", file_answer=answer)

    relay.hint(ARTICLE, article)
    relay.drain()

    assert hashes(relay, article) == [one["sha256"] for one in article["images"]]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("500", "answered 500"),
        ("html", "a web page came and not the file"),
        ("cut-body", "the file was cut off"),
    ],
)
def test_an_erp_that_fails_a_file_costs_the_shops_health_nothing(relay, in_shop, kind, words):
    wanted = change(relay, in_shop, add=1)
    path = f"GET /api/vario/dms/resources/{wanted[-1]['id']}/file"
    relay.erp("faults", kind=kind, route=path, count=1)
    relay.hint(MEDIA, in_shop)
    relay.drain()

    row = relay.row(MEDIA, in_shop)
    assert (row.state, row.error_class, row.attempts) == ("QUEUED", "SourceTrouble", 1)
    assert words in row.last_error
    relay.retries_are_due()
    relay.drain()
    assert hashes(relay, in_shop) == [one["sha256"] for one in wanted]


@pytest.fixture
def shopware(relay):
    """The relay's channel moved to a sandboxed Shopware; the shop's address."""
    credentials = {}

    def app(url):
        made = shopware6.create_app(shopware6.Options(), url)
        credentials.update(made.config["CREDENTIALS"])
        return made

    with serving.running(app) as url:
        credentials["shop_url"] = url
        with relay.runtime.scope() as session:
            session.get_one(SalesChannel, relay.channel_id).platform = "shopware6"
            for key, value in credentials.items():
                is_secret = key == "client_secret"
                sealed = relay.runtime.vault.seal(value) if is_secret else value
                session.add(
                    ChannelParameter(
                        channel_id=relay.channel_id, key=key, value=sealed, is_secret=is_secret
                    )
                )
            assert session.get_one(Tenant, relay.tenant_id)
        yield url


def test_a_catalogue_and_its_changes_arrive_in_shopware_as_the_erp_shows_them(relay, shopware):
    relay.hint(ARTICLE, *relay.articles())
    relay.drain()
    assert relay.errors == []
    assert comparison.compare(relay.erp_url, shopware).differences == []

    for place, one in enumerate(one for one in relay.for_sale() if one["images"]):
        ids = [image["id"] for image in one["images"]]
        edits = ({"add": 2}, {"replace": ids[:1]}, {"order": ids[::-1], "favourite": ids[-1]},
                 {"remove": ids[:1]}, {"alt": dict.fromkeys(ids, "Von vorn")})  # fmt: skip
        change(relay, one, **edits[place % len(edits)])
        relay.hint(MEDIA, one)
    assert comparison.compare(relay.erp_url, shopware).differences != []
    relay.drain()

    assert comparison.compare(relay.erp_url, shopware).differences == []
    uploads = requests.get(f"{shopware}/_sandbox/media", timeout=5).json()["media"]
    assert {one["uploads"] for one in uploads} == {1}
