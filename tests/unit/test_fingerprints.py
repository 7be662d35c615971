"""Many failures with one cause have one name."""

import re

import hypothesis.strategies as st
import pytest
from hypothesis import given

from integration.fingerprints import fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tax 19 is not mapped", "tax 7 is not mapped"),
        ("name 'Shirt' is too long", "name 'Hose mit \"Bund\"' is too long"),
        ('the number "A" is taken', 'the number "B" is taken'),
        ("„“ “Shirt” is taken", "„“ “Hose” is taken"),
        ("article a-1f3 is gone", "article b-77e is gone"),
        ("price 9.95 is refused", "price 1200.00 is refused"),
        ("Too  Long", "too long"),
        ("refused\nTraceback 1", "refused\nanother traceback"),
    ],
)
def test_what_differs_from_row_to_row_does_not_count(one, other):
    assert fingerprint("Rejected", one) == fingerprint("Rejected", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Rejected", "the name is too long"), ("Rejected", "the number is too long")),
        (("Rejected", "no"), ("Invalid", "no")),
        (("Rejected", "the name is too long"), ("Rejected", "")),
    ],
)
def test_different_causes_have_different_names(one, other):
    assert fingerprint(*one) != fingerprint(*other)


def test_a_name_is_the_same_in_every_process():
    # Shown to people and kept in the database: it must not change from release to release.
    assert fingerprint("Rejected", "tax 19 is not mapped") == "edee04129e"


@given(st.text())
def test_any_message_has_a_name_of_ten_hex_digits(message):
    assert re.fullmatch(r"[0-9a-f]{10}", fingerprint("Rejected", message))


@given(st.integers(min_value=0), st.integers(min_value=0))
def test_numbers_never_count(one, other):
    assert fingerprint("bug", f"article {one} failed") == fingerprint(
        "bug", f"article {other} failed"
    )
