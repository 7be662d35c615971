"""`doctor` looks at what an install puts right, in the same words, and changes nothing."""

from __future__ import annotations

import pytest

from cli import doctor_tenant
from tests.integration.installing import installing


@pytest.fixture
def world(sqlite_url):
    """Tenant acme, installed, with its running channel 42."""
    with installing(sqlite_url) as found:
        found.install()
        found.add_channel()
        found.refresh()
        yield found


def findings(world):
    """By what is looked at; nothing is written to the ERP."""
    world.writes()
    found = list(doctor_tenant.findings(world.runtime, "acme", world.tenant().id))
    assert world.writes() == {}
    return {one.check.removeprefix("tenant acme "): one for one in found}


def test_after_an_install_all_is_well(world):
    found = findings(world)

    assert {"token", "external-id", "backend", "webhooks", "events"} <= set(found)
    assert [one for one in found.values() if not one.ok] == []


def test_its_words_are_those_of_the_install_report(world):
    steps, found = world.refresh(), findings(world)

    for name in ("external-id", "backend", "webhooks", "events"):
        assert (found[name].detail, found[name].do) == (steps[name]["detail"], steps[name]["do"])


def test_a_missing_custom_field_is_named_and_is_no_fault(world):
    group = world.in_erp("GET", "/cmn/eav-groups/by-key/variorelay")
    world.in_erp("DELETE", f"/cmn/eav-groups/{group['id']}")

    found = findings(world)["external-id"]

    assert found.ok
    assert "is missing" in found.detail
    assert found.do == "let the ERP install the app once more"


def test_an_inactive_backend_is_a_fault(world):
    world.in_erp("PUT", "/erp/sales-channels/backend/7/deactivate", json={})

    found = findings(world)["backend"]

    assert (found.ok, found.detail) == (False, "the sales channel backend 7 is inactive")
    assert "once more" in found.do


def test_webhooks_that_somebody_took_away_are_a_fault_of_a_running_channel(world):
    registered = len(world.registrations())
    one = sorted(world.registrations())[0]
    body = {"destinationQueue": one[0], "url": one[1]}
    world.in_erp("POST", "/cmn/system/app-message-webhook/deregister", json=body)

    found = findings(world)["webhooks"]

    assert not found.ok
    assert found.detail == f"1 of {registered} are not registered in the ERP"
    assert "`vario-relay channel resume`" in found.do


def test_what_the_tenant_does_not_offer_is_a_warning(world):
    world.erp("options", missing_queues=["article-price.create"])

    found = findings(world)["events"]

    assert found.ok
    assert "article-price.create" in found.detail
    assert found.do


def test_a_check_that_fails_stops_no_other(world):
    world.erp("faults", kind="500", route="/cmn/eav-groups", count=1)

    found = findings(world)

    assert not found["external-id"].ok
    assert "answered 500" in found["external-id"].detail
    assert found["backend"].ok
