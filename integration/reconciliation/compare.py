"""What differs between an article of the ERP and its product in the shop. Pure.

Values are named as people name them: ``number``, ``name``, ``description``, ``active``,
``visible``, ``ean``, ``weight_kg``, ``tax`` or ``tax_rate``, ``net``, ``gross``, ``stock``, and
texts in other languages ``name@LANGUAGE``. None as a value of the shop means that the platform does
not tell it; it is not compared.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from integration.documents import ArticleDocument, Document, PriceDocument, StockDocument
from integration.topology import Topic

Value = str | int | bool | Decimal | None
Values = Mapping[str, Value]

#: Shops keep prices to the cent, the ERP's net prices have more places.
CENT = Decimal("0.005")
#: And weights to the gram.
GRAM = Decimal("0.0005")
_TOLERANCES = {"weight_kg": GRAM, "tax_rate": Decimal(0)}
#: The field of a missing product and of a duplicate: the product's id.
PRODUCT = "product"
#: Whose markup and blanks shops change.
_TEXTS = ("name", "description")
TAG = re.compile(r"<[a-zA-Z/!][^>]*>")
#: What no reader sees of a text, tags and all.
_UNSEEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)


#: What is sent and not compared: by no plan, and of the topics that one compares.
_NOT_COMPARED = ("images", "order status")
_NOT_COMPARED_BY_TOPIC: Mapping[Topic, Sequence[str]] = {
    Topic.ARTICLE: (
        "categories",
        "custom fields",
        "manufacturer",
        "measures",
        "options of variants",
    ),
    Topic.PRICE: ("list prices", "prices by quantity and customer group"),
    Topic.STOCK: ("sale beyond the stock", "stock by location"),
}


class DriftKind(StrEnum):
    """What is wrong; in the order in which people want to know it."""

    #: Offered in the ERP, and there is no product of it.
    MISSING = "missing"
    #: No longer listed or inactive in the ERP, and for sale in the shop.
    STILL_ACTIVE = "still_active"
    #: For sale in the shop by us, and gone in the ERP.
    ORPHAN = "orphan"
    #: A field shows something else than the ERP says.
    DIFFERENT = "different"
    #: A field was changed in the shop, and a person has to decide whose value counts.
    UNDECIDED = "undecided"
    #: Several products have the number of one article.
    DUPLICATE = "duplicate"


#: What is shown and never sent.
LEFT_TO_PEOPLE = (DriftKind.UNDECIDED, DriftKind.DUPLICATE)


@dataclass(frozen=True)
class Wanted:
    """What the shop should show of an article.

    `is_offered` false: nothing that is for sale; `is_known` false: the ERP does not have it at all.
    `values_by_topic` has the topics whose documents could be made; `undecided_by_topic` what the
    ERP says of fields about which a person has to decide.
    """

    article: str
    number: str
    is_offered: bool
    is_known: bool = True
    values_by_topic: Mapping[Topic, Values] = field(default_factory=dict)
    undecided_by_topic: Mapping[Topic, Values] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """What the shop shows of a product."""

    external_id: str
    number: str
    values: Values

    @property
    def is_active(self) -> bool:
        """Also where the platform does not tell: nothing says that it is hidden."""
        return self.values.get("active") is not False


@dataclass(frozen=True)
class Difference:
    """One line of a plan. `field` None: the whole article is meant; `old` is the shop's value."""

    kind: DriftKind
    topic: Topic
    field: str | None = None
    old: Value = None
    new: Value = None


def differences(
    wanted: Wanted, external_id: str | None, shown: Shown | None, same_number: Sequence[str]
) -> Iterator[Difference]:
    """All that is wrong with one article.

    `external_id` is the product that we know of, `shown` what the shop has under it; `same_number`
    are all products with the article's number, whoever made them.
    """
    if not wanted.is_offered:
        if shown is not None and shown.is_active:
            yield Difference(_kind_of_unoffered(wanted), Topic.ARTICLE, "active", True, False)
        return
    if len(same_number) > 1:
        rivals = ", ".join(same_number)
        yield Difference(DriftKind.DUPLICATE, Topic.ARTICLE, PRODUCT, old=rivals, new=external_id)
    if shown is not None:
        yield from _of_values(DriftKind.DIFFERENT, wanted.values_by_topic, shown)
        yield from _of_values(DriftKind.UNDECIDED, wanted.undecided_by_topic, shown)
    elif len(same_number) <= 1:
        there = next(iter(same_number), None)
        yield Difference(DriftKind.MISSING, Topic.ARTICLE, PRODUCT, old=there)


def _kind_of_unoffered(wanted: Wanted) -> DriftKind:
    if "active" in wanted.undecided_by_topic.get(Topic.ARTICLE, {}):
        return DriftKind.UNDECIDED
    return DriftKind.STILL_ACTIVE if wanted.is_known else DriftKind.ORPHAN


def _of_values(
    kind: DriftKind, values_by_topic: Mapping[Topic, Values], shown: Shown
) -> Iterator[Difference]:
    for topic, values in values_by_topic.items():
        for name, value in values.items():
            old = shown.values.get(name)
            if differ(name, value, old):
                yield Difference(kind, topic, name, old=old, new=value)


def differ(name: str, wanted: Value, shown: Value) -> bool:
    """Whether the shop shows something else than it should; not if it does not tell."""
    if shown is None:
        return False
    if isinstance(wanted, Decimal) and isinstance(shown, Decimal):
        return abs(wanted - shown) > _TOLERANCES.get(name, CENT)
    if is_text(name) and isinstance(wanted, str) and isinstance(shown, str):
        # Of a script some shops take the tags alone away, others all of it.
        return as_read(shown) not in (as_read(wanted), as_read(_UNSEEN.sub("", wanted)))
    return wanted != shown


def not_compared(topics: Iterable[Topic]) -> tuple[str, ...]:
    """What the shop may show otherwise without a comparison of these topics seeing it."""
    of_topics = (name for topic in topics for name in _NOT_COMPARED_BY_TOPIC[topic])
    return (*_NOT_COMPARED, *of_topics)


def is_text(name: str) -> bool:
    """Whether a value is a name or a description, in whatever language."""
    return name.partition("@")[0] in _TEXTS


def as_read(text: str) -> str:
    """What a reader sees: shops spell entities out, and take tags and blanks away."""
    return "".join(html.unescape(TAG.sub("", text)).split())


def values_of(document: Document, texts: Mapping[str, str]) -> dict[str, Value]:
    """What of a document a shop shows back.

    `texts` are the connector's, which knows which of several languages the shop shows first.
    """
    if isinstance(document, ArticleDocument):
        return {
            "number": document.number,
            "active": document.is_active,
            **texts,
            **dict(_details_of(document)),
        }
    if isinstance(document, PriceDocument):
        return {"net": document.net, "gross": document.gross}
    if isinstance(document, StockDocument) and document.is_tracked:
        return {"stock": document.quantity}
    return {}


def _details_of(document: ArticleDocument) -> Iterator[tuple[str, Value]]:
    if document.is_active:
        yield "visible", True
    # A variant that has none may show its main article's.
    if document.ean or document.variant is None:
        yield "ean", document.ean or ""
    if document.weight_kg or document.variant is None:
        yield "weight_kg", document.weight_kg or Decimal(0)
    if document.shop_tax is not None:
        yield "tax", document.shop_tax
    else:
        yield "tax_rate", document.tax_rate
