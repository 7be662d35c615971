"""WordPress' own API as far as the media library needs it, for users with an application password.

Not recorded: it follows the code of WordPress 6.8. A real site takes application passwords over
plain http only if it calls itself local.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from pathlib import PurePosixPath
from typing import Any

from flask import Blueprint, Response, request

from . import clock, images, schema, wire
from .errors import ApiError
from .shop import Shop
from .store import Row

ROUTE = "/wp-json/wp/v2"
CHUNK_BYTES = 1 << 16
LARGEST_PAGE = 100
_NAME = re.compile(r'filename="?([^";]+)"?')


def blueprint(shop: Shop) -> Blueprint:
    """Routes of media, and who one is."""
    routes = Blueprint("wordpress_api", __name__, url_prefix=ROUTE)

    @routes.before_request
    def authenticate() -> None:
        given = _password(request.headers.get("Authorization", ""))
        user, password = shop.options.wp_user, shop.options.wp_password
        if given is not None and given != (user, password):
            raise ApiError(401, "incorrect_password", "The provided password is an invalid "
                           "application password.")
        if given is None:
            raise ApiError(401, "rest_not_logged_in", "You are not currently logged in.")

    @routes.get("/users/me")
    def me() -> Response:
        rights = {"read": True, **({"upload_files": True} if shop.options.may_upload else {})}
        return wire.answer({"id": 1, "name": shop.options.wp_user, "capabilities": rights})

    @routes.get("/media")
    def media() -> Response:
        slugs = {one for one in request.args.get("slug", "").split(",") if one}
        size = int(request.args.get("per_page", 10))
        if size > LARGEST_PAGE:
            raise schema.not_one_of("per_page", "per_page", ("1", "100"))
        with shop.store.lock:
            rows = [one for one in shop.store.images.values()
                    if not slugs or one.get("slug") in slugs]
            fields = request.args.get("_fields")
            return wire.answer([wire.only(_shown(shop, one), fields) for one in rows[:size]])

    @routes.post("/media")
    def upload() -> Response:
        limit = shop.options.upload_limit_bytes
        if limit is not None and (request.content_length or 0) > limit:
            return Response("<html><h1>413 Request Entity Too Large</h1></html>", 413,
                            content_type="text/html")
        if not shop.options.may_upload:
            raise ApiError(400, "rest_cannot_create",
                           "Sorry, you are not allowed to upload media on this site.")
        return wire.answer(_shown(shop, _uploaded(shop)), 201)

    return routes


def _uploaded(shop: Shop) -> Row:
    if not request.content_type:
        raise ApiError(400, "rest_upload_no_content_type", "No Content-Type supplied.")
    found = _NAME.search(request.headers.get("Content-Disposition", ""))
    if found is None:
        raise ApiError(400, "rest_upload_no_content_disposition",
                       "No Content-Disposition supplied.")
    digest, size = hashlib.sha256(), 0
    while chunk := request.stream.read(CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
    if not size:
        raise ApiError(400, "rest_upload_no_data", "No data supplied.")
    if PurePosixPath(found[1]).suffix.lower() not in images.EXTENSIONS:
        raise ApiError(500, "rest_upload_sideload_error",
                       "Sorry, you are not allowed to upload this file type.")
    with shop.store.lock:
        return add(shop, found[1], digest.hexdigest(), slug=request.args.get("slug", ""),
                   alt=request.args.get("alt_text", ""))


def add(shop: Shop, name: str, sha256: str, *, slug: str = "", alt: str = "") -> Row:
    """A file of the media library, under a name and a slug that no other one has."""
    row = images.added(shop.store, name)
    wanted, number = slug or PurePosixPath(name).stem.lower(), 2
    slug, taken = wanted, {one.get("slug") for one in shop.store.images.values()}
    while slug in taken:
        slug, number = f"{wanted}-{number}", number + 1
    shop.store.images[row["id"]] = {**row, "sha256": sha256, "slug": slug, "alt": alt}
    return shop.store.images[row["id"]]


def _shown(shop: Shop, one: Row) -> Row:
    about = images.shown(shop.store, shop.url, one["id"])
    return {"id": one["id"], **clock.pair("date", one["created"]), "slug": one.get("slug", ""),
            "status": "inherit", "type": "attachment", "title": {"rendered": one["name"]},
            "alt_text": one["alt"], "media_type": "image", "source_url": about["src"]}


def _password(header: str) -> tuple[str, str] | None:
    """User and application password; the spaces in it do not count."""
    if not header.startswith("Basic "):
        return None
    try:
        text = base64.b64decode(header[6:], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    user, _, password = text.partition(":")
    return user, password.replace(" ", "")


def of_product(shop: Shop, row: Row) -> list[dict[str, Any]]:
    """The images of a product as the state lists them; `hash` of those whose bytes came here."""
    rows = [shop.store.images[one["id"]] for one in row["images"]]
    return [{"id": one["id"], "hash": one.get("sha256"), "file": one["file"], "alt": one["alt"],
             "cover": place == 0} for place, one in enumerate(rows)]
