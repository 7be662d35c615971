"""Files of media rows. Only bytes come in: the sandbox fetches nothing from elsewhere.

Of a file's content the size and the hashes are kept, so that many large images cost nothing.
"""

from __future__ import annotations

import hashlib
import mimetypes
import struct
import time
from dataclasses import dataclass
from typing import Any

from flask import Request

from . import errors, wire
from .clock import stamp
from .schema import SYSTEM_LANGUAGE
from .store import Row, Store

EXTENSIONS = ("jpg", "jpeg", "png", "webp", "avif", "gif", "svg", "bmp", "tiff", "tif", "eps",
              "webm", "mkv", "flv", "ogv", "ogg", "mov", "mp4", "avi", "wmv", "pdf", "aac", "mp3",
              "wav", "flac", "oga", "wma", "txt", "doc", "ico", "glb", "zip", "rar")
TRANSPARENT = ("png", "webp", "gif", "svg")
FORBIDDEN_IN_NAMES = "\\/?*%&:|\"'<>$#{}"
CHUNK_BYTES = 1 << 16
PNG = b"\x89PNG\r\n\x1a\n"
PHP_PNG = 3  # what PHP calls that type


@dataclass(frozen=True)
class File:
    """What is known of an uploaded file; `sha256` is the test's, `md5` is what the shop shows."""

    name: str
    extension: str
    size: int
    md5: str
    sha256: str
    head: bytes = b""


def file_of(request: Request, media_id: str) -> File:
    """The file that a request brings. Raises ApiError."""
    extension = request.args.get("extension", "").lower()
    if not extension:
        raise errors.named(400, "CONTENT__MEDIA_MISSING_FILE_EXTENSION",
                           'No file extension provided. Please use the "extension" query '
                           "parameter to specify the extension of the uploaded file.")
    if request.is_json:
        _refuse_url(wire.mapping())
    name = request.args.get("fileName") or media_id
    chunks = iter(lambda: request.stream.read(CHUNK_BYTES), b"")
    return hashed(name, extension, chunks)


def hashed(name: str, extension: str, chunks: Any) -> File:
    """A file by its content, which is read once and not kept."""
    size, head = 0, b""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    for chunk in chunks:
        head = head or chunk[:64]
        size += len(chunk)
        md5.update(chunk)
        sha256.update(chunk)
    return File(name, extension, size, md5.hexdigest(), sha256.hexdigest(), head)


def attach(store: Store, media_id: str, file: File, base_url: str) -> None:
    """Give a media row its file, in place of the one it may have. Raises ApiError."""
    row = store.get("media", media_id)
    if row is None:
        raise errors.named(404, "CONTENT__MEDIA_NOT_FOUND",
                           f'Could not find media with id "{media_id}"',
                           {"entity": "media", "field": "id", "value": media_id})
    _check_name(file.name)
    if file.extension not in EXTENSIONS:
        raise errors.named(
            400, "CONTENT__MEDIA_FILE_TYPE_NOT_SUPPORTED",
            f'The file extension "{file.extension}" for media object with id {media_id} is not '
            "supported.", {"mediaId": media_id, "extension": file.extension})
    if is_taken(store, file.name, file.extension, media_id):
        raise errors.named(400, "CONTENT__MEDIA_DUPLICATED_FILE_NAME",
                           f'A file with the name "{file.name}.{file.extension}" already exists.',
                           {"fileName": file.name, "fileExtension": file.extension})
    store.put("media", media_id, {**row, **_members(file, base_url),
                                  "uploads": row.get("uploads", 0) + 1})


def is_taken(store: Store, name: str, extension: str, but_by: str | None) -> bool:
    """Whether another media has a file of this name: they are unique over the whole shop."""
    return store.media_id(f"{name}.{extension}") not in (None, but_by)


def free_name(store: Store, name: str, extension: str, but_by: str | None) -> str:
    """The name, with a number behind it if another media has it."""
    candidate, number = name, 0
    while is_taken(store, candidate, extension, but_by):
        number += 1
        candidate = f"{name}_({number})"
    return candidate


def shown(store: Store, row: Row) -> Row:
    """A media row as the admin route lists it."""
    folder = store.get("media_folder", row.get("mediaFolderId")) or {}
    products = dict.fromkeys(store.table("product")[link["productId"]]["productNumber"]
                             for link in store.children("product_media", "mediaId", row["id"]))
    return {"id": row["id"], **summary(row), "folder": folder.get("name"),
            "uploads": row.get("uploads", 0), "products": list(products)}


def summary(row: Row) -> Row:
    """What the admin routes tell of a file."""
    texts = row["translations"].get(SYSTEM_LANGUAGE) or {}
    return {"file_name": row.get("fileName"), "extension": row.get("fileExtension"),
            "size": row.get("fileSize"), "hash": row.get("sha256"), "alt": texts.get("alt")}


def _refuse_url(body: dict) -> None:
    url = body.get("url")
    if not url:
        raise errors.named(400, "CONTENT__MEDIA_MISSING_URL_PARAMETER", "Parameter url is missing.")
    raise errors.named(400, "CONTENT__MEDIA_ILLEGAL_URL",
                       f'Provided URL "{url}" is not allowed.', {"url": url})


def _check_name(name: str) -> None:
    cause = ""
    if name.endswith(" "):
        cause = "Filename must not end with spaces"
    elif name.startswith(".") or name.endswith("."):
        where = "start" if name.startswith(".") else "end"
        cause = f'Filename must not {where} with a "." (dot).'
    elif bad := next((one for one in name if one in FORBIDDEN_IN_NAMES), None):
        cause = f'Filename must not contain "{bad}"'
    elif bad := next((one for one in name if ord(one) < ord(" ")), None):
        cause = f'Filename must not contain character "{ord(bad):x}"'
    if cause:
        raise errors.named(400, "CONTENT__MEDIA_ILLEGAL_FILE_NAME",
                           f'Provided filename "{name}" is not permitted: {cause}',
                           {"fileName": name, "cause": cause})


def _members(file: File, base_url: str) -> Row:
    mime_type = mimetypes.guess_type(f"x.{file.extension}")[0] or "application/octet-stream"
    folders = f"{file.md5[:2]}/{file.md5[2:4]}/{file.md5[4:6]}"
    path = f"media/{folders}/{int(time.time())}/{file.name}.{file.extension}"
    kind = {"application": "DOCUMENT", "text": "DOCUMENT"}.get(
        mime_type.split("/")[0], mime_type.split("/")[0].upper())
    return {"fileName": file.name, "fileExtension": file.extension, "mimeType": mime_type,
            "fileSize": file.size, "metaData": _meta_data(file), "hasFile": True, "path": path,
            "url": f"{base_url}/{path}?ts={int(time.time())}", "uploadedAt": stamp(),
            "updatedAt": stamp(), "sha256": file.sha256,
            "mediaType": {"extensions": [], "name": kind, "apiAlias": f"media_type_{kind}",
                          "flags": ["transparent"] if file.extension in TRANSPARENT else []}}


def _meta_data(file: File) -> Row:
    if not file.head.startswith(PNG):
        return {"hash": file.md5}
    width, height = struct.unpack(">II", file.head[16:24])
    return {"width": width, "height": height, "type": PHP_PNG, "hash": file.md5}
