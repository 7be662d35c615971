"""What a body says beyond what every article has: texts per language, measures, categories, custom
fields, and the place among variants. Pure.

What was never stated is left out, so that what an agency entered in the shop stays and the hash of
an article without it stays the same. What was sent once is emptied when the ERP states it no more;
`notes` of the listing remember what that is. A manufacturer is one of many that the shop offers: it
is taken away only while it is the one that we set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.connectors import batches
from integration.connectors.base import ListingView, Payload
from integration.connectors.batches import SIDES, stated_sides
from integration.documents import ArticleDocument, OptionDocument, TextsDocument
from integration.errors import Invalid

#: The same in every shop; `name` and `description` of a product are in it.
SYSTEM_LANGUAGE = "2fbb5fe2e29a4d70aa5854ce7ce3e20b"
#: Notes: fields sent at least once, categories that we assigned, the parent of a variant and its
#: options.
FIELDS, CATEGORIES, PARENT, OPTIONS = "fields", "categories", "parent", "options"
#: Note: the shop's id of the manufacturer that we set; empty once the ERP has none any more.
MANUFACTURER = "manufacturer"
#: Most articles end at 0, as their stock says: only the others say it, and those that once did.
CLOSEOUT = "isCloseout"
_LONGEST = 255
#: What a body calls the fields that may be the shop's.
OWNED = {
    "number": "productNumber",
    "name": "name",
    "description": "description",
    "active": "active",
}


def add_to(body: dict[str, Any], document: ArticleDocument, notes: Mapping[str, Any]) -> None:
    """Put the details of an article into its body. Raises: Invalid for what the shop refuses."""
    _add_texts(body, document)
    stated = _stated(document)
    body.update({name: stated.get(name) for name in {*stated, *notes.get(FIELDS, ())}})
    if MANUFACTURER in notes:
        body.setdefault("manufacturer", None)
    if not document.ends_at_zero or CLOSEOUT in notes.get(FIELDS, ()):
        body[CLOSEOUT] = document.ends_at_zero
    if document.categories is not None:
        body["categories"] = list(document.categories)
    if document.custom_fields:
        body["customFields"] = dict(document.custom_fields)
    if document.is_main:
        # Its product differs from one of its own in nothing but its variants; they wait for this.
        body["isMain"] = True
    if document.variant is not None:
        body["parentId"] = document.variant.parent_id
        body["options"] = [_option(one) for one in document.variant.options]


def leave_out(body: dict[str, Any], listing: ListingView) -> dict[str, str]:
    """Take what the listing leaves out from a complete body; the texts that are left."""
    texts = batches.leave_out(body, listing, OWNED)
    for language, own in body.pop("translations", {}).items():
        left = {name: text for name, text in own.items() if not listing.leaves_out(name, language)}
        texts |= {f"{name}@{language}": text or "" for name, text in left.items()}
        if left:
            body.setdefault("translations", {})[language] = left
    return texts


def _stated(document: ArticleDocument) -> dict[str, str]:
    found = {}
    if document.manufacturer_number:
        _require_short("manufacturerNumber", document.manufacturer_number, document.number)
        found["manufacturerNumber"] = document.manufacturer_number
    return {**found, **stated_sides(document)}


def _add_texts(body: dict[str, Any], document: ArticleDocument) -> None:
    """A language without a text shows the system language's, as the shop itself would do it."""
    system = document.texts.get(SYSTEM_LANGUAGE)
    if system is not None:
        body.update(_filled(system, body))
    others = {
        language: _filled(texts, body)
        for language, texts in sorted(document.texts.items())
        if language != SYSTEM_LANGUAGE
    }
    if others:
        body["translations"] = others
    for texts in (body, *others.values()):
        _require_short("name", texts["name"], document.number)


def _filled(texts: TextsDocument, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": texts.name or body["name"],
        "description": texts.description or body["description"],
    }


def _require_short(name: str, text: str, number: str) -> None:
    if len(text) > _LONGEST:
        raise Invalid(f"{number}: {name} is longer than the shop's {_LONGEST} characters")


def _option(one: OptionDocument) -> list[str]:
    return [one.attribute, one.attribute_label[:_LONGEST], one.value, one.label[:_LONGEST]]


def notes_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What to note once the shop has taken the body; `links` notes the rest."""
    sent = {name for name in ("manufacturerNumber", CLOSEOUT, *SIDES) if name in body}
    return {FIELDS: sorted(sent)} if sent else {}


def manufacturer_note(body: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """What to note of the manufacturer; `values`: the body in the shop's words."""
    if "manufacturer" not in body:
        return {}
    made = values.get("manufacturer") or {}
    return {MANUFACTURER: values.get("manufacturerId") or made.get("id") or ""}


def ours_to_clear(payload: Payload) -> str | None:
    """The manufacturer that we set to a product whose article has none any more."""
    if payload["body"].get("manufacturer", "") is not None or not payload["external_id"]:
        return None
    return payload.get("notes", {}).get(MANUFACTURER) or None
