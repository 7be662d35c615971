"""Channels and their toggles, as commands and stages use them."""

import pytest

from integration import channels, toggles
from integration.errors import UsageError
from integration.models import ChannelParameter, SalesChannel, Tenant
from integration.topology import TOGGLE_BY_TOPIC, Topic
from integration.vault import Vault, new_key


@pytest.fixture
def vault() -> Vault:
    return Vault((new_key(),))


@pytest.mark.contract("10.17")
def test_without_a_row_every_topic_is_on(database):
    with database.scope() as session:
        assert toggles.states(session, database.channel) == dict.fromkeys(TOGGLE_BY_TOPIC, True)


def test_a_toggle_switches_one_topic_of_one_channel(database):
    other = database.add_channel("43")

    with database.scope() as session:
        for is_on in (False, True, False):
            toggles.switch(session, database.channel, Topic.STOCK, is_on)

    with database.scope() as session:
        off = {topic for topic, on in toggles.states(session, database.channel).items() if not on}
        assert off == {Topic.STOCK}
        assert toggles.states(session, other)[Topic.STOCK]


def test_a_channel_is_read_with_its_parameters_and_opened_secrets(database, vault):
    with database.scope() as session:
        channels.set_parameter(session, database.channel, "url", "https://shop.example", None)
        channels.set_parameter(session, database.channel, "api_secret", "s3cret", vault)
        stored = {row.key: row.value for row in session.query(ChannelParameter)}
    assert stored["url"] == "https://shop.example"
    assert "s3cret" not in stored["api_secret"]

    with database.scope() as session:
        view = channels.load(session, database.channel).opened(vault)

    assert dict(view.parameters) == {"url": "https://shop.example", "api_secret": "s3cret"}
    assert (view.label, view.platform, view.tenant_id) == ("acme/42", "memory", database.tenant)
    assert "s3cret" not in repr(view)


@pytest.mark.contract("10.17")
def test_a_parameter_set_again_is_replaced_also_as_a_secret(database, vault):
    with database.scope() as session:
        channels.set_parameter(session, database.channel, "currency", "CHF", None)
        channels.set_parameter(session, database.channel, "currency", "USD", vault)

    with database.scope() as session:
        assert channels.load(session, database.channel).opened(vault).currency == "USD"


def test_the_currency_is_the_euro_unless_set(database, vault):
    with database.scope() as session:
        assert channels.load(session, database.channel).opened(vault).currency == "EUR"


def test_a_channel_that_was_removed_is_named(database):
    with database.scope() as session:
        session.delete(session.get_one(SalesChannel, database.channel))
        session.flush()

        with pytest.raises(UsageError, match=f"sales channel {database.channel} was removed"):
            channels.load(session, database.channel)


@pytest.mark.parametrize("name", ["42", "acme/42"])
def test_a_channel_is_found_by_its_id_alone_or_with_its_tenant(database, name):
    with database.scope() as session:
        assert channels.find(session, name).id == database.channel


@pytest.mark.parametrize("name", ["7", "globex/42", ""])
def test_a_channel_that_does_not_exist_is_an_error_that_says_how_to_see_all(database, name):
    with database.scope() as session, pytest.raises(UsageError, match="channel list"):
        channels.find(session, name)


def test_a_name_that_two_tenants_use_must_be_told_apart(database):
    with database.scope() as session:
        globex = Tenant(subdomain="globex")
        session.add(globex)
        session.flush()
        session.add(SalesChannel(tenant_id=globex.id, erp_id="42", platform="memory"))

    with database.scope() as session:
        with pytest.raises(UsageError, match="name one of acme/42, globex/42"):
            channels.find(session, "42")
        assert channels.find(session, "acme/42").id == database.channel


def test_a_new_channel_starts_paused(database):
    with database.scope() as session:
        session.add(SalesChannel(tenant_id=database.tenant, erp_id="43", platform="memory"))

    with database.scope() as session:
        assert channels.find(session, "43").is_paused


def test_a_hold_is_of_one_channel_and_says_why(database):
    other = database.add_channel("43")

    with database.scope() as session:
        channels.hold(session, database.channel, "the currency is wrong")

    with database.scope() as session:
        assert session.get_one(SalesChannel, database.channel).held_reason == (
            "the currency is wrong"
        )
        assert session.get_one(SalesChannel, other).held_reason is None
