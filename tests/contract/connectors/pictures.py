"""Images of articles, and the files of an ERP that has them: bytes, or why there are none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from integration.documents import Image, ImagesDocument


class Files:
    """What `Context.open_file` gives; every document has a picture of its own unless told."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = {}
        self.opened: list[str] = []

    def open(self, ref: str) -> Iterator[bytes]:
        self.opened.append(ref)
        content = self.content.get(ref, f"picture {ref}".encode())
        if isinstance(content, Exception):
            raise content
        yield from ([content] if isinstance(content, bytes) else content())


def image(ref: str = "7", revision: str = "1", **changes: Any) -> Image:
    values: dict[str, Any] = {"file_name": f"bild {ref}", "extension": "png", **changes}
    return Image(ref=ref, revision=revision, media_type="image/png", **values)


def shown(*images: Image, article_id: str = "1") -> ImagesDocument:
    return ImagesDocument(article_id, images)


def sha(ref: str) -> str:
    return hashlib.sha256(f"picture {ref}".encode()).hexdigest()
