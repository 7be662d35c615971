"""Secrets at rest."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from integration.errors import UsageError
from integration.vault import Vault, new_key

OLD, NEW = new_key(), new_key()


@given(st.text())
def test_a_secret_comes_back_as_it_was(secret):
    vault = Vault((NEW,))

    assert vault.open(vault.seal(secret)) == secret


@pytest.mark.contract("10.18")
def test_a_sealed_secret_shows_nothing_and_never_twice_the_same():
    vault = Vault((NEW,))

    one, other = vault.seal("s3cret"), vault.seal("s3cret")

    assert "s3cret" not in one
    assert one != other


def test_an_older_key_still_opens_and_the_first_one_seals():
    sealed = Vault((OLD,)).seal("s3cret")
    both = Vault((NEW, OLD))

    assert both.open(sealed) == "s3cret"
    assert Vault((NEW,)).open(both.seal("s3cret")) == "s3cret"


def test_resealing_makes_the_old_key_superfluous():
    resealed = Vault((NEW, OLD)).reseal(Vault((OLD,)).seal("s3cret"))

    assert Vault((NEW,)).open(resealed) == "s3cret"


def test_without_a_key_nothing_works_and_the_sentence_says_what_to_run():
    with pytest.raises(UsageError, match=r"RELAY_SECRET_KEY is missing.*`vario-relay init`"):
        Vault(())


@pytest.mark.parametrize("key", ["short", "ü" * 44, "A" * 43])
def test_a_malformed_key_is_named_and_not_shown(key):
    with pytest.raises(UsageError, match="RELAY_SECRET_KEY is not a key") as refused:
        Vault((NEW, key))

    assert key not in str(refused.value)


@pytest.mark.parametrize("sealed", ["", "nonsense", "gAAAAAB" + "A" * 100])
@pytest.mark.parametrize("use", ["open", "reseal"])
def test_what_no_key_opens_is_an_error_about_the_key(sealed, use):
    with pytest.raises(UsageError, match="cannot be opened with RELAY_SECRET_KEY"):
        getattr(Vault((NEW,)), use)(sealed)


def test_a_secret_of_another_key_is_not_opened():
    sealed = Vault((OLD,)).seal("s3cret")

    with pytest.raises(UsageError, match="behind the new one, separated by a comma"):
        Vault((NEW,)).open(sealed)
