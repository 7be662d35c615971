"""upsert.article-media: the images of one article, in the order of the shop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from integration.channel_view import ChannelView
from integration.documents import Image, ImagesDocument, WithdrawalDocument
from integration.errors import Invalid
from integration.topics.rows import load

#: Channel parameter: what the ERP calls an article on its media shelf.
REF_TYPE = "media_ref_type"

FILE_ATTACHED, NOT_DELETED = "FILE_ATTACHED", "NOT_YET"
#: Extensions by content type; what is not here has the ERP's own.
_EXTENSION_BY_TYPE = {
    "image/jpeg": "jpg",
    "image/jpg": "jpg",
    "image/pjpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
    "image/svg+xml": "svg",
    "image/tiff": "tiff",
    "image/bmp": "bmp",
}


class _ImageSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    id = fields.String(required=True)
    favourite = fields.Boolean(load_default=False)
    sort = fields.Integer(allow_none=True, strict=True, load_default=None)
    state = fields.String(allow_none=True, load_default=None)
    deletion_state = fields.String(allow_none=True, load_default=None)
    content_type = fields.String(allow_none=True, load_default=None)
    name = fields.String(allow_none=True, load_default=None)
    extension = fields.String(allow_none=True, load_default=None)
    size = fields.Integer(allow_none=True, strict=True, load_default=None)
    revision = fields.String(allow_none=True, load_default=None)
    texts = fields.List(fields.List(fields.String()), load_default=list)


_IMAGES = _ImageSchema(many=True)


def images_document(
    row: Mapping[str, Any], channel: ChannelView
) -> ImagesDocument | WithdrawalDocument:
    """What a shop shows: published files of images that are there and not about to be deleted.

    The favourite first, then by the ERP's place, then by id (vario-erp.md 8.4); a withdrawal for
    what is not offered. Raises: Invalid.
    """
    article = load(row)
    if not article.is_offered:
        return WithdrawalDocument(article.id)
    try:
        found: Sequence[dict[str, Any]] = _IMAGES.load(row.get("images") or [])
    except ValidationError as error:
        sentence = f"{article.label}: the ERP's images are malformed: {error}"
        raise Invalid(sentence) from error
    shown = sorted(filter(_is_shown, found), key=_place)
    return ImagesDocument(article.id, tuple(map(_image, shown)))


def _is_shown(image: Mapping[str, Any]) -> bool:
    return (
        image["state"] == FILE_ATTACHED
        and image["deletion_state"] in (NOT_DELETED, None)
        and _media_type(image).startswith("image/")
    )


def _place(image: Mapping[str, Any]) -> tuple[bool, bool, int, int, str]:
    """The sort key; an image without a place comes behind those that have one."""
    sort, key = image["sort"], image["id"]
    return not image["favourite"], sort is None, sort or 0, len(key), key


def _image(image: Mapping[str, Any]) -> Image:
    media_type = _media_type(image)
    own = (image["extension"] or "").strip().lstrip(".").lower()
    return Image(
        ref=image["id"],
        revision=image["revision"] or "",
        file_name=(image["name"] or "").strip() or f"image-{image['id']}",
        extension=_EXTENSION_BY_TYPE.get(media_type) or own,
        media_type=media_type,
        size=image["size"],
        alt=tuple(
            (code.strip().lower(), text.strip()) for code, text in image["texts"] if text.strip()
        ),
    )


def _media_type(image: Mapping[str, Any]) -> str:
    """``image/png``, without parameters."""
    return str(image["content_type"] or "").partition(";")[0].strip().lower()
