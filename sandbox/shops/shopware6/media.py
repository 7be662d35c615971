"""Upload of a file to a media row. Only bytes: the sandbox fetches nothing from elsewhere."""

from __future__ import annotations

import hashlib
import mimetypes

from flask import Request

from . import errors, wire
from .clock import stamp
from .store import Store

EXTENSIONS = ("jpg", "jpeg", "png", "webp", "avif", "gif", "svg", "bmp", "tiff", "tif", "eps",
              "webm", "mkv", "flv", "ogv", "ogg", "mov", "mp4", "avi", "wmv", "pdf", "aac", "mp3",
              "wav", "flac", "oga", "wma", "txt", "doc", "ico", "glb", "zip", "rar")


def upload(store: Store, media_id: str, request: Request) -> None:
    """Give a media row its file. Raises ApiError."""
    extension = request.args.get("extension", "").lower()
    file_name = request.args.get("fileName") or media_id
    if not extension:
        raise errors.named(400, "CONTENT__MEDIA_MISSING_FILE_EXTENSION",
                           "No file extension provided.")
    if request.is_json:
        _refuse_url(wire.mapping())
    with store.lock:
        row = store.get("media", media_id)
        if row is None:
            raise errors.named(404, "CONTENT__MEDIA_NOT_FOUND",
                               f'Could not find media with id "{media_id}"',
                               {"entity": "media", "field": "id", "value": media_id})
        _check_file(store, media_id, file_name, extension)
        path = f"media/{media_id[:2]}/{media_id[2:4]}/{file_name}.{extension}"
        content = request.get_data()
        mime_type = mimetypes.guess_type(f"x.{extension}")[0] or "application/octet-stream"
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        store.put("media", media_id, {
            **row, "fileName": file_name, "fileExtension": extension, "mimeType": mime_type,
            "fileSize": len(content), "metaData": {"hash": digest}, "hasFile": True, "path": path,
            "url": f"{request.host_url}{path}", "uploadedAt": stamp(), "updatedAt": stamp(),
            "mediaType": {"extensions": [], "name": "IMAGE", "flags": [],
                          "apiAlias": "media_type_IMAGE"}})


def _refuse_url(body: dict) -> None:
    url = body.get("url")
    if not url:
        raise errors.named(400, "CONTENT__MEDIA_MISSING_URL_PARAMETER",
                           'Parameter "url" is missing.')
    raise errors.named(400, "CONTENT__MEDIA_ILLEGAL_URL",
                       f'Provided URL "{url}" is not allowed.', {"url": url})


def _check_file(store: Store, media_id: str, file_name: str, extension: str) -> None:
    if extension not in EXTENSIONS:
        raise errors.named(
            400, "CONTENT__MEDIA_FILE_TYPE_NOT_SUPPORTED",
            f'The file extension "{extension}" for media object with id {media_id} is not '
            "supported.", {"mediaId": media_id, "extension": extension})
    for row in store.table("media").values():
        taken = (row.get("fileName"), row.get("fileExtension")) == (file_name, extension)
        if taken and row["id"] != media_id:
            raise errors.named(400, "CONTENT__MEDIA_DUPLICATED_FILE_NAME",
                               f'A file with the name "{file_name}.{extension}" already exists.',
                               {"fileName": file_name, "fileExtension": extension})
