"""What an app keeps in the ERP: settings, secrets, custom field groups, migrations, log entries."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.erp.errors import invalid, not_found
from sandbox.erp.options import EAV_LISTING_NAMES
from sandbox.erp.tenants import Tenant
from sandbox.erp.world import World, current_tenant, sent_object

OTHER_ENTITIES = {"article", "document", "crmActivity"}
TYPES = {"BOOLEAN", "INTEGER", "TEXT", "DATE", "DATE_TIME", "JSON", "URL", "OBJECT", "ARRAY",
         "CURRENCY", "DECIMAL", "MEMO", "SELECT_SINGLE", "SELECT_MULTI", "VARIANT_ATTRIBUTE"}
VIEW_MODES = {"EDITABLE", "READ_ONLY", "NOT_VISIBLE"}
LOG_LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR", "CONSOLE", "STACKTRACE"}
LOG_ENTRIES = 10_000


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("records", __name__, url_prefix="/api/vario/cmn")
    _settings(routes)
    _secrets(routes)
    _categories(routes)
    _eav_groups(routes, world)
    _remove_data(routes)
    _migrations(routes)
    return routes


def _settings(routes: Blueprint) -> None:
    path = "/apps/<identifier>/settings"

    @routes.get(path)
    def read_settings(identifier: str) -> Any:
        return {"appIdentifier": identifier,
                "custom": current_tenant().settings.get(identifier, {})}

    @routes.post(path)
    def write_settings(identifier: str) -> Any:
        current_tenant().settings[identifier] = sent_object().get("custom") or {}
        return read_settings(identifier)

    @routes.delete(path)
    def delete_settings(identifier: str) -> Response:
        current_tenant().settings.pop(identifier, None)
        return Response(status=200)


def _secrets(routes: Blueprint) -> None:
    @routes.post("/secrets")
    def create_secret() -> Any:
        body, secrets = sent_object(), current_tenant().secrets
        if not isinstance(body.get("name"), str) or not body["name"]:
            raise invalid("name is required.")
        if any(known["name"] == body["name"] for known in secrets.values()):
            raise invalid("A secret with this name exists.")
        return _kept(secrets, body)

    @routes.route("/secrets/<int:identifier>", methods=["GET", "PUT", "DELETE"])
    def secret_by_id(identifier: int) -> Any:
        return _record(current_tenant().secrets, identifier, "The secret", sent_object)

    @routes.route("/secrets/by-name/<name>", methods=["GET", "DELETE"])
    def secret_by_name(name: str) -> Any:
        secrets = current_tenant().secrets
        found = [key for key, known in secrets.items() if known["name"] == name]
        return _record(secrets, found[0] if found else 0, "The secret", sent_object)


def _categories(routes: Blueprint) -> None:
    @routes.get("/category")
    def categories() -> Any:
        labels = current_tenant().categories
        return jsonify([{"id": key, "label": label} for key, label in sorted(labels.items())])


def _eav_groups(routes: Blueprint, world: World) -> None:
    def checked() -> dict[str, Any]:
        return _group(sent_object(), world.options.eav_entity)

    @routes.post("/eav-groups")
    def create_eav_group() -> Any:
        body, groups = checked(), current_tenant().eav_groups
        if not body.get("key") or any(known["key"] == body["key"] for known in groups.values()):
            raise invalid("key is required and must be free.")
        return _kept(groups, {"attributes": [], "entities": [], **body})

    @routes.get("/eav-groups/by-key/<key>")
    def eav_group_by_key(key: str) -> Any:
        for known in list(current_tenant().eav_groups.values()):
            if known["key"] == key:
                return known
        raise not_found(f"The custom field group {key}")

    @routes.route("/eav-groups/<int:identifier>", methods=["GET", "PUT", "DELETE"])
    def eav_group_by_id(identifier: int) -> Any:
        return _record(current_tenant().eav_groups, identifier, "The custom field group", checked)


def _group(body: dict[str, Any], listing_names: str) -> dict[str, Any]:
    """The group with an id for each of its attributes. Raises ApiError."""
    known = OTHER_ENTITIES | (
        set(EAV_LISTING_NAMES) if listing_names == "all" else {listing_names})
    if unknown := set(map(str, body.get("entities") or ())) - known:
        raise invalid(f"Unknown entities: {', '.join(sorted(unknown))}.")
    attributes = body.get("attributes") or []
    if not isinstance(attributes, list) or not all(
            isinstance(one, dict) and one.get("key") for one in attributes):
        raise invalid("Each attribute has a key.")
    for one in attributes:
        if one.get("type", "TEXT") not in TYPES or (
                one.get("viewMode", "EDITABLE") not in VIEW_MODES):
            raise invalid(f"The attribute {one['key']} has an unknown type or viewMode.")
    if not attributes:
        return body
    tenant = current_tenant()
    return {**body, "attributes": [{"id": str(tenant.next_id()), "type": "TEXT", "active": True,
                                    **one} for one in attributes]}


def _remove_data(routes: Blueprint) -> None:
    @routes.post("/eav-groups/<int:identifier>/remove-data")
    def remove_data(identifier: int) -> Response:
        body, tenant = sent_object(), current_tenant()
        group = tenant.eav_groups.get(identifier)
        if group is None:
            raise not_found("The custom field group")
        if not isinstance(body.get("entities"), list):
            raise invalid("entities is a list.")
        named = {one["id"]: one["key"] for one in group["attributes"]}
        wanted = body.get("attributeId")
        if wanted is not None and str(wanted) not in named:
            raise not_found(f"The attribute {wanted}")
        if set(body["entities"]) & set(EAV_LISTING_NAMES):
            _forget(tenant, group["key"], None if wanted is None else named[str(wanted)])
        return Response(status=200)


def _forget(tenant: Tenant, group: str, attribute: str | None) -> None:
    """Take the group, or one attribute of it, out of the custom fields of all listings."""
    with tenant.lock:
        for article in tenant.articles.between():
            for own in article.listings.values():
                if group not in own.custom:
                    continue
                left = {} if attribute is None else {
                    key: value for key, value in own.custom[group].items() if key != attribute}
                own.custom = {**own.custom, group: left}


def _migrations(routes: Blueprint) -> None:
    @routes.post("/system/app-migration")
    def migrate() -> Any:
        body, tenant = sent_object(), current_tenant()
        if not body.get("identifier") or not body.get("appIdentifier"):
            raise invalid("appIdentifier and identifier are required.")
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
        entry, entries = sent_object(), current_tenant().log_entries
        if entry.get("level") not in LOG_LEVELS:
            raise invalid(f"level is one of {', '.join(sorted(LOG_LEVELS))}.")
        entries.append(entry)
        del entries[:-LOG_ENTRIES]
        return Response(status=200)


# --- parts ---------------------------------------------------------------------------------------


def _kept(records: dict[int, dict[str, Any]], body: dict[str, Any]) -> dict[str, Any]:
    identifier = current_tenant().next_id()
    records[identifier] = {**body, "id": str(identifier)}
    return records[identifier]


def _record(records: dict[int, dict[str, Any]], identifier: int, what: str, body: Any) -> Any:
    """Read, replace (by what `body` gives) or delete a record, by the method of the request."""
    if identifier not in records:
        raise not_found(what)
    if request.method == "DELETE":
        del records[identifier]
        return Response(status=200)
    if request.method == "PUT":
        records[identifier] = {**records[identifier], **body(), "id": str(identifier)}
    return records[identifier]
