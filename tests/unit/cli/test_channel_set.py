"""`vario-relay channel set`: secrets take their own way in."""

import json

import pytest
from sqlalchemy import Engine, select

from integration import channels, column_checks
from integration.clock import db_now
from integration.models import (
    AccessToken,
    ChannelFact,
    ChannelParameter,
    Listing,
    SalesChannel,
    SyncRun,
    WorkItem,
)
from integration.topology import Topic
from tests.engines import executed

SECRET = "hunter2-and-more"


def rows(runtime):
    with runtime.scope() as session:
        return {row.key: row for row in session.scalars(select(ChannelParameter))}


def test_plain_values_and_a_secret_from_standard_input(run, runtime, shopware_channel):
    result = run(
        "channel", "set", "42", "shop_url=https://shop.example", "client_secret=-", stdin=SECRET
    )

    assert result.exit_code == 0
    assert SECRET not in result.stderr
    found = rows(runtime)
    assert found["shop_url"].value == "https://shop.example"
    assert SECRET not in found["client_secret"].value
    assert runtime.vault.open(found["client_secret"].value) == SECRET


def test_the_shop_s_health_is_locked_behind_work_items_as_by_a_stage(
    run, runtime, shopware_channel
):
    """The other way round this and a stage that settles wait for each other on Postgres."""
    with runtime.scope() as session:
        channel_id = session.scalars(select(SalesChannel.id)).one()
        session.add(Listing(channel_id=channel_id, article_id="1", external_id="p", number="1"))

    with executed(Engine) as statements:
        run("channel", "set", "42", "write_back=on")

    changing = [one for one, _values in statements if not one.startswith("SELECT")]
    health = next(at for at, text in enumerate(changing) if "shop_health" in text)
    assert any("INTO work_item" in text for text in changing[:health])
    assert not any("work_item" in text for text in changing[health:])


def test_a_secret_from_a_file_loses_its_line_end(run, runtime, shopware_channel, tmp_path):
    (tmp_path / "secret").write_text(f"{SECRET}\n")

    run("channel", "set", "42", f"client_secret=@{tmp_path}/secret")

    assert runtime.vault.open(rows(runtime)["client_secret"].value) == SECRET


def test_a_secret_as_argument_is_refused_and_not_repeated(run, runtime, shopware_channel):
    result = run("channel", "set", "42", "shop_url=https://a.example", f"client_secret={SECRET}")

    assert result.exit_code == 2
    assert "client_secret is a secret and never an argument" in result.stderr
    assert SECRET not in result.stderr
    assert rows(runtime) == {}


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (
            ["colour=red"],
            "shopware6 has no parameter 'colour'; it has brake_deactivate, "
            "brake_price_move_percent, "
            "brake_price_rows_percent, brake_zero_stock_percent, categories, client_id, "
            "client_secret, "
            "currency, custom_fields, media_ref_type, order_key, order_mails, own.active, "
            "own.description, own.name, own.number, own.price, own.stock, price_details, "
            "safety_stock, sales_channel_id, shop_url, storages, tracking_wait_min, variants",
        ),
        (["shop_url"], "parameters are given as key=value"),
        (["client_secret=-", "client_id=-"], "only one value can come from standard input"),
        (["client_secret=-"], "client_secret is empty"),
        ([], "Missing argument 'KEY=VALUE...'"),
    ],
)
def test_what_cannot_be_set_is_refused(run, runtime, shopware_channel, pairs, words):
    result = run("channel", "set", "42", *pairs, stdin="")

    assert result.exit_code == 2
    assert words in result.stderr
    assert rows(runtime) == {}


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ("shop_url=zzz", "shop_url is not an http address (e.g. https://shop.example)"),
        ("shop_url=http://shop.example", "shop_url is not encrypted"),
        ("sales_channel_id=42", "sales_channel_id is not an id of Shopware (copy the 32 hex"),
        ("safety_stock=abc", "safety_stock is not a whole number from 0 (e.g. 2)"),
        ("safety_stock=-1", "safety_stock is not a whole number from 0"),
        ("currency=euro", "currency is not an ISO code (three capitals, e.g. EUR)"),
        ("write_back=no", "write_back is neither on nor off (on or off)"),
    ],
)
def test_a_value_that_cannot_be_right_is_refused(run, runtime, shopware_channel, pair, sentence):
    result = run("channel", "set", "42", "client_id=SWIA", pair)

    assert result.exit_code == 2
    assert f"vario-relay: {sentence}" in result.stderr
    assert rows(runtime) == {}


def test_the_way_back_that_is_switched_on_asks_for_every_product(run, runtime, shopware_channel):
    with runtime.scope() as session:
        channel_id = session.scalars(select(SalesChannel.id)).one()
        for one in ("1", "2"):
            session.add(Listing(channel_id=channel_id, article_id=one, external_id="p", number=one))

    run("channel", "set", "42", "write_back=off")
    assert asked_back(runtime) == set()

    run("channel", "set", "42", "write_back=on")
    assert asked_back(runtime) == {"1", "2"}


def asked_back(runtime):
    with runtime.scope() as session:
        rows = select(WorkItem.entity_id).where(WorkItem.topic == Topic.WRITE_BACK.value)
        return set(session.scalars(rows))


def test_all_wrong_values_are_named_together(run, runtime, shopware_channel):
    result = run("channel", "set", "42", "shop_url=zzz", "safety_stock=abc", "client_id=SWIA")

    assert result.stderr == (
        "vario-relay: shop_url is not an http address (e.g. https://shop.example); "
        "safety_stock is not a whole number from 0 (e.g. 2); nothing was set\n"
    )
    assert rows(runtime) == {}


@pytest.mark.parametrize("url", ["http://127.0.0.1:9002", "http://localhost:9002"])
def test_plain_http_to_this_machine_can_be_set(run, runtime, shopware_channel, url):
    assert run("channel", "set", "42", f"shop_url={url}").exit_code == 0
    assert rows(runtime)["shop_url"].value == url


def test_parameters_of_every_platform(run, runtime, channel):
    result = run("channel", "set", channel, "safety_stock=3", "currency=CHF")

    assert result.exit_code == 0
    shown = json.loads(run("channel", "show", channel, "--json").stdout)["parameters"]
    assert shown == {
        "currency": "CHF",
        "safety_stock": "3",
        "order_key": "externalIdentifier,externalNumber,referencedOrderNumber",
        "tracking_wait_min": "60",
        "write_back": "on",
        "brake_zero_stock_percent": "30",
        "brake_price_rows_percent": "20",
        "brake_price_move_percent": "50",
        "brake_deactivate": "50",
        "own.number": "overwrite",
        "own.name": "keep-once-edited",
        "own.description": "keep-once-edited",
        "own.active": "overwrite",
        "own.price": "overwrite",
        "own.stock": "overwrite",
        "keeps_nothing": None,
        "media_ref_type": "ARTICLE",
        "categories": "off",
        "custom_fields": None,
        "variants": "off",
        "storages": "off",
    }


def test_an_empty_value_takes_a_parameter_away(run, runtime, channel):
    run("channel", "set", channel, "safety_stock=3")
    run("channel", "set", channel, "safety_stock=")

    assert rows(runtime) == {}


def test_setting_anything_ends_the_hold_and_forgets_what_the_shop_told(run, runtime, channel):
    with runtime.scope() as session:
        found = session.scalars(select(SalesChannel)).one()
        found.held_reason = "the shop refuses the credentials"
        fact = {"channel_id": found.id, "name": "taxes", "value": {}}
        session.add(ChannelFact(**fact, learnt_at=found.created_at))
        token = f"shop:{found.id}"
        session.add(AccessToken(name=token, token="sealed"))

    result = run("channel", "set", channel, "safety_stock=1")

    assert "it is not held any more" in result.stderr
    with runtime.scope() as session:
        assert session.scalars(select(SalesChannel)).one().held_reason is None
        assert session.scalars(select(ChannelFact)).all() == []
        assert session.get(AccessToken, token) is None


def findings(runtime):
    """What is known of the ERP's columns, and whether it was looked at to the end today."""
    with runtime.scope() as session:
        channel_id = session.scalars(select(SalesChannel.id)).one()
        is_fresh = column_checks.is_fresh(session, channel_id)
    return runtime.channel(channel_id).column_findings, is_fresh


@pytest.mark.parametrize(
    ("pair", "known"),
    [
        ("safety_stock=1", ({"price": {"agrees": False}}, True)),
        # The amounts were compared as those of the currency before: until they are compared anew
        # no column is believed.
        ("currency=CHF", ({}, False)),
        ("currency=", ({}, False)),
    ],
)
def test_what_the_erps_columns_are_worth_is_known_whatever_becomes_of_the_shop(
    run, runtime, channel, pair, known
):
    with runtime.scope() as session:
        found = session.scalars(select(SalesChannel)).one()
        value = {"is_complete": True, "reads": {"price": {"agrees": False}}}
        fact = {"channel_id": found.id, "name": channels.COLUMN_FINDINGS, "value": value}
        session.add(ChannelFact(**fact, learnt_at=db_now()))

    run("channel", "set", channel, pair)

    assert findings(runtime) == known


def test_show_tells_of_a_secret_only_that_it_is_set(run, shopware_channel):
    run("channel", "set", "42", "client_secret=-", stdin=SECRET)

    shown = run("channel", "show", "42")

    assert "(secret, set)" in shown.stdout
    assert SECRET not in shown.stdout


def passes(runtime):
    with runtime.scope() as session:
        return sorted(session.scalars(select(SyncRun.kind)))


@pytest.mark.parametrize(
    ("pair", "kind"),
    [
        ("price_details=on", "price-pass"),
        ("safety_stock=3", "stock-pass"),
        ("storages=on", "stock-pass"),
    ],
)
def test_what_changes_values_without_an_event_has_them_compared(
    run, runtime, shopware_channel, pair, kind
):
    assert run("channel", "set", "42", pair).exit_code == 0

    assert passes(runtime) == [kind]


def test_price_details_are_on_remove_or_off(run, shopware_channel):
    result = run("channel", "set", "42", "price_details=yes")

    assert result.exit_code == 2
    assert "price_details is unknown (on; remove, which takes away what was sent" in result.stderr


def test_a_platform_that_cannot_show_them_has_no_price_details(run, channel):
    result = run("channel", "set", channel, "price_details=on")

    assert result.exit_code == 2
    assert "memory has no parameter 'price_details'" in result.stderr


def test_brakes_are_percentages_rows_or_off(run, channel):
    good = ("brake_zero_stock_percent=12.5", "brake_price_rows_percent=off", "brake_deactivate=200")
    assert run("channel", "set", channel, *good).exit_code == 0

    result = run("channel", "set", channel, "brake_deactivate=5", "brake_price_move_percent=off")

    assert result.exit_code == 2
    assert "brake_deactivate is neither a whole number from 20 nor off (e.g. 50)" in result.stderr
    assert "brake_price_move_percent is not a number above 0 (e.g. 50)" in result.stderr
    assert "brake_zero_stock_percent" in run("channel", "show", channel).stdout
