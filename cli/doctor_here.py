"""Checks of this installation: settings, database, secret key, broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from cli.findings import Finding
from integration import schema, stored_secrets
from integration.errors import UsageError
from integration.observe import masked

if TYPE_CHECKING:
    from cli.shared import Here
    from integration.settings import Settings

_APP_SETTINGS = {
    "RELAY_APP_IDENTIFIER": "app_identifier",
    "RELAY_CLIENT_ID": "client_id",
    "RELAY_CLIENT_SECRET": "client_secret",
}


def settings_findings(here: Here) -> list[Finding]:
    try:
        settings = here.settings
    except UsageError as error:
        return [Finding("settings", False, str(error), "correct them in .env or the environment")]
    return [
        Finding("settings", True, "all settings are understood"),
        _app_credentials(settings),
        _webhook_settings(settings),
    ]


def _app_credentials(settings: Settings) -> Finding:
    missing = [name for name, field in _APP_SETTINGS.items() if not getattr(settings, field)]
    if missing:
        return Finding(
            "app credentials",
            False,
            f"{', '.join(missing)} not set: no ERP can be asked",
            "copy them from the app's page in the ERP's Admin Center into .env",
        )
    return Finding("app credentials", True, f"app {settings.app_identifier}")


def _webhook_settings(settings: Settings) -> Finding:
    from webhooks.auth import Verifier

    try:
        Verifier(settings.app_jwk, settings.app_identifier)
    except UsageError as error:
        return Finding(
            "webhook address",
            False,
            f"{error}: the service does not start",
            "copy the app's public key from the ERP's Admin Center into .env, in single quotes",
        )
    if not settings.public_url:
        return Finding(
            "webhook address",
            True,
            "RELAY_PUBLIC_URL is not set: no webhooks, changes are found by the nightly pass",
            "set RELAY_PUBLIC_URL to where the ERP reaches this service",
        )
    if not settings.app_jwk:
        return Finding(
            "webhook address",
            False,
            "RELAY_APP_JWK is not set: every call of the ERP is refused",
            "copy the app's public key from the ERP's Admin Center into .env",
        )
    return Finding("webhook address", True, f"the ERP calls {settings.public_url}")


def database_findings(here: Here) -> list[Finding]:
    try:
        schema.require_current(here.engine)
    except UsageError as error:
        return [Finding("schema", False, str(error), "do what the sentence says")]
    except SQLAlchemyError as error:
        reason = masked(str(getattr(error, "orig", None) or error).strip().splitlines()[0])
        return [
            Finding("database", False, reason, "start the database, or correct RELAY_DATABASE_URL")
        ]
    kind = here.engine.dialect.name
    return [Finding("schema", True, f"{kind} at {schema.head()}")]


def secret_findings(here: Here) -> list[Finding]:
    try:
        vault = here.runtime.vault
        with here.runtime.scope() as session:
            count = stored_secrets.open_all(session, vault)
    except UsageError as error:
        do = "set RELAY_SECRET_KEY to the key that the secrets were stored with"
        return [Finding("secret key", False, str(error), do)]
    return [Finding("secret key", True, f"opens all {count} stored secrets")]


def broker_finding(here: Here) -> Finding:
    url = here.settings.broker_url
    if url.startswith("memory"):
        return Finding("broker", True, "in memory, within the process of `vario-relay up`")
    from tasks.wake import broker_state

    state = broker_state(url)
    if state != "ok":
        return Finding(
            "broker",
            False,
            f"RabbitMQ is {state}; changes are accepted and wait",
            "start RabbitMQ, or correct RELAY_BROKER_URL",
        )
    return Finding("broker", True, "RabbitMQ answers")
