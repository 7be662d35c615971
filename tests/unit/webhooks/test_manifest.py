"""`GET /manifest`: what is pasted into the ERP's admin centre (vario-erp.md 9)."""

import json
from importlib.metadata import version

import pytest

from tests.engines import engine_at
from tests.unit.webhooks.support import APP, settings_for
from webhooks.app import create_app


@pytest.fixture
def manifest(sqlite_url):
    def get(**changes):
        settings = settings_for(sqlite_url, **changes)
        return create_app(settings, engine_at(sqlite_url)).test_client().get("/manifest")

    yield get
    engine_at(sqlite_url).dispose()


def test_it_names_every_address_below_the_public_one(manifest):
    answer = manifest(RELAY_PUBLIC_URL="https://relay.example/vario/")

    found = answer.json
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert found["appIdentifier"] == APP
    assert found["appVersion"] == version("vario-relay")
    assert found["rootUrl"] == "https://relay.example/vario/"
    assert found["pcInstallationUrl"] == "https://relay.example/vario/install"
    assert found["pcInstallationDeletionUrl"] == "https://relay.example/vario/uninstall"
    assert found["pcManifestUrl"] == "https://relay.example/vario/manifest"
    assert found["uiIntegrations"]["integrations"] == [
        {
            "id": "system.refresh-install",
            "pointOfIntegration": "api",
            "url": "https://relay.example/vario/api/install",
        }
    ]
    assert {"resource": "eav", "verb": "create"} in found["requirements"]["permissions"]
    assert {"label", "description", "shortName", "authorizationVerbs"} <= set(found)


def test_before_the_app_exists_it_has_no_identifier(manifest):
    found = manifest(RELAY_PUBLIC_URL="https://relay.example", RELAY_APP_IDENTIFIER="").json

    assert "appIdentifier" not in found


def test_it_holds_no_secret(manifest):
    settings = {"RELAY_CLIENT_ID": "the-client", "RELAY_CLIENT_SECRET": "the-secret"}

    text = manifest(RELAY_PUBLIC_URL="https://relay.example", **settings).text

    assert "the-secret" not in text
    assert "the-client" not in text


def test_without_a_public_address_it_says_what_to_set(manifest):
    answer = manifest()

    assert (answer.status_code, answer.json["error"]) == (503, "PUBLIC_URL_MISSING")
    assert "RELAY_PUBLIC_URL is not set" in answer.json["message"]
    assert set(json.loads(answer.text)) == {"error", "message"}
