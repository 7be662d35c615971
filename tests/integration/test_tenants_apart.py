"""Nobody crosses over: what is asked with one tenant's name or token touches and shows no other.

The lists of routes and commands are those of the product: a new one fails here until it is said
how it stays within its tenant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from cli.main import main
from cli.shared import Here
from integration import pacing, work_items
from integration.errors import Busy
from integration.models import Base, DriftPlan, Listing, SalesChannel, SyncRun, Tenant
from integration.token_bucket import Rate
from integration.topology import Topic
from tests.integration.installing import Installing, installing

pytestmark = pytest.mark.contract("10.3")

#: Both tenants have a sales channel 42; 77 is acme's alone.
SHARED, FOREIGN = "42", "77"
SECRET_NUMBER = "ACME-ONLY-NUMBER"
#: Columns that say whose a row is.
OWNERS = ("tenant_id", "channel_id", "sync_run_id", "plan_id", "name")


@pytest.fixture
def world(sqlite_url, tmp_path, monkeypatch) -> Iterator[Installing]:
    monkeypatch.chdir(tmp_path)  # where commands leave files
    with installing(sqlite_url) as world:
        for tenant in ("acme", "globex"):
            world.install(tenant)
            world.add_channel(SHARED, tenant)
        foreign = world.add_channel(FOREIGN)
        with world.runtime.scope() as session:
            work_items.hint(session, foreign, Topic.STOCK, ["1001"])
            listing = Listing(
                channel_id=foreign, article_id="1001", external_id="x", number=SECRET_NUMBER
            )
            session.add(listing)
        yield world


def of_acme(world: Installing) -> dict[str, list[str]]:
    """Every row of ours that belongs to acme, as text by table."""
    with world.runtime.scope() as session:
        tenant_id = session.scalar(select(Tenant.id).where(Tenant.subdomain == "acme"))
        of_tenant = select(SalesChannel.id).where(SalesChannel.tenant_id == tenant_id)
        channels = session.scalars(of_tenant).all()
        runs = session.scalars(select(SyncRun.id).where(SyncRun.channel_id.in_(channels))).all()
        plans = select(DriftPlan.id).where(DriftPlan.channel_id.in_(channels))
        plan_ids = session.scalars(plans).all()
        names = [pacing.erp_bucket_name(tenant_id), *map(pacing.shop_bucket_name, channels)]
        owned = dict(zip(OWNERS, ([tenant_id], channels, runs, plan_ids, names), strict=True))
        rows = {}
        for table in Base.metadata.sorted_tables:
            if table.name == "metric_counter":
                continue  # written in bundles: what acme's install counted may come at any time
            if table.name in ("tenant", "sales_channel"):
                column = table.c.id if table.name == "tenant" else table.c.tenant_id
                whose = column == tenant_id
            else:
                # A table that no column gives an owner stops the test here.
                column = next(table.c[name] for name in OWNERS if name in table.c)
                whose = column.in_(owned[column.name])
            found = session.execute(select(table).where(whose)).all()
            rows[table.name] = sorted(map(repr, found))
        return rows


def in_erp_of_acme(world: Installing) -> Any:
    return sorted(world.registrations("acme"))


# --- over HTTP -----------------------------------------------------------------------------------

#: Routes that know no tenant: the same for everybody, and nothing is written.
FOR_ALL = {
    "/healthz",
    "/readyz",
    "/manifest",
    "/install",
    "/uninstall",
    "/install-files/<path:filename>",
    "/static/<path:filename>",
}
#: For operators alone, by another proof than an app token.
FOR_OPERATORS = {"/metrics"}


def routes(world: Installing) -> list[tuple[str, str]]:
    """(method, rule) of everything the web process answers."""
    found = [
        (method, rule.rule)
        for rule in world.client.application.url_map.iter_rules()
        for method in rule.methods
        if method not in ("HEAD", "OPTIONS")
    ]
    # What may end a tenant's life comes last.
    return sorted(found, key=lambda one: ("uninstall" in one[1], one))


def event_names(world: Installing) -> set[str]:
    """All events of the ERP, without the channel in their names."""
    offered = world.in_erp("GET", "/cmn/system/app-message-webhook/destinations", "globex")
    return {one["queue"].replace("(sales-channel-id=42)", "") for one in offered}


def body_of(rule: str, world: Installing) -> dict[str, Any]:
    if rule.startswith("/api/webhooks"):
        ids = ("id", "articleId", "listingId", "priceId", "salesChannelId", "entityId")
        return {**dict.fromkeys(ids, int(FOREIGN)), "articleId": 1001}
    # acme's own way in, in the hands of somebody who proved to be globex
    return {"tenantSubdomain": "acme", "tenant": "acme"}


def test_no_route_lets_a_tenant_reach_another_one(world):
    before, registered = of_acme(world), in_erp_of_acme(world)
    headers = {"Authorization": f"Bearer {world.app_token('globex')}", "x-tenant-id": "acme"}
    events = event_names(world)
    assert len(events) > 20
    reached = set()

    for method, rule in routes(world):
        if rule in FOR_ALL | FOR_OPERATORS:
            continue
        assert rule.startswith("/api/"), f"{rule}: how does it stay within a tenant?"
        for path in paths_of(rule, events):
            answer = world.client.open(
                path, method=method, json=body_of(rule, world) if method == "POST" else None,
                headers=headers, query_string={"tenant": "acme", "tenantSubdomain": "acme"},
            )  # fmt: skip
            reached.add((rule, answer.status_code))
            assert of_acme(world) == before, f"{method} {path}"
            assert "acme" not in answer.text
            assert SECRET_NUMBER not in answer.text
            if path.endswith(f"/{FOREIGN}"):
                assert answer.status_code == 404, path

    assert in_erp_of_acme(world) == registered
    # The probes were real: some of them did something for globex.
    assert {rule for rule, status in reached if status == 200} == {
        rule for _, rule in routes(world) if rule.startswith("/api/")
    }


def paths_of(rule: str, events: set[str]) -> list[str]:
    """The addresses of a rule with every event, of a shared channel and of a foreign one."""
    if "<" not in rule:
        return [rule]
    paths = [rule.replace("<event_name>", event) for event in sorted(events)]
    if "<channel>" in rule:
        paths = [one.replace("<channel>", to) for one in paths for to in (SHARED, FOREIGN)]
    assert not any("<" in one for one in paths), f"{rule} has a part that is not filled in here"
    # Whoever is deleted or offline takes no more events.
    last = ("sales_channel.delete", "tenant.offline")
    return sorted(paths, key=lambda one: any(name in one for name in last))


def test_what_is_the_same_for_everybody_tells_nothing_of_anybody(world):
    before = of_acme(world)

    for method, rule in routes(world):
        if rule in FOR_ALL:
            path = rule.replace("<path:filename>", "install.js")
            answer = world.client.open(path, method=method)
            assert "acme" not in answer.text, rule
            assert SECRET_NUMBER not in answer.text, rule

    assert of_acme(world) == before


def test_a_token_is_worth_nothing_for_another_tenant(world):
    """The tenant stands in the signed token, and nowhere else."""
    head, _, signature = world.app_token("globex").split(".")
    acme_claims = world.app_token("acme").split(".")[1]
    headers = {"Authorization": f"Bearer {head}.{acme_claims}.{signature}"}
    before = of_acme(world)

    for path in ("/api/install", "/api/uninstall", "/api/webhooks/article.update"):
        answer = world.client.post(path, json={}, headers=headers)
        assert (answer.status_code, answer.text) == (401, ""), path

    assert of_acme(world) == before


# --- by command ----------------------------------------------------------------------------------

OWN, ARTICLE = f"globex/{SHARED}", "an article of globex"
#: Commands that name a tenant or a channel, as globex's operator gives them.
WITHIN: dict[tuple[str, ...], list[str]] = {
    ("tenant", "show"): ["globex", "--json"],
    ("tenant", "add"): ["globex", "--offline-token", "-"],
    ("channel", "add"): ["43", "--tenant", "globex", "--platform", "memory"],
    ("channel", "show"): [OWN, "--json"],
    ("channel", "set"): [OWN, "safety_stock=1"],
    ("channel", "pause"): [OWN],
    ("channel", "resume"): [OWN],
    ("toggle", "list"): [OWN, "--json"],
    ("toggle", "off"): [OWN, "stock"],
    ("toggle", "on"): [OWN, "stock"],
    ("mapping", "set"): [OWN, "unit", "lb", "0.45359237"],
    ("mapping", "list"): [OWN, "--json"],
    ("mapping", "export"): [OWN],
    ("mapping", "import"): [OWN, "-"],
    ("mapping", "remove"): [OWN, "unit", "lb"],
    ("sync",): [OWN],
    ("reconcile",): [OWN, "--plan", "--json"],
    ("queue", "hold", "add"): [OWN, ARTICLE, "--reason", "its pictures are missing"],
    ("queue", "hold", "list"): [OWN, "--json"],
    ("queue", "hold", "discard"): [OWN, ARTICLE, "--yes"],
    ("queue", "hold", "release"): [OWN, ARTICLE],
    ("queue", "failed"): [OWN, "--json"],
    ("queue", "retry"): [OWN],
    ("shop-edit", "list"): [OWN, "--json"],
    ("shop-edit", "overwrite"): [OWN, ARTICLE],
    ("shop-edit", "keep"): [OWN, "--field", "name"],
    ("explain",): [OWN, ARTICLE, "--live", "--json"],
    ("history",): [OWN, ARTICLE, "--json"],
    ("doctor",): [OWN, "--json"],
    ("channel", "remove"): [OWN, "--force"],
    ("tenant", "remove"): ["globex", "--with-channels"],
}
MAPPINGS = "kind,erp_value,shop_value\nunit,oz,0.028349523125\n"
#: Commands of the operator of all tenants, or without a database.
OF_THE_INSTALLATION = {
    ("channel", "list"),
    ("db", "copy"),
    ("db", "current"),
    ("db", "upgrade"),
    ("demo",),
    ("init",),
    ("queue", "status"),
    ("sandbox", "erp"),
    ("sandbox", "shop"),
    ("secrets", "rotate"),
    ("tenant", "list"),
    ("up",),
}


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, (*path, name))
    else:
        yield path


def run(world: Installing, *arguments: str, stdin: str = "") -> Result:
    here = Here({})
    vars(here).update(
        settings=world.runtime.settings, engine=world.runtime.engine, runtime=world.runtime
    )
    result = CliRunner().invoke(main, arguments, input=stdin, obj=here)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_every_command_says_how_it_stays_within_its_tenant():
    assert set(commands(main)) == set(WITHIN) | OF_THE_INSTALLATION


def test_no_command_for_a_tenant_touches_or_shows_another_one(world):
    before, registered = of_acme(world), in_erp_of_acme(world)
    article = str(world.rows("article.query", "id", "globex")[0]["id"])

    for path, arguments in WITHIN.items():
        given = MAPPINGS if path == ("mapping", "import") else world.offline_token("globex")
        named = [article if one == ARTICLE else one for one in arguments]
        done = run(world, *path, *named, stdin=given)
        assert done.exit_code in (0, 1), f"{path}: {done.output}"
        assert "acme" not in done.output, path
        assert SECRET_NUMBER not in done.output, path
        assert of_acme(world) == before, path

    assert in_erp_of_acme(world) == registered
    assert world.tenant("globex") is None  # the last ones did what they say


def test_a_channel_is_found_under_its_own_tenant_only(world):
    before = of_acme(world)

    for path, arguments in WITHIN.items():
        if OWN not in arguments:
            continue
        given = [f"globex/{FOREIGN}" if one == OWN else one for one in arguments]
        unclear = [SHARED if one == OWN else one for one in arguments]
        refused, not_unique = (
            run(world, *path, *named, stdin=MAPPINGS) for named in (given, unclear)
        )
        assert refused.exit_code == not_unique.exit_code == 2, path
        assert f"there is no sales channel globex/{FOREIGN}" in refused.stderr, path
        assert f"name one of acme/{SHARED}, globex/{SHARED}" in not_unique.stderr, path
        assert of_acme(world) == before, path


# --- what processes share ------------------------------------------------------------------------


def test_tokens_caches_and_buckets_have_a_tenant_each(world):
    runtime = world.runtime
    ids = {name: world.tenant(name).id for name in ("acme", "globex")}
    acme, globex = runtime.erp(ids["acme"]), runtime.erp(ids["globex"])
    tokens = {
        name: client._tokens.get(lambda: pytest.fail("is stored since the install"))
        for name, client in (("acme", acme), ("globex", globex))
    }
    pacing.Bucket(runtime.scope, pacing.erp_bucket_name(ids["acme"]), Rate(30, 6)).pause(60)
    runtime.erp_facts(ids["acme"]).put("tax-schema:11", {"tax_rate": "1"})

    assert tokens["acme"] != tokens["globex"]
    with pytest.raises(Busy):
        acme.get("/cmn/users/me")
    assert globex.get("/cmn/users/me")["tenant"] == "globex"
    assert runtime.erp_facts(ids["globex"]).get("tax-schema:11") is None


def test_a_hold_of_one_tenant_stops_no_other(world):
    world.erp("faults", kind="invalid-grant", count=1)
    with world.runtime.scope() as session:
        session.execute(Base.metadata.tables["access_token"].delete())

    acme = run(world, "doctor", f"acme/{SHARED}", "--json")
    globex = run(world, "doctor", OWN, "--json")

    assert "reconnect the app" in acme.output
    assert "reconnect the app" not in globex.output
