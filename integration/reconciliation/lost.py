"""Products of ours of which we have no listing: a database was put back, or a row of it got lost.

What is still offered needs nothing: it counts as missing, and its product is adopted by its number.
What is not would stay for sale for ever, because nobody looks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from integration import sql
from integration.connectors.base import Connector, ListingView
from integration.connectors.besides import KnowsOwnProducts
from integration.models import Listing
from integration.paging import PAGE
from integration.patience import Patience
from integration.reconciliation.expecting import listings_of
from integration.reconciliation.staging import Stage
from integration.runtime import Runtime

#: Products that a connector is asked about together.
AT_ONCE = 20_000
#: Ids of the ERP that are tried, up to so many above the newest article that it lists. A platform
#: whose ids are made of the article's takes some seconds for all of them.
IDS_TRIED = 3_000_000
IDS_ABOVE = 100_000


def pages(
    runtime: Runtime, channel_id: int, connector: Connector, patience: Patience, stage: Stage
) -> Iterator[dict[str, ListingView]]:
    """The listings that such products must have had, by article, a page at a time.

    Only of articles that are not offered as far as the stage knows.
    """
    if not isinstance(connector, KnowsOwnProducts):
        return
    newest = stage.newest() + IDS_ABOVE
    for number_by_product in stage.strangers(AT_ONCE):
        ids = list(number_by_product)
        candidates = map(str, range(max(1, newest - IDS_TRIED), newest))
        found = patience.ask(partial(connector.own_articles, ids, candidates))
        product_by_article = {article: product for product, article in found.items()}
        articles = stage.not_offered(product_by_article)
        for start in range(0, len(articles), PAGE):
            chunk = articles[start : start + PAGE]
            known = listings_of(runtime, channel_id, chunk)
            yield {
                one: view_of(one, product, number_by_product[product])
                for one in chunk
                if one not in known and (product := product_by_article[one])
            }


def view_of(article_id: str, external_id: str, number: str) -> ListingView:
    """A listing that got lost, of a product that is for sale."""
    return ListingView(article_id, external_id, number, is_active=True)


def without_owned(
    session: Session, channel_id: int, lost: Mapping[str, ListingView]
) -> dict[str, ListingView]:
    """Those whose product no other article has by now."""
    if not lost:
        return {}
    products = [one.external_id for one in lost.values() if one.external_id is not None]
    owned = session.scalars(
        select(Listing.external_id).where(
            Listing.channel_id == channel_id,
            sql.is_one_of_texts(session, Listing.external_id, products),
        )
    ).all()
    return {key: one for key, one in lost.items() if one.external_id not in owned}
