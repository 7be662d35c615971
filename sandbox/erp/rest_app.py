"""The app itself in the ERP: its tokens, where it is installed, licenses, the acting user."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.erp.errors import invalid, not_found
from sandbox.erp.tokens import InvalidToken
from sandbox.erp.world import World, current_tenant, sent_object


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("app", __name__, url_prefix="/api/vario/cmn")
    _tokens(routes, world)
    _around(routes, world)
    return routes


def _tokens(routes: Blueprint, world: World) -> None:
    @routes.post("/apps/<identifier>/refresh-token")
    def refresh(identifier: str) -> Any:
        _own(world, identifier)
        try:
            claims = world.tokens.read_app_token(request.get_data(as_text=True).strip())
        except InvalidToken:
            raise invalid("The body is no app token.") from None
        if claims.get("tenantSubdomain") != current_tenant().name:
            raise invalid("The app token is of another tenant.")
        return {"bearerToken": world.app_token(current_tenant().name)}

    @routes.post("/apps/<identifier>/token")
    def issue(identifier: str) -> Any:
        _own(world, identifier)
        return {"bearerToken": world.app_token(current_tenant().name)}

    @routes.post("/apps/<identifier>/permitted-token")
    def permit(identifier: str) -> Any:
        _own(world, identifier)
        body = sent_object()
        try:
            until = datetime.fromisoformat(str(body.get("expiresAt")))
        except ValueError:
            raise invalid("expiresAt is a moment in ISO 8601.") from None
        left_s = (until if until.tzinfo else until.replace(tzinfo=UTC)) - datetime.now(UTC)
        claims = {"tokenType": "PERMITTED_TOKEN", "permissions": body.get("permissions") or []}
        return {"bearerToken": world.app_token(current_tenant().name, left_s.total_seconds(),
                                               claims)}


def _own(world: World, identifier: str) -> None:
    if identifier != world.tokens.app_identifier:
        raise not_found(f"The app {identifier}")


def _around(routes: Blueprint, world: World) -> None:
    @routes.get("/apps/installed")
    def installed() -> Response:
        return jsonify([{"identifier": world.tokens.app_identifier, "label": "Vario Relay"}])

    @routes.get("/systems/licenses/")
    def licenses() -> Response:
        if not world.options.channel_license:
            return jsonify([])
        year = datetime.now(UTC).year + 1
        return jsonify([{"licenseKey": "SALES_CHANNEL", "licenseValidTo": f"{year}-12-31"}])

    @routes.get("/users/me")
    def me() -> Any:
        return {"id": "2", "login": "app-user", "label": "App user",
                "tenant": current_tenant().name}
