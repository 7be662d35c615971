"""Whose word counts for a field, and what an edit is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from integration.connectors.base import ListingView, RemoteRecord
from integration.documents import PriceDocument, StockDocument
from integration.errors import ChannelError
from integration.field_ownership import (
    Field,
    Owner,
    edits,
    left_out,
    owners_of,
    sent_values,
    text_hash,
    watches,
)
from integration.topology import Topic

PRICE = PriceDocument("1", Decimal("8.403361"), Decimal("10"), "EUR", Decimal(19))
ASK = dict.fromkeys(Field, Owner.ASK)


def test_texts_are_kept_once_edited_and_the_erp_leads_with_everything_else() -> None:
    assert owners_of({}) == {
        Field.NUMBER: Owner.OVERWRITE,
        Field.NAME: Owner.KEEP_EDITED,
        Field.DESCRIPTION: Owner.KEEP_EDITED,
        Field.ACTIVE: Owner.OVERWRITE,
        Field.PRICE: Owner.OVERWRITE,
        Field.STOCK: Owner.OVERWRITE,
    }


def test_a_channel_with_a_value_that_there_is_not_says_which() -> None:
    with pytest.raises(ChannelError, match=r"own\.price is none of overwrite, keep, "):
        owners_of({"own.price": "mine"})


def test_edits_are_looked_for_only_of_topics_that_carry_a_watched_field() -> None:
    owners = owners_of({})
    assert watches(owners, [Topic.ARTICLE])
    assert not watches(owners, [Topic.PRICE, Topic.STOCK, Topic.MEDIA, Topic.ORDER_STATUS])
    assert watches(owners_of({"own.price": "ask"}), [Topic.PRICE])


def test_an_edited_text_is_left_out_in_its_language_and_what_is_kept_in_all() -> None:
    owners = owners_of({"own.description": "keep", "own.stock": "keep", "own.price": "ask"})

    found = left_out(owners, ["name@en", "price", "active"])

    assert found == {"name@en", "price", "description", "description@*", "stock"}
    view = ListingView("1", left_out=found)
    assert [
        view.leaves_out("name"),
        view.leaves_out("name", "en"),
        view.leaves_out("name", "fr"),
    ] == [
        False,
        True,
        False,
    ]
    assert view.leaves_out("description", "fr")


@pytest.mark.parametrize(
    ("sent", "shown", "found"),
    [
        ("True", {"is_active": True, "is_visible": True}, {"active": None}),
        ("True", {"is_active": True, "is_visible": False}, {"active": "visible False"}),
        ("True", {"is_active": False, "is_visible": True}, {"active": "False"}),
        ("True", {"is_active": True}, {"active": None}),
        # nobody has to find what is switched off
        ("False", {"is_active": False, "is_visible": False}, {"active": None}),
    ],
)
def test_a_hidden_product_is_edited_as_one_that_was_switched_off(
    sent: str, shown: dict[str, bool], found: dict[str, str | None]
) -> None:
    assert edits({"active": sent, "visible": "True"}, RemoteRecord("p", "A", **shown)) == found


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        (RemoteRecord("p", "A", name="Säge &amp; <b>Söhne</b> "), {"name": None}),
        (RemoteRecord("p", "A", name="Sägen"), {"name": "Sägen"}),
        (RemoteRecord("p", "A", texts={"name@en": "Saws"}), {"name@en": None}),
        (RemoteRecord("p", "A", texts={"name@en": "Lamp"}), {"name@en": "Lamp"}),
        # shops keep the net price to the cent
        (RemoteRecord("p", "A", net=Decimal("8.40"), gross=Decimal("10.00")), {"price": None}),
        (
            RemoteRecord("p", "A", net=Decimal("8.41"), gross=Decimal("10.00")),
            {"price": "net 8.41"},
        ),
        (RemoteRecord("p", "A", gross=Decimal("9.99")), {"price": "gross 9.99"}),
        (RemoteRecord("p", "A", stock=5), {"stock": None}),
        (RemoteRecord("p", "A", stock=0), {"stock": "0"}),
        # what a platform does not tell is not judged
        (RemoteRecord("p", "A"), {}),
    ],
)
def test_an_edit_is_what_a_reader_sees_otherwise(
    shown: RemoteRecord, found: dict[str, str | None]
) -> None:
    texts = {"name": "Säge & Söhne", "name@en": "Saws"}
    sent = sent_values([PRICE, StockDocument("1", 5)], texts, ASK, ())

    assert edits(sent, shown) == found


def test_only_texts_are_noted_where_an_edit_of_the_rest_does_not_count() -> None:
    assert sent_values([PRICE], {"name": "Saw"}, owners_of({}), ()) == {"name": text_hash("Saw")}
    assert sent_values([PRICE], {}, ASK, ["price"]) == {}
