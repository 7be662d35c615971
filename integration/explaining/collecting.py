"""Gathers the facts about one article: the database's, and those of ERP and shop if asked for."""

from __future__ import annotations

from dataclasses import replace

from integration import articles_by_name, channels, shop_edits
from integration.articles_by_name import UnknownArticle
from integration.connectors.base import ListingView
from integration.erp.listings import FoundArticle
from integration.errors import IntegrationError, UsageError
from integration.explaining import asking, reading
from integration.explaining.asking import Asked, Patience
from integration.explaining.facts import TOPICS, ErpSays, Facts, ShopSays
from integration.history import reading as history
from integration.models import Listing, SalesChannel
from integration.runtime import Runtime

#: Entries of the history that an explanation shows, the latest; `vario-relay history` shows more.
EVENTS = 50


def collect(runtime: Runtime, channel_name: str, text: str, *, is_live: bool = False) -> Facts:
    """All facts about the article that `text` names: its id, its number or an EAN.

    What we know ourselves is found without the ERP. An article that we never heard of is looked up
    there, and its state is asked for at once, because that is the answer.
    Raises: UsageError for a channel that there is not, and for a name of several articles.
    """
    with runtime.scope() as session:
        channel = channels.find(session, channel_name)
        facts = reading.about_channel(session, channel, text.strip())
    patience = Patience()
    found = articles_by_name.known(runtime, channel, text)
    asks_erp = is_live or found is None
    if found is None:
        facts, found = _looked_up(runtime, channel, facts, text, patience)
    if found is None:
        return facts
    facts = _of_article(runtime, channel, facts, found)
    return _asked(runtime, channel, facts, patience, asks_erp=asks_erp, asks_shop=is_live)


def _looked_up(
    runtime: Runtime, channel: SalesChannel, facts: Facts, text: str, patience: Patience
) -> tuple[Facts, FoundArticle | None]:
    """The article as the ERP knows it; without one, the facts say why."""
    quick = asking.patient(runtime)
    found = asking.begin(lambda: articles_by_name.find(quick, channel, text))
    try:
        return facts, patience.result(found)
    except UnknownArticle:
        return replace(facts, is_known=False), None
    except UsageError:
        raise
    except IntegrationError as error:
        return replace(facts, is_known=None, trouble=str(error)), None


def _of_article(
    runtime: Runtime, channel: SalesChannel, facts: Facts, found: FoundArticle
) -> Facts:
    with runtime.scope() as session:
        return replace(
            facts,
            article=found.id,
            number=found.number,
            works=reading.works(session, channel.id, found.id, facts.now),
            holds=reading.holds(session, channel.id, found.id),
            logged=history.entries(session, channel.id, found.id, topics=TOPICS, limit=EVENTS),
            product=reading.product(session, channel.id, found.id),
            edits=reading.edits(session, channel.id, found.id),
        )


def _asked(
    runtime: Runtime,
    channel: SalesChannel,
    facts: Facts,
    patience: Patience,
    *,
    asks_erp: bool,
    asks_shop: bool,
) -> Facts:
    """The facts with what ERP and shop say, both asked at the same time."""
    if not asks_erp and not asks_shop:
        return facts
    quick = asking.patient(runtime)
    try:
        asked = Asked(quick.channel(channel.id), _listing(runtime, channel, facts))
    except UsageError as error:  # no key opens the channel's secrets
        unseen = ShopSays(trouble=str(error)) if asks_shop else None
        return replace(facts, erp=ErpSays(trouble=str(error)), shop=unseen)
    # Both begin before one is waited for.
    from_erp = asking.begin(lambda: asking.ask_erp(quick, asked)) if asks_erp else None
    from_shop = asking.begin(lambda: asking.ask_shop(quick, asked)) if asks_shop else None
    if from_erp is not None:
        facts = replace(facts, erp=patience.result_or(from_erp, lambda why: ErpSays(trouble=why)))
    if from_shop is not None:
        facts = replace(
            facts, shop=patience.result_or(from_shop, lambda why: ShopSays(trouble=why))
        )
    return _with_new_edits(runtime, channel, facts)


def _with_new_edits(runtime: Runtime, channel: SalesChannel, facts: Facts) -> Facts:
    """What the shop shows tells what somebody changed there, which is noted at once."""
    record = None if facts.shop is None else facts.shop.record
    if record is None:
        return facts
    with runtime.scope() as session:
        records = {facts.article: record}
        shop_edits.notice(session, channel.id, facts.owners, records, read_at=facts.now)
        return replace(facts, edits=reading.edits(session, channel.id, facts.article))


def _listing(runtime: Runtime, channel: SalesChannel, facts: Facts) -> ListingView:
    with runtime.scope() as session:
        found = session.get(Listing, (channel.id, facts.article))
    if found is None:
        return ListingView(facts.article, number=facts.number)
    return ListingView(
        found.article_id, found.external_id, found.number, found.is_active, found.notes
    )
