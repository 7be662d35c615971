"""Files from the ERP into the shop's media, once per content.

A file passes through a temporary file on disk, in chunks: its hash, which is its id in the shop,
and its length are known before it is sent, and it can be sent again. A group of files costs one
search and at most one write besides their uploads.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from integration.connectors import http
from integration.connectors.base import Context, FactStore
from integration.connectors.shopware6 import batch, ids, refusals
from integration.connectors.shopware6.client import Client
from integration.connectors.shopware6.refusals import Refused
from integration.errors import (
    Busy,
    IntegrationError,
    PermanentError,
    Rejected,
    SourceTrouble,
    Throttled,
    TransientError,
)

#: Of one file. PHP takes less by default and then says so; more is no picture for a shop.
MAX_FILE_BYTES = 32 * 1024 * 1024
#: A group ends when it has so many files or so much on disk.
GROUP_FILES, GROUP_BYTES = 40, 512 * 1024 * 1024
#: Images of what Shopware takes (`shopware.filesystem.allowed_extensions`).
EXTENSIONS = frozenset(
    ("jpg", "jpeg", "png", "webp", "avif", "gif", "svg", "bmp", "tiff", "tif", "ico")
)
#: Files in a row that the shop may fail: one is an odd file, two are a shop in trouble.
MAX_STUMBLES = 2

_FOLDER = "media-folder"
#: What a file name must not have, by Shopware's FileNameValidator and for the sake of addresses.
_NOT_IN_NAMES = re.compile(r"[^\w.()-]+")
_LONGEST_NAME = 80

#: A document of the ERP at one revision: what is downloaded once.
Content = tuple[str, str]
Image = Mapping[str, Any]


@dataclass(frozen=True)
class _Spooled:
    """A file on disk. `id` is that of its media."""

    content: Content
    image: Image
    id: str
    body: http.FileBody


@dataclass
class Outcome:
    """Media ids by content of what is in the shop now, and why the others are not."""

    id_by_content: dict[Content, str] = field(default_factory=dict)
    error_by_content: dict[Content, IntegrationError] = field(default_factory=dict)


def content_of(image: Image) -> Content:
    return image["ref"], image["revision"]


class Uploader:
    """Uploads for one push of one channel."""

    def __init__(self, client: Client, context: Context) -> None:
        self._client, self._context = client, context
        self._stumbles = 0

    def upload(self, images: Sequence[Image]) -> Outcome:
        """Bring these images into the shop's media, each content once.

        Raises: what stops the whole push: TenantError, ClaimLost, ChannelError, Throttled, and a
        shop that fails file after file.
        """
        outcome = Outcome()
        wanted = {content_of(image): image for image in images}
        with tempfile.TemporaryDirectory(prefix="vario-relay-") as folder:
            for group in self._groups(wanted, Path(folder), outcome):
                self._send(group, outcome)
                for spooled in group:
                    spooled.body.path.unlink(missing_ok=True)
        return outcome

    def _groups(
        self, wanted: Mapping[Content, Image], folder: Path, outcome: Outcome
    ) -> Iterator[list[_Spooled]]:
        group: list[_Spooled] = []
        is_over: Busy | None = None
        for number, (content, image) in enumerate(wanted.items()):
            try:
                if is_over is not None:
                    raise is_over
                group.append(self._spool(content, image, folder / str(number)))
            except Busy as error:
                # No time or no budget for any other either; they come again.
                is_over = error
                outcome.error_by_content[content] = error
            except (SourceTrouble, PermanentError) as error:
                outcome.error_by_content[content] = error
            if len(group) >= GROUP_FILES or sum(len(one.body) for one in group) >= GROUP_BYTES:
                yield group
                group = []
        if group:
            yield group

    def _spool(self, content: Content, image: Image, path: Path) -> _Spooled:
        """The file on disk. Raises: Rejected for what the shop would not take, and what
        `Context.open_file` raises."""
        if image["extension"] not in EXTENSIONS:
            raise Rejected(f"Shopware takes no {image['extension'] or image['type']} as an image")
        _check_size(image["size"] or 0)
        digest, size = hashlib.sha256(), 0
        with path.open("wb") as file:
            for chunk in self._context.open_file(image["ref"]):
                digest.update(chunk)
                size += file.write(chunk)
                _check_size(size)
        if not size:
            raise Rejected("the ERP's file is empty")
        media_id = ids.media_id(self._context.namespace, digest.hexdigest())
        return _Spooled(content, image, media_id, http.FileBody(path, size))

    def _send(self, group: Sequence[_Spooled], outcome: Outcome) -> None:
        size_by_id = self._there([one.id for one in group])
        new = sorted({one.id for one in group if one.id not in size_by_id})
        if new:
            self._make_rows(new)
        error_by_id: dict[str, IntegrationError] = {}
        for spooled in group:
            if spooled.id in error_by_id:
                outcome.error_by_content[spooled.content] = error_by_id[spooled.id]
                continue
            try:
                if size_by_id.get(spooled.id) != len(spooled.body):
                    self._send_one(spooled)
                    size_by_id[spooled.id] = len(spooled.body)
                outcome.id_by_content[spooled.content] = spooled.id
            except (PermanentError, TransientError) as error:
                error_by_id[spooled.id] = outcome.error_by_content[spooled.content] = error

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
        folder = folder_id(self._client, self._context.facts)
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
            self._context.facts.put(_FOLDER, None)
            raise TransientError(f"the shop makes no media: {refused}") from refused

    def _send_one(self, spooled: _Spooled) -> None:
        """Raises: Rejected, Busy and TransientError of this file; Throttled and a TransientError
        that ends the push, see `upload`."""
        name = file_name(spooled.image["name"], spooled.id)
        try:
            try:
                self._put(spooled, name)
            except Refused as refused:
                if not _is_any(refused, refusals.DUPLICATE_FILE_NAME):
                    raise
                # An employee's file has the very name: nobody has this one.
                self._put(spooled, spooled.id)
            self._stumbles = 0
        except Refused as refused:
            if _is_any(refused, refusals.MEDIA_NOT_FOUND):
                raise TransientError("its media went away in the shop meanwhile") from refused
            raise Rejected(f"the shop refuses it: {refused}") from refused
        except Busy:
            raise
        except Throttled as error:
            raise ShopStops(error) from error
        except TransientError as error:
            self._stumbles += 1
            if self._stumbles >= MAX_STUMBLES:
                raise ShopStops(error) from error
            raise

    def _put(self, spooled: _Spooled, name: str) -> None:
        image = spooled.image
        repeated(
            lambda: self._client.upload(
                spooled.id, name, image["extension"], image["type"], spooled.body
            )
        )


class ShopStops(Exception):
    """Nothing more can be sent to the shop now; `error` says why."""

    def __init__(self, error: TransientError) -> None:
        super().__init__(error)
        self.error = error


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


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise Rejected(
            f"it has more than {MAX_FILE_BYTES // 1024**2} MB, which is too much for a shop; make "
            "it smaller in the ERP"
        )


def _is_any(refused: Refused, code: str) -> bool:
    return any(entry.code == code for entry in refused.entries)
