"""Images of a product: downloaded inside the request, a new copy each time (recorded)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import requests

from . import clock, coercions
from .errors import ApiError
from .store import Row, Store

#: The status and the words of a download, and its content type; ("", ...) words: it went well.
Fetch = Callable[[str], tuple[str, str]]

TIMEOUT_S = 10
EXTENSIONS = {".jpg", ".jpeg", ".png", ".gif", ".webp"}


def download(url: str) -> tuple[str, str]:
    """(what went wrong or nothing, content type)."""
    try:
        found = requests.get(url, timeout=TIMEOUT_S, headers={"User-Agent": "WordPress/7.1"})
    except requests.RequestException:
        host = urlsplit(url)
        return (f"cURL error 7: Failed to connect to {host.hostname} port {host.port or 80}: "
                "Couldn't connect to server"), ""
    return ("" if found.ok else found.reason), found.headers.get("Content-Type", "")


def attached(store: Store, fetch: Fetch, given: Any) -> list[Row]:
    """The product's images in order. Raises ApiError, and then nothing of the product is kept."""
    entries = list(given.values()) if isinstance(given, dict) else given
    return [_attached(store, fetch, one) for one in entries if one is not None]


def _attached(store: Store, fetch: Fetch, one: Any) -> Row:
    wanted = one if isinstance(one, dict) else {}
    image_id = coercions.whole(wanted.get("id"))
    if not image_id and wanted.get("src"):
        image_id = _uploaded(store, fetch, coercions.text(wanted["src"]))
    elif image_id not in store.images:
        raise ApiError(400, "woocommerce_product_invalid_image_id",
                       f"#{image_id} is an invalid image ID.")
    # An empty text is no word about it; one of blanks is cleaned to nothing.
    texts = {name: coercions.text(wanted[name]).strip() for name in ("name", "alt")
             if wanted.get(name)}
    store.images[image_id] = {**store.images[image_id], **texts}
    return {"id": image_id}


def _uploaded(store: Store, fetch: Fetch, url: str) -> int:
    words, content_type = fetch(url)
    if words:
        raise _failed(f"Error getting remote image {url}. Error: {words}")
    name = PurePosixPath(urlsplit(url).path)
    if name.suffix.lower() not in EXTENSIONS or not content_type.startswith("image/"):
        raise _failed("Invalid image: Sorry, you are not allowed to upload this file type.")
    return int(added(store, name.name)["id"])


def added(store: Store, file_name: str) -> Row:
    """A file of the media library, in the folder of its month under a name of its own."""
    name = PurePosixPath(file_name)
    copies = sum(one["file"] == name.name for one in store.images.values())
    image_id = store.next_post()
    shown = f"{name.stem}-{copies}{name.suffix}" if copies else name.name
    store.images[image_id] = {"id": image_id, "file": name.name, "shown": shown, "name": shown,
                              "alt": "", "created": clock.now()}
    return store.images[image_id]


def _failed(message: str) -> ApiError:
    return ApiError(400, "woocommerce_product_image_upload_error", message)


def shown(store: Store, url: str, image_id: int) -> Row:
    one = store.images[image_id]
    src = f"{url}/wp-content/uploads/{one['created']:%Y/%m}/{one['shown']}"
    return {"id": image_id, **clock.pair("date_created", one["created"]),
            **clock.pair("date_modified", one["created"]), "src": src, "name": one["name"],
            "alt": one["alt"], "srcset": "", "sizes": "(max-width: 64px) 100vw, 64px",
            "thumbnail": src}
