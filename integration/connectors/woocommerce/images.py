"""The images of products: which are there, which have to come, in which order, which have to go.

A product names all its images at once. Which of them are ours stands in metadata of the product,
written with them: the ERP's document and revision and the id in the shop's media. So the shop
itself says what is current; what is not ours stays, behind ours. The file stays in the shop's media
when its image goes: other pages may show it. A variation shows one image, its first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integration import wire
from integration.connectors.base import Context, Payload, Receipt
from integration.connectors.files import ImageBody, Outcome, content_of, missing_error, text_in
from integration.connectors.woocommerce import batch, details, variations
from integration.connectors.woocommerce.batch import Verdict
from integration.connectors.woocommerce.client import Client
from integration.connectors.woocommerce.rows import Row
from integration.connectors.woocommerce.uploads import Uploader
from integration.connectors.woocommerce.wordpress import WordPress
from integration.errors import Held, IntegrationError
from integration.topology import Topic

#: Metadata of a product: ``{"of": "acme/42", "images": {"700001": ["3", 812, "A hammer"]}}`` as
#: JSON, with the alt text that we sent as far as there is one.
MARK = "_vario_relay_images"
#: Takes an alt text away: the shop takes an empty one for no word about it, and cleans this one.
_NO_TEXT = " "

#: Revision, id in the shop's media, and the alt text that we sent.
_Ours = tuple[str, int, str]


_NOTHING: _Ours = ("", 0, "")


@dataclass(frozen=True)
class _Shown:
    """The images of a product: alt texts by id of all, in their order, and ours by document."""

    ids: Mapping[int, str]
    ours: Mapping[str, _Ours]

    def current(self, image: ImageBody) -> int | None:
        """The id of this very image, if the product shows it."""
        revision, image_id, _ = self.ours.get(image["ref"], _NOTHING)
        return image_id if revision == image["revision"] and image_id in self.ids else None


@dataclass
class _Plan:
    """What one payload needs: our images in their order, and what could not come."""

    row: Row | None = None
    there: int = 0
    missing: list[tuple[ImageBody, IntegrationError]] = field(default_factory=list)


class ImagePush:
    """One push of images to one shop. `language` is the shop's, for alt texts, e.g. ``de-DE``."""

    def __init__(self, client: Client, context: Context, language: str) -> None:
        self._client, self._context, self._language = client, context, language

    def push(self, payloads: Sequence[Payload]) -> list[Receipt]:
        """One receipt per payload, same order. An image that cannot come keeps no other back.

        Raises: what a push raises (base.Connector).
        """
        shown = self._shown(payloads)
        known = [one for one in payloads if one["external_id"] in shown]
        try:
            outcome = self._uploaded(known, shown)
        except Held as held:
            return [Receipt(one["article_id"], error=held) for one in payloads]
        plans = {
            position: self._plan(position, payload, shown[str(payload["external_id"])], outcome)
            for position, payload in enumerate(payloads)
            if payload["external_id"] in shown
        }
        rows = [one.row for one in plans.values() if one.row is not None]
        pace = self._client.pace(Topic.MEDIA.value)
        written = zip(rows, batch.write(self._client, rows, pace), strict=True)
        verdicts = {row.position: verdict for row, verdict in written}
        return [
            _receipt(payload, plans.get(position), verdicts.get(position, Verdict()))
            for position, payload in enumerate(payloads)
        ]

    def _shown(self, payloads: Sequence[Payload]) -> dict[str, _Shown]:
        """What the shop shows of these products and variations, as far as it has them."""
        ids_by_parent: dict[str | None, list[str]] = {}
        for payload in payloads:
            if payload["external_id"] is not None:
                parent = variations.parent_of(payload)
                ids_by_parent.setdefault(parent, []).append(payload["external_id"])
        found: dict[str, _Shown] = {}
        for parent, ids in ids_by_parent.items():
            query = {
                "include": ",".join(ids),
                "status": "any",
                "_fields": "id,images,image,meta_data",
            }
            for row in self._client.rows_if_there(variations.path_of(parent), **query):
                found[str(row["id"])] = self._of_row(row)
        return found

    def _of_row(self, row: Mapping[str, Any]) -> _Shown:
        images = row.get("images") or [row.get("image")]
        return _Shown(
            ids={
                int(one["id"]): str(one.get("alt") or "")
                for one in images
                if isinstance(one, dict) and one.get("id")
            },
            ours=_read(details.meta_value(row, MARK), self._context.namespace),
        )

    def _uploaded(self, payloads: Sequence[Payload], shown: Mapping[str, _Shown]) -> Outcome:
        wanted = [
            image
            for payload in payloads
            for image in _wanted(payload)
            if shown[str(payload["external_id"])].current(image) is None
        ]
        if not wanted:
            return Outcome()
        wordpress = WordPress(self._client.settings, self._context)
        return Uploader(wordpress, self._context).upload(wanted)

    def _plan(self, position: int, payload: Payload, shown: _Shown, outcome: Outcome) -> _Plan:
        plan, ours = _Plan(), dict[str, _Ours]()
        entries: list[dict[str, Any]] = []
        for image in _wanted(payload):
            ref, revision = content_of(image)
            image_id = shown.current(image) or int(outcome.id_by_content.get((ref, revision), 0))
            if not image_id:
                plan.missing.append((image, outcome.error_by_content[ref, revision]))
                revision, image_id, _ = shown.ours.get(ref, _NOTHING)
                if image_id not in shown.ids:
                    continue
                # Better the old picture than none.
            else:
                plan.there += 1
            text = self._text(image)
            ours[ref] = revision, image_id, text
            if image_id not in [one["id"] for one in entries]:
                entries.append({"id": image_id, **_alt(text, ref, image_id, shown)})
        before = {image_id for _, image_id, _ in shown.ours.values()}
        own_ids = before | {entry["id"] for entry in entries}
        others = [one for one in shown.ids if one not in own_ids]
        if entries or set(shown.ids) & before:
            values = self._values(payload, [*entries, *({"id": one} for one in others)], ours)
            parent = variations.parent_of(payload)
            external_id = payload["external_id"]
            plan.row = Row(position, external_id, values, (Topic.MEDIA,), parent=parent)
        return plan

    def _values(
        self,
        payload: Payload,
        entries: Sequence[dict[str, Any]],
        ours: Mapping[str, _Ours],
    ) -> dict[str, Any]:
        images = {ref: one if one[2] else one[:2] for ref, one in ours.items()}
        noted = wire.dumps({"of": self._context.namespace, "images": images})
        meta = [{"key": MARK, "value": noted}]
        if variations.parent_of(payload) is None:
            return {"images": list(entries), "meta_data": meta}
        return {"image": entries[0] if entries else {}, "meta_data": meta}

    def _text(self, image: ImageBody) -> str:
        """The alt text in the shop's language, else in another one; empty: the ERP has none."""
        texts: Mapping[str, str] = image["alt"]
        return text_in(self._language, texts) or next(iter(texts.values()), "")


def _alt(text: str, ref: str, image_id: int, shown: _Shown) -> dict[str, str]:
    """What is said of an alt text. One that we sent and the ERP has no more is taken away, unless
    an employee changed it."""
    if text:
        return {"alt": text}
    _, sent_to, sent = shown.ours.get(ref, _NOTHING)
    is_ours = sent and sent_to == image_id and shown.ids.get(image_id, "").split() == sent.split()
    return {"alt": _NO_TEXT} if is_ours else {}


def _wanted(payload: Payload) -> Sequence[ImageBody]:
    images: Sequence[ImageBody] = payload["body"]["images"]
    return images if variations.parent_of(payload) is None else images[:1]


def _read(noted: Any, namespace: str) -> dict[str, _Ours]:
    """Our images by document, of what the metadata says; nothing for another channel's."""
    try:
        told = wire.loads(str(noted).encode()) if noted else {}
        if not isinstance(told, dict) or told.get("of") != namespace:
            return {}
        return {
            str(ref): (str(one[0]), int(one[1]), str(one[2]) if len(one) > 2 else "")
            for ref, one in told["images"].items()
        }
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return {}  # somebody changed it: nothing is known to be ours


def _receipt(payload: Payload, plan: _Plan | None, verdict: Verdict) -> Receipt:
    article_id = payload["article_id"]
    if plan is None or verdict.has_vanished:
        return Receipt(article_id, has_vanished=True)
    error = verdict.error or missing_error(payload["number"], plan.missing, plan.there)
    if error is not None:
        return Receipt(article_id, error=error)
    return Receipt(article_id, external_id=payload["external_id"], recorded=(Topic.MEDIA,))
