"""The test's doors to files: what the shop has, and images that an employee adds."""

from __future__ import annotations

from flask import Blueprint, Response, request

from . import admin_input, admin_products, media, wire
from .admin_input import BadInput
from .errors import ApiError
from .ids import new_id
from .journal import Operation
from .seed import PRODUCT_FOLDER
from .shop import Shop
from .store import Row

KNOWN = {"article", "file_name", "extension", "content", "alt", "position", "cover"}


def add_routes(admin: Blueprint, shop: Shop) -> None:
    """`GET /media` and `POST /images`."""

    @admin.get("/media")
    def list_media() -> Response:
        after, limit = request.args.get("after", ""), request.args.get("limit")
        with shop.store.lock:
            table = shop.store.table("media")
            ids = sorted(key for key in table if key > after)[:admin_input.limit(limit)]
            return wire.answer({"media": [media.shown(shop.store, table[one]) for one in ids]})

    @admin.post("/images")
    def add_image() -> Response:
        given = admin_input.body(dict)
        if unknown := set(given) - KNOWN:
            raise BadInput(f"Unknown: {', '.join(sorted(unknown))}.")
        if not isinstance(given.get("file_name"), str):
            raise BadInput("An image has a `file_name`.")
        with shop.store.lock:
            try:
                media_id = _add(shop, given)
            except ApiError as refusal:
                raise BadInput("; ".join(str(one["detail"]) for one in refusal.errors)) from None
            row = shop.store.table("media")[media_id]
            return wire.answer(media.shown(shop.store, row))


def _add(shop: Shop, given: Row) -> str:
    product = admin_input.article(shop, given.get("article"))
    media_id, link_id = new_id(), new_id()
    content = str(given.get("content", given["file_name"])).encode()
    file = media.hashed(given["file_name"], given.get("extension", "png"), [content])
    with shop.store.transaction():
        shop.store.insert("media", media_id, mediaFolderId=PRODUCT_FOLDER, alt=given.get("alt"))
        media.attach(shop.store, media_id, file, request.host_url.rstrip("/"))
    link = {"id": link_id, "mediaId": media_id, "position": given.get("position", 0)}
    payload = {"id": product["id"], "media": [link]}
    if given.get("cover") is True:
        payload["coverId"] = link_id
    admin_products.by_employee(shop, Operation("product", "upsert", [payload], ["/0"]))
    return media_id
