"""What a test does to a whole tenant or to the app's credentials, under /_sandbox."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from sandbox.erp import channels, events
from sandbox.erp.asked import flag, named_tenant, object_of, whole
from sandbox.erp.model import SHOP_CHANNEL
from sandbox.erp.tenants import Channel, Tenant
from sandbox.erp.tokens import SIGNERS
from sandbox.erp.world import World


def add_to(routes: Blueprint, world: World) -> None:
    _tokens(routes, world)
    _availability(routes, world)
    _installation(routes, world)
    _channels(routes, world)


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


def _channels(routes: Blueprint, world: World) -> None:
    @routes.post("/channel")
    def channel() -> Any:
        body = object_of("tenant", "channel", "label", "active", "delete", "articles")
        tenant = named_tenant(world, body)
        entry, change = _changed(tenant, body)
        message = world.courier.announce(tenant, f"sales_channel.{change}", {"id": entry.id})
        most = whole(body, "articles", 0)
        for article in channels.list_like(tenant, entry.id, SHOP_CHANNEL, most) if most else ():
            world.courier.announce(tenant, *events.listing_event(article, entry.id, "create"))
        return {"id": entry.id, "label": entry.label, "active": entry.active, "change": change,
                "recipients": len(message.recipients)}


def _changed(tenant: Tenant, body: dict[str, Any]) -> tuple[Channel, str]:
    """The channel that was created, updated or deleted, and which of these it was."""
    if "channel" not in body:
        backends = [one.id for one in tenant.backends.values() if one.type == "APP"]
        if not backends:
            raise ValueError("there is no backend of an app for another channel")
        label = str(body.get("label", "Neuer Shop"))
        return channels.create(tenant, label, "ECOMMERCE", backends[0],
                               flag(body, "active", True)), "create"
    entry = tenant.channels.get(whole(body, "channel", 0))
    if entry is None or entry.type == "STORE":
        raise ValueError(f"there is no sales channel of a shop {body['channel']!r}")
    if flag(body, "delete", False):
        channels.delete(tenant, entry.id)
        return entry, "delete"
    entry.label, entry.active = str(body.get("label", entry.label)), flag(
        body, "active", entry.active)
    return entry, "update"


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
