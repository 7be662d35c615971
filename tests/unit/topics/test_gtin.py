"""Check digits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.topics.gtin import is_gtin


@pytest.mark.parametrize(
    "text",
    [
        "73513537",  # GTIN-8: 3*7+3+3*5+1+3*3+5+3*3+7 = 70
        "036000291452",  # GTIN-12 (UPC)
        "4006381333931",  # GTIN-13
        "10614141000415",  # GTIN-14
    ],
)
def test_a_right_check_digit_is_accepted_in_all_four_lengths(text):
    assert is_gtin(text)


@pytest.mark.parametrize(
    "text",
    [
        "4006381333932",  # wrong check digit
        "400638133393",  # a digit lost: twelve, and wrong
        "40063813339",  # eleven
        "400638133393100",  # fifteen
        "4006381 33931",
        "400638133393X",
        "４００６３８１３３３９３１",  # digits to Unicode, not to a shop
        "0000000000000",  # the sum is right and it names nothing
        "",
    ],
)
def test_everything_else_is_refused(text):
    assert not is_gtin(text)


@given(st.sampled_from([7, 11, 12, 13]), st.data())
def test_exactly_one_check_digit_is_right(length, data):
    body = data.draw(
        st.text("0123456789", min_size=length, max_size=length).filter(
            lambda digits: digits.strip("0")
        )
    )

    assert sum(is_gtin(body + digit) for digit in "0123456789") == 1


@given(st.from_regex(r"[1-9][0-9]{11}", fullmatch=True), st.data())
def test_one_mistyped_digit_is_always_noticed(body, data):
    right = next(body + digit for digit in "0123456789" if is_gtin(body + digit))
    place = data.draw(st.integers(0, 12))
    typed = data.draw(st.sampled_from("0123456789").filter(lambda digit: digit != right[place]))

    assert not is_gtin(right[:place] + typed + right[place + 1 :])


@given(st.text())
def test_any_text_gets_an_answer(text):
    assert is_gtin(text) in (True, False)
