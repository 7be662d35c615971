"""The images of products: which are there, which have to come, in which order, which have to go.

What we added carries a mark: a custom field of the row that shows the image, with our namespace,
the ERP's document and its revision. So the shop itself says what is current, and what is not ours
is never touched. The file stays in the shop's media when its image goes: other pages may show it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from integration.connectors.base import Context, Payload, Receipt
from integration.connectors.files import ImageBody, Outcome, content_of, missing_error
from integration.connectors.shopware6 import batch, ids, refusals
from integration.connectors.shopware6.alts import AltTexts, Place
from integration.connectors.shopware6.batch import Row, Verdict
from integration.connectors.shopware6.client import PAGE_SIZE, Client
from integration.connectors.shopware6.uploads import Uploader
from integration.errors import IntegrationError
from integration.topology import Topic

#: The custom field that marks a row as ours: ``acme/42 700001 3``.
MARK = "variorelay_image"
#: The custom field beside it with the alt texts that we sent, by language.
ALT = "variorelay_alt"


@dataclass(frozen=True)
class _Shown:
    """A row of ours that shows an image. `has_file`: its media has a file. `sent`: the alt texts
    that we sent, by language."""

    id: str
    ref: str
    revision: str
    media_id: str
    has_file: bool
    sent: Mapping[str, str]


@dataclass
class _Plan:
    """What one payload needs: rows to write, ids of rows to delete, and what could not come."""

    position: int
    payload: Payload
    rows: list[dict[str, Any]] = field(default_factory=list)
    deletes: list[str] = field(default_factory=list)
    missing: list[tuple[ImageBody, IntegrationError]] = field(default_factory=list)


class ImagePush:
    """One push of images to one shop."""

    def __init__(self, client: Client, context: Context) -> None:
        self._client, self._context = client, context
        self._alts = AltTexts(client, context.facts)

    def push(self, payloads: Sequence[Payload]) -> list[Receipt]:
        """One receipt per payload, same order. An image that cannot come keeps no other back.

        Raises: what a push raises (base.Connector).
        """
        products = [one["external_id"] for one in payloads if one["external_id"]]
        there = self._products(products)
        shown = self._shown(sorted(there))
        known = [one for one in payloads if one["external_id"] in there]
        outcome = self._uploaded(known, shown)
        ours = self._alts.still_ours(self._texts_to_go(known, shown))
        plans = [
            self._plan(position, payload, shown.get(str(payload["external_id"]), {}), outcome, ours)
            for position, payload in enumerate(payloads)
            if payload["external_id"] in there
        ]
        verdicts = self._written(plans)
        plan_by_position = {plan.position: plan for plan in plans}
        return [
            _receipt(payload, plan_by_position.get(position), verdicts.get(position, Verdict()))
            for position, payload in enumerate(payloads)
        ]

    def _products(self, product_ids: Sequence[str]) -> frozenset[str]:
        rows = self._client.search(
            "product", ids=sorted(set(product_ids)), includes={"product": ["id"]}
        )
        return frozenset(str(row["id"]) for row in rows)

    def _shown(self, product_ids: Sequence[str]) -> dict[str, dict[str, _Shown]]:
        """Our rows by product and document."""
        found: dict[str, dict[str, _Shown]] = {}
        for row in self._links(product_ids):
            custom = row.get("customFields") or {}
            mark = custom.get(MARK)
            namespace, ref, revision = (*str(mark).split(" "), "", "")[:3]
            if mark is None or namespace != self._context.namespace:
                continue
            media = row.get("media") or {}
            one = _Shown(
                str(row["id"]),
                ref,
                revision,
                str(row["mediaId"]),
                bool(media.get("fileName")),
                custom.get(ALT) or {},
            )
            found.setdefault(str(row["productId"]), {})[ref] = one
        return found

    def _links(self, product_ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        if not product_ids:
            return
        for page in count(1):
            rows = self._client.search(
                "product-media",
                page=page,
                filter=[{"type": "equalsAny", "field": "productId", "value": list(product_ids)}],
                sort=[{"field": "id", "order": "ASC"}],
                associations={"media": {}},
                includes={
                    "product_media": ["id", "productId", "mediaId", "customFields", "media"],
                    "media": ["id", "fileName"],
                },
            )
            yield from rows
            if len(rows) < PAGE_SIZE:
                return

    def _uploaded(
        self, payloads: Sequence[Payload], shown: Mapping[str, Mapping[str, _Shown]]
    ) -> Outcome:
        wanted = [
            image
            for payload in payloads
            for image in payload["body"]["images"]
            if not _is_current(shown.get(str(payload["external_id"]), {}), image)
        ]
        if not wanted:
            return Outcome()
        return Uploader(self._client, self._context).upload(wanted)

    def _texts_to_go(
        self, payloads: Sequence[Payload], shown: Mapping[str, Mapping[str, _Shown]]
    ) -> Iterator[tuple[Place, str]]:
        """Alt texts that we sent and that the ERP has no more."""
        for payload in payloads:
            of_product = shown.get(str(payload["external_id"]), {})
            for image in payload["body"]["images"]:
                known = of_product.get(image["ref"])
                if known is None or not known.sent:
                    continue
                alt = self._alts.of(image)
                for language, text in known.sent.items():
                    if language not in alt:
                        yield (known.media_id, language), text

    def _plan(
        self,
        position: int,
        payload: Payload,
        shown: Mapping[str, _Shown],
        outcome: Outcome,
        ours: frozenset[Place],
    ) -> _Plan:
        plan, kept = _Plan(position, payload), set[str]()
        for image in payload["body"]["images"]:
            ref, content = image["ref"], content_of(image)
            known = shown.get(ref)
            if known is not None and _is_current(shown, image):
                media_id: str | None = known.media_id
            else:
                media_id = outcome.id_by_content.get(content)
            if media_id is None:
                plan.missing.append((image, outcome.error_by_content[content]))
                if known is not None:
                    kept.add(ref)  # better the old picture than none
                continue
            kept.add(ref)
            link_id = ids.image_id(self._context.namespace, payload["article_id"], ref)
            if known is not None and known.id != link_id:
                plan.deletes.append(known.id)
            alt = self._alts.of(image)
            custom: dict[str, Any] = {MARK: f"{self._context.namespace} {ref} {image['revision']}"}
            if alt or (known is not None and known.sent):
                custom[ALT] = alt
            plan.rows.append(
                {
                    "id": link_id,
                    "position": len(plan.rows) + 1,
                    "customFields": custom,
                    "media": {"id": media_id, **_translations(alt, media_id, ours)},
                }
            )
        plan.deletes += [one.id for ref, one in shown.items() if ref not in kept]
        return plan

    def _written(self, plans: Sequence[_Plan]) -> dict[int, Verdict]:
        """Verdicts by position, of those that had something to be written."""
        deletes_by_product = {str(one.payload["external_id"]): one.deletes for one in plans}
        rows = [
            Row(one.position, _values(one), (Topic.MEDIA,))
            for one in plans
            if one.rows or one.deletes
        ]

        def post(sent: Sequence[Row]) -> frozenset[str]:
            values = [row.values for row in sent]
            gone = [one for row in values for one in deletes_by_product[row["id"]]]
            return self._client.sync(_operations(values, gone), "product")

        verdicts = batch.write(rows, post)
        return {row.position: one for row, one in zip(rows, verdicts, strict=True)}


def _is_current(shown: Mapping[str, _Shown], image: ImageBody) -> bool:
    known = shown.get(image["ref"])
    return known is not None and known.has_file and known.revision == image["revision"]


def _translations(alt: Mapping[str, str], media_id: str, ours: frozenset[Place]) -> dict[str, Any]:
    """The alt texts as the media has them; those in `ours` are not the ERP's any more."""
    gone = [language for media, language in ours if media == media_id and language not in alt]
    texts = {**alt, **dict.fromkeys(gone)}
    return {"translations": {one: {"alt": text} for one, text in texts.items()}} if texts else {}


def _values(plan: _Plan) -> dict[str, Any]:
    values: dict[str, Any] = {"id": plan.payload["external_id"]}
    if plan.rows:
        values.update(media=plan.rows, coverId=plan.rows[0]["id"])
    return values


def _operations(values: Sequence[Mapping[str, Any]], gone: Sequence[str]) -> list[dict[str, Any]]:
    """The products with their images first: a cover moves before its old row goes."""
    upsert = {
        "key": refusals.OPERATION,
        "entity": "product",
        "action": "upsert",
        "payload": list(values),
    }
    if not gone:
        return [upsert]
    delete = {
        "key": "gone",
        "entity": "product_media",
        "action": "delete",
        "payload": [{"id": one} for one in gone],
    }
    return [upsert, delete]


def _receipt(payload: Payload, plan: _Plan | None, verdict: Verdict) -> Receipt:
    article_id = payload["article_id"]
    if plan is None or verdict.has_vanished:
        return Receipt(article_id, has_vanished=True)
    error = verdict.error or missing_error(plan.payload["number"], plan.missing, len(plan.rows))
    if error is not None:
        return Receipt(article_id, error=error)
    return Receipt(article_id, external_id=payload["external_id"], recorded=(Topic.MEDIA,))
