"""What happens every day: articles are created, changed, sent again, withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vario_relay import (
    ArticleDocument,
    ClaimLost,
    Document,
    ListingView,
    PermanentError,
    Topic,
    TransientError,
    WithdrawalDocument,
    content_hash,
)
from vario_relay.testing.cases.case import Case
from vario_relay.testing.goods import stocked
from vario_relay.testing.holdings import differences, holdings, judge
from vario_relay.testing.stand import Sent, Stand
from vario_relay.testing.verdicts import Duplicated, Lost, NotSupported, Wrong

#: What a shop's database counts up to.
HUGE = 2_147_483_647
#: What a shop may have no room for, and may say so. Umlauts and a stock of zero are everyday.
REFUSABLE = ("emoji", "255 characters", "other scripts", "huge stock")


def create(stand: Stand) -> str:
    articles = stand.goods.articles(stand.target.rows)
    stand.gate.count, seen = 0, stand.proxy.seen

    sent = stand.create(articles)

    judge(stand, articles, sent)
    if stand.gate.count == 0:
        raise Wrong("it writes without calling before_write right before")
    if stand.target.has_address and stand.proxy.seen == seen:
        raise Wrong("its requests do not go through the session of its context")
    return ""


def update(stand: Stand) -> str:
    articles = stand.goods.articles(stand.target.rows)
    stand.have(articles)
    renamed = [replace(one, name=f"{one.name} (new)") for one in articles]
    changed = [stocked(stand.goods.priced(one, "20"), 7) for one in renamed]

    sent = stand.send(Topic.ARTICLE, renamed)
    prices = stand.send(Topic.PRICE, [one.price for one in changed if one.price])
    stocks = stand.send(Topic.STOCK, [one.stock for one in changed if one.stock])

    for later in (prices, stocks):
        sent.take_refusals(later)
    judge(stand, changed, sent)
    return ""


def no_change(stand: Stand) -> str:
    articles = stand.goods.articles(1)
    connector, (article,) = stand.connector(), articles
    first = connector.payload(article, ListingView(article.article_id))
    stand.have(articles)
    listing = stand.listings[article.article_id]

    def body(document: Document) -> str:
        once = content_hash(stand.connector().payload(document, listing)["body"])
        if once != content_hash(stand.connector().payload(document, listing)["body"]):
            raise Wrong(f"equal {type(document).__name__}s give bodies that differ")
        return once

    body(article)
    for topic, document in ((Topic.PRICE, article.price), (Topic.STOCK, article.stock)):
        bodies = first.get("first", {})
        if (
            document is not None
            and topic in bodies
            and body(document) != content_hash(bodies[topic])
        ):
            raise Wrong(f"the {topic.value} in `first` is another body than a later {topic.value}")
    # The service sends what it forgot that it had sent.
    judge(stand, articles, stand.send(Topic.ARTICLE, articles))
    return ""


def duplicate_push(stand: Stand) -> str:
    articles, sent = stand.goods.articles(stand.target.rows), Sent()
    size = stand.target.platform.capabilities.max_batch[Topic.ARTICLE]
    articles = articles[:size]
    payloads = stand.payloads(Topic.ARTICLE, articles, sent)

    for _ in range(2):  # the worker died before it could note what the first one brought
        receipts = stand.patiently(
            lambda: stand.connector().push(Topic.ARTICLE, payloads, key="relay-kit-twice")
        )
        before = {one: listing.external_id for one, listing in stand.listings.items()}
        stand.take(Topic.ARTICLE, payloads, receipts, sent)

    for article in articles:
        now = stand.listings.get(article.article_id)
        if now and before.get(article.article_id) not in (None, now.external_id):
            raise Duplicated(f"{article.number} is product {now.external_id} after the second push")
    _send_left(stand, articles, sent)
    judge(stand, articles, sent)
    return ""


def names(stand: Stand) -> str:
    wanted = {
        "umlauts": "Gärtöpfe für Süßes, Größe XÄÖÜ ß",
        "emoji": "Hammer 🔨 mit Stiel 🪵",
        "255 characters": "N" * 255,
        "other scripts": "Молоток 锤子",
    }
    articles = [stand.goods.article(name=name) for name in wanted.values()]

    sent = stand.create(articles)

    return _kept_or_refused(stand, dict(zip(wanted, articles, strict=True)), sent)


def stocks(stand: Stand) -> str:
    zero, huge = stand.goods.articles(2)
    stand.have([zero, huge])
    changed = {"stock of zero": stocked(zero, 0), "huge stock": stocked(huge, HUGE)}

    sent = stand.send(Topic.STOCK, [one.stock for one in changed.values() if one.stock])

    return _kept_or_refused(stand, changed, sent)


def withdrawal(stand: Stand) -> str:
    articles = stand.goods.articles(2)
    stand.have(articles)

    sent = stand.send(Topic.ARTICLE, [WithdrawalDocument(one.article_id) for one in articles])

    shop = holdings(stand)
    for article in articles:
        if (error := sent.error_of(article)) is not None:
            raise Wrong(f"{article.number} is not withdrawn: {error}")
        if not shop.get(article.number):
            raise Wrong(f"{article.number} is deleted, it has to be made inactive")
        if shop[article.number][0].is_active:
            raise Wrong(f"{article.number} is withdrawn, and the shop still offers it")
    if shop[articles[0].number][0].is_active is None:
        raise NotSupported("the platform does not tell whether a product is active")
    return ""


def same_number(stand: Stand) -> str:
    if stand.target.platform.capabilities.max_batch[Topic.ARTICLE] < 2:
        raise NotSupported("the platform takes one article at a time")
    one = stand.goods.article()
    other = stand.goods.article(number=one.number)

    sent = stand.create([one, other])

    found = holdings(stand).get(one.number, ())
    accepted = [article for article in (one, other) if sent.error_of(article) is None]
    if len(found) > 1:
        raise Duplicated(f"two articles made {len(found)} products of one number")
    if len(accepted) > 1:
        raise Lost("two articles ended in one product, and both are accepted")
    if not accepted or not found:
        raise Wrong(f"neither of two articles with one number is accepted: {sent.error_of(one)}")
    if wrong := differences(accepted[0], found[0]):
        raise Wrong(f"the product has values of the other article: {'; '.join(wrong)}")
    return "the second one is refused"


def claim_lost(stand: Stand) -> str:
    articles = stand.goods.articles(2)
    stand.gate.is_lost = True

    try:
        stand.create(articles)
    except ClaimLost:
        pass
    else:
        raise Wrong("before_write raised ClaimLost, and push did not let it through")
    finally:
        stand.gate.is_lost = False

    if any(one.number in holdings(stand) for one in articles):
        raise Wrong("before_write raised ClaimLost, and the shop was written all the same")
    return ""


def _kept_or_refused(stand: Stand, articles: dict[str, ArticleDocument], sent: Sent) -> str:
    """Either the shop has the value as it is, or the receipt says why not, where it may."""
    refused = []
    for label, article in articles.items():
        error = sent.error_of(article)
        if isinstance(error, PermanentError) and label in REFUSABLE:
            refused.append(label)
        elif error is not None:
            raise Wrong(f"{label} is not accepted: {error}")
    judge(stand, [one for label, one in articles.items() if label not in refused], sent)
    return f"refused in words: {', '.join(refused)}" if refused else ""


def _send_left(stand: Stand, articles: Sequence[ArticleDocument], sent: Sent) -> None:
    """What failed for a time goes again, as it would."""
    left = [one for one in articles if isinstance(sent.error_of(one), TransientError)]
    sent.receipts.update(stand.create(left).receipts)


CASES = (
    Case("create", "new articles with price and stock", create),
    Case("update", "name, price and stock change", update),
    Case("no-change", "equal documents give equal bodies; sent again, nothing changes", no_change),
    Case("duplicate-push", "the same batch comes twice, as after a worker died", duplicate_push),
    Case("names", "umlauts, emoji, other scripts, 255 characters", names),
    Case("stocks", "stock of zero, and as much as a database counts", stocks),
    Case("withdrawal", "an article is not offered any more", withdrawal),
    Case("same-number", "two articles of one batch have one number", same_number),
    Case("claim-lost", "somebody else took the work over", claim_lost),
)
