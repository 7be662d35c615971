"""Values as a plan keeps them."""

from decimal import Decimal

import pytest

from integration.reconciliation.wording import LONGEST, says, text_of, texts_of

LONG = "Word " * 100


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, None), (True, "true"), (Decimal("12.50"), "12.5"), (Decimal("0.00"), "0"), (7, "7")],
)
def test_a_plan_keeps_values_as_plain_texts(value, text):
    assert text_of(value) == text
    assert says(text, value)


def test_a_short_text_is_kept_as_it_is():
    assert texts_of("description", "<p>Red</p>", "<p>Blue</p>") == ("<p>Red</p>", "<p>Blue</p>")


def test_of_a_long_text_a_plan_shows_where_it_begins_to_differ():
    old, new = texts_of("description", f"<p>{LONG}red</p> ball", f"<p>{LONG}blue</p> ball")

    assert old.startswith("… Word Word Word Word red ball (#")
    assert new.startswith("… Word Word Word Word blue ball (#")


def test_a_text_that_grew_long_is_shown_from_its_beginning_and_cut():
    old, new = texts_of("description", "", LONG)

    assert old.startswith("(#")
    assert new.startswith("Word Word")
    assert " … (#" in new
    assert len(new) < LONGEST + 30


def test_rivals_for_a_number_are_no_text_and_never_cut():
    rivals = ", ".join(f"product-{n}" for n in range(100))

    assert texts_of("product", rivals, "product-1") == (rivals, "product-1")


def test_it_can_be_told_whether_a_long_text_is_still_what_the_plan_saw():
    old, new = texts_of("description", LONG + "red", LONG + "blue")

    assert says(old, f"<p>{LONG}red</p>")  # a reader sees the same
    assert not says(old, LONG + "green")
    assert not says(new, LONG + "red")
    assert not says(old, None)
