"""What a connector says of a shop that takes a value and makes another one of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from vario_relay import ArticleDocument, PriceDocument, Rejected, Topic, exact
from vario_relay.testing import faults
from vario_relay.testing.goods import stocked
from vario_relay.testing.holdings import judge
from vario_relay.testing.stand import Sent, Stand
from vario_relay.testing.verdicts import NotSupported, Wrong

#: Values that appear nowhere else, so that they are found in any request and any answer.
ODD_STOCK, ODD_NET = 98_761, "7362.38"
BENT_STOCK, BENT_AMOUNT = 54_321, "5432.19"
#: Name, price and stock, of a create and of an update.
VALUES = 6


@dataclass(frozen=True)
class Bend:
    """A value of one article: `sent` are its spellings, `shown` is what the shop makes of it."""

    what: str
    article: ArticleDocument
    sent: tuple[str, ...]
    shown: str

    def applied(self, body: bytes) -> bytes:
        for spelling in self.sent:
            body = body.replace(spelling.encode(), self.shown.encode())
        return body

    def complaint(self, write: str, sent: Sent) -> str | None:
        """What is wrong with the receipt; None if it is refused with both values."""
        error, value = sent.error_of(self.article), f"the {self.what} of {write}"
        if error is None:
            return f"{value} is accepted although the shop shows another value"
        kind, words = type(error).__name__, str(error)
        if not isinstance(error, Rejected):
            return f"{value} was bent, which is no Rejected but {kind}: {words}"
        if self.shown not in words or not any(one in words for one in self.sent):
            return f"{value} was bent, without what was sent or what came of it: {words}"
        return None


#: Sends bent values and an article that nobody bends; what became of each, by its name.
Write = Callable[[Stand, Sequence[Bend], ArticleDocument], Mapping[str, Sent]]


def bent_value(stand: Stand) -> str:
    """On their way name, price and stock change, each of one row, of a create and of an update."""
    name, price, stock, good = stand.goods.articles(4)
    hidden = _bent(stand, "a create", _create, _bends(stand, name, price, stock), good)

    articles = stand.goods.articles(4)
    stand.have(articles)
    name, price, stock, good = articles
    good = stocked(stand.goods.priced(good, "20"), 7)
    hidden += _bent(stand, "an update", _update, _bends(stand, name, price, stock), good)

    if len(hidden) == VALUES:
        raise NotSupported("the shop's answers do not show what it made of the values")
    words = "refused with what the shop made of them"
    return f"{words}; not shown back: {', '.join(hidden)}" if hidden else words


def _bends(
    stand: Stand, name: ArticleDocument, price: ArticleDocument, stock: ArticleDocument
) -> Sequence[Bend]:
    odd_name, odd_price = f"{name.name} odd", stand.goods.priced(price, ODD_NET)
    return (
        Bend("name", replace(name, name=odd_name), (odd_name,), f"{name.name} bent"),
        Bend("price", odd_price, _spellings(odd_price.price), BENT_AMOUNT),
        Bend("stock", stocked(stock, ODD_STOCK), (str(ODD_STOCK),), str(BENT_STOCK)),
    )


def _spellings(price: PriceDocument | None) -> tuple[str, ...]:
    """Both sides; the shop gets one of them, or both."""
    return () if price is None else (exact(price.gross), exact(price.net))


def _bent(
    stand: Stand, write: str, send: Write, bends: Sequence[Bend], good: ArticleDocument
) -> list[str]:
    """The values that the shop does not show back. Raises: Wrong if one of the others is taken."""

    def bend(body: bytes) -> bytes:
        for one in bends:
            body = one.applied(body)
        return body

    fault = faults.edited(bend)
    with stand.failing(fault):
        outcome = send(stand, bends, good)

    judge(stand, [good], outcome["good"])
    answers = [one.body for one in fault.answers]
    seen = [one for one in bends if any(one.shown.encode() in body for body in answers)]
    found = [one.complaint(write, outcome[one.what]) for one in seen]
    if complaints := [one for one in found if one is not None]:
        raise Wrong("; ".join(complaints))
    return [f"{one.what} of {write}" for one in bends if one not in seen]


def _create(stand: Stand, bends: Sequence[Bend], good: ArticleDocument) -> Mapping[str, Sent]:
    sent = stand.create([*(one.article for one in bends), good])
    return {"good": sent, **{one.what: sent for one in bends}}


def _update(stand: Stand, bends: Sequence[Bend], good: ArticleDocument) -> Mapping[str, Sent]:
    """Each value by its own topic, and the good article by all of them."""
    name, price, stock = (one.article for one in bends)
    sent = {
        "name": stand.send(Topic.ARTICLE, [name, good]),
        "price": stand.send(Topic.PRICE, [one.price for one in (price, good) if one.price]),
        "stock": stand.send(Topic.STOCK, [one.stock for one in (stock, good) if one.stock]),
    }
    of_good = Sent(receipts=dict(sent["name"].receipts))
    for later in (sent["price"], sent["stock"]):
        of_good.take_refusals(later)
    return {"good": of_good, **sent}
