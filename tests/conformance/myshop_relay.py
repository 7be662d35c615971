"""MyShop: POST /rows creates or changes products, GET /products shows them."""

from dataclasses import dataclass
from decimal import Decimal

from vario_relay import (
    ArticleDocument,
    Capabilities,
    Invalid,
    Parameter,
    Platform,
    PriceDocument,
    Problem,
    Receipt,
    Rejected,
    RemoteRecord,
    StockDocument,
    Throttled,
    Topic,
    TransientError,
    adopting,
    dumps,
    error_for,
    exact,
    first_bodies,
    is_first,
    json_body,
    owned_ids,
    require_currency,
    retry_after_s,
    rows_of,
    send,
    text_of,
    wrong_shop_url,
)

#: For a 429 that does not say how long.
DEFAULT_PAUSE_S = 10.0


@dataclass(frozen=True)
class Row:
    """One product as it goes into a request."""

    position: int
    values: dict
    recorded: tuple[Topic, ...]
    was_adopted: bool = False


class MyShopConnector:
    capabilities = Capabilities(max_batch={Topic.ARTICLE: 100, Topic.PRICE: 100, Topic.STOCK: 100})

    def __init__(self, context):
        self._context = context

    def payload(self, document, listing):
        is_article = isinstance(document, ArticleDocument)
        if listing.external_id is None and not is_article:
            raise Invalid(f"article {document.article_id} has no product in the shop to be changed")
        currency = text_of(self._context.parameters, "currency") or "EUR"

        def body_of(one, label):
            return body(one, label, currency)

        number = document.number if is_article else listing.number or ""
        result = {
            "article_id": document.article_id,
            "number": number,
            "external_id": listing.external_id,
            "body": body_of(document, number),
        }
        if is_article:
            result["tax"] = document.tax
            if listing.external_id is None:
                result["first"] = first_bodies(document, currency, body_of)
        return result

    def push(self, topic, payloads, *, key):
        new = [one["number"] for one in payloads if is_first(topic, one)]
        there = self.lookup(new) if new else {}
        owned = owned_ids(payloads)
        rows = rows_of(topic, payloads, lambda n, one: row_of(topic, n, one, there, owned))
        said = self._written(rows.ready) if rows.ready else {}
        by_position = {row.position: row for row in rows.ready}
        return [
            Receipt(one["article_id"], error=rows.error_by_position[n])
            if n in rows.error_by_position
            else receipt(one, by_position[n], said.get(n))
            for n, one in enumerate(payloads)
        ]

    def lookup(self, numbers):
        found = self._ask("GET", "/products", params={"numbers": ",".join(numbers)})
        return {one["number"]: one["id"] for one in found["products"]}

    def scan(self, fields):
        for one in self._ask("GET", "/products")["products"]:
            yield RemoteRecord(
                external_id=one["id"],
                number=one["number"],
                name=one.get("name"),
                is_active=one.get("active"),
                gross=Decimal(one["gross"]) if "gross" in one else None,
                stock=one.get("stock"),
            )

    def check(self):
        if self._ask("GET", "/key")["may_write"]:
            return []
        return [Problem("key", "the key may only read", "give the key the right to write products")]

    def _written(self, rows, is_part=False):
        """What the shop says of each row, by position. A refused batch is halved until the row at
        fault is alone; what fails for a time then is the error of its half only, but a pause is
        everybody's: nothing more is written before it is over."""
        body = dumps([row.values for row in rows]).encode()
        not_after = self._context.before_write()
        try:
            said = self._ask("POST", "/rows", writes=True, not_after=not_after, data=body)
        except Rejected as error:
            if len(rows) == 1:
                return {rows[0].position: error}
            middle = len(rows) // 2
            first = self._written(rows[:middle], is_part=True)
            return {**first, **self._written(rows[middle:], is_part=True)}
        except TransientError as error:
            if not is_part or isinstance(error, Throttled):
                raise
            return {row.position: error for row in rows}
        return {row.position: said.get(row.values["id"]) for row in rows}

    def _ask(self, method, path, *, writes=False, **kwargs):
        """The JSON of an answer. Raises: what its status means."""
        values = self._context.parameters
        headers = {"X-Key": text_of(values, "api_key"), "Content-Type": "application/json"}
        url = text_of(values, "shop_url").rstrip("/") + path
        answer = send(self._context.session, method, url, writes=writes, headers=headers, **kwargs)
        words = f"the shop answered {answer.status_code} to {method} {path}"
        if answer.status_code == 429:
            told_s = retry_after_s(answer)
            raise Throttled(words, DEFAULT_PAUSE_S if told_s is None else told_s)
        if answer.status_code >= 500:
            raise TransientError(words, outcome_unknown=writes)
        if not answer.ok:
            raise error_for(answer.status_code)(words)
        try:
            found = json_body(answer)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            # A page of somebody in between; whether the shop was reached, nobody knows.
            raise TransientError(f"{words} without its JSON", outcome_unknown=writes)
        return found


def body(document, label, currency):
    """What a write says; equal documents give equal bodies."""
    if isinstance(document, PriceDocument):
        require_currency(document, label, currency)
        return {"gross": exact(document.gross)}
    if isinstance(document, StockDocument):
        return {"stock": document.quantity}
    if isinstance(document, ArticleDocument):
        return {"number": document.number, "name": document.name, "active": document.is_active}
    return {"active": False}  # not offered any more


def row_of(topic, position, payload, there, owned):
    """A payload with the product that it goes to, `there` are those that have a new number."""
    values, recorded, known = dict(payload["body"]), (topic,), payload["external_id"]
    if known is not None:
        # With its number alone the shop would make a product that is gone anew, without a price.
        return Row(position, {"id": known, "only": "change", **values}, recorded)
    own = f"vario-{payload['article_id']}"
    product_id = there.get(payload["number"], own)
    if product_id in owned:
        raise TransientError(f"{payload['number']} still belongs to another article's product")
    first = payload.get("first", {})
    if payload["number"] in there:  # its price and stock follow
        created_with = [name for one in first.values() for name in one]
        values = adopting(values, payload, created_with, is_ours=product_id == own)
        return Row(position, {"id": product_id, **values}, recorded, product_id != own)
    for name, one in first.items():
        values.update(one)
        recorded += (Topic(name),)
    return Row(position, {"id": product_id, **values}, recorded)


def receipt(payload, row, said):
    article_id, number = payload["article_id"], payload["number"]
    if isinstance(said, Exception):
        return Receipt(article_id, error=said)
    if said is None:
        return Receipt(article_id, error=TransientError("the shop did not name the row", True))
    if said["says"] == "no such product" and payload["external_id"] is not None:
        return Receipt(article_id, has_vanished=True)
    if said["says"] == "number taken" and payload["external_id"] is None:
        # Since the look-up; the next one finds it.
        return Receipt(article_id, error=TransientError(f"{number} was taken meanwhile"))
    if said["says"] != "ok":
        return Receipt(article_id, error=Rejected(f"{number}: {said['says']}"))
    shown = said["product"]
    if bent := [name for name, value in row.values.items() if shown.get(name, value) != value]:
        words = ", ".join(f"{one}: sent {row.values[one]}, it has {shown[one]}" for one in bent)
        return Receipt(article_id, error=Rejected(f"{number}: {words}"))
    return Receipt(
        article_id,
        external_id=row.values["id"],
        was_adopted=row.was_adopted,
        recorded=row.recorded,
    )


PLATFORM = Platform(
    name="myshop",
    parameters=(
        Parameter("shop_url", "address of the shop", wrong=wrong_shop_url),
        Parameter("api_key", "key with the right to write products", is_secret=True),
    ),
    capabilities=MyShopConnector.capabilities,
    build=MyShopConnector,
)
