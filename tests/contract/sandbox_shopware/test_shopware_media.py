"""Images: files of media rows, their names, their links to products, and the cover."""

from __future__ import annotations

import hashlib

import pytest

from sandbox.shops.shopware6 import Options
from tests.contract.sandbox_shopware.support import ShopClient, product

FRONT, BACK = "1" * 32, "2" * 32
PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x20\x00\x00\x00\x10 and so on"


def upload(shop: ShopClient, media_id: str, name: str, content: bytes = PICTURE,
           extension: str = "png"):
    path = f"/api/_action/media/{media_id}/upload"
    return shop.http.post(path, query_string={"extension": extension, "fileName": name},
                          data=content, content_type="image/png",
                          headers={"Authorization": f"Bearer {shop.token}",
                                   "Accept": "application/json"})


def link(digit: str, media_id: str, position: int) -> dict:
    return {"id": digit * 32, "mediaId": media_id, "position": position}


@pytest.fixture
def illustrated(shop):
    """A product A with two images, front and back; front is the cover."""
    shop.upsert({"id": FRONT, "alt": "From the front"}, {"id": BACK}, entity="media")
    upload(shop, FRONT, "front")
    upload(shop, BACK, "back", b"other bytes", "jpg")
    shop.upsert(product("a", "A", media=[link("3", BACK, 2), link("4", FRONT, 1)],
                        coverId="4" * 32))
    return shop


def images(shop: ShopClient, number: str = "A") -> list[tuple]:
    return [(one["file_name"], one["cover"]) for one in shop.state()[number]["images"]]


def codes(answer) -> list[str]:
    return [one["code"] for one in answer.get_json()["errors"]]


def test_the_state_shows_the_images_in_their_order(illustrated):
    front, back = illustrated.state()["A"]["images"]

    assert front == {"id": "4" * 32, "media_id": FRONT, "file_name": "front", "extension": "png",
                     "size": len(PICTURE), "hash": hashlib.sha256(PICTURE).hexdigest(),
                     "alt": "From the front", "cover": True}
    assert (back["file_name"], back["extension"], back["cover"]) == ("back", "jpg", False)
    assert back["hash"] == hashlib.sha256(b"other bytes").hexdigest()


def test_a_picture_tells_its_measures_and_its_hash(illustrated):
    row = illustrated.call("GET", f"/api/media/{FRONT}").get_json()["data"]

    assert row["metaData"] == {"width": 32, "height": 16, "type": 3,
                               "hash": hashlib.md5(PICTURE).hexdigest()}
    assert (row["fileSize"], row["mimeType"], row["hasFile"], row["thumbnails"]) == (
        len(PICTURE), "image/png", True, [])
    assert "sha256" not in row


def test_a_file_name_is_unique_over_the_whole_shop_but_for_the_media_itself(illustrated):
    taken = upload(illustrated, BACK, "Front")
    again = upload(illustrated, FRONT, "front", b"new bytes")

    assert (taken.status_code, codes(taken)) == (400, ["CONTENT__MEDIA_DUPLICATED_FILE_NAME"])
    assert again.status_code == 204
    seen = illustrated.state()["A"]["images"]
    assert [one["file_name"] for one in seen] == ["front", "back"]
    assert seen[0]["hash"] == hashlib.sha256(b"new bytes").hexdigest()


def test_the_same_bytes_under_another_name_are_another_file(illustrated):
    other = "5" * 32
    illustrated.upsert({"id": other}, entity="media")

    assert upload(illustrated, other, "front-2").status_code == 204
    hashes = [one["hash"] for one in illustrated.admin("GET", "media").get_json()["media"]]
    assert len(hashes) - len(set(hashes)) == 1


def test_the_shop_proposes_a_free_file_name(illustrated):
    def proposed(query: str) -> str:
        answer = illustrated.call("GET", f"/api/_action/media/provide-name?{query}")
        return answer.get_json()["fileName"]

    assert proposed("fileName=front&extension=png") == "front_(1)"
    assert proposed("fileName=front&extension=jpg") == "front"
    assert proposed(f"fileName=front&extension=png&mediaId={FRONT}") == "front"


@pytest.mark.parametrize(("name", "cause"), [
    (".hidden", 'Filename must not start with a "." (dot).'),
    ("a/b", 'Filename must not contain "/"'),
    ("a ", "Filename must not end with spaces"),
    ("a\tb", 'Filename must not contain character "9"'),
])
def test_a_file_name_that_is_not_allowed_is_refused_with_the_cause(illustrated, name, cause):
    answer = upload(illustrated, FRONT, name)

    assert (answer.status_code, codes(answer)) == (400, ["CONTENT__MEDIA_ILLEGAL_FILE_NAME"])
    assert answer.get_json()["errors"][0]["meta"]["parameters"]["cause"] == cause


def test_an_upload_over_the_web_servers_limit_is_refused_without_json():
    shop = ShopClient(Options(upload_limit_bytes=20))
    shop.upsert({"id": FRONT}, entity="media")

    answer = upload(shop, FRONT, "front", b"x" * 21)

    assert (answer.status_code, answer.content_type) == (413, "text/html")
    assert upload(shop, FRONT, "front", b"x" * 20).status_code == 204


def test_an_image_that_is_unlinked_leaves_the_product_and_takes_the_cover_along(illustrated):
    illustrated.delete({"id": "4" * 32}, entity="product_media")

    assert images(illustrated) == [("back", False)]
    row = illustrated.call("GET", f"/api/product/{'a' * 32}").get_json()["data"]
    assert (row["coverId"], row["cover"]) == (None, None)
    assert illustrated.call("GET", f"/api/media/{FRONT}").status_code == 200


def test_a_removed_media_takes_its_links_along(illustrated):
    assert illustrated.call("DELETE", f"/api/media/{BACK}").status_code == 204

    assert images(illustrated) == [("front", True)]


def test_position_and_cover_are_changed_alone(illustrated):
    illustrated.call("PATCH", f"/api/product-media/{'4' * 32}", {"position": 9})
    illustrated.upsert({"id": "a" * 32, "coverId": "3" * 32})

    assert images(illustrated) == [("back", True), ("front", False)]


def test_an_image_of_an_unknown_media_refuses_the_whole_request(illustrated):
    answer = illustrated.upsert(
        {"id": "5" * 32, "productId": "a" * 32, "mediaId": FRONT, "position": 3},
        {"id": "6" * 32, "productId": "a" * 32, "mediaId": "7" * 32, "position": 4},
        entity="product_media")

    assert (answer.status_code, codes(answer)) == (500, ["1452"])
    assert len(images(illustrated)) == 2


def test_the_folder_of_products_is_found_by_what_it_is_the_default_of(shop):
    found = shop.search("media-folder", filter=[
        {"type": "equals", "field": "defaultFolder.entity", "value": "product"}]).get_json()

    assert [row["name"] for row in found["data"]] == ["Product Media"]


def test_the_files_of_the_shop_are_listed_with_their_uploads_and_products(illustrated):
    folder = illustrated.search("media-folder").get_json()["data"][0]["id"]
    illustrated.upsert({"id": BACK, "mediaFolderId": folder}, entity="media")
    upload(illustrated, FRONT, "front")
    illustrated.upsert(product("b", "B", media=[link("5", FRONT, 1)]))

    front, back = illustrated.admin("GET", "media").get_json()["media"]

    assert (front["id"], front["uploads"], front["products"]) == (FRONT, 2, ["A", "B"])
    assert (back["folder"], back["uploads"], back["products"]) == ("Product Media", 1, ["A"])


def test_uploads_are_part_of_the_history_of_the_products_that_show_the_file(illustrated):
    upload(illustrated, FRONT, "front")
    upload(illustrated, FRONT, "back", extension="jpg")

    writes = illustrated.admin("GET", "history?number=A").get_json()["writes"]

    assert [(one["action"], one["body"].get("fileName"), one["result"]) for one in writes[1:]] == [
        ("upload", "front", "applied"),
        ("upload", "back", "refused CONTENT__MEDIA_DUPLICATED_FILE_NAME")]


def test_an_employee_adds_an_image(illustrated):
    answer = illustrated.admin("POST", "images", {
        "article": "A", "file_name": "ours", "alt": "Ours", "position": 5, "cover": True})

    assert (answer.status_code, answer.get_json()["products"]) == (200, ["A"])
    assert images(illustrated) == [("front", False), ("back", False), ("ours", True)]
    assert illustrated.state()["A"]["writes"] == 1


@pytest.mark.parametrize(("given", "sentence"), [
    ({"article": "A", "file_name": "front"}, 'A file with the name "front.png" already exists.'),
    ({"article": "X", "file_name": "ours"}, "There is no product with the id or number 'X'."),
    ({"article": "A"}, "An image has a `file_name`."),
    ({"article": "A", "file_name": "ours", "colour": 1}, "Unknown: colour."),
])
def test_an_employees_image_that_makes_no_sense_is_refused(illustrated, given, sentence):
    answer = illustrated.admin("POST", "images", given)

    assert (answer.status_code, answer.get_json()["message"]) == (400, sentence)
    assert len(illustrated.admin("GET", "media").get_json()["media"]) == 2
