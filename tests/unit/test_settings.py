"""The environment as frozen settings; whatever is wrong is said at once."""

import dataclasses

import pytest

from integration.errors import UsageError
from integration.settings import SETTING_NAMES, from_env


def refused(**values: str) -> str:
    """The sentence about settings that are wrong."""
    with pytest.raises(UsageError) as error:
        from_env({f"RELAY_{name.upper()}": value for name, value in values.items()})
    return str(error.value)


def load(**values: str):
    return from_env({f"RELAY_{name.upper()}": value for name, value in values.items()})


def test_without_any_setting_the_defaults_are_those_of_production():
    settings = from_env({})

    assert settings.database_url == "sqlite:///relay.db"
    assert settings.is_sqlite
    assert settings.broker_url == "memory://"
    assert settings.erp_budget == (30, 6.0)
    assert (settings.stage_soft_s, settings.stage_hard_s, settings.lease_s) == (60, 90, 120)
    assert str(settings.zone) == "Europe/Berlin"


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        from_env({}).port = 1


def test_every_field_has_a_name_in_the_environment():
    fields = {field.name for field in dataclasses.fields(from_env({}))}

    names = {name.removeprefix("RELAY_").lower() for name in SETTING_NAMES}
    assert names - {"secret_key"} == fields - {"secret_keys"}


@pytest.mark.pitfall(40)
def test_all_wrong_settings_are_named_together():
    sentence = refused(port="http", database_url="mysql://db/relay", coalese_s="4")

    assert sentence == (
        "settings: RELAY_COALESE_S is not a setting; see docs/settings.md; "
        "RELAY_DATABASE_URL must start with sqlite:///, postgres:// or postgresql://; "
        "RELAY_PORT Not a valid integer."
    )


ORDER = "must hold: RELAY_STAGE_SOFT_S < RELAY_STAGE_HARD_S < RELAY_LEASE_S"


def test_wrong_relations_are_named_together_with_wrong_values():
    sentence = refused(
        port="http", coalese_s="4", lease_s="5", stage_hard_s="90", timezone="Middle/Earth"
    )

    assert sentence == (
        "settings: RELAY_COALESE_S is not a setting; see docs/settings.md; "
        "RELAY_PORT Not a valid integer.; "
        f"RELAY_STAGE_HARD_S {ORDER}; "
        "RELAY_TIMEZONE is not a time zone, e.g. Europe/Berlin"
    )


@pytest.mark.parametrize(
    ("times", "is_contradiction"),
    [
        ({"stage_hard_s": "long", "stage_soft_s": "130"}, True),  # 130 < ? < 120
        ({"stage_hard_s": "long", "stage_soft_s": "60"}, False),
        ({"lease_s": "long", "stage_hard_s": "50"}, True),  # 60 < 50
        ({"lease_s": "long", "stage_soft_s": "long", "stage_hard_s": "long"}, False),
    ],
)
def test_a_relation_is_judged_by_what_can_be_read_of_it(times, is_contradiction):
    sentence = refused(**times)

    assert (f"RELAY_STAGE_HARD_S {ORDER}" in sentence) is is_contradiction
    for name, value in times.items():
        assert (f"RELAY_{name.upper()} Not a valid number." in sentence) is (value == "long")


def test_other_names_of_the_environment_are_nobodys_business():
    assert from_env({"PATH": "/bin", "RELAY_TEST_POSTGRES_URL": "x"}) == from_env({})


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_value_means_not_set(empty):
    assert load(port=empty, timezone=empty) == from_env({})


def test_secrets_are_not_shown():
    settings = load(secret_key="k3y", client_secret="s3cret", metrics_token="t0ken")

    assert not any(secret in repr(settings) for secret in ("k3y", "s3cret", "t0ken"))


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("postgres://relay:x@db:5432/relay", "postgresql+psycopg2://relay:x@db:5432/relay"),
        ("postgresql://relay@db/relay", "postgresql+psycopg2://relay@db/relay"),
        ("postgresql+psycopg2://db/relay", "postgresql+psycopg2://db/relay"),
        ("sqlite:////var/relay.db", "sqlite:////var/relay.db"),
    ],
)
def test_database_addresses_as_hosters_write_them(given, understood):
    settings = load(database_url=given)

    assert settings.database_url == understood
    assert settings.is_sqlite == given.startswith("sqlite")


@pytest.mark.parametrize("url", ["mysql://db/relay", "relay.db", "postgresql+psycopg://db/relay"])
def test_other_databases_are_refused(url):
    assert "RELAY_DATABASE_URL must start with" in refused(database_url=url)


@pytest.mark.parametrize("url", ["memory://", "amqp://guest@mq//", "amqps://mq/x"])
def test_brokers(url):
    assert load(broker_url=url).broker_url == url


@pytest.mark.pitfall(10)
@pytest.mark.parametrize("url", ["redis://mq", "sqs://", "mq"])
def test_other_brokers_are_refused(url):
    assert "RELAY_BROKER_URL must start with memory://" in refused(broker_url=url)


@pytest.mark.parametrize("name", ["public_url", "erp_url", "erp_token_url"])
@pytest.mark.parametrize(
    "url",
    [
        "https://relay.example",
        "http://127.0.0.1:8001",
        "http://localhost",
        "http://[::1]:8001",
        "https://{tenant}.vario.cloud",
    ],
)
def test_secrets_travel_by_https_or_on_this_machine(name, url):
    assert getattr(load(**{name: url + "/"}), name) == url


@pytest.mark.parametrize("name", ["public_url", "erp_url", "erp_token_url"])
@pytest.mark.parametrize(
    "url",
    [
        "http://relay.example",
        "http://127.0.0.1.evil.example",
        "http://localhost@evil.example",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "https://",
        "relay.example",
    ],
)
def test_plain_http_abroad_is_refused(name, url):
    assert f"RELAY_{name.upper()} must be https" in refused(**{name: url})


@pytest.mark.pitfall(9)
@pytest.mark.pitfall(38)
@pytest.mark.parametrize(
    "times",
    [
        {"stage_soft_s": "90"},  # 90 < 90 does not hold
        {"stage_hard_s": "120"},
        {"lease_s": "90"},
        {"stage_soft_s": "5", "stage_hard_s": "4", "lease_s": "10"},
    ],
)
def test_a_stage_ends_before_its_lease(times):
    assert "must hold: RELAY_STAGE_SOFT_S < RELAY_STAGE_HARD_S < RELAY_LEASE_S" in refused(**times)


def test_tests_may_scale_the_times_down_together():
    settings = load(stage_soft_s="1", stage_hard_s="1.5", lease_s="2", coalesce_s="0")

    assert (settings.stage_soft_s, settings.coalesce_s) == (1.0, 0.0)


@pytest.mark.parametrize("budget", ["40/6", " 40/6 ", "40/6.0"])
def test_a_budget_is_requests_per_seconds(budget):
    assert load(erp_budget=budget).erp_budget == (40, 6.0)


@pytest.mark.parametrize("budget", ["40", "40/", "/6", "0/6", "40/0", "a/b", "4.5/6", "40/nan"])
def test_a_budget_that_is_none_is_refused(budget):
    assert "RELAY_ERP_BUDGET must look like 30/6" in refused(erp_budget=budget)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "0"),
        ("port", "65536"),
        ("lease_s", "-1"),
        ("lease_s", "nan"),
        ("sweep_s", "0"),
        ("sweep_s", "inf"),
        ("coalesce_s", "nan"),
        ("chains_per_topic", "0"),
        ("chains_per_topic", "17"),
        ("nightly_hour", "24"),
    ],
)
def test_numbers_out_of_range_are_refused(name, value):
    assert f"RELAY_{name.upper()}" in refused(**{name: value})


@pytest.mark.parametrize("zone", ["Berlin", "Europe/berlin", "CEST"])
def test_a_time_zone_must_exist(zone):
    assert "RELAY_TIMEZONE is not a time zone" in refused(timezone=zone)


def test_lists_are_separated_by_commas():
    settings = load(secret_key="new, old", erp_domains="vario.cloud,,vario.example")

    assert settings.secret_keys == ("new", "old")
    assert settings.erp_domains == ("vario.cloud", "vario.example")
