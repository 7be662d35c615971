"""Images of the WooCommerce connector against a shop over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import requests

from integration.connectors.base import Receipt
from integration.documents import ImagesDocument, OptionDocument, VariantDocument
from integration.errors import (
    Busy,
    ClaimLost,
    Held,
    Rejected,
    SourceTrouble,
    TenantError,
    Throttled,
    TransientError,
)
from integration.topology import Topic
from tests.contract.connectors.pictures import image, sha, shown
from tests.contract.connectors.woocommerce import BATCH, Shop, unique
from tests.unit.connectors.kit import new

UPLOAD = "POST /wp-json/wp/v2/media"


@pytest.fixture
def shop(open_woocommerce: Any) -> Shop:
    return filled(open_woocommerce())


def filled(shop: Shop) -> Shop:
    """With the products A-1, A-2 and A-3."""
    shop.create("1", "2", "3")
    return shop


def show(shop: Shop, *documents: ImagesDocument) -> list[Receipt]:
    return shop.change(Topic.MEDIA, *documents)


def ok(shop: Shop, article_id: str = "1") -> Receipt:
    return Receipt(article_id, external_id=shop.ids[article_id], recorded=(Topic.MEDIA,))


def pictures(shop: Shop, number: str = "A-1") -> list[str]:
    return [one["hash"] for one in shop.products[number]["images"]]


def media(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{shop.url}/_sandbox/media", timeout=5).json()[
        "media"
    ]
    return found


def test_images_arrive_in_their_order_and_the_first_is_the_cover(shop: Shop) -> None:
    receipts = show(shop, shown(image("9"), image("7")), shown(image("8"), article_id="2"))

    assert receipts == [ok(shop), ok(shop, "2")]
    assert (pictures(shop), pictures(shop, "A-2")) == ([sha("9"), sha("7")], [sha("8")])
    assert shop.products["A-1"]["images"][0]["cover"] is True
    assert shop.products["A-1"]["images"][0]["file"] == f"bild-9-{sha('9')[:8]}.png"


def test_fifty_articles_cost_their_uploads_and_few_writes_besides(shop: Shop) -> None:
    wanted = [str(n) for n in range(10, 60)]
    shop.create(*wanted)
    show(shop, *(shown(image(one), article_id=one) for one in wanted[:10]))  # tells the speed
    before = dict(shop.routes)

    receipts = show(
        shop, *(shown(image(f"{one}1"), image(f"{one}2"), article_id=one) for one in wanted)
    )

    assert receipts == [ok(shop, one) for one in wanted]
    assert shop.routes[UPLOAD] - before[UPLOAD] == 100
    assert shop.routes[BATCH] - before[BATCH] == 1


def test_what_is_there_is_neither_fetched_nor_uploaded_again(shop: Shop) -> None:
    show(shop, shown(image("7"), image("8")))
    shop.erp.opened.clear()

    assert show(shop, shown(image("8"), image("7"))) == [ok(shop)]

    assert shop.erp.opened == []
    assert pictures(shop) == [sha("8"), sha("7")]
    assert shop.routes[UPLOAD] == 2


def test_the_same_bytes_are_uploaded_once_whatever_document_they_are_in(shop: Shop) -> None:
    shop.erp.content = {"7": b"logo", "8": b"logo", "9": b"logo"}

    show(shop, shown(image("7")), shown(image("8"), article_id="2"))
    show(shop, shown(image("9"), article_id="3"))

    (only,) = media(shop)
    assert only["products"] == ["A-1", "A-2", "A-3"]


def test_a_new_revision_takes_the_place_of_the_old_one(shop: Shop) -> None:
    show(shop, shown(image("7"), image("8")))
    shop.erp.content["7"] = b"newer"

    show(shop, shown(image("7", "2"), image("8")))

    first, second = pictures(shop)
    assert (first not in (sha("7"), sha("8")), second) == (True, sha("8"))
    assert len(media(shop)) == 3


def test_what_goes_in_the_erp_goes_and_what_an_employee_added_stays(shop: Shop) -> None:
    show(shop, shown(image("7"), image("8")))
    theirs = shop.admin("images", article="A-1", file_name="theirs.png")["hash"]

    show(shop, shown(image("8")))
    some = pictures(shop)
    show(shop, shown())

    assert (some, pictures(shop)) == ([sha("8"), theirs], [theirs])
    assert len(media(shop)) == 3


def test_a_file_that_was_deleted_in_the_shop_comes_again(shop: Shop) -> None:
    show(shop, shown(image("7")))
    shop.admin("media", delete=media(shop)[0]["id"])

    assert show(shop, shown(image("7"))) == [ok(shop)]
    assert pictures(shop) == [sha("7")]


def alt_text(shop: Shop) -> str:
    text: str = shop.products["A-1"]["images"][0]["alt"]
    return text


def by_hand(shop: Shop, text: str) -> None:
    """An employee writes the alt text of the first image."""
    images = [{"id": shop.products["A-1"]["images"][0]["id"], "alt": text}]
    row = {"id": int(shop.ids["1"]), "images": images}
    shop.connector()._client.batch("/products", {"update": [row]})


def test_an_alt_text_is_in_the_shops_language_and_goes_when_the_erp_has_none_any_more(
    shop: Shop,
) -> None:
    alt = (("en", "A hammer"), ("de", "Ein Hammer & mehr"))
    show(shop, shown(image("7", alt=alt)))
    assert alt_text(shop) == "Ein Hammer & mehr"

    show(shop, shown(image("7")))
    assert alt_text(shop) == ""

    # What an employee writes then is not ours.
    by_hand(shop, "Von Hand")
    show(shop, shown(image("7")))
    assert alt_text(shop) == "Von Hand"


def test_an_alt_text_that_an_employee_changed_stays_when_the_erp_has_none_any_more(
    shop: Shop,
) -> None:
    show(shop, shown(image("7", alt=(("de", "Ein Hammer"),))))
    by_hand(shop, "Von Hand")

    show(shop, shown(image("7")))

    assert alt_text(shop) == "Von Hand"


def test_a_variation_shows_its_first_image(shop: Shop) -> None:
    shop.push(Topic.ARTICLE, [unique("main", is_main=True)], [new("main")])
    option = OptionDocument("7", "Size", "1", "S")
    below = VariantDocument("main", (option,), parent_id=shop.ids["main"])
    shop.push(Topic.ARTICLE, [replace(unique("4"), variant=below)], [new("4")])

    assert show(shop, shown(image("7"), image("8"), article_id="4")) == [ok(shop, "4")]
    first = pictures(shop, "A-4")
    assert show(shop, shown(article_id="4")) == [ok(shop, "4")]

    assert (first, pictures(shop, "A-4"), shop.routes[UPLOAD]) == ([sha("7")], [], 1)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (image("8", extension="psd"), "WordPress takes no psd as an image"),
        (image("8", size=40_000_000), "it has more than 32 MB, which is too much for a shop"),
        (image("9"), "the ERP's file is empty"),
    ],
)
def test_an_image_that_no_shop_takes_keeps_no_other_back(shop: Shop, wrong: Any, why: str) -> None:
    shop.erp.content["9"] = b""

    receipt, other = show(shop, shown(wrong, image("7")), shown(image("6"), article_id="2"))

    assert isinstance(receipt.error, Rejected)
    name = f"bild {wrong.ref}.{wrong.extension}"
    assert str(receipt.error).startswith(f"A-1: image {name} (document {wrong.ref}): {why}")
    assert str(receipt.error).endswith("; 1 of 2 images are in the shop")
    assert (pictures(shop), other) == ([sha("7")], ok(shop, "2"))


def test_limits_and_refusals_of_the_site_are_told_with_what_to_do(open_woocommerce: Any) -> None:
    shop = filled(open_woocommerce(upload_limit_bytes=20))
    shop.erp.content["8"] = b"x" * 21

    (large,) = show(shop, shown(image("8"), image("7")))
    (refused,) = show(shop, shown(image("6", extension="heic"), article_id="2"))

    assert "raise its limit for uploads" in str(large.error)
    assert pictures(shop) == [sha("7")]
    assert "not allowed to upload this file type" in str(refused.error)
    assert isinstance(refused.error, Rejected)


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [(Busy("no time left", 0.0), Busy), (SourceTrouble("the ERP answered 500"), SourceTrouble)],
)
def test_an_image_that_the_erp_does_not_give_now_comes_later(
    shop: Shop, trouble: Exception, kind: type[Exception]
) -> None:
    shop.erp.content["8"] = trouble

    (receipt,) = show(shop, shown(image("7"), image("8")))

    assert type(receipt.error) is kind
    assert pictures(shop) == [sha("7")]


def test_a_tenant_that_is_away_stops_the_whole_push(shop: Shop) -> None:
    shop.erp.content["8"] = TenantError("the ERP is offline")

    with pytest.raises(TenantError):
        show(shop, shown(image("8")))


def test_an_upload_without_an_answer_is_found_again(shop: Shop) -> None:
    shop.fault("timeout-after", route=UPLOAD, seconds=0.1)

    (first,) = show(shop, shown(image("7")))
    second = show(shop, shown(image("7")))

    assert isinstance(first.error, TransientError)
    assert first.error.outcome_unknown
    assert (second, len(media(shop))) == ([ok(shop)], 1)


@pytest.mark.parametrize(("kind", "error"), [("503", Throttled), ("502", TransientError)])
def test_a_shop_in_trouble_is_left_alone(
    shop: Shop, kind: str, error: type[TransientError]
) -> None:
    shop.fault(kind, route=UPLOAD, count=5)

    with pytest.raises(TransientError) as caught:
        show(shop, shown(image("7"), image("8"), image("9")))

    assert type(caught.value) is error
    assert shop.routes[UPLOAD] == (1 if error is Throttled else 2)


def test_each_upload_and_write_is_asked_for_and_a_lost_claim_sends_nothing(shop: Shop) -> None:
    before = shop.gate.count
    show(shop, shown(image("7")))
    shop.gate.refusal = {before + 3: ClaimLost("it was taken over")}

    with pytest.raises(ClaimLost):
        show(shop, shown(image("8")))

    assert (shop.gate.count - before, shop.routes[UPLOAD]) == (3, 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"wp_password": ""}, "set wp_user and wp_password"),
        ({"wp_password": "wrong"}, "check wp_user and wp_password"),
    ],
)
def test_without_the_right_only_images_wait(
    shop: Shop, changes: dict[str, str], words: str
) -> None:
    shop.parameters.update(changes)

    (receipt,) = show(shop, shown(image("7")))
    (article,) = shop.change(Topic.ARTICLE, unique("1", name="Neu"))

    assert isinstance(receipt.error, Held)
    assert (receipt.error.reason, words in str(receipt.error)) == ("shop-right", True)
    assert article.error is None
    told = {one.check: one for one in shop.connector().check()}
    assert told["images"].is_fault


def test_doctor_says_when_the_user_may_not_upload(open_woocommerce: Any) -> None:
    shop = open_woocommerce(may_upload=False)

    (fault,) = [one for one in shop.connector().check() if one.is_fault]

    assert "may not upload files" in fault.detail


def test_images_of_a_product_that_is_gone_have_vanished(shop: Shop) -> None:
    shop.admin("edit", article="A-1", delete=True)

    gone, other = show(shop, shown(image("7")), shown(image("8"), article_id="2"))

    assert (gone.has_vanished, other) == (True, ok(shop, "2"))
