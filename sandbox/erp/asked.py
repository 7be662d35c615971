"""Reading what a request to /_sandbox asks for. What makes no sense raises ValueError."""

from __future__ import annotations

from typing import Any

from flask import request

from sandbox.erp.tenants import MAIN_TENANT, Tenant
from sandbox.erp.world import World


def object_of(*allowed: str) -> dict[str, Any]:
    """The body, which has no other members than these; any if none are named."""
    return members(request.get_json(silent=True), *allowed)


def members(body: Any, *allowed: str) -> dict[str, Any]:
    """The same of an object within the body."""
    if not isinstance(body, dict):
        raise ValueError("the body is a JSON object")
    if allowed and (unknown := set(body) - set(allowed)):
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    return body


def named_tenant(world: World, named: Any) -> Tenant:
    return world.tenants.get(str(named.get("tenant") or MAIN_TENANT))


def query_number(name: str, default: int) -> int:
    text = request.args.get(name) or str(default)
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{name} is a whole number")
    return int(text)


def flag(body: dict[str, Any], name: str, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise ValueError(f"{name} is true or false")
    return value


def whole(body: dict[str, Any], name: str, default: int) -> int:
    """A whole number, not negative; digits in a text will do."""
    value = body.get(name, default)
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()):
        raise ValueError(f"{name} is a whole number")
    return int(text)
