"""Webhook registrations are brought to what is wanted."""

from __future__ import annotations

from integration.erp.webhooks import Registration, desired, reconcile, registered

PUBLIC = "http://127.0.0.1:8080"


def _in_the_erp(erp):
    return {(one["queue"], one["url"]) for one in erp.admin("GET", "/registrations")}


def test_reconciling_registers_then_changes_nothing_then_follows_the_channels(erp):
    wanted = desired(["42", "43"], PUBLIC)

    assert set(reconcile(erp.client, erp.app_identifier, PUBLIC, wanted).registered) == wanted
    assert _in_the_erp(erp) == wanted == registered(erp.client, erp.app_identifier)
    assert reconcile(erp.client, erp.app_identifier, PUBLIC, wanted) == ([], [], [])

    fewer = desired(["42"], PUBLIC)
    changes = reconcile(erp.client, erp.app_identifier, PUBLIC, fewer)

    assert changes.registered == []
    assert set(changes.deregistered) == wanted - fewer
    assert _in_the_erp(erp) == fewer


def test_another_installation_of_the_app_is_left_alone(erp):
    foreign = desired(["42"], "http://127.0.0.1:9090")
    reconcile(erp.client, erp.app_identifier, "http://127.0.0.1:9090", foreign)

    reconcile(erp.client, erp.app_identifier, PUBLIC, desired(["42"], PUBLIC))
    reconcile(erp.client, erp.app_identifier, PUBLIC, set())

    assert _in_the_erp(erp) == foreign


def test_a_registration_reaches_the_address_of_its_event(erp):
    reconcile(erp.client, erp.app_identifier, PUBLIC, desired(["42"], PUBLIC))

    queue = "article(sales-channel-id=42).update"
    assert Registration(queue, f"{PUBLIC}/api/webhooks/article.update/42") in registered(
        erp.client, erp.app_identifier
    )
