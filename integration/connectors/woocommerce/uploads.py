"""Files from the ERP into the media library of WordPress, once per content.

The slug of a row is made of tenant, channel and the hash of the bytes, so that a file is found
again whose upload got no answer, and the same picture is uploaded once.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence

from integration.connectors.base import Context
from integration.connectors.files import Outcome, Spooled, Uploads
from integration.connectors.woocommerce.wordpress import WordPress
from integration.errors import PermanentError, TransientError

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 80


class Uploader(Uploads):
    """Uploads for one push of one channel."""

    SYSTEM = "WordPress"
    #: Images of what it takes by default.
    EXTENSIONS = frozenset(("jpg", "jpeg", "png", "gif", "webp", "avif", "heic", "ico"))

    def __init__(self, wordpress: WordPress, context: Context) -> None:
        super().__init__(context)
        self._wordpress = wordpress

    def send(self, group: Sequence[Spooled], outcome: Outcome) -> None:
        """As `Uploads.send`. Raises: Held without the right to."""
        slugs = sorted({self._slug(one) for one in group})
        query = {"slug": ",".join(slugs), "per_page": "100", "_fields": "id,slug"}
        known = {str(row.get("slug")): str(row["id"]) for row in self._wordpress.media(**query)}
        for spooled in group:
            slug = self._slug(spooled)
            try:
                if slug not in known:
                    known[slug] = self._send_one(spooled, slug)
                outcome.id_by_content[spooled.content] = known[slug]
            except (PermanentError, TransientError) as error:
                outcome.error_by_content[spooled.content] = error

    def _send_one(self, spooled: Spooled, slug: str) -> str:
        image = spooled.image
        name = f"{file_name(image['name'])}-{spooled.digest[:8]}.{image['extension']}"
        row = self.one(
            lambda: self._wordpress.upload(
                spooled.body, name, image["type"], slug=slug, title=image["name"] or slug
            )
        )
        if not isinstance(row, dict) or not row.get("id"):
            raise TransientError("the shop did not name the uploaded file", outcome_unknown=True)
        return str(row["id"])

    def _slug(self, spooled: Spooled) -> str:
        named = f"{self.context.namespace} {spooled.digest}"
        return f"vario-{hashlib.sha256(named.encode()).hexdigest()[:40]}"


def file_name(name: str) -> str:
    """A name that is the ERP's as far as an address in ASCII allows."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return _NOT_IN_NAMES.sub("-", plain)[:_LONGEST_NAME].strip(".-_ ") or "image"
