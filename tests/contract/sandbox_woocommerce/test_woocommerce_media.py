"""The media library of WordPress: who may upload, what it takes, and how a file is found again."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sandbox.shops.woocommerce import Options
from tests.contract.sandbox_woocommerce.support import ShopClient

MEDIA = "/wp-json/wp/v2/media"
PASSWORD = Options().wp_password


def call(shop: ShopClient, method: str, path: str = MEDIA, *, password: str | None = PASSWORD,
         **parts: Any) -> Any:
    headers = {"Content-Type": "image/png",
               "Content-Disposition": 'attachment; filename="a.png"', **parts.pop("headers", {})}
    if password is not None:
        pair = base64.b64encode(f"sandbox:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    headers = {name: value for name, value in headers.items() if value}
    return shop.http.open(path, method=method, base_url="https://shop.test", headers=headers,
                          **parts)


def test_a_file_is_found_by_its_slug_and_shown_by_its_id(shop: ShopClient) -> None:
    made = call(shop, "POST", f"{MEDIA}?slug=one", data=b"bytes")
    product = shop.create(sku="A", images=[{"id": made.get_json()["id"], "alt": "front"}])

    found = call(shop, "GET", f"{MEDIA}?slug=one,two&_fields=id,slug").get_json()

    assert (made.status_code, found) == (201, [{"id": made.get_json()["id"], "slug": "one"}])
    (shown,) = shop.state()["A"]["images"]
    assert (shown["cover"], shown["alt"], len(shown["hash"])) == (True, "front", 64)
    assert product["images"][0]["src"].endswith("/a.png")


def test_an_empty_alt_text_is_no_word_about_it_and_one_of_blanks_takes_it_away(
        shop: ShopClient) -> None:
    image = {"id": call(shop, "POST", MEDIA, data=b"bytes").get_json()["id"]}
    product = shop.create(sku="A", images=[{**image, "alt": "front"}])

    shown = []
    for text in ("", " "):
        shop.batch(update=[{"id": product["id"], "images": [{**image, "alt": text}]}])
        shown.append(shop.state()["A"]["images"][0]["alt"])

    assert shown == ["front", ""]


def test_a_slug_that_is_taken_gets_a_number(shop: ShopClient) -> None:
    slugs = [call(shop, "POST", f"{MEDIA}?slug=one", data=b"x").get_json()["slug"]
             for _ in range(2)]

    assert slugs == ["one", "one-2"]


@pytest.mark.parametrize(("headers", "data", "status", "code"), [
    ({"Content-Type": ""}, b"x", 400, "rest_upload_no_content_type"),
    ({"Content-Disposition": ""}, b"x", 400, "rest_upload_no_content_disposition"),
    ({}, b"", 400, "rest_upload_no_data"),
    ({"Content-Disposition": 'attachment; filename="a.exe"'}, b"x", 500,
     "rest_upload_sideload_error"),
])
def test_what_is_no_picture_is_refused(
        shop: ShopClient, headers: dict, data: bytes, status: int, code: str) -> None:
    answer = call(shop, "POST", headers=headers, data=data)

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)


@pytest.mark.parametrize("password", [None, "wrong"])
def test_only_an_application_password_opens_the_library(
        shop: ShopClient, password: str | None) -> None:
    assert call(shop, "GET", password=password).status_code == 401


def test_the_spaces_of_a_password_do_not_count(shop: ShopClient) -> None:
    assert call(shop, "GET", password="sandbox application passwd").status_code == 200


def test_a_user_without_the_right_may_not_upload() -> None:
    shop = ShopClient(Options(may_upload=False))

    answer = call(shop, "POST", data=b"x")
    me = call(shop, "GET", "/wp-json/wp/v2/users/me?context=edit").get_json()

    assert answer.get_json()["code"] == "rest_cannot_create"
    assert "upload_files" not in me["capabilities"]


def test_an_employee_adds_and_deletes_files(shop: ShopClient) -> None:
    shop.create(sku="A")
    made = shop.admin("POST", "images", {"article": "A", "file_name": "b.png"}).get_json()
    before = shop.state()["A"]["images"]
    shop.admin("POST", "media", {"delete": made["id"]})

    assert [one["hash"] for one in before] == [made["hash"]]
    assert shop.state()["A"]["images"] == []
    assert shop.admin("GET", "media").get_json() == {"media": []}
