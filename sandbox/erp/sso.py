"""The token endpoint of the sandbox's identity provider (refresh_token grant only)."""

from __future__ import annotations

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
        lifetime_s = world.options.access_token_s
        return {
            "access_token": world.tokens.access_token(tenant, lifetime_s),
            "expires_in": int(lifetime_s), "refresh_expires_in": 0, "token_type": "Bearer",
            "refresh_token": form["refresh_token"], "scope": "offline_access",
        }

    return routes


def _refused(status: int, error: str, description: str) -> tuple[dict[str, str], int]:
    return {"error": error, "error_description": description}, status
