"""What a shop says no to, and what it takes and bends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from vario_relay import ArticleDocument, Held, IntegrationError, PermanentError, Topic
from vario_relay.testing import faults
from vario_relay.testing.cases.bent import bent_value
from vario_relay.testing.cases.case import Case
from vario_relay.testing.cases.vanished import vanished
from vario_relay.testing.holdings import differences, holdings, judge
from vario_relay.testing.stand import Sent, Stand
from vario_relay.testing.verdicts import Duplicated, Lost, Wrong


def partial_failure(stand: Stand) -> str:
    articles = stand.batch()
    bad = articles[1]

    def spoil(row: dict[str, Any]) -> None:
        for name in [name for name, value in row.items() if value == bad.name]:
            row[name] = None

    sent = _create_spoilt(stand, articles, bad, spoil)

    _others_are_held(stand, articles, bad, sent)
    error = sent.error_of(bad)
    if error is None and bad.number not in holdings(stand):
        raise Lost("the row without a name is accepted, and the shop does not have it")
    if error is None and _bent(stand, bad):
        raise Wrong(f"the row that came without a name is accepted: {_bent(stand, bad)}")
    return "" if error is None else _refused("the row that came without a name", error)


def unknown_field(stand: Stand) -> str:
    articles = stand.batch()
    odd = articles[1]

    def add(row: dict[str, Any]) -> None:
        row["relayKitUnknown"] = "?"

    sent = _create_spoilt(stand, articles, odd, add)

    _others_are_held(stand, articles, odd, sent)
    error = sent.error_of(odd)
    if error is None:
        judge(stand, [odd], sent)
        return "the shop does not mind"
    return _refused("the row with the unknown field", error)


def whole_batch(stand: Stand) -> str:
    articles = stand.batch()
    bad = articles[1]

    with stand.failing(faults.refused_with(bad.name)):
        sent = stand.create(articles)

    _others_are_held(stand, articles, bad, sent)
    error = sent.error_of(bad)
    if error is None:
        raise Lost(f"{bad.number} is accepted, and the shop refused every request with it")
    _refused(bad.number, error)
    return "found among the others"


def foreign_product(stand: Stand) -> str:
    theirs = stand.goods.article(name="Somebody else's product")
    stand.create([theirs], part="other")
    known = stand.lookup([theirs.number])
    if theirs.number not in known and stand.target.has_address:
        raise Wrong(f"lookup does not find {theirs.number}, which the shop has")
    if theirs.number not in known:
        # Each channel has a shop of its own: another article takes the stranger's part.
        stand.create([theirs])
        known = stand.lookup([theirs.number])
    ours, other = stand.goods.article(number=theirs.number), stand.goods.article()
    ours = stand.goods.priced(ours, "47.60")
    stand.listings.pop(theirs.article_id, None)

    first = stand.send(Topic.ARTICLE, [ours])
    if first.error_of(ours) is None:
        _keeps_its_price(stand, theirs)
    sent = stand.create([ours, other])

    judge(stand, [other], sent)
    found, error = holdings(stand).get(theirs.number, ()), first.error_of(ours)
    if len(found) > 1:
        raise Duplicated(f"the shop has {theirs.number} {len(found)} times")
    if error is None:
        judge(stand, [ours], sent)
        if not first.receipts[ours.article_id].was_adopted:
            raise Wrong("the product was there, and its receipt does not say was_adopted")
        return "taken over"
    _refused("the number that is taken", error)
    if not found or differences(theirs, found[0]):
        raise Wrong("refused, and the other's product was changed all the same")
    return f"refused with {type(error).__name__}"


def _keeps_its_price(stand: Stand, theirs: ArticleDocument) -> None:
    """Price and stock of a product that was there follow, so that somebody can stop them."""
    for record in holdings(stand).get(theirs.number, ()):
        if any(one.startswith("price") for one in differences(theirs, record)):
            raise Wrong("the product was there, and its price was written with its article")


def _create_spoilt(
    stand: Stand,
    articles: Sequence[ArticleDocument],
    bad: ArticleDocument,
    change: Callable[[dict[str, Any]], None],
) -> Sent:
    with stand.failing(faults.edited(lambda body: faults.changed_rows(body, bad.name, change))):
        return stand.create(articles)


def _others_are_held(
    stand: Stand, articles: Sequence[ArticleDocument], bad: ArticleDocument, sent: Sent
) -> None:
    others = [one for one in articles if one is not bad]
    out = [one for one in others if sent.error_of(one) is not None]
    if out:
        raise Wrong(f"one row keeps {len(out)} others out: {sent.error_of(out[0])}")
    judge(stand, others, sent)


def _refused(what: str, error: IntegrationError) -> str:
    """Which error says that the row is at fault. Raises: Wrong for one that passes by itself."""
    if not isinstance(error, (PermanentError, Held)):
        raise Wrong(f"{what} is refused for good, its error is {type(error).__name__}: {error}")
    return f"the row is refused with {type(error).__name__}"


def _bent(stand: Stand, article: ArticleDocument) -> str:
    return "; ".join(differences(article, holdings(stand)[article.number][0]))


CASES = (
    Case("partial-failure", "one row of a batch comes without a name", partial_failure),
    Case("whole-batch", "the shop refuses each batch that has a certain row in it", whole_batch),
    Case("bent-value", "the shop makes another name, price, stock of what was sent", bent_value),
    Case("unknown-field", "a row has a field that the shop does not know", unknown_field),
    Case("vanished", "the product that was known is not in the shop", vanished),
    Case("foreign-product", "the number belongs to a product of somebody else", foreign_product),
)
