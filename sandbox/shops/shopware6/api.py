"""The Admin API's routes: token, info, sync, search and single rows."""

from __future__ import annotations

import itertools
from typing import Any

from flask import Blueprint, Response, current_app, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter, ValidationError

from . import errors, media, rights, search, states, sync, wire
from .errors import ApiError
from .journal import Operation
from .render import View
from .schema import ENTITIES, SYSTEM_LANGUAGE, Entity
from .shop import Shop
from .store import Row
from .writer import Writer

VERSION = "6.6.7.1"
TOKEN_PATH = "/api/oauth/token"
# Rows with two keys have no route of their own; they are written nested or by sync.
BY_ROUTE = {entity.route: entity for entity in ENTITIES.values() if entity.key == ("id",)}
CONFIG = {
    "version": VERSION, "versionRevision": "",
    "adminWorker": {"enableAdminWorker": True, "enableQueueStatsWorker": True,
                    "enableNotificationWorker": True, "transports": ["async", "low_priority"]},
    "bundles": [],
    "settings": {"enableUrlFeature": True, "appUrlReachable": True, "appsRequireAppUrl": False,
                 "private_allowed_extensions": list(media.EXTENSIONS), "enableHtmlSanitizer": True,
                 "enableStagingMode": False, "disableExtensionManagement": False}}

_request_numbers = itertools.count(1)


class UuidConverter(BaseConverter):
    """An id in a path. Anything else is no route at all, hence a 404 of the router."""

    regex = "[0-9a-f]{32}"


class EntityConverter(BaseConverter):
    """The name of an entity in a path, with hyphens."""

    regex = "[a-z-]+"

    def to_python(self, value: str) -> str:
        if value not in BY_ROUTE:
            raise ValidationError
        return value


def blueprint(shop: Shop) -> Blueprint:
    """All routes under /api."""
    api = Blueprint("shopware_api", __name__, url_prefix="/api")

    @api.before_request
    def close_for_maintenance() -> Response | None:
        return None if shop.maintenance_s is None else wire.maintenance(shop.maintenance_s)

    @api.before_request
    def authorise() -> None:
        if request.path == TOKEN_PATH:
            return
        if shop.faults.take({"token-revoked"}, f"{request.method} {request.path}") is not None:
            shop.tokens.revoke_all()
        shop.tokens.check(request.headers.get("Authorization"))
        g.language = _language(shop)

    @api.post("/oauth/token")
    def token() -> Response:
        body = request.form.to_dict() if request.form else wire.mapping()
        return wire.answer(shop.tokens.issue(body, request.remote_addr or ""))

    @api.get("/_info/version")
    def version() -> Response:
        return wire.answer({"version": VERSION})

    @api.get("/_info/config")
    def config() -> Response:
        return wire.answer(CONFIG)

    @api.post("/_action/sync")
    def sync_rows() -> Response:
        writer = _write(shop, sync.operations_of(wire.body(), shop.has_entity))
        return wire.answer(sync.result_of(writer))

    @api.post("/_action/media/<uuid32:media_id>/upload")
    def upload(media_id: str) -> Response:
        limit = shop.options.upload_limit_bytes
        if limit is not None and (request.content_length or 0) > limit:
            return wire.too_large()
        shop.upload(media_id, media.file_of(request, media_id), request.host_url.rstrip("/"),
                    request_id=_request_id(), route=f"{request.method} {request.path}")
        return _no_content("media", media_id)

    @api.get("/_action/media/provide-name")
    def provide_name() -> Response:
        rights.check(shop.denied, rights.NAMES_OF_FILES)
        name, extension = request.args.get("fileName", ""), request.args.get("extension", "")
        with shop.store.lock:
            free = media.free_name(shop.store, name, extension, request.args.get("mediaId"))
        return wire.answer({"fileName": free})

    _add_transitions(api, shop)
    _add_rows(api, shop)
    return api


def handle(problem: ApiError | HTTPException) -> Response:
    """Refusals, and what the router does not know, in the original's envelope."""
    headers: dict[str, str] = {}
    if isinstance(problem, HTTPException):
        status, detail = problem.code or 500, f'No route found for "{request.method} {request.url}"'
        if isinstance(problem, MethodNotAllowed):
            order = ("GET", "POST", "PATCH", "DELETE")
            allowed = ", ".join(m for m in order if m in (problem.valid_methods or ()))
            detail += f": Method Not Allowed (Allow: {allowed})"
            headers["Allow"] = allowed
        elif status != 404:
            detail = problem.description or problem.name
        problem = errors.plain(status, detail)
    response = wire.answer({"errors": problem.errors}, problem.status)
    response.headers.update({**headers, **problem.headers})
    return response


def _add_rows(api: Blueprint, shop: Shop) -> None:
    """Reading, writing and searching of every entity that has an id of its own.

    One rule for all entities and methods: compiling rules is most of the time a shop takes to
    start.
    """

    @api.route("/<entity:route>", methods=["GET", "POST"])
    def all_rows(route: str) -> Response:
        entity = _entity(shop, route)
        if request.method == "POST":
            return _write_one(shop, entity, wire.mapping(), errors.INSERT)
        return _found(shop, entity, request.args.to_dict())

    @api.route("/<entity:route>/<uuid32:id>", methods=["GET", "PATCH", "DELETE"])
    def one_row(route: str, id: str) -> Response:
        entity = _entity(shop, route)
        if request.method == "PATCH":
            return _write_one(shop, entity, {**wire.mapping(), "id": id}, errors.UPDATE)
        if request.method == "DELETE":
            return _delete_one(shop, entity, id)
        rights.check(shop.denied, rights.to_search(entity, search.Criteria()))
        with shop.store.lock:
            return _shown(_view(shop), entity, _existing(shop, entity, id))

    @api.post("/search/<entity:route>")
    def rows(route: str) -> Response:
        return _found(shop, _entity(shop, route), wire.mapping())

    @api.post("/search-ids/<entity:route>")
    def ids(route: str) -> Response:
        entity, criteria = _entity(shop, route), search.criteria_of(wire.mapping())
        rights.check(shop.denied, rights.to_search(entity, criteria))
        with shop.store.lock:
            found, total = search.find(_view(shop), entity, criteria)
        return wire.answer({"total": total, "data": [row["id"] for row in found]})


def _entity(shop: Shop, route: str) -> Entity:
    """The entity of a route. Raises NotFound for one of a plugin that the shop does not have."""
    entity = BY_ROUTE[route]
    if not shop.has_entity(entity.name):
        raise NotFound
    return entity


def _delete_one(shop: Shop, entity: Entity, row_id: str) -> Response:
    writer = _write(shop, [Operation(entity.name, "delete", [{"id": row_id}], ["/0"])])
    if writer.not_found:
        raise errors.not_found(entity.name, row_id)
    return _no_content(entity.route, row_id)


def _add_transitions(api: Blueprint, shop: Shop) -> None:
    """The steps of orders, deliveries and transactions, and what steps there are."""

    def take(entity: str, id: str, action: str) -> Response:
        state = _transition(shop, entity, id, action)
        with shop.store.lock:
            shown = _view(shop).row(ENTITIES["state_machine_state"], state)
        del shown["apiAlias"]  # a bare row, as only these routes answer it
        return wire.answer(shown)

    def listed(entity: str, id: str) -> Response:
        rights.check(shop.denied, [f"{entity}:read"])
        with shop.store.lock:
            return wire.answer(states.transitions(shop.store, entity, id))

    for entity in states.MACHINES:
        given, path = {"entity": entity}, f"/_action/state-machine/{entity}/<uuid32:id>/state"
        api.add_url_rule(path, f"steps_{entity}", listed, defaults=given)
        api.add_url_rule(f"{path}/<action>", f"machine_step_{entity}", take, methods=["POST"],
                         defaults=given)
        api.add_url_rule(f"/_action/{entity}/<uuid32:id>/state/<action>", f"step_{entity}", take,
                         methods=["POST"], defaults=given)


def _transition(shop: Shop, entity: str, row_id: str, action: str) -> Row:
    return shop.transition(entity, row_id, action, wire.mapping(), request_id=_request_id(),
                           route=f"{request.method} {request.path}")


def _request_id() -> str:
    return request.headers.get("X-Request-Id") or f"r-{next(_request_numbers)}"


def _found(shop: Shop, entity: Entity, body: dict[str, Any]) -> Response:
    criteria = search.criteria_of(body)
    rights.check(shop.denied, rights.to_search(entity, criteria))
    view = _view(shop, criteria)
    with shop.store.lock:
        rows, total = search.find(view, entity, criteria)
        if wire.wants_plain():
            shown: Row = {"total": total, "data": [view.row(entity, row) for row in rows],
                          "aggregations": []}
            return wire.answer(shown)
        meta = {"totalCountMode": criteria.total_mode, "total": total}
        document = view.document(entity, rows, is_list=True, meta=meta)
    return wire.answer(document, content_type=wire.JSON_API)


def _shown(view: View, entity: Entity, row: Row) -> Response:
    if wire.wants_plain():
        return wire.answer({"data": view.row(entity, row)})
    document = view.document(entity, [row], is_list=False, meta={})
    return wire.answer(document, content_type=wire.JSON_API)


def _write_one(shop: Shop, entity: Entity, body: Row, expect: str) -> Response:
    writer = _write(shop, [Operation(entity.name, "upsert", [body], ["/0"], expect)])
    # With nested rows of the same entity (variants) the last one written is named, as observed.
    row_id = list(writer.written[entity.name])[-1]
    if request.args.get("_response") in ("basic", "detail"):
        with shop.store.lock:
            return _shown(_view(shop), entity, _existing(shop, entity, row_id))
    return _no_content(entity.route, row_id)


def _write(shop: Shop, operations: list[Operation]) -> Writer:
    return shop.write(operations, language=g.language, request_id=_request_id(),
                      route=f"{request.method} {request.path}")


def _existing(shop: Shop, entity: Entity, row_id: str) -> Row:
    row = shop.store.get(entity.name, row_id)
    if row is None:
        raise errors.not_found(entity.name, row_id)
    return row


def _view(shop: Shop, criteria: search.Criteria | None = None) -> View:
    criteria = criteria or search.Criteria()
    return View(shop.store, g.language, criteria.includes, criteria.associations,
                request.host_url.rstrip("/"),
                inherits=request.headers.get("sw-inheritance") in ("1", "true"),
                refine=search.refined)


def _language(shop: Shop) -> str:
    wanted = request.headers.get("sw-language-id")
    if wanted is None:
        return SYSTEM_LANGUAGE
    if shop.store.get("language", wanted) is None:
        raise errors.named(412, "FRAMEWORK__LANGUAGE_NOT_FOUND",
                           f'Could not find language with id "{wanted}"',
                           {"entity": "language", "field": "id", "value": wanted})
    return wanted


def _no_content(route: str, row_id: str) -> Response:
    response = current_app.response_class(status=204)
    response.headers["Location"] = f"{request.host_url}api/{route}/{row_id}"
    del response.headers["Content-Type"]
    return response
