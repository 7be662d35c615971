"""What a test does to a whole tenant or to the app's credentials, under /_sandbox."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from sandbox.erp.asked import flag, named_tenant, object_of
from sandbox.erp.tenants import Tenant
from sandbox.erp.tokens import SIGNERS
from sandbox.erp.world import World


def add_to(routes: Blueprint, world: World) -> None:
    _tokens(routes, world)
    _availability(routes, world)
    _installation(routes, world)


def _tokens(routes: Blueprint, world: World) -> None:
    @routes.post("/token")
    def token() -> Any:
        body = object_of("tenant", "expires_s", "claims", "signer", "kid")
        expires_s = body.get("expires_s", world.options.app_token_s)
        # A negative lifetime makes a token that has expired already.
        if isinstance(expires_s, bool) or not isinstance(expires_s, (int, float)):
            raise ValueError("expires_s is a number of seconds")
        signer, claims = body.get("signer", "current"), body.get("claims", {})
        if signer not in SIGNERS or not isinstance(claims, dict):
            raise ValueError(f"claims is an object, signer one of {', '.join(SIGNERS)}")
        kid = body.get("kid", "")
        if kid is not None and not isinstance(kid, str):
            raise ValueError("kid is a text, or null for none")
        tenant = named_tenant(world, body).name
        return {"token": world.app_token(tenant, expires_s, claims, signer=signer, kid=kid)}

    @routes.post("/rotate-key")
    def rotate() -> Any:
        return world.tokens.rotate(flag(object_of("keep_old"), "keep_old", True))


def _availability(routes: Blueprint, world: World) -> None:
    @routes.post("/offline")
    def offline() -> Any:
        tenant = named_tenant(world, object_of("tenant"))
        # The event comes first: nobody can be asked afterwards.
        sent = _announced(world, tenant, "tenant.offline")
        tenant.offline = True
        return sent

    @routes.post("/online")
    def online() -> Any:
        tenant = named_tenant(world, object_of("tenant"))
        tenant.offline = False
        return _announced(world, tenant, "tenant.online")


def _announced(world: World, tenant: Tenant, queue: str) -> dict[str, Any]:
    message = world.courier.announce(tenant, queue, {"id": tenant.id})
    return {"tenant": tenant.name, "offline": tenant.offline,
            "recipients": len(message.recipients)}


def _installation(routes: Blueprint, world: World) -> None:
    @routes.post("/tenants")
    def tenants() -> Any:
        return world.credentials(named_tenant(world, object_of("tenant")).name)

    @routes.post("/uninstall")
    def uninstall() -> Any:
        body = object_of("tenant", "keep_webhooks")
        tenant, keeps = named_tenant(world, body), flag(body, "keep_webhooks", False)
        world.tokens.uninstall(tenant.name)
        if not keeps:
            tenant.forget_registrations(world.tokens.app_identifier)
        return {"tenant": tenant.name, "installed": False}

    @routes.post("/reinstall")
    def reinstall() -> Any:
        tenant = named_tenant(world, object_of("tenant"))
        world.tokens.install(tenant.name)
        return world.credentials(tenant.name)
