"""What a sync would do: asked by pages, on a catalogue that the shop may have already."""

from __future__ import annotations

import pytest
from sqlalchemy import delete

from integration.connectors.base import Connector
from integration.dry_run import ADOPT, CONFLICT, CREATE, WITHDRAW, DryRun, Outcome, products_of
from integration.models import Listing
from integration.topology import Topic
from tests.integration.relay import Relay

pytestmark = pytest.mark.either_database

TOPICS = (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)


def preview(relay: Relay) -> dict[str, Outcome]:
    """The outcomes by article id."""
    channel = relay.runtime.channel(relay.channel_id)
    pages = DryRun(relay.runtime, channel, TOPICS).pages()
    return {one.article: one for page in pages for one in page.outcomes}


def list_product(relay: Relay, article_id: str, number: str) -> None:
    """A product in the shop that belongs to this article."""
    with relay.runtime.scope() as session:
        session.add(
            Listing(
                channel_id=relay.channel_id,
                article_id=article_id,
                external_id=f"product-{article_id}",
                number=number,
                is_active=True,
            )
        )


@pytest.fixture
def article(relay):
    return relay.for_sale()[0]


def test_a_page_of_the_preview_is_one_request_and_nothing_is_written(relay):
    preview(relay)  # learns columns and taxes
    asked = relay.erp_requests()

    found = preview(relay)

    assert relay.erp_requests() - asked == 2  # one count, one page
    assert {found[one["id"]].outcome for one in relay.for_sale()} == {CREATE}
    assert relay.shop.writes == []


def test_a_product_with_the_number_would_be_adopted(relay, article):
    relay.hint(Topic.ARTICLE, article)
    relay.drain()
    with relay.runtime.scope() as session:
        session.execute(delete(Listing))

    found = preview(relay)[article["id"]]

    assert (found.outcome, found.external_id) == (ADOPT, relay.shop.id_of(article["number"]))


def test_a_number_whose_product_belongs_to_another_article_is_a_conflict(relay, article):
    list_product(relay, "999999", article["number"].lower())

    found = preview(relay)

    assert found[article["id"]].outcome == CONFLICT
    assert found[article["id"]].detail == "product product-999999 belongs to article 999999"
    assert found["999999"].outcome == WITHDRAW


def test_of_two_articles_with_one_number_the_second_is_a_conflict(relay):
    first = next(one for one in relay.for_sale() if one["number"].startswith("A-"))
    second = relay.for_sale()[-1]
    relay.edit(second, number=first["number"].lower())  # shops do not tell them apart

    found = preview(relay)

    assert found[first["id"]].outcome == CREATE
    assert found[second["id"]].outcome == CONFLICT
    assert found[second["id"]].detail == f"article {first['id']} has the same number"


class _Shop:
    """A shop that has a number on two products."""

    def lookup_all(self, numbers):
        return {"A": ["7", "9"]}


def test_a_number_on_several_products_of_the_shop_names_all_of_them(relay, article):
    connector: Connector = _Shop()  # type: ignore[assignment]
    run = DryRun(relay.runtime, relay.runtime.channel(relay.channel_id), TOPICS)

    (found,) = run._with_adoptions(connector, [Outcome("1", "A", CREATE)])

    assert (found.outcome, found.external_id, found.others) == (ADOPT, "7", ("9",))
    assert found.detail == "product 7; the shop has the number more than once: 9"


def test_a_shop_without_several_is_asked_as_ever(relay, article):
    relay.hint(Topic.ARTICLE, article)
    relay.drain()
    connector = relay.runtime.connector(relay.runtime.channel(relay.channel_id))

    number = article["number"]

    assert products_of(connector, [number]) == {number: (relay.shop.id_of(number),)}
