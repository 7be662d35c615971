"""From facts to links, the one nearest to the ERP first, and which is broken first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from integration.channel_stops import SWITCHED_OFF
from integration.explaining.changes import change_links, is_not_offered, toggle_link
from integration.explaining.facts import TOPICS, Cause, Facts, Link, Who
from integration.explaining.live import edit_links, shop_links
from integration.stages import INACTIVE, NOT_LISTED
from integration.topics.rows import MAIN_ARTICLE, SHIPPING_COSTS
from integration.topology import SHORT_NAME_BY_TOPIC, Topic


def links(facts: Facts) -> list[Link]:
    """The whole chain in its order; of an article that nobody knows its beginning."""
    chain = [_article(facts)]
    if facts.is_known:
        chain += [*_erp_links(facts)]
    chain += [_tenant(facts), _channel(facts)]
    if facts.is_known:
        chain.append(_health(facts))
        chain += [*_topic_links(facts, Topic.ARTICLE), _product(facts)]
        for topic in TOPICS[1:]:
            chain += _topic_links(facts, topic)
        chain += [*shop_links(facts), *edit_links(facts)]
    return chain


def verdict(chain: Sequence[Link]) -> Link:
    """The first broken link; else the first that could not be looked at and that nothing can be
    said without; else one that says that all is well."""
    broken = [one for one in chain if one.ok is False]
    unsure = [one for one in chain if one.ok is None and one.cause is not None]
    for one in (*broken, *unsure):
        return one
    unseen = [one.name for one in chain if one.ok is None]
    text = "all_but_unseen" if unseen else "all_right"
    return Link("all", True, text, {"unseen": ", ".join(unseen)}, cause=Cause.OK)


def _article(facts: Facts) -> Link:
    unknown = Link(
        "article", False, "article_unknown", cause=Cause.ARTICLE_UNKNOWN, who=Who.MERCHANT
    )
    if facts.is_known is None:
        return Link(
            "article",
            None,
            "article_unsure",
            {"trouble": facts.trouble},
            cause=Cause.ARTICLE_UNKNOWN,
            who=Who.AGENCY,
        )
    answer = facts.erp_answer
    if not facts.is_known or (answer is not None and not answer.is_there):
        return unknown
    return Link("article", True, "article_there" if answer else "article_known")


def _erp_links(facts: Facts) -> Iterator[Link]:
    """Active and listed, by the ERP's word or by what was found when the article was sent last."""
    if facts.erp is not None and facts.erp.trouble:
        yield Link("erp", None, "erp_away", {"trouble": facts.erp.trouble})
    answer = facts.erp_answer
    if answer is not None:
        yield from _asked_links(facts)
        return
    work = facts.works.get(Topic.ARTICLE)
    skipped = work.skip_reason if work is not None and work.state == "COMPLETED" else None
    is_settled = work is None or work.state == "COMPLETED"
    if skipped == INACTIVE:
        yield _inactive("inactive_never_sent")
    elif skipped == NOT_LISTED:
        yield Link("listed", False, "not_listed", cause=Cause.NOT_LISTED, who=Who.MERCHANT)
    elif facts.product is not None and not facts.product.is_active and is_settled:
        yield _inactive("inactive_or_unlisted")


def _asked_links(facts: Facts) -> Iterator[Link]:
    answer = facts.erp_answer
    if answer is None or not answer.is_there:
        return
    if answer.is_active is False:
        yield _inactive("inactive")
    elif answer.is_active:
        yield Link("active", True, "active")
    is_charge = answer.product_type == SHIPPING_COSTS
    if not answer.is_listed or is_charge:
        text = "shipping_costs" if is_charge else "not_listed"
        yield Link("listed", False, text, cause=Cause.NOT_LISTED, who=Who.MERCHANT)
        return
    yield Link("listed", True, "listed")
    if answer.gross is not None and answer.gross > 0:
        values = {"gross": answer.gross, "currency": answer.currency}
        yield Link("price", True, "has_price", values)
    elif answer.product_type != MAIN_ARTICLE:
        yield Link("price", False, "hold_no-price", cause=Cause.HELD, who=Who.MERCHANT)


def _inactive(text: str) -> Link:
    return Link("active", False, text, cause=Cause.INACTIVE, who=Who.MERCHANT)


def _tenant(facts: Facts) -> Link:
    tenant = facts.tenant
    if tenant.uninstalled_at is not None:
        return _stopped("tenant", "uninstalled", Who.MERCHANT, at=tenant.uninstalled_at)
    if tenant.held_reason:
        return _stopped("tenant", "tenant_held", Who.AGENCY, reason=tenant.held_reason)
    if tenant.offline_since is not None:
        return _stopped("tenant", "tenant_offline", Who.NOBODY, at=tenant.offline_since)
    return Link("tenant", True, "tenant_there")


def _channel(facts: Facts) -> Link:
    state = facts.state
    if state.deleted_at is not None:
        return _stopped("channel", "channel_deleted", Who.MERCHANT, at=state.deleted_at)
    if state.delete_said_at is not None:
        return _stopped("channel", "channel_said_deleted", Who.NOBODY, at=state.delete_said_at)
    if state.held_reason:
        return _held_channel(state.held_reason)
    if not state.is_paused or (state.paused_until and state.paused_until <= facts.now):
        return Link("channel", True, "channel_moves")
    if state.paused_until is not None:
        return _stopped("channel", "channel_paused_until", Who.NOBODY, at=state.paused_until)
    return _stopped("channel", "channel_paused", Who.AGENCY, channel=facts.channel)


def _held_channel(reason: str) -> Link:
    if reason == SWITCHED_OFF:
        return _stopped("channel", "channel_switched_off", Who.MERCHANT)
    return _stopped("channel", "channel_held", Who.AGENCY, reason=reason)


def _stopped(name: str, text: str, who: Who, **values: object) -> Link:
    return Link(name, False, text, values, cause=Cause.CHANNEL_HELD, who=who)


def _health(facts: Facts) -> Link:
    """A shop that rests breaks only what has to go there."""
    sentence = facts.health.sentence
    if sentence is None:
        return Link("shop", True, "shop_answers")
    waits = any(one.is_on_its_way for one in facts.works.values())
    if facts.health.is_resting and waits:
        return Link(
            "shop", False, "shop_rests", {"words": sentence}, cause=Cause.WAITING, who=Who.SHOP
        )
    return Link("shop", True, "shop_trouble", {"words": sentence})


def _topic_links(facts: Facts, topic: Topic) -> list[Link]:
    if topic not in facts.carried:
        name = f"change-{SHORT_NAME_BY_TOPIC[topic]}"
        return [Link(name, True, "not_carried", topic=topic)]
    return [toggle_link(facts, topic), *change_links(facts, topic)]


def _product(facts: Facts) -> Link:
    product = facts.product
    if product is not None:
        values = {"product": product.external_id, "number": product.number}
        return Link("product", True, "adopted" if product.was_adopted else "created", values)
    if is_not_offered(facts):
        return Link("product", True, "no_product_wanted")
    return Link("product", False, "no_product", cause=Cause.WAITING, who=Who.AGENCY)
