"""The connector that docs/connectors.md shows, in a package of its own, carries articles."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from configparser import ConfigParser

import pytest

from integration import channels
from integration.connectors import registry
from integration.models import SalesChannel
from integration.topology import Topic
from sandbox import serving
from sandbox.erp import Options, create_app
from tests.architecture.source import ROOT
from tests.conformance.myshop import KEY, MyShop
from tests.integration.relay import Relay
from tests.packages import install

PAGE = (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8")


def shown(language: str) -> str:
    """The last block of a language on the page; the shop stands before the connector."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)[-1]


@pytest.fixture
def package(site) -> str:
    """The package of the page, installed; the name of its platform."""
    setup = ConfigParser()
    setup.read_string(shown("ini"))
    points = dict(
        line.split(" = ") for line in setup["options.entry_points"][registry.GROUP].split("\n")[1:]
    )
    module = setup["options"]["py_modules"]
    install(site, setup["metadata"]["name"], points, {module: shown("python")})
    (name,) = points
    return name


@pytest.fixture
def shop() -> MyShop:
    return MyShop()


@pytest.fixture
def relay(package, shop, sqlite_url) -> Iterator[Relay]:
    """A relay whose channel is one of the package's platform."""
    with (
        serving.running(lambda url: create_app(Options(articles=12), url)) as erp_url,
        serving.running(shop.app()) as shop_url,
    ):
        relay = Relay(sqlite_url, erp_url)
        with relay.runtime.scope() as session:
            session.get_one(SalesChannel, relay.channel_id).platform = package
            channels.set_parameter(session, relay.channel_id, "shop_url", shop_url, None)
            channels.set_parameter(session, relay.channel_id, "api_key", KEY, relay.runtime.vault)
        yield relay
        relay.close()


def test_it_imports_nothing_of_ours_but_the_public_package():
    imported = {
        name
        for node in ast.walk(ast.parse(shown("python")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }

    assert imported == {"dataclasses", "decimal", "vario_relay"}


def test_a_channel_of_it_is_added_set_and_resumed_like_any_other(run, tenant, package):
    added = run("channel", "add", "42", "--tenant", tenant, "--platform", package)
    refused = run("channel", "set", "42", "shop_url=shop.example")
    assert run("channel", "set", "42", "shop_url=https://shop.example").exit_code == 0
    kept = run("channel", "set", "42", "api_key=-", stdin=KEY)

    assert added.exit_code == 0
    assert "`vario-relay channel set 42 shop_url=... api_key=-`" in added.stderr
    assert refused.exit_code == 2
    assert "shop_url is not an http address" in refused.stderr
    assert kept.exit_code == 0
    assert KEY not in run("channel", "show", "42").stdout
    assert "is resumed" in run("channel", "resume", "42").stderr


def test_a_package_that_cannot_be_loaded_is_refused_with_its_name(run, tenant, site):
    install(site, "bad-relay", {"bad": "bad_relay:PLATFORM"}, {"bad_relay": "import nowhere"})

    result = run("channel", "add", "42", "--tenant", tenant, "--platform", "bad")

    assert result.exit_code == 2
    assert "platform bad of the package bad-relay cannot be loaded" in result.stderr
    assert "No module named 'nowhere'" in result.stderr
    assert run("channel", "list", "--json").stdout.strip() in ("[]", "")


def test_doctor_names_it_and_looks_at_the_other_channels(run, runtime, tenant, channel, site):
    run("channel", "add", "42", "--tenant", tenant, "--platform", "memory")
    install(site, "bad-relay", {"bad": "bad_relay:PLATFORM"}, {"bad_relay": "import nowhere"})
    with runtime.scope() as session:
        channels.find(session, "42").platform = "bad"

    result = run("doctor", "--json")

    assert result.exit_code == 1
    found = {one["check"]: one for one in json.loads(result.stdout)}
    named = found["channel acme/42 platform"]
    assert not named["ok"]
    assert named["detail"].startswith("platform bad of the package bad-relay cannot be loaded")
    assert named["do"] == "what the sentence says, then `vario-relay channel resume acme/42`"
    assert found[f"channel acme/{channel} shop"]["ok"]


def test_articles_reach_its_shop(relay, shop):
    articles = relay.for_sale()
    relay.hint(Topic.ARTICLE, *articles)
    relay.drain()
    relay.edit(articles[0], stock=41)
    relay.hint(Topic.STOCK, *articles)
    relay.drain()

    assert relay.errors == []
    by_number = {one["number"]: one for one in shop.products.values()}
    assert set(by_number) == {one["number"] for one in articles}
    assert {one["gross"] for one in by_number.values()} == {str(one["gross"]) for one in articles}
    # The create took price and stock, so that of all stocks only the changed one is sent.
    created, changed = shop.writes
    assert len(created) == len(articles)
    assert changed == [{"id": f"vario-{articles[0]['id']}", "only": "change", "stock": 41}]


def test_it_adopts_what_is_there_and_a_refused_row_stops_no_other(relay, shop):
    known, refused, *_ = articles = relay.for_sale()
    shop.products["77"] = {"number": known["number"]}
    shop.refused.add(refused["number"])

    relay.hint(Topic.ARTICLE, *articles)
    relay.drain()

    assert shop.products["77"]["name"] == known["name"]
    assert len(shop.products) == len(articles) - 1
    row = relay.row(Topic.ARTICLE, refused)
    assert row.last_error == f"{refused['number']}: this number is not wanted here"


def test_a_wrong_key_holds_the_channel(relay, shop):
    with relay.runtime.scope() as session:
        channels.set_parameter(session, relay.channel_id, "api_key", "stolen", relay.runtime.vault)

    relay.hint(Topic.ARTICLE, *relay.for_sale())
    relay.drain()

    assert shop.products == {}
    with relay.runtime.scope() as session:
        held = session.get_one(SalesChannel, relay.channel_id).held_reason
    assert held == "the shop answered 401 to GET /products"
