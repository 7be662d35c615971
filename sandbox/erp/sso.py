"""The token endpoint of the sandbox's identity provider (refresh_token grant only)."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, request

from sandbox.erp.tokens import InvalidToken
from sandbox.erp.world import World


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("sso", __name__)

    @routes.post("/realms/<realm>/protocol/openid-connect/token")
    def token(realm: str) -> Any:
        # The realm is not compared: one configured address may serve clients of several tenants.
        form = request.form
        if (form.get("client_id"), form.get("client_secret")) != (
                world.tokens.client_id, world.tokens.client_secret):
            return _refused(401, "invalid_client", "Invalid client or Invalid client credentials")
        if form.get("grant_type") != "refresh_token":
            return _refused(400, "unsupported_grant_type", "Unsupported grant_type")
        if world.faults.take({"invalid-grant"}, f"{request.method} {request.path}"):
            return _refused(400, "invalid_grant", "Offline user session not found")
        try:
            tenant = world.tokens.tenant_of_offline(form.get("refresh_token", ""))
        except InvalidToken:
            return _refused(400, "invalid_grant", "Invalid refresh token")
        return _granted(world, tenant, form["refresh_token"])

    return routes


def _granted(world: World, tenant: str, offline_token: str) -> dict[str, Any]:
    options = world.options
    answer: dict[str, Any] = {
        "access_token": world.tokens.access_token(tenant, options.access_token_s),
        "refresh_expires_in": 0, "token_type": "Bearer", "scope": "offline_access",
    }
    if options.token_expires_in != "omitted":
        lifetime_s = int(options.access_token_s)
        in_text = options.token_expires_in == "text"
        answer["expires_in"] = str(lifetime_s) if in_text else lifetime_s
    if options.refresh_token != "omitted":
        is_new = options.refresh_token == "new"
        answer["refresh_token"] = (
            world.tokens.offline_token(tenant, f"/{uuid.uuid4()}") if is_new else offline_token)
    return answer


def _refused(status: int, error: str, description: str) -> tuple[dict[str, str], int]:
    return {"error": error, "error_description": description}, status
