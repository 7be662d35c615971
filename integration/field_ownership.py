"""Whose word counts for a field of a product: the ERP's, the shop's, or a person's. Pure.

The default lets the ERP lead with numbers, prices, stock and whether a product is for sale, and
leaves a text alone once somebody has written it anew in the shop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum

from integration.connectors.base import RemoteRecord
from integration.connectors.batches import exact
from integration.documents import (
    ArticleDocument,
    Document,
    PriceDocument,
    StockDocument,
    WithdrawalDocument,
)
from integration.errors import ChannelError
from integration.reconciliation.compare import CENT, as_read
from integration.topology import Topic

#: Channel parameters are named ``own.<field>``.
PREFIX = "own."


class Field(StrEnum):
    """What a channel can say something else about than the default."""

    NUMBER = "number"
    NAME = "name"
    DESCRIPTION = "description"
    ACTIVE = "active"
    PRICE = "price"
    STOCK = "stock"


class Owner(StrEnum):
    """`OVERWRITE`: the ERP's value always goes. `KEEP`: it goes when a product is created and never
    again, into one that was there already not at all. `KEEP_EDITED`: it goes until somebody changed
    the field in the shop. `ASK`: the same, and then a person decides; also about what a product
    that was there already shows."""

    OVERWRITE = "overwrite"
    KEEP = "keep"
    KEEP_EDITED = "keep-once-edited"
    ASK = "ask"


#: Those that leave a field alone once it was edited.
WATCHING = (Owner.KEEP_EDITED, Owner.ASK)
TEXTS = (Field.NAME, Field.DESCRIPTION)
#: Fields that are topics of their own: a connector has nothing to do with whose they are.
WHOLE_TOPICS: Mapping[Field, Topic] = {Field.PRICE: Topic.PRICE, Field.STOCK: Topic.STOCK}
#: Where a field has more than one value. Whether a product is for sale is two in a shop: it is
#: switched on, and customers find it.
_SIDES = {"net": Field.PRICE, "gross": Field.PRICE, "visible": Field.ACTIVE}
#: What a `RemoteRecord` calls values that have another name here.
RECORD_NAMES = {"active": "is_active", "visible": "is_visible"}

Owners = Mapping[Field, Owner]


def default_of(field: Field) -> Owner:
    """Whose a field is on a channel that says nothing about it."""
    return Owner.KEEP_EDITED if field in TEXTS else Owner.OVERWRITE


def wrong_owner(value: str) -> str | None:
    """What is wrong with a value of ``own.<field>``, as the end of a sentence; None: nothing."""
    return None if value in set(Owner) else f"is none of {', '.join(Owner)}"


def owners_of(parameters: Mapping[str, str]) -> Owners:
    """Raises: ChannelError for a value that `channel set` would have refused."""
    found = {}
    for field in Field:
        value = parameters.get(f"{PREFIX}{field}") or default_of(field)
        if (what := wrong_owner(value)) is not None:
            raise ChannelError(f"{PREFIX}{field} {what}; set it with `channel set`")
        found[field] = Owner(value)
    return found


def field_of(key: str) -> Field:
    """The field that a value belongs to: ``name@LANGUAGE`` to the name, ``gross`` to the price,
    ``visible`` to ``active``."""
    return _SIDES.get(key) or Field(key.partition("@")[0])


def topic_of(field: Field) -> Topic:
    """The topic that carries a field."""
    return WHOLE_TOPICS.get(field, Topic.ARTICLE)


def watches(owners: Owners, topics: Collection[Topic]) -> bool:
    """Whether an edit counts of any field that these topics carry."""
    return any(owners[field] in WATCHING and topic_of(field) in topics for field in Field)


def left_out(owners: Owners, edited: Collection[str]) -> frozenset[str]:
    """What a change of a product must not say (`ListingView.left_out`).

    `edited`: fields that somebody changed in the shop, texts by language.
    """
    found = {one for one in edited if owners[field_of(one)] in WATCHING}
    return frozenset(found) | _in_all_languages(owners, (Owner.KEEP,))


def left_out_of_found(owners: Owners) -> frozenset[str]:
    """What the first write of an article must not say to a product that is there already: what the
    shop keeps, and what nobody was asked about yet."""
    return _in_all_languages(owners, (Owner.KEEP, Owner.ASK))


def _in_all_languages(owners: Owners, wanted: Collection[Owner]) -> frozenset[str]:
    return frozenset(
        name
        for field in Field
        if owners[field] in wanted
        for name in ((field.value, f"{field}@*") if field in TEXTS else (field.value,))
    )


def sent_values(
    documents: Iterable[Document | None],
    texts: Mapping[str, str],
    owners: Owners,
    leaves_out: Collection[str],
) -> dict[str, str]:
    """What a write of these documents puts into the shop, to tell an edit by later.

    `texts` are the connector's (`Payload.texts`), kept as hashes. Other values only where an edit
    counts.
    """
    found = {key: text_hash(text) for key, text in texts.items()}
    for document in documents:
        for key, value in _plain_values(document):
            if owners[field_of(key)] in WATCHING and field_of(key) not in leaves_out:
                found[key] = value
    return found


def _plain_values(document: Document | None) -> Iterator[tuple[str, str]]:
    if isinstance(document, ArticleDocument):
        yield "number", document.number
        yield "active", str(document.is_active)
        if document.is_active:
            yield "visible", str(True)
    elif isinstance(document, WithdrawalDocument):
        yield "active", str(False)
    elif isinstance(document, PriceDocument):
        yield "net", exact(document.net)
        yield "gross", exact(document.gross)
    elif isinstance(document, StockDocument) and document.is_tracked:
        yield "stock", str(document.quantity)


def text_hash(text: str) -> str:
    """Of what a reader sees: shops spell entities out, and take tags away that could harm."""
    return hashlib.sha256(as_read(text).encode(errors="replace")).hexdigest()[:16]


def edits(sent: Mapping[str, str], record: RemoteRecord) -> dict[str, str | None]:
    """By field what the shop shows where it is not what was sent; None where it is.

    Fields that the shop does not tell are left out; a text of another language is a field of its
    own.
    """
    found: dict[str, str | None] = {}
    for key, value in sent.items():
        shown = shown_value(record, key)
        # Nobody has to find what is switched off.
        is_off = key == "visible" and sent.get("active") != str(True)
        if shown is None or is_off:
            continue
        field = edited_name(key)
        if not _is_same(key, value, shown):
            found[field] = f"{key} {_text(shown)}" if key in _SIDES else _text(shown)
        else:
            found.setdefault(field, None)
    return found


def edited_name(key: str) -> str:
    """What an edit of a value is named by: both sides of a price by the price."""
    return _SIDES[key].value if key in _SIDES else key


def shown_value(record: RemoteRecord, key: str) -> object:
    """What the shop shows of a value; None: it does not tell."""
    if "@" in key:
        return record.texts.get(key)
    return getattr(record, RECORD_NAMES.get(key, key))


def _is_same(key: str, sent: str, shown: object) -> bool:
    if field_of(key) in TEXTS:
        return sent == text_hash(str(shown))
    if isinstance(shown, Decimal):
        return abs(Decimal(sent) - shown) <= CENT
    return sent == str(shown)


def _text(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
