"""Images of the Shopware connector against a shop over HTTP."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
import requests

from integration.connectors.base import ListingView, Receipt
from integration.connectors.shopware6 import Shopware6Connector, ids, uploads
from integration.documents import ImagesDocument
from integration.errors import (
    Busy,
    ClaimLost,
    Rejected,
    SourceTrouble,
    TenantError,
    Throttled,
    TransientError,
)
from integration.topology import Topic
from sandbox.shops.shopware6 import Options, create_app
from tests.contract.connectors.pictures import Files, image, sha, shown
from tests.contract.connectors.shops import served
from tests.contract.connectors.test_shopware6 import SYNC, Shop
from tests.unit.connectors.kit import context

UPLOAD = "POST /api/_action/media/{id}/upload"


class Gallery(Shop):
    """A shop with a product per article, and the files of the ERP: bytes, or why there are none."""

    def __init__(self, url: str, credentials: dict[str, str]) -> None:
        super().__init__(url, credentials)
        self.erp = Files()

    def connector(self, **_: Any) -> Any:
        parts = {"tokens": self.tokens, "facts": self.facts, "gate": self.gate}
        return Shopware6Connector(
            context(self.parameters, open_file=self.erp.open, **parts)  # type: ignore[arg-type]
        )

    def show(self, *documents: ImagesDocument) -> list[Receipt]:
        return self.change(Topic.MEDIA, *documents)

    def images(self, number: str = "A-1") -> list[tuple[str, bool]]:
        """The content of each image of a product as far as it is ours, and whether it is the
        cover."""
        return [(one["hash"], one["cover"]) for one in self.products[number]["images"]]

    @property
    def writes(self) -> dict[str, int]:
        """Uploads and syncs so far."""
        found = {"uploads": 0, "syncs": 0}
        for route, times in self.routes.items():
            found["uploads"] += times if route.endswith("/upload") else 0
            found["syncs"] += times if route == SYNC else 0
        return found

    @property
    def media(self) -> list[dict[str, Any]]:
        return requests.get(f"{self.url}/_sandbox/media", timeout=5).json()["media"]


def running(**options: Any) -> AbstractContextManager[Gallery]:
    return served(lambda url: create_app(Options(**options), url), Gallery)


@pytest.fixture
def shop() -> Iterator[Gallery]:
    """A shop with the products A-1, A-2 and A-3."""
    with running() as made:
        made.create("1", "2", "3")
        yield made


def ok(article_id: str = "1") -> Receipt:
    product = ids.product_id("acme/42", article_id)
    return Receipt(article_id, external_id=product, recorded=(Topic.MEDIA,))


def test_images_arrive_in_their_order_and_the_first_is_the_cover(shop):
    receipts = shop.show(shown(image("9"), image("7")), shown(image("8"), article_id="2"))

    assert receipts == [ok("1"), ok("2")]
    assert shop.images("A-1") == [(sha("9"), True), (sha("7"), False)]
    assert shop.images("A-2") == [(sha("8"), True)]
    first = shop.products["A-1"]["images"][0]
    assert first["file_name"] == f"bild-9-{ids.media_id('acme/42', sha('9'))[:8]}"
    assert {one["folder"] for one in shop.media} == {"Product Media"}


@pytest.mark.parametrize(("each", "media_rows"), [(1, 1), (2, 2)])
def test_fifty_articles_cost_their_uploads_and_less_than_one_in_twenty_besides(
    shop, each: int, media_rows: int
):
    shop.create(*[str(n) for n in range(10, 60)])
    before = shop.writes
    documents = [
        shown(*(image(f"{n}{m}") for m in range(each)), article_id=str(n)) for n in range(10, 60)
    ]

    assert shop.show(*documents) == [ok(str(n)) for n in range(10, 60)]

    after = shop.writes
    assert after["uploads"] - before["uploads"] == 50 * each
    # Media rows of fifty files at a time, and all products at once.
    assert after["syncs"] - before["syncs"] == media_rows + 1


def test_what_is_there_is_neither_fetched_nor_uploaded_again(shop):
    shop.show(shown(image("7"), image("8")))
    before = shop.writes
    shop.erp.opened.clear()

    assert shop.show(shown(image("8"), image("7"))) == [ok()]

    assert shop.erp.opened == []
    assert shop.images() == [(sha("8"), True), (sha("7"), False)]
    assert shop.writes == {"uploads": before["uploads"], "syncs": before["syncs"] + 1}


def test_the_same_bytes_are_uploaded_once_whatever_document_they_are_in(shop):
    shop.erp.content = {"7": b"logo", "8": b"logo", "9": b"logo"}

    assert shop.show(shown(image("7")), shown(image("8"), article_id="2")) == [ok("1"), ok("2")]
    assert shop.show(shown(image("9"), article_id="3")) == [ok("3")]

    (only,) = shop.media
    assert (only["uploads"], only["products"]) == (1, ["A-1", "A-2", "A-3"])


def test_one_document_of_two_articles_is_fetched_once(shop):
    shop.show(shown(image("7")), shown(image("7"), article_id="2"))

    assert shop.erp.opened == ["7"]
    assert shop.images("A-1") == shop.images("A-2") == [(sha("7"), True)]


def test_a_new_revision_takes_the_place_of_the_old_one(shop):
    shop.show(shown(image("7"), image("8")))
    shop.erp.content["7"] = b"a better picture"

    assert shop.show(shown(image("7", "2"), image("8"))) == [ok()]

    assert shop.images() == [
        (hashlib.sha256(b"a better picture").hexdigest(), True),
        (sha("8"), False),
    ]


def test_what_we_added_goes_and_what_an_employee_added_stays(shop):
    shop.show(shown(image("7"), image("8")))
    shop.admin("images", article="A-1", file_name="ours", position=5)

    assert shop.show(shown(image("8"))) == [ok()]
    assert [one["file_name"][:4] for one in shop.products["A-1"]["images"]] == ["bild", "ours"]
    assert shop.show(shown()) == [ok()]
    assert [one["file_name"] for one in shop.products["A-1"]["images"]] == ["ours"]


def test_another_channel_of_the_same_shop_keeps_its_images(shop):
    shop.show(shown(image("7")))
    other = Shopware6Connector(
        context(
            shop.parameters,
            tokens=shop.tokens,
            facts=shop.facts,
            namespace="acme/43",
            open_file=shop.erp.open,
        )
    )
    document = shown(image("8"))
    listing = ListingView("1", ids.product_id("acme/42", "1"), "A-1", is_active=True)

    other.push(Topic.MEDIA, [other.payload(document, listing)], key="k")
    shop.show(shown())

    assert [one for one, _ in shop.images()] == [sha("8")]


def test_nothing_is_written_where_nothing_of_ours_is(shop):
    shop.admin("images", article="A-1", file_name="ours")
    before = shop.writes

    assert shop.show(shown()) == [ok()]
    assert shop.writes == before


def test_alt_texts_come_in_the_languages_of_the_shop(shop):
    shop.show(
        shown(image("7", alt=(("fr", "Un marteau"), ("de", "Ein Hammer"), ("en", "A hammer"))))
    )

    token = shop.connector()._client
    (row,) = token.search("media", associations={"translations": {}})
    texts = {one["languageId"]: one["alt"] for one in row["translations"]}
    assert sorted(texts.values()) == ["A hammer", "Ein Hammer"]


def texts_of_media(shop):
    """The alt text of the one file in each language of the shop that has one."""
    (row,) = shop.connector()._client.search("media", associations={"translations": {}})
    return {one["languageId"]: one["alt"] for one in row["translations"] if one["alt"]}


def by_hand(shop, text):
    """An employee writes the alt text of the file, in the system's language."""
    (row,) = shop.connector()._client.search("media")
    change = {"id": row["id"], "alt": text}
    operation = {"key": "w", "entity": "media", "action": "upsert", "payload": [change]}
    shop.connector()._client.sync([operation], "media")


def test_an_alt_text_that_the_erp_has_no_more_is_taken_away_again(shop):
    shop.show(shown(image("7", alt=(("de", "Ein Hammer"), ("en", "A hammer")))))

    shop.show(shown(image("7", alt=(("en", "A hammer"),))))
    assert set(texts_of_media(shop).values()) == {"A hammer"}

    shop.show(shown(image("7")))
    assert texts_of_media(shop) == {}

    # What an employee writes then is not ours.
    by_hand(shop, "Von Hand")
    shop.show(shown(image("7")))
    assert list(texts_of_media(shop).values()) == ["Von Hand"]


def test_an_alt_text_that_an_employee_changed_stays_when_the_erp_has_none_any_more(shop):
    shop.show(shown(image("7", alt=(("en", "A hammer"),))))
    by_hand(shop, "Von Hand")

    shop.show(shown(image("7")))

    assert list(texts_of_media(shop).values()) == ["Von Hand"]


def test_a_new_file_takes_no_text_from_the_one_before(shop):
    shop.show(shown(image("7", alt=(("en", "A hammer"),))))
    shop.show(shown(image("7", revision="2")))

    assert shop.products["A-1"]["images"][0]["alt"] in (None, "")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (image("8", extension="psd"), "Shopware takes no psd as an image"),
        (image("8", size=40_000_000), "it has more than 32 MB, which is too much for a shop"),
        (image("9"), "the ERP's file is empty"),
    ],
)
def test_an_image_that_no_shop_takes_keeps_no_other_back(shop, wrong, why):
    shop.erp.content["9"] = b""

    receipt, other = shop.show(shown(wrong, image("7")), shown(image("6"), article_id="2"))

    assert isinstance(receipt.error, Rejected)
    name = f"bild {wrong.ref}.{wrong.extension}"
    assert str(receipt.error).startswith(f"A-1: image {name} (document {wrong.ref}): {why}")
    assert str(receipt.error).endswith("; 1 of 2 images are in the shop")
    assert shop.images("A-1") == [(sha("7"), True)]
    assert other == ok("2")


def test_a_limit_of_the_shops_web_server_is_told_with_what_to_do():
    with running(upload_limit_bytes=20) as shop:
        shop.create("1")
        shop.erp.content["8"] = b"x" * 21

        (receipt,) = shop.show(shown(image("8"), image("7")))

        assert isinstance(receipt.error, Rejected)
        assert "takes no file of 0.0 MB; raise its limit for uploads" in str(receipt.error)
        assert shop.images() == [(sha("7"), True)]


def test_a_file_name_that_an_employee_has_used_gives_way(shop):
    media_id = ids.media_id("acme/42", sha("7"))
    shop.admin("images", article="A-2", file_name=f"bild-7-{media_id[:8]}")

    assert shop.show(shown(image("7"))) == [ok()]
    assert shop.products["A-1"]["images"][0]["file_name"] == media_id


def test_any_name_of_the_erp_becomes_one_that_the_shop_takes(shop):
    names = ["", "a/b?.png", ".hidden.", "Größe % 3", "x" * 300, "日本", " ", "a\tb"]

    assert shop.show(shown(*(image(str(n), file_name=one) for n, one in enumerate(names)))) == [
        ok()
    ]
    assert len(shop.images()) == len(names)


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (Busy("the time of this stage is used up", 0.0), Busy),
        (SourceTrouble("the ERP answered 500"), SourceTrouble),
    ],
)
def test_an_image_that_the_erp_does_not_give_now_comes_later(shop, trouble, kind):
    shop.erp.content["8"] = trouble

    (receipt,) = shop.show(shown(image("7"), image("8")))

    assert type(receipt.error) is kind
    assert not receipt.error.outcome_unknown
    assert shop.images() == [(sha("7"), True)]
    del shop.erp.content["8"]
    shop.erp.opened.clear()
    assert shop.show(shown(image("7"), image("8"))) == [ok()]
    assert shop.erp.opened == ["8"]


def test_an_old_picture_stays_until_the_new_one_is_there(shop):
    shop.show(shown(image("7"), image("8")))
    shop.erp.content["7"] = SourceTrouble("the ERP answered 500")

    shop.show(shown(image("7", "2"), image("8")))

    assert sorted(shop.images()) == sorted([(sha("7"), False), (sha("8"), True)])


def test_an_erp_that_does_not_let_us_in_stops_the_push(shop):
    shop.erp.content["7"] = TenantError("reconnect the app")

    with pytest.raises(TenantError):
        shop.show(shown(image("7")))


def test_a_product_that_is_gone_is_told_and_the_others_are_shown(shop):
    receipts = shop.change(
        Topic.MEDIA, shown(image("7"), article_id="unknown"), shown(image("8"), article_id="2")
    )

    assert receipts == [Receipt("unknown", has_vanished=True), ok("2")]
    assert shop.erp.opened == ["8"]


@pytest.mark.parametrize("kind", ["500", "timeout-after", "html"])
def test_one_upload_without_a_good_answer_costs_its_image_only(shop, kind):
    # The first of two in order of the batch.
    hold = {"seconds": 0.05} if kind == "timeout-after" else {}
    media_id = ids.media_id("acme/42", sha("7"))
    shop.fault(kind, route=f"POST /api/_action/media/{media_id}/upload", count=1, **hold)

    receipts = shop.show(shown(image("7")), shown(image("8"), article_id="2"))

    assert isinstance(receipts[0].error, TransientError)
    assert receipts[0].error.outcome_unknown
    assert receipts[1] == ok("2")
    assert shop.show(shown(image("7"))) == [ok()]
    assert shop.images() == [(sha("7"), True)]


def test_a_lock_is_waited_for_and_costs_no_image(shop):
    media_id = ids.media_id("acme/42", sha("7"))
    shop.fault("deadlock", route=f"POST /api/_action/media/{media_id}/upload", count=2)

    assert shop.show(shown(image("7"))) == [ok()]
    assert shop.images() == [(sha("7"), True)]


def test_a_shop_that_fails_file_after_file_is_let_alone(shop):
    for ref in ("7", "8"):
        media_id = ids.media_id("acme/42", sha(ref))
        shop.fault("500", route=f"POST /api/_action/media/{media_id}/upload", count=1)

    with pytest.raises(TransientError) as unknown:
        shop.show(shown(image("7"), image("8"), image("9")))

    assert unknown.value.outcome_unknown
    assert shop.images() == []


def test_a_product_write_without_an_answer_repeats_without_another_upload(shop):
    shop.show(shown(image("7"), article_id="2"))
    shop.fault("timeout-after", seconds=0.05, count=1)

    with pytest.raises(TransientError) as unknown:
        shop.show(shown(image("7")))

    assert unknown.value.outcome_unknown
    assert shop.show(shown(image("7"))) == [ok()]
    (only,) = shop.media
    assert (only["uploads"], sorted(only["products"])) == (1, ["A-1", "A-2"])


def test_a_claim_that_is_lost_sends_nothing_more(shop):
    created = shop.gate.count
    # Media rows, first upload, then the claim is gone.
    shop.gate.refusal = {created + 3: ClaimLost("taken over")}

    with pytest.raises(ClaimLost):
        shop.show(shown(image("7"), image("8")))

    assert [one["uploads"] for one in shop.media] in ([1, 0], [0, 1])
    assert shop.images() == []


def test_every_write_is_checked_right_before_it(shop):
    before, writes = shop.gate.count, shop.writes

    shop.show(shown(image("7"), image("8")))

    made = shop.writes
    assert made["uploads"] - writes["uploads"] == 2
    assert shop.gate.count - before == 2 + made["syncs"] - writes["syncs"]


def test_twenty_images_of_twenty_megabytes_pass_through_little_memory(shop):
    # A tenth of the size, so that the test takes a second; the peak does not depend on it.
    size = 2_000_000

    def content() -> Iterator[bytes]:
        for _ in range(size // 50_000):
            yield bytes(50_000)

    pictures = [image(str(n), size=size) for n in range(20)]
    for n in range(20):
        shop.erp.content[str(n)] = lambda n=n: (part + bytes([n]) for part in content())

    tracemalloc.start()
    try:
        assert shop.show(shown(*pictures)) == [ok()]
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(shop.images()) == 20
    # Shop and connector are one process here.
    assert peak < 12_000_000


def test_a_throttled_shop_stops_the_push(shop):
    media_id = ids.media_id("acme/42", sha("7"))
    shop.fault("429", route=f"POST /api/_action/media/{media_id}/upload", count=1)

    with pytest.raises(Throttled):
        shop.show(shown(image("7")), shown(image("8"), article_id="2"))


def test_file_names_are_readable_and_the_shops_own():
    assert uploads.file_name("Größe 3/4", "abcdef0123") == "Größe-3-4-abcdef01"
    assert uploads.file_name("...", "abcdef0123") == "image-abcdef01"
