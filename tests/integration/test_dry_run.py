"""What a sync would do: asked by pages, on a catalogue that the shop may have already."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete

from cli import sync_dry_run
from cli.main import main
from cli.shared import Here
from integration import paging
from integration.channel_view import ChannelView
from integration.connectors.base import Connector
from integration.dry_run import DryRun, PreviewPage
from integration.dry_run_outcomes import ADOPT, CONFLICT, CREATE, WITHDRAW, Outcome
from integration.erp.articles import PageOfRows
from integration.models import Listing
from integration.paging import Source
from integration.token_bucket import Share
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

    assert relay.erp_requests() - asked == 3  # one count, one page, and a try how long pages may be
    assert {found[one["id"]].outcome for one in relay.for_sale()} == {CREATE}
    assert relay.shop.writes == []


def test_a_preview_stays_behind_live_changes_at_the_shop_too(relay, monkeypatch):
    shares: list[Share | None] = []
    connector = relay.runtime.connector

    def seen(channel: ChannelView, **options: Any) -> Connector:
        shares.append(options.get("share"))
        return connector(channel, **options)

    monkeypatch.setattr(relay.runtime, "connector", seen)

    preview(relay)

    assert shares == [Share.BACKFILL]


def test_pages_are_as_long_as_the_erp_gives_them_and_all_is_seen(relay, monkeypatch):
    monkeypatch.setattr(paging, "LONG_PAGE", 8)
    sizes: list[int] = []
    page = Source.page

    def seen(source: Source, offset: int) -> PageOfRows:
        sizes.append(source.size)
        return page(source, offset)

    monkeypatch.setattr(Source, "page", seen)

    found = preview(relay)

    assert len(sizes) > 2
    assert set(sizes) == {8}
    assert {found[one["id"]].outcome for one in relay.for_sale()} == {CREATE}


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


def test_the_product_of_another_article_is_a_conflict_whatever_its_number_was(relay, article):
    relay.shop.products["product-999999"] = {"number": article["number"]}
    list_product(relay, "999999", "renamed in the shop since")

    found = preview(relay)[article["id"]]

    assert found.outcome == CONFLICT
    assert found.detail == "product product-999999 belongs to article 999999"


def previewed(relay: Relay, *options: str) -> Result:
    """`vario-relay sync 42 --dry-run`."""
    here = Here({})
    vars(here).update(
        settings=relay.runtime.settings, engine=relay.runtime.engine, runtime=relay.runtime
    )
    return CliRunner().invoke(main, ["sync", "42", "--dry-run", *options], obj=here)


def test_who_waits_is_told_how_long(relay, monkeypatch):
    monkeypatch.setattr(paging, "LONG_PAGE", 8)
    monkeypatch.setattr(sync_dry_run, "LINE_EVERY_S", 0.0)

    done = previewed(relay)

    assert done.exit_code == 0, done.output
    first, *_others = done.stderr.splitlines()
    assert re.fullmatch(r"\d+ of \d+ articles looked at, about \d+ s left", first)


def test_one_that_is_interrupted_ends_with_a_sentence(relay, monkeypatch):
    def interrupted(_self: DryRun) -> Iterator[PreviewPage]:
        yield PreviewPage((), 0, 1)
        raise KeyboardInterrupt

    monkeypatch.setattr(DryRun, "pages", interrupted)

    done = previewed(relay)

    assert done.exit_code == 1
    assert "stopped; nothing was written" in done.stderr
