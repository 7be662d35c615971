"""`vario-relay mapping` and holds by number, against the sandboxes over HTTP."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result
from sqlalchemy import select

from cli.main import main
from cli.shared import Here
from integration import carriers, channels, hints
from integration.errors import MappingMissing
from integration.models import ArticleHold, Priority, SalesChannel, Tenant, WorkItem
from integration.topology import Topic
from integration.vault import new_key
from integration.work_items import take_over
from integration.work_outcomes import record_errors
from sandbox import serving
from sandbox.erp import Options
from sandbox.erp import create_app as create_erp
from sandbox.shops.shopware6 import create_app as create_shop
from tests.claims import claim_due

pytestmark = pytest.mark.sqlite

Run = Callable[..., Result]
RATE_LIMIT = 4_000


@pytest.fixture(scope="module")
def erp() -> Iterator[dict[str, Any]]:
    # The tests share it, each with a budget of its own: together they would exceed the limit.
    options = Options(articles=30, rate_limit=RATE_LIMIT)
    yield from credentials_of(lambda url: create_erp(options, url))


@pytest.fixture(scope="module")
def shop() -> Iterator[dict[str, Any]]:
    yield from credentials_of(lambda url: create_shop(url=url))


def credentials_of(create: Callable[[str], Any]) -> Iterator[dict[str, Any]]:
    made: dict[str, Any] = {}

    def factory(url: str) -> Any:
        app = create(url)
        made.update(app.config["CREDENTIALS"], url=url)
        return app

    with serving.running(factory):
        yield made


@pytest.fixture
def here(sqlite_url: str, erp: dict[str, Any]) -> Here:
    return Here(
        {
            "RELAY_DATABASE_URL": sqlite_url,
            "RELAY_SECRET_KEY": new_key(),
            "RELAY_APP_IDENTIFIER": erp["appIdentifier"],
            "RELAY_CLIENT_ID": erp["clientId"],
            "RELAY_CLIENT_SECRET": erp["clientSecret"],
            "RELAY_ERP_URL": erp["erpUrl"],
            "RELAY_ERP_TOKEN_URL": erp["tokenUrl"],
        }
    )


@pytest.fixture
def run(here: Here, erp: dict[str, Any], shop: dict[str, Any]) -> Iterator[Run]:
    """The command on a channel 42 between both sandboxes."""

    def run_command(*arguments: str, code: int = 0, stdin: str = "") -> Result:
        result = CliRunner().invoke(main, arguments, input=stdin, obj=here, prog_name="vario-relay")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    with here.runtime.scope() as session:
        vault = here.runtime.vault
        tenant = Tenant(subdomain="acme", offline_token=vault.seal(erp["offlineToken"]))
        session.add(tenant)
        session.flush()
        channel = SalesChannel(tenant_id=tenant.id, erp_id="42", platform="shopware6")
        session.add(channel)
        session.flush()
        values = {name: shop[name] for name in ("client_id", "sales_channel_id")}
        for name, value in {**values, "shop_url": shop["url"]}.items():
            channels.set_parameter(session, channel.id, name, value, None)
        channels.set_parameter(session, channel.id, "client_secret", shop["client_secret"], vault)
    yield run_command
    here.engine.dispose()


@pytest.fixture
def hold(here: Here) -> Callable[..., None]:
    """Let the article of this id be held for a mapping."""

    def record(kind: str, value: str, *ids: str) -> None:
        with here.runtime.scope() as session:
            channel_id = session.scalars(select(SalesChannel.id)).one()
            hints.hint(session, channel_id, Topic.ARTICLE, ids)
            claim_id = claim_due(
                session,
                channel_id,
                Topic.ARTICLE,
                priority=Priority.LIVE,
                limit=100,
                lease_s=60,
            )
            assert claim_id is not None
            held = take_over(session, claim_id, lease_s=60)
            error = MappingMissing(f"mapping:{kind}:{value}", f"{kind} {value}")
            record_errors(session, held, {one.id: error for one in held.items})

    return record


def lines(run: Run, *arguments: str) -> dict[tuple[str, str], dict[str, Any]]:
    found = json.loads(run("mapping", "list", "42", *arguments, "--json").stdout)
    return {(one["kind"], one["erp_value"]): one for one in found}


def taxes(run: Run) -> dict[str, str]:
    """What is set for taxes."""
    rows = json.loads(run("mapping", "export", "42", "--format", "json").stdout)
    return {one["erp_value"]: one["shop_value"] for one in rows if one["kind"] == "tax"}


def test_taxes_that_need_no_mapping_are_shown_with_the_rate(run: Run) -> None:
    found = lines(run)

    assert {key: (one["state"], one["erp_label"]) for key, one in found.items()} == {
        ("tax", "1"): ("by-rate", "Regelsteuersatz (19 %)"),
        ("tax", "2"): ("by-rate", "Ermäßigter Steuersatz (7 %)"),
    }


def test_carriers_that_deliveries_named_are_shown_with_what_fits(run: Run, here: Here) -> None:
    assert not any(kind == "carrier" for kind, _ in lines(run))
    with here.runtime.scope() as session:
        tenant_id = session.scalars(select(Tenant.id)).one()
        carriers.note(session, tenant_id, {"3": "Express", "4": "4"})

    found = lines(run, "--kind", "carrier")

    assert {value: (one["state"], one["erp_label"]) for (_, value), one in found.items()} == {
        "3": ("by-default", "Express"),
        "4": ("by-default", "4"),
    }
    shown = run("mapping", "list", "42", "--kind", "carrier")
    assert "3 (Express)" in shown.stdout
    (candidate,) = found["carrier", "3"]["candidates"]
    assert f"mapping set acme/42 carrier 3 {candidate['id']}  # Express" in shown.stdout

    run("mapping", "set", "42", "carrier", "3", "Express")

    line = lines(run)["carrier", "3"]
    assert (line["state"], line["erp_label"], line["shop_label"]) == ("set", "Express", "Express")


def test_names_stand_for_ids_on_both_sides(run: Run) -> None:
    told = run("mapping", "set", "42", "tax", "Ermäßigter Steuersatz", "reduced rate")

    line = lines(run)["tax", "2"]
    assert (line["state"], line["shop_label"]) == ("set", "Reduced rate (7 %)")
    assert f"tax 2 of sales channel 42 is {line['shop_value']} in the shop" in told.stderr


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            ("9", "reduced rate"),
            "the ERP has no tax 9; it has 2 (Ermäßigter Steuersatz (7 %)), 1 (",
        ),
        (("1", "books"), "the shop has no tax books; it has "),
        (("1", "f" * 32), "the shop has no tax ffff"),
        (("", "reduced rate"), "the ERP's tax is empty"),
    ],
)
def test_what_one_side_does_not_have_is_refused(
    run: Run, values: tuple[str, str], sentence: str
) -> None:
    refused = run("mapping", "set", "42", "tax", *values, code=2)

    assert sentence in refused.stderr
    assert taxes(run) == {}


def test_a_kind_that_one_side_cannot_list_is_taken_with_a_sentence(run: Run) -> None:
    told = run("mapping", "set", "42", "storage-location", "Hauptlager", "warehouse-1")

    assert told.stderr.splitlines() == [
        "storage-location warehouse-1 was not checked: the shop offers no list of its storage "
        "locations",
        "storage-location 5 of sales channel 42 is warehouse-1 in the shop",
    ]
    assert lines(run)["storage-location", "5"]["state"] == "set"
    refused = run("mapping", "set", "42", "storage-location", "9", "warehouse-1", code=2)
    assert "no storage-location 9; it has 6 (Filiale), 5 (Hauptlager)" in refused.stderr


def test_a_category_or_a_group_that_the_shop_shall_not_have_is_left_out(
    run: Run, hold: Callable[..., None]
) -> None:
    hold("price-group", "7", "1001")

    told = run("mapping", "set", "42", "price-group", "7", "-")

    assert told.stderr.splitlines()[-1] == (
        "price-group 7 of sales channel 42 is left out; 1 changes that waited for it go now"
    )
    line = lines(run)["price-group", "7"]
    assert (line["state"], line["shop_value"], line["candidates"]) == ("left-out", "-", [])
    refused = run("mapping", "set", "42", "tax", "1", "-", code=2)
    assert "the shop has no tax -" in refused.stderr


def test_a_unit_is_mapped_to_a_weight(run: Run) -> None:
    refused = run("mapping", "set", "42", "unit", "lb", "pound", code=2)
    assert "a unit of weight is mapped to kg, g or its kilograms" in refused.stderr

    told = run("mapping", "set", "42", "unit", "lb", "0.45359237")
    assert "unit lb was not checked: the ERP offers no list of its units" in told.stderr


def test_languages_are_suggested_by_their_code_and_checked(run: Run) -> None:
    told = run("mapping", "set", "42", "language", "de", "de-de", code=2)
    assert "the shop has no language de-de" in told.stderr

    run("mapping", "set", "42", "language", "de", "Deutsch")
    assert lines(run)["language", "de"]["shop_label"] == "Deutsch"


def test_what_is_missing_is_shown_with_articles_and_what_would_fit(
    run: Run, hold: Callable[..., None]
) -> None:
    hold("tax", "4", "1001", "1002")
    hold("unit", "lb", "1003")
    hold("language", "de", "1004")

    found = lines(run)

    assert found["tax", "4"]["state"] == "missing"
    assert (found["tax", "4"]["held"], found["tax", "4"]["examples"]) == (2, ["1001", "1002"])
    assert found["unit", "lb"]["candidates"] == [{"id": "0.45359237", "label": "0.45359237 kg"}]
    assert [one["label"] for one in found["language", "de"]["candidates"]] == ["Deutsch"]
    table = run("mapping", "list", "acme/42").stdout
    assert "vario-relay mapping set acme/42 unit lb 0.45359237  # 0.45359237 kg" in table


def test_setting_a_mapping_lets_what_waited_go(
    run: Run, here: Here, hold: Callable[..., None]
) -> None:
    hold("unit", "lb", "1001", "1002")

    told = run("mapping", "set", "42", "unit", "lb", "0.45359237")

    assert told.stderr.endswith("in the shop; 2 changes that waited for it go now\n")
    with here.runtime.scope() as session:
        assert set(session.scalars(select(WorkItem.hold_reason))) == {None}


def test_nobody_is_asked_when_told_so(run: Run) -> None:
    run("mapping", "set", "42", "tax", "9", "books", "--unchecked")

    assert lines(run, "--unchecked")["tax", "9"]["state"] == "set"
    assert lines(run)["tax", "9"]["state"] == "not-in-shop"


def test_a_side_that_does_not_answer_is_no_yes(run: Run, shop: dict[str, Any]) -> None:
    requests.post(
        f"{shop['url']}/_sandbox/faults", json={"kind": "500", "count": 9}, timeout=5
    ).raise_for_status()

    refused = run("mapping", "set", "42", "tax", "1", "Standard rate", code=1)
    shown = run("mapping", "list", "42")

    assert "tax Standard rate cannot be checked: the shop did not answer" in refused.stderr
    assert "not checked: the shop did not answer" in shown.stderr
    requests.post(f"{shop['url']}/_sandbox/reset", timeout=5)


def test_a_removed_mapping_is_gone_and_what_is_not_there_cannot_be_removed(run: Run) -> None:
    run("mapping", "set", "42", "tax", "1", "Standard rate")
    run("mapping", "remove", "42", "tax", "1")

    assert taxes(run) == {}
    assert "is not mapped" in run("mapping", "remove", "42", "tax", "1", code=2).stderr


# Files


@pytest.mark.parametrize("name", ["mappings.csv", "mappings.json"])
def test_what_is_exported_is_imported_as_it_was(run: Run, tmp_path: Path, name: str) -> None:
    file, again = tmp_path / name, tmp_path / f"again-{name}"
    run("mapping", "set", "42", "tax", "1", "Standard rate")
    for unit in ('the "big" pound, old', "", "Schachtel; groß"):
        run("mapping", "set", "42", "unit", unit, "2.5")
    run("mapping", "export", "42", str(file))
    for unit in ('the "big" pound, old', "", "Schachtel; groß"):
        run("mapping", "remove", "42", "unit", unit)

    told = run("mapping", "import", "42", str(file))
    run("mapping", "export", "42", str(again))

    assert "4 mappings of sales channel 42 are set, 3 of them are new or different" in told.stderr
    assert again.read_bytes() == file.read_bytes()


def test_a_file_of_a_german_spreadsheet_is_taken(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "steuern.csv"
    file.write_bytes(
        "\ufeffkind;erp_value;shop_value;note\r\ntax;Regelsteuersatz;Standard rate;ok\r\n".encode()
    )

    run("mapping", "import", "42", str(file))

    assert list(taxes(run)) == ["1"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kind,erp_value\ntax,1\n", "line 1: the columns shop_value are missing"),
        ("kind,erp_value,shop_value\ntaxes,1,a\n", "line 2: there is no kind 'taxes'"),
        ("kind,erp_value,shop_value\ntax,1\n", "line 2: kind, erp_value, shop_value must be there"),
        ("kind,erp_value,shop_value\ntax,1,a\ntax,1,b\n", "line 3: tax 1 is there twice"),
        ("kind,erp_value,shop_value\n", "the file holds no mapping"),
        ("kind,erp_value,shop_value\ntax,1,Standard rate\ntax,2,books\n", "has no tax books"),
    ],
)
def test_a_wrong_file_changes_nothing(run: Run, text: str, sentence: str) -> None:
    refused = run("mapping", "import", "42", "-", stdin=text, code=2)

    assert sentence in refused.stderr
    assert taxes(run) == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("{", "is no JSON"), ("{}", "no list of objects"), ('[{"kind": 1}]', "entry 1: ")],
)
def test_a_wrong_json_is_refused(run: Run, text: str, sentence: str) -> None:
    refused = run("mapping", "import", "42", "-", "--format", "json", stdin=text, code=2)

    assert sentence in refused.stderr


def test_the_export_is_a_table_that_spreadsheets_read(run: Run) -> None:
    run("mapping", "set", "42", "unit", "lb", "0.45359237")

    exported = run("mapping", "export", "42", "--kind", "unit").stdout

    assert list(csv.reader(exported.splitlines())) == [
        ["kind", "erp_value", "shop_value"],
        ["unit", "lb", "0.45359237"],
    ]


# Holds by number


def test_an_article_is_held_by_what_people_call_it(
    run: Run, here: Here, erp: dict[str, Any]
) -> None:
    state = requests.get(f"{erp['url']}/_sandbox/state?limit=50", timeout=5).json()
    article = next(one for one in state["articles"] if one["ean"] and one["listed"])

    for name in (article["number"], article["ean"], article["id"]):
        run("queue", "hold", "add", "42", name, "--topic", "stock", "--reason", "recall")
        with here.runtime.scope() as session:
            assert session.scalars(select(ArticleHold.article_id)).all() == [article["id"]]
        run("queue", "hold", "release", "42", name)

    unknown = run("queue", "hold", "add", "42", "no such thing", "--reason", "x", code=2)
    assert "the ERP has no article with the number, EAN or id no such thing" in unknown.stderr
