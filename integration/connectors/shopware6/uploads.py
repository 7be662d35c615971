"""Files from the ERP into the shop's media, once per content: its hash is its id in the shop.

A group of files costs one search and at most one write besides their uploads.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from integration.connectors.base import Context, FactStore
from integration.connectors.files import Outcome, Spooled, Uploads
from integration.connectors.shopware6 import batch, ids, refusals
from integration.connectors.shopware6.client import Client
from integration.connectors.shopware6.refusals import Refused
from integration.errors import (
    Busy,
    IntegrationError,
    PermanentError,
    Rejected,
    TransientError,
)

_FOLDER = "media-folder"
#: What a file name must not have, by Shopware's FileNameValidator and for the sake of addresses.
_NOT_IN_NAMES = re.compile(r"[^\w.()-]+")
_LONGEST_NAME = 80


class Uploader(Uploads):
    """Uploads for one push of one channel."""

    SYSTEM = "Shopware"
    #: Images of what it takes (`shopware.filesystem.allowed_extensions`).
    EXTENSIONS = frozenset(
        ("jpg", "jpeg", "png", "webp", "avif", "gif", "svg", "bmp", "tiff", "tif", "ico")
    )

    def __init__(self, client: Client, context: Context) -> None:
        super().__init__(context)
        self._client = client

    def send(self, group: Sequence[Spooled], outcome: Outcome) -> None:
        """As `Uploads.send`; a group costs one search and at most one write besides its files."""
        ids_by_content = {
            one.content: ids.media_id(self.context.namespace, one.digest) for one in group
        }
        size_by_id = self._there(list(ids_by_content.values()))
        new = sorted(set(ids_by_content.values()) - size_by_id.keys())
        if new:
            self._make_rows(new)
        error_by_id: dict[str, IntegrationError] = {}
        for spooled in group:
            media_id = ids_by_content[spooled.content]
            if media_id in error_by_id:
                outcome.error_by_content[spooled.content] = error_by_id[media_id]
                continue
            try:
                if size_by_id.get(media_id) != len(spooled.body):
                    self._send_one(spooled, media_id)
                    size_by_id[media_id] = len(spooled.body)
                outcome.id_by_content[spooled.content] = media_id
            except (PermanentError, TransientError) as error:
                error_by_id[media_id] = outcome.error_by_content[spooled.content] = error

    def _there(self, media_ids: Sequence[str]) -> dict[str, int | None]:
        """Bytes by id of those media rows that the shop has; None without a file."""
        rows = self._client.search(
            "media",
            ids=sorted(set(media_ids)),
            includes={"media": ["id", "fileName", "fileSize"]},
        )
        return {
            str(row["id"]): row.get("fileSize") if row.get("fileName") else None for row in rows
        }

    def _make_rows(self, media_ids: Sequence[str]) -> None:
        folder = folder_id(self._client, self.context.facts)
        where = {} if folder is None else {"mediaFolderId": folder}
        operation = {
            "key": "media",
            "entity": "media",
            "action": "upsert",
            "payload": [{"id": one, **where} for one in media_ids],
        }
        try:
            repeated(lambda: self._client.sync([operation], "media"))
        except Refused as refused:
            # The folder that we remember may be gone; it is asked for anew the next time.
            self.context.facts.put(_FOLDER, None)
            raise TransientError(f"the shop makes no media: {refused}") from refused

    def _send_one(self, spooled: Spooled, media_id: str) -> None:
        """Raises: Rejected, Busy and TransientError of this file; ShopStops."""
        try:
            self.one(lambda: self._put_somehow(spooled, media_id))
        except Refused as refused:
            if _is_any(refused, refusals.MEDIA_NOT_FOUND):
                raise TransientError("its media went away in the shop meanwhile") from refused
            raise Rejected(f"the shop refuses it: {refused}") from refused

    def _put_somehow(self, spooled: Spooled, media_id: str) -> None:
        try:
            self._put(spooled, media_id, file_name(spooled.image["name"], media_id))
        except Refused as refused:
            if not _is_any(refused, refusals.DUPLICATE_FILE_NAME):
                raise
            # An employee's file has the very name: nobody has this one.
            self._put(spooled, media_id, media_id)

    def _put(self, spooled: Spooled, media_id: str, name: str) -> None:
        image = spooled.image
        repeated(
            lambda: self._client.upload(
                media_id, name, image["extension"], image["type"], spooled.body
            )
        )


def repeated(write: Any) -> Any:
    """The result of a write that a lock may refuse a few times. Raises: Busy after the last."""
    for _ in range(batch.LOCK_REPEATS):
        try:
            return write()
        except Busy:
            continue
    return write()


def file_name(name: str, media_id: str) -> str:
    """A name that is the ERP's as far as the shop allows, and that no other media has.

    Names are unique over the whole shop, and every article has a ``1.jpg`` (shopware6.md 10).
    """
    readable = _NOT_IN_NAMES.sub("-", name)[:_LONGEST_NAME].strip(".-_ ") or "image"
    return f"{readable}-{media_id[:8]}"


def folder_id(client: Client, facts: FactStore) -> str | None:
    """The folder in which Shopware keeps product images; None if the shop has none."""
    known = facts.get(_FOLDER)
    if isinstance(known, str):
        return known
    rows = client.search(
        "media-folder",
        filter=[{"type": "equals", "field": "defaultFolder.entity", "value": "product"}],
        includes={"media_folder": ["id"]},
    )
    if not rows:
        return None
    facts.put(_FOLDER, str(rows[0]["id"]))
    return str(rows[0]["id"])


def _is_any(refused: Refused, code: str) -> bool:
    return any(entry.code == code for entry in refused.entries)
