"""What an app keeps in the ERP: registrations, migrations, secrets, settings, custom fields."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.erp import events
from sandbox.erp.errors import ApiError, invalid, not_found
from sandbox.erp.options import EAV_LISTING_NAMES
from sandbox.erp.tenants import Registration
from sandbox.erp.tokens import InvalidToken
from sandbox.erp.world import World, current_tenant

OTHER_ENTITIES = {"article", "document", "crmActivity"}
LOG_ENTRIES = 10_000


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("app", __name__, url_prefix="/api/vario/cmn")
    _webhooks(routes, world)
    _messages(routes, world)
    _tokens(routes, world)
    _settings(routes)
    _secrets(routes)
    _eav_groups(routes, world)
    _system(routes)
    return routes


def _webhooks(routes: Blueprint, world: World) -> None:
    path = "/system/app-message-webhook"

    @routes.get(path + "/destinations")
    def destinations() -> Response:
        return jsonify([{"queue": queue, "owner": None, "description": queue}
                        for queue in events.destinations(current_tenant(),
                                                         world.options.missing_queues)])

    @routes.post(path + "/register")
    def register() -> Response:
        registration, tenant = _registration(world), current_tenant()
        if registration.queue not in events.destinations(tenant, world.options.missing_queues):
            raise not_found(f"The queue {registration.queue}")
        if not tenant.register(registration, twice=world.options.register_twice == "twice") and (
                world.options.register_twice == "409"):
            raise ApiError(409, "This webhook is registered already.", "CONFLICT")
        return Response(status=200)

    @routes.post(path + "/deregister")
    def deregister() -> Response:
        if not current_tenant().deregister(_registration(world)):
            raise not_found("This registration")
        return Response(status=200)


def _registration(world: World) -> Registration:
    body = _object()
    url, queue = body.get("url"), body.get("destinationQueue")
    if not isinstance(queue, str) or not queue:
        raise invalid("destinationQueue is required.")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise invalid("url is an absolute URL.")
    return Registration(queue, url, str(body.get("appIdentifier") or world.tokens.app_identifier))


def _messages(routes: Blueprint, world: World) -> None:
    @routes.post("/system/app-message")
    def send_message() -> Any:
        body = _object()
        queue, event = body.get("destinationQueue"), body.get("event")
        if not isinstance(queue, str) or not isinstance(event, str):
            raise invalid("destinationQueue and event (a text) are required.")
        try:
            payload = json.loads(event)
        except ValueError:
            raise invalid("event is not JSON.") from None
        return _message(world, world.courier.post(current_tenant(), queue, payload).id)

    @routes.get("/system/app-message/<int:message_id>")
    def read_message(message_id: int) -> Any:
        return _message(world, message_id)


def _message(world: World, message_id: int) -> dict[str, Any]:
    message = world.courier.message(message_id)
    if message is None or message.tenant != current_tenant().name:
        raise not_found(f"The message {message_id}")
    return {"id": str(message.id), "destinationQueue": message.queue, "event": message.body,
            "recipients": [{"state": one.state, "sentAttempts": one.attempts,
                            "sentTimestamp": one.sent_at, "response": one.response,
                            "webhook": {"url": one.registration.url}}
                           for one in message.recipients]}


def _tokens(routes: Blueprint, world: World) -> None:
    @routes.post("/apps/<identifier>/refresh-token")
    def refresh(identifier: str) -> Any:
        _own(world, identifier)
        try:
            claims = world.tokens.read_app_token(request.get_data(as_text=True).strip())
        except InvalidToken:
            raise invalid("The body is no app token.") from None
        return {"bearerToken": world.app_token(claims["tenantSubdomain"])}

    @routes.post("/apps/<identifier>/token")
    def issue(identifier: str) -> Any:
        _own(world, identifier)
        return {"bearerToken": world.app_token(current_tenant().name)}

    @routes.get("/apps/installed")
    def installed() -> Response:
        return jsonify([{"identifier": world.tokens.app_identifier, "label": "Vario Relay"}])


def _own(world: World, identifier: str) -> None:
    if identifier != world.tokens.app_identifier:
        raise not_found(f"The app {identifier}")


def _settings(routes: Blueprint) -> None:
    path = "/apps/<identifier>/settings"

    @routes.get(path)
    def read_settings(identifier: str) -> Any:
        return {"appIdentifier": identifier,
                "custom": current_tenant().settings.get(identifier, {})}

    @routes.post(path)
    def write_settings(identifier: str) -> Any:
        current_tenant().settings[identifier] = _object().get("custom") or {}
        return read_settings(identifier)

    @routes.delete(path)
    def delete_settings(identifier: str) -> Response:
        current_tenant().settings.pop(identifier, None)
        return Response(status=200)


def _secrets(routes: Blueprint) -> None:
    @routes.post("/secrets")
    def create_secret() -> Any:
        body, secrets = _object(), current_tenant().secrets
        if any(known["name"] == body.get("name") for known in secrets.values()):
            raise invalid("A secret with this name exists.")
        identifier = current_tenant().next_id()
        secrets[identifier] = {**body, "name": body.get("name"), "id": str(identifier)}
        return secrets[identifier]

    @routes.route("/secrets/<int:identifier>", methods=["GET", "PUT", "DELETE"])
    def secret_by_id(identifier: int) -> Any:
        return _record(current_tenant().secrets, identifier, "The secret")

    @routes.route("/secrets/by-name/<name>", methods=["GET", "DELETE"])
    def secret_by_name(name: str) -> Any:
        secrets = current_tenant().secrets
        found = [key for key, known in secrets.items() if known["name"] == name]
        return _record(secrets, found[0] if found else 0, "The secret")


def _eav_groups(routes: Blueprint, world: World) -> None:
    @routes.post("/eav-groups")
    def create_eav_group() -> Any:
        body, groups = _object(), current_tenant().eav_groups
        names = world.options.eav_entity
        known = OTHER_ENTITIES | (set(EAV_LISTING_NAMES) if names == "all" else {names})
        if unknown := set(body.get("entities") or ()) - known:
            raise invalid(f"Unknown entities: {', '.join(sorted(map(str, unknown)))}.")
        if not body.get("key") or any(known["key"] == body["key"] for known in groups.values()):
            raise invalid("key is required and must be free.")
        identifier = current_tenant().next_id()
        groups[identifier] = {"attributes": [], "entities": [], **body, "id": str(identifier)}
        return groups[identifier]

    @routes.get("/eav-groups/by-key/<key>")
    def eav_group_by_key(key: str) -> Any:
        for known in current_tenant().eav_groups.values():
            if known["key"] == key:
                return known
        raise not_found(f"The custom field group {key}")

    @routes.route("/eav-groups/<int:identifier>", methods=["GET", "PUT", "DELETE"])
    def eav_group_by_id(identifier: int) -> Any:
        return _record(current_tenant().eav_groups, identifier, "The custom field group")


def _record(records: dict[int, dict[str, Any]], identifier: int, what: str) -> Any:
    """Read, replace or delete one of the app's records, by the method of the request."""
    if identifier not in records:
        raise not_found(what)
    if request.method == "DELETE":
        del records[identifier]
        return Response(status=200)
    if request.method == "PUT":
        records[identifier] = {**records[identifier], **_object(), "id": str(identifier)}
    return records[identifier]


def _system(routes: Blueprint) -> None:
    @routes.post("/system/app-migration")
    def migrate() -> Any:
        body, tenant = _object(), current_tenant()
        if not body.get("identifier"):
            raise invalid("identifier is required.")
        identifier = tenant.next_id()
        tenant.migrations[identifier] = {**body, "id": identifier}
        return {**body, "id": str(identifier)}

    @routes.delete("/system/app-migration/<int:identifier>")
    def forget(identifier: int) -> Response:
        if current_tenant().migrations.pop(identifier, None) is None:
            raise not_found(f"The migration {identifier}")
        return Response(status=200)

    @routes.post("/system/log-entries")
    def log() -> Response:
        entries = current_tenant().log_entries
        entries.append(_object())
        del entries[:-LOG_ENTRIES]
        return Response(status=200)

    @routes.get("/systems/licenses/")
    def licenses() -> Response:
        year = datetime.now(UTC).year + 1
        return jsonify([{"licenseKey": "SALES_CHANNEL", "licenseValidTo": f"{year}-12-31"}])

    @routes.get("/users/me")
    def me() -> Any:
        return {"id": "2", "login": "app-user", "label": "App user",
                "tenant": current_tenant().name}


def _object() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ApiError(422, "The body is not a JSON object.", "VALIDATION")
    return body
