"""What a listing lacks of a variant that the shop has already."""

from __future__ import annotations

from integration.connectors.base import ListingView
from integration.variants import unnoted

RED = {"article_id": "7", "kind": "variant", "main_article": "1", "choice": {"Colour": "red"}}
NOTED = {"kind": "variant", "choice": {"Colour": "red"}, "tax": "19"}


def changes(payload: dict, **listing) -> dict:
    return unnoted([payload], lambda article: ListingView(article, "id-7", **listing))


def test_what_a_listing_lacks_is_its_main_article_and_what_is_chosen():
    noted = {"notes": NOTED, "main_article": "1"}
    assert changes(RED, notes={"kind": "variant", "tax": "19"}) == {"7": noted}


def test_nothing_is_stored_of_what_is_noted():
    assert changes(RED, notes=NOTED, main_article="1") == {}


def test_only_variants_have_it():
    assert changes({"article_id": "7"}) == {}
    assert changes({"article_id": "7", "kind": "single"}, notes={"tax": "19"}) == {}
