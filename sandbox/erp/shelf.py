"""The media shelf: the images of each article, their files and the addresses they are shared under.

The first articles of a tenant have none to three at the start, by their ids.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox.erp.model import Article

FIRST_ID = 700_000  # above the first article's id, so that an article is no document of the shelf
_NAMESPACE = uuid.UUID("b1b6d2f4-7d1e-4b0f-9f5e-0f6a4b0f6f10")
PIXELS = 8


@dataclass
class Share:
    id: int
    public_id: str
    availability: str = "UNLIMITED"
    minutes: int | None = None
    external_ref: str | None = None
    custom: dict[str, Any] = field(default_factory=dict)
    used: bool = False


@dataclass
class Image:
    """A document of the shelf with its attribution to one article; `least` bytes at least."""

    id: int
    attribution: int
    article: Article
    sort: int
    revision: int = 1
    publish: bool = True
    favourite: bool = False
    alternative: str = ""
    least: int = 0
    shares: list[Share] = field(default_factory=list)

    @property
    def uuid(self) -> str:
        return str(uuid.uuid5(_NAMESPACE, str(self.id)))

    @property
    def file_name(self) -> str:
        return f"bild-{self.id}"

    def content(self) -> bytes:
        """A small PNG of one colour, another for each image and revision; what follows its end is
        no part of the picture."""
        colour = hashlib.sha256(f"{self.id}/{self.revision}".encode()).digest()[:3]
        rows = (b"\0" + colour * PIXELS) * PIXELS
        header = struct.pack(">IIBBBBB", PIXELS, PIXELS, 8, 2, 0, 0, 0)
        picture = (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
                   + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b""))
        return picture.ljust(self.least, b"\0")

    def etag(self) -> str:
        return f"{self.id}-{self.revision}"


class Shelf:
    """The images of one tenant. Writers hold the tenant's lock."""

    def __init__(self, first_article: int, illustrated: Iterable[Article]) -> None:
        self._ids = itertools.count(first_article + FIRST_ID)
        self._by_article: dict[int, list[Image]] = {}
        self._by_id: dict[int, Image] = {}
        self.shared: dict[str, tuple[Image, Share]] = {}
        for article in illustrated:
            for _place in range(article.id % 4):
                self.add(article)
            article.media_revision = int(article.id in self._by_article)

    def images(self, article: Article) -> list[Image]:
        """All of the article, also unpublished ones, in the order of `sort`."""
        return sorted(self._by_article.get(article.id, ()), key=lambda one: (one.sort, one.id))

    def image(self, identifier: int) -> Image | None:
        return self._by_id.get(identifier)

    def by_uuid(self, uuid_text: str) -> Image | None:
        return next((one for one in list(self._by_id.values()) if one.uuid == uuid_text), None)

    def add(self, article: Article, least: int = 0) -> Image:
        """A new image behind the others; the first one is the favourite."""
        known = self._by_article.setdefault(article.id, [])
        last = max((one.sort for one in known), default=0)
        image = Image(next(self._ids), next(self._ids), article, last + 1,
                      favourite=not known, alternative=f"{article.name}, Bild {last + 1}",
                      least=least)
        known.append(image)
        self._by_id[image.id] = image
        return image

    def remove(self, image: Image) -> None:
        del self._by_id[image.id]
        self._by_article[image.article.id].remove(image)
        for share in image.shares:
            del self.shared[share.public_id]

    def share(self, image: Image, availability: str, minutes: int | None,
              external_ref: str | None, custom: dict[str, Any]) -> Share:
        identifier = next(self._ids)
        public_id = hashlib.sha256(f"share/{identifier}".encode()).hexdigest()[:32]
        share = Share(identifier, public_id, availability, minutes, external_ref, custom)
        image.shares.append(share)
        self.shared[public_id] = image, share
        return share

    def unshare(self, image: Image, share: Share) -> None:
        image.shares.remove(share)
        del self.shared[share.public_id]


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
