"""What is said first of an article that is not right in the shop: one seeded situation a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from integration.channel_stops import SWITCHED_OFF
from integration.connectors.base import RemoteRecord
from integration.explaining import chain, report
from integration.explaining.facts import (
    Cause,
    ChannelFacts,
    Edit,
    ErpSays,
    Facts,
    HandHold,
    Product,
    ShopFacts,
    ShopSays,
    TenantFacts,
    Who,
    Work,
)
from integration.explaining.texts import KIND_NAMES, TEXT_BY_KEY, Language
from integration.field_ownership import Field, Owner, owners_of
from integration.mapping_kinds import Kind
from integration.stages import INACTIVE, NOT_LISTED
from integration.topology import Topic

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
BEFORE, LATER = NOW - timedelta(minutes=5), NOW + timedelta(minutes=5)
SENT = Work("COMPLETED", pushed_at=BEFORE, last_event_at=BEFORE, pushed_hash="h")
WAITS = Work("QUEUED", due_at=BEFORE, ahead=3, eta_s=12.0, first_unsent_at=BEFORE)
PRODUCT = Product("p1", "A-1")
#: In the shop and settled.
WELL = Facts(
    channel="acme/42",
    article="1001",
    number="A-1",
    now=NOW,
    works={Topic.ARTICLE: SENT, Topic.PRICE: SENT, Topic.STOCK: SENT},
    product=PRODUCT,
)
#: Listed, but nothing was sent yet.
NEW = replace(WELL, works={}, product=None)
ERP = ErpSays(
    is_active=True,
    is_listed=True,
    gross=Decimal("11.90"),
    currency="EUR",
    values={"name": "Chair", "net": Decimal("10"), "gross": Decimal("11.90"), "stock": 5},
    contents_by_topic=dict.fromkeys((Topic.ARTICLE, Topic.PRICE, Topic.STOCK), ("h",)),
)
RECORD = RemoteRecord(
    "p1", "A-1", "Chair", True, Decimal("10"), Decimal("11.90"), stock=5, is_visible=True
)
SHOP = ShopSays(external_id="p1", record=RECORD)
LIVE = replace(WELL, erp=ERP, shop=SHOP)
RENAMED = Edit("Stool", BEFORE)
ASKS = owners_of({"own.name": "ask"})


def with_work(facts: Facts, topic: Topic, work: Work) -> Facts:
    return replace(facts, works={**facts.works, topic: work})


def held(reason: str, topic: Topic = Topic.ARTICLE, facts: Facts = NEW) -> Facts:
    return with_work(facts, topic, Work("QUEUED", reason, words="words", due_at=BEFORE))


def failed(error_class: str) -> Facts:
    work = Work("FAILED", error_class=error_class, words="no such tax", attempts=8)
    return with_work(NEW, Topic.ARTICLE, work)


def state(**values: Any) -> Facts:
    return replace(WELL, state=ChannelFacts(**values))


def tenant(**values: Any) -> Facts:
    return replace(WELL, tenant=TenantFacts(**values))


def erp(**values: Any) -> Facts:
    return replace(LIVE, erp=replace(ERP, **values))


def shown(**values: Any) -> Facts:
    return replace(LIVE, shop=replace(SHOP, record=replace(RECORD, **values)))


SITUATIONS = {
    "the ERP does not know it": (
        replace(NEW, is_known=False),
        Cause.ARTICLE_UNKNOWN,
        Who.MERCHANT,
        "article",
    ),
    "nobody knows it and the ERP is away": (
        replace(NEW, is_known=None, trouble="no answer"),
        Cause.ARTICLE_UNKNOWN,
        Who.AGENCY,
        "article",
    ),
    "deleted in the ERP since": (
        erp(is_there=False),
        Cause.ARTICLE_UNKNOWN,
        Who.MERCHANT,
        "article",
    ),
    "inactive and never sent": (
        with_work(NEW, Topic.ARTICLE, Work("COMPLETED", skip_reason=INACTIVE)),
        Cause.INACTIVE,
        Who.MERCHANT,
        "active",
    ),
    "inactive in the shop since": (
        replace(WELL, product=replace(PRODUCT, is_active=False)),
        Cause.INACTIVE,
        Who.MERCHANT,
        "active",
    ),
    "inactive, says the ERP": (erp(is_active=False), Cause.INACTIVE, Who.MERCHANT, "active"),
    "not listed when it was fetched": (
        with_work(NEW, Topic.ARTICLE, Work("COMPLETED", skip_reason=NOT_LISTED)),
        Cause.NOT_LISTED,
        Who.MERCHANT,
        "listed",
    ),
    "not listed, says the ERP": (erp(is_listed=False), Cause.NOT_LISTED, Who.MERCHANT, "listed"),
    "no listing on the channel at all": (
        replace(NEW, erp=ErpSays()),
        Cause.NOT_LISTED,
        Who.MERCHANT,
        "listed",
    ),
    "shipping costs": (
        erp(product_type="SHIPPING_COSTS"),
        Cause.NOT_LISTED,
        Who.MERCHANT,
        "listed",
    ),
    "without a price, says the ERP": (erp(gross=None), Cause.HELD, Who.MERCHANT, "price"),
    "uninstalled": (tenant(uninstalled_at=BEFORE), Cause.CHANNEL_HELD, Who.MERCHANT, "tenant"),
    "token invalid": (tenant(held_reason="reconnect"), Cause.CHANNEL_HELD, Who.AGENCY, "tenant"),
    "the ERP is offline": (tenant(offline_since=BEFORE), Cause.CHANNEL_HELD, Who.NOBODY, "tenant"),
    "channel deleted": (state(deleted_at=BEFORE), Cause.CHANNEL_HELD, Who.MERCHANT, "channel"),
    "channel said to be deleted": (
        state(delete_said_at=BEFORE),
        Cause.CHANNEL_HELD,
        Who.NOBODY,
        "channel",
    ),
    "channel held": (state(held_reason="401"), Cause.CHANNEL_HELD, Who.AGENCY, "channel"),
    "channel switched off in the ERP": (
        state(held_reason=SWITCHED_OFF),
        Cause.CHANNEL_HELD,
        Who.MERCHANT,
        "channel",
    ),
    "channel paused": (state(is_paused=True), Cause.CHANNEL_HELD, Who.AGENCY, "channel"),
    "channel paused for a while": (
        state(is_paused=True, paused_until=LATER),
        Cause.CHANNEL_HELD,
        Who.NOBODY,
        "channel",
    ),
    "channel paused and a mapping missing": (
        replace(held("mapping:tax:2"), state=ChannelFacts(is_paused=True)),
        Cause.CHANNEL_HELD,
        Who.AGENCY,
        "channel",
    ),
    "the shop rests and a change waits": (
        replace(with_work(WELL, Topic.STOCK, WAITS), health=ShopFacts(True, "it failed")),
        Cause.WAITING,
        Who.SHOP,
        "shop",
    ),
    "article toggle off, never sent": (
        replace(NEW, off=frozenset({Topic.ARTICLE})),
        Cause.TOGGLE_OFF,
        Who.MERCHANT,
        "toggle-article",
    ),
    "price toggle off, a price waits": (
        replace(with_work(WELL, Topic.PRICE, WAITS), off=frozenset({Topic.PRICE})),
        Cause.TOGGLE_OFF,
        Who.MERCHANT,
        "toggle-price",
    ),
    "held by hand": (
        replace(WELL, holds={Topic.ARTICLE: HandHold("recall", "ada", BEFORE)}),
        Cause.HELD,
        Who.AGENCY,
        "hold-article",
    ),
    "tax not mapped": (
        held("mapping:tax:2"),
        Cause.MAPPING_MISSING,
        Who.AGENCY,
        "change-article",
    ),
    "customer group of a price not mapped": (
        held("mapping:customer-group:7", Topic.PRICE, WELL),
        Cause.MAPPING_MISSING,
        Who.AGENCY,
        "change-price",
    ),
    "price group of a price not mapped": (
        held("mapping:price-group:7", Topic.PRICE, WELL),
        Cause.MAPPING_MISSING,
        Who.AGENCY,
        "change-price",
    ),
    "no price": (held("no-price"), Cause.HELD, Who.MERCHANT, "change-article"),
    "no tax rate": (held("no-tax-rate"), Cause.HELD, Who.MERCHANT, "change-article"),
    "wrong currency": (held("currency:USD"), Cause.HELD, Who.MERCHANT, "change-article"),
    "column gone": (held("erp-column:id"), Cause.HELD, Who.VENDOR, "change-article"),
    "confirmation": (
        held("confirm:single-to-variant", facts=WELL),
        Cause.HELD,
        Who.AGENCY,
        "change-article",
    ),
    "variants below a product that becomes one": (
        held("variants-below:1000", facts=WELL),
        Cause.HELD,
        Who.AGENCY,
        "change-article",
    ),
    "main article never fetched": (
        held("main-unknown:7"),
        Cause.HELD,
        Who.MERCHANT,
        "change-article",
    ),
    "options of another variant": (
        held("same-options:1001"),
        Cause.HELD,
        Who.MERCHANT,
        "change-article",
    ),
    "no options": (held("no-options"), Cause.HELD, Who.MERCHANT, "change-article"),
    "brake": (held("brake:stock", Topic.STOCK, WELL), Cause.HELD, Who.AGENCY, "change-stock"),
    "brake that keeps a product active": (
        held("brake:article", facts=WELL),
        Cause.HELD,
        Who.AGENCY,
        "change-article",
    ),
    "brake that is not decided yet": (
        held("brake-wait:price", Topic.PRICE, WELL),
        Cause.WAITING,
        Who.NOBODY,
        "change-price",
    ),
    "a hold nobody has words for": (held("new:1"), Cause.HELD, Who.AGENCY, "change-article"),
    "main article missing": (
        held("main-not-in-shop:1000"),
        Cause.WAITING,
        Who.NOBODY,
        "change-article",
    ),
    "price of an article that waits": (
        with_work(held("article-not-in-shop", Topic.PRICE), Topic.ARTICLE, WAITS),
        Cause.WAITING,
        Who.NOBODY,
        "change-article",
    ),
    "refused": (failed("Rejected"), Cause.REJECTED, Who.MERCHANT, "change-article"),
    "all attempts used up": (
        failed("TransientError"),
        Cause.REJECTED,
        Who.AGENCY,
        "change-article",
    ),
    "a bug": (failed("bug"), Cause.REJECTED, Who.VENDOR, "change-article"),
    "refused and a price held": (
        with_work(failed("Rejected"), Topic.PRICE, Work("QUEUED", "no-price")),
        Cause.REJECTED,
        Who.MERCHANT,
        "change-article",
    ),
    "waits its turn": (
        with_work(NEW, Topic.ARTICLE, WAITS),
        Cause.WAITING,
        Who.NOBODY,
        "change-article",
    ),
    "waits for its next attempt": (
        with_work(WELL, Topic.STOCK, Work("QUEUED", words="HTTP 500", attempts=2, due_at=LATER)),
        Cause.WAITING,
        Who.NOBODY,
        "change-stock",
    ),
    "being sent": (
        with_work(WELL, Topic.STOCK, Work("PROCESSING")),
        Cause.WAITING,
        Who.NOBODY,
        "change-stock",
    ),
    "due and nobody works": (
        with_work(WELL, Topic.STOCK, Work("QUEUED", due_at=NOW - timedelta(hours=1))),
        Cause.WAITING,
        Who.AGENCY,
        "change-stock",
    ),
    "never heard of": (NEW, Cause.WAITING, Who.AGENCY, "change-article"),
    "offered again, and no event": (
        replace(with_work(NEW, Topic.ARTICLE, Work("COMPLETED", skip_reason=NOT_LISTED)), erp=ERP),
        Cause.WAITING,
        Who.AGENCY,
        "change-article",
    ),
    "dropped by hand": (
        with_work(WELL, Topic.PRICE, Work("COMPLETED", skip_reason="discarded, was held: brake")),
        Cause.HELD,
        Who.AGENCY,
        "change-price",
    ),
    "newer in the ERP, and no event": (
        erp(contents_by_topic={**ERP.contents_by_topic, Topic.PRICE: ("other",)}),
        Cause.WAITING,
        Who.AGENCY,
        "change-price",
    ),
    "sent, but there is no product": (
        replace(WELL, product=None),
        Cause.WAITING,
        Who.AGENCY,
        "product",
    ),
    "deleted in the shop": (
        replace(LIVE, shop=ShopSays()),
        Cause.EDITED_IN_SHOP,
        Who.AGENCY,
        "shop-product",
    ),
    "switched off in the shop": (
        shown(is_active=False),
        Cause.HIDDEN_IN_SHOP,
        Who.SHOP,
        "shop-visible",
    ),
    "not visible in the shop": (
        shown(is_visible=False),
        Cause.HIDDEN_IN_SHOP,
        Who.SHOP,
        "shop-visible",
    ),
    "renamed in the shop": (shown(name="Stool"), Cause.EDITED_IN_SHOP, Who.SHOP, "shop-values"),
    "renamed in the shop, which was noted": (
        replace(WELL, edits={"name": RENAMED}),
        Cause.EDITED_IN_SHOP,
        Who.SHOP,
        "shop-edits",
    ),
    "renamed in the shop, which a person is asked about": (
        replace(shown(name="Stool"), edits={"name": RENAMED}, owners=ASKS),
        Cause.EDITED_IN_SHOP,
        Who.MERCHANT,
        "shop-edits",
    ),
    "renamed in the shop, which is right": (
        replace(shown(name="Stool"), edits={"name": replace(RENAMED, kept_by="anna")}),
        Cause.OK,
        Who.NOBODY,
        "all",
    ),
    "sold out in the shop, which is the shop's to say": (
        replace(shown(stock=0), owners={**ASKS, Field.STOCK: Owner.KEEP}),
        Cause.OK,
        Who.NOBODY,
        "all",
    ),
    "sold out in the shop": (shown(stock=0), Cause.EDITED_IN_SHOP, Who.SHOP, "shop-values"),
    "sold out in the shop, with stock": (
        shown(is_available=False),
        Cause.HIDDEN_IN_SHOP,
        Who.SHOP,
        "shop-available",
    ),
    "rightly sold out": (
        replace(
            shown(is_available=False, stock=0), erp=replace(ERP, values={**ERP.values, "stock": 0})
        ),
        Cause.OK,
        Who.NOBODY,
        "all",
    ),
    "can be bought, says the shop": (shown(is_available=True), Cause.OK, Who.NOBODY, "all"),
    "in the shop": (WELL, Cause.OK, Who.NOBODY, "all"),
    "in the shop, says the shop": (LIVE, Cause.OK, Who.NOBODY, "all"),
    "in the shop, ERP and shop away": (
        replace(WELL, erp=ErpSays(trouble="504"), shop=ShopSays(trouble="no route")),
        Cause.OK,
        Who.NOBODY,
        "all",
    ),
    "images that the platform does not carry": (
        replace(held("topic-not-served", Topic.MEDIA, WELL), carried=WELL.carried - {Topic.MEDIA}),
        Cause.OK,
        Who.NOBODY,
        "all",
    ),
    "a switched-off topic of which nothing waits": (
        replace(WELL, off=frozenset({Topic.MEDIA})),
        Cause.OK,
        Who.NOBODY,
        "all",
    ),
    "a shop in trouble of which nothing is wanted": (
        replace(WELL, health=ShopFacts(True, "it failed")),
        Cause.OK,
        Who.NOBODY,
        "all",
    ),
    "a pause that is over": (
        state(is_paused=True, paused_until=BEFORE),
        Cause.OK,
        Who.NOBODY,
        "all",
    ),
}


@pytest.mark.parametrize(("facts", "cause", "who", "name"), SITUATIONS.values(), ids=SITUATIONS)
def test_the_first_broken_link_is_the_answer(
    facts: Facts, cause: Cause, who: Who, name: str
) -> None:
    found = chain.verdict(chain.links(facts))

    assert (found.cause, found.who, found.name) == (cause, who, name)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("facts", [row[0] for row in SITUATIONS.values()], ids=SITUATIONS)
def test_every_link_and_entry_has_a_whole_sentence(facts: Facts, language: Language) -> None:
    shape = report.explain(facts, language).as_json()

    texts = [shape["sentence"], *(one["detail"] for one in shape["links"] + shape["timeline"])]
    assert all(text and "{" not in text and "None" not in text for text in texts)


#: Variations of these that differ in the sentence only.
VARIATIONS = [
    (replace(WELL, product=replace(PRODUCT, was_adopted=True)), "adopted"),
    (
        replace(held("by-hand"), holds={Topic.ARTICLE: HandHold("recall", "ada", BEFORE)}),
        "change_by_hand",
    ),
    (held("erp-right:documents"), "hold_erp-right"),
    (held("shop-right"), "hold_shop-right"),
    (held("sync-paused"), "hold_sync-paused"),
    (replace(NEW, shop=ShopSays()), "not_in_shop"),
    (replace(NEW, shop=ShopSays(external_id="p9")), "would_be_adopted"),
    (replace(LIVE, erp=None), "nothing_to_compare"),
    (
        replace(LIVE, product=replace(PRODUCT, is_active=False)),
        "rightly_inactive",
    ),
    (shown(is_active=None, is_visible=None), "shop_tells_no_visibility"),
    (replace(LIVE, shop=replace(SHOP, record=None)), "shop_tells_nothing"),
    (
        with_work(WELL, Topic.PRICE, Work("COMPLETED", skip_reason="a main article")),
        "skipped",
    ),
    (with_work(WELL, Topic.PRICE, Work("QUEUED", due_at=LATER)), "waits_until"),
]


@pytest.mark.parametrize(("facts", "text"), VARIATIONS)
def test_variations_have_their_own_sentence(facts: Facts, text: str) -> None:
    found = {one.text: one for one in chain.links(facts)}

    assert text in found
    explained = report.explain(facts, Language.DE)
    assert "{" not in explained.detail(found[text])


def test_there_is_no_sentence_that_nobody_says() -> None:
    said = {"subject", "subject_by_id", "subject_as_asked"}
    for facts in [row[0] for row in (*SITUATIONS.values(), *VARIATIONS)]:
        found = report.explain(facts, Language.EN)
        said |= {one.text for one in (*found.links, found.verdict)}

    assert {key for key in TEXT_BY_KEY if not key.startswith("time_")} == said


def test_what_differs_in_the_shop_is_named_with_both_values() -> None:
    found = report.explain(shown(gross=Decimal("9.99"), name="Stool"), Language.EN)

    assert "name Chair -> Stool; gross 11.90 -> 9.99" in found.sentence


def test_a_value_that_was_not_the_one_we_sent_is_not_blamed_on_the_shop() -> None:
    newer = erp(contents_by_topic={**ERP.contents_by_topic, Topic.STOCK: ("other",)})
    differs = replace(newer, shop=replace(SHOP, record=replace(RECORD, stock=0)))

    links = {one.name: one for one in chain.links(differs)}

    assert links["shop-values"].ok is True
    assert links["change-stock"].ok is False


def test_less_than_a_cent_is_no_difference() -> None:
    found = chain.verdict(chain.links(shown(net=Decimal("10.004"))))

    assert found.cause is Cause.OK


def test_an_erp_and_a_shop_that_are_away_are_links_that_could_not_be_looked_at() -> None:
    away = replace(WELL, erp=ErpSays(trouble="504"), shop=ShopSays(trouble="no route"))

    found = report.explain(away, Language.EN)

    assert {one.name for one in found.links if one.ok is None} == {"erp", "shop-product"}
    assert found.sentence.endswith("not looked at: erp, shop-product")


def test_the_timeline_is_in_order_and_what_has_no_time_comes_last() -> None:
    work = Work(
        "QUEUED",
        words="HTTP 500",
        attempts=2,
        due_at=LATER,
        first_unsent_at=BEFORE,
        last_event_at=NOW,
        pushed_at=BEFORE - timedelta(days=1),
        generation=4,
    )
    facts = replace(with_work(NEW, Topic.STOCK, work), product=PRODUCT)

    entries = report.explain(facts, Language.EN).as_json()["timeline"]

    assert [(one["event"], one["topic"]) for one in entries] == [
        ("pushed", "stock"),
        ("first-unsent", "stock"),
        ("last-event", "stock"),
        ("due", "stock"),
        ("failed", "stock"),
    ]
    assert entries[2]["at"] == "2026-11-26T12:00:00+00:00"
    assert entries[-1] == {
        "at": None,
        "topic": "stock",
        "event": "failed",
        "detail": "failed at attempt 2: HTTP 500",
    }


def test_german_sentences_say_it_in_german() -> None:
    found = report.explain(held("mapping:unit:lb"), Language.DE)

    assert found.sentence.startswith("Artikel A-1 (Id 1001): Stammdaten: die Einheit lb aus VARIO")


def test_a_group_that_is_not_mapped_may_be_left_out() -> None:
    facts = held("mapping:price-group:7", Topic.PRICE, WELL)

    english, german = (
        report.explain(facts, language).sentence for language in (Language.EN, Language.DE)
    )

    assert (
        "`vario-relay mapping set acme/42 price-group 7 SHOP-VALUE` lets it go, with -" in english
    )
    assert "die Preisgruppe 7 aus VARIO ist nicht zugeordnet" in german
    assert "mit - als SHOP-WERT, wenn der Shop nichts davon haben soll" in german


def test_every_kind_of_mapping_has_a_name_in_both_languages() -> None:
    assert set(KIND_NAMES) == set(Kind)
