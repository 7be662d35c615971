"""What bodies and first writes of every shop have in common.

Part of the connector interface: a connector may use all of it and has to use none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, Protocol, TypeVar

from marshmallow import Schema, fields

from integration.connectors.base import ListingView, Payload
from integration.documents import ArticleDocument, Document, PriceDocument, StockLocation
from integration.errors import (
    Busy,
    Held,
    IntegrationError,
    Invalid,
    PermanentError,
    Rejected,
    Throttled,
    TransientError,
)
from integration.mapping_kinds import Kind, missing
from integration.topology import Topic

RowT = TypeVar("RowT")

#: Rows of variants whose main article is not in the shop, with its id (docs/operations.md).
WAITS_FOR_MAIN = "main-not-in-shop:"
#: Rows of articles that become variants while their products have variants, with their own id.
VARIANTS_BELOW = "variants-below:"


def exact(value: Decimal) -> str:
    """The shortest plain text of a number: ``16.80`` is ``16.8``, ``1E+2`` is ``100``.

    One spelling, so that equal content has one hash.
    """
    return format(value.normalize(), "f") if value else "0"


class Exact(fields.Decimal):
    """A field of a body: a decimal number as `exact` writes it."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else exact(value)


def text_of(parameters: Mapping[str, str], name: str) -> str:
    """A channel's parameter without blanks around it; empty for one that is not set."""
    return (parameters.get(name) or "").strip()


def checked_body(schema: Schema, document: Document, label: str) -> dict[str, Any]:
    """The body of a document. Raises: Invalid for what the schema refuses; `label` begins it."""
    body: dict[str, Any] = schema.dump(document)
    if problems := schema.validate(body):
        words = "; ".join(
            f"{field} {' '.join(map(str, told))}" for field, told in sorted(problems.items())
        )
        raise Invalid(f"{label}: {words}")
    return body


def require_currency(document: PriceDocument, label: str, currency: str) -> None:
    """Raises: Invalid for a price that is not in the channel's currency."""
    if document.currency != currency:
        raise Invalid(
            f"{label}: the price is in {document.currency}, the channel sells in {currency}"
        )


def first_bodies(
    document: ArticleDocument, currency: str, body_of: Callable[[Document, str], dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Bodies for a product that is yet to be created; the same as later price and stock bodies.

    `body_of` makes the body of a document, given its label. Raises: Held (``no-price``).
    """
    if document.price is None:
        raise Held(
            "no-price",
            f"{document.number} has no price in {currency}, a product is not created without one; "
            "set a price in the ERP",
        )
    first = {Topic.PRICE.value: body_of(document.price, document.number)}
    if document.stock is not None:
        first[Topic.STOCK.value] = body_of(document.stock, document.number)
    return first


#: Measures of an article, by the names that shops have for them.
SIDES = ("length", "width", "height")


def stated_sides(document: ArticleDocument) -> dict[str, str]:
    """The measures that the ERP states, by `SIDES`, in millimetres.

    Raises: Invalid for a negative one.
    """
    found: dict[str, str] = {}
    for name in SIDES if document.size is not None else ():
        side: Decimal | None = getattr(document.size, name)
        if side is not None and side < 0:
            raise Invalid(f"{document.number}: {name} is negative")
        if side is not None:
            found[name] = exact(side)
    return found


def pieces_by_location(locations: Iterable[StockLocation], label: str) -> dict[str, int]:
    """Pieces by the shop's location; those that are one location there are added up.

    Raises: MappingMissing ``mapping:storage-location:<id>``; `label` begins it.
    """
    pieces: dict[str, int] = {}
    for one in locations:
        if one.shop_location is None:
            raise missing(
                Kind.STORAGE_LOCATION,
                one.location,
                f"{label} has stock at the storage {one.label or one.location} of the ERP; map it "
                "to a location of the shop, or leave it out",
            )
        pieces[one.shop_location] = pieces.get(one.shop_location, 0) + one.quantity
    return dict(sorted(pieces.items()))


def main_is_gone(payload: Payload, main_article: str) -> Held:
    """What a variant waits for when the product of its main article is not in the shop any more.

    The service forgets that product, has the main article make it anew, and lets the variant go.
    """
    return Held(
        f"{WAITS_FOR_MAIN}{main_article}",
        f"{payload['number']} is a variant of article id {main_article}, whose product is not in "
        "the shop any more; it is made anew",
    )


def has_variants_below(payload: Payload, numbers: Sequence[str]) -> Held:
    """What an article waits for that becomes a variant while its product has these variants: shops
    have no variants of variants.

    The service lets it go whenever one of them was carried.
    """
    return Held(
        f"{VARIANTS_BELOW}{payload['article_id']}",
        f"{payload['number']} becomes a variant, but its product in the shop still has variants "
        f"({', '.join(numbers)}); it follows once they lie elsewhere, are products of their own "
        "or are deleted in the shop",
    )


#: Articles whose number is on more than one product of the shop (docs/operations.md).
SEVERAL_PRODUCTS = "several-products"


def several_products(number: str, external_ids: Iterable[str]) -> Held:
    """What a new article waits for whose number is on several products: nobody but a person knows
    which of them is it."""
    return Held(
        SEVERAL_PRODUCTS,
        f"the shop has several products with the number {number}: {', '.join(external_ids)}; "
        "give all but one of them another number there, or delete them",
    )


def leave_out(
    body: dict[str, Any], listing: ListingView, key_by_field: Mapping[str, str]
) -> dict[str, str]:
    """Take what the listing leaves out from the body of an article; `Payload.texts` of the rest.

    `key_by_field`: what the body calls ``number``, ``name``, ``description`` and ``active``.
    """
    for name, key in key_by_field.items():
        if listing.leaves_out(name):
            body.pop(key, None)
    return {
        name: body[key] or ""
        for name, key in key_by_field.items()
        if name in ("name", "description") and key in body
    }


def said_when_found(payload: Payload, *, is_ours: bool) -> dict[str, Any]:
    """The body of an article's first write for a product that is there already.

    One of our own of which no write was confirmed comes from a creation whose answer got lost: what
    it shows is ours and nobody's choice in the shop, so it gets everything.
    """
    if is_ours and not payload.get("was_confirmed"):
        return payload["body"]
    return payload.get("on_adoption", payload["body"])


def adopting(
    values: Mapping[str, Any],
    payload: Payload,
    created_with: Collection[str],
    *,
    is_ours: bool = False,
) -> dict[str, Any]:
    """What the first write of an article says to a product that is there already.

    `values` are a creation's. Those named `created_with`, its price and stock, go as changes of
    their own, which can be compared with what the shop has; fields that are the shop's stay.
    `is_ours`: this channel created the product for this article.
    """
    body = payload["body"]
    said = said_when_found(payload, is_ours=is_ours)
    left = {*(one for one in created_with if one not in body), *(body.keys() - said.keys())}
    parts = {name: one for name, one in said.items() if one != body[name]}
    return {name: parts.get(name, one) for name, one in values.items() if name not in left}


def is_first(topic: Topic, payload: Payload) -> bool:
    """Whether this write creates a product or adopts one."""
    is_new = topic is Topic.ARTICLE and payload["external_id"] is None
    return is_new and "first" in payload


@dataclass
class Rows(Generic[RowT]):
    """What of a batch can be sent, and the errors of the rest by position."""

    ready: list[RowT] = field(default_factory=list)
    error_by_position: dict[int, IntegrationError] = field(default_factory=dict)


def rows_of(
    topic: Topic, payloads: Sequence[Payload], row_of: Callable[[int, Payload], RowT]
) -> Rows[RowT]:
    """The rows of a batch, in order, each made by `row_of` from its position and payload.

    A row that cannot be made, and a second first write of one number, stop no other.
    """
    rows, numbers = Rows[RowT](), set[str]()
    for position, payload in enumerate(payloads):
        try:
            if is_first(topic, payload):
                _claim_number(numbers, payload["number"])
            rows.ready.append(row_of(position, payload))
        except (PermanentError, Held, TransientError) as error:
            rows.error_by_position[position] = error
    return rows


def _claim_number(numbers: set[str], number: str) -> None:
    """Two articles must not end in one product: the second one would adopt the first one's."""
    if number.casefold() in numbers:
        raise Rejected(f"another article of the ERP has the number {number} as well")
    numbers.add(number.casefold())


#: When rows come again that were not tried because the shop failed before.
UNTRIED_RETRY_S = 5.0


class Job(Protocol):
    """One of several things that go to a shop one after the other; `error`: why it does not."""

    error: IntegrationError | None


JobT = TypeVar("JobT", bound=Job)


def one_by_one(
    jobs: Sequence[JobT], write: Callable[[JobT], None], *, has_written: bool = False
) -> None:
    """Write the jobs that have no error yet; what keeps one out becomes its error.

    `has_written`: something of the batch was settled before. Raises: the TransientError of a job
    before which nothing was settled; of a later one it ends the batch. ChannelError and ClaimLost
    always.
    """
    for place, job in enumerate(jobs):
        if job.error is not None:
            continue
        try:
            write(job)
        except (Busy, PermanentError) as error:
            job.error = error
        except TransientError as error:
            if not has_written:
                raise
            _give_up(jobs, place, error)
        has_written = True


def _give_up(jobs: Sequence[Job], place: int, error: TransientError) -> None:
    """The shop fails with the job at `place`: the later ones are not tried and lose no attempt."""
    seconds = error.retry_after_s if isinstance(error, Throttled) else UNTRIED_RETRY_S
    jobs[place].error = error
    for job in jobs[place + 1 :]:
        job.error = job.error or Busy(error.message, seconds)


def owned_ids(payloads: Iterable[Payload]) -> frozenset[str]:
    """Products that articles of this batch have already: no other article may take them over."""
    return frozenset(one["external_id"] for one in payloads if one["external_id"])
