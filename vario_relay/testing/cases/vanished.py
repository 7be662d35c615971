"""What a connector says when a product that is known is not in the shop any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from vario_relay import ArticleDocument, Document, ListingView, Topic
from vario_relay.testing.goods import images, stocked
from vario_relay.testing.holdings import judge
from vario_relay.testing.stand import Stand
from vario_relay.testing.verdicts import NotSupported, Wrong

#: An article after the change that a topic brings, and the document that brings it.
Change = Callable[[Stand, ArticleDocument], tuple[ArticleDocument, Document | None]]


def vanished(stand: Stand) -> str:
    """Whatever is sent to a product that is gone says so, and its article makes a new one."""
    for topic, change in _CHANGES.items():
        if topic in stand.target.platform.capabilities.max_batch:
            _vanish(stand, topic, change)
    return "removed and made anew" if stand.target.remove else "an id that the shop never gave"


def _vanish(stand: Stand, topic: Topic, change: Change) -> None:
    articles = stand.goods.articles(3)
    gone = articles[0]
    stand.have(articles)
    _lose(stand, gone)

    changes = [change(stand, one) for one in articles]
    changed = [article for article, _ in changes]
    first = stand.send(topic, [document for _, document in changes if document is not None])
    if first.vanished != [gone.article_id]:
        what, name = first.error_of(gone) or "accepted", topic.name.lower()
        raise Wrong(f"the product is gone, and the receipt of its {name} says: {what}")
    again = stand.create(changed[:1])

    judge(stand, changed[:1], again)
    first.receipts.update(again.receipts)
    judge(stand, changed, first)


def _renamed(stand: Stand, article: ArticleDocument) -> tuple[ArticleDocument, Document | None]:
    changed = replace(article, name=f"{article.name} (new)")
    return changed, changed


def _priced(stand: Stand, article: ArticleDocument) -> tuple[ArticleDocument, Document | None]:
    changed = stand.goods.priced(article, "20")
    return changed, changed.price


def _stocked(stand: Stand, article: ArticleDocument) -> tuple[ArticleDocument, Document | None]:
    changed = stocked(article, 7)
    return changed, changed.stock


def _shown(stand: Stand, article: ArticleDocument) -> tuple[ArticleDocument, Document | None]:
    return article, images(article, "front")


_CHANGES: Mapping[Topic, Change] = {
    Topic.ARTICLE: _renamed,
    Topic.PRICE: _priced,
    Topic.STOCK: _stocked,
    Topic.MEDIA: _shown,
}


def _lose(stand: Stand, article: ArticleDocument) -> None:
    """Remove a product; where that cannot be, believe in an id that the shop never gave."""
    known = stand.listings[article.article_id]
    if stand.target.remove is not None:
        stand.target.remove(stand.context(), [str(known.external_id)])
        return
    never = unused_id(str(known.external_id))
    shown = stand.patiently(lambda: list(stand.connector().scan(())))
    if any(one.external_id == never for one in shown):
        raise NotSupported("no id is to be had that the shop does not have")
    stand.listings[article.article_id] = ListingView(
        article.article_id, never, known.number, is_active=True
    )


def unused_id(known: str) -> str:
    """An id that looks like `known` and is nobody's: counted far ahead, or its digits turned."""
    if known.isdigit():
        return str(int(known) + 900_000_000)
    turned = str.maketrans("0123456789abcdef", "1234567890bcdefa")
    return known.translate(turned)
